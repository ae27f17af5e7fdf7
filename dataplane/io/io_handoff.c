#include "dataplane/io/io_handoff.h"

#include <stdio.h>

cv_result io_inbox_new(struct io_rings *r, unsigned worker)
{
    char name[RTE_RING_NAMESIZE];
    snprintf(name, sizeof name, "inbox%u", worker);
    r->inbox[worker] = rte_ring_create(name, IO_INBOX_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
    return r->inbox[worker] ? CV_OK : CV_ENOMEM;
}

cv_result io_rings_new(struct io_rings *r, unsigned workers)
{
    r->slow = rte_ring_create("slow", IO_SLOW_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
    r->urgent = rte_ring_create("urgent", IO_SLOW_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
    if (!r->slow || !r->urgent)
        return CV_ENOMEM;
    for (unsigned w = 0; w < workers; w++)
        CV_TRY(io_inbox_new(r, w));
    return CV_OK;
}

static void drain(struct rte_ring *ring)
{
    struct rte_mbuf *m;
    while (ring && io_take(ring, &m, 1) == 1)
        rte_pktmbuf_free(m);
    rte_ring_free(ring);
}

void io_inbox_free(struct io_rings *r, unsigned worker)
{
    drain(r->inbox[worker]);
    r->inbox[worker] = NULL;
}

void io_rings_free(struct io_rings *r, unsigned workers)
{
    for (unsigned w = 0; w < workers; w++)
        io_inbox_free(r, w);
    drain(r->urgent);
    drain(r->slow);
    r->urgent = r->slow = NULL;
}
