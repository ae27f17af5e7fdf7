#include "dataplane/dp_balance.h"

#include <string.h>

enum { SAMPLE_MS = 1000, SPREAD_SAMPLES = 2, PERMILLE = 1000, WORTH = 50 /* a gain of a fiftieth */ };

static uint64_t read64(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* ---- choosing ------------------------------------------------------------------------------------------------ */
/* Of `most`'s buckets the one whose cost is nearest to half of the gap between it and `least`: what remains is the
 * evenest. Costs above three quarters of the gap would only swap the two. */
static bool best_bucket(const struct dp_load *l, unsigned most, uint64_t gap, const uint64_t *cost,
                        unsigned *bucket)
{
    uint64_t best = UINT64_MAX;
    for (unsigned b = 0; b < CV_BUCKETS; b++) {
        if (l->owner[b] != most || cost[b] == 0 || cost[b] * 4 > gap * 3)
            continue;
        uint64_t off = cost[b] * 2 > gap ? cost[b] * 2 - gap : gap - cost[b] * 2;
        if (off < best) {
            best = off;
            *bucket = b;
        }
    }
    return best != UINT64_MAX;
}

static void extremes(const uint64_t *of, unsigned n, unsigned *most, unsigned *least)
{
    *most = *least = 0;
    for (unsigned w = 1; w < n; w++) {
        if (of[w] > of[*most])
            *most = w;
        if (of[w] < of[*least])
            *least = w;
    }
}

bool dp_balance_by_load(const struct dp_load *l, struct dp_choice *out)
{
    uint64_t busy[CV_MAX_WORKERS], cost[CV_BUCKETS];
    unsigned most;
    for (unsigned w = 0; w < l->workers; w++)
        busy[w] = l->busy[w];
    extremes(busy, l->workers, &most, &out->to);
    const uint64_t gap = busy[most] - busy[out->to];
    if (busy[most] < DP_BALANCE_BUSY || gap < DP_BALANCE_GAP || l->received[most] == 0)
        return false;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        cost[b] = l->packets[b] * busy[most] / l->received[most];
    return best_bucket(l, most, gap, cost, &out->bucket);
}

bool dp_balance_by_packets(const struct dp_load *l, struct dp_choice *out)
{
    uint64_t of[CV_MAX_WORKERS] = {0};
    unsigned most;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        of[l->owner[b]] += l->packets[b];
    extremes(of, l->workers, &most, &out->to);
    const uint64_t gap = of[most] - of[out->to];
    if (!best_bucket(l, most, gap, l->packets, &out->bucket))
        return false;
    const uint64_t gain = l->packets[out->bucket] < gap - l->packets[out->bucket]
                              ? l->packets[out->bucket]
                              : gap - l->packets[out->bucket];
    return gain * WORTH > of[most];
}

bool dp_balance_by_number(const struct dp_load *l, struct dp_choice *out)
{
    uint64_t of[CV_MAX_WORKERS] = {0};
    unsigned most;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        of[l->owner[b]] += l->packets[b] == 0;
    extremes(of, l->workers, &most, &out->to);
    for (out->bucket = 0; out->bucket < CV_BUCKETS; out->bucket++)
        if (l->owner[out->bucket] == most && l->packets[out->bucket] == 0)
            return of[most] >= of[out->to] + 2;
    return false;
}

/* ---- sampling ------------------------------------------------------------------------------------------------ */
static uint64_t since(uint64_t *last, const uint64_t *now)
{
    const uint64_t n = read64(now), d = n - *last;
    *last = n;
    return d;
}

static void sample(struct dp *dp, struct dp_balance *b)
{
    struct dp_load *l = &b->load;
    memset(l, 0, sizeof *l);
    l->workers = dp->workers;
    for (unsigned w = 0; w < dp->workers; w++) {
        const struct cv_worker_stats *s = shm_worker_stats(&dp->shm, w);
        const struct cv_steer_counts *c = shm_steer_counts(&dp->shm, w);
        const uint64_t busy = since(&b->busy[w], &s->busy_cycles),
                       total = since(&b->total[w], &s->total_cycles);
        l->busy[w] = total ? (unsigned)(busy * PERMILLE / total) : 0;
        l->received[w] = since(&b->received[w], &s->rx_packets);
        for (unsigned k = 0; k < CV_BUCKETS; k++) {
            const uint64_t n = since(&b->worked[w][k], &c->worked[k]);
            l->packets[k] += n;
            l->received[w] += n; /* handed to it by others, or decrypted: either way it cost */
        }
    }
}

static void owners_read(const struct dp *dp, struct dp_load *l)
{
    for (unsigned k = 0; k < CV_BUCKETS; k++)
        l->owner[k] = (uint8_t)dp_owner_of(&dp->owners, k);
}

/* ---- when ------------------------------------------------------------------------------------------------------ */
static void by_itself(struct dp *dp, struct dp_balance *b, struct dp_move *m)
{
    struct dp_choice c;
    if (b->rest > 0) {
        b->rest--;
        return;
    }
    if (!dp_balance_by_load(&b->load, &c)) {
        b->overloaded = 0;
        return;
    }
    if (++b->overloaded < DP_BALANCE_SECONDS || dp_move_begin(dp, m, c.bucket, c.to, true) != CV_OK)
        return;
    b->overloaded = 0;
    b->rest = DP_BALANCE_REST;
}

static void as_asked(struct dp *dp, struct dp_balance *b, struct dp_move *m)
{
    struct dp_choice c;
    b->asked--;
    b->load.workers = dp->workers;
    owners_read(dp, &b->load);
    if (!(dp_balance_by_packets(&b->load, &c) || (b->spread && dp_balance_by_number(&b->load, &c))) ||
        dp_move_begin(dp, m, c.bucket, c.to, false) != CV_OK)
        b->asked = 0;
}

void dp_balance_ask(struct dp_balance *b)
{
    b->asked = CV_BUCKETS;
    b->spread = false;
}

void dp_balance_spread(struct dp_balance *b)
{
    b->asked = CV_BUCKETS;
    b->spread = true;
    b->later = SPREAD_SAMPLES;
}

/* A whole second has been sampled since workers came. */
static void asks_again(struct dp_balance *b)
{
    if (b->later > 0 && --b->later == 0)
        b->asked = CV_BUCKETS;
}

void dp_balance_tick(struct dp *dp, struct dp_balance *b, struct dp_move *m, uint64_t now_ms)
{
    if (dp->workers < 2)
        return;
    const bool due = now_ms >= b->next_ms;
    if (due) {
        b->next_ms = now_ms + SAMPLE_MS;
        sample(dp, b);
        owners_read(dp, &b->load);
        asks_again(b);
    }
    if (b->asked > 0)
        as_asked(dp, b, m);
    else if (due && b->automatic)
        by_itself(dp, b, m);
}
