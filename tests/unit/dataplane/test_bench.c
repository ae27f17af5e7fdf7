/* The benchmark's command line, and which SAs its packets have. */
#include "dataplane/dp_bench_limit.h"
#include "dataplane/dp_bench_option.h"
#include "dataplane/dp_bench_site.h"
#include "dataplane/dp_bench_store.h"
#include "dataplane/engine/eng_ipsecmb.h"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 200000, WORDS = 32 };

static int read_line(const char *line, struct bench_plan *p)
{
    static char text[256];
    char *argv[WORDS] = {"--bench"}, *save = NULL;
    int argc = 1;
    snprintf(text, sizeof text, "%s", line);
    for (char *w = strtok_r(text, " ", &save); w && argc < WORDS; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    optind = 0; /* getopt starts anew */
    return dp_bench_options(argc, argv, p);
}

static void options_default_to_one_sa_both_ways(void)
{
    struct bench_plan p;
    CU_ASSERT_EQUAL(read_line("", &p), 0);
    CU_ASSERT_TRUE(p.dirs[BENCH_ENCAP] && p.dirs[BENCH_DECAP] && !p.dirs[BENCH_BOTH]);
    CU_ASSERT_EQUAL(p.base.rounds, 7);
    CU_ASSERT_EQUAL(p.base.sas, 1);
    CU_ASSERT_EQUAL(p.base.window, 64);
    CU_ASSERT_EQUAL(p.base.isa, ENG_ISA_BEST);
    CU_ASSERT_EQUAL(p.size_count, 3);
}

static void options_are_taken(void)
{
    struct bench_plan p;
    CU_ASSERT_EQUAL(read_line("--sas 1000000 --distribution zipf:0.9 --direction both --ip 6 --outer 4 "
                              "--natt --esn --window 0 --rounds 99",
                              &p),
                    0);
    CU_ASSERT_TRUE(p.dirs[BENCH_ENCAP] && p.dirs[BENCH_DECAP] && p.dirs[BENCH_BOTH]);
    CU_ASSERT_EQUAL(p.base.sas, 1000000);
    CU_ASSERT_DOUBLE_EQUAL(p.base.zipf, 0.9, 1e-12);
    CU_ASSERT_TRUE(p.base.inner == IP_V6 && p.base.outer == IP_V4 && p.base.natt && p.base.esn);
    CU_ASSERT_EQUAL(p.base.window, 0);
    CU_ASSERT_EQUAL(p.base.rounds, 99);
    CU_ASSERT_EQUAL(read_line("--isa avx2 --engine vaes", &p), 0);
    CU_ASSERT_EQUAL(p.base.isa, ENG_ISA_AVX2);
    CU_ASSERT_EQUAL(read_line("--isa best --engine inline", &p), 0);
    CU_ASSERT_EQUAL(p.base.isa, ENG_ISA_BEST);
}

static const char *const aeads[] = {"gcm-128",  "gcm-192",  "gcm-256",          "gmac-128",
                                    "gmac-192", "gmac-256", "chacha20-poly1305"};
static const char *const ciphers[] = {"esp-aes-128-", "esp-aes-192-", "esp-aes-256-",
                                      "esp-3des-",    "esp-null-",    "ah-"};
static const char *const hashes[] = {"md5", "sha1", "sha256", "sha384", "sha512"};
enum { AEADS = 7, CIPHERS = 6, HASHES = 5 };

static const struct bench_transform *taken(const char *front, const char *back)
{
    char line[64];
    struct bench_plan p;
    snprintf(line, sizeof line, "--transform %s%s", front, back);
    CU_ASSERT_EQUAL_FATAL(read_line(line, &p), 0);
    return p.base.transform;
}

/* Of all that the engines have no one is missing and no one is there twice; AH has its own five. */
static void every_transform_has_a_name_and_a_limit(void)
{
    const struct bench_transform *t[AEADS + CIPHERS * HASHES];
    unsigned n = 0, queued = 0;
    for (unsigned i = 0; i < AEADS; i++)
        t[n++] = taken("esp-", aeads[i]);
    for (unsigned i = 0; i < CIPHERS * HASHES; i++)
        t[n++] = taken(ciphers[i / HASHES], hashes[i % HASHES]);
    for (unsigned i = 0; i < n; i++) {
        const char *kind = dp_bench_limit_kind(t[i]->encr, t[i]->integ);
        CU_ASSERT_TRUE(eng_ipsecmb.supports(t[i]->encr, t[i]->key_len, t[i]->integ));
        CU_ASSERT_EQUAL(strcmp(kind, "direct call") == 0, i < AEADS - 1);
        CU_ASSERT_EQUAL(strcmp(kind, "one job at a time") == 0, i == AEADS - 1);
        queued += strcmp(kind, "multi-buffer job queue, 64 at a time") == 0;
        CU_ASSERT_EQUAL(t[i]->proto, strncmp(t[i]->name, "ah-", 3) ? CV_PROTO_ESP : CV_PROTO_AH);
        for (unsigned k = 0; k < i; k++)
            CU_ASSERT_FALSE(t[k]->encr == t[i]->encr && t[k]->integ == t[i]->integ &&
                            t[k]->key_len == t[i]->key_len && t[k]->proto == t[i]->proto);
    }
    CU_ASSERT_EQUAL(queued, HASHES + CIPHERS - 1); /* 3DES with any, MD5 with any */
}

static void options_out_of_bounds_are_refused(void)
{
    static const char *const lines[] = {"--sas 0",
                                        "--path map --flows 0",
                                        "--path map --flows 64536",
                                        "--flows 2",
                                        "--sas 1000001",
                                        "--sas 18446744073709551617",
                                        "--sas -1",
                                        "--rounds 0",
                                        "--rounds 100",
                                        "--workers 5",
                                        "--window 63",
                                        "--window 65",
                                        "--distribution zipf:",
                                        "--distribution zipf:nan",
                                        "--sizes 27",
                                        "--sizes 64,,x",
                                        "--sizes 9001",
                                        "--seconds inf",
                                        "--ip 46",
                                        "--sas 3 --workers 2",
                                        "--path map --sas 101",
                                        "--path gre --inner 6",
                                        "--inner 6 --sizes 47",
                                        "--isa avx512",
                                        "--isa AVX2",
                                        "--engine inline --isa avx2",
                                        "extra"};
    struct bench_plan p;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        CU_ASSERT_EQUAL(read_line(lines[i], &p), 2);
    CU_ASSERT_EQUAL(read_line("--direction encap --sas 3 --workers 2", &p),
                    0); /* nobody owns an outbound SA */
}

static unsigned *drawn(unsigned n, double zipf)
{
    struct bench_draw d;
    unsigned *count = calloc(n, sizeof *count);
    CU_ASSERT_EQUAL_FATAL(dp_bench_draw_init(&d, n, zipf, 1), CV_OK);
    for (unsigned i = 0; i < DRAWS; i++) {
        const unsigned sa = dp_bench_draw(&d);
        CU_ASSERT_FATAL(sa < n);
        count[sa]++;
    }
    dp_bench_draw_fini(&d);
    return count;
}

static void uniform_draws_are_even(void)
{
    enum { N = 100 };
    unsigned *count = drawn(N, 0);
    for (unsigned i = 0; i < N; i++) /* 2000 expected, standard deviation 44.5 */
        CU_ASSERT(count[i] > 1750 && count[i] < 2250);
    free(count);
}

static int falling(const void *a, const void *b)
{
    const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x < y) - (x > y);
}

/* Rank r comes 1/r as often as the first: of 100 ranks the first takes 1/H(100) = 0.1928 of the draws. */
static void zipf_draws_follow_the_law(void)
{
    enum { N = 100 };
    unsigned *count = drawn(N, 1);
    qsort(count, N, sizeof *count, falling);
    CU_ASSERT_DOUBLE_EQUAL((double)count[0] / DRAWS, 0.1928, 0.005);
    CU_ASSERT_DOUBLE_EQUAL((double)count[1] / DRAWS, 0.1928 / 2, 0.005);
    CU_ASSERT_DOUBLE_EQUAL((double)count[9] / DRAWS, 0.1928 / 10, 0.003);
    CU_ASSERT(count[N - 1] > 0);
    free(count);
}

static void a_single_sa_is_always_drawn(void)
{
    unsigned *uniform = drawn(1, 0), *zipf = drawn(1, 1.5);
    CU_ASSERT_EQUAL(uniform[0], DRAWS);
    CU_ASSERT_EQUAL(zipf[0], DRAWS);
    free(uniform);
    free(zipf);
}

/* No two SAs of a million share an address, an SPI, or (4,000 and less) an interface. */
static void a_million_sas_are_apart(void)
{
    struct bench_plan p;
    struct cv_sa a, b;
    CU_ASSERT_EQUAL_FATAL(read_line("--sas 1000000", &p), 0);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        p.base.inner = v6 ? IP_V6 : IP_V4;
        for (unsigned i = 0; i + 1 < p.base.sas; i += 4099) {
            const struct ip_addr far = dp_bench_far_host(&p.base, i),
                                 next = dp_bench_far_host(&p.base, i + 1);
            dp_bench_sa(&p.base, i, CV_DIR_OUT, &a);
            dp_bench_sa(&p.base, i + 1, CV_DIR_OUT, &b);
            CU_ASSERT(ts_match(&a.ts_remote[0], &far, 17, 1) && !ts_match(&a.ts_remote[0], &next, 17, 1));
            CU_ASSERT(ts_match(&b.ts_remote[0], &next, 17, 1));
            CU_ASSERT(a.ref.spi != b.ref.spi && cv_spi_slot(a.ref.spi, dp_bench_index_bits(&p.base)) == i);
            CU_ASSERT(a.if_id > 0 && b.if_id < CV_MAX_IFS);
        }
    }
    p.base.sas = BENCH_OWN_IF;
    dp_bench_sa(&p.base, 0, CV_DIR_OUT, &a);
    dp_bench_sa(&p.base, 1, CV_DIR_OUT, &b);
    CU_ASSERT_NOT_EQUAL(a.if_id, b.if_id);
}

static void stores_hold_as_many_packets_as_sas_within_their_room(void)
{
    struct bench_plan p;
    CU_ASSERT_EQUAL_FATAL(read_line("--sas 100000", &p), 0);
    p.base.size = 64;
    CU_ASSERT_EQUAL(dp_bench_store_count(&p.base), 100000);
    p.base.sas = 1000000;
    p.base.size = 1420;
    const unsigned n = dp_bench_store_count(&p.base);
    CU_ASSERT(n > 500000 && (uint64_t)n * 1420 < BENCH_STORE_OCTETS);
    p.base.sas = 1;
    p.base.size = BENCH_IMIX;
    p.base.dir = BENCH_BOTH;
    CU_ASSERT_EQUAL(dp_bench_store_count(&p.base) % (12 * 64), 0);
}

int main(void)
{
    if (!freopen("/dev/null", "w", stderr)) /* what is said of wrong options */
        return 2;
    CU_initialize_registry();
    CU_pSuite s = CU_add_suite("bench", NULL, NULL);
#define ADD(name) CU_add_test(s, #name, name)
    ADD(options_default_to_one_sa_both_ways);
    ADD(options_are_taken);
    ADD(every_transform_has_a_name_and_a_limit);
    ADD(options_out_of_bounds_are_refused);
    ADD(uniform_draws_are_even);
    ADD(zipf_draws_follow_the_law);
    ADD(a_single_sa_is_always_drawn);
    ADD(a_million_sas_are_apart);
    ADD(stores_hold_as_many_packets_as_sas_within_their_room);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    const unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed != 0;
}
