/* dp_move: the manager's part of moving a bucket of inbound SAs from one worker to another (the protocol: dp_owner.h).
 *
 * One move at a time. Nothing here waits: dp_move_poll looks how far the workers are. */
#ifndef DATAPLANE_DP_MOVE_H
#define DATAPLANE_DP_MOVE_H

#include "dataplane/dp.h"

enum dp_move_step {
    DP_MOVE_NONE,
    DP_MOVE_TOLD,    /* the table names the new owner; a grace period runs */
    DP_MOVE_DRAINS,  /* the old owner's inbox, and its queues where a rule was changed */
    DP_MOVE_QUIET,   /* a grace period: the old owner has finished */
    DP_MOVE_ARRIVES, /* what the old owner handed on, or gave to another to send, reaches that */
    DP_MOVE_LEAVES,  /* a grace period: ... and has been sent */
    DP_MOVE_READY,   /* until the new owner has noticed */
};

struct dp_move {
    enum dp_move_step step;
    unsigned bucket, from, to;
    bool automatic, steered;
    uint64_t token;                    /* of the grace period */
    uint32_t marks[CV_MAX_WORKERS];    /* places in the inboxes */
    uint64_t rx_marks[CV_MAX_WORKERS]; /* received packets, and idle cycles, when the rule was changed */
    uint64_t idle_marks[CV_MAX_WORKERS];
};

/* CV_EINVAL: no such bucket or worker; CV_EAGAIN: another move is under way. A bucket that is there already is CV_OK. */
CV_MUST_USE cv_result dp_move_begin(struct dp *dp, struct dp_move *m, unsigned bucket, unsigned to,
                                    bool automatic);
/* How far workers' inboxes are filled now; and have all of them been worked off so far? */
void dp_inboxes_mark(const struct dp *dp, uint32_t marks[CV_MAX_WORKERS]);
CV_MUST_USE bool dp_inboxes_taken(const struct dp *dp, const uint32_t marks[CV_MAX_WORKERS]);
/* The next steps as far as they can be taken. True: the move goes on, look again soon. */
bool dp_move_poll(struct dp *dp, struct dp_move *m);

#endif
