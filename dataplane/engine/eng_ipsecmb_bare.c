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
    CHACHA_NONCE = 12,
    STRIDE_UNIT = 2048,
    AROUND = 128, /* octets of a packet that are not text, at most */
    TAG_MAX = 64,
    AES_SCHEDULE = 15 * 16,
    DES_KEYS = 3,
    DES_SCHEDULE = 16, /* 64-bit words of one DES key */
    MADE_UP = 0x5a,
};

/* From packet to packet: neighbours share no line. */
static size_t stride_of(uint32_t size)
{
    return RTE_ALIGN_CEIL((size_t)size + AROUND, (size_t)STRIDE_UNIT);
}

/* ---- AES-GCM, GMAC, ChaCha20-Poly1305: one packet a call ------------------------------------------------------- */
union direct_key {
    struct gcm_key_data gcm;
    uint8_t chacha[ENG_BARE_KEY_MAX];
};

/* One packet: esp is its header, the IV behind that, then size octets of text, and the ICV. */
struct direct {
    IMB_MGR *m;
    enum cv_dir dir;
    aes_gcm_enc_dec_t gcm;
    const union direct_key *key;
    uint32_t size;
    IMB_JOB job; /* of ChaCha20-Poly1305, but for what each packet has of its own */
};
typedef void direct_fn(const struct direct *d, const uint8_t *nonce, uint8_t *esp, uint8_t *icv);

static void gcm_one(const struct direct *d, const uint8_t *nonce, uint8_t *esp, uint8_t *icv)
{
    struct gcm_context_data ctx;
    uint8_t *text = esp + ESP_HDR + AEAD_IV;
    d->gcm(&d->key->gcm, &ctx, text, text, d->size, nonce, esp, ESP_HDR, icv, AEAD_ICV);
}

/* All of it is AAD (RFC 4543 3.3). */
static void gmac_one(const struct direct *d, const uint8_t *nonce, uint8_t *esp, uint8_t *icv)
{
    struct gcm_context_data ctx;
    d->gcm(&d->key->gcm, &ctx, esp, esp, 0, nonce, esp, ESP_HDR + AEAD_IV + d->size, icv, AEAD_ICV);
}

/* The library's one call for it is behind the job interface, where it is done when the submit returns: faster than the three
 * direct calls that would do the same. */
static void chacha_one(const struct direct *d, const uint8_t *nonce, uint8_t *esp, uint8_t *icv)
{
    IMB_JOB *job = IMB_GET_NEXT_JOB(d->m);
    *job = d->job;
    job->src = job->dst = esp + ESP_HDR + AEAD_IV;
    job->iv = nonce;
    job->u.CHACHA20_POLY1305.aad = esp;
    job->auth_tag_output = icv;
    (void)IMB_SUBMIT_JOB_NOCHECK(d->m);
}

static IMB_JOB chacha_job(const union direct_key *key, enum cv_dir dir, uint32_t size)
{
    IMB_JOB j = {.cipher_mode = IMB_CIPHER_CHACHA20_POLY1305,
                 .hash_alg = IMB_AUTH_CHACHA20_POLY1305,
                 .cipher_direction = dir == CV_DIR_OUT ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
                 .chain_order = dir == CV_DIR_OUT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER,
                 .enc_keys = key->chacha,
                 .dec_keys = key->chacha,
                 .key_len_in_bytes = sizeof key->chacha,
                 .msg_len_to_cipher_in_bytes = size,
                 .msg_len_to_hash_in_bytes = size,
                 .iv_len_in_bytes = CHACHA_NONCE,
                 .auth_tag_output_len_in_bytes = AEAD_ICV};
    j.u.CHACHA20_POLY1305.aad_len_in_bytes = ESP_HDR;
    return j;
}

static direct_fn *direct_of(uint16_t encr)
{
    return encr == CV_ENCR_AES_GCM_16          ? gcm_one
           : encr == CV_ENCR_NULL_AES_GMAC     ? gmac_one
           : encr == CV_ENCR_CHACHA20_POLY1305 ? chacha_one
                                               : NULL;
}

static aes_gcm_enc_dec_t gcm_call(const IMB_MGR *m, enum cv_dir dir, uint8_t key_len)
{
    const bool out = dir == CV_DIR_OUT;
    return key_len == 16   ? (out ? m->gcm128_enc : m->gcm128_dec)
           : key_len == 24 ? (out ? m->gcm192_enc : m->gcm192_dec)
                           : (out ? m->gcm256_enc : m->gcm256_dec);
}

static void direct_key_make(const IMB_MGR *m, uint16_t encr, uint8_t key_len, union direct_key *key)
{
    uint8_t text[ENG_BARE_KEY_MAX];
    memset(text, MADE_UP, sizeof text);
    const aes_gcm_pre_t expand = key_len == 16   ? m->gcm128_pre
                                 : key_len == 24 ? m->gcm192_pre
                                                 : m->gcm256_pre;
    if (encr == CV_ENCR_CHACHA20_POLY1305)
        memcpy(key->chacha, text, sizeof key->chacha);
    else
        expand(text, &key->gcm);
}

static double direct_time(const struct direct *d, direct_fn *one, uint8_t *mem, unsigned buffers,
                          unsigned calls)
{
    const size_t stride = stride_of(d->size);
    uint8_t nonce[16] = {0}, tag[AEAD_ICV];
    unsigned b = 0;
    const uint64_t start = rte_rdtsc_precise();
    for (unsigned i = 0; i < calls; i++) {
        uint8_t *esp = mem + b * stride;
        one(d, nonce, esp, d->dir == CV_DIR_OUT ? esp + ESP_HDR + AEAD_IV + d->size : tag);
        if (++b == buffers)
            b = 0;
    }
    return (double)(rte_rdtsc_precise() - start) / calls;
}

bool eng_ipsecmb_is_single(uint16_t encr)
{
    return direct_of(encr) != NULL;
}

static bool is_key_len(uint16_t encr, uint8_t n)
{
    return n == 32 || (encr != CV_ENCR_CHACHA20_POLY1305 && (n == 16 || n == 24));
}

cv_result eng_ipsecmb_bare(const struct eng_bare_call *c, unsigned calls, double *cycles_per_call)
{
    static __thread IMB_MGR *m; /* made once by each thread that measures */
    direct_fn *const one = direct_of(c->encr);
    if (!one || !is_key_len(c->encr, c->key_len) || c->size == 0 || c->size > ENG_BARE_TEXT_MAX ||
        c->buffers == 0 || c->buffers > ENG_BARE_BUFFERS_MAX || calls == 0)
        return CV_EINVAL;
    if (!m)
        CV_TRY(eng_ipsecmb_mgr_new(&m));
    const size_t octets = c->buffers * stride_of(c->size);
    union direct_key *key =
        aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof *key, RTE_CACHE_LINE_SIZE));
    uint8_t *mem = aligned_alloc(STRIDE_UNIT, octets);
    const bool have = key && mem;
    if (have) {
        const struct direct d = {m,   c->dir,  gcm_call(m, c->dir, c->key_len),
                                 key, c->size, chacha_job(key, c->dir, c->size)};
        memset(mem, 0, octets);
        direct_key_make(m, c->encr, c->key_len, key);
        *cycles_per_call = direct_time(&d, one, mem, c->buffers, calls);
    }
    free(key);
    free(mem);
    return have ? CV_OK : CV_ENOMEM;
}

/* ---- a cipher and HMAC: the multi-buffer calls ------------------------------------------------------------------- */
struct eng_bare_burst {
    IMB_MGR *mgr;
    uint8_t *mem; /* ENG_BARE_BURST packets */
    uint8_t enc[AES_SCHEDULE] __rte_aligned(16), dec[AES_SCHEDULE] __rte_aligned(16);
    uint64_t des[DES_SCHEDULE];
    const void *des3[DES_KEYS];
    uint8_t pad[TAG_MAX] __rte_aligned(64); /* a hash's state: which one makes no difference to the clock */
    uint8_t tag[ENG_BARE_BURST][TAG_MAX] __rte_aligned(64);
    uint8_t iv[ENG_BARE_BURST][IMB_AES_BLOCK_SIZE] __rte_aligned(64);
    IMB_CIPHER_MODE mode;
    IMB_HASH_ALG hash;
    uint16_t key_len, iv_len, icv_len;
    IMB_JOB cipher[ENG_BARE_BURST], sign[ENG_BARE_BURST];
};

static bool hash_set(struct eng_bare_burst *b, uint16_t integ)
{
    static const struct {
        uint16_t integ, icv_len;
        IMB_HASH_ALG hash;
    } rows[] = {{CV_INTEG_HMAC_MD5_96, 12, IMB_AUTH_MD5},
                {CV_INTEG_HMAC_SHA1_96, 12, IMB_AUTH_HMAC_SHA_1},
                {CV_INTEG_HMAC_SHA2_256_128, 16, IMB_AUTH_HMAC_SHA_256},
                {CV_INTEG_HMAC_SHA2_384_192, 24, IMB_AUTH_HMAC_SHA_384},
                {CV_INTEG_HMAC_SHA2_512_256, 32, IMB_AUTH_HMAC_SHA_512}};
    for (unsigned i = 0; i < RTE_DIM(rows); i++)
        if (rows[i].integ == integ) {
            b->hash = rows[i].hash;
            b->icv_len = rows[i].icv_len;
        }
    return b->icv_len > 0;
}

static bool cipher_set(struct eng_bare_burst *b, uint16_t encr, uint8_t key_len)
{
    static const struct {
        uint16_t encr;
        uint8_t key_len, iv_len;
        IMB_CIPHER_MODE mode;
    } rows[] = {{CV_ENCR_AES_CBC, 16, IMB_AES_BLOCK_SIZE, IMB_CIPHER_CBC},
                {CV_ENCR_AES_CBC, 24, IMB_AES_BLOCK_SIZE, IMB_CIPHER_CBC},
                {CV_ENCR_AES_CBC, 32, IMB_AES_BLOCK_SIZE, IMB_CIPHER_CBC},
                {CV_ENCR_3DES, 24, IMB_DES_BLOCK_SIZE, IMB_CIPHER_DES3},
                {CV_ENCR_NULL, 0, 0, IMB_CIPHER_NULL}};
    for (unsigned i = 0; i < RTE_DIM(rows); i++)
        if (rows[i].encr == encr && rows[i].key_len == key_len) {
            b->mode = rows[i].mode;
            b->key_len = key_len;
            b->iv_len = rows[i].iv_len;
            return true;
        }
    return false;
}

static void keys_make(struct eng_bare_burst *b)
{
    uint8_t text[ENG_BARE_KEY_MAX];
    memset(text, MADE_UP, sizeof text);
    memset(b->pad, MADE_UP, sizeof b->pad);
    if (b->mode == IMB_CIPHER_CBC) {
        const keyexp_t expand = b->key_len == 16   ? b->mgr->keyexp_128
                                : b->key_len == 24 ? b->mgr->keyexp_192
                                                   : b->mgr->keyexp_256;
        expand(text, b->enc, b->dec);
    } else if (b->mode == IMB_CIPHER_DES3) {
        IMB_DES_KEYSCHED(b->mgr, b->des, text);
        for (unsigned i = 0; i < DES_KEYS; i++)
            b->des3[i] = b->des;
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
    if (!hash_set(b, sa->integ) || !cipher_set(b, sa->encr, sa->encr_key_len)) {
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
        b->cipher[i] = (IMB_JOB){.enc_keys = b->mode == IMB_CIPHER_DES3 ? (const void *)b->des3 : b->enc,
                                 .dec_keys = b->mode == IMB_CIPHER_DES3 ? (const void *)b->des3 : b->dec,
                                 .key_len_in_bytes = b->key_len,
                                 .src = text,
                                 .dst = text,
                                 .msg_len_to_cipher_in_bytes = text_len,
                                 .iv = b->iv[i],
                                 .iv_len_in_bytes = b->iv_len,
                                 .cipher_mode = b->mode,
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

/* What the library has no burst call for goes through its queue, which fills the same lanes. */
static bool queued(IMB_MGR *m, const IMB_JOB *jobs)
{
    unsigned done = 0;
    for (unsigned i = 0; i < ENG_BARE_BURST; i++) {
        IMB_JOB *job = IMB_GET_NEXT_JOB(m);
        *job = jobs[i];
        for (job = IMB_SUBMIT_JOB_NOCHECK(m); job; job = IMB_GET_COMPLETED_JOB(m))
            done += job->status == IMB_STATUS_COMPLETED;
    }
    for (IMB_JOB *job; (job = IMB_FLUSH_JOB(m));)
        done += job->status == IMB_STATUS_COMPLETED;
    return done == ENG_BARE_BURST;
}

static bool ciphered(struct eng_bare_burst *b, enum cv_dir dir)
{
    if (b->mode == IMB_CIPHER_NULL)
        return true;
    if (b->mode == IMB_CIPHER_DES3)
        return queued(b->mgr, b->cipher);
    return IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->mgr, b->cipher, ENG_BARE_BURST, b->mode,
                                           dir == CV_DIR_OUT ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
                                           b->key_len) == ENG_BARE_BURST;
}

static bool signed_all(struct eng_bare_burst *b)
{
    if (b->hash == IMB_AUTH_MD5)
        return queued(b->mgr, b->sign);
    return IMB_SUBMIT_HASH_BURST_NOCHECK(b->mgr, b->sign, ENG_BARE_BURST, b->hash) == ENG_BARE_BURST;
}

bool eng_bare_burst_is_queued(uint16_t encr, uint16_t integ)
{
    return encr == CV_ENCR_3DES || integ == CV_INTEG_HMAC_MD5_96;
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
