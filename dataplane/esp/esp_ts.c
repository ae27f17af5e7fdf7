#include "dataplane/esp/esp_ts.h"

#include <netinet/in.h>
#include <string.h>

enum {
    V4_HDR = 20,
    V6_HDR = 40,
    V4_OFFSET_MASK = 0x1fff,
    EXT_MAX = 8, /* IPv6 extension headers that are walked */
    PROTO_MH = 135,
    PROTO_DCCP = 33,
    PORT_MAX = 65535,
};

struct flow {
    const uint8_t *src, *dst;
    uint32_t addr_len;
    uint8_t family, proto;
    bool has_ports;
    bool hides_ports, hides_proto; /* it may have others than it shows */
    uint16_t sport, dport;
    uint32_t upper;  /* octets in front of the upper layer */
    uint32_t offset; /* of a later fragment: octets of the upper layer in front of it */
};

/* What a packet is asked for. */
enum ask {
    IS,    /* inside, with what it shows */
    MAY,   /* could be, with what it hides */
    TAKEN, /* inside, and it came by the SA */
};

static uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void flow_ports(struct flow *f, const uint8_t *l4, uint32_t len)
{
    f->hides_ports = true; /* until they are read */
    switch (f->proto) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
    case PROTO_DCCP:
        if (len < 4)
            return;
        f->sport = be16(l4);
        f->dport = be16(l4 + 2);
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        if (len < 2)
            return;
        f->sport = be16(l4);
        break;
    case PROTO_MH: /* its type in the upper octet (RFC 4301 4.4.1.1) */
        if (len < 3)
            return;
        f->sport = (uint16_t)(l4[2] << 8);
        break;
    default: /* there are none */
        f->hides_ports = false;
        return;
    }
    f->has_ports = true;
    f->hides_ports = false;
}

static bool flow_v4(struct flow *f, const uint8_t *p, uint32_t len)
{
    uint32_t hl = (p[0] & 15u) * 4u;
    if (hl < V4_HDR || hl > len)
        return false;
    *f = (struct flow){.src = p + 12, .dst = p + 16, .addr_len = 4, .family = IP_V4, .proto = p[9]};
    f->offset = (be16(p + 6) & V4_OFFSET_MASK) * 8u;
    f->hides_ports = f->offset != 0;
    f->upper = hl;
    if (!f->hides_ports)
        flow_ports(f, p + hl, len - hl);
    return true;
}

static bool is_extension(uint8_t next)
{
    return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
           next == IPPROTO_FRAGMENT;
}

static bool flow_v6(struct flow *f, const uint8_t *p, uint32_t len)
{
    *f = (struct flow){.src = p + 8, .dst = p + 24, .addr_len = 16, .family = IP_V6, .proto = p[6]};
    uint32_t off = V6_HDR;
    for (unsigned i = 0; i <= EXT_MAX; i++) {
        const uint8_t *x = p + off;
        switch (f->proto) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_ROUTING:
        case IPPROTO_DSTOPTS:
            if (len - off < 8)
                return false;
            f->proto = x[0];
            off += (x[1] + 1u) * 8u;
            break;
        case IPPROTO_FRAGMENT:
            if (len - off < 8)
                return false;
            f->proto = x[0];
            off += 8;
            f->offset = be16(x + 2) & ~7u;
            if (f->offset) { /* a later fragment: what follows is not the upper-layer header */
                f->hides_ports = true;
                f->hides_proto = is_extension(f->proto);
                return true;
            }
            break;
        default:
            f->upper = off;
            flow_ports(f, x, len - off);
            return true;
        }
        if (off > len)
            return false;
    }
    return false;
}

/* It has one field for both selectors, in sport: ICMP's type and code, the Mobility Header's type. */
static bool is_typed(uint8_t proto)
{
    return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 || proto == PROTO_MH;
}

static bool end_match(const struct ts *t, const struct flow *f, const uint8_t *addr, enum ask ask)
{
    if (t->family != f->family || (t->proto && t->proto != f->proto && !(ask == MAY && f->hides_proto)))
        return false;
    return memcmp(addr, t->lo, f->addr_len) >= 0 && memcmp(addr, t->hi, f->addr_len) <= 0;
}

static bool is_opaque(const struct ts *t) /* RFC 7296 3.13.1 */
{
    return t->port_lo > t->port_hi;
}

/* Octets of the header that nothing but the first fragment may bring: what another writes over it when the datagram is put together, no
 * selector has seen. */
static uint32_t header_len(uint8_t proto)
{
    enum { TCP_HDR = 20, SCTP_HDR = 12, DCCP_HDR = 16 };
    return proto == IPPROTO_TCP    ? TCP_HDR
           : proto == IPPROTO_SCTP ? SCTP_HDR
           : proto == PROTO_DCCP   ? DCCP_HDR
                                   : 0;
}

/* RFC 4301 7.2: an SA of later fragments holds them to a minimum offset (RFC 1858, RFC 3128). What is no fragment, or a first one, and too
 * short to show its ports is none of those that have no ports. SAs of any port have no ports to be lied about (RFC 4301 7.1). In IPv6 only the
 * first fragment says what the upper layer is (RFC 8200 4.5): what a later one calls it is for its sender to choose, so the longest holds. */
static bool is_portless(const struct flow *f)
{
    const uint32_t least = header_len(f->family == IP_V6 ? IPPROTO_TCP : f->proto);
    return f->offset ? f->offset >= least : !f->hides_ports;
}

static bool port_match(const struct ts *t, const struct flow *f, uint16_t port, enum ask ask)
{
    if ((ask == MAY && f->hides_ports) || (t->port_lo == 0 && t->port_hi == PORT_MAX))
        return true;
    if (is_opaque(t))
        return !f->has_ports && (ask != TAKEN || is_portless(f));
    return f->has_ports && port >= t->port_lo && port <= t->port_hi;
}

/* RFC 4301 4.4.1.3: the sender's selector says which types it may send (its C and D); where it is OPAQUE and there is one type for both
 * directions (its B: the Mobility Header's), the other one does. */
static bool types_match(const struct ts *from, const struct ts *to, const struct flow *f, enum ask ask)
{
    return port_match(f->proto == PROTO_MH && is_opaque(from) ? to : from, f, f->sport, ask);
}

static bool pair_match(const struct ts *from, const struct ts *to, const struct flow *f, enum ask ask)
{
    if (!end_match(from, f, f->src, ask) || !end_match(to, f, f->dst, ask))
        return false;
    if (is_typed(f->proto))
        return types_match(from, to, f, ask);
    return port_match(from, f, f->sport, ask) && port_match(to, f, f->dport, ask);
}

static bool flow_read(struct flow *f, const uint8_t *pkt, uint32_t len)
{
    const bool v4 = len > 0 && pkt[0] >> 4 == 4;
    return len >= (v4 ? V4_HDR : V6_HDR) && (v4 ? flow_v4(f, pkt, len) : flow_v6(f, pkt, len));
}

static bool flow_inside(const struct esp_conf *conf, const struct flow *f, enum cv_dir dir, enum ask ask)
{
    for (unsigned i = 0; i < conf->ts_count; i++) {
        const struct esp_ts_pair *p = &conf->ts[i];
        const struct ts *src = dir == CV_DIR_IN ? &p->remote : &p->local;
        const struct ts *dst = dir == CV_DIR_IN ? &p->local : &p->remote;
        if (pair_match(src, dst, f, ask))
            return true;
    }
    return false;
}

static bool match(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len, enum cv_dir dir,
                  enum ask ask)
{
    struct flow f;
    return flow_read(&f, pkt, len) && flow_inside(conf, &f, dir, ask);
}

/* Octets from the beginning of a whole ICMP error to what it quotes; 0: it is none. RFC 792, RFC 4443 2.1. */
static uint32_t quote_at(const struct flow *f, const uint8_t *pkt, uint32_t len)
{
    enum { ICMP_HDR = 8, UNREACHABLE = 3, QUENCH = 4, EXCEEDED = 11, PARAMETER = 12, FIRST6 = 1, LAST6 = 4 };
    const bool v4 = f->family == IP_V4;
    const uint32_t type = f->sport >> 8;
    if (f->proto != (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || !f->has_ports)
        return 0;
    if (v4 && (be16(pkt + 6) & 0x3fff))
        return 0;
    if (v4 ? type != UNREACHABLE && type != QUENCH && type != EXCEEDED && type != PARAMETER
           : type < FIRST6 || type > LAST6)
        return 0;
    return f->upper + ICMP_HDR < len ? f->upper + (uint32_t)ICMP_HDR : 0;
}

bool esp_ts_match_error(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len)
{
    struct flow f, q;
    if (!flow_read(&f, pkt, len))
        return false;
    const uint32_t at = quote_at(&f, pkt, len);
    if (at == 0 || pkt[at] >> 4 != pkt[0] >> 4 || !flow_read(&q, pkt + at, len - at) ||
        memcmp(f.dst, q.src, f.addr_len) != 0)
        return false;
    return flow_inside(conf, &q, CV_DIR_OUT, IS); /* as it was sent: what answers it is inside then */
}

bool esp_ts_match(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len, enum cv_dir dir)
{
    return match(conf, pkt, len, dir, IS);
}

bool esp_ts_may_match(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len, enum cv_dir dir)
{
    return match(conf, pkt, len, dir, MAY);
}

bool esp_ts_takes(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len)
{
    return match(conf, pkt, len, CV_DIR_IN, TAKEN);
}

static bool plain4(const struct ts *t, uint32_t *lo, uint32_t *span)
{
    uint32_t first, last;
    memcpy(&first, t->lo, sizeof first);
    memcpy(&last, t->hi, sizeof last);
    first = __builtin_bswap32(first);
    last = __builtin_bswap32(last);
    *lo = first;
    *span = last - first;
    return t->family == IP_V4 && t->proto == 0 && t->port_lo == 0 && t->port_hi == PORT_MAX && first <= last;
}

bool esp_ts_plain4(const struct esp_conf *conf, struct esp_ts4 *out)
{
    return conf->ts_count == 1 && plain4(&conf->ts[0].local, &out->local_lo, &out->local_span) &&
           plain4(&conf->ts[0].remote, &out->remote_lo, &out->remote_span);
}

static bool plain6(const struct ts *t, const uint8_t addr[16])
{
    return t->family == IP_V6 && t->proto == 0 && t->port_lo == 0 && t->port_hi == PORT_MAX &&
           memcmp(addr, t->lo, 16) >= 0 && memcmp(addr, t->hi, 16) <= 0;
}

bool esp_ts_takes_ends6(const struct esp_conf *conf, const uint8_t ends[32])
{
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (plain6(&conf->ts[i].remote, ends) && plain6(&conf->ts[i].local, ends + 16))
            return true;
    return false;
}

uint8_t esp_ts_any(const struct esp_conf *conf)
{
    uint8_t any = 0;
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (ts_is_any(&conf->ts[i].local) && ts_is_any(&conf->ts[i].remote) &&
            conf->ts[i].local.family == conf->ts[i].remote.family)
            any |= conf->ts[i].local.family == IP_V4 ? ESP_TS_ANY4 : ESP_TS_ANY6;
    return any;
}
