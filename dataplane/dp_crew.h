/* dp_crew: workers are added to a running data plane, and those that were added leave it, one at a time; no packet is lost or overtaken.
 *
 * One is added thus:
 *   1. It is made, with an inbox, and without receive queues. The others are told: none is alone in sending any more, and they may hand packets to it.
 *   2. When each has looked, its loop begins on an lcore that has slept until then.
 *   3. Receive queues that are now to be its own: nobody reads them, a grace period passes, all inboxes are worked off as far as they are
 *      filled, another grace period passes. So all that was read before has left, and then the new one reads. What arrives meanwhile waits in the
 *      queue, which is a few turns of the workers' loops.
 *   4. Buckets of SAs are evened out, by moves (dp_move.h).
 *
 * One leaves the other way round: its buckets move away, its queues go to the others, they forget it, and once its inbox is empty and all it
 * did has been sent, its loop ends. Those that there were at first stay: fragments are put together by them, and where a port has few
 * transmit queues one of them sends.
 *
 * The manager's, but for what workers are told (DP_TOLD_*, dp_owner.h), which each of them does between two of its turns: the path reads the
 * same words as ever. Nothing here waits: dp_crew_poll looks how far they are. */
#ifndef DATAPLANE_DP_CREW_H
#define DATAPLANE_DP_CREW_H

#include "dataplane/dp.h"
#include "dataplane/dp_move.h"

enum dp_crew_step {
    DP_CREW_NONE,
    DP_CREW_TOLD,     /* joining: until the others have looked */
    DP_CREW_STARTS,   /* ... its loop */
    DP_CREW_EMPTIES,  /* leaving: its buckets */
    DP_CREW_RESTS,    /* queues that change hands, until all have looked */
    DP_CREW_QUIET,    /* ... a grace period */
    DP_CREW_DRAINS,   /* ... inboxes */
    DP_CREW_SENT,     /* ... a grace period */
    DP_CREW_READS,    /* ... until all have looked, who read them now */
    DP_CREW_FORGETS,  /* leaving: until the others have looked, who give it nothing any more */
    DP_CREW_LAST,     /* ... a grace period: what they gave it lies in its inbox */
    DP_CREW_FINISHES, /* ... until that is empty */
    DP_CREW_GOES,     /* ... a grace period: all is sent */
    DP_CREW_LEAVES,   /* ... its loop */
    DP_CREW_ALONE,    /* one is left, and looks */
};

/* How loops begin and end. */
struct dp_crew_calls {
    /* An lcore that sleeps, for `worker`, who is made next: it is where that is to run by then (cpu as in struct cv_workers_cmd). CV_ENOSPC:
     * none is left; CV_EIO: it could not go there. */
    cv_result (*find)(const struct dp *dp, unsigned worker, unsigned cpu, unsigned *lcore);
    /* dp_worker_main of w, on its lcore; false: it could not begin. */
    bool (*start)(struct dp_worker *w);
    /* That has returned, or never begun. */
    bool (*ended)(const struct dp_worker *w);
};
extern const struct dp_crew_calls dp_crew_lcores; /* the EAL's */

struct dp_crew {
    const struct dp_crew_calls *calls;
    enum dp_crew_step step;
    unsigned want;                /* so many workers are to run */
    uint16_t cpu[CV_MAX_WORKERS]; /* as in struct cv_workers_cmd */
    uint64_t token;               /* of the grace period */
    uint32_t marks[CV_MAX_WORKERS];
    bool grown;  /* evening out is due when all have come */
    bool untold; /* CV_EVT_WORKERS is due: the ring was full */
};

void dp_crew_init(struct dp *dp, struct dp_crew *c, const struct dp_crew_calls *calls);
/* Another number of workers is to run. CV_EINVAL: no such number, or a processor that this process may not use; CV_EUNSUP: fewer than at
 * first, or one that runs would have to move: that takes a restart. The log says which. What comes of CV_OK, the log and CV_EVT_WORKERS say. */
CV_MUST_USE cv_result dp_crew_ask(struct dp *dp, struct dp_crew *c, const struct cv_workers_cmd *cmd);
/* While no bucket moves: the next steps as far as they can be taken; may begin a move. True: it goes on, look again soon. When workers have
 * come, *grown is set: their share of buckets is theirs to be given. */
bool dp_crew_poll(struct dp *dp, struct dp_crew *c, struct dp_move *m, bool *grown);

#endif
