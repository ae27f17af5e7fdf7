/* ip_classify: the bounds-checked look at a received packet, before anything else reads it.
 *
 * Checks Ethernet type, IP header lengths and checksum, the chain of IPv6 extension headers, and UDP
 * lengths; fills the packet's dp_meta (family, proto, l3_len, l3_total, ports, frag, spi, udp_encap, drop).
 * ip_classify_plain does so for the common frame at once, and leaves all others to ip_classify_frame.
 * Any thread; nothing is kept. */
#ifndef DATAPLANE_IP_IP_CLASSIFY_H
#define DATAPLANE_IP_IP_CLASSIFY_H

#include "dataplane/dp_meta.h"
#include "dataplane/ip/ip_csum.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <stdbool.h>
#include <string.h>

enum { IP_PORT_IKE = 500, IP_PORT_NATT = 4500 };

enum ip_class {
    IP_CLASS_DROP,  /* meta->drop says why */
    IP_CLASS_CHAIN, /* a frame in several mbufs, not looked at: ip_classify_chain, ip_chain.h */
    IP_CLASS_ARP,   /* data still at the Ethernet header */
    IP_CLASS_IP,    /* data at the IP header, link padding cut off */
    IP_CLASS_ESP,   /* the same, and it is ESP (meta->spi), plain or in UDP to port 4500 */
    IP_CLASS_AH,    /* the same, and it is AH (meta->spi) */
};

/* m: data at the Ethernet header. mac: of the receiving port (6 octets). A unicast frame to
 * another station is dropped (OTHER_HOST), and so is unicast IP in a group frame (RFC 1812 5.3.4). */
enum ip_class ip_classify_frame(struct rte_mbuf *m, const uint8_t *mac);
/* The same of a frame in several mbufs, whose lengths may say anything: of one that is sound (dp_chain.h), and whose first mbuf shows what anything on the way asks of
 * a packet: an IP header without options or extension headers, of a protocol that has no more than ports to be asked for, and
 * DP_CHAIN_SHOWN octets behind it. True: *class is what ip_classify_frame would say of the frame in one mbuf, m ends with the IP packet, and has no empty
 * segments: one is left where that is enough. False: nothing has been changed; it is to be joined first (ip_chain.h). */
CV_MUST_USE bool ip_classify_chain(struct rte_mbuf *m, const uint8_t *mac, enum ip_class *class);
/* m: one segment, data at the IP header. */
enum ip_class ip_classify_ip(struct rte_mbuf *m);

/* What the frames of a burst from one port have in common. */
struct ip_arrival {
    uint64_t station; /* the port's MAC address as the first 6 of 8 octets, the others zero */
    uint32_t if_id;
    uint16_t vrf;
};

static inline struct ip_arrival ip_arrival_of(const uint8_t mac[6], uint32_t if_id, uint16_t vrf)
{
    struct ip_arrival a = {.if_id = if_id, .vrf = vrf};
    memcpy(&a.station, mac, RTE_ETHER_ADDR_LEN);
    return a;
}

/* An IPv4 packet without options, whole and sound, with at least 8 octets behind its header, in a unicast frame for the
 * port; not AH, nor UDP to the NAT traversal port. True: *class and everything in m and its meta is as ip_classify_frame would
 * have it, and meta's if_in, vrf and local_out (transit) are set, too. False: nothing has been changed; ask that. */
static inline bool ip_classify_plain(struct rte_mbuf *m, const struct ip_arrival *a, enum ip_class *class)
{
    enum { HEADER = 20, UPPER = 8, PLAIN = RTE_ETHER_HDR_LEN + HEADER + UPPER };
    /* Ethernet type, version and header length as they stand in memory, and what follows them there. */
    const uint64_t plain = 0x450008, plain_mask = 0xffffff, station_mask = UINT64_C(0xffffffffffff);
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + RTE_ETHER_HDR_LEN;
    uint64_t station, start, upper;
    uint16_t frag;
    if (unlikely(m->nb_segs != 1 || m->data_len < PLAIN))
        return false;
    memcpy(&station, frame, sizeof station);
    memcpy(&start, ip - 2, sizeof start);
    memcpy(&frag, ip + 6, sizeof frag);
    memcpy(&upper, ip + HEADER, sizeof upper);
    const uint32_t total = __builtin_bswap32((uint32_t)(start >> 32)) >> 16,
                   have = m->data_len - (uint32_t)RTE_ETHER_HDR_LEN;
    if (unlikely(((station ^ a->station) & station_mask) | ((start ^ plain) & plain_mask) |
                 (frag & RTE_BE16(0x3fff))))
        return false;
    if (unlikely(total < HEADER + UPPER || total > have || !ip_sum_good_20(ip)))
        return false;
    if (unlikely(ip[12] == 127 || ip[12] >= 224 || ip[16] == 127)) /* RFC 1812 5.3.7 */
        return false;

    /* All of them 32 bits wide: a spilled octet that is read back as a word waits for the store buffer. */
    const uint32_t proto = ip[9];
    uint32_t spi = 0, ports = 0;
    if (proto == IP_PROTO_ESP) {
        spi = __builtin_bswap32((uint32_t)upper);
    } else if (proto == IP_PROTO_UDP) {
        const uint32_t len = __builtin_bswap32((uint32_t)(upper >> 32)) >> 16;
        ports = __builtin_bswap32((uint32_t)upper); /* source, destination */
        if (unlikely(len < UPPER || len > total - HEADER || (ports & 0xffff) == IP_PORT_NATT))
            return false;
        ports = ports << 16 | ports >> 16;
    } else if (unlikely(proto == IP_PROTO_AH)) {
        return false;
    }
    *class = proto == IP_PROTO_ESP ? IP_CLASS_ESP : IP_CLASS_IP;

    struct dp_meta *meta = dp_meta(m);
    const uint64_t word = a->vrf | (uint64_t)IP_V4 << 16 | (uint64_t)DP_TRANSIT << 24 |
                          (uint64_t)HEADER << 32 | (uint64_t)proto << 48; /* vrf to udp_encap */
    meta->if_in = a->if_id;
    memcpy(&meta->vrf, &word, sizeof word);
    meta->spi = spi;
    meta->drop = CV_DROP_NONE;
    meta->stage = 0;
    meta->slow = 0;
    meta->frag = 0;
    memcpy(&meta->l4_src, &ports, sizeof ports); /* and l4_dst */
    meta->l3_total = (uint16_t)total;
    m->data_off = (uint16_t)(m->data_off + RTE_ETHER_HDR_LEN);
    m->data_len = (uint16_t)total;
    m->pkt_len = total;
    return true;
}
static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN &&
                  offsetof(struct dp_meta, l4_dst) == offsetof(struct dp_meta, l4_src) + 2,
              "the words above");

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
