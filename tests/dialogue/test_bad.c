/* Packets that an inbound SA dropped: what the log says, and when the peer is told (RFC 4301 5.2, RFC 7296 3.10.1). */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000 };

static struct wire *up(bool ikev1, const char *transform)
{
    struct wire_conf c = {.ikev1 = ikev1, .transform = transform};
    struct wire *w = wire_new(1, &c, &c);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_record_clear(w);
    return w;
}

/* What B's data plane says of a packet of its child, or of an SPI that it has no more. */
static void bad(struct wire *w, uint32_t spi, enum cv_drop why, uint32_t seq, uint16_t quoted)
{
    struct cv_evt e = {.type = CV_EVT_BAD_PACKET};
    e.u.bad_packet.sa.ref.spi = spi;
    e.u.bad_packet.sa.reason = why;
    e.u.bad_packet.sa.local.addr = w->side[B].address;
    e.u.bad_packet.sa.remote.addr = w->side[A].address;
    e.u.bad_packet.seen = seq != 0;
    e.u.bad_packet.seq = seq;
    e.u.bad_packet.quoted_len = quoted;
    memset(e.u.bad_packet.quoted, 0x45, sizeof e.u.bad_packet.quoted);
    ike_dp_event(w->side[B].ike, &e);
}

static void each_is_a_line_in_the_log(void)
{
    for (int i = 0; i < 4; i++) {
        const bool ah = i & 2;
        struct wire *w = up(i & 1, ah ? "ah-sha256-hmac" : NULL);
        const uint32_t spi = wire_child(w, B)->in.spi;
        char line[200], from[IP_TEXT_MAX], to[IP_TEXT_MAX];
        bad(w, spi, CV_DROP_REPLAY_DUP, 4711, 0);
        snprintf(line, sizeof line,
                 "%s of SPI 0x%08x, number 4711, from %s to %s, of %s, is dropped: %s (replay-dup)",
                 ah ? "AH" : "ESP", spi, ip_addr_text(&w->side[A].address, from),
                 ip_addr_text(&w->side[B].address, to), w->side[B].tunnel, cv_drop_text(CV_DROP_REPLAY_DUP));
        CU_ASSERT(wire_event(w, B, line));
        bad(w, spi, CV_DROP_ESP_SHORT, 0, 0);
        CU_ASSERT(wire_event(w, B, "of an unknown number, from"));
        bad(w, 0x99000001, CV_DROP_LIFETIME, 5, 0); /* it went meanwhile */
        CU_ASSERT(wire_event(w, B, "SPI 0x99000001, number 5, from"));
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_dialogue(w, "")); /* none of these is told */
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void RFC_7296_3_10_1_the_peer_is_told_of_what_is_outside_the_selectors(void)
{
    for (int ah = 0; ah < 2; ah++) {
        struct wire *w = up(false, ah ? "ah-sha256-hmac" : NULL);
        const uint32_t spi = wire_child(w, B)->in.spi;
        for (unsigned i = 0; i < 100; i++) {
            bad(w, spi, CV_DROP_TS_IN, 1 + i, CV_BAD_QUOTED);
            wire_run(w, 250);
        }
        CU_ASSERT_EQUAL(wire_count(w, "B INFORMATIONAL req"), 3); /* in 25 s */
        CU_ASSERT_EQUAL(wire_count(w, "N(INVALID_SELECTORS"), 3);
        CU_ASSERT_EQUAL(wire_count(w, "A INFORMATIONAL resp"), 3);
        CU_ASSERT(wire_event(w, A, "the peer notifies INVALID_SELECTORS"));
        CU_ASSERT(wire_both_up(w) && wire_consistent(w, true));
        wire_free(w);
    }
}

static void the_notify_has_packet_and_SPI(void)
{
    enum { QUOTED = 28, PAYLOAD = 4 + 4 + 4 + QUOTED };
    struct wire *w = up(false, NULL);
    const uint32_t spi = wire_child(w, B)->in.spi;
    w->side[B].muted = true;
    bad(w, spi, CV_DROP_TS_IN, 7, QUOTED);
    struct v2_task *t = v2_task_find(wire_sa(w, B), V2_TASK_INVALID_SELECTORS, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    uint8_t out[200];
    struct buf_writer bw = buf_writer_init(out, sizeof out);
    struct pld_chain chain;
    pld_chain_begin(&chain, &bw);
    CU_ASSERT_EQUAL(v2_invalid_selectors_build(w->side[B].ike, wire_sa(w, B), t, &chain.b), CV_OK);
    CU_ASSERT_FATAL(!bw.bad && bw.len >= PAYLOAD);
    const uint8_t *p = out + bw.len - PAYLOAD;
    CU_ASSERT(p[3] == PAYLOAD && p[4] == PLD_PROTO_ESP && p[5] == 4 && p[7] == PLD_N_INVALID_SELECTORS);
    CU_ASSERT(p[8] == (uint8_t)(spi >> 24) && p[11] == (uint8_t)spi && p[12] == 0x45 &&
              p[PAYLOAD - 1] == 0x45);
    wire_free(w);
}

static void IKEv1_has_no_such_word_and_nothing_is_quoted_of_nothing(void)
{
    struct wire *w = up(true, NULL);
    bad(w, wire_child(w, B)->in.spi, CV_DROP_TS_IN, 1, CV_BAD_QUOTED);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, ""));
    wire_free(w);
    w = up(false, NULL);
    bad(w, wire_child(w, B)->in.spi, CV_DROP_TS_IN, 1, 0);
    bad(w, wire_child(w, B)->in.spi, CV_DROP_TS_IN, 1, CV_BAD_QUOTED + 1);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, ""));
    wire_free(w);
}

UNIT_MAIN("bad", UNIT_TEST(each_is_a_line_in_the_log),
          UNIT_TEST(RFC_7296_3_10_1_the_peer_is_told_of_what_is_outside_the_selectors),
          UNIT_TEST(the_notify_has_packet_and_SPI),
          UNIT_TEST(IKEv1_has_no_such_word_and_nothing_is_quoted_of_nothing))
