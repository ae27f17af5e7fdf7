#include "dataplane/esp/esp_run_wide.h"

#include "dataplane/esp/esp_trailer.h"

#include <immintrin.h>

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
