/* Whole router configurations (`--ios`): what is outside of the grammar is passed over and counted, what concerns IPsec is said, and the
 * rest means what it means. Also certificates' bodies, and C9 to C18 as printed. */
#include "control/config/cfg.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GOLDEN
#error "GOLDEN names the directory of the configurations"
#endif

static struct cfg_findings found;
static struct cfg_skips skips;

static void forget(void)
{
    cfg_findings_free(&found);
    cfg_skips_free(&skips);
}

static struct cfg *ios(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_parse_options o = {.ios = true, .skips = &skips};
    forget();
    cv_result r = cfg_parse_with(text, "x", &o, &c, &found);
    for (unsigned i = 0; i < found.count && r != CV_OK; i++)
        printf("  %d:%d %s\n", found.items[i].line, found.items[i].column, found.items[i].text);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    CU_ASSERT_EQUAL(cfg_findings_count(&found, CFG_ERROR), 0);
    return c;
}

static struct cfg *load(const char *name, bool tolerant)
{
    char file[512];
    struct cfg *c = NULL;
    struct cfg_parse_options o = {.ios = tolerant, .skips = &skips};
    forget();
    snprintf(file, sizeof file, GOLDEN "/%s.conf", name);
    cv_result r = cfg_load_with(file, &o, &c, &found);
    for (unsigned i = 0; i < found.count && r != CV_OK; i++)
        printf("  %s:%d:%d %s\n", name, found.items[i].line, found.items[i].column, found.items[i].text);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    return c;
}

static const struct cfg_skipped *skipped(const char *starts)
{
    for (unsigned i = 0; i < skips.count; i++)
        if (strncmp(skips.items[i].text, starts, strlen(starts)) == 0)
            return &skips.items[i];
    return NULL;
}

static bool warned(const char *text)
{
    for (unsigned i = 0; i < found.count; i++)
        if (strstr(found.items[i].text, text) && found.items[i].severity == CFG_WARNING)
            return true;
    return false;
}

/* ---- a whole router -------------------------------------------------------------------------------------------------- */
static void a_router_keeps_its_IPsec(void)
{
    struct cfg *c = load("router", true);
    CU_ASSERT_STRING_EQUAL(c->hostname, "R1");
    CU_ASSERT(c->isakmp_keyring_count == 1 && c->isakmp_keyrings[0].key_count == 1);
    CU_ASSERT(c->isakmp_policy_count == 1 && c->isakmp_policies[0].group == 14);
    const struct cfg_isakmp_profile *p = cfg_find_isakmp_profile(c, "P");
    CU_ASSERT_FATAL(p != NULL);
    CU_ASSERT(p->match_count == 1 && p->keyring_count == 1);
    const struct cfg_interface *t = cfg_find_interface(c, "Tunnel1");
    CU_ASSERT_FATAL(t != NULL);
    CU_ASSERT_STRING_EQUAL(t->tunnel_source_if, "GigabitEthernet0/0/0");
    CU_ASSERT_STRING_EQUAL(t->protection_profile, "IP");
    CU_ASSERT(t->tcp_mss == 1360 && t->addr_count == 1);
    static const char *const ports[] = {"GigabitEthernet0/0/0", "Port-channel1.100", "Vlan10",
                                        "Serial0/0/0:0", "Dialer1"};
    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        const struct cfg_interface *x = cfg_find_interface(c, ports[i]);
        CU_ASSERT(x && x->kind == CV_IF_PORT);
    }
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 1);
    CU_ASSERT_EQUAL(c->flows[0].peer_count, 1);
    CU_ASSERT_STRING_EQUAL(c->interfaces[c->interface_count - 1].tunnel_source_if, "Port-channel1.100");
    CU_ASSERT_EQUAL(c->acl_count, 1);                /* those of crypto maps */
    CU_ASSERT_EQUAL(c->isakmp_default.key_count, 0); /* the line in the banner is none */
    CU_ASSERT_EQUAL(c->route_count, 2);
    CU_ASSERT(c->vrf_count == 1 && c->vrfs[0].ipv4 && c->trustpoint_count == 1);
    cfg_free(c);
}

static void what_is_passed_over_is_counted_with_its_lines(void)
{
    struct cfg *c = load("router", true);
    static const struct {
        const char *starts;
        unsigned lines;
    } want[] = {{"version 15.3", 1},
                {"router bgp 65000", 6},
                {"banner motd", 4},
                {"banner login", 1},
                {"line vty 0 4", 3},
                {"policy-map QOS", 3},
                {"ip access-list standard SSH", 2},
                {"ip access-list extended NAT", 4},
                {"crypto isakmp client configuration group EZ", 3},
                {"rsa-pubkey name", 5},
                {"access-list 120", 1},
                {"ip nat inside", 1},
                {"R1#", 1}};
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
        const struct cfg_skipped *s = skipped(want[i].starts);
        if (!s || s->lines != want[i].lines)
            printf("\n  %s: %u lines\n", want[i].starts, s ? s->lines : 0);
        CU_ASSERT(s && s->lines == want[i].lines && s->line > 0);
    }
    unsigned sum = 0;
    for (unsigned i = 0; i < skips.count; i++)
        sum += skips.items[i].lines;
    CU_ASSERT_EQUAL(sum, skips.lines);
    CU_ASSERT_PTR_NULL(skipped("hostname"));
    cfg_free(c);
}

static void what_concerns_IPsec_is_said(void)
{
    struct cfg *c = load("router", true);
    CU_ASSERT_EQUAL(cfg_findings_count(&found, CFG_ERROR), 0);
    CU_ASSERT(warned("key of type 6"));
    CU_ASSERT(warned("\"some\" is not known here"));
    CU_ASSERT(warned("\"bandwidth\" is not known here"));
    CU_ASSERT(warned("host name as peer"));
    CU_ASSERT(warned("\"crypto isakmp client\""));
    CU_ASSERT_FALSE(warned("Null0")); /* told, but no matter to IPsec */
    CU_ASSERT(warned("cut short or damaged"));
    CU_ASSERT_FALSE(warned("bgp"));
    CU_ASSERT_FALSE(warned("established"));
    CU_ASSERT_FALSE(warned("nhrp"));
    cfg_free(c);
}

static void secrets_of_other_commands_are_not_listed(void)
{
    struct cfg *c = load("router", true);
    static const char *const secrets[] = {"$1$", "$9$", "publ1c", "0822455D0A16", "secret-of-the-group"};
    for (unsigned i = 0; i < skips.count; i++)
        for (unsigned k = 0; k < sizeof secrets / sizeof secrets[0]; k++)
            CU_ASSERT_PTR_NULL(strstr(skips.items[i].text, secrets[k]));
    CU_ASSERT_STRING_EQUAL(skipped("snmp-server")->text, "snmp-server community <hidden>");
    CU_ASSERT_STRING_EQUAL(skipped("ip nhrp")->text, "ip nhrp authentication <hidden>");
    CU_ASSERT_STRING_EQUAL(skipped("aaa auth")->text, "aaa authentication login default local");
    cfg_free(c);
    c = ios("crypto ikev2 keyring K\n peer A\n  pre-shared-key local hunter2 x y\n"
            "interface Ethernet0/0\n ip ospf message-digest-key 1 md5 hunter2\n");
    for (unsigned i = 0; i < skips.count; i++)
        CU_ASSERT_PTR_NULL(strstr(skips.items[i].text, "hunter2"));
    CU_ASSERT_EQUAL(skips.count, 2);
    cfg_free(c);
    c = ios("username a password hunter2\ncrypto foo key hunter2\n key hunter2\n");
    for (unsigned i = 0; i < skips.count; i++)
        CU_ASSERT_PTR_NULL(strstr(skips.items[i].text, "hunter2"));
    for (unsigned i = 0; i < found.count; i++)
        CU_ASSERT(!strstr(found.items[i].text, "hunter2") && !strstr(found.items[i].remedy, "hunter2"));
    cfg_free(c);
    c = ios("snmp-server user mon V3 v3 auth sha hunter2 priv aes 128 hunter2\n"
            "snmp-server host 10.0.0.1 version 2c hunter2\n"
            "archive\nboot scp://backup:hunter2@10.0.0.1/image\n");
    for (unsigned i = 0; i < skips.count; i++)
        CU_ASSERT_PTR_NULL(strstr(skips.items[i].text, "hunter2"));
    CU_ASSERT_STRING_EQUAL(skipped("snmp-server user")->text, "snmp-server user <hidden>");
    CU_ASSERT_STRING_EQUAL(skipped("boot")->text, "boot <hidden>");
    cfg_free(c);
}

static void CAR_of_a_port_is_passed_over_and_that_of_a_tunnel_kept(void)
{
    static const char limit[] =
        " rate-limit input 8000000 4000 8000 conform-action transmit exceed-action drop\n";
    char text[512];
    snprintf(text, sizeof text, "interface Ethernet0/0\n%sinterface Tunnel1\n%s", limit, limit);
    struct cfg *c = ios(text);
    CU_ASSERT(found.count == 0 && skips.count == 1 && skipped("rate-limit")->line == 2);
    CU_ASSERT_EQUAL(cfg_find_interface(c, "Ethernet0/0")->rate_limit[CV_DIR_IN].bps, 0);
    CU_ASSERT_EQUAL(cfg_find_interface(c, "Tunnel1")->rate_limit[CV_DIR_IN].bps, 8000000);
    cfg_free(c);
}

static void the_same_file_is_refused_without_the_option(void)
{
    struct cfg *c = (struct cfg *)&found;
    forget();
    CU_ASSERT_EQUAL(cfg_load(GOLDEN "/router.conf", &c, &found), CV_EPARSE);
    CU_ASSERT_PTR_NULL(c);
    CU_ASSERT(cfg_findings_count(&found, CFG_ERROR) > 30);
}

static void a_section_that_fails_takes_its_lines_with_it(void)
{
    struct cfg *c =
        ios("crypto isakmp policy 99999\n group 14\n hash md5\ncrypto isakmp policy 10\n group 14\n"
            "crypto keyring default\n pre-shared-key address 1.1.1.1 key a\n");
    CU_ASSERT(c->isakmp_policy_count == 1 && c->isakmp_policies[0].priority == 10);
    CU_ASSERT_EQUAL(c->isakmp_keyring_count, 0);
    const struct cfg_skipped *s = skipped("crypto isakmp policy 99999");
    CU_ASSERT(s && s->lines == 3);
    CU_ASSERT(warned("\"99999\" is not known"));
    cfg_free(c);
}

static void a_file_without_indentation_keeps_its_sections(void)
{
    struct cfg *c = ios("crypto map M 10 ipsec-isakmp\nset peer 192.0.2.2\nmatch address A\n"
                        "ip access-list extended A\npermit ip any host 10.0.0.1\n"
                        "interface GigabitEthernet0/0\nip address 192.0.2.1 255.255.255.0\nip nat outside\n"
                        "load-interval 30\ncrypto map M\nrouter bgp 1\nneighbor 1.1.1.1 remote-as 2\n"
                        "ip route 0.0.0.0 0.0.0.0 192.0.2.2\n");
    CU_ASSERT_EQUAL(c->flow_count, 1);
    CU_ASSERT_EQUAL(c->route_count, 1);
    CU_ASSERT_EQUAL(skips.lines, 4);
    cfg_free(c);
}

static void banners_end_where_they_end(void)
{
    struct cfg *c = ios("banner motd #\nhostname NO\n#\nhostname A\nbanner exec ^Chello^C\nip domain name x\n"
                        "banner login \003\nhostname B\n\003\nbanner z\nhostname C\nz\n");
    CU_ASSERT_STRING_EQUAL(c->hostname, "A");
    CU_ASSERT_STRING_EQUAL(c->domain_name, "x");
    CU_ASSERT_EQUAL(skips.count, 4);
    CU_ASSERT_EQUAL(skips.lines, 3 + 1 + 3 + 3);
    cfg_free(c);
    c = ios("banner motd ^C\nhostname A\n");
    CU_ASSERT(warned("banner has no end") && c->hostname[0] == '\0');
    cfg_free(c);
}

static void interfaces_of_every_kind_are_ports(void)
{
    static const char *const good[] = {"Port-channel1.100",
                                       "Vlan10",
                                       "Serial0/0/0:0",
                                       "Dialer1",
                                       "BVI1",
                                       "TwentyFiveGigE1/0/1",
                                       "Virtual-Template1",
                                       "GigabitEthernet0/0.5"};
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "interface %s\n ip address 10.0.0.1 255.255.255.0\n", good[i]);
        struct cfg *c = ios(text);
        const struct cfg_interface *x = cfg_find_interface(c, good[i]);
        CU_ASSERT(x && x->kind == CV_IF_PORT && x->addr_count == 1);
        cfg_free(c);
    }
    struct cfg *c = ios("interface Tunnel0\ninterface Loopback1\ninterface gi0/0.7\n");
    CU_ASSERT(cfg_find_interface(c, "Tunnel0")->kind == CV_IF_TUNNEL);
    CU_ASSERT(cfg_find_interface(c, "Loopback1")->kind == CV_IF_LOOPBACK);
    CU_ASSERT_PTR_NOT_NULL(cfg_find_interface(c, "GigabitEthernet0/0.7"));
    cfg_free(c);
}

/* ---- certificates ---------------------------------------------------------------------------------------------------- */
static void bad(const char *text, const char *says)
{
    struct cfg *c = NULL;
    forget();
    CU_ASSERT_EQUAL(cfg_parse(text, "x", &c, &found), CV_EPARSE);
    bool said = false;
    for (unsigned i = 0; i < found.count; i++)
        said = said || strstr(found.items[i].text, says);
    CU_ASSERT(said);
}

static void a_certificate_ends_at_quit(void)
{
    struct cfg *c = NULL;
    forget();
    CU_ASSERT_EQUAL_FATAL(
        cfg_parse("crypto ca certificate chain T\n certificate 02\n  3006 020101\n  0201 02\n  quit\n"
                  " certificate ca 01\n  3000\n\tquit\n certificate ca 03 nvram:x#1.cer\nhostname A\n",
                  "x", &c, &found),
        CV_OK);
    CU_ASSERT_STRING_EQUAL(c->hostname, "A");
    CU_ASSERT_EQUAL(found.count, 3); /* there is no trust-point T */
    CU_ASSERT_EQUAL_FATAL(c->certificate_count, 3);
    CU_ASSERT(c->certificates[0].kind == CFG_CERT_OWN && c->certificates[0].n == 8 &&
              c->certificates[0].der[7] == 2 && !strcmp(c->certificates[0].serial, "02"));
    CU_ASSERT(c->certificates[1].kind == CFG_CERT_CA && c->certificates[1].n == 2);
    CU_ASSERT(!strcmp(c->certificates[2].file, "nvram:x#1.cer") && c->certificates[2].n == 0);
    cfg_free(c);
    bad("crypto pki certificate chain T\n certificate 02\n  3082\n  quit\n", "cut short");
    bad("crypto pki certificate chain T\n certificate 02\n  30001\n  quit\n", "half");
    bad("crypto pki certificate chain T\n certificate 02\n  300000\n  quit\n", "cut short");
    bad("crypto pki certificate chain T\n certificate 02\n  quit\n", "cut short");
    bad("crypto pki certificate chain T\n certificate 02\n  3082\nhostname A\n", "no hexadecimal");
    bad("crypto pki certificate chain T\n certificate 02\n  3000\n", "no end");
}

static void trustpoints_are_kept(void)
{
    struct cfg *c = load("C11", false);
    CU_ASSERT_EQUAL_FATAL(c->trustpoint_count, 2);
    const struct cfg_trustpoint *t = cfg_find_trustpoint(c, "IOSCA2");
    CU_ASSERT_FATAL(t != NULL);
    CU_ASSERT(t->enrollment == CFG_ENROLL_URL && !strcmp(t->url, "http://192.168.0.4:80") &&
              t->serial_number);
    CU_ASSERT(!strcmp(t->fqdn, "R1.cisco.com") && !strcmp(t->ip_address, "192.168.0.1"));
    CU_ASSERT(!strcmp(t->subject_name, "CN=R1,OU=IT,O=cisco,O=com"));
    CU_ASSERT(t->revocation_count == 1 && t->revocation[0] == CFG_REVOCATION_CRL);
    cfg_free(c);
}

static void C9_to_C18_load_as_printed(void)
{
    static const struct {
        const char *name;
        unsigned isakmp_profiles, profiles, trustpoints, acls;
    } want[] = {{"C9", 1, 0, 0, 0},  {"C10", 1, 0, 0, 0},      {"C11", 0, 0, 2, 0},      {"C12", 0, 0, 2, 0},
                {"C13", 0, 1, 0, 0}, {"C14", 0, 3, 0, 0},      {"C15", 0, 1, 0, 0},      {"C16", 0, 1, 0, 0},
                {"C17", 0, 1, 0, 0}, {"C18-left", 0, 0, 0, 1}, {"C18-right", 0, 0, 0, 1}};
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct cfg *c = load(want[i].name, false);
        CU_ASSERT_EQUAL(c->isakmp_profile_count, want[i].isakmp_profiles);
        CU_ASSERT_EQUAL(c->profile_count, want[i].profiles);
        CU_ASSERT_EQUAL(c->trustpoint_count, want[i].trustpoints);
        CU_ASSERT_EQUAL(c->acl_count, want[i].acls);
        if (c->acl_count)
            CU_ASSERT_EQUAL(c->acls[0].ace_count, 4);
        cfg_free(c);
    }
    struct cfg *left = load("C18-left", false), *right = load("C18-right", false);
    for (unsigned i = 0; i < 4; i++) /* mirror images */
        CU_ASSERT(ts_equal(&left->acls[0].aces[i].local, &right->acls[0].aces[i / 2 * 2 + i % 2].remote));
    cfg_free(left);
    cfg_free(right);
}

static void what_certificates_authenticate_is_admitted(void)
{
    static const char *const names[] = {"C9", "C13", "C14", "C15", "C16", "C17"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct cfg *c = load(names[i], false);
        CU_ASSERT_EQUAL(cfg_findings_count(&found, CFG_ERROR), 0);
        CU_ASSERT_EQUAL(cfg_lint(c, &found), CV_OK);
        for (unsigned k = 0; k < found.count; k++)
            CU_ASSERT_STRING_NOT_EQUAL(found.items[k].rule, "unsupported");
        cfg_free(c);
    }
    forget();
}

UNIT_MAIN("config-ios", UNIT_TEST(a_router_keeps_its_IPsec),
          UNIT_TEST(what_is_passed_over_is_counted_with_its_lines), UNIT_TEST(what_concerns_IPsec_is_said),
          UNIT_TEST(secrets_of_other_commands_are_not_listed),
          UNIT_TEST(CAR_of_a_port_is_passed_over_and_that_of_a_tunnel_kept),
          UNIT_TEST(the_same_file_is_refused_without_the_option),
          UNIT_TEST(a_section_that_fails_takes_its_lines_with_it),
          UNIT_TEST(a_file_without_indentation_keeps_its_sections), UNIT_TEST(banners_end_where_they_end),
          UNIT_TEST(interfaces_of_every_kind_are_ports), UNIT_TEST(a_certificate_ends_at_quit),
          UNIT_TEST(trustpoints_are_kept), UNIT_TEST(C9_to_C18_load_as_printed),
          UNIT_TEST(what_certificates_authenticate_is_admitted))
