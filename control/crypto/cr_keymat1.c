#include "control/crypto/cr_keymat1.h"

#include "control/crypto/cr_prf.h"
#include "control/crypto/cr_raw.h"

#include <string.h>

enum {
    NONCE_MAX = 256,
    SPI_LEN = 4,
    PROTO_AH = 2, /* RFC 2407 4.4.1 */
    DES_KEY_LEN = 8,
    FEED_SLICES_MAX = 8,
    CHILD_KEY_MAX = CR_ENCR_KEY_MAX + CR_INTEG_KEY_MAX,
};

void cr_keys1_wipe(struct cr_keys1 *k)
{
    secret_wipe(k, sizeof *k);
}

/* RFC 2409 Appendix A, RFC 3602: the ciphers with CBC and a key. */
static const struct cr_encr_alg *cipher1(uint16_t encr, uint16_t key_bits)
{
    bool cbc = encr == CV_ENCR_DES || encr == CV_ENCR_3DES || encr == CV_ENCR_AES_CBC;
    return cbc ? cr_encr(encr, key_bits) : NULL;
}

size_t cr_block1(uint16_t encr, uint16_t key_bits)
{
    const struct cr_encr_alg *e = cipher1(encr, key_bits);
    return e ? e->block : 0;
}

static struct slice of_secret(const struct secret *s)
{
    return s ? (struct slice){s->p, s->n} : (struct slice){0};
}

/* ---- SKEYID and what follows from it ------------------------------------------------------------------- */
cv_result cr_skeyid_psk(uint16_t prf, struct slice psk, struct slice ni, struct slice nr, uint8_t *out)
{
    const struct slice data[] = {ni, nr};
    if (psk.n == 0) /* an empty secret authenticates everybody */
        return CV_EINVAL;
    return cr_prf_run(prf, psk, data, 2, out);
}

cv_result cr_skeyid_sig(uint16_t prf, struct slice ni, struct slice nr, const struct secret *shared,
                        uint8_t *out)
{
    uint8_t nonces[2 * NONCE_MAX];
    struct buf_writer w = buf_writer_init(nonces, sizeof nonces);
    const struct slice g_xy = of_secret(shared);
    buf_put(&w, ni.p, ni.n);
    buf_put(&w, nr.p, nr.n);
    if (w.bad || g_xy.n == 0)
        return CV_EINVAL;
    return cr_prf_run(prf, (struct slice){nonces, w.len}, &g_xy, 1, out);
}

/* K1 = prf(key, data), Kn = prf(key, Kn-1 | data): KEYMAT of RFC 2409 5.5. */
static cv_result feedback(uint16_t prf, struct slice key, const struct slice *data, unsigned count,
                          uint8_t *out, size_t out_len)
{
    size_t len = cr_prf(prf)->len;
    uint8_t block[CR_PRF_MAX];
    struct slice fed[FEED_SLICES_MAX + 1];
    cv_result r = count > FEED_SLICES_MAX ? CV_EINVAL : CV_OK;
    for (unsigned i = 0; r == CV_OK && i < count; i++)
        fed[1 + i] = data[i];
    for (size_t done = 0; r == CV_OK && done < out_len;) {
        fed[0] = (struct slice){block, done ? len : 0};
        r = cr_prf_run(prf, key, fed, count + 1, block);
        size_t n = out_len - done < len ? out_len - done : len;
        if (r == CV_OK)
            memcpy(out + done, block, n);
        done += n;
    }
    secret_wipe(block, sizeof block);
    return r;
}

/* RFC 2409 Appendix B: SKEYID_e itself when it is long enough, else Ka = K1 | K2 ..., K1 = prf(SKEYID_e, 0),
 * Kn = prf(SKEYID_e, Kn-1), where 0 is one octet. */
static cv_result cipher_key(uint16_t prf, const uint8_t *skeyid_e, uint8_t *out, size_t out_len)
{
    const uint8_t zero = 0;
    size_t len = cr_prf(prf)->len;
    uint8_t block[CR_PRF_MAX];
    struct slice data = {&zero, 1};
    cv_result r = CV_OK;
    if (out_len <= len) {
        memcpy(out, skeyid_e, out_len);
        return CV_OK;
    }
    for (size_t done = 0; r == CV_OK && done < out_len; done += len) {
        r = cr_prf_run(prf, (struct slice){skeyid_e, len}, &data, 1, block);
        data = (struct slice){block, len};
        if (r == CV_OK)
            memcpy(out + done, block, out_len - done < len ? out_len - done : len);
    }
    secret_wipe(block, sizeof block);
    return r;
}

/* RFC 2409 Appendix A: weak and semi-weak keys of DES. The lowest bit of each octet is parity and does not count. */
static bool weak_des_key(const uint8_t *key)
{
    static const uint8_t weak[][DES_KEY_LEN] = {
        {0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01}, {0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe},
        {0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0e, 0x0e, 0x0e}, {0xe0, 0xe0, 0xe0, 0xe0, 0xf1, 0xf1, 0xf1, 0xf1},
        {0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe}, {0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01},
        {0x1f, 0xe0, 0x1f, 0xe0, 0x0e, 0xf1, 0x0e, 0xf1}, {0xe0, 0x1f, 0xe0, 0x1f, 0xf1, 0x0e, 0xf1, 0x0e},
        {0x01, 0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1}, {0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1, 0x01},
        {0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e, 0xfe}, {0xfe, 0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e},
        {0x01, 0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e}, {0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e, 0x01},
        {0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1, 0xfe}, {0xfe, 0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1},
    };
    bool found = false;
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        unsigned differ = 0;
        for (size_t j = 0; j < DES_KEY_LEN; j++)
            differ |= (unsigned)(key[j] ^ weak[i][j]) & 0xfe;
        found |= differ == 0;
    }
    return found;
}

static cv_result start_iv(uint16_t prf, const struct slice *data, unsigned count, size_t block, uint8_t *iv)
{
    uint8_t digest[CR_PRF_MAX];
    size_t n;
    CV_TRY(cr_hash(cr_prf(prf)->digest, data, count, digest, &n));
    memset(iv, 0, CR_IV_MAX);
    memcpy(iv, digest, block); /* Appendix B: the first octets; MD5's 16 are enough for every block */
    return CV_OK;
}

/* SKEYID_d = prf(SKEYID, g^xy | CKY-I | CKY-R | 0), SKEYID_a = prf(SKEYID, SKEYID_d | g^xy | CKY-I | CKY-R | 1),
 * SKEYID_e = prf(SKEYID, SKEYID_a | g^xy | CKY-I | CKY-R | 2). */
static cv_result derive(const struct secret *shared, const struct cr_public1 *pub, size_t len,
                        struct cr_keys1 *k)
{
    uint8_t *const made[] = {k->d, k->a, k->e};
    struct slice before = {0};
    for (uint8_t i = 0; i < 3; i++) {
        const struct slice data[] = {
            before, of_secret(shared), {pub->cky_i, CR_COOKIE_LEN}, {pub->cky_r, CR_COOKIE_LEN}, {&i, 1}};
        CV_TRY(cr_prf_run(k->suite.prf, (struct slice){k->skeyid, len}, data, 5, made[i]));
        before = (struct slice){made[i], len};
    }
    return CV_OK;
}

cv_result cr_keys1_init(const struct cr_suite1 *suite, const uint8_t *skeyid, const struct secret *shared,
                        const struct cr_public1 *pub, struct cr_keys1 *out)
{
    const struct cr_prf_alg *prf = cr_prf(suite->prf);
    const struct cr_encr_alg *e = cipher1(suite->encr, suite->key_bits);
    const struct slice public_values[] = {pub->g_xi, pub->g_xr};
    if (!prf || !e)
        return CV_EUNSUP;
    if (!shared || shared->n == 0)
        return CV_EINVAL;

    struct cr_keys1 k = {.suite = *suite};
    memcpy(k.skeyid, skeyid, prf->len);
    cv_result r = derive(shared, pub, prf->len, &k);
    if (r == CV_OK)
        r = cipher_key(suite->prf, k.e, k.encr_key, e->key_len);
    if (r == CV_OK && e->id == CV_ENCR_DES && weak_des_key(k.encr_key))
        r = CV_ECRYPTO;
    if (r == CV_OK)
        r = start_iv(suite->prf, public_values, 2, e->block, k.iv);
    if (r == CV_OK)
        *out = k;
    cr_keys1_wipe(&k);
    return r;
}

/* ---- HASH payloads --------------------------------------------------------------------------------------- */
static cv_result hash_phase1(const struct cr_keys1 *k, struct slice first, struct slice second,
                             const uint8_t *cookie1, const uint8_t *cookie2, struct slice sa_body,
                             struct slice id_body, uint8_t *out)
{
    const struct cr_prf_alg *prf = cr_prf(k->suite.prf);
    const struct slice data[] = {first,   second, {cookie1, CR_COOKIE_LEN}, {cookie2, CR_COOKIE_LEN},
                                 sa_body, id_body};
    if (!prf)
        return CV_EUNSUP;
    return cr_prf_run(k->suite.signed_prf ? k->suite.signed_prf : k->suite.prf,
                      (struct slice){k->skeyid, prf->len}, data, 6, out);
}

cv_result cr_hash_i(const struct cr_keys1 *k, const struct cr_public1 *pub, struct slice sa_body,
                    struct slice id_body, uint8_t *out)
{
    return hash_phase1(k, pub->g_xi, pub->g_xr, pub->cky_i, pub->cky_r, sa_body, id_body, out);
}

cv_result cr_hash_r(const struct cr_keys1 *k, const struct cr_public1 *pub, struct slice sa_body,
                    struct slice id_body, uint8_t *out)
{
    return hash_phase1(k, pub->g_xr, pub->g_xi, pub->cky_r, pub->cky_i, sa_body, id_body, out);
}

static void put_be32(uint32_t v, uint8_t out[4])
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* prf(SKEYID_a, [lead |] M-ID | first | second) */
static cv_result hash_phase2(const struct cr_keys1 *k, struct slice lead, uint32_t message_id,
                             struct slice first, struct slice second, uint8_t *out)
{
    const struct cr_prf_alg *prf = cr_prf(k->suite.prf);
    uint8_t id[4];
    const struct slice data[] = {lead, {id, sizeof id}, first, second};
    if (!prf)
        return CV_EUNSUP;
    put_be32(message_id, id);
    return cr_prf_run(k->suite.prf, (struct slice){k->a, prf->len}, data, 4, out);
}

cv_result cr_hash1(const struct cr_keys1 *k, uint32_t message_id, struct slice rest, uint8_t *out)
{
    return hash_phase2(k, (struct slice){0}, message_id, rest, (struct slice){0}, out);
}

cv_result cr_hash2(const struct cr_keys1 *k, uint32_t message_id, struct slice ni, struct slice rest,
                   uint8_t *out)
{
    return hash_phase2(k, (struct slice){0}, message_id, ni, rest, out);
}

cv_result cr_hash3(const struct cr_keys1 *k, uint32_t message_id, struct slice ni, struct slice nr,
                   uint8_t *out)
{
    const uint8_t zero = 0;
    return hash_phase2(k, (struct slice){&zero, 1}, message_id, ni, nr, out);
}

/* ---- Quick Mode and NAT --------------------------------------------------------------------------------- */
cv_result cr_child_keymat1(const struct cr_keys1 *k, uint8_t protocol, const uint8_t *spi, uint16_t encr,
                           uint16_t key_bits, uint16_t integ, const struct secret *shared, struct slice ni,
                           struct slice nr, struct cr_child_keys *out)
{
    const struct cr_prf_alg *prf = cr_prf(k->suite.prf);
    const struct cr_encr_alg *e = cr_encr(encr, key_bits);
    const struct cr_integ_alg *a = cr_integ(integ);
    bool ah = protocol == PROTO_AH;
    if (!prf || (ah ? encr != CV_ENCR_NONE : !e) || (integ != CV_INTEG_NONE && !a))
        return CV_EUNSUP;
    size_t key = e ? e->key_len : 0, salt = e ? e->salt_len : 0, mac = a ? a->key_len : 0;
    if (key + salt + mac == 0 || (e && e->aead && a))
        return CV_EINVAL;

    uint8_t keymat[CHILD_KEY_MAX];
    const struct slice data[] = {of_secret(shared), {&protocol, 1}, {spi, SPI_LEN}, ni, nr};
    cv_result r = feedback(k->suite.prf, (struct slice){k->d, prf->len}, data, 5, keymat, key + salt + mac);
    secret_wipe(out, sizeof *out);
    if (r == CV_OK) {
        memcpy(out->encr_key, keymat, key);
        memcpy(out->salt, keymat + key, salt);
        memcpy(out->integ_key, keymat + key + salt, mac);
    }
    secret_wipe(keymat, sizeof keymat);
    return r;
}

cv_result cr_nat_hash1(uint16_t prf, const uint8_t *cky_i, const uint8_t *cky_r, const struct ip_endpoint *e,
                       uint8_t *out, size_t *n)
{
    const struct cr_prf_alg *alg = cr_prf(prf);
    const uint8_t port[] = {(uint8_t)(e->port >> 8), (uint8_t)e->port};
    const struct slice data[] = {{cky_i, CR_COOKIE_LEN},
                                 {cky_r, CR_COOKIE_LEN},
                                 {e->addr.b, ip_addr_len(&e->addr)},
                                 {port, sizeof port}};
    *n = 0;
    return alg ? cr_hash(alg->digest, data, 4, out, n) : CV_EUNSUP;
}

/* ---- message encryption --------------------------------------------------------------------------------- */
cv_result cr_iv_phase2(const struct cr_keys1 *k, const uint8_t *last, uint32_t message_id, uint8_t *iv)
{
    size_t block = cr_block1(k->suite.encr, k->suite.key_bits);
    uint8_t id[4];
    const struct slice data[] = {{last, block}, {id, sizeof id}};
    if (block == 0 || !cr_prf(k->suite.prf))
        return CV_EUNSUP;
    put_be32(message_id, id);
    return start_iv(k->suite.prf, data, 2, block, iv);
}

/* DES is 3DES with one key thrice: OpenSSL has it in its legacy provider alone, which may not be there. */
static cv_result cbc(const struct cr_keys1 *k, bool encrypt, const uint8_t *iv, uint8_t *text, size_t n)
{
    const struct cr_encr_alg *e = cipher1(k->suite.encr, k->suite.key_bits);
    if (e->id != CV_ENCR_DES)
        return cr_raw_run(e, encrypt, k->encr_key, iv, (struct slice){0}, text, n, NULL);
    uint8_t thrice[3 * DES_KEY_LEN];
    for (unsigned i = 0; i < 3; i++)
        memcpy(thrice + i * DES_KEY_LEN, k->encr_key, DES_KEY_LEN);
    cv_result r = cr_raw_run(cr_encr(CV_ENCR_3DES, 0), encrypt, thrice, iv, (struct slice){0}, text, n, NULL);
    secret_wipe(thrice, sizeof thrice);
    return r;
}

static cv_result run1(const struct cr_keys1 *k, bool encrypt, const uint8_t *iv, uint8_t *text, size_t n,
                      uint8_t *next)
{
    size_t block = cr_block1(k->suite.encr, k->suite.key_bits);
    uint8_t last[CR_IV_MAX] = {0};
    if (block == 0)
        return CV_EUNSUP;
    if (n == 0 || n % block)
        return CV_EINVAL;
    if (!encrypt)
        memcpy(last, text + n - block, block);
    cv_result r = cbc(k, encrypt, iv, text, n);
    if (r != CV_OK) {
        secret_wipe(text, n); /* nothing that failed to encrypt may be sent */
        return r;
    }
    if (encrypt)
        memcpy(last, text + n - block, block);
    memcpy(next, last, sizeof last);
    return CV_OK;
}

cv_result cr_encrypt1(const struct cr_keys1 *k, const uint8_t *iv, uint8_t *text, size_t n, uint8_t *next)
{
    return run1(k, true, iv, text, n, next);
}

cv_result cr_decrypt1(const struct cr_keys1 *k, const uint8_t *iv, uint8_t *text, size_t n, uint8_t *next)
{
    return run1(k, false, iv, text, n, next);
}
