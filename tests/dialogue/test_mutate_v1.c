/* Hostile messages of IKEv1. Every truncation and every changed octet of every message of Main, Aggressive and Quick Mode and of Informational exchanges:
 * instead of the message while a tunnel comes up, and against an established one, where they change nothing. And a peer with keys that
 * has gone mad: it may spoil its own negotiations, but crashes nothing, leaks nothing, installs nothing bad, and a later tunnel comes up. */
#include "tests/dialogue/life_v1.h"
#include "tests/dialogue/mutate.h"
#include "tests/unit/unit.h"

enum { MUTATIONS = 10000, MAD_LIVES = 300, STRIDE = 7 };

static const struct wire_conf main_mode = {.ikev1 = true,
                                           .global = "crypto isakmp keepalive 10 2 periodic\n"},
                              aggressive = {.ikev1 = true,
                                            .profile = " initiate mode aggressive\n",
                                            .global = "crypto isakmp keepalive 10 2 periodic\n",
                                            .ipsec = " set pfs group19\n"},
                              old_ciphers = {.ikev1 = true,
                                             .ike = " encr 3des\n hash md5\n group 19\n",
                                             .global = "crypto isakmp keepalive 10 2 periodic\n"
                                                       "crypto isakmp fragmentation\n"};

/* ---- afterwards ------------------------------------------------------------------------------------------------------ */
/* A life with every kind of exchange; the tunnel stays up. */
static struct wire *recorded(struct corpus *c, const struct wire_conf *conf)
{
    char err[SEL_TEXT_MAX];
    struct wire *w = wire_new(1, conf, conf);
    w->filter = keep_all;
    w->filter_ctx = c;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    for (unsigned i = 0; i < 4; i++) {
        ike_rekey(w->side[i & 1].ike, "Tunnel1", i >> 1, err, sizeof err);
        wire_run(w, 10000);
    }
    wire_run(w, REPLACED_MS);
    if (!wire_both_up(w))
        abort();
    w->filter = NULL;
    return w;
}

struct before {
    uint32_t spi[2], conn[2];
    unsigned adds[2];
};

static struct before remember(struct wire *w)
{
    struct before b = {.spi = {wire_child(w, A)->in.spi, wire_child(w, B)->in.spi},
                       .conn = {wire_sa(w, A)->conn_id, wire_sa(w, B)->conn_id},
                       .adds = {w->side[A].dp->adds, w->side[B].dp->adds}};
    return b;
}

static void unharmed(struct wire *w, const struct before *b)
{
    for (enum wire_end end = A; end <= B; end++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(wire_child(w, end));
        CU_ASSERT_PTR_NOT_NULL_FATAL(wire_sa(w, end));
        CU_ASSERT_EQUAL(wire_child(w, end)->in.spi, b->spi[end]);
        CU_ASSERT_EQUAL(wire_sa(w, end)->conn_id, b->conn[end]);
        CU_ASSERT_EQUAL(w->side[end].dp->adds, b->adds[end]);
    }
    CU_ASSERT(wire_both_up(w));
}

/* One of each 300 lets time pass; half-open SAs of changed first messages come and go. */
static void throw_at(struct wire *w, enum wire_end to, const uint8_t *data, size_t len, unsigned *thrown)
{
    wire_inject(w, to, data, len);
    if (++*thrown % 300 == 0) {
        wire_run(w, 100);
        wire_trace_clear(w);
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    }
    if (wire_sas(w, to) > 1200)
        CU_FAIL("half-open SAs without bounds");
}

static void every_truncation_and_octet_of_what_was_sent_changes_nothing(void)
{
    static const struct wire_conf *const confs[] = {&main_mode, &aggressive, &old_ciphers};
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    for (unsigned k = 0; k < sizeof confs / sizeof *confs; k++) {
        struct corpus *c = calloc(1, sizeof *c);
        uint8_t *buf = malloc(MESSAGE_MAX);
        unsigned thrown = 0;
        CU_ASSERT_FATAL(c && buf);
        struct wire *w = recorded(c, confs[k]);
        CU_ASSERT(c->count >= 30);
        wire_run(w, 5000);
        struct before b = remember(w);
        for (unsigned i = 0; i < c->count; i++) {
            for (size_t n = 0; n < c->m[i].len; n++)
                throw_at(w, c->m[i].to, c->m[i].data, n, &thrown);
            for (size_t at = 0; at < c->m[i].len; at++)
                for (unsigned f = 0; f < sizeof flips; f++) {
                    memcpy(buf, c->m[i].data, c->m[i].len);
                    buf[at] ^= flips[f];
                    throw_at(w, c->m[i].to, buf, c->m[i].len, &thrown);
                }
            throw_at(w, c->m[i].to, c->m[i].data, c->m[i].len, &thrown);     /* and as it was */
            throw_at(w, c->m[i].to ^ 1, c->m[i].data, c->m[i].len, &thrown); /* and to who sent it */
        }
        wire_run(w, 60000); /* not so long that a rekey is due */
        unharmed(w, &b);
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        CU_ASSERT_EQUAL(wire_sas(w, B), 1);
        printf("%u ... ", thrown);
        wire_free(w);
        free(buf);
        free(c);
    }
}

static void mutants_without_keys_change_nothing(void)
{
    static const struct wire_conf *const confs[] = {&main_mode, &aggressive, &old_ciphers};
    for (unsigned k = 0; k < sizeof confs / sizeof *confs; k++) {
        struct corpus *c = calloc(1, sizeof *c);
        uint8_t *buf = malloc(2 * MESSAGE_MAX);
        struct dice d = {k + 1};
        unsigned thrown = 0;
        CU_ASSERT_FATAL(c && buf);
        struct wire *w = recorded(c, confs[k]);
        struct before b = remember(w);
        for (unsigned i = 0; i < MUTATIONS; i++) {
            unsigned which = (unsigned)roll(&d, c->count);
            size_t len = c->m[which].len;
            memcpy(buf, c->m[which].data, len);
            mutate(&d, buf, &len, 2 * MESSAGE_MAX);
            fit_header(&d, buf, len);
            throw_at(w, roll(&d, 8) ? c->m[which].to : c->m[which].to ^ 1, buf, len, &thrown);
        }
        wire_run(w, 60000);
        unharmed(w, &b);
        const struct ike_counters *n = ike_counters(w->side[B].ike);
        uint64_t named = n->bad_header + n->bad_payload + n->bad_version + n->unknown_spi +
                         n->bad_message_id + n->auth_failed_icv + n->unexpected_exchange + n->fragments_bad;
        CU_ASSERT(named > MUTATIONS / 4);
        wire_free(w);
        free(buf);
        free(c);
    }
}

/* ---- on the way up ---------------------------------------------------------------------------------------------------- */
struct spoiler {
    unsigned nth, seen; /* the nth datagram of the life, from 1 */
    size_t at;          /* octet to be changed, or the new length */
    bool cut, done;
    size_t len; /* of that datagram */
};

static bool spoil(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct spoiler *s = ctx;
    (void)w;
    if (++s->seen != s->nth)
        return true;
    s->len = p->len;
    s->done = s->at < p->len;
    if (s->done && s->cut)
        p->len = s->at;
    else if (s->done)
        p->data[s->at] ^= 0x41;
    return true;
}

/* True when there is such an octet. */
static bool comes_up_in_spite(const struct wire_conf *conf, struct spoiler *s)
{
    struct wire *w = wire_new(s->nth, conf, conf);
    w->filter = spoil;
    w->filter_ctx = s;
    wire_up(w, A);
    bool up = false;
    for (unsigned i = 0; i < 60 && !up;
         i++) { /* what is spoiled beyond repair is given up, and the next one comes up */
        wire_run(w, 5000);
        bool there = wire_packet(w, A), back = wire_packet(w, B);
        up = there && back;
    }
    if (!up)
        fprintf(stderr, "datagram %u, octet %zu %s\n", s->nth, s->at, s->cut ? "cut" : "changed");
    CU_ASSERT(up && wire_both_up(w));
    wire_free(w);
    return s->done;
}

static void every_octet_of_a_message_on_the_way_up_may_be_spoiled_once(void)
{
    static const struct wire_conf *const confs[] = {&main_mode, &aggressive};
    const char *more =
        getenv("WIRE_RUNS"); /* any: each octet; the suite: each seventh of a different start */
    unsigned lives = 0;
    for (unsigned k = 0; k < 2; k++)
        for (unsigned nth = 1; nth <= (k ? 6 : 9); nth++)
            for (unsigned cut = 0; cut < 2; cut++)
                for (size_t at = more ? 0 : nth % STRIDE;; at += more ? 1 : STRIDE) {
                    struct spoiler s = {.nth = nth, .at = at, .cut = cut};
                    if (!comes_up_in_spite(confs[k], &s))
                        break;
                    lives++;
                }
    printf("%u lives ... ", lives);
    CU_ASSERT(lives > 300);
}

/* ---- with keys ------------------------------------------------------------------------------------------------------------ */
struct madness {
    struct dice d;
    unsigned percent, changed;
};

static void change(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    struct madness *m = ctx;
    m->changed++;
    if (roll(&m->d, 20) == 0)
        *first = (uint8_t)roll(&m->d, 160);
    mutate(&m->d, plain, len, cap);
}

/* What is in the clear is mutated as it is; the rest under the sender's keys. */
static bool mad(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct madness *m = ctx;
    if (roll(&m->d, 100) >= m->percent)
        return true;
    if (!wire_reseal1(w, p, change, m) && p->len > PLD_HEADER_LEN && !(p->data[19] & PLD1_FLAG_ENCRYPTION)) {
        uint8_t *room = malloc(2 * p->len);
        if (!room)
            abort();
        memcpy(room, p->data, p->len);
        free(p->data);
        p->data = room;
        size_t len = p->len - PLD_HEADER_LEN;
        mutate(&m->d, room + PLD_HEADER_LEN, &len, 2 * p->len - PLD_HEADER_LEN);
        p->len = len + PLD_HEADER_LEN;
        fit_header(&m->d, room, p->len);
        m->changed++;
    }
    return true;
}

static void mad_life(uint64_t seed, unsigned *changed)
{
    static const struct wire_conf *const confs[] = {&main_mode, &aggressive, &old_ciphers};
    char err[SEL_TEXT_MAX];
    const struct wire_conf *conf = confs[seed % 3];
    struct wire *w = wire_new(seed, conf, conf);
    struct madness m = {.d = {seed * 77 + 1}, .percent = 30};
    w->filter_ctx = &m;
    if (seed % 4) { /* some are mad from the beginning */
        wire_up(w, seed & 1 ? A : B);
        wire_run(w, SETTLE_MS);
    }
    w->filter = mad;
    wire_up(w, seed & 1 ? A : B);
    for (unsigned i = 0; i < 12; i++) {
        wire_run(w, 15000);
        (void)ike_rekey(w->side[roll(&m.d, 2)].ike, "Tunnel1", roll(&m.d, 3) == 0, err, sizeof err);
        wire_packet(w, A);
        if (roll(&m.d, 6) == 0 && wire_sa(w, A) && wire_child(w, A) && wire_sa(w, A)->established)
            (void)v1_delete_child(w->side[A].ike, wire_sa(w, A), wire_child(w, A));
        wire_trace_clear(w);
    }
    *changed += m.changed;
    CU_ASSERT_STRING_EQUAL(w->side[A].dp->violation, "");
    CU_ASSERT_STRING_EQUAL(w->side[B].dp->violation, "");
    /* The madness ends: what it left is cleared, and a new tunnel is as good as ever. */
    w->filter = NULL;
    ike_down(w->side[A].ike, "Tunnel1", err, sizeof err);
    ike_down(w->side[B].ike, "Tunnel1", err, sizeof err);
    wire_run(w, 400000);
    wire_up(w, A);
    wire_run(w, 10000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_consistent(w, false));
    wire_free(w);
}

static void mutants_with_keys_do_no_lasting_harm(void)
{
    unsigned changed = 0;
    const char *only = getenv("WIRE_SEED");
    const char *more = getenv("WIRE_RUNS");
    uint64_t first = only ? strtoull(only, NULL, 10) : 0;
    uint64_t lives = only ? 1 : more ? strtoull(more, NULL, 10) : MAD_LIVES;
    for (uint64_t seed = first; seed < first + lives; seed++)
        mad_life(seed, &changed);
    printf("%u mutants ... ", changed);
    CU_ASSERT(only || changed > 10 * lives);
}

UNIT_MAIN("mutate-v1", UNIT_TEST(every_truncation_and_octet_of_what_was_sent_changes_nothing),
          UNIT_TEST(mutants_without_keys_change_nothing),
          UNIT_TEST(every_octet_of_a_message_on_the_way_up_may_be_spoiled_once),
          UNIT_TEST(mutants_with_keys_do_no_lasting_harm))
