#include "control/crypto/cr_dh.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

enum { PRIVATE_MAX = 66 + 8, X25519_LEN = 32 };

struct cr_dh_key {
    const struct cr_dh_alg *alg;
    uint8_t private
        [PRIVATE_MAX]; /* secret; the exponent or scalar, big-endian (X25519: as RFC 7748 has it) */
    size_t private_len;
    uint8_t public[CR_DH_PUBLIC_MAX];
};

/* RFC 5114 2.3: 2048-bit MODP group with 256-bit prime order subgroup. */
static const char group24_p[] =
    "87A8E61DB4B6663CFFBBD19C651959998CEEF608660DD0F25D2CEED4435E3B00E00DF8F1D61957D4FAF7DF4561B2AA30"
    "16C3D91134096FAA3BF4296D830E9A7C209E0C6497517ABD5A8A9D306BCF67ED91F9E6725B4758C022E0B1EF4275BF7B"
    "6C5BFC11D45F9088B941F54EB1E59BB8BC39A0BF12307F5C4FDB70C581B23F76B63ACAE1CAA6B7902D52526735488A0E"
    "F13C6D9A51BFA4AB3AD8347796524D8EF6A167B5A41825D967E144E5140564251CCACB83E6B486F6B3CA3F7971506026"
    "C0B857F689962856DED4010ABD0BE621C3A3960A54E710C375F26375D7014103A4B54330C198AF126116D2276E11715F"
    "693877FAD7EF09CADB094AE91E1A1597";
static const char group24_q[] = "8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3";
static const char group24_g[] =
    "3FB32C9B73134D0B2E77506660EDBD484CA7B18F21EF205407F4793A1A0BA12510DBC15077BE463FFF4FED4AAC0BB555"
    "BE3A6C1B0C6B47B1BC3773BF7E8C6F62901228F8C28CBB18A55AE31341000A650196F931C77A57F2DDF463E5E9EC144B"
    "777DE62AAAB8A8628AC376D282D6ED3864E67982428EBC831D14348F6F2F9193B5045AF2767164E1DFC967C1FB3F2E55"
    "A4BD1BFFE83B9C80D052B985D182EA0ADB2A3B7313D3FE14C8484B1E052588B9B7D2BBD2DF016199ECD06E1557CD0915"
    "B3353BBB64E0EC377FD028370DF92B52C7891428CDC67EB6184B523D1DB246C32F63078490F00EF8D647D148D4795451"
    "5E2327CFEF98C582664B4C0F6CC41659";

/* ---- group parameters: made once, read by all threads ------------------------------------------------ */
struct modp {
    uint16_t id;
    BIGNUM *p, *g;
    BIGNUM *q; /* order of the subgroup; NULL where p is a safe prime */
    BIGNUM *p_minus_1;
    BN_MONT_CTX *mont;
};

struct ecp {
    uint16_t id;
    int nid;
    EC_GROUP *group;
    BIGNUM *order;
};

static struct modp modps[] = {{.id = CR_DH_MODP_768},     {.id = CR_DH_MODP_1024}, {.id = CR_DH_MODP_1536},
                              {.id = CR_DH_MODP_2048},    {.id = CR_DH_MODP_3072}, {.id = CR_DH_MODP_4096},
                              {.id = CR_DH_MODP_2048_256}};
static struct ecp ecps[] = {{.id = CR_DH_ECP_256, .nid = NID_X9_62_prime256v1},
                            {.id = CR_DH_ECP_384, .nid = NID_secp384r1},
                            {.id = CR_DH_ECP_521, .nid = NID_secp521r1}};
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static bool groups_ready;

/* RFC 2409 6.1, 6.2; RFC 3526 2 to 5. */
static BIGNUM *safe_prime(uint16_t id)
{
    switch (id) {
    case CR_DH_MODP_768:
        return BN_get_rfc2409_prime_768(NULL);
    case CR_DH_MODP_1024:
        return BN_get_rfc2409_prime_1024(NULL);
    case CR_DH_MODP_1536:
        return BN_get_rfc3526_prime_1536(NULL);
    case CR_DH_MODP_2048:
        return BN_get_rfc3526_prime_2048(NULL);
    case CR_DH_MODP_3072:
        return BN_get_rfc3526_prime_3072(NULL);
    case CR_DH_MODP_4096:
        return BN_get_rfc3526_prime_4096(NULL);
    default:
        return NULL;
    }
}

static bool modp_init(struct modp *m, BN_CTX *ctx)
{
    bool ok;
    if (m->id == CR_DH_MODP_2048_256) {
        ok = BN_hex2bn(&m->p, group24_p) && BN_hex2bn(&m->q, group24_q) && BN_hex2bn(&m->g, group24_g);
    } else {
        m->p = safe_prime(m->id);
        m->g = BN_new();
        ok = m->p && m->g && BN_set_word(m->g, 2);
    }
    m->mont = BN_MONT_CTX_new();
    ok = ok && m->mont && BN_MONT_CTX_set(m->mont, m->p, ctx);
    m->p_minus_1 = ok ? BN_dup(m->p) : NULL;
    return m->p_minus_1 && BN_sub_word(m->p_minus_1, 1);
}

static bool ecp_init(struct ecp *e)
{
    e->group = EC_GROUP_new_by_curve_name(e->nid);
    e->order = BN_new();
    return e->group && e->order && EC_GROUP_get_order(e->group, e->order, NULL);
}

static void groups_init(void)
{
    BN_CTX *ctx = BN_CTX_new();
    bool ok = ctx != NULL;
    for (size_t i = 0; ok && i < sizeof modps / sizeof *modps; i++)
        ok = modp_init(&modps[i], ctx);
    for (size_t i = 0; ok && i < sizeof ecps / sizeof *ecps; i++)
        ok = ecp_init(&ecps[i]);
    BN_CTX_free(ctx);
    groups_ready = ok;
}

static const struct modp *modp_of(uint16_t id)
{
    for (size_t i = 0; i < sizeof modps / sizeof *modps; i++)
        if (modps[i].id == id)
            return &modps[i];
    return NULL;
}

static const struct ecp *ecp_of(uint16_t id)
{
    for (size_t i = 0; i < sizeof ecps / sizeof *ecps; i++)
        if (ecps[i].id == id)
            return &ecps[i];
    return NULL;
}

/* ---- private values ------------------------------------------------------------------------------------ */
/* 1 + random mod (order - 1): the whole of 1 .. order - 1, without bias since random is 64 bits wider. */
static bool private_below(struct cr_dh_key *k, const uint8_t *random, const BIGNUM *order, size_t len)
{
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *wide = BN_secure_new(), *limit = BN_dup(order), *x = BN_secure_new();
    bool ok =
        ctx && wide && limit && x && BN_bin2bn(random, k->alg->private_len, wide) && BN_sub_word(limit, 1);
    if (ok)
        BN_set_flags(wide, BN_FLG_CONSTTIME);
    ok = ok && BN_mod(x, wide, limit, ctx) && BN_add_word(x, 1) &&
         BN_bn2binpad(x, k->private, (int)len) == (int)len;
    k->private_len = len;
    BN_clear_free(wide);
    BN_clear_free(x);
    BN_free(limit);
    BN_CTX_free(ctx);
    return ok;
}

/* The private value as a number that OpenSSL handles in constant time. */
static BIGNUM *private_number(const struct cr_dh_key *k)
{
    BIGNUM *x = BN_secure_new();
    if (!x || !BN_bin2bn(k->private, (int)k->private_len, x)) {
        BN_clear_free(x);
        return NULL;
    }
    BN_set_flags(x, BN_FLG_CONSTTIME);
    return x;
}

/* ---- MODP ------------------------------------------------------------------------------------------------ */
/* base^x mod p as exactly len octets (RFC 7296 2.14: padded with zeros at the front). */
static cv_result modp_power(const struct modp *m, const BIGNUM *base, const struct cr_dh_key *k, uint8_t *out,
                            size_t len)
{
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *x = private_number(k), *y = BN_secure_new();
    bool ok = ctx && x && y && BN_mod_exp_mont_consttime(y, base, x, m->p, ctx, m->mont) &&
              BN_bn2binpad(y, out, (int)len) == (int)len;
    /* 1 and p - 1 tell the exponent's parity and nothing is secret about them */
    bool degenerate = ok && (BN_is_one(y) || BN_is_zero(y) || BN_cmp(y, m->p_minus_1) == 0);
    BN_clear_free(x);
    BN_clear_free(y);
    BN_CTX_free(ctx);
    return !ok ? CV_ECRYPTO : degenerate ? CV_EINVAL : CV_OK;
}

static cv_result modp_new(const struct modp *m, struct cr_dh_key *k, const uint8_t *random)
{
    if (m->q) {
        if (!private_below(k, random, m->q, (size_t)BN_num_bytes(m->q)))
            return CV_ECRYPTO;
    } else {
        memcpy(k->private, random, k->alg->private_len);
        k->private_len = k->alg->private_len;
    }
    return modp_power(m, m->g, k, k->public, k->alg->public_len);
}

/* RFC 6989 2.1: 1 < y < p - 1. 2.2: for a small subgroup y^q mod p = 1 as well. */
static cv_result modp_check(const struct modp *m, const BIGNUM *y)
{
    if (BN_is_zero(y) || BN_is_one(y) || BN_cmp(y, m->p_minus_1) >= 0)
        return CV_EINVAL;
    if (!m->q)
        return CV_OK;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *r = BN_new();
    bool ok = ctx && r && BN_mod_exp_mont(r, y, m->q, m->p, ctx, m->mont);
    bool in_subgroup = ok && BN_is_one(r);
    BN_free(r);
    BN_CTX_free(ctx);
    return !ok ? CV_ECRYPTO : in_subgroup ? CV_OK : CV_EINVAL;
}

static cv_result modp_shared(const struct modp *m, const struct cr_dh_key *k, struct slice peer,
                             struct secret *out)
{
    BIGNUM *y = BN_bin2bn(peer.p, (int)peer.n, NULL);
    cv_result r = y ? modp_check(m, y) : CV_ECRYPTO;
    if (r == CV_OK)
        r = modp_power(m, y, k, out->p, out->n);
    BN_free(y);
    return r;
}

/* ---- ECP --------------------------------------------------------------------------------------------------- */
/* RFC 5903 7: a point is x | y, each padded to the length of the field. */
static bool point_coordinates(const struct ecp *e, const EC_POINT *point, uint8_t *x_out, uint8_t *y_out,
                              size_t len, BN_CTX *ctx)
{
    BIGNUM *x = BN_secure_new(), *y = BN_secure_new();
    bool ok = x && y && !EC_POINT_is_at_infinity(e->group, point) &&
              EC_POINT_get_affine_coordinates(e->group, point, x, y, ctx) &&
              BN_bn2binpad(x, x_out, (int)len) == (int)len &&
              (!y_out || BN_bn2binpad(y, y_out, (int)len) == (int)len);
    BN_clear_free(x);
    BN_clear_free(y);
    return ok;
}

static cv_result ecp_new(const struct ecp *e, struct cr_dh_key *k, const uint8_t *random)
{
    size_t len = k->alg->secret_len;
    if (!private_below(k, random, e->order, len))
        return CV_ECRYPTO;
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *x = private_number(k);
    EC_POINT *point = EC_POINT_new(e->group);
    bool ok = ctx && x && point && EC_POINT_mul(e->group, point, x, NULL, NULL, ctx) &&
              point_coordinates(e, point, k->public, k->public + len, len, ctx);
    EC_POINT_free(point);
    BN_clear_free(x);
    BN_CTX_free(ctx);
    return ok ? CV_OK : CV_ECRYPTO;
}

/* RFC 6989 2.3: x and y below p and on the curve; these curves have cofactor 1, so that is all. Setting affine
 * coordinates refuses what is off the curve, and such a pair can never be the point at infinity. */
static bool peer_point(const struct ecp *e, struct slice peer, EC_POINT *point, BN_CTX *ctx)
{
    size_t len = peer.n / 2;
    BIGNUM *x = BN_bin2bn(peer.p, (int)len, NULL), *y = BN_bin2bn(peer.p + len, (int)len, NULL);
    const BIGNUM *field = EC_GROUP_get0_field(e->group);
    bool ok = x && y && BN_cmp(x, field) < 0 && BN_cmp(y, field) < 0 &&
              EC_POINT_set_affine_coordinates(e->group, point, x, y, ctx) &&
              EC_POINT_is_on_curve(e->group, point, ctx) == 1;
    BN_free(x);
    BN_free(y);
    return ok;
}

static cv_result ecp_shared(const struct ecp *e, const struct cr_dh_key *k, struct slice peer,
                            struct secret *out)
{
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *x = private_number(k);
    EC_POINT *point = EC_POINT_new(e->group);
    cv_result r = CV_ECRYPTO;
    if (ctx && x && point && !peer_point(e, peer, point, ctx))
        r = CV_EINVAL;
    else if (ctx && x && point && EC_POINT_mul(e->group, point, NULL, point, x, ctx) &&
             point_coordinates(e, point, out->p, NULL, out->n, ctx))
        r = CV_OK;
    EC_POINT_clear_free(point);
    BN_clear_free(x);
    BN_CTX_free(ctx);
    return r;
}

/* ---- X25519 (RFC 8031) -------------------------------------------------------------------------------------- */
static cv_result x25519_new(struct cr_dh_key *k, const uint8_t *random)
{
    size_t n = X25519_LEN;
    memcpy(k->private, random, X25519_LEN);
    k->private_len = X25519_LEN;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, k->private, X25519_LEN);
    bool ok = key && EVP_PKEY_get_raw_public_key(key, k->public, &n) && n == X25519_LEN;
    EVP_PKEY_free(key);
    return ok ? CV_OK : CV_ECRYPTO;
}

static cv_result x25519_shared(const struct cr_dh_key *k, struct slice peer, struct secret *out)
{
    static const uint8_t zero[X25519_LEN];
    size_t n = out->n;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, k->private, k->private_len);
    EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer.p, peer.n);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    bool ready = ctx && other && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, other) > 0;
    /* derive fails for a point of small order; the all-zero result is what RFC 7748 6.1 names */
    bool ok = ready && EVP_PKEY_derive(ctx, out->p, &n) > 0 && n == X25519_LEN &&
              !secret_equal(out->p, zero, X25519_LEN);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
    return ok ? CV_OK : ready ? CV_EINVAL : CV_ECRYPTO;
}

/* ---- public functions ------------------------------------------------------------------------------------------ */
cv_result cr_dh_new(uint16_t group, const uint8_t *random, struct cr_dh_key **out)
{
    const struct cr_dh_alg *alg = cr_dh(group);
    *out = NULL;
    if (!alg)
        return CV_EUNSUP;
    if (!CRYPTO_THREAD_run_once(&once, groups_init) || !groups_ready)
        return CV_ECRYPTO;
    struct cr_dh_key *k = calloc(1, sizeof *k);
    if (!k)
        return CV_ENOMEM;
    k->alg = alg;
    cv_result r;
    if (modp_of(group))
        r = modp_new(modp_of(group), k, random);
    else if (ecp_of(group))
        r = ecp_new(ecp_of(group), k, random);
    else
        r = x25519_new(k, random);
    if (r != CV_OK) {
        ERR_clear_error();
        cr_dh_free(k);
        return r;
    }
    *out = k;
    return CV_OK;
}

void cr_dh_free(struct cr_dh_key *k)
{
    if (k)
        secret_wipe(k, sizeof *k);
    free(k);
}

uint16_t cr_dh_group(const struct cr_dh_key *k)
{
    return k->alg->id;
}

struct slice cr_dh_public(const struct cr_dh_key *k)
{
    return (struct slice){k->public, k->alg->public_len};
}

cv_result cr_dh_shared(const struct cr_dh_key *k, struct slice peer_public, struct secret *out)
{
    uint16_t group = k->alg->id;
    *out = (struct secret){0};
    if (peer_public.n != k->alg->public_len)
        return CV_EINVAL;
    CV_TRY(secret_new(out, k->alg->secret_len));
    cv_result r;
    if (modp_of(group))
        r = modp_shared(modp_of(group), k, peer_public, out);
    else if (ecp_of(group))
        r = ecp_shared(ecp_of(group), k, peer_public, out);
    else
        r = x25519_shared(k, peer_public, out);
    if (r != CV_OK) {
        ERR_clear_error();
        secret_free(out);
    }
    return r;
}
