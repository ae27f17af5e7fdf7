/* IKE_AUTH with pre-shared keys (RFC 7296 1.2, 2.15, 2.21.2), both roles. */
#include "control/ikev2/v2_auth.h"

#include "control/ikev2/v2_exchange.h"
#include "control/ikev2/v2_frag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFUSED_MS = 10000, LAST_WORDS_MS = 120000, ID_BODY_FIXED = 4, WINDOW_LEN = 4 };

static const struct slice nothing = {NULL, 0};

/* ---- AUTH values --------------------------------------------------------------------------------------------------- */
/* What the signer signs: its first message, the other's nonce, its identity. */
static cv_result auth_value(struct ike_sa *sa, bool by_initiator, struct slice key, struct slice id_body,
                            uint8_t out[CR_PRF_MAX])
{
    const struct v2_sa *v2 = v2_of(sa);
    const struct slice message = by_initiator ? (struct slice){v2->init_req, v2->init_req_len}
                                              : (struct slice){v2->init_resp, v2->init_resp_len};
    const struct slice nonce =
        by_initiator ? (struct slice){v2->nr, v2->nr_len} : (struct slice){v2->ni, v2->ni_len};
    return cr_auth_psk(v2->suite.prf, by_initiator ? sa->keys.pi : sa->keys.pr, key, message, nonce, id_body,
                       out);
}

/* The peer's AUTH. Its length must be the PRF's: what the peer sent never decides how much is compared. */
static bool verify(struct ike_sa *sa, const struct pld_message *m, struct slice key, struct slice id_body)
{
    uint8_t want[CR_PRF_MAX];
    const struct cr_prf_alg *prf = cr_prf(v2_of(sa)->suite.prf);
    bool ok = prf && m->auth.data.n == prf->len &&
              auth_value(sa, !sa->initiator, key, id_body, want) == CV_OK &&
              secret_equal(want, m->auth.data.p, prf->len);
    secret_wipe(want, sizeof want);
    return ok;
}

/* Our ID and AUTH payloads; between them, from the initiator, INITIAL_CONTACT. */
static cv_result put_proof(struct ike_sa *sa, struct slice key, bool initial_contact, struct pld_builder *b)
{
    uint8_t body[ID_BODY_FIXED + sizeof sa->local_id], value[CR_PRF_MAX];
    struct buf_writer w = buf_writer_init(body, sizeof body);
    const struct cr_prf_alg *prf = cr_prf(v2_of(sa)->suite.prf);
    buf_put_u8(&w, sa->local_id_type);
    buf_put_zero(&w, ID_BODY_FIXED - 1);
    buf_put(&w, sa->local_id, sa->local_id_len);
    if (w.bad || !prf)
        return CV_EINVAL;
    CV_TRY(auth_value(sa, sa->initiator, key, (struct slice){body, w.len}, value));
    pld_put_id(b, sa->initiator ? PLD_IDI : PLD_IDR, sa->local_id_type,
               (struct slice){sa->local_id, sa->local_id_len});
    if (initial_contact)
        pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_INITIAL_CONTACT, nothing);
    pld_put_auth(b, PLD_AUTH_PSK, (struct slice){value, prf->len});
    secret_wipe(value, sizeof value);
    return CV_OK;
}

/* ---- identities ------------------------------------------------------------------------------------------------------- */
static bool id_valid(const struct pld_id *id)
{
    switch (id->type) {
    case PLD_ID_IPV4:
        return id->data.n == 4;
    case PLD_ID_IPV6:
        return id->data.n == 16;
    default:
        return id->data.n > 0 && id->data.n <= sizeof(((struct ike_sa *)0)->peer_id);
    }
}

static void keep_peer_id(struct ike_sa *sa, const struct pld_id *id, const struct sel_psk *psk)
{
    snprintf(sa->peer_tag, sizeof sa->peer_tag, "%s", psk->peer ? psk->peer->tag : "");
    sa->peer_id_type = id->type;
    sa->peer_id_len = slice_copy(id->data, sa->peer_id, sizeof sa->peer_id);
}

static bool keep_local_id(struct ike_sa *sa, const struct cfg_ikev2_profile *p)
{
    struct sel_id id;
    uint8_t data[CFG_TEXT_MAX];
    if (!sel_local_id(p, &sa->local.addr, &id, data) || id.data.n == 0 || id.data.n > sizeof sa->local_id)
        return false;
    sa->local_id_type = id.type;
    sa->local_id_len = slice_copy(id.data, sa->local_id, sizeof sa->local_id);
    return true;
}

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
    return a->peer_id_type == b->peer_id_type && a->peer_id_len == b->peer_id_len &&
           memcmp(a->peer_id, b->peer_id, a->peer_id_len) == 0;
}

/* ---- what both ends say of the SA as a whole ----------------------------------------------------------------------- */
static unsigned window_announced(const struct ike *e)
{
    unsigned w = e->cfg->ikev2_window;
    return w == 0 ? 1 : w > V2_WINDOW_MAX ? V2_WINDOW_MAX : w;
}

static void put_window(struct ike *e, struct pld_builder *b)
{
    const uint8_t data[WINDOW_LEN] = {0, 0, 0, (uint8_t)window_announced(e)};
    if (window_announced(e) > 1)
        pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_SET_WINDOW_SIZE, (struct slice){data, sizeof data});
}

static void take_window(struct v2_sa *v2, const struct pld_message *m)
{
    const struct pld_notify *n = pld_find_notify(m, PLD_N_SET_WINDOW_SIZE);
    uint32_t size;
    struct buf_reader r = buf_reader_init(n ? n->data.p : NULL, n ? n->data.n : 0);
    if (!n || n->data.n != WINDOW_LEN || !buf_u32(&r, &size) || size <= v2->window_peer)
        return; /* RFC 7296 2.3: a window never shrinks */
    v2->window_peer = size > V2_WINDOW_MAX ? V2_WINDOW_MAX : size;
}

void v2_init_forget(struct v2_sa *v2)
{
    free(v2->init_req);
    free(v2->init_resp);
    free(v2->peer_ke);
    v2->init_req = v2->init_resp = v2->peer_ke = NULL;
    v2->init_req_len = v2->init_resp_len = v2->peer_ke_len = 0;
    cr_dh_free(v2->dh);
    v2->dh = NULL;
    v2->cookie_len = 0;
}

/* RFC 7296 2.4: the peer has lost everything it shared with us before; the same identity proved by another peer block's key is
 * another peer. What came up while this SA was being negotiated it has
 * not lost: both ends began at once. */
static void drop_others(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *next;
    for (struct ike_sa *other = ike_peer_sas(e, sa); other; other = next) {
        next = other->next_of_peer;
        if (other != sa && other->ops == &v2_ops && same_peer(other, sa) && other->profile == sa->profile &&
            other->established_ms < sa->created_ms)
            ike_sa_remove(e, other, IKE_REASON_REPLACED, "the peer made initial contact");
    }
}

/* Whoever holds one key does not take all memory: with too many SAs the peer has forgotten the oldest, most likely. */
static void bound_peer(struct ike *e, struct ike_sa *sa)
{
    unsigned n = 0;
    struct ike_sa *oldest = NULL;
    for (struct ike_sa *o = ike_peer_sas(e, sa); o; o = o->next_of_peer) {
        if (o->ops != &v2_ops || v2_of(o)->state != V2_ESTABLISHED ||
            !ip_addr_equal(&o->auth_remote, &sa->auth_remote))
            continue;
        n++;
        if (o != sa && (!oldest || o->established_ms < oldest->established_ms ||
                        (o->established_ms == oldest->established_ms && o->conn_id < oldest->conn_id)))
            oldest = o;
    }
    if (n > V2_PEER_SAS_MAX && oldest) {
        ike_log(e, oldest, LOG_LEVEL_WARNING, "ikev2", "the peer has %u IKE SAs: its oldest is deleted", n);
        v2_sa_delete(e, oldest, IKE_REASON_REPLACED);
    }
}

/* Both ends began at once (G22): both SAs stand. Of the two the one with the lowest of the four nonces goes, as RFC 7296 2.8.2
 * settles it for rekeys; who began that one deletes it. */
static void settle_duplicate(struct ike *e, struct ike_sa *sa)
{
    struct ike_session *s = sa->session[0] ? ike_session_get(e, sa->session) : NULL;
    struct ike_sa *other =
        s ? ike_sa_by_conn(e, s->conn_id == sa->conn_id ? s->former_conn_id : s->conn_id) : NULL;
    if (!other || other == sa || !other->established || other->ops != &v2_ops || !same_peer(other, sa) ||
        v2_of(other)->state != V2_ESTABLISHED)
        return;
    const struct v2_sa *a = v2_of(sa), *b = v2_of(other);
    struct slice low_a = v2_lower_nonce((struct slice){a->ni, a->ni_len}, (struct slice){a->nr, a->nr_len});
    struct slice low_b = v2_lower_nonce((struct slice){b->ni, b->ni_len}, (struct slice){b->nr, b->nr_len});
    struct ike_sa *redundant = v2_lower_nonce(low_a, low_b).p == low_a.p ? sa : other;
    if (redundant->initiator) {
        ike_log(e, redundant, LOG_LEVEL_INFO, "ikev2", "redundant: both ends began at once");
        v2_sa_delete(e, redundant, IKE_REASON_REPLACED);
    }
}

/* ---- initiator -------------------------------------------------------------------------------------------------------- */
/* RFC 7296 2.4: the only IKE SA between the two identities. Whom we reach is not known yet: a peer may have several
 * addresses. So any SA of the same profile and identity of ours may be with it, and what that holds must stay. */
static bool first_contact(const struct ike *e, const struct ike_sa *sa)
{
    for (const struct ike_sa *o = e->by_conn; o; o = o->hh_conn.next)
        if (o != sa && o->established && o->profile == sa->profile && o->local_id_type == sa->local_id_type &&
            o->local_id_len == sa->local_id_len && memcmp(o->local_id, sa->local_id, o->local_id_len) == 0)
            return false;
    return true;
}

static const char *peer_host(const struct ike *e, const struct ike_sa *sa)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, sa->session);
    return t ? t->tunnel_destination_host : "";
}

static cv_result first_child(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v2 = v2_of(sa);
    struct ike_session *s = ike_session_get(e, sa->session);
    if (!s)
        return CV_ENOENT;
    v2->first_child = v2_nego_new();
    if (!v2->first_child)
        return CV_ENOMEM;
    v2->first_child->ni = (struct slice){v2->ni, v2->ni_len};
    v2->first_child->nr = (struct slice){v2->nr, v2->nr_len};
    return v2_child_prepare(e, sa, s, v2->have_packet ? &v2->packet : NULL, v2->first_child);
}

cv_result v2_auth_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    struct sel_trace trace = {0};
    (void)t;
    struct sel_psk psk =
        sel_ikev2_psk(e->cfg, sa->profile, true, &sa->remote.addr, peer_host(e, sa), NULL, &trace);
    ike_decision(e, sa, "IKE_AUTH", &trace);
    if (!psk.found || psk.local_key.n == 0) {
        ike_sa_remove(e, sa, IKE_REASON_NO_PSK, "%s", trace.text);
        return CV_ENOENT;
    }
    cv_result r = keep_local_id(sa, sa->profile) ? CV_OK : CV_EINVAL;
    if (r == CV_OK)
        r = put_proof(sa, psk.local_key, first_contact(e, sa), b);
    if (r == CV_OK)
        r = first_child(e, sa);
    if (r == CV_OK)
        r = v2_child_put_offer(e, sa, v2_of(sa)->first_child, b, false);
    if (r == CV_OK)
        put_window(e, b);
    else
        ike_sa_remove(e, sa, IKE_REASON_INTERNAL, "IKE_AUTH could not be made: %s", cv_result_text(r));
    return r;
}

/* RFC 7296 2.21.2: an exchange of its own tells the responder, who believes that all is well. */
static void distrust(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *text)
{
    struct v2_task *t = v2_task_new(V2_TASK_AUTH_FAILED);
    ike_sa_abandon(e, sa, why, "%s", text);
    v2_set_state(sa, V2_DELETING);
    v2_of(sa)->delete_at = ike_now(e) + LAST_WORDS_MS;
    if (!t) {
        ike_sa_remove(e, sa, why, "%s", text);
        return;
    }
    t->why = why;
    v2_task_add(e, sa, t);
}

cv_result v2_auth_failed_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    (void)e;
    (void)sa;
    (void)t;
    pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_AUTHENTICATION_FAILED, nothing);
    return CV_OK;
}

void v2_auth_failed_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    (void)m;
    ike_sa_remove(e, sa, t->why, "%s", ike_reason_text(t->why));
}

/* Whom did we reach? NULL: authenticated; else what is wrong, and *why. */
static const char *check_responder(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                                   struct sel_psk *psk, struct sel_trace *trace, enum ike_reason *why)
{
    const struct sel_id idr = {m->idr.type, m->idr.data};
    unsigned specificity;
    *why = IKE_REASON_AUTH_FAILED;
    if (!(m->present & PLD_BIT(PLD_AUTH)) || !(m->present & PLD_BIT(PLD_IDR)))
        return "the answer holds neither an error nor a proof";
    if (m->auth.method != PLD_AUTH_PSK)
        return "the peer authenticates by another method than pre-shared key";
    *why = IKE_REASON_ID_MISMATCH; /* G30 */
    if (!id_valid(&m->idr))
        return "the peer's identity is malformed";
    if (!sel_ikev2_profile_matches(sa->profile, &idr, &specificity))
        return "the peer's identity matches no `match identity remote` of the profile";
    *why = IKE_REASON_NO_PSK;
    *psk = sel_ikev2_psk(e->cfg, sa->profile, true, &sa->remote.addr, peer_host(e, sa), &idr, trace);
    ike_decision(e, sa, "IKE_AUTH", trace);
    if (!psk->found || psk->remote_key.n == 0)
        return "no key to verify this peer with";
    *why = IKE_REASON_BAD_PSK;
    return verify(sa, m, psk->remote_key, m->idr.body) ? NULL
                                                       : "AUTH of the peer does not verify with our key";
}

static void refused_by_peer(struct ike *e, struct ike_sa *sa, const struct pld_notify *n)
{
    switch (n->type) {
    case PLD_N_AUTHENTICATION_FAILED:
        ike_sa_remove(
            e, sa, IKE_REASON_AUTH_FAILED,
            "the peer answered AUTHENTICATION_FAILED: the two ends' pre-shared keys differ, or it has no "
            "profile or key for our identity");
        break;
    case PLD_N_INVALID_SYNTAX:
    case PLD_N_UNSUPPORTED_CRITICAL_PAYLOAD:
        ike_sa_remove(e, sa, IKE_REASON_INVALID_SYNTAX, "the peer answered %s", pld_notify_name(n->type));
        break;
    default:
        ike_sa_remove(e, sa, IKE_REASON_PEER_REFUSED, "the peer answered %s", pld_notify_name(n->type));
        break;
    }
}

/* RFC 7296 2.21.2: without its child the IKE SA stands; the session asks again later. */
static void child_not_up(struct ike *e, struct ike_sa *sa, const struct pld_message *m, enum ike_reason why)
{
    struct ike_session *s = ike_session_get(e, sa->session);
    if (m->present & PLD_BIT(PLD_SA))
        v2_child_disown(e, sa, v2_of(sa)->first_child);
    if (s) {
        char text[SEL_TEXT_MAX];
        snprintf(text, sizeof text, "%s", s->has_error ? s->last_error.text : ike_reason_text(why));
        ike_session_failed(e, s, why, "%s", text);
    }
}

void v2_auth_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    struct v2_sa *v2 = v2_of(sa);
    struct sel_trace trace = {0};
    struct sam_child *child = NULL;
    enum ike_reason why;
    char id[SEL_TEXT_MAX];
    (void)t;
    const struct pld_notify *error = pld_find_error(m);
    if (error && !(m->present & PLD_BIT(PLD_AUTH))) {
        refused_by_peer(e, sa, error);
        return;
    }
    struct sel_psk psk = {0};
    const char *wrong = check_responder(e, sa, m, &psk, &trace, &why);
    if (wrong) {
        distrust(e, sa, why, wrong);
        return;
    }
    keep_peer_id(sa, &m->idr, &psk);
    take_window(v2, m);
    v2->window_own = window_announced(e);
    v2_sa_established(e, sa, false);
    ike_log(e, sa, LOG_LEVEL_INFO, "ikev2", "authenticated %s by pre-shared key, profile %s",
            sel_id_text(&(struct sel_id){sa->peer_id_type, {sa->peer_id, sa->peer_id_len}}, id),
            sa->profile->name);
    if (v2_child_accept(e, sa, v2->first_child, m, &child, &why) != CV_OK)
        child_not_up(e, sa, m, why);
    v2_nego_free(e, v2->first_child);
    v2->first_child = NULL;
    v2_init_forget(v2);
    settle_duplicate(e, sa);
}

/* ---- responder --------------------------------------------------------------------------------------------------------- */
void v2_auth_refused(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *text)
{
    struct ike_session *s = ike_session_between(e, sa->vrf, &sa->local.addr, &sa->remote.addr, 2);
    ike_log(e, sa, LOG_LEVEL_WARNING, "ikev2", "%s: %s", ike_reason_name(why), text);
    if (s)
        ike_session_error(e, s, why, "%s", text);
    ike_sa_abandon(e, sa, why, "%s", text);
    v2_set_state(sa, V2_DELETING);
    v2_of(sa)->auth_refused = true;
    v2_of(sa)->delete_at = ike_now(e) + REFUSED_MS;
}

void v2_auth_forget(struct ike *e, struct ike_sa *sa)
{
    v2_init_forget(v2_of(sa));
    v2_frags_free(v2_of(sa));
    cr_keys2_wipe(&sa->keys);
    v2_of(sa)->have_keys = false;
    v2_schedule(e, sa);
}

/* Profile, key and proof of the initiator. NULL: it is who it says; *profile and *psk are for our own proof. */
static const char *check_initiator(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                                   const struct cfg_ikev2_profile **profile, struct sel_psk *psk,
                                   struct sel_trace *trace, enum ike_reason *why)
{
    const struct sel_id idi = {m->idi.type, m->idi.data};
    *why = IKE_REASON_AUTH_FAILED;
    if (!(m->present & PLD_BIT(PLD_IDI)) || !id_valid(&m->idi))
        return "the peer's identity is missing or malformed";
    *why = IKE_REASON_NO_PROFILE;
    *profile = sel_ikev2_profile(e->cfg, ike_vrf_name(e, sa->vrf), &sa->local.addr, &idi, trace);
    ike_decision(e, sa, "IKE_AUTH", trace);
    if (!*profile)
        return trace->text;
    *why = IKE_REASON_AUTH_FAILED;
    if (!(m->present & PLD_BIT(PLD_AUTH)))
        return "the peer wants EAP";
    if (m->auth.method != PLD_AUTH_PSK || !((*profile)->auth_remote & CFG_AUTH_PSK))
        return "the profile does not accept the peer's authentication method";
    *why = IKE_REASON_NO_PSK;
    *psk = sel_ikev2_psk(e->cfg, *profile, false, &sa->remote.addr, NULL, &idi, trace);
    ike_decision(e, sa, "IKE_AUTH", trace);
    if (psk->id_of_another)
        *why = IKE_REASON_ID_MISMATCH;
    if (!psk->found || psk->remote_key.n == 0)
        return trace->text;
    *why = IKE_REASON_BAD_PSK;
    if (!verify(sa, m, psk->remote_key, m->idi.body))
        return "AUTH of the peer does not verify: the pre-shared keys of the two ends differ";
    *why = IKE_REASON_NO_PSK;
    if ((*profile)->auth_local != CFG_AUTH_PSK || psk->local_key.n == 0)
        return "the profile has no pre-shared key for our own proof";
    return NULL;
}

static void put_child(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_reply *r)
{
    struct v2_sa *v2 = v2_of(sa);
    const uint64_t need = PLD_BIT(PLD_SA) | PLD_BIT(PLD_TSI) | PLD_BIT(PLD_TSR);
    struct sam_child *child = NULL;
    uint16_t notify = 0, group = 0;
    enum ike_reason why;
    struct v2_nego *n = m->present & need ? v2_nego_new() : NULL;
    if (!n)
        return; /* no child is asked for */
    n->ni = (struct slice){v2->ni, v2->ni_len};
    n->nr = (struct slice){v2->nr, v2->nr_len};
    if (v2_child_respond(e, sa, n, m, true, NULL, &r->chain.b, &child, &notify, &group, &why) == CV_OK) {
        struct ike_session *s = ike_session_get(e, child->interface);
        if (s)
            ike_session_attach(e, s, sa);
    } else {
        pld_put_notify(&r->chain.b, PLD_PROTO_NONE, nothing, notify, nothing);
    }
    v2_nego_free(e, n);
}

static void refuse(struct ike *e, struct ike_sa *sa, struct v2_reply *r, enum ike_reason why,
                   const char *text)
{
    v2_auth_refused(e, sa, why, text);
    v2_reply_error(r, PLD_PROTO_NONE, PLD_N_AUTHENTICATION_FAILED, nothing);
}

void v2_auth_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_reply *r)
{
    struct v2_sa *v2 = v2_of(sa);
    const struct cfg_ikev2_profile *profile = NULL;
    struct sel_psk psk = {0};
    struct sel_trace trace = {0};
    enum ike_reason why;
    char id[SEL_TEXT_MAX];
    const char *wrong = check_initiator(e, sa, m, &profile, &psk, &trace, &why);
    if (!wrong &&
        (!keep_local_id(sa, profile) || put_proof(sa, psk.local_key, false, &r->chain.b) != CV_OK)) {
        why = IKE_REASON_INTERNAL;
        wrong = "our own proof could not be made";
    }
    if (wrong) {
        refuse(e, sa, r, why, wrong);
        return;
    }
    sa->profile = profile;
    keep_peer_id(sa, &m->idi, &psk);
    v2->peer_initial_contact = pld_find_notify(m, PLD_N_INITIAL_CONTACT) != NULL;
    take_window(v2, m);
    v2->window_own = window_announced(e);
    v2_sa_established(e, sa, false);
    ike_log(e, sa, LOG_LEVEL_INFO, "ikev2", "authenticated %s by pre-shared key, profile %s",
            sel_id_text(&(struct sel_id){sa->peer_id_type, {sa->peer_id, sa->peer_id_len}}, id),
            profile->name);
    put_child(e, sa, m, r);
    put_window(e, &r->chain.b);
    if (v2->peer_initial_contact || profile->initial_contact_force)
        drop_others(e, sa);
    bound_peer(e, sa);
    settle_duplicate(e, sa);
    v2_init_forget(v2);
}
