/* ip_ecn: congestion marks where an outer header comes off (RFC 6040), and where fragments are put together (RFC 3168 5.3). Pure functions over
 * checked headers. */
#ifndef DATAPLANE_IP_IP_ECN_H
#define DATAPLANE_IP_IP_ECN_H

#include "common/addr.h"

#include <stdint.h>
#include <string.h>

enum { IP_ECN_NOT_ECT = 0, IP_ECN_ECT1 = 1, IP_ECN_ECT0 = 2, IP_ECN_CE = 3, IP_ECN_DROP = 4 };

/* TOS or traffic class: DSCP and ECN. */
static inline uint8_t ip_tos(const uint8_t *ip, uint8_t family)
{
    if (family == IP_V4)
        return ip[1];
    return (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

/* RFC 6040 4.2, Figure 4: what the inner packet goes on with; IP_ECN_DROP: not at all. */
static inline uint8_t ip_ecn_combine(uint8_t inner, uint8_t outer)
{
    if (outer == IP_ECN_CE)
        return inner == IP_ECN_NOT_ECT ? IP_ECN_DROP : IP_ECN_CE;
    return outer == IP_ECN_ECT1 && inner == IP_ECN_ECT0 ? IP_ECN_ECT1 : inner;
}

/* RFC 3168 5.3: what the whole goes on with whose fragments, each a bit of `seen`, had these marks, the first one `first`; IP_ECN_DROP: not at
 * all, as some were congested and others say that nobody would understand it. */
static inline uint8_t ip_ecn_join(uint8_t first, unsigned seen)
{
    if (!(seen & 1u << IP_ECN_CE))
        return first;
    return seen & 1u << IP_ECN_NOT_ECT ? IP_ECN_DROP : IP_ECN_CE;
}

/* IPv4: with the header checksum (RFC 1624 3). */
static inline void ip_ecn_set(uint8_t *ip, uint8_t family, uint8_t ecn)
{
    if (family != IP_V4) {
        ip[1] = (uint8_t)((ip[1] & 0xcf) | ecn << 4);
        return;
    }
    uint16_t was, is, sum;
    memcpy(&was, ip, 2);
    ip[1] = (uint8_t)((ip[1] & 0xfc) | ecn);
    memcpy(&is, ip, 2);
    memcpy(&sum, ip + 10, 2);
    uint32_t s = (uint32_t)(uint16_t)~sum + (uint16_t)~was + is;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    sum = (uint16_t)~s;
    memcpy(ip + 10, &sum, 2);
}

#endif
