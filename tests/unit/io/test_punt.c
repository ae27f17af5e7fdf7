/* Punt and inject: marker, limits, lengths; device names; hand-off rings. */
#include "dataplane/io/io_handoff.h"
#include "dataplane/io/io_port.h"
#include "dataplane/io/io_punt.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_udp.h"
#include "tests/unit/ip/pkt.h"

static struct shm shm;
static int connected = 1;
static struct io_punt punt;
static struct cv_ike_pkt got;

static struct rte_mbuf *datagram(uint16_t port, unsigned marker, const uint8_t *data, size_t n)
{
    struct ip_endpoint from = {.port = 4500}, to = {.port = port};
    struct rte_mbuf *m = pkt_new();
    CU_ASSERT_TRUE_FATAL(ip_addr_parse("192.0.2.1", &from.addr) && ip_addr_parse("192.0.2.2", &to.addr));
    CU_ASSERT_TRUE_FATAL(ip_udp_write(m, &from, &to, marker, data, n));
    CU_ASSERT_NOT_EQUAL(ip_classify_ip(m), IP_CLASS_DROP);
    dp_meta(m)->vrf = 3;
    dp_meta(m)->if_in = 9;
    return m;
}

static enum cv_drop punt_one(uint16_t port, unsigned marker, const uint8_t *data, size_t n, uint64_t now)
{
    struct rte_mbuf *m = datagram(port, marker, data, n);
    enum cv_drop why = io_punt_ike(&punt, m, now);
    rte_pktmbuf_free(m);
    return why;
}

static void fresh(void)
{
    if (shm.head)
        shm_close(&shm);
    CU_ASSERT_EQUAL_FATAL(shm_create(1, 4, &shm), CV_OK);
    connected = 1;
    CU_ASSERT_EQUAL_FATAL(io_punt_init(&punt, &shm, &connected, 1000000000), CV_OK);
}

static void ike_reaches_culvertd_without_its_marker(void)
{
    static const uint8_t data[28] = {9, 8, 7};
    fresh();
    CU_ASSERT_EQUAL(punt_one(500, 0, data, 28, 1), CV_DROP_NONE);
    CU_ASSERT_TRUE_FATAL(ring_punt_get(&shm, &got));
    CU_ASSERT_TRUE(got.len == 28 && got.flags == 0 && got.vrf == 3 && got.if_id == 9 && got.data[0] == 9);
    CU_ASSERT_TRUE(got.local.port == 500 && got.remote.port == 4500 && got.local.addr.b[3] == 2);
    CU_ASSERT_EQUAL(punt_one(4500, 4, data, 28, 1), CV_DROP_NONE);
    CU_ASSERT_TRUE_FATAL(ring_punt_get(&shm, &got));
    CU_ASSERT_TRUE(got.len == 28 && got.flags == CV_IKE_NATT && got.data[0] == 9);
}

static void rfc_3948_keepalive_is_consumed(void)
{
    static const uint8_t alive = 0xff, other = 0xfe, pair[2] = {0xff, 0xff};
    fresh();
    CU_ASSERT_EQUAL(punt_one(4500, 0, &alive, 1, 1), CV_DROP_NATT_KEEPALIVE);
    CU_ASSERT_EQUAL(punt_one(4500, 0, &other, 1, 1), CV_DROP_MALFORMED_L4);
    CU_ASSERT_EQUAL(punt_one(4500, 0, pair, 2, 1), CV_DROP_MALFORMED_L4);
    CU_ASSERT_FALSE(ring_punt_get(&shm, &got));
}

static void what_the_contract_cannot_carry_is_refused(void)
{
    static uint8_t data[CV_IKE_PKT_MAX + 1];
    fresh();
    CU_ASSERT_EQUAL(punt_one(500, 0, data, CV_IKE_PKT_MAX, 1), CV_DROP_NONE);
    CU_ASSERT_EQUAL(punt_one(500, 0, data, CV_IKE_PKT_MAX + 1, 1), CV_DROP_IKE_TOO_LONG);
    CU_ASSERT_EQUAL(punt_one(4500, 4, data, CV_IKE_PKT_MAX, 1), CV_DROP_NONE);
    connected = 0;
    CU_ASSERT_EQUAL(punt_one(500, 0, data, 28, 1), CV_DROP_PUNT_FULL);
}

static void a_flood_is_limited_and_the_limit_recovers(void)
{
    static const uint8_t data[28];
    unsigned taken = 0;
    uint64_t now = 1000000000;
    fresh();
    for (unsigned i = 0; i < 2000; i++)
        taken += punt_one(500, 0, data, sizeof data, now) == CV_DROP_NONE;
    CU_ASSERT_TRUE(taken >= IO_PUNT_BURST && taken <= IO_PUNT_BURST + 2);
    CU_ASSERT_EQUAL(punt_one(500, 0, data, sizeof data, now), CV_DROP_PUNT_LIMIT);
    now += 1000000000 / 10; /* 100 ms: a tenth of the rate */
    while (ring_punt_get(&shm, &got))
        ;
    taken = 0;
    for (unsigned i = 0; i < 2000; i++)
        taken += punt_one(500, 0, data, sizeof data, now) == CV_DROP_NONE;
    CU_ASSERT_TRUE(taken > 200 && taken <= IO_PUNT_BURST + 2);
}

static void a_full_ring_is_a_drop_with_its_reason(void)
{
    static const uint8_t data[28] = {[8] = 1};
    unsigned taken = 0;
    fresh();
    for (unsigned i = 0; i < CV_PUNT_SLOTS - 1; i++)
        taken += punt_one(500, 0, data, sizeof data, 1 + i * 10000000ull) == CV_DROP_NONE;
    CU_ASSERT_EQUAL(taken, CV_PUNT_SLOTS - 1);
    CU_ASSERT_EQUAL(punt_one(500, 0, data, sizeof data, 1000000000000ull), CV_DROP_PUNT_FULL);
}

static void what_is_shorter_than_an_ike_header_costs_the_bucket_nothing(void)
{
    static const uint8_t data[28];
    fresh();
    for (unsigned i = 0; i < 2000; i++)
        CU_ASSERT_EQUAL(punt_one(i & 1 ? 500 : 4500, i & 1 ? 0 : 4, data, i % 28, 5), CV_DROP_MALFORMED_L4);
    CU_ASSERT_EQUAL(punt_one(500, 0, data, sizeof data, 5), CV_DROP_NONE);
}

/* RFC 7296 2.4, 2.8: probes and rekeys of tunnels that are up come through while anybody sends first messages. */
static void a_flood_of_first_messages_leaves_established_peers_alone(void)
{
    static const uint8_t first[28], later[28] = {[15] = 1};
    unsigned taken = 0;
    fresh();
    for (uint64_t now = 1; now < 1000000000; now += 10000) { /* 100,000 a second, and nobody reads the ring */
        enum cv_drop why = punt_one(500, 0, first, sizeof first, now);
        CU_ASSERT_TRUE(why == CV_DROP_NONE || why == CV_DROP_PUNT_LIMIT || why == CV_DROP_PUNT_FULL);
        if (now % 10000000 == 1) /* 100 */
            taken += punt_one(500, 0, later, sizeof later, now) == CV_DROP_NONE;
    }
    CU_ASSERT_EQUAL(taken, 100);
}

static void one_source_of_later_messages_has_one_bucket(void)
{
    static const uint8_t later[28] = {[15] = 1};
    unsigned loud = 0, quiet = 0;
    fresh();
    for (unsigned i = 0; i < 2000; i++)
        loud += punt_one(500, 0, later, sizeof later, 1) == CV_DROP_NONE;
    CU_ASSERT_TRUE(loud >= IO_PUNT_SOURCE_BURST && loud <= IO_PUNT_SOURCE_BURST + 2);
    for (uint16_t port = 1; port <= 200; port++) { /* other peers: a few share the bucket */
        struct rte_mbuf *m = datagram(500, 0, later, sizeof later);
        dp_meta(m)->l4_src = port;
        quiet += io_punt_ike(&punt, m, 1) == CV_DROP_NONE;
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_TRUE(quiet > 150);
}

static void injected_datagrams_are_checked_and_marked(void)
{
    static struct cv_ike_pkt p;
    memset(&p, 0, sizeof p);
    CU_ASSERT_TRUE(ip_addr_parse("2001:db8::1", &p.local.addr) &&
                   ip_addr_parse("2001:db8::2", &p.remote.addr));
    p.local.port = p.remote.port = 4500;
    p.len = 100;
    p.flags = CV_IKE_NATT;
    struct rte_mbuf *m = pkt_new();
    CU_ASSERT_TRUE_FATAL(io_inject_write(&p, m));
    CU_ASSERT_EQUAL(dp_meta(m)->local_out, DP_LOCAL_IKE);
    CU_ASSERT_EQUAL(m->data_len, 40 + 8 + 4 + 100);
    rte_pktmbuf_free(m);
    struct {
        uint32_t len;
        uint16_t vrf, port;
        uint8_t family;
    } bad[] = {{CV_IKE_PKT_MAX + 1, 0, 500, IP_V6},
               {1, CV_MAX_VRFS, 500, IP_V6},
               {1, 0, 0, IP_V6},
               {1, 0, 500, IP_V4},
               {1, 0, 500, 77}};
    for (unsigned i = 0; i < RTE_DIM(bad); i++) {
        p.len = bad[i].len;
        p.vrf = bad[i].vrf;
        p.local.port = bad[i].port;
        p.local.addr.family = bad[i].family;
        m = pkt_new();
        CU_ASSERT_FALSE(io_inject_write(&p, m));
        rte_pktmbuf_free(m);
    }
}

static void device_names_are_numbered_and_af_packet_gets_room(void)
{
    struct platform_port p = {.device = "net_tap,iface=x"};
    char out[256];
    CU_ASSERT_STRING_EQUAL(io_port_device(&p, 3, out, sizeof out), "net_tap_3,iface=x");
    strcpy(p.device, "net_null7");
    CU_ASSERT_STRING_EQUAL(io_port_device(&p, 3, out, sizeof out), "net_null7");
    strcpy(p.device, "net_af_packet,iface=eth1");
    CU_ASSERT_STRING_EQUAL(io_port_device(&p, 0, out, sizeof out), "net_af_packet_0,iface=eth1,framesz=4096");
    strcpy(p.device, "net_af_packet,iface=eth1,framesz=2048");
    CU_ASSERT_STRING_EQUAL(io_port_device(&p, 0, out, sizeof out), "net_af_packet_0,iface=eth1,framesz=2048");
    strcpy(p.device, "0000:03:00.0");
    p.is_pci = true;
    CU_ASSERT_STRING_EQUAL(io_port_device(&p, 0, out, sizeof out), "0000:03:00.0");
}

static void every_queue_has_one_owner(void)
{
    for (unsigned workers = 1; workers <= 4; workers++)
        for (unsigned queues = 1; queues <= workers; queues++)
            for (unsigned port = 0; port < 5; port++)
                for (unsigned q = 0; q < queues; q++)
                    CU_ASSERT_TRUE(io_port_owner(port, q, queues, workers) < workers);
    CU_ASSERT_EQUAL(io_port_owner(7, 2, 4, 4), 2);
}

static void rings_give_back_what_was_left_in_them(void)
{
    struct io_rings r = {0};
    CU_ASSERT_EQUAL_FATAL(io_rings_new(&r, 2), CV_OK);
    unsigned taken = 0;
    while (taken < 700 && io_give(r.inbox[1], pkt_new()))
        taken++;
    CU_ASSERT_EQUAL(taken, 700);
    struct rte_mbuf *m;
    CU_ASSERT_EQUAL(io_take(r.inbox[1], &m, 1), 1);
    rte_pktmbuf_free(m);
    CU_ASSERT_EQUAL(io_take(r.inbox[0], &m, 1), 0);
    CU_ASSERT_TRUE(io_give(r.slow, pkt_new()) && io_give(r.urgent, pkt_new()));
    io_rings_free(&r, 2);
    CU_ASSERT_EQUAL(pkt_used(), 0);
    shm_close(&shm);
}

PKT_MAIN("punt", UNIT_TEST(ike_reaches_culvertd_without_its_marker),
         UNIT_TEST(rfc_3948_keepalive_is_consumed), UNIT_TEST(what_the_contract_cannot_carry_is_refused),
         UNIT_TEST(a_flood_is_limited_and_the_limit_recovers),
         UNIT_TEST(a_full_ring_is_a_drop_with_its_reason),
         UNIT_TEST(what_is_shorter_than_an_ike_header_costs_the_bucket_nothing),
         UNIT_TEST(a_flood_of_first_messages_leaves_established_peers_alone),
         UNIT_TEST(one_source_of_later_messages_has_one_bucket),
         UNIT_TEST(injected_datagrams_are_checked_and_marked),
         UNIT_TEST(device_names_are_numbered_and_af_packet_gets_room), UNIT_TEST(every_queue_has_one_owner),
         UNIT_TEST(rings_give_back_what_was_left_in_them))
