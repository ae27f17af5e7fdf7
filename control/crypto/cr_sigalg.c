#include "control/crypto/cr_sigalg.h"

#include <openssl/crypto.h>
#include <string.h>

/* The encodings stand here octet by octet, as RFC 7427 Appendix A prints them: what goes into the signed AUTH payload is a comparison of octets, not of meanings. */
#define OID_PKCS1(last)  0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last
#define OID_SHA2(last)   0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last
#define OID_ECDSA2(last) 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last
#define DER_NULL         0x05, 0x00

/* A.1 PKCS #1 1.5 RSA encryption */
static const uint8_t rsa_sha1[] = {0x30, 0x0d, OID_PKCS1(0x05), DER_NULL};
static const uint8_t rsa_sha256[] = {0x30, 0x0d, OID_PKCS1(0x0b), DER_NULL};
static const uint8_t rsa_sha384[] = {0x30, 0x0d, OID_PKCS1(0x0c), DER_NULL};
static const uint8_t rsa_sha512[] = {0x30, 0x0d, OID_PKCS1(0x0d), DER_NULL};
/* A.3 ECDSA */
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, OID_ECDSA2(0x02)};
static const uint8_t ecdsa_sha384[] = {0x30, 0x0a, OID_ECDSA2(0x03)};
static const uint8_t ecdsa_sha512[] = {0x30, 0x0a, OID_ECDSA2(0x04)};
/* A.4.3 RSASSA-PSS with SHA-256, and its like: hash, MGF1 with it, a salt as long */
#define PSS(oid, salt)                                                                                       \
    {                                                                                                        \
        0x30, 0x41, OID_PKCS1(0x0a), 0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, OID_SHA2(oid), DER_NULL, 0xa1,      \
            0x1c, 0x30, 0x1a, OID_PKCS1(0x08), 0x30, 0x0d, OID_SHA2(oid), DER_NULL, 0xa2, 0x03, 0x02, 0x01,  \
            salt                                                                                             \
    }
static const uint8_t pss_sha256[] = PSS(0x01, 32);
static const uint8_t pss_sha384[] = PSS(0x02, 48);
static const uint8_t pss_sha512[] = PSS(0x03, 64);
/* RFC 8420 A.1 */
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

/* RFC 8017 9.2 note 1 */
static const uint8_t info_sha1[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                    0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
static const uint8_t info_sha256[] = {0x30, 0x31, 0x30, 0x0d, OID_SHA2(0x01), DER_NULL, 0x04, 0x20};
static const uint8_t info_sha384[] = {0x30, 0x41, 0x30, 0x0d, OID_SHA2(0x02), DER_NULL, 0x04, 0x30};
static const uint8_t info_sha512[] = {0x30, 0x51, 0x30, 0x0d, OID_SHA2(0x03), DER_NULL, 0x04, 0x40};

enum {
    FITS_RSA = 1u << CR_KEY_RSA,
    FITS_P256 = 1u << CR_KEY_P256,
    FITS_P384 = 1u << CR_KEY_P384,
    FITS_P521 = 1u << CR_KEY_P521,
    FITS_EC = FITS_P256 | FITS_P384 | FITS_P521,
    FITS_ED25519 = 1u << CR_KEY_ED25519,
};
#define OCTETS(a)                                                                                            \
    {                                                                                                        \
        a, sizeof a                                                                                          \
    }

static const struct cr_sigalg algs[CR_SIG_COUNT] = {
    [CR_SIG_RSA_RAW] = {"RSA", CR_HOW_PKCS1, NULL, 0, FITS_RSA, {0}, {0}},
    [CR_SIG_RSA_SHA1] = {"RSA with SHA-1", CR_HOW_PKCS1, "SHA1", 20, FITS_RSA, OCTETS(rsa_sha1),
                         OCTETS(info_sha1)},
    [CR_SIG_RSA_SHA256] = {"RSA with SHA-256", CR_HOW_PKCS1, "SHA256", 32, FITS_RSA, OCTETS(rsa_sha256),
                           OCTETS(info_sha256)},
    [CR_SIG_RSA_SHA384] = {"RSA with SHA-384", CR_HOW_PKCS1, "SHA384", 48, FITS_RSA, OCTETS(rsa_sha384),
                           OCTETS(info_sha384)},
    [CR_SIG_RSA_SHA512] = {"RSA with SHA-512", CR_HOW_PKCS1, "SHA512", 64, FITS_RSA, OCTETS(rsa_sha512),
                           OCTETS(info_sha512)},
    [CR_SIG_PSS_SHA256] =
        {"RSASSA-PSS with SHA-256", CR_HOW_PSS, "SHA256", 32, FITS_RSA, OCTETS(pss_sha256), {0}},
    [CR_SIG_PSS_SHA384] =
        {"RSASSA-PSS with SHA-384", CR_HOW_PSS, "SHA384", 48, FITS_RSA, OCTETS(pss_sha384), {0}},
    [CR_SIG_PSS_SHA512] =
        {"RSASSA-PSS with SHA-512", CR_HOW_PSS, "SHA512", 64, FITS_RSA, OCTETS(pss_sha512), {0}},
    [CR_SIG_ECDSA_SHA256] =
        {"ECDSA with SHA-256", CR_HOW_ECDSA_DER, "SHA256", 32, FITS_EC, OCTETS(ecdsa_sha256), {0}},
    [CR_SIG_ECDSA_SHA384] =
        {"ECDSA with SHA-384", CR_HOW_ECDSA_DER, "SHA384", 48, FITS_EC, OCTETS(ecdsa_sha384), {0}},
    [CR_SIG_ECDSA_SHA512] =
        {"ECDSA with SHA-512", CR_HOW_ECDSA_DER, "SHA512", 64, FITS_EC, OCTETS(ecdsa_sha512), {0}},
    [CR_SIG_ECP256] = {"ECDSA-256", CR_HOW_ECDSA_RS, "SHA256", 32, FITS_P256, {0}, {0}},
    [CR_SIG_ECP384] = {"ECDSA-384", CR_HOW_ECDSA_RS, "SHA384", 48, FITS_P384, {0}, {0}},
    [CR_SIG_ECP521] = {"ECDSA-521", CR_HOW_ECDSA_RS, "SHA512", 64, FITS_P521, {0}, {0}},
    [CR_SIG_ECP256_RAW] = {"ECDSA-256 of IKEv1", CR_HOW_ECDSA_RS, NULL, 0, FITS_P256, {0}, {0}},
    [CR_SIG_ECP384_RAW] = {"ECDSA-384 of IKEv1", CR_HOW_ECDSA_RS, NULL, 0, FITS_P384, {0}, {0}},
    [CR_SIG_ECP521_RAW] = {"ECDSA-521 of IKEv1", CR_HOW_ECDSA_RS, NULL, 0, FITS_P521, {0}, {0}},
    [CR_SIG_ED25519] = {"Ed25519", CR_HOW_ED25519, NULL, 0, FITS_ED25519, OCTETS(ed25519), {0}},
};

const struct cr_sigalg *cr_sigalg(enum cr_sig s)
{
    return (unsigned)s < CR_SIG_COUNT ? &algs[s] : NULL;
}

const char *cr_sig_text(enum cr_sig s)
{
    const struct cr_sigalg *a = cr_sigalg(s);
    return a ? a->text : "?";
}

bool cr_sig_fits(enum cr_sig s, enum cr_key_kind k)
{
    const struct cr_sigalg *a = cr_sigalg(s);
    return a && (unsigned)k <= CR_KEY_ED25519 && (a->kinds & 1u << k) != 0;
}

struct slice cr_sig_algorithm(enum cr_sig s)
{
    const struct cr_sigalg *a = cr_sigalg(s);
    return a ? a->identifier : (struct slice){0};
}

/* ---- the way back ---------------------------------------------------------------------------------------------- */
static bool octets_are(struct slice a, struct slice b)
{
    return a.n == b.n && a.n > 0 && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

/* The same identifier with its NULL parameters there or, for those of ECDSA and Ed25519, added: both ways are met (RFC 4055 5, RFC 7427 A). */
static bool is_with_null_turned(struct slice der, struct slice identifier)
{
    uint8_t other[32];
    if (identifier.n + 2 > sizeof other)
        return false;
    memcpy(other, identifier.p, identifier.n);
    size_t n = identifier.n;
    bool has_null = n > 2 && other[n - 2] == 0x05 && other[n - 1] == 0x00;
    if (has_null) {
        n -= 2;
    } else {
        other[n++] = 0x05;
        other[n++] = 0x00;
    }
    other[1] = (uint8_t)(n - 2);
    return octets_are(der, (struct slice){other, n});
}

/* A TLV of this tag with a length in one octet: nothing in PSS parameters is longer. */
static bool enter(struct buf_reader *r, uint8_t tag, struct buf_reader *in)
{
    uint8_t t, n;
    return buf_u8(r, &t) && buf_u8(r, &n) && t == tag && n < 0x80 && buf_sub(r, n, in);
}

/* RFC 4055 2.1: SHA-2 with or without NULL, both to be accepted. */
static bool sha2(struct buf_reader *r, uint8_t *which)
{
    static const uint8_t oid[] = {OID_SHA2(0)};
    struct buf_reader alg;
    struct slice head, null;
    uint8_t type;
    if (!enter(r, 0x30, &alg) || !buf_slice(&alg, sizeof oid - 1, &head) || !buf_u8(&alg, &type) ||
        CRYPTO_memcmp(head.p, oid, sizeof oid - 1) != 0)
        return false;
    *which = type;
    if (buf_left(&alg) == 0)
        return true;
    return buf_slice(&alg, 2, &null) && null.p[0] == 0x05 && null.p[1] == 0x00 && buf_left(&alg) == 0;
}

/* RSASSA-PSS-params: one hash for both, a salt of its length, the trailer by default. */
static cv_result pss(struct slice der, enum cr_sig *out)
{
    static const uint8_t oid[] = {OID_PKCS1(0x0a)}, mgf1[] = {OID_PKCS1(0x08)};
    static const enum cr_sig sigs[] = {CR_SIG_PSS_SHA256, CR_SIG_PSS_SHA384, CR_SIG_PSS_SHA512};
    struct buf_reader all = buf_reader_init(der.p, der.n), alg, params, hash, mgf, mgf_alg, salt, number;
    struct slice id, mgf_id;
    uint8_t with, mgf_with, length;
    if (!enter(&all, 0x30, &alg) || buf_left(&all) || !buf_slice(&alg, sizeof oid, &id) ||
        CRYPTO_memcmp(id.p, oid, sizeof oid) != 0 || !enter(&alg, 0x30, &params) || buf_left(&alg))
        return CV_EUNSUP;
    if (!enter(&params, 0xa0, &hash) || !sha2(&hash, &with) || buf_left(&hash))
        return CV_EUNSUP;
    if (!enter(&params, 0xa1, &mgf) || !enter(&mgf, 0x30, &mgf_alg) || buf_left(&mgf) ||
        !buf_slice(&mgf_alg, sizeof mgf1, &mgf_id) || CRYPTO_memcmp(mgf_id.p, mgf1, sizeof mgf1) != 0 ||
        !sha2(&mgf_alg, &mgf_with) || buf_left(&mgf_alg))
        return CV_EUNSUP;
    if (!enter(&params, 0xa2, &salt) || !enter(&salt, 0x02, &number) || buf_left(&salt) ||
        !buf_u8(&number, &length) || buf_left(&number) || buf_left(&params))
        return CV_EUNSUP;
    if (with < 1 || with > 3 || mgf_with != with || length != cr_sigalg(sigs[with - 1])->hash_len)
        return CV_EUNSUP;
    *out = sigs[with - 1];
    return CV_OK;
}

cv_result cr_sig_by_algorithm(struct slice der, enum cr_sig *out)
{
    for (unsigned s = 0; s < CR_SIG_COUNT; s++) {
        struct slice id = algs[s].identifier;
        if (id.n > 0 && (octets_are(der, id) || is_with_null_turned(der, id))) {
            *out = (enum cr_sig)s;
            return CV_OK;
        }
    }
    return pss(der, out);
}
