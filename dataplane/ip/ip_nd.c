#include "dataplane/ip/ip_nd.h"
#include "dataplane/ip/ip_csum.h"

#include <rte_ether.h>
#include <string.h>

enum {
    IP6_HEADER = 40,
    ND_FIXED = 24, /* type, code, checksum, flags, target */
    ND_OPTION_SOURCE = 1,
    ND_OPTION_TARGET = 2,
    ND_HOP_LIMIT = 255, /* came over no router */
    FLAG_SOLICITED = 0x40,
    FLAG_OVERRIDE = 0x20,
    FLAG_ROUTER = 0x80,
};

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

static bool options_read(const uint8_t *p, uint32_t left, uint8_t wanted, struct ip_nd *out)
{
    while (left > 0) {
        if (left < 8 || p[1] == 0 || (uint32_t)p[1] * 8 > left)
            return false;
        if (p[0] == wanted && p[1] == 1) {
            memcpy(out->mac, p + 2, 6);
            out->has_mac = true;
        }
        left -= (uint32_t)p[1] * 8;
        p += (uint32_t)p[1] * 8;
    }
    return true;
}

static bool is_solicited_node(const uint8_t *dst)
{
    static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};
    return memcmp(dst, prefix, sizeof prefix) == 0;
}

bool ip_nd_read(const struct rte_mbuf *m, uint16_t l3_len, struct ip_nd *out)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), *p = ip + l3_len;
    if (m->data_len < l3_len || m->data_len - l3_len < ND_FIXED)
        return false;
    uint32_t len = m->data_len - (uint32_t)l3_len;
    uint64_t sum = ip_sum_pseudo(ip + 8, ip + 24, 16, IP_PROTO_ICMP6, len);
    if (ip[7] != ND_HOP_LIMIT || p[1] != 0 || p[8] == 0xff || ip_fold(ip_sum(p, len, sum)) != 0xffff)
        return false;
    memset(out, 0, sizeof *out);
    out->type = p[0];
    out->src = ip_addr_v6(ip + 8);
    out->target = ip_addr_v6(p + 8);
    bool unspecified = ip_addr_is_any(&out->src);
    if (out->type == IP_ND_SOLICIT) {
        if (!options_read(p + ND_FIXED, len - ND_FIXED, ND_OPTION_SOURCE, out))
            return false;
        return !unspecified || (is_solicited_node(ip + 24) && !out->has_mac);
    }
    if (out->type != IP_ND_ADVERT)
        return false;
    out->solicited = p[4] & FLAG_SOLICITED;
    if (out->solicited && ip[24] == 0xff)
        return false;
    return options_read(p + ND_FIXED, len - ND_FIXED, ND_OPTION_TARGET, out);
}

/* Ethernet, IPv6 and ND headers with the link-layer address option; the checksum over all of it. */
static bool frame_write(struct rte_mbuf *m, uint8_t type, uint8_t flags, const uint8_t *own_mac,
                        const uint8_t *src, const uint8_t *dst, const uint8_t *target, const uint8_t *to_mac)
{
    uint8_t *frame = (uint8_t *)rte_pktmbuf_append(m, IP_ND_FRAME);
    if (!frame)
        return false;
    uint8_t *ip = frame + sizeof(struct rte_ether_hdr), *nd = ip + IP6_HEADER;
    memset(frame, 0, IP_ND_FRAME);
    memcpy(frame, to_mac, 6);
    memcpy(frame + 6, own_mac, 6);
    frame[12] = RTE_ETHER_TYPE_IPV6 >> 8;
    frame[13] = RTE_ETHER_TYPE_IPV6 & 0xff;
    ip[0] = 0x60;
    ip[5] = ND_FIXED + 8;
    ip[6] = IP_PROTO_ICMP6;
    ip[7] = ND_HOP_LIMIT;
    memcpy(ip + 8, src, 16);
    memcpy(ip + 24, dst, 16);
    nd[0] = type;
    nd[4] = flags;
    memcpy(nd + 8, target, 16);
    nd[ND_FIXED] = type == IP_ND_SOLICIT ? ND_OPTION_SOURCE : ND_OPTION_TARGET;
    nd[ND_FIXED + 1] = 1;
    memcpy(nd + ND_FIXED + 2, own_mac, 6);
    uint64_t sum = ip_sum_pseudo(src, dst, 16, IP_PROTO_ICMP6, ND_FIXED + 8);
    uint16_t check = (uint16_t)~ip_fold(ip_sum(nd, ND_FIXED + 8, sum));
    memcpy(nd + 2, &check, 2);
    return true;
}

bool ip_nd_ask(struct rte_mbuf *m, const uint8_t own_mac[6], const uint8_t own[16], const uint8_t target[16],
               const uint8_t *mac)
{
    uint8_t group[16] = {0xff, 0x02, [11] = 1, [12] = 0xff}, group_mac[6] = {0x33, 0x33, 0xff};
    memcpy(group + 13, target + 13, 3);
    memcpy(group_mac + 3, target + 13, 3);
    return frame_write(m, IP_ND_SOLICIT, 0, own_mac, own, mac ? target : group, target,
                       mac ? mac : group_mac);
}

bool ip_nd_answer(struct rte_mbuf *m, const uint8_t own_mac[6], const uint8_t target[16], const uint8_t *to,
                  const uint8_t *to_mac)
{
    static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
    uint8_t flags = FLAG_ROUTER | FLAG_OVERRIDE | (to ? FLAG_SOLICITED : 0);
    return frame_write(m, IP_ND_ADVERT, flags, own_mac, target, to ? to : all_nodes, target,
                       to ? to_mac : all_nodes_mac);
}
