/* dp_chain: the octets of a packet in several mbufs: is the chain what it says, does its first mbuf show enough, its end cut off, and the last mbuf.
 *
 * What a chain says of its lengths is checked once, where it is received (ip_classify_chain); what is here relies on it. Any thread. */
#ifndef DATAPLANE_DP_CHAIN_H
#define DATAPLANE_DP_CHAIN_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

/* Segments of a chain that goes its way as it is. Longer ones are joined: what each of them costs is bounded. */
enum { DP_CHAIN_MAX = 48 };

/* As many segments as it says, with as many octets in all, each of them within its buffer, which is this packet's alone to write to. */
static inline bool dp_chain_sound(const struct rte_mbuf *m)
{
    uint64_t octets = 0;
    unsigned n = 0;
    const struct rte_mbuf *s;
    for (s = m; s && n < DP_CHAIN_MAX; s = s->next, n++) {
        if (!RTE_MBUF_DIRECT(s) || rte_mbuf_refcnt_read(s) != 1 ||
            (uint32_t)s->data_off + s->data_len > s->buf_len)
            return false;
        octets += s->data_len;
    }
    return !s && n == m->nb_segs && octets == m->pkt_len;
}

static inline struct rte_mbuf *dp_chain_last(struct rte_mbuf *m)
{
    while (m->next)
        m = m->next;
    return m;
}

/* Keeps the first len octets, of which there are so many, and frees segments in which there are none; the first one stays. */
static inline void dp_chain_trim(struct rte_mbuf *m, uint32_t len)
{
    uint32_t left = len;
    struct rte_mbuf *before = m;
    m->pkt_len = len;
    m->nb_segs = 1;
    m->data_len = (uint16_t)RTE_MIN(left, (uint32_t)m->data_len);
    left -= m->data_len;
    for (struct rte_mbuf *s = m->next, *next; s; s = next) {
        next = s->next;
        const uint32_t keep = RTE_MIN(left, (uint32_t)s->data_len);
        left -= keep;
        if (keep == 0) {
            rte_pktmbuf_free_seg(s);
            continue;
        }
        s->data_len = (uint16_t)keep;
        before->next = s;
        before = s;
        m->nb_segs++;
    }
    before->next = NULL;
}

enum { DP_CHAIN_SHOWN = 16 /* a UDP header, and the SPI behind it; TCP's ports and flags */ };

/* UDP, ESP, TCP, GRE, SCTP, UDP-Lite: nothing on the way asks such a packet for more than ports and an SPI. */
static inline bool dp_chain_shows_all(uint8_t proto)
{
    return proto == 17 || proto == 50 || proto == 6 || proto == 47 || proto == 132 || proto == 136;
}

/* Are `have` octets at an IP header all of it that anything on the way looks at? Without options, extension headers or a fragment's marks, with DP_CHAIN_SHOWN octets behind it. */
static inline bool dp_chain_shows(const uint8_t *ip, uint32_t have)
{
    enum { V4 = 20, V6 = 40, V4_PLAIN = 0x45, MORE = 0x20, OFFSET = 0x1f };
    if (have >= V4 + DP_CHAIN_SHOWN && ip[0] == V4_PLAIN)
        return !(ip[6] & (MORE | OFFSET)) && ip[7] == 0 && dp_chain_shows_all(ip[9]);
    return have >= V6 + DP_CHAIN_SHOWN && ip[0] >> 4 == 6 && dp_chain_shows_all(ip[6]);
}

#endif
