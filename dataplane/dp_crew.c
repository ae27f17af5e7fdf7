#include "dataplane/dp_crew.h"
#include "common/log.h"
#include "dataplane/dp_eal.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_worker.h"

#include <pthread.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_thread.h>
#include <string.h>

/* ---- lcores ---------------------------------------------------------------------------------------------------- */
static bool is_taken(const struct dp *dp, unsigned lcore)
{
    for (unsigned w = 0; w < CV_MAX_WORKERS; w++)
        if (dp->worker[w] && dp->worker[w]->lcore == lcore)
            return true;
    return rte_eal_get_lcore_state(lcore) != WAIT;
}

static bool asleep(const struct dp *dp, unsigned *lcore)
{
    RTE_LCORE_FOREACH_WORKER(*lcore)
    {
        if (!is_taken(dp, *lcore))
            return true;
    }
    return false;
}

static int lcore_move(void *arg)
{
    return rte_thread_set_affinity(arg);
}

/* Sleeping lcores are where the manager is. It goes before its worker is made: memory is taken where the lcore is by then. */
static cv_result lcore_find(const struct dp *dp, unsigned worker, unsigned cpu, unsigned *lcore)
{
    rte_cpuset_t set;
    if (!asleep(dp, lcore))
        return CV_ENOSPC;
    dp_eal_place(&dp->platform, dp->cpus, dp->cpu_count, worker, cpu, &set);
    const bool went = rte_eal_remote_launch(lcore_move, &set, *lcore) == 0 && rte_eal_wait_lcore(*lcore) == 0;
    return went ? CV_OK : CV_EIO;
}

static void cache_flush(struct rte_mempool *pool)
{
    struct rte_mempool_cache *cache = pool ? rte_mempool_default_cache(pool, rte_lcore_id()) : NULL;
    if (cache)
        rte_mempool_cache_flush(cache, pool);
}

static int lcore_main(void *arg)
{
    struct dp_worker *w = arg;
    const int r = dp_worker_main(w);
    /* The lcore sleeps now, perhaps for ever. */
    cache_flush(w->dp->pool);
    cache_flush(w->dp->big_pool);
    cache_flush(w->dp->jumbo_pool);
    return r;
}

static bool lcore_start(struct dp_worker *w)
{
    return rte_eal_remote_launch(lcore_main, w, w->lcore) == 0;
}

static bool lcore_ended(const struct dp_worker *w)
{
    return rte_eal_get_lcore_state(w->lcore) == WAIT;
}

const struct dp_crew_calls dp_crew_lcores = {lcore_find, lcore_start, lcore_ended};

/* ---- telling ------------------------------------------------------------------------------------------------------ */
static void tell(struct dp *dp, unsigned w, uint32_t what)
{
    __atomic_store_n(&dp->worker[w]->parked.ready, what, __ATOMIC_RELEASE);
}

/* The first n workers, whose loops run. */
static void look(struct dp *dp, unsigned n)
{
    for (unsigned w = 0; w < n; w++)
        tell(dp, w, DP_TOLD_LOOK);
}

static bool have_looked(const struct dp *dp)
{
    for (unsigned w = 0; w < CV_MAX_WORKERS; w++)
        if (dp->worker[w] && __atomic_load_n(&dp->worker[w]->parked.ready, __ATOMIC_ACQUIRE) != 0)
            return false;
    return true;
}

static void grace_begin(struct dp_crew *c, enum dp_crew_step step)
{
    c->token = rte_rcu_qsbr_start(dp_rcu_var);
    c->step = step;
}

static bool grace_is_over(const struct dp_crew *c)
{
    return rte_rcu_qsbr_check(dp_rcu_var, c->token, false) == 1;
}

/* Nobody would ask peers for a worker's SA who did not hear of it: when the ring is full, it is told later. */
static void say(struct dp *dp, struct dp_crew *c)
{
    const struct cv_evt e = {.type = CV_EVT_WORKERS};
    c->untold = c->untold && dp->connected && !ring_evt_put(&dp->shm, &e);
}

/* So many run: for whoever shows it, or asks peers for SAs of workers. */
static void publish(struct dp *dp, struct dp_crew *c, unsigned workers)
{
    shm_set_workers(&dp->shm, workers, RTE_MAX(workers, shm_workers_ever(&dp->shm)));
    for (unsigned p = 0; p < dp->port_count; p++)
        io_steer_workers(&dp->steer[p], workers);
    c->untold = true;
    say(dp, c);
}

/* ---- receive queues ------------------------------------------------------------------------------------------------- */
static bool some_change(const struct dp *dp, unsigned next)
{
    for (unsigned p = 0; p < dp->port_count; p++) {
        const unsigned queues = dp->ports[p].rx_queues;
        for (unsigned q = 0; q < queues; q++)
            if (io_port_owner(p, q, queues, dp->readers) != io_port_owner(p, q, queues, next))
                return true;
    }
    return false;
}

static bool after_queues(struct dp *dp, struct dp_crew *c);

/* running: the workers with loops. */
static bool queues_turn(struct dp *dp, struct dp_crew *c, unsigned next, unsigned running)
{
    dp->readers_next = next;
    if (!some_change(dp, next)) {
        dp->readers = next;
        return after_queues(dp, c);
    }
    look(dp, running);
    c->step = DP_CREW_RESTS;
    return true;
}

static unsigned running(const struct dp *dp)
{
    unsigned n = 0;
    while (n < CV_MAX_WORKERS && dp->worker[n])
        n++;
    return n;
}

static bool queues_step(struct dp *dp, struct dp_crew *c)
{
    switch (c->step) {
    case DP_CREW_RESTS:
        if (!have_looked(dp))
            return false;
        grace_begin(c, DP_CREW_QUIET);
        return true;
    case DP_CREW_QUIET:
        if (!grace_is_over(c))
            return false;
        dp_inboxes_mark(dp, c->marks);
        c->step = DP_CREW_DRAINS;
        return true;
    case DP_CREW_DRAINS:
        if (!dp_inboxes_taken(dp, c->marks))
            return false;
        grace_begin(c, DP_CREW_SENT);
        return true;
    case DP_CREW_SENT:
        if (!grace_is_over(c))
            return false;
        dp->readers = dp->readers_next;
        look(dp, running(dp));
        c->step = DP_CREW_READS;
        return true;
    default: /* DP_CREW_READS */
        return have_looked(dp) && after_queues(dp, c);
    }
}

/* ---- one comes -------------------------------------------------------------------------------------------------------- */
static void not_joined(struct dp_crew *c, unsigned k, const char *why)
{
    log_error("worker %u could not be added: %s", k, why);
    c->want = k;
}

static bool join(struct dp *dp, struct dp_crew *c)
{
    const unsigned k = dp->workers;
    const bool sole = dp->sole;
    unsigned lcore;
    const cv_result r = c->calls->find(dp, k, c->cpu[k], &lcore);
    if (r != CV_OK) {
        not_joined(c, k, r == CV_ENOSPC ? "no lcore is left" : "its lcore could not go to its processor");
        return false;
    }
    dp->workers = k + 1;
    dp->sole = false;
    if (io_inbox_new(&dp->rings, k) != CV_OK || dp_worker_new(dp, k, lcore, &dp->worker[k]) != CV_OK) {
        dp->workers = k;
        dp->sole = sole;
        io_inbox_free(&dp->rings, k);
        not_joined(c, k, "no memory, or no room in the crypto device");
        return false;
    }
    look(dp, k);
    c->step = DP_CREW_TOLD;
    return true;
}

static void forget(struct dp *dp, struct dp_crew *c)
{
    const unsigned all = dp->workers--;
    look(dp, all);
    c->step = DP_CREW_FORGETS;
}

static bool join_step(struct dp *dp, struct dp_crew *c)
{
    const unsigned k = dp->workers - 1;
    struct dp_worker *w = dp->worker[k];
    if (c->step == DP_CREW_TOLD) {
        if (!have_looked(dp))
            return false;
        /* It counts into lines of its own from its first packet on. */
        shm_set_workers(&dp->shm, k, RTE_MAX(k + 1, shm_workers_ever(&dp->shm)));
        (void)c->calls->start(w); /* else it has ended */
        c->step = DP_CREW_STARTS;
        return true;
    }
    if (__atomic_load_n(&w->running, __ATOMIC_ACQUIRE)) {
        publish(dp, c, k + 1);
        return queues_turn(dp, c, k + 1, k + 1);
    }
    if (!c->calls->ended(w))
        return false;
    not_joined(c, k, "its loop did not begin");
    dp->workers = k;
    look(dp, k);
    c->step = DP_CREW_FORGETS;
    return true;
}

static bool joined(struct dp *dp, struct dp_crew *c)
{
    log_info("worker %u was added, on lcore %u: %u workers", dp->workers - 1,
             dp->worker[dp->workers - 1]->lcore, dp->workers);
    c->grown = true;
    c->step = DP_CREW_NONE;
    return true;
}

/* ---- one goes --------------------------------------------------------------------------------------------------------- */
/* To whoever of the others has the fewest buckets; load evens out later. */
static unsigned poorest(const struct dp *dp, unsigned but)
{
    unsigned has[CV_MAX_WORKERS] = {0}, best = 0;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        has[dp_owner_of(&dp->owners, b)]++;
    for (unsigned w = 1; w < but; w++)
        if (has[w] < has[best])
            best = w;
    return best;
}

static bool empties(struct dp *dp, struct dp_crew *c, struct dp_move *m)
{
    const unsigned k = dp->workers - 1;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        if (dp_owner_of(&dp->owners, b) == k)
            return dp_move_begin(dp, m, b, poorest(dp, k), false) == CV_OK;
    return queues_turn(dp, c, k, k + 1);
}

static bool left(struct dp *dp, struct dp_crew *c)
{
    const unsigned k = dp->workers;
    dp_worker_free(dp->worker[k]);
    dp->worker[k] = NULL;
    io_inbox_free(&dp->rings, k);
    log_info("worker %u left: %u workers", k, dp->workers);
    dp->sole = dp->workers == 1;
    look(dp, dp->workers);
    c->step = DP_CREW_ALONE;
    return true;
}

static bool leave_step(struct dp *dp, struct dp_crew *c)
{
    const unsigned k = dp->workers; /* who leaves is not counted any more */
    switch (c->step) {
    case DP_CREW_FORGETS:
        if (!have_looked(dp))
            return false;
        publish(dp, c, k);
        grace_begin(c, DP_CREW_LAST);
        return true;
    case DP_CREW_LAST:
        if (!grace_is_over(c))
            return false;
        dp_inboxes_mark(dp, c->marks);
        c->step = DP_CREW_FINISHES;
        return true;
    case DP_CREW_FINISHES:
        if (!c->calls->ended(dp->worker[k]) && !dp_inboxes_taken(dp, c->marks))
            return false;
        grace_begin(c, DP_CREW_GOES);
        return true;
    case DP_CREW_GOES:
        if (!grace_is_over(c))
            return false;
        tell(dp, k, DP_TOLD_LEAVE);
        c->step = DP_CREW_LEAVES;
        return true;
    case DP_CREW_LEAVES:
        return c->calls->ended(dp->worker[k]) && left(dp, c);
    default: /* DP_CREW_ALONE */
        if (!have_looked(dp))
            return false;
        c->step = DP_CREW_NONE;
        return true;
    }
}

static bool after_queues(struct dp *dp, struct dp_crew *c)
{
    if (dp->readers == dp->workers)
        return joined(dp, c);
    forget(dp, c);
    return true;
}

/* ---- asked ------------------------------------------------------------------------------------------------------------ */
void dp_crew_init(struct dp *dp, struct dp_crew *c, const struct dp_crew_calls *calls)
{
    unsigned cpus[CV_MAX_WORKERS];
    const unsigned named = platform_lcores(&dp->platform, cpus, CV_MAX_WORKERS);
    *c = (struct dp_crew){.calls = calls, .want = dp->workers};
    for (unsigned w = 0; w < CV_MAX_WORKERS; w++)
        c->cpu[w] = w < named ? (uint16_t)cpus[w] : CV_CPU_ANY;
    dp->began = dp->readers = dp->readers_next = dp->workers;
    dp->sole = dp->workers == 1;
}

/* Those that run stay, and stay where they are. */
static bool needs_restart(const struct dp *dp, const struct dp_crew *c, const struct cv_workers_cmd *cmd)
{
    /* Whom a NIC's sessions count for is settled when they are made. */
    bool so = cmd->count < dp->began || (cmd->count < dp->workers && dp_inline_is_on(dp));
    for (unsigned w = 0; w < cmd->count && w < dp->workers; w++)
        so = so || cmd->cpu[w] != c->cpu[w];
    return so;
}

cv_result dp_crew_ask(struct dp *dp, struct dp_crew *c, const struct cv_workers_cmd *cmd)
{
    if (cmd->count < 1 || cmd->count > CV_MAX_WORKERS) {
        log_warning("%u workers: there may be 1 to %d", cmd->count, CV_MAX_WORKERS);
        return CV_EINVAL;
    }
    if (needs_restart(dp, c, cmd)) {
        log_warning("%u workers are not to be had without a restart: %u began, and those that run stay where "
                    "they are",
                    cmd->count, dp->began);
        return CV_EUNSUP;
    }
    for (unsigned w = dp->workers; w < cmd->count; w++)
        if (cmd->cpu[w] != CV_CPU_ANY && !dp_eal_may_use(cmd->cpu[w])) {
            log_warning("%u workers: processor %u of `lcores` is not one that this process may use",
                        cmd->count, cmd->cpu[w]);
            return CV_EINVAL;
        }
    for (unsigned w = dp->workers; w < CV_MAX_WORKERS; w++)
        c->cpu[w] = w < cmd->count ? cmd->cpu[w] : CV_CPU_ANY;
    c->want = cmd->count;
    return CV_OK;
}

static bool next_one(struct dp *dp, struct dp_crew *c)
{
    if (c->want > dp->workers)
        return join(dp, c);
    c->step = c->want < dp->workers ? DP_CREW_EMPTIES : DP_CREW_NONE;
    return c->step != DP_CREW_NONE;
}

static bool step(struct dp *dp, struct dp_crew *c, struct dp_move *m)
{
    if (c->step == DP_CREW_NONE)
        return next_one(dp, c);
    if (c->step == DP_CREW_EMPTIES)
        return empties(dp, c, m);
    if (c->step <= DP_CREW_STARTS)
        return join_step(dp, c);
    return c->step <= DP_CREW_READS ? queues_step(dp, c) : leave_step(dp, c);
}

bool dp_crew_poll(struct dp *dp, struct dp_crew *c, struct dp_move *m, bool *grown)
{
    say(dp, c);
    while (m->step == DP_MOVE_NONE && step(dp, c, m))
        ;
    *grown = c->grown && c->step == DP_CREW_NONE;
    if (*grown)
        c->grown = false;
    return c->step != DP_CREW_NONE || m->step != DP_MOVE_NONE;
}
