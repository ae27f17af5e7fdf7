#include "dataplane/engine/eng_cryptodev.h"

#include "common/log.h"
#include "common/secret.h"
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_cryptodev_flight.h"
#include "dataplane/engine/eng_cryptodev_proto.h"
#include "dataplane/engine/eng_cryptodev_try.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_kat.h"

#include <rte_branch_prediction.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

struct counts {
    uint64_t by_device, by_software, lost;
};

/* Those that the report counts over, and what those counted who are gone; the manager's. */
static struct eng_worker *workers[CV_MAX_WORKERS + 1];
static struct counts gone;
static uint32_t session_count; /* with the device's or without */
static bool told;              /* of the failure */

/* ---- workers ---------------------------------------------------------------------------------------------------- */
static cv_result worker_new(int socket, struct eng_worker **out)
{
    CV_TRY(cdev_worker_new(socket, out));
    for (unsigned i = 0; i < RTE_DIM(workers); i++)
        if (!workers[i]) {
            workers[i] = *out;
            break;
        }
    return CV_OK;
}

static void counts_add(struct counts *c, const struct eng_worker *w)
{
    c->by_device += __atomic_load_n(&w->by_device, __ATOMIC_RELAXED);
    c->by_software += __atomic_load_n(&w->by_software, __ATOMIC_RELAXED);
    c->lost += __atomic_load_n(&w->lost, __ATOMIC_RELAXED);
}

static void worker_free(struct eng_worker *w)
{
    for (unsigned i = 0; w && i < RTE_DIM(workers); i++)
        if (workers[i] == w) {
            counts_add(&gone, w);
            workers[i] = NULL;
        }
    cdev_worker_free(w);
}

/* ---- bursts ------------------------------------------------------------------------------------------------------- */
static void soft_burst(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    for (unsigned i = 0; i < n && !s->soft; i++) /* its keys are in the device alone */
        ops[i].ok = false;
    if (unlikely(!s->soft))
        return;
    s->soft_burst(w->soft, s->soft, ops, n);
    cdev_count(&w->by_software, n);
}

static void cpu_burst(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    const bool ivs = s->encrypt && s->kind == CDEV_CHAIN;
    while (n > 0 && likely(cdev_runs())) {
        const unsigned k = RTE_MIN(n, (unsigned)CDEV_BURST);
        const uint8_t *iv = ivs ? eng_ipsecmb_ivs(w->soft, k) : NULL;
        if (likely(cdev_cpu_run(s, ops, k, iv)))
            w->errors = 0;
        else if (++w->errors >= CDEV_ERRORS_MAX)
            cdev_fail(CDEV_FAULT_ERRORS);
        cdev_count(&w->by_device, k);
        ops += k;
        n -= k;
    }
    if (unlikely(n > 0))
        soft_burst(w, s, ops, n);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------ */
static bool supports(uint16_t encr, uint8_t encr_key_len, uint16_t integ)
{
    return eng_auto.supports(encr, encr_key_len, integ);
}

bool eng_cryptodev_offloads(const struct cv_sa *sa)
{
    struct cdev_xforms x;
    if (!cdev_runs() || !supports(sa->encr, sa->encr_key_len, sa->integ))
        return false;
    cdev_xforms_make(sa, &x);
    return cdev_xforms_supported(cdev_id(), &x);
}

static void ofs_set(struct eng_session *s)
{
    enum { ESP_HDR = 8, SEQ_HI = 4 };
    s->ofs.raw = 0;
    if (s->kind != CDEV_CHAIN)
        return;
    s->ofs.ofs.cipher.head = (uint16_t)(ESP_HDR + s->iv_len);
    s->ofs.ofs.cipher.tail = s->esn ? SEQ_HI : 0;
}

/* Why there is none. */
static uint8_t device_session(struct eng_session *s, struct cdev_xforms *x)
{
    if (!cdev_runs())
        return CV_ENGINE_WHY_FAILED;
    if (!cdev_xforms_supported(cdev_id(), x))
        return CV_ENGINE_WHY_TRANSFORM;
    const cv_result r = cdev_session_new(&x->first, &s->device);
    return r == CV_OK       ? CV_ENGINE_WHY_NONE
           : r == CV_ENOSPC ? CV_ENGINE_WHY_SESSIONS
                            : CV_ENGINE_WHY_TRANSFORM;
}

/* A session for all of ESP, where that was asked for and the device has it for this SA. Its software is for what the device does not take,
 * and for when it has failed. */
static bool whole_session(struct eng_session *s, const struct cv_sa *sa, struct eng_session_info *info)
{
    const uint8_t family = sa->local.addr.family;
    if (!cdev_is_protocol() || !cdev_runs() ||
        (family != IP_V4 && family != IP_V6)) /* no SA, but a test of a transform */
        return false;
    info->why = cdev_proto_new(s, sa); /* shown where the device does its ciphers, too */
    if (!s->ipsec)
        return false;
    info->aside = true;
    info->submit = cdev_submit;
    if (!cdev_proto_softens(s)) {
        eng_auto.session_free(s->soft);
        s->soft = NULL;
    }
    return true;
}

static cv_result session_new(const struct cv_sa *sa, int socket, struct eng_session **out,
                             struct eng_session_info *info)
{
    if (cdev_is_protocol() && cdev_runs() && cdev_proto_used_before(sa))
        return CV_EUNSUP;
    struct eng_session *s = rte_zmalloc_socket("cdev_session", sizeof *s, RTE_CACHE_LINE_SIZE, socket);
    if (!s)
        return CV_ENOMEM;
    cv_result r = eng_auto.session_new(sa, socket, &s->soft, info);
    if (r != CV_OK) {
        rte_free(s);
        return r;
    }
    s->head.owner = &eng_cryptodev;
    s->soft_burst = info->burst;
    s->encrypt = sa->ref.dir == CV_DIR_OUT;
    s->esn = sa->flags & CV_SA_ESN;
    s->iv_len = info->iv_len;
    s->icv_len = info->icv_len;
    memcpy(&s->salt, sa->salt, sizeof s->salt);
    *info = (struct eng_session_info){
        .iv_len = s->iv_len, .icv_len = s->icv_len, .block = info->block, .burst = soft_burst};
    struct cdev_xforms x;
    cdev_xforms_make(sa, &x);
    s->kind = x.kind;
    ofs_set(s);
    if (!whole_session(s, sa, info))
        s->why_soft = device_session(s, &x);
    if (s->device) {
        info->burst = cdev_is_cpu() ? cpu_burst : cdev_burst_wait;
        info->submit = cdev_is_cpu() ? NULL : cdev_submit;
    }
    secret_wipe(&x, sizeof x);
    session_count++;
    *out = s;
    return CV_OK;
}

static void session_free(struct eng_session *s)
{
    if (!s)
        return;
    cdev_session_free(s->device);
    cdev_ipsec_free(s->ipsec);
    if (s->soft)
        eng_auto.session_free(s->soft);
    secret_wipe(s, sizeof *s);
    rte_free(s);
    session_count--;
}

static void where(const struct eng_session *s, struct cv_sa_engine *out)
{
    if ((s->device || s->ipsec) && cdev_runs()) {
        out->by = s->ipsec        ? CV_ENGINE_CRYPTODEV_PROTOCOL
                  : cdev_is_cpu() ? CV_ENGINE_CRYPTODEV_CPU
                                  : CV_ENGINE_CRYPTODEV;
        return;
    }
    out->by = CV_ENGINE_UNKNOWN; /* nobody, where there is no software */
    if (s->soft)
        eng_where(s->soft, out);
    out->why = s->device || s->ipsec ? CV_ENGINE_WHY_FAILED : s->why_soft;
}

/* ---- the device ---------------------------------------------------------------------------------------------------- */
static cv_result start(const char *arg, unsigned count, char *why, size_t why_len)
{
    told = false;
    gone = (struct counts){0};
    return cdev_open(arg, count, why, why_len);
}

static cv_result self_test(char *err, size_t err_len)
{
    if (cdev_state() == CDEV_CLOSED) {
        snprintf(err, err_len, "no crypto device is open");
        return CV_EUNSUP;
    }
    const struct counts before = gone;
    CV_TRY(eng_auto.self_test(err, err_len));
    cv_result r = eng_kat_run(&eng_cryptodev, err, err_len);
    if (r == CV_OK && cdev_is_protocol())
        r = cdev_try_whole(&eng_cryptodev, err, err_len);
    gone = before; /* known answers are nobody's packets */
    return r;
}

static const char *device(void)
{
    return cdev_text();
}

static void tell(uint64_t lost)
{
    static const char *const why[] = {
        [CDEV_FAULT_EVENT] = "its driver reported an error",
        [CDEV_FAULT_ERRORS] = "it gave packets back with errors",
        [CDEV_FAULT_STALL] = "it gave no packets back any more",
        [CDEV_FAULT_REMOVED] = "it is to be removed",
    };
    if (told || cdev_runs() || cdev_state() == CDEV_CLOSED)
        return;
    told = true;
    log_error("crypto device %s: %s; %llu packets in it are lost, software works on all SAs from now on%s",
              cdev_text(), why[cdev_fault()], (unsigned long long)lost,
              cdev_is_protocol()
                  ? ", but for those that send with IVs of the device's: these are negotiated anew"
                  : "");
}

static unsigned report(struct cv_engine_stats *rows, unsigned max)
{
    struct counts all = gone;
    for (unsigned i = 0; i < RTE_DIM(workers); i++)
        if (workers[i])
            counts_add(&all, workers[i]);
    if (cdev_state() != CDEV_FAILED) /* then it is known how many */
        tell(all.lost);
    cdev_let_go();
    if (max < 2)
        return 0;
    const uint32_t on_device = cdev_runs() ? cdev_sessions() : 0;
    memset(rows, 0, 2 * sizeof *rows);
    snprintf(rows[0].engine, sizeof rows[0].engine, "%s", eng_cryptodev.name);
    snprintf(rows[0].device, sizeof rows[0].device, "%s", cdev_text());
    rows[0].sessions = on_device;
    rows[0].packets = all.by_device;
    snprintf(rows[1].engine, sizeof rows[1].engine, "%s", "software");
    snprintf(rows[1].device, sizeof rows[1].device, "%s", eng_auto.device());
    rows[1].sessions = session_count - on_device;
    rows[1].packets = all.by_software;
    return 2;
}

const struct eng_ops eng_cryptodev = {
    .name = "cryptodev",
    .worker_new = worker_new,
    .worker_free = worker_free,
    .supports = supports,
    .session_new = session_new,
    .session_free = session_free,
    .self_test = self_test,
    .device = device,
    .start = start,
    .stop = cdev_close,
    .poll = cdev_poll,
    .flight = cdev_flight,
    .report = report,
    .where = where,
};
