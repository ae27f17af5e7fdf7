#include "control/pki/pki_csr.h"

#include "common/addr.h"
#include "control/crypto/cr_key.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { X509_V3 = 2, BACKDATE_S = 300 };

/* ---- names --------------------------------------------------------------------------------------------------------- */
static bool printable(const char *text)
{
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
            return false;
    return true;
}

/* Adds to the last RDN when there is one of ours already. */
static bool add_entry(X509_NAME *name, int nid, int type, const char *text, int *set)
{
    if (!text[0])
        return true;
    if (!printable(text) ||
        X509_NAME_add_entry_by_NID(name, nid, type, (const unsigned char *)text, -1, -1, *set) != 1)
        return false;
    *set = -1;
    return true;
}

static X509_NAME *name_of(const struct pki_subject *s)
{
    uint8_t der[PKI_DN_MAX];
    const uint8_t *at = der;
    size_t n = 0;
    int set = 0;
    X509_NAME *name = NULL;
    if (s->dn[0] && pki_dn_parse(s->dn, der, &n) != CV_OK)
        return NULL;
    name = s->dn[0] ? d2i_X509_NAME(NULL, &at, (long)n) : X509_NAME_new();
    struct ip_addr ip;
    bool v4 = s->ip[0] && ip_addr_parse(s->ip, &ip) && ip.family == IP_V4;
    if (name && add_entry(name, NID_serialNumber, V_ASN1_PRINTABLESTRING, s->serial, &set) &&
        add_entry(name, NID_pkcs9_unstructuredAddress, V_ASN1_PRINTABLESTRING, v4 ? s->ip : "", &set) &&
        add_entry(name, NID_pkcs9_unstructuredName, V_ASN1_IA5STRING, s->fqdn, &set) &&
        X509_NAME_entry_count(name) > 0)
        return name;
    X509_NAME_free(name);
    return NULL;
}

cv_result pki_subject_name(const struct pki_subject *s, uint8_t out[PKI_DN_MAX], size_t *len)
{
    X509_NAME *name = name_of(s);
    int n = name ? i2d_X509_NAME(name, NULL) : 0;
    uint8_t *at = out;
    cv_result r = n > 0 && n <= PKI_DN_MAX ? CV_OK : CV_EINVAL;
    if (r == CV_OK)
        *len = (size_t)i2d_X509_NAME(name, &at);
    X509_NAME_free(name);
    ERR_clear_error();
    return r;
}

static bool refuse(char err[PKI_TEXT_MAX], const char *text)
{
    (void)snprintf(err, PKI_TEXT_MAX, "%s", text);
    return false;
}

/* ---- extensions ------------------------------------------------------------------------------------------------------ */
static bool add_general(GENERAL_NAMES *names, int type, const void *octets, size_t n)
{
    GENERAL_NAME *x = GENERAL_NAME_new();
    ASN1_STRING *text =
        x ? ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING) : NULL;
    if (!text || ASN1_STRING_set(text, octets, (int)n) != 1) {
        ASN1_STRING_free(text);
        GENERAL_NAME_free(x);
        return false;
    }
    GENERAL_NAME_set0_value(x, type, text);
    if (sk_GENERAL_NAME_push(names, x) > 0)
        return true;
    GENERAL_NAME_free(x);
    return false;
}

static bool add_alt_names(const struct pki_subject *s, STACK_OF(X509_EXTENSION) * *exts)
{
    struct ip_addr ip;
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool good = names != NULL;
    if (good && s->fqdn[0])
        good = add_general(names, GEN_DNS, s->fqdn, strlen(s->fqdn));
    if (good && s->ip[0])
        good = ip_addr_parse(s->ip, &ip) && add_general(names, GEN_IPADD, ip.b, ip_addr_len(&ip));
    if (good && sk_GENERAL_NAME_num(names) > 0)
        good = X509V3_add1_i2d(exts, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    return good;
}

/* RFC 4945 5.1.3.2: digitalSignature is what IKE needs; an RSA key also decrypts SCEP's answers (RFC 8894 3.1). */
static bool add_usage(const struct cr_key *key, STACK_OF(X509_EXTENSION) * *exts)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool good = bits && ASN1_BIT_STRING_set_bit(bits, 0, 1) == 1 &&
                (cr_key_kind(key) != CR_KEY_RSA || ASN1_BIT_STRING_set_bit(bits, 2, 1) == 1) &&
                X509V3_add1_i2d(exts, NID_key_usage, bits, 1, X509V3_ADD_APPEND) == 1;
    ASN1_BIT_STRING_free(bits);
    return good;
}

static STACK_OF(X509_EXTENSION) * extensions(const struct pki_subject *s, const struct cr_key *key)
{
    STACK_OF(X509_EXTENSION) *exts = NULL;
    if (add_usage(key, &exts) && add_alt_names(s, &exts))
        return exts;
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return NULL;
}

static const EVP_MD *digest_for(const struct pki_subject *s, const struct cr_key *key)
{
    if (cr_key_kind(key) == CR_KEY_ED25519)
        return NULL; /* its own */
    switch (s->hash) {
    case PKI_CSR_SHA384:
        return EVP_sha384();
    case PKI_CSR_SHA512:
        return EVP_sha512();
    case PKI_CSR_SHA1:
        return EVP_sha1();
    case PKI_CSR_SHA256:
        break;
    }
    return EVP_sha256();
}

/* ---- the request ------------------------------------------------------------------------------------------------------ */
static bool fill_request(X509_REQ *req, const struct pki_subject *s, const struct cr_key *key,
                         X509_NAME *name, const char *challenge, char err[PKI_TEXT_MAX])
{
    STACK_OF(X509_EXTENSION) *exts = extensions(s, key);
    bool good = exts != NULL;
    if (!good)
        return refuse(err, "the fqdn or the address cannot be put into a certificate");
    good = X509_REQ_set_version(req, 0) == 1 && X509_REQ_set_subject_name(req, name) == 1 &&
           X509_REQ_set_pubkey(req, cr_key_evp(key)) == 1 && X509_REQ_add_extensions(req, exts) == 1;
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    /* RFC 2985 5.4.1: a DirectoryString; printable wherever it can be, for old CAs. */
    if (good && challenge && challenge[0]) {
        int type = ASN1_PRINTABLE_type((const unsigned char *)challenge, -1) == V_ASN1_PRINTABLESTRING
                       ? MBSTRING_ASC
                       : MBSTRING_UTF8;
        if (X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, type,
                                      (const unsigned char *)challenge, -1) != 1)
            return refuse(err, "the password cannot be put into a request: it is no text");
    }
    return (good && X509_REQ_sign(req, cr_key_evp(key), digest_for(s, key)) > 0) ||
           refuse(err, "the request cannot be signed with this key");
}

cv_result pki_csr_make(const struct pki_subject *s, const struct cr_key *key, const char *challenge,
                       uint8_t out[PKI_CSR_MAX], size_t *len, char err[PKI_TEXT_MAX])
{
    X509_NAME *name = name_of(s);
    X509_REQ *req = X509_REQ_new();
    uint8_t *at = out;
    int n = 0;
    bool good = name && req;
    if (!name)
        (void)refuse(err, "the subject cannot be made: say subject-name or fqdn");
    else if (!req)
        (void)refuse(err, "no memory");
    good = good && fill_request(req, s, key, name, challenge, err);
    n = good ? i2d_X509_REQ(req, NULL) : 0;
    if (good && (n <= 0 || n > PKI_CSR_MAX))
        good = refuse(err, "the request is too long");
    if (good)
        *len = (size_t)i2d_X509_REQ(req, &at);
    X509_NAME_free(name);
    X509_REQ_free(req);
    ERR_clear_error();
    return good ? CV_OK : CV_EINVAL;
}

/* ---- under our own key ------------------------------------------------------------------------------------------------ */
static bool fill_certificate(X509 *x, const struct pki_subject *s, const struct cr_key *key, X509_NAME *name,
                             int64_t from, unsigned days, const uint8_t serial[16])
{
    uint8_t octets[16];
    memcpy(octets, serial, sizeof octets);
    octets[0] = (uint8_t)((octets[0] & 0x7f) | 0x40); /* positive, and 16 octets long */
    BIGNUM *bn = BN_bin2bn(octets, sizeof octets, NULL);
    bool good = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) && X509_set_version(x, X509_V3) == 1 &&
                X509_set_subject_name(x, name) == 1 && X509_set_issuer_name(x, name) == 1 &&
                ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(from - BACKDATE_S)) &&
                ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(from + (int64_t)days * 86400)) &&
                X509_set_pubkey(x, cr_key_evp(key)) == 1;
    BN_free(bn);
    STACK_OF(X509_EXTENSION) *exts = good ? extensions(s, key) : NULL;
    good = exts != NULL;
    for (int i = 0; good && i < sk_X509_EXTENSION_num(exts); i++)
        good = X509_add_ext(x, sk_X509_EXTENSION_value(exts, i), -1) == 1;
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return good && X509_sign(x, cr_key_evp(key), digest_for(s, key)) > 0;
}

cv_result pki_csr_self_sign(const struct pki_subject *s, const struct cr_key *key, int64_t from,
                            unsigned days, const uint8_t serial[16], struct pki_cert **out,
                            char err[PKI_TEXT_MAX])
{
    X509_NAME *name = name_of(s);
    X509 *x = name ? X509_new() : NULL;
    uint8_t *der = NULL;
    const char *why = "it cannot be signed with this key";
    cv_result r = CV_EINVAL;
    if (!name)
        why = "the subject cannot be made: say subject-name or fqdn";
    else if (x && fill_certificate(x, s, key, name, from, days, serial)) {
        int n = i2d_X509(x, &der);
        if (n > 0)
            r = pki_cert_parse((struct slice){der, (size_t)n}, out, &why);
    }
    if (r != CV_OK)
        (void)snprintf(err, PKI_TEXT_MAX, "the certificate cannot be made: %s", why);
    OPENSSL_free(der);
    X509_free(x);
    X509_NAME_free(name);
    ERR_clear_error();
    return r;
}
