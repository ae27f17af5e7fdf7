#include "dataplane/dp_inline.h"
#include "common/log.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_transit.h"
#include "dataplane/ip/ip_classify.h"

#include <rte_ether.h>

enum { UDP_LEN = 8 };

/* ---- manager -------------------------------------------------------------------------------------------------------- */
/* By the route to the peer; both directions, as symmetric routes are the rule and the rest is software's. */
static bool port_of_sa(void *ctx, const struct cv_sa *sa, uint16_t *port)
{
    const struct dp *dp = ctx;
    const struct ip_addr *next_hop;
    const struct ip_route *r =
        ip_route_resolve(&dp->routes, sa->vrf_outer, sa->remote.addr.family, sa->remote.addr.b, &next_hop);
    const struct ip_if *out = r && r->kind != IP_ROUTE_LOCAL ? ip_if_get(&dp->ifs, r->if_id) : NULL;
    if (!out || out->kind != CV_IF_PORT)
        return false;
    *port = dp->ports[out->port].id;
    return true;
}

void dp_inline_start(struct dp *dp)
{
    if (!dp_inline_is_on(dp))
        return;
    eng_inline_router(port_of_sa, dp);
    for (unsigned i = 0; i < dp->port_count; i++) {
        struct io_port *p = &dp->ports[i];
        const cv_result r = eng_inline_port_add(p->id, p->name);
        p->security = r != CV_OK                        ? IO_SECURITY_NONE
                      : eng_inline_port_is_whole(p->id) ? IO_SECURITY_WHOLE
                                                        : IO_SECURITY_CRYPTO;
        if (r == CV_OK)
            log_info("port %s: %s encrypts and decrypts what it can (inline %s)", p->name, p->driver,
                     p->security == IO_SECURITY_WHOLE ? "protocol" : "crypto");
        else
            log_warning("port %s: %s does no inline IPsec (%s): software does it", p->name, p->driver,
                        cv_result_text(r));
    }
}

void dp_inline_stop(struct dp *dp)
{
    if (!dp_inline_is_on(dp))
        return;
    eng_inline_ports_remove();
    eng_inline_router(NULL, NULL);
}

static bool tell(void *ctx, const struct cv_sa_event *what, enum cv_evt_type type)
{
    struct dp *dp = ctx;
    struct cv_evt e = {.type = type};
    e.u.sa_event = *what;
    return __atomic_load_n(&dp->connected, __ATOMIC_ACQUIRE) && ring_evt_put(&dp->shm, &e);
}

void dp_inline_tick(struct dp *dp)
{
    if (dp_inline_is_on(dp))
        eng_inline_told(tell, dp);
}

/* ---- worker --------------------------------------------------------------------------------------------------------- */
/* Where a packet in clear would leave: NULL unless that is all a NIC's own, but for a neighbour whom nobody knows yet. With inline
 * protocol (*whole) meta is given the outer family. */
static const struct ip_if *way_of(struct dp_worker *w, struct rte_mbuf *m, const struct dp_hop **hop,
                                  bool *whole)
{
    struct dp_meta *meta = dp_meta(m);
    struct eng_inline_way way = {.around = 0};
    const uint8_t *dst = ip_dst(m, meta->family);
    *whole = eng_inline_whole(m, &way);
    if (*whole) {
        meta->family = way.remote.family;
        meta->vrf = way.vrf;
        dst = way.remote.b;
    }
    const struct dp_hop *h = dp_hop_find(w, meta, dst);
    const struct ip_if *out = h->route && h->route->kind != IP_ROUTE_LOCAL ? h->out : NULL;
    *hop = h;
    if (unlikely(!out || !out->up || out->kind != CV_IF_PORT || m->pkt_len + way.around > h->mtu))
        return NULL;
    if (unlikely(w->dp->ports[out->port].id != eng_inline_port(m) || w->txq[out->port].owner != w->id))
        return NULL;
    return likely(m->data_off >= RTE_ETHER_HDR_LEN) ? out : NULL;
}

/* The neighbour is asked for; the packet, which is in clear and cannot be encrypted here, does not wait for the answer. */
static void ask(struct dp_worker *w, struct rte_mbuf *m, const struct dp_hop *h)
{
    struct dp_meta *meta = dp_meta(m);
    meta->if_out = h->out->id;
    meta->next_hop = h->next_hop             ? *h->next_hop
                     : meta->family == IP_V4 ? ip_addr_v4(h->dst)
                                             : ip_addr_v6(h->dst);
    m->ol_flags &= ~RTE_MBUF_F_TX_SEC_OFFLOAD;
    m->data_len = 0;
    m->pkt_len = 0;
    dp_slow(w, m, DP_SLOW_ASK);
}

/* False: not this way. */
static bool by_nic(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct dp_hop *h;
    bool whole;
    const struct ip_if *out = way_of(w, m, &h, &whole);
    if (unlikely(!out))
        return false;
    if (unlikely(!h->nbr)) {
        if (whole)
            ask(w, m, h);
        return whole;
    }
    const uint32_t len = m->pkt_len;
    dp_link_header(m, out, h->nbr);
    if (unlikely(!eng_inline_ready(w->esp.engine, m, RTE_ETHER_HDR_LEN, meta->l3_len,
                                   meta->udp_encap ? UDP_LEN : 0))) {
        rte_pktmbuf_adj(m, RTE_ETHER_HDR_LEN);
        return false;
    }
    dp_count(&w->if_stats[out->id].tx_packets, 1);
    dp_count(&w->if_stats[out->id].tx_bytes, len);
    dp_frame_out(w, m, out->port);
    return true;
}

static void one_out(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    if (eng_inline_is_clear(m)) {
        if (likely(by_nic(w, m)))
            return;
        if (!eng_inline_soft(w->esp.engine, m, (uint16_t)(meta->l3_len + (meta->udp_encap ? UDP_LEN : 0)))) {
            dp_drop(w, m, CV_DROP_CRYPTO);
            return;
        }
    }
    dp_route_packet(w, m);
}

void dp_inline_out(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        one_out(w, pkts[i]);
}

void dp_inline_refused(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (eng_inline_is_clear(pkts[i]))
            eng_inline_refused(w->esp.engine, pkts[i]);
}
