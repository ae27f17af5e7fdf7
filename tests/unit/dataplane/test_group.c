/* Groups (dp_group.h) where somebody wants them to go wrong, or something around them changes that no table says. What they leave of common and odd packets is held
 * against the long way by test_run.c. */
#include "dataplane/dp_flow.h"
#include "dataplane/dp_group.h"
#include "dataplane/dp_run.h"
#include "dataplane/dp_transit.h"
#include "tests/unit/dataplane/run_far.h"
#include "tests/unit/dataplane/run_site.h"

enum { BURST = IO_BURST };

static struct frame burst[BURST];
static bool behind; /* a table changes between a burst's beginning and its groups */
static const struct flow home = {
    .src = {10, 20, 1, 1}, .dst = {192, 168, 1, 77}, .proto = 17, .ttl = 64, .len = 100};

/* Inside, from the far end to `dst`. */
static struct flow flow_to(uint8_t b, uint8_t c, unsigned len)
{
    return (struct flow){.src = {10, 20, 1, 1}, .dst = {10, b, c, 9}, .proto = 17, .ttl = 64, .len = len};
}

/* Two SAs come in, each from its tunnel. */
static void begin_with(const struct form *f)
{
    const struct cv_sa back = sa_of(f, CV_DIR_IN, IN_SLOT, TUNNEL),
                       other = sa_of(f, CV_DIR_IN, OTHER_SLOT, OTHER);
    if (!worker) {
        mgr_start();
        ports_open(RING_RX_SLOTS);
        CU_ASSERT_EQUAL_FATAL(esp_worker_init(&far, fix_engine(), 0, -1), CV_OK);
        far.sole = true;
    }
    mixed = true;
    site_make(f);
    mixed = false;
    mgr_dp.near_sas = DP_NEAR_SAS;
    worker_fresh(GROUPS);
    far_send(0, &back);
    far_send(1, &other);
}

static void begin(void)
{
    begin_with(&forms[0]);
}

static unsigned moves; /* of peers, that were told of */
static unsigned drain(void)
{
    struct rte_mbuf *m;
    struct cv_evt e;
    unsigned n = 0;
    for (unsigned p = 0; p < 2; p++)
        for (; rte_ring_dequeue(tx[p], (void **)&m) == 0; n++)
            rte_pktmbuf_free(m);
    while (rte_ring_dequeue(mgr_dp.rings.slow, (void **)&m) == 0 ||
           rte_ring_dequeue(mgr_dp.rings.urgent, (void **)&m) == 0)
        rte_pktmbuf_free(m);
    while (ring_evt_get(&mgr_dp.shm, &e))
        moves += e.type == CV_EVT_NAT_CHANGE;
    return n;
}

/* The worker's next turn has burst[0..n) by the port. */
static void turn(unsigned port, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[port], pkt_of(burst[i].b, burst[i].len)), 0);
    (void)dp_worker_turn(worker);
    CU_ASSERT_TRUE(!worker->far || worker->mixed);
}

typedef unsigned take_fn(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                         struct rte_mbuf **pkts, unsigned n, uint64_t *bytes);

/* All of burst[0..BURST), by the interface: did it go in groups or as a run, with nobody looking at tables? */
static bool followed(take_fn *take, uint32_t id)
{
    struct rte_mbuf *m[BURST];
    uint64_t bytes = 0;
    for (unsigned i = 0; i < BURST; i++)
        m[i] = pkt_of(burst[i].b, burst[i].len);
    const struct ip_if *port = ip_if_get(&mgr_dp.ifs, id);
    const struct ip_arrival a = ip_arrival_of(port->mac, port->id, port->vrf);
    worker->source.valid = worker->hop.valid = false;
    worker->group_pause = worker->run_pause = 0;
    if (!behind)
        worker->changes = dp_rcu_changes();
    const unsigned k = take(worker, port, &a, m, BURST, &bytes);
    for (unsigned i = k; i < BURST; i++)
        dp_worker_received(worker, m[i], &a, port);
    const bool all =
        k == BURST && !worker->source.valid && worker->txq[0].count + worker->txq[1].count == BURST;
    dp_worker_decapsulate(worker);
    dp_encapsulate(worker);
    dp_flow_end(worker);
    dp_transmit(worker);
    drain();
    return all;
}

static bool grouped(uint32_t id)
{
    return followed(dp_group_take, id);
}

/* The peer reaches one of the other tunnels through this host with packets that are cut into more pieces than wait for an SA at a time: they are encrypted in
 * the middle of the burst that they came in with. */
static void what_goes_on_into_another_SA_leaves_other_groups_alone(void)
{
    enum { LONG_ONES = 40, FORGED = 3, SHORT_MTU = 150 };
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    begin();
    c.u.interface = ip_if_get(&mgr_dp.ifs, OTHER)->conf;
    c.u.interface.mtu = SHORT_MTU;
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
    const struct flow away = flow_to(21, 9, 1300);
    worker->mixed = true;
    for (unsigned i = 0; i < BURST; i++)
        far_make(i % 2, &burst[i], &home, i, false);
    turn(0, BURST);
    drain();
    unsigned n = 0, good = BURST / 2;
    for (; n < 4; n++)
        far_make(n % 2, &burst[n], &home, n, false);
    for (; n < 4 + LONG_ONES; n++)
        far_make(0, &burst[n], &away, n, false);
    good += 2;
    for (; n < BURST; n++) {
        const bool forged = n >= BURST - FORGED;
        far_make(1, &burst[n], &home, n, false);
        burst[n].b[burst[n].len - 3] ^= forged;
        good += !forged;
    }
    worker->mixed = true;
    turn(0, BURST);
    const struct cv_sa_counters *of = shm_counters_in(&mgr_dp.shm, OTHER_SLOT);
    CU_ASSERT_EQUAL(of->packets, good);
    CU_ASSERT_EQUAL(of->auth_failed, FORGED);
    CU_ASSERT_EQUAL(of->other_drops, 0);
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, IN_SLOT)->packets, BURST / 2 + 2 + LONG_ONES);
    CU_ASSERT_TRUE(shm_counters_out(&mgr_dp.shm, OTHER_SLOT, 0)->packets > ESP_BURST_MAX);
    drain();
    far_end();
}

/* Long bursts are for many SAs alone: runs have no room for them. */
static void a_burst_of_one_group_behind_others_leaves_no_long_bursts(void)
{
    begin();
    mgr_dp.near_sas = 0;
    const struct flow there = flow_to(20, 9, 100), other = flow_to(21, 9, 100);
    for (unsigned i = 0; i < 16; i++)
        far_make(0, &burst[i], &home, i, false);
    worker->mixed = true;
    turn(0, 16);
    drain();
    unsigned n = 0;
    for (; n < 8; n++)
        far_make(0, &burst[n], &home, n, false);
    far_make(0, &burst[n++], &there, 1, false);
    far_make(0, &burst[n++], &other, 1, false);
    for (; n < 22; n++)
        far_make(1, &burst[n], &home, n, false);
    for (; n < 42; n++)
        far_make(0, &burst[n], &home, n, false);
    worker->mixed = worker->far = false;
    worker->run_pause = 0;
    turn(0, n);
    drain();
    const uint64_t before = shm_counters_in(&mgr_dp.shm, IN_SLOT)->packets;
    for (unsigned k = 0; k < 4; k++) {
        for (unsigned i = 0; i < BURST; i++) {
            far_make(0, &burst[i], &home, i, false);
            CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[0], pkt_of(burst[i].b, burst[i].len)), 0);
        }
    }
    for (unsigned k = 0; k < 4; k++)
        (void)dp_worker_turn(worker);
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, IN_SLOT)->packets, before + 4 * BURST);
    drain();
    far_end();
}

/* The path to this host has become longer by a router. */
static void another_TTL_makes_a_way_anew(void)
{
    unsigned in_groups = 0;
    begin();
    for (unsigned r = 0; r < 300; r++) {
        for (unsigned i = 0; i < BURST; i++) {
            const struct flow flow = {.src = {192, 168, 1, 77},
                                      .dst = {10, 20, 1, (uint8_t)(1 + i % 2)},
                                      .proto = 17,
                                      .ttl = r < 2 ? 64 : 63,
                                      .len = 100};
            clear_make(&burst[i], &flow, i, false);
        }
        in_groups += grouped(INSIDE);
    }
    CU_ASSERT_TRUE(in_groups > 290);
    far_end();
}

/* Somebody who saw the SPI sends the first packet. */
static void a_forged_leader_leaves_no_way(void)
{
    unsigned in_groups = 0;
    begin();
    for (unsigned r = 0; r < 20; r++) {
        for (unsigned i = 0; i < BURST; i++) {
            far_make(i % 2, &burst[i], &home, i, false);
            if (r == 0 && i == 1) {
                burst[i].b[ETHER + 8] = 33;
                checksum(burst[i].b + ETHER);
                burst[i].b[burst[i].len - 3] ^= 1;
            }
        }
        in_groups += grouped(OUTSIDE);
    }
    CU_ASSERT_TRUE(in_groups >= 18);
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, OTHER_SLOT)->auth_failed, 1);
    far_end();
}

/* A number of before the window, at a burst's head: the rest of the group goes the long way, and those of the next bursts in groups. */
static void a_replayed_packet_takes_no_way_away(void)
{
    struct frame old;
    begin();
    for (unsigned i = 0; i < BURST; i++)
        far_make(i % 2, &burst[i], &home, i, false);
    old = burst[0];
    (void)grouped(OUTSIDE);
    for (unsigned r = 0; r < 10; r++) {
        for (unsigned i = 0; i < BURST; i++)
            far_make(i % 2, &burst[i], &home, i, false);
        CU_ASSERT_TRUE(r == 0 || grouped(OUTSIDE));
        for (unsigned i = 0; i < BURST; i++)
            far_make(i % 2, &burst[i], &home, i, false);
        burst[0] = old;
        CU_ASSERT_FALSE(grouped(OUTSIDE));
    }
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, IN_SLOT)->replayed, 10);
    far_end();
}

/* RFC 4303 3.4.3: packets of one SA that come from two addresses in turn are checked in the order in which they came, in all of a window's length that a burst
 * has. Had each address a group, the second one's would be behind the window that the first has moved. */
static void an_SA_of_two_sources_keeps_its_order(void)
{
    enum { ROUNDS = 20, LATER = 100 };
    struct frame lost;
    unsigned nth = 0, in_groups = 0;
    begin();
    for (unsigned r = 0; r < ROUNDS + LATER; r++) {
        for (unsigned i = 0; i < BURST; i++) {
            far_make(0, &burst[i], &home, nth++, false);
            far_make(0, &lost, &home, nth++, false);
            if (r < ROUNDS && i % 2 == 0)
                continue;
            burst[i].b[ETHER + 15] = 77; /* its other address */
            checksum(burst[i].b + ETHER);
        }
        in_groups += grouped(OUTSIDE);
    }
    CU_ASSERT_TRUE(in_groups > 0); /* when the other one alone is left */
    const struct cv_sa_counters *of = shm_counters_in(&mgr_dp.shm, IN_SLOT);
    CU_ASSERT_EQUAL(of->replayed, 0);
    CU_ASSERT_EQUAL(of->packets, (ROUNDS + LATER) * BURST);
    far_end();
}

/* What leaders are led by may have been looked up before a table changed, though nobody had led yet: they are of before. */
static void who_led_while_a_table_changed_is_not_followed(void)
{
    begin();
    for (unsigned r = 0; r < 3; r++) {
        for (unsigned i = 0; i < BURST; i++)
            far_make(i % 2, &burst[i], &home, i, false);
        worker->changes = dp_rcu_changes();
        behind = r == 0;
        if (behind)
            dp_rcu_changed();
        CU_ASSERT_EQUAL(grouped(OUTSIDE), r == 2);
    }
    behind = false;
    far_end();
}

/* RFC 7296 2.23: packets of a way all come from one place. Where that is not where the peer was expected, each of them is looked at: the NAT's new mapping
 * is told, and what came from the one of before goes no known way once the manager has set it. */
static void a_peer_behind_a_NAT_is_watched(take_fn *take)
{
    const struct form form = {.window = 64, .encr = CV_ENCR_AES_GCM_16, .flags = CV_SA_NATT};
    struct cv_cmd c = {.type = CV_CMD_SA_SET_PEER};
    unsigned nth = 0;
    moves = 0;
    begin_with(&form);
    for (unsigned turns = 0; turns < 9; turns++) {
        const bool elsewhere = turns == 3 || turns > 5;
        const unsigned ways = take == dp_group_take ? 2 : 1;
        for (unsigned i = 0; i < BURST; i++) {
            far_make(ways == 2 ? i % 2 : 0, &burst[i], &home, nth++, false);
            burst[i].b[ETHER + 21] = (uint8_t)(4500 + (elsewhere && (turns == 3 || i % ways == 0)));
        }
        const bool known = followed(take, OUTSIDE);
        CU_ASSERT_EQUAL(known, turns == 1 || turns == 2 || turns == 4 || turns >= 7);
        CU_ASSERT_EQUAL(moves, turns < 3 ? 0 : turns < 5 ? ways : ways + 1);
        if (turns != 4)
            continue;
        const struct cv_sa back = sa_of(&form, CV_DIR_IN, IN_SLOT, TUNNEL);
        c.u.sa_peer = (struct cv_sa_peer){.ref = back.ref, .remote = back.remote};
        c.u.sa_peer.remote.port++;
        CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    }
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, IN_SLOT)->other_drops, 0);
    far_end();
}

static void a_peer_behind_a_NAT_is_watched_with_groups(void)
{
    a_peer_behind_a_NAT_is_watched(dp_group_take);
}

static void a_peer_behind_a_NAT_is_watched_with_runs(void)
{
    a_peer_behind_a_NAT_is_watched(dp_run_take);
}

static void everything_ends(void)
{
    dp_worker_free(worker);
    esp_worker_fini(&far);
    mgr_stop();
}

PKT_MAIN("group", UNIT_TEST(what_goes_on_into_another_SA_leaves_other_groups_alone),
         UNIT_TEST(a_burst_of_one_group_behind_others_leaves_no_long_bursts),
         UNIT_TEST(another_TTL_makes_a_way_anew), UNIT_TEST(a_forged_leader_leaves_no_way),
         UNIT_TEST(a_replayed_packet_takes_no_way_away), UNIT_TEST(an_SA_of_two_sources_keeps_its_order),
         UNIT_TEST(who_led_while_a_table_changed_is_not_followed),
         UNIT_TEST(a_peer_behind_a_NAT_is_watched_with_groups),
         UNIT_TEST(a_peer_behind_a_NAT_is_watched_with_runs), UNIT_TEST(everything_ends))
