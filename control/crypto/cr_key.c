#include "control/crypto/cr_key.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum {
    RSA_WEAK_BITS = 1024,
    RSA_EXPONENT_BITS = 64, /* longer ones are nobody's, and cost time to check a signature with */
    KEY_FILE_MAX = 65536,
    PBKDF2_ROUNDS = 100000,
};

struct cr_key {
    unsigned refs;
    enum cr_key_kind kind;
    unsigned bits;
    bool is_private;
    EVP_PKEY *evp;
    struct slice spki; /* owned */
};

static CRYPTO_ONCE heap_once = CRYPTO_ONCE_STATIC_INIT;
static bool heap_ready;

static void heap_init(void)
{
    /* 2: it is there, but may be swapped (RLIMIT_MEMLOCK): no reason to refuse. */
    heap_ready = CRYPTO_secure_malloc_initialized() || CRYPTO_secure_malloc_init(CR_KEY_HEAP, 32) != 0;
}

cv_result cr_key_heap(void)
{
    return CRYPTO_THREAD_run_once(&heap_once, heap_init) && heap_ready ? CV_OK : CV_ENOMEM;
}

const char *cr_key_kind_text(enum cr_key_kind k)
{
    static const char *const texts[] = {[CR_KEY_RSA] = "RSA",
                                        [CR_KEY_P256] = "EC P-256",
                                        [CR_KEY_P384] = "EC P-384",
                                        [CR_KEY_P521] = "EC P-521",
                                        [CR_KEY_ED25519] = "Ed25519"};
    return (unsigned)k < sizeof texts / sizeof texts[0] ? texts[k] : "?";
}

/* ---- what a key must be like ---------------------------------------------------------------------------- */
/* CVE-2017-9022, CVE-2017-11185: exponents and moduli with which the arithmetic itself falls over. */
static bool rsa_sane(EVP_PKEY *evp, unsigned min_bits)
{
    BIGNUM *n = NULL, *e = NULL;
    bool ok = EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_N, &n) &&
              EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_E, &e);
    if (ok) {
        int bits = BN_num_bits(n);
        ok = BN_is_odd(n) && bits >= (int)min_bits && bits <= CR_KEY_RSA_MAX_BITS && BN_is_odd(e) &&
             !BN_is_one(e) && !BN_is_negative(e) && !BN_is_negative(n) && BN_num_bits(e) <= RSA_EXPONENT_BITS;
    }
    BN_free(n);
    BN_free(e);
    return ok;
}

/* Named curves only, and a point that is on the curve. Their cofactor is 1, so that every such point is of the curve's order: the long check would multiply by it to
 * find that out, a millisecond for each certificate of whoever has not proved anything yet. */
static bool ec_kind(EVP_PKEY *evp, enum cr_key_kind *kind)
{
    char group[32] = "", encoding[32] = "";
    if (!EVP_PKEY_get_utf8_string_param(evp, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) ||
        !EVP_PKEY_get_utf8_string_param(evp, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof encoding, NULL) ||
        strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
        return false;
    if (strcmp(group, "prime256v1") == 0)
        *kind = CR_KEY_P256;
    else if (strcmp(group, "secp384r1") == 0)
        *kind = CR_KEY_P384;
    else if (strcmp(group, "secp521r1") == 0)
        *kind = CR_KEY_P521;
    else
        return false;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    bool ok = ctx && EVP_PKEY_public_check_quick(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static cv_result kind_of(EVP_PKEY *evp, unsigned rsa_min, enum cr_key_kind *kind)
{
    if (EVP_PKEY_is_a(evp, "RSA")) {
        *kind = CR_KEY_RSA;
        return rsa_sane(evp, rsa_min) ? CV_OK : CV_EINVAL;
    }
    if (EVP_PKEY_is_a(evp, "EC"))
        return ec_kind(evp, kind) ? CV_OK : CV_EINVAL;
    *kind = CR_KEY_ED25519;
    return EVP_PKEY_is_a(evp, "ED25519") ? CV_OK : CV_EINVAL;
}

/* Takes evp over, whatever comes of it. */
static cv_result wrap(EVP_PKEY *evp, bool is_private, unsigned rsa_min, struct cr_key **out)
{
    enum cr_key_kind kind;
    uint8_t *spki = NULL;
    cv_result r = kind_of(evp, rsa_min, &kind);
    struct cr_key *k = r == CV_OK ? calloc(1, sizeof *k) : NULL;
    int n = k ? i2d_PUBKEY(evp, &spki) : 0;
    if (n <= 0) {
        free(k);
        EVP_PKEY_free(evp);
        ERR_clear_error();
        return r != CV_OK ? r : CV_ENOMEM;
    }
    *k = (struct cr_key){.refs = 1,
                         .kind = kind,
                         .bits = (unsigned)EVP_PKEY_get_bits(evp),
                         .is_private = is_private,
                         .evp = evp,
                         .spki = {spki, (size_t)n}};
    *out = k;
    return CV_OK;
}

/* ---- making and reading ------------------------------------------------------------------------------------ */
cv_result cr_key_generate(enum cr_key_kind kind, unsigned rsa_bits, struct cr_key **out)
{
    static const char *const curves[] = {
        [CR_KEY_P256] = "P-256", [CR_KEY_P384] = "P-384", [CR_KEY_P521] = "P-521"};
    EVP_PKEY *evp = NULL;
    CV_TRY(cr_key_heap());
    switch (kind) {
    case CR_KEY_RSA:
        if (rsa_bits < CR_KEY_RSA_MIN_BITS || rsa_bits > CR_KEY_RSA_MAX_BITS)
            return CV_EINVAL;
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits);
        break;
    case CR_KEY_P256:
    case CR_KEY_P384:
    case CR_KEY_P521:
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[kind]);
        break;
    case CR_KEY_ED25519:
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    default:
        return CV_EINVAL;
    }
    if (!evp) {
        ERR_clear_error();
        return CV_ECRYPTO;
    }
    return wrap(evp, true, CR_KEY_RSA_MIN_BITS, out);
}

struct asked {
    const struct secret *password;
    bool asked;
};

static int give_password(char *buf, int size, int rwflag, void *ctx)
{
    struct asked *a = ctx;
    (void)rwflag;
    a->asked = true;
    if (!a->password || a->password->n == 0 || a->password->n > (size_t)size)
        return -1;
    memcpy(buf, a->password->p, a->password->n);
    return (int)a->password->n;
}

static EVP_PKEY *read_der(struct slice data, struct asked *a)
{
    EVP_PKEY *evp = NULL;
    const unsigned char *p = data.p;
    size_t n = data.n;
    OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(&evp, "DER", NULL, NULL, EVP_PKEY_KEYPAIR, NULL, NULL);
    if (!ctx || !OSSL_DECODER_CTX_set_pem_password_cb(ctx, give_password, a) ||
        !OSSL_DECODER_from_data(ctx, &p, &n) || n != 0) {
        EVP_PKEY_free(evp);
        evp = NULL;
    }
    OSSL_DECODER_CTX_free(ctx);
    return evp;
}

static EVP_PKEY *read_pem(struct slice data, struct asked *a)
{
    BIO *bio = BIO_new_mem_buf(data.p, (int)data.n);
    EVP_PKEY *evp = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, a) : NULL;
    BIO_free(bio);
    return evp;
}

/* The private half is that of the public half, which in the file stands beside it. */
static bool pair_fits(EVP_PKEY *evp)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    bool ok = ctx && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

cv_result cr_key_private(struct slice data, const struct secret *password, struct cr_key **out)
{
    struct asked a = {.password = password};
    enum cr_key_kind kind;
    if (data.n == 0 || data.n > KEY_FILE_MAX)
        return CV_EINVAL;
    CV_TRY(cr_key_heap());
    EVP_PKEY *evp = data.p[0] == 0x30 ? read_der(data, &a) : read_pem(data, &a);
    if (!evp) {
        ERR_clear_error();
        return a.asked ? CV_EAUTH : CV_EINVAL;
    }
    /* What kind it is comes before the check of the pair: an RSA key that is not sane would take that one for ever. */
    if (kind_of(evp, CR_KEY_RSA_MIN_BITS, &kind) != CV_OK || !pair_fits(evp)) {
        EVP_PKEY_free(evp);
        ERR_clear_error();
        return CV_EINVAL;
    }
    return wrap(evp, true, CR_KEY_RSA_MIN_BITS, out);
}

cv_result cr_key_public(struct slice spki, bool weak_ok, struct cr_key **out)
{
    const unsigned char *p = spki.p;
    struct cr_key *k;
    if (spki.n == 0 || spki.n > KEY_FILE_MAX)
        return CV_EINVAL;
    EVP_PKEY *evp = d2i_PUBKEY(NULL, &p, (long)spki.n);
    if (!evp || p != spki.p + spki.n) {
        EVP_PKEY_free(evp);
        ERR_clear_error();
        return CV_EINVAL;
    }
    CV_TRY(wrap(evp, false, weak_ok ? RSA_WEAK_BITS : CR_KEY_RSA_MIN_BITS, &k));
    /* One key has one encoding, so that its hash names it. */
    if (k->spki.n != spki.n || CRYPTO_memcmp(k->spki.p, spki.p, spki.n) != 0) {
        cr_key_free(k);
        return CV_EINVAL;
    }
    *out = k;
    return CV_OK;
}

struct cr_key *cr_key_ref(struct cr_key *k)
{
    if (k)
        k->refs++;
    return k;
}

void cr_key_free(struct cr_key *k)
{
    if (!k || --k->refs > 0)
        return;
    EVP_PKEY_free(k->evp); /* OpenSSL wipes private numbers */
    OPENSSL_free((void *)k->spki.p);
    free(k);
}

enum cr_key_kind cr_key_kind(const struct cr_key *k)
{
    return k->kind;
}

unsigned cr_key_bits(const struct cr_key *k)
{
    return k->bits;
}

bool cr_key_is_private(const struct cr_key *k)
{
    return k->is_private;
}

struct slice cr_key_spki(const struct cr_key *k)
{
    return k->spki;
}

EVP_PKEY *cr_key_evp(const struct cr_key *k)
{
    return k->evp;
}

size_t cr_key_width(const struct cr_key *k)
{
    return k->kind == CR_KEY_ED25519 ? 64 : (k->bits + 7) / 8;
}

bool cr_key_same(const struct cr_key *a, const struct cr_key *b)
{
    return a->spki.n == b->spki.n && CRYPTO_memcmp(a->spki.p, b->spki.p, a->spki.n) == 0;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */
static cv_result take_der(uint8_t *der, int n, struct secret *out)
{
    if (n <= 0)
        return CV_ECRYPTO;
    cv_result r = secret_copy(out, der, (size_t)n);
    OPENSSL_clear_free(der, (size_t)n);
    return r;
}

cv_result cr_key_export(const struct cr_key *k, const struct secret *password, struct secret *out)
{
    uint8_t *der = NULL;
    int n = 0;
    if (!k->is_private || (password && password->n > INT_MAX))
        return CV_EINVAL;
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(k->evp);
    if (plain && password && password->n > 0) {
        /* PBES2; OpenSSL's own choice of its PRF is HMAC with SHA-256. */
        X509_SIG *sealed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), (const char *)password->p, (int)password->n,
                                         NULL, 0, PBKDF2_ROUNDS, plain);
        n = sealed ? i2d_X509_SIG(sealed, &der) : 0;
        X509_SIG_free(sealed);
    } else if (plain) {
        n = i2d_PKCS8_PRIV_KEY_INFO(plain, &der);
    }
    PKCS8_PRIV_KEY_INFO_free(plain);
    ERR_clear_error();
    return take_der(der, n, out);
}
