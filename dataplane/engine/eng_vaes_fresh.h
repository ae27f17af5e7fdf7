/* eng_vaes_fresh: what a packet needs of its session, made of the session's seed while it is wanted, for FRESH_SAS SAs at once.
 *
 * In a burst of many SAs the round keys and powers of each would be nine cache lines from memory, which take longer to come than the packet
 * takes to be encrypted. Made afresh they are one pair of lines and some instructions: round keys of four SAs in one register (FIPS 197 5.2),
 * four powers of one SA in another, each four from the four before them by a product with H^4. In constant time: what is done depends on
 * lengths alone. AES-128 and AES-256.
 *
 * Internal to eng_vaes_avx512.c, whose registers these are. */
#ifndef DATAPLANE_ENGINE_ENG_VAES_FRESH_H
#define DATAPLANE_ENGINE_ENG_VAES_FRESH_H

#include "dataplane/engine/eng_vaes_ghash.h"

enum {
    FRESH_GROUPS = 1, /* of four SAs, whose round keys are made together */
    FRESH_SAS = FRESH_GROUPS * LANES,
    FRESH_POWERS = VAES_RUN4_FEW + LANES, /* H^17 .. H^1, and three that are not used in front of them */
};

/* Of a batch of SAs; on the stack of whoever works on it, and wiped with that. */
struct fresh {
    uint8_t round[FRESH_GROUPS][VAES_ROUNDS_MAX + 1][LANES][VAES_BLOCK];
    uint8_t power[FRESH_SAS][FRESH_POWERS][VAES_BLOCK];
    uint8_t behind[REG]; /* what stands behind H^1 is loaded, and comes to nothing */
} __attribute__((aligned(64)));

/* ---- round keys -------------------------------------------------------------------------------------------------- */
ALWAYS v4 broadcast(const void *block)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128(block));
}

/* One block of each of four SAs. */
ALWAYS v4 gather4(const void *a, const void *b, const void *c, const void *d)
{
    v4 v = broadcast(a);
    v = _mm512_mask_broadcast_i32x4(v, 0x00f0, _mm_loadu_si128(b));
    v = _mm512_mask_broadcast_i32x4(v, 0x0f00, _mm_loadu_si128(c));
    return _mm512_mask_broadcast_i32x4(v, 0xf000, _mm_loadu_si128(d));
}

/* What is added to the words of a round key: from `k`, the one in front, its last word through SubWord, of which the last AES round does no
 * more to a block whose columns are alike. rotate: RotWord before it, and rcon (FIPS 197 5.2). */
ALWAYS v4 key_word(v4 k, bool rotate, uint32_t rcon)
{
    const v4 word = _mm512_set1_epi32(rotate ? 0x0c0f0e0d : 0x0f0e0d0c);
    return _mm512_aesenclast_epi128(_mm512_shuffle_epi8(k, word), _mm512_set1_epi32((int)rcon));
}

/* Each word of k with those in front of it, and t, added. */
ALWAYS v4 key_mix(v4 k, v4 t)
{
    k = _mm512_xor_si512(k, _mm512_bslli_epi128(k, 4));
    return xor3(k, _mm512_bslli_epi128(k, 8), t);
}

/* Where the keys of a group's round r go. */
ALWAYS void key_put(struct fresh *f, unsigned group, unsigned r, v4 k)
{
    _mm512_store_si512(f->round[group][r], k);
}

/* The seeds of the group's four SAs. */
ALWAYS void seed_keys(struct fresh *f, unsigned group, const struct eng_session *const s[LANES], v4 key[2])
{
    key[0] = gather4(s[0]->key[0], s[1]->key[0], s[2]->key[0], s[3]->key[0]);
    key[1] = gather4(s[0]->key[1], s[1]->key[1], s[2]->key[1], s[3]->key[1]);
    key_put(f, group, 0, key[0]);
    key_put(f, group, 1, key[1]);
}

static const uint8_t fresh_rcon[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36};

ALWAYS void fresh_keys_128(struct fresh *f, unsigned group, const struct eng_session *const s[LANES])
{
    v4 k[2];
    seed_keys(f, group, s, k);
    for (unsigned r = 2; r <= 10; r++) {
        k[1] = key_mix(k[1], key_word(k[1], true, fresh_rcon[r - 1]));
        key_put(f, group, r, k[1]);
    }
}

/* Without the salt, which was added to the first round key. */
ALWAYS v4 unsalted(v4 k, const struct eng_session *const s[LANES])
{
    uint32_t salt[LANES];
    for (unsigned i = 0; i < LANES; i++)
        memcpy(&salt[i], s[i]->salt, sizeof salt[i]);
    return _mm512_xor_si512(k, _mm512_set_epi32(0, 0, 0, (int)salt[3], 0, 0, 0, (int)salt[2], 0, 0, 0,
                                                (int)salt[1], 0, 0, 0, (int)salt[0]));
}

ALWAYS void fresh_keys_256(struct fresh *f, unsigned group, const struct eng_session *const s[LANES])
{
    v4 k[2];
    seed_keys(f, group, s, k);
    k[0] = unsalted(k[0], s);
    for (unsigned r = 2; r <= 14; r++) {
        const v4 word = r % 2 == 0 ? key_word(k[1], true, fresh_rcon[r / 2 - 1]) : key_word(k[1], false, 0);
        const v4 next = key_mix(k[0], word);
        k[0] = k[1];
        k[1] = next;
        key_put(f, group, r, next);
    }
}

/* ---- powers ------------------------------------------------------------------------------------------------------ */
/* Those that packets of up to `slots` slots read (eng_vaes_avx512.c); of more than 16, runs of 16 and what is left. */
ALWAYS void fresh_powers(uint8_t power[FRESH_POWERS][VAES_BLOCK], const struct eng_session *s, uint32_t slots)
{
    v4 p = _mm512_mask_broadcast_i32x4(_mm512_load_si512(s->power), 0xf000,
                                       _mm_load_si128((const void *)s->hash_key));
    const v4 h4 = broadcast(s->power[0]);
    _mm512_store_si512(power[FRESH_POWERS - LANES], p);
    if (slots < LANES)
        return;
    p = times4(p, h4);
    _mm512_store_si512(power[FRESH_POWERS - 2 * LANES], p);
    if (slots < 2 * LANES)
        return;
    p = times4(p, h4);
    _mm512_store_si512(power[FRESH_POWERS - 3 * LANES], p);
    if (slots < 3 * LANES)
        return;
    p = times4(p, h4);
    _mm512_store_si512(power[FRESH_POWERS - 4 * LANES], p);
    if (slots % VAES_RUN4_FEW == 0) /* a run that ends with the text: H^17 */
        _mm512_store_si512(power[0], times4(p, h4));
}
static_assert(VAES_RUN4_FEW == 4 * LANES && VAES_SEED4 == LANES - 1, "four registers, the first in the seed");

/* ---- fetching ahead ---------------------------------------------------------------------------------------------- */
/* The lines that all that is wanted of a session is made of. */
ALWAYS void seed_fetch(const struct eng_session *s)
{
    _mm_prefetch((const char *)s, _MM_HINT_T0);
    _mm_prefetch((const char *)s->power, _MM_HINT_T0);
}

enum {
    SESSIONS_AHEAD = 3, /* as many lines as a core waits for at a time */
    FEW_LINES = VAES_RUN4_FEW * VAES_BLOCK / REG,
};

/* What a packet of `len` octets reads of its session: the last powers, and the keys behind them. */
ALWAYS void session_fetch(const struct eng_session *s, uint32_t len, int rounds)
{
    const char *keys = (const char *)s->round_key;
    const int key_lines = ((rounds + 1) * VAES_BLOCK + REG - 1) / REG;
    _mm_prefetch((const char *)s, _MM_HINT_T0);
    for (int i = 0; i < key_lines; i++)
        _mm_prefetch(keys + i * REG, _MM_HINT_T0);
    _mm_prefetch(keys - REG, _MM_HINT_T0);
    _mm_prefetch(keys - 2 * REG, _MM_HINT_T0);
    if (len > 2 * REG)
        for (int i = 3; i <= FEW_LINES; i++)
            _mm_prefetch(keys - i * REG, _MM_HINT_T0);
}

#endif
