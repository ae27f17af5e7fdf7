/* dp_clock: where the cycles of a worker's loop go, stage by stage; for `--bench --stages`.
 *
 * A worker that has a clock reads the TSC where a burst passes from one stage to the next; others pay one
 * predicted branch there, per burst and not per packet. Out-of-order execution lets the first instructions of
 * a stage begin in the one before: a few cycles per burst are told of the neighbour. */
#ifndef DATAPLANE_DP_CLOCK_H
#define DATAPLANE_DP_CLOCK_H

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <stdint.h>

/* X(id, name): in the order in which a packet meets them. */
#define DP_CLOCK_STAGE_LIST(X)                                                                               \
    X(RECEIVE, "receive")   /* the driver's receive burst */                                                 \
    X(CLASSIFY, "classify") /* headers checked, SA looked up; what came in clear is routed at once */        \
    X(BUILD, "esp_build")   /* out: headers and trailer; in: length, number, replay window */                \
    X(CRYPTO, "crypto")     /* the engine */                                                                 \
    X(FINISH, "esp_finish") /* in: window, trailer, inner packet, selectors; both: counters */               \
    X(ROUTE, "route")       /* of decapsulated packets, and of outer ones */                                 \
    X(TRANSMIT, "transmit") /* the driver's transmit burst, which frees what has been sent */

enum dp_clock_stage {
#define DP_CLOCK_ENUM(id, name) DP_CLOCK_##id,
    DP_CLOCK_STAGE_LIST(DP_CLOCK_ENUM)
#undef DP_CLOCK_ENUM
        DP_CLOCK_STAGES
};

struct dp_clock {
    uint64_t last;                    /* TSC of the last mark */
    uint64_t cycles[DP_CLOCK_STAGES]; /* since the owner zeroed them */
};

/* A turn begins. c may be NULL. */
static inline void dp_clock_start(struct dp_clock *c)
{
    if (unlikely(c))
        c->last = rte_rdtsc();
}

/* What passed since the last mark was spent in stage s. */
static inline void dp_clock_mark(struct dp_clock *c, enum dp_clock_stage s)
{
    if (likely(!c))
        return;
    const uint64_t now = rte_rdtsc();
    c->cycles[s] += now - c->last;
    c->last = now;
}

#endif
