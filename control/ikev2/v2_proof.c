#include "control/ikev2/v2_proof.h"

#include "control/crypto/cr_prf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BODY_FIXED = 4, HASH_NAME_LEN = 2 };

/* IANA "IKEv2 Hash Algorithms"; as bits of v2_sa.peer_hashes. SHA-1 is not on offer: who cannot do better has method 1. */
enum { HASH_SHA256 = 2, HASH_SHA384 = 3, HASH_SHA512 = 4, HASH_IDENTITY = 5, HASH_MAX = 15 };
static const uint8_t our_hashes[] = {HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_IDENTITY};

static const struct slice nothing = {NULL, 0};

static void fail(struct v2_wrong *w, enum ike_reason why, const char *fmt, ...) CV_PRINTF(3, 4);
static void fail(struct v2_wrong *w, enum ike_reason why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    w->why = why;
    vsnprintf(w->text, sizeof w->text, fmt, args);
    va_end(args);
}

/* ---- the octets that a proof covers (RFC 7296 2.15) ------------------------------------------------------------------ */
static struct slice first_message(const struct v2_sa *v2, bool by_initiator)
{
    return by_initiator ? (struct slice){v2->init_req, v2->init_req_len}
                        : (struct slice){v2->init_resp, v2->init_resp_len};
}

static struct slice other_nonce(const struct v2_sa *v2, bool by_initiator)
{
    return by_initiator ? (struct slice){v2->nr, v2->nr_len} : (struct slice){v2->ni, v2->ni_len};
}

static cv_result auth_value(struct ike_sa *sa, bool by_initiator, struct slice key, struct slice id_body,
                            uint8_t out[CR_PRF_MAX])
{
    const struct v2_sa *v2 = v2_of(sa);
    return cr_auth_psk(v2->suite.prf, by_initiator ? sa->keys.pi : sa->keys.pr, key,
                       first_message(v2, by_initiator), other_nonce(v2, by_initiator), id_body, out);
}

/* What a signature is made over: message | nonce | prf(SK_p, ID body). free() it. */
static uint8_t *signed_octets(struct ike_sa *sa, bool by_initiator, struct slice id_body, size_t *len)
{
    const struct v2_sa *v2 = v2_of(sa);
    const struct slice message = first_message(v2, by_initiator), nonce = other_nonce(v2, by_initiator);
    const struct cr_prf_alg *prf = cr_prf(v2->suite.prf);
    uint8_t maced_id[CR_PRF_MAX];
    const struct slice key = {by_initiator ? sa->keys.pi : sa->keys.pr, prf ? prf->len : 0};
    *len = message.n + nonce.n + key.n;
    uint8_t *out = prf ? malloc(*len) : NULL;
    if (!out || cr_prf_run(v2->suite.prf, key, &id_body, 1, maced_id) != CV_OK) {
        free(out);
        return NULL;
    }
    struct buf_writer w = buf_writer_init(out, *len);
    buf_put(&w, message.p, message.n);
    buf_put(&w, nonce.p, nonce.n);
    buf_put(&w, maced_id, prf->len);
    secret_wipe(maced_id, sizeof maced_id);
    return out;
}

/* ---- which hashes (RFC 7427 4) ------------------------------------------------------------------------------------------ */
void v2_proof_announce(struct v2_sa *v2, struct pld_builder *b)
{
    uint8_t data[HASH_NAME_LEN * sizeof our_hashes];
    struct buf_writer w = buf_writer_init(data, sizeof data);
    for (size_t i = 0; i < sizeof our_hashes; i++)
        buf_put_u16(&w, our_hashes[i]);
    pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_SIGNATURE_HASH_ALGORITHMS, (struct slice){data, w.len});
    v2->hashes_announced = true;
}

void v2_proof_take_hashes(struct v2_sa *v2, const struct pld_message *m)
{
    const struct pld_notify *n = pld_find_notify(m, PLD_N_SIGNATURE_HASH_ALGORITHMS);
    uint16_t hash;
    v2->peer_hashes = 0;
    struct buf_reader r = buf_reader_init(n ? n->data.p : NULL, n ? n->data.n : 0);
    while (n && buf_u16(&r, &hash))
        if (hash <= HASH_MAX)
            v2->peer_hashes |= (uint16_t)(1u << hash);
}

/* The hash of a scheme as announced; 0: none that RFC 7427 signs with here. */
static unsigned hash_of(enum cr_sig s)
{
    switch (s) {
    case CR_SIG_RSA_SHA256:
    case CR_SIG_PSS_SHA256:
    case CR_SIG_ECDSA_SHA256:
        return HASH_SHA256;
    case CR_SIG_RSA_SHA384:
    case CR_SIG_PSS_SHA384:
    case CR_SIG_ECDSA_SHA384:
        return HASH_SHA384;
    case CR_SIG_RSA_SHA512:
    case CR_SIG_PSS_SHA512:
    case CR_SIG_ECDSA_SHA512:
        return HASH_SHA512;
    case CR_SIG_ED25519:
        return HASH_IDENTITY;
    default:
        return 0;
    }
}

/* ---- CERTREQ ---------------------------------------------------------------------------------------------------------------- */
/* RFC 7296 3.7: one payload with the hashes of all CAs' keys. */
static void put_certreq(struct ike *e, struct ike_sa *sa, const struct sel_trust *t,
                        const struct sel_trust_list *l, struct pld_builder *b)
{
    if (l->count == 0)
        return;
    pld_open(b, PLD_CERTREQ);
    buf_put_u8(b->w, IKE_CERT_X509);
    for (unsigned i = 0; i < l->count; i++) {
        buf_put(b->w, t->tps[l->at[i]].ca_hash, SEL_TRUST_HASH);
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "constructing CERT_REQ for issuer %s",
                t->tps[l->at[i]].ca_text);
    }
    pld_close(b);
}

static void ask(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *profile, const char *at,
                struct pld_builder *b)
{
    struct sel_trust trust;
    struct sel_trace trace = {0};
    if (!ike_cert_any(e))
        return;
    ike_cert_trust(e, CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG, &trust);
    const struct sel_trust_list l = sel2_certreqs(&trust, profile, &trace);
    ike_decision(e, sa, at, &trace);
    put_certreq(e, sa, &trust, &l, b);
}

void v2_proof_ask_all(struct ike *e, struct ike_sa *sa, struct pld_builder *b)
{
    ask(e, sa, NULL, "IKE_SA_INIT", b);
}

/* What a peer asks for. A payload that is no list of hashes asks for nothing (RFC 7296 3.7: CERTREQs are suggestions). */
static void read_asked(const struct pld_message *m, struct sel_trust_asked *out)
{
    out->count = 0;
    for (unsigned i = 0; i < m->certreq_count; i++) {
        struct slice d = m->certreqs[i].data;
        if (m->certreqs[i].encoding != IKE_CERT_X509 || d.n % SEL_TRUST_HASH != 0)
            continue;
        for (size_t at = 0; at < d.n && out->count < SEL_TRUST_MAX; at += SEL_TRUST_HASH)
            out->ca[out->count++] = (struct slice){d.p + at, SEL_TRUST_HASH};
    }
}

/* The responder asked in IKE_SA_INIT, whose answer is still here, for it is signed. It has been decoded once. */
static void read_asked_in_init(const struct v2_sa *v2, struct sel_trust_asked *out)
{
    struct pld_message *m = malloc(sizeof *m);
    out->count = 0;
    if (m && pld_header(v2->init_resp, v2->init_resp_len, &m->header, NULL) == CV_OK &&
        pld_outer(v2->init_resp, v2->init_resp_len, m, NULL) == CV_OK)
        read_asked(m, out);
    free(m);
}

/* ---- our own proof ------------------------------------------------------------------------------------------------------------ */
bool v2_proof_by_psk(const struct cfg_ikev2_profile *profile)
{
    return profile->auth_local == CFG_AUTH_PSK;
}

static bool set_local_id(struct ike_sa *sa, uint8_t type, struct slice data)
{
    if (data.n == 0 || data.n > sizeof sa->local_id)
        return false;
    sa->local_id_type = type;
    sa->local_id_len = slice_copy(data, sa->local_id, sizeof sa->local_id);
    return true;
}

/* G29: with a certificate the default is its subject, and `identity local dn` is it in any case. */
static bool keep_local_id(struct ike_sa *sa, const struct cfg_ikev2_profile *p, const struct pki_cert *own)
{
    struct sel_id id;
    uint8_t data[CFG_TEXT_MAX];
    if (own && (p->identity.kind == CFG_ID_NONE || p->identity.kind == CFG_ID_DN))
        return set_local_id(sa, PKI_ID_DN, pki_cert_subject(own));
    return sel_local_id(p, &sa->local.addr, &id, data) && set_local_id(sa, id.type, id.data);
}

static struct slice own_id_body(const struct ike_sa *sa, uint8_t out[ID_BODY_FIXED + IKE_ID_MAX])
{
    struct buf_writer w = buf_writer_init(out, ID_BODY_FIXED + IKE_ID_MAX);
    buf_put_u8(&w, sa->local_id_type);
    buf_put_zero(&w, ID_BODY_FIXED - 1);
    buf_put(&w, sa->local_id, sa->local_id_len);
    return (struct slice){out, w.bad ? 0 : w.len};
}

static void put_id(struct ike_sa *sa, struct pld_builder *b)
{
    pld_put_id(b, sa->initiator ? PLD_IDI : PLD_IDR, sa->local_id_type,
               (struct slice){sa->local_id, sa->local_id_len});
}

/* What stands before our AUTH, beside identity and certificates: from the initiator CERTREQ (G28) and INITIAL_CONTACT. */
static void put_before_auth(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *p,
                            v2_first_contact *first_contact, struct pld_builder *b)
{
    if (sa->initiator && (p->auth_remote & (CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG)))
        ask(e, sa, p, "IKE_AUTH", b);
    if (first_contact && first_contact(e, sa))
        pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_INITIAL_CONTACT, nothing);
}

static cv_result put_by_psk(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *p,
                            struct slice key, v2_first_contact *first_contact, struct pld_builder *b)
{
    uint8_t storage[ID_BODY_FIXED + IKE_ID_MAX], value[CR_PRF_MAX];
    const struct cr_prf_alg *prf = cr_prf(v2_of(sa)->suite.prf);
    if (!prf || !keep_local_id(sa, p, NULL))
        return CV_EINVAL;
    CV_TRY(auth_value(sa, sa->initiator, key, own_id_body(sa, storage), value));
    put_id(sa, b);
    put_before_auth(e, sa, p, first_contact, b);
    pld_put_auth(b, PLD_AUTH_PSK, (struct slice){value, prf->len});
    secret_wipe(value, sizeof value);
    sa->auth_own = IKE_AUTH_PSK;
    return CV_OK;
}

/* How we sign: RFC 7427 with a hash that the peer verifies; an old peer has method 1, or 9 to 11. False: it verifies nothing that this key
 * makes. */
static bool own_scheme(const struct v2_sa *v2, const struct cr_key *key, uint8_t *method, enum cr_sig *scheme)
{
    static const enum cr_sig rsa[] = {CR_SIG_PSS_SHA256, CR_SIG_PSS_SHA384, CR_SIG_PSS_SHA512},
                             ec[] = {CR_SIG_ECDSA_SHA256, CR_SIG_ECDSA_SHA384, CR_SIG_ECDSA_SHA512};
    static const struct {
        uint8_t method;
        enum cr_sig scheme;
    } old[] = {[CR_KEY_RSA] = {PLD_AUTH_RSA, CR_SIG_RSA_SHA1},
               [CR_KEY_P256] = {PLD_AUTH_ECDSA_256, CR_SIG_ECP256},
               [CR_KEY_P384] = {PLD_AUTH_ECDSA_384, CR_SIG_ECP384},
               [CR_KEY_P521] = {PLD_AUTH_ECDSA_521, CR_SIG_ECP521},
               [CR_KEY_ED25519] = {0, CR_SIG_ED25519}};
    const enum cr_key_kind kind = cr_key_kind(key);
    const enum cr_sig *list = kind == CR_KEY_RSA ? rsa : ec;
    /* as strong as the key: 128 bits of security have SHA-256, 192 SHA-384 */
    const unsigned want = kind == CR_KEY_P521 ? 2 : kind == CR_KEY_P384 || cr_key_bits(key) >= 7680 ? 1 : 0;
    *method = PLD_AUTH_SIGNATURE;
    if (kind == CR_KEY_ED25519) {
        *scheme = CR_SIG_ED25519;
        return v2->peer_hashes >> HASH_IDENTITY & 1;
    }
    for (unsigned i = 0; i < 3; i++) {
        *scheme = list[(want + i) % 3];
        if (v2->peer_hashes >> hash_of(*scheme) & 1)
            return true;
    }
    *method = old[kind].method;
    *scheme = old[kind].scheme;
    return true;
}

static enum ike_auth auth_of(enum cr_key_kind k)
{
    return k == CR_KEY_RSA ? IKE_AUTH_RSA : k == CR_KEY_ED25519 ? IKE_AUTH_EDDSA : IKE_AUTH_ECDSA;
}

/* AUTH of method 14: length and AlgorithmIdentifier before the signature (RFC 7427 3). */
static void put_auth(struct pld_builder *b, uint8_t method, enum cr_sig scheme, struct slice sig)
{
    const struct slice alg = cr_sig_algorithm(scheme);
    uint8_t data[1 + UINT8_MAX + CR_SIG_MAX];
    struct buf_writer w = buf_writer_init(data, sizeof data);
    if (method == PLD_AUTH_SIGNATURE) {
        buf_put_u8(&w, (uint8_t)alg.n);
        buf_put(&w, alg.p, alg.n);
    }
    buf_put(&w, sig.p, sig.n);
    pld_put_auth(b, method, (struct slice){data, w.len});
}

static cv_result sign(struct ike_sa *sa, const struct cr_key *key, enum cr_sig scheme,
                      uint8_t sig[CR_SIG_MAX], size_t *len)
{
    uint8_t storage[ID_BODY_FIXED + IKE_ID_MAX];
    size_t n;
    uint8_t *octets = signed_octets(sa, sa->initiator, own_id_body(sa, storage), &n);
    cv_result r = octets ? cr_sign(key, scheme, (struct slice){octets, n}, sig, len) : CV_ENOMEM;
    free(octets);
    return r;
}

static void put_certs(struct ike *e, struct ike_sa *sa, const struct pki_trustpoint *t, struct pld_builder *b)
{
    struct pki_cert *certs[IKE_CERT_SENT_MAX];
    unsigned n = ike_cert_own(t, certs);
    for (unsigned i = 0; i < n; i++) {
        const struct slice der = pki_cert_der(certs[i]);
        pld_open(b, PLD_CERT);
        buf_put_u8(b->w, IKE_CERT_X509);
        buf_put(b->w, der.p, der.n);
        pld_close(b);
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "constructing CERT payload for %s",
                pki_cert_subject_text(certs[i]));
    }
}

/* The trust-point that signs (V2-3, V2-5, G17). NULL: none, and wrong says why. */
static const struct pki_trustpoint *choose_signer(struct ike *e, struct ike_sa *sa,
                                                  const struct cfg_ikev2_profile *p,
                                                  const struct pld_message *asking, struct v2_wrong *wrong)
{
    struct sel_trust trust;
    struct sel_trust_asked asked;
    struct sel_trace trace = {0};
    if (asking)
        read_asked(asking, &asked);
    else
        read_asked_in_init(v2_of(sa), &asked);
    ike_cert_trust(e, p->auth_local, &trust);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2",
            "[IKEv2 -> PKI] Retrieving trustpoint(s) from received certificate hash(es)");
    int at = sel2_sign(&trust, sa->initiator, p, &asked, &trace);
    ike_decision(e, sa, "IKE_AUTH", &trace);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "[PKI -> IKEv2] Retrieved trustpoint(s): '%s'",
            at < 0 ? "NONE" : trust.tps[at].name);
    const struct pki_trustpoint *t = at < 0 ? NULL : pki_find(e->env.pki, trust.tps[at].name);
    if (t) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "Getting of cert chain for the trustpoint %s PASSED",
                t->name);
        return t;
    }
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "Failed to build certificate payload");
    fail(wrong, IKE_REASON_CERT_BUILD_FAILED, "%s", trace.text);
    return NULL;
}

static cv_result put_by_signature(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *p,
                                  const struct pld_message *asking, v2_first_contact *first_contact,
                                  struct pld_builder *b, struct v2_wrong *wrong)
{
    uint8_t sig[CR_SIG_MAX], method;
    size_t len = 0;
    enum cr_sig scheme;
    const struct pki_trustpoint *t = choose_signer(e, sa, p, asking, wrong);
    if (!t)
        return CV_ENOENT;
    if (!own_scheme(v2_of(sa), t->key, &method, &scheme)) {
        fail(wrong, IKE_REASON_CERT_BUILD_FAILED, "the peer does not verify signatures of %s, the key of %s",
             cr_key_kind_text(cr_key_kind(t->key)), t->name);
        return CV_ENOENT;
    }
    if (!keep_local_id(sa, p, t->own)) {
        fail(wrong, IKE_REASON_CERT_BUILD_FAILED, "our identity is empty or longer than %u octets",
             IKE_ID_MAX);
        return CV_ENOENT;
    }
    CV_TRY(sign(sa, t->key, scheme, sig, &len));
    put_id(sa, b);
    put_certs(e, sa, t, b);
    put_before_auth(e, sa, p, first_contact, b);
    put_auth(b, method, scheme, (struct slice){sig, len});
    sa->auth_own = (unsigned char)auth_of(cr_key_kind(t->key));
    ike_log(e, sa, method == PLD_AUTH_RSA ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "ikev2",
            "using the %s trustpoint's keypair to sign: %s", t->name, cr_sig_text(scheme));
    return CV_OK;
}

cv_result v2_proof_put(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *profile,
                       struct slice psk, const struct pld_message *asking, v2_first_contact *first_contact,
                       struct pld_builder *b, struct v2_wrong *wrong)
{
    fail(wrong, IKE_REASON_INTERNAL, "our own proof could not be made");
    if (v2_proof_by_psk(profile))
        return put_by_psk(e, sa, profile, psk, first_contact, b);
    return put_by_signature(e, sa, profile, asking, first_contact, b, wrong);
}

/* ---- the peer's proof ------------------------------------------------------------------------------------------------------------ */
void v2_proof_free(struct v2_proof *p)
{
    ike_cert_peer_free(&p->cert);
}

bool v2_proof_take(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_proof *p)
{
    struct pki_offer offers[PLD_MAX_CERTS];
    if (m->cert_count == 0 || m->auth.method == PLD_AUTH_PSK || !(m->present & PLD_BIT(PLD_AUTH)))
        return true; /* a key proves it: what else came is not looked at */
    for (unsigned i = 0; i < m->cert_count; i++)
        offers[i] = (struct pki_offer){m->certs[i].encoding, m->certs[i].data};
    if (ike_cert_take(e, sa, offers, m->cert_count, &p->cert))
        return true;
    fail(&p->wrong, p->cert.why, "%s", p->cert.text);
    return false;
}

/* What the AUTH payload holds: its scheme and the signature. False: a method that is none of ours. */
static bool read_auth(const struct v2_sa *v2, const struct pld_message *m, enum cr_sig *scheme,
                      struct slice *sig)
{
    struct buf_reader r = buf_reader_init(m->auth.data.p, m->auth.data.n);
    struct slice alg;
    uint8_t n;
    *sig = m->auth.data;
    switch (m->auth.method) {
    case PLD_AUTH_RSA:
        *scheme = CR_SIG_RSA_SHA1;
        return true;
    case PLD_AUTH_ECDSA_256:
        *scheme = CR_SIG_ECP256;
        return true;
    case PLD_AUTH_ECDSA_384:
        *scheme = CR_SIG_ECP384;
        return true;
    case PLD_AUTH_ECDSA_521:
        *scheme = CR_SIG_ECP521;
        return true;
    case PLD_AUTH_SIGNATURE:
        break;
    default:
        return false;
    }
    /* RFC 7427 4: with no other hash than those announced */
    if (!v2->hashes_announced || !buf_u8(&r, &n) || !buf_slice(&r, n, &alg) ||
        cr_sig_by_algorithm(alg, scheme) != CV_OK || hash_of(*scheme) == 0)
        return false;
    *sig = (struct slice){m->auth.data.p + 1 + n, m->auth.data.n - 1 - n};
    return true;
}

static const char *method_name(const struct cfg_ikev2_profile *p)
{
    const bool psk = p->auth_remote & CFG_AUTH_PSK, rsa = p->auth_remote & CFG_AUTH_RSA_SIG,
               ecdsa = p->auth_remote & CFG_AUTH_ECDSA_SIG;
    return psk && (rsa || ecdsa) ? "pre-shared keys and signatures"
           : psk                 ? "pre-shared keys alone"
           : rsa && ecdsa        ? "signatures alone"
           : rsa                 ? "RSA signatures alone"
           : ecdsa               ? "ECDSA signatures alone"
                                 : "nothing that this release does";
}

static enum v2_proved refused(struct ike *e, struct ike_sa *sa, struct v2_proof *p)
{
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "Verification of peer's authentication data FAILED");
    (void)p;
    return V2_REFUSED;
}

static enum v2_proved refused_by(struct ike *e, struct ike_sa *sa, struct v2_proof *p)
{
    fail(&p->wrong, p->cert.why, "%s", p->cert.text);
    return refused(e, sa, p);
}

/* The peer's AUTH. Its length must be the PRF's: what the peer sent never decides how much is compared. */
static enum v2_proved check_psk(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                                const struct pld_id *id, struct v2_proof *p)
{
    uint8_t want[CR_PRF_MAX];
    const struct cr_prf_alg *prf = cr_prf(v2_of(sa)->suite.prf);
    bool ok = prf && m->auth.data.n == prf->len &&
              auth_value(sa, !sa->initiator, p->psk.remote_key, id->body, want) == CV_OK &&
              secret_equal(want, m->auth.data.p, prf->len);
    secret_wipe(want, sizeof want);
    p->how = IKE_AUTH_PSK;
    if (ok)
        return V2_PROVED;
    fail(&p->wrong, IKE_REASON_BAD_PSK,
         sa->initiator ? "AUTH of the peer does not verify with our key"
                       : "AUTH of the peer does not verify: the pre-shared keys of the two ends differ");
    return refused(e, sa, p);
}

static bool signature_ok(struct ike_sa *sa, const struct cr_key *key, enum cr_sig scheme, struct slice sig,
                         const struct pld_id *id)
{
    size_t n;
    uint8_t *octets = signed_octets(sa, !sa->initiator, id->body, &n);
    bool ok = octets && cr_verify(key, scheme, (struct slice){octets, n}, sig) == CV_OK;
    free(octets);
    return ok;
}

static enum v2_proved check_signature(struct ike *e, struct ike_sa *sa,
                                      const struct cfg_ikev2_profile *profile, const struct pld_message *m,
                                      const struct pld_id *id, bool last, struct v2_proof *p)
{
    struct sel_trace trace = {0};
    struct slice sig;
    enum cr_sig scheme;
    if (!read_auth(v2_of(sa), m, &scheme, &sig)) {
        fail(&p->wrong, IKE_REASON_AUTH_FAILED,
             "the peer authenticates by method %u, or a signature algorithm, that is none of ours",
             m->auth.method);
        return refused(e, sa, p);
    }
    const struct cr_key *key = ike_cert_key(&p->cert);
    if (!key) {
        fail(&p->wrong, IKE_REASON_NO_CERTIFICATE, "the peer signs, but sends no certificate");
        return refused(e, sa, p);
    }
    p->how = auth_of(cr_key_kind(key));
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "Peer's authentication method is '%s': %s",
            ike_auth_text(p->how), cr_sig_text(scheme));
    if (!cr_sig_fits(scheme, cr_key_kind(key)) ||
        !(profile->auth_remote & (unsigned)ike_cert_auth(cr_key_kind(key)))) {
        fail(&p->wrong, IKE_REASON_AUTH_FAILED, "the peer signs by %s with a key of %s: profile %s takes %s",
             cr_sig_text(scheme), cr_key_kind_text(cr_key_kind(key)), profile->name, method_name(profile));
        return refused(e, sa, p);
    }
    const struct sel_trust_names names = sel2_verify(profile, &trace);
    ike_decision(e, sa, "IKE_AUTH", &trace);
    if (!ike_cert_check(e, sa, &names, &p->cert))
        return refused_by(e, sa, p);
    if (ike_cert_key(&p->cert) != key || !signature_ok(sa, key, scheme, sig, id)) {
        fail(&p->wrong, IKE_REASON_AUTH_FAILED,
             "AUTH of the peer does not verify with the key of its certificate %s",
             pki_cert_subject_text(p->cert.chain.certs[0]));
        return refused(e, sa, p);
    }
    if (!ike_cert_has_id(e, sa, id->type, id->data, &p->cert))
        return refused_by(e, sa, p);
    switch (ike_cert_revoked(e, sa, last, &p->cert)) {
    case IKE_CERT_GOOD:
        return V2_PROVED;
    case IKE_CERT_WAITS:
        return V2_WAITS;
    case IKE_CERT_BAD:
        break;
    }
    return refused_by(e, sa, p);
}

enum v2_proved v2_proof_check(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *profile,
                              const struct pld_message *m, const struct pld_id *id, bool last,
                              struct v2_proof *p)
{
    if (m->auth.method != PLD_AUTH_PSK)
        return check_signature(e, sa, profile, m, id, last, p);
    if (!(profile->auth_remote & CFG_AUTH_PSK)) {
        fail(&p->wrong, IKE_REASON_AUTH_FAILED,
             "the peer authenticates by pre-shared key: profile %s takes %s", profile->name,
             method_name(profile));
        return refused(e, sa, p);
    }
    return check_psk(e, sa, m, id, p);
}

void v2_proof_keep(struct ike_sa *sa, const struct pld_id *id, const struct v2_proof *p)
{
    sa->auth_peer = (unsigned char)p->how;
    sa->peer_id_type = id->type;
    sa->peer_id_len = slice_copy(id->data, sa->peer_id, sizeof sa->peer_id);
    if (p->how == IKE_AUTH_PSK)
        snprintf(sa->peer_tag, sizeof sa->peer_tag, "%s", p->psk.peer ? p->psk.peer->tag : "");
    else
        ike_cert_keep(sa, &p->cert);
}
