/* eng_cryptodev_op: ESP's transforms as crypto devices know them: the xforms of a session, the operation of a packet.
 *
 * Internal to the cryptodev engine. What devices are told, and why:
 *   AES-GCM, ChaCha20-Poly1305   AEAD; AAD (RFC 4106 5, RFC 7634 2.1) and nonce in the operation's own memory
 *   AES-GMAC                     authentication alone, over header, IV and data (RFC 4543 3.3). With ESN the 64-bit number stands
 *                                where the 32-bit one is: SPI and high half are written over the 8 octets in front of the low half
 *   CBC, 3DES, NULL with HMAC    cipher, then HMAC, or HMAC alone. With ESN the high half follows the data, in the ICV's place
 *                                (RFC 4303 2.2.1), and the ICV lies in the operation's memory meanwhile
 * What was written over is put back when the packet comes back. */
#ifndef DATAPLANE_ENGINE_ENG_CRYPTODEV_OP_H
#define DATAPLANE_ENGINE_ENG_CRYPTODEV_OP_H

#include "dataplane/engine/eng.h"
#include "dataplane/engine/eng_cryptodev_dev.h"
#include "dataplane/engine/eng_session.h"

enum {
    CDEV_ICV_MAX = 32, /* SHA-512-256 */
    CDEV_BURST = 64,
};

enum cdev_kind { CDEV_AEAD, CDEV_GMAC, CDEV_CHAIN, CDEV_HMAC, CDEV_KINDS };

struct eng_session {
    struct eng_session_head head;
    enum cdev_kind kind;
    bool encrypt, esn;
    uint8_t iv_len, icv_len;
    uint32_t salt;                /* as it stands in memory */
    void *device;                 /* the device's session; NULL: software does it */
    uint8_t why_soft;             /* enum cv_engine_why: because of this */
    union rte_crypto_sym_ofs ofs; /* of the cpu mode */
    struct eng_session *soft;     /* eng_auto's; nobody's but this session's */
    eng_burst_fn *soft_burst;

    /* look-aside protocol (eng_cryptodev_proto.h); `device` is NULL then */
    void *ipsec;       /* the device's session; NULL: none */
    uint32_t spi;      /* as it stands in a packet */
    uint8_t outer_len; /* octets of outer IP and UDP header */
    bool v6, natt;
    bool own_iv;    /* the IVs that it encrypts with are ours */
    bool limited;   /* has hard limits of its own */
    bool soft_seen; /* atomic: the device has said that the soft limit is reached */
};

/* The private area behind a crypto operation: what the device reads and writes of one packet besides the mbuf. */
struct cdev_job {
    uint8_t iv[16];
    uint8_t aad[16]; /* zeroes behind its 8 or 12 octets */
    uint8_t icv[CDEV_ICV_MAX];
    uint8_t saved[8];
    const struct eng_session *s;
    struct eng_job call;
    bool done;
};
enum { CDEV_JOB_AT = sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op) };

static inline struct cdev_job *cdev_job(struct rte_crypto_op *op)
{
    return (struct cdev_job *)(void *)((uint8_t *)op + CDEV_JOB_AT);
}

struct cdev_xforms {
    struct rte_crypto_sym_xform first, second; /* chained where both are used */
    enum cdev_kind kind;
};

/* The xforms of an SA whose algorithms eng_auto supports. They point to the SA's keys. */
void cdev_xforms_make(const struct cv_sa *sa, struct cdev_xforms *out);
/* Does the device say that it can do them? */
bool cdev_xforms_supported(uint8_t dev_id, const struct cdev_xforms *x);

/* Fills the operation and, for encryption, the packet's IV from job->call. cbc_iv: 16 octets for a CDEV_CHAIN that encrypts.
 * job->s and job->call are set. */
void cdev_op_prepare(struct rte_crypto_op *op, struct cdev_job *job, const uint8_t *cbc_iv);
/* The packet as ESP knows it again: ICV in its place, what was written over back. ok: the device did it. */
void cdev_op_complete(struct cdev_job *job, bool ok);
/* The packet as it was before cdev_op_prepare but for its IV; it never went to the device. */
void cdev_op_undo(struct cdev_job *job);

/* ops[0..n), n <= CDEV_BURST, by the device's synchronous call; cbc_ivs: n of 16 octets, as above. Sets ok of each. False: one
 * had an error that is not about its authenticity. */
CV_MUST_USE bool cdev_cpu_run(const struct eng_session *s, struct eng_op *ops, unsigned n,
                              const uint8_t *cbc_ivs);

#endif
