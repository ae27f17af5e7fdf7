/* Quick Modes under way: found by message ID, retransmitted, ended, remembered for duplicates and against replays. */
#include "control/ikev1/v1_quick.h"

#include "common/secret.h"

#include <stdlib.h>
#include <string.h>

/* Longer than the peer repeats a message (V1_RETRANSMIT_MAX times V1_RETRANSMIT_MS). */
enum { KEEP_MS = 70 * 1000 };

struct v1_xchg *v1_xchg_find(struct ike_sa *sa, uint32_t message_id)
{
    struct v1_xchg *x = v1_of(sa)->xchgs;
    while (x && x->message_id != message_id)
        x = x->next;
    return x;
}

struct v1_xchg *v1_xchg_of_child(struct ike_sa *sa, uint32_t child_id)
{
    for (struct v1_xchg *x = v1_of(sa)->xchgs; x; x = x->next)
        if (x->child_id == child_id && (x->state == V1_X_R_QM2 || x->connect_at != UINT64_MAX))
            return x;
    return NULL;
}

/* ---- replays: message IDs that are used up -------------------------------------------------------------------- */
static bool has_seen(const struct v1_seen *s, uint32_t message_id)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->id[i] == message_id)
            return true;
    return false;
}

bool v1_seen(const struct ike_sa *sa, uint32_t message_id)
{
    const struct v1_sa *v1 = sa->v;
    return has_seen(&v1->quick_seen, message_id) || has_seen(&v1->seen, message_id);
}

/* Twice as many, while they are under the limit. Without memory the eldest is forgotten sooner. */
static void grow(struct v1_seen *s, unsigned most)
{
    enum { LEAST = 16 };
    unsigned cap = s->cap ? 2 * s->cap : LEAST;
    if (s->count < s->cap || s->cap >= most)
        return;
    uint32_t *id = realloc(s->id, cap * sizeof *id);
    if (!id)
        return;
    s->id = id;
    s->cap = cap;
    s->at = s->count;
}

static void see(struct v1_seen *s, uint32_t message_id, unsigned most)
{
    grow(s, most);
    if (s->cap == 0)
        return;
    s->id[s->at] = message_id;
    s->at = (s->at + 1) % s->cap;
    if (s->count < s->cap)
        s->count++;
}

void v1_see(struct ike_sa *sa, uint32_t message_id)
{
    if (!v1_seen(sa, message_id))
        see(&v1_of(sa)->seen, message_id, V1_SEEN_MAX);
}

void v1_see_quick(struct ike_sa *sa, uint32_t message_id)
{
    if (!v1_seen(sa, message_id))
        see(&v1_of(sa)->quick_seen, message_id, V1_QUICK_SEEN_MAX);
}

void v1_seen_free(struct v1_sa *v1)
{
    free(v1->seen.id);
    free(v1->quick_seen.id);
    v1->seen = v1->quick_seen = (struct v1_seen){0};
}

/* ---- life --------------------------------------------------------------------------------------------------------- */
static void wipe(struct ike *e, struct v1_xchg *x)
{
    if (x->spi_in)
        sam_spi_release(e->sam, x->spi_in);
    x->spi_in = 0;
    cr_dh_free(x->dh);
    x->dh = NULL;
    secret_free(&x->shared);
    secret_wipe(x->ni, sizeof x->ni);
    secret_wipe(x->nr, sizeof x->nr);
    x->ni_len = x->nr_len = 0;
    x->choice.set = NULL; /* of a configuration that a reload may replace */
}

void v1_xchg_free(struct ike *e, struct ike_sa *sa, struct v1_xchg *x)
{
    struct v1_xchg **at = &v1_of(sa)->xchgs;
    while (*at && *at != x)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = x->next;
    v1_of(sa)->xchg_count--;
    v1_see_quick(sa, x->message_id);
    wipe(e, x);
    v1_sent_free(&x->sent);
    secret_wipe(x, sizeof *x);
    free(x);
}

void v1_xchg_done(struct ike *e, struct v1_xchg *x)
{
    wipe(e, x);
    x->state = V1_X_DONE;
    x->sent.next_at = UINT64_MAX;
    x->forget_at = ike_now(e) + KEEP_MS;
}

/* Whoever has ended makes room, the eldest first; not one that has still something to do. */
static void make_room(struct ike *e, struct ike_sa *sa)
{
    struct v1_xchg *oldest = NULL;
    if (v1_of(sa)->xchg_count < V1_XCHG_MAX)
        return;
    for (struct v1_xchg *x = v1_of(sa)->xchgs; x; x = x->next)
        if (x->state == V1_X_DONE && x->again_at == UINT64_MAX && x->connect_at == UINT64_MAX &&
            (!oldest || x->forget_at <= oldest->forget_at))
            oldest = x;
    if (oldest)
        v1_xchg_free(e, sa, oldest);
}

struct v1_xchg *v1_xchg_new(struct ike *e, struct ike_sa *sa, uint32_t message_id, bool initiator)
{
    struct v1_sa *v1 = v1_of(sa);
    make_room(e, sa);
    if (v1->xchg_count >= V1_XCHG_MAX)
        return NULL;
    struct v1_xchg *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->message_id = message_id;
    x->initiator = initiator;
    x->state = initiator ? V1_X_I_QM1 : V1_X_R_QM2;
    x->sent.next_at = x->connect_at = x->again_at = x->forget_at = UINT64_MAX;
    x->started_ms = ike_now(e);
    if (cr_iv_phase2(&v1->keys, v1->iv, message_id, x->iv) != CV_OK) {
        free(x);
        return NULL;
    }
    x->next = v1->xchgs;
    v1->xchgs = x;
    v1->xchg_count++;
    return x;
}

/* ---- timers -------------------------------------------------------------------------------------------------------- */
static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t due_at(const struct v1_xchg *x)
{
    return earlier(earlier(x->sent.next_at, x->forget_at), earlier(x->again_at, x->connect_at));
}

uint64_t v1_xchg_next(const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    uint64_t at = UINT64_MAX;
    for (const struct v1_xchg *x = v1->xchgs; x; x = x->next)
        at = earlier(at, due_at(x));
    return at;
}

/* A peer that says nothing at all has most likely lost the IKE SA, and would never answer under it: everything starts anew. */
static void initiator_silence(struct ike *e, struct ike_sa *sa, struct v1_xchg *x)
{
    char peer[IP_TEXT_MAX];
    unsigned times = x->sent.attempts + 1;
    bool silent = sa->last_in_ms < x->started_ms;
    v1_quick_fail(e, sa, x, IKE_REASON_TIMEOUT, "%s did not answer QM1, sent %u times",
                  ip_endpoint_text(&sa->remote, peer), times);
    if (silent)
        v1_delete_sa(e, sa, IKE_REASON_TIMEOUT);
}

/* Nobody confirmed the child: the peer has not got it, or QM3 was lost for ever and nothing was sent on it. */
static void responder_silence(struct ike *e, struct ike_sa *sa, struct v1_xchg *x)
{
    struct sam_child *c = sam_child_by_id(e->sam, x->child_id);
    ike_log(e, sa, LOG_LEVEL_INFO, "isakmp", "Quick Mode 0x%08x: no QM3, the child is taken back",
            x->message_id);
    if (c && c->state == SAM_INSTALLED)
        (void)v1_delete_child(e, sa, c);
    v1_xchg_done(e, x);
}

static void repeat(struct ike *e, struct ike_sa *sa, struct v1_xchg *x)
{
    if (x->sent.attempts >= V1_RETRANSMIT_MAX) {
        if (x->initiator)
            initiator_silence(e, sa, x);
        else
            responder_silence(e, sa, x);
        return;
    }
    x->sent.attempts++;
    x->sent.next_at = ike_now(e) + V1_RETRANSMIT_MS;
    e->counters.retransmits_sent++;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "retransmitting phase 2 %s, M-ID 0x%08x, attempt %u of %u",
            x->sent.name, x->message_id, x->sent.attempts, (unsigned)V1_RETRANSMIT_MAX);
    v1_msg_again(e, sa, &x->sent);
}

/* The replaced child goes, or its rekeying is tried again. */
static void follow_up(struct ike *e, struct ike_sa *sa, struct v1_xchg *x)
{
    struct sam_child *c = x->rekeys ? sam_child_by_id(e->sam, x->rekeys) : NULL;
    struct ike_sa *owner = c ? ike_sa_by_conn(e, c->owner) : NULL;
    bool failed = x->failed;
    (void)sa;
    x->again_at = UINT64_MAX;
    x->rekeys = 0;
    if (!owner || owner->ops != &v1_ops || c->state != SAM_INSTALLED)
        return;
    if (!failed)
        (void)v1_delete_child(e, owner, c);
    else if (!c->replaced_by)
        (void)v1_rekey_child(e, owner, c);
}

void v1_xchg_connected(struct ike *e, struct v1_xchg *x)
{
    struct sam_child *c = sam_child_by_id(e->sam, x->child_id);
    x->connect_at = UINT64_MAX;
    if (c && c->state == SAM_INSTALLED && !c->active && !c->replaced_by)
        sam_child_activate(e->sam, c);
}

void v1_xchg_repeated(struct ike *e, struct v1_xchg *x)
{
    if (x->connect_at != UINT64_MAX && x->again_at != UINT64_MAX && x->repeated < V1_RETRANSMIT_MAX) {
        x->repeated++;
        x->connect_at = ike_now(e) + V1_CONNECT_MS;
        x->again_at = ike_now(e) + V1_OVERLAP_MS;
    }
}

static void due(struct ike *e, struct ike_sa *sa, struct v1_xchg *x, uint64_t now)
{
    if (x->forget_at <= now && x->again_at > now && x->connect_at > now)
        v1_xchg_free(e, sa, x);
    else if (x->connect_at <= now)
        v1_xchg_connected(e, x); /* by now it is ready, or will never be */
    else if (x->again_at <= now)
        follow_up(e, sa, x);
    else
        repeat(e, sa, x);
}

/* Handlers may end any exchange, or the SA: the list is walked afresh after each. Each step moves a time on or takes one out. */
void v1_xchg_timer(struct ike *e, struct ike_sa *sa)
{
    uint64_t now = ike_now(e);
    for (unsigned steps = 0; steps < 4 * V1_XCHG_MAX && !sa->dead; steps++) {
        struct v1_xchg *x = v1_of(sa)->xchgs;
        while (x && due_at(x) > now)
            x = x->next;
        if (!x)
            return;
        due(e, sa, x, now);
    }
}
