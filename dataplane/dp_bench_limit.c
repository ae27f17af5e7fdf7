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

/* One direction of the SA in the engine that auto chooses. */
struct side {
    const struct eng_ops *engine;
    struct eng_worker *worker;
    struct eng_session *session;
    struct eng_session_info info;
};

struct bench_limit {
    bool ways[2]; /* [enum cv_dir]: which count */
    uint16_t encr;
    uint8_t key_len;
    uint32_t ah_front; /* AH: octets of the outer header and its own, under the ICV as well; 0: ESP */
    const unsigned *sizes;
    unsigned count;
    struct eng_bare_burst *bare; /* ipsec-mb's multi-buffer calls; NULL: a packet is a call */
    struct side best[2];
    uint8_t *work; /* one packet, always the same */
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

const char *dp_bench_limit_kind(uint16_t encr, uint16_t integ)
{
    static_assert(BENCH_LIMIT_BURST == 64 && (int)ENG_BARE_BURST == 64, "as the texts say");
    return encr == CV_ENCR_CHACHA20_POLY1305       ? "one job at a time"
           : eng_ipsecmb_is_single(encr)           ? "direct call"
           : eng_bare_burst_is_queued(encr, integ) ? "multi-buffer job queue, 64 at a time"
                                                   : "multi-buffer calls of 64";
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
    for (unsigned d = 0; d < 2; d++) {
        const struct cv_sa *sa = d == CV_DIR_OUT ? of->out : of->in;
        CV_TRY(side_make(&l->best[d], eng_auto_choice(sa), sa));
    }
    return eng_ipsecmb_is_single(l->encr) ? CV_OK : eng_bare_burst_new(of->out, &l->bare);
}

void dp_bench_limit_free(struct bench_limit *l)
{
    if (!l)
        return;
    for (unsigned d = 0; d < 2; d++)
        side_free(&l->best[d]);
    eng_bare_burst_free(l->bare);
    free(l->work);
    free(l);
}

static uint32_t room_for(const unsigned *sizes, unsigned count)
{
    unsigned most = 0;
    for (unsigned i = 0; i < count; i++)
        most = RTE_MAX(most, sizes[i]);
    return RTE_ALIGN_CEIL((uint32_t)most + AROUND, (uint32_t)STRIDE_UNIT);
}

cv_result dp_bench_limit_new(const struct bench_limit_of *of, struct bench_limit **limit)
{
    const uint32_t room = room_for(of->sizes, of->count);
    struct bench_limit *l = calloc(1, sizeof *l);
    if (!l)
        return CV_ENOMEM;
    l->ways[CV_DIR_OUT] = of->encap;
    l->ways[CV_DIR_IN] = of->decap;
    l->encr = of->out->encr;
    l->key_len = of->out->encr_key_len;
    l->sizes = of->sizes;
    l->count = of->count;
    l->work = aligned_alloc(STRIDE_UNIT, room);
    const cv_result r = l->work ? sides_make(l, of) : CV_ENOMEM;
    if (r != CV_OK) {
        dp_bench_limit_free(l);
        return r;
    }
    memset(l->work, 0, room);
    if (of->out->proto == CV_PROTO_AH)
        l->ah_front = (of->out->local.addr.family == IP_V4 ? IPV4_HEADER : IPV6_HEADER) +
                      esp_ah_len(l->best[CV_DIR_OUT].info.icv_len, of->out->local.addr.family);
    *limit = l;
    return CV_OK;
}

static double direct(const struct bench_limit *l, enum cv_dir dir, unsigned size)
{
    const struct eng_bare_call call = {l->encr, dir, l->key_len, size, 1};
    double slice[SLICES];
    for (unsigned i = 0; i < SLICES; i++)
        if (eng_ipsecmb_bare(&call, SLICE_CALLS, &slice[i]) != CV_OK)
            return 0;
    return dp_bench_median(slice, SLICES);
}

/* Octets behind the 8 that every engine takes for a header: ESP's text and trailer, or all that AH signs (RFC 4302 3.3.3). */
static uint32_t data_len(const struct bench_limit *l, unsigned size)
{
    const uint32_t mask = l->best[CV_DIR_OUT].info.block - 1u;
    return l->ah_front ? l->ah_front + size - ESP_HEADER : (size + TRAILER + mask) & ~mask;
}

/* ipsec-mb's multi-buffer calls for the same packets: an engine signs the header and the IV, too. */
static double bare_bursts(struct bench_limit *l, enum cv_dir dir, unsigned size)
{
    const uint32_t lead = ESP_HEADER + l->best[dir].info.iv_len;
    double slice[SLICES];
    for (unsigned i = 0; i < SLICES; i++)
        slice[i] = eng_bare_burst_cycles(l->bare, dir, lead, data_len(l, size), SLICE_BURSTS);
    return dp_bench_median(slice, SLICES);
}

/* The best engine, as the direct call is measured: one packet in the first-level cache, `size` octets of text. */
static double own(struct bench_limit *l, enum cv_dir dir, unsigned size)
{
    const struct side *s = &l->best[dir];
    double slice[SLICES];
    for (unsigned i = 0; i < BENCH_LIMIT_BURST; i++)
        l->ops[i] = (struct eng_op){.esp = l->work + AHEAD, .data_len = size, .iv = i + 1};
    for (unsigned i = 0; i < SLICES; i++) {
        uint64_t start = rte_rdtsc_precise();
        for (unsigned b = 0; b < SLICE_BURSTS; b++)
            s->info.burst(s->worker, s->session, l->ops, BENCH_LIMIT_BURST);
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
    return l->bare ? bare_bursts(l, dir, size) : direct(l, dir, size);
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
