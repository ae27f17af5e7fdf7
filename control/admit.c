#include "control/admit.h"

#include "common/log.h"
#include "control/config/cfg_findings.h"
#include "control/pki/pki.h"

#include <string.h>

static bool not_built(const struct cfg_finding *x)
{
    return x->severity == CFG_ERROR && strcmp(x->rule, "unsupported") == 0;
}

cv_result admit_check(const struct cfg *c, struct cfg_findings *f)
{
    CV_TRY(cfg_lint(c, f));
    if (c->trustpoint_count > PKI_TRUSTPOINTS_MAX) {
        CV_TRY(cfg_findings_add(f, c->trustpoints[PKI_TRUSTPOINTS_MAX].line, 0, "limit", CFG_ERROR,
                                "remove some", "there are more than %d trust-points", PKI_TRUSTPOINTS_MAX));
        return CV_ENOSPC;
    }
    for (unsigned i = 0; i < f->count; i++)
        if (not_built(&f->items[i]))
            return CV_EUNSUP;
    return CV_OK;
}

void admit_log(const struct cfg_findings *f, const char *file)
{
    for (unsigned i = 0; i < f->count; i++) {
        const struct cfg_finding *x = &f->items[i];
        if (x->severity == CFG_INFO)
            continue;
        log_write(x->severity == CFG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%d: %s%s%s", file,
                  x->line, x->text, x->remedy[0] ? ", " : "", x->remedy);
    }
}
