#include "dataplane/dp_worker.h"
#include "dataplane/dp_device.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_dummy.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_gre.h"
#include "dataplane/dp_group.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_mixed.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_protect.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_reass.h"
#include "dataplane/dp_run.h"
#include "dataplane/dp_segs.h"
#include "dataplane/dp_transit.h"
#include "dataplane/engine/eng_mem.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_mss.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <sys/prctl.h>
#include <time.h>

enum {
    PREFETCH_AHEAD = 4,
    IDLE_POLLS = 128,       /* empty rounds before the first sleep */
    IDLE_POLLS_LONG = 2000, /* ... before the longer ones */
    IDLE_SLEEP_NS = 20000,
    IDLE_SLEEP_LONG_NS = 100000,
};

/* ---- received packets: what are they? ------------------------------------------------------------------ */

static void link_affair(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    const struct dp_meta *meta = dp_meta(m);
    bool icmp6 = meta->family == IP_V6 && meta->proto == IP_PROTO_ICMP6 && !meta->frag;
    const uint8_t *dst = ip_dst(m, meta->family);
    if (icmp6 && unlikely(meta->l3_len > IP_PLAIN_MAX) && !dp_ext_ok(w, m))
        return;
    if (icmp6 && (dst[0] == 0xff || memcmp(dst, in->link_local, 16) == 0))
        dp_slow(w, m, DP_SLOW_LOCAL);
    else
        dp_drop(w, m, CV_DROP_NOT_LOCAL_SERVICE);
}

static void to_be_routed(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    if (unlikely(dp_link_affair(m, dp_meta(m)->family))) {
        link_affair(w, m, in);
        return;
    }
    const struct ip_policy *policy = dp_policy_get(w->dp, in->id);
    if (unlikely(policy) && !dp_protect_in(w, m, policy))
        return;
    if (unlikely(in->tcp_mss.any))
        ip_mss_clamp_by(m, in->tcp_mss);
    dp_flow_route(w, m);
}

/* Did m come in by a port, to the end of the SA in slot, which is of the kind (0: ESP; DP_SAD_AH, DP_SAD_WHOLE)? */
static __rte_always_inline bool is_for(const struct dp_sad_slot *slot, struct rte_mbuf *m,
                                       const struct ip_if *in, unsigned kind)
{
    const struct dp_meta *meta = dp_meta(m);
    return slot->vrf == meta->vrf && slot->family == (meta->family | kind) && in->kind == CV_IF_PORT &&
           ip_same_addr(slot->local, ip_dst(m, meta->family), meta->family);
}

/* For this host's SA table? Else it is routed, and delivery here names the unknown SPI. So is what came out of a
 * tunnel (in fragments: whole ones never come here): nothing is decrypted twice. */
static void esp_received(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    struct dp_meta *meta = dp_meta(m);
    const struct dp_sad_slot *slot;
    struct esp_in_sa *sa = dp_sad_lookup(&w->dp->sad, meta->spi, &slot);
    if (unlikely(!sa || !is_for(slot, m, in, 0))) {
        if (unlikely(sa && is_for(slot, m, in, DP_SAD_WHOLE))) {
            eng_inline_stray(esp_in_sa_session(sa)); /* the window is the NIC's, which this did not pass */
            dp_drop_at(w, m, CV_DROP_CRYPTO, esp_in_sa_conf(sa)->if_id, CV_DIR_IN);
        } else if (unlikely(dp_inline_came_so(m))) {
            dp_drop_at(w, m, CV_DROP_UNKNOWN_SPI, in->id, CV_DIR_IN);
        } else {
            to_be_routed(w, m, in);
        }
        return;
    }
    if (unlikely(meta->l3_len > IP_PLAIN_MAX) && !dp_ext_ok(w, m))
        return;
    if (unlikely(!dp_owner_is(&w->dp->owners, meta->spi, w->id))) {
        dp_owner_landed(w, m);
        return;
    }
    w->in_sas[w->in_count] = sa;
    w->in_pkts[w->in_count++] = m;
}

static void ah_later(struct dp_worker *w, struct rte_mbuf *m, struct esp_in_sa *sa)
{
    w->ah_sas[w->ah_count] = sa;
    w->ah_pkts[w->ah_count++] = m;
}

/* The same for AH: the SPI of an SA of ESP is not one of AH (RFC 4301 4.1). */
static void ah_received(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    struct dp_meta *meta = dp_meta(m);
    const struct dp_sad_slot *slot;
    struct esp_in_sa *sa = dp_sad_lookup(&w->dp->sad, meta->spi, &slot);
    if (!sa || !is_for(slot, m, in, DP_SAD_AH))
        to_be_routed(w, m, in);
    else if (unlikely(meta->l3_len > IP_PLAIN_MAX) && !dp_ext_ok(w, m))
        return;
    else if (!dp_owner_is(&w->dp->owners, meta->spi, w->id))
        dp_owner_landed(w, m);
    else
        ah_later(w, m, sa);
}

static void ip_received(struct dp_worker *w, struct rte_mbuf *m, enum ip_class class, const struct ip_if *in)
{
    switch (class) {
    case IP_CLASS_ESP:
        esp_received(w, m, in);
        break;
    case IP_CLASS_IP:
        to_be_routed(w, m, in);
        break;
    case IP_CLASS_AH:
        ah_received(w, m, in);
        break;
    case IP_CLASS_ARP:
        dp_slow(w, m, DP_SLOW_ARP);
        break;
    case IP_CLASS_CHAIN:
        dp_segs_received(w, m, in);
        break;
    case IP_CLASS_DROP:
        dp_drop_refused(w, m);
        break;
    }
}

/* The lines of a packet that the loop will touch whatever it is. */
static inline void fetch(struct rte_mbuf *m)
{
    rte_prefetch0(rte_pktmbuf_mtod(m, void *));
    rte_prefetch0(dp_meta(m));
}

/* As ip_classify_frame, which is asked where the frame is not a common one. */
static inline enum ip_class classify(struct rte_mbuf *m, const struct ip_arrival *a, const struct ip_if *in)
{
    enum ip_class class;
    if (likely(ip_classify_plain(m, a, &class)))
        return class;
    struct dp_meta *meta = dp_meta(m);
    meta->if_in = a->if_id;
    meta->vrf = a->vrf;
    meta->local_out = DP_TRANSIT;
    return ip_classify_frame(m, in->mac);
}

/* As frames_received does it with a burst whose packets go by many SAs: what they are asked for first is on its way for all of them before
 * the first one is. */
static __rte_noinline void mixed_received(struct dp_worker *w, const struct ip_if *in,
                                          const struct ip_arrival *a, bool open, struct rte_mbuf **pkts,
                                          unsigned n)
{
    enum ip_class class[DP_BURST_MIXED];
    struct rte_mbuf *ip[DP_BURST_MIXED];
    uint32_t spi[DP_BURST_MIXED];
    unsigned ips = 0, spis = 0;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n; i++)
        fetch(pkts[i]);
    for (unsigned i = 0; i < n; i++) {
        bytes += pkts[i]->pkt_len;
        class[i] = classify(pkts[i], a, in);
        const struct dp_meta *meta = dp_meta(pkts[i]);
        if (class[i] == IP_CLASS_ESP)
            spi[spis++] = meta->spi;
        else if (class[i] == IP_CLASS_IP)
            ip_route_fetch(&w->dp->routes, meta->vrf, meta->family, ip_dst(pkts[i], meta->family));
    }
    for (unsigned i = 0; i < spis; i++) /* by itself, as in dp_mixed.c */
        dp_sad_fetch(&w->dp->sad, spi[i]);
    for (unsigned i = 0; i < n; i++)
        if (class[i] == IP_CLASS_IP && likely(open) &&
            likely(!dp_link_affair(pkts[i], dp_meta(pkts[i])->family)))
            ip[ips++] = pkts[i];
        else
            ip_received(w, pkts[i], class[i], in);
    dp_mixed_route(w, ip, ips);
    dp_count(&w->if_stats[in->id].rx_packets, n);
    dp_count(&w->if_stats[in->id].rx_bytes, bytes);
}

/* An inner packet, its data at the IP header, that a NIC did all of ESP for. */
static void whole_in(struct dp_worker *w, struct rte_mbuf *m, struct esp_in_sa *sa)
{
    enum cv_drop why = dp_inline_came_so(m) ? esp_in_whole(&w->esp, sa, m) : CV_DROP_CRYPTO;
    dp_count(&w->stats->crypto_packets, 1);
    if (likely(why != CV_DROP_CRYPTO))
        eng_inline_came(w->esp.engine, esp_in_sa_session(sa), why != CV_DROP_ESP_AUTH);
    if (likely(why == CV_DROP_NONE))
        dp_worker_decapsulated(w, &m, 1);
    else
        dp_drop_at(w, m, why, esp_in_sa_conf(sa)->if_id, CV_DIR_IN);
}

/* From a NIC that does ESP as a whole, and says by its userdata which SA it was. */
static void whole_received(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in)
{
    const uint32_t spi = eng_inline_came_for(m);
    const struct dp_sad_slot *slot = NULL;
    struct esp_in_sa *sa = spi ? dp_sad_lookup(&w->dp->sad, spi, &slot) : NULL;
    struct dp_meta *meta = dp_meta(m);
    meta->if_in = in->id;
    meta->vrf = in->vrf;
    meta->spi = spi;
    meta->proto = IP_PROTO_ESP; /* what it came as: nothing looks at the packet before its SA does */
    meta->local_out = DP_TRANSIT;
    if (unlikely(m->nb_segs != 1) && !(m = dp_segs_join(w, m, in->id, CV_DIR_IN)))
        return;
    if (unlikely(!sa || !(slot->family & DP_SAD_WHOLE) || slot->vrf != in->vrf ||
                 !rte_pktmbuf_adj(m, RTE_ETHER_HDR_LEN))) {
        dp_drop_at(w, m, CV_DROP_UNKNOWN_SPI, in->id, CV_DIR_IN);
        return;
    }
    if (likely(dp_owner_is(&w->dp->owners, spi, w->id))) {
        whole_in(w, m, sa);
        return;
    }
    dp_meta(m)->family = *rte_pktmbuf_mtod(m, const uint8_t *) >> 4 == 6 ? IP_V6 : IP_V4;
    dp_owner_landed(w, m);
}

/* From a port whose NIC decrypts: what it decrypted is ESP still, and its SA's or nobody's. */
static __rte_noinline void inline_received(struct dp_worker *w, const struct ip_if *in,
                                           struct rte_mbuf **pkts, unsigned n)
{
    const bool whole = w->dp->ports[in->port].security == IO_SECURITY_WHOLE;
    const struct ip_arrival a = ip_arrival_of(in->mac, in->id, in->vrf);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
        fetch(pkts[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n)
            fetch(pkts[i + PREFETCH_AHEAD]);
        bytes += pkts[i]->pkt_len;
        if (whole && dp_inline_came_so(pkts[i])) {
            whole_received(w, pkts[i], in);
            continue;
        }
        const enum ip_class class = classify(pkts[i], &a, in);
        if (unlikely(dp_inline_came_so(pkts[i]) && class != IP_CLASS_ESP && class != IP_CLASS_CHAIN))
            dp_drop_at(w, pkts[i], CV_DROP_UNKNOWN_SPI, in->id, CV_DIR_IN);
        else
            ip_received(w, pkts[i], class, in);
    }
    dp_count(&w->if_stats[in->id].rx_packets, n);
    dp_count(&w->if_stats[in->id].rx_bytes, bytes);
}

void dp_worker_classified(struct dp_worker *w, struct rte_mbuf *m, enum ip_class class,
                          const struct ip_if *in)
{
    ip_received(w, m, class, in);
}

void dp_worker_received(struct dp_worker *w, struct rte_mbuf *m, const struct ip_arrival *a,
                        const struct ip_if *in)
{
    const enum ip_class class = classify(m, a, in);
    ip_received(w, m, class, in);
}

static void frames_received(struct dp_worker *w, uint16_t port, struct rte_mbuf **pkts, unsigned n)
{
    const struct ip_if *in = ip_if_of_port(&w->dp->ifs, port);
    if (unlikely(!in || !in->up)) {
        dp_drop_all(w, pkts, n, CV_DROP_IF_DOWN);
        return;
    }
    if (unlikely(w->inlined) && w->dp->ports[port].security) {
        inline_received(w, in, pkts, n);
        return;
    }
    /* Where the port asks nothing of a packet by itself, those that follow one of their flow go its way at once. */
    const bool open = !dp_policy_get(w->dp, in->id) && !in->tcp_mss.any, mixed = w->mixed;
    const bool together = likely(!w->esp.asynchronous);
    const struct ip_arrival a = ip_arrival_of(in->mac, in->id, in->vrf);
    uint64_t bytes = 0;
    unsigned first = 0;
    if (n >= DP_RUN_MIN && together && !mixed)
        first = dp_run_take(w, in, &a, pkts, n, &bytes);
    if (n - first >= DP_GROUP_MIN && together && !w->far)
        first += dp_group_take(w, in, &a, pkts + first, n - first, &bytes);
    if (unlikely(mixed) && first < n) {
        mixed_received(w, in, &a, open, pkts + first, n - first);
        n = first;
    }
    for (unsigned i = first; i < n && i < first + PREFETCH_AHEAD; i++)
        fetch(pkts[i]);
    for (unsigned i = first; i < n; i++) {
        struct rte_mbuf *m = pkts[i];
        if (i + PREFETCH_AHEAD < n)
            fetch(pkts[i + PREFETCH_AHEAD]);
        bytes += m->pkt_len;
        const enum ip_class class = classify(m, &a, in);
        if (class == IP_CLASS_IP && likely(open) && likely(!dp_link_affair(m, dp_meta(m)->family)))
            dp_flow_route_sound(w, m);
        else
            ip_received(w, m, class, in);
    }
    dp_count(&w->if_stats[in->id].rx_packets, n);
    dp_count(&w->if_stats[in->id].rx_bytes, bytes);
}

/* ---- packets from other lcores: they join the loop where their stage says -------------------------------- */
static void handed_esp(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_sad_slot *slot;
    if (!dp_owner_is(&w->dp->owners, dp_meta(m)->spi, w->id) && !dp_owner_handed(w, m))
        return;
    struct esp_in_sa *sa = dp_sad_lookup(&w->dp->sad, dp_meta(m)->spi, &slot);
    if (!sa) { /* removed on the way */
        dp_drop_at(w, m, CV_DROP_UNKNOWN_SPI, dp_meta(m)->if_in, CV_DIR_IN);
        return;
    }
    if (unlikely(slot->family & DP_SAD_WHOLE)) {
        whole_in(w, m, sa);
        return;
    }
    if (unlikely(slot->family & DP_SAD_AH)) {
        ah_later(w, m, sa);
        return;
    }
    w->in_chains |= m->nb_segs != 1;
    w->in_sas[w->in_count] = sa;
    w->in_pkts[w->in_count++] = m;
}

/* RFC 6980 5: Neighbour Discovery that came in fragments is ignored. */
static bool is_fragmented_nd(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    enum { ROUTER_SOLICITATION = 133, REDIRECT = 137 };
    if (meta->family != IP_V6 || meta->proto != IP_PROTO_ICMP6 || m->data_len <= meta->l3_len)
        return false;
    uint8_t type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len);
    return type >= ROUTER_SOLICITATION && type <= REDIRECT;
}

static void reassembled(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct ip_if *in = ip_if_get(&w->dp->ifs, dp_meta(m)->if_in);
    if (!in) {
        dp_drop(w, m, CV_DROP_IF_DOWN);
        return;
    }
    enum ip_class class = ip_classify_ip(m);
    if (class == IP_CLASS_IP && is_fragmented_nd(m, dp_meta(m)))
        dp_drop(w, m, CV_DROP_FRAGMENT);
    else
        ip_received(w, m, class, in);
}

static void handed_in(struct dp_worker *w, struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    switch ((enum dp_stage)meta->stage) {
    case DP_STAGE_IP:
        reassembled(w, m);
        break;
    case DP_STAGE_ESP_IN:
        handed_esp(w, m);
        break;
    case DP_STAGE_ROUTE:
        dp_flow_route(w, m);
        break;
    case DP_STAGE_OUT:
        dp_link_out_known(w, m);
        break;
    case DP_STAGE_PIECE:
        dp_reass_handed(w, m, DP_STAGE_IP);
        break;
    case DP_STAGE_GRE_PIECE:
        dp_reass_handed(w, m, DP_STAGE_GRE);
        break;
    case DP_STAGE_GRE:
        dp_gre_reassembled(w, m);
        break;
    case DP_STAGE_DUMMY:
        dp_dummy_out(w, m);
        break;
    case DP_STAGE_FRAME:
        dp_frame_out(w, m, meta->port);
        break;
    }
}

/* ---- the stages ------------------------------------------------------------------------------------------ */
/* Drops what is over the limit; those that pass come to the front. */
static unsigned police(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n, const struct ip_if *in)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < n; i++)
        if (ip_police_pass(&in->police[CV_DIR_IN], pkts[i]->pkt_len, w->now))
            pkts[passed++] = pkts[i];
        else
            dp_drop_at(w, pkts[i], CV_DROP_POLICED, in->id, CV_DIR_IN);
    return passed;
}

/* A run of packets out of one tunnel. */
static void decapsulated(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n, uint32_t if_id)
{
    const struct ip_if *in = ip_if_get(&w->dp->ifs, if_id);
    uint64_t bytes = 0;
    if (unlikely(!in || !in->up)) {
        dp_lost_at(w, if_id, CV_DIR_IN, CV_DROP_IF_DOWN, n);
        dp_drop_all(w, pkts, n, CV_DROP_IF_DOWN);
        return;
    }
    if (in->gre) {
        dp_gre_decapsulated(w, pkts, n, in);
        return;
    }
    if (unlikely(in->police))
        n = police(w, pkts, n, in);
    for (unsigned i = 0; i < n; i++) {
        struct dp_meta *meta = dp_meta(pkts[i]);
        meta->vrf = in->vrf; /* into its tunnel's VRF and no other */
        meta->local_out = DP_TRANSIT;
        bytes += pkts[i]->pkt_len;
        if (unlikely(in->tcp_mss.any))
            ip_mss_clamp_by(pkts[i], in->tcp_mss);
    }
    dp_flow_route_all(w, pkts, n);
    dp_count(&w->if_stats[if_id].rx_packets, n);
    dp_count(&w->if_stats[if_id].rx_bytes, bytes);
}

/* ... of packets out of many tunnels, which are routed together. */
static __rte_noinline void decapsulated_mixed(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    unsigned plain = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint32_t if_id = dp_meta(pkts[i])->if_in;
        rte_prefetch0(ip_if_get(&w->dp->ifs, if_id));
        rte_prefetch0(&w->if_stats[if_id]);
    }
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *m = pkts[i];
        struct dp_meta *meta = dp_meta(m);
        const struct ip_if *in = ip_if_get(&w->dp->ifs, meta->if_in);
        if (unlikely(!in || !in->up || in->gre || in->police || in->tcp_mss.any)) {
            decapsulated(w, &m, 1, meta->if_in);
            continue;
        }
        meta->vrf = in->vrf; /* into its tunnel's VRF and no other */
        meta->local_out = DP_TRANSIT;
        dp_count(&w->if_stats[in->id].rx_packets, 1);
        dp_count(&w->if_stats[in->id].rx_bytes, m->pkt_len);
        pkts[plain++] = m;
    }
    dp_mixed_route(w, pkts, plain);
}

void dp_worker_decapsulated(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    if (unlikely(w->mixed)) {
        decapsulated_mixed(w, pkts, n);
        return;
    }
    for (unsigned i = 0, run; i < n; i += run) {
        const uint32_t if_id = dp_meta(pkts[i])->if_in;
        for (run = 1; i + run < n && dp_meta(pkts[i + run])->if_in == if_id; run++)
            ;
        decapsulated(w, pkts + i, run, if_id);
    }
}

static void in_chunk(struct dp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, unsigned n)
{
    const unsigned good = esp_in_burst(&w->esp, pkts, sas, (uint16_t)n);
    dp_worker_decapsulated(w, pkts, good);
    for (unsigned i = good; i < n - w->esp.taken; i++)
        dp_drop_esp(w, pkts[i]);
}

void dp_worker_in(struct dp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, unsigned n)
{
    in_chunk(w, pkts, sas, n);
}

/* Of n packets in all: what those of the chunk at `at` read, whose SAs have been asked for, and the SAs of the next one. */
static void in_fetch(struct dp_worker *w, unsigned at, unsigned n)
{
    const unsigned next = RTE_MIN(at + ESP_CHUNK, n);
    if (at == 0)
        esp_in_fetch(w->in_sas, next);
    esp_in_fetch(w->in_sas + next, RTE_MIN(n - next, (unsigned)ESP_CHUNK));
    esp_in_fetch_behind(w->in_pkts + at, w->in_sas + at, next - at);
}

void dp_worker_mixed(struct dp_worker *w, const void *first, const void *last)
{
    struct eng_mem_use in, out;
    w->mixed = first != last;
    w->far = false;
    if (likely(!w->mixed))
        return;
    eng_mem_used(ENG_MEM_IN_SA, &in);
    eng_mem_used(ENG_MEM_OUT_SA, &out);
    w->far = in.count + out.count > w->dp->near_sas;
}

void dp_worker_decapsulate(struct dp_worker *w)
{
    unsigned n = w->in_count;
    if (n == 0)
        return;
    w->in_count = 0;
    dp_worker_mixed(w, w->in_sas[0], w->in_sas[n - 1]);
    dp_count(&w->stats->crypto_packets, n);
    if (!w->esp.sole)
        dp_owner_count(w->steer, w->in_pkts, n);
    if (unlikely(w->in_chains)) {
        dp_segs_decapsulate(w, n);
        return;
    }
    if (w->mixed)
        in_fetch(w, 0, n);
    for (unsigned i = 0, k; i < n; i += k) {
        k = RTE_MIN(n - i, (unsigned)ESP_CHUNK);
        if (w->mixed)
            in_fetch(w, i + k, n);
        in_chunk(w, w->in_pkts + i, w->in_sas + i, k);
    }
}

static __rte_noinline void ah_decapsulate(struct dp_worker *w)
{
    const unsigned n = w->ah_count;
    w->ah_count = 0;
    dp_count(&w->stats->crypto_packets, n);
    if (!w->esp.sole)
        dp_owner_count(w->steer, w->ah_pkts, n);
    const unsigned good = esp_ah_in_burst(&w->esp, w->ah_pkts, w->ah_sas, (uint16_t)n);
    dp_worker_decapsulated(w, w->ah_pkts, good);
    for (unsigned i = good; i < n; i++)
        dp_drop_esp(w, w->ah_pkts[i]);
}

/* What was found in tables holds for one burst: they may have changed since the last. */
static void forget(struct dp_worker *w)
{
    w->changes = dp_rcu_changes();
    w->hop.valid = w->source.valid = false;
    w->gre.tunnel = NULL;
}

/* The rest of a burst whose packets have been classified: those for SAs wait for them. */
static void process(struct dp_worker *w)
{
    dp_worker_decapsulate(w);
    if (unlikely(w->ah_count))
        ah_decapsulate(w);
    dp_clock_mark(w->esp.clock, DP_CLOCK_ROUTE);
    dp_encapsulate(w);
    dp_flow_end(w);
    dp_clock_mark(w->esp.clock, DP_CLOCK_ROUTE);
    dp_transmit(w);
    dp_clock_mark(w->esp.clock, DP_CLOCK_TRANSMIT);
}

/* ---- a crypto device's packets --------------------------------------------------------------------------- */
enum { DEVICE_BURSTS = 8 };

/* What came back goes on where its burst would have. */
static __rte_noinline unsigned from_device(struct dp_worker *w)
{
    struct esp_done d;
    unsigned total = 0, n = ESP_POLL_MAX;
    for (unsigned b = 0; b < DEVICE_BURSTS && n == ESP_POLL_MAX; b++) {
        n = esp_poll(&w->esp, &d);
        if (n == 0)
            break;
        total += n;
        forget(w);
        dp_worker_decapsulated(w, d.in, d.in_good);
        if (w->inlined)
            dp_inline_out(w, d.out, d.out_good);
        else
            dp_flow_route_all(w, d.out, d.out_good);
        for (unsigned k = 0; k < d.in_bads; k++)
            dp_drop_esp(w, d.in_bad[k]);
        for (unsigned k = 0; k < d.out_bads; k++)
            dp_drop_esp_out(w, d.out_bad[k]);
        process(w);
    }
    return total;
}

/* SAs are in use as long as their packets are under way. */
static __rte_noinline void quiet_behind_device(struct dp_worker *w)
{
    struct eng_flight f;
    esp_flight(&w->esp, &f);
    dp_rcu_quiet_behind(w->id, &w->behind, f.submitted, f.delivered);
}

/* At the end: what is under way leaves the device, for a while. */
static void device_drain(struct dp_worker *w)
{
    const uint64_t until = rte_rdtsc() + rte_get_tsc_hz();
    while (dp_device_has_packets(w) && rte_rdtsc() < until)
        (void)from_device(w);
}

/* The manager has told something. If a bucket became this worker's, what waited for that comes first. */
static void adopt(struct dp_worker *w)
{
    struct rte_mbuf *pkts[IO_BURST];
    unsigned n;
    dp_owner_adopt(w);
    while ((n = dp_owner_unpark(&w->parked, pkts, IO_BURST)) > 0) {
        while (unlikely(w->esp.asynchronous) && !dp_device_has_room(w))
            (void)from_device(w);
        forget(w);
        for (unsigned i = 0; i < n; i++)
            handed_esp(w, pkts[i]);
        process(w);
    }
}

static unsigned receive(struct dp_worker *w, const struct dp_rxq *q)
{
    struct rte_mbuf *pkts[DP_BURST_MIXED];
    unsigned n = rte_eth_rx_burst(q->port_id, q->queue, pkts, IO_BURST);
    if (n == 0)
        return 0;
    if (unlikely(w->far) && likely(!w->esp.asynchronous))
        for (unsigned last = n; last == IO_BURST && n < DP_BURST_MIXED; n += last)
            last = rte_eth_rx_burst(q->port_id, q->queue, pkts + n, IO_BURST);
    dp_count(&w->stats->rx_packets, n);
    dp_clock_mark(w->esp.clock, DP_CLOCK_RECEIVE);
    forget(w);
    frames_received(w, q->port, pkts, n);
    dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
    process(w);
    dp_decided_judge(w, n);
    return n;
}
static __rte_always_inline unsigned inbox_take(struct dp_worker *w)
{
    struct rte_mbuf *pkts[IO_BURST];
    const unsigned n = io_take(w->dp->rings.inbox[w->id], pkts, IO_BURST);
    if (n == 0)
        return 0;
    forget(w);
    for (unsigned i = 0; i < n; i++)
        handed_in(w, pkts[i]);
    process(w);
    return n;
}

/* Before a device that is behind: in turns, from where the last turn found no more room. Who is in front would else have all of it. */
static __rte_noinline unsigned receive_in_turns(struct dp_worker *w)
{
    unsigned total = 0;
    for (unsigned i = 0; i <= w->rxq_count; i++) {
        if (!dp_device_has_room(w))
            return total + 1; /* not idle */
        total += w->rx_next < w->rxq_count ? receive(w, &w->rxq[w->rx_next]) : inbox_take(w);
        w->rx_next = w->rx_next < w->rxq_count ? w->rx_next + 1 : 0;
    }
    return total;
}

unsigned dp_worker_turn(struct dp_worker *w)
{
    w->now = w->esp.now_tsc = rte_rdtsc();
    w->asked.policy = NULL; /* it may have been replaced since the last turn */
    unsigned total = unlikely(w->esp.asynchronous) ? from_device(w) : 0;
    if (unlikely(dp_owner_due(&w->parked)))
        adopt(w);
    if (unlikely(w->now >= w->frags_due))
        dp_reass_tick(w);
    dp_clock_start(w->esp.clock);
    if (unlikely(w->esp.asynchronous))
        return total + receive_in_turns(w);
    for (unsigned i = 0; i < w->rxq_count; i++)
        total += receive(w, &w->rxq[i]);
    return total + inbox_take(w);
}

/* ---- the loop -------------------------------------------------------------------------------------------- */
static void idle(struct dp_worker *w, unsigned rounds)
{
    if (!w->dp->idle_sleep || rounds < IDLE_POLLS ||
        (unlikely(w->esp.asynchronous) && dp_device_has_packets(w))) {
        rte_pause();
        return;
    }
    struct timespec t = {0, rounds < IDLE_POLLS_LONG ? IDLE_SLEEP_NS : IDLE_SLEEP_LONG_NS};
    dp_rcu_offline(w->id);
    nanosleep(&t, NULL);
    dp_rcu_online(w->id);
}

int dp_worker_main(void *arg)
{
    struct dp_worker *w = arg;
    unsigned idle_rounds = 0;
    uint64_t before = rte_rdtsc();
    if (dp_rcu_register(w->id) != CV_OK)
        return -1;
    dp_pick_for(w->id);
    prctl(PR_SET_TIMERSLACK, 1000ul);
    __atomic_store_n(&w->stats->running, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&w->running, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&w->dp->stop, __ATOMIC_RELAXED) && likely(!w->dismissed)) {
        unsigned n = dp_worker_turn(w);
        if (unlikely(w->esp.asynchronous))
            quiet_behind_device(w);
        else
            dp_rcu_quiet(w->id);
        uint64_t after = rte_rdtsc();
        dp_count(&w->stats->total_cycles, after - before);
        if (n > 0)
            dp_count(&w->stats->busy_cycles, after - before);
        before = after;
        idle_rounds = n > 0 ? 0 : idle_rounds + 1;
        if (n == 0)
            idle(w, idle_rounds);
    }
    if (w->esp.asynchronous)
        device_drain(w);
    __atomic_store_n(&w->stats->running, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&w->running, false, __ATOMIC_RELAXED);
    dp_rcu_unregister(w->id);
    return 0;
}
