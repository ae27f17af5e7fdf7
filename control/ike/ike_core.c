#include "control/ike/ike_core.h"

#include "common/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- upcalls of the SA manager --------------------------------------------------------------------------------- */
static bool responder_only(const struct ike *e, const char *interface)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, interface);
    const struct cfg_ipsec_profile *p = t ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    return p && p->responder_only;
}

static void up_rekey(void *ctx, struct sam_child *c, enum sam_why why)
{
    struct ike *e = ctx;
    struct ike_sa *sa = ike_sa_by_conn(e, c->owner);
    (void)why;
    if (!sa || !sa->established || responder_only(e, c->interface))
        return; /* nobody to ask, or the peer's turn: the hard lifetime ends it */
    if (sa->ops->rekey_child(e, sa, c) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "rekeying of child 0x%08x not started", c->in.spi);
}

/* The peer should not go on sending into nothing (RFC 7296 1.4.1). */
static void tell_peer(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    if (sa && sa->established && sa->ops->delete_child(e, sa, c) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "the peer is not told that child 0x%08x is gone", c->in.spi);
}

static void up_expired(void *ctx, struct sam_child *c)
{
    struct ike *e = ctx;
    struct ike_sa *sa = ike_sa_by_conn(e, c->owner);
    ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "child 0x%08x of %s reached its hard lifetime", c->in.spi,
            c->interface);
    tell_peer(e, sa, c);
    if (!c->replaced_by &&
        c->worker == CV_WORKER_ANY) /* a replaced one that the peer forgot to delete is no loss */
        ike_session_child_down(e, c->interface, IKE_REASON_LIFETIME, "a child SA reached its hard lifetime");
}

/* Is there nothing on it but c, and no session that would have another child made there? */
static bool is_left(struct ike *e, const struct ike_sa *sa, const struct sam_child *c)
{
    struct ike_session *s, *next;
    if (sa->session[0])
        return false;
    HASH_ITER (hh, e->sessions, s, next)
        if (s->conn_id == sa->conn_id)
            return false;
    for (const struct sam_child *o = sam_children_of(e->sam, sa->conn_id); o; o = o->next_of_owner)
        if (o != c && o->state != SAM_RETIRING)
            return false;
    return true;
}

static void up_idle(void *ctx, struct sam_child *c)
{
    struct ike *e = ctx;
    struct ike_sa *sa = ike_sa_by_conn(e, c->owner);
    const bool ours = sa && sa->established && sa->session[0];
    ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "child 0x%08x of %s carried nothing for %llu s: deleted",
            c->in.spi, c->interface, (unsigned long long)(c->idle_ms / 1000));
    if (c->worker == CV_WORKER_ANY) /* else one worker has little to do (RFC 9611 3) */
        ike_session_idle(e, c);
    if (ours && is_left(e, sa, c)) /* the default peer's turn is next, and nobody would ever end this one */
        sa->ops->delete_sa(e, sa, IKE_REASON_CLEARED);
    else
        tell_peer(e, sa, c);
}

static void up_first_packet(void *ctx, struct sam_child *c)
{
    struct ike *e = ctx;
    struct ike_sa *sa = ike_sa_by_conn(e, c->owner);
    if (sa)
        sa->ops->first_packet(e, sa, c);
}

static void up_install_failed(void *ctx, struct sam_child *c, cv_result r)
{
    struct ike *e = ctx;
    struct ike_sa *sa = ike_sa_by_conn(e, c->owner);
    ike_log(e, sa, LOG_LEVEL_ERROR, "ipsec", "the data plane refused child 0x%08x of %s: %s", c->in.spi,
            c->interface, cv_result_text(r));
    tell_peer(e, sa, c);
    if (c->worker == CV_WORKER_ANY)
        ike_session_child_down(e, c->interface, IKE_REASON_NO_RESOURCES, cv_result_text(r));
}

static void up_changed(void *ctx, const char *interface)
{
    ike_status_changed(ctx, interface);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */
cv_result ike_new(const struct ike_env *env, const struct cfg *cfg,
                  const struct ike_version_ops *const *versions, struct ike **out)
{
    struct ike *e = calloc(1, sizeof *e);
    if (!e)
        return CV_ENOMEM;
    e->env = *env;
    e->cfg = cfg;
    for (unsigned i = 0; versions[i] && i < sizeof e->versions / sizeof *e->versions; i++)
        e->versions[i] = versions[i];
    e->unauth_limit = (struct log_limit){.burst = 10, .every_ms = 1000};
    e->answer_limit = e->proved_limit = (struct log_limit){.burst = 20, .every_ms = 10};
    e->session_timer_at = UINT64_MAX;
    e->watch_level = LOG_LEVEL_DEBUG;
    e->watch_messages = true;
    const struct sam_conf conf = {.now_ms = env->now_ms,
                                  .random = env->random,
                                  .env_ctx = env->ctx,
                                  .link = env->dp,
                                  .up = {.ctx = e,
                                         .rekey = up_rekey,
                                         .expired = up_expired,
                                         .first_packet = up_first_packet,
                                         .install_failed = up_install_failed,
                                         .idle = up_idle,
                                         .changed = up_changed}};
    cv_result r = sam_new(&conf, &e->sam);
    if (r != CV_OK) {
        free(e);
        return r;
    }
    ike_sessions_sync(e);
    *out = e;
    return CV_OK;
}

static void remove_all(struct ike *e)
{
    unsigned n;
    uint32_t *ids = ike_sa_ids(e, &n);
    for (unsigned i = 0; i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        if (sa)
            ike_sa_remove(e, sa, IKE_REASON_SHUTDOWN, "%s", "");
    }
    free(ids);
}

void ike_free(struct ike *e)
{
    if (!e)
        return;
    e->stopping = true;
    e->env.event = NULL; /* nobody listens any more */
    e->forgetting = true;
    remove_all(e);
    ike_reap(e);
    ike_sessions_free(e);
    sam_free(e->sam);
    free(e->heap);
    secret_wipe(e, sizeof *e);
    free(e);
}

void ike_shutdown(struct ike *e)
{
    unsigned n;
    uint32_t *ids = ike_sa_ids(e, &n);
    e->stopping = true;
    for (unsigned i = 0; i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        if (sa)
            sa->ops->delete_sa(e, sa, IKE_REASON_SHUTDOWN);
    }
    free(ids);
    ike_reap(e);
}

/* ---- timers ------------------------------------------------------------------------------------------------------ */
uint64_t ike_next_timer(const struct ike *e)
{
    const struct ike_sa *sa = ike_heap_first(e);
    uint64_t at = sam_next_timer(e->sam);
    if (sa && sa->timer_at < at)
        at = sa->timer_at;
    return e->session_timer_at < at ? e->session_timer_at : at;
}

void ike_timer(struct ike *e)
{
    uint64_t now = ike_now(e);
    struct ike_sa *sa;
    sam_timer(e->sam);
    /* each SA at most once per call: ops->timer has to move its time, and is not trusted to */
    for (unsigned left = e->heap_count; left > 0 && (sa = ike_heap_first(e)) && sa->timer_at <= now; left--) {
        ike_sa_timer(e, sa, UINT64_MAX);
        sa->ops->timer(e, sa);
    }
    ike_sessions_run(e);
    ike_reap(e);
}

/* ---- the data plane ------------------------------------------------------------------------------------------ */
static void workers_changed(struct ike *e)
{
    unsigned n;
    uint32_t *ids = ike_sa_ids(e, &n);
    for (unsigned i = 0; i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        if (sa && sa->established && sa->ops->workers)
            sa->ops->workers(e, sa);
    }
    free(ids);
}

void ike_dp_event(struct ike *e, const struct cv_evt *ev)
{
    struct sam_child *c;
    struct ike_sa *sa;
    switch (ev->type) {
    case CV_EVT_ACQUIRE:
        ike_session_acquire(e, &ev->u.acquire);
        break;
    case CV_EVT_SA_ENTRY:
        sam_adopt(e->sam, &ev->u.sa);
        break;
    case CV_EVT_NAT_CHANGE:
        c = sam_child_by_spi_in(e->sam, ev->u.sa_event.ref.spi);
        sa = c ? ike_sa_by_conn(e, c->owner) : NULL;
        if (sa)
            sa->ops->nat_change(e, sa, c, &ev->u.sa_event.remote);
        break;
    case CV_EVT_WORKERS:
        workers_changed(e);
        break;
    case CV_EVT_UNKNOWN_SPI:
        ike_stray_esp(e, &ev->u.sa_event);
        break;
    case CV_EVT_BAD_PACKET:
        ike_bad_packet(e, &ev->u.bad_packet);
        break;
    default:
        sam_event(e->sam, ev);
        break;
    }
    ike_sessions_run(e);
    ike_reap(e);
}

void ike_dp_lost(struct ike *e)
{
    struct ike_session *s, *next;
    unsigned n;
    HASH_ITER (hh, e->sessions, s, next) {
        s->resume = ike_session_has_child(e, s->interface);
        s->resume_persistent = s->persistent;
    }
    sam_lost(e->sam);
    /* The peer still holds the children, and would send into nothing: it is told to drop the whole SA. */
    uint32_t *ids = ike_sa_ids(e, &n);
    for (unsigned i = 0; i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        if (sa && sa->established)
            sa->ops->delete_sa(e, sa, IKE_REASON_REPLACED);
    }
    free(ids);
    HASH_ITER (hh, e->sessions, s, next) {
        if (s->resume)
            ike_session_want(e, s, s->resume_persistent);
        s->resume = false;
    }
    ike_sessions_run(e);
    ike_reap(e);
}

void ike_adopt_end(struct ike *e, uint64_t (*remaining_s)(void *ctx, uint64_t cookie), void *ctx)
{
    struct ike_session *s, *next;
    sam_adopt_end(e->sam, remaining_s, ctx);
    ike_adopt_drop_unfit(e);
    HASH_ITER (hh, e->sessions, s, next) {
        char why[SEL_TEXT_MAX];
        if (!ike_session_has_child(e, s->interface))
            continue;
        ike_session_child_up(e, s);
        if (ike_session_may_initiate(e, s, why, sizeof why))
            ike_session_want(e, s, true);
    }
    ike_sessions_run(e);
    ike_reap(e);
}

/* ---- services -------------------------------------------------------------------------------------------------------- */
struct sam *ike_sam(struct ike *e)
{
    return e->sam;
}

const struct ike_counters *ike_counters(const struct ike *e)
{
    return &e->counters;
}

uint64_t ike_now(const struct ike *e)
{
    return e->env.now_ms(e->env.ctx);
}

void ike_random(struct ike *e, uint8_t *out, size_t n)
{
    e->env.random(e->env.ctx, out, n);
}

const char *ike_vrf_name(const struct ike *e, uint16_t vrf)
{
    const char *name = e->env.vrf_name ? e->env.vrf_name(e->env.ctx, vrf) : "";
    return name ? name : "";
}

uint16_t ike_vrf_id(const struct ike *e, const char *name)
{
    return e->env.vrf_id && name[0] ? e->env.vrf_id(e->env.ctx, name) : 0;
}

void ike_send(struct ike *e, struct ike_sa *sa, const uint8_t *data, size_t len)
{
    const struct ike_datagram d = {
        .local = sa->local, .remote = sa->remote, .vrf = sa->vrf, .natt = sa->natt, .data = data, .len = len};
    ike_silence_sent(e, sa);
    e->counters.datagrams_out++;
    e->env.send(e->env.ctx, &d);
}

void ike_send_back(struct ike *e, const struct ike_datagram *to, const uint8_t *data, size_t len)
{
    struct ike_datagram d = *to;
    d.data = data;
    d.len = len;
    e->counters.datagrams_out++;
    e->env.send(e->env.ctx, &d);
}

const char *ike_sa_profile(const struct ike_sa *sa)
{
    return sa->profile ? sa->profile->name : sa->profile1 ? sa->profile1->name : "";
}
