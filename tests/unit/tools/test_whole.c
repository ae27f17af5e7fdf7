/* Whole running-configs of routers, tests/golden/ios/whole: zone firewalls, NAT, BGP and EIGRP with nested address families, EEM
 * applets, certificates, and banners that quote commands. Every secret in them begins with "Geheim". */
#include "control/tools/exp_report.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WHOLE(name) GOLDEN "/ios/whole/" name ".conf"

static const char *const pairs[][2] = {{WHOLE("hub"), WHOLE("branch")}, {WHOLE("asr"), WHOLE("partner")}};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static struct exp_result explained(const char *a, const char *b)
{
    const struct exp_options o = {.file = {a, b}, .ends = {true, true}, .ios = true, .debug = true};
    struct exp_result r;
    char *err;
    CU_ASSERT_EQUAL_FATAL(exp_explain(&o, &r, &err), CV_OK);
    CU_ASSERT_PTR_NULL(err);
    free(err);
    return r;
}

#ifdef __SANITIZE_ADDRESS__ /* some five times slower */
enum { LIMIT_MS = 5000 };
#else
enum { LIMIT_MS = 1000 };
#endif

static void they_come_up_in_less_than_a_second_without_a_false_error(void)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        struct exp_result r = explained(pairs[i][EXP_A], pairs[i][EXP_B]);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
        CU_ASSERT((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < LIMIT_MS);
        CU_ASSERT(r.all_up);
        CU_ASSERT_EQUAL(r.pair_count, 1);
        CU_ASSERT_EQUAL(r.pair[0].notes.count, 0);
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            for (unsigned k = 0; k < r.c.side[e].findings.count; k++) {
                const struct cfg_finding *f = &r.c.side[e].findings.items[k];
                if (f->severity == CFG_ERROR)
                    printf("\n%s:%d: %s\n", r.c.side[e].file, f->line, f->text);
                CU_ASSERT_NOT_EQUAL(f->severity, CFG_ERROR);
            }
        exp_result_free(&r);
    }
}

static void no_secret_is_in_any_report(void)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        struct exp_result r = explained(pairs[i][EXP_A], pairs[i][EXP_B]);
        char *text[] = {exp_report_text(&r), exp_report_json(&r), exp_report_html(&r)};
        for (unsigned k = 0; k < sizeof text / sizeof *text; k++) {
            CU_ASSERT_PTR_NOT_NULL_FATAL(text[k]);
            const char *at = strstr(text[k], "Geheim");
            if (at)
                printf("\n%.60s\n", at - 40);
            CU_ASSERT_PTR_NULL(at);
            free(text[k]);
        }
        exp_result_free(&r);
    }
}

/* What a banner, an applet, a regular expression quotes is no command. */
static void what_is_quoted_is_not_configured(void)
{
    struct exp_result r = explained(WHOLE("hub"), WHOLE("branch"));
    const struct cfg *hub = r.c.side[EXP_A].cfg, *branch = r.c.side[EXP_B].cfg;
    CU_ASSERT_PTR_NULL(cfg_find_interface(hub, "Tunnel99"));
    CU_ASSERT_PTR_NULL(cfg_find_interface(branch, "Tunnel7"));
    CU_ASSERT_EQUAL(hub->isakmp_default.key_count, 0);
    CU_ASSERT_EQUAL(hub->isakmp_policy_count, 2);
    CU_ASSERT_EQUAL(hub->isakmp_keyring_count, 1);
    CU_ASSERT_EQUAL(r.left_out[EXP_A], 1); /* Tunnel60 */
    exp_result_free(&r);
}

/* All that is of IPsec was read: what was passed over begins with other words. */
static void what_is_skipped_is_counted_and_nothing_of_ipsec(void)
{
    static const unsigned least[PAIRS][2] = {{250, 70}, {70, 5}};
    static const char *const ours[] = {"crypto isakmp p", "crypto keyring",   "crypto ikev2",  "crypto ipsec",
                                       "crypto map",      "interface Tunnel", "vrf definition"};
    for (unsigned i = 0; i < PAIRS; i++) {
        struct exp_result r = explained(pairs[i][EXP_A], pairs[i][EXP_B]);
        for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
            const struct cfg_skips *s = &r.c.side[e].skips;
            unsigned lines = 0;
            for (unsigned k = 0; k < s->count; k++) {
                lines += s->items[k].lines;
                for (unsigned w = 0; w < sizeof ours / sizeof *ours; w++)
                    CU_ASSERT(strncmp(s->items[k].text, ours[w], strlen(ours[w])) != 0);
            }
            CU_ASSERT_EQUAL(lines, s->lines);
            CU_ASSERT(s->lines >= least[i][e]);
        }
        exp_result_free(&r);
    }
}

/* One word wrong among five hundred lines. */
static void a_slip_in_a_whole_configuration_is_found(void)
{
    static const struct {
        const char *was, *is;
        bool on_its_line;  /* else the first lines name the block that it stands in */
        const char *words; /* and say these */
    } slips[] = {
        {"203.0.113.50 key Geheim!Branch#50", "203.0.113.50 key Geheim!Branch#5O", true,
         "the two passwords differ"},
        {" hash sha256\n", " hash sha512\n", false, "they differ in hash"},
        {" set pfs group14\n", " set pfs group19\n", true, "wants PFS with group 19"},
        {"   match identity address 203.0.113.50", "   match identity address 203.0.113.51", false,
         "add \"match identity address 203.0.113.50 255.255.255.255\" to profile ISA-BRANCH"},
    };
    char *text = calloc(1, 1 << 17), file[] = "/tmp/test-whole-XXXXXX";
    FILE *f = fopen(WHOLE("hub"), "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    text[fread(text, 1, (1 << 17) - 1, f)] = '\0';
    fclose(f);
    int fd = mkstemp(file);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    for (unsigned i = 0; i < sizeof slips / sizeof *slips; i++) {
        char *at = strstr(text, slips[i].was), where[64];
        unsigned line = 1;
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        for (const char *c = text; c < at; c++)
            line += *c == '\n';
        f = fopen(file, "we");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fprintf(f, "%.*s%s%s", (int)(at - text), text, slips[i].is, at + strlen(slips[i].was));
        fclose(f);
        struct exp_result r = explained(file, WHOLE("branch"));
        CU_ASSERT(!r.all_up && r.pair[0].has_advice);
        CU_ASSERT(r.pair[0].advice.solved);
        snprintf(where, sizeof where, "%s:%u", file, line);
        char *page = exp_report_text(&r), *end = strstr(page, "\n\n");
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        *end = '\0';
        bool named = strstr(page, slips[i].words) && (!slips[i].on_its_line || strstr(page, where));
        if (!named)
            printf("\nnot %s, %s in: %s\n", where, slips[i].words, page);
        CU_ASSERT(named);
        free(page);
        exp_result_free(&r);
    }
    unlink(file);
    free(text);
}

UNIT_MAIN("tools-whole", UNIT_TEST(they_come_up_in_less_than_a_second_without_a_false_error),
          UNIT_TEST(no_secret_is_in_any_report), UNIT_TEST(what_is_quoted_is_not_configured),
          UNIT_TEST(what_is_skipped_is_counted_and_nothing_of_ipsec),
          UNIT_TEST(a_slip_in_a_whole_configuration_is_found))
