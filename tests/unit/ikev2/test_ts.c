/* Traffic selectors of children: RFC 7296 2.9 narrowing, what an initiator accepts, and the pairs that are installed. */
#include "control/ikev2/v2_ts.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static struct ts range(const char *lo, const char *hi, uint8_t proto, uint16_t port_lo, uint16_t port_hi)
{
    struct ip_addr a, b;
    struct ts t;
    memset(&t, 0, sizeof t);
    if (!ip_addr_parse(lo, &a) || !ip_addr_parse(hi, &b))
        abort();
    t.family = a.family;
    t.proto = proto;
    t.port_lo = port_lo;
    t.port_hi = port_hi;
    memcpy(t.lo, a.b, sizeof t.lo);
    memcpy(t.hi, b.b, sizeof t.hi);
    return t;
}

static struct ts net(const char *lo, const char *hi)
{
    return range(lo, hi, 0, 0, 65535);
}

static struct pld_ts_list list(unsigned n, const struct ts *ts)
{
    struct pld_ts_list l;
    memset(&l, 0, sizeof l);
    l.count = n;
    memcpy(l.ts, ts, n * sizeof *ts);
    return l;
}

static void narrowing_is_the_intersection_with_policy(void)
{
    struct ts wide = ts_any(IP_V4), policy_i = net("10.0.0.0", "10.0.255.255"),
              policy_r = net("192.0.2.0", "192.0.2.255");
    struct pld_ts_list l = list(1, &wide);
    struct v2_ts_set set;
    bool more;
    CU_ASSERT_FATAL(v2_ts_narrow(&l, &l, &policy_i, &policy_r, &set, &more));
    CU_ASSERT_FALSE(more);
    CU_ASSERT(set.i_count == 1 && ts_equal(&set.i[0], &policy_i));
    CU_ASSERT(set.r_count == 1 && ts_equal(&set.r[0], &policy_r));
}

static void nothing_in_common_is_refused(void)
{
    struct ts v6 = ts_any(IP_V6), v4 = ts_any(IP_V4), tcp = range("10.0.0.0", "10.0.0.9", 6, 0, 65535),
              udp = range("10.0.0.0", "10.0.0.9", 17, 0, 65535);
    struct pld_ts_list six = list(1, &v6), four = list(1, &v4), none = list(0, &v4), t = list(1, &tcp),
                       u = list(1, &udp);
    struct v2_ts_set set;
    bool more;
    CU_ASSERT_FALSE(v2_ts_narrow(&six, &six, &v4, &v4, &set, &more));
    CU_ASSERT_FALSE(v2_ts_narrow(&four, &six, &v4, &v4, &set, &more));
    CU_ASSERT_FALSE(v2_ts_narrow(&none, &four, &v4, &v4, &set, &more));
    CU_ASSERT_FALSE(v2_ts_narrow(&t, &u, &v4, &v4, &set, &more)); /* no packet is TCP here and UDP there */
}

static void covered_selectors_are_left_out_and_order_is_kept(void)
{
    struct ts any = ts_any(IP_V4), ts[4] = {net("10.0.0.1", "10.0.0.1"), net("10.9.0.0", "10.9.0.255"),
                                            net("10.0.0.0", "10.0.0.255"), net("10.9.0.0", "10.9.0.255")};
    struct pld_ts_list l = list(4, ts), one = list(1, &any);
    struct v2_ts_set set;
    bool more;
    CU_ASSERT_FATAL(v2_ts_narrow(&l, &one, &any, &any, &set, &more));
    CU_ASSERT_EQUAL_FATAL(set.i_count, 2);
    CU_ASSERT(ts_equal(&set.i[0], &ts[2])); /* in the place of the packet's own, which it covers */
    CU_ASSERT(ts_equal(&set.i[1], &ts[1]));
}

static void eight_pairs_fit_nine_are_narrowed_to_the_first(void)
{
    struct ts any = ts_any(IP_V4),
              i[4] = {net("10.0.0.0", "10.0.0.9"), net("10.1.0.0", "10.1.0.9"), net("10.2.0.0", "10.2.0.9"),
                      net("10.3.0.0", "10.3.0.9")},
              r[3] = {net("10.4.0.0", "10.4.0.9"), net("10.5.0.0", "10.5.0.9"), net("10.6.0.0", "10.6.0.9")};
    struct pld_ts_list i4 = list(4, i), i3 = list(3, i), r2 = list(2, r), r3 = list(3, r);
    struct v2_ts_set set;
    struct v2_ts_pairs pairs;
    bool more;
    CU_ASSERT_FATAL(v2_ts_narrow(&i4, &r2, &any, &any, &set, &more));
    CU_ASSERT_FALSE(more);
    CU_ASSERT_FATAL(v2_ts_pair(&set, &pairs));
    CU_ASSERT_EQUAL(pairs.count, 8);
    CU_ASSERT_FATAL(v2_ts_narrow(&i3, &r3, &any, &any, &set, &more));
    CU_ASSERT(more);
    CU_ASSERT(set.i_count == 1 && ts_equal(&set.i[0], &i[0]));
    CU_ASSERT(set.r_count == 1 && ts_equal(&set.r[0], &r[0]));
}

static void pairs_keep_protocols_together(void)
{
    struct v2_ts_set set = {.i_count = 2, .r_count = 2};
    struct v2_ts_pairs pairs;
    set.i[0] = range("10.0.0.0", "10.0.0.9", 6, 0, 65535);
    set.i[1] = range("10.0.0.0", "10.0.0.9", 17, 0, 65535);
    set.r[0] = range("10.1.0.0", "10.1.0.9", 6, 443, 443);
    set.r[1] = range("10.1.0.0", "10.1.0.9", 17, 53, 53);
    CU_ASSERT_FATAL(v2_ts_pair(&set, &pairs));
    CU_ASSERT_EQUAL(pairs.count, 2);
    CU_ASSERT(pairs.i[0].proto == 6 && pairs.r[0].port_lo == 443);
    CU_ASSERT(pairs.i[1].proto == 17 && pairs.r[1].port_lo == 53);
}

static void initiator_takes_only_subsets_of_its_offer(void)
{
    struct v2_ts_set offered = {.i_count = 1, .r_count = 1}, set;
    const char *why;
    offered.i[0] = net("10.0.0.0", "10.0.0.255");
    offered.r[0] = ts_any(IP_V4);
    struct ts inside = net("10.0.0.8", "10.0.0.15"), over = net("10.0.0.8", "10.0.1.15"), v6 = ts_any(IP_V6),
              any = ts_any(IP_V4), mixed[2] = {inside, over};
    struct pld_ts_list a = list(1, &any), in = list(1, &inside), out = list(1, &over), six = list(1, &v6),
                       both = list(2, mixed), none = list(0, &any);
    CU_ASSERT(v2_ts_accept(&in, &a, &offered, &set, &why));
    CU_ASSERT(ts_equal(&set.i[0], &inside));
    CU_ASSERT_FALSE(v2_ts_accept(&out, &a, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&both, &a, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&six, &a, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&in, &six, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&none, &a, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&in, &none, &offered, &set, &why));
}

static void initiator_refuses_more_than_it_can_install(void)
{
    struct v2_ts_set offered = {.i_count = 1, .r_count = 1}, set;
    struct ts many[PLD_MAX_TS];
    const char *why;
    offered.i[0] = offered.r[0] = ts_any(IP_V4);
    for (unsigned i = 0; i < PLD_MAX_TS; i++) {
        many[i] = net("10.0.0.0", "10.0.0.9");
        many[i].lo[2] = many[i].hi[2] = (uint8_t)i;
    }
    struct pld_ts_list l3 = list(3, many), l32 = list(PLD_MAX_TS, many), l1 = list(1, many),
                       l8 = list(8, many);
    CU_ASSERT(v2_ts_accept(&l8, &l1, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&l3, &l3, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&l32, &l1, &offered, &set, &why));
    CU_ASSERT_FALSE(v2_ts_accept(&l32, &l32, &offered, &set, &why));
}

static void RFC7296_2_23_1_only_selectors_of_one_address_are_seen_as_another(void)
{
    struct ip_addr seen, six;
    CU_ASSERT_FATAL(ip_addr_parse("198.51.100.7", &seen) && ip_addr_parse("2001:db8::7", &six));
    struct ts one[3] = {net("10.0.0.1", "10.0.0.1"), net("10.0.0.1", "10.0.0.1"),
                        net("10.0.0.2", "10.0.0.2")},
              range = net("10.0.0.1", "10.0.0.2"), out = net("198.51.100.7", "198.51.100.7");
    one[0].proto = 17;
    one[0].port_lo = one[0].port_hi = 4000;
    struct pld_ts_list two = list(2, one), other = list(3, one), many = list(1, &range), none = list(0, one),
                       got;
    CU_ASSERT_FATAL(v2_ts_seen(&two, &seen, &got));
    CU_ASSERT_EQUAL(got.count, 2);
    CU_ASSERT(ts_equal(&got.ts[1], &out));
    out.proto = 17;
    out.port_lo = out.port_hi = 4000;
    CU_ASSERT(ts_equal(&got.ts[0], &out)); /* protocol and ports are what they were */
    CU_ASSERT(v2_ts_seen(&two, NULL, &got) && ts_equal(&got.ts[0], &one[0]));
    CU_ASSERT_FALSE(v2_ts_seen(&two, &six, &got));
    CU_ASSERT_FALSE(v2_ts_seen(&other, &seen, &got));
    CU_ASSERT_FALSE(v2_ts_seen(&other, NULL, &got));
    CU_ASSERT_FALSE(v2_ts_seen(&many, &seen, &got));
    CU_ASSERT_FALSE(v2_ts_seen(&none, &seen, &got));
}

UNIT_MAIN("ts", UNIT_TEST(narrowing_is_the_intersection_with_policy), UNIT_TEST(nothing_in_common_is_refused),
          UNIT_TEST(covered_selectors_are_left_out_and_order_is_kept),
          UNIT_TEST(eight_pairs_fit_nine_are_narrowed_to_the_first), UNIT_TEST(pairs_keep_protocols_together),
          UNIT_TEST(initiator_takes_only_subsets_of_its_offer),
          UNIT_TEST(initiator_refuses_more_than_it_can_install),
          UNIT_TEST(RFC7296_2_23_1_only_selectors_of_one_address_are_seen_as_another))
