/* Certificates that a hostile peer would send: mutations, floods, loops, and lies, each refused with a reason and within bounded time and memory. */
#include "tests/unit/pki/world.h"
#include "tests/unit/unit.h"

#include <malloc.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MUTATIONS = 5000, FLOOD = 100 };

static const struct mk root = {.dn = "CN=CA1,O=cisco", .key = "ed:root", MK_CA};
static const struct mk sub = {.dn = "CN=Sub,O=cisco",
                              .key = "ed:sub",
                              .issuer = &root,
                              .nc = "critical,permitted;DNS:cisco.com",
                              .cdp = "URI:http://crl.example/sub.crl",
                              MK_CA};
static const struct mk leaf = {.dn = "CN=R1,O=cisco",
                               .key = "ed:r1",
                               .issuer = &sub,
                               .usage = "critical,digitalSignature",
                               .eku = "1.3.6.1.5.5.7.3.17",
                               .san = "DNS:r1.cisco.com,IP:192.168.0.1,email:a@b.c",
                               .cdp = "URI:http://crl.example/leaf.crl",
                               .aia = "OCSP;URI:http://ocsp.example/"};
static const struct pki_conf one[] = {{.name = "IOSCA1"}};

static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void up(void)
{
    world_up(one, 1, false);
    world_ca("IOSCA1", &root);
}

/* Offered as they stand. The text is never empty when the verdict is not good. */
static enum pki_verdict_kind offered(const struct slice *ders, unsigned count, char text[PKI_TEXT_MAX])
{
    struct pki_offer *offers = calloc(count, sizeof *offers);
    struct pki_chain c;
    struct pki_verdict v = {.kind = PKI_MALFORMED};
    CU_ASSERT_FATAL(offers != NULL);
    for (unsigned i = 0; i < count; i++)
        offers[i] = (struct pki_offer){4, ders[i]};
    text[0] = 0;
    if (pki_chain_take(&c, offers, count, text)) {
        v = pki_chain_check(world.pki, &c, NULL, 0);
        (void)snprintf(text, PKI_TEXT_MAX, "%s", v.text);
        pki_chain_free(&c);
    }
    free(offers);
    return v.kind;
}

/* ---- mutations --------------------------------------------------------------------------------------------------------- */
static uint64_t seed;
static uint32_t dice(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* One to three changes: an octet, a bit, octets left out, doubled, put in, a length, the end cut off. */
static struct slice mutate(struct slice in)
{
    uint8_t *p = malloc(in.n + 64);
    size_t n = in.n;
    CU_ASSERT_FATAL(p != NULL);
    memcpy(p, in.p, n);
    for (uint32_t i = 0, times = 1 + dice(3); i < times && n > 8; i++) {
        size_t at = dice((uint32_t)n), len = 1 + dice(8);
        switch (dice(7)) {
        case 0:
            p[at] = (uint8_t)dice(256);
            break;
        case 1:
            p[at] ^= (uint8_t)(1u << dice(8));
            break;
        case 2:
            if (at + len < n) {
                memmove(p + at, p + at + len, n - at - len);
                n -= len;
            }
            break;
        case 3:
            if (n + len < in.n + 64 && at + len < n) {
                memmove(p + at + len, p + at, n - at);
                n += len;
            }
            break;
        case 4:
            p[at] = (uint8_t)(0x80 | dice(5));
            break;
        case 5:
            n -= dice(4);
            break;
        default:
            p[dice((uint32_t)(n < 40 ? n : 40))] = (uint8_t)dice(256); /* the beginning holds the structure */
        }
    }
    return (struct slice){p, n};
}

static bool same(struct slice a, struct slice b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void mutated_chains_are_good_only_when_nothing_changed(void)
{
    struct slice good[2] = {mk_der(&leaf), mk_der(&sub)};
    char text[PKI_TEXT_MAX];
    unsigned kinds[PKI_MALFORMED + 1] = {0}, silent = 0, forged = 0;
    up();
    CU_ASSERT_EQUAL_FATAL(offered(good, 2, text), PKI_GOOD);
    size_t half = 0;
    double began = cpu_ms(), worst = 0;
    seed = 20040607;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct slice ders[2] = {good[0], good[1]};
        if (i == MUTATIONS / 2)
            half = mallinfo2().uordblks;
        unsigned which = i % 3; /* the leaf, its CA, or both */
        if (which != 1)
            ders[0] = mutate(good[0]);
        if (which != 0)
            ders[1] = mutate(good[1]);
        double t = cpu_ms();
        enum pki_verdict_kind kind = offered(ders, 2, text);
        t = cpu_ms() - t;
        worst = t > worst ? t : worst;
        kinds[kind]++;
        silent += kind != PKI_GOOD && !text[0];
        forged += kind == PKI_GOOD && !(same(ders[0], good[0]) && same(ders[1], good[1]));
        if (which != 1)
            free((void *)ders[0].p);
        if (which != 0)
            free((void *)ders[1].p);
    }
    size_t after = mallinfo2().uordblks;
    printf("\n    %d mutations: %.0f ms, slowest %.2f ms; malformed %u, untrusted %u, forbidden %u, expired "
           "%u, not yet %u, "
           "unchanged %u; %+ld octets of memory in the second half ",
           MUTATIONS, cpu_ms() - began, worst, kinds[PKI_MALFORMED], kinds[PKI_UNTRUSTED],
           kinds[PKI_FORBIDDEN], kinds[PKI_EXPIRED], kinds[PKI_NOT_YET], kinds[PKI_GOOD],
           (long)after - (long)half);
    CU_ASSERT_EQUAL(forged, 0);
    CU_ASSERT_EQUAL(silent, 0);
    CU_ASSERT(kinds[PKI_GOOD] < MUTATIONS / 20);
    CU_ASSERT(kinds[PKI_MALFORMED] > 0 && kinds[PKI_UNTRUSTED] > 0);
    CU_ASSERT(after < half + 16384);
    CU_ASSERT(worst < 200);
    world_down();
    free((void *)good[0].p);
    free((void *)good[1].p);
}

/* ---- too much ---------------------------------------------------------------------------------------------------------------- */
/* A chain of n CAs under root, the lowest first. */
static void chain_make(struct mk *mks, char (*names)[32], char (*keys)[32], unsigned n)
{
    for (unsigned i = n; i > 0; i--) {
        (void)snprintf(names[i - 1], 32, "CN=Link%u", i - 1);
        (void)snprintf(keys[i - 1], 32, "ed:link%u", i - 1);
        mks[i - 1] = (struct mk){.dn = names[i - 1],
                                 .key = keys[i - 1],
                                 .issuer = i == n ? &root : &mks[i],
                                 .basic = i == 1 ? NULL : "critical,CA:TRUE"};
    }
}

static void a_chain_of_100_is_refused_and_one_of_10_is_not(void)
{
    static struct mk mks[FLOOD];
    static char names[FLOOD][32], keys[FLOOD][32];
    struct slice ders[FLOOD];
    char text[PKI_TEXT_MAX];
    up();
    static const struct {
        unsigned length; /* without the anchor */
        enum pki_verdict_kind kind;
    } rows[] = {{PKI_CHAIN_MAX - 1, PKI_GOOD},
                {PKI_CHAIN_MAX, PKI_UNTRUSTED},
                {PKI_CERTS_MAX, PKI_UNTRUSTED},
                {FLOOD, PKI_MALFORMED}};
    for (unsigned r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        unsigned n = rows[r].length;
        chain_make(mks, names, keys, n);
        for (unsigned i = 0; i < n; i++)
            ders[i] = mk_der(&mks[i]);
        double t = cpu_ms();
        enum pki_verdict_kind kind = offered(ders, n, text);
        t = cpu_ms() - t;
        CU_ASSERT_EQUAL(kind, rows[r].kind);
        CU_ASSERT(t < 100 && text[0]);
        printf("\n    %u certificates: %.2f ms: %.70s ", n, t, text);
        for (unsigned i = 0; i < n; i++)
            free((void *)ders[i].p);
    }
    world_down();
}

static void certificates_that_all_have_one_name_cost_bounded_work(void)
{
    struct mk mks[PKI_CERTS_MAX];
    char keys[PKI_CERTS_MAX][32];
    struct slice ders[PKI_CERTS_MAX];
    char text[PKI_TEXT_MAX];
    /* every one may have issued every other, and the anchor, too: 16! ways */
    for (unsigned i = 0; i < PKI_CERTS_MAX; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "rsa:same%u", i % 2);
        mks[i] =
            (struct mk){.dn = "CN=CA1,O=cisco", .key = keys[i], .serial = i + 1, .basic = "critical,CA:TRUE"};
        ders[i] = mk_der(&mks[i]);
    }
    up();
    double t = cpu_ms();
    CU_ASSERT_EQUAL(offered(ders, PKI_CERTS_MAX, text), PKI_UNTRUSTED);
    t = cpu_ms() - t;
    printf("\n    %d of one name: %.2f ms ", PKI_CERTS_MAX, t);
    CU_ASSERT(t < 200);
    world_down();
    for (unsigned i = 0; i < PKI_CERTS_MAX; i++)
        free((void *)ders[i].p);
}

/* CAs of the right name with wrong keys before the right one: so many whole paths are checked, and no more. */
static void no_more_than_eight_paths_are_checked(void)
{
    enum { WRONG = 8 };
    struct mk mks[WRONG + 2];
    char keys[WRONG + 2][32];
    struct slice ders[WRONG + 2];
    char text[PKI_TEXT_MAX];
    for (unsigned i = 1; i < WRONG + 2; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "ed:x%u", i);
        mks[i] = (struct mk){.dn = "CN=X", .key = keys[i], .issuer = &root, .serial = i, MK_CA};
        ders[i] = mk_der(&mks[i]);
    }
    mks[0] = (struct mk){.dn = "CN=R", .key = "ed:r", .issuer = &mks[WRONG + 1]};
    ders[0] = mk_der(&mks[0]);
    up();
    CU_ASSERT_EQUAL(offered(ders, WRONG + 2, text), PKI_UNTRUSTED);
    struct slice left_out = ders[1]; /* one wrong one less */
    ders[1] = ders[0];
    CU_ASSERT_EQUAL(offered(ders + 1, WRONG + 1, text), PKI_GOOD);
    ders[1] = left_out;
    world_down();
    for (unsigned i = 0; i < WRONG + 2; i++)
        free((void *)ders[i].p);
}

static void self_issued_loops_and_circles_end(void)
{
    struct mk a = {.dn = "CN=A", .key = "ed:a", MK_CA}, b = {.dn = "CN=B", .key = "ed:b", MK_CA};
    struct mk a_by_b = a, b_by_a = b;
    a_by_b.issuer = &b;
    b_by_a.issuer = &a;
    const struct mk r = {.dn = "CN=R", .key = "ed:r", .issuer = &a};
    const struct mk *const circle[] = {&r, &a_by_b, &b_by_a}, *const all[] = {&r, &a, &a_by_b, &b, &b_by_a};
    struct mk again = root; /* CA1 by itself, once more */
    again.serial = 77;
    struct mk r2 = {.dn = "CN=R2", .key = "ed:r2", .issuer = &again};
    const struct mk *const rolled[] = {&r2, &again, &again};
    up();
    double t = cpu_ms();
    CU_ASSERT_EQUAL(world_check(circle, 3, NULL, NULL).kind, PKI_UNTRUSTED);
    CU_ASSERT_EQUAL(world_check(all, 5, NULL, NULL).kind, PKI_UNTRUSTED);
    CU_ASSERT_EQUAL(world_check(rolled, 3, NULL, NULL).kind, PKI_GOOD); /* leads to the anchor either way */
    CU_ASSERT(cpu_ms() - t < 200);
    world_down();
}

static void a_certificate_over_16_KiB_or_with_a_64_KiB_DN_is_not_read(void)
{
    X509 *x = mk_x509(&leaf);
    X509_NAME *name = X509_NAME_new();
    uint8_t *der = NULL;
    char text[PKI_TEXT_MAX];
    for (unsigned i = 0; i < 1024; i++)
        CU_ASSERT_FATAL(X509_NAME_add_entry_by_txt(
                            name, "OU", MBSTRING_ASC,
                            (const uint8_t *)"0123456789012345678901234567890123456789012345678901234567890",
                            -1, -1, 0) == 1);
    CU_ASSERT_FATAL(X509_set_subject_name(x, name) == 1 && X509_sign(x, mk_key("ed:sub"), NULL) > 0);
    int n = i2d_X509(x, &der);
    CU_ASSERT_FATAL(n > 65536);
    struct slice big = {der, (size_t)n};
    up();
    double t = cpu_ms();
    CU_ASSERT_EQUAL(offered(&big, 1, text), PKI_MALFORMED);
    CU_ASSERT(text[0] && cpu_ms() - t < 50);
    world_down();
    OPENSSL_free(der);
    X509_NAME_free(name);
    X509_free(x);
}

/* ---- lies ------------------------------------------------------------------------------------------------------------------- */
/* The leaf with one thing changed, signed rightly. */
static enum pki_verdict_kind resigned(X509 *x, char text[PKI_TEXT_MAX])
{
    uint8_t *der = NULL;
    CU_ASSERT_FATAL(X509_sign(x, mk_key("ed:root"), NULL) > 0);
    int n = i2d_X509(x, &der);
    CU_ASSERT_FATAL(n > 0);
    struct slice s = {der, (size_t)n};
    enum pki_verdict_kind kind = offered(&s, 1, text);
    OPENSSL_free(der);
    return kind;
}

static const struct mk plain = {.dn = "CN=R1,O=cisco", .key = "ed:r1", .issuer = &root};

static void a_NUL_in_a_name_refuses_the_certificate(void)
{
    char text[PKI_TEXT_MAX];
    up();
    X509 *x = mk_x509(&plain);
    X509_NAME *name = X509_NAME_new();
    CU_ASSERT_FATAL(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
                                               (const uint8_t *)"R1\0.evil", 8, -1, 0) == 1 &&
                    X509_set_subject_name(x, name) == 1);
    CU_ASSERT_EQUAL(resigned(x, text), PKI_MALFORMED);
    CU_ASSERT(text[0]);
    X509_free(x);
    X509_NAME_free(name);

    x = mk_x509(&plain);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    CU_ASSERT_FATAL(ASN1_STRING_set(s, "r1.cisco.com\0.evil.com", 22) == 1);
    GENERAL_NAME_set0_value(g, GEN_DNS, s);
    CU_ASSERT_FATAL(sk_GENERAL_NAME_push(names, g) > 0 &&
                    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1);
    CU_ASSERT_EQUAL(resigned(x, text), PKI_MALFORMED);
    CU_ASSERT(text[0]);
    GENERAL_NAMES_free(names);
    X509_free(x);
    world_down();
}

/* A public RSA key with the modulus of an honest one and this exponent. */
static EVP_PKEY *rsa_with(unsigned long e, bool even_modulus)
{
    BIGNUM *n = NULL, *exponent = BN_new();
    CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(mk_key("rsa:honest"), OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                    BN_set_word(exponent, e) == 1);
    if (even_modulus)
        CU_ASSERT_FATAL(BN_sub_word(n, 1) == 1);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    CU_ASSERT_FATAL(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
                    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, exponent) == 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    CU_ASSERT_FATAL(EVP_PKEY_fromdata_init(ctx) == 1 &&
                    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    BN_free(n);
    BN_free(exponent);
    return key;
}

static void CVE_2017_9022_RSA_exponents_0_1_2_and_even_moduli_are_refused(void)
{
    static const unsigned long exponents[] = {0, 1, 2, 65536, 65537};
    char text[PKI_TEXT_MAX];
    up();
    for (unsigned i = 0; i < 6; i++) {
        X509 *x = mk_x509(&plain);
        EVP_PKEY *key = rsa_with(exponents[i < 5 ? i : 4], i == 5);
        CU_ASSERT_FATAL(X509_set_pubkey(x, key) == 1);
        CU_ASSERT_EQUAL(resigned(x, text), i == 4 ? PKI_GOOD : PKI_MALFORMED);
        CU_ASSERT(text[0]);
        EVP_PKEY_free(key);
        X509_free(x);
    }
    world_down();
}

/* The outer and the inner AlgorithmIdentifier differ, the signature has unused bits, octets follow: nobody signed those. */
static void what_the_signature_does_not_cover_cannot_be_changed(void)
{
    struct slice der = mk_der(&plain);
    uint8_t *p = malloc(der.n + 1);
    char text[PKI_TEXT_MAX];
    CU_ASSERT_FATAL(p != NULL);
    memcpy(p, der.p, der.n);
    up();
    size_t sig = der.n - 64; /* Ed25519: 64 octets, before them the count of unused bits */
    struct slice s = {p, der.n};
    CU_ASSERT_EQUAL(offered(&s, 1, text), PKI_GOOD);
    p[sig - 1] = 1;
    CU_ASSERT_NOT_EQUAL(offered(&s, 1, text), PKI_GOOD);
    p[sig - 1] = 0;
    p[sig - 4] ^= 1; /* Ed25519 becomes Ed448 outside */
    CU_ASSERT_NOT_EQUAL(offered(&s, 1, text), PKI_GOOD);
    p[sig - 4] ^= 1;
    p[der.n] = 0;
    s.n = der.n + 1;
    CU_ASSERT_NOT_EQUAL(offered(&s, 1, text), PKI_GOOD);
    s.n = der.n;
    CU_ASSERT_EQUAL(offered(&s, 1, text), PKI_GOOD);
    world_down();
    free(p);
    free((void *)der.p);
}

/* A CA may promise thousands of subtrees, and a certificate thousands of names: the product is not worked off. */
static void name_constraints_times_names_cost_bounded_work(void)
{
    enum { SUBTREES = 600 };
    char nc[SUBTREES * 24] = "critical", san[PKI_NAMES_MAX * 24] = "", text[PKI_TEXT_MAX];
    size_t n = strlen(nc), m = 0;
    for (unsigned i = 0; i < SUBTREES; i++)
        n += (size_t)snprintf(nc + n, sizeof nc - n, ",excluded;DNS:a%u.x", i);
    for (unsigned i = 0; i < PKI_NAMES_MAX; i++)
        m += (size_t)snprintf(san + m, sizeof san - m, "%sDNS:b%u.y", i ? "," : "", i);
    struct mk ca = {.dn = "CN=Many", .key = "ed:many", .issuer = &root, .nc = nc, MK_CA};
    struct mk r = {.dn = "CN=R", .key = "ed:r1", .issuer = &ca, .san = san};
    struct slice ders[] = {mk_der(&r), mk_der(&ca)};
    up();
    double t = cpu_ms();
    (void)offered(ders, 2, text);
    t = cpu_ms() - t;
    printf("\n    %d subtrees, %d names: %.2f ms ", SUBTREES, PKI_NAMES_MAX, t);
    CU_ASSERT(t < 200);
    world_down();
    free((void *)ders[0].p);
    free((void *)ders[1].p);
}

UNIT_MAIN("pki-hostile", UNIT_TEST(mutated_chains_are_good_only_when_nothing_changed),
          UNIT_TEST(a_chain_of_100_is_refused_and_one_of_10_is_not),
          UNIT_TEST(certificates_that_all_have_one_name_cost_bounded_work),
          UNIT_TEST(no_more_than_eight_paths_are_checked), UNIT_TEST(self_issued_loops_and_circles_end),
          UNIT_TEST(a_certificate_over_16_KiB_or_with_a_64_KiB_DN_is_not_read),
          UNIT_TEST(a_NUL_in_a_name_refuses_the_certificate),
          UNIT_TEST(CVE_2017_9022_RSA_exponents_0_1_2_and_even_moduli_are_refused),
          UNIT_TEST(what_the_signature_does_not_cover_cannot_be_changed),
          UNIT_TEST(name_constraints_times_names_cost_bounded_work))
