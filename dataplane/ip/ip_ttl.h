/* ip_ttl: the TTL or hop limit of the header at `ip`, whose length was checked. */
#ifndef DATAPLANE_IP_IP_TTL_H
#define DATAPLANE_IP_IP_TTL_H

#include "common/addr.h"

#include <rte_byteorder.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t ip_ttl_of(const uint8_t *ip, uint8_t family)
{
    return family == IP_V4 ? ip[8] : ip[7];
}

/* By one; it is over zero. */
static inline void ip_ttl_lower(uint8_t *ip, uint8_t family)
{
    if (family != IP_V4) {
        ip[7]--;
        return;
    }
    uint32_t word; /* TTL, protocol, checksum */
    memcpy(&word, ip + 8, sizeof word);
    uint32_t sum =
        (word >> 16) + rte_cpu_to_be_16(0x0100); /* RFC 1624: a word's high octet goes down by one */
    sum += sum >> 16;
    word = ((word & 0xffff) - 1) | sum << 16;
    memcpy(ip + 8, &word, sizeof word);
}

#endif
