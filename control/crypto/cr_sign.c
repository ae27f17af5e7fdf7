#include "control/crypto/cr_sign.h"

#include "control/crypto/cr_key.h"
#include "control/crypto/cr_sigalg.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

enum {
    HASH_MAX = 64,
    HASH_MIN = 16,       /* MD5, the shortest HASH of IKEv1 */
    PKCS1_OVERHEAD = 11, /* 00 01, eight octets FF, 00 (RFC 8017 9.2) */
    ECDSA_DER_MAX = 160, /* of P-521: two INTEGERs of 67 octets */
};

/* The hash that is signed: of data, or data itself where a scheme takes it as it is. */
static bool hash_of(const struct cr_sigalg *a, struct slice data, uint8_t out[HASH_MAX], size_t *n)
{
    if (a->hash)
        return EVP_Q_digest(NULL, a->hash, NULL, data.p, data.n, out, n) == 1;
    if (data.n < HASH_MIN || data.n > HASH_MAX)
        return false;
    memcpy(out, data.p, data.n);
    *n = data.n;
    return true;
}

/* EMSA-PKCS1-v1_5 (RFC 8017 9.2), and the same without a DigestInfo for IKEv1 (RFC 2409 5.1). em has `width` octets. */
static bool pkcs1_block(const struct cr_sigalg *a, struct slice hash, uint8_t *em, size_t width)
{
    size_t tail = a->digest_info.n + hash.n;
    if (width < tail + PKCS1_OVERHEAD)
        return false;
    struct buf_writer w = buf_writer_init(em, width);
    buf_put_u8(&w, 0x00);
    buf_put_u8(&w, 0x01);
    while (w.len < width - tail - 1)
        buf_put_u8(&w, 0xff);
    buf_put_u8(&w, 0x00);
    buf_put(&w, a->digest_info.p, a->digest_info.n);
    buf_put(&w, hash.p, hash.n);
    return !w.bad && w.len == width;
}

static bool set_pss(EVP_PKEY_CTX *ctx, const struct cr_sigalg *a)
{
    const EVP_MD *md = EVP_get_digestbyname(a->hash);
    return md && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* ---- the r | s of RFC 4754 and the DER of everybody else ------------------------------------------------------- */
static bool der_to_rs(struct slice der, size_t half, uint8_t *out)
{
    const unsigned char *p = der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)half) == (int)half &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, (int)half) == (int)half;
    ECDSA_SIG_free(sig);
    return ok;
}

static bool rs_to_der(struct slice rs, size_t half, uint8_t *out, size_t *n)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(rs.p, (int)half, NULL), *s = BN_bin2bn(rs.p + half, (int)half, NULL);
    bool ok = false;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        r = s = NULL;
        int len = i2d_ECDSA_SIG(sig, NULL);
        ok = len > 0 && len <= ECDSA_DER_MAX && i2d_ECDSA_SIG(sig, &out) == len;
        *n = (size_t)len;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return ok;
}

/* One encoding per signature: no zeros before, nothing after, no long form where the short one serves. */
static bool is_strict_der(struct slice der)
{
    const unsigned char *p = der.p;
    unsigned char *again = NULL;
    ECDSA_SIG *sig = der.n > 0 && der.n <= ECDSA_DER_MAX ? d2i_ECDSA_SIG(NULL, &p, (long)der.n) : NULL;
    int n = sig && p == der.p + der.n ? i2d_ECDSA_SIG(sig, &again) : -1;
    bool ok = n >= 0 && (size_t)n == der.n && CRYPTO_memcmp(again, der.p, der.n) == 0;
    OPENSSL_free(again);
    ECDSA_SIG_free(sig);
    return ok;
}

/* ---- signing ------------------------------------------------------------------------------------------------------ */
static bool sign_ed25519(EVP_PKEY *evp, struct slice data, uint8_t *out, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, evp) == 1 &&
              EVP_DigestSign(ctx, out, len, data.p, data.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* A block that is whole already (PKCS #1), or a hash (PSS, ECDSA). */
static bool sign_prepared(const struct cr_sigalg *a, EVP_PKEY *evp, struct slice tbs, uint8_t *out,
                          size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1;
    if (ok && a->how == CR_HOW_PKCS1)
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
    if (ok && a->how == CR_HOW_PSS)
        ok = set_pss(ctx, a);
    ok = ok && EVP_PKEY_sign(ctx, out, len, tbs.p, tbs.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static cv_result sign_hash(const struct cr_key *k, const struct cr_sigalg *a, struct slice hash,
                           uint8_t out[CR_SIG_MAX], size_t *len)
{
    uint8_t block[CR_SIG_MAX], der[ECDSA_DER_MAX];
    size_t width = cr_key_width(k), n = sizeof der;
    *len = CR_SIG_MAX;
    switch (a->how) {
    case CR_HOW_PKCS1:
        if (!pkcs1_block(a, hash, block, width))
            return CV_EINVAL;
        return sign_prepared(a, cr_key_evp(k), (struct slice){block, width}, out, len) ? CV_OK : CV_ECRYPTO;
    case CR_HOW_ECDSA_RS:
        if (!sign_prepared(a, cr_key_evp(k), hash, der, &n) || !der_to_rs((struct slice){der, n}, width, out))
            return CV_ECRYPTO;
        *len = 2 * width;
        return CV_OK;
    default:
        return sign_prepared(a, cr_key_evp(k), hash, out, len) ? CV_OK : CV_ECRYPTO;
    }
}

cv_result cr_sign(const struct cr_key *k, enum cr_sig scheme, struct slice data, uint8_t out[CR_SIG_MAX],
                  size_t *len)
{
    const struct cr_sigalg *a = cr_sigalg(scheme);
    uint8_t hash[HASH_MAX];
    size_t n;
    cv_result r;
    if (!cr_key_is_private(k) || !cr_sig_fits(scheme, cr_key_kind(k)))
        return CV_EINVAL;
    if (a->how == CR_HOW_ED25519) {
        *len = CR_SIG_MAX;
        r = sign_ed25519(cr_key_evp(k), data, out, len) ? CV_OK : CV_ECRYPTO;
    } else if (!hash_of(a, data, hash, &n)) {
        r = a->hash ? CV_ECRYPTO : CV_EINVAL;
    } else {
        r = sign_hash(k, a, (struct slice){hash, n}, out, len);
    }
    if (r != CV_OK)
        ERR_clear_error();
    return r;
}

/* ---- checking ------------------------------------------------------------------------------------------------------ */
static bool verify_ed25519(EVP_PKEY *evp, struct slice data, struct slice sig)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, evp) == 1 &&
              EVP_DigestVerify(ctx, sig.p, sig.n, data.p, data.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool verify_prepared(const struct cr_sigalg *a, EVP_PKEY *evp, struct slice hash, struct slice sig)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    bool ok = ctx && EVP_PKEY_verify_init(ctx) == 1 && (a->how != CR_HOW_PSS || set_pss(ctx, a)) &&
              EVP_PKEY_verify(ctx, sig.p, sig.n, hash.p, hash.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* RFC 8017 8.2.2: the block is made again from the hash and compared whole; nothing in the block that the peer sent is ever parsed. */
static bool verify_pkcs1(const struct cr_sigalg *a, const struct cr_key *k, struct slice hash,
                         struct slice sig)
{
    uint8_t want[CR_SIG_MAX], got[CR_SIG_MAX];
    size_t width = cr_key_width(k), n = sizeof got;
    if (!pkcs1_block(a, hash, want, width))
        return false;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, cr_key_evp(k), NULL);
    bool ok = ctx && EVP_PKEY_verify_recover_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
              EVP_PKEY_verify_recover(ctx, got, &n, sig.p, sig.n) == 1 && n == width &&
              CRYPTO_memcmp(want, got, width) == 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool verify_hash(const struct cr_key *k, const struct cr_sigalg *a, struct slice hash,
                        struct slice sig)
{
    uint8_t der[ECDSA_DER_MAX];
    size_t width = cr_key_width(k), n = 0;
    switch (a->how) {
    case CR_HOW_PKCS1:
        return sig.n == width && verify_pkcs1(a, k, hash, sig);
    case CR_HOW_PSS:
        return sig.n == width && verify_prepared(a, cr_key_evp(k), hash, sig);
    case CR_HOW_ECDSA_RS:
        return sig.n == 2 * width && rs_to_der(sig, width, der, &n) &&
               verify_prepared(a, cr_key_evp(k), hash, (struct slice){der, n});
    default:
        return is_strict_der(sig) && verify_prepared(a, cr_key_evp(k), hash, sig);
    }
}

cv_result cr_verify(const struct cr_key *k, enum cr_sig scheme, struct slice data, struct slice sig)
{
    const struct cr_sigalg *a = cr_sigalg(scheme);
    uint8_t hash[HASH_MAX];
    size_t n;
    bool ok;
    if (!cr_sig_fits(scheme, cr_key_kind(k)))
        return CV_EINVAL;
    if (a->how == CR_HOW_ED25519)
        ok = sig.n == cr_key_width(k) && verify_ed25519(cr_key_evp(k), data, sig);
    else
        ok = hash_of(a, data, hash, &n) && verify_hash(k, a, (struct slice){hash, n}, sig);
    ERR_clear_error();
    return ok ? CV_OK : CV_EAUTH;
}
