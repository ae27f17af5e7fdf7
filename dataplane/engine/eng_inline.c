#include "dataplane/engine/eng_inline.h"

#include "common/log.h"
#include "common/secret.h"
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_inline_port.h"
#include "dataplane/engine/eng_inline_sa.h"
#include "dataplane/engine/eng_inline_told.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_session.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RX_DONE (RTE_MBUF_F_RX_SEC_OFFLOAD | RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED)

enum { SLOTS = 2048, BURST = 64, ESP_HDR = 8, ESP_TRAILER = 2, AEAD_IV = 8 };

/* What a worker counts of a session: one line each, so that none waits for another. */
struct inline_lane {
    _Alignas(RTE_CACHE_LINE_SIZE) uint64_t by_nic; /* the manager reads it, relaxed */
};

/* A session with a NIC's session; those without are eng_auto's own. With inline protocol there is none of eng_auto beside it: keys that a
 * NIC makes IVs for are nowhere else. */
struct inline_session {
    struct eng_session_head head;
    struct eng_session *soft;
    eng_burst_fn *soft_burst;
    struct inline_port *port;
    void *device;
    struct rte_flow *rule;
    struct inline_lane *lanes;
    uint64_t userdata;
    struct cv_sa_ref ref;
    uint64_t cookie;
    struct ip_endpoint remote; /* outer, as the NIC was told */
    uint32_t if_id;
    uint16_t vrf, around; /* what encapsulation adds, without padding */
    bool encrypt, esn, v6, metadata, whole;
    enum cdev_kind kind;
    uint8_t iv_len, icv_len, block;
    uint8_t moved;   /* atomic: the peer has another address than its rule names */
    uint32_t strays; /* atomic, of whole: ESP that came past the NIC since something came by it */
};

enum { LANES_AT = RTE_ALIGN_MUL_CEIL(sizeof(struct inline_session), RTE_CACHE_LINE_SIZE) };

/* What travels with a packet in clear. */
struct mark {
    const struct inline_session *s;
    uint64_t seq;
};
static int mark_at = -1;

static struct mark *mark_of(const struct rte_mbuf *m)
{
    return RTE_MBUF_DYNFIELD((struct rte_mbuf *)(uintptr_t)m, mark_at, struct mark *);
}

static const struct inline_session *of(const struct eng_session *s)
{
    return (const struct inline_session *)(const void *)s;
}

static uint32_t session_count; /* with a NIC's or without */
static struct told *told;
static uint64_t ticks; /* of report */
static uint64_t avoided_until
    [CV_MAX_IFS]; /* in ticks: interfaces that had packets which inline protocol could not take */
static eng_inline_port_fn *route;
static void *route_ctx;

/* ---- workers: eng_auto's, and what each has done but not given back ------------------------------------------------- */
struct flight {
    struct eng_worker *w;
    unsigned lane;
    uint64_t submitted, delivered;
    uint64_t by_nic[CV_MAX_PORTS], by_software; /* the manager reads them, relaxed */
    struct eng_job jobs[SLOTS];
};
static struct flight *flights[CV_MAX_WORKERS];
static unsigned lanes; /* workers at most */

static struct flight *flight_of(const struct eng_worker *w)
{
    unsigned i = 0;
    while (flights[i]->w != w) /* it is there: worker_new put it in */
        i++;
    return flights[i];
}

static void count(uint64_t *c, uint64_t n)
{
    __atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

/* n: also less than none, of what was counted too early. */
static void count_nic(struct flight *f, const struct inline_session *s, uint64_t n)
{
    count(&f->by_nic[s->port->at], n);
    count(&s->lanes[f->lane].by_nic, n);
}

static bool lane_is_free(unsigned lane)
{
    for (unsigned i = 0; i < RTE_DIM(flights) && flights[i]; i++)
        if (flights[i]->lane == lane)
            return false;
    return true;
}

static cv_result worker_new(int socket, struct eng_worker **out)
{
    unsigned at = 0;
    while (at < RTE_DIM(flights) && flights[at])
        at++;
    if (at >= lanes) /* sessions have no line of counts for it */
        return CV_ENOSPC;
    struct flight *f = rte_zmalloc_socket("inline", sizeof *f, RTE_CACHE_LINE_SIZE, socket);
    if (!f)
        return CV_ENOMEM;
    const cv_result r = eng_auto.worker_new(socket, &f->w);
    if (r != CV_OK) {
        rte_free(f);
        return r;
    }
    while (!lane_is_free(f->lane))
        f->lane++;
    flights[at] = f;
    *out = f->w;
    return CV_OK;
}

static void worker_free(struct eng_worker *w)
{
    unsigned at = 0;
    if (!w)
        return;
    while (flights[at]->w != w)
        at++;
    rte_free(flights[at]);
    for (; at + 1 < RTE_DIM(flights); at++) /* no holes: flight_of looks no further than it must */
        flights[at] = flights[at + 1];
    flights[RTE_DIM(flights) - 1] = NULL;
    eng_auto.worker_free(w);
}

/* Does the NIC do what goes out? */
static bool takes(const struct inline_session *s)
{
    return likely(idev_runs(&s->port->dev)) && likely(!__atomic_load_n(&s->moved, __ATOMIC_RELAXED));
}

/* ---- bursts --------------------------------------------------------------------------------------------------------- */
/* Jobs picked[0..n) of `jobs`, here. */
static void soft_jobs(struct flight *f, const struct inline_session *s, struct eng_job *jobs,
                      const uint8_t *picked, unsigned n)
{
    struct eng_op ops[BURST];
    for (unsigned i = 0; i < n; i++)
        ops[i] = jobs[picked[i]].op;
    if (n > 0)
        s->soft_burst(f->w, s->soft, ops, n);
    for (unsigned i = 0; i < n; i++) {
        jobs[picked[i]].op = ops[i];
        jobs[picked[i]].drop = (uint8_t)(ops[i].ok    ? CV_DROP_NONE
                                         : s->encrypt ? CV_DROP_CRYPTO
                                                      : CV_DROP_ESP_AUTH);
    }
    count(&f->by_software, n);
}

/* "The security protocol headers and IV are fully provided by the application" (rte_flow.h, RTE_FLOW_ACTION_TYPE_SECURITY). */
static void iv_write(const struct inline_session *s, const struct eng_op *op, const uint8_t *random)
{
    const uint64_t iv = rte_cpu_to_be_64(op->iv);
    if (s->kind == CDEV_CHAIN)
        memcpy(op->esp + ESP_HDR, random, s->iv_len);
    else
        memcpy(op->esp + ESP_HDR, &iv, s->iv_len < AEAD_IV ? s->iv_len : AEAD_IV);
}

static void out_jobs(struct flight *f, const struct inline_session *s, struct eng_job *jobs, unsigned n)
{
    enum { CBC_IV = 16 };
    uint8_t all[BURST] = {0};
    const uint8_t *ivs = s->kind == CDEV_CHAIN ? eng_ipsecmb_ivs(f->w, n) : NULL;
    if (unlikely(!takes(s) || (s->kind == CDEV_CHAIN && !ivs))) {
        for (unsigned i = 0; i < n; i++)
            all[i] = (uint8_t)i;
        soft_jobs(f, s, jobs, all, n);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        struct eng_job *j = &jobs[i];
        iv_write(s, &j->op, ivs ? ivs + i * CBC_IV : NULL);
        memset(j->op.esp + ESP_HDR + s->iv_len + j->op.data_len, 0, s->icv_len); /* the ICV's room */
        j->m->ol_flags |= RTE_MBUF_F_TX_SEC_OFFLOAD;
        *mark_of(j->m) = (struct mark){s, j->op.iv};
        j->op.ok = true;
        j->drop = CV_DROP_NONE;
    }
}

/* The NIC found the session by SPI and destination, as the SA was found. Where it did not, it left the packet as it was. */
static void in_jobs(struct flight *f, const struct inline_session *s, struct eng_job *jobs, unsigned n)
{
    uint8_t rest[BURST];
    unsigned left = 0;
    for (unsigned i = 0; i < n; i++) {
        struct eng_job *j = &jobs[i];
        const uint64_t flags = j->m->ol_flags;
        j->m->ol_flags = flags & ~RX_DONE;
        if (unlikely(!(flags & RX_DONE) || j->m->port != s->port->dev.id)) {
            rest[left++] = (uint8_t)i;
            continue;
        }
        j->op.ok = !(flags & RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED);
        j->drop = (uint8_t)(j->op.ok ? CV_DROP_NONE : CV_DROP_ESP_AUTH);
    }
    count_nic(f, s, n - left);
    soft_jobs(f, s, jobs, rest, left);
}

/* Of inline protocol going out: the inner packet, to be numbered and encrypted by the NIC; by nobody else. */
static void out_whole(const struct inline_session *s, struct eng_job *jobs, unsigned n)
{
    const bool runs = idev_runs(&s->port->dev) && s->encrypt;
    if (unlikely(!runs))
        (void)told_set(told, s->userdata, IDEV_UNFIT);
    for (unsigned i = 0; i < n; i++) {
        struct eng_job *j = &jobs[i];
        j->op.ok = runs;
        j->drop = (uint8_t)(runs ? CV_DROP_NONE : CV_DROP_CRYPTO);
        if (likely(runs)) {
            j->m->ol_flags |= RTE_MBUF_F_TX_SEC_OFFLOAD;
            *mark_of(j->m) = (struct mark){s, j->op.iv};
        }
    }
}

static unsigned submit(struct eng_worker *w, const struct eng_session *session, const struct eng_job *jobs,
                       unsigned n)
{
    struct flight *f = flight_of(w);
    const struct inline_session *s = of(session);
    struct eng_job done[BURST];
    const uint64_t room = SLOTS - (f->submitted - f->delivered);
    n = (unsigned)RTE_MIN(room, (uint64_t)RTE_MIN(n, (unsigned)BURST));
    memcpy(done, jobs, n * sizeof *jobs);
    if (s->whole)
        out_whole(s, done, n);
    else if (s->encrypt)
        out_jobs(f, s, done, n);
    else
        in_jobs(f, s, done, n);
    for (unsigned i = 0; i < n; i++)
        f->jobs[f->submitted++ % SLOTS] = done[i];
    return n;
}

static unsigned poll(struct eng_worker *w, struct eng_job *done, unsigned max)
{
    struct flight *f = flight_of(w);
    const unsigned n = (unsigned)RTE_MIN((uint64_t)max, f->submitted - f->delivered);
    for (unsigned i = 0; i < n; i++)
        done[i] = f->jobs[f->delivered++ % SLOTS];
    return n;
}

static void flight(const struct eng_worker *w, struct eng_flight *out)
{
    const struct flight *f = flight_of(w);
    out->submitted = f->submitted;
    out->delivered = f->delivered;
    out->room = (uint32_t)(SLOTS - (f->submitted - f->delivered));
}

/* Of a session on a NIC, in one call that returns when it is done: the NIC does not come into it. */
static void burst(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    for (unsigned i = 0; i < n && of(s)->whole; i++)
        ops[i].ok = false;
    if (of(s)->whole)
        return;
    of(s)->soft_burst(w, of(s)->soft, ops, n);
    count(&flight_of(w)->by_software, n);
}

/* ---- packets in clear ----------------------------------------------------------------------------------------------- */
uint16_t eng_inline_port(const struct rte_mbuf *m)
{
    return mark_of(m)->s->port->dev.id;
}

bool eng_inline_whole(const struct rte_mbuf *m, struct eng_inline_way *way)
{
    const struct inline_session *s = mark_of(m)->s;
    if (!s->whole)
        return false;
    const uint32_t pad = -(m->pkt_len + ESP_TRAILER) & (s->block - 1u);
    *way = (struct eng_inline_way){
        .remote = s->remote.addr, .vrf = s->vrf, .around = (uint16_t)(s->around + pad)};
    return true;
}

uint32_t eng_inline_came_for(struct rte_mbuf *m)
{
    return told_spi(told, idev_userdata(m));
}

bool eng_inline_is_whole(const struct eng_session *s)
{
    return eng_session_owner(s) == &eng_inline && of(s)->whole;
}

/* Nobody knows whether it is authentic. One that is not costs nothing but itself while others come by the NIC. */
void eng_inline_stray(const struct eng_session *session)
{
    struct inline_session *s = (struct inline_session *)(uintptr_t)of(session);
    if (__atomic_add_fetch(&s->strays, 1, __ATOMIC_RELAXED) == INLINE_STRAYS_MAX)
        (void)told_set(told, s->userdata, IDEV_UNFIT);
}

void eng_inline_came(struct eng_worker *w, const struct eng_session *session, bool authentic)
{
    struct inline_session *s = (struct inline_session *)(uintptr_t)of(session);
    count_nic(flight_of(w), s, 1);
    if (likely(authentic) && unlikely(__atomic_load_n(&s->strays, __ATOMIC_RELAXED) != 0))
        __atomic_store_n(&s->strays, 0, __ATOMIC_RELAXED);
}

bool eng_inline_port_is_whole(uint16_t port)
{
    const struct inline_port *p = inline_port_find(port);
    return p && p->action == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL;
}

bool eng_inline_ready(struct eng_worker *w, struct rte_mbuf *m, uint16_t l2_len, uint16_t l3_len,
                      uint16_t l4_len)
{
    struct mark *mark = mark_of(m);
    const struct inline_session *s = mark->s;
    struct flight *f = flight_of(w);
    m->tx_offload = rte_mbuf_tx_offload(l2_len, l3_len, l4_len, 0, 0, 0, 0);
    m->ol_flags |= s->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
    if (unlikely(!takes(s)) ||
        (s->metadata && unlikely(!idev_metadata(&s->port->dev, s->device, m, s->esn ? &mark->seq : NULL))))
        return false;
    count_nic(f, s, 1);
    return true;
}

void eng_inline_refused(struct eng_worker *w, const struct rte_mbuf *m)
{
    count_nic(flight_of(w), mark_of(m)->s, (uint64_t)-1);
}

bool eng_inline_soft(struct eng_worker *w, struct rte_mbuf *m, uint16_t esp_at)
{
    const struct mark *mark = mark_of(m);
    const struct inline_session *s = mark->s;
    struct flight *f = flight_of(w);
    const uint32_t around = esp_at + (uint32_t)ESP_HDR + s->iv_len + s->icv_len;
    struct eng_op op = {.esp = rte_pktmbuf_mtod(m, uint8_t *) + esp_at, .iv = mark->seq};
    m->ol_flags &= ~(RTE_MBUF_F_TX_SEC_OFFLOAD | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
    m->tx_offload = 0;
    if (unlikely(s->whole)) {
        (void)told_set(told, s->userdata, IDEV_UNFIT);
        return false;
    }
    if (unlikely(m->data_len <= around))
        return false;
    op.data_len = m->data_len - around;
    op.seq_hi = s->esn ? (uint32_t)(mark->seq >> 32) : 0;
    s->soft_burst(w, s->soft, &op, 1);
    count(&f->by_software, 1);
    return op.ok;
}

/* ---- ports: coming and going ------------------------------------------------------------------------------------ */
void eng_inline_router(eng_inline_port_fn *fn, void *ctx)
{
    route = fn;
    route_ctx = ctx;
}

/* On a thread of the driver's. */
static void on_event(struct idev_port *p, enum idev_event event, uint64_t userdata)
{
    (void)p;
    if (event != IDEV_DEAD)
        (void)told_set(told, userdata, event);
}

cv_result eng_inline_port_add(uint16_t id, const char *name)
{
    return inline_port_add(id, name, on_event);
}

void eng_inline_ports_remove(void)
{
    memset(avoided_until, 0, sizeof avoided_until);
    inline_ports_remove();
}

/* ---- sessions ------------------------------------------------------------------------------------------------------- */
static struct inline_port *port_of(const struct cv_sa *sa)
{
    uint16_t id;
    struct inline_port *p = route && route(route_ctx, sa, &id) ? inline_port_find(id) : NULL;
    return p && idev_runs(&p->dev) ? p : NULL;
}

/* The session on the NIC and the rule to it. "The flow based security action should be configured on the port" (programmer's guide,
 * inline crypto); going out, what the driver keeps with each packet serves as well, and drivers with that refuse such rules. */
static bool device_make(struct inline_session *s, struct inline_port *p, const struct cv_sa *sa)
{
    struct inline_conf conf;
    inline_conf_make(&conf, sa, p->action, s->userdata);
    s->device = idev_session_new(&p->dev, &conf.session);
    if (s->device) {
        s->rule = idev_rule_new(&p->dev, sa, s->device);
        p->sessions++;
    }
    secret_wipe(&conf, sizeof conf);
    if (!s->device)
        return false;
    if (s->rule || (s->encrypt && s->metadata))
        return true;
    if (!inline_device_free(p, &s->rule, s->device))
        inline_retire(p, s->device, NULL, 0);
    return false;
}

/* Going out, and the driver finds the session by a rule alone. */
static bool by_rule(const struct inline_session *s)
{
    return s->encrypt && !s->metadata;
}

/* NONE: it is on the NIC. */
static uint8_t session_fill(struct inline_session *s, struct inline_port *p, const struct cv_sa *sa)
{
    uint8_t why;
    const struct rte_security_capability *cap = inline_cap_find(p->caps, p->action, sa, &why);
    if (!cap)
        return why;
    if (p->action == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL &&
        ticks < avoided_until[sa->if_id % CV_MAX_IFS])
        return CV_ENGINE_WHY_UNFIT;
    s->whole = p->action == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL;
    s->remote = sa->remote;
    s->vrf = sa->vrf_outer;
    s->if_id = sa->if_id;
    s->head.owner = &eng_inline;
    s->port = p;
    s->lanes = (struct inline_lane *)(void *)((uint8_t *)s + LANES_AT);
    s->ref = sa->ref;
    s->cookie = sa->cookie;
    s->encrypt = sa->ref.dir == CV_DIR_OUT;
    s->esn = (sa->flags & CV_SA_ESN) != 0;
    s->v6 = sa->local.addr.family == IP_V6;
    s->metadata = (cap->ol_flags & RTE_SECURITY_TX_OLOAD_NEED_MDATA) != 0;
    if (by_rule(s) && inline_spi_drains(p, sa->ref.spi)) /* a rule of another key */
        return CV_ENGINE_WHY_REFUSED;
    s->userdata = told_take(told, s, sa->ref.spi);
    if (s->userdata && device_make(s, p, sa))
        return CV_ENGINE_WHY_NONE;
    told_drop(told, s->userdata);
    return CV_ENGINE_WHY_REFUSED;
}

static enum cdev_kind kind_of(const struct cv_sa *sa)
{
    struct cdev_xforms x;
    cdev_xforms_make(sa, &x);
    const enum cdev_kind kind = x.kind;
    secret_wipe(&x, sizeof x);
    return kind;
}

static void session_join(struct inline_session *s, const struct cv_sa *sa, struct eng_session *soft,
                         struct eng_session_info *info)
{
    s->kind = kind_of(sa);
    s->soft = soft;
    s->soft_burst = info->burst;
    s->iv_len = info->iv_len;
    s->icv_len = info->icv_len;
    s->block = info->block;
    *info = (struct eng_session_info){.iv_len = s->iv_len,
                                      .icv_len = s->icv_len,
                                      .block = info->block,
                                      .burst = burst,
                                      .submit = submit,
                                      .whole = s->whole};
    s->around = (uint16_t)(ESP_HDR + s->iv_len + ESP_TRAILER + s->icv_len + (s->v6 ? 40 : 20) +
                           (sa->flags & CV_SA_NATT ? 8 : 0));
    if (s->whole) {
        eng_auto.session_free(s->soft);
        s->soft = NULL;
    }
}

/* Going out, and a NIC may have made IVs for its key before culvert-dp was started again: nobody knows which, so nobody goes on with it. */
static bool used_before(const struct inline_port *p, const struct cv_sa *sa)
{
    uint8_t why;
    return p->action == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL && sa->ref.dir == CV_DIR_OUT &&
           sa->seq != 0 && inline_cap_find(p->caps, p->action, sa, &why);
}

/* Ports that lost their sessions are none any more. */
static uint8_t no_port(void)
{
    const struct inline_port *p;
    for (unsigned i = 0; (p = inline_port_at(i)); i++)
        if (!idev_runs(&p->dev))
            return CV_ENGINE_WHY_FAILED;
    return CV_ENGINE_WHY_PORT;
}

static cv_result session_new(const struct cv_sa *sa, int socket, struct eng_session **out,
                             struct eng_session_info *info)
{
    struct inline_port *p = port_of(sa);
    if (p && used_before(p, sa))
        return CV_EUNSUP;
    CV_TRY(eng_auto.session_new(sa, socket, out, info));
    session_count++;
    struct inline_session *s = p ? rte_zmalloc_socket("inline_session", LANES_AT + lanes * sizeof *s->lanes,
                                                      RTE_CACHE_LINE_SIZE, socket)
                                 : NULL;
    const uint8_t why = s ? session_fill(s, p, sa) : p ? CV_ENGINE_WHY_SESSIONS : no_port();
    if (s && why == CV_ENGINE_WHY_NONE) {
        session_join(s, sa, *out, info);
        *out = (struct eng_session *)(void *)s;
        return CV_OK;
    }
    info->why = (uint8_t)why;
    log_debug("inline: SA %08x is done in software: %s", sa->ref.spi, cv_engine_why_text(why));
    rte_free(s);
    return CV_OK;
}

static void where(const struct eng_session *session, struct cv_sa_engine *out)
{
    const struct inline_session *s = of(session);
    const bool runs = idev_runs(&s->port->dev);
    if (takes(s)) {
        out->by = s->whole ? CV_ENGINE_INLINE_PROTOCOL : CV_ENGINE_INLINE_CRYPTO;
    } else {
        out->by = CV_ENGINE_UNKNOWN; /* nobody: it fails closed */
        if (s->soft)
            eng_where(s->soft, out);
        out->why = runs ? CV_ENGINE_WHY_UNFIT : CV_ENGINE_WHY_FAILED;
    }
}

static void offload(const struct eng_session *session, struct cv_sa_offload *out)
{
    const struct inline_session *s = of(session);
    *out = (struct cv_sa_offload){.counted = 1};
    out->row = s->port->at + 1 < CV_MAX_ENGINES ? (uint8_t)(s->port->at + 1) : 0;
    for (unsigned i = 0; i < lanes; i++)
        out->packets += __atomic_load_n(&s->lanes[i].by_nic, __ATOMIC_RELAXED);
}

/* Its rule names the old address. What was built with that is in the port's queue or will still meet the rule; nothing of what follows may
 * rely on it. There is no second rule: the session was told the old address as well, and keys are kept nowhere to make another. */
static void peer_moves(struct eng_session *session, const struct ip_endpoint *remote)
{
    struct inline_session *s = (struct inline_session *)(void *)session;
    const bool same = ip_addr_equal(&remote->addr, &s->remote.addr) && remote->port == s->remote.port;
    if (by_rule(s) && !same)
        __atomic_store_n(&s->moved, 1, __ATOMIC_RELAXED); /* esp_out_sa_set_peer releases it */
}

static void session_free(struct eng_session *session)
{
    if (!session)
        return;
    session_count--;
    if (eng_session_owner(session) != &eng_inline) {
        eng_auto.session_free(session);
        return;
    }
    struct inline_session *s = (struct inline_session *)(void *)session;
    told_drop(told, s->userdata);
    inline_retire(s->port, s->device, s->rule, by_rule(s) ? s->ref.spi : 0);
    if (s->soft)
        eng_auto.session_free(s->soft);
    rte_free(s);
}

/* ---- the engine ------------------------------------------------------------------------------------------------------ */
static bool supports(uint16_t encr, uint8_t encr_key_len, uint16_t integ)
{
    return eng_auto.supports(encr, encr_key_len, integ);
}

static cv_result start(const char *arg, unsigned workers, char *why, size_t why_len)
{
    static const struct rte_mbuf_dynfield field = {
        .name = "culvert_inline", .size = sizeof(struct mark), .align = _Alignof(struct mark)};
    if (arg[0]) {
        snprintf(why, why_len, "inline takes no further words");
        return CV_EINVAL;
    }
    mark_at = rte_mbuf_dynfield_register(&field);
    if (mark_at < 0) {
        snprintf(why, why_len, "no room in packet buffers");
        return CV_ENOMEM;
    }
    lanes = RTE_MIN(workers, (unsigned)RTE_DIM(flights));
    return told_new(&told);
}

static void stop(void)
{
    told_free(told);
    told = NULL;
}

/* Of the software: a NIC shows what it is worth on the wire alone. */
static cv_result self_test(char *err, size_t err_len)
{
    return eng_auto.self_test(err, err_len);
}

static const char *device(void)
{
    return eng_auto.device();
}

struct tell {
    eng_inline_told_fn *fn;
    void *ctx;
};

static void told_one(void *ctx, void *owner, unsigned events)
{
    static const struct {
        enum cv_evt_type type;
        uint32_t reason; /* as struct cv_sa_event has it */
    } of_event[IDEV_DEAD] = {[IDEV_SOFT_BYTES] = {CV_EVT_SA_SOFT, CV_BY_BYTES},
                             [IDEV_SOFT_PACKETS] = {CV_EVT_SA_SOFT, CV_BY_PACKETS},
                             [IDEV_HARD_BYTES] = {CV_EVT_SA_HARD, CV_BY_BYTES},
                             [IDEV_HARD_PACKETS] = {CV_EVT_SA_HARD, CV_BY_PACKETS},
                             [IDEV_SEQ] = {CV_EVT_SA_SEQ, 0},
                             [IDEV_UNFIT] = {CV_EVT_SA_SOFT, CV_BY_DEVICE}};
    const struct tell *t = ctx;
    const struct inline_session *s = owner;
    if (events >> IDEV_UNFIT & 1)
        avoided_until[s->if_id % CV_MAX_IFS] = ticks + INLINE_AVOID_TICKS;
    for (unsigned e = 0; e < IDEV_DEAD; e++)
        if (events >> e & 1) {
            const struct cv_sa_event what = {
                .ref = s->ref, .cookie = s->cookie, .reason = of_event[e].reason};
            if (!t->fn(t->ctx, &what, of_event[e].type))
                (void)told_set(told, s->userdata, e);
        }
}

void eng_inline_told(eng_inline_told_fn *fn, void *ctx)
{
    struct tell t = {fn, ctx};
    told_each(told, told_one, &t);
}

static void row_set(struct cv_engine_stats *row, const char *engine, const char *name, const char *state,
                    uint64_t sessions, uint64_t packets)
{
    memset(row, 0, sizeof *row);
    snprintf(row->engine, sizeof row->engine, "%s", engine);
    snprintf(row->device, sizeof row->device, "%.*s%s", (int)(sizeof row->device - 1 - strlen(state)), name,
             state);
    row->sessions = sessions;
    row->packets = packets;
}

static void tell_loss(struct inline_port *p)
{
    if (p->told || idev_runs(&p->dev))
        return;
    p->told = true;
    log_error("port %s: the NIC has lost its IPsec sessions (reset or removed); software works on all SAs "
              "from now on",
              p->name);
}

static unsigned report(struct cv_engine_stats *rows, unsigned max)
{
    uint64_t by_nic[CV_MAX_PORTS] = {0}, by_software = 0, on_nic = 0;
    struct inline_port *p;
    unsigned n = 0;
    ticks++;
    inline_drain();
    for (unsigned i = 0; i < RTE_DIM(flights) && flights[i]; i++) {
        for (unsigned k = 0; k < CV_MAX_PORTS; k++)
            by_nic[k] += __atomic_load_n(&flights[i]->by_nic[k], __ATOMIC_RELAXED);
        by_software += __atomic_load_n(&flights[i]->by_software, __ATOMIC_RELAXED);
    }
    for (unsigned i = 0; (p = inline_port_at(i)); i++) {
        const uint32_t sessions = inline_port_sessions(p);
        tell_loss(p);
        on_nic += sessions;
        if (n + 1 < max)
            row_set(&rows[n++], eng_inline.name, p->name, p->told ? " lost" : "", sessions, by_nic[i]);
    }
    if (n < max)
        row_set(&rows[n++], "software", eng_auto.device(), "", session_count - on_nic, by_software);
    return n;
}

const struct eng_ops eng_inline = {
    .name = "inline",
    .worker_new = worker_new,
    .worker_free = worker_free,
    .supports = supports,
    .session_new = session_new,
    .session_free = session_free,
    .self_test = self_test,
    .device = device,
    .start = start,
    .stop = stop,
    .poll = poll,
    .flight = flight,
    .report = report,
    .where = where,
    .offload = offload,
    .peer_moves = peer_moves,
};
