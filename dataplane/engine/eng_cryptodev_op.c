#include "dataplane/engine/eng_cryptodev_op.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <stdlib.h>
#include <string.h>

enum {
    ESP_HDR = 8, /* SPI and sequence number (RFC 4303 2) */
    SEQ_HI = 4,
    NONCE = 12, /* salt and IV (RFC 4106 4, RFC 7634 2) */
    AEAD_IV = 8,
    AEAD_ICV = 16,
    AAD_ESN = 12,
    CBC_IV = 16,
    DES_IV = 8,
};

/* ---- sessions ------------------------------------------------------------------------------------------------- */
static const struct {
    enum rte_crypto_auth_algorithm alg;
    uint8_t icv_len; /* RFC 2403, 2404, 4868 2.1 */
} hmacs[] = {
    [CV_INTEG_HMAC_MD5_96] = {RTE_CRYPTO_AUTH_MD5_HMAC, 12},
    [CV_INTEG_HMAC_SHA1_96] = {RTE_CRYPTO_AUTH_SHA1_HMAC, 12},
    [CV_INTEG_HMAC_SHA2_256_128] = {RTE_CRYPTO_AUTH_SHA256_HMAC, 16},
    [CV_INTEG_HMAC_SHA2_384_192] = {RTE_CRYPTO_AUTH_SHA384_HMAC, 24},
    [CV_INTEG_HMAC_SHA2_512_256] = {RTE_CRYPTO_AUTH_SHA512_HMAC, 32},
};

static void aead_make(const struct cv_sa *sa, struct rte_crypto_sym_xform *x)
{
    x->type = RTE_CRYPTO_SYM_XFORM_AEAD;
    x->aead.op = sa->ref.dir == CV_DIR_OUT ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT;
    x->aead.algo =
        sa->encr == CV_ENCR_CHACHA20_POLY1305 ? RTE_CRYPTO_AEAD_CHACHA20_POLY1305 : RTE_CRYPTO_AEAD_AES_GCM;
    x->aead.key.data = sa->encr_key;
    x->aead.key.length = sa->encr_key_len;
    x->aead.iv.offset = CDEV_JOB_AT + offsetof(struct cdev_job, iv);
    x->aead.iv.length = NONCE;
    x->aead.digest_length = AEAD_ICV;
    x->aead.aad_length = sa->flags & CV_SA_ESN ? AAD_ESN : ESP_HDR;
}

static void auth_make(const struct cv_sa *sa, struct rte_crypto_sym_xform *x)
{
    x->type = RTE_CRYPTO_SYM_XFORM_AUTH;
    x->auth.op = sa->ref.dir == CV_DIR_OUT ? RTE_CRYPTO_AUTH_OP_GENERATE : RTE_CRYPTO_AUTH_OP_VERIFY;
    if (sa->encr == CV_ENCR_NULL_AES_GMAC) {
        x->auth.algo = RTE_CRYPTO_AUTH_AES_GMAC;
        x->auth.key.data = sa->encr_key;
        x->auth.key.length = sa->encr_key_len;
        x->auth.iv.offset = CDEV_JOB_AT + offsetof(struct cdev_job, iv);
        x->auth.iv.length = NONCE;
        x->auth.digest_length = AEAD_ICV;
        return;
    }
    x->auth.algo = hmacs[sa->integ].alg;
    x->auth.key.data = sa->integ_key;
    x->auth.key.length = sa->integ_key_len;
    x->auth.digest_length = hmacs[sa->integ].icv_len;
}

static void cipher_make(const struct cv_sa *sa, struct rte_crypto_sym_xform *x)
{
    const bool des = sa->encr == CV_ENCR_3DES;
    x->type = RTE_CRYPTO_SYM_XFORM_CIPHER;
    x->cipher.op = sa->ref.dir == CV_DIR_OUT ? RTE_CRYPTO_CIPHER_OP_ENCRYPT : RTE_CRYPTO_CIPHER_OP_DECRYPT;
    x->cipher.algo = des ? RTE_CRYPTO_CIPHER_3DES_CBC : RTE_CRYPTO_CIPHER_AES_CBC;
    x->cipher.key.data = sa->encr_key;
    x->cipher.key.length = sa->encr_key_len;
    x->cipher.iv.offset = CDEV_JOB_AT + offsetof(struct cdev_job, iv);
    x->cipher.iv.length = des ? DES_IV : CBC_IV;
}

void cdev_xforms_make(const struct cv_sa *sa, struct cdev_xforms *out)
{
    memset(out, 0, sizeof *out);
    switch (sa->encr) {
    case CV_ENCR_AES_GCM_16:
    case CV_ENCR_CHACHA20_POLY1305:
        out->kind = CDEV_AEAD;
        aead_make(sa, &out->first);
        break;
    case CV_ENCR_NULL_AES_GMAC:
        out->kind = CDEV_GMAC;
        auth_make(sa, &out->first);
        break;
    case CV_ENCR_NULL:
        out->kind = CDEV_HMAC;
        auth_make(sa, &out->first);
        break;
    default: { /* encrypt, then authenticate; the other way round coming in */
        const bool encrypt = sa->ref.dir == CV_DIR_OUT;
        out->kind = CDEV_CHAIN;
        cipher_make(sa, encrypt ? &out->first : &out->second);
        auth_make(sa, encrypt ? &out->second : &out->first);
        out->first.next = &out->second;
        break;
    }
    }
}

static bool supported(uint8_t id, const struct rte_crypto_sym_xform *x)
{
    struct rte_cryptodev_sym_capability_idx idx = {.type = x->type};
    switch (x->type) {
    case RTE_CRYPTO_SYM_XFORM_AEAD:
        idx.algo.aead = x->aead.algo;
        break;
    case RTE_CRYPTO_SYM_XFORM_AUTH:
        idx.algo.auth = x->auth.algo;
        break;
    default:
        idx.algo.cipher = x->cipher.algo;
        break;
    }
    const struct rte_cryptodev_symmetric_capability *c = rte_cryptodev_sym_capability_get(id, &idx);
    if (!c)
        return false;
    if (x->type == RTE_CRYPTO_SYM_XFORM_AEAD)
        return rte_cryptodev_sym_capability_check_aead(c, x->aead.key.length, x->aead.digest_length,
                                                       x->aead.aad_length, x->aead.iv.length) == 0;
    if (x->type == RTE_CRYPTO_SYM_XFORM_AUTH)
        return rte_cryptodev_sym_capability_check_auth(c, x->auth.key.length, x->auth.digest_length,
                                                       x->auth.iv.length) == 0;
    return rte_cryptodev_sym_capability_check_cipher(c, x->cipher.key.length, x->cipher.iv.length) == 0;
}

bool cdev_xforms_supported(uint8_t dev_id, const struct cdev_xforms *x)
{
    struct rte_cryptodev_info info;
    if (!x->first.next)
        return supported(dev_id, &x->first);
    rte_cryptodev_info_get(dev_id, &info);
    return (info.feature_flags & RTE_CRYPTODEV_FF_SYM_OPERATION_CHAINING) && supported(dev_id, &x->first) &&
           supported(dev_id, &x->second);
}

/* ---- what all packets need -------------------------------------------------------------------------------------- */
static __rte_always_inline uint8_t *icv_of(const struct eng_session *s, const struct eng_op *op)
{
    return op->esp + ESP_HDR + s->iv_len + op->data_len;
}

/* The nonce is the salt and the packet's IV (RFC 4106 4); behind them a block count of 1, which some devices want. */
static __rte_always_inline void nonce_set(const struct eng_session *s, const struct eng_op *op, uint8_t *iv)
{
    static const uint8_t one[4] = {0, 0, 0, 1};
    if (s->encrypt) {
        const uint64_t v = rte_cpu_to_be_64(op->iv);
        memcpy(op->esp + ESP_HDR, &v, AEAD_IV);
    }
    memcpy(iv, &s->salt, sizeof s->salt);
    memcpy(iv + sizeof s->salt, op->esp + ESP_HDR, AEAD_IV);
    memcpy(iv + NONCE, one, sizeof one);
}

static __rte_always_inline void aad_set(const struct eng_session *s, const struct eng_op *op, uint8_t *aad)
{
    memset(aad, 0, 16);
    memcpy(aad, op->esp, ESP_HDR);
    if (s->esn) { /* SPI, high half, low half (RFC 4106 5, RFC 7634 2.1) */
        const uint32_t hi = rte_cpu_to_be_32(op->seq_hi);
        memcpy(aad + 8, aad + 4, 4);
        memcpy(aad + 4, &hi, SEQ_HI);
    }
}

/* RFC 4543 3.3 with ESN: SPI and high half in front of the low half, over what is there. */
static __rte_always_inline void gmac_widen(const struct eng_op *op, uint8_t *saved)
{
    const uint32_t hi = rte_cpu_to_be_32(op->seq_hi);
    memcpy(saved, op->esp - SEQ_HI, 8);
    memcpy(op->esp - SEQ_HI, op->esp, 4);
    memcpy(op->esp, &hi, SEQ_HI);
}
static __rte_always_inline void gmac_narrow(const struct eng_op *op, const uint8_t *saved)
{
    memcpy(op->esp - SEQ_HI, saved, 8);
}

/* RFC 4303 2.2.1: the high half is authenticated behind the data. The ICV, which stands there, goes to `icv`. */
static __rte_always_inline void hmac_widen(const struct eng_session *s, const struct eng_op *op, uint8_t *icv)
{
    const uint32_t hi = rte_cpu_to_be_32(op->seq_hi);
    uint8_t *at = icv_of(s, op);
    if (!s->encrypt)
        memcpy(icv, at, s->icv_len);
    memcpy(at, &hi, SEQ_HI);
}
static __rte_always_inline void hmac_narrow(const struct eng_session *s, const struct eng_op *op,
                                            const uint8_t *icv)
{
    memcpy(icv_of(s, op), icv, s->icv_len);
}

static __rte_always_inline void widen(const struct eng_session *s, const struct eng_op *op, uint8_t *saved,
                                      uint8_t *icv)
{
    if (likely(!s->esn || s->kind == CDEV_AEAD))
        return;
    if (s->kind == CDEV_GMAC)
        gmac_widen(op, saved);
    else
        hmac_widen(s, op, icv);
}
static __rte_always_inline void narrow(const struct eng_session *s, const struct eng_op *op,
                                       const uint8_t *saved, const uint8_t *icv)
{
    if (likely(!s->esn || s->kind == CDEV_AEAD))
        return;
    if (s->kind == CDEV_GMAC)
        gmac_narrow(op, saved);
    else
        hmac_narrow(s, op, icv);
}

static __rte_always_inline void iv_set(const struct eng_session *s, const struct eng_op *op, uint8_t *iv,
                                       const uint8_t *cbc_iv)
{
    if (s->kind == CDEV_CHAIN) {
        if (s->encrypt)
            memcpy(op->esp + ESP_HDR, cbc_iv, s->iv_len);
        memcpy(iv, op->esp + ESP_HDR, s->iv_len);
    } else if (s->kind != CDEV_HMAC) {
        nonce_set(s, op, iv);
    }
}

/* ---- look-aside --------------------------------------------------------------------------------------------------- */
void cdev_op_prepare(struct rte_crypto_op *op, struct cdev_job *job, const uint8_t *cbc_iv)
{
    const struct eng_session *s = job->s;
    const struct eng_op *e = &job->call.op;
    struct rte_mbuf *m = job->call.m;
    struct rte_crypto_sym_op *sym = op->sym;
    const uint8_t *start = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t esp = (uint32_t)(e->esp - start), text = esp + ESP_HDR + s->iv_len;
    const rte_iova_t icv = rte_pktmbuf_iova_offset(m, text + e->data_len), own = op->phys_addr + CDEV_JOB_AT;
    const bool apart = s->esn && (s->kind == CDEV_CHAIN || s->kind == CDEV_HMAC);
    job->done = false;
    job->call.op.ok = false;
    iv_set(s, e, job->iv, cbc_iv);
    widen(s, e, job->saved, job->icv);
    op->status = RTE_CRYPTO_OP_STATUS_NOT_PROCESSED;
    op->sess_type = RTE_CRYPTO_OP_WITH_SESSION;
    sym->m_src = m;
    sym->m_dst = NULL;
    sym->session = s->device;
    if (s->kind == CDEV_AEAD) {
        aad_set(s, e, job->aad);
        sym->aead.data.offset = text;
        sym->aead.data.length = e->data_len;
        sym->aead.digest.data = icv_of(s, e);
        sym->aead.digest.phys_addr = icv;
        sym->aead.aad.data = job->aad;
        sym->aead.aad.phys_addr = own + offsetof(struct cdev_job, aad);
        return;
    }
    const uint32_t hi = s->esn ? SEQ_HI : 0;
    const uint32_t front = s->kind == CDEV_GMAC ? hi : 0; /* else it stands behind */
    sym->cipher.data.offset = text;
    sym->cipher.data.length = s->kind == CDEV_CHAIN ? e->data_len : 0;
    sym->auth.data.offset = esp - front;
    sym->auth.data.length = ESP_HDR + (uint32_t)s->iv_len + e->data_len + hi;
    sym->auth.digest.data = apart ? job->icv : icv_of(s, e);
    sym->auth.digest.phys_addr = apart ? own + offsetof(struct cdev_job, icv) : icv;
}

void cdev_op_complete(struct cdev_job *job, bool ok)
{
    narrow(job->s, &job->call.op, job->saved, job->icv);
    job->call.op.ok = ok;
    job->done = true;
}

void cdev_op_undo(struct cdev_job *job)
{
    narrow(job->s, &job->call.op, job->saved, job->icv);
}

/* ---- the synchronous call --------------------------------------------------------------------------------------- */
struct cpu_burst {
    struct rte_crypto_vec vec[CDEV_BURST];
    struct rte_crypto_sgl sgl[CDEV_BURST];
    struct rte_crypto_va_iova_ptr iv[CDEV_BURST], aad[CDEV_BURST], digest[CDEV_BURST];
    int32_t status[CDEV_BURST];
    uint8_t ivs[CDEV_BURST][16], aads[CDEV_BURST][16], icvs[CDEV_BURST][CDEV_ICV_MAX], saved[CDEV_BURST][8];
};

static __rte_always_inline void cpu_fill(struct cpu_burst *b, unsigned i, const struct eng_session *s,
                                         const struct eng_op *op, const uint8_t *cbc_iv)
{
    const uint32_t hi = s->esn ? SEQ_HI : 0;
    iv_set(s, op, b->ivs[i], cbc_iv);
    widen(s, op, b->saved[i], b->icvs[i]);
    b->sgl[i] = (struct rte_crypto_sgl){.vec = &b->vec[i], .num = 1};
    b->iv[i].va = b->ivs[i];
    b->aad[i].va = b->aads[i];
    b->digest[i].va = icv_of(s, op);
    b->status[i] = EINVAL;
    if (s->kind == CDEV_AEAD) {
        aad_set(s, op, b->aads[i]);
        b->vec[i] = (struct rte_crypto_vec){.base = op->esp + ESP_HDR + AEAD_IV, .len = op->data_len};
        return;
    }
    b->vec[i] = (struct rte_crypto_vec){.base = op->esp - (s->kind == CDEV_GMAC ? hi : 0),
                                        .len = ESP_HDR + (uint32_t)s->iv_len + op->data_len + hi};
    if (s->kind == CDEV_GMAC) /* drivers differ in which of the two they look at */
        b->aad[i].va = b->ivs[i];
    else if (s->esn)
        b->digest[i].va = b->icvs[i];
}

bool cdev_cpu_run(const struct eng_session *s, struct eng_op *ops, unsigned n, const uint8_t *cbc_ivs)
{
    struct cpu_burst b;
    for (unsigned i = 0; i < n; i++)
        cpu_fill(&b, i, s, &ops[i], cbc_ivs ? cbc_ivs + 16 * i : NULL);
    struct rte_crypto_sym_vec vec = {
        .num = n, .src_sgl = b.sgl, .iv = b.iv, .digest = b.digest, .aad = b.aad, .status = b.status};
    (void)cdev_calls.process(cdev_id(), s->device, s->ofs, &vec);
    bool good = true;
    for (unsigned i = 0; i < n; i++) {
        narrow(s, &ops[i], b.saved[i], b.icvs[i]);
        ops[i].ok = b.status[i] == 0;
        good = good && (b.status[i] == 0 || (!s->encrypt && abs(b.status[i]) == EBADMSG));
    }
    return good;
}
