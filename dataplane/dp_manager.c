#include "dataplane/dp_manager.h"
#include "common/secret.h"
#include "dataplane/dp_cmd.h"
#include "dataplane/dp_dummy.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_pmtu.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_slow.h"
#include "dataplane/dp_stats.h"
#include "dataplane/esp/esp_sa.h"

#include <poll.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SLOW_BATCH = 64,
    SLOW_REST = 16, /* of the slow ring while more waits in the urgent one */
    CMD_BATCH = 32,
    INJECT_BATCH = 64,
    TICK_MS = 100,
    SLEEP_MS = 1,
};

cv_result dp_manager_new(struct dp *dp, struct dp_manager **out)
{
    struct dp_manager *g = calloc(1, sizeof *g);
    if (!g)
        return CV_ENOMEM;
    if (!ip_hash_key_make(&g->id_key)) {
        free(g);
        return CV_EIO;
    }
    g->dp = dp;
    g->conn_fd = -1;
    dp_addrs_init(&g->addrs);
    g->balance.automatic = !dp->platform.rebalance_off;
    dp_crew_init(dp, &g->crew, &dp_crew_lcores);
    shm_steer(&dp->shm)->balancing = g->balance.automatic && dp->workers > 1;
    g->ms_cycles = dp->shm.tsc_hz / 1000;
    g->stats = shm_worker_stats(&dp->shm, dp->shm.workers);
    g->icmp_limit = g->too_big_limit = (struct log_limit){.burst = 100, .every_ms = 5};
    g->pmtu_limit = (struct log_limit){.burst = 64, .every_ms = 5};
    *out = g;
    return CV_OK;
}

void dp_manager_free(struct dp_manager *g)
{
    if (!g)
        return;
    if (g->conn_fd >= 0)
        close(g->conn_fd);
    dp_addrs_free(&g->addrs);
    dp_policy_abandon(&g->policies);
    dp_pmtu_forget_gre(g);
    dp_dummy_end(&g->dummies);
    secret_wipe(&g->cmd, sizeof g->cmd);
    free(g);
}

/* ---- culvertd ---------------------------------------------------------------------------------------------------- */
static void disconnect(struct dp_manager *g)
{
    close(g->conn_fd);
    g->conn_fd = -1;
    g->greeted = false;
    g->dump.running = false;
    dp_policy_abandon(&g->policies);
    __atomic_store_n(&g->dp->connected, 0, __ATOMIC_RELEASE);
    log_info("culvertd went away; forwarding goes on");
}

static void accept_client(struct dp_manager *g)
{
    int fd = accept4(g->dp->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (g->conn_fd >= 0) {
        log_warning("a second culvertd was turned away");
        close(fd);
        return;
    }
    /* No worker may be in the middle of an enqueue from the time of the last client. */
    dp_rcu_barrier();
    rte_rcu_qsbr_synchronize(dp_rcu_var, RTE_QSBR_THRID_INVALID);
    shm_reset_rings(&g->dp->shm);
    if (shm_offer(&g->dp->shm, fd) != CV_OK) {
        log_warning("the shared memory could not be handed over");
        close(fd);
        return;
    }
    g->conn_fd = fd;
    __atomic_store_n(&g->dp->connected, 1, __ATOMIC_RELEASE);
    log_info("culvertd connected");
}

/* Nothing is said on the connection after the hand-over: readable means gone. */
static void sockets_look(struct dp_manager *g, int timeout_ms)
{
    struct pollfd p[3] = {
        {g->dp->shm.dp_bell, POLLIN, 0}, {g->dp->listen_fd, POLLIN, 0}, {g->conn_fd, POLLIN, 0}};
    if (poll(p, 3, timeout_ms) <= 0)
        return;
    uint64_t rings;
    if ((p[0].revents & POLLIN) && read(p[0].fd, &rings, sizeof rings) < 0)
        log_debug("the doorbell could not be read");
    if (g->conn_fd >= 0 && p[2].revents)
        disconnect(g);
    if (p[1].revents & POLLIN)
        accept_client(g);
}

/* ---- one round ----------------------------------------------------------------------------------------------------- */
static unsigned commands(struct dp_manager *g)
{
    unsigned n = 0;
    dp_cmd_dump(g);
    while (g->conn_fd >= 0 && n < CMD_BATCH && !g->dump.running && dp_cmd_has_room(g) &&
           ring_cmd_get(&g->dp->shm, &g->cmd)) {
        dp_cmd_run(g);
        n++;
    }
    return n + g->dump.running;
}

/* A packet that culvertd gave after commands may need what they set up, such as its route: it waits for them. Its arrival
 * is looked at first, so that commands given before it are seen. */
static bool inject_may_go(const struct dp_manager *g)
{
    if (rte_ring_empty(g->dp->shm.inject))
        return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return rte_ring_empty(g->dp->shm.cmd);
}

static unsigned injected(struct dp_manager *g)
{
    unsigned n = 0;
    while (g->conn_fd >= 0 && n < INJECT_BATCH && inject_may_go(g) &&
           ring_inject_get(&g->dp->shm, &g->inject)) {
        (void)dp_slow_inject(g, &g->inject); /* counted; IKE repeats what is lost */
        n++;
    }
    return n;
}

static unsigned slow_packets(struct dp_manager *g)
{
    struct rte_mbuf *pkts[SLOW_BATCH];
    unsigned n = io_take(g->dp->rings.urgent, pkts, SLOW_BATCH);
    for (unsigned i = 0; i < n; i++)
        dp_slow_packet(g, pkts[i]);
    unsigned rest = io_take(g->dp->rings.slow, pkts, n < SLOW_BATCH ? SLOW_BATCH : SLOW_REST);
    for (unsigned i = 0; i < rest; i++)
        dp_slow_packet(g, pkts[i]);
    return n + rest;
}

static void clock_read(struct dp_manager *g)
{
    g->now = rte_rdtsc();
    g->now_ms = g->now / g->ms_cycles;
    __atomic_store_n(&g->dp->shm.head->now_tsc, g->now, __ATOMIC_RELAXED);
}

static void timers(struct dp_manager *g)
{
    if (g->now_ms < g->next_tick_ms)
        return;
    g->next_tick_ms = g->now_ms + TICK_MS;
    dp_stats_update(g->dp);
    shm_steer(&g->dp->shm)->balancing = g->balance.automatic && g->dp->workers > 1;
    dp_inline_tick(g->dp);
    dp_slow_tick(g);
    dp_slow_keepalives(g);
    dp_cmd_refresh_mtu(g);
}

/* culvertd, if it is there, has a timer of its own; this one does not depend on it. */
static void expired(void *ctx, const struct esp_conf *conf)
{
    struct dp_manager *g = ctx;
    const struct cv_evt e = esp_event_of(CV_EVT_SA_HARD, conf, CV_BY_TIME);
    if (g->dp->connected && !ring_evt_put(&g->dp->shm, &e))
        log_debug("the event ring is full: an SA's end in time is not told");
}

/* What is in progress is looked at each round: the workers it waits for take microseconds. */
static unsigned steering(struct dp_manager *g)
{
    bool grown;
    if (dp_move_poll(g->dp, &g->move) || dp_crew_poll(g->dp, &g->crew, &g->move, &grown))
        return 1;
    if (grown)
        dp_balance_spread(&g->balance);
    dp_balance_tick(g->dp, &g->balance, &g->move, g->now_ms);
    return g->move.step != DP_MOVE_NONE;
}

static bool rings_wait(const struct dp_manager *g)
{
    return !rte_ring_empty(g->dp->shm.cmd) || !rte_ring_empty(g->dp->shm.inject) ||
           !rte_ring_empty(g->dp->rings.urgent) || !rte_ring_empty(g->dp->rings.slow);
}

/* Workers make no system calls, so their events and punts are rung for here. */
static void bell(const struct dp_manager *g)
{
    if (g->conn_fd >= 0 && (!rte_ring_empty(g->dp->shm.evt) || !rte_ring_empty(g->dp->shm.punt)))
        shm_ring_ctl(&g->dp->shm);
}

static void sleep_until_rung(struct dp_manager *g)
{
    uint64_t *asleep = &g->dp->shm.head->dp_asleep;
    __atomic_store_n(asleep, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    sockets_look(g, rings_wait(g) ? 0 : SLEEP_MS);
    __atomic_store_n(asleep, 0, __ATOMIC_SEQ_CST);
}

void dp_manager_run(struct dp_manager *g)
{
    uint64_t look_ms = 0;
    while (!__atomic_load_n(&g->dp->stop, __ATOMIC_RELAXED)) {
        clock_read(g);
        unsigned n = slow_packets(g);
        n += commands(g);
        n += injected(g);
        n += dp_rcu_poll() > 0;
        n += steering(g);
        timers(g);
        n += dp_sad_expire(&g->dp->sad, dp_sad_time(), expired, g);
        dp_dummy_tick(g);
        bell(g);
        if (n == 0) {
            sleep_until_rung(g);
        } else if (g->now_ms != look_ms) { /* busy: the sockets still get a look each millisecond */
            look_ms = g->now_ms;
            sockets_look(g, 0);
        }
    }
}
