/* cr_sign: Wycheproof's vectors, the octets of RFC 7427 A and RFC 8420 A, vectors of RFC 4754 and RFC 8032, OpenSSL's command line functions as the other side, forged
 * and badly encoded signatures, keys that broke other daemons. */
#include "control/crypto/cr_key.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static struct slice text_of(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

static const char some_data[] = "prf(SK_pi, IDi')";

/* One key of each kind, made once: RSA takes time. */
static struct cr_key *key(enum cr_key_kind kind)
{
    static struct cr_key *keys[CR_KEY_ED25519 + 1];
    if (!keys[kind])
        CU_ASSERT_EQUAL_FATAL(cr_key_generate(kind, 2048, &keys[kind]), CV_OK);
    return keys[kind];
}

static enum cr_key_kind kind_for(enum cr_sig s)
{
    for (unsigned k = 0; k <= CR_KEY_ED25519; k++)
        if (cr_sig_fits(s, (enum cr_key_kind)k))
            return (enum cr_key_kind)k;
    CU_FAIL_FATAL("no key fits the scheme");
    return CR_KEY_RSA;
}

/* ---- published vectors ------------------------------------------------------------------------------------------ */
static enum cr_sig scheme_named(const char *name)
{
    static const struct {
        const char *name;
        enum cr_sig sig;
    } names[] = {{"rsa-sha256", CR_SIG_RSA_SHA256},
                 {"rsa-sha384", CR_SIG_RSA_SHA384},
                 {"rsa-sha512", CR_SIG_RSA_SHA512},
                 {"pss-sha256", CR_SIG_PSS_SHA256},
                 {"pss-sha384", CR_SIG_PSS_SHA384},
                 {"pss-sha512", CR_SIG_PSS_SHA512},
                 {"ecdsa-sha256", CR_SIG_ECDSA_SHA256},
                 {"ecdsa-sha384", CR_SIG_ECDSA_SHA384},
                 {"ecdsa-sha512", CR_SIG_ECDSA_SHA512},
                 {"ecp256", CR_SIG_ECP256},
                 {"ecp384", CR_SIG_ECP384},
                 {"ecp521", CR_SIG_ECP521},
                 {"ed25519", CR_SIG_ED25519}};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].sig;
    CU_FAIL_FATAL("unknown scheme in the vectors");
    return CR_SIG_COUNT;
}

static unsigned check_vectors(const char *file)
{
    static struct vec v;
    FILE *f = vec_open(file);
    unsigned n = 0;
    while (vec_next(f, &v)) {
        struct cr_key *k = NULL;
        enum cr_sig scheme = scheme_named(v.field[vec_find(&v, "scheme")].text);
        bool valid = strcmp(v.field[vec_find(&v, "result")].text, "valid") == 0;
        cv_result r = cr_key_public(vec_bytes(&v, "key"), false, &k);
        CU_ASSERT_EQUAL_FATAL(r, CV_OK);
        r = cr_verify(k, scheme, vec_bytes(&v, "msg"), vec_bytes(&v, "sig"));
        CU_ASSERT_EQUAL(r, valid ? CV_OK : CV_EAUTH);
        if (r != (valid ? CV_OK : CV_EAUTH))
            fprintf(stderr, "%s: %s\n", v.field[vec_find(&v, "scheme")].text,
                    v.field[vec_find(&v, "case")].text);
        cr_key_free(k);
        n++;
    }
    fclose(f);
    return n;
}

static void Wycheproof(void)
{
    CU_ASSERT(check_vectors("sign_wycheproof.txt") > 500);
}

static void RFC_4754_8_and_RFC_8032_7_vectors(void)
{
    CU_ASSERT_EQUAL(check_vectors("sign.txt"), 5);
}

/* ---- AlgorithmIdentifiers --------------------------------------------------------------------------------------- */
static struct slice hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        unsigned octet;
        CU_ASSERT_EQUAL_FATAL(sscanf(text++, "%2x", &octet), 1);
        out[n++] = (uint8_t)octet;
    }
    return (struct slice){out, n};
}

static void RFC_7427_A_octets(void)
{
    static const struct {
        enum cr_sig sig;
        const char *octets;
    } want[] = {
        /* A.1.1, A.1.2 ... */
        {CR_SIG_RSA_SHA1, "300d 0609 2a86 4886 f70d 0101 0505 00"},
        {CR_SIG_RSA_SHA256, "300d 0609 2a86 4886 f70d 0101 0b05 00"},
        {CR_SIG_RSA_SHA384, "300d 0609 2a86 4886 f70d 0101 0c05 00"},
        {CR_SIG_RSA_SHA512, "300d 0609 2a86 4886 f70d 0101 0d05 00"},
        /* A.3.2 ... */
        {CR_SIG_ECDSA_SHA256, "300a 0608 2a86 48ce 3d04 0302"},
        {CR_SIG_ECDSA_SHA384, "300a 0608 2a86 48ce 3d04 0303"},
        {CR_SIG_ECDSA_SHA512, "300a 0608 2a86 48ce 3d04 0304"},
        /* A.4.3 */
        {CR_SIG_PSS_SHA256,
         "3041 0609 2a86 4886 f70d 0101 0a30 34a0 0f30 0d06 0960 8648 0165 0304 0201 0500 a11c 301a "
         "0609 2a86 4886 f70d 0101 0830 0d06 0960 8648 0165 0304 0201 0500 a203 0201 20"},
        /* RFC 8420 A.1 */
        {CR_SIG_ED25519, "3005 0603 2b65 70"},
    };
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
        uint8_t octets[128];
        struct slice is = cr_sig_algorithm(want[i].sig), should = hex(want[i].octets, octets);
        enum cr_sig back = CR_SIG_COUNT;
        CU_ASSERT(is.n == should.n && memcmp(is.p, should.p, is.n) == 0);
        CU_ASSERT_EQUAL(cr_sig_by_algorithm(should, &back), CV_OK);
        CU_ASSERT_EQUAL(back, want[i].sig);
    }
    CU_ASSERT_EQUAL(cr_sig_algorithm(CR_SIG_RSA_RAW).n, 0);
    CU_ASSERT_EQUAL(cr_sig_algorithm(CR_SIG_ECP256).n, 0);
    CU_ASSERT_EQUAL(cr_sig_algorithm(CR_SIG_COUNT).n, 0);
}

/* What OpenSSL itself writes for each scheme is understood as that scheme. */
static void RFC_7427_A_agrees_with_OpenSSL(void)
{
    static const struct {
        enum cr_sig sig;
        const char *hash;
    } want[] = {{CR_SIG_RSA_SHA256, "SHA256"},   {CR_SIG_RSA_SHA384, "SHA384"},
                {CR_SIG_RSA_SHA512, "SHA512"},   {CR_SIG_PSS_SHA256, "SHA256"},
                {CR_SIG_PSS_SHA384, "SHA384"},   {CR_SIG_PSS_SHA512, "SHA512"},
                {CR_SIG_ECDSA_SHA256, "SHA256"}, {CR_SIG_ECDSA_SHA384, "SHA384"},
                {CR_SIG_ECDSA_SHA512, "SHA512"}, {CR_SIG_ED25519, NULL}};
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
        bool pss = want[i].sig >= CR_SIG_PSS_SHA256 && want[i].sig <= CR_SIG_PSS_SHA512;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pctx = NULL;
        X509_CRL *crl = X509_CRL_new();
        CU_ASSERT_EQUAL_FATAL(EVP_DigestSignInit_ex(ctx, &pctx, want[i].hash, NULL, NULL,
                                                    cr_key_evp(key(kind_for(want[i].sig))), NULL),
                              1);
        if (pss) {
            CU_ASSERT_EQUAL_FATAL(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
            CU_ASSERT_EQUAL_FATAL(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST), 1);
        }
        CU_ASSERT_FATAL(X509_CRL_sign_ctx(crl, ctx) > 0);
        const X509_ALGOR *alg = NULL;
        uint8_t *der = NULL;
        X509_CRL_get0_signature(crl, NULL, &alg);
        int n = i2d_X509_ALGOR(alg, &der);
        struct slice mine = cr_sig_algorithm(want[i].sig);
        enum cr_sig back = CR_SIG_COUNT;
        CU_ASSERT(n > 0 && (size_t)n == mine.n && memcmp(der, mine.p, mine.n) == 0);
        CU_ASSERT_EQUAL(cr_sig_by_algorithm((struct slice){der, (size_t)n}, &back), CV_OK);
        CU_ASSERT_EQUAL(back, want[i].sig);
        OPENSSL_free(der);
        X509_CRL_free(crl);
        EVP_MD_CTX_free(ctx);
    }
}

static void RFC_4055_identifiers_with_and_without_NULL(void)
{
    static const struct {
        const char *octets;
        enum cr_sig sig; /* CR_SIG_COUNT: refused */
    } want[] = {
        {"300b 0609 2a86 4886 f70d 0101 0b", CR_SIG_RSA_SHA256},
        {"300c 0608 2a86 48ce 3d04 0302 0500", CR_SIG_ECDSA_SHA256},
        /* PSS whose hash has no NULL, in one place and in both */
        {"303f 0609 2a86 4886 f70d 0101 0a30 32a0 0d30 0b06 0960 8648 0165 0304 0201 a11c 301a 0609 2a86 "
         "4886 f70d "
         "0101 0830 0d06 0960 8648 0165 0304 0201 0500 a203 0201 20",
         CR_SIG_PSS_SHA256},
        {"303d 0609 2a86 4886 f70d 0101 0a30 30a0 0d30 0b06 0960 8648 0165 0304 0202 a11a 3018 0609 2a86 "
         "4886 f70d "
         "0101 0830 0b06 0960 8648 0165 0304 0202 a203 0201 30",
         CR_SIG_PSS_SHA384},
        /* PSS by default is SHA-1; other salts, mixed hashes, SHA-224, a trailing octet, cut short, BER */
        {"300d 0609 2a86 4886 f70d 0101 0a30 00", CR_SIG_COUNT},
        {"300b 0609 2a86 4886 f70d 0101 0a", CR_SIG_COUNT},
        {"3041 0609 2a86 4886 f70d 0101 0a30 34a0 0f30 0d06 0960 8648 0165 0304 0201 0500 a11c 301a 0609 "
         "2a86 4886 "
         "f70d 0101 0830 0d06 0960 8648 0165 0304 0201 0500 a203 0201 14",
         CR_SIG_COUNT},
        {"3041 0609 2a86 4886 f70d 0101 0a30 34a0 0f30 0d06 0960 8648 0165 0304 0201 0500 a11c 301a 0609 "
         "2a86 4886 "
         "f70d 0101 0830 0d06 0960 8648 0165 0304 0202 0500 a203 0201 20",
         CR_SIG_COUNT},
        {"3041 0609 2a86 4886 f70d 0101 0a30 34a0 0f30 0d06 0960 8648 0165 0304 0204 0500 a11c 301a 0609 "
         "2a86 4886 "
         "f70d 0101 0830 0d06 0960 8648 0165 0304 0204 0500 a203 0201 1c",
         CR_SIG_COUNT},
        {"300d 0609 2a86 4886 f70d 0101 0b05 0000", CR_SIG_COUNT},
        {"300d 0609 2a86 4886 f70d 0101 0b05", CR_SIG_COUNT},
        {"3081 0d06 092a 8648 86f7 0d01 010b 0500", CR_SIG_COUNT},
        {"300d 0609 2a86 4886 f70d 0101 0405 00", CR_SIG_COUNT}, /* MD5 */
        {"3009 0607 2a86 48ce 3d04 01", CR_SIG_COUNT},           /* ECDSA with SHA-1 */
        {"3005 0603 2b65 71", CR_SIG_COUNT},                     /* Ed448 */
        {"", CR_SIG_COUNT},
        {"30", CR_SIG_COUNT},
        {"3000", CR_SIG_COUNT},
    };
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
        uint8_t octets[128];
        struct slice der = hex(want[i].octets, octets);
        enum cr_sig got = CR_SIG_COUNT;
        CU_ASSERT_EQUAL(cr_sig_by_algorithm(der, &got), want[i].sig == CR_SIG_COUNT ? CV_EUNSUP : CV_OK);
        CU_ASSERT_EQUAL(got, want[i].sig);
    }
}

/* Every octet changed, every length cut: refused, or the one identifier that it then is. */
static void RFC_7427_A_mutations_are_refused(void)
{
    for (unsigned s = 0; s < CR_SIG_COUNT; s++) {
        struct slice id = cr_sig_algorithm((enum cr_sig)s);
        uint8_t copy[128];
        for (size_t i = 0; i < id.n; i++) {
            enum cr_sig got = CR_SIG_COUNT;
            CU_ASSERT_NOT_EQUAL(cr_sig_by_algorithm((struct slice){id.p, i}, &got), CV_OK);
            for (unsigned bit = 0; bit < 8; bit++) {
                memcpy(copy, id.p, id.n);
                copy[i] = (uint8_t)(copy[i] ^ 1u << bit);
                if (cr_sig_by_algorithm((struct slice){copy, id.n}, &got) != CV_OK)
                    continue;
                struct slice is = cr_sig_algorithm(got);
                CU_ASSERT(is.n == id.n && memcmp(is.p, copy, id.n) == 0);
            }
        }
    }
}

/* ---- there and back ------------------------------------------------------------------------------------------------ */
static struct slice data_for(enum cr_sig s)
{
    static uint8_t hash[32] = {0x5a, 1, 2, 3};
    bool raw = s == CR_SIG_RSA_RAW || (s >= CR_SIG_ECP256_RAW && s <= CR_SIG_ECP521_RAW);
    return raw ? (struct slice){hash, sizeof hash} : text_of(some_data);
}

static void every_scheme_signs_and_verifies(void)
{
    for (unsigned s = 0; s < CR_SIG_COUNT; s++) {
        enum cr_sig scheme = (enum cr_sig)s;
        uint8_t sig[CR_SIG_MAX], bad[CR_SIG_MAX + 1];
        size_t n = 0;
        struct cr_key *k = key(kind_for(scheme)), *pub = NULL;
        CU_ASSERT_EQUAL_FATAL(cr_key_public(cr_key_spki(k), false, &pub), CV_OK);
        CU_ASSERT(cr_key_same(k, pub) && !cr_key_is_private(pub) && cr_key_is_private(k));
        CU_ASSERT_EQUAL_FATAL(cr_sign(k, scheme, data_for(scheme), sig, &n), CV_OK);
        CU_ASSERT_EQUAL(cr_verify(pub, scheme, data_for(scheme), (struct slice){sig, n}), CV_OK);
        CU_ASSERT_EQUAL(cr_sign(pub, scheme, data_for(scheme), bad, &n), CV_EINVAL);
        CU_ASSERT_STRING_NOT_EQUAL(cr_sig_text(scheme), "?");
        CU_ASSERT_EQUAL_FATAL(cr_sign(k, scheme, data_for(scheme), sig, &n), CV_OK);
        for (size_t i = 0; i<n; i += n> 100 ? 7 : 1) { /* one octet wrong, anywhere */
            memcpy(bad, sig, n);
            bad[i] ^= 0x10;
            CU_ASSERT_EQUAL(cr_verify(pub, scheme, data_for(scheme), (struct slice){bad, n}), CV_EAUTH);
        }
        memcpy(bad, sig, n);
        bad[n] = 0;
        CU_ASSERT_EQUAL(cr_verify(pub, scheme, data_for(scheme), (struct slice){bad, n + 1}), CV_EAUTH);
        CU_ASSERT_EQUAL(cr_verify(pub, scheme, data_for(scheme), (struct slice){sig, n - 1}), CV_EAUTH);
        CU_ASSERT_EQUAL(cr_verify(pub, scheme, data_for(scheme), (struct slice){0}), CV_EAUTH);
        CU_ASSERT_EQUAL(cr_verify(pub, scheme, text_of("other data of sixteen"), (struct slice){sig, n}),
                        CV_EAUTH);
        memset(bad, 0, n);
        CU_ASSERT_EQUAL(cr_verify(pub, scheme, data_for(scheme), (struct slice){bad, n}), CV_EAUTH);
        memset(bad, 0xff, n);
        CU_ASSERT_EQUAL(cr_verify(pub, scheme, data_for(scheme), (struct slice){bad, n}), CV_EAUTH);
        cr_key_free(pub);
    }
}

static void a_scheme_that_does_not_fit_the_key_is_refused(void)
{
    uint8_t sig[CR_SIG_MAX] = {0};
    size_t n;
    for (unsigned s = 0; s < CR_SIG_COUNT; s++)
        for (unsigned k = 0; k <= CR_KEY_ED25519; k++) {
            if (cr_sig_fits((enum cr_sig)s, (enum cr_key_kind)k))
                continue;
            struct slice data = data_for((enum cr_sig)s);
            CU_ASSERT_EQUAL(cr_sign(key((enum cr_key_kind)k), (enum cr_sig)s, data, sig, &n), CV_EINVAL);
            CU_ASSERT_EQUAL(
                cr_verify(key((enum cr_key_kind)k), (enum cr_sig)s, data, (struct slice){sig, 64}),
                CV_EINVAL);
        }
    CU_ASSERT_FALSE(cr_sig_fits(CR_SIG_ECP256, CR_KEY_P384));
    CU_ASSERT(cr_sig_fits(CR_SIG_ECDSA_SHA512, CR_KEY_P256));
    CU_ASSERT_EQUAL(cr_sign(key(CR_KEY_RSA), CR_SIG_RSA_RAW, text_of("fifteen octets."), sig, &n), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_sign(key(CR_KEY_RSA), CR_SIG_COUNT, text_of("x"), sig, &n), CV_EINVAL);
}

/* OpenSSL's own whole signing and verifying functions are the other end. */
static void OpenSSL_accepts_and_is_accepted(void)
{
    static const struct {
        enum cr_sig sig;
        const char *hash;
    } schemes[] = {{CR_SIG_RSA_SHA1, "SHA1"},     {CR_SIG_RSA_SHA256, "SHA256"},
                   {CR_SIG_RSA_SHA512, "SHA512"}, {CR_SIG_PSS_SHA256, "SHA256"},
                   {CR_SIG_PSS_SHA512, "SHA512"}, {CR_SIG_ECDSA_SHA384, "SHA384"},
                   {CR_SIG_ED25519, NULL}};
    for (unsigned i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        enum cr_sig s = schemes[i].sig;
        struct cr_key *k = key(kind_for(s));
        uint8_t sig[CR_SIG_MAX];
        for (int direction = 0; direction < 2; direction++) {
            EVP_MD_CTX *ctx = EVP_MD_CTX_new();
            EVP_PKEY_CTX *pctx = NULL;
            size_t n = sizeof sig;
            struct slice data = text_of(some_data);
            if (direction == 0) {
                CU_ASSERT_EQUAL_FATAL(cr_sign(k, s, data, sig, &n), CV_OK);
                CU_ASSERT(EVP_DigestVerifyInit_ex(ctx, &pctx, schemes[i].hash, NULL, NULL, cr_key_evp(k),
                                                  NULL) == 1);
            } else {
                CU_ASSERT(
                    EVP_DigestSignInit_ex(ctx, &pctx, schemes[i].hash, NULL, NULL, cr_key_evp(k), NULL) == 1);
            }
            if (s == CR_SIG_PSS_SHA256 || s == CR_SIG_PSS_SHA512)
                CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1);
            if (direction == 0) {
                CU_ASSERT_EQUAL(EVP_DigestVerify(ctx, sig, n, data.p, data.n), 1);
            } else {
                CU_ASSERT_EQUAL(EVP_DigestSign(ctx, sig, &n, data.p, data.n), 1);
                CU_ASSERT_EQUAL(cr_verify(k, s, data, (struct slice){sig, n}), CV_OK);
            }
            EVP_MD_CTX_free(ctx);
        }
    }
}

/* ---- PKCS #1: blocks that are not what they should be (CVE-2018-16151, CVE-2018-16152, CVE-2026-50721) ------------ */
/* "Signs" any block with the private key: what a forger with e = 3 finds for the start of a block, we have for all of it. */
static struct slice raw_sign(const struct cr_key *k, const uint8_t *block, size_t width, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, cr_key_evp(k), NULL);
    size_t n = CR_SIG_MAX;
    CU_ASSERT_FATAL(ctx && EVP_PKEY_sign_init(ctx) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
                    EVP_PKEY_sign(ctx, out, &n, block, width) == 1);
    EVP_PKEY_CTX_free(ctx);
    return (struct slice){out, n};
}

/* 00 01 FF^pad 00 tail, the rest filled with garbage. */
static void block_of(uint8_t block[256], size_t pad, struct slice tail)
{
    memset(block, 0x77, 256);
    block[0] = 0;
    block[1] = 1;
    memset(block + 2, 0xff, pad);
    block[2 + pad] = 0;
    memcpy(block + 3 + pad, tail.p, tail.n);
}

static void CVE_2018_16151_blocks_are_compared_whole(void)
{
    struct cr_key *k = key(CR_KEY_RSA);
    uint8_t hash[32], block[256], sig[CR_SIG_MAX], info[64];
    struct slice data = text_of(some_data);
    size_t n;
    CU_ASSERT_EQUAL_FATAL(EVP_Q_digest(NULL, "SHA256", NULL, data.p, data.n, hash, &n), 1);
    struct slice right = hex("3031 300d 0609 6086 4801 6503 0402 0105 0004 20", info);
    memcpy(info + right.n, hash, 32);
    right.n += 32;
    block_of(block, 256 - 3 - right.n, right);
    CU_ASSERT_EQUAL(cr_verify(k, CR_SIG_RSA_SHA256, data, raw_sign(k, block, 256, sig)), CV_OK);
    /* block type 2, no zero first, an octet of the padding that is not FF, no separator */
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{0, 1},   {1, 2},      {1, 0},      {2, 0xfe},   {100, 0},
                 {204, 1}, {205, 0x31}, {206, 0x32}, {222, 0x05}, {224, 0x1f}};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t other[256];
        memcpy(other, block, 256);
        if (other[wrong[i].at] == wrong[i].value)
            continue;
        other[wrong[i].at] = wrong[i].value;
        if (wrong[i].at == 0)
            other[1] = 0; /* below the modulus */
        CU_ASSERT_EQUAL(cr_verify(k, CR_SIG_RSA_SHA256, data, raw_sign(k, other, 256, sig)), CV_EAUTH);
    }
    /* short padding and garbage behind the hash: Bleichenbacher's forgery */
    block_of(block, 8, right);
    CU_ASSERT_EQUAL(cr_verify(k, CR_SIG_RSA_SHA256, data, raw_sign(k, block, 256, sig)), CV_EAUTH);
    /* DigestInfo without NULL, with parameters full of garbage, with a long-form length */
    static const char *const infos[] = {"302f 300b 0609 6086 4801 6503 0402 0104 20",
                                        "3035 3011 0609 6086 4801 6503 0402 0104 0411 2233 4404 20",
                                        "3081 3130 0d06 0960 8648 0165 0304 0201 0500 0420",
                                        "3032 300d 0609 6086 4801 6503 0402 0105 0004 8120"};
    for (unsigned i = 0; i < sizeof infos / sizeof *infos; i++) {
        struct slice other = hex(infos[i], info);
        memcpy(info + other.n, hash, 32);
        other.n += 32;
        block_of(block, 256 - 3 - other.n, other);
        CU_ASSERT_EQUAL(cr_verify(k, CR_SIG_RSA_SHA256, data, raw_sign(k, block, 256, sig)), CV_EAUTH);
    }
    /* an empty and a short hash at the end (CVE-2026-50721) */
    for (size_t len = 0; len < 32; len++) {
        struct slice other = {hash, len};
        block_of(block, 256 - 3 - len, other);
        CU_ASSERT_EQUAL(cr_verify(k, CR_SIG_RSA_RAW, (struct slice){hash, 32}, raw_sign(k, block, 256, sig)),
                        CV_EAUTH);
        CU_ASSERT_EQUAL(cr_verify(k, CR_SIG_RSA_SHA256, data, raw_sign(k, block, 256, sig)), CV_EAUTH);
    }
}

static void RFC_2409_5_1_signs_the_hash_without_DigestInfo(void)
{
    struct cr_key *k = key(CR_KEY_RSA);
    uint8_t hash[20], block[CR_SIG_MAX], sig[CR_SIG_MAX];
    size_t n, len = sizeof block;
    memset(hash, 0xa5, sizeof hash);
    CU_ASSERT_EQUAL_FATAL(cr_sign(k, CR_SIG_RSA_RAW, (struct slice){hash, 20}, sig, &n), CV_OK);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, cr_key_evp(k), NULL);
    CU_ASSERT_FATAL(EVP_PKEY_verify_recover_init(ctx) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1);
    CU_ASSERT_EQUAL(EVP_PKEY_verify_recover(ctx, block, &len, sig, n), 1);
    CU_ASSERT(len == 20 && memcmp(block, hash, 20) == 0);
    EVP_PKEY_CTX_free(ctx);
    /* with a DigestInfo it is another signature */
    CU_ASSERT_EQUAL(cr_verify(k, CR_SIG_RSA_SHA1, (struct slice){hash, 20}, (struct slice){sig, n}),
                    CV_EAUTH);
}

static void RFC_4754_7_r_and_s_have_fixed_lengths(void)
{
    static const struct {
        enum cr_sig sig;
        enum cr_key_kind kind;
        size_t len;
    } rows[] = {{CR_SIG_ECP256, CR_KEY_P256, 64},
                {CR_SIG_ECP384, CR_KEY_P384, 96},
                {CR_SIG_ECP521, CR_KEY_P521, 132}};
    for (unsigned i = 0; i < 3; i++)
        for (unsigned round = 0; round < 300; round++) { /* every 256th r or s begins with a zero octet */
            uint8_t sig[CR_SIG_MAX];
            size_t n = 0;
            CU_ASSERT_EQUAL_FATAL(cr_sign(key(rows[i].kind), rows[i].sig, text_of(some_data), sig, &n),
                                  CV_OK);
            CU_ASSERT_EQUAL_FATAL(n, rows[i].len);
            if (round % 10 == 0 || sig[0] == 0 || sig[n / 2] == 0)
                CU_ASSERT_EQUAL(
                    cr_verify(key(rows[i].kind), rows[i].sig, text_of(some_data), (struct slice){sig, n}),
                    CV_OK);
        }
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */
static uint8_t *put_integer(uint8_t *at, const BIGNUM *n)
{
    ASN1_INTEGER *i = BN_to_ASN1_INTEGER(n, NULL);
    CU_ASSERT_FATAL(i2d_ASN1_INTEGER(i, &at) > 0);
    ASN1_INTEGER_free(i);
    return at;
}

/* SubjectPublicKeyInfo of any numbers. */
static cv_result rsa_of(const char *n_hex, unsigned long e_word, const char *e_hex, bool weak_ok,
                        struct cr_key **out)
{
    BIGNUM *n = NULL, *e = BN_new();
    uint8_t numbers[2500], *end = numbers, *key_der = OPENSSL_malloc(3000), *at = key_der, *der = NULL;
    BN_hex2bn(&n, n_hex);
    BN_set_word(e, e_word);
    if (e_hex)
        BN_hex2bn(&e, e_hex);
    end = put_integer(put_integer(numbers, n), e);
    ASN1_put_object(&at, 1, (int)(end - numbers), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(at, numbers, (size_t)(end - numbers));
    at += end - numbers;
    X509_PUBKEY *spki = X509_PUBKEY_new();
    CU_ASSERT_EQUAL_FATAL(X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL,
                                                 key_der, (int)(at - key_der)),
                          1);
    int len = i2d_X509_PUBKEY(spki, &der);
    CU_ASSERT_FATAL(len > 0);
    cv_result r = cr_key_public((struct slice){der, (size_t)len}, weak_ok, out);
    OPENSSL_free(der);
    X509_PUBKEY_free(spki);
    BN_free(n);
    BN_free(e);
    return r;
}

static char *modulus(unsigned bits, bool odd)
{
    static char text[4096];
    memset(text, 'c', bits / 4);
    text[bits / 4] = '\0';
    text[bits / 4 - 1] = odd ? 'b' : 'a';
    return text;
}

static void CVE_2017_9022_CVE_2017_11185_CVE_2026_14957_RSA_numbers(void)
{
    struct cr_key *k = NULL;
    CU_ASSERT_EQUAL_FATAL(rsa_of(modulus(2048, true), 65537, NULL, false, &k), CV_OK);
    CU_ASSERT_EQUAL(cr_key_bits(k), 2048);
    cr_key_free(k);
    CU_ASSERT_EQUAL_FATAL(rsa_of(modulus(2048, true), 3, NULL, false, &k), CV_OK);
    cr_key_free(k);
    static const unsigned long exponents[] = {0, 1, 2, 4, 65536};
    for (unsigned i = 0; i < sizeof exponents / sizeof *exponents; i++)
        CU_ASSERT_EQUAL(rsa_of(modulus(2048, true), exponents[i], NULL, true, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(rsa_of(modulus(2048, true), 0, "10000000000000001", true, &k), CV_EINVAL); /* 65 bits */
    CU_ASSERT_EQUAL(rsa_of(modulus(2048, false), 65537, NULL, true, &k), CV_EINVAL);           /* even */
    CU_ASSERT_EQUAL(rsa_of(modulus(512, true), 65537, NULL, true, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(rsa_of(modulus(1024, true), 65537, NULL, false, &k), CV_EINVAL);
    CU_ASSERT_EQUAL_FATAL(rsa_of(modulus(1024, true), 65537, NULL, true, &k), CV_OK);
    cr_key_free(k);
    CU_ASSERT_EQUAL(rsa_of(modulus(8200, true), 65537, NULL, true, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(rsa_of("00", 65537, NULL, true, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(rsa_of("01", 65537, NULL, true, &k), CV_EINVAL);
}

static void points_and_curves_that_are_none_of_ours(void)
{
    struct cr_key *k = NULL;
    uint8_t der[512];
    struct slice spki = cr_key_spki(key(CR_KEY_P256));
    memcpy(der, spki.p, spki.n);
    der[spki.n - 1] ^= 1; /* off the curve */
    CU_ASSERT_EQUAL(cr_key_public((struct slice){der, spki.n}, true, &k), CV_EINVAL);
    memcpy(der, spki.p, spki.n);
    der[spki.n] = 0; /* something behind it */
    CU_ASSERT_EQUAL(cr_key_public((struct slice){der, spki.n + 1}, true, &k), CV_EINVAL);
    for (size_t n = 0; n < spki.n; n++)
        CU_ASSERT_EQUAL(cr_key_public((struct slice){spki.p, n}, true, &k), CV_EINVAL);
    static const char *const others[][2] = {{"EC", "secp256k1"}, {"EC", "P-224"}, {"EC", "brainpoolP256r1"}};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *out = NULL;
        EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", others[i][1]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(evp);
        int n = i2d_PUBKEY(evp, &out);
        CU_ASSERT_EQUAL(cr_key_public((struct slice){out, (size_t)n}, true, &k), CV_EINVAL);
        OPENSSL_free(out);
        EVP_PKEY_free(evp);
    }
    EVP_PKEY *x = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    EVP_PKEY *all[] = {x, ed448};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *out = NULL;
        int n = i2d_PUBKEY(all[i], &out);
        CU_ASSERT_EQUAL(cr_key_public((struct slice){out, (size_t)n}, true, &k), CV_EINVAL);
        OPENSSL_free(out);
        EVP_PKEY_free(all[i]);
    }
}

/* A curve given by its parameters, though they be those of P-256 (CVE-2020-0601). */
static void CVE_2020_0601_explicit_parameters(void)
{
    struct cr_key *k = NULL;
    uint8_t *der = NULL;
    EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    CU_ASSERT_EQUAL_FATAL(
        EVP_PKEY_set_utf8_string_param(evp, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT), 1);
    int n = i2d_PUBKEY(evp, &der);
    CU_ASSERT_FATAL(n > 200);
    CU_ASSERT_EQUAL(cr_key_public((struct slice){der, (size_t)n}, true, &k), CV_EINVAL);
    OPENSSL_free(der);
    EVP_PKEY_free(evp);
}

static void private_keys_are_written_and_read(void)
{
    struct secret password, wrong, none = {0};
    CU_ASSERT_EQUAL_FATAL(secret_copy(&password, "s3cret", 6), CV_OK);
    CU_ASSERT_EQUAL_FATAL(secret_copy(&wrong, "s3creT", 6), CV_OK);
    for (unsigned kind = 0; kind <= CR_KEY_ED25519; kind++) {
        struct cr_key *k = key((enum cr_key_kind)kind), *back = NULL;
        struct secret der, sealed;
        CU_ASSERT_STRING_NOT_EQUAL(cr_key_kind_text((enum cr_key_kind)kind), "?");
        CU_ASSERT_EQUAL_FATAL(cr_key_export(k, NULL, &der), CV_OK);
        CU_ASSERT_EQUAL_FATAL(cr_key_private((struct slice){der.p, der.n}, NULL, &back), CV_OK);
        CU_ASSERT(cr_key_same(k, back) && cr_key_is_private(back) && cr_key_kind(back) == kind);
        cr_key_free(back);
        CU_ASSERT_EQUAL_FATAL(cr_key_private((struct slice){der.p, der.n}, &none, &back), CV_OK);
        cr_key_free(back);
        CU_ASSERT_EQUAL_FATAL(cr_key_export(k, &password, &sealed), CV_OK);
        CU_ASSERT_EQUAL(cr_key_private((struct slice){sealed.p, sealed.n}, &wrong, &back), CV_EAUTH);
        CU_ASSERT_EQUAL(cr_key_private((struct slice){sealed.p, sealed.n}, NULL, &back), CV_EAUTH);
        CU_ASSERT_EQUAL_FATAL(cr_key_private((struct slice){sealed.p, sealed.n}, &password, &back), CV_OK);
        CU_ASSERT(cr_key_same(k, back));
        cr_key_free(back);
        for (size_t n = 0; n < der.n; n += 5)
            CU_ASSERT_EQUAL(cr_key_private((struct slice){der.p, n}, NULL, &back), CV_EINVAL);
        secret_free(&der);
        secret_free(&sealed);
    }
    CU_ASSERT_EQUAL(cr_key_private(text_of("not a key"), NULL, &(struct cr_key *){NULL}), CV_EINVAL);
    secret_free(&password);
    secret_free(&wrong);
}

/* PKCS #1, SEC 1 and PKCS #8 in PEM, in clear and with each of the two kinds of encryption. */
static void private_keys_in_PEM(void)
{
    struct secret password, wrong;
    CU_ASSERT_EQUAL_FATAL(secret_copy(&password, "s3cret", 6), CV_OK);
    CU_ASSERT_EQUAL_FATAL(secret_copy(&wrong, "other!", 6), CV_OK);
    static const enum cr_key_kind kinds[] = {CR_KEY_RSA, CR_KEY_P384};
    for (unsigned i = 0; i < 2; i++)
        for (unsigned form = 0; form < 4; form++) {
            bool encrypted = form >= 2;
            EVP_PKEY *evp = cr_key_evp(key(kinds[i]));
            BIO *bio = BIO_new(BIO_s_mem());
            const EVP_CIPHER *c = encrypted ? EVP_aes_128_cbc() : NULL;
            const unsigned char *pass = encrypted ? (const unsigned char *)"s3cret" : NULL;
            int ok = form % 2 == 0 ? PEM_write_bio_PrivateKey_traditional(bio, evp, c, pass,
                                                                          encrypted ? 6 : 0, NULL, NULL)
                                   : PEM_write_bio_PKCS8PrivateKey(bio, evp, c, (const char *)pass,
                                                                   encrypted ? 6 : 0, NULL, NULL);
            CU_ASSERT_EQUAL_FATAL(ok, 1);
            char *text;
            long n = BIO_get_mem_data(bio, &text);
            struct slice pem = {(const uint8_t *)text, (size_t)n};
            struct cr_key *back = NULL;
            CU_ASSERT_EQUAL(cr_key_private(pem, &password, &back), CV_OK);
            if (back)
                CU_ASSERT(cr_key_same(back, key(kinds[i])));
            cr_key_free(back);
            back = NULL;
            if (encrypted) {
                CU_ASSERT_EQUAL(cr_key_private(pem, &wrong, &back), CV_EAUTH);
                CU_ASSERT_EQUAL(cr_key_private(pem, NULL, &back), CV_EAUTH);
            }
            BIO_free(bio);
        }
    secret_free(&password);
    secret_free(&wrong);
}

static void generated_keys_have_the_size_asked_for(void)
{
    struct cr_key *k = NULL;
    static const unsigned bits[] = {2048, 256, 384, 521};
    for (unsigned kind = 0; kind < 4; kind++)
        CU_ASSERT_EQUAL(cr_key_bits(key((enum cr_key_kind)kind)), bits[kind]);
    CU_ASSERT_EQUAL(cr_key_generate(CR_KEY_RSA, 1024, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_key_generate(CR_KEY_RSA, 16384, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_key_generate((enum cr_key_kind)9, 0, &k), CV_EINVAL);
    k = cr_key_ref(key(CR_KEY_P256));
    CU_ASSERT_PTR_EQUAL(k, key(CR_KEY_P256));
    cr_key_free(k);
    cr_key_free(NULL);
    CU_ASSERT_PTR_NULL(cr_key_ref(NULL));
}

/* The private numbers lie in memory that the kernel leaves out of core dumps: "dd" among VmFlags of its mapping (proc(5)). */
static void private_numbers_stay_out_of_core_dumps(void)
{
    CU_ASSERT_EQUAL_FATAL(cr_key_heap(), CV_OK);
    void *probe = OPENSSL_secure_malloc(32);
    CU_ASSERT_EQUAL_FATAL(CRYPTO_secure_allocated(probe), 1);
    size_t before = CRYPTO_secure_used();
    struct cr_key *k = NULL;
    CU_ASSERT_EQUAL_FATAL(cr_key_generate(CR_KEY_P256, 0, &k), CV_OK);
    CU_ASSERT(CRYPTO_secure_used() >= before + 32);
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false, found = false, dont_dump = false;
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (unsigned long)probe >= from && (unsigned long)probe < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0) {
            found = true;
            dont_dump = strstr(line, " dd") != NULL;
        }
    }
    fclose(f);
    CU_ASSERT(found && dont_dump);
    cr_key_free(k);
    CU_ASSERT_EQUAL(CRYPTO_secure_used(), before);
    OPENSSL_secure_free(probe);
}

UNIT_MAIN("cr_sign", UNIT_TEST(Wycheproof), UNIT_TEST(RFC_4754_8_and_RFC_8032_7_vectors),
          UNIT_TEST(RFC_7427_A_octets), UNIT_TEST(RFC_7427_A_agrees_with_OpenSSL),
          UNIT_TEST(RFC_4055_identifiers_with_and_without_NULL), UNIT_TEST(RFC_7427_A_mutations_are_refused),
          UNIT_TEST(every_scheme_signs_and_verifies),
          UNIT_TEST(a_scheme_that_does_not_fit_the_key_is_refused),
          UNIT_TEST(OpenSSL_accepts_and_is_accepted), UNIT_TEST(CVE_2018_16151_blocks_are_compared_whole),
          UNIT_TEST(RFC_2409_5_1_signs_the_hash_without_DigestInfo),
          UNIT_TEST(RFC_4754_7_r_and_s_have_fixed_lengths),
          UNIT_TEST(CVE_2017_9022_CVE_2017_11185_CVE_2026_14957_RSA_numbers),
          UNIT_TEST(points_and_curves_that_are_none_of_ours), UNIT_TEST(CVE_2020_0601_explicit_parameters),
          UNIT_TEST(private_keys_are_written_and_read), UNIT_TEST(private_keys_in_PEM),
          UNIT_TEST(generated_keys_have_the_size_asked_for),
          UNIT_TEST(private_numbers_stay_out_of_core_dumps))
