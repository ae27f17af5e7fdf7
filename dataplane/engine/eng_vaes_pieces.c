/* Packets in pieces (eng_vaes_key.h). Two blocks per register, on processors with AVX512 as well: between two pieces there is mostly a block that lies in both, and
 * what is left of the time goes to waiting for memory. */
#include "dataplane/engine/eng_vaes_frame.h"
#include "dataplane/engine/eng_vaes_key.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))

typedef __m256i v2; /* two blocks */

enum {
    REG = 2 * VAES_BLOCK,
    MANY = 8, /* registers at a time, while there are so many; then FEW; then block by block */
    FEW = 2,
    FRAME_MAX = 2048, /* octets that the compiler takes at the most */
};

enum mode { DECRYPT, ENCRYPT, HASH };

struct stream {
    __m128i y; /* GHASH of what has been, reversed (eng_vaes_key.h) */
    __m128i
        counter; /* of the next block: zeros where the salt is in the round key, IV, number as a word of this machine */
    uint64_t octets;
    unsigned used; /* of the block that the last piece ended in */
    uint8_t mask[VAES_BLOCK], text[VAES_BLOCK];
};

/* ---- GHASH --------------------------------------------------------------------------------------------------- */
ALWAYS __m128i load(const void *p)
{
    return _mm_loadu_si128(p);
}

ALWAYS __m128i reversed(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

ALWAYS v2 reversed2(v2 v)
{
    return _mm256_shuffle_epi8(
        v, _mm256_broadcastsi128_si256(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* As multiply of eng_vaes_key.c. */
ALWAYS __m128i reduce(__m128i lo, __m128i mi, __m128i hi)
{
    const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000, 1);
    mi = _mm_xor_si128(_mm_xor_si128(mi, _mm_shuffle_epi32(lo, 0x4e)), _mm_clmulepi64_si128(poly, lo, 0x01));
    return _mm_xor_si128(_mm_xor_si128(hi, _mm_shuffle_epi32(mi, 0x4e)),
                         _mm_clmulepi64_si128(poly, mi, 0x01));
}

/* H^k is power[VAES_POWERS - k] in either layout. */
ALWAYS void hash_block(const struct eng_session *s, struct stream *t, __m128i block)
{
    const __m128i h = load(s->power[VAES_POWERS - 1]), x = _mm_xor_si128(t->y, reversed(block));
    t->y = reduce(_mm_clmulepi64_si128(x, h, 0x00),
                  _mm_xor_si128(_mm_clmulepi64_si128(x, h, 0x01), _mm_clmulepi64_si128(x, h, 0x10)),
                  _mm_clmulepi64_si128(x, h, 0x11));
}

ALWAYS __m128i both(v2 v)
{
    return _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

ALWAYS void hash_regs(const struct eng_session *s, struct stream *t, const v2 *text, int regs)
{
    v2 lo = _mm256_setzero_si256(), mi = lo, hi = lo;
    for (int i = 0; i < regs; i++) {
        const v2 h = _mm256_loadu_si256((const void *)s->power[VAES_POWERS - 2 * (regs - i)]);
        v2 x = reversed2(text[i]);
        if (i == 0)
            x = _mm256_xor_si256(x, _mm256_inserti128_si256(_mm256_setzero_si256(), t->y, 0));
        lo = _mm256_xor_si256(lo, _mm256_clmulepi64_epi128(x, h, 0x00));
        mi = _mm256_xor_si256(mi, _mm256_clmulepi64_epi128(x, h, 0x01));
        mi = _mm256_xor_si256(mi, _mm256_clmulepi64_epi128(x, h, 0x10));
        hi = _mm256_xor_si256(hi, _mm256_clmulepi64_epi128(x, h, 0x11));
    }
    t->y = reduce(both(lo), both(mi), both(hi));
}

/* ---- AES in counter mode -------------------------------------------------------------------------------------- */
ALWAYS __m128i counter_block(__m128i counter)
{
    return _mm_shuffle_epi8(counter, _mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
}

ALWAYS __m128i aes_block(const struct eng_session *s, __m128i block)
{
    block = _mm_xor_si128(block, load(s->round_key[0]));
    for (unsigned i = 1; i < s->rounds; i++)
        block = _mm_aesenc_si128(block, load(s->round_key[i]));
    return _mm_aesenclast_si128(block, load(s->round_key[s->rounds]));
}

ALWAYS v2 key2(const struct eng_session *s, unsigned i)
{
    return _mm256_broadcastsi128_si256(load(s->round_key[i]));
}

ALWAYS __m128i counted(__m128i counter, int n)
{
    return _mm_add_epi32(counter, _mm_set_epi32(n, 0, 0, 0));
}

ALWAYS __m128i mask_next(const struct eng_session *s, struct stream *t)
{
    const __m128i mask = aes_block(s, counter_block(t->counter));
    t->counter = counted(t->counter, 1);
    return mask;
}

ALWAYS void masks_next(const struct eng_session *s, struct stream *t, v2 *mask, int regs)
{
    const v2 zero = key2(s, 0);
    for (int i = 0; i < regs; i++)
        mask[i] = _mm256_xor_si256(
            zero, _mm256_inserti128_si256(_mm256_castsi128_si256(counter_block(counted(t->counter, 2 * i))),
                                          counter_block(counted(t->counter, 2 * i + 1)), 1));
    for (unsigned r = 1; r < s->rounds; r++) {
        const v2 key = key2(s, r);
        for (int i = 0; i < regs; i++)
            mask[i] = _mm256_aesenc_epi128(mask[i], key);
    }
    const v2 last = key2(s, s->rounds);
    for (int i = 0; i < regs; i++)
        mask[i] = _mm256_aesenclast_epi128(mask[i], last);
    t->counter = counted(t->counter, 2 * regs);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */
ALWAYS void regs_do(const struct eng_session *s, struct stream *t, uint8_t *at, int regs, enum mode mode)
{
    v2 text[MANY], mask[MANY];
    for (int i = 0; i < regs; i++)
        text[i] = _mm256_loadu_si256((const void *)(at + i * REG));
    if (mode != HASH)
        masks_next(s, t, mask, regs);
    if (mode != ENCRYPT)
        hash_regs(s, t, text, regs);
    if (mode == HASH)
        return;
    for (int i = 0; i < regs; i++) {
        text[i] = _mm256_xor_si256(text[i], mask[i]);
        _mm256_storeu_si256((void *)(at + i * REG), text[i]);
    }
    if (mode == ENCRYPT)
        hash_regs(s, t, text, regs);
}

ALWAYS void block_do(const struct eng_session *s, struct stream *t, uint8_t *at, enum mode mode)
{
    const __m128i in = load(at);
    const __m128i out = mode == HASH ? in : _mm_xor_si128(in, mask_next(s, t));
    hash_block(s, t, mode == ENCRYPT ? out : in);
    if (mode != HASH)
        _mm_storeu_si128((void *)at, out);
}

/* Less than a block, or the rest of one that was begun. */
ALWAYS void octets_do(const struct eng_session *s, struct stream *t, uint8_t *at, unsigned n, enum mode mode)
{
    if (n > 0 && t->used == 0 && mode != HASH)
        _mm_storeu_si128((void *)t->mask, mask_next(s, t));
    for (unsigned i = 0; i < n; i++, t->used++) {
        const uint8_t in = at[i], out = mode == HASH ? in : in ^ t->mask[t->used];
        t->text[t->used] = mode == ENCRYPT ? out : in;
        if (mode != HASH)
            at[i] = out;
    }
    if (t->used == VAES_BLOCK) {
        hash_block(s, t, load(t->text));
        t->used = 0;
    }
}

ALWAYS void piece_do(const struct eng_session *s, struct stream *t, uint8_t *at, uint32_t len, enum mode mode)
{
    t->octets += len;
    if (t->used) {
        const uint32_t room = VAES_BLOCK - t->used, n = len < room ? len : room;
        octets_do(s, t, at, n, mode);
        at += n;
        len -= n;
    }
    for (; len >= MANY * REG; at += MANY * REG, len -= MANY * REG)
        regs_do(s, t, at, MANY, mode);
    for (; len >= FEW * REG; at += FEW * REG, len -= FEW * REG)
        regs_do(s, t, at, FEW, mode);
    for (; len >= VAES_BLOCK; at += VAES_BLOCK, len -= VAES_BLOCK)
        block_do(s, t, at, mode);
    octets_do(s, t, at, len, mode);
}

ALWAYS void block_end(const struct eng_session *s, struct stream *t)
{
    if (t->used) {
        memset(t->text + t->used, 0, VAES_BLOCK - t->used);
        hash_block(s, t, load(t->text));
    }
    t->used = 0;
}

/* ---- a packet ------------------------------------------------------------------------------------------------------ */
/* SPI, high half with ESN, low half (RFC 4106 5), and the IV behind them; gives the octets of AAD. */
ALWAYS unsigned head_make(const struct eng_op *op, bool esn, uint8_t head[VAES_AAD_ESN + VAES_IV])
{
    const uint32_t hi = __builtin_bswap32(op->seq_hi);
    memcpy(head, op->esp, VAES_AAD);
    if (esn) {
        memcpy(head + 4, &hi, 4);
        memcpy(head + 8, op->esp + 4, 4);
    }
    const unsigned len = esn ? VAES_AAD_ESN : VAES_AAD;
    memcpy(head + len, op->esp + VAES_ESP_HDR, VAES_IV);
    return len;
}

ALWAYS __m128i lengths(uint64_t aad, uint64_t text)
{
    return _mm_set_epi64x((long long)__builtin_bswap64(text * 8), (long long)__builtin_bswap64(aad * 8));
}

/* Encrypts and writes the ICV, or decrypts and compares it; over our own length, in constant time. */
ALWAYS bool icv_done(const struct eng_session *s, __m128i tag, uint8_t *icv, bool encrypt)
{
    uint8_t own[VAES_BLOCK], other = 0;
    _mm_storeu_si128((void *)own, tag);
    if (encrypt)
        memcpy(icv, own, s->icv_len);
    else
        for (unsigned i = 0; i < s->icv_len; i++)
            other |= own[i] ^ icv[i];
    return other == 0;
}

ALWAYS void packet(const struct eng_session *s, struct eng_op *op, const struct eng_piece *pieces, unsigned n,
                   uint8_t *icv, bool encrypt, bool esn, bool gmac)
{
    const enum mode mode = gmac ? HASH : encrypt ? ENCRYPT : DECRYPT;
    uint8_t head[VAES_AAD_ESN + VAES_IV];
    uint64_t iv = __builtin_bswap64(op->iv);
    if (encrypt)
        memcpy(op->esp + VAES_ESP_HDR, &iv, VAES_IV);
    else
        memcpy(&iv, op->esp + VAES_ESP_HDR, VAES_IV);
    const unsigned aad = head_make(op, esn, head);
    struct stream t = {.counter = _mm_set_epi32(1, (int)(iv >> 32), (int)(uint32_t)iv, 0)};
    t.y = _mm_setzero_si128();
    const __m128i first = mask_next(s, &t);
    piece_do(s, &t, head, gmac ? aad + VAES_IV : aad,
             HASH); /* RFC 4543 3.3: the IV and the payload as well */
    if (!gmac)
        block_end(s, &t);
    for (unsigned i = 0; i < n; i++)
        piece_do(s, &t, pieces[i].at, pieces[i].len, mode);
    block_end(s, &t);
    hash_block(s, &t, gmac ? lengths(t.octets, 0) : lengths(aad, t.octets - aad));
    op->ok = icv_done(s, _mm_xor_si128(reversed(t.y), first), icv, encrypt);
}

VAES_FRAME_WIPE(frame_wipe, v2, FRAME_MAX)

#define PIECES(name, encrypt, esn, gmac)                                                                     \
    VAES_OWN_FRAME void name##_kernel(const struct eng_session *s, struct eng_op *op,                        \
                                      const struct eng_piece *pieces, unsigned n, uint8_t *icv)              \
    {                                                                                                        \
        packet(s, op, pieces, n, icv, encrypt, esn, gmac);                                                   \
    }                                                                                                        \
    static void name(struct eng_worker *w, const struct eng_session *s, struct eng_op *op,                   \
                     const struct eng_piece *pieces, unsigned n, uint8_t *icv)                               \
    {                                                                                                        \
        (void)w;                                                                                             \
        name##_kernel(s, op, pieces, n, icv);                                                                \
        frame_wipe();                                                                                        \
    }

PIECES(gcm_dec, false, false, false)
PIECES(gcm_dec_esn, false, true, false)
PIECES(gcm_enc, true, false, false)
PIECES(gcm_enc_esn, true, true, false)
PIECES(gmac_dec, false, false, true)
PIECES(gmac_dec_esn, false, true, true)
PIECES(gmac_enc, true, false, true)
PIECES(gmac_enc_esn, true, true, true)

eng_pieces_fn *const vaes_pieces[2][2][2] = {{{gcm_dec, gcm_dec_esn}, {gcm_enc, gcm_enc_esn}},
                                             {{gmac_dec, gmac_dec_esn}, {gmac_enc, gmac_enc_esn}}};
