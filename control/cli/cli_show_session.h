/* cli_show_session: `show crypto session`: tunnels, their IKE SA and their flows.
 *
 * Read only; text in the layout of IOS (ios-semantics 4.9), or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_SESSION_H
#define CONTROL_CLI_CLI_SHOW_SESSION_H

#include "control/cli/cli_call.h"

cli_fn cli_show_session;

#endif
