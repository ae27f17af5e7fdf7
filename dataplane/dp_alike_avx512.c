#include "dataplane/dp_alike.h"

#include <immintrin.h>

enum {
    FOUR = 4,
    AHEAD = 8,                                /* packets whose lines are fetched */
    FRONT = offsetof(struct dp_front, if_in), /* octets of a front that are looked at */
    LINK = RTE_ETHER_HDR_LEN,
    UPPER = LINK + DP_WAY_V4,
    SECOND = 64, /* in an index: an octet of the second register */
    BOX_REARM = offsetof(struct rte_mbuf, data_off),
    BOX_LEN = offsetof(struct rte_mbuf, data_len),
    BOX_BUF_LEN = offsetof(struct rte_mbuf, buf_len),
};
static_assert(BOX_BUF_LEN + 2 <= SECOND, "in an mbuf's first line");

/* 32-bit words of each packet's 128 bits. */
#define TO_WORD_0(n) (n) /* of _mm512_shuffle_epi32 */
enum { WORD_0 = 0x1111, WORD_1 = 0x2222, WORD_3 = 0x8888 };

/* Where octets of a frame stand in a struct dp_front, and which of them count. */
struct chosen {
    uint8_t index[SECOND], mask[SECOND];
};
#define OCTET(at, from)   .index[at] = (from), .mask[at] = 0xff
#define OCTETS2(at, from) OCTET(at, from), OCTET((at) + 1, (from) + 1)
#define OCTETS4(at, from) OCTETS2(at, from), OCTETS2((at) + 2, (from) + 2)
#define OCTETS8(at, from) OCTETS4(at, from), OCTETS4((at) + 4, (from) + 4)
#define OF(field)         offsetof(struct dp_front, field)
/* As dp_front_differs: all but source, identification and checksum. */
#define HEADERS                                                                                              \
    OCTETS4(0, OF(link)), OCTETS2(4, OF(link) + 4), OCTETS4(12, OF(link) + 12),                              \
        OCTETS4(LINK + 6, OF(ip) + 2), OCTETS8(LINK + 12, OF(ip) + 8)

static const struct chosen frame_plain = {HEADERS}, frame_esp = {HEADERS, OCTETS4(UPPER, OF(spi))},
                           box_all = {OCTETS8(BOX_REARM, OF(rearm)), OCTETS2(BOX_BUF_LEN, OF(buf_len))};

/* A packet's 128 bits, of its frame and of its mbuf's first line, in words of 32: total length and data_len; the number, or TTL, protocol and checksum as they stand in memory;
 * identification and checksum; of UDP length and destination port. What is in network order there is not here. */
#define PICKED(word0, word1, word2, word3)                                                                   \
    LINK + 3, LINK + 2, SECOND + BOX_LEN, SECOND + BOX_LEN + 1, word0, word1, word2, word3, LINK + 5,        \
        LINK + 4, LINK + 11, LINK + 10, UPPER + 5, UPPER + 4, UPPER + 3, UPPER + 2
static const uint8_t pick_esp[16] = {PICKED(UPPER + 7, UPPER + 6, UPPER + 5, UPPER + 4)},
                     pick_plain[16] = {PICKED(LINK + 8, LINK + 9, LINK + 10, LINK + 11)};

static inline __m512i load(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* The header's words that are the same, added up as a word of 16 bits in host order, which is not 0. */
static inline uint32_t sum_same(const struct dp_front *f)
{
    uint32_t s = f->sum + dp_load16(f->ip + 8 - DP_FRONT_IP);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return __builtin_bswap32(s) >> 16;
}

/* What packets of the way have in common, in registers. */
struct common {
    __m512i frame, frame_mask, box, box_mask; /* as they stand in a frame, and in an mbuf's first line */
    __m512i pick, sum, span;
    uint16_t data_off;
};

static __rte_always_inline struct common common_of(const struct dp_front *f, enum dp_way_kind kind)
{
    const struct chosen *chosen = kind == DP_WAY_ESP ? &frame_esp : &frame_plain;
    const uint8_t *pick = kind == DP_WAY_ESP ? pick_esp : pick_plain;
    const __m512i front = _mm512_maskz_loadu_epi8((UINT64_C(1) << FRONT) - 1, f);
    return (struct common){
        .frame = _mm512_permutexvar_epi8(load(chosen->index), front),
        .frame_mask = load(chosen->mask),
        .box = _mm512_permutexvar_epi8(load(box_all.index), front),
        .box_mask = load(box_all.mask),
        .pick = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)pick)),
        .sum = _mm512_set1_epi32((int)sum_same(f)),
        .span = _mm512_set1_epi32(f->span),
        .data_off = (uint16_t)f->rearm,
    };
}

/* What is picked of m; what differs is added to *differs. */
static __rte_always_inline __m128i pick(const struct common *c, const struct rte_mbuf *m, __m512i *differs)
{
    enum { A_OR_B_AND_C = 0xf8 };
    const __m512i box = load(m), frame = load((const uint8_t *)m->buf_addr + c->data_off);
    *differs = _mm512_ternarylogic_epi64(*differs, _mm512_xor_si512(box, c->box), c->box_mask, A_OR_B_AND_C);
    *differs =
        _mm512_ternarylogic_epi64(*differs, _mm512_xor_si512(frame, c->frame), c->frame_mask, A_OR_B_AND_C);
    return _mm512_castsi512_si128(_mm512_permutex2var_epi8(frame, c->pick, box));
}

static __rte_always_inline __m512i pick_four(const struct common *c, struct rte_mbuf *const *pkts,
                                             __m512i *differs)
{
    __m512i x = _mm512_castsi128_si512(pick(c, pkts[0], differs));
    x = _mm512_inserti32x4(x, pick(c, pkts[1], differs), 1);
    x = _mm512_inserti32x4(x, pick(c, pkts[2], differs), 2);
    return _mm512_inserti32x4(x, pick(c, pkts[3], differs), 3);
}

/* Are lengths or checksums not sound, or is UDP not what it is mostly? t, h: the lower and the upper halves of what was picked. */
static __rte_always_inline unsigned unsound(const struct common *c, __m512i t, __m512i h,
                                            enum dp_way_kind kind)
{
    const __m512i low = _mm512_set1_epi32(0xffff);
    const __m512i least = _mm512_sub_epi32(t, _mm512_set1_epi32(DP_WAY_V4 + DP_WAY_UPPER)),
                  frame = _mm512_add_epi32(t, _mm512_set1_epi32(LINK));
    /* As dp_sum_sound. Four words: folded, a multiple of 2^16 - 1 that is not 0 is that. */
    const __m512i s = _mm512_add_epi32(_mm512_add_epi32(t, c->sum),
                                       _mm512_shuffle_epi32(_mm512_add_epi32(t, h), TO_WORD_0(2)));
    const __m512i folded = _mm512_add_epi32(_mm512_and_si512(s, low), _mm512_srli_epi32(s, 16));
    unsigned bad = _mm512_mask_cmpneq_epu32_mask(WORD_0, folded, low);
    bad |= _mm512_mask_cmpgt_epu32_mask(WORD_0, least, c->span);
    bad |= _mm512_mask_cmplt_epu32_mask(WORD_0, h, frame);
    if (kind == DP_WAY_UDP) { /* the common part of dp_udp_plain */
        const __m512i len = _mm512_shuffle_epi32(t, TO_WORD_0(3));
        bad |= _mm512_mask_cmpeq_epu32_mask(WORD_3, h, _mm512_set1_epi32(IP_PORT_NATT));
        bad |= _mm512_mask_cmpneq_epu32_mask(WORD_0, len, _mm512_sub_epi32(t, _mm512_set1_epi32(DP_WAY_V4)));
    }
    return bad;
}

/* As ip_ttl_lowered. */
static __rte_always_inline __m512i ttl_lowered(__m512i word)
{
    const __mmask16 round = _mm512_cmpge_epu32_mask(word, _mm512_set1_epi32((int)UINT32_C(0xfffe0000)));
    word = _mm512_add_epi32(word, _mm512_set1_epi32(0xffff));
    return _mm512_mask_add_epi32(word, round, word, _mm512_set1_epi32(0x10000));
}

static inline void put_four(struct esp_run_pkt *p, __m512i len, __m512i word)
{
    const __m512i both = _mm512_mask_mov_epi32(word, WORD_0, len);
    const __m512i four = _mm512_permutexvar_epi64(_mm512_set_epi64(0, 0, 0, 0, 6, 4, 2, 0), both);
    _mm256_storeu_si256((void *)p, _mm512_castsi512_si256(four));
}

static __rte_always_inline unsigned alike(const struct dp_way *way, struct rte_mbuf *const *pkts,
                                          struct esp_run_pkt *p, unsigned n, enum dp_way_kind kind,
                                          uint32_t before, uint64_t *octets)
{
    const struct common c = common_of(&way->front, kind);
    __m512i last = _mm512_set1_epi32((int)before), sum = _mm512_setzero_si512();
    unsigned i;
    for (i = 0; i + FOUR <= n; i += FOUR) {
        __m512i differs = _mm512_setzero_si512();
        if (i + AHEAD + FOUR <= n)
            for (unsigned k = 0; k < FOUR; k++)
                dp_way_fetch(pkts[i + AHEAD + k], kind);
        const __m512i x = pick_four(&c, pkts + i, &differs);
        const __m512i t = _mm512_and_si512(x, _mm512_set1_epi32(0xffff)), h = _mm512_srli_epi32(x, 16);
        unsigned bad = (unsigned)_mm512_test_epi64_mask(differs, differs) | unsound(&c, t, h, kind);
        if (kind == DP_WAY_ESP) /* a number is beyond that of the packet before */
            bad |= _mm512_mask_cmple_epu32_mask(WORD_1, x, _mm512_alignr_epi32(x, last, 12));
        if (unlikely(bad))
            break;
        last = x;
        put_four(p + i, t, kind == DP_WAY_ESP ? x : ttl_lowered(x));
        sum = _mm512_add_epi32(sum, h);
    }
    *octets += (uint32_t)_mm512_mask_reduce_add_epi32(WORD_0, sum);
    return i;
}

unsigned dp_alike_avx512(const struct dp_way *way, struct rte_mbuf *const *pkts, struct esp_run_pkt *p,
                         unsigned n, enum dp_way_kind kind, uint32_t before, uint64_t *octets)
{
    if (unlikely((uint32_t)(uint16_t)way->front.rearm + SECOND > way->front.buf_len))
        return 0; /* less is behind the frame's beginning than is read; all that come in by a port are of one pool */
    switch (kind) {
    case DP_WAY_ESP:
        return alike(way, pkts, p, n, DP_WAY_ESP, before, octets);
    case DP_WAY_UDP:
        return alike(way, pkts, p, n, DP_WAY_UDP, before, octets);
    case DP_WAY_PLAIN:
        return alike(way, pkts, p, n, DP_WAY_PLAIN, before, octets);
    default:
        return 0;
    }
}
