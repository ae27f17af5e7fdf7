/* sel_trace: the steps of a decision, written down while it is taken; and as text for people. */
#ifndef CONTROL_SELECT_SEL_TRACE_H
#define CONTROL_SELECT_SEL_TRACE_H

#include "control/select/sel.h"

/* All take a NULL trace and then do nothing. Candidates over SEL_MAX_CANDIDATES are left out. */
void sel_trace_begin(struct sel_trace *t, enum sel_kind kind);
void sel_trace_candidate(struct sel_trace *t, const char *name, bool matched, const char *fmt, ...)
    CV_PRINTF(4, 5);
/* chosen NULL: none. rule: static storage. */
void sel_trace_end(struct sel_trace *t, const char *rule, const char *chosen, const char *fmt, ...)
    CV_PRINTF(4, 5);
/* One line: "profile: PF3 (PF-8): text". Octets as snprintf. */
int sel_trace_line(const struct sel_trace *t, char *out, size_t out_len);

#endif
