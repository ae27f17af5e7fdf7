/* The golden files of tests/golden/check: FILE.conf, what `check` prints (FILE.txt) and its JSON (FILE.json). To take over
 * what this release prints, after reading it: run with CULVERT_BLESS=1. */
#include "control/config/cfg_report.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GOLDEN
#error "GOLDEN names the directory of the golden files"
#endif

static char *slurp(const char *file)
{
    char *text = calloc(1, 1 << 16);
    FILE *f = fopen(file, "re");
    if (f && text)
        text[fread(text, 1, (1 << 16) - 1, f)] = '\0';
    if (f)
        fclose(f);
    return text;
}

static void same_as(const char *conf, const char *ending, const char *got)
{
    char file[512];
    snprintf(file, sizeof file, "%.*s%s", (int)(strlen(conf) - strlen(".conf")), conf, ending);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    if (getenv("CULVERT_BLESS")) {
        FILE *f = fopen(file, "we");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fputs(got, f);
        fclose(f);
    }
    char *want = slurp(file);
    CU_ASSERT_PTR_NOT_NULL_FATAL(want);
    CU_ASSERT(want[0] != '\0');
    if (strcmp(want, got) != 0)
        printf("\n%s, expected:\n%s\ngot:\n%s\n", file, want, got);
    CU_ASSERT_STRING_EQUAL(want, got);
    free(want);
}

static void check_one(const char *conf)
{
    struct cfg *c;
    struct cfg_findings f;
    char name[512];
    snprintf(name, sizeof name, "%s", conf);
    cv_result r = cfg_load(conf, &c, &f);
    CU_ASSERT_EQUAL(r == CV_OK, c != NULL);
    if (r == CV_OK)
        CU_ASSERT_EQUAL(cfg_lint(c, &f), CV_OK);
    char *text = cfg_report_text(&f, basename(name)), *json = cfg_report_json(&f, basename(name));
    same_as(conf, ".txt", text);
    same_as(conf, ".json", json);
    for (unsigned i = 1; i < f.count; i++)
        CU_ASSERT(f.items[i - 1].line <= f.items[i].line);
    free(text);
    free(json);
    cfg_findings_free(&f);
    cfg_free(c);
}

static void findings_are_those_of_the_golden_files(void)
{
    glob_t g;
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/*.conf", 0, NULL, &g), 0);
    CU_ASSERT(g.gl_pathc >= 33);
    for (size_t i = 0; i < g.gl_pathc; i++)
        check_one(g.gl_pathv[i]);
    globfree(&g);
}

/* ---- rule by rule: check/ln-N*.conf has one finding's cause, check/remedied/ln-N*.conf is the same after its remedy ---------- */
/* Findings of a rule, or of any when NULL, that are at least this bad. */
static unsigned findings(const char *conf, const char *rule, enum cfg_severity least)
{
    struct cfg *c;
    struct cfg_findings f;
    unsigned n = 0;
    CU_ASSERT_EQUAL_FATAL(cfg_load(conf, &c, &f), CV_OK);
    CU_ASSERT_EQUAL(cfg_lint(c, &f), CV_OK);
    for (unsigned i = 0; i < f.count; i++) {
        bool counts = f.items[i].severity <= least && (!rule || strcmp(f.items[i].rule, rule) == 0);
        n += counts;
        if (counts)
            CU_ASSERT(f.items[i].remedy[0] != '\0');
    }
    cfg_findings_free(&f);
    cfg_free(c);
    return n;
}

/* The cause brings findings of this rule and no other warning or error; each remedy leaves no warning, and none of the rule. */
static void remedies_of(const char *rule, const char *stem, unsigned files)
{
    glob_t cause, after;
    char pattern[512];
    snprintf(pattern, sizeof pattern, GOLDEN "/%s{,-*}.conf", stem);
    CU_ASSERT_EQUAL_FATAL(glob(pattern, GLOB_BRACE, NULL, &cause), 0);
    CU_ASSERT_EQUAL(cause.gl_pathc, files);
    for (size_t i = 0; i < cause.gl_pathc; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s", strrchr(cause.gl_pathv[i], '/') + 1);
        name[strlen(name) - strlen(".conf")] = '\0';
        CU_ASSERT(findings(cause.gl_pathv[i], rule, CFG_INFO) > 0);
        CU_ASSERT_EQUAL(findings(cause.gl_pathv[i], rule, CFG_WARNING),
                        findings(cause.gl_pathv[i], NULL, CFG_WARNING));
        snprintf(pattern, sizeof pattern, GOLDEN "/remedied/%s{,.?}.conf", name);
        CU_ASSERT_EQUAL_FATAL(glob(pattern, GLOB_BRACE, NULL, &after), 0);
        for (size_t k = 0; k < after.gl_pathc; k++) {
            CU_ASSERT_EQUAL(findings(after.gl_pathv[k], rule, CFG_INFO), 0);
            CU_ASSERT_EQUAL(findings(after.gl_pathv[k], NULL, CFG_WARNING), 0);
        }
        globfree(&after);
    }
    globfree(&cause);
}

static void LN_1_two_keys_for_one_address(void)
{
    remedies_of("LN-1", "ln-1", 2);
}

static void LN_2_several_keyrings(void)
{
    remedies_of("LN-2", "ln-2", 1);
}

static void LN_3_global_keys_beside_keyrings(void)
{
    remedies_of("LN-3", "ln-3", 2);
}

static void LN_4_isakmp_profiles_that_match_the_same(void)
{
    remedies_of("LN-4", "ln-4", 2);
}

static void LN_5_ikev2_profiles_that_match_the_same(void)
{
    remedies_of("LN-5", "ln-5", 2);
}

static void LN_6_no_ike_profile_bound(void)
{
    remedies_of("LN-6", "ln-6", 3);
}

static void LN_11_another_profile_than_the_bound_one_answers(void)
{
    remedies_of("LN-11", "ln-11", 3);
}

static void LN_12_weak_algorithms(void)
{
    remedies_of("LN-12", "ln-12", 5);
}

static void LN_13_a_dynamic_entry_before_a_static_one(void)
{
    remedies_of("LN-13", "ln-13", 1);
}

static void LN_14_an_inner_vrf_under_an_ike_profile(void)
{
    remedies_of("LN-14", "ln-14", 2);
}

static void LN_15_a_local_address_without_its_vrf(void)
{
    remedies_of("LN-15", "ln-15", 1);
}

static struct cfg_findings found;

static const struct cfg_finding *lint(const char *text, const char *rule)
{
    struct cfg *c = NULL;
    cfg_findings_free(&found);
    CU_ASSERT_EQUAL_FATAL(cfg_parse(text, "x", &c, &found), CV_OK);
    CU_ASSERT_EQUAL(cfg_lint(c, &found), CV_OK);
    cfg_free(c);
    for (unsigned i = 0; i < found.count; i++)
        if (strcmp(found.items[i].rule, rule) == 0)
            return &found.items[i];
    return NULL;
}

#define PSK                                                                                                  \
    " authentication local pre-share key k\n authentication remote pre-share key k\n identity local fqdn "   \
    "me\n"
#define A "crypto ikev2 profile A\n match identity remote "
#define B PSK "crypto ikev2 profile B\n match identity remote "

static void LN_5_warns_of_equal_and_tells_of_overlapping_matches(void)
{
    const struct cfg_finding *f = lint(A "any\n" B "any\n" PSK, "LN-5");
    CU_ASSERT(f && f->severity == CFG_WARNING);
    f = lint(A "fqdn domain x.org\n" B "fqdn a.x.org\n" PSK, "LN-5");
    CU_ASSERT(f && f->severity == CFG_INFO);
    f = lint(A "address 10.0.0.0/8\n" B "address 10.1.0.0/16\n" PSK, "LN-5");
    CU_ASSERT(f && f->severity == CFG_INFO);
    CU_ASSERT_PTR_NULL(lint(A "address 10.0.0.0/8\n" B "address 11.0.0.0/8\n" PSK, "LN-5"));
    CU_ASSERT_PTR_NULL(lint(A "fqdn a.x.org\n" B "email a@x.org\n" PSK, "LN-5"));
    CU_ASSERT_PTR_NULL(
        lint(A "any\n match address local 10.0.0.1\n" B "any\n match address local 10.0.0.2\n" PSK, "LN-5"));
    CU_ASSERT_PTR_NULL(lint(A "any\n shutdown\n" B "any\n" PSK, "LN-5"));
    CU_ASSERT_PTR_NULL(lint("vrf definition V\n" A "any\n match fvrf V\n" B "any\n" PSK, "LN-5"));
}

static void LN_10_signing_without_a_trustpoint_is_an_error(void)
{
    const struct cfg_finding *f =
        lint(A "any\n authentication local rsa-sig\n authentication remote rsa-sig\n", "LN-10");
    CU_ASSERT(f && f->severity == CFG_ERROR);
    CU_ASSERT_PTR_NULL(
        lint(A "any\n authentication local rsa-sig\n authentication remote rsa-sig\n pki trustpoint T\n",
             "LN-10"));
}

#define RING(name, more) "crypto keyring " name more " pre-shared-key address 10.0.0.1 key k\n"
#define USERS            "crypto isakmp profile P\n keyring A\ncrypto isakmp profile Q\n keyring B\n"
static void LN_2_keyrings_for_different_addresses_or_vrfs_do_not_meet(void)
{
    CU_ASSERT_PTR_NOT_NULL(lint(RING("A", "\n") RING("B", "\n") USERS, "LN-2"));
    CU_ASSERT_PTR_NULL(lint(RING("A", "\n") RING("B", "\n") "crypto isakmp profile P\n keyring A\n", "LN-2"));
    CU_ASSERT_PTR_NULL(lint(
        RING("A", "\n local-address 10.0.1.1\n") RING("B", "\n local-address 10.0.1.2\n") USERS, "LN-2"));
    CU_ASSERT_PTR_NULL(lint("vrf definition V\n" RING("A", " vrf V\n") RING("B", "\n") USERS, "LN-2"));
    CU_ASSERT_PTR_NOT_NULL(lint("vrf definition V\n" RING("0", " vrf V\n") RING("A", "\n") RING("B", "\n")
                                    USERS "crypto isakmp profile R\n keyring 0\n",
                                "LN-2"));
}

static void LN_3_a_global_key_does_not_touch_keyrings_of_another_vrf(void)
{
    const char *global = "crypto isakmp key k address 0.0.0.0\nvrf definition V\n" RING("A", " vrf V\n");
    CU_ASSERT_PTR_NULL(lint(global, "LN-3"));
    CU_ASSERT_PTR_NOT_NULL(lint("crypto isakmp key k address 0.0.0.0\n" RING("A", "\n"), "LN-3"));
}

static void LN_12_the_builtin_proposal_is_weak_only_when_it_is_used(void)
{
    const struct cfg_finding *f = lint(A "any\n" PSK, "LN-12");
    CU_ASSERT(f && f->severity == CFG_WARNING && strstr(f->text, "built in"));
    CU_ASSERT_PTR_NULL(lint("hostname x\n", "LN-12"));
    CU_ASSERT_PTR_NULL(lint("crypto ikev2 proposal P\n encryption aes-gcm-128\n prf sha256\n group 19\n"
                            "crypto ikev2 policy P\n proposal P\n" A "any\n" PSK,
                            "LN-12"));
}

static void per_worker_is_held_to_what_can_be(void)
{
#define WORKERS(n) "platform dataplane\n workers " n "\n"
#define PROFILE    "crypto ipsec profile P\n set security-association per-worker"
    const struct cfg_finding *f = lint(WORKERS("2") PROFILE " 3\n", "per-worker");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(f->severity == CFG_WARNING && f->line == 3 && strstr(f->text, "2 workers"));
    CU_ASSERT_PTR_NULL(lint(WORKERS("3") PROFILE " 3\n", "per-worker"));
    CU_ASSERT_PTR_NULL(lint("platform dataplane\n lcores 1-3\n" PROFILE " 3\n", "per-worker"));
    CU_ASSERT_PTR_NULL(lint(WORKERS("2") PROFILE "\n", "per-worker"));
    f = lint(PROFILE "\n", "per-worker");
    CU_ASSERT(f && f->severity == CFG_INFO);
    f = lint(WORKERS("2") "crypto isakmp profile I\n" PROFILE "\n set isakmp-profile I\n", "per-worker");
    CU_ASSERT(f && f->severity == CFG_WARNING && strstr(f->text, "IKEv1"));
    f = lint(WORKERS("2") "crypto map M 7 ipsec-isakmp\n set security-association per-worker 9\n",
             "per-worker");
    CU_ASSERT(f && f->severity == CFG_WARNING && f->line == 3);
}

static void a_lifetime_of_few_packets_is_warned_of(void)
{
#define LIFE "security-association lifetime packets "
    const struct cfg_finding *f =
        lint("hostname x\ncrypto ipsec profile P\n set " LIFE "1000\n", "lifetime-packets");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(f->severity == CFG_WARNING && f->line == 2 && strstr(f->text, "profile P") &&
              strstr(f->text, "1000 packets"));
    f = lint("crypto ipsec " LIFE
             "99999\ncrypto map M 7 ipsec-isakmp\n set security-association idle-time 60\n",
             "lifetime-packets");
    CU_ASSERT(f && f->line == 2 && strstr(f->text, "crypto map M"));
    CU_ASSERT_PTR_NULL(lint("crypto ipsec " LIFE "99999\ncrypto ipsec profile P\n set " LIFE "disable\n",
                            "lifetime-packets"));
    CU_ASSERT_PTR_NULL(lint("crypto ipsec profile P\n set " LIFE "100000\n", "lifetime-packets"));
    CU_ASSERT_PTR_NULL(lint("crypto ipsec profile P\n", "lifetime-packets"));
}

static void json_survives_octets_that_are_no_utf8(void)
{
    struct cfg *c;
    cfg_findings_free(&found);
    CU_ASSERT_EQUAL(cfg_parse("caf\xe9\n", "x", &c, &found), CV_EPARSE);
    char *json = cfg_report_json(&found, "x\xff.conf");
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_PTR_NOT_NULL(strstr(json, "caf?"));
    free(json);
    char *errors = cfg_report_errors(&found, "culvert", "f.conf");
    CU_ASSERT_PTR_NOT_NULL_FATAL(errors);
    CU_ASSERT_EQUAL(strncmp(errors, "culvert: f.conf:1: ", 19), 0);
    free(errors);
    cfg_findings_free(&found);
}

UNIT_MAIN("config-lint", UNIT_TEST(findings_are_those_of_the_golden_files),
          UNIT_TEST(LN_1_two_keys_for_one_address), UNIT_TEST(LN_2_several_keyrings),
          UNIT_TEST(LN_3_global_keys_beside_keyrings), UNIT_TEST(LN_4_isakmp_profiles_that_match_the_same),
          UNIT_TEST(LN_5_ikev2_profiles_that_match_the_same), UNIT_TEST(LN_6_no_ike_profile_bound),
          UNIT_TEST(LN_11_another_profile_than_the_bound_one_answers), UNIT_TEST(LN_12_weak_algorithms),
          UNIT_TEST(LN_13_a_dynamic_entry_before_a_static_one),
          UNIT_TEST(LN_14_an_inner_vrf_under_an_ike_profile),
          UNIT_TEST(LN_15_a_local_address_without_its_vrf),
          UNIT_TEST(LN_2_keyrings_for_different_addresses_or_vrfs_do_not_meet),
          UNIT_TEST(LN_3_a_global_key_does_not_touch_keyrings_of_another_vrf),
          UNIT_TEST(LN_5_warns_of_equal_and_tells_of_overlapping_matches),
          UNIT_TEST(LN_10_signing_without_a_trustpoint_is_an_error),
          UNIT_TEST(LN_12_the_builtin_proposal_is_weak_only_when_it_is_used),
          UNIT_TEST(per_worker_is_held_to_what_can_be), UNIT_TEST(a_lifetime_of_few_packets_is_warned_of),
          UNIT_TEST(json_survives_octets_that_are_no_utf8))
