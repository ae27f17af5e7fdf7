/* libFuzzer harness of the IKE engine: ike_datagram_in in every state, before and after the integrity check.
 *
 * The first octet says what is fuzzed and in which world (ESP or AH, SAs of single workers or not), the second the exchange type, the third the first inner payload; the rest is the
 * datagram, or the inner payloads that a peer with the right keys would send. */
#include "tests/unit/ike/pair.h"

#include <stdlib.h>
#include <string.h>

enum what {
    RAW_FRESH,       /* any datagram to an engine without SAs */
    RAW_ESTABLISHED, /* any datagram with the SPIs of an established SA */
    RAW_INIT_ANSWER, /* a first response with our SPIi */
    AUTH_REQUEST,    /* inner payloads of IKE_AUTH, to the responder */
    AUTH_RESPONSE,   /* and to the initiator */
    REQUEST,         /* of an authenticated peer */
    RESPONSE,        /* to our rekey of a child, of the IKE SA, or our delete */
    FRAGMENTS,       /* inner payloads in fragments of any number and total */
    WHAT_COUNT
};

struct input {
    uint8_t exchange, first;
    const uint8_t *p;
    size_t n;
};

static bool lose_all(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)p;
    (void)from;
    (void)len;
    return data[18] == PLD_IKE_SA_INIT;
}

static void inject(struct pair *p, struct pair_side *to, const uint8_t *data, size_t n)
{
    struct ip_endpoint from = pair_endpoint(to == &p->a ? &p->b : &p->a, 500);
    pair_inject(p, to, &from, false, data, n);
}

static void raw(struct pair *p, struct pair_side *to, const struct input *in, const struct ike_sa *sa)
{
    uint8_t msg[4096];
    size_t n = in->n < sizeof msg ? in->n : sizeof msg;
    memcpy(msg, in->p, n);
    if (sa && n >= PLD_HEADER_LEN) {
        memcpy(msg, sa->spi_i, 8);
        if (msg[18] != PLD_IKE_SA_INIT)
            memcpy(msg + 8, sa->spi_r, 8);
        msg[24] = msg[25] = 0;
        msg[26] = (uint8_t)(n >> 8);
        msg[27] = (uint8_t)n;
    }
    inject(p, to, msg, n);
}

static void sealed(struct pair *p, struct pair_side *to, const struct ike_sa *from, const struct input *in,
                   bool response, uint32_t id)
{
    uint8_t msg[8192];
    const struct pair_forgery f = {.exchange = in->exchange,
                                   .first = in->first,
                                   .response = response,
                                   .message_id = id,
                                   .inner = {in->p, in->n < 4096 ? in->n : 4096}};
    inject(p, to, msg, pair_forge(from, &f, msg, sizeof msg));
}

static void fragments(struct pair *p, const struct input *in)
{
    const uint8_t *at = in->p;
    size_t left = in->n;
    uint32_t id = v2_of(pair_sa(&p->a))->next_send;
    for (unsigned i = 0; i < 64 && left > 4 && pair_sa(&p->a) && pair_sa(&p->b); i++) {
        uint8_t msg[2048];
        size_t n = at[2] < left - 4 ? at[2] : left - 4;
        const struct pair_forgery f = {.exchange = in->exchange,
                                       .first = in->first,
                                       .message_id = id + (at[3] & 1),
                                       .number = at[0],
                                       .total = at[1] ? at[1] : 1,
                                       .inner = {at + 4, n}};
        inject(p, &p->b, msg, pair_forge(pair_sa(&p->a), &f, msg, sizeof msg));
        at += 4 + n;
        left -= 4 + n;
    }
}

static bool lose_create_child(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)p;
    (void)from;
    (void)len;
    return data[18] != PLD_CREATE_CHILD_SA;
}

static void up(struct pair *p)
{
    char err[SEL_TEXT_MAX];
    if (ike_up(p->a.e, "Tunnel1", err, sizeof err) != IKE_CMD_STARTED)
        abort();
    pair_run(p);
}

/* Both SAs in AUTH_SENT and INIT_DONE: the IKE_AUTH request is lost. */
static void half(struct pair *p)
{
    p->tap = lose_all;
    up(p);
    p->tap = NULL;
    if (!pair_sa(&p->a) || !pair_sa(&p->b))
        abort();
}

/* What b would answer with, had it derived its keys: a's are the same. */
static struct ike_sa responder_keys(struct pair *p)
{
    struct ike_sa s = *pair_sa(&p->b);
    s.keys = pair_sa(&p->a)->keys;
    return s;
}

static void answers(struct pair *p, struct input *in)
{
    char err[SEL_TEXT_MAX];
    struct ike_sa *a = pair_sa(&p->a);
    uint32_t id = v2_of(a)->next_send;
    switch (in->exchange % 3) {
    case 0:
        (void)ike_rekey(p->a.e, "Tunnel1", false, err, sizeof err);
        in->exchange = PLD_CREATE_CHILD_SA;
        break;
    case 1:
        (void)ike_rekey(p->a.e, "Tunnel1", true, err, sizeof err);
        in->exchange = PLD_CREATE_CHILD_SA;
        break;
    default:
        (void)ike_down(p->a.e, "Tunnel1", err, sizeof err);
        in->exchange = PLD_INFORMATIONAL;
        break;
    }
    sealed(p, &p->a, pair_sa(&p->b), in, true, id);
}

/* To what a asks for a worker's child; without SAs of workers a has asked for nothing. */
static void answers_for_worker(struct pair *p, struct input *in)
{
    p->tap = lose_create_child;
    up(p);
    pair_wait(p, 100);
    p->tap = NULL;
    in->exchange = PLD_CREATE_CHILD_SA;
    sealed(p, &p->a, pair_sa(&p->b), in, true, v2_of(pair_sa(&p->a))->next_send - 1);
}

static void play(struct pair *p, unsigned what, struct input *in)
{
    switch (what) {
    case RAW_FRESH:
        raw(p, &p->b, in, NULL);
        break;
    case RAW_ESTABLISHED:
        up(p);
        raw(p, in->exchange & 1 ? &p->a : &p->b, in, pair_sa(&p->a));
        break;
    case RAW_INIT_ANSWER:
        p->b.deaf = true;
        up(p);
        raw(p, &p->a, in, pair_sa(&p->a));
        break;
    case AUTH_REQUEST:
        half(p);
        in->exchange = PLD_IKE_AUTH;
        sealed(p, &p->b, pair_sa(&p->a), in, false, 1);
        break;
    case AUTH_RESPONSE: {
        half(p);
        struct ike_sa keys = responder_keys(p);
        in->exchange = PLD_IKE_AUTH;
        sealed(p, &p->a, &keys, in, true, 1);
        break;
    }
    case REQUEST:
        up(p);
        sealed(p, &p->b, pair_sa(&p->a), in, false, v2_of(pair_sa(&p->a))->next_send);
        break;
    case RESPONSE:
        if (in->exchange & 0x80) {
            answers_for_worker(p, in);
            break;
        }
        up(p);
        answers(p, in);
        break;
    default:
        up(p);
        fragments(p, in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* ---- the worlds: ESP or AH; one child, or one for each of three workers beside it (RFC 9611) --------------------------- */
enum { PER_WORKER = 1, AH = 2, WORLDS = 4, WORKERS = 3 };

static struct cfg *conf(unsigned world, bool a)
{
    static const char proposal[] = " encryption aes-gcm-128\n prf sha256\n group 19\n";
    const char *ipsec = world & PER_WORKER ? " set security-association per-worker\n" : NULL;
    const char *transform = world & AH ? "ah-sha256-hmac" : NULL;
    return pair_cfg(&(struct pair_opt){.proposal_a = proposal,
                                       .proposal_b = proposal,
                                       .ipsec_a = ipsec,
                                       .ipsec_b = ipsec,
                                       .transform_a = transform,
                                       .transform_b = transform},
                    a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pair p;
    static struct cfg *a[WORLDS], *b[WORLDS]; /* parsed once: they never change */
    if (size < 3)
        return 0;
    const unsigned world = data[0] / WHAT_COUNT % WORLDS;
    if (!a[world]) {
        a[world] = conf(world, true);
        b[world] = conf(world, false);
    }
    struct input in = {.exchange = data[1], .first = data[2], .p = data + 3, .n = size - 3};
    pair_start_with(&p, a[world], b[world]);
    p.a.dp->workers = p.b.dp->workers = WORKERS;
    play(&p, data[0] % WHAT_COUNT, &in);
    pair_wait(&p, world & PER_WORKER ? 9000
                                     : 3000); /* the asked end sends on a worker's child after some seconds */
    p.a.cfg = p.b.cfg = NULL;
    pair_end(&p);
    return 0;
}
