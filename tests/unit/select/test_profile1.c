/* PF-1 to PF-7 for IKEv1, over C1, C2, C3, C7 and C8 as they are printed. */
#include "control/select/sel_flow.h"
#include "control/select/sel_v1.h"
#include "tests/unit/select/select.h"

static struct sel_trace trace;

static const char *chosen(const struct cfg *c, const char *fvrf, const char *local, const struct sel_id *id)
{
    struct ip_addr l;
    struct sel_v1_path path = {.fvrf = fvrf};
    if (local) {
        l = addr(local);
        path.local = &l;
    }
    const struct cfg_isakmp_profile *p = sel_v1_profile(c, &path, id, &trace);
    CU_ASSERT_STRING_EQUAL(trace.chosen, p ? p->name : "");
    return p ? p->name : "";
}

static const char *for_tunnel(const struct cfg *c, const char *name, bool *refused)
{
    const struct cfg_interface *t = cfg_find_interface(c, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    const struct cfg_isakmp_profile *p = sel_v1_profile_for_tunnel(c, t, refused, &trace);
    return p ? p->name : "";
}

static void PF_1_initiator_uses_the_profile_that_is_bound(void)
{
    bool refused = true;
    struct cfg *c = printed("C1");
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel1", &refused), "profile2");
    CU_ASSERT(!refused && !strcmp(trace.rule, "PF-1"));
    CU_ASSERT_PTR_NULL(sel_ikev2_profile_for_tunnel(c, cfg_find_interface(c, "Tunnel1"), &trace));
    cfg_free(c);
}

static void PF_2_initiator_without_a_binding_takes_the_most_specific(void)
{
    bool refused = true;
    struct cfg *c = printed("C7");
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel1", &refused), "profile2");
    CU_ASSERT(!refused && !strcmp(trace.rule, "PF-2"));
    cfg_free(c);
    c = printed("C3"); /* none: KR-3 */
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel1", &refused), "");
    CU_ASSERT_FALSE(refused);
    cfg_free(c);
}

static void G25_a_tunnel_of_IKEv2_or_without_protection_is_refused(void)
{
    bool refused = false;
    struct cfg *c = load("crypto isakmp profile P\n match identity address 0.0.0.0 0.0.0.0\n"
                         "crypto ikev2 profile V\ncrypto ipsec profile I\n set isakmp-profile P\n"
                         " set ikev2-profile V\ninterface Tunnel1\n tunnel destination 10.0.0.2\n"
                         " tunnel protection ipsec profile I\ninterface Tunnel2\n");
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel1", &refused), "");
    CU_ASSERT(refused && strstr(trace.text, "IKEv2"));
    refused = false;
    CU_ASSERT_STRING_EQUAL(for_tunnel(c, "Tunnel2", &refused), "");
    CU_ASSERT(refused);
    CU_ASSERT_FALSE(sel_v1_entry_accepts(c, cfg_find_ipsec_profile(c, "I"), &c->isakmp_profiles[0], &trace));
    cfg_free(c);
}

static void PF_3_responder_takes_the_most_specific_in_either_order(void)
{
    struct sel_id near = ID_ADDR("192.168.0.1"), other = ID_ADDR("192.168.0.9"), far = ID_ADDR("10.0.0.1");
    struct cfg *c = printed("C8");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &near), "profile2");
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-3");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &other), "profile1");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &far), "");
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-6");
    cfg_free(c);
    c = load("crypto isakmp profile P2\n match identity address 192.168.0.1\ncrypto isakmp profile P1\n"
             " match identity address 192.168.0.0 255.255.255.0\n");
    CU_ASSERT_STRING_EQUAL(chosen(c, NULL, NULL, &near), "P2");
    cfg_free(c);
}

static void PF_4_of_equal_matches_the_first_configured_is_taken(void)
{
    struct sel_id id = ID_ADDR("10.0.0.1");
    struct cfg *c =
        load("crypto isakmp profile B\n match identity address 10.0.0.1\ncrypto isakmp profile A\n"
             " match identity address 10.0.0.1\n");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &id), "B");
    CU_ASSERT_STRING_EQUAL(trace.rule, "PF-4");
    CU_ASSERT_PTR_EQUAL(sel_v1_profile_tie(&c->isakmp_profiles[0], &c->isakmp_profiles[1]),
                        &c->isakmp_profiles[0]);
    cfg_free(c);
}

static void PF_5_and_G5_names_by_their_type_exact_before_domain(void)
{
    struct sel_id r1 = ID_FQDN("r1.CISCO.com"), r2 = ID_FQDN("R2.cisco.com"), us = ID_EMAIL("me@cisco.com"),
                  them = ID_EMAIL("you@cisco.com"), group = ID_KEY("SALES"), no = ID_KEY("sales"),
                  outside = ID_FQDN("r1.cisco.org");
    struct cfg *c = load("crypto isakmp profile DOMAIN\n match identity host domain cisco.com\n"
                         "crypto isakmp profile HOST\n match identity host R1.cisco.com\n"
                         "crypto isakmp profile USER\n match identity user me@cisco.com\n"
                         "crypto isakmp profile USERS\n match identity user domain cisco.com\n"
                         "crypto isakmp profile GROUP\n match identity group SALES\n");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &r1), "HOST");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &r2), "DOMAIN");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &us), "USER");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &them), "USERS");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &group), "GROUP");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &no), "");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", NULL, &outside), "");
    cfg_free(c);
}

static void G10_fvrf_and_local_address_filter_and_the_incomplete_take_no_part(void)
{
    struct sel_id id = ID_ADDR("10.0.0.1");
    struct cfg *c = load("crypto isakmp profile EMPTY\ncrypto isakmp profile HERE\n local-address 10.9.0.1\n"
                         " match identity address 10.0.0.1\ncrypto isakmp profile RED\n"
                         " match identity address 10.0.0.1\ncrypto isakmp profile WIDE\n"
                         " match identity address 0.0.0.0 0.0.0.0\n");
    memcpy(c->isakmp_profiles[2].fvrf, "R", 2);
    CU_ASSERT_STRING_EQUAL(chosen(c, "", "10.9.0.1", &id), "HERE");
    CU_ASSERT_STRING_EQUAL(chosen(c, "", "10.9.0.2", &id), "WIDE");
    CU_ASSERT_STRING_EQUAL(chosen(c, "R", "10.9.0.1", &id), "RED");
    CU_ASSERT_STRING_EQUAL(chosen(c, "B", "10.9.0.1", &id), "");
    cfg_free(c);
}

static void PF_7_a_bound_entry_takes_its_own_profile_and_an_unbound_one_any(void)
{
    struct cfg *c = printed("C1");
    const struct cfg_ipsec_profile *bound = cfg_find_ipsec_profile(c, "profile1"),
                                   *open = cfg_find_ipsec_profile(c, "default");
    const struct cfg_isakmp_profile *p1 = cfg_find_isakmp_profile(c, "profile1"),
                                    *p2 = cfg_find_isakmp_profile(c, "profile2");
    CU_ASSERT(sel_v1_entry_accepts(c, bound, p2, &trace));
    CU_ASSERT_FALSE(sel_v1_entry_accepts(c, bound, p1, &trace));
    CU_ASSERT(!strcmp(trace.rule, "PF-7") && strstr(trace.text, "profile2"));
    CU_ASSERT_FALSE(sel_v1_entry_accepts(c, bound, NULL, &trace)); /* G11 */
    CU_ASSERT(sel_v1_entry_accepts(c, open, p1, &trace));          /* G12 */
    CU_ASSERT(sel_v1_entry_accepts(c, open, NULL, &trace));
    cfg_free(c);
}

static void an_IKEv2_SA_never_falls_on_a_tunnel_of_IKEv1(void)
{
    struct cfg *c = load("crypto isakmp key k address 10.0.0.2\ncrypto ipsec profile I\n"
                         "interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\ninterface Tunnel1\n"
                         " tunnel source e0/0\n tunnel destination 10.0.0.2\n"
                         " tunnel protection ipsec profile I\n");
    struct ip_addr local = addr("10.0.0.1"), peer = addr("10.0.0.2");
    const struct sel_flow_query q = {.version = CFG_IKEV2, .fvrf = "", .local = &local, .remote = &peer};
    enum sel_flow_why why;
    CU_ASSERT_PTR_NULL(sel_flow(c, &q, &why, NULL, &trace));
    CU_ASSERT_EQUAL(why, SEL_FLOW_NO_TUNNEL);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[0].why, "IKEv1"));
    cfg_free(c);
}

UNIT_MAIN("select-profile1", UNIT_TEST(PF_1_initiator_uses_the_profile_that_is_bound),
          UNIT_TEST(PF_2_initiator_without_a_binding_takes_the_most_specific),
          UNIT_TEST(G25_a_tunnel_of_IKEv2_or_without_protection_is_refused),
          UNIT_TEST(PF_3_responder_takes_the_most_specific_in_either_order),
          UNIT_TEST(PF_4_of_equal_matches_the_first_configured_is_taken),
          UNIT_TEST(PF_5_and_G5_names_by_their_type_exact_before_domain),
          UNIT_TEST(G10_fvrf_and_local_address_filter_and_the_incomplete_take_no_part),
          UNIT_TEST(PF_7_a_bound_entry_takes_its_own_profile_and_an_unbound_one_any),
          UNIT_TEST(an_IKEv2_SA_never_falls_on_a_tunnel_of_IKEv1))
