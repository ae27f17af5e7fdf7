/* addr: addresses, prefixes and traffic selectors (RFC 7296 3.13.1, RFC 4301 4.4.1.1). */
#include "common/addr.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct ip_addr A(const char *text) {
    struct ip_addr a = {0};
    if (!ip_addr_parse(text, &a))
        CU_FAIL("address of the test does not parse");
    return a;
}

static struct ts
T(const char *prefix, uint8_t proto, uint16_t lo, uint16_t hi) {
    struct ip_prefix p = {0};
    if (!ip_prefix_parse(prefix, &p))
        CU_FAIL("prefix of the test does not parse");
    return ts_from_prefix(&p, proto, lo, hi);
}

static void
addresses_parse_and_print(void)
{
    static const char *const same[] = {"192.0.2.1",   "0.0.0.0", "255.255.255.255",
                                       "2001:db8::1", "::",      "fe80::1"};
    static const char *const wrong[] = {
        "",           "192.0.2",      "192.0.2.256", "192.0.2.1 ", " 192.0.2.1",
        "192.0.2.01", "192.0.2.1/32", "2001:db8:::", "fe80::1%lo", "host"};
    char text[IP_TEXT_MAX];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct ip_addr a = A(same[i]);
        CU_ASSERT_STRING_EQUAL(ip_addr_text(&a, text), same[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ip_addr a = {.family = 99};
        CU_ASSERT_FALSE(ip_addr_parse(wrong[i], &a));
        CU_ASSERT_EQUAL(a.family, 99);
    }
    struct ip_addr none = {0};
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&none, text), "-");
    CU_ASSERT(ip_addr_is_any(&none) && ip_addr_len(&none) == 0 && ip_addr_bits(&none) == 0);
}

static void address_kinds(void)
{
    struct ip_addr v4 = A("224.0.0.1"), uni = A("223.255.255.255"), v6 = A("ff02::1"), any = A("::");
    CU_ASSERT(ip_addr_is_multicast(&v4) && ip_addr_is_multicast(&v6) && !ip_addr_is_multicast(&uni));
    CU_ASSERT(ip_addr_is_any(&any) && !ip_addr_is_any(&uni));
    struct ip_addr zero4 = A("0.0.0.0");
    CU_ASSERT_FALSE(ip_addr_equal(&zero4, &any));
    CU_ASSERT(ip_addr_equal(&any, &any));
}

static void prefixes_clear_host_bits(void)
{
    struct ip_prefix p;
    char text[IP_TEXT_MAX];
    CU_ASSERT(ip_prefix_parse("10.1.2.3/9", &p));
    CU_ASSERT_STRING_EQUAL(ip_prefix_text(&p, text), "10.0.0.0/9");
    CU_ASSERT(ip_prefix_parse("2001:db8:ffff::1/33", &p));
    CU_ASSERT_STRING_EQUAL(ip_prefix_text(&p, text), "2001:db8:8000::/33");
    CU_ASSERT(ip_prefix_parse("1.2.3.4/0", &p));
    CU_ASSERT_STRING_EQUAL(ip_prefix_text(&p, text), "0.0.0.0/0");
    static const char *const wrong[] = {"10.0.0.0", "10.0.0.0/",     "10.0.0.0/33",
                                        "::/129",   "10.0.0.0/+8",   "10.0.0.0/8 ",
                                        "/8",       "10.0.0.0/0008", "::/4294967296"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_FALSE(ip_prefix_parse(wrong[i], &p));
}

static void prefix_contains(void)
{
    struct ip_prefix p;
    CU_ASSERT(ip_prefix_parse("10.128.0.0/9", &p));
    struct ip_addr in = A("10.255.1.2"), out = A("10.127.255.255"), other = A("::");
    CU_ASSERT(ip_prefix_contains(&p, &in));
    CU_ASSERT_FALSE(ip_prefix_contains(&p, &out));
    CU_ASSERT_FALSE(ip_prefix_contains(&p, &other));
}

static void masks_without_holes(void)
{
    unsigned len = 99;
    struct ip_addr m = A("255.255.255.0"), zero = A("0.0.0.0"), full = A("255.255.255.255"),
                   hole = A("255.0.255.0"), wild = A("0.0.0.255"), none = {0};
    CU_ASSERT(ip_mask_len(&m, &len) && len == 24);
    CU_ASSERT(ip_mask_len(&zero, &len) && len == 0);
    CU_ASSERT(ip_mask_len(&full, &len) && len == 32);
    CU_ASSERT_FALSE(ip_mask_len(&hole, &len));
    CU_ASSERT_FALSE(ip_mask_len(&wild, &len));
    CU_ASSERT_FALSE(ip_mask_len(&none, &len));
}

static void endpoints_print(void)
{
    char text[IP_TEXT_MAX];
    struct ip_endpoint a = {.addr = A("192.0.2.1"), .port = 4500},
                       b = {.addr = A("2001:db8::1"), .port = 500};
    CU_ASSERT_STRING_EQUAL(ip_endpoint_text(&a, text), "192.0.2.1:4500");
    CU_ASSERT_STRING_EQUAL(ip_endpoint_text(&b, text), "[2001:db8::1]:500");
    CU_ASSERT(!ip_endpoint_equal(&a, &b) && ip_endpoint_equal(&a, &a));
}

static void ts_text_forms(void)
{
    char text[TS_TEXT_MAX];
    struct ts t = T("10.0.0.0/8", 0, 0, 65535);
    CU_ASSERT_STRING_EQUAL(ts_text(&t, text), "10.0.0.0/8");
    t = T("10.0.0.0/8", 6, 443, 443);
    CU_ASSERT_STRING_EQUAL(ts_text(&t, text), "10.0.0.0/8[6/443]");
    t.hi[3] = 9;
    CU_ASSERT_STRING_EQUAL(ts_text(&t, text), "10.0.0.0-10.255.255.9[6/443]");
    t = T("::/0", 0, 65535, 0);
    CU_ASSERT_STRING_EQUAL(ts_text(&t, text), "::/0[any/opaque]");
    memset(t.lo, 0xff, 16);
    memset(t.hi, 0xee, 16);
    t.proto = 255;
    t.port_lo = 10000, t.port_hi = 65535;
    CU_ASSERT(strlen(ts_text(&t, text)) < TS_TEXT_MAX);
}

static void RFC_7296_3_13_1_valid_selectors(void)
{
    struct ts any4 = ts_any(IP_V4), any6 = ts_any(IP_V6), t = T("10.0.0.0/8", 17, 5, 4);
    CU_ASSERT(ts_valid(&any4) && ts_valid(&any6) && ts_is_any(&any4) && ts_is_any(&any6));
    CU_ASSERT_FALSE(ts_valid(&t));
    t.port_lo = 65535, t.port_hi = 0;
    CU_ASSERT_TRUE(ts_valid(&t));
    t.lo[0] = 11;
    CU_ASSERT_FALSE(ts_valid(&t));
    struct ts none = {0};
    CU_ASSERT(!ts_valid(&none) && !ts_is_any(&none));
}

static void RFC_7296_2_9_narrowing(void)
{
    struct ts wide = T("10.0.0.0/8", 0, 0, 65535), sub = T("10.1.0.0/16", 6, 80, 90), out;
    CU_ASSERT(ts_intersect(&wide, &sub, &out) && ts_equal(&out, &sub));
    CU_ASSERT(ts_intersect(&sub, &wide, &out) && ts_equal(&out, &sub));
    CU_ASSERT(ts_contains(&wide, &sub) && !ts_contains(&sub, &wide));

    struct ts other = T("10.1.128.0/17", 6, 85, 100), want = T("10.1.128.0/17", 6, 85, 90);
    CU_ASSERT(ts_intersect(&sub, &other, &out) && ts_equal(&out, &want));
    other.proto = 17;
    CU_ASSERT_FALSE(ts_intersect(&sub, &other, &out));
    other = T("10.2.0.0/16", 6, 80, 90);
    CU_ASSERT_FALSE(ts_intersect(&sub, &other, &out));
    other = T("10.1.0.0/16", 6, 91, 95);
    CU_ASSERT_FALSE(ts_intersect(&sub, &other, &out));
    other = T("::/0", 0, 0, 65535);
    CU_ASSERT(!ts_intersect(&sub, &other, &out) && !ts_contains(&other, &sub));
}

static void RFC_4301_4_4_1_1_any_contains_opaque(void)
{
    struct ts any = T("10.0.0.0/8", 17, 0, 65535), opaque = T("10.0.0.0/8", 17, 65535, 0),
              real = T("10.0.0.0/8", 17, 1, 65535), out;
    CU_ASSERT(ts_contains(&any, &opaque) && !ts_contains(&opaque, &any) && ts_contains(&opaque, &opaque));
    CU_ASSERT(!ts_contains(&real, &opaque) && !ts_intersect(&real, &opaque, &out));
    CU_ASSERT(ts_intersect(&any, &opaque, &out) && ts_equal(&out, &opaque));
    struct ip_addr a = A("10.0.0.1");
    CU_ASSERT_FALSE(ts_match(&opaque, &a, 17, 0));
    CU_ASSERT_FALSE(ts_match(&opaque, &a, 17, 65535));
}

static void ts_match_edges(void)
{
    struct ts t = T("192.0.2.0/24", 6, 80, 81);
    struct ip_addr first = A("192.0.2.0"), last = A("192.0.2.255"), out = A("192.0.3.0"), v6 = A("::");
    CU_ASSERT(ts_match(&t, &first, 6, 80) && ts_match(&t, &last, 6, 81));
    CU_ASSERT(!ts_match(&t, &out, 6, 80) && !ts_match(&t, &first, 17, 80) && !ts_match(&t, &v6, 6, 80));
    CU_ASSERT(!ts_match(&t, &first, 6, 79) && !ts_match(&t, &first, 6, 82));
}

static void a_range_that_is_a_prefix_is_found(void)
{
    char text[IP_TEXT_MAX];
    struct ip_prefix p;
    for (unsigned len = 0; len <= 128; len++) {
        struct ip_addr a = A("2001:db8:5555:aaaa:5555:aaaa:5555:aaaa");
        struct ip_prefix in;
        CU_ASSERT(ip_prefix_make(&a, len, &in));
        struct ts t = ts_from_prefix(&in, 0, 0, 65535);
        CU_ASSERT(ts_to_prefix(&t, &p) && ip_prefix_equal(&p, &in));
    }
    struct ts t = T("10.0.0.0/31", 0, 0, 65535);
    CU_ASSERT(ts_to_prefix(&t, &p));
    CU_ASSERT_STRING_EQUAL(ip_prefix_text(&p, text), "10.0.0.0/31");
    t.hi[3] = 2; /* .0-.2 */
    CU_ASSERT_FALSE(ts_to_prefix(&t, &p));
    t.lo[3] = 1; /* .1-.2 */
    CU_ASSERT_FALSE(ts_to_prefix(&t, &p));
}

UNIT_MAIN("addr", UNIT_TEST(addresses_parse_and_print), UNIT_TEST(address_kinds),
          UNIT_TEST(prefixes_clear_host_bits), UNIT_TEST(prefix_contains), UNIT_TEST(masks_without_holes),
          UNIT_TEST(endpoints_print), UNIT_TEST(ts_text_forms), UNIT_TEST(RFC_7296_3_13_1_valid_selectors),
          UNIT_TEST(RFC_7296_2_9_narrowing), UNIT_TEST(RFC_4301_4_4_1_1_any_contains_opaque),
          UNIT_TEST(ts_match_edges), UNIT_TEST(a_range_that_is_a_prefix_is_found))
