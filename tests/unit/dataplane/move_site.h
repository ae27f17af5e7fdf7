/* move_site: a data plane of running workers on a port of rings, for tests of what moves and changes under traffic: what is put into rx comes in there,
 * by that queue, and what leaves is found in out. */
#ifndef TESTS_UNIT_DATAPLANE_MOVE_SITE_H
#define TESTS_UNIT_DATAPLANE_MOVE_SITE_H

#include "common/log.h"
#include "dataplane/dp_init.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_worker.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_udp.h"
#include "tests/unit/dataplane/nbr_fix.h"
#include "tests/unit/ip/pkt.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <stdatomic.h>

enum {
    WORKERS = 3, /* at most */
    BITS = 8,
    PORT_IF = 1,
    TUNNEL0 = 16,
    IN_FLIGHT = 300, /* less than any ring holds, and than may be parked */
    RING_SLOTS = 1024,
};

static struct dp dp;
static struct rte_ring *rx[WORKERS], *out;
static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1}, far_mac[6] = {2, 0, 0, 0, 0, 2};
static pthread_t thread_of[WORKERS];   /* of a worker's loop */
static _Atomic bool returned[WORKERS]; /* it has */
static _Atomic bool feeding;           /* more is to come in */
static _Atomic unsigned in_flight, dropped_at_the_door;

static struct ip_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    uint8_t octets[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return ip_addr_v4(octets);
}

static cv_result route(enum ip_route_kind kind, struct ip_addr a, unsigned len, uint32_t id,
                       const struct ip_addr *via)
{
    struct cv_route r = {.if_id = id};
    if (!ip_prefix_make(&a, len, &r.prefix))
        return CV_EINVAL;
    if (via)
        r.next_hop = *via;
    return ip_route_add(&dp.routes, kind, &r);
}

static void site_tables(void)
{
    struct ip_addr own = v4(192, 0, 2, 1), far = v4(192, 0, 2, 2);
    struct cv_if port = {.if_id = PORT_IF, .kind = CV_IF_PORT, .up = 1, .name = "E0"};
    struct cv_if tunnel = {
        .if_id = TUNNEL0, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = CV_TUNNEL_IPSEC4, .name = "T0"};
    CU_ASSERT_EQUAL_FATAL(ip_if_set(&dp.ifs, &port, 0, own_mac, 1500), CV_OK);
    CU_ASSERT_EQUAL_FATAL(ip_if_set(&dp.ifs, &tunnel, IP_NO_PORT, NULL, 0), CV_OK);
    CU_ASSERT_EQUAL_FATAL(route(IP_ROUTE_LOCAL, own, 32, PORT_IF, NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(route(IP_ROUTE_CONNECTED, own, 24, PORT_IF, NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(route(IP_ROUTE_STATIC, v4(20, 0, 0, 0), 8, PORT_IF, &far), CV_OK);
    CU_ASSERT_EQUAL_FATAL(route(IP_ROUTE_STATIC, v4(30, 0, 0, 0), 8, TUNNEL0, NULL), CV_OK);
    const struct ip_addr other = v4(192, 0, 2, 3);
    ip_nbr_claim(&dp.nbrs, PORT_IF, &far, far_mac, 0, &nbr_fix_calls);
    ip_nbr_claim(&dp.nbrs, PORT_IF, &other, far_mac, 0, &nbr_fix_calls);
}

static void port_open(void)
{
    struct rte_ring *tx[WORKERS];
    char name[16];
    out = rte_ring_create("out", RING_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
    for (unsigned w = 0; w < WORKERS; w++) {
        snprintf(name, sizeof name, "rx%u", w);
        rx[w] = rte_ring_create(name, RING_SLOTS, SOCKET_ID_ANY, 0);
        tx[w] = out; /* one ring behind all queues: what leaves first is first in it */
        CU_ASSERT_PTR_NOT_NULL_FATAL(rx[w]);
    }
    int port = rte_eth_from_rings("rings", rx, WORKERS, tx, WORKERS, 0);
    CU_ASSERT_TRUE_FATAL(port >= 0);
    const struct rte_eth_conf conf = {0};
    CU_ASSERT_EQUAL_FATAL(rte_eth_dev_configure((uint16_t)port, WORKERS, WORKERS, &conf), 0);
    for (uint16_t q = 0; q < WORKERS; q++) {
        CU_ASSERT_EQUAL_FATAL(rte_eth_rx_queue_setup((uint16_t)port, q, 256, 0, NULL, pkt_pool), 0);
        CU_ASSERT_EQUAL_FATAL(rte_eth_tx_queue_setup((uint16_t)port, q, 256, 0, NULL), 0);
    }
    CU_ASSERT_EQUAL_FATAL(rte_eth_dev_start((uint16_t)port), 0);
    dp.port_count = 1;
    dp.ports[0] =
        (struct io_port){.id = (uint16_t)port, .rx_queues = WORKERS, .tx_queues = WORKERS, .mtu = 1500};
}

/* With no thread yet. */
static void site_start(unsigned workers)
{
    log_set_level(LOG_LEVEL_WARNING);
    dp.workers = workers;
    dp.idle_sleep = true; /* fewer cores than threads */
    dp.engine = eng_by_name("ipsec-mb");
    dp.pool = dp.big_pool = pkt_pool;
    CU_ASSERT_EQUAL_FATAL(shm_create(workers, BITS, &dp.shm), CV_OK);
    shm_set_clock(&dp.shm, rte_get_tsc_hz());
    dp_owners_init(&dp.owners, workers);
    CU_ASSERT_EQUAL_FATAL(dp_rcu_init(workers), CV_OK);
    CU_ASSERT_EQUAL_FATAL(io_rings_new(&dp.rings, workers), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_init(&dp.sad, &dp.shm, dp.engine), CV_OK);
    CU_ASSERT_TRUE_FATAL(ip_hash_key_make(&dp.nbrs.key) && ip_hash_key_make(&dp.ifs.hash_key));
    port_open();
    site_tables();
}

static void all_cores(void)
{
    cpu_set_t all; /* not the one core of the environment's main thread, which a thread inherits */
    CPU_ZERO(&all);
    for (int c = 0; c < CPU_SETSIZE; c++)
        CPU_SET(c, &all);
    (void)pthread_setaffinity_np(pthread_self(), sizeof all, &all);
}

/* In front of an IP packet. */
static void link_front(struct rte_mbuf *m)
{
    uint8_t *ether = (uint8_t *)rte_pktmbuf_prepend(m, 14);
    memcpy(ether, own_mac, 6);
    memcpy(ether + 6, far_mac, 6);
    ether[12] = 8;
    ether[13] = 0;
}

static uint64_t drops(void)
{
    uint64_t n = 0;
    for (unsigned w = 0; w < dp.shm.workers; w++)
        for (unsigned d = 0; d < CV_DROP_COUNT; d++)
            n += __atomic_load_n(&shm_worker_stats(&dp.shm, w)->drops[d], __ATOMIC_RELAXED);
    return n;
}

/* At once, as a port has them for one burst; where i is an SA's number, as by RSS: always in the same queue. */
static void land(struct rte_mbuf **m, unsigned n, unsigned i)
{
    in_flight += n;
    if (n == 0 || rte_ring_mp_enqueue_bulk(rx[i % WORKERS], (void **)m, n, NULL) == n)
        return;
    in_flight -= n;
    dropped_at_the_door += n;
    rte_pktmbuf_free_bulk(m, n);
}

/* The far end of the port: each packet that leaves to took, until none is fed nor under way, or nothing has come for long. seen: drops() before. */
static void take_all(uint64_t seen, void (*took)(struct rte_mbuf *m, void *ctx), void *ctx)
{
    struct rte_mbuf *m;
    for (unsigned idle = 0; (feeding || in_flight > 0) && idle < 3000;) {
        const uint64_t now = drops();
        in_flight -= (unsigned)(now - seen);
        seen = now;
        if (io_take(out, &m, 1) == 0) {
            idle += !feeding;
            struct timespec t = {0, 1000000};
            nanosleep(&t, NULL);
            continue;
        }
        took(m, ctx);
        rte_pktmbuf_free(m);
        in_flight--;
    }
}

static void *work(void *arg)
{
    const struct dp_worker *w = arg;
    const unsigned id = w->id;
    all_cores();
    (void)dp_worker_main(arg);
    returned[id] = true;
    return NULL;
}

static bool launch(struct dp_worker *w)
{
    returned[w->id] = false;
    return pthread_create(&thread_of[w->id], NULL, work, w) == 0;
}

#endif
