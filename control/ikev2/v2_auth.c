/* IKE_AUTH (RFC 7296 1.2, 2.21.2), both roles: who the peer is, whether it is that, and the first child. */
#include "control/ikev2/v2_auth.h"

#include "control/ike/ike_child.h"
#include "control/ikev2/v2_exchange.h"
#include "control/ikev2/v2_frag.h"
#include "control/ikev2/v2_park.h"
#include "control/ikev2/v2_proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFUSED_MS = 10000, LAST_WORDS_MS = 120000, WINDOW_LEN = 4 };

static const struct slice nothing = {NULL, 0};

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

/* Our key, when the profile proves us by one; the peer's is looked up again when its identity is known. */
static bool own_psk(struct ike *e, struct ike_sa *sa, struct slice *key)
{
    struct sel_trace trace = {0};
    *key = nothing;
    if (!v2_proof_by_psk(sa->profile))
        return true;
    struct sel_psk psk =
        sel_ikev2_psk(e->cfg, sa->profile, true, &sa->remote.addr, peer_host(e, sa), NULL, &trace);
    ike_decision(e, sa, "IKE_AUTH", &trace);
    *key = psk.local_key;
    if (psk.found && psk.local_key.n > 0)
        return true;
    ike_sa_remove(e, sa, IKE_REASON_NO_PSK, "%s", trace.text);
    return false;
}

cv_result v2_auth_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    struct slice key;
    struct v2_wrong wrong;
    (void)t;
    if (!own_psk(e, sa, &key))
        return CV_ENOENT;
    cv_result r = v2_proof_put(e, sa, sa->profile, key, NULL, first_contact, b, &wrong);
    if (r != CV_OK) { /* G18: nothing is sent */
        ike_sa_remove(e, sa, wrong.why, "%s", wrong.text);
        return r;
    }
    r = first_child(e, sa);
    if (r == CV_OK)
        r = v2_child_put_offer(e, sa, v2_of(sa)->first_child, b, false);
    if (r == CV_OK)
        put_window(e, b);
    else
        ike_sa_remove(e, sa, r == CV_EUNSUP ? IKE_REASON_NO_PROPOSAL : IKE_REASON_INTERNAL,
                      "IKE_AUTH could not be made: %s",
                      r != CV_EUNSUP       ? cv_result_text(r)
                      : ike_child_natt(sa) ? IKE_CHILD_AH_NAT
                                           : "nothing can be offered for the child SA");
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

static enum v2_proved wrong(struct v2_proof *p, enum ike_reason why, const char *text)
{
    p->wrong.why = why;
    snprintf(p->wrong.text, sizeof p->wrong.text, "%s", text);
    return V2_REFUSED;
}

/* Whom did we reach? */
static enum v2_proved check_responder(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                                      struct v2_proof *p)
{
    struct sel_trace trace = {0};
    struct sel_id_cert facts;
    struct sel_id idr = {m->idr.type, m->idr.data};
    unsigned specificity;
    if (!(m->present & PLD_BIT(PLD_AUTH)) || !(m->present & PLD_BIT(PLD_IDR)))
        return wrong(p, IKE_REASON_AUTH_FAILED, "the answer holds neither an error nor a proof");
    if (!v2_proof_take(e, sa, m, p))
        return V2_REFUSED;
    if (!id_valid(&m->idr)) /* G30 */
        return wrong(p, IKE_REASON_ID_MISMATCH, "the peer's identity is malformed");
    idr.cert = ike_cert_facts(e, &p->cert, &facts);
    if (!sel_ikev2_profile_matches(sa->profile, &idr, &specificity))
        return wrong(p, IKE_REASON_ID_MISMATCH,
                     "the peer's identity matches no `match identity remote` of the profile");
    if (m->auth.method == PLD_AUTH_PSK && (sa->profile->auth_remote & CFG_AUTH_PSK)) {
        p->psk = sel_ikev2_psk(e->cfg, sa->profile, true, &sa->remote.addr, peer_host(e, sa), &idr, &trace);
        ike_decision(e, sa, "IKE_AUTH", &trace);
        if (!p->psk.found || p->psk.remote_key.n == 0)
            return wrong(p, IKE_REASON_NO_PSK, "no key to verify this peer with");
    }
    return v2_proof_check(e, sa, sa->profile, m, &m->idr, v2_park_over(e, sa), p);
}

static void refused_by_peer(struct ike *e, struct ike_sa *sa, const struct pld_notify *n)
{
    switch (n->type) {
    case PLD_N_AUTHENTICATION_FAILED:
        ike_sa_remove(
            e, sa, IKE_REASON_AUTH_FAILED, "%s",
            sa->auth_own == IKE_AUTH_PSK
                ? "the peer answered AUTHENTICATION_FAILED: the two ends' pre-shared keys differ, or it has "
                  "no "
                  "profile or key for our identity"
                : "the peer answered AUTHENTICATION_FAILED: it does not trust our certificate, or has no "
                  "profile for our identity");
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
        v2_child_disown(e, sa, v2_of(sa)->first_child, m);
    if (s) {
        char text[SEL_TEXT_MAX];
        snprintf(text, sizeof text, "%s", s->has_error ? s->last_error.text : ike_reason_text(why));
        ike_session_failed(e, s, why, "%s", text);
    }
}

static void authenticated(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                          const struct pld_id *id, const struct v2_proof *p)
{
    char text[SEL_TEXT_MAX];
    v2_proof_keep(sa, id, p);
    take_window(v2_of(sa), m);
    v2_of(sa)->window_own = window_announced(e);
    v2_sa_established(e, sa, false);
    ike_log(e, sa, LOG_LEVEL_INFO, "ikev2", "authenticated %s by %s, profile %s",
            ike_id_text(id->type, id->data, text), p->how == IKE_AUTH_PSK ? "pre-shared key" : "certificate",
            sa->profile->name);
}

static void reached(struct ike *e, struct ike_sa *sa, const struct pld_message *m, const struct v2_proof *p)
{
    struct v2_sa *v2 = v2_of(sa);
    struct sam_child *child = NULL;
    enum ike_reason why;
    authenticated(e, sa, m, &m->idr, p);
    if (v2_child_accept(e, sa, v2->first_child, m, &child, &why) != CV_OK)
        child_not_up(e, sa, m, why);
    v2_nego_free(e, v2->first_child);
    v2->first_child = NULL;
    v2_init_forget(v2);
    settle_duplicate(e, sa);
}

void v2_auth_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    struct v2_proof p = {0};
    const struct pld_notify *error = pld_find_error(m);
    if (error && !(m->present & PLD_BIT(PLD_AUTH))) {
        refused_by_peer(e, sa, error);
        return;
    }
    switch (check_responder(e, sa, m, &p)) {
    case V2_PROVED:
        reached(e, sa, m, &p);
        break;
    case V2_WAITS:
        t->waits = true;
        break;
    case V2_REFUSED:
        distrust(e, sa, p.wrong.why, p.wrong.text);
        break;
    }
    v2_proof_free(&p);
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

/* Keys under the profile, where either end proves itself by one. */
static bool find_psk(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *profile,
                     const struct pld_message *m, struct v2_proof *p)
{
    struct sel_trace trace = {0};
    const struct sel_id idi = {m->idi.type, m->idi.data};
    const bool theirs = m->auth.method == PLD_AUTH_PSK && (profile->auth_remote & CFG_AUTH_PSK);
    if (!theirs && !v2_proof_by_psk(profile))
        return true;
    p->psk = sel_ikev2_psk(e->cfg, profile, false, &sa->remote.addr, NULL, &idi, &trace);
    ike_decision(e, sa, "IKE_AUTH", &trace);
    if (p->psk.found && (!theirs || p->psk.remote_key.n > 0))
        return true;
    (void)wrong(p, p->psk.id_of_another ? IKE_REASON_ID_MISMATCH : IKE_REASON_NO_PSK, trace.text);
    return false;
}

static const char *id_type_words(uint8_t type)
{
    switch (type) {
    case PLD_ID_IPV4:
        return "IPv4 address";
    case PLD_ID_FQDN:
        return "FQDN";
    case PLD_ID_EMAIL:
        return "e-mail address";
    case PLD_ID_IPV6:
        return "IPv6 address";
    case PLD_ID_DN:
        return "DN";
    default:
        return "key-id";
    }
}

/* Profile and proof of the initiator. */
static enum v2_proved check_initiator(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                                      const struct cfg_ikev2_profile **profile, struct v2_proof *p)
{
    struct sel_trace trace = {0};
    struct sel_id_cert facts;
    struct sel_id idi = {m->idi.type, m->idi.data};
    if (!(m->present & PLD_BIT(PLD_IDI)) || !id_valid(&m->idi))
        return wrong(p, IKE_REASON_AUTH_FAILED, "the peer's identity is missing or malformed");
    if (!v2_proof_take(e, sa, m, p))
        return V2_REFUSED;
    char id[SEL_TEXT_MAX];
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "Searching policy based on peer's identity '%s' of type '%s'",
            ike_id_text(idi.type, idi.data, id), id_type_words(idi.type)); /* PF-8 */
    idi.cert = ike_cert_facts(e, &p->cert, &facts);
    *profile = sel_ikev2_profile(e->cfg, ike_vrf_name(e, sa->vrf), &sa->local.addr, &idi, &trace);
    ike_decision(e, sa, "IKE_AUTH", &trace);
    if (*profile)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "found matching IKEv2 profile '%s'", (*profile)->name);
    if (!*profile) { /* V2-12 */
        if (p->cert.chain.offered_count)
            ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "Profile could not be found by peer certificate.");
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "IKEv2 profile not found");
        return wrong(p, IKE_REASON_NO_PROFILE, trace.text);
    }
    if (!(m->present & PLD_BIT(PLD_AUTH)))
        return wrong(p, IKE_REASON_AUTH_FAILED, "the peer wants EAP");
    if (!find_psk(e, sa, *profile, m, p))
        return V2_REFUSED;
    return v2_proof_check(e, sa, *profile, m, &m->idi, v2_park_over(e, sa), p);
}

/* Our half of the answer. */
static enum v2_proved prove(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *profile,
                            const struct pld_message *m, struct pld_builder *b, struct v2_proof *p)
{
    if (v2_proof_by_psk(profile) && p->psk.local_key.n == 0)
        return wrong(p, IKE_REASON_NO_PSK, "the profile has no pre-shared key for our own proof");
    return v2_proof_put(e, sa, profile, p->psk.local_key, m, NULL, b, &p->wrong) == CV_OK ? V2_PROVED
                                                                                          : V2_REFUSED;
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

static void refuse(struct ike *e, struct ike_sa *sa, struct v2_reply *r, const struct v2_wrong *w)
{
    v2_auth_refused(e, sa, w->why, w->text);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "Sending authentication failure notify");
    v2_reply_error(r, PLD_PROTO_NONE, PLD_N_AUTHENTICATION_FAILED, nothing);
}

static void admitted(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_reply *r,
                     const struct v2_proof *p)
{
    struct v2_sa *v2 = v2_of(sa);
    v2->peer_initial_contact = pld_find_notify(m, PLD_N_INITIAL_CONTACT) != NULL;
    authenticated(e, sa, m, &m->idi, p);
    put_child(e, sa, m, r);
    put_window(e, &r->chain.b);
    if (v2->peer_initial_contact || sa->profile->initial_contact_force)
        drop_others(e, sa);
    bound_peer(e, sa);
    settle_duplicate(e, sa);
    v2_init_forget(v2);
}

void v2_auth_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_reply *r)
{
    const struct cfg_ikev2_profile *profile = NULL;
    struct v2_proof p = {0};
    enum v2_proved proved = check_initiator(e, sa, m, &profile, &p);
    if (proved == V2_PROVED)
        proved = prove(e, sa, profile, m, &r->chain.b, &p);
    switch (proved) {
    case V2_PROVED:
        sa->profile = profile;
        admitted(e, sa, m, r, &p);
        break;
    case V2_WAITS:
        r->wait = true;
        break;
    case V2_REFUSED:
        refuse(e, sa, r, &p.wrong);
        break;
    }
    v2_proof_free(&p);
}
