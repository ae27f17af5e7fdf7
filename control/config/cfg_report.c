#include "control/config/cfg_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void place(FILE *to, const char *file, const struct cfg_finding *x, bool column)
{
    fprintf(to, "%s:", file);
    if (x->line > 0)
        fprintf(to, "%d:", x->line);
    if (x->line > 0 && x->column > 0 && column)
        fprintf(to, "%d:", x->column);
}

static void count(FILE *to, const struct cfg_findings *f, const char *file)
{
    unsigned errors = cfg_findings_count(f, CFG_ERROR), warnings = cfg_findings_count(f, CFG_WARNING);
    fprintf(to, "%s: %u error%s, %u warning%s\n", file, errors, errors == 1 ? "" : "s", warnings,
            warnings == 1 ? "" : "s");
}

char *cfg_report_text(const struct cfg_findings *f, const char *file)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    if (!to)
        return NULL;
    for (unsigned i = 0; i < f->count; i++) {
        const struct cfg_finding *x = &f->items[i];
        place(to, file, x, true);
        fprintf(to, " %s: [%s] %s%s%s\n", cfg_severity_text(x->severity), x->rule, x->text,
                x->remedy[0] ? "; " : "", x->remedy);
    }
    count(to, f, file);
    return fclose(to) == 0 ? text : NULL;
}

char *cfg_report_errors(const struct cfg_findings *f, const char *program, const char *file)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    if (!to)
        return NULL;
    for (unsigned i = 0; i < f->count; i++) {
        const struct cfg_finding *x = &f->items[i];
        if (x->severity != CFG_ERROR)
            continue;
        fprintf(to, "%s: ", program);
        place(to, file, x, false);
        fprintf(to, " %s%s%s\n", x->text, x->remedy[0] ? ", " : "", x->remedy);
    }
    return fclose(to) == 0 ? text : NULL;
}

/* Text of a file may hold octets that are no UTF-8, which JSON cannot carry: they become "?". */
static json_t *string_of(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    char ascii[CFG_TEXT_MAX];
    size_t i = 0;
    for (; s[i] && i < sizeof ascii - 1; i++)
        ascii[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
    ascii[i] = '\0';
    return json_string(ascii);
}

static json_t *finding_json(const struct cfg_finding *x)
{
    return json_pack("{s:i, s:i, s:s, s:s, s:o, s:o}", "line", x->line, "column", x->column, "rule", x->rule,
                     "severity", cfg_severity_text(x->severity), "text", string_of(x->text), "remedy",
                     string_of(x->remedy));
}

char *cfg_report_json(const struct cfg_findings *f, const char *file)
{
    json_t *list = json_array();
    for (unsigned i = 0; list && i < f->count; i++)
        if (json_array_append_new(list, finding_json(&f->items[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    json_t *all = json_pack("{s:o, s:i, s:i, s:o}", "file", string_of(file), "errors",
                            (int)cfg_findings_count(f, CFG_ERROR), "warnings",
                            (int)cfg_findings_count(f, CFG_WARNING), "findings", list);
    char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    json_decref(all);
    return text;
}
