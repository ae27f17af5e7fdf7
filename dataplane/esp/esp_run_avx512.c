#include "dataplane/esp/esp_run_wide.h"

#include "dataplane/esp/esp_trailer.h"

#include <immintrin.h>

static_assert(offsetof(struct eng_op, seq_hi) == offsetof(struct eng_op, data_len) + 4, "one word");

enum {
    FOUR = 4,
    V4_ENDS = 12, /* octets into the header */
    V4_TTL = 8,
};

/* A packet has 128 bits of a register. Of its header: the first word of 32 bits; TTL, protocol and checksum; source; destination. Of the text's end: its last 64 bits, and how long
 * it is. Masks of words of 32 bits, of the lower 64 bits, and of the octet that is the TTL: */
enum { WORD_0 = 0x1111, WORD_1 = 0x2222, HALF_0 = 0x55 };
static const uint64_t TTLS = UINT64_C(0x0010001000100010);

/* One packet's words of 32 bits in all four places. */
static inline __m512i each(uint32_t w0, uint32_t w1, uint64_t w23)
{
    const __m128i one = _mm_set_epi64x((long long)w23, (long long)(w0 | (uint64_t)w1 << 32));
    return _mm512_broadcast_i32x4(one);
}

/* Four words of 64 bits by index. */
static inline __m512i table(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return _mm512_set_epi64(0, 0, 0, 0, (long long)d, (long long)c, (long long)b, (long long)a);
}

/* Of ends[], the last eight octets of the text, and its length: octets in front of the padding; *bad: there is none as AEADs have it in front of an IPv4 next
 * header (RFC 4303 2.4 to 2.6). */
static __rte_always_inline __m512i in_front_of_padding(__m512i ends, unsigned *bad)
{
    const __m512i octets = table(UINT64_C(0x0400) << 48, UINT64_C(0x040101) << 40, UINT64_C(0x04020201) << 32,
                                 UINT64_C(0x0403030201) << 24);
    const __m512i mask = table(UINT64_MAX << 48, UINT64_MAX << 40, UINT64_MAX << 32, UINT64_MAX << 24);
    const __m512i pad = _mm512_and_si512(_mm512_srli_epi64(ends, 48), _mm512_set1_epi64(0xff));
    const __m512i differs = _mm512_xor_si512(ends, _mm512_permutexvar_epi64(pad, octets));
    *bad |= _mm512_mask_cmpgt_epu64_mask(HALF_0, pad, _mm512_set1_epi64(ESP_PAD_SHORT - 1));
    *bad |= _mm512_mask_test_epi64_mask(HALF_0, differs, _mm512_permutexvar_epi64(pad, mask));
    return _mm512_sub_epi32(_mm512_shuffle_epi32(ends, 0x02),
                            _mm512_add_epi32(pad, _mm512_set1_epi32(ESP_TRAILER_LEN)));
}

/* Of packet *op what is looked at in the header of the packet inside, and at the text's end with its length. */
static __rte_always_inline __m128i header_of(const struct eng_op *op, uint32_t head)
{
    const uint8_t *in = op->esp + head;
    uint32_t first;
    memcpy(&first, in, sizeof first);
    return _mm_insert_epi32(_mm_loadu_si128((const void *)(in + V4_ENDS - 8)), (int)first, 0);
}
static __rte_always_inline __m128i end_of(const struct eng_op *op, uint32_t head)
{
    const uint8_t *end = op->esp + head + op->data_len;
    return _mm_insert_epi32(_mm_loadl_epi64((const void *)(end - 8)), (int)op->data_len, 2);
}
static inline __m512i four(__m128i a, __m128i b, __m128i c, __m128i d)
{
    const __m512i x = _mm512_inserti32x4(_mm512_castsi128_si512(a), b, 1);
    return _mm512_inserti32x4(_mm512_inserti32x4(x, c, 2), d, 3);
}

/* What packets of the run look like inside, in registers. */
struct like {
    __m512i header, mask, mtu;
};

static struct like like_of(const struct esp_in_run *r)
{
    const uint32_t same = r->ecn ? 0x3ff : 0xff; /* as in esp_run.c */
    return (struct like){each(0x45 | r->ecn << 8, 0, r->ends), each(same, 0, UINT64_MAX),
                         _mm512_set1_epi32((int)r->mtu)};
}

/* Are the four packets, with those headers and ends, none that esp_in_run_accept would doubt? *len: of each. */
static __rte_always_inline bool accepted(const struct like *l, __m512i headers, __m512i ends, bool ok,
                                         __m512i *len)
{
    const __m512i length_at = each(0x80800203, 0x80808080, UINT64_C(0x8080808080808080));
    unsigned bad = !ok;
    const __m512i most = _mm512_min_epi32(in_front_of_padding(ends, &bad), l->mtu);
    *len = _mm512_shuffle_epi8(headers, length_at);
    bad |= _mm512_test_epi32_mask(_mm512_xor_si512(headers, l->header), l->mask);
    bad |= _mm512_mask_cmplt_epu32_mask(WORD_0, *len, _mm512_set1_epi32(ESP_V4_LEN));
    bad |= _mm512_mask_cmpgt_epi32_mask(WORD_0, *len, most);
    return likely(!bad) && likely(!_mm512_mask_cmple_epu8_mask(TTLS, headers, _mm512_set1_epi8(1)));
}

/* Lengths of the frames, and behind them TTL, protocol and checksum as ip_ttl_lowered makes them. */
static __rte_always_inline __m512i frames_of(__m512i headers, __m512i len)
{
    const __mmask16 round =
        _mm512_mask_cmpge_epu32_mask(WORD_1, headers, _mm512_set1_epi32((int)UINT32_C(0xfffe0000)));
    __m512i x = _mm512_add_epi32(len, _mm512_set1_epi32(ESP_RUN_LINK));
    x = _mm512_mask_add_epi32(x, WORD_1, headers, _mm512_set1_epi32(0xffff));
    return _mm512_mask_add_epi32(x, round, x, _mm512_set1_epi32(0x10000));
}

static __rte_always_inline void leave(const struct esp_in_run *r, struct rte_mbuf *m, uint8_t *in,
                                      __m128i ether, __m128i frame)
{
    const uint32_t word = (uint32_t)_mm_extract_epi32(frame, 1);
    memcpy(in + V4_TTL, &word, sizeof word);
    _mm_storeu_si128((void *)(in - sizeof r->ether), ether);
    m->ol_flags &= ~(uint64_t)ESP_OLD_CKSUM_FLAGS;
    m->data_off = r->data_off;
    m->data_len = (uint16_t)_mm_extract_epi16(frame, 0);
    m->pkt_len = (uint32_t)_mm_cvtsi128_si32(frame);
}

unsigned esp_in_run_accept_wide(const struct esp_in_run *run, const struct eng_op *ops,
                                struct rte_mbuf **pkts, struct esp_run_pkt *p, unsigned n, uint64_t *inner)
{
    const struct esp_in_run r = *run;
    const struct like like = like_of(run);
    const __m128i ether = _mm_loadu_si128((const void *)run->ether);
    const __m512i lower_halves = _mm512_set_epi64(0, 0, 0, 0, 6, 4, 2, 0);
    __m512i sum = _mm512_setzero_si512(), len;
    unsigned i;
    for (i = 0; i + FOUR <= n; i += FOUR) {
        const struct eng_op *o = ops + i;
        const __m512i headers = four(header_of(o, r.head), header_of(o + 1, r.head), header_of(o + 2, r.head),
                                     header_of(o + 3, r.head));
        const __m512i ends =
            four(end_of(o, r.head), end_of(o + 1, r.head), end_of(o + 2, r.head), end_of(o + 3, r.head));
        if (unlikely(!accepted(&like, headers, ends, o[0].ok & o[1].ok & o[2].ok & o[3].ok, &len)))
            break;
        const __m512i frames = frames_of(headers, len);
        leave(&r, pkts[i], o[0].esp + r.head, ether, _mm512_castsi512_si128(frames));
        leave(&r, pkts[i + 1], o[1].esp + r.head, ether, _mm512_extracti32x4_epi32(frames, 1));
        leave(&r, pkts[i + 2], o[2].esp + r.head, ether, _mm512_extracti32x4_epi32(frames, 2));
        leave(&r, pkts[i + 3], o[3].esp + r.head, ether, _mm512_extracti32x4_epi32(frames, 3));
        _mm256_mask_storeu_epi32(p + i, 0x55, /* lengths alone */
                                 _mm512_castsi512_si256(_mm512_permutexvar_epi64(lower_halves, len)));
        sum = _mm512_add_epi32(sum, len);
    }
    *inner += (uint32_t)_mm512_mask_reduce_add_epi32(WORD_0, sum);
    return i;
}

static __rte_always_inline void check_one(struct eng_op *op, const struct rte_mbuf *m, uint32_t before,
                                          uint64_t data_len_and_hi)
{
    op->esp = rte_pktmbuf_mtod_offset(m, uint8_t *, before);
    memcpy(&op->data_len, &data_len_and_hi, sizeof data_len_and_hi);
}

unsigned esp_in_run_check_wide(const struct esp_in_run *r, struct rte_mbuf **pkts,
                               const struct esp_run_pkt *p, struct eng_op *ops, unsigned n, uint32_t hi)
{
    enum { LENGTHS = 0x55 };
    const uint32_t before = ESP_RUN_LINK + r->outer;
    const __m256i fixed = _mm256_set1_epi64x(r->fixed), align = _mm256_set1_epi32((int)r->sa->align_mask),
                  high = _mm256_set1_epi32((int)hi);
    unsigned i;
    for (i = 0; i + FOUR <= n; i += FOUR) {
        const __m256i x = _mm256_loadu_si256((const void *)(p + i));
        const __m256i data = _mm256_mask_sub_epi32(high, LENGTHS, x, fixed);
        if (unlikely(_mm256_mask_cmple_epu32_mask(LENGTHS, x, fixed) |
                     _mm256_mask_test_epi32_mask(LENGTHS, data, align)))
            break;
        const __m128i low_two = _mm256_castsi256_si128(data), high_two = _mm256_extracti128_si256(data, 1);
        check_one(&ops[i], pkts[i], before, (uint64_t)_mm_cvtsi128_si64(low_two));
        check_one(&ops[i + 1], pkts[i + 1], before, (uint64_t)_mm_extract_epi64(low_two, 1));
        check_one(&ops[i + 2], pkts[i + 2], before, (uint64_t)_mm_cvtsi128_si64(high_two));
        check_one(&ops[i + 3], pkts[i + 3], before, (uint64_t)_mm_extract_epi64(high_two, 1));
    }
    return i;
}

/* ---- out ------------------------------------------------------------------------------------------------------------ */
enum {
    AT_IP = ESP_RUN_LINK, /* octets into a frame */
    AT_ESP = AT_IP + ESP_V4_LEN,
    AT_TEXT = AT_ESP + ESP_RUN_WIDE_HEAD,
    TABLE_2 = 64, /* in an index: an octet of the second register */
};

/* What headers are made of, besides the template: a packet's 128 bits are the outer total length, and its checksum in the upper half of the word; TTL, protocol and checksum of the inner
 * header, as they stand in memory; identification; sequence number. */
#define LANE(octet) (TABLE_2 + (octet))
static const uint8_t header_from[64] = {
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15, /* Ethernet, the first two octets of IP */
    [AT_IP + 2] = LANE(1),
    LANE(0),
    LANE(9),
    LANE(8),
    20,
    21,
    22,
    23, /* length, identification */
    LANE(3),
    LANE(2),
    26,
    27,
    28,
    29,
    30,
    31,
    32,
    33, /* checksum; source, destination */
    34,
    35,
    36,
    37,
    LANE(15),
    LANE(14),
    LANE(13),
    LANE(12), /* SPI, sequence number */
    [AT_TEXT + V4_TTL] = LANE(4),
    LANE(5),
    LANE(6),
    LANE(7),
};
/* ... and what else is there stays: the engine writes the IV, and the rest is the inner header's. */
static const uint64_t header_octets = ((UINT64_C(1) << (AT_ESP + 8)) - 1) | UINT64_C(0xf)
                                                                                << (AT_TEXT + V4_TTL);

static __m512i header_template(const struct esp_out_run *r)
{
    uint8_t b[64] = {0};
    const uint32_t middle = (uint32_t)(r->middle >> 32);
    memcpy(b, r->ether, sizeof r->ether);
    memcpy(b + AT_IP + 6, &middle, sizeof middle);
    memcpy(b + AT_IP + V4_ENDS, r->t.addrs, 8);
    memcpy(b + AT_ESP, &r->t.spi, 4);
    return _mm512_loadu_si512(b);
}

/* total: in each packet's first word; id: in its third one. Gives the checksum, in host order, in the first. */
static __rte_always_inline __m512i checksum_of(__m512i total, __m512i id, __m512i same)
{
    const __m512i low = _mm512_set1_epi32(0xffff);
    __m512i s = _mm512_and_si512(_mm512_shuffle_epi32(id, 0x02), low);
    s = _mm512_add_epi32(_mm512_add_epi32(s, same), total);
    s = _mm512_add_epi32(_mm512_and_si512(s, low), _mm512_srli_epi32(s, 16));
    s = _mm512_add_epi32(_mm512_and_si512(s, low), _mm512_srli_epi32(s, 16));
    return _mm512_xor_si512(s, low);
}

/* parts: octets of the text, of the frame, and the trailer. */
static __rte_always_inline void build_one(const struct esp_out_run *r, struct rte_mbuf *m, uint32_t len,
                                          struct eng_op *op, uint64_t seq, __m512i header, __m128i parts)
{
    uint8_t *in = (uint8_t *)m->buf_addr + r->data_off + ESP_RUN_LINK, *frame = in - AT_TEXT;
    const uint64_t trailer = (uint64_t)_mm_extract_epi64(parts, 1);
    _mm512_storeu_si512(frame, _mm512_mask_mov_epi8(_mm512_loadu_si512(frame), header_octets, header));
    memcpy(in + len, &trailer, sizeof trailer);
    op->esp = frame + AT_ESP;
    op->data_len = (uint32_t)_mm_cvtsi128_si32(parts);
    op->seq_hi = (uint32_t)(seq >> 32);
    op->iv = seq;
    m->data_off = (uint16_t)(r->data_off - (AT_TEXT - ESP_RUN_LINK));
    m->data_len = (uint16_t)_mm_extract_epi16(parts, 2);
    m->pkt_len = (uint32_t)_mm_extract_epi32(parts, 1);
}

/* header_from for the k-th of four packets. */
static __m512i header_index(int k)
{
    const __m512i from = _mm512_loadu_si512(header_from);
    const __mmask64 of_lanes = _mm512_test_epi8_mask(from, _mm512_set1_epi8(TABLE_2));
    return _mm512_mask_add_epi8(from, of_lanes, from, _mm512_set1_epi8((char)(k * sizeof(__m128i))));
}

/* Of four packets, what headers are made of, as header_from wants it, and in parts[] what build_one does. */
static __rte_always_inline __m512i lanes_of(const struct esp_out_run *r, __m512i lens, __m512i numbers,
                                            __m512i *parts)
{
    const __m512i tails = table(0x0400, 0x040101, 0x04020201, UINT64_C(0x0403030201)),
                  same = _mm512_set1_epi32(__builtin_bswap16((uint16_t)r->t.sum)),
                  trailer = _mm512_set1_epi32(ESP_TRAILER_LEN);
    const __m512i pad =
        _mm512_and_si512(_mm512_sub_epi32(_mm512_setzero_si512(), _mm512_add_epi32(lens, trailer)),
                         _mm512_set1_epi64(ESP_PAD_SHORT - 1));
    const __m512i text = _mm512_add_epi32(_mm512_add_epi32(lens, pad), trailer);
    const __m512i total =
        _mm512_add_epi32(text, _mm512_set1_epi32((int)(ESP_V4_LEN + r->t.head + r->t.icv_len)));
    const __m512i frame =
        _mm512_add_epi32(_mm512_shuffle_epi32(total, 0x00), _mm512_set1_epi32(ESP_RUN_LINK));
    *parts = _mm512_mask_permutexvar_epi64(_mm512_mask_mov_epi32(text, WORD_1, frame), (__mmask8)~HALF_0,
                                           _mm512_permutex_epi64(pad, 0xa0), tails);
    const __m512i sums = _mm512_slli_epi32(checksum_of(total, numbers, same), 16);
    return _mm512_mask_or_epi32(_mm512_mask_mov_epi32(numbers, WORD_1, lens), WORD_0, total, sums);
}

unsigned esp_out_run_build_wide(const struct esp_out_run *run, struct rte_mbuf **pkts,
                                const struct esp_run_pkt *p, struct eng_op *ops, unsigned n, uint64_t seq)
{
    const struct esp_out_run r = *run;
    const __m512i all = header_template(run), at0 = header_index(0), at1 = header_index(1),
                  at2 = header_index(2), at3 = header_index(3);
    const __m512i spread = _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0);
    const uint32_t first = (uint32_t)seq;
    /* Identifications and numbers. */
    __m512i numbers = _mm512_add_epi32(each(0, 0, (uint64_t)first << 32 | (uint32_t)(first + r.t.v4.id)),
                                       _mm512_set_epi32(3, 3, 0, 0, 2, 2, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0));
    unsigned i;
    if (unlikely((seq + n) >> 32 != seq >> 32))
        return 0;
    for (i = 0; i + FOUR <= n; i += FOUR) {
        const __m512i lens = _mm512_maskz_permutexvar_epi64(
            HALF_0, spread, _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(p + i))));
        __m512i parts;
        const __m512i lanes = lanes_of(&r, lens, numbers, &parts);
        build_one(&r, pkts[i], p[i].len, &ops[i], seq + i, _mm512_permutex2var_epi8(all, at0, lanes),
                  _mm512_castsi512_si128(parts));
        build_one(&r, pkts[i + 1], p[i + 1].len, &ops[i + 1], seq + i + 1,
                  _mm512_permutex2var_epi8(all, at1, lanes), _mm512_extracti32x4_epi32(parts, 1));
        build_one(&r, pkts[i + 2], p[i + 2].len, &ops[i + 2], seq + i + 2,
                  _mm512_permutex2var_epi8(all, at2, lanes), _mm512_extracti32x4_epi32(parts, 2));
        build_one(&r, pkts[i + 3], p[i + 3].len, &ops[i + 3], seq + i + 3,
                  _mm512_permutex2var_epi8(all, at3, lanes), _mm512_extracti32x4_epi32(parts, 3));
        numbers = _mm512_add_epi32(numbers, each(0, 0, (uint64_t)FOUR << 32 | FOUR));
    }
    return i;
}
