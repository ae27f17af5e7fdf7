/* inline_fix: a data plane of one worker between an inside port and a port with the model of a NIC (inline_model.h), and the far end of its
 * tunnels, which is ipsec-mb's. */
#ifndef TESTS_UNIT_DATAPLANE_INLINE_FIX_H
#define TESTS_UNIT_DATAPLANE_INLINE_FIX_H

#include "common/log.h"
#include "common/ring.h"
#include "dataplane/dp_init.h"
#include "dataplane/dp_inline.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_transit.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_udp.h"
#include "tests/unit/dataplane/nbr_fix.h"
#include "tests/unit/engine/inline_model.h"
#include "tests/unit/ip/pkt.h"

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

enum {
    OUTSIDE = 0, /* ports; the model's is the first */
    INSIDE,
    PORTS,
    OUT_IF = 1,
    IN_IF,
    TUNNEL = 16,
    BITS = 8,
    SLOTS = 256,
    ROUNDS = 40,
    SPI0 = 0x00770000,
    NATT = 4500,
};
static struct dp dp;
static struct rte_ring *rx[PORTS], *tx[PORTS];
static const uint8_t mac[PORTS][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
static const uint8_t far_mac[6] = {2, 0, 0, 0, 0, 9};
static struct esp_worker far; /* the peer's, with an engine of its own */
static struct cv_sa_counters far_counters[2];
static uint32_t next_slot;

/* One tunnel's SAs, and its far end's. */
struct pair {
    struct cv_sa in, out;
    struct esp_in_sa *far_in;
    struct esp_out_sa *far_out;
    uint16_t sent; /* number in the payload */
};

/* ---- tables ------------------------------------------------------------------------------------------------------- */
static inline struct ip_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    const uint8_t octets[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return ip_addr_v4(octets);
}

static inline struct ip_addr v6(unsigned net, unsigned host)
{
    const uint8_t octets[16] = {0x20, 1, 0xd, 0xb8, 0, (uint8_t)net, [15] = (uint8_t)host};
    return ip_addr_v6(octets);
}

static inline struct ip_addr outer(int family, bool peer)
{
    return family == IP_V4 ? v4(192, 0, 2, peer ? 2 : 1) : v6(0, peer ? 2 : 1);
}

static inline void route(enum ip_route_kind kind, struct ip_addr a, unsigned len, uint32_t id,
                         const struct ip_addr *via)
{
    struct cv_route r = {.if_id = id};
    CU_ASSERT_TRUE_FATAL(ip_prefix_make(&a, len, &r.prefix));
    if (via)
        r.next_hop = *via;
    CU_ASSERT_EQUAL_FATAL(ip_route_add(&dp.routes, kind, &r), CV_OK);
}

static inline void unroute(struct ip_addr a, unsigned len)
{
    struct cv_route r = {.if_id = 0};
    CU_ASSERT_TRUE_FATAL(ip_prefix_make(&a, len, &r.prefix));
    CU_ASSERT_EQUAL(ip_route_del(&dp.routes, IP_ROUTE_STATIC, &r), CV_OK);
}

static inline void neighbour(uint32_t if_id, struct ip_addr a)
{
    ip_nbr_claim(&dp.nbrs, if_id, &a, far_mac, 0, &nbr_fix_calls);
}

static inline void tables(void)
{
    const struct cv_if out = {.if_id = OUT_IF, .kind = CV_IF_PORT, .up = 1, .name = "E0"},
                       in = {.if_id = IN_IF, .kind = CV_IF_PORT, .up = 1, .name = "E1"},
                       tunnel = {.if_id = TUNNEL,
                                 .kind = CV_IF_TUNNEL,
                                 .up = 1,
                                 .tunnel_mode = CV_TUNNEL_IPSEC4,
                                 .frag_after = 1,
                                 .name = "T0"};
    CU_ASSERT_EQUAL_FATAL(ip_if_set(&dp.ifs, &out, OUTSIDE, mac[OUTSIDE], 1500), CV_OK);
    CU_ASSERT_EQUAL_FATAL(ip_if_set(&dp.ifs, &in, INSIDE, mac[INSIDE], 1500), CV_OK);
    CU_ASSERT_EQUAL_FATAL(ip_if_set(&dp.ifs, &tunnel, IP_NO_PORT, NULL, 0), CV_OK);
    route(IP_ROUTE_LOCAL, v4(192, 0, 2, 1), 32, OUT_IF, NULL);
    route(IP_ROUTE_CONNECTED, v4(192, 0, 2, 1), 24, OUT_IF, NULL);
    route(IP_ROUTE_LOCAL, v6(0, 1), 128, OUT_IF, NULL);
    route(IP_ROUTE_CONNECTED, v6(0, 1), 64, OUT_IF, NULL);
    route(IP_ROUTE_LOCAL, v4(10, 1, 0, 1), 32, IN_IF, NULL);
    route(IP_ROUTE_CONNECTED, v4(10, 1, 0, 1), 24, IN_IF, NULL);
    route(IP_ROUTE_STATIC, v4(20, 0, 0, 0), 8, TUNNEL, NULL);
    neighbour(OUT_IF, v4(192, 0, 2, 2));
    neighbour(OUT_IF, v6(0, 2));
    neighbour(IN_IF, v4(10, 1, 0, 2));
}

/* ---- ports -------------------------------------------------------------------------------------------------------- */
static inline uint16_t leaves(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, void *arg)
{
    (void)queue, (void)arg;
    const unsigned room = rte_ring_free_count(tx[port]); /* the driver refuses what is more */
    for (uint16_t i = 0; i < n; i++)
        if (i < room)
            model_transmit(port, pkts[i]);
        else
            model_refuse(pkts[i]);
    return n;
}

static bool scattered; /* what arrives is in two pieces */

static inline void split(struct rte_mbuf *m)
{
    struct rte_mbuf *tail = pkt_new();
    const uint16_t rest = m->data_len / 2;
    memcpy(rte_pktmbuf_append(tail, rest), rte_pktmbuf_mtod_offset(m, void *, m->data_len - rest), rest);
    rte_pktmbuf_trim(m, rest);
    CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_chain(m, tail), 0);
}

static inline uint16_t comes(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max,
                             void *arg)
{
    (void)port, (void)queue, (void)arg, (void)max;
    for (uint16_t i = 0; i < n; i++) {
        model_receive(pkts[i]);
        if (scattered)
            split(pkts[i]);
    }
    return n;
}

static inline void port_open(unsigned i)
{
    char name[16];
    snprintf(name, sizeof name, "rx%u", i);
    rx[i] = rte_ring_create(name, SLOTS, SOCKET_ID_ANY, 0);
    snprintf(name, sizeof name, "tx%u", i);
    tx[i] = rte_ring_create(name, SLOTS, SOCKET_ID_ANY, 0);
    snprintf(name, sizeof name, "port%u", i);
    const int id = rte_eth_from_rings(name, &rx[i], 1, &tx[i], 1, 0);
    CU_ASSERT_EQUAL_FATAL(id, (int)i);
    const struct rte_eth_conf conf = {0};
    CU_ASSERT_EQUAL_FATAL(rte_eth_dev_configure((uint16_t)i, 1, 1, &conf), 0);
    CU_ASSERT_EQUAL_FATAL(rte_eth_rx_queue_setup((uint16_t)i, 0, 256, 0, NULL, pkt_pool), 0);
    CU_ASSERT_EQUAL_FATAL(rte_eth_tx_queue_setup((uint16_t)i, 0, 256, 0, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rte_eth_dev_start((uint16_t)i), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rte_eth_add_tx_callback((uint16_t)i, 0, leaves, NULL));
    if (i == OUTSIDE)
        CU_ASSERT_PTR_NOT_NULL_FATAL(rte_eth_add_rx_callback((uint16_t)i, 0, comes, NULL));
    dp.ports[i] = (struct io_port){.id = (uint16_t)i, .rx_queues = 1, .tx_queues = 1, .mtu = 1500};
    snprintf(dp.ports[i].name, sizeof dp.ports[i].name, "E%u", i);
    dp.port_count = i + 1;
}

static inline void data_plane_start(void)
{
    char why[128];
    log_set_level(LOG_LEVEL_ERROR);
    dp.workers = 1;
    dp.engine = eng_by_name("inline");
    dp.pool = dp.big_pool = dp.jumbo_pool = pkt_pool;
    dp.mbuf_room = DP_MBUF_ROOM;
    CU_ASSERT_PTR_EQUAL_FATAL(dp.engine, &eng_inline);
    CU_ASSERT_EQUAL(dp.engine->start("fast", 1, why, sizeof why), CV_EINVAL);
    CU_ASSERT_EQUAL_FATAL(dp.engine->start("", 1, why, sizeof why), CV_OK);
    CU_ASSERT_EQUAL_FATAL(shm_create(1, BITS, &dp.shm), CV_OK);
    shm_set_clock(&dp.shm, rte_get_tsc_hz());
    dp_owners_init(&dp.owners, 1);
    CU_ASSERT_EQUAL_FATAL(io_rings_new(&dp.rings, 1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_init(&dp.sad, &dp.shm, dp.engine), CV_OK);
    CU_ASSERT_TRUE_FATAL(ip_hash_key_make(&dp.nbrs.key) && ip_hash_key_make(&dp.ifs.hash_key));
    for (unsigned i = 0; i < PORTS; i++)
        port_open(i);
    tables();
    CU_ASSERT_EQUAL_FATAL(dp_worker_new(&dp, 0, 0, &dp.worker[0]), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&far, eng_by_name("ipsec-mb"), 0, -1), CV_OK);
    far.sole = true;
}

/* A NIC like new, of these capabilities. */
static inline void nic(const struct rte_security_capability *caps)
{
    if (!dp.worker[0])
        data_plane_start();
    dp_inline_stop(&dp);
    CU_ASSERT_EQUAL(model.sessions + model.rules, 0);
    model_reset(OUTSIDE, caps);
    for (uint16_t i = 0; i < PORTS; i++)
        CU_ASSERT_EQUAL_FATAL(rte_eth_dev_start(i), 0);
    dp_inline_start(&dp);
}

static inline void ticks(unsigned n)
{
    struct cv_engine_stats rows[CV_MAX_ENGINES];
    while (n-- > 0)
        (void)dp.engine->report(rows, CV_MAX_ENGINES);
}

/* What the NIC, and the software beside it, have worked on. */
static inline uint64_t packets_of(const char *engine)
{
    struct cv_engine_stats rows[CV_MAX_ENGINES];
    const unsigned n = dp.engine->report(rows, CV_MAX_ENGINES);
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += strcmp(rows[i].engine, engine) == 0 ? rows[i].packets : 0;
    return sum;
}

static inline uint64_t drops(enum cv_drop why)
{
    return shm_worker_stats(&dp.shm, 0)->drops[why];
}

/* ---- SAs ---------------------------------------------------------------------------------------------------------- */
struct kind {
    uint16_t encr, integ;
    uint8_t key_len, integ_len;
    int family;
    uint32_t flags;
    uint8_t mode;
};
static const struct kind gcm = {CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V4, 0, CV_MODE_TUNNEL};

static inline struct cv_sa sa_make(const struct kind *k, enum cv_dir dir)
{
    const uint32_t slot = next_slot++ % (1u << BITS);
    struct cv_sa sa = {
        .ref = {.dir = (uint8_t)dir, .sa_id = slot, .spi = SPI0 + next_slot / 200 * 0x10000 + slot},
        .if_id = TUNNEL,
        .cookie = next_slot,
        .flags = k->flags,
        .encr = k->encr,
        .integ = k->integ,
        .mode = k->mode,
        .encr_key_len = k->key_len,
        .integ_key_len = k->integ_len,
        .salt_len = k->integ ? 0 : 4,
        .replay_window = 128,
        .ts_count = 1};
    sa.local =
        (struct ip_endpoint){.addr = outer(k->family, false), .port = k->flags & CV_SA_NATT ? NATT : 0};
    sa.remote = (struct ip_endpoint){.addr = outer(k->family, true), .port = sa.local.port};
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    for (unsigned i = 0; i < sizeof sa.encr_key; i++)
        sa.encr_key[i] = (uint8_t)(next_slot * 7 + i);
    for (unsigned i = 0; i < k->integ_len; i++)
        sa.integ_key[i] = (uint8_t)(next_slot * 11 + i);
    memcpy(sa.salt, "Salz", 4);
    return sa;
}

static inline struct cv_sa mirrored(const struct cv_sa *sa)
{
    struct cv_sa peer = *sa;
    peer.ref.dir = sa->ref.dir == CV_DIR_OUT ? CV_DIR_IN : CV_DIR_OUT;
    peer.local = sa->remote;
    peer.remote = sa->local;
    peer.ts_local[0] = sa->ts_remote[0];
    peer.ts_remote[0] = sa->ts_local[0];
    return peer;
}

static inline void pair_add(struct pair *p, const struct kind *k)
{
    const struct eng_ops *mb = eng_by_name("ipsec-mb");
    *p = (struct pair){.in = sa_make(k, CV_DIR_IN), .out = sa_make(k, CV_DIR_OUT)};
    const struct cv_sa far_in = mirrored(&p->out), far_out = mirrored(&p->in);
    memset(far_counters, 0, sizeof far_counters);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p->in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p->out), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&dp.sad, &p->out.ref), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&far_in, mb, 0, &far_counters[0], &p->far_in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&far_out, mb, 0, &far_counters[1], &p->far_out), CV_OK);
}

/* What `show` is told of an SA. */
static inline bool shown(const struct cv_sa *sa, enum cv_engine_by by, unsigned why)
{
    dp_sad_engines_update(&dp.sad);
    const struct cv_sa_engine *e = shm_sa_engine(&dp.shm, sa->ref.dir, sa->ref.sa_id);
    const bool nic = by == CV_ENGINE_INLINE_CRYPTO;
    return (e->by == CV_ENGINE_INLINE_CRYPTO) == nic && e->why == why;
}

static inline void pair_del(struct pair *p)
{
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p->in.ref, NULL, NULL, 0), CV_OK);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p->out.ref, NULL, NULL, 0), CV_OK);
    esp_in_sa_free(p->far_in);
    esp_out_sa_free(p->far_out);
    ticks(INLINE_DRAIN_TICKS);
    if (model.misuse)
        printf("\n    the model: %s\n", model.why);
    CU_ASSERT_EQUAL(model.misuse, 0);
    CU_ASSERT_EQUAL(model.in_clear, 0);
    CU_ASSERT_EQUAL(model.iv_twice, 0);
    CU_ASSERT_EQUAL(rte_ring_count(tx[OUTSIDE]) + rte_ring_count(tx[INSIDE]), 0);
}

/* ---- packets ------------------------------------------------------------------------------------------------------- */
/* A datagram whose payload says which it is, and is not to be seen outside; `size` octets of payload. */
static inline struct rte_mbuf *inner(bool inwards, uint16_t number, unsigned size)
{
    const struct ip_endpoint here = {.addr = v4(10, 1, 0, 2), .port = 1000},
                             there = {.addr = v4(20, 0, 0, 1), .port = 2000};
    uint8_t data[2000] = {0};
    struct rte_mbuf *m = pkt_new();
    memcpy(data, MODEL_CLEAR, sizeof MODEL_CLEAR - 1);
    memcpy(data + 60, &number, sizeof number);
    CU_ASSERT_TRUE_FATAL(ip_udp_write(m, inwards ? &there : &here, inwards ? &here : &there, 0, data, size));
    CU_ASSERT_NOT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_DROP);
    return m;
}

static inline int number_of(const struct rte_mbuf *m)
{
    uint16_t n;
    if (m->data_len < 28 + 62 ||
        memcmp(rte_pktmbuf_mtod_offset(m, const uint8_t *, 28), MODEL_CLEAR, 10) != 0)
        return -1;
    memcpy(&n, rte_pktmbuf_mtod_offset(m, const uint8_t *, 28 + 60), sizeof n);
    return n;
}

static inline void ether_put(struct rte_mbuf *m, unsigned port)
{
    uint8_t *e = (uint8_t *)rte_pktmbuf_prepend(m, 14);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    memcpy(e, mac[port], 6);
    memcpy(e + 6, far_mac, 6);
    const bool six = e[14] >> 4 == 6;
    e[12] = six ? 0x86 : 8;
    e[13] = six ? 0xdd : 0;
}

static inline void feed(unsigned port, struct rte_mbuf *m)
{
    CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[port], m), 0);
}

static inline void turns(void)
{
    for (unsigned i = 0; i < 4; i++)
        (void)dp_worker_turn(dp.worker[0]);
}

static inline struct rte_mbuf *taken(unsigned port)
{
    void *m;
    return rte_ring_dequeue(tx[port], &m) == 0 ? m : NULL;
}

/* What the far end makes of a frame: the payload's number, or -1. */
static inline int far_reads(struct pair *p, struct rte_mbuf *m)
{
    int n = -1;
    rte_pktmbuf_adj(m, 14);
    dp_meta(m)->vrf = 0;
    struct esp_in_sa *sa = p->far_in;
    if (ip_classify_ip(m) == IP_CLASS_ESP && esp_in_burst(&far, &m, &sa, 1) == 1)
        n = number_of(m);
    rte_pktmbuf_free(m);
    return n;
}

/* Sends one from inside; the frame that left outside, if one did. */
static inline struct rte_mbuf *send_one(struct pair *p, unsigned size)
{
    struct rte_mbuf *m = inner(false, ++p->sent, size);
    ether_put(m, INSIDE);
    feed(INSIDE, m);
    turns();
    return taken(OUTSIDE);
}

static inline void sends(struct pair *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *m = send_one(p, 100 + i * 17 % 1100);
        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(far_reads(p, m), p->sent);
    }
}

/* A frame of the far end's, and a copy of it. */
static inline struct rte_mbuf *far_frame(struct pair *p, unsigned size, struct rte_mbuf **copy)
{
    struct rte_mbuf *m = inner(true, ++p->sent, size);
    struct esp_out_sa *sa = p->far_out;
    CU_ASSERT_EQUAL_FATAL(esp_out_burst(&far, &m, &sa, 1), 1);
    ether_put(m, OUTSIDE);
    if (copy)
        *copy = pkt_of(rte_pktmbuf_mtod(m, const void *), m->data_len);
    return m;
}

/* Did the number of the last far_frame come out inside? */
static inline int came(void)
{
    struct rte_mbuf *m;
    turns();
    m = taken(INSIDE);
    if (!m)
        return -1;
    rte_pktmbuf_adj(m, 14);
    const int n = number_of(m);
    rte_pktmbuf_free(m);
    return n;
}

static inline void receives(struct pair *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        feed(OUTSIDE, far_frame(p, 100 + i * 13 % 1100, NULL));
        CU_ASSERT_EQUAL(came(), p->sent);
    }
}

/* ---- events --------------------------------------------------------------------------------------------------- */
struct heard {
    unsigned count;
    bool away;
    struct cv_sa_event last;
    enum cv_evt_type type;
};

static inline bool hear(void *ctx, const struct cv_sa_event *what, enum cv_evt_type type)
{
    struct heard *h = ctx;
    h->count++;
    h->last = *what;
    h->type = type;
    return !h->away;
}

/* Last: everything goes. */
static inline void the_end(void)
{
    nic(model_caps_ixgbe);
    dp_inline_stop(&dp);
    dp_worker_free(dp.worker[0]);
    esp_worker_fini(&far);
    dp_sad_fini(&dp.sad);
    dp.engine->stop();
    io_rings_free(&dp.rings, 1);
    struct ip_nbr_calls c = nbr_fix_calls;
    ip_nbr_flush(&dp.nbrs, 0, &c);
    ip_route_flush(&dp.routes, 0);
    shm_close(&dp.shm);
}

#endif
