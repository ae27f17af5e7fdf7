#include "dataplane/dp_drop.h"
#include "dataplane/dp_martian.h"
#include "dataplane/dp_policy.h"
#include "dataplane/esp/esp_bad.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ends.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_gre.h"

enum { PROTO_TCP = 6 };

bool dp_event(struct dp_worker *w, const struct cv_evt *e)
{
    return __atomic_load_n(&w->dp->connected, __ATOMIC_ACQUIRE) && ring_evt_put(&w->dp->shm, e);
}

void dp_slow(struct dp_worker *w, struct rte_mbuf *m, enum dp_slow what)
{
    struct dp_meta *meta = dp_meta(m);
    enum dp_gate class = dp_gate_of(m, what);
    enum cv_drop why = CV_DROP_HANDOFF_FULL;
    meta->slow = (uint8_t)what;
    meta->stamp = w->now;
    if (!dp_gate_pass(&w->gates, class, w->now))
        why = CV_DROP_SLOW_LIMIT;
    else if (io_give(dp_gate_is_urgent(class) ? w->dp->rings.urgent : w->dp->rings.slow, m))
        return;
    if (what != DP_SLOW_ICMP) /* that one is counted already, under what it is about */
        dp_count(&w->stats->drops[why], 1);
    rte_pktmbuf_free(m);
}

void dp_drop(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why)
{
    struct dp_meta *meta = dp_meta(m);
    dp_count(&w->stats->drops[why], 1);
    meta->drop = (uint8_t)why;
    if (unlikely(meta->local_out == DP_LOCAL_PING))
        dp_slow(w, m, DP_SLOW_PING_LOST);
    else
        rte_pktmbuf_free(m);
}

void dp_lost_at(struct dp_worker *w, uint32_t if_id, enum cv_dir dir, enum cv_drop why, unsigned n)
{
    const enum cv_if_drop what = cv_if_drop_of(why);
    if (what < CV_IF_DROP_COUNT)
        dp_count(&shm_if_drops(&w->dp->shm, w->id, if_id)->n[dir][what], n);
}

void dp_drop_at(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why, uint32_t if_id, enum cv_dir dir)
{
    dp_lost_at(w, if_id, dir, why, 1);
    dp_drop(w, m, why);
}

void dp_drop_all(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n, enum cv_drop why)
{
    dp_count(&w->stats->drops[why], n);
    rte_pktmbuf_free_bulk(pkts, n);
}

void dp_trouble(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why, enum ip_trouble t, uint16_t mtu)
{
    if (dp_meta(m)->local_out != DP_TRANSIT || ip_classify_ip(m) == IP_CLASS_DROP) {
        dp_drop(w, m, why);
        return;
    }
    dp_count(&w->stats->drops[why], 1);
    dp_meta(m)->drop = (uint8_t)why;
    ip_icmp_trouble(dp_meta(m), t, mtu);
    dp_slow(w, m, DP_SLOW_ICMP);
}

void dp_trouble_at(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why, enum ip_trouble t, uint16_t mtu,
                   uint32_t if_id)
{
    dp_lost_at(w, if_id, CV_DIR_OUT, why, 1);
    dp_trouble(w, m, why, t, mtu);
}

bool dp_may_be_told(const struct dp_worker *w, const struct dp_meta *meta)
{
    return meta->local_out == DP_TRANSIT && !dp_policy_get(w->dp, meta->if_in);
}

void dp_tell_problem(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why,
                     const struct ip_ext_problem *p)
{
    struct dp_meta *meta = dp_meta(m);
    meta->drop = (uint8_t)why;
    meta->icmp_type = IP_ICMP6_PARAMETER;
    meta->icmp_code = p->code;
    meta->icmp_mtu = p->pointer; /* both stand in the same place (RFC 4443 3.2, 3.4) */
    dp_slow(w, m, DP_SLOW_ICMP);
}

/* Dropped for `why`, and its sender is told of p. */
static void parameter_problem(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why,
                              const struct ip_ext_problem *p)
{
    const struct dp_meta *meta = dp_meta(m);
    if (!p->tell || !dp_may_be_told(w, meta)) {
        dp_drop(w, m, why);
        return;
    }
    dp_count(&w->stats->drops[why], 1);
    dp_tell_problem(w, m, why, p);
}

bool dp_ext_ok(struct dp_worker *w, struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    struct ip_ext_problem p;
    if (meta->family == IP_V4)
        return true;
    const enum cv_drop why = ip_ext_here(ip, m->data_len, *ip_dst(m, IP_V6) == 0xff, &p);
    if (likely(why == CV_DROP_NONE))
        return true;
    parameter_problem(w, m, why, &p);
    return false;
}

/* An address of this host, from one that a host may have. */
static bool is_for_us(const struct dp_worker *w, const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const uint8_t *src = ip_src(m, IP_V6), *dst = ip_dst(m, IP_V6);
    const struct ip_route *r = ip_route_lookup(&w->dp->routes, meta->vrf, IP_V6, dst);
    return r && r->kind == IP_ROUTE_LOCAL && !dp_martian6(src, dst) && !dp_source_own(w->dp, meta, src);
}

void dp_drop_refused(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const enum cv_drop why = (enum cv_drop)meta->drop;
    struct ip_ext_problem p = {0};
    if (why == CV_DROP_EXT_HEADERS && is_for_us(w, m, meta))
        (void)ip_ext_here(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, false, &p);
    else if (why == CV_DROP_HEADER_CHAIN && is_for_us(w, m, meta))
        p = (struct ip_ext_problem){true, IP_EXT_CODE_CHAIN, 0};
    parameter_problem(w, m, why, &p);
}

/* ---- events ------------------------------------------------------------------------------------------------ */
static void endpoints_of(const struct rte_mbuf *m, const struct dp_meta *meta, struct ip_endpoint *src,
                         struct ip_endpoint *dst)
{
    bool v4 = meta->family == IP_V4;
    src->addr = v4 ? ip_addr_v4(ip_src(m, IP_V4)) : ip_addr_v6(ip_src(m, IP_V6));
    dst->addr = v4 ? ip_addr_v4(ip_dst(m, IP_V4)) : ip_addr_v6(ip_dst(m, IP_V6));
    src->port = meta->l4_src;
    dst->port = meta->l4_dst;
}

void dp_drop_esp(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    enum cv_drop why = meta->drop < CV_DROP_COUNT ? (enum cv_drop)meta->drop : CV_DROP_CRYPTO;
    const struct dp_sad_slot *slot;
    struct esp_in_sa *sa = dp_sad_lookup(&w->dp->sad, meta->spi, &slot);
    const uint64_t hz = w->dp->shm.tsc_hz;
    if (why != CV_DROP_DUMMY && sa && esp_bad_due(sa, why, w->now, hz) &&
        io_bucket_take(&w->bad_rate, &w->bad, w->now)) {
        struct cv_evt e;
        esp_bad_event(sa, m, why, w->now, hz, &e);
        (void)dp_event(w, &e); /* lost, the SA's next turn brings another */
    }
    dp_drop_at(w, m, why, sa ? esp_in_sa_conf(sa)->if_id : meta->if_in, CV_DIR_IN);
}

void dp_drop_esp_out(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    dp_drop_at(w, m, (enum cv_drop)meta->drop, meta->if_out, CV_DIR_OUT);
}

/* By which it came in; what this host sends to itself came in nowhere. */
static uint32_t came_by(const struct dp_meta *meta)
{
    return meta->local_out == DP_TRANSIT ? meta->if_in : 0;
}

static uint32_t came_for(const struct dp_worker *w, const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const struct ip_if *tunnel =
        ip_ends_find(&w->dp->ifs, meta->vrf, meta->family, ip_dst(m, meta->family), ip_src(m, meta->family));
    return tunnel ? tunnel->id : came_by(meta);
}

static uint8_t proto_of(const struct dp_meta *meta)
{
    return meta->proto == IP_PROTO_AH ? CV_PROTO_AH : CV_PROTO_ESP;
}

/* The SA that ESP or AH names; NULL: none. */
static const struct esp_conf *named_by(const struct dp_worker *w, const struct dp_meta *meta)
{
    const struct dp_sad_slot *slot;
    const struct esp_in_sa *sa = dp_sad_lookup(&w->dp->sad, meta->spi, &slot);
    return sa && esp_in_sa_conf(sa)->proto == proto_of(meta) ? esp_in_sa_conf(sa) : NULL;
}

/* Whose it is, if it was not looked at by its SA. */
static uint32_t meant_for(const struct dp_worker *w, const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const struct esp_conf *sa = named_by(w, meta);
    return sa ? sa->if_id : came_for(w, m, meta);
}

void dp_drop_unknown_spi(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const bool known = named_by(w, meta) != NULL;
    if (!known && dp_stray_due(&w->stray, m, w->now)) {
        struct cv_evt e = {.type = CV_EVT_UNKNOWN_SPI};
        e.u.sa_event.ref.spi = meta->spi;
        e.u.sa_event.proto = proto_of(meta);
        e.u.sa_event.reason = CV_DROP_UNKNOWN_SPI;
        e.u.sa_event.vrf = meta->vrf;
        endpoints_of(m, meta, &e.u.sa_event.remote, &e.u.sa_event.local);
        (void)dp_event(w, &e); /* lost, the next such packet brings another */
    }
    dp_drop_at(w, m, known ? CV_DROP_WRONG_PEER : CV_DROP_UNKNOWN_SPI, meant_for(w, m, meta), CV_DIR_IN);
}

void dp_drop_esp_waiting(struct dp_worker *w, struct rte_mbuf *m)
{
    dp_drop_at(w, m, CV_DROP_HANDOFF_FULL, meant_for(w, m, dp_meta(m)), CV_DIR_IN);
}

static void tcp_ports(const struct rte_mbuf *m, const struct dp_meta *meta, struct ip_endpoint *src,
                      struct ip_endpoint *dst)
{
    if (meta->proto != PROTO_TCP || meta->frag || m->data_len < meta->l3_len + 4u)
        return;
    const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len);
    src->port = (uint16_t)(p[0] << 8 | p[1]);
    dst->port = (uint16_t)(p[2] << 8 | p[3]);
}

/* Any worker may be the one that asks: the first to move the interface's time forward. */
static bool acquire_due(struct dp_worker *w, uint32_t if_id)
{
    uint64_t *last = &w->dp->sad.acquire_tsc[if_id];
    uint64_t seen = __atomic_load_n(last, __ATOMIC_RELAXED);
    if (seen != 0 && w->now - seen < w->dp->shm.tsc_hz)
        return false;
    return __atomic_compare_exchange_n(last, &seen, w->now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void dp_drop_no_sa(struct dp_worker *w, struct rte_mbuf *m, uint32_t if_id)
{
    const struct dp_meta *meta = dp_meta(m);
    if (acquire_due(w, if_id) && ip_classify_ip(m) != IP_CLASS_DROP) {
        struct cv_evt e = {.type = CV_EVT_ACQUIRE};
        e.u.acquire.if_id = if_id;
        e.u.acquire.vrf = meta->vrf;
        e.u.acquire.proto = meta->proto;
        endpoints_of(m, meta, &e.u.acquire.src, &e.u.acquire.dst);
        tcp_ports(m, meta, &e.u.acquire.src, &e.u.acquire.dst);
        (void)dp_event(w, &e); /* lost, the next such packet brings another */
    }
    dp_drop_at(w, m, CV_DROP_NO_SA, if_id, CV_DIR_OUT);
}

void dp_drop_no_gre_sa(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel)
{
    if (acquire_due(w, tunnel->id)) {
        struct cv_evt e = {.type = CV_EVT_ACQUIRE};
        e.u.acquire.if_id = tunnel->id;
        e.u.acquire.vrf = tunnel->tunnel_vrf;
        e.u.acquire.proto = IP_PROTO_GRE;
        e.u.acquire.src.addr = tunnel->conf.tunnel_src;
        e.u.acquire.dst.addr = tunnel->conf.tunnel_dst;
        (void)dp_event(w, &e); /* lost, the next such packet brings another */
    }
    dp_drop_at(w, m, CV_DROP_NO_SA, tunnel->id, CV_DIR_OUT);
}

/* ---- hand-off ---------------------------------------------------------------------------------------------- */
/* At whom it is lost tells what it was to become at the other worker. */
static void hand_lost(struct dp_worker *w, const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const struct ip_if *out;
    switch ((enum dp_stage)meta->stage) {
    case DP_STAGE_ESP_IN:
        dp_lost_at(w, meant_for(w, m, meta), CV_DIR_IN, CV_DROP_HANDOFF_FULL, 1);
        break;
    case DP_STAGE_FRAME:
        out = ip_if_of_port(&w->dp->ifs, meta->port);
        dp_lost_at(w, out ? out->id : 0, CV_DIR_OUT, CV_DROP_HANDOFF_FULL, 1);
        break;
    default: /* fragments for this host, or of what a GRE tunnel's SA delivered, and what they became */
        dp_lost_at(w, came_by(meta), CV_DIR_IN, CV_DROP_HANDOFF_FULL, 1);
        break;
    }
}

void dp_hand_flush(struct dp_worker *w, unsigned to)
{
    struct dp_hand *h = &w->hand[to];
    unsigned done = rte_ring_mp_enqueue_burst(w->dp->rings.inbox[to], (void **)h->pkts, h->count, NULL);
    dp_count(&w->stats->handed_off, done);
    for (unsigned i = done; i < h->count; i++)
        hand_lost(w, h->pkts[i]);
    if (done < h->count)
        dp_drop_all(w, h->pkts + done, h->count - done, CV_DROP_HANDOFF_FULL);
    h->count = 0;
}

void dp_hand_over(struct dp_worker *w, unsigned to, struct rte_mbuf *m, enum dp_stage stage)
{
    struct dp_hand *h = &w->hand[to];
    dp_meta(m)->stage = (uint8_t)stage;
    h->pkts[h->count++] = m;
    if (h->count == IO_BURST)
        dp_hand_flush(w, to);
}
