/* io_handoff: the rings between lcores: an inbox per worker (from other workers and the manager), and
 * two rings from all workers to the manager, of which the urgent one (ARP, ND, next hops) is emptied first.
 * Packets carry what is to be done with them in dp_meta.
 *
 * All have many producers, one consumer. Nothing here blocks. */
#ifndef DATAPLANE_IO_IO_HANDOFF_H
#define DATAPLANE_IO_IO_HANDOFF_H

#include "common/contract.h"
#include "common/result.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

enum { IO_INBOX_SLOTS = 2048, IO_SLOW_SLOTS = 2048 };

struct io_rings {
    struct rte_ring *inbox[CV_MAX_WORKERS];
    struct rte_ring *urgent, *slow;
};

CV_MUST_USE cv_result io_rings_new(struct io_rings *r, unsigned workers);
/* The inbox of one more worker, and its end. */
CV_MUST_USE cv_result io_inbox_new(struct io_rings *r, unsigned worker);
void io_inbox_free(struct io_rings *r, unsigned worker);
/* Frees the packets in them, too. */
void io_rings_free(struct io_rings *r, unsigned workers);

/* False: full; the packet stays the caller's. */
static inline bool io_give(struct rte_ring *ring, struct rte_mbuf *m)
{
    return rte_ring_mp_enqueue(ring, m) == 0;
}
static inline unsigned io_take(struct rte_ring *ring, struct rte_mbuf **pkts, unsigned max)
{
    return rte_ring_sc_dequeue_burst(ring, (void **)pkts, max, NULL);
}

#endif
