/* cr_keymat1: a NIST vector for SKEYID_d, _a, _e; every value for every hash and cipher against a second reading of RFC 2409
 * in another language (make_keymat1.py); refusals. */
#include "control/crypto/cr_keymat1.h"
#include "control/crypto/cr_prf.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { CASES = 25, SA_LEN = 52, IDI_LEN = 8, IDR_LEN = 19 };

static struct vec one, two;
static unsigned cases;

static struct secret secret_of(struct slice s)
{
    struct secret out;
    CU_ASSERT_EQUAL_FATAL(secret_copy(&out, s.p, s.n), CV_OK);
    return out;
}

static struct slice part(struct slice s, size_t at, size_t n)
{
    CU_ASSERT_FATAL(at + n <= s.n);
    return (struct slice){s.p + at, n};
}

static bool same(struct slice want, const uint8_t *got)
{
    return memcmp(want.p, got, want.n) == 0;
}

static struct cr_public1 public_of(struct vec *v)
{
    struct slice cky = vec_bytes(v, "cky"),
                 gx = vec_has(v, "gx") ? vec_bytes(v, "gx") : (struct slice){cky.p, 2};
    return (struct cr_public1){.cky_i = cky.p,
                               .cky_r = cky.p + CR_COOKIE_LEN,
                               .g_xi = {gx.p, gx.n / 2},
                               .g_xr = {gx.p + gx.n / 2, gx.n / 2}};
}

static void keys_of(struct vec *v, struct cr_keys1 *k)
{
    struct cr_suite1 suite = {
        .encr = vec_number(v, "encr"), .key_bits = vec_number(v, "key_bits"), .prf = vec_number(v, "prf")};
    struct cr_public1 pub = public_of(v);
    struct secret g_xy = secret_of(vec_bytes(v, "gxy"));
    uint8_t skeyid[CR_PRF_MAX];
    cv_result r =
        vec_number(v, "sig")
            ? cr_skeyid_sig(suite.prf, vec_bytes(v, "ni"), vec_bytes(v, "nr"), &g_xy, skeyid)
            : cr_skeyid_psk(suite.prf, vec_bytes(v, "psk"), vec_bytes(v, "ni"), vec_bytes(v, "nr"), skeyid);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    CU_ASSERT_TRUE(same(vec_bytes(v, "skeyid"), skeyid));
    CU_ASSERT_EQUAL_FATAL(cr_keys1_init(&suite, skeyid, &g_xy, &pub, k), CV_OK);
    secret_free(&g_xy);
}

/* Runs `check` over every case: five hashes with five ciphers. */
static void each(void (*check)(const struct cr_keys1 *))
{
    FILE *f = vec_open("keymat1.txt");
    for (cases = 0; vec_next(f, &one) && vec_next(f, &two); cases++) {
        struct cr_keys1 k;
        keys_of(&one, &k);
        check(&k);
        cr_keys1_wipe(&k);
    }
    fclose(f);
    CU_ASSERT_EQUAL(cases, CASES);
}

static void NIST_CAVP_SKEYID_with_signatures(void)
{
    FILE *f = vec_open("skeyid1.txt");
    CU_ASSERT_FATAL(vec_next(f, &one));
    struct cr_suite1 suite = {.encr = CV_ENCR_3DES, .prf = vec_number(&one, "prf")};
    struct cr_public1 pub = public_of(&one);
    struct secret g_xy = secret_of(vec_bytes(&one, "gxy"));
    struct slice dae = vec_bytes(&one, "dae");
    uint8_t skeyid[CR_PRF_MAX];
    struct cr_keys1 k;
    CU_ASSERT_EQUAL(cr_skeyid_sig(suite.prf, vec_bytes(&one, "ni"), vec_bytes(&one, "nr"), &g_xy, skeyid),
                    CV_OK);
    CU_ASSERT_TRUE(same(vec_bytes(&one, "skeyid"), skeyid));
    CU_ASSERT_EQUAL(cr_keys1_init(&suite, skeyid, &g_xy, &pub, &k), CV_OK);
    CU_ASSERT(same(part(dae, 0, 20), k.d) && same(part(dae, 20, 20), k.a) && same(part(dae, 40, 20), k.e));
    secret_free(&g_xy);
    fclose(f);
}

static void check_phase1(const struct cr_keys1 *k)
{
    size_t n = cr_prf(k->suite.prf)->len;
    struct slice dae = vec_bytes(&one, "dae"), ids = vec_bytes(&one, "ids"),
                 hashes = vec_bytes(&one, "hashes");
    struct cr_public1 pub = public_of(&one);
    uint8_t got[CR_PRF_MAX];
    CU_ASSERT(same(part(dae, 0, n), k->d) && same(part(dae, n, n), k->a) && same(part(dae, 2 * n, n), k->e));
    CU_ASSERT(same(vec_bytes(&one, "key"), k->encr_key) && same(vec_bytes(&one, "iv"), k->iv));
    CU_ASSERT_EQUAL(vec_bytes(&one, "iv").n, cr_block1(k->suite.encr, k->suite.key_bits));
    CU_ASSERT_EQUAL(cr_hash_i(k, &pub, part(ids, 0, SA_LEN), part(ids, SA_LEN, IDI_LEN), got), CV_OK);
    CU_ASSERT_TRUE(same(part(hashes, 0, n), got));
    CU_ASSERT_EQUAL(cr_hash_r(k, &pub, part(ids, 0, SA_LEN), part(ids, SA_LEN + IDI_LEN, IDR_LEN), got),
                    CV_OK);
    CU_ASSERT_TRUE(same(part(hashes, n, n), got));
}

static void RFC_2409_5_SKEYID_and_HASH_with_every_hash_and_cipher(void)
{
    each(check_phase1);
}

/* ECDSA on P-384 is tied to SHA-384: HASH is of its HMAC, keyed with the SKEYID that was negotiated. */
static void check_tied(const struct cr_keys1 *k)
{
    size_t n = cr_prf(k->suite.prf)->len;
    struct slice ids = vec_bytes(&one, "ids");
    struct cr_public1 pub = public_of(&one);
    struct cr_keys1 tied = *k;
    uint8_t got[CR_PRF_MAX], want[CR_PRF_MAX];
    const struct slice sa = part(ids, 0, SA_LEN), id = part(ids, SA_LEN, IDI_LEN);
    const struct slice data[] = {pub.g_xi, pub.g_xr, {pub.cky_i, CR_COOKIE_LEN}, {pub.cky_r, CR_COOKIE_LEN},
                                 sa,       id};
    tied.suite.signed_prf = CR_PRF_HMAC_SHA2_384;
    CU_ASSERT_EQUAL(cr_prf_run(CR_PRF_HMAC_SHA2_384, (struct slice){k->skeyid, n}, data, 6, want), CV_OK);
    CU_ASSERT_EQUAL(cr_hash_i(&tied, &pub, sa, id, got), CV_OK);
    CU_ASSERT_EQUAL(memcmp(got, want, cr_prf(CR_PRF_HMAC_SHA2_384)->len), 0);
    cr_keys1_wipe(&tied);
}

static void RFC_2409_5_1_a_signature_tied_to_a_hash_overrides_the_prf(void)
{
    each(check_tied);
}

/* Each message continues where the one before it ended; phase 2 starts from the last block and its message ID. */
static void check_chain(const struct cr_keys1 *k)
{
    size_t block = cr_block1(k->suite.encr, k->suite.key_bits);
    struct slice text = vec_bytes(&two, "text"), ct = vec_bytes(&two, "ct");
    uint8_t b[256], iv[CR_IV_MAX], iv2[CR_IV_MAX];
    CU_ASSERT_FATAL(text.n == 5 * block && ct.n == text.n);
    memcpy(b, text.p, text.n);
    CU_ASSERT_EQUAL(cr_encrypt1(k, k->iv, b, 2 * block, iv), CV_OK);
    CU_ASSERT_EQUAL(cr_encrypt1(k, iv, b + 2 * block, 3 * block, iv), CV_OK);
    CU_ASSERT(same(ct, b) && same(part(ct, 4 * block, block), iv));
    CU_ASSERT_EQUAL(cr_iv_phase2(k, iv, (uint32_t)strtoul(vec_text(&two, "mid"), NULL, 10), iv2), CV_OK);
    CU_ASSERT_TRUE(same(vec_bytes(&two, "iv2"), iv2));

    CU_ASSERT_EQUAL(cr_decrypt1(k, k->iv, b, 2 * block, iv), CV_OK);
    CU_ASSERT_EQUAL(cr_decrypt1(k, iv, b + 2 * block, 3 * block, iv2), CV_OK);
    CU_ASSERT(same(text, b) && same(part(ct, 4 * block, block), iv2));
    CU_ASSERT_TRUE(same(part(ct, block, block), iv)); /* the receiver's old IV is untouched */
    for (size_t n = 0; n < 2 * block; n++)
        if (n % block || n == 0)
            CU_ASSERT_EQUAL(cr_decrypt1(k, k->iv, b, n, iv), CV_EINVAL);
}

static void RFC_2409_Appendix_B_IV_chaining_with_every_hash_and_cipher(void)
{
    each(check_chain);
}

static void check_quick(const struct cr_keys1 *k)
{
    size_t n = cr_prf(k->suite.prf)->len;
    uint32_t mid = (uint32_t)strtoul(vec_text(&two, "mid"), NULL, 10);
    struct slice ni = vec_bytes(&one, "ni"), nr = vec_bytes(&one, "nr"), rest = vec_bytes(&two, "rest"),
                 want = vec_bytes(&two, "hash123");
    uint8_t got[CR_PRF_MAX];
    CU_ASSERT_EQUAL(cr_hash1(k, mid, rest, got), CV_OK);
    CU_ASSERT_TRUE(same(part(want, 0, n), got));
    CU_ASSERT_EQUAL(cr_hash2(k, mid, ni, rest, got), CV_OK);
    CU_ASSERT_TRUE(same(part(want, n, n), got));
    CU_ASSERT_EQUAL(cr_hash3(k, mid, ni, nr, got), CV_OK);
    CU_ASSERT_TRUE(same(part(want, 2 * n, n), got));
}

static void RFC_2409_5_5_HASH_1_2_3(void)
{
    each(check_quick);
}

static void check_keymat(const struct cr_keys1 *k)
{
    struct slice ni = vec_bytes(&one, "ni"), nr = vec_bytes(&one, "nr");
    const uint8_t *spi = vec_bytes(&two, "spi").p;
    struct secret qm = secret_of(vec_bytes(&two, "qm"));
    for (unsigned pfs = 0; pfs < 2; pfs++) {
        struct slice want = vec_bytes(&two, pfs ? "keymat_pfs" : "keymat");
        struct secret *shared = pfs ? &qm : NULL;
        struct cr_child_keys c;
        CU_ASSERT_EQUAL(
            cr_child_keymat1(k, 3, spi, CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA2_512_256, shared, ni, nr, &c),
            CV_OK);
        CU_ASSERT(same(part(want, 0, 32), c.encr_key) && same(part(want, 32, 64), c.integ_key));
        CU_ASSERT_EQUAL(
            cr_child_keymat1(k, 3, spi, CV_ENCR_AES_GCM_16, 128, CV_INTEG_NONE, shared, ni, nr, &c), CV_OK);
        CU_ASSERT(same(part(want, 0, 16), c.encr_key) && same(part(want, 16, 4), c.salt)); /* RFC 4106 8.1 */
        CU_ASSERT_EQUAL(
            cr_child_keymat1(k, 3, spi, CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA1_96, shared, ni, nr, &c), CV_OK);
        CU_ASSERT_TRUE(same(part(want, 0, 20), c.integ_key));
    }
    secret_free(&qm);
}

static void RFC_2409_5_5_KEYMAT_with_and_without_PFS(void)
{
    each(check_keymat);
}

static void check_nat(const struct cr_keys1 *k)
{
    struct cr_public1 pub = public_of(&one);
    struct ip_endpoint e = {.addr = ip_addr_v4(vec_bytes(&two, "address").p),
                            .port = vec_number(&two, "port")};
    uint8_t got[CR_PRF_MAX];
    size_t n;
    CU_ASSERT_EQUAL(cr_nat_hash1(k->suite.prf, pub.cky_i, pub.cky_r, &e, got, &n), CV_OK);
    CU_ASSERT(n == cr_prf(k->suite.prf)->len && same(vec_bytes(&two, "nat_d"), got));
}

static void RFC_3947_3_2_NAT_D_with_the_negotiated_hash(void)
{
    each(check_nat);
}

/* AH and ESP with one SPI must not share keys: the protocol goes into KEYMAT. */
static void the_protocol_is_part_of_KEYMAT(void)
{
    FILE *f = vec_open("keymat1.txt");
    CU_ASSERT_FATAL(vec_next(f, &one));
    struct cr_keys1 k;
    struct cr_child_keys ah, esp;
    struct slice nonce = vec_bytes(&one, "ni");
    const uint8_t spi[4] = {1, 2, 3, 4};
    keys_of(&one, &k);
    CU_ASSERT_EQUAL(
        cr_child_keymat1(&k, 2, spi, CV_ENCR_NONE, 0, CV_INTEG_HMAC_SHA1_96, NULL, nonce, nonce, &ah), CV_OK);
    CU_ASSERT_EQUAL(
        cr_child_keymat1(&k, 3, spi, CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA1_96, NULL, nonce, nonce, &esp),
        CV_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(ah.integ_key, esp.integ_key, 20), 0);
    CU_ASSERT_EQUAL(cr_child_keymat1(&k, 3, spi, CV_ENCR_NULL, 0, CV_INTEG_NONE, NULL, nonce, nonce, &esp),
                    CV_EINVAL);
    CU_ASSERT_EQUAL(
        cr_child_keymat1(&k, 2, spi, CV_ENCR_AES_CBC, 128, CV_INTEG_HMAC_SHA1_96, NULL, nonce, nonce, &esp),
        CV_EUNSUP);
    CU_ASSERT_EQUAL(cr_child_keymat1(&k, 3, spi, CV_ENCR_AES_GCM_16, 128, CV_INTEG_HMAC_SHA1_96, NULL, nonce,
                                     nonce, &esp),
                    CV_EINVAL);
    CU_ASSERT_EQUAL(
        cr_child_keymat1(&k, 3, spi, CV_ENCR_AES_CBC, 100, CV_INTEG_HMAC_SHA1_96, NULL, nonce, nonce, &esp),
        CV_EUNSUP);
    fclose(f);
}

static void what_cannot_be_keyed_is_refused(void)
{
    static const uint8_t big[512] = {1};
    const struct slice nonce = {big, 16}, half = {big, 256}, over = {big, 257};
    struct secret g_xy = secret_of(nonce), none = {0};
    const struct cr_public1 pub = {.cky_i = big, .cky_r = big, .g_xi = nonce, .g_xr = nonce};
    struct cr_suite1 suite = {.encr = CV_ENCR_AES_CBC, .key_bits = 128, .prf = CR_PRF_HMAC_SHA1};
    uint8_t out[CR_PRF_MAX];
    struct cr_keys1 k;
    CU_ASSERT_EQUAL(cr_skeyid_psk(2, (struct slice){0}, nonce, nonce, out), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_skeyid_psk(99, nonce, nonce, nonce, out), CV_EUNSUP);
    CU_ASSERT_EQUAL(cr_skeyid_sig(2, nonce, nonce, &none, out), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_skeyid_sig(2, half, half, &g_xy, out), CV_OK);
    CU_ASSERT_EQUAL(cr_skeyid_sig(2, half, over, &g_xy, out), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_keys1_init(&suite, out, &none, &pub, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_keys1_init(&suite, out, &g_xy, &pub, &k), CV_OK);
    suite.encr = CV_ENCR_AES_GCM_16; /* IKEv1 has no AEAD */
    CU_ASSERT_EQUAL(cr_keys1_init(&suite, out, &g_xy, &pub, &k), CV_EUNSUP);
    suite.encr = CV_ENCR_NULL;
    suite.key_bits = 0;
    CU_ASSERT_EQUAL(cr_keys1_init(&suite, out, &g_xy, &pub, &k), CV_EUNSUP);
    CU_ASSERT_EQUAL(cr_block1(CV_ENCR_AES_CBC, 0), 0);
    secret_free(&g_xy);
}

/* DES runs as 3DES with its key thrice; FIPS 81 Appendix C has the CBC example, whose key and IV these are. */
static void FIPS_81_CBC_example_of_DES(void)
{
    struct cr_keys1 k = {.suite = {.encr = CV_ENCR_DES, .prf = CR_PRF_HMAC_MD5},
                         .encr_key = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}};
    const uint8_t iv[CR_IV_MAX] = {0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef};
    const uint8_t want[24] = {0xe5, 0xc7, 0xcd, 0xde, 0x87, 0x2b, 0xf2, 0x7c, 0x43, 0xe9, 0x34, 0x00,
                              0x8c, 0x38, 0x9c, 0x0f, 0x68, 0x37, 0x88, 0x49, 0x9a, 0x7c, 0x05, 0xf6};
    uint8_t text[25] = "Now is the time for all ", next[CR_IV_MAX];
    CU_ASSERT_EQUAL(cr_encrypt1(&k, iv, text, 24, next), CV_OK);
    CU_ASSERT_EQUAL(memcmp(text, want, 24), 0);
    CU_ASSERT_EQUAL(memcmp(next, want + 16, 8), 0);
}

UNIT_MAIN("cr_keymat1", UNIT_TEST(NIST_CAVP_SKEYID_with_signatures),
          UNIT_TEST(RFC_2409_5_SKEYID_and_HASH_with_every_hash_and_cipher),
          UNIT_TEST(RFC_2409_5_1_a_signature_tied_to_a_hash_overrides_the_prf),
          UNIT_TEST(RFC_2409_Appendix_B_IV_chaining_with_every_hash_and_cipher),
          UNIT_TEST(RFC_2409_5_5_HASH_1_2_3), UNIT_TEST(RFC_2409_5_5_KEYMAT_with_and_without_PFS),
          UNIT_TEST(RFC_3947_3_2_NAT_D_with_the_negotiated_hash), UNIT_TEST(the_protocol_is_part_of_KEYMAT),
          UNIT_TEST(what_cannot_be_keyed_is_refused), UNIT_TEST(FIPS_81_CBC_example_of_DES))
