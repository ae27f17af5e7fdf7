/* esp_outer: writes the outer IP header of a tunnel mode packet from its SA's template.
 *
 * Internal to esp: one writer for packets that come one by one and for runs. */
#ifndef DATAPLANE_ESP_ESP_OUTER_H
#define DATAPLANE_ESP_ESP_OUTER_H

#include "dataplane/esp/esp_tunnel.h"

#include <rte_common.h>

static __rte_always_inline void esp_put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}
static __rte_always_inline void esp_put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

/* len: octets of the packet from this header on; frag: octets 6 and 7 as they stand in memory. */
static __rte_always_inline void esp_outer_v4(uint8_t *ip, const struct esp_template *t, uint32_t len,
                                             uint32_t tos, uint32_t frag, uint64_t seq)
{
    /* Datagrams that may be fragmented need an identification (RFC 6864 4): the sequence number serves, from where the SA begins. */
    const uint32_t first = (uint32_t)0x45 | tos << 8, total = __builtin_bswap32(len) >> 16,
                   id = __builtin_bswap32((uint32_t)seq + t->v4.id) >> 16;
    uint32_t sum = t->sum + first + total + id + frag;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    esp_put64(ip, first | total << 16 | (uint64_t)id << 32 | (uint64_t)frag << 48);
    esp_put32(ip + 8, t->ttl_proto | ~sum << 16);
    memcpy(ip + 12, t->addrs, 8);
}

static __rte_always_inline void esp_outer_v6(uint8_t *ip, const struct esp_template *t, uint32_t len,
                                             uint32_t tos)
{
    const uint32_t first = rte_cpu_to_be_32((uint32_t)6 << 28 | tos << 20),
                   second = t->ttl_proto | rte_cpu_to_be_16((uint16_t)(len - ESP_V6_LEN));
    esp_put64(ip, first | (uint64_t)second << 32);
    memcpy(ip + 8, t->addrs, 32);
}

/* The UDP header of NAT traversal at p, of an ESP packet of len octets; its checksum is zero. */
static __rte_always_inline void esp_outer_udp(uint8_t *p, const struct esp_template *t, uint32_t len)
{
    const uint32_t udp_len = rte_cpu_to_be_16((uint16_t)(len + ESP_UDP_LEN));
    esp_put64(p, t->udp_ports | (uint64_t)udp_len << 32);
}

#endif
