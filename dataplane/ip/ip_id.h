/* ip_id: identifications of the IPv4 packets that this host makes itself, and that somebody on the way may cut (RFC 6864 4.3): a counter
 * of who makes them, over all destinations. None is 0. The counter begins where nobody knows. */
#ifndef DATAPLANE_IP_IP_ID_H
#define DATAPLANE_IP_IP_ID_H

#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_wire.h"

#include <string.h>

/* ip: a whole packet of either family, made here; *last: the counter. IPv6, and what has DF set, stays as it is (RFC 6864 4.1). */
static inline void ip_id_write(uint8_t *ip, uint16_t *last)
{
    enum { ID_AT = 4, FLAGS_AT = 6, DF = 0x40, SUM_AT = 10 };
    if (ip[0] >> 4 != 4 || (ip[FLAGS_AT] & DF))
        return;
    *last = (uint16_t)(*last == UINT16_MAX ? 1 : *last + 1);
    ip_put16(ip + ID_AT, *last);
    memset(ip + SUM_AT, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, (ip[0] & 15u) * 4u, 0));
    memcpy(ip + SUM_AT, &sum, sizeof sum);
}

#endif
