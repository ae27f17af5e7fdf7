#include "dataplane/dp_stats.h"
#include "common/log.h"
#include "dataplane/engine/eng_mem.h"

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>

static void link_changed(struct dp *dp, unsigned port)
{
    struct cv_evt e = {.type = CV_EVT_LINK};
    e.u.link = (struct cv_link){port, dp->ports[port].link_up};
    log_info("port %s is %s", dp->ports[port].name, dp->ports[port].link_up ? "up" : "down");
    if (dp->connected && !ring_evt_put(&dp->shm, &e))
        log_debug("event ring full: a link change was not told");
}

enum {
    OFFLOAD_TICKS = 10
}; /* what devices did of each SA is looked at once a second: that goes through the table */

/* Rows of an engine that knows its own figures: names change but once, when a device fails. */
static void engine_report(struct dp *dp)
{
    static unsigned ticks; /* the manager's */
    struct cv_engine_stats rows[CV_MAX_ENGINES];
    const unsigned n = dp->engine->report(rows, CV_MAX_ENGINES);
    bool changed = false;
    for (unsigned i = 0; i < n; i++) {
        struct cv_engine_stats *s = shm_engine_stats(&dp->shm, i);
        if (memcmp(s->device, rows[i].device, sizeof s->device) != 0) {
            memcpy(s->device, rows[i].device, sizeof s->device);
            changed = true;
        }
        memcpy(s->engine, rows[i].engine, sizeof s->engine);
        __atomic_store_n(&s->sessions, rows[i].sessions, __ATOMIC_RELAXED);
        __atomic_store_n(&s->packets, rows[i].packets, __ATOMIC_RELAXED);
    }
    if (changed || (dp->engine->offload && ++ticks % OFFLOAD_TICKS == 0))
        dp_sad_engines_update(&dp->sad);
}

static void engine_update(struct dp *dp)
{
    struct cv_engine_stats *s = shm_engine_stats(&dp->shm, 0);
    uint64_t packets = 0;
    if (dp->engine->report) {
        engine_report(dp);
        return;
    }
    const unsigned ever = shm_workers_ever(&dp->shm);
    for (unsigned w = 0; w < ever; w++)
        packets += __atomic_load_n(&shm_worker_stats(&dp->shm, w)->crypto_packets, __ATOMIC_RELAXED);
    if (s->engine[0] == '\0') {
        snprintf(s->engine, sizeof s->engine, "%s", dp->engine->name);
        snprintf(s->device, sizeof s->device, "%s", dp->engine->device());
    }
    __atomic_store_n(&s->sessions, dp->sad.count, __ATOMIC_RELAXED);
    __atomic_store_n(&s->packets, packets, __ATOMIC_RELAXED);
}

static void row_set(struct dp *dp, unsigned at, const char *name, uint64_t count, uint64_t bytes)
{
    struct cv_memory_row *r = shm_memory_row(&dp->shm, at);
    if (r->name[0] == '\0')
        snprintf(r->name, sizeof r->name, "%s", name);
    __atomic_store_n(&r->count, count, __ATOMIC_RELAXED);
    __atomic_store_n(&r->bytes, bytes, __ATOMIC_RELAXED);
}

static uint64_t buffers_octets(const struct rte_mempool *p, unsigned n)
{
    return (uint64_t)n * (p->header_size + p->elt_size + p->trailer_size);
}

static void memory_update(struct dp *dp)
{
    static const char *const names[ENG_MEM_KINDS] = {[ENG_MEM_SESSION] = "sessions",
                                                     [ENG_MEM_IN_SA] = "inbound-sas",
                                                     [ENG_MEM_OUT_SA] = "outbound-sas",
                                                     [ENG_MEM_PICK] = "remote-prefixes"};
    const uint64_t counters = (1ull + shm_workers_ever(&dp->shm)) * sizeof(struct cv_sa_counters)
                              << dp->sad.bits;
    struct rte_malloc_socket_stats heap;
    struct eng_mem_use use;
    unsigned at = 0;
    for (enum eng_mem_kind k = 0; k < ENG_MEM_KINDS; k++) {
        eng_mem_used(k, &use);
        row_set(dp, at++, names[k], use.count, use.bytes);
    }
    row_set(dp, at++, "counters", 0, counters);
    row_set(dp, at++, "tables", 0, dp_sad_table_bytes(&dp->sad));
    row_set(dp, at++, "spare", 0, eng_mem_spare());
    /* Of packets that no common mbuf holds, or that are being joined or cut: when all are in use, that fails (no-mbuf). */
    row_set(dp, at++, "long-buffers", dp->jumbo_pool ? rte_mempool_in_use_count(dp->jumbo_pool) : 0,
            dp->jumbo_pool ? buffers_octets(dp->jumbo_pool, rte_mempool_in_use_count(dp->jumbo_pool)) : 0);
    row_set(dp, at++, "long-buffers-free", dp->jumbo_pool ? rte_mempool_avail_count(dp->jumbo_pool) : 0,
            dp->jumbo_pool ? buffers_octets(dp->jumbo_pool, rte_mempool_avail_count(dp->jumbo_pool)) : 0);
    if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(0), &heap) == 0) {
        row_set(dp, at++, "heap", 0, heap.heap_totalsz_bytes);
        row_set(dp, at++, "heap-free", 0, heap.heap_freesz_bytes);
    }
}

void dp_stats_update(struct dp *dp)
{
    for (unsigned i = 0; i < dp->port_count; i++)
        if (io_port_poll(&dp->ports[i], shm_port_stats(&dp->shm, i)))
            link_changed(dp, i);
    for (unsigned i = 0; i < dp->port_count; i++)
        io_steer_report(&dp->steer[i], &dp->ports[i], &shm_steer(&dp->shm)->port[i]);
    engine_update(dp);
    memory_update(dp);
}
