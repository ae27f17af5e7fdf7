/* unit: the few lines every CUnit executable of tests/unit shares. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNIT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNIT_SANITIZED 1
#endif
#endif
#ifndef UNIT_SANITIZED
#define UNIT_SANITIZED 0
#endif

struct unit_test {
    const char *name;
    void (*run)(void);
};

#define UNIT_TEST(fn)                                                                                        \
    {                                                                                                        \
#fn, fn                                                                                              \
    }

/* How many of n seeded rounds to do: all, but a fourth under AddressSanitizer, which takes ten times as long for each and is there for
 * what all rounds have in common; the plain build does every one. With CULVERT_LONG in the environment: all. */
static inline unsigned unit_rounds(unsigned n)
{
    return UNIT_SANITIZED && !getenv("CULVERT_LONG") ? (n + 3) / 4 : n;
}

/* Runs the tests as one suite; exit status 1 when an assertion failed or nothing ran. */
static inline int unit_run(const char *suite_name, const struct unit_test *tests, unsigned count)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 1;
    CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
    for (unsigned i = 0; suite && i < count; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            return 1;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_tests_failed(), run = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return failed || run != count || !suite ? 1 : 0;
}

#define UNIT_MAIN(suite, ...)                                                                                \
    int main(void)                                                                                           \
    {                                                                                                        \
        static const struct unit_test tests[] = {__VA_ARGS__};                                               \
        return unit_run(suite, tests, sizeof tests / sizeof tests[0]);                                       \
    }

#endif
