/* cli_show_isakmp: `show crypto isakmp sa|key|profile|policy|default policy|peers`.
 *
 * Read only; text in the layout of IOS (ios-semantics 4.9), or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_ISAKMP_H
#define CONTROL_CLI_CLI_SHOW_ISAKMP_H

#include "control/cli/cli_call.h"

cli_fn cli_show_isakmp_sa, cli_show_isakmp_key, cli_show_isakmp_profile, cli_show_isakmp_policy,
    cli_show_isakmp_default_policy, cli_show_isakmp_peers;

#endif
