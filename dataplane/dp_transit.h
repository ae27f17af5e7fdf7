/* dp_transit: the second half of the worker's loop: route lookup, delivery to this host, tunnel interfaces,
 * MTU and TTL, the outer route, and the frame that leaves.
 *
 * Fails closed: a packet routed to a tunnel interface leaves encrypted by one of its SAs, or not at all.
 * Tunnels are route-based: what comes in clear from a wire is forwarded by its destination alone, whatever its
 * source; the inbound policy check of RFC 4301 5.2 is made for what comes through an SA (its selectors, and
 * the VRF of its tunnel). A gateway that must refuse clear packets keeps the inside in a VRF of its own, or has a
 * crypto map on the port: its policy is asked both ways (dp_protect.h).
 *
 * Each function takes ownership of the packet. The worker's own lcore only. */
#ifndef DATAPLANE_DP_TRANSIT_H
#define DATAPLANE_DP_TRANSIT_H

#include "dataplane/dp_worker.h"
#include "dataplane/ip/ip_frag.h"

#include <rte_ether.h>
#include <string.h>

/* Data at the IP header; meta->vrf, family, local_out set. */
void dp_route_packet(struct dp_worker *w, struct rte_mbuf *m);
/* To be sent by SA s of the tunnel or flow: TTL and MTU, then it joins what waits for encryption. by_address: what led here were
 * the packet's addresses alone, so that others of the same ends may follow the short way. */
void dp_into_sa(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel,
                const struct dp_tunnel_sa *s, bool by_address);
/* Joins what waits for encryption with sa. */
static inline void dp_encapsulate_later(struct dp_worker *w, struct rte_mbuf *m, struct esp_out_sa *sa);
/* Where packets to dst go, in the VRF and family of meta; valid for this burst. */
const struct dp_hop *dp_hop_find(struct dp_worker *w, const struct dp_meta *meta, const uint8_t *dst);
/* A neighbour that packets go to is asked for again before it is forgotten. Any worker. */
static inline void dp_nbr_used(struct ip_nbr *nbr)
{
    if (!__atomic_load_n(&nbr->in_use, __ATOMIC_RELAXED))
        __atomic_store_n(&nbr->in_use, 1, __ATOMIC_RELAXED);
}

/* The 14 octets of the Ethernet header to the neighbour, of a packet of the family. */
static inline void dp_ether_write(uint8_t *frame, const struct ip_if *out, const struct ip_nbr *nbr,
                                  uint8_t family)
{
    const uint16_t type = rte_cpu_to_be_16(family == IP_V4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
    memcpy(frame, nbr->mac, 6);
    memcpy(frame + 6, out->mac, 6);
    memcpy(frame + 12, &type, 2);
}

/* Puts an Ethernet header that is ready in front; there is headroom for it. */
static inline void dp_ether_put(struct rte_mbuf *m, const uint8_t ether[RTE_ETHER_HDR_LEN])
{
    m->data_off = (uint16_t)(m->data_off - RTE_ETHER_HDR_LEN);
    m->data_len = (uint16_t)(m->data_len + RTE_ETHER_HDR_LEN);
    m->pkt_len += RTE_ETHER_HDR_LEN;
    memcpy(rte_pktmbuf_mtod(m, uint8_t *), ether, RTE_ETHER_HDR_LEN);
}

/* Puts the Ethernet header to the neighbour in front; there is headroom for it. Counts nothing. */
void dp_link_header(struct rte_mbuf *m, const struct ip_if *out, struct ip_nbr *nbr);
/* What a packet has to pass before it leaves: TTL, lowered unless it was made here (false: it expired, and is gone); may
 * it be cut (IPv4 with DF, and IPv6 that others sent, must not be); its fragments of at most mtu octets (it is gone
 * then; 0: it was dropped instead, and lost at interface if_id). */
CV_MUST_USE bool dp_lower_ttl(struct dp_worker *w, struct rte_mbuf *m);
bool dp_may_fragment(const struct rte_mbuf *m);
CV_MUST_USE unsigned dp_cut(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu,
                            struct rte_mbuf *pieces[IP_FRAG_MAX], uint32_t if_id);
/* Encrypts what waits for it and routes the outer packets. */
void dp_encapsulate(struct dp_worker *w);
/* n <= ESP_CHUNK packets of it, in one mbuf each. */
void dp_transit_out(struct dp_worker *w, struct rte_mbuf **pkts, struct esp_out_sa **sas, unsigned n);
/* Ends that no packet of others may have (dp_martian.h), a source that is this host's among them. */
bool dp_is_martian(struct dp_worker *w, const struct dp_meta *meta, const uint8_t *src, const uint8_t *dst);
/* Multicast, broadcast and link-local destinations are never forwarded: this link's own affairs. */
static inline bool dp_link_affair(const struct rte_mbuf *m, uint8_t family)
{
    const uint8_t *dst = ip_dst(m, family);
    if (family == IP_V4)
        return dst[0] >= 224;
    return dst[0] == 0xff || (dst[0] == 0xfe && (dst[1] & 0xc0) == 0x80);
}
/* A packet the manager kept for a neighbour: meta->if_out and next_hop say where it goes. */
void dp_link_out_known(struct dp_worker *w, struct rte_mbuf *m);
/* A finished frame. */
static inline void dp_frame_out(struct dp_worker *w, struct rte_mbuf *m, unsigned port);
/* The same where the port is another worker's, or the transmit vector is full. */
void dp_frame_out_else(struct dp_worker *w, struct rte_mbuf *m, unsigned port);
/* Ends a burst: transmit vectors and hand-off vectors. */
void dp_transmit(struct dp_worker *w);

static inline void dp_frame_out(struct dp_worker *w, struct rte_mbuf *m, unsigned port)
{
    struct dp_txq *q = &w->txq[port];
    if (likely(q->owner == w->id && q->count < IO_BURST))
        q->pkts[q->count++] = m;
    else
        dp_frame_out_else(w, m, port);
}

static inline void dp_encapsulate_later(struct dp_worker *w, struct rte_mbuf *m, struct esp_out_sa *sa)
{
    w->out_sas[w->out_count] = sa;
    w->out_pkts[w->out_count++] = m;
    if (unlikely(w->out_count == ESP_BURST_MAX))
        dp_encapsulate(w);
}

#endif
