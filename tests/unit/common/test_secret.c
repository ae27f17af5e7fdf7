/* secret: empty secrets are valid, wipes wipe, comparison sees every octet. */
#include "common/secret.h"
#include "tests/unit/unit.h"

#include <string.h>

/* Let the address sanitizer give NULL for what it finds too big, as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void new_secret_is_zeroed_and_frees_to_empty(void)
{
    struct secret s;
    static const uint8_t zero[64];
    CU_ASSERT_EQUAL(secret_new(&s, 64), CV_OK);
    CU_ASSERT_EQUAL(memcmp(s.p, zero, 64), 0);
    secret_free(&s);
    CU_ASSERT(s.p == NULL && s.n == 0);
    secret_free(&s);
}

static void a_copy_is_apart_from_its_source(void)
{
    uint8_t src[] = "key";
    struct secret s, none;
    CU_ASSERT_EQUAL(secret_copy(&s, src, 3), CV_OK);
    src[0] = 'x';
    CU_ASSERT(s.n == 3 && memcmp(s.p, "key", 3) == 0);
    secret_free(&s);
    CU_ASSERT_EQUAL(secret_copy(&none, NULL, 0), CV_OK);
    CU_ASSERT_EQUAL(none.n, 0);
    secret_free(&none);
}

static void too_much_memory_is_refused(void)
{
    struct secret s = {.n = 1};
    volatile size_t huge = SIZE_MAX / 2;
    if (secret_new(&s, huge) == CV_OK)
        CU_FAIL("half of the address space was given");
    CU_ASSERT(s.p == NULL && s.n == 0);
}

static void wipe_clears_every_octet(void)
{
    uint8_t b[33], zero[33] = {0};
    memset(b, 0xa5, sizeof b);
    secret_wipe(b, 32);
    CU_ASSERT_EQUAL(memcmp(b, zero, 32), 0);
    CU_ASSERT_EQUAL(b[32], 0xa5);
    secret_wipe(NULL, 0);
}

static void equality_sees_each_bit(void)
{
    uint8_t a[16] = {0}, b[16] = {0};
    CU_ASSERT_TRUE(secret_equal(a, b, 16));
    CU_ASSERT_TRUE(secret_equal(a, b, 0));
    for (unsigned bit = 0; bit < 128; bit++) {
        b[bit / 8] = (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(secret_equal(a, b, 16));
        b[bit / 8] = 0;
    }
}

UNIT_MAIN("secret", UNIT_TEST(new_secret_is_zeroed_and_frees_to_empty),
          UNIT_TEST(a_copy_is_apart_from_its_source), UNIT_TEST(too_much_memory_is_refused),
          UNIT_TEST(wipe_clears_every_octet), UNIT_TEST(equality_sees_each_bit))
