#include "control/config/cfg_elem.h"

#include "control/config/cfg.h"
#include "control/config/cfg_ifname.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the kinds of values -------------------------------------------------------------------------------- */
typedef bool parse_fn(const char *text, struct cfg_arg *arg);

static bool parse_v4(const char *text, struct cfg_arg *arg)
{
    return ip_addr_parse(text, &arg->addr) && arg->addr.family == IP_V4;
}

static bool parse_v6(const char *text, struct cfg_arg *arg)
{
    return ip_addr_parse(text, &arg->addr) && arg->addr.family == IP_V6;
}

static bool parse_addr(const char *text, struct cfg_arg *arg)
{
    return ip_addr_parse(text, &arg->addr);
}

static bool parse_mask(const char *text, struct cfg_arg *arg)
{
    struct ip_addr mask;
    return ip_addr_parse(text, &mask) && mask.family == IP_V4 && ip_mask_len(&mask, &arg->len);
}

static bool parse_number(const char *text, unsigned long *out)
{
    size_t n = strlen(text);
    if (n == 0 || n > 12 || strspn(text, "0123456789") != n)
        return false;
    *out = strtoul(text, NULL, 10);
    return true;
}

static bool parse_slash(const char *text, struct cfg_arg *arg)
{
    char host[IP_TEXT_MAX];
    unsigned long len;
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof host || !parse_number(slash + 1, &len))
        return false;
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    if (!ip_addr_parse(host, &arg->addr) || len > ip_addr_bits(&arg->addr))
        return false;
    arg->len = (unsigned)len;
    return true;
}

static bool parse_v4_slash(const char *text, struct cfg_arg *arg)
{
    return parse_slash(text, arg) && arg->addr.family == IP_V4;
}

static bool parse_v6_slash(const char *text, struct cfg_arg *arg)
{
    return parse_slash(text, arg) && arg->addr.family == IP_V6;
}

static bool parse_if(const char *text, struct cfg_arg *arg)
{
    return cfg_interface_name(text, arg->name, &arg->kind);
}

static bool parse_word(const char *text, struct cfg_arg *arg)
{
    (void)arg;
    return text[0] != '\0';
}

/* A host name holds a letter and no colon or slash; an address that is mistyped is not one. */
static bool parse_host(const char *text, struct cfg_arg *arg)
{
    (void)arg;
    bool letter = false;
    for (const char *s = text; *s; s++) {
        if (!isalnum((unsigned char)*s) && !strchr("-._", *s))
            return false;
        letter = letter || isalpha((unsigned char)*s);
    }
    return letter;
}

static const struct value {
    const char *name;
    enum cfg_arg_type type;
    enum cfg_fit fit;
    parse_fn *parse;
    const char *says;
} values[] = {
    {"A.B.C.D", CFG_ARG_ADDR, CFG_FIT_VALUE, parse_v4, "an IPv4 address"},
    {"X:X::X", CFG_ARG_ADDR, CFG_FIT_VALUE, parse_v6, "an IPv6 address"},
    {"ADDR", CFG_ARG_ADDR, CFG_FIT_VALUE, parse_addr, "an address"},
    {"MASK", CFG_ARG_MASK, CFG_FIT_VALUE, parse_mask, "a mask (as 255.255.255.0)"},
    {"A.B.C.D/N", CFG_ARG_PREFIX, CFG_FIT_VALUE, parse_v4_slash, "an IPv4 prefix A.B.C.D/N"},
    {"X:X::X/N", CFG_ARG_PREFIX, CFG_FIT_VALUE, parse_v6_slash, "an IPv6 prefix X:X::X/N"},
    {"ADDR/N", CFG_ARG_PREFIX, CFG_FIT_VALUE, parse_slash, "a prefix (as 10.0.0.0/8)"},
    {"IF", CFG_ARG_IF, CFG_FIT_VALUE, parse_if, "an interface (as Ethernet0/0, Loopback0, Tunnel1)"},
    {"WORD", CFG_ARG_WORD, CFG_FIT_WORD, parse_word, "a name"},
    {"HOST", CFG_ARG_WORD, CFG_FIT_WORD, parse_host, "a host name"},
    {"KEY", CFG_ARG_WORD, CFG_FIT_WORD, parse_word, "a key"},
    {"LINE", CFG_ARG_LINE, CFG_FIT_LINE, parse_word, "text"},
};

static const struct value *value_of(const struct cfg_elem *e)
{
    for (unsigned i = 0; e->typed && i < sizeof values / sizeof values[0]; i++)
        if (strlen(values[i].name) == e->n && memcmp(values[i].name, e->at, e->n) == 0)
            return &values[i];
    return NULL;
}

static bool is_choice(const struct cfg_elem *e)
{
    return memchr(e->at, '|', e->n) != NULL;
}

static bool range_of(const struct cfg_elem *e, unsigned long *lo, unsigned long *hi)
{
    char *end;
    if (!e->typed || is_choice(e) || !isdigit((unsigned char)e->at[0]))
        return false;
    *lo = strtoul(e->at, &end, 10);
    *hi = strtoul(end + 1, NULL, 10);
    return true;
}

/* ---- reading the pattern ---------------------------------------------------------------------------------- */
struct cfg_elem cfg_elem_read(const char *s)
{
    struct cfg_elem e = {0};
    if (*s == '~') {
        e.no_may_end = true;
        s++;
    }
    e.typed = *s == '<';
    e.at = e.typed ? s + 1 : s;
    e.n = strcspn(e.at, e.typed ? ">" : " ]");
    e.next = e.at + e.n + (e.typed ? 1 : 0);
    if (e.typed && *e.next == '+') {
        e.repeats = true;
        e.next++;
    }
    return e;
}

bool cfg_elem_keyword(const struct cfg_elem *e, const char **from, size_t *n)
{
    if (e->typed && !is_choice(e))
        return false;
    const char *end = e->at + e->n, *s = *from ? *from + *n : e->at;
    if (s >= end)
        return false;
    if (*from)
        s++; /* the bar */
    const char *bar = e->typed ? memchr(s, '|', (size_t)(end - s)) : NULL;
    *from = s;
    *n = (size_t)((bar ? bar : end) - s);
    return true;
}

bool cfg_elem_is_secret(const struct cfg_elem *e)
{
    return e->typed && e->n == 3 && memcmp(e->at, "KEY", 3) == 0;
}

int cfg_elem_describe(const struct cfg_elem *e, char *out, size_t out_len)
{
    unsigned long lo, hi;
    const struct value *v = value_of(e);
    if (range_of(e, &lo, &hi))
        return snprintf(out, out_len, "a number %lu-%lu", lo, hi);
    return snprintf(out, out_len, "%s", v ? v->says : "");
}

/* ---- fitting ----------------------------------------------------------------------------------------------- */
static struct cfg_fitting fit_keywords(const struct cfg_elem *e, const char *word)
{
    struct cfg_fitting f = {.words = 1};
    size_t len = strlen(word), n = 0;
    const char *k = NULL;
    while (len > 0 && cfg_elem_keyword(e, &k, &n)) {
        if (len > n || strncasecmp(k, word, len) != 0)
            continue;
        if (len == n)
            return (struct cfg_fitting){.fit = CFG_FIT_EXACT, .words = 1, .keyword = k, .keyword_len = n};
        if (isdigit((unsigned char)k[0])) /* "1" is no abbreviation of 14 */
            continue;
        f.several = f.fit == CFG_FIT_PREFIX;
        f.fit = CFG_FIT_PREFIX;
        f.keyword = k;
        f.keyword_len = n;
    }
    return f;
}

/* "Tunnel 1" in two words. */
static bool join_if(const struct cfg_line *line, unsigned i, char *out, size_t room)
{
    if (i + 1 >= line->count || !cfg_ifname_is_type(line->tokens[i].text))
        return false;
    int n = snprintf(out, room, "%s%s", line->tokens[i].text, line->tokens[i + 1].text);
    return n > 0 && (size_t)n < room;
}

/* A word as a value; with --ios an interface of every kind. */
static bool parse_value(const struct value *v, const struct cfg_line *line, const char *text,
                        struct cfg_arg *arg)
{
    if (v->parse(text, arg))
        return true;
    return v->type == CFG_ARG_IF && line->any_interface && cfg_ifname_any(text, arg->name, &arg->kind);
}

static struct cfg_fitting fit_value(const struct value *v, const struct cfg_line *line, unsigned i)
{
    struct cfg_fitting f = {.words = 1};
    struct cfg_arg scratch = {0};
    char joined[2 * CV_NAME_MAX];
    if (parse_value(v, line, line->tokens[i].text, &scratch)) {
        f.fit = v->fit;
        if (v->type == CFG_ARG_LINE)
            f.words = line->count - i;
    } else if (v->type == CFG_ARG_IF && join_if(line, i, joined, sizeof joined) &&
               v->parse(joined, &scratch)) {
        f.fit = v->fit;
        f.words = 2;
    }
    return f;
}

struct cfg_fitting cfg_elem_fit(const struct cfg_elem *e, const struct cfg_line *line, unsigned i)
{
    unsigned long lo, hi, number;
    const char *word = line->tokens[i].text;
    const struct value *v = value_of(e);
    if (v)
        return fit_value(v, line, i);
    if (range_of(e, &lo, &hi)) {
        bool fits = parse_number(word, &number) && number >= lo && number <= hi;
        return (struct cfg_fitting){.fit = fits ? CFG_FIT_VALUE : CFG_FIT_NONE, .words = 1};
    }
    if (line->tokens[i].quoted)
        return (struct cfg_fitting){.words = 1};
    return fit_keywords(e, word);
}

void cfg_elem_take(const struct cfg_elem *e, const struct cfg_fitting *f, const struct cfg_line *line,
                   unsigned i, struct cfg_arg *arg)
{
    const struct value *v = value_of(e);
    char joined[2 * CV_NAME_MAX];
    memset(arg, 0, sizeof *arg);
    arg->column = line->tokens[i].column;
    arg->text = line->tokens[i].text;
    if (f->keyword) {
        arg->type = e->typed ? CFG_ARG_CHOICE : CFG_ARG_KEYWORD;
        size_t n = f->keyword_len < sizeof arg->name ? f->keyword_len : sizeof arg->name - 1;
        memcpy(arg->name, f->keyword, n);
    } else if (v && v->type == CFG_ARG_LINE) {
        arg->type = CFG_ARG_LINE;
        arg->text = cfg_lex_rest(line, i);
    } else if (v) {
        arg->type = v->type;
        bool ok = f->words == 2 ? join_if(line, i, joined, sizeof joined) && v->parse(joined, arg)
                                : parse_value(v, line, arg->text, arg);
        (void)ok; /* it did in cfg_elem_fit */
    } else {
        arg->type = CFG_ARG_NUMBER;
        if (!parse_number(arg->text, &arg->number))
            arg->number = 0;
    }
}
