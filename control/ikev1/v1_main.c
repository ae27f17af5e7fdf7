/* Main Mode (RFC 2409 5.1, 5.4), both roles. */
#include "control/ikev1/v1_main.h"

#include "control/ike/ike_natt.h"
#include "control/ikev1/v1_aggr.h"
#include "control/ikev1/v1_cert.h"
#include "control/ikev1/v1_message.h"
#include "control/ikev1/v1_phase1.h"
#include "control/ikev1/v1_quick.h"
#include "control/ikev1/v1_vendor.h"

#include <stdio.h>
#include <string.h>

struct sel_v1_path v1_path(struct ike *e, const struct ike_sa *sa)
{
    return (struct sel_v1_path){
        .fvrf = ike_vrf_name(e, sa->vrf), .local = &sa->local.addr, .peer = &sa->remote.addr};
}

void v1_not_made(struct ike *e, struct ike_sa *sa, const char *name, cv_result r)
{
    v1_fail(e, sa, IKE_REASON_INTERNAL, "%s could not be made: %s", name, cv_result_text(r));
}

/* ---- initiator: MM1 ------------------------------------------------------------------------------------------------- */
static cv_result send_1(struct ike *e, struct ike_sa *sa)
{
    struct sel1_ike_transform offers[SEL1_TRANSFORMS_MAX];
    struct v1_msg m = {0};
    unsigned n = sel1_ike_offers(e->cfg, v1_of(sa)->methods, 0, offers);
    cv_result r = n ? v1_msg_begin(e, sa, PLD1_MAIN, 0, "MM1", &m) : CV_ENOENT;
    if (r == CV_OK)
        r = v1_put_offers(sa, &m, offers, n);
    if (r == CV_OK) {
        v1_vendor_put(e, sa, &m.b, false);
        r = v1_msg_send(e, sa, &m, NULL, &v1_of(sa)->sent, true);
    }
    v1_msg_free(&m);
    return r;
}

/* Where the negotiation goes. For a rekey: where the old SA has its peer, NAT and all (RFC 3947 4). */
static cv_result endpoints(struct ike *e, struct ike_sa *sa, const struct ike_session *s, uint32_t replaces)
{
    const struct ike_sa *old = replaces ? ike_sa_by_conn(e, replaces) : NULL;
    sa->vrf = ike_vrf_id(e, s->tunnel->tunnel_vrf);
    if (old) {
        sa->local = old->local;
        sa->remote = old->remote;
        sa->natt = old->natt;
        return CV_OK;
    }
    if (!cfg_tunnel_source(e->cfg, s->tunnel, &sa->local.addr))
        return CV_ENOENT;
    sa->remote.addr = ike_session_peer(s);
    sa->local.port = sa->remote.port = IKE_PORT;
    return CV_OK;
}

static bool configured_aggressive(const struct ike *e, const struct cfg_isakmp_profile *profile,
                                  const struct cfg_isakmp_peer *peer)
{
    bool asked = (profile && profile->aggressive) ||
                 (peer && (peer->password.n > 0 || peer->client_id.kind != CFG_ID_NONE));
    return asked && !e->cfg->isakmp_aggressive_disable;
}

static cv_result find_psk(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_peer *peer)
{
    struct v1_sa *v1 = v1_of(sa);
    const struct sel_v1_path path = v1_path(e, sa);
    if (v1->aggressive && peer && peer->password.n > 0)
        return v1_keep_key(v1, (struct sel_v1_key){0}, (struct slice){peer->password.p, peer->password.n});
    struct sel_v1_key key =
        v1_find_key(e, sa, sa->profile1, true, &path, NULL, v1->aggressive ? "AM1" : "MM1");
    return key.key ? v1_keep_key(v1, key, (struct slice){key.key->key.p, key.key->key.n}) : CV_ENOENT;
}

/* What we can prove ourselves by: a pre-shared key for the peer, a certificate. False: nothing, said so. */
static bool find_methods(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_peer *peer)
{
    char text[IP_TEXT_MAX];
    struct v1_sa *v1 = v1_of(sa);
    struct sel1_ike_transform offers[SEL1_TRANSFORMS_MAX];
    const unsigned signatures = v1_cert_methods(e, sa->profile1, true);
    const cv_result r = v1_wants_keys(e) ? find_psk(e, sa, peer) : CV_ENOENT;
    v1->methods = signatures | (r == CV_OK ? 1u << SEL1_METHOD_PSK : 0);
    if (r != CV_OK && r != CV_ENOENT) {
        v1_fail(e, sa, IKE_REASON_NO_RESOURCES, "%s", cv_result_text(r));
        return false;
    }
    if (sel1_ike_offers(e->cfg, v1->methods, 0, offers) > 0)
        return true;
    switch (v1_no_method(e, r == CV_OK, signatures)) {
    case IKE_REASON_NO_PSK:
        v1_fail(e, sa, IKE_REASON_NO_PSK, "no pre-shared key for %s in %s%s",
                ip_addr_text(&sa->remote.addr, text),
                sa->profile1 ? "the keyrings of profile " : "any keyring",
                sa->profile1 ? sa->profile1->name : "");
        return false;
    case IKE_REASON_NO_CERTIFICATE:
        v1_fail(e, sa, IKE_REASON_NO_CERTIFICATE, "no trust-point%s%s has a valid certificate to sign with",
                sa->profile1 && sa->profile1->trustpoint_count ? " of profile " : "",
                sa->profile1 && sa->profile1->trustpoint_count ? sa->profile1->name : "");
        return false;
    default:
        return true; /* start() finds that there is nothing to offer */
    }
}

static cv_result start(struct ike *e, struct ike_sa *sa, const struct ike_session *s, uint32_t replaces)
{
    CV_TRY(v1_sa_new(e, sa));
    struct v1_sa *v1 = v1_of(sa);
    CV_TRY(endpoints(e, sa, s, replaces));
    const struct cfg_isakmp_peer *peer =
        cfg_find_isakmp_peer(e->cfg, &sa->remote.addr, s->tunnel->tunnel_vrf);
    v1->replaces = replaces;
    v1->child_wanted = replaces == 0;
    v1->aggressive = configured_aggressive(e, sa->profile1, peer);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "SA request profile is %s",
            sa->profile1 ? sa->profile1->name : "(NULL)");
    if (!find_methods(e, sa, peer))
        return CV_ENOENT;
    if (v1->aggressive)
        return v1_aggr_start(e, sa, peer);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Can not start Aggressive mode, trying Main mode.");
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "beginning Main Mode exchange");
    v1_set_state(e, sa, V1_I_MM1);
    return send_1(e, sa);
}

static void keep_packet(struct v1_sa *v1, const struct cv_acquire *packet)
{
    if (packet) {
        v1->has_packet = true;
        v1->packet = *packet;
    }
}

cv_result v1_initiate(struct ike *e, struct ike_session *s, const struct cv_acquire *packet,
                      uint32_t replaces)
{
    char peer[IP_TEXT_MAX];
    struct sel_trace trace;
    bool refused;
    const struct cfg_isakmp_profile *p = sel_v1_profile_for_tunnel(e->cfg, s->tunnel, &refused, &trace);
    if (refused) {
        ike_decision(e, NULL, "MM1", &trace);
        ike_session_failed(e, s, IKE_REASON_NO_PROFILE, "%s", trace.text);
        return CV_ENOENT;
    }
    struct ike_sa *sa = ike_sa_new(e, &v1_ops, true);
    if (!sa)
        return CV_ENOMEM;
    sa->profile1 = p;
    if (replaces)
        memcpy(sa->session, s->interface, sizeof sa->session); /* the old SA serves it until this one is up */
    else
        ike_session_attach(e, s, sa);
    ike_decision(e, sa, "MM1", &trace);
    cv_result r = start(e, sa, s, replaces);
    if (r != CV_OK && !sa->dead)
        v1_fail(e, sa, r == CV_ENOENT ? IKE_REASON_NO_PROPOSAL : IKE_REASON_INTERNAL, "%s",
                r == CV_ENOENT ? "no ISAKMP policy can be used" : cv_result_text(r));
    if (r != CV_OK)
        return r;
    keep_packet(v1_of(sa), packet);
    ike_log(e, sa, LOG_LEVEL_INFO, "isakmp", "initiating IKE SA for %s with %s, %s, profile %s", s->interface,
            ip_endpoint_text(&sa->remote, peer), v1_of(sa)->aggressive ? "Aggressive Mode" : "Main Mode",
            p ? p->name : "none");
    v1_schedule(e, sa);
    return CV_OK;
}

/* ---- responder: MM1, MM2 -------------------------------------------------------------------------------------------- */
static cv_result send_2(struct ike *e, struct ike_sa *sa, const struct pld1_message *offer,
                        unsigned transform)
{
    struct v1_msg m;
    cv_result r = v1_msg_begin(e, sa, PLD1_MAIN, 0, "MM2", &m);
    if (r == CV_OK) {
        v1_put_answer(&m, offer, transform);
        v1_vendor_put(e, sa, &m.b, true);
        r = v1_msg_send(e, sa, &m, NULL, &v1_of(sa)->sent, false);
    }
    v1_msg_free(&m);
    return r;
}

void v1_main_first(struct ike *e, struct v1_in *in)
{
    struct sel1_ike_choice choice;
    const struct sel_v1_path path = {
        .fvrf = ike_vrf_name(e, in->d->vrf), .local = &in->d->local.addr, .peer = &in->d->remote.addr};
    struct sel_v1_key key = {0};
    if (v1_wants_keys(e)) /* KR-12, G2 */
        key = v1_find_key(e, NULL, NULL, false, &path, NULL, "MM1");
    if (!v1_choose(e, in, key.key != NULL, "MM1", &choice))
        return;
    struct ike_sa *sa = v1_responder_new(e, in, &choice, key);
    if (!sa)
        return;
    v1_vendor_take(e, sa, in->m);
    v1_set_state(e, sa, V1_R_MM2);
    cv_result r = send_2(e, sa, in->m, choice.transform);
    if (r != CV_OK) {
        v1_not_made(e, sa, "MM2", r);
        return;
    }
    v1_took(sa, in);
    v1_schedule(e, sa);
}

/* ---- initiator: MM2, MM3 -------------------------------------------------------------------------------------------- */
/* KE, nonce, CERTREQs where signatures were agreed (CT-4) and, where both ends do NAT traversal, NAT-D: MM3 and MM4 have one form. */
static cv_result send_values(struct ike *e, struct ike_sa *sa, const char *name)
{
    struct v1_msg m;
    cv_result r = v1_msg_begin(e, sa, PLD1_MAIN, 0, name, &m);
    if (r == CV_OK) {
        v1_put_values(sa, &m);
        if (v1_signs(sa))
            v1_cert_ask(e, sa, name, &m);
        r = v1_nat_put(sa, &m.b);
    }
    if (r == CV_OK)
        r = v1_msg_send(e, sa, &m, NULL, &v1_of(sa)->sent, true);
    v1_msg_free(&m);
    return r;
}

void v1_main_2(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    char why[SEL_TEXT_MAX];
    if (v1->key.key)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "local preshared key found in keyring %s", v1->keyring);
    if (!v1_accept(e, sa, in->m, 0, &v1->choice, why)) {
        v1_fail(e, sa, IKE_REASON_NO_PROPOSAL, "the peer's choice is not ours: %s", why);
        return;
    }
    memcpy(sa->spi_r, in->m->header.spi_r, sizeof sa->spi_r);
    v1_vendor_take(e, sa, in->m);
    cv_result r = v1_own_values(e, sa);
    if (r == CV_OK)
        r = send_values(e, sa, "MM3");
    if (r != CV_OK) {
        v1_not_made(e, sa, "MM3", r);
        return;
    }
    v1_took(sa, in);
    v1_set_state(e, sa, V1_I_MM3);
}

/* ---- responder: MM3, MM4 ------------------------------------------------------------------------------------------- */
void v1_main_3(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    enum { ANSWER_MS = V1_RETRANSMIT_MS * (V1_RETRANSMIT_MAX + 2) };
    struct v1_sa *v1 = v1_of(sa);
    v1_vendor_take(e, sa, in->m);
    cv_result r = v1_nat_detect(e, sa, in);
    if (r == CV_OK && !v1->dh)
        r = v1_own_values(e, sa);
    if (r == CV_OK)
        r = v1_derive(e, sa, in->m);
    if (r != CV_OK) {
        ike_log_unauth(e, &in->d->remote, "MM3 dropped: %s", cv_result_text(r));
        v1_bad_message(e, sa, in);
        return;
    }
    if (!v1_signs(sa))
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "key of keyring %s is used for SKEYID", v1->keyring);
    else if (!v1_cert_choose(e, sa, in->m, "MM3")) {
        v1_fail(e, sa, IKE_REASON_NO_CERTIFICATE, "no trust-point has a valid certificate to sign with");
        return;
    }
    r = send_values(e, sa, "MM4");
    if (r != CV_OK) {
        v1_not_made(e, sa, "MM4", r);
        return;
    }
    v1_took(sa, in);
    v1->expire_half_open_at = ike_now(e) + ANSWER_MS; /* its address is its own: it has our cookie */
    v1_set_state(e, sa, V1_R_MM4);
}

/* ---- initiator: MM4, MM5 ------------------------------------------------------------------------------------------- */
/* ID, HASH and, in MM5, INITIAL-CONTACT (PR-16); in MM6 our lifetime, when it is the shorter. */
static cv_result send_proof(struct ike *e, struct ike_sa *sa, const char *name, bool by_timer)
{
    struct v1_sa *v1 = v1_of(sa);
    struct v1_msg m;
    cv_result r = v1_msg_begin(e, sa, PLD1_MAIN, 0, name, &m);
    if (r == CV_OK) {
        v1_put_id(sa, &m);
        r = v1_put_proof(e, sa, &m);
    }
    if (r == CV_OK && sa->initiator)
        v1_put_initial_contact(e, sa, &m);
    else if (r == CV_OK)
        v1_put_lifetime(e, sa, &m);
    if (r == CV_OK)
        r = v1_msg_send(e, sa, &m, v1->iv, &v1->sent, by_timer);
    v1_msg_free(&m);
    return r;
}

void v1_main_4(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    v1_vendor_take(e, sa, in->m);
    cv_result r = v1_nat_detect(e, sa, in);
    if (r == CV_OK)
        r = v1_derive(e, sa, in->m);
    if (r != CV_OK) {
        ike_log_unauth(e, &in->d->remote, "MM4 dropped: %s", cv_result_text(r));
        v1_bad_message(e, sa, in);
        return;
    }
    v1_float(e, sa);
    if (v1_signs(sa) && !v1_cert_choose(e, sa, in->m, "MM4")) {
        v1_fail(e, sa, IKE_REASON_CERT_BUILD_FAILED, "no trust-point has a valid certificate to sign with");
        return;
    }
    r = v1_local_id(e, sa, sa->profile1);
    if (r == CV_OK)
        r = send_proof(e, sa, "MM5", true);
    if (r != CV_OK) {
        v1_not_made(e, sa, "MM5", r);
        return;
    }
    v1_took(sa, in);
    v1_set_state(e, sa, V1_I_MM5);
}

/* ---- responder: MM5, MM6 ------------------------------------------------------------------------------------------- */
/* PF-3, PF-6. */
const struct cfg_isakmp_profile *v1_profile_of_peer(struct ike *e, struct ike_sa *sa,
                                                    const struct ike_cert_peer *cert, const char *at)
{
    struct sel_trace trace;
    struct sel_id_cert facts;
    const struct sel_v1_path path = v1_path(e, sa);
    struct sel_id id = v1_peer_id(sa);
    if (cert)
        id.cert = ike_cert_facts(e, cert, &facts);
    const struct cfg_isakmp_profile *p = sel_v1_profile(e->cfg, &path, &id, &trace);
    ike_decision(e, sa, at, &trace);
    if (p)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "peer matches %s profile", p->name);
    else
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "peer matches *none* of the profiles");
    return p;
}

/* KR-7: the keyring of SKEYID's key is one of the profile's. */
static bool keyring_agrees(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_profile *p,
                           const struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    struct sel_trace trace;
    const struct sel_v1_path path = v1_path(e, sa);
    if (p)
        (void)v1_find_key(e, sa, p, false, &path, NULL, "MM5");
    bool same = sel_v1_keyring_agrees(e->cfg, p, v1->key.keyring, &trace);
    ike_decision(e, sa, "MM5", &trace);
    if (same)
        return true;
    ike_log(e, sa, LOG_LEVEL_WARNING, "isakmp",
            "Key not found in keyrings of profile %s, aborting exchange: %s", p->name, trace.text);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "FSM action returned error: 2");
    v1_blame(e, in->d, IKE_REASON_KEYRING_MISMATCH, "%s", trace.text);
    return false;
}

/* G13: nothing is sent, now or by the timer; the same MM5 again gets MM4 again, until the SA's own end. */
static void refuse_5(struct ike *e, struct ike_sa *sa, const struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    v1->refused = true;
    v1->sent.next_at = UINT64_MAX;
    memcpy(v1->refused_in, in->digest, sizeof v1->refused_in);
    v1->has_refused_in = true;
    e->counters.sas_failed++;
}

bool v1_check_proof(struct ike *e, struct ike_sa *sa, const struct v1_in *in, const char *name)
{
    char peer[IP_TEXT_MAX];
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "processing HASH payload");
    if (v1_proved(sa, in->m)) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "SA authentication status: authenticated");
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "SA has been authenticated with %s",
                ip_addr_text(&sa->remote.addr, peer));
        return true;
    }
    e->counters.auth_failed_icv++;
    ike_log_unauth(e, &in->d->remote, "HASH of %s does not verify", name);
    return false;
}

static bool proved_by_key(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_profile **p,
                          const struct v1_in *in)
{
    *p = v1_profile_of_peer(e, sa, NULL, "MM5");
    if (!keyring_agrees(e, sa, *p, in)) {
        refuse_5(e, sa, in);
        return false;
    }
    if (v1_check_proof(e, sa, in, "MM5"))
        return true;
    v1_blame(e, in->d, IKE_REASON_AUTH_FAILED, "HASH of MM5 does not verify: the pre-shared keys differ");
    v1_bad_message(e, sa, in);
    return false;
}

static void told_authenticated(struct ike *e, const struct ike_sa *sa)
{
    char peer[IP_TEXT_MAX];
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "SA authentication status: authenticated");
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "SA has been authenticated with %s",
            ip_addr_text(&sa->remote.addr, peer));
}

enum ike_cert_state v1_signature_proved(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_profile *p,
                                        const struct v1_in *in, const char *at, struct ike_cert_peer *cert)
{
    uint8_t hash[CR_PRF_MAX];
    size_t n;
    enum ike_cert_state s = IKE_CERT_BAD;
    cert->why = IKE_REASON_INTERNAL;
    if (v1_peer_hash(sa, hash, &n) == CV_OK)
        s = v1_cert_check(e, sa, in, p, (struct slice){hash, n}, at, cert);
    if (s != IKE_CERT_GOOD)
        return s;
    told_authenticated(e, sa);
    ike_cert_keep(sa, cert);
    return s;
}

/* CT-9, CT-10. */
static bool proved_by_signature(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_profile **p,
                                const struct v1_in *in)
{
    struct ike_cert_peer cert = {0};
    enum ike_cert_state s = IKE_CERT_BAD;
    if (v1_cert_take(e, sa, in, &cert)) {
        *p = v1_profile_of_peer(e, sa, &cert, "MM5");
        s = v1_signature_proved(e, sa, *p, in, "MM5", &cert);
    }
    if (s == IKE_CERT_BAD) {
        v1_blame(e, in->d, cert.why, "%s", cert.text);
        refuse_5(e, sa, in);
    }
    ike_cert_peer_free(&cert);
    return s == IKE_CERT_GOOD;
}

/* G30: with certificates the identity is checked, where the profile says whom it wants. */
static bool wanted_peer(struct ike *e, struct ike_sa *sa, const struct ike_cert_peer *cert, const char *at)
{
    const struct cfg_isakmp_profile *p = sa->profile1;
    struct sel_id_cert facts;
    struct sel_id id = v1_peer_id(sa);
    id.cert = ike_cert_facts(e, cert, &facts);
    (void)v1_profile_of_peer(e, sa, cert, at);
    return !p || !cfg_isakmp_profile_complete(p) || sel_v1_profile_matches(p, &id);
}

/* With MM6 the responder has an SA, and would have its Quick Modes run into nothing until it notices: it hears that ours is gone, not why. In Aggressive Mode
 * it still waits for AM3. */
static void disown(struct ike *e, struct ike_sa *sa, const struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    uint8_t cookies[2 * PLD1_COOKIE_LEN];
    if (v1->state != V1_I_MM5)
        return;
    memcpy(v1->iv, in->iv_next, sizeof v1->iv);
    v1->state = V1_COMPLETE; /* as the peer sees it, for this one message */
    v1_cookies(sa, cookies);
    v1_send_delete(e, sa, PLD1_PROTO_ISAKMP, (struct slice){cookies, sizeof cookies});
    v1->state = V1_I_MM5;
}

static void not_believed(struct ike *e, struct ike_sa *sa, const struct v1_in *in, enum ike_reason why,
                         const char *text)
{
    disown(e, sa, in);
    v1_fail(e, sa, why, "%s", text);
}

bool v1_responder_proved(struct ike *e, struct ike_sa *sa, const struct v1_in *in, const char *at)
{
    char id[SEL_TEXT_MAX], text[SEL_TEXT_MAX];
    struct ike_cert_peer cert = {0};
    enum ike_cert_state s = IKE_CERT_BAD;
    if (!v1_cert_take(e, sa, in, &cert)) {
        not_believed(e, sa, in, cert.why, cert.text);
    } else if (!wanted_peer(e, sa, &cert, at)) {
        snprintf(text, sizeof text, "the peer is %.120s, which profile %s does not match",
                 ike_id_text(sa->peer_id_type, (struct slice){sa->peer_id, sa->peer_id_len}, id),
                 sa->profile1->name);
        not_believed(e, sa, in, IKE_REASON_ID_MISMATCH, text);
    } else {
        s = v1_signature_proved(e, sa, sa->profile1, in, at, &cert);
        if (s == IKE_CERT_BAD)
            not_believed(e, sa, in, cert.why, cert.text);
    }
    ike_cert_peer_free(&cert);
    return s == IKE_CERT_GOOD;
}

void v1_main_5(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    if (v1->refused)
        return;
    if (!v1_keep_peer_id(e, sa, &in->m->ids[0])) {
        v1_bad_message(e, sa, in);
        return;
    }
    const struct cfg_isakmp_profile *p = NULL;
    if (!(v1_signs(sa) ? proved_by_signature(e, sa, &p, in) : proved_by_key(e, sa, &p, in)))
        return;
    v1_peer_at(sa, in); /* its ports may be new, behind a NAT (RFC 3947 4) */
    sa->profile1 = p;
    memcpy(v1->iv, in->iv_next, sizeof v1->iv);
    v1_take_notifies(e, sa, in->m);
    cv_result r = v1_local_id(e, sa, p);
    if (r == CV_OK)
        r = send_proof(e, sa, "MM6", false);
    if (r != CV_OK) {
        v1_not_made(e, sa, "MM6", r);
        return;
    }
    v1_took(sa, in);
    v1_established(e, sa);
}

/* ---- initiator: MM6 ------------------------------------------------------------------------------------------------- */
void v1_main_6(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    if (!v1_keep_peer_id(e, sa, &in->m->ids[0]) || (!v1_signs(sa) && !v1_check_proof(e, sa, in, "MM6"))) {
        v1_bad_message(e, sa, in);
        return;
    }
    if (v1_signs(sa) && !v1_responder_proved(e, sa, in, "MM6"))
        return;
    if (!v1_signs(sa))
        (void)v1_profile_of_peer(
            e, sa, NULL, "MM6"); /* G30: said, without effect; KR-4: nor are keyrings looked at again */
    memcpy(v1->iv, in->iv_next, sizeof v1->iv);
    v1_take_notifies(e, sa, in->m);
    v1_took(sa, in);
    v1_sent_free(&v1->sent);
    v1_established(e, sa);
}
