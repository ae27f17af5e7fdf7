#include "control/cli/cli_proto.h"
#include "control/cli/cli_tree.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 40 };

static int split(char *line, const char **words)
{
    int n = 0;
    for (char *save = NULL, *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
        words[n++] = w;
    return n;
}

static cv_result parse(const char *text, struct cli_parsed *p, char err[CLI_ERR_MAX])
{
    static char line[2048];
    static const char *words[WORDS_MAX];
    snprintf(line, sizeof line, "%s", text);
    err[0] = '\0';
    return cli_parse(split(line, words), words, p, err);
}

static void is(const char *text, enum cli_id id)
{
    struct cli_parsed p;
    char err[CLI_ERR_MAX];
    CU_ASSERT(parse(text, &p, err) == CV_OK && p.row && p.row->id == id);
}

static void refused(const char *text, const char *part)
{
    struct cli_parsed p;
    char err[CLI_ERR_MAX];
    CU_ASSERT(parse(text, &p, err) == CV_EPARSE);
    CU_ASSERT(strstr(err, part) != NULL);
    if (!strstr(err, part))
        fprintf(stderr, "%s: %s\n", text, err);
}

static void words_abbreviate_to_a_unique_prefix(void)
{
    is("show crypto session", CLI_SHOW_SESSION);
    is("sh cry ses det", CLI_SHOW_SESSION);
    is("sh cry ikev2 sa", CLI_SHOW_IKEV2_SA);
    is("sh cry ike sa det", CLI_SHOW_IKEV2_SA);
    is("sh cry ips sa", CLI_SHOW_IPSEC_SA);
    is("sh int", CLI_SHOW_INTERFACES);
    is("sh ip ro", CLI_SHOW_IP_ROUTE); /* "ip" is a whole word, though "ipv6" begins with it */
    is("sh ipv6 ro", CLI_SHOW_IPV6_ROUTE);
    is("sh pl da", CLI_SHOW_DATAPLANE);
    is("sh run", CLI_SHOW_CONFIG);
    is("sh ver", CLI_SHOW_VERSION);
    is("cl cry ses", CLI_CLEAR_SESSION);
    is("up Tunnel1", CLI_UP);
    is("sh cry isa sa", CLI_SHOW_ISAKMP_SA);
    is("sh cry ipse tr", CLI_SHOW_TRANSFORM_SET);
    is("sh cry map", CLI_SHOW_MAP);
    is("deb cry isa det", CLI_DEBUG_ID_ISAKMP);
    is("deb cry cond peer ipv4 192.0.2.2", CLI_COND_ID_PEER4);
    is("deb cry cond coo 2ABF14E400000001", CLI_COND_ID_COOKIE);
    is("un all", CLI_UNDEBUG_ALL);
    is("no deb cry ike", CLI_UNDEBUG_IKEV2);
    is("ping 10.0.0.1", CLI_PING);
    is("ping 10.0.0.1 vrf red source Lo0", CLI_PING);
    is("ping vrf red 10.0.0.1 repeat 2", CLI_PING);
}

static void ambiguous_words_name_the_choices(void)
{
    refused("sh cry i sa", "ambiguous; expected isakmp, ikev2, ipsec");
    refused("c", "ambiguous");
    refused("re", "rekey, reload");
}

static void unknown_and_missing_words_name_what_was_expected(void)
{
    refused("frobnicate", "not a command");
    refused("", "wants a word");
    refused("show crypto", "session, isakmp, ikev2, ipsec, map, decisions");
    refused("show ip route foo", "expected vrf NAME");
    refused("show version foo", "nothing more");
    refused("up", "up wants TUNNEL");
    refused("up a b c", "'c' is not known after 'up'");
    refused("ping 10.0.0.1 repeat", "repeat wants N after it");
    refused("ping vrf red", "ping vrf wants ADDRESS after it");
}

static void options_come_in_any_order_with_or_without_dashes(void)
{
    struct cli_parsed p;
    char err[CLI_ERR_MAX];
    CU_ASSERT_FATAL(parse("ping 10.0.0.1 so Lo0 --rep 7 siz 200", &p, err) == CV_OK);
    CU_ASSERT(p.arg_count == 1 && p.opt_count == 3);
    CU_ASSERT_STRING_EQUAL(p.args[0], "10.0.0.1");
    CU_ASSERT_STRING_EQUAL(cli_opt(&p, "source"), "Lo0");
    CU_ASSERT_STRING_EQUAL(cli_opt(&p, "repeat"), "7");
    CU_ASSERT_STRING_EQUAL(cli_opt(&p, "size"), "200");
    CU_ASSERT(cli_opt(&p, "timeout") == NULL && cli_opt(&p, "df-bit") == NULL);
    CU_ASSERT_FATAL(parse("up --timeout 3 Tunnel1", &p, err) == CV_EPARSE); /* the tunnel comes first */
    CU_ASSERT_FATAL(parse("up Tunnel1 --timeout 3", &p, err) == CV_OK);
    CU_ASSERT_STRING_EQUAL(cli_opt(&p, "timeout"), "3");
    CU_ASSERT_FATAL(parse("sh int tunnel 1", &p, err) == CV_OK);
    CU_ASSERT(p.arg_count == 2);
    CU_ASSERT_FATAL(parse("rekey Tunnel1 ike", &p, err) == CV_OK);
    CU_ASSERT(p.arg_count == 2);
}

static void numbers_have_bounds(void)
{
    struct cli_parsed p;
    char err[CLI_ERR_MAX];
    unsigned n;
    static const char *const bad[] = {"0", "101", "-1", "7x", "99999999999999999999", "x"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[80];
        snprintf(line, sizeof line, "up T --timeout %s", bad[i]);
        CU_ASSERT_FATAL(parse(line, &p, err) == CV_OK);
        CU_ASSERT(!cli_opt_number(&p, "timeout", 1, 100, 5, &n, err) && strstr(err, "from 1 to 100"));
    }
    CU_ASSERT_FATAL(parse("up T --timeout 100", &p, err) == CV_OK);
    CU_ASSERT(cli_opt_number(&p, "timeout", 1, 100, 5, &n, err) && n == 100);
    CU_ASSERT_FATAL(parse("up T", &p, err) == CV_OK);
    CU_ASSERT(cli_opt_number(&p, "timeout", 1, 100, 5, &n, err) && n == 5);
}

static void long_lines_are_bounded(void)
{
    struct cli_parsed p;
    char err[CLI_ERR_MAX], word[600];
    const char *words[CLI_ARGC_MAX + 8];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    words[0] = word;
    CU_ASSERT(cli_parse(1, words, &p, err) == CV_EPARSE && strlen(err) < CLI_ERR_MAX);
    words[0] = "show";
    words[1] = "interfaces";
    for (int i = 2; i < CLI_ARGC_MAX + 8; i++)
        words[i] = word;
    CU_ASSERT(cli_parse(CLI_ARGC_MAX + 8, words, &p, err) == CV_EPARSE);
}

static void every_row_can_be_reached_by_its_own_words(void)
{
    for (unsigned i = 0; i < cli_row_count; i++) {
        const struct cli_row *r = &cli_rows[i];
        char line[200];
        CU_ASSERT(r->help && r->help[0]);
        if (r->id == CLI_NONE)
            continue;
        int n = snprintf(line, sizeof line, "%s", r->words);
        for (const char *a = r->args; a && *a && *a != '['; a = strchr(a, ' ') ? strchr(a, ' ') + 1 : "")
            n += snprintf(line + n, sizeof line - (size_t)n, " x");
        is(line, r->id);
    }
}

struct list {
    char text[1024];
};

static void add(void *ctx, const char *word, const char *help)
{
    struct list *l = ctx;
    size_t n = strlen(l->text);
    (void)help;
    snprintf(l->text + n, sizeof l->text - n, "%s ", word);
}

static void add_without_help(void *ctx, const char *word, const char *help)
{
    if (!help[0] && strcmp(word, "<cr>") != 0)
        add(ctx, word, help);
}

static void question_mark_lists_what_may_follow(void)
{
    struct list l = {""};
    const char *words[] = {"sh", "cry"};
    cli_next(2, words, "", add, &l);
    CU_ASSERT_STRING_EQUAL(l.text, "session isakmp ikev2 ipsec map decisions debug-condition pki key ");
    l.text[0] = '\0';
    cli_next(2, words, "i", add, &l);
    CU_ASSERT_STRING_EQUAL(l.text, "isakmp ikev2 ipsec ");
    const char *ping[] = {"ping", "10.0.0.1"};
    l.text[0] = '\0';
    cli_next(2, ping, "s", add, &l);
    CU_ASSERT_STRING_EQUAL(l.text, "source size ");
    const char *bogus[] = {"bogus"};
    l.text[0] = '\0';
    cli_next(1, bogus, "", add, &l);
    CU_ASSERT_STRING_EQUAL(l.text, "");
}

/* What may follow a line of up to four words. */
static const char *after(struct list *l, const char *a, const char *b, const char *c, const char *d)
{
    const char *words[4] = {a, b, c, d};
    int n = 0;
    while (n < 4 && words[n])
        n++;
    l->text[0] = '\0';
    cli_next(n, words, "", add, l);
    return l->text;
}

static void question_mark_knows_what_is_missing_and_what_is_there(void)
{
    struct list l = {""};
    CU_ASSERT_STRING_EQUAL(after(&l, "clear", "crypto", "isakmp", NULL), "[CONN-ID] <cr> ");
    CU_ASSERT_STRING_EQUAL(after(&l, "clear", "crypto", "isakmp", "1"), "<cr> ");
    CU_ASSERT_STRING_EQUAL(after(&l, "up", NULL, NULL, NULL), "TUNNEL ");
    CU_ASSERT_STRING_EQUAL(after(&l, "up", "Tunnel1", NULL, NULL), "[SEQ] timeout <cr> ");
    CU_ASSERT_STRING_EQUAL(after(&l, "up", "Tunnel1", "timeout", NULL), "SECONDS ");
    CU_ASSERT_STRING_EQUAL(after(&l, "up", "Tunnel1", "timeout", "5"), "[SEQ] <cr> ");
    CU_ASSERT_STRING_EQUAL(after(&l, "show", "cry", "map", "tag"), "NAME ");
    CU_ASSERT_STRING_EQUAL(after(&l, "show", "cry", "map", "nonsense"), "");
    CU_ASSERT_STRING_EQUAL(after(&l, "ping", NULL, NULL, NULL), "vrf ADDRESS ");
}

static void every_option_of_show_clear_and_debug_has_help(void)
{
    struct list l = {""};
    for (unsigned i = 0; i < cli_row_count; i++) {
        char line[128];
        const char *argv[8];
        int argc = 0;
        const struct cli_row *row = &cli_rows[i];
        if (row->id == CLI_NONE || row->local)
            continue;
        snprintf(line, sizeof line, "%s", row->words);
        for (char *w = strtok(line, " "); w && argc < 8; w = strtok(NULL, " "))
            argv[argc++] = w;
        l.text[0] = '\0';
        cli_next(argc, argv, "", add_without_help, &l);
        CU_ASSERT_STRING_EQUAL(l.text, "");
        if (l.text[0])
            fprintf(stderr, "\nno help after %s: %s\n", row->words, l.text);
    }
}

static void frames_of_impossible_kind_or_length_are_refused(void)
{
    uint8_t head[CLI_FRAME_HEAD];
    enum cli_frame kind;
    uint32_t len;
    cli_frame_head(head, CLI_STDOUT, 70000);
    CU_ASSERT(cli_frame_parse(head, &kind, &len) && kind == CLI_STDOUT && len == 70000);
    cli_frame_head(head, CLI_STDERR, CLI_FRAME_MAX + 1);
    CU_ASSERT(!cli_frame_parse(head, &kind, &len));
    cli_frame_head(head, CLI_EXIT, 5);
    CU_ASSERT(!cli_frame_parse(head, &kind, &len));
    cli_frame_head(head, (enum cli_frame)'z', 4);
    CU_ASSERT(!cli_frame_parse(head, &kind, &len));
}

static void request_carries_its_length(void)
{
    const char *words[] = {"show", "version"};
    size_t n = 0;
    uint8_t *r = cli_request_make(2, words, true, &n);
    CU_ASSERT_FATAL(r != NULL);
    CU_ASSERT(n == 4u + r[3] && r[0] == 0 && r[1] == 0 && r[2] == 0);
    CU_ASSERT(memcmp(r + 4, "{\"argv\":[\"show\",\"version\"],\"json\":true,\"shell\":false}", n - 4) == 0);
    free(r);
    const char *bad[] = {"\xff\xfe"};
    CU_ASSERT(cli_request_make(1, bad, false, &n) == NULL);
}

UNIT_MAIN("cli tree", UNIT_TEST(words_abbreviate_to_a_unique_prefix),
          UNIT_TEST(ambiguous_words_name_the_choices),
          UNIT_TEST(unknown_and_missing_words_name_what_was_expected),
          UNIT_TEST(options_come_in_any_order_with_or_without_dashes), UNIT_TEST(numbers_have_bounds),
          UNIT_TEST(long_lines_are_bounded), UNIT_TEST(every_row_can_be_reached_by_its_own_words),
          UNIT_TEST(question_mark_lists_what_may_follow),
          UNIT_TEST(question_mark_knows_what_is_missing_and_what_is_there),
          UNIT_TEST(every_option_of_show_clear_and_debug_has_help),
          UNIT_TEST(frames_of_impossible_kind_or_length_are_refused), UNIT_TEST(request_carries_its_length))
