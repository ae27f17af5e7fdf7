/* dp_gate: what a worker may ask of the manager, by class and in time: a flood of one class costs the other
 * classes nothing. Without division on the path.
 *
 * One struct dp_gates per worker; its own lcore only. */
#ifndef DATAPLANE_DP_GATE_H
#define DATAPLANE_DP_GATE_H

#include "dataplane/dp_meta.h"
#include "dataplane/io/io_bucket.h"

enum dp_gate {
    DP_GATE_ARP,
    DP_GATE_ND,
    DP_GATE_RESOLVE_OWN, /* next hops of what is made here: ESP, IKE */
    DP_GATE_RESOLVE,     /* next hops of what others send, for each outgoing interface (modulo) */
    DP_GATE_RESOLVE_LAST = DP_GATE_RESOLVE + 31,
    DP_GATE_LOCAL,   /* for this host: echo requests and the like */
    DP_GATE_ERROR,   /* ICMP errors for this host: path MTU discovery lives by them */
    DP_GATE_TOO_BIG, /* ICMP errors that path MTU discovery lives by (RFC 1191) */
    DP_GATE_TROUBLE, /* the other ICMP errors */
    DP_GATE_OPEN,    /* no limit: bounded by what culvertd asked for */
    DP_GATE_COUNT
};

struct dp_gates {
    struct io_bucket_rate rate[DP_GATE_COUNT];
    uint64_t horizon[DP_GATE_COUNT];
};

void dp_gate_init(struct dp_gates *g, uint64_t tsc_hz);
/* The class of a packet that is to be given to the manager for `what` (metadata filled). */
enum dp_gate dp_gate_of(const struct rte_mbuf *m, enum dp_slow what);
/* False: over the rate of its class. */
bool dp_gate_pass(struct dp_gates *g, enum dp_gate class, uint64_t now);

/* What every other packet waits for: taken by the manager before all else. */
static inline bool dp_gate_is_urgent(enum dp_gate class)
{
    return class <= DP_GATE_RESOLVE_LAST;
}

#endif
