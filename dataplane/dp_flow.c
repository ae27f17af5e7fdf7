#include "dataplane/dp_flow.h"
#include "dataplane/dp_drop.h"

void dp_flow_end(struct dp_worker *w)
{
    struct dp_flow *f = &w->flow;
    f->valid = false;
    if (f->packets == 0)
        return;
    dp_count(&w->if_stats[f->if_id].tx_packets, f->packets);
    dp_count(&w->if_stats[f->if_id].tx_bytes, f->bytes);
    f->packets = f->bytes = 0;
}

/* f: a copy of the worker's flow, and q the vector of its port. */
static inline unsigned run(const struct dp_flow *f, struct dp_txq *q, struct rte_mbuf **pkts, unsigned n,
                           uint64_t *bytes, bool transit)
{
    struct rte_mbuf **out = q->pkts + q->count;
    unsigned i;
    for (i = 0; i < n; i++) {
        struct rte_mbuf *m = pkts[i];
        if (unlikely(!dp_flow_takes(f, m, dp_meta(m))))
            break;
        if (transit)
            ip_ttl_lower(rte_pktmbuf_mtod(m, uint8_t *), f->family);
        *bytes += m->pkt_len;
        dp_ether_put(m, f->ether);
        out[i] = m;
    }
    return i;
}

unsigned dp_flow_run(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    const struct dp_flow f = w->flow;
    struct dp_txq *q = &w->txq[f.port];
    uint64_t bytes = 0;
    if (!f.valid || f.sa || f.tcp_mss || q->owner != w->id)
        return 0;
    n = RTE_MIN(n, (unsigned)(IO_BURST - q->count));
    n = f.transit ? run(&f, q, pkts, n, &bytes, true) : run(&f, q, pkts, n, &bytes, false);
    q->count = (uint16_t)(q->count + n);
    w->flow.packets += n;
    w->flow.bytes += bytes;
    return n;
}

void dp_flow_route_all(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    for (unsigned i = 0; i < n;) {
        i += dp_flow_run(w, pkts + i, n - i);
        if (i < n)
            dp_flow_route(w, pkts[i++]);
    }
}

/* The flow that m belongs to, not valid yet. */
static struct dp_flow *flow_of(struct dp_worker *w, const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    struct dp_flow *f = &w->flow;
    dp_flow_end(w);
    f->kind = dp_meta_kind(meta);
    f->family = meta->family;
    f->transit = meta->local_out == DP_TRANSIT;
    memcpy(f->ends, ip_src(m, meta->family), 2 * ip_family_len(meta->family));
    return f;
}

/* A crypto map's flow is told its port's. The port has the last word all the same: the two are set one after the other. */
uint16_t dp_flow_mss(const struct dp_worker *w, const struct ip_if *tunnel, uint8_t family)
{
    const struct ip_if *port =
        tunnel->kind == CV_IF_FLOW ? ip_if_get(&w->dp->ifs, tunnel->conf.flow_port) : NULL;
    return ip_mss_of(port ? port->tcp_mss : tunnel->tcp_mss, family);
}

void dp_flow_learn_tunnel(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *tunnel,
                          struct esp_out_sa *sa, uint32_t mtu)
{
    struct dp_flow *f = flow_of(w, m);
    f->if_id = tunnel->id;
    f->tcp_mss = dp_flow_mss(w, tunnel, f->family);
    f->sa = sa;
    f->mtu = mtu ? mtu : UINT32_MAX;
    f->valid = true;
}

void dp_flow_learn_decided(struct dp_worker *w, const struct rte_mbuf *m, const struct dp_decision *d)
{
    struct dp_flow *f = flow_of(w, m);
    f->if_id = d->if_id;
    f->tcp_mss = d->tcp_mss;
    f->sa = d->sa;
    f->mtu = d->mtu;
    f->valid = true;
}

void dp_flow_learn_port(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *out,
                        const struct ip_nbr *nbr, uint16_t mtu)
{
    struct dp_flow *f = flow_of(w, m);
    const bool v4 = f->family == IP_V4;
    const uint16_t type = rte_cpu_to_be_16(v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
    f->if_id = out->id;
    f->tcp_mss = ip_mss_of(out->tcp_mss, f->family);
    f->sa = NULL;
    f->port = out->port;
    f->mtu = mtu;
    memcpy(f->ether, nbr->mac, 6);
    memcpy(f->ether + 6, out->mac, 6);
    memcpy(f->ether + 12, &type, 2);
    f->valid = true;
}
