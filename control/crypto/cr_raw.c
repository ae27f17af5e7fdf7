#include "control/crypto/cr_raw.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>

static const char *cipher_name(const struct cr_encr_alg *e)
{
    switch (e->id) {
    case CV_ENCR_3DES:
        return "DES-EDE3-CBC";
    case CV_ENCR_CHACHA20_POLY1305:
        return "ChaCha20-Poly1305";
    case CV_ENCR_AES_CBC:
        return e->key_bits == 128 ? "AES-128-CBC" : e->key_bits == 192 ? "AES-192-CBC" : "AES-256-CBC";
    case CV_ENCR_AES_GCM_16:
        return e->key_bits == 128 ? "AES-128-GCM" : e->key_bits == 192 ? "AES-192-GCM" : "AES-256-GCM";
    default:
        return "";
    }
}

/* The nonces of all AEADs here are OpenSSL's default of 12 octets. */
static bool start(EVP_CIPHER_CTX *ctx, const struct cr_encr_alg *e, bool encrypt, struct slice aad,
                  uint8_t *tag)
{
    int len;
    if (!e->aead)
        return EVP_CIPHER_CTX_set_padding(ctx, 0);
    if (!encrypt && !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, e->icv_len, tag))
        return false;
    return aad.n == 0 || EVP_CipherUpdate(ctx, NULL, &len, aad.p, (int)aad.n);
}

cv_result cr_raw_run(const struct cr_encr_alg *e, bool encrypt, const uint8_t *key, const uint8_t *nonce,
                     struct slice aad, uint8_t *text, size_t n, uint8_t *tag)
{
    int len = 0, end = 0;
    cv_result r = CV_ECRYPTO;
    if (n > INT_MAX || aad.n > INT_MAX || n % e->block)
        return CV_EINVAL;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, cipher_name(e), NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!cipher || !ctx || !EVP_CipherInit_ex2(ctx, cipher, key, nonce, encrypt, NULL) ||
        !start(ctx, e, encrypt, aad, tag) || !EVP_CipherUpdate(ctx, text, &len, text, (int)n))
        goto out;
    if (EVP_CipherFinal_ex(ctx, text + len, &end) != 1)
        r = e->aead && !encrypt ? CV_EAUTH : CV_ECRYPTO;
    else if ((size_t)len + (size_t)end == n &&
             (!e->aead || !encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, e->icv_len, tag)))
        r = CV_OK;
out:
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    if (r != CV_OK)
        ERR_clear_error();
    return r;
}
