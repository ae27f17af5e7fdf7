#include "dataplane/dp_run.h"

#include "dataplane/dp_alike.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_policy.h"
#include "dataplane/dp_way6.h"
#include "dataplane/engine/eng_isa.h"

#include <rte_malloc.h>

enum {
    ALIKE = 4,     /* packets that are compared before one leads the others */
    RUNS = 2,      /* of a burst: where they are short, they are not worth a leader each */
    AHEAD = 6,     /* packets whose lines are fetched */
    PAUSE = 256,   /* bursts that are left alone after a leader that nobody could follow */
    LEAD_HZ = 100, /* leaders that go alone to a multi-buffer engine */
};

/* Does m[0] lead others? */
static bool begins(struct dp_way *y, struct rte_mbuf *const *m)
{
    if (!dp_way_of(y, m[0]))
        return false;
    for (unsigned i = 0; i < ALIKE; i++)
        if (!dp_way_alike_any(y, m[i]))
            return false;
    return true;
}

struct dp_runs {
    struct dp_way out;
    struct dp_way in;
    dp_alike_fn *wide; /* compares what is beyond doubt; NULL: this processor has none */
};

cv_result dp_runs_new(int socket, struct dp_runs **out)
{
    *out = rte_zmalloc_socket("runs", sizeof **out, RTE_CACHE_LINE_SIZE, socket);
    if (!*out)
        return CV_ENOMEM;
    (*out)->wide = eng_isa_wide() ? dp_alike_avx512 : NULL;
    return CV_OK;
}

void dp_runs_free(struct dp_runs *r)
{
    rte_free(r);
}

/* How many of pkts[0..n) follow their leader; p[] of them. rest: packets from pkts on in all. before: the last sequence number. */
static __rte_always_inline unsigned piece(const struct dp_way *way, dp_alike_fn *wide, struct rte_mbuf **pkts,
                                          struct esp_run_pkt *p, unsigned n, unsigned rest,
                                          enum dp_way_kind kind, uint32_t before, uint64_t *frames)
{
    const uint32_t span = way->front.span;
    const unsigned fetched = rest > AHEAD ? rest - AHEAD : 0;
    uint64_t octets = 0;
    unsigned i = wide ? wide(way, pkts, p, n, kind, before, frames) : 0;
    if (i > 0)
        before = p[i - 1].word;
    for (; i < n; i++) {
        if (i < fetched)
            dp_way_fetch(pkts[i + AHEAD], kind);
        if (unlikely(!dp_way_alike(way, pkts[i], span, kind, &p[i])))
            break;
        if (dp_way_has_numbers(kind)) {
            if (unlikely(p[i].word <= before))
                break;
            before = p[i].word;
        }
        octets += pkts[i]->pkt_len;
    }
    *frames += octets;
    return i;
}

/* The same, whichever kind. */
static __rte_always_inline unsigned piece_out(const struct dp_way *y, dp_alike_fn *wide,
                                              struct rte_mbuf **pkts, struct esp_run_pkt *p, unsigned n,
                                              unsigned rest, enum dp_way_kind kind, uint64_t *frames)
{
    switch (kind) {
    case DP_WAY_UDP:
        return piece(y, wide, pkts, p, n, rest, DP_WAY_UDP, 0, frames);
    case DP_WAY_PLAIN6:
        return piece(y, NULL, pkts, p, n, rest, DP_WAY_PLAIN6, 0, frames);
    case DP_WAY_UDP6:
        return piece(y, NULL, pkts, p, n, rest, DP_WAY_UDP6, 0, frames);
    default:
        return piece(y, wide, pkts, p, n, rest, DP_WAY_PLAIN, 0, frames);
    }
}
static __rte_always_inline unsigned piece_in(const struct dp_way *y, dp_alike_fn *wide,
                                             struct rte_mbuf **pkts, struct esp_run_pkt *p, unsigned n,
                                             unsigned rest, enum dp_way_kind kind, uint32_t before,
                                             uint64_t *frames)
{
    switch (kind) {
    case DP_WAY_NATT:
        return piece(y, wide, pkts, p, n, rest, DP_WAY_NATT, before, frames);
    case DP_WAY_ESP6:
        return piece(y, NULL, pkts, p, n, rest, DP_WAY_ESP6, before, frames);
    default:
        return piece(y, wide, pkts, p, n, rest, DP_WAY_ESP, before, frames);
    }
}

/* k of all n packets of a burst follow: how many of them are taken. */
static inline unsigned all_or_none(bool multi_buffer, unsigned k, unsigned n)
{
    return likely(!multi_buffer) || k == n ? k : 0;
}

/* ---- into an SA ------------------------------------------------------------------------------------------------ */
static unsigned out_run(struct dp_worker *w, struct dp_run *r, const struct dp_way *y, struct rte_mbuf **pkts,
                        unsigned n)
{
    const enum dp_way_kind kind = dp_front_kind_in_clear(&y->front);
    struct esp_run_pkt p[IO_BURST];
    unsigned done = 0, want, k;
    do {
        uint64_t frames = 0;
        want = RTE_MIN((unsigned)DP_RUN_PIECE, n - done);
        k = piece_out(y, w->runs->wide, pkts + done, p + done, want, n - done, kind, &frames);
        k = all_or_none(esp_out_run_multi_buffer(&y->esp.out), k, n);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
        if (unlikely(k == 0) || unlikely(!esp_out_run_reserve(&w->esp, &y->esp.out, done, k)))
            break;
        esp_out_run_build(&w->esp, &y->esp.out, pkts, p, done, k);
        dp_clock_mark(w->esp.clock, DP_CLOCK_BUILD);
        esp_out_run_crypt(&w->esp, &y->esp.out, done, k);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CRYPTO);
        done += k;
        r->frames += frames;
    } while (k == want && done < n);
    if (likely(done > 0))
        r->packets = esp_out_run_end(&w->esp, &y->esp.out, pkts, p, 0, done, &r->inner);
    return done;
}

/* Those of pkts[0..n) at its front that follow y's leader. */
static unsigned out_follow(struct dp_worker *w, const struct dp_way *y, struct rte_mbuf **pkts, unsigned n,
                           uint64_t *bytes)
{
    struct dp_run r = {0};
    const unsigned k = out_run(w, &r, y, pkts, n);
    for (unsigned i = 0; i < r.packets; i++) /* interfaces count IP packets */
        r.left += pkts[i]->pkt_len - RTE_ETHER_HDR_LEN;
    dp_way_frames(w, pkts, (unsigned)r.packets, y->exit_port);
    if (unlikely(r.packets < k))
        dp_way_refused(w, y, pkts + r.packets, k - (unsigned)r.packets);
    dp_count(&w->stats->crypto_packets, k);
    dp_count(&w->if_stats[y->through].tx_packets, k);
    dp_count(&w->if_stats[y->through].tx_bytes, r.inner);
    dp_way_count(w, y, &r);
    dp_clock_mark(w->esp.clock, DP_CLOCK_FINISH);
    *bytes += r.frames;
    return k;
}

/* ---- out of an SA ------------------------------------------------------------------------------------------------ */
static unsigned in_run(struct dp_worker *w, struct dp_run *r, const struct dp_way *y, struct rte_mbuf **pkts,
                       unsigned n, const struct ip_if *in)
{
    const enum dp_way_kind kind = dp_front_kind(&y->front);
    struct esp_run_pkt p[IO_BURST];
    unsigned done = 0, want, k, good;
    uint32_t last = 0;
    do {
        uint64_t frames = 0;
        want = RTE_MIN((unsigned)DP_RUN_PIECE, n - done);
        k = piece_in(y, w->runs->wide, pkts + done, p + done, want, n - done, kind, last, &frames);
        k = all_or_none(esp_in_run_multi_buffer(&y->esp.in), k, n);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
        if (unlikely(k == 0) || unlikely(!esp_in_run_check(&w->esp, &y->esp.in, pkts, p, 0, done, k)))
            break;
        last = p[done + k - 1].word;
        dp_clock_mark(w->esp.clock, DP_CLOCK_BUILD);
        esp_in_run_crypt(&w->esp, &y->esp.in, done, k);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CRYPTO);
        good = dp_way_leave(w, r, y, pkts, p, done, k);
        dp_clock_mark(w->esp.clock, DP_CLOCK_FINISH);
        r->accepted += good;
        done += k;
        r->frames += frames;
    } while (k == want && good == k && done < n);
    r->inner = r->left + r->alone;
    if (likely(r->accepted > 0))
        esp_in_run_end(&w->esp, &y->esp.in, p, 0, (unsigned)r->accepted, r->inner);
    if (unlikely(r->accepted < done))
        dp_way_rest(w, y, pkts, p, (unsigned)r->accepted, done, in);
    return done;
}

static unsigned in_follow(struct dp_worker *w, const struct dp_way *y, const struct ip_if *in,
                          struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct dp_run r = {0};
    const unsigned k = in_run(w, &r, y, pkts, n, in);
    dp_count(&w->stats->crypto_packets, k);
    if (!w->esp.sole)
        dp_count(&w->steer->worked[cv_spi_bucket(y->spi)], k);
    dp_count(&w->if_stats[y->through].rx_packets, r.accepted);
    dp_count(&w->if_stats[y->through].rx_bytes, r.inner);
    dp_way_count(w, y, &r);
    *bytes += r.frames;
    return k;
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */
/* Does the way lead on for what has come in by `in`, and begins with pkts[0..DP_RUN_MIN)? */
static bool leads(const struct dp_way *y, uint64_t changes, const struct ip_if *in,
                  struct rte_mbuf *const *pkts)
{
    return y->changes == changes && y->front.if_in == in->id && dp_way_alike_any(y, pkts[0]) &&
           dp_way_alike_any(y, pkts[ALIKE]);
}

/* The burst goes the long way, and not in groups: the way is kept, or may be made soon. */
static void left_alone(struct dp_worker *w)
{
    w->group_pause = RTE_MAX(w->group_pause, 1u);
}

/* The way led on, and nobody followed: it is forgotten, if not all were to follow. */
static __rte_noinline void nobody_followed(struct dp_worker *w, struct dp_way *y, bool multi_buffer)
{
    if (multi_buffer)
        left_alone(w);
    else
        y->changes = 0;
}

/* Those at the front that follow the leader of an earlier burst. open: the port asks nothing of packets in clear. */
static unsigned follow(struct dp_worker *w, const struct ip_if *in, bool open, uint64_t changes,
                       struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct dp_way *out = &w->runs->out;
    struct dp_way *into = &w->runs->in;
    unsigned k = 0;
    if (open && leads(out, changes, in, pkts)) {
        if (esp_out_run_again(&out->esp.out))
            k = out_follow(w, out, pkts, n, bytes);
        if (unlikely(k == 0))
            nobody_followed(w, out, esp_out_run_multi_buffer(&out->esp.out));
    } else if (leads(into, changes, in, pkts)) {
        if (dp_owner_is(&w->dp->owners, into->spi, w->id) && esp_in_run_again(&into->esp.in))
            k = in_follow(w, into, in, pkts, n, bytes);
        if (unlikely(k == 0))
            nobody_followed(w, into, esp_in_run_multi_buffer(&into->esp.in));
    }
    return k;
}

/* May one go alone to a multi-buffer engine? What its call costs is spread over all bursts. */
static bool may_lead(struct dp_worker *w)
{
    if (w->now < w->lead_again) {
        left_alone(w);
        return false;
    }
    w->lead_again = w->now + w->esp.second / LEAD_HZ;
    return true;
}

/* pkts[0] goes the whole way, and those behind it that follow. open: as above. */
static unsigned lead(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a, bool open,
                     const struct dp_way *way, struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct dp_runs *runs = w->runs;
    struct rte_mbuf *leader = pkts[0];
    struct dp_way y = *way; /* another's way stays until it is known that this one leads */
    bool multi_buffer = false;
    unsigned k = 0;
    *bytes += leader->pkt_len;
    dp_worker_received(w, leader, a, in);
    dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
    if (open && w->out_count && w->out_pkts[w->out_count - 1] == leader) {
        if (unlikely(way->front.natt != 0)) /* others' ESP in UDP */
            return 1;
        multi_buffer = esp_out_multi_buffer(w->out_sas[w->out_count - 1]);
        if (multi_buffer && !may_lead(w))
            return 1;
        if (dp_way_out(w, &y, leader)) {
            runs->out = y;
            k = out_follow(w, &runs->out, pkts + 1, n - 1, bytes);
        }
    } else if (w->in_count && w->in_pkts[w->in_count - 1] == leader && dp_front_is_esp(&way->front)) {
        struct esp_in_sa *sa = w->in_sas[w->in_count - 1];
        multi_buffer = esp_in_multi_buffer(sa);
        if (multi_buffer && !may_lead(w))
            return 1;
        if (dp_way_in(w, &y, sa, leader)) {
            runs->in = y;
            k = in_follow(w, &runs->in, in, pkts + 1, n - 1, bytes);
        }
    }
    if (k == 0 && !multi_buffer) /* nobody followed */
        w->run_pause = PAUSE;
    return 1 + k;
}

unsigned dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                     struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct dp_way way = {.changes = w->changes, .front.if_in = (uint16_t)in->id};
    const bool open = !dp_policy_get(w->dp, in->id) && !in->tcp_mss.any;
    unsigned done = 0;
    if (w->run_pause > 0) {
        w->run_pause--;
        return 0;
    }
    for (unsigned i = 0; i < RTE_MIN(n, (unsigned)AHEAD + 1); i++)
        dp_way_fetch(pkts[i], DP_WAY_PLAIN);
    for (unsigned i = 0; i < RUNS && n - done >= DP_RUN_MIN; i++) {
        unsigned k = follow(w, in, open, way.changes, pkts + done, n - done, bytes);
        if (k == 0) {
            if (!begins(&way, pkts + done) || (!open && !dp_front_is_esp(&way.front)))
                break;
            k = lead(w, in, a, open, &way, pkts + done, n - done, bytes);
            if (k == 1)
                return done + 1;
        }
        done += k;
    }
    return done;
}
