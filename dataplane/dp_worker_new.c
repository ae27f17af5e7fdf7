/* A worker is made, with its queues, and freed. */
#include "dataplane/dp_decided.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_group.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_reass.h"
#include "dataplane/dp_run.h"
#include "dataplane/dp_worker.h"
#include "dataplane/esp/esp_tfc.h"

#include <rte_lcore.h>
#include <rte_malloc.h>

static bool esp_event(void *ctx, const struct cv_evt *e)
{
    return dp_event(ctx, e);
}

/* A queue of its own; or the owner of the port's first queue sends for all, or for one that came later another worker does. */
static void tx_queues_take(struct dp_worker *w)
{
    const struct dp *dp = w->dp;
    const unsigned began = dp->began ? dp->began : dp->workers;
    for (unsigned p = 0; p < dp->port_count; p++) {
        const struct io_port *port = &dp->ports[p];
        const bool each = port->tx_queues >= began, own = each && w->id < port->tx_queues;
        const unsigned owner = own    ? w->id
                               : each ? w->id % began
                                      : io_port_owner(p, 0, port->tx_queues, began);
        w->txq[p].port_id = port->id;
        w->txq[p].queue = own ? (uint16_t)w->id : 0;
        w->txq[p].owner = (uint16_t)owner;
    }
}

/* Those that are on their way to another worker are nobody's. */
static void rx_queues_take(struct dp_worker *w)
{
    const struct dp *dp = w->dp;
    const unsigned now = dp->readers ? dp->readers : dp->workers,
                   next = dp->readers_next ? dp->readers_next : now;
    w->rxq_count = w->rx_next = 0;
    for (unsigned p = 0; p < dp->port_count; p++) {
        const struct io_port *port = &dp->ports[p];
        for (unsigned q = 0; q < port->rx_queues; q++)
            if (io_port_owner(p, q, port->rx_queues, now) == w->id &&
                io_port_owner(p, q, port->rx_queues, next) == w->id)
                w->rxq[w->rxq_count++] = (struct dp_rxq){port->id, (uint16_t)q, (uint16_t)p};
    }
}

/* Numbers of packets go up by the number of workers, from the worker's own: no two workers have one in common (RFC 6864 4.2). */
static void numbers_take(struct dp_worker *w, unsigned workers)
{
    w->gre_id = (uint16_t)(w->gre_id - w->gre_id % workers + w->id);
    w->workers = workers;
}

void dp_worker_look(struct dp_worker *w)
{
    rx_queues_take(w);
    w->esp.sole = w->dp->sole;
    if (w->id < w->dp->workers) /* else it leaves, and goes on as it is until then */
        numbers_take(w, w->dp->workers);
}

cv_result dp_worker_new(struct dp *dp, unsigned id, unsigned lcore, struct dp_worker **out)
{
    int socket = (int)rte_lcore_to_socket_id(lcore);
    struct dp_worker *w = rte_zmalloc_socket("worker", sizeof *w, RTE_CACHE_LINE_SIZE, socket);
    if (!w)
        return CV_ENOMEM;
    w->dp = dp;
    w->id = id;
    w->stats = shm_worker_stats(&dp->shm, id);
    w->stats->lcore = w->lcore = lcore;
    w->if_stats = shm_if_stats(&dp->shm, id, 0);
    w->steer = shm_steer_counts(&dp->shm, id);
    w->bad_rate = io_bucket_rate_make(dp->shm.tsc_hz, DP_BAD_PER_SECOND, DP_BAD_BURST);
    dp_gate_init(&w->gates, dp->shm.tsc_hz);
    cv_result r = io_punt_init(&w->punt, &dp->shm, &dp->connected, dp->shm.tsc_hz);
    if (r == CV_OK)
        r = dp_stray_init(&w->stray, dp->shm.tsc_hz);
    if (r == CV_OK)
        r = esp_worker_init(&w->esp, dp->engine, (unsigned)shm_counters_line(&dp->shm, id), socket);
    if (r == CV_OK)
        r = dp_runs_new(socket, &w->runs);
    if (r == CV_OK)
        r = (w->decided = dp_decided_new(socket)) ? CV_OK : CV_ENOMEM;
    if (r == CV_OK)
        r = dp_groups_new(socket, &w->groups);
    if (r == CV_OK)
        r = ip_reass_new(dp->jumbo_pool, dp->shm.tsc_hz, w->stats->drops, &w->frags);
    if (r != CV_OK) {
        esp_worker_fini(&w->esp);
        dp_runs_free(w->runs);
        dp_decided_free(w->decided);
        dp_groups_free(w->groups);
        rte_free(w);
        return r;
    }
    dp_reass_init(w);
    esp_tfc_pool(&w->esp, dp->jumbo_pool);
    w->esp.event = esp_event;
    w->esp.event_ctx = w;
    w->esp.sole = dp->workers == 1;
    numbers_take(w, dp->workers);
    w->inlined = dp_inline_is_on(dp);
    rx_queues_take(w);
    tx_queues_take(w);
    *out = w;
    return CV_OK;
}

void dp_worker_free(struct dp_worker *w)
{
    if (!w)
        return;
    dp_owner_abandon(&w->parked);
    esp_worker_fini(&w->esp);
    ip_reass_free(w->frags);
    dp_runs_free(w->runs);
    dp_decided_free(w->decided);
    dp_groups_free(w->groups);
    rte_free(w);
}
