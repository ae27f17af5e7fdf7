#include "control/crypto/cr_cipher.h"

#include "common/secret.h"
#include "control/crypto/cr_hmac.h"
#include "control/crypto/cr_raw.h"

#include <string.h>

/* The algorithms of a key set, looked up and checked together. */
struct sk_algs {
    const struct cr_encr_alg *e;
    const struct cr_integ_alg *a; /* NULL with an AEAD */
    size_t icv_len;
};

static bool sk_algs(const struct cr_sk_keys *k, struct sk_algs *out)
{
    out->e = cr_encr(k->encr, k->key_bits);
    out->a = cr_integ(k->integ);
    if (!out->e || !out->e->ike)
        return false;
    /* RFC 5282 8: an AEAD brings its own integrity; everything else must have one */
    if (out->e->aead ? k->integ != CV_INTEG_NONE : !out->a)
        return false;
    out->icv_len = out->e->aead ? out->e->icv_len : out->a->icv_len;
    return true;
}

static size_t pad_len(const struct cr_encr_alg *e, size_t plain)
{
    return (e->block - (plain + 1) % e->block) % e->block;
}

size_t cr_sk_overhead(const struct cr_sk_keys *k, size_t plain)
{
    struct sk_algs s;
    if (!sk_algs(k, &s))
        return 0;
    return s.e->iv_len + pad_len(s.e, plain) + 1 + s.icv_len;
}

/* One run of the cipher over text[0 .. n) in place; nonce = salt | IV (RFC 5282 4). */
static cv_result run_cipher(const struct cr_sk_keys *k, const struct cr_encr_alg *e, bool encrypt,
                            const uint8_t *iv, struct slice aad, uint8_t *text, size_t n, uint8_t *tag)
{
    uint8_t nonce[CR_IV_MAX];
    memcpy(nonce, k->encr_key + e->key_len, e->salt_len);
    memcpy(nonce + e->salt_len, iv, e->iv_len);
    cv_result r = cr_raw_run(e, encrypt, k->encr_key, nonce, aad, text, n, tag);
    secret_wipe(nonce, sizeof nonce);
    return r;
}

/* RFC 7296 3.14: the integrity checksum covers the message from its first octet to the ICV. */
static cv_result checksum(const struct cr_sk_keys *k, const struct cr_integ_alg *a, struct slice covered,
                          uint8_t *out)
{
    struct cr_hmac h;
    cv_result r = cr_hmac_init(&h, a->digest, (struct slice){k->integ_key, a->key_len});
    if (r == CV_OK)
        r = cr_hmac_run(&h, &covered, 1, out, CR_PRF_MAX);
    cr_hmac_free(&h);
    return r;
}

cv_result cr_sk_protect(const struct cr_sk_keys *k, uint8_t *msg, size_t msg_len, size_t sk_body,
                        size_t plain_len, const uint8_t *iv)
{
    struct sk_algs s;
    if (!sk_algs(k, &s))
        return CV_EUNSUP;
    size_t pad = pad_len(s.e, plain_len), fixed = s.e->iv_len + pad + 1 + s.icv_len;
    if (sk_body > msg_len || plain_len > msg_len - sk_body || fixed != msg_len - sk_body - plain_len)
        return CV_EINVAL;

    uint8_t *text = msg + sk_body + s.e->iv_len, *icv = msg + msg_len - s.icv_len;
    size_t text_len = plain_len + pad + 1;
    memcpy(msg + sk_body, iv, s.e->iv_len);
    memset(text + plain_len, 0, pad);
    text[plain_len + pad] = (uint8_t)pad;
    cv_result r = run_cipher(k, s.e, true, iv, (struct slice){msg, sk_body}, text, text_len, icv);
    if (r == CV_OK && s.a) {
        uint8_t mac[CR_PRF_MAX];
        r = checksum(k, s.a, (struct slice){msg, msg_len - s.icv_len}, mac);
        memcpy(icv, mac, s.icv_len);
        secret_wipe(mac, sizeof mac);
    }
    if (r != CV_OK)
        secret_wipe(text, text_len); /* nothing that failed to encrypt may be sent */
    return r;
}

static cv_result verify(const struct cr_sk_keys *k, const struct sk_algs *s, const uint8_t *msg,
                        size_t msg_len)
{
    uint8_t mac[CR_PRF_MAX];
    CV_TRY(checksum(k, s->a, (struct slice){msg, msg_len - s->icv_len}, mac));
    /* our length decides, never one the peer chose */
    bool equal = secret_equal(mac, msg + msg_len - s->icv_len, s->icv_len);
    secret_wipe(mac, sizeof mac);
    return equal ? CV_OK : CV_EAUTH;
}

cv_result cr_sk_open(const struct cr_sk_keys *k, uint8_t *msg, size_t msg_len, size_t sk_body,
                     struct slice *plain)
{
    struct sk_algs s;
    *plain = (struct slice){0};
    if (!sk_algs(k, &s))
        return CV_EUNSUP;
    size_t fixed = (size_t)s.e->iv_len + s.icv_len;
    if (sk_body > msg_len || msg_len - sk_body < fixed + 1)
        return CV_ESHORT;
    size_t text_len = msg_len - sk_body - fixed;
    if (text_len % s.e->block != 0)
        return CV_EPARSE;

    uint8_t *iv = msg + sk_body, *text = iv + s.e->iv_len;
    if (s.a)
        CV_TRY(verify(k, &s, msg, msg_len));
    CV_TRY(run_cipher(k, s.e, false, iv, (struct slice){msg, sk_body}, text, text_len, text + text_len));
    size_t pad = text[text_len - 1];
    if (pad + 1 > text_len)
        return CV_EPARSE;
    *plain = (struct slice){text, text_len - pad - 1};
    return CV_OK;
}
