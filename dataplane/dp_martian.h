/* dp_martian: a packet of others that nobody may forward, and nobody here may take, whether it came from a wire or out of a tunnel.
 *
 * Pure functions of the packet's addresses (4 or 16 octets) and the routes. Any worker, between two quiescent states. */
#ifndef DATAPLANE_DP_MARTIAN_H
#define DATAPLANE_DP_MARTIAN_H

#include "dataplane/dp.h"
#include "dataplane/dp_meta.h"
#include "dataplane/ip/ip_route.h"

#include <rte_branch_prediction.h>
#include <stdbool.h>
#include <string.h>

/* IPv4 (RFC 1812 4.2.2.11, 5.3.7): networks 0 and 127, groups, broadcast. */
static inline bool dp_martian4(const uint8_t *src, const uint8_t *dst)
{
    return src[0] == 0 || src[0] == 127 || src[0] >= 224 || dst[0] == 0 || dst[0] == 127 || dst[0] >= 224;
}

/* IPv6 (RFC 4291 2.5.2, 2.5.3, 2.7): unspecified, loopback, groups. */
static inline bool dp_martian6(const uint8_t *src, const uint8_t *dst)
{
    static const uint8_t zero[15];
    bool low = src[0] == 0 || dst[0] == 0;
    if (unlikely(low) &&
        ((memcmp(src, zero, 15) == 0 && src[15] <= 1) || (memcmp(dst, zero, 15) == 0 && dst[15] <= 1)))
        return true;
    return src[0] == 0xff || dst[0] == 0xff;
}

/* Delivered yes, forwarded never (RFC 4291 2.5.6). */
static inline bool dp_link_local6(const uint8_t *a)
{
    return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

/* An address of this host as source: nobody else sends with it. */
static inline bool dp_source_own(const struct dp *dp, const struct dp_meta *meta, const uint8_t *src)
{
    const struct ip_route *r = ip_route_lookup(&dp->routes, meta->vrf, meta->family, src);
    return r && r->kind == IP_ROUTE_LOCAL;
}

/* Any of them: such a packet is worth a second look. */
static inline bool dp_martian_looks(const struct dp *dp, const struct dp_meta *meta, const uint8_t *src,
                                    const uint8_t *dst)
{
    const bool bad = meta->family == IP_V4
                         ? dp_martian4(src, dst)
                         : dp_martian6(src, dst) || dp_link_local6(src) || dp_link_local6(dst);
    return bad || dp_source_own(dp, meta, src);
}

#endif
