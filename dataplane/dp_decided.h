/* dp_decided: what was decided for packets of one flow, by the policy of a port and by routing behind it, kept from burst to burst.
 *
 * Who is asked by a policy is asked by all that rows and SAs may name: VRF, maker, addresses, protocol, ports. A packet that came through
 * (dp_protect.h, dp_route_packet) leaves behind where it went: into which SA, or in clear by which port and to whom; and of one that came in
 * in clear, that its port let it in. The next one of which all these are the same goes there, as long as no table has changed
 * (dp_rcu_changes): each decision is one that the policy in force took for just such a packet. A drop is never kept.
 *
 * Kept are flows of TCP, UDP, UDP-Lite, SCTP, DCCP, GRE and ESP alone, without IPv4 options, IPv6 extension headers or fragmentation, so that nothing
 * but the first four octets behind the IP header is read of them. What may differ from packet to packet is looked at for each: length, TTL,
 * headroom, and of what has not been classified its header's soundness. ICMP, whose errors go by what they quote, goes the whole way.
 *
 * One table of DP_DECISIONS for each worker: a flow has one place in it, found by a keyed hash; who comes later takes it. Whoever makes up flows
 * turns others out, which then go the whole way, as all did before; nothing grows and nothing is searched. Where bursts are mostly of flows that
 * are not known, the table is left alone for DP_DECIDED_PAUSE of them, and then tried again: that costs those who come for the first time, and all
 * when there are more flows than places, little.
 *
 * The worker's own lcore only. */
#ifndef DATAPLANE_DP_DECIDED_H
#define DATAPLANE_DP_DECIDED_H

#include "dataplane/dp_drop.h"
#include "dataplane/dp_transit.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_hash.h"
#include "dataplane/ip/ip_mss.h"
#include "dataplane/ip/ip_ttl.h"
#include "dataplane/ip/ip_udp.h"

enum {
    DP_DECISIONS = 4096,
    DP_DECIDED_VAIN = 4,   /* bursts that are tried in vain before */
    DP_DECIDED_PAUSE = 64, /* so many are left alone */
    DP_DECIDED_BURST = 16, /* of fewer packets nothing is concluded */
};

/* Of whom it was decided. */
struct dp_decided_key {
    uint64_t ends;    /* IPv4: source and destination; IPv6: the first 8 octets of the source */
    uint64_t more[3]; /* IPv6: the others; not set of IPv4 */
    uint32_t kind;    /* dp_meta_kind: VRF, family, who made it */
    uint32_t upper;   /* the first four octets behind the IP header */
    uint32_t by;      /* the interface that was asked to let it in; 0: where it goes on to */
    uint32_t proto;
};

/* One line of the cache for IPv4, two for IPv6. */
struct dp_decision {
    uint64_t changes; /* of tables, as they were when it was taken; 0: none is kept here */
    uint64_t ends;
    uint32_t kind, upper, by;
    uint32_t mtu;   /* longer packets go the whole way */
    uint32_t if_id; /* out by; the flow's */
    uint8_t proto;
    bool transit : 1;    /* others': TTL is lowered */
    bool by_address : 1; /* what led here were the addresses alone (dp_flow.h): of those that go into an SA */
    uint16_t port, tcp_mss;
    uint8_t ether[14];
    struct esp_out_sa *sa; /* NULL: out of the port, with the Ethernet header */
    uint64_t more[3];
} __rte_aligned(2 * RTE_CACHE_LINE_SIZE);
static_assert(offsetof(struct dp_decision, more) == RTE_CACHE_LINE_SIZE, "one line for IPv4");

struct dp_decided {
    struct ip_hash_key hash;
    uint64_t mask; /* places in use less one; a test has fewer, so that flows meet */
    struct dp_decision at[DP_DECISIONS];
};

/* NULL: no memory, or no random octets. */
struct dp_decided *dp_decided_new(int socket);
void dp_decided_free(struct dp_decided *d);

/* A flow's packet goes into the SA, that takes inner packets of up to mtu octets; it leaves by `out`, to nbr, mtu octets at most, both by the word
 * of a policy; the policy of the port that it came in by lets it in. m: data at the IP header, classified (ip_classify), sound. What is not of a kind
 * that is kept is passed over. */
void dp_decided_keep_sa(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *flow,
                        struct esp_out_sa *sa, uint32_t mtu, bool by_address);
void dp_decided_keep_port(struct dp_worker *w, const struct rte_mbuf *m, const struct ip_if *out,
                          const struct ip_nbr *nbr, uint16_t mtu);
void dp_decided_keep_in(struct dp_worker *w, const struct rte_mbuf *m);

/* A burst of n packets is done: is it worth while? */
static inline void dp_decided_judge(struct dp_worker *w, unsigned n)
{
    const unsigned kept = w->decided_kept;
    w->decided_kept = 0;
    if (unlikely(w->decided_pause)) {
        w->decided_pause--;
    } else if (likely(2 * kept <= n)) {
        w->decided_vain = 0;
    } else if (n >= DP_DECIDED_BURST && ++w->decided_vain >= DP_DECIDED_VAIN) {
        w->decided_pause = DP_DECIDED_PAUSE;
        w->decided_changes = 0; /* until something is kept again nobody looks */
    }
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */
enum { DP_DECIDED_OPTIONS = 0x45, DP_DECIDED_UPPER = 4, DP_DECIDED_V4 = 20, DP_DECIDED_V6 = 40 };

/* What an IP header of m says, which ip_classify may have looked at (`sound`). False: it is no packet of which anything is kept. What it says
 * of others' soundness is no less than what ip_classify_ip does. */
static __rte_always_inline bool dp_decided_read4(const struct rte_mbuf *m, bool sound,
                                                 struct dp_decided_key *key)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    uint16_t total, frag, udp_len;
    memcpy(&frag, ip + 6, sizeof frag);
    if (unlikely(m->data_len < DP_DECIDED_V4 + IP_UDP_HEADER) || unlikely(ip[0] != DP_DECIDED_OPTIONS) ||
        unlikely(frag & RTE_BE16(0x3fff)))
        return false;
    key->proto = ip[9];
    memcpy(&key->ends, ip + 12, sizeof key->ends);
    memcpy(&key->upper, ip + DP_DECIDED_V4, sizeof key->upper);
    if (sound)
        return true;
    memcpy(&total, ip + 2, sizeof total);
    memcpy(&udp_len, ip + DP_DECIDED_V4 + 4, sizeof udp_len);
    udp_len = rte_be_to_cpu_16(udp_len);
    return likely(rte_be_to_cpu_16(total) == m->data_len) && likely(ip_sum_good_20(ip)) &&
           (key->proto != IP_PROTO_UDP ||
            (udp_len >= IP_UDP_HEADER && udp_len <= m->data_len - DP_DECIDED_V4));
}

static __rte_always_inline bool dp_decided_read6(const struct rte_mbuf *m, bool sound,
                                                 struct dp_decided_key *key)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    uint16_t len, udp_len;
    if (unlikely(m->data_len < DP_DECIDED_V6 + IP_UDP_HEADER) || unlikely(ip[0] >> 4 != 6))
        return false;
    key->proto = ip[6]; /* of none that is kept it is an extension header */
    memcpy(&key->ends, ip + 8, sizeof key->ends);
    memcpy(key->more, ip + 16, sizeof key->more);
    memcpy(&key->upper, ip + DP_DECIDED_V6, sizeof key->upper);
    if (sound)
        return true;
    memcpy(&len, ip + 4, sizeof len);
    memcpy(&udp_len, ip + DP_DECIDED_V6 + 4, sizeof udp_len);
    udp_len = rte_be_to_cpu_16(udp_len);
    return likely(rte_be_to_cpu_16(len) + DP_DECIDED_V6 == m->data_len) &&
           (key->proto != IP_PROTO_UDP ||
            (udp_len >= IP_UDP_HEADER && udp_len <= m->data_len - DP_DECIDED_V6));
}

static __rte_always_inline bool dp_decided_read(const struct rte_mbuf *m, const struct dp_meta *meta,
                                                uint32_t by, bool sound, struct dp_decided_key *key)
{
    key->kind = dp_meta_kind(meta);
    key->by = by;
    if (unlikely(m->nb_segs != 1))
        return false;
    return likely(meta->family == IP_V4) ? dp_decided_read4(m, sound, key) : dp_decided_read6(m, sound, key);
}

static __rte_always_inline struct dp_decision *dp_decided_at(struct dp_decided *d,
                                                             const struct dp_decided_key *key, uint8_t family)
{
    const uint64_t *k = d->hash.k;
    const uint64_t word =
        ((uint64_t)key->kind << 32 | key->upper) ^ (uint64_t)key->by << 40 ^ (uint64_t)key->proto << 56;
    uint64_t h = ip_hash_mix(key->ends ^ k[0], word ^ k[1]);
    if (unlikely(family != IP_V4)) {
        h = ip_hash_mix(h ^ key->more[0] ^ k[1], key->more[1] ^ k[0]);
        h = ip_hash_mix(h ^ k[0], key->more[2] ^ k[1]);
    }
    return &d->at[h & d->mask];
}

static __rte_always_inline bool dp_decided_is(const struct dp_decision *d, const struct dp_decided_key *key,
                                              uint64_t changes, uint8_t family)
{
    if (d->changes != changes || d->ends != key->ends || d->kind != key->kind || d->upper != key->upper ||
        d->by != key->by || d->proto != key->proto)
        return false;
    return likely(family == IP_V4) ||
           (d->more[0] == key->more[0] && d->more[1] == key->more[1] && d->more[2] == key->more[2]);
}

/* What was decided for a packet like m; NULL: nothing that is known. sound: ip_classify has looked at m as it is. */
static __rte_always_inline const struct dp_decision *dp_decided_of(const struct dp_worker *w,
                                                                   const struct rte_mbuf *m,
                                                                   const struct dp_meta *meta, uint32_t by,
                                                                   bool sound)
{
    struct dp_decided_key key;
    if (w->decided_changes != w->changes + 1 || !dp_decided_read(m, meta, by, sound, &key))
        return NULL;
    const struct dp_decision *d = dp_decided_at(w->decided, &key, meta->family);
    return dp_decided_is(d, &key, w->changes, meta->family) ? d : NULL;
}

/* Where packets like m go on to, if m may go there at once. */
static __rte_always_inline const struct dp_decision *
dp_decided_way(const struct dp_worker *w, const struct rte_mbuf *m, const struct dp_meta *meta, bool sound)
{
    const struct dp_decision *d = dp_decided_of(w, m, meta, 0, sound);
    if (!d || unlikely(m->pkt_len > d->mtu) || unlikely(m->data_off < RTE_ETHER_HDR_LEN) ||
        (d->transit && unlikely(ip_ttl_of(rte_pktmbuf_mtod(m, const uint8_t *), meta->family) <= 1)))
        return NULL;
    return d;
}

/* Takes ownership: m goes there. */
static inline void dp_decided_send(struct dp_worker *w, struct rte_mbuf *m, const struct dp_meta *meta,
                                   const struct dp_decision *d)
{
    if (d->transit)
        ip_ttl_lower(rte_pktmbuf_mtod(m, uint8_t *), meta->family);
    if (unlikely(d->tcp_mss))
        ip_mss_clamp(m, d->tcp_mss);
    dp_count(&w->if_stats[d->if_id].tx_packets, 1);
    dp_count(&w->if_stats[d->if_id].tx_bytes, m->pkt_len);
    if (d->sa) {
        dp_encapsulate_later(w, m, d->sa);
        return;
    }
    dp_ether_put(m, d->ether);
    dp_frame_out(w, m, d->port);
}

/* Did the policy of the port that m came in by let a packet like m in? m: classified. */
static inline bool dp_decided_in(const struct dp_worker *w, const struct rte_mbuf *m,
                                 const struct dp_meta *meta)
{
    return dp_decided_of(w, m, meta, meta->if_in, true) != NULL;
}

#endif
