#include "control/ikev2/v2_resource.h"

#include "control/ike/ike_child.h"
#include "control/ikev2/v2_exchange.h"

#include <string.h>

enum {
    BACK_OFF_FIRST_MS = 60000,
    BACK_OFF_MAX_MS = 3600000,
    BUSY_MS = 1000,
    SETTLE_MS = 5000,
    NUMBER_LEN = 4
};

/* How many workers may have one of their own: 0 without `per-worker`. */
static unsigned limit(struct ike *e, const struct cfg_ipsec_profile *p)
{
    const struct cfg_sa_params sp = cfg_sa_params_effective(e->cfg, p);
    const unsigned workers = sam_workers(e->sam);
    if (!sp.per_worker_set)
        return 0;
    return sp.per_worker && sp.per_worker < workers ? sp.per_worker : workers;
}

/* ---- the group of a child: same interface, same selectors (RFC 9611 3) ------------------------------------------------ */
struct group {
    const char *interface;
    const struct ts *local, *remote;
    unsigned count;
};

static bool in_group(const struct group *g, const struct sam_child *c)
{
    if (c->state != SAM_INSTALLED || c->ts_count != g->count || strcmp(c->interface, g->interface) != 0)
        return false;
    for (unsigned i = 0; i < g->count; i++)
        if (!ts_equal(&c->ts_local[i], &g->local[i]) || !ts_equal(&c->ts_remote[i], &g->remote[i]))
            return false;
    return true;
}

static bool has_first(struct ike *e, const struct ike_sa *sa, const struct group *g)
{
    for (const struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        if (c->grouped && c->worker == CV_WORKER_ANY && in_group(g, c))
            return true;
    return false;
}

/* The peer has made one for all and did not say SA_RESOURCE_INFO: it wants no others beside it, and another one would be no better. */
static bool has_plain(struct ike *e, const struct ike_sa *sa, const struct group *g)
{
    for (const struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        if (!c->grouped && c->worker == CV_WORKER_ANY && in_group(g, c))
            return true;
    return false;
}

/* The lowest worker that has none (as in struct cv_sa), CV_WORKER_ANY when all have. */
static uint8_t lowest_free(struct ike *e, const struct ike_sa *sa, const struct group *g, unsigned most)
{
    uint32_t taken = 0;
    for (const struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        if (c->worker <= CV_MAX_WORKERS && in_group(g, c))
            taken |= 1u << c->worker;
    for (unsigned w = 1; w <= most; w++)
        if (!(taken & 1u << w))
            return (uint8_t)w;
    return CV_WORKER_ANY;
}

/* ---- one negotiation ---------------------------------------------------------------------------------------------------- */
void v2_resource_prepare(struct ike *e, struct v2_nego *n)
{
    const struct sam_child *old = n->rekeys ? sam_child_by_id(e->sam, n->rekeys) : NULL;
    if (old) /* RFC 9611 3: the rekeyed SA is bound to the same resource */
        n->worker = old->worker;
    n->grouped = old ? old->grouped : limit(e, n->ipsec) > 0;
}

void v2_resource_put(const struct v2_nego *n, struct pld_builder *b)
{
    const uint8_t number[NUMBER_LEN] = {0, 0, 0, (uint8_t)(n->worker - 1u)};
    const struct slice none = {NULL, 0}, data = {number, sizeof number};
    if (n->grouped)
        pld_put_notify(b, PLD_PROTO_NONE, none, PLD_N_SA_RESOURCE_INFO,
                       n->worker == CV_WORKER_ANY ? none : data);
}

void v2_resource_take(struct ike *e, struct v2_nego *n, const struct pld_message *m)
{
    const struct sam_child *old = n->rekeys ? sam_child_by_id(e->sam, n->rekeys) : NULL;
    /* Whether a rekey says it or not means nothing (RFC 9611 3). */
    n->grouped = old ? old->grouped : n->grouped && pld_find_notify(m, PLD_N_SA_RESOURCE_INFO) != NULL;
}

bool v2_resource_respond(struct ike *e, const struct ike_sa *sa, struct v2_nego *n,
                         const struct pld_message *m, const struct sam_child *rekeys)
{
    /* The peer is the exchange's initiator: its selectors are the remote ones. */
    const struct group g = {n->interface, n->ts_r, n->ts_i, n->ts_i_count};
    const unsigned most = limit(e, n->ipsec);
    n->worker = rekeys ? rekeys->worker : CV_WORKER_ANY;
    n->grouped = rekeys ? rekeys->grouped : most > 0 && pld_find_notify(m, PLD_N_SA_RESOURCE_INFO);
    if (rekeys || !n->grouped || n->ts_i_count != n->ts_r_count || !has_first(e, sa, &g))
        return true;
    n->worker = lowest_free(e, sa, &g, most);
    return n->worker != CV_WORKER_ANY;
}

static void wake_at(struct ike *e, struct ike_sa *sa, uint64_t at)
{
    if (v2_of(sa)->resource_at <= at)
        return;
    v2_of(sa)->resource_at = at;
    v2_schedule(e, sa);
}

/* A worker's child that the peer asked for: until the answer has arrived there the one for all sends. The first packet on it shows that
 * (ike_child_first_packet), and when none comes, that the peer has stopped asking. */
static bool waits(const struct sam_child *c)
{
    return c->worker != CV_WORKER_ANY && !c->initiator && !c->active && !c->replaced_by &&
           c->state == SAM_INSTALLED;
}

static bool sends_for(struct ike *e, const struct ike_sa *sa, const struct sam_child *like)
{
    for (const struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        if (c->active && c->worker == like->worker && c->if_id == like->if_id)
            return true;
    return false;
}

static void settle(struct ike *e, struct ike_sa *sa)
{
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner) {
        if (!waits(c) || sends_for(e, sa, c)) /* a rekey's successor has its own rules (RFC 7296 2.8) */
            continue;
        if (c->installed_ms + SETTLE_MS > ike_now(e))
            wake_at(e, sa, c->installed_ms + SETTLE_MS);
        else
            sam_child_activate(e->sam, c);
    }
}

void v2_resource_made(struct ike *e, struct ike_sa *sa, const struct v2_nego *n, bool initiator,
                      struct sam_child *c)
{
    const struct sam_child *old = n->rekeys ? sam_child_by_id(e->sam, n->rekeys) : NULL;
    c->grouped = n->grouped;
    c->leads = old ? old->leads : initiator && n->grouped && n->worker == CV_WORKER_ANY;
    if (c->leads)
        wake_at(e, sa, ike_now(e));
    if (waits(c))
        wake_at(e, sa, c->installed_ms + SETTLE_MS);
}

/* ---- asking -------------------------------------------------------------------------------------------------------------- */
static void back_off(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v = v2_of(sa);
    v->resource_wait = v->resource_wait ? v->resource_wait * 2 : BACK_OFF_FIRST_MS;
    if (v->resource_wait > BACK_OFF_MAX_MS)
        v->resource_wait = BACK_OFF_MAX_MS;
    v->resource_asked = 0;
    v->resource_from = ike_now(e) + v->resource_wait;
    wake_at(e, sa, v->resource_from);
}

void v2_resource_again(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v = v2_of(sa);
    v->resource_asked = 0;
    v->resource_wait = v->resource_from = 0;
    wake_at(e, sa, ike_now(e));
}

void v2_resource_lost(struct ike *e, struct ike_sa *sa)
{
    back_off(e, sa);
}

void v2_resource_deleted(struct ike *e, struct ike_sa *sa, const struct sam_child *c)
{
    const struct group g = {c->interface, c->ts_local, c->ts_remote, c->ts_count};
    if (!c->leads || c->worker != CV_WORKER_ANY || c->replaced_by)
        return;
    for (struct sam_child *o = sam_children_of(e->sam, sa->conn_id); o; o = o->next_of_owner) {
        if (o->worker == CV_WORKER_ANY || !in_group(&g, o))
            continue;
        o->leads = true;
        back_off(e, sa);
        return;
    }
}

static bool asking(const struct v2_task *t)
{
    for (; t; t = t->next)
        if (t->kind == V2_TASK_CHILD && t->nego && t->nego->worker != CV_WORKER_ANY)
            return true;
    return false;
}

static cv_result ask(struct ike *e, struct ike_sa *sa, struct ike_session *s, uint8_t worker)
{
    struct v2_task *t = v2_task_new(V2_TASK_CHILD);
    if (!t)
        return CV_ENOMEM;
    t->nego = v2_nego_new();
    cv_result r = CV_ENOMEM;
    if (t->nego) {
        t->nego->worker = worker;
        r = v2_child_prepare(e, sa, s, NULL, t->nego);
    }
    if (r == CV_OK)
        v2_task_add(e, sa, t);
    else
        v2_task_free(e, t);
    return r;
}

/* What c's group lacks. */
struct lack {
    bool first;     /* the one for all, before any other */
    uint8_t worker; /* as in struct cv_sa */
};

/* False when nothing is wanting, or it is not ours to ask. */
static bool wanting(struct ike *e, const struct ike_sa *sa, const struct sam_child *c, struct lack *out)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, c->interface);
    const struct cfg_ipsec_profile *p = t ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    const struct group g = {c->interface, c->ts_local, c->ts_remote, c->ts_count};
    if (!p || !c->leads || c->replaced_by || c->state != SAM_INSTALLED)
        return false;
    *out = (struct lack){!has_first(e, sa, &g), lowest_free(e, sa, &g, limit(e, p))};
    if (out->first && has_plain(e, sa, &g))
        return false;
    return out->first || out->worker != CV_WORKER_ANY;
}

/* Of what stands, none is for all: a failure is the session's, and it is never asked for often. */
static void ask_for_first(struct ike *e, struct ike_sa *sa, struct ike_session *s)
{
    if (v2_child_initiate(e, sa, s, NULL) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "%s: a child for all workers could not be asked for",
                s->interface);
    back_off(e, sa);
}

void v2_resource_due(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v = v2_of(sa);
    const uint64_t now = ike_now(e);
    struct lack lack;
    struct sam_child *c = sam_children_of(e->sam, sa->conn_id);
    v->resource_at = UINT64_MAX;
    settle(e, sa);
    while (c && !wanting(e, sa, c, &lack))
        c = c->next_of_owner;
    struct ike_session *s = c ? ike_session_get(e, c->interface) : NULL;
    if (!s || asking(v->flight) || asking(v->queue)) /* an answer comes back here */
        return;
    if (now < v->resource_from) {
        wake_at(e, sa, v->resource_from);
    } else if (v2_task_find(sa, V2_TASK_REKEY_SA, 0)) {
        wake_at(e, sa, now + BUSY_MS); /* RFC 7296 2.25.2: the peer would refuse */
    } else if (!ike_child_room(e, sa, c->interface)) {
        back_off(e, sa); /* such as answers with narrower selectors take, which are no member of the group */
    } else if (lack.first) {
        ask_for_first(e, sa, s);
    } else if (v->resource_asked >= CV_MAX_WORKERS || ask(e, sa, s, lack.worker) != CV_OK) {
        back_off(e, sa); /* a peer that agrees and then deletes is not asked for ever */
    } else {
        v->resource_asked++;
    }
}

void v2_resource_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    struct v2_sa *v = v2_of(sa);
    struct sam_child *c;
    enum ike_reason why;
    if (v2_child_answer(e, sa, t, m, &c, &why))
        return;
    if (!c) { /* RFC 9611 5.2: TS_MAX_QUEUE, or whatever else: no more are to be had for now */
        back_off(e, sa);
        return;
    }
    const struct group g = {c->interface, c->ts_local, c->ts_remote, c->ts_count};
    if (!has_first(e, sa,
                   &g)) { /* RFC 9611 3: with the same selectors; else its worker would be wanting still */
        if (v2_delete_child(e, sa, c) != CV_OK)
            ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "its delete is under way");
        back_off(e, sa);
        return;
    }
    v->resource_wait = 0;
    wake_at(e, sa, ike_now(e));
}

void v2_resource_move(struct ike *e, struct ike_sa *from, struct ike_sa *to)
{
    const struct v2_sa *was = v2_of(from);
    struct v2_sa *v = v2_of(to);
    v->resource_asked = was->resource_asked;
    v->resource_wait = was->resource_wait;
    v->resource_from = was->resource_from;
    v->resource_at = ike_now(e) + BUSY_MS;
}
