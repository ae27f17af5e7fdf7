/* eng_vaes_key: what the vaes engine expands once per SA, and which of its kernels work on it.
 *
 * Internal to the vaes engine and its tests: eng_vaes_key.c fills a session; eng_vaes_avx2.c, eng_vaes_avx512.c and
 * eng_vaes_pieces.c read it. */
#ifndef DATAPLANE_ENGINE_ENG_VAES_KEY_H
#define DATAPLANE_ENGINE_ENG_VAES_KEY_H

#include "dataplane/engine/eng.h"
#include "dataplane/engine/eng_session.h"

enum {
    VAES_BLOCK = 16,
    VAES_ROUNDS_MAX = 14,
    VAES_ESP_HDR = 8, /* SPI and sequence number (RFC 4303 2) */
    VAES_IV = 8,      /* RFC 4106 3.1, RFC 4543 3.1 */
    VAES_AAD = 8,     /* octets of a GCM packet's, without and with ESN (RFC 4106 5) */
    VAES_AAD_ESN = 12,
    VAES_POWERS = 36, /* octet blocks of room for powers of H, in either layout */
    /* AVX512: runs of 32 blocks between two reductions: H^33 .. H^1, the last ones of the room. Lanes behind the last block are zero, and
     * what stands behind H^1 (keys) comes to nothing with them. */
    VAES_RUN4 = 32,
    VAES_FIRST4 = VAES_POWERS - VAES_RUN4 - 1, /* index of H^33 */
    VAES_SEED4 = 3,                            /* in front of it: H^4 .. H^2 once more */
    VAES_RUN4_FEW = 16, /* ... of which packets of SAs that have few in a burst use the last ones */
    /* AVX2: runs of 16: H^17 .. H^1, the last ones of the room; VAES_FOLD2 in front of each the same, both halves of it added, twice
     * (Karatsuba). */
    VAES_RUN2 = 16,
    VAES_FOLD2 = VAES_RUN2 + 2,
    VAES_FIRST2 = VAES_POWERS - VAES_RUN2 - 1, /* index of H^17 */
};

/* Powers of the hash key H. `power` counts down: the last block of a run of n is multiplied by H^2 (H^1 is the length
 * block's), the one in front of it by H^3, and so on, so a run of any length finds its powers in one piece.
 * Each is H^k * x^-1 in reversed octet order: the product of two such elements needs no shift (Gueron and Kounavis,
 * Intel Carry-Less Multiplication and its usage for GCM, 2010, section "bit reflection").
 *
 * The seed is the first line: whatever else there is can be made of it, and kernels for packets of many SAs do so where that is faster than
 * to wait for nine lines (eng_vaes_fresh.h). The second line is fetched with it by processors that fetch lines by pairs: for AVX512 it begins
 * with H^4, H^3 and H^2, in room that its powers do not need. Behind them in order of use, so that what a short packet reads lies together. */
struct eng_session {
    struct eng_session_head head;
    uint8_t icv_len; /* 8, 12 or 16 (RFC 4106 6) */
    uint8_t rounds;  /* 10, 12 or 14 (FIPS 197) */
    uint8_t salt[4] __attribute__((aligned(4)));
    uint8_t hash_key[VAES_BLOCK]; /* H^1, as below */
    uint8_t key[2][VAES_BLOCK];   /* round_key[0] and [1] */
    uint8_t power[VAES_POWERS][VAES_BLOCK] __attribute__((aligned(64)));
    uint8_t round_key[VAES_ROUNDS_MAX + 1][VAES_BLOCK] __attribute__((aligned(64))); /* the salt in [0] */
} __attribute__((aligned(64)));

/* One processor generation's kernels. */
struct vaes_kernels {
    const char *name;
    unsigned run;               /* VAES_RUN4 or VAES_RUN2: the layout of powers that they read */
    eng_burst_fn *gcm[3][2][2]; /* AES-128, -192, -256; decrypt, encrypt; without, with ESN */
    eng_burst_fn *gmac[3][2][2];
    eng_runs_fn *runs[3][2][2]; /* of gcm, for runs of few packets; NULL: there are none */
};
extern const struct vaes_kernels vaes_avx2, vaes_avx512;

/* Packets in pieces, with either layout of powers: GCM, GMAC; decrypt, encrypt; without, with ESN. */
extern eng_pieces_fn *const vaes_pieces[2][2][2];

/* As long as all sessions take fewer octets than this, they lie in the second-level cache, and kernels for packets of many SAs read them as
 * they are; from here on they make what they need afresh. For tests to change, and for the self-test, before there are workers. */
extern uint64_t vaes_near_octets;
enum { VAES_NEAR_OCTETS = 1 << 20 };

/* Expands key (16, 24 or 32 octets) and salt (4 octets) for `k`. In constant time; *s is wiped with secret_wipe by its owner. Needs AES-NI and PCLMULQDQ. */
void vaes_key_expand(struct eng_session *s, const struct vaes_kernels *k, const uint8_t *key,
                     unsigned key_len, const uint8_t *salt, unsigned icv_len);

#endif
