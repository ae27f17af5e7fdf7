/* dp_rcu: grace periods. What workers may still be reading is freed only after each of them has passed
 * its loop once (rte_rcu_qsbr).
 *
 * One instance per process. Threads: dp_rcu_online, _offline and _quiet are a worker's; all else is the
 * manager's alone. */
#ifndef DATAPLANE_DP_RCU_H
#define DATAPLANE_DP_RCU_H

#include "common/result.h"

#include <rte_rcu_qsbr.h>
#include <stdbool.h>
#include <stdint.h>

extern struct rte_rcu_qsbr *dp_rcu_var; /* for the inline functions below only */

/* At most `threads` workers, numbered from 0. Without it (unit tests of the tables) everything is freed
 * at once: there are no readers. */
CV_MUST_USE cv_result dp_rcu_init(unsigned threads);
void dp_rcu_fini(void); /* workers gone: runs what is left */

/* How often tables have changed, 1 at first. What a worker found in them and keeps beyond a burst (dp_run.h) is good as long as this is what it was
 * before the worker looked: asked before each use, with no quiescent state between the two. Any worker. */
extern uint64_t dp_rcu_change_count; /* for the inline function below only */
static inline uint64_t dp_rcu_changes(void)
{
    return __atomic_load_n(&dp_rcu_change_count, __ATOMIC_ACQUIRE);
}
/* Whoever changes in a table what a worker may find: behind the change, and before anybody is told that it is done. What is deferred
 * counts as changed by itself, before its grace period begins: nothing that is kept outlives what it points to. */
void dp_rcu_changed(void);

/* Calls fn(p) once every worker has been quiet. Falls back to waiting when memory runs out. */
void dp_rcu_defer(void (*fn)(void *p), void *p);
void dp_rcu_free(void *p); /* dp_rcu_defer(free, p) */
/* What packets read, for dp_rcu_free or free: zeroed, and at the beginning of a cache line. NULL: no memory. */
void *dp_rcu_new(size_t size);
/* Runs what is due; never waits. Returns how many still wait. */
unsigned dp_rcu_poll(void);
/* Waits until everything deferred so far has run. */
void dp_rcu_barrier(void);

CV_MUST_USE cv_result dp_rcu_register(unsigned worker);
void dp_rcu_unregister(unsigned worker);
static inline void dp_rcu_online(unsigned worker)
{
    rte_rcu_qsbr_thread_online(dp_rcu_var, worker);
}
/* Before the worker sleeps: it holds no pointer then. */
static inline void dp_rcu_offline(unsigned worker)
{
    rte_rcu_qsbr_thread_offline(dp_rcu_var, worker);
}
static inline void dp_rcu_quiet(unsigned worker)
{
    rte_rcu_qsbr_quiescent(dp_rcu_var, worker);
}

/* For a worker that has packets under way in a device, which use their SAs until they come back: in place of dp_rcu_quiet. It
 * notes the present, and tells of it as quiet once every packet that was under way then has come back. What was handed over
 * later refers to nothing that was unlinked before the present. `submitted` and `delivered` count packets so far. */
struct dp_rcu_behind { /* zeroed */
    bool watching;
    uint64_t present, last; /* the grace period of then, and the last packet handed over by then */
};
static inline void dp_rcu_quiet_behind(unsigned worker, struct dp_rcu_behind *b, uint64_t submitted,
                                       uint64_t delivered)
{
    if (submitted == delivered) {
        b->watching = false;
        dp_rcu_quiet(worker);
    } else if (!b->watching) {
        b->watching = true;
        b->present = __atomic_load_n(&dp_rcu_var->token, __ATOMIC_ACQUIRE);
        b->last = submitted;
    } else if (delivered >= b->last) {
        b->watching = false;
        __atomic_store_n(&dp_rcu_var->qsbr_cnt[worker].cnt, b->present, __ATOMIC_RELEASE);
    }
}

#endif
