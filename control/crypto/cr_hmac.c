#include "control/crypto/cr_hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

/* Fetched once and never given back: looking it up costs more than a short HMAC. */
static EVP_MAC *hmac_method;
static CRYPTO_ONCE hmac_once = CRYPTO_ONCE_STATIC_INIT;

static void fetch_hmac(void)
{
    hmac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

cv_result cr_hmac_init(struct cr_hmac *h, const char *digest, struct slice key)
{
    static const uint8_t no_key;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
                           OSSL_PARAM_construct_end()};
    h->ctx = NULL;
    if (!CRYPTO_THREAD_run_once(&hmac_once, fetch_hmac) || !hmac_method)
        return CV_ECRYPTO;
    h->ctx = EVP_MAC_CTX_new(hmac_method);
    /* a NULL key would mean "keep the one you have" */
    if (!h->ctx || !EVP_MAC_init(h->ctx, key.n ? key.p : &no_key, key.n, params)) {
        ERR_clear_error();
        return CV_ECRYPTO;
    }
    return CV_OK;
}

cv_result cr_hmac_run(struct cr_hmac *h, const struct slice *data, unsigned count, uint8_t *out,
                      size_t out_cap)
{
    size_t n = 0;
    bool ok = EVP_MAC_init(h->ctx, NULL, 0, NULL);
    for (unsigned i = 0; ok && i < count; i++)
        ok = data[i].n == 0 || EVP_MAC_update(h->ctx, data[i].p, data[i].n);
    if (ok && EVP_MAC_final(h->ctx, out, &n, out_cap))
        return CV_OK;
    ERR_clear_error();
    return CV_ECRYPTO;
}

void cr_hmac_free(struct cr_hmac *h)
{
    EVP_MAC_CTX_free(h->ctx);
    h->ctx = NULL;
}
