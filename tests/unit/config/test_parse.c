#include "control/config/cfg.h"
#include "control/config/cfg_lex.h"
#include "control/config/cfg_match.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GOLDEN
#error "GOLDEN names the directory of the example configurations"
#endif

static struct cfg_findings found;

static void print_findings(const struct cfg_findings *f)
{
    for (unsigned i = 0; i < f->count; i++)
        printf("  %d:%d %s [%s] %s; %s\n", f->items[i].line, f->items[i].column,
               cfg_severity_text(f->items[i].severity), f->items[i].rule, f->items[i].text,
               f->items[i].remedy);
}

/* Parses what must be good. */
static struct cfg *good(const char *text)
{
    struct cfg *c = NULL;
    cfg_findings_free(&found);
    cv_result r = cfg_parse(text, "test.conf", &c, &found);
    if (r != CV_OK)
        print_findings(&found);
    CU_ASSERT_EQUAL(r, CV_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

/* Parses what must be refused; finding i is on that line and its text and remedy hold these. */
static void bad(const char *text)
{
    struct cfg *c = (struct cfg *)&found;
    cfg_findings_free(&found);
    CU_ASSERT_EQUAL(cfg_parse(text, "test.conf", &c, &found), CV_EPARSE);
    CU_ASSERT_PTR_NULL(c);
}

static void expect(unsigned i, int line, int column, const char *text, const char *remedy)
{
    CU_ASSERT_FATAL(i < found.count);
    const struct cfg_finding *f = &found.items[i];
    bool ok = f->line == line && f->column == column && strstr(f->text, text) && strstr(f->remedy, remedy);
    if (!ok) {
        printf("\nfinding %u, expected %d:%d \"%s\"; \"%s\"\n", i, line, column, text, remedy);
        print_findings(&found);
    }
    CU_ASSERT(ok);
}

static void example_loads_as_it_stands(void)
{
    struct cfg *c = NULL;
    cv_result r = cfg_load(GOLDEN "/strongswan-left.conf", &c, &found);
    if (r != CV_OK)
        print_findings(&found);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    CU_ASSERT_EQUAL(found.count, 0);
    CU_ASSERT_STRING_EQUAL(c->hostname, "left");
    CU_ASSERT_EQUAL(c->platform.port_count, 2);
    CU_ASSERT_STRING_EQUAL(c->platform.ports[1].device, "net_af_packet,iface=in0");
    const struct cfg_ikev2_proposal *p = cfg_find_proposal(c, "PROP");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(p->encr_count, 2);
    CU_ASSERT_EQUAL(p->encr[0].id, CV_ENCR_AES_GCM_16);
    CU_ASSERT_EQUAL(p->encr[0].key_bits, 128);
    CU_ASSERT_EQUAL(p->encr[1].id, CV_ENCR_AES_CBC);
    CU_ASSERT_EQUAL(p->encr[1].key_bits, 256);
    CU_ASSERT_EQUAL(p->group_count, 2);
    CU_ASSERT_EQUAL(p->group[0], 19);
    const struct cfg_ikev2_keyring *k = cfg_find_keyring(c, "KR");
    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    CU_ASSERT_EQUAL_FATAL(k->peer_count, 1);
    CU_ASSERT_EQUAL(k->peers[0].psk_local.n, 6);
    CU_ASSERT_EQUAL(memcmp(k->peers[0].psk_remote.p, "secret", 6), 0);
    CU_ASSERT(k->peers[0].has_address);
    CU_ASSERT_EQUAL(k->peers[0].address.len, 32);
    const struct cfg_ikev2_profile *f = cfg_find_profile(c, "PF");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(cfg_profile_complete(f));
    CU_ASSERT_STRING_EQUAL(f->keyring, "KR");
    const struct cfg_interface *t = cfg_find_interface(c, "Tunnel1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_EQUAL(t->tunnel_mode, CV_TUNNEL_IPSEC4);
    struct ip_addr src;
    char text[IP_TEXT_MAX];
    CU_ASSERT(cfg_tunnel_source(c, t, &src));
    CU_ASSERT_STRING_EQUAL(ip_addr_text(&src, text), "192.0.2.1");
    CU_ASSERT_EQUAL(c->route_count, 1);
    CU_ASSERT_STRING_EQUAL(c->routes[0].interface, "Tunnel1");
    cfg_free(c);
}

/* ---- the lexer ------------------------------------------------------------------------------------------------------- */
static struct cfg_line lexed;

static bool lex(const char *text)
{
    int column;
    const char *why;
    return cfg_lex(text, strlen(text), 1, &lexed, &column, &why);
}

static void lex_gives_columns_and_cuts_comments(void)
{
    CU_ASSERT_FATAL(lex("  ip  address 10.0.0.1 ! the first"));
    CU_ASSERT_EQUAL(lexed.indent, 2);
    CU_ASSERT_EQUAL_FATAL(lexed.count, 3);
    CU_ASSERT_EQUAL(lexed.tokens[1].column, 7);
    CU_ASSERT_STRING_EQUAL(cfg_lex_rest(&lexed, 1), "address 10.0.0.1");
    CU_ASSERT(lex("! only a comment"));
    CU_ASSERT_EQUAL(lexed.count, 0);
    CU_ASSERT(lex("key a!b"));
    CU_ASSERT_STRING_EQUAL(lexed.tokens[1].text, "a!b");
    CU_ASSERT(lex("\texit\r"));
    CU_ASSERT_EQUAL(lexed.indent, 8);
    CU_ASSERT_STRING_EQUAL(lexed.tokens[0].text, "exit");
}

static void lex_quotes_hold_blanks_and_bangs(void)
{
    CU_ASSERT_FATAL(lex("key \"a b ! c\" ! comment"));
    CU_ASSERT_EQUAL_FATAL(lexed.count, 2);
    CU_ASSERT_STRING_EQUAL(lexed.tokens[1].text, "a b ! c");
    CU_ASSERT_STRING_EQUAL(cfg_lex_rest(&lexed, 1), "\"a b ! c\"");
    CU_ASSERT_FATAL(lex("description Bob's 19\" rack"));
    CU_ASSERT_STRING_EQUAL(cfg_lex_rest(&lexed, 1), "Bob's 19\" rack");
    CU_ASSERT_FATAL(lex("description \"open"));
    CU_ASSERT_STRING_EQUAL(lexed.tokens[1].text, "\"open");
}

static void lex_refuses_control_characters_and_long_lines(void)
{
    char text[2000];
    CU_ASSERT_FALSE(lex("hostname a\001b"));
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CU_ASSERT_FALSE(lex(text));
    for (size_t i = 0; i < 200; i++)
        memcpy(text + 2 * i, "a ", 3);
    CU_ASSERT_FALSE(lex(text));
}

/* ---- grammar -------------------------------------------------------------------------------------------------------------- */
static void keywords_abbreviate_to_a_unique_prefix(void)
{
    struct cfg *c = good("cry ikev2 propos P\n encr aes-cbc-2 3des\n int sha1\n gr 14\n"
                         "int gi0/1\n ip addr 10.0.0.1 255.255.255.0\n desc x\n");
    CU_ASSERT_EQUAL(cfg_find_proposal(c, "P")->encr[1].id, CV_ENCR_3DES);
    CU_ASSERT_STRING_EQUAL(c->interfaces[0].name, "GigabitEthernet0/1");
    CU_ASSERT_EQUAL(c->interfaces[0].addr_count, 1);
    cfg_free(c);
}

static void ambiguous_prefix_is_an_error_with_the_candidates(void)
{
    bad("crypto i foo\n");
    expect(0, 1, 8, "more than one", "ikev2");
    bad("crypto ikev2 proposal P\n integrity sha\n");
    expect(0, 2, 12, "more than one", "sha256");
}

static void a_number_is_no_abbreviation(void)
{
    bad("crypto ikev2 proposal P\n group 3\n");
    expect(0, 2, 8, "\"3\" is not known", "31");
}

static void any_indentation_and_none_is_accepted(void)
{
    const char *const forms[] = {
        "crypto ikev2 keyring K\npeer A\naddress 1.1.1.1\npre-shared-key x\npeer B\naddress 2.2.2.2\n"
        "interface Tunnel1\nshutdown\n",
        "crypto ikev2 keyring K\n    peer A\n   address 1.1.1.1\n pre-shared-key x\n  peer B\n address "
        "2.2.2.2\n"
        "interface Tunnel1\n    shutdown\n",
        "   crypto ikev2 keyring K\n  peer A\n  address 1.1.1.1\n  pre-shared-key x\n  exit\n peer B\n "
        "address 2.2.2.2\n"
        "  exit\nexit\n  interface Tunnel1\n  shutdown\n",
    };
    for (unsigned i = 0; i < 3; i++) {
        struct cfg *c = good(forms[i]);
        CU_ASSERT_EQUAL(c->keyrings[0].peer_count, 2);
        CU_ASSERT_EQUAL(c->keyrings[0].peers[0].psk_local.n, 1);
        CU_ASSERT(c->keyrings[0].peers[1].has_address);
        CU_ASSERT(cfg_find_interface(c, "Tunnel1")->shutdown);
        cfg_free(c);
    }
}

/* `hostname` and `address` are words of a peer block, too: an indented section ends at an unindented line. */
static void an_indented_section_ends_at_an_unindented_line(void)
{
    struct cfg *c = good("crypto ikev2 keyring K\n peer A\n  address 1.1.1.1\nhostname gateway\n");
    CU_ASSERT_STRING_EQUAL(c->hostname, "gateway");
    CU_ASSERT_STRING_EQUAL(c->keyrings[0].peers[0].hostname, "");
    cfg_free(c);
    c = good("crypto ikev2 keyring K\n peer A\n  hostname other\n");
    CU_ASSERT_STRING_EQUAL(c->keyrings[0].peers[0].hostname, "other");
    CU_ASSERT_STRING_EQUAL(c->hostname, "");
    cfg_free(c);
}

static void exit_leaves_one_section_and_end_all(void)
{
    struct cfg *c =
        good("crypto ikev2 keyring K\n peer A\n  address 1.1.1.1\n  exit\n peer B\n  end\nhostname x\n");
    CU_ASSERT_EQUAL(c->keyrings[0].peer_count, 2);
    CU_ASSERT_STRING_EQUAL(c->hostname, "x");
    cfg_free(c);
}

static void no_and_default_take_back(void)
{
    struct cfg *c = good(
        "hostname x\nno hostname\ncrypto ikev2 fragmentation mtu 600\ndefault crypto ikev2 fragmentation\n"
        "interface Tunnel1\n tunnel mode ipsec ipv6\n no tunnel mode\n ip mtu 1300\n no ip mtu\n"
        " description hello\n no description\n shutdown\n no shutdown\n"
        " ip address 10.0.0.1 255.255.255.0\n no ip address\n"
        "interface Tunnel2\nno interface Tunnel2\n"
        "crypto ikev2 keyring A\n peer X\n  pre-shared-key k\nno crypto ikev2 keyring A\n"
        "ip route 10.0.0.0 255.0.0.0 Tunnel1\nip route 10.0.0.0 255.0.0.0 1.1.1.1\n"
        "no ip route 10.0.0.0 255.0.0.0 1.1.1.1\n");
    CU_ASSERT_STRING_EQUAL(c->hostname, "");
    CU_ASSERT(c->ikev2_fragmentation);
    CU_ASSERT_EQUAL(c->ikev2_fragmentation_mtu, 1280);
    CU_ASSERT_EQUAL_FATAL(c->interface_count, 1);
    CU_ASSERT_EQUAL(c->interfaces[0].tunnel_mode, CV_TUNNEL_GRE);
    CU_ASSERT_EQUAL(c->interfaces[0].ip_mtu, 0);
    CU_ASSERT_EQUAL(c->interfaces[0].addr_count, 0);
    CU_ASSERT_STRING_EQUAL(c->interfaces[0].description, "");
    CU_ASSERT_FALSE(c->interfaces[0].shutdown);
    CU_ASSERT_EQUAL(c->keyring_count, 0);
    CU_ASSERT_EQUAL_FATAL(c->route_count, 1);
    CU_ASSERT_STRING_EQUAL(c->routes[0].interface, "Tunnel1");
    cfg_free(c);
    c = good("no crypto ikev2 fragmentation\n");
    CU_ASSERT_FALSE(c->ikev2_fragmentation);
    cfg_free(c);
}

static void a_section_is_reopened_by_its_name(void)
{
    struct cfg *c =
        good("interface Tunnel 1\n ip mtu 1300\ninterface Ethernet0/0\ninterface tu1\n tunnel source e0/0\n");
    CU_ASSERT_EQUAL(c->interface_count, 2);
    CU_ASSERT_EQUAL(c->interfaces[0].ip_mtu, 1300);
    CU_ASSERT_STRING_EQUAL(c->interfaces[0].tunnel_source_if, "Ethernet0/0");
    cfg_free(c);
}

static void interface_names_are_made_canonical(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"Gi0/1", "GigabitEthernet0/1"},
        {"ethernet0/0", "Ethernet0/0"},
        {"lo0", "Loopback0"},
        {"tunnel 1", "Tunnel1"},
        {"te1/0/3", "TenGigabitEthernet1/0/3"},
        {"Fa00/01", "FastEthernet0/1"},
        {"t1", NULL},
        {"Loopback0/1", NULL},
        {"Ethernet", NULL},
        {"Ethernet0/", NULL},
        {"1", NULL},
        {"Tunnel99999999999", NULL},
        {"Vlan1", NULL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[CV_NAME_MAX];
        bool ok = cfg_interface_name(cases[i].in, out, NULL);
        CU_ASSERT_EQUAL(ok, cases[i].out != NULL);
        if (ok && cases[i].out)
            CU_ASSERT_STRING_EQUAL(out, cases[i].out);
    }
}

static void keys_in_all_forms(void)
{
    struct cfg *c =
        good("crypto ikev2 keyring K\n peer A\n  pre-shared-key local abc\n  pre-shared-key remote 0 def\n"
             " peer B\n  pre-shared-key hex 0x00ff41\n peer C\n  pre-shared-key 0 local\n"
             " peer D\n  pre-shared-key \"two words\"\n peer E\n  pre-shared-key 0 0\n");
    const struct cfg_ikev2_peer *p = c->keyrings[0].peers;
    CU_ASSERT_EQUAL(memcmp(p[0].psk_local.p, "abc", 3), 0);
    CU_ASSERT_EQUAL(memcmp(p[0].psk_remote.p, "def", 3), 0);
    CU_ASSERT_EQUAL(p[1].psk_local.n, 3);
    CU_ASSERT_EQUAL(memcmp(p[1].psk_local.p, "\x00\xff\x41", 3), 0);
    CU_ASSERT_EQUAL(p[2].psk_local.n, 5); /* the key "local" */
    CU_ASSERT_EQUAL(memcmp(p[3].psk_local.p, "two words", 9), 0);
    CU_ASSERT_EQUAL(p[4].psk_local.n, 1);
    cfg_free(c);
}

static void a_key_that_was_forgotten_is_no_key(void)
{
    bad("crypto ikev2 keyring K\n peer A\n  pre-shared-key local\n  pre-shared-key remote\n  pre-shared-key "
        "hex\n"
        "  pre-shared-key 0\n  pre-shared-key 6\n  pre-shared-key local 0\n");
    CU_ASSERT_EQUAL(found.count, 6);
}

static void a_key_never_stands_in_a_message(void)
{
    bad("crypto ikev2 keyring K\n peer A\n  pre-shared-key hunter2 hunter3\n  pre-shared-key 6 hunter2\n"
        "  pre-shared-key hex hunter2\ncrypto ikev2 profile P\n authentication local pre-share key hunter2 "
        "hunter3\n"
        "crypto isakmp key hunter2 adress 1.1.1.1\n");
    CU_ASSERT_EQUAL(found.count, 5);
    for (unsigned i = 0; i < found.count; i++)
        CU_ASSERT(!strstr(found.items[i].text, "hunter") && !strstr(found.items[i].remedy, "hunter"));
}

static void default_objects_are_those_of_section_5(void)
{
    struct cfg *c = good("");
    const struct cfg_ikev2_proposal *p = cfg_find_proposal(c, "default");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT(p->builtin);
    CU_ASSERT_EQUAL(p->encr_count, 3);
    CU_ASSERT_EQUAL(p->encr[0].key_bits, 256);
    CU_ASSERT_EQUAL(p->integ[0], CV_INTEG_HMAC_SHA2_512_256);
    CU_ASSERT_EQUAL(p->group[0], 5);
    CU_ASSERT_EQUAL(p->group[1], 2);
    CU_ASSERT(cfg_find_policy(c, "default")->fvrf_any);
    const struct cfg_transform_set *t = cfg_find_transform_set(c, "default");
    CU_ASSERT(t->transport && t->encr == CV_ENCR_AES_CBC && t->integ == CV_INTEG_HMAC_SHA1_96);
    struct cfg_sa_params sa = cfg_sa_params_effective(c, cfg_find_ipsec_profile(c, "default"));
    CU_ASSERT_EQUAL(sa.lifetime_s, 3600);
    CU_ASSERT_EQUAL(sa.lifetime_kb, 4608000);
    CU_ASSERT_EQUAL(sa.replay_window, 64);
    CU_ASSERT_FALSE(sa.esn);
    CU_ASSERT_EQUAL(c->ikev2_window, 5);
    CU_ASSERT_FALSE(c->ikev2_dpd.set);
    cfg_free(c);
}

static void profile_values_win_over_global_ones(void)
{
    struct cfg *c =
        good("crypto ipsec security-association lifetime seconds 1200\n"
             "crypto ipsec security-association replay disable\ncrypto ipsec df-bit clear\n"
             "crypto ipsec security-association lifetime kilobytes disable\ncrypto ikev2 dpd 30 5 periodic\n"
             "crypto ikev2 profile F\ncrypto ikev2 profile G\n dpd 10 2 on-demand\n"
             "crypto ipsec profile A\ncrypto ipsec profile B\n set security-association lifetime days 1\n"
             " set security-association replay window-size 1024\n set security-association dfbit set\n"
             " set security-association lifetime kilobytes 5000\n set security-association esn\n set pfs\n");
    struct cfg_sa_params a = cfg_sa_params_effective(c, cfg_find_ipsec_profile(c, "A"));
    struct cfg_sa_params b = cfg_sa_params_effective(c, cfg_find_ipsec_profile(c, "B"));
    CU_ASSERT(a.lifetime_s == 1200 && a.replay_disable && a.df == CV_DF_CLEAR && a.lifetime_kb_disable &&
              !a.esn);
    CU_ASSERT(b.lifetime_s == 86400 && !b.replay_disable && b.replay_window == 1024 && b.df == CV_DF_SET);
    CU_ASSERT(!b.lifetime_kb_disable && b.lifetime_kb == 5000 && b.esn);
    CU_ASSERT_EQUAL(cfg_find_ipsec_profile(c, "B")->pfs_group, 1);
    CU_ASSERT(cfg_dpd_effective(c, cfg_find_profile(c, "F")).periodic);
    CU_ASSERT_EQUAL(cfg_dpd_effective(c, cfg_find_profile(c, "G")).interval_s, 10);
    cfg_free(c);
}

static void transform_sets_in_all_forms(void)
{
    struct cfg *c =
        good("crypto ipsec transform-set A esp-aes 256 esp-sha256-hmac\n mode transport require\n"
             "crypto ipsec transform-set B esp-gcm 192\ncrypto ipsec transform-set C esp-chacha20-poly1305\n"
             "crypto ipsec transform-set D esp-3des esp-md5-hmac\ncrypto ipsec transform-set E esp-gmac\n"
             "crypto ipsec transform-set F esp-sha-hmac\ncrypto ipsec transform-set G esp-sha512-hmac "
             "esp-aes 192\n");
    const struct cfg_transform_set *a = cfg_find_transform_set(c, "A");
    CU_ASSERT(a->encr == CV_ENCR_AES_CBC && a->key_bits == 256 && a->integ == CV_INTEG_HMAC_SHA2_256_128);
    CU_ASSERT(a->transport && a->transport_require);
    CU_ASSERT_EQUAL(cfg_find_transform_set(c, "B")->key_bits, 192);
    CU_ASSERT_EQUAL(cfg_find_transform_set(c, "C")->encr, CV_ENCR_CHACHA20_POLY1305);
    CU_ASSERT_EQUAL(cfg_find_transform_set(c, "C")->key_bits, 0);
    CU_ASSERT_EQUAL(cfg_find_transform_set(c, "D")->integ, CV_INTEG_HMAC_MD5_96);
    CU_ASSERT_EQUAL(cfg_find_transform_set(c, "E")->encr, CV_ENCR_NULL_AES_GMAC);
    CU_ASSERT_EQUAL(cfg_find_transform_set(c, "F")->encr, CV_ENCR_NULL);
    CU_ASSERT_EQUAL(cfg_find_transform_set(c, "G")->key_bits, 192);
    cfg_free(c);
    bad("crypto ipsec transform-set A esp-gcm esp-sha-hmac\ncrypto ipsec transform-set B esp-3des 128\n"
        "crypto ipsec transform-set C esp-aes esp-3des\n");
    expect(0, 1, 30, "own integrity", "leave");
    expect(1, 2, 39, "key length", "esp-aes 256");
    expect(2, 3, 38, "second cipher", "one cipher");
}

static void routes_in_all_forms(void)
{
    struct cfg *c = good(
        "interface Tunnel1\ninterface e0/0\n"
        "ip route 10.0.0.0 255.0.0.0 192.0.2.9 200 name core permanent\n"
        "ip route 0.0.0.0 0.0.0.0 Ethernet0/0 192.0.2.1\nip route 10.1.0.0 255.255.0.0 Tunnel 1 5\n"
        "ipv6 unicast-routing\nipv6 route 2001:db8::/32 Tunnel1\nipv6 route ::/0 Ethernet0/0 FE80::1 7\n");
    CU_ASSERT_EQUAL_FATAL(c->route_count, 5);
    CU_ASSERT(c->routes[0].distance == 200 && c->routes[0].permanent && !strcmp(c->routes[0].name, "core"));
    CU_ASSERT(c->routes[1].next_hop.family == IP_V4 && !strcmp(c->routes[1].interface, "Ethernet0/0"));
    CU_ASSERT(c->routes[2].distance == 5 && c->routes[2].next_hop.family == IP_NONE);
    CU_ASSERT(c->routes[3].prefix.len == 32 && c->routes[3].prefix.addr.family == IP_V6);
    CU_ASSERT_EQUAL(c->routes[4].distance, 7);
    CU_ASSERT(c->ipv6_unicast_routing);
    cfg_free(c);
    bad("ip route 10.0.0.1 255.0.0.0 1.1.1.1\nip route 10.0.0.0 255.0.255.0 1.1.1.1\n");
    expect(0, 1, 10, "outside of its mask", "10.0.0.0/8");
    expect(1, 2, 19, "255.0.255.0", "a mask");
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------ */
static void errors_name_position_and_expected_words(void)
{
    bad("hostnam\nhostname\ninterface Tunnel1\n ip adress 10.0.0.1 255.255.255.0\n ip address 10.0.0.300 "
        "255.255.255.0\n"
        " tunnel mode ipsec ipv5\ncrypto ikev2 window 21\nbanner motd\n");
    CU_ASSERT_EQUAL(found.count, 7);
    expect(0, 1, 8, "not complete", "a name");
    expect(1, 2, 9, "not complete", "a name");
    expect(2, 4, 5, "adress", "did you mean \"address\"");
    expect(3, 5, 13, "10.0.0.300", "an IPv4 address");
    expect(4, 6, 20, "ipv5", "ipv4, ipv6");
    expect(5, 7, 21, "21", "a number 1-20");
    expect(6, 8, 1, "banner", "hostname");
}

static void rate_limits_are_of_tunnels_and_in_each_direction(void)
{
    struct cfg *c = good(
        "interface Tunnel1\n rate-limit input 8000 1600 1600 conform-action transmit exceed-action drop\n"
        " rate-limit output 10000000000 500000 1000000 conform-action transmit exceed-action drop\n"
        " no rate-limit input 8000 1600 1600 conform-action transmit exceed-action drop\n");
    const struct cfg_interface *t = cfg_find_interface(c, "Tunnel1");
    CU_ASSERT_EQUAL(t->rate_limit[CV_DIR_IN].bps, 0);
    CU_ASSERT_EQUAL(t->rate_limit[CV_DIR_OUT].bps, 10000000000);
    CU_ASSERT(t->rate_limit[CV_DIR_OUT].burst == 500000 && t->rate_limit[CV_DIR_OUT].burst_max == 1000000);
    cfg_free(c);
    bad("interface Ethernet0/0\n rate-limit input 8000 1600 1600 conform-action transmit exceed-action drop\n"
        "interface Tunnel1\n rate-limit input 8000 9000 1600 conform-action transmit exceed-action drop\n");
    expect(0, 2, 2, "no tunnel", "interface Tunnel, or in an entry of a crypto map");
    expect(1, 4, 29, "less than the normal burst of 9000", "");
}

static void a_bad_section_header_hides_its_lines_only(void)
{
    bad("crypto ikev2 profle P\n match identity remote any\n authentication local pre-share\nbanner "
        "x\nhostname\n");
    CU_ASSERT_EQUAL(found.count, 3);
    expect(0, 1, 14, "profle", "did you mean \"profile\"");
    expect(1, 4, 1, "banner", "");
    expect(2, 5, 9, "not complete", "");
}

static void dangling_names_are_errors_with_the_nearest_name(void)
{
    bad("crypto ikev2 policy P\n proposal PROB\ncrypto ikev2 proposal PROP\n encryption aes-cbc-128\n "
        "integrity sha1\n group 14\n"
        "crypto ikev2 profile F\n keyring local KR\ncrypto ipsec profile I\n set transform-set TS\n set "
        "ikev2-profile G\n"
        "interface Tunnel1\n tunnel source Loopback3\n tunnel protection ipsec profile J\nip route 10.0.0.0 "
        "255.0.0.0 Tunnel2\n");
    CU_ASSERT_EQUAL(found.count, 7);
    expect(0, 2, 0, "no IKEv2 proposal PROB", "did you mean PROP?");
    expect(1, 8, 0, "no IKEv2 keyring KR", "crypto ikev2 keyring KR");
    expect(2, 10, 0, "no transform set TS", "define");
    expect(3, 11, 0, "no IKEv2 profile G", "did you mean F?");
    expect(4, 13, 0, "no interface Loopback3", "define");
    expect(5, 14, 0, "no IPsec profile J", "did you mean I?");
    expect(6, 15, 0, "no interface Tunnel2", "did you mean Tunnel1?");
}

static void a_neighbour_has_the_mac_of_one_station(void)
{
    bad("arp 192.0.2.9 0300.0000.0009 arpa\narp 192.0.2.9 0200.0000.000 arpa\narp 224.0.0.9 0200.0000.0009 "
        "arpa\n"
        "arp 192.0.2.9 0000.0000.0000 arpa\narp 192.0.2.9 02000.000.0009 arpa\narp 192.0.2.9 "
        "02:00:00:00:00:09:0a arpa\n"
        "ipv6 neighbor 2001:db8::9 Ethernet7/7 0200.0000.0009\n");
    for (int line = 1; line <= 6; line++)
        if (line != 3)
            expect((unsigned)line - 1, line, 15, "one station", "0200.0000.0001");
    expect(2, 3, 5, "no address", "one station");
}

static void later_releases_are_refused_with_a_remedy(void)
{
    bad("crypto isakmp client configuration group G\n key x\ncrypto map ipv6 M 10 ipsec-manual\n set peer "
        "2001:db8::1\n\n\nip access-list standard TS\n permit any\ncrypto key generate rsa\n"
        "interface Ethernet0/0\n ip access-group 101 in\n");
    CU_ASSERT_EQUAL(found.count, 5);
    expect(0, 1, 1, "\"crypto isakmp client\" is not in this release", "remote access");
    expect(1, 3, 1, "\"crypto map ipv6\"", "crypto map ipv6 NAME SEQ ipsec-isakmp");
    expect(2, 7, 1, "\"ip access-list standard\"", "extended");
}

static void errors_stop_at_a_limit(void)
{
    char *text = malloc(5000 * 4 + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (unsigned i = 0; i < 5000; i++)
        memcpy(text + 4 * i, "xyz\n", 5);
    bad(text);
    CU_ASSERT_EQUAL(found.count, 201);
    expect(200, 200, 0, "too many errors", "");
    free(text);
}

static void a_file_that_cannot_be_read_says_why(void)
{
    struct cfg *c;
    cfg_findings_free(&found);
    CU_ASSERT_EQUAL(cfg_load("/nonexistent/culvert.conf", &c, &found), CV_EIO);
    CU_ASSERT_EQUAL_FATAL(found.count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(found.items[0].text, "No such file"));
    cfg_findings_free(&found);
}

/* A crypto map's flow has no section of its own: its port's says it, else the global line. */
static void flows_cut_as_their_port(void)
{
    static const struct {
        const char *global, *port;
        bool after;
    } rows[] = {{"", "", false},
                {"crypto ipsec fragmentation after-encryption\n", "", true},
                {"crypto ipsec fragmentation after-encryption\n",
                 " crypto ipsec fragmentation before-encryption\n", false},
                {"", " crypto ipsec fragmentation after-encryption\n", true}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "%scrypto ipsec transform-set T esp-gcm\nip access-list extended A\n"
                 " permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n"
                 "crypto map M 10 ipsec-isakmp\n set peer 192.0.2.2\n set transform-set T\n match address A\n"
                 "interface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n crypto map M\n%s",
                 rows[i].global, rows[i].port);
        struct cfg *c = good(text);
        const struct cfg_interface *f = cfg_find_interface(c, "M#10.10");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        CU_ASSERT_EQUAL(cfg_cut_after(c, f), rows[i].after);
        cfg_free(c);
    }
}

static void what_is_done_with_long_packets_and_fragments(void)
{
    struct cfg *c = good("platform dataplane\n port Ethernet0/0 vdev net_null0\n"
                         "crypto ipsec fragmentation after-encryption\ncrypto ipsec df-bit set\n"
                         "interface Ethernet0/0\n mtu 9000\n crypto ipsec fragmentation before-encryption\n "
                         "crypto ipsec df-bit clear\n"
                         " ip virtual-reassembly in max-reassemblies 64 timeout 5\n"
                         "interface Tunnel1\n ip mtu 1300\n");
    const struct cfg_interface *e = cfg_find_interface(c, "Ethernet0/0"),
                               *t = cfg_find_interface(c, "Tunnel1");
    static struct platform p;
    CU_ASSERT_FATAL(e && t);
    CU_ASSERT(e->mtu == 9000 && !cfg_cut_after(c, e) && cfg_cut_after(c, t));
    CU_ASSERT(cfg_sa_params_on(c, NULL, "Ethernet0/0").df == CV_DF_CLEAR);
    CU_ASSERT(cfg_sa_params_on(c, NULL, "Tunnel1").df == CV_DF_SET);
    CU_ASSERT(e->reass.set && e->reass.datagrams == 64 && e->reass.fragments == 0 && e->reass.timeout_s == 5);
    cfg_platform_of(c, &p);
    CU_ASSERT(p.port_count == 1 && p.ports[0].mtu == 9000 && c->platform.ports[0].mtu == 0);
    cfg_free(c);
    flows_cut_as_their_port();
    bad("interface Tunnel1\n mtu 9000\n");
    bad("interface Ethernet0/0\n mtu 9217\n");
    bad("interface Ethernet0/0\n ip virtual-reassembly max-fragments 33\n");
    cfg_findings_free(&found);
}

UNIT_MAIN("config-parse", UNIT_TEST(what_is_done_with_long_packets_and_fragments),
          UNIT_TEST(example_loads_as_it_stands), UNIT_TEST(lex_gives_columns_and_cuts_comments),
          UNIT_TEST(lex_quotes_hold_blanks_and_bangs),
          UNIT_TEST(lex_refuses_control_characters_and_long_lines),
          UNIT_TEST(keywords_abbreviate_to_a_unique_prefix),
          UNIT_TEST(ambiguous_prefix_is_an_error_with_the_candidates), UNIT_TEST(a_number_is_no_abbreviation),
          UNIT_TEST(any_indentation_and_none_is_accepted),
          UNIT_TEST(an_indented_section_ends_at_an_unindented_line),
          UNIT_TEST(exit_leaves_one_section_and_end_all), UNIT_TEST(no_and_default_take_back),
          UNIT_TEST(a_section_is_reopened_by_its_name), UNIT_TEST(interface_names_are_made_canonical),
          UNIT_TEST(keys_in_all_forms), UNIT_TEST(a_key_that_was_forgotten_is_no_key),
          UNIT_TEST(a_key_never_stands_in_a_message), UNIT_TEST(default_objects_are_those_of_section_5),
          UNIT_TEST(profile_values_win_over_global_ones), UNIT_TEST(transform_sets_in_all_forms),
          UNIT_TEST(routes_in_all_forms), UNIT_TEST(errors_name_position_and_expected_words),
          UNIT_TEST(rate_limits_are_of_tunnels_and_in_each_direction),
          UNIT_TEST(a_bad_section_header_hides_its_lines_only),
          UNIT_TEST(dangling_names_are_errors_with_the_nearest_name),
          UNIT_TEST(a_neighbour_has_the_mac_of_one_station),
          UNIT_TEST(later_releases_are_refused_with_a_remedy), UNIT_TEST(errors_stop_at_a_limit),
          UNIT_TEST(a_file_that_cannot_be_read_says_why))
