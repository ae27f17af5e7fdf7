/* cli_show_ike: `show crypto ikev2 sa|session|stats`, `show crypto decisions`.
 *
 * Read only; text in the layout of IOS (ios-semantics 4.9), or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_IKE_H
#define CONTROL_CLI_CLI_SHOW_IKE_H

#include "control/cli/cli_call.h"

cli_fn cli_show_ikev2_sa, cli_show_ikev2_session, cli_show_ikev2_stats, cli_show_decisions;

#endif
