#include "dataplane/dp_move.h"
#include "common/log.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_worker.h"

#include <rte_cycles.h>

static uint64_t read64(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* ---- how far a worker is ----------------------------------------------------------------------------------- */
static uint32_t filled(const struct rte_ring *inbox)
{
    return __atomic_load_n(&inbox->prod.tail, __ATOMIC_ACQUIRE);
}

static bool taken(const struct rte_ring *inbox, uint32_t mark)
{
    return (int32_t)(__atomic_load_n(&inbox->cons.tail, __ATOMIC_ACQUIRE) - mark) >= 0;
}

void dp_inboxes_mark(const struct dp *dp, uint32_t marks[CV_MAX_WORKERS])
{
    for (unsigned w = 0; w < CV_MAX_WORKERS; w++)
        marks[w] = dp->rings.inbox[w] ? filled(dp->rings.inbox[w]) : 0;
}

bool dp_inboxes_taken(const struct dp *dp, const uint32_t marks[CV_MAX_WORKERS])
{
    for (unsigned w = 0; w < CV_MAX_WORKERS; w++)
        if (dp->rings.inbox[w] && !taken(dp->rings.inbox[w], marks[w]))
            return false;
    return true;
}

static uint64_t idle_cycles(const struct cv_worker_stats *s)
{
    uint64_t busy = read64(&s->busy_cycles), total = read64(&s->total_cycles);
    return total > busy ? total - busy : 0;
}

/* What lay in the receive queues when the rule was changed is out of them: each worker found its own all empty since, or has received more
 * than they hold. Whose queue the rule named before is not asked: a worker without one leaves it as it was. */
static bool queues_drained(const struct dp *dp, const struct dp_move *m)
{
    for (unsigned w = 0; w < dp->workers; w++) {
        const struct cv_worker_stats *s = shm_worker_stats(&dp->shm, w);
        const uint64_t depth = (uint64_t)IO_DESCRIPTORS * dp->worker[w]->rxq_count;
        if (idle_cycles(s) <= m->idle_marks[w] && read64(&s->rx_packets) - m->rx_marks[w] < depth)
            return false;
    }
    return true;
}

/* ---- steps --------------------------------------------------------------------------------------------------- */
static void tell(struct dp *dp, const struct dp_move *m, uint8_t moving)
{
    struct cv_steer_bucket *b = &shm_steer(&dp->shm)->bucket[m->bucket];
    __atomic_store_n(&b->worker, (uint16_t)m->to, __ATOMIC_RELAXED);
    __atomic_store_n(&b->moving, moving, __ATOMIC_RELAXED);
}

cv_result dp_move_begin(struct dp *dp, struct dp_move *m, unsigned bucket, unsigned to, bool automatic)
{
    if (bucket >= CV_BUCKETS || to >= dp->workers)
        return CV_EINVAL;
    if (m->step != DP_MOVE_NONE)
        return CV_EAGAIN;
    struct dp_owners *o = &dp->owners;
    *m = (struct dp_move){.bucket = bucket, .from = dp_owner_of(o, bucket), .to = to, .automatic = automatic};
    if (m->from == to)
        return CV_OK;
    __atomic_store_n(&o->from[bucket], (uint8_t)m->from, __ATOMIC_RELAXED);
    __atomic_store_n(&o->entry[bucket], (uint8_t)(to | DP_OWNER_MOVING), __ATOMIC_RELEASE);
    tell(dp, m, 1);
    m->token = rte_rcu_qsbr_start(dp_rcu_var);
    m->step = DP_MOVE_TOLD;
    return CV_OK;
}

static bool grace_is_over(const struct dp_move *m)
{
    return rte_rcu_qsbr_check(dp_rcu_var, m->token, false) == 1;
}

static void change_rules(struct dp *dp, struct dp_move *m)
{
    for (unsigned p = 0; p < dp->port_count; p++)
        m->steered = io_steer_move(&dp->steer[p], m->bucket, m->to) || m->steered;
    for (unsigned w = 0; w < dp->workers; w++) {
        const struct cv_worker_stats *s = shm_worker_stats(&dp->shm, w);
        m->rx_marks[w] = read64(&s->rx_packets);
        m->idle_marks[w] = idle_cycles(s);
    }
}

static void finished(struct dp *dp, struct dp_move *m)
{
    struct cv_steer *s = shm_steer(&dp->shm);
    tell(dp, m, 0);
    s->bucket[m->bucket].moves++;
    s->automatic += m->automatic;
    s->last_tsc = rte_rdtsc();
    s->moves++;
    log_info("bucket %u of inbound SAs moved from worker %u to worker %u%s", m->bucket, m->from, m->to,
             m->automatic ? ": the first had too much to do" : "");
    m->step = DP_MOVE_NONE;
}

/* The worker looks between two turns. Release: what the old owner left is there before the word that it may be used. */
static void ready(struct dp *dp, struct dp_move *m)
{
    __atomic_store_n(&dp->owners.entry[m->bucket], (uint8_t)(m->to | DP_OWNER_READY), __ATOMIC_RELEASE);
    __atomic_store_n(&dp->worker[m->to]->parked.ready, m->bucket + 1, __ATOMIC_RELEASE);
    m->step = DP_MOVE_READY;
}

static bool step(struct dp *dp, struct dp_move *m)
{
    switch (m->step) {
    case DP_MOVE_TOLD:
        if (!grace_is_over(m))
            return false;
        m->marks[m->from] = filled(dp->rings.inbox[m->from]);
        change_rules(dp, m);
        m->step = DP_MOVE_DRAINS;
        return true;
    case DP_MOVE_DRAINS:
        if (!taken(dp->rings.inbox[m->from], m->marks[m->from]) || (m->steered && !queues_drained(dp, m)))
            return false;
        m->token = rte_rcu_qsbr_start(dp_rcu_var);
        m->step = DP_MOVE_QUIET;
        return true;
    case DP_MOVE_QUIET:
        if (!grace_is_over(m))
            return false;
        dp_inboxes_mark(dp, m->marks);
        m->step = DP_MOVE_ARRIVES;
        return true;
    case DP_MOVE_ARRIVES:
        if (!dp_inboxes_taken(dp, m->marks))
            return false;
        m->token = rte_rcu_qsbr_start(dp_rcu_var);
        m->step = DP_MOVE_LEAVES;
        return true;
    case DP_MOVE_LEAVES:
        if (!grace_is_over(m))
            return false;
        ready(dp, m);
        return true;
    case DP_MOVE_READY:
        if (__atomic_load_n(&dp->owners.entry[m->bucket], __ATOMIC_ACQUIRE) != m->to)
            return false;
        finished(dp, m);
        return true;
    case DP_MOVE_NONE:
        break;
    }
    return false;
}

bool dp_move_poll(struct dp *dp, struct dp_move *m)
{
    while (step(dp, m))
        ;
    return m->step != DP_MOVE_NONE;
}
