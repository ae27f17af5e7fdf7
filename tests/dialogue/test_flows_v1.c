/* The flows of messages and states that the rules PR describe, as dialogues; and when a profile is bound (PF-10) and a peer is dead (G34). */
#include "tests/dialogue/life_v1.h"
#include "tests/unit/unit.h"

static struct wire *gateways(uint64_t seed, const char *profile, const char *global)
{
    struct wire_conf c = {.ikev1 = true, .profile = profile, .global = global};
    return wire_new(seed, &c, &c);
}

static bool began(struct wire *w)
{
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    return wire_both_up(w);
}

/* Hands over at each message of IKEv1, before it arrives. */
struct watcher {
    bool (*see)(struct wire *w, const struct wire_packet *p);
    unsigned seen;
    bool bad;
};

static bool watch(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct watcher *x = ctx;
    x->seen++;
    if (!x->see(w, p))
        x->bad = true;
    return true;
}

static void watched(struct wire *w, bool (*see)(struct wire *w, const struct wire_packet *p),
                    unsigned messages)
{
    struct watcher x = {.see = see};
    w->filter = watch;
    w->filter_ctx = &x;
    CU_ASSERT(began(w));
    CU_ASSERT_EQUAL(x.seen, messages);
    CU_ASSERT_FALSE(x.bad);
    w->filter = NULL;
}

/* ---- PR-1, PR-11 -------------------------------------------------------------------------------------------------------- */
static bool port_500(struct wire *w, const struct wire_packet *p)
{
    (void)w;
    return p->src.port == 500 && p->dst.port == 500;
}

static bool port_4500_from_MM5(struct wire *w, const struct wire_packet *p)
{
    bool late = p->data[18] != PLD1_MAIN || p->data[19] & PLD1_FLAG_ENCRYPTION;
    uint16_t port = late ? 4500 : 500;
    (void)w;
    return p->from == A ? p->dst.port == port : p->src.port == port;
}

static void PR_1_and_PR_11_without_a_NAT_all_is_on_port_500(void)
{
    struct wire *w = gateways(1, NULL, NULL);
    watched(w, port_500, 9);
    for (enum wire_end end = A; end <= B; end++)
        CU_ASSERT(wire_event(w, end, "received payload type 20") &&
                  wire_event(w, end, "No NAT Found for self or peer"));
    CU_ASSERT_FALSE(mock_dp_sending(w->side[A].dp, 1)->sa.flags & CV_SA_NATT);
    wire_free(w);
}

static void PR_1_and_PR_11_behind_a_NAT_port_4500_from_MM5_on_and_ESP_in_UDP(void)
{
    struct wire_conf a = {.ikev1 = true}, b = {.ikev1 = true, .peer = "198.51.100.7"};
    struct wire *w = wire_new(2, &a, &b);
    CU_ASSERT(ip_addr_parse("198.51.100.7", &w->nat));
    w->nat_port = 31000;
    watched(w, port_4500_from_MM5, 9);
    CU_ASSERT(wire_event(w, A, "My hash no match - this node inside NAT"));
    CU_ASSERT(wire_event(w, B, "His hash no match - this node outside NAT"));
    CU_ASSERT(mock_dp_sending(w->side[A].dp, 1)->sa.flags & CV_SA_NATT);
    CU_ASSERT(mock_dp_sending(w->side[B].dp, 1)->sa.flags & CV_SA_NATT);
    wire_free(w);
}

/* ---- PR-2, PR-7, PR-8, PR-9 --------------------------------------------------------------------------------------------- */
static void PR_2_Main_Mode_is_six_messages_and_PR_8_Quick_Mode_three(void)
{
    struct wire *w = gateways(3, NULL, NULL);
    CU_ASSERT(began(w));
    CU_ASSERT(wire_dialogue(w, MAIN_MODE("A", "B") QUICK_MODE("A", "B")));
    wire_free(w);
}

static void PR_7_Aggressive_Mode_is_three_messages(void)
{
    struct wire *w = gateways(4, " initiate mode aggressive\n", NULL);
    CU_ASSERT(began(w));
    CU_ASSERT(wire_dialogue(w, "A AM1: SA KE NONCE ID VID\n"
                               "B AM2: SA KE NONCE ID HASH NAT-D NAT-D VID\n"
                               "A AM3: HASH NAT-D NAT-D N(INITIAL_CONTACT)\n" QUICK_MODE("A", "B")));
    wire_free(w);
}

static void PR_8_with_PFS_a_KE_payload_stands_in_QM1_and_QM2(void)
{
    struct wire_conf c = {.ikev1 = true, .ipsec = " set pfs group19\n"};
    struct wire *w = wire_new(5, &c, &c);
    CU_ASSERT(began(w));
    CU_ASSERT(wire_dialogue(w, MAIN_MODE("A", "B") "A QM1: HASH SA NONCE KE ID ID\n"
                                                   "B QM2: HASH SA NONCE KE ID ID\n"
                                                   "A QM3: HASH\n"));
    wire_free(w);
}

static bool any(struct wire *w, const struct wire_packet *p)
{
    (void)w;
    (void)p;
    return true;
}

static void PR_9_IKEv2_needs_four_messages_where_IKEv1_needs_nine(void)
{
    struct wire *w = wire_new(6, NULL, NULL);
    watched(w, any, 4);
    wire_free(w);
    w = gateways(6, NULL, NULL);
    watched(w, any, 9);
    wire_free(w);
}

/* ---- PR-6, G34 -------------------------------------------------------------------------------------------------------------- */
static void PR_6_the_request_is_made_again_while_the_peer_is_silent(void)
{
    struct wire *w = gateways(7, NULL, NULL);
    w->side[B].deaf = true;
    CU_ASSERT_FALSE(wire_packet(w, A)); /* traffic asks for the tunnel */
    for (unsigned s = 0; s < 200; s++) {
        (void)wire_packet(w, A);
        wire_run(w, 1000);
    }
    CU_ASSERT(wire_count(w, "A MM1: ") >= 2); /* PR-4: each with a cookie of its own, repeated five times */
    CU_ASSERT(wire_count(w, "A MM1 (again)") >= V1_RETRANSMIT_MAX);
    w->side[B].deaf = false;
    for (unsigned s = 0; s < 120 && !wire_child(w, A); s++) {
        (void)wire_packet(w, A);
        wire_run(w, 1000);
    }
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void G34_a_peer_that_answers_no_probe_is_dead_after_five(void)
{
    struct wire *w = gateways(8, NULL, "crypto isakmp keepalive 10 2 periodic\n");
    CU_ASSERT(began(w));
    w->side[B].deaf = true;
    uint64_t started = w->now;
    wire_trace_clear(w);
    while (w->side[A].ike->counters.dpd_dead == 0 && w->now < started + 60000)
        wire_run(w, 100);
    CU_ASSERT_EQUAL(wire_count(w, "A INFO: HASH N(R_U_THERE)\n"), V1_DPD_RETRIES);
    CU_ASSERT(w->now - started >= 10000 && w->now - started <= 10000 + (V1_DPD_RETRIES + 1) * 2000);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "dpd-dead");
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    wire_free(w);
}

/* ---- PR-14, PR-15 ------------------------------------------------------------------------------------------------------------ */
static bool life_in_MM1(struct wire *w, const struct wire_packet *p)
{
    static const uint8_t day[] = {0x80, 0x0b, 0x00, 0x01, 0x00, 0x0c, 0x00, 0x04, 0x00, 0x01, 0x51, 0x80};
    (void)w;
    if (p->from != A || p->data[16] != PLD1_SA)
        return true;
    return memmem(p->data, p->len, day, sizeof day) != NULL;
}

static void PR_14_a_day_and_an_hour_or_4608000_kilobytes(void)
{
    struct wire *w = gateways(9, NULL, NULL);
    watched(w, life_in_MM1, 9);
    CU_ASSERT(wire_event(w, A, "lifedur= 3600s and 4608000kb"));
    for (enum wire_end end = A; end <= B; end++)
        CU_ASSERT_EQUAL(wire_sa(w, end)->lifetime_s, 86400);
    wire_free(w);
}

static void PR_15_names_of_the_states(void)
{
    static const char *const a[] = {"Old State = IKE_READY  New State = IKE_I_MM1",
                                    "Old State = IKE_I_MM1  New State = IKE_I_MM3",
                                    "Old State = IKE_I_MM3  New State = IKE_I_MM5",
                                    "Old State = IKE_I_MM5  New State = IKE_P1_COMPLETE"},
                             *const b[] = {"Old State = IKE_READY  New State = IKE_R_MM2",
                                           "Old State = IKE_R_MM2  New State = IKE_R_MM4",
                                           "Old State = IKE_R_MM4  New State = IKE_P1_COMPLETE"};
    struct wire *w = gateways(10, NULL, NULL);
    CU_ASSERT(began(w));
    for (unsigned i = 0; i < sizeof a / sizeof *a; i++)
        CU_ASSERT(wire_event(w, A, a[i]));
    for (unsigned i = 0; i < sizeof b / sizeof *b; i++)
        CU_ASSERT(wire_event(w, B, b[i]));
    CU_ASSERT_STRING_EQUAL(wire_sa(w, A)->state, "QM_IDLE");
    CU_ASSERT_STRING_EQUAL(wire_sa(w, B)->state, "QM_IDLE");
    wire_free(w);
}

static void PR_15_the_state_column_while_each_message_is_on_its_way(void)
{
    enum { HOP_MS = 5 };
    static const char *const a[] = {"MM_NO_STATE", "MM_NO_STATE", "MM_SA_SETUP", "MM_SA_SETUP",
                                    "MM_KEY_EXCH", "MM_KEY_EXCH", "QM_IDLE"},
                             *const b[] = {
                                 "",        "MM_SA_SETUP", "MM_SA_SETUP", "MM_KEY_EXCH", "MM_KEY_EXCH",
                                 "QM_IDLE", "QM_IDLE"};
    struct wire *w = gateways(11, NULL, NULL);
    wire_up(w, A);
    for (unsigned i = 0; i < sizeof a / sizeof *a; i++) {
        const struct ike_sa *at_b = w->side[B].ike->by_conn;
        CU_ASSERT_STRING_EQUAL(w->side[A].ike->by_conn->state, a[i]);
        CU_ASSERT_STRING_EQUAL(at_b ? at_b->state : "", b[i]);
        wire_run(w, HOP_MS);
    }
    wire_free(w);
}

/* ---- PF-10 --------------------------------------------------------------------------------------------------------------------- */
static bool unbound(struct wire *w, const struct wire_packet *p)
{
    const struct ike_sa *sa = w->side[B].ike->by_conn;
    if (p->data[18] != PLD1_MAIN || !sa)
        return true;
    bool last = p->from == B && p->data[19] & PLD1_FLAG_ENCRYPTION;
    return last ? sa->profile1 && strcmp(sa->profile1->name, "PF") == 0 : !sa->profile1;
}

static void PF_10_the_responder_has_no_profile_before_MM5(void)
{
    struct wire *w = gateways(12, NULL, NULL);
    watched(w, unbound, 9);
    CU_ASSERT_EQUAL(wire_decisions(w, B, "MM1", "profile", NULL, NULL), 0);
    CU_ASSERT_EQUAL(wire_decisions(w, B, "MM3", "profile", NULL, NULL), 0);
    CU_ASSERT_EQUAL(wire_decisions(w, B, "MM5", "profile", "PF-3", "PF"), 1);
    wire_free(w);
}

UNIT_MAIN("flows-v1", UNIT_TEST(PR_1_and_PR_11_without_a_NAT_all_is_on_port_500),
          UNIT_TEST(PR_1_and_PR_11_behind_a_NAT_port_4500_from_MM5_on_and_ESP_in_UDP),
          UNIT_TEST(PR_2_Main_Mode_is_six_messages_and_PR_8_Quick_Mode_three),
          UNIT_TEST(PR_7_Aggressive_Mode_is_three_messages),
          UNIT_TEST(PR_8_with_PFS_a_KE_payload_stands_in_QM1_and_QM2),
          UNIT_TEST(PR_9_IKEv2_needs_four_messages_where_IKEv1_needs_nine),
          UNIT_TEST(PR_6_the_request_is_made_again_while_the_peer_is_silent),
          UNIT_TEST(G34_a_peer_that_answers_no_probe_is_dead_after_five),
          UNIT_TEST(PR_14_a_day_and_an_hour_or_4608000_kilobytes), UNIT_TEST(PR_15_names_of_the_states),
          UNIT_TEST(PR_15_the_state_column_while_each_message_is_on_its_way),
          UNIT_TEST(PF_10_the_responder_has_no_profile_before_MM5))
