#include "control/select/sel_trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *sel_kind_text(enum sel_kind k)
{
    static const char *const texts[] = {[SEL_KEYRING] = "keyring",
                                        [SEL_PROFILE] = "profile",
                                        [SEL_TRUSTPOINT] = "trustpoint",
                                        [SEL_PROPOSAL] = "proposal",
                                        [SEL_POLICY] = "policy"};
    return (unsigned)k < sizeof texts / sizeof texts[0] ? texts[k] : "?";
}

void sel_trace_begin(struct sel_trace *t, enum sel_kind kind)
{
    if (!t)
        return;
    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->rule = "";
}

void sel_trace_candidate(struct sel_trace *t, const char *name, bool matched, const char *fmt, ...)
{
    if (!t || t->candidate_count == SEL_MAX_CANDIDATES)
        return;
    unsigned i = t->candidate_count++;
    snprintf(t->candidates[i].name, sizeof t->candidates[i].name, "%s", name);
    t->candidates[i].matched = matched;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->candidates[i].why, sizeof t->candidates[i].why, fmt, ap);
    va_end(ap);
}

void sel_trace_end(struct sel_trace *t, const char *rule, const char *chosen, const char *fmt, ...)
{
    if (!t)
        return;
    t->rule = rule;
    snprintf(t->chosen, sizeof t->chosen, "%s", chosen ? chosen : "");
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->text, sizeof t->text, fmt, ap);
    va_end(ap);
}

int sel_trace_line(const struct sel_trace *t, char *out, size_t out_len)
{
    return snprintf(out, out_len, "%s: %s (%s): %s", sel_kind_text(t->kind),
                    t->chosen[0] ? t->chosen : "none", t->rule, t->text);
}
