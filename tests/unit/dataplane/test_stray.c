/* Which packets of unknown SPIs culvertd is told of (dp_stray.h), whoever else sends such packets. */
#include "dataplane/dp_drop.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "tests/unit/dataplane/manager.h"

enum { ESP_OCTETS = 36 };
static const uint32_t PEER = 0xc0000202, FLOODER = 0xcb007105;

static struct dp_worker worker;
static uint64_t hz;

static void begin(void)
{
    mgr_fresh();
    memset(&worker, 0, sizeof worker);
    worker.dp = &mgr_dp;
    worker.now = rte_rdtsc();
    worker.stats = shm_worker_stats(&mgr_dp.shm, 0);
    memset(worker.stats, 0, sizeof *worker.stats);
    hz = mgr_dp.shm.tsc_hz;
    CU_ASSERT_EQUAL_FATAL(dp_stray_init(&worker.stray, hz), CV_OK);
    worker.stray.key = (struct ip_hash_key){{1, 2}}; /* by which those below have buckets of their own */
}

/* ESP of an SPI that nobody has. */
static struct rte_mbuf *stray4(uint32_t source)
{
    uint8_t ip[20 + ESP_OCTETS] = {0x45, 0, 0, sizeof ip, 0, 0, 0,  0, 64, IP_PROTO_ESP,
                                   0,    0, 0, 0,         0, 0, 10, 0, 0,  1};
    for (unsigned i = 0; i < 4; i++)
        ip[12 + i] = (uint8_t)(source >> (24 - 8 * i));
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, sizeof sum);
    ip[20] = 0x77;
    struct rte_mbuf *m = pkt_of(ip, sizeof ip);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_ESP);
    return m;
}

static struct rte_mbuf *stray6(uint8_t net, uint8_t host)
{
    uint8_t ip[40 + ESP_OCTETS] = {0x60, 0, 0, 0, 0, ESP_OCTETS, IP_PROTO_ESP, 64, 0x20, 0x01, 0x0d, 0xb8};
    ip[15] = net;
    ip[23] = host;
    memcpy(ip + 24, ip + 8, 4);
    ip[39] = 1;
    ip[40] = 0x77;
    struct rte_mbuf *m = pkt_of(ip, sizeof ip);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_ESP);
    return m;
}

/* How many events m brings; *from: the last one's sender. */
static unsigned told(struct rte_mbuf *m, struct ip_addr *from)
{
    struct cv_evt e;
    unsigned n = 0;
    dp_drop_unknown_spi(&worker, m);
    while (ring_evt_get(&mgr_dp.shm, &e)) {
        if (e.type != CV_EVT_UNKNOWN_SPI)
            continue;
        n++;
        *from = e.u.sa_event.remote.addr;
    }
    return n;
}

/* The peer whose SAs are gone sends now and then; somebody else a thousand packets for each of its. */
static void a_flooder_silences_nobody_else(void)
{
    enum { SECONDS = 20, EACH = 1000 };
    struct ip_addr from;
    unsigned of_peer = 0, of_flooder = 0;
    begin();
    for (unsigned i = 0; i < SECONDS * 10 * EACH; i++, worker.now += hz / 10 / EACH) {
        of_flooder += told(stray4(FLOODER), &from);
        if (i % EACH != EACH / 3)
            continue;
        const unsigned now = told(stray4(PEER), &from);
        CU_ASSERT_TRUE(now == 0 || from.b[3] == (uint8_t)PEER);
        of_peer += now;
    }
    CU_ASSERT_TRUE(of_flooder >= SECONDS - 1 && of_flooder <= SECONDS + 1);
    CU_ASSERT_TRUE(of_peer >= SECONDS - 2 && of_peer <= SECONDS + 1);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_UNKNOWN_SPI], SECONDS * 10 * (EACH + 1));
}

/* What any number of sources brings about is bounded, and whoever is not told of for that keeps its turn. */
static void many_sources_have_one_limit_together(void)
{
    enum { SECONDS = 5, EACH = 20000, MOST = SECONDS * DP_STRAY_PER_SECOND + DP_STRAY_BURST };
    struct ip_addr from;
    unsigned n = 0;
    begin();
    for (unsigned i = 0; i < SECONDS * EACH; i++, worker.now += hz / EACH)
        n += told(stray4(11u << 24 | (i * 2654435761u) >> 8), &from);
    CU_ASSERT_TRUE(n >= MOST - 2 && n <= MOST + 2);
    for (unsigned i = 0; i < DP_STRAY_SOURCES; i++)
        worker.stray.source[i] = 0;
    n = 0;
    for (unsigned tries = 0; n == 0 && tries < 20; tries++, worker.now += hz / 100)
        n += told(stray4(PEER), &from);
    CU_ASSERT_EQUAL(n, 1);
}

/* One host may have all addresses of its /64. */
static void of_IPv6_a_network_is_one_source(void)
{
    struct ip_addr from;
    unsigned n = 0;
    begin();
    for (unsigned host = 0; host < 200; host++)
        n += told(stray6(1, (uint8_t)host), &from);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(told(stray6(2, 1), &from), 1);
    worker.now += hz;
    CU_ASSERT_EQUAL(told(stray6(1, 9), &from), 1);
}

static void everything_ends(void)
{
    mgr_stop();
}

PKT_MAIN("stray", UNIT_TEST(a_flooder_silences_nobody_else), UNIT_TEST(many_sources_have_one_limit_together),
         UNIT_TEST(of_IPv6_a_network_is_one_source), UNIT_TEST(everything_ends))
