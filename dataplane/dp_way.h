/* dp_way: what a packet that went the whole way found out, for others like it: what their headers must be like, which SA they are for, and how they
 * leave. Runs (dp_run.h) and groups (dp_group.h) are made of packets that have one.
 *
 * Internal to those two. The worker's own lcore only. */
#ifndef DATAPLANE_DP_WAY_H
#define DATAPLANE_DP_WAY_H

#include "dataplane/dp_drop.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_worker.h"
#include "dataplane/esp/esp_run.h"
#include "dataplane/ip/ip_ttl.h"

#include <rte_ether.h>
#include <rte_prefetch.h>
#include <rte_vect.h>

enum {
    DP_WAY_V4 = 20,   /* octets of an IPv4 header */
    DP_WAY_V6 = 40,   /* ... of an IPv6 header */
    DP_WAY_UPPER = 8, /* ... behind it that are looked at */
};

/* ---- headers that are alike ---------------------------------------------------------------------------------- */
/* What is behind their IP headers, as far as it is looked at. */
enum dp_way_kind {
    DP_WAY_PLAIN,
    DP_WAY_UDP,
    DP_WAY_ESP,
    DP_WAY_NATT,   /* ESP in UDP (RFC 3948) */
    DP_WAY_PLAIN6, /* IPv6, and so are those below: dp_way6.h compares them */
    DP_WAY_UDP6,
    DP_WAY_ESP6,
};

/* Of packets out of an SA, which have numbers. */
static __rte_always_inline bool dp_way_has_numbers(enum dp_way_kind kind)
{
    return kind == DP_WAY_ESP || kind == DP_WAY_NATT || kind == DP_WAY_ESP6;
}

/* What the frames of a run have in common, as it stands in memory: of the frame's first 16 octets, and of the 16 from the IP header's identification
 * on, those that may differ left out (dp_front_differs). */
struct dp_front {
    uint8_t
        link[16]; /* destination, source (left out), Ethernet type, version and length of the header, TOS */
    uint8_t ip
        [16]; /* identification (left out), fragment, TTL, protocol, checksum (left out), source and destination; IPv6: source */
    uint64_t rearm; /* of the mbuf: data offset, reference count, segments, port */
    uint32_t
        sum; /* of the IP header's words that are the same; IPv6: next header and hop limit, as they stand there */
    uint32_t spi; /* of ESP, as it stands in the packet */
    uint16_t buf_len;
    uint16_t span;  /* of lengths; not dp_front_of's, nor is */
    uint16_t if_in; /* what they come in by */
    uint16_t natt;  /* the source port of UDP that ESP is in, as it stands there; 0: none */
};
static_assert(offsetof(struct rte_mbuf, port) + sizeof(uint16_t) - offsetof(struct rte_mbuf, data_off) == 8,
              "one word");

static inline uint64_t dp_load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t dp_load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t dp_load16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t dp_rearm_of(const struct rte_mbuf *m)
{
    return dp_load64((const uint8_t *)m + offsetof(struct rte_mbuf, data_off));
}

enum { DP_FRONT_IP = 4 /* octets of the IP header in front of `ip` */ };

static inline uint64_t dp_front_ends(const struct dp_front *f)
{
    return dp_load64(f->ip + 12 - DP_FRONT_IP);
}
static inline bool dp_front_is_v6(const struct dp_front *f)
{
    return dp_load16(f->link + 12) == RTE_BE16(RTE_ETHER_TYPE_IPV6);
}
static inline uint32_t dp_front_header(const struct dp_front *f)
{
    return dp_front_is_v6(f) ? DP_WAY_V6 : DP_WAY_V4;
}
static inline uint8_t dp_front_ttl(const struct dp_front *f)
{
    return dp_front_is_v6(f) ? (uint8_t)(f->sum >> 8) : f->ip[8 - DP_FRONT_IP];
}
static inline uint8_t dp_front_proto(const struct dp_front *f)
{
    return dp_front_is_v6(f) ? (uint8_t)f->sum : f->ip[9 - DP_FRONT_IP];
}
/* Of one that has nothing to do with ESP, or is on its way elsewhere. */
static inline enum dp_way_kind dp_front_kind_in_clear(const struct dp_front *f)
{
    const bool udp = dp_front_proto(f) == IP_PROTO_UDP;
    return dp_front_is_v6(f) ? udp ? DP_WAY_UDP6 : DP_WAY_PLAIN6 : udp ? DP_WAY_UDP : DP_WAY_PLAIN;
}
static inline enum dp_way_kind dp_front_kind(const struct dp_front *f)
{
    return dp_front_proto(f) == IP_PROTO_ESP ? dp_front_is_v6(f) ? DP_WAY_ESP6 : DP_WAY_ESP
           : f->natt                         ? DP_WAY_NATT
                                             : dp_front_kind_in_clear(f);
}
/* ESP, whether in UDP or not. */
static inline bool dp_front_is_esp(const struct dp_front *f)
{
    return dp_front_proto(f) == IP_PROTO_ESP || f->natt;
}

/* Is there ESP in UDP behind the IPv4 header without options at ip, and no zero where the SPI stands (RFC 3948 2.2)? What is read is in any mbuf,
 * if not of the packet. */
static __rte_always_inline bool dp_natt_at(const uint8_t *ip)
{
    return ip[9] == IP_PROTO_UDP && dp_load16(ip + DP_WAY_V4 + 2) == RTE_BE16(IP_PORT_NATT) &&
           dp_load32(ip + DP_WAY_V4 + DP_WAY_UPPER) != 0;
}

/* Of a frame of RTE_ETHER_HDR_LEN + DP_WAY_V4 octets at least. */
static __rte_always_inline bool dp_front_differs(const struct dp_front *f, const uint8_t *frame)
{
    const __m128i link = _mm_set_epi32(-1, 0, 0xffff, -1), ip = _mm_set_epi32(-1, -1, 0xffff, ~0xffff);
    const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)frame),
                  b = _mm_loadu_si128(
                      (const __m128i *)(const void *)(frame + RTE_ETHER_HDR_LEN + DP_FRONT_IP)),
                  was_a = _mm_loadu_si128((const __m128i *)(const void *)f->link),
                  was_b = _mm_loadu_si128((const __m128i *)(const void *)f->ip);
    const __m128i differs = _mm_or_si128(_mm_and_si128(_mm_xor_si128(a, was_a), link),
                                         _mm_and_si128(_mm_xor_si128(b, was_b), ip));
    return !_mm_testz_si128(differs, differs);
}

/* False: not of a kind that others follow. */
static inline bool dp_front_of(struct dp_front *f, const struct rte_mbuf *m)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + RTE_ETHER_HDR_LEN;
    if (m->nb_segs != 1 || m->data_len < RTE_ETHER_HDR_LEN + DP_WAY_V4 + DP_WAY_UPPER)
        return false;
    const bool natt = dp_natt_at(ip);
    memcpy(f->link, frame, sizeof f->link);
    memcpy(f->ip, ip + DP_FRONT_IP, sizeof f->ip);
    f->rearm = dp_rearm_of(m);
    f->buf_len = m->buf_len;
    f->natt = natt ? (uint16_t)dp_load16(ip + DP_WAY_V4) : 0;
    f->spi = dp_load32(ip + (natt ? DP_WAY_V4 + DP_WAY_UPPER : DP_WAY_V4));
    f->sum = dp_load16(ip) + dp_load16(ip + 6) + dp_load16(ip + 12) + dp_load16(ip + 14) +
             dp_load16(ip + 16) + dp_load16(ip + 18);
    /* An IPv4 header without options, no fragment; with AH it goes by SPI as well, and is rare. */
    return dp_load16(frame + 12) == RTE_BE16(RTE_ETHER_TYPE_IPV4) && ip[0] == 0x45 &&
           !(dp_load16(ip + 6) & RTE_BE16(0x3fff)) && dp_front_proto(f) != IP_PROTO_AH;
}

/* UDP has a sound length, mostly all `have` octets that there are, and is not for the port where ESP or IKE may be in it. */
static __rte_always_inline bool dp_udp_plain(const uint8_t *udp, uint32_t have)
{
    const uint32_t len = __builtin_bswap32(dp_load32(udp + 4)) >> 16;
    return dp_load16(udp + 2) != RTE_BE16(IP_PORT_NATT) &&
           (likely(len == have) || (len >= DP_WAY_UPPER && len <= have));
}

/* ESP in UDP between the same ports by the same SA, all that UDP has and more than an ESP header. */
static __rte_always_inline bool dp_natt_alike(const struct dp_front *f, const uint8_t *udp, uint32_t total)
{
    const uint32_t len = __builtin_bswap32(dp_load32(udp + 4)) >> 16;
    return dp_load32(udp) == (f->natt | (uint32_t)RTE_BE16(IP_PORT_NATT) << 16) &&
           dp_load32(udp + DP_WAY_UPPER) == f->spi && len == total - DP_WAY_V4 && len >= 2 * DP_WAY_UPPER;
}

/* A sum of the header's words, as 16 bits each or two of them together, is 0 modulo 2^16 - 1 where the checksum is right (RFC 1071), and not 0.
 * Multiples of an odd number are those that its inverse brings below what is left of the word's range. */
static __rte_always_inline bool dp_sum_sound(uint64_t sum)
{
    const uint64_t inverse = UINT64_C(0xfffefffefffeffff);
    return sum * inverse <= UINT64_MAX / 0xffff;
}

/* m's header is like the others' and sound, its length from DP_WAY_V4 + DP_WAY_UPPER on at most `span` more: *p of it. */
static __rte_always_inline bool dp_front_alike(const struct dp_front *f, const struct rte_mbuf *m,
                                               uint32_t span, enum dp_way_kind kind, struct esp_run_pkt *p)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + RTE_ETHER_HDR_LEN;
    if (unlikely(dp_rearm_of(m) != f->rearm) || unlikely(m->buf_len != f->buf_len) ||
        unlikely(dp_front_differs(f, frame)) ||
        (kind == DP_WAY_ESP && unlikely(dp_load32(ip + DP_WAY_V4) != f->spi)))
        return false;
    const uint32_t lengths = dp_load32(ip + 2), end = dp_load32(ip + 8); /* TTL, protocol, checksum */
    const uint32_t total = __builtin_bswap32(lengths) >> 16;
    if (unlikely(total - DP_WAY_V4 - DP_WAY_UPPER > span) ||
        unlikely(total + RTE_ETHER_HDR_LEN > m->data_len) ||
        unlikely(!dp_sum_sound((uint64_t)f->sum + lengths + end)))
        return false;
    if ((kind == DP_WAY_UDP && unlikely(!dp_udp_plain(ip + DP_WAY_V4, total - DP_WAY_V4))) ||
        (kind == DP_WAY_NATT && unlikely(!dp_natt_alike(f, ip + DP_WAY_V4, total))))
        return false;
    const uint32_t word = kind == DP_WAY_ESP ? __builtin_bswap32(dp_load32(ip + DP_WAY_V4 + 4))
                          : kind == DP_WAY_NATT
                              ? __builtin_bswap32(dp_load32(ip + DP_WAY_V4 + DP_WAY_UPPER + 4))
                              : ip_ttl_lowered(end);
    const uint64_t both = total | (uint64_t)word << 32; /* one store */
    memcpy(p, &both, sizeof both);
    return true;
}

/* What a leader found out: where those behind it go. */
struct dp_way {
    struct dp_front front;
    uint64_t changes; /* of tables when it set out, dp_rcu_changes(); 0: nobody has come through */

    union {
        struct esp_out_run out;
        struct esp_in_run in;
    } esp;

    const struct ip_if *tunnel; /* out of an SA */
    uint32_t spi;               /* ... its SPI */
    uint32_t through;           /* the interface whose SA it is */
    uint32_t exit_if;           /* by which they leave */
    uint16_t exit_port;

    /* dp_group's own: */
    uint64_t segment; /* the last one that it had packets in */
    uint32_t last;    /* inbound: the last number of those */
    uint32_t place;   /* 1 + set * places + which of them */
    uint8_t group;    /* in that segment */
    uint8_t state, kind;

    uint8_t far6[16]; /* IPv6: destination, which goes with `front` */
};
static_assert(offsetof(struct dp_way, esp) == RTE_CACHE_LINE_SIZE, "what is compared is one line");
static_assert(sizeof(struct dp_way) == 4 * RTE_CACHE_LINE_SIZE, "some thousand of them are near");

/* What is counted of a run at its end. */
struct dp_run {
    uint64_t frames;          /* octets received */
    uint64_t inner, accepted; /* octets inside, and packets that had them */
    uint64_t packets, left;   /* that left as the leader did, and their octets */
    uint64_t alone;           /* octets inside accepted ones that did not */
};

/* The lines of a packet that will be touched first: its headers; where an outer header and a trailer will be. */
static __rte_always_inline void dp_way_fetch(const struct rte_mbuf *m, enum dp_way_kind kind)
{
    const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
    rte_prefetch0(data);
    if (dp_way_has_numbers(kind))
        return;
    rte_prefetch0(data - RTE_CACHE_LINE_SIZE);
    rte_prefetch0(data + m->data_len);
}

static __rte_always_inline void dp_way_frames(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n,
                                              unsigned port)
{
    struct dp_txq *q = &w->txq[port];
    if (n == 1 && likely(q->count < IO_BURST)) { /* no call */
        q->pkts[q->count++] = pkts[0];
        return;
    }
    if (likely(q->count + n <= IO_BURST)) {
        memcpy(q->pkts + q->count, pkts, n * sizeof *pkts);
        q->count = (uint16_t)(q->count + n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        dp_frame_out(w, pkts[i], port);
}

/* Its packets have left: the exit's counters. */
static inline void dp_way_count(struct dp_worker *w, const struct dp_way *y, const struct dp_run *r)
{
    dp_count(&w->if_stats[y->exit_if].tx_packets, r->packets);
    dp_count(&w->if_stats[y->exit_if].tx_bytes, r->left);
}

/* The leader waits for encryption: with what it led to, and where the outer packet goes. y->front and changes are set. Takes the leader on;
 * false: nobody may follow it. */
CV_MUST_USE bool dp_way_out(struct dp_worker *w, struct dp_way *y, struct rte_mbuf *leader);
/* pkts[0..n), which the engine refused. */
void dp_way_refused(struct dp_worker *w, const struct dp_way *y, struct rte_mbuf **pkts, unsigned n);
/* The leader waits for decryption by sa: where what was inside went. */
CV_MUST_USE bool dp_way_in(struct dp_worker *w, struct dp_way *y, struct esp_in_sa *sa,
                           struct rte_mbuf *leader);
/* An accepted packet, with `len` octets inside, that does not leave as the others do: it goes on as esp_in_burst would leave it. */
void dp_way_alone(struct dp_worker *w, struct rte_mbuf *m, const struct dp_way *y, uint32_t len);
/* From `first` to `end` something is unusual: what the window and the SA say of them is asked one by one, as esp_in_burst does. Gives how many come through, at
 * the front of rest, with *bads others behind them. */
unsigned dp_way_sift(struct dp_worker *w, const struct dp_way *y, struct rte_mbuf **pkts,
                     const struct esp_run_pkt *p, unsigned first, unsigned end, const struct ip_if *in,
                     struct rte_mbuf **rest, unsigned *bads);
/* ... and they go on from there. */
void dp_way_rest(struct dp_worker *w, const struct dp_way *y, struct rte_mbuf **pkts,
                 const struct esp_run_pkt *p, unsigned first, unsigned end, const struct ip_if *in);

/* n of them are decrypted, from `at` on: those that are accepted go out. Gives how many. */
static __rte_always_inline unsigned dp_way_leave(struct dp_worker *w, struct dp_run *r,
                                                 const struct dp_way *y, struct rte_mbuf **pkts,
                                                 struct esp_run_pkt *p, unsigned at, unsigned n)
{
    const unsigned end = at + n;
    unsigned k = at;
    for (;;) {
        const unsigned good = esp_in_run_accept(&w->esp, &y->esp.in, pkts, p, k, end - k, &r->left);
        dp_way_frames(w, pkts + k, good, y->exit_port);
        r->packets += good;
        k += good;
        if (likely(k == end))
            break;
        const uint32_t len = esp_in_run_inside(&w->esp, &y->esp.in, k);
        if (len == 0)
            break;
        p[k].len = len;
        r->alone += len;
        dp_way_alone(w, pkts[k++], y, len);
    }
    return k - at;
}

#endif
