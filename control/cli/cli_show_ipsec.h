/* cli_show_ipsec: `show crypto ipsec sa`.
 *
 * Read only; text in the layout of IOS (ios-semantics 4.9), or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_IPSEC_H
#define CONTROL_CLI_CLI_SHOW_IPSEC_H

#include "control/cli/cli_call.h"

cli_fn cli_show_ipsec_sa;

#endif
