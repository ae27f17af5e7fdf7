/* dp_flow: the short way through routing: packets that follow one of the same ends in a burst go where it went.
 *
 * dp_route_packet takes every decision; where a packet came through all of them, it leaves behind what the
 * outcome was for its VRF, its source and destination, and who made it (dp_flow_learn_*). What may differ from
 * packet to packet of one flow is looked at here for each: TTL, length, headroom. A packet that fails one of
 * these goes the whole way. A flow lives within one burst, as tables may change between two.
 *
 * The worker's own lcore only. */
#ifndef DATAPLANE_DP_FLOW_H
#define DATAPLANE_DP_FLOW_H

#include "dataplane/dp_decided.h"
#include "dataplane/dp_transit.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_mss.h"
#include "dataplane/ip/ip_ttl.h"

#include <rte_ether.h>

/* The packets of this flow go into `tunnel` (or a crypto map's flow) by sa, that takes inner packets of up to mtu octets (0: of any length). m: one of
 * them, data at the IP header. Not for an SA that was chosen by more than family and addresses. */
void dp_flow_learn_tunnel(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *tunnel,
                          struct esp_out_sa *sa, uint32_t mtu);
/* ... out of a port, to a neighbour who answers. mtu: longer packets go the whole way. */
void dp_flow_learn_port(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *out,
                        const struct ip_nbr *nbr, uint16_t mtu);
/* The same by a decision that is kept of it (dp_decided.h), which is one by_address. */
void dp_flow_learn_decided(struct dp_worker *w, const struct rte_mbuf *m, const struct dp_decision *d);
/* What TCP of the family into a tunnel or a crypto map's flow is clamped to; 0: nothing. */
uint16_t dp_flow_mss(const struct dp_worker *w, const struct ip_if *tunnel, uint8_t family);
/* Its packets are counted, and the next one goes the whole way. */
void dp_flow_end(struct dp_worker *w);

static inline bool dp_flow_same_ends(const struct dp_flow *f, const uint8_t *ends, uint8_t family)
{
    uint64_t both;
    if (likely(family == IP_V4)) {
        memcpy(&both, ends, 8);
        return both == f->ends[0];
    }
    return ip_same_addr(ends, (const uint8_t *)f->ends, IP_V6) &&
           ip_same_addr(ends + 16, (const uint8_t *)(f->ends + 2), IP_V6);
}

/* May m go the short way? data at the IP header; meta->vrf, family, local_out set. */
static inline bool dp_flow_takes(const struct dp_flow *f, const struct rte_mbuf *m,
                                 const struct dp_meta *meta)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const bool same =
        f->valid && dp_meta_kind(meta) == f->kind && dp_flow_same_ends(f, ip_src(m, f->family), f->family);
    return same && m->pkt_len <= f->mtu && m->data_off >= RTE_ETHER_HDR_LEN &&
           (!f->transit || ip_ttl_of(ip, f->family) > 1);
}

/* Takes ownership. dp_flow_takes said yes. */
static inline void dp_flow_send(struct dp_worker *w, struct rte_mbuf *m, const struct dp_meta *meta)
{
    struct dp_flow *f = &w->flow;
    (void)meta;
    if (f->transit)
        ip_ttl_lower(rte_pktmbuf_mtod(m, uint8_t *), f->family);
    if (unlikely(f->tcp_mss))
        ip_mss_clamp(m, f->tcp_mss);
    f->packets++;
    f->bytes += m->pkt_len;
    if (f->sa) {
        dp_encapsulate_later(w, m, f->sa);
        return;
    }
    dp_ether_put(m, f->ether);
    dp_frame_out(w, m, f->port);
}

/* The same for those at the front of pkts[0..n) that may go the short way out of a port of this worker; gives how many. */
unsigned dp_flow_run(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n);
/* All of pkts[0..n), each as dp_route_packet; packets that follow one another mostly go one way. */
void dp_flow_route_all(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n);

/* As dp_route_packet. */
static inline void dp_flow_route(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct dp_decision *d;
    if (likely(dp_flow_takes(&w->flow, m, meta))) {
        dp_flow_send(w, m, meta);
    } else if ((d = dp_decided_way(w, m, meta, false)) != NULL) {
        if (d->by_address)
            dp_flow_learn_decided(w, m, d);
        dp_decided_send(w, m, meta, d);
    } else {
        dp_route_packet(w, m);
    }
}

/* The same of a packet that ip_classify has looked at as it is, from a port that asks nothing of it. */
static inline void dp_flow_route_sound(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct dp_decision *d;
    if (dp_flow_takes(&w->flow, m, meta)) {
        dp_flow_send(w, m, meta);
    } else if ((d = dp_decided_way(w, m, meta, true)) != NULL) {
        if (d->by_address)
            dp_flow_learn_decided(w, m, d);
        dp_decided_send(w, m, meta, d);
    } else {
        dp_route_packet(w, m);
    }
}

#endif
