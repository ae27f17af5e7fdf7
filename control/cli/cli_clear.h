/* cli_clear: `clear crypto session|isakmp|ikev2 sa|sa|sa counters|sa entry`. */
#ifndef CONTROL_CLI_CLI_CLEAR_H
#define CONTROL_CLI_CLI_CLEAR_H

#include "control/cli/cli_call.h"

cli_fn cli_clear_session, cli_clear_isakmp, cli_clear_ikev2_sa, cli_clear_ipsec_sa, cli_clear_ipsec_counters,
    cli_clear_ipsec_entry;

#endif
