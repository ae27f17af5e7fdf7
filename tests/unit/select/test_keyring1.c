/* KR-2 to KR-10 over the configurations C1 to C6 as they are printed. */
#include "control/select/sel_v1.h"
#include "tests/unit/select/select.h"

static struct sel_trace trace;

/* "keyring2/cisco2": what is found for a peer; "" for none. */
static const char *key_at(const struct cfg *c, const char *profile, bool initiator, const char *fvrf,
                          const char *local, const char *peer, const struct sel_id *id)
{
    static char out[256];
    struct ip_addr a = addr(peer), l;
    struct sel_v1_path path = {.fvrf = fvrf, .peer = &a};
    if (local) {
        l = addr(local);
        path.local = &l;
    }
    const struct cfg_isakmp_profile *p = profile ? cfg_find_isakmp_profile(c, profile) : NULL;
    CU_ASSERT_FATAL(!profile || p);
    struct sel_v1_key x = sel_v1_key(c, p, initiator, &path, id, &trace);
    CU_ASSERT_EQUAL(x.key == NULL, x.keyring == NULL);
    CU_ASSERT_STRING_EQUAL(trace.chosen, x.keyring ? x.keyring->name : "");
    out[0] = '\0';
    if (x.key)
        snprintf(out, sizeof out, "%s/%.*s", x.keyring->name, (int)x.key->key.n, (char *)x.key->key.p);
    return out;
}

#define RESPONDER(c, peer)       key_at(c, NULL, false, NULL, NULL, peer, NULL)
#define INITIATOR(c, prof, peer) key_at(c, prof, true, "", NULL, peer, NULL)

static void KR_2_initiator_searches_the_keyring_of_its_profile_alone(void)
{
    struct cfg *c = printed("C1");
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "profile2", "192.168.0.2"), "keyring2/cisco");
    CU_ASSERT_STRING_EQUAL(trace.rule, "KR-2");
    CU_ASSERT_EQUAL(trace.candidate_count, 1);
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "profile1", "192.168.0.2"), "keyring1/cisco");
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "profile1", "192.168.0.3"), "");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "profile profile1"));
    cfg_free(c);
}

static void KR_3_initiator_without_a_profile_takes_the_longest_mask(void)
{
    struct cfg *c = printed("C3");
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, NULL, "192.168.0.2"), "keyring2/cisco");
    CU_ASSERT_STRING_EQUAL(trace.rule, "KR-3");
    CU_ASSERT_EQUAL_FATAL(trace.candidate_count, 3);
    CU_ASSERT(!strcmp(trace.candidates[0].name, "default") && !trace.candidates[0].matched);
    CU_ASSERT(!strcmp(trace.candidates[1].name, "keyring1") && trace.candidates[1].matched);
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, NULL, "192.168.0.9"), "keyring1/cisco");
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, NULL, "192.168.1.9"), "");
    cfg_free(c);
}

static void KR_5_longest_mask_over_all_keyrings_in_either_order(void)
{
    struct cfg *c = printed("C4");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.0.2"), "keyring2/cisco2");
    CU_ASSERT_STRING_EQUAL(trace.rule, "KR-5");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.7.2"), "keyring1/cisco");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "10.0.0.1"), "");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "2001:db8::1"), "");
    cfg_free(c);
    /* the other order, and the other mask of G1 */
    c = load("crypto keyring keyring2\n pre-shared-key address 192.168.0.2 key cisco2\n"
             "crypto keyring keyring1\n pre-shared-key address 192.168.0.0 255.255.255.0 key cisco\n");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.0.2"), "keyring2/cisco2");
    cfg_free(c);
}

static void KR_5_host_name_keys_are_not_looked_at_in_main_mode(void)
{
    struct cfg *c = load("crypto isakmp key byname hostname r2.cisco.com\ncrypto keyring K\n"
                         " pre-shared-key address 0.0.0.0 key byaddress\n");
    struct sel_id id = ID_FQDN("R2.cisco.com"), other = ID_FQDN("r3.cisco.com"),
                  user = ID_EMAIL("r2.cisco.com");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.0.2"), "K/byaddress");
    /* G9: Aggressive Mode knows the name */
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, NULL, NULL, "192.168.0.2", &id), "default/byname");
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, NULL, NULL, "192.168.0.2", &other), "K/byaddress");
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, NULL, NULL, "192.168.0.2", &user), "K/byaddress");
    cfg_free(c);
}

static void KR_5_and_G23_another_fvrf_has_its_own_keyrings_and_no_default(void)
{
    struct cfg *c = load("crypto isakmp key global address 0.0.0.0\ncrypto keyring RED\n"
                         " pre-shared-key address 0.0.0.0 key red\ncrypto keyring G\n"
                         " pre-shared-key address 10.0.0.1 key g\ncrypto isakmp profile D\n");
    memcpy(c->isakmp_keyrings[0].vrf, "R", 2);
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, "R", NULL, "10.0.0.1", NULL), "RED/red");
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, "B", NULL, "10.0.0.1", NULL), "");
    CU_ASSERT_STRING_EQUAL(key_at(c, "D", true, "R", NULL, "10.0.0.1", NULL), "");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "10.0.0.1"), "default/global");
    cfg_free(c);
}

static void KR_6_of_equal_masks_the_first_configured_is_taken(void)
{
    struct cfg *c = printed("C5");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.0.2"), "keyring1/cisco");
    CU_ASSERT_STRING_EQUAL(trace.rule, "KR-6");
    struct sel_v1_key a = {&c->isakmp_keyrings[0], &c->isakmp_keyrings[0].keys[0]},
                      b = {&c->isakmp_keyrings[1], &c->isakmp_keyrings[1].keys[0]};
    CU_ASSERT_PTR_EQUAL(sel_v1_key_tie(a, b).key, a.key);
    cfg_free(c);
    c = printed("C1");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.0.2"), "keyring1/cisco");
    cfg_free(c);
    c = printed("C2");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.0.1"), "keyring1/cisco");
    cfg_free(c);
}

static const struct cfg_isakmp_profile *profile(const struct cfg *c, const char *name)
{
    const struct cfg_isakmp_profile *p = cfg_find_isakmp_profile(c, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

/* C1 and C2: R2 takes keyring1 at MM1 and finds R1's profile1, whose keyring that is: up. R1 takes keyring1, finds profile2. */
static void KR_7_the_keyring_object_counts_not_the_password(void)
{
    struct cfg *r1 = printed("C1"), *r2 = printed("C2");
    struct ip_addr a1 = addr("192.168.0.1"), a2 = addr("192.168.0.2");
    struct sel_id id1 = ID_ADDR("192.168.0.1"), id2 = ID_ADDR("192.168.0.2");
    struct sel_v1_path from1 = {.peer = &a1}, from2 = {.peer = &a2};
    struct sel_v1_key at2 = sel_v1_key(r2, NULL, false, &from1, NULL, NULL),
                      at1 = sel_v1_key(r1, NULL, false, &from2, NULL, NULL);
    CU_ASSERT(sel_v1_keyring_agrees(r2, sel_v1_profile(r2, &from1, &id1, NULL), at2.keyring, &trace));
    CU_ASSERT_STRING_EQUAL(trace.chosen, "keyring1");
    const struct cfg_isakmp_profile *found = sel_v1_profile(r1, &from2, &id2, NULL);
    CU_ASSERT_PTR_EQUAL_FATAL(found, profile(r1, "profile2"));
    CU_ASSERT_FALSE(sel_v1_keyring_agrees(r1, found, at1.keyring, &trace));
    CU_ASSERT(!strcmp(trace.rule, "KR-7") && trace.chosen[0] == '\0');
    CU_ASSERT(strstr(trace.text, "keyring1") && strstr(trace.text, "profile2"));
    cfg_free(r1);
    cfg_free(r2);
}

static void KR_7_and_G7_G8_any_keyring_of_the_profile_and_default_when_it_names_none(void)
{
    struct cfg *c = load("crypto isakmp key d address 0.0.0.0\ncrypto keyring A\n"
                         " pre-shared-key address 10.0.0.0 255.0.0.0 key a\ncrypto keyring B\n"
                         " pre-shared-key address 10.0.0.0 255.0.0.0 key b\n"
                         " pre-shared-key address 10.0.0.1 key bb\n"
                         "crypto isakmp profile BA\n keyring B\n keyring A\ncrypto isakmp profile N\n"
                         "crypto isakmp profile D\n keyring default\n keyring A\ncrypto isakmp profile X\n"
                         " keyring missing\n");
    const struct cfg_isakmp_keyring *d = &c->isakmp_default, *a = &c->isakmp_keyrings[0],
                                    *b = &c->isakmp_keyrings[1];
    CU_ASSERT(sel_v1_keyring_agrees(c, profile(c, "BA"), a, NULL) &&
              sel_v1_keyring_agrees(c, profile(c, "BA"), b, NULL));
    CU_ASSERT_FALSE(sel_v1_keyring_agrees(c, profile(c, "BA"), d, NULL)); /* G8 */
    CU_ASSERT(sel_v1_keyring_agrees(c, profile(c, "N"), d, NULL));
    CU_ASSERT_FALSE(sel_v1_keyring_agrees(c, profile(c, "N"), a, NULL));
    CU_ASSERT(sel_v1_keyring_agrees(c, profile(c, "D"), d, NULL));
    CU_ASSERT_FALSE(sel_v1_keyring_agrees(c, profile(c, "X"), a, NULL));
    CU_ASSERT_FALSE(sel_v1_keyring_agrees(c, profile(c, "X"), NULL, NULL));
    CU_ASSERT(sel_v1_keyring_agrees(c, NULL, a, NULL)); /* PF-6 */
    /* G7: the longest mask; of equals the one listed first */
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "BA", "10.0.0.1"), "B/bb");
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "BA", "10.0.0.2"), "B/b");
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "N", "10.0.0.2"), "default/d");
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "D", "10.0.0.2"),
                           "A/a"); /* no KR-9 here: the profile's list is one search */
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, "X", "10.0.0.2"), "");
    cfg_free(c);
}

static void KR_9_a_global_key_of_any_length_wins(void)
{
    struct cfg *c = printed("C6");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "192.168.0.2"), "default/cisco3");
    CU_ASSERT_STRING_EQUAL(trace.rule, "KR-9");
    CU_ASSERT_EQUAL(trace.candidate_count, 1);
    CU_ASSERT_STRING_EQUAL(INITIATOR(c, NULL, "192.168.0.2"), "default/cisco3");
    cfg_free(c);
    c = load("crypto keyring K\n pre-shared-key address 10.0.0.1 key k\ncrypto isakmp key a address 10.0.0.0 "
             "255.0.0.0\ncrypto isakmp key b address 10.1.0.0 255.255.0.0\n");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "10.0.0.1"), "default/a");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "10.1.0.1"), "default/b");
    cfg_free(c);
}

static void KR_10_zero_without_a_mask_is_any_address(void)
{
    struct cfg *c = load("crypto isakmp key k address 0.0.0.0\ncrypto isakmp key v address ipv6 ::/0\n");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "203.0.113.9"), "default/k");
    CU_ASSERT_STRING_EQUAL(RESPONDER(c, "2001:db8::9"), "default/v");
    cfg_free(c);
}

static void G10_a_local_address_filters_before_the_mask_decides(void)
{
    struct cfg *c =
        load("crypto keyring A\n local-address 10.1.0.1\n pre-shared-key address 10.0.0.1 key a\n"
             "crypto keyring B\n local-address Loopback0\n pre-shared-key address 10.0.0.0 "
             "255.0.0.0 key b\ncrypto keyring C\n pre-shared-key address 10.0.0.0 255.0.0.0 key c\n"
             "interface Loopback0\n ip address 10.2.0.1 255.255.255.255\n");
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, "", "10.1.0.1", "10.0.0.1", NULL), "A/a");
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, "", "10.2.0.1", "10.0.0.1", NULL), "B/b");
    CU_ASSERT_STRING_EQUAL(trace.rule, "KR-6"); /* B and C are equal, then */
    CU_ASSERT_STRING_EQUAL(key_at(c, NULL, false, "", "10.3.0.1", "10.0.0.1", NULL), "C/c");
    cfg_free(c);
}

UNIT_MAIN("select-keyring1", UNIT_TEST(KR_2_initiator_searches_the_keyring_of_its_profile_alone),
          UNIT_TEST(KR_3_initiator_without_a_profile_takes_the_longest_mask),
          UNIT_TEST(KR_5_longest_mask_over_all_keyrings_in_either_order),
          UNIT_TEST(KR_5_host_name_keys_are_not_looked_at_in_main_mode),
          UNIT_TEST(KR_5_and_G23_another_fvrf_has_its_own_keyrings_and_no_default),
          UNIT_TEST(KR_6_of_equal_masks_the_first_configured_is_taken),
          UNIT_TEST(KR_7_the_keyring_object_counts_not_the_password),
          UNIT_TEST(KR_7_and_G7_G8_any_keyring_of_the_profile_and_default_when_it_names_none),
          UNIT_TEST(KR_9_a_global_key_of_any_length_wins),
          UNIT_TEST(KR_10_zero_without_a_mask_is_any_address),
          UNIT_TEST(G10_a_local_address_filters_before_the_mask_decides))
