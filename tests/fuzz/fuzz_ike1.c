/* libFuzzer harness of IKEv1 in the engine: every message of every exchange, without keys and under them.
 *
 * The first octet says what is fuzzed, with which mode of phase 1, PFS, ESP or AH, the second which message or state, the third says more of it; the rest is a datagram, or the payloads
 * of a message, each as type, length (one octet) and body. */
#include "control/ikev1/v1.h"
#include "tests/mock/mock_wire.h"

#include <stdlib.h>
#include <string.h>

enum what {
    FRESH,     /* any datagram to an engine without SAs */
    HALF,      /* any datagram with the cookies of a negotiation under way, or of an established SA */
    CLEAR,     /* payloads of a message in the clear, in place of the peer's */
    SEALED,    /* payloads under phase 1's keys, in place of MM5's, MM6's, AM3's */
    RAW,       /* octets under the keys: what decoding makes of anything at all */
    QUICK,     /* QM1 of a peer with the keys, and HASH(1) */
    ANSWER,    /* QM2 in place of the peer's, and HASH(2) */
    INFO,      /* an Informational message under HASH(1) */
    FRAGMENTS, /* Cisco's, with any identifier, number and end */
    WHAT_COUNT
};

struct input {
    unsigned what, which, more;
    const uint8_t *p;
    size_t n;
    bool done;
};

enum { BODY_MAX = 2048, SETTLE = 1500, AFTER = 75000 };

/* ---- payloads of the input ------------------------------------------------------------------------------------------ */
static void put_payloads(struct pld_builder *b, void *ctx)
{
    const struct input *in = ctx;
    size_t at = 0;
    for (unsigned i = 0; i < 80 && at + 2 <= in->n; i++) {
        size_t n = in->p[at + 1] < in->n - at - 2 ? in->p[at + 1] : in->n - at - 2;
        pld1_put_raw(b, in->p[at], (struct slice){in->p + at + 2, n});
        at += 2 + n;
    }
}

/* The payloads alone; returns the type of the first. */
static size_t build(const struct input *in, uint8_t *first, uint8_t *out, size_t cap)
{
    const struct pld_header h = {.version = PLD1_VERSION, .exchange = PLD1_MAIN};
    struct buf_writer w = buf_writer_init(out, cap);
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    put_payloads(&b, (void *)(uintptr_t)in);
    pld1_end(&b, 1);
    if (w.bad || w.len < PLD_HEADER_LEN)
        return 0;
    *first = out[16];
    memmove(out, out + PLD_HEADER_LEN, w.len - PLD_HEADER_LEN);
    return w.len - PLD_HEADER_LEN;
}

static void replace(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    const struct input *in = ctx;
    uint8_t out[16384], type = 0;
    size_t n = build(in, &type, out, sizeof out);
    if (in->what == RAW) {
        n = in->n < BODY_MAX ? in->n : BODY_MAX;
        memcpy(out, in->p, n);
        type = (uint8_t)in->more;
    }
    if (n == 0 || n > cap)
        return;
    memcpy(plain, out, n);
    *len = n;
    *first = type;
}

/* ---- the peer's own messages replaced on their way ------------------------------------------------------------------ */
static bool on_the_way(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct input *in = ctx;
    if (in->done || p->len <= PLD_HEADER_LEN || p->data[17] != PLD1_VERSION || in->which-- > 0)
        return true;
    bool sealed = p->data[19] & PLD1_FLAG_ENCRYPTION;
    in->done = true;
    if (sealed && in->what != CLEAR) {
        (void)wire_reseal1(w, p, replace, in);
        return true;
    }
    uint8_t body[16384], first = p->data[16];
    size_t n = in->what == RAW ? 0 : build(in, &first, body, sizeof body);
    uint8_t *data = malloc(PLD_HEADER_LEN + n + 1);
    if (!data)
        abort();
    memcpy(data, p->data, PLD_HEADER_LEN);
    if (n)
        memcpy(data + PLD_HEADER_LEN, body, n);
    data[16] = first;
    struct buf_writer bw = buf_writer_init(data + 24, 4);
    buf_put_u32(&bw, (uint32_t)(PLD_HEADER_LEN + n));
    free(p->data);
    p->data = data;
    p->len = PLD_HEADER_LEN + n;
    return true;
}

/* ---- datagrams ------------------------------------------------------------------------------------------------------- */
static void datagram(struct wire *w, enum wire_end to, const struct input *in, const struct ike_sa *sa)
{
    uint8_t msg[4096];
    size_t n = in->n < sizeof msg ? in->n : sizeof msg;
    memcpy(msg, in->p, n);
    if (n >= PLD_HEADER_LEN) {
        if (sa)
            memcpy(msg, sa->spi_i, 8);
        if (sa && !(in->more & 2))
            memcpy(msg + 8, sa->spi_r, 8);
        msg[17] = PLD1_VERSION;
        msg[24] = msg[25] = 0;
        msg[26] = (uint8_t)(n >> 8);
        msg[27] = (uint8_t)n;
    }
    wire_inject(w, to, msg, n);
}

static void fragments(struct wire *w, enum wire_end to, const struct input *in, const struct ike_sa *sa)
{
    size_t at = 0;
    for (unsigned i = 0; i < 64 && at + 4 <= in->n; i++) {
        uint8_t msg[512];
        struct buf_writer bw = buf_writer_init(msg, sizeof msg);
        struct pld_builder b;
        struct pld_header h = {.version = PLD1_VERSION, .exchange = PLD1_MAIN};
        size_t left = in->n - at - 4, n = in->p[at + 3] < left ? in->p[at + 3] : left;
        memcpy(h.spi_i, sa->spi_i, 8);
        memcpy(h.spi_r, sa->spi_r, 8);
        pld_begin(&b, &bw, &h);
        pld1_put_fragment(&b, in->p[at], in->p[at + 1], in->p[at + 2] & 1, (struct slice){in->p + at + 4, n});
        pld1_end(&b, 1);
        if (!bw.bad)
            wire_inject(w, to, msg, bw.len);
        at += 4 + n;
    }
}

static const struct ike_sa *any_sa(struct wire *w, enum wire_end end)
{
    return w->side[end].ike->by_conn;
}

/* ---- one input ---------------------------------------------------------------------------------------------------------- */
static bool lose_after(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    (void)p;
    unsigned *left = ctx;
    return *left > 0 && (*left)--;
}

/* So many messages pass, then none: both ends stand somewhere in phase 1, or behind it. */
static void halted(struct wire *w, unsigned messages)
{
    unsigned left = messages;
    w->filter = lose_after;
    w->filter_ctx = &left;
    wire_up(w, A);
    wire_run(w, 500);
    w->filter = NULL;
}

static void established(struct wire *w)
{
    wire_up(w, A);
    wire_run(w, SETTLE);
    if (!wire_sa(w, A) || !wire_sa(w, B))
        abort();
}

static void play(struct wire *w, struct input *in)
{
    enum wire_end to = in->more & 1 ? A : B;
    switch (in->what) {
    case FRESH:
        datagram(w, B, in, NULL);
        break;
    case HALF:
        halted(w, in->which % 10);
        if (any_sa(w, to))
            datagram(w, to, in, any_sa(w, to));
        break;
    case FRAGMENTS:
        halted(w, in->which % 10);
        if (any_sa(w, to))
            fragments(w, to, in, any_sa(w, to));
        break;
    case CLEAR:
    case SEALED:
    case RAW:
    case ANSWER:
        in->which %= 9;
        w->filter = on_the_way;
        w->filter_ctx = in;
        wire_up(w, A);
        break;
    default:
        established(w);
        wire_forge1(w, to == A ? B : A, wire_sa(w, to == A ? B : A),
                    in->what == QUICK ? PLD1_QUICK : PLD1_INFORMATIONAL, 0, WIRE_SOUND, put_payloads, in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > BODY_MAX)
        return 0;
    struct input in = {
        .what = data[0] % WHAT_COUNT, .which = data[1], .more = data[2], .p = data + 3, .n = size - 3};
    struct wire_conf c = {.ikev1 = true,
                          .profile = data[0] & 0x80 ? " initiate mode aggressive\n" : NULL,
                          .global = "crypto isakmp fragmentation\ncrypto isakmp keepalive 10 2\n",
                          .transform = data[0] & 0x20 ? "ah-sha256-hmac" : NULL,
                          .ipsec = data[0] & 0x40 ? " set pfs group19\n set security-association per-worker\n"
                                                  : NULL};
    struct wire *w = wire_new(1, &c, &c);
    w->side[A].dp->workers = w->side[B].dp->workers = 2; /* which IKEv1 has nothing of */
    play(w, &in);
    wire_run(w, AFTER);
    w->filter = NULL;
    wire_free(w);
    return 0;
}
