/* exp_notes: what is wrong with a pair of tunnels although IKE brings it up, or beside why it does not: it is only seen later, or in
 * what the tunnel carries. Internal to control/tools. */
#ifndef CONTROL_TOOLS_EXP_NOTES_H
#define CONTROL_TOOLS_EXP_NOTES_H

#include "control/tools/exp_run.h"

enum { EXP_NOTES_MAX = 6, EXP_NOTE_MAX = 500 };

struct exp_notes {
    unsigned count;
    char text[EXP_NOTES_MAX][EXP_NOTE_MAX]; /* whole sentences without the full stop; no secret */
};

/* up: it comes up from every end that was asked for, so that nobody has said anything of it yet. */
void exp_notes_of(const struct exp_case *c, const struct exp_pair *pair, bool up, struct exp_notes *out);

#endif
