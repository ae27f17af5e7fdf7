/* bench offload: what drivers' capabilities are read as, and the figures that follow from what was measured. */
#include "dataplane/dp_offload_caps.h"
#include "dataplane/dp_offload_glance.h"
#include "dataplane/dp_offload_loop.h"
#include "dataplane/dp_offload_option.h"
#include "dataplane/dp_offload_report.h"
#include "tests/unit/unit.h"

#include <getopt.h>
#include <rte_cryptodev.h>
#include <rte_security.h>
#include <string.h>

/* ---- capabilities ------------------------------------------------------------------------------------------------------ */
static const struct rte_cryptodev_capabilities gcm = {.op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
                                                      .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_AEAD,
                                                              .aead = {.algo = RTE_CRYPTO_AEAD_AES_GCM,
                                                                       .key_size = {16, 32, 8},
                                                                       .digest_size = {8, 16, 4},
                                                                       .aad_size = {0, 240, 1},
                                                                       .iv_size = {12, 12, 0}}}};
static const struct rte_cryptodev_capabilities cbc = {
    .op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
    .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_CIPHER,
            .cipher = {.algo = RTE_CRYPTO_CIPHER_AES_CBC, .key_size = {16, 24, 8}, .iv_size = {16, 16, 0}}}};
static const struct rte_cryptodev_capabilities sha = {
    .op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
    .sym = {
        .xform_type = RTE_CRYPTO_SYM_XFORM_AUTH,
        .auth = {.algo = RTE_CRYPTO_AUTH_SHA256_HMAC, .key_size = {1, 64, 1}, .digest_size = {16, 32, 4}}}};
static const struct rte_cryptodev_capabilities unnamed = {
    .op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
    .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_AEAD, .aead = {.algo = 9999}}};
static const struct rte_cryptodev_capabilities other_op = {.op = RTE_CRYPTO_OP_TYPE_ASYMMETRIC};
static const struct rte_cryptodev_capabilities other_xform = {
    .op = RTE_CRYPTO_OP_TYPE_SYMMETRIC, .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_NOT_SPECIFIED}};
static const struct rte_cryptodev_capabilities end = {.op = RTE_CRYPTO_OP_TYPE_UNDEFINED};

static bool range_is(const struct offload_range *r, unsigned min, unsigned max, unsigned step)
{
    return r->min == min && r->max == max && r->step == step;
}

static void algorithms_are_read_with_their_ranges_and_strangers_left_out(void)
{
    const struct rte_cryptodev_capabilities list[] = {other_op,    gcm, unnamed, cbc,
                                                      other_xform, sha, end,     gcm};
    static struct offload_device d;
    memset(&d, 0, sizeof d);
    dp_offload_caps_algorithms(&d, list);
    CU_ASSERT_EQUAL_FATAL(d.alg_count, 3);
    CU_ASSERT_STRING_EQUAL(d.algs[0].name, "aes-gcm");
    CU_ASSERT_STRING_EQUAL(d.algs[0].kind, "aead");
    CU_ASSERT(range_is(&d.algs[0].key, 16, 32, 8) && range_is(&d.algs[0].iv, 12, 12, 0));
    CU_ASSERT(range_is(&d.algs[0].digest, 8, 16, 4) && range_is(&d.algs[0].aad, 0, 240, 1));
    CU_ASSERT_STRING_EQUAL(d.algs[1].name, "aes-cbc");
    CU_ASSERT_STRING_EQUAL(d.algs[1].kind, "cipher");
    CU_ASSERT(range_is(&d.algs[1].key, 16, 24, 8) && range_is(&d.algs[1].iv, 16, 16, 0));
    CU_ASSERT(range_is(&d.algs[1].digest, 0, 0, 0));
    CU_ASSERT_STRING_EQUAL(d.algs[2].name, "sha2-256-hmac");
    CU_ASSERT_STRING_EQUAL(d.algs[2].kind, "auth");
    CU_ASSERT(range_is(&d.algs[2].key, 1, 64, 1) && range_is(&d.algs[2].digest, 16, 32, 4));
    dp_offload_caps_algorithms(&d, NULL);
    CU_ASSERT_EQUAL(d.alg_count, 3);
}

static void more_algorithms_than_there_is_room_for_do_no_harm(void)
{
    static struct rte_cryptodev_capabilities list[OFFLOAD_ALGS + 20];
    static struct offload_device d;
    memset(&d, 0, sizeof d);
    for (unsigned i = 0; i < OFFLOAD_ALGS + 19; i++)
        list[i] = i & 1 ? gcm : sha;
    list[OFFLOAD_ALGS + 19] = end;
    dp_offload_caps_algorithms(&d, list);
    CU_ASSERT_EQUAL(d.alg_count, OFFLOAD_ALGS);
    CU_ASSERT_EQUAL(d.ipsec_count, 0);
}

static void ipsec_lines_are_read_and_other_protocols_left_out(void)
{
    const struct rte_cryptodev_capabilities inner[] = {gcm, unnamed, cbc, sha, end};
    const struct rte_security_capability list[] = {
        {.action = RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO,
         .protocol = RTE_SECURITY_PROTOCOL_IPSEC,
         .ipsec = {.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP,
                   .mode = RTE_SECURITY_IPSEC_SA_MODE_TUNNEL,
                   .direction = RTE_SECURITY_IPSEC_SA_DIR_EGRESS,
                   .options = {.esn = 1, .udp_encap = 1, .copy_dscp = 1, .iv_gen_disable = 1},
                   .replay_win_sz_max = 0},
         .crypto_capabilities = inner},
        {.action = RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL, .protocol = RTE_SECURITY_PROTOCOL_DOCSIS},
        {.action = RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL,
         .protocol = RTE_SECURITY_PROTOCOL_IPSEC,
         .ipsec = {.proto = RTE_SECURITY_IPSEC_SA_PROTO_AH,
                   .mode = RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT,
                   .direction = RTE_SECURITY_IPSEC_SA_DIR_INGRESS,
                   .replay_win_sz_max = 1024}},
        {.action = (enum rte_security_session_action_type)77, .protocol = RTE_SECURITY_PROTOCOL_IPSEC},
        {.action = RTE_SECURITY_ACTION_TYPE_NONE},
        {.action = RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL, .protocol = RTE_SECURITY_PROTOCOL_IPSEC}};
    static struct offload_device d;
    memset(&d, 0, sizeof d);
    dp_offload_caps_ipsec(&d, list);
    CU_ASSERT_EQUAL_FATAL(d.ipsec_count, 3);
    const struct offload_ipsec *l = d.ipsec;
    CU_ASSERT_STRING_EQUAL(l->action, "inline-crypto");
    CU_ASSERT_STRING_EQUAL(l->protocol, "esp");
    CU_ASSERT_STRING_EQUAL(l->mode, "tunnel");
    CU_ASSERT_STRING_EQUAL(l->direction, "egress");
    CU_ASSERT(l->esn && l->udp_encap && l->replay_window_max == 0);
    CU_ASSERT_STRING_EQUAL(l->options, "copy-dscp own-iv");
    char words[OFFLOAD_ALG_WORDS];
    dp_offload_ipsec_algorithms(l, words); /* a NIC of 128 bits alone must not read as one of 256 */
    CU_ASSERT_STRING_EQUAL(words,
                           "aes-gcm (key 16-32/8, digest 8-16/4), aes-cbc (key 16-24/8), sha2-256-hmac "
                           "(key 1-64/1, digest 16-32/4)");
    CU_ASSERT(range_is(&l->algs[0].key, 16, 32, 8));
    CU_ASSERT_STRING_EQUAL(l[1].action, "lookaside-protocol");
    CU_ASSERT_STRING_EQUAL(l[1].protocol, "ah");
    CU_ASSERT_STRING_EQUAL(l[1].mode, "transport");
    CU_ASSERT_STRING_EQUAL(l[1].direction, "ingress");
    CU_ASSERT(!l[1].esn && !l[1].udp_encap && l[1].replay_window_max == 1024);
    CU_ASSERT_EQUAL(l[1].alg_count, 0);
    dp_offload_ipsec_algorithms(&l[1], words);
    CU_ASSERT_STRING_EQUAL(words, "no algorithms");
    CU_ASSERT_STRING_EQUAL(l[2].action, "unknown");
}

static void more_ipsec_lines_and_words_than_there_is_room_for_do_no_harm(void)
{
    static struct rte_security_capability list[OFFLOAD_IPSEC + 5];
    static struct rte_cryptodev_capabilities many[100];
    static struct offload_device d;
    memset(&d, 0, sizeof d);
    for (unsigned i = 0; i < 99; i++)
        many[i] = sha;
    for (unsigned i = 0; i < OFFLOAD_IPSEC + 4; i++)
        list[i] = (struct rte_security_capability){.action = RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO,
                                                   .protocol = RTE_SECURITY_PROTOCOL_IPSEC,
                                                   .crypto_capabilities = many};
    dp_offload_caps_ipsec(&d, list);
    CU_ASSERT_EQUAL(d.ipsec_count, OFFLOAD_IPSEC);
    CU_ASSERT_EQUAL(d.ipsec[OFFLOAD_IPSEC - 1].alg_count, OFFLOAD_IPSEC_ALGS);
    char words[OFFLOAD_ALG_WORDS];
    dp_offload_ipsec_algorithms(&d.ipsec[0], words);
    CU_ASSERT(strlen(words) < sizeof words);
}

static void inline_is_never_measured_and_says_why(void)
{
    static struct offload_report all;
    struct offload_engine *e = &all.engines[0];
    memset(&all, 0, sizeof all);
    strcpy(e->word, "inline");
    CU_ASSERT_TRUE(dp_offload_caps_inline(&all, e));
    CU_ASSERT_STRING_EQUAL(e->why, "no port with rte_security");
    all.device_count = 2;
    strcpy(all.devices[0].name, "0000:1a:01.0"); /* a crypto device's rte_security is not inline */
    all.devices[0].security = true;
    all.devices[0].ipsec_count = 1;
    strcpy(all.devices[1].name, "0000:03:00.0");
    all.devices[1].is_port = true;
    CU_ASSERT_TRUE(dp_offload_caps_inline(&all, e));
    CU_ASSERT_STRING_EQUAL(e->why, "no port with rte_security");
    all.devices[1].security = true;
    all.devices[1].ipsec_count = 4;
    CU_ASSERT_TRUE(dp_offload_caps_inline(&all, e));
    CU_ASSERT_PTR_NOT_NULL(strstr(e->why, "what 0000:03:00.0 does shows on its wire alone"));
    strcpy(e->word, "ipsec-mb");
    CU_ASSERT_FALSE(dp_offload_caps_inline(&all, e));
}

/* ---- figures ------------------------------------------------------------------------------------------------------------ */
static struct offload_report r;
static struct offload_engine *const it = &r.engines[0];

static void sizes_are(const unsigned *sizes, unsigned count)
{
    memset(&r, 0, sizeof r);
    r.engine_count = 2;
    r.plan.transform_count = 1;
    r.plan.size_count = count;
    memcpy(r.plan.sizes, sizes, count * sizeof *sizes);
    strcpy(it->word, "cryptodev x");
    strcpy(r.engines[1].word, "ipsec-mb");
}

static void row(unsigned z, unsigned depth, double cycles, double mb)
{
    it->rows[0][BENCH_ENCAP][z][depth] = (struct offload_row){.done = true, .cycles = cycles, .mb = mb};
}

static const char *crossover(void)
{
    static char out[24];
    dp_offload_crossover(&r, it, 0, BENCH_ENCAP, out);
    return out;
}

/* Straight lines of (cycles - 0.97 of ipsec-mb's): +50 at 500, -150 at 1300: nothing between them at 700. */
static void the_crossover_is_where_straight_lines_between_sizes_meet(void)
{
    static const unsigned sizes[] = {1300, 64, BENCH_IMIX,
                                     500}; /* in any order; IMIX has no place on the axis */
    sizes_are(sizes, 4);
    row(1, 2, 200, 100);
    row(3, 2, 535, 500);
    row(0, 2, 820, 1000);
    row(2, 2, 1, 1000);
    CU_ASSERT_STRING_EQUAL(crossover(), "about 700");
    row(0, 4, 385, 1000); /* a depth with fewer cycles counts: -585 at 1300 */
    CU_ASSERT_STRING_EQUAL(crossover(), "about 563");
    row(0, 4, 2000, 1000); /* one with more does not */
    CU_ASSERT_STRING_EQUAL(crossover(), "about 700");
}

static void the_crossover_is_every_size_or_none_where_lines_do_not_meet(void)
{
    static const unsigned sizes[] = {64, 512, 1420};
    sizes_are(sizes, 3);
    for (unsigned z = 0; z < 3; z++)
        row(z, 2, 50, 100);
    CU_ASSERT_STRING_EQUAL(crossover(), "every size");
    row(2, 2, 98, 100); /* under 3 % is none */
    CU_ASSERT_STRING_EQUAL(crossover(), "none");
    row(2, 2, 96.9, 100);
    CU_ASSERT_STRING_EQUAL(crossover(), "every size");
    row(0, 2, 500, 100); /* small packets lose */
    CU_ASSERT_EQUAL(strncmp(crossover(), "about ", 6), 0);
    row(2, 2, 300, 100); /* faster in the middle alone: not from any size on */
    CU_ASSERT_STRING_EQUAL(crossover(), "none");
    strcpy(it->word, "ipsec-mb");
    CU_ASSERT_STRING_EQUAL(crossover(), "itself");
    sizes_are(sizes, 3); /* nothing was measured */
    CU_ASSERT_STRING_EQUAL(crossover(), "none");
    static const unsigned imix[] = {BENCH_IMIX};
    sizes_are(imix, 1);
    row(0, 2, 50, 100);
    CU_ASSERT_STRING_EQUAL(crossover(), "none");
}

static void the_best_depth_has_the_fewest_cycles(void)
{
    static const unsigned sizes[] = {64};
    unsigned depth = 99;
    sizes_are(sizes, 1);
    CU_ASSERT_PTR_NULL(dp_offload_best(it, 0, BENCH_ENCAP, 0, &depth));
    row(0, 0, 300, 100);
    row(0, 3, 200, 100);
    row(0, 5, 250, 100);
    CU_ASSERT_EQUAL(dp_offload_best(it, 0, BENCH_ENCAP, 0, &depth)->cycles, 200);
    CU_ASSERT_EQUAL(depth, 3);
    CU_ASSERT_EQUAL(dp_offload_octets(1420), 1420);
    CU_ASSERT(dp_offload_octets(BENCH_IMIX) > 300 && dp_offload_octets(BENCH_IMIX) < 420);
}

/* ---- the loop ------------------------------------------------------------------------------------------------------------ */
static void loop_row(unsigned engine, unsigned d, unsigned z, double mpps, double mb)
{
    r.engines[engine].loop[0][d][z] = (struct offload_loop){.done = true, .mpps = mpps, .mb = mb};
}

/* The engine's process had half of the processor that ipsec-mb's had: the bare calls tell. */
static void loops_are_compared_by_their_shares_of_the_bare_call(void)
{
    static const unsigned sizes[] = {1420, BENCH_IMIX, 64};
    double ratio;
    sizes_are(sizes, 3);
    memcpy(r.plan.loop_sizes, sizes, sizeof sizes);
    r.plan.loop_size_count = 3;
    CU_ASSERT_EQUAL(dp_offload_size_end(sizes, 3, true), 0);
    CU_ASSERT_EQUAL(dp_offload_size_end(sizes, 3, false), 2);
    CU_ASSERT_EQUAL(dp_offload_size_end(sizes + 1, 1, true), 1); /* there is none */
    CU_ASSERT_PTR_NULL(dp_offload_loop_best(&r, 0, 0, &ratio));
    loop_row(0, BENCH_ENCAP, 0, 3, 5);
    CU_ASSERT_EQUAL(dp_offload_loop_ratio(&r, it, 0, BENCH_ENCAP, 0), 0); /* without ipsec-mb's */
    loop_row(1, BENCH_ENCAP, 0, 4, 10);
    CU_ASSERT_DOUBLE_EQUAL(dp_offload_loop_ratio(&r, it, 0, BENCH_ENCAP, 0), 1.5, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(dp_offload_loop_ratio(&r, &r.engines[1], 0, BENCH_ENCAP, 0), 1, 1e-9);
    CU_ASSERT_PTR_EQUAL(dp_offload_loop_best(&r, 0, 0, &ratio), it);
    CU_ASSERT_DOUBLE_EQUAL(ratio, 1.5, 1e-9);
    loop_row(0, BENCH_DECAP, 0, 1, 10); /* a gateway does both: the lower counts */
    loop_row(1, BENCH_DECAP, 0, 4, 10);
    CU_ASSERT_PTR_EQUAL(dp_offload_loop_best(&r, 0, 0, &ratio), &r.engines[1]);
    CU_ASSERT_DOUBLE_EQUAL(ratio, 1, 1e-9);
}

/* ---- noise --------------------------------------------------------------------------------------------------------------- */
static void what_is_within_the_noise_of_the_run_is_no_gain(void)
{
    static const unsigned sizes[] = {64, 1420};
    static char page[1 << 16];
    sizes_are(sizes, 2);
    CU_ASSERT_DOUBLE_EQUAL(dp_offload_noise(&r, 0, false), OFFLOAD_SAME, 1e-9);
    for (unsigned z = 0; z < 2; z++)
        row(z, 2, 90, 100);
    CU_ASSERT_STRING_EQUAL(crossover(), "every size");
    /* ipsec-mb took 12 % less, and at another size 20 % more, than itself. */
    r.engines[1].rows[0][BENCH_DECAP][0][2] = (struct offload_row){.done = true, .cycles = 100, .mb = 112};
    CU_ASSERT_DOUBLE_EQUAL(dp_offload_noise(&r, 0, false), 0.12, 1e-9);
    CU_ASSERT_STRING_EQUAL(crossover(), "none");
    r.engines[1].rows[0][BENCH_ENCAP][1][2] = (struct offload_row){.done = true, .cycles = 100, .mb = 80};
    CU_ASSERT_DOUBLE_EQUAL(dp_offload_noise(&r, 0, false), 0.2, 1e-9);
    /* In the loop: the last against the first, by their shares. */
    memcpy(r.plan.loop_sizes, sizes, sizeof sizes);
    r.plan.loop_size_count = 2;
    CU_ASSERT_DOUBLE_EQUAL(dp_offload_noise(&r, 0, true), OFFLOAD_SAME, 1e-9);
    static const struct bench_transform named = {.name = "esp-gcm-128"};
    r.plan.transforms[0] = &named;
    it->took[0] = it->ran = true;
    for (unsigned c = 0; c < 4; c++) {
        loop_row(0, c / 2, c % 2, 5.5, 10);
        loop_row(1, c / 2, c % 2, 5, 10);
        r.again.loop[0][c / 2][c % 2] =
            (struct offload_loop){.done = true, .mpps = c == 3 ? 2.8 : 2.5, .mb = 5};
    }
    CU_ASSERT_DOUBLE_EQUAL(dp_offload_noise(&r, 0, true), 0.12, 1e-9);
    for (unsigned faster = 0; faster < 2; faster++) { /* by 10 % within 12 %, then by 20 % */
        for (unsigned c = 0; faster && c < 4; c++)
            loop_row(0, c / 2, c % 2, 6, 10);
        memset(page, 0, sizeof page);
        FILE *f = fmemopen(page, sizeof page - 1, "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        dp_offload_glance(f, &r);
        fclose(f);
        CU_ASSERT_EQUAL(strstr(page, "<b>cryptodev x</b> does 1.20 times") != NULL, faster == 1);
        CU_ASSERT_EQUAL(strstr(page, "faster than ipsec-mb by more than the noise of this run (12.0 %)") !=
                            NULL,
                        faster == 0);
        CU_ASSERT_EQUAL(strstr(page, "<td class=\"good\">1.20") != NULL, faster == 1);
        CU_ASSERT_PTR_NULL(strstr(page, "<td class=\"good\">1.10"));
    }
}

/* ---- options --------------------------------------------------------------------------------------------------------------- */
static int read_two(const char *option, const char *text)
{
    static char a[32], b[64];
    snprintf(a, sizeof a, "%s", option);
    snprintf(b, sizeof b, "%s", text);
    char *argv[] = {"--bench-offload", a, b, NULL};
    memset(&r, 0, sizeof r);
    optind = 0; /* getopt starts anew */
    return dp_offload_options(3, argv, &r);
}

static void the_loop_has_sizes_of_its_own(void)
{
    CU_ASSERT_EQUAL(read_two("--rounds", "3"), 0);
    CU_ASSERT(r.plan.loop_size_count == 4 && r.plan.loop_sizes[3] == BENCH_IMIX && r.plan.size_count == 7);
    CU_ASSERT_EQUAL(read_two("--loop", "none"), 0);
    CU_ASSERT_EQUAL(r.plan.loop_size_count, 0);
    CU_ASSERT_EQUAL(read_two("--loop", "imix,100"), 0);
    CU_ASSERT(r.plan.loop_size_count == 2 && r.plan.loop_sizes[0] == BENCH_IMIX &&
              r.plan.loop_sizes[1] == 100);
    CU_ASSERT_EQUAL(read_two("--loop", "9000"), 2);
    CU_ASSERT_EQUAL(read_two("--loop", ""), 2);
}

UNIT_MAIN("offload report", UNIT_TEST(algorithms_are_read_with_their_ranges_and_strangers_left_out),
          UNIT_TEST(more_algorithms_than_there_is_room_for_do_no_harm),
          UNIT_TEST(inline_is_never_measured_and_says_why),
          UNIT_TEST(ipsec_lines_are_read_and_other_protocols_left_out),
          UNIT_TEST(more_ipsec_lines_and_words_than_there_is_room_for_do_no_harm),
          UNIT_TEST(the_crossover_is_where_straight_lines_between_sizes_meet),
          UNIT_TEST(the_crossover_is_every_size_or_none_where_lines_do_not_meet),
          UNIT_TEST(the_best_depth_has_the_fewest_cycles),
          UNIT_TEST(loops_are_compared_by_their_shares_of_the_bare_call),
          UNIT_TEST(what_is_within_the_noise_of_the_run_is_no_gain), UNIT_TEST(the_loop_has_sizes_of_its_own))
