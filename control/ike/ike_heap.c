/* A binary heap over sa->timer_at. Every SA is in it from birth to removal, so that arming a timer never fails. */
#include "control/ike/ike_core.h"

#include <stdlib.h>

static void put(struct ike *e, unsigned at, struct ike_sa *sa)
{
    e->heap[at] = sa;
    sa->heap_at = at;
}

static void sift(struct ike *e, struct ike_sa *sa)
{
    unsigned at = sa->heap_at;
    while (at > 0 && e->heap[(at - 1) / 2]->timer_at > sa->timer_at) {
        put(e, at, e->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= e->heap_count)
            break;
        if (child + 1 < e->heap_count && e->heap[child + 1]->timer_at < e->heap[child]->timer_at)
            child++;
        if (e->heap[child]->timer_at >= sa->timer_at)
            break;
        put(e, at, e->heap[child]);
        at = child;
    }
    put(e, at, sa);
}

bool ike_heap_add(struct ike *e, struct ike_sa *sa)
{
    enum { FIRST_CAP = 64 };
    if (e->heap_count == e->heap_cap) {
        unsigned cap = e->heap_cap ? 2 * e->heap_cap : FIRST_CAP;
        struct ike_sa **grown = realloc(e->heap, cap * sizeof *grown);
        if (!grown)
            return false;
        e->heap = grown;
        e->heap_cap = cap;
    }
    put(e, e->heap_count++, sa);
    sift(e, sa);
    return true;
}

void ike_heap_drop(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *last = e->heap[--e->heap_count];
    if (last == sa)
        return;
    put(e, sa->heap_at, last);
    sift(e, last);
}

struct ike_sa *ike_heap_first(const struct ike *e)
{
    return e->heap_count ? e->heap[0] : NULL;
}

void ike_sa_timer(struct ike *e, struct ike_sa *sa, uint64_t at)
{
    if (sa->dead)
        return;
    sa->timer_at = at;
    sift(e, sa);
}
