#include "control/crypto/cr_prf.h"

#include "common/secret.h"
#include "control/crypto/cr_hmac.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

enum { PRF_PLUS_BLOCKS_MAX = 255, PRF_PLUS_SEEDS_MAX = 8 };

cv_result cr_prf_run(uint16_t prf, struct slice key, const struct slice *data, unsigned count, uint8_t *out)
{
    const struct cr_prf_alg *alg = cr_prf(prf);
    if (!alg)
        return CV_EUNSUP;
    struct cr_hmac h;
    cv_result r = cr_hmac_init(&h, alg->digest, key);
    if (r == CV_OK)
        r = cr_hmac_run(&h, data, count, out, alg->len);
    cr_hmac_free(&h);
    return r;
}

/* RFC 7296 2.13: T1 = prf(K, S | 0x01), Tn = prf(K, Tn-1 | S | n). */
static cv_result blocks(struct cr_hmac *h, size_t len, const struct slice *seed, unsigned count, uint8_t *out,
                        size_t out_len)
{
    uint8_t t[CR_PRF_MAX], number = 0;
    struct slice data[PRF_PLUS_SEEDS_MAX + 2];
    cv_result r = CV_OK;
    for (unsigned i = 0; i < count; i++)
        data[1 + i] = seed[i];
    data[1 + count] = (struct slice){&number, 1};

    for (size_t done = 0; r == CV_OK && done < out_len;) {
        data[0] = (struct slice){t, number ? len : 0};
        number++;
        r = cr_hmac_run(h, data, count + 2, t, sizeof t);
        if (r != CV_OK)
            break;
        size_t n = out_len - done < len ? out_len - done : len;
        memcpy(out + done, t, n);
        done += n;
    }
    secret_wipe(t, sizeof t);
    return r;
}

cv_result cr_prf_plus(uint16_t prf, struct slice key, const struct slice *seed, unsigned count, uint8_t *out,
                      size_t out_len)
{
    const struct cr_prf_alg *alg = cr_prf(prf);
    if (!alg)
        return CV_EUNSUP;
    if (count > PRF_PLUS_SEEDS_MAX || out_len > (size_t)alg->len * PRF_PLUS_BLOCKS_MAX)
        return CV_EINVAL;
    struct cr_hmac h;
    cv_result r = cr_hmac_init(&h, alg->digest, key);
    if (r == CV_OK)
        r = blocks(&h, alg->len, seed, count, out, out_len);
    cr_hmac_free(&h);
    if (r != CV_OK)
        secret_wipe(out, out_len);
    return r;
}

cv_result cr_hash(const char *digest, const struct slice *data, unsigned count, uint8_t *out, size_t *out_len)
{
    EVP_MD *md = EVP_MD_fetch(NULL, digest, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned n = 0;
    bool ok = md && ctx && EVP_MD_get_size(md) <= CR_PRF_MAX && EVP_DigestInit_ex2(ctx, md, NULL);
    for (unsigned i = 0; ok && i < count; i++)
        ok = data[i].n == 0 || EVP_DigestUpdate(ctx, data[i].p, data[i].n);
    ok = ok && EVP_DigestFinal_ex(ctx, out, &n);
    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);
    if (!ok)
        ERR_clear_error();
    *out_len = n;
    return ok ? CV_OK : CV_ECRYPTO;
}
