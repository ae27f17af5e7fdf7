#include "control/config/cfg_findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cv_result cfg_findings_add(struct cfg_findings *f, int line, int column, const char *rule,
                           enum cfg_severity severity, const char *remedy, const char *fmt, ...)
{
    if ((f->count & (f->count - 1)) == 0) { /* full at each power of two */
        size_t room = f->count ? 2 * (size_t)f->count : 1;
        struct cfg_finding *more = reallocarray(f->items, room, sizeof *more);
        if (!more)
            return CV_ENOMEM;
        f->items = more;
    }
    struct cfg_finding *x = &f->items[f->count++];
    memset(x, 0, sizeof *x);
    x->line = line;
    x->column = column;
    x->rule = rule;
    x->severity = severity;
    snprintf(x->remedy, sizeof x->remedy, "%s", remedy);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->text, sizeof x->text, fmt, ap);
    va_end(ap);
    return CV_OK;
}

void cfg_findings_free(struct cfg_findings *f)
{
    free(f->items);
    memset(f, 0, sizeof *f);
}

unsigned cfg_findings_count(const struct cfg_findings *f, enum cfg_severity s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->count; i++)
        n += f->items[i].severity == s;
    return n;
}

const char *cfg_severity_text(enum cfg_severity s)
{
    static const char *const texts[] = {
        [CFG_ERROR] = "error", [CFG_WARNING] = "warning", [CFG_INFO] = "info"};
    return (unsigned)s < sizeof texts / sizeof texts[0] ? texts[s] : "error";
}

/* Insertion keeps equal lines in order; the list is nearly sorted already. */
void cfg_findings_sort(struct cfg_findings *f)
{
    for (unsigned i = 1; i < f->count; i++) {
        struct cfg_finding x = f->items[i];
        unsigned at = i;
        for (; at > 0 && f->items[at - 1].line > x.line; at--)
            f->items[at] = f->items[at - 1];
        f->items[at] = x;
    }
}
