/* esp_tunnel: the outer header of a tunnel: templates for sending, DSCP and ECN both ways; and checksums.
 *
 * Outer headers are IPv4 or IPv6, with or without a UDP header for NAT traversal (RFC 3948). The UDP
 * checksum is zero over IPv4 (RFC 3948 2.1) and computed over IPv6, where receivers need not take a zero
 * (RFC 8200 8.1) and Linux does not. */
#ifndef DATAPLANE_ESP_ESP_TUNNEL_H
#define DATAPLANE_ESP_ESP_TUNNEL_H

#include "common/contract.h"
#include "dataplane/engine/eng.h"
#include "dataplane/esp/esp_conf.h"

#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    ESP_HDR_LEN = 8,
    ESP_TRAILER_LEN = 2, /* pad length and next header */
    ESP_V4_LEN = 20,
    ESP_V6_LEN = 40,
    ESP_UDP_LEN = 8,
    ESP_PROTO_ESP = 50,
    ESP_PROTO_UDP = 17,
    ESP_NEXT_V4 = 4,
    ESP_NEXT_V6 = 41,
    ESP_NEXT_NONE = 59, /* dummy packet (RFC 4303 2.6) */
    ESP_OUTER_TTL = 64,
    ESP_V4_DF = 0x40, /* in octet 6 of the header */
};

/* What dp_meta says about a packet of this SA, as it stands from .vrf to .udp_encap. */
struct esp_out_meta {
    uint16_t vrf;
    uint8_t family, local_out;
    uint16_t l3_len;
    uint8_t proto, udp_encap;
};
static_assert(sizeof(struct esp_out_meta) == 8, "one store");

/* All that building a packet needs of its SA, in one cache line that is copied when the SA changes: the words of
 * the outer header that do not change, as they stand in memory, and the geometry. */
struct esp_template {
    union {
        uint8_t addrs[32]; /* source and destination; IPv4 in the first 8 octets */
        struct {
            uint8_t ends[8];
            uint32_t id; /* IPv4: what the identification is ahead of the sequence number (RFC 6864 4) */
        } v4;
    };
    uint32_t spi;
    uint32_t udp_ports;
    uint32_t
        ttl_proto; /* IPv4: octets 8 to 11 with a zero checksum; IPv6: octets 4 to 7 with a zero length */
    uint32_t sum;  /* IPv4: sum of the 16-bit words of octets 8 to 19 */
    struct esp_out_meta meta;
    uint8_t len;  /* octets of IP header (without options) and UDP header */
    uint8_t head; /* octets of ESP header and IV; of AH */
    uint8_t icv_len;
    uint8_t align_mask; /* padding unit - 1 */
    uint8_t
        df_copied; /* the bit of octet 6 that is taken from the inner IPv4 header, and the one that is always */
    uint8_t df_set; /* set; enum cv_df */
    uint8_t
        ecn_mask; /* what of the inner DSCP and ECN goes outside: 0xff, or 0xfc without ECN (RFC 6040 4.1) */
    uint8_t pad[1];
} __attribute__((aligned(64)));
static_assert(sizeof(struct esp_template) == 64, "one cache line");

void esp_template_make(struct esp_template *t, const struct esp_conf *conf, const struct ip_endpoint *remote,
                       const struct eng_session_info *info);

/* One's complement sum (RFC 1071) in memory order, not folded; folded and complemented. */
uint64_t esp_sum(const void *data, uint32_t len, uint64_t sum);
uint16_t esp_sum_fold(uint64_t sum);

/* UDP checksum of an IPv6 packet of `len` octets whose UDP header stands l3_len octets behind its start and has a zero
 * checksum now; a result of zero is sent as all ones (RFC 8200 8.1). */
uint16_t esp_udp6_checksum(const uint8_t *ip6, uint32_t l3_len, uint32_t len);

/* Outer ECN arriving with inner ECN: what goes on, by RFC 6040 4.2; ESP_ECN_DROP when the packet must not. */
enum { ESP_ECN_DROP = 4 };
static inline uint32_t esp_ecn_combine(uint32_t inner, uint32_t outer)
{
    /* Not-ECT 0, ECT(1) 1, ECT(0) 2, CE 3 (RFC 3168 5) */
    static const uint8_t table[4][4] = {
        {0, 0, 0, ESP_ECN_DROP},
        {1, 1, 1, 3},
        {2, 1, 2, 3},
        {3, 3, 3, 3},
    };
    return table[inner & 3][outer & 3];
}

static inline uint8_t esp_tos_v4(const uint8_t *ip)
{
    return ip[1];
}
static inline uint8_t esp_tos_v6(const uint8_t *ip)
{
    return (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

/* Sets the ECN field; IPv4 adjusts the header checksum (RFC 1624 3). */
static inline void esp_ecn_set_v4(uint8_t *ip, uint8_t ecn)
{
    uint16_t before, after, sum;
    memcpy(&before, ip, sizeof before);
    ip[1] = (uint8_t)((ip[1] & 0xfc) | ecn);
    memcpy(&after, ip, sizeof after);
    memcpy(&sum, ip + 10, sizeof sum);
    uint32_t s = (uint16_t)~sum + (uint32_t)(uint16_t)~before + after;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    sum = (uint16_t)~s;
    memcpy(ip + 10, &sum, sizeof sum);
}
static inline void esp_ecn_set_v6(uint8_t *ip, uint8_t ecn)
{
    ip[1] = (uint8_t)((ip[1] & 0xcf) | ecn << 4);
}

#endif
