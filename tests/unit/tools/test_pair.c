/* exp_pair: which tunnel belongs to which. */
#include "control/tools/exp_pair.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define IPSEC                                                                                                \
    "crypto isakmp key k address 0.0.0.0\ncrypto ipsec transform-set T esp-aes esp-sha-hmac\ncrypto ipsec "  \
    "profile P\n set "                                                                                       \
    "transform-set T\n"

static struct exp_side side[2];
static struct exp_units units[2];
static struct exp_pairs pairs;
static char why[200];

/* tunnels: "N SOURCE DESTINATION\n" each. */
static void make(enum exp_end e, const char *tunnels)
{
    char text[4096], source[64], destination[64];
    int n, used = 0, read;
    used = snprintf(text, sizeof text, IPSEC);
    while (sscanf(tunnels, "%d %63s %63s%n", &n, source, destination, &read) == 3) {
        used += snprintf(text + used, sizeof text - (size_t)used,
                         "interface Tunnel%d\n tunnel source %s\n tunnel destination %s\n tunnel protection "
                         "ipsec profile P\n",
                         n, source, destination);
        tunnels += read;
    }
    CU_ASSERT_EQUAL_FATAL(exp_side_parse(text, "x", e, false, &side[e]), CV_OK);
    CU_ASSERT_EQUAL_FATAL(exp_units_of(side[e].cfg, &units[e]), CV_OK);
}

static cv_result pair(const char *a, const char *b, const char *only)
{
    make(EXP_A, a);
    make(EXP_B, b);
    return exp_pairs_of(units, only, &pairs, why, sizeof why);
}

static void done(void)
{
    exp_pairs_free(&pairs);
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        exp_units_free(&units[e]);
        exp_side_free(&side[e]);
    }
}

static void mirrored_addresses_make_pairs(void)
{
    CU_ASSERT_EQUAL(
        pair("1 10.0.0.1 10.0.0.2 2 10.0.0.1 10.0.0.3", "7 10.0.0.3 10.0.0.1 8 10.0.0.2 10.0.0.1", NULL),
        CV_OK);
    CU_ASSERT_EQUAL_FATAL(pairs.count, 2);
    CU_ASSERT_STRING_EQUAL(pairs.pair[0].name[EXP_A], "Tunnel1");
    CU_ASSERT_STRING_EQUAL(pairs.pair[0].name[EXP_B], "Tunnel8");
    CU_ASSERT_STRING_EQUAL(pairs.pair[1].name[EXP_B], "Tunnel7");
    CU_ASSERT(pairs.pair[0].mirrored && pairs.pair[1].mirrored);
    done();
}

static void tunnels_of_others_are_left_out(void)
{
    CU_ASSERT_EQUAL(
        pair("1 10.0.0.1 10.0.0.2", "1 10.0.0.2 10.0.0.1 2 10.0.0.2 10.0.0.9 3 10.0.0.2 10.0.0.8", NULL),
        CV_OK);
    CU_ASSERT_EQUAL(pairs.count, 1);
    CU_ASSERT_EQUAL(pairs.left_out[EXP_A], 0);
    CU_ASSERT_EQUAL(pairs.left_out[EXP_B], 2);
    done();
}

static void without_a_mirrored_pair_the_nearest_is_taken(void)
{
    CU_ASSERT_EQUAL(pair("1 10.0.0.1 10.0.0.2", "1 10.0.0.9 10.0.0.8 2 10.0.0.9 10.0.0.1", NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pairs.count, 1);
    CU_ASSERT_FALSE(pairs.pair[0].mirrored);
    CU_ASSERT_STRING_EQUAL(pairs.pair[0].name[EXP_B], "Tunnel2");
    done();
}

static void a_name_picks_of_either_end(void)
{
    static const char a[] = "1 10.0.0.1 10.0.0.2 2 10.0.0.1 10.0.0.3",
                      b[] = "7 10.0.0.3 10.0.0.1 8 10.0.0.2 10.0.0.1";
    CU_ASSERT_EQUAL(pair(a, b, "Tunnel2"), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pairs.count, 1);
    CU_ASSERT_STRING_EQUAL(pairs.pair[0].name[EXP_B], "Tunnel7");
    done();
    CU_ASSERT_EQUAL(pair(a, b, "tu8"), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pairs.count, 1);
    CU_ASSERT_STRING_EQUAL(pairs.pair[0].name[EXP_A], "Tunnel1");
    done();
    CU_ASSERT_EQUAL(pair(a, b, "Tunnel5"), CV_ENOENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "Tunnel5"));
    done();
}

static void two_tunnels_between_two_addresses_go_one_to_one(void)
{
    CU_ASSERT_EQUAL(
        pair("1 10.0.0.1 10.0.0.2 2 10.0.0.1 10.0.0.2", "1 10.0.0.2 10.0.0.1 2 10.0.0.2 10.0.0.1", NULL),
        CV_OK);
    CU_ASSERT_EQUAL_FATAL(pairs.count, 2);
    CU_ASSERT_STRING_NOT_EQUAL(pairs.pair[0].name[EXP_B], pairs.pair[1].name[EXP_B]);
    done();
}

static void an_end_that_protects_nothing_is_told(void)
{
    CU_ASSERT_EQUAL(pair("1 10.0.0.1 10.0.0.2", "", NULL), CV_ENOENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "B protects nothing"));
    done();
}

UNIT_MAIN("tools-pair", UNIT_TEST(mirrored_addresses_make_pairs), UNIT_TEST(tunnels_of_others_are_left_out),
          UNIT_TEST(without_a_mirrored_pair_the_nearest_is_taken), UNIT_TEST(a_name_picks_of_either_end),
          UNIT_TEST(two_tunnels_between_two_addresses_go_one_to_one),
          UNIT_TEST(an_end_that_protects_nothing_is_told))
