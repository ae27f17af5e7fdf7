/* Padding and dummy packets (RFC 4303 2.6, 2.7), and ECN, as configured, as the peer allows, and what of them counts as use. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000, SPI_THEIRS = 0x11112222 };

static struct wire *up(const struct wire_conf *a, const struct wire_conf *b)
{
    struct wire *w = wire_new(1, a, b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

static struct mock_sa *half(struct wire *w, enum wire_end end, enum cv_dir dir)
{
    struct mock_dp *dp = w->side[end].dp;
    const struct sam_child *c = wire_child(w, end);
    return dir == CV_DIR_IN ? &dp->in[c->in.sa_id] : &dp->out[c->out.sa_id];
}

static void the_profile_goes_before_the_global_words(void)
{
    static const struct {
        const char *global, *profile;
        uint16_t tfc_len;
        uint32_t dummy_ms;
        bool ecn_drop;
    } rows[] = {
        {"", "", 0, 0, false},
        {"crypto ipsec security-association tfc-padding mtu\n", "", CV_TFC_MTU, 0, false},
        {"crypto ipsec security-association tfc-padding 512\n",
         " set security-association tfc-padding 1280\n", 1280, 0, false},
        {"crypto ipsec security-association dummy pps 25\n", "", 0, 40, false},
        {"crypto ipsec security-association dummy seconds 3600\n", "", 0, 3600000, false},
        {"crypto ipsec security-association dummy seconds 5\n", " set security-association dummy pps 3\n", 0,
         333, false},
        {"crypto ipsec security-association dummy seconds 5\n", " set security-association dummy pps 0\n", 0,
         0, false},
        {"crypto ipsec security-association ecn discard\n", "", 0, 0, true},
        {"crypto ipsec security-association ecn discard\n", " set security-association ecn propagate\n", 0, 0,
         false},
        {"", " set security-association ecn discard\n", 0, 0, true},
    };
    for (int v1 = 0; v1 < 2; v1++)
        for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct wire_conf c = {.ikev1 = v1, .global = rows[i].global, .ipsec = rows[i].profile},
                             plain = {.ikev1 = v1};
            struct wire *w = up(&c, &plain);
            CU_ASSERT_EQUAL(half(w, A, CV_DIR_OUT)->sa.tfc_len, rows[i].tfc_len);
            CU_ASSERT_EQUAL(half(w, A, CV_DIR_OUT)->sa.dummy_ms, rows[i].dummy_ms);
            CU_ASSERT_EQUAL(half(w, A, CV_DIR_OUT)->sa.flags & CV_SA_ECN_DROP,
                            rows[i].ecn_drop ? CV_SA_ECN_DROP : 0u);
            CU_ASSERT(!half(w, A, CV_DIR_IN)->sa.tfc_len && !half(w, A, CV_DIR_IN)->sa.dummy_ms);
            CU_ASSERT(!half(w, B, CV_DIR_OUT)->sa.tfc_len && !half(w, B, CV_DIR_OUT)->sa.dummy_ms);
            wire_free(w);
        }
}

/* A second child that B asks for, with or without the notify. */
static void put_request(struct pld_builder *b, void *ctx)
{
    const bool *refuses = ctx;
    static const uint8_t nonce[32] = {7};
    const struct slice none = {NULL, 0};
    const struct ts any = ts_any(IP_V4);
    const struct pld_build_proposal p = {.number = 1,
                                         .proto = PLD_PROTO_ESP,
                                         .spi_len = 4,
                                         .spi = {0x11, 0x11, 0x22, 0x22},
                                         .count = 2,
                                         .transforms = {{1, CV_ENCR_AES_GCM_16, 128}, {5, 0, 0}}};
    pld_put_sa(b, &p, 1);
    pld_put_nonce(b, (struct slice){nonce, sizeof nonce});
    pld_put_ts(b, PLD_TSI, &any, 1);
    pld_put_ts(b, PLD_TSR, &any, 1);
    if (*refuses)
        pld_put_notify(b, PLD_PROTO_NONE, none, PLD_N_ESP_TFC_PADDING_NOT_SUPPORTED, none);
}

static void RFC7296_1_3_1_a_peer_that_takes_no_padding_gets_none(void)
{
    for (int refuses = 0; refuses < 2; refuses++) {
        struct wire_conf c = {.ipsec = " set security-association tfc-padding 1000\n"
                                       " set security-association dummy pps 5\n"};
        struct wire *w = up(&c, NULL);
        struct ike_sa *sb = wire_sa(w, B);
        bool said = refuses;
        wire_forge(w, B, sb, PLD_CREATE_CHILD_SA, false, v2_of(sb)->next_send++, put_request, &said);
        CU_ASSERT(wire_dialogue(w, "A CREATE_CHILD_SA resp 0: SA Nonce TSi TSr\n"));
        const struct sam_child *c2 =
            sam_child_by_spi_out(w->side[A].ike->sam, wire_sa(w, A)->conn_id, SPI_THEIRS);
        CU_ASSERT_PTR_NOT_NULL_FATAL(c2);
        const struct cv_sa *out = &w->side[A].dp->out[c2->out.sa_id].sa;
        CU_ASSERT_EQUAL(out->tfc_len, refuses ? 0 : 1000);
        CU_ASSERT_EQUAL(out->dummy_ms, 200); /* the notify is about padding alone */
        wire_free(w);
    }
}

static void dummy_packets_are_no_use_of_an_idle_tunnel(void)
{
    struct wire_conf c = {.ipsec = " set security-association idle-time 60\n"};
    struct wire *w = up(&c, NULL);
    /* When the packet that raised the tunnel was, nobody can tell any more from the time of the last authentic one:
     * the end comes after two idle times at the latest. */
    for (unsigned s = 0; s < 121 && wire_children(w, A); s++) {
        half(w, A, CV_DIR_IN)->last_ms = half(w, A, CV_DIR_OUT)->last_ms = w->now;
        CU_ASSERT(s >= 58 || wire_children(w, A) == 1);
        wire_run(w, 1000);
    }
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    wire_free(w);
}

UNIT_MAIN("tfc", UNIT_TEST(the_profile_goes_before_the_global_words),
          UNIT_TEST(RFC7296_1_3_1_a_peer_that_takes_no_padding_gets_none),
          UNIT_TEST(dummy_packets_are_no_use_of_an_idle_tunnel))
