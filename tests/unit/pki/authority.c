#include "tests/unit/pki/authority.h"

#include "tests/unit/unit.h"

#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OID(n) "2.16.840.1.113733.1.9." #n

static struct slice attribute(const CMS_SignerInfo *si, const char *oid)
{
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    int at = CMS_signed_get_attr_by_OBJ(si, o, -1);
    ASN1_OBJECT_free(o);
    CU_ASSERT_FATAL(at >= 0);
    const ASN1_STRING *s = X509_ATTRIBUTE_get0_type(CMS_signed_get_attr(si, at), 0)->value.asn1_string;
    return (struct slice){ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
}

static CMS_ContentInfo *cms_of(struct slice der)
{
    const uint8_t *at = der.p;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.n);
    CU_ASSERT_FATAL(cms != NULL);
    return cms;
}

static struct slice memory(BIO *b)
{
    char *p = NULL;
    long n = BIO_get_mem_data(b, &p);
    return (struct slice){(const uint8_t *)p, (size_t)n};
}

static const struct mk *receiver(const struct authority *a)
{
    return a->ra ? a->ra : a->ca;
}

/* What is encrypted to us. */
static BIO *open_envelope(const struct authority *a, struct slice der)
{
    const struct mk *me = receiver(a);
    CMS_ContentInfo *cms = cms_of(der);
    BIO *out = BIO_new(BIO_s_mem());
    X509 *x = mk_x509(me);
    CU_ASSERT_EQUAL_FATAL(CMS_decrypt(cms, mk_key(me->key), x, NULL, out, CMS_BINARY), 1);
    X509_free(x);
    CMS_ContentInfo_free(cms);
    return out;
}

static void note_challenge(struct authority *a)
{
    int at = X509_REQ_get_attr_by_NID(a->csr, NID_pkcs9_challengePassword, -1);
    a->challenge[0] = '\0';
    if (at < 0)
        return;
    const ASN1_STRING *s = X509_ATTRIBUTE_get0_type(X509_REQ_get_attr(a->csr, at), 0)->value.asn1_string;
    (void)snprintf(a->challenge, sizeof a->challenge, "%.*s", ASN1_STRING_length(s),
                   (const char *)ASN1_STRING_get0_data(s));
}

/* The certificate that the request asks for, with the extensions it wants. */
static X509 *issue(struct authority *a)
{
    X509 *x = X509_new(), *ca = mk_x509(a->ca);
    CU_ASSERT_FATAL(a->csr != NULL);
    EVP_PKEY *key = a->fault == OTHER_KEY ? mk_key("rsa:stranger") : X509_REQ_get0_pubkey(a->csr);
    const char *by = a->fault == OTHER_ISSUER ? "rsa:impostor" : a->ca->key;
    CU_ASSERT_FATAL(X509_set_version(x, 2) == 1 &&
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), ++a->serial) == 1 &&
                    X509_set_subject_name(x, X509_REQ_get_subject_name(a->csr)) == 1 &&
                    X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 && X509_set_pubkey(x, key) == 1);
    CU_ASSERT_FATAL(ASN1_TIME_set(X509_getm_notBefore(x), T0 - 60) != NULL &&
                    ASN1_TIME_set(X509_getm_notAfter(x), T0 + 100 * DAY) != NULL);
    STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(a->csr);
    for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++)
        CU_ASSERT_EQUAL_FATAL(X509_add_ext(x, sk_X509_EXTENSION_value(exts, i), -1), 1);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    CU_ASSERT_FATAL(X509_sign(x, mk_key(by), EVP_sha256()) > 0);
    X509_free(ca);
    return x;
}

/* PKCS #7 with certificates alone. */
static BIO *bundle(struct authority *a)
{
    PKCS7 *p7 = PKCS7_new();
    BIO *out = BIO_new(BIO_s_mem());
    CU_ASSERT_FATAL(PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1);
    if (a->fault != NO_CERTIFICATE) {
        X509 *x = issue(a);
        CU_ASSERT_EQUAL_FATAL(PKCS7_add_certificate(p7, x), 1);
        X509_free(x);
    }
    CU_ASSERT_EQUAL_FATAL(i2d_PKCS7_bio(out, p7), 1);
    PKCS7_free(p7);
    return out;
}

static BIO *seal(struct authority *a, X509 *to)
{
    BIO *plain = bundle(a), *out = BIO_new(BIO_s_mem());
    if (a->fault == NOT_ENCRYPTED) {
        BIO_free(out);
        return plain;
    }
    STACK_OF(X509) *all = sk_X509_new_null();
    X509 *other = a->fault == ENCRYPTED_TO_ANOTHER ? mk_x509(a->ca) : NULL;
    sk_X509_push(all, other ? other : to);
    CMS_ContentInfo *cms = CMS_encrypt(all, plain, EVP_aes_128_cbc(), CMS_BINARY);
    CU_ASSERT_FATAL(cms != NULL && i2d_CMS_bio(out, cms) == 1);
    CMS_ContentInfo_free(cms);
    sk_X509_free(all);
    X509_free(other);
    BIO_free(plain);
    return out;
}

struct reply {
    int status;
    struct slice transaction, nonce;
};

static void put(CMS_SignerInfo *si, const char *oid, int type, struct slice s)
{
    CU_ASSERT_EQUAL_FATAL(CMS_signed_add1_attr_by_txt(si, oid, type, s.p, (int)s.n), 1);
}

static void put_number(CMS_SignerInfo *si, const char *oid, int n)
{
    char text[12];
    int len = snprintf(text, sizeof text, "%d", n);
    put(si, oid, V_ASN1_PRINTABLESTRING, (struct slice){(const uint8_t *)text, (size_t)len});
}

static void put_attributes(const struct authority *a, CMS_SignerInfo *si, const struct reply *r)
{
    static const uint8_t sixteen[16] = "another message";
    static const struct slice strange = {(const uint8_t *)"0123", 4};
    put_number(si, OID(2), a->fault == OTHER_TYPE ? 19 : 3);
    if (a->fault != NO_STATUS)
        put_number(si, OID(3), a->fault == ODD_STATUS ? 1 : r->status);
    if (a->fault == TWICE_STATUS)
        put_number(si, OID(3), 0);
    if (r->status == 2 && a->refuse >= 0)
        put_number(si, OID(4), a->refuse);
    put(si, OID(7), V_ASN1_PRINTABLESTRING, a->fault == OTHER_TRANSACTION ? strange : r->transaction);
    put(si, OID(5), V_ASN1_OCTET_STRING, (struct slice){sixteen, 16});
    if (a->fault != NO_NONCE)
        put(si, OID(6), V_ASN1_OCTET_STRING,
            a->fault == OTHER_NONCE ? (struct slice){sixteen, 16} : r->nonce);
}

static void add_signer(const struct authority *a, CMS_ContentInfo *cms, const struct mk *who,
                       const struct reply *r)
{
    X509 *x = mk_x509(who);
    CMS_SignerInfo *si =
        CMS_add1_signer(cms, x, mk_key(who->key), a->fault == SHA1_SIGNATURE ? EVP_sha1() : EVP_sha256(),
                        CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL);
    CU_ASSERT_FATAL(si != NULL);
    put_attributes(a, si, r);
    X509_free(x);
}

static struct slice finish(const struct authority *a, BIO *content, const struct reply *r)
{
    static const struct mk stranger = {.dn = "CN=Stranger", .key = "rsa:stranger", MK_CA};
    unsigned without =
        r->status == 3 ? CMS_DETACHED : 0; /* RFC 8894 3.2; others put an empty content there */
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL | without);
    uint8_t *der = NULL;
    add_signer(a, cms, a->fault == OTHER_SIGNER ? &stranger : receiver(a), r);
    if (a->fault == TWO_SIGNERS)
        add_signer(a, cms, &stranger, r);
    CU_ASSERT_EQUAL_FATAL(CMS_final(cms, content, NULL, CMS_BINARY | without), 1);
    int n = i2d_CMS_ContentInfo(cms, &der);
    CU_ASSERT_FATAL(n > 0);
    uint8_t *out = calloc(1, (size_t)n + 1);
    memcpy(out, der, (size_t)n);
    if (a->fault == BROKEN_SIGNATURE)
        out[n - 1] ^= 1;
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    size_t len = (size_t)n + (a->fault == TRAILING) - (a->fault == TRUNCATED);
    return (struct slice){out, a->fault == EMPTY ? 0 : len};
}

struct slice authority_answer(struct authority *a, struct slice request)
{
    CMS_ContentInfo *cms = cms_of(request);
    BIO *inner = BIO_new(BIO_s_mem());
    CU_ASSERT_EQUAL_FATAL(CMS_verify(cms, NULL, NULL, NULL, inner, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY),
                          1);
    CMS_SignerInfo *si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    CU_ASSERT_EQUAL_FATAL(sk_X509_num(certs), 1);
    struct slice type = attribute(si, OID(2));
    struct reply r = {.transaction = attribute(si, OID(7)), .nonce = attribute(si, OID(5))};
    a->messages++;
    a->type = atoi((const char *)type.p);
    (void)snprintf(a->transaction, sizeof a->transaction, "%.*s", (int)r.transaction.n,
                   (const char *)r.transaction.p);
    BIO *plain = open_envelope(a, memory(inner));
    if (a->type != 20) {
        struct slice der = memory(plain);
        const uint8_t *at = der.p;
        X509_REQ_free(a->csr);
        a->csr = d2i_X509_REQ(NULL, &at, (long)der.n);
        CU_ASSERT_FATAL(a->csr != NULL && X509_REQ_verify(a->csr, X509_REQ_get0_pubkey(a->csr)) == 1);
        note_challenge(a);
    }
    r.status = a->pending > 0 ? 3 : a->refuse >= 0 ? 2 : 0;
    a->pending -= a->pending > 0;
    BIO *content = r.status == 0 ? seal(a, sk_X509_value(certs, 0)) : BIO_new_mem_buf("", 0);
    struct slice out = finish(a, content, &r);
    BIO_free(content);
    BIO_free(plain);
    BIO_free(inner);
    sk_X509_pop_free(certs, X509_free);
    CMS_ContentInfo_free(cms);
    return out;
}

void authority_free(struct authority *a)
{
    X509_REQ_free(a->csr);
    a->csr = NULL;
}
