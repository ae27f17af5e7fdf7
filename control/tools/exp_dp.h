/* exp_dp: the data plane of a simulated end: it takes SAs and remembers them, so that both ends' can be compared. */
#ifndef CONTROL_TOOLS_EXP_DP_H
#define CONTROL_TOOLS_EXP_DP_H

#include "control/config/cfg_model.h"
#include "control/sa/sam_link.h"

enum { EXP_DP_SLOTS = 256, EXP_DP_BITS = 8, EXP_DP_EVENTS = 64 };

struct exp_dp_sa {
    bool used, active;
    struct cv_sa sa;
};

struct exp_dp {
    const struct cfg *cfg;
    uint32_t seq;
    struct exp_dp_sa in[EXP_DP_SLOTS], out[EXP_DP_SLOTS];
    struct cv_evt events[EXP_DP_EVENTS];
    unsigned event_head, event_count;
};

/* Zeroes it. An interface's if_id is its place in the configuration, from 1. */
void exp_dp_init(struct exp_dp *d, const struct cfg *c);
void exp_dp_wipe(struct exp_dp *d);
struct sam_link exp_dp_link(struct exp_dp *d);
/* The oldest event that nobody has taken yet; false when there is none. */
CV_MUST_USE bool exp_dp_next(struct exp_dp *d, struct cv_evt *out);
/* The SA that sends for the interface; NULL none. */
const struct cv_sa *exp_dp_sending(const struct exp_dp *d, const char *interface);
/* What `out` of this end protects, the other end can open: same SPI, algorithms and keys. */
CV_MUST_USE bool exp_dp_opens(const struct exp_dp *other, const struct cv_sa *out);

#endif
