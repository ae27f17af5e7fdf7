/* cr_keymat2: NIST CAVP vectors of the IKEv2 KDF, AUTH (RFC 7296 2.15), NAT detection (2.23). */
#include "control/crypto/cr_keymat2.h"
#include "control/crypto/cr_prf.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

/* SK_* in the order of RFC 7296 2.14, as one string, to hold against the vector's DKM. */
static size_t lay_out(const struct cr_keys2 *k, uint8_t *out)
{
    size_t prf = cr_prf(k->suite.prf)->len, a = k->suite.integ ? cr_integ(k->suite.integ)->key_len : 0;
    const struct cr_encr_alg *e = cr_encr(k->suite.encr, k->suite.key_bits);
    struct buf_writer w = buf_writer_init(out, 1024);
    buf_put(&w, k->d, prf);
    buf_put(&w, k->i.integ_key, a);
    buf_put(&w, k->r.integ_key, a);
    buf_put(&w, k->i.encr_key, (size_t)e->key_len + e->salt_len);
    buf_put(&w, k->r.encr_key, (size_t)e->key_len + e->salt_len);
    buf_put(&w, k->pi, prf);
    buf_put(&w, k->pr, prf);
    CU_ASSERT_FALSE(w.bad);
    return w.len;
}

static struct cr_suite suite_for(uint16_t prf)
{
    uint16_t integ = prf == CR_PRF_HMAC_SHA1 ? CV_INTEG_HMAC_SHA1_96 : CV_INTEG_HMAC_SHA2_256_128;
    return (struct cr_suite){.encr = CV_ENCR_AES_CBC, .key_bits = 128, .integ = integ, .prf = prf, .dh = 14};
}

static struct secret secret_of(struct slice s)
{
    struct secret out;
    CU_ASSERT_EQUAL_FATAL(secret_copy(&out, s.p, s.n), CV_OK);
    return out;
}

static unsigned keys_of(const char *file)
{
    static struct vec v;
    FILE *f = vec_open(file);
    unsigned n = 0;
    while (vec_next(f, &v)) {
        struct cr_suite suite = suite_for(vec_number(&v, "prf"));
        struct secret gir = secret_of(vec_bytes(&v, "gir"));
        struct slice dkm = vec_bytes(&v, "dkm");
        struct cr_keys2 k;
        uint8_t got[1024];
        CU_ASSERT_EQUAL(cr_keys2_init(&suite, vec_bytes(&v, "ni"), vec_bytes(&v, "nr"),
                                      vec_bytes(&v, "spi_i").p, vec_bytes(&v, "spi_r").p, &gir, &k),
                        CV_OK);
        size_t len = lay_out(&k, got);
        CU_ASSERT(len <= dkm.n && len >= 132 && memcmp(got, dkm.p, len) == 0);
        CU_ASSERT(k.i.encr == suite.encr && k.r.key_bits == 128 && k.r.integ == suite.integ);
        cr_keys2_wipe(&k);
        secret_free(&gir);
        n++;
    }
    fclose(f);
    return n;
}

/* The vector gives SKEYSEED of the rekey; what follows from it is prf+, checked above. */
static unsigned rekey_of(const char *file)
{
    static struct vec v;
    FILE *f = vec_open(file);
    unsigned n = 0;
    while (vec_next(f, &v)) {
        struct cr_keys2 old = {.suite = suite_for(vec_number(&v, "prf"))}, k;
        struct cr_suite new_suite = {
            .encr = CV_ENCR_AES_GCM_16, .key_bits = 256, .prf = CR_PRF_HMAC_SHA2_512};
        struct slice ni = vec_bytes(&v, "ni"), nr = vec_bytes(&v, "nr"), spi_i = vec_bytes(&v, "spi_i"),
                     spi_r = vec_bytes(&v, "spi_r"), dkm = vec_bytes(&v, "dkm");
        struct secret gir = secret_of(vec_bytes(&v, "gir_new"));
        memcpy(old.d, dkm.p, cr_prf(old.suite.prf)->len);
        CU_ASSERT_EQUAL(cr_keys2_rekey(&old, &new_suite, ni, nr, spi_i.p, spi_r.p, &gir, &k), CV_OK);

        uint8_t want[3 * 64 + 2 * 36], got[1024];
        const struct slice seed[] = {ni, nr, spi_i, spi_r};
        CU_ASSERT_EQUAL(cr_prf_plus(new_suite.prf, vec_bytes(&v, "rekey"), seed, 4, want, sizeof want),
                        CV_OK);
        CU_ASSERT_EQUAL(lay_out(&k, got), sizeof want);
        CU_ASSERT_EQUAL(memcmp(got, want, sizeof want), 0);
        secret_free(&gir);
        n++;
    }
    fclose(f);
    return n;
}

static unsigned child_of(const char *file)
{
    static struct vec v;
    FILE *f = vec_open(file);
    unsigned n = 0;
    while (vec_next(f, &v)) {
        if (!vec_has(&v, "child"))
            continue;
        struct cr_keys2 ike = {.suite = suite_for(vec_number(&v, "prf"))};
        struct slice ni = vec_bytes(&v, "ni"), nr = vec_bytes(&v, "nr"), dkm = vec_bytes(&v, "dkm");
        struct secret gir = secret_of(vec_bytes(&v, "gir_new"));
        memcpy(ike.d, dkm.p, cr_prf(ike.suite.prf)->len);
        for (unsigned pfs = 0; pfs < 2; pfs++) {
            struct slice want = vec_bytes(&v, pfs ? "child_dh" : "child");
            struct cr_child_keys a, b;
            CU_ASSERT_EQUAL(cr_child_keymat(&ike, CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA2_512_256,
                                            pfs ? &gir : NULL, ni, nr, &a, &b),
                            CV_OK);
            CU_ASSERT_FATAL(want.n >= 192); /* initiator's first, encryption before integrity */
            CU_ASSERT(memcmp(a.encr_key, want.p, 32) == 0 && memcmp(a.integ_key, want.p + 32, 64) == 0);
            CU_ASSERT(memcmp(b.encr_key, want.p + 96, 32) == 0 && memcmp(b.integ_key, want.p + 128, 64) == 0);

            CU_ASSERT_EQUAL(cr_child_keymat(&ike, CV_ENCR_AES_GCM_16, 128, CV_INTEG_NONE, pfs ? &gir : NULL,
                                            ni, nr, &a, &b),
                            CV_OK); /* RFC 4106 8.1: the salt follows the key */
            CU_ASSERT(memcmp(a.encr_key, want.p, 16) == 0 && memcmp(a.salt, want.p + 16, 4) == 0);
            CU_ASSERT(memcmp(b.encr_key, want.p + 20, 16) == 0 && memcmp(b.salt, want.p + 36, 4) == 0);
        }
        secret_free(&gir);
        n++;
    }
    fclose(f);
    return n;
}

static void NIST_CAVP_SKEYSEED_and_DKM(void)
{
    CU_ASSERT_EQUAL(keys_of("keymat2.txt"), 2);
}

static void NIST_CAVP_rekey_RFC_7296_2_18(void)
{
    CU_ASSERT_EQUAL(rekey_of("keymat2.txt"), 2);
}

static void NIST_CAVP_child_KEYMAT_RFC_7296_2_17(void)
{
    CU_ASSERT_EQUAL(child_of("keymat2.txt"), 1);
}

static void computed_SHA2_384_and_512_of_all_three(void)
{
    CU_ASSERT_EQUAL(keys_of("keymat2_sha2.txt"), 2);
    CU_ASSERT_EQUAL(rekey_of("keymat2_sha2.txt"), 2);
    CU_ASSERT_EQUAL(child_of("keymat2_sha2.txt"), 2);
}

/* Each AUTH is three HMACs; here they are put together by hand. */
static void RFC_7296_2_15_AUTH_with_a_shared_key(void)
{
    const struct slice psk = {(const uint8_t *)"secret", 6}, msg = {(const uint8_t *)"message as sent", 15},
                       nonce = {(const uint8_t *)"0123456789abcdef", 16},
                       id = {(const uint8_t *)"\x02\0\0\0host", 8};
    uint8_t sk_p[CR_PRF_MAX], maced[CR_PRF_MAX], key[CR_PRF_MAX], want[CR_PRF_MAX], got[CR_PRF_MAX];
    memset(sk_p, 0x5a, sizeof sk_p);
    const struct slice pad = {(const uint8_t *)"Key Pad for IKEv2", 17};
    CU_ASSERT_EQUAL(cr_prf_run(5, (struct slice){sk_p, 32}, &id, 1, maced), CV_OK);
    CU_ASSERT_EQUAL(cr_prf_run(5, psk, &pad, 1, key), CV_OK);
    const struct slice octets[] = {msg, nonce, {maced, 32}};
    CU_ASSERT_EQUAL(cr_prf_run(5, (struct slice){key, 32}, octets, 3, want), CV_OK);
    CU_ASSERT_EQUAL(cr_auth_psk(5, sk_p, psk, msg, nonce, id, got), CV_OK);
    CU_ASSERT_EQUAL(memcmp(got, want, 32), 0);
    CU_ASSERT_EQUAL(cr_auth_psk(5, sk_p, (struct slice){0}, msg, nonce, id, got), CV_EINVAL);
}

static void RFC_7296_2_23_NAT_detection_hash(void)
{
    const uint8_t spi_i[8] = {1, 2, 3, 4, 5, 6, 7, 8}, spi_r[8] = {0};
    struct ip_endpoint e = {.port = 500};
    uint8_t got[20], want[64];
    size_t n;
    CU_ASSERT_FATAL(ip_addr_parse("192.0.2.1", &e.addr));
    const struct slice whole = {(const uint8_t *)"\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\0\300\0\2\1\1\364", 22};
    CU_ASSERT_EQUAL(cr_hash("SHA1", &whole, 1, want, &n), CV_OK);
    CU_ASSERT_EQUAL(cr_nat_hash(spi_i, spi_r, &e, got), CV_OK);
    CU_ASSERT_EQUAL(memcmp(got, want, 20), 0);
}

static void what_cannot_be_keyed_is_refused(void)
{
    const struct slice nonce = {(const uint8_t *)"0123456789abcdef", 16};
    const uint8_t spi[8] = {1};
    struct secret gir = secret_of(nonce), none = {0};
    struct cr_suite suite = suite_for(CR_PRF_HMAC_SHA2_256), bad = suite;
    struct cr_keys2 k;
    struct cr_child_keys a, b;
    CU_ASSERT_EQUAL(cr_keys2_init(&suite, nonce, nonce, spi, spi, &none, &k), CV_EINVAL);
    bad.prf = 4;
    CU_ASSERT_EQUAL(cr_keys2_init(&bad, nonce, nonce, spi, spi, &gir, &k), CV_EUNSUP);
    bad = suite;
    bad.encr = CV_ENCR_AES_GCM_16; /* AEAD with integrity */
    CU_ASSERT_EQUAL(cr_keys2_init(&bad, nonce, nonce, spi, spi, &gir, &k), CV_EUNSUP);
    CU_ASSERT_EQUAL(cr_keys2_init(&suite, nonce, nonce, spi, spi, &gir, &k), CV_OK);
    CU_ASSERT_EQUAL(cr_keys2_rekey(&k, &suite, nonce, nonce, spi, spi, &none, &k), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_child_keymat(&k, CV_ENCR_NULL, 0, CV_INTEG_NONE, NULL, nonce, nonce, &a, &b),
                    CV_EINVAL);
    CU_ASSERT_EQUAL(cr_child_keymat(&k, 13, 128, CV_INTEG_NONE, NULL, nonce, nonce, &a, &b), CV_EUNSUP);
    secret_free(&gir);
}

UNIT_MAIN("cr_keymat2", UNIT_TEST(NIST_CAVP_SKEYSEED_and_DKM), UNIT_TEST(NIST_CAVP_rekey_RFC_7296_2_18),
          UNIT_TEST(NIST_CAVP_child_KEYMAT_RFC_7296_2_17), UNIT_TEST(computed_SHA2_384_and_512_of_all_three),
          UNIT_TEST(RFC_7296_2_15_AUTH_with_a_shared_key), UNIT_TEST(RFC_7296_2_23_NAT_detection_hash),
          UNIT_TEST(what_cannot_be_keyed_is_refused))
