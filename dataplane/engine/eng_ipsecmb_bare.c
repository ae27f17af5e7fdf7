#include "dataplane/engine/eng_ipsecmb_bare.h"

#include "dataplane/engine/eng_ipsecmb_mgr.h"

#include <intel-ipsec-mb.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    ESP_HDR = 8,
    AEAD_IV = 8,
    AEAD_ICV = 16,
    STRIDE_UNIT = 2048,
    AROUND = 128, /* octets of a packet that are not text, at most */
    TAG_MAX = 64,
    AES_SCHEDULE = 15 * 16,
    MADE_UP = 0x5a,
};

/* From packet to packet: neighbours share no line. */
static size_t stride_of(uint32_t size)
{
    return RTE_ALIGN_CEIL((size_t)size + AROUND, (size_t)STRIDE_UNIT);
}

/* ---- AES-GCM: the direct call ------------------------------------------------------------------------------ */
static aes_gcm_enc_dec_t gcm_call(const IMB_MGR *m, enum cv_dir dir, uint8_t key_len)
{
    const bool out = dir == CV_DIR_OUT;
    return key_len == 16   ? (out ? m->gcm128_enc : m->gcm128_dec)
           : key_len == 24 ? (out ? m->gcm192_enc : m->gcm192_dec)
                           : (out ? m->gcm256_enc : m->gcm256_dec);
}

static void gcm_key(const IMB_MGR *m, uint8_t key_len, struct gcm_key_data *key)
{
    uint8_t text[32];
    memset(text, MADE_UP, sizeof text);
    const aes_gcm_pre_t expand = key_len == 16   ? m->gcm128_pre
                                 : key_len == 24 ? m->gcm192_pre
                                                 : m->gcm256_pre;
    expand(text, key);
}

static double gcm_time(const IMB_MGR *m, enum cv_dir dir, uint8_t key_len, const struct gcm_key_data *key,
                       uint8_t *mem, uint32_t size, unsigned buffers, unsigned calls)
{
    const aes_gcm_enc_dec_t fn = gcm_call(m, dir, key_len);
    const size_t stride = stride_of(size);
    struct gcm_context_data ctx;
    uint8_t nonce[16] = {0}, tag[AEAD_ICV];
    unsigned b = 0;
    const uint64_t start = rte_rdtsc_precise();
    for (unsigned i = 0; i < calls; i++) {
        uint8_t *esp = mem + b * stride, *text = esp + ESP_HDR + AEAD_IV;
        fn(key, &ctx, text, text, size, nonce, esp, ESP_HDR, dir == CV_DIR_OUT ? text + size : tag, AEAD_ICV);
        if (++b == buffers)
            b = 0;
    }
    return (double)(rte_rdtsc_precise() - start) / calls;
}

cv_result eng_ipsecmb_bare(enum cv_dir dir, uint8_t key_len, uint32_t size, unsigned buffers, unsigned calls,
                           double *cycles_per_call)
{
    static __thread IMB_MGR *m; /* made once by each thread that measures */
    if ((key_len != 16 && key_len != 24 && key_len != 32) || size == 0 || size > ENG_BARE_TEXT_MAX ||
        buffers == 0 || buffers > ENG_BARE_BUFFERS_MAX || calls == 0)
        return CV_EINVAL;
    if (!m)
        CV_TRY(eng_ipsecmb_mgr_new(&m));
    const size_t octets = buffers * stride_of(size);
    struct gcm_key_data *key =
        aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof *key, RTE_CACHE_LINE_SIZE));
    uint8_t *mem = aligned_alloc(STRIDE_UNIT, octets);
    const bool have = key && mem;
    if (have) {
        memset(mem, 0, octets);
        gcm_key(m, key_len, key);
        *cycles_per_call = gcm_time(m, dir, key_len, key, mem, size, buffers, calls);
    }
    free(key);
    free(mem);
    return have ? CV_OK : CV_ENOMEM;
}

/* ---- AES-CBC and HMAC: the multi-buffer calls -------------------------------------------------------------------- */
struct eng_bare_burst {
    IMB_MGR *mgr;
    uint8_t *mem; /* ENG_BARE_BURST packets */
    uint8_t enc[AES_SCHEDULE] __rte_aligned(16), dec[AES_SCHEDULE] __rte_aligned(16);
    uint8_t pad[TAG_MAX] __rte_aligned(64); /* a hash's state: which one makes no difference to the clock */
    uint8_t tag[ENG_BARE_BURST][TAG_MAX] __rte_aligned(64);
    uint8_t iv[ENG_BARE_BURST][IMB_AES_BLOCK_SIZE] __rte_aligned(64);
    IMB_HASH_ALG hash;
    uint16_t key_len, icv_len; /* key_len 0: no cipher */
    IMB_JOB cipher[ENG_BARE_BURST], sign[ENG_BARE_BURST];
};

static bool algorithms_set(struct eng_bare_burst *b, const struct cv_sa *sa)
{
    static const struct {
        uint16_t integ, icv_len;
        IMB_HASH_ALG hash;
    } rows[] = {{CV_INTEG_HMAC_SHA1_96, 12, IMB_AUTH_HMAC_SHA_1},
                {CV_INTEG_HMAC_SHA2_256_128, 16, IMB_AUTH_HMAC_SHA_256},
                {CV_INTEG_HMAC_SHA2_384_192, 24, IMB_AUTH_HMAC_SHA_384},
                {CV_INTEG_HMAC_SHA2_512_256, 32, IMB_AUTH_HMAC_SHA_512}};
    for (unsigned i = 0; i < RTE_DIM(rows); i++)
        if (rows[i].integ == sa->integ) {
            b->hash = rows[i].hash;
            b->icv_len = rows[i].icv_len;
        }
    b->key_len = sa->encr_key_len;
    const bool cipher =
        sa->encr == CV_ENCR_AES_CBC && (b->key_len == 16 || b->key_len == 24 || b->key_len == 32);
    return b->icv_len > 0 && (cipher || (sa->encr == CV_ENCR_NULL && b->key_len == 0));
}

static void keys_make(struct eng_bare_burst *b)
{
    uint8_t text[32];
    memset(text, MADE_UP, sizeof text);
    memset(b->pad, MADE_UP, sizeof b->pad);
    if (b->key_len > 0) {
        const keyexp_t expand = b->key_len == 16   ? b->mgr->keyexp_128
                                : b->key_len == 24 ? b->mgr->keyexp_192
                                                   : b->mgr->keyexp_256;
        expand(text, b->enc, b->dec);
    }
}

void eng_bare_burst_free(struct eng_bare_burst *b)
{
    if (!b)
        return;
    if (b->mgr)
        free_mb_mgr(b->mgr);
    free(b->mem);
    free(b);
}

cv_result eng_bare_burst_new(const struct cv_sa *sa, struct eng_bare_burst **burst)
{
    const size_t octets = ENG_BARE_BURST * stride_of(ENG_BARE_TEXT_MAX);
    struct eng_bare_burst *b = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof *b);
    if (!b)
        return CV_ENOMEM;
    memset(b, 0, sizeof *b);
    if (!algorithms_set(b, sa)) {
        free(b);
        return CV_EUNSUP;
    }
    b->mem = aligned_alloc(STRIDE_UNIT, octets);
    const cv_result r = b->mem ? eng_ipsecmb_mgr_new(&b->mgr) : CV_ENOMEM;
    if (r != CV_OK) {
        eng_bare_burst_free(b);
        return r;
    }
    memset(b->mem, MADE_UP, octets);
    keys_make(b);
    *burst = b;
    return CV_OK;
}

static void jobs_fill(struct eng_bare_burst *b, enum cv_dir dir, uint32_t lead_len, uint32_t text_len)
{
    const bool out = dir == CV_DIR_OUT;
    const size_t stride = stride_of(lead_len + text_len);
    for (unsigned i = 0; i < ENG_BARE_BURST; i++) {
        uint8_t *start = b->mem + i * stride, *text = start + lead_len;
        b->cipher[i] = (IMB_JOB){.enc_keys = b->enc,
                                 .dec_keys = b->dec,
                                 .key_len_in_bytes = b->key_len,
                                 .src = text,
                                 .dst = text,
                                 .msg_len_to_cipher_in_bytes = text_len,
                                 .iv = b->iv[i],
                                 .iv_len_in_bytes = IMB_AES_BLOCK_SIZE,
                                 .cipher_mode = IMB_CIPHER_CBC,
                                 .cipher_direction = out ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
                                 .hash_alg = IMB_AUTH_NULL,
                                 .chain_order = out ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER};
        b->sign[i] = (IMB_JOB){.src = start,
                               .msg_len_to_hash_in_bytes = lead_len + text_len,
                               .auth_tag_output = b->tag[i],
                               .auth_tag_output_len_in_bytes = b->icv_len,
                               .cipher_mode = IMB_CIPHER_NULL,
                               .cipher_direction = IMB_DIR_ENCRYPT,
                               .hash_alg = b->hash,
                               .chain_order = IMB_ORDER_HASH_CIPHER};
        b->sign[i].u.HMAC._hashed_auth_key_xor_ipad = b->pad;
        b->sign[i].u.HMAC._hashed_auth_key_xor_opad = b->pad;
    }
}

static bool ciphered(struct eng_bare_burst *b, enum cv_dir dir)
{
    return b->key_len == 0 ||
           IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->mgr, b->cipher, ENG_BARE_BURST, IMB_CIPHER_CBC,
                                           dir == CV_DIR_OUT ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
                                           b->key_len) == ENG_BARE_BURST;
}

static bool signed_all(struct eng_bare_burst *b)
{
    return IMB_SUBMIT_HASH_BURST_NOCHECK(b->mgr, b->sign, ENG_BARE_BURST, b->hash) == ENG_BARE_BURST;
}

double eng_bare_burst_cycles(struct eng_bare_burst *b, enum cv_dir dir, uint32_t lead_len, uint32_t text_len,
                             unsigned bursts)
{
    if (lead_len > ENG_BARE_TEXT_MAX || text_len > ENG_BARE_TEXT_MAX - lead_len || bursts == 0)
        return 0;
    jobs_fill(b, dir, lead_len, text_len);
    bool ok = true;
    const uint64_t start = rte_rdtsc_precise();
    for (unsigned i = 0; i < bursts; i++)
        ok =
            (dir == CV_DIR_OUT ? ciphered(b, dir) && signed_all(b) : signed_all(b) && ciphered(b, dir)) && ok;
    const uint64_t end = rte_rdtsc_precise();
    return ok ? (double)(end - start) / bursts / ENG_BARE_BURST : 0;
}
