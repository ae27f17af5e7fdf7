#include "control/pki/pki_scep.h"

#include "control/crypto/cr_key.h"
#include "control/pki/pki_cert_priv.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 8894 3.2.1: VeriSign's arc. */
#define OID_MESSAGE_TYPE    "2.16.840.1.113733.1.9.2"
#define OID_PKI_STATUS      "2.16.840.1.113733.1.9.3"
#define OID_FAIL_INFO       "2.16.840.1.113733.1.9.4"
#define OID_SENDER_NONCE    "2.16.840.1.113733.1.9.5"
#define OID_RECIPIENT_NONCE "2.16.840.1.113733.1.9.6"
#define OID_TRANSACTION     "2.16.840.1.113733.1.9.7"

static cv_result fail(cv_result r, char err[PKI_TEXT_MAX], const char *text)
{
    (void)snprintf(err, PKI_TEXT_MAX, "%s", text);
    ERR_clear_error();
    return r;
}

/* ---- capabilities ------------------------------------------------------------------------------------------------------ */
static bool is_cap(const char *line, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp(line, word, n) == 0;
}

struct pki_scep_caps pki_scep_caps_read(struct slice text)
{
    struct pki_scep_caps c = {0};
    const char *s = (const char *)text.p;
    for (size_t at = 0; at < text.n && at < 4096;) {
        size_t n = 0;
        while (at + n < text.n && s[at + n] != '\n' && s[at + n] != '\r')
            n++;
        const char *line = s + at;
        at += n + 1;
        while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
            n--;
        bool standard = is_cap(line, n, "SCEPStandard");
        c.post = c.post || standard || is_cap(line, n, "POSTPKIOperation");
        c.aes = c.aes || standard || is_cap(line, n, "AES");
        c.sha256 = c.sha256 || standard || is_cap(line, n, "SHA-256");
        c.sha512 = c.sha512 || is_cap(line, n, "SHA-512");
        c.sha1 = c.sha1 || is_cap(line, n, "SHA-1");
        c.des3 = c.des3 || is_cap(line, n, "DES3");
        c.renewal = c.renewal || is_cap(line, n, "Renewal");
    }
    return c;
}

const char *pki_scep_suite(const struct pki_scep_caps *c, bool *weak)
{
    bool sha2 = c->sha256 || c->sha512;
    *weak = !c->aes || !sha2;
    const char *hash = c->sha256 ? "SHA-256" : c->sha512 ? "SHA-512" : "SHA-1";
    if (c->aes)
        return hash[4] == '2'   ? "AES-128 and SHA-256"
               : hash[4] == '5' ? "AES-128 and SHA-512"
                                : "AES-128 and SHA-1";
    return hash[4] == '2' ? "3DES and SHA-256" : hash[4] == '5' ? "3DES and SHA-512" : "3DES and SHA-1";
}

static const EVP_MD *digest(const struct pki_scep_caps *c)
{
    return c->sha256 ? EVP_sha256() : c->sha512 ? EVP_sha512() : EVP_sha1();
}

/* What an answer may be signed with. SHA-1 only of a CA that says that it uses it, or knows nothing better: there are servers that list SHA-256 and sign with SHA-1.
 * What the answer brings is proved by the CA's signature on the certificate itself. MD5 never. */
static bool digest_allowed(const struct pki_scep_caps *c, int nid)
{
    if (nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512)
        return true;
    return nid == NID_sha1 && (c->sha1 || (!c->sha256 && !c->sha512));
}

/* ---- the CA's certificates ------------------------------------------------------------------------------------------------ */
/* A CA of the list that has issued another CA of it stands above. */
static bool issues_ca(struct pki_cert *const *all, unsigned n, const struct pki_cert *c)
{
    for (unsigned i = 0; i < n; i++)
        if (all[i] != c && pki_cert_is_ca(all[i]) && !pki_cert_self_issued(all[i]) &&
            pki_dn_equal(pki_cert_issuer(all[i]), pki_cert_subject(c)) &&
            pki_cert_signed_by(all[i], pki_cert_key(c)))
            return true;
    return false;
}

/* Certified for IKE: one of those that enrol here. Who stands between us and the CA could put it beside the CA's certificate, and read our challenge password. */
static bool is_peers(const struct pki_cert *c)
{
    static const char *const usages[] = {"1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.7.3.5", "1.3.6.1.5.5.7.3.6",
                                         "1.3.6.1.5.5.7.3.7", "1.3.6.1.5.5.8.2.2"};
    for (unsigned i = 0; i < c->ext_usage_count; i++)
        for (unsigned k = 0; k < sizeof usages / sizeof usages[0]; k++)
            if (strcmp(c->ext_usages[i], usages[k]) == 0)
                return true;
    return false;
}

/* bits: of keyUsage; without the extension it is for anything. */
static bool ra_for(const struct pki_cert *c, const struct pki_cert *ca, unsigned bits)
{
    return !pki_cert_is_ca(c) && !is_peers(c) && (!c->has_key_usage || (c->key_usage & bits)) &&
           pki_dn_equal(pki_cert_issuer(c), pki_cert_subject(ca)) && pki_cert_signed_by(c, pki_cert_key(ca));
}

static struct pki_cert *ra_of(struct pki_cert *const *all, unsigned n, struct pki_cert *ca, unsigned bits)
{
    for (unsigned i = 0; i < n; i++)
        if (ra_for(all[i], ca, bits))
            return all[i];
    return ca;
}

static cv_result sort_out(struct pki_cert *const *all, unsigned n, struct pki_scep_ca *out, const char **why)
{
    struct pki_cert *ca = NULL;
    for (unsigned i = 0; i < n; i++) {
        if (!pki_cert_is_ca(all[i]) || issues_ca(all, n, all[i]))
            continue;
        *why = "several certificates could be the CA's";
        if (ca && !pki_cert_equal(ca, all[i]))
            return CV_EPARSE;
        ca = all[i];
    }
    *why = "there is no certificate of a CA in it";
    if (!ca)
        return CV_EPARSE;
    out->ca = pki_cert_ref(ca);
    out->sign = pki_cert_ref(ra_of(all, n, ca, PKI_USE_DIGITAL_SIGNATURE | PKI_USE_NON_REPUDIATION));
    out->encrypt = pki_cert_ref(ra_of(all, n, ca, PKI_USE_KEY_ENCIPHERMENT));
    for (unsigned i = 0; i < n && out->above_count < PKI_CHAIN_MAX; i++)
        if (all[i] != ca && pki_cert_is_ca(all[i]) && !pki_cert_equal(all[i], ca))
            out->above[out->above_count++] = pki_cert_ref(all[i]);
    return CV_OK;
}

cv_result pki_scep_ca_read(struct slice data, struct pki_scep_ca *out, const char **why)
{
    struct pki_cert *all[PKI_CERTS_MAX];
    unsigned n = 0;
    *why = "it is neither a certificate nor PKCS #7";
    memset(out, 0, sizeof *out);
    if (data.n == 0 || data.n > PKI_SCEP_MAX)
        return CV_EPARSE;
    cv_result r = CV_OK;
    if (pki_cert_read(data, &all[0], NULL) == CV_OK)
        n = 1;
    else
        r = pki_pkcs7_read(data, all, &n);
    if (r == CV_OK)
        r = sort_out(all, n, out, why);
    for (unsigned i = 0; i < n; i++)
        pki_cert_free(all[i]);
    ERR_clear_error();
    return r;
}

void pki_scep_ca_free(struct pki_scep_ca *ca)
{
    pki_cert_free(ca->ca);
    pki_cert_free(ca->sign);
    pki_cert_free(ca->encrypt);
    for (unsigned i = 0; i < ca->above_count; i++)
        pki_cert_free(ca->above[i]);
    memset(ca, 0, sizeof *ca);
}

/* ---- building -------------------------------------------------------------------------------------------------------------- */
void pki_scep_transaction(const struct cr_key *key, char out[PKI_SCEP_TRANSACTION])
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct slice spki = cr_key_spki(key);
    SHA256(spki.p, spki.n, hash);
    for (unsigned i = 0; i < sizeof hash; i++)
        (void)snprintf(out + 2 * i, 3, "%02X", hash[i]);
}

/* RFC 8894 3.3.3: issuer and subject. */
static uint8_t *poll_body(const struct pki_scep_talk *t, struct slice subject, size_t *len)
{
    struct slice issuer = pki_cert_subject(t->ca->ca);
    size_t content = issuer.n + subject.n;
    uint8_t *out = malloc(content + 6);
    size_t at = 0;
    if (!out || content > UINT16_MAX) {
        free(out);
        return NULL;
    }
    out[at++] = 0x30;
    if (content >= 0x100) {
        out[at++] = 0x82;
        out[at++] = (uint8_t)(content >> 8);
    } else if (content >= 0x80) {
        out[at++] = 0x81;
    }
    out[at++] = (uint8_t)content;
    at += slice_copy(issuer, out + at, issuer.n);
    at += slice_copy(subject, out + at, subject.n);
    *len = at;
    return out;
}

/* pkcsPKIEnvelope, RFC 8894 3.2.2. */
static BIO *envelope(const struct pki_scep_talk *t, struct slice body)
{
    BIO *in = BIO_new_mem_buf(body.p, (int)body.n), *out = BIO_new(BIO_s_mem());
    STACK_OF(X509) *to = sk_X509_new_null();
    CMS_ContentInfo *cms = NULL;
    if (in && out && to && sk_X509_push(to, t->ca->encrypt->x509) > 0)
        cms = CMS_encrypt(to, in, t->caps.aes ? EVP_aes_128_cbc() : EVP_des_ede3_cbc(), CMS_BINARY);
    bool good = cms && i2d_CMS_bio(out, cms) == 1;
    CMS_ContentInfo_free(cms);
    sk_X509_free(to);
    BIO_free(in);
    if (good)
        return out;
    BIO_free(out);
    return NULL;
}

static bool add_attribute(CMS_SignerInfo *si, const char *oid, int type, const void *octets, size_t n)
{
    return CMS_signed_add1_attr_by_txt(si, oid, type, octets, (int)n) == 1;
}

static bool sign(CMS_ContentInfo *cms, const struct pki_scep_talk *t, enum pki_scep_type type)
{
    char number[12];
    int n = snprintf(number, sizeof number, "%d", (int)type);
    CMS_SignerInfo *si = CMS_add1_signer(cms, t->signer_cert->x509, cr_key_evp(t->signer), digest(&t->caps),
                                         CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL);
    return si && add_attribute(si, OID_MESSAGE_TYPE, V_ASN1_PRINTABLESTRING, number, (size_t)n) &&
           add_attribute(si, OID_TRANSACTION, V_ASN1_PRINTABLESTRING, t->transaction,
                         strlen(t->transaction)) &&
           add_attribute(si, OID_SENDER_NONCE, V_ASN1_OCTET_STRING, t->nonce, sizeof t->nonce);
}

static cv_result build(const struct pki_scep_talk *t, enum pki_scep_type type, struct slice body,
                       uint8_t *out, size_t *len, char err[PKI_TEXT_MAX])
{
    BIO *inner = envelope(t, body);
    if (!inner)
        return fail(CV_ECRYPTO, err, "the request cannot be encrypted to the CA's key");
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
    bool good = cms && sign(cms, t, type) && CMS_final(cms, inner, NULL, CMS_BINARY) == 1;
    int n = good ? i2d_CMS_ContentInfo(cms, NULL) : 0;
    if (n > 0 && n <= PKI_SCEP_REQUEST_MAX)
        *len = (size_t)i2d_CMS_ContentInfo(cms, &out);
    CMS_ContentInfo_free(cms);
    BIO_free(inner);
    if (n > 0 && n <= PKI_SCEP_REQUEST_MAX)
        return CV_OK;
    return fail(CV_ECRYPTO, err,
                n > 0 ? "the request is too long" : "the request cannot be signed with this key");
}

cv_result pki_scep_build(const struct pki_scep_talk *t, enum pki_scep_type type, struct slice body,
                         uint8_t *out, size_t *len, char err[PKI_TEXT_MAX])
{
    if (cr_key_kind(pki_cert_key(t->ca->encrypt)) != CR_KEY_RSA)
        return fail(CV_EUNSUP, err,
                    "the CA's key is none of RSA, and SCEP encrypts to it: enrol by terminal");
    if (cr_key_kind(t->signer) == CR_KEY_ED25519)
        return fail(CV_EUNSUP, err, "an Ed25519 key cannot decrypt SCEP's answer: enrol by terminal");
    if (type != PKI_SCEP_POLL)
        return build(t, type, body, out, len, err);
    size_t n;
    uint8_t *poll = poll_body(t, body, &n);
    if (!poll)
        return fail(CV_ENOMEM, err, "no memory");
    cv_result r = build(t, type, (struct slice){poll, n}, out, len, err);
    free(poll);
    return r;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */
static const char *const fails[] = {"badAlg: an algorithm is not supported",
                                    "badMessageCheck: the signature is wrong",
                                    "badRequest: the request is not permitted", "badTime: the clocks differ",
                                    "badCertId: no certificate like that"};

const char *pki_scep_fail_text(int f)
{
    return f >= 0 && (size_t)f < sizeof fails / sizeof fails[0] ? fails[f] : "no reason given";
}

/* The value of an attribute that is there once, with one value, as a string of the type. */
static bool attribute(const CMS_SignerInfo *si, const char *oid, int type, struct slice *out)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    bool good = false;
    int at = object ? CMS_signed_get_attr_by_OBJ(si, object, -1) : -1;
    if (at >= 0 && CMS_signed_get_attr_by_OBJ(si, object, at) < 0) {
        X509_ATTRIBUTE *a = CMS_signed_get_attr(si, at);
        ASN1_TYPE *value = X509_ATTRIBUTE_count(a) == 1 ? X509_ATTRIBUTE_get0_type(a, 0) : NULL;
        if (value && ASN1_TYPE_get(value) == type) {
            const ASN1_STRING *text = value->value.asn1_string;
            *out = (struct slice){ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)};
            good = true;
        }
    }
    ASN1_OBJECT_free(object);
    return good;
}

static bool attribute_number(const CMS_SignerInfo *si, const char *oid, int *out)
{
    struct slice s;
    if (!attribute(si, oid, V_ASN1_PRINTABLESTRING, &s) || s.n == 0 || s.n > 3)
        return false;
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        *out = *out * 10 + (s.p[i] - '0');
    }
    return true;
}

/* DER that is signedData, whole. */
static CMS_ContentInfo *read_cms(struct slice data, int type)
{
    const uint8_t *at = data.p;
    CMS_ContentInfo *cms =
        data.n > 0 && data.n <= PKI_SCEP_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)data.n) : NULL;
    if (cms && at == data.p + data.n && OBJ_obj2nid(CMS_get0_type(cms)) == type)
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

/* The one signer, if it is the CA or its RA, and the signature is right; content gets what is signed. */
static cv_result check_signature(const struct pki_scep_talk *t, CMS_ContentInfo *cms, CMS_SignerInfo **signer,
                                 bool *weak, BIO *content, char err[PKI_TEXT_MAX])
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    X509_ALGOR *md = NULL;
    const ASN1_OBJECT *oid = NULL;
    if (sk_CMS_SignerInfo_num(infos) != 1)
        return fail(CV_EPARSE, err, "the answer has not one signature");
    *signer = sk_CMS_SignerInfo_value(infos, 0);
    CMS_SignerInfo_get0_algs(*signer, NULL, NULL, &md, NULL);
    X509_ALGOR_get0(&oid, NULL, NULL, md);
    *weak = OBJ_obj2nid(oid) == NID_sha1;
    if (!digest_allowed(&t->caps, OBJ_obj2nid(oid)))
        return fail(CV_EAUTH, err, "the answer is signed with a hash that is too weak");
    STACK_OF(X509) *known = sk_X509_new_null();
    ASN1_OCTET_STRING **inside = CMS_get0_content(cms);
    BIO *none = inside && !*inside ? BIO_new_mem_buf("", 0)
                                   : NULL; /* RFC 8894 3.2: PENDING and FAILURE carry nothing */
    bool good =
        known && sk_X509_push(known, t->ca->sign->x509) > 0 && sk_X509_push(known, t->ca->ca->x509) > 0 &&
        CMS_verify(cms, known, NULL, none, content, CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) ==
            1;
    BIO_free(none);
    sk_X509_free(known);
    return good ? CV_OK : fail(CV_EAUTH, err, "the answer is not signed by the CA");
}

static cv_result check_attributes(const struct pki_scep_talk *t, const CMS_SignerInfo *si,
                                  struct pki_scep_answer *out, char err[PKI_TEXT_MAX])
{
    struct slice nonce, transaction;
    int type, status;
    if (!attribute_number(si, OID_MESSAGE_TYPE, &type) || type != PKI_SCEP_CERTREP)
        return fail(CV_EPARSE, err, "the answer is no CertRep");
    if (!attribute(si, OID_TRANSACTION, V_ASN1_PRINTABLESTRING, &transaction) ||
        transaction.n != strlen(t->transaction) || memcmp(transaction.p, t->transaction, transaction.n) != 0)
        return fail(CV_EPARSE, err, "the answer is of another transaction");
    if (!attribute(si, OID_RECIPIENT_NONCE, V_ASN1_OCTET_STRING, &nonce) || nonce.n != sizeof t->nonce ||
        !secret_equal(nonce.p, t->nonce, nonce.n))
        return fail(CV_EPARSE, err, "the answer has another nonce: it is to an earlier message");
    if (!attribute_number(si, OID_PKI_STATUS, &status) || (status != 0 && status != 2 && status != 3))
        return fail(CV_EPARSE, err, "the answer has no status");
    out->status = status == 0 ? PKI_SCEP_GRANTED : status == 2 ? PKI_SCEP_REFUSED : PKI_SCEP_PENDING;
    out->fail = -1;
    if (status == 2 && !attribute_number(si, OID_FAIL_INFO, &out->fail))
        out->fail = -1;
    return CV_OK;
}

static BIO *open_envelope(const struct pki_scep_talk *t, CMS_ContentInfo *cms)
{
    BIO *out = BIO_new(BIO_s_mem());
    if (out && cms &&
        CMS_decrypt(cms, cr_key_evp(t->signer), t->signer_cert->x509, NULL, out, CMS_BINARY) == 1)
        return out;
    BIO_free(out);
    return NULL;
}

/* Some servers, Debian's scep among them, encrypt with DES whatever they say. What is inside is a certificate, which is public. OpenSSL has DES in its legacy provider,
 * which is loaded beside the rest, for this answer alone. */
static BIO *open_with_des(const struct pki_scep_talk *t, struct slice data)
{
    OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *legacy = lib ? OSSL_PROVIDER_load(lib, "legacy") : NULL;
    OSSL_PROVIDER *plain = legacy ? OSSL_PROVIDER_load(lib, "default") : NULL;
    CMS_ContentInfo *cms = plain ? CMS_ContentInfo_new_ex(lib, NULL) : NULL;
    const uint8_t *at = data.p;
    BIO *out = NULL;
    if (cms && d2i_CMS_ContentInfo(&cms, &at, (long)data.n))
        out = open_envelope(t, cms);
    CMS_ContentInfo_free(cms);
    if (plain)
        OSSL_PROVIDER_unload(plain);
    if (legacy)
        OSSL_PROVIDER_unload(legacy);
    OSSL_LIB_CTX_free(lib);
    return out;
}

/* What is encrypted to us: PKCS #7 with our certificate. */
static BIO *decrypt(const struct pki_scep_talk *t, BIO *content, bool *weak)
{
    static const uint8_t des[] = {0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x07};
    char *p = NULL;
    long n = BIO_get_mem_data(content, &p);
    struct slice data = {(const uint8_t *)p, n > 0 ? (size_t)n : 0};
    CMS_ContentInfo *cms = n > 0 ? read_cms(data, NID_pkcs7_enveloped) : NULL;
    BIO *out = open_envelope(t, cms);
    if (!out && cms && memmem(data.p, data.n, des, sizeof des)) {
        out = open_with_des(t, data);
        *weak = true;
    }
    CMS_ContentInfo_free(cms);
    return out;
}

static cv_result take_certificate(const struct pki_scep_talk *t, BIO *content, struct pki_scep_answer *out,
                                  char err[PKI_TEXT_MAX])
{
    struct pki_cert *all[PKI_CERTS_MAX];
    unsigned n = 0;
    char *p = NULL;
    BIO *plain = decrypt(t, content, &out->weak);
    if (!plain)
        return fail(CV_EPARSE, err, "the answer cannot be decrypted");
    long len = BIO_get_mem_data(plain, &p);
    cv_result r =
        len > 0 ? pki_pkcs7_read((struct slice){(const uint8_t *)p, (size_t)len}, all, &n) : CV_EPARSE;
    BIO_free(plain);
    if (r != CV_OK)
        return fail(CV_EPARSE, err, "the answer holds no certificates");
    for (unsigned i = 0; i < n; i++)
        if (!out->cert && cr_key_same(pki_cert_key(all[i]), t->key))
            out->cert = pki_cert_ref(all[i]);
    for (unsigned i = 0; i < n; i++)
        pki_cert_free(all[i]);
    if (!out->cert)
        return fail(CV_EPARSE, err, "the answer holds no certificate for our key");
    if (pki_dn_equal(pki_cert_issuer(out->cert), pki_cert_subject(t->ca->ca)) &&
        pki_cert_signed_by(out->cert, pki_cert_key(t->ca->ca)))
        return CV_OK;
    pki_cert_free(out->cert);
    out->cert = NULL;
    return fail(CV_EAUTH, err, "the certificate is not signed by the CA");
}

cv_result pki_scep_parse(const struct pki_scep_talk *t, struct slice data, struct pki_scep_answer *out,
                         char err[PKI_TEXT_MAX])
{
    memset(out, 0, sizeof *out);
    CMS_ContentInfo *cms = read_cms(data, NID_pkcs7_signed);
    BIO *content = BIO_new(BIO_s_mem());
    CMS_SignerInfo *si = NULL;
    cv_result r = CV_OK;
    if (!cms || !content)
        r = fail(cms ? CV_ENOMEM : CV_EPARSE, err, cms ? "no memory" : "the answer is no signed message");
    if (r == CV_OK)
        r = check_signature(t, cms, &si, &out->weak, content, err);
    if (r == CV_OK)
        r = check_attributes(t, si, out, err);
    if (r == CV_OK && out->status == PKI_SCEP_GRANTED)
        r = take_certificate(t, content, out, err);
    BIO_free(content);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return r;
}

/* ---- URLs ---------------------------------------------------------------------------------------------------------------------- */
/* Everything that is not unreserved (RFC 3986 2.3) is escaped. */
static bool put_escaped(char *out, size_t room, size_t *at, const char *text, size_t n)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < n; i++) {
        bool same = text[i] && strchr(plain, text[i]);
        if (*at + 4 > room)
            return false;
        *at += (size_t)snprintf(out + *at, room - *at, same ? "%c" : "%%%02X", (unsigned char)text[i]);
    }
    return true;
}

static bool put_base(const char *base, const char *operation, char *out, size_t room, size_t *at)
{
    const char *host = strstr(base, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    bool none = host && (!path || path[1] == '\0');
    size_t n = none && path ? (size_t)(path - base) : strlen(base);
    int put = snprintf(out, room, "%.*s%s%soperation=%s", (int)n, base, none ? "/cgi-bin/pkiclient.exe" : "",
                       strchr(base, '?') ? "&" : "?", operation);
    *at = put > 0 ? (size_t)put : room;
    return *at < room;
}

bool pki_scep_url(const char *base, const char *operation, const char *message, char *out, size_t room)
{
    size_t at;
    if (!put_base(base, operation, out, room, &at))
        return false;
    if (!message || !message[0])
        return true;
    if (at + sizeof "&message=" > room)
        return false;
    at += (size_t)snprintf(out + at, room - at, "&message=");
    return put_escaped(out, room, &at, message, strlen(message));
}

bool pki_scep_url_message(const char *base, struct slice message, char *out, size_t room)
{
    size_t len = (message.n + 2) / 3 * 4;
    char *text = message.n < PKI_SCEP_REQUEST_MAX + 1 ? malloc(len + 1) : NULL;
    if (!text)
        return false;
    (void)EVP_EncodeBlock((unsigned char *)text, message.p, (int)message.n);
    bool good = pki_scep_url(base, "PKIOperation", text, out, room);
    free(text);
    return good;
}
