/* The life of IKEv1 tunnels: both phases anew from each side and crossing, under traffic without loss; lifetimes; deletes; dead peers; PFS; several
 * transforms; the commit bit. */
#include "tests/dialogue/life_v1.h"
#include "tests/unit/unit.h"

static enum ike_cmd_outcome rekey(struct wire *w, enum wire_end end, bool ike_sa)
{
    char err[SEL_TEXT_MAX];
    return ike_rekey(w->side[end].ike, "Tunnel1", ike_sa, err, sizeof err);
}

/* ---- phase 2 anew -------------------------------------------------------------------------------------------------- */
static void child_rekey_from_each_side_loses_no_packet(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up1(1, NULL, NULL);
        uint32_t before = wire_child(w, A)->in.spi, before_b = wire_child(w, B)->in.spi;
        CU_ASSERT_EQUAL(rekey(w, end, false), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 200));
        CU_ASSERT_EQUAL(strncmp(w->trace, end == A ? QUICK_MODE("A", "B") : QUICK_MODE("B", "A"),
                                strlen(QUICK_MODE("A", "B"))),
                        0);
        CU_ASSERT(no_loss(w, SETTLED_MS));
        CU_ASSERT(wire_saw(w, end == A ? "A INFO: HASH D(ESP)\n" : "B INFO: HASH D(ESP)\n"));
        CU_ASSERT(settled(w));
        CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
        /* Old and new are one worker's, at both ends: no packet overtakes another. */
        CU_ASSERT_EQUAL(cv_spi_bucket(wire_child(w, A)->in.spi), cv_spi_bucket(before));
        CU_ASSERT_EQUAL(cv_spi_bucket(wire_child(w, B)->in.spi), cv_spi_bucket(before_b));
        CU_ASSERT_EQUAL(wire_count(w, "QM1: "), 1);
        wire_free(w);
    }
}

static void idle_child_rekey_moves_both_ends(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up1(2, NULL, NULL);
        rekey(w, end, false);
        wire_run(w, SETTLED_MS);
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

static void slow_network_loses_no_packet_in_a_child_rekey(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up1(3, NULL, NULL);
        w->latency_ms = 400;
        rekey(w, end, false);
        CU_ASSERT(no_loss(w, 10000));
        wire_run(w, SETTLED_MS);
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

static void child_rekeys_of_both_ends_cross_without_loss(void)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct wire *w = up1(seed, NULL, NULL);
        w->latency_ms = 1 + (unsigned)(seed % 5) * 20;
        rekey(w, A, false);
        wire_run(w, seed % 3 ? seed : 0);
        rekey(w, B, false);
        CU_ASSERT(no_loss(w, 3000));
        wire_run(w, 4 * SETTLED_MS);
        CU_ASSERT(wire_both_up(w) && wire_consistent(w, true));
        wire_free(w);
    }
}

/* Both may keep a pair of their own after that; the next soft lifetimes must not make more and more of them. */
static void crossing_child_rekeys_do_not_multiply(void)
{
    struct wire_conf c = {.ikev1 = true, .ipsec = " set security-association lifetime seconds 120\n"};
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct wire *w = up1(seed, &c, &c);
        rekey(w, A, false);
        rekey(w, B, false);
        CU_ASSERT(no_loss_slow(w, 1200));
        CU_ASSERT(wire_children(w, A) <= 3 && wire_children(w, B) <= 3);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void soft_lifetimes_rekey_again_and_again(void)
{
    struct wire_conf c = {.ikev1 = true, .ipsec = " set security-association lifetime seconds 120\n"};
    struct wire *w = up1(5, &c, &c);
    CU_ASSERT(no_loss_slow(w, 3600));
    CU_ASSERT(wire_count(w, "QM1: ") >= 30 && wire_count(w, "QM1: ") < 90);
    wire_run(w, SETTLED_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void volume_lifetime_rekeys(void)
{
    struct wire_conf c = {.ikev1 = true, .ipsec = " set security-association lifetime kilobytes 2560\n"};
    struct wire *w = up1(6, &c, &c);
    const struct cv_sa *sa = &mock_dp_sending(w->side[A].dp, w->side[A].if_id)->sa;
    CU_ASSERT_EQUAL(sa->hard_bytes, 2560u * 1024);
    CU_ASSERT(sa->soft_bytes > 0 && sa->soft_bytes < sa->hard_bytes);
    struct cv_evt ev = {.type = CV_EVT_SA_SOFT, .u.sa_event = {.ref = sa->ref, .cookie = sa->cookie}};
    mock_dp_push(w->side[A].dp, &ev);
    CU_ASSERT(no_loss(w, SETTLED_MS));
    CU_ASSERT_EQUAL(wire_count(w, "A QM1: "), 1);
    CU_ASSERT(settled(w));
    wire_free(w);
}

/* ---- phase 1 anew -------------------------------------------------------------------------------------------------- */
static void phase_1_rekey_from_each_side_loses_no_packet_and_keeps_the_child(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up1(7, NULL, NULL);
        uint32_t child = wire_child(w, A)->in.spi, conn = wire_sa(w, A)->conn_id;
        CU_ASSERT_EQUAL(rekey(w, end, true), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 3000));
        wire_run(w, REPLACED_MS);
        CU_ASSERT(settled(w));
        CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, child);
        CU_ASSERT_NOT_EQUAL(wire_sa(w, A)->conn_id, conn);
        CU_ASSERT_EQUAL(wire_count(w, "MM1: "), 1);
        CU_ASSERT_EQUAL(wire_count(w, "QM1: "), 0);
        CU_ASSERT_EQUAL(rekey(w, !end, false), IKE_CMD_STARTED); /* and the new one serves */
        CU_ASSERT(no_loss(w, 3000));
        wire_run(w, SETTLED_MS);
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

static void phase_1_rekeys_of_both_ends_cross_without_loss(void)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct wire *w = up1(seed, NULL, NULL);
        w->latency_ms = 1 + (unsigned)(seed % 5) * 20;
        rekey(w, A, true);
        wire_run(w, seed % 3 ? seed : 0);
        rekey(w, B, true);
        CU_ASSERT(no_loss(w, 3000));
        wire_run(w, REPLACED_MS);
        CU_ASSERT(wire_both_up(w) && wire_consistent(w, true));
        CU_ASSERT(wire_sas(w, A) <= 2 && wire_sas(w, A) == wire_sas(w, B));
        CU_ASSERT_EQUAL(rekey(w, seed % 2 ? A : B, false), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 3000));
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void both_phases_at_once_in_any_order_without_loss(void)
{
    for (unsigned i = 0; i < 64; i++) {
        struct wire *w = up1(i, NULL, NULL);
        w->latency_ms = 10 + (i / 16) * 30;
        rekey(w, i & 1 ? A : B, i & 2);
        wire_run(w, i & 4 ? 15 : 0);
        rekey(w, i & 8 ? A : B, !(i & 2));
        CU_ASSERT(no_loss(w, 3000));
        wire_run(w, REPLACED_MS);
        CU_ASSERT(wire_both_up(w) && wire_consistent(w, true));
        wire_free(w);
    }
}

static void lifetimes_of_phase_1_rekey_for_hours(void)
{
    struct wire_conf c = {.ikev1 = true, .ike = " encr aes\n hash sha256\n group 19\n lifetime 600\n"};
    struct wire *w = up1(8, &c, &c);
    CU_ASSERT(no_loss_slow(w, 7200));
    CU_ASSERT(wire_count(w, "MM1: ") >= 10 && wire_count(w, "MM1: ") <= 30);
    wire_run(w, REPLACED_MS);
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void G26_the_end_with_the_shorter_lifetime_begins_anew_in_time(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct wire_conf brief = {.ikev1 = true,
                                  .ike = " encr aes\n hash sha256\n group 19\n lifetime 600\n",
                                  .ipsec = " set security-association lifetime seconds 300\n"},
                         lasting = {.ikev1 = true,
                                    .ike = " encr aes\n hash sha256\n group 19\n lifetime 7200\n",
                                    .ipsec = " set security-association lifetime seconds 3600\n"};
        struct wire *w = wire_new(i, i & 1 ? &brief : &lasting, i & 1 ? &lasting : &brief);
        wire_up(w, i & 2 ? A : B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT(no_loss_slow(w, 3600));
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

/* ---- PFS, transforms ------------------------------------------------------------------------------------------------ */
static void PFS_of_both_ends(void)
{
    struct wire_conf c = {.ikev1 = true, .ipsec = " set pfs group14\n"};
    struct wire *w = wire_new(9, &c, &c);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "A QM1: HASH SA NONCE KE ID ID\nB QM2: HASH SA NONCE KE ID ID\nA QM3: HASH\n"));
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_child(w, A)->dh, 14);
    CU_ASSERT_EQUAL(wire_child(w, B)->dh, 14);
    rekey(w, B, false);
    CU_ASSERT(no_loss(w, 3000));
    CU_ASSERT_EQUAL(wire_child(w, A)->dh, 14);
    wire_free(w);
}

static void PFS_of_one_end(void)
{
    struct wire_conf with = {.ikev1 = true, .ipsec = " set pfs group19\n"}, without = {.ikev1 = true};
    for (enum wire_end end = A; end <= B; end++) { /* A has it, end begins */
        struct wire *w = wire_new(10, &with, &without);
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        if (end == A) { /* who has no PFS configured takes what it is given */
            CU_ASSERT(wire_both_up(w));
            CU_ASSERT_EQUAL(wire_child(w, B)->dh, 19);
        } else { /* who has it demands it */
            CU_ASSERT(wire_saw(w, "A INFO: HASH N(NO_PROPOSAL_CHOSEN)\n"));
            CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-proposal");
            CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-proposal");
            CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        }
        wire_free(w);
    }
}

static void PFS_groups_that_differ(void)
{
    struct wire_conf a = {.ikev1 = true, .ipsec = " set pfs group19\n"},
                     b = {.ikev1 = true, .ipsec = " set pfs group14\n"};
    struct wire *w = wire_new(11, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "B INFO: HASH N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-proposal");
    wire_free(w);
}

static void several_policies_the_responders_order_decides(void)
{
    static const char three[] =
        "crypto isakmp policy 20\n encr aes 256\n hash sha512\n authentication pre-share\n"
        " group 20\n"
        "crypto isakmp policy 30\n encr aes 192\n hash sha384\n authentication pre-share\n"
        " group 14\n";
    struct wire_conf a = {.ikev1 = true, .ike = " encr 3des\n hash md5\n group 2\n", .global = three};
    struct wire_conf b = {.ikev1 = true,
                          .ike = " encr aes 192\n hash sha384\n group 14\n",
                          .global = "crypto isakmp policy 40\n encr aes 256\n hash sha512\n"
                                    " authentication pre-share\n group 20\n"};
    struct wire *w = wire_new(12, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT_EQUAL(v1_of(wire_sa(w, A))->choice.group, 14);
    CU_ASSERT_EQUAL(v1_of(wire_sa(w, B))->choice.policy->priority, 10);
    CU_ASSERT_EQUAL(v1_of(wire_sa(w, A))->choice.policy->priority, 30);
    wire_free(w);
}

static void several_transform_sets_the_responders_order_decides(void)
{
    static const char sets[] = "crypto ipsec transform-set T2 esp-aes 256 esp-sha256-hmac\n mode tunnel\n"
                               "crypto ipsec transform-set T3 esp-gcm\n mode tunnel\n";
    struct wire_conf a = {.ikev1 = true, .global = sets, .ipsec = " set transform-set TS T2 T3\n"},
                     b = {.ikev1 = true, .global = sets, .ipsec = " set transform-set T3 T2\n"};
    struct wire *w = wire_new(13, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_child(w, A)->encr, CV_ENCR_AES_GCM_16);
    wire_free(w);
}

static void nothing_in_common(void)
{
    struct wire_conf a = {.ikev1 = true, .ike = " encr 3des\n hash md5\n group 2\n"}, b = {.ikev1 = true};
    struct wire *w = wire_new(14, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, "A MM1: SA VID\nB INFO: N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-proposal");
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_run(w, 65000);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "timeout");
    wire_free(w);
    b = (struct wire_conf){.ikev1 = true, .transform = "esp-3des esp-md5-hmac"};
    a = (struct wire_conf){.ikev1 = true};
    w = wire_new(14, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "B INFO: HASH N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-proposal");
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-proposal");
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    wire_free(w);
}

/* ---- deletes ---------------------------------------------------------------------------------------------------------- */
static void down_on_either_side_tells_the_other(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up1(15, NULL, NULL);
        char err[SEL_TEXT_MAX];
        CU_ASSERT_EQUAL(ike_down(w->side[end].ike, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
        wire_run(w, SETTLED_MS);
        CU_ASSERT(wire_saw(w, end == A ? "A INFO: HASH D(ESP)\nA INFO: HASH D(IKE)\n"
                                       : "B INFO: HASH D(ESP)\nB INFO: HASH D(IKE)\n"));
        for (enum wire_end e = A; e <= B; e++) {
            CU_ASSERT_EQUAL(wire_sas(w, e), 0);
            CU_ASSERT_EQUAL(wire_status(w, e), IKE_DOWN);
        }
        nothing_installed(w);
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, !end), "peer-deleted");
        wire_free(w);
    }
}

static void traffic_brings_back_what_the_peer_deleted(void)
{
    struct wire *w = up1(16, NULL, NULL);
    char err[SEL_TEXT_MAX];
    CU_ASSERT_EQUAL(ike_down(w->side[B].ike, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, SETTLED_MS);
    CU_ASSERT_FALSE(wire_packet(w, B));
    wire_run(w, SETTLE_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void shutdown_tells_the_peer(void)
{
    struct wire *w = up1(17, NULL, NULL);
    ike_shutdown(w->side[A].ike);
    wire_run(w, SETTLED_MS);
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_OUT), 0);
    wire_free(w);
}

static void a_lost_delete_is_found_out_by_DPD(void)
{
    struct wire_conf c = {.ikev1 = true, .profile = " keepalive 10 retry 2\n"};
    struct wire *w = up1(18, &c, &c);
    char err[SEL_TEXT_MAX];
    w->side[A].muted = true;
    CU_ASSERT_EQUAL(ike_down(w->side[A].ike, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, SETTLED_MS);
    w->side[A].muted = false;
    for (unsigned s = 0; s < 60; s++) {
        wire_packet(w, B);
        wire_run(w, 1000);
    }
    CU_ASSERT_EQUAL(w->side[B].ike->counters.dpd_dead, 1);
    CU_ASSERT(wire_both_up(w)); /* B's traffic has asked for it anew */
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

/* ---- RFC 3706 --------------------------------------------------------------------------------------------------------- */
static void RFC3706_periodic_DPD_asks_also_without_traffic(void)
{
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp keepalive 10 2 periodic\n"};
    struct wire_conf b = {.ikev1 = true};
    struct wire *w = up1(19, &c, &b);
    wire_run(w, 60000);
    unsigned asked = wire_count(w, "A INFO: HASH N(R_U_THERE)\nB INFO: HASH N(R_U_THERE_ACK)\n");
    CU_ASSERT(asked >= 5 && asked <= 6);
    CU_ASSERT_EQUAL(wire_count(w, "B INFO: HASH N(R_U_THERE)\n"), 0);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void RFC3706_on_demand_DPD_asks_only_who_is_sent_to_and_silent(void)
{
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp keepalive 10 2\n"};
    struct wire *w = up1(20, &c, &c);
    wire_run(w, 120000);
    CU_ASSERT_EQUAL(wire_count(w, "R_U_THERE"), 0); /* nobody wants anything */
    for (unsigned s = 0; s < 60; s++) {
        wire_packet(w, A);
        wire_packet(w, B);
        wire_run(w, 1000);
    }
    CU_ASSERT_EQUAL(wire_count(w, "R_U_THERE"), 0); /* ESP comes back: the peer lives */
    for (unsigned s = 0; s < 40; s++) {
        wire_packet(w, A);
        wire_run(w, 1000);
    }
    CU_ASSERT(wire_count(w, "A INFO: HASH N(R_U_THERE)\nB INFO: HASH N(R_U_THERE_ACK)\n") >= 2);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void RFC3706_a_peer_that_died_is_given_up_after_five_retries(void)
{
    static const char *const modes[2] = {"crypto isakmp keepalive 10 2\n",
                                         "crypto isakmp keepalive 10 2 periodic\n"};
    for (unsigned i = 0; i < 4; i++) {
        struct wire_conf c = {.ikev1 = true, .global = modes[i & 1]};
        struct wire *w = up1(21, &c, &c);
        enum wire_end alive = i & 2 ? A : B;
        w->side[!alive].deaf = true;
        unsigned seconds = 0;
        for (; seconds < 60 && !w->side[alive].ike->counters.dpd_dead; seconds++) {
            wire_packet(w, alive);
            wire_run(w, 1000);
        }
        CU_ASSERT(seconds >= 10 + 2 * V1_DPD_RETRIES && seconds <= 32);
        CU_ASSERT_EQUAL(w->side[alive].ike->counters.dpd_dead, 1);
        CU_ASSERT_EQUAL(w->side[alive].ike->counters.dpd_sent, V1_DPD_RETRIES);
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, alive), "dpd-dead");
        CU_ASSERT_EQUAL(mock_dp_count(w->side[alive].dp, CV_DIR_IN), 0);
        wire_restart(w, !alive, true); /* it comes back with nothing */
        w->side[!alive].deaf = false;
        for (unsigned s = 0; s < 90; s++) {
            wire_packet(w, alive);
            wire_run(w, 1000);
        }
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_consistent(w, true));
        wire_free(w);
    }
}

/* ---- RFC 2408 3.1: the commit bit ------------------------------------------------------------------------------------ */
struct commit {
    enum wire_end from;
    unsigned set;
};

static bool set_commit(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct commit *c = ctx;
    (void)w;
    if (p->from == c->from && p->len > 19 && p->data[18] == PLD1_QUICK) {
        p->data[19] |= PLD1_FLAG_COMMIT;
        c->set++;
    }
    return true;
}

static void RFC2408_3_1_the_commit_bit_delays_but_does_not_hinder(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct commit c = {.from = i & 1 ? A : B};
        struct wire_conf ordinary = {.ikev1 = true};
        struct wire *w = wire_new(22, &ordinary, &ordinary);
        w->filter = set_commit;
        w->filter_ctx = &c;
        wire_up(w, i & 2 ? A : B);
        wire_run(w, 5000);
        CU_ASSERT(c.set > 0);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
        rekey(w, A, false);
        CU_ASSERT(no_loss(w, 5000));
        wire_run(w, SETTLED_MS);
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

UNIT_MAIN(
    "life-v1", UNIT_TEST(child_rekey_from_each_side_loses_no_packet),
    UNIT_TEST(idle_child_rekey_moves_both_ends), UNIT_TEST(slow_network_loses_no_packet_in_a_child_rekey),
    UNIT_TEST(child_rekeys_of_both_ends_cross_without_loss), UNIT_TEST(crossing_child_rekeys_do_not_multiply),
    UNIT_TEST(soft_lifetimes_rekey_again_and_again), UNIT_TEST(volume_lifetime_rekeys),
    UNIT_TEST(phase_1_rekey_from_each_side_loses_no_packet_and_keeps_the_child),
    UNIT_TEST(phase_1_rekeys_of_both_ends_cross_without_loss),
    UNIT_TEST(both_phases_at_once_in_any_order_without_loss), UNIT_TEST(lifetimes_of_phase_1_rekey_for_hours),
    UNIT_TEST(G26_the_end_with_the_shorter_lifetime_begins_anew_in_time), UNIT_TEST(PFS_of_both_ends),
    UNIT_TEST(PFS_of_one_end), UNIT_TEST(PFS_groups_that_differ),
    UNIT_TEST(several_policies_the_responders_order_decides),
    UNIT_TEST(several_transform_sets_the_responders_order_decides), UNIT_TEST(nothing_in_common),
    UNIT_TEST(down_on_either_side_tells_the_other), UNIT_TEST(traffic_brings_back_what_the_peer_deleted),
    UNIT_TEST(shutdown_tells_the_peer), UNIT_TEST(a_lost_delete_is_found_out_by_DPD),
    UNIT_TEST(RFC3706_periodic_DPD_asks_also_without_traffic),
    UNIT_TEST(RFC3706_on_demand_DPD_asks_only_who_is_sent_to_and_silent),
    UNIT_TEST(RFC3706_a_peer_that_died_is_given_up_after_five_retries),
    UNIT_TEST(RFC2408_3_1_the_commit_bit_delays_but_does_not_hinder))
