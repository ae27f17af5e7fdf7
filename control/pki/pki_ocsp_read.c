#include "control/pki/pki_ocsp_read.h"

#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_crl.h"
#include "control/pki/pki_der.h"

#include <openssl/ocsp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char ocsp_signing[] = "1.3.6.1.5.5.7.3.9";

/* One response under examination. */
struct reading {
    const struct pki_cert *cert, *issuer;
    const uint8_t *nonce;
    int64_t now;
    struct slice tbs, algorithm, signature; /* of BasicOCSPResponse */
    OCSP_BASICRESP *basic;
    struct pki_cert *signer; /* a reference */
    char *why;
};

static bool CV_PRINTF(2, 3) refuse(struct reading *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(r->why, PKI_TEXT_MAX, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- requests ---------------------------------------------------------------------------------------------------------- */
/* SHA-1 names the certificate: every responder knows it, and nothing rests on it (RFC 6960 4.3). */
cv_result pki_ocsp_request(const struct pki_cert *cert, const struct pki_cert *issuer,
                           const uint8_t nonce[PKI_OCSP_NONCE_LEN], uint8_t out[PKI_OCSP_REQUEST_MAX],
                           size_t *len)
{
    OCSP_REQUEST *req = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert->x509, issuer->x509);
    cv_result r = CV_ECRYPTO;
    unsigned char *at = out;
    if (req && id && OCSP_request_add0_id(req, id)) {
        id = NULL; /* the request owns it */
        bool ok = !nonce || OCSP_request_add1_nonce(req, (unsigned char *)nonce, PKI_OCSP_NONCE_LEN) == 1;
        int n = ok ? i2d_OCSP_REQUEST(req, NULL) : -1;
        if (n > 0 && n <= PKI_OCSP_REQUEST_MAX && i2d_OCSP_REQUEST(req, &at) == n) {
            *len = (size_t)n;
            r = CV_OK;
        }
    }
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(req);
    return r;
}

/* ---- the shell of a response ------------------------------------------------------------------------------------- */
static const char *status_text(unsigned status)
{
    static const char *const text[] = {"success",       "malformed request",    "internal error",
                                       "try later",     "an unassigned status", "a signature is required",
                                       "not authorized"};
    return status < sizeof text / sizeof text[0] ? text[status] : "an unassigned status";
}

/* OCSPResponse down to the BasicOCSPResponse in it. */
static bool shell_read(struct reading *rd, struct slice data, struct slice *basic)
{
    static const uint8_t oid_basic[] = {0x2b, 6, 1, 5, 5, 7, 48, 1, 1};
    struct buf_reader r = buf_reader_init(data.p, data.n), in;
    struct pki_tlv seq, part;
    if (data.n > PKI_OCSP_MAX)
        return refuse(rd, "it is longer than %d octets", PKI_OCSP_MAX);
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &seq) || buf_left(&r))
        return refuse(rd, "it is no OCSP response");
    in = buf_reader_init(seq.body.p, seq.body.n);
    if (!pki_der_take(&in, PKI_DER_ENUMERATED, &part) || part.body.n != 1)
        return refuse(rd, "it is no OCSP response");
    if (part.body.p[0] != 0)
        return refuse(rd, "the responder says: %s", status_text(part.body.p[0]));
    if (!pki_der_take(&in, PKI_DER_CONTEXT | PKI_DER_CONSTRUCTED | 0, &part) || buf_left(&in))
        return refuse(rd, "it is no OCSP response");
    in = buf_reader_init(part.body.p, part.body.n);
    if (!pki_der_take(&in, PKI_DER_SEQUENCE, &seq) || buf_left(&in))
        return refuse(rd, "it is no OCSP response");
    in = buf_reader_init(seq.body.p, seq.body.n);
    if (!pki_der_take(&in, PKI_DER_OID, &part) || part.body.n != sizeof oid_basic ||
        memcmp(part.body.p, oid_basic, sizeof oid_basic) != 0)
        return refuse(rd, "it is no basic OCSP response");
    if (!pki_der_take(&in, PKI_DER_OCTET_STRING, &part) || buf_left(&in))
        return refuse(rd, "it is no OCSP response");
    *basic = part.body;
    return true;
}

static bool basic_read(struct reading *rd, struct slice basic)
{
    struct buf_reader r = buf_reader_init(basic.p, basic.n);
    struct pki_tlv seq, tbs, alg, sig;
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &seq) || buf_left(&r))
        return refuse(rd, "it is malformed");
    r = buf_reader_init(seq.body.p, seq.body.n);
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &tbs) || !pki_der_take(&r, PKI_DER_SEQUENCE, &alg) ||
        !pki_der_take(&r, PKI_DER_BIT_STRING, &sig) || sig.body.n < 2 || sig.body.p[0] != 0)
        return refuse(rd, "it is malformed");
    rd->tbs = tbs.whole;
    rd->algorithm = alg.whole;
    rd->signature = (struct slice){sig.body.p + 1, sig.body.n - 1};
    const uint8_t *at = basic.p;
    rd->basic = d2i_OCSP_BASICRESP(NULL, &at, (long)basic.n);
    return rd->basic && at == basic.p + basic.n ? true : refuse(rd, "it is malformed");
}

/* ---- who signed ---------------------------------------------------------------------------------------------------------- */
/* ResponderID: by name, or by SHA-1 of the public key's bits. */
static bool is_responder(const struct reading *rd, X509 *x)
{
    const ASN1_OCTET_STRING *key = NULL;
    const X509_NAME *name = NULL;
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!OCSP_resp_get0_id(rd->basic, &key, &name))
        return false;
    if (name)
        return X509_NAME_cmp(name, X509_get_subject_name(x)) == 0;
    return X509_pubkey_digest(x, EVP_sha1(), hash, &n) == 1 && (int)n == ASN1_STRING_length(key) &&
           memcmp(hash, ASN1_STRING_get0_data(key), n) == 0;
}

static bool may_sign_ocsp(const struct pki_cert *c)
{
    for (unsigned i = 0; i < c->ext_usage_count; i++)
        if (strcmp(c->ext_usages[i], ocsp_signing) == 0)
            return true;
    return false;
}

/* RFC 6960 4.2.2.2: issued by the CA in question itself. */
static bool delegate_good(struct reading *rd, const struct pki_cert *c)
{
    if (!pki_dn_equal(c->issuer, rd->issuer->subject) || !pki_cert_signed_by(c, rd->issuer->key))
        return refuse(rd, "its responder's certificate is not of %s", rd->issuer->subject_text);
    if (!may_sign_ocsp(c))
        return refuse(rd, "its responder's certificate is not for OCSP signing");
    if (c->has_key_usage && !(c->key_usage & (PKI_USE_DIGITAL_SIGNATURE | PKI_USE_NON_REPUDIATION)))
        return refuse(rd, "its responder's certificate is not for signatures");
    if (c->unknown_critical)
        return refuse(rd, "its responder's certificate has a critical extension that is not known here");
    if (c->not_before > rd->now + PKI_CLOCK_SKEW_S || c->not_after < rd->now)
        return refuse(rd, "its responder's certificate has expired or is not yet valid");
    return true;
}

static struct pki_cert *cert_of(X509 *x)
{
    struct pki_cert *c = NULL;
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    if (n <= 0 || pki_cert_parse((struct slice){der, (size_t)n}, &c, NULL) != CV_OK)
        c = NULL;
    OPENSSL_free(der);
    return c;
}

static bool signer_find(struct reading *rd)
{
    const STACK_OF(X509) *certs = OCSP_resp_get0_certs(rd->basic);
    if (is_responder(rd, rd->issuer->x509)) {
        rd->signer = pki_cert_ref((struct pki_cert *)rd->issuer);
        return true;
    }
    (void)refuse(rd, "its responder's certificate is not in it");
    for (int i = 0; i < sk_X509_num(certs) && i < PKI_CERTS_MAX; i++) {
        X509 *x = sk_X509_value(certs, i);
        struct pki_cert *c = is_responder(rd, x) ? cert_of(x) : NULL;
        if (c && delegate_good(rd, c)) {
            rd->signer = c;
            return true;
        }
        pki_cert_free(c);
    }
    return false;
}

static bool signature_good(struct reading *rd)
{
    const struct pki_sig_alg *known = pki_sig_alg_by_der(rd->algorithm);
    if (!known)
        return refuse(rd, "its signature algorithm is not known here");
    if (known->weak)
        return refuse(rd, "it is signed with %s, which is refused", known->text);
    if (!cr_sig_fits(known->sig, cr_key_kind(rd->signer->key)) ||
        cr_verify(rd->signer->key, known->sig, rd->tbs, rd->signature) != CV_OK)
        return refuse(rd, "its signature is wrong");
    return true;
}

/* ---- what it says ---------------------------------------------------------------------------------------------------------- */
/* RFC 8954 2.1: an OCTET STRING; old responders send the octets bare, as they once were asked to. */
static bool nonce_good(struct reading *rd)
{
    int at = OCSP_BASICRESP_get_ext_by_NID(rd->basic, NID_id_pkix_OCSP_Nonce, -1);
    X509_EXTENSION *x = at >= 0 ? OCSP_BASICRESP_get_ext(rd->basic, at) : NULL;
    const ASN1_OCTET_STRING *value = x ? X509_EXTENSION_get_data(x) : NULL;
    const uint8_t *p = value ? ASN1_STRING_get0_data(value) : NULL;
    int n = value ? ASN1_STRING_length(value) : 0;
    if (!rd->nonce)
        return true;
    if (!value)
        return refuse(rd, "it is without the nonce that was sent (ocsp disable-nonce does without)");
    if (n == PKI_OCSP_NONCE_LEN + 2 && p[0] == PKI_DER_OCTET_STRING && p[1] == PKI_OCSP_NONCE_LEN) {
        p += 2;
        n -= 2;
    }
    if (n != PKI_OCSP_NONCE_LEN || memcmp(p, rd->nonce, PKI_OCSP_NONCE_LEN) != 0)
        return refuse(rd, "its nonce is not the one that was sent");
    return true;
}

/* RFC 6960 4.4: what is critical and not known spoils it. */
static bool extensions_good(struct reading *rd)
{
    int nonce = OCSP_BASICRESP_get_ext_by_NID(rd->basic, NID_id_pkix_OCSP_Nonce, -1), at = -1;
    while ((at = OCSP_BASICRESP_get_ext_by_critical(rd->basic, 1, at)) >= 0)
        if (at != nonce)
            return refuse(rd, "it has a critical extension that is not known here");
    return true;
}

static bool is_about(const struct reading *rd, OCSP_SINGLERESP *one)
{
    const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(one);
    ASN1_OBJECT *oid = NULL;
    if (!OCSP_id_get0_info(NULL, &oid, NULL, NULL, (OCSP_CERTID *)id))
        return false;
    const EVP_MD *md = OBJ_obj2nid(oid) == NID_sha1     ? EVP_sha1()
                       : OBJ_obj2nid(oid) == NID_sha256 ? EVP_sha256()
                                                        : NULL;
    OCSP_CERTID *ours = md ? OCSP_cert_to_id(md, rd->cert->x509, rd->issuer->x509) : NULL;
    bool same = ours && OCSP_id_cmp(ours, id) == 0;
    OCSP_CERTID_free(ours);
    return same;
}

static bool time_of(const ASN1_GENERALIZEDTIME *t, int64_t *out)
{
    struct tm tm = {0};
    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out = timegm(&tm);
    return true;
}

/* RFC 6960 4.2.2.1. */
static bool window_good(struct reading *rd, const struct pki_ocsp_answer *a)
{
    int64_t oldest = rd->now - (rd->nonce ? PKI_OCSP_NONCE_S : PKI_OCSP_FRESH_S);
    if (a->this_update > rd->now + PKI_CLOCK_SKEW_S)
        return refuse(rd, "its thisUpdate lies in the future");
    if (a->next_update ? a->next_update < rd->now : a->this_update < oldest)
        return refuse(rd, "it has expired");
    return true;
}

static bool answer_read(struct reading *rd, OCSP_SINGLERESP *one, struct pki_ocsp_answer *out)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
    int reason = -1, status = OCSP_single_get0_status(one, &reason, &revoked, &this_update, &next_update);
    if (OCSP_SINGLERESP_get_ext_by_critical(one, 1, -1) >= 0)
        return refuse(rd, "it has a critical extension that is not known here");
    if (!time_of(this_update, &out->this_update) || (next_update && !time_of(next_update, &out->next_update)))
        return refuse(rd, "its times are malformed");
    out->reason = reason < 0 ? 0 : (unsigned)reason;
    out->state = status == V_OCSP_CERTSTATUS_GOOD      ? PKI_OCSP_GOOD
                 : status == V_OCSP_CERTSTATUS_REVOKED ? PKI_OCSP_REVOKED
                                                       : PKI_OCSP_UNKNOWN;
    return window_good(rd, out);
}

static bool contents_read(struct reading *rd, struct pki_ocsp_answer *out)
{
    int count = OCSP_resp_count(rd->basic);
    if (count > PKI_OCSP_ANSWERS_MAX)
        return refuse(rd, "it answers for more than %d certificates", PKI_OCSP_ANSWERS_MAX);
    for (int i = 0; i < count; i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(rd->basic, i);
        if (is_about(rd, one))
            return answer_read(rd, one, out);
    }
    return refuse(rd, "it is about another certificate");
}

bool pki_ocsp_read(struct slice data, const struct pki_cert *cert, const struct pki_cert *issuer,
                   const uint8_t nonce[PKI_OCSP_NONCE_LEN], int64_t now, struct pki_ocsp_answer *out,
                   char why[PKI_TEXT_MAX])
{
    struct reading rd = {.cert = cert, .issuer = issuer, .nonce = nonce, .now = now, .why = why};
    struct slice basic = {0};
    *out = (struct pki_ocsp_answer){0};
    bool ok = shell_read(&rd, data, &basic) && basic_read(&rd, basic) && signer_find(&rd) &&
              signature_good(&rd) && extensions_good(&rd) && nonce_good(&rd) && contents_read(&rd, out);
    if (ok && rd.signer != issuer && X509_get_ext_by_NID(rd.signer->x509, NID_id_pkix_OCSP_noCheck, -1) < 0)
        out->responder = pki_cert_ref(rd.signer);
    pki_cert_free(rd.signer);
    OCSP_BASICRESP_free(rd.basic);
    return ok;
}
