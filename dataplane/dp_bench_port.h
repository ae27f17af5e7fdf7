/* dp_bench_port: the benchmark's receive: frames that lie ready in plain memory, as a network card's would after
 * its DMA, and a port whose receive burst hands them out once.
 *
 * The port is net_null without packets of its own; a receive callback (rte_eth_add_rx_callback) takes mbufs from
 * the pool in bulk, copies the next frames into them, and returns them. So a worker receives by the same
 * rte_eth_rx_burst as from any port, at the cost of one allocation and one copy per packet. A store belongs to
 * one queue and so to one worker. */
#ifndef DATAPLANE_DP_BENCH_PORT_H
#define DATAPLANE_DP_BENCH_PORT_H

#include "common/result.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct bench_frames {
    uint8_t *mem;      /* room frames of stride octets each */
    uint16_t *len;     /* octets of each frame */
    unsigned room;     /* frames that fit */
    unsigned count;    /* frames in it */
    unsigned next;     /* the one that is handed out next */
    unsigned no_mbufs; /* bursts that found the pool empty */
    uint32_t stride;
    struct rte_mempool *pool;
};

/* Room for `room` frames of at most `octets` each; their mbufs come from pool. CV_ENOMEM. */
CV_MUST_USE cv_result dp_bench_frames_init(struct bench_frames *f, unsigned room, uint32_t octets,
                                           struct rte_mempool *pool);
void dp_bench_frames_fini(struct bench_frames *f);
/* Appends an Ethernet frame: addresses and type, then the data of m, which stays the caller's. False: no room. */
bool dp_bench_frames_add(struct bench_frames *f, const uint8_t dst[6], const uint8_t src[6],
                         const struct rte_mbuf *m);
/* From now on a receive burst on the queue gets f's frames, each once; f must live as long as the port. CV_EIO. */
CV_MUST_USE cv_result dp_bench_port_feed(uint16_t port_id, uint16_t queue, struct bench_frames *f);
/* They come once more. The queue's own lcore. */
static inline void dp_bench_frames_rewind(struct bench_frames *f)
{
    f->next = 0;
}
static inline bool dp_bench_frames_done(const struct bench_frames *f)
{
    return f->next == f->count;
}

#endif
