/* exp_advice: what to change. Each change that a cause suggests is tried out: applied to the text, parsed, and run from both
 * ends. Only what brings the tunnel up is called a remedy; several steps where there are several faults. */
#ifndef CONTROL_TOOLS_EXP_ADVICE_H
#define CONTROL_TOOLS_EXP_ADVICE_H

#include "control/tools/exp_cause.h"

enum { EXP_STEPS_MAX = 4, EXP_OTHERS_MAX = 3 };

struct exp_advice {
    char why[EXP_WHY_MAX];
    unsigned step_count;
    char step[EXP_STEPS_MAX][EXP_SAY_MAX]; /* one after the other */
    bool tried;                            /* false: the one step is more than a line, and was not tried */
    bool solved;                           /* with them every run that was asked for comes up: it was tried */
    unsigned other_count;
    char other[EXP_OTHERS_MAX][EXP_SAY_MAX]; /* instead of the only step: each was tried, too */
};

/* bad: a run of the pair that failed; ends: which initiators were asked for. */
CV_MUST_USE cv_result exp_advise(const struct exp_case *c, const struct exp_pair *pair, const bool ends[2],
                                 const struct exp_run *bad, struct exp_advice *out);

#endif
