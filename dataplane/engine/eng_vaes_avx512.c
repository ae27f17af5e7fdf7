/* eng_vaes_avx512: AES-GCM and GMAC, four blocks per register (AVX-512, VAES, VPCLMULQDQ). Manual: eng_vaes_key.h.
 *
 * How a packet lies in registers. Slot i is the block with counter value i. A register holds four slots, from a multiple of four
 * on, so the first holds counters 0 to 3: slot 0 is nothing, slot 1 encrypts to the mask of the tag (SP 800-38D 7.1
 * steps 2 and 6) and holds the AAD block for the hash, slot 2 is the first block of text. As the first counter of a register is a multiple of
 * four, and that of a group of four registers one of sixteen, counters are made by XOR alone.
 *
 * The last registers of a packet are hashed after the next packet's first registers have been put into the AES
 * units: both units then have work, and a burst of short packets is not one long chain. What waits for that is in registers from packet to packet (struct rest):
 * nothing may take its address but to hand it to what is inlined. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/engine/eng_mem.h"
#include "dataplane/engine/eng_vaes_frame.h"
#include "dataplane/engine/eng_vaes_fresh.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
/* Arrays of registers stay registers only when every index is a constant. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 4")
#endif

enum {
    GROUP = 4, /* registers that are encrypted together */
    GROUP_SLOTS = GROUP * LANES,
    HEAD_SLOTS = 2, /* in front of the text: nothing, and the tag's */
    HEAD = HEAD_SLOTS * VAES_BLOCK,
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
    v4 x[GROUP]; /* blocks that have not been hashed, reversed; zero behind the last */
    struct sum sum;
    __m128i mask; /* of the tag */
    const uint8_t *power;
    struct eng_op *op;
    uint8_t *icv;
    uint64_t bits; /* of text */
    unsigned n;    /* registers in x; 0: there is no packet */
    bool length;   /* ... the last of which has the length block, too */
};

ALWAYS struct rest rest_none(void)
{
    const v4 z = _mm512_setzero_si512();
    return (struct rest){.x = {z, z, z, z}, .sum = sum_zero(), .mask = _mm_setzero_si128()};
}

/* The compiler does not see that it is the same key each time: it would keep some on the stack. */
ALWAYS v4 key4(struct keys s, unsigned round)
{
    __asm__ volatile("" : "+r"(s.round));
    return _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)(const void *)(s.round + round * s.step)));
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

/* ---- AES ------------------------------------------------------------------------------------------------ */
/* st: counter blocks with the first round key added; becomes the key stream, with in[] added. */
ALWAYS void aes(struct keys s, v4 *st, const v4 *in, int rounds, int n)
{
#define ROUND(r)                                                                                             \
    do {                                                                                                     \
        const v4 k = key4(s, r);                                                                             \
        st[0] = _mm512_aesenc_epi128(st[0], k);                                                              \
        if (n > 1)                                                                                           \
            st[1] = _mm512_aesenc_epi128(st[1], k);                                                          \
        if (n > 2)                                                                                           \
            st[2] = _mm512_aesenc_epi128(st[2], k);                                                          \
        if (n > 3)                                                                                           \
            st[3] = _mm512_aesenc_epi128(st[3], k);                                                          \
    } while (0)
    ROUND(1);
    ROUND(2);
    ROUND(3);
    ROUND(4);
    ROUND(5);
    ROUND(6);
    ROUND(7);
    ROUND(8);
    ROUND(9);
    if (rounds > 10) {
        ROUND(10);
        ROUND(11);
    }
    if (rounds > 12) {
        ROUND(12);
        ROUND(13);
    }
#undef ROUND
    const v4 last = key4(s, rounds); /* the text is added with the last key: one step off the chain */
    st[0] = _mm512_aesenclast_epi128(st[0], _mm512_xor_si512(last, in[0]));
    if (n > 1)
        st[1] = _mm512_aesenclast_epi128(st[1], _mm512_xor_si512(last, in[1]));
    if (n > 2)
        st[2] = _mm512_aesenclast_epi128(st[2], _mm512_xor_si512(last, in[2]));
    if (n > 3)
        st[3] = _mm512_aesenclast_epi128(st[3], _mm512_xor_si512(last, in[3]));
}

/* The same for four registers, with a group of blocks hashed in between. */
ALWAYS void aes_hash(struct keys s, v4 *st, const v4 *in, int rounds, struct sum *a, const v4 *x,
                     const uint8_t *power)
{
#define ROUND(r)                                                                                             \
    do {                                                                                                     \
        const v4 round_key = key4(s, r);                                                                     \
        st[0] = _mm512_aesenc_epi128(st[0], round_key);                                                      \
        st[1] = _mm512_aesenc_epi128(st[1], round_key);                                                      \
        st[2] = _mm512_aesenc_epi128(st[2], round_key);                                                      \
        st[3] = _mm512_aesenc_epi128(st[3], round_key);                                                      \
    } while (0)
    v4 h = _mm512_loadu_si512(power), g = _mm512_loadu_si512(power + REG), p, q, f, k;
    ROUND(1);
    p = _mm512_clmulepi64_epi128(x[0], h, 0x00);
    q = _mm512_clmulepi64_epi128(x[1], g, 0x00);
    f = folded2(x[0], x[1]);
    ROUND(2);
    a->lo = xor3(a->lo, p, q);
    p = _mm512_clmulepi64_epi128(x[0], h, 0x11);
    q = _mm512_clmulepi64_epi128(x[1], g, 0x11);
    k = folded2(h, g);
    ROUND(3);
    a->hi = xor3(a->hi, p, q);
    p = _mm512_clmulepi64_epi128(f, k, 0x00);
    q = _mm512_clmulepi64_epi128(f, k, 0x11);
    ROUND(4);
    a->mi = xor3(a->mi, p, q);
    h = _mm512_loadu_si512(power + 2 * REG);
    g = _mm512_loadu_si512(power + 3 * REG);
    ROUND(5);
    p = _mm512_clmulepi64_epi128(x[2], h, 0x00);
    q = _mm512_clmulepi64_epi128(x[3], g, 0x00);
    f = folded2(x[2], x[3]);
    ROUND(6);
    a->lo = xor3(a->lo, p, q);
    p = _mm512_clmulepi64_epi128(x[2], h, 0x11);
    q = _mm512_clmulepi64_epi128(x[3], g, 0x11);
    k = folded2(h, g);
    ROUND(7);
    a->hi = xor3(a->hi, p, q);
    p = _mm512_clmulepi64_epi128(f, k, 0x00);
    q = _mm512_clmulepi64_epi128(f, k, 0x11);
    ROUND(8);
    a->mi = xor3(a->mi, p, q);
    ROUND(9);
    if (rounds > 10) {
        ROUND(10);
        ROUND(11);
    }
    if (rounds > 12) {
        ROUND(12);
        ROUND(13);
    }
#undef ROUND
    const v4 last = key4(s, rounds);
    UNROLL
    for (int i = 0; i < GROUP; i++)
        st[i] = _mm512_aesenclast_epi128(st[i], _mm512_xor_si512(last, in[i]));
}

/* ---- counters ----------------------------------------------------------------------------------------------- */
/* Nonce and first round key; the counter is zero. The salt has been added to the key. */
ALWAYS v4 nonce_base(struct keys s, uint64_t iv)
{
    /* The IV stands in words 1 and 2: its halves swapped, in every quadword, and two words of four taken. */
    const v4 v = _mm512_set1_epi64((long long)(iv << 32 | iv >> 32));
    const v4 k = key4(s, 0);
    return _mm512_mask_xor_epi32(k, 0x6666, k, v);
}

/* Counters 4i to 4i+3 of a group, on top of `base`. */
ALWAYS v4 slots(v4 base, int i)
{
    const int c = 4 * i;
    return _mm512_xor_si512(base, _mm512_set_epi32((c + 3) << 24, 0, 0, 0, (c + 2) << 24, 0, 0, 0,
                                                   (c + 1) << 24, 0, 0, 0, c << 24, 0, 0, 0));
}

ALWAYS v4 group_counter(uint32_t first)
{
    return _mm512_maskz_set1_epi32(0x8888, (int)__builtin_bswap32(first));
}

/* ---- one packet ------------------------------------------------------------------------------------------------ */
ALWAYS uint64_t iv_be(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The AAD in slot 1 (RFC 4106 5): SPI and sequence number, with ESN its high half between them. */
ALWAYS v4 aad_put(v4 x, const struct eng_op *op, bool esn)
{
    uint64_t a, b;
    memcpy(&a, op->esp, sizeof a);
    if (!esn)
        return _mm512_mask_set1_epi64(x, 0x04, (long long)a);
    b = a >> 32;
    a = (a & 0xffffffff) | (uint64_t)__builtin_bswap32(op->seq_hi) << 32;
    x = _mm512_mask_set1_epi64(x, 0x04, (long long)a);
    return _mm512_mask_set1_epi64(x, 0x08, (long long)b);
}

/* First register: text in its upper half. `mask`: octets of that half. */
ALWAYS v4 first_load(const uint8_t *text, __mmask32 mask, bool whole)
{
    const __m256i t = whole ? _mm256_loadu_si256((const void *)text) : _mm256_maskz_loadu_epi8(mask, text);
    return _mm512_inserti64x4(_mm512_setzero_si512(), t, 1);
}

ALWAYS void first_store(uint8_t *text, v4 out, __mmask32 mask, bool whole)
{
    const __m256i t = _mm512_extracti64x4_epi64(out, 1);
    if (whole)
        _mm256_storeu_si256((void *)text, t);
    else
        _mm256_mask_storeu_epi8(text, mask, t);
}

/* The length block (SP 800-38D 7.1 step 5), reversed. */
ALWAYS __m128i length_block(uint64_t bits, bool esn)
{
    return _mm_set_epi64x(esn ? VAES_AAD_ESN * 8 : VAES_AAD * 8, (long long)bits);
}

/* x is the last register of a packet, `octets` of it are in use: the length block goes behind them, if there is room. H^1 stands behind the last block's power. */
ALWAYS v4 length_put(v4 x, struct rest *r, unsigned octets, bool esn)
{
    const unsigned lane = (octets + VAES_BLOCK - 1) / VAES_BLOCK;
    r->length = lane < LANES;
    return _mm512_mask_broadcast_i32x4(x, (__mmask16)(0xf << 4 * lane), length_block(r->bits, esn));
}

/* The first n registers of a packet. last: they are all of it, and the last holds `octets` octets of text (the first of a packet, 0 to
 * 32; others 1 to 64). */
ALWAYS void packet_first(struct keys s, struct rest *r, v4 base, uint8_t *text, unsigned octets, bool encrypt,
                         bool esn, int rounds, int n, bool last)
{
    v4 st[GROUP], in[GROUP];
    const __mmask32 m32 = (__mmask32)((UINT64_C(1) << (octets & 63)) - 1);
    const __mmask64 m64 = n > 1 ? UINT64_MAX >> (64 - octets) : 0;
    in[0] = first_load(text, m32, n > 1);
    st[0] = slots(base, 0);
    UNROLL
    for (int i = 1; i < n; i++) {
        const uint8_t *at = text + i * REG - HEAD;
        in[i] = last && i == n - 1 ? _mm512_maskz_loadu_epi8(m64, at) : _mm512_loadu_si512(at);
        st[i] = slots(base, i);
    }
    aes(s, st, in, rounds, n);
    first_store(text, st[0], m32, n > 1);
    r->mask = _mm512_extracti32x4_epi32(st[0], 1);
    v4 x = n > 1 ? (encrypt ? _mm512_maskz_mov_epi64(0xf0, st[0]) : in[0])
                 : (encrypt ? _mm512_maskz_mov_epi8((__mmask64)m32 << 32, st[0]) : in[0]);
    r->x[0] = reversed(aad_put(x, r->op, esn));
    if (last && n == 1)
        r->x[0] = length_put(r->x[0], r, HEAD + octets, esn);
    UNROLL
    for (int i = 1; i < n; i++) {
        uint8_t *at = text + i * REG - HEAD;
        if (last && i == n - 1) {
            _mm512_mask_storeu_epi8(at, m64, st[i]);
            r->x[i] =
                length_put(reversed(encrypt ? _mm512_maskz_mov_epi8(m64, st[i]) : in[i]), r, octets, esn);
        } else {
            _mm512_storeu_si512(at, st[i]);
            r->x[i] = reversed(encrypt ? st[i] : in[i]);
        }
    }
    r->n = (unsigned)n;
}

/* The last n registers of a packet whose others have been done; octets: of the last, 1 to 64. */
ALWAYS void packet_last(struct keys s, struct rest *r, v4 base, uint8_t *at, unsigned octets, bool encrypt,
                        bool esn, int rounds, int n)
{
    v4 st[GROUP], in[GROUP];
    const __mmask64 m64 = UINT64_MAX >> (64 - octets);
    UNROLL
    for (int i = 0; i < n; i++) {
        in[i] = i == n - 1 ? _mm512_maskz_loadu_epi8(m64, at + i * REG) : _mm512_loadu_si512(at + i * REG);
        st[i] = slots(base, i);
    }
    aes(s, st, in, rounds, n);
    UNROLL
    for (int i = 0; i < n - 1; i++) {
        _mm512_storeu_si512(at + i * REG, st[i]);
        r->x[i] = reversed(encrypt ? st[i] : in[i]);
    }
    _mm512_mask_storeu_epi8(at + (n - 1) * REG, m64, st[n - 1]);
    r->x[n - 1] =
        length_put(reversed(encrypt ? _mm512_maskz_mov_epi8(m64, st[n - 1]) : in[n - 1]), r, octets, esn);
    r->n = (unsigned)n;
}

/* The length block times H^1 (SP 800-38D 7.1 step 5). */
ALWAYS void sum_length(struct sum *a, struct keys s, uint64_t bits, bool esn)
{
    const __m128i h = _mm_load_si128((const __m128i *)(const void *)power_at(s, 1));
    const __m128i len = length_block(bits, esn);
    const __m128i mi = _mm_clmulepi64_si128(folded1(len), folded1(h), 0x00);
    a->lo = _mm512_xor_si512(a->lo, _mm512_zextsi128_si512(_mm_clmulepi64_si128(len, h, 0x00)));
    a->mi = _mm512_xor_si512(a->mi, _mm512_zextsi128_si512(mi));
    a->hi = _mm512_xor_si512(a->hi, _mm512_zextsi128_si512(_mm_clmulepi64_si128(len, h, 0x11)));
}

ALWAYS void icv_finish(struct eng_op *op, uint8_t *icv, __m128i tag, unsigned icv_len, bool encrypt)
{
    if (LIKELY(icv_len == VAES_BLOCK)) {
        if (encrypt) {
            _mm_storeu_si128((void *)icv, tag);
            op->ok = true;
        } else {
            const __m128i d = _mm_xor_si128(tag, _mm_loadu_si128((const void *)icv));
            op->ok = _mm_testz_si128(d, d);
        }
        return;
    }
    const __mmask16 m = (__mmask16)((1u << icv_len) - 1); /* the leftmost octets (SP 800-38D 7.1 step 6) */
    if (encrypt) {
        _mm_mask_storeu_epi8(icv, m, tag);
        op->ok = true;
    } else {
        const __m128i d = _mm_xor_si128(tag, _mm_maskz_loadu_epi8(m, icv));
        op->ok = _mm_mask_test_epi8_mask(m, d, d) == 0;
    }
}

ALWAYS void rest_finish(struct keys s, struct rest *r, bool encrypt, bool esn)
{
    struct sum a = r->sum;
    switch (r->n) {
    case 0:
        return;
    case 1:
        sum_add(&a, r->x, r->power, 1);
        break;
    case 2:
        sum_add(&a, r->x, r->power, 2);
        break;
    case 3:
        sum_add(&a, r->x, r->power, 3);
        break;
    default:
        sum_add(&a, r->x, r->power, 4);
        break;
    }
    if (!r->length)
        sum_length(&a, s, r->bits, esn);
    icv_finish(r->op, r->icv, _mm_xor_si128(reversed1(sum_reduce(&a)), r->mask), *s.length, encrypt);
}

/* Where the powers of the next run begin: all that is left, when it fits between two reductions. */
ALWAYS const uint8_t *run_powers(struct keys s, uint32_t slots_left, bool few)
{
    const uint32_t run = few ? VAES_RUN4_FEW : VAES_RUN4;
    return power_at(s, slots_left <= run ? slots_left + 1 : run);
}

/* Four lines of the next packet: it lies in the second-level cache, and comes while this one is worked on. */
ALWAYS void fetch_group(const uint8_t *p)
{
    UNROLL
    for (int i = 0; i < GROUP; i++)
        _mm_prefetch((const char *)p + i * REG, _MM_HINT_T0);
}

/* Hashes the group of a packet in front of its last registers; power: of it. Gives what comes to the first of those. left: octets in them. */
ALWAYS __m128i group_hash(struct keys s, struct rest *r, struct sum a, const v4 *x, const uint8_t *power,
                          uint32_t left, bool few)
{
    __m128i carry = _mm_setzero_si128();
    sum_add(&a, x, power, GROUP);
    power += GROUP * REG;
    if (power == s.h1 + VAES_BLOCK) {
        carry = sum_reduce(&a);
        a = sum_zero();
        power = run_powers(s, (left + VAES_BLOCK - 1) / VAES_BLOCK, few);
    }
    r->power = power;
    r->sum = a;
    return carry;
}

/* Everything behind the first four registers. left: octets of text behind them. next: where the next packet has them. */
ALWAYS void packet_more(struct keys s, struct rest *r, v4 base, uint8_t *at, uint32_t left,
                        const uint8_t *next, bool encrypt, bool esn, int rounds, bool few)
{
    const uint8_t *const end = s.h1 + VAES_BLOCK; /* behind H^1: the run is complete */
    const uint8_t *power = r->power;
    struct sum a = sum_zero();
    v4 x[GROUP] = {r->x[0], r->x[1], r->x[2], r->x[3]}, st[GROUP], in[GROUP];
    uint32_t counter = GROUP_SLOTS;
    for (; left > GROUP * REG; left -= GROUP * REG, at += GROUP * REG, next += GROUP * REG) {
        fetch_group(next);
        const v4 c = _mm512_xor_si512(base, group_counter(counter));
        counter += GROUP_SLOTS;
        UNROLL
        for (int i = 0; i < GROUP; i++) {
            in[i] = _mm512_loadu_si512(at + i * REG);
            st[i] = slots(c, i);
        }
        aes_hash(s, st, in, rounds, &a, x, power);
        power += GROUP * REG;
        UNROLL
        for (int i = 0; i < GROUP; i++) {
            _mm512_storeu_si512(at + i * REG, st[i]);
            x[i] = reversed(encrypt ? st[i] : in[i]);
        }
        if (power == end) {
            x[0] = _mm512_xor_si512(x[0], _mm512_zextsi128_si512(sum_reduce(&a)));
            a = sum_zero();
            power = run_powers(s, (left + VAES_BLOCK - 1) / VAES_BLOCK, few);
        }
    }
    /* Encrypting, the group comes out of the AES units when the last registers have gone there. */
    __m128i carry = encrypt ? _mm_setzero_si128() : group_hash(s, r, a, x, power, left, few);
    fetch_group(next);
    const v4 c = _mm512_xor_si512(base, group_counter(counter));
    const unsigned n = (left + REG - 1) / REG, octets = left - (n - 1) * REG;
    switch (n) {
    case 1:
        packet_last(s, r, c, at, octets, encrypt, esn, rounds, 1);
        break;
    case 2:
        packet_last(s, r, c, at, octets, encrypt, esn, rounds, 2);
        break;
    case 3:
        packet_last(s, r, c, at, octets, encrypt, esn, rounds, 3);
        break;
    default:
        packet_last(s, r, c, at, octets, encrypt, esn, rounds, 4);
        break;
    }
    if (encrypt)
        carry = group_hash(s, r, a, x, power, left, few);
    r->x[0] = _mm512_xor_si512(r->x[0], _mm512_zextsi128_si512(carry));
}

/* Packet *op of session s into r; what was left to do of the one before, of session sb, is done meanwhile. next: where the next
 * packet is. few: of its run; then the short run of powers is used. */
ALWAYS void gcm_packet(struct keys s, struct rest *r, struct eng_op *op, struct keys sb, struct rest *before,
                       const uint8_t *next, bool encrypt, bool esn, int rounds, bool few)
{
    uint8_t *text = op->esp + VAES_ESP_HDR + VAES_IV;
    const uint32_t len = op->data_len, all = HEAD + len;
    uint64_t iv;
    if (encrypt) {
        iv = __builtin_bswap64(op->iv);
        memcpy(op->esp + VAES_ESP_HDR, &iv, sizeof iv);
    } else {
        iv = iv_be(op->esp + VAES_ESP_HDR);
    }
    const v4 base = nonce_base(s, iv);
    fetch_group(next);
    *r = rest_none();
    r->op = op;
    r->icv = text + len;
    r->bits = (uint64_t)len * 8;
    /* one power each for slots 0 .. and not for slot 0, which is nothing: all slots but the length block's */
    r->power = run_powers(s, HEAD_SLOTS + (len + VAES_BLOCK - 1) / VAES_BLOCK, few);
    const unsigned n = (all + REG - 1) / REG, octets = all - (n - 1) * REG;
    switch (n) {
    case 1:
        packet_first(s, r, base, text, len, encrypt, esn, rounds, 1, true);
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
        packet_first(s, r, base, text, 64, encrypt, esn, rounds, 4, false);
        break;
    }
    rest_finish(sb, before, encrypt, esn);
    if (n > GROUP)
        packet_more(s, r, base, text + GROUP * REG - HEAD, all - GROUP * REG, next + GROUP * REG, encrypt,
                    esn, rounds, few);
}

ALWAYS void gcm_run(const struct eng_session *session, struct eng_op *ops, unsigned count, bool encrypt,
                    bool esn, int rounds)
{
    const struct keys s = keys_of(session);
    struct rest before = rest_none(), now;
    for (unsigned k = 0; k < count; k++) {
        gcm_packet(s, &now, &ops[k], s, &before, ops[k + 1 < count ? k + 1 : k].esp, encrypt, esn, rounds,
                   false);
        before = now;
    }
    rest_finish(s, &before, encrypt, esn);
}

/* ---- packets of several SAs ---------------------------------------------------------------------------------------- */
/* What was begun and is to be finished with the next packet, of whichever SA. */
struct pending {
    struct rest before;
    struct keys keys; /* of that */
};

/* next: where the packet behind the run's last one is. */
ALWAYS void run_packets(struct pending *p, struct keys s, const struct eng_run *run, const uint8_t *next,
                        bool encrypt, bool esn, int rounds)
{
    struct rest now;
    for (unsigned k = 0; k < run->n; k++) {
        gcm_packet(s, &now, &run->ops[k], p->keys, &p->before, k + 1 < run->n ? run->ops[k + 1].esp : next,
                   encrypt, esn, rounds, true);
        p->before = now;
        p->keys = s;
    }
}

ALWAYS const uint8_t *packet_behind(const struct eng_run *runs, unsigned i, unsigned count)
{
    return runs[i + 1 < count ? i + 1 : i].ops->esp;
}

enum {
    FRESH_AHEAD = LANES, /* runs */
    SEEDS_AHEAD = 3 * LANES,
};
static_assert(FRESH_AHEAD % LANES == 0 && FRESH_AHEAD <= 2 * FRESH_SAS - LANES,
              "nothing is made over what is in use");

/* A single packet reads what its length says; packets of other lengths beside it may read whatever there is. */
ALWAYS uint32_t run_slots(const struct eng_run *run)
{
    return run->n == 1 ? HEAD_SLOTS + (run->ops->data_len + VAES_BLOCK - 1) / VAES_BLOCK : VAES_RUN4_FEW;
}

/* Of run `at` and those behind it in its batch: the round keys of a group, four SAs, of which there is one at least; the powers of one. */
ALWAYS void fresh_group(struct fresh *f, unsigned group, const struct eng_run *runs, unsigned at,
                        unsigned count, int rounds)
{
    const struct eng_session *s[LANES];
    for (unsigned i = 0; i < LANES; i++)
        s[i] = runs[at + i < count ? at + i : count - 1].session;
    if (rounds == 10)
        fresh_keys_128(f, group, s);
    else
        fresh_keys_256(f, group, s);
}

/* All of run `at` that has not been made with runs before it, if there is such a run. */
ALWAYS void fresh_make(struct fresh fresh[2], const struct eng_run *runs, unsigned at, unsigned count,
                       int rounds)
{
    struct fresh *f = &fresh[at / FRESH_SAS & 1];
    const unsigned i = at % FRESH_SAS;
    if (at >= count)
        return;
    if (i % LANES == 0)
        fresh_group(f, i / LANES, runs, at, count, rounds);
    fresh_powers(f->power[i], runs[at].session, run_slots(&runs[at]));
}

/* As gcm_run, but every run has its own session. What one reads is made while others, a batch in front of it, are encrypted: that keeps
 * the AES units busy, this those that shuffle and multiply. */
ALWAYS void gcm_runs_fresh(const struct eng_run *runs, unsigned count, bool encrypt, bool esn, int rounds)
{
    struct fresh fresh[2];
    struct pending p = {.before = rest_none()};
    for (unsigned i = 0; i < count && i < SEEDS_AHEAD; i++)
        seed_fetch(runs[i].session);
    for (unsigned i = 0; i < FRESH_AHEAD; i++)
        fresh_make(fresh, runs, i, count, rounds);
    for (unsigned at = 0; at < count; at++) {
        const struct fresh *f = &fresh[at / FRESH_SAS & 1];
        const unsigned i = at % FRESH_SAS;
        const struct keys s = {f->round[i / LANES][0][i % LANES], REG, f->power[i][FRESH_POWERS - 1],
                               &runs[at].session->icv_len};
        if (at + SEEDS_AHEAD < count)
            seed_fetch(runs[at + SEEDS_AHEAD].session);
        fresh_make(fresh, runs, at + FRESH_AHEAD, count, rounds);
        run_packets(&p, s, &runs[at], packet_behind(runs, at, count), encrypt, esn, rounds);
    }
    rest_finish(p.keys, &p.before, encrypt, esn);
}

/* The same with what the sessions have expanded: where there are few, and for AES-192. */
ALWAYS void gcm_runs_expanded(const struct eng_run *runs, unsigned count, bool encrypt, bool esn, int rounds)
{
    struct pending p = {.before = rest_none()};
    for (unsigned i = 0; i < count && i < SESSIONS_AHEAD; i++)
        session_fetch(runs[i].session, runs[i].ops->data_len, rounds);
    for (unsigned i = 0; i < count; i++) {
        if (i + SESSIONS_AHEAD < count)
            session_fetch(runs[i + SESSIONS_AHEAD].session, runs[i + SESSIONS_AHEAD].ops->data_len, rounds);
        run_packets(&p, keys_of(runs[i].session), &runs[i], packet_behind(runs, i, count), encrypt, esn,
                    rounds);
    }
    rest_finish(p.keys, &p.before, encrypt, esn);
}

static bool sessions_are_near(void)
{
    struct eng_mem_use sessions;
    eng_mem_used(ENG_MEM_SESSION, &sessions);
    return sessions.bytes < vaes_near_octets;
}

/* ---- GMAC (RFC 4543) ----------------------------------------------------------------------------------------------- */
ALWAYS __m128i mask_of(const struct eng_session *s, uint64_t iv, int rounds)
{
    __m128i b = _mm_set_epi64x((long long)(iv >> 32 | UINT64_C(1) << 56), (long long)(iv << 32));
    b = _mm_xor_si128(b, _mm_load_si128((const __m128i *)(const void *)s->round_key[0]));
    UNROLL
    for (int i = 1; i < rounds; i++)
        b = _mm_aesenc_si128(b, _mm_load_si128((const __m128i *)(const void *)s->round_key[i]));
    return _mm_aesenclast_si128(b, _mm_load_si128((const __m128i *)(const void *)s->round_key[rounds]));
}

/* len octets at p, behind the block `first`, which has been reversed. */
ALWAYS __m128i hash_all(struct keys s, __m128i first, const uint8_t *p, uint32_t len, uint64_t aad_bits)
{
    const uint8_t *const end = s.h1 + VAES_BLOCK;
    uint32_t blocks = (len + VAES_BLOCK - 1) / VAES_BLOCK;
    /* the first block has a run of its own: one product */
    struct sum a = sum_zero();
    const uint8_t *power = run_powers(s, blocks, false);
    __m128i carry;
    {
        const __m128i h = _mm_load_si128((const __m128i *)(const void *)power_at(s, 1));
        struct sum one = sum_zero();
        one.lo = _mm512_zextsi128_si512(_mm_clmulepi64_si128(first, h, 0x00));
        one.mi = _mm512_zextsi128_si512(_mm_clmulepi64_si128(folded1(first), folded1(h), 0x00));
        one.hi = _mm512_zextsi128_si512(_mm_clmulepi64_si128(first, h, 0x11));
        carry = sum_reduce(&one);
    }
    while (len > 0) {
        const uint32_t take = len < REG ? len : REG;
        v4 x = take == REG ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8(UINT64_MAX >> (64 - take), p);
        x = _mm512_xor_si512(reversed(x), _mm512_zextsi128_si512(carry));
        carry = _mm_setzero_si128();
        sum_add1(&a, x, power);
        power += REG;
        p += take;
        len -= take;
        if (power == end && len > 0) {
            carry = sum_reduce(&a);
            a = sum_zero();
            power = run_powers(s, (len + VAES_BLOCK - 1) / VAES_BLOCK, false);
        }
    }
    const __m128i h = _mm_load_si128((const __m128i *)(const void *)power_at(s, 1));
    const __m128i bits = _mm_set_epi64x((long long)aad_bits, 0);
    const __m128i y = _mm_xor_si128(bits, carry);
    a.lo = _mm512_xor_si512(a.lo, _mm512_zextsi128_si512(_mm_clmulepi64_si128(y, h, 0x00)));
    a.mi = _mm512_xor_si512(a.mi, _mm512_zextsi128_si512(_mm_clmulepi64_si128(folded1(y), folded1(h), 0x00)));
    a.hi = _mm512_xor_si512(a.hi, _mm512_zextsi128_si512(_mm_clmulepi64_si128(y, h, 0x11)));
    return reversed1(sum_reduce(&a));
}

ALWAYS void gmac_run(const struct eng_session *s, struct eng_op *ops, unsigned count, bool encrypt, bool esn,
                     int rounds)
{
    for (unsigned k = 0; k < count; k++) {
        struct eng_op *op = &ops[k];
        uint64_t iv;
        if (encrypt) {
            iv = __builtin_bswap64(op->iv);
            memcpy(op->esp + VAES_ESP_HDR, &iv, sizeof iv);
        } else {
            iv = iv_be(op->esp + VAES_ESP_HDR);
        }
        const uint32_t taken = esn ? VAES_ESP_HDR + 4 : VAES_ESP_HDR + VAES_IV;
        const uint32_t len = VAES_ESP_HDR + VAES_IV + op->data_len - taken;
        uint64_t head;
        memcpy(&head, op->esp, sizeof head);
        const uint64_t with_hi = (head & 0xffffffff) | (uint64_t)__builtin_bswap32(op->seq_hi) << 32;
        const __m128i first = esn ? _mm_set_epi64x((long long)(head >> 32 | iv << 32), (long long)with_hi)
                                  : _mm_set_epi64x((long long)iv, (long long)head);
        const __m128i hash =
            hash_all(keys_of(s), reversed1(first), op->esp + taken, len, ((uint64_t)len + VAES_BLOCK) * 8);
        icv_finish(op, op->esp + taken + len, _mm_xor_si128(hash, mask_of(s, iv, rounds)), s->icv_len,
                   encrypt);
    }
}

/* ---- what stays behind --------------------------------------------------------------------------------------------- */
enum { FRAME = 512, FRAME_FRESH = sizeof(struct fresh[2]) + 2 * FRAME };

VAES_FRAME_WIPE(frame_wipe, v4, FRAME)
VAES_FRAME_WIPE(frame_wipe_fresh, v4, FRAME_FRESH)

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

#define RUNS(name, rounds, encrypt, esn)                                                                     \
    VAES_OWN_FRAME void name##_near(const struct eng_run *runs, unsigned count)                              \
    {                                                                                                        \
        gcm_runs_expanded(runs, count, encrypt, esn, rounds);                                                \
    }                                                                                                        \
    VAES_OWN_FRAME void name##_far(const struct eng_run *runs, unsigned count)                               \
    {                                                                                                        \
        gcm_runs_fresh(runs, count, encrypt, esn, rounds);                                                   \
    }                                                                                                        \
    static void name(struct eng_worker *w, const struct eng_run *runs, unsigned count)                       \
    {                                                                                                        \
        (void)w;                                                                                             \
        if ((rounds) == 12 || sessions_are_near()) {                                                         \
            name##_near(runs, count);                                                                        \
            frame_wipe();                                                                                    \
        } else {                                                                                             \
            name##_far(runs, count);                                                                         \
            frame_wipe_fresh();                                                                              \
        }                                                                                                    \
    }
#define RUNSS(rounds)                                                                                        \
    RUNS(gcm_runs_##rounds##_dec, rounds, false, false)                                                      \
    RUNS(gcm_runs_##rounds##_dec_esn, rounds, false, true)                                                   \
    RUNS(gcm_runs_##rounds##_enc, rounds, true, false)                                                       \
    RUNS(gcm_runs_##rounds##_enc_esn, rounds, true, true)

RUNSS(10)
RUNSS(12)
RUNSS(14)
BURSTS(gcm_run, 10)
BURSTS(gcm_run, 12)
BURSTS(gcm_run, 14)
BURSTS(gmac_run, 10)
BURSTS(gmac_run, 12)
BURSTS(gmac_run, 14)

const struct vaes_kernels vaes_avx512 = {
    .name = "AVX512",
    .run = VAES_RUN4,
    .gcm = {BURST_ROW(gcm_run, 10), BURST_ROW(gcm_run, 12), BURST_ROW(gcm_run, 14)},
    .runs = {BURST_ROW(gcm_runs, 10), BURST_ROW(gcm_runs, 12), BURST_ROW(gcm_runs, 14)},
    .gmac = {BURST_ROW(gmac_run, 10), BURST_ROW(gmac_run, 12), BURST_ROW(gmac_run, 14)},
};
