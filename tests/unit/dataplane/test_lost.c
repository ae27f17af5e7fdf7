/* Which interface a dropped packet is counted at, in which direction, and under what: there and nowhere else. */
#include "dataplane/dp_drop.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_transit.h"
#include "dataplane/dp_worker.h"
#include "dataplane/esp/esp_bad.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "tests/unit/dataplane/manager.h"
#include "tests/unit/dataplane/nbr_fix.h"

enum { PORT = 1, INSIDE, VTI = 20, OTHER, GRE, FLOW, IFS, SA_OUT = 1, SA_IN, SA_OTHER, SA_FLOW };

static struct dp_worker *worker;

/* ---- the site ---------------------------------------------------------------------------------------------------- */
static void tunnel_set(uint32_t id, const char *dst, enum cv_tunnel_mode mode, uint64_t bps)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    *i = (struct cv_if){.if_id = id, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = (uint8_t)mode};
    i->is_protected = mode == CV_TUNNEL_GRE;
    i->tunnel_src = mgr_addr("10.0.0.1");
    i->tunnel_dst = mgr_addr(dst);
    i->police[CV_DIR_IN] = i->police[CV_DIR_OUT] = (struct cv_police){.bps = bps, .burst = 100};
    snprintf(i->name, sizeof i->name, "Tunnel%u", id);
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
}

static void sa_set(enum cv_dir dir, uint32_t slot, uint32_t if_id, const char *remote)
{
    struct cv_sa sa = mgr_sa(dir, slot, if_id);
    struct ip_prefix p;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(remote, &p));
    sa.ts_remote[0] = ts_from_prefix(&p, 0, 0, 65535);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa), CV_OK);
    if (dir == CV_DIR_OUT)
        CU_ASSERT_EQUAL_FATAL(mgr_sa_activate(&sa), CV_OK);
    if (dir == CV_DIR_OUT)
        dp_sad_set_mtu(&mgr_dp.sad, slot, 1400);
}

static void policy_row(uint32_t order, uint8_t action, const char *remote)
{
    struct cv_cmd c = {.type = CV_CMD_POLICY_ADD};
    struct ip_prefix p;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(remote, &p));
    c.u.policy = (struct cv_policy){.if_id = PORT, .order = order, .action = action};
    c.u.policy.flow_if = action == CV_POLICY_DISCARD ? 0 : FLOW;
    c.u.policy.local = ts_any(IP_V4);
    c.u.policy.remote = ts_from_prefix(&p, 0, 0, 65535);
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
}

static void map_set(uint64_t bps)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    *i = (struct cv_if){.if_id = FLOW, .kind = CV_IF_FLOW, .up = 1, .flow_port = PORT, .name = "M#10.1"};
    i->police[CV_DIR_IN] = i->police[CV_DIR_OUT] = (struct cv_police){.bps = bps, .burst = 100};
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
    c = (struct cv_cmd){.type = CV_CMD_POLICY_BEGIN};
    c.u.if_id = PORT;
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
    policy_row(1, CV_POLICY_PROTECT, "10.40.0.0/16");
    policy_row(2, CV_POLICY_DISCARD, "10.41.0.0/16");
    c = (struct cv_cmd){.type = CV_CMD_POLICY_COMMIT};
    c.u.if_id = PORT;
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
}

static void site_make(uint64_t bps)
{
    mgr_fresh();
    tunnel_set(VTI, "198.51.100.9", CV_TUNNEL_IPSEC4, bps);
    tunnel_set(OTHER, "198.51.100.8", CV_TUNNEL_IPSEC4, 0);
    tunnel_set(GRE, "198.51.100.7", CV_TUNNEL_GRE, bps);
    CU_ASSERT_EQUAL_FATAL(mgr_route("10.20.0.0/16", VTI, NULL) | mgr_route("10.21.0.0/16", OTHER, NULL) |
                              mgr_route("10.22.0.0/16", GRE, NULL),
                          CV_OK);
    mgr_dp.engine = mgr_dp.sad.engine = fix_engine();
    mgr_dp.mbuf_room = 2048;
    dp_owners_init(&mgr_dp.owners, 1);
    dp_worker_free(worker);
    CU_ASSERT_EQUAL_FATAL(dp_worker_new(&mgr_dp, 0, 0, &worker), CV_OK);
    worker->now = worker->esp.now_tsc = rte_rdtsc();
    memset(worker->stats, 0, sizeof *worker->stats);
    memset(shm_if_drops(&mgr_dp.shm, 0, 0), 0, IFS * sizeof(struct cv_if_drops));
}

/* ---- what is counted --------------------------------------------------------------------------------------------- */
static uint64_t all_lost(void)
{
    uint64_t n = 0;
    for (uint32_t id = 0; id < IFS; id++)
        for (unsigned i = 0; i < 2 * CV_IF_DROP_COUNT; i++)
            n += shm_if_drops(&mgr_dp.shm, 0, id)->n[i / CV_IF_DROP_COUNT][i % CV_IF_DROP_COUNT];
    return n;
}

/* Since this was asked last: one packet, for this reason, there alone. */
static bool one_lost(uint32_t id, enum cv_dir dir, enum cv_if_drop what, enum cv_drop why)
{
    struct rte_mbuf *m;
    const bool so = shm_if_drops(&mgr_dp.shm, 0, id)->n[dir][what] == 1 && all_lost() == 1 &&
                    worker->stats->drops[why] == 1;
    memset(shm_if_drops(&mgr_dp.shm, 0, 0), 0, IFS * sizeof(struct cv_if_drops));
    worker->stats->drops[why] = 0;
    while (io_take(mgr_dp.rings.slow, &m, 1) == 1 || io_take(mgr_dp.rings.urgent, &m, 1) == 1)
        rte_pktmbuf_free(m);
    while (worker->out_count)
        rte_pktmbuf_free(worker->out_pkts[--worker->out_count]);
    worker->flow.valid = worker->hop.valid = false;
    worker->gre.tunnel = NULL;
    worker->asked.policy = NULL;
    return so;
}

/* UDP from 192.168.1.9 to 10.NET.0.1, as it came in by INSIDE. */
static struct rte_mbuf *packet_to(uint8_t net, uint16_t len, bool df)
{
    uint8_t b[1600] = {0x45, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 1, df ? 0x40 : 0, 0, 64, IP_PROTO_UDP};
    const uint8_t src[4] = {192, 168, 1, 9}, dst[4] = {10, net, 0, 1};
    memcpy(b + 12, src, 4);
    memcpy(b + 16, dst, 4);
    b[24] = (uint8_t)((len - 20) >> 8);
    b[25] = (uint8_t)(len - 20);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    struct rte_mbuf *m = pkt_of(b, len);
    CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_IP);
    dp_meta(m)->vrf = 0;
    dp_meta(m)->local_out = DP_TRANSIT;
    dp_meta(m)->if_in = INSIDE;
    return m;
}

static void routed(uint8_t net, uint16_t len, bool df)
{
    dp_route_packet(worker, packet_to(net, len, df));
}

/* ESP of `spi` that came in by PORT, from 198.51.100.LAST. */
static struct rte_mbuf *esp_from(uint8_t last, uint32_t spi)
{
    uint8_t b[60] = {0x45, 0, 0, 60, 0, 1, 0, 0, 64, IP_PROTO_ESP, 0, 0, 198, 51, 100, last, 10, 0, 0, 1};
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    struct rte_mbuf *m = pkt_of(b, sizeof b);
    (void)ip_classify_ip(m);
    dp_meta(m)->spi = spi;
    dp_meta(m)->vrf = 0;
    dp_meta(m)->local_out = DP_TRANSIT;
    dp_meta(m)->if_in = PORT;
    return m;
}

/* ---- tunnels ----------------------------------------------------------------------------------------------------- */
static void what_goes_into_a_tunnel(void)
{
    site_make(0);
    routed(20, 100, false);
    CU_ASSERT(one_lost(VTI, CV_DIR_OUT, CV_IF_DROP_NO_SA, CV_DROP_NO_SA));
    sa_set(CV_DIR_OUT, SA_OUT, VTI, "10.20.7.0/24");
    routed(20, 100, false);
    CU_ASSERT(one_lost(VTI, CV_DIR_OUT, CV_IF_DROP_TS, CV_DROP_TS_OUT));
    routed(21, 100, false);
    CU_ASSERT(one_lost(OTHER, CV_DIR_OUT, CV_IF_DROP_NO_SA, CV_DROP_NO_SA));
    sa_set(CV_DIR_OUT, SA_OTHER, OTHER, "0.0.0.0/0");
    routed(21, 1401, true);
    CU_ASSERT(one_lost(OTHER, CV_DIR_OUT, CV_IF_DROP_TOO_BIG, CV_DROP_TOO_BIG));
    struct rte_mbuf *m = packet_to(21, 100, false);
    dp_meta(m)->local_out = DP_LOCAL_ESP;
    dp_route_packet(worker, m);
    CU_ASSERT(one_lost(OTHER, CV_DIR_OUT, CV_IF_DROP_OTHER, CV_DROP_TUNNEL_LOOP));
    routed(21, 1400, true); /* goes */
    CU_ASSERT_EQUAL(all_lost(), 0);
    CU_ASSERT_FALSE(one_lost(OTHER, CV_DIR_OUT, CV_IF_DROP_TOO_BIG, CV_DROP_TOO_BIG));
}

static void what_goes_into_a_GRE_tunnel(void)
{
    site_make(8);
    routed(22, 100, false);
    CU_ASSERT(one_lost(GRE, CV_DIR_OUT, CV_IF_DROP_NO_SA, CV_DROP_NO_SA));
    sa_set(CV_DIR_OUT, SA_OUT, GRE, "10.20.7.0/24");
    routed(22, 100, false);
    CU_ASSERT(one_lost(GRE, CV_DIR_OUT, CV_IF_DROP_TS, CV_DROP_TS_OUT));
    sa_set(CV_DIR_OUT, SA_OTHER, GRE, "0.0.0.0/0");
    routed(22, 1400, true);
    CU_ASSERT(one_lost(GRE, CV_DIR_OUT, CV_IF_DROP_TOO_BIG, CV_DROP_TOO_BIG));
    routed(22, 100, false); /* all of the burst */
    CU_ASSERT_EQUAL(all_lost(), 0);
    routed(22, 100, false);
    CU_ASSERT(one_lost(GRE, CV_DIR_OUT, CV_IF_DROP_POLICED, CV_DROP_POLICED));
}

/* Two packets of 100 octets each way, by the network that leads there: the first is all of the burst. */
static void over_the_rate(uint32_t id, uint8_t net)
{
    for (unsigned i = 0; i < 2; i++) {
        routed(net, 100, false);
        CU_ASSERT_EQUAL(all_lost(), i);
    }
    CU_ASSERT(one_lost(id, CV_DIR_OUT, CV_IF_DROP_POLICED, CV_DROP_POLICED));
    for (unsigned i = 0; i < 2; i++) {
        struct rte_mbuf *m = packet_to(99, 100, false);
        dp_meta(m)->if_in = id;
        dp_worker_decapsulated(worker, &m, 1);
        CU_ASSERT_EQUAL(all_lost(), i);
    }
    CU_ASSERT(one_lost(id, CV_DIR_IN, CV_IF_DROP_POLICED, CV_DROP_POLICED));
}

static void what_is_over_the_rate_of_a_tunnel(void)
{
    site_make(8);
    sa_set(CV_DIR_OUT, SA_OUT, VTI, "0.0.0.0/0");
    over_the_rate(VTI, 20);
}

static void what_is_over_the_rate_of_a_line(void)
{
    site_make(0);
    map_set(8);
    sa_set(CV_DIR_OUT, SA_FLOW, FLOW, "0.0.0.0/0");
    over_the_rate(FLOW, 40);
}

static void what_the_SA_of_a_tunnel_does_not_let_in(void)
{
    static const struct {
        enum cv_drop why;
        enum cv_if_drop what;
    } t[] = {{CV_DROP_ESP_AUTH, CV_IF_DROP_AUTH},     {CV_DROP_AH_AUTH, CV_IF_DROP_AUTH},
             {CV_DROP_REPLAY_OLD, CV_IF_DROP_REPLAY}, {CV_DROP_REPLAY_DUP, CV_IF_DROP_REPLAY},
             {CV_DROP_TS_IN, CV_IF_DROP_TS},          {CV_DROP_LIFETIME, CV_IF_DROP_NO_SA},
             {CV_DROP_ESP_PAD, CV_IF_DROP_OTHER},     {CV_DROP_ECN, CV_IF_DROP_OTHER},
             {CV_DROP_CRYPTO_LOST, CV_IF_DROP_OTHER}};
    site_make(0);
    sa_set(CV_DIR_IN, SA_IN, VTI, "0.0.0.0/0");
    const uint32_t spi = mgr_sa(CV_DIR_IN, SA_IN, VTI).ref.spi;
    for (unsigned i = 0; i < RTE_DIM(t); i++) {
        struct rte_mbuf *m = esp_from(9, spi);
        dp_meta(m)->drop = (uint8_t)t[i].why;
        dp_drop_esp(worker, m);
        CU_ASSERT(one_lost(VTI, CV_DIR_IN, t[i].what, t[i].why));
    }
    struct rte_mbuf *m = esp_from(9, spi); /* taken as meant */
    dp_meta(m)->drop = CV_DROP_DUMMY;
    dp_drop_esp(worker, m);
    CU_ASSERT_EQUAL(all_lost(), 0);
    CU_ASSERT_EQUAL(worker->stats->drops[CV_DROP_DUMMY], 1);
    dp_drop_unknown_spi(worker, esp_from(9, spi)); /* to an address of ours that is not the SA's */
    CU_ASSERT(one_lost(VTI, CV_DIR_IN, CV_IF_DROP_NO_SA, CV_DROP_WRONG_PEER));
}

/* How many BAD_PACKET events there are about the SA; *last: the last one. */
static unsigned bad_events(uint32_t spi, struct cv_bad_packet *last)
{
    static struct cv_evt e;
    unsigned n = 0;
    while (ring_evt_get(&mgr_dp.shm, &e))
        if (e.type == CV_EVT_BAD_PACKET && e.u.sa_event.ref.spi == spi) {
            *last = e.u.bad_packet;
            n++;
        }
    return n;
}

static void bad(uint32_t spi, enum cv_drop why, uint32_t seq)
{
    struct rte_mbuf *m = esp_from(77, spi);
    const uint32_t be[2] = {rte_cpu_to_be_32(spi), rte_cpu_to_be_32(seq)};
    memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 20), be, sizeof be);
    dp_meta(m)->drop = (uint8_t)why;
    dp_drop_esp(worker, m);
}

static void RFC_4303_3_4_4_who_floods_one_SA_does_not_hide_what_another_drops(void)
{
    struct cv_bad_packet e;
    char text[IP_TEXT_MAX];
    site_make(0);
    sa_set(CV_DIR_IN, SA_IN, VTI, "0.0.0.0/0");
    sa_set(CV_DIR_IN, SA_OTHER, OTHER, "0.0.0.0/0");
    const uint32_t one = mgr_sa(CV_DIR_IN, SA_IN, VTI).ref.spi,
                   other = mgr_sa(CV_DIR_IN, SA_OTHER, OTHER).ref.spi;
    const bool was = mgr_dp.connected;
    mgr_dp.connected = true;
    (void)bad_events(one, &e);
    worker->bad = 0;
    for (uint32_t i = 0; i < 1000; i++)
        bad(one, CV_DROP_ESP_AUTH, 500 + i);
    CU_ASSERT_EQUAL(bad_events(one, &e), 1);
    CU_ASSERT_EQUAL(e.sa.reason, CV_DROP_ESP_AUTH);
    CU_ASSERT_EQUAL(e.seq, 500);
    CU_ASSERT(e.seen && e.quoted_len == 0);
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&e.sa.remote.addr, text),
                           "198.51.100.77"); /* who sent it, not the peer */
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&e.sa.local.addr, text), "10.0.0.1");
    bad(one, CV_DROP_REPLAY_DUP, 9); /* another reason has its turn, and so has another SA */
    bad(other, CV_DROP_ESP_AUTH, 10);
    bad(other, CV_DROP_DUMMY, 11);
    CU_ASSERT_EQUAL(bad_events(other, &e), 1);
    bad(one, CV_DROP_REPLAY_DUP, 12);
    CU_ASSERT_EQUAL(bad_events(one, &e), 0);
    worker->now += ESP_BAD_SECONDS * mgr_dp.shm.tsc_hz;
    bad(one, CV_DROP_ESP_AUTH, 13);
    CU_ASSERT_EQUAL(bad_events(one, &e), 1);
    worker->bad = worker->now + worker->bad_rate.depth * 2; /* of all there were enough */
    bad(other, CV_DROP_TS_IN, 14);
    CU_ASSERT_EQUAL(bad_events(other, &e), 0);
    worker->bad = 0;
    bad(other, CV_DROP_TS_IN, 15); /* and it still has its turn */
    CU_ASSERT_EQUAL(bad_events(other, &e), 1);
    CU_ASSERT(e.seq == 15);
    mgr_dp.connected = was;
    (void)all_lost();
}

static void what_an_SA_did_not_send(void)
{
    site_make(0);
    struct rte_mbuf *m = packet_to(20, 100, false);
    dp_meta(m)->if_out = OTHER; /* as esp_out_burst leaves it */
    dp_meta(m)->drop = CV_DROP_SEQ_EXHAUSTED;
    dp_drop_esp_out(worker, m);
    CU_ASSERT(one_lost(OTHER, CV_DIR_OUT, CV_IF_DROP_NO_SA, CV_DROP_SEQ_EXHAUSTED));
}

/* A peer that still sends by an SA of before: the tunnel to it is the one that has trouble. */
static void ESP_of_an_SPI_that_nobody_has(void)
{
    site_make(0);
    dp_route_packet(worker, esp_from(9, 0x40000001));
    CU_ASSERT(one_lost(VTI, CV_DIR_IN, CV_IF_DROP_NO_SA, CV_DROP_UNKNOWN_SPI));
    dp_route_packet(worker, esp_from(7, 0x40000001));
    CU_ASSERT(one_lost(GRE, CV_DIR_IN, CV_IF_DROP_NO_SA, CV_DROP_UNKNOWN_SPI));
    dp_route_packet(worker, esp_from(66, 0x40000001)); /* of a stranger */
    CU_ASSERT(one_lost(PORT, CV_DIR_IN, CV_IF_DROP_NO_SA, CV_DROP_UNKNOWN_SPI));
}

/* ---- crypto maps ------------------------------------------------------------------------------------------------- */
static void what_a_crypto_map_takes_and_refuses(void)
{
    site_make(0);
    map_set(0);
    routed(40, 100, false);
    CU_ASSERT(one_lost(FLOW, CV_DIR_OUT, CV_IF_DROP_NO_SA, CV_DROP_NO_SA));
    routed(41, 100, false);
    CU_ASSERT(one_lost(PORT, CV_DIR_OUT, CV_IF_DROP_POLICY, CV_DROP_POLICY_DENY));
    sa_set(CV_DIR_OUT, SA_FLOW, FLOW, "0.0.0.0/0");
    routed(40, 1401, true);
    CU_ASSERT(one_lost(FLOW, CV_DIR_OUT, CV_IF_DROP_TOO_BIG, CV_DROP_TOO_BIG));
}

/* ---- on the way to another worker --------------------------------------------------------------------------------- */
/* m finds the ring full. */
static void handed(struct rte_mbuf *m, enum dp_stage stage)
{
    struct rte_ring *inbox = mgr_dp.rings.inbox[0];
    struct rte_mbuf *filler = packet_to(99, 100, false), *same;
    while (rte_ring_mp_enqueue(inbox, filler) == 0)
        ;
    dp_hand_over(worker, 0, m, stage);
    dp_hand_flush(worker, 0);
    while (rte_ring_dequeue(inbox, (void **)&same) == 0)
        CU_ASSERT_PTR_EQUAL(same, filler);
    rte_pktmbuf_free(filler);
}

static void what_does_not_fit_into_a_ring(void)
{
    site_make(0);
    map_set(0);
    sa_set(CV_DIR_IN, SA_IN, VTI, "0.0.0.0/0");
    sa_set(CV_DIR_IN, SA_FLOW, FLOW, "0.0.0.0/0");
    handed(esp_from(66, mgr_sa(CV_DIR_IN, SA_IN, VTI).ref.spi), DP_STAGE_ESP_IN);
    CU_ASSERT(one_lost(VTI, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    handed(esp_from(9, mgr_sa(CV_DIR_IN, SA_FLOW, FLOW).ref.spi), DP_STAGE_ESP_IN);
    CU_ASSERT(one_lost(FLOW, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    handed(esp_from(9, 0x40000001), DP_STAGE_ESP_IN);
    CU_ASSERT(one_lost(VTI, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    handed(esp_from(66, 0x40000001), DP_STAGE_ESP_IN);
    CU_ASSERT(one_lost(PORT, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    struct rte_mbuf *m = packet_to(99, 100, false);
    dp_meta(m)->port = ip_if_get(&mgr_dp.ifs, PORT)->port;
    handed(m, DP_STAGE_FRAME);
    CU_ASSERT(one_lost(PORT, CV_DIR_OUT, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    handed(packet_to(99, 100, false), DP_STAGE_PIECE);
    CU_ASSERT(one_lost(INSIDE, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    m = packet_to(99, 100, false);
    dp_meta(m)->if_in = GRE;
    handed(m, DP_STAGE_GRE_PIECE);
    CU_ASSERT(one_lost(GRE, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    m = packet_to(99, 100, false); /* to ourselves */
    dp_meta(m)->local_out = DP_LOCAL_PING;
    handed(m, DP_STAGE_PIECE);
    CU_ASSERT(one_lost(0, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
}

/* A bucket that is on its way to this worker, which has as many packets of it as it keeps. */
static void what_finds_no_parking_place(void)
{
    site_make(0);
    sa_set(CV_DIR_IN, SA_IN, VTI, "0.0.0.0/0");
    worker->parked.own_count = worker->parked.handed_count = DP_PARK_MAX;
    dp_owner_landed(worker, esp_from(66, mgr_sa(CV_DIR_IN, SA_IN, VTI).ref.spi));
    CU_ASSERT(one_lost(VTI, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    CU_ASSERT_FALSE(dp_owner_handed(worker, esp_from(66, mgr_sa(CV_DIR_IN, SA_IN, VTI).ref.spi)));
    CU_ASSERT(one_lost(VTI, CV_DIR_IN, CV_IF_DROP_OTHER, CV_DROP_HANDOFF_FULL));
    worker->parked.own_count = worker->parked.handed_count = 0;
}

/* ---- neither --------------------------------------------------------------------------------------------------------- */
static void what_the_route_drops_is_no_interface_s(void)
{
    struct cv_cmd c = {.type = CV_CMD_ROUTE_DEL};
    site_make(0);
    CU_ASSERT_TRUE(ip_prefix_parse("0.0.0.0/0", &c.u.route.prefix));
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    worker->hop.valid = false;
    routed(99, 100, false);
    CU_ASSERT_EQUAL(worker->stats->drops[CV_DROP_NO_ROUTE], 1);
    CU_ASSERT_EQUAL(all_lost(), 0);
    CU_ASSERT_FALSE(one_lost(PORT, CV_DIR_OUT, CV_IF_DROP_OTHER, CV_DROP_NO_ROUTE));
}

static void a_port_that_takes_no_more_has_lost_it(void)
{
    site_make(0);
    routed(99, 1501, true);
    CU_ASSERT(one_lost(PORT, CV_DIR_OUT, CV_IF_DROP_TOO_BIG, CV_DROP_TOO_BIG));
}

static void everything_ends(void)
{
    dp_worker_free(worker);
    mgr_stop();
}

PKT_MAIN("what interfaces lose", UNIT_TEST(what_goes_into_a_tunnel), UNIT_TEST(what_goes_into_a_GRE_tunnel),
         UNIT_TEST(what_is_over_the_rate_of_a_tunnel), UNIT_TEST(what_is_over_the_rate_of_a_line),
         UNIT_TEST(what_the_SA_of_a_tunnel_does_not_let_in),
         UNIT_TEST(RFC_4303_3_4_4_who_floods_one_SA_does_not_hide_what_another_drops),
         UNIT_TEST(what_an_SA_did_not_send), UNIT_TEST(ESP_of_an_SPI_that_nobody_has),
         UNIT_TEST(what_a_crypto_map_takes_and_refuses), UNIT_TEST(what_does_not_fit_into_a_ring),
         UNIT_TEST(what_finds_no_parking_place), UNIT_TEST(what_the_route_drops_is_no_interface_s),
         UNIT_TEST(a_port_that_takes_no_more_has_lost_it), UNIT_TEST(everything_ends))
