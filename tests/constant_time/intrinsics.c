#include "tests/constant_time/marked.h"

#include <immintrin.h>
#include <sanitizer/msan_interface.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 16 };

enum ct_mutant ct_mutant;

void ct_secret(void *p, size_t n)
{
    __msan_poison(p, n);
}

void ct_public(void *p, size_t n)
{
    __msan_unpoison(p, n);
}

bool ct_any_secret(const void *p, size_t n)
{
    return __msan_test_shadow(p, n) >= 0;
}

bool ct_all_secret(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!ct_any_secret((const uint8_t *)p + i, 1))
            return false;
    return true;
}

/* ---- instructions, a block each ----------------------------------------------------------------------------------- */
void ct_shuffle(const void *a, const void *index, void *out, unsigned lanes);
void ct_aes_last(const void *a, const void *key, void *out, unsigned lanes);
void ct_product(const void *a, const void *b, int halves, void *out, unsigned lanes);
int ct_none_of(const void *a, const void *mask);

void ct_shuffle(const void *a, const void *index, void *out, unsigned lanes)
{
    for (unsigned at = 0; at < lanes * BLOCK; at += BLOCK) {
        const uint8_t *from = (const uint8_t *)a + at, *i = (const uint8_t *)index + at;
        uint8_t *to = (uint8_t *)out + at;
        for (unsigned b = 0; b < BLOCK; b++)
            to[b] = i[b] & 0x80 ? 0 : from[i[b] & (BLOCK - 1)];
    }
}

__attribute__((target("aes"))) static void last_round(const void *a, const void *key, void *out)
{
    const __m128i r = _mm_aesenclast_si128(_mm_loadu_si128(a), _mm_loadu_si128(key));
    _mm_storeu_si128(out, r);
}

/* FIPS 197 5.1.1, 5.1.2 and 5.1.4, as software without AES instructions does it. */
static void last_round_by_table(const uint8_t *a, const uint8_t *key, uint8_t *out)
{
    static uint8_t s_box[256];
    if (s_box[0] == 0)
        for (unsigned i = 0; i < sizeof s_box; i++) {
            const uint8_t none[BLOCK] = {0};
            uint8_t same[BLOCK], r[BLOCK];
            memset(same, (int)i, sizeof same);
            last_round(same, none, r);
            s_box[i] = r[0];
        }
    for (unsigned column = 0; column < 4; column++)
        for (unsigned row = 0; row < 4; row++)
            out[4 * column + row] = s_box[a[4 * ((column + row) % 4) + row]] ^ key[4 * column + row];
}

void ct_aes_last(const void *a, const void *key, void *out, unsigned lanes)
{
    for (unsigned at = 0; at < lanes * BLOCK; at += BLOCK) {
        const uint8_t *from = (const uint8_t *)a + at, *k = (const uint8_t *)key + at;
        uint8_t *to = (uint8_t *)out + at;
        if (ct_mutant == CT_TABLE)
            last_round_by_table(from, k, to);
        else
            last_round(from, k, to);
        if (ct_any_secret(from, BLOCK) || ct_any_secret(k, BLOCK))
            ct_secret(to, BLOCK);
    }
}

__attribute__((target("pclmul"))) static void product(const uint64_t *a, const uint64_t *b, uint64_t out[2])
{
    const __m128i r =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)*a), _mm_cvtsi64_si128((long long)*b), 0x00);
    _mm_storeu_si128((void *)out, r);
}

static void product_by_bits(uint64_t a, uint64_t b, uint64_t out[2])
{
    out[0] = out[1] = 0;
    for (unsigned i = 0; i < 64; i++)
        if (a >> i & 1) {
            out[0] ^= b << i;
            out[1] ^= i ? b >> (64 - i) : 0;
        }
}

/* Lanes behind a packet's last block are: of whatever they are multiplied by nothing remains. */
static bool known_zero(const uint64_t *v)
{
    return !ct_any_secret(v, sizeof *v) && *v == 0;
}

void ct_product(const void *a, const void *b, int halves, void *out, unsigned lanes)
{
    for (unsigned at = 0; at < lanes * BLOCK; at += BLOCK) {
        uint64_t x, y, r[2];
        memcpy(&x, (const uint8_t *)a + at + (halves & 0x01 ? 8 : 0), sizeof x);
        memcpy(&y, (const uint8_t *)b + at + (halves & 0x10 ? 8 : 0), sizeof y);
        if (ct_mutant == CT_BIT)
            product_by_bits(x, y, r);
        else
            product(&x, &y, r);
        if (known_zero(&x) || known_zero(&y))
            ct_public(r, sizeof r);
        else if (ct_any_secret(&x, sizeof x) || ct_any_secret(&y, sizeof y))
            ct_secret(r, sizeof r);
        memcpy((uint8_t *)out + at, r, sizeof r);
    }
}

int ct_none_of(const void *a, const void *mask)
{
    const uint8_t *x = a, *m = mask;
    uint8_t any = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        any |= x[i] & m[i];
        if (ct_mutant == CT_EARLY_OUT && any)
            return 0;
    }
    return any == 0; /* not by borrowing: MemorySanitizer marks no carries */
}
