#include "dataplane/dp_bench_lane.h"
#include "dataplane/dp_bench_run.h"
#include "dataplane/dp_rcu.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdlib.h>

enum {
    STRETCHES = 8,     /* of the loop in a round; the limit is measured before, between and after them */
    PASSES_MAX = 1024, /* in a stretch */
    WARM_PASSES = 20,
    PORT_PASSES = 60,
    STAGE_PASSES = 60,
    IDLE_TURNS = 1000
};

/* ---- one pass: cycles from the first receive burst to the last transmit burst ------------------------------- */
/* What the card has ready goes through the loop. */
static bool loop_piece(struct bench_lane *l)
{
    unsigned idle = 0;
    while (l->frames.ready > 0) {
        idle = dp_worker_turn(l->w) > 0 ? 0 : idle + 1;
        dp_rcu_quiet(l->w->id);
        if (unlikely(idle > IDLE_TURNS)) /* no mbufs: they leaked */
            return false;
    }
    return true;
}

static bool ports_piece(struct bench_lane *l)
{
    struct rte_mbuf *pkts[IO_BURST];
    while (l->frames.ready > 0) {
        uint16_t n = rte_eth_rx_burst(l->port_in, (uint16_t)l->id, pkts, IO_BURST);
        if (n == 0 || rte_eth_tx_burst(l->port_out, (uint16_t)l->id, pkts, n) != n)
            return false;
    }
    return true;
}

/* The clock stands while the card fills its ring. */
static bool whole_pass(struct bench_lane *l, bool (*piece)(struct bench_lane *), double *cycles)
{
    uint64_t sum = 0;
    while (dp_bench_frames_refill(&l->frames)) {
        const uint64_t start = rte_rdtsc_precise();
        if (!piece(l))
            return false;
        sum += rte_rdtsc_precise() - start;
    }
    *cycles = (double)sum / l->frames.count;
    return true;
}

static bool loop_pass(struct bench_lane *l, double *cycles)
{
    const uint64_t sent = l->w->stats->tx_packets;
    return whole_pass(l, loop_piece, cycles) && l->w->stats->tx_packets - sent == l->frames.count;
}

static bool ports_pass(struct bench_lane *l, double *cycles)
{
    return whole_pass(l, ports_piece, cycles);
}

/* ---- between passes ------------------------------------------------------------------------------------------- */
/* This lcore owns the SA, and stands between two turns: nobody can be looking into the one that goes. */
static cv_result sa_renew(struct bench_lane *l, unsigned i)
{
    struct dp *dp = l->w->dp;
    struct cv_sa sa;
    struct esp_in_sa *fresh;
    dp_bench_sa(l->c, i, CV_DIR_IN, &sa);
    struct dp_sad_slot *slot = &dp->sad.in[sa.ref.spi & ((1u << dp->sad.bits) - 1)];
    CV_TRY(esp_in_sa_new(&sa, dp->engine, 0, &l->counters[i], &fresh));
    struct esp_in_sa *old = slot->sa;
    __atomic_store_n(&slot->sa, fresh, __ATOMIC_RELEASE);
    esp_in_sa_free(old);
    return CV_OK;
}

static bool rewind_frames(struct bench_lane *l)
{
    dp_bench_frames_rewind(&l->frames);
    if (l->c->dir == CV_DIR_OUT)
        return true;
    for (unsigned i = l->id; i < l->c->sas; i += l->c->workers)
        if (sa_renew(l, i) != CV_OK)
            return false;
    return true;
}

/* ---- rounds ----------------------------------------------------------------------------------------------------- */
/* Cycles per packet of passes for some seconds, at most `max` of them; gives how many, 0 when one went wrong. */
static unsigned passes(struct bench_lane *l, bool (*pass)(struct bench_lane *, double *), double seconds,
                       double *cycles, unsigned max)
{
    const uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)l->w->dp->shm.head->tsc_hz);
    unsigned n = 0;
    do {
        if (!rewind_frames(l) || !pass(l, &cycles[n]))
            return 0;
        n++;
    } while (n < max && rte_rdtsc() < end);
    return n;
}

/* Passes with a clock in the loop: what each stage takes of a packet, the median of the passes. */
static bool stages_run(struct bench_lane *l, double seconds, double stage[DP_CLOCK_STAGES])
{
    double taken[DP_CLOCK_STAGES][STAGE_PASSES], cycles;
    struct dp_clock clock;
    bool ok = true;
    l->w->esp.clock = &clock;
    for (unsigned n = 0; n < STAGE_PASSES; n++) {
        memset(&clock, 0, sizeof clock);
        ok = passes(l, loop_pass, seconds, &cycles, 1) == 1 && ok;
        for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
            taken[s][n] = (double)clock.cycles[s] / l->frames.count;
    }
    l->w->esp.clock = NULL;
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
        stage[s] = dp_bench_median(taken[s], STAGE_PASSES);
    return ok;
}

/* Loop and limit take turns, and both figures are medians: load that comes and goes meets them alike, and never
 * the limit alone, which would flatter the ratio. */
static bool round_run(struct bench_lane *l, unsigned r)
{
    static __thread double cycles[STRETCHES * PASSES_MAX];
    const double seconds = l->c->seconds / BENCH_ROUNDS / STRETCHES;
    double limit[STRETCHES + 1], own[STRETCHES];
    unsigned n = 0, more = 1;
    bool ok = true;
    for (unsigned s = 0; s < STRETCHES; s++) {
        pthread_barrier_wait(l->barrier);
        limit[s] = dp_bench_limit_cycles(l->bare);
        own[s] = dp_bench_limit_own(l->bare);
        pthread_barrier_wait(l->barrier);
        more = passes(l, loop_pass, seconds, cycles + n, PASSES_MAX);
        n += more;
        ok = ok && more > 0 && limit[s] > 0;
    }
    l->loop[r] = dp_bench_median(cycles, n);
    pthread_barrier_wait(l->barrier);
    limit[STRETCHES] = dp_bench_limit_cycles(l->bare);
    l->limit[r] = dp_bench_median(limit, STRETCHES + 1);
    l->own[r] = dp_bench_median(own, STRETCHES);
    more = passes(l, ports_pass, seconds, cycles, PORT_PASSES);
    l->ports[r] = dp_bench_median(cycles, more);
    if (l->c->stages)
        ok = stages_run(l, seconds, l->stage[r]) && ok;
    return ok && more > 0 && limit[STRETCHES] > 0;
}

cv_result dp_bench_lane_init(struct bench_lane *l)
{
    const unsigned *sizes, count = dp_bench_sizes(l->c, &sizes);
    struct cv_sa out, in;
    dp_bench_sa(l->c, 0, CV_DIR_OUT, &out);
    dp_bench_sa(l->c, 0, CV_DIR_IN, &in);
    l->counters = aligned_alloc(RTE_CACHE_LINE_SIZE, l->c->sas * sizeof *l->counters);
    if (!l->counters)
        return CV_ENOMEM;
    memset(l->counters, 0, l->c->sas * sizeof *l->counters);
    return dp_bench_limit_new(l->w->dp->engine, l->w->esp.engine, &out, &in, l->c->dir, sizes, count,
                              &l->bare);
}

void dp_bench_lane_fini(struct bench_lane *l)
{
    dp_bench_limit_free(l->bare);
    dp_bench_frames_fini(&l->frames);
    free(l->counters);
}

int dp_bench_lane(void *arg)
{
    struct bench_lane *l = arg;
    double warm[WARM_PASSES];
    bool ok = dp_rcu_register(l->w->id) == CV_OK;
    ok = passes(l, loop_pass, l->c->seconds / BENCH_ROUNDS, warm, WARM_PASSES) > 0 && ok;
    for (unsigned r = 0; r < BENCH_ROUNDS;
         r++) /* whatever went wrong: the other lanes wait at the barriers */
        ok = round_run(l, r) && ok;
    dp_rcu_unregister(l->w->id);
    l->ok = ok;
    return 0;
}
