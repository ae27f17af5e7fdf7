/* The IKE SA of version 1 as a whole: birth, maturity, timers, and the table that the engine calls. */
#include "control/ikev1/v1.h"

#include "common/secret.h"
#include "control/ike/ike_natt.h"
#include "control/ikev1/v1_cert.h"
#include "control/ikev1/v1_frag.h"
#include "control/ikev1/v1_input.h"
#include "control/ikev1/v1_limit.h"
#include "control/ikev1/v1_phase1.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rekeying starts a tenth of the lifetime before its end, at most 9 min, and up to twice as early as initiator; a responder waits until half of
 * that is left, so that the two seldom meet. */
enum { REKEY_MARGIN_DIV = 10, REKEY_MARGIN_MAX_MS = 540 * 1000, REKEY_AGAIN_MS = 1000 };
/* A peer that gets QM1 before AM3, or takes them in this order, drops it; asking again costs 10 s. */
enum { AM3_AHEAD_MS = 200 };
enum { KEY_GONE_S = 60 };

cv_result v1_sa_new(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = calloc(1, sizeof *v1);
    if (!v1)
        return CV_ENOMEM;
    v1->engine = e;
    v1->sent.next_at = UINT64_MAX;
    v1->expire_half_open_at = v1->rekey_at = v1->expire_at = v1->child_at = v1->dpd.at = UINT64_MAX;
    sa->v = v1;
    return CV_OK;
}

static void sa_free(struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    while (v1->xchgs)
        v1_xchg_free(v1->engine, sa, v1->xchgs);
    v1_seen_free(v1);
    v1_forget_phase1(v1);
    v1_sent_free(&v1->sent);
    secret_wipe(v1, sizeof *v1);
    free(v1);
    sa->v = NULL;
}

void v1_set_state(struct ike *e, struct ike_sa *sa, enum v1_state state)
{
    struct v1_sa *v1 = v1_of(sa);
    const char *old = sa->state[0] ? v1_state_text(v1->state) : "IKE_READY";
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Old State = %s  New State = %s", old, v1_state_text(state));
    v1->state = state;
    snprintf(sa->state, sizeof sa->state, "%s", v1_state_shown(state));
}

void v1_fail(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *fmt, ...)
{
    char text[SEL_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "deleting SA reason \"%s\" state %s", ike_reason_name(why),
            sa->state);
    ike_sa_remove(e, sa, why, "%s", text);
}

/* ---- establishment --------------------------------------------------------------------------------------------------------- */
static uint64_t rekey_margin(struct ike *e, const struct ike_sa *sa, uint64_t lifetime_ms)
{
    uint16_t r;
    uint64_t margin = lifetime_ms / REKEY_MARGIN_DIV;
    if (margin > REKEY_MARGIN_MAX_MS)
        margin = REKEY_MARGIN_MAX_MS;
    ike_random(e, (uint8_t *)&r, sizeof r);
    return sa->initiator ? margin + margin * r / 65536 : margin / 2 + margin / 4 * r / 65536;
}

/* RFC 2407 4.6.3.3: the peer has lost what it shared with us before. What came up while this SA was being negotiated it has not. */
static void drop_others(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *next;
    for (struct ike_sa *o = ike_peer_sas(e, sa); o; o = next) {
        next = o->next_of_peer;
        if (o != sa && o->ops == &v1_ops && o->vrf == sa->vrf &&
            ip_addr_equal(&o->auth_remote, &sa->auth_remote) && o->established_ms < sa->created_ms)
            ike_sa_remove(e, o, IKE_REASON_REPLACED, "the peer made initial contact");
    }
}

/* A tunnel between the two that has no IKE SA uses this one, when it may (PF-7): its status says that phase 1 stands, and traffic from here does not ask for
 * another. */
static void serve(struct ike *e, struct ike_sa *sa)
{
    struct sel_trace trace;
    struct ike_session *s = ike_session_between(e, sa->vrf, &sa->local.addr, &sa->remote.addr, 1);
    const struct cfg_ipsec_profile *p =
        s ? cfg_find_ipsec_profile(e->cfg, s->tunnel->protection_profile) : NULL;
    if (p && !ike_sa_by_conn(e, s->conn_id) && !ip_addr_is_any(&s->tunnel->tunnel_destination) &&
        sel_v1_entry_accepts(e->cfg, p, sa->profile1, &trace))
        ike_session_attach(e, s, sa);
}

static void first_child(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    struct ike_session *s = v1->child_wanted && sa->session[0] ? ike_session_get(e, sa->session) : NULL;
    v1->child_at = UINT64_MAX;
    if (!s)
        return;
    cv_result r = v1_quick_start(e, sa, s, v1->has_packet ? &v1->packet : NULL, NULL);
    if (r != CV_OK && r != CV_EEXIST && !s->has_error)
        ike_session_failed(e, s, IKE_REASON_INTERNAL, "Quick Mode could not be started: %s",
                           cv_result_text(r));
}

/* G2 lets a negotiation end with the key that it began with. Whoever keeps one half-open must not outlive the removal of its key for a day. */
static void shorten_if_key_is_gone(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    const struct cfg_isakmp_keyring *k = v1->keyring[0] ? cfg_find_isakmp_keyring(e->cfg, v1->keyring) : NULL;
    if (sa->initiator || v1_signs(sa) || !v1->keyring[0])
        return;
    for (unsigned i = 0; k && i < k->key_count; i++)
        if (k->keys[i].key.n == v1->psk.n && secret_equal(k->keys[i].key.p, v1->psk.p, v1->psk.n))
            return;
    ike_log(e, sa, LOG_LEVEL_WARNING, "isakmp",
            "the key is not in keyring %s any more: this IKE SA ends in %d s", v1->keyring, KEY_GONE_S);
    if (v1->choice.life_s > KEY_GONE_S)
        v1->choice.life_s = KEY_GONE_S;
}

void v1_established(struct ike *e, struct ike_sa *sa)
{
    char id[SEL_TEXT_MAX];
    struct v1_sa *v1 = v1_of(sa);
    shorten_if_key_is_gone(e, sa);
    uint64_t now = ike_now(e), life_ms = v1->choice.life_s * 1000ull;
    const struct sel_id peer = v1_peer_id(sa);
    v1_set_state(e, sa, V1_COMPLETE);
    if (!v1_signs(sa)) /* else ike_cert_keep */
        snprintf(sa->peer_tag, sizeof sa->peer_tag, "%s", v1->keyring);
    sa->lifetime_s = v1->choice.life_s;
    ike_sa_established(e, sa);
    v1->expire_half_open_at = UINT64_MAX;
    v1->expire_at = now + life_ms;
    v1->rekey_at = v1->expire_at - rekey_margin(e, sa, life_ms);
    e->counters.sas_established += v1->replaces == 0; /* v1_rekey_done counts the others */
    v1_keylog(e, sa);
    ike_log(e, sa, LOG_LEVEL_INFO, "isakmp", "phase 1 is complete: %s authenticated by %s, profile %s, %s %s",
            ike_id_text(peer.type, peer.data, id), v1_signs(sa) ? "certificate" : "pre-shared key",
            sa->profile1 ? sa->profile1->name : "none", v1_signs(sa) ? "trust-point" : "keyring",
            v1_signs(sa) ? sa->peer_tag + 1 : v1->keyring);
    v1_forget_phase1(v1);
    v1_dpd_start(e, sa);
    if (v1->initial_contact_in)
        drop_others(e, sa);
    v1_rekey_done(e, sa);
    v1_bound_peer(e, sa);
    if (!sa->dead && !sa->session[0])
        serve(e, sa);
    if (sa->dead)
        return;
    if (v1->aggressive && sa->initiator)
        v1->child_at = now + AM3_AHEAD_MS;
    else
        first_child(e, sa);
}

/* ---- timers ----------------------------------------------------------------------------------------------------------------- */
static void earliest(uint64_t *at, uint64_t candidate)
{
    if (candidate < *at)
        *at = candidate;
}

void v1_schedule(struct ike *e, struct ike_sa *sa)
{
    const struct v1_sa *v1 = v1_of(sa);
    uint64_t at = UINT64_MAX;
    if (sa->dead)
        return;
    earliest(&at, v1->sent.next_at);
    earliest(&at, v1->expire_half_open_at);
    earliest(&at, v1->expire_at);
    earliest(&at, v1_xchg_next(sa));
    earliest(&at, v1->child_at);
    if (v1->parked.raw)
        earliest(&at, v1->parked.deadline);
    if (v1->state == V1_COMPLETE) {
        earliest(&at, v1->rekey_at);
        earliest(&at, v1->dpd.at);
    }
    ike_sa_timer(e, sa, at);
}

/* Where it ended says where to look. */
static const char *advice(const struct v1_sa *v1)
{
    switch (v1->state) {
    case V1_I_MM1:
        return "UDP 500 blocked, wrong address, or no policy/key for us there (TS-1)";
    case V1_I_AM1:
        return "UDP 500 blocked, wrong address, or Aggressive Mode, policy or key for us missing there "
               "(TS-1)";
    case V1_I_MM5:
        return "the peer's log says why (keyring-mismatch, bad-psk or no-profile there)";
    default:
        return "the peer went silent in the middle of the negotiation";
    }
}

static void give_up(struct ike *e, struct ike_sa *sa)
{
    const struct v1_sa *v1 = v1_of(sa);
    v1_fail(e, sa, IKE_REASON_TIMEOUT, "no answer to %s after %u retransmissions: %s%s%s%s", v1->sent.name,
            v1->sent.attempts, advice(v1),
            v1->state == V1_I_MM5 && sa->natt ? ", or UDP 4500 is blocked" : "",
            v1->clear_error ? "; unprotected, it said " : "",
            v1->clear_error ? pld1_notify_name(v1->clear_error) : "");
}

/* Whoever waits for the tunnel need not wait for the end. */
static void still_silent(struct ike *e, struct ike_sa *sa)
{
    char peer[IP_TEXT_MAX];
    const struct v1_sa *v1 = v1_of(sa);
    struct ike_session *s =
        sa->session[0] && !sa->established && !v1->replaces ? ike_session_get(e, sa->session) : NULL;
    if (s && v1->sent.attempts > 1)
        ike_session_error(e, s, IKE_REASON_TIMEOUT, "%s has not answered %s yet, sent %u times: %s%s%s",
                          ip_endpoint_text(&sa->remote, peer), v1->sent.name, v1->sent.attempts + 1,
                          advice(v1), v1->clear_error ? "; unprotected, it said " : "",
                          v1->clear_error ? pld1_notify_name(v1->clear_error) : "");
}

static void retransmit_due(struct ike *e, struct ike_sa *sa, uint64_t now)
{
    struct v1_sa *v1 = v1_of(sa);
    if (now < v1->sent.next_at)
        return;
    if (v1->sent.attempts >= V1_RETRANSMIT_MAX) {
        v1->sent.next_at = UINT64_MAX;
        if (!sa->established)
            give_up(e, sa);
        else if (v1->peer
                     .dpd) /* AM3 never arrived: the peer has no such SA. Without DPD Quick Mode finds out */
            v1_delete_sa(e, sa, IKE_REASON_TIMEOUT);
        return;
    }
    v1->sent.attempts++;
    v1->sent.next_at = now + V1_RETRANSMIT_MS;
    e->counters.retransmits_sent++;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "retransmitting phase 1 %s, attempt %u of %u", sa->state,
            v1->sent.attempts, V1_RETRANSMIT_MAX);
    v1_msg_again(e, sa, &v1->sent);
    if (sa->established)
        v1_dpd_ask(e, sa);
    still_silent(e, sa);
}

static bool responder_only(const struct ike *e, const struct ike_sa *sa)
{
    const struct cfg_interface *t = sa->session[0] ? cfg_find_interface(e->cfg, sa->session) : NULL;
    const struct cfg_ipsec_profile *p = t ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    return p && p->responder_only;
}

static void rekey_due(struct ike *e, struct ike_sa *sa, uint64_t now)
{
    struct v1_sa *v1 = v1_of(sa);
    if (responder_only(e, sa)) {
        v1->rekey_at = UINT64_MAX; /* the peer's turn; expire_at ends it */
        return;
    }
    cv_result r = v1_rekey_sa(e, sa);
    if (r != CV_OK && r != CV_EEXIST)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "phase 1 is not negotiated anew: %s", cv_result_text(r));
    if (!sa->dead && v1->rekey_at <= now)
        v1->rekey_at = now + REKEY_AGAIN_MS;
}

static void established_due(struct ike *e, struct ike_sa *sa, uint64_t now)
{
    struct v1_sa *v1 = v1_of(sa);
    if (v1_xchg_next(sa) <= now)
        v1_xchg_timer(e, sa);
    if (!sa->dead && now >= v1->child_at)
        first_child(e, sa);
    if (sa->dead)
        return;
    if (now >= v1->expire_at) {
        v1_delete_sa(e, sa, v1->state == V1_REPLACED ? IKE_REASON_REPLACED : IKE_REASON_LIFETIME);
        return;
    }
    if (v1->state != V1_COMPLETE)
        return;
    if (now >= v1->rekey_at)
        rekey_due(e, sa, now);
    if (!sa->dead && now >= v1->dpd.at) {
        v1->dpd.at = UINT64_MAX; /* v1_dpd_due says when next */
        v1_dpd_due(e, sa);
    }
}

static void timer(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    uint64_t now = ike_now(e);
    if (v1->parked.raw && now >= v1->parked.deadline)
        v1_parked_again(e, sa); /* for the last time */
    if (!sa->dead)
        retransmit_due(e, sa, now);
    if (!sa->dead && now >= v1->expire_half_open_at)
        v1_fail(e, sa, IKE_REASON_TIMEOUT, "the peer did not go on in state %s", sa->state);
    if (!sa->dead && sa->established)
        established_due(e, sa, now);
    if (!sa->dead)
        v1_schedule(e, sa);
}

/* ---- the table -------------------------------------------------------------------------------------------------------------- */
static cv_result initiate(struct ike *e, struct ike_session *s, const struct cv_acquire *packet)
{
    return v1_initiate(e, s, packet, 0);
}

static cv_result initiate_child(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                                const struct cv_acquire *packet)
{
    return v1_quick_start(e, sa, s, packet, NULL);
}

static void nat_change(struct ike *e, struct ike_sa *sa, struct sam_child *c,
                       const struct ip_endpoint *remote)
{
    if (c->natt)
        ike_nat_follow(e, sa, remote);
}

/* Only established SAs stay across a reload; what they still know of the old configuration are names. */
static void reconfigured(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    v1->key =
        (struct sel_v1_key){.keyring = v1->keyring[0] ? cfg_find_isakmp_keyring(e->cfg, v1->keyring) : NULL};
    v1->choice.policy = NULL;
    for (struct v1_xchg *x = v1->xchgs; x; x = x->next)
        x->choice.set = NULL;
}

static void view(const struct ike_sa *sa, struct ike_sa_view *out)
{
    const struct v1_sa *v1 = sa->v;
    if (!v1)
        return;
    struct cfg_dpd dpd = cfg_isakmp_dpd_effective(v1->engine->cfg, sa->profile1);
    out->profile = ike_sa_profile(sa);
    out->state = v1_state_shown(v1->state);
    out->hash = v1->choice.hash;
    out->aggressive = v1->aggressive;
    out->peer_deleted = v1->state == V1_REPLACED || sa->given_up;
    out->encr = v1->choice.encr;
    out->key_bits = v1->choice.key_bits;
    out->prf = v1->choice.prf;
    out->dh = v1->choice.group;
    out->fragmentation = v1->engine->cfg->isakmp_fragmentation && v1->peer.fragmentation;
    out->dpd = dpd.set && v1->peer.dpd;
    out->dpd_interval_s = dpd.interval_s;
    out->dpd_retry_s = dpd.retry_s;
}

const struct ike_version_ops v1_ops = {
    .version = 1,
    .datagram = v1_datagram,
    .initiate = initiate,
    .initiate_child = initiate_child,
    .rekey_child = v1_rekey_child,
    .rekey_sa = v1_rekey_sa,
    .delete_child = v1_delete_child,
    .delete_sa = v1_delete_sa,
    .invalid_spi = v1_invalid_spi,
    .first_packet = v1_child_first_packet,
    .nat_change = nat_change,
    .timer = timer,
    .pki_changed = v1_parked_again,
    .reconfigured = reconfigured,
    .view = view,
    .sa_free = sa_free,
};
