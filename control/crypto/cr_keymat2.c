#include "control/crypto/cr_keymat2.h"

#include "control/crypto/cr_prf.h"

#include <string.h>

enum {
    SPI_LEN = 8,
    KEYMAT_MAX = 3 * CR_PRF_MAX + 2 * CR_INTEG_KEY_MAX + 2 * CR_ENCR_KEY_MAX,
    CHILD_KEYMAT_MAX = 2 * (CR_INTEG_KEY_MAX + CR_ENCR_KEY_MAX),
};

void cr_keys2_wipe(struct cr_keys2 *k)
{
    secret_wipe(k, sizeof *k);
}

/* Octets of one direction's encryption key with salt, and of its integrity key. */
static bool key_lengths(uint16_t encr, uint16_t key_bits, uint16_t integ, size_t *encr_len, size_t *integ_len)
{
    const struct cr_encr_alg *e = cr_encr(encr, key_bits);
    const struct cr_integ_alg *a = cr_integ(integ);
    if (!e || (integ != CV_INTEG_NONE && !a) || (e->aead && a))
        return false;
    *encr_len = (size_t)e->key_len + e->salt_len;
    *integ_len = a ? a->key_len : 0;
    return true;
}

static void take(const uint8_t **from, void *to, size_t n)
{
    memcpy(to, *from, n);
    *from += n;
}

static void set_algs(struct cr_sk_keys *k, const struct cr_suite *s)
{
    k->encr = s->encr;
    k->key_bits = s->key_bits;
    k->integ = s->integ;
}

/* {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr), RFC 7296 2.14. */
static cv_result expand(const struct cr_suite *suite, struct slice skeyseed, struct slice ni, struct slice nr,
                        const uint8_t *spi_i, const uint8_t *spi_r, struct cr_keys2 *out)
{
    const struct cr_prf_alg *prf = cr_prf(suite->prf);
    size_t e, a;
    if (!prf || !key_lengths(suite->encr, suite->key_bits, suite->integ, &e, &a))
        return CV_EUNSUP;

    uint8_t keymat[KEYMAT_MAX];
    const struct slice seed[] = {ni, nr, {spi_i, SPI_LEN}, {spi_r, SPI_LEN}};
    CV_TRY(cr_prf_plus(suite->prf, skeyseed, seed, 4, keymat, 3 * (size_t)prf->len + 2 * a + 2 * e));

    struct cr_keys2 k = {.suite = *suite};
    const uint8_t *at = keymat;
    take(&at, k.d, prf->len);
    take(&at, k.i.integ_key, a);
    take(&at, k.r.integ_key, a);
    take(&at, k.i.encr_key, e);
    take(&at, k.r.encr_key, e);
    take(&at, k.pi, prf->len);
    take(&at, k.pr, prf->len);
    set_algs(&k.i, suite);
    set_algs(&k.r, suite);
    *out = k;
    cr_keys2_wipe(&k);
    secret_wipe(keymat, sizeof keymat);
    return CV_OK;
}

cv_result cr_keys2_init(const struct cr_suite *suite, struct slice ni, struct slice nr, const uint8_t *spi_i,
                        const uint8_t *spi_r, const struct secret *shared, struct cr_keys2 *out)
{
    enum { NONCES_MAX = 2 * 256 };
    const struct cr_prf_alg *prf = cr_prf(suite->prf);
    uint8_t nonces[NONCES_MAX], skeyseed[CR_PRF_MAX];
    if (!prf)
        return CV_EUNSUP;
    struct buf_writer w = buf_writer_init(nonces, sizeof nonces);
    buf_put(&w, ni.p, ni.n);
    buf_put(&w, nr.p, nr.n);
    if (w.bad || shared->n == 0)
        return CV_EINVAL;

    /* SKEYSEED = prf(Ni | Nr, g^ir) */
    cv_result r = cr_prf_run(suite->prf, (struct slice){nonces, w.len}, &(struct slice){shared->p, shared->n},
                             1, skeyseed);
    if (r == CV_OK)
        r = expand(suite, (struct slice){skeyseed, prf->len}, ni, nr, spi_i, spi_r, out);
    secret_wipe(skeyseed, sizeof skeyseed);
    return r;
}

cv_result cr_keys2_rekey(const struct cr_keys2 *old, const struct cr_suite *suite, struct slice ni,
                         struct slice nr, const uint8_t *spi_i, const uint8_t *spi_r,
                         const struct secret *shared, struct cr_keys2 *out)
{
    const struct cr_prf_alg *prf = cr_prf(old->suite.prf);
    uint8_t skeyseed[CR_PRF_MAX];
    if (!prf)
        return CV_EUNSUP;
    if (shared->n == 0)
        return CV_EINVAL;

    /* SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr) */
    const struct slice data[] = {{shared->p, shared->n}, ni, nr};
    cv_result r = cr_prf_run(old->suite.prf, (struct slice){old->d, prf->len}, data, 3, skeyseed);
    if (r == CV_OK)
        r = expand(suite, (struct slice){skeyseed, prf->len}, ni, nr, spi_i, spi_r, out);
    secret_wipe(skeyseed, sizeof skeyseed);
    return r;
}

static void take_child(const uint8_t **at, const struct cr_encr_alg *e, size_t integ_len,
                       struct cr_child_keys *out)
{
    secret_wipe(out, sizeof *out);
    take(at, out->encr_key, e->key_len);
    take(at, out->salt, e->salt_len);
    take(at, out->integ_key, integ_len);
}

cv_result cr_child_keymat(const struct cr_keys2 *ike, uint16_t encr, uint16_t key_bits, uint16_t integ,
                          const struct secret *shared, struct slice ni, struct slice nr,
                          struct cr_child_keys *i2r, struct cr_child_keys *r2i)
{
    const struct cr_prf_alg *prf = cr_prf(ike->suite.prf);
    size_t e, a;
    if (!prf || !key_lengths(encr, key_bits, integ, &e, &a))
        return CV_EUNSUP;
    if (e + a == 0) /* NULL encryption without integrity: nothing to key, nothing to allow */
        return CV_EINVAL;

    uint8_t keymat[CHILD_KEYMAT_MAX];
    const struct slice g_ir = shared ? (struct slice){shared->p, shared->n} : (struct slice){0};
    const struct slice seed[] = {g_ir, ni, nr};
    CV_TRY(cr_prf_plus(ike->suite.prf, (struct slice){ike->d, prf->len}, seed, 3, keymat, 2 * (e + a)));
    const uint8_t *at = keymat;
    take_child(&at, cr_encr(encr, key_bits), a, i2r);
    take_child(&at, cr_encr(encr, key_bits), a, r2i);
    secret_wipe(keymat, sizeof keymat);
    return CV_OK;
}

cv_result cr_auth_psk(uint16_t prf, const uint8_t *sk_p, struct slice psk, struct slice message,
                      struct slice nonce, struct slice id_body, uint8_t *out)
{
    static const char pad[] = "Key Pad for IKEv2"; /* 17 characters, without the NUL (RFC 7296 2.15) */
    const struct cr_prf_alg *alg = cr_prf(prf);
    uint8_t maced_id[CR_PRF_MAX], key[CR_PRF_MAX];
    if (!alg)
        return CV_EUNSUP;
    if (psk.n == 0) /* an empty secret authenticates everybody */
        return CV_EINVAL;

    const struct slice pad_data = {(const uint8_t *)pad, sizeof pad - 1};
    const struct slice octets[] = {message, nonce, {maced_id, alg->len}};
    cv_result r = cr_prf_run(prf, (struct slice){sk_p, alg->len}, &id_body, 1, maced_id);
    if (r == CV_OK)
        r = cr_prf_run(prf, psk, &pad_data, 1, key);
    if (r == CV_OK)
        r = cr_prf_run(prf, (struct slice){key, alg->len}, octets, 3, out);
    secret_wipe(key, sizeof key);
    secret_wipe(maced_id, sizeof maced_id);
    return r;
}

cv_result cr_nat_hash(const uint8_t *spi_i, const uint8_t *spi_r, const struct ip_endpoint *e, uint8_t *out)
{
    const uint8_t port[] = {(uint8_t)(e->port >> 8), (uint8_t)e->port};
    const struct slice data[] = {
        {spi_i, SPI_LEN}, {spi_r, SPI_LEN}, {e->addr.b, ip_addr_len(&e->addr)}, {port, sizeof port}};
    uint8_t digest[CR_PRF_MAX];
    size_t n;
    CV_TRY(cr_hash("SHA1", data, 4, digest, &n));
    memcpy(out, digest, n);
    return CV_OK;
}
