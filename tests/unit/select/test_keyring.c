#include "control/select/sel_flow.h"
#include "control/select/sel_keyring.h"
#include "control/select/sel_policy.h"
#include "tests/unit/select/select.h"

static struct sel_trace trace;

static const struct cfg_interface *tunnel(const struct cfg *c, const char *fvrf, const struct ip_addr *local,
                                          const struct ip_addr *remote, const struct cfg_ikev2_profile *p)
{
    const struct sel_flow_query q = {
        .version = CFG_IKEV2, .fvrf = fvrf, .local = local, .remote = remote, .profile2 = p};
    return sel_flow(c, &q, NULL, NULL, &trace);
}

static bool is(struct slice s, const char *text)
{
    return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

/* C1/C2 translated: two keyrings with a key for the same address; only the profile's own is searched. */
#define TWO                                                                                                  \
    "crypto ikev2 keyring K1\n peer A\n  address 192.168.0.2\n  pre-shared-key one\n"                        \
    "crypto ikev2 keyring K2\n peer B\n  address 192.168.0.2\n  pre-shared-key two\n"                        \
    "crypto ikev2 profile P1\n match identity remote any\n authentication local pre-share\n"                 \
    " authentication remote pre-share\n keyring local K1\n"                                                  \
    "crypto ikev2 profile P2\n match identity remote any\n authentication local pre-share\n"                 \
    " authentication remote pre-share\n keyring local K2\n"                                                  \
    "crypto ikev2 profile P3\n match identity remote any\n authentication local pre-share\n"                 \
    " authentication remote pre-share\n"

static void KR_11_key_comes_from_the_profiles_keyring_alone(void)
{
    struct cfg *c = load(TWO);
    struct ip_addr peer = addr("192.168.0.2");
    for (unsigned initiator = 0; initiator < 2; initiator++) {
        struct sel_psk x = sel_ikev2_psk(c, cfg_find_profile(c, "P1"), initiator, &peer, "", NULL, &trace);
        CU_ASSERT(x.found && is(x.local_key, "one") && is(x.remote_key, "one"));
        CU_ASSERT_STRING_EQUAL(trace.chosen, "K1");
        x = sel_ikev2_psk(c, cfg_find_profile(c, "P2"), initiator, &peer, "", NULL, &trace);
        CU_ASSERT(x.found && is(x.local_key, "two"));
        CU_ASSERT_STRING_EQUAL(trace.rule, "KR-11");
        x = sel_ikev2_psk(c, cfg_find_profile(c, "P3"), initiator, &peer, "", NULL, &trace);
        CU_ASSERT_FALSE(x.found);
        CU_ASSERT_EQUAL(x.local_key.n, 0);
        CU_ASSERT_PTR_NULL(x.peer);
    }
    cfg_free(c);
}

#define BLOCKS                                                                                               \
    "crypto ikev2 keyring K\n peer ANY\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key any\n"                   \
    " peer NET\n  address 10.0.0.0/8\n  pre-shared-key net\n"                                                \
    " peer HOST\n  address 10.0.0.1\n  pre-shared-key host\n"                                                \
    " peer TWICE\n  address 10.0.0.1\n  pre-shared-key twice\n"                                              \
    " peer SPOKE\n  identity fqdn spoke1.example\n  pre-shared-key spoke\n"                                  \
    " peer NAME\n  hostname hub.example\n  pre-shared-key hub\n"                                             \
    "crypto ikev2 profile P\n match identity remote any\n authentication local pre-share\n"                  \
    " authentication remote pre-share\n keyring local K\n"

static const char *tag(const struct cfg *c, bool initiator, const char *peer, const char *host,
                       const struct sel_id *id)
{
    struct ip_addr a = addr(peer);
    struct sel_psk x = sel_ikev2_psk(c, cfg_find_profile(c, "P"), initiator, &a, host, id, &trace);
    return x.peer ? x.peer->tag : "";
}

static void KR_11_responder_looks_up_identity_then_address(void)
{
    struct cfg *c = load(BLOCKS);
    struct sel_id spoke = ID_FQDN("spoke1.example"), other = ID_FQDN("other.example"),
                  in_nat = ID_ADDR("10.0.0.1");
    CU_ASSERT_STRING_EQUAL(tag(c, false, "10.0.0.1", "", &spoke), "SPOKE");
    CU_ASSERT_STRING_EQUAL(tag(c, false, "10.0.0.1", "", &other), "HOST");
    CU_ASSERT_STRING_EQUAL(tag(c, false, "10.9.0.1", "", &other), "NET");
    CU_ASSERT_STRING_EQUAL(tag(c, false, "172.16.0.1", "", &other), "ANY");
    CU_ASSERT_STRING_EQUAL(tag(c, false, "2001:db8::1", "", &other), "");
    CU_ASSERT_STRING_EQUAL(tag(c, false, "2001:db8::1", "", &in_nat), "HOST");
    cfg_free(c);
}

static void KR_11_initiator_looks_up_address_or_host_then_identity(void)
{
    struct cfg *c = load(BLOCKS);
    struct sel_id spoke = ID_FQDN("spoke1.example");
    CU_ASSERT_STRING_EQUAL(tag(c, true, "10.0.0.1", "", &spoke), "HOST");
    CU_ASSERT_STRING_EQUAL(tag(c, true, "10.0.0.1", "HUB.example", &spoke), "NAME");
    CU_ASSERT_STRING_EQUAL(tag(c, true, "2001:db8::1", "", &spoke), "SPOKE");
    cfg_free(c);
}

static void KR_6_of_equal_masks_the_first_configured_is_taken(void)
{
    struct cfg *c = load(BLOCKS);
    struct sel_id other = ID_FQDN("other.example");
    CU_ASSERT_STRING_EQUAL(tag(c, false, "10.0.0.1", "", &other), "HOST");
    CU_ASSERT_PTR_EQUAL(sel_keyring_tie(&c->keyrings[0].peers[2], &c->keyrings[0].peers[3]),
                        &c->keyrings[0].peers[2]);
    cfg_free(c);
}

static void key_in_the_profile_wins_over_the_keyring(void)
{
    struct cfg *c =
        load("crypto ikev2 keyring K\n peer A\n  address 10.0.0.1\n  pre-shared-key local kl\n  "
             "pre-shared-key remote kr\n"
             "crypto ikev2 profile B\n match identity remote any\n authentication local pre-share key pl\n"
             " authentication remote pre-share key pr\n keyring local K\n"
             "crypto ikev2 profile L\n match identity remote any\n authentication local pre-share key pl\n"
             " authentication remote pre-share\n keyring local K\n"
             "crypto ikev2 profile N\n match identity remote any\n authentication local pre-share\n"
             " authentication remote pre-share\n keyring local K\n");
    struct ip_addr peer = addr("10.0.0.1"), stranger = addr("10.0.0.2");
    struct sel_psk x = sel_ikev2_psk(c, cfg_find_profile(c, "B"), false, &peer, "", NULL, &trace);
    CU_ASSERT(x.found && !x.peer && is(x.local_key, "pl") && is(x.remote_key, "pr"));
    x = sel_ikev2_psk(c, cfg_find_profile(c, "L"), false, &peer, "", NULL, NULL);
    CU_ASSERT(x.found && x.peer && is(x.local_key, "pl") && is(x.remote_key, "kr"));
    x = sel_ikev2_psk(c, cfg_find_profile(c, "N"), false, &peer, "", NULL, NULL);
    CU_ASSERT(x.found && is(x.local_key, "kl") && is(x.remote_key, "kr"));
    x = sel_ikev2_psk(c, cfg_find_profile(c, "L"), false, &stranger, "", NULL, NULL);
    CU_ASSERT_FALSE(x.found);
    cfg_free(c);
}

static void a_block_with_a_key_for_one_direction_is_no_key(void)
{
    struct cfg *c =
        load("crypto ikev2 keyring K\n peer A\n  address 10.0.0.1\n  pre-shared-key local kl\n"
             "crypto ikev2 profile P\n match identity remote any\n authentication local pre-share\n"
             " authentication remote pre-share\n keyring local K\n");
    struct ip_addr peer = addr("10.0.0.1");
    CU_ASSERT_FALSE(sel_ikev2_psk(c, cfg_find_profile(c, "P"), false, &peer, "", NULL, &trace).found);
    cfg_free(c);
}

/* ---- policies ------------------------------------------------------------------------------------------------------ */
static const char *policy(const struct cfg *c, const char *local)
{
    struct ip_addr a = addr(local);
    const struct cfg_ikev2_policy *p = sel_ikev2_policy(c, "", &a, &trace);
    return p ? p->name : "";
}

#define PROPOSAL "crypto ikev2 proposal X\n encryption aes-cbc-128\n integrity sha1\n group 14\n"

static void policy_is_the_builtin_one_only_when_none_is_configured(void)
{
    struct cfg *c = load("");
    CU_ASSERT_STRING_EQUAL(policy(c, "10.0.0.1"), "default");
    cfg_free(c);
    c = load(PROPOSAL "crypto ikev2 policy P\n proposal X\n match address local 10.0.0.9\n");
    CU_ASSERT_STRING_EQUAL(policy(c, "10.0.0.1"), "");
    CU_ASSERT_STRING_EQUAL(policy(c, "10.0.0.9"), "P");
    cfg_free(c);
    c = load("no crypto ikev2 policy default\n");
    CU_ASSERT_STRING_EQUAL(policy(c, "10.0.0.1"), "");
    cfg_free(c);
}

static void policy_with_the_address_beats_fvrf_beats_any(void)
{
    struct cfg *c = load(
        PROPOSAL
        "crypto ikev2 policy ANY\n match fvrf any\n proposal X\ncrypto ikev2 policy GLOBAL\n proposal X\n"
        "crypto ikev2 policy LOCAL\n match address local 10.0.0.9\n proposal X\n"
        "crypto ikev2 policy LOCAL2\n match address local 10.0.0.9\n proposal X\n"
        "crypto ikev2 policy EMPTY\n match address local 10.0.0.8\n");
    CU_ASSERT_STRING_EQUAL(policy(c, "10.0.0.9"), "LOCAL");
    CU_ASSERT_STRING_EQUAL(policy(c, "10.0.0.8"), "GLOBAL");
    const struct cfg_ikev2_policy *p = sel_ikev2_policy(c, "RED", NULL, &trace);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_STRING_EQUAL(p->name, "ANY");
    cfg_free(c);
}

/* ---- tunnels ------------------------------------------------------------------------------------------------------- */
static void PF_9_a_tunnel_takes_only_the_profile_it_is_bound_to(void)
{
    struct cfg *c = load(
        "interface e0/0\n ip address 192.0.2.1 255.255.255.0\n ipv6 address 2001:db8::1/64\n"
        "interface Tunnel9\n tunnel source e0/0\n tunnel mode ipsec ipv4\n tunnel protection ipsec profile "
        "FREE\n"
        "interface Tunnel1\n tunnel source e0/0\n tunnel mode ipsec ipv4\n tunnel destination 192.0.2.2\n"
        " tunnel protection ipsec profile ONE\n"
        "interface Tunnel2\n tunnel source 2001:db8::1\n tunnel mode ipsec ipv6\n"
        " tunnel destination 2001:db8::2\n tunnel protection ipsec profile ONE\n"
        "interface Tunnel3\n tunnel source e0/0\n tunnel mode ipsec ipv4\n tunnel destination 192.0.2.3\n"
        "interface Tunnel4\n tunnel source e0/0\n tunnel mode ipsec ipv4\n tunnel destination 192.0.2.4\n"
        " shutdown\n tunnel protection ipsec profile ONE\n"
        "crypto ipsec profile ONE\n set ikev2-profile P1\ncrypto ipsec profile FREE\n"
        "crypto ikev2 profile P1\ncrypto ikev2 profile P2\n");
    struct ip_addr local = addr("192.0.2.1"), other = addr("198.51.100.1"), peer = addr("192.0.2.2"),
                   stranger = addr("192.0.2.77"), local6 = addr("2001:db8::1"), peer6 = addr("2001:db8::2"),
                   down = addr("192.0.2.4");
    const struct cfg_ikev2_profile *p1 = cfg_find_profile(c, "P1"), *p2 = cfg_find_profile(c, "P2");
    const struct cfg_interface *t = tunnel(c, "", &local, &peer, p1);
    CU_ASSERT(t && !strcmp(t->name, "Tunnel1"));
    t = tunnel(c, "", &local, &peer, p2); /* Tunnel9 is bound to none */
    CU_ASSERT(t && !strcmp(t->name, "Tunnel9"));
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-9");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[1].why, "another IKEv2 profile"));
    t = tunnel(c, "", &local, &stranger, p1);
    CU_ASSERT(t && !strcmp(t->name, "Tunnel9"));
    t = tunnel(c, "", &local6, &peer6, p1);
    CU_ASSERT(t && !strcmp(t->name, "Tunnel2"));
    CU_ASSERT_PTR_NULL(tunnel(c, "", &local6, &peer6, p2));
    CU_ASSERT_PTR_NULL(tunnel(c, "", &other, &peer, p1));
    CU_ASSERT_PTR_NULL(tunnel(c, "RED", &local, &peer, p1));
    t = tunnel(c, "", &local, &down, NULL);
    CU_ASSERT(t && !strcmp(t->name, "Tunnel9"));
    cfg_free(c);
}

UNIT_MAIN("select-keyring", UNIT_TEST(KR_11_key_comes_from_the_profiles_keyring_alone),
          UNIT_TEST(KR_11_responder_looks_up_identity_then_address),
          UNIT_TEST(KR_11_initiator_looks_up_address_or_host_then_identity),
          UNIT_TEST(KR_6_of_equal_masks_the_first_configured_is_taken),
          UNIT_TEST(key_in_the_profile_wins_over_the_keyring),
          UNIT_TEST(a_block_with_a_key_for_one_direction_is_no_key),
          UNIT_TEST(policy_is_the_builtin_one_only_when_none_is_configured),
          UNIT_TEST(policy_with_the_address_beats_fvrf_beats_any),
          UNIT_TEST(PF_9_a_tunnel_takes_only_the_profile_it_is_bound_to))
