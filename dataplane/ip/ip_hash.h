/* ip_hash: keyed hashing of addresses, so that nobody outside can choose what collides.
 *
 * Two multiplications of 64 by 64 bits; the key is random per process (ip_hash_key_make). Pure functions. */
#ifndef DATAPLANE_IP_IP_HASH_H
#define DATAPLANE_IP_IP_HASH_H

#include "common/addr.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

struct ip_hash_key {
    uint64_t k[2];
};

static inline bool ip_hash_key_make(struct ip_hash_key *key)
{
    return getrandom(key, sizeof *key, 0) == (ssize_t)sizeof *key;
}

static inline uint64_t ip_hash_mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* The whole address (4 or 16 octets) and a word of the caller's. All bits of the result are good. */
static inline uint64_t ip_hash_addr(const struct ip_hash_key *key, uint64_t word, uint8_t family,
                                    const uint8_t *addr)
{
    uint64_t high = 0, low = 0;
    if (family == IP_V4) {
        memcpy(&low, addr, 4);
    } else {
        memcpy(&high, addr, 8);
        memcpy(&low, addr + 8, 8);
    }
    uint64_t h =
        ip_hash_mix(high ^ key->k[0] ^ 0x9e3779b97f4a7c15ull, low ^ key->k[1] ^ 0xd1b54a32d192ed03ull);
    return ip_hash_mix(h ^ key->k[1] ^ 0x8cb92ba72f3d8dd7ull,
                       (word << 8 | family) ^ key->k[0] ^ 0xa24baed4963ee407ull);
}

#endif
