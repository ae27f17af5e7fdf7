#include "tests/unit/engine/model_crypt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <rte_byteorder.h>
#include <string.h>

bool model_key_take(const struct rte_crypto_sym_xform *x, struct session *s)
{
    const bool gmac = x->type == RTE_CRYPTO_SYM_XFORM_AUTH && x->auth.algo == RTE_CRYPTO_AUTH_AES_GMAC;
    switch (x->type) {
    case RTE_CRYPTO_SYM_XFORM_AEAD:
        s->aead = true;
        s->iv_len = 8;
        s->icv_len = x->aead.digest_length;
        s->cipher_len = x->aead.key.length;
        s->key_at = x->aead.key.data;
        memcpy(s->cipher_key, x->aead.key.data, s->cipher_len);
        if ((x->aead.op == RTE_CRYPTO_AEAD_OP_ENCRYPT) != s->out)
            model_misuse("AEAD operation against the direction");
        return x->aead.algo == RTE_CRYPTO_AEAD_AES_GCM;
    case RTE_CRYPTO_SYM_XFORM_CIPHER:
        s->iv_len = x->cipher.iv.length;
        s->cipher_len = x->cipher.key.length;
        memcpy(s->cipher_key, x->cipher.key.data, s->cipher_len);
        if ((x->cipher.op == RTE_CRYPTO_CIPHER_OP_ENCRYPT) != s->out)
            model_misuse("cipher operation against the direction");
        return x->cipher.algo == RTE_CRYPTO_CIPHER_AES_CBC;
    default:
        s->gmac = gmac;
        s->icv_len = x->auth.digest_length;
        if (gmac) {
            s->iv_len = 8;
            s->key_at = x->auth.key.data;
            s->cipher_len = x->auth.key.length;
            memcpy(s->cipher_key, x->auth.key.data, s->cipher_len);
            return true;
        }
        s->auth_len = x->auth.key.length;
        memcpy(s->auth_key, x->auth.key.data, s->auth_len);
        return x->auth.algo == RTE_CRYPTO_AUTH_SHA256_HMAC;
    }
}

/* ---- cryptography (RFC 4106, RFC 4543, RFC 3602 with RFC 4868) -------------------------------------------------------- */
static unsigned aad_make(const uint8_t *esp, bool esn, uint32_t hi, uint8_t *aad)
{
    const uint32_t be = rte_cpu_to_be_32(hi);
    memcpy(aad, esp, 4);
    if (esn)
        memcpy(aad + 4, &be, 4);
    memcpy(aad + (esn ? 8 : 4), esp + 4, 4);
    return esn ? 12 : 8;
}

bool model_gcm(const struct session *s, uint8_t *esp, unsigned len, uint32_t hi, bool encrypt)
{
    uint8_t nonce[12], aad[16], *data = esp + ESP_HDR + 8, *icv = data + len;
    int n;
    memcpy(nonce, s->salt, 4);
    memcpy(nonce + 4, esp + ESP_HDR, 8);
    const unsigned aad_len = aad_make(esp, s->x.options.esn, hi, aad);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *k = s->cipher_len == 16   ? EVP_aes_128_gcm()
                          : s->cipher_len == 24 ? EVP_aes_192_gcm()
                                                : EVP_aes_256_gcm();
    EVP_CipherInit_ex(c, k, NULL, s->cipher_key, nonce, encrypt);
    EVP_CipherUpdate(c, NULL, &n, aad, (int)aad_len);
    if (s->gmac) { /* header, IV and data are authenticated, nothing is encrypted (RFC 4543 3.3) */
        EVP_CipherUpdate(c, NULL, &n, esp + ESP_HDR, (int)(8 + len));
    } else {
        EVP_CipherUpdate(c, data, &n, data, (int)len);
    }
    if (!encrypt)
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, icv);
    uint8_t rest[16];
    const bool ok = EVP_CipherFinal_ex(c, rest, &n) == 1;
    if (encrypt)
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, icv);
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static void hmac(const struct session *s, const uint8_t *esp, unsigned len, uint32_t hi, uint8_t *out)
{
    uint8_t full[EVP_MAX_MD_SIZE], all[9400];
    unsigned n;
    const uint32_t be = rte_cpu_to_be_32(hi);
    memcpy(all, esp, len);
    memcpy(all + len, &be, 4);
    HMAC(EVP_sha256(), s->auth_key, (int)s->auth_len, all, len + (s->x.options.esn ? 4 : 0), full, &n);
    memcpy(out, full, s->icv_len);
}

static bool chain(const struct session *s, uint8_t *esp, unsigned len, uint32_t hi, bool encrypt)
{
    uint8_t *data = esp + ESP_HDR + s->iv_len, icv[64];
    int n;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *k = s->cipher_len == 16   ? EVP_aes_128_cbc()
                          : s->cipher_len == 24 ? EVP_aes_192_cbc()
                                                : EVP_aes_256_cbc();
    EVP_CipherInit_ex(c, k, NULL, s->cipher_key, esp + ESP_HDR, encrypt);
    EVP_CIPHER_CTX_set_padding(c, 0);
    if (encrypt && s->cipher_len) /* NULL encryption: HMAC alone */
        EVP_CipherUpdate(c, data, &n, data, (int)len);
    hmac(s, esp, ESP_HDR + s->iv_len + len, hi, icv);
    const bool ok = encrypt || memcmp(icv, data + len, s->icv_len) == 0;
    if (encrypt)
        memcpy(data + len, icv, s->icv_len);
    else if (s->cipher_len)
        EVP_CipherUpdate(c, data, &n, data, (int)len);
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool model_crypt(const struct session *s, uint8_t *esp, unsigned total, uint32_t hi)
{
    const unsigned around = ESP_HDR + s->iv_len + s->icv_len;
    if (total <= around) {
        model_misuse("a packet of %u octets behind its headers", total);
        return false;
    }
    return s->aead || s->gmac ? model_gcm(s, esp, total - around, hi, s->out)
                              : chain(s, esp, total - around, hi, s->out);
}
