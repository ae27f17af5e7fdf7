#include "dataplane/dp_bench_run.h"
#include "common/log.h"
#include "dataplane/dp_bench_lane.h"
#include "dataplane/dp_bench_site.h"
#include "dataplane/dp_bench_store.h"
#include "dataplane/dp_cmd.h"
#include "dataplane/dp_eal.h"
#include "dataplane/dp_init.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_worker.h"
#include "dataplane/engine/eng_ipsecmb.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PORT_IN = 0,
    PORT_OUT = 1,
    MEMORY_BASE_MB = 512,
    SA_OCTETS = 4096, /* of one direction of one SA with its session, at most */
};

static bool complain(struct bench_result *out, const char *what)
{
    snprintf(out->err, sizeof out->err, "%.250s", what);
    return false;
}

/* ---- the process's data plane ------------------------------------------------------------------------------ */
unsigned dp_bench_memory_mb(const struct bench_case *c)
{
    const unsigned ways = c->dir == BENCH_BOTH ? 2 : 1;
    return MEMORY_BASE_MB + (unsigned)((uint64_t)c->sas * ways * SA_OCTETS >> 20);
}

/* With a processor for each worker they stay where they are: the main thread sleeps meanwhile. */
static void workers_pin(struct platform *p, const struct bench_case *c)
{
    unsigned cpus[BENCH_WORKERS_MAX + 1];
    const unsigned n = dp_eal_cpus(cpus, BENCH_WORKERS_MAX + 1);
    size_t at = 0;
    for (unsigned i = 0; c->hugepages && n > 1 && n == c->workers && i < n; i++)
        at += (size_t)snprintf(p->lcores + at, sizeof p->lcores - at, "%s%u", i ? "," : "", cpus[i]);
}

static void platform_fill(struct platform *p, const struct bench_case *c)
{
    platform_init(p);
    p->workers = c->workers;
    p->hugepages = c->hugepages;
    workers_pin(p, c);
    p->memory_mb = dp_bench_memory_mb(c);
    p->sa_index_bits = dp_bench_index_bits(c);
    snprintf(p->crypto_engine, sizeof p->crypto_engine, "%s", c->engine);
    struct platform_port *in = &p->ports[PORT_IN], *out = &p->ports[PORT_OUT];
    p->port_count = 2;
    snprintf(in->name, sizeof in->name, "in");
    snprintf(out->name, sizeof out->name, "out");
    if (dp_bench_jumbo(c))
        in->mtu = out->mtu = IP_MTU_MAX;
    snprintf(in->device, sizeof in->device, "net_null0,no-rx=1");
    snprintf(out->device, sizeof out->device, "net_null1,no-rx=1");
}

static bool data_plane_start(struct dp_setup *s, const struct bench_case *c, struct bench_result *out)
{
    memset(s, 0, sizeof *s);
    s->dp = calloc(1, sizeof *s->dp);
    s->config = "bench";
    if (!s->dp)
        return complain(out, "no memory");
    platform_fill(&s->dp->platform, c);
    log_set_level(LOG_LEVEL_WARNING);
    if (dp_init_start(s) != CV_OK)
        return complain(out, s->err);
    s->dp->idle_sleep = false;
    return true;
}

/* ---- packets ----------------------------------------------------------------------------------------------------- */
static bool lanes_fill(struct bench_lane *lanes, struct dp *dp, const struct bench_case *c,
                       struct bench_result *out)
{
    struct bench_peers peers;
    bool ok = dp_bench_peers_init(&peers, c) == CV_OK;
    for (unsigned w = 0; ok && w < c->workers; w++) {
        struct bench_frames *f = &lanes[w].frames;
        ok = dp_bench_store_fill(f, dp, c, w, &peers) == CV_OK &&
             dp_bench_port_feed(dp->ports[PORT_IN].id, (uint16_t)w, f) == CV_OK;
        out->packets += f->count;
    }
    for (unsigned i = 0; ok && i < c->sas; i++)
        out->used_sas += peers.used[i];
    dp_bench_peers_fini(&peers);
    return ok;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */
/* The EAL's own wait spins, and would take its part of a shared processor. */
static void lanes_wait(const struct bench_lane *lane)
{
    unsigned lcore;
    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        while (rte_eal_get_lcore_state(lcore) == RUNNING) {
            usleep(10000);
            dp_bench_progress(lane->c, "rounds done", __atomic_load_n(&lane->rounds_done, __ATOMIC_RELAXED),
                              lane->c->rounds);
        }
    }
    rte_eal_mp_wait_lcore();
}

/* A packet that was dropped, or waits for the manager, was not forwarded: the figure would be of something else. */
static bool ran_clean(const struct dp *dp, struct bench_result *out)
{
    for (unsigned w = 0; w < dp->workers; w++)
        for (unsigned r = 0; r < CV_DROP_COUNT; r++)
            if (dp->worker[w]->stats->drops[r] != 0) {
                snprintf(out->err, sizeof out->err, "%llu packets were dropped: %s",
                         (unsigned long long)dp->worker[w]->stats->drops[r], cv_drop_name(r));
                return false;
            }
    return rte_ring_empty(dp->rings.slow) || complain(out, "packets went to the manager");
}

/* A transform that the device lacks is worked on by software beside it: a figure under the wrong name. */
static bool engine_did_it(const struct dp *dp, const struct bench_case *c, struct bench_result *out)
{
    struct cv_engine_stats rows[2] = {0};
    const unsigned n = dp->engine->report ? dp->engine->report(rows, 2) : 0;
    if (n == 0 || rows[n - 1].packets == 0)
        return true;
    snprintf(out->err, sizeof out->err, "%s was not done by the device of '%s', but in software beside it",
             c->transform->name, c->engine);
    return false;
}

/* Without a NIC for it, `inline` is eng_auto: its figure must not stand under that name. */
static bool inline_has_port(const struct dp *dp)
{
    bool any = !dp_inline_is_on(dp);
    for (unsigned i = 0; i < dp->port_count; i++)
        any = any || dp->ports[i].security != IO_SECURITY_NONE;
    return any;
}

static void stages_summarise(const struct bench_lane *lanes, const struct bench_case *c,
                             struct bench_result *out)
{
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++) {
        double round[BENCH_ROUNDS_MAX] = {0};
        for (unsigned r = 0; r < c->rounds; r++)
            for (unsigned w = 0; w < c->workers; w++)
                round[r] += lanes[w].stage[r][s] / c->workers;
        out->stage[s] = dp_bench_median(round, c->rounds);
    }
}

static void summarise(const struct bench_lane *lanes, const struct bench_case *c, double hz,
                      struct bench_result *out)
{
    double total[BENCH_ROUNDS_MAX] = {0}, limit[BENCH_ROUNDS_MAX] = {0}, ports[BENCH_ROUNDS_MAX] = {0};
    double own[BENCH_ROUNDS_MAX] = {0};
    for (unsigned r = 0; r < c->rounds; r++)
        for (unsigned w = 0; w < c->workers; w++) {
            total[r] += hz / lanes[w].loop[r] / 1e6;
            limit[r] += hz / lanes[w].limit[r] / 1e6;
            own[r] += lanes[w].own[r] > 0 ? hz / lanes[w].own[r] / 1e6 : 0;
            ports[r] += lanes[w].ports[r] / c->workers;
        }
    stages_summarise(lanes, c, out);
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes);
    for (unsigned i = 0; i < count; i++)
        out->size += (double)sizes[i] / count;
    out->rounds = c->rounds;
    out->mpps = dp_bench_median(total, c->rounds); /* which sorts */
    out->mpps_min = total[0];
    out->mpps_max = total[c->rounds - 1];
    out->limit_mpps = dp_bench_median(limit, c->rounds);
    const double ours = dp_bench_median(own, c->rounds);
    out->best_mpps = ours > out->limit_mpps ? ours : out->limit_mpps;
    snprintf(out->best_engine, sizeof out->best_engine, "%s",
             ours > out->limit_mpps ? dp_bench_limit_own_name(lanes[0].bare) : eng_ipsecmb.name);
    out->ports_cycles = dp_bench_median(ports, c->rounds);
    out->tsc_mhz = hz / 1e6;
}

static bool lanes_make(struct bench_lane *lanes, struct dp *dp, const struct bench_case *c,
                       pthread_barrier_t *barrier, struct bench_result *out)
{
    for (unsigned w = 0; w < c->workers; w++) {
        lanes[w].w = dp->worker[w];
        lanes[w].c = c;
        lanes[w].id = w;
        lanes[w].port_in = dp->ports[PORT_IN].id;
        lanes[w].port_out = dp->ports[PORT_OUT].id;
        lanes[w].barrier = barrier;
        if (dp_bench_lane_init(&lanes[w]) != CV_OK)
            return false;
    }
    return lanes_fill(lanes, dp, c, out);
}

static bool lanes_run(struct bench_lane *lanes, unsigned workers)
{
    bool ok = true;
    for (unsigned w = 0; w < workers; w++)
        ok = rte_eal_remote_launch(dp_bench_lane, &lanes[w], lanes[w].w->lcore) == 0 && ok;
    lanes_wait(lanes);
    for (unsigned w = 0; w < workers; w++)
        ok = lanes[w].ok && ok;
    return ok;
}

static bool measure(struct dp_setup *s, struct bench_lane *lanes, const struct bench_case *c,
                    struct bench_result *out)
{
    struct dp *dp = s->dp;
    pthread_barrier_t barrier;
    if (!inline_has_port(dp))
        return complain(out, "no port with rte_security: 'inline' would be plain software");
    if (dp_bench_site_fill(dp, c) != CV_OK)
        return complain(out, "the tables could not be filled");
    dp_cmd_refresh_mtu(s->manager);
    if (pthread_barrier_init(&barrier, NULL, c->workers) != 0 || !lanes_make(lanes, dp, c, &barrier, out))
        return complain(out, "the packets could not be made");
    bool ok = lanes_run(lanes, c->workers);
    pthread_barrier_destroy(&barrier);
    if (!ran_clean(dp, out))
        return false;
    if (!ok)
        return complain(out, "a worker's packets did not all come through");
    if (!engine_did_it(dp, c, out))
        return false;
    summarise(lanes, c, (double)dp->shm.head->tsc_hz, out);
    /* A device by the words that ask for it. */
    snprintf(out->engine, sizeof out->engine, "%s", dp->engine->start ? c->engine : dp->engine->name);
    snprintf(out->device, sizeof out->device, "%s", eng_ipsecmb.device());
    return true;
}

bool dp_bench_measure(const struct bench_case *c, struct bench_result *out)
{
    struct dp_setup s;
    struct bench_lane lanes[CV_MAX_WORKERS] = {0};
    if (!data_plane_start(&s, c, out))
        return false;
    bool ok = measure(&s, lanes, c, out);
    for (unsigned w = 0; w < c->workers; w++)
        dp_bench_lane_fini(&lanes[w]);
    dp_init_stop(&s);
    free(s.dp);
    return ok;
}
