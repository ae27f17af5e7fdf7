/* cr_cipher: the protection of IKE messages: encryption and integrity of the SK payload (RFC 7296 3.14, RFC 5282).
 *
 * Keys are those of one direction: SK_e (with its salt for an AEAD) and SK_a. */
#ifndef CONTROL_CRYPTO_CR_CIPHER_H
#define CONTROL_CRYPTO_CR_CIPHER_H

#include "common/buf.h"
#include "common/result.h"
#include "control/crypto/cr_alg.h"

struct cr_sk_keys {
    uint16_t encr, key_bits;           /* of cr_encr */
    uint16_t integ;                    /* CV_INTEG_NONE with an AEAD */
    uint8_t encr_key[CR_ENCR_KEY_MAX]; /* key | salt */
    uint8_t integ_key[CR_INTEG_KEY_MAX];
};

/* Octets that protection adds around `plain` octets: IV, padding with its length octet, ICV. */
size_t cr_sk_overhead(const struct cr_sk_keys *k, size_t plain);

/* Protects in place. msg holds the whole message: [0, sk_body) is the IKE header up to and including the SK (or SKF)
 * payload's header, already final (lengths too); at sk_body starts room for the IV, then `plain_len` octets of
 * plaintext stand at sk_body + iv_len. Writes IV, padding, ciphertext, ICV. msg_len must be exactly
 * sk_body + plain_len + cr_sk_overhead(k, plain_len).
 * iv: iv_len octets: random for CBC, unique for AEADs; the caller's duty. */
CV_MUST_USE cv_result cr_sk_protect(const struct cr_sk_keys *k, uint8_t *msg, size_t msg_len, size_t sk_body,
                                    size_t plain_len, const uint8_t *iv);
/* Verifies, then decrypts in place; sk_body as above, msg_len the whole message. On CV_OK *plain is a view of the inner
 * payloads inside msg, padding removed. CV_EAUTH when the ICV is wrong (msg is then unchanged or to be thrown away). */
CV_MUST_USE cv_result cr_sk_open(const struct cr_sk_keys *k, uint8_t *msg, size_t msg_len, size_t sk_body,
                                 struct slice *plain);

#endif
