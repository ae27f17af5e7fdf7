/* exp_side: lines, blocks, what is shown of them, and changes that keep the old numbers. */
#include "control/tools/exp_side.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const char text[] = "hostname R1\n"                                            /* 1 */
                           "crypto keyring K\n"                                       /* 2 */
                           " pre-shared-key address 192.0.2.2 key Geheim7\n"          /* 3 */
                           "!\n"                                                      /* 4 */
                           "crypto ikev2 keyring L\n"                                 /* 5 */
                           " peer P\n"                                                /* 6 */
                           "  address 192.0.2.2\n"                                    /* 7 */
                           "  pre-shared-key local Geheim8\n"                         /* 8 */
                           "  pre-shared-key remote 0 Geheim9\n"                      /* 9 */
                           " peer Q\n"                                                /* 10 */
                           "  address 192.0.2.3\n"                                    /* 11 */
                           "  pre-shared-key Geheim6\n"                               /* 12 */
                           "crypto isakmp key Geheim5 address 192.0.2.9 ! comment\n"; /* 13 */

static struct exp_side side;

static void parse(const char *t)
{
    CU_ASSERT_EQUAL_FATAL(exp_side_parse(t, "x.conf", EXP_A, false, &side), CV_OK);
}

static void secrets_are_not_shown(void)
{
    char out[200];
    parse(text);
    CU_ASSERT_STRING_EQUAL(exp_side_shown(&side, 3, out, sizeof out),
                           "pre-shared-key address 192.0.2.2 key <hidden>");
    CU_ASSERT_STRING_EQUAL(exp_side_shown(&side, 8, out, sizeof out), "pre-shared-key local <hidden>");
    CU_ASSERT_STRING_EQUAL(exp_side_shown(&side, 9, out, sizeof out), "pre-shared-key remote 0 <hidden>");
    CU_ASSERT_STRING_EQUAL(exp_side_shown(&side, 12, out, sizeof out), "pre-shared-key <hidden>");
    CU_ASSERT_STRING_EQUAL(exp_side_shown(&side, 13, out, sizeof out),
                           "crypto isakmp key <hidden> address 192.0.2.9");
    CU_ASSERT_STRING_EQUAL(exp_side_shown(&side, 99, out, sizeof out), "");
    for (int i = 1; i <= 13; i++)
        CU_ASSERT_PTR_NULL(strstr(exp_side_shown(&side, i, out, sizeof out), "Geheim"));
    exp_side_free(&side);
}

/* A router's lines, parsed with --ios: whatever feature a secret belongs to, the page shows such lines. */
static void secrets_of_other_features_are_not_shown(void)
{
    static const struct {
        const char *line, *shown;
    } lines[] = {
        {"  pre-shared-key hex 0x4765686569", "pre-shared-key hex <hidden>"},
        {"  pre-shared 0 Geheim", "pre-shared 0 <hidden>"},
        {"  pre-shared-key 6 Geheim two words", "pre-shared-key 6 <hidden>"},
        {"  pre-shared-key 7", "pre-shared-key <hidden>"},
        {" authentication remote pre-share key Geheim", "authentication remote pre-share key <hidden>"},
        {" authentication local pre-share", "authentication local pre-share"},
        {" set aggressive-mode password Geheim", "set aggressive-mode password <hidden>"},
        {" ip ospf message-digest-key 1 md5 7 Geheim", "ip ospf message-digest-key <hidden>"},
        {" ip ospf authentication-key Geheim", "ip ospf authentication-key <hidden>"},
        {" ip nhrp authentication Geheim", "ip nhrp authentication <hidden>"},
        {" standby 1 authentication md5 key-string 7 Geheim", "standby 1 authentication <hidden>"},
        {" ppp chap password 7 Geheim", "ppp chap password 7 <hidden>"},
        {"enable secret 5 Geheim", "enable secret 5 <hidden>"},
        {"username u privilege 15 password 7 Geheim", "username u privilege 15 password 7 <hidden>"},
        {"snmp-server community Geheim RO 5", "snmp-server community <hidden>"},
        {" tunnel key 100", "tunnel key 100"},
        {"   keyring K", "keyring K"},
        {" match identity remote key-id gw", "match identity remote key-id gw"},
        {" rsakeypair R1 2048", "rsakeypair R1 2048"},
        {"crypto isakmp key 6 Geheim hostname h.example.com no-xauth",
         "crypto isakmp key 6 <hidden> hostname h.example.com no-xauth"},
    };
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        char all[200], out[200];
        snprintf(all, sizeof all, "hostname R1\n!%s\n", lines[i].line);
        parse(all);
        side.text[strlen("hostname R1\n")] = ' '; /* what is shown is a matter of the line alone */
        CU_ASSERT_STRING_EQUAL(exp_side_shown(&side, 2, out, sizeof out), lines[i].shown);
        exp_side_free(&side);
    }
}

static void blocks_end_where_the_indentation_does(void)
{
    parse(text);
    CU_ASSERT_EQUAL(exp_side_block_end(&side, 2), 3);
    CU_ASSERT_EQUAL(exp_side_block_end(&side, 5), 12);
    CU_ASSERT_EQUAL(exp_side_block_end(&side, 6), 9);
    CU_ASSERT_EQUAL(exp_side_block_end(&side, 13), 13);
    CU_ASSERT_EQUAL(exp_side_find(&side, 6, "address"), 7);
    CU_ASSERT_EQUAL(exp_side_find(&side, 10, "pre-shared-key"), 12);
    CU_ASSERT_EQUAL(exp_side_find(&side, 2, "vrf"), 0);
    exp_side_free(&side);
}

static void changes_make_a_new_side_with_the_old_numbers(void)
{
    struct exp_side next, last;
    char line[200];
    const struct exp_edit e[] = {
        {EXP_A, EXP_DELETE, 3, " "},
        {EXP_A, EXP_INSERT, 2,
         " pre-shared-key address 192.0.2.4 key x\n pre-shared-key address 192.0.2.5 key y"},
        {EXP_A, EXP_REPLACE, 11, "  address 192.0.2.33"},
        {EXP_B, EXP_DELETE, 1, " "},
        {EXP_A, EXP_INSERT, 0, "crypto isakmp fragmentation"}};
    parse(text);
    CU_ASSERT_EQUAL_FATAL(exp_side_change(&side, e, 5, &next), CV_OK);
    exp_side_line(&next, 1, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "hostname R1");
    exp_side_line(&next, 4, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, " pre-shared-key address 192.0.2.5 key y");
    exp_side_line(&next, 12, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "  address 192.0.2.33");
    CU_ASSERT_EQUAL(exp_side_origin(&next, 12), 11);
    CU_ASSERT_EQUAL(exp_side_origin(&next, 4), 2);
    CU_ASSERT(next.cfg->isakmp_fragmentation);
    const struct exp_edit again[] = {{EXP_A, EXP_DELETE, 12, " "}};
    CU_ASSERT_EQUAL_FATAL(exp_side_change(&next, again, 1, &last), CV_OK);
    CU_ASSERT_EQUAL(exp_side_origin(&last, 12), 12);
    exp_side_free(&last);
    exp_side_free(&next);
    exp_side_free(&side);
}

static void a_change_that_leaves_no_configuration_is_refused(void)
{
    struct exp_side next;
    const struct exp_edit e[] = {{EXP_A, EXP_REPLACE, 1, "nonsense of the worst kind"}};
    parse(text);
    CU_ASSERT_EQUAL(exp_side_change(&side, e, 1, &next), CV_EPARSE);
    exp_side_free(&next);
    exp_side_free(&side);
}

static void files_that_cannot_be_read_say_why(void)
{
    CU_ASSERT_EQUAL(exp_side_load("/nonexistent/x.conf", EXP_B, false, &side), CV_EIO);
    CU_ASSERT_EQUAL_FATAL(side.findings.count, 1);
    CU_ASSERT(side.findings.items[0].text[0] != '\0');
    exp_side_free(&side);
}

UNIT_MAIN("tools-side", UNIT_TEST(secrets_are_not_shown), UNIT_TEST(secrets_of_other_features_are_not_shown),
          UNIT_TEST(blocks_end_where_the_indentation_does),
          UNIT_TEST(changes_make_a_new_side_with_the_old_numbers),
          UNIT_TEST(a_change_that_leaves_no_configuration_is_refused),
          UNIT_TEST(files_that_cannot_be_read_say_why))
