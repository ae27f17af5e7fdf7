/* cdev_model: a crypto device between the cryptodev engine and a real one, that delays, mixes and fails.
 *
 * Stands behind cdev_calls. Operations go to the real device at once; their completion is given out later: after a random
 * number of polls, to the queue that it came by, in any order between sessions or (mix_all) at all, and never more than asked for. The queue takes only so
 * many, over all queues. Failures on demand. What may not be is counted in `violations`: calls after stop, more operations than the queue
 * holds, an operation that is under way twice. */
#ifndef TESTS_UNIT_ENGINE_CDEV_MODEL_H
#define TESTS_UNIT_ENGINE_CDEV_MODEL_H

#include <stdbool.h>
#include <stdint.h>

struct cdev_model {
    unsigned depth;    /* operations that the queue holds */
    unsigned delay;    /* polls that one stays, at most */
    unsigned per_poll; /* operations that one poll gets, at most; 0: any number */
    bool mix_all;      /* any order; else the order of each session is kept */
    bool hang;         /* takes, and gives nothing back */
    bool full;         /* takes nothing */
    unsigned lose_at;  /* this operation is never given back; 0: none */
    unsigned error_at; /* from this operation on, each is given back with an error; 0: never */
    uint64_t taken, given;
    unsigned violations, stops, held_at_stop;
    uint32_t seed;
};
extern struct cdev_model cdev_model;

void cdev_model_install(void); /* zeroes it, too */
void cdev_model_remove(void);

#endif
