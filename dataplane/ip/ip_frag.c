#include "dataplane/ip/ip_frag.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_wire.h"

#include <rte_random.h>
#include <string.h>

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    FRAGMENT_HEADER = 8,
    MORE4 = 0x2000,
};

static struct rte_mbuf *piece_new(struct rte_mempool *pool, struct rte_mbuf *whole, uint32_t len)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    if (!m)
        return NULL;
    if (len > UINT16_MAX || !rte_pktmbuf_append(m, (uint16_t)len)) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    *dp_meta(m) = *dp_meta(whole);
    dp_meta(m)->frag = 1;
    dp_meta(m)->l3_total = (uint16_t)len;
    return m;
}

/* Options that are not for every fragment become no-operations (RFC 791 3.1, copied flag). */
static void options_later(uint8_t *ip, uint32_t header)
{
    for (uint32_t i = IP4_HEADER; i < header;) {
        uint32_t len = ip[i] <= 1 || i + 1 >= header ? 1 : ip[i + 1];
        if (ip[i] == 0)
            return;
        if (len < 1 || i + len > header)
            len = header - i;
        if (!(ip[i] & 0x80))
            memset(ip + i, 1, len);
        i += len;
    }
}

/* id: for packets made here that have none until they are cut (RFC 6864 4). */
static void piece4_write(uint8_t *to, const uint8_t *ip, uint32_t header, uint32_t at, uint32_t n, bool last,
                         uint32_t id)
{
    uint32_t flags = ip_get16(ip + 6);
    memcpy(to, ip, header);
    memcpy(to + header, ip + header + at, n);
    ip_put16(to + 2, header + n);
    ip_put16(to + 6, (flags & 0xc000) | ((flags & 0x1fff) + at / 8) | (last ? flags & MORE4 : MORE4));
    if (id != 0)
        ip_put16(to + 4, id & 0xffff);
    if (at != 0)
        options_later(to, header);
    memset(to + 10, 0, 2);
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(to, header, 0));
    memcpy(to + 10, &sum, 2);
}

static void piece6_write(uint8_t *to, const uint8_t *ip, uint32_t id, uint32_t at, uint32_t n, bool last)
{
    memcpy(to, ip, IP6_HEADER);
    ip_put16(to + 4, FRAGMENT_HEADER + n);
    to[6] = IP_NEXT_FRAGMENT;
    uint8_t *f = to + IP6_HEADER;
    f[0] = ip[6];
    f[1] = 0;
    ip_put16(f + 2, at | (last ? 0 : 1));
    memcpy(f + 4, &id, 4);
    memcpy(f + FRAGMENT_HEADER, ip + IP6_HEADER + at, n);
}

/* The identification that pieces of ip get instead of its own; 0: they keep that. In front of AH it is under the ICV (RFC 4302 3.3.3.1.1.1). */
static uint32_t identification_new(const uint8_t *ip, uint8_t made, uint32_t id)
{
    return made != DP_TRANSIT && ip_get16(ip + 4) == 0 && ip[9] != IP_PROTO_AH ? id : 0;
}

static void free_all(struct rte_mbuf **m, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        rte_pktmbuf_free(m[i]);
}

unsigned ip_frag_split(struct rte_mbuf *m, uint16_t mtu, struct rte_mempool *pool,
                       struct rte_mbuf *out[IP_FRAG_MAX])
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const struct dp_meta *meta = dp_meta(m);
    bool v4 = meta->family == IP_V4;
    uint32_t header = v4 ? meta->l3_len : IP6_HEADER, extra = v4 ? 0 : FRAGMENT_HEADER;
    if ((!v4 && meta->l3_len != IP6_HEADER) || mtu < header + extra + 8)
        return 0;
    uint32_t total = m->data_len - header, step = (mtu - header - extra) & ~7u, id = (uint32_t)rte_rand();
    uint32_t id4 = v4 ? identification_new(ip, meta->local_out, id) : 0;
    unsigned n = 0;
    for (uint32_t at = 0; at < total; at += step) {
        uint32_t len = RTE_MIN(step, total - at);
        if (n == IP_FRAG_MAX || !(out[n] = piece_new(pool, m, header + extra + len))) {
            free_all(out, n);
            return 0;
        }
        uint8_t *to = rte_pktmbuf_mtod(out[n], uint8_t *);
        if (v4)
            piece4_write(to, ip, header, at, len, at + len == total, id4);
        else
            piece6_write(to, ip, id, at, len, at + len == total);
        dp_meta(out[n])->l3_len = (uint16_t)(header + extra);
        n++;
    }
    return n;
}
