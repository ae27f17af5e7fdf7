/* eng_ipsecmb_session: what the ipsec-mb engine keeps of an SA, and how an AEAD's packet begins.
 *
 * Internal to the engine: eng_ipsecmb.c makes sessions and works on bursts, eng_ipsecmb_pieces.c on packets in pieces. */
#ifndef DATAPLANE_ENGINE_ENG_IPSECMB_SESSION_H
#define DATAPLANE_ENGINE_ENG_IPSECMB_SESSION_H

#include "dataplane/engine/eng.h"
#include "dataplane/engine/eng_session.h"

#include <intel-ipsec-mb.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <string.h>

enum {
    ESP_HDR = 8, /* SPI and sequence number (RFC 4303 2) */
    AEAD_IV = 8, /* RFC 4106 3.1, RFC 4543 3.1, RFC 7634 2 */
    AEAD_ICV = 16,
    AEAD_SALT = 4,   /* RFC 4106 4, RFC 7634 2 */
    AEAD_NONCE = 12, /* salt and IV */
    AAD_MAX = 12,    /* with ESN (RFC 4106 5) */
    SEQ_HI = 4,
    TAG_SLOT = 64, /* longest HMAC output, SHA-512 */
    AES_SCHEDULE = 15 * 16,
    DES_SCHEDULE = 16, /* 64-bit words of one DES key */
};

/* First the line that every burst reads, then the keys. */
struct eng_session {
    struct eng_session_head head;
    aes_gcm_enc_dec_t gcm;
    uint32_t salt; /* as it stands in memory */
    IMB_HASH_ALG hash;
    uint16_t iv_len, icv_len;
    uint16_t key_len;
    uint16_t seq_hi_len; /* SEQ_HI with ESN, else 0 */
    const void *enc_keys, *dec_keys;
    union {
        struct gcm_key_data gcm;
        struct {
            uint8_t enc[AES_SCHEDULE] __rte_aligned(16);
            uint8_t dec[AES_SCHEDULE] __rte_aligned(16);
        } aes;
        struct {
            uint64_t ks[3][DES_SCHEDULE];
            const void *ks_ptr[3];
        } des3;
        uint8_t chacha[32];
    } key __rte_aligned(64);
    uint8_t ipad[TAG_SLOT] __rte_aligned(64);
    uint8_t opad[TAG_SLOT] __rte_aligned(64);
};

/* The library loads nonce and AAD with one wide load each; a load that spans two recent stores waits for
 * both to leave the store buffer. So they are built one packet ahead. */
struct aead_in {
    uint8_t nonce[16] __rte_aligned(16);
    uint8_t aad[16] __rte_aligned(16);
};

static __rte_always_inline void aead_prepare(struct aead_in *in, const struct eng_session *s,
                                             const struct eng_op *op, bool encrypt, bool esn)
{
    uint64_t iv;
    if (encrypt) {
        iv = rte_cpu_to_be_64(op->iv);
        memcpy(op->esp + ESP_HDR, &iv, AEAD_IV);
    } else {
        memcpy(&iv, op->esp + ESP_HDR, AEAD_IV);
    }
    memcpy(in->nonce, &s->salt, AEAD_SALT);
    memcpy(in->nonce + AEAD_SALT, &iv, AEAD_IV);
    if (esn) { /* SPI, high half, low half (RFC 4106 5, RFC 7634 2.1) */
        uint32_t hi = rte_cpu_to_be_32(op->seq_hi);
        memcpy(in->aad, op->esp, 4);
        memcpy(in->aad + 4, &hi, 4);
        memcpy(in->aad + 8, op->esp + 4, 4);
    }
}

static __rte_always_inline bool icv16_equal(const uint8_t *a, const uint8_t *b)
{
    uint64_t x[2], y[2];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0; /* no branch between the halves */
}

#endif
