/* exp_report: the keys of interfaces.md, a page that escapes everything, and no secret anywhere. */
#include "control/tools/exp_report.h"
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char secret[] = "Zq7-Geheim-4711";

/* C1 and C2 with other passwords and a hostile name, in two files; returns their directory. */
static void write_files(const char *dir, char a[256], char b[256], bool same)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        char *to = e == EXP_A ? a : b;
        snprintf(to, 256, "%s/%c.conf", dir, e == EXP_A ? 'a' : 'b');
        FILE *f = fopen(to, "we");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fprintf(f,
                "hostname R<b>\n"
                "crypto keyring <script>alert(1)</script>\n pre-shared-key address 192.0.2.%d key %s%s\n"
                "crypto isakmp policy 10\n encr aes\n hash sha256\n authentication pre-share\n group 14\n"
                "crypto isakmp profile \"&'<i>\n keyring <script>alert(1)</script>\n match identity address "
                "192.0.2.%d "
                "255.255.255.255\n"
                "crypto ipsec transform-set T esp-aes esp-sha256-hmac\n"
                "crypto ipsec profile P\n set transform-set T\n set isakmp-profile \"&'<i>\n"
                "interface Ethernet0/0\n ip address 192.0.2.%d 255.255.255.0\n"
                "interface Tunnel1\n ip address 10.0.0.%d 255.255.255.0\n tunnel source Ethernet0/0\n tunnel "
                "destination "
                "192.0.2.%d\n tunnel protection ipsec profile P\n",
                2 - (int)e, secret, e == EXP_A || same ? "" : "x", 2 - (int)e, 1 + (int)e, 1 + (int)e,
                2 - (int)e);
        fclose(f);
    }
}

struct reports {
    char *text, *json, *html;
};

static struct reports report(bool same, bool debug)
{
    char dir[] = "/tmp/test-explain-XXXXXX", a[256], b[256], *err;
    struct exp_result r;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    write_files(dir, a, b, same);
    const struct exp_options o = {.file = {a, b}, .ends = {true, true}, .debug = debug};
    CU_ASSERT_EQUAL_FATAL(exp_explain(&o, &r, &err), CV_OK);
    CU_ASSERT_EQUAL(r.all_up, same);
    struct reports out = {exp_report_text(&r), exp_report_json(&r), exp_report_html(&r)};
    CU_ASSERT(out.text && out.json && out.html);
    free(err);
    exp_result_free(&r);
    unlink(a);
    unlink(b);
    rmdir(dir);
    return out;
}

static void reports_free(struct reports *r)
{
    free(r->text);
    free(r->json);
    free(r->html);
}

static void no_report_holds_a_password(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct reports r = report(i & 1, i & 2);
        CU_ASSERT_PTR_NULL(strstr(r.text, secret));
        CU_ASSERT_PTR_NULL(strstr(r.json, secret));
        CU_ASSERT_PTR_NULL(strstr(r.html, secret));
        reports_free(&r);
    }
}

static void the_page_escapes_names_and_loads_nothing(void)
{
    struct reports r = report(false, false);
    CU_ASSERT_PTR_NULL(strstr(r.html, "<script"));
    CU_ASSERT_PTR_NULL(strstr(r.html, "<i>"));
    CU_ASSERT_PTR_NULL(strstr(r.html, "R<b>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "&quot;&amp;&#39;&lt;i&gt;"));
    CU_ASSERT_PTR_NULL(strstr(r.html, "http:"));
    CU_ASSERT_PTR_NULL(strstr(r.html, "https:"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "default-src 'none'"));
    CU_ASSERT_PTR_NULL(strstr(r.html, "url("));
    CU_ASSERT_PTR_NULL(strstr(r.html, " src="));
    reports_free(&r);
}

static void the_page_fits_light_dark_and_paper(void)
{
    struct reports r = report(false, false);
    CU_ASSERT_EQUAL(strncmp(r.html, "<!DOCTYPE html>", 15), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "prefers-color-scheme:dark"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "@media print"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "lang=\"en\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "bad-psk at MM5"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.html, "<mark>"));
    reports_free(&r);
}

/* Every key that interfaces.md names, with its type. */
static void JSON_has_the_keys_of_the_interface(void)
{
    struct reports r = report(false, false);
    json_t *j = json_loads(r.json, 0, NULL), *run = json_array_get(json_object_get(j, "runs"), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(run);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "runs")), 2);
    CU_ASSERT(json_is_false(json_object_get(j, "asymmetric")));
    CU_ASSERT(json_is_array(json_object_get(j, "lint")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "initiator")), "a");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "outcome")), "phase1-failed");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "reason")), "bad-psk");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "rule")), "KR-8");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "failed_at")), "MM5");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "on")), "b");
    CU_ASSERT(json_is_string(json_object_get(run, "text")));
    const json_t *m = json_array_get(json_object_get(run, "messages"), 0),
                 *d = json_array_get(json_object_get(run, "decisions"), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "n")), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(m, "name")), "MM1");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(m, "from")), "a");
    CU_ASSERT(json_is_array(json_object_get(m, "payloads")));
    static const char *const keys[] = {"on", "at", "kind", "chosen", "rule", "candidates", "text"};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        CU_ASSERT_PTR_NOT_NULL(json_object_get(d, keys[i]));
    json_decref(j);
    reports_free(&r);
}

static void the_first_three_lines_say_what_why_and_what_to_change(void)
{
    struct reports r = report(false, false);
    char *second = strchr(r.text, '\n'), *third = second ? strchr(second + 1, '\n') : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(third);
    CU_ASSERT_EQUAL(strncmp(r.text, "A initiates: fails at MM5 on B: bad-psk (KR-8). B initiates: ", 60), 0);
    CU_ASSERT_EQUAL(strncmp(second + 1, "Why: ", 5), 0);
    CU_ASSERT_EQUAL(strncmp(third + 1, "Change on ", 10), 0);
    reports_free(&r);
}

UNIT_MAIN("tools-report", UNIT_TEST(no_report_holds_a_password),
          UNIT_TEST(the_page_escapes_names_and_loads_nothing), UNIT_TEST(the_page_fits_light_dark_and_paper),
          UNIT_TEST(JSON_has_the_keys_of_the_interface),
          UNIT_TEST(the_first_three_lines_say_what_why_and_what_to_change))
