/* ip_csum: the Internet checksum (RFC 1071) and the checks of addresses every file of ip/ needs.
 *
 * Pure functions. Long messages are summed 32 octets at a time where the processor has AVX2; the result is the same to the bit. */
#ifndef DATAPLANE_IP_IP_CSUM_H
#define DATAPLANE_IP_IP_CSUM_H

#include "common/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { IP_PROTO_ICMP = 1, IP_PROTO_UDP = 17, IP_PROTO_ESP = 50, IP_PROTO_AH = 51, IP_PROTO_ICMP6 = 58 };

enum { IP_SUM_WIDE_FROM = 128 /* octets; of fewer the wide sum is no faster */ };

/* Of 32-bit words, in 64 bits: nothing is carried, so that order and width make no difference. n: a multiple of 4. */
static inline uint64_t ip_sum_plain(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t w;
        memcpy(&w, p + i, 4);
        sum += w;
    }
    return sum;
}

#ifdef __x86_64__
/* n: a multiple of 64. The even and the odd words of each 32 octets, in four lanes of 64 bits. */
__attribute__((target("avx2"))) static inline uint64_t ip_sum_avx2(const uint8_t *p, size_t n)
{
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    __m256i even = _mm256_setzero_si256(), odd = even;
    for (size_t i = 0; i < n; i += 64) {
        const __m256i a = _mm256_loadu_si256((const void *)(p + i)),
                      b = _mm256_loadu_si256((const void *)(p + i + 32));
        even = _mm256_add_epi64(even, _mm256_add_epi64(_mm256_and_si256(a, low), _mm256_and_si256(b, low)));
        odd = _mm256_add_epi64(odd, _mm256_add_epi64(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)));
    }
    const __m256i four = _mm256_add_epi64(even, odd);
    const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    return (uint64_t)_mm_extract_epi64(two, 0) + (uint64_t)_mm_extract_epi64(two, 1);
}
static inline bool ip_sum_is_wide(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}
#else
static inline uint64_t ip_sum_avx2(const uint8_t *p, size_t n)
{
    return ip_sum_plain(p, n);
}
static inline bool ip_sum_is_wide(void)
{
    return false;
}
#endif

/* One's complement sum of n octets, not folded; n even except for the last piece. */
static inline uint64_t ip_sum(const void *data, size_t n, uint64_t sum)
{
    const uint8_t *p = data;
    if (n >= IP_SUM_WIDE_FROM && ip_sum_is_wide()) {
        const size_t wide = n & ~(size_t)63;
        sum += ip_sum_avx2(p, wide);
        p += wide;
        n -= wide;
    }
    sum += ip_sum_plain(p, n & ~(size_t)3);
    p += n & ~(size_t)3;
    n &= 3;
    if (n >= 2) {
        uint16_t h;
        memcpy(&h, p, 2);
        sum += h;
        p += 2;
        n -= 2;
    }
    if (n) {
        uint16_t h = 0;
        memcpy(&h, p, 1);
        sum += h;
    }
    return sum;
}

/* Folded, not complemented: 0xffff over a message with a correct checksum. Network order. */
static inline uint16_t ip_fold(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The pseudo-header of UDP and ICMPv6 (RFC 768, RFC 8200 8.1); len in host order. */
static inline uint64_t ip_sum_pseudo(const uint8_t *src, const uint8_t *dst, size_t addr_len, uint8_t proto,
                                     uint32_t len)
{
    uint32_t l = __builtin_bswap32(len), p = __builtin_bswap32(proto);
    uint64_t sum = ip_sum(src, addr_len, 0);
    sum = ip_sum(dst, addr_len, sum);
    return sum + l + p;
}

/* Whether the 20 octets at p are an IPv4 header with a right checksum (no options). */
static inline int ip_sum_good_20(const uint8_t *p)
{
    uint64_t a, b; /* no array: functions with one guard their stack, which costs more than the sum */
    uint32_t c;
    memcpy(&a, p, sizeof a);
    memcpy(&b, p + 8, sizeof b);
    memcpy(&c, p + 16, sizeof c);
    const uint64_t sum = (a >> 32) + (uint32_t)a + (b >> 32) + (uint32_t)b + c;
    return ip_fold(sum) == 0xffff;
}

#endif
