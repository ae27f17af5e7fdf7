/* doc_judge: from a snapshot of the machine to lines of advice. Pure: no file, no clock, no environment. */
#ifndef CONTROL_DOCTOR_DOC_JUDGE_H
#define CONTROL_DOCTOR_DOC_JUDGE_H

#include "control/doctor/doc.h"

void doc_judge(const struct doc_snapshot *s, struct doc_findings *out);

/* Parts of it, in files of their own. The processors that workers get: those of `lcores`, else the last ones that are online, as many as there are
 * workers. Returns how many. */
unsigned doc_worker_cpus(const struct doc_snapshot *s, unsigned cpus[CV_MAX_WORKERS]);
void doc_judge_cores(const struct doc_snapshot *s, struct doc_findings *f);
void doc_judge_ports(const struct doc_snapshot *s, struct doc_findings *f);

#endif
