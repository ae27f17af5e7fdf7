/* eng_cryptodev_flight: what one worker has under way in the crypto device, in the order of submission.
 *
 * Internal to the cryptodev engine. A ring of operations, each with its packet's job behind it:
 *
 *      delivered .......... sent .............. submitted
 *      |  with the device:   |  wait for room in  |
 *      |  done, or not yet   |  the device's queue|
 *
 * Devices may finish in any order; jobs are delivered from the front of the ring only, so their order is the order of
 * submission, within an SA and between SAs. All fields are the worker's, but those that say otherwise. */
#ifndef DATAPLANE_ENGINE_ENG_CRYPTODEV_FLIGHT_H
#define DATAPLANE_ENGINE_ENG_CRYPTODEV_FLIGHT_H

#include "dataplane/engine/eng_cryptodev_op.h"

#include <rte_mbuf.h>

enum { CDEV_SLOTS = 2048 };

struct eng_worker {
    struct eng_worker *soft;             /* eng_auto's: it makes IVs, and works on what the device does not */
    uint16_t queue;                      /* CDEV_NO_QUEUE: none, or let go of */
    bool settled;                        /* the device has stopped, and what was under way knows */
    uint64_t delivered, sent, submitted; /* jobs so far */
    unsigned passed_by;                  /* of those behind `sent`: done already, never for the device */
    uint64_t front;                      /* the first job that was not done when it was last looked */
    uint64_t front_tsc;                  /* since when it is the same; 0: look at the clock */
    unsigned fruitless;                  /* polls since then */
    unsigned errors;                     /* in a row */
    uint64_t by_device, by_software, lost; /* packets; the manager reads them, relaxed */
    struct rte_mempool *pool;
    struct rte_crypto_op *ops[CDEV_SLOTS];
    struct rte_mbuf shell[CDEV_BURST]; /* for packets that come without one */
};

/* A worker with its operations and, when there is one left, a queue pair. Manager. */
CV_MUST_USE cv_result cdev_worker_new(int socket, struct eng_worker **out);
/* Manager, when no worker runs any more. With something under way the device is stopped first. */
void cdev_worker_free(struct eng_worker *w);

/* Sessions with a session of the device only; eng.h says the rest. */
unsigned cdev_submit(struct eng_worker *w, const struct eng_session *s, const struct eng_job *jobs,
                     unsigned n);
unsigned cdev_poll(struct eng_worker *w, struct eng_job *done, unsigned max);
/* enum rte_crypto_op_status of the last job that poll gave: for the test at start. */
uint8_t cdev_last_status(const struct eng_worker *w);
void cdev_flight(const struct eng_worker *w, struct eng_flight *out);
/* Submits and waits: what is under way already stays so. */
void cdev_burst_wait(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n);

/* Adds to a counter that the manager reads. */
static inline void cdev_count(uint64_t *c, uint64_t n)
{
    __atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

#endif
