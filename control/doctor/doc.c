#include "control/doctor/doc.h"

#include <stdarg.h>
#include <stdio.h>

void doc_add(struct doc_findings *f, enum doc_colour colour, const char *topic, const char *remedy,
             const char *fmt, ...)
{
    va_list ap;
    if (f->count == DOC_LINES)
        return;
    struct doc_line *l = &f->lines[f->count++];
    l->colour = colour;
    l->topic = topic;
    snprintf(l->remedy, sizeof l->remedy, "%s", remedy ? remedy : "");
    va_start(ap, fmt);
    vsnprintf(l->text, sizeof l->text, fmt, ap);
    va_end(ap);
}

void doc_remedy(struct doc_findings *f, const char *fmt, ...)
{
    va_list ap;
    if (f->count == 0)
        return;
    struct doc_line *l = &f->lines[f->count - 1];
    va_start(ap, fmt);
    vsnprintf(l->remedy, sizeof l->remedy, fmt, ap);
    va_end(ap);
}

enum doc_colour doc_worst(const struct doc_findings *f)
{
    enum doc_colour worst = DOC_GREEN;
    for (unsigned i = 0; i < f->count; i++)
        if (f->lines[i].colour > worst)
            worst = f->lines[i].colour;
    return worst;
}
