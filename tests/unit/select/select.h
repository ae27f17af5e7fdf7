/* select: what the tests of selection share: a configuration from text, identities, offers. */
#ifndef TESTS_UNIT_SELECT_SELECT_H
#define TESTS_UNIT_SELECT_SELECT_H

#include "control/config/cfg.h"
#include "control/select/sel.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static inline struct cfg *load(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f;
    cv_result r = cfg_parse(text, "test.conf", &c, &f);
    for (unsigned i = 0; i < f.count && r != CV_OK; i++)
        printf("  %d: %s; %s\n", f.items[i].line, f.items[i].text, f.items[i].remedy);
    cfg_findings_free(&f);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    return c;
}

static inline struct ip_addr addr(const char *text)
{
    struct ip_addr a = {0};
    CU_ASSERT_FATAL(ip_addr_parse(text, &a));
    return a;
}

#ifdef IOS
/* One of the reference configurations as printed: "C1". */
static inline struct cfg *printed(const char *name)
{
    char file[512];
    struct cfg *c = NULL;
    struct cfg_findings f;
    snprintf(file, sizeof file, IOS "/%s.conf", name);
    cv_result r = cfg_load(file, &c, &f);
    cfg_findings_free(&f);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    return c;
}
#endif

/* An identity of one type: "192.0.2.1" as an address, else the text's octets. Valid until the next call but seven. */
static inline struct sel_id identity(uint8_t type, const char *text)
{
    static struct ip_addr store[8];
    static unsigned next;
    struct ip_addr *a = &store[next++ % 8];
    if (type == 1 || type == 5) {
        *a = addr(text);
        return (struct sel_id){.type = type, .data = {.p = a->b, .n = ip_addr_len(a)}};
    }
    return (struct sel_id){.type = type, .data = {.p = (const uint8_t *)text, .n = strlen(text)}};
}

#define ID_ADDR(text)  identity(1, text)
#define ID_FQDN(text)  identity(2, text)
#define ID_EMAIL(text) identity(3, text)
#define ID_KEY(text)   identity(11, text)

#endif
