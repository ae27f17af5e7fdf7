/* eng_vaes_ghash: GHASH (SP 800-38D 6.4) in registers of four blocks: products, sums of them, and their reduction.
 *
 * Products are made of three multiplications (Karatsuba): units that multiply four blocks at once take two cycles for it on some processors, and are busy
 * longer than those of AES. The middle sum then has the low and the high one in it, which sum_reduce takes off. Blocks are reversed (eng_vaes_key.h).
 *
 * Internal to eng_vaes_avx512.c, whose registers these are. */
#ifndef DATAPLANE_ENGINE_ENG_VAES_GHASH_H
#define DATAPLANE_ENGINE_ENG_VAES_GHASH_H

#include "dataplane/engine/eng_vaes_key.h"

#include <immintrin.h>
#include <stdint.h>

#define ALWAYS static inline __attribute__((always_inline))

typedef __m512i v4; /* four blocks */

enum {
    LANES = 4,
    REG = LANES * VAES_BLOCK, /* octets */
};

ALWAYS v4 xor3(v4 a, v4 b, v4 c)
{
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

/* Products that are yet to be reduced: low, middle and high halves. */
struct sum {
    v4 lo, mi, hi;
};

/* The low half folds into the middle and that into the high half: in reversed order x^128 + x^7 + x^2 + x + 1 says that 64 bits come
 * back as themselves, 128 bits up, and times 0xc2 << 56. Each lane by itself. */
ALWAYS v4 sum_reduce4(const struct sum *a)
{
    const v4 poly = _mm512_set1_epi64((long long)0xc200000000000000);
    v4 mi = xor3(a->mi, _mm512_shuffle_epi32(a->lo, 0x4e), _mm512_clmulepi64_epi128(poly, a->lo, 0x00));
    return xor3(a->hi, _mm512_shuffle_epi32(mi, 0x4e), _mm512_clmulepi64_epi128(poly, mi, 0x00));
}

ALWAYS v4 times4(v4 a, v4 b)
{
    const struct sum s = {
        _mm512_clmulepi64_epi128(a, b, 0x00),
        _mm512_xor_si512(_mm512_clmulepi64_epi128(a, b, 0x01), _mm512_clmulepi64_epi128(a, b, 0x10)),
        _mm512_clmulepi64_epi128(a, b, 0x11)};
    return sum_reduce4(&s);
}

ALWAYS v4 reversed(v4 v)
{
    return _mm512_shuffle_epi8(v, _mm512_set4_epi32(0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f));
}

ALWAYS __m128i reversed1(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi32(0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f));
}

ALWAYS struct sum sum_zero(void)
{
    const v4 z = _mm512_setzero_si512();
    return (struct sum){z, z, z};
}

/* Both halves of each block of x added, in its lower half; those of y in the upper one. */
ALWAYS v4 folded2(v4 x, v4 y)
{
    return _mm512_xor_si512(_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
}

ALWAYS __m128i folded1(__m128i x)
{
    return _mm_xor_si128(x, _mm_shuffle_epi32(x, 0x4e));
}

ALWAYS v4 folded(v4 x)
{
    return _mm512_xor_si512(x, _mm512_shuffle_epi32(x, 0x4e));
}

ALWAYS void sum_add1(struct sum *a, v4 x, const uint8_t *power)
{
    const v4 h = _mm512_loadu_si512(power);
    a->lo = _mm512_xor_si512(a->lo, _mm512_clmulepi64_epi128(x, h, 0x00));
    a->mi = _mm512_xor_si512(a->mi, _mm512_clmulepi64_epi128(folded(x), folded(h), 0x00));
    a->hi = _mm512_xor_si512(a->hi, _mm512_clmulepi64_epi128(x, h, 0x11));
}

ALWAYS void sum_add2(struct sum *a, v4 x, v4 y, const uint8_t *power)
{
    const v4 h = _mm512_loadu_si512(power), g = _mm512_loadu_si512(power + REG);
    a->lo = xor3(a->lo, _mm512_clmulepi64_epi128(x, h, 0x00), _mm512_clmulepi64_epi128(y, g, 0x00));
    const v4 f = folded2(x, y), k = folded2(h, g);
    a->mi = xor3(a->mi, _mm512_clmulepi64_epi128(f, k, 0x00), _mm512_clmulepi64_epi128(f, k, 0x11));
    a->hi = xor3(a->hi, _mm512_clmulepi64_epi128(x, h, 0x11), _mm512_clmulepi64_epi128(y, g, 0x11));
}

ALWAYS void sum_add(struct sum *a, const v4 *x, const uint8_t *power, int n)
{
    if (n > 1)
        sum_add2(a, x[0], x[1], power);
    if (n > 3)
        sum_add2(a, x[2], x[3], power + 2 * REG);
    if (n & 1)
        sum_add1(a, x[n - 1], power + (n - 1) * REG);
}

/* All lanes together. */
ALWAYS __m128i sum_reduce(const struct sum *a)
{
    const struct sum b = {a->lo, xor3(a->mi, a->lo, a->hi), a->hi};
    const v4 hi = sum_reduce4(&b);
    __m256i half = _mm256_xor_si256(_mm512_castsi512_si256(hi), _mm512_extracti64x4_epi64(hi, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

#endif
