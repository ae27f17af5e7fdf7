/* cli_debug_cmd: the commands around `debug crypto`: following and no longer following, and `debug crypto condition`.
 *
 * Their answers; cli_debug.h has the lines themselves, cli_server.h who gets them. */
#ifndef CONTROL_CLI_CLI_DEBUG_CMD_H
#define CONTROL_CLI_CLI_DEBUG_CMD_H

#include "control/cli/cli_call.h"

/* cli_debug goes on until the client hangs up, its `seconds` are over or somebody says undebug; in the shell it ends at once and the lines go on. */
cli_fn cli_debug, cli_undebug, cli_debug_condition, cli_show_debugging, cli_show_debug_condition;

#endif
