/* eng_vaes_avx2: AES-GCM and GMAC, two blocks per register (AVX2, VAES, VPCLMULQDQ). Manual: eng_vaes_key.h.
 *
 * Slot i is the block with counter value i. A register holds two slots, from an even one on. The first: slot 0
 * is nothing, slot 1 encrypts to the mask of the tag (SP 800-38D 7.1 steps 2 and 6) and holds the AAD block for the hash. Text begins with the second.
 * The first counter of a group of four registers is a multiple of eight: counters are made by XOR alone.
 *
 * Karatsuba's three products instead of four: processors with VAES but without AVX512 multiply slowly. The last registers of a packet
 * are hashed after the next packet's first registers have been put into the AES units. */
#include "dataplane/engine/eng_vaes_frame.h"
#include "dataplane/engine/eng_vaes_key.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS    static inline __attribute__((always_inline))
#define LIKELY(x) __builtin_expect(!!(x), 1)
/* Arrays of registers stay registers only when every index is a constant. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 4")
#endif

typedef __m256i v2; /* two blocks */

enum {
    LANES = 2,
    REG = LANES * VAES_BLOCK, /* octets */
    GROUP = 4,                /* registers that are encrypted together */
    GROUP_SLOTS = GROUP * LANES,
    HEAD_SLOTS = LANES, /* in front of the text: nothing, and the tag's */
    LINE = 64,          /* of cache */
};

/* Products that are yet to be reduced; mi: of the added halves (Karatsuba). */
struct sum {
    v2 lo, mi, hi;
};

/* What is used of a session, where it stands: expanded in the session, or made afresh. */
struct keys {
    const uint8_t *round;  /* the first round key */
    unsigned step;         /* octets from one to the next; a constant where this is inlined */
    const uint8_t *h1;     /* H^1; the other powers in front of it */
    const uint8_t *length; /* of the ICV */
};

/* What is left to do of a packet whose text has been read and written. */
struct rest {
    v2 x[GROUP];    /* blocks that have not been hashed, reversed; zero behind the last */
    v2 tail[GROUP]; /* ... of the last registers, where there were others before */
    const v2 *open; /* which of both */
    struct sum sum;
    __m128i mask; /* of the tag */
    const uint8_t *power;
    struct eng_op *op;
    uint8_t *icv;
    uint64_t bits; /* of text */
    unsigned n;    /* registers in it; 0: there is no packet */
};

ALWAYS __m128i load1(const void *p)
{
    return _mm_loadu_si128(p);
}

ALWAYS v2 load2(const void *p)
{
    return _mm256_loadu_si256(p);
}

/* The compiler does not see that it is the same key each time: it would keep some on the stack. */
ALWAYS v2 key2(struct keys s, unsigned round)
{
    __asm__ volatile("" : "+r"(s.round));
    return _mm256_broadcastsi128_si256(load1(s.round + round * s.step));
}

ALWAYS struct keys keys_of(const struct eng_session *s)
{
    return (struct keys){s->round_key[0], VAES_BLOCK, s->power[VAES_POWERS - 1], &s->icv_len};
}

/* H^k. */
ALWAYS const uint8_t *power_at(struct keys s, uint32_t k)
{
    return s.h1 - (k - 1) * VAES_BLOCK;
}

ALWAYS __m128i reversed1(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi32(0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f));
}

ALWAYS v2 reversed(v2 v)
{
    return _mm256_shuffle_epi8(
        v, _mm256_broadcastsi128_si256(_mm_set_epi32(0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f)));
}

/* ---- text that does not fill a register -------------------------------------------------------------------- */
ALWAYS uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

ALWAYS uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* n octets, 1 to 16, zeros behind them; no other octet is read. */
ALWAYS __m128i load1_part(const uint8_t *p, unsigned n)
{
    if (n == 16)
        return load1(p);
    if (n > 8)
        return _mm_set_epi64x((long long)(load64(p + n - 8) >> (8 * (16 - n))), (long long)load64(p));
    if (n == 8)
        return _mm_cvtsi64_si128((long long)load64(p));
    if (n >= 4)
        return _mm_cvtsi64_si128((long long)(load32(p) | (uint64_t)load32(p + n - 4) << (8 * (n - 4))));
    return _mm_cvtsi32_si128(p[0] | p[n / 2] << (8 * (n / 2)) | p[n - 1] << (8 * (n - 1)));
}

/* The first n octets, 0 to 16. */
ALWAYS void store1_part(uint8_t *p, __m128i v, unsigned n)
{
    if (n & 16) {
        _mm_storeu_si128((void *)p, v);
        return;
    }
    if (n & 8) {
        _mm_storel_epi64((void *)p, v);
        v = _mm_srli_si128(v, 8);
        p += 8;
    }
    if (n & 4) {
        const uint32_t w = (uint32_t)_mm_cvtsi128_si32(v);
        memcpy(p, &w, sizeof w);
        v = _mm_srli_si128(v, 4);
        p += 4;
    }
    if (n & 3) {
        uint32_t w = (uint32_t)_mm_cvtsi128_si32(v);
        for (unsigned i = 0; i < (n & 3); i++, w >>= 8)
            p[i] = (uint8_t)w;
    }
}

/* n: 1 to 32. */
ALWAYS v2 load2_part(const uint8_t *p, unsigned n)
{
    if (n == REG)
        return load2(p);
    if (n <= 16)
        return _mm256_zextsi128_si256(load1_part(p, n));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load1(p)), load1_part(p + 16, n - 16), 1);
}

ALWAYS void store2_part(uint8_t *p, v2 v, unsigned n)
{
    const __m128i low = _mm256_castsi256_si128(v);
    if (n == REG) {
        _mm256_storeu_si256((void *)p, v);
    } else if (n <= 16) {
        store1_part(p, low, n);
    } else {
        _mm_storeu_si128((void *)p, low);
        store1_part(p + 16, _mm256_extracti128_si256(v, 1), n - 16);
    }
}

/* All ones in the first n octets, 0 to 32. */
ALWAYS v2 octets_mask(unsigned n)
{
    static const uint8_t edge[2 * REG] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return load2(edge + REG - n);
}

/* ---- GHASH ------------------------------------------------------------------------------------------------------ */
ALWAYS struct sum sum_zero(void)
{
    const v2 z = _mm256_setzero_si256();
    return (struct sum){z, z, z};
}

/* Both halves of each block added, twice. */
ALWAYS v2 folded(v2 v)
{
    return _mm256_xor_si256(v, _mm256_shuffle_epi32(v, 0x4e));
}

/* few: of the session's in this burst. Then its powers' added halves are made, as they would be as many cache lines more to fetch. */
ALWAYS void sum_add1(struct sum *a, v2 x, const uint8_t *power, bool few)
{
    const v2 h = load2(power), f = few ? folded(h) : load2(power - VAES_FOLD2 * VAES_BLOCK), y = folded(x);
    a->lo = _mm256_xor_si256(a->lo, _mm256_clmulepi64_epi128(x, h, 0x00));
    a->mi = _mm256_xor_si256(a->mi, _mm256_clmulepi64_epi128(y, f, 0x00));
    a->hi = _mm256_xor_si256(a->hi, _mm256_clmulepi64_epi128(x, h, 0x11));
}

ALWAYS void sum_add(struct sum *a, const v2 *x, const uint8_t *power, int n, bool few)
{
    sum_add1(a, x[0], power, few);
    if (n > 1)
        sum_add1(a, x[1], power + REG, few);
    if (n > 2)
        sum_add1(a, x[2], power + 2 * REG, few);
    if (n > 3)
        sum_add1(a, x[3], power + 3 * REG, few);
}

/* y * H added into three halves that are apart already, and all of it reduced: the low half folds into the middle and that
 * into the high half. In reversed order x^128 + x^7 + x^2 + x + 1 says that 64 bits come back as themselves, 128 bits up, and times
 * 0xc2 << 56. */
ALWAYS __m128i reduce(__m128i lo, __m128i mi, __m128i hi)
{
    const __m128i poly = _mm_set1_epi64x((long long)0xc200000000000000);
    mi = _mm_xor_si128(_mm_xor_si128(mi, _mm_shuffle_epi32(lo, 0x4e)), _mm_clmulepi64_si128(poly, lo, 0x00));
    return _mm_xor_si128(_mm_xor_si128(hi, _mm_shuffle_epi32(mi, 0x4e)),
                         _mm_clmulepi64_si128(poly, mi, 0x00));
}

ALWAYS __m128i lanes_add(v2 v)
{
    return _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

/* The sum with y * H^1 added. */
ALWAYS __m128i sum_reduce(const struct sum *a, struct keys s, __m128i y)
{
    const __m128i h = load1(power_at(s, 1));
    __m128i lo = lanes_add(a->lo), hi = lanes_add(a->hi);
    __m128i mi = _mm_xor_si128(_mm_xor_si128(lo, hi), lanes_add(a->mi));
    lo = _mm_xor_si128(lo, _mm_clmulepi64_si128(y, h, 0x00));
    mi = _mm_xor_si128(mi, _mm_clmulepi64_si128(y, h, 0x10));
    mi = _mm_xor_si128(mi, _mm_clmulepi64_si128(y, h, 0x01));
    hi = _mm_xor_si128(hi, _mm_clmulepi64_si128(y, h, 0x11));
    return reduce(lo, mi, hi);
}

ALWAYS __m128i sum_carry(const struct sum *a)
{
    const v2 mid = _mm256_xor_si256(_mm256_xor_si256(a->lo, a->hi), a->mi);
    return reduce(lanes_add(a->lo), lanes_add(mid), lanes_add(a->hi));
}

/* Where the powers of the next run begin: all that is left, when it fits between two reductions. */
ALWAYS const uint8_t *run_powers(struct keys s, uint32_t slots_left)
{
    return power_at(s, slots_left <= VAES_RUN2 ? slots_left + 1 : VAES_RUN2);
}

/* ---- AES ---------------------------------------------------------------------------------------------------- */
ALWAYS void aes_round(v2 *st, v2 k, int n)
{
    st[0] = _mm256_aesenc_epi128(st[0], k);
    if (n > 1)
        st[1] = _mm256_aesenc_epi128(st[1], k);
    if (n > 2)
        st[2] = _mm256_aesenc_epi128(st[2], k);
    if (n > 3)
        st[3] = _mm256_aesenc_epi128(st[3], k);
}

ALWAYS void aes_last(v2 *st, v2 k, const v2 *in, int n)
{
    /* The text is added with the last key: one step off the chain. */
    st[0] = _mm256_aesenclast_epi128(st[0], _mm256_xor_si256(k, in[0]));
    if (n > 1)
        st[1] = _mm256_aesenclast_epi128(st[1], _mm256_xor_si256(k, in[1]));
    if (n > 2)
        st[2] = _mm256_aesenclast_epi128(st[2], _mm256_xor_si256(k, in[2]));
    if (n > 3)
        st[3] = _mm256_aesenclast_epi128(st[3], _mm256_xor_si256(k, in[3]));
}

/* Rounds `from` to `to`. */
ALWAYS void aes_rounds(struct keys s, v2 *st, int from, int to, int n)
{
    if (from <= 1 && to >= 1)
        aes_round(st, key2(s, 1), n);
    if (from <= 2 && to >= 2)
        aes_round(st, key2(s, 2), n);
    if (from <= 3 && to >= 3)
        aes_round(st, key2(s, 3), n);
    if (from <= 4 && to >= 4)
        aes_round(st, key2(s, 4), n);
    if (from <= 5 && to >= 5)
        aes_round(st, key2(s, 5), n);
    if (from <= 6 && to >= 6)
        aes_round(st, key2(s, 6), n);
    if (from <= 7 && to >= 7)
        aes_round(st, key2(s, 7), n);
    if (from <= 8 && to >= 8)
        aes_round(st, key2(s, 8), n);
    if (from <= 9 && to >= 9)
        aes_round(st, key2(s, 9), n);
    if (from <= 10 && to >= 10)
        aes_round(st, key2(s, 10), n);
    if (from <= 11 && to >= 11)
        aes_round(st, key2(s, 11), n);
    if (from <= 12 && to >= 12)
        aes_round(st, key2(s, 12), n);
    if (from <= 13 && to >= 13)
        aes_round(st, key2(s, 13), n);
}

/* Counter blocks with the first key added become the key stream with in[] added. */
ALWAYS void aes(struct keys s, v2 *st, const v2 *in, int rounds, int n)
{
    aes_rounds(s, st, 1, rounds - 1, n);
    aes_last(st, key2(s, rounds), in, n);
}

/* The same for four registers, with a group of blocks hashed in between. */
ALWAYS void aes_hash(struct keys s, v2 *st, const v2 *in, int rounds, struct sum *a, const v2 *x,
                     const uint8_t *power, bool few)
{
    aes_rounds(s, st, 1, 2, GROUP);
    sum_add1(a, x[0], power, few);
    aes_rounds(s, st, 3, 4, GROUP);
    sum_add1(a, x[1], power + REG, few);
    aes_rounds(s, st, 5, 6, GROUP);
    sum_add1(a, x[2], power + 2 * REG, few);
    aes_rounds(s, st, 7, 8, GROUP);
    sum_add1(a, x[3], power + 3 * REG, few);
    aes_rounds(s, st, 9, rounds - 1, GROUP);
    aes_last(st, key2(s, rounds), in, GROUP);
}

/* ---- counters ----------------------------------------------------------------------------------------------- */
/* Nonce and first round key, which has the salt in it; the counter is zero. */
ALWAYS v2 nonce_base(struct keys s, uint64_t iv)
{
    const __m128i v = _mm_set_epi64x((long long)(iv >> 32), (long long)(iv << 32));
    return _mm256_xor_si256(_mm256_broadcastsi128_si256(v), key2(s, 0));
}

/* Counters 2i and 2i+1 of a group, on top of `base`. */
ALWAYS v2 slots(v2 base, int i)
{
    const int c = 2 * i;
    return _mm256_xor_si256(base, _mm256_set_epi32((c + 1) << 24, 0, 0, 0, c << 24, 0, 0, 0));
}

ALWAYS v2 group_counter(v2 base, uint32_t first)
{
    const __m128i c = _mm_slli_si128(_mm_cvtsi32_si128((int)__builtin_bswap32(first)), 12);
    return _mm256_xor_si256(base, _mm256_broadcastsi128_si256(c));
}

/* ---- one packet ------------------------------------------------------------------------------------------------ */
/* The AAD in slot 1 (RFC 4106 5): SPI and sequence number, with ESN its high half between them. */
ALWAYS v2 aad_get(const struct eng_op *op, bool esn)
{
    const uint64_t head = load64(op->esp);
    const uint64_t with_hi = (head & 0xffffffff) | (uint64_t)__builtin_bswap32(op->seq_hi) << 32;
    const __m128i aad = esn ? _mm_set_epi64x((long long)(head >> 32), (long long)with_hi)
                            : _mm_cvtsi64_si128((long long)head);
    return _mm256_inserti128_si256(_mm256_setzero_si256(), reversed1(aad), 1);
}

/* Registers i of [first, n) at `at`, of which the n-th may hold fewer octets. */
ALWAYS void texts_load(v2 *in, const uint8_t *at, unsigned octets, int first, int n, bool last)
{
    UNROLL
    for (int i = first; i < n; i++)
        in[i] = last && i == n - 1 ? load2_part(at + i * REG, octets) : load2(at + i * REG);
}

ALWAYS void texts_store(v2 *x, const v2 *st, const v2 *in, uint8_t *at, unsigned octets, bool encrypt,
                        int first, int n, bool last)
{
    UNROLL
    for (int i = first; i < n; i++) {
        if (last && i == n - 1) {
            store2_part(at + i * REG, st[i], octets);
            x[i] = reversed(encrypt ? _mm256_and_si256(st[i], octets_mask(octets)) : in[i]);
        } else {
            _mm256_storeu_si256((void *)(at + i * REG), st[i]);
            x[i] = reversed(encrypt ? st[i] : in[i]);
        }
    }
}

/* The first n registers of a packet. last: they are all of it, and the last of them holds `octets` octets of text. */
ALWAYS void packet_first(struct keys s, struct rest *r, v2 base, uint8_t *text, unsigned octets, bool encrypt,
                         bool esn, int rounds, int n, bool last)
{
    v2 st[GROUP], in[GROUP];
    in[0] = _mm256_setzero_si256();
    texts_load(in, text - REG, octets, 1, n, last);
    st[0] = slots(base, 0);
    st[1] = slots(base, 1);
    st[2] = slots(base, 2);
    st[3] = slots(base, 3);
    aes(s, st, in, rounds, n);
    r->mask = _mm256_extracti128_si256(st[0], 1);
    r->x[0] = aad_get(r->op, esn);
    texts_store(r->x, st, in, text - REG, octets, encrypt, 1, n, last);
    r->open = r->x;
    r->n = (unsigned)n;
}

/* The last n registers of a packet whose others have been done; octets: of the last. */
ALWAYS void packet_last(struct keys s, struct rest *r, v2 base, uint8_t *at, unsigned octets, bool encrypt,
                        int rounds, int n)
{
    v2 st[GROUP], in[GROUP];
    texts_load(in, at, octets, 0, n, true);
    st[0] = slots(base, 0);
    st[1] = slots(base, 1);
    st[2] = slots(base, 2);
    st[3] = slots(base, 3);
    aes(s, st, in, rounds, n);
    texts_store(r->tail, st, in, at, octets, encrypt, 0, n, true);
    r->open = r->tail;
    r->n = (unsigned)n;
}

ALWAYS void icv_finish(struct eng_op *op, uint8_t *icv, __m128i tag, unsigned icv_len, bool encrypt)
{
    if (encrypt) {
        store1_part(icv, tag, icv_len); /* the leftmost octets (SP 800-38D 7.1 step 6) */
        op->ok = true;
    } else if (LIKELY(icv_len == VAES_BLOCK)) {
        const __m128i d = _mm_xor_si128(tag, load1(icv));
        op->ok = _mm_testz_si128(d, d);
    } else {
        const __m128i d = _mm_xor_si128(tag, load1_part(icv, icv_len));
        op->ok = _mm_testz_si128(d, _mm256_castsi256_si128(octets_mask(icv_len)));
    }
}

ALWAYS void rest_finish(struct keys s, struct rest *r, bool encrypt, bool esn, bool few)
{
    struct sum a = r->sum;
    switch (r->n) {
    case 0:
        return;
    case 1:
        sum_add(&a, r->open, r->power, 1, few);
        break;
    case 2:
        sum_add(&a, r->open, r->power, 2, few);
        break;
    case 3:
        sum_add(&a, r->open, r->power, 3, few);
        break;
    default:
        sum_add(&a, r->open, r->power, 4, few);
        break;
    }
    /* With the length block (SP 800-38D 7.1 step 5). */
    const __m128i bits = _mm_set_epi64x(esn ? VAES_AAD_ESN * 8 : VAES_AAD * 8, (long long)r->bits);
    const __m128i tag = _mm_xor_si128(reversed1(sum_reduce(&a, s, bits)), r->mask);
    icv_finish(r->op, r->icv, tag, *s.length, encrypt);
}

/* As many octets of the next packet: it lies in the second-level cache, and comes while this one is worked on. */
ALWAYS void fetch_group(const uint8_t *p)
{
    _mm_prefetch((const char *)p, _MM_HINT_T0);
    _mm_prefetch((const char *)p + LINE, _MM_HINT_T0);
}

/* Hashes the group of a packet in front of its last registers; power: of it. Gives what comes to the first of those. left: octets in them. */
ALWAYS __m128i group_hash(struct keys s, struct rest *r, struct sum a, const uint8_t *power, uint32_t left,
                          bool few)
{
    __m128i carry = _mm_setzero_si128();
    sum_add(&a, r->x, power, GROUP, few);
    power += GROUP * REG;
    if (power == s.h1 + VAES_BLOCK) {
        carry = sum_carry(&a);
        a = sum_zero();
        power = run_powers(s, (left + VAES_BLOCK - 1) / VAES_BLOCK);
    }
    r->power = power;
    r->sum = a;
    return carry;
}

/* Everything behind the first four registers: `left` octets at `at`. next: where the next packet has them. */
ALWAYS void packet_more(struct keys s, struct rest *r, v2 base, uint8_t *at, uint32_t left,
                        const uint8_t *next, bool encrypt, int rounds, bool few)
{
    const uint8_t *const end = s.h1 + VAES_BLOCK; /* behind H^1: the run is complete */
    const uint8_t *power = r->power;
    struct sum a = sum_zero();
    uint32_t counter = GROUP_SLOTS;
    for (; left > GROUP * REG; left -= GROUP * REG, at += GROUP * REG, next += GROUP * REG) {
        if (few)
            fetch_group(next);
        v2 st[GROUP], in[GROUP];
        const v2 c = group_counter(base, counter);
        counter += GROUP_SLOTS;
        UNROLL
        for (int i = 0; i < GROUP; i++) {
            in[i] = load2(at + i * REG);
            st[i] = slots(c, i);
        }
        aes_hash(s, st, in, rounds, &a, r->x, power, few);
        power += GROUP * REG;
        texts_store(r->x, st, in, at, REG, encrypt, 0, GROUP, false);
        if (power == end) {
            r->x[0] = _mm256_xor_si256(r->x[0], _mm256_zextsi128_si256(sum_carry(&a)));
            a = sum_zero();
            power = run_powers(s, (left + VAES_BLOCK - 1) / VAES_BLOCK);
        }
    }
    /* Encrypting, the group comes out of the AES units when the last registers have gone there. */
    __m128i carry = encrypt ? _mm_setzero_si128() : group_hash(s, r, a, power, left, few);
    if (few)
        fetch_group(next);
    const v2 c = group_counter(base, counter);
    const unsigned n = (left + REG - 1) / REG, octets = left - (n - 1) * REG;
    switch (n) {
    case 1:
        packet_last(s, r, c, at, octets, encrypt, rounds, 1);
        break;
    case 2:
        packet_last(s, r, c, at, octets, encrypt, rounds, 2);
        break;
    case 3:
        packet_last(s, r, c, at, octets, encrypt, rounds, 3);
        break;
    default:
        packet_last(s, r, c, at, octets, encrypt, rounds, 4);
        break;
    }
    if (encrypt)
        carry = group_hash(s, r, a, power, left, few);
    r->tail[0] = _mm256_xor_si256(r->tail[0], _mm256_zextsi128_si256(carry));
}

/* The IV of a packet as it stands in memory; encryption puts it there first. */
ALWAYS uint64_t iv_of(const struct eng_op *op, bool encrypt)
{
    if (!encrypt)
        return load64(op->esp + VAES_ESP_HDR);
    const uint64_t iv = __builtin_bswap64(op->iv);
    memcpy(op->esp + VAES_ESP_HDR, &iv, sizeof iv);
    return iv;
}

/* Packet *op of session s into r; what was left to do of the one before, of session sb, is done meanwhile. next: where the next
 * packet is, which is fetched when its session has few. */
ALWAYS void gcm_packet(struct keys s, struct rest *r, struct eng_op *op, struct keys sb, struct rest *before,
                       const uint8_t *next, bool encrypt, bool esn, int rounds, bool few)
{
    uint8_t *text = op->esp + VAES_ESP_HDR + VAES_IV;
    const uint32_t len = op->data_len;
    const v2 base = nonce_base(s, iv_of(op, encrypt));
    if (few)
        fetch_group(next);
    r->op = op;
    r->icv = text + len;
    r->bits = (uint64_t)len * 8;
    r->sum = sum_zero();
    r->power = run_powers(s, HEAD_SLOTS + (len + VAES_BLOCK - 1) / VAES_BLOCK);
    const unsigned n = 1 + (len + REG - 1) / REG, octets = len - (n - 2) * REG;
    switch (n) {
    case 1:
        packet_first(s, r, base, text, 0, encrypt, esn, rounds, 1, true);
        break;
    case 2:
        packet_first(s, r, base, text, octets, encrypt, esn, rounds, 2, true);
        break;
    case 3:
        packet_first(s, r, base, text, octets, encrypt, esn, rounds, 3, true);
        break;
    case 4:
        packet_first(s, r, base, text, octets, encrypt, esn, rounds, 4, true);
        break;
    default:
        packet_first(s, r, base, text, REG, encrypt, esn, rounds, 4, false);
        break;
    }
    rest_finish(sb, before, encrypt, esn, few);
    if (n > GROUP)
        packet_more(s, r, base, text + (GROUP - 1) * REG, len - (GROUP - 1) * REG, next + GROUP * REG,
                    encrypt, rounds, few);
}

ALWAYS void gcm_run(const struct eng_session *session, struct eng_op *ops, unsigned count, bool encrypt,
                    bool esn, int rounds)
{
    const struct keys s = keys_of(session);
    struct rest rest[2];
    rest[1].n = 0;
    for (unsigned k = 0; k < count; k++)
        gcm_packet(s, &rest[k & 1], &ops[k], s, &rest[~k & 1], ops[k + 1 < count ? k + 1 : k].esp, encrypt,
                   esn, rounds, false);
    if (count)
        rest_finish(s, &rest[~count & 1], encrypt, esn, false);
}

/* ---- packets of several SAs ---------------------------------------------------------------------------------------- */
/* What was begun and is to be finished with the next packet, of whichever SA. */
struct pending {
    struct rest rest[2];
    struct keys keys; /* of rest[turn ^ 1] */
    unsigned turn;
};

/* next: where the packet behind the run's last one is. */
ALWAYS void run_packets(struct pending *p, struct keys s, const struct eng_run *run, const uint8_t *next,
                        bool encrypt, bool esn, int rounds)
{
    for (unsigned k = 0; k < run->n; k++) {
        gcm_packet(s, &p->rest[p->turn], &run->ops[k], p->keys, &p->rest[p->turn ^ 1],
                   k + 1 < run->n ? run->ops[k + 1].esp : next, encrypt, esn, rounds, true);
        p->turn ^= 1;
        p->keys = s;
    }
}

ALWAYS const uint8_t *packet_behind(const struct eng_run *runs, unsigned i, unsigned count)
{
    return runs[i + 1 < count ? i + 1 : i].ops->esp;
}

ALWAYS void pending_finish(struct pending *p, bool encrypt, bool esn)
{
    if (p->rest[p->turn ^ 1].n)
        rest_finish(p->keys, &p->rest[p->turn ^ 1], encrypt, esn, true);
}

enum { SESSIONS_AHEAD = 3 }; /* as many lines as a core waits for at a time */

/* What a packet of `len` octets reads of its session: the last powers, and the keys behind them. */
ALWAYS void session_fetch(const struct eng_session *s, uint32_t len, int rounds)
{
    const char *keys = (const char *)s->round_key;
    const int key_lines = ((rounds + 1) * VAES_BLOCK + LINE - 1) / LINE;
    _mm_prefetch((const char *)s, _MM_HINT_T0);
    for (int i = 0; i < key_lines; i++)
        _mm_prefetch(keys + i * LINE, _MM_HINT_T0);
    _mm_prefetch(keys - LINE, _MM_HINT_T0);
    _mm_prefetch(keys - 2 * LINE, _MM_HINT_T0);
    if (len > 2 * LINE) {
        _mm_prefetch(keys - 3 * LINE, _MM_HINT_T0);
        _mm_prefetch(keys - 4 * LINE, _MM_HINT_T0);
    }
}

/* As gcm_run, but every run has its own session. */
ALWAYS void gcm_runs(const struct eng_run *runs, unsigned count, bool encrypt, bool esn, int rounds)
{
    struct pending p = {.turn = 0};
    p.rest[1].n = 0;
    for (unsigned i = 0; i < count && i < SESSIONS_AHEAD; i++)
        session_fetch(runs[i].session, runs[i].ops->data_len, rounds);
    for (unsigned i = 0; i < count; i++) {
        if (i + SESSIONS_AHEAD < count)
            session_fetch(runs[i + SESSIONS_AHEAD].session, runs[i + SESSIONS_AHEAD].ops->data_len, rounds);
        run_packets(&p, keys_of(runs[i].session), &runs[i], packet_behind(runs, i, count), encrypt, esn,
                    rounds);
    }
    pending_finish(&p, encrypt, esn);
}

/* ---- GMAC (RFC 4543) ----------------------------------------------------------------------------------------------- */
ALWAYS __m128i mask_of(const struct eng_session *s, uint64_t iv, int rounds)
{
    __m128i b = _mm_set_epi64x((long long)(iv >> 32 | UINT64_C(1) << 56), (long long)(iv << 32));
    b = _mm_xor_si128(b, load1(s->round_key[0]));
    UNROLL
    for (int i = 1; i < rounds; i++)
        b = _mm_aesenc_si128(b, load1(s->round_key[i]));
    return _mm_aesenclast_si128(b, load1(s->round_key[rounds]));
}

/* The hash of block `first` (reversed) and len octets at p, all of them AAD. */
ALWAYS __m128i hash_all(struct keys s, __m128i first, const uint8_t *p, uint32_t len)
{
    const uint8_t *const end = s.h1 + VAES_BLOCK;
    const __m128i bits = _mm_set_epi64x(((long long)len + VAES_BLOCK) * 8, 0);
    struct sum a = sum_zero();
    __m128i carry = sum_reduce(&a, s, first); /* a run of its own */
    const uint8_t *power = run_powers(s, (len + VAES_BLOCK - 1) / VAES_BLOCK);
    while (len > 0) {
        const uint32_t take = len < REG ? len : REG;
        const v2 x = reversed(load2_part(p, take));
        sum_add1(&a, _mm256_xor_si256(x, _mm256_zextsi128_si256(carry)), power, false);
        carry = _mm_setzero_si128();
        power += REG;
        p += take;
        len -= take;
        if (power == end && len > 0) {
            carry = sum_carry(&a);
            a = sum_zero();
            power = run_powers(s, (len + VAES_BLOCK - 1) / VAES_BLOCK);
        }
    }
    return reversed1(sum_reduce(&a, s, _mm_xor_si128(bits, carry)));
}

ALWAYS void gmac_run(const struct eng_session *s, struct eng_op *ops, unsigned count, bool encrypt, bool esn,
                     int rounds)
{
    for (unsigned k = 0; k < count; k++) {
        struct eng_op *op = &ops[k];
        const uint64_t iv = iv_of(op, encrypt), head = load64(op->esp);
        /* With ESN the high half goes between SPI and sequence number (RFC 4543 3.3): four octets of the IV leave the first block. */
        const uint64_t with_hi = (head & 0xffffffff) | (uint64_t)__builtin_bswap32(op->seq_hi) << 32;
        const __m128i first = esn ? _mm_set_epi64x((long long)(head >> 32 | iv << 32), (long long)with_hi)
                                  : _mm_set_epi64x((long long)iv, (long long)head);
        const uint8_t *more = op->esp + VAES_ESP_HDR + (esn ? 4 : VAES_IV);
        uint8_t *icv = op->esp + VAES_ESP_HDR + VAES_IV + op->data_len;
        const __m128i hash = hash_all(keys_of(s), reversed1(first), more, (uint32_t)(icv - more));
        icv_finish(op, icv, _mm_xor_si128(hash, mask_of(s, iv, rounds)), s->icv_len, encrypt);
    }
}

enum { FRAME = 2048 };
VAES_FRAME_WIPE(frame_wipe, v2, FRAME)

#define RUNS(name, rounds, encrypt, esn)                                                                     \
    VAES_OWN_FRAME void name##_kernel(const struct eng_run *runs, unsigned count)                            \
    {                                                                                                        \
        gcm_runs(runs, count, encrypt, esn, rounds);                                                         \
    }                                                                                                        \
    static void name(struct eng_worker *w, const struct eng_run *runs, unsigned count)                       \
    {                                                                                                        \
        (void)w;                                                                                             \
        name##_kernel(runs, count);                                                                          \
        frame_wipe();                                                                                        \
    }
#define RUNSS(rounds)                                                                                        \
    RUNS(gcm_runs_##rounds##_dec, rounds, false, false)                                                      \
    RUNS(gcm_runs_##rounds##_dec_esn, rounds, false, true)                                                   \
    RUNS(gcm_runs_##rounds##_enc, rounds, true, false)                                                       \
    RUNS(gcm_runs_##rounds##_enc_esn, rounds, true, true)

#define BURST(name, run, rounds, encrypt, esn)                                                               \
    VAES_OWN_FRAME void name##_kernel(const struct eng_session *s, struct eng_op *ops, unsigned n)           \
    {                                                                                                        \
        run(s, ops, n, encrypt, esn, rounds);                                                                \
    }                                                                                                        \
    static void name(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)      \
    {                                                                                                        \
        (void)w;                                                                                             \
        name##_kernel(s, ops, n);                                                                            \
        frame_wipe();                                                                                        \
    }
#define BURSTS(run, rounds)                                                                                  \
    BURST(run##_##rounds##_dec, run, rounds, false, false)                                                   \
    BURST(run##_##rounds##_dec_esn, run, rounds, false, true)                                                \
    BURST(run##_##rounds##_enc, run, rounds, true, false)                                                    \
    BURST(run##_##rounds##_enc_esn, run, rounds, true, true)
#define BURST_ROW(run, rounds)                                                                               \
    {                                                                                                        \
        {run##_##rounds##_dec, run##_##rounds##_dec_esn},                                                    \
        {                                                                                                    \
            run##_##rounds##_enc, run##_##rounds##_enc_esn                                                   \
        }                                                                                                    \
    }

RUNSS(10)
RUNSS(12)
RUNSS(14)
BURSTS(gcm_run, 10)
BURSTS(gcm_run, 12)
BURSTS(gcm_run, 14)
BURSTS(gmac_run, 10)
BURSTS(gmac_run, 12)
BURSTS(gmac_run, 14)

const struct vaes_kernels vaes_avx2 = {
    .name = "AVX2",
    .run = VAES_RUN2,
    .gcm = {BURST_ROW(gcm_run, 10), BURST_ROW(gcm_run, 12), BURST_ROW(gcm_run, 14)},
    .runs = {BURST_ROW(gcm_runs, 10), BURST_ROW(gcm_runs, 12), BURST_ROW(gcm_runs, 14)},
    .gmac = {BURST_ROW(gmac_run, 10), BURST_ROW(gmac_run, 12), BURST_ROW(gmac_run, 14)},
};
