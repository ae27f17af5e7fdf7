/* exp_run: a pair of tunnels, one end as initiator: what came of it, and which end, message and rule decided. */
#ifndef CONTROL_TOOLS_EXP_RUN_H
#define CONTROL_TOOLS_EXP_RUN_H

#include "control/tools/exp_pair.h"
#include "control/tools/exp_pki.h"

/* Both ends, parsed; what a change is tried on. */
struct exp_case {
    struct exp_side side[2];
    struct exp_units units[2];
    struct exp_keys *keys; /* not its own */
    int64_t now_s;         /* when it begins */
    struct exp_pki *pki;
};
/* Tunnels and trust-points, after the sides, keys and the time are there. */
CV_MUST_USE cv_result exp_case_ready(struct exp_case *c);
void exp_case_free(struct exp_case *c);

enum exp_outcome {
    EXP_UP,
    EXP_PHASE1_FAILED,
    EXP_PHASE2_FAILED,
    EXP_NOT_MEANT /* the end only answers: no destination, or responder-only */
};
const char *exp_outcome_text(enum exp_outcome o); /* "up", "phase1-failed", ... */

struct exp_run {
    enum exp_end initiator;
    const struct exp_unit *unit[2]; /* of the case */
    enum exp_outcome outcome;
    enum ike_reason reason; /* NONE when up */
    char rule[16];          /* "KR-7"; "" none */
    char failed_at[EXP_NAME_MAX];
    enum exp_end on;
    char text[EXP_LINE_MAX + 64];
    struct exp_record *record; /* NULL: not meant */
};

CV_MUST_USE cv_result exp_run(const struct exp_case *c, const struct exp_pair *pair, enum exp_end initiator,
                              struct exp_run *out);
void exp_run_free(struct exp_run *r);
/* The last decision of a kind at an end, before the run's end; with none_chosen only one that chose nothing. NULL: there was none. */
const struct exp_decision *exp_run_decision(const struct exp_run *r, enum exp_end on, enum sel_kind kind,
                                            bool none_chosen);
/* It is the certificate that does not have the identity (RFC 4945 3.1), not the profile that does not match it. */
bool exp_run_binds_identity(const struct exp_run *r);
/* How far it came: to compare two attempts. 1000: up. */
unsigned exp_run_score(const struct exp_run *r);

#endif
