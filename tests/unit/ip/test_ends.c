/* Which tunnel lies between two ends. */
#include "dataplane/ip/ip_ends.h"
#include "tests/unit/ip/ifs.h"

#include <stdio.h>

static struct cv_if conf(uint32_t id, enum cv_tunnel_mode mode, const char *src, const char *dst)
{
    struct cv_if c = {.if_id = id, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = (uint8_t)mode};
    snprintf(c.name, sizeof c.name, "Tunnel%u", id);
    CU_ASSERT_FATAL(!src || ip_addr_parse(src, &c.tunnel_src));
    CU_ASSERT_FATAL(!dst || ip_addr_parse(dst, &c.tunnel_dst));
    return c;
}

static void set(const struct cv_if *c)
{
    CU_ASSERT_EQUAL_FATAL(ip_if_set(ifs, c, IP_NO_PORT, NULL, 0), CV_OK);
}

/* Its id; 0: none, or several. */
static uint32_t between(uint16_t vrf, const char *local, const char *remote)
{
    struct ip_addr a, b;
    CU_ASSERT_FATAL(ip_addr_parse(local, &a) && ip_addr_parse(remote, &b));
    const struct ip_if *t = ip_ends_find(ifs, vrf, a.family, a.b, b.b);
    return t ? t->id : 0;
}

static void a_tunnel_is_found_by_its_ends_and_the_VRF_of_its_outer_packets(void)
{
    start();
    struct cv_if c = conf(7, CV_TUNNEL_IPSEC4, "192.0.2.1", "192.0.2.2");
    c.vrf = 3;
    c.tunnel_vrf = 2;
    set(&c);
    c = conf(8, CV_TUNNEL_IPSEC6, "2001:db8::1", "2001:db8::2");
    set(&c);
    CU_ASSERT_EQUAL(between(2, "192.0.2.1", "192.0.2.2"), 7);
    CU_ASSERT_EQUAL(between(0, "2001:db8::1", "2001:db8::2"), 8);
    CU_ASSERT_EQUAL(between(3, "192.0.2.1", "192.0.2.2"), 0);
    CU_ASSERT_EQUAL(between(2, "192.0.2.2", "192.0.2.1"), 0);
    CU_ASSERT_EQUAL(between(2, "192.0.2.1", "192.0.2.3"), 0);
    CU_ASSERT_EQUAL(between(0, "2001:db8::1", "2001:db8::3"), 0);
    stop();
}

static void it_is_where_it_was_moved_to_and_away_when_it_is_gone(void)
{
    start();
    struct cv_if c = conf(7, CV_TUNNEL_IPSEC4, "192.0.2.1", "192.0.2.2");
    set(&c);
    set(&c); /* the same again */
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "192.0.2.2"), 7);
    c = conf(7, CV_TUNNEL_IPSEC4, "192.0.2.1", "192.0.2.9");
    set(&c);
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "192.0.2.2"), 0);
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "192.0.2.9"), 7);
    CU_ASSERT_EQUAL(ip_if_del(ifs, 7), CV_OK);
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "192.0.2.9"), 0);
    stop();
}

/* GRE tunnels between the same ends have keys, which ESP does not show. */
static void of_several_none_is_named(void)
{
    start();
    struct cv_if c = conf(7, CV_TUNNEL_GRE, "192.0.2.1", "192.0.2.2");
    c.is_protected = c.gre_keyed = 1;
    c.gre_key = 1;
    set(&c);
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "192.0.2.2"), 7);
    c.if_id = 8;
    c.gre_key = 2;
    set(&c);
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "192.0.2.2"), 0);
    c.is_protected = 0; /* ESP is none of its */
    set(&c);
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "192.0.2.2"), 7);
    stop();
}

static void a_tunnel_without_an_end_is_nowhere(void)
{
    start();
    struct cv_if c = conf(7, CV_TUNNEL_IPSEC4, "192.0.2.1", NULL);
    set(&c);
    c = conf(8, CV_TUNNEL_IPSEC4, NULL, NULL);
    set(&c);
    CU_ASSERT_EQUAL(between(0, "192.0.2.1", "0.0.0.0"), 0);
    CU_ASSERT_EQUAL(between(0, "0.0.0.0", "0.0.0.0"), 0);
    stop();
}

PKT_MAIN("tunnels by their ends", UNIT_TEST(a_tunnel_is_found_by_its_ends_and_the_VRF_of_its_outer_packets),
         UNIT_TEST(it_is_where_it_was_moved_to_and_away_when_it_is_gone), UNIT_TEST(of_several_none_is_named),
         UNIT_TEST(a_tunnel_without_an_end_is_nowhere))
