#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_wire.h"

#include <string.h>

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    QUOTE4 = 548,  /* RFC 1812 4.3.2.3: as much as fits in 576 octets */
    QUOTE6 = 1232, /* RFC 4443 2.4 (c): as much as fits in 1280 octets */
    IP_DONT_FRAGMENT = 0x40,
};

void ip_icmp_trouble(struct dp_meta *meta, enum ip_trouble t, uint16_t mtu)
{
    static const uint8_t table[][2][2] = {
        [IP_TROUBLE_NO_ROUTE] = {{IP_ICMP_UNREACHABLE, IP_ICMP_NO_NET},
                                 {IP_ICMP6_UNREACHABLE, IP_ICMP6_NO_ROUTE}},
        [IP_TROUBLE_NO_HOST] = {{IP_ICMP_UNREACHABLE, IP_ICMP_NO_HOST},
                                {IP_ICMP6_UNREACHABLE, IP_ICMP6_NO_ADDR}},
        [IP_TROUBLE_NO_PORT] = {{IP_ICMP_UNREACHABLE, IP_ICMP_NO_PORT},
                                {IP_ICMP6_UNREACHABLE, IP_ICMP6_NO_PORT}},
        [IP_TROUBLE_NO_PROTO] = {{IP_ICMP_UNREACHABLE, IP_ICMP_NO_PROTO}, {IP_ICMP6_PARAMETER, 1}},
        [IP_TROUBLE_TTL] = {{IP_ICMP_TIME_EXCEEDED, 0}, {IP_ICMP6_TIME_EXCEEDED, 0}},
        [IP_TROUBLE_REASSEMBLY] = {{IP_ICMP_TIME_EXCEEDED, IP_ICMP_REASSEMBLY},
                                   {IP_ICMP6_TIME_EXCEEDED, IP_ICMP_REASSEMBLY}},
        [IP_TROUBLE_TOO_BIG] = {{IP_ICMP_UNREACHABLE, IP_ICMP_FRAG_NEEDED}, {IP_ICMP6_TOO_BIG, 0}},
    };
    const uint8_t *row = table[t][meta->family == IP_V6];
    meta->icmp_type = row[0];
    meta->icmp_code = row[1];
    meta->icmp_mtu = mtu;
}

static void ip4_header(uint8_t *ip, uint16_t total, uint8_t proto, uint8_t ttl, const uint8_t *src,
                       const uint8_t *dst)
{
    memset(ip, 0, IP4_HEADER);
    ip[0] = 0x45;
    ip_put16(ip + 2, total);
    ip[8] = ttl;
    ip[9] = proto;
    memcpy(ip + 12, src, 4);
    memcpy(ip + 16, dst, 4);
}

static void ip4_seal(uint8_t *ip)
{
    memset(ip + 10, 0, 2);
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, IP4_HEADER, 0));
    memcpy(ip + 10, &sum, 2);
}

static void ip6_header(uint8_t *ip, uint16_t payload, uint8_t proto, uint8_t ttl, const uint8_t *src,
                       const uint8_t *dst)
{
    memset(ip, 0, IP6_HEADER);
    ip[0] = 0x60;
    ip_put16(ip + 4, payload);
    ip[6] = proto;
    ip[7] = ttl;
    memcpy(ip + 8, src, 16);
    memcpy(ip + 24, dst, 16);
}

/* ip: the IP header; icmp: the message of len octets behind it. */
static uint64_t icmp_sum(const uint8_t *ip, const uint8_t *icmp, uint32_t len)
{
    uint64_t sum = ip[0] >> 4 == 4 ? 0 : ip_sum_pseudo(ip + 8, ip + 24, 16, IP_PROTO_ICMP6, len);
    return ip_sum(icmp, len, sum);
}

static void icmp_seal(const uint8_t *ip, uint8_t *icmp, uint32_t len)
{
    memset(icmp + 2, 0, 2);
    uint16_t sum = (uint16_t)~ip_fold(icmp_sum(ip, icmp, len));
    memcpy(icmp + 2, &sum, 2);
}

bool ip_icmp_good(struct rte_mbuf *m, const uint8_t **icmp, uint32_t *len)
{
    const struct dp_meta *meta = dp_meta(m);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    if (meta->frag || m->data_len < meta->l3_len + IP_ICMP_HEADER)
        return false;
    *icmp = ip + meta->l3_len;
    *len = m->data_len - (uint32_t)meta->l3_len;
    return ip_fold(icmp_sum(ip, *icmp, *len)) == 0xffff;
}

static void swap_addresses(uint8_t *src, size_t n)
{
    uint8_t keep[16];
    memcpy(keep, src, n);
    memmove(src, src + n, n);
    memcpy(src + n, keep, n);
}

/* An IPv6 packet looked at: its extension headers go, as IPv4's options do. */
static uint8_t *without_extensions(struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    const uint32_t extra = (uint32_t)meta->l3_len - IP6_HEADER;
    memmove(ip + extra, ip, IP6_HEADER);
    ip += extra;
    ip_put16(ip + 4, m->data_len - extra - IP6_HEADER);
    ip[6] = meta->proto;
    rte_pktmbuf_adj(m, (uint16_t)extra);
    meta->l3_len = IP6_HEADER;
    return ip;
}

bool ip_icmp_echo_reply(struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    const uint8_t *msg;
    uint32_t len;
    bool v4 = meta->family == IP_V4;
    if (!ip_icmp_good(m, &msg, &len) || msg[1] != 0 || msg[0] != (v4 ? IP_ICMP_ECHO : IP_ICMP6_ECHO))
        return false;
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *icmp = ip + meta->l3_len;
    if (v4) {
        /* Options are not reflected: the reply has a plain header. */
        uint8_t src[4], dst[4], tos = ip[1];
        memcpy(src, ip + 16, 4);
        memcpy(dst, ip + 12, 4);
        ip = (uint8_t *)rte_pktmbuf_adj(m, (uint16_t)(meta->l3_len - IP4_HEADER));
        if (!ip)
            return false;
        ip4_header(ip, (uint16_t)(IP4_HEADER + len), IP_PROTO_ICMP, IP_ICMP_TTL, src, dst);
        ip[1] = tos;
        ip4_seal(ip);
        meta->l3_len = IP4_HEADER;
    } else {
        ip = without_extensions(m);
        icmp = ip + IP6_HEADER;
        swap_addresses(ip + 8, 16);
        ip[7] = IP_ICMP_TTL;
    }
    icmp[0] = v4 ? IP_ICMP_ECHO_REPLY : IP_ICMP6_ECHO_REPLY;
    icmp_seal(ip, icmp, len);
    return true;
}

/* RFC 4443 2.1; a redirect goes with them (2.4 (e.2)). */
static bool is_error6(uint8_t type)
{
    return type < IP_ICMP6_ECHO || type == IP_ICMP6_REDIRECT;
}

static bool is_icmp_error(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    if (meta->proto != (meta->family == IP_V4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6))
        return false;
    if (m->data_len <= meta->l3_len)
        return true; /* cannot tell: treated as one */
    uint8_t type = ip[meta->l3_len];
    if (meta->family == IP_V6)
        return is_error6(type);
    return type != IP_ICMP_ECHO && type != IP_ICMP_ECHO_REPLY && type != 13 && type != 14;
}

static bool is_one_host(const struct ip_addr *a)
{
    if (ip_addr_is_any(a) || ip_addr_is_multicast(a))
        return false;
    return a->family == IP_V6 || (a->b[0] < 224 && a->b[0] != 0 && a->b[0] != 127);
}

/* A later fragment holds no upper-layer header to judge or to quote. */
static bool is_later_fragment(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    if (!meta->frag)
        return false;
    if (meta->family == IP_V4)
        return (ip_get16(ip + 6) & 0x1fff) != 0;
    struct ip_ext x;
    return ip_ext_walk(ip, m->data_len, &x) != CV_DROP_NONE || x.later;
}

/* A parameter problem of IPv6 is about a fragment, or a chain of headers, as such; all the same there is none about an error, nor where that cannot be told: but for
 * a first fragment that is at fault for not showing it (RFC 7112 5). */
static bool is_problem_of_error(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    struct ip_ext x;
    ip_ext_behind(ip, m->data_len, &x);
    if (ip_ext_is(x.proto)) /* the chain goes on where it is not followed */
        return x.later || meta->icmp_code != IP_EXT_CODE_CHAIN;
    return x.proto == IP_PROTO_ICMP6 && (x.later || m->data_len <= x.len || is_error6(ip[x.len]));
}

/* RFC 1122 3.2.2, RFC 4443 2.4 (e). */
static bool is_quiet(const struct rte_mbuf *bad, const struct dp_meta *meta)
{
    if (meta->family == IP_V6 && meta->icmp_type == IP_ICMP6_PARAMETER)
        return is_problem_of_error(bad, meta);
    return is_icmp_error(bad, meta) || is_later_fragment(bad, meta);
}

bool ip_icmp_error(struct rte_mbuf *out, struct rte_mbuf *bad, const struct ip_addr *src)
{
    const struct dp_meta *meta = dp_meta(bad);
    bool v4 = meta->family == IP_V4;
    struct ip_addr to = v4 ? ip_addr_v4(ip_src(bad, IP_V4)) : ip_addr_v6(ip_src(bad, IP_V6));
    struct ip_addr was = v4 ? ip_addr_v4(ip_dst(bad, IP_V4)) : ip_addr_v6(ip_dst(bad, IP_V6));
    if (!is_one_host(&to) || !is_one_host(&was) || is_quiet(bad, meta))
        return false;
    uint32_t header = v4 ? IP4_HEADER : IP6_HEADER, quote = v4 ? QUOTE4 : QUOTE6;
    quote = RTE_MIN(quote, (uint32_t)bad->data_len);
    uint8_t *ip = (uint8_t *)rte_pktmbuf_append(out, (uint16_t)(header + IP_ICMP_HEADER + quote));
    if (!ip)
        return false;
    uint8_t *icmp = ip + header;
    uint16_t len = (uint16_t)(IP_ICMP_HEADER + quote);
    memset(icmp, 0, IP_ICMP_HEADER);
    icmp[0] = meta->icmp_type;
    icmp[1] = meta->icmp_code;
    ip_put16(icmp + 6, meta->icmp_mtu); /* RFC 1191 4 and RFC 4443 3.2: in the same place */
    memcpy(icmp + IP_ICMP_HEADER, rte_pktmbuf_mtod(bad, const void *), quote);
    if (v4) {
        ip4_header(ip, (uint16_t)(header + len), IP_PROTO_ICMP, IP_ICMP_TTL, src->b, to.b);
        ip[1] = 0xc0; /* internetwork control (RFC 1812 4.3.2.5) */
        ip4_seal(ip);
    } else {
        ip6_header(ip, len, IP_PROTO_ICMP6, IP_ICMP_TTL, src->b, to.b);
    }
    icmp_seal(ip, icmp, len);
    return true;
}

uint32_t ip_icmp_head(uint8_t out[IP_ICMP_HEADERS_MAX], const struct dp_meta *meta, const struct ip_addr *src,
                      const struct ip_addr *dst)
{
    const bool v4 = meta->family == IP_V4;
    const uint16_t header = v4 ? IP4_HEADER : IP6_HEADER;
    memset(out, 0, IP_ICMP_HEADERS_MAX);
    if (v4)
        ip4_header(out, (uint16_t)(header + IP_ICMP_HEADER), IP_PROTO_ICMP, IP_ICMP_TTL, src->b, dst->b);
    else
        ip6_header(out, IP_ICMP_HEADER, IP_PROTO_ICMP6, IP_ICMP_TTL, src->b, dst->b);
    out[header] = meta->icmp_type;
    out[header + 1] = meta->icmp_code;
    return header + (uint32_t)IP_ICMP_HEADER;
}

void ip_icmp_echo(struct rte_mbuf *m, const struct cv_ping *p)
{
    bool v4 = p->dst.family == IP_V4;
    uint16_t header = v4 ? IP4_HEADER : IP6_HEADER, len = (uint16_t)(IP_ICMP_HEADER + p->size);
    uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(header + len)), *icmp = ip + header;
    uint8_t ttl = p->ttl ? p->ttl : IP_ICMP_TTL;
    memset(icmp, 0, IP_ICMP_HEADER);
    icmp[0] = v4 ? IP_ICMP_ECHO : IP_ICMP6_ECHO;
    ip_put16(icmp + 4, p->id);
    ip_put16(icmp + 6, p->seq);
    for (uint32_t i = 0; i < p->size; i++)
        icmp[IP_ICMP_HEADER + i] = (uint8_t)i;
    if (v4) {
        ip4_header(ip, (uint16_t)(header + len), IP_PROTO_ICMP, ttl, p->src.b, p->dst.b);
        ip[6] = p->df ? IP_DONT_FRAGMENT : 0;
        ip4_seal(ip);
    } else {
        ip6_header(ip, len, IP_PROTO_ICMP6, ttl, p->src.b, p->dst.b);
    }
    icmp_seal(ip, icmp, len);
}

/* The echo request inside an error message: its id and sequence number. */
static bool quoted_echo(const uint8_t *q, uint32_t len, bool v4, struct ip_icmp_answer *out)
{
    uint32_t header = IP6_HEADER;
    if (len < (v4 ? IP4_HEADER : IP6_HEADER) || q[0] >> 4 != (v4 ? 4 : 6))
        return false;
    if (v4)
        header = (uint32_t)(q[0] & 0xf) * 4;
    if (header < IP4_HEADER || len < header + IP_ICMP_HEADER)
        return false;
    if ((v4 ? q[9] : q[6]) != (v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6) ||
        q[header] != (v4 ? IP_ICMP_ECHO : IP_ICMP6_ECHO))
        return false;
    out->id = ip_get16(q + header + 4);
    out->seq = ip_get16(q + header + 6);
    return true;
}

bool ip_icmp_answer_read(struct rte_mbuf *m, struct ip_icmp_answer *out)
{
    const struct dp_meta *meta = dp_meta(m);
    const uint8_t *icmp, *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    uint32_t len;
    bool v4 = meta->family == IP_V4;
    if (!ip_icmp_good(m, &icmp, &len))
        return false;
    out->type = icmp[0];
    out->code = icmp[1];
    out->ttl = v4 ? ip[8] : ip[7];
    out->from = v4 ? ip_addr_v4(ip + 12) : ip_addr_v6(ip + 8);
    out->id = ip_get16(icmp + 4);
    out->seq = ip_get16(icmp + 6);
    if (icmp[0] == (v4 ? IP_ICMP_ECHO_REPLY : IP_ICMP6_ECHO_REPLY))
        return true;
    bool error = v4 ? icmp[0] == IP_ICMP_UNREACHABLE || icmp[0] == IP_ICMP_TIME_EXCEEDED
                    : icmp[0] >= IP_ICMP6_UNREACHABLE && icmp[0] <= IP_ICMP6_PARAMETER;
    return error && quoted_echo(icmp + IP_ICMP_HEADER, len - IP_ICMP_HEADER, v4, out);
}
