/* ip_csum: the Internet checksum (RFC 1071) and the checks of addresses every file of ip/ needs.
 *
 * Pure functions. */
#ifndef DATAPLANE_IP_IP_CSUM_H
#define DATAPLANE_IP_IP_CSUM_H

#include "common/addr.h"

#include <stdint.h>
#include <string.h>

enum { IP_PROTO_ICMP = 1, IP_PROTO_UDP = 17, IP_PROTO_ESP = 50, IP_PROTO_AH = 51, IP_PROTO_ICMP6 = 58 };

/* One's complement sum of n octets, not folded; n even except for the last piece. */
static inline uint64_t ip_sum(const void *data, size_t n, uint64_t sum)
{
    const uint8_t *p = data;
    for (; n >= 4; n -= 4, p += 4) {
        uint32_t w;
        memcpy(&w, p, 4);
        sum += w;
    }
    if (n >= 2) {
        uint16_t h;
        memcpy(&h, p, 2);
        sum += h;
        p += 2;
        n -= 2;
    }
    if (n) {
        uint16_t h = 0;
        memcpy(&h, p, 1);
        sum += h;
    }
    return sum;
}

/* Folded, not complemented: 0xffff over a message with a correct checksum. Network order. */
static inline uint16_t ip_fold(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The pseudo-header of UDP and ICMPv6 (RFC 768, RFC 8200 8.1); len in host order. */
static inline uint64_t ip_sum_pseudo(const uint8_t *src, const uint8_t *dst, size_t addr_len, uint8_t proto,
                                     uint32_t len)
{
    uint32_t l = __builtin_bswap32(len), p = __builtin_bswap32(proto);
    uint64_t sum = ip_sum(src, addr_len, 0);
    sum = ip_sum(dst, addr_len, sum);
    return sum + l + p;
}

/* Whether the 20 octets at p are an IPv4 header with a right checksum (no options). */
static inline int ip_sum_good_20(const uint8_t *p)
{
    uint64_t a, b; /* no array: functions with one guard their stack, which costs more than the sum */
    uint32_t c;
    memcpy(&a, p, sizeof a);
    memcpy(&b, p + 8, sizeof b);
    memcpy(&c, p + 16, sizeof c);
    const uint64_t sum = (a >> 32) + (uint32_t)a + (b >> 32) + (uint32_t)b + c;
    return ip_fold(sum) == 0xffff;
}

#endif
