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

/* The flow that m belongs to, not valid yet. */
static struct dp_flow *flow_of(struct dp_worker *w, const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    struct dp_flow *f = &w->flow;
    dp_flow_end(w);
    f->vrf = meta->vrf;
    f->family = meta->family;
    f->local_out = meta->local_out;
    memcpy(f->ends, ip_src(m, meta->family), 2 * ip_family_len(meta->family));
    return f;
}

/* A crypto map's flow has none of its own: its packets leave by the port. */
static uint16_t mss_of(const struct dp_worker *w, const struct ip_if *tunnel)
{
    const struct ip_if *port =
        tunnel->kind == CV_IF_FLOW ? ip_if_get(&w->dp->ifs, tunnel->conf.flow_port) : NULL;
    return port ? port->tcp_mss : tunnel->tcp_mss;
}

void dp_flow_learn_tunnel(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *tunnel,
                          struct esp_out_sa *sa, uint32_t mtu)
{
    struct dp_flow *f = flow_of(w, m);
    f->if_id = tunnel->id;
    f->tcp_mss = mss_of(w, tunnel);
    f->sa = sa;
    f->mtu = mtu ? mtu : UINT32_MAX;
    f->valid = true;
}

void dp_flow_learn_port(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *out,
                        const struct ip_nbr *nbr, uint16_t mtu)
{
    struct dp_flow *f = flow_of(w, m);
    const bool v4 = f->family == IP_V4;
    const uint16_t type = rte_cpu_to_be_16(v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
    f->if_id = out->id;
    f->tcp_mss = out->tcp_mss;
    f->sa = NULL;
    f->port = out->port;
    f->mtu = mtu;
    memcpy(f->ether, nbr->mac, 6);
    memcpy(f->ether + 6, out->mac, 6);
    memcpy(f->ether + 12, &type, 2);
    f->valid = true;
}
