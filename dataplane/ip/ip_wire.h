/* ip_wire: numbers of two and four octets as they stand in packets, in network order at any alignment; and the numbers of IPv6's
 * extension headers (RFC 8200 4, IANA "Protocol Numbers").
 *
 * The caller has checked that the octets are there. */
#ifndef DATAPLANE_IP_IP_WIRE_H
#define DATAPLANE_IP_IP_WIRE_H

#include <stdint.h>

enum {
    IP_NEXT_HOP_BY_HOP = 0,
    IP_NEXT_ROUTING = 43,
    IP_NEXT_FRAGMENT = 44,
    IP_NEXT_NONE = 59,
    IP_NEXT_DEST_OPTIONS = 60,
    IP_NEXT_HIP = 139,   /* RFC 7401 5.1 */
    IP_NEXT_SHIM6 = 140, /* RFC 5533 5.1 */
};

static inline uint16_t ip_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t ip_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The low 16 bits of v. */
static inline void ip_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

#endif
