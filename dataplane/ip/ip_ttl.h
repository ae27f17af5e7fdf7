/* ip_ttl: the TTL or hop limit of the header at `ip`, whose length was checked. */
#ifndef DATAPLANE_IP_IP_TTL_H
#define DATAPLANE_IP_IP_TTL_H

#include "common/addr.h"

#include <assert.h>
#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t ip_ttl_of(const uint8_t *ip, uint8_t family)
{
    return family == IP_V4 ? ip[8] : ip[7];
}

/* Octets 8 to 11 of an IPv4 header as they stand in memory, with a TTL over zero: the same with one less. */
static inline uint32_t ip_ttl_lowered(uint32_t word)
{
    /* RFC 1624: a word's high octet goes down by one, so the checksum up by 0x0100, which is 1 in its place here. From 0xfeff that makes zero
     * (RFC 1624 3), and not its other name 0xffff; from 0xffff the carry comes back in. */
    static_assert(RTE_BE16(0x0100) == 1, "x86");
    const bool round = word >= UINT32_C(0xfffe0000);
    word += UINT32_C(0xffff);
    return __builtin_expect(round, 0) ? word + 0x10000 : word;
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
    word = ip_ttl_lowered(word);
    memcpy(ip + 8, &word, sizeof word);
}

#endif
