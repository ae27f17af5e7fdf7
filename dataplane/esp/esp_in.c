#include "dataplane/esp/esp_in.h"

#include "dataplane/dp_chain.h"
#include "dataplane/esp/esp_ah.h"
#include "dataplane/esp/esp_aside.h"
#include "dataplane/esp/esp_flight.h"
#include "dataplane/esp/esp_segs.h"
#include "dataplane/esp/esp_trailer.h"
#include "dataplane/esp/esp_transport.h"
#include "dataplane/esp/esp_ts.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <string.h>

enum {
    V4_DST = 16, /* octets into the outer header */
    V4_SRC = 12,
    V6_DST = 24,
    MBUF_AHEAD = 6, /* packets ahead whose mbuf is fetched, and whose data */
    DATA_AHEAD = 3,
};

/* What a run adds to the SA's counters, and how much the lifetime lets it add. */
struct tally {
    uint64_t packets, bytes, auth_failed, replayed, ts_failed, other;
    uint64_t packets_left, bytes_left;
};

/* A run: packets of the chunk that follow one another on one SA. */
struct esp_in_part {
    struct esp_in_sa *sa;
    uint16_t n;            /* packets handed in */
    uint16_t ahead;        /* packets from its first to the end of the chunk */
    uint16_t first, count; /* its ops in the scratch arrays */
};

/* ---- before the engine ---------------------------------------------------------------------------------- */
static __rte_always_inline bool dst_matches(const struct esp_in_sa *sa, const uint8_t *ip)
{
    if (sa->family == IP_V4) {
        uint32_t a, b;
        memcpy(&a, ip + V4_DST, sizeof a);
        memcpy(&b, sa->local, sizeof b);
        return a == b;
    }
    return memcmp(ip + V6_DST, sa->local, 16) == 0;
}

/* Everything that can be known without cryptography, of a packet of len octets. Fills op and *seq. segs: in several mbufs, the first of which esp_in_takes_segs
 * has looked at. */
static __rte_always_inline enum cv_drop check_one(const struct esp_in_sa *sa, struct rte_mbuf *m,
                                                  uint32_t len, struct eng_op *op, uint64_t *seq, bool segs)
{
    const struct dp_meta *meta = dp_meta(m);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    if (!segs && unlikely(m->nb_segs != 1))
        return CV_DROP_NO_MBUF;
    if (unlikely(meta->family != sa->family || !dst_matches(sa, ip)))
        return CV_DROP_WRONG_PEER;
    /* Plain or in UDP, at any time on any SA (RFC 7296 2.23). */
    const uint32_t outer = meta->l3_len + (meta->udp_encap ? ESP_UDP_LEN : 0u);
    const uint32_t fixed = outer + sa->head + sa->icv_len;
    const uint32_t data = len - fixed;
    /* At least one padding unit, and whole ones (RFC 4303 2.4): pad length and next header are in it. */
    if (unlikely(len <= fixed || (data & sa->align_mask)))
        return CV_DROP_ESP_SHORT;
    uint8_t *esp = ip + outer;
    uint32_t lo;
    memcpy(&lo, esp + 4, sizeof lo);
    lo = rte_be_to_cpu_32(lo);
    const enum cv_drop r = esp_in_number(sa, lo, seq);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    op->esp = esp;
    op->data_len = data;
    op->seq_hi = (uint32_t)(*seq >> 32);
    return CV_DROP_NONE;
}

/* ---- after the engine ----------------------------------------------------------------------------------- */
static __rte_always_inline enum cv_drop replay_commit(struct esp_in_sa *sa, uint64_t seq)
{
    if (unlikely(!sa->replay_on)) {
        if (seq > sa->replay.top)
            sa->replay.top = seq;
        return CV_DROP_NONE;
    }
    /* Again: the burst may have held the number twice (RFC 4303 3.4.3). */
    enum cv_drop r = esp_replay_check(&sa->replay, seq);
    if (likely(r == CV_DROP_NONE))
        esp_replay_advance(&sa->replay, seq);
    return r;
}

/* The inner packet lies at `in`, at most `max` octets of it; gives its length. */
static __rte_always_inline bool inner_v4(const uint8_t *in, uint32_t max, uint32_t *len)
{
    if (unlikely(max < ESP_V4_LEN || in[0] >> 4 != 4))
        return false;
    const uint32_t hl = (in[0] & 15u) * 4u, total = (uint32_t)in[2] << 8 | in[3];
    *len = total; /* what is behind is traffic flow confidentiality padding (RFC 4303 2.7) */
    return likely(hl >= ESP_V4_LEN && total >= hl && total <= max);
}
static __rte_always_inline bool inner_v6(const uint8_t *in, uint32_t max, uint32_t *len)
{
    if (unlikely(max < ESP_V6_LEN || in[0] >> 4 != 6))
        return false;
    *len = ESP_V6_LEN + ((uint32_t)in[4] << 8 | in[5]);
    return likely(*len <= max);
}

static __rte_always_inline uint32_t outer_ecn(const struct esp_in_sa *sa, const uint8_t *ip)
{
    return (sa->family == IP_V4 ? esp_tos_v4(ip) : esp_tos_v6(ip)) & 3u;
}

/* Where the SA does not take the whole family. */
static __rte_always_inline bool selected(const struct esp_in_sa *sa, const uint8_t *in, uint32_t len,
                                         uint32_t family)
{
    if (likely(sa->plain4 && family == IP_V4)) {
        uint32_t src, dst;
        memcpy(&src, in + V4_SRC, sizeof src);
        memcpy(&dst, in + V4_DST, sizeof dst);
        return esp_ts4_match(&sa->ts4, rte_be_to_cpu_32(dst), rte_be_to_cpu_32(src));
    }
    return esp_ts_takes(&sa->conf, in, len);
}

/* Inner header, ECN and selectors of an authentic packet; moves the mbuf's data to the inner one. */
static __rte_always_inline enum cv_drop inner(const struct esp_in_sa *sa, struct rte_mbuf *m, uint8_t *in,
                                              uint32_t max, uint32_t next, bool outer)
{
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    uint32_t len, family, any, ecn, was; /* as in esp_out.c: none of them an octet */
    if (next == ESP_NEXT_V4) {
        if (!inner_v4(in, max, &len))
            return CV_DROP_ESP_INNER;
        family = IP_V4;
        any = ESP_TS_ANY4;
        was = esp_tos_v4(in) & 3u;
    } else if (likely(next == ESP_NEXT_V6)) {
        if (!inner_v6(in, max, &len))
            return CV_DROP_ESP_INNER;
        family = IP_V6;
        any = ESP_TS_ANY6;
        was = esp_tos_v6(in) & 3u;
    } else {
        return next == ESP_NEXT_NONE ? CV_DROP_DUMMY : CV_DROP_ESP_PAD;
    }
    if (unlikely(!(sa->any & any)) && !selected(sa, in, len, family) &&
        !esp_ts_match_error(&sa->conf, in, len))
        return CV_DROP_TS_IN;
    ecn = outer ? esp_ecn_combine(was, outer_ecn(sa, ip)) : was;
    if (unlikely(ecn != was)) {
        if (ecn == ESP_ECN_DROP)
            return CV_DROP_ECN;
        if (family == IP_V4)
            esp_ecn_set_v4(in, (uint8_t)ecn);
        else
            esp_ecn_set_v6(in, (uint8_t)ecn);
    }
    m->data_off = (uint16_t)(m->data_off + (in - ip));
    m->data_len = (uint16_t)len;
    m->pkt_len = len;
    m->ol_flags &= ~(uint64_t)ESP_OLD_CKSUM_FLAGS;
    struct dp_meta *meta = dp_meta(m);
    meta->if_in = sa->if_id;
    meta->family = (uint8_t)family;
    meta->udp_encap = 0;
    meta->local_out = DP_TRANSIT;
    return CV_DROP_NONE;
}

static __rte_always_inline enum cv_drop decap(const struct esp_in_sa *sa, struct rte_mbuf *m,
                                              const struct eng_op *op)
{
    uint8_t *in = op->esp + sa->head;
    uint32_t max, next;
    if (unlikely(!esp_trailer_read(in, op->data_len, &next, &max)))
        return CV_DROP_ESP_PAD;
    return inner(sa, m, in, max, next, true);
}

enum cv_drop esp_in_inner(const struct esp_in_sa *sa, struct rte_mbuf *m, uint8_t *in, uint32_t max,
                          uint32_t next)
{
    return inner(sa, m, in, max, next, true);
}

/* ---- events --------------------------------------------------------------------------------------------- */
/* RFC 7296 2.23: an authentic packet from another endpoint means that the NAT has a new mapping. Told once a second
 * until the manager has set the peer: culvertd may have been away, or may have lost the first while it asked the
 * peer. `ip` is the outer header, still in place. */
static __rte_always_inline void natt_source(struct esp_worker *w, struct esp_in_sa *sa, const uint8_t *ip,
                                            const uint8_t *udp)
{
    struct ip_endpoint expected;
    uint32_t version;
    if (!esp_in_peer(sa, &expected, &version))
        return; /* being changed just now */
    const struct ip_endpoint seen = esp_in_source(sa, ip, udp);
    if (likely(memcmp(&seen, &expected, sizeof seen) == 0) || !esp_peer_ok(&sa->conf, &seen))
        return;
    if (sa->nat_told == version + 1 && w->now_tsc - sa->nat_told_tsc < w->second)
        return;
    if (!esp_event(w, CV_EVT_NAT_CHANGE, &sa->conf, 0, &seen))
        return;
    sa->nat_told = version + 1;
    sa->nat_told_tsc = w->now_tsc;
}

static void hard_tell(struct esp_worker *w, struct esp_in_sa *sa)
{
    if (sa->hard_untold && esp_event(w, CV_EVT_SA_HARD, &sa->conf, sa->hard_untold, NULL))
        sa->hard_untold = 0;
}

static void hard_reached(struct esp_worker *w, struct esp_in_sa *sa, uint8_t reason)
{
    if (esp_in_closed(sa))
        return;
    __atomic_store_n(&sa->closed, CV_DROP_LIFETIME, __ATOMIC_RELAXED);
    sa->hard_untold = reason;
    hard_tell(w, sa);
}

static void soft_reached(struct esp_worker *w, struct esp_in_sa *sa, uint32_t reason)
{
    if (!sa->soft_raised)
        sa->soft_raised = esp_event(w, CV_EVT_SA_SOFT, &sa->conf, reason, NULL);
}

static __rte_noinline void lifetime(struct esp_worker *w, struct esp_in_sa *sa)
{
    const struct cv_sa_counters *c = sa->counters;
    const struct esp_limits *l = &sa->limits;
    if (unlikely(c->bytes >= l->soft_bytes || c->packets >= l->soft_packets))
        soft_reached(w, sa, c->bytes >= l->soft_bytes ? CV_BY_BYTES : CV_BY_PACKETS);
    if (unlikely(c->bytes >= l->hard_bytes || c->packets >= l->hard_packets))
        hard_reached(w, sa, c->bytes >= l->hard_bytes ? CV_BY_BYTES : CV_BY_PACKETS);
}

/* Adds a run to the counters, raises what became due. */
static void flush(struct esp_worker *w, struct esp_in_sa *sa, const struct tally *t)
{
    struct cv_sa_counters *c = sa->counters;
    if (likely(t->packets)) {
        esp_counter_add(&c->packets, t->packets);
        esp_counter_add(&c->bytes, t->bytes);
        if (unlikely(sa->limited))
            lifetime(w, sa);
    }
    if (unlikely(t->auth_failed))
        esp_counter_add(&c->auth_failed, t->auth_failed);
    if (unlikely(t->replayed))
        esp_counter_add(&c->replayed, t->replayed);
    if (unlikely(t->ts_failed))
        esp_counter_add(&c->ts_failed, t->ts_failed);
    if (unlikely(t->other))
        esp_counter_add(&c->other_drops, t->other);
}

/* ---- the burst ------------------------------------------------------------------------------------------ */
static void reject(struct esp_sort *sort, struct rte_mbuf *m, enum cv_drop reason, struct tally *t)
{
    switch (reason) {
    case CV_DROP_ESP_AUTH:
    case CV_DROP_AH_AUTH:
        t->auth_failed++;
        break;
    case CV_DROP_REPLAY_OLD:
    case CV_DROP_REPLAY_DUP:
        t->replayed++;
        break;
    case CV_DROP_TS_IN:
        t->ts_failed++;
        break;
    case CV_DROP_DUMMY:
        break; /* consumed as meant */
    default:
        t->other++;
        break;
    }
    esp_sort_bad(sort, m, reason);
}

/* As decap, of a chain whose first mbuf shows the inner header; what lies behind the inner packet goes, in whichever mbuf it is. */
static enum cv_drop decap_segs(const struct esp_in_sa *sa, struct rte_mbuf *m, const struct eng_op *op)
{
    const uint32_t all = m->pkt_len, first = m->data_len, off = m->data_off;
    uint32_t max, next;
    if (!esp_segs_trailer(sa, m, op, &next, &max))
        return CV_DROP_ESP_PAD;
    const enum cv_drop r = inner(sa, m, op->esp + sa->head, max, next, true);
    if (r != CV_DROP_NONE)
        return r;
    const uint32_t len = m->pkt_len, moved = m->data_off - off;
    m->data_len = (uint16_t)(first - moved);
    m->pkt_len = all - moved;
    dp_chain_trim(m, len);
    return CV_DROP_NONE;
}

/* Which of the ways out of its packets an SA goes; a constant of each copy of the functions below. */
enum kind { TUNNEL, TRANSPORT, AH, SEGS };

/* Authentic, new packets only. kept: AH's. */
static __rte_always_inline enum cv_drop accept_one(struct esp_worker *w, struct esp_in_sa *sa,
                                                   struct rte_mbuf *m, const struct eng_op *op, uint64_t seq,
                                                   struct tally *t, enum kind kind,
                                                   const struct esp_kept *kept)
{
    enum cv_drop r = replay_commit(sa, seq);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    esp_in_first_tell(w, sa);
    if (kind != AH && sa->natt && dp_meta(m)->udp_encap)
        natt_source(w, sa, rte_pktmbuf_mtod(m, const uint8_t *), op->esp - ESP_UDP_LEN);
    r = kind == AH          ? esp_ah_decap(sa, m, op, kept)
        : kind == TRANSPORT ? esp_transport_decap(sa, m, op)
        : kind == SEGS      ? decap_segs(sa, m, op)
                            : decap(sa, m, op);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    const uint32_t len = kind == SEGS ? m->pkt_len : m->data_len;
    if (unlikely(t->bytes + len > t->bytes_left || t->packets >= t->packets_left)) {
        hard_reached(w, sa, t->bytes + len > t->bytes_left ? CV_BY_BYTES : CV_BY_PACKETS);
        return CV_DROP_LIFETIME;
    }
    t->bytes += len;
    t->packets++;
    return CV_DROP_NONE;
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

/* A NIC has done all but what is here: closed SAs, the inner header, selectors, limits. */
static enum cv_drop whole_accept(struct esp_worker *w, struct esp_in_sa *sa, struct rte_mbuf *m,
                                 struct tally *t)
{
    if (unlikely(esp_in_closed(sa))) {
        hard_tell(w, sa);
        return esp_in_closed(sa);
    }
    esp_in_first_tell(w, sa);
    uint8_t *in = rte_pktmbuf_mtod(m, uint8_t *);
    const uint32_t next = m->data_len && in[0] >> 4 == 6 ? ESP_NEXT_V6 : ESP_NEXT_V4;
    const enum cv_drop r = m->nb_segs != 1 ? CV_DROP_NO_MBUF : inner(sa, m, in, m->data_len, next, false);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    if (unlikely(m->data_len > t->bytes_left || t->packets_left == 0)) {
        hard_reached(w, sa, m->data_len > t->bytes_left ? CV_BY_BYTES : CV_BY_PACKETS);
        return CV_DROP_LIFETIME;
    }
    t->bytes = m->data_len;
    t->packets = 1;
    return CV_DROP_NONE;
}

enum cv_drop esp_in_whole(struct esp_worker *w, struct esp_in_sa *sa, struct rte_mbuf *m)
{
    struct tally t = {.packets_left = left(sa->limits.hard_packets, sa->counters->packets),
                      .bytes_left = left(sa->limits.hard_bytes, sa->counters->bytes)};
    const enum cv_drop r =
        m->ol_flags & RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED ? CV_DROP_ESP_AUTH : whole_accept(w, sa, m, &t);
    t.auth_failed = r == CV_DROP_ESP_AUTH;
    t.ts_failed = r == CV_DROP_TS_IN;
    t.other = r != CV_DROP_NONE && r != CV_DROP_ESP_AUTH && r != CV_DROP_TS_IN;
    if (r != CV_DROP_ESP_AUTH)
        esp_counter_set(&sa->counters->last_tsc, w->now_tsc);
    flush(w, sa, &t);
    return r;
}

/* First pass: what can be known without cryptography. */
static __rte_always_inline void part_check(struct esp_worker *w, struct esp_in_part *part,
                                           struct rte_mbuf **pkts, struct esp_sort *sort, enum kind kind)
{
    struct esp_scratch *s = w->scratch;
    const struct esp_in_sa *sa = part->sa;
    struct eng_op *ops = s->ops + part->first;
    struct rte_mbuf **kept = s->pkts + part->first;
    uint64_t *seq = s->seq + part->first;
    struct tally t = {0};
    unsigned k = 0;
    if (unlikely(esp_in_closed(sa)))
        hard_tell(w, part->sa);
    for (unsigned i = 0; i < part->n; i++) {
        struct rte_mbuf *m = pkts[i];
        if (i + MBUF_AHEAD < part->ahead)
            esp_prefetch_mbuf(pkts[i + MBUF_AHEAD]);
        if (i + DATA_AHEAD < part->ahead)
            rte_prefetch0(rte_pktmbuf_mtod(pkts[i + DATA_AHEAD], void *));
        enum cv_drop r = unlikely(esp_in_closed(sa)) ? esp_in_closed(sa)
                         : kind == AH   ? esp_ah_check(sa, m, &ops[k], &seq[k], &s->kept[part->first + k])
                         : kind == SEGS ? check_one(sa, m, m->pkt_len, &ops[k], &seq[k], true)
                                        : check_one(sa, m, m->data_len, &ops[k], &seq[k], false);
        if (unlikely(r != CV_DROP_NONE))
            reject(sort, m, r, &t);
        else
            kept[k++] = m;
    }
    part->count = (uint16_t)k;
    if (unlikely(k != part->n))
        flush(w, part->sa, &t);
}

/* Last pass: window, trailer, inner packet, selectors, counters. */
static __rte_always_inline void part_accept(struct esp_worker *w, struct esp_in_part *part,
                                            struct esp_sort *sort, enum kind kind)
{
    struct esp_scratch *s = w->scratch;
    struct esp_in_sa *sa = part->sa;
    struct tally t = {.packets_left = UINT64_MAX, .bytes_left = UINT64_MAX};
    if (unlikely(sa->limited)) {
        t.packets_left = left(sa->limits.hard_packets, sa->counters->packets);
        t.bytes_left = left(sa->limits.hard_bytes, sa->counters->bytes);
    }
    bool authentic = false;
    for (unsigned i = part->first; i < part->first + (unsigned)part->count; i++) {
        struct rte_mbuf *m = s->pkts[i];
        enum cv_drop r = kind == AH ? CV_DROP_AH_AUTH : CV_DROP_ESP_AUTH;
        if (likely(s->ops[i].ok) || (kind != SEGS && esp_resync_try(w, sa, &s->ops[i], &s->seq[i]))) {
            authentic = true;
            r = unlikely(esp_in_closed(sa))
                    ? esp_in_closed(sa)
                    : accept_one(w, sa, m, &s->ops[i], s->seq[i], &t, kind, &s->kept[i]);
        }
        if (likely(r == CV_DROP_NONE))
            sort->good[sort->goods++] = m;
        else
            reject(sort, m, r, &t);
    }
    if (likely(authentic)) {
        esp_counter_set(&sa->counters->last_tsc, w->now_tsc);
        esp_counter_set(&sa->counters->highest_seq, sa->replay.top);
    }
    flush(w, sa, &t);
}

void esp_in_accept(struct esp_worker *w, struct esp_in_sa *sa, unsigned first, unsigned n,
                   struct esp_sort *sort)
{
    struct esp_in_part part = {.sa = sa, .n = (uint16_t)n, .first = (uint16_t)first, .count = (uint16_t)n};
    part_accept(w, &part, sort, TUNNEL);
}

void esp_in_accepted(struct esp_worker *w, struct esp_in_sa *sa, uint64_t packets, uint64_t bytes)
{
    const struct tally t = {.packets = packets, .bytes = bytes};
    esp_in_first_tell(w, sa);
    esp_counter_set(&sa->counters->last_tsc, w->now_tsc);
    esp_counter_set(&sa->counters->highest_seq, sa->replay.top);
    flush(w, sa, &t);
}

/* Second pass of parts whose session has a device: they are done with here. */
static __rte_noinline void parts_submit(struct esp_worker *w, struct esp_in_part *parts, unsigned count,
                                        struct esp_sort *sort)
{
    for (unsigned i = 0; i < count; i++) {
        struct esp_in_part *part = &parts[i];
        struct esp_in_sa *sa = part->sa;
        struct tally t = {0};
        uint8_t forms[ESP_CHUNK];
        if (part->count == 0 || !sa->submit)
            continue;
        if (sa->aside)
            esp_aside_look(sa, w->scratch, part->first, part->count, forms);
        const unsigned took = esp_flight_submit(w, sa->submit, sa->session, sa, CV_DIR_IN, part->first,
                                                part->count, sa->aside ? forms : NULL);
        for (unsigned k = took; k < part->count; k++)
            reject(sort, w->scratch->pkts[part->first + k], CV_DROP_CRYPTO_FULL, &t);
        flush(w, sa, &t);
        part->count = 0;
    }
}

/* What the device could not do, for whatever reason, is not the peer's forgery. */
static unsigned failed_out(struct esp_worker *w, struct esp_in_sa *sa, const struct eng_job *jobs, unsigned n,
                           struct eng_job *rest, struct esp_sort *sort)
{
    struct tally t = {0};
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++)
        if (unlikely(jobs[i].drop == CV_DROP_CRYPTO || jobs[i].drop == CV_DROP_CRYPTO_LOST))
            reject(sort, jobs[i].m, (enum cv_drop)jobs[i].drop, &t);
        else
            rest[k++] = jobs[i];
    flush(w, sa, &t);
    return k;
}

static void run_done(struct esp_worker *w, struct esp_in_sa *sa, const struct eng_job *jobs, unsigned n,
                     struct esp_sort *sort)
{
    struct eng_job rest[ESP_CHUNK];
    struct esp_in_part part = {.sa = sa};
    part.n = part.count = (uint16_t)failed_out(w, sa, jobs, n, rest, sort);
    if (part.count == 0)
        return;
    esp_flight_recall(w->scratch, rest, part.count);
    if (sa->transport)
        part_accept(w, &part, sort, TRANSPORT);
    else
        part_accept(w, &part, sort, TUNNEL);
}

static enum cv_drop aside_accept(struct esp_worker *w, struct esp_in_sa *sa, const struct eng_job *job,
                                 struct tally *t)
{
    enum cv_drop r = unlikely(esp_in_closed(sa)) ? esp_in_closed(sa) : replay_commit(sa, job->seq);
    if (likely(r == CV_DROP_NONE))
        r = unlikely(job->drop == CV_DROP_DUMMY) ? CV_DROP_DUMMY : whole_accept(w, sa, job->m, t);
    if (likely(r == CV_DROP_NONE))
        r = esp_aside_ecn(job->m, job->len);
    if (unlikely(r != CV_DROP_NONE))
        t->packets = t->bytes = 0;
    return r;
}

static void aside_one(struct esp_worker *w, struct esp_in_sa *sa, const struct eng_job *job,
                      struct esp_sort *sort)
{
    struct tally t = {.packets_left = left(sa->limits.hard_packets, sa->counters->packets),
                      .bytes_left = left(sa->limits.hard_bytes, sa->counters->bytes)};
    const enum cv_drop r = job->op.ok ? aside_accept(w, sa, job, &t) : (enum cv_drop)job->drop;
    if (likely(r == CV_DROP_NONE))
        sort->good[sort->goods++] = job->m;
    else
        reject(sort, job->m, r, &t);
    if (likely(job->op.ok)) {
        esp_counter_set(&sa->counters->last_tsc, w->now_tsc);
        esp_counter_set(&sa->counters->highest_seq, sa->replay.top);
    }
    flush(w, sa, &t);
    if (unlikely(job->said & ENG_SAID_SOFT))
        soft_reached(w, sa, sa->limits.soft_bytes != UINT64_MAX ? CV_BY_BYTES : CV_BY_PACKETS);
}

static __rte_noinline void aside_done(struct esp_worker *w, struct esp_in_sa *sa, const struct eng_job *jobs,
                                      unsigned n, struct esp_sort *sort)
{
    for (unsigned i = 0; i < n; i++)
        if (jobs[i].form == ENG_WHOLE)
            aside_one(w, sa, &jobs[i], sort);
        else
            run_done(w, sa, &jobs[i], 1, sort);
}

void esp_in_done(struct esp_worker *w, struct esp_in_sa *sa, const struct eng_job *jobs, unsigned n,
                 struct esp_sort *sort)
{
    if (unlikely(sa->aside))
        aside_done(w, sa, jobs, n, sort);
    else
        run_done(w, sa, jobs, n, sort);
}

/* What an SA points to, with the word of a larger window that the packet asks for. What is not checked yet may say anything: it is looked at
 * for what to fetch and no more. */
static __rte_always_inline void fetch_behind_sa(const struct esp_in_sa *sa, const struct rte_mbuf *m)
{
    rte_prefetch0(sa->counters);
    if (sa->natt)
        rte_prefetch0(&sa->peer);
    if (likely(sa->replay.bits == sa->small))
        return;
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const uint32_t at = meta->l3_len + (meta->udp_encap ? ESP_UDP_LEN : 0u) + 4;
    uint32_t lo = 0;
    if (likely(at + sizeof lo <= m->data_len))
        memcpy(&lo, rte_pktmbuf_mtod(m, const uint8_t *) + at, sizeof lo);
    rte_prefetch0(&sa->replay.bits[(rte_be_to_cpu_32(lo) >> 6) & sa->replay.mask]);
}

void esp_in_fetch(struct esp_in_sa *const *sas, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rte_prefetch0(sas[i]);
        rte_prefetch0(&sas[i]->replay);
    }
}

void esp_in_fetch_behind(struct rte_mbuf *const *pkts, struct esp_in_sa *const *sas, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        fetch_behind_sa(sas[i], pkts[i]);
        rte_prefetch0(sas[i]->session);
    }
}

static inline void fetch_session(const struct esp_worker *w, const struct esp_in_part *part)
{
    const struct esp_in_sa *sa = part->sa;
    if (likely(part->count) && !(sa->lines.fetched && part->count <= sa->lines.runs_max))
        esp_prefetch_session(sa->session, &sa->lines, w->scratch->ops[part->first].data_len);
}

/* Second pass: the engine. */
static __rte_always_inline void parts_crypt(struct esp_worker *w, const struct esp_in_part *parts,
                                            unsigned count)
{
    struct esp_runs runs;
    runs.fn = NULL;
    runs.count = 0;
    for (unsigned i = 0; count > 1 && i < RTE_MIN(count, (unsigned)ESP_SESSIONS_AHEAD); i++)
        fetch_session(w, &parts[i]);
    for (unsigned i = 0; i < count; i++) {
        if (i + ESP_SESSIONS_AHEAD < count)
            fetch_session(w, &parts[i + ESP_SESSIONS_AHEAD]);
        const struct esp_in_sa *sa = parts[i].sa;
        struct eng_op *ops = w->scratch->ops + parts[i].first;
        if (unlikely(parts[i].count == 0))
            continue;
        if (parts[i].count <= sa->lines.runs_max)
            esp_runs_add(w, &runs, sa->runs, sa->session, ops, parts[i].count);
        else
            sa->burst(w->engine, sa->session, ops, parts[i].count);
    }
    esp_runs_flush(w, &runs);
}

/* The last pass of a chunk in which there is transport mode. */
static __rte_noinline void accept_mixed(struct esp_worker *w, struct esp_in_part *parts, unsigned count,
                                        struct esp_sort *sort)
{
    for (unsigned i = 0; i < count; i++)
        if (likely(parts[i].count)) {
            if (parts[i].sa->transport)
                part_accept(w, &parts[i], sort, TRANSPORT);
            else
                part_accept(w, &parts[i], sort, TUNNEL);
        }
}

/* Passes over the chunk, as in esp_out.c. */
static void in_chunk(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, unsigned n,
                     struct esp_sort *sort)
{
    struct esp_in_part parts[ESP_CHUNK];
    unsigned count = 0, ops = 0, transport = 0;
    for (unsigned i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && sas[i + run] == sas[i]; run++)
            ;
        struct esp_in_part *part = &parts[count++];
        part->sa = sas[i];
        transport |= sas[i]->transport;
        part->first = (uint16_t)ops;
        part->n = (uint16_t)run;
        part->ahead = (uint16_t)(n - i);
        part_check(w, part, pkts + i, sort, TUNNEL);
        ops += part->count;
    }
    dp_clock_mark(w->clock, DP_CLOCK_BUILD);
    if (unlikely(w->asynchronous))
        parts_submit(w, parts, count, sort);
    parts_crypt(w, parts, count);
    dp_clock_mark(w->clock, DP_CLOCK_CRYPTO);
    if (unlikely(transport))
        accept_mixed(w, parts, count, sort);
    else
        for (unsigned i = 0; i < count; i++)
            if (likely(parts[i].count))
                part_accept(w, &parts[i], sort, TUNNEL);
    dp_clock_mark(w->clock, DP_CLOCK_FINISH);
}

uint16_t esp_in_burst(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, uint16_t n)
{
    /* As in esp_out_burst: a chunk's packets are all read before its first good one is written over pkts. */
    struct esp_sort sort = {.good = pkts, .bad = w->scratch->bad};
    w->taken = 0;
    for (unsigned i = 0; i < n; i += ESP_CHUNK)
        in_chunk(w, pkts + i, sas + i, RTE_MIN((unsigned)ESP_CHUNK, n - i), &sort);
    memcpy(pkts + sort.goods, sort.bad, sort.bads * sizeof *pkts);
    return sort.goods;
}

bool esp_in_segs(struct esp_worker *w, struct esp_in_sa *sa, struct rte_mbuf **m)
{
    struct esp_scratch *s = w->scratch;
    struct rte_mbuf *bad;
    struct esp_sort sort = {.good = m, .bad = &bad};
    struct esp_in_part part = {.sa = sa, .n = 1, .ahead = 1};
    struct eng_op *op = &s->ops[0];
    w->taken = 0;
    part_check(w, &part, m, &sort, SEGS);
    if (part.count == 0)
        return false;
    esp_segs_decrypt(w, sa, *m, op);
    if (!op->ok || esp_segs_shows(*m, op->esp + sa->head)) {
        part_accept(w, &part, &sort, SEGS);
        return sort.goods == 1;
    }
    struct rte_mbuf *one = esp_segs_join(*m, op, s->long_pool);
    if (!one) {
        esp_counter_add(&sa->counters->other_drops, 1);
        return false;
    }
    *m = s->pkts[0] = one;
    part_accept(w, &part, &sort, TUNNEL);
    return sort.goods == 1;
}

/* ---- AH --------------------------------------------------------------------------------------------------- */
static void ah_chunk(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, unsigned n,
                     struct esp_sort *sort)
{
    struct esp_in_part parts[ESP_CHUNK];
    unsigned count = 0, ops = 0;
    for (unsigned i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && sas[i + run] == sas[i]; run++)
            ;
        struct esp_in_part *part = &parts[count++];
        *part = (struct esp_in_part){sas[i], (uint16_t)run, (uint16_t)(n - i), (uint16_t)ops, 0};
        part_check(w, part, pkts + i, sort, AH);
        ops += part->count;
    }
    dp_clock_mark(w->clock, DP_CLOCK_BUILD);
    parts_crypt(w, parts, count);
    dp_clock_mark(w->clock, DP_CLOCK_CRYPTO);
    for (unsigned i = 0; i < count; i++)
        if (parts[i].count)
            part_accept(w, &parts[i], sort, AH);
    dp_clock_mark(w->clock, DP_CLOCK_FINISH);
}

uint16_t esp_ah_in_burst(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, uint16_t n)
{
    struct esp_sort sort = {.good = pkts, .bad = w->scratch->bad};
    w->taken = 0;
    for (unsigned i = 0; i < n; i += ESP_CHUNK)
        ah_chunk(w, pkts + i, sas + i, RTE_MIN((unsigned)ESP_CHUNK, n - i), &sort);
    memcpy(pkts + sort.goods, sort.bad, sort.bads * sizeof *pkts);
    return sort.goods;
}
