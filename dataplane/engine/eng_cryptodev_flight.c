#include "dataplane/engine/eng_cryptodev_flight.h"

#include "common/secret.h"
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_cryptodev_proto.h"
#include "dataplane/engine/eng_ipsecmb.h"

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

enum { SHELL_FRONT = 16 };

static struct rte_crypto_op *op_at(const struct eng_worker *w, uint64_t i)
{
    return w->ops[i & (CDEV_SLOTS - 1)];
}
static struct cdev_job *job_at(const struct eng_worker *w, uint64_t i)
{
    return cdev_job(op_at(w, i));
}

/* ---- workers ---------------------------------------------------------------------------------------------------- */
static cv_result ops_new(struct eng_worker *w, int socket)
{
    static unsigned number;
    char name[RTE_MEMPOOL_NAMESIZE];
    snprintf(name, sizeof name, "cdev_ops_%u", number++);
    w->pool = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_SYMMETRIC, CDEV_SLOTS, 0,
                                        sizeof(struct cdev_job), socket);
    if (!w->pool || rte_crypto_op_bulk_alloc(w->pool, RTE_CRYPTO_OP_TYPE_SYMMETRIC, w->ops, CDEV_SLOTS) == 0)
        return CV_ENOMEM;
    return CV_OK;
}

cv_result cdev_worker_new(int socket, struct eng_worker **out)
{
    struct eng_worker *w = rte_zmalloc_socket("cdev_worker", sizeof *w, RTE_CACHE_LINE_SIZE, socket);
    if (!w)
        return CV_ENOMEM;
    w->queue = CDEV_NO_QUEUE;
    cv_result r = eng_auto.worker_new(socket, &w->soft);
    if (r == CV_OK && !cdev_is_cpu()) {
        w->queue = cdev_queue_take();
        w->settled = w->queue == CDEV_NO_QUEUE;
        /* A device that numbers packets itself goes on doing so: who has no queue could only use its numbers again. */
        r = w->settled && cdev_is_protocol() && cdev_runs() ? CV_ENOSPC : ops_new(w, socket);
    }
    if (r != CV_OK) {
        cdev_worker_free(w);
        return r;
    }
    *out = w;
    return CV_OK;
}

void cdev_worker_free(struct eng_worker *w)
{
    if (!w)
        return;
    if (w->sent != w->delivered && !w->settled && cdev_state() != CDEV_STOPPED)
        cdev_halt(CDEV_FAULT_STALL); /* it writes into operations and packets until it is stopped */
    if (w->queue != CDEV_NO_QUEUE)
        cdev_queue_release(w->queue);
    if (w->soft)
        eng_auto.worker_free(w->soft);
    rte_mempool_free(w->pool);
    rte_free(w);
}

/* ---- software ----------------------------------------------------------------------------------------------------- */
static void soften(struct eng_worker *w, struct cdev_job *job)
{
    struct eng_job *call = &job->call;
    if (job->s->ipsec && job->s->encrypt) { /* not built yet */
        cdev_proto_undone(job);
        return;
    }
    call->form = ENG_ESP;
    call->said = 0;
    job->s->soft_burst(w->soft, job->s->soft, &call->op, 1);
    call->drop = (uint8_t)(call->op.ok               ? CV_DROP_NONE
                           : call->dir == CV_DIR_OUT ? CV_DROP_CRYPTO
                                                     : CV_DROP_ESP_AUTH);
    job->done = true;
    cdev_count(&w->by_software, 1);
}

/* It went to the device, and came to nothing. */
static void spoil(struct cdev_job *job, enum cv_drop drop)
{
    if (job->s->ipsec) {
        job->call.op.ok = false;
        job->call.form = ENG_WHOLE;
        job->done = true;
    } else {
        cdev_op_complete(job, false);
    }
    job->call.drop = (uint8_t)drop;
}

/* The device has stopped: what it has not given back is lost, what it never had is done here. */
static void settle(struct eng_worker *w)
{
    uint64_t lost = 0;
    for (uint64_t i = w->delivered; i < w->submitted; i++) {
        struct cdev_job *job = job_at(w, i);
        if (job->done)
            continue;
        if (i < w->sent) {
            spoil(job, CV_DROP_CRYPTO_LOST);
            lost++;
        } else {
            if (!job->s->ipsec)
                cdev_op_undo(job);
            soften(w, job);
        }
    }
    w->sent = w->submitted;
    w->passed_by = 0;
    w->settled = true;
    cdev_count(&w->lost, lost);
}

/* Once the device has failed: no more calls to it, and when all workers have let go of it, the rest. */
static void fall_back(struct eng_worker *w)
{
    if (w->queue != CDEV_NO_QUEUE) {
        cdev_queue_release(w->queue);
        w->queue = CDEV_NO_QUEUE;
    }
    if (cdev_state() == CDEV_STOPPED && !w->settled)
        settle(w);
}

/* ---- the device ---------------------------------------------------------------------------------------------------- */
/* One operation that the driver does not take, and says so. */
static bool refused(struct eng_worker *w)
{
    struct rte_crypto_op *op = op_at(w, w->sent);
    if (op->status == RTE_CRYPTO_OP_STATUS_NOT_PROCESSED || op->status == RTE_CRYPTO_OP_STATUS_SUCCESS)
        return false;
    spoil(cdev_job(op), CV_DROP_CRYPTO);
    w->sent++;
    if (++w->errors >= CDEV_ERRORS_MAX)
        cdev_fail(CDEV_FAULT_ERRORS);
    return true;
}

/* Jobs that are next for the device, in one piece of the ring: those done already are passed over. */
static uint16_t next_for_device(struct eng_worker *w)
{
    while (unlikely(w->passed_by > 0) && w->sent < w->submitted && job_at(w, w->sent)->done) {
        w->sent++;
        w->passed_by--;
    }
    const uint64_t at = w->sent & (CDEV_SLOTS - 1), most = RTE_MIN(w->submitted - w->sent, CDEV_SLOTS - at);
    uint16_t n = w->passed_by > 0 ? 0 : (uint16_t)most;
    while (n < most && !job_at(w, w->sent + n)->done)
        n++;
    return n;
}

static void push(struct eng_worker *w)
{
    uint16_t n;
    while ((n = next_for_device(w)) > 0) {
        const uint16_t took = cdev_calls.enqueue(cdev_id(), w->queue, &w->ops[w->sent & (CDEV_SLOTS - 1)], n);
        w->sent += took;
        if (took < n && !refused(w))
            return;
    }
}

static void whole_given_back(struct eng_worker *w, const struct rte_crypto_op *op, struct cdev_job *job)
{
    const enum cdev_verdict v = cdev_proto_done(op, job);
    if (likely(v == CDEV_FINE))
        w->errors = 0;
    else if (v == CDEV_ERROR && ++w->errors >= CDEV_ERRORS_MAX)
        cdev_fail(CDEV_FAULT_ERRORS);
}

static void given_back(struct eng_worker *w, struct rte_crypto_op *op)
{
    struct cdev_job *job = cdev_job(op);
    if (job->s->ipsec) {
        whole_given_back(w, op, job);
        return;
    }
    const bool ok = op->status == RTE_CRYPTO_OP_STATUS_SUCCESS,
               forged = op->status == RTE_CRYPTO_OP_STATUS_AUTH_FAILED && !job->s->encrypt;
    cdev_op_complete(job, ok);
    if (likely(ok)) {
        job->call.drop = CV_DROP_NONE;
        w->errors = 0;
    } else if (forged) {
        job->call.drop = CV_DROP_ESP_AUTH;
        w->errors = 0;
    } else {
        job->call.drop = CV_DROP_CRYPTO;
        /* Some drivers have no other word for a forged packet: what anybody may send does not end the device. */
        if (job->s->encrypt && ++w->errors >= CDEV_ERRORS_MAX)
            cdev_fail(CDEV_FAULT_ERRORS);
    }
}

static void pull(struct eng_worker *w)
{
    struct rte_crypto_op *ops[CDEV_BURST];
    const uint16_t n = cdev_calls.dequeue(cdev_id(), w->queue, ops, CDEV_BURST);
    for (uint16_t i = 0; i < n; i++)
        given_back(w, ops[i]);
    if (n > 0)
        cdev_count(&w->by_device, n);
}

static void front_is(struct eng_worker *w, uint64_t job)
{
    w->front = job;
    w->fruitless = 0;
    w->front_tsc = 0;
}

/* The job that holds up the others: since when? That a device takes more, or gives others back, does not count: what it never gives back
 * stops the whole worker. The clock is read only while it owes something. */
static void look_for_stall(struct eng_worker *w)
{
    uint64_t front = RTE_MAX(w->front, w->delivered);
    while (front < w->submitted && job_at(w, front)->done)
        front++;
    if (front != w->front || front == w->submitted) {
        front_is(w, front);
        return;
    }
    if (++w->fruitless < CDEV_STALL_POLLS / 2)
        return;
    const uint64_t now = rte_rdtsc();
    if (w->front_tsc == 0)
        w->front_tsc = now;
    else if (w->fruitless >= CDEV_STALL_POLLS && now - w->front_tsc > rte_get_tsc_hz() / 1000 * CDEV_STALL_MS)
        cdev_fail(CDEV_FAULT_STALL);
}

/* Sends and fetches. */
static void turn(struct eng_worker *w)
{
    if (unlikely(!cdev_runs() || w->queue == CDEV_NO_QUEUE)) {
        fall_back(w);
        return;
    }
    if (w->delivered == w->submitted)
        return;
    push(w);
    pull(w);
    look_for_stall(w);
}

/* ---- the worker's calls --------------------------------------------------------------------------------------------- */
static void prepare(struct eng_worker *w, const struct eng_session *s, const struct eng_job *jobs, unsigned n)
{
    const bool ivs = s->encrypt && s->kind == CDEV_CHAIN;
    const uint8_t *iv = NULL;
    for (unsigned i = 0; i < n; i++) {
        struct rte_crypto_op *op = op_at(w, w->submitted + i);
        struct cdev_job *job = cdev_job(op);
        if (ivs && i % CDEV_BURST == 0)
            iv = eng_ipsecmb_ivs(w->soft, RTE_MIN(n - i, (unsigned)CDEV_BURST));
        job->s = s;
        job->call = jobs[i];
        cdev_op_prepare(op, job, iv ? iv + 16 * (i % CDEV_BURST) : NULL);
    }
}

/* ESP as a whole. What the device is not to have keeps its place in the line, done. */
static void prepare_whole(struct eng_worker *w, const struct eng_session *s, const struct eng_job *jobs,
                          unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct rte_crypto_op *op = op_at(w, w->submitted + i);
        struct cdev_job *job = cdev_job(op);
        job->s = s;
        job->call = jobs[i];
        if (unlikely(jobs[i].form == ENG_SOFT)) {
            soften(w, job);
            w->passed_by++;
        } else {
            cdev_proto_prepare(op, job);
        }
    }
}

unsigned cdev_submit(struct eng_worker *w, const struct eng_session *s, const struct eng_job *jobs,
                     unsigned n)
{
    n = RTE_MIN(n, CDEV_SLOTS - (unsigned)(w->submitted - w->delivered));
    if (unlikely(w->settled)) { /* in line behind what is there */
        for (unsigned i = 0; i < n; i++) {
            struct cdev_job *job = job_at(w, w->submitted + i);
            job->s = s;
            job->call = jobs[i];
            soften(w, job);
        }
        w->submitted += n;
        w->sent = w->submitted;
        return n;
    }
    if (s->ipsec)
        prepare_whole(w, s, jobs, n);
    else
        prepare(w, s, jobs, n);
    w->submitted += n;
    if (likely(cdev_runs()))
        push(w);
    return n;
}

unsigned cdev_poll(struct eng_worker *w, struct eng_job *done, unsigned max)
{
    unsigned k = 0;
    turn(w);
    while (k < max && w->delivered < w->submitted && job_at(w, w->delivered)->done)
        done[k++] = job_at(w, w->delivered++)->call;
    return k;
}

uint8_t cdev_last_status(const struct eng_worker *w)
{
    return op_at(w, w->delivered - 1)->status;
}

void cdev_flight(const struct eng_worker *w, struct eng_flight *out)
{
    out->submitted = w->submitted;
    out->delivered = w->delivered;
    out->room = (uint32_t)(CDEV_SLOTS - (w->submitted - w->delivered));
}

/* An mbuf around a packet that came without one; what is in front belongs to it, too (ESN). */
static struct rte_mbuf *shell(struct eng_worker *w, unsigned i, const struct eng_session *s,
                              const struct eng_op *op)
{
    enum { ESP_HDR = 8 };
    struct rte_mbuf *m = &w->shell[i];
    uint8_t *start = op->esp - SHELL_FRONT;
    const uint32_t len = SHELL_FRONT + ESP_HDR + (uint32_t)s->iv_len + op->data_len + s->icv_len;
    memset(m, 0, sizeof *m);
    m->buf_addr = start;
    m->buf_iova = rte_mem_virt2iova(start);
    m->buf_len = m->data_len = (uint16_t)len;
    m->pkt_len = len;
    m->nb_segs = 1;
    m->refcnt = 1;
    return m;
}

static bool all_done(const struct eng_worker *w, uint64_t from)
{
    for (uint64_t i = from; i < w->submitted; i++)
        if (!job_at(w, i)->done)
            return false;
    return true;
}

/* At the ring's end, n <= CDEV_BURST: they leave it from there. */
static void wait_for(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    struct eng_job jobs[CDEV_BURST];
    const uint64_t first = w->submitted;
    for (unsigned i = 0; i < n; i++) {
        ops[i].ok = false;
        jobs[i] = (struct eng_job){
            .op = ops[i], .m = shell(w, i, s, &ops[i]), .dir = s->encrypt ? CV_DIR_OUT : CV_DIR_IN};
    }
    const unsigned took = cdev_submit(w, s, jobs, n);
    while (!all_done(w, first))
        turn(w);
    for (unsigned i = 0; i < took; i++)
        ops[i].ok = job_at(w, first + i)->call.op.ok;
    w->submitted = w->sent = first;
    front_is(w, RTE_MIN(w->front, first));
}

void cdev_burst_wait(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    for (unsigned i = 0; i < n; i += CDEV_BURST)
        wait_for(w, s, ops + i, RTE_MIN(n - i, (unsigned)CDEV_BURST));
}
