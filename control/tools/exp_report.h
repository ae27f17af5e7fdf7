/* exp_report: a result as text for a ticket, JSON for scripts, a page for people. Returned strings are malloc'd; NULL when memory
 * ran out. No secret of a configuration appears in any of them. */
#ifndef CONTROL_TOOLS_EXP_REPORT_H
#define CONTROL_TOOLS_EXP_REPORT_H

#include "control/tools/exp.h"

/* The first three lines say what happens, why, and what to change; then the ladders, then the lint. */
char *exp_report_text(const struct exp_result *r);
/* The keys of interfaces.md, and more beside them; docs/explain.md. */
char *exp_report_json(const struct exp_result *r);
/* One self-contained page: no script, no picture, nothing loaded. */
char *exp_report_html(const struct exp_result *r);

/* ---- shared by them ------------------------------------------------------------------------------------------------------ */
/* "A initiates: up. B initiates: fails at MM5 on A: keyring-mismatch (KR-7)." */
void exp_report_headline(const struct exp_pair_result *p, char *out, size_t n);
/* "Change on A (A.conf:3): ...; tried: with it the tunnel comes up from both ends." The last words depend. */
void exp_report_change(const struct exp_result *r, const struct exp_pair_result *p, unsigned step, char *out,
                       size_t n);
/* Certificates had a part in a run, so that what is known of them is said. */
bool exp_report_certificates(const struct exp_result *r);
/* Findings that are shown in text and page: errors and warnings; weak algorithms only where algorithms are the matter. */
bool exp_report_matters(const struct exp_result *r, const struct cfg_finding *f);

#endif
