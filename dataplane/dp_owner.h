/* dp_owner: which worker works on which inbound SA: the table of buckets (the SPI's low bits), and what workers do
 * with packets of a bucket that is on its way from one of them to another.
 *
 * A replay window has one writer: the bucket's owner. How a bucket moves without a lost or reordered packet and without
 * a moment of two writers, step by step:
 *
 *   1. The manager writes the new owner into the table, MOVING. From then on every worker hands packets to the new owner,
 *      which parks them. What had been given to the old owner before, the old owner still works on.
 *   2. A grace period: nobody still acts on the old entry, and what was given to the old owner lies in its inbox.
 *   3. Where a NIC's rule names the old owner's queue, the rule is changed now, and the old owner's receive queues are
 *      waited for: what the NIC put there before is handed on and lies before what comes by the new rule.
 *   4. The old owner's inbox is worked off as far as it was filled, and a second grace period has passed: the old owner
 *      will never touch the bucket's SAs again, and all it did is visible to the manager.
 *   5. All inboxes are worked off as far as they are filled by then, and a third grace period has passed: where somebody transmits for the old
 *      owner, or got packets of the changed rule's from it, what the old one made comes before what the new one makes.
 *   6. The manager tells the new owner (`ready`), which makes the entry plain, works on what it parked in the order of
 *      arrival, and then on what comes.
 *
 * The path reads one octet of a line that changes only in moves. Steps are the manager's: dp_move.h. */
#ifndef DATAPLANE_DP_OWNER_H
#define DATAPLANE_DP_OWNER_H

#include "common/contract.h"
#include "dataplane/dp_meta.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct dp_worker;

enum {
    DP_OWNER_WORKER = 0x0f,        /* bits of an entry */
    DP_OWNER_MOVING = 0x40,        /* the new owner parks, the old one finishes */
    DP_OWNER_READY = 0x80,         /* the old owner is done; the new one has not noticed yet */
    DP_PARK_MAX = 2048,            /* packets of each way in */
    DP_TOLD_LOOK = CV_BUCKETS + 1, /* dp_worker_look */
    DP_TOLD_LEAVE,                 /* its loop ends */
};
static_assert(CV_MAX_WORKERS <= DP_OWNER_WORKER + 1, "owners fit their bits");

struct dp_owners {
    _Alignas(64) uint8_t entry[CV_BUCKETS]; /* the manager's; the new owner's from READY to plain */
    _Alignas(64) uint8_t from[CV_BUCKETS];  /* the old owner, while MOVING; written before the entry */
};

/* Of one worker: packets of the bucket that it is about to get. Its own, but for `ready`. */
struct dp_parked {
    uint32_t
        ready; /* bucket + 1 that may be adopted, or DP_TOLD_*; 0 nothing: set by the manager, taken by the worker */
    unsigned handed_count, own_count, next;
    /* Handed in by others, and received by itself: where a rule of the NIC changed, the first are older. */
    struct rte_mbuf *handed[DP_PARK_MAX], *own[DP_PARK_MAX];
};

/* Bucket b begins with worker b % workers. */
void dp_owners_init(struct dp_owners *o, unsigned workers);
static inline unsigned dp_owner_of(const struct dp_owners *o, unsigned bucket)
{
    return __atomic_load_n(&o->entry[bucket], __ATOMIC_ACQUIRE) & DP_OWNER_WORKER;
}

/* Worker's: it owns the SA of the SPI, with no move under way. */
static inline bool dp_owner_is(const struct dp_owners *o, uint32_t spi, unsigned worker)
{
    return __atomic_load_n(&o->entry[cv_spi_bucket(spi)], __ATOMIC_RELAXED) == worker;
}
/* A packet that was received here and is not of a bucket that dp_owner_is: handed to the owner, or parked. */
void dp_owner_landed(struct dp_worker *w, struct rte_mbuf *m);
/* The same of a packet that another worker handed over; true: it is to be worked on here and now. */
bool dp_owner_handed(struct dp_worker *w, struct rte_mbuf *m);

static inline bool dp_owner_due(const struct dp_parked *p)
{
    return __atomic_load_n(&p->ready, __ATOMIC_RELAXED) != 0;
}
/* Between two turns: the worker does what it was told. A bucket that is ready becomes its own: then dp_owner_unpark until it gives nothing. */
void dp_owner_adopt(struct dp_worker *w);
unsigned dp_owner_unpark(struct dp_parked *p, struct rte_mbuf **pkts, unsigned max);
void dp_owner_abandon(struct dp_parked *p); /* frees what is parked */

/* Counts packets that the owner works on. */
static inline void dp_owner_count(struct cv_steer_counts *c, struct rte_mbuf **pkts, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t *at = &c->worked[cv_spi_bucket(dp_meta(pkts[i])->spi)];
        __atomic_store_n(at, *at + 1, __ATOMIC_RELAXED); /* one writer */
    }
}

#endif
