#include "dataplane/engine/eng_ipsecmb_pieces.h"

#include "common/secret.h"
#include "dataplane/engine/eng_ipsecmb_session.h"

/* The library's functions for one size of key. */
struct gcm_calls {
    aes_gcm_init_t init;
    aes_gcm_enc_dec_update_t update[2]; /* decrypt, encrypt */
    aes_gcm_enc_dec_finalize_t finish;
    aes_gmac_init_t mac_init;
    aes_gmac_update_t mac_update;
    aes_gmac_finalize_t mac_finish;
};

static struct gcm_calls gcm_calls_of(const struct eng_session *s)
{
    const IMB_MGR *m = eng_ipsecmb_table();
    if (s->key_len == 16)
        return (struct gcm_calls){m->gcm128_init,         {m->gcm128_dec_update, m->gcm128_enc_update},
                                  m->gcm128_enc_finalize, m->gmac128_init,
                                  m->gmac128_update,      m->gmac128_finalize};
    if (s->key_len == 24)
        return (struct gcm_calls){m->gcm192_init,         {m->gcm192_dec_update, m->gcm192_enc_update},
                                  m->gcm192_enc_finalize, m->gmac192_init,
                                  m->gmac192_update,      m->gmac192_finalize};
    return (struct gcm_calls){m->gcm256_init,         {m->gcm256_dec_update, m->gcm256_enc_update},
                              m->gcm256_enc_finalize, m->gmac256_init,
                              m->gmac256_update,      m->gmac256_finalize};
}

/* AAD in a place of its own with ESN and without: nonce and AAD are read with wide loads. */
static uint64_t aad_make(struct aead_in *in, const struct eng_session *s, const struct eng_op *op,
                         bool encrypt)
{
    const bool esn = s->seq_hi_len != 0;
    aead_prepare(in, s, op, encrypt, esn);
    if (!esn)
        memcpy(in->aad, op->esp, ESP_HDR);
    return esn ? AAD_MAX : ESP_HDR;
}

static void tag_done(struct eng_op *op, uint8_t *icv, const uint8_t *tag, bool encrypt)
{
    if (encrypt)
        memcpy(icv, tag, AEAD_ICV);
    op->ok = encrypt || icv16_equal(tag, icv);
}

static void gcm_run(const struct eng_session *s, struct eng_op *op, const struct eng_piece *pieces,
                    unsigned n, uint8_t *icv, bool encrypt)
{
    const struct gcm_calls c = gcm_calls_of(s);
    struct gcm_context_data ctx;
    struct aead_in in;
    uint8_t tag[AEAD_ICV] __rte_aligned(16);
    const uint64_t aad_len = aad_make(&in, s, op, encrypt);
    c.init(&s->key.gcm, &ctx, in.nonce, in.aad, aad_len);
    for (unsigned i = 0; i < n; i++)
        if (pieces[i].len > 0)
            c.update[encrypt](&s->key.gcm, &ctx, pieces[i].at, pieces[i].at, pieces[i].len);
    c.finish(&s->key.gcm, &ctx, tag, sizeof tag);
    tag_done(op, icv, tag, encrypt);
    secret_wipe(&ctx, sizeof ctx); /* what is left of a block's key */
}

/* RFC 4543 3.3: header, the high half with ESN, IV and payload are authenticated, and nothing is encrypted. */
static void gmac_run(const struct eng_session *s, struct eng_op *op, const struct eng_piece *pieces,
                     unsigned n, uint8_t *icv, bool encrypt)
{
    const struct gcm_calls c = gcm_calls_of(s);
    struct gcm_context_data ctx;
    struct aead_in in;
    uint8_t tag[AEAD_ICV] __rte_aligned(16), head[AAD_MAX + AEAD_IV];
    const uint64_t aad_len = aad_make(&in, s, op, encrypt);
    memcpy(head, in.aad, aad_len);
    memcpy(head + aad_len, op->esp + ESP_HDR, AEAD_IV);
    c.mac_init(&s->key.gcm, &ctx, in.nonce, AEAD_NONCE);
    c.mac_update(&s->key.gcm, &ctx, head, aad_len + AEAD_IV);
    for (unsigned i = 0; i < n; i++)
        if (pieces[i].len > 0)
            c.mac_update(&s->key.gcm, &ctx, pieces[i].at, pieces[i].len);
    c.mac_finish(&s->key.gcm, &ctx, tag, sizeof tag);
    tag_done(op, icv, tag, encrypt);
    secret_wipe(&ctx, sizeof ctx);
}

static void chacha_run(const struct eng_session *s, struct eng_op *op, const struct eng_piece *pieces,
                       unsigned n, uint8_t *icv, bool encrypt)
{
    const IMB_MGR *m = eng_ipsecmb_table();
    const chacha_poly_enc_dec_update_t update =
        encrypt ? m->chacha20_poly1305_enc_update : m->chacha20_poly1305_dec_update;
    struct chacha20_poly1305_context_data ctx;
    struct aead_in in;
    uint8_t tag[AEAD_ICV] __rte_aligned(16);
    const uint64_t aad_len = aad_make(&in, s, op, encrypt);
    m->chacha20_poly1305_init(s->key.chacha, &ctx, in.nonce, in.aad, aad_len);
    for (unsigned i = 0; i < n; i++)
        if (pieces[i].len > 0)
            update(s->key.chacha, &ctx, pieces[i].at, pieces[i].at, pieces[i].len);
    m->chacha20_poly1305_finalize(&ctx, tag, sizeof tag);
    tag_done(op, icv, tag, encrypt);
    secret_wipe(&ctx, sizeof ctx);
}

#define PIECES(name)                                                                                         \
    static void name##_dec(struct eng_worker *w, const struct eng_session *s, struct eng_op *op,             \
                           const struct eng_piece *pieces, unsigned n, uint8_t *icv)                         \
    {                                                                                                        \
        RTE_SET_USED(w);                                                                                     \
        name##_run(s, op, pieces, n, icv, false);                                                            \
    }                                                                                                        \
    static void name##_enc(struct eng_worker *w, const struct eng_session *s, struct eng_op *op,             \
                           const struct eng_piece *pieces, unsigned n, uint8_t *icv)                         \
    {                                                                                                        \
        RTE_SET_USED(w);                                                                                     \
        name##_run(s, op, pieces, n, icv, true);                                                             \
    }

PIECES(gcm)
PIECES(gmac)
PIECES(chacha)

eng_pieces_fn *eng_ipsecmb_pieces(const struct cv_sa *sa)
{
    const bool encrypt = sa->ref.dir == CV_DIR_OUT;
    switch (sa->encr) {
    case CV_ENCR_AES_GCM_16:
        return encrypt ? gcm_enc : gcm_dec;
    case CV_ENCR_NULL_AES_GMAC:
        return encrypt ? gmac_enc : gmac_dec;
    case CV_ENCR_CHACHA20_POLY1305:
        return encrypt ? chacha_enc : chacha_dec;
    default:
        return NULL;
    }
}
