/* Phase 1 and Quick Modes anew before their end, hand-over of children, our deletes. */
#include "control/ike/ike_child.h"
#include "control/ike/ike_core.h"
#include "control/ikev1/v1_quick.h"

#include <string.h>

enum {
    /* A replaced IKE SA still answers for so long: messages in flight, and a peer that has not seen the new one yet. */
    REPLACED_WAIT_MS = 10 * 1000,
    RETRY_MS = 60 * 1000
};

bool v1_same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
    return a->ops == &v1_ops && b->ops == &v1_ops && !a->dead && !b->dead &&
           ip_addr_equal(&a->remote.addr, &b->remote.addr) && ip_addr_equal(&a->local.addr, &b->local.addr) &&
           a->vrf == b->vrf;
}

static bool later(const struct ike_sa *a, const struct ike_sa *b)
{
    return a->established_ms > b->established_ms ||
           (a->established_ms == b->established_ms && a->conn_id > b->conn_id);
}

struct ike_sa *v1_other(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *best = NULL;
    for (struct ike_sa *o = ike_peer_sas(e, sa); o; o = o->next_of_peer)
        if (o != sa && o->established && v1_same_peer(o, sa) && o->profile1 == sa->profile1 &&
            v1_of(o)->state == V1_COMPLETE && (!best || later(o, best)))
            best = o;
    return best;
}

struct ike_sa *v1_heir(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *other = v1_other(e, sa);
    return other && (v1_of(sa)->state == V1_REPLACED || later(other, sa)) ? other : sa;
}

/* ---- children ------------------------------------------------------------------------------------------------------- */
static bool same_selectors(const struct sam_child *a, const struct sam_child *b)
{
    return a->if_id == b->if_id && ts_equal(&a->ts_local[0], &b->ts_local[0]) &&
           ts_equal(&a->ts_remote[0], &b->ts_remote[0]) && ip_addr_equal(&a->remote.addr, &b->remote.addr);
}

/* A later one for the same traffic that the peer has, too: both ends rekeyed at once, or the peer was faster. Whoever rekeyed each of them
 * would have two for ever. */
static struct sam_child *newer(struct ike *e, const struct sam_child *c)
{
    for (struct sam_child *o = sam_children_on(e->sam, c->interface); o; o = o->next_of_tunnel)
        if (o->id > c->id && o->state == SAM_INSTALLED && !o->replaced_by && (o->active || o->initiator) &&
            same_selectors(o, c))
            return o;
    return NULL;
}

cv_result v1_rekey_child(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    struct ike_session *s = ike_session_get(e, c->interface);
    struct sam_child *later = newer(e, c);
    sa = v1_heir(e, sa);
    if (v1_of(sa)->state != V1_COMPLETE || !s || c->state != SAM_INSTALLED)
        return CV_EINVAL; /* only what has been authenticated (CVE-2014-2338) */
    if (later && !c->replaced_by)
        c->replaced_by = later->id;
    if (!c->replaced_by)
        return v1_quick_start(e, sa, s, NULL, c);
    if (c->initiator) /* the peer deletes its own; if it never does, the hard lifetime ends it */
        return v1_delete_child(e, sa, c);
    return CV_EEXIST;
}

cv_result v1_delete_child(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    uint8_t spi[V1_ESP_SPI_LEN];
    v1_spi_put(spi, c->in.spi); /* RFC 2408 3.15: the sender's own SPI */
    if (sa->established && !sa->dead)
        v1_send_delete(e, v1_heir(e, sa), sam_is_ah(c) ? PLD1_PROTO_AH : PLD1_PROTO_ESP,
                       (struct slice){spi, sizeof spi});
    ike_child_remove(e, c, V1_LINGER_MS);
    return CV_OK;
}

/* ---- phase 1 ----------------------------------------------------------------------------------------------------------- */
static struct ike_session *session_of(struct ike *e, const struct ike_sa *sa)
{
    struct ike_session *s = sa->session[0] ? ike_session_get(e, sa->session) : NULL;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c && !s; c = c->next_of_owner)
        s = c->state == SAM_RETIRING ? NULL : ike_session_get(e, c->interface);
    return s;
}

static bool rekey_under_way(struct ike *e, const struct ike_sa *sa)
{
    for (struct ike_sa *o = e->by_conn; o; o = o->hh_conn.next)
        if (o->ops == &v1_ops && !o->dead && v1_of(o)->replaces == sa->conn_id)
            return true;
    return false;
}

cv_result v1_rekey_sa(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    struct ike_session *s = session_of(e, sa);
    char why[SEL_TEXT_MAX];
    v1->rekey_at = UINT64_MAX;
    if (v1->state != V1_COMPLETE || !s)
        return CV_EINVAL; /* nobody uses it: it ends with its lifetime */
    if (!ike_session_may_initiate(e, s, why, sizeof why))
        return CV_EUNSUP;                      /* the peer's turn */
    if (ike_now(e) + RETRY_MS < v1->expire_at) /* unless it has been replaced by then */
        v1->rekey_at = ike_now(e) + RETRY_MS;
    v1_schedule(e, sa);
    if (rekey_under_way(e, sa))
        return CV_EEXIST;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "phase 1 is done anew");
    return v1_initiate(e, s, NULL, sa->conn_id);
}

/* Children whose deletion waits for the overlap to end are deleted under the SA that knows of it. */
static void flush_overlaps(struct ike *e, struct ike_sa *old_sa, struct ike_sa *sa)
{
    for (struct v1_xchg *x = v1_of(old_sa)->xchgs; x; x = x->next) {
        struct sam_child *c =
            x->again_at != UINT64_MAX && !x->failed ? sam_child_by_id(e->sam, x->rekeys) : NULL;
        if (x->failed)
            continue;
        x->again_at = UINT64_MAX;
        x->rekeys = 0;
        if (c && c->state == SAM_INSTALLED)
            (void)v1_delete_child(e, sa, c);
    }
}

/* Two phase 1s that both ends began at once stand side by side (G22). What began when the other stood already is meant to follow it. */
static bool replaces(struct ike_sa *sa, struct ike_sa *old_sa)
{
    if (old_sa == sa || !old_sa->established || !v1_same_peer(old_sa, sa) ||
        old_sa->profile1 != sa->profile1 || v1_of(old_sa)->state != V1_COMPLETE)
        return false;
    return v1_of(sa)->replaces == old_sa->conn_id || old_sa->established_ms < sa->created_ms;
}

void v1_inherit(struct ike *e, struct ike_sa *old_sa, struct ike_sa *sa)
{
    const struct ip_endpoint local = sa->local, remote = sa->remote;
    const bool natt = sa->natt, nat_local = sa->nat_local, nat_remote = sa->nat_remote;
    ike_sa_inherit(e, old_sa, sa);
    sa->local = local;
    sa->remote = remote;
    sa->natt = natt;
    sa->nat_local = nat_local;
    sa->nat_remote = nat_remote;
    if (!natt)
        return;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        if (c->natt && !ip_endpoint_equal(&c->remote, &remote))
            sam_child_set_remote(e->sam, c, &remote);
}

void v1_rekey_done(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *next;
    for (struct ike_sa *o = ike_peer_sas(e, sa); o; o = next) {
        next = o->next_of_peer;
        if (!replaces(sa, o))
            continue;
        struct v1_sa *old_v1 = v1_of(o);
        ike_log(e, sa, LOG_LEVEL_INFO, "isakmp", "IKE SA rekeyed, it replaces number %u", o->conn_id);
        e->counters.sas_rekeyed++;
        v1_inherit(e, o, sa);
        flush_overlaps(e, o, sa);
        v1_set_state(e, o, V1_REPLACED);
        old_v1->rekey_at = old_v1->dpd.at = UINT64_MAX;
        if (old_v1->expire_at > ike_now(e) + REPLACED_WAIT_MS)
            old_v1->expire_at = ike_now(e) + REPLACED_WAIT_MS;
        v1_schedule(e, o);
    }
    v1_schedule(e, sa);
}

/* One message for all of a protocol. */
static void delete_all_of(struct ike *e, struct ike_sa *sa, bool ah)
{
    uint8_t spis[PLD1_MAX_DELETE_SPIS * V1_ESP_SPI_LEN];
    size_t n = 0;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner) {
        if (c->state == SAM_RETIRING || sam_is_ah(c) != ah || n + V1_ESP_SPI_LEN > sizeof spis)
            continue;
        v1_spi_put(spis + n, c->in.spi);
        n += V1_ESP_SPI_LEN;
    }
    v1_send_delete(e, sa, ah ? PLD1_PROTO_AH : PLD1_PROTO_ESP, (struct slice){spis, n});
}

static void delete_all_children(struct ike *e, struct ike_sa *sa)
{
    delete_all_of(e, sa, false);
    delete_all_of(e, sa, true);
}

void v1_delete_sa(struct ike *e, struct ike_sa *sa, enum ike_reason why)
{
    uint8_t cookies[2 * PLD1_COOKIE_LEN];
    if (sa->dead)
        return;
    if (v1_info_ready(sa)) {
        if (v1_of(sa)->state == V1_REPLACED)
            why = IKE_REASON_REPLACED;
        else
            delete_all_children(e, sa);
        v1_cookies(sa, cookies);
        v1_send_delete(e, sa, PLD1_PROTO_ISAKMP, (struct slice){cookies, sizeof cookies});
    }
    ike_sa_remove(e, sa, why, "%s", ike_reason_text(why));
}

/* ---- for decoders ------------------------------------------------------------------------------------------------------ */
void v1_keylog(struct ike *e, const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    const struct cr_encr_alg *encr = cr_encr(v1->keys.suite.encr, v1->keys.suite.key_bits);
    if (!e->env.keylog || !v1->have_keys || !encr)
        return;
    const struct ike_keylog log = {.version = 1,
                                   .spi_i = sa->spi_i,
                                   .spi_r = sa->spi_r,
                                   .encr = v1->keys.suite.encr,
                                   .key_bits = v1->keys.suite.key_bits,
                                   .sk_ei = {v1->keys.encr_key, encr->key_len},
                                   .sk_er = {v1->keys.encr_key, encr->key_len}};
    e->env.keylog(e->env.ctx, &log);
}
