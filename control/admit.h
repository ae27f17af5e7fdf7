/* admit: whether a configuration that parses may be put in force: whole or not at all. What it asks for and this release
 * does not do is refused, so that nothing configured is silently left undone; the rest of the lint is said in the log.
 *
 * Pure but for the log; any thread. */
#ifndef CONTROL_ADMIT_H
#define CONTROL_ADMIT_H

#include "control/config/cfg.h"

/* Appends the findings of the lint to f. CV_EUNSUP when one of them is an error of the rule "unsupported". */
CV_MUST_USE cv_result admit_check(const struct cfg *c, struct cfg_findings *f);
/* One line per error or warning, "FILE:LINE: text, remedy", each at its level. */
void admit_log(const struct cfg_findings *f, const char *file);

#endif
