/* dp_meta: what a worker knows about a packet, in the mbuf's private area (rte_mbuf_to_priv).
 *
 * One cache line; every field is written before it is read on the path that reads it (rx sets all). */
#ifndef DATAPLANE_DP_META_H
#define DATAPLANE_DP_META_H

#include "common/contract.h"

#include <rte_mbuf.h>
#include <stdint.h>

struct dp_meta {
    uint32_t if_in;    /* logical interface it came in on; after decapsulation the tunnel */
    uint32_t if_out;   /* chosen by the route lookup */
    uint16_t vrf;
    uint8_t family;    /* IP_V4 or IP_V6 of the header at the data start */
    uint8_t proto;     /* upper-layer protocol */
    uint16_t l3_len;   /* octets of IP header and IPv6 extension headers before the upper layer */
    uint8_t drop;      /* enum cv_drop, for packets handed back as bad */
    uint8_t udp_encap; /* ESP in UDP: the ESP header is 8 octets after l3_len */
    uint32_t spi;
    struct ip_addr next_hop;
    uint8_t local_out; /* made on this host: TTL is not lowered */
    uint8_t pad[19];
};
static_assert(sizeof(struct dp_meta) == 64, "one cache line");

static inline struct dp_meta *dp_meta(struct rte_mbuf *m)
{
    return (struct dp_meta *)rte_mbuf_to_priv(m);
}

#endif
