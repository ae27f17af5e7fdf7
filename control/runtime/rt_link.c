#include "control/runtime/rt_link.h"

#include "common/secret.h"
#include "control/runtime/rt_loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>

enum {
    BATCH_MAX = 256,   /* elements taken before the loop looks at other events again */
    RING_RETRY_MS = 5, /* a full command ring: the consumer does not tell when it has made room */
};

struct waiting {
    uint32_t seq;
    rt_reply_fn *fn;
    void *ctx;
    UT_hash_handle hh;
};

struct queued {
    struct queued *next;
    struct cv_cmd cmd;
};

struct rt_link {
    struct event_base *base;
    struct rt_link_up up;
    bool attached;
    struct shm shm;
    int conn_fd;
    uint32_t last_seq;
    struct waiting *waiting;
    struct queued *head, **tail;
    unsigned queue_len;
    struct event *bell, *hangup, *retry;
};

static void on_bell(evutil_socket_t fd, short what, void *arg);

/* ---- commands ------------------------------------------------------------------------------------------ */
static void queue_pop(struct rt_link *l)
{
    struct queued *q = l->head;
    l->head = q->next;
    if (!l->head)
        l->tail = &l->head;
    l->queue_len--;
    secret_wipe(q, sizeof *q);
    free(q);
}

static void queue_flush(struct rt_link *l)
{
    bool put = false;
    while (l->head && ring_cmd_put(&l->shm, &l->head->cmd)) {
        queue_pop(l);
        put = true;
    }
    if (put)
        shm_ring_dp(&l->shm);
    rt_timer_at(l->retry, l->head ? rt_now_ms() + RING_RETRY_MS : UINT64_MAX);
}

static cv_result queue_add(struct rt_link *l, const struct cv_cmd *cmd)
{
    if (l->queue_len >= RT_LINK_QUEUE_MAX)
        return CV_ENOSPC;
    struct queued *q = calloc(1, sizeof *q);
    if (!q)
        return CV_ENOMEM;
    q->cmd = *cmd;
    *l->tail = q;
    l->tail = &q->next;
    l->queue_len++;
    return CV_OK;
}

static cv_result wait_for(struct rt_link *l, uint32_t seq, rt_reply_fn *fn, void *ctx)
{
    struct waiting *w = calloc(1, sizeof *w);
    if (!w)
        return CV_ENOMEM;
    w->seq = seq;
    w->fn = fn;
    w->ctx = ctx;
    HASH_ADD(hh, l->waiting, seq, sizeof w->seq, w);
    return CV_OK;
}

static void wait_drop(struct rt_link *l, uint32_t seq)
{
    struct waiting *w;
    HASH_FIND(hh, l->waiting, &seq, sizeof seq, w);
    if (!w)
        return;
    HASH_DEL(l->waiting, w);
    free(w);
}

cv_result rt_link_command(struct rt_link *l, const struct cv_cmd *cmd, rt_reply_fn *fn, void *ctx,
                          uint32_t *seq)
{
    if (!l->attached)
        return CV_EAGAIN;
    struct cv_cmd copy = *cmd;
    if (++l->last_seq == 0)
        l->last_seq = 1; /* 0 never names a command */
    copy.seq = l->last_seq;
    cv_result r = fn ? wait_for(l, copy.seq, fn, ctx) : CV_OK;
    if (r == CV_OK) {
        r = queue_add(l, &copy);
        if (r != CV_OK)
            wait_drop(l, copy.seq);
    }
    if (r == CV_OK) {
        if (seq)
            *seq = copy.seq;
        queue_flush(l);
    }
    secret_wipe(&copy, sizeof copy);
    return r;
}

bool rt_link_send(struct rt_link *l, const struct cv_ike_pkt *p)
{
    if (!l->attached || p->len > CV_IKE_PKT_MAX || !ring_inject_put(&l->shm, p))
        return false;
    shm_ring_dp(&l->shm);
    return true;
}

/* ---- events --------------------------------------------------------------------------------------------- */
static void take_event(struct rt_link *l, const struct cv_evt *e)
{
    struct waiting *w = NULL;
    uint32_t seq = e->seq;
    if (e->type == CV_EVT_REPLY)
        HASH_FIND(hh, l->waiting, &seq, sizeof seq, w);
    if (!w) {
        l->up.event(l->up.ctx, e);
        return;
    }
    HASH_DEL(l->waiting, w);
    rt_reply_fn *fn = w->fn;
    void *ctx = w->ctx;
    free(w);
    fn(ctx, e);
}

/* Takes up to BATCH_MAX elements of each ring; true when there was something. An upcall may detach. */
static bool take_batch(struct rt_link *l)
{
    static struct cv_evt evt; /* too large for comfort on the stack; one thread */
    static struct cv_ike_pkt pkt;
    unsigned n = 0;
    while (l->attached && n < BATCH_MAX && ring_evt_get(&l->shm, &evt)) {
        take_event(l, &evt);
        n++;
    }
    for (unsigned i = 0; l->attached && i < BATCH_MAX && ring_punt_get(&l->shm, &pkt); i++, n++)
        if (pkt.len <= CV_IKE_PKT_MAX)
            l->up.datagram(l->up.ctx, &pkt);
    return n > 0;
}

static bool rings_empty(struct rt_link *l)
{
    return ring_evt_empty(&l->shm) && ring_punt_empty(&l->shm);
}

static void drain(struct rt_link *l)
{
    __atomic_store_n(&l->shm.head->ctl_asleep, 0, __ATOMIC_RELAXED);
    bool any = take_batch(l);
    if (any && l->up.batch_done)
        l->up.batch_done(l->up.ctx);
    if (!l->attached)
        return;
    queue_flush(l);
    /* Asleep first, then the fence, then the second look: a producer that enqueues in between either is seen
     * here or sees the word and rings. */
    __atomic_store_n(&l->shm.head->ctl_asleep, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!rings_empty(l))
        event_active(l->bell, EV_READ, 0);
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
    struct rt_link *l = arg;
    uint64_t count;
    (void)what;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n; /* EAGAIN when drain called itself again */
    if (l->attached)
        drain(l);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct rt_link *l = arg;
    (void)fd;
    (void)what;
    if (l->attached)
        queue_flush(l);
}

/* The data plane never writes to the connection: readable means that it hung up. */
static void on_hangup(evutil_socket_t fd, short what, void *arg)
{
    struct rt_link *l = arg;
    char octets[16];
    (void)what;
    if (recv(fd, octets, sizeof octets, MSG_DONTWAIT) > 0)
        return;
    take_batch(l); /* what it said before it died */
    if (!l->attached)
        return;
    rt_link_detach(l);
    l->up.lost(l->up.ctx);
}

/* ---- life ------------------------------------------------------------------------------------------------ */
cv_result rt_link_new(struct event_base *base, const struct rt_link_up *up, struct rt_link **out)
{
    struct rt_link *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return CV_ENOMEM;
    l->base = base;
    l->up = *up;
    l->tail = &l->head;
    l->conn_fd = -1;
    l->retry = evtimer_new(base, on_retry, l);
    if (!l->retry) {
        free(l);
        return CV_ENOMEM;
    }
    *out = l;
    return CV_OK;
}

void rt_link_free(struct rt_link *l)
{
    if (!l)
        return;
    rt_link_detach(l);
    event_free(l->retry);
    free(l);
}

cv_result rt_link_attach(struct rt_link *l, struct shm *s, int conn_fd)
{
    if (l->attached)
        return CV_EEXIST;
    l->bell = event_new(l->base, s->ctl_bell, EV_READ | EV_PERSIST, on_bell, l);
    l->hangup = event_new(l->base, conn_fd, EV_READ | EV_PERSIST, on_hangup, l);
    if (!l->bell || !l->hangup || event_add(l->bell, NULL) != 0 || event_add(l->hangup, NULL) != 0) {
        if (l->bell)
            event_free(l->bell);
        if (l->hangup)
            event_free(l->hangup);
        l->bell = l->hangup = NULL;
        return CV_ENOMEM;
    }
    l->shm = *s;
    l->conn_fd = conn_fd;
    l->attached = true;
    event_active(l->bell, EV_READ, 0); /* first look, and first asleep word */
    return CV_OK;
}

void rt_link_detach(struct rt_link *l)
{
    if (!l->attached)
        return;
    l->attached = false;
    event_free(l->bell);
    event_free(l->hangup);
    l->bell = l->hangup = NULL;
    evtimer_del(l->retry);
    while (l->head)
        queue_pop(l);
    close(l->conn_fd);
    l->conn_fd = -1;
    shm_close(&l->shm);
    struct waiting *w, *next, *all = l->waiting;
    l->waiting = NULL; /* a callback may queue nothing: attached is false */
    HASH_ITER (hh, all, w, next) {
        HASH_DEL(all, w);
        w->fn(w->ctx, NULL);
        free(w);
    }
}

const struct shm *rt_link_shm(const struct rt_link *l)
{
    return l->attached ? &l->shm : NULL;
}

cv_result rt_link_counters(const struct rt_link *l, const struct cv_sa_ref *ref, struct cv_sa_counters *out,
                           uint64_t *idle_ms)
{
    memset(out, 0, sizeof *out);
    *idle_ms = UINT64_MAX;
    if (!l->attached)
        return CV_EAGAIN;
    const struct cv_shm *h = l->shm.head;
    if (ref->sa_id >= 1u << h->sa_index_bits || ref->dir > CV_DIR_OUT)
        return CV_EINVAL;
    shm_counters_sum(&l->shm, ref->dir, ref->sa_id, out);
    uint64_t now = __atomic_load_n(&h->now_tsc, __ATOMIC_RELAXED), per_ms = h->tsc_hz / 1000u;
    if (out->last_tsc != 0 && per_ms != 0)
        *idle_ms = now > out->last_tsc ? (now - out->last_tsc) / per_ms : 0;
    return CV_OK;
}
