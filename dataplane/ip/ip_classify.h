/* ip_classify: the bounds-checked look at a received packet, before anything else reads it.
 *
 * Checks Ethernet type, IP header lengths and checksum, the chain of IPv6 extension headers, and UDP
 * lengths; fills the packet's dp_meta (family, proto, l3_len, l3_total, ports, frag, spi, udp_encap).
 * Any thread; nothing is kept. */
#ifndef DATAPLANE_IP_IP_CLASSIFY_H
#define DATAPLANE_IP_IP_CLASSIFY_H

#include "dataplane/dp_meta.h"

#include <stdbool.h>
#include <string.h>

enum { IP_PORT_IKE = 500, IP_PORT_NATT = 4500, IP_EXT_HEADERS_MAX = 8, IP_NEXT_FRAGMENT = 44 };

enum ip_class {
    IP_CLASS_DROP,  /* meta->drop says why */
    IP_CLASS_CHAIN, /* a frame in several mbufs, not looked at: ip_chain.h */
    IP_CLASS_ARP,   /* data still at the Ethernet header */
    IP_CLASS_IP,    /* data at the IP header, link padding cut off */
    IP_CLASS_ESP,   /* the same, and it is ESP (meta->spi), plain or in UDP to port 4500 */
};

/* m: data at the Ethernet header. mac: of the receiving port (6 octets). A unicast frame to
 * another station is dropped (OTHER_HOST), and so is unicast IP in a group frame (RFC 1812 5.3.4). */
enum ip_class ip_classify_frame(struct rte_mbuf *m, const uint8_t *mac);
/* m: one segment, data at the IP header. */
enum ip_class ip_classify_ip(struct rte_mbuf *m);

/* Views of the header at the data start, after classification. */
static inline const uint8_t *ip_src(const struct rte_mbuf *m, uint8_t family)
{
    return rte_pktmbuf_mtod_offset(m, const uint8_t *, family == IP_V4 ? 12 : 8);
}
static inline const uint8_t *ip_dst(const struct rte_mbuf *m, uint8_t family)
{
    return rte_pktmbuf_mtod_offset(m, const uint8_t *, family == IP_V4 ? 16 : 24);
}
static inline size_t ip_family_len(uint8_t family)
{
    return family == IP_V4 ? 4 : 16;
}

/* Of 4 or 16 octets; without a call, which memcmp of a varying length is. */
static inline bool ip_same_addr(const uint8_t *a, const uint8_t *b, uint8_t family)
{
    uint64_t high_a, low_a, high_b, low_b;
    if (family == IP_V4) {
        uint32_t p, q;
        memcpy(&p, a, 4);
        memcpy(&q, b, 4);
        return p == q;
    }
    memcpy(&high_a, a, 8);
    memcpy(&low_a, a + 8, 8);
    memcpy(&high_b, b, 8);
    memcpy(&low_b, b + 8, 8);
    return ((high_a ^ high_b) | (low_a ^ low_b)) == 0;
}

#endif
