/* cr_dh: RFC 5903, RFC 5114, RFC 7748 vectors; MODP groups against Python; refusals of RFC 6989. */
#include "control/crypto/cr_dh.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static const uint16_t all_groups[] = {1, 2, 5, 14, 15, 16, 19, 20, 21, 24, 31};
enum { GROUPS = sizeof all_groups / sizeof *all_groups };

/* From the random octets that make this private value: groups with a prime order take 1 + r mod (n - 1), the others the
 * octets as they are. */
static struct cr_dh_key *key_of(uint16_t group, struct slice private)
{
    uint8_t random[128] = {0};
    const struct cr_dh_alg *alg = cr_dh(group);
    CU_ASSERT_FATAL(private.n <= alg->private_len);
    memcpy(random + alg->private_len - private.n, private.p, private.n);
    if (alg->private_len != private.n) {
        size_t i = alg->private_len;
        while (random[--i]-- == 0)
            ;
    }
    struct cr_dh_key *k;
    CU_ASSERT_EQUAL_FATAL(cr_dh_new(group, random, &k), CV_OK);
    return k;
}

static void check_agreement(const char *file, unsigned records)
{
    static struct vec v;
    FILE *f = vec_open(file);
    unsigned n = 0;
    while (vec_next(f, &v)) {
        uint16_t group = vec_number(&v, "group");
        struct cr_dh_key *a = key_of(group, vec_bytes(&v, "a")), *b = key_of(group, vec_bytes(&v, "b"));
        struct slice pub_a = vec_bytes(&v, "pub_a"), pub_b = vec_bytes(&v, "pub_b"), z = vec_bytes(&v, "z");
        CU_ASSERT(cr_dh_public(a).n == pub_a.n && VEC_EQUAL(cr_dh_public(a).p, pub_a));
        CU_ASSERT(cr_dh_public(b).n == pub_b.n && VEC_EQUAL(cr_dh_public(b).p, pub_b));
        struct secret za, zb;
        CU_ASSERT_EQUAL(cr_dh_shared(a, pub_b, &za), CV_OK);
        CU_ASSERT_EQUAL(cr_dh_shared(b, pub_a, &zb), CV_OK);
        CU_ASSERT(za.n == z.n && VEC_EQUAL(za.p, z));
        CU_ASSERT(zb.n == z.n && VEC_EQUAL(zb.p, z));
        secret_free(&za);
        secret_free(&zb);
        cr_dh_free(a);
        cr_dh_free(b);
        n++;
    }
    fclose(f);
    CU_ASSERT_EQUAL(n, records);
}

static void RFC_5903_RFC_5114_RFC_7748_agreement(void)
{
    check_agreement("dh.txt", 5);
}

static void MODP_groups_agree_with_Python(void)
{
    check_agreement("modp.txt", 6);
}

static struct cr_dh_key *some_key(uint16_t group, uint8_t seed)
{
    uint8_t random[128];
    struct cr_dh_key *k;
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(i * 37 + seed);
    CU_ASSERT_EQUAL_FATAL(cr_dh_new(group, random, &k), CV_OK);
    return k;
}

static bool refused(uint16_t group, const uint8_t *peer, size_t n)
{
    struct cr_dh_key *k = some_key(group, 3);
    struct secret z;
    cv_result r = cr_dh_shared(k, (struct slice){peer, n}, &z);
    CU_ASSERT(r == CV_OK || (z.p == NULL && z.n == 0));
    secret_free(&z);
    cr_dh_free(k);
    return r == CV_EINVAL;
}

static void every_group_agrees_with_itself_and_refuses_other_lengths(void)
{
    for (unsigned g = 0; g < GROUPS; g++) {
        uint16_t group = all_groups[g];
        struct cr_dh_key *a = some_key(group, 1), *b = some_key(group, 2);
        struct secret za, zb;
        uint8_t longer[CR_DH_PUBLIC_MAX + 1] = {0};
        struct slice pub = cr_dh_public(b);
        CU_ASSERT_EQUAL(cr_dh_group(a), group);
        CU_ASSERT_EQUAL(cr_dh_shared(a, pub, &za), CV_OK);
        CU_ASSERT_EQUAL(cr_dh_shared(b, cr_dh_public(a), &zb), CV_OK);
        CU_ASSERT(za.n == cr_dh(group)->secret_len && za.n == zb.n && secret_equal(za.p, zb.p, za.n));
        memcpy(longer + 1, pub.p, pub.n);
        CU_ASSERT(refused(group, longer, pub.n + 1));
        CU_ASSERT(refused(group, pub.p, pub.n - 1));
        CU_ASSERT(refused(group, NULL, 0));
        secret_free(&za);
        secret_free(&zb);
        cr_dh_free(a);
        cr_dh_free(b);
    }
}

static void subtract(uint8_t *value, size_t n, unsigned what)
{
    for (unsigned i = 0; i < what; i++)
        for (size_t at = n; at-- > 0 && value[at]-- == 0;)
            ;
}

/* CVE-2015-3240: 0, 1, p - 1; also p and more. */
static void RFC_6989_2_1_MODP_values_out_of_2_to_p_minus_2(void)
{
    static struct vec v;
    FILE *f = vec_open("modp.txt");
    while (vec_next(f, &v)) {
        uint16_t group = vec_number(&v, "group");
        struct slice p = vec_bytes(&v, "p");
        uint8_t y[CR_DH_PUBLIC_MAX] = {0};
        CU_ASSERT(refused(group, y, p.n));
        y[p.n - 1] = 1;
        CU_ASSERT(refused(group, y, p.n));
        y[p.n - 1] = 2;
        CU_ASSERT_FALSE(refused(group, y, p.n));
        memcpy(y, p.p, p.n);
        CU_ASSERT(refused(group, y, p.n));
        subtract(y, p.n, 1);
        CU_ASSERT(refused(group, y, p.n));
        subtract(y, p.n, 1);
        CU_ASSERT_FALSE(refused(group, y, p.n));
        memset(y, 0xff, p.n);
        CU_ASSERT(refused(group, y, p.n));
    }
    fclose(f);
}

static void RFC_6989_2_2_group_24_values_out_of_the_subgroup(void)
{
    uint8_t y[256] = {0};
    CU_ASSERT(refused(24, y, sizeof y));
    for (uint8_t small = 1; small < 20; small++) { /* in range, but not of order q */
        y[255] = small;
        CU_ASSERT(refused(24, y, sizeof y));
    }
}

static void RFC_6989_2_3_points_off_the_curve(void)
{
    for (uint16_t group = 19; group <= 21; group++) {
        uint8_t point[132];
        struct cr_dh_key *k = some_key(group, 9);
        struct slice pub = cr_dh_public(k);
        memcpy(point, pub.p, pub.n);
        CU_ASSERT_FALSE(refused(group, point, pub.n));
        point[pub.n - 1] ^= 1;
        CU_ASSERT(refused(group, point, pub.n));
        memset(point, 0, pub.n);
        CU_ASSERT(refused(group, point, pub.n)); /* (0, 0) stands for infinity in some codes */
        memset(point, 0xff, pub.n);
        CU_ASSERT(refused(group, point, pub.n)); /* coordinates over p */
        cr_dh_free(k);
    }
}

/* The field of group 21 leaves 7 bits free on the wire: x + p and y + p name the same point, but are not reduced. */
static void RFC_6989_2_3_coordinates_not_below_p(void)
{
    struct cr_dh_key *k = some_key(21, 9);
    struct slice pub = cr_dh_public(k);
    for (unsigned y = 0; y < 2; y++) {
        uint8_t point[132];
        unsigned carry = 1; /* + p = + 2^521 - 1: subtract 1, then set bit 521 */
        memcpy(point, pub.p, pub.n);
        for (size_t i = 66; i-- > 0 && carry;)
            carry = point[66 * y + i]-- == 0;
        point[66 * y] |= 2;
        CU_ASSERT(refused(21, point, sizeof point));
    }
    cr_dh_free(k);
}

/* RFC 7748 6.1, RFC 8031 3.2: points of small order give all zeros. */
static void RFC_7748_6_1_X25519_all_zero_result(void)
{
    static const uint8_t order8[32] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
                                       0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
                                       0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
    uint8_t u[32] = {0};
    CU_ASSERT(refused(31, u, 32));
    u[0] = 1;
    CU_ASSERT(refused(31, u, 32));
    CU_ASSERT(refused(31, order8, 32));
    u[0] = 9;
    CU_ASSERT_FALSE(refused(31, u, 32));
}

static void degenerate_randomness_and_unknown_groups(void)
{
    uint8_t random[128] = {0};
    struct cr_dh_key *k = NULL;
    for (unsigned g = 0; g < 6; g++) {
        CU_ASSERT_EQUAL(cr_dh_new(all_groups[g], random, &k), CV_EINVAL);
        CU_ASSERT_PTR_NULL(k);
    }
    CU_ASSERT_EQUAL(cr_dh_new(0, random, &k), CV_EUNSUP);
    CU_ASSERT_EQUAL(cr_dh_new(1025, random, &k), CV_EUNSUP);
    cr_dh_free(NULL);
}

UNIT_MAIN("cr_dh", UNIT_TEST(RFC_5903_RFC_5114_RFC_7748_agreement), UNIT_TEST(MODP_groups_agree_with_Python),
          UNIT_TEST(every_group_agrees_with_itself_and_refuses_other_lengths),
          UNIT_TEST(RFC_6989_2_1_MODP_values_out_of_2_to_p_minus_2),
          UNIT_TEST(RFC_6989_2_2_group_24_values_out_of_the_subgroup),
          UNIT_TEST(RFC_6989_2_3_points_off_the_curve), UNIT_TEST(RFC_6989_2_3_coordinates_not_below_p),
          UNIT_TEST(RFC_7748_6_1_X25519_all_zero_result), UNIT_TEST(degenerate_randomness_and_unknown_groups))
