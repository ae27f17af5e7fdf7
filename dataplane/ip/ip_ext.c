#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_wire.h"

enum {
    IP6_HEADER = 40,
    NEXT_AT = 6,
    EXT_MIN = 8,
    ROUTING_TYPE_AT = 2, /* octets into a routing header (RFC 8200 4.4) */
    ROUTING_LEFT_AT = 3,
    ROUTING_SOURCE = 0, /* the type that RFC 5095 ends */
    OFFSET_AT = 2,      /* into a fragment header */
    OFFSET_MASK = 0xfff8,
    MORE = 1,
    OPTION_PAD1 = 0,
    OPTION_PADN = 1,
};

bool ip_ext_is(uint8_t next)
{
    return next == IP_NEXT_HOP_BY_HOP || next == IP_NEXT_ROUTING || next == IP_NEXT_FRAGMENT ||
           next == IP_NEXT_DEST_OPTIONS;
}

/* Octets of the header of `type` at x, of which `have` are there; 0: it runs over the end. */
static uint32_t header_len(const uint8_t *x, uint32_t have, uint8_t type)
{
    if (have < EXT_MIN)
        return 0;
    const uint32_t len = type == IP_NEXT_FRAGMENT ? EXT_MIN : (x[1] + 1u) * 8u;
    return len <= have ? len : 0;
}

/* What a first fragment has to show of the upper layer (RFC 7112 2): its fixed header, where there is one that is known. */
static uint32_t upper_len(uint8_t proto)
{
    enum { TCP = 6, UDP = 17, ESP = 50, AH = 51, ICMP6 = 58, SCTP = 132, UDPLITE = 136, DCCP = 33 };
    switch (proto) {
    case TCP:
        return 20;
    case SCTP:
    case DCCP:
    case AH:
        return 12;
    case UDP:
    case UDPLITE:
    case ESP:
    case ICMP6:
        return 8;
    default:
        return 0;
    }
}

static bool is_refused(const uint8_t *x, uint8_t type, uint32_t at)
{
    if (type == IP_NEXT_HOP_BY_HOP)
        return at != IP6_HEADER;
    return type == IP_NEXT_ROUTING && x[ROUTING_TYPE_AT] == ROUTING_SOURCE && x[ROUTING_LEFT_AT] != 0;
}

static void fragment_read(const uint8_t *x, uint32_t at, struct ip_ext *out)
{
    const uint32_t word = ip_get16(x + OFFSET_AT);
    if (out->fragment == 0)
        out->fragment = at;
    out->frag = out->frag || (word & (OFFSET_MASK | MORE)) != 0;
    out->later = (word & OFFSET_MASK) != 0;
}

enum cv_drop ip_ext_walk(const uint8_t *ip, uint32_t total, struct ip_ext *x)
{
    *x = (struct ip_ext){.len = IP6_HEADER, .field = NEXT_AT};
    for (unsigned i = 0; !x->later; i++) {
        const uint8_t type = ip[x->field], *h = ip + x->len;
        x->proto = type;
        if (!ip_ext_is(type))
            break;
        const uint32_t len = header_len(h, total - x->len, type);
        if (len == 0)
            return x->frag ? CV_DROP_HEADER_CHAIN : CV_DROP_MALFORMED_IP;
        if (i == IP_EXT_HEADERS_MAX || is_refused(h, type, x->len))
            return CV_DROP_EXT_HEADERS;
        if (type == IP_NEXT_FRAGMENT)
            fragment_read(h, x->len, x);
        x->field = x->len;
        x->len += len;
        x->proto = ip[x->field];
    }
    return x->frag && !x->later && total - x->len < upper_len(x->proto) ? CV_DROP_HEADER_CHAIN : CV_DROP_NONE;
}

void ip_ext_behind(const uint8_t *ip, uint32_t total, struct ip_ext *x)
{
    *x = (struct ip_ext){.len = IP6_HEADER, .field = NEXT_AT, .proto = ip[NEXT_AT]};
    for (unsigned i = 0; i < IP_EXT_HEADERS_MAX && ip_ext_is(x->proto) && !x->later; i++) {
        const uint32_t len = header_len(ip + x->len, total - x->len, x->proto);
        if (len == 0)
            return;
        if (x->proto == IP_NEXT_FRAGMENT)
            fragment_read(ip + x->len, x->len, x);
        x->field = x->len;
        x->len += len;
        x->proto = ip[x->field];
    }
}

/* RFC 8200 4.2: the highest two bits of a type say what becomes of who does not know it. Known are the two that pad. `at`, `end`: where the
 * options begin and end in ip. */
static enum cv_drop options_here(const uint8_t *ip, uint32_t at, uint32_t end, bool group,
                                 struct ip_ext_problem *p)
{
    enum { SKIP = 0, DISCARD = 1, TELL = 2 };
    while (at < end) {
        const uint8_t type = ip[at], fate = type >> 6;
        if (type == OPTION_PAD1) {
            at++;
            continue;
        }
        if (type != OPTION_PADN && fate != SKIP) {
            p->tell = fate != DISCARD && !group;
            p->code = IP_EXT_CODE_OPTION;
            p->pointer = (uint16_t)at;
            return CV_DROP_EXT_OPTION;
        }
        if (end - at < 2 || ip[at + 1] > end - at - 2) {
            p->tell = !group;
            p->code = IP_EXT_CODE_FIELD;
            p->pointer = (uint16_t)at;
            return CV_DROP_EXT_OPTION;
        }
        at += 2u + ip[at + 1];
    }
    return CV_DROP_NONE;
}

enum cv_drop ip_ext_here(const uint8_t *ip, uint32_t total, bool group, struct ip_ext_problem *p)
{
    uint32_t at = IP6_HEADER, field = NEXT_AT;
    *p = (struct ip_ext_problem){0};
    for (unsigned i = 0; i < IP_EXT_HEADERS_MAX && ip_ext_is(ip[field]); i++) {
        const uint8_t type = ip[field];
        const uint32_t len = header_len(ip + at, total - at, type);
        enum cv_drop why = CV_DROP_NONE;
        if (type == IP_NEXT_HOP_BY_HOP && field != NEXT_AT) { /* RFC 8200 4: as a type that is not known */
            *p = (struct ip_ext_problem){!group, IP_EXT_CODE_NEXT, (uint16_t)field};
            return CV_DROP_EXT_HEADERS;
        }
        if (len == 0)
            return CV_DROP_EXT_OPTION;
        if (type == IP_NEXT_HOP_BY_HOP || type == IP_NEXT_DEST_OPTIONS)
            why = options_here(ip, at + 2, at + len, group, p);
        if (type == IP_NEXT_ROUTING && ip[at + ROUTING_LEFT_AT] != 0) {
            *p = (struct ip_ext_problem){!group, IP_EXT_CODE_FIELD, (uint16_t)(at + ROUTING_TYPE_AT)};
            why = CV_DROP_EXT_OPTION;
        }
        if (why != CV_DROP_NONE)
            return why;
        field = at;
        at += len;
    }
    return CV_DROP_NONE;
}
