#include "dataplane/ip/ip_return.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_wire.h"

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    FRAGMENT_HEADER = 8,
    UPPER = 8, /* octets of the upper layer: all that selectors read */
    V4_ADDRS_AT = 12,
    V6_ADDRS_AT = 8,
    V4_OFFSET = 0x1fff,
    SOURCE_QUENCH = 4,
    PARAMETER4 = 12,
};

static bool is_error(const uint8_t *icmp, bool v4)
{
    if (!v4) /* RFC 4443 2.1 */
        return icmp[0] >= IP_ICMP6_UNREACHABLE && icmp[0] <= IP_ICMP6_PARAMETER;
    return icmp[0] == IP_ICMP_UNREACHABLE || icmp[0] == IP_ICMP_TIME_EXCEEDED || icmp[0] == SOURCE_QUENCH ||
           icmp[0] == PARAMETER4;
}

/* The quoted packet: what its selectors are read from. */
struct quoted {
    const uint8_t *ip, *upper;
    uint32_t upper_len;
    uint8_t proto;
    bool later;
};

static bool read4(const uint8_t *ip, uint32_t len, struct quoted *q)
{
    const uint32_t header = len >= IP4_HEADER ? (ip[0] & 15u) * 4u : 0;
    if (header < IP4_HEADER || header > len || ip[0] >> 4 != 4)
        return false;
    *q = (struct quoted){ip, ip + header, len - header, ip[9], (ip_get16(ip + 6) & V4_OFFSET) != 0};
    return true;
}

static bool read6(const uint8_t *ip, uint32_t len, struct quoted *q)
{
    struct ip_ext x;
    if (len < IP6_HEADER || ip[0] >> 4 != 6)
        return false;
    const enum cv_drop why = ip_ext_walk(ip, len, &x);
    /* A quote may end anywhere behind its headers. */
    if (why != CV_DROP_NONE && !(why == CV_DROP_HEADER_CHAIN && x.len <= len && x.frag && !x.later))
        return false;
    *q = (struct quoted){ip, ip + x.len, len - x.len, x.proto, x.later};
    return true;
}

static bool has_ports(uint8_t proto)
{
    enum { TCP = 6, DCCP = 33, SCTP = 132, UDPLITE = 136 };
    return proto == TCP || proto == IP_PROTO_UDP || proto == DCCP || proto == SCTP || proto == UDPLITE;
}

static uint32_t header_write(uint8_t *to, const struct quoted *q, bool v4)
{
    const uint32_t at = v4 ? V4_ADDRS_AT : V6_ADDRS_AT, n = v4 ? 4 : 16;
    memset(to, 0, IP_RETURN_OCTETS);
    memcpy(to + at, q->ip + at + n, n);
    memcpy(to + at + n, q->ip + at, n);
    to[0] = v4 ? 0x45 : 0x60;
    if (v4) {
        to[9] = q->proto;
        ip_put16(to + 6, q->later ? 1 : 0);
        return IP4_HEADER;
    }
    to[6] = q->later ? IP_NEXT_FRAGMENT : q->proto;
    if (!q->later)
        return IP6_HEADER;
    to[IP6_HEADER] = q->proto;
    ip_put16(to + IP6_HEADER + 2, 8);
    return IP6_HEADER + FRAGMENT_HEADER;
}

static void write(struct ip_return *r, const struct quoted *q, const struct dp_meta *of)
{
    const bool v4 = of->family == IP_V4;
    const uint32_t header = header_write(r->octets, q, v4), n = RTE_MIN(q->upper_len, (uint32_t)UPPER);
    uint8_t *upper = r->octets + header;
    memcpy(upper, q->upper, n);
    if (has_ports(q->proto) && !q->later && n >= 4) {
        memcpy(upper, q->upper + 2, 2);
        memcpy(upper + 2, q->upper, 2);
    }
    if (v4)
        ip_put16(r->octets + 2, header + n);
    else
        ip_put16(r->octets + 4, header - IP6_HEADER + n);
    memset(&r->m, 0, sizeof r->m);
    r->m.buf_addr = r->octets;
    r->m.buf_len = IP_RETURN_OCTETS;
    r->m.nb_segs = 1;
    r->m.priv_size = sizeof r->meta;
    r->m.data_len = (uint16_t)(header + n);
    r->m.pkt_len = header + n;
    memset(&r->meta, 0, sizeof r->meta);
    r->meta.vrf = of->vrf;
    r->meta.family = of->family;
    r->meta.proto = q->proto;
    r->meta.frag = q->later;
    r->meta.l3_len = (uint16_t)header;
    r->meta.l3_total = r->m.data_len;
}
static_assert(offsetof(struct ip_return, meta) == sizeof(struct rte_mbuf), "dp_meta finds it there");

bool ip_return_is_error(const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    return m->data_len <= meta->l3_len ||
           is_error(rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len), meta->family == IP_V4);
}

bool ip_return_make(struct ip_return *r, const struct rte_mbuf *m)
{
    return !dp_meta((struct rte_mbuf *)(uintptr_t)m)->frag && ip_return_make_first(r, m);
}

bool ip_return_make_first(struct ip_return *r, const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const bool v4 = meta->family == IP_V4;
    struct quoted q;
    if (meta->proto != (v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6) || m->data_len < meta->l3_len + IP_ICMP_HEADER)
        return false;
    const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len),
                  *in = icmp + IP_ICMP_HEADER;
    const uint32_t len = m->data_len - (uint32_t)meta->l3_len - IP_ICMP_HEADER;
    if (!is_error(icmp, v4) || !(v4 ? read4(in, len, &q) : read6(in, len, &q)))
        return false;
    /* An error goes to who sent the packet (RFC 1122 3.2.2, RFC 4443 2.2): anybody else's way it must not take. */
    if (!ip_same_addr(ip_dst(m, meta->family), in + (v4 ? V4_ADDRS_AT : V6_ADDRS_AT), meta->family))
        return false;
    write(r, &q, meta);
    return true;
}
