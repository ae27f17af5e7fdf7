#include "control/cli/cli_if.h"

#include <string.h>

void cli_if_sum(struct cli_call *c, const char *name, struct cv_if_stats *out)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    const uint32_t id = c->env->if_id(c->env->ctx, name);
    memset(out, 0, sizeof *out);
    if (!s || id == 0 || id >= CV_MAX_IFS)
        return;
    const unsigned ever = shm_workers_ever(s);
    for (unsigned w = 0; w <= ever; w++) { /* the last is the manager's */
        const struct cv_if_stats *n = shm_if_stats(s, w < ever ? w : s->workers, id);
        out->rx_packets += n->rx_packets;
        out->rx_bytes += n->rx_bytes;
        out->tx_packets += n->tx_packets;
        out->tx_bytes += n->tx_bytes;
    }
}

void cli_if_json(const struct cv_if_stats *n, json_t *o)
{
    json_object_set_new(o, "rx_packets", json_integer((json_int_t)n->rx_packets));
    json_object_set_new(o, "rx_bytes", json_integer((json_int_t)n->rx_bytes));
    json_object_set_new(o, "tx_packets", json_integer((json_int_t)n->tx_packets));
    json_object_set_new(o, "tx_bytes", json_integer((json_int_t)n->tx_bytes));
}
