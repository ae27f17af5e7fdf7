#include "dataplane/dp_bench_port.h"

#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE = 2 << 20 };

cv_result dp_bench_frames_init(struct bench_frames *f, unsigned room, uint32_t octets,
                               struct rte_mempool *pool)
{
    memset(f, 0, sizeof *f);
    f->stride = RTE_ALIGN_CEIL(octets + (uint32_t)RTE_ETHER_HDR_LEN, (uint32_t)RTE_CACHE_LINE_SIZE);
    f->room = room;
    f->pool = pool;
    f->len = calloc(room, sizeof *f->len);
    const size_t size = RTE_ALIGN_CEIL((size_t)room * f->stride, (size_t)HUGE);
    f->mem = aligned_alloc(HUGE, size);
    if (f->mem)
        (void)madvise(f->mem, size, MADV_HUGEPAGE); /* a card's DMA has no translation misses of ours */
    if (f->len && f->mem)
        return CV_OK;
    dp_bench_frames_fini(f);
    return CV_ENOMEM;
}

void dp_bench_frames_fini(struct bench_frames *f)
{
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
    to[2 * RTE_ETHER_ADDR_LEN] = RTE_ETHER_TYPE_IPV4 >> 8;
    to[2 * RTE_ETHER_ADDR_LEN + 1] = RTE_ETHER_TYPE_IPV4 & 0xff;
    memcpy(to + RTE_ETHER_HDR_LEN, rte_pktmbuf_mtod(m, const void *), m->data_len);
    f->len[f->count++] = (uint16_t)(m->data_len + RTE_ETHER_HDR_LEN);
    return true;
}

static uint16_t receive(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max,
                        void *ctx)
{
    struct bench_frames *f = ctx;
    unsigned want = RTE_MIN((unsigned)max, f->count - f->next);
    (void)queue, (void)n; /* the port underneath has none */
    if (want == 0)
        return 0;
    if (unlikely(rte_pktmbuf_alloc_bulk(f->pool, pkts, want) != 0)) {
        f->no_mbufs++;
        return 0;
    }
    const uint8_t *from = f->mem + (size_t)f->next * f->stride;
    for (unsigned i = 0; i < want; i++, from += f->stride) {
        struct rte_mbuf *m = pkts[i];
        const uint16_t len = f->len[f->next + i];
        memcpy(rte_pktmbuf_mtod(m, void *), from, len); /* the C library has wide copies at run time */
        m->data_len = len;
        m->pkt_len = len;
        m->port = port;
    }
    f->next += want;
    return (uint16_t)want;
}

cv_result dp_bench_port_feed(uint16_t port_id, uint16_t queue, struct bench_frames *f)
{
    return rte_eth_add_rx_callback(port_id, queue, receive, f) ? CV_OK : CV_EIO;
}
