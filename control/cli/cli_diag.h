/* cli_diag: what the counters of a session say is wrong outside of the two gateways: TS-1 (UDP 500 or 4500 is blocked), TS-2 (ESP is).
 *
 * A guess for people: nothing acts on it. */
#ifndef CONTROL_CLI_CLI_DIAG_H
#define CONTROL_CLI_CLI_DIAG_H

#include "control/cli/cli_call.h"

enum {
    CLI_DIAG_SILENT_MS = 5000,   /* so long nothing comes back, and */
    CLI_DIAG_SENT = 2,           /* so many datagrams were sent meanwhile */
    CLI_DIAG_ONE_WAY_MS = 10000, /* a child so old that has sent */
    CLI_DIAG_PACKETS = 3,        /* so many packets, and got none */
};
struct cli_diag {
    const char *rule; /* "TS-1" */
    char text[512];
};
/* False: nothing to say. */
CV_MUST_USE bool cli_diagnose(struct cli_call *c, const struct ike_session_view *v, struct cli_diag *out);
/* {"rule", "text"} or null. */
json_t *cli_diag_json(struct cli_call *c, const struct ike_session_view *v);

#endif
