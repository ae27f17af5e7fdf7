#include "dataplane/io/io_punt.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_udp.h"

#include <string.h>

enum { NAT_KEEPALIVE = 0xff };

void io_punt_init(struct io_punt *p, struct shm *shm, const int *connected, uint64_t tsc_hz)
{
    memset(p, 0, sizeof *p);
    p->shm = shm;
    p->connected = connected;
    p->cost = tsc_hz / IO_PUNT_PER_SECOND;
}

static bool over_limit(struct io_punt *p, uint64_t now)
{
    if (p->horizon < now)
        p->horizon = now;
    if (p->horizon - now > p->cost * IO_PUNT_BURST)
        return true;
    p->horizon += p->cost;
    return false;
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
    if (over_limit(p, now))
        return CV_DROP_PUNT_LIMIT;
    if (!__atomic_load_n(p->connected, __ATOMIC_ACQUIRE))
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
