/* libFuzzer harness of certificate maps. Up to the first NUL: field, operator and text of a line, as a configuration has them; behind it the texts of a certificate: subject,
 * issuer, unstructured name, serial number, alternative names, NUL between. Each operator and its opposite must differ, on one line and the same certificate. */
#include "control/config/cfg.h"
#include "control/config/cfg_certmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 40000, LINE_MAX_HERE = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next text; the last one ends with the input. */
static const char *next(const char **at, const char *end)
{
    const char *s = *at;
    if (s >= end)
        return NULL;
    *at = s + strlen(s) + 1;
    return s;
}

static struct cfg *parse(const char *line)
{
    char text[LINE_MAX_HERE + 64];
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    snprintf(text, sizeof text, "crypto pki certificate map M 10\n %s\n", line);
    cv_result r = cfg_parse(text, "fuzz", &c, &f);
    cfg_findings_free(&f);
    if (r == CV_OK)
        return c;
    cfg_free(c);
    return NULL;
}

static bool fits(const char *text)
{
    return !text || strlen(text) < CFG_CERTMAP_TEXT_MAX;
}

static void opposites(struct cfg *c, const struct cfg_cert_facts *f)
{
    static const enum cfg_cert_op turned[] = {
        [CFG_CERT_EQ] = CFG_CERT_NE, [CFG_CERT_NE] = CFG_CERT_EQ, [CFG_CERT_CO] = CFG_CERT_NC,
        [CFG_CERT_NC] = CFG_CERT_CO, [CFG_CERT_GE] = CFG_CERT_LT, [CFG_CERT_LT] = CFG_CERT_GE};
    bool is = cfg_certmap_matches(c, "M", f, NULL),
         all_fit = fits(f->subject) && fits(f->issuer) && fits(f->serial) && fits(f->unstructured);
    for (unsigned i = 0; i < f->alt_count; i++)
        all_fit = all_fit && fits(f->alt[i]);
    struct cfg_certmap_line *x = &c->certmaps[0].lines[0];
    x->op = turned[x->op];
    if (all_fit ? cfg_certmap_matches(c, "M", f, NULL) == is : is || cfg_certmap_matches(c, "M", f, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > INPUT_MAX)
        return 0;
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    copy[size] = '\0';
    const char *at = copy, *end = copy + size, *line = next(&at, end);
    struct cfg_cert_facts f = {
        .subject = next(&at, end), .issuer = next(&at, end), .unstructured = next(&at, end)};
    f.serial = next(&at, end);
    for (const char *s; f.alt_count < 64 && (s = next(&at, end)) != NULL;)
        f.alt[f.alt_count++] = s;
    f.not_before = (int64_t)size * 1000000;
    f.not_after = f.not_before + 86400;
    struct cfg *c = line && strlen(line) < LINE_MAX_HERE ? parse(line) : NULL;
    if (c && c->certmap_count == 1 && c->certmaps[0].line_count == 1)
        opposites(c, &f);
    cfg_free(c);
    free(copy);
    return 0;
}
