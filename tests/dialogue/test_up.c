/* Initial exchanges between two engines: how a tunnel comes up from either side, and why it does not. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000, PATIENCE_MS = 70000 };

static void up_from_either_side_in_four_messages(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = wire_new(1, NULL, NULL);
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_consistent(w, true));
        char expected[1024];
        char i = "AB"[end], r = "BA"[end];
        snprintf(
            expected, sizeof expected,
            "%c IKE_SA_INIT req 0: SA KE Nonce N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "
            "N(FRAGMENTATION_SUPPORTED)\n"
            "%c IKE_SA_INIT resp 0: SA KE Nonce N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "
            "N(FRAGMENTATION_SUPPORTED)\n"
            "%c IKE_AUTH req 1: IDi N(INITIAL_CONTACT) AUTH SA TSi TSr N(SET_WINDOW_SIZE)\n"
            "%c IKE_AUTH resp 1: IDr AUTH SA TSi TSr N(SET_WINDOW_SIZE)\n",
            i, r, i, r);
        CU_ASSERT(wire_dialogue(w, expected));
        CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
        CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_NONE);
        CU_ASSERT_EQUAL(wire_child(w, A)->out.spi, wire_child(w, B)->in.spi);
        CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, wire_child(w, B)->out.spi);
        wire_free(w);
    }
}

static void every_suite_comes_up(void)
{
    static const struct {
        const char *ike, *transform;
    } suites[] = {
        {" encryption aes-gcm-128\n prf sha256\n group 19\n", "esp-gcm"},
        {" encryption aes-gcm-256\n prf sha512\n group 20\n", "esp-gcm 256"},
        {" encryption aes-cbc-128\n integrity sha1\n group 2\n", "esp-aes esp-sha-hmac"},
        {" encryption aes-cbc-256\n integrity sha256\n group 14\n", "esp-aes 256 esp-sha256-hmac"},
        {" encryption aes-cbc-192\n integrity sha384\n group 21\n", "esp-aes 192 esp-sha384-hmac"},
        {" encryption 3des\n integrity md5\n group 5\n", "esp-3des esp-md5-hmac"},
        {" encryption chacha20-poly1305\n prf sha256\n group 31\n", "esp-chacha20-poly1305"},
        {" encryption aes-cbc-256\n integrity sha512\n group 24\n", "esp-null esp-sha512-hmac"},
        {" encryption aes-gcm-128\n prf sha256\n group 15\n", "esp-gmac 256"},
        {" encryption aes-gcm-128\n prf sha256\n group 16\n", "esp-aes 128 esp-sha256-hmac"},
    };
    for (unsigned i = 0; i < sizeof suites / sizeof *suites; i++) {
        struct wire_conf c = {.ike = suites[i].ike, .transform = suites[i].transform};
        struct wire *w = wire_new(i, &c, &c);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void traffic_starts_the_tunnel(void)
{
    struct wire *w = wire_new(2, NULL, NULL);
    CU_ASSERT_FALSE(wire_packet(w, B));
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_count(w, "IKE_SA_INIT req"), 1);
    wire_free(w);
}

static void both_at_once_end_with_one_working_tunnel(void)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct wire *w = wire_new(seed, NULL, NULL);
        wire_up(w, A);
        wire_up(w, B);
        wire_run(w, 20000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        CU_ASSERT_EQUAL(wire_sas(w, B), 1);
        CU_ASSERT_EQUAL(wire_children(w, A), 1);
        CU_ASSERT_EQUAL(wire_children(w, B), 1);
        CU_ASSERT(wire_consistent(w, true));
        CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
        wire_free(w);
    }
}

static void RFC7296_2_6_cookie_is_asked_for_and_returned(void)
{
    struct wire_conf b = {.global = "crypto ikev2 cookie-challenge 1\n"};
    struct wire *w = wire_new(3, NULL, &b);
    /* one half-open negotiation from elsewhere reaches the threshold */
    w->side[B].ike->half_open = 1;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "B IKE_SA_INIT resp 0: N(COOKIE)\nA IKE_SA_INIT req 0: N(COOKIE) SA KE Nonce"));
    CU_ASSERT(wire_both_up(w));
    w->side[B].ike->half_open = 0;
    wire_free(w);
}

static const char groups_19_14[] = " encryption aes-gcm-128\n prf sha256\n group 19 14\n";
static const char group_14[] = " encryption aes-gcm-128\n prf sha256\n group 14\n";

static void RFC7296_1_2_wrong_group_is_corrected_with_the_full_offer(void)
{
    struct wire_conf a = {.ike = groups_19_14}, b = {.ike = group_14};
    struct wire *w = wire_new(4, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "B IKE_SA_INIT resp 0: N(INVALID_KE_PAYLOAD)\nA IKE_SA_INIT req 0: SA KE Nonce"));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sa(w, A)->keys.suite.dh, 14);
    wire_free(w);
}

static void RFC7296_2_6_1_cookie_and_wrong_group_do_not_loop(void)
{
    struct wire_conf a = {.ike = groups_19_14},
                     b = {.ike = group_14, .global = "crypto ikev2 cookie-challenge 1\n"};
    struct wire *w = wire_new(5, &a, &b);
    w->side[B].ike->half_open = 1;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "N(COOKIE)"));
    CU_ASSERT(wire_saw(w, "N(INVALID_KE_PAYLOAD)"));
    CU_ASSERT(wire_count(w, "A IKE_SA_INIT req") <= 4);
    CU_ASSERT(wire_both_up(w));
    w->side[B].ike->half_open = 0;
    wire_free(w);
}

struct expected_failure {
    struct wire_conf a, b;
    enum ike_reason at_a, at_b;
    const char *saw;
};

/* The initiator is A. Each end says why in its own words. */
static void fails(const struct expected_failure *x)
{
    struct wire *w = wire_new(6, &x->a, &x->b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_NOT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT_NOT_EQUAL(wire_status(w, B), IKE_UP_ACTIVE);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), ike_reason_name(x->at_a));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), ike_reason_name(x->at_b));
    CU_ASSERT(!x->saw || wire_saw(w, x->saw));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_OUT), 0);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
    if (x->saw && !wire_saw(w, x->saw))
        fprintf(stderr, "%s", w->trace);
    wire_free(w);
}

static void different_keys_are_told_on_both_sides(void)
{
    fails(&(struct expected_failure){.a = {.psk = "apple"},
                                     .b = {.psk = "pear"},
                                     .at_a = IKE_REASON_AUTH_FAILED,
                                     .at_b = IKE_REASON_BAD_PSK,
                                     .saw = "B IKE_AUTH resp 1: N(AUTHENTICATION_FAILED)\n"});
}

static void no_common_proposal_for_the_IKE_SA(void)
{
    fails(&(struct expected_failure){.a = {.ike = " encryption aes-cbc-256\n integrity sha256\n group 14\n"},
                                     .at_a = IKE_REASON_NO_PROPOSAL,
                                     .at_b = IKE_REASON_NONE, /* nobody has proved who asks: only logged */
                                     .saw = "B IKE_SA_INIT resp 0: N(NO_PROPOSAL_CHOSEN)\n"});
}

static void no_common_transform_set_keeps_the_IKE_SA(void)
{
    struct expected_failure x = {.a = {.transform = "esp-aes 256 esp-sha256-hmac"},
                                 .at_a = IKE_REASON_NO_PROPOSAL,
                                 .at_b = IKE_REASON_NO_PROPOSAL,
                                 .saw = "B IKE_AUTH resp 1: IDr AUTH N(NO_PROPOSAL_CHOSEN)"};
    fails(&x);
    struct wire *w = wire_new(6, &x.a, &x.b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_sas(w, A), 1); /* RFC 7296 2.21.2 */
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(wire_sa(w, A) && wire_sa(w, A)->established);
    wire_free(w);
}

static void identity_without_a_profile(void)
{
    fails(&(struct expected_failure){.a = {.own_id = "fqdn nobody.example.com"},
                                     .at_a = IKE_REASON_AUTH_FAILED,
                                     .at_b = IKE_REASON_NO_PROFILE,
                                     .saw = "N(AUTHENTICATION_FAILED)"});
}

static void G30_responder_with_another_identity_is_refused(void)
{
    struct wire_conf b = {.own_id = "fqdn other.example.com"};
    struct wire *w = wire_new(7, NULL, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_ID_MISMATCH);
    CU_ASSERT(wire_saw(w, "A INFORMATIONAL req 2: N(AUTHENTICATION_FAILED)\n")); /* 2.21.2 */
    CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_AUTH_FAILED);
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_run(w, 1500);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
    wire_free(w);
}

static const char two_profiles[] =
    "crypto ikev2 profile OTHER\n match identity remote fqdn x.example.com\n"
    " authentication remote pre-share\n authentication local pre-share\n keyring local KR\n";

static void PF_9_tunnel_bound_to_another_profile(void)
{
    fails(&(struct expected_failure){.b = {.bound = "OTHER", .global = two_profiles},
                                     .at_a = IKE_REASON_TS_UNACCEPTABLE,
                                     .at_b = IKE_REASON_PROFILE_MISMATCH,
                                     .saw = "B IKE_AUTH resp 1: IDr AUTH N(TS_UNACCEPTABLE)"});
}

static void families_of_the_two_tunnel_modes_differ(void)
{
    fails(&(struct expected_failure){.b = {.mode = "ipv6"},
                                     .at_a = IKE_REASON_TS_UNACCEPTABLE,
                                     .at_b = IKE_REASON_TS_UNACCEPTABLE,
                                     .saw = "B IKE_AUTH resp 1: IDr AUTH N(TS_UNACCEPTABLE)"});
}

static void ipv6_in_ipv4(void)
{
    struct wire_conf c = {.mode = "ipv6"};
    struct wire *w = wire_new(8, &c, &c);
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wire_child(w, A));
    CU_ASSERT_EQUAL(wire_child(w, A)->ts_local[0].family, IP_V6);
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

static void a_tunnel_for_each_family_between_the_same_gateways(void)
{
    static const char second[] =
        "interface Tunnel2\n ipv6 address 2001:db8::%c/64\n tunnel source Ethernet0/0\n"
        " tunnel mode ipsec ipv6\n tunnel destination 192.0.2.%c\n"
        " tunnel protection ipsec profile IPP\n";
    char more[2][512], err[SEL_TEXT_MAX];
    snprintf(more[A], sizeof more[A], second, '1', '2');
    snprintf(more[B], sizeof more[B], second, '2', '1');
    struct wire_conf a = {.global = more[A]}, b = {.global = more[B]};
    struct wire *w = wire_new(19, &a, &b);
    w->side[A].dp->ifs[1] = w->side[B].dp->ifs[1] = "Tunnel2";
    wire_up(w, A);
    CU_ASSERT_EQUAL(ike_up(w->side[A].ike, "Tunnel2", err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    struct mock_sa *v6 = mock_dp_sending(w->side[B].dp, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(v6);
    CU_ASSERT_EQUAL(v6->sa.ts_local[0].family, IP_V6);
    CU_ASSERT_EQUAL(mock_dp_sending(w->side[B].dp, 1)->sa.ts_local[0].family, IP_V4);
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

static void silent_peer_is_given_up_after_62_seconds(void)
{
    struct wire *w = wire_new(9, NULL, NULL);
    w->side[B].deaf = true;
    wire_up(w, A);
    wire_run(w, 61900);
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    CU_ASSERT_EQUAL(wire_count(w, "A IKE_SA_INIT req 0"), 5);
    wire_run(w, 200);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_TIMEOUT);
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    w->side[B].deaf = false; /* it comes back: the next attempt succeeds by itself */
    wire_run(w, 10000);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static bool lose_first(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    unsigned *left = ctx;
    (void)p;
    return *left == 0 || (*left)-- == 0;
}

static void RFC7296_2_1_lost_messages_are_sent_again_bit_identical(void)
{
    for (unsigned lost = 1; lost <= 4; lost++) {
        struct wire *w = wire_new(10, NULL, NULL);
        unsigned left = lost;
        w->filter = lose_first;
        w->filter_ctx = &left;
        wire_up(w, A);
        wire_run(w, PATIENCE_MS);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(w->side[A].ike->counters.sas_established, 1);
        wire_free(w);
    }
}

/* The n-th datagram of the wire is lost; the rest arrives. */
static bool lose_nth(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    (void)p;
    unsigned *n = ctx;
    return --*n != 0;
}

static void each_single_loss_is_repaired(void)
{
    for (unsigned nth = 1; nth <= 4; nth++) {
        struct wire *w = wire_new(11, NULL, NULL);
        unsigned n = nth;
        w->filter = lose_nth;
        w->filter_ctx = &n;
        wire_up(w, A);
        wire_run(w, 3000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(w->side[B].ike->counters.retransmits_answered, nth % 2 == 0 ? 1 : 0);
        wire_free(w);
    }
}

static void INITIAL_CONTACT_of_a_restarted_peer_replaces_what_was(void)
{
    struct wire *w = wire_new(12, NULL, NULL);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_restart(w, A, true);
    wire_up(w, A);
    wire_run(w, 10000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT_EQUAL(wire_children(w, B), 1);
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

static void adopted_children_forward_until_replaced(void)
{
    struct wire *w = wire_new(13, NULL, NULL);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_restart(w, A, false); /* culvertd dies; its data plane forwards on */
    CU_ASSERT_EQUAL(wire_traffic(w, 10), 0);
    wire_adopt(w, A);
    CU_ASSERT_EQUAL(wire_children(w, A), 1);
    wire_run(w, 20000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_children(w, A), 1);
    CU_ASSERT_NOT_EQUAL(wire_child(w, A)->owner, 0);
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

static void lost_data_plane_is_filled_again(void)
{
    struct wire *w = wire_new(14, NULL, NULL);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    mock_dp_restart(w->side[B].dp);
    ike_dp_lost(w->side[B].ike);
    wire_run(w, 10000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

static void small_MTU_is_met_by_fragments(void)
{
    /* RFC 7383. Several transform sets and proposals make IKE_AUTH long enough. */
    struct wire_conf c = {.global = "crypto ikev2 fragmentation mtu 200\n"};
    struct wire *w = wire_new(15, &c, &c);
    w->mtu = 0;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "A IKE_AUTH req 1: fragment 1/"));
    CU_ASSERT(wire_saw(w, "B IKE_AUTH resp 1: fragment 1/"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void lost_fragments_are_sent_again(void)
{
    struct wire_conf c = {.global = "crypto ikev2 fragmentation mtu 200\n"};
    for (unsigned nth = 3; nth <= 6; nth++) {
        struct wire *w = wire_new(16, &c, &c);
        unsigned n = nth;
        w->filter = lose_nth;
        w->filter_ctx = &n;
        wire_up(w, A);
        wire_run(w, 10000);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void behind_nat(struct wire *w)
{
    CU_ASSERT(ip_addr_parse("198.51.100.7", &w->nat));
    w->nat_port = 31000;
}

static void RFC7296_2_23_initiator_behind_a_NAT_floats_to_4500(void)
{
    struct wire_conf a = {0}, b = {.peer = "198.51.100.7"};
    struct wire *w = wire_new(17, &a, &b);
    behind_nat(w);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    struct ike_sa *sa = wire_sa(w, A), *sb = wire_sa(w, B);
    CU_ASSERT_FATAL(sa && sb);
    CU_ASSERT(sa->natt && sa->nat_local && !sa->nat_remote);
    CU_ASSERT(sb->natt && sb->nat_remote && !sb->nat_local);
    CU_ASSERT_EQUAL(sa->remote.port, 4500);
    CU_ASSERT_EQUAL(sb->remote.port, 31001);
    const struct cv_sa *out_b = &mock_dp_sending(w->side[B].dp, WIRE_TUNNEL_IF)->sa;
    CU_ASSERT(out_b->flags & CV_SA_NATT);
    CU_ASSERT_EQUAL(out_b->remote.port, 31001);
    CU_ASSERT(mock_dp_sending(w->side[A].dp, WIRE_TUNNEL_IF)->sa.flags & CV_SA_BEHIND_NAT);
    wire_free(w);
}

static void without_a_NAT_ESP_stays_plain(void)
{
    struct wire *w = wire_new(18, NULL, NULL);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    const struct cv_sa *sa = &mock_dp_sending(w->side[A].dp, WIRE_TUNNEL_IF)->sa;
    CU_ASSERT_EQUAL(sa->flags & (CV_SA_NATT | CV_SA_BEHIND_NAT), 0);
    CU_ASSERT_EQUAL(sa->remote.port, 0);
    wire_free(w);
}

UNIT_MAIN("up", UNIT_TEST(up_from_either_side_in_four_messages), UNIT_TEST(every_suite_comes_up),
          UNIT_TEST(traffic_starts_the_tunnel), UNIT_TEST(both_at_once_end_with_one_working_tunnel),
          UNIT_TEST(RFC7296_2_6_cookie_is_asked_for_and_returned),
          UNIT_TEST(RFC7296_1_2_wrong_group_is_corrected_with_the_full_offer),
          UNIT_TEST(RFC7296_2_6_1_cookie_and_wrong_group_do_not_loop),
          UNIT_TEST(different_keys_are_told_on_both_sides), UNIT_TEST(no_common_proposal_for_the_IKE_SA),
          UNIT_TEST(no_common_transform_set_keeps_the_IKE_SA), UNIT_TEST(identity_without_a_profile),
          UNIT_TEST(G30_responder_with_another_identity_is_refused),
          UNIT_TEST(PF_9_tunnel_bound_to_another_profile), UNIT_TEST(families_of_the_two_tunnel_modes_differ),
          UNIT_TEST(ipv6_in_ipv4), UNIT_TEST(a_tunnel_for_each_family_between_the_same_gateways),
          UNIT_TEST(silent_peer_is_given_up_after_62_seconds),
          UNIT_TEST(RFC7296_2_1_lost_messages_are_sent_again_bit_identical),
          UNIT_TEST(each_single_loss_is_repaired),
          UNIT_TEST(INITIAL_CONTACT_of_a_restarted_peer_replaces_what_was),
          UNIT_TEST(adopted_children_forward_until_replaced), UNIT_TEST(lost_data_plane_is_filled_again),
          UNIT_TEST(small_MTU_is_met_by_fragments), UNIT_TEST(lost_fragments_are_sent_again),
          UNIT_TEST(RFC7296_2_23_initiator_behind_a_NAT_floats_to_4500),
          UNIT_TEST(without_a_NAT_ESP_stays_plain))
