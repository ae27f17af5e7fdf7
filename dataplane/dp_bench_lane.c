#include "dataplane/dp_bench_lane.h"
#include "dataplane/dp_bench_site.h"
#include "dataplane/dp_bench_store.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/esp/esp_in.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdlib.h>

enum {
    STRETCHES = 8,     /* of the loop in a round; the limit is measured before, between and after them */
    PASSES_MAX = 1024, /* in a stretch */
    WARM_PASSES = 20,
    PORT_PASSES = 60,
    STAGE_PASSES = 60,    /* ... or as many as there is time for, */
    STAGE_PASSES_MIN = 3, /* and these in any case */
    IDLE_TURNS = 1000
};

/* ---- one pass: cycles from the first receive burst to the last transmit burst ------------------------------- */
static bool under_way(const struct bench_lane *l)
{
    struct eng_flight f;
    if (likely(!l->w->esp.asynchronous))
        return false;
    esp_flight(&l->w->esp, &f);
    return f.submitted != f.delivered;
}

/* What the card has ready goes through the loop; and out of a crypto device, after the last of the store: a pass ends with nothing
 * under way. A device that fails gives back what it owes, so this ends. */
static bool loop_piece(struct bench_lane *l)
{
    unsigned idle = 0;
    while (l->frames.ready > 0) {
        idle = dp_worker_turn(l->w) > 0 ? 0 : idle + 1;
        if (likely(!l->w->esp.asynchronous)) /* SAs are in use while packets of theirs are under way */
            dp_rcu_quiet(l->w->id);
        if (unlikely(idle > IDLE_TURNS)) /* no mbufs: they leaked */
            return false;
    }
    if (l->frames.next < l->frames.count)
        return true;
    while (under_way(l))
        (void)dp_worker_turn(l->w);
    dp_rcu_quiet(l->w->id);
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
/* This lcore owns the SAs, and stands between two turns: nobody else looks into a window. */
static void rewind_frames(struct bench_lane *l)
{
    const struct dp_sad *sad = &l->w->dp->sad;
    dp_bench_frames_rewind(&l->frames);
    for (unsigned i = 0; dp_bench_decaps(l->c) && i < l->c->sas; i++)
        if (dp_bench_serves(l->c, i, l->id))
            esp_replay_restart(&sad->in[i].sa->replay);
}

/* ---- rounds ----------------------------------------------------------------------------------------------------- */
/* Cycles per packet of passes for some seconds, at most `max` of them; gives how many, 0 when one went wrong. */
static unsigned passes(struct bench_lane *l, bool (*pass)(struct bench_lane *, double *), double seconds,
                       double *cycles, unsigned max)
{
    const uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)l->w->dp->shm.head->tsc_hz);
    unsigned n = 0;
    do {
        rewind_frames(l);
        if (!pass(l, &cycles[n]))
            return 0;
        n++;
    } while (n < max && rte_rdtsc() < end);
    return n;
}

/* Passes with a clock in the loop: what each stage takes of a packet, the median of the passes. */
static bool stages_run(struct bench_lane *l, double seconds, double stage[DP_CLOCK_STAGES])
{
    const uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)l->w->dp->shm.head->tsc_hz);
    double taken[DP_CLOCK_STAGES][STAGE_PASSES], cycles;
    struct dp_clock clock;
    unsigned n = 0;
    bool ok = true;
    l->w->esp.clock = &clock;
    for (; n < STAGE_PASSES_MIN || (n < STAGE_PASSES && rte_rdtsc() < end); n++) {
        memset(&clock, 0, sizeof clock);
        ok = passes(l, loop_pass, 0, &cycles, 1) == 1 && ok;
        for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
            taken[s][n] = (double)clock.cycles[s] / l->frames.count;
    }
    l->w->esp.clock = NULL;
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
        stage[s] = dp_bench_median(taken[s], n);
    return ok;
}

/* Loop and limit take turns, and both figures are medians: load that comes and goes meets them alike, and never
 * the limit alone, which would flatter the ratio. */
static bool round_run(struct bench_lane *l, unsigned r)
{
    static __thread double cycles[STRETCHES * PASSES_MAX];
    const double seconds = l->c->seconds / l->c->rounds / STRETCHES;
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
    const struct bench_limit_of of = {&out, &in, dp_bench_encaps(l->c), dp_bench_decaps(l->c), sizes, count};
    return dp_bench_limit_new(&of, &l->bare);
}

void dp_bench_lane_fini(struct bench_lane *l)
{
    dp_bench_limit_free(l->bare);
    dp_bench_frames_fini(&l->frames);
}

int dp_bench_lane(void *arg)
{
    struct bench_lane *l = arg;
    double warm[WARM_PASSES];
    bool ok = dp_rcu_register(l->w->id) == CV_OK;
    ok = passes(l, loop_pass, l->c->seconds / l->c->rounds, warm, WARM_PASSES) > 0 && ok;
    /* Whatever went wrong: the other lanes wait at the barriers. */
    for (unsigned r = 0; r < l->c->rounds; r++) {
        ok = round_run(l, r) && ok;
        __atomic_store_n(&l->rounds_done, r + 1, __ATOMIC_RELAXED);
    }
    dp_rcu_unregister(l->w->id);
    l->ok = ok;
    return 0;
}
