#include "control/config/cfg_lint.h"

#include "control/config/cfg_findings.h"

#include <stdarg.h>
#include <stdio.h>

void cfg_lint_add(struct cfg_linter *l, int line, const char *rule, enum cfg_severity s, const char *remedy,
                  const char *fmt, ...)
{
    char text[CFG_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (cfg_findings_add(l->findings, line, 0, rule, s, remedy, "%s", text) != CV_OK)
        l->out_of_memory = true;
}

cv_result cfg_lint(const struct cfg *c, struct cfg_findings *findings)
{
    struct cfg_linter l = {.c = c, .findings = findings};
    cfg_lint_ike(&l);
    cfg_lint_isakmp(&l);
    cfg_lint_ipsec(&l);
    cfg_lint_map(&l);
    cfg_lint_vrf(&l);
    cfg_lint_pki(&l);
    cfg_lint_net(&l);
    cfg_findings_sort(findings);
    return l.out_of_memory ? CV_ENOMEM : CV_OK;
}
