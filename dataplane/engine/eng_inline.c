#include "dataplane/engine/eng_inline.h"

#include "common/log.h"
#include "common/secret.h"
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_inline_dev.h"
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

/* A session with a NIC's session; those without are eng_auto's own. With inline protocol there is none of eng_auto beside it: keys that a
 * NIC makes IVs for are nowhere else. */
struct inline_session {
    struct eng_session_head head;
    struct eng_session *soft;
    eng_burst_fn *soft_burst;
    struct idev_port *port;
    void *device;
    struct rte_flow *rule;
    uint64_t userdata;
    struct cv_sa_ref ref;
    uint64_t cookie;
    struct ip_addr remote; /* outer, with whole */
    uint32_t if_id;
    uint16_t vrf, around; /* what encapsulation adds, without padding */
    bool encrypt, esn, v6, metadata, whole;
    enum cdev_kind kind;
    uint8_t iv_len, icv_len, block;
    uint32_t strays; /* atomic, of whole: ESP that came past the NIC since something came by it */
};

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

/* ---- ports ---------------------------------------------------------------------------------------------------------- */
struct inline_port {
    struct idev_port dev;
    char name[CV_NAME_MAX];
    const struct rte_security_capability *caps;
    enum rte_security_session_action_type action; /* crypto where there is both: numbers stay ours */
    uint32_t sessions;
    bool told; /* of its loss */
};
static struct inline_port ports[CV_MAX_PORTS];
static unsigned port_count;
static uint32_t session_count; /* with a NIC's or without */
static struct told *told;
static uint64_t ticks; /* of report */
static uint64_t avoided_until
    [CV_MAX_IFS]; /* in ticks: interfaces that had packets which inline protocol could not take */
static eng_inline_port_fn *route;
static void *route_ctx;

static struct inline_port *port_find(uint16_t id)
{
    for (unsigned i = 0; i < port_count; i++)
        if (ports[i].dev.id == id)
            return &ports[i];
    return NULL;
}

/* ---- workers: eng_auto's, and what each has done but not given back ------------------------------------------------- */
struct flight {
    struct eng_worker *w;
    uint64_t submitted, delivered;
    uint64_t by_nic, by_software; /* the manager reads them, relaxed */
    struct eng_job jobs[SLOTS];
};
static struct flight *flights[CV_MAX_WORKERS + 1];

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

static cv_result worker_new(int socket, struct eng_worker **out)
{
    unsigned at = 0;
    while (at < RTE_DIM(flights) && flights[at])
        at++;
    struct flight *f =
        at < RTE_DIM(flights) ? rte_zmalloc_socket("inline", sizeof *f, RTE_CACHE_LINE_SIZE, socket) : NULL;
    if (!f)
        return CV_ENOMEM;
    const cv_result r = eng_auto.worker_new(socket, &f->w);
    if (r != CV_OK) {
        rte_free(f);
        return r;
    }
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
    if (unlikely(!idev_runs(s->port) || (s->kind == CDEV_CHAIN && !ivs))) {
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
        if (unlikely(!(flags & RX_DONE) || j->m->port != s->port->id)) {
            rest[left++] = (uint8_t)i;
            continue;
        }
        j->op.ok = !(flags & RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED);
        j->drop = (uint8_t)(j->op.ok ? CV_DROP_NONE : CV_DROP_ESP_AUTH);
    }
    count(&f->by_nic, n - left);
    soft_jobs(f, s, jobs, rest, left);
}

/* Of inline protocol going out: the inner packet, to be numbered and encrypted by the NIC; by nobody else. */
static void out_whole(const struct inline_session *s, struct eng_job *jobs, unsigned n)
{
    const bool runs = idev_runs(s->port) && s->encrypt;
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
    return mark_of(m)->s->port->id;
}

bool eng_inline_whole(const struct rte_mbuf *m, struct eng_inline_way *way)
{
    const struct inline_session *s = mark_of(m)->s;
    if (!s->whole)
        return false;
    const uint32_t pad = -(m->pkt_len + ESP_TRAILER) & (s->block - 1u);
    *way = (struct eng_inline_way){.remote = s->remote, .vrf = s->vrf, .around = (uint16_t)(s->around + pad)};
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

void eng_inline_came(const struct eng_session *session)
{
    struct inline_session *s = (struct inline_session *)(uintptr_t)of(session);
    if (unlikely(__atomic_load_n(&s->strays, __ATOMIC_RELAXED) != 0))
        __atomic_store_n(&s->strays, 0, __ATOMIC_RELAXED);
}

bool eng_inline_port_is_whole(uint16_t port)
{
    const struct inline_port *p = port_find(port);
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
    if (unlikely(!idev_runs(s->port)) ||
        (s->metadata && unlikely(!idev_metadata(s->port, s->device, m, s->esn ? &mark->seq : NULL))))
        return false;
    count(&f->by_nic, 1);
    return true;
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

static bool has_action(const struct rte_security_capability *c, enum rte_security_session_action_type action)
{
    for (; c && c->action != RTE_SECURITY_ACTION_TYPE_NONE; c++)
        if (c->action == action && c->protocol == RTE_SECURITY_PROTOCOL_IPSEC)
            return true;
    return false;
}

cv_result eng_inline_port_add(uint16_t id, const char *name)
{
    if (port_count == CV_MAX_PORTS)
        return CV_ENOSPC;
    struct inline_port *p = &ports[port_count];
    memset(p, 0, sizeof *p);
    CV_TRY(idev_open(&p->dev, id, INLINE_SESSIONS, on_event));
    p->caps = idev_caps(&p->dev);
    p->action = has_action(p->caps, RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO)
                    ? RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO
                    : RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL;
    if (!has_action(p->caps, p->action)) {
        idev_close(&p->dev);
        return CV_EUNSUP;
    }
    snprintf(p->name, sizeof p->name, "%s", name);
    port_count++;
    return CV_OK;
}

/* ---- sessions of NICs that nobody uses any more ---------------------------------------------------------------------- */
struct retired {
    struct retired *next;
    struct inline_port *port;
    void *device;
    struct rte_flow *rule;
    unsigned ticks;
};
static struct retired *retired;

/* Rule first: "the security session specified in the action" must be there as long as the rule is. False: the driver keeps either. */
static bool device_free(struct inline_port *p, struct rte_flow **rule, void *device)
{
    if (!idev_rule_free(&p->dev, *rule))
        return false;
    *rule = NULL;
    if (!idev_session_free(&p->dev, device))
        return false;
    p->sessions--;
    return true;
}

static void retire(struct inline_port *p, void *device, struct rte_flow *rule)
{
    struct retired *r = calloc(1, sizeof *r);
    if (!r) /* it stays in the NIC until the port is closed: that costs a place in a table */
        return;
    *r = (struct retired){.next = retired, .port = p, .device = device, .rule = rule};
    retired = r;
}

/* all: whatever their age. */
static void retired_free(bool all)
{
    for (struct retired **at = &retired; *at;) {
        struct retired *r = *at;
        r->ticks += idev_link_up(&r->port->dev); /* a port without link holds on to what it has to send */
        if ((all || r->ticks >= INLINE_DRAIN_TICKS) && device_free(r->port, &r->rule, r->device)) {
            *at = r->next;
            free(r);
        } else {
            at = &r->next;
        }
    }
}

static void ports_close(void)
{
    while (port_count > 0)
        idev_close(&ports[--port_count].dev);
    while (retired) { /* drivers that would not let go of them */
        struct retired *r = retired;
        retired = r->next;
        free(r);
    }
}

void eng_inline_ports_remove(void)
{
    memset(avoided_until, 0, sizeof avoided_until);
    for (unsigned i = 0; i < port_count; i++)
        idev_stop(&ports[i].dev); /* nothing leaves any more by what goes away now */
    retired_free(true);
    ports_close();
}

/* ---- sessions ------------------------------------------------------------------------------------------------------- */
static struct inline_port *port_of(const struct cv_sa *sa)
{
    uint16_t id;
    struct inline_port *p = route && route(route_ctx, sa, &id) ? port_find(id) : NULL;
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
    if (!device_free(p, &s->rule, s->device))
        retire(p, s->device, NULL);
    return false;
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
    s->remote = sa->remote.addr;
    s->vrf = sa->vrf_outer;
    s->if_id = sa->if_id;
    s->head.owner = &eng_inline;
    s->port = &p->dev;
    s->ref = sa->ref;
    s->cookie = sa->cookie;
    s->encrypt = sa->ref.dir == CV_DIR_OUT;
    s->esn = (sa->flags & CV_SA_ESN) != 0;
    s->v6 = sa->local.addr.family == IP_V6;
    s->metadata = (cap->ol_flags & RTE_SECURITY_TX_OLOAD_NEED_MDATA) != 0;
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
    for (unsigned i = 0; i < port_count; i++)
        if (!idev_runs(&ports[i].dev))
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
    struct inline_session *s =
        p ? rte_zmalloc_socket("inline_session", sizeof *s, RTE_CACHE_LINE_SIZE, socket) : NULL;
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

static void where(const struct eng_session *s, struct cv_sa_engine *out)
{
    if (idev_runs(of(s)->port)) {
        out->by = of(s)->whole ? CV_ENGINE_INLINE_PROTOCOL : CV_ENGINE_INLINE_CRYPTO;
        return;
    }
    out->by = CV_ENGINE_UNKNOWN; /* nobody: it fails closed */
    if (!of(s)->whole)
        eng_where(of(s)->soft, out);
    out->why = CV_ENGINE_WHY_FAILED;
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
    retire(port_find(s->port->id), s->device, s->rule);
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
    (void)workers;
    if (arg[0]) {
        snprintf(why, why_len, "inline takes no further words");
        return CV_EINVAL;
    }
    mark_at = rte_mbuf_dynfield_register(&field);
    if (mark_at < 0) {
        snprintf(why, why_len, "no room in packet buffers");
        return CV_ENOMEM;
    }
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

/* What a NIC keeps until its queue has run dry is not shown as a session. */
static uint32_t sessions_of(const struct inline_port *p)
{
    uint32_t n = idev_runs(&p->dev) ? p->sessions : 0;
    for (const struct retired *r = retired; r && n > 0; r = r->next)
        n -= r->port == p;
    return n;
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
    uint64_t by_nic = 0, by_software = 0, on_nic = 0;
    unsigned n = 0;
    ticks++;
    retired_free(false);
    for (unsigned i = 0; i < RTE_DIM(flights) && flights[i]; i++) {
        by_nic += __atomic_load_n(&flights[i]->by_nic, __ATOMIC_RELAXED);
        by_software += __atomic_load_n(&flights[i]->by_software, __ATOMIC_RELAXED);
    }
    for (unsigned i = 0; i < port_count && n + 1 < max; i++) {
        const uint32_t sessions = sessions_of(&ports[i]);
        tell_loss(&ports[i]);
        on_nic += sessions;
        /* which NIC worked on a packet is not counted apart: the first row has the sum */
        row_set(&rows[n++], eng_inline.name, ports[i].name, ports[i].told ? " lost" : "", sessions,
                i ? 0 : by_nic);
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
};
