/* cr_raw: one pass of a cipher over bytes in place. Private to control/crypto; cr_cipher makes SK payloads with it. */
#ifndef CONTROL_CRYPTO_CR_RAW_H
#define CONTROL_CRYPTO_CR_RAW_H

#include "common/buf.h"
#include "common/result.h"
#include "control/crypto/cr_alg.h"

/* key: e->key_len octets; nonce: salt_len + iv_len octets (salt | IV). n is a multiple of e->block. For an AEAD the tag
 * (icv_len octets) is written when encrypting and checked when decrypting: CV_EAUTH, text is then of no use. */
CV_MUST_USE cv_result cr_raw_run(const struct cr_encr_alg *e, bool encrypt, const uint8_t *key,
                                 const uint8_t *nonce, struct slice aad, uint8_t *text, size_t n,
                                 uint8_t *tag);

#endif
