/* dp_mixed_route decides what dp_route_packet decides, packet by packet, whatever the packets are. */
#include "dataplane/dp_flow.h"
#include "dataplane/dp_mixed.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_pmtu.h"
#include "tests/unit/dataplane/manager.h"
#include "tests/unit/dataplane/nbr_fix.h"

enum { MANY = 20, FEW, MSS, DOWN, LIMITED, NONE, IFS, BURST = 60, ROUNDS = 400, SAS = 40, OCTETS = 1700 };

static struct dp_worker worker;
static uint64_t seed = 0x5eed;
static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

/* ---- the site ------------------------------------------------------------------------------------------------------ */
static void sa_make(uint32_t slot, uint32_t if_id, const char *remote)
{
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, slot, if_id);
    struct ip_prefix p;
    if (remote) {
        CU_ASSERT_TRUE_FATAL(ip_prefix_parse(remote, &p));
        sa.ts_remote[0] = ts_from_prefix(&p, 0, 0, 65535);
    }
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    dp_sad_set_mtu(&mgr_dp.sad, slot, slot % 3 ? 1400 : 0);
}

/* other: the interface of many SAs has prefixes of two lengths. */
static void site_make(bool other)
{
    const struct ip_addr gate = mgr_addr("10.0.0.254"), gate6 = mgr_addr("2001:db8::fe");
    char net[32];
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_addr_add(1, "2001:db8::1", 64) | mgr_route("::/0", 1, "2001:db8::fe"), CV_OK);
    ip_nbr_claim(&mgr_dp.nbrs, 1, &gate, (const uint8_t[6]){2, 1, 1, 1, 1, 1}, mgr->now_ms, &nbr_fix_calls);
    ip_nbr_claim(&mgr_dp.nbrs, 1, &gate6, (const uint8_t[6]){2, 1, 1, 1, 1, 2}, mgr->now_ms, &nbr_fix_calls);
    for (uint32_t i = MANY; i < IFS; i++) {
        struct cv_cmd c = {.type = CV_CMD_IF_SET};
        c.u.interface = (struct cv_if){
            .if_id = i, .kind = CV_IF_TUNNEL, .up = i != DOWN, .tunnel_mode = CV_TUNNEL_IPSEC4};
        c.u.interface.tcp_mss = i == MSS ? 1200 : 0;
        snprintf(c.u.interface.name, sizeof c.u.interface.name, "if%u", i);
        CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
        snprintf(net, sizeof net, "10.%u.0.0/16", i);
        CU_ASSERT_EQUAL_FATAL(mgr_route(net, i, NULL), CV_OK);
    }
    for (uint32_t i = 0; i < SAS; i++) {
        snprintf(net, sizeof net, "10.%u.%u.0/%u", MANY, i & ~(other ? 1u : 0u), other && i % 2 ? 23 : 24);
        sa_make(1 + i, MANY, net);
    }
    sa_make(100, FEW, NULL);
    sa_make(101, FEW, "10.21.7.0/24");
    sa_make(102, MSS, NULL);
    sa_make(103, DOWN, NULL);
    sa_make(104, LIMITED, NULL);
}

/* ---- packets --------------------------------------------------------------------------------------------------------- */
static void addr4(uint8_t *a, bool dst)
{
    static const uint8_t odd[][4] = {{127, 0, 0, 1},   {224, 0, 0, 5},    {0, 0, 0, 0},        {10, 0, 0, 1},
                                     {192, 168, 1, 1}, {192, 168, 1, 77}, {255, 255, 255, 255}};
    if (rnd(12) == 0) {
        memcpy(a, odd[rnd(sizeof odd / sizeof odd[0])], 4);
        return;
    }
    a[0] = dst && rnd(3) ? 10 : 203;
    a[1] = (uint8_t)(MANY + (rnd(2) ? 0 : rnd(IFS - MANY + 1)));
    a[2] = (uint8_t)rnd(SAS + 2);
    a[3] = (uint8_t)(1 + rnd(4));
}

static unsigned packet4(uint8_t *b, uint8_t ttl)
{
    static const unsigned lens[] = {28, 100, 1380, 1400, 1401, 1500, 1501, 1600};
    const unsigned len = lens[rnd(rnd(2) ? 2 : 8)];
    memset(b, 0, len);
    b[0] = 0x45;
    b[2] = (uint8_t)(len >> 8);
    b[3] = (uint8_t)len;
    b[6] = rnd(2) ? 0x40 : 0;
    b[8] = ttl;
    b[9] = IP_PROTO_UDP;
    addr4(b + 12, false);
    addr4(b + 16, true);
    b[24] = (uint8_t)((len - 20) >> 8);
    b[25] = (uint8_t)(len - 20);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    return len;
}

static unsigned packet6(uint8_t *b, uint8_t ttl)
{
    static const uint8_t heads[][2] = {{0x20, 0x02}, {0x20, 0x03}, {0xfe, 0x80}, {0xff, 0x02}, {0, 0}};
    const unsigned len = rnd(4) ? 60 : 1600;
    memset(b, 0, len);
    b[0] = 0x60;
    b[4] = (uint8_t)((len - 40) >> 8);
    b[5] = (uint8_t)(len - 40);
    b[6] = 59;
    b[7] = ttl;
    for (unsigned at = 8; at <= 24; at += 16) {
        memcpy(b + at, heads[rnd(3) ? rnd(2) : rnd(5)], 2);
        b[at + 15] = (uint8_t)rnd(4);
    }
    return len;
}

static void packets_make(struct rte_mbuf *a[BURST], struct rte_mbuf *b[BURST])
{
    static const uint8_t made[] = {DP_LOCAL_ESP, DP_LOCAL, DP_LOCAL_IKE, DP_LOCAL_SEALED};
    static const uint8_t ttls[] = {0, 1, 2, 255};
    static uint8_t octets[OCTETS];
    for (unsigned i = 0; i < BURST; i++) {
        const uint8_t ttl = rnd(4) ? 64 : ttls[rnd(sizeof ttls)];
        const bool v4 = rnd(5) != 0;
        const unsigned len = v4 ? packet4(octets, ttl) : packet6(octets, ttl);
        const uint8_t local_out = rnd(4) ? DP_TRANSIT : made[rnd(sizeof made)];
        struct rte_mbuf **to[] = {&a[i], &b[i]};
        for (unsigned k = 0; k < 2; k++) {
            struct rte_mbuf *m = *to[k] = pkt_of(octets, len);
            (void)ip_classify_ip(m);
            struct dp_meta *meta = dp_meta(m);
            meta->vrf = 0;
            meta->family = v4 ? IP_V4 : IP_V6;
            meta->local_out = local_out;
            meta->if_in = 2;
        }
    }
}

/* ---- what became of them ------------------------------------------------------------------------------------------------ */
struct outcome {
    struct cv_worker_stats stats;
    struct cv_if_stats ifs[IFS + 1];
    struct cv_if_drops lost[IFS + 1];
    unsigned slow, out_count, sent[2];
    struct esp_out_sa *sas[BURST];
    uint16_t len[3][BURST];
    uint8_t octets[3][BURST][OCTETS];
};

static void packet_keep(struct outcome *o, unsigned list, unsigned i, struct rte_mbuf *m)
{
    o->len[list][i] = m->data_len;
    memcpy(o->octets[list][i], rte_pktmbuf_mtod(m, void *), RTE_MIN(m->data_len, (uint16_t)OCTETS));
    uint8_t *ip = o->octets[list][i] + (list < 2 ? RTE_ETHER_HDR_LEN : 0);
    /* A fragment's identification is never twice the same (RFC 6864 4.1, RFC 8200 4.5). */
    if (ip[0] >> 4 == 6 && ip[6] == 44)
        memset(ip + 44, 0, 4);
    if (ip[0] >> 4 == 4 && ((ip[6] & 0x3f) || ip[7])) {
        memset(ip + 4, 0, 2);
        memset(ip + 10, 0, 2);
    }
    rte_pktmbuf_free(m);
}

static void worker_fresh(void)
{
    memset(&worker, 0, sizeof worker);
    worker.dp = &mgr_dp;
    worker.now = rte_rdtsc();
    worker.stats = shm_worker_stats(&mgr_dp.shm, 0);
    worker.if_stats = shm_if_stats(&mgr_dp.shm, 0, 0);
    memset(worker.stats, 0, sizeof *worker.stats);
    memset(worker.if_stats, 0, (IFS + 1) * sizeof *worker.if_stats);
    memset(shm_if_drops(&mgr_dp.shm, 0, 0), 0, (IFS + 1) * sizeof(struct cv_if_drops));
    dp_gate_init(&worker.gates, mgr_dp.shm.tsc_hz);
}

static void outcome_take(struct outcome *o)
{
    struct rte_mbuf *m;
    struct cv_evt e;
    memset(o, 0, sizeof *o);
    while (ring_evt_get(&mgr_dp.shm, &e))
        ;
    dp_flow_end(&worker);
    o->stats = *worker.stats;
    memcpy(o->ifs, worker.if_stats, sizeof o->ifs);
    memcpy(o->lost, shm_if_drops(&mgr_dp.shm, 0, 0), sizeof o->lost);
    while (rte_ring_dequeue(mgr_dp.rings.slow, (void **)&m) == 0 ||
           rte_ring_dequeue(mgr_dp.rings.urgent, (void **)&m) == 0) {
        o->slow++;
        rte_pktmbuf_free(m);
    }
    o->out_count = worker.out_count;
    for (unsigned i = 0; i < worker.out_count; i++) {
        o->sas[i] = worker.out_sas[i];
        packet_keep(o, 2, i, worker.out_pkts[i]);
    }
    for (unsigned p = 0; p < 2; p++) {
        o->sent[p] = worker.txq[p].count;
        for (unsigned i = 0; i < worker.txq[p].count; i++)
            packet_keep(o, p, i, worker.txq[p].pkts[i]);
    }
}

static struct outcome one, other;

static void rounds_run(unsigned *into, unsigned *sent, unsigned *different)
{
    struct rte_mbuf *a[BURST], *b[BURST];
    for (unsigned r = 0; r < ROUNDS; r++) {
        packets_make(a, b);
        worker_fresh();
        for (unsigned i = 0; i < BURST; i++)
            dp_route_packet(&worker, a[i]);
        outcome_take(&one);
        worker_fresh();
        worker.far = r & 1; /* as with few SAs, and as with many */
        dp_mixed_route(&worker, b, BURST);
        outcome_take(&other);
        *different += memcmp(&one, &other, sizeof one) != 0;
        *into += one.out_count;
        *sent += one.sent[0] + one.sent[1];
    }
}

static void every_packet_goes_where_dp_route_packet_lets_it_go(void)
{
    const struct ip_addr far = mgr_addr("203.20.1.1");
    for (unsigned form = 0; form < 3; form++) {
        unsigned into = 0, sent = 0, different = 0;
        site_make(form == 1);
        if (form == 2) /* the path to a destination is known to be narrow */
            CU_ASSERT_TRUE(ip_pmtu_learn(&mgr_dp.pmtus, 0, &far, 1300, mgr->now_ms));
        rounds_run(&into, &sent, &different);
        CU_ASSERT_EQUAL(different, 0);
        CU_ASSERT(into > ROUNDS * BURST / 20 && sent > ROUNDS * BURST / 20);
    }
    ip_pmtu_flush(&mgr_dp.pmtus);
}

/* Packets to be cut before encryption make more of what goes out than a burst had. */
static void a_burst_longer_than_any_received_is_routed_whole(void)
{
    enum { LONG = 200, LEN = 100 };
    struct rte_mbuf *pkts[LONG];
    uint8_t octets[LEN] = {0x45, 0, 0,   LEN, 0, 0, 0,  0,    64, IP_PROTO_UDP,
                           0,    0, 203, 20,  1, 1, 10, MANY, 0,  1};
    site_make(false);
    worker_fresh();
    for (unsigned i = 0; i < LONG; i++) {
        octets[10] = octets[11] = 0;
        octets[18] = (uint8_t)(i % SAS);
        octets[25] = LEN - 20;
        const uint16_t sum = (uint16_t)~ip_fold(ip_sum(octets, 20, 0));
        memcpy(octets + 10, &sum, 2);
        pkts[i] = pkt_of(octets, LEN);
        CU_ASSERT_EQUAL(ip_classify_ip(pkts[i]), IP_CLASS_IP);
        struct dp_meta *meta = dp_meta(pkts[i]);
        meta->vrf = 0;
        meta->family = IP_V4;
        meta->local_out = DP_TRANSIT;
        meta->if_in = 2;
    }
    dp_mixed_route(&worker, pkts, LONG);
    CU_ASSERT_EQUAL_FATAL(worker.out_count, LONG);
    for (unsigned i = 0; i < LONG; i++) {
        CU_ASSERT_PTR_EQUAL(worker.out_pkts[i], pkts[i]);
        CU_ASSERT_PTR_EQUAL(worker.out_sas[i], worker.out_sas[i % SAS]);
        CU_ASSERT(i == 0 || worker.out_sas[i] != worker.out_sas[i - 1]);
        rte_pktmbuf_free(pkts[i]);
    }
    dp_flow_end(&worker);
    worker.out_count = 0;
}

/* ---- what an ICMP error quotes ----------------------------------------------------------------------------------------- */
enum { QUOTE_AT = 28, QUOTE_LEN = 28, ERROR_LEN = QUOTE_AT + QUOTE_LEN };

static void head4(uint8_t *b, unsigned len, uint8_t proto, const uint8_t src[4], const uint8_t dst[4])
{
    memset(b, 0, len);
    b[0] = 0x45;
    b[3] = (uint8_t)len;
    b[8] = 64;
    b[9] = proto;
    memcpy(b + 12, src, 4);
    memcpy(b + 16, dst, 4);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
}

static struct rte_mbuf *transit_of(const uint8_t *octets, unsigned len)
{
    struct rte_mbuf *m = pkt_of(octets, len);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    struct dp_meta *meta = dp_meta(m);
    meta->vrf = 0;
    meta->family = IP_V4;
    meta->local_out = DP_TRANSIT;
    meta->if_in = 2;
    return m;
}

/* RFC 4301 6.2: an error that a router on the way made goes by the SA of what it quotes. Its own ends are nobody's flow: what follows between the same
 * two is asked anew, and finds that no SA's selectors hold it. */
static void an_ICMP_error_teaches_no_flow(void)
{
    static const uint8_t router[] = {198, 51, 100, 1}, host[] = {10, NONE, 7, 5}, far[] = {203, 20, 1, 1};
    uint8_t error[ERROR_LEN], plain[QUOTE_LEN];
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, 120, NONE);
    struct ip_prefix here, there;
    site_make(false);
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse("203.20.0.0/16", &here) && ip_prefix_parse("10.25.7.0/24", &there));
    sa.ts_local[0] = ts_from_prefix(&here, 0, 0, 65535);
    sa.ts_remote[0] = ts_from_prefix(&there, 0, 0, 65535);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);

    head4(error, ERROR_LEN, IP_PROTO_ICMP, router, host);
    error[20] = 3; /* destination unreachable */
    head4(error + QUOTE_AT, QUOTE_LEN, IP_PROTO_UDP, host, far);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(error + 20, ERROR_LEN - 20, 0));
    memcpy(error + 22, &sum, 2);
    head4(plain, QUOTE_LEN, IP_PROTO_UDP, router, host);
    plain[25] = QUOTE_LEN - 20;

    worker_fresh();
    struct rte_mbuf *pkts[] = {transit_of(error, ERROR_LEN), transit_of(plain, QUOTE_LEN)};
    dp_flow_route_all(&worker, pkts, 2);
    CU_ASSERT_EQUAL(worker.out_count, 1);
    CU_ASSERT_EQUAL(worker.stats->drops[CV_DROP_TS_OUT], 1);
    for (unsigned i = 0; i < worker.out_count; i++)
        rte_pktmbuf_free(worker.out_pkts[i]);
    dp_flow_end(&worker);
    worker.out_count = 0;
}

static void everything_ends(void)
{
    mgr_stop();
}

PKT_MAIN("mixed", UNIT_TEST(every_packet_goes_where_dp_route_packet_lets_it_go),
         UNIT_TEST(a_burst_longer_than_any_received_is_routed_whole),
         UNIT_TEST(an_ICMP_error_teaches_no_flow), UNIT_TEST(everything_ends))
