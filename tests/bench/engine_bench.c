/* engine_bench: the bare AES-GCM kernels of the engines beside ipsec-mb's direct call, in alternating slices.
 *
 * Usage: engine_bench [bits [rounds [avx2]]]; avx2: ipsec-mb and the kernels held to it (eng_isa.h). Cycles are of the TSC. 64 packets of 2 KiB in turn, ESP's AAD of 8 octets, sessions expanded
 * before; a slice is 256 packets, a figure the median of `rounds` slices, in brackets the least and the upper quartile: what lies between
 * is the machine's noise. The ratio is the median ipsec-mb's over ours. */
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_ipsecmb_bare.h"
#include "dataplane/engine/eng_isa.h"
#include "dataplane/engine/eng_vaes.h"
#include "tests/unit/esp/eal.h"

#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BURST = 64, SLICE = 4, STRIDE = 2048, FRONT = 48, ROUNDS_MAX = 10001 };

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct probe {
    struct eng_session *s;
    struct eng_session_info info;
    double slice[ROUNDS_MAX];
};

static uint8_t mem[BURST * STRIDE] __attribute__((aligned(4096)));

static double slice_of(struct eng_worker *w, const struct probe *p, unsigned size)
{
    struct eng_op ops[BURST];
    for (unsigned i = 0; i < BURST; i++)
        ops[i] = (struct eng_op){.esp = mem + i * STRIDE + FRONT, .data_len = size, .iv = i};
    const uint64_t start = rte_rdtsc_precise();
    for (unsigned i = 0; i < SLICE; i++)
        p->info.burst(w, p->s, ops, BURST);
    return (double)(rte_rdtsc_precise() - start) / (SLICE * BURST);
}

static void row(const char *name, enum cv_dir dir, unsigned size, double *v, unsigned n, double other)
{
    qsort(v, n, sizeof *v, ascending);
    printf("%-12s %-7s %5u B  %7.1f cycles [%.1f .. %.1f]  %.3f c/B", name,
           dir == CV_DIR_OUT ? "encrypt" : "decrypt", size, v[n / 2], v[0], v[n * 3 / 4], v[n / 2] / size);
    if (other > 0)
        printf("  x%.2f", other / v[n / 2]);
    printf("\n");
}

static int measure(struct eng_worker *w, uint8_t key_len, enum cv_dir dir, unsigned size, unsigned rounds)
{
    static const struct eng_ops *const engines[] = {&eng_vaes_avx2, &eng_vaes_avx512};
    static struct probe p[2];
    static double direct[ROUNDS_MAX];
    struct cv_sa sa = {
        .encr = CV_ENCR_AES_GCM_16, .encr_key_len = key_len, .salt_len = 4, .ref = {.dir = (uint8_t)dir}};
    for (unsigned e = 0; e < 2; e++)
        if (eng_vaes_usable(engines[e]) && engines[e]->session_new(&sa, -1, &p[e].s, &p[e].info) != CV_OK)
            return 1;
    for (unsigned r = 0; r < rounds; r++) {
        const struct eng_bare_call bare = {CV_ENCR_AES_GCM_16, dir, key_len, size, BURST};
        if (eng_ipsecmb_bare(&bare, SLICE * BURST, &direct[r]) != CV_OK)
            return 1;
        for (unsigned e = 0; e < 2; e++)
            if (eng_vaes_usable(engines[e]))
                p[e].slice[r] = slice_of(w, &p[e], size);
    }
    row("ipsec-mb", dir, size, direct, rounds, 0);
    for (unsigned e = 0; e < 2; e++)
        if (eng_vaes_usable(engines[e])) {
            row(engines[e]->name, dir, size, p[e].slice, rounds, direct[rounds / 2]);
            engines[e]->session_free(p[e].s);
        }
    return 0;
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = {16, 64, 128, 256, 512, 1024, 1420};
    const int bits = argc > 1 ? atoi(argv[1]) : 128, rounds = argc > 2 ? atoi(argv[2]) : 301;
    struct eng_worker *w;
    if ((bits != 128 && bits != 192 && bits != 256) || rounds < 1 || rounds > ROUNDS_MAX ||
        (argc > 3 && strcmp(argv[3], "avx2") != 0)) {
        fprintf(stderr, "usage: engine_bench [128|192|256 [rounds [avx2]]]\n");
        return 2;
    }
    char why[96];
    if (argc > 3 && eng_isa_limit(ENG_ISA_AVX2, why, sizeof why) != CV_OK) {
        fprintf(stderr, "engine_bench: %s\n", why);
        return 1;
    }
    if (eal_start() < 0 || eng_ipsecmb.worker_new(-1, &w) != CV_OK)
        return 1;
    printf("AES-%d-GCM, %s; %s; TSC %.0f MHz\n", bits, eng_ipsecmb.device(), eng_vaes.device(),
           (double)rte_get_tsc_hz() / 1e6);
    int status = 0;
    for (int dir = CV_DIR_OUT; dir >= CV_DIR_IN; dir--)
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            status |= measure(w, (uint8_t)(bits / 8), (enum cv_dir)dir, sizes[i], (unsigned)rounds);
    eng_ipsecmb.worker_free(w);
    rte_eal_cleanup();
    return status;
}
