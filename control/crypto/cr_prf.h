/* cr_prf: pseudo-random functions and prf+ (RFC 7296 2.13), plain hashes for NAT detection and cookies. */
#ifndef CONTROL_CRYPTO_CR_PRF_H
#define CONTROL_CRYPTO_CR_PRF_H

#include "common/buf.h"
#include "common/result.h"
#include "control/crypto/cr_alg.h"

/* prf(key, data[0] | data[1] | ...) into out, cr_prf(id)->len octets. key.n may be anything incl. 0. */
CV_MUST_USE cv_result cr_prf_run(uint16_t prf, struct slice key, const struct slice *data, unsigned count,
                                 uint8_t *out);
/* prf+(key, seed[0] | seed[1] | ...), RFC 7296 2.13: out_len octets, at most 255 blocks. Wipes what it computes on the way. */
CV_MUST_USE cv_result cr_prf_plus(uint16_t prf, struct slice key, const struct slice *seed, unsigned count,
                                  uint8_t *out, size_t out_len);
/* One-shot digest by OpenSSL name ("SHA1", "SHA256"); out holds 64. *out_len octets written. */
CV_MUST_USE cv_result cr_hash(const char *digest, const struct slice *data, unsigned count, uint8_t *out,
                              size_t *out_len);

#endif
