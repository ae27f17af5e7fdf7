#include "control/ikev1/v1_cert.h"

#include "common/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CERTREQS_MAX = PLD1_MAX_CERTREQS };

/* Methods and the keys and signatures that they stand for (RFC 2409 Appendix A; RFC 4754 3). */
static const struct {
    uint16_t method;
    enum cr_key_kind kind;
    enum cr_sig scheme;
    enum ike_auth auth;
    uint16_t prf; /* of the hash that the method is tied to; 0 none */
} methods[] = {{SEL1_METHOD_RSA, CR_KEY_RSA, CR_SIG_RSA_RAW, IKE_AUTH_RSA, 0},
               {SEL1_METHOD_ECDSA_256, CR_KEY_P256, CR_SIG_ECP256_RAW, IKE_AUTH_ECDSA, CR_PRF_HMAC_SHA2_256},
               {SEL1_METHOD_ECDSA_384, CR_KEY_P384, CR_SIG_ECP384_RAW, IKE_AUTH_ECDSA, CR_PRF_HMAC_SHA2_384},
               {SEL1_METHOD_ECDSA_521, CR_KEY_P521, CR_SIG_ECP521_RAW, IKE_AUTH_ECDSA, CR_PRF_HMAC_SHA2_512}};
enum { METHODS = sizeof methods / sizeof *methods };

static int index_of(uint16_t method)
{
    for (int i = 0; i < METHODS; i++)
        if (methods[i].method == method)
            return i;
    return -1;
}

bool v1_signs(const struct ike_sa *sa)
{
    return index_of(((const struct v1_sa *)sa->v)->choice.auth) >= 0;
}

uint16_t v1_cert_prf(const struct ike_sa *sa)
{
    const int k = index_of(((const struct v1_sa *)sa->v)->choice.auth);
    return k < 0 ? 0 : methods[k].prf;
}

static bool named(const struct cfg_isakmp_profile *p, const char *name)
{
    for (unsigned i = 0; i < p->trustpoint_count; i++)
        if (strcmp(p->trustpoints[i], name) == 0)
            return true;
    return p->trustpoint_count == 0;
}

unsigned v1_cert_methods(struct ike *e, const struct cfg_isakmp_profile *profile, bool initiator)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    unsigned out = 0, n = e->env.pki ? pki_list(e->env.pki, list) : 0;
    for (unsigned i = 0; i < n; i++) {
        if (!list[i]->key || !pki_usable(e->env.pki, list[i]) ||
            (initiator && profile && !named(profile, list[i]->name)))
            continue;
        for (unsigned k = 0; k < METHODS; k++)
            if (methods[k].kind == cr_key_kind(list[i]->key))
                out |= 1u << methods[k].method;
    }
    return out;
}

/* ---- what we ask for ------------------------------------------------------------------------------------------------------- */
void v1_cert_ask(struct ike *e, struct ike_sa *sa, const char *at, struct v1_msg *m)
{
    struct sel_trust trust;
    struct sel_trace trace;
    if (!e->env.pki)
        return;
    ike_cert_trust(e, CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG, &trust);
    const struct sel_trust_list l = sel1_certreqs(&trust, sa->initiator, sa->profile1, &trace);
    ike_decision(e, sa, at, &trace);
    for (unsigned i = 0; i < l.count && i < CERTREQS_MAX; i++) {
        const struct sel_trustpoint *t = &trust.tps[l.at[i]];
        pld1_put_cert(&m->b, PLD1_CERTREQ, IKE_CERT_X509, t->ca_dn);
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "constructing CERT_REQ for issuer %s", t->ca_text);
    }
}

/* ---- which trust-point signs ------------------------------------------------------------------------------------------------- */
static void read_asked(struct ike *e, struct ike_sa *sa, const struct pld1_message *m,
                       struct sel_trust_asked *out)
{
    char dn[PKI_TEXT_MAX];
    out->count = 0;
    for (unsigned i = 0; m && i < m->certreq_count && out->count < SEL_TRUST_MAX; i++) {
        const struct slice d = m->certreqs[i].data;
        if (m->certreqs[i].encoding != IKE_CERT_X509 || d.n > PKI_DN_MAX)
            continue;
        out->ca[out->count++] = d;
        if (!ike_told(e, LOG_LEVEL_DEBUG))
            continue;
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "peer wants a CT_X509_SIGNATURE cert");
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "peer wants cert issued by %s",
                d.n ? pki_dn_text(d, dn) : "any CA");
    }
}

/* Only keys of the method that was chosen. */
static void keep_kind(struct ike *e, const struct ike_sa *sa, struct sel_trust *trust)
{
    const int k = index_of(((const struct v1_sa *)sa->v)->choice.auth);
    for (unsigned i = 0; i < trust->count; i++) {
        const struct pki_trustpoint *t = pki_find(e->env.pki, trust->tps[i].name);
        trust->tps[i].usable =
            trust->tps[i].usable && k >= 0 && t && t->key && cr_key_kind(t->key) == methods[k].kind;
    }
}

bool v1_cert_choose(struct ike *e, struct ike_sa *sa, const struct pld1_message *m, const char *at)
{
    struct v1_sa *v1 = v1_of(sa);
    struct sel_trust trust;
    struct sel_trust_asked asked;
    struct sel_trace trace;
    const bool filtered = sa->initiator && sa->profile1 && sa->profile1->trustpoint_count;
    v1->signer[0] = '\0';
    if (!e->env.pki)
        return false;
    read_asked(e, sa, m, &asked);
    ike_cert_trust(e, CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG, &trust);
    if (v1->choice.auth)
        keep_kind(e, sa, &trust);
    int i = sel1_sign(&trust, sa->initiator, sa->profile1, &asked, pki_dn_equal, &trace);
    ike_decision(e, sa, at, &trace);
    if (i < 0) {
        ike_log(e, sa, LOG_LEVEL_WARNING, "isakmp", "no certificate to sign with: %s", trace.text);
        return false;
    }
    const char *name = trust.tps[i].name;
    if (filtered) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Examining profile list for trustpoint %s", name);
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Found matching profile for %s", name);
    }
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Choosing trustpoint %s as issuer", name);
    snprintf(v1->signer, sizeof v1->signer, "%s", name);
    return true;
}

const struct pki_trustpoint *v1_cert_own(const struct ike *e, const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    return e->env.pki && v1->signer[0] ? pki_find(e->env.pki, v1->signer) : NULL;
}

/* ---- our proof ---------------------------------------------------------------------------------------------------------------- */
cv_result v1_cert_put(struct ike *e, struct ike_sa *sa, struct v1_msg *m, struct slice hash)
{
    const int k = index_of(v1_of(sa)->choice.auth);
    const struct pki_trustpoint *t = v1_cert_own(e, sa);
    struct pki_cert *certs[IKE_CERT_SENT_MAX];
    uint8_t sig[CR_SIG_MAX];
    size_t len = 0;
    unsigned n = t ? ike_cert_own(t, certs) : 0;
    if (k < 0 || n == 0 || !t->key)
        return CV_ENOENT;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "IKE->PKI Get CertificateChain to be sent to peer");
    CV_TRY(cr_sign(t->key, methods[k].scheme, hash, sig, &len));
    for (unsigned i = 0; i < n; i++) {
        pld1_put_cert(&m->b, PLD1_CERT, IKE_CERT_X509, pki_cert_der(certs[i]));
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "constructing CERT payload for %s",
                pki_cert_subject_text(certs[i]));
    }
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "using the %s trustpoint's keypair to sign", t->name);
    pld1_put_raw(&m->b, PLD1_SIG, (struct slice){sig, len});
    sa->auth_own = (unsigned char)methods[k].auth;
    return CV_OK;
}

/* ---- the peer's proof ------------------------------------------------------------------------------------------------------------ */
static enum ike_cert_state not_proved(struct ike_cert_peer *p, enum ike_reason why, const char *fmt,
                                      const char *arg)
{
    p->why = why;
    snprintf(p->text, sizeof p->text, fmt, arg);
    return IKE_CERT_BAD;
}

static bool park(struct ike *e, struct ike_sa *sa, const struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    struct v1_parked *p = &v1->parked;
    const uint64_t now = ike_now(e), deadline = p->deadline ? p->deadline : now + IKE_CERT_WAIT_MS;
    uint8_t *copy = in->len <= V1_MESSAGE_MAX ? slice_dup((struct slice){in->raw, in->len}) : NULL;
    v1_park_drop(v1);
    if (!copy)
        return false;
    *p = (struct v1_parked){.raw = copy,
                            .len = in->len,
                            .encrypted = in->encrypted,
                            .local = in->d->local,
                            .remote = in->d->remote,
                            .vrf = in->d->vrf,
                            .natt = in->d->natt,
                            .tried_at = now,
                            .deadline = deadline};
    memcpy(p->digest, in->digest, sizeof p->digest);
    memcpy(p->iv_next, in->iv_next, sizeof p->iv_next);
    v1->sent.next_at = UINT64_MAX; /* the peer has our last message, as this one shows */
    if (v1->expire_half_open_at <= deadline)
        v1->expire_half_open_at = deadline + 1;
    sa->waits = true;
    return true;
}

static bool waited_enough(const struct ike *e, const struct ike_sa *sa)
{
    const struct v1_parked *p = &((const struct v1_sa *)sa->v)->parked;
    return p->deadline && ike_now(e) >= p->deadline;
}

bool v1_cert_take(struct ike *e, struct ike_sa *sa, const struct v1_in *in, struct ike_cert_peer *p)
{
    struct pki_offer offers[PLD1_MAX_CERTS];
    for (unsigned i = 0; i < in->m->cert_count; i++)
        offers[i] = (struct pki_offer){in->m->certs[i].encoding, in->m->certs[i].data};
    return ike_cert_take(e, sa, offers, in->m->cert_count, p);
}

static enum ike_cert_state check_chain(struct ike *e, struct ike_sa *sa, const struct v1_in *in,
                                       const struct cfg_isakmp_profile *profile, struct slice hash,
                                       const char *at, struct ike_cert_peer *p)
{
    const int k = index_of(v1_of(sa)->choice.auth);
    struct sel_trace trace;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "IKE->PKI Add peer's certificate");
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "peer's pubkey isn't cached");
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Profile has no keyring, aborting key search");
    const struct sel_trust_names names = sel1_verify(profile, &trace);
    ike_decision(e, sa, at, &trace);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "IKE->PKI Validate certificate chain");
    if (!ike_cert_check(e, sa, &names, p)) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Unknown error in cert validation, -1");
        return IKE_CERT_BAD;
    }
    const struct cr_key *key = ike_cert_key(p);
    if (k < 0 || !key || cr_key_kind(key) != methods[k].kind)
        return not_proved(p, IKE_REASON_AUTH_FAILED,
                          "the peer's certificate has a key of %s: not what was agreed",
                          key ? cr_key_kind_text(cr_key_kind(key)) : "no kind");
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "processing SIG payload");
    if (cr_verify(key, methods[k].scheme, hash, in->m->sig) != CV_OK)
        return not_proved(p, IKE_REASON_AUTH_FAILED,
                          "SIG of the peer does not verify with the key of its certificate %s",
                          pki_cert_subject_text(p->chain.certs[0]));
    if (!ike_cert_has_id(e, sa, sa->peer_id_type, (struct slice){sa->peer_id, sa->peer_id_len}, p))
        return IKE_CERT_BAD;
    sa->auth_peer = (unsigned char)methods[k].auth;
    return ike_cert_revoked(e, sa, waited_enough(e, sa), p);
}

enum ike_cert_state v1_cert_check(struct ike *e, struct ike_sa *sa, const struct v1_in *in,
                                  const struct cfg_isakmp_profile *profile, struct slice hash, const char *at,
                                  struct ike_cert_peer *p)
{
    if (in->m->sig.n == 0)
        return not_proved(p, IKE_REASON_AUTH_FAILED, "%s proves nothing by signature, which was agreed", at);
    enum ike_cert_state s = check_chain(e, sa, in, profile, hash, at, p);
    if (s == IKE_CERT_WAITS && !park(e, sa, in))
        return not_proved(p, IKE_REASON_NO_RESOURCES, "%s has to wait, and cannot be kept", at);
    if (s == IKE_CERT_BAD)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "SA authentication status: not authenticated: %s", p->text);
    return s;
}

/* ---- a message that waits ------------------------------------------------------------------------------------------------------------ */
bool v1_park_holds(const struct ike *e, const struct ike_sa *sa, const uint8_t digest[V1_DIGEST_LEN])
{
    const struct v1_parked *p = &((const struct v1_sa *)sa->v)->parked;
    return p->raw && secret_equal(p->digest, digest, sizeof p->digest) &&
           ike_now(e) < p->tried_at + IKE_CERT_AGAIN_MS;
}

struct v1_parked v1_park_take(struct ike_sa *sa)
{
    struct v1_parked *p = &v1_of(sa)->parked, out = *p;
    p->raw = NULL;
    p->len = 0;
    sa->waits = false;
    return out;
}

void v1_park_drop(struct v1_sa *v1)
{
    if (v1->parked.raw) {
        secret_wipe(v1->parked.raw, v1->parked.len);
        free(v1->parked.raw);
    }
    memset(&v1->parked, 0, sizeof v1->parked);
}
