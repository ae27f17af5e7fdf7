/* dp_bench_port: the benchmark's receive: frames that lie ready in memory, and a port whose receive burst hands them
 * out once.
 *
 * The port is net_null without packets of its own; a receive callback (rte_eth_add_rx_callback) hands out the frames,
 * so that a worker receives by the same rte_eth_rx_burst as from any port. There are two kinds:
 *
 * BENCH_DMA does what a network card's driver does. A ring of descriptors holds mbufs; outside the clock the frames
 * are copied into them, as the card does by itself; in the clock a burst takes the filled mbufs, writes length and
 * flags from their descriptors, and gives every descriptor a fresh mbuf from the pool. The ring's packets are far more
 * than the first-level cache holds, and their buffers were last touched a whole ring ago: data comes from the second
 * level or from behind it, where a card with direct cache access leaves it at best.
 *
 * BENCH_COPY allocates and copies in the clock: a software port's receive (af_packet, memif). The copy brings the
 * packet into the first-level cache, and costs what no processor pays for a card.
 *
 * A store belongs to one queue and so to one worker. */
#ifndef DATAPLANE_DP_BENCH_PORT_H
#define DATAPLANE_DP_BENCH_PORT_H

#include "common/result.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

enum bench_receive { BENCH_DMA, BENCH_COPY };

enum { BENCH_RING = 512 /* descriptors, as drivers have by default */ };

struct bench_descriptor {
    struct rte_mbuf *mbuf; /* the driver's: whose buffer it is */
    uint64_t address;      /* the card's: where it writes */
    uint32_t len;          /* ... and what it wrote */
    uint32_t done;
};

struct bench_frames {
    uint8_t *mem;      /* room frames of stride octets each */
    uint16_t *len;     /* octets of each frame */
    unsigned room;     /* frames that fit */
    unsigned count;    /* frames in it */
    unsigned next;     /* the one that is handed out next */
    unsigned ready;    /* how many may be handed out from there on, until the next refill */
    unsigned no_mbufs; /* bursts that found the pool empty */
    uint32_t stride;
    struct rte_mempool *pool;
    enum bench_receive receive;
    unsigned head;  /* descriptor of `next` */
    uint64_t rearm; /* an mbuf's data offset, reference count, segments and port, as they stand in it */
    struct bench_descriptor *ring; /* BENCH_RING of them; NULL with BENCH_COPY */
};

/* Room for `room` frames of at most `octets` each; their mbufs come from pool. CV_ENOMEM. */
CV_MUST_USE cv_result dp_bench_frames_init(struct bench_frames *f, unsigned room, uint32_t octets,
                                           struct rte_mempool *pool, enum bench_receive receive);
void dp_bench_frames_fini(struct bench_frames *f);
/* Appends an Ethernet frame: addresses and type, then the data of m, which stays the caller's. False: no room. */
bool dp_bench_frames_add(struct bench_frames *f, const uint8_t dst[6], const uint8_t src[6],
                         const struct rte_mbuf *m);
/* From now on a receive burst on the queue gets f's frames, each once; f must live as long as the port. CV_EIO. */
CV_MUST_USE cv_result dp_bench_port_feed(uint16_t port_id, uint16_t queue, struct bench_frames *f);
/* They come once more. The queue's own lcore. */
static inline void dp_bench_frames_rewind(struct bench_frames *f)
{
    f->next = f->ready = 0;
}
/* The card's part, outside the clock: up to a ring of the next frames is there. False: all have been handed out, or the
 * pool is empty. The queue's own lcore. */
bool dp_bench_frames_refill(struct bench_frames *f);

#endif
