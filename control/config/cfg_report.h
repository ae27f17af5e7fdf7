/* cfg_report: findings as the programs print them: one line each for people, one JSON object for scripts.
 *
 * Returned strings are malloc'd; the caller frees. NULL when memory ran out. */
#ifndef CONTROL_CONFIG_CFG_REPORT_H
#define CONTROL_CONFIG_CFG_REPORT_H

#include "control/config/cfg.h"

/* What `culvert check FILE` prints: "FILE:LINE: severity: [rule] text; remedy\n" per finding, in line order, column left out
 * when unknown: "FILE:LINE:COLUMN: ...". A last line counts: "FILE: 2 errors, 1 warning". */
char *cfg_report_text(const struct cfg_findings *f, const char *file);
/* `culvert check --json FILE`: {"file","errors","warnings","findings":[{"line","column","rule","severity","text","remedy"}]}. */
char *cfg_report_json(const struct cfg_findings *f, const char *file);
/* For stderr of a program that could not start: "PROGRAM: FILE:LINE: text, remedy\n" per error (warnings left out). */
char *cfg_report_errors(const struct cfg_findings *f, const char *program, const char *file);

#endif
