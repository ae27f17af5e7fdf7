/* dp_meta: what a worker knows about a packet, in the mbuf's private area (rte_mbuf_to_priv).
 *
 * One cache line; every field is written before it is read on the path that reads it (rx sets all). */
#ifndef DATAPLANE_DP_META_H
#define DATAPLANE_DP_META_H

#include "common/contract.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dp_meta {
    uint32_t if_in;    /* logical interface it came in on; after decapsulation the tunnel */
    uint32_t if_out;   /* chosen by the route lookup */
    uint16_t vrf;      /* from here to udp_encap: one word, written as one where it is written for many */
    uint8_t family;    /* IP_V4 or IP_V6 of the header at the data start */
    uint8_t local_out; /* enum dp_local: made on this host, TTL is not lowered */
    uint16_t l3_len;   /* octets of IP header and IPv6 extension headers before the upper layer */
    uint8_t proto;     /* upper-layer protocol */
    uint8_t udp_encap; /* ESP in UDP: the ESP header is 8 octets after l3_len */
    uint32_t spi;
    struct ip_addr next_hop;
    uint8_t drop;      /* enum cv_drop, for packets handed back as bad */
    uint8_t stage;     /* enum dp_stage: where a handed-off packet goes on */
    uint8_t slow;      /* enum dp_slow: what the manager is asked for */
    uint8_t frag;      /* IP fragment (first or later) */
    uint8_t icmp_type; /* error that the manager is to send about it */
    uint8_t icmp_code;
    uint16_t icmp_mtu;
    uint64_t stamp;          /* TSC when a worker gave it to the manager */
    uint16_t port;           /* index of the port a finished frame leaves by */
    uint16_t l4_src, l4_dst; /* UDP ports, 0 when there are none (later fragments) */
    uint16_t l3_total;       /* octets of the whole IP packet, by its header */
};
static_assert(sizeof(struct dp_meta) == 64, "one cache line");

/* Made on this host, and by whom. */
enum dp_local {
    DP_TRANSIT = 0,
    DP_LOCAL,       /* made here: ICMP */
    DP_LOCAL_ESP,   /* the outer packet of an SA: never into a tunnel again */
    DP_LOCAL_IKE,   /* an injected IKE datagram: never into the tunnel it is to set up */
    DP_LOCAL_PING,  /* an echo request of CV_CMD_PING: its drop is reported */
    DP_LOCAL_GRE,   /* the outer packet of a GRE tunnel: into SAs, but never into GRE again */
    DP_LOCAL_DUMMY, /* on its way to an SA that turns it into a dummy packet (esp_tfc.h) */
    /* From here on: an ICMP error that quotes what an SA delivered leaves by an SA, or not at all. */
    DP_LOCAL_SEALED,
    DP_LOCAL_GRE_SEALED, /* such a one in the outer packet of a GRE tunnel */
};

/* Where a packet of the hand-off ring joins the worker's loop. */
enum dp_stage {
    DP_STAGE_IP,        /* data at the IP header, not yet looked at: a reassembled datagram */
    DP_STAGE_ESP_IN,    /* ESP for an SA of this worker; data at the outer IP header */
    DP_STAGE_ROUTE,     /* data at the IP header, meta->vrf set: look the route up */
    DP_STAGE_OUT,       /* route known: meta->if_out and next_hop */
    DP_STAGE_FRAME,     /* a finished frame for meta->port */
    DP_STAGE_DUMMY,     /* becomes a dummy packet of the outbound SA in slot if_out, if spi is its SPI */
    DP_STAGE_PIECE,     /* a fragment for this worker's table, and then DP_STAGE_IP */
    DP_STAGE_GRE_PIECE, /* ... and then DP_STAGE_GRE */
    DP_STAGE_GRE,       /* what an SA of a GRE tunnel delivered in fragments, put together */
};

/* What the manager is asked for with a packet of the slow ring. */
enum dp_slow {
    DP_SLOW_ARP,       /* data at the Ethernet header */
    DP_SLOW_ASK,       /* next hop unknown: ask, and drop it: it cannot wait, and has no data any more */
    DP_SLOW_LOCAL,     /* for this host: ICMP, ND; data at the IP header */
    DP_SLOW_RESOLVE,   /* next hop unknown: keep it and ask */
    DP_SLOW_ICMP,      /* send the ICMP error in meta about it, then drop it */
    DP_SLOW_PING_LOST, /* an echo request of ours was dropped: meta->drop says why */
};

static inline bool dp_local_is_sealed(uint8_t made)
{
    return made >= DP_LOCAL_SEALED;
}
static inline bool dp_local_is_gre(uint8_t made)
{
    return made == DP_LOCAL_GRE || made == DP_LOCAL_GRE_SEALED;
}

static inline struct dp_meta *dp_meta(struct rte_mbuf *m)
{
    return (struct dp_meta *)rte_mbuf_to_priv(m);
}

/* VRF, family and maker of a packet as one value: packets that differ in none of them. */
static inline uint32_t dp_meta_kind(const struct dp_meta *meta)
{
    uint32_t kind;
    memcpy(&kind, &meta->vrf, sizeof kind);
    return kind;
}
static_assert(offsetof(struct dp_meta, local_out) - offsetof(struct dp_meta, vrf) == 3, "one value");

#endif
