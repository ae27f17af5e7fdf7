/* IKEv1's phase 1 algorithms: offers, choice and answer (PR-2, KR-12, G26; RFC 2408 4.2; RFC 2409 5.4, Appendix A). */
#include "control/select/sel_v1_proposal.h"
#include "tests/unit/select/select.h"

enum { PSK = 1u << SEL1_METHOD_PSK, RSA = 1u << SEL1_METHOD_RSA };

static const char two[] =
    "crypto isakmp policy 20\n encr 3des\n hash md5\n authentication pre-share\n group 2\n"
    "crypto isakmp policy 10\n encr aes 256\n hash sha256\n authentication pre-share\n group 14\n"
    " lifetime 3600\n"
    "crypto isakmp policy 30\n encr aes\n group 5\n"; /* rsa-sig */

static const struct sel1_ike_transform aes256 = {1, false, 7, 256, 4, 1, 14, 28800},
                                       tdes = {2, false, 5, 0, 1, 1, 2, 86400};

static void PR_2_offers_stand_by_priority(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_transform t[SEL1_TRANSFORMS_MAX];
    CU_ASSERT_EQUAL_FATAL(sel1_ike_offers(c, PSK, 0, t), 2);
    CU_ASSERT_EQUAL(t[0].number, 1);
    CU_ASSERT_EQUAL(t[0].encr, 7);
    CU_ASSERT_EQUAL(t[0].key_bits, 256);
    CU_ASSERT_EQUAL(t[0].hash, 4);
    CU_ASSERT_EQUAL(t[0].auth, SEL1_METHOD_PSK);
    CU_ASSERT_EQUAL(t[0].group, 14);
    CU_ASSERT_EQUAL(t[0].life_s, 3600);
    CU_ASSERT_EQUAL(t[1].number, 2);
    CU_ASSERT_EQUAL(t[1].encr, 5);
    CU_ASSERT_EQUAL(t[1].key_bits, 0);
    CU_ASSERT_EQUAL(t[1].life_s, 86400);
    CU_ASSERT_EQUAL(sel1_ike_offers(c, PSK | RSA, 0, t), 3);
    CU_ASSERT_EQUAL(t[2].auth, SEL1_METHOD_RSA);
    CU_ASSERT_EQUAL(sel1_ike_offers(c, 0, 0, t), 0);
    cfg_free(c);
}

static void RFC_2409_5_4_aggressive_offers_are_of_one_group(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_transform t[SEL1_TRANSFORMS_MAX];
    CU_ASSERT_EQUAL_FATAL(sel1_ike_offers(c, PSK, 2, t), 1);
    CU_ASSERT_EQUAL(t[0].number, 1);
    CU_ASSERT_EQUAL(t[0].group, 2);
    CU_ASSERT_EQUAL(sel1_ike_offers(c, PSK, 19, t), 0);
    cfg_free(c);
}

static void section_5_without_policies_the_built_in_ones(void)
{
    struct cfg *c = load("crypto isakmp key k address 192.0.2.1\n");
    struct sel1_ike_transform t[SEL1_TRANSFORMS_MAX];
    CU_ASSERT_EQUAL_FATAL(sel1_ike_offers(c, PSK, 0, t), 4);
    CU_ASSERT_EQUAL(t[0].group, 5);
    CU_ASSERT_EQUAL(t[3].hash, 1);
    cfg_free(c);
    c = load("crypto isakmp key k address 192.0.2.1\nno crypto isakmp default policy\n");
    CU_ASSERT_EQUAL(sel1_ike_offers(c, PSK, 0, t), 0);
    cfg_free(c);
}

static void PR_2_the_responder_walks_its_own_list(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_choice x;
    struct sel_trace trace;
    const struct sel1_ike_transform offers[] = {tdes, aes256};
    CU_ASSERT_FATAL(sel1_ike_choose(c, PSK, NULL, offers, 2, &x, &trace));
    CU_ASSERT_EQUAL(x.transform, 1); /* the peer's second is our first */
    CU_ASSERT_EQUAL(x.policy->priority, 10);
    CU_ASSERT_EQUAL(x.encr, CV_ENCR_AES_CBC);
    CU_ASSERT_EQUAL(x.key_bits, 256);
    CU_ASSERT_EQUAL(x.prf, 5); /* HMAC-SHA2-256 */
    CU_ASSERT_EQUAL(x.group, 14);
    CU_ASSERT_EQUAL(trace.kind, SEL_PROPOSAL);
    CU_ASSERT_STRING_EQUAL(trace.rule, "PR-2");
    CU_ASSERT_STRING_EQUAL(trace.chosen, "policy 10");
    CU_ASSERT_EQUAL(trace.candidate_count, 2);
    CU_ASSERT_FALSE(trace.candidates[0].matched);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(trace.candidates[0].why, "Encryption algorithm offered does not match policy"));
    CU_ASSERT(trace.candidates[1].matched);
    cfg_free(c);
}

static void RFC_2408_4_2_a_transform_is_taken_whole(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_choice x;
    struct sel_trace trace;
    const struct {
        struct sel1_ike_transform t;
        const char *why;
    } wrong[] = {{{1, false, 5, 0, 4, 1, 2, 0}, "Hash algorithm"},
                 {{1, false, 5, 0, 1, 1, 14, 0}, "group"},
                 {{1, false, 5, 0, 1, 3, 2, 0}, "Authentication method"},
                 {{1, false, 5, 0, 1, 2, 2, 0}, "Authentication method"}, /* DSS */
                 {{1, false, 7, 128, 4, 1, 14, 0}, "key length"},
                 {{1, false, 7, 0, 4, 1, 14, 0}, "key length"}, /* RFC 3602 5.3: AES has the attribute */
                 {{1, false, 5, 168, 1, 1, 2, 0}, "key length"},
                 {{1, true, 5, 0, 1, 1, 2, 0}, "not known"},
                 {{1, false, 0, 0, 0, 0, 0, 0}, "Encryption"}}; /* no attributes at all: CVE-2016-5391 */
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CU_ASSERT_FALSE(sel1_ike_choose(c, PSK, NULL, &wrong[i].t, 1, &x, &trace));
        bool said = false;
        for (unsigned j = 0; j < trace.candidate_count; j++)
            said = said || strstr(trace.candidates[j].why, wrong[i].why);
        CU_ASSERT(said);
        CU_ASSERT_STRING_EQUAL(trace.chosen, "");
    }
    CU_ASSERT_FALSE(sel1_ike_choose(c, PSK, NULL, NULL, 0, &x, &trace));
    cfg_free(c);
}

static void KR_12_without_a_key_no_pre_share_transform(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_choice x;
    struct sel_trace trace;
    CU_ASSERT_FALSE(sel1_ike_choose(c, 0, "no key for 192.0.2.9", &aes256, 1, &x, &trace));
    CU_ASSERT_STRING_EQUAL(trace.rule, "KR-12");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "no key for 192.0.2.9"));
    cfg_free(c);
}

static void G26_the_smaller_lifetime_holds(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_choice x;
    struct sel_trace trace;
    struct sel1_ike_transform t = aes256;
    const uint32_t offered[] = {28800, 3600, 60, 0, UINT32_MAX}, held[] = {3600, 3600, 60, 3600, 3600};
    for (unsigned i = 0; i < sizeof held / sizeof *held; i++) {
        t.life_s = offered[i];
        CU_ASSERT_FATAL(sel1_ike_choose(c, PSK, NULL, &t, 1, &x, &trace));
        CU_ASSERT_EQUAL(x.life_s, held[i]);
    }
    cfg_free(c);
}

static void RFC_2408_4_2_an_answer_is_one_of_our_offers(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_choice x;
    struct sel1_ike_transform ours[SEL1_TRANSFORMS_MAX], answer;
    char why[SEL_TEXT_MAX];
    unsigned n = sel1_ike_offers(c, PSK, 0, ours);
    for (unsigned i = 0; i < n; i++) {
        answer = ours[i];
        CU_ASSERT_FATAL(sel1_ike_accept(c, PSK, ours, n, &answer, &x, why));
        CU_ASSERT_EQUAL(x.transform, i);
        CU_ASSERT_EQUAL(x.policy->priority, i ? 20 : 10);
        answer.life_s = 0; /* may be left out */
        CU_ASSERT(sel1_ike_accept(c, PSK, ours, n, &answer, &x, why));
        CU_ASSERT_EQUAL(x.life_s, ours[i].life_s);
        answer.group = 19;
        CU_ASSERT_FALSE(sel1_ike_accept(c, PSK, ours, n, &answer, &x, why));
        CU_ASSERT_NOT_EQUAL(why[0], '\0');
    }
    answer = ours[0];
    answer.hash = ours[1].hash; /* of two offers */
    CU_ASSERT_FALSE(sel1_ike_accept(c, PSK, ours, n, &answer, &x, why));
    answer = ours[0];
    answer.unusable = true;
    CU_ASSERT_FALSE(sel1_ike_accept(c, PSK, ours, n, &answer, &x, why));
    CU_ASSERT_FALSE(sel1_ike_accept(c, PSK, ours, 0, &ours[0], &x, why));
    cfg_free(c);
}

static void a_choice_reads_as_the_policy_is_written(void)
{
    struct cfg *c = load(two);
    struct sel1_ike_choice x;
    struct sel_trace trace;
    char text[SEL_TEXT_MAX];
    CU_ASSERT_FATAL(sel1_ike_choose(c, PSK, NULL, &aes256, 1, &x, &trace));
    CU_ASSERT_STRING_EQUAL(sel1_ike_choice_text(&x, text), "aes 256 sha256 pre-share group 14");
    CU_ASSERT_FATAL(sel1_ike_choose(c, PSK, NULL, &tdes, 1, &x, &trace));
    CU_ASSERT_STRING_EQUAL(sel1_ike_choice_text(&x, text), "3des md5 pre-share group 2");
    cfg_free(c);
}

UNIT_MAIN("select-v1-proposal", UNIT_TEST(PR_2_offers_stand_by_priority),
          UNIT_TEST(RFC_2409_5_4_aggressive_offers_are_of_one_group),
          UNIT_TEST(section_5_without_policies_the_built_in_ones),
          UNIT_TEST(PR_2_the_responder_walks_its_own_list),
          UNIT_TEST(RFC_2408_4_2_a_transform_is_taken_whole),
          UNIT_TEST(KR_12_without_a_key_no_pre_share_transform), UNIT_TEST(G26_the_smaller_lifetime_holds),
          UNIT_TEST(RFC_2408_4_2_an_answer_is_one_of_our_offers),
          UNIT_TEST(a_choice_reads_as_the_policy_is_written))
