/* esp_outer: writes the outer IP header of a tunnel mode packet from its SA's template.
 *
 * Internal to esp: one writer for packets that come one by one and for runs. */
#ifndef DATAPLANE_ESP_ESP_OUTER_H
#define DATAPLANE_ESP_ESP_OUTER_H

#include "dataplane/esp/esp_tunnel.h"

#include <rte_branch_prediction.h>
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

enum { ESP_V6_MTU_MIN = 1280 /* RFC 8200 5 */ };

/* What the outer header takes from the inner one at p, of a packet of len octets, of which as many as an IPv4 header has are there. False: it is neither IPv4 nor
 * IPv6. All 32 bits wide: a spilled octet that is read back as a word waits for the store buffer. */
static __rte_always_inline bool esp_outer_look(const struct esp_template *t, const uint8_t *p, uint32_t len,
                                               uint32_t *next, uint32_t *tos, uint32_t *df)
{
    if (p[0] >> 4 == 4) {
        *next = ESP_NEXT_V4;
        *tos = esp_tos_v4(p);
        *df = (p[6] & t->df_copied) | t->df_set;
    } else if (likely(p[0] >> 4 == 6)) {
        *next = ESP_NEXT_V6;
        *tos = esp_tos_v6(p);
        /* Routers never fragment IPv6: as if DF were set. But what every link must carry, the tunnel must, too,
         * and cuts it outside where it has to (RFC 8200 5). */
        *df = len > ESP_V6_MTU_MIN ? t->df_copied | t->df_set : 0;
    } else {
        return false;
    }
    *tos &= t->ecn_mask;
    return true;
}

/* ESP header, and in front of it those of a packet of total octets. */
static __rte_always_inline void esp_outer_write(uint8_t *esp, const struct esp_template *t, uint32_t total,
                                                uint32_t tos, uint32_t df, uint64_t seq, bool v4, bool natt)
{
    const uint32_t outer = (uint32_t)(v4 ? ESP_V4_LEN : ESP_V6_LEN) + (natt ? ESP_UDP_LEN : 0);
    esp_put64(esp, t->spi | (uint64_t)rte_cpu_to_be_32((uint32_t)seq) << 32);
    if (natt)
        esp_outer_udp(esp - ESP_UDP_LEN, t, total - outer);
    if (v4)
        esp_outer_v4(esp - outer, t, total, tos, df, seq);
    else
        esp_outer_v6(esp - outer, t, total, tos);
}

#endif
