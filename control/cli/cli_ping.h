/* cli_ping: ICMP echo requests through the data plane, one at a time, in the manner of IOS. */
#ifndef CONTROL_CLI_CLI_PING_H
#define CONTROL_CLI_CLI_PING_H

#include "control/cli/cli_call.h"

cli_fn cli_ping;
/* An echo answer or error; ignored when it is not this call's. */
void cli_ping_event(struct cli_call *c, const struct cv_ping_evt *e);

#endif
