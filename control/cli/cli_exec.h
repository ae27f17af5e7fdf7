/* cli_exec: commands that change something or wait for something: up, down, rekey, reload. */
#ifndef CONTROL_CLI_CLI_EXEC_H
#define CONTROL_CLI_CLI_EXEC_H

#include "control/cli/cli_call.h"

cli_fn cli_up, cli_down, cli_rekey, cli_reload;

#endif
