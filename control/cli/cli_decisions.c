#include "control/cli/cli_decisions.h"

#include <stdio.h>

void cli_decisions_add(struct cli_decisions *d, uint64_t wall_ms, const struct ike_decided *one)
{
    struct cli_decision *n = &d->ring[d->next];
    n->wall_ms = wall_ms;
    n->conn_id = one->about.conn_id;
    n->version = one->about.version;
    n->peer = one->about.peer;
    n->local = one->about.local;
    snprintf(n->at, sizeof n->at, "%s", one->at);
    n->trace = *one->trace;
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
