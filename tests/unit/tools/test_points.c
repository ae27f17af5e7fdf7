/* LN-8: symmetric trust-points. */
#include "control/tools/exp_points.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define CA(name, url) "crypto pki trustpoint " name "\n enrollment url http://" url "\n"
#define V1(lines)                                                                                            \
    "crypto isakmp policy 10\n encr aes\n group 14\ncrypto isakmp profile P\n match identity host x\n" lines \
    "crypto ipsec profile I\n set isakmp-profile P\n"
#define V2(lines)                                                                                            \
    "crypto ikev2 profile P\n match identity remote any\n authentication local rsa-sig\n"                    \
    " authentication remote rsa-sig\n" lines "crypto ipsec profile I\n set ikev2-profile P\n"

static bool differ(const char *a, const char *b, enum cfg_ike_version version)
{
    const char *text[2] = {a, b};
    struct cfg *c[2];
    struct cfg_findings f;
    struct exp_points p[2];
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(cfg_parse(text[i], "x", &c[i], &f), CV_OK);
        cfg_findings_free(&f);
        exp_points_of(c[i], cfg_find_ipsec_profile(c[i], "I"), version, &p[i]);
    }
    const struct cfg *const both[2] = {c[0], c[1]};
    bool d = exp_points_differ(both, p);
    cfg_free(c[0]);
    cfg_free(c[1]);
    return d;
}

static void LN_8_a_list_at_one_end_and_two_CAs_at_the_other(void)
{
    const char *two = CA("IOSCA1", "a") CA("IOSCA2", "b") V1("");
    CU_ASSERT(differ(CA("IOSCA1", "a") CA("IOSCA2", "b") V1(" ca trust-point IOSCA1\n"), two, CFG_IKEV1));
    CU_ASSERT_FALSE(differ(two, two, CFG_IKEV1)); /* CT-12: nobody names any */
    CU_ASSERT_FALSE(differ(CA("IOSCA1", "a") V1(" ca trust-point IOSCA1\n"),
                           CA("X", "a") V1(" ca trust-point X\n"), CFG_IKEV1));
    CU_ASSERT(differ(CA("IOSCA1", "a") V1(" ca trust-point IOSCA1\n"),
                     CA("IOSCA1", "b") V1(" ca trust-point IOSCA1\n"), CFG_IKEV1));
}

static void LN_8_C16_and_C17(void)
{
    CU_ASSERT(
        differ(V2(" pki trustpoint TP1\n"), V2(" pki trustpoint TP1\n pki trustpoint TP2\n"), CFG_IKEV2));
    CU_ASSERT_FALSE(differ(V2(" pki trustpoint TP2\n pki trustpoint TP1\n"),
                           V2(" pki trustpoint TP1\n pki trustpoint TP2\n"), CFG_IKEV2));
}

static void LN_8_pre_shared_keys_have_no_CA(void)
{
    const char *psk =
        CA("A",
           "a") "crypto ikev2 profile P\n match identity remote any\n authentication local pre-share key k\n"
                " authentication remote pre-share key k\n pki trustpoint A\ncrypto ipsec profile I\n set "
                "ikev2-profile P\n";
    CU_ASSERT_FALSE(differ(psk, V2(" pki trustpoint B\n"), CFG_IKEV2));
}

static void by_the_certificates_in_the_files(void)
{
    static const char one[] =
        CA("A", "a") "crypto pki certificate chain A\n certificate ca 01\n  3003020101\n  quit\n" V2(
            " pki trustpoint A\n");
    static const char same[] =
        CA("B", "b") "crypto pki certificate chain B\n certificate ca 01\n  3003020101\n  quit\n" V2(
            " pki trustpoint B\n");
    static const char other[] =
        CA("A", "a") "crypto pki certificate chain A\n certificate ca 01\n  3003020102\n  quit\n" V2(
            " pki trustpoint A\n");
    CU_ASSERT_FALSE(differ(one, same, CFG_IKEV2));
    CU_ASSERT(differ(one, other, CFG_IKEV2));
}

UNIT_MAIN("tools-points", UNIT_TEST(LN_8_a_list_at_one_end_and_two_CAs_at_the_other),
          UNIT_TEST(LN_8_C16_and_C17), UNIT_TEST(LN_8_pre_shared_keys_have_no_CA),
          UNIT_TEST(by_the_certificates_in_the_files))
