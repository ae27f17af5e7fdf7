/* cli_show: what `show` commands print, as text in the layout of IOS (ios-semantics 4.9) and as JSON. Read only. */
#ifndef CONTROL_CLI_CLI_SHOW_H
#define CONTROL_CLI_CLI_SHOW_H

#include "control/cli/cli_call.h"

cli_fn cli_show_session, cli_show_ipsec_sa;                         /* cli_show_session.c, cli_show_ipsec.c */
cli_fn cli_show_ikev2_sa, cli_show_ikev2_stats, cli_show_decisions; /* cli_show_ike.c */
cli_fn cli_show_interfaces, cli_show_ip_route, cli_show_ipv6_route; /* cli_show_net.c */
cli_fn cli_show_dataplane, cli_show_config, cli_show_version;       /* cli_show_sys.c */

#endif
