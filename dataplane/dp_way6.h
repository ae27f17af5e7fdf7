/* dp_way6: what packets of IPv6 that go one way have in common, and the same of either family.
 *
 * Internal to dp_run and dp_group, as dp_way.h. */
#ifndef DATAPLANE_DP_WAY6_H
#define DATAPLANE_DP_WAY6_H

#include "dataplane/dp_way.h"
#include "dataplane/ip/ip_ext.h"

/* Octets of a frame, 16 of them as a word. */
static __rte_always_inline __m128i dp_load128(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Octets 4 to 7 of the header: length, next header and hop limit. */
enum { DP_V6_WORD = 4, DP_V6_SRC = 8, DP_V6_DST = 24 };

/* In anything but the frame's source, flow label and payload length? A router does not look at the label (RFC 6437 3), and what an SA writes outside is not
 * made of it. */
static __rte_always_inline bool dp_front6_differs(const struct dp_way *y, const uint8_t *frame)
{
    const __m128i link = _mm_set_epi32((int)0xf0ffffff, 0, 0xffff, -1);
    const uint8_t *ip = frame + RTE_ETHER_HDR_LEN;
    const __m128i a = _mm_and_si128(_mm_xor_si128(dp_load128(frame), dp_load128(y->front.link)), link),
                  b = _mm_xor_si128(dp_load128(ip + DP_V6_SRC), dp_load128(y->front.ip)),
                  c = _mm_xor_si128(dp_load128(ip + DP_V6_DST), dp_load128(y->far6));
    const __m128i differs = _mm_or_si128(_mm_or_si128(a, b), c);
    return !_mm_testz_si128(differs, differs);
}

/* Extension headers go the long way; AH does as over IPv4. */
static inline bool dp_next6_goes(uint8_t next)
{
    return !ip_ext_is(next) && next != IP_PROTO_AH;
}

static inline bool dp_front6_of(struct dp_way *y, const struct rte_mbuf *m)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + RTE_ETHER_HDR_LEN;
    struct dp_front *f = &y->front;
    if (m->nb_segs != 1 || m->data_len < RTE_ETHER_HDR_LEN + DP_WAY_V6 + DP_WAY_UPPER || ip[0] >> 4 != 6)
        return false;
    memcpy(f->link, frame, sizeof f->link);
    memcpy(f->ip, ip + DP_V6_SRC, sizeof f->ip);
    memcpy(y->far6, ip + DP_V6_DST, sizeof y->far6);
    f->rearm = dp_rearm_of(m);
    f->buf_len = m->buf_len;
    f->natt = 0; /* ESP in UDP has a checksum over all of it (RFC 8200 8.1): it goes the long way */
    f->spi = dp_load32(ip + DP_WAY_V6);
    f->sum = dp_load32(ip + DP_V6_WORD) >> 16;
    return dp_next6_goes(dp_front_proto(f));
}

/* As dp_front_alike, of the kinds of IPv6. */
static __rte_always_inline bool dp_front6_alike(const struct dp_way *y, const struct rte_mbuf *m,
                                                uint32_t span, enum dp_way_kind kind, struct esp_run_pkt *p)
{
    const struct dp_front *f = &y->front;
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + RTE_ETHER_HDR_LEN;
    const uint32_t was = dp_load32(ip + DP_V6_WORD);
    if (unlikely(dp_rearm_of(m) != f->rearm) || unlikely(m->buf_len != f->buf_len) ||
        unlikely(dp_front6_differs(y, frame)) || unlikely(was >> 16 != f->sum) ||
        (kind == DP_WAY_ESP6 && unlikely(dp_load32(ip + DP_WAY_V6) != f->spi)))
        return false;
    const uint32_t total = (__builtin_bswap32(was) >> 16) + DP_WAY_V6;
    if (unlikely(total - DP_WAY_V6 - DP_WAY_UPPER > span) ||
        unlikely(total + RTE_ETHER_HDR_LEN > m->data_len) ||
        (kind == DP_WAY_UDP6 && unlikely(!dp_udp_plain(ip + DP_WAY_V6, total - DP_WAY_V6))))
        return false;
    const uint32_t word = kind == DP_WAY_ESP6 ? __builtin_bswap32(dp_load32(ip + DP_WAY_V6 + 4))
                                              : was - (UINT32_C(1) << 24); /* the hop limit */
    const uint64_t both = total | (uint64_t)word << 32;
    memcpy(p, &both, sizeof both);
    return true;
}

/* ---- either family ------------------------------------------------------------------------------------------- */
/* m's front, in y->front and y->far6. False: not of a kind that others follow. */
static inline bool dp_way_of(struct dp_way *y, const struct rte_mbuf *m)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    return dp_load16(frame + 12) == RTE_BE16(RTE_ETHER_TYPE_IPV6) ? dp_front6_of(y, m)
                                                                  : dp_front_of(&y->front, m);
}

static __rte_always_inline bool dp_way_alike(const struct dp_way *y, const struct rte_mbuf *m, uint32_t span,
                                             enum dp_way_kind kind, struct esp_run_pkt *p)
{
    return kind >= DP_WAY_PLAIN6 ? dp_front6_alike(y, m, span, kind, p)
                                 : dp_front_alike(&y->front, m, span, kind, p);
}

/* The same, of a kind that the compiler does not know. */
static inline bool dp_way_alike_of(const struct dp_way *y, const struct rte_mbuf *m, uint32_t span,
                                   enum dp_way_kind kind, struct esp_run_pkt *p)
{
    switch (kind) {
    case DP_WAY_UDP:
        return dp_way_alike(y, m, span, DP_WAY_UDP, p);
    case DP_WAY_ESP:
        return dp_way_alike(y, m, span, DP_WAY_ESP, p);
    case DP_WAY_NATT:
        return dp_way_alike(y, m, span, DP_WAY_NATT, p);
    case DP_WAY_PLAIN6:
        return dp_way_alike(y, m, span, DP_WAY_PLAIN6, p);
    case DP_WAY_UDP6:
        return dp_way_alike(y, m, span, DP_WAY_UDP6, p);
    case DP_WAY_ESP6:
        return dp_way_alike(y, m, span, DP_WAY_ESP6, p);
    default:
        return dp_way_alike(y, m, span, DP_WAY_PLAIN, p);
    }
}

static inline bool dp_way_alike_any(const struct dp_way *y, const struct rte_mbuf *m)
{
    struct esp_run_pkt p;
    return dp_way_alike_of(y, m, UINT16_MAX, dp_front_kind(&y->front), &p);
}

#endif
