/* Aggressive Mode (RFC 2409 5.1, 5.4), both roles. With pre-shared keys AM2 carries HASH_R in the clear, by which who asked can try passwords at home: so
 * it is served only where the configuration can need it. */
#include "control/ikev1/v1_aggr.h"

#include "control/ikev1/v1_cert.h"
#include "control/ikev1/v1_main.h"
#include "control/ikev1/v1_phase1.h"
#include "control/ikev1/v1_vendor.h"

#include <string.h>

bool v1_aggr_served(const struct cfg *c)
{
    if (c->isakmp_aggressive_disable)
        return false;
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        if (c->isakmp_profiles[i].aggressive)
            return true;
    for (unsigned i = 0; i < c->isakmp_peer_count; i++)
        if (c->isakmp_peers[i].password.n > 0 || c->isakmp_peers[i].client_id.kind != CFG_ID_NONE)
            return true;
    for (unsigned r = 0; r <= c->isakmp_keyring_count; r++) {
        const struct cfg_isakmp_keyring *k = r ? &c->isakmp_keyrings[r - 1] : &c->isakmp_default;
        for (unsigned i = 0; i < k->key_count; i++)
            if (!k->keys[i].has_address)
                return true;
    }
    return false;
}

bool v1_aggr_served_with(const struct cfg *c, const struct sel_v1_path *path,
                         const struct cfg_isakmp_profile *profile, const struct cfg_isakmp_key *key)
{
    const struct cfg_isakmp_peer *peer = cfg_find_isakmp_peer(c, path->peer, path->fvrf);
    return key && (!key->has_address || (profile && profile->aggressive) ||
                   (peer && (peer->password.n > 0 || peer->client_id.kind != CFG_ID_NONE)));
}

/* ---- initiator ------------------------------------------------------------------------------------------------------- */
/* RFC 2409 5.4: KE goes with the offers, so that all are of one group: the first policy's. */
static uint16_t group_of_offers(const struct ike *e, unsigned methods)
{
    struct sel1_ike_transform t[SEL1_TRANSFORMS_MAX];
    return sel1_ike_offers(e->cfg, methods, 0, t) ? t[0].group : 0;
}

static bool may_sign(const struct ike_sa *sa)
{
    return ((const struct v1_sa *)sa->v)->methods & ~(1u << SEL1_METHOD_PSK);
}

static cv_result send_1(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    struct sel1_ike_transform offers[SEL1_TRANSFORMS_MAX];
    struct v1_msg m;
    unsigned n = sel1_ike_offers(e->cfg, v1->methods, v1->choice.group, offers);
    cv_result r = v1_msg_begin(e, sa, PLD1_AGGRESSIVE, 0, "AM1", &m);
    if (r == CV_OK)
        r = v1_put_offers(sa, &m, offers, n);
    if (r == CV_OK) {
        v1_put_values(sa, &m);
        v1_put_id(sa, &m);
        if (may_sign(sa))
            v1_cert_ask(e, sa, "AM1", &m);
        v1_vendor_put(e, sa, &m.b, false);
        r = v1_msg_send(e, sa, &m, NULL, &v1->sent, true);
    }
    v1_msg_free(&m);
    return r;
}

cv_result v1_aggr_start(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_peer *peer)
{
    struct v1_sa *v1 = v1_of(sa);
    v1->choice.group = group_of_offers(e, v1->methods);
    if (!v1->choice.group)
        return CV_ENOENT;
    if (may_sign(sa) && !v1_cert_choose(e, sa, NULL, "AM1")) /* for our identity; AM2 may ask for another */
        return CV_ENOENT;
    CV_TRY(peer && peer->client_id.kind != CFG_ID_NONE ? v1_local_id_as(e, sa, &peer->client_id)
                                                       : v1_local_id(e, sa, sa->profile1));
    CV_TRY(v1_own_values(e, sa));
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "beginning Aggressive Mode exchange");
    v1_set_state(e, sa, V1_I_AM1);
    return send_1(e, sa);
}

static cv_result send_3(struct ike *e, struct ike_sa *sa)
{
    struct v1_sa *v1 = v1_of(sa);
    struct v1_msg m;
    cv_result r = v1_msg_begin(e, sa, PLD1_AGGRESSIVE, 0, "AM3", &m);
    if (r == CV_OK)
        r = v1_put_proof(e, sa, &m);
    if (r == CV_OK)
        r = v1_nat_put(sa, &m.b);
    if (r == CV_OK) {
        v1_put_initial_contact(e, sa, &m);
        /* AM3 has no answer: it is repeated until the peer is heard under these keys */
        r = v1_msg_send(e, sa, &m, v1->iv, &v1->sent, true);
    }
    v1_msg_free(&m);
    return r;
}

static bool proved_2(struct ike *e, struct ike_sa *sa, const struct v1_in *in)
{
    if (v1_signs(sa)) {
        if (!v1_cert_choose(e, sa, in->m, "AM2")) {
            v1_fail(e, sa, IKE_REASON_CERT_BUILD_FAILED,
                    "no trust-point has a valid certificate to sign with");
            return false;
        }
        return v1_responder_proved(e, sa, in, "AM2");
    }
    if (!v1_check_proof(e, sa, in, "AM2")) {
        v1_fail(e, sa, IKE_REASON_BAD_PSK,
                "HASH of AM2 does not verify: the two ends' pre-shared keys differ");
        return false;
    }
    (void)v1_profile_of_peer(e, sa, NULL, "AM2"); /* G30 */
    return true;
}

void v1_aggr_2(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    struct sel1_ike_choice choice;
    char why[SEL_TEXT_MAX];
    if (!v1_accept(e, sa, in->m, v1->choice.group, &choice, why)) {
        v1_fail(e, sa, IKE_REASON_NO_PROPOSAL, "the peer's choice is not ours: %s", why);
        return;
    }
    v1->choice = choice;
    memcpy(sa->spi_r, in->m->header.spi_r, sizeof sa->spi_r);
    v1_vendor_take(e, sa, in->m);
    cv_result r = v1_nat_detect(e, sa, in);
    if (r == CV_OK)
        r = v1_derive(e, sa, in->m);
    if (r != CV_OK || !v1_keep_peer_id(e, sa, &in->m->ids[0])) {
        ike_log_unauth(e, &in->d->remote, "AM2 dropped: %s", r != CV_OK ? cv_result_text(r) : "malformed ID");
        v1_bad_message(e, sa, in);
        return;
    }
    if (!proved_2(e, sa, in))
        return;
    v1_take_notifies(e, sa, in->m);
    v1_float(e, sa);
    r = send_3(e, sa);
    if (r != CV_OK) {
        v1_not_made(e, sa, "AM3", r);
        return;
    }
    v1_took(sa, in);
    v1_established(e, sa);
}

/* ---- responder ------------------------------------------------------------------------------------------------------- */
static cv_result send_2(struct ike *e, struct ike_sa *sa, const struct pld1_message *offer,
                        unsigned transform)
{
    struct v1_msg m;
    cv_result r = v1_msg_begin(e, sa, PLD1_AGGRESSIVE, 0, "AM2", &m);
    if (r == CV_OK) {
        v1_put_answer(&m, offer, transform);
        v1_put_values(sa, &m);
        v1_put_id(sa, &m);
        r = v1_put_proof(e, sa, &m);
    }
    if (r == CV_OK && v1_signs(sa))
        v1_cert_ask(e, sa, "AM2", &m);
    if (r == CV_OK)
        r = v1_nat_put(sa, &m.b);
    if (r == CV_OK) {
        v1_vendor_put(e, sa, &m.b, true);
        r = v1_msg_send(e, sa, &m, NULL, &v1_of(sa)->sent, false);
    }
    v1_msg_free(&m);
    return r;
}

static cv_result answer(struct ike *e, struct ike_sa *sa, const struct v1_in *in,
                        const struct sel1_ike_choice *choice)
{
    CV_TRY(v1_own_values(e, sa));
    CV_TRY(v1_derive(e, sa, in->m));
    if (v1_signs(sa) && !v1_cert_choose(e, sa, in->m, "AM1"))
        return CV_ENOENT;
    CV_TRY(v1_local_id(e, sa, sa->profile1));
    return send_2(e, sa, in->m, choice->transform);
}

void v1_aggr_first(struct ike *e, struct v1_in *in)
{
    struct sel_trace trace;
    struct sel1_ike_choice choice;
    const struct sel_v1_path path = {
        .fvrf = ike_vrf_name(e, in->d->vrf), .local = &in->d->local.addr, .peer = &in->d->remote.addr};
    const struct sel_id id = {in->m->ids[0].type, in->m->ids[0].data};
    if (!v1_aggr_served(e->cfg)) {
        e->counters.unexpected_exchange++;
        ike_log_unauth(e, &in->d->remote, "Aggressive Mode is not served");
        return;
    }
    if (!v1_id_valid(&in->m->ids[0])) {
        e->counters.bad_payload++;
        return;
    }
    /* Each answer is a Diffie-Hellman computation for an address that nobody has proved to be at (RFC 2409 has no cookie round here). */
    if (ike_limit_pressed(e) && !log_limit_ok(&e->answer_limit, ike_now(e))) {
        e->counters.rate_limited++;
        return;
    }
    /* The identity stands in the first message: profile and key agree from the start (G9). */
    const struct cfg_isakmp_profile *p = sel_v1_profile(e->cfg, &path, &id, &trace);
    ike_decision(e, NULL, "AM1", &trace);
    struct sel_v1_key key = {0};
    if (v1_wants_keys(e))
        key = v1_find_key(e, NULL, p, false, &path, &id, "AM1");
    bool served = v1_aggr_served_with(e->cfg, &path, p, key.key);
    if (key.key && !served)
        ike_log_unauth(e, &in->d->remote, "nothing says that the key of keyring %s is for Aggressive Mode",
                       key.keyring->name);
    if (!v1_choose(e, in, served, "AM1", &choice))
        return;
    struct ike_sa *sa = v1_responder_new(e, in, &choice, key);
    if (!sa)
        return;
    sa->profile1 = p;
    v1_vendor_take(e, sa, in->m);
    v1_set_state(e, sa, V1_R_AM2);
    cv_result r = v1_keep_peer_id(e, sa, &in->m->ids[0]) ? answer(e, sa, in, &choice) : CV_EINVAL;
    if (r != CV_OK) {
        ike_sa_remove(e, sa, r == CV_EINVAL ? IKE_REASON_INVALID_KE : IKE_REASON_NO_RESOURCES,
                      "AM1 could not be answered: %s", cv_result_text(r));
        return;
    }
    v1_took(sa, in);
    v1_schedule(e, sa);
}

static bool proved_3(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct ike_cert_peer cert = {0};
    enum ike_cert_state s;
    const bool at_nat = v1_nat_detect(e, sa, in) == CV_OK;
    if (!v1_signs(sa)) {
        if (v1_check_proof(e, sa, in, "AM3") && at_nat)
            return true;
        v1_blame(e, in->d, IKE_REASON_BAD_PSK,
                 "HASH of AM3 does not verify: the two ends' pre-shared keys differ");
        v1_bad_message(e, sa, in);
        return false;
    }
    s = at_nat && v1_cert_take(e, sa, in, &cert) ? v1_signature_proved(e, sa, sa->profile1, in, "AM3", &cert)
                                                 : IKE_CERT_BAD;
    if (s == IKE_CERT_BAD) {
        v1_blame(e, in->d, cert.why, "%s", cert.text);
        v1_bad_message(e, sa, in);
    }
    ike_cert_peer_free(&cert);
    return s == IKE_CERT_GOOD;
}

void v1_aggr_3(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    if (!proved_3(e, sa, in))
        return;
    v1_peer_at(sa, in);
    memcpy(v1->iv, in->iv_next, sizeof v1->iv);
    if (in->encrypted) /* HASH_I does not cover them (RFC 2407 4.6.3: under protection only) */
        v1_take_notifies(e, sa, in->m);
    v1_took(sa, in);
    v1_sent_free(&v1->sent);
    v1_established(e, sa);
    if (!sa->dead)
        v1_send_lifetime(e, sa);
}
