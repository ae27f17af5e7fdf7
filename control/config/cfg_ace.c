#include "control/config/cfg_ace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58, PROTO_SCTP = 132 };
enum { OF_TCP = 1, OF_UDP = 2, OF_BOTH = 3 };
enum { IN_V4 = 1, IN_V6 = 2, IN_BOTH = 3 };

static const struct protocol {
    const char *word;
    uint8_t number;
    uint8_t in; /* lists of which family know the word */
} protocols[] = {
    {"ip", 0, IN_V4},      {"ipv6", 0, IN_V6},   {"ahp", 51, IN_BOTH},   {"eigrp", 88, IN_V4},
    {"esp", 50, IN_BOTH},  {"gre", 47, IN_V4},   {"icmp", 1, IN_V4},     {"icmp", 58, IN_V6},
    {"igmp", 2, IN_V4},    {"ipinip", 4, IN_V4}, {"nos", 94, IN_V4},     {"ospf", 89, IN_V4},
    {"pcp", 108, IN_BOTH}, {"pim", 103, IN_V4},  {"sctp", 132, IN_BOTH}, {"tcp", 6, IN_BOTH},
    {"udp", 17, IN_BOTH},
};

static const struct {
    const char *word;
    uint16_t number;
    uint8_t of;
} ports[] = {
    {"bgp", 179, OF_TCP},
    {"biff", 512, OF_UDP},
    {"bootpc", 68, OF_UDP},
    {"bootps", 67, OF_UDP},
    {"chargen", 19, OF_TCP},
    {"cmd", 514, OF_TCP},
    {"daytime", 13, OF_TCP},
    {"discard", 9, OF_BOTH},
    {"dnsix", 195, OF_UDP},
    {"domain", 53, OF_BOTH},
    {"echo", 7, OF_BOTH},
    {"exec", 512, OF_TCP},
    {"finger", 79, OF_TCP},
    {"ftp", 21, OF_TCP},
    {"ftp-data", 20, OF_TCP},
    {"gopher", 70, OF_TCP},
    {"hostname", 101, OF_TCP},
    {"ident", 113, OF_TCP},
    {"irc", 194, OF_TCP},
    {"isakmp", 500, OF_UDP},
    {"klogin", 543, OF_TCP},
    {"kshell", 544, OF_TCP},
    {"login", 513, OF_TCP},
    {"lpd", 515, OF_TCP},
    {"mobile-ip", 434, OF_UDP},
    {"nameserver", 42, OF_UDP},
    {"netbios-dgm", 138, OF_UDP},
    {"netbios-ns", 137, OF_UDP},
    {"netbios-ss", 139, OF_UDP},
    {"nntp", 119, OF_TCP},
    {"non500-isakmp", 4500, OF_UDP},
    {"ntp", 123, OF_UDP},
    {"pim-auto-rp", 496, OF_BOTH},
    {"pop2", 109, OF_TCP},
    {"pop3", 110, OF_TCP},
    {"rip", 520, OF_UDP},
    {"smtp", 25, OF_TCP},
    {"snmp", 161, OF_UDP},
    {"snmptrap", 162, OF_UDP},
    {"sunrpc", 111, OF_BOTH},
    {"syslog", 514, OF_UDP},
    {"tacacs", 49, OF_BOTH},
    {"talk", 517, OF_BOTH},
    {"telnet", 23, OF_TCP},
    {"tftp", 69, OF_UDP},
    {"time", 37, OF_BOTH},
    {"uucp", 540, OF_TCP},
    {"who", 513, OF_UDP},
    {"whois", 43, OF_TCP},
    {"www", 80, OF_TCP},
    {"xdmcp", 177, OF_UDP},
};

/* Messages of ICMP by IOS's names; code ALL_CODES: whatever its code. */
enum { ALL_CODES = 256 };
struct message {
    const char *word;
    uint16_t type, code;
};
static const struct message icmp_messages[] = {
    {"administratively-prohibited", 3, 13},
    {"alternate-address", 6, ALL_CODES},
    {"conversion-error", 31, ALL_CODES},
    {"dod-host-prohibited", 3, 10},
    {"dod-net-prohibited", 3, 9},
    {"echo", 8, ALL_CODES},
    {"echo-reply", 0, ALL_CODES},
    {"general-parameter-problem", 12, 0},
    {"host-isolated", 3, 8},
    {"host-precedence-unreachable", 3, 14},
    {"host-redirect", 5, 1},
    {"host-tos-redirect", 5, 3},
    {"host-tos-unreachable", 3, 12},
    {"host-unknown", 3, 7},
    {"host-unreachable", 3, 1},
    {"information-reply", 16, ALL_CODES},
    {"information-request", 15, ALL_CODES},
    {"mask-reply", 18, ALL_CODES},
    {"mask-request", 17, ALL_CODES},
    {"mobile-redirect", 32, ALL_CODES},
    {"net-redirect", 5, 0},
    {"net-tos-redirect", 5, 2},
    {"net-tos-unreachable", 3, 11},
    {"net-unreachable", 3, 0},
    {"network-unknown", 3, 6},
    {"no-room-for-option", 12, 2},
    {"option-missing", 12, 1},
    {"packet-too-big", 3, 4},
    {"parameter-problem", 12, ALL_CODES},
    {"port-unreachable", 3, 3},
    {"precedence-unreachable", 3, 15},
    {"protocol-unreachable", 3, 2},
    {"reassembly-timeout", 11, 1},
    {"redirect", 5, ALL_CODES},
    {"router-advertisement", 9, ALL_CODES},
    {"router-solicitation", 10, ALL_CODES},
    {"source-quench", 4, ALL_CODES},
    {"source-route-failed", 3, 5},
    {"time-exceeded", 11, ALL_CODES},
    {"timestamp-reply", 14, ALL_CODES},
    {"timestamp-request", 13, ALL_CODES},
    {"traceroute", 30, ALL_CODES},
    {"ttl-exceeded", 11, 0},
    {"unreachable", 3, ALL_CODES},
};
static const struct message icmp6_messages[] = {
    {"beyond-scope", 1, 2},
    {"destination-unreachable", 1, 3},
    {"dhaad-reply", 145, ALL_CODES},
    {"dhaad-request", 144, ALL_CODES},
    {"echo-reply", 129, ALL_CODES},
    {"echo-request", 128, ALL_CODES},
    {"header", 4, 0},
    {"hop-limit", 3, 0},
    {"mld-query", 130, ALL_CODES},
    {"mld-reduction", 132, ALL_CODES},
    {"mld-report", 131, ALL_CODES},
    {"mpd-advertisement", 147, ALL_CODES},
    {"mpd-solicitation", 146, ALL_CODES},
    {"nd-na", 136, ALL_CODES},
    {"nd-ns", 135, ALL_CODES},
    {"next-header", 4, 1},
    {"no-admin", 1, 1},
    {"no-route", 1, 0},
    {"packet-too-big", 2, ALL_CODES},
    {"parameter-option", 4, 2},
    {"parameter-problem", 4, ALL_CODES},
    {"port-unreachable", 1, 4},
    {"reassembly-timeout", 3, 1},
    {"redirect", 137, ALL_CODES},
    {"renum-command", 138, 0},
    {"renum-result", 138, 1},
    {"renum-seq-number", 138, 255},
    {"router-advertisement", 134, ALL_CODES},
    {"router-renumbering", 138, ALL_CODES},
    {"router-solicitation", 133, ALL_CODES},
    {"time-exceeded", 3, ALL_CODES},
    {"unreachable", 1, ALL_CODES},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The names of a family's messages. */
static const struct message *messages(bool ipv6, size_t *count)
{
    *count = ipv6 ? COUNT(icmp6_messages) : COUNT(icmp_messages);
    return ipv6 ? icmp6_messages : icmp_messages;
}

/* Where the line is being read. */
struct reading {
    struct cfg_parser *p;
    const struct cfg_line *line;
    unsigned at;
    bool ipv6;
};

static const char *word(const struct reading *r)
{
    return r->at < r->line->count ? r->line->tokens[r->at].text : "";
}

static int column(const struct reading *r)
{
    return r->at < r->line->count ? r->line->tokens[r->at].column : (int)strlen(r->line->raw) + 1;
}

static bool is(const struct reading *r, const char *keyword)
{
    return strcasecmp(word(r), keyword) == 0;
}

static bool wrong(const struct reading *r, const char *remedy)
{
    if (r->at >= r->line->count)
        cfg_error(r->p, column(r), remedy, "the command is not complete");
    else
        cfg_error(r->p, column(r), remedy, "\"%.60s\" is not known here", word(r));
    return false;
}

static bool number(const char *text, unsigned long max, unsigned long *out)
{
    size_t n = strlen(text);
    if (n == 0 || n > 10 || strspn(text, "0123456789") != n)
        return false;
    *out = strtoul(text, NULL, 10);
    return *out <= max;
}

/* ---- the parts of a line ------------------------------------------------------------------------------------ */
/* Of a list of IPv6 `ip` is short for `ipv6`. */
static bool is_protocol(const struct reading *r, const struct protocol *x)
{
    if (!(x->in & (r->ipv6 ? IN_V6 : IN_V4)))
        return false;
    return is(r, x->word) || (r->ipv6 && x->number == 0 && is(r, "ip"));
}

/* Selectors look behind these (RFC 4301 4.4.1.1): a line that names one would match nothing. */
static bool is_extension(unsigned long n)
{
    return n == 43 || n == 44 || n == 60;
}

static bool take_protocol(struct reading *r, uint8_t *proto)
{
    unsigned long n;
    for (size_t i = 0; i < COUNT(protocols); i++)
        if (is_protocol(r, &protocols[i])) {
            *proto = protocols[i].number;
            r->at++;
            return true;
        }
    if (!number(word(r), UINT8_MAX, &n) || n == 0)
        return wrong(r, r->ipv6 ? "expected a protocol: ipv6, tcp, udp, icmp, esp, ahp, sctp, pcp, or its "
                                  "number 1-255"
                                : "expected a protocol: ip, tcp, udp, icmp, gre, esp, ahp ..., or its number "
                                  "1-255");
    if (r->ipv6 && is_extension(n)) {
        cfg_error(r->p, column(r), "name the protocol behind it, or ipv6",
                  "an extension header of IPv6 cannot be part of a traffic selector");
        return false;
    }
    *proto = (uint8_t)n;
    r->at++;
    return true;
}

/* 0.0.255.255 -> 16 */
static bool wildcard_len(const struct ip_addr *wild, unsigned *len)
{
    struct ip_addr mask = *wild;
    for (size_t i = 0; i < 4; i++)
        mask.b[i] = (uint8_t)~wild->b[i];
    return wild->family == IP_V4 && ip_mask_len(&mask, len);
}

static bool wrong_wildcard(const struct reading *r, const struct ip_addr *wild)
{
    unsigned len;
    char remedy[CFG_TEXT_MAX] = "write one line for each network, as in: permit ip 10.0.0.0 0.0.0.255 any",
         text[IP_TEXT_MAX];
    struct ip_addr right = *wild;
    if (wild->family == IP_V4 && ip_mask_len(wild, &len)) {
        for (size_t i = 0; i < 4; i++)
            right.b[i] = (uint8_t)~wild->b[i];
        snprintf(remedy, sizeof remedy, "a wildcard has ones where a mask has zeros: write %s",
                 ip_addr_text(&right, text));
    }
    cfg_error(r->p, column(r), remedy, "a wildcard mask with holes cannot be a traffic selector");
    return false;
}

/* any, host X:X::X, X:X::X/N */
static bool take_address6(struct reading *r, struct ip_prefix *out)
{
    struct ip_addr a = ip_addr_v6((const uint8_t[16]){0});
    char text[IP_TEXT_MAX];
    unsigned long len = 0;
    bool host = is(r, "host"), any = is(r, "any");
    const char *expected = "expected any, host X:X::X, or X:X::X/N";
    r->at += host || any;
    const char *slash = strchr(word(r), '/');
    if (!any && (host ? slash != NULL : !slash || !number(slash + 1, 128, &len)))
        return wrong(r, expected);
    if (host)
        len = 128;
    snprintf(text, sizeof text, "%.*s", (int)strcspn(word(r), "/"), word(r));
    if (!any && (strcspn(word(r), "/") >= sizeof text || !ip_addr_parse(text, &a) || a.family != IP_V6))
        return wrong(r, expected);
    r->at += !any;
    return ip_prefix_make(&a, (unsigned)len, out);
}

static bool take_address4(struct reading *r, struct ip_prefix *out)
{
    struct ip_addr a = ip_addr_v4((const uint8_t[4]){0}), wild;
    unsigned len = 0;
    bool host = is(r, "host"), any = is(r, "any");
    const char *expected = "expected any, host A.B.C.D, or A.B.C.D and a wildcard mask";
    if (host || any)
        r->at++;
    if (!any && (!ip_addr_parse(word(r), &a) || a.family != IP_V4))
        return wrong(r, expected);
    r->at += !any;
    if (host)
        len = 32;
    if (!any && !host) {
        if (!ip_addr_parse(word(r), &wild) || wild.family != IP_V4)
            return wrong(r, "expected a wildcard mask, as 0.0.0.255");
        if (!wildcard_len(&wild, &len))
            return wrong_wildcard(r, &wild);
        r->at++;
    }
    return ip_prefix_make(&a, len, out);
}

static bool take_address(struct reading *r, struct ip_prefix *out)
{
    return r->ipv6 ? take_address6(r, out) : take_address4(r, out);
}

static bool has_ports(uint8_t proto)
{
    return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP;
}

static bool take_port(struct reading *r, uint8_t proto, unsigned long *out)
{
    unsigned of = proto == PROTO_UDP ? OF_UDP : OF_TCP;
    bool found = number(word(r), UINT16_MAX, out);
    for (size_t i = 0; i < COUNT(ports) && !found; i++)
        if ((ports[i].of & of) && is(r, ports[i].word)) {
            *out = ports[i].number;
            found = true;
        }
    if (!found)
        return wrong(r, "expected a port: 0-65535, or a name as telnet, www, domain, isakmp");
    r->at++;
    return true;
}

static bool no_port(const struct reading *r, const char *remedy, const char *why)
{
    cfg_error(r->p, column(r), remedy, "%s", why);
    return false;
}

/* [{eq|lt|gt} P | range P P]; the whole range without. */
static bool take_ports(struct reading *r, uint8_t proto, uint16_t *lo, uint16_t *hi)
{
    unsigned long a, b;
    bool eq = is(r, "eq"), lt = is(r, "lt"), gt = is(r, "gt"), range = is(r, "range");
    *lo = 0;
    *hi = UINT16_MAX;
    if (is(r, "neq"))
        return no_port(r, "write two lines: lt P, and gt P",
                       "neq is two ranges, and a traffic selector has one");
    if (!eq && !lt && !gt && !range)
        return true;
    if (!has_ports(proto))
        return no_port(r, "say tcp or udp", "this protocol has no ports");
    r->at++;
    if (!take_port(r, proto, &a))
        return false;
    b = a;
    if (range && !take_port(r, proto, &b))
        return false;
    r->at--; /* what may be wrong now is the last port */
    if ((lt && a == 0) || (gt && a == UINT16_MAX) || a > b)
        return no_port(r, range ? "the lower port first" : "a range that holds a port",
                       "no port is in this range");
    r->at++;
    *lo = (uint16_t)(lt ? 0 : gt ? a + 1 : a);
    *hi = (uint16_t)(lt ? a - 1 : gt ? UINT16_MAX : b);
    return true;
}

/* [TYPE [CODE] | name], as a selector has them: type << 8 | code (RFC 4301 4.4.1.1). Left as they are without. */
static bool take_icmp(struct reading *r, uint16_t *lo, uint16_t *hi)
{
    unsigned long type = 0, code = ALL_CODES;
    bool found = false;
    size_t count;
    const struct message *all = messages(r->ipv6, &count);
    for (size_t i = 0; i < count && !found; i++)
        if (is(r, all[i].word)) {
            type = all[i].type;
            code = all[i].code;
            found = true;
        }
    if (!found && (word(r)[0] < '0' || word(r)[0] > '9'))
        return true;
    if (!found && !number(word(r), UINT8_MAX, &type))
        return wrong(r, r->ipv6
                            ? "expected a type of ICMP: 0-255, or a name as echo-request, packet-too-big"
                            : "expected a type of ICMP: 0-255, or a name as echo, echo-reply, unreachable");
    r->at++;
    if (!found && word(r)[0] >= '0' && word(r)[0] <= '9') {
        if (!number(word(r), UINT8_MAX, &code))
            return wrong(r, "expected a code of ICMP: 0-255");
        r->at++;
    }
    *lo = (uint16_t)(type << 8 | (code == ALL_CODES ? 0 : code));
    *hi = (uint16_t)(type << 8 | (code == ALL_CODES ? UINT8_MAX : code));
    return true;
}

static bool is_icmp(uint8_t proto, bool ipv6)
{
    return proto == (ipv6 ? PROTO_ICMP6 : PROTO_ICMP);
}

/* sequence N, at the end of a line of IPv6. */
static bool take_sequence(struct reading *r, unsigned *seq)
{
    unsigned long n;
    if (!r->ipv6 || !is(r, "sequence"))
        return true;
    r->at++;
    if (!number(word(r), CFG_ACE_SEQ_MAX, &n) || n == 0)
        return wrong(r, "expected the number of the line, from 1");
    *seq = (unsigned)n;
    r->at++;
    return true;
}

/* What may stand behind the destination: nothing that changes what the line matches. */
static bool take_tail(struct reading *r, uint8_t proto, unsigned *seq)
{
    static const char *const known[] = {"established",   "fragments",    "dscp",
                                        "precedence",    "tos",          "ttl",
                                        "time-range",    "option",       "match-all",
                                        "match-any",     "reflect",      "syn",
                                        "ack",           "fin",          "rst",
                                        "psh",           "urg",          "flow-label",
                                        "routing",       "routing-type", "mobility",
                                        "mobility-type", "dest-option",  "dest-option-type",
                                        "hbh",           "auth",         "undetermined-transport"};
    if (is(r, "log") || is(r, "log-input")) {
        cfg_warn(r->p, column(r), "unsupported", "leave it out", "`%s` has no effect in this release",
                 word(r));
        r->at++;
    }
    if (!take_sequence(r, seq))
        return false;
    if (r->at >= r->line->count)
        return true;
    for (size_t i = 0; i < COUNT(known); i++)
        if (is(r, known[i])) {
            cfg_error(r->p, column(r), "leave it out, or write a line without it",
                      "`%s` cannot be part of a traffic selector", known[i]);
            return false;
        }
    if (is_icmp(proto, r->ipv6))
        return wrong(
            r, r->ipv6 ? "expected a type of ICMP (0-255, or a name as echo-request), or the end of the line"
                       : "expected a type of ICMP (0-255, or a name as echo, unreachable), or the end of the "
                         "line");
    return wrong(r, "expected the end of the line");
}

bool cfg_ace_take(struct cfg_parser *p, const struct cfg_line *line, unsigned first, bool ipv6,
                  struct cfg_ace *out)
{
    struct reading r = {.p = p, .line = line, .at = first, .ipv6 = ipv6};
    struct ip_prefix src, dst;
    uint16_t src_lo, src_hi, dst_lo, dst_hi;
    uint8_t proto = 0;
    memset(out, 0, sizeof *out);
    out->line = p->line;
    out->permit = strncasecmp("permit", word(&r), strlen(word(&r))) == 0;
    r.at++;
    if (!take_protocol(&r, &proto) || !take_address(&r, &src) || !take_ports(&r, proto, &src_lo, &src_hi) ||
        !take_address(&r, &dst) || !take_ports(&r, proto, &dst_lo, &dst_hi))
        return false;
    if (is_icmp(proto, ipv6)) { /* what goes and what comes */
        if (!take_icmp(&r, &dst_lo, &dst_hi))
            return false;
        src_lo = dst_lo;
        src_hi = dst_hi;
    }
    if (!take_tail(&r, proto, &out->seq))
        return false;
    out->local = ts_from_prefix(&src, proto, src_lo, src_hi);
    out->remote = ts_from_prefix(&dst, proto, dst_lo, dst_hi);
    return true;
}

/* ---- and back -------------------------------------------------------------------------------------------------- */
enum { ADDRESS_MAX = 52 };

static const char *wildcard_text(const struct ip_prefix *p, char *out)
{
    struct ip_addr wild = p->addr;
    uint32_t ones = p->len < 32 ? UINT32_MAX >> p->len : 0;
    for (unsigned i = 0; i < 4; i++)
        wild.b[i] = (uint8_t)(ones >> (24 - 8 * i) & 0xff);
    return ip_addr_text(&wild, out);
}

static void address_text(const struct ts *t, char out[ADDRESS_MAX])
{
    struct ip_prefix p;
    char a[IP_TEXT_MAX], w[IP_TEXT_MAX];
    out[0] = '\0';
    if (!ts_to_prefix(t, &p))
        return;
    if (p.len == 0)
        snprintf(out, ADDRESS_MAX, "any");
    else if (p.len == ip_addr_bits(&p.addr))
        snprintf(out, ADDRESS_MAX, "host %s", ip_addr_text(&p.addr, a));
    else if (t->family == IP_V6)
        snprintf(out, ADDRESS_MAX, "%s/%u", ip_addr_text(&p.addr, a), p.len);
    else
        snprintf(out, ADDRESS_MAX, "%s %s", ip_addr_text(&p.addr, a), wildcard_text(&p, w));
}

static void ports_text(const struct ts *t, char *out, size_t room)
{
    out[0] = '\0';
    if (t->port_lo == t->port_hi)
        snprintf(out, room, " eq %u", t->port_lo);
    else if (t->port_lo > 0 && t->port_hi == UINT16_MAX)
        snprintf(out, room, " gt %u", t->port_lo - 1u);
    else if (t->port_lo == 0 && t->port_hi < UINT16_MAX)
        snprintf(out, room, " lt %u", t->port_hi + 1u);
    else if (t->port_lo > 0)
        snprintf(out, room, " range %u %u", t->port_lo, t->port_hi);
}

static void icmp_text(const struct ts *t, char *out, size_t room)
{
    const unsigned type = t->port_lo >> 8, code = t->port_lo & UINT8_MAX;
    out[0] = '\0';
    if (t->port_lo == 0 && t->port_hi == UINT16_MAX)
        return;
    const unsigned codes = t->port_lo == t->port_hi ? code : ALL_CODES;
    size_t count;
    const struct message *all = messages(t->family == IP_V6, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].type == type && all[i].code == codes) {
            snprintf(out, room, " %s", all[i].word);
            return;
        }
    if (codes == ALL_CODES)
        snprintf(out, room, " %u", type);
    else
        snprintf(out, room, " %u %u", type, code);
}

const char *cfg_ace_text(const struct cfg_ace *a, char *out)
{
    const bool ipv6 = a->local.family == IP_V6;
    char proto[8], src[ADDRESS_MAX], dst[ADDRESS_MAX], src_ports[24] = "", dst_ports[40];
    snprintf(proto, sizeof proto, "%u", a->local.proto);
    for (size_t i = 0; i < COUNT(protocols); i++)
        if (protocols[i].number == a->local.proto && protocols[i].in & (ipv6 ? IN_V6 : IN_V4))
            snprintf(proto, sizeof proto, "%s", protocols[i].word);
    address_text(&a->local, src);
    address_text(&a->remote, dst);
    if (is_icmp(a->local.proto, ipv6)) {
        icmp_text(&a->remote, dst_ports, sizeof dst_ports);
    } else {
        ports_text(&a->local, src_ports, sizeof src_ports);
        ports_text(&a->remote, dst_ports, sizeof dst_ports);
    }
    snprintf(out, CFG_ACE_TEXT_MAX, "%s %s %s%s %s%s", a->permit ? "permit" : "deny", proto, src, src_ports,
             dst, dst_ports);
    return out;
}
