/* ip_id: identifications of the IPv4 packets that this host makes itself, and that somebody on the way may cut (RFC 6864 4.3).
 *
 * Who makes them counts them, over all destinations; a destination sees the count from an offset of its own on, which is secret. So what
 * it is sent, be it as answers to whatever it asks, does not tell which ones others are sent next: whoever knows that can have pieces
 * of his put together with theirs (RFC 7739 is about the same in IPv6). */
#ifndef DATAPLANE_IP_IP_ID_H
#define DATAPLANE_IP_IP_ID_H

#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_hash.h"
#include "dataplane/ip/ip_wire.h"

#include <string.h>

static inline uint64_t ip_id_turn(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline void ip_id_rounds(uint64_t v[4], unsigned n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = ip_id_turn(v[1], 13) ^ v[0];
        v[3] = ip_id_turn(v[3], 16) ^ v[2];
        v[0] = ip_id_turn(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = ip_id_turn(v[1], 17) ^ v[2];
        v[3] = ip_id_turn(v[3], 21) ^ v[0];
        v[2] = ip_id_turn(v[2], 32);
    }
}

/* SipHash-2-4 of 8 octets, the first one the lowest of `word`. ip_hash_addr does where nobody sees what comes out; offsets are shown to
 * whoever is sent a packet. */
static inline uint64_t ip_id_hash(const struct ip_hash_key *key, uint64_t word)
{
    uint64_t v[4] = {key->k[0] ^ 0x736f6d6570736575ull, key->k[1] ^ 0x646f72616e646f6dull,
                     key->k[0] ^ 0x6c7967656e657261ull, key->k[1] ^ 0x7465646279746573ull};
    const uint64_t end = 8ull << 56; /* its octets */
    v[3] ^= word;
    ip_id_rounds(v, 2);
    v[0] ^= word;
    v[3] ^= end;
    ip_id_rounds(v, 2);
    v[0] ^= end;
    v[2] ^= 0xff;
    ip_id_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ip: a whole packet of either family, made here, in vrf; *count: its maker's. None gets 0, and in UINT16_MAX packets of a maker none
 * that another one got to the same destination with the same protocol. IPv6, and what has DF set, stays as it is (RFC 6864 4.1). */
static inline void ip_id_write(uint8_t *ip, uint16_t vrf, const struct ip_hash_key *key, uint16_t *count)
{
    enum { ID_AT = 4, FLAGS_AT = 6, PROTO_AT = 9, DST_AT = 16, DF = 0x40, SUM_AT = 10 };
    if (ip[0] >> 4 != 4 || (ip[FLAGS_AT] & DF))
        return;
    const uint64_t whose = (uint64_t)vrf << 40 | (uint64_t)ip[PROTO_AT] << 32 | ip_get32(ip + DST_AT);
    const uint32_t offset = (uint32_t)(ip_id_hash(key, whose) % UINT16_MAX);
    *count = (uint16_t)(*count % UINT16_MAX + 1);
    ip_put16(ip + ID_AT, (uint16_t)((*count + offset) % UINT16_MAX + 1));
    memset(ip + SUM_AT, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, (ip[0] & 15u) * 4u, 0));
    memcpy(ip + SUM_AT, &sum, 2);
}

#endif
