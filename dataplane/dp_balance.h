/* dp_balance: which bucket of inbound SAs should move to which worker, from what workers did in an interval.
 *
 * Pure functions but for dp_balance_tick, which is the manager's and samples once a second. A move is made on its own
 * account only when a worker was nearly saturated for several seconds in a row, another one had time, and the move
 * leaves both below where the first was; after it nothing moves for a while. So load that swings, or one SA that no
 * single worker can carry, does not send buckets to and fro. */
#ifndef DATAPLANE_DP_BALANCE_H
#define DATAPLANE_DP_BALANCE_H

#include "dataplane/dp.h"
#include "dataplane/dp_move.h"

enum {
    DP_BALANCE_BUSY = 800,  /* permille of a worker's cycles: overloaded from here */
    DP_BALANCE_GAP = 200,   /* permille: another worker has so much less to do */
    DP_BALANCE_SECONDS = 3, /* overloaded for so long */
    DP_BALANCE_REST = 3,    /* seconds without moves after one */
};

/* What an interval brought. */
struct dp_load {
    unsigned workers;
    unsigned busy[CV_MAX_WORKERS];     /* permille of the cycles */
    uint64_t packets[CV_BUCKETS];      /* worked on by owners */
    uint64_t received[CV_MAX_WORKERS]; /* all that the worker did something with */
    uint8_t owner[CV_BUCKETS];
};

struct dp_choice {
    unsigned bucket, to;
};

/* By busy cycles: is there a worker over DP_BALANCE_BUSY, and a bucket whose move to the idlest one helps? */
CV_MUST_USE bool dp_balance_by_load(const struct dp_load *l, struct dp_choice *out);
/* By packets alone, whatever the workers have to do: the move that lowers the largest share of a worker the most;
 * false: none lowers it by more than a fiftieth. */
CV_MUST_USE bool dp_balance_by_packets(const struct dp_load *l, struct dp_choice *out);

/* Of buckets without packets, by their number alone: SAs that come are spread over all buckets. False: nobody has two more than another. */
CV_MUST_USE bool dp_balance_by_number(const struct dp_load *l, struct dp_choice *out);

struct dp_balance {
    bool automatic;
    unsigned asked; /* moves that a command, or workers that came, may still make */
    bool spread;    /* of these also moves of buckets without packets */
    unsigned
        later; /* seconds until it is asked again: packets of buckets are counted only since there are several workers */
    uint64_t next_ms;
    unsigned overloaded, rest; /* seconds */
    uint64_t busy[CV_MAX_WORKERS], total[CV_MAX_WORKERS], received[CV_MAX_WORKERS];
    uint64_t worked[CV_MAX_WORKERS][CV_BUCKETS]; /* at the last sample */
    struct dp_load load;                         /* of the last second */
};

/* The manager's, each round while m is not under way: begins a move when one is due. */
void dp_balance_tick(struct dp *dp, struct dp_balance *b, struct dp_move *m, uint64_t now_ms);
/* A command asks for the workers to be evened out. */
void dp_balance_ask(struct dp_balance *b);
/* Workers have come, who have nothing yet. */
void dp_balance_spread(struct dp_balance *b);

#endif
