/* ESP of an SPI that nobody has (crypto isakmp invalid-spi-recovery; RFC 7296 1.5, RFC 2408 3.14.1): who is told, when a tunnel
 * is negotiated, and what the one who is told does. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000 };
static const char recovery[] = "crypto isakmp invalid-spi-recovery\n";

static struct wire *up_with(bool ikev1, const char *global, const char *transform)
{
    struct wire_conf a = {.ikev1 = ikev1, .transform = transform},
                     b = {.ikev1 = ikev1, .transform = transform, .global = global};
    struct wire *w = wire_new(1, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

static struct wire *up(bool ikev1, const char *global)
{
    return up_with(ikev1, global, NULL);
}

/* What B's data plane says when ESP or AH of that SPI comes from there. */
static void stray_of(struct wire *w, uint32_t spi, const struct ip_addr *from, enum cv_proto proto)
{
    struct cv_evt e = {.type = CV_EVT_UNKNOWN_SPI};
    e.u.sa_event.ref.spi = spi;
    e.u.sa_event.proto = proto;
    e.u.sa_event.reason = CV_DROP_UNKNOWN_SPI;
    e.u.sa_event.local.addr = w->side[B].address;
    e.u.sa_event.remote.addr = *from;
    ike_dp_event(w->side[B].ike, &e);
}

static void stray(struct wire *w, uint32_t spi, const struct ip_addr *from)
{
    stray_of(w, spi, from, CV_PROTO_ESP);
}

/* B loses its child without a word; gives the SPI that A goes on sending to. */
static uint32_t lose_child(struct wire *w)
{
    struct sam_child *c = wire_child(w, B);
    const uint32_t spi = c->in.spi;
    sam_child_delete(w->side[B].ike->sam, c, 0);
    CU_ASSERT_FALSE(wire_packet(w, A));
    wire_run(w, 200); /* until the data plane has let go of it */
    return spi;
}

static void a_lost_child_is_deleted_at_the_peer_and_traffic_raises_another(void)
{
    for (int i = 0; i < 4; i++) {
        const bool ah = i & 2;
        struct wire *w = up_with(i & 1, recovery, ah ? "ah-sha256-hmac" : NULL);
        const uint32_t spi = lose_child(w);
        stray_of(w, spi, &w->side[A].address, ah ? CV_PROTO_AH : CV_PROTO_ESP);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_count(w, "INVALID"), 1);
        CU_ASSERT_EQUAL(wire_children(w, A), 0);
        CU_ASSERT_EQUAL(wire_sas(w, A), 1); /* the IKE SA stays */
        CU_ASSERT_FALSE(wire_packet(w, A));
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        wire_run(w, 10000); /* what A received by lingers */
        CU_ASSERT(wire_consistent(w, true));
        CU_ASSERT(wire_child(w, B) && wire_child(w, B)->in.spi != spi);
        wire_free(w);
    }
}

static void nothing_is_said_unless_it_is_configured(void)
{
    for (int v1 = 0; v1 < 2; v1++) {
        struct wire *w = up(v1, "");
        const uint32_t spi = lose_child(w);
        for (unsigned i = 0; i < 10; i++)
            stray(w, spi, &w->side[A].address);
        wire_run(w, 3000);
        CU_ASSERT(wire_dialogue(w, ""));
        CU_ASSERT_EQUAL(wire_children(w, A), 1);
        wire_free(w);
    }
}

static void a_flood_costs_one_notify_in_ten_seconds(void)
{
    for (int v1 = 0; v1 < 2; v1++) {
        struct wire *w = up(v1, recovery);
        for (unsigned i = 0; i < 240; i++) { /* SPIs that A does not have: it has nothing to delete */
            stray(w, 0x99000000u + i, &w->side[A].address);
            wire_run(w, 125);
        }
        CU_ASSERT_EQUAL(wire_count(w, "INVALID"), 3);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(wire_children(w, A), 1);
        wire_free(w);
    }
}

static void SPIs_in_use_and_other_senders_are_passed_over(void)
{
    struct wire *w = up(false, recovery);
    struct ip_addr stranger;
    uint32_t reserved;
    CU_ASSERT(ip_addr_parse("203.0.113.77", &stranger));
    CU_ASSERT_EQUAL_FATAL(sam_spi_reserve(w->side[B].ike->sam, &reserved), CV_OK);
    stray(w, reserved,
          &w->side[A].address); /* being negotiated: the peer may be faster than our installation */
    stray(w, wire_child(w, B)->in.spi, &w->side[A].address);
    stray(w, 0x99000001, &stranger);
    wire_run(w, 3000);
    CU_ASSERT(wire_dialogue(w, ""));
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    wire_free(w);
}

static void who_forgot_everything_negotiates_and_the_peer_drops_what_he_had(void)
{
    for (int v1 = 0; v1 < 2; v1++) {
        struct wire *w = up(v1, recovery);
        const uint32_t spi = wire_child(w, B)->in.spi;
        wire_restart(w, B, true);
        wire_trace_clear(w);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_sas(w, B), 0);
        for (unsigned i = 0; i < 16; i++) {
            stray(w, spi, &w->side[A].address);
            wire_run(w, 125);
        }
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(wire_sas(w, B), 1);
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        CU_ASSERT_EQUAL(wire_children(w, A), 1);
        wire_free(w);
    }
}

/* The sender's address is forged easily: the peer must not be made the target of ever new negotiations. */
static void a_silent_peer_is_not_called_again_for_each_packet(void)
{
    struct wire *w = up(false, recovery);
    wire_restart(w, B, true);
    w->side[A].deaf = true;
    wire_trace_clear(w);
    unsigned first = 0;
    for (unsigned i = 0; i < 8 * 50; i++) {
        stray(w, 0x99000000u + i, &w->side[A].address);
        wire_run(w, 125);
        if (i == 8)
            first = wire_count(w, "IKE_SA_INIT req");
    }
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT(wire_count(w, "IKE_SA_INIT req") <= 6); /* one attempt with its retransmissions */
    wire_free(w);
}

/* ---- one number for both protocols (RFC 4301 4.1: an SA is told by protocol and SPI) --------------------------------- */
static void put_spi(uint8_t out[4], uint32_t spi)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

static void put_AH_request(struct pld_builder *b, void *ctx)
{
    static const uint8_t nonce[32] = {4, 5, 6};
    struct pld_build_proposal p = {.number = 1, .proto = PLD_PROTO_AH, .spi_len = 4, .count = 2};
    const struct ts any = ts_any(IP_V4);
    put_spi(p.spi, *(const uint32_t *)ctx);
    p.transforms[0] = (struct pld_build_transform){3, CV_INTEG_HMAC_SHA2_256_128, 0};
    p.transforms[1] = (struct pld_build_transform){5, 0, 0};
    pld_put_sa(b, &p, 1);
    pld_put_nonce(b, (struct slice){nonce, sizeof nonce});
    pld_put_ts(b, PLD_TSI, &any, 1);
    pld_put_ts(b, PLD_TSR, &any, 1);
}

static void put_INVALID_SPI(struct pld_builder *b, void *ctx)
{
    uint8_t spi[4];
    const struct slice none = {NULL, 0};
    put_spi(spi, *(const uint32_t *)ctx);
    pld_put_notify(b, PLD_PROTO_NONE, none, PLD_N_INVALID_SPI, (struct slice){spi, sizeof spi});
}

static void ask_as_B(struct wire *w, uint8_t exchange, wire_build *build, uint32_t spi)
{
    wire_forge(w, B, wire_sa(w, B), exchange, false, v2_of(wire_sa(w, B))->next_send++, build, &spi);
    wire_run(w, SETTLE_MS);
}

/* B has ESP under that number and no AH; the notify says the number alone (RFC 7296 3.10.1). Only what B lacks goes. */
static void a_number_that_both_protocols_have_ends_the_right_child(void)
{
    static const struct wire_conf both = {.global =
                                              "crypto ipsec transform-set AHS ah-sha256-hmac\n mode tunnel\n",
                                          .ipsec = " set transform-set TS AHS\n"};
    struct wire *w = wire_new(1, &both, &both);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    struct sam *sam = w->side[A].ike->sam;
    const uint32_t spi = wire_child(w, B)->in.spi, owner = wire_sa(w, A)->conn_id;
    ask_as_B(w, PLD_CREATE_CHILD_SA, put_AH_request, spi);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sam_child_of_peer(sam, owner, spi, true));
    CU_ASSERT_PTR_NOT_NULL_FATAL(sam_child_of_peer(sam, owner, spi, false));
    const uint32_t esp = sam_child_of_peer(sam, owner, spi, false)->id,
                   ah = sam_child_of_peer(sam, owner, spi, true)->id;
    wire_trace_clear(w);
    ask_as_B(w, PLD_INFORMATIONAL, put_INVALID_SPI, spi);
    wire_run(w, 3000);
    CU_ASSERT_EQUAL(wire_count(w, "B CREATE_CHILD_SA resp"),
                    3); /* two rekeys, and one anew in place of the lost */
    CU_ASSERT_EQUAL(wire_count(w, "N(CHILD_SA_NOT_FOUND)"), 1);
    const struct sam_child *kept = sam_child_by_id(sam, esp);
    CU_ASSERT(!kept || kept->replaced_by);        /* its successor was asked for and made */
    CU_ASSERT_PTR_NULL(sam_child_by_id(sam, ah)); /* gone, without a delete that B would not understand */
    CU_ASSERT_EQUAL(wire_count(w, "D(AH"), 0);
    wire_run(w, 10000);
    CU_ASSERT(wire_both_up(w) && wire_consistent(w, true));
    wire_free(w);
}

UNIT_MAIN("stray", UNIT_TEST(a_lost_child_is_deleted_at_the_peer_and_traffic_raises_another),
          UNIT_TEST(nothing_is_said_unless_it_is_configured),
          UNIT_TEST(a_flood_costs_one_notify_in_ten_seconds),
          UNIT_TEST(SPIs_in_use_and_other_senders_are_passed_over),
          UNIT_TEST(who_forgot_everything_negotiates_and_the_peer_drops_what_he_had),
          UNIT_TEST(a_silent_peer_is_not_called_again_for_each_packet),
          UNIT_TEST(a_number_that_both_protocols_have_ends_the_right_child))
