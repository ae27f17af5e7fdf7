/* What a hand-off costs: two workers on two cores decapsulate the same packets, first with every packet landing at the
 * owner of its SA, then with every one landing at the other worker. Only the table of owners differs.
 *
 *   handoff_bench [ROUNDS [OCTETS]]      default 15 rounds of 0.3 s each way, inner packets of 64 octets
 *
 * Prints cycles per packet of both ways, medians over full turns of the loop, and their ratio. A worker
 * receives nothing while the other's inbox is half full, so nothing is dropped; anti-replay is off, for packets come again. */
#include "common/log.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_worker.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_udp.h"
#include "tests/unit/dataplane/nbr_fix.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WORKERS = 2,
    BITS = 8,
    SAS = 32,
    FRAMES = 512,
    FRAME_MAX = 1600,
    ROUNDS_MAX = 200,
    SPI_GENERATION = 0x00500000
};

static struct dp dp;
static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1}, far_mac[6] = {2, 0, 0, 0, 0, 2};

struct frames { /* of one worker's port queue: on SAs whose buckets begin with it */
    uint8_t data[FRAMES][FRAME_MAX];
    uint16_t len[FRAMES];
    unsigned worker, next;
};
static struct frames frames[WORKERS];

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "handoff_bench: %s\n", what);
    exit(1);
}

static struct ip_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    uint8_t octets[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return ip_addr_v4(octets);
}

static struct cv_sa sa_conf(unsigned i, bool peer)
{
    struct cv_sa sa = {.ref = {.dir = peer ? CV_DIR_OUT : CV_DIR_IN, .sa_id = i, .spi = SPI_GENERATION | i}};
    sa.if_id = 16;
    sa.flags = CV_SA_NO_REPLAY;
    sa.encr = CV_ENCR_AES_GCM_16;
    sa.encr_key_len = 16;
    sa.salt_len = 4;
    sa.replay_window = 64;
    sa.local.addr = v4(192, 0, 2, peer ? 2 : 1);
    sa.remote.addr = v4(192, 0, 2, peer ? 1 : 2);
    sa.ts_count = 1;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    sa.encr_key[0] = (uint8_t)i;
    return sa;
}

/* ---- the port: packets from memory, and nothing behind it ------------------------------------------------------- */
static uint16_t receive(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max,
                        void *ctx)
{
    struct frames *f = ctx;
    (void)queue, (void)n;
    if (rte_ring_count(dp.rings.inbox[1 - f->worker]) > IO_INBOX_SLOTS / 2 ||
        rte_pktmbuf_alloc_bulk(dp.pool, pkts, max) != 0)
        return 0;
    for (unsigned i = 0; i < max; i++, f->next = (f->next + 1) % FRAMES) {
        struct rte_mbuf *m = pkts[i];
        memcpy(rte_pktmbuf_mtod(m, void *), f->data[f->next], f->len[f->next]);
        m->data_len = f->len[f->next];
        m->pkt_len = m->data_len;
        m->port = port;
    }
    return max;
}

static void port_open(void)
{
    const struct rte_eth_conf conf = {0};
    uint16_t id;
    must(rte_eth_dev_get_port_by_name("net_null0", &id) == 0, "no net_null");
    must(rte_eth_dev_configure(id, WORKERS, WORKERS, &conf) == 0, "port not configured");
    for (uint16_t q = 0; q < WORKERS; q++)
        must(rte_eth_rx_queue_setup(id, q, 512, 0, NULL, dp.pool) == 0 &&
                 rte_eth_tx_queue_setup(id, q, 512, 0, NULL) == 0,
             "queues not set up");
    must(rte_eth_dev_start(id) == 0, "port not started");
    for (uint16_t q = 0; q < WORKERS; q++)
        must(rte_eth_add_rx_callback(id, q, receive, &frames[q]) != NULL, "no callback");
    dp.port_count = 1;
    dp.ports[0] = (struct io_port){.id = id, .rx_queues = WORKERS, .tx_queues = WORKERS, .mtu = 1500};
}

/* ---- the data plane ------------------------------------------------------------------------------------------------ */
static void route(enum ip_route_kind kind, struct ip_addr a, unsigned len, const struct ip_addr *via)
{
    struct cv_route r = {.if_id = 1};
    must(ip_prefix_make(&a, len, &r.prefix), "no prefix");
    if (via)
        r.next_hop = *via;
    must(ip_route_add(&dp.routes, kind, &r) == CV_OK, "no route");
}

static void frame_store(struct frames *f, unsigned at, struct esp_worker *esp, struct esp_out_sa *sa,
                        size_t octets)
{
    static const uint8_t data[1500];
    struct ip_endpoint from = {.addr = v4(10, 0, 0, 1), .port = 1000},
                       to = {.addr = v4(20, 0, 0, 1), .port = 2000};
    struct rte_mbuf *m = rte_pktmbuf_alloc(dp.pool);
    must(m != NULL, "no mbuf");
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    must(ip_udp_write(m, &from, &to, 0, data, octets - 28) && ip_classify_ip(m) != IP_CLASS_DROP &&
             esp_out_burst(esp, &m, &sa, 1) == 1,
         "no ESP packet");
    memcpy(f->data[at], own_mac, 6);
    memcpy(f->data[at] + 6, far_mac, 6);
    f->data[at][12] = 8;
    memcpy(f->data[at] + 14, rte_pktmbuf_mtod(m, const void *), m->data_len);
    f->len[at] = (uint16_t)(m->data_len + 14);
    rte_pktmbuf_free(m);
}

static void tables(size_t octets)
{
    struct ip_addr far = v4(192, 0, 2, 2);
    struct cv_if port = {.if_id = 1, .kind = CV_IF_PORT, .up = 1, .name = "E0"};
    struct cv_if tunnel = {
        .if_id = 16, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = CV_TUNNEL_IPSEC4, .name = "T0"};
    static struct esp_worker esp;
    static struct cv_sa_counters counters;
    must(ip_if_set(&dp.ifs, &port, 0, own_mac, 1500) == CV_OK &&
             ip_if_set(&dp.ifs, &tunnel, IP_NO_PORT, NULL, 0) == CV_OK,
         "no interfaces");
    route(IP_ROUTE_LOCAL, v4(192, 0, 2, 1), 32, NULL);
    route(IP_ROUTE_CONNECTED, v4(192, 0, 2, 1), 24, NULL);
    route(IP_ROUTE_STATIC, v4(20, 0, 0, 0), 8, &far);
    ip_nbr_claim(&dp.nbrs, 1, &far, far_mac, 0, &nbr_fix_calls);
    must(esp_worker_init(&esp, dp.engine, 0, -1) == CV_OK, "no worker of ESP");
    for (unsigned i = 0; i < SAS; i++) {
        const struct cv_sa in = sa_conf(i, false), peer = sa_conf(i, true);
        struct esp_out_sa *sa;
        must(dp_sad_add(&dp.sad, &in) == CV_OK &&
                 esp_out_sa_new(&peer, dp.engine, 0, &counters, &sa) == CV_OK,
             "no SA");
        for (unsigned at = i / WORKERS; at < FRAMES; at += SAS / WORKERS)
            frame_store(&frames[i % WORKERS], at, &esp, sa, octets);
        esp_out_sa_free(sa);
    }
    esp_worker_fini(&esp);
}

static void data_plane(size_t octets)
{
    dp.workers = WORKERS;
    dp.near_sas = DP_NEAR_SAS;
    char why[160];
    dp.engine = eng_by_name("auto");
    must(dp.engine->self_test(why, sizeof why) == CV_OK,
         "the engine fails its test"); /* which lets it choose */
    dp.pool = rte_pktmbuf_pool_create("packets", 16383, 256, sizeof(struct dp_meta),
                                      2048 + RTE_PKTMBUF_HEADROOM, 0);
    must(dp.pool != NULL, "no mbufs");
    must(shm_create(WORKERS, BITS, &dp.shm) == CV_OK, "no shared memory");
    shm_set_clock(&dp.shm, rte_get_tsc_hz());
    dp_owners_init(&dp.owners, WORKERS);
    must(dp_rcu_init(WORKERS) == CV_OK && io_rings_new(&dp.rings, WORKERS) == CV_OK &&
             dp_sad_init(&dp.sad, &dp.shm, dp.engine) == CV_OK && ip_hash_key_make(&dp.nbrs.key) &&
             ip_hash_key_make(&dp.ifs.hash_key),
         "no tables");
    port_open();
    for (unsigned w = 0; w < WORKERS; w++)
        frames[w].worker = w;
    tables(octets);
    for (unsigned w = 0; w < WORKERS; w++)
        must(dp_worker_new(&dp, w, rte_get_main_lcore(), &dp.worker[w]) == CV_OK, "no worker");
}

/* ---- measuring ------------------------------------------------------------------------------------------------------- */
/* Turns by their cycles: a turn that was interrupted is an outlier, and the median does not see it. */
enum { STEP = 64, STEPS = 8192 };
struct lane {
    struct dp_worker *w;
    unsigned turns[2][STEPS]; /* [handed off][cycles / STEP] */
    unsigned count[2];
};
static struct lane lanes[WORKERS];
static int handing; /* mode that all packets are in; -1 between */

/* Full turns alone: a burst received, and when packets are handed off, a burst taken from the inbox, too. */
static int lane_run(void *arg)
{
    struct lane *l = arg;
    must(dp_rcu_register(l->w->id) == CV_OK, "no RCU");
    while (!__atomic_load_n(&dp.stop, __ATOMIC_RELAXED)) {
        const int mode = __atomic_load_n(&handing, __ATOMIC_RELAXED);
        const uint64_t start = rte_rdtsc();
        const unsigned n = dp_worker_turn(l->w);
        const uint64_t step = (rte_rdtsc() - start) / STEP;
        dp_rcu_quiet(l->w->id);
        if (mode >= 0 && n == IO_BURST * (1u + (unsigned)mode) && step < STEPS) {
            l->turns[mode][step]++;
            l->count[mode]++;
        }
    }
    dp_rcu_unregister(l->w->id);
    return 0;
}

/* Cycles per packet that comes through: a full turn brings IO_BURST of them either way. */
static double median(const struct lane *l, unsigned mode)
{
    unsigned seen = 0, step = 0;
    while (step < STEPS && (seen += l->turns[mode][step]) * 2 < l->count[mode])
        step++;
    return (double)step * STEP / IO_BURST;
}

static void run(unsigned mode, long ms)
{
    const struct timespec settle = {0, 20000000}, time = {ms / 1000, ms % 1000 * 1000000};
    __atomic_store_n(&handing, -1, __ATOMIC_RELAXED);
    for (unsigned b = 0; b < CV_BUCKETS; b++) /* no window to keep: the table may change at once */
        __atomic_store_n(&dp.owners.entry[b], (uint8_t)(cv_bucket_worker(b, WORKERS) ^ mode),
                         __ATOMIC_RELEASE);
    nanosleep(&settle, NULL);
    __atomic_store_n(&handing, (int)mode, __ATOMIC_RELAXED);
    nanosleep(&time, NULL);
}

int main(int argc, char **argv)
{
    char *eal[] = {"handoff_bench",
                   "--in-memory",
                   "--no-pci",
                   "-m",
                   "256",
                   "--no-telemetry",
                   "--vdev=net_null0,no-rx=1",
                   "--lcores=0@(0,1),1@0,2@1",
                   "--main-lcore=0",
                   "--log-level=*:error"};
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 15;
    const size_t octets = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
    unsigned w = 0, lcore;
    must(rounds > 0 && rounds <= ROUNDS_MAX && octets >= 64 && octets <= 1420,
         "ROUNDS 1 to 200, OCTETS 64 to 1420");
    must(rte_eal_init((int)RTE_DIM(eal), eal) >= 0, "no EAL: two processors and hugepages are needed");
    log_set_level(LOG_LEVEL_ERROR);
    data_plane(octets);
    handing = -1;
    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        lanes[w].w = dp.worker[w];
        must(rte_eal_remote_launch(lane_run, &lanes[w], lcore) == 0, "no lcore");
        w++;
    }
    for (unsigned r = 0; r < rounds; r++) {
        run(0, 300);
        run(1, 300);
    }
    __atomic_store_n(&dp.stop, 1, __ATOMIC_RELAXED);
    rte_eal_mp_wait_lcore();
    uint64_t drops = 0;
    for (w = 0; w < WORKERS; w++) {
        for (unsigned d = 0; d < CV_DROP_COUNT; d++)
            drops += shm_worker_stats(&dp.shm, w)->drops[d];
        const double right = median(&lanes[w], 0), wrong = median(&lanes[w], 1);
        printf("worker %u, decap %zu octets, %s, cycles per packet: landing right %.0f (%u turns), handed "
               "off %.0f (%u turns), "
               "ratio %.2f\n",
               w, octets, dp.engine->name, right, lanes[w].count[0], wrong, lanes[w].count[1], wrong / right);
    }
    if (drops)
        printf("%llu packets dropped\n", (unsigned long long)drops);
    return drops ? 1 : 0;
}
