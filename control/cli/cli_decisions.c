#include "control/cli/cli_decisions.h"

#include <stdio.h>

void cli_decisions_add(struct cli_decisions *d, uint64_t wall_ms, uint32_t conn_id, const char *at,
                       const struct sel_trace *t)
{
    struct cli_decision *n = &d->ring[d->next];
    n->wall_ms = wall_ms;
    n->conn_id = conn_id;
    snprintf(n->at, sizeof n->at, "%s", at);
    n->trace = *t;
    d->next = (d->next + 1) % CLI_DECISIONS_MAX;
    if (d->count < CLI_DECISIONS_MAX)
        d->count++;
}

const struct cli_decision *cli_decisions_get(const struct cli_decisions *d, unsigned n)
{
    if (n >= d->count)
        return NULL;
    return &d->ring[(d->next + CLI_DECISIONS_MAX - 1 - n) % CLI_DECISIONS_MAX];
}
