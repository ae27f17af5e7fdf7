/* cli_decisions: the last selection traces, newest first: why a profile, key, policy or proposal was chosen. */
#ifndef CONTROL_CLI_CLI_DECISIONS_H
#define CONTROL_CLI_CLI_DECISIONS_H

#include "control/ike/ike_env.h"

#include <stdint.h>

enum { CLI_DECISIONS_MAX = 64 };
struct cli_decision {
    uint64_t wall_ms;
    uint32_t conn_id;
    unsigned version;               /* of IKE; 0 not known */
    struct ip_endpoint peer, local; /* IP_NONE: not known */
    char at[32];                    /* "IKE_AUTH" */
    struct sel_trace trace;
};
struct cli_decisions {
    unsigned next, count;
    struct cli_decision ring[CLI_DECISIONS_MAX];
};
void cli_decisions_add(struct cli_decisions *d, uint64_t wall_ms, const struct ike_decided *one);
/* n 0: the newest; NULL past the oldest. */
const struct cli_decision *cli_decisions_get(const struct cli_decisions *d, unsigned n);

#endif
