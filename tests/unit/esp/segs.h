/* segs: chains of mbufs with the same octets as a packet in one, cut wherever a seed says. */
#ifndef TESTS_UNIT_ESP_SEGS_H
#define TESTS_UNIT_ESP_SEGS_H

#include "dataplane/dp_chain.h"
#include "dataplane/dp_meta.h"

#include <CUnit/CUnit.h>
#include <rte_mbuf.h>
#include <string.h>

enum { SEGS_SMALL = 320, SEGS_LONG = 10240, SEGS_MOST = DP_CHAIN_MAX - 2 };

static struct rte_mempool *segs_small, *segs_long;
static uint64_t segs_seed = UINT64_C(0x9e3779b97f4a7c15);

static inline uint32_t segs_rnd(uint32_t below)
{
    segs_seed ^= segs_seed << 13;
    segs_seed ^= segs_seed >> 7;
    segs_seed ^= segs_seed << 17;
    return (uint32_t)(segs_seed >> 20) % below;
}

static inline void segs_pools(void)
{
    if (segs_small)
        return;
    segs_small = rte_pktmbuf_pool_create("small", 4095, 0, sizeof(struct dp_meta), SEGS_SMALL, -1);
    segs_long = rte_pktmbuf_pool_create("long", 1023, 0, sizeof(struct dp_meta), SEGS_LONG, -1);
    CU_ASSERT_TRUE_FATAL(segs_small && segs_long);
}

static inline unsigned segs_used(void)
{
    return rte_mempool_in_use_count(segs_small) + rte_mempool_in_use_count(segs_long);
}

/* A segment whose buffer is full of what nobody may see; a later one has its octets anywhere in it. */
static inline struct rte_mbuf *segs_one(const uint8_t *octets, uint32_t len, bool first)
{
    const uint32_t front = first ? RTE_PKTMBUF_HEADROOM : 0;
    struct rte_mbuf *m = rte_pktmbuf_alloc(len + front <= SEGS_SMALL ? segs_small : segs_long);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memset(m->buf_addr, 0xa5, m->buf_len);
    memset(dp_meta(m), 0xee, sizeof(struct dp_meta));
    const uint32_t spare = m->buf_len - front - len;
    m->data_off = (uint16_t)(first ? front : segs_rnd(3) ? spare : segs_rnd(spare + 1));
    m->data_len = (uint16_t)len;
    memcpy(rte_pktmbuf_mtod(m, uint8_t *), octets, len);
    return m;
}

/* At least `shown` octets in the first one. Empty ones only where they may be. */
static inline struct rte_mbuf *segs_of(const uint8_t *octets, uint32_t len, uint32_t shown, bool empties)
{
    static const uint32_t sizes[] = {1, 2, 17, 64, 300, 1500, 2048, 4000, 9000};
    const uint32_t most = sizes[segs_rnd(RTE_DIM(sizes))];
    const uint32_t first = RTE_MIN(len, shown + (segs_rnd(2) ? segs_rnd(40) : segs_rnd(most + 1)));
    struct rte_mbuf *m = segs_one(octets, first, true), *last = m;
    for (uint32_t at = first; at < len;) {
        uint32_t n = segs_rnd(most) + 1;
        if (empties && segs_rnd(8) == 0)
            n = 0;
        if (m->nb_segs == SEGS_MOST - 2 && len - at > 20) /* the end has pieces of its own */
            n = len - at - segs_rnd(20);
        n = m->nb_segs >= SEGS_MOST - 1 ? len - at : RTE_MIN(n, len - at);
        last = last->next = segs_one(octets + at, n, false);
        m->nb_segs++;
        at += n;
    }
    m->pkt_len = len;
    return m;
}

/* The same in one mbuf. */
static inline struct rte_mbuf *segs_whole(const uint8_t *octets, uint32_t len)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(segs_long);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memset(dp_meta(m), 0xee, sizeof(struct dp_meta));
    memcpy(rte_pktmbuf_append(m, (uint16_t)len), octets, len);
    return m;
}

/* Is the chain what it says, and are these its octets? */
static inline bool segs_are(struct rte_mbuf *m, const uint8_t *octets, uint32_t len)
{
    static uint8_t copy[SEGS_LONG];
    if (!dp_chain_sound(m) || m->pkt_len != len || len > sizeof copy)
        return false;
    const void *all = rte_pktmbuf_read(m, 0, len, copy);
    return all && memcmp(all, octets, len) == 0;
}

#endif
