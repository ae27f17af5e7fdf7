#include "dataplane/engine/eng_cryptodev_proto.h"

#include "common/log.h"
#include "common/secret.h"
#include "dataplane/engine/eng_inline_sa.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <string.h>

enum { AEAD_IV = 8 };

/* Of the device; before there are workers. */
static struct {
    uint8_t status;
    bool as_forged;
} dummies = {RTE_CRYPTO_OP_STATUS_SUCCESS, false};

void cdev_proto_dummies(uint8_t status, bool told_apart)
{
    dummies.status = status;
    dummies.as_forged = !told_apart && status != RTE_CRYPTO_OP_STATUS_SUCCESS;
    if (dummies.as_forged)
        log_warning("crypto device %s says the same of dummy packets as of forged ones: SAs coming in are "
                    "not done as a whole",
                    cdev_text());
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */
static const struct rte_security_capability *cap_of(const struct cv_sa *sa, uint8_t *why)
{
    return inline_cap_find(cdev_ipsec_caps(), RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL, sa, why);
}

static bool makes_ivs(const struct cv_sa *sa, const struct rte_security_capability *cap)
{
    return sa->ref.dir == CV_DIR_OUT && sa->integ == 0 && !cap->ipsec.options.iv_gen_disable;
}

bool cdev_proto_used_before(const struct cv_sa *sa)
{
    uint8_t why;
    const struct rte_security_capability *cap = sa->seq != 0 ? cap_of(sa, &why) : NULL;
    return cap && makes_ivs(sa, cap);
}

static void geometry_set(struct eng_session *s, const struct cv_sa *sa)
{
    s->spi = rte_cpu_to_be_32(sa->ref.spi);
    s->v6 = sa->local.addr.family == IP_V6;
    s->natt = (sa->flags & CV_SA_NATT) != 0;
    s->outer_len = (uint8_t)((s->v6 ? CDEV_V6_LEN : CDEV_V4_LEN) + (s->natt ? CDEV_UDP_LEN : 0));
    s->limited = sa->hard_bytes || sa->hard_packets;
}

uint8_t cdev_proto_new(struct eng_session *s, const struct cv_sa *sa)
{
    uint8_t why;
    const struct rte_security_capability *cap = cap_of(sa, &why);
    if (!cap)
        return (uint8_t)why;
    if (sa->ref.dir == CV_DIR_IN && dummies.as_forged)
        return CV_ENGINE_WHY_REFUSED;
    struct inline_conf conf;
    geometry_set(s, sa);
    s->own_iv = sa->ref.dir == CV_DIR_OUT && sa->integ == 0 && cap->ipsec.options.iv_gen_disable;
    inline_conf_make(&conf, sa, RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL, 0);
    conf.session.ipsec.options.iv_gen_disable = s->own_iv;
    const cv_result r = cdev_ipsec_new(&conf.session, &s->ipsec);
    secret_wipe(&conf, sizeof conf);
    if (r == CV_OK)
        return CV_ENGINE_WHY_NONE;
    return r == CV_ENOSPC ? (uint8_t)CV_ENGINE_WHY_SESSIONS : (uint8_t)CV_ENGINE_WHY_REFUSED;
}

bool cdev_proto_softens(const struct eng_session *s)
{
    return !s->encrypt || s->own_iv || s->kind == CDEV_CHAIN || s->kind == CDEV_HMAC;
}

/* ---- packets ----------------------------------------------------------------------------------------------------- */
/* The IV of a packet, without the salt, which the session has: where iv.offset of its xform points. */
static void iv_give(struct cdev_job *job)
{
    const uint64_t iv = rte_cpu_to_be_64(job->call.op.iv);
    memset(job->iv, 0, sizeof job->iv);
    memcpy(job->iv, &iv, AEAD_IV);
}

void cdev_proto_prepare(struct rte_crypto_op *op, struct cdev_job *job)
{
    job->done = false;
    job->call.op.ok = false;
    job->call.said = 0;
    if (job->s->own_iv)
        iv_give(job);
    op->status = RTE_CRYPTO_OP_STATUS_NOT_PROCESSED;
    op->aux_flags = 0;
    op->sess_type = RTE_CRYPTO_OP_SECURITY_SESSION;
    op->sym->session = job->s->ipsec;
    op->sym->m_src = job->call.m;
    op->sym->m_dst = NULL;
}

static bool in_one_piece(const struct rte_mbuf *m)
{
    return m->nb_segs == 1 && m->pkt_len == m->data_len && m->data_off <= m->buf_len &&
           m->data_len <= m->buf_len - m->data_off;
}

/* An ESP packet of this SA, as long as it says. Its addresses are written anew by whoever takes it. */
static bool is_esp(const struct eng_session *s, const struct rte_mbuf *m)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t least = (uint32_t)s->outer_len + CDEV_ESP_HDR + s->iv_len + s->icv_len;
    if (!in_one_piece(m) || m->data_len <= least || ip[0] != (s->v6 ? 0x60 | (ip[0] & 15) : 0x45))
        return false;
    const uint32_t total =
        s->v6 ? CDEV_V6_LEN + (uint32_t)(ip[4] << 8 | ip[5]) : (uint32_t)(ip[2] << 8 | ip[3]);
    return total == m->data_len && ip[s->v6 ? 6 : 9] == (s->natt ? CDEV_PROTO_UDP : CDEV_PROTO_ESP) &&
           memcmp(ip + s->outer_len, &s->spi, sizeof s->spi) == 0;
}

/* It says that it is an IP packet, as long as it can be; all else ESP looks at. Culvert's own dummies begin like one, of length 0. */
static bool is_ip(const struct rte_mbuf *m)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    if (m->data_len < CDEV_V4_LEN)
        return false;
    if (p[0] >> 4 == 4) {
        const unsigned total = (unsigned)(p[2] << 8 | p[3]);
        return total >= CDEV_V4_LEN && total <= m->data_len;
    }
    return p[0] >> 4 == 6 && m->data_len >= CDEV_V6_LEN && (p[4] << 8 | p[5]) <= m->data_len - CDEV_V6_LEN;
}

static void expiry_note(const struct eng_session *s, struct cdev_job *job)
{
    __atomic_store_n(&((struct eng_session *)(uintptr_t)s)->soft_seen, true, __ATOMIC_RELAXED);
    job->call.said |= ENG_SAID_SOFT;
}

static enum cdev_verdict bad(struct cdev_job *job)
{
    const struct eng_session *s = job->s;
    if (!s->encrypt) {
        job->call.drop = CV_DROP_ESP_AUTH;
        return CDEV_FORGED;
    }
    job->call.drop = CV_DROP_CRYPTO;
    if (!s->limited || !__atomic_load_n(&s->soft_seen, __ATOMIC_RELAXED))
        return CDEV_ERROR;
    job->call.drop = CV_DROP_LIFETIME;
    job->call.said |= ENG_SAID_HARD;
    return CDEV_EXPIRED;
}

static enum cdev_verdict dummy(struct cdev_job *job)
{
    job->call.op.ok = true;
    job->call.drop = CV_DROP_DUMMY;
    return CDEV_FINE;
}

enum cdev_verdict cdev_proto_done(const struct rte_crypto_op *op, struct cdev_job *job)
{
    const struct eng_session *s = job->s;
    struct eng_job *call = &job->call;
    job->done = true;
    call->form = ENG_WHOLE;
    call->op.ok = false;
    if (unlikely(op->aux_flags & RTE_CRYPTO_OP_AUX_FLAGS_IPSEC_SOFT_EXPIRY))
        expiry_note(s, job);
    if (unlikely(op->status != RTE_CRYPTO_OP_STATUS_SUCCESS))
        return !s->encrypt && op->status == dummies.status ? dummy(job) : bad(job);
    if (unlikely(s->encrypt && !is_esp(s, call->m)))
        return bad(job);
    if (unlikely(!s->encrypt && !in_one_piece(call->m))) {
        call->drop = CV_DROP_ESP_INNER;
        return CDEV_FORGED;
    }
    if (unlikely(!s->encrypt && !is_ip(call->m)))
        return dummy(job);
    call->op.ok = true;
    call->drop = CV_DROP_NONE;
    return CDEV_FINE;
}

void cdev_proto_undone(struct cdev_job *job)
{
    struct eng_job *call = &job->call;
    job->done = true;
    call->op.ok = false;
    call->drop = CV_DROP_CRYPTO;
    call->form = job->s->soft ? ENG_BUILD : ENG_WHOLE;
    call->said = job->s->soft ? 0 : ENG_SAID_UNFIT;
}
