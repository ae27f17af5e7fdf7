/* Who is told by ICMP that the fragments of a datagram for this host did not come in time (dp_reass.h): RFC 792, RFC 1122 3.2.2 and 3.3.2; RFC 4443 2.4 and
 * 3.3, RFC 8200 4.5. */
#include "dataplane/dp_policy.h"
#include "dataplane/dp_reass.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/unit/dataplane/manager.h"

enum { PAYLOAD = 64, ICMP6_UNKNOWN_ERROR = 100, LATER = 64, FLOOD = 400 };

static struct dp_worker worker;

static void begin(void)
{
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_addr_add(1, "2001:db8::1", 64) | mgr_route("::/0", 1, "2001:db8::fe"), CV_OK);
    ip_reass_free(worker.frags);
    memset(&worker, 0, sizeof worker);
    worker.dp = &mgr_dp;
    worker.now = rte_rdtsc();
    worker.esp.second = mgr_dp.shm.tsc_hz;
    worker.stats = shm_worker_stats(&mgr_dp.shm, 0);
    memset(worker.stats, 0, sizeof *worker.stats);
    dp_gate_init(&worker.gates, mgr_dp.shm.tsc_hz);
    CU_ASSERT_EQUAL_FATAL(ip_reass_new(pkt_pool, mgr_dp.shm.tsc_hz, worker.stats->drops, &worker.frags),
                          CV_OK);
    dp_reass_init(&worker);
    mgr->now_ms += 10000; /* all that the limit of ICMP errors has */
}

static void end(void)
{
    ip_reass_free(worker.frags);
    worker.frags = NULL;
}

/* ---- fragments ----------------------------------------------------------------------------------------------------- */
static struct rte_mbuf *looked_at(const uint8_t *ip, unsigned len)
{
    struct rte_mbuf *m = pkt_of(ip, len);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    dp_meta(m)->if_in = 1;
    CU_ASSERT_NOT_EQUAL(ip_classify_ip(m), IP_CLASS_DROP);
    CU_ASSERT_TRUE(dp_meta(m)->frag);
    return m;
}

/* PAYLOAD octets from `at` on, of a datagram from 203.0.113.x; type: of ICMP, or of whatever proto is, the first octet. */
static struct rte_mbuf *piece4(uint32_t x, uint8_t proto, uint8_t type, const char *to, unsigned at)
{
    uint8_t ip[20 + PAYLOAD] = {0x45, 0,     0, sizeof ip, 0,   7, 0x20, (uint8_t)(at / 8),
                                64,   proto, 0, 0,         203, 0};
    ip_put16(ip + 14, 113 + x);
    memcpy(ip + 16, mgr_addr(to).b, 4);
    ip[20] = type;
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, sizeof sum);
    return looked_at(ip, sizeof ip);
}

static struct rte_mbuf *piece6(uint8_t proto, uint8_t type, const char *to, unsigned at)
{
    uint8_t ip[48 + PAYLOAD] = {0x60, 0, 0, 0, 0, 8 + PAYLOAD, IP_NEXT_FRAGMENT, 64};
    memcpy(ip + 8, mgr_addr("2001:db8::9").b, 16);
    memcpy(ip + 24, mgr_addr(to).b, 16);
    ip[40] = proto;
    ip[43] = (uint8_t)(at | 1);
    ip[47] = 7;
    ip[48] = type;
    return looked_at(ip, sizeof ip);
}

static void take(struct rte_mbuf *m)
{
    dp_reass_take(&worker, m, DP_STAGE_IP);
}

/* ---- errors -------------------------------------------------------------------------------------------------------- */
/* How many errors the worker's time brings forth; the last one is in error[]. */
static uint8_t error[1500];
static unsigned errors_by(uint64_t now)
{
    struct rte_mbuf *m;
    unsigned n = 0;
    worker.now = now;
    dp_reass_tick(&worker);
    while (rte_ring_dequeue(mgr_dp.rings.slow, (void **)&m) == 0)
        dp_slow_packet(mgr, m);
    for (; io_take(mgr_dp.rings.inbox[0], &m, 1) == 1; n++) {
        CU_ASSERT_EQUAL(dp_meta(m)->stage, DP_STAGE_ROUTE);
        memcpy(error, rte_pktmbuf_mtod(m, const void *), m->data_len);
        rte_pktmbuf_free(m);
    }
    return n;
}

static unsigned errors(void)
{
    return errors_by(worker.now + 2 * worker.esp.second);
}

static void RFC_1122_3_3_2_the_first_fragments_sender_is_told(void)
{
    begin();
    take(piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", 0));
    take(piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", 2 * LATER)); /* one between them is lost */
    CU_ASSERT_EQUAL(errors_by(worker.now + worker.esp.second), 0);
    CU_ASSERT_EQUAL(errors(), 1);
    CU_ASSERT_EQUAL(error[9], IP_PROTO_ICMP);
    CU_ASSERT_EQUAL(memcmp(error + 12, (uint8_t[]){10, 0, 0, 1, 203, 0, 0, 113}, 8), 0);
    CU_ASSERT_TRUE(error[20] == 11 && error[21] == 1);
    CU_ASSERT_TRUE(ip_get32(error + 24) == 0 && error[28] == 0x45); /* unused; what came */
    CU_ASSERT_EQUAL(ip_get16(error + 28 + 6), 0x2000);              /* ... the first of it */
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT_LATE], 2);
    CU_ASSERT_EQUAL(errors(), 0); /* once */
    end();
}

static void RFC_8200_4_5_the_first_fragments_sender_is_told(void)
{
    begin();
    take(piece6(IP_PROTO_UDP, 0, "2001:db8::1", LATER));
    take(piece6(IP_PROTO_UDP, 0, "2001:db8::1", 0));
    take(piece6(IP_PROTO_UDP, 0, "2001:db8::1", 3 * LATER));
    CU_ASSERT_EQUAL(errors(), 1);
    CU_ASSERT_EQUAL(error[6], IP_PROTO_ICMP6);
    CU_ASSERT_EQUAL(memcmp(error + 8, mgr_addr("2001:db8::1").b, 16), 0);
    CU_ASSERT_EQUAL(memcmp(error + 24, mgr_addr("2001:db8::9").b, 16), 0);
    CU_ASSERT_TRUE(error[40] == 3 && error[41] == 1);
    CU_ASSERT_TRUE(ip_get32(error + 44) == 0 && error[48] == 0x60 && error[48 + 43] == 1);
    end();
}

/* RFC 792: without the first fragment there is nothing that a sender could tell its datagram by. */
static void without_the_first_fragment_nobody_is_told(void)
{
    begin();
    take(piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", LATER));
    take(piece6(IP_PROTO_UDP, 0, "2001:db8::1", LATER));
    CU_ASSERT_EQUAL(errors(), 0);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT_LATE], 2);
    end();
}

static void nobody_is_told_of_errors_and_groups(void)
{
    begin();
    take(piece4(0, IP_PROTO_ICMP, IP_ICMP_ECHO, "10.0.0.1", 0));
    CU_ASSERT_EQUAL(errors(), 1);
    take(piece4(0, IP_PROTO_ICMP, IP_ICMP_UNREACHABLE, "10.0.0.1", 0));
    take(piece4(0, IP_PROTO_UDP, 0, "224.0.0.5", 0));
    CU_ASSERT_EQUAL(errors(), 0);
    take(piece6(IP_PROTO_ICMP6, IP_ICMP6_ECHO, "2001:db8::1", 0));
    CU_ASSERT_EQUAL(errors(), 1);
    take(piece6(IP_PROTO_ICMP6, ICMP6_UNKNOWN_ERROR, "2001:db8::1", 0));
    take(piece6(IP_PROTO_UDP, 0, "ff02::1", 0));
    CU_ASSERT_EQUAL(errors(), 0);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT_LATE], 6);
    end();
}

/* What was given up for another reason than time, and what an SA of a GRE tunnel delivered. */
/* Who is named as the source may be behind an SA, and the error would go into it. */
static void nobody_is_told_of_what_came_in_clear_by_a_port_with_a_policy(void)
{
    begin();
    mgr_dp.policies[1] = ip_policy_closed();
    take(piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", 0));
    take(piece6(IP_PROTO_UDP, 0, "2001:db8::1", 0));
    CU_ASSERT_EQUAL(errors(), 0);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT_LATE], 2);
    mgr_dp.policies[1] = NULL;
    take(piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", 0));
    CU_ASSERT_EQUAL(errors(), 1);
}

static void nobody_is_told_of_what_is_not_late(void)
{
    begin();
    take(piece4(0, IP_PROTO_UDP, 1, "10.0.0.1", 0)); /* RFC 5722 3 */
    take(piece4(0, IP_PROTO_UDP, 2, "10.0.0.1", 0));
    dp_reass_take(&worker, piece4(1, IP_PROTO_GRE, 0, "10.0.0.1", 0), DP_STAGE_GRE);
    CU_ASSERT_EQUAL(errors(), 0);
    for (uint16_t i = 0; i <= IP_REASS_OF_SOURCE; i++) {
        struct rte_mbuf *m = piece4(2, IP_PROTO_UDP, 0, "10.0.0.1", 0);
        ip_put16(rte_pktmbuf_mtod_offset(m, uint8_t *, 4), i);
        take(m);
    }
    CU_ASSERT_EQUAL(errors_by(worker.now), 0);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT_ROOM], 1);
    CU_ASSERT_EQUAL(errors(), IP_REASS_OF_SOURCE);
    end();
}

/* The next fragment finds it, before anybody looks at what waits. */
static void a_fragment_that_comes_too_late_is_told_as_well(void)
{
    begin();
    take(piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", 0));
    worker.now += 2 * worker.esp.second;
    take(piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", LATER));
    CU_ASSERT_EQUAL(errors_by(worker.now), 1);
    CU_ASSERT_EQUAL(errors(), 0);
    end();
}

/* One of `len` octets of payload at `at`, behind n octets of destination options. */
static struct rte_mbuf *odd6(uint8_t proto, const char *to, uint16_t at, bool more, uint8_t len, uint8_t n)
{
    uint8_t ip[40 + 8 + 8 + 255] = {0x60, 0, 0, 0, 0, 0, n ? IP_NEXT_DEST_OPTIONS : IP_NEXT_FRAGMENT, 64};
    uint8_t *f = ip + 40 + n;
    ip_put16(ip + 4, n + 8u + len);
    memcpy(ip + 8, mgr_addr("2001:db8::9").b, 16);
    memcpy(ip + 24, mgr_addr(to).b, 16);
    if (n)
        memcpy(ip + 40, (const uint8_t[]){IP_NEXT_FRAGMENT, 0, 1, 4, 0, 0, 0, 0}, 8);
    f[0] = proto;
    ip_put16(f + 2, at | more);
    f[8] = IP_ICMP6_ECHO;
    return looked_at(ip, 40u + n + 8u + len);
}

static void told_of(uint32_t pointer)
{
    CU_ASSERT_EQUAL(errors_by(worker.now), 1);
    CU_ASSERT_TRUE(error[40] == IP_ICMP6_PARAMETER && error[41] == 0 && ip_get32(error + 44) == pointer);
}

static void RFC_8200_4_5_the_sender_of_a_length_that_cannot_be_is_told(void)
{
    begin();
    take(odd6(IP_PROTO_UDP, "2001:db8::1", 0, true, 101, 0));
    told_of(4); /* the payload length */
    take(odd6(IP_PROTO_UDP, "2001:db8::1", 800, true, 101, 8));
    told_of(4);
    take(odd6(IP_PROTO_UDP, "2001:db8::1", 65528, false, 100, 0));
    told_of(42); /* the fragment offset */
    take(odd6(IP_PROTO_UDP, "2001:db8::1", 65528, false, 100, 8));
    told_of(50);
    take(odd6(IP_PROTO_ICMP6, "2001:db8::1", 0, true, 101, 0)); /* an echo request's */
    told_of(4);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT], 5);
    CU_ASSERT_EQUAL(errors(), 0); /* nothing of them waits */
    end();
}

/* What may be an error's, is for a group, came in clear by a port with a policy, or out of a GRE tunnel's SA; and IPv4, which does not ask for it. */
static void of_some_lengths_that_cannot_be_nobody_is_told(void)
{
    begin();
    take(odd6(IP_PROTO_ICMP6, "2001:db8::1", 800, true, 101, 0));
    take(odd6(IP_PROTO_UDP, "ff02::1", 0, true, 101, 0));
    dp_reass_take(&worker, odd6(IP_PROTO_GRE, "2001:db8::1", 0, true, 101, 0), DP_STAGE_GRE);
    struct rte_mbuf *m = piece4(0, IP_PROTO_UDP, 0, "10.0.0.1", 0);
    rte_pktmbuf_trim(m, 3);
    take(m);
    mgr_dp.policies[1] = ip_policy_closed();
    take(odd6(IP_PROTO_UDP, "2001:db8::1", 0, true, 101, 0));
    mgr_dp.policies[1] = NULL;
    CU_ASSERT_EQUAL(errors_by(worker.now), 0);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT], 5);
    CU_ASSERT_EQUAL(errors(), 0);
    end();
}

static void a_flood_of_first_fragments_brings_what_the_limit_allows(void)
{
    begin();
    for (uint32_t i = 0; i < FLOOD; i++)
        take(piece4(i, IP_PROTO_UDP, 0, "10.0.0.1", 0));
    const unsigned n = errors();
    CU_ASSERT_TRUE(n >= 50 && n <= 130);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_FRAGMENT_LATE], FLOOD);
    end();
}

static void everything_ends(void)
{
    mgr_stop();
}

PKT_MAIN("reass", UNIT_TEST(RFC_1122_3_3_2_the_first_fragments_sender_is_told),
         UNIT_TEST(RFC_8200_4_5_the_first_fragments_sender_is_told),
         UNIT_TEST(without_the_first_fragment_nobody_is_told), UNIT_TEST(nobody_is_told_of_errors_and_groups),
         UNIT_TEST(nobody_is_told_of_what_came_in_clear_by_a_port_with_a_policy),
         UNIT_TEST(nobody_is_told_of_what_is_not_late),
         UNIT_TEST(a_fragment_that_comes_too_late_is_told_as_well),
         UNIT_TEST(RFC_8200_4_5_the_sender_of_a_length_that_cannot_be_is_told),
         UNIT_TEST(of_some_lengths_that_cannot_be_nobody_is_told),
         UNIT_TEST(a_flood_of_first_fragments_brings_what_the_limit_allows), UNIT_TEST(everything_ends))
