/* exp_sim: the record of a negotiation, and that the same configurations give the same one. */
#include "control/tools/exp_side.h"
#include "control/tools/exp_sim.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct exp_side side[2];

static void load(const char *a, const char *b)
{
    CU_ASSERT_EQUAL_FATAL(exp_side_load(a, EXP_A, false, &side[EXP_A]), CV_OK);
    CU_ASSERT_EQUAL_FATAL(exp_side_load(b, EXP_B, false, &side[EXP_B]), CV_OK);
}

static struct exp_record *run(enum exp_end initiator)
{
    const struct cfg *const cfg[2] = {side[EXP_A].cfg, side[EXP_B].cfg};
    const char *const names[] = {"Tunnel1"};
    struct exp_record *r = NULL;
    CU_ASSERT_EQUAL_FATAL(exp_sim(cfg, NULL, initiator, names, 1, &r), CV_OK);
    return r;
}

static void done(void)
{
    exp_side_free(&side[EXP_A]);
    exp_side_free(&side[EXP_B]);
}

static bool has_payload(const struct exp_message *m, const char *text)
{
    for (unsigned i = 0; i < m->payload_count; i++)
        if (strcmp(m->payloads[i], text) == 0)
            return true;
    return false;
}

static void names_are(const struct exp_record *r, const char *const *names, unsigned n)
{
    CU_ASSERT_EQUAL_FATAL(r->message_count, n);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_STRING_EQUAL(r->messages[i].name, names[i]);
        CU_ASSERT(r->messages[i].received);
        CU_ASSERT_EQUAL(r->messages[i].from, i % 2 ? EXP_B : EXP_A);
    }
}

static void RFC_7296_1_2_two_exchanges_bring_IKEv2_up(void)
{
    static const char *const names[] = {"IKE_SA_INIT request", "IKE_SA_INIT response", "IKE_AUTH request",
                                        "IKE_AUTH response"};
    load(GOLDEN "/explain/configs/r1-v2.conf", GOLDEN "/explain/configs/r2-v2.conf");
    struct exp_record *r = run(EXP_A);
    CU_ASSERT(r->up && r->phase1[EXP_A] && r->phase1[EXP_B] && r->children == 1);
    names_are(r, names, 4);
    CU_ASSERT(has_payload(&r->messages[0], "Ni") && has_payload(&r->messages[1], "Nr"));
    CU_ASSERT(has_payload(&r->messages[0], "N(NAT_DETECTION_SOURCE_IP)"));
    CU_ASSERT(has_payload(&r->messages[2], "IDi") && has_payload(&r->messages[2], "AUTH") &&
              has_payload(&r->messages[2], "TSi"));
    CU_ASSERT(has_payload(&r->messages[3], "IDr") && !has_payload(&r->messages[3], "SK"));
    exp_record_free(r);
    done();
}

static void RFC_2409_5_4_main_and_quick_mode_bring_IKEv1_up(void)
{
    static const char *const names[] = {"MM1", "MM2", "MM3", "MM4", "MM5", "MM6", "QM1", "QM2", "QM3"};
    load(GOLDEN "/explain/configs/r1-v1.conf", GOLDEN "/explain/configs/r2-v1.conf");
    struct exp_record *r = run(EXP_A);
    CU_ASSERT(r->up && r->children == 1);
    CU_ASSERT_EQUAL_FATAL(r->message_count, 9);
    for (unsigned i = 0; i < 9; i++)
        CU_ASSERT_STRING_EQUAL(r->messages[i].name, names[i]);
    CU_ASSERT(r->took_ms < 1000);
    exp_record_free(r);
    done();
}

static void KR_1_the_key_is_chosen_before_the_profile(void)
{
    unsigned key_after = 0, profile_after = 0;
    load(GOLDEN "/ios/C1.conf", GOLDEN "/ios/C2.conf");
    struct exp_record *r = run(EXP_B);
    for (unsigned i = 0; i < r->decision_count; i++) {
        const struct exp_decision *d = &r->decisions[i];
        if (d->on == EXP_A && d->t.kind == SEL_KEYRING && !key_after)
            key_after = d->after;
        if (d->on == EXP_A && d->t.kind == SEL_PROFILE && !profile_after)
            profile_after = d->after;
    }
    CU_ASSERT_EQUAL(key_after, 1);     /* MM1 has come */
    CU_ASSERT_EQUAL(profile_after, 5); /* MM5 */
    CU_ASSERT_FALSE(r->up);
    exp_record_free(r);
    done();
}

static void retransmissions_are_counted_to_their_end(void)
{
    load(GOLDEN "/explain/configs/r1-v1.conf", GOLDEN "/explain/configs/r2-v1-moved.conf");
    struct exp_record *r = run(EXP_A);
    CU_ASSERT_EQUAL_FATAL(r->message_count, 1);
    CU_ASSERT_EQUAL(r->messages[0].again, 5); /* PR-4, section 5 */
    CU_ASSERT_FALSE(r->messages[0].received);
    CU_ASSERT(r->took_ms >= 50000);
    CU_ASSERT_FALSE(r->up);
    exp_record_free(r);
    done();
}

static void the_same_configurations_give_the_same_record(void)
{
    load(GOLDEN "/ios/C1.conf", GOLDEN "/ios/C2.conf");
    struct exp_record *r = run(EXP_A), *s = run(EXP_A);
    CU_ASSERT_EQUAL_FATAL(r->event_count, s->event_count);
    CU_ASSERT(r->event_count > 20);
    for (unsigned i = 0; i < r->event_count; i++)
        CU_ASSERT_STRING_EQUAL(r->events[i].text, s->events[i].text);
    exp_record_free(r);
    exp_record_free(s);
    done();
}

static void an_end_that_only_answers_refuses_to_begin(void)
{
    load(GOLDEN "/explain/configs/r1-v2.conf", GOLDEN "/explain/configs/r2-v2-responder-only.conf");
    struct exp_record *r = run(EXP_B);
    CU_ASSERT_PTR_NOT_NULL(strstr(r->refused, "responder-only"));
    CU_ASSERT_EQUAL(r->message_count, 0);
    exp_record_free(r);
    done();
}

UNIT_MAIN("tools-sim", UNIT_TEST(RFC_7296_1_2_two_exchanges_bring_IKEv2_up),
          UNIT_TEST(RFC_2409_5_4_main_and_quick_mode_bring_IKEv1_up),
          UNIT_TEST(KR_1_the_key_is_chosen_before_the_profile),
          UNIT_TEST(retransmissions_are_counted_to_their_end),
          UNIT_TEST(the_same_configurations_give_the_same_record),
          UNIT_TEST(an_end_that_only_answers_refuses_to_begin))
