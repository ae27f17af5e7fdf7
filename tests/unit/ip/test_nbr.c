/* Neighbours: who is believed, what waits, what is forgotten; and the frames of ARP and ND. */
#include "dataplane/ip/ip_arp.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_nbr.h"
#include "dataplane/ip/ip_nd.h"
#include "tests/unit/ip/pkt.h"

static struct ip_nbrs t;
static unsigned asked, asked_everybody, ready, failed;

static void on_ask(void *ctx, uint32_t if_id, const struct ip_addr *addr, const uint8_t *mac)
{
    (void)ctx, (void)if_id, (void)addr;
    asked++;
    asked_everybody += mac == NULL;
}

static void on_ready(void *ctx, struct rte_mbuf *m)
{
    (void)ctx;
    ready++;
    rte_pktmbuf_free(m);
}

static void on_failed(void *ctx, struct rte_mbuf *m)
{
    (void)ctx;
    failed++;
    rte_pktmbuf_free(m);
}

static const struct ip_nbr_calls calls = {NULL, on_ask, on_ready, on_failed};
static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};

static struct ip_addr addr(unsigned n)
{
    uint8_t b[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return ip_addr_v4(b);
}

static void fresh(void)
{
    ip_nbr_flush(&t, 0, &calls);
    CU_ASSERT_EQUAL(t.count + t.unanswered + t.pending, 0);
    asked = asked_everybody = ready = failed = 0;
}

static const struct ip_nbr *find(const struct ip_addr *a)
{
    return ip_nbr_find(&t, 1, a->family, a->b);
}

/* What cannot wait asks, and takes no place of those that wait. */
static void a_question_takes_no_place(void)
{
    const struct ip_addr a = addr(77), b = addr(78);
    struct rte_mbuf *m = pkt_new();
    fresh();
    for (unsigned i = 0; i < 2 * IP_NBR_PENDING; i++)
        ip_nbr_want(&t, 1, &a, m, 0, &calls);
    CU_ASSERT_EQUAL(asked, 1); /* and once a second */
    CU_ASSERT_EQUAL(t.pending, 0);
    for (unsigned i = 0; i < IP_NBR_PENDING; i++)
        CU_ASSERT_EQUAL(ip_nbr_resolve(&t, 1, &a, pkt_new(), 0, &calls), CV_OK);
    ip_nbr_answer(&t, 1, &a, mac_a, 0, &calls);
    CU_ASSERT_EQUAL(ready, IP_NBR_PENDING);
    ip_nbr_want(&t, 1, &a, m, 0, &calls); /* known */
    CU_ASSERT_EQUAL(asked, 1);
    dp_meta(m)->local_out = DP_LOCAL_IKE; /* the host's own questions are not pushed out by others' */
    ip_nbr_want(&t, 1, &b, m, 0, &calls);
    CU_ASSERT_EQUAL(t.list[1][IP_NBR_FOR_HOST].count, 1);
    CU_ASSERT_EQUAL(asked, 2);
    rte_pktmbuf_free(m);
}

static void by_configuration_nothing_a_packet_says_changes_it(void)
{
    struct ip_addr a = addr(1), b = addr(2), c = addr(3);
    const uint8_t group[6] = {3, 0, 0, 0, 0, 1}, zero[6] = {0};
    fresh();
    CU_ASSERT_EQUAL(ip_nbr_fix(&t, 1, &a, group, 0, &calls), CV_EINVAL);
    CU_ASSERT_EQUAL(ip_nbr_fix(&t, 1, &a, zero, 0, &calls), CV_EINVAL);
    CU_ASSERT_EQUAL(ip_nbr_unfix(&t, 1, &a, &calls), CV_ENOENT);
    CU_ASSERT_EQUAL(ip_nbr_resolve(&t, 1, &a, pkt_new(), 0, &calls), CV_OK);
    CU_ASSERT_EQUAL(ip_nbr_fix(&t, 1, &a, mac_a, 0, &calls), CV_OK);
    CU_ASSERT_EQUAL(ready, 1); /* what waited is sent */
    ip_nbr_claim(&t, 1, &a, mac_b, 0, &calls);
    ip_nbr_gossip(&t, 1, &a, mac_b, 0, &calls);
    ip_nbr_answer(&t, 1, &a, mac_b, 0, &calls);
    for (uint64_t ms = 0; ms < 4 * IP_NBR_UNUSED_MS; ms += IP_NBR_FRESH_MS / 2)
        ip_nbr_tick(&t, ms, &calls);
    CU_ASSERT_EQUAL(asked, 1); /* when the packet came, and never again */
    CU_ASSERT_FATAL(find(&a) != NULL);
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_a, 6), 0);
    CU_ASSERT_EQUAL(ip_nbr_fix(&t, 1, &a, mac_b, 0, &calls), CV_OK);
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_b, 6), 0);
    CU_ASSERT_EQUAL(t.list[1][IP_NBR_FIXED].count, 1);
    ip_nbr_claim(&t, 1, &b, mac_a, 0, &calls); /* learned, then configured otherwise */
    CU_ASSERT_EQUAL(ip_nbr_fix(&t, 1, &b, mac_b, 0, &calls), CV_OK);
    CU_ASSERT_EQUAL(memcmp(find(&b)->mac, mac_b, 6), 0);
    CU_ASSERT_EQUAL(ip_nbr_unfix(&t, 1, &b, &calls), CV_OK);
    CU_ASSERT(find(&b) == NULL);
    ip_nbr_claim(&t, 1, &c, mac_a, 0, &calls);
    CU_ASSERT_EQUAL(ip_nbr_unfix(&t, 1, &c, &calls), CV_ENOENT); /* learned, not configured */
}

static void by_configuration_a_flood_does_not_push_it_out(void)
{
    struct ip_addr a;
    fresh();
    for (unsigned i = 0; i < IP_NBR_FIXED_MAX; i++) {
        a = addr(i + 1);
        CU_ASSERT_EQUAL(ip_nbr_fix(&t, 1, &a, mac_a, 0, &calls), CV_OK);
    }
    a = addr(IP_NBR_FIXED_MAX + 1);
    CU_ASSERT_EQUAL(ip_nbr_fix(&t, 1, &a, mac_a, 0, &calls), CV_ENOSPC);
    for (unsigned i = 0; i < IP_NBR_KNOWN_MAX + 100; i++) {
        a = addr(0x20000 + i);
        ip_nbr_claim(&t, 1, &a, mac_b, 0, &calls);
    }
    CU_ASSERT_EQUAL(t.list[1][IP_NBR_FIXED].count, IP_NBR_FIXED_MAX);
    a = addr(1);
    CU_ASSERT(find(&a) != NULL);
}

static void packets_wait_for_the_answer(void)
{
    struct ip_addr a = addr(1);
    fresh();
    for (unsigned i = 0; i < IP_NBR_PENDING; i++)
        CU_ASSERT_EQUAL(ip_nbr_resolve(&t, 1, &a, pkt_new(), 0, &calls), CV_OK);
    struct rte_mbuf *more = pkt_new();
    CU_ASSERT_EQUAL(ip_nbr_resolve(&t, 1, &a, more, 0, &calls), CV_ENOSPC);
    rte_pktmbuf_free(more);
    CU_ASSERT_EQUAL(asked, 1);
    CU_ASSERT_PTR_NULL(find(&a));
    ip_nbr_answer(&t, 2, &a, mac_b, 10, &calls); /* on another link */
    CU_ASSERT_PTR_NULL(find(&a));
    ip_nbr_answer(&t, 1, &a, mac_a, 10, &calls);
    CU_ASSERT_EQUAL(ready, IP_NBR_PENDING);
    CU_ASSERT_PTR_NOT_NULL_FATAL(find(&a));
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_a, 6), 0);
    CU_ASSERT_EQUAL(ip_nbr_resolve(&t, 1, &a, pkt_new(), 20, &calls), CV_OK);
    CU_ASSERT_EQUAL(ready, IP_NBR_PENDING + 1);
}

static void unasked_answers_are_not_believed(void)
{
    struct ip_addr a = addr(2);
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1}, zero[6];
    fresh();
    ip_nbr_answer(&t, 1, &a, mac_a, 0, &calls);
    CU_ASSERT_PTR_NULL(find(&a));
    ip_nbr_claim(&t, 1, &a, group, 0, &calls);
    ip_nbr_claim(&t, 1, &a, zero, 0, &calls);
    CU_ASSERT_PTR_NULL(find(&a));
    ip_nbr_claim(&t, 1, &a, mac_a, 0, &calls); /* it asked for us */
    CU_ASSERT_PTR_NOT_NULL(find(&a));
    ip_nbr_answer(&t, 1, &a, mac_b, 10, &calls);
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_a, 6), 0);
}

static void a_contradicting_claim_makes_us_ask(void)
{
    struct ip_addr a = addr(3);
    fresh();
    ip_nbr_claim(&t, 1, &a, mac_a, 0, &calls);
    ip_nbr_claim(&t, 1, &a, mac_b, 10, &calls);
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_a, 6), 0);
    CU_ASSERT_EQUAL(asked_everybody, 1);
    ip_nbr_claim(&t, 1, &a, mac_b, 11, &calls); /* one question at a time */
    CU_ASSERT_EQUAL(asked, 1);
    ip_nbr_answer(&t, 1, &a, mac_b, 20, &calls); /* solicited: it moved */
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_b, 6), 0);
}

static void silence_fails_after_three_questions(void)
{
    struct ip_addr a = addr(4);
    fresh();
    CU_ASSERT_EQUAL(ip_nbr_resolve(&t, 1, &a, pkt_new(), 0, &calls), CV_OK);
    ip_nbr_tick(&t, 999, &calls);
    CU_ASSERT_EQUAL(asked, 1);
    for (uint64_t ms = 1000; ms <= 3000; ms += 100)
        ip_nbr_tick(&t, ms, &calls);
    CU_ASSERT_EQUAL(asked, IP_NBR_TRIES);
    CU_ASSERT_EQUAL(failed, 1);
    CU_ASSERT_EQUAL(t.count, 0);
}

static void entries_in_use_are_asked_again_and_others_forgotten(void)
{
    struct ip_addr a = addr(5), b = addr(6);
    fresh();
    ip_nbr_claim(&t, 1, &a, mac_a, 0, &calls);
    ip_nbr_claim(&t, 1, &b, mac_b, 0, &calls);
    ip_nbr_find(&t, 1, a.family, a.b)->in_use = 1;
    ip_nbr_tick(&t, IP_NBR_FRESH_MS, &calls);
    CU_ASSERT_EQUAL(asked, 1);
    CU_ASSERT_EQUAL(asked_everybody, 0); /* to its own address first */
    ip_nbr_answer(&t, 1, &a, mac_a, IP_NBR_FRESH_MS + 5, &calls);
    ip_nbr_tick(&t, IP_NBR_UNUSED_MS, &calls);
    CU_ASSERT_PTR_NOT_NULL(find(&a));
    CU_ASSERT_PTR_NULL(find(&b));
}

static bool resolve(uint32_t if_id, const struct ip_addr *a, enum dp_local made)
{
    struct rte_mbuf *m = pkt_new();
    dp_meta(m)->local_out = (uint8_t)made;
    bool kept = ip_nbr_resolve(&t, if_id, a, m, 0, &calls) == CV_OK;
    if (!kept)
        rte_pktmbuf_free(m);
    return kept;
}

static void scan(uint32_t if_id, unsigned from, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct ip_addr a = addr(from + i);
        resolve(if_id, &a, DP_TRANSIT);
    }
}

static void a_scan_costs_a_fixed_amount(void)
{
    fresh();
    scan(1, 1000, 3 * IP_NBR_UNANSWERED_MAX);
    CU_ASSERT_EQUAL(t.unanswered, IP_NBR_UNANSWERED_MAX);
    CU_ASSERT_TRUE(t.pending <= IP_NBR_PENDING_TRANSIT);
    CU_ASSERT_EQUAL(asked, 3 * IP_NBR_UNANSWERED_MAX);
    fresh();
}

/* RFC 6583 4: during a scan neighbours on it and on other links are found still. */
static void a_scan_does_not_stop_resolution(void)
{
    struct ip_addr other = addr(7), same = addr(8), gateway = addr(9);
    fresh();
    scan(2, 1000, 3 * IP_NBR_UNANSWERED_MAX);
    scan(3, 1000, 3 * IP_NBR_UNANSWERED_MAX);
    resolve(1, &other, DP_TRANSIT);
    CU_ASSERT_TRUE(resolve(2, &gateway, DP_LOCAL_ESP));
    scan(2, 5000, 3 * IP_NBR_UNANSWERED_MAX);
    resolve(2, &same, DP_TRANSIT);
    ip_nbr_answer(&t, 1, &other, mac_a, 5, &calls);
    ip_nbr_answer(&t, 2, &same, mac_a, 5, &calls);
    ready = 0;
    ip_nbr_answer(&t, 2, &gateway, mac_a, 5, &calls); /* what this host needs is not displaced by it */
    CU_ASSERT_EQUAL(ready, 1);
    CU_ASSERT_PTR_NOT_NULL(find(&other));
    CU_ASSERT_PTR_NOT_NULL(ip_nbr_find(&t, 2, IP_V4, same.b));
    fresh();
}

static void own_icmp_waits_in_bounded_number_and_leaves_room_for_ike(void)
{
    struct ip_addr gateway = addr(9);
    unsigned kept = 0;
    fresh();
    for (unsigned i = 0; i < 200; i++) {
        struct ip_addr a = addr(1000 + i);
        kept += resolve(1, &a, DP_LOCAL);
    }
    CU_ASSERT_EQUAL(kept, IP_NBR_PENDING_ICMP);
    CU_ASSERT_TRUE(resolve(1, &gateway, DP_LOCAL_IKE));
    fresh();
}

static void claims_are_bounded_per_interface_and_displace_what_is_not_in_use(void)
{
    struct ip_addr used = ip_addr_v6((const uint8_t[16]){0xfe, 0x80, [15] = 1}), other = addr(3);
    fresh();
    ip_nbr_claim(&t, 1, &used, mac_a, 0, &calls);
    ip_nbr_claim(&t, 2, &other, mac_a, 0, &calls);
    for (unsigned i = 0; i < 3 * IP_NBR_KNOWN_MAX; i++) {
        struct ip_addr a = used;
        memcpy(a.b + 8, &i, 4);
        a.b[12] = 7;
        struct ip_nbr *n = ip_nbr_find(&t, 1, IP_V6, used.b);
        CU_ASSERT_PTR_NOT_NULL_FATAL(n);
        n->in_use = 1; /* traffic goes on */
        ip_nbr_claim(&t, 1, &a, mac_b, 0, &calls);
    }
    CU_ASSERT_EQUAL(t.list[1][IP_NBR_KNOWN].count, IP_NBR_KNOWN_MAX);
    CU_ASSERT_EQUAL(t.unanswered, 0);
    CU_ASSERT_PTR_NOT_NULL(ip_nbr_find(&t, 2, IP_V4, other.b));
    fresh();
}

/* All bits of an address and the key decide: nobody fills one bucket. */
static void chosen_addresses_spread_over_the_buckets(void)
{
    static unsigned in[IP_NBR_BUCKETS];
    unsigned longest = 0, same = 0;
    static struct ip_nbrs keyed;
    CU_ASSERT_TRUE(ip_hash_key_make(&keyed.key));
    for (uint32_t i = 0; i < IP_NBR_BUCKETS; i++) {
        struct ip_addr a = ip_addr_v6((const uint8_t[16]){0xfe, 0x80, [15] = 1});
        memcpy(a.b + 8, &i, 4); /* the last 32 bits are all the same */
        uint32_t h = ip_nbr_hash(&keyed, 1, IP_V6, a.b);
        longest = RTE_MAX(longest, ++in[h]);
        same += h == ip_nbr_hash(&t, 1, IP_V6, a.b);
    }
    CU_ASSERT_TRUE(longest < 16);
    CU_ASSERT_TRUE(same < 64);
}

/* RFC 5227 3, RFC 4861 7.2.6: a router that took over says so; in seconds, not minutes, it is believed. */
static void gossip_makes_us_ask_and_teaches_nothing(void)
{
    struct ip_addr a = addr(3), b = addr(4);
    fresh();
    ip_nbr_gossip(&t, 1, &b, mac_b, 0, &calls);
    CU_ASSERT_EQUAL(t.count, 0);
    ip_nbr_claim(&t, 1, &a, mac_a, 0, &calls);
    ip_nbr_gossip(&t, 1, &a, mac_a, 0, &calls);
    CU_ASSERT_EQUAL(asked, 0);
    ip_nbr_gossip(&t, 1, &a, mac_b, 10, &calls);
    ip_nbr_gossip(&t, 1, &a, mac_b, 11, &calls);
    CU_ASSERT_TRUE(asked == 1 && asked_everybody == 0); /* the one we know, first */
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_a, 6), 0);
    for (uint64_t ms = 100; ms <= 2100; ms += 100)
        ip_nbr_tick(&t, ms, &calls);
    CU_ASSERT_EQUAL(asked_everybody, 1);
    ip_nbr_answer(&t, 1, &a, mac_b, 2200, &calls);
    CU_ASSERT_EQUAL(memcmp(find(&a)->mac, mac_b, 6), 0);
    fresh();
}

static void arp_frames_read_back(void)
{
    struct rte_mbuf *m = pkt_new(), *r = pkt_new();
    struct ip_addr own = addr(1), far = addr(2);
    struct ip_arp a, b;
    CU_ASSERT_TRUE(ip_arp_ask(m, mac_a, &own, &far, NULL));
    CU_ASSERT_TRUE_FATAL(ip_arp_read(m, &a));
    CU_ASSERT_TRUE(a.request && ip_addr_equal(&a.target, &far) && ip_addr_equal(&a.sender, &own));
    CU_ASSERT_TRUE(ip_arp_answer(r, mac_b, &a));
    CU_ASSERT_TRUE_FATAL(ip_arp_read(r, &b));
    CU_ASSERT_TRUE(!b.request && ip_addr_equal(&b.sender, &far) && memcmp(b.sender_mac, mac_b, 6) == 0);
    uint8_t *f = rte_pktmbuf_mtod(r, uint8_t *);
    f[6] ^= 4; /* the frame's sender is not the ARP sender */
    CU_ASSERT_FALSE(ip_arp_read(r, &b));
    f[6] ^= 4;
    f[18] = 8; /* hardware address length */
    CU_ASSERT_FALSE(ip_arp_read(r, &b));
    f[18] = 6;
    for (uint16_t n = 0; n < IP_ARP_FRAME; n++) {
        r->data_len = n;
        CU_ASSERT_FALSE(ip_arp_read(r, &b));
    }
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(r);
}

static void nd_frames_read_back_and_rfc_4861_7_1_checks_hold(void)
{
    static const uint8_t own[16] = {0x20, 1, [15] = 1}, far[16] = {0x20, 1, [15] = 2};
    struct rte_mbuf *m = pkt_new(), *r = pkt_new();
    struct ip_nd nd;
    CU_ASSERT_TRUE(ip_nd_ask(m, mac_a, own, far, NULL));
    rte_pktmbuf_adj(m, 14);
    CU_ASSERT_TRUE_FATAL(ip_nd_read(m, 40, &nd));
    CU_ASSERT_EQUAL(nd.type, IP_ND_SOLICIT);
    CU_ASSERT_TRUE(nd.has_mac && memcmp(nd.mac, mac_a, 6) == 0 && memcmp(nd.target.b, far, 16) == 0);
    CU_ASSERT_TRUE(ip_nd_answer(r, mac_b, far, own, mac_a));
    rte_pktmbuf_adj(r, 14);
    CU_ASSERT_TRUE_FATAL(ip_nd_read(r, 40, &nd));
    CU_ASSERT_TRUE(nd.type == IP_ND_ADVERT && nd.solicited && memcmp(nd.mac, mac_b, 6) == 0);
    uint8_t *ip = rte_pktmbuf_mtod(r, uint8_t *);
    ip[7] = 254; /* came over a router */
    CU_ASSERT_FALSE(ip_nd_read(r, 40, &nd));
    ip[7] = 255;
    ip[50] ^= 1; /* checksum */
    CU_ASSERT_FALSE(ip_nd_read(r, 40, &nd));
    ip[50] ^= 1;
    CU_ASSERT_TRUE(ip_nd_read(r, 40, &nd));
    for (uint16_t n = 40; n < 72; n++) {
        r->data_len = n;
        CU_ASSERT_FALSE(ip_nd_read(r, 40, &nd));
    }
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(r);
}

PKT_MAIN("nbr", UNIT_TEST(a_question_takes_no_place),
         UNIT_TEST(by_configuration_nothing_a_packet_says_changes_it),
         UNIT_TEST(by_configuration_a_flood_does_not_push_it_out), UNIT_TEST(packets_wait_for_the_answer),
         UNIT_TEST(unasked_answers_are_not_believed), UNIT_TEST(a_contradicting_claim_makes_us_ask),
         UNIT_TEST(silence_fails_after_three_questions),
         UNIT_TEST(entries_in_use_are_asked_again_and_others_forgotten),
         UNIT_TEST(a_scan_costs_a_fixed_amount), UNIT_TEST(a_scan_does_not_stop_resolution),
         UNIT_TEST(own_icmp_waits_in_bounded_number_and_leaves_room_for_ike),
         UNIT_TEST(claims_are_bounded_per_interface_and_displace_what_is_not_in_use),
         UNIT_TEST(chosen_addresses_spread_over_the_buckets),
         UNIT_TEST(gossip_makes_us_ask_and_teaches_nothing), UNIT_TEST(arp_frames_read_back),
         UNIT_TEST(nd_frames_read_back_and_rfc_4861_7_1_checks_hold))
