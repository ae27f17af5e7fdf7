#include "dataplane/dp_bench_port.h"

#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE = 2 << 20, AHEAD = 4 /* mbufs that are fetched in advance, as drivers do */ };

cv_result dp_bench_frames_init(struct bench_frames *f, unsigned room, uint32_t octets,
                               struct rte_mempool *pool, enum bench_receive receive)
{
    memset(f, 0, sizeof *f);
    f->receive = receive;
    f->stride = RTE_ALIGN_CEIL(octets + (uint32_t)RTE_ETHER_HDR_LEN, (uint32_t)RTE_CACHE_LINE_SIZE);
    f->room = room;
    f->pool = pool;
    f->len = calloc(room, sizeof *f->len);
    const size_t size = RTE_ALIGN_CEIL((size_t)room * f->stride, (size_t)HUGE);
    f->mem = aligned_alloc(HUGE, size);
    if (f->mem)
        (void)madvise(f->mem, size, MADV_HUGEPAGE); /* a card's DMA has no translation misses of ours */
    if (receive == BENCH_DMA)
        f->ring = aligned_alloc(RTE_CACHE_LINE_SIZE, BENCH_RING * sizeof *f->ring);
    if (f->ring)
        memset(f->ring, 0, BENCH_RING * sizeof *f->ring);
    if (f->len && f->mem && (f->ring || receive != BENCH_DMA))
        return CV_OK;
    dp_bench_frames_fini(f);
    return CV_ENOMEM;
}

void dp_bench_frames_fini(struct bench_frames *f)
{
    for (unsigned i = 0; f->ring && i < BENCH_RING; i++)
        rte_pktmbuf_free(f->ring[i].mbuf);
    free(f->ring);
    free(f->len);
    free(f->mem);
    memset(f, 0, sizeof *f);
}

bool dp_bench_frames_add(struct bench_frames *f, const uint8_t dst[6], const uint8_t src[6],
                         const struct rte_mbuf *m)
{
    uint8_t *to = f->mem + (size_t)f->count * f->stride;
    if (f->count == f->room || m->nb_segs != 1 || m->data_len + (uint32_t)RTE_ETHER_HDR_LEN > f->stride)
        return false;
    memcpy(to, dst, RTE_ETHER_ADDR_LEN);
    memcpy(to + RTE_ETHER_ADDR_LEN, src, RTE_ETHER_ADDR_LEN);
    const uint16_t type =
        *rte_pktmbuf_mtod(m, const uint8_t *) >> 4 == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
    to[2 * RTE_ETHER_ADDR_LEN] = (uint8_t)(type >> 8);
    to[2 * RTE_ETHER_ADDR_LEN + 1] = (uint8_t)type;
    memcpy(to + RTE_ETHER_HDR_LEN, rte_pktmbuf_mtod(m, const void *), m->data_len);
    f->len[f->count++] = (uint16_t)(m->data_len + RTE_ETHER_HDR_LEN);
    return true;
}

static void copy(void *to, const struct bench_frames *f, unsigned frame)
{
    memcpy(to, f->mem + (size_t)frame * f->stride,
           f->len[frame]); /* the C library has wide copies at run time */
}

/* ---- as from a card ------------------------------------------------------------------------------------------- */
/* What a driver writes into the mbufs it gives to its card: one word. */
static uint64_t rearm_word(uint16_t port)
{
    struct rte_mbuf m = {.data_off = RTE_PKTMBUF_HEADROOM, .nb_segs = 1, .port = port};
    uint64_t word;
    rte_mbuf_refcnt_set(&m, 1);
    memcpy(&word, (const uint8_t *)&m + offsetof(struct rte_mbuf, data_off), sizeof word);
    return word;
}
static_assert(offsetof(struct rte_mbuf, port) + sizeof(uint16_t) - offsetof(struct rte_mbuf, data_off) == 8,
              "one word");

static void arm(const struct bench_frames *f, struct bench_descriptor *d, struct rte_mbuf *m)
{
    memcpy((uint8_t *)m + offsetof(struct rte_mbuf, data_off), &f->rearm, sizeof f->rearm);
    d->mbuf = m;
    d->address = (uint64_t)(uintptr_t)m->buf_addr + RTE_PKTMBUF_HEADROOM;
    d->done = 0;
}

static bool ring_start(struct bench_frames *f, uint16_t port)
{
    struct rte_mbuf *fresh[BENCH_RING];
    f->rearm = rearm_word(port);
    if (rte_mempool_get_bulk(f->pool, (void **)fresh, BENCH_RING) != 0)
        return false;
    for (unsigned i = 0; i < BENCH_RING; i++)
        arm(f, &f->ring[i], fresh[i]);
    return true;
}

bool dp_bench_frames_refill(struct bench_frames *f)
{
    const unsigned left = f->count - f->next;
    if (f->receive == BENCH_COPY) {
        f->ready = left;
        return left > 0;
    }
    f->ready = RTE_MIN(left, (unsigned)BENCH_RING);
    for (unsigned i = 0; i < f->ready; i++) {
        struct bench_descriptor *d = &f->ring[(f->head + i) % BENCH_RING];
        copy((void *)(uintptr_t)d->address, f, f->next + i);
        d->len = f->len[f->next + i];
        d->done = 1;
    }
    return f->ready > 0;
}

static uint16_t take(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max,
                     void *ctx)
{
    struct bench_frames *f = ctx;
    struct rte_mbuf *fresh[UINT8_MAX];
    const unsigned want = RTE_MIN(RTE_MIN((unsigned)max, (unsigned)UINT8_MAX), f->ready);
    (void)port, (void)queue, (void)n; /* the port underneath has none */
    if (want == 0)
        return 0;
    if (unlikely(rte_mempool_get_bulk(f->pool, (void **)fresh, want) != 0)) {
        f->no_mbufs++;
        return 0;
    }
    for (unsigned i = 0; i < want; i++) {
        struct bench_descriptor *d = &f->ring[(f->head + i) % BENCH_RING];
        struct rte_mbuf *m = d->mbuf;
        rte_prefetch0(f->ring[(f->head + i + AHEAD) % BENCH_RING].mbuf);
        if (unlikely(!d->done)) /* a card that is not ready yet; here it always is */
            abort();
        m->ol_flags = 0;
        m->packet_type = 0;
        m->pkt_len = d->len;
        m->data_len = (uint16_t)d->len;
        pkts[i] = m;
        arm(f, d, fresh[i]);
    }
    f->head = (f->head + want) % BENCH_RING;
    f->next += want;
    f->ready -= want;
    return (uint16_t)want;
}

/* ---- as from a software port ------------------------------------------------------------------------------------ */
static uint16_t receive_copies(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
                               uint16_t max, void *ctx)
{
    struct bench_frames *f = ctx;
    const unsigned want = RTE_MIN((unsigned)max, f->ready);
    (void)queue, (void)n; /* the port underneath has none */
    if (want == 0)
        return 0;
    if (unlikely(rte_pktmbuf_alloc_bulk(f->pool, pkts, want) != 0)) {
        f->no_mbufs++;
        return 0;
    }
    for (unsigned i = 0; i < want; i++) {
        struct rte_mbuf *m = pkts[i];
        const uint16_t len = f->len[f->next + i];
        copy(rte_pktmbuf_mtod(m, void *), f, f->next + i);
        m->data_len = len;
        m->pkt_len = len;
        m->port = port;
    }
    f->next += want;
    f->ready -= want;
    return (uint16_t)want;
}

cv_result dp_bench_port_feed(uint16_t port_id, uint16_t queue, struct bench_frames *f)
{
    if (f->receive == BENCH_DMA && !ring_start(f, port_id))
        return CV_ENOMEM;
    return rte_eth_add_rx_callback(port_id, queue, f->receive == BENCH_DMA ? take : receive_copies, f)
               ? CV_OK
               : CV_EIO;
}
