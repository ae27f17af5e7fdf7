/* eng_cryptodev_dev: the one crypto device of this process: opened, asked, started, failed, stopped.
 *
 * Internal to the cryptodev engine. A failed device is stopped by the last worker that lets go of its queue pair: only then
 * does nothing write into packets any more, and only then may they be freed. */
#ifndef DATAPLANE_ENGINE_ENG_CRYPTODEV_DEV_H
#define DATAPLANE_ENGINE_ENG_CRYPTODEV_DEV_H

#include "common/contract.h"
#include "common/result.h"

#include <rte_cryptodev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CDEV_NO_QUEUE = UINT16_MAX,
    CDEV_STALL_MS = 200,
    CDEV_STALL_POLLS =
        1000, /* and as many polls that found nothing: the worker may have been off its processor */
    CDEV_ERRORS_MAX = 64,
};

/* RUNNING -> FAILED by whoever finds out; FAILED -> STOPPED by the last worker to let go. */
enum cdev_state { CDEV_CLOSED, CDEV_RUNNING, CDEV_FAILED, CDEV_STOPPED };

/* Why a device failed, for the log. */
enum cdev_fault { CDEV_FAULT_EVENT = 1, CDEV_FAULT_ERRORS, CDEV_FAULT_STALL, CDEV_FAULT_REMOVED };

/* The calls of the packet path; a test puts a device of its own behind them, before there are workers. */
struct cdev_calls {
    uint16_t (*enqueue)(uint8_t dev, uint16_t qp, struct rte_crypto_op **ops, uint16_t n);
    uint16_t (*dequeue)(uint8_t dev, uint16_t qp, struct rte_crypto_op **ops, uint16_t n);
    uint32_t (*process)(uint8_t dev, void *session, union rte_crypto_sym_ofs ofs,
                        struct rte_crypto_sym_vec *vec);
    void (*stop)(uint8_t dev);
};
extern struct cdev_calls cdev_calls;

/* Opens what eng_cryptodev.h describes. CV_ENOENT: no such device; CV_EUNSUP: not a symmetric one, or without the mode asked
 * for; `why` says it for a user. */
CV_MUST_USE cv_result cdev_open(const char *arg, unsigned workers, char *why, size_t why_len);
void cdev_close(void); /* removes the device if cdev_open made it */

uint8_t cdev_id(void);
bool cdev_is_cpu(void);      /* worked on by the call that returns when the packets are done */
bool cdev_is_protocol(void); /* asked to do ESP as a whole where it can */
/* "crypto_aesni_mb cpu", "0000:3d:00.0_qat_sym failed": at most CV_NAME_MAX - 1 octets. */
const char *cdev_text(void);

enum cdev_state cdev_state(void); /* any thread; acquire */
enum cdev_fault cdev_fault(void);
void cdev_fail(enum cdev_fault why); /* any thread; the first counts */
/* Stops it at once, whoever holds queue pairs: no thread may be in a call on them, nor make one later. At the end of a worker
 * that the device owes packets: it writes into them until it is stopped. */
void cdev_halt(enum cdev_fault why);
/* Gives a device that somebody wants to take away (CDEV_FAULT_REMOVED) back, once it has stopped; one that cdev_open made, once its sessions
 * are freed, too. Manager, now and then. */
void cdev_let_go(void);
static inline bool cdev_runs(void)
{
    return cdev_state() == CDEV_RUNNING;
}

/* A queue pair, CDEV_NO_QUEUE when all are taken or the device does not run. Manager. */
uint16_t cdev_queue_take(void);
/* Lets go of it: the caller makes no more calls on it. The last one stops a failed device. Any thread, once. */
void cdev_queue_release(uint16_t qp);

/* CV_EUNSUP: the device cannot do it (or no longer); CV_ENOSPC: its sessions are used up. Manager. */
CV_MUST_USE cv_result cdev_session_new(struct rte_crypto_sym_xform *xforms, void **out);
void cdev_session_free(void *session); /* wipes */

/* ---- look-aside protocol: rte_security on the device ("Security Library" in DPDK's programmer's guide, rte_security.h of 22.11) ---- */
struct rte_security_capability;
struct rte_security_session_conf;
/* Ended by an entry of RTE_SECURITY_ACTION_TYPE_NONE. Only of a device that cdev_is_protocol. */
const struct rte_security_capability *cdev_ipsec_caps(void);
/* CV_EUNSUP: refused, or the device runs no more; CV_ENOSPC: its sessions are used up, or there is no memory for more. Manager. */
CV_MUST_USE cv_result cdev_ipsec_new(struct rte_security_session_conf *conf, void **out);
void cdev_ipsec_free(void *session); /* nothing under way names it; wipes */
/* Both kinds. */
uint32_t cdev_sessions(void);

#endif
