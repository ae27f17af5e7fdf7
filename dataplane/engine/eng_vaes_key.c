#include "dataplane/engine/eng_vaes_key.h"

#include "common/secret.h"

#include <immintrin.h>
#include <string.h>

enum { SALT = 4 };

uint64_t vaes_near_octets = VAES_NEAR_OCTETS;

#define NI __attribute__((target("aes,pclmul,ssse3,sse4.1")))

static inline __m128i load(const void *p)
{
    return _mm_loadu_si128(p);
}

static inline void store(void *p, __m128i v)
{
    _mm_storeu_si128(p, v);
}

NI static inline __m128i reversed(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* SubWord of FIPS 197 5.2 without a table: the last AES round does it to a block whose columns are all alike, where
 * ShiftRows changes nothing. */
NI static uint32_t sub_word(uint32_t w)
{
    return (uint32_t)_mm_cvtsi128_si32(_mm_aesenclast_si128(_mm_set1_epi32((int)w), _mm_setzero_si128()));
}

static uint32_t word_rotr(uint32_t w, unsigned n)
{
    return w >> n | w << (32 - n);
}

/* FIPS 197 5.2. Words are kept as they stand in memory, so RotWord rotates to the right. */
static void round_keys(struct eng_session *s, const uint8_t *key, unsigned key_len)
{
    uint32_t w[4 * (VAES_ROUNDS_MAX + 1)];
    const unsigned nk = key_len / 4, count = 4 * (s->rounds + 1u);
    uint32_t rcon = 1;
    memcpy(w, key, key_len);
    for (unsigned i = nk; i < count; i++) {
        uint32_t t = w[i - 1];
        if (i % nk == 0) {
            t = sub_word(word_rotr(t, 8)) ^ rcon;
            rcon = rcon << 1 ^ (rcon >> 7) * 0x11b;
        } else if (nk > 6 && i % nk == 4) {
            t = sub_word(t);
        }
        w[i] = w[i - nk] ^ t;
    }
    memcpy(s->round_key, w, 4 * count);
    secret_wipe(w, sizeof w);
}

NI static __m128i encrypt_zero(const struct eng_session *s)
{
    __m128i b = load(s->round_key[0]);
    for (unsigned i = 1; i < s->rounds; i++)
        b = _mm_aesenc_si128(b, load(s->round_key[i]));
    return _mm_aesenclast_si128(b, load(s->round_key[s->rounds]));
}

/* v * x^-1. In reversed order that is a shift to the left; what falls out is x^-1 = x^127 + x^6 + x + 1. */
NI static __m128i divide_by_x(__m128i v)
{
    const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
    const __m128i top = _mm_shuffle_epi32(_mm_srai_epi32(v, 31), 0xff);
    const __m128i carry = _mm_slli_si128(_mm_srli_epi64(v, 63), 8);
    return _mm_xor_si128(_mm_or_si128(_mm_slli_epi64(v, 1), carry), _mm_and_si128(top, poly));
}

/* a * b of two elements of which one, or both, carry the x^-1; the product has one x^-1 fewer than they. The low half is folded
 * into the middle, the middle into the high half: one multiplication by x^127 + x^126 + x^121 each. */
NI static __m128i multiply(__m128i a, __m128i b)
{
    const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
    __m128i lo = _mm_clmulepi64_si128(a, b, 0x00), hi = _mm_clmulepi64_si128(a, b, 0x11);
    __m128i mi = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
    mi = _mm_xor_si128(_mm_xor_si128(mi, _mm_shuffle_epi32(lo, 0x4e)), _mm_clmulepi64_si128(poly, lo, 0x01));
    return _mm_xor_si128(_mm_xor_si128(hi, _mm_shuffle_epi32(mi, 0x4e)),
                         _mm_clmulepi64_si128(poly, mi, 0x01));
}

NI static void powers(struct eng_session *s, unsigned run)
{
    uint8_t(*power)[VAES_BLOCK] = s->power + (run == VAES_RUN4 ? VAES_FIRST4 : VAES_FIRST2);
    const __m128i h = divide_by_x(reversed(encrypt_zero(s)));
    __m128i p = h;
    memset(s->power, 0, sizeof s->power);
    store(s->hash_key, h);
    for (unsigned i = run + 1; i-- > 0; p = multiply(p, h)) {
        store(power[i], p);
        if (run == VAES_RUN2)
            store(s->power[VAES_FIRST2 - VAES_FOLD2 + i], _mm_xor_si128(p, _mm_shuffle_epi32(p, 0x4e)));
    }
}

/* The nonce begins with the salt (RFC 4106 4): added to the first round key once, not to every block. */
static void salt_set(struct eng_session *s, const uint8_t *salt)
{
    for (unsigned i = 0; i < SALT; i++)
        s->round_key[0][i] ^= salt[i];
    memcpy(s->salt, salt, SALT);
}

/* What kernels for many SAs begin with. */
static void seed_set(struct eng_session *s, unsigned run)
{
    memcpy(s->key, s->round_key, sizeof s->key);
    if (run == VAES_RUN4)
        memcpy(s->power, s->power[VAES_POWERS - VAES_SEED4 - 1], VAES_SEED4 * VAES_BLOCK);
}
static_assert(VAES_SEED4 <= VAES_FIRST4, "in front of the powers");

void vaes_key_expand(struct eng_session *s, const struct vaes_kernels *k, const uint8_t *key,
                     unsigned key_len, const uint8_t *salt, unsigned icv_len)
{
    s->rounds = (uint8_t)(key_len / 4 + 6);
    s->icv_len = (uint8_t)icv_len;
    round_keys(s, key, key_len);
    powers(s, k->run);
    salt_set(s, salt);
    seed_set(s, k->run);
}
