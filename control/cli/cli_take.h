/* cli_take: values of options and arguments that many commands have. All return false after they have told what is wrong. */
#ifndef CONTROL_CLI_CLI_TAKE_H
#define CONTROL_CLI_CLI_TAKE_H

#include "control/cli/cli_call.h"

/* Of an option that may be absent: out stays as it was then. */
CV_MUST_USE bool cli_take_address(struct cli_call *c, const char *option, struct ip_addr *out);
/* Option `interface`: the whole name, "tu1" is Tunnel1. */
CV_MUST_USE bool cli_take_interface(struct cli_call *c, char out[CV_NAME_MAX]);
/* 1 to 2^32 - 1, decimal or 0x...; what: what the text is not, in a message. */
CV_MUST_USE bool cli_take_number(struct cli_call *c, const char *text, const char *what, uint32_t *out);

#endif
