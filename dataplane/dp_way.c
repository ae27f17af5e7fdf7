#include "dataplane/dp_way.h"

#include "dataplane/dp_drop.h"
#include "dataplane/dp_transit.h"

/* May packets that go the way of the worker's flow leave by it in runs? */
static bool exit_of(const struct dp_worker *w, struct dp_way *y)
{
    const struct dp_flow *exit = &w->flow;
    y->exit_if = exit->if_id;
    y->exit_port = exit->port;
    return exit->valid && !exit->sa && !exit->tcp_mss && w->txq[exit->port].owner == w->id;
}

static bool is_between(const struct dp_way *y, const struct dp_flow *f)
{
    if (!dp_front_is_v6(&y->front))
        return f->family == IP_V4 && f->ends[0] == dp_front_ends(&y->front);
    return f->family == IP_V6 && memcmp(f->ends, y->front.ip, sizeof y->front.ip) == 0 &&
           memcmp(f->ends + 2, y->far6, sizeof y->far6) == 0;
}

/* ---- into an SA ------------------------------------------------------------------------------------------------ */
bool dp_way_out(struct dp_worker *w, struct dp_way *y, struct rte_mbuf *leader)
{
    const uint8_t *ip = rte_pktmbuf_mtod(leader, const uint8_t *);
    const struct dp_flow into = w->flow;
    const struct dp_front *front = &y->front;
    const struct dp_flow *exit = &w->flow;
    const bool runs = into.valid && into.sa && w->out_count && w->out_sas[w->out_count - 1] == into.sa &&
                      into.transit && !into.tcp_mss && is_between(y, &into) &&
                      into.kind == dp_meta_kind(dp_meta(leader)) &&
                      (front->rearm & 0xffff) + RTE_ETHER_HDR_LEN >= ESP_HEADROOM &&
                      esp_out_run_start(&y->esp.out, into.sa, ip);
    dp_encapsulate(w);
    uint32_t outer; /* as dp_meta_kind says it of the outer packet */
    memcpy(&outer, &y->esp.out.t.meta, sizeof outer);
    if (!runs || !exit_of(w, y) || exit->transit || exit->kind != outer ||
        memcmp(exit->ends, y->esp.out.t.addrs, 2 * ip_family_len(exit->family)) != 0)
        return false;
    const uint32_t room =
        (uint32_t)front->buf_len - (uint32_t)(front->rearm & 0xffff) - RTE_ETHER_HDR_LEN - ESP_TAILROOM;
    const uint32_t fits =
        esp_out_mtu_by(into.sa, &y->esp.out.t, (uint16_t)RTE_MIN(exit->mtu, (uint32_t)UINT16_MAX));
    const uint32_t most = RTE_MIN(RTE_MIN(room, into.mtu), fits);
    const uint32_t least = dp_front_header(front) + DP_WAY_UPPER;
    if (most < least || dp_front_ttl(front) <= 1)
        return false;
    y->front.span = (uint16_t)(most - least);
    y->through = into.if_id;
    memcpy(y->esp.out.ether, exit->ether, RTE_ETHER_HDR_LEN);
    y->esp.out.data_off = (uint16_t)(front->rearm & 0xffff);
    return true;
}

void dp_way_refused(struct dp_worker *w, const struct dp_way *y, struct rte_mbuf **pkts, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        dp_meta(pkts[i])->local_out = DP_LOCAL_ESP;
        dp_drop_at(w, pkts[i], CV_DROP_CRYPTO, y->through, CV_DIR_OUT);
    }
}

/* ---- out of an SA ------------------------------------------------------------------------------------------------ */
bool dp_way_in(struct dp_worker *w, struct dp_way *y, struct esp_in_sa *sa, struct rte_mbuf *leader)
{
    uint8_t outer[DP_WAY_V6 + DP_WAY_UPPER]; /* with UDP's, where there is that */
    const bool natt = y->front.natt != 0;
    memcpy(outer, rte_pktmbuf_mtod(leader, const uint8_t *), dp_front_header(&y->front) + DP_WAY_UPPER);
    y->spi = dp_meta(leader)->spi;
    dp_worker_decapsulate(w);
    const struct dp_flow *exit = &w->flow;
    if (!exit_of(w, y) || !exit->transit ||
        !esp_in_run_start(&y->esp.in, sa, outer, natt, exit->ends, exit->family))
        return false;
    y->tunnel = ip_if_get(&w->dp->ifs, sa->if_id);
    y->through = sa->if_id;
    const struct dp_meta inside = {
        .vrf = y->tunnel ? y->tunnel->vrf : 0, .family = exit->family, .local_out = DP_TRANSIT};
    y->front.span = UINT16_MAX;
    y->esp.in.mtu = exit->mtu;
    y->esp.in.data_off = (uint16_t)((y->front.rearm & 0xffff) + y->esp.in.outer + y->esp.in.head);
    memcpy(y->esp.in.ether + sizeof y->esp.in.ether - RTE_ETHER_HDR_LEN, exit->ether, RTE_ETHER_HDR_LEN);
    return y->tunnel && y->tunnel->up && !y->tunnel->gre && !y->tunnel->police && !y->tunnel->tcp_mss.any &&
           exit->kind == dp_meta_kind(&inside);
}

void dp_way_alone(struct dp_worker *w, struct rte_mbuf *m, const struct dp_way *y, uint32_t len)
{
    m->ol_flags &= ~(uint64_t)ESP_OLD_CKSUM_FLAGS;
    m->data_off = (uint16_t)(m->data_off + RTE_ETHER_HDR_LEN + y->esp.in.outer + y->esp.in.head);
    m->data_len = (uint16_t)len;
    m->pkt_len = len;
    struct dp_meta *meta = dp_meta(m);
    memset(meta, 0, sizeof *meta);
    meta->if_in = y->tunnel->id;
    meta->vrf = y->tunnel->vrf;
    meta->family = y->esp.in.family;
    meta->local_out = DP_TRANSIT;
    meta->spi = y->spi;
    dp_flow_route(w, m);
}

unsigned dp_way_sift(struct dp_worker *w, const struct dp_way *y, struct rte_mbuf **pkts,
                     const struct esp_run_pkt *p, unsigned first, unsigned end, const struct ip_if *in,
                     struct rte_mbuf **rest, unsigned *bads)
{
    const bool v6 = dp_front_is_v6(&y->front);
    for (unsigned i = first; i < end; i++) {
        struct rte_mbuf *m = rest[i - first] = pkts[i];
        struct dp_meta *meta = dp_meta(m);
        memset(meta, 0, sizeof *meta);
        meta->if_in = in->id;
        meta->vrf = in->vrf;
        meta->family = v6 ? IP_V6 : IP_V4;
        meta->local_out = DP_TRANSIT;
        meta->l3_len = v6 ? DP_WAY_V6 : DP_WAY_V4;
        meta->proto = y->front.natt != 0 ? IP_PROTO_UDP : IP_PROTO_ESP;
        meta->udp_encap = y->front.natt != 0;
        meta->spi = y->spi;
        meta->l3_total = (uint16_t)p[i].len;
        m->data_off = (uint16_t)(m->data_off + RTE_ETHER_HDR_LEN);
        m->data_len = (uint16_t)p[i].len;
        m->pkt_len = p[i].len;
    }
    return esp_in_run_rest(&w->esp, &y->esp.in, rest, p, first, end, bads);
}

void dp_way_rest(struct dp_worker *w, const struct dp_way *y, struct rte_mbuf **pkts,
                 const struct esp_run_pkt *p, unsigned first, unsigned end, const struct ip_if *in)
{
    struct rte_mbuf *rest[IO_BURST];
    unsigned bads;
    const unsigned good = dp_way_sift(w, y, pkts, p, first, end, in, rest, &bads);
    dp_worker_decapsulated(w, rest, good);
    for (unsigned i = 0; i < bads; i++)
        dp_drop_esp(w, rest[good + i]);
}
