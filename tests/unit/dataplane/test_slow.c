/* The slow path under floods: which class of packets may cost which other one what. */
#include "dataplane/dp_gate.h"
#include "dataplane/dp_init.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_id.h"
#include "dataplane/ip/ip_reass.h"
#include "tests/unit/dataplane/manager.h"

static struct rte_mbuf *packet(enum dp_local made)
{
    struct rte_mbuf *m = pkt_new();
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    dp_meta(m)->family = IP_V4;
    dp_meta(m)->proto = IP_PROTO_ICMP;
    dp_meta(m)->local_out = (uint8_t)made;
    return m;
}

static unsigned passed(struct dp_gates *g, const struct rte_mbuf *m, enum dp_slow what, unsigned tries,
                       uint64_t now)
{
    unsigned n = 0;
    for (unsigned i = 0; i < tries; i++)
        n += dp_gate_pass(g, dp_gate_of(m, what), now);
    return n;
}

static void a_flood_of_one_class_leaves_the_others_their_rate(void)
{
    static const enum dp_slow kinds[] = {DP_SLOW_LOCAL, DP_SLOW_ICMP, DP_SLOW_RESOLVE, DP_SLOW_ARP};
    struct rte_mbuf *m = packet(DP_TRANSIT), *own = packet(DP_LOCAL_ESP);
    for (unsigned i = 0; i < RTE_DIM(kinds); i++) {
        struct dp_gates g;
        dp_gate_init(&g, 1000000000);
        CU_ASSERT_TRUE(passed(&g, m, kinds[i], 100000, 5) < 1100);
        CU_ASSERT_EQUAL(passed(&g, m, kinds[i], 10, 5), 0);
        for (unsigned k = 0; k < RTE_DIM(kinds); k++)
            CU_ASSERT_EQUAL(passed(&g, m, kinds[k], 50, 5), k == i ? 0 : 50);
        CU_ASSERT_EQUAL(passed(&g, own, DP_SLOW_RESOLVE, 100, 5), 100); /* where our ESP goes */
        dp_meta(m)->if_out = 2;                                         /* a scan goes out elsewhere */
        CU_ASSERT_EQUAL(passed(&g, m, DP_SLOW_RESOLVE, 50, 5), 50);
        dp_meta(m)->if_out = 0;
        CU_ASSERT_TRUE(passed(&g, m, kinds[i], 100, 5 + 20000000) >= 39); /* 20 ms later */
    }
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(own);
}

static void neighbours_go_before_everything_else(void)
{
    struct rte_mbuf *m = packet(DP_TRANSIT);
    CU_ASSERT_TRUE(dp_gate_is_urgent(dp_gate_of(m, DP_SLOW_ARP)));
    CU_ASSERT_TRUE(dp_gate_is_urgent(dp_gate_of(m, DP_SLOW_RESOLVE)));
    CU_ASSERT_FALSE(dp_gate_is_urgent(dp_gate_of(m, DP_SLOW_LOCAL)));
    CU_ASSERT_FALSE(dp_gate_is_urgent(dp_gate_of(m, DP_SLOW_ICMP)));
    uint8_t *icmp = (uint8_t *)rte_pktmbuf_append(m, 8);
    icmp[0] = 135;
    dp_meta(m)->family = IP_V6;
    dp_meta(m)->proto = IP_PROTO_ICMP6;
    CU_ASSERT_EQUAL(dp_gate_of(m, DP_SLOW_LOCAL), DP_GATE_ND);
    icmp[0] = 128;
    CU_ASSERT_EQUAL(dp_gate_of(m, DP_SLOW_LOCAL), DP_GATE_LOCAL);
    rte_pktmbuf_free(m);
}

/* A packet of somebody on the link of interface 2 about which an error is due. */
static struct rte_mbuf *trouble(enum ip_trouble t, uint16_t mtu)
{
    uint8_t ip[60] = {0x45, 0, 0, 60, 0, 0, 0, 0, 64, 253, 0, 0, 192, 168, 1, 9, 203, 0, 113, 1};
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, 2);
    struct rte_mbuf *m = pkt_of(ip, sizeof ip);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    CU_ASSERT_NOT_EQUAL(ip_classify_ip(m), IP_CLASS_DROP);
    dp_meta(m)->if_in = 2;
    ip_icmp_trouble(dp_meta(m), t, mtu);
    dp_meta(m)->slow = DP_SLOW_ICMP;
    return m;
}

/* RFC 1191 4: without them a path is a black hole. */
static void other_errors_do_not_use_up_the_rate_of_too_big(void)
{
    mgr_fresh();
    for (unsigned i = 0; i < 500; i++)
        dp_slow_packet(mgr, trouble(IP_TROUBLE_TTL, 0));
    unsigned n = mgr_given(DP_STAGE_ROUTE);
    CU_ASSERT_TRUE(n >= 50 && n <= 150);
    dp_slow_packet(mgr, trouble(IP_TROUBLE_TTL, 0));
    CU_ASSERT_EQUAL(mgr_given(DP_STAGE_ROUTE), 0);
    dp_slow_packet(mgr, trouble(IP_TROUBLE_TOO_BIG, 1400));
    CU_ASSERT_EQUAL(mgr_given(DP_STAGE_ROUTE), 1);
}

/* The error that was handed to the worker: who made it, and its source; 0: there is none. */
static uint32_t error_given(uint8_t *made)
{
    struct rte_mbuf *m;
    uint32_t source = 0;
    while (io_take(mgr_dp.rings.inbox[0], &m, 1) == 1) {
        source = rte_be_to_cpu_32(*rte_pktmbuf_mtod_offset(m, const uint32_t *, 12));
        *made = dp_meta(m)->local_out;
        rte_pktmbuf_free(m);
    }
    return source;
}

static uint32_t error_about_what_came_by(uint32_t if_id, enum ip_trouble t, uint8_t *made)
{
    struct rte_mbuf *m = trouble(t, t == IP_TROUBLE_TOO_BIG ? 1400 : 0);
    dp_meta(m)->if_in = if_id;
    mgr->now_ms += 1000; /* within the rate */
    dp_slow_packet(mgr, m);
    return error_given(made);
}

/* An error quotes the packet: what an SA delivered would be read by everybody on the way back (RFC 4301 6.2). */
static void RFC_4301_6_an_error_about_what_an_SA_delivered_is_sealed(void)
{
    enum { FLOW = 20, TUNNEL = 21, GRE = 22 };
    static const uint32_t inside = 0xc0a80101, outside = 0x0a000001;
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, 1, FLOW);
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    struct ip_prefix in;
    uint8_t made = 0;
    mgr_fresh();
    *i = (struct cv_if){.if_id = FLOW, .kind = CV_IF_FLOW, .up = 1, .flow_port = 1, .name = "M#10.10"};
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    CU_ASSERT_EQUAL(mgr_if(TUNNEL, CV_IF_TUNNEL, 0, NULL), CV_OK);
    *i = (struct cv_if){
        .if_id = GRE, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = CV_TUNNEL_GRE, .name = "T"};
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    /* A flow without an SA, or with one that does not take it: from any address, for the SA of the return traffic. */
    CU_ASSERT_EQUAL(error_about_what_came_by(FLOW, IP_TROUBLE_TTL, &made), outside);
    CU_ASSERT_EQUAL(made, DP_LOCAL_SEALED);
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse("192.168.1.0/24", &in));
    sa.ts_local[0] = ts_from_prefix(&in, 6, 0, 65535);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    CU_ASSERT_EQUAL(error_about_what_came_by(FLOW, IP_TROUBLE_TTL, &made), outside);
    CU_ASSERT_EQUAL(made, DP_LOCAL_SEALED);
    /* One whose selectors hold an address of this host: from there, not from the first there is. */
    sa = mgr_sa(CV_DIR_OUT, 2, FLOW);
    sa.ts_local[0] = ts_from_prefix(&in, 0, 0, 65535);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    CU_ASSERT_EQUAL(error_about_what_came_by(FLOW, IP_TROUBLE_TTL, &made), inside);
    CU_ASSERT_EQUAL(made, DP_LOCAL_SEALED);
    CU_ASSERT_EQUAL(error_about_what_came_by(FLOW, IP_TROUBLE_TOO_BIG, &made), inside);
    /* Tunnels: by their route, but by no port in clear. */
    CU_ASSERT_EQUAL(error_about_what_came_by(TUNNEL, IP_TROUBLE_TTL, &made), outside);
    CU_ASSERT_EQUAL(made, DP_LOCAL_SEALED);
    CU_ASSERT_EQUAL(error_about_what_came_by(GRE, IP_TROUBLE_TTL, &made), outside);
    CU_ASSERT_EQUAL(made, DP_LOCAL); /* it came in clear */
    i->is_protected = 1;
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    CU_ASSERT_EQUAL(error_about_what_came_by(GRE, IP_TROUBLE_TTL, &made), outside);
    CU_ASSERT_EQUAL(made, DP_LOCAL_SEALED);
    CU_ASSERT_EQUAL(error_about_what_came_by(2, IP_TROUBLE_TTL, &made), inside);
    CU_ASSERT_EQUAL(made, DP_LOCAL);
}

/* RFC 3948 2.3: every SA behind a NAT gets one per interval, however many there are and whatever is full. */
static void keepalives_of_many_sas_all_go_out_once_per_interval(void)
{
    enum { SAS = 1000 };
    mgr_fresh();
    for (uint32_t i = 0; i < SAS; i++) {
        struct cv_sa sa = mgr_sa(CV_DIR_OUT, i, 100 + i / 50);
        sa.flags = CV_SA_NATT | CV_SA_BEHIND_NAT;
        sa.local.port = sa.remote.port = 4500;
        sa.keepalive_s = 20;
        if (i % 50 == 0)
            CU_ASSERT_EQUAL(mgr_if(sa.if_id, CV_IF_TUNNEL, 0, NULL), CV_OK);
        CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    }
    for (unsigned interval = 0; interval < 3; interval++) {
        unsigned sent = 0;
        mgr->now += 20ull * mgr_dp.shm.tsc_hz;
        struct rte_mbuf *taken[900]; /* for a while hardly a buffer is left */
        unsigned held = 0;
        while (held < RTE_DIM(taken) && (taken[held] = rte_pktmbuf_alloc(pkt_pool)) != NULL)
            held++;
        for (unsigned call = 0; call < 5; call++)
            dp_slow_keepalives(mgr);
        sent += mgr_given(DP_STAGE_ROUTE);
        CU_ASSERT_TRUE(sent > 0 && sent < SAS);
        rte_pktmbuf_free_bulk(taken, held);
        for (unsigned call = 0; call < 20; call++) {
            dp_slow_keepalives(mgr);
            sent += mgr_given(DP_STAGE_ROUTE);
        }
        CU_ASSERT_EQUAL(sent, SAS);
    }
}

static void a_pool_covers_what_drivers_and_rings_keep(void)
{
    for (unsigned ports = 1; ports <= CV_MAX_PORTS; ports++)
        CU_ASSERT_TRUE(dp_init_big_count(ports) > ports * IO_DESCRIPTORS + IO_INBOX_SLOTS +
                                                      IP_NBR_PENDING_HOST + IP_NBR_PENDING_ICMP +
                                                      ports * IO_BURST);
}

/* Lone fragments from anybody, as many as are kept, leave the receive rings of jumbo ports full. */
static void fragments_held_do_not_starve_jumbo_ports(void)
{
    for (unsigned workers = 1; workers <= CV_MAX_WORKERS; workers++)
        for (unsigned ports = 1; ports <= CV_MAX_PORTS; ports++)
            CU_ASSERT_TRUE(dp_init_jumbo_count(ports, workers) >
                           workers * (ports * 2 * IO_DESCRIPTORS + IP_REASS_FRAGMENTS));
    CU_ASSERT_TRUE(dp_init_jumbo_count(0, CV_MAX_WORKERS) <
                   IO_DESCRIPTORS); /* nobody pays for what is not there */
}

/* ---- identifications ---------------------------------------------------------------------------------------------- */
/* An echo request of somebody on the link of interface 2 to this host. */
static void asked(void)
{
    struct cv_ping p = {.id = 5, .seq = 6, .size = 56};
    p.src = mgr_addr("192.168.1.9");
    p.dst = mgr_addr("192.168.1.1");
    struct rte_mbuf *m = pkt_new();
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    ip_icmp_echo(m, &p);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    dp_meta(m)->if_in = 2;
    dp_meta(m)->slow = DP_SLOW_LOCAL;
    dp_slow_packet(mgr, m);
}

static void ping(bool df)
{
    struct cv_ping p = {.id = 7, .seq = 8, .size = 56, .df = df};
    p.src = mgr_addr("192.168.1.1");
    p.dst = mgr_addr("192.168.1.9");
    CU_ASSERT_EQUAL(dp_slow_ping(mgr, &p), CV_OK);
}

static void ike(void)
{
    static struct cv_ike_pkt p;
    p.local.addr = mgr_addr("10.0.0.1");
    p.remote.addr = mgr_addr("10.0.0.2");
    p.local.port = p.remote.port = 500;
    p.len = 1800;
    CU_ASSERT_TRUE(dp_slow_inject(mgr, &p));
}

/* Of the one packet that was handed to the worker, whose header's checksum is right. */
static uint32_t identification_given(void)
{
    struct rte_mbuf *m;
    CU_ASSERT_EQUAL_FATAL(io_take(mgr_dp.rings.inbox[0], &m, 1), 1);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t id = (uint32_t)ip[4] << 8 | ip[5];
    CU_ASSERT_EQUAL(ip_fold(ip_sum(ip, 20, 0)), 0xffff);
    CU_ASSERT_EQUAL(dp_meta(m)->stage, DP_STAGE_ROUTE);
    rte_pktmbuf_free(m);
    return id;
}

static uint32_t next_of(uint32_t id)
{
    return id == UINT16_MAX ? 1 : id + 1;
}

/* Of what is made here two that may be cut, and go to one destination, do not have the same one; nor none, which AH could not give them
 * later. */
static void RFC_6864_4_3_what_is_made_here_and_may_be_cut_has_its_own_identification(void)
{
    mgr_fresh();
    asked();
    ike();
    uint32_t icmp_want = identification_given(), ike_want = identification_given();
    for (unsigned i = 0; i < 12; i++) {
        mgr->now_ms += 1000;
        if (i % 4 == 0)
            asked();
        else if (i % 4 == 1)
            dp_slow_packet(mgr, trouble(IP_TROUBLE_TTL, 0));
        else if (i % 4 == 2)
            ike();
        else
            ping(false);
        uint32_t *want = i % 4 == 2 ? &ike_want : &icmp_want;
        *want = next_of(*want);
        CU_ASSERT_EQUAL(identification_given(), *want); /* whoever pings moves those of ICMP alone */
    }
    ping(true);
    CU_ASSERT_EQUAL(identification_given(), 0); /* atomic: it may have any (RFC 6864 4.1) */
    ping(false);
    CU_ASSERT_EQUAL(identification_given(), next_of(icmp_want));
}

static uint16_t written(uint8_t proto, uint8_t last, uint16_t vrf, const struct ip_hash_key *key,
                        uint16_t *count)
{
    uint8_t ip[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, last};
    ip_id_write(ip, vrf, key, count);
    return (uint16_t)(ip[4] << 8 | ip[5]);
}

static void RFC_6864_4_3_identifications_of_a_destination_come_again_after_65535(void)
{
    static uint32_t at[UINT16_MAX + 1];
    for (uint8_t last = 1; last < 4; last++) {
        uint16_t count = (uint16_t)(UINT16_MAX - last);
        memset(at, 0, sizeof at);
        unsigned early = 0;
        for (uint32_t i = 1; i <= 3 * UINT16_MAX; i++) {
            const uint16_t id = written(17, last, 0, &mgr->id_key, &count);
            early += id == 0 || (at[id] != 0 && i - at[id] < UINT16_MAX);
            at[id] = i;
        }
        CU_ASSERT_EQUAL(early, 0);
    }
}

/* How far the second identification is from the first, where nobody has sent anything in between. */
static uint32_t apart(const struct ip_hash_key *key, const uint8_t proto[2], const uint8_t last[2],
                      const uint16_t vrf[2])
{
    uint16_t count = 7, same = 7;
    const uint32_t a = written(proto[0], last[0], vrf[0], key, &count),
                   b = written(proto[1], last[1], vrf[1], key, &same);
    return (b + UINT16_MAX - a) % UINT16_MAX;
}

/* Of another destination, another protocol, the same address elsewhere: under each key it is another step. */
static void what_one_destination_is_sent_does_not_foretell_what_another_is(void)
{
    static const uint8_t same[2] = {17, 17}, echo_and_ike[2] = {1, 17}, one[2] = {9, 9}, two[2] = {9, 2};
    static const uint16_t here[2] = {0, 0}, elsewhere[2] = {0, 1};
    enum { KEYS = 8 };
    uint32_t seen[3][KEYS];
    CU_ASSERT_EQUAL(apart(&mgr->id_key, same, one, here), 0);
    for (unsigned k = 0; k < KEYS; k++) {
        struct ip_hash_key key;
        CU_ASSERT_TRUE_FATAL(ip_hash_key_make(&key));
        seen[0][k] = apart(&key, same, two, here);
        seen[1][k] = apart(&key, echo_and_ike, one, here);
        seen[2][k] = apart(&key, same, one, elsewhere);
    }
    for (unsigned row = 0; row < 3; row++) {
        unsigned alike = 0;
        for (unsigned k = 1; k < KEYS; k++)
            alike += seen[row][k] == seen[row][0];
        CU_ASSERT(alike < 2);
    }
}

/* Aumasson and Bernstein, SipHash: of the reference's vectors the one of 8 octets. */
static void SipHash_2_4_vector(void)
{
    const struct ip_hash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
    CU_ASSERT_EQUAL(ip_id_hash(&key, 0x0706050403020100), 0x93f5f5799a932462);
}

/* Each start has its own. */
static void the_key_of_identifications_is_random(void)
{
    struct dp_manager *other;
    mgr_fresh();
    CU_ASSERT_EQUAL_FATAL(dp_manager_new(&mgr_dp, &other), CV_OK);
    CU_ASSERT(other->id_key.k[0] != mgr->id_key.k[0] && other->id_key.k[1] != mgr->id_key.k[1]);
    CU_ASSERT(mgr->id_key.k[0] != 0 && mgr->id_key.k[1] != 0);
    dp_manager_free(other);
}

static void everything_ends(void)
{
    mgr_stop();
}

PKT_MAIN("slow", UNIT_TEST(a_flood_of_one_class_leaves_the_others_their_rate),
         UNIT_TEST(neighbours_go_before_everything_else),
         UNIT_TEST(other_errors_do_not_use_up_the_rate_of_too_big),
         UNIT_TEST(RFC_4301_6_an_error_about_what_an_SA_delivered_is_sealed),
         UNIT_TEST(keepalives_of_many_sas_all_go_out_once_per_interval),
         UNIT_TEST(a_pool_covers_what_drivers_and_rings_keep),
         UNIT_TEST(fragments_held_do_not_starve_jumbo_ports),
         UNIT_TEST(RFC_6864_4_3_what_is_made_here_and_may_be_cut_has_its_own_identification),
         UNIT_TEST(RFC_6864_4_3_identifications_of_a_destination_come_again_after_65535),
         UNIT_TEST(what_one_destination_is_sent_does_not_foretell_what_another_is),
         UNIT_TEST(SipHash_2_4_vector), UNIT_TEST(the_key_of_identifications_is_random),
         UNIT_TEST(everything_ends))
