/* cli_show_map: `show crypto map`: entries, what their lines have carried, what has come up through dynamic ones, and tunnels' protection as the maps it is on IOS. */
#ifndef CONTROL_CLI_CLI_SHOW_MAP_H
#define CONTROL_CLI_CLI_SHOW_MAP_H

#include "control/cli/cli_call.h"

cli_fn cli_show_map;

#endif
