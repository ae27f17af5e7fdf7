#include "dataplane/dp_dummy.h"

#include "dataplane/dp_drop.h"
#include "dataplane/dp_flow.h"
#include "dataplane/esp/esp_tfc.h"

#include <rte_random.h>
#include <stdlib.h>

enum {
    LOOK_MS = 5,
    LOOK_SAS = 4096, /* at a time */
    SEND_MAX = 128,
    SIZE_MAX_UNKNOWN_MTU = 1000,
    TRANSPORT_SPARE = 40, /* the outer header that an inner MTU of transport mode counts as inner */
};

struct dp_dummy_sa {
    uint32_t slot, spi;
    uint64_t due_ms;
};

cv_result dp_dummy_add(struct dp_manager *g, const struct cv_sa_ref *ref)
{
    struct dp_dummies *d = &g->dummies;
    const struct esp_out_sa *sa = dp_sad_out(&g->dp->sad, ref->sa_id, ref->spi);
    const uint32_t every = sa ? esp_out_sa_conf(sa)->dummy_ms : 0;
    if (every == 0)
        return CV_OK;
    struct dp_out_slot *o = &g->dp->sad.out[ref->sa_id];
    if (o->dummies)
        return CV_OK; /* activated before */
    if (d->count == d->room) {
        const uint32_t room = d->room ? d->room * 2 : 64;
        struct dp_dummy_sa *more = realloc(d->sas, room * sizeof *more);
        if (!more)
            return CV_ENOMEM;
        d->sas = more;
        d->room = room;
    }
    d->sas[d->count++] = (struct dp_dummy_sa){ref->sa_id, ref->spi, g->now_ms + every};
    o->dummies = 1;
    return CV_OK;
}

void dp_dummy_end(struct dp_dummies *d)
{
    free(d->sas);
    *d = (struct dp_dummies){0};
}

/* Where there is padding a dummy is as long as all the others, else of any length. */
static uint16_t length(const struct dp_manager *g, const struct esp_out_sa *sa)
{
    const uint16_t padded = esp_tfc_len(sa);
    if (padded >= ESP_DUMMY_MIN)
        return padded;
    const struct esp_conf *conf = esp_out_sa_conf(sa);
    const struct dp_tunnel *t = dp_tunnel_get(&g->dp->sad, conf->if_id);
    uint16_t most = t && t->sas[0].inner_mtu ? t->sas[0].inner_mtu : SIZE_MAX_UNKNOWN_MTU;
    if (conf->mode == CV_MODE_TRANSPORT)
        most = (uint16_t)(most - TRANSPORT_SPARE);
    return most <= ESP_DUMMY_MIN ? ESP_DUMMY_MIN
                                 : (uint16_t)(ESP_DUMMY_MIN + rte_rand_max(most - ESP_DUMMY_MIN + 1u));
}

static void send(struct dp_manager *g, const struct dp_dummy_sa *e, const struct esp_out_sa *sa)
{
    const uint16_t len = length(g, sa);
    struct rte_mbuf *m =
        rte_pktmbuf_alloc(len + ESP_TAILROOM > DP_BIG_ROOM ? g->dp->jumbo_pool : g->dp->big_pool);
    enum cv_drop why = CV_DROP_NO_MBUF;
    if (m) {
        memset(dp_meta(m), 0, sizeof(struct dp_meta));
        dp_meta(m)->stage = DP_STAGE_DUMMY;
        dp_meta(m)->if_out = e->slot;
        dp_meta(m)->spi = e->spi;
        why = CV_DROP_NO_ROOM;
        if (esp_dummy_fill(m, len)) {
            if (io_give(g->dp->rings.inbox[0], m))
                return;
            why = CV_DROP_HANDOFF_FULL;
        }
        rte_pktmbuf_free(m);
    }
    dp_count(&g->stats->drops[why], 1);
}

/* False: the SA is gone. */
static bool look(struct dp_manager *g, struct dp_dummy_sa *e, unsigned *sent)
{
    const struct esp_out_sa *sa = dp_sad_out(&g->dp->sad, e->slot, e->spi);
    if (!sa)
        return false;
    const uint32_t every = esp_out_sa_conf(sa)->dummy_ms;
    send(g, e, sa);
    ++*sent;
    e->due_ms += every;
    if (e->due_ms <= g->now_ms) /* no burst of what was missed */
        e->due_ms = g->now_ms + every;
    return true;
}

void dp_dummy_tick(struct dp_manager *g)
{
    struct dp_dummies *d = &g->dummies;
    if (d->count == 0 || g->now_ms < d->look_ms)
        return;
    d->look_ms = g->now_ms + LOOK_MS;
    unsigned sent = 0;
    for (uint32_t n = RTE_MIN(d->count, (uint32_t)LOOK_SAS); n > 0 && sent < SEND_MAX && d->count > 0; n--) {
        if (d->next >= d->count)
            d->next = 0;
        struct dp_dummy_sa *e = &d->sas[d->next];
        if (g->now_ms < e->due_ms || look(g, e, &sent))
            d->next++;
        else
            *e = d->sas[--d->count];
    }
}

/* ---- the worker's part -------------------------------------------------------------------------------------- */
void dp_dummy_out(struct dp_worker *w, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    struct esp_out_sa *sa = dp_sad_out(&w->dp->sad, meta->if_out, meta->spi);
    if (!sa) {
        dp_drop(w, m, CV_DROP_NO_SA);
        return;
    }
    if (!esp_dummy_out(&w->esp, m, sa)) {
        if (w->esp.taken) /* under way */
            return;
        dp_drop(w, m, (enum cv_drop)meta->drop);
        return;
    }
    dp_meta(m)->local_out = DP_LOCAL_ESP;
    dp_flow_route(w, m);
}
