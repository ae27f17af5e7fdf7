#include "dataplane/ip/ip_classify.h"
#include "dataplane/dp_chain.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_wire.h"

#include <rte_ether.h>
#include <rte_ip.h>

enum {
    ESP_HEADER = 8,
    UDP_HEADER = 8,
    AH_FIXED = 12, /* RFC 4302 2: without the ICV */
    AH_SPI_AT = 4,
};

static enum ip_class bad(struct dp_meta *meta, enum cv_drop why)
{
    meta->drop = (uint8_t)why;
    return IP_CLASS_DROP;
}

/* The link may have padded a short packet; what stands behind the IP length is not the packet's. */
static void trim(struct rte_mbuf *m, uint32_t len)
{
    m->data_len = (uint16_t)len;
    m->pkt_len = len;
}

/* UDP: the ports, and whether it carries ESP (RFC 3948 2.2: no zero where the SPI stands). */
static enum ip_class look_udp(const uint8_t *l4, uint32_t len, struct dp_meta *meta)
{
    if (len < UDP_HEADER)
        return bad(meta, CV_DROP_MALFORMED_L4);
    uint16_t udp_len = ip_get16(l4 + 4);
    if (udp_len < UDP_HEADER || udp_len > len)
        return bad(meta, CV_DROP_MALFORMED_L4);
    meta->l4_src = ip_get16(l4);
    meta->l4_dst = ip_get16(l4 + 2);
    if (meta->l4_dst != IP_PORT_NATT || udp_len < UDP_HEADER + ESP_HEADER)
        return IP_CLASS_IP;
    meta->spi = ip_get32(l4 + UDP_HEADER);
    if (meta->spi == 0)
        return IP_CLASS_IP; /* the non-ESP marker */
    meta->udp_encap = 1;
    return IP_CLASS_ESP;
}

static enum ip_class look_ah(const uint8_t *l4, uint32_t len, struct dp_meta *meta)
{
    if (len < AH_FIXED)
        return bad(meta, CV_DROP_AH_HEADER);
    meta->spi = ip_get32(l4 + AH_SPI_AT);
    return IP_CLASS_AH;
}

static enum ip_class look_upper(const uint8_t *l4, uint32_t len, struct dp_meta *meta)
{
    if (meta->frag)
        return IP_CLASS_IP;
    if (meta->proto == IP_PROTO_UDP)
        return look_udp(l4, len, meta);
    if (meta->proto == IP_PROTO_AH)
        return look_ah(l4, len, meta);
    if (meta->proto != IP_PROTO_ESP)
        return IP_CLASS_IP;
    if (len < ESP_HEADER)
        return bad(meta, CV_DROP_ESP_SHORT);
    meta->spi = ip_get32(l4);
    return IP_CLASS_ESP;
}

/* Sources that no packet on a wire may have (RFC 1812 5.3.7): this-host loopback, multicast, broadcast. */
static bool source_is_martian4(const uint8_t *src)
{
    return src[0] == 127 || src[0] >= 224;
}

static enum ip_class classify4(struct rte_mbuf *m, struct dp_meta *meta)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    uint32_t have = m->data_len;
    if (have < sizeof(struct rte_ipv4_hdr))
        return bad(meta, CV_DROP_MALFORMED_IP);
    uint32_t header = (uint32_t)(p[0] & 0xf) * 4, total = ip_get16(p + 2);
    if (header < sizeof(struct rte_ipv4_hdr) || total < header || total > have)
        return bad(meta, CV_DROP_MALFORMED_IP);
    if (likely(header == 20) ? !ip_sum_good_20(p) : ip_fold(ip_sum(p, header, 0)) != 0xffff)
        return bad(meta, CV_DROP_MALFORMED_IP);
    if (source_is_martian4(p + 12) || p[16] == 127)
        return bad(meta, CV_DROP_MALFORMED_IP);
    trim(m, total);
    meta->family = IP_V4;
    meta->proto = p[9];
    meta->l3_len = (uint16_t)header;
    meta->l3_total = (uint16_t)total;
    meta->frag = (ip_get16(p + 6) & 0x3fff) != 0; /* MF or an offset */
    return look_upper(p + header, total - header, meta);
}

static bool source_is_martian6(const uint8_t *src)
{
    static const uint8_t loopback[16] = {[15] = 1};
    return src[0] == 0xff || memcmp(src, loopback, 16) == 0;
}

static enum ip_class classify6(struct rte_mbuf *m, struct dp_meta *meta)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    uint32_t have = m->data_len;
    if (have < sizeof(struct rte_ipv6_hdr))
        return bad(meta, CV_DROP_MALFORMED_IP);
    uint32_t total = (uint32_t)sizeof(struct rte_ipv6_hdr) + ip_get16(p + 4);
    if (total > have || total > UINT16_MAX || source_is_martian6(p + 8))
        return bad(meta, CV_DROP_MALFORMED_IP);
    trim(m, total);
    meta->family = IP_V6;
    meta->l3_total = (uint16_t)total;
    struct ip_ext x;
    const enum cv_drop why = ip_ext_walk(p, total, &x);
    if (why != CV_DROP_NONE)
        return bad(meta, why);
    meta->proto = x.proto;
    meta->frag = x.frag;
    meta->l3_len = (uint16_t)x.len;
    return look_upper(p + x.len, total - x.len, meta);
}

static void meta_reset(struct dp_meta *meta)
{
    meta->drop = CV_DROP_NONE;
    meta->udp_encap = 0;
    meta->spi = 0;
    meta->frag = 0;
    meta->l4_src = meta->l4_dst = 0;
}

enum ip_class ip_classify_ip(struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    meta_reset(meta);
    if (m->nb_segs != 1 || m->data_len < 1)
        return bad(meta, CV_DROP_MALFORMED_IP);
    switch (*rte_pktmbuf_mtod(m, const uint8_t *) >> 4) {
    case 4:
        return classify4(m, meta);
    case 6:
        return classify6(m, meta);
    default:
        return bad(meta, CV_DROP_MALFORMED_IP);
    }
}

static bool destination_is_group(const uint8_t *ip, uint16_t ether_type)
{
    if (ether_type == RTE_ETHER_TYPE_IPV4)
        return ip[16] >= 224;
    return ip[24] == 0xff;
}

static bool same_station(const uint8_t *a, const uint8_t *b)
{
    uint32_t x, y;
    uint16_t v, u;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    memcpy(&v, a + 4, 2);
    memcpy(&u, b + 4, 2);
    return ((x ^ y) | (uint32_t)(v ^ u)) == 0;
}

/* Everything else is refused before they are looked at. */
static bool addresses_are_good(enum ip_class class, const struct dp_meta *meta)
{
    return class != IP_CLASS_DROP || meta->drop == CV_DROP_EXT_HEADERS || meta->drop == CV_DROP_HEADER_CHAIN;
}

static enum ip_class classify_frame(struct rte_mbuf *m, struct dp_meta *meta, const uint8_t *mac)
{
    if (m->data_len < sizeof(struct rte_ether_hdr))
        return bad(meta, CV_DROP_MALFORMED_ETHER);
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    bool group = frame[0] & 1;
    if (!group && !same_station(frame, mac))
        return bad(meta, CV_DROP_OTHER_HOST);
    uint16_t type = ip_get16(frame + 12);
    if (type == RTE_ETHER_TYPE_ARP)
        return IP_CLASS_ARP;
    if (type != RTE_ETHER_TYPE_IPV4 && type != RTE_ETHER_TYPE_IPV6)
        return bad(meta, CV_DROP_MALFORMED_ETHER);
    rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
    const uint8_t *ip = frame + sizeof(struct rte_ether_hdr);
    if (m->data_len < 1 || ip[0] >> 4 != (type == RTE_ETHER_TYPE_IPV4 ? 4 : 6))
        return bad(meta, CV_DROP_MALFORMED_IP);
    enum ip_class class = type == RTE_ETHER_TYPE_IPV4 ? classify4(m, meta) : classify6(m, meta);
    if (unlikely(group) && addresses_are_good(class, meta) && !destination_is_group(ip, type))
        return bad(meta, CV_DROP_OTHER_HOST);
    return class;
}

enum ip_class ip_classify_frame(struct rte_mbuf *m, const uint8_t *mac)
{
    struct dp_meta *meta = dp_meta(m);
    meta_reset(meta);
    return unlikely(m->nb_segs != 1) ? IP_CLASS_CHAIN : classify_frame(m, meta, mac);
}

/* ---- chains ----------------------------------------------------------------------------------------------- */
/* With the length of all of it the first segment is looked at as if it were the frame: none of what is asked lies behind what it shows. */
bool ip_classify_chain(struct rte_mbuf *m, const uint8_t *mac, enum ip_class *class)
{
    const uint32_t all = m->pkt_len, ether = sizeof(struct rte_ether_hdr);
    const uint16_t first = m->data_len, off = m->data_off;
    if (all > UINT16_MAX || !dp_chain_sound(m) || first < ether ||
        !dp_chain_shows(rte_pktmbuf_mtod_offset(m, const uint8_t *, ether), first - ether))
        return false;
    struct dp_meta *meta = dp_meta(m);
    meta_reset(meta);
    m->data_len = (uint16_t)all;
    *class = classify_frame(m, meta, mac);
    const uint32_t len = m->pkt_len;
    const uint16_t moved = (uint16_t)(m->data_off - off);
    m->data_len = (uint16_t)(first - moved);
    m->pkt_len = all - moved;
    if (*class != IP_CLASS_DROP)
        dp_chain_trim(m, len);
    return true;
}
