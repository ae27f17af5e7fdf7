/* intrinsics: forced in front of the kernels where they are built for MemorySanitizer. It stands in for those instructions whose operands clang 14 knows
 * nothing of.
 *
 * Of an instruction that it does not know it believes one of two things. Where operands and result are of one type (AES rounds, pshufb), each octet of the
 * result is marked as those at its place in the operands are: of AES rounds that is enough, as each round key is marked as a whole; an octet that pshufb moves would leave its
 * mark behind, so it is done octet by octet here, and the last AES round marks a whole block. Where types differ (ptest, ternary logic) it takes the instruction for a branch
 * and reports it: those are written out. Carry-less products, shifts, selects and masked moves it follows itself; the products stand here for the mutant. */
#ifndef TESTS_CONSTANT_TIME_INTRINSICS_H
#define TESTS_CONSTANT_TIME_INTRINSICS_H

#include <immintrin.h>

/* Of `lanes` blocks of 16 octets each. */
void ct_shuffle(const void *a, const void *index, void *out, unsigned lanes);
void ct_aes_last(const void *a, const void *key, void *out, unsigned lanes);
void ct_product(const void *a, const void *b, int halves, void *out, unsigned lanes);
int ct_none_of(const void *a, const void *mask); /* ptest: 1 when all bits that both have are zero */

#define CT_INLINE static inline __attribute__((always_inline, unused))
#define CT_WIDTH(type, lanes)                                                                                \
    CT_INLINE type ct_shuffle##lanes(type a, type index)                                                     \
    {                                                                                                        \
        type r;                                                                                              \
        ct_shuffle(&a, &index, &r, lanes);                                                                   \
        return r;                                                                                            \
    }                                                                                                        \
    CT_INLINE type ct_aes_last##lanes(type a, type key)                                                      \
    {                                                                                                        \
        type r;                                                                                              \
        ct_aes_last(&a, &key, &r, lanes);                                                                    \
        return r;                                                                                            \
    }                                                                                                        \
    CT_INLINE type ct_product##lanes(type a, type b, int halves)                                             \
    {                                                                                                        \
        type r;                                                                                              \
        ct_product(&a, &b, halves, &r, lanes);                                                               \
        return r;                                                                                            \
    }

CT_WIDTH(__m128i, 1)
CT_INLINE int ct_none_of1(__m128i a, __m128i mask)
{
    return ct_none_of(&a, &mask);
}
#undef _mm_clmulepi64_si128
#undef _mm_testz_si128
#define _mm_shuffle_epi8     ct_shuffle1
#define _mm_aesenclast_si128 ct_aes_last1
#define _mm_clmulepi64_si128 ct_product1
#define _mm_testz_si128      ct_none_of1

#ifdef __AVX2__
CT_WIDTH(__m256i, 2)
#undef _mm256_clmulepi64_epi128
#define _mm256_shuffle_epi8      ct_shuffle2
#define _mm256_aesenclast_epi128 ct_aes_last2
#define _mm256_clmulepi64_epi128 ct_product2
#endif

#ifdef __AVX512F__
CT_WIDTH(__m512i, 4)
#undef _mm512_clmulepi64_epi128
#undef _mm512_ternarylogic_epi64
#define _mm512_shuffle_epi8      ct_shuffle4
#define _mm512_aesenclast_epi128 ct_aes_last4
#define _mm512_clmulepi64_epi128 ct_product4
#define _mm512_ternarylogic_epi64(a, b, c, table)                                                            \
    (__extension__({                                                                                         \
        _Static_assert((table) == 0x96, "the sum of three");                                                 \
        (__m512i)((__v8du)(a) ^ (__v8du)(b) ^ (__v8du)(c));                                                  \
    }))
#endif

#endif
