/* doc_report: findings as a table for people and as JSON for programs. Each returns text for free(), NULL when memory ran out. */
#ifndef CONTROL_DOCTOR_DOC_REPORT_H
#define CONTROL_DOCTOR_DOC_REPORT_H

#include "control/doctor/doc.h"

/* One line per finding, its remedy on the next one behind an arrow, a verdict at the end. coloured: with terminal colours. */
char *doc_report_text(const struct doc_findings *f, bool coloured);
/* {"ready":true,"config":FILE,"red":N,"yellow":N,"green":N,"lines":[{"colour","topic","text","remedy"}]} */
char *doc_report_json(const struct doc_findings *f, const char *config);

#endif
