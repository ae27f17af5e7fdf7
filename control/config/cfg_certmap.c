#include "control/config/cfg_certmap.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const fields[] = {
    [CFG_CERT_SUBJECT] = "subject-name",
    [CFG_CERT_ISSUER] = "issuer-name",
    [CFG_CERT_ALT_SUBJECT] = "alt-subject-name",
    [CFG_CERT_NAME] = "name",
    [CFG_CERT_UNSTRUCTURED] = "unstructured-subject-name",
    [CFG_CERT_SERIAL] = "serial-number",
    [CFG_CERT_EXPIRES_ON] = "expires-on",
    [CFG_CERT_VALID_START] = "valid-start",
};
static const char *const ops[] = {
    [CFG_CERT_EQ] = "eq", [CFG_CERT_NE] = "ne", [CFG_CERT_CO] = "co",
    [CFG_CERT_NC] = "nc", [CFG_CERT_GE] = "ge", [CFG_CERT_LT] = "lt",
};

bool cfg_certmap_field(const char *word, enum cfg_cert_field *out)
{
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i], word) == 0) {
            *out = (enum cfg_cert_field)i;
            return true;
        }
    return false;
}

bool cfg_certmap_op(const char *word, enum cfg_cert_op *out)
{
    for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(ops[i], word) == 0) {
            *out = (enum cfg_cert_op)i;
            return true;
        }
    return false;
}

const char *cfg_certmap_field_word(enum cfg_cert_field f)
{
    return fields[f];
}

const char *cfg_certmap_op_word(enum cfg_cert_op o)
{
    return ops[o];
}

/* ---- texts ------------------------------------------------------------------------------------------------------------ */
static bool joins(char c)
{
    return c == '=' || c == ',' || c == '\0';
}

void cfg_certmap_normalise(char *text)
{
    size_t n = strlen(text), at = 0;
    const char *s = text;
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        text[n - 1] = '\0';
        s++;
    }
    while (*s) {
        if (!isspace((unsigned char)*s)) {
            text[at++] = *s++;
            continue;
        }
        s += strspn(
            s, " \t\n\v\f\r"); /* all that isspace() knows: a name in a certificate may hold any of them */
        if (at > 0 && !joins(text[at - 1]) && !joins(*s))
            text[at++] = ' ';
    }
    memset(text + at, 0, n - at);
}

/* ---- times ------------------------------------------------------------------------------------------------------------ */
static bool month_of(const char *text, int *month)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12; i++)
        if (strlen(text) >= 3 && strncasecmp(names + 3 * i, text, 3) == 0) {
            *month = i;
            return true;
        }
    return false;
}

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool cfg_certmap_time(const char *text, int64_t *out)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    char month[16], zone[8] = "";
    struct tm t = {0};
    int used = 0, year;
    if (sscanf(text, "%15[A-Za-z] %2d %4d%n", month, &t.tm_mday, &year, &used) < 3 &&
        sscanf(text, "%2d %15[A-Za-z] %4d%n", &t.tm_mday, month, &year, &used) < 3)
        return false;
    if (!month_of(month, &t.tm_mon) || year < 1950 || year > 9999)
        return false;
    const char *rest = text + used;
    used = 0;
    if (sscanf(rest, " %2d:%2d:%2d%n", &t.tm_hour, &t.tm_min, &t.tm_sec, &used) == 3)
        rest += used;
    used = 0;
    if (sscanf(rest, " %7[A-Za-z]%n", zone, &used) == 1)
        rest += used;
    if (rest[strspn(rest, " \t")] ||
        (zone[0] && strcasecmp(zone, "UTC") != 0 && strcasecmp(zone, "GMT") != 0))
        return false;
    int last = days[t.tm_mon] + (t.tm_mon == 1 && leap(year));
    if (t.tm_mday < 1 || t.tm_mday > last || t.tm_hour < 0 || t.tm_hour > 23 || t.tm_min < 0 ||
        t.tm_min > 59 || t.tm_sec < 0 || t.tm_sec > 59)
        return false;
    t.tm_year = year - 1900;
    *out = (int64_t)timegm(&t);
    return true;
}

void cfg_certmap_time_text(int64_t when, char out[32])
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t at = (time_t)when;
    struct tm t;
    if (!gmtime_r(&at, &t))
        memset(&t, 0, sizeof t);
    snprintf(out, 32, "%s %02u %04u %02u:%02u:%02u", names[(unsigned)t.tm_mon % 12],
             (unsigned)t.tm_mday % 100, (unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_hour % 100,
             (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
}

/* ---- the match ------------------------------------------------------------------------------------------------------- */
/* Of a longer text `ne` and `nc` would see only the beginning. */
static bool fits(const char *text)
{
    return !text || strlen(text) < CFG_CERTMAP_TEXT_MAX;
}

static bool all_fit(const struct cfg_cert_facts *f)
{
    bool ok = fits(f->subject) && fits(f->issuer) && fits(f->serial) && fits(f->unstructured);
    for (unsigned i = 0; ok && i < f->alt_count; i++)
        ok = fits(f->alt[i]);
    return ok;
}

static bool text_is(const char *have, const struct cfg_certmap_line *x)
{
    char text[CFG_CERTMAP_TEXT_MAX];
    if (!have)
        return false;
    snprintf(text, sizeof text, "%s", have);
    cfg_certmap_normalise(text);
    if (x->op == CFG_CERT_EQ || x->op == CFG_CERT_NE)
        return strcasecmp(text, x->text) == 0;
    return strcasestr(text, x->text) != NULL;
}

/* 0x0A, 0a and A are one number; a part of it is compared as it is written. */
static bool serial_is(const char *have, const struct cfg_certmap_line *x)
{
    struct cfg_certmap_line want = {.op = x->op};
    if (!have || (x->op != CFG_CERT_EQ && x->op != CFG_CERT_NE))
        return text_is(have, x);
    const char *text = x->text + (strncasecmp(x->text, "0x", 2) == 0 ? 2 : 0);
    snprintf(want.text, sizeof want.text, "%s", text + strspn(text, "0"));
    return text_is(have + strspn(have, "0"), &want);
}

static bool any_alt(const struct cfg_cert_facts *f, const struct cfg_certmap_line *x)
{
    for (unsigned i = 0; i < f->alt_count; i++)
        if (text_is(f->alt[i], x))
            return true;
    return false;
}

static bool time_holds(int64_t have, const struct cfg_certmap_line *x)
{
    switch (x->op) {
    case CFG_CERT_EQ:
        return have == x->time;
    case CFG_CERT_NE:
        return have != x->time;
    case CFG_CERT_GE:
        return have >= x->time;
    case CFG_CERT_LT:
        return have < x->time;
    case CFG_CERT_CO:
    case CFG_CERT_NC:
        break;
    }
    return false;
}

static bool line_holds(const struct cfg_certmap_line *x, const struct cfg_cert_facts *f)
{
    bool is = false;
    switch (x->field) {
    case CFG_CERT_EXPIRES_ON:
        return time_holds(f->not_after, x);
    case CFG_CERT_VALID_START:
        return time_holds(f->not_before, x);
    case CFG_CERT_SUBJECT:
        is = text_is(f->subject, x);
        break;
    case CFG_CERT_ISSUER:
        is = text_is(f->issuer, x);
        break;
    case CFG_CERT_ALT_SUBJECT:
        is = any_alt(f, x);
        break;
    case CFG_CERT_NAME:
        is = text_is(f->subject, x) || any_alt(f, x);
        break;
    case CFG_CERT_UNSTRUCTURED:
        is = text_is(f->unstructured, x);
        break;
    case CFG_CERT_SERIAL:
        is = serial_is(f->serial, x);
        break;
    }
    return x->op == CFG_CERT_NE || x->op == CFG_CERT_NC ? !is : is;
}

bool cfg_certmap_matches(const struct cfg *c, const char *map, const struct cfg_cert_facts *f, unsigned *seq)
{
    for (unsigned i = 0; all_fit(f) && i < c->certmap_count; i++) {
        const struct cfg_certmap *m = &c->certmaps[i];
        bool all = strcmp(m->name, map) == 0;
        for (unsigned k = 0; all && k < m->line_count; k++)
            all = line_holds(&m->lines[k], f);
        if (all && seq)
            *seq = m->seq;
        if (all)
            return true;
    }
    return false;
}
