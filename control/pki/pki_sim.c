#include "control/pki/pki_sim.h"

#include "control/crypto/cr_key.h"
#include "control/pki/pki_cert_priv.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCALAR_LEN = 32, TEN_YEARS_S = 10 * 365 * 24 * 3600, RSA_BITS = 2048, DER_MAX = 256 };

/* ---- keys out of a seed ----------------------------------------------------------------------------------------- */
/* SEC 1 C.4: ECPrivateKey of P-256 without its public half, which OpenSSL works out. */
static bool private_der(const uint8_t scalar[SCALAR_LEN], uint8_t out[DER_MAX], size_t *n)
{
    static const uint8_t head[] = {0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const uint8_t curve[] = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    struct buf_writer w = buf_writer_init(out, DER_MAX);
    buf_put(&w, head, sizeof head);
    buf_put(&w, scalar, SCALAR_LEN);
    buf_put(&w, curve, sizeof curve);
    *n = w.len;
    return !w.bad;
}

/* SHA-256 of a label, a counter and the seed; the counter passes over the values that are no scalar of P-256 (one in 2^32 at most). */
static cv_result key_from_seed(const char *seed, struct cr_key **out)
{
    char text[512];
    uint8_t scalar[SCALAR_LEN], der[DER_MAX];
    size_t n = 0;
    for (unsigned i = 0; i < 4; i++) {
        int len = snprintf(text, sizeof text, "culvert simulated key %u: %s", i, seed);
        if (len < 0 || (size_t)len >= sizeof text)
            return CV_EINVAL;
        if (EVP_Q_digest(NULL, "SHA256", NULL, text, (size_t)len, scalar, NULL) != 1 ||
            !private_der(scalar, der, &n))
            return CV_ECRYPTO;
        cv_result r = cr_key_private((struct slice){der, n}, NULL, out);
        if (r != CV_EINVAL)
            return r;
    }
    return CV_ECRYPTO;
}

static cv_result key_for(const struct pki_sim_subject *s, struct cr_key **out)
{
    if (s->key) {
        *out = cr_key_ref(s->key);
        return CV_OK;
    }
    if (s->kind == CR_KEY_P256)
        return key_from_seed(s->seed ? s->seed : "", out);
    return cr_key_generate(s->kind, RSA_BITS, out);
}

cv_result pki_sim_key(const char *seed, struct cr_key **out)
{
    return key_from_seed(seed, out);
}

/* ---- extensions --------------------------------------------------------------------------------------------------- */
static bool add(X509 *x, int nid, void *ext, bool critical)
{
    return ext && X509_add1_ext_i2d(x, nid, ext, critical, X509V3_ADD_DEFAULT) == 1;
}

static bool add_basic(X509 *x, const struct pki_sim_subject *s)
{
    BASIC_CONSTRAINTS *b = BASIC_CONSTRAINTS_new();
    bool ok = b != NULL;
    if (ok && s->is_ca) {
        b->ca = 0xff;
        if (s->path_len >= 0)
            ok = (b->pathlen = ASN1_INTEGER_new()) != NULL && ASN1_INTEGER_set(b->pathlen, s->path_len) == 1;
    }
    ok = ok && add(x, NID_basic_constraints, b, true);
    BASIC_CONSTRAINTS_free(b);
    return ok;
}

static bool add_usage(X509 *x, unsigned bits)
{
    if (bits == 0)
        return true;
    ASN1_BIT_STRING *b = ASN1_BIT_STRING_new();
    bool ok = b != NULL;
    for (int i = 0; ok && i < 9; i++)
        if (bits & 1u << i)
            ok = ASN1_BIT_STRING_set_bit(b, i, 1) == 1;
    ok = ok && add(x, NID_key_usage, b, true);
    ASN1_BIT_STRING_free(b);
    return ok;
}

static bool add_ext_usage(X509 *x, const char *oid)
{
    if (!oid)
        return true;
    EXTENDED_KEY_USAGE *e = sk_ASN1_OBJECT_new_null();
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    bool ok = e && o && sk_ASN1_OBJECT_push(e, o) > 0;
    if (!ok)
        ASN1_OBJECT_free(o);
    ok = ok && add(x, NID_ext_key_usage, e, false);
    sk_ASN1_OBJECT_pop_free(e, ASN1_OBJECT_free);
    return ok;
}

/* A name of a type whose value is one string. Owned by the caller; NULL: no memory. */
static GENERAL_NAME *name_of(int type, const void *p, size_t n)
{
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_STRING *s = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (!g || !s || !ASN1_STRING_set(s, p, (int)n)) {
        GENERAL_NAME_free(g);
        ASN1_STRING_free(s);
        return NULL;
    }
    GENERAL_NAME_set0_value(g, type, s);
    return g;
}

static bool push(GENERAL_NAMES *names, GENERAL_NAME *g)
{
    if (g && sk_GENERAL_NAME_push(names, g) > 0)
        return true;
    GENERAL_NAME_free(g);
    return false;
}

static bool push_address(GENERAL_NAMES *names, const char *ip)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, ip, octets) == 1)
        return push(names, name_of(GEN_IPADD, octets, 4));
    return inet_pton(AF_INET6, ip, octets) == 1 && push(names, name_of(GEN_IPADD, octets, 16));
}

/* Every word of the text, which may be NULL, is a name. */
static bool push_words(GENERAL_NAMES *names, int type, const char *text)
{
    char word[512];
    for (const char *at = text ? text + strspn(text, " ") : ""; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n >= sizeof word)
            return false;
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        if (!(type == GEN_IPADD ? push_address(names, word) : push(names, name_of(type, word, n))))
            return false;
        at += n;
    }
    return true;
}

static bool add_alt_names(X509 *x, const struct pki_sim_subject *s)
{
    if (!s->fqdn && !s->email && !s->ip)
        return true;
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool ok = names && push_words(names, GEN_DNS, s->fqdn);
    if (s->email)
        ok = ok && push(names, name_of(GEN_EMAIL, s->email, strlen(s->email)));
    ok = ok && push_words(names, GEN_IPADD, s->ip);
    ok = ok && sk_GENERAL_NAME_num(names) > 0 && add(x, NID_subject_alt_name, names, false);
    GENERAL_NAMES_free(names);
    return ok;
}

static bool add_crl_url(X509 *x, const char *url)
{
    if (!url)
        return true;
    CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
    DIST_POINT *p = DIST_POINT_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool ok = points && p && names && push(names, name_of(GEN_URI, url, strlen(url)));
    if (ok && (p->distpoint = DIST_POINT_NAME_new()) != NULL) {
        p->distpoint->type = 0;
        p->distpoint->name.fullname = names;
        names = NULL;
        ok = sk_DIST_POINT_push(points, p) > 0;
        p = ok ? NULL : p;
    } else {
        ok = false;
    }
    ok = ok && add(x, NID_crl_distribution_points, points, false);
    GENERAL_NAMES_free(names);
    DIST_POINT_free(p);
    CRL_DIST_POINTS_free(points);
    return ok;
}

static bool add_ocsp_url(X509 *x, const char *url)
{
    if (!url)
        return true;
    AUTHORITY_INFO_ACCESS *access = sk_ACCESS_DESCRIPTION_new_null();
    ACCESS_DESCRIPTION *d = ACCESS_DESCRIPTION_new();
    GENERAL_NAME *g = name_of(GEN_URI, url, strlen(url));
    bool ok = access && d && g;
    if (ok) {
        ASN1_OBJECT_free(d->method);
        d->method = OBJ_nid2obj(NID_ad_OCSP);
        GENERAL_NAME_free(d->location);
        d->location = g;
        g = NULL;
        ok = sk_ACCESS_DESCRIPTION_push(access, d) > 0;
        d = ok ? NULL : d;
    }
    ok = ok && add(x, NID_info_access, access, false);
    GENERAL_NAME_free(g);
    ACCESS_DESCRIPTION_free(d);
    AUTHORITY_INFO_ACCESS_free(access);
    return ok;
}

/* SHA-1 of the key's octets, RFC 5280 4.2.1.2 (1). */
static bool add_key_id(X509 *x)
{
    uint8_t hash[PKI_HASH_LEN];
    unsigned n = 0;
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    bool ok = id && X509_pubkey_digest(x, EVP_sha1(), hash, &n) == 1 &&
              ASN1_OCTET_STRING_set(id, hash, (int)n) == 1 && add(x, NID_subject_key_identifier, id, false);
    ASN1_OCTET_STRING_free(id);
    return ok;
}

static bool add_comment(X509 *x)
{
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    bool ok = s && ASN1_STRING_set(s, PKI_SIM_COMMENT, sizeof PKI_SIM_COMMENT - 1) == 1 &&
              add(x, NID_netscape_comment, s, false);
    ASN1_IA5STRING_free(s);
    return ok;
}

static bool add_extensions(X509 *x, const struct pki_sim_subject *s)
{
    return add_basic(x, s) && add_usage(x, s->key_usage) && add_ext_usage(x, s->ext_usage) &&
           add_alt_names(x, s) && add_crl_url(x, s->crl_url) && add_ocsp_url(x, s->ocsp_url) &&
           add_key_id(x) && add_comment(x);
}

/* ---- certificates --------------------------------------------------------------------------------------------------- */
/* From text, or from the DER of a certificate's subject when text is NULL. */
static X509_NAME *name_from(const char *dn, struct slice der)
{
    uint8_t parsed[PKI_DN_MAX];
    size_t n = 0;
    if (dn && dn[0]) {
        if (pki_dn_parse(dn, parsed, &n) != CV_OK)
            return NULL;
        der = (struct slice){parsed, n};
    } else if (dn) {
        return X509_NAME_new();
    }
    const unsigned char *p = der.p;
    return d2i_X509_NAME(NULL, &p, (long)der.n);
}

static const EVP_MD *hash_for(const struct cr_key *k)
{
    switch (cr_key_kind(k)) {
    case CR_KEY_ED25519:
        return NULL;
    case CR_KEY_P384:
        return EVP_sha384();
    case CR_KEY_P521:
        return EVP_sha512();
    default:
        return EVP_sha256();
    }
}

static bool set_times(X509 *x, const struct pki_sim_subject *s)
{
    return ASN1_TIME_adj(X509_getm_notBefore(x), (time_t)s->from, 0, 0) &&
           ASN1_TIME_adj(X509_getm_notAfter(x), (time_t)(s->until ? s->until : s->from + TEN_YEARS_S), 0, 0);
}

/* ca NULL: signed by itself. */
static bool build(X509 *x, const struct pki_sim_ca *ca, const struct pki_sim_subject *s,
                  const struct cr_key *key)
{
    X509_NAME *subject =
        s->dn_der.n ? name_from(NULL, s->dn_der) : name_from(s->dn ? s->dn : "", (struct slice){0});
    X509_NAME *issuer = ca ? name_from(NULL, pki_cert_subject(ca->cert)) : X509_NAME_dup(subject);
    const struct cr_key *by = ca ? ca->key : key;
    bool ok = subject && issuer && X509_set_version(x, X509_VERSION_3) == 1 &&
              X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, issuer) == 1 &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), s->serial ? s->serial : 1) == 1 &&
              set_times(x, s) && X509_set_pubkey(x, cr_key_evp(key)) == 1 && add_extensions(x, s) &&
              X509_sign(x, cr_key_evp(by), hash_for(by)) > 0;
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    return ok;
}

static cv_result make(const struct pki_sim_ca *ca, const struct pki_sim_subject *s, const struct cr_key *key,
                      struct pki_cert **out)
{
    uint8_t *der = NULL;
    X509 *x = X509_new();
    int n = x && build(x, ca, s, key) ? i2d_X509(x, &der) : 0;
    cv_result r = n > 0 ? pki_cert_parse((struct slice){der, (size_t)n}, out, NULL) : CV_EINVAL;
    OPENSSL_free(der);
    X509_free(x);
    ERR_clear_error();
    return r;
}

cv_result pki_sim_ca(const char *seed, const char *subject, int64_t from, struct pki_sim_ca *out)
{
    struct pki_sim_subject s = {.dn = subject,
                                .from = from,
                                .is_ca = true,
                                .path_len = -1,
                                .key_usage = PKI_USE_KEY_CERT_SIGN | PKI_USE_CRL_SIGN};
    *out = (struct pki_sim_ca){0};
    CV_TRY(key_from_seed(seed, &out->key));
    cv_result r = make(NULL, &s, out->key, &out->cert);
    if (r != CV_OK)
        pki_sim_ca_free(out);
    return r;
}

void pki_sim_ca_free(struct pki_sim_ca *ca)
{
    pki_cert_free(ca->cert);
    cr_key_free(ca->key);
    *ca = (struct pki_sim_ca){0};
}

cv_result pki_sim_issue(const struct pki_sim_ca *ca, const struct pki_sim_subject *s, struct pki_cert **cert,
                        struct cr_key **key)
{
    struct cr_key *k = NULL;
    CV_TRY(key_for(s, &k));
    cv_result r = make(ca, s, k, cert);
    if (r == CV_OK)
        *key = k;
    else
        cr_key_free(k);
    return r;
}

/* ---- copies --------------------------------------------------------------------------------------------------------- */
/* MD5 and SHA-1 stay weak: a key on a curve signs with SHA-1 for both. */
static const EVP_MD *hash_like(const struct pki_cert *real, const struct cr_key *by)
{
    return real->sig_alg->weak && cr_key_kind(by) != CR_KEY_ED25519 ? EVP_sha1() : hash_for(by);
}

static bool replace_comment(X509 *x)
{
    for (int at; (at = X509_get_ext_by_NID(x, NID_netscape_comment, -1)) >= 0;)
        X509_EXTENSION_free(X509_delete_ext(x, at));
    return X509_get_version(x) < X509_VERSION_3 || add_comment(x);
}

cv_result pki_sim_copy(const struct pki_cert *real, const struct cr_key *key, const struct cr_key *by,
                       struct pki_cert **out)
{
    uint8_t *der = NULL;
    X509 *x = X509_dup(real->x509);
    bool ok = x && X509_set_pubkey(x, cr_key_evp(key)) == 1 && replace_comment(x) &&
              X509_sign(x, cr_key_evp(by), hash_like(real, by)) > 0;
    int n = ok ? i2d_X509(x, &der) : 0;
    cv_result r = n > 0 ? pki_cert_parse((struct slice){der, (size_t)n}, out, NULL) : CV_EINVAL;
    if (r == CV_OK)
        (*out)->simulated = true; /* one of version 1 has no comment that says so */
    OPENSSL_free(der);
    X509_free(x);
    ERR_clear_error();
    return r;
}

bool pki_sim_issued_by(const struct pki_cert *c, const struct pki_cert *issuer)
{
    bool ok = X509_verify(c->x509, cr_key_evp(issuer->key)) == 1;
    ERR_clear_error();
    return ok;
}
