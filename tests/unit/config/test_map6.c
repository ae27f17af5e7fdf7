/* Crypto maps of IPv6: `ipv6 access-list`, `crypto map ipv6`, `ipv6 crypto map`; the flows and the data plane's rows made of them, beside a map
 * of IPv4 on the same port. */
#include "control/config/cfg_policy.h"
#include "tests/unit/config/parsed.h"

#include <stdlib.h>

/* One error: what it says, and what would be right. */
static void bad(const char *text, const char *says, const char *remedy)
{
    const struct cfg_finding *x = refused(text);
    if (!strstr(x->text, says) || !strstr(x->remedy, remedy))
        printf("\n  %s\n  says: %s; %s\n", text, x->text, x->remedy);
    CU_ASSERT(strstr(x->text, says) && strstr(x->remedy, remedy));
}

/* ---- access lists -------------------------------------------------------------------------------------------------- */
#define LIST "ipv6 access-list A\n "

static void line_is(const char *line, const char *local, const char *remote)
{
    char text[256];
    snprintf(text, sizeof text, LIST "%s\n", line);
    struct cfg *c = good(text);
    CU_ASSERT_EQUAL_FATAL(c->acl_count, 1);
    CU_ASSERT_EQUAL_FATAL(c->acls[0].ace_count, 1);
    CU_ASSERT(c->acls[0].ipv6);
    CU_ASSERT_STRING_EQUAL(text_of(&c->acls[0].aces[0].local), local);
    CU_ASSERT_STRING_EQUAL(text_of(&c->acls[0].aces[0].remote), remote);
    cfg_free(c);
}

static void a_line_is_a_pair_of_selectors(void)
{
    line_is("permit ipv6 2001:db8:a::/48 2001:DB8:B::/48", "2001:db8:a::/48", "2001:db8:b::/48");
    line_is("permit ip 2001:db8:a::/48 any", "2001:db8:a::/48", "::/0"); /* IOS: short for ipv6 */
    line_is("permit ipv6 2001:db8:a::7/64 host 2001:db8::1", "2001:db8:a::/64", "2001:db8::1/128");
    line_is("permit ipv6 ::/0 fe80::/10", "::/0", "fe80::/10");
    line_is("permit tcp any eq 80 host 2001:db8::1 range 1000 2000", "::/0[6/80]",
            "2001:db8::1/128[6/1000-2000]");
    line_is("permit udp any any eq isakmp log sequence 30", "::/0[17/*]", "::/0[17/500]");
    line_is("permit icmp any any", "::/0[58/*]", "::/0[58/*]");
    line_is("permit 58 any any 128", "::/0[58/32768-33023]", "::/0[58/32768-33023]");
    line_is("permit icmp any any echo-request", "::/0[58/32768-33023]", "::/0[58/32768-33023]");
    line_is("deny icmp any any port-unreachable", "::/0[58/260]", "::/0[58/260]");
    line_is("permit 89 any any", "::/0[89/*]", "::/0[89/*]");
    line_is("permit 1 any any", "::/0[1/*]", "::/0[1/*]");
}

static void what_no_selector_can_say_is_refused(void)
{
    bad(LIST "permit ipv6 10.0.0.0 0.255.255.255 any\n", "not known here", "X:X::X/N");
    bad(LIST "permit ipv6 2001:db8:: any\n", "not known here", "host X:X::X");
    bad(LIST "permit ipv6 host 2001:db8::/64 any\n", "not known here", "host X:X::X");
    bad(LIST "permit ipv6 2001:db8::/129 any\n", "not known here", "X:X::X/N");
    bad(LIST "permit ipv6 2001:db8::/ any\n", "not known here", "X:X::X/N");
    bad(LIST "permit gre any any\n", "not known here", "its number 1-255");
    bad(LIST "permit 44 any any\n", "extension header", "ipv6");
    bad(LIST "permit icmp any any echo\n", "not known here", "echo-request");
    bad(LIST "permit tcp any neq 80 any\n", "neq", "two lines");
    bad(LIST "permit ipv6 any any flow-label 5\n", "flow-label", "leave it out");
    bad(LIST "permit ipv6 any any routing\n", "routing", "leave it out");
    bad(LIST "permit ipv6 any any sequence 0\n", "not known here", "number of the line");
    bad(LIST "permit ipv6 any\n", "not complete", "any, host");
    bad("ip access-list extended A\n permit ip 2001:db8::/64 any\n", "not known here", "A.B.C.D");
    bad("ip access-list extended A\n permit ip any any\n" LIST "permit ipv6 any any\n",
        "access list A is one of IPv4 already", "another name");
    bad(LIST "permit ipv6 any any\naccess-list 101 permit ip any any\nip access-list extended A\n deny ip "
             "any any\n",
        "access list A is one of IPv6 already", "another name");
    bad("interface Ethernet0/0\n ipv6 traffic-filter A in\n", "not in this release", "not filtered");
}

static void lines_stand_by_their_numbers(void)
{
    struct cfg *c = good(LIST "permit ipv6 any host ::1\n sequence 5 deny tcp any any\n"
                              " permit ipv6 any host ::2 sequence 15\n 17 permit ipv6 any host ::3\n"
                              " remark here\n sequence 16 remark there\n permit ipv6 any host ::4\n"
                              " no sequence 5\n no 17\n no permit ipv6 any host ::9\n"
                              "no ip access-list extended A\nipv6 access-list B\nno ipv6 access-list B\n");
    CU_ASSERT_EQUAL_FATAL(c->acl_count, 1);
    const struct cfg_acl *a = &c->acls[0];
    CU_ASSERT_EQUAL_FATAL(a->ace_count, 3);
    CU_ASSERT(a->aces[0].seq == 10 && a->aces[1].seq == 15 && a->aces[2].seq == 27);
    cfg_free(c);
    bad(LIST "sequence 10 permit ipv6 any any\n sequence 10 deny ipv6 any any\n", "there already", "number");
}

/* ---- crypto maps --------------------------------------------------------------------------------------------------- */
#define SIX                                                                                                  \
    "ipv6 access-list TS6\n permit ipv6 2001:db8:a::/48 2001:db8:b::/48\n deny tcp any any\n"                \
    " permit udp any 2001:db8:c::/48\n"                                                                      \
    "crypto map ipv6 M6 10 ipsec-isakmp\n set peer 2001:db8::2\n set peer 2001:db8::3 default\n"             \
    " match address TS6\n set pfs group14\n reverse-route\n"                                                 \
    " rate-limit output 8000 1600 3200 conform-action transmit exceed-action drop\n"
#define FOUR                                                                                                 \
    "ip access-list extended TS4\n permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n"                    \
    "crypto map M4 10 ipsec-isakmp\n set peer 192.0.2.2\n match address TS4\n"
#define IKE1 "crypto isakmp policy 10\n authentication pre-share\n encr aes\n group 14\n"
#define PORT "interface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n ipv6 address 2001:db8::1/64\n"

static void PR_12_each_permit_line_is_a_flow(void)
{
    struct cfg *c = good(SIX PORT " ipv6 crypto map M6\n" IKE1);
    struct ts local, remote;
    struct ip_addr source;
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 2);
    CU_ASSERT(c->maps[0].ipv6 && cfg_map_on(c, &c->interfaces[0], true) == &c->maps[0] &&
              !cfg_map_on(c, &c->interfaces[0], false) && cfg_map_applied(&c->interfaces[0], "M6"));
    static const char *const names[] = {"M6#10.10", "M6#10.30"};
    for (unsigned i = 0; i < 2; i++) {
        const struct cfg_interface *x = &c->interfaces[1 + i];
        CU_ASSERT_STRING_EQUAL(x->name, names[i]);
        CU_ASSERT(x->kind == CV_IF_FLOW && x->flow == &c->flows[i] && cfg_is_protected(x));
        CU_ASSERT(x->tunnel_mode == CV_TUNNEL_IPSEC6 && x->flow->peer_count == 2);
        CU_ASSERT_EQUAL(x->tunnel_destination.b[15], 3); /* the default one first */
        CU_ASSERT(x->rate_limit[CV_DIR_OUT].bps == 8000 && x->rate_limit[CV_DIR_IN].bps == 0);
        CU_ASSERT(cfg_tunnel_source(c, x, &source) && source.family == IP_V6 && source.b[15] == 1);
        CU_ASSERT(cfg_selectors(c, x, &local, &remote) && local.family == IP_V6 && remote.family == IP_V6);
    }
    CU_ASSERT_STRING_EQUAL(text_of(&c->flows[1].remote), "2001:db8:c::/48[17/*]");
    cfg_free(c);
}

/* A map of each family on one port, with the same numbers: rows of both, each with its own flow. */
static void both_families_on_one_port(void)
{
    struct cfg *c = good(FOUR SIX PORT " crypto map M4\n ipv6 crypto map M6\n" IKE1);
    struct cfg_policy_row *rows;
    unsigned n;
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 3);
    CU_ASSERT_EQUAL_FATAL(cfg_policy_rows(c, &c->interfaces[0], &rows, &n), CV_OK);
    CU_ASSERT_EQUAL_FATAL(n, 4);
    static const struct {
        enum cv_policy_action action;
        const char *flow;
        uint8_t family;
    } want[] = {{CV_POLICY_PROTECT, "M4#10.10", IP_V4},
                {CV_POLICY_PROTECT, "M6#10.10", IP_V6},
                {CV_POLICY_BYPASS, NULL, IP_V6},
                {CV_POLICY_PROTECT, "M6#10.30", IP_V6}};
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT(rows[i].action == want[i].action && rows[i].local.family == want[i].family);
        CU_ASSERT(want[i].flow ? rows[i].flow && strcmp(rows[i].flow->name, want[i].flow) == 0
                               : !rows[i].flow);
    }
    free(rows);
    cfg_free(c);
}

/* `crypto ipsec ipv4-deny` is of IPv4, as its name says. */
static void a_deny_line_of_ipv6_sends_on(void)
{
    struct cfg *c = good("crypto ipsec ipv4-deny drop\n" FOUR SIX PORT " ipv6 crypto map M6\n" IKE1);
    struct cfg_policy_row *rows;
    unsigned n;
    CU_ASSERT_EQUAL_FATAL(cfg_policy_rows(c, &c->interfaces[0], &rows, &n), CV_OK);
    CU_ASSERT_FATAL(n == 3 && rows[1].action == CV_POLICY_BYPASS);
    free(rows);
    cfg_free(c);
}

static void maps_are_refused_where_they_cannot_work(void)
{
    bad("crypto map ipv6 M 10 ipsec-isakmp\n set peer 192.0.2.2\n", "of a map for IPv6", "IPv6 address");
    bad("crypto map M 10 ipsec-isakmp\n set peer 2001:db8::2\n", "of a map for IPv4", "crypto map ipv6");
    bad("crypto map ipv6 M 10 ipsec-isakmp\n set peer ff02::1\n", "no address a peer can have", "own");
    bad("crypto map ipv6 M 10 ipsec-isakmp\n set peer fe80::2\n", "no address a peer can have", "own");
    bad("crypto map M 10 ipsec-isakmp\ncrypto map ipv6 M 20 ipsec-isakmp\n", "crypto map M is one of IPv4",
        "another name");
    bad("crypto map ipv6 M 10 ipsec-isakmp\ncrypto map M 20 ipsec-isakmp\n", "crypto map M is one of IPv6",
        "another name");
    bad("crypto map ipv6 10 ipsec-isakmp\n set peer 2001:db8::2\n", "name of the crypto map is missing",
        "crypto map ipv6 NAME 10");
    bad(FOUR "crypto map ipv6 M 10 ipsec-isakmp\n match address TS4\n", "access list TS4 is one of IPv4",
        "ipv6 access-list NAME");
    bad(SIX "crypto map M 10 ipsec-isakmp\n match address TS6\n", "access list TS6 is one of IPv6",
        "ip access-list extended NAME");
    bad("crypto map ipv6 M 10 ipsec-isakmp\n match address X\n", "there is no access list X",
        "ipv6 access-list X");
    bad(SIX PORT " crypto map M6\n", "crypto map M6 is one of IPv6", "ipv6 crypto map M6");
    bad(FOUR PORT " ipv6 crypto map M4\n", "crypto map M4 is one of IPv4", "write: crypto map M4");
    bad(PORT " ipv6 crypto map M\n", "there is no crypto map M", "crypto map ipv6 M 10 ipsec-isakmp");
    bad(SIX "interface Tunnel1\n ipv6 crypto map M6\n", "no port", "tunnel protection");
    bad("crypto map ipv6 M 10 ipsec-isakmp dynamic D\n", "not in this release", "Tunnel");
    bad("crypto dynamic-map ipv6 D 10\n", "not in this release", "Tunnel");
    bad("crypto map ipv6 M 10 ipsec-manual\n", "not in this release", "ipsec-isakmp");
    bad("no crypto map ipv6\n", "which crypto map", "name");
}

static void no_takes_entries_and_maps_away(void)
{
    struct cfg *c =
        good(SIX "crypto map ipv6 M6 20 ipsec-isakmp\nno crypto map ipv6 M6 20\n"
                 "crypto map ipv6 N 10 ipsec-isakmp\nno crypto map N\n"
                 "no crypto map ipv6 N\ncrypto map ipv6 O isakmp-profile P\nno crypto map ipv6 O\n"
                 "crypto isakmp profile P\n match identity address 0.0.0.0\n" PORT
                 " ipv6 crypto map M6\n no ipv6 crypto map\n");
    CU_ASSERT(c->map_count == 1 && c->maps[0].entry_count == 1 && c->flow_count == 0);
    cfg_free(c);
}

static const struct cfg_finding *finding(const char *rule, const char *says)
{
    for (unsigned i = 0; i < found.count; i++)
        if (strcmp(found.items[i].rule, rule) == 0 && strstr(found.items[i].text, says))
            return &found.items[i];
    return NULL;
}

static void lint(const char *text)
{
    struct cfg *c = good(text);
    CU_ASSERT_EQUAL(cfg_lint(c, &found), CV_OK);
    cfg_free(c);
}

static void check_says_what_is_missing(void)
{
    lint(SIX "interface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n"
             " ipv6 address fe80::1 link-local\n ipv6 crypto map M6\n" IKE1);
    CU_ASSERT_PTR_NOT_NULL(finding("source", "has no IPv6 address to negotiate from"));
    lint(SIX PORT " ipv6 crypto map M6\n" IKE1);
    CU_ASSERT_PTR_NULL(finding("source", ""));
    CU_ASSERT_PTR_NULL(finding("unused", ""));
    lint(SIX PORT IKE1);
    const struct cfg_finding *x = finding("unused", "crypto map ipv6 M6 is used nowhere");
    CU_ASSERT(x && strstr(x->remedy, "ipv6 crypto map NAME"));
    lint("crypto map ipv6 M6 10 ipsec-isakmp\n set peer 2001:db8::2\n" PORT " ipv6 crypto map M6\n");
    CU_ASSERT_PTR_NOT_NULL(finding("incomplete", "crypto map ipv6 M6 entry 10"));
}

/* What is written is what was read, and in IOS's words. */
static void it_is_written_back(void)
{
    static const char *const lines[] = {"ipv6 access-list TS6\n",
                                        " permit ipv6 2001:db8:a::/48 2001:db8:b::/48\n",
                                        " sequence 25 permit icmp any host 2001:db8:b::5 echo-request\n",
                                        " sequence 30 permit udp any eq 9 2001:db8:c::/48 range 5 9\n",
                                        " permit 47 any any\n",
                                        "crypto map ipv6 M6 local-address Loopback0\n",
                                        "crypto map ipv6 M6 10 ipsec-isakmp\n",
                                        " set peer 2001:db8::3 default\n",
                                        " ipv6 crypto map M6\n"};
    struct cfg *c =
        good(SIX "ipv6 access-list TS6\n no permit udp any 2001:db8:c::/48\n"
                 " permit icmp any host 2001:db8:b::5 echo-request sequence 25\n"
                 " sequence 30 permit udp any eq 9 2001:db8:c::/48 range 5 9\n permit 47 any any\n"
                 "crypto map ipv6 M6 local-address Loopback0\n"
                 "interface Loopback0\n ipv6 address 2001:db8:f::1/128\n" PORT " ipv6 crypto map M6\n" IKE1);
    char once[4096], twice[4096];
    CU_ASSERT_FATAL(cfg_write(c, true, once, sizeof once) < (int)sizeof once);
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!strstr(once, lines[i]))
            printf("\n%s has no: %s\n", once, lines[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(once, lines[i]));
    }
    struct cfg *again = good(once);
    CU_ASSERT_FATAL(cfg_write(again, true, twice, sizeof twice) < (int)sizeof twice);
    CU_ASSERT_STRING_EQUAL_FATAL(once, twice);
    cfg_free(again);
    cfg_free(c);
}

UNIT_MAIN("config-map6", UNIT_TEST(a_line_is_a_pair_of_selectors),
          UNIT_TEST(what_no_selector_can_say_is_refused), UNIT_TEST(lines_stand_by_their_numbers),
          UNIT_TEST(PR_12_each_permit_line_is_a_flow), UNIT_TEST(both_families_on_one_port),
          UNIT_TEST(a_deny_line_of_ipv6_sends_on), UNIT_TEST(maps_are_refused_where_they_cannot_work),
          UNIT_TEST(no_takes_entries_and_maps_away), UNIT_TEST(check_says_what_is_missing),
          UNIT_TEST(it_is_written_back))
