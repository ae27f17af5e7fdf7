/* parsed: configurations read for a test, and what is wrong with them. */
#ifndef TESTS_UNIT_CONFIG_PARSED_H
#define TESTS_UNIT_CONFIG_PARSED_H

#include "control/config/cfg.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct cfg_findings found;

static inline struct cfg *good(const char *text)
{
    struct cfg *c = NULL;
    cfg_findings_free(&found);
    cv_result r = cfg_parse(text, "x", &c, &found);
    for (unsigned i = 0; i < found.count && r != CV_OK; i++)
        printf("  %d:%d %s\n", found.items[i].line, found.items[i].column, found.items[i].text);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    return c;
}

/* The first finding of a text that is refused. */
static inline const struct cfg_finding *refused(const char *text)
{
    struct cfg *c = NULL;
    cfg_findings_free(&found);
    CU_ASSERT_EQUAL(cfg_parse(text, "x", &c, &found), CV_EPARSE);
    CU_ASSERT_PTR_NULL(c);
    cfg_free(c);
    CU_ASSERT_FATAL(found.count > 0);
    return &found.items[0];
}

/* Good for four calls. */
static inline const char *text_of(const struct ts *t)
{
    static char text[4][TS_TEXT_MAX];
    static unsigned at;
    return ts_text(t, text[at++ % 4]);
}

#endif
