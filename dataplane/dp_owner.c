#include "dataplane/dp_owner.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_worker.h"

void dp_owners_init(struct dp_owners *o, unsigned workers)
{
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        o->entry[b] = o->from[b] = (uint8_t)cv_bucket_worker(b, workers);
}

static void park(struct dp_worker *w, struct rte_mbuf **list, unsigned *count, struct rte_mbuf *m)
{
    if (*count < DP_PARK_MAX)
        list[(*count)++] = m;
    else
        dp_drop_esp_waiting(w, m);
}

void dp_owner_landed(struct dp_worker *w, struct rte_mbuf *m)
{
    const unsigned bucket = cv_spi_bucket(dp_meta(m)->spi), owner = dp_owner_of(&w->dp->owners, bucket);
    if (unlikely(owner == w->id)) {
        park(w, w->parked.own, &w->parked.own_count, m);
        return;
    }
    dp_count(&w->steer->handed[bucket], 1);
    dp_hand_over(w, owner, m, DP_STAGE_ESP_IN);
}

bool dp_owner_handed(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_owners *o = &w->dp->owners;
    const unsigned bucket = cv_spi_bucket(dp_meta(m)->spi);
    const uint8_t entry = __atomic_load_n(&o->entry[bucket], __ATOMIC_ACQUIRE);
    if ((entry & DP_OWNER_WORKER) == w->id) {
        park(w, w->parked.handed, &w->parked.handed_count, m);
        return false;
    }
    if ((entry & DP_OWNER_MOVING) && __atomic_load_n(&o->from[bucket], __ATOMIC_RELAXED) == w->id)
        return true; /* given before the bucket left: the old owner finishes */
    dp_hand_over(w, entry & DP_OWNER_WORKER, m, DP_STAGE_ESP_IN);
    return false;
}

void dp_owner_adopt(struct dp_worker *w)
{
    const uint32_t ready = __atomic_load_n(&w->parked.ready, __ATOMIC_ACQUIRE);
    if (ready > CV_BUCKETS) {
        if (ready == DP_TOLD_LOOK)
            dp_worker_look(w);
        w->dismissed = ready == DP_TOLD_LEAVE;
        /* Release: a manager that sees that may rely on what was done, and on this worker's last turn. */
        __atomic_store_n(&w->parked.ready, 0, __ATOMIC_RELEASE);
        return;
    }
    __atomic_store_n(&w->parked.ready, 0, __ATOMIC_RELAXED);
    /* Release: a manager that sees the plain entry may begin the next move. */
    __atomic_store_n(&w->dp->owners.entry[ready - 1], (uint8_t)w->id, __ATOMIC_RELEASE);
}

unsigned dp_owner_unpark(struct dp_parked *p, struct rte_mbuf **pkts, unsigned max)
{
    unsigned n = 0;
    for (; n < max && p->next < p->handed_count + p->own_count; p->next++)
        pkts[n++] = p->next < p->handed_count ? p->handed[p->next] : p->own[p->next - p->handed_count];
    if (n == 0)
        p->next = p->handed_count = p->own_count = 0;
    return n;
}

void dp_owner_abandon(struct dp_parked *p)
{
    struct rte_mbuf *m;
    while (dp_owner_unpark(p, &m, 1) == 1)
        rte_pktmbuf_free(m);
}
