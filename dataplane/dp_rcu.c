#include "dataplane/dp_rcu.h"

#include <stdlib.h>

struct deferred {
    struct deferred *next;
    uint64_t token;
    void (*fn)(void *p);
    void *p;
};

struct rte_rcu_qsbr *dp_rcu_var;
uint64_t dp_rcu_change_count = 1;
static struct deferred *oldest, *newest; /* in the order of their tokens */
static unsigned waiting;

cv_result dp_rcu_init(unsigned threads)
{
    size_t size = rte_rcu_qsbr_get_memsize(threads);
    void *p = aligned_alloc(RTE_CACHE_LINE_SIZE,
                            (size + RTE_CACHE_LINE_SIZE - 1) & ~(size_t)(RTE_CACHE_LINE_SIZE - 1));
    if (!p)
        return CV_ENOMEM;
    dp_rcu_var = p;
    return rte_rcu_qsbr_init(dp_rcu_var, threads) == 0 ? CV_OK : CV_EINVAL;
}

static void run_oldest(void)
{
    struct deferred *d = oldest;
    oldest = d->next;
    if (!oldest)
        newest = NULL;
    waiting--;
    d->fn(d->p);
    free(d);
}

void dp_rcu_fini(void)
{
    while (oldest)
        run_oldest();
    free(dp_rcu_var);
    dp_rcu_var = NULL;
}

void dp_rcu_changed(void)
{
    __atomic_fetch_add(&dp_rcu_change_count, 1, __ATOMIC_SEQ_CST);
}

void dp_rcu_defer(void (*fn)(void *p), void *p)
{
    dp_rcu_changed();
    if (!dp_rcu_var) {
        fn(p);
        return;
    }
    struct deferred *d = malloc(sizeof *d);
    if (!d) {
        rte_rcu_qsbr_synchronize(dp_rcu_var, RTE_QSBR_THRID_INVALID);
        fn(p);
        return;
    }
    *d = (struct deferred){NULL, rte_rcu_qsbr_start(dp_rcu_var), fn, p};
    if (newest)
        newest->next = d;
    else
        oldest = d;
    newest = d;
    waiting++;
}

void *dp_rcu_new(size_t size)
{
    const size_t whole = RTE_ALIGN_CEIL(size, (size_t)RTE_CACHE_LINE_SIZE);
    void *p = aligned_alloc(RTE_CACHE_LINE_SIZE, whole);
    return p ? memset(p, 0, whole) : NULL;
}

void dp_rcu_free(void *p)
{
    if (p)
        dp_rcu_defer(free, p);
}

unsigned dp_rcu_poll(void)
{
    while (oldest && rte_rcu_qsbr_check(dp_rcu_var, oldest->token, false) == 1)
        run_oldest();
    return waiting;
}

void dp_rcu_barrier(void)
{
    while (oldest) {
        rte_rcu_qsbr_check(dp_rcu_var, oldest->token, true);
        run_oldest();
    }
}

cv_result dp_rcu_register(unsigned worker)
{
    if (rte_rcu_qsbr_thread_register(dp_rcu_var, worker) != 0)
        return CV_EINVAL;
    dp_rcu_online(worker);
    return CV_OK;
}

void dp_rcu_unregister(unsigned worker)
{
    dp_rcu_offline(worker);
    rte_rcu_qsbr_thread_unregister(dp_rcu_var, worker);
}
