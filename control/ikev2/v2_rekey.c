/* Rekeying of children (RFC 7296 1.3.3, 2.8, 2.8.1) and of the IKE SA (1.3.2, 2.18, 2.8.2), and what collides (2.25). */
#include "control/ikev2/v2_exchange.h"
#include "control/ikev2/v2_resource.h"
#include "control/pki/pki_cert.h"

#include <stdlib.h>
#include <string.h>

enum {
    ESP_SPI_LEN = 4,
    LINGER_MS = 5000,          /* inbound of a replaced child: packets in flight */
    REPLACED_WAIT_MS = 120000, /* for the peer to delete an IKE SA that its rekey replaced */
    PUT_OFF_FIRST_MS = 1000,   /* TEMPORARY_FAILURE: wait, doubled each time ... */
    PUT_OFF_MAX_MS = 30000,    /* ... up to this ... */
    PUT_OFF_GIVE_UP = 12,      /* ... for some four minutes, then the SA is out of sync (2.25) */
    RETRY_REFUSED_MS = 10000,  /* a refused rekey is tried again before the lifetime ends */
    KE_RETRIES_MAX = 2
};

static const struct slice nothing = {NULL, 0};

struct slice v2_lower_nonce(struct slice a, struct slice b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    if (c == 0)
        return a.n < b.n ? a : b;
    return c < 0 ? a : b;
}

/* True when the lowest of all four nonces is in our exchange: what it made is redundant. */
static bool ours_is_redundant(struct slice ni, struct slice nr, struct slice rival_low)
{
    struct slice ours = v2_lower_nonce(ni, nr);
    return v2_lower_nonce(ours, rival_low).p == ours.p;
}

static bool in_flight(const struct v2_task *t)
{
    return t && t->wire.count > 0;
}

/* Random up to a quarter, so that two ends that refuse each other do not meet again. */
static uint64_t with_jitter(struct ike *e, uint64_t ms)
{
    uint8_t r;
    ike_random(e, &r, 1);
    return ms + ms / 4 * r / 256;
}

static void retry_in(struct ike *e, struct ike_sa *sa, uint64_t *at, uint64_t wait)
{
    uint64_t when = ike_now(e) + with_jitter(e, wait);
    if (when < *at)
        *at = when;
    v2_schedule(e, sa);
}

uint64_t v2_put_off(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v = v2_of(sa);
    if (++v->put_off > PUT_OFF_GIVE_UP) {
        v2_sa_delete(e, sa, IKE_REASON_PEER_REFUSED);
        return 0;
    }
    uint64_t wait = PUT_OFF_FIRST_MS;
    for (unsigned i = 1; i < v->put_off && wait < PUT_OFF_MAX_MS; i++)
        wait *= 2;
    return wait < PUT_OFF_MAX_MS ? wait : PUT_OFF_MAX_MS;
}

/* ---- children: initiator ------------------------------------------------------------------------------------------ */
/* An exchange that changes children is under way: the peer would refuse to rekey the IKE SA now (2.25.1). */
static bool children_busy(struct ike_sa *sa)
{
    return v2_task_find(sa, V2_TASK_CHILD, 0) || v2_task_find(sa, V2_TASK_REKEY_CHILD, 0) ||
           v2_task_find(sa, V2_TASK_DELETE_CHILD, 0);
}

static bool may_rekey(const struct sam_child *c)
{
    return c && c->state == SAM_INSTALLED && !c->replaced_by;
}

cv_result v2_rekey_child(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    struct ike_session *s = ike_session_get(e, c->interface);
    struct v2_sa *v = v2_of(sa);
    const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(e->cfg, c->ipsec_profile);
    if (v->state != V2_ESTABLISHED || !s)
        return CV_EINVAL;
    if (p && p->responder_only)
        return CV_EUNSUP; /* the peer's turn */
    if (!may_rekey(c) || v2_task_find(sa, V2_TASK_REKEY_CHILD, c->id))
        return CV_EEXIST;
    if (v2_task_find(sa, V2_TASK_REKEY_SA, 0)) {
        c->soft_fired = true; /* v2_rekey_due comes back to it */
        retry_in(e, sa, &v->retry_at, PUT_OFF_FIRST_MS);
        return CV_EAGAIN;
    }
    struct v2_task *t = v2_task_new(V2_TASK_REKEY_CHILD);
    if (!t)
        return CV_ENOMEM;
    t->child_id = c->id;
    t->nego = v2_nego_new();
    if (t->nego)
        t->nego->rekeys = c->id;
    cv_result r = t->nego ? v2_child_prepare(e, sa, s, NULL, t->nego) : CV_ENOMEM;
    if (r != CV_OK) {
        v2_task_free(e, t);
        return r;
    }
    v2_task_add(e, sa, t);
    return CV_OK;
}

cv_result v2_rekey_child_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    struct sam_child *c = sam_child_by_id(e->sam, t->child_id);
    if (!may_rekey(c))
        return CV_ENOENT; /* deleted, or the peer was faster */
    uint8_t spi[ESP_SPI_LEN] = {(uint8_t)(c->in.spi >> 24), (uint8_t)(c->in.spi >> 16),
                                (uint8_t)(c->in.spi >> 8), (uint8_t)c->in.spi};
    pld_put_notify(b, sam_is_ah(c) ? PLD_PROTO_AH : PLD_PROTO_ESP, (struct slice){spi, sizeof spi},
                   PLD_N_REKEY_SA, nothing);
    return v2_child_put_offer(e, sa, t->nego, b, true);
}

/* Our exchange made `fresh` in place of `old`; the peer's crossing one, if any, made the rival. */
static void settle_child(struct ike *e, struct ike_sa *sa, const struct v2_nego *n, struct sam_child *old,
                         struct sam_child *fresh)
{
    struct sam_child *rival = n->rival ? sam_child_by_id(e->sam, n->rival) : NULL;
    bool ours_lost = rival && rival->state == SAM_INSTALLED &&
                     ours_is_redundant(n->ni, n->nr, (struct slice){n->rival_low, n->rival_low_len});
    if (ours_lost) { /* the creator deletes it; the peer deletes the old one (2.8.1) */
        ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "both ends rekeyed child 0x%08x: ours is redundant",
                old ? old->in.spi : 0);
        fresh->replaced_by = rival->id;
        if (old)
            old->replaced_by = rival->id;
        /* Whether the peer has the rival already is not known; the old one it has. The rival takes over with its first packet,
         * or when the peer deletes the old one. */
        sam_child_activate(e->sam, old ? old : rival);
        (void)v2_delete_child(e, sa, fresh);
        return;
    }
    if (rival) /* the peer deletes it */
        rival->replaced_by = fresh->id;
    if (!old)
        return;
    old->replaced_by = fresh->id;
    (void)v2_delete_child(e, sa, old);
}

/* 2.25: the child is not there any more; a new one is made when there is none. */
static void child_not_found(struct ike *e, struct ike_sa *sa, const struct v2_task *t)
{
    struct sam_child *old = sam_child_by_id(e->sam, t->child_id);
    if (!may_rekey(old))
        return;
    struct ike_session *s = ike_session_get(e, old->interface);
    const bool of_worker = old->worker != CV_WORKER_ANY;
    v2_child_remove(e, old, 0);
    if (of_worker) {
        v2_resource_lost(e, sa);
        return;
    }
    if (s && v2_child_initiate(e, sa, s, NULL) != CV_OK)
        ike_session_error(e, s, IKE_REASON_CHILD_FAILED, "the peer has lost the child SA");
}

void v2_rekey_child_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    struct v2_sa *v = v2_of(sa);
    bool refused = !(m->present & PLD_BIT(PLD_SA));
    struct sam_child *fresh;
    enum ike_reason why;
    if (refused && t->nego->rival) { /* the peer's crossing rekey is then the only one, and survives */
        struct sam_child *was = sam_child_by_id(e->sam, t->child_id);
        if (was)
            was->replaced_by = t->nego->rival;
        return;
    }
    if (refused && pld_find_notify(m, PLD_N_CHILD_SA_NOT_FOUND)) {
        child_not_found(e, sa, t);
        return;
    }
    if (refused && pld_find_notify(m, PLD_N_TEMPORARY_FAILURE)) {
        struct sam_child *old = sam_child_by_id(e->sam, t->child_id);
        uint64_t wait = v2_put_off(e, sa);
        if (wait && may_rekey(old)) {
            old->soft_fired = true;
            retry_in(e, sa, &v->retry_at, wait);
        }
        return;
    }
    if (v2_child_answer(e, sa, t, m, &fresh, &why))
        return;
    struct sam_child *old = sam_child_by_id(e->sam, t->child_id);
    if (fresh) {
        v->put_off = 0;
        settle_child(e, sa, t->nego, old && old->state == SAM_INSTALLED ? old : NULL, fresh);
    } else if (may_rekey(old)) {
        old->soft_fired = true;
        retry_in(e, sa, &v->retry_at, RETRY_REFUSED_MS);
    }
}

/* ---- children: responder ------------------------------------------------------------------------------------------- */
static uint32_t spi_of(struct slice s)
{
    return (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3];
}

/* A child that we are closing already: its outbound half is gone, the SPI of the peer is still known. */
static bool closing(struct ike *e, const struct ike_sa *sa, uint32_t peer_spi, bool ah)
{
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        if (c->state == SAM_RETIRING && c->out.spi == peer_spi && sam_is_ah(c) == ah)
            return true;
    return false;
}

static void refuse_rekey(struct v2_reply *r, uint16_t notify)
{
    v2_reply_error(r, PLD_PROTO_NONE, notify, nothing);
}

/* 2.25: with the SPI of the request */
static void child_unknown(struct v2_reply *r, const struct pld_notify *asked)
{
    v2_reply_begin(r, r->storage, r->w.cap);
    pld_put_notify(&r->chain.b, asked->proto, asked->spi, PLD_N_CHILD_SA_NOT_FOUND, nothing);
}

/* Our own rekey of the same child: queued, it is not needed any more; sent, the nonces will decide (2.8.1). */
static void note_rival(struct ike_sa *sa, const struct sam_child *old, const struct sam_child *fresh,
                       const struct v2_nego *theirs)
{
    struct v2_task *mine = v2_task_find(sa, V2_TASK_REKEY_CHILD, old->id);
    if (!in_flight(mine))
        return;
    struct slice low = v2_lower_nonce(theirs->ni, theirs->nr);
    mine->nego->rival = fresh->id;
    mine->nego->rival_low_len = slice_copy(low, mine->nego->rival_low, sizeof mine->nego->rival_low);
}

void v2_rekey_child_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                            const struct pld_notify *rekey_sa, struct v2_reply *r)
{
    bool esp = rekey_sa->proto == PLD_PROTO_ESP, ah = rekey_sa->proto == PLD_PROTO_AH;
    if ((!esp && !ah) || rekey_sa->spi.n != ESP_SPI_LEN) { /* 1.3.3; nothing of it is echoed */
        refuse_rekey(r, PLD_N_INVALID_SYNTAX);
        return;
    }
    struct sam_child *old = sam_child_of_peer(e->sam, sa->conn_id, spi_of(rekey_sa->spi), ah);
    if (!old || old->state != SAM_INSTALLED) {
        if (closing(e, sa, spi_of(rekey_sa->spi), ah))
            refuse_rekey(r, PLD_N_TEMPORARY_FAILURE);
        else
            child_unknown(r, rekey_sa);
        return;
    }
    if (old->replaced_by) { /* rekeyed before: it only waits to be deleted */
        refuse_rekey(r, PLD_N_TEMPORARY_FAILURE);
        return;
    }
    struct v2_nego *n = v2_nego_new();
    struct sam_child *fresh = NULL;
    if (!n) {
        refuse_rekey(r, PLD_N_TEMPORARY_FAILURE);
        return;
    }
    n->rekeys = old->id;
    if (v2_child_request(e, sa, m, n, old, r, &fresh)) {
        note_rival(sa, old, fresh, n);
        if (!in_flight(v2_task_find(sa, V2_TASK_REKEY_CHILD, old->id)))
            old->replaced_by = fresh->id;
    }
    v2_nego_free(e, n);
}

/* ---- the IKE SA: what both roles share -------------------------------------------------------------------------- */
struct v2_ike_rekey {
    uint8_t spi_own[PLD_SPI_LEN];
    uint8_t nonce_own[32];
    struct cr_dh_key *dh;
    uint16_t dh_group;
    unsigned ke_retries;
    uint32_t rival; /* conn_id of the SA that the peer's crossing exchange made; 0 none (2.8.2) */
    uint8_t rival_low[PLD_NONCE_MAX];
    size_t rival_low_len;
};

void v2_ike_rekey_free(struct ike *e, struct v2_ike_rekey *k)
{
    (void)e;
    if (!k)
        return;
    cr_dh_free(k->dh);
    secret_wipe(k, sizeof *k);
    free(k);
}

static const struct cfg_ikev2_policy *policy_of(struct ike *e, struct ike_sa *sa)
{
    const struct cfg_ikev2_policy *p = v2_of(sa)->policy;
    return p ? p : sel_ikev2_policy(e->cfg, ike_vrf_name(e, sa->vrf), &sa->local.addr, NULL);
}

/* Everything that the new SA has from the old one but session and children, which only the survivor gets. */
static void copy_peer(const struct ike_sa *from, struct ike_sa *to)
{
    to->local = from->local;
    to->remote = from->remote;
    to->auth_remote = from->auth_remote;
    to->vrf = from->vrf;
    to->natt = from->natt;
    to->nat_local = from->nat_local;
    to->nat_remote = from->nat_remote;
    to->profile = from->profile;
    to->peer_id_type = from->peer_id_type;
    memcpy(to->peer_id, from->peer_id, sizeof to->peer_id);
    to->peer_id_len = from->peer_id_len;
    memcpy(to->peer_tag, from->peer_tag, sizeof to->peer_tag);
    to->peer_cert = pki_cert_ref(from->peer_cert);
    to->auth_own = from->auth_own;
    to->auth_peer = from->auth_peer;
    to->local_id_type = from->local_id_type;
    memcpy(to->local_id, from->local_id, sizeof to->local_id);
    to->local_id_len = from->local_id_len;
}

struct fresh {
    struct cr_suite suite;
    struct slice ni, nr;
    uint8_t spi_own[PLD_SPI_LEN], spi_peer[PLD_SPI_LEN];
    bool initiator; /* of the rekey, and so of the new SA */
    const struct secret *shared;
};

static struct ike_sa *make_sa(struct ike *e, struct ike_sa *old, const struct fresh *f)
{
    struct ike_sa *sa = ike_sa_new_spi(e, &v2_ops, f->initiator, f->spi_own);
    if (!sa)
        return NULL;
    memcpy(f->initiator ? sa->spi_r : sa->spi_i, f->spi_peer, PLD_SPI_LEN);
    copy_peer(old, sa);
    if (v2_sa_new(e, sa) != CV_OK || cr_keys2_rekey(&old->keys, &f->suite, f->ni, f->nr, sa->spi_i, sa->spi_r,
                                                    f->shared, &sa->keys) != CV_OK) {
        ike_sa_remove(e, sa, IKE_REASON_NO_RESOURCES, "the new IKE SA could not be made");
        return NULL;
    }
    struct v2_sa *v = v2_of(sa), *was = v2_of(old);
    v->suite = f->suite;
    v->have_keys = true;
    v->policy = was->policy;
    v->frag_ok = was->frag_ok; /* RFC 7383 2.3: as negotiated in IKE_SA_INIT */
    v2_sa_established(e, sa, true);
    v2_schedule(e, sa);
    return sa;
}

/* The old SA may be gone before the peer has read a delete of a child that is on its way there: it is said again. */
static void repeat_deletes(struct ike *e, struct ike_sa *from, struct ike_sa *to)
{
    for (struct v2_task *t = v2_of(from)->flight; t; t = t->next) {
        struct v2_task *again = t->kind == V2_TASK_DELETE_CHILD ? v2_task_new(V2_TASK_DELETE_CHILD) : NULL;
        if (!again)
            continue;
        again->child_id = t->child_id;
        again->spi = t->spi;
        again->ah = t->ah;
        v2_task_add(e, to, again);
    }
}

/* Requests that wait for the window of the old SA go out on the new one. */
static void move_queue(struct ike *e, struct ike_sa *from, struct ike_sa *to)
{
    struct v2_task *t = v2_of(from)->queue, *next;
    v2_of(from)->queue = NULL;
    for (; t; t = next) {
        next = t->next;
        t->next = NULL;
        if (t->kind == V2_TASK_CHILD || t->kind == V2_TASK_REKEY_CHILD || t->kind == V2_TASK_DELETE_CHILD)
            v2_task_add(e, to, t);
        else
            v2_task_free(e, t);
    }
}

/* `to` is the survivor: session, children and waiting work are its own from now on (2.18). */
static void hand_over(struct ike *e, struct ike_sa *old, struct ike_sa *to)
{
    uint64_t retry = v2_of(old)->retry_at;
    ike_sa_inherit(e, old, to);
    if (to->profile && to->profile->lifetime_certificate && v2_of(old)->expire_at < v2_of(to)->expire_at)
        v2_of(to)->expire_at = v2_of(old)->expire_at; /* the peer rekeyed: its proof ends when it did */
    v2_of(old)->replaced_by = to->conn_id;
    v2_of(old)->rekey_at = v2_of(old)->retry_at = v2_of(old)->dpd_at = UINT64_MAX;
    v2_set_state(old, V2_REKEYED);
    v2_of(old)->delete_at = ike_now(e) + REPLACED_WAIT_MS;
    repeat_deletes(e, old, to);
    move_queue(e, old, to);
    v2_of(to)->retry_at = retry;
    v2_resource_move(e, old, to);
    v2_of(to)->delete_at = UINT64_MAX;
    v2_of(to)->rival_of = 0;
    ike_log(e, to, LOG_LEVEL_INFO, "ikev2", "IKE SA rekeyed, it replaces number %u", old->conn_id);
    v2_schedule(e, to);
    v2_schedule(e, old);
}

static void delete_replaced(struct ike *e, struct ike_sa *sa)
{
    struct v2_task *t = v2_task_new(V2_TASK_DELETE_SA);
    if (!t) {
        v2_of(sa)->delete_at = ike_now(e);
        return;
    }
    t->why = IKE_REASON_REPLACED;
    v2_set_state(sa, V2_REKEYED);
    v2_task_add(e, sa, t);
}

/* ---- the IKE SA: initiator ------------------------------------------------------------------------------------------ */
cv_result v2_rekey_sa(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v = v2_of(sa);
    if (v->state != V2_ESTABLISHED)
        return CV_EINVAL; /* only what has been authenticated may be rekeyed */
    if (v2_task_find(sa, V2_TASK_REKEY_SA, 0))
        return CV_EEXIST;
    if (children_busy(sa)) { /* 2.25.1: the peer would refuse */
        retry_in(e, sa, &v->rekey_at, PUT_OFF_FIRST_MS);
        return CV_OK;
    }
    struct v2_task *t = v2_task_new(V2_TASK_REKEY_SA);
    if (!t)
        return CV_ENOMEM;
    t->rekey = calloc(1, sizeof *t->rekey);
    if (!t->rekey) {
        v2_task_free(e, t);
        return CV_ENOMEM;
    }
    v2_task_add(e, sa, t);
    return CV_OK;
}

static void draw_spi(struct ike *e, uint8_t spi[PLD_SPI_LEN])
{
    static const uint8_t zero[PLD_SPI_LEN];
    do {
        ike_random(e, spi, PLD_SPI_LEN);
    } while (memcmp(spi, zero, PLD_SPI_LEN) == 0 || ike_sa_by_spi(e, spi));
}

cv_result v2_rekey_sa_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    struct v2_ike_rekey *k = t->rekey;
    const struct cfg_ikev2_policy *policy = policy_of(e, sa);
    struct sel_offers offers;
    if (v2_of(sa)->state != V2_ESTABLISHED)
        return CV_ENOENT;
    if (!policy || !sel_ike_offers(e->cfg, policy, &offers))
        return CV_EINVAL;
    if (!k->dh_group)
        k->dh_group =
            sel_offers_has_group(&offers, sa->keys.suite.dh) ? sa->keys.suite.dh : sel_offers_group(&offers);
    CV_TRY(v2_dh_new(e, k->dh_group, &k->dh));
    draw_spi(e, k->spi_own);
    ike_random(e, k->nonce_own, sizeof k->nonce_own);
    v2_put_offers(b, &offers, k->spi_own, sizeof k->spi_own);
    pld_put_nonce(b, (struct slice){k->nonce_own, sizeof k->nonce_own});
    pld_put_ke(b, k->dh_group, cr_dh_public(k->dh));
    return CV_OK;
}

static bool retry_group(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    const struct pld_notify *bad = pld_find_notify(m, PLD_N_INVALID_KE_PAYLOAD);
    const struct cfg_ikev2_policy *policy = policy_of(e, sa);
    struct sel_offers offers;
    if (!bad || bad->data.n != 2 || t->rekey->ke_retries >= KE_RETRIES_MAX || !policy ||
        !sel_ike_offers(e->cfg, policy, &offers))
        return false;
    uint16_t group = (uint16_t)(bad->data.p[0] << 8 | bad->data.p[1]);
    if (!group || group == t->rekey->dh_group || !sel_offers_has_group(&offers, group))
        return false;
    struct v2_task *next = v2_task_new(V2_TASK_REKEY_SA);
    if (!next)
        return false;
    next->rekey = t->rekey;
    t->rekey = NULL;
    cr_dh_free(next->rekey->dh);
    next->rekey->dh = NULL;
    next->rekey->dh_group = group;
    next->rekey->ke_retries++;
    v2_task_add(e, sa, next);
    return true;
}

/* The peer answered with an error. A crossing rekey of its own, if it made one, is then the only one and survives. */
static void rekey_sa_refused(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    struct v2_sa *v = v2_of(sa);
    struct ike_sa *rival = t->rekey->rival ? ike_sa_by_conn(e, t->rekey->rival) : NULL;
    if (rival) {
        hand_over(e, sa, rival);
        return;
    }
    if (pld_find_notify(m, PLD_N_TEMPORARY_FAILURE)) {
        uint64_t wait = v2_put_off(e, sa);
        if (wait)
            retry_in(e, sa, &v->rekey_at, wait);
        return;
    }
    if (retry_group(e, sa, t, m))
        return;
    const struct pld_notify *bad = pld_find_error(m);
    ike_log(e, sa, LOG_LEVEL_WARNING, "ikev2", "the peer refused to rekey the IKE SA: %s",
            bad ? pld_notify_name(bad->type) : "no SA payload");
    retry_in(e, sa, &v->rekey_at, RETRY_REFUSED_MS * 6); /* until its lifetime ends */
}

static bool accept_sa(struct ike *e, struct ike_sa *sa, const struct v2_ike_rekey *k,
                      const struct pld_message *m, struct fresh *f, struct secret *shared)
{
    struct v2_peer_offers answer;
    struct sel_offers ours;
    struct sel_ike_choice choice;
    const struct cfg_ikev2_policy *policy = policy_of(e, sa);
    static const uint8_t zero[PLD_SPI_LEN];
    char why[SEL_TEXT_MAX] = "not one IKE proposal with an SPI of eight octets";
    v2_peer_offers(&m->sa, PLD_PROTO_IKE, PLD_SPI_LEN, &answer);
    if (!policy || m->sa.proposal_count != 1 || answer.count != 1 || !sel_ike_offers(e->cfg, policy, &ours) ||
        !sel_ike_accept(&ours, &answer.offer[0], &choice, why)) {
        ike_log(e, sa, LOG_LEVEL_WARNING, "ikev2", "rekey of the IKE SA: %s", why);
        return false;
    }
    if (memcmp(answer.spi[0].p, zero, sizeof zero) == 0 || choice.dh != k->dh_group ||
        v2_dh_shared(k->dh, m, shared) != CV_OK) {
        ike_log(e, sa, LOG_LEVEL_WARNING, "ikev2", "rekey of the IKE SA: SPI or KE payload not allowed");
        return false;
    }
    f->suite = (struct cr_suite){choice.encr, choice.key_bits, choice.integ, choice.prf, choice.dh};
    f->ni = (struct slice){k->nonce_own, sizeof k->nonce_own};
    f->nr = m->nonce;
    memcpy(f->spi_own, k->spi_own, sizeof f->spi_own);
    memcpy(f->spi_peer, answer.spi[0].p, sizeof f->spi_peer);
    f->initiator = true;
    f->shared = shared;
    return true;
}

static void settle_sa(struct ike *e, struct ike_sa *old, const struct v2_ike_rekey *k, const struct fresh *f,
                      struct ike_sa *made)
{
    struct ike_sa *rival = k->rival ? ike_sa_by_conn(e, k->rival) : NULL;
    if (rival &&
        ours_is_redundant(f->ni, f->nr, (struct slice){k->rival_low, k->rival_low_len})) { /* 2.8.2 */
        ike_log(e, old, LOG_LEVEL_INFO, "ikev2", "both ends rekeyed the IKE SA: ours is redundant");
        hand_over(e, old, rival);
        delete_replaced(e, made);
        return; /* the peer deletes the old one */
    }
    if (rival) /* the peer deletes it */
        v2_of(rival)->delete_at = ike_now(e) + REPLACED_WAIT_MS;
    hand_over(e, old, made);
    delete_replaced(e, old);
}

void v2_rekey_sa_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    struct v2_ike_rekey *k = t->rekey;
    struct secret shared = {0};
    struct fresh f = {.initiator = true};
    if (v2_of(sa)->state != V2_ESTABLISHED)
        return; /* the peer has closed it in the meantime: our attempt is forgotten (2.8.2) */
    if (!(m->present & PLD_BIT(PLD_SA))) {
        rekey_sa_refused(e, sa, t, m);
        return;
    }
    struct ike_sa *made = accept_sa(e, sa, k, m, &f, &shared) ? make_sa(e, sa, &f) : NULL;
    if (made) {
        v2_of(sa)->put_off = 0;
        settle_sa(e, sa, k, &f, made);
    } else if (k->rival && ike_sa_by_conn(e, k->rival)) {
        hand_over(e, sa, ike_sa_by_conn(e, k->rival));
    } else {
        /* The peer has a new SA that we do not have: nothing can be said on it, so all starts afresh. */
        v2_sa_delete(e, sa, IKE_REASON_NO_PROPOSAL);
    }
    secret_free(&shared);
}

/* ---- the IKE SA: responder ------------------------------------------------------------------------------------------ */
static uint16_t choose_sa(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct fresh *f,
                          struct sel_ike_choice *choice, uint16_t *group)
{
    struct v2_peer_offers peer;
    struct sel_trace trace;
    static const uint8_t zero[PLD_SPI_LEN];
    const struct cfg_ikev2_policy *policy = policy_of(e, sa);
    memset(&trace, 0, sizeof trace);
    v2_peer_offers(&m->sa, PLD_PROTO_IKE, PLD_SPI_LEN, &peer);
    bool ok = policy && sel_ike_proposal(e->cfg, policy, peer.offer, peer.count, choice, &trace);
    ike_decision(e, sa, "CREATE_CHILD_SA", &trace);
    if (!ok)
        return PLD_N_NO_PROPOSAL_CHOSEN;
    if (memcmp(peer.spi[choice->offer].p, zero, sizeof zero) == 0)
        return PLD_N_INVALID_SYNTAX;
    *group = choice->dh;
    if (!(m->present & PLD_BIT(PLD_KE)) || m->ke.group != choice->dh)
        return PLD_N_INVALID_KE_PAYLOAD;
    memcpy(f->spi_peer, peer.spi[choice->offer].p, sizeof f->spi_peer);
    f->suite = (struct cr_suite){choice->encr, choice->key_bits, choice->integ, choice->prf, choice->dh};
    return 0;
}

static void put_sa_answer(struct v2_reply *r, const struct sel_ike_choice *choice, const struct fresh *f,
                          const struct cr_dh_key *dh)
{
    struct sel_transform t[SEL_ANSWER_MAX];
    unsigned count = sel_ike_answer(choice, t);
    v2_put_answer(&r->chain.b, choice->number, PLD_PROTO_IKE, t, count, f->spi_own, PLD_SPI_LEN);
    pld_put_nonce(&r->chain.b, f->nr);
    pld_put_ke(&r->chain.b, choice->dh, cr_dh_public(dh));
}

/* Without a rekey of our own in flight the new SA takes over at once; otherwise the nonces decide later (2.25.2). */
static void answered_rekey(struct ike *e, struct ike_sa *old, struct ike_sa *made, const struct fresh *f)
{
    struct v2_task *mine = v2_task_find(old, V2_TASK_REKEY_SA, 0);
    if (!in_flight(mine)) {
        hand_over(e, old, made);
        return;
    }
    struct slice low = v2_lower_nonce(f->ni, f->nr);
    mine->rekey->rival = made->conn_id;
    mine->rekey->rival_low_len = slice_copy(low, mine->rekey->rival_low, sizeof mine->rekey->rival_low);
    v2_of(made)->rival_of = old->conn_id;
    v2_of(made)->delete_at = ike_now(e) + 2 * REPLACED_WAIT_MS; /* should it never come to a decision */
    v2_schedule(e, made);
}

void v2_rekey_peer_uses(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *old = v2_of(sa)->rival_of ? ike_sa_by_conn(e, v2_of(sa)->rival_of) : NULL;
    v2_of(sa)->rival_of = 0;
    /* Our own request on the old SA is forgotten: whatever answer comes finds the old SA replaced. */
    if (old && v2_of(old)->state == V2_ESTABLISHED)
        hand_over(e, old, sa);
}

bool v2_rekey_peer_closes(struct ike *e, struct ike_sa *sa)
{
    struct v2_task *mine = v2_task_find(sa, V2_TASK_REKEY_SA, 0);
    struct ike_sa *rival = mine && mine->rekey->rival ? ike_sa_by_conn(e, mine->rekey->rival) : NULL;
    if (rival)
        hand_over(e, sa, rival);
    return v2_of(sa)->state == V2_REKEYED;
}

/* A replaced SA stays until the peer deletes it. One that rekeys and never deletes does not go on for ever, nor past
 * `crypto ikev2 limit max-sa` by more than the one that a rekey needs. */
static bool too_many(struct ike *e, const struct ike_sa *sa)
{
    unsigned max = e->cfg->ikev2_max_sa;
    return ike_peer_count(e, sa) >= 2 * V2_PEER_SAS_MAX || (max && HASH_CNT(hh_conn, e->by_conn) > max);
}

void v2_rekey_sa_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_reply *r)
{
    struct v2_task *mine = v2_task_find(sa, V2_TASK_REKEY_SA, 0);
    bool second = mine && mine->rekey->rival;
    if (v2_of(sa)->state != V2_ESTABLISHED || children_busy(sa) || second ||
        too_many(e, sa)) { /* 2.25.1, 2.25.2 */
        v2_reply_error(r, PLD_PROTO_NONE, PLD_N_TEMPORARY_FAILURE, nothing);
        return;
    }
    uint8_t nonce[32], data[2];
    struct fresh f = {.initiator = false, .ni = m->nonce, .nr = {nonce, sizeof nonce}};
    struct sel_ike_choice choice;
    struct cr_dh_key *dh = NULL;
    struct secret shared = {0};
    struct ike_sa *made = NULL;
    uint16_t group = 0;
    uint16_t notify = choose_sa(e, sa, m, &f, &choice, &group);
    if (!notify && v2_dh_new(e, choice.dh, &dh) != CV_OK)
        notify = PLD_N_TEMPORARY_FAILURE;
    if (!notify && v2_dh_shared(dh, m, &shared) != CV_OK)
        notify = PLD_N_INVALID_SYNTAX;
    if (!notify) {
        ike_random(e, nonce, sizeof nonce);
        draw_spi(e, f.spi_own);
        f.shared = &shared;
        made = make_sa(e, sa, &f);
        notify = made ? 0 : PLD_N_TEMPORARY_FAILURE;
    }
    if (made) {
        put_sa_answer(r, &choice, &f, dh);
        answered_rekey(e, sa, made, &f);
    } else {
        data[0] = (uint8_t)(group >> 8);
        data[1] = (uint8_t)group;
        v2_reply_error(r, PLD_PROTO_NONE, notify,
                       notify == PLD_N_INVALID_KE_PAYLOAD ? (struct slice){data, sizeof data} : nothing);
    }
    cr_dh_free(dh);
    secret_free(&shared);
}

/* ---- timers ------------------------------------------------------------------------------------------------------------ */
static void retry_children(struct ike *e, struct ike_sa *sa)
{
    struct sam_child *next;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = next) {
        next = c->next_of_owner;
        if (c->soft_fired && may_rekey(c))
            (void)v2_rekey_child(e, sa, c);
    }
}

void v2_rekey_due(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v = v2_of(sa);
    uint64_t now = ike_now(e);
    if (v->state != V2_ESTABLISHED) {
        v->rekey_at = v->retry_at = UINT64_MAX;
        return;
    }
    if (v->retry_at <= now) {
        v->retry_at = UINT64_MAX;
        retry_children(e, sa);
    }
    if (v->rekey_at <= now) {
        v->rekey_at = UINT64_MAX;
        (void)v2_rekey_sa(e, sa);
    }
}
