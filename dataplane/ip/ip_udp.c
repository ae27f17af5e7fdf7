#include "dataplane/ip/ip_udp.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_wire.h"

#include <string.h>

enum { IP4_HEADER = 20, IP6_HEADER = 40 };

static void ip_write(uint8_t *ip, const struct ip_addr *src, const struct ip_addr *dst, uint32_t payload)
{
    if (src->family == IP_V4) {
        memset(ip, 0, IP4_HEADER);
        ip[0] = 0x45;
        ip_put16(ip + 2, IP4_HEADER + payload);
        ip[8] = IP_UDP_TTL;
        ip[9] = IP_PROTO_UDP;
        memcpy(ip + 12, src->b, 4);
        memcpy(ip + 16, dst->b, 4);
        uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, IP4_HEADER, 0));
        memcpy(ip + 10, &sum, 2);
        return;
    }
    memset(ip, 0, IP6_HEADER);
    ip[0] = 0x60;
    ip_put16(ip + 4, payload);
    ip[6] = IP_PROTO_UDP;
    ip[7] = IP_UDP_TTL;
    memcpy(ip + 8, src->b, 16);
    memcpy(ip + 24, dst->b, 16);
}

bool ip_udp_write(struct rte_mbuf *m, const struct ip_endpoint *local, const struct ip_endpoint *remote,
                  unsigned marker, const uint8_t *data, size_t n)
{
    size_t addr_len = ip_addr_len(&local->addr), header = addr_len == 4 ? IP4_HEADER : IP6_HEADER;
    size_t payload = IP_UDP_HEADER + marker + n;
    if (addr_len == 0 || local->addr.family != remote->addr.family || header + payload > UINT16_MAX)
        return false;
    uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(header + payload));
    if (!ip)
        return false;
    uint8_t *udp = ip + header;
    ip_write(ip, &local->addr, &remote->addr, (uint32_t)payload);
    ip_put16(udp, local->port);
    ip_put16(udp + 2, remote->port);
    ip_put16(udp + 4, (uint32_t)payload);
    ip_put16(udp + 6, 0);
    memset(udp + IP_UDP_HEADER, 0, marker);
    memcpy(udp + IP_UDP_HEADER + marker, data, n);
    uint64_t sum = ip_sum_pseudo(local->addr.b, remote->addr.b, addr_len, IP_PROTO_UDP, (uint32_t)payload);
    uint16_t check = (uint16_t)~ip_fold(ip_sum(udp, payload, sum));
    if (check == 0)
        check = 0xffff; /* zero means none (RFC 768) */
    memcpy(udp + 6, &check, 2);
    return true;
}

bool ip_udp_payload(const struct rte_mbuf *m, uint16_t l3_len, const uint8_t **data, size_t *n)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), *udp = ip + l3_len;
    bool v4 = ip[0] >> 4 == 4;
    if (m->data_len < l3_len + IP_UDP_HEADER)
        return false;
    uint32_t len = ip_get16(udp + 4);
    if (len < IP_UDP_HEADER || len > m->data_len - (uint32_t)l3_len)
        return false;
    if (ip_get16(udp + 6) == 0) {
        if (!v4)
            return false;
    } else {
        uint64_t sum = v4 ? ip_sum_pseudo(ip + 12, ip + 16, 4, IP_PROTO_UDP, len)
                          : ip_sum_pseudo(ip + 8, ip + 24, 16, IP_PROTO_UDP, len);
        if (ip_fold(ip_sum(udp, len, sum)) != 0xffff)
            return false;
    }
    *data = udp + IP_UDP_HEADER;
    *n = len - IP_UDP_HEADER;
    return true;
}
