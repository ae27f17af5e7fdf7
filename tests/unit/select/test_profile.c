#include "control/select/sel_profile.h"
#include "tests/unit/select/select.h"

#define AUTH " authentication remote pre-share key k\n authentication local pre-share key k\n"

static struct sel_trace trace;

static const char *chosen(const struct cfg *c, struct sel_id id, const char *local)
{
    struct ip_addr a = addr(local);
    const struct cfg_ikev2_profile *p = sel_ikev2_profile(c, "", &a, &id, &trace);
    CU_ASSERT_STRING_EQUAL(trace.chosen, p ? p->name : "");
    CU_ASSERT_EQUAL(trace.kind, SEL_PROFILE);
    return p ? p->name : "";
}

static void PF_3_most_specific_match_wins_in_either_order(void)
{
    const char *wide =
        "crypto ikev2 profile wide\n match identity remote address 192.168.0.0 255.255.255.0\n" AUTH;
    const char *host =
        "crypto ikev2 profile host\n match identity remote address 192.168.0.1 255.255.255.255\n" AUTH;
    for (unsigned i = 0; i < 2; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", i ? wide : host, i ? host : wide);
        struct cfg *c = load(text);
        CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("192.168.0.1"), "10.0.0.1"), "host");
        CU_ASSERT_STRING_EQUAL(trace.rule, "PF-3");
        CU_ASSERT_EQUAL(trace.candidate_count, 2);
        CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("192.168.0.7"), "10.0.0.1"), "wide");
        CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("192.168.1.7"), "10.0.0.1"), "");
        CU_ASSERT_STRING_EQUAL(chosen(c, ID_FQDN("192.168.0.1"), "10.0.0.1"), "");
        cfg_free(c);
    }
}

/* C14: three profiles with the same match line. */
static void PF_8_last_configured_wins(void)
{
    struct cfg *c = load(
        "crypto ikev2 profile profile1\n match identity remote address 192.168.0.1 255.255.255.255\n" AUTH
        "crypto ikev2 profile profile2\n match identity remote address 192.168.0.1 255.255.255.255\n" AUTH
        "crypto ikev2 profile profile3\n match identity remote address 192.168.0.1 255.255.255.255\n" AUTH);
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("192.168.0.1"), "192.168.0.2"), "profile3");
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-8");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "last configured"));
    CU_ASSERT_PTR_EQUAL(sel_profile_tie(&c->profiles[0], &c->profiles[1]), &c->profiles[1]);
    cfg_free(c);
}

static void PF_8_does_not_apply_when_a_better_match_stands_before(void)
{
    struct cfg *c = load("crypto ikev2 profile A\n match identity remote address 10.0.0.1\n" AUTH
                         "crypto ikev2 profile B\n match identity remote any\n" AUTH
                         "crypto ikev2 profile C\n match identity remote any\n" AUTH);
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("10.0.0.1"), "1.1.1.1"), "A");
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-3");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("10.0.0.2"), "1.1.1.1"), "C");
    cfg_free(c);
}

/* Exact, longest mask, domain, any. */
static void G5_specificity_order_across_kinds(void)
{
    struct cfg *c = load("crypto ikev2 profile any\n match identity remote any\n" AUTH
                         "crypto ikev2 profile domain\n match identity remote fqdn domain cisco.com\n" AUTH
                         "crypto ikev2 profile sub\n match identity remote fqdn domain lab.cisco.com\n" AUTH
                         "crypto ikev2 profile exact\n match identity remote fqdn R1.cisco.com\n" AUTH
                         "crypto ikev2 profile zero\n match identity remote address 0.0.0.0 0.0.0.0\n" AUTH
                         "crypto ikev2 profile eight\n match identity remote address 10.0.0.0/8\n" AUTH
                         "crypto ikev2 profile mail\n match identity remote email domain x.org\n" AUTH
                         "crypto ikev2 profile bob\n match identity remote email bob@x.org\n" AUTH
                         "crypto ikev2 profile key\n match identity remote key-id branch7\n" AUTH
                         "crypto ikev2 profile six\n match identity remote address 2001:db8::/32\n" AUTH);
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_FQDN("r1.CISCO.com"), "1.1.1.1"), "exact");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_FQDN("R2.cisco.com"), "1.1.1.1"), "domain");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_FQDN("R2.lab.cisco.com"), "1.1.1.1"), "sub");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_FQDN("xcisco.com"), "1.1.1.1"), "any");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_FQDN("not-cisco.com"), "1.1.1.1"), "any");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_FQDN("cisco.com"), "1.1.1.1"), "any");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("10.1.1.1"), "1.1.1.1"), "eight");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("11.1.1.1"), "1.1.1.1"), "zero");
    CU_ASSERT_STRING_EQUAL(chosen(c, identity(5, "2001:db8::7"), "1.1.1.1"), "six");
    CU_ASSERT_STRING_EQUAL(chosen(c, identity(5, "2001:db9::7"), "1.1.1.1"), "any");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_EMAIL("bob@X.org"), "1.1.1.1"), "bob");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_EMAIL("Bob@x.org"), "1.1.1.1"), "mail");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_EMAIL("bob@y.x.org"), "1.1.1.1"), "any");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_KEY("branch7"), "1.1.1.1"), "key");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_KEY("branch"), "1.1.1.1"), "any");
    cfg_free(c);
}

/* An identity of the wire is no C string: what stands behind a NUL counts, and lengths are checked. */
static void hostile_identities_match_nothing_by_accident(void)
{
    struct cfg *c = load("crypto ikev2 profile P\n match identity remote fqdn R1.cisco.com\n match identity "
                         "remote fqdn domain x.org\n"
                         " match identity remote address 10.0.0.0/8\n match identity remote email a@b\n"
                         " match identity remote key-id k\n" AUTH);
    static const uint8_t nul[] = "R1.cisco.com\0evil", suffix[] = "a\0b.x.org", four[] = {10, 0, 0, 1, 0};
    const struct sel_id ids[] = {
        {2, {nul, sizeof nul - 1}},
        {2, {suffix, sizeof suffix - 1}},
        {1, {four, 5}},
        {1, {four, 3}},
        {5, {four, 4}},
        {2, {NULL, 0}},
        {3, {NULL, 0}},
        {11, {NULL, 0}},
        {1, {NULL, 0}},
        {0, {four, 4}},
        {9, {four, 4}},
        {3, {(const uint8_t *)"@b", 2}},
        {2, {(const uint8_t *)".x.org", 6}},
    };
    for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char text[SEL_TEXT_MAX];
        CU_ASSERT_STRING_EQUAL(chosen(c, ids[i], "1.1.1.1"), "");
        CU_ASSERT(strlen(sel_id_text(&ids[i], text)) < SEL_TEXT_MAX);
    }
    uint8_t longest[4000];
    memset(longest, 0xee, sizeof longest);
    char text[SEL_TEXT_MAX];
    struct sel_id id = {11, {longest, sizeof longest}};
    CU_ASSERT(strlen(sel_id_text(&id, text)) < SEL_TEXT_MAX);
    memset(longest, 'x', sizeof longest);
    CU_ASSERT_EQUAL(strlen(sel_id_text(&id, text)), SEL_TEXT_MAX - 1);
    cfg_free(c);
}

static void incomplete_and_shut_down_profiles_take_no_part(void)
{
    struct cfg *c =
        load("crypto ikev2 profile good\n match identity remote any\n" AUTH
             "crypto ikev2 profile half\n match identity remote address 10.0.0.1\n authentication local "
             "pre-share\n"
             "crypto ikev2 profile down\n match identity remote address 10.0.0.1\n shutdown\n" AUTH);
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("10.0.0.1"), "1.1.1.1"), "good");
    CU_ASSERT_EQUAL_FATAL(trace.candidate_count, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[1].why, "incomplete"));
    CU_ASSERT_STRING_EQUAL(trace.candidates[2].why, "shut down");
    cfg_free(c);
}

static void match_address_local_limits_a_profile(void)
{
    struct cfg *c = load(
        "interface e0/0\n ip address 192.0.2.1 255.255.255.0\n"
        "crypto ikev2 profile A\n match identity remote any\n match address local 198.51.100.1\n" AUTH
        "crypto ikev2 profile B\n match identity remote any\n match address local interface e0/0\n" AUTH);
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("10.0.0.1"), "198.51.100.1"), "A");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("10.0.0.1"), "192.0.2.1"), "B");
    CU_ASSERT_STRING_EQUAL(chosen(c, ID_ADDR("10.0.0.1"), "203.0.113.1"), "");
    cfg_free(c);
}

#define TUNNELS                                                                                              \
    "interface e0/0\n ip address 192.0.2.1 255.255.255.0\n"                                                  \
    "interface Tunnel1\n tunnel source e0/0\n tunnel mode ipsec ipv4\n tunnel destination 192.0.2.2\n"       \
    " tunnel protection ipsec profile bound\n"                                                               \
    "interface Tunnel2\n tunnel source e0/0\n tunnel mode ipsec ipv4\n tunnel destination 192.0.2.2\n"       \
    " tunnel protection ipsec profile free\n"                                                                \
    "interface Tunnel3\n tunnel source e0/0\n tunnel mode ipsec ipv4\n tunnel protection ipsec profile "     \
    "free\n"                                                                                                 \
    "interface Tunnel4\n tunnel source e0/0\n"                                                               \
    "interface Tunnel5\n tunnel source e0/0\n tunnel destination 192.0.2.9\n tunnel protection ipsec "       \
    "profile broken\n"                                                                                       \
    "crypto ipsec profile bound\n set ikev2-profile far\ncrypto ipsec profile free\n"                        \
    "crypto ipsec profile broken\n set ikev2-profile half\n"                                                 \
    "crypto ikev2 profile far\n match identity remote fqdn far.example\n" AUTH                               \
    "crypto ikev2 profile wide\n match identity remote address 192.0.0.0/16\n" AUTH                          \
    "crypto ikev2 profile host\n match identity remote address 192.0.2.2\n" AUTH                             \
    "crypto ikev2 profile half\n match identity remote any\n"

static const char *for_tunnel(const struct cfg *c, const char *name)
{
    const struct cfg_ikev2_profile *p = sel_ikev2_profile_for_tunnel(c, cfg_find_interface(c, name), &trace);
    return p ? p->name : "";
}

static void PF_1_initiator_takes_the_bound_profile(void)
{
    struct cfg *c = load(TUNNELS);
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel1"), "far");
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-1");
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel5"), "");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[0].why, "incomplete"));
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel4"), "");
    cfg_free(c);
}

/* C7 */
static void PF_2_initiator_without_binding_takes_the_most_specific_for_the_peer_address(void)
{
    struct cfg *c = load(TUNNELS);
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel2"), "host");
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-2");
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel3"), "");
    cfg_free(c);
}

static void G30_responder_identity_is_held_against_the_profile(void)
{
    struct cfg *c = load(TUNNELS);
    unsigned specificity;
    struct sel_id right = ID_FQDN("far.example"), wrong = ID_FQDN("near.example");
    CU_ASSERT(sel_ikev2_profile_matches(cfg_find_profile(c, "far"), &right, &specificity));
    CU_ASSERT(specificity > 0);
    CU_ASSERT_FALSE(sel_ikev2_profile_matches(cfg_find_profile(c, "far"), &wrong, NULL));
    cfg_free(c);
}

static void G29_local_identity_is_the_address_unless_configured(void)
{
    struct cfg *c =
        load("crypto ikev2 profile A\n" AUTH "crypto ikev2 profile B\n identity local fqdn b.example\n" AUTH
             "crypto ikev2 profile C\n identity local address 10.0.0.1\n" AUTH
             "crypto ikev2 profile D\n identity local key-id seven\n" AUTH
             "crypto ikev2 profile E\n identity local email e@x.org\n" AUTH
             "crypto ikev2 profile F\n identity local dn\n");
    static const char *const names[] = {"A", "B", "C", "D", "E"}, *const texts[] = {"192.0.2.1", "b.example",
                                                                                    "10.0.0.1", "seven",
                                                                                    "e@x.org"};
    static const uint8_t types[] = {1, 2, 1, 11, 3};
    struct ip_addr local = addr("192.0.2.1"), six = addr("2001:db8::1");
    struct sel_id id;
    uint8_t data[CFG_TEXT_MAX];
    char text[SEL_TEXT_MAX];
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT(sel_local_id(cfg_find_profile(c, names[i]), &local, &id, data));
        CU_ASSERT_EQUAL(id.type, types[i]);
        CU_ASSERT_STRING_EQUAL(sel_id_text(&id, text), texts[i]);
    }
    CU_ASSERT(sel_local_id(cfg_find_profile(c, "A"), &six, &id, data));
    CU_ASSERT(id.type == 5 && id.data.n == 16);
    CU_ASSERT_FALSE(sel_local_id(cfg_find_profile(c, "F"), &local, &id, data));
    cfg_free(c);
}

UNIT_MAIN("select-profile", UNIT_TEST(PF_3_most_specific_match_wins_in_either_order),
          UNIT_TEST(PF_8_last_configured_wins),
          UNIT_TEST(PF_8_does_not_apply_when_a_better_match_stands_before),
          UNIT_TEST(G5_specificity_order_across_kinds),
          UNIT_TEST(hostile_identities_match_nothing_by_accident),
          UNIT_TEST(incomplete_and_shut_down_profiles_take_no_part),
          UNIT_TEST(match_address_local_limits_a_profile), UNIT_TEST(PF_1_initiator_takes_the_bound_profile),
          UNIT_TEST(PF_2_initiator_without_binding_takes_the_most_specific_for_the_peer_address),
          UNIT_TEST(G30_responder_identity_is_held_against_the_profile),
          UNIT_TEST(G29_local_identity_is_the_address_unless_configured))
