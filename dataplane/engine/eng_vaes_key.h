/* eng_vaes_key: what the vaes engine expands once per SA, and which of its kernels work on it.
 *
 * Internal to the vaes engine and its tests: eng_vaes_key.c fills a session; eng_vaes_avx2.c and eng_vaes_avx512.c read it. */
#ifndef DATAPLANE_ENGINE_ENG_VAES_KEY_H
#define DATAPLANE_ENGINE_ENG_VAES_KEY_H

#include "dataplane/engine/eng.h"
#include "dataplane/engine/eng_session.h"

enum {
    VAES_BLOCK = 16,
    VAES_ROUNDS_MAX = 14,
    VAES_ESP_HDR = 8, /* SPI and sequence number (RFC 4303 2) */
    VAES_IV = 8,      /* RFC 4106 3.1, RFC 4543 3.1 */
    VAES_POWERS = 36, /* octet blocks of room for powers of H, in either layout */
    /* AVX512: runs of 32 blocks between two reductions: H^33 .. H^1, then zeros for the lanes behind the last block. */
    VAES_RUN4 = 32,
    /* AVX2: runs of 16: H^17 .. H^1, a zero; then as many again, both halves of each added, twice (Karatsuba). */
    VAES_RUN2 = 16,
    VAES_FOLD2 = VAES_RUN2 + 2,
};

/* Powers of the hash key H. `power` counts down: the last block of a run of n is multiplied by H^2 (H^1 is the length
 * block's), the one in front of it by H^3, and so on, so a run of any length finds its powers in one piece.
 * Each is H^k * x^-1 in reversed octet order: the product of two such elements needs no shift (Gueron and Kounavis,
 * Intel Carry-Less Multiplication and its usage for GCM, 2010, section "bit reflection"). */
struct eng_session {
    struct eng_session_head head;
    uint8_t icv_len;                                               /* 8, 12 or 16 (RFC 4106 6) */
    uint8_t rounds;                                                /* 10, 12 or 14 (FIPS 197) */
    uint8_t aad_len_hash[VAES_BLOCK] __attribute__((aligned(16))); /* what the AAD's length adds to the tag */
    uint8_t round_key[VAES_ROUNDS_MAX + 1][VAES_BLOCK] __attribute__((aligned(64))); /* the salt in [0] */
    uint8_t power[VAES_POWERS][VAES_BLOCK]; /* H^32 of the AVX512 layout is 64-octet aligned */
};

/* One processor generation's kernels. */
struct vaes_kernels {
    const char *name;
    unsigned run;               /* VAES_RUN4 or VAES_RUN2: the layout of powers that they read */
    eng_burst_fn *gcm[3][2][2]; /* AES-128, -192, -256; decrypt, encrypt; without, with ESN */
    eng_burst_fn *gmac[3][2][2];
};
extern const struct vaes_kernels vaes_avx2, vaes_avx512;

/* Expands key (16, 24 or 32 octets) and salt (4 octets) for `k`. aad_len: octets of AAD of every packet, or 0 for GMAC,
 * whose AAD is the packet. In constant time; *s is wiped with secret_wipe by its owner. Needs AES-NI and PCLMULQDQ. */
void vaes_key_expand(struct eng_session *s, const struct vaes_kernels *k, const uint8_t *key,
                     unsigned key_len, const uint8_t *salt, unsigned aad_len, unsigned icv_len);

#endif
