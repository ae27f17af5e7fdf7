/* Runs (dp_run.h) and groups (dp_group.h) leave nothing else than the long way: seeded bursts of common and odd packets, into SAs and out of them, are
 * worked on with them and without, while tables stay as they are and while they change; every stream's frames, and all counters, are the same: 1,700,000 packets, 16,000
 * of each form while tables stay as they are, and as many while they change; inner ones of up to 1,378 octets, or 9,000. Of transforms whose
 * engine draws IVs the frames are compared as the far end decrypts them. */
#include "dataplane/dp_flow.h"
#include "dataplane/dp_owner.h"
#include "dataplane/engine/eng_isa.h"
#include "tests/unit/dataplane/run_taken.h"

#include <inttypes.h>

static void runs_leave_what_the_long_way_leaves(void)
{
    if (!worker)
        passes_start(fix_engine());
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct form *f = &forms[i];
        both_ways(f, 0x5eed + i, RUNS, false);
        CU_ASSERT(with.out.packets > 1000 && with.in.packets > 1000);
        CU_ASSERT(with.in.auth_failed > 0 && (f->flags & CV_SA_NO_REPLAY || with.in.replayed > 0));
    }
}

/* Packets are worked on four at a time where the processor has AVX-512 (dp_alike.h), and one by one where it has not. */
static void so_do_runs_on_a_processor_with_less(void)
{
    char why[128];
    if (!eng_isa_wide() || eng_isa_limit(ENG_ISA_AVX2, why, sizeof why) != CV_OK)
        return; /* all tests are of that already */
    for (unsigned i = 0; i < 2; i++)
        both_ways(&forms[i], 0x1e55 + i, RUNS, false);
    CU_ASSERT_EQUAL(eng_isa_limit(ENG_ISA_BEST, why, sizeof why), CV_OK);
}

/* Seeds with such numbers: should draws change, others have them. */
static void RFC_4303_A2_1_what_is_behind_the_window_is_forged_with_ESN(void)
{
    behind = 0;
    for (unsigned i = 0; i < 2; i++)
        both_ways(&forms[1], 13001 + 1000 * i, RUNS, false);
    CU_ASSERT_TRUE(behind > 0);
}

static void the_next_burst_goes_by_what_tables_say_then(void)
{
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        both_ways(&forms[i], 0xc0de + i, RUNS, true);
        CU_ASSERT(with.stats.crypto_packets > 1000 && with.other.packets > 100);
    }
}

/* RFC 4301 4.4.2.1: not earlier, not later, by a burst, whichever way the packets go. */
static void a_soft_limit_is_told_when_it_is_reached(void)
{
    const struct form *f = &forms[3];
    for (enum way way = LONG; way <= RUNS; way++) {
        soft_out = 0;
        pass(f, 0x50f7, way, false, &with);
        CU_ASSERT_TRUE(soft_out >= f->soft_packets && soft_out < f->soft_packets + BURST);
    }
}

static void a_run_is_taken_as_far_as_packets_are_alike(void)
{
    for (unsigned i = 0; i < 4; i++)
        run_is_taken_as_far_as_packets_are_alike(&forms[i]);
}

static void what_a_leader_found_is_good_until_a_table_changes(void)
{
    what_a_leader_of_found_is_good_until_a_table_changes(&forms[0]);
}

/* Of the same kind, by another port: it has a way of its own. */
static void nobody_follows_who_came_in_elsewhere(void)
{
    memset(&with, 0, sizeof with);
    site_make(&forms[0]);
    worker_fresh(RUNS);
    CU_ASSERT_FALSE(follows(false));
    CU_ASSERT_TRUE(follows(false));
    from_outside = true;
    CU_ASSERT_FALSE(follows(false));
    from_outside = false;
}

/* RFC 4301 5.2: a port's policy is asked about each packet in clear, and about none of ESP to this host's SAs. */
static void by_a_port_with_a_policy_only_ESP_goes_in_runs(void)
{
    memset(&with, 0, sizeof with);
    site_make(&forms[0]);
    worker_fresh(RUNS);
    far_start(&forms[0], IN_SLOT);
    CU_ASSERT_FALSE(follows(false));
    CU_ASSERT_TRUE(follows(false));
    CU_ASSERT_EQUAL(change_policy(INSIDE, true) | change_policy(OUTSIDE, true), CV_OK);
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_FALSE(follows(false));
        CU_ASSERT_EQUAL(taken(false, BURST, BURST), 0);
    }
    CU_ASSERT_EQUAL(change_policy(INSIDE, false), CV_OK); /* where what was inside leaves */
    CU_ASSERT_FALSE(follows(true));
    CU_ASSERT_TRUE(follows(true));
    far_end();
}

/* Of what is limited each packet is asked about: the leader's passing says nothing of the next one's. */
static void nobody_follows_through_a_limited_tunnel(void)
{
    for (unsigned in = 0; in < 2; in++) {
        memset(&with, 0, sizeof with);
        site_make(&forms[0]);
        worker_fresh(RUNS);
        far_start(&forms[0], IN_SLOT);
        CU_ASSERT_EQUAL(change_if(CHANGE_TUNNEL, change_police, true), CV_OK);
        CU_ASSERT_EQUAL(taken(in, BURST, BURST), 1);
        CU_ASSERT_EQUAL(change_if(CHANGE_TUNNEL, change_police, false), CV_OK);
        worker->run_pause = 0;
        CU_ASSERT_EQUAL(taken(in, BURST, BURST), BURST);
        far_end();
    }
}

static void nobody_follows_a_leader_into_what_asks_of_each_packet(void)
{
    memset(&with, 0, sizeof with);
    site_make(&forms[6]);
    worker_fresh(RUNS);
    CU_ASSERT_EQUAL(taken(false, BURST, BURST), 1);
    CU_ASSERT_EQUAL(taken(false, BURST, BURST), 0); /* and for a while nobody tries */
}

/* A call of a multi-buffer engine takes as long with one packet as when it is full. So a run is a whole burst, and a leader, who goes alone, is let go at times
 * only: until then its packets go the long way, a burst in one call. */
static void whole_bursts_of_multi_buffer_transforms_go_in_runs(void)
{
    static const uint16_t encrs[] = {CV_ENCR_AES_CBC, CV_ENCR_3DES, CV_ENCR_NULL};
    for (unsigned i = 0; i < RTE_DIM(encrs) * 2; i++) {
        const struct form f = {.window = 64, .encr = encrs[i / 2]};
        const bool in = i % 2;
        memset(&with, 0, sizeof with);
        site_make(&f);
        worker_fresh(RUNS);
        far_start(&f, IN_SLOT);
        CU_ASSERT_EQUAL(taken(in, BURST, BURST), BURST);
        CU_ASSERT_TRUE(follows(in));
        CU_ASSERT_EQUAL(taken(in, DP_RUN_MIN, BURST), DP_RUN_MIN);
        CU_ASSERT_EQUAL(taken(in, BURST, 60), 1); /* it would lead, and may not */
        CU_ASSERT_EQUAL(taken(in, BURST, 2), 0);
        CU_ASSERT_TRUE(follows(in));
        worker->group_pause = 0;
        dp_rcu_changed();
        CU_ASSERT_EQUAL(taken(in, BURST, BURST), 1);
        CU_ASSERT_EQUAL(taken(in, BURST, BURST), 1);
        CU_ASSERT_EQUAL(worker->run_pause, 0);
        CU_ASSERT_EQUAL(worker->group_pause, 1); /* nor are the others sorted */
        worker->now = worker->lead_again;
        CU_ASSERT_EQUAL(taken(in, BURST, BURST), BURST);
        CU_ASSERT_TRUE(worker->lead_again > worker->now);
        CU_ASSERT_TRUE(follows(in));
        far_end();
    }
}

/* A burst in which the peer goes from one SA to another, whose first packet comes broken: what led others was refused, but the way of what
 * is inside is known, and those behind it go as a run. The SA's first authentic packet is one of them, and is told. */
static void the_first_packet_of_an_sa_is_told_from_a_run(void)
{
    enum { NEW_SLOT = OTHER_SLOT + 1, EACH = BURST / 2, BROKEN = EACH };
    const struct flow flow = {
        .src = {10, 20, 1, 1}, .dst = {192, 168, 1, 77}, .proto = 17, .ttl = 64, .len = 100};
    struct rte_mbuf *m[BURST];
    struct cv_evt e;
    uint64_t bytes = 0;
    unsigned first = 0;
    memset(&with, 0, sizeof with);
    site_make(&forms[0]);
    worker_fresh(RUNS);
    for (unsigned i = 0; i < BURST; i++) {
        if (i % EACH == 0)
            far_start(&forms[0], i == 0 ? IN_SLOT : NEW_SLOT);
        esp_make(&burst[i], &flow, i, false);
        if (i % EACH == EACH - 1)
            far_end();
    }
    sa_install(sa_of(&forms[0], CV_DIR_IN, NEW_SLOT, TUNNEL));
    burst[BROKEN].b[burst[BROKEN].len - 1] ^= 1;
    for (unsigned i = 0; i < BURST; i++) {
        m[i] = pkt_of(burst[i].b, burst[i].len);
        m[i]->port = 0;
    }
    const struct ip_if *port = ip_if_get(&mgr_dp.ifs, OUTSIDE);
    const struct ip_arrival a = ip_arrival_of(port->mac, port->id, port->vrf);
    worker->changes = dp_rcu_changes();
    CU_ASSERT_EQUAL(dp_run_take(worker, port, &a, m, BURST, &bytes), BURST);
    dp_flow_end(worker);
    dp_transmit(worker);
    while (ring_evt_get(&mgr_dp.shm, &e))
        first += e.type == CV_EVT_SA_FIRST && e.u.sa_event.ref.sa_id == NEW_SLOT;
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, IN_SLOT)->packets, EACH);
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, NEW_SLOT)->packets, EACH - 1);
    CU_ASSERT_EQUAL(shm_counters_in(&mgr_dp.shm, NEW_SLOT)->auth_failed, 1);
    outcome_add(&with);
}

/* Transforms, headers and lengths that the forms of above have not. */
static void every_transform_that_goes_in_runs_leaves_what_the_long_way_leaves(void)
{
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct form *f = &others[i];
        dp_worker_free(worker);
        worker = NULL;
        jumbo_set(f->jumbo);
        both_ways(f, 0xfeed + i, RUNS, false);
        CU_ASSERT(with.out.packets > 1000 && with.in.packets > 1000 && with.in.auth_failed > 0);
        both_ways(f, 0xbeef + i, RUNS, true);
        memset(&with, 0, sizeof with);
        site_make(f);
        worker_fresh(RUNS);
        far_start(f, IN_SLOT);
        CU_ASSERT_EQUAL(taken(false, BURST, BURST), BURST);
        worker->lead_again = 0;
        CU_ASSERT_EQUAL(taken(true, BURST, BURST), BURST);
        far_end();
    }
    dp_worker_free(worker);
    worker = NULL;
    jumbo_set(false);
    printf("%" PRIu64 " packets, with runs and without ", driven / 2);
}

static void known_ways_are_good_until_a_table_changes(void)
{
    ways_of_are_good_until_a_table_changes(&forms[0]);
}

/* Whoever is on the way copies packets and writes another source over them: two ways by one SA. Of each number one packet comes through. */
static void a_number_that_comes_by_two_ways_is_taken_once(void)
{
    const struct flow flow = {
        .src = {10, 20, 1, 1}, .dst = {192, 168, 1, 77}, .proto = 17, .ttl = 64, .len = 100};
    const struct cv_sa_counters *c = shm_counters_in(&mgr_dp.shm, IN_SLOT);
    memset(&with, 0, sizeof with);
    site_make(&forms[0]);
    worker_fresh(GROUPS);
    far_start(&forms[0], IN_SLOT);
    const struct ip_if *port = ip_if_get(&mgr_dp.ifs, OUTSIDE);
    const struct ip_arrival a = ip_arrival_of(port->mac, port->id, port->vrf);
    for (unsigned round = 0; round < 3; round++) {
        struct rte_mbuf *m[BURST];
        uint64_t bytes = 0;
        for (unsigned i = 0; i < BURST; i++) {
            if (round == 0 || i < BURST / 2)
                esp_make(&burst[i], &flow, i, false);
            else
                burst[i] = burst[i - BURST / 2];
            if (round == 0 ? i % 2 : i >= BURST / 2) {
                burst[i].b[ETHER + 15] ^= 1;
                checksum(burst[i].b + ETHER);
            }
            m[i] = pkt_of(burst[i].b, burst[i].len);
        }
        worker->changes = dp_rcu_changes();
        CU_ASSERT_EQUAL(dp_group_take(worker, port, &a, m, BURST, &bytes), BURST);
        dp_worker_decapsulate(worker);
        dp_flow_end(worker);
        dp_transmit(worker);
        outcome_add(&with);
        CU_ASSERT_EQUAL(c->packets, BURST + round * BURST / 2);
        CU_ASSERT_EQUAL(c->replayed, round * BURST / 2);
    }
    far_end();
}

/* As by_a_port_with_a_policy_only_ESP_goes_in_runs. */
static void by_a_port_with_a_policy_only_ESP_goes_in_groups(void)
{
    const struct cv_sa back = sa_of(&forms[0], CV_DIR_IN, IN_SLOT, TUNNEL),
                       other = sa_of(&forms[0], CV_DIR_IN, OTHER_SLOT, OTHER);
    memset(&with, 0, sizeof with);
    mixed = true;
    site_make(&forms[0]);
    mixed = false;
    worker_fresh(GROUPS);
    far_send(0, &back);
    far_send(1, &other);
    CU_ASSERT_EQUAL(change_policy_as(INSIDE, CV_POLICY_BYPASS),
                    CV_OK); /* lets them in: each is asked about */
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_FALSE(grouped(false));
    CU_ASSERT_EQUAL(change_policy(INSIDE, false) | change_policy(OUTSIDE, true), CV_OK);
    CU_ASSERT_FALSE(grouped(true));
    CU_ASSERT_TRUE(grouped(true));
    CU_ASSERT_EQUAL(change_policy(OUTSIDE, false), CV_OK);
    far_end();
}

/* Of several flows by turns, some by one SA: none of them in another order, each packet as it would have been alone. */
static void groups_leave_what_the_long_way_leaves(void)
{
    mixed = true;
    for (unsigned i = 0; i < RTE_DIM(forms) + RTE_DIM(others); i++) {
        const struct form *f = i < RTE_DIM(forms) ? &forms[i] : &others[i - RTE_DIM(forms)];
        if (f->jumbo)
            continue;
        both_ways(f, 0x9700 + i, GROUPS, false);
        CU_ASSERT(with.out.packets > 1000 && with.in.packets > 1000);
        both_ways(f, 0x6e00 + i, GROUPS, true);
    }
    mixed = false;
}

static void everything_ends(void)
{
    passes_end();
}

PKT_MAIN(
    "run", UNIT_TEST(runs_leave_what_the_long_way_leaves), UNIT_TEST(so_do_runs_on_a_processor_with_less),
    UNIT_TEST(RFC_4303_A2_1_what_is_behind_the_window_is_forged_with_ESN),
    UNIT_TEST(the_next_burst_goes_by_what_tables_say_then),
    UNIT_TEST(a_soft_limit_is_told_when_it_is_reached), UNIT_TEST(a_run_is_taken_as_far_as_packets_are_alike),
    UNIT_TEST(what_a_leader_found_is_good_until_a_table_changes),
    UNIT_TEST(nobody_follows_who_came_in_elsewhere), UNIT_TEST(by_a_port_with_a_policy_only_ESP_goes_in_runs),
    UNIT_TEST(nobody_follows_through_a_limited_tunnel),
    UNIT_TEST(nobody_follows_a_leader_into_what_asks_of_each_packet),
    UNIT_TEST(whole_bursts_of_multi_buffer_transforms_go_in_runs),
    UNIT_TEST(the_first_packet_of_an_sa_is_told_from_a_run),
    UNIT_TEST(a_number_that_comes_by_two_ways_is_taken_once),
    UNIT_TEST(known_ways_are_good_until_a_table_changes),
    UNIT_TEST(by_a_port_with_a_policy_only_ESP_goes_in_groups),
    UNIT_TEST(groups_leave_what_the_long_way_leaves),
    UNIT_TEST(every_transform_that_goes_in_runs_leaves_what_the_long_way_leaves), UNIT_TEST(everything_ends))
