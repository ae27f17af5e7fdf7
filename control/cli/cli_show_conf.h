/* cli_show_conf: `show crypto ipsec profile|transform-set`, `show access-lists`, `show vrf`: what is configured,
 * in the layout of IOS, or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_CONF_H
#define CONTROL_CLI_CLI_SHOW_CONF_H

#include "control/cli/cli_call.h"

cli_fn cli_show_ipsec_profile, cli_show_transform_set, cli_show_acl, cli_show_vrf;

#endif
