#include "dataplane/dp_init.h"
#include "common/log.h"
#include "dataplane/dp_eal.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_manager.h"
#include "dataplane/dp_meta.h"
#include "dataplane/dp_policy.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_stats.h"
#include "dataplane/dp_worker.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MBUF_CACHE = 256,
    MBUFS_MIN = 4095,
    MBUFS_BASE = 8192,
    MBUFS_PER_WORKER = 4096 + IP_REASS_FRAGMENTS, /* vectors, inbox, cache; fragments */
    MBUF_OVERHEAD = 512,                          /* about: head, private area, headroom, the pool's own */
    BIG_SPARE = 512,                              /* being made, and in the caches */
    JUMBO_SPARE = 512, /* being joined, cut or moved, where no port has a jumbo MTU */
    PATH_MAX_SUN = 100,
    TUNNEL_BYTES = 3072, /* two SAs with their sessions, about */
};

static CV_PRINTF(2, 3) cv_result fail(struct dp_setup *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->err, sizeof s->err, fmt, ap);
    va_end(ap);
    return CV_EIO;
}

/* ---- eal ---------------------------------------------------------------------------------------------------------- */
static char runtime_dir[256]; /* the EAL leaves it behind, and its name is this process's alone */

/* At exit: the EAL's telemetry removes its socket there no sooner. */
static void runtime_dir_remove(void)
{
    if (runtime_dir[0])
        rmdir(runtime_dir);
}

/* The EAL says nothing that names it, or aborts. */
static cv_result lcores_check(struct dp_setup *s)
{
    unsigned cpus[CV_MAX_WORKERS];
    const unsigned n = platform_lcores(&s->dp->platform, cpus, CV_MAX_WORKERS);
    for (unsigned i = 0; i < n; i++)
        if (!dp_eal_may_use(cpus[i]))
            return fail(s, "lcores %s: processor %u is not one that this process may use",
                        s->dp->platform.lcores, cpus[i]);
    return CV_OK;
}

static cv_result eal_start(struct dp_setup *s)
{
    static struct dp_eal_args args; /* the EAL keeps pointers into it */
    const unsigned n = s->dp->cpu_count = dp_eal_cpus(s->dp->cpus, DP_CPUS_MAX);
    if (n == 0)
        return fail(s, "no processor to run on");
    CV_TRY(lcores_check(s));
    if (dp_eal_args(&s->dp->platform, s->dp->cpus, n, s->eal_extra_count, s->eal_extra, &args) != CV_OK)
        return fail(s, "too many arguments for the EAL");
    atexit(runtime_dir_remove); /* before the EAL registers its own: they run in reverse */
    if (rte_eal_init(args.argc, args.argv) < 0)
        return fail(s, "the DPDK EAL did not start: %s", rte_strerror(rte_errno));
    snprintf(runtime_dir, sizeof runtime_dir, "%s", rte_eal_get_runtime_dir());
    if (rte_lcore_count() < s->dp->workers + 1)
        return fail(s, "the EAL has %u lcores; %u workers need %u", rte_lcore_count(), s->dp->workers,
                    s->dp->workers + 1);
    return CV_OK;
}

static void eal_stop(struct dp_setup *s)
{
    (void)s;
    if (rte_eal_cleanup() != 0)
        log_warning("the EAL did not clean up");
}

/* ---- shared memory -------------------------------------------------------------------------------------------------- */
static cv_result memory_start(struct dp_setup *s)
{
    struct dp *dp = s->dp;
    /* Room for all that there can ever be: nobody touches that of workers who never run. */
    cv_result r = shm_create(CV_MAX_WORKERS, dp->platform.sa_index_bits, &dp->shm);
    if (r != CV_OK)
        return fail(s, "no shared memory of %llu MiB for %u security-associations: %s",
                    (unsigned long long)(shm_bytes(CV_MAX_WORKERS, dp->platform.sa_index_bits) >> 20),
                    1u << dp->platform.sa_index_bits, cv_result_text(r));
    shm_set_workers(&dp->shm, dp->workers, dp->workers);
    shm_set_clock(&dp->shm, rte_get_tsc_hz());
    dp->shm.head->now_tsc = rte_rdtsc();
    dp->shm.head->ports = dp->platform.port_count;
    return CV_OK;
}

static void memory_stop(struct dp_setup *s)
{
    shm_close(&s->dp->shm);
}

/* ---- crypto engine ---------------------------------------------------------------------------------------------------- */
static void engine_stop(struct dp_setup *s)
{
    if (s->dp->engine->stop)
        s->dp->engine->stop();
}

static cv_result engine_open(struct dp_setup *s)
{
    char why[256] = "";
    const char *word = s->dp->platform.crypto_engine;
    s->dp->engine = eng_by_name(word);
    if (!s->dp->engine)
        return fail(
            s, "crypto-engine %s is not in this build; ipsec-mb, vaes, cryptodev, inline and auto are", word);
    if (!s->dp->engine->start)
        return CV_OK;
    cv_result r = s->dp->engine->start(eng_argument(word), s->dp->queues, why, sizeof why);
    return r == CV_OK ? CV_OK : fail(s, "crypto-engine %s: %s", word, why[0] ? why : cv_result_text(r));
}

static cv_result engine_start(struct dp_setup *s)
{
    char why[256] = "";
    const char *word = s->dp->platform.crypto_engine;
    CV_TRY(engine_open(s));
    cv_result r = s->dp->engine->self_test(why, sizeof why);
    if (r != CV_OK)
        engine_stop(s);
    if (r == CV_EUNSUP)
        return fail(s, "crypto-engine %s cannot be used here (%s): write ipsec-mb or auto", word, why);
    if (r != CV_OK)
        return fail(s, "crypto engine %s failed its known-answer test: %s", s->dp->engine->name, why);
    log_info("crypto engine %s (%s) passed its known-answer tests", s->dp->engine->name,
             s->dp->engine->device());
    return CV_OK;
}

/* ---- packet buffers ----------------------------------------------------------------------------------------------------- */
static bool is_jumbo(const struct platform_port *conf)
{
    return conf->mtu > DP_MBUF_ROOM - DP_MTU_RESERVE;
}

/* Of ports of jumbo MTU all fragments are in these, however short. */
unsigned dp_init_jumbo_count(unsigned jumbo_ports, unsigned workers)
{
    const unsigned held = jumbo_ports ? workers * IP_REASS_FRAGMENTS : 0;
    return JUMBO_SPARE + held + jumbo_ports * workers * 2 * IO_DESCRIPTORS;
}

static unsigned jumbo_count(const struct dp *dp)
{
    unsigned ports = 0;
    for (unsigned i = 0; i < dp->platform.port_count; i++)
        ports += is_jumbo(&dp->platform.ports[i]);
    return dp_init_jumbo_count(ports, dp->queues);
}

unsigned dp_init_big_count(unsigned ports)
{
    unsigned waiting = IP_NBR_PENDING_ICMP + IP_NBR_PENDING_HOST;
    return ports * (IO_DESCRIPTORS + IO_BURST) + IO_INBOX_SLOTS + waiting + BIG_SPARE;
}

/* Octets that a buffer takes. Without huge pages DPDK lets none cross the end of a page, as cards read them by physical addresses. */
static uint64_t buffer_octets(const struct dp *dp, unsigned room)
{
    const uint64_t octets = room + MBUF_OVERHEAD, page = (uint64_t)getpagesize();
    if (dp->platform.hugepages)
        return octets;
    return octets > page ? RTE_ALIGN_CEIL(octets, page) : page / (page / octets);
}

static unsigned mbuf_count(const struct dp *dp)
{
    unsigned wanted =
        MBUFS_BASE + dp->queues * (MBUFS_PER_WORKER + dp->platform.port_count * 2 * IO_DESCRIPTORS);
    /* A third is left to SAs, tables, rings and drivers. */
    const uint64_t most = (uint64_t)dp->platform.memory_mb * 1024 * 1024 / 3 * 2;
    const uint64_t others = jumbo_count(dp) * buffer_octets(dp, DP_JUMBO_ROOM) +
                            dp_init_big_count(dp->platform.port_count) * buffer_octets(dp, DP_BIG_ROOM);
    unsigned affordable = most > others ? (unsigned)((most - others) / buffer_octets(dp, dp->mbuf_room)) : 0;
    unsigned n = wanted < affordable ? wanted : affordable;
    return n > MBUFS_MIN ? n : MBUFS_MIN;
}

static cv_result pools_start(struct dp_setup *s)
{
    struct dp *dp = s->dp;
    dp->mbuf_room = DP_MBUF_ROOM;
    for (unsigned i = 0; i < dp->platform.port_count; i++)
        if (io_port_joins_fragments(&dp->platform.ports[i]))
            dp->mbuf_room = DP_BIG_ROOM;
    dp->pool =
        rte_pktmbuf_pool_create("packets", mbuf_count(dp), MBUF_CACHE, sizeof(struct dp_meta),
                                (uint16_t)(dp->mbuf_room + RTE_PKTMBUF_HEADROOM), (int)rte_socket_id());
    dp->big_pool = rte_pktmbuf_pool_create("datagrams", dp_init_big_count(dp->platform.port_count), 32,
                                           sizeof(struct dp_meta), DP_BIG_ROOM + RTE_PKTMBUF_HEADROOM,
                                           (int)rte_socket_id());
    dp->jumbo_pool = rte_pktmbuf_pool_create("jumbo packets", jumbo_count(dp), 64, sizeof(struct dp_meta),
                                             DP_JUMBO_ROOM + RTE_PKTMBUF_HEADROOM, (int)rte_socket_id());
    if (!dp->pool || !dp->big_pool || !dp->jumbo_pool)
        return fail(s,
                    "not enough memory for packet buffers (%u MiB): raise `memory` in the platform section",
                    dp->platform.memory_mb);
    return CV_OK;
}

static void pools_stop(struct dp_setup *s)
{
    rte_mempool_free(s->dp->pool);
    rte_mempool_free(s->dp->big_pool);
    rte_mempool_free(s->dp->jumbo_pool);
    s->dp->pool = s->dp->big_pool = s->dp->jumbo_pool = NULL;
}

/* ---- ports -------------------------------------------------------------------------------------------------------------- */
static void ports_stop(struct dp_setup *s)
{
    for (unsigned i = 0; i < s->dp->port_count; i++)
        io_port_close(&s->dp->ports[i]);
    s->dp->port_count = 0;
}

static cv_result ports_start(struct dp_setup *s)
{
    struct dp *dp = s->dp;
    char why[400];
    io_port_want_security(dp_inline_is_on(dp));
    for (unsigned i = 0; i < dp->platform.port_count; i++) {
        const struct platform_port *conf = &dp->platform.ports[i];
        dp->port_count = i + 1;
        struct rte_mempool *pool = is_jumbo(conf) ? dp->jumbo_pool : dp->pool;
        if (io_port_open(conf, i, dp->queues, pool, &dp->ports[i], why, sizeof why) != CV_OK) {
            ports_stop(s);
            return fail(s, "%s:%d: %s", s->config, conf->line, why);
        }
        const uint16_t most = is_jumbo(conf) ? IP_MTU_MAX : DP_MBUF_ROOM - DP_MTU_RESERVE;
        if (dp->ports[i].mtu > most) /* a device that comes with more: what is longer needs `mtu` */
            dp->ports[i].mtu = most;
    }
    return CV_OK;
}

static cv_result inline_start(struct dp_setup *s)
{
    dp_inline_start(s->dp);
    return CV_OK;
}

static void inline_stop(struct dp_setup *s)
{
    dp_inline_stop(s->dp);
}

/* ---- tables and rings ---------------------------------------------------------------------------------------------------- */
static cv_result rcu_start(struct dp_setup *s)
{
    return dp_rcu_init(CV_MAX_WORKERS) == CV_OK ? CV_OK : fail(s, "no memory for grace periods");
}

static void rcu_stop(struct dp_setup *s)
{
    (void)s;
    dp_rcu_fini();
}

static cv_result steering_start(struct dp_setup *s)
{
    struct dp *dp = s->dp;
    dp_owners_init(&dp->owners, dp->workers);
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        shm_steer(&dp->shm)->bucket[b].worker = (uint16_t)dp_owner_of(&dp->owners, b);
    for (unsigned i = 0; i < dp->port_count; i++)
        io_steer_start(&dp->steer[i], &io_flow_dpdk, &dp->ports[i], dp->workers);
    return CV_OK;
}

static void steering_stop(struct dp_setup *s)
{
    for (unsigned i = 0; i < s->dp->port_count; i++)
        io_steer_stop(&s->dp->steer[i]);
}

static cv_result rings_start(struct dp_setup *s)
{
    if (io_rings_new(&s->dp->rings, s->dp->workers) == CV_OK)
        return CV_OK;
    io_rings_free(&s->dp->rings, CV_MAX_WORKERS);
    return fail(s, "no memory for the rings between lcores");
}

static void rings_stop(struct dp_setup *s)
{
    io_rings_free(&s->dp->rings, CV_MAX_WORKERS);
}

/* Tables may be larger than what will ever be used, so this is no error: but whoever counts on them should know now. */
static void sad_room(const struct dp *dp)
{
    struct rte_malloc_socket_stats heap;
    const uint64_t table = 1ull << dp->sad.bits;
    if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(0), &heap) != 0)
        return;
    const uint64_t fit = heap.heap_freesz_bytes / TUNNEL_BYTES;
    if (fit < table)
        log_warning(
            "security-associations %llu: memory is enough for about %llu tunnels; all of them want %llu MiB: "
            "memory %s %llu",
            (unsigned long long)table, (unsigned long long)fit,
            (unsigned long long)(table * TUNNEL_BYTES >> 20),
            dp->platform.hugepages ? "hugepages" : "no-huge",
            (unsigned long long)(dp->platform.memory_mb + (((table - fit) * TUNNEL_BYTES) >> 20) + 1));
}

static cv_result sad_start(struct dp_setup *s)
{
    if (dp_sad_init(&s->dp->sad, &s->dp->shm, s->dp->engine) != CV_OK)
        return fail(s, "no memory for the SA tables: %u security-associations",
                    1u << s->dp->shm.sa_index_bits);
    sad_room(s->dp);
    return CV_OK;
}

static void sad_stop(struct dp_setup *s)
{
    dp_sad_fini(&s->dp->sad);
}

static void free_packet(void *ctx, struct rte_mbuf *m)
{
    (void)ctx;
    rte_pktmbuf_free(m);
}

static cv_result tables_start(struct dp_setup *s)
{
    /* Empty tables are all zeroes. */
    return ip_hash_key_make(&s->dp->nbrs.key) && ip_hash_key_make(&s->dp->ifs.hash_key) &&
                   ip_pmtu_init(&s->dp->pmtus, s->dp->shm.at.path_mtus) == CV_OK
               ? CV_OK
               : fail(s, "no random numbers");
}

static void tables_stop(struct dp_setup *s)
{
    struct ip_nbr_calls c = {NULL, NULL, free_packet, free_packet};
    ip_nbr_flush(&s->dp->nbrs, 0, &c);
    ip_route_flush(&s->dp->routes, 0);
    ip_pmtu_fini(&s->dp->pmtus);
    for (uint32_t id = 1; id < CV_MAX_IFS; id++)
        if (ip_if_get(&s->dp->ifs, id) && ip_if_del(&s->dp->ifs, id) != CV_OK)
            log_warning("interface %u was not removed", id);
    struct dp_policy_opens none = {NULL};
    dp_policy_remove(s->dp, &none, 0);
    for (unsigned v = 0; v < CV_MAX_VRFS; v++) {
        free(s->dp->routes.root[v][0]);
        free(s->dp->routes.root[v][1]);
    }
    memset(&s->dp->routes, 0, sizeof s->dp->routes);
}

/* ---- workers and manager --------------------------------------------------------------------------------------------------- */
static void workers_stop(struct dp_setup *s)
{
    for (unsigned w = 0; w < CV_MAX_WORKERS; w++) { /* and one that was just being added, or leaving */
        dp_worker_free(s->dp->worker[w]);
        s->dp->worker[w] = NULL;
    }
}

static cv_result workers_start(struct dp_setup *s)
{
    unsigned id = 0, lcore;
    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        if (id == s->dp->workers)
            break;
        if (dp_worker_new(s->dp, id, lcore, &s->dp->worker[id]) != CV_OK) {
            workers_stop(s);
            return fail(s, "no memory for worker %u", id);
        }
        id++;
    }
    return CV_OK;
}

static cv_result manager_start(struct dp_setup *s)
{
    s->dp->shm.head->dp_asleep = 0;
    shm_worker_stats(&s->dp->shm, s->dp->shm.workers)->lcore = rte_get_main_lcore();
    dp_stats_update(s->dp);
    return dp_manager_new(s->dp, &s->manager) == CV_OK
               ? CV_OK
               : fail(s, "no memory or no random numbers for the manager");
}

static void manager_stop(struct dp_setup *s)
{
    dp_manager_free(s->manager);
    s->manager = NULL;
}

/* ---- control socket ---------------------------------------------------------------------------------------------------------- */
static cv_result socket_start(struct dp_setup *s)
{
    static char path[PATH_MAX_SUN + 16];
    s->dp->listen_fd = -1;
    if (!s->run_dir)
        return CV_OK;
    if (strlen(s->run_dir) > PATH_MAX_SUN - 10)
        return fail(s, "run directory %s: the path is longer than a Unix socket's may be", s->run_dir);
    if (mkdir(s->run_dir, 0750) != 0 && errno != EEXIST)
        return fail(s, "run directory %s: %s", s->run_dir, strerror(errno));
    snprintf(path, sizeof path, "%s/dp.sock", s->run_dir);
    cv_result r = shm_listen(path, &s->dp->listen_fd);
    if (r == CV_EEXIST)
        return fail(s, "%s: another culvert-dp listens there", path);
    if (r != CV_OK)
        return fail(s, "%s: %s", path, strerror(errno));
    s->dp->socket_path = path;
    return CV_OK;
}

static void socket_stop(struct dp_setup *s)
{
    if (s->dp->listen_fd < 0)
        return;
    close(s->dp->listen_fd);
    unlink(s->dp->socket_path);
    s->dp->listen_fd = -1;
}

/* ---- the order ----------------------------------------------------------------------------------------------------------------- */
static const struct {
    const char *name;
    cv_result (*start)(struct dp_setup *s);
    void (*stop)(struct dp_setup *s); /* NULL: nothing to undo */
} modules[] = {
    {"eal", eal_start, eal_stop},
    {"shared memory", memory_start, memory_stop},
    {"crypto engine", engine_start, engine_stop},
    {"packet buffers", pools_start, pools_stop},
    {"ports", ports_start, ports_stop},
    {"inline IPsec", inline_start, inline_stop},
    {"steering", steering_start, steering_stop},
    {"grace periods", rcu_start, rcu_stop},
    {"rings", rings_start, rings_stop},
    {"SA tables", sad_start, sad_stop},
    {"tables", tables_start, tables_stop},
    {"workers", workers_start, workers_stop},
    {"manager", manager_start, manager_stop},
    {"control socket", socket_start, socket_stop},
};

void dp_init_stop(struct dp_setup *s)
{
    while (s->started > 0) {
        s->started--;
        if (modules[s->started].stop)
            modules[s->started].stop(s);
    }
}

cv_result dp_init_start(struct dp_setup *s)
{
    s->dp->workers = s->dp->began = s->dp->readers = s->dp->readers_next = s->dp->platform.workers;
    s->dp->queues = RTE_MAX(s->dp->platform.queues, s->dp->workers);
    s->dp->sole = s->dp->workers == 1;
    s->dp->idle_sleep = !s->dp->platform.hugepages;
    s->dp->near_sas = DP_NEAR_SAS;
    s->dp->shm.memfd = s->dp->shm.dp_bell = s->dp->shm.ctl_bell = -1;
    s->dp->listen_fd = -1;
    for (s->started = 0; s->started < RTE_DIM(modules); s->started++) {
        cv_result r = modules[s->started].start(s);
        if (r != CV_OK) {
            log_debug("%s did not start", modules[s->started].name);
            dp_init_stop(s);
            return r;
        }
    }
    return CV_OK;
}

cv_result dp_init_run(struct dp_setup *s)
{
    struct dp *dp = s->dp;
    for (unsigned w = 0; w < dp->workers; w++)
        if (rte_eal_remote_launch(dp_worker_main, dp->worker[w], dp->worker[w]->lcore) != 0) {
            __atomic_store_n(&dp->stop, 1, __ATOMIC_RELAXED);
            rte_eal_mp_wait_lcore();
            return fail(s, "worker %u could not be launched", w);
        }
    dp_manager_run(s->manager);
    rte_eal_mp_wait_lcore();
    return CV_OK;
}
