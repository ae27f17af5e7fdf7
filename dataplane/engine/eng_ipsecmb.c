#include "dataplane/engine/eng_ipsecmb.h"

#include "common/secret.h"
#include "dataplane/engine/eng_ipsecmb_mgr.h"
#include "dataplane/engine/eng_ipsecmb_pieces.h"
#include "dataplane/engine/eng_ipsecmb_session.h"
#include "dataplane/engine/eng_kat.h"
#include "dataplane/engine/eng_mem.h"

#include <intel-ipsec-mb.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    MB_BURST = 64, /* packets per multi-buffer call: no more than IMB_MAX_BURST_SIZE */
    HASH_BLOCK_MAX = 128,
    JOB_OCTETS_MAX = (1 << 16) - 2, /* the library's */
};

struct eng_worker {
    IMB_MGR *mgr;
    uint64_t iv_burst; /* bursts of CBC IVs made so far: never the same counter block twice */
    uint8_t iv_key[AES_SCHEDULE] __rte_aligned(16);
    uint8_t iv_unused[AES_SCHEDULE] __rte_aligned(16);
    uint8_t iv[MB_BURST][IMB_AES_BLOCK_SIZE] __rte_aligned(64);
    uint8_t tag[MB_BURST][TAG_SLOT] __rte_aligned(64);
    uint8_t good[MB_BURST];
    IMB_JOB jobs[MB_BURST];
    const struct eng_session *session[MB_BURST]; /* a batch: whose packets, and which */
    struct eng_op *op[MB_BURST];
};

/* What a packet reads: the head, the expanded key, and of GCM's powers of the hash key behind it the last ones. */
enum {
    LINE = RTE_CACHE_LINE_SIZE,
    FIXED_LINES =
        (offsetof(struct eng_session, key) + sizeof(((struct gcm_key_data *)0)->expanded_keys) + LINE - 1) /
        LINE,
    POWER_LINES =
        (offsetof(struct eng_session, key) + sizeof(struct gcm_key_data) + LINE - 1) / LINE - FIXED_LINES,
};

/* Key expansion needs a manager only for its function table; made once, by the manager thread. */
static IMB_MGR *setup_mgr;

static cv_result setup_mgr_get(void)
{
    return setup_mgr ? CV_OK : eng_ipsecmb_mgr_new(&setup_mgr);
}

const struct IMB_MGR *eng_ipsecmb_table(void)
{
    return setup_mgr;
}

/* ---- workers ------------------------------------------------------------------------------------------ */
static void worker_free(struct eng_worker *w)
{
    if (!w)
        return;
    if (w->mgr)
        free_mb_mgr(w->mgr);
    secret_wipe(w, sizeof *w);
    rte_free(w);
}

static cv_result worker_new(int socket, struct eng_worker **out)
{
    struct eng_worker *w = rte_zmalloc_socket("eng_worker", sizeof *w, RTE_CACHE_LINE_SIZE, socket);
    if (!w)
        return CV_ENOMEM;
    uint8_t key[16];
    cv_result r = eng_ipsecmb_mgr_new(&w->mgr);
    if (r == CV_OK && getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        r = CV_EIO;
    if (r != CV_OK) {
        worker_free(w);
        return r;
    }
    IMB_AES_KEYEXP_128(w->mgr, key, w->iv_key, w->iv_unused);
    secret_wipe(key, sizeof key);
    *out = w;
    return CV_OK;
}

/* ---- AEAD: one direct call per packet ----------------------------------------------------------------- */

static __rte_always_inline void gcm_run(const struct eng_session *s, struct eng_op *ops, unsigned n,
                                        bool encrypt, bool esn)
{
    const aes_gcm_enc_dec_t fn = s->gcm;
    struct gcm_context_data ctx;
    struct aead_in in[2];
    uint8_t tag[AEAD_ICV] __rte_aligned(16);
    aead_prepare(&in[0], s, &ops[0], encrypt, esn);
    for (unsigned i = 0; i < n; i++) {
        struct eng_op *op = &ops[i];
        if (i + 1 < n)
            aead_prepare(&in[(i + 1) & 1], s, &ops[i + 1], encrypt, esn);
        const struct aead_in *cur = &in[i & 1];
        uint8_t *text = op->esp + ESP_HDR + AEAD_IV;
        const uint8_t *aad = esn ? cur->aad : op->esp;
        uint8_t *icv = text + op->data_len;
        fn(&s->key.gcm, &ctx, text, text, op->data_len, cur->nonce, aad, esn ? 12 : 8, encrypt ? icv : tag,
           AEAD_ICV);
        op->ok = encrypt || icv16_equal(tag, icv);
    }
}

/* RFC 4543 3.3: nothing is encrypted; ESP header, IV and payload are the AAD. With ESN the 64-bit number
 * stands in the header's place, four octets longer: SPI and high half go over the octets in front for the
 * call. The received ICV is compared after that. */
static __rte_always_inline void gmac_run(const struct eng_session *s, struct eng_op *ops, unsigned n,
                                         bool encrypt, bool esn)
{
    struct gcm_context_data ctx;
    struct aead_in in;
    uint8_t tag[AEAD_ICV] __rte_aligned(16);
    for (unsigned i = 0; i < n; i++) {
        struct eng_op *op = &ops[i];
        aead_prepare(&in, s, op, encrypt, false);
        uint8_t *start = op->esp - (esn ? SEQ_HI : 0);
        uint64_t len = ESP_HDR + AEAD_IV + (uint64_t)op->data_len + (esn ? SEQ_HI : 0);
        uint8_t saved[2 * SEQ_HI];
        if (esn) {
            uint32_t hi = rte_cpu_to_be_32(op->seq_hi);
            memcpy(saved, start, sizeof saved);
            memcpy(start, op->esp, 4);
            memcpy(start + 4, &hi, 4);
        }
        s->gcm(&s->key.gcm, &ctx, op->esp, op->esp, 0, in.nonce, start, len, tag, AEAD_ICV);
        if (esn)
            memcpy(start, saved, sizeof saved);
        uint8_t *icv = op->esp + ESP_HDR + AEAD_IV + op->data_len;
        if (encrypt)
            memcpy(icv, tag, AEAD_ICV);
        op->ok = encrypt || icv16_equal(tag, icv);
    }
}

/* The library has its one-call ChaCha20-Poly1305 behind the job interface; such a job is done when the
 * submit returns. */
static __rte_always_inline void chacha_run(struct eng_worker *w, const struct eng_session *s,
                                           struct eng_op *ops, unsigned n, bool encrypt, bool esn)
{
    struct aead_in in;
    uint8_t tag[AEAD_ICV] __rte_aligned(16);
    for (unsigned i = 0; i < n; i++) {
        struct eng_op *op = &ops[i];
        aead_prepare(&in, s, op, encrypt, esn);
        uint8_t *text = op->esp + ESP_HDR + AEAD_IV;
        uint8_t *icv = text + op->data_len;
        IMB_JOB *job = IMB_GET_NEXT_JOB(w->mgr);
        job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
        job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
        job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
        job->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
        job->enc_keys = s->key.chacha;
        job->dec_keys = s->key.chacha;
        job->key_len_in_bytes = sizeof s->key.chacha;
        job->src = text;
        job->dst = text;
        job->cipher_start_src_offset_in_bytes = 0;
        job->hash_start_src_offset_in_bytes = 0;
        job->msg_len_to_cipher_in_bytes = op->data_len;
        job->msg_len_to_hash_in_bytes = op->data_len;
        job->iv = in.nonce;
        job->iv_len_in_bytes = AEAD_NONCE;
        job->u.CHACHA20_POLY1305.aad = esn ? in.aad : op->esp;
        job->u.CHACHA20_POLY1305.aad_len_in_bytes = esn ? 12 : 8;
        job->auth_tag_output = encrypt ? icv : tag;
        job->auth_tag_output_len_in_bytes = AEAD_ICV;
        job = IMB_SUBMIT_JOB(w->mgr);
        op->ok = job && job->status == IMB_STATUS_COMPLETED && (encrypt || icv16_equal(tag, icv));
    }
}

#define AEAD_BURSTS(name, call, ...)                                                                         \
    static void name##_enc(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops,            \
                           unsigned n)                                                                       \
    {                                                                                                        \
        RTE_SET_USED(w);                                                                                     \
        call(__VA_ARGS__ s, ops, n, true, false);                                                            \
    }                                                                                                        \
    static void name##_enc_esn(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops,        \
                               unsigned n)                                                                   \
    {                                                                                                        \
        RTE_SET_USED(w);                                                                                     \
        call(__VA_ARGS__ s, ops, n, true, true);                                                             \
    }                                                                                                        \
    static void name##_dec(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops,            \
                           unsigned n)                                                                       \
    {                                                                                                        \
        RTE_SET_USED(w);                                                                                     \
        call(__VA_ARGS__ s, ops, n, false, false);                                                           \
    }                                                                                                        \
    static void name##_dec_esn(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops,        \
                               unsigned n)                                                                   \
    {                                                                                                        \
        RTE_SET_USED(w);                                                                                     \
        call(__VA_ARGS__ s, ops, n, false, true);                                                            \
    }                                                                                                        \
    static eng_burst_fn *const name##_bursts[2][2] = {{name##_dec, name##_dec_esn},                          \
                                                      {name##_enc, name##_enc_esn}};
#define WITH_WORKER w,

AEAD_BURSTS(gcm, gcm_run, )
AEAD_BURSTS(gmac, gmac_run, )
AEAD_BURSTS(chacha, chacha_run, WITH_WORKER)

/* ---- cipher and HMAC: multi-buffer -------------------------------------------------------------------- */

/* An IV must be unpredictable (RFC 3602 3, RFC 2451 3): AES in counter mode under the worker's own random
 * key, the counter block naming burst and packet, so that no block ever comes twice. 3DES takes the first
 * half of a block; there a repetition is as rare as between random IVs. */
static bool cbc_iv_make(struct eng_worker *w, unsigned n)
{
    uint8_t counter[IMB_AES_BLOCK_SIZE] = {0}; /* burst number, then the library's own 32-bit count */
    uint64_t burst = rte_cpu_to_be_64(++w->iv_burst);
    memcpy(counter, &burst, sizeof burst);
    memset(w->iv, 0, n * sizeof w->iv[0]);
    IMB_JOB job = {.enc_keys = w->iv_key,
                   .key_len_in_bytes = IMB_KEY_128_BYTES,
                   .src = w->iv[0],
                   .dst = w->iv[0],
                   .msg_len_to_cipher_in_bytes = n * sizeof w->iv[0],
                   .iv = counter,
                   .iv_len_in_bytes = sizeof counter};
    return IMB_SUBMIT_CIPHER_BURST_NOCHECK(w->mgr, &job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                           IMB_KEY_128_BYTES) == 1;
}

const uint8_t *eng_ipsecmb_ivs(struct eng_worker *w, unsigned n)
{
    static_assert((int)ENG_IPSECMB_IVS == MB_BURST, "one burst");
    return cbc_iv_make(w, n) ? w->iv[0] : NULL;
}

/* Runs jobs that the library has no burst call for, one after the other through its job queue. */
static unsigned job_queue_run(IMB_MGR *mgr, const IMB_JOB *jobs, unsigned n, IMB_CIPHER_MODE mode,
                              IMB_CIPHER_DIRECTION dir, IMB_HASH_ALG hash)
{
    unsigned done = 0;
    for (unsigned i = 0; i < n; i++) {
        IMB_JOB *job = IMB_GET_NEXT_JOB(mgr);
        *job = jobs[i];
        job->cipher_mode = mode;
        job->cipher_direction = dir;
        job->hash_alg = hash;
        job->chain_order = dir == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
        for (job = IMB_SUBMIT_JOB(mgr); job; job = IMB_GET_COMPLETED_JOB(mgr))
            done += job->status == IMB_STATUS_COMPLETED;
    }
    for (IMB_JOB *job; (job = IMB_FLUSH_JOB(mgr));)
        done += job->status == IMB_STATUS_COMPLETED;
    return done;
}

/* The multi-buffer calls are fast only when they are full. So packets of several sessions go into one, as long as
 * they are of one kind: w->session[i] and w->op[i] are a batch, w->jobs[i] the library's view of it. */
static bool alike(const struct eng_session *a, const struct eng_session *b)
{
    return a == b || (a->hash == b->hash && a->key_len == b->key_len);
}

/* Where the ICV of packet i of a batch stands. */
static uint8_t *icv_of(const struct eng_worker *w, unsigned i)
{
    return w->op[i]->esp + ESP_HDR + w->session[i]->iv_len + w->op[i]->data_len;
}

/* What cipher and hash have to know of packet i of a batch: one job serves both calls, and has only what these read. Encrypting, the
 * library writes the ICV to its place. Gives the octets to be hashed. */
static __rte_always_inline uint64_t job_fill(struct eng_worker *w, unsigned i, uint32_t iv_len, bool encrypt)
{
    const struct eng_session *s = w->session[i];
    const struct eng_op *op = w->op[i];
    const uint32_t lead = ESP_HDR + iv_len;
    IMB_JOB *job = &w->jobs[i];
    uint8_t *text = op->esp + lead;
    if (iv_len) {
        job->enc_keys = s->enc_keys;
        job->dec_keys = s->dec_keys;
        job->key_len_in_bytes = s->key_len;
        job->dst = text;
        job->cipher_start_src_offset_in_bytes = lead;
        job->msg_len_to_cipher_in_bytes = op->data_len;
        job->iv = op->esp + ESP_HDR;
        job->iv_len_in_bytes = iv_len;
    }
    job->src = op->esp;
    job->msg_len_to_hash_in_bytes = (uint64_t)lead + op->data_len + s->seq_hi_len;
    job->auth_tag_output = encrypt ? text + op->data_len : w->tag[i];
    job->auth_tag_output_len_in_bytes = s->icv_len;
    job->u.HMAC._hashed_auth_key_xor_ipad = s->ipad;
    job->u.HMAC._hashed_auth_key_xor_opad = s->opad;
    return job->msg_len_to_hash_in_bytes;
}

/* False: one is too long for the library, whose burst calls are asked not to look. */
static __rte_always_inline bool jobs_fill(struct eng_worker *w, unsigned n, uint32_t iv_len, bool encrypt)
{
    uint64_t longest = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint64_t len = job_fill(w, i, iv_len, encrypt);
        longest = RTE_MAX(longest, len);
    }
    return longest <= JOB_OCTETS_MAX;
}

/* Ciphers w->jobs[0..n), of a batch's packets; false when the library refused. */
static __rte_always_inline bool cipher_run(struct eng_worker *w, unsigned n, IMB_CIPHER_MODE mode,
                                           IMB_CIPHER_DIRECTION dir)
{
    if (mode == IMB_CIPHER_DES3)
        return job_queue_run(w->mgr, w->jobs, n, mode, dir, IMB_AUTH_NULL) == n;
    return IMB_SUBMIT_CIPHER_BURST_NOCHECK(w->mgr, w->jobs, n, mode, dir, w->session[0]->key_len) == n;
}

static bool hash_jobs(struct eng_worker *w, unsigned n)
{
    const IMB_HASH_ALG hash = w->session[0]->hash;
    return (hash == IMB_AUTH_MD5 ? job_queue_run(w->mgr, w->jobs, n, IMB_CIPHER_NULL, IMB_DIR_DECRYPT, hash)
                                 : IMB_SUBMIT_HASH_BURST_NOCHECK(w->mgr, w->jobs, n, hash)) == n;
}

/* With ESN the high half goes where the ICV stands, behind the data (RFC 4303 2.2.1); saved[] of what was there. False: nobody has ESN. */
static bool seq_hi_put(struct eng_worker *w, unsigned n, uint32_t *saved)
{
    bool any = false;
    for (unsigned i = 0; i < n; i++)
        if (w->session[i]->seq_hi_len) {
            const uint32_t hi = rte_cpu_to_be_32(w->op[i]->seq_hi);
            memcpy(&saved[i], icv_of(w, i), SEQ_HI);
            memcpy(icv_of(w, i), &hi, SEQ_HI);
            any = true;
        }
    return any;
}

static __rte_noinline void seq_hi_take(struct eng_worker *w, unsigned n, const uint32_t *saved)
{
    for (unsigned i = 0; i < n; i++)
        if (w->session[i]->seq_hi_len)
            memcpy(icv_of(w, i), &saved[i], SEQ_HI);
}

static void set_all(struct eng_worker *w, unsigned n, bool ok)
{
    for (unsigned i = 0; i < n; i++)
        w->op[i]->ok = ok;
}

static __rte_always_inline void hmac_enc(struct eng_worker *w, unsigned n, IMB_CIPHER_MODE mode,
                                         uint32_t iv_len)
{
    uint32_t lost[MB_BURST]; /* the ICV comes there */
    bool good = jobs_fill(w, n, iv_len, true);
    if (iv_len) {
        good = good && cbc_iv_make(w, n);
        for (unsigned i = 0; i < n; i++)
            memcpy(w->op[i]->esp + ESP_HDR, w->iv[i], iv_len);
        good = good && cipher_run(w, n, mode, IMB_DIR_ENCRYPT);
    }
    (void)seq_hi_put(w, n, lost);
    good = good && hash_jobs(w, n);
    set_all(w, n, good);
}

/* The jobs of those that verified, in front. */
static __rte_noinline unsigned verified_first(struct eng_worker *w, unsigned n)
{
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++)
        if (w->op[i]->ok)
            w->jobs[k++] = w->jobs[i];
    return k;
}

/* Integrity first; only what verified is decrypted (RFC 4303 3.4.4.1). */
static __rte_always_inline void hmac_dec(struct eng_worker *w, unsigned n, IMB_CIPHER_MODE mode,
                                         uint32_t iv_len)
{
    uint32_t saved[MB_BURST];
    unsigned k = 0;
    bool good = jobs_fill(w, n, iv_len, false);
    const bool esn = seq_hi_put(w, n, saved);
    good = good && hash_jobs(w, n);
    if (esn)
        seq_hi_take(w, n, saved);
    for (unsigned i = 0; i < n; i++) {
        const bool ok = good && secret_equal(w->tag[i], icv_of(w, i), w->session[i]->icv_len);
        w->op[i]->ok = ok;
        k += ok;
    }
    if (unlikely(k < n) && iv_len)
        k = verified_first(w, n);
    if (iv_len && k > 0 && !cipher_run(w, k, mode, IMB_DIR_DECRYPT))
        set_all(w, n, false);
}

static __rte_always_inline void batch_run(struct eng_worker *w, unsigned n, IMB_CIPHER_MODE mode,
                                          bool encrypt)
{
    const uint32_t iv_len = mode == IMB_CIPHER_CBC    ? IMB_AES_BLOCK_SIZE
                            : mode == IMB_CIPHER_DES3 ? IMB_DES_BLOCK_SIZE
                                                      : 0;
    if (n == 0)
        return;
    if (encrypt)
        hmac_enc(w, n, mode, iv_len);
    else
        hmac_dec(w, n, mode, iv_len);
}

static __rte_always_inline void hmac_runs(struct eng_worker *w, const struct eng_run *runs, unsigned count,
                                          IMB_CIPHER_MODE mode, bool encrypt)
{
    unsigned n = 0;
    for (unsigned r = 0; r < count; r++)
        for (unsigned i = 0; i < runs[r].n; i++) {
            if (n == MB_BURST || (n > 0 && !alike(w->session[0], runs[r].session))) {
                batch_run(w, n, mode, encrypt);
                n = 0;
            }
            w->session[n] = runs[r].session;
            w->op[n++] = &runs[r].ops[i];
        }
    batch_run(w, n, mode, encrypt);
}

#define HMAC_BURST(name, mode, encrypt)                                                                      \
    static void name##_runs(struct eng_worker *w, const struct eng_run *runs, unsigned count)                \
    {                                                                                                        \
        hmac_runs(w, runs, count, mode, encrypt);                                                            \
    }                                                                                                        \
    static void name(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)      \
    {                                                                                                        \
        hmac_runs(w, &(struct eng_run){s, ops, n}, 1, mode, encrypt);                                        \
    }
#define HMAC_BURSTS(name, mode)                                                                              \
    HMAC_BURST(name##_enc, mode, true)                                                                       \
    HMAC_BURST(name##_dec, mode, false)                                                                      \
    static eng_burst_fn *const name##_bursts[2] = {name##_dec, name##_enc};                                  \
    static eng_runs_fn *const name##_all_runs[2] = {name##_dec_runs, name##_enc_runs};

HMAC_BURSTS(cbc, IMB_CIPHER_CBC)
HMAC_BURSTS(des3, IMB_CIPHER_DES3)
HMAC_BURSTS(null, IMB_CIPHER_NULL)

/* ---- sessions ------------------------------------------------------------------------------------------- */
struct integ_alg {
    uint16_t id;
    uint8_t key_len, icv_len, block; /* RFC 2403, 2404, 4868 2.1 */
    IMB_HASH_ALG hash;
};
static const struct integ_alg integ_algs[] = {
    {CV_INTEG_HMAC_MD5_96, 16, 12, 64, IMB_AUTH_MD5},
    {CV_INTEG_HMAC_SHA1_96, 20, 12, 64, IMB_AUTH_HMAC_SHA_1},
    {CV_INTEG_HMAC_SHA2_256_128, 32, 16, 64, IMB_AUTH_HMAC_SHA_256},
    {CV_INTEG_HMAC_SHA2_384_192, 48, 24, 128, IMB_AUTH_HMAC_SHA_384},
    {CV_INTEG_HMAC_SHA2_512_256, 64, 32, 128, IMB_AUTH_HMAC_SHA_512},
};

static const struct integ_alg *integ_find(uint16_t integ)
{
    for (size_t i = 0; i < RTE_DIM(integ_algs); i++)
        if (integ_algs[i].id == integ)
            return &integ_algs[i];
    return NULL;
}

static bool aes_key_len(uint8_t n)
{
    return n == 16 || n == 24 || n == 32;
}

static bool supports(uint16_t encr, uint8_t encr_key_len, uint16_t integ)
{
    switch (encr) {
    case CV_ENCR_AES_GCM_16:
    case CV_ENCR_NULL_AES_GMAC:
        return aes_key_len(encr_key_len) && integ == CV_INTEG_NONE;
    case CV_ENCR_CHACHA20_POLY1305:
        return encr_key_len == 32 && integ == CV_INTEG_NONE;
    case CV_ENCR_AES_CBC:
        return aes_key_len(encr_key_len) && integ_find(integ);
    case CV_ENCR_3DES:
        return encr_key_len == 24 && integ_find(integ);
    case CV_ENCR_NULL: /* never without integrity (RFC 4301 4.2) */
        return encr_key_len == 0 && integ_find(integ);
    default:
        return false;
    }
}

static void gcm_key_set(struct eng_session *s, const struct cv_sa *sa, bool encrypt)
{
    IMB_MGR *m = setup_mgr;
    if (sa->encr_key_len == 16) {
        m->gcm128_pre(sa->encr_key, &s->key.gcm);
        s->gcm = encrypt ? m->gcm128_enc : m->gcm128_dec;
    } else if (sa->encr_key_len == 24) {
        m->gcm192_pre(sa->encr_key, &s->key.gcm);
        s->gcm = encrypt ? m->gcm192_enc : m->gcm192_dec;
    } else {
        m->gcm256_pre(sa->encr_key, &s->key.gcm);
        s->gcm = encrypt ? m->gcm256_enc : m->gcm256_dec;
    }
}

static void aes_key_set(struct eng_session *s, const struct cv_sa *sa)
{
    IMB_MGR *m = setup_mgr;
    keyexp_t expand = sa->encr_key_len == 16   ? m->keyexp_128
                      : sa->encr_key_len == 24 ? m->keyexp_192
                                               : m->keyexp_256;
    expand(sa->encr_key, s->key.aes.enc, s->key.aes.dec);
    s->enc_keys = s->key.aes.enc;
    s->dec_keys = s->key.aes.dec;
}

static void des3_key_set(struct eng_session *s, const struct cv_sa *sa)
{
    for (unsigned i = 0; i < 3; i++) {
        IMB_DES_KEYSCHED(setup_mgr, s->key.des3.ks[i], sa->encr_key + 8 * i);
        s->key.des3.ks_ptr[i] = s->key.des3.ks[i];
    }
    s->enc_keys = s->key.des3.ks_ptr;
    s->dec_keys = s->key.des3.ks_ptr;
}

/* The hash state after one block of key xor pad (RFC 2104 4): where every HMAC starts from. */
static void hmac_state(const struct integ_alg *a, const uint8_t *key, uint8_t pad, uint8_t *state)
{
    IMB_MGR *m = setup_mgr;
    uint8_t block[HASH_BLOCK_MAX];
    memset(block, pad, sizeof block);
    for (unsigned i = 0; i < a->key_len; i++)
        block[i] ^= key[i];
    switch (a->hash) {
    case IMB_AUTH_MD5:
        IMB_MD5_ONE_BLOCK(m, block, state);
        break;
    case IMB_AUTH_HMAC_SHA_1:
        IMB_SHA1_ONE_BLOCK(m, block, state);
        break;
    case IMB_AUTH_HMAC_SHA_256:
        IMB_SHA256_ONE_BLOCK(m, block, state);
        break;
    case IMB_AUTH_HMAC_SHA_384:
        IMB_SHA384_ONE_BLOCK(m, block, state);
        break;
    default:
        IMB_SHA512_ONE_BLOCK(m, block, state);
        break;
    }
    secret_wipe(block, sizeof block);
}

static void integ_set(struct eng_session *s, const struct cv_sa *sa, struct eng_session_info *info)
{
    const struct integ_alg *a = integ_find(sa->integ);
    s->hash = a->hash;
    hmac_state(a, sa->integ_key, 0x36, s->ipad);
    hmac_state(a, sa->integ_key, 0x5c, s->opad);
    info->icv_len = a->icv_len;
}

/* Fills keys, burst function and geometry of a session whose algorithms are known to be supported. */
static void session_set(struct eng_session *s, const struct cv_sa *sa, struct eng_session_info *info)
{
    const bool encrypt = sa->ref.dir == CV_DIR_OUT, esn = sa->flags & CV_SA_ESN;
    memcpy(&s->salt, sa->salt, AEAD_SALT);
    *info = (struct eng_session_info){
        .iv_len = AEAD_IV, .icv_len = AEAD_ICV, .block = 4, .fixed_lines = FIXED_LINES};
    info->pieces = eng_ipsecmb_pieces(sa);
    switch (sa->encr) {
    case CV_ENCR_AES_GCM_16:
        gcm_key_set(s, sa, encrypt);
        info->burst = gcm_bursts[encrypt][esn];
        info->sized_lines = POWER_LINES;
        info->sized_end = FIXED_LINES + POWER_LINES;
        break;
    case CV_ENCR_NULL_AES_GMAC:
        gcm_key_set(s, sa, true); /* without text both directions compute the same tag */
        info->burst = gmac_bursts[encrypt][esn];
        break;
    case CV_ENCR_CHACHA20_POLY1305:
        memcpy(s->key.chacha, sa->encr_key, sizeof s->key.chacha);
        info->burst = chacha_bursts[encrypt][esn];
        break;
    case CV_ENCR_AES_CBC:
        aes_key_set(s, sa);
        info->iv_len = info->block = IMB_AES_BLOCK_SIZE;
        info->burst = cbc_bursts[encrypt];
        info->runs = cbc_all_runs[encrypt];
        break;
    case CV_ENCR_3DES:
        des3_key_set(s, sa);
        info->iv_len = info->block = IMB_DES_BLOCK_SIZE;
        info->burst = des3_bursts[encrypt];
        info->runs = des3_all_runs[encrypt];
        break;
    default:
        info->iv_len = 0;
        info->burst = null_bursts[encrypt];
        info->runs = null_all_runs[encrypt];
        break;
    }
    if (sa->integ != CV_INTEG_NONE)
        integ_set(s, sa, info);
    s->iv_len = info->iv_len;
    s->icv_len = info->icv_len;
    s->key_len = sa->encr_key_len;
    s->seq_hi_len = esn ? SEQ_HI : 0;
}

static cv_result session_new(const struct cv_sa *sa, int socket, struct eng_session **out,
                             struct eng_session_info *info)
{
    if (!supports(sa->encr, sa->encr_key_len, sa->integ))
        return CV_EUNSUP;
    const struct integ_alg *a = integ_find(sa->integ);
    if (sa->integ_key_len != (a ? a->key_len : 0) || sa->salt_len != (a ? 0 : AEAD_SALT))
        return CV_EINVAL;
    CV_TRY(setup_mgr_get());
    struct eng_session *s = eng_mem_get(ENG_MEM_SESSION, sizeof *s, socket);
    if (!s)
        return CV_ENOMEM;
    s->head.owner = &eng_ipsecmb;
    session_set(s, sa, info);
    *out = s;
    return CV_OK;
}

static void session_free(struct eng_session *s)
{
    if (!s)
        return;
    eng_mem_put(ENG_MEM_SESSION, s, sizeof *s);
}

static cv_result self_test(char *err, size_t err_len)
{
    return eng_kat_run(&eng_ipsecmb, err, err_len);
}

static const char *arch_name(const IMB_MGR *m)
{
    switch (m->used_arch) {
    case IMB_ARCH_SSE:
        return "SSE";
    case IMB_ARCH_AVX2:
        return "AVX2";
    case IMB_ARCH_AVX512:
        return (m->features & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2 ? "VAES-AVX512" : "AVX512";
    default:
        return "x86";
    }
}

static const char *device(void)
{
    static char text[CV_NAME_MAX];
    if (setup_mgr_get() != CV_OK)
        return "ipsec-mb, no manager";
    snprintf(text, sizeof text, "ipsec-mb %.8s %s", imb_get_version_str(), arch_name(setup_mgr));
    return text;
}

const struct eng_ops eng_ipsecmb = {
    .name = "ipsecmb",
    .by = CV_ENGINE_IPSECMB,
    .worker_new = worker_new,
    .worker_free = worker_free,
    .supports = supports,
    .session_new = session_new,
    .session_free = session_free,
    .self_test = self_test,
    .device = device,
};
