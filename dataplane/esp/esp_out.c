#include "dataplane/esp/esp_out.h"

#include "dataplane/engine/eng_mem.h"
#include "dataplane/esp/esp_ah.h"
#include "dataplane/esp/esp_aside.h"
#include "dataplane/esp/esp_flight.h"
#include "dataplane/esp/esp_inline.h"
#include "dataplane/esp/esp_outer.h"
#include "dataplane/esp/esp_segs.h"
#include "dataplane/esp/esp_tfc.h"
#include "dataplane/esp/esp_trailer.h"
#include "dataplane/esp/esp_transport.h"
#include "dataplane/esp/esp_ts.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <string.h>

enum { DATA_AHEAD = 3 /* packets ahead whose lines are fetched */ };

/* ---- building ------------------------------------------------------------------------------------------ */
/* Trailer behind the inner packet, headers in front of it; CV_DROP_NONE and a filled op, or why not. */
static __rte_always_inline enum cv_drop build_one(const struct esp_template *t, struct rte_mbuf *m,
                                                  uint64_t seq, struct eng_op *op, bool v4, bool natt)
{
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    const uint32_t len = m->data_len, off = m->data_off, head = t->head;
    const unsigned tail = (unsigned)m->buf_len - off - len;
    if (unlikely(m->nb_segs != 1 || off < ESP_HEADROOM || tail < ESP_TAILROOM))
        return CV_DROP_NO_ROOM;
    if (unlikely(len < ESP_V4_LEN))
        return CV_DROP_MALFORMED_IP;
    uint32_t next, tos, df;
    if (unlikely(!esp_outer_look(t, p, len, &next, &tos, &df)))
        return CV_DROP_MALFORMED_IP;

    const uint32_t pad = -(len + ESP_TRAILER_LEN) & t->align_mask;
    const uint32_t data_len = len + pad + ESP_TRAILER_LEN;
    const uint32_t outer = (uint32_t)(v4 ? ESP_V4_LEN : ESP_V6_LEN) + (natt ? ESP_UDP_LEN : 0);
    const uint32_t total = outer + head + data_len + t->icv_len;
    if (unlikely(total > UINT16_MAX))
        return CV_DROP_TOO_BIG;
    uint8_t *esp = p - head, *end = p + len;
    op->esp = esp;
    op->data_len = data_len;
    op->seq_hi = (uint32_t)(seq >> 32);
    op->iv = seq; /* never used twice with one key, as AEADs demand (RFC 4106 3.1) */
    m->data_off = (uint16_t)(off - head - outer);
    m->data_len = (uint16_t)total;
    m->pkt_len = total;

    esp_trailer_write(end, pad, next);
    esp_outer_write(esp, t, total, tos, df, seq, v4, natt);
    return CV_DROP_NONE;
}

/* The lines that headers and trailer will be written to; whoever received or made the packet has read what lies
 * between, and its mbuf. */
static __rte_always_inline void fetch_ends(const struct rte_mbuf *m)
{
    const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
    rte_prefetch0(data - ESP_V4_LEN - ESP_HDR_LEN);
    rte_prefetch0(data + m->data_len);
}

static __rte_always_inline void build_part(struct esp_out_part *part, const struct esp_template *t,
                                           struct esp_scratch *s, struct rte_mbuf **pkts,
                                           struct esp_sort *sort, bool v4, bool natt)
{
    const unsigned n = part->usable, ahead = part->ahead;
    const uint64_t seq = part->seq;
    struct eng_op *ops = s->ops + part->first;
    struct rte_mbuf **out = s->pkts + part->first;
    uint16_t *lens = s->len + part->first;
    unsigned k = 0;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *m = pkts[i];
        if (i + DATA_AHEAD < ahead)
            fetch_ends(pkts[i + DATA_AHEAD]);
        const uint16_t len = m->data_len;
        enum cv_drop drop = build_one(t, m, seq + i, &ops[k], v4, natt);
        if (unlikely(drop != CV_DROP_NONE)) {
            esp_sort_bad_out(sort, m, part->sa, drop);
            continue;
        }
        memcpy(&dp_meta(m)->vrf, &t->meta, sizeof t->meta);
        out[k] = m;
        lens[k++] = len;
        bytes += len;
    }
    part->count = (uint16_t)k;
    part->bytes = bytes;
}
static_assert(offsetof(struct dp_meta, udp_encap) + 1 - offsetof(struct dp_meta, vrf) ==
                  sizeof(struct esp_out_meta),
              "esp_out_meta mirrors dp_meta");

static void build_v4(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                     struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, true, false);
}
static void build_v4_natt(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                          struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, true, true);
}
static void build_v6(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                     struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, false, false);
}
static void build_v6_natt(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                          struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, false, true);
}

/* ---- limits --------------------------------------------------------------------------------------------- */
/* One worker claims the event; it gives the claim back when nobody took the event. */
static void raise_once(struct esp_worker *w, struct esp_out_sa *sa, enum cv_evt_type type, uint32_t reason)
{
    const uint32_t bit = 1u << type;
    if (__atomic_load_n(&sa->raised, __ATOMIC_RELAXED) & bit)
        return;
    if (__atomic_fetch_or(&sa->raised, bit, __ATOMIC_RELAXED) & bit)
        return;
    if (!esp_event(w, type, &sa->conf, reason, NULL))
        __atomic_fetch_and(&sa->raised, ~bit, __ATOMIC_RELAXED);
}

static void close_sa(struct esp_out_sa *sa, enum cv_drop reason)
{
    __atomic_store_n(&sa->closed, (uint8_t)reason, __ATOMIC_RELAXED);
}

unsigned esp_out_reserve(struct esp_worker *w, struct esp_out_sa *sa, unsigned n, uint64_t *seq)
{
    uint64_t before;
    if (w->sole) { /* no locked instruction, which would wait for every store before it */
        before = __atomic_load_n(&sa->seq, __ATOMIC_RELAXED);
        __atomic_store_n(&sa->seq, before + n, __ATOMIC_RELAXED);
    } else {
        before = __atomic_fetch_add(&sa->seq, n, __ATOMIC_RELAXED);
    }
    const uint64_t first = before + 1, last = before + n;
    *seq = first;
    if (likely(last < sa->seq_event))
        return n;
    raise_once(w, sa, CV_EVT_SA_SEQ, 0);
    if (likely(last <= sa->seq_max))
        return n;
    close_sa(sa, CV_DROP_SEQ_EXHAUSTED);
    return first > sa->seq_max ? 0 : (unsigned)(sa->seq_max - first + 1);
}

/* Adds to a total that all workers share; without a limit on it nobody pays for the locked instruction. */
static uint64_t account(uint64_t *total, uint64_t n, uint64_t soft, uint64_t hard)
{
    if (likely(soft == UINT64_MAX && hard == UINT64_MAX))
        return 0;
    uint64_t before = __atomic_fetch_add(total, n, __ATOMIC_RELAXED);
    __asm__("" : "+r"(before)); /* gcc 12 makes before + before of a caller's before + n */
    return before;
}

/* Counts the part against the lifetime; cuts what goes over the hard limit. */
static void lifetime(struct esp_worker *w, struct esp_out_part *part, struct esp_sort *sort)
{
    struct esp_out_sa *sa = part->sa;
    struct esp_scratch *s = w->scratch;
    const struct esp_limits *l = &sa->limits;
    const uint64_t bytes = account(&sa->bytes, part->bytes, l->soft_bytes, l->hard_bytes),
                   packets = account(&sa->packets, part->count, l->soft_packets, l->hard_packets);
    const uint64_t bytes_end = bytes + part->bytes, packets_end = packets + part->count;
    if (unlikely(bytes_end >= l->soft_bytes || packets_end >= l->soft_packets))
        raise_once(w, sa, CV_EVT_SA_SOFT, bytes_end >= l->soft_bytes ? CV_BY_BYTES : CV_BY_PACKETS);
    if (likely(bytes_end < l->hard_bytes && packets_end < l->hard_packets))
        return;
    const uint16_t *len = s->len + part->first;
    unsigned keep = 0;
    uint64_t kept = 0;
    while (keep < part->count && bytes + kept + len[keep] <= l->hard_bytes &&
           packets + keep + 1 <= l->hard_packets)
        kept += len[keep++];
    for (unsigned i = keep; i < part->count; i++)
        esp_sort_bad_out(sort, s->pkts[part->first + i], sa, CV_DROP_LIFETIME);
    part->count = (uint16_t)keep;
    part->bytes = kept;
    close_sa(sa, CV_DROP_LIFETIME);
    raise_once(w, sa, CV_EVT_SA_HARD, bytes_end >= l->hard_bytes ? CV_BY_BYTES : CV_BY_PACKETS);
}

bool esp_out_has_life(const struct esp_out_sa *sa)
{
    const struct esp_limits *l = &sa->limits;
    const uint64_t packets = (uint64_t)CV_MAX_WORKERS * ESP_BURST_MAX, bytes = packets * UINT16_MAX;
    return __atomic_load_n(&sa->bytes, __ATOMIC_RELAXED) + bytes < l->hard_bytes &&
           __atomic_load_n(&sa->packets, __ATOMIC_RELAXED) + packets < l->hard_packets;
}

void esp_out_account(struct esp_worker *w, struct esp_out_sa *sa, uint64_t bytes, unsigned n)
{
    const struct esp_limits *l = &sa->limits;
    const uint64_t bytes_end = account(&sa->bytes, bytes, l->soft_bytes, l->hard_bytes) + bytes,
                   packets_end = account(&sa->packets, n, l->soft_packets, l->hard_packets) + n;
    if (unlikely(bytes_end >= l->soft_bytes || packets_end >= l->soft_packets))
        raise_once(w, sa, CV_EVT_SA_SOFT, bytes_end >= l->soft_bytes ? CV_BY_BYTES : CV_BY_PACKETS);
}

/* ---- the burst ------------------------------------------------------------------------------------------ */

/* What a closed SA still has to say, should nobody have listened when it was closed. */
static void closed_tell(struct esp_worker *w, struct esp_out_sa *sa, enum cv_drop closed)
{
    if (closed == CV_DROP_SEQ_EXHAUSTED)
        raise_once(w, sa, CV_EVT_SA_SEQ, 0);
    else
        raise_once(w, sa, CV_EVT_SA_HARD,
                   __atomic_load_n(&sa->bytes, __ATOMIC_RELAXED) >= sa->limits.hard_bytes ? CV_BY_BYTES
                                                                                          : CV_BY_PACKETS);
}

static void drop_all(struct esp_sort *sort, const struct esp_out_sa *sa, struct rte_mbuf **pkts,
                     unsigned from, unsigned n, enum cv_drop reason)
{
    for (unsigned i = from; i < n; i++)
        esp_sort_bad_out(sort, pkts[i], sa, reason);
}

/* First pass: numbers, headers, trailers; these by `build`, or the SA's own. */
static __rte_always_inline void part_build(struct esp_worker *w, struct esp_out_part *part,
                                           struct rte_mbuf **pkts, struct esp_sort *sort,
                                           esp_out_build_fn *build)
{
    struct esp_out_sa *sa = part->sa;
    struct esp_template t;
    const uint8_t closed = __atomic_load_n(&sa->closed, __ATOMIC_RELAXED);
    part->count = 0;
    part->bytes = 0;
    part->session = sa->session;
    part->counters = &sa->counters[w->line];
    if (unlikely(closed)) {
        closed_tell(w, sa, (enum cv_drop)closed);
        drop_all(sort, sa, pkts, 0, part->n, (enum cv_drop)closed);
        return;
    }
    const unsigned usable = esp_out_reserve(w, sa, part->n, &part->seq);
    part->usable = (uint16_t)usable;
    if (unlikely(usable != part->n))
        drop_all(sort, sa, pkts, usable, part->n, CV_DROP_SEQ_EXHAUSTED);
    esp_out_template(sa, &t);
    (build ? build : sa->build)(part, &t, w->scratch, pkts, sort);
}

static void checksum_udp6(struct rte_mbuf *m)
{
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    const uint16_t l3_len = dp_meta(m)->l3_len, check = esp_udp6_checksum(ip, l3_len, m->data_len);
    memcpy(ip + l3_len + 6, &check, sizeof check);
}

static __rte_noinline void after_engine(const struct esp_out_part *part, struct esp_scratch *s,
                                        struct rte_mbuf **good, unsigned n)
{
    if (part->sa->after & ESP_AFTER_AH)
        esp_ah_finish(part, s);
    else
        for (unsigned i = 0; i < n; i++)
            checksum_udp6(good[i]);
}

/* Last pass: hands on what the engine encrypted; what it refused must not leave. */
static void part_finish(struct esp_worker *w, struct esp_out_part *part, struct esp_sort *sort)
{
    struct esp_scratch *s = w->scratch;
    const struct esp_out_sa *sa = part->sa;
    struct cv_sa_counters *c = part->counters;
    struct rte_mbuf **good = sort->good + sort->goods;
    unsigned k = 0;
    for (unsigned i = part->first; i < part->first + (unsigned)part->count; i++) {
        good[k] = s->pkts[i];
        if (likely(s->ops[i].ok)) {
            k++;
            continue;
        }
        esp_sort_bad_out(sort, s->pkts[i], sa, CV_DROP_CRYPTO);
        part->bytes -= s->len[i];
    }
    sort->goods = (uint16_t)(sort->goods + k);
    if (unlikely(sa->after))
        after_engine(part, s, good, k);
    if (likely(k)) {
        esp_counter_add(&c->packets, k);
        esp_counter_add(&c->bytes, part->bytes);
        esp_counter_set(&c->last_tsc, w->now_tsc);
        esp_counter_set(&c->highest_seq, part->seq + part->usable - 1);
    }
    if (unlikely(k != part->n))
        esp_counter_add(&c->other_drops, part->n - k);
}

/* Second pass of parts whose session has a device: what it takes comes back later, the rest is dropped. */
static __rte_noinline void parts_submit(struct esp_worker *w, struct esp_out_part *parts, unsigned count,
                                        struct esp_sort *sort)
{
    for (unsigned i = 0; i < count; i++) {
        struct esp_out_part *part = &parts[i];
        struct esp_out_sa *sa = part->sa;
        if (part->count == 0 || !sa->info.submit)
            continue;
        const unsigned took = esp_flight_submit(w, sa->info.submit, sa->session, sa, CV_DIR_OUT, part->first,
                                                part->count, NULL);
        for (unsigned k = took; k < part->count; k++)
            esp_sort_bad_out(sort, w->scratch->pkts[part->first + k], sa, CV_DROP_CRYPTO_FULL);
        part->n = (uint16_t)(part->n - took); /* what is left of it was dropped */
        part->count = 0;
    }
}

static void run_done(struct esp_worker *w, struct esp_out_sa *sa, const struct eng_job *jobs, unsigned n,
                     struct esp_sort *sort)
{
    struct esp_out_part part = {.sa = sa,
                                .counters = &sa->counters[w->line],
                                .seq = jobs[0].seq,
                                .n = (uint16_t)n,
                                .count = (uint16_t)n};
    part.usable = (uint16_t)(jobs[n - 1].seq - jobs[0].seq + 1);
    for (unsigned i = 0; i < n; i++)
        part.bytes += jobs[i].len;
    esp_flight_recall(w->scratch, jobs, n);
    part_finish(w, &part, sort);
    for (unsigned i = 0; i < n; i++)
        if (unlikely(jobs[i].drop != CV_DROP_NONE))
            dp_meta(jobs[i].m)->drop = jobs[i].drop;
}

/* Inner packets that the device never had, by software: under new numbers, which are behind all that the device can have used (it has
 * used as many as it was given packets). They are counted against the lifetime already. */
static void run_build(struct esp_worker *w, struct esp_out_sa *sa, const struct eng_job *jobs, unsigned n,
                      struct esp_sort *sort)
{
    struct esp_out_part part = {
        .sa = sa, .session = sa->session, .counters = &sa->counters[w->line], .n = (uint16_t)n};
    struct rte_mbuf *pkts[ESP_CHUNK];
    struct esp_template t;
    for (unsigned i = 0; i < n; i++)
        pkts[i] = jobs[i].m;
    part.usable = (uint16_t)esp_out_reserve(w, sa, n, &part.seq);
    drop_all(sort, sa, pkts, part.usable, n, CV_DROP_SEQ_EXHAUSTED);
    esp_out_template(sa, &t);
    sa->build_data(&part, &t, w->scratch, pkts, sort);
    if (part.count > 0)
        sa->info.burst(w->engine, sa->session, w->scratch->ops, part.count);
    part_finish(w, &part, sort);
}

/* Of an SA whose device does ESP as a whole: the outer header is ours in the end. */
static void run_whole(struct esp_worker *w, struct esp_out_sa *sa, const struct eng_job *jobs, unsigned n,
                      struct esp_sort *sort)
{
    struct esp_template t;
    esp_out_template(sa, &t);
    for (unsigned i = 0; i < n; i++)
        if (likely(jobs[i].op.ok))
            esp_aside_outer(&t, jobs[i].m, jobs[i].op.seq_hi, jobs[i].seq);
    run_done(w, sa, jobs, n, sort);
}

static void aside_tell(struct esp_worker *w, struct esp_out_sa *sa, uint8_t said)
{
    const uint32_t why = sa->limits.soft_bytes != UINT64_MAX ? CV_BY_BYTES : CV_BY_PACKETS;
    if (said & (ENG_SAID_SOFT | ENG_SAID_UNFIT))
        raise_once(w, sa, CV_EVT_SA_SOFT, said & ENG_SAID_UNFIT ? CV_BY_DEVICE : why);
    if (said & ENG_SAID_HARD) {
        close_sa(sa, CV_DROP_LIFETIME);
        raise_once(w, sa, CV_EVT_SA_HARD, why);
    }
}

static __rte_noinline void aside_done(struct esp_worker *w, struct esp_out_sa *sa, const struct eng_job *jobs,
                                      unsigned n, struct esp_sort *sort)
{
    uint8_t said = 0;
    for (unsigned i = 0, run; i < n; i += run) {
        const bool build = jobs[i].form == ENG_BUILD;
        for (run = 0; i + run < n && (jobs[i + run].form == ENG_BUILD) == build; run++)
            said |= jobs[i + run].said;
        if (build)
            run_build(w, sa, jobs + i, run, sort);
        else
            run_whole(w, sa, jobs + i, run, sort);
    }
    if (unlikely(said))
        aside_tell(w, sa, said);
}

void esp_out_done(struct esp_worker *w, struct esp_out_sa *sa, const struct eng_job *jobs, unsigned n,
                  struct esp_sort *sort)
{
    if (unlikely(sa->info.aside))
        aside_done(w, sa, jobs, n, sort);
    else
        run_done(w, sa, jobs, n, sort);
}

void esp_out_fetch(struct esp_out_sa *const *sas, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        rte_prefetch0(sas[i]);
}

void esp_out_fetch_behind(const struct esp_worker *w, struct esp_out_sa *const *sas, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rte_prefetch0(&sas[i]->tmpl[0]); /* the other one after a change of NAT mapping */
        rte_prefetch0(&sas[i]->counters[w->line]);
        rte_prefetch0(sas[i]->session);
    }
}

static inline void fetch_session(const struct esp_worker *w, const struct esp_out_part *part)
{
    const struct esp_out_sa *sa = part->sa;
    if (likely(part->count) && !(sa->lines.fetched && part->count <= sa->lines.runs_max))
        esp_prefetch_session(part->session, &sa->lines, w->scratch->ops[part->first].data_len);
}

/* Second pass: the engine. */
static void parts_crypt(struct esp_worker *w, const struct esp_out_part *parts, unsigned count)
{
    struct esp_runs runs;
    runs.fn = NULL;
    runs.count = 0;
    for (unsigned i = 0; count > 1 && i < RTE_MIN(count, (unsigned)ESP_SESSIONS_AHEAD); i++)
        fetch_session(w, &parts[i]);
    for (unsigned i = 0; i < count; i++) {
        if (i + ESP_SESSIONS_AHEAD < count)
            fetch_session(w, &parts[i + ESP_SESSIONS_AHEAD]);
        const struct esp_out_sa *sa = parts[i].sa;
        struct eng_op *ops = w->scratch->ops + parts[i].first;
        if (unlikely(parts[i].count == 0))
            continue;
        if (parts[i].count <= sa->lines.runs_max)
            esp_runs_add(w, &runs, sa->runs, parts[i].session, ops, parts[i].count);
        else
            sa->info.burst(w->engine, parts[i].session, ops, parts[i].count);
    }
    esp_runs_flush(w, &runs);
}

/* Three passes over the chunk, not over each part: what one pass stored has left the store buffer when the
 * next one loads it with other widths, also when every packet is on another SA. */
static void out_chunk(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_out_sa **sas, unsigned n,
                      struct esp_sort *sort)
{
    struct esp_out_part parts[ESP_CHUNK];
    unsigned count = 0, ops = 0;
    for (unsigned i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && sas[i + run] == sas[i]; run++)
            ;
        struct esp_out_part *part = &parts[count++];
        part->sa = sas[i];
        part->first = (uint16_t)ops;
        part->n = (uint16_t)run;
        part->ahead = (uint16_t)(n - i);
        part_build(w, part, pkts + i, sort, NULL);
        if (unlikely(sas[i]->limited) && likely(part->count))
            lifetime(w, part, sort);
        ops += part->count;
    }
    dp_clock_mark(w->clock, DP_CLOCK_BUILD);
    if (unlikely(w->asynchronous))
        parts_submit(w, parts, count, sort);
    parts_crypt(w, parts, count);
    dp_clock_mark(w->clock, DP_CLOCK_CRYPTO);
    for (unsigned i = 0; i < count; i++)
        part_finish(w, &parts[i], sort);
    dp_clock_mark(w->clock, DP_CLOCK_FINISH);
}

uint16_t esp_out_burst(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_out_sa **sas, uint16_t n)
{
    /* Good packets are written over pkts from its front: never past the packets of the chunk being worked on,
     * which have all been read by then. */
    struct esp_sort sort = {.good = pkts, .bad = w->scratch->bad};
    w->taken = 0;
    for (unsigned i = 0; i < n; i += ESP_CHUNK)
        out_chunk(w, pkts + i, sas + i, RTE_MIN((unsigned)ESP_CHUNK, n - i), &sort);
    memcpy(pkts + sort.goods, sort.bad, sort.bads * sizeof *pkts);
    return sort.goods;
}

bool esp_out_segs(struct esp_worker *w, struct esp_out_sa *sa, struct rte_mbuf *m)
{
    struct rte_mbuf *good = m, *bad;
    struct esp_sort sort = {.good = &good, .bad = &bad};
    struct esp_out_part part = {.sa = sa, .n = 1, .ahead = 1};
    w->taken = 0;
    part_build(w, &part, &m, &sort, esp_segs_build);
    if (sa->limited && part.count)
        lifetime(w, &part, &sort);
    if (part.count)
        esp_segs_encrypt(w, sa, m, &w->scratch->ops[0]);
    part_finish(w, &part, &sort);
    return sort.goods == 1;
}

/* ---- the SA --------------------------------------------------------------------------------------------- */
/* Workers that have read the number may each still add a burst before they see the SA closed. */
#define ESN_SPARE ((uint64_t)CV_MAX_WORKERS * ESP_BURST_MAX)

esp_out_build_fn *esp_out_tunnel_builder(uint8_t family, bool natt)
{
    if (family == IP_V4)
        return natt ? build_v4_natt : build_v4;
    return natt ? build_v6_natt : build_v6;
}

static void out_sa_set(struct esp_out_sa *sa, const struct cv_sa *conf, const struct eng_ops *engine,
                       struct cv_sa_counters *counters)
{
    const bool v4 = conf->local.addr.family == IP_V4, natt = conf->flags & CV_SA_NATT,
               esn = conf->flags & CV_SA_ESN;
    sa->engine = engine;
    sa->counters = counters;
    sa->runs = sa->info.runs;
    sa->build_data = conf->proto == CV_PROTO_AH ? esp_ah_build
                     : conf->mode == CV_MODE_TRANSPORT
                         ? esp_transport_builder(conf)
                         : esp_out_tunnel_builder(conf->local.addr.family, natt);
    if (conf->proto == CV_PROTO_AH)
        sa->info.submit = NULL; /* what is kept of a packet does not outlive the burst */
    sa->build = conf->tfc_len || conf->dummy_ms ? esp_tfc_build : sa->build_data;
    if (sa->info.whole)
        sa->build = sa->build_data = esp_inline_build;
    if (sa->info.aside)
        sa->build = esp_aside_build; /* build_data is for when software has to do it */
    sa->lines = esp_lines_of(&sa->info);
    sa->after = conf->proto == CV_PROTO_AH ? ESP_AFTER_AH : natt && !v4 ? ESP_AFTER_UDP6 : 0;
    sa->seq = conf->seq;
    sa->seq_max = esn ? UINT64_MAX - ESN_SPARE : UINT32_MAX;
    sa->seq_event = esn ? UINT64_MAX / 8 * 7 : UINT32_MAX / 8 * 7ull;
    esp_limits_set(&sa->limits, conf);
    sa->limited = esp_limits_any(&sa->limits);
    esp_conf_set(&sa->conf, sa->ts, conf);
    sa->any = esp_ts_any(&sa->conf);
    esp_template_make(&sa->tmpl[0], &sa->conf, &conf->remote, &sa->info);
    esp_tfc_mtu(sa, 0);
}

cv_result esp_out_sa_new(const struct cv_sa *conf, const struct eng_ops *engine, int socket,
                         struct cv_sa_counters *counters, struct esp_out_sa **out)
{
    CV_TRY(esp_conf_check(conf, CV_DIR_OUT));
    const size_t size = offsetof(struct esp_out_sa, ts) + esp_conf_ts_bytes(conf);
    struct esp_out_sa *sa = eng_mem_get(ENG_MEM_OUT_SA, size, socket);
    if (!sa)
        return CV_ENOMEM;
    cv_result r = engine->session_new(conf, socket, &sa->session, &sa->info);
    if (r != CV_OK) {
        eng_mem_put(ENG_MEM_OUT_SA, sa, size);
        return r;
    }
    out_sa_set(sa, conf, engine, counters);
    *out = sa;
    return CV_OK;
}

void esp_out_sa_free(struct esp_out_sa *sa)
{
    if (!sa)
        return;
    sa->engine->session_free(sa->session);
    eng_mem_put(ENG_MEM_OUT_SA, sa, offsetof(struct esp_out_sa, ts) + sa->conf.ts_count * sizeof sa->ts[0]);
}

void esp_out_sa_expire(struct esp_out_sa *sa)
{
    __atomic_fetch_or(&sa->raised, 1u << CV_EVT_SA_HARD, __ATOMIC_RELAXED); /* its packets raise nothing */
    close_sa(sa, CV_DROP_LIFETIME);
}

void esp_out_sa_where(const struct esp_out_sa *sa, struct cv_sa_engine *out)
{
    eng_where(sa->session, out);
    if (out->why == CV_ENGINE_WHY_NONE)
        out->why = sa->info.why;
}

const struct eng_session *esp_out_sa_session(const struct esp_out_sa *sa)
{
    return sa->session;
}

const struct esp_conf *esp_out_sa_conf(const struct esp_out_sa *sa)
{
    return &sa->conf;
}

void esp_out_sa_dump(const struct esp_out_sa *sa, struct cv_sa *out)
{
    esp_conf_get(&sa->conf, out);
    esp_limits_get(&sa->limits, out);
    out->seq = esp_out_sa_seq(sa);
}

cv_result esp_out_sa_set_peer(struct esp_out_sa *sa, const struct ip_endpoint *remote)
{
    if (remote->addr.family != sa->conf.local.addr.family)
        return CV_EINVAL;
    if ((sa->conf.flags & CV_SA_NATT) && !remote->port)
        return CV_EINVAL;
    if (!esp_peer_ok(&sa->conf, remote) || sa->info.whole) /* the NIC has the address */
        return CV_EUNSUP;
    struct esp_template t;
    esp_template_make(&t, &sa->conf, remote, &sa->info);
    eng_peer_moves(sa->session, remote);
    const uint32_t next = sa->tmpl_version + 1;
    __atomic_thread_fence(
        __ATOMIC_RELEASE); /* who sees any of what follows sees that the version went on before */
    sa->tmpl[next & 1] = t;
    __atomic_store_n(&sa->tmpl_version, next, __ATOMIC_RELEASE);
    sa->conf.remote = *remote;
    return CV_OK;
}

uint64_t esp_out_sa_seq(const struct esp_out_sa *sa)
{
    const uint64_t seq = __atomic_load_n(&sa->seq, __ATOMIC_RELAXED);
    return seq < sa->seq_max ? seq : sa->seq_max;
}

int esp_out_match_ip(const struct esp_out_sa *sa, const uint8_t *ip, uint32_t len)
{
    const uint8_t any = ip[0] >> 4 == 4 ? ESP_TS_ANY4 : ESP_TS_ANY6;
    return (sa->any & any) || esp_ts_match(&sa->conf, ip, len, CV_DIR_OUT);
}

int esp_out_match(const struct esp_out_sa *sa, const struct rte_mbuf *m)
{
    return esp_out_match_ip(sa, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
}

/* Lengths are the same in every template of an SA; this one the manager, who asks, does not write meanwhile. */
static const struct esp_template *lengths(const struct esp_out_sa *sa)
{
    return &sa->tmpl[sa->tmpl_version & 1];
}

static unsigned trailer(const struct esp_out_sa *sa)
{
    return sa->conf.proto == CV_PROTO_AH ? 0 : ESP_TRAILER_LEN;
}

/* In transport mode the IP header is the packet's own. */
static unsigned own_header(const struct esp_out_sa *sa, const struct esp_template *t)
{
    return sa->conf.mode == CV_MODE_TRANSPORT ? t->meta.l3_len : 0;
}

uint16_t esp_out_overhead(const struct esp_out_sa *sa)
{
    const struct esp_template *t = lengths(sa);
    return (uint16_t)(t->len + t->head + trailer(sa) + t->align_mask + t->icv_len - own_header(sa, t));
}

uint16_t esp_out_inner_mtu(const struct esp_out_sa *sa, uint16_t mtu)
{
    return esp_out_mtu_by(sa, lengths(sa), mtu);
}

uint16_t esp_out_mtu_by(const struct esp_out_sa *sa, const struct esp_template *t, uint16_t mtu)
{
    const unsigned fixed = (unsigned)t->len + t->head + t->icv_len;
    if (mtu < fixed + trailer(sa))
        return 0;
    const unsigned data = (mtu - fixed) & ~(unsigned)t->align_mask;
    return data < trailer(sa) ? 0 : (uint16_t)(data - trailer(sa) + own_header(sa, t));
}
