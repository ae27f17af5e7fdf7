/* cr_hmac: one keyed HMAC that may be run several times; shared by prf, prf+ and the integrity of SK payloads.
 *
 * Private to control/crypto. */
#ifndef CONTROL_CRYPTO_CR_HMAC_H
#define CONTROL_CRYPTO_CR_HMAC_H

#include "common/buf.h"
#include "common/result.h"

#include <openssl/evp.h>

struct cr_hmac {
    EVP_MAC_CTX *ctx;
};

/* digest: OpenSSL's name. The key is kept inside until cr_hmac_free, which wipes it; free also after a failure. */
CV_MUST_USE cv_result cr_hmac_init(struct cr_hmac *h, const char *digest, struct slice key);
/* HMAC over data[0] | data[1] | ...; out holds out_cap octets, at least the digest's length. May be called again. */
CV_MUST_USE cv_result cr_hmac_run(struct cr_hmac *h, const struct slice *data, unsigned count, uint8_t *out,
                                  size_t out_cap);
void cr_hmac_free(struct cr_hmac *h);

#endif
