#include "dataplane/io/io_punt.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_udp.h"

#include <string.h>

enum { NAT_KEEPALIVE = 0xff };

cv_result io_punt_init(struct io_punt *p, struct shm *shm, const int *connected, uint64_t tsc_hz)
{
    memset(p, 0, sizeof *p);
    p->shm = shm;
    p->connected = connected;
    p->initial_rate = io_bucket_rate_make(tsc_hz, IO_PUNT_PER_SECOND, IO_PUNT_BURST);
    p->source_rate = io_bucket_rate_make(tsc_hz, IO_PUNT_SOURCE_PER_SECOND, IO_PUNT_SOURCE_BURST);
    return ip_hash_key_make(&p->key) ? CV_OK : CV_EIO;
}

/* The responder's SPI is zero in the first request alone (RFC 7296 3.1); an initiator that is answered has it. */
static bool is_initial(const uint8_t *ike)
{
    static const uint8_t zero[8];
    return memcmp(ike + 8, zero, sizeof zero) == 0;
}

static bool under_limit(struct io_punt *p, const struct rte_mbuf *m, bool initial, uint64_t now)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    if (initial)
        return io_bucket_take(&p->initial_rate, &p->initial, now);
    uint64_t h = ip_hash_addr(&p->key, meta->l4_src, meta->family, ip_src(m, meta->family));
    return io_bucket_take(&p->source_rate, &p->source[h % IO_PUNT_SOURCES], now);
}

static void endpoint_set(struct ip_endpoint *e, uint8_t family, const uint8_t *addr, uint16_t port)
{
    e->addr = family == IP_V4 ? ip_addr_v4(addr) : ip_addr_v6(addr);
    e->port = port;
}

enum cv_drop io_punt_ike(struct io_punt *p, const struct rte_mbuf *m, uint64_t now)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *data;
    size_t n;
    if (!ip_udp_payload(m, meta->l3_len, &data, &n))
        return CV_DROP_MALFORMED_L4;
    bool natt = meta->l4_dst == IP_PORT_NATT;
    if (natt && n == 1 && data[0] == NAT_KEEPALIVE)
        return CV_DROP_NATT_KEEPALIVE;
    if (natt) {
        static const uint8_t marker[IP_NON_ESP_MARKER];
        if (n < sizeof marker || memcmp(data, marker, sizeof marker) != 0)
            return CV_DROP_MALFORMED_L4;
        data += sizeof marker;
        n -= sizeof marker;
    }
    if (n > CV_IKE_PKT_MAX)
        return CV_DROP_IKE_TOO_LONG;
    if (n < IO_IKE_HEADER)
        return CV_DROP_MALFORMED_L4;
    bool initial = is_initial(data);
    if (!under_limit(p, m, initial, now))
        return CV_DROP_PUNT_LIMIT;
    if (!__atomic_load_n(p->connected, __ATOMIC_ACQUIRE) ||
        (initial && ring_punt_count(p->shm) >= CV_PUNT_SLOTS / 2))
        return CV_DROP_PUNT_FULL;
    endpoint_set(&p->pkt.local, meta->family, ip_dst(m, meta->family), meta->l4_dst);
    endpoint_set(&p->pkt.remote, meta->family, ip_src(m, meta->family), meta->l4_src);
    p->pkt.vrf = meta->vrf;
    p->pkt.flags = natt ? CV_IKE_NATT : 0;
    p->pkt.len = (uint32_t)n;
    p->pkt.if_id = meta->if_in;
    memcpy(p->pkt.data, data, n);
    return ring_punt_put(p->shm, &p->pkt) ? CV_DROP_NONE : CV_DROP_PUNT_FULL;
}

bool io_inject_write(const struct cv_ike_pkt *pkt, struct rte_mbuf *m)
{
    static const uint8_t keepalive = NAT_KEEPALIVE;
    bool alive = pkt->flags & CV_IKE_KEEPALIVE;
    unsigned marker = (pkt->flags & CV_IKE_NATT) && !alive ? IP_NON_ESP_MARKER : 0;
    if (pkt->len > CV_IKE_PKT_MAX || pkt->vrf >= CV_MAX_VRFS || pkt->local.port == 0 || pkt->remote.port == 0)
        return false;
    if (!ip_udp_write(m, &pkt->local, &pkt->remote, marker, alive ? &keepalive : pkt->data,
                      alive ? 1 : pkt->len))
        return false;
    struct dp_meta *meta = dp_meta(m);
    memset(meta, 0, sizeof *meta);
    meta->vrf = pkt->vrf;
    meta->local_out = DP_LOCAL_IKE;
    return true;
}
