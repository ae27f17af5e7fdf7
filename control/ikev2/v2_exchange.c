#include "control/ikev2/v2_exchange.h"

#include "control/ikev2/v2_resource.h"

#include "common/secret.h"
#include "control/ikev2/v2_fsm.h"
#include "control/ikev2/v2_input.h"
#include "control/ikev2/v2_note.h"
#include "control/ikev2/v2_protect.h"

#include <stdlib.h>
#include <string.h>

/* ---- tasks ------------------------------------------------------------------------------------------------------- */
struct v2_task *v2_task_new(enum v2_task_kind kind)
{
    struct v2_task *t = calloc(1, sizeof *t);
    if (t)
        t->kind = kind;
    return t;
}

void v2_task_free(struct ike *e, struct v2_task *t)
{
    if (!t)
        return;
    v2_nego_free(e, t->nego);
    if (t->rekey)
        v2_ike_rekey_free(e, t->rekey);
    v2_wire_free(&t->wire);
    free(t);
}

void v2_tasks_free(struct ike *e, struct v2_task **list)
{
    while (*list) {
        struct v2_task *t = *list;
        *list = t->next;
        v2_task_free(e, t);
    }
}

static struct v2_task *find_in(struct v2_task *list, enum v2_task_kind kind, uint32_t child_id)
{
    for (struct v2_task *t = list; t; t = t->next)
        if (t->kind == kind && (child_id == 0 || t->child_id == child_id))
            return t;
    return NULL;
}

struct v2_task *v2_task_find(struct ike_sa *sa, enum v2_task_kind kind, uint32_t child_id)
{
    struct v2_task *t = find_in(v2_of(sa)->flight, kind, child_id);
    return t ? t : find_in(v2_of(sa)->queue, kind, child_id);
}

struct v2_task *v2_flight_find(struct ike_sa *sa, uint32_t message_id)
{
    for (struct v2_task *t = v2_of(sa)->flight; t; t = t->next)
        if (t->message_id == message_id)
            return t;
    return NULL;
}

void v2_flight_drop(struct ike_sa *sa, struct v2_task *t)
{
    for (struct v2_task **at = &v2_of(sa)->flight; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            t->next = NULL;
            return;
        }
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */
/* How long to wait after so many transmissions. DPD has the interval of its configuration (section 5). */
static uint64_t patience(const struct ike *e, const struct ike_sa *sa, const struct v2_task *t)
{
    if (t->kind == V2_TASK_DPD && sa->profile) {
        struct cfg_dpd dpd = cfg_dpd_effective(e->cfg, sa->profile);
        if (dpd.set && dpd.retry_s > 0)
            return dpd.retry_s * 1000ull;
    }
    return (uint64_t)V2_RETRANSMIT_FIRST_MS << (t->attempts - 1);
}

/* Transmissions until the peer counts as silent: waits of 2, 4, 8, 16, 32 s; a probe and five retries of DPD. A delete is
 * not worth as much patience. */
static unsigned transmissions(const struct v2_task *t)
{
    enum { FOR_DELETE = 3 };
    if (t->kind == V2_TASK_DPD)
        return V2_RETRANSMIT_MAX + 1;
    return t->kind == V2_TASK_DELETE_SA || t->kind == V2_TASK_AUTH_FAILED ? FOR_DELETE : V2_RETRANSMIT_MAX;
}

static void transmit(struct ike *e, struct ike_sa *sa, struct v2_task *t)
{
    t->attempts++;
    t->next_at = ike_now(e) + patience(e, sa, t);
    v2_wire_send(e, sa, &t->wire);
}

void v2_flight_send(struct ike *e, struct ike_sa *sa, struct v2_task *t)
{
    if (v2_flight_find(sa, t->message_id) != t) {
        t->next = v2_of(sa)->flight;
        v2_of(sa)->flight = t;
    }
    t->attempts = 0;
    transmit(e, sa, t);
}

unsigned v2_window(const struct ike *e, const struct ike_sa *sa)
{
    const struct v2_sa *v2 = sa->v;
    if (e->stopping)
        return V2_WINDOW_MAX;                     /* nobody waits for answers any more */
    return sa->established ? v2->window_peer : 1; /* RFC 7296 2.3 */
}

/* Builds and protects. False: the task came to nothing. */
static bool prepare(struct ike *e, struct ike_sa *sa, struct v2_task *t)
{
    const struct v2_kind *kind = v2_kind(t->kind);
    uint8_t *storage = malloc(V2_MESSAGE_MAX);
    if (!storage)
        return false;
    struct buf_writer w = buf_writer_init(storage, V2_MESSAGE_MAX);
    struct pld_chain chain;
    pld_chain_begin(&chain, &w);
    cv_result r = kind->build(e, sa, t, &chain.b);
    if (r == CV_OK && w.bad)
        r = CV_ENOSPC;
    if (r == CV_OK && !sa->dead) {
        struct pld_header h = v2_header(sa, kind->exchange, false, v2_of(sa)->next_send);
        t->message_id = h.message_id;
        v2_note_plain(e, sa, &h, pld_chain_first(&chain), (struct slice){storage, w.len});
        r = v2_protect(e, sa, &h, pld_chain_first(&chain), (struct slice){storage, w.len}, &t->wire);
    }
    if (r != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "%s not sent: %s", kind->name, cv_result_text(r));
    secret_wipe(storage, w.len);
    free(storage);
    return r == CV_OK && !sa->dead;
}

static unsigned in_flight(const struct v2_sa *v2)
{
    unsigned n = 0;
    for (const struct v2_task *t = v2->flight; t; t = t->next)
        n++;
    return n;
}

static bool task_fits_state(const struct v2_sa *v2, const struct v2_task *t)
{
    if (v2->state == V2_DELETING || v2->state == V2_REKEYED)
        return t->kind == V2_TASK_DELETE_SA || t->kind == V2_TASK_AUTH_FAILED;
    return v2->have_keys;
}

void v2_pump(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v2 = v2_of(sa);
    while (!sa->dead && v2->queue && in_flight(v2) < v2_window(e, sa)) {
        struct v2_task *t = v2->queue;
        v2->queue = t->next;
        t->next = NULL;
        if (!task_fits_state(v2, t) || !prepare(e, sa, t)) {
            v2_task_free(e, t);
            continue;
        }
        v2->next_send++;
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "sending %s request, message ID %u",
                pld_exchange_name(v2_kind(t->kind)->exchange), t->message_id);
        v2_flight_send(e, sa, t);
    }
    v2_schedule(e, sa);
}

void v2_task_add(struct ike *e, struct ike_sa *sa, struct v2_task *t)
{
    struct v2_task **end = &v2_of(sa)->queue;
    while (*end)
        end = &(*end)->next;
    *end = t;
    v2_pump(e, sa);
}

/* ---- the response cache (RFC 7296 2.1) ----------------------------------------------------------------------- */
struct v2_cached *v2_cached_find(struct ike_sa *sa, uint32_t message_id)
{
    struct v2_cached *c = &v2_of(sa)->cache[message_id % V2_WINDOW_MAX];
    return c->used && c->message_id == message_id ? c : NULL;
}

void v2_cached_put(struct ike_sa *sa, uint32_t message_id, const uint8_t hash[32], struct v2_wire *wire)
{
    struct v2_sa *v2 = v2_of(sa);
    struct v2_cached *c = &v2->cache[message_id % V2_WINDOW_MAX];
    v2_wire_free(&c->wire);
    *c = (struct v2_cached){.used = true, .message_id = message_id, .wire = *wire};
    memcpy(c->request_hash, hash, sizeof c->request_hash);
    *wire = (struct v2_wire){0};
    while (v2_cached_find(sa, v2->next_recv))
        v2->next_recv++;
}

void v2_reply_begin(struct v2_reply *r, uint8_t *storage, size_t cap)
{
    r->storage = storage;
    r->silent = r->wait = false;
    r->w = buf_writer_init(storage, cap);
    pld_chain_begin(&r->chain, &r->w);
}

void v2_reply_error(struct v2_reply *r, uint8_t proto, uint16_t notify, struct slice data)
{
    v2_reply_begin(r, r->storage, r->w.cap);
    pld_put_notify(&r->chain.b, proto, (struct slice){0}, notify, data);
}

/* ---- time ------------------------------------------------------------------------------------------------------------- */
static void earliest(uint64_t *at, uint64_t candidate)
{
    if (candidate < *at)
        *at = candidate;
}

void v2_schedule(struct ike *e, struct ike_sa *sa)
{
    const struct v2_sa *v2 = v2_of(sa);
    uint64_t at = UINT64_MAX;
    if (sa->dead)
        return;
    for (const struct v2_task *t = v2->flight; t; t = t->next)
        earliest(&at, t->next_at);
    earliest(&at, v2->delete_at);
    if (v2->parked.plain)
        earliest(&at, v2->parked.deadline);
    if (v2->state == V2_ESTABLISHED) {
        earliest(&at, v2->rekey_at);
        earliest(&at, v2->retry_at);
        earliest(&at, v2->resource_at);
        earliest(&at, v2->expire_at);
        earliest(&at, v2->dpd_at);
    }
    ike_sa_timer(e, sa, at);
}

/* The peer is silent. */
static void give_up(struct ike *e, struct ike_sa *sa, struct v2_task *t)
{
    char peer[IP_TEXT_MAX];
    ip_endpoint_text(&sa->remote, peer);
    switch (t->kind) {
    case V2_TASK_DELETE_SA:
    case V2_TASK_AUTH_FAILED:
        ike_sa_remove(e, sa, t->why, "%s", ike_reason_text(t->why));
        break;
    case V2_TASK_DPD:
        e->counters.dpd_dead++;
        ike_sa_remove(e, sa, IKE_REASON_DPD_DEAD, "%s did not answer %u probes", peer, t->attempts);
        break;
    default:
        ike_sa_remove(e, sa, IKE_REASON_TIMEOUT, "%s did not answer %s, sent %u times", peer,
                      pld_exchange_name(v2_kind(t->kind)->exchange), t->attempts);
        break;
    }
}

/* While an initial exchange goes unanswered its session says so: whoever waits for the tunnel need not wait for the end. */
static void still_silent(struct ike *e, struct ike_sa *sa, const struct v2_task *t)
{
    enum { LOST_PACKETS = 1 };
    char peer[IP_TEXT_MAX];
    struct ike_session *s = sa->session[0] ? ike_session_get(e, sa->session) : NULL;
    if (s && t->attempts > LOST_PACKETS && (t->kind == V2_TASK_INIT || t->kind == V2_TASK_AUTH))
        ike_session_error(e, s, IKE_REASON_TIMEOUT, "%s has not answered %s yet, sent %u times",
                          ip_endpoint_text(&sa->remote, peer), pld_exchange_name(v2_kind(t->kind)->exchange),
                          t->attempts);
}

static void retransmit_due(struct ike *e, struct ike_sa *sa, uint64_t now)
{
    for (struct v2_task *t = v2_of(sa)->flight; t; t = t->next) {
        if (now < t->next_at)
            continue;
        if (t->attempts >= transmissions(t)) {
            give_up(e, sa, t);
            return;
        }
        still_silent(e, sa, t);
        if (t->attempts > V2_SAME_SIZE)
            (void)v2_wire_smaller(e, sa, &t->wire);
        e->counters.retransmits_sent++;
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "retransmission %u of %s, message ID %u", t->attempts,
                pld_exchange_name(v2_kind(t->kind)->exchange), t->message_id);
        v2_note_again(e, sa, v2_kind(t->kind)->exchange, false, t->message_id);
        transmit(e, sa, t);
    }
}

static bool responder_only(const struct ike *e, const struct ike_sa *sa)
{
    const struct cfg_interface *t = sa->session[0] ? cfg_find_interface(e->cfg, sa->session) : NULL;
    const struct cfg_ipsec_profile *p = t ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    return p && p->responder_only;
}

static void rekey_due(struct ike *e, struct ike_sa *sa, uint64_t now)
{
    enum { AGAIN_MS = 1000 };
    struct v2_sa *v2 = v2_of(sa);
    if (responder_only(e, sa)) {
        v2->rekey_at = v2->retry_at = UINT64_MAX; /* the peer's turn; expire_at ends it */
        return;
    }
    v2_rekey_due(e, sa);
    if (sa->dead)
        return;
    if (v2->rekey_at <= now)
        v2->rekey_at = now + AGAIN_MS;
    if (v2->retry_at <= now)
        v2->retry_at = now + AGAIN_MS;
}

static void established_due(struct ike *e, struct ike_sa *sa, uint64_t now)
{
    struct v2_sa *v2 = v2_of(sa);
    if (now >= v2->expire_at) {
        v2_sa_delete(e, sa, IKE_REASON_LIFETIME);
        return;
    }
    if (now >= v2->rekey_at || now >= v2->retry_at)
        rekey_due(e, sa, now);
    if (!sa->dead && now >= v2->resource_at)
        v2_resource_due(e, sa);
    if (!sa->dead && now >= v2->dpd_at) {
        v2->dpd_at = UINT64_MAX; /* v2_dpd_due says when next */
        v2_dpd_due(e, sa);
    }
}

void v2_timer(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v2 = v2_of(sa);
    uint64_t now = ike_now(e);
    if (v2->parked.plain && now >= v2->parked.deadline)
        v2_parked_again(e, sa); /* for the last time */
    if (sa->dead)
        return;
    if (now >= v2->delete_at) {
        ike_sa_remove(e, sa, IKE_REASON_TIMEOUT, "the peer did not go on in state %s", sa->state);
        return;
    }
    retransmit_due(e, sa, now);
    if (!sa->dead && v2->state == V2_ESTABLISHED)
        established_due(e, sa, now);
    v2_schedule(e, sa);
}
