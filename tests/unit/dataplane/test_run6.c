/* As test_run.c, of IPv6: inside, outside, and both. Packets of IPv4 that go by the same SAs stand among them. Each bit of the headers that a packet may differ in is
 * turned over, to see who is still taken for one of the run, or of the group. */
#include "tests/unit/dataplane/run_taken.h"

#include <inttypes.h>

/* ---- the long way's twin ------------------------------------------------------------------------------------------ */
static void form_start(const struct form *f)
{
    dp_worker_free(worker);
    worker = NULL;
    jumbo_set(f->jumbo);
}

static void form_end(void)
{
    dp_worker_free(worker);
    worker = NULL;
    jumbo_set(false);
}

static void runs_of_IPv6_leave_what_the_long_way_leaves(void)
{
    passes_start(fix_engine());
    for (unsigned i = 0; i < RTE_DIM(forms6); i++) {
        form_start(&forms6[i]);
        both_ways(&forms6[i], 0x6eed + i, RUNS, false);
        CU_ASSERT(with.out.packets > 1000 && with.in.packets > 1000 && with.in.auth_failed > 0);
        both_ways(&forms6[i], 0x60de + i, RUNS, true);
    }
    form_end();
    printf("%" PRIu64 " packets, with runs and without ", driven / 2);
}

static void groups_of_IPv6_leave_what_the_long_way_leaves(void)
{
    mixed = true;
    for (unsigned i = 0; i < RTE_DIM(forms6); i++) {
        if (forms6[i].jumbo)
            continue;
        both_ways(&forms6[i], 0x69700 + i, GROUPS, false);
        CU_ASSERT(with.out.packets > 1000 && with.in.packets > 1000);
        both_ways(&forms6[i], 0x66e00 + i, GROUPS, true);
    }
    mixed = false;
}

/* ---- who follows -------------------------------------------------------------------------------------------------- */
/* ESP in UDP has a checksum over IPv6, and goes the long way. */
static bool goes_in_runs(const struct form *f)
{
    return is_aead(f) && !f->jumbo && !(f->flags & CV_SA_NATT && (f->outer6 || f->in6)) && !f->hard_packets;
}

static void a_run_of_IPv6_is_taken_as_far_as_packets_are_alike(void)
{
    for (unsigned i = 0; i < RTE_DIM(forms6); i++)
        if (goes_in_runs(&forms6[i]))
            run_is_taken_as_far_as_packets_are_alike(&forms6[i]);
}

static void what_a_leader_of_IPv6_found_is_good_until_a_table_changes(void)
{
    for (unsigned i = 0; i < 3; i++)
        what_a_leader_of_found_is_good_until_a_table_changes(&forms6[i]);
}

static void ways_of_IPv6_are_good_until_a_table_changes(void)
{
    for (unsigned i = 0; i < 2; i++)
        ways_of_are_good_until_a_table_changes(&forms6[i]);
}

/* A bit of the frame that the odd packet has turned over. */
static unsigned odd_bit;
static void bit_turned(struct frame *f)
{
    f->b[odd_bit / 8] ^= (uint8_t)(1 << odd_bit % 8);
}

/* The source MAC and the flow label are nobody's business. */
static bool may_differ(unsigned octet, unsigned bit)
{
    enum { SRC_MAC = 6, LABEL = ETHER + 1 };
    if (octet >= SRC_MAC && octet < 2 * SRC_MAC)
        return true;
    return octet == LABEL ? bit < 4 : octet == LABEL + 1 || octet == LABEL + 2;
}

/* Each bit of the link's and the IP header, but for those of the length, which each packet has of its own. */
static void who_differs_in_a_bit_ends_the_run(void)
{
    enum { AT = 40, LENGTH = ETHER + 4 };
    const struct form *f = &forms6[1];
    memset(&with, 0, sizeof with);
    site_make(f);
    worker_fresh(RUNS);
    far_start(f, IN_SLOT);
    odd_make = bit_turned;
    for (unsigned in = 0; in < 2; in++)
        for (odd_bit = 0; odd_bit < 8 * (ETHER + HEADER6); odd_bit++) {
            const unsigned octet = odd_bit / 8;
            if (octet == LENGTH || octet == LENGTH + 1)
                continue;
            (void)taken(in, BURST, BURST);
            CU_ASSERT_EQUAL(taken(in, BURST, AT), may_differ(octet, odd_bit % 8) ? BURST : AT);
            worker->run_pause = 0;
        }
    far_end();
}

/* RFC 6040 4.2: routers on the way have marked all packets of a run, whose marks inside are of another kind: who leads goes the long way, and so does who follows. */
static unsigned marked(const struct form *f, uint8_t inside, uint8_t outside, uint8_t *leaves)
{
    const struct flow flow = {.src = {10, 20, 1, 1},
                              .dst = {192, 168, 1, 77},
                              .proto = 17,
                              .tos = inside,
                              .ttl = 64,
                              .len = 100,
                              .v6 = true};
    struct rte_mbuf *m;
    unsigned n = 0;
    memset(&with, 0, sizeof with);
    site_make(f);
    worker_fresh(RUNS);
    far_start(f, IN_SLOT);
    *leaves = inside;
    for (unsigned i = 0; i < 2 * BURST; i++) {
        esp_make(&burst[0], &flow, i, false);
        uint8_t *ip = burst[0].b + ETHER;
        if (ip[0] >> 4 == 6) {
            ip[1] = (uint8_t)((ip[1] & 0xcf) | outside << 4);
        } else {
            ip[1] = outside;
            checksum(ip);
        }
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[0], pkt_of(burst[0].b, burst[0].len)), 0);
        if (i % BURST == BURST - 1)
            (void)dp_worker_turn(worker);
    }
    for (; rte_ring_dequeue(tx[1], (void **)&m) == 0; n++) {
        const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETHER);
        if (n == 0)
            *leaves = ip[1] >> 4 & 3;
        CU_ASSERT_EQUAL(ip[1] >> 4 & 3, *leaves);
        rte_pktmbuf_free(m);
    }
    far_end();
    outcome_add(&with);
    return n;
}

static void RFC_6040_4_2_congestion_is_told_inside_by_who_follows_as_well(void)
{
    enum { NOT_ECT, ECT_1, ECT_0, CE };
    for (unsigned i = 0; i < 2; i++) { /* IPv4 and IPv6 outside */
        uint8_t leaves;
        CU_ASSERT_EQUAL(marked(&forms6[i], ECT_0, CE, &leaves), 2 * BURST);
        CU_ASSERT_EQUAL(leaves, CE);
        CU_ASSERT_EQUAL(marked(&forms6[i], ECT_0, ECT_1, &leaves), 2 * BURST);
        CU_ASSERT_EQUAL(leaves, ECT_1);
        CU_ASSERT_EQUAL(marked(&forms6[i], ECT_0, NOT_ECT, &leaves), 2 * BURST);
        CU_ASSERT_EQUAL(leaves, ECT_0);
        CU_ASSERT_EQUAL(marked(&forms6[i], ECT_0, ECT_0, &leaves), 2 * BURST);
        CU_ASSERT_EQUAL(leaves, ECT_0);
        CU_ASSERT_EQUAL(marked(&forms6[i], NOT_ECT, CE, &leaves), 0);
        CU_ASSERT_EQUAL(worker->stats->drops[CV_DROP_ECN], 2 * BURST);
    }
}

static void everything_ends(void)
{
    passes_end();
}

PKT_MAIN("run6", UNIT_TEST(runs_of_IPv6_leave_what_the_long_way_leaves),
         UNIT_TEST(a_run_of_IPv6_is_taken_as_far_as_packets_are_alike),
         UNIT_TEST(what_a_leader_of_IPv6_found_is_good_until_a_table_changes),
         UNIT_TEST(ways_of_IPv6_are_good_until_a_table_changes), UNIT_TEST(who_differs_in_a_bit_ends_the_run),
         UNIT_TEST(RFC_6040_4_2_congestion_is_told_inside_by_who_follows_as_well),
         UNIT_TEST(groups_of_IPv6_leave_what_the_long_way_leaves), UNIT_TEST(everything_ends))
