/* crypto pki certificate map: which certificates its lines take. Section 4.5. */
#include "control/config/cfg.h"
#include "control/config/cfg_certmap.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct cfg_cert_facts r1 = {
    .subject = "serialNumber=100+ipaddress=192.168.0.1+hostname=R1.cisco.com,cn=R1,ou=IT,o=cisco,o=com",
    .issuer = "cn=CA1,o=cisco,o=com",
    .serial = "0A",
    .unstructured = "R1.cisco.com 192.168.0.1",
    .alt_count = 2,
    .alt = {"R1.cisco.com", "192.168.0.1"},
    .not_before = 1371475501,
    .not_after = 1403011501};

static unsigned seq;

/* The lines, each in a map of sequence 10, against r1. */
static bool takes(const char *lines)
{
    char text[1024];
    struct cfg *c = NULL;
    struct cfg_findings f;
    snprintf(text, sizeof text, "crypto pki certificate map M 10\n%s", lines);
    CU_ASSERT_EQUAL_FATAL(cfg_parse(text, "x", &c, &f), CV_OK);
    cfg_findings_free(&f);
    seq = 0;
    bool taken = cfg_certmap_matches(c, "M", &r1, &seq);
    cfg_free(c);
    return taken;
}

static void blanks_around_equals_and_case_do_not_matter(void)
{
    CU_ASSERT(takes(" subject-name co ou = it\n"));
    CU_ASSERT(takes(" subject-name co CN =R1 , OU= IT\n"));
    CU_ASSERT(takes(" subject-name co \"ou = IT\"\n"));
    CU_ASSERT_FALSE(takes(" subject-name co ou = its\n"));
    CU_ASSERT(takes(" issuer-name eq CN=CA1,O=cisco,O=com\n"));
    CU_ASSERT_FALSE(takes(" issuer-name eq CN=CA1\n"));
}

static void each_operator_and_field(void)
{
    CU_ASSERT(takes(" subject-name nc ou=sales\n") && !takes(" subject-name nc ou=it\n"));
    CU_ASSERT(takes(" issuer-name ne cn=CA2\n") && !takes(" issuer-name ne cn=ca1,o=cisco,o=com\n"));
    CU_ASSERT(takes(" alt-subject-name eq r1.CISCO.com\n") && !takes(" alt-subject-name co R2\n"));
    CU_ASSERT(takes(" alt-subject-name nc R2\n") && !takes(" alt-subject-name nc 192.168\n"));
    CU_ASSERT(takes(" name co 192.168.0.1\n") && takes(" name co ou=it\n") && !takes(" name co R2\n"));
    CU_ASSERT(takes(" unstructured-subject-name co cisco.com\n"));
    CU_ASSERT(takes(" serial-number eq 0x0a\n") && takes(" serial-number eq A\n") &&
              !takes(" serial-number eq 0B\n"));
    CU_ASSERT(takes(" serial-number ne 0B\n") && takes(" serial-number co 0\n"));
    CU_ASSERT(takes(" valid-start lt Jun 18 2013\n") && !takes(" valid-start ge Jun 18 2013\n"));
    CU_ASSERT(takes(" expires-on ge 17 jun 2014 13:25:01 UTC\n") &&
              takes(" expires-on eq Jun 17 2014 13:25:01\n"));
    CU_ASSERT(!takes(" expires-on ne Jun 17 2014 13:25:01\n") &&
              !takes(" expires-on lt Jun 17 2014 13:25:01\n"));
}

static void lines_all_hold_and_one_sequence_will_do(void)
{
    CU_ASSERT(takes(" subject-name co ou=it\n issuer-name co ca1\n") && seq == 10);
    CU_ASSERT_FALSE(takes(" subject-name co ou=it\n issuer-name co ca2\n"));
    CU_ASSERT(takes(" issuer-name co ca2\ncrypto pki certificate map M 20\n issuer-name co ca1\n") &&
              seq == 20);
    CU_ASSERT(takes(" issuer-name co ca2\ncrypto pki certificate map M 5\n issuer-name co ca1\n") &&
              seq == 5);
    CU_ASSERT_FALSE(takes(" issuer-name co ca2\ncrypto pki certificate map N 20\n issuer-name co ca1\n"));
    CU_ASSERT(takes(""));
}

static void what_is_absent_matches_nothing(void)
{
    static const struct cfg_cert_facts none = {.subject = "cn=x"};
    struct cfg *c = NULL;
    struct cfg_findings f;
    CU_ASSERT_EQUAL_FATAL(cfg_parse("crypto pki certificate map M 10\n unstructured-subject-name co x\n"
                                    "crypto pki certificate map N 10\n alt-subject-name co x\n",
                                    "x", &c, &f),
                          CV_OK);
    cfg_findings_free(&f);
    CU_ASSERT_FALSE(cfg_certmap_matches(c, "M", &none, NULL));
    CU_ASSERT_FALSE(cfg_certmap_matches(c, "N", &none, NULL));
    CU_ASSERT_FALSE(cfg_certmap_matches(c, "nowhere", &none, NULL));
    cfg_free(c);
}

/* A name in a certificate may hold what no configuration does. */
static bool of_name(const char *lines, const char *name)
{
    char text[1024];
    struct cfg *c = NULL;
    struct cfg_findings f;
    struct cfg_cert_facts x = r1;
    x.unstructured = name;
    snprintf(text, sizeof text, "crypto pki certificate map M 10\n%s", lines);
    CU_ASSERT_EQUAL_FATAL(cfg_parse(text, "x", &c, &f), CV_OK);
    cfg_findings_free(&f);
    bool taken = cfg_certmap_matches(c, "M", &x, NULL);
    cfg_free(c);
    return taken;
}

static void line_feeds_and_their_like_in_a_name_are_blanks(void)
{
    static const char *const names[] = {"R1.cisco.com\n", "\v\f\r\nR1.cisco.com", "R1\n.\fcisco.com"};
    CU_ASSERT(of_name(" unstructured-subject-name eq r1.cisco.com\n", names[0]));
    CU_ASSERT(of_name(" unstructured-subject-name eq r1.cisco.com\n", names[1]));
    CU_ASSERT_FALSE(of_name(" unstructured-subject-name eq r1.cisco.com\n", names[2]));
    CU_ASSERT(of_name(" unstructured-subject-name eq \"r1 . cisco.com\"\n", names[2]));
}

static void what_stands_far_behind_in_a_long_name_counts(void)
{
    enum { LONG = 10000 };
    static char name[CFG_CERTMAP_TEXT_MAX + 16];
    memset(name, 'x', LONG);
    snprintf(name + LONG, 16, ",ou=banned");
    CU_ASSERT(of_name(" unstructured-subject-name co ou=banned\n", name));
    CU_ASSERT_FALSE(of_name(" unstructured-subject-name nc ou=banned\n", name));
    memset(name, 'x', sizeof name - 1); /* longer than anything that is looked at: no line holds */
    CU_ASSERT_FALSE(of_name(" unstructured-subject-name nc ou=banned\n", name));
    CU_ASSERT_FALSE(of_name(" subject-name ne ou=banned\n", name));
    CU_ASSERT_FALSE(of_name("", name));
}

static void times_that_are_none(void)
{
    int64_t t;
    char text[32];
    static const char *const bad[] = {"",           "Feb 29 2030",         "Jan 1 1900",
                                      "Jan 1",      "Jan 1 2030 25:00:00", "Jan 1 2030 12:00:00 CET",
                                      "Foo 1 2030", "Jan 1 2030 x"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_FALSE(cfg_certmap_time(bad[i], &t));
    CU_ASSERT(cfg_certmap_time("Feb 29 2028 23:59:59", &t));
    cfg_certmap_time_text(t, text);
    CU_ASSERT_STRING_EQUAL(text, "Feb 29 2028 23:59:59");
}

UNIT_MAIN("config-certmap", UNIT_TEST(blanks_around_equals_and_case_do_not_matter),
          UNIT_TEST(each_operator_and_field), UNIT_TEST(lines_all_hold_and_one_sequence_will_do),
          UNIT_TEST(what_is_absent_matches_nothing),
          UNIT_TEST(line_feeds_and_their_like_in_a_name_are_blanks),
          UNIT_TEST(what_stands_far_behind_in_a_long_name_counts), UNIT_TEST(times_that_are_none))
