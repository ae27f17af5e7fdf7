/* dp_bench_lane: one worker's part of a benchmark case: rounds in which the loop and its limit take turns on one
 * core, and then the ports alone.
 *
 * The loop and the ports are timed in passes: once through the store of frames, some tens of microseconds to a
 * few milliseconds of TSC; a round's figure is the median of its passes. So what a shared machine takes away
 * meanwhile (another process on the core, an interrupt) spoils a pass, not the round.
 *
 * Between two passes of decapsulation, outside the clock, the SAs' anti-replay windows start over, so that the same packets are new
 * to them: those are on in what is timed. */
#ifndef DATAPLANE_DP_BENCH_LANE_H
#define DATAPLANE_DP_BENCH_LANE_H

#include "dataplane/dp_bench.h"
#include "dataplane/dp_bench_limit.h"
#include "dataplane/dp_bench_port.h"
#include "dataplane/dp_worker.h"

#include <pthread.h>

struct bench_lane {
    struct dp_worker *w;
    const struct bench_case *c;
    unsigned id;
    uint16_t port_in, port_out;
    pthread_barrier_t *barrier; /* all lanes do the same at a time */
    struct bench_frames frames;
    struct bench_limit *bare;
    double loop[BENCH_ROUNDS_MAX], ports[BENCH_ROUNDS_MAX],
        limit[BENCH_ROUNDS_MAX];                     /* TSC cycles per packet */
    double stage[BENCH_ROUNDS_MAX][DP_CLOCK_STAGES]; /* the same, with c->stages */
    double own[BENCH_ROUNDS_MAX]; /* of the fastest engine's burst where that is not ipsec-mb, else 0 */
    unsigned rounds_done;         /* atomic */
    bool ok;
};

/* w and c set: makes what is measured beside the loop. fini also frees the frames; the
 * workers no longer run then. */
CV_MUST_USE cv_result dp_bench_lane_init(struct bench_lane *l);
void dp_bench_lane_fini(struct bench_lane *l);
/* For rte_eal_remote_launch on the worker's lcore. arg: struct bench_lane. */
int dp_bench_lane(void *arg);

#endif
