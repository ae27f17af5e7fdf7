/* Traffic selectors on packets (RFC 4301 4.4.1.1), inbound and outbound. */
#include "dataplane/esp/esp_ts.h"
#include "tests/unit/esp/esp_fix.h"

static struct ts selector(const char *prefix, uint8_t proto, uint16_t lo, uint16_t hi)
{
    struct ip_prefix p;
    CU_ASSERT_FATAL(ip_prefix_parse(prefix, &p));
    return ts_from_prefix(&p, proto, lo, hi);
}

static struct cv_sa with(struct ts local, struct ts remote)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    sa.ts_count = 1;
    sa.ts_local[0] = local;
    sa.ts_remote[0] = remote;
    return sa;
}

/* Sent under `wide`, received under the reverse of `narrow`. */
static enum cv_drop received(const struct cv_sa *narrow, int family)
{
    struct cv_sa wide = fix_sa(FIX_GCM, IP_V4, 0), in = fix_reverse(narrow);
    struct fix f;
    fix_open2(&f, &wide, &in);
    struct rte_mbuf *m = fix_inner(&f, family, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    enum cv_drop d = fix_in(&f, m);
    CU_ASSERT_EQUAL(f.in_counters.ts_failed, d == CV_DROP_TS_IN);
    rte_pktmbuf_free(m);
    fix_close(&f);
    return d;
}

static int sent(const struct cv_sa *sa, int family)
{
    struct fix f;
    fix_open(&f, sa);
    struct rte_mbuf *m = fix_inner(&f, family, 60, 0);
    int r = esp_out_match(f.out, m);
    rte_pktmbuf_free(m);
    fix_close(&f);
    return r;
}

static void both(struct ts local, struct ts remote, int family, bool match)
{
    struct cv_sa sa = with(local, remote);
    CU_ASSERT_EQUAL(sent(&sa, family) != 0, match);
    CU_ASSERT_EQUAL(received(&sa, family), match ? CV_DROP_NONE : CV_DROP_TS_IN);
}

static void addresses_protocols_and_ports(void)
{
    /* the packet: 10.1.0.1:1000 -> 10.2.0.2:2000, UDP */
    both(selector("10.1.0.0/16", 0, 0, 65535), selector("10.2.0.0/16", 0, 0, 65535), IP_V4, true);
    both(selector("10.1.0.1/32", 17, 1000, 1000), selector("10.2.0.2/32", 17, 2000, 2000), IP_V4, true);
    both(selector("10.2.0.0/16", 0, 0, 65535), selector("10.1.0.0/16", 0, 0, 65535), IP_V4, false);
    both(selector("10.1.0.2/32", 0, 0, 65535), selector("10.2.0.0/16", 0, 0, 65535), IP_V4, false);
    both(selector("10.1.0.0/16", 6, 0, 65535), selector("10.2.0.0/16", 6, 0, 65535), IP_V4, false);
    both(selector("10.1.0.0/16", 17, 1001, 65535), selector("10.2.0.0/16", 17, 0, 65535), IP_V4, false);
    both(selector("10.1.0.0/16", 17, 0, 65535), selector("10.2.0.0/16", 17, 0, 1999), IP_V4, false);
    both(selector("10.1.0.0/16", 17, 65535, 0), selector("10.2.0.0/16", 17, 0, 65535), IP_V4,
         false); /* OPAQUE */
    both(selector("fd01::/16", 0, 0, 65535), selector("fd02::/16", 17, 2000, 2000), IP_V6, true);
    both(selector("fd02::/16", 0, 0, 65535), selector("fd02::/16", 0, 0, 65535), IP_V6, false);
    both(ts_any(IP_V4), ts_any(IP_V4), IP_V6, false); /* any IPv4 is not any IPv6 */
    both(ts_any(IP_V6), ts_any(IP_V6), IP_V4, false);
    both(ts_any(IP_V6), ts_any(IP_V6), IP_V6, true);
}

static void selectors_go_in_pairs(void)
{
    struct cv_sa sa = with(selector("10.1.0.0/16", 0, 0, 65535), selector("10.9.0.0/16", 0, 0, 65535));
    sa.ts_count = 2;
    sa.ts_local[1] = selector("10.8.0.0/16", 0, 0, 65535);
    sa.ts_remote[1] = selector("10.2.0.0/16", 0, 0, 65535);
    CU_ASSERT_EQUAL(sent(&sa, IP_V4), 0); /* local of one and remote of the other */
    CU_ASSERT_EQUAL(received(&sa, IP_V4), CV_DROP_TS_IN);
    sa.ts_local[1] = sa.ts_local[0];
    CU_ASSERT_EQUAL(sent(&sa, IP_V4), 1);
    CU_ASSERT_EQUAL(received(&sa, IP_V4), CV_DROP_NONE);
}

static bool match(const struct cv_sa *sa, const uint8_t *p, uint32_t len)
{
    struct esp_ts_pair ts[CV_TS_MAX];
    struct esp_conf conf;
    esp_conf_set(&conf, ts, sa);
    return esp_ts_match(&conf, p, len, CV_DIR_OUT);
}

static void later_fragments_match_any_port_and_OPAQUE_only(void)
{
    uint8_t p[28] = {0x45, 0, 0, 28, 0,  0, 0, 0, 63,   17,   0,    0,
                     10,   1, 0, 1,  10, 2, 0, 2, 0x03, 0xe8, 0x07, 0xd0};
    struct cv_sa port = with(selector("10.0.0.0/8", 17, 1000, 1000), ts_any(IP_V4)),
                 any = with(selector("10.0.0.0/8", 17, 0, 65535), ts_any(IP_V4)),
                 opaque = with(selector("10.0.0.0/8", 17, 65535, 0), ts_any(IP_V4));
    CU_ASSERT(match(&port, p, 28) && match(&any, p, 28) && !match(&opaque, p, 28));
    p[6] = 0x20; /* the first fragment has its ports */
    CU_ASSERT(match(&port, p, 28) && match(&any, p, 28) && !match(&opaque, p, 28));
    p[7] = 1;
    CU_ASSERT(!match(&port, p, 28) && match(&any, p, 28) && match(&opaque, p, 28));
    p[6] = p[7] = 0;
    CU_ASSERT(!match(&port, p, 22) && match(&any, p, 22)); /* ports cut off */
}

static bool may_match(const struct cv_sa *sa, const uint8_t *p, uint32_t len)
{
    struct esp_ts_pair ts[CV_TS_MAX];
    struct esp_conf conf;
    esp_conf_set(&conf, ts, sa);
    return esp_ts_may_match(&conf, p, len, CV_DIR_OUT);
}

static void RFC_4301_7_a_piece_may_be_of_anything_that_it_does_not_show(void)
{
    uint8_t p[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 63, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2, 0x03, 0xe9};
    struct cv_sa port = with(selector("10.0.0.0/8", 17, 1000, 1000), ts_any(IP_V4)),
                 tcp = with(selector("10.0.0.0/8", 6, 0, 65535), ts_any(IP_V4)),
                 other = with(selector("11.0.0.0/8", 17, 1000, 1000), ts_any(IP_V4)),
                 gre = with(selector("10.0.0.0/8", 0, 1000, 1000), ts_any(IP_V4));
    CU_ASSERT(!may_match(&port, p, 28)); /* it shows another port */
    p[7] = 1;
    CU_ASSERT(!match(&port, p, 28) && may_match(&port, p, 28));
    CU_ASSERT(!may_match(&tcp, p, 28) && !may_match(&other, p, 28)); /* what it does show holds */
    p[7] = 0;
    CU_ASSERT(!match(&port, p, 22) && may_match(&port, p, 22)); /* cut off */
    p[9] = 47;
    CU_ASSERT(!may_match(&gre, p, 28)); /* it has none to hide */
    /* A later fragment of IPv6 that names destination options. */
    uint8_t q[56] = {0x60, [6] = 44, [8] = 0xfd, [24] = 0xfd, [40] = 60, [42] = 1};
    struct cv_sa udp = with(selector("fd00::/8", 17, 53, 53), selector("fd00::/8", 17, 0, 65535));
    CU_ASSERT(!match(&udp, q, sizeof q) && may_match(&udp, q, sizeof q));
    q[40] = 6;
    CU_ASSERT(!may_match(&udp, q, sizeof q));
    q[40] = 17;
    CU_ASSERT(!match(&udp, q, sizeof q) && may_match(&udp, q, sizeof q));
}

static void RFC_4301_4_4_1_1_ICMP_type_and_code_are_the_port(void)
{
    uint8_t p[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 63, 1, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2, 8, 0};
    struct cv_sa echo = with(selector("10.0.0.0/8", 1, 0x0800, 0x0800),
                             selector("10.0.0.0/8", 1, 0x0800, 0x0800)),
                 all = with(selector("10.0.0.0/8", 1, 0, 65535), selector("10.0.0.0/8", 1, 0, 65535)),
                 unreach = with(selector("10.0.0.0/8", 1, 0x0300, 0x03ff), ts_any(IP_V4));
    CU_ASSERT(match(&echo, p, 28) && match(&all, p, 28) && !match(&unreach, p, 28));
    p[20] = 3;
    p[21] = 13;
    CU_ASSERT(!match(&echo, p, 28) && match(&all, p, 28) && match(&unreach, p, 28));
}

static bool match_in(const struct cv_sa *sa, const uint8_t *p, uint32_t len)
{
    struct esp_ts_pair ts[CV_TS_MAX];
    struct esp_conf conf;
    esp_conf_set(&conf, ts, sa);
    return esp_ts_match(&conf, p, len, CV_DIR_IN);
}

static void RFC_4301_4_4_1_3_what_is_sent_is_not_what_is_received(void)
{
    uint8_t p[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 63, 1, 0, 0, 10, 1, 0, 1, 10, 1, 0, 2, 8, 0};
    const struct ts echo = selector("10.1.0.0/16", 1, 0x0800, 0x08ff),
                    reply = selector("10.1.0.0/16", 1, 0, 0xff),
                    opaque = selector("10.1.0.0/16", 1, 65535, 0);
    struct cv_sa asks = with(echo, reply), sends = with(echo, opaque), receives = with(opaque, echo);
    for (unsigned answer = 0; answer < 2; answer++) {
        p[20] = answer ? 0 : 8;
        CU_ASSERT_EQUAL(match(&asks, p, 28), !answer);
        CU_ASSERT_EQUAL(match_in(&asks, p, 28), answer);
        CU_ASSERT_EQUAL(match(&sends, p, 28), !answer);
        CU_ASSERT_FALSE(match_in(&sends, p, 28));
        CU_ASSERT_FALSE(match(&receives, p, 28));
        CU_ASSERT_EQUAL(match_in(&receives, p, 28), !answer);
    }
    p[7] = 1; /* a later fragment shows no type: only who has none is met */
    CU_ASSERT(!match(&asks, p, 28) && !match_in(&asks, p, 28) && match_in(&sends, p, 28));
    /* The Mobility Header has one selector: its type stands in one, and holds for both directions. */
    uint8_t q[48] = {0x60, [6] = 135, [8] = 0xfd, [24] = 0xfd, [42] = 5};
    struct cv_sa one = with(selector("fd00::/8", 135, 0x0500, 0x05ff), selector("fd00::/8", 135, 65535, 0));
    CU_ASSERT(match(&one, q, sizeof q) && match_in(&one, q, sizeof q));
    q[42] = 6;
    CU_ASSERT(!match(&one, q, sizeof q) && !match_in(&one, q, sizeof q));
}

static bool takes(const struct cv_sa *sa, const uint8_t *p, uint32_t len)
{
    struct esp_ts_pair ts[CV_TS_MAX];
    struct esp_conf conf;
    esp_conf_set(&conf, ts, sa);
    return esp_ts_takes(&conf, p, len);
}

/* Least offset, in units of 8 octets, at which an SA of OPAQUE takes a fragment; the same with any ports. */
static void least_offset(uint8_t proto, uint8_t least)
{
    uint8_t p[40] = {0x45, 0, 0, 40, 0, 0, 0, 0, 63, proto, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
    const struct cv_sa opaque = with(selector("10.0.0.0/8", proto, 65535, 0),
                                     selector("10.0.0.0/8", proto, 65535, 0)),
                       mixed =
                           with(selector("10.0.0.0/8", 0, 0, 65535), selector("10.0.0.0/8", proto, 65535, 0)),
                       any = with(selector("10.0.0.0/8", proto, 0, 65535),
                                  selector("10.0.0.0/8", proto, 0, 65535));
    for (uint8_t at = 1; at < 5; at++) {
        p[7] = at;
        for (unsigned more = 0; more < 2; more++) {
            p[6] = more ? 0x20 : 0;
            CU_ASSERT_EQUAL(takes(&opaque, p, sizeof p), at >= least);
            CU_ASSERT_EQUAL(takes(&mixed, p, sizeof p), at >= least);
            CU_ASSERT(takes(&any, p, sizeof p)); /* RFC 4301 7.1 */
            CU_ASSERT(match_in(&opaque, p, sizeof p));
        }
    }
    p[6] = 0x1f; /* the last that there may be */
    p[7] = 0xff;
    CU_ASSERT(takes(&opaque, p, sizeof p));
}

static void RFC_4301_7_2_fragments_of_an_OPAQUE_SA_lie_behind_the_header(void)
{
    enum { DCCP = 33, SCTP = 132, GRE = 47 };
    least_offset(6, 3); /* RFC 1858: offset 1 has the flags */
    least_offset(SCTP, 2);
    least_offset(DCCP, 2);
    least_offset(17, 1);
    least_offset(1, 1);
    least_offset(GRE, 1);
    /* IPv6: whatever a later fragment calls what it is of (RFC 8200 4.5). */
    static const uint8_t protos[] = {6, 17, SCTP, DCCP, 58, GRE, 59, 60};
    uint8_t q[64] = {0x60, [6] = 44, [8] = 0xfd, [24] = 0xfd};
    const struct ts none = selector("fd00::/8", 0, 65535, 0);
    const struct cv_sa all = with(none, none);
    for (unsigned i = 0; i < sizeof protos; i++) {
        const struct ts by = selector("fd00::/8", protos[i], 65535, 0);
        const struct cv_sa six = with(by, by);
        q[40] = protos[i];
        for (uint8_t at = 1; at < 5; at++) {
            q[43] = (uint8_t)(at * 8);
            CU_ASSERT_EQUAL(takes(&six, q, sizeof q), at >= 3);
            CU_ASSERT_EQUAL(takes(&all, q, sizeof q), at >= 3);
        }
    }
}

static void RFC_3128_ports_that_are_cut_off_are_not_absent(void)
{
    uint8_t p[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 63, 6, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
    const struct cv_sa opaque =
        with(selector("10.0.0.0/8", 0, 65535, 0), selector("10.0.0.0/8", 0, 65535, 0));
    CU_ASSERT(!takes(&opaque, p, 22));
    p[6] = 0x20;
    CU_ASSERT(!takes(&opaque, p, 22));
    p[9] = 47; /* it has none */
    CU_ASSERT(takes(&opaque, p, 22));
}

static void a_short_offset_is_dropped_behind_its_SA(void)
{
    struct cv_sa wide = fix_sa(FIX_GCM, IP_V4, 0), in = fix_reverse(&wide);
    in.ts_count = 1;
    in.ts_local[0] = in.ts_remote[0] = selector("10.0.0.0/8", 6, 65535, 0);
    struct fix f;
    fix_open2(&f, &wide, &in);
    for (uint8_t at = 1; at < 5; at++) {
        struct rte_mbuf *m = fix_inner(&f, IP_V4, 40, 0);
        uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
        p[7] = at;
        p[9] = 6;
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_in(&f, m), at < 3 ? CV_DROP_TS_IN : CV_DROP_NONE);
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(f.in_counters.ts_failed, 2);
    fix_close(&f);
}

static void IPv6_extension_headers_are_walked_and_bounded(void)
{
    uint8_t p[40 + 12 * 8] = {0x60};
    p[8] = p[24] = 0xfd;
    struct cv_sa udp = with(selector("fd00::/8", 17, 53, 53), selector("fd00::/8", 17, 0, 65535)),
                 any = with(selector("fd00::/8", 0, 0, 65535), selector("fd00::/8", 0, 0, 65535));
    p[6] = 0;   /* hop-by-hop */
    p[40] = 60; /* destination options, of 16 octets */
    p[48] = 44; /* fragment */
    p[49] = 1;
    p[64] = 17;
    p[73] = 53;
    CU_ASSERT(match(&udp, p, sizeof p));
    p[67] = 1; /* more fragments, offset 0 */
    CU_ASSERT(match(&udp, p, sizeof p));
    p[66] = 1; /* a later one: protocol known, ports not */
    CU_ASSERT(!match(&udp, p, sizeof p) && match(&any, p, sizeof p));
    p[66] = p[67] = 0;
    for (uint32_t len = 40; len < 72; len++) /* the chain is cut: fail closed */
        CU_ASSERT(!match(&udp, p, len));
    p[49] = 255;
    CU_ASSERT(!match(&udp, p, sizeof p) && !match(&any, p, sizeof p));
    memset(p + 40, 0, sizeof p - 40);
    for (unsigned i = 0; i < 12; i++)
        p[40 + 8 * i] = 0; /* hop-by-hop after hop-by-hop */
    CU_ASSERT(!match(&any, p, sizeof p));
}

static void truncated_headers_never_match(void)
{
    struct cv_sa any = with(selector("0.0.0.0/1", 0, 0, 65535), ts_any(IP_V4));
    uint8_t p[24] = {0x46, 0, 0, 24, 0, 0, 0, 0, 63, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
    CU_ASSERT(match(&any, p, 24));
    for (uint32_t len = 0; len < 24; len++)
        CU_ASSERT(!match(&any, p, len));
    p[0] = 0x44;
    CU_ASSERT(!match(&any, p, 24));
}

UNIT_MAIN_EAL("esp_ts", UNIT_TEST(addresses_protocols_and_ports), UNIT_TEST(selectors_go_in_pairs),
              UNIT_TEST(later_fragments_match_any_port_and_OPAQUE_only),
              UNIT_TEST(RFC_4301_7_a_piece_may_be_of_anything_that_it_does_not_show),
              UNIT_TEST(RFC_4301_4_4_1_1_ICMP_type_and_code_are_the_port),
              UNIT_TEST(RFC_4301_4_4_1_3_what_is_sent_is_not_what_is_received),
              UNIT_TEST(RFC_4301_7_2_fragments_of_an_OPAQUE_SA_lie_behind_the_header),
              UNIT_TEST(RFC_3128_ports_that_are_cut_off_are_not_absent),
              UNIT_TEST(a_short_offset_is_dropped_behind_its_SA),
              UNIT_TEST(IPv6_extension_headers_are_walked_and_bounded),
              UNIT_TEST(truncated_headers_never_match))
