/* Longest prefix first, against a plain search; kinds; deletion; the interface table beside it. */
#include "dataplane/ip/ip_if.h"
#include "dataplane/ip/ip_route.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static struct cv_route route(const char *prefix, uint32_t if_id, const char *via)
{
    struct cv_route r = {.if_id = if_id};
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(prefix, &r.prefix));
    if (via)
        CU_ASSERT_TRUE_FATAL(ip_addr_parse(via, &r.next_hop));
    return r;
}

static uint32_t lookup(const struct ip_routes *t, uint16_t vrf, const char *dst)
{
    struct ip_addr a;
    CU_ASSERT_TRUE_FATAL(ip_addr_parse(dst, &a));
    const struct ip_route *r = ip_route_lookup(t, vrf, a.family, a.b);
    return r ? r->if_id : 0;
}

static void add(struct ip_routes *t, enum ip_route_kind kind, const char *prefix, uint32_t if_id)
{
    struct cv_route r = route(prefix, if_id, NULL);
    CU_ASSERT_EQUAL(ip_route_add(t, kind, &r), CV_OK);
}

static void del(struct ip_routes *t, enum ip_route_kind kind, const char *prefix, uint32_t if_id)
{
    struct cv_route r = route(prefix, if_id, NULL);
    CU_ASSERT_EQUAL(ip_route_del(t, kind, &r), CV_OK);
}

static void table_free(struct ip_routes *t)
{
    ip_route_flush(t, 0);
    CU_ASSERT_EQUAL(t->count, 0);
    for (unsigned v = 0; v < CV_MAX_VRFS; v++) {
        free(t->root[v][0]);
        free(t->root[v][1]);
    }
    free(t);
}

static void longest_prefix_wins_in_both_families(void)
{
    struct ip_routes *t = calloc(1, sizeof *t);
    add(t, IP_ROUTE_STATIC, "0.0.0.0/0", 1);
    add(t, IP_ROUTE_STATIC, "10.0.0.0/8", 2);
    add(t, IP_ROUTE_STATIC, "10.1.2.0/23", 3);
    add(t, IP_ROUTE_STATIC, "10.1.2.4/32", 4);
    add(t, IP_ROUTE_STATIC, "::/0", 5);
    add(t, IP_ROUTE_STATIC, "2001:db8::/33", 6);
    add(t, IP_ROUTE_STATIC, "2001:db8::7/128", 7);
    CU_ASSERT_EQUAL(lookup(t, 0, "9.9.9.9"), 1);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.200.0.1"), 2);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.1.3.255"), 3);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.1.4.0"), 2);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.1.2.4"), 4);
    CU_ASSERT_EQUAL(lookup(t, 0, "2001:db8:8000::1"), 5);
    CU_ASSERT_EQUAL(lookup(t, 0, "2001:db8:7fff::1"), 6);
    CU_ASSERT_EQUAL(lookup(t, 0, "2001:db8::7"), 7);
    CU_ASSERT_EQUAL(lookup(t, 1, "10.1.2.4"), 0); /* another VRF sees nothing of it */
    del(t, IP_ROUTE_STATIC, "10.1.2.4/32", 4);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.1.2.4"), 3);
    del(t, IP_ROUTE_STATIC, "10.1.2.0/23", 3);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.1.2.4"), 2);
    del(t, IP_ROUTE_STATIC, "0.0.0.0/0", 1);
    CU_ASSERT_EQUAL(lookup(t, 0, "9.9.9.9"), 0);
    table_free(t);
}

static void local_then_connected_then_static(void)
{
    struct ip_routes *t = calloc(1, sizeof *t);
    add(t, IP_ROUTE_STATIC, "10.0.0.0/24", 3);
    add(t, IP_ROUTE_CONNECTED, "10.0.0.0/24", 2);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.0.0.9"), 2);
    add(t, IP_ROUTE_CONNECTED, "10.0.0.0/24", 5); /* a second address on another link: the elder stays */
    CU_ASSERT_EQUAL(lookup(t, 0, "10.0.0.9"), 2);
    del(t, IP_ROUTE_CONNECTED, "10.0.0.0/24", 2);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.0.0.9"), 5);
    del(t, IP_ROUTE_CONNECTED, "10.0.0.0/24", 5);
    CU_ASSERT_EQUAL(lookup(t, 0, "10.0.0.9"), 3);
    add(t, IP_ROUTE_STATIC, "10.0.0.0/24", 4); /* replaces its like */
    CU_ASSERT_EQUAL(lookup(t, 0, "10.0.0.9"), 4);
    CU_ASSERT_EQUAL(t->count, 1);
    table_free(t);
}

static void bad_routes_are_refused(void)
{
    struct ip_routes *t = calloc(1, sizeof *t);
    struct cv_route r = route("10.0.0.0/8", 1, NULL);
    r.vrf = CV_MAX_VRFS;
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_EINVAL);
    r = route("10.0.0.0/8", CV_MAX_IFS, NULL);
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_EINVAL);
    r = route("10.0.0.0/8", 0, NULL); /* neither interface nor next hop */
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_EINVAL);
    r = route("10.0.0.0/8", 1, "2001:db8::1");
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_EINVAL);
    r = route("10.0.0.0/8", 1, NULL);
    r.prefix.addr.b[3] = 1; /* host bits */
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_EINVAL);
    r = route("10.0.0.0/8", 1, NULL);
    r.prefix.len = 33;
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_EINVAL);
    r.prefix.len = 8;
    r.prefix.addr.family = 9;
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_EINVAL);
    CU_ASSERT_EQUAL(t->count, 0);
    table_free(t);
}

static void a_next_hop_alone_is_resolved_one_level(void)
{
    struct ip_routes *t = calloc(1, sizeof *t);
    const struct ip_addr *hop;
    struct ip_addr dst;
    add(t, IP_ROUTE_CONNECTED, "192.0.2.0/24", 2);
    struct cv_route r = route("10.0.0.0/8", 0, "192.0.2.9");
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_OK);
    CU_ASSERT_TRUE(ip_addr_parse("10.1.1.1", &dst));
    const struct ip_route *got = ip_route_resolve(t, 0, IP_V4, dst.b, &hop);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    CU_ASSERT_EQUAL(got->if_id, 2);
    CU_ASSERT_TRUE(hop && hop->b[3] == 9);
    r = route("10.0.0.0/8", 0, "10.5.5.5"); /* over itself */
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_OK);
    CU_ASSERT_PTR_NULL(ip_route_resolve(t, 0, IP_V4, dst.b, &hop));
    table_free(t);
}

/* What was behind a tunnel must not be looked for on the clear side once the tunnel is gone. */
static void a_next_hop_never_falls_to_the_default_route(void)
{
    struct ip_routes *t = calloc(1, sizeof *t);
    const struct ip_addr *hop;
    struct ip_addr dst;
    CU_ASSERT_TRUE(ip_addr_parse("172.20.0.5", &dst));
    struct cv_route gateway = route("0.0.0.0/0", 1, "10.0.0.254"),
                    via = route("172.20.0.0/16", 0, "172.16.0.2");
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &gateway), CV_OK);
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &via), CV_OK);
    add(t, IP_ROUTE_CONNECTED, "172.16.0.0/30", 3);
    const struct ip_route *got = ip_route_resolve(t, 0, IP_V4, dst.b, &hop);
    CU_ASSERT_TRUE(got && got->if_id == 3);
    ip_route_flush(t, 3);
    CU_ASSERT_PTR_NULL(ip_route_resolve(t, 0, IP_V4, dst.b, &hop));
    struct cv_route known = route("172.16.0.0/12", 2, "10.0.0.7"); /* said on purpose */
    CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &known), CV_OK);
    got = ip_route_resolve(t, 0, IP_V4, dst.b, &hop);
    CU_ASSERT_TRUE(got && got->if_id == 2 && hop && hop->b[3] == 7);
    table_free(t);
}

static void a_flushed_interface_takes_its_static_routes_with_it(void)
{
    struct ip_routes *t = calloc(1, sizeof *t);
    add(t, IP_ROUTE_STATIC, "172.20.0.0/16", 3);
    add(t, IP_ROUTE_STATIC, "172.21.0.0/16", 4);
    ip_route_flush(t, 3);
    CU_ASSERT_EQUAL(lookup(t, 0, "172.20.0.1"), 0);
    CU_ASSERT_EQUAL(lookup(t, 0, "172.21.0.1"), 4);
    table_free(t);
}

/* 4000 random additions and removals, each followed by lookups that a plain search confirms. */
enum { MODEL = 256 };
struct model {
    struct cv_route r;
    bool used;
};

static const struct model *model_find(const struct model *m, const struct ip_addr *a)
{
    const struct model *best = NULL;
    for (unsigned i = 0; i < MODEL; i++)
        if (m[i].used && ip_prefix_contains(&m[i].r.prefix, a) &&
            (!best || m[i].r.prefix.len > best->r.prefix.len))
            best = &m[i];
    return best;
}

static struct ip_addr random_addr(bool v6)
{
    uint8_t b[16];
    for (unsigned i = 0; i < 16; i++) /* few values, so that prefixes nest */
        b[i] = (uint8_t)((rand() & 3) * 0x55);
    return v6 ? ip_addr_v6(b) : ip_addr_v4(b);
}

static void random_changes_agree_with_a_plain_search(void)
{
    static struct model m[MODEL];
    struct ip_routes *t = calloc(1, sizeof *t);
    srand(42);
    for (unsigned round = 0; round < 4000; round++) {
        struct model *e = &m[rand() % MODEL];
        if (e->used) {
            CU_ASSERT_EQUAL(ip_route_del(t, IP_ROUTE_STATIC, &e->r), CV_OK);
            e->used = false;
        } else {
            bool v6 = rand() & 1;
            struct ip_addr a = random_addr(v6);
            struct cv_route r = {.if_id = 1 + (uint32_t)(e - m)};
            CU_ASSERT_TRUE(ip_prefix_make(&a, (unsigned)rand() % (v6 ? 129 : 33), &r.prefix));
            bool there = false;
            for (unsigned i = 0; i < MODEL; i++)
                there = there || (m[i].used && ip_prefix_equal(&m[i].r.prefix, &r.prefix));
            if (there)
                continue;
            CU_ASSERT_EQUAL(ip_route_add(t, IP_ROUTE_STATIC, &r), CV_OK);
            *e = (struct model){r, true};
        }
        for (unsigned k = 0; k < 8; k++) {
            struct ip_addr a = random_addr(k & 1);
            const struct model *want = model_find(m, &a);
            const struct ip_route *got = ip_route_lookup(t, 0, a.family, a.b);
            if ((got ? got->if_id : 0) != (want ? want->r.if_id : 0)) {
                CU_FAIL_FATAL("the trie and the plain search disagree");
            }
        }
    }
    table_free(t);
}

static void interfaces_are_checked_and_published(void)
{
    static struct ip_ifs t;
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct cv_if c = {.if_id = 3, .kind = CV_IF_PORT, .up = 1, .name = "Ethernet0/0"};
    CU_ASSERT_EQUAL(ip_if_set(&t, &c, IP_NO_PORT, NULL, 0), CV_EINVAL);
    CU_ASSERT_EQUAL(ip_if_set(&t, &c, 2, mac, 1500), CV_OK);
    CU_ASSERT_EQUAL(ip_if_of_port(&t, 2)->id, 3);
    CU_ASSERT_EQUAL(ip_if_get(&t, 3)->mtu, 1500);
    c.if_id = 4; /* a port belongs to one interface */
    CU_ASSERT_EQUAL(ip_if_set(&t, &c, 2, mac, 1500), CV_EINVAL);
    c.if_id = 3;
    c.mtu = 9000; /* no more than the port's */
    CU_ASSERT_EQUAL(ip_if_set(&t, &c, 1, mac, 1500), CV_OK);
    CU_ASSERT_EQUAL(ip_if_get(&t, 3)->mtu, 1500);
    CU_ASSERT_PTR_NULL(ip_if_of_port(&t, 2));
    memset(c.name, 'x', sizeof c.name); /* no end */
    CU_ASSERT_EQUAL(ip_if_set(&t, &c, 1, mac, 1500), CV_EINVAL);
    CU_ASSERT_EQUAL(ip_if_del(&t, 3), CV_OK);
    CU_ASSERT_EQUAL(ip_if_del(&t, 3), CV_ENOENT);
    CU_ASSERT_EQUAL(t.count, 0);
}

UNIT_MAIN("route", UNIT_TEST(longest_prefix_wins_in_both_families),
          UNIT_TEST(local_then_connected_then_static), UNIT_TEST(bad_routes_are_refused),
          UNIT_TEST(a_next_hop_alone_is_resolved_one_level),
          UNIT_TEST(a_next_hop_never_falls_to_the_default_route),
          UNIT_TEST(a_flushed_interface_takes_its_static_routes_with_it),
          UNIT_TEST(random_changes_agree_with_a_plain_search),
          UNIT_TEST(interfaces_are_checked_and_published))
