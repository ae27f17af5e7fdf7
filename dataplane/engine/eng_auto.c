#include "dataplane/engine/eng_auto.h"

#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_session.h"
#include "dataplane/engine/eng_vaes.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <string.h>

enum {
    TRANSFORMS = 2, /* AES-GCM, GMAC */
    KEYS = 3,
    DIRS = 2,
    SLICES = 9, /* the least counts: it met the fewest disturbances */
    BURST = 32,
    STRIDE = 2048,
    FRONT = 64,
    SALT = 4,
};
static const uint16_t measured[TRANSFORMS] = {CV_ENCR_AES_GCM_16, CV_ENCR_NULL_AES_GMAC};
static const uint32_t sizes[ENG_AUTO_SIZES] = {64, 1420};

/* vaes must be so much faster, over all sizes, before it is taken: less is noise. */
static const double MARGIN = 0.97;

/* Written by self_test alone, before there are sessions. */
static struct decision {
    struct eng_auto_times times;
    bool vaes;
} decisions[TRANSFORMS][KEYS][DIRS];

/* ---- choosing -------------------------------------------------------------------------------------------------- */
/* NULL: ipsec-mb is alone with it. */
static struct decision *decision_of(const struct cv_sa *sa)
{
    const unsigned key = sa->encr_key_len / 8u - 2, dir = sa->ref.dir == CV_DIR_OUT;
    for (unsigned t = 0; t < TRANSFORMS; t++)
        if (sa->encr == measured[t] && key < KEYS)
            return &decisions[t][key][dir];
    return NULL;
}

const struct eng_ops *eng_auto_choice(const struct cv_sa *sa)
{
    const struct decision *d = decision_of(sa);
    return d && d->vaes ? &eng_vaes : &eng_ipsecmb;
}

/* By the mean of shares: a size counts as much as another, however long its packets take. */
bool eng_auto_takes_vaes(const struct eng_auto_times *t)
{
    double share = 0;
    for (unsigned z = 0; z < ENG_AUTO_SIZES; z++) {
        if (t->vaes[z] <= 0 || t->ipsecmb[z] <= 0)
            return false;
        share += t->vaes[z] / t->ipsecmb[z] / ENG_AUTO_SIZES;
    }
    return share < MARGIN;
}

void eng_auto_measured(const struct cv_sa *sa, const struct eng_auto_times *t)
{
    struct decision *d = decision_of(sa);
    if (d)
        *d = (struct decision){*t, eng_auto_takes_vaes(t)};
}

struct eng_auto_times eng_auto_times_of(const struct cv_sa *sa)
{
    const struct decision *d = decision_of(sa);
    return d ? d->times : (struct eng_auto_times){0};
}

/* ---- measurement --------------------------------------------------------------------------------------------- */
struct bench {
    struct eng_worker *w;
    uint8_t *mem;
    struct eng_op ops[BURST];
};

static double slice(struct bench *b, eng_burst_fn *burst, const struct eng_session *s, uint32_t size)
{
    for (unsigned i = 0; i < BURST; i++)
        b->ops[i] = (struct eng_op){.esp = b->mem + i * STRIDE + FRONT, .data_len = size, .iv = i};
    const uint64_t start = rte_rdtsc_precise();
    burst(b->w, s, b->ops, BURST);
    return (double)(rte_rdtsc_precise() - start);
}

/* The shorter of what was measured and what is, where there was anything. */
static double lesser(double was, double now)
{
    return was == 0 || now < was ? now : was;
}

static cv_result compare(struct bench *b, const struct cv_sa *sa, struct eng_auto_times *t)
{
    struct eng_session *ours = NULL, *mb = NULL;
    struct eng_session_info ours_info, mb_info;
    cv_result r = eng_vaes.session_new(sa, -1, &ours, &ours_info);
    if (r == CV_OK)
        r = eng_ipsecmb.session_new(sa, -1, &mb, &mb_info);
    for (unsigned z = 0; r == CV_OK && z < ENG_AUTO_SIZES; z++)
        for (unsigned i = 0; i < SLICES; i++) {
            t->vaes[z] = lesser(t->vaes[z], slice(b, ours_info.burst, ours, sizes[z]));
            t->ipsecmb[z] = lesser(t->ipsecmb[z], slice(b, mb_info.burst, mb, sizes[z]));
        }
    eng_vaes.session_free(ours);
    eng_ipsecmb.session_free(mb);
    return r;
}

static cv_result measure_all(struct bench *b)
{
    for (unsigned i = 0; i < TRANSFORMS * KEYS * DIRS; i++) {
        const unsigned t = i / (KEYS * DIRS), key = i / DIRS % KEYS, out = i % DIRS;
        struct cv_sa sa = {.encr = measured[t], .encr_key_len = (uint8_t)(16 + 8 * key), .salt_len = SALT};
        struct eng_auto_times times = {0};
        sa.ref.dir = out ? CV_DIR_OUT : CV_DIR_IN;
        CV_TRY(compare(b, &sa, &times));
        eng_auto_measured(&sa, &times);
    }
    return CV_OK;
}

static cv_result measure(void)
{
    struct bench b = {.mem = rte_zmalloc("eng_auto", BURST * STRIDE, RTE_CACHE_LINE_SIZE)};
    cv_result r = b.mem ? eng_ipsecmb.worker_new(-1, &b.w) : CV_ENOMEM;
    if (r == CV_OK) {
        r = measure_all(&b);
        eng_ipsecmb.worker_free(b.w);
    }
    rte_free(b.mem);
    return r;
}

/* ---- the engine ------------------------------------------------------------------------------------------------ */
/* A processor that has VAES and gives wrong answers is not to be trusted with ipsec-mb either: it is an error. */
static cv_result self_test(char *err, size_t err_len)
{
    memset(decisions, 0, sizeof decisions);
    CV_TRY(eng_ipsecmb.self_test(err, err_len));
    if (!eng_vaes_usable(&eng_vaes))
        return CV_OK;
    CV_TRY(eng_vaes.self_test(err, err_len));
    return measure();
}

static cv_result session_new(const struct cv_sa *sa, int socket, struct eng_session **out,
                             struct eng_session_info *info)
{
    return eng_auto_choice(sa)->session_new(sa, socket, out, info);
}

static void session_free(struct eng_session *s)
{
    if (s)
        eng_session_owner(s)->session_free(s);
}

static cv_result worker_new(int socket, struct eng_worker **out)
{
    return eng_ipsecmb.worker_new(socket, out); /* the one kind of worker that there is: vaes has no state */
}

static void worker_free(struct eng_worker *w)
{
    eng_ipsecmb.worker_free(w);
}

static bool supports(uint16_t encr, uint8_t encr_key_len, uint16_t integ)
{
    return eng_ipsecmb.supports(encr, encr_key_len, integ);
}

static const char *device(void)
{
    for (unsigned i = 0; i < TRANSFORMS * KEYS * DIRS; i++)
        if (decisions[i / (KEYS * DIRS)][i / DIRS % KEYS][i % DIRS].vaes)
            return eng_vaes.device();
    return eng_ipsecmb.device();
}

const struct eng_ops eng_auto = {
    .name = "auto",
    .worker_new = worker_new,
    .worker_free = worker_free,
    .supports = supports,
    .session_new = session_new,
    .session_free = session_free,
    .self_test = self_test,
    .device = device,
};
