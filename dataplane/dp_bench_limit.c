#include "dataplane/dp_bench_limit.h"
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_ipsecmb_bare.h"
#include "dataplane/esp/esp_ah.h"

#include <rte_common.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLICES = 9,
    SLICE_CALLS = 1000, /* of the direct call: long enough to forget its own start */
    SLICE_BURSTS = 16,
    STRIDE_UNIT = 2048,
    AHEAD = 64,   /* octets in front of the ESP header: an engine may use some with ESN */
    AROUND = 512, /* octets of a packet that are not its text, and AHEAD, at most */
    ESP_HEADER = 8,
    TRAILER = 2,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
};

/* One direction of the SA in one engine. */
struct side {
    const struct eng_ops *engine;
    struct eng_worker *worker;
    struct eng_session *session;
    struct eng_session_info info;
};

struct bench_limit {
    bool ways[2]; /* [enum cv_dir]: which count */
    uint8_t key_len;
    bool direct;
    uint32_t ah_front; /* AH: octets of the outer header and its own, under the ICV as well; 0: ESP */
    const unsigned *sizes;
    unsigned count;
    struct eng_bare_burst *bare; /* ipsec-mb's multi-buffer calls; NULL: not of this transform */
    struct side mb[2], best[2];  /* ipsec-mb's; what auto chooses */
    uint32_t stride;
    uint8_t *ready, *work; /* BENCH_LIMIT_BURST packets of stride octets, as they stand before the call */
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
    static_assert(BENCH_LIMIT_BURST == 64 && (int)ENG_BARE_BURST == 64, "as the texts say");
    return encr == CV_ENCR_AES_GCM_16                        ? "direct call"
           : encr == CV_ENCR_AES_CBC || encr == CV_ENCR_NULL ? "multi-buffer calls of 64"
                                                             : "engine's burst of 64";
}

static void side_free(struct side *s)
{
    if (s->session)
        s->engine->session_free(s->session);
    if (s->worker)
        s->engine->worker_free(s->worker);
}

static cv_result side_make(struct side *s, const struct eng_ops *engine, const struct cv_sa *sa)
{
    s->engine = engine;
    CV_TRY(engine->worker_new(-1, &s->worker));
    return engine->session_new(sa, -1, &s->session, &s->info);
}

static cv_result sides_make(struct bench_limit *l, const struct bench_limit_of *of)
{
    char why[256];
    CV_TRY(eng_auto.self_test(why, sizeof why)); /* which also makes it choose */
    const cv_result r = eng_bare_burst_new(of->out, &l->bare);
    if (r != CV_OK && r != CV_EUNSUP)
        return r;
    for (unsigned d = 0; d < 2; d++) {
        const struct cv_sa *sa = d == CV_DIR_OUT ? of->out : of->in;
        CV_TRY(side_make(&l->mb[d], &eng_ipsecmb, sa));
        CV_TRY(side_make(&l->best[d], eng_auto_choice(sa), sa));
    }
    return CV_OK;
}

void dp_bench_limit_free(struct bench_limit *l)
{
    if (!l)
        return;
    for (unsigned d = 0; d < 2; d++) {
        side_free(&l->mb[d]);
        side_free(&l->best[d]);
    }
    eng_bare_burst_free(l->bare);
    free(l->ready);
    free(l->work);
    free(l);
}

static uint32_t stride_of(const unsigned *sizes, unsigned count)
{
    unsigned most = 0;
    for (unsigned i = 0; i < count; i++)
        most = RTE_MAX(most, sizes[i]);
    return RTE_ALIGN_CEIL((uint32_t)most + AROUND, (uint32_t)STRIDE_UNIT);
}

cv_result dp_bench_limit_new(const struct bench_limit_of *of, struct bench_limit **limit)
{
    struct bench_limit *l = calloc(1, sizeof *l);
    if (!l)
        return CV_ENOMEM;
    l->ways[CV_DIR_OUT] = of->encap;
    l->ways[CV_DIR_IN] = of->decap;
    l->key_len = of->out->encr_key_len;
    l->direct = of->out->encr == CV_ENCR_AES_GCM_16;
    l->sizes = of->sizes;
    l->count = of->count;
    l->stride = stride_of(of->sizes, of->count);
    l->ready = aligned_alloc(STRIDE_UNIT, (size_t)BENCH_LIMIT_BURST * l->stride);
    l->work = aligned_alloc(STRIDE_UNIT, (size_t)BENCH_LIMIT_BURST * l->stride);
    const cv_result r = l->ready && l->work ? sides_make(l, of) : CV_ENOMEM;
    if (r != CV_OK) {
        dp_bench_limit_free(l);
        return r;
    }
    if (of->out->proto == CV_PROTO_AH)
        l->ah_front = (of->out->local.addr.family == IP_V4 ? IPV4_HEADER : IPV6_HEADER) +
                      esp_ah_len(l->mb[CV_DIR_OUT].info.icv_len, of->out->local.addr.family);
    *limit = l;
    return CV_OK;
}

static double direct(const struct bench_limit *l, enum cv_dir dir, unsigned size)
{
    double slice[SLICES];
    for (unsigned i = 0; i < SLICES; i++)
        if (eng_ipsecmb_bare(dir, l->key_len, size, 1, SLICE_CALLS, &slice[i]) != CV_OK)
            return 0;
    return dp_bench_median(slice, SLICES);
}

/* Octets behind the 8 that every engine takes for a header: ESP's text and trailer, or all that AH signs (RFC 4302 3.3.3). */
static uint32_t data_len(const struct bench_limit *l, unsigned size)
{
    const uint32_t mask = l->mb[CV_DIR_OUT].info.block - 1u;
    return l->ah_front ? l->ah_front + size - ESP_HEADER : (size + TRAILER + mask) & ~mask;
}

/* ipsec-mb's multi-buffer calls for the same packets: an engine signs the header and the IV, too. */
static double bare_bursts(struct bench_limit *l, enum cv_dir dir, unsigned size)
{
    const uint32_t lead = ESP_HEADER + l->mb[dir].info.iv_len;
    double slice[SLICES];
    for (unsigned i = 0; i < SLICES; i++)
        slice[i] = eng_bare_burst_cycles(l->bare, dir, lead, data_len(l, size), SLICE_BURSTS);
    return dp_bench_median(slice, SLICES);
}

/* Points the ops at packets with `size` octets of payload in `mem`. */
static void ops_set(struct bench_limit *l, uint8_t *mem, unsigned size)
{
    for (unsigned i = 0; i < BENCH_LIMIT_BURST; i++)
        l->ops[i] = (struct eng_op){
            .esp = mem + (size_t)i * l->stride + AHEAD, .data_len = data_len(l, size), .iv = i + 1};
}

static bool all_ok(const struct bench_limit *l)
{
    for (unsigned i = 0; i < BENCH_LIMIT_BURST; i++)
        if (!l->ops[i].ok)
            return false;
    return true;
}

static void run(struct bench_limit *l, const struct side *s)
{
    s->info.burst(s->worker, s->session, l->ops, BENCH_LIMIT_BURST);
}

/* Cycles per packet of one slice; packets are laid ready outside the clock. */
static double burst_slice(struct bench_limit *l, const struct side *s)
{
    uint64_t sum = 0;
    for (unsigned b = 0; b < SLICE_BURSTS; b++) {
        memcpy(l->work, l->ready, (size_t)BENCH_LIMIT_BURST * l->stride);
        uint64_t start = rte_rdtsc_precise();
        run(l, s);
        sum += rte_rdtsc_precise() - start;
        if (!all_ok(l))
            return 0;
    }
    return (double)sum / SLICE_BURSTS / BENCH_LIMIT_BURST;
}

static double burst(struct bench_limit *l, const struct side sides[2], enum cv_dir dir, unsigned size)
{
    double slice[SLICES];
    memset(l->ready, 0x3c, (size_t)BENCH_LIMIT_BURST * l->stride);
    if (dir == CV_DIR_IN) {
        ops_set(l, l->ready, size);
        run(l, &sides[CV_DIR_OUT]);
    }
    ops_set(l, l->work, size);
    for (unsigned i = 0; i < SLICES; i++) {
        slice[i] = burst_slice(l, &sides[dir]);
        if (slice[i] <= 0)
            return 0;
    }
    return dp_bench_median(slice, SLICES);
}

/* The best engine, as the limit is measured: one packet in the first-level cache, `size` octets of text; or as burst() does. */
static double own(struct bench_limit *l, enum cv_dir dir, unsigned size)
{
    double slice[SLICES];
    if (!l->direct)
        return burst(l, l->best, dir, size);
    for (unsigned i = 0; i < BENCH_LIMIT_BURST; i++)
        l->ops[i] = (struct eng_op){.esp = l->work + AHEAD, .data_len = size, .iv = i + 1};
    for (unsigned i = 0; i < SLICES; i++) {
        uint64_t start = rte_rdtsc_precise();
        for (unsigned b = 0; b < SLICE_BURSTS; b++)
            run(l, &l->best[dir]);
        slice[i] = (double)(rte_rdtsc_precise() - start) / SLICE_BURSTS / BENCH_LIMIT_BURST;
    }
    return dp_bench_median(slice, SLICES);
}

/* Averaged over sizes and ways; 0 when one could not be measured. */
static double average(struct bench_limit *l, double (*one)(struct bench_limit *, enum cv_dir, unsigned))
{
    double sum = 0;
    unsigned n = 0;
    for (unsigned d = 0; d < 2; d++)
        for (unsigned i = 0; l->ways[d] && i < l->count; i++, n++) {
            const double cycles = one(l, d, l->sizes[i]);
            if (cycles <= 0)
                return 0;
            sum += cycles;
        }
    return n ? sum / n : 0;
}

static double mb(struct bench_limit *l, enum cv_dir dir, unsigned size)
{
    if (l->direct)
        return direct(l, dir, size);
    return l->bare ? bare_bursts(l, dir, size) : burst(l, l->mb, dir, size);
}

static const struct eng_ops *best_engine(const struct bench_limit *l)
{
    return l->best[l->ways[CV_DIR_OUT] ? CV_DIR_OUT : CV_DIR_IN].engine;
}

const char *dp_bench_limit_own_name(const struct bench_limit *l)
{
    return best_engine(l)->name;
}

double dp_bench_limit_own(struct bench_limit *l)
{
    return best_engine(l) != &eng_ipsecmb ? average(l, own) : 0;
}

double dp_bench_limit_cycles(struct bench_limit *l)
{
    return average(l, mb);
}
