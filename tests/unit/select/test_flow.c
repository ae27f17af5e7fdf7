#include "control/select/sel_flow.h"
#include "tests/unit/select/select.h"

static struct sel_trace trace;

/* C18's left end, with what it lacks: a map, a key, an interface. */
#define C18                                                                                                  \
    "crypto isakmp key k address 10.0.0.2\ncrypto ipsec transform-set TS esp-aes esp-sha-hmac\n"             \
    "ip access-list extended TS\n permit ip 10.10.0.0 0.0.255.255 10.20.20.0 0.0.0.255\n"                    \
    " permit ip 10.10.0.0 0.0.255.255 10.20.30.0 0.0.0.255\n"                                                \
    " permit ip 192.168.0.0 0.0.0.255 10.20.20.0 0.0.0.255\n"                                                \
    " permit ip 192.168.0.0 0.0.0.255 10.20.30.0 0.0.0.255\n"                                                \
    "crypto map M 10 ipsec-isakmp\n set peer 10.0.0.2\n set transform-set TS\n match address TS\n"           \
    "interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n crypto map M\n"

static struct ts net(const char *prefix, uint8_t proto)
{
    struct ip_prefix p;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(prefix, &p));
    return ts_from_prefix(&p, proto, 0, 65535);
}

struct ask {
    const struct cfg *c;
    enum cfg_ike_version version;
    const char *local, *remote, *ts_local, *ts_remote;
    uint8_t proto;
    const struct cfg_isakmp_profile *profile1;
};

static const struct cfg_interface *ask(struct ask a, enum sel_flow_why *why,
                                       const struct cfg_interface **nearest)
{
    struct ip_addr local = addr(a.local), remote = addr(a.remote);
    struct ts mine = net(a.ts_local, a.proto), theirs = net(a.ts_remote, a.proto);
    const struct sel_flow_query q = {.version = a.version,
                                     .local = &local,
                                     .remote = &remote,
                                     .profile1 = a.profile1,
                                     .local_count = 1,
                                     .remote_count = 1,
                                     .ts_local = &mine,
                                     .ts_remote = &theirs};
    return sel_flow(a.c, &q, why, nearest, &trace);
}

static bool is(const struct cfg_interface *t, const char *name)
{
    return t && strcmp(t->name, name) == 0;
}

static void PR_12_each_permit_line_is_a_flow_of_its_own(void)
{
    struct cfg *c = load(C18);
    enum sel_flow_why why;
    struct ask a = {c, CFG_IKEV1, "10.0.0.1", "10.0.0.2", "10.10.0.0/16", "10.20.20.0/24", 0, NULL};
    CU_ASSERT(is(ask(a, &why, NULL), "M#10.10"));
    CU_ASSERT_STRING_EQUAL(trace.rule, "PR-12");
    a.ts_remote = "10.20.30.0/24";
    CU_ASSERT(is(ask(a, &why, NULL), "M#10.20"));
    a.ts_local = "192.168.0.0/24";
    CU_ASSERT(is(ask(a, &why, NULL), "M#10.40"));
    a.ts_local = "192.168.0.128/25"; /* a part of the line */
    CU_ASSERT(is(ask(a, &why, NULL), "M#10.40"));
    cfg_free(c);
}

static void PR_12_IKEv1_takes_nothing_that_reaches_beyond_a_line(void)
{
    struct cfg *c = load(C18);
    enum sel_flow_why why;
    const struct cfg_interface *nearest;
    struct ask a = {c, CFG_IKEV1, "10.0.0.1", "10.0.0.2", "10.0.0.0/8", "10.20.20.0/24", 0, NULL};
    CU_ASSERT_PTR_NULL(ask(a, &why, &nearest));
    CU_ASSERT_EQUAL(why, SEL_FLOW_SELECTORS);
    CU_ASSERT(nearest && strncmp(nearest->name, "M#10.", 5) == 0);
    a.ts_local = "0.0.0.0/0";
    a.ts_remote = "0.0.0.0/0";
    CU_ASSERT_PTR_NULL(ask(a, &why, &nearest));
    CU_ASSERT_EQUAL(why, SEL_FLOW_SELECTORS);
    a.remote = "10.0.0.3";
    CU_ASSERT_PTR_NULL(ask(a, &why, &nearest));
    CU_ASSERT_EQUAL(why, SEL_FLOW_NO_TUNNEL);
    CU_ASSERT_PTR_NULL(nearest);
    cfg_free(c);
}

static void IKEv2_narrows_what_reaches_beyond_a_line(void)
{
    struct cfg *c =
        load("crypto ikev2 profile P\n match identity remote any\n authentication local pre-share key k\n"
             " authentication remote pre-share key k\n" C18
             "crypto map M 10 ipsec-isakmp\n set ikev2-profile P\n");
    enum sel_flow_why why;
    struct ask a = {c, CFG_IKEV2, "10.0.0.1", "10.0.0.2", "0.0.0.0/0", "10.20.30.0/24", 0, NULL};
    CU_ASSERT(is(ask(a, &why, NULL), "M#10.20")); /* the first that has something in common */
    a.version = CFG_IKEV1;
    CU_ASSERT_PTR_NULL(ask(a, &why, NULL));
    cfg_free(c);
}

static void PR_13_a_GRE_tunnel_is_host_to_host_protocol_47(void)
{
    struct cfg *c =
        load("crypto isakmp key k address 10.0.0.2\ncrypto ipsec profile I\ninterface Ethernet0/0\n"
             " ip address 10.0.0.1 255.255.255.0\ninterface Tunnel1\n tunnel source e0/0\n"
             " tunnel destination 10.0.0.2\n tunnel protection ipsec profile I\n");
    enum sel_flow_why why;
    struct ask a = {c, CFG_IKEV1, "10.0.0.1", "10.0.0.2", "10.0.0.1/32", "10.0.0.2/32", 47, NULL};
    CU_ASSERT(is(ask(a, &why, NULL), "Tunnel1"));
    a.proto = 0;
    CU_ASSERT_PTR_NULL(ask(a, &why, NULL));
    CU_ASSERT_EQUAL(why, SEL_FLOW_SELECTORS);
    a.proto = 47;
    a.ts_remote = "10.0.0.0/24";
    CU_ASSERT_PTR_NULL(ask(a, &why, NULL));
    cfg_free(c);
}

static void PF_7_a_tunnel_of_another_profile_is_told_apart_from_other_selectors(void)
{
    struct cfg *c = load(
        "crypto isakmp key k address 10.0.0.2\ncrypto isakmp profile A\n match identity address 10.0.0.2\n"
        "crypto isakmp profile B\n match identity address 10.0.0.3\n"
        "crypto ipsec profile I\n set isakmp-profile B\ninterface Ethernet0/0\n"
        " ip address 10.0.0.1 255.255.255.0\ninterface Tunnel1\n tunnel source e0/0\n"
        " tunnel destination 10.0.0.2\n tunnel protection ipsec profile I\n");
    enum sel_flow_why why;
    const struct cfg_interface *nearest;
    struct ask a = {c, CFG_IKEV1, "10.0.0.1", "10.0.0.2", "10.0.0.1/32", "10.0.0.2/32", 47, NULL};
    a.profile1 = cfg_find_isakmp_profile(c, "A");
    CU_ASSERT_PTR_NULL(ask(a, &why, &nearest));
    CU_ASSERT_EQUAL(why, SEL_FLOW_PROFILE);
    CU_ASSERT(is(nearest, "Tunnel1"));
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-7");
    a.profile1 = cfg_find_isakmp_profile(c, "B");
    CU_ASSERT(is(ask(a, &why, &nearest), "Tunnel1"));
    cfg_free(c);
}

static void of_two_that_fit_the_tighter_then_the_first_configured(void)
{
    struct cfg *c =
        load("crypto isakmp key k address 10.0.0.2\ncrypto ipsec transform-set TS esp-aes esp-sha-hmac\n"
             "ip access-list extended WIDE\n permit ip 10.0.0.0 0.255.255.255 any\n"
             "ip access-list extended TIGHT\n permit ip 10.1.0.0 0.0.255.255 any\n"
             "crypto map M 10 ipsec-isakmp\n set peer 10.0.0.2\n match address WIDE\n set transform-set TS\n"
             "crypto map M 20 ipsec-isakmp\n set peer 10.0.0.2\n match address TIGHT\n set transform-set TS\n"
             "interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n crypto map M\n");
    enum sel_flow_why why;
    struct ask a = {c, CFG_IKEV1, "10.0.0.1", "10.0.0.2", "10.1.0.0/16", "10.2.0.0/16", 0, NULL};
    CU_ASSERT(is(ask(a, &why, NULL), "M#20.10"));
    a.ts_local = "10.9.0.0/16";
    CU_ASSERT(is(ask(a, &why, NULL), "M#10.10"));
    cfg_free(c);
}

static void transport_mode_only_from_gateway_to_gateway(void)
{
    struct ip_addr local = addr("10.0.0.1"), remote = addr("10.0.0.2");
    struct cfg_transform_set set = {.transport = true};
    struct ts mine = net("10.0.0.1/32", 47), theirs = net("10.0.0.2/32", 47), wide = net("10.0.0.0/24", 47);
    bool refuse;
    CU_ASSERT(sel_transport(&set, &mine, &theirs, &local, &remote, &refuse) && !refuse);
    CU_ASSERT_FALSE(sel_transport(&set, &wide, &theirs, &local, &remote, &refuse) || refuse);
    set.transport_require = true;
    CU_ASSERT_FALSE(sel_transport(&set, &mine, &wide, &local, &remote, &refuse));
    CU_ASSERT(refuse);
    set.transport = set.transport_require = false;
    CU_ASSERT_FALSE(sel_transport(&set, &mine, &theirs, &local, &remote, &refuse) || refuse);
}

UNIT_MAIN("select-flow", UNIT_TEST(PR_12_each_permit_line_is_a_flow_of_its_own),
          UNIT_TEST(PR_12_IKEv1_takes_nothing_that_reaches_beyond_a_line),
          UNIT_TEST(IKEv2_narrows_what_reaches_beyond_a_line),
          UNIT_TEST(PR_13_a_GRE_tunnel_is_host_to_host_protocol_47),
          UNIT_TEST(PF_7_a_tunnel_of_another_profile_is_told_apart_from_other_selectors),
          UNIT_TEST(of_two_that_fit_the_tighter_then_the_first_configured),
          UNIT_TEST(transport_mode_only_from_gateway_to_gateway))
