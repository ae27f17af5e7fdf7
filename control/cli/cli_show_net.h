/* cli_show_net: `show interfaces`, `show ip|ipv6 route`.
 *
 * Read only; text in the layout of IOS (ios-semantics 4.9), or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_NET_H
#define CONTROL_CLI_CLI_SHOW_NET_H

#include "control/cli/cli_call.h"

cli_fn cli_show_interfaces, cli_show_ip_route, cli_show_ipv6_route;

#endif
