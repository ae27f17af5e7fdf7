#include "dataplane/dp_segs.h"

#include "dataplane/dp_drop.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_martian.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_policy.h"
#include "dataplane/dp_transit.h"
#include "dataplane/esp/esp_segs.h"
#include "dataplane/ip/ip_chain.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_ttl.h"

struct rte_mbuf *dp_segs_join(struct dp_worker *w, struct rte_mbuf *m, uint32_t if_id, enum cv_dir dir)
{
    struct rte_mbuf *one = ip_chain_join(m, w->dp->jumbo_pool);
    if (!one) {
        dp_drop_at(w, m, ip_chain_why(m, w->dp->jumbo_pool), if_id, dir);
        return NULL;
    }
    rte_pktmbuf_free(m);
    dp_count(&w->stats->joined, 1);
    return one;
}

/* What is left of a chain in one mbuf, which came by if_id, goes on where packets have room for ESP, as those have that came in one: joined it has. NULL: it
 * was dropped. */
static struct rte_mbuf *with_room(struct dp_worker *w, struct rte_mbuf *m, uint32_t if_id)
{
    if (m->nb_segs == 1 && m->data_off >= ESP_HEADROOM && rte_pktmbuf_tailroom(m) >= ESP_TAILROOM)
        return m;
    return dp_segs_join(w, m, if_id, CV_DIR_IN);
}

/* ---- the route -------------------------------------------------------------------------------------------------- */
/* What all have to pass, however they go on; a packet that does not is dropped, answered or delivered in one mbuf. */
static bool passes(struct dp_worker *w, const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const uint8_t *src = ip_src(m, meta->family), *dst = ip_dst(m, meta->family);
    if (meta->local_out != DP_TRANSIT)
        return meta->local_out == DP_LOCAL_ESP;
    return ip_ttl_of(rte_pktmbuf_mtod(m, const uint8_t *), meta->family) > 1 &&
           !dp_link_affair(m, meta->family) && !dp_is_martian(w, meta, src, dst) &&
           (meta->family == IP_V4 || (!dp_link_local6(src) && !dp_link_local6(dst)));
}

static void ttl_lower(struct rte_mbuf *m, const struct dp_meta *meta)
{
    if (meta->local_out == DP_TRANSIT)
        ip_ttl_lower(rte_pktmbuf_mtod(m, uint8_t *), meta->family);
}

static void count_out(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *out)
{
    dp_count(&w->if_stats[out->id].tx_packets, 1);
    dp_count(&w->if_stats[out->id].tx_bytes, m->pkt_len);
}

static bool to_port(struct dp_worker *w, struct rte_mbuf *m, const struct dp_hop *h)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct ip_if *out = h->out;
    const bool sealed = meta->local_out == DP_LOCAL_ESP;
    if (!sealed && (out->tcp_mss.any || dp_policy_get(w->dp, out->id)))
        return false;
    if (!h->nbr || m->pkt_len > (sealed ? h->mtu : out->mtu) || m->data_off < RTE_ETHER_HDR_LEN ||
        m->nb_segs > w->dp->ports[out->port].tx_segs)
        return false;
    ttl_lower(m, meta);
    count_out(w, m, out);
    dp_link_header(m, out, h->nbr);
    dp_frame_out(w, m, out->port);
    return true;
}

static bool to_sa(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct dp_tunnel *t = dp_tunnel_get(&w->dp->sad, tunnel->id);
    if (meta->local_out != DP_TRANSIT || !t || tunnel->gre || tunnel->police || tunnel->tcp_mss.any)
        return false;
    const struct dp_tunnel_sa *s = dp_pick(t, m, meta->family);
    const uint32_t inner = s ? __atomic_load_n(&s->inner_mtu, __ATOMIC_RELAXED) : 0;
    if (!s || (inner != 0 && m->pkt_len > inner) || (tunnel->mtu != 0 && m->pkt_len > tunnel->mtu) ||
        !esp_out_takes_segs(s->sa, m))
        return false;
    ttl_lower(m, meta);
    count_out(w, m, tunnel);
    w->out_chains = true;
    dp_encapsulate_later(w, m, s->sa);
    return true;
}

/* False: nothing has been changed, and m is to be joined. */
static bool goes_on(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    if (!passes(w, m, meta))
        return false;
    const struct dp_hop *h = dp_hop_find(w, meta, ip_dst(m, meta->family));
    if (!h->route || h->route->kind == IP_ROUTE_LOCAL || !h->out || !h->out->up)
        return false;
    if (h->out->kind == CV_IF_PORT)
        return to_port(w, m, h);
    return h->out->kind == CV_IF_TUNNEL && to_sa(w, m, h->out);
}

/* if_id: whose packet it is until it has been routed, in that direction. */
static void route(struct dp_worker *w, struct rte_mbuf *m, uint32_t if_id, enum cv_dir dir)
{
    if (!goes_on(w, m) && (m = dp_segs_join(w, m, if_id, dir)))
        dp_flow_route(w, m);
}

/* ---- received ------------------------------------------------------------------------------------------------------ */
/* For an SA of this host that takes chains; the worker that owns it may be another one. */
static bool to_be_decapsulated(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct dp_sad_slot *slot;
    struct esp_in_sa *sa = dp_sad_lookup(&w->dp->sad, meta->spi, &slot);
    if (!sa || slot->vrf != meta->vrf || slot->family != meta->family || in->kind != CV_IF_PORT ||
        !ip_same_addr(slot->local, ip_dst(m, meta->family), meta->family) || !esp_in_takes_segs(sa, m))
        return false;
    if (!dp_owner_is(&w->dp->owners, meta->spi, w->id)) {
        dp_owner_landed(w, m);
        return true;
    }
    w->in_chains = true;
    w->in_sas[w->in_count] = sa;
    w->in_pkts[w->in_count++] = m;
    return true;
}

/* Does the port ask nothing of what comes in by it? */
static bool is_open(const struct dp_worker *w, const struct ip_if *in)
{
    return !dp_policy_get(w->dp, in->id) && !in->tcp_mss.any;
}

/* Of a chain that shows too little: as the frame in one mbuf. */
static void frame_joined(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    struct rte_mbuf *one = dp_segs_join(w, m, in->id, CV_DIR_IN);
    if (!one)
        return;
    const enum ip_class class = ip_classify_frame(one, in->mac);
    if (unlikely(dp_inline_came_so(one) && class != IP_CLASS_ESP))
        dp_drop_at(w, one, CV_DROP_UNKNOWN_SPI, in->id, CV_DIR_IN);
    else
        dp_worker_classified(w, one, class, in);
}

void dp_segs_received(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    enum ip_class class;
    if (w->inlined || !ip_classify_chain(m, in->mac, &class)) {
        frame_joined(w, m, in);
        return;
    }
    const bool several = m->nb_segs != 1;
    if (several && class == IP_CLASS_ESP && to_be_decapsulated(w, m, in))
        return;
    if (several && (class == IP_CLASS_ESP || class == IP_CLASS_IP) && is_open(w, in) && goes_on(w, m))
        return;
    if (class == IP_CLASS_DROP || (m = with_room(w, m, in->id)))
        dp_worker_classified(w, m, class, in);
}

/* ---- out of SAs ---------------------------------------------------------------------------------------------------- */
static void decapsulated(struct dp_worker *w, struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    const struct ip_if *in = ip_if_get(&w->dp->ifs, meta->if_in);
    if (m->nb_segs != 1 && in && in->up && !in->gre && !in->police && !in->tcp_mss.any) {
        meta->vrf = in->vrf; /* into its tunnel's VRF and no other */
        meta->local_out = DP_TRANSIT;
        dp_count(&w->if_stats[in->id].rx_packets, 1);
        dp_count(&w->if_stats[in->id].rx_bytes, m->pkt_len);
        route(w, m, in->id, CV_DIR_IN);
    } else if ((m = with_room(w, m, meta->if_in))) {
        dp_worker_decapsulated(w, &m, 1);
    }
}

static void chain_in(struct dp_worker *w, struct rte_mbuf *m, struct esp_in_sa *sa)
{
    const struct rte_mbuf *before = m;
    if (!esp_in_takes_segs(sa, m)) { /* it is another one than when it came in */
        if ((m = dp_segs_join(w, m, esp_in_sa_conf(sa)->if_id, CV_DIR_IN)))
            dp_worker_in(w, &m, &sa, 1);
        return;
    }
    const bool good = esp_in_segs(&w->esp, sa, &m);
    if (m != before)
        dp_count(&w->stats->joined, 1);
    if (good)
        decapsulated(w, m);
    else
        dp_drop_esp(w, m);
}

/* Packets of one mbuf from pkts on, of n: as many as are worked on together. */
static unsigned singles(struct rte_mbuf *const *pkts, unsigned n)
{
    unsigned k = 0;
    while (k < n && k < ESP_CHUNK && pkts[k]->nb_segs == 1)
        k++;
    return k;
}

void dp_segs_decapsulate(struct dp_worker *w, unsigned n)
{
    w->in_chains = false;
    for (unsigned i = 0; i < n;) {
        const unsigned k = singles(w->in_pkts + i, n - i);
        if (k > 0)
            dp_worker_in(w, w->in_pkts + i, w->in_sas + i, k);
        else
            chain_in(w, w->in_pkts[i], w->in_sas[i]);
        i += k ? k : 1;
    }
}

/* ---- into SAs ------------------------------------------------------------------------------------------------------ */
static void chain_out(struct dp_worker *w, struct rte_mbuf *m, struct esp_out_sa *sa)
{
    if (esp_out_segs(&w->esp, sa, m))
        route(w, m, esp_out_sa_conf(sa)->if_id, CV_DIR_OUT);
    else
        dp_drop_esp_out(w, m);
}

void dp_segs_encapsulate(struct dp_worker *w, unsigned n)
{
    w->out_chains = false;
    for (unsigned i = 0; i < n;) {
        const unsigned k = singles(w->out_pkts + i, n - i);
        if (k > 0)
            dp_transit_out(w, w->out_pkts + i, w->out_sas + i, k);
        else
            chain_out(w, w->out_pkts[i], w->out_sas[i]);
        i += k ? k : 1;
    }
}
