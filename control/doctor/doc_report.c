#include "control/doctor/doc_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {"green", "yellow", "red"};
static const char *const codes[] = {"\033[32m", "\033[33m", "\033[31m"};

static unsigned count_of(const struct doc_findings *f, enum doc_colour c)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->count; i++)
        n += f->lines[i].colour == c;
    return n;
}

static void verdict(FILE *to, const struct doc_findings *f)
{
    unsigned red = count_of(f, DOC_RED), yellow = count_of(f, DOC_YELLOW);
    if (red > 0)
        fprintf(to, "not ready: %u red, %u yellow\n", red, yellow);
    else
        fprintf(to, "ready%s\n", yellow ? ", with room for better: see the yellow lines" : "");
}

char *doc_report_text(const struct doc_findings *f, bool coloured)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    if (!to)
        return NULL;
    for (unsigned i = 0; i < f->count; i++) {
        const struct doc_line *l = &f->lines[i];
        fprintf(to, "%s%-6s%s  %-14s  %s\n", coloured ? codes[l->colour] : "", names[l->colour],
                coloured ? "\033[0m" : "", l->topic, l->text);
        if (l->remedy[0])
            fprintf(to, "%-24s-> %s\n", "", l->remedy);
    }
    verdict(to, f);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

char *doc_report_json(const struct doc_findings *f, const char *config)
{
    json_t *lines = json_array();
    for (unsigned i = 0; i < f->count; i++) {
        const struct doc_line *l = &f->lines[i];
        json_array_append_new(lines, json_pack("{ss ss ss ss}", "colour", names[l->colour], "topic", l->topic,
                                               "text", l->text, "remedy", l->remedy));
    }
    json_t *root = json_pack("{sb ss si si si so}", "ready", doc_worst(f) != DOC_RED, "config", config, "red",
                             (int)count_of(f, DOC_RED), "yellow", (int)count_of(f, DOC_YELLOW), "green",
                             (int)count_of(f, DOC_GREEN), "lines", lines);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return text;
}
