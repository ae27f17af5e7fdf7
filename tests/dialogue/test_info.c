/* INFORMATIONAL between two engines: deletes, dead peers, NAT mappings; and further children on an IKE SA. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000, LINGER_MS = 6000 };

static struct wire *up(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b)
{
    struct wire *w = wire_new(seed, a, b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

static bool all_gone(struct wire *w)
{
    return wire_sas(w, A) == 0 && wire_sas(w, B) == 0 && mock_dp_count(w->side[A].dp, CV_DIR_IN) == 0 &&
           mock_dp_count(w->side[B].dp, CV_DIR_IN) == 0 && mock_dp_count(w->side[A].dp, CV_DIR_OUT) == 0 &&
           mock_dp_count(w->side[B].dp, CV_DIR_OUT) == 0;
}

/* ---- idle time ----------------------------------------------------------------------------------------------------------- */
static const char idle_60[] = " set security-association idle-time 60\n";

static void idle_child_is_deleted_by(enum wire_end end, bool v1)
{
    struct wire_conf c = {.ikev1 = v1, .ipsec = idle_60}, plain = {.ikev1 = v1};
    struct wire *w = up(30, end == A ? &c : &plain, end == B ? &c : &plain);
    char expected[128];
    for (unsigned s = 0; s < 120; s++) { /* one direction is enough */
        CU_ASSERT(wire_packet(w, A));
        wire_run(w, 1000);
    }
    CU_ASSERT(wire_dialogue(w, ""));
    wire_run(w, 57000);
    CU_ASSERT_EQUAL(wire_children(w, end), 1);
    wire_run(w, 10000);
    if (v1)
        snprintf(expected, sizeof expected, "%c INFO: HASH D(ESP)\n", "AB"[end]);
    else
        snprintf(expected, sizeof expected,
                 "%c INFORMATIONAL req %u: D(ESP:1)\n%c INFORMATIONAL resp %u: D(ESP:1)\n", "AB"[end],
                 end == A ? 2 : 0, "BA"[end], end == A ? 2 : 0);
    CU_ASSERT(wire_dialogue(w, expected));
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
    CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_NONE);
    wire_run(w, 600000);
    CU_ASSERT_EQUAL(wire_children(w, A), 0); /* nobody starts it by itself */
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    CU_ASSERT_FALSE(wire_packet(w, A));
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_packet(w, A));
    wire_free(w);
}

static void idle_child_is_deleted_at_the_peer_and_traffic_raises_it_again(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        idle_child_is_deleted_by(end, false);
        idle_child_is_deleted_by(end, true);
    }
}

static void idle_times_of_both_ends_that_meet_leave_nothing_behind(void)
{
    struct wire_conf c = {.ipsec = idle_60};
    for (uint64_t seed = 40; seed < 60; seed++) {
        struct wire *w = up(seed, &c, &c);
        wire_run(w, 120000);
        CU_ASSERT_EQUAL(wire_children(w, A), 0);
        CU_ASSERT_EQUAL(wire_children(w, B), 0);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_IN), 0);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
        CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
        CU_ASSERT_FALSE(wire_packet(w, A));
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void idle_tunnel_ends_though_it_is_rekeyed_more_often(void)
{
    struct wire_conf c = {.ipsec = " set security-association idle-time 600\n"
                                   " set security-association lifetime seconds 120\n"};
    struct wire *w = up(31, &c, NULL);
    wire_run(w, 500000);
    CU_ASSERT_EQUAL(wire_children(w, A), 1);
    CU_ASSERT(w->side[A].ike->counters.children_rekeyed >= 3);
    wire_run(w, 250000);
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    wire_free(w);
}

/* ---- deletes ------------------------------------------------------------------------------------------------------------- */
static void down_deletes_both_ends_from_each_side(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up(1, NULL, NULL);
        char err[SEL_TEXT_MAX], expected[128];
        CU_ASSERT_EQUAL(ike_down(w->side[end].ike, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
        wire_run(w, LINGER_MS);
        snprintf(expected, sizeof expected, "%c INFORMATIONAL req %u: D(IKE)\n%c INFORMATIONAL resp %u:\n",
                 "AB"[end], end == A ? 2 : 0, "BA"[end], end == A ? 2 : 0);
        CU_ASSERT(wire_dialogue(w, expected));
        CU_ASSERT(all_gone(w));
        CU_ASSERT_EQUAL(wire_status(w, A), IKE_DOWN);
        CU_ASSERT_EQUAL(wire_reason(w, end == A ? B : A), IKE_REASON_PEER_DELETED);
        wire_run(w, 600000);
        CU_ASSERT(all_gone(w)); /* on purpose: nobody starts it again by itself ... */
        CU_ASSERT_FALSE(wire_packet(w, A));
        wire_run(w, SETTLE_MS); /* ... but traffic does */
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void deletes_of_the_IKE_SA_that_cross(void)
{
    struct wire *w = up(2, NULL, NULL);
    char err[SEL_TEXT_MAX];
    ike_down(w->side[A].ike, "Tunnel1", err, sizeof err);
    ike_down(w->side[B].ike, "Tunnel1", err, sizeof err);
    wire_run(w, 60000);
    CU_ASSERT(all_gone(w));
    wire_free(w);
}

static void child_deleted_by_the_peer_leaves_the_IKE_SA(void)
{
    struct wire *w = up(3, NULL, NULL);
    CU_ASSERT_EQUAL(v2_delete_child(w->side[B].ike, wire_sa(w, B), wire_child(w, B)), CV_OK);
    wire_run(w, LINGER_MS);
    CU_ASSERT(wire_dialogue(w, "B INFORMATIONAL req 0: D(ESP:1)\nA INFORMATIONAL resp 0: D(ESP:1)\n"));
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_IDLE);
    CU_ASSERT_FALSE(wire_packet(w, A));
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(
        w, "A CREATE_CHILD_SA req 2: SA Nonce TSi TSr\nB CREATE_CHILD_SA resp 2: SA Nonce TSi TSr\n"));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(w->side[A].ike->counters.sas_established, 1);
    wire_free(w);
}

/* RFC 7296 1.4.1, 2.25.1: crossing deletes of one child are answered without a Delete payload. */
static void deletes_of_one_child_that_cross(void)
{
    struct wire *w = up(4, NULL, NULL);
    CU_ASSERT_EQUAL(v2_delete_child(w->side[A].ike, wire_sa(w, A), wire_child(w, A)), CV_OK);
    CU_ASSERT_EQUAL(v2_delete_child(w->side[B].ike, wire_sa(w, B), wire_child(w, B)), CV_OK);
    wire_run(w, LINGER_MS);
    CU_ASSERT(wire_saw(w, "B INFORMATIONAL resp 2:\n"));
    CU_ASSERT(wire_saw(w, "A INFORMATIONAL resp 0:\n"));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_IN), 0);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
    wire_free(w);
}

static void hard_lifetime_ends_a_child_that_nobody_rekeys(void)
{
    struct wire_conf c = {.ipsec = " responder-only\n set security-association lifetime seconds 120\n"},
                     a = {.ipsec = " set security-association lifetime seconds 3600\n"};
    struct wire *w = up(5, &a, &c);
    wire_run(w, 119000 - SETTLE_MS);
    CU_ASSERT(wire_child(w, B) != NULL);
    wire_run(w, 2000);
    CU_ASSERT_PTR_NULL(wire_child(w, B));
    CU_ASSERT(wire_saw(w, "B INFORMATIONAL req 0: D(ESP:1)\n")); /* the peer learns of it */
    wire_run(w, LINGER_MS);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    CU_ASSERT_FALSE(wire_packet(w, A));
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void refusal_by_the_data_plane_is_told(void)
{
    struct wire *w = wire_new(6, NULL, NULL);
    w->side[A].dp->refuse_after = 2;
    w->side[A].dp->refuse_with = CV_ENOMEM;
    wire_up(w, A);
    wire_run(w, 500);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NO_RESOURCES);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_IN), 0);
    wire_run(w, 20000);
    CU_ASSERT(wire_both_up(w)); /* tried again, and the peer's old half is gone */
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

/* ---- dead peers ---------------------------------------------------------------------------------------------------------- */
static const struct wire_conf periodic = {.profile = " dpd 10 2 periodic\n"};
static const struct wire_conf on_demand = {.profile = " dpd 10 2 on-demand\n"};

static void periodic_DPD_asks_only_when_nothing_is_heard(void)
{
    struct wire *w = up(7, &periodic, NULL);
    for (unsigned i = 0; i < 60; i++) {
        wire_packet(w, B);
        wire_run(w, 1000);
    }
    CU_ASSERT(wire_dialogue(w, "")); /* packets come in: the peer lives (RFC 7296 2.4) */
    wire_run(w, 35000);
    CU_ASSERT_EQUAL(wire_count(w, "A INFORMATIONAL req"), 3);
    CU_ASSERT_EQUAL(wire_count(w, "B INFORMATIONAL resp"), 3);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void on_demand_DPD_is_silent_without_traffic(void)
{
    struct wire *w = up(8, &on_demand, NULL);
    wire_run(w, 600000);
    CU_ASSERT(wire_dialogue(w, ""));
    w->side[B].deaf = true;
    wire_run(w, 600000); /* dead, but nobody wants anything of it */
    CU_ASSERT(wire_dialogue(w, ""));
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    wire_free(w);
}

static void dead_peer_is_found_and_replaced_when_it_is_back(void)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct wire *w = up(9, kind ? &on_demand : &periodic, NULL);
        w->side[B].deaf = true;
        uint64_t start = w->now;
        while (wire_sas(w, A) == 1 && wire_sa(w, A) && wire_sa(w, A)->established &&
               w->now - start < 100000) {
            wire_packet(w, A);
            wire_run(w, 500);
        }
        /* 10 s of silence (on demand: seen at a poll up to 10 s later), a probe and five retries of 2 s */
        CU_ASSERT(w->now - start >= 20000 && w->now - start <= 33000);
        CU_ASSERT_EQUAL(wire_count(w, "A INFORMATIONAL req 2:\n"), 6);
        CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_DPD_DEAD);
        CU_ASSERT_EQUAL(w->side[A].ike->counters.dpd_dead, 1);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
        wire_restart(w, B, true);
        w->side[B].deaf = false;
        wire_packet(w, A);
        wire_run(w, 40000);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void without_DPD_any_request_finds_a_dead_peer(void)
{
    struct wire *w = up(10, NULL, NULL);
    char err[SEL_TEXT_MAX];
    w->side[B].deaf = true;
    ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err);
    wire_run(w, 63000);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_TIMEOUT);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    wire_free(w);
}

/* ---- NAT ----------------------------------------------------------------------------------------------------------------- */
static struct wire *up_behind_nat(uint64_t seed)
{
    struct wire_conf b = {.peer = "198.51.100.7"};
    struct wire *w = wire_new(seed, NULL, &b);
    if (!ip_addr_parse("198.51.100.7", &w->nat))
        abort();
    w->nat_port = 31000;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

static uint16_t remote_port(struct wire *w, enum wire_end end)
{
    return mock_dp_sending(w->side[end].dp, WIRE_TUNNEL_IF)->sa.remote.port;
}

static void RFC7296_2_23_IKE_from_a_new_mapping_moves_IKE_and_ESP(void)
{
    struct wire *w = up_behind_nat(11);
    char err[SEL_TEXT_MAX];
    w->nat_port = 42000; /* the NAT has forgotten, and maps anew */
    ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err);
    wire_run(w, LINGER_MS);
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 42001);
    CU_ASSERT_EQUAL(remote_port(w, B), 42001);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void nat_event(struct wire *w, enum wire_end end, uint16_t port)
{
    struct sam_child *c = wire_child(w, end);
    struct cv_evt ev;
    memset(&ev, 0, sizeof ev);
    ev.type = CV_EVT_NAT_CHANGE;
    ev.u.sa_event.ref = c->in;
    ev.u.sa_event.cookie = c->cookie;
    ev.u.sa_event.remote = c->remote;
    ev.u.sa_event.remote.port = port;
    mock_dp_push(w->side[end].dp, &ev);
    wire_run(w, 0);
}

static void RFC7296_2_23_ESP_from_a_new_mapping_moves_IKE_and_ESP(void)
{
    struct wire *w = up_behind_nat(12);
    nat_event(w, B, 42001);
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 42001);
    CU_ASSERT_EQUAL(remote_port(w, B), 42001);
    nat_event(w, A, 42001); /* who is behind the NAT itself does not follow */
    CU_ASSERT_EQUAL(wire_sa(w, A)->remote.port, 4500);
    CU_ASSERT_EQUAL(remote_port(w, A), 4500);
    wire_free(w);
}

static void forged_datagram_does_not_move_the_peer(void)
{
    struct wire *w = up_behind_nat(13);
    struct ike_sa *sb = wire_sa(w, B);
    uint8_t noise[64] = {0};
    memcpy(noise, sb->spi_i, 8);
    memcpy(noise + 8, sb->spi_r, 8);
    noise[16] = PLD_SK;
    noise[17] = 0x20;
    noise[18] = PLD_INFORMATIONAL;
    noise[19] = PLD_FLAG_INITIATOR;
    noise[27] = sizeof noise;
    noise[23] = (uint8_t)v2_of(sb)->next_recv;
    noise[31] = sizeof noise - 28;
    uint64_t before = w->side[B].ike->counters.auth_failed_icv;
    wire_inject(w, B, noise, sizeof noise);
    CU_ASSERT_EQUAL(w->side[B].ike->counters.auth_failed_icv, before + 1);
    CU_ASSERT_EQUAL(sb->remote.port, 31001);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void without_a_NAT_a_peer_that_moves_is_not_followed(void)
{
    struct wire *w = up(14, NULL, NULL);
    nat_event(w, B, 42001);
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 500);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- requests of a peer -------------------------------------------------------------------------------------------------- */
static uint32_t next_id(struct wire *w, enum wire_end from)
{
    return v2_of(wire_sa(w, from))->next_send++;
}

static void ask(struct wire *w, wire_build *build, void *ctx)
{
    wire_trace_clear(w);
    wire_forge(w, B, wire_sa(w, B), PLD_INFORMATIONAL, false, next_id(w, B), build, ctx);
    wire_run(w, 0);
}

static void put_esp_deletes(struct pld_builder *b, void *ctx)
{
    const uint32_t *spi = ctx;
    uint8_t spis[16];
    for (unsigned i = 0; i < 4; i++) {
        spis[4 * i] = (uint8_t)(spi[i] >> 24);
        spis[4 * i + 1] = (uint8_t)(spi[i] >> 16);
        spis[4 * i + 2] = (uint8_t)(spi[i] >> 8);
        spis[4 * i + 3] = (uint8_t)spi[i];
    }
    pld_put_delete(b, PLD_PROTO_ESP, 4, spis, 4);
}

static void delete_of_unknown_SPIs_is_answered_empty(void)
{
    struct wire *w = up(15, NULL, NULL);
    uint32_t own = wire_child(w, A)->in.spi,
             spi[4] = {0x12345678, 0, own, 0x12345678}; /* our own SPI is not the peer's */
    ask(w, put_esp_deletes, spi);
    CU_ASSERT(wire_dialogue(w, "A INFORMATIONAL resp 0:\n"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void delete_that_names_a_child_four_times_is_answered_once(void)
{
    struct wire *w = up(16, NULL, NULL);
    uint32_t theirs = wire_child(w, A)->out.spi, spi[4] = {theirs, theirs, theirs, theirs};
    ask(w, put_esp_deletes, spi);
    CU_ASSERT(wire_dialogue(w, "A INFORMATIONAL resp 0: D(ESP:1)\n"));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    wire_free(w);
}

static void put_ah_delete(struct pld_builder *b, void *ctx)
{
    const uint32_t *spi = ctx;
    uint8_t bytes[4] = {(uint8_t)(*spi >> 24), (uint8_t)(*spi >> 16), (uint8_t)(*spi >> 8), (uint8_t)*spi};
    pld_put_delete(b, PLD_PROTO_AH, 4, bytes, 1);
}

static void delete_of_an_AH_SA_is_ignored(void)
{
    struct wire *w = up(17, NULL, NULL);
    uint32_t spi = wire_child(w, A)->out.spi;
    ask(w, put_ah_delete, &spi);
    CU_ASSERT(wire_dialogue(w, "A INFORMATIONAL resp 0:\n"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void empty_request_is_answered_empty(void)
{
    struct wire *w = up(18, NULL, NULL);
    ask(w, NULL, NULL);
    CU_ASSERT(wire_dialogue(w, "A INFORMATIONAL resp 0:\n"));
    wire_free(w);
}

static void put_notify(struct pld_builder *b, void *ctx)
{
    struct slice none = {NULL, 0};
    pld_put_notify(b, PLD_PROTO_NONE, none, *(uint16_t *)ctx, none);
}

static void error_notifies_are_logged_and_nothing_else(void)
{
    static uint16_t types[] = {PLD_N_INVALID_SYNTAX, PLD_N_INVALID_SELECTORS, PLD_N_INVALID_IKE_SPI, 8191,
                               40000};
    struct wire *w = up(19, NULL, NULL);
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        ask(w, put_notify, &types[i]);
        CU_ASSERT(wire_saw(w, "A INFORMATIONAL resp"));
    }
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void RFC7296_2_21_2_AUTHENTICATION_FAILED_ends_the_SA(void)
{
    struct wire *w = up(20, NULL, NULL);
    uint16_t type = PLD_N_AUTHENTICATION_FAILED;
    ask(w, put_notify, &type);
    CU_ASSERT(wire_saw(w, "A INFORMATIONAL resp 0:\n"));
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_AUTH_FAILED);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    wire_free(w);
}

/* What the path was found to take while a message was under way is not unlearned because that one, a short one, was lost once. */
static void a_lost_packet_says_nothing_of_a_wider_path(void)
{
    struct wire *w = up(90, NULL, NULL);
    struct v2_sa *v = v2_of(wire_sa(w, A));
    w->loss = 100;
    v2_task_add(w->side[A].ike, wire_sa(w, A), v2_task_new(V2_TASK_DPD));
    wire_run(w, 100);
    v->path_mtu = 576;
    w->loss = 0;
    wire_run(w, 10000);
    CU_ASSERT_PTR_NULL(v->flight);
    CU_ASSERT_EQUAL(v->path_mtu, 576);
    wire_free(w);
}

UNIT_MAIN("info", UNIT_TEST(a_lost_packet_says_nothing_of_a_wider_path),
          UNIT_TEST(idle_child_is_deleted_at_the_peer_and_traffic_raises_it_again),
          UNIT_TEST(idle_times_of_both_ends_that_meet_leave_nothing_behind),
          UNIT_TEST(idle_tunnel_ends_though_it_is_rekeyed_more_often),
          UNIT_TEST(down_deletes_both_ends_from_each_side), UNIT_TEST(deletes_of_the_IKE_SA_that_cross),
          UNIT_TEST(child_deleted_by_the_peer_leaves_the_IKE_SA), UNIT_TEST(deletes_of_one_child_that_cross),
          UNIT_TEST(hard_lifetime_ends_a_child_that_nobody_rekeys),
          UNIT_TEST(refusal_by_the_data_plane_is_told),
          UNIT_TEST(periodic_DPD_asks_only_when_nothing_is_heard),
          UNIT_TEST(on_demand_DPD_is_silent_without_traffic),
          UNIT_TEST(dead_peer_is_found_and_replaced_when_it_is_back),
          UNIT_TEST(without_DPD_any_request_finds_a_dead_peer),
          UNIT_TEST(RFC7296_2_23_IKE_from_a_new_mapping_moves_IKE_and_ESP),
          UNIT_TEST(RFC7296_2_23_ESP_from_a_new_mapping_moves_IKE_and_ESP),
          UNIT_TEST(forged_datagram_does_not_move_the_peer),
          UNIT_TEST(without_a_NAT_a_peer_that_moves_is_not_followed),
          UNIT_TEST(delete_of_unknown_SPIs_is_answered_empty),
          UNIT_TEST(delete_that_names_a_child_four_times_is_answered_once),
          UNIT_TEST(delete_of_an_AH_SA_is_ignored), UNIT_TEST(empty_request_is_answered_empty),
          UNIT_TEST(error_notifies_are_logged_and_nothing_else),
          UNIT_TEST(RFC7296_2_21_2_AUTHENTICATION_FAILED_ends_the_SA))
