#include "control/apply_json.h"
#include "control/config/cfg.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const char base_text[] = "hostname r1\n"
                                "platform dataplane\n"
                                " workers 1\n"
                                " memory no-huge\n"
                                " port Ethernet0/0 vdev net_null0\n"
                                "interface Ethernet0/0\n"
                                " ip address 192.0.2.1 255.255.255.0\n"
                                " ip address 198.51.100.1 255.255.255.0 secondary\n"
                                "interface Loopback0\n"
                                " ip address 10.0.0.1 255.255.255.255\n"
                                "interface Tunnel1\n"
                                " ip address 172.16.0.1 255.255.255.252\n"
                                " tunnel source Ethernet0/0\n"
                                " tunnel destination 192.0.2.2\n"
                                " tunnel mode ipsec ipv4\n"
                                "ip route 10.2.0.0 255.255.0.0 Tunnel1\n"
                                "ip route 10.3.0.0 255.255.0.0 192.0.2.9 200\n"
                                "ip route 10.3.0.0 255.255.0.0 192.0.2.8\n";

struct world {
    struct rt_names ifs, vrfs;
};

static struct apply_set build(struct world *w, const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    struct apply_set s;
    cv_result r = cfg_parse(text, "test", &c, &f);
    for (unsigned i = 0; r != CV_OK && i < f.count; i++)
        fprintf(stderr, "%d: %s\n", f.items[i].line, f.items[i].text);
    CU_ASSERT_FATAL(r == CV_OK);
    CU_ASSERT_FATAL(apply_build(c, &w->ifs, &w->vrfs, &s) == CV_OK);
    cfg_findings_free(&f);
    cfg_free(c);
    return s;
}

static void world_end(struct world *w)
{
    rt_names_free(&w->ifs);
    rt_names_free(&w->vrfs);
}

/* The commands as text, in order. */
struct script {
    char text[4096];
    unsigned count;
};

static void note(void *ctx, const struct cv_cmd *c)
{
    struct script *s = ctx;
    char a[IP_TEXT_MAX], l[TS_TEXT_MAX], r[TS_TEXT_MAX], line[400] = "?";
    s->count++;
    switch (c->type) {
    case CV_CMD_POLICY_BEGIN:
        snprintf(line, sizeof line, "policy %u", c->u.if_id);
        break;
    case CV_CMD_POLICY_COMMIT:
        snprintf(line, sizeof line, "commit %u", c->u.if_id);
        break;
    case CV_CMD_POLICY_ADD:
        snprintf(line, sizeof line, " %u action %u flow %u %s > %s", c->u.policy.order, c->u.policy.action,
                 c->u.policy.flow_if, ts_text(&c->u.policy.local, l), ts_text(&c->u.policy.remote, r));
        break;
    case CV_CMD_IF_SET:
        snprintf(line, sizeof line, "if %u %s", c->u.interface.if_id, c->u.interface.name);
        break;
    case CV_CMD_IF_DEL:
        snprintf(line, sizeof line, "no if %u", c->u.if_id);
        break;
    case CV_CMD_ADDR_ADD:
    case CV_CMD_ADDR_DEL:
        snprintf(line, sizeof line, "%saddr %u %s/%u", c->type == CV_CMD_ADDR_DEL ? "no " : "",
                 c->u.addr.if_id, ip_addr_text(&c->u.addr.addr, a), c->u.addr.len);
        break;
    case CV_CMD_NBR_ADD:
    case CV_CMD_NBR_DEL:
        snprintf(line, sizeof line, "%snbr %u %s %02x..%02x", c->type == CV_CMD_NBR_DEL ? "no " : "",
                 c->u.nbr.if_id, ip_addr_text(&c->u.nbr.addr, a), c->u.nbr.mac[0], c->u.nbr.mac[5]);
        break;
    case CV_CMD_ICMP_SET:
        snprintf(line, sizeof line, "icmp %02x %02x", c->u.icmp.refused[0][0][0],
                 c->u.icmp.refused[1][1][16]);
        break;
    case CV_CMD_ROUTE_ADD:
    case CV_CMD_ROUTE_DEL:
        snprintf(line, sizeof line, "%sroute %s", c->type == CV_CMD_ROUTE_DEL ? "no " : "",
                 ip_prefix_text(&c->u.route.prefix, a));
        break;
    }
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%s\n", line);
}

static struct script diff(const struct apply_set *was, const struct apply_set *want, bool again)
{
    struct script s = {.count = 0};
    apply_diff(was, want, again, note, &s);
    return s;
}

static void empty_data_plane_gets_everything_in_order(void)
{
    struct world w = {0};
    struct apply_set s = build(&w, base_text);
    struct script got = diff(NULL, &s, false);
    CU_ASSERT_STRING_EQUAL(got.text, "if 1 Ethernet0/0\nif 2 Loopback0\nif 3 Tunnel1\n"
                                     "addr 1 192.0.2.1/24\naddr 1 198.51.100.1/24\naddr 2 10.0.0.1/32\n"
                                     "addr 3 172.16.0.1/30\nroute 10.2.0.0/16\nroute 10.3.0.0/16\n");
    apply_free(&s);
    world_end(&w);
}

/* On the subnet of its port, before routes lead to it; told anew on another wire; forgotten by its address. */
static void neighbours_are_told_after_addresses_and_taken_away(void)
{
    struct world w = {0};
    char text[2048], moved[2048];
    snprintf(text, sizeof text,
             "%sarp 192.0.2.9 0200.0000.0009 arpa\narp 203.0.113.1 0200.0000.0001 arpa\n"
             "ipv6 neighbor 2001:db8::9 Ethernet0/0 0200.0000.000a\n",
             base_text);
    snprintf(moved, sizeof moved, "%sarp 192.0.2.9 0200.0000.000b arpa\n", base_text);
    struct apply_set s = build(&w, text), m = build(&w, moved), base = build(&w, base_text), back;
    CU_ASSERT_EQUAL(s.nbr_count, 2); /* 203.0.113.1 is on the subnet of no port */
    struct script got = diff(NULL, &s, false);
    CU_ASSERT_PTR_NOT_NULL(strstr(got.text, "addr 3 172.16.0.1/30\nnbr 1 192.0.2.9 02..09\n"
                                            "nbr 1 2001:db8::9 02..0a\nroute 10.2.0.0/16\n"));
    CU_ASSERT_STRING_EQUAL(diff(&s, &s, false).text, "");
    CU_ASSERT_STRING_EQUAL(diff(&s, &m, false).text, "no nbr 1 2001:db8::9 02..0a\nnbr 1 192.0.2.9 02..0b\n");
    json_t *j = apply_json(&s);
    CU_ASSERT_EQUAL_FATAL(apply_from_json(j, &back), CV_OK);
    CU_ASSERT_EQUAL(back.nbr_count, 2);
    CU_ASSERT_STRING_EQUAL(diff(&s, &base, false).text,
                           "no nbr 1 192.0.2.9 02..09\nno nbr 1 2001:db8::9 02..0a\n");
    json_decref(j);
    apply_free(&back);
    apply_free(&s);
    apply_free(&m);
    apply_free(&base);
    world_end(&w);
}

static void of_routes_with_one_prefix_the_lowest_distance_stays(void)
{
    struct world w = {0};
    struct apply_set s = build(&w, base_text);
    char text[IP_TEXT_MAX];
    CU_ASSERT_FATAL(s.route_count == 2);
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&s.routes[1].next_hop, text), "192.0.2.8");
    CU_ASSERT(s.routes[1].if_id == 0 && s.routes[0].if_id == 3);
    apply_free(&s);
    world_end(&w);
}

static void tunnel_has_its_outer_addresses_and_port_its_name(void)
{
    struct world w = {0};
    struct apply_set s = build(&w, base_text);
    char text[IP_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&s.ifs[2].tunnel_src, text), "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&s.ifs[2].tunnel_dst, text), "192.0.2.2");
    CU_ASSERT(s.ifs[2].tunnel_mode == CV_TUNNEL_IPSEC4 && s.ifs[2].kind == CV_IF_TUNNEL && s.ifs[2].up);
    CU_ASSERT_STRING_EQUAL(s.ifs[0].port, "Ethernet0/0");
    apply_free(&s);
    world_end(&w);
}

/* A loopback interface with more lines. The caller frees the set and ends the world. */
static struct apply_set loopback_with(struct world *w, const char *lines)
{
    char text[256];
    snprintf(text, sizeof text, "interface Loopback0\n ip address 10.0.0.1 255.255.255.255\n%s", lines);
    struct apply_set s = build(w, text);
    CU_ASSERT_EQUAL_FATAL(s.if_count, 1);
    return s;
}

static void one_MTU_holds_for_both_families_the_smaller(void)
{
    static const struct {
        const char *lines;
        unsigned mtu;
    } cases[] = {{"", 0},
                 {" ip mtu 1400\n", 1400},
                 {" ipv6 mtu 1300\n", 1300},
                 {" ip mtu 1400\n ipv6 mtu 1300\n", 1300},
                 {" ip mtu 1280\n ipv6 mtu 1300\n", 1280}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = {0};
        struct apply_set s = loopback_with(&w, cases[i].lines);
        CU_ASSERT_EQUAL(s.ifs[0].mtu, cases[i].mtu);
        apply_free(&s);
        world_end(&w);
    }
}

static void each_family_has_its_MSS_and_one_alone_is_for_both(void)
{
    static const struct {
        const char *lines;
        unsigned mss, mss6;
    } cases[] = {{"", 0, 0},
                 {" ip tcp adjust-mss 8960\n", 8960, 8940},
                 {" ipv6 tcp adjust-mss 1340\n", 1360, 1340},
                 {" ip tcp adjust-mss 1400\n ipv6 tcp adjust-mss 1340\n", 1400, 1340},
                 {" ip tcp adjust-mss 1300\n ipv6 tcp adjust-mss 1340\n", 1300, 1340},
                 {" ip tcp adjust-mss 1300\n ipv6 tcp adjust-mss 1340\n no ip tcp adjust-mss\n", 1360, 1340}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = {0};
        struct apply_set s = loopback_with(&w, cases[i].lines);
        CU_ASSERT_EQUAL(s.ifs[0].tcp_mss, cases[i].mss);
        CU_ASSERT_EQUAL(s.ifs[0].tcp_mss6, cases[i].mss6);
        apply_free(&s);
        world_end(&w);
    }
}

static void same_configuration_changes_nothing_but_can_be_said_again(void)
{
    struct world w = {0};
    struct apply_set a = build(&w, base_text), b = build(&w, base_text);
    CU_ASSERT(diff(&a, &b, false).count == 0);
    CU_ASSERT(diff(&a, &b, true).count == 10);
    apply_free(&a);
    apply_free(&b);
    world_end(&w);
}

/* What is to be refused is told first of all, and when it changes; what a restart has forgotten is said again. */
static void refused_ICMP_is_told_before_anything_comes_in(void)
{
    struct world w = {0};
    char text[2048];
    snprintf(
        text, sizeof text,
        "%scrypto ipsec icmp unprotected ipv4 discard 0 3 5\ncrypto ipsec icmp unprotected ipv4 accept 5\n"
        "crypto ipsec icmp protected ipv6 discard all\nno crypto ipsec icmp protected ipv6 discard 128 135\n",
        base_text);
    struct apply_set a = build(&w, base_text), b = build(&w, text);
    CU_ASSERT_STRING_EQUAL(diff(&a, &b, false).text, "icmp 09 7e\n");
    CU_ASSERT_STRING_EQUAL(diff(&b, &b, false).text, "");
    CU_ASSERT_STRING_EQUAL(diff(&b, &a, false).text, "icmp 00 00\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(diff(NULL, &b, false).text, "icmp 09 7e\nif 1"));
    apply_free(&a);
    apply_free(&b);
    world_end(&w);
}

static void removals_come_first_but_those_of_routes_and_numbers_stay(void)
{
    struct world w = {0};
    struct apply_set a = build(&w, base_text);
    /* The address of Loopback0 moves to Loopback7; the tunnel goes; one route changes its next hop. */
    struct apply_set b = build(&w, "hostname r1\n"
                                   "platform dataplane\n"
                                   " port Ethernet0/0 vdev net_null0\n"
                                   "interface Loopback7\n"
                                   " ip address 10.0.0.1 255.255.255.255\n"
                                   "interface Ethernet0/0\n"
                                   " ip address 192.0.2.1 255.255.255.0\n"
                                   "ip route 10.3.0.0 255.255.0.0 192.0.2.7\n");
    struct script got = diff(&a, &b, false);
    CU_ASSERT_STRING_EQUAL(got.text,
                           "no addr 1 198.51.100.1/24\nno addr 2 10.0.0.1/32\n"
                           "no addr 3 172.16.0.1/30\nno if 2\nno if 3\n"
                           "if 4 Loopback7\naddr 4 10.0.0.1/32\nroute 10.3.0.0/16\nno route 10.2.0.0/16\n");
    apply_free(&a);
    apply_free(&b);
    world_end(&w);
}

/* A default route that stands before the route into a tunnel would take its packets, in clear. */
static void routes_come_longest_first_and_go_shortest_first_when_others_stand(void)
{
    struct world w = {0};
    char text[sizeof base_text + 256];
    snprintf(text, sizeof text,
             "ip route 0.0.0.0 0.0.0.0 192.0.2.9\n%sip route 10.2.7.0 255.255.255.0 192.0.2.9\n", base_text);
    struct apply_set a = build(&w, base_text), all = build(&w, text);
    struct apply_set none = build(&w, "hostname r1\nplatform dataplane\n port Ethernet0/0 vdev net_null0\n"
                                      "interface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n"
                                      "ip route 10.2.0.0 255.254.0.0 192.0.2.8\n");
    CU_ASSERT_STRING_EQUAL(diff(&a, &all, false).text, "route 10.2.7.0/24\nroute 0.0.0.0/0\n");
    struct script got = diff(NULL, &all, false);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(got.text, "route 10.2.7.0/24\nroute 10.2.0.0/16\nroute 10.3.0.0/16\nroute 0.0.0.0/0\n"));
    got = diff(&all, &none, false);
    CU_ASSERT_PTR_NOT_NULL(strstr(got.text, "\nroute 10.2.0.0/15\nno route 0.0.0.0/0\nno route 10.2.0.0/16\n"
                                            "no route 10.3.0.0/16\nno route 10.2.7.0/24\n"));
    apply_free(&a);
    apply_free(&all);
    apply_free(&none);
    world_end(&w);
}

static void change_of_an_interface_is_sent_alone(void)
{
    struct world w = {0};
    char text[sizeof base_text + 64];
    struct apply_set a = build(&w, base_text);
    snprintf(text, sizeof text, "%sinterface Loopback0\n shutdown\n", base_text);
    struct apply_set b = build(&w, text);
    CU_ASSERT_STRING_EQUAL(diff(&a, &b, false).text, "if 2 Loopback0\n");
    apply_free(&a);
    apply_free(&b);
    world_end(&w);
}

static void remembered_set_removes_what_went_meanwhile(void)
{
    struct world w = {0};
    struct apply_set a = build(&w, base_text), back;
    json_t *j = apply_json(&a);
    CU_ASSERT_FATAL(apply_from_json(j, &back) == CV_OK);
    struct apply_set b =
        build(&w, "hostname r1\ninterface Loopback0\n ip address 10.0.0.1 255.255.255.255\n");
    struct script got = diff(&back, &b, true);
    CU_ASSERT_STRING_EQUAL(got.text, "icmp 00 00\nno addr 1 192.0.2.1/24\n"
                                     "no addr 1 198.51.100.1/24\nno addr 3 172.16.0.1/30\nno if 1\nno if 3\n"
                                     "if 2 Loopback0\naddr 2 10.0.0.1/32\n"
                                     "no route 10.2.0.0/16\nno route 10.3.0.0/16\n");
    json_decref(j);
    apply_free(&a);
    apply_free(&b);
    apply_free(&back);
    world_end(&w);
}

static void damaged_memory_is_refused(void)
{
    static const char *const bad[] = {
        "[]",
        "{\"interfaces\":[{\"if_id\":5000,\"kind\":1,\"vrf\":0,\"name\":\"x\"}]}",
        "{\"interfaces\":[{\"if_id\":5,\"kind\":1,\"vrf\":0}]}",
        "{\"addresses\":[{\"if_id\":5,\"vrf\":0,\"addr\":\"nonsense\",\"len\":24}]}",
        "{\"routes\":[{\"if_id\":5,\"vrf\":64,\"prefix\":\"10.0.0.0/8\"}]}",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct apply_set s;
        json_t *j = json_loads(bad[i], 0, NULL);
        CU_ASSERT(apply_from_json(j, &s) == CV_EPARSE);
        json_decref(j);
    }
    struct apply_set s;
    CU_ASSERT(apply_from_json(NULL, &s) == CV_EPARSE);
}

static const char *source(const struct apply_set *s, const char *dst, char out[IP_TEXT_MAX])
{
    struct ip_addr d, src;
    CU_ASSERT_FATAL(ip_addr_parse(dst, &d));
    return apply_source(s, 0, &d, &src) ? ip_addr_text(&src, out) : "none";
}

static void source_is_the_address_of_the_interface_that_leads_there(void)
{
    struct world w = {0};
    char t[IP_TEXT_MAX];
    struct apply_set s = build(&w, base_text);
    CU_ASSERT_STRING_EQUAL(source(&s, "192.0.2.77", t), "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(source(&s, "10.2.9.9", t), "172.16.0.1"); /* through the tunnel */
    CU_ASSERT_STRING_EQUAL(source(&s, "10.3.9.9", t), "192.0.2.1");  /* through a next hop */
    CU_ASSERT_STRING_EQUAL(source(&s, "203.0.113.1", t), "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(source(&s, "2001:db8::1", t), "none");
    apply_free(&s);
    world_end(&w);
}

/* ---- crypto maps ------------------------------------------------------------------------------------------------- */
/* The port, its map with two permit lines, and what stands behind them. */
#define MAP_HEAD                                                                                             \
    "hostname r1\n"                                                                                          \
    "platform dataplane\n"                                                                                   \
    " port Ethernet0/0 vdev net_null0\n"                                                                     \
    "crypto isakmp policy 10\n"                                                                              \
    " encr aes 256\n"                                                                                        \
    " group 14\n"                                                                                            \
    "crypto isakmp key k address 192.0.2.2\n"                                                                \
    "crypto ipsec transform-set T esp-aes esp-sha256-hmac\n"
#define MAP_ENTRY(more)                                                                                      \
    "crypto map M 10 ipsec-isakmp\n"                                                                         \
    " set peer 192.0.2.2\n"                                                                                  \
    " set transform-set T\n"                                                                                 \
    " match address A\n" more
#define MAP_PORT(more)                                                                                       \
    "interface Ethernet0/0\n"                                                                                \
    " ip address 192.0.2.1 255.255.255.0\n" more
#define MAP_ACL                                                                                              \
    "ip access-list extended A\n"                                                                            \
    " permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n"                                                 \
    " permit tcp 10.1.0.0 0.0.255.255 10.4.0.0 0.0.255.255 eq 80\n"
#define MAP_ON " crypto map M\n"

static const char with_map[] = MAP_HEAD MAP_ACL MAP_ENTRY("") MAP_PORT(MAP_ON);
static const char without_map[] = MAP_HEAD MAP_ACL MAP_ENTRY("") MAP_PORT("");
static const char with_tunnel[] =
    MAP_HEAD MAP_ACL MAP_ENTRY("") MAP_PORT("") "interface Tunnel1\n"
                                                " ip address 172.16.0.1 255.255.255.252\n"
                                                " tunnel source Ethernet0/0\n"
                                                " tunnel destination 192.0.2.2\n"
                                                "ip route 10.2.0.0 255.255.0.0 Tunnel1\n";

static const struct cv_if *named(const struct apply_set *s, const char *name)
{
    for (unsigned i = 0; i < s->if_count; i++)
        if (strcmp(s->ifs[i].name, name) == 0)
            return &s->ifs[i];
    return NULL;
}

static void PR_12_each_permit_line_is_a_flow_and_policies_come_before_addresses(void)
{
    struct world w = {0};
    struct apply_set s = build(&w, with_map);
    struct script got = diff(NULL, &s, false);
    CU_ASSERT_STRING_EQUAL(got.text, "if 1 Ethernet0/0\nif 2 M#10.10\nif 3 M#10.20\n"
                                     "policy 1\n 1 action 1 flow 2 10.1.0.0/16 > 10.2.0.0/16\n"
                                     " 2 action 1 flow 3 10.1.0.0/16[6/*] > 10.4.0.0/16[6/80]\ncommit 1\n"
                                     "addr 1 192.0.2.1/24\n");
    const struct cv_if *f = named(&s, "M#10.10");
    char text[IP_TEXT_MAX];
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_TRUE(f->kind == CV_IF_FLOW && f->flow_port == 1 && f->up && f->tunnel_mode == 0);
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&f->tunnel_src, text), "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&f->tunnel_dst, text), "192.0.2.2");
    apply_free(&s);
    world_end(&w);
}

/* Flows and rows of IPv6 beside those of IPv4 on one port: numbers, order, ends, and the route to where the line leads. */
static void a_map_of_each_family_makes_one_policy(void)
{
    static const char six[] = MAP_HEAD MAP_ACL MAP_ENTRY(
        "") "ipv6 access-list A6\n"
            " permit ipv6 2001:db8:a::/48 2001:db8:b::/48\n"
            "crypto map ipv6 M6 10 ipsec-isakmp\n"
            " set peer 2001:db8:9::2\n"
            " set transform-set T\n"
            " match address A6\n"
            " reverse-route\n" MAP_PORT(MAP_ON " ipv6 address 2001:db8::1/64\n"
                                               " ipv6 crypto map M6\n"
                                               "ipv6 route 2001:db8:9::/48 2001:db8::fe\n");
    struct world w = {0};
    struct apply_set s = build(&w, six), four = build(&w, with_map);
    char text[IP_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(diff(NULL, &s, false).text,
                           "if 1 Ethernet0/0\nif 2 M#10.10\nif 3 M#10.20\nif 4 M6#10.10\n"
                           "policy 1\n 1 action 1 flow 2 10.1.0.0/16 > 10.2.0.0/16\n"
                           " 2 action 1 flow 3 10.1.0.0/16[6/*] > 10.4.0.0/16[6/80]\n"
                           " 3 action 1 flow 4 2001:db8:a::/48 > 2001:db8:b::/48\ncommit 1\n"
                           "addr 1 192.0.2.1/24\naddr 1 2001:db8::1/64\n"
                           "route 2001:db8:9::/48\nroute 2001:db8:b::/48\n");
    const struct cv_if *f = named(&s, "M6#10.10");
    CU_ASSERT_TRUE_FATAL(f && f->kind == CV_IF_FLOW && f->flow_port == 1 && f->tunnel_mode == 0);
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&f->tunnel_src, text), "2001:db8::1");
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&f->tunnel_dst, text), "2001:db8:9::2");
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&s.routes[1].next_hop, text), "2001:db8::fe");
    /* The map goes: its rows go before its flow does, and what IPv4 has stays. What it protected goes nowhere until all else is told. */
    struct script gone = diff(&s, &four, false);
    const char *rows = strstr(gone.text, "policy 1\n 1 action 1 flow 2"),
               *flow = strstr(gone.text, "no if 4"),
               *dropped = strstr(gone.text, " 3 action 5 flow 0 2001:db8:a::/48"),
               *last = flow ? strstr(flow, "policy 1\n 1 action 1 flow 2") : NULL;
    CU_ASSERT_TRUE(rows && flow && rows < flow && !strstr(rows, "flow 4") && !strstr(gone.text, "no if 2"));
    CU_ASSERT_TRUE(rows && dropped && rows < dropped && dropped < flow);
    CU_ASSERT_TRUE(last && !strstr(last, "action 5") && strstr(last, "no route") == NULL);
    apply_free(&s);
    apply_free(&four);
    world_end(&w);
}

static void a_changed_line_commits_before_what_it_replaces_goes_and_the_same_map_is_not_told_again(void)
{
    struct world w = {0};
    struct apply_set a = build(&w, with_map), same = build(&w, with_map);
    struct apply_set b =
        build(&w, MAP_HEAD "ip access-list extended A\n"
                           " permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n"
                           " 30 permit ip 10.1.0.0 0.0.255.255 10.7.0.0 0.0.255.255\n" MAP_ENTRY("")
                               MAP_PORT(MAP_ON));
    CU_ASSERT_EQUAL(diff(&a, &same, false).count, 0);
    CU_ASSERT_STRING_EQUAL(diff(&a, &b, false).text,
                           "if 4 M#10.30\npolicy 1\n 1 action 1 flow 2 10.1.0.0/16 > 10.2.0.0/16\n"
                           " 2 action 1 flow 4 10.1.0.0/16 > 10.7.0.0/16\n"
                           " 3 action 5 flow 0 10.1.0.0/16[6/*] > 10.4.0.0/16[6/80]\ncommit 1\nno if 3\n"
                           "policy 1\n 1 action 1 flow 2 10.1.0.0/16 > 10.2.0.0/16\n"
                           " 2 action 1 flow 4 10.1.0.0/16 > 10.7.0.0/16\ncommit 1\n");
    apply_free(&a);
    apply_free(&same);
    apply_free(&b);
    world_end(&w);
}

/* Nothing in clear in between, whichever way: the map before the route goes, the route before the map goes. */
static void from_a_tunnel_to_a_map_and_back_something_protects_throughout(void)
{
    struct world w = {0};
    struct apply_set map = build(&w, with_map), tunnel = build(&w, with_tunnel);
    struct script to = diff(&tunnel, &map, false), back = diff(&map, &tunnel, false);
    char *commit = strstr(to.text, "commit 1\n"), *gone = strstr(to.text, "no route 10.2.0.0/16\n");
    CU_ASSERT_TRUE(commit && gone && commit < gone);
    char *route = strstr(back.text, "\nroute 10.2.0.0/16\n"),
         *off = strstr(back.text, "policy 1\ncommit 1\n");
    CU_ASSERT_TRUE(route && off && route < off);
    CU_ASSERT_TRUE(off && strcmp(off, "policy 1\ncommit 1\n") == 0);
    apply_free(&map);
    apply_free(&tunnel);
    world_end(&w);
}

/* ... and when a map of the other family stays on the port. */
static void from_one_of_two_maps_to_a_tunnel_something_protects_throughout(void)
{
#define SIX_ACL "ipv6 access-list A6\n permit ipv6 2001:db8:a::/48 2001:db8:b::/48\n"
#define SIX_MAP                                                                                              \
    "crypto map ipv6 M6 10 ipsec-isakmp\n set peer 2001:db8:9::2\n set transform-set T\n match address A6\n"
#define SIX_PORT " ipv6 address 2001:db8::1/64\n ipv6 crypto map M6\n"
    static const char both[] = MAP_HEAD MAP_ACL MAP_ENTRY("") SIX_ACL SIX_MAP MAP_PORT(MAP_ON SIX_PORT);
    static const char six_and_tunnel[] = MAP_HEAD MAP_ACL MAP_ENTRY("")
        SIX_ACL SIX_MAP MAP_PORT(SIX_PORT) "interface Tunnel1\n"
                                           " ip address 172.16.0.1 255.255.255.252\n"
                                           " tunnel source Ethernet0/0\n"
                                           " tunnel destination 192.0.2.2\n"
                                           "ip route 10.2.0.0 255.255.0.0 Tunnel1\n";
    struct world w = {0};
    struct apply_set a = build(&w, both), b = build(&w, six_and_tunnel);
    struct script s = diff(&a, &b, false);
    const char *dropped = strstr(s.text, "action 5 flow 0 10.1.0.0/16 > 10.2.0.0/16\n"),
               *route = strstr(s.text, "\nroute 10.2.0.0/16\n"),
               *last = route ? strstr(route, "policy 1\n") : NULL;
    CU_ASSERT_TRUE(dropped && route && dropped < route);
    CU_ASSERT_TRUE(last && strstr(last, "2001:db8:b::/48") && !strstr(last, "action 5"));
    apply_free(&a);
    apply_free(&b);
    world_end(&w);
}

static void a_policy_is_remembered_by_its_port_and_taken_away_after_a_restart(void)
{
    struct world w = {0};
    struct apply_set a = build(&w, with_map), b = build(&w, without_map), back;
    json_t *j = apply_json(&a);
    CU_ASSERT_FATAL(apply_from_json(j, &back) == CV_OK);
    CU_ASSERT_EQUAL(back.policy_count, 1);
    CU_ASSERT_STRING_EQUAL(diff(&back, &b, true).text, "icmp 00 00\nno if 2\nno if 3\nif 1 Ethernet0/0\n"
                                                       "addr 1 192.0.2.1/24\npolicy 1\ncommit 1\n");
    CU_ASSERT_STRING_EQUAL(diff(NULL, &b, true).text,
                           "icmp 00 00\nif 1 Ethernet0/0\naddr 1 192.0.2.1/24\npolicy 1\ncommit 1\n");
    CU_ASSERT_TRUE(strstr(diff(&back, &a, true).text, " 2 action 1 flow 3") != NULL);
    json_decref(j);
    j = json_loads("{\"policies\":[4096]}", 0, NULL);
    apply_free(&back);
    CU_ASSERT_EQUAL(apply_from_json(j, &back), CV_EPARSE);
    json_decref(j);
    apply_free(&a);
    apply_free(&b);
    world_end(&w);
}

static void reverse_routes_lead_the_way_to_the_peer(void)
{
    struct world w = {0};
    char text[IP_TEXT_MAX];
    struct apply_set far = build(&w, MAP_HEAD MAP_ACL MAP_ENTRY(" reverse-route\n")
                                         MAP_PORT(MAP_ON) "ip route 0.0.0.0 0.0.0.0 192.0.2.254\n"
                                                          "ip route 10.4.0.0 255.255.0.0 192.0.2.77\n");
    CU_ASSERT_EQUAL_FATAL(far.route_count, 3); /* 10.4.0.0/16 is configured: it stays as it is */
    CU_ASSERT_STRING_EQUAL(ip_prefix_text(&far.routes[2].prefix, text), "10.2.0.0/16");
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&far.routes[2].next_hop, text), "192.0.2.2"); /* on the link */
    CU_ASSERT_EQUAL(far.routes[2].if_id, 1);
    apply_free(&far);
    far = build(&w, MAP_HEAD MAP_ACL
                "crypto map M 10 ipsec-isakmp\n"
                " set peer 203.0.113.9\n"
                " set transform-set T\n"
                " match address A\n"
                " reverse-route\n" MAP_PORT(MAP_ON) "ip route 0.0.0.0 0.0.0.0 192.0.2.254\n");
    CU_ASSERT_EQUAL_FATAL(far.route_count, 3);
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&far.routes[1].next_hop, text), "192.0.2.254");
    apply_free(&far);
    world_end(&w);
}

static void what_a_port_says_of_TCP_and_long_packets_holds_for_the_flows_of_its_map(void)
{
    struct world w = {0};
    struct apply_set s = build(&w, MAP_HEAD MAP_ACL MAP_ENTRY("")
                                       MAP_PORT(MAP_ON) " ip tcp adjust-mss 1300\n ipv6 tcp adjust-mss "
                                                        "1200\n crypto ipsec fragmentation after-encryption\n"
                                                        "interface Ethernet0/1\n ip tcp adjust-mss 1200\n");
    const struct cv_if *port = named(&s, "Ethernet0/0"), *one = named(&s, "M#10.10"),
                       *other = named(&s, "M#10.20"), *none = named(&s, "Ethernet0/1");
    CU_ASSERT_TRUE_FATAL(port && one && other && none);
    CU_ASSERT(port->tcp_mss == 1300 && one->tcp_mss == 1300 && other->tcp_mss == 1300);
    CU_ASSERT(port->tcp_mss6 == 1200 && one->tcp_mss6 == 1200 && other->tcp_mss6 == 1200);
    CU_ASSERT(one->frag_after && other->frag_after);
    CU_ASSERT_EQUAL(none->tcp_mss, 1200);
    apply_free(&s);
    world_end(&w);
}

static void rate_limits_and_the_limits_of_fragments_reach_the_data_plane(void)
{
    struct world w = {0};
    struct apply_set s =
        build(&w, "platform dataplane\n port Ethernet0/0 vdev net_null0\n"
                  "interface Ethernet0/0\n"
                  " ip virtual-reassembly max-reassemblies 64 max-fragments 3 timeout 5\n"
                  "interface Tunnel1\n"
                  " rate-limit input 8000000 4000 8000 conform-action transmit exceed-action drop\n"
                  " rate-limit output 400000000000 512000000 512000000 conform-action transmit "
                  "exceed-action drop\n"
                  "interface Tunnel2\n"
                  " rate-limit output 9000 1600 1600 conform-action transmit exceed-action drop\n");
    const struct cv_if *port = named(&s, "Ethernet0/0"), *both = named(&s, "Tunnel1"),
                       *out = named(&s, "Tunnel2");
    CU_ASSERT_TRUE_FATAL(port && both && out);
    CU_ASSERT(port->reass_datagrams == 64 && port->reass_fragments == 3 && port->reass_timeout_s == 5);
    CU_ASSERT(both->reass_datagrams == 0 && both->reass_fragments == 0 && both->reass_timeout_s == 0);
    CU_ASSERT(both->police[CV_DIR_IN].bps == 8000000 && both->police[CV_DIR_IN].burst == 4000);
    CU_ASSERT(both->police[CV_DIR_OUT].bps == 400000000000 && both->police[CV_DIR_OUT].burst == 512000000);
    CU_ASSERT(out->police[CV_DIR_IN].bps == 0 && out->police[CV_DIR_OUT].bps == 9000);
    CU_ASSERT(port->police[CV_DIR_IN].bps == 0 && port->police[CV_DIR_OUT].bps == 0);
    apply_free(&s);
    world_end(&w);
}

#define LIMIT_OUT " rate-limit output 8000000 4000 8000 conform-action transmit exceed-action drop\n"

/* Each line has a bucket of its own; nothing else is told, so that no SA goes. */
static void rate_limits_of_a_map_come_and_go_with_its_lines_alone(void)
{
    struct world w = {0};
    struct apply_set none = build(&w, with_map),
                     some = build(&w, MAP_HEAD MAP_ACL MAP_ENTRY(LIMIT_OUT) MAP_PORT(MAP_ON));
    const struct cv_if *port = named(&some, "Ethernet0/0"), *one = named(&some, "M#10.10"),
                       *other = named(&some, "M#10.20");
    CU_ASSERT_TRUE_FATAL(port && one && other);
    CU_ASSERT(one->police[CV_DIR_OUT].bps == 8000000 && one->police[CV_DIR_OUT].burst == 4000);
    CU_ASSERT(other->police[CV_DIR_OUT].bps == 8000000 && one->police[CV_DIR_IN].bps == 0);
    CU_ASSERT_EQUAL(port->police[CV_DIR_OUT].bps, 0);
    CU_ASSERT_STRING_EQUAL(diff(&none, &some, false).text, "if 2 M#10.10\nif 3 M#10.20\n");
    CU_ASSERT_STRING_EQUAL(diff(&some, &none, false).text, "if 2 M#10.10\nif 3 M#10.20\n");
    apply_free(&none);
    apply_free(&some);
    world_end(&w);
}

static void GRE_and_VRF_of_a_tunnel_reach_the_data_plane(void)
{
    struct world w = {0};
    struct apply_set s = build(&w, MAP_HEAD "vrf definition red\n"
                                            " address-family ipv4\n"
                                            "vrf definition blue\n"
                                            " address-family ipv4\n"
                                            "interface Ethernet0/0\n"
                                            " vrf forwarding blue\n"
                                            " ip address 192.0.2.1 255.255.255.0\n"
                                            "interface Tunnel1\n"
                                            " vrf forwarding red\n"
                                            " ip address 172.16.0.1 255.255.255.252\n"
                                            " ip tcp adjust-mss 1360\n"
                                            " tunnel source Ethernet0/0\n"
                                            " tunnel destination 192.0.2.2\n"
                                            " tunnel vrf blue\n"
                                            " tunnel key 4000000000\n"
                                            " tunnel path-mtu-discovery\n"
                                            "interface Tunnel2\n"
                                            " tunnel source Ethernet0/0\n"
                                            " tunnel destination 192.0.2.3\n"
                                            " tunnel vrf blue\n"
                                            " tunnel ttl 64\n tunnel tos 184\n"
                                            "ip route vrf red 10.9.0.0 255.255.0.0 Tunnel1\n");
    const struct cv_if *port = named(&s, "Ethernet0/0"), *a = named(&s, "Tunnel1"), *b = named(&s, "Tunnel2");
    CU_ASSERT_TRUE_FATAL(port && a && b);
    CU_ASSERT_TRUE(port->vrf != 0 && a->tunnel_vrf == port->vrf && a->vrf != 0 && a->vrf != port->vrf);
    CU_ASSERT_TRUE(b->vrf == 0 && b->tunnel_vrf == port->vrf);
    CU_ASSERT_TRUE(a->tunnel_mode == CV_TUNNEL_GRE && a->gre_keyed && a->gre_key == 4000000000u);
    CU_ASSERT_TRUE(a->gre_ttl == 255 && a->gre_pmtud && a->tcp_mss == 1360 && !a->is_protected);
    CU_ASSERT_TRUE(!b->gre_keyed && b->gre_key == 0 && b->gre_ttl == 64 && !b->gre_pmtud && b->tcp_mss == 0);
    CU_ASSERT_TRUE(!a->gre_tos_set && b->gre_tos_set && b->gre_tos == 184);
    CU_ASSERT_TRUE(s.route_count == 1 && s.routes[0].vrf == a->vrf && s.routes[0].if_id == a->if_id);
    apply_free(&s);
    world_end(&w);
}

static void numbers_of_names_that_went_can_be_given_again(void)
{
    struct world w = {0};
    struct apply_set a = build(&w, with_map), b = build(&w, without_map);
    CU_ASSERT_EQUAL(rt_names_find(&w.ifs, "M#10.20"), 3);
    CU_ASSERT_EQUAL(rt_names_add(&w.vrfs, "gone", CV_MAX_VRFS), 1);
    apply_forget(&a, &w.ifs, &w.vrfs);
    CU_ASSERT_EQUAL(w.ifs.count, 3);
    CU_ASSERT_EQUAL(w.vrfs.count, 0);
    apply_forget(&b, &w.ifs, &w.vrfs);
    CU_ASSERT_EQUAL(w.ifs.count, 1);
    CU_ASSERT_EQUAL(rt_names_find(&w.ifs, "Ethernet0/0"), 1);
    CU_ASSERT_EQUAL(rt_names_add(&w.ifs, "Loopback9", CV_MAX_IFS), 2);
    apply_free(&a);
    apply_free(&b);
    world_end(&w);
}

UNIT_MAIN("apply", UNIT_TEST(empty_data_plane_gets_everything_in_order),
          UNIT_TEST(neighbours_are_told_after_addresses_and_taken_away),
          UNIT_TEST(of_routes_with_one_prefix_the_lowest_distance_stays),
          UNIT_TEST(tunnel_has_its_outer_addresses_and_port_its_name),
          UNIT_TEST(one_MTU_holds_for_both_families_the_smaller),
          UNIT_TEST(each_family_has_its_MSS_and_one_alone_is_for_both),
          UNIT_TEST(same_configuration_changes_nothing_but_can_be_said_again),
          UNIT_TEST(refused_ICMP_is_told_before_anything_comes_in),
          UNIT_TEST(removals_come_first_but_those_of_routes_and_numbers_stay),
          UNIT_TEST(routes_come_longest_first_and_go_shortest_first_when_others_stand),
          UNIT_TEST(change_of_an_interface_is_sent_alone),
          UNIT_TEST(remembered_set_removes_what_went_meanwhile), UNIT_TEST(damaged_memory_is_refused),
          UNIT_TEST(source_is_the_address_of_the_interface_that_leads_there),
          UNIT_TEST(PR_12_each_permit_line_is_a_flow_and_policies_come_before_addresses),
          UNIT_TEST(a_changed_line_commits_before_what_it_replaces_goes_and_the_same_map_is_not_told_again),
          UNIT_TEST(from_a_tunnel_to_a_map_and_back_something_protects_throughout),
          UNIT_TEST(a_map_of_each_family_makes_one_policy),
          UNIT_TEST(from_one_of_two_maps_to_a_tunnel_something_protects_throughout),
          UNIT_TEST(a_policy_is_remembered_by_its_port_and_taken_away_after_a_restart),
          UNIT_TEST(reverse_routes_lead_the_way_to_the_peer),
          UNIT_TEST(numbers_of_names_that_went_can_be_given_again),
          UNIT_TEST(what_a_port_says_of_TCP_and_long_packets_holds_for_the_flows_of_its_map),
          UNIT_TEST(rate_limits_and_the_limits_of_fragments_reach_the_data_plane),
          UNIT_TEST(rate_limits_of_a_map_come_and_go_with_its_lines_alone),
          UNIT_TEST(GRE_and_VRF_of_a_tunnel_reach_the_data_plane))
