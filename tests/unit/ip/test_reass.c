/* Reassembly: which fragments belong together, and what a flood of lone ones costs the others. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ecn.h"
#include "dataplane/ip/ip_reass.h"
#include "tests/unit/ip/pkt.h"

enum { HZ = 1000000 };

static struct ip_reass *table;
static uint64_t drops[CV_DROP_COUNT];

static void fresh(void)
{
    ip_reass_free(table);
    CU_ASSERT_EQUAL(pkt_used(), 0);
    memset(drops, 0, sizeof drops);
    CU_ASSERT_EQUAL_FATAL(ip_reass_new(pkt_pool, HZ, drops, &table), CV_OK);
}

/* len octets of payload from `at` on; each octet is its place. */
static struct rte_mbuf *fragment(uint32_t src, uint16_t id, uint16_t at, uint16_t len, bool more,
                                 uint8_t fill)
{
    uint8_t b[2000] = {0x45,       0, (uint8_t)((20 + len) >> 8), (uint8_t)(20 + len), (uint8_t)(id >> 8),
                       (uint8_t)id};
    b[6] = (uint8_t)((more ? 0x20 : 0) | at >> 11);
    b[7] = (uint8_t)(at >> 3);
    b[8] = 64;
    b[9] = IP_PROTO_UDP;
    b[12] = 11;
    memcpy(b + 13, &src, 3);
    b[16] = 10;
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    memset(b + 20, fill, len);
    struct rte_mbuf *m = pkt_of(b, 20u + len);
    CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_IP);
    dp_meta(m)->vrf = 0;
    dp_meta(m)->if_in = 1;
    return m;
}

static struct rte_mbuf *take(struct rte_mbuf *m)
{
    return ip_reass_take(table, m, NULL, 1000);
}

static bool joined(struct rte_mbuf *whole)
{
    bool yes = whole != NULL;
    rte_pktmbuf_free(whole);
    return yes;
}

static bool pair(uint32_t src, uint16_t id)
{
    return !joined(take(fragment(src, id, 0, 64, true, 1))) &&
           joined(take(fragment(src, id, 64, 30, false, 2)));
}

static void fragments_of_two_vrfs_or_interfaces_never_join(void)
{
    struct rte_mbuf *m;
    fresh();
    CU_ASSERT_TRUE(pair(1, 1));
    CU_ASSERT_PTR_NULL(take(fragment(1, 2, 0, 64, true, 1)));
    m = fragment(1, 2, 64, 30, false, 2);
    dp_meta(m)->vrf = 3;
    CU_ASSERT_FALSE(joined(take(m)));
    m = fragment(1, 2, 64, 30, false, 2);
    dp_meta(m)->if_in = 7; /* the same VRF, but out of a tunnel */
    CU_ASSERT_FALSE(joined(take(m)));
    m = take(fragment(1, 2, 64, 30, false, 2));
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_TRUE(dp_meta(m)->vrf == 0 && dp_meta(m)->if_in == 1);
    rte_pktmbuf_free(m);
}

/* A host behind a GRE tunnel sends with the addresses of the tunnel's ends: its pieces and those that the tunnel's SA delivered came
 * in by one interface. */
static void fragments_of_a_tunnel_and_of_what_is_in_it_never_join(void)
{
    struct rte_mbuf *m;
    fresh();
    m = fragment(1, 2, 0, 64, true, 1);
    dp_meta(m)->stage = DP_STAGE_GRE;
    CU_ASSERT_PTR_NULL(take(m));
    m = fragment(1, 2, 64, 30, false, 2);
    dp_meta(m)->stage = DP_STAGE_IP;
    CU_ASSERT_FALSE(joined(take(m)));
    m = fragment(1, 2, 64, 30, false, 3);
    dp_meta(m)->stage = DP_STAGE_GRE;
    CU_ASSERT_TRUE(joined(take(m)));
}

static void lone_fragments_do_not_keep_others_from_joining(void)
{
    fresh();
    for (uint32_t i = 0; i < 900; i++) /* the test's pool bounds it */
        CU_ASSERT_PTR_NULL(take(fragment(0x010000 + i, (uint16_t)i, 0, 64, true, 1)));
    for (uint16_t i = 0; i < 20; i++)
        CU_ASSERT_TRUE(pair(0x050000, i));
}

static void one_source_holds_a_fixed_number_of_datagrams(void)
{
    fresh();
    CU_ASSERT_PTR_NULL(take(fragment(9, 1, 0, 64, true, 1)));
    for (uint16_t i = 0; i < 500; i++)
        CU_ASSERT_PTR_NULL(take(fragment(7, i, 0, 64, true, 1)));
    CU_ASSERT_EQUAL(pkt_used(), 1 + IP_REASS_OF_SOURCE);
    CU_ASSERT_TRUE(joined(take(fragment(7, 499, 64, 8, false, 1)))); /* the newest is there still */
    CU_ASSERT_TRUE(joined(take(fragment(9, 1, 64, 8, false, 1))));
}

static void the_table_is_bounded_and_the_eldest_goes(void)
{
    fresh();
    unsigned most = 0;
    for (uint32_t i = 0; i < 3 * IP_REASS_DATAGRAMS; i++) {
        CU_ASSERT_PTR_NULL(take(fragment(i * 2654435761u, 1, 0, 8, true, 1)));
        most = RTE_MAX(most, pkt_used());
        if (i % 900 == 899) /* the pool of the test is smaller than the table */
            ip_reass_expire(table, 1000 + 2 * HZ);
    }
    CU_ASSERT_TRUE(most <= IP_REASS_FRAGMENTS);
    ip_reass_expire(table, 1000 + 2 * HZ);
    CU_ASSERT_EQUAL(pkt_used(), 0);
}

static void rfc_5722_overlap_ends_the_datagram(void)
{
    fresh();
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 0, 64, true, 1)));
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 56, 30, false, 2)));
    CU_ASSERT_EQUAL(pkt_used(), 0);
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 64, 8, false, 2)));
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 0, 64, true, 1))); /* also what comes after it */
    CU_ASSERT_EQUAL(pkt_used(), 0);
    ip_reass_expire(table, 1000 + 2 * HZ);
    CU_ASSERT_TRUE(pair(1, 1)); /* when its time is over, the identification is free again */
    CU_ASSERT_PTR_NULL(take(fragment(1, 4, 0, 64, true, 1)));
    CU_ASSERT_PTR_NULL(take(fragment(1, 4, 0, 64, true, 3))); /* the same place, other octets */
    CU_ASSERT_EQUAL(pkt_used(), 0);
    CU_ASSERT_PTR_NULL(take(fragment(1, 2, 0, 64, true, 1)));
    CU_ASSERT_PTR_NULL(take(fragment(1, 2, 0, 64, true, 1))); /* doubled by the network: no harm */
    CU_ASSERT_TRUE(joined(take(fragment(1, 2, 64, 8, false, 2))));
    CU_ASSERT_PTR_NULL(take(fragment(1, 3, 64, 8, false, 2)));
    CU_ASSERT_PTR_NULL(take(fragment(1, 3, 128, 8, true, 2))); /* behind the end */
    CU_ASSERT_FALSE(joined(take(fragment(1, 3, 0, 64, true, 1))));
    fresh();
}

/* Datagrams that ended by an overlap hold nothing: that one of them goes makes no room for the next fragment. */
static void dead_datagrams_do_not_lift_the_bound(void)
{
    enum { DEAD = 8 };
    struct rte_mempool *small = pkt_pool;
    unsigned most = 0;
    fresh();
    pkt_pool =
        rte_pktmbuf_pool_create("many", 4095, 0, sizeof(struct dp_meta), 256 + RTE_PKTMBUF_HEADROOM, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pkt_pool);
    for (uint32_t i = 0; i < DEAD; i++) {
        CU_ASSERT_PTR_NULL(take(fragment(i + 1, 1, 0, 16, true, 1)));
        CU_ASSERT_PTR_NULL(take(fragment(i + 1, 1, 8, 16, true, 1)));
    }
    for (uint32_t i = 0; i < IP_REASS_DATAGRAMS - DEAD; i++)
        for (uint16_t at = 0; at < 32; at = (uint16_t)(at + 16)) {
            CU_ASSERT_PTR_NULL(take(fragment(100 + i, 1, at, 8, true, 1)));
            most = RTE_MAX(most, pkt_used());
        }
    CU_ASSERT_EQUAL(most, IP_REASS_FRAGMENTS);
    ip_reass_expire(table, 1000 + 2 * HZ);
    CU_ASSERT_EQUAL(pkt_used(), 0);
    rte_mempool_free(pkt_pool);
    pkt_pool = small;
}

static struct rte_mbuf *take_limited(struct rte_mbuf *m, uint16_t datagrams, uint8_t fragments,
                                     uint8_t timeout_s, uint64_t now)
{
    const struct ip_reass_limits l = {datagrams, fragments, timeout_s};
    return ip_reass_take(table, m, &l, now);
}

static void limits_of_an_interface(void)
{
    fresh();
    CU_ASSERT_PTR_NULL(take_limited(fragment(1, 1, 0, 64, true, 1), 2, 0, 0, 5));
    CU_ASSERT_PTR_NULL(take_limited(fragment(2, 1, 0, 64, true, 1), 2, 0, 0, 5));
    CU_ASSERT_PTR_NULL(
        take_limited(fragment(3, 1, 0, 64, true, 1), 2, 0, 0, 5)); /* a third one is not begun */
    CU_ASSERT_EQUAL(pkt_used(), 2);
    CU_ASSERT_TRUE(joined(take_limited(fragment(1, 1, 64, 8, false, 1), 2, 0, 0, 5)));
    CU_ASSERT_PTR_NULL(take_limited(fragment(3, 1, 0, 64, true, 1), 2, 0, 0, 5));
    fresh();
    CU_ASSERT_PTR_NULL(take_limited(fragment(1, 1, 0, 8, true, 1), 0, 2, 0, 5));
    CU_ASSERT_PTR_NULL(take_limited(fragment(1, 1, 8, 8, true, 1), 0, 2, 0, 5));
    CU_ASSERT_PTR_NULL(
        take_limited(fragment(1, 1, 16, 8, false, 1), 0, 2, 0, 5)); /* three pieces are too many */
    CU_ASSERT_EQUAL(pkt_used(), 0);
    CU_ASSERT_PTR_NULL(take_limited(fragment(1, 2, 0, 64, true, 1), 0, 0, 5, 5));
    ip_reass_expire(table, 5 + 4 * HZ);
    CU_ASSERT_TRUE(joined(take_limited(fragment(1, 2, 64, 8, false, 1), 0, 0, 5, 5 + 4 * HZ)));
    CU_ASSERT_PTR_NULL(take_limited(fragment(1, 3, 0, 64, true, 1), 0, 0, 1, 5));
    CU_ASSERT_PTR_NULL(
        take_limited(fragment(1, 3, 64, 8, false, 1), 0, 0, 1, 5 + 2 * HZ)); /* another's piece by now */
    fresh();
}

/* Hop-by-hop options stand in front of the fragment header, in each piece. */
static struct rte_mbuf *fragment6(uint16_t at, uint8_t len, bool more)
{
    uint8_t b[200] = {0x60, [5] = (uint8_t)(16 + len), [7] = 64, [8] = 0x20, [23] = 1, [24] = 0x20, [39] = 2};
    b[40] = 44; /* hop-by-hop, then the fragment header, then UDP */
    b[42] = 1;
    b[43] = 4;
    b[48] = IP_PROTO_UDP;
    b[50] = (uint8_t)(at >> 8);
    b[51] = (uint8_t)(at | more);
    b[55] = 9;
    for (uint8_t i = 0; i < len; i++)
        b[56 + i] = (uint8_t)(at + i);
    if (at == 0)
        b[60] = 0, b[61] = 40; /* UDP's length */
    struct rte_mbuf *m = pkt_of(b, 56u + len);
    CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_IP);
    CU_ASSERT_TRUE_FATAL(dp_meta(m)->frag);
    dp_meta(m)->vrf = 0;
    dp_meta(m)->if_in = 1;
    return m;
}

static void RFC8200_4_5_options_before_the_fragment_header_stay(void)
{
    fresh();
    CU_ASSERT_PTR_NULL(take(fragment6(32, 8, false)));
    struct rte_mbuf *m = take(fragment6(0, 32, true));
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_EQUAL(m->data_len, 40 + 8 + 40);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    CU_ASSERT_TRUE(dp_meta(m)->proto == IP_PROTO_UDP && dp_meta(m)->l3_len == 48 && !dp_meta(m)->frag);
    CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, const uint8_t *)[48 + 39], 39);
    rte_pktmbuf_free(m);
}

static void senseless_fragments_are_dropped(void)
{
    fresh();
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 0, 63, true, 1))); /* not a multiple of 8 */
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 65528, 100, false, 1)));
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 8, 0, false, 1)));
    CU_ASSERT_EQUAL(pkt_used(), 0);
    for (uint16_t i = 0; i < IP_REASS_OF_DATAGRAM + 1; i++) /* more pieces than anything served here has */
        CU_ASSERT_PTR_NULL(take(fragment(1, 2, (uint16_t)(i * 8), 8, true, 1)));
    CU_ASSERT_EQUAL(pkt_used(), 0);
    for (uint16_t i = 0; i < 5; i++) /* longer than the pool's data room */
        CU_ASSERT_PTR_NULL(take(fragment(1, 3, (uint16_t)(i * 1000), 1000, i < 4, 1)));
    CU_ASSERT_EQUAL(pkt_used(), 0);
}

/* Given = in datagrams + counted + held, whatever comes. */
static void every_fragment_is_accounted_for(void)
{
    uint64_t given = 0, used = 0, counted = 0, now = 1000;
    uint32_t seed = 4711;
    fresh();
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        const uint16_t id = (uint16_t)(seed >> 20 & 31), at = (uint16_t)((seed >> 14 & 3) * 64);
        const bool last = at == 128;
        const uint16_t len = (uint16_t)(seed >> 8 & 15 ? 64 : 56); /* now and then a hole, which never ends */
        struct rte_mbuf *m = fragment(seed >> 30, id, at, len, !last, (uint8_t)(seed >> 12 & 15 ? 1 : 2));
        struct rte_mbuf *whole = ip_reass_take(table, m, NULL, now);
        given++;
        now += HZ / 100;
        used += whole ? (rte_pktmbuf_data_len(whole) - 20u + 63u) / 64u : 0;
        rte_pktmbuf_free(whole);
    }
    for (unsigned i = 0; i < CV_DROP_COUNT; i++)
        counted += drops[i];
    CU_ASSERT_EQUAL(given, used + counted + pkt_used());
    CU_ASSERT(used > 100 && drops[CV_DROP_FRAGMENT_OVERLAP] > 100 && drops[CV_DROP_FRAGMENT_LATE] > 100);
}

static struct rte_mbuf *take_at(struct rte_mbuf *m, uint64_t now)
{
    return ip_reass_take(table, m, NULL, now);
}

/* n datagrams of two pieces from source 1, in a hurry: identifications from `id` on. */
static void many(uint16_t id, unsigned n, uint64_t *now)
{
    for (unsigned i = 0; i < n; i++, id++, *now += HZ / 100000) {
        CU_ASSERT_PTR_NULL(take_at(fragment(1, id, 0, 64, true, 1), *now));
        CU_ASSERT_TRUE(joined(take_at(fragment(1, id, 64, 64, false, 1), *now)));
    }
}

/* Of the datagram all of whose octets are `fill`. */
static bool is_pure(struct rte_mbuf *whole, uint8_t fill)
{
    const uint8_t *p = whole ? rte_pktmbuf_mtod_offset(whole, const uint8_t *, 20) : NULL;
    bool pure = whole && whole->data_len == 20 + 128;
    for (unsigned i = 0; pure && i < 128; i++)
        pure = p[i] == fill;
    rte_pktmbuf_free(whole);
    return pure;
}

/* A piece was lost, and what is left waits while the sender's identifications come round, one worker's share of them here: well before
 * the time of reassembly is over. Neither piece joins one of the next datagram of that identification, whichever of its pieces comes first. */
static void RFC_4963_2_an_identification_that_comes_round_finds_no_old_piece(void)
{
    enum { ID = 7, OLD = 0xaa, NEW = 0xbb, SHARE = 65536 / CV_MAX_WORKERS };
    for (unsigned k = 0; k < 4; k++) {
        const bool first_lost = k & 1, back = k & 2;
        uint64_t now = 1000;
        fresh();
        CU_ASSERT_PTR_NULL(take_at(
            first_lost ? fragment(1, ID, 64, 64, false, OLD) : fragment(1, ID, 0, 64, true, OLD), now));
        many(ID + 1, SHARE, &now);
        CU_ASSERT_TRUE(now < 1000 + (uint64_t)HZ / 1000 * IP_REASS_LIFETIME_MS);
        CU_ASSERT_EQUAL(drops[CV_DROP_FRAGMENT_LATE], 0);
        CU_ASSERT_PTR_NULL(
            take_at(back ? fragment(1, ID, 64, 64, false, NEW) : fragment(1, ID, 0, 64, true, NEW), now));
        CU_ASSERT_EQUAL(drops[CV_DROP_FRAGMENT_LATE], 1);
        CU_ASSERT_TRUE(is_pure(
            take_at(back ? fragment(1, ID, 0, 64, true, NEW) : fragment(1, ID, 64, 64, false, NEW), now),
            NEW));
        CU_ASSERT_EQUAL(drops[CV_DROP_FRAGMENT_OVERLAP], 0);
    }
}

/* What the network only puts out of order joins, as far behind as many workers' queues may be; also behind many fragments of others. */
static void pieces_are_late_by_others_of_their_sender_alone(void)
{
    uint64_t now = 1000;
    unsigned pure = 0;
    fresh();
    CU_ASSERT_PTR_NULL(take_at(fragment(1, 7, 0, 64, true, 3), now));
    many(8, IP_REASS_BETWEEN / 2, &now);
    CU_ASSERT_TRUE(is_pure(take_at(fragment(1, 7, 64, 64, false, 3), now), 3));
    CU_ASSERT_PTR_NULL(take_at(fragment(1, 6, 0, 64, true, 3), now));
    many(8, IP_REASS_BETWEEN / 2, &now);
    CU_ASSERT_PTR_NULL(take_at(fragment(1, 5, 64, 64, false, 3), now));
    CU_ASSERT_PTR_NULL(take_at(fragment(1, 6, 64, 64, false, 4), now)); /* one too many lay between */
    CU_ASSERT_EQUAL(drops[CV_DROP_FRAGMENT_LATE], 1);
    for (uint32_t src = 2; src < 5; src++)
        CU_ASSERT_PTR_NULL(take_at(fragment(src, 7, 0, 64, true, 5), now));
    many(8, IP_REASS_BETWEEN, &now);
    for (uint32_t src = 2; src < 5; src++)
        pure += is_pure(take_at(fragment(src, 7, 64, 64, false, 5), now), 5);
    CU_ASSERT_TRUE(pure >= 2); /* one may be counted with the first: 2048 lists hold all senders */
    CU_ASSERT_PTR_NULL(
        take_at(fragment6(32, 8, false), now)); /* 32 bits of identification do not come round */
    many(8, IP_REASS_BETWEEN, &now);
    CU_ASSERT_TRUE(joined(take_at(fragment6(0, 32, true), now)));
    fresh();
}

/* ---- congestion marks --------------------------------------------------------------------------------------------- */
static struct rte_mbuf *marked(struct rte_mbuf *m, uint8_t family, uint8_t tos)
{
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    if (family == IP_V6) {
        ip[0] = (uint8_t)(0x60 | tos >> 4);
        ip[1] = (uint8_t)(tos << 4);
        return m;
    }
    ip[1] = tos;
    memset(ip + 10, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, 2);
    return m;
}

/* The TOS or traffic class of the whole of three fragments with these marks and the DSCP 10; -1: there is none. */
static int joined_mark(uint8_t family, const uint8_t mark[3], unsigned turn)
{
    int got = -1;
    for (unsigned i = 0; i < 3; i++) {
        const unsigned k = (i + turn) % 3;
        struct rte_mbuf *m = family == IP_V6 ? fragment6((uint16_t)(k * 8), 8, k < 2)
                                             : fragment(1, 1, (uint16_t)(k * 8), 8, k < 2, 1);
        struct rte_mbuf *whole = take(marked(m, family, (uint8_t)(10 << 2 | mark[k])));
        if (whole) {
            got = ip_tos(rte_pktmbuf_mtod(whole, const uint8_t *), family);
            CU_ASSERT_TRUE(family == IP_V6 ||
                           ip_fold(ip_sum(rte_pktmbuf_mtod(whole, const uint8_t *), 20, 0)) == 0xffff);
        }
        rte_pktmbuf_free(whole);
    }
    return got;
}

/* Every mixture of marks, whichever fragment comes first. */
static void RFC_3168_5_3_no_mark_of_a_fragment_is_lost(void)
{
    for (unsigned n = 0; n < 2 * 3 * 64; n++) {
        const uint8_t mark[3] = {n & 3, n >> 2 & 3, n >> 4 & 3}, family = n / 64 % 2 ? IP_V6 : IP_V4;
        bool congested = false, deaf = false;
        fresh();
        for (unsigned k = 0; k < 3; k++) {
            congested |= mark[k] == IP_ECN_CE;
            deaf |= mark[k] == IP_ECN_NOT_ECT;
        }
        const int want = !congested ? 10 << 2 | mark[0] : deaf ? -1 : 10 << 2 | IP_ECN_CE;
        CU_ASSERT_EQUAL(joined_mark(family, mark, n / 128), want);
        CU_ASSERT_EQUAL(drops[CV_DROP_ECN], want < 0 ? 3 : 0);
        CU_ASSERT_EQUAL(pkt_used(), 0);
    }
}

static void an_unfinished_datagram_expires(void)
{
    fresh();
    CU_ASSERT_PTR_NULL(take(fragment(1, 1, 0, 64, true, 1)));
    ip_reass_expire(table, 1000 + HZ / 1000 * IP_REASS_LIFETIME_MS);
    CU_ASSERT_EQUAL(pkt_used(), 1);
    CU_ASSERT_EQUAL(drops[CV_DROP_FRAGMENT_LATE], 0);
    ip_reass_expire(table, 1001 + HZ / 1000 * IP_REASS_LIFETIME_MS);
    CU_ASSERT_EQUAL(pkt_used(), 0);
    CU_ASSERT_EQUAL(drops[CV_DROP_FRAGMENT_LATE], 1);
    ip_reass_free(table);
    table = NULL;
}

PKT_MAIN("reass", UNIT_TEST(fragments_of_two_vrfs_or_interfaces_never_join),
         UNIT_TEST(every_fragment_is_accounted_for),
         UNIT_TEST(fragments_of_a_tunnel_and_of_what_is_in_it_never_join),
         UNIT_TEST(lone_fragments_do_not_keep_others_from_joining),
         UNIT_TEST(one_source_holds_a_fixed_number_of_datagrams),
         UNIT_TEST(the_table_is_bounded_and_the_eldest_goes), UNIT_TEST(rfc_5722_overlap_ends_the_datagram),
         UNIT_TEST(dead_datagrams_do_not_lift_the_bound), UNIT_TEST(limits_of_an_interface),
         UNIT_TEST(RFC8200_4_5_options_before_the_fragment_header_stay),
         UNIT_TEST(senseless_fragments_are_dropped),
         UNIT_TEST(RFC_4963_2_an_identification_that_comes_round_finds_no_old_piece),
         UNIT_TEST(pieces_are_late_by_others_of_their_sender_alone),
         UNIT_TEST(RFC_3168_5_3_no_mark_of_a_fragment_is_lost), UNIT_TEST(an_unfinished_datagram_expires))
