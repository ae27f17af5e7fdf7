#include "dataplane/dp_offload_run.h"
#include "dataplane/dp_bench_limit.h"
#include "dataplane/dp_bench_store.h"
#include "dataplane/engine/eng_cryptodev.h"
#include "dataplane/engine/eng_ipsecmb.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACKETS = 2048, FRONT = 64, ROOM = 1600, TRAILER = 2, POLL = 64 };

const unsigned dp_offload_depths[OFFLOAD_DEPTHS] = {1, 8, 32, 128, 512, 1024};

/* One engine with its sessions for the transform at hand. */
struct side {
    const struct eng_ops *engine;
    struct eng_worker *worker;
    struct eng_session *session[2]; /* [enum cv_dir] */
    struct eng_session_info info[2];
};

/* What the rounds of one cell gave. */
struct cell {
    double cycles[OFFLOAD_ROUNDS_MAX], busy[OFFLOAD_ROUNDS_MAX], mb[OFFLOAD_ROUNDS_MAX];
    uint32_t *latency; /* [rounds * PACKETS] TSC cycles */
    size_t count;
};

struct run {
    const struct offload_plan *plan;
    struct side it, mb;
    struct rte_mbuf *pkts[PACKETS];
    uint32_t len[PACKETS];  /* octets of text with its trailer */
    uint64_t born[PACKETS]; /* TSC of the submit */
    struct cell cell[OFFLOAD_DIRS], mb_cell;
    uint64_t iv;
};

/* ---- one pass: all packets through one session ------------------------------------------------------------------ */
static struct eng_op op_of(struct run *r, unsigned i)
{
    return (struct eng_op){
        .esp = rte_pktmbuf_mtod_offset(r->pkts[i], uint8_t *, FRONT), .data_len = r->len[i], .iv = ++r->iv};
}

static bool by_call(struct run *r, const struct side *s, enum cv_dir dir, struct cell *c, unsigned round)
{
    struct eng_op ops[OFFLOAD_BURST];
    bool ok = true;
    const uint64_t start = rte_rdtsc_precise();
    for (unsigned i = 0; i < PACKETS; i += OFFLOAD_BURST) {
        const uint64_t born = rte_rdtsc();
        for (unsigned k = 0; k < OFFLOAD_BURST; k++)
            ops[k] = op_of(r, i + k);
        s->info[dir].burst(s->worker, s->session[dir], ops, OFFLOAD_BURST);
        const uint32_t took = (uint32_t)(rte_rdtsc() - born);
        for (unsigned k = 0; k < OFFLOAD_BURST; k++) {
            ok = ok && ops[k].ok;
            c->latency[c->count++] = took;
        }
    }
    c->cycles[round] = c->busy[round] = (double)(rte_rdtsc_precise() - start) / PACKETS;
    return ok;
}

static unsigned submit(struct run *r, const struct side *s, enum cv_dir dir, unsigned sent, unsigned n)
{
    struct eng_job jobs[OFFLOAD_BURST];
    const uint64_t born = rte_rdtsc();
    for (unsigned k = 0; k < n; k++) {
        jobs[k] = (struct eng_job){
            .op = op_of(r, sent + k), .m = r->pkts[sent + k], .seq = sent + k, .dir = (uint8_t)dir};
        r->born[sent + k] = born;
    }
    return s->info[dir].submit(s->worker, s->session[dir], jobs, n);
}

static bool by_submit(struct run *r, const struct side *s, enum cv_dir dir, unsigned depth, struct cell *c,
                      unsigned round)
{
    const unsigned burst = RTE_MIN(depth, (unsigned)OFFLOAD_BURST);
    struct eng_job done[POLL];
    unsigned sent = 0, back = 0;
    uint64_t idle = 0;
    bool ok = true;
    const uint64_t start = rte_rdtsc_precise();
    while (back < PACKETS) {
        unsigned took = burst; /* the depth is held, also with drivers that work when they are polled */
        for (; took == burst && sent < PACKETS && sent - back + burst <= depth; sent += took)
            took = submit(r, s, dir, sent, RTE_MIN(burst, PACKETS - sent));
        const uint64_t asked = rte_rdtsc();
        const unsigned n = s->engine->poll(s->worker, done, POLL);
        const uint64_t now = rte_rdtsc();
        if (n == 0)
            idle += now - asked;
        for (unsigned k = 0; k < n; k++) {
            ok = ok && done[k].op.ok;
            c->latency[c->count++] = (uint32_t)(now - r->born[done[k].seq]);
        }
        back += n;
    }
    const uint64_t all = rte_rdtsc_precise() - start;
    c->cycles[round] = (double)all / PACKETS;
    c->busy[round] = (double)(all - idle) / PACKETS;
    return ok;
}

/* The same code for the measure, so that what timing costs is the same in both. */
static bool mb_pass(struct run *r, enum cv_dir dir, double *cycles)
{
    r->mb_cell.count = 0;
    const bool ok = by_call(r, &r->mb, dir, &r->mb_cell, 0);
    *cycles = r->mb_cell.cycles[0];
    return ok;
}

/* ---- one cell of the table -------------------------------------------------------------------------------------- */
static bool it_pass(struct run *r, enum bench_dir d, unsigned depth, unsigned round)
{
    const enum cv_dir dir = d == BENCH_ENCAP ? CV_DIR_OUT : CV_DIR_IN;
    return r->it.info[dir].submit ? by_submit(r, &r->it, dir, depth, &r->cell[d], round)
                                  : by_call(r, &r->it, dir, &r->cell[d], round);
}

static bool round_run(struct run *r, unsigned depth, unsigned round)
{
    struct cell *c = r->cell;
    return it_pass(r, BENCH_ENCAP, depth, round) && mb_pass(r, CV_DIR_IN, &c[BENCH_DECAP].mb[round]) &&
           mb_pass(r, CV_DIR_OUT, &c[BENCH_ENCAP].mb[round]) && it_pass(r, BENCH_DECAP, depth, round);
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void summarise(struct cell *c, unsigned rounds, struct offload_row *row)
{
    const double ns = 1e9 / (double)rte_get_tsc_hz();
    row->cycles = dp_bench_median(c->cycles, rounds); /* which sorts */
    row->low = c->cycles[rounds / 4];
    row->high = c->cycles[rounds * 3 / 4];
    row->busy = dp_bench_median(c->busy, rounds);
    row->mb = dp_bench_median(c->mb, rounds);
    qsort(c->latency, c->count, sizeof *c->latency, ascending);
    row->p50 = ns * c->latency[c->count / 2];
    row->p90 = ns * c->latency[c->count * 9 / 10];
    row->p99 = ns * c->latency[c->count * 99 / 100];
    row->p999 = ns * c->latency[c->count * 999 / 1000];
    row->most = ns * c->latency[c->count - 1];
    row->done = true;
}

static bool cell_run(struct run *r, struct offload_engine *e, unsigned t, unsigned size, unsigned depth)
{
    for (unsigned round = 0; round <= r->plan->rounds; round++) {
        /* The first warms up, and is overwritten. */
        r->cell[BENCH_ENCAP].count = r->cell[BENCH_DECAP].count = (size_t)(round ? round - 1 : 0) * PACKETS;
        if (!round_run(r, dp_offload_depths[depth], round ? round - 1 : 0))
            return false;
    }
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        summarise(&r->cell[d], r->plan->rounds, &e->rows[t][d][size][depth]);
    return true;
}

/* ---- one transform ------------------------------------------------------------------------------------------------ */
static struct cv_sa sa_of(const struct bench_transform *t, enum cv_dir dir)
{
    struct cv_sa sa = {.encr = t->encr, .integ = t->integ, .ref = {.dir = (uint8_t)dir}};
    sa.encr_key_len = t->key_len;
    sa.salt_len = t->salt_len;
    sa.integ_key_len = t->integ_len;
    for (unsigned k = 0; k < sizeof sa.encr_key; k++)
        sa.encr_key[k] = (uint8_t)(k + 1);
    for (unsigned k = 0; k < sizeof sa.integ_key; k++)
        sa.integ_key[k] = (uint8_t)(3 * k + 1);
    return sa;
}

static void sessions_free(struct side *s)
{
    for (unsigned d = 0; d < 2; d++) {
        if (s->session[d])
            s->engine->session_free(s->session[d]);
        s->session[d] = NULL;
    }
}

static bool sessions_make(struct side *s, const struct bench_transform *t)
{
    for (unsigned d = 0; d < 2; d++) {
        const struct cv_sa sa = sa_of(t, d);
        if (!s->engine->supports(t->encr, t->key_len, t->integ) ||
            s->engine->session_new(&sa, -1, &s->session[d], &s->info[d]) != CV_OK)
            return false;
        if (s->engine == &eng_cryptodev && !eng_cryptodev_offloads(&sa))
            return false; /* software beside the device would do it */
    }
    return true;
}

static void lengths_set(struct run *r, unsigned size)
{
    const struct bench_case c = {.size = size};
    const unsigned *sizes, count = dp_bench_sizes(&c, &sizes);
    const uint32_t mask = r->mb.info[CV_DIR_OUT].block - 1u;
    for (unsigned i = 0; i < PACKETS; i++)
        r->len[i] = (sizes[i % count] + TRAILER + mask) & ~mask;
}

static bool transform_run(struct run *r, struct offload_engine *e, unsigned t)
{
    if (!sessions_make(&r->mb, r->plan->transforms[t]) || !sessions_make(&r->it, r->plan->transforms[t]))
        return true; /* `took` says so */
    e->took[t] = true;
    e->waits = e->waits || r->it.info[CV_DIR_OUT].submit;
    for (unsigned z = 0; z < r->plan->size_count; z++) {
        lengths_set(r, r->plan->sizes[z]);
        for (unsigned d = 0; d < OFFLOAD_DEPTHS; d++)
            if ((r->it.info[CV_DIR_OUT].submit || d == OFFLOAD_CALL) && !cell_run(r, e, t, z, d)) {
                snprintf(e->why, sizeof e->why, "a packet of %s was not worked on as ipsec-mb does",
                         r->plan->transforms[t]->name);
                return false;
            }
    }
    return true;
}

/* ---- the engine --------------------------------------------------------------------------------------------------- */
static bool side_start(struct side *s, const char *word, struct offload_engine *e)
{
    s->engine = eng_by_name(word);
    if (!s->engine) {
        snprintf(e->why, sizeof e->why, "there is no engine '%s'", word);
        return false;
    }
    if (s->engine->start && s->engine->start(eng_argument(word), 1, e->why, sizeof e->why) != CV_OK) {
        if (!e->why[0])
            snprintf(e->why, sizeof e->why, "the device did not start");
        return false;
    }
    const cv_result tested = s->engine->self_test(e->why, sizeof e->why);
    if (tested == CV_OK && s->engine->worker_new(-1, &s->worker) == CV_OK)
        return true;
    if (!e->why[0])
        snprintf(e->why, sizeof e->why, "%s",
                 tested == CV_EUNSUP ? "this processor does not have what it needs" : "it did not start");
    return false;
}

static void side_stop(struct side *s)
{
    sessions_free(s);
    if (s->worker)
        s->engine->worker_free(s->worker);
    if (s->worker && s->engine->stop)
        s->engine->stop();
}

/* No page of it is missing when the clock runs. */
static uint32_t *touched(size_t n)
{
    uint32_t *v = malloc(n * sizeof *v);
    if (v)
        memset(v, 0xff, n * sizeof *v);
    return v;
}

static bool memory_take(struct run *r)
{
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("offload", PACKETS, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM, -1);
    if (!pool || rte_pktmbuf_alloc_bulk(pool, r->pkts, PACKETS) != 0)
        return false;
    for (unsigned i = 0; i < PACKETS; i++)
        memset(rte_pktmbuf_append(r->pkts[i], ROOM), (int)i, ROOM);
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        r->cell[d].latency = touched((size_t)r->plan->rounds * PACKETS);
    r->mb_cell.latency = touched(PACKETS);
    return r->cell[0].latency && r->cell[1].latency && r->mb_cell.latency;
}

void dp_offload_measure(const struct offload_plan *p, struct offload_engine *e, double *tsc_mhz)
{
    static struct run r;
    r.plan = p;
    if (!dp_offload_eal(p)) {
        snprintf(e->why, sizeof e->why, "the EAL did not start");
        return;
    }
    *tsc_mhz = (double)rte_get_tsc_hz() / 1e6;
    if (!side_start(&r.it, e->word, e) || !side_start(&r.mb, "ipsec-mb", e))
        return;
    if (!memory_take(&r)) {
        snprintf(e->why, sizeof e->why, "no memory for packets");
        return;
    }
    snprintf(e->device, sizeof e->device, "%s", r.it.engine->device());
    e->ran = true;
    for (unsigned t = 0; e->ran && t < p->transform_count; t++) {
        e->ran = transform_run(&r, e, t);
        sessions_free(&r.it);
        sessions_free(&r.mb);
    }
    e->depths = e->waits ? OFFLOAD_DEPTHS : 1;
    side_stop(&r.it);
    side_stop(&r.mb);
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        free(r.cell[d].latency);
    free(r.mb_cell.latency);
}
