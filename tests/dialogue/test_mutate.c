/* Hostile messages against engines with an established tunnel. Without keys: truncated, over-long, spliced and bit-flipped
 * datagrams of real exchanges change nothing at all. With keys: a peer whose inner payloads are mutated may spoil its own negotiations,
 * but never crashes the engine, leaks, installs a bad SA, or keeps a later tunnel from coming up. */
#include "tests/dialogue/mutate.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000, MUTATIONS = 10000, MAD_LIVES = 400 };

/* A life with every kind of exchange. */
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
    wire_run(w, 30000); /* DPD */
    if (!wire_both_up(w))
        abort();
    w->filter = NULL;
    return w;
}

static void mutants_without_keys_change_nothing(void)
{
    static const struct wire_conf confs[] = {
        {.profile = " dpd 10 2 periodic\n"},
        {.profile = " dpd 10 2 periodic\n", .ike = " encryption aes-cbc-128\n integrity sha1\n group 19\n"},
        {.profile = " dpd 10 2 periodic\n", .global = "crypto ikev2 fragmentation mtu 200\n"},
    };
    for (unsigned k = 0; k < sizeof confs / sizeof *confs; k++) {
        struct corpus *c = calloc(1, sizeof *c);
        uint8_t *buf = malloc(2 * MESSAGE_MAX);
        struct dice d = {k + 1};
        CU_ASSERT_FATAL(c && buf);
        struct wire *w = recorded(c, &confs[k]);
        CU_ASSERT(c->count >= 20);
        uint32_t spi = wire_child(w, A)->in.spi, conn[2] = {wire_sa(w, A)->conn_id, wire_sa(w, B)->conn_id};
        unsigned adds = w->side[A].dp->adds + w->side[B].dp->adds;
        for (unsigned i = 0; i < MUTATIONS; i++) {
            unsigned which = (unsigned)roll(&d, c->count);
            size_t len = c->m[which].len;
            memcpy(buf, c->m[which].data, len);
            mutate(&d, buf, &len, 2 * MESSAGE_MAX);
            fit_header(&d, buf, len);
            wire_inject(w, roll(&d, 8) ? c->m[which].to : c->m[which].to == A ? B : A, buf, len);
            if (i % 100 == 0) {
                wire_run(w, 100);
                wire_trace_clear(w);
                CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
            }
        }
        wire_run(w, 60000);
        CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, spi);
        CU_ASSERT_EQUAL(wire_sa(w, A)->conn_id, conn[A]);
        CU_ASSERT_EQUAL(wire_sa(w, B)->conn_id, conn[B]);
        CU_ASSERT_EQUAL(w->side[A].dp->adds + w->side[B].dp->adds, adds);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(wire_sas(w, A), 1); /* half-open ones of mutated first messages are gone */
        CU_ASSERT_EQUAL(wire_sas(w, B), 1);
        const struct ike_counters *n = ike_counters(w->side[B].ike);
        /* every mutant is counted under what was wrong with it */
        uint64_t named = n->bad_header + n->bad_payload + n->bad_version + n->unknown_spi +
                         n->bad_message_id + n->auth_failed_icv + n->unexpected_exchange +
                         n->critical_payload + n->fragments_bad;
        CU_ASSERT(named > MUTATIONS / 4);
        wire_free(w);
        free(buf);
        free(c);
    }
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
        *first = (uint8_t)roll(&m->d, 60);
    mutate(&m->d, plain, len, cap);
}

static bool mad(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct madness *m = ctx;
    if (roll(&m->d, 100) < m->percent)
        (void)wire_reseal(w, p, change, m);
    return true;
}

static void mad_life(uint64_t seed, unsigned *changed)
{
    static const struct wire_conf confs[] = {
        {.profile = " dpd 10 2 periodic\n"},
        {.profile = " dpd 10 2 periodic\n", .ipsec = " set pfs group19\n"},
        {.profile = " dpd 10 2 periodic\n",
         .ike = " encryption aes-cbc-128\n integrity sha256\n group 19\n",
         .transform = "esp-aes esp-sha256-hmac"},
    };
    char err[SEL_TEXT_MAX];
    const struct wire_conf *conf = &confs[seed % 3];
    struct wire *w = wire_new(seed, conf, conf);
    struct madness m = {.d = {seed * 77 + 1}, .percent = 40};
    w->filter = mad;
    w->filter_ctx = &m;
    wire_up(w, seed & 1 ? A : B);
    for (unsigned i = 0; i < 12; i++) {
        wire_run(w, 5000);
        (void)ike_rekey(w->side[roll(&m.d, 2)].ike, "Tunnel1", roll(&m.d, 3) == 0, err, sizeof err);
        wire_packet(w, A);
        if (roll(&m.d, 6) == 0 && wire_sa(w, A) && wire_child(w, A) && wire_sa(w, A)->established)
            (void)v2_delete_child(w->side[A].ike, wire_sa(w, A), wire_child(w, A));
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
    CU_ASSERT(wire_consistent(w, true));
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
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
    printf("%u sealed mutants ... ", changed);
    CU_ASSERT(only || changed > MUTATIONS / 2);
}

UNIT_MAIN("mutate", UNIT_TEST(mutants_without_keys_change_nothing),
          UNIT_TEST(mutants_with_keys_do_no_lasting_harm))
