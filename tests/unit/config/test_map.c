/* Access lists and crypto maps (ios-semantics 4.7), the flows made of them (PR-12, C18), and the policy rows of the data plane, held
 * against a literal packet-by-packet reading of the map. */
#include "control/config/cfg_policy.h"
#include "tests/unit/config/parsed.h"

#include <stdlib.h>

static void bad(const char *text, const char *says)
{
    const struct cfg_finding *x = refused(text);
    if (!strstr(x->text, says) && !strstr(x->remedy, says))
        printf("\n  %s\n  says: %s; %s\n", text, x->text, x->remedy);
    CU_ASSERT(strstr(x->text, says) || strstr(x->remedy, says));
}

/* ---- access lists -------------------------------------------------------------------------------------------------- */
#define LIST "ip access-list extended A\n "

static void line_is(const char *line, const char *local, const char *remote)
{
    char text[256];
    snprintf(text, sizeof text, LIST "%s\n", line);
    struct cfg *c = good(text);
    CU_ASSERT_EQUAL_FATAL(c->acl_count, 1);
    CU_ASSERT_EQUAL_FATAL(c->acls[0].ace_count, 1);
    CU_ASSERT_STRING_EQUAL(text_of(&c->acls[0].aces[0].local), local);
    CU_ASSERT_STRING_EQUAL(text_of(&c->acls[0].aces[0].remote), remote);
    cfg_free(c);
}

static void a_line_is_a_pair_of_selectors(void)
{
    line_is("permit ip 10.10.0.0 0.0.255.255 10.20.20.0 0.0.0.255", "10.10.0.0/16", "10.20.20.0/24");
    line_is("permit ip any host 10.0.0.1", "0.0.0.0/0", "10.0.0.1/32");
    line_is("permit ip 10.1.2.3 0.0.0.255 any", "10.1.2.0/24", "0.0.0.0/0");
    line_is("permit ip 1.2.3.4 255.255.255.255 1.2.3.4 0.0.0.0", "0.0.0.0/0", "1.2.3.4/32");
    line_is("permit tcp any eq 80 host 10.0.0.1 range 1000 2000", "0.0.0.0/0[6/80]",
            "10.0.0.1/32[6/1000-2000]");
    line_is("permit udp any lt 5 any gt 65533", "0.0.0.0/0[17/0-4]", "0.0.0.0/0[17/65534-65535]");
    line_is("permit tcp any any eq www", "0.0.0.0/0[6/*]", "0.0.0.0/0[6/80]");
    line_is("permit udp any any eq isakmp", "0.0.0.0/0[17/*]", "0.0.0.0/0[17/500]");
    line_is("permit udp any any eq syslog", "0.0.0.0/0[17/*]", "0.0.0.0/0[17/514]");
    line_is("permit tcp any any eq cmd", "0.0.0.0/0[6/*]", "0.0.0.0/0[6/514]");
    line_is("permit gre host 1.1.1.1 host 2.2.2.2", "1.1.1.1/32[47/*]", "2.2.2.2/32[47/*]");
    line_is("permit 103 any any", "0.0.0.0/0[103/*]", "0.0.0.0/0[103/*]");
    line_is("permit icmp any any log", "0.0.0.0/0[1/*]", "0.0.0.0/0[1/*]");
    line_is("permit icmp any any echo", "0.0.0.0/0[1/2048-2303]", "0.0.0.0/0[1/2048-2303]");
    line_is("permit icmp any any 0", "0.0.0.0/0[1/0-255]", "0.0.0.0/0[1/0-255]");
    line_is("permit icmp any any 3 4 log", "0.0.0.0/0[1/772]", "0.0.0.0/0[1/772]");
    line_is("deny icmp any any packet-too-big", "0.0.0.0/0[1/772]", "0.0.0.0/0[1/772]");
}

static void what_no_selector_can_say_is_refused(void)
{
    bad(LIST "permit ip 10.0.0.0 0.255.0.255 any\n", "holes");
    bad(LIST "permit ip 10.0.0.0 255.255.255.0 any\n", "0.0.0.255");
    bad(LIST "permit tcp any neq 80 any\n", "two lines: lt P, and gt P");
    bad(LIST "permit tcp any any established\n", "established");
    bad(LIST "permit icmp any any ping\n", "a type of ICMP");
    bad(LIST "permit icmp any any 256\n", "a type of ICMP");
    bad(LIST "permit icmp any any 3 256\n", "a code of ICMP");
    bad(LIST "permit icmp any any echo 0\n", "not known here");
    bad(LIST "permit icmp any echo any\n", "not known here");
    bad(LIST "permit tcp any any 8\n", "not known here");
    bad(LIST "permit ip any eq 80 any\n", "no ports");
    bad(LIST "permit tcp any any range 9 8\n", "lower port first");
    bad(LIST "permit tcp any lt 0 any\n", "no port");
    bad(LIST "permit tcp any gt 65535 any\n", "no port");
    bad(LIST "permit tcp any any eq 65536\n", "a port");
    bad(LIST "permit udp any any eq www\n", "a port");
    bad(LIST "permit 0 any any\n", "a protocol");
    bad(LIST "permit 256 any any\n", "a protocol");
    bad(LIST "permit ip any\n", "not complete");
    bad(LIST "permit ip any host\n", "not complete");
    bad(LIST "permit ip any any any\n", "not known here");
    bad(LIST "permit ip object-group X any\n", "not known here");
    bad("access-list 10 permit any\n", "not in this release");
    bad("ip access-list standard X\n permit any\n", "not in this release");
}

static void lines_stand_by_their_numbers(void)
{
    struct cfg *c =
        good("access-list 101 remark the one\naccess-list 101 permit ip any host 1.1.1.1\n"
             "ip access-list extended 101\n deny ip any host 2.2.2.2\n 15 permit ip any host 3.3.3.3\n"
             " remark two\n 5 deny tcp any any\n permit ip any host 4.4.4.4\n"
             " permit ip any host 1.1.1.1\n no 20\n no permit ip any host 9.9.9.9\n"
             " no deny tcp any any\naccess-list 2000 deny ip any any\nno access-list 2000\n");
    CU_ASSERT_EQUAL_FATAL(c->acl_count, 1);
    const struct cfg_acl *a = cfg_find_acl(c, "101");
    CU_ASSERT_FATAL(a && a->ace_count == 3);
    CU_ASSERT(a->aces[0].seq == 10 && a->aces[1].seq == 15 && a->aces[2].seq == 30);
    CU_ASSERT_STRING_EQUAL(text_of(&a->aces[1].remote), "3.3.3.3/32");
    cfg_free(c);
    bad(LIST "10 permit ip any any\n 10 deny ip any any\n", "there already");
    bad(LIST "2147483640 permit ip any host 1.1.1.1\n permit ip any any\n", "no number");
}

/* ---- crypto maps --------------------------------------------------------------------------------------------------- */
#define PORT                                                                                                 \
    "interface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n crypto map M\n"                            \
    "crypto isakmp policy 10\n authentication pre-share\n encr aes\n group 14\n"
#define C18                                                                                                  \
    "ip access-list extended TS\n"                                                                           \
    " permit ip 10.10.0.0 0.0.255.255 10.20.20.0 0.0.0.255\n"                                                \
    " permit ip 10.10.0.0 0.0.255.255 10.20.30.0 0.0.0.255\n"                                                \
    " permit ip 192.168.0.0 0.0.0.255 10.20.20.0 0.0.0.255\n"                                                \
    " permit ip 192.168.0.0 0.0.0.255 10.20.30.0 0.0.0.255\nexit\n"

static const struct cfg_interface *flow(const struct cfg *c, unsigned n)
{
    for (unsigned i = 0; i < c->interface_count; i++)
        if (c->interfaces[i].flow && n-- == 0)
            return &c->interfaces[i];
    return NULL;
}

static void PR_12_each_permit_line_is_a_flow(void)
{
    struct cfg *c =
        good(C18 "crypto map M 10 ipsec-isakmp\n set peer 192.0.2.2\n set peer 192.0.2.3 default\n"
                 " match address TS\n set pfs group14\n" PORT);
    struct ts local, remote;
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 4);
    CU_ASSERT_EQUAL_FATAL(c->interface_count, 5);
    static const char *const names[] = {"M#10.10", "M#10.20", "M#10.30", "M#10.40"};
    for (unsigned i = 0; i < 4; i++) {
        const struct cfg_interface *x = flow(c, i);
        CU_ASSERT_STRING_EQUAL(x->name, names[i]);
        CU_ASSERT(x->kind == CV_IF_FLOW && x->flow == &c->flows[i] && cfg_is_protected(x));
        CU_ASSERT(!strcmp(x->tunnel_source_if, "Ethernet0/0") && !strcmp(x->protection_profile, "M 10"));
        CU_ASSERT(!strcmp(x->flow->group, "M#10@Ethernet0/0") && !strcmp(x->flow->port, "Ethernet0/0"));
        CU_ASSERT_EQUAL_FATAL(x->flow->peer_count, 2);
        CU_ASSERT_EQUAL(x->flow->peers[0].b[3], 3); /* the default one first */
        CU_ASSERT(ip_addr_equal(&x->tunnel_destination, &x->flow->peers[0]));
        CU_ASSERT(cfg_selectors(c, x, &local, &remote) && ts_equal(&local, &x->flow->local) &&
                  ts_equal(&remote, &x->flow->remote));
    }
    CU_ASSERT_STRING_EQUAL(text_of(&flow(c, 2)->flow->local), "192.168.0.0/24");
    CU_ASSERT_STRING_EQUAL(text_of(&flow(c, 2)->flow->remote), "10.20.20.0/24");
    const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(c, "M 10");
    CU_ASSERT(p && p->made && p->pfs && p->pfs_group == 14);
    CU_ASSERT_EQUAL(p - c->ipsec_profiles, c->ipsec_profile_count - 1);
    cfg_free(c);
}

static void dynamic_entries_wait_for_any_peer(void)
{
    struct cfg *c = good(LIST "permit ip any host 1.1.1.1\n deny ip any any\n"
                              "crypto isakmp profile P\n match identity address 0.0.0.0\n"
                              "crypto isakmp profile Q\n match identity address 1.1.1.1\n"
                              "crypto dynamic-map D 5\n match address A\n set isakmp-profile Q\n"
                              "crypto dynamic-map D 9\ncrypto map M 65535 ipsec-isakmp dynamic D\n"
                              "crypto map M isakmp-profile P\ncrypto map M local-address Loopback0\n"
                              "interface Loopback0\n ip address 1.1.1.1 255.255.255.255\n" PORT);
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 2);
    const struct cfg_interface *a = flow(c, 0), *b = flow(c, 1);
    CU_ASSERT_STRING_EQUAL(a->name, "M#65535.5.10");
    CU_ASSERT_STRING_EQUAL(b->name, "M#65535.9.0");
    CU_ASSERT(a->flow->is_dynamic && a->flow->has_acl && b->flow->is_dynamic && !b->flow->has_acl);
    CU_ASSERT(a->tunnel_destination.family == IP_NONE && !strcmp(a->tunnel_source_if, "Loopback0"));
    CU_ASSERT(ts_is_any(&b->flow->local) && ts_is_any(&b->flow->remote));
    CU_ASSERT_STRING_EQUAL(cfg_find_ipsec_profile(c, a->protection_profile)->isakmp_profile, "Q");
    CU_ASSERT_STRING_EQUAL(cfg_find_ipsec_profile(c, b->protection_profile)->isakmp_profile, "P");
    cfg_free(c);
}

#define LIMIT(dir, numbers) " rate-limit " dir " " numbers " conform-action transmit exceed-action drop\n"
static bool limited(const struct cfg_rate_limit *l, uint64_t bps, uint32_t burst, uint32_t most)
{
    return l->bps == bps && l->burst == burst && l->burst_max == most;
}

/* Of each line alone, static or dynamic, on each port that has the map. */
static void the_rate_limits_of_an_entry_are_those_of_each_of_its_lines(void)
{
    struct cfg *c = good(
        LIST
        "permit ip any host 1.1.1.1\n permit ip any host 1.1.1.2\n"
        "crypto dynamic-map D 5\n" LIMIT(
            "input",
            "8000 1600 1600") "crypto map M 10 ipsec-isakmp\n"
                              " set peer 192.0.2.2\n match address A\n" LIMIT("output",
                                                                              "10000000000 500000 1000000")
                                  LIMIT("input", "8000 1600 1600") " no" LIMIT(
                                      "input",
                                      "8000 1600 1600") "crypto map M 20 ipsec-isakmp\n set peer 192.0.2.3\n "
                                                        "match address A\n"
                                                        "crypto map M 65535 ipsec-isakmp dynamic D\n" PORT
                                                        "interface Ethernet0/1\n ip address 198.51.100.1 "
                                                        "255.255.255.0\n crypto map M\n");
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 10);
    for (unsigned i = 0; i < c->flow_count; i++) {
        const struct cfg_rate_limit *in = &flow(c, i)->rate_limit[CV_DIR_IN],
                                    *out = &flow(c, i)->rate_limit[CV_DIR_OUT];
        const unsigned seq = flow(c, i)->flow->seq;
        CU_ASSERT(limited(in, seq == 65535 ? 8000 : 0, seq == 65535 ? 1600 : 0, seq == 65535 ? 1600 : 0));
        CU_ASSERT(seq == 10 ? limited(out, 10000000000, 500000, 1000000) : limited(out, 0, 0, 0));
    }
    CU_ASSERT_EQUAL(c->interfaces[0].rate_limit[CV_DIR_OUT].bps, 0);
    cfg_free(c);
    bad("crypto map M 10 ipsec-isakmp\n" LIMIT("output", "8000 2000 1999"), "less than the normal burst");
}

static void incomplete_entries_are_never_used(void)
{
    struct cfg *c = good(LIST "permit ip any host 1.1.1.1\nip access-list extended B\n deny ip any any\n"
                              "crypto map M 10 ipsec-isakmp\n set peer 192.0.2.2\n"
                              "crypto map M 20 ipsec-isakmp\n match address A\n"
                              "crypto map M 30 ipsec-isakmp\n set peer 192.0.2.2\n match address B\n"
                              "crypto map M 40 ipsec-isakmp\n set peer 192.0.2.2\n match address A\n" PORT);
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 1);
    CU_ASSERT_STRING_EQUAL(flow(c, 0)->name, "M#40.10");
    cfg_free(c);
}

static void a_map_on_several_ports_and_with_a_long_name(void)
{
#define LONG "a-crypto-map-of-a-very-long-name-indeed"
    struct cfg *c = good(
        LIST "permit ip any host 1.1.1.1\ncrypto map " LONG " 10 ipsec-isakmp\n set peer 192.0.2.2\n"
             " match address A\ncrypto map " LONG "2 10 ipsec-isakmp\n set peer 192.0.2.2\n match address A\n"
             "interface Ethernet0/0\n crypto map " LONG "\ninterface Ethernet0/1\n crypto map " LONG
             "\n shutdown\ninterface Ethernet0/2\n crypto map " LONG "2\n");
    CU_ASSERT_EQUAL_FATAL(c->flow_count, 3);
    CU_ASSERT(strlen(flow(c, 0)->name) < CV_NAME_MAX && strstr(flow(c, 0)->name, "#10.10"));
    CU_ASSERT_PTR_NOT_NULL(strstr(flow(c, 1)->name, "#10.10@2"));
    CU_ASSERT(strcmp(flow(c, 0)->name, flow(c, 2)->name) != 0);
    CU_ASSERT(!flow(c, 0)->shutdown && flow(c, 1)->shutdown && !cfg_is_protected(flow(c, 1)));
    CU_ASSERT_STRING_EQUAL(flow(c, 0)->protection_profile, flow(c, 1)->protection_profile);
    cfg_free(c);
}

static void maps_are_refused_where_they_cannot_work(void)
{
    bad("crypto map M 10 ipsec-isakmp\n set peer gw.example\n", "unsupported");
    bad("crypto map M 10 ipsec-isakmp\n set peer 224.0.0.1\n", "no address a peer can have");
    bad("crypto map M 10 ipsec-isakmp\n match address X\n", "there is no access list X");
    bad("crypto map M 10 ipsec-isakmp dynamic D\n", "there is no crypto dynamic-map D");
    bad("interface Ethernet0/0\n crypto map M\n", "there is no crypto map M");
    bad("crypto map M 10 ipsec-isakmp\ninterface Tunnel1\n crypto map M\n", "tunnel protection");
    bad("crypto map M 10 ipsec-manual\n set peer 1.1.1.1\n", "not in this release");
    bad("crypto map M local-address Loopback0\n", "there is no interface Loopback0");
    bad("crypto ipsec profile \"M 10\"\n" LIST "permit ip any any\ncrypto map M 10 ipsec-isakmp\n set peer "
        "192.0.2.2\n match address A\n" PORT,
        "name");
    bad("no crypto map\n", "which crypto map");
    bad("no access-list\n", "which access list");
}

static void no_takes_entries_and_maps_away(void)
{
    struct cfg *c =
        good("crypto map M 10 ipsec-isakmp\n set peer 1.1.1.1\n set peer 2.2.2.2\n no set peer 1.1.1.1\n"
             "crypto map M 20 ipsec-isakmp\n set peer 1.1.1.1\n no set peer\n reverse-route\n"
             "crypto map M 5 ipsec-isakmp\nno crypto map M 5\ncrypto map N 1 ipsec-isakmp\n"
             "no crypto map N 1\ncrypto dynamic-map M 7\nno crypto dynamic-map M\n");
    CU_ASSERT_EQUAL_FATAL(c->map_count, 1);
    CU_ASSERT_EQUAL_FATAL(c->maps[0].entry_count, 2);
    CU_ASSERT(c->maps[0].entries[0].seq == 10 && c->maps[0].entries[0].peer_count == 1);
    CU_ASSERT(c->maps[0].entries[1].peer_count == 0 && c->maps[0].entries[1].reverse_route);
    cfg_free(c);
}

static void more_flows_than_interfaces_are_an_error(void)
{
    size_t room = 1 << 20, n = 0;
    char *text = malloc(room);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    n += (size_t)snprintf(text, room, "ip access-list extended A\n");
    for (unsigned i = 0; i < CV_MAX_IFS; i++)
        n += (size_t)snprintf(text + n, room - n, " permit ip any host 10.0.%u.%u\n", i / 256, i % 256);
    snprintf(text + n, room - n,
             "crypto map M 10 ipsec-isakmp\n set peer 192.0.2.2\n match address A\n" PORT);
    bad(text, "more permit lines");
    free(text);
}

/* ---- policy rows --------------------------------------------------------------------------------------------------- */
/* What happens to a packet: an action, and which permit line. */
struct verdict {
    int action; /* 0: in clear because nothing matches */
    const struct cfg_interface *flow;
};

struct packet {
    struct ip_addr src, dst;
    uint8_t proto;
    uint16_t sport, dport;
};

static bool takes(const struct ts *local, const struct ts *remote, const struct packet *k)
{
    return ts_match(local, &k->src, k->proto, k->sport) && ts_match(remote, &k->dst, k->proto, k->dport);
}

static const struct cfg_interface *flow_at(const struct cfg *c, unsigned seq, unsigned dseq, unsigned ace)
{
    for (unsigned i = 0; i < c->interface_count; i++)
        if (c->interfaces[i].flow && c->interfaces[i].flow->seq == seq &&
            c->interfaces[i].flow->dynamic_seq == dseq && c->interfaces[i].flow->ace == ace)
            return &c->interfaces[i];
    return NULL;
}

/* True when the entry decides. */
static bool entry_decides(const struct cfg *c, const struct cfg_map_entry *e, unsigned seq, bool dynamic,
                          const struct packet *k, struct verdict *v)
{
    unsigned dseq = dynamic ? e->seq : 0;
    const struct cfg_acl *a = e->acl[0] ? cfg_find_acl(c, e->acl) : NULL;
    if (!cfg_map_entry_complete(c, e, dynamic))
        return false;
    if (!a) {
        *v = (struct verdict){CV_POLICY_PROTECT_IF, flow_at(c, seq, dseq, 0)};
        return true;
    }
    for (unsigned i = 0; i < a->ace_count; i++) {
        if (!takes(&a->aces[i].local, &a->aces[i].remote, k))
            continue;
        if (a->aces[i].permit)
            *v = (struct verdict){dynamic ? CV_POLICY_PROTECT_ONLY : CV_POLICY_PROTECT,
                                  flow_at(c, seq, dseq, a->aces[i].seq)};
        else if (c->ipv4_deny == CFG_DENY_JUMP)
            return false;
        else
            *v = (struct verdict){c->ipv4_deny == CFG_DENY_DROP ? CV_POLICY_DISCARD : 0, NULL};
        return true;
    }
    return false;
}

static struct verdict literal(const struct cfg *c, const struct packet *k)
{
    const struct cfg_crypto_map *m = cfg_find_map(c, "M", false);
    struct verdict v = {0};
    for (unsigned i = 0; i < m->entry_count; i++) {
        const struct cfg_map_entry *e = &m->entries[i];
        const struct cfg_crypto_map *d = e->dynamic[0] ? cfg_find_map(c, e->dynamic, true) : NULL;
        for (unsigned n = 0; d && n < d->entry_count; n++)
            if (entry_decides(c, &d->entries[n], e->seq, true, k, &v))
                return v;
        if (!d && entry_decides(c, e, e->seq, false, k, &v))
            return v;
    }
    return v;
}

static struct verdict by_rows(const struct cfg_policy_row *rows, unsigned n, const struct packet *k)
{
    for (unsigned i = 0; i < n; i++)
        if (takes(&rows[i].local, &rows[i].remote, k))
            return (struct verdict){rows[i].action == CV_POLICY_BYPASS ? 0 : rows[i].action, rows[i].flow};
    return (struct verdict){0};
}

static unsigned draw(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

/* Few addresses and ports, so that lines and packets meet. */
static void random_address(unsigned *s, char *out, size_t room)
{
    static const char *const wild[] = {"0.0.0.0", "0.0.0.1", "0.0.0.3", "0.0.0.7"};
    if (draw(s, 5) == 0)
        snprintf(out, room, "any");
    else
        snprintf(out, room, "10.0.0.%u %s", draw(s, 8), wild[draw(s, 4)]);
}

static void random_line(unsigned *s, char *out, size_t room)
{
    char src[40], dst[40], port[2][24] = {"", ""};
    static const char *const protos[] = {"ip", "tcp", "udp"};
    unsigned proto = draw(s, 3);
    random_address(s, src, sizeof src);
    random_address(s, dst, sizeof dst);
    for (unsigned i = 0; i < 2 && proto; i++)
        if (draw(s, 3) == 0)
            snprintf(port[i], sizeof port[i], " range %u %u", draw(s, 3), 3 + draw(s, 3));
    snprintf(out, room, " %s %s %s%s %s%s\n", draw(s, 3) ? "permit" : "deny", protos[proto], src, port[0],
             dst, port[1]);
}

static void random_map(unsigned *s, char *text, size_t room)
{
    static const char *const denies[] = {"jump", "jump", "clear", "drop"};
    size_t n = (size_t)snprintf(text, room, "crypto ipsec ipv4-deny %s\n", denies[draw(s, 4)]);
    unsigned entries = 1 + draw(s, 5);
    for (unsigned e = 1; e <= entries; e++) {
        n += (size_t)snprintf(text + n, room - n, "ip access-list extended A%u\n", e);
        for (unsigned i = 0, lines = 1 + draw(s, 5); i < lines; i++) {
            char line[160];
            random_line(s, line, sizeof line);
            n += (size_t)snprintf(text + n, room - n, "%s", line);
        }
        if (draw(s, 4) == 0)
            n += (size_t)snprintf(
                text + n, room - n,
                "crypto dynamic-map D%u 3\n match address A%u\n%scrypto map M %u ipsec-isakmp "
                "dynamic D%u\n",
                e, e,
                draw(s, 4) ? ""
                           : "crypto dynamic-map D"
                             "9 4\n",
                e, e);
        else
            n += (size_t)snprintf(text + n, room - n,
                                  "crypto map M %u ipsec-isakmp\n set peer 192.0.2.2\n match address A%u\n",
                                  e, e);
    }
    if (draw(s, 3) == 0)
        n += (size_t)snprintf(text + n, room - n,
                              "crypto dynamic-map E 4\ncrypto map M 100 ipsec-isakmp dynamic E\n");
    snprintf(text + n, room - n, "interface Ethernet0/0\n crypto map M\n");
}

static void rows_say_what_the_map_says(void)
{
    unsigned seed = 20240601, seen[8] = {0}, jumped = 0;
    for (unsigned round = 0; round < 1500; round++) {
        char text[8192];
        random_map(&seed, text, sizeof text);
        struct cfg *c = good(text);
        struct cfg_policy_row *rows;
        unsigned n;
        CU_ASSERT_EQUAL_FATAL(cfg_policy_rows(c, &c->interfaces[0], &rows, &n), CV_OK);
        for (unsigned i = 0; i < n; i++)
            jumped += rows[i].action == CV_POLICY_BYPASS;
        for (unsigned i = 0; i < 200; i++) {
            struct packet k = {.src = ip_addr_v4((const uint8_t[4]){10, 0, 0, (uint8_t)draw(&seed, 9)}),
                               .dst = ip_addr_v4((const uint8_t[4]){10, 0, 0, (uint8_t)draw(&seed, 9)}),
                               .proto = (uint8_t[]){6, 17, 1}[draw(&seed, 3)]};
            k.sport = k.proto == 1 ? 0 : (uint16_t)draw(&seed, 7);
            k.dport = k.proto == 1 ? 0 : (uint16_t)draw(&seed, 7);
            struct verdict want = literal(c, &k), got = by_rows(rows, n, &k);
            seen[want.action]++;
            if (want.action != got.action || want.flow != got.flow)
                printf("\n%s\n want %d %s, got %d %s\n", text, want.action, want.flow ? want.flow->name : "",
                       got.action, got.flow ? got.flow->name : "");
            CU_ASSERT_FATAL(want.action == got.action && want.flow == got.flow);
        }
        free(rows);
        cfg_free(c);
    }
    for (unsigned i = 0; i <= CV_POLICY_DISCARD; i++) /* each outcome was met (a bypass counts as 0) */
        CU_ASSERT(i == CV_POLICY_BYPASS || seen[i] > 500);
    CU_ASSERT(jumped > 500);
}

static const char *wild(unsigned bits, char *out)
{
    unsigned v = (1u << bits) - 1;
    struct ip_addr a = ip_addr_v4((const uint8_t[4]){0, 0, (uint8_t)(v >> 8), (uint8_t)v});
    return ip_addr_text(&a, out);
}

static void rows_are_bounded(void)
{
    /* each deny lies within the one before, so each entry doubles what stands behind it */
    char text[8192], mask[IP_TEXT_MAX];
    size_t n = 0;
    for (unsigned i = 1; i <= 13; i++)
        n += (size_t)snprintf(
            text + n, sizeof text - n,
            "ip access-list extended A%u\n deny ip 10.0.0.0 %s any\n permit udp any eq %u any\n"
            "crypto map M %u ipsec-isakmp\n set peer 192.0.2.2\n match address A%u\n",
            i, wild(13 - i, mask), i, i, i);
    snprintf(text + n, sizeof text - n, PORT);
    bad(text, "4096");
}

static void a_port_without_a_map_has_no_rows(void)
{
    struct cfg *c = good("interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n");
    struct cfg_policy_row *rows;
    unsigned n = 7;
    CU_ASSERT_EQUAL(cfg_policy_rows(c, &c->interfaces[0], &rows, &n), CV_OK);
    CU_ASSERT(rows == NULL && n == 0);
    cfg_free(c);
}

UNIT_MAIN("config-map", UNIT_TEST(a_line_is_a_pair_of_selectors),
          UNIT_TEST(what_no_selector_can_say_is_refused), UNIT_TEST(lines_stand_by_their_numbers),
          UNIT_TEST(PR_12_each_permit_line_is_a_flow), UNIT_TEST(dynamic_entries_wait_for_any_peer),
          UNIT_TEST(the_rate_limits_of_an_entry_are_those_of_each_of_its_lines),
          UNIT_TEST(incomplete_entries_are_never_used),
          UNIT_TEST(a_map_on_several_ports_and_with_a_long_name),
          UNIT_TEST(maps_are_refused_where_they_cannot_work), UNIT_TEST(no_takes_entries_and_maps_away),
          UNIT_TEST(more_flows_than_interfaces_are_an_error), UNIT_TEST(rows_say_what_the_map_says),
          UNIT_TEST(rows_are_bounded), UNIT_TEST(a_port_without_a_map_has_no_rows))
