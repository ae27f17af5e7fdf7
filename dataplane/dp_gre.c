#include "dataplane/dp_gre.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_policy.h"
#include "dataplane/dp_reass.h"
#include "dataplane/dp_transit.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_frag.h"
#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_mss.h"

#include <rte_ether.h>

/* ---- out ----------------------------------------------------------------------------------------------------- */
/* The outer packet of a tunnel must not go into one again, nor IKE into the tunnel it is to set up. */
static bool is_loop(const struct rte_mbuf *m, const struct dp_meta *meta, const struct ip_if *tunnel)
{
    if (meta->local_out == DP_LOCAL_ESP || dp_local_is_gre(meta->local_out))
        return true;
    const struct ip_addr *far = &tunnel->conf.tunnel_dst;
    return meta->local_out == DP_LOCAL_IKE && far->family == meta->family &&
           tunnel->tunnel_vrf == meta->vrf && ip_same_addr(far->b, ip_dst(m, meta->family), meta->family);
}

/* Newest first: the SA that takes the tunnel's GRE packets. They differ in nothing that selectors can name. */
static const struct dp_tunnel_sa *sa_of(const struct dp_tunnel *t, const struct ip_gre_head *h)
{
    return dp_pick_octets(t, h->octets, h->l3_len, h->family);
}

static uint16_t mtu_of(const struct dp_worker *w, const struct ip_if *tunnel, const struct dp_tunnel_sa *s)
{
    const uint16_t outer = __atomic_load_n(s ? &s->inner_mtu : &w->dp->gre_mtu[tunnel->id], __ATOMIC_RELAXED);
    const uint16_t inner = outer > tunnel->gre_head.len ? (uint16_t)(outer - tunnel->gre_head.len) : 0;
    return tunnel->mtu != 0 && (inner == 0 || tunnel->mtu < inner) ? tunnel->mtu : inner;
}

static const struct dp_gre_way *way_find(struct dp_worker *w, const struct ip_if *tunnel)
{
    struct dp_gre_way *way = &w->gre;
    if (way->tunnel == tunnel)
        return way;
    const struct dp_tunnel *t = tunnel->conf.is_protected ? dp_tunnel_get(&w->dp->sad, tunnel->id) : NULL;
    way->tunnel = tunnel;
    way->some_sa = t != NULL;
    way->sa = t ? sa_of(t, &tunnel->gre_head) : NULL;
    way->mtu = mtu_of(w, tunnel, way->sa);
    return way;
}

static void send(struct dp_worker *w, struct rte_mbuf *m, const struct dp_gre_way *way)
{
    const struct ip_if *tunnel = way->tunnel;
    struct esp_out_sa *sa = way->sa ? way->sa->sa : NULL;
    struct dp_meta *meta = dp_meta(m);
    if (unlikely(tunnel->police) && !ip_police_pass(&tunnel->police[CV_DIR_OUT], m->pkt_len, w->now)) {
        dp_drop_at(w, m, CV_DROP_POLICED, tunnel->id, CV_DIR_OUT);
        return;
    }
    dp_count(&w->if_stats[tunnel->id].tx_packets, 1);
    dp_count(&w->if_stats[tunnel->id].tx_bytes, m->pkt_len);
    if (unlikely(tunnel->tcp_mss.any))
        ip_mss_clamp_by(m, tunnel->tcp_mss);
    w->gre_id = (uint16_t)(w->gre_id + w->workers); /* never another worker's (RFC 6864 4.2) */
    if (unlikely(!ip_gre_push(m, tunnel, w->gre_id, sa ? ESP_HEADROOM : RTE_ETHER_HDR_LEN))) {
        dp_drop_at(w, m, CV_DROP_NO_ROOM, tunnel->id, CV_DIR_OUT);
        return;
    }
    meta->local_out = unlikely(dp_local_is_sealed(meta->local_out)) ? DP_LOCAL_GRE_SEALED : DP_LOCAL_GRE;
    meta->frag = 0;
    meta->udp_encap = 0;
    meta->l4_src = meta->l4_dst = 0;
    if (sa)
        dp_encapsulate_later(w, m, sa);
    else
        dp_flow_route(w, m);
}

/* Is the cutting left to the outer packet? With `df-bit clear`, and for IPv6 below its minimum MTU. */
static bool cut_outside(const struct rte_mbuf *m, const struct ip_if *tunnel, bool v4)
{
    if (!v4)
        return m->pkt_len <= IP_MTU_MIN6;
    return !dp_may_fragment(m) && tunnel->conf.df == CV_DF_CLEAR;
}

/* Longer than the tunnel takes: cut before GRE when the packet allows it; else its sender is told. */
static void too_big(struct dp_worker *w, struct rte_mbuf *m, const struct dp_gre_way *way)
{
    struct rte_mbuf *pieces[IP_FRAG_MAX];
    const bool v4 = dp_meta(m)->family == IP_V4;
    const uint16_t mtu = !v4 && way->mtu < IP_MTU_MIN6 ? IP_MTU_MIN6 : way->mtu;
    if (cut_outside(m, way->tunnel, v4)) {
        send(w, m, way);
        return;
    }
    if (!dp_may_fragment(m)) {
        dp_trouble_at(w, m, CV_DROP_TOO_BIG, IP_TROUBLE_TOO_BIG, mtu, way->tunnel->id);
        return;
    }
    const unsigned n = dp_cut(w, m, mtu, pieces, way->tunnel->id);
    for (unsigned i = 0; i < n; i++)
        send(w, pieces[i], way);
}

void dp_gre_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel)
{
    if (unlikely(is_loop(m, dp_meta(m), tunnel))) {
        dp_drop_at(w, m, CV_DROP_TUNNEL_LOOP, tunnel->id, CV_DIR_OUT);
        return;
    }
    if (unlikely(tunnel->gre_head.len == 0)) { /* an end is not known yet */
        dp_trouble_at(w, m, CV_DROP_IF_DOWN, IP_TROUBLE_NO_ROUTE, 0, tunnel->id);
        return;
    }
    const struct dp_gre_way *way = way_find(w, tunnel);
    if (unlikely(tunnel->conf.is_protected && !way->sa)) {
        if (way->some_sa)
            dp_drop_at(w, m, CV_DROP_TS_OUT, tunnel->id, CV_DIR_OUT);
        else
            dp_drop_no_gre_sa(w, m, tunnel);
        return;
    }
    if (!dp_lower_ttl(w, m))
        return;
    if (unlikely(way->mtu != 0 && m->pkt_len > way->mtu))
        too_big(w, m, way);
    else
        send(w, m, way);
}

/* ---- under a crypto map ---------------------------------------------------------------------------------------- */
static bool has_policy_for(const struct dp *dp, const struct ip_policy *policy, const struct ip_if *tunnel)
{
    const struct ip_gre_head *h = &tunnel->gre_head;
    const bool v4 = h->family == IP_V4;
    const size_t n = ip_family_len(h->family), at = v4 ? 12 : 8;
    struct ip_policy_key key = {.proto = IP_PROTO_GRE}; /* which has no ports */
    memcpy(key.local, h->octets + at, n);
    memcpy(key.remote, h->octets + at + n, n);
    const struct ip_policy_row *row = ip_policy_match(policy, h->family, &key);
    if (!row || row->action == CV_POLICY_BYPASS || row->action == CV_POLICY_DISCARD)
        return false;
    const struct ip_if *flow = ip_if_get(&dp->ifs, row->flow_if);
    const struct dp_tunnel *t = flow ? dp_tunnel_get(&dp->sad, flow->id) : NULL;
    if (flow && flow->vrf != tunnel->tunnel_vrf)
        return false;
    return row->action != CV_POLICY_PROTECT_IF || (t && dp_pick_octets(t, h->octets, h->l3_len, h->family));
}

bool dp_gre_is_mapped(const struct dp *dp, const struct ip_if *tunnel)
{
    for (uint16_t p = 0; tunnel->gre_head.len != 0 && p < dp->port_count; p++) {
        const struct ip_if *port = ip_if_of_port(&dp->ifs, p);
        const struct ip_policy *policy = port ? dp_policy_get(dp, port->id) : NULL;
        if (policy && has_policy_for(dp, policy, tunnel))
            return true;
    }
    return false;
}

/* ---- in ------------------------------------------------------------------------------------------------------ */
/* Back to the far end by the way that the tunnel's own packets go. */
static void keepalive_return(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel)
{
    struct dp_meta *meta = dp_meta(m);
    const struct dp_gre_way *way = way_find(w, tunnel);
    meta->vrf = tunnel->tunnel_vrf;
    meta->local_out = DP_LOCAL_GRE;
    if (!tunnel->conf.is_protected)
        dp_flow_route(w, m);
    else if (way->sa)
        dp_encapsulate_later(w, m, way->sa->sa);
    else
        dp_drop_at(w, m, CV_DROP_NO_SA, tunnel->id, CV_DIR_OUT);
}

/* Takes the headers of one packet off. via: the tunnel whose SA delivered it, or NULL. NULL: it is gone; else the tunnel it
 * came through, and m is the inner packet. */
static const struct ip_if *take_off(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *via)
{
    struct dp_meta *meta = dp_meta(m);
    const uint8_t *local = ip_dst(m, meta->family), *remote = ip_src(m, meta->family);
    struct ip_gre g;
    enum cv_drop why = ip_gre_read(rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len),
                                   m->data_len - (uint32_t)meta->l3_len, &g);
    if (unlikely(why != CV_DROP_NONE)) {
        dp_drop_at(w, m, why, via ? via->id : 0, CV_DIR_IN);
        return NULL;
    }
    const struct ip_if *tunnel = via;
    if (!via || unlikely(!ip_gre_is(via, meta->vrf, meta->family, local, remote, &g)))
        tunnel = ip_gre_find(&w->dp->ifs, meta->vrf, meta->family, local, remote, &g);
    if (unlikely(!tunnel))
        why = CV_DROP_GRE_NO_TUNNEL;
    else if (unlikely(via ? tunnel->id != via->id : tunnel->conf.is_protected))
        why = CV_DROP_GRE_CLEAR; /* RFC 4301 5.2: not by the SA that its policy asks for */
    else if (unlikely(!tunnel->up))
        why = CV_DROP_IF_DOWN;
    else
        why = ip_gre_pull(m, &g);
    if (unlikely(why != CV_DROP_NONE)) { /* whose SA let it in has lost it, whatever tunnel it names */
        dp_drop_at(w, m, why, via ? via->id : tunnel ? tunnel->id : 0, CV_DIR_IN);
        return NULL;
    }
    meta->if_in = tunnel->id;
    if (unlikely(ip_gre_is_keepalive(m, tunnel))) {
        keepalive_return(w, m, tunnel);
        return NULL;
    }
    meta->vrf = tunnel->vrf;
    meta->local_out = DP_TRANSIT;
    if (unlikely(tunnel->police) && !ip_police_pass(&tunnel->police[CV_DIR_IN], m->pkt_len, w->now)) {
        dp_drop_at(w, m, CV_DROP_POLICED, tunnel->id, CV_DIR_IN);
        return NULL;
    }
    if (unlikely(tunnel->tcp_mss.any))
        ip_mss_clamp_by(m, tunnel->tcp_mss);
    dp_count(&w->if_stats[tunnel->id].rx_packets, 1);
    dp_count(&w->if_stats[tunnel->id].rx_bytes, m->pkt_len);
    return tunnel;
}

void dp_gre_received(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    if (unlikely(meta->local_out != DP_TRANSIT)) { /* a tunnel whose far end is this host */
        dp_drop(w, m, CV_DROP_TUNNEL_LOOP);
        return;
    }
    const struct ip_if *in = ip_if_get(&w->dp->ifs, meta->if_in);
    if (unlikely(!in || in->gre)) { /* what came out of GRE is not looked into again */
        dp_drop(w, m, in ? CV_DROP_GRE_NO_TUNNEL : CV_DROP_IF_DOWN);
        return;
    }
    if (take_off(w, m, NULL))
        dp_flow_route(w, m);
}

/* Whole, from an SA of `tunnel`. */
static void from_sa(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel)
{
    if (take_off(w, m, tunnel))
        dp_flow_route(w, m);
}

void dp_gre_decapsulated(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n, const struct ip_if *tunnel)
{
    for (unsigned i = 0; i < n; i++) {
        struct dp_meta *meta = dp_meta(pkts[i]);
        meta->vrf = tunnel->tunnel_vrf; /* that of its ends */
        meta->local_out = DP_TRANSIT;
        if (unlikely(ip_classify_ip(pkts[i]) == IP_CLASS_DROP))
            dp_drop_at(w, pkts[i], (enum cv_drop)meta->drop, tunnel->id, CV_DIR_IN);
        else if (unlikely(meta->proto != IP_PROTO_GRE)) /* such an SA carries nothing else */
            dp_drop_at(w, pkts[i], CV_DROP_TS_IN, tunnel->id, CV_DIR_IN);
        else if (unlikely(meta->frag))
            dp_reass_take(w, pkts[i], DP_STAGE_GRE);
        else
            from_sa(w, pkts[i], tunnel);
    }
}

void dp_gre_reassembled(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct ip_if *tunnel = ip_if_get(&w->dp->ifs, meta->if_in);
    if (!tunnel || !tunnel->gre)
        dp_drop(w, m, CV_DROP_IF_DOWN);
    else
        dp_gre_decapsulated(w, &m, 1, tunnel);
}
