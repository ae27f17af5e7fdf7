/* cli_show_ikev2_conf: `show crypto ikev2 profile|policy|proposal`: what is configured, in the layout of IOS, or JSON. */
#ifndef CONTROL_CLI_CLI_SHOW_IKEV2_CONF_H
#define CONTROL_CLI_CLI_SHOW_IKEV2_CONF_H

#include "control/cli/cli_call.h"

cli_fn cli_show_ikev2_profile, cli_show_ikev2_policy, cli_show_ikev2_proposal;

#endif
