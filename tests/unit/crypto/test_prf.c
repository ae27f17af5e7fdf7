/* cr_prf: RFC 2202, RFC 4231, and prf+ of RFC 7296 2.13. */
#include "control/crypto/cr_prf.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static void RFC_2202_and_RFC_4231_HMAC(void)
{
    static struct vec v;
    FILE *f = vec_open("hmac.txt");
    unsigned n = 0;
    while (vec_next(f, &v)) {
        uint8_t out[CR_PRF_MAX];
        uint16_t prf = vec_number(&v, "prf");
        struct slice data = vec_bytes(&v, "data"), want = vec_bytes(&v, "out");
        CU_ASSERT_EQUAL(want.n, cr_prf(prf)->len);
        CU_ASSERT_EQUAL(cr_prf_run(prf, vec_bytes(&v, "key"), &data, 1, out), CV_OK);
        CU_ASSERT(VEC_EQUAL(out, want));
        n++;
    }
    fclose(f);
    CU_ASSERT_EQUAL(n, 12 + 18);
}

static void data_in_parts_is_data_in_one(void)
{
    const uint8_t data[] = "what do ya want for nothing?";
    const struct slice whole = {data, 28}, parts[] = {{data, 1}, {NULL, 0}, {data + 1, 20}, {data + 21, 7}};
    uint8_t a[CR_PRF_MAX], b[CR_PRF_MAX];
    CU_ASSERT_EQUAL(cr_prf_run(CR_PRF_HMAC_SHA2_256, (struct slice){data, 4}, &whole, 1, a), CV_OK);
    CU_ASSERT_EQUAL(cr_prf_run(CR_PRF_HMAC_SHA2_256, (struct slice){data, 4}, parts, 4, b), CV_OK);
    CU_ASSERT_EQUAL(memcmp(a, b, 32), 0);
}

static void an_empty_key_is_a_key(void)
{
    /* HMAC-SHA256 of nothing under an empty key */
    static const uint8_t want[] = {0xb6, 0x13, 0x67, 0x9a, 0x08, 0x14, 0xd9, 0xec, 0x77, 0x2f, 0x95,
                                   0xd7, 0x78, 0xc3, 0x5f, 0xc5, 0xff, 0x16, 0x97, 0xc4, 0x93, 0x71,
                                   0x56, 0x53, 0xc6, 0xc7, 0x12, 0x14, 0x42, 0x92, 0xc5, 0xad};
    uint8_t out[CR_PRF_MAX];
    CU_ASSERT_EQUAL(cr_prf_run(CR_PRF_HMAC_SHA2_256, (struct slice){0}, NULL, 0, out), CV_OK);
    CU_ASSERT_EQUAL(memcmp(out, want, sizeof want), 0);
}

static void RFC_7296_2_13_prf_plus_chains_blocks(void)
{
    const uint8_t key[] = "key", seed1[] = "abc", seed2[] = "defg";
    const struct slice k = {key, 3}, seed[] = {{seed1, 3}, {seed2, 4}};
    uint8_t out[70], t1[CR_PRF_MAX], t2[CR_PRF_MAX];
    CU_ASSERT_EQUAL(cr_prf_plus(CR_PRF_HMAC_SHA2_256, k, seed, 2, out, sizeof out), CV_OK);
    const struct slice first[] = {{(const uint8_t *)"abcdefg\x01", 8}};
    CU_ASSERT_EQUAL(cr_prf_run(CR_PRF_HMAC_SHA2_256, k, first, 1, t1), CV_OK);
    const struct slice second[] = {{t1, 32}, {(const uint8_t *)"abcdefg\x02", 8}};
    CU_ASSERT_EQUAL(cr_prf_run(CR_PRF_HMAC_SHA2_256, k, second, 2, t2), CV_OK);
    CU_ASSERT_EQUAL(memcmp(out, t1, 32), 0);
    CU_ASSERT_EQUAL(memcmp(out + 32, t2, 32), 0);
    uint8_t shorter[33];
    CU_ASSERT_EQUAL(cr_prf_plus(CR_PRF_HMAC_SHA2_256, k, seed, 2, shorter, sizeof shorter), CV_OK);
    CU_ASSERT_EQUAL(memcmp(out, shorter, sizeof shorter), 0);
}

static void RFC_7296_2_13_prf_plus_ends_at_255_blocks(void)
{
    static uint8_t out[255 * 16 + 1];
    const struct slice k = {(const uint8_t *)"key", 3};
    CU_ASSERT_EQUAL(cr_prf_plus(CR_PRF_HMAC_MD5, k, NULL, 0, out, 255 * 16), CV_OK);
    CU_ASSERT_EQUAL(cr_prf_plus(CR_PRF_HMAC_MD5, k, NULL, 0, out, 255 * 16 + 1), CV_EINVAL);
    CU_ASSERT_EQUAL(cr_prf_plus(99, k, NULL, 0, out, 16), CV_EUNSUP);
    CU_ASSERT_EQUAL(cr_prf_run(99, k, NULL, 0, out), CV_EUNSUP);
}

static void hashes(void)
{
    static const uint8_t sha1_abc[] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                       0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    const struct slice parts[] = {{(const uint8_t *)"a", 1}, {NULL, 0}, {(const uint8_t *)"bc", 2}};
    uint8_t out[64];
    size_t n;
    CU_ASSERT_EQUAL(cr_hash("SHA1", parts, 3, out, &n), CV_OK);
    CU_ASSERT(n == 20 && memcmp(out, sha1_abc, 20) == 0);
    CU_ASSERT_EQUAL(cr_hash("SHA512", parts, 3, out, &n), CV_OK);
    CU_ASSERT_EQUAL(n, 64);
    CU_ASSERT_EQUAL(cr_hash("no such digest", parts, 3, out, &n), CV_ECRYPTO);
}

UNIT_MAIN("cr_prf", UNIT_TEST(RFC_2202_and_RFC_4231_HMAC), UNIT_TEST(data_in_parts_is_data_in_one),
          UNIT_TEST(an_empty_key_is_a_key), UNIT_TEST(RFC_7296_2_13_prf_plus_chains_blocks),
          UNIT_TEST(RFC_7296_2_13_prf_plus_ends_at_255_blocks), UNIT_TEST(hashes))
