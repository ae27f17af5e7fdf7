/* admit: what this release does not do is refused as a whole; what merely bites is said once. */
#include "common/log.h"
#include "control/admit.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const char good[] = "interface Ethernet0/0\n"
                           " ip address 192.0.2.1 255.255.255.0\n"
                           "crypto ikev2 keyring k\n"
                           " peer p\n"
                           "  address 192.0.2.2\n"
                           "  pre-shared-key 0 culvert-secret\n"
                           "crypto ikev2 profile ike\n"
                           " match identity remote address 192.0.2.2 255.255.255.255\n"
                           " authentication local pre-share\n"
                           " authentication remote pre-share\n"
                           " keyring local k\n"
                           "crypto ipsec transform-set set esp-gcm 256\n"
                           "crypto ipsec profile esp\n"
                           " set transform-set set\n"
                           " set ikev2-profile ike\n"
                           "interface Tunnel1\n"
                           " ip address 172.16.0.1 255.255.255.252\n"
                           " tunnel source Ethernet0/0\n"
                           " tunnel destination 192.0.2.2\n"
                           " tunnel mode ipsec ipv4\n"
                           " tunnel protection ipsec profile esp\n";

static cv_result judge(const char *more, struct cfg_findings *f)
{
    char text[4096];
    struct cfg *c = NULL;
    memset(f, 0, sizeof *f);
    snprintf(text, sizeof text, "%s%s", good, more);
    CU_ASSERT_FATAL(cfg_parse(text, "t.conf", &c, f) == CV_OK);
    cv_result r = admit_check(c, f);
    cfg_free(c);
    return r;
}

static bool says(const struct cfg_findings *f, const char *what)
{
    for (unsigned i = 0; i < f->count; i++)
        if (f->items[i].severity == CFG_ERROR && strcmp(f->items[i].rule, "unsupported") == 0 &&
            f->items[i].line > 21 && f->items[i].remedy[0] && strstr(f->items[i].text, what))
            return true;
    return false;
}

static void what_is_built_is_admitted(void)
{
    struct cfg_findings f;
    CU_ASSERT(judge("", &f) == CV_OK);
    CU_ASSERT(cfg_findings_count(&f, CFG_ERROR) == 0);
    cfg_findings_free(&f);
}

static void what_is_not_built_is_refused_with_line_and_remedy(void)
{
    static const struct {
        const char *more, *what;
    } cases[] = {
        {"crypto ikev2 profile c\n match identity remote any\n authentication local pre-share\n"
         " authentication remote eap\n keyring local k\n",
         "EAP"},
        {"crypto ipsec transform-set a ah-sha256-hmac esp-aes\n", "AH and ESP"},
        {"interface Tunnel2\n tunnel source Ethernet0/0\n tunnel destination gw.example.com\n"
         " tunnel mode ipsec ipv4\n tunnel protection ipsec profile esp\n",
         "host name"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cfg_findings f;
        CU_ASSERT(judge(cases[i].more, &f) == CV_EUNSUP);
        CU_ASSERT(says(&f, cases[i].what));
        cfg_findings_free(&f);
    }
}

static void more_trustpoints_than_the_store_holds_are_refused(void)
{
    static char more[65 * 32];
    for (unsigned count = 64; count <= 65; count++) {
        struct cfg_findings f;
        more[0] = '\0';
        for (unsigned i = 0; i < count; i++)
            snprintf(more + strlen(more), sizeof more - strlen(more), "crypto pki trustpoint T%u\n", i);
        CU_ASSERT_EQUAL(judge(more, &f), count == 64 ? CV_OK : CV_ENOSPC);
        bool said = false;
        for (unsigned i = 0; i < f.count; i++)
            said = said || (strcmp(f.items[i].rule, "limit") == 0 && f.items[i].line > 21 + 64 &&
                            f.items[i].remedy[0] && strstr(f.items[i].text, "more than 64 trust-points"));
        CU_ASSERT_EQUAL(said, count == 65);
        cfg_findings_free(&f);
    }
}

static unsigned lines[4];
static char last[512];

static void sink(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    lines[level]++;
    snprintf(last, sizeof last, "%s", line);
}

static void what_bites_is_admitted_and_said_once_with_its_line(void)
{
    struct cfg_findings f;
    CU_ASSERT(judge("crypto ipsec transform-set spare esp-3des esp-sha-hmac\n", &f) == CV_OK);
    log_setup("test", LOG_LEVEL_INFO, sink, NULL);
    memset(lines, 0, sizeof lines);
    admit_log(&f, "t.conf");
    CU_ASSERT(lines[LOG_LEVEL_ERROR] == cfg_findings_count(&f, CFG_ERROR));
    CU_ASSERT(lines[LOG_LEVEL_WARNING] == cfg_findings_count(&f, CFG_WARNING));
    CU_ASSERT(lines[LOG_LEVEL_WARNING] >= 2 && lines[LOG_LEVEL_INFO] == 0);
    CU_ASSERT(strstr(last, "t.conf:22: ") != NULL);
    cfg_findings_free(&f);
}

static void two_MTUs_of_one_interface_are_told_of(void)
{
    struct cfg_findings f;
    bool told = false;
    CU_ASSERT(judge("interface Loopback0\n ip mtu 1400\n ipv6 mtu 1300\n", &f) == CV_OK);
    for (unsigned i = 0; i < f.count; i++)
        told = told || (f.items[i].severity == CFG_WARNING && strcmp(f.items[i].rule, "mtu") == 0 &&
                        f.items[i].line == 22 && strstr(f.items[i].text, "1300"));
    CU_ASSERT(told);
    cfg_findings_free(&f);
}

static void other_errors_are_admitted_and_said_as_errors(void)
{
    struct cfg_findings f;
    CU_ASSERT(judge("crypto ipsec transform-set bare esp-aes\n", &f) == CV_OK);
    memset(lines, 0, sizeof lines);
    log_setup("test", LOG_LEVEL_INFO, sink, NULL);
    admit_log(&f, "t.conf");
    CU_ASSERT(lines[LOG_LEVEL_ERROR] == 1);
    cfg_findings_free(&f);
}

UNIT_MAIN("admit", UNIT_TEST(what_is_built_is_admitted),
          UNIT_TEST(what_is_not_built_is_refused_with_line_and_remedy),
          UNIT_TEST(more_trustpoints_than_the_store_holds_are_refused),
          UNIT_TEST(what_bites_is_admitted_and_said_once_with_its_line),
          UNIT_TEST(two_MTUs_of_one_interface_are_told_of),
          UNIT_TEST(other_errors_are_admitted_and_said_as_errors))
