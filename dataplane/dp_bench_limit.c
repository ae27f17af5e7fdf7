#include "dataplane/dp_bench_limit.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_session.h"

#include <rte_common.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLICES = 9,
    SLICE_CALLS = 1000, /* of the direct call: long enough to forget its own start */
    SLICE_BURSTS = 16,
    STRIDE = 2048,
    AHEAD = 64, /* octets in front of the ESP header: an engine may use some with ESN */
    ESP_HEADER = 8,
    TRAILER = 2,
};

struct bench_limit {
    const struct eng_ops *engine;
    struct eng_worker *worker;
    enum cv_dir dir;
    uint8_t key_len;
    bool direct;
    const unsigned *sizes;
    unsigned count;
    struct eng_session *enc, *dec;
    struct eng_session_info enc_info, dec_info;
    uint8_t *ready, *work; /* BENCH_LIMIT_BURST packets of STRIDE octets, as they stand before the call */
    struct eng_op ops[BENCH_LIMIT_BURST];
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double dp_bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return n ? v[n / 2] : 0;
}

const char *dp_bench_limit_kind(uint16_t encr)
{
    return encr == CV_ENCR_AES_GCM_16 ? "direct call" : "burst of 64";
}

void dp_bench_limit_free(struct bench_limit *l)
{
    if (!l)
        return;
    if (l->enc)
        l->engine->session_free(l->enc);
    if (l->dec)
        l->engine->session_free(l->dec);
    free(l->ready);
    free(l->work);
    free(l);
}

cv_result dp_bench_limit_new(const struct eng_ops *engine, struct eng_worker *ew, const struct cv_sa *out,
                             const struct cv_sa *in, enum cv_dir dir, const unsigned *sizes, unsigned count,
                             struct bench_limit **limit)
{
    struct bench_limit *l = calloc(1, sizeof *l);
    if (!l)
        return CV_ENOMEM;
    l->engine = engine;
    l->worker = ew;
    l->dir = dir;
    l->key_len = out->encr_key_len;
    l->direct = out->encr == CV_ENCR_AES_GCM_16;
    l->sizes = sizes;
    l->count = count;
    l->ready = aligned_alloc(STRIDE, BENCH_LIMIT_BURST * STRIDE);
    l->work = aligned_alloc(STRIDE, BENCH_LIMIT_BURST * STRIDE);
    cv_result r = l->ready && l->work ? CV_OK : CV_ENOMEM;
    if (r == CV_OK)
        r = engine->session_new(out, 0, &l->enc, &l->enc_info);
    if (r == CV_OK)
        r = engine->session_new(in, 0, &l->dec, &l->dec_info);
    if (r != CV_OK) {
        dp_bench_limit_free(l);
        return r;
    }
    *limit = l;
    return CV_OK;
}

static double direct(const struct bench_limit *l, unsigned size)
{
    double slice[SLICES];
    for (unsigned i = 0; i < SLICES; i++)
        if (eng_ipsecmb_bare(l->dir, l->key_len, size, 1, SLICE_CALLS, &slice[i]) != CV_OK)
            return 0;
    return dp_bench_median(slice, SLICES);
}

/* Points the ops at packets with `size` octets of payload in `mem`. */
static void ops_set(struct bench_limit *l, uint8_t *mem, unsigned size)
{
    const uint32_t mask = l->enc_info.block - 1u;
    for (unsigned i = 0; i < BENCH_LIMIT_BURST; i++)
        l->ops[i] = (struct eng_op){.esp = mem + (size_t)i * STRIDE + AHEAD,
                                    .data_len = (size + TRAILER + mask) & ~mask,
                                    .iv = i + 1};
}

static bool all_ok(const struct bench_limit *l)
{
    for (unsigned i = 0; i < BENCH_LIMIT_BURST; i++)
        if (!l->ops[i].ok)
            return false;
    return true;
}

/* Cycles per packet of one slice; packets are laid ready outside the clock. */
static double burst_slice(struct bench_limit *l, eng_burst_fn *fn, const struct eng_session *s)
{
    uint64_t sum = 0;
    for (unsigned b = 0; b < SLICE_BURSTS; b++) {
        memcpy(l->work, l->ready, BENCH_LIMIT_BURST * STRIDE);
        uint64_t start = rte_rdtsc_precise();
        fn(l->worker, s, l->ops, BENCH_LIMIT_BURST);
        sum += rte_rdtsc_precise() - start;
        if (!all_ok(l))
            return 0;
    }
    return (double)sum / SLICE_BURSTS / BENCH_LIMIT_BURST;
}

static double burst(struct bench_limit *l, unsigned size)
{
    const bool out = l->dir == CV_DIR_OUT;
    double slice[SLICES];
    memset(l->ready, 0x3c, BENCH_LIMIT_BURST * STRIDE);
    if (!out) {
        ops_set(l, l->ready, size);
        l->enc_info.burst(l->worker, l->enc, l->ops, BENCH_LIMIT_BURST);
    }
    ops_set(l, l->work, size);
    for (unsigned i = 0; i < SLICES; i++) {
        slice[i] = burst_slice(l, out ? l->enc_info.burst : l->dec_info.burst, out ? l->enc : l->dec);
        if (slice[i] <= 0)
            return 0;
    }
    return dp_bench_median(slice, SLICES);
}

/* As direct() does it: one packet in the first-level cache, `size` octets of text. */
static double own(struct bench_limit *l, unsigned size)
{
    const bool out = l->dir == CV_DIR_OUT;
    eng_burst_fn *fn = out ? l->enc_info.burst : l->dec_info.burst;
    double slice[SLICES];
    for (unsigned i = 0; i < BENCH_LIMIT_BURST; i++)
        l->ops[i] = (struct eng_op){.esp = l->work + AHEAD, .data_len = size, .iv = i + 1};
    for (unsigned i = 0; i < SLICES; i++) {
        uint64_t start = rte_rdtsc_precise();
        for (unsigned b = 0; b < SLICE_BURSTS; b++)
            fn(l->worker, out ? l->enc : l->dec, l->ops, BENCH_LIMIT_BURST);
        slice[i] = (double)(rte_rdtsc_precise() - start) / SLICE_BURSTS / BENCH_LIMIT_BURST;
    }
    return dp_bench_median(slice, SLICES);
}

const char *dp_bench_limit_own_name(const struct bench_limit *l)
{
    return eng_session_owner(l->dir == CV_DIR_OUT ? l->enc : l->dec)->name;
}

double dp_bench_limit_own(struct bench_limit *l)
{
    double sum = 0;
    if (!l->direct || eng_session_owner(l->dir == CV_DIR_OUT ? l->enc : l->dec) == &eng_ipsecmb)
        return 0;
    for (unsigned i = 0; i < l->count; i++)
        sum += own(l, l->sizes[i]);
    return sum / l->count;
}

double dp_bench_limit_cycles(struct bench_limit *l)
{
    double sum = 0;
    for (unsigned i = 0; i < l->count; i++) {
        double one = l->direct ? direct(l, l->sizes[i]) : burst(l, l->sizes[i]);
        if (one <= 0)
            return 0;
        sum += one;
    }
    return sum / l->count;
}
