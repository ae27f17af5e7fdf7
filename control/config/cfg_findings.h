/* cfg_findings: how the parser, the reference check and the linter report: one list, sorted by line. */
#ifndef CONTROL_CONFIG_CFG_FINDINGS_H
#define CONTROL_CONFIG_CFG_FINDINGS_H

#include "control/config/cfg.h"

/* Appends one finding. rule: static storage. remedy: what would be right, "" when the text says it. Texts are cut at
 * CFG_TEXT_MAX. CV_ENOMEM leaves the list as it was. */
CV_MUST_USE cv_result cfg_findings_add(struct cfg_findings *f, int line, int column, const char *rule,
                                       enum cfg_severity severity, const char *remedy, const char *fmt, ...)
    CV_PRINTF(7, 8);
/* Into line order; findings of one line keep their order. */
void cfg_findings_sort(struct cfg_findings *f);

#endif
