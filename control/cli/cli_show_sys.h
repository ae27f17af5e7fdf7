/* cli_show_sys: `show platform dataplane`, `show platform memory`, `show running-config`, `show version`.
 *
 * Read only; text in the layout of IOS (ios-semantics 4.9), or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_SYS_H
#define CONTROL_CLI_CLI_SHOW_SYS_H

#include "control/cli/cli_call.h"

cli_fn cli_show_dataplane, cli_show_memory, cli_show_config, cli_show_version;

#endif
