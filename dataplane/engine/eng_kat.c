#include "dataplane/engine/eng_kat.h"

#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

enum {
    KAT_SPI = 0x01020304,
    KAT_SEQ = 0x0a0b0c0d,
    KAT_SEQ_HI = 1,
    KAT_TEXT = 48,
    KAT_FRONT = 16, /* octets in front of the ESP header, as eng_op demands */
    KAT_HDR = 8,
    KAT_PACKET = 256,
    KAT_COUNT = 3, /* packets per burst */
};
#define KAT_IV 0x1122334455667788ull

struct kat_row {
    uint16_t encr;
    uint8_t key_len;
    uint16_t integ;
    uint8_t esn;
    uint8_t len;
    const char *packet; /* behind the ESP header: IV, ciphertext, ICV */
};
static const struct kat_row rows[] = {
#include "dataplane/engine/eng_kat_rows.h"
};

struct kat_run {
    const struct eng_ops *engine;
    struct eng_worker *worker;
    struct eng_session *enc, *dec;
    struct eng_session_info info;
    uint8_t text[KAT_TEXT];
    uint8_t packet[KAT_COUNT][KAT_PACKET] __attribute__((aligned(64)));
    struct eng_op ops[KAT_COUNT];
};

static void kat_sa(const struct kat_row *row, enum cv_dir dir, struct cv_sa *sa)
{
    static const uint8_t integ_len[] = {[CV_INTEG_HMAC_MD5_96] = 16,
                                        [CV_INTEG_HMAC_SHA1_96] = 20,
                                        [CV_INTEG_HMAC_SHA2_256_128] = 32,
                                        [CV_INTEG_HMAC_SHA2_384_192] = 48,
                                        [CV_INTEG_HMAC_SHA2_512_256] = 64};
    memset(sa, 0, sizeof *sa);
    sa->ref.dir = (uint8_t)dir;
    sa->encr = row->encr;
    sa->encr_key_len = row->key_len;
    sa->integ = row->integ;
    sa->integ_key_len = integ_len[row->integ];
    sa->flags = row->esn ? CV_SA_ESN : 0;
    for (unsigned i = 0; i < sizeof sa->encr_key; i++)
        sa->encr_key[i] = (uint8_t)(i + 1);
    for (unsigned i = 0; i < sizeof sa->integ_key; i++)
        sa->integ_key[i] = (uint8_t)(0x80 + i);
    if (row->integ == CV_INTEG_NONE) {
        sa->salt_len = CV_SALT_MAX;
        for (unsigned i = 0; i < CV_SALT_MAX; i++)
            sa->salt[i] = (uint8_t)(0xa0 + i);
    }
}

/* Every op gets a header, and behind it `body`. */
static void kat_fill(struct kat_run *k, const struct kat_row *row, const void *body, size_t len, size_t at)
{
    for (unsigned i = 0; i < KAT_COUNT; i++) {
        uint8_t *esp = k->packet[i] + KAT_FRONT;
        const uint32_t words[2] = {KAT_SPI, KAT_SEQ};
        for (unsigned b = 0; b < KAT_HDR; b++)
            esp[b] = (uint8_t)(words[b / 4] >> (24 - 8 * (b % 4)));
        memcpy(esp + KAT_HDR + at, body, len);
        k->ops[i] = (struct eng_op){
            .esp = esp, .data_len = KAT_TEXT, .seq_hi = row->esn ? KAT_SEQ_HI : 0, .iv = KAT_IV + i};
    }
}

static const uint8_t *kat_text(const struct kat_run *k, unsigned i)
{
    return k->packet[i] + KAT_FRONT + KAT_HDR + k->info.iv_len;
}

static const char *kat_decrypt(struct kat_run *k, const struct kat_row *row)
{
    if (row->len != k->info.iv_len + KAT_TEXT + k->info.icv_len)
        return "geometry";
    kat_fill(k, row, row->packet, row->len, 0);
    k->packet[1][KAT_FRONT + KAT_HDR + row->len - 1] ^= 0x01;
    k->info.burst(k->worker, k->dec, k->ops, KAT_COUNT);
    if (!k->ops[0].ok || !k->ops[2].ok)
        return "verification";
    if (k->ops[1].ok)
        return "forged ICV";
    if (memcmp(kat_text(k, 0), k->text, KAT_TEXT) || memcmp(kat_text(k, 2), k->text, KAT_TEXT))
        return "decryption";
    return NULL;
}

static const char *kat_encrypt(struct kat_run *k, const struct kat_row *row, eng_burst_fn *decrypt)
{
    kat_fill(k, row, k->text, KAT_TEXT, k->info.iv_len);
    k->info.burst(k->worker, k->enc, k->ops, KAT_COUNT);
    for (unsigned i = 0; i < KAT_COUNT; i++)
        if (!k->ops[i].ok)
            return "encryption refused";
    const uint8_t *first = k->packet[0] + KAT_FRONT + KAT_HDR, *second = k->packet[1] + KAT_FRONT + KAT_HDR;
    if (row->integ == CV_INTEG_NONE && memcmp(first, row->packet, row->len))
        return "encryption";
    if (k->info.iv_len && !memcmp(first, second, k->info.iv_len))
        return "IV came twice";
    decrypt(k->worker, k->dec, k->ops, KAT_COUNT);
    for (unsigned i = 0; i < KAT_COUNT; i++)
        if (!k->ops[i].ok || memcmp(kat_text(k, i), k->text, KAT_TEXT))
            return "encryption";
    return NULL;
}

/* The first packet in pieces: cut in one place and in another behind it, with none between them. */
static void kat_pieces(struct kat_run *k, const struct eng_session *s, eng_pieces_fn *fn, unsigned cut)
{
    enum { PIECES = 4, SECOND = 17 };
    uint8_t *text = k->packet[0] + KAT_FRONT + KAT_HDR + k->info.iv_len;
    const uint32_t second = RTE_MIN((unsigned)SECOND, KAT_TEXT - cut);
    const struct eng_piece pieces[PIECES] = {
        {text, cut}, {text, 0}, {text + cut, second}, {text + cut + second, KAT_TEXT - cut - second}};
    fn(k->worker, s, &k->ops[0], pieces, PIECES, text + KAT_TEXT);
}

static const char *kat_decrypt_pieces(struct kat_run *k, const struct kat_row *row)
{
    for (unsigned cut = 0; k->info.pieces && cut <= KAT_TEXT; cut++) {
        kat_fill(k, row, row->packet, row->len, 0);
        kat_pieces(k, k->dec, k->info.pieces, cut);
        if (!k->ops[0].ok || memcmp(kat_text(k, 0), k->text, KAT_TEXT))
            return "decryption in pieces";
        kat_fill(k, row, row->packet, row->len, 0);
        k->packet[0][KAT_FRONT + KAT_HDR + row->len - 1] ^= 0x01;
        kat_pieces(k, k->dec, k->info.pieces, cut);
        if (k->ops[0].ok)
            return "forged ICV of pieces";
    }
    return NULL;
}

/* Of AEADs, whose IV is ours to choose: what encryption gives is known. */
static const char *kat_encrypt_pieces(struct kat_run *k, const struct kat_row *row)
{
    for (unsigned cut = 0; k->info.pieces && cut <= KAT_TEXT; cut++) {
        kat_fill(k, row, k->text, KAT_TEXT, k->info.iv_len);
        kat_pieces(k, k->enc, k->info.pieces, cut);
        if (!k->ops[0].ok || memcmp(k->packet[0] + KAT_FRONT + KAT_HDR, row->packet, row->len))
            return "encryption in pieces";
    }
    return NULL;
}

static cv_result kat_row_run(struct kat_run *k, const struct kat_row *row, const char **step)
{
    struct cv_sa sa;
    kat_sa(row, CV_DIR_IN, &sa);
    CV_TRY(k->engine->session_new(&sa, -1, &k->dec, &k->info));
    eng_burst_fn *decrypt = k->info.burst;
    *step = kat_decrypt(k, row);
    if (!*step)
        *step = kat_decrypt_pieces(k, row);
    kat_sa(row, CV_DIR_OUT, &sa);
    cv_result r = k->engine->session_new(&sa, -1, &k->enc, &k->info);
    if (r == CV_OK) {
        if (!*step)
            *step = kat_encrypt(k, row, decrypt);
        if (!*step)
            *step = kat_encrypt_pieces(k, row);
        k->engine->session_free(k->enc);
    }
    k->engine->session_free(k->dec);
    return r;
}

static cv_result kat_rows_run(struct kat_run *k, char *err, size_t err_len)
{
    cv_result r = CV_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && r == CV_OK; i++) {
        const struct kat_row *row = &rows[i];
        if (!k->engine->supports(row->encr, row->key_len, row->integ))
            continue;
        const char *step = NULL;
        r = kat_row_run(k, row, &step);
        if (r == CV_OK && step)
            r = CV_ECRYPTO;
        if (r != CV_OK && err_len)
            snprintf(err, err_len, "%s: encr %u with %u-octet key, integ %u%s: %s", k->engine->name,
                     row->encr, row->key_len, row->integ, row->esn ? ", ESN" : "",
                     step ? step : cv_result_text(r));
    }
    return r;
}

cv_result eng_kat_run(const struct eng_ops *engine, char *err, size_t err_len)
{
    /* In memory of the EAL's: a device behind an IOMMU reaches no other. */
    struct kat_run *k = rte_zmalloc("kat", sizeof *k, RTE_CACHE_LINE_SIZE);
    if (!k)
        return CV_ENOMEM;
    k->engine = engine;
    for (unsigned i = 0; i < KAT_TEXT; i++)
        k->text[i] = (uint8_t)(i * 7);
    cv_result r = engine->worker_new(-1, &k->worker);
    if (r == CV_OK) {
        r = kat_rows_run(k, err, err_len);
        engine->worker_free(k->worker);
    }
    rte_free(k);
    return r;
}
