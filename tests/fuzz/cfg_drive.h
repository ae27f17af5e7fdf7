/* cfg_drive: what the configuration fuzzer and the mutation test do with one text: parse it; what parses is linted and
 * written, and what was written must parse to the same text again. Any breach of that aborts. */
#ifndef TESTS_FUZZ_CFG_DRIVE_H
#define TESTS_FUZZ_CFG_DRIVE_H

#include "control/config/cfg_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void cfg_drive_breach(const char *what, const char *text)
{
    fprintf(stderr, "%s:\n%s\n", what, text);
    abort();
}

static inline char *cfg_drive_write(const struct cfg *c)
{
    int n = cfg_write(c, true, NULL, 0);
    char *text = n > 0 ? malloc((size_t)n + 1) : NULL;
    if (!text || cfg_write(c, true, text, (size_t)n + 1) != n)
        abort();
    return text;
}

static inline void cfg_drive_again(const struct cfg *c)
{
    char *first = cfg_drive_write(c), *second;
    struct cfg *again;
    struct cfg_findings f;
    if (cfg_parse(first, "again", &again, &f) != CV_OK) {
        for (unsigned i = 0; i < f.count; i++)
            fprintf(stderr, "%d: %s; %s\n", f.items[i].line, f.items[i].text, f.items[i].remedy);
        cfg_drive_breach("what was written does not parse", first);
    }
    second = cfg_drive_write(again);
    if (strcmp(first, second) != 0)
        cfg_drive_breach("written twice, it differs", first);
    cfg_findings_free(&f);
    cfg_free(again);
    free(first);
    free(second);
}

/* As a router's configuration: what parses so need not be written in a form that parses without the option (interfaces of any
 * kind), but each line is read, passed over or complained about without harm, and the list of skips adds up. */
static inline void cfg_drive_ios(const char *text)
{
    struct cfg *c;
    struct cfg_findings f;
    struct cfg_skips skips;
    struct cfg_parse_options o = {.ios = true, .skips = &skips};
    unsigned lines = 0;
    cv_result r = cfg_parse_with(text, "fuzz", &o, &c, &f);
    if ((r == CV_OK) != (c != NULL) || (r == CV_EPARSE) != (cfg_findings_count(&f, CFG_ERROR) > 0))
        cfg_drive_breach("result and findings disagree (ios)", text);
    for (unsigned i = 0; i < skips.count; i++)
        lines += skips.items[i].lines;
    if (lines != skips.lines)
        cfg_drive_breach("skipped lines do not add up", text);
    if (c) {
        if (cfg_lint(c, &f) != CV_OK)
            abort();
        free(cfg_drive_write(c));
    }
    cfg_skips_free(&skips);
    cfg_findings_free(&f);
    cfg_free(c);
}

/* True when the text parsed. */
static inline bool cfg_drive(const char *text)
{
    cfg_drive_ios(text);
    struct cfg *c;
    struct cfg_findings f;
    cv_result r = cfg_parse(text, "fuzz", &c, &f);
    if ((r == CV_OK) != (c != NULL) || (r == CV_EPARSE) != (cfg_findings_count(&f, CFG_ERROR) > 0))
        cfg_drive_breach("result and findings disagree", text);
    if (c) {
        if (cfg_lint(c, &f) != CV_OK)
            abort();
        cfg_drive_again(c);
    }
    char *json = cfg_report_json(&f, "fuzz"), *report = cfg_report_text(&f, "fuzz");
    if (!json || !report)
        abort();
    free(json);
    free(report);
    cfg_findings_free(&f);
    cfg_free(c);
    return r == CV_OK;
}

#endif
