#include "dataplane/dp_transit.h"
#include "dataplane/dp_decided.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_gre.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_martian.h"
#include "dataplane/dp_mixed.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_protect.h"
#include "dataplane/dp_reass.h"
#include "dataplane/dp_segs.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_frag.h"
#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_mss.h"
#include "dataplane/ip/ip_return.h"
#include "dataplane/ip/ip_wire.h"

#include <rte_ethdev.h>
#include <rte_ether.h>

enum { PROTO_TCP = 6, DONT_FRAGMENT = 0x40 };

/* ---- frames ------------------------------------------------------------------------------------------------ */
static void txq_flush(struct dp_worker *w, struct dp_txq *q)
{
    unsigned sent = rte_eth_tx_burst(q->port_id, q->queue, q->pkts, q->count);
    if (unlikely(sent < q->count))
        sent += rte_eth_tx_burst(q->port_id, q->queue, q->pkts + sent, (uint16_t)(q->count - sent));
    dp_count(&w->stats->tx_packets, sent);
    if (unlikely(sent < q->count)) {
        if (w->inlined)
            dp_inline_refused(w, q->pkts + sent, q->count - sent);
        const struct ip_if *out = ip_if_of_port(&w->dp->ifs, (unsigned)(q - w->txq));
        dp_lost_at(w, out ? out->id : 0, CV_DIR_OUT, CV_DROP_TX_FULL, q->count - sent);
        dp_drop_all(w, q->pkts + sent, q->count - sent, CV_DROP_TX_FULL);
    }
    q->count = 0;
}

void dp_frame_out_else(struct dp_worker *w, struct rte_mbuf *m, unsigned port)
{
    struct dp_txq *q = &w->txq[port];
    if (unlikely(q->owner != w->id)) {
        dp_meta(m)->port = (uint16_t)port;
        dp_hand_over(w, q->owner, m, DP_STAGE_FRAME);
        return;
    }
    txq_flush(w, q);
    q->pkts[q->count++] = m;
}

void dp_transmit(struct dp_worker *w)
{
    for (unsigned p = 0; p < w->dp->port_count; p++)
        if (w->txq[p].count > 0)
            txq_flush(w, &w->txq[p]);
    for (unsigned to = 0; to < w->workers; to++)
        if (w->hand[to].count > 0)
            dp_hand_flush(w, to);
}

static void ask_for_neighbour(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *out,
                              const uint8_t *next_hop)
{
    struct dp_meta *meta = dp_meta(m);
    meta->if_out = out->id;
    meta->next_hop = meta->family == IP_V4 ? ip_addr_v4(next_hop) : ip_addr_v6(next_hop);
    dp_slow(w, m, DP_SLOW_RESOLVE);
}

void dp_link_header(struct rte_mbuf *m, const struct ip_if *out, struct ip_nbr *nbr)
{
    dp_nbr_used(nbr);
    uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, sizeof(struct rte_ether_hdr));
    dp_ether_write(frame, out, nbr, dp_meta(m)->family);
}

/* Puts the Ethernet header in front. next_hop: 4 or 16 octets. */
static void link_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *out, struct ip_nbr *nbr,
                     const uint8_t *next_hop)
{
    if (unlikely(!nbr)) {
        ask_for_neighbour(w, m, out, next_hop);
        return;
    }
    dp_nbr_used(nbr);
    dp_count(&w->if_stats[out->id].tx_packets, 1);
    dp_count(&w->if_stats[out->id].tx_bytes, m->pkt_len);
    uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, sizeof(struct rte_ether_hdr));
    if (unlikely(!frame)) {
        dp_drop(w, m, CV_DROP_NO_MBUF);
        return;
    }
    dp_ether_write(frame, out, nbr, dp_meta(m)->family);
    dp_frame_out(w, m, out->port);
}

void dp_link_out_known(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct ip_if *out = ip_if_get(&w->dp->ifs, meta->if_out);
    if (!out || !out->up || out->kind != CV_IF_PORT || meta->next_hop.family != meta->family) {
        dp_drop(w, m, CV_DROP_IF_DOWN);
        return;
    }
    /* A policy that came while it waited. */
    const struct ip_policy *policy = dp_policy_get(w->dp, out->id);
    if (unlikely(policy) && !dp_protect_still_clear(w, m, policy)) {
        dp_drop_at(w, m, CV_DROP_POLICY_CLEAR, out->id, CV_DIR_OUT);
        return;
    }
    link_out(w, m, out, ip_nbr_find(&w->dp->nbrs, out->id, meta->family, meta->next_hop.b), meta->next_hop.b);
}

/* ---- TTL and MTU ------------------------------------------------------------------------------------------- */
bool dp_lower_ttl(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    if (meta->local_out != DP_TRANSIT)
        return true;
    if (unlikely(ip_ttl_of(ip, meta->family) <= 1)) {
        dp_trouble(w, m, CV_DROP_TTL_EXPIRED, IP_TROUBLE_TTL, 0);
        return false;
    }
    ip_ttl_lower(ip, meta->family);
    return true;
}

bool dp_may_fragment(const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    if (meta->family == IP_V4)
        return !(rte_pktmbuf_mtod(m, const uint8_t *)[6] & DONT_FRAGMENT);
    return meta->local_out != DP_TRANSIT;
}

unsigned dp_cut(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *pieces[IP_FRAG_MAX],
                uint32_t if_id)
{
    struct rte_mempool *pool = mtu > dp_small_packet(w->dp) ? w->dp->jumbo_pool : w->dp->pool;
    unsigned n = ip_classify_ip(m) != IP_CLASS_DROP ? ip_frag_split(m, mtu, pool, pieces) : 0;
    if (n == 0)
        dp_drop_at(w, m, CV_DROP_NO_MBUF, if_id, CV_DIR_OUT);
    else
        rte_pktmbuf_free(m);
    return n;
}

/* ---- this host --------------------------------------------------------------------------------------------- */
/* Where a parameter problem about the upper layer points to (RFC 4443 3.4): the field that names it. */
static uint16_t protocol_field(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    struct ip_ext x;
    if (meta->family == IP_V4 ||
        ip_ext_walk(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &x) != CV_DROP_NONE)
        return 0;
    return (uint16_t)x.field;
}

static void deliver(struct dp_worker *w, struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    enum ip_class class = ip_classify_ip(m);
    if (class == IP_CLASS_DROP) {
        dp_drop_refused(w, m);
    } else if (meta->frag) {
        dp_reass_take(w, m, DP_STAGE_IP);
    } else if (unlikely(meta->l3_len > IP_PLAIN_MAX) && !dp_ext_ok(w, m)) {
        return;
    } else if (meta->proto == IP_PROTO_ICMP || meta->proto == IP_PROTO_ICMP6) {
        dp_slow(w, m, DP_SLOW_LOCAL);
    } else if (meta->proto == IP_PROTO_GRE) {
        dp_gre_received(w, m);
    } else if (class == IP_CLASS_ESP || class == IP_CLASS_AH) {
        dp_drop_unknown_spi(w, m);
    } else if (meta->proto == IP_PROTO_UDP && (meta->l4_dst == IP_PORT_IKE || meta->l4_dst == IP_PORT_NATT)) {
        enum cv_drop why = io_punt_ike(&w->punt, m, w->now);
        if (why == CV_DROP_NONE)
            rte_pktmbuf_free(m);
        else
            dp_drop(w, m, why);
    } else if (meta->family == IP_V6 &&
               meta->proto == IP_NEXT_NONE) { /* known, and nothing to take (RFC 8200 4.7) */
        dp_drop(w, m, CV_DROP_NOT_LOCAL_SERVICE);
    } else {
        bool ports = meta->proto == IP_PROTO_UDP || meta->proto == PROTO_TCP;
        dp_trouble(w, m, CV_DROP_NOT_LOCAL_SERVICE, ports ? IP_TROUBLE_NO_PORT : IP_TROUBLE_NO_PROTO,
                   ports ? 0 : protocol_field(m, meta));
    }
}

/* ---- tunnel interfaces ------------------------------------------------------------------------------------- */
static void encapsulate_later(struct dp_worker *w, struct rte_mbuf *m, struct esp_out_sa *sa, uint32_t if_id)
{
    dp_count(&w->if_stats[if_id].tx_packets, 1);
    dp_count(&w->if_stats[if_id].tx_bytes, m->pkt_len);
    dp_encapsulate_later(w, m, sa);
}

/* Is the cutting left to the outer packet? With `fragmentation after-encryption`, with `df-bit clear`, for IPv6 below its minimum MTU, and where the SA's
 * selectors name ports: of pieces but the first the peer could not see them (RFC 4301 7), and would drop them. */
static bool cut_outside(const struct rte_mbuf *m, const struct dp_tunnel_sa *s, bool v4, bool after)
{
    if (s->transport) /* takes whole packets only (RFC 4303 3.3.4) */
        return dp_may_fragment(m);
    if (!v4)
        return m->pkt_len <= IP_MTU_MIN6;
    return dp_may_fragment(m) ? (s->ports || after) && s->df != CV_DF_SET : s->df == CV_DF_CLEAR;
}

/* A long packet that fills its mbuf is copied into one where ESP has room behind it. NULL: there is none, it is gone. */
static struct rte_mbuf *with_room(struct dp_worker *w, struct rte_mbuf *m, uint32_t if_id)
{
    if (likely(rte_pktmbuf_tailroom(m) >= ESP_TAILROOM && m->data_off >= ESP_HEADROOM))
        return m;
    return dp_segs_join(w, m, if_id, CV_DIR_OUT);
}

/* Longer than the tunnel takes: cut before encryption when the packet allows it; else its sender is told. */
static void tunnel_too_big(struct dp_worker *w, struct rte_mbuf *m, const struct dp_tunnel_sa *s,
                           const struct ip_if *tunnel, uint16_t mtu)
{
    struct rte_mbuf *pieces[IP_FRAG_MAX];
    const uint32_t if_id = tunnel->id;
    bool v4 = dp_meta(m)->family == IP_V4;
    if (cut_outside(m, s, v4, tunnel->conf.frag_after) && (m = with_room(w, m, if_id))) {
        encapsulate_later(w, m, s->sa, if_id);
        return;
    }
    if (!m)
        return;
    if (!v4 && mtu < IP_MTU_MIN6)
        mtu = IP_MTU_MIN6;
    if (!dp_may_fragment(m)) {
        dp_trouble_at(w, m, CV_DROP_TOO_BIG, IP_TROUBLE_TOO_BIG, mtu, if_id);
        return;
    }
    unsigned n = dp_cut(w, m, mtu, pieces, if_id);
    for (unsigned i = 0; i < n; i++)
        encapsulate_later(w, pieces[i], s->sa, if_id);
}

void dp_into_sa(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel,
                const struct dp_tunnel_sa *s, bool by_address)
{
    if (!dp_lower_ttl(w, m))
        return;
    if (unlikely(tunnel->tcp_mss.any))
        ip_mss_clamp_by(m, tunnel->tcp_mss);
    if (unlikely(tunnel->police)) {
        by_address = false; /* each packet comes here */
        if (!ip_police_pass(&tunnel->police[CV_DIR_OUT], m->pkt_len, w->now)) {
            dp_drop_at(w, m, CV_DROP_POLICED, tunnel->id, CV_DIR_OUT);
            return;
        }
    }
    uint16_t mtu = __atomic_load_n(&s->inner_mtu, __ATOMIC_RELAXED);
    if (tunnel->mtu != 0 && (mtu == 0 || tunnel->mtu < mtu))
        mtu = tunnel->mtu;
    if (unlikely(mtu != 0 && m->pkt_len > mtu)) {
        tunnel_too_big(w, m, s, tunnel, mtu);
        return;
    }
    const uint32_t small = dp_small_packet(w->dp);
    if (unlikely(m->pkt_len > small) && !(m = with_room(w, m, tunnel->id)))
        return;
    const uint32_t fits = mtu == 0 ? small : RTE_MIN(small, (uint32_t)mtu);
    if (tunnel->kind == CV_IF_FLOW && likely(!tunnel->police))
        dp_decided_keep_sa(w, m, tunnel, s->sa, fits, by_address);
    if (by_address)
        dp_flow_learn_tunnel(w, m, tunnel, s->sa, fits);
    encapsulate_later(w, m, s->sa, tunnel->id);
}

static bool is_tunnel_loop(const struct rte_mbuf *m, const struct dp_meta *meta, const struct ip_if *tunnel)
{
    if (meta->local_out == DP_LOCAL_ESP)
        return true;
    const struct ip_addr *far = &tunnel->conf.tunnel_dst;
    return meta->local_out == DP_LOCAL_IKE && far->family == meta->family &&
           tunnel->tunnel_vrf == meta->vrf &&
           memcmp(far->b, ip_dst(m, meta->family), ip_family_len(meta->family)) == 0;
}

/* RFC 4301 6.2: an ICMP error that no SA takes by its header goes with the return traffic of what it quotes. */
static const struct dp_tunnel_sa *by_return(const struct dp_tunnel *t, struct rte_mbuf *m)
{
    struct ip_return r;
    if (ip_classify_ip(m) == IP_CLASS_DROP || !ip_return_make(&r, m))
        return NULL;
    return dp_pick_slow(t, &r.m, r.meta.family, CV_DIR_OUT);
}

static void tunnel_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel)
{
    const struct dp_meta *meta = dp_meta(m);
    if (tunnel->gre) {
        dp_gre_out(w, m, tunnel);
        return;
    }
    if (unlikely(is_tunnel_loop(m, meta, tunnel))) {
        dp_drop_at(w, m, CV_DROP_TUNNEL_LOOP, tunnel->id, CV_DIR_OUT);
        return;
    }
    const struct dp_tunnel *t = dp_tunnel_get(&w->dp->sad, tunnel->id);
    if (unlikely(!t)) {
        dp_drop_no_sa(w, m, tunnel->id);
        return;
    }
    const struct dp_tunnel_sa *s = dp_pick(t, m, meta->family);
    bool by_address = dp_tunnel_by_address(t);
    if (unlikely(!s)) {
        s = by_return(t, m);
        by_address = false; /* what it quotes has decided, not its own ends: nothing may follow it */
    }
    if (unlikely(!s)) {
        dp_drop_at(w, m, CV_DROP_TS_OUT, tunnel->id, CV_DIR_OUT);
        return;
    }
    dp_into_sa(w, m, tunnel, s, by_address);
}

static void out_chunk(struct dp_worker *w, struct rte_mbuf **pkts, struct esp_out_sa **sas, unsigned n)
{
    const unsigned good = esp_out_burst(&w->esp, pkts, sas, (uint16_t)n);
    /* None comes back here: an ESP packet never goes into a tunnel. */
    if (unlikely(w->mixed))
        dp_mixed_route(w, pkts, good);
    else
        dp_flow_route_all(w, pkts, good);
    for (unsigned i = good; i < n - w->esp.taken; i++)
        dp_drop_esp_out(w, pkts[i]);
}

void dp_transit_out(struct dp_worker *w, struct rte_mbuf **pkts, struct esp_out_sa **sas, unsigned n)
{
    out_chunk(w, pkts, sas, n);
}

/* As in_fetch of dp_worker.c. */
static void out_fetch(struct dp_worker *w, unsigned at, unsigned n)
{
    const unsigned next = RTE_MIN(at + ESP_CHUNK, n);
    if (at == 0)
        esp_out_fetch(w->out_sas, next);
    esp_out_fetch(w->out_sas + next, RTE_MIN(n - next, (unsigned)ESP_CHUNK));
    esp_out_fetch_behind(&w->esp, w->out_sas + at, next - at);
}

void dp_encapsulate(struct dp_worker *w)
{
    unsigned n = w->out_count;
    if (n == 0)
        return;
    w->out_count = 0;
    dp_worker_mixed(w, w->out_sas[0], w->out_sas[n - 1]);
    dp_count(&w->stats->crypto_packets, n);
    if (unlikely(w->out_chains)) {
        dp_segs_encapsulate(w, n);
        return;
    }
    if (w->mixed)
        out_fetch(w, 0, n);
    for (unsigned i = 0, k; i < n; i += k) {
        k = RTE_MIN(n - i, (unsigned)ESP_CHUNK);
        if (w->mixed)
            out_fetch(w, i + k, n);
        out_chunk(w, w->out_pkts + i, w->out_sas + i, k);
    }
}

/* ---- the route --------------------------------------------------------------------------------------------- */
static bool hop_is_for(const struct dp_hop *h, const struct dp_meta *meta, const uint8_t *dst)
{
    if (!h->valid || h->vrf != meta->vrf || h->family != meta->family)
        return false;
    return ip_same_addr(h->dst, dst, meta->family);
}

const struct dp_hop *dp_hop_find(struct dp_worker *w, const struct dp_meta *meta, const uint8_t *dst)
{
    struct dp_hop *h = &w->hop;
    if (hop_is_for(h, meta, dst))
        return h;
    const struct dp *dp = w->dp;
    h->valid = true;
    h->vrf = meta->vrf;
    h->family = meta->family;
    memcpy(h->dst, dst, ip_family_len(meta->family));
    h->out = NULL;
    h->nbr = NULL;
    h->route = ip_route_resolve(&dp->routes, meta->vrf, meta->family, dst, &h->next_hop);
    if (!h->route || h->route->kind == IP_ROUTE_LOCAL)
        return h;
    h->out = ip_if_get(&dp->ifs, h->route->if_id);
    if (h->out && h->out->kind == CV_IF_PORT)
        h->nbr = ip_nbr_find(&dp->nbrs, h->out->id, meta->family, h->next_hop ? h->next_hop->b : dst);
    h->mtu = h->out ? ip_pmtu_of(&dp->pmtus, meta->vrf, meta->family, dst, h->out->mtu) : 0;
    return h;
}

/* ---- martians ---------------------------------------------------------------------------------------------- */
/* An address of this host as source: nobody else sends with it. */
static bool source_is_own(struct dp_worker *w, const struct dp_meta *meta, const uint8_t *src)
{
    struct dp_source *s = &w->source;
    const size_t len = ip_family_len(meta->family);
    if (s->valid && s->vrf == meta->vrf && s->family == meta->family &&
        ip_same_addr(s->addr, src, meta->family))
        return s->own;
    s->valid = true;
    s->vrf = meta->vrf;
    s->family = meta->family;
    memcpy(s->addr, src, len);
    s->own = dp_source_own(w->dp, meta, src);
    return s->own;
}

bool dp_is_martian(struct dp_worker *w, const struct dp_meta *meta, const uint8_t *src, const uint8_t *dst)
{
    bool bad = meta->family == IP_V4 ? dp_martian4(src, dst) : dp_martian6(src, dst);
    return bad || source_is_own(w, meta, src);
}

/* ---- routing ------------------------------------------------------------------------------------------------ */
static void port_too_big(struct dp_worker *w, struct rte_mbuf *m, const struct dp_hop *h, uint16_t mtu)
{
    struct rte_mbuf *pieces[IP_FRAG_MAX];
    const struct ip_if *out = h->out;
    if (!dp_may_fragment(m)) {
        dp_trouble_at(w, m, CV_DROP_TOO_BIG, IP_TROUBLE_TOO_BIG, mtu, out->id);
        return;
    }
    unsigned n = dp_cut(w, m, mtu, pieces, out->id);
    for (unsigned i = 0; i < n; i++)
        link_out(w, pieces[i], out, h->nbr,
                 h->next_hop ? h->next_hop->b : ip_dst(pieces[i], dp_meta(pieces[i])->family));
}

void dp_route_packet(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const uint8_t *src = ip_src(m, meta->family), *dst = ip_dst(m, meta->family);
    const bool transit = meta->local_out == DP_TRANSIT;
    if (transit && unlikely(dp_is_martian(w, meta, src, dst))) {
        dp_drop(w, m, CV_DROP_MARTIAN);
        return;
    }
    const struct dp_hop *h = dp_hop_find(w, meta, dst);
    if (unlikely(!h->route)) {
        dp_trouble(w, m, CV_DROP_NO_ROUTE, IP_TROUBLE_NO_ROUTE, 0);
        return;
    }
    if (h->route->kind == IP_ROUTE_LOCAL) {
        deliver(w, m);
        return;
    }
    /* Delivered yes, forwarded never (RFC 4291 2.5.6). */
    if (transit && meta->family == IP_V6 && unlikely(dp_link_local6(src) || dp_link_local6(dst))) {
        dp_drop(w, m, CV_DROP_MARTIAN);
        return;
    }
    const struct ip_if *out = h->out;
    if (unlikely(!out || !out->up)) {
        dp_trouble_at(w, m, CV_DROP_IF_DOWN, IP_TROUBLE_NO_ROUTE, 0, out ? out->id : 0);
        return;
    }
    if (out->kind == CV_IF_TUNNEL) {
        tunnel_out(w, m, out);
        return;
    }
    if (unlikely(out->kind != CV_IF_PORT)) {
        dp_trouble(w, m, CV_DROP_NO_ROUTE, IP_TROUBLE_NO_ROUTE, 0);
        return;
    }
    if (unlikely(out->tcp_mss.any))
        ip_mss_clamp_by(m, out->tcp_mss);
    const struct ip_policy *policy = dp_policy_get(w->dp, out->id);
    if (unlikely(policy) && !dp_protect_out(w, m, policy))
        return;
    if (unlikely(dp_local_is_sealed(meta->local_out))) {
        dp_drop_at(w, m, CV_DROP_ERROR_CLEAR, out->id, CV_DIR_OUT);
        return;
    }
    if (!dp_lower_ttl(w, m))
        return;
    /* What is known of the path was said about packets of SAs; others' are cut, or refused, by whoever cannot send them. */
    const uint16_t mtu = meta->local_out == DP_LOCAL_ESP ? h->mtu : out->mtu;
    if (unlikely(m->pkt_len > mtu)) {
        port_too_big(w, m, h, mtu);
        return;
    }
    if (h->nbr && (!policy || dp_protect_clear_by_address(policy, meta)))
        dp_flow_learn_port(w, m, out, h->nbr, mtu);
    else if (h->nbr)
        dp_decided_keep_port(w, m, out, h->nbr, mtu);
    link_out(w, m, out, h->nbr, h->next_hop ? h->next_hop->b : dst);
}
