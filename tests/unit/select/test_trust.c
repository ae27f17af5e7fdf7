/* CT-1 to CT-17, V2-2 to V2-9: which trust-points are asked for, sign, and verify. */
#include "control/select/sel_trust.h"
#include "tests/unit/select/select.h"

#include <strings.h>

static struct sel_trace trace;
static struct sel_trust trust;
static uint8_t hashes[SEL_TRUST_MAX + 8][SEL_TRUST_HASH];

static struct slice text(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

/* Stands in for pki_dn_equal: names of these tests are texts, equal but for case. */
static bool same_name(struct slice a, struct slice b)
{
    return a.n == b.n && strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0;
}

static const uint8_t *hash_of(const char *ca)
{
    static unsigned next;
    uint8_t *h = hashes[next++ % (SEL_TRUST_MAX + 8)];
    memset(h, 0, SEL_TRUST_HASH);
    snprintf((char *)h, SEL_TRUST_HASH, "%s", ca);
    return h;
}

/* Trust-points in the order of the list: usable ones count down. ca NULL: not authenticated. */
static struct sel_trustpoint *add(const char *name, const char *ca, bool usable)
{
    struct sel_trustpoint *t = &trust.tps[trust.count++];
    *t = (struct sel_trustpoint){
        .name = name, .has_ca = ca != NULL, .ca_text = ca ? ca : "", .usable = usable};
    t->seq = usable ? 100 - trust.count : 0;
    if (ca) {
        t->ca_dn = text(ca);
        t->ca_hash = hash_of(ca);
    }
    return t;
}

/* R1 of the reference document: IOSCA2 enrolled last. */
static void as_R1(void)
{
    memset(&trust, 0, sizeof trust);
    add("IOSCA2", "cn=CA2,o=cisco,o=com", true);
    add("IOSCA1", "cn=CA1,o=cisco,o=com", true);
}

static void as_R2(void)
{
    memset(&trust, 0, sizeof trust);
    add("IOSCA1", "cn=CA1,o=cisco,o=com", true);
    add("IOSCA2", "cn=CA2,o=cisco,o=com", true);
}

static struct cfg_isakmp_profile prof1(const char *a, const char *b)
{
    struct cfg_isakmp_profile p = {.name = "prof1"};
    for (unsigned i = 0; i < 2; i++)
        if (i ? b : a)
            snprintf(p.trustpoints[p.trustpoint_count++], CFG_NAME_MAX, "%s", i ? b : a);
    return p;
}

static void trustpoint2(struct cfg_ikev2_profile *p, const char *name, bool sign, bool verify)
{
    snprintf(p->trustpoints[p->trustpoint_count].name, CFG_NAME_MAX, "%s", name);
    p->trustpoints[p->trustpoint_count].sign = sign;
    p->trustpoints[p->trustpoint_count++].verify = verify;
}

static struct cfg_ikev2_profile prof2(const char *a, const char *b)
{
    struct cfg_ikev2_profile p = {.name = "profile1"};
    if (a)
        trustpoint2(&p, a, true, true);
    if (b)
        trustpoint2(&p, b, true, true);
    return p;
}

/* "IOSCA2 IOSCA1" */
static const char *names(struct sel_trust_list l)
{
    static char out[1024];
    out[0] = '\0';
    for (unsigned i = 0; i < l.count; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? " " : "", trust.tps[l.at[i]].name);
    return out;
}

static const char *verifiers(struct sel_trust_names n)
{
    static char out[1024];
    snprintf(out, sizeof out, "%s", n.all ? "all" : "");
    for (unsigned i = 0; i < n.count; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? " " : "", n.names[i]);
    return out;
}

/* What the peer's MM3 or MM4 asks for. */
static struct sel_trust_asked asks(const char *a, const char *b)
{
    struct sel_trust_asked x = {0};
    if (a)
        x.ca[x.count++] = text(a);
    if (b)
        x.ca[x.count++] = text(b);
    return x;
}

static struct sel_trust_asked asks2(const char *a, const char *b)
{
    struct sel_trust_asked x = {0};
    if (a)
        x.ca[x.count++] = (struct slice){hash_of(a), SEL_TRUST_HASH};
    if (b)
        x.ca[x.count++] = (struct slice){hash_of(b), SEL_TRUST_HASH};
    return x;
}

static const char *signs(bool initiator, const struct cfg_isakmp_profile *p, struct sel_trust_asked x)
{
    int at = sel1_sign(&trust, initiator, p, &x, same_name, &trace);
    CU_ASSERT_STRING_EQUAL(trace.chosen, at < 0 ? "" : trust.tps[at].name);
    return at < 0 ? "" : trust.tps[at].name;
}

static const char *signs2(bool initiator, const struct cfg_ikev2_profile *p, struct sel_trust_asked x)
{
    int at = sel2_sign(&trust, initiator, p, &x, &trace);
    CU_ASSERT_STRING_EQUAL(trace.chosen, at < 0 ? "" : trust.tps[at].name);
    return at < 0 ? "" : trust.tps[at].name;
}

#define CA1 "cn=CA1,o=cisco,o=com"
#define CA2 "cn=CA2,o=cisco,o=com"

static void CT_1_initiator_asks_for_the_trust_points_of_its_profile_alone(void)
{
    as_R1();
    struct cfg_isakmp_profile p = prof1("IOSCA1", NULL);
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, true, &p, &trace)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "CT-1");
    CU_ASSERT_EQUAL(trace.kind, SEL_TRUSTPOINT);
    CU_ASSERT(!trace.candidates[0].matched && trace.candidates[1].matched);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[1].why, CA1));
}

static void CT_2_initiator_without_ca_trust_point_asks_for_all(void)
{
    as_R2();
    add("Root", "cn=Root", false); /* a CA that issued us nothing is trusted all the same */
    struct cfg_isakmp_profile p = prof1(NULL, NULL);
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, true, &p, &trace)), "IOSCA1 IOSCA2 Root");
    CU_ASSERT_STRING_EQUAL(trace.rule, "CT-2");
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, true, NULL, NULL)), "IOSCA1 IOSCA2 Root");
}

static void CT_3_responder_asks_for_all_whatever_the_profile_says(void)
{
    as_R1();
    struct cfg_isakmp_profile p = prof1("IOSCA1", NULL);
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, false, &p, &trace)), "IOSCA2 IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "CT-3");
}

static void CT_8_order_is_that_of_the_list_not_of_the_profile(void)
{
    as_R1();
    struct cfg_isakmp_profile p = prof1("IOSCA1", "IOSCA2");
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, true, &p, NULL)), "IOSCA2 IOSCA1");
    as_R2();
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, true, &p, NULL)), "IOSCA1 IOSCA2");
}

static void G14_one_CERTREQ_for_a_CA_and_none_without_its_certificate(void)
{
    as_R1();
    add("TWIN", CA1, false);
    add("NEW", NULL, false);
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, true, NULL, &trace)), "IOSCA2 IOSCA1");
    CU_ASSERT_EQUAL_FATAL(trace.candidate_count, 4);
    CU_ASSERT_STRING_EQUAL(trace.candidates[3].why, "it has no CA certificate");
    struct cfg_isakmp_profile p = prof1("NEW", "no-such");
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, true, &p, &trace)), "");
    CU_ASSERT_STRING_EQUAL(trace.chosen, "");
}

static void CT_5_the_first_CERTREQ_that_fits_decides(void)
{
    as_R2();
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks(CA2, CA1)), "IOSCA2");
    CU_ASSERT_STRING_EQUAL(trace.rule, "CT-5");
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks(CA1, CA2)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(signs(true, NULL, asks("cn=VeriSign", CA2)), "IOSCA2");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "CERTREQ 2"));
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks("CN=ca2,O=Cisco,O=com", NULL)), "IOSCA2");
}

static void CT_6_initiator_counts_only_what_its_profile_names(void)
{
    as_R1();
    struct cfg_isakmp_profile p = prof1("IOSCA1", NULL);
    CU_ASSERT_STRING_EQUAL(signs(true, &p, asks(CA2, CA1)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "CT-6");
    CU_ASSERT(!strcmp(trace.candidates[0].name, "IOSCA2") && !trace.candidates[0].matched);
    /* a responder has no such filter */
    CU_ASSERT_STRING_EQUAL(signs(false, &p, asks(CA2, CA1)), "IOSCA2");
}

static void CT_9_a_peer_is_checked_against_the_profile_or_against_all(void)
{
    struct cfg_isakmp_profile p = prof1("IOSCA1", NULL), none = prof1(NULL, NULL);
    CU_ASSERT_STRING_EQUAL(verifiers(sel1_verify(&p, &trace)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "CT-9");
    CU_ASSERT_STRING_EQUAL(verifiers(sel1_verify(&none, &trace)), "all");
    CU_ASSERT_STRING_EQUAL(verifiers(sel1_verify(NULL, NULL)), "all");
}

static void CT_14_several_ca_trust_point_lines(void)
{
    struct cfg_isakmp_profile p = prof1("IOSCA2", "IOSCA1");
    CU_ASSERT_STRING_EQUAL(verifiers(sel1_verify(&p, &trace)), "IOSCA2 IOSCA1");
    as_R2();
    CU_ASSERT_STRING_EQUAL(signs(true, &p, asks(CA1, CA2)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(signs(true, &p, asks(CA2, CA1)), "IOSCA2");
}

static void G16_a_trust_point_without_a_valid_certificate_is_passed_over(void)
{
    as_R1();
    trust.tps[0].usable = false;
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks(CA2, CA1)), "IOSCA1");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[0].why, "G16"));
    trust.tps[1].usable = false;
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks(CA2, CA1)), "");
    CU_ASSERT_STRING_EQUAL(trace.rule, "G16");
    memset(&trust, 0, sizeof trust);
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks(CA2, CA1)), "");
}

static void G16_nothing_fits_the_first_of_the_profile_or_of_the_list(void)
{
    as_R1();
    struct cfg_isakmp_profile p = prof1("IOSCA1", "IOSCA2");
    CU_ASSERT_STRING_EQUAL(signs(true, &p, asks("cn=Other", NULL)), "IOSCA1"); /* order of the profile */
    CU_ASSERT_STRING_EQUAL(trace.rule, "G16");
    CU_ASSERT_STRING_EQUAL(signs(false, &p, asks("cn=Other", NULL)), "IOSCA2"); /* order of the list */
    CU_ASSERT_STRING_EQUAL(signs(true, NULL, asks(NULL, NULL)), "IOSCA2");
    trust.tps[1].usable = false;
    CU_ASSERT_STRING_EQUAL(signs(true, &p, asks(NULL, NULL)), "IOSCA2");
    struct cfg_isakmp_profile only = prof1("IOSCA1", "no-such");
    CU_ASSERT_STRING_EQUAL(signs(true, &only, asks(CA2, CA1)), ""); /* never with one that it does not name */
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "prof1"));
}

static void G32_CT_17_two_trust_points_of_one_CA_the_newer_certificate(void)
{
    as_R1();
    add("TWIN", CA1, true)->seq = 500;
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks(CA1, NULL)), "TWIN");
    trust.tps[2].seq = 1;
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks(CA1, NULL)), "IOSCA1");
    /* the newer one has no say where a profile does not name it */
    trust.tps[2].seq = 500;
    struct cfg_isakmp_profile p = prof1("IOSCA1", NULL);
    CU_ASSERT_STRING_EQUAL(signs(true, &p, asks(CA1, NULL)), "IOSCA1");
}

static void RFC_4945_3_2_an_empty_name_asks_for_any_CA_and_a_root_for_what_is_below(void)
{
    as_R1();
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks("", CA1)), "IOSCA2");
    trust.tps[1].parents[0].dn = text("cn=Root");
    trust.tps[1].parents[0].hash = hash_of("cn=Root");
    trust.tps[1].parent_count = 1;
    CU_ASSERT_STRING_EQUAL(signs(false, NULL, asks("cn=Root", CA2)), "IOSCA1");
    struct sel_trust_asked x = asks2("cn=Root", CA2);
    CU_ASSERT_STRING_EQUAL(signs2(false, NULL, x), "IOSCA1");
}

static void V2_2_V2_9_responder_asks_for_all_the_last_enrolled_first(void)
{
    as_R1();
    CU_ASSERT_STRING_EQUAL(names(sel2_certreqs(&trust, NULL, &trace)), "IOSCA2 IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "V2-2");
    as_R2();
    CU_ASSERT_STRING_EQUAL(names(sel2_certreqs(&trust, NULL, NULL)), "IOSCA1 IOSCA2");
    /* a CA with a new key under its old name is another one to IKEv2, and the same one to IKEv1 */
    add("TWIN", CA1, false)->ca_hash = hash_of("another key");
    add("SAME", "cn=Other", false)->ca_hash = trust.tps[0].ca_hash;
    CU_ASSERT_STRING_EQUAL(names(sel2_certreqs(&trust, NULL, NULL)), "IOSCA1 IOSCA2 TWIN");
    CU_ASSERT_STRING_EQUAL(names(sel1_certreqs(&trust, false, NULL, NULL)), "IOSCA1 IOSCA2 SAME");
}

static void G28_IKE_AUTH_asks_for_what_the_profile_verifies_with(void)
{
    as_R1();
    struct cfg_ikev2_profile p = prof2("IOSCA1", NULL), none = prof2(NULL, NULL);
    CU_ASSERT_STRING_EQUAL(names(sel2_certreqs(&trust, &p, &trace)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "G28");
    CU_ASSERT_STRING_EQUAL(names(sel2_certreqs(&trust, &none, NULL)), "IOSCA2 IOSCA1");
    p.trustpoints[0].verify = false;
    CU_ASSERT_STRING_EQUAL(names(sel2_certreqs(&trust, &p, NULL)), "IOSCA2 IOSCA1");
}

static void V2_3_initiator_signs_for_the_first_CERTREQ_among_its_profile(void)
{
    as_R2();
    struct cfg_ikev2_profile p = prof2("IOSCA1", "IOSCA2"), one = prof2("IOSCA1", NULL);
    CU_ASSERT_STRING_EQUAL(signs2(true, &p, asks2(CA2, CA1)), "IOSCA2"); /* V2-8: what then fails at R1 */
    CU_ASSERT_STRING_EQUAL(trace.rule, "V2-3");
    CU_ASSERT_STRING_EQUAL(signs2(true, &one, asks2(CA2, CA1)), "IOSCA1");
    /* RFC 7296 3.7: CERTREQs are hints; what was asked for in vain leaves the profile's own */
    CU_ASSERT_STRING_EQUAL(signs2(true, &p, asks2("cn=Other", NULL)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "G16");
}

static void V2_5_initiator_without_trust_point_has_none(void)
{
    as_R1();
    struct cfg_ikev2_profile none = prof2(NULL, NULL);
    CU_ASSERT_STRING_EQUAL(signs2(true, &none, asks2(CA2, CA1)), "");
    CU_ASSERT_STRING_EQUAL(trace.rule, "V2-5");
    /* one to verify with alone is none to sign with */
    trustpoint2(&none, "IOSCA1", false, true);
    CU_ASSERT_STRING_EQUAL(signs2(true, &none, asks2(CA2, CA1)), "");
    CU_ASSERT_STRING_EQUAL(trace.rule, "V2-5");
}

static void V2_6_responder_without_trust_point_verifies_with_all(void)
{
    struct cfg_ikev2_profile p = prof2("TP1", NULL), none = prof2(NULL, NULL);
    CU_ASSERT_STRING_EQUAL(verifiers(sel2_verify(&none, &trace)), "all");
    CU_ASSERT_STRING_EQUAL(trace.rule, "V2-6");
    CU_ASSERT_STRING_EQUAL(verifiers(sel2_verify(NULL, NULL)), "all");
    CU_ASSERT_STRING_EQUAL(verifiers(sel2_verify(&p, &trace)), "TP1");
}

static void V2_7_sign_and_verify_may_differ(void)
{
    as_R1();
    struct cfg_ikev2_profile p = {.name = "profile1"};
    trustpoint2(&p, "IOSCA1", true, false);
    trustpoint2(&p, "IOSCA2", false, true);
    CU_ASSERT_STRING_EQUAL(signs2(true, &p, asks2(CA2, CA1)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(signs2(false, &p, asks2(CA2, NULL)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(verifiers(sel2_verify(&p, &trace)), "IOSCA2");
    CU_ASSERT_STRING_EQUAL(trace.rule, "V2-7");
    CU_ASSERT_STRING_EQUAL(names(sel2_certreqs(&trust, &p, NULL)), "IOSCA2");
}

static void G17_responder_signs_within_its_profile_or_with_any(void)
{
    as_R1();
    struct cfg_ikev2_profile p = prof2("IOSCA1", NULL), none = prof2(NULL, NULL);
    CU_ASSERT_STRING_EQUAL(signs2(false, &p, asks2(CA2, CA1)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(trace.rule, "G17");
    CU_ASSERT_STRING_EQUAL(signs2(false, &none, asks2(CA1, CA2)), "IOSCA1");
    CU_ASSERT_STRING_EQUAL(signs2(false, &none, asks2(NULL, NULL)), "IOSCA2");
    CU_ASSERT_STRING_EQUAL(signs2(false, &p, asks2("cn=Other", NULL)), "IOSCA1");
    trust.tps[1].usable = false;
    CU_ASSERT_STRING_EQUAL(signs2(false, &p, asks2(CA2, CA1)), "");
}

static void a_CERTREQ_of_another_length_than_a_hash_fits_nothing(void)
{
    as_R1();
    struct sel_trust_asked x = asks2(CA1, NULL);
    x.ca[0].n = SEL_TRUST_HASH - 1;
    CU_ASSERT_STRING_EQUAL(signs2(false, NULL, x), "IOSCA2");
    CU_ASSERT_STRING_EQUAL(trace.rule, "G16");
    x.ca[0].n = 0;
    CU_ASSERT_STRING_EQUAL(signs2(false, NULL, x), "IOSCA2");
    CU_ASSERT_STRING_EQUAL(trace.rule, "G16");
}

static void full_lists_stay_within_their_bounds(void)
{
    static char name[SEL_TRUST_MAX][8], ca[SEL_TRUST_MAX][16];
    struct sel_trust_asked x = {.count = SEL_TRUST_MAX};
    memset(&trust, 0, sizeof trust);
    for (unsigned i = 0; i < SEL_TRUST_MAX; i++) {
        snprintf(name[i], sizeof name[i], "T%u", i);
        snprintf(ca[i], sizeof ca[i], "cn=%u", i);
        add(name[i], ca[i], true);
        x.ca[i] = text(i == SEL_TRUST_MAX - 1 ? ca[i] : "cn=none");
    }
    CU_ASSERT_EQUAL(sel1_certreqs(&trust, true, NULL, &trace).count, SEL_TRUST_MAX);
    CU_ASSERT_EQUAL(sel2_certreqs(&trust, NULL, &trace).count, SEL_TRUST_MAX);
    CU_ASSERT_EQUAL(sel1_sign(&trust, false, NULL, &x, same_name, &trace), SEL_TRUST_MAX - 1);
}

UNIT_MAIN("select: trust-points", UNIT_TEST(CT_1_initiator_asks_for_the_trust_points_of_its_profile_alone),
          UNIT_TEST(CT_2_initiator_without_ca_trust_point_asks_for_all),
          UNIT_TEST(CT_3_responder_asks_for_all_whatever_the_profile_says),
          UNIT_TEST(CT_8_order_is_that_of_the_list_not_of_the_profile),
          UNIT_TEST(G14_one_CERTREQ_for_a_CA_and_none_without_its_certificate),
          UNIT_TEST(CT_5_the_first_CERTREQ_that_fits_decides),
          UNIT_TEST(CT_6_initiator_counts_only_what_its_profile_names),
          UNIT_TEST(CT_9_a_peer_is_checked_against_the_profile_or_against_all),
          UNIT_TEST(CT_14_several_ca_trust_point_lines),
          UNIT_TEST(G16_a_trust_point_without_a_valid_certificate_is_passed_over),
          UNIT_TEST(G16_nothing_fits_the_first_of_the_profile_or_of_the_list),
          UNIT_TEST(G32_CT_17_two_trust_points_of_one_CA_the_newer_certificate),
          UNIT_TEST(RFC_4945_3_2_an_empty_name_asks_for_any_CA_and_a_root_for_what_is_below),
          UNIT_TEST(V2_2_V2_9_responder_asks_for_all_the_last_enrolled_first),
          UNIT_TEST(G28_IKE_AUTH_asks_for_what_the_profile_verifies_with),
          UNIT_TEST(V2_3_initiator_signs_for_the_first_CERTREQ_among_its_profile),
          UNIT_TEST(V2_5_initiator_without_trust_point_has_none),
          UNIT_TEST(V2_6_responder_without_trust_point_verifies_with_all),
          UNIT_TEST(V2_7_sign_and_verify_may_differ),
          UNIT_TEST(G17_responder_signs_within_its_profile_or_with_any),
          UNIT_TEST(a_CERTREQ_of_another_length_than_a_hash_fits_nothing),
          UNIT_TEST(full_lists_stay_within_their_bounds))
