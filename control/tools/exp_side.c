#include "control/tools/exp_side.h"

#include "common/secret.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16 * 1024 * 1024 };

/* ---- reading and parsing ---------------------------------------------------------------------------------------------- */
cv_result exp_side_parse(const char *text, const char *file, enum exp_end end, bool ios, struct exp_side *out)
{
    memset(out, 0, sizeof *out);
    out->end = end;
    out->ios = ios;
    snprintf(out->file, sizeof out->file, "%s", file);
    out->len = strlen(text);
    out->text = strdup(text);
    if (!out->text)
        return CV_ENOMEM;
    for (const char *at = out->text; *at; at += strcspn(at, "\n"), at += *at == '\n')
        out->lines++;
    const struct cfg_parse_options o = {.ios = ios, .skips = &out->skips};
    CV_TRY(cfg_parse_with(out->text, out->file, &o, &out->cfg, &out->findings));
    return cfg_lint(out->cfg, &out->findings);
}

static char *read_all(const char *file, const char **why)
{
    FILE *f = fopen(file, "re");
    char *text = NULL, *bigger;
    size_t n = 0, cap = 0, got = 0;
    *why = NULL;
    if (!f) {
        *why = strerror(errno);
        return NULL;
    }
    do {
        n += got;
        if (n + 1 >= cap) {
            cap = cap ? cap * 2 : 65536;
            bigger = cap <= FILE_MAX ? realloc(text, cap) : NULL;
            if (!bigger) {
                *why = cap > FILE_MAX ? "longer than 16 MiB" : "out of memory";
                break;
            }
            text = bigger;
        }
        got = fread(text + n, 1, cap - n - 1, f);
    } while (got > 0);
    if (!*why && ferror(f))
        *why = strerror(errno);
    if (!*why && memchr(text, '\0', n))
        *why = "holds a NUL: it is no text";
    fclose(f);
    if (*why) {
        secret_wipe(text, n);
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

static cv_result unreadable(struct cfg_findings *f, const char *why)
{
    f->items = calloc(1, sizeof *f->items);
    if (!f->items)
        return CV_ENOMEM;
    f->count = 1;
    f->items[0].rule = "file";
    f->items[0].severity = CFG_ERROR;
    snprintf(f->items[0].text, sizeof f->items[0].text, "%s", why);
    return CV_EIO;
}

cv_result exp_side_load(const char *file, enum exp_end end, bool ios, struct exp_side *out)
{
    const char *why;
    char *text = read_all(file, &why);
    if (!text) {
        memset(out, 0, sizeof *out);
        out->end = end;
        snprintf(out->file, sizeof out->file, "%s", file);
        return unreadable(&out->findings, why);
    }
    cv_result r = exp_side_parse(text, file, end, ios, out);
    secret_wipe(text, strlen(text));
    free(text);
    return r;
}

void exp_side_free(struct exp_side *s)
{
    if (s->text)
        secret_wipe(s->text, s->len);
    free(s->text);
    cfg_free(s->cfg);
    cfg_findings_free(&s->findings);
    cfg_skips_free(&s->skips);
    free(s->origin);
    memset(s, 0, sizeof *s);
}

/* ---- lines ---------------------------------------------------------------------------------------------------------------- */
static const char *line_at(const struct exp_side *s, int n)
{
    const char *at = s->text;
    for (; at && n > 1; n--) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    return at && *at ? at : NULL;
}

int exp_side_line(const struct exp_side *s, int n, char *out, size_t out_len)
{
    const char *at = n > 0 ? line_at(s, n) : NULL;
    return snprintf(out, out_len, "%.*s", at ? (int)strcspn(at, "\r\n") : 0, at ? at : "");
}

static bool blank(const char *at)
{
    at += strspn(at, " \t");
    return *at == '\0' || *at == '\r' || *at == '\n' || *at == '!';
}

static size_t indent(const char *at)
{
    return strspn(at, " \t");
}

int exp_side_block_end(const struct exp_side *s, int line)
{
    int last = line;
    const char *head = line_at(s, line), *at = line_at(s, line + 1);
    for (int n = line + 1; head && at; n++) {
        if (!blank(at) && indent(at) <= indent(head))
            break;
        if (*at == '!')
            break;
        if (!blank(at))
            last = n;
        at = strchr(at, '\n');
        at = at && at[1] ? at + 1 : NULL;
    }
    return last;
}

int exp_side_find(const struct exp_side *s, int line, const char *words)
{
    int end = exp_side_block_end(s, line), found = 0;
    size_t n = strlen(words);
    for (int i = line + 1; i <= end; i++) {
        const char *at = line_at(s, i);
        if (at && strncmp(at + indent(at), words, n) == 0)
            found = i;
    }
    return found;
}

static bool begins(const char *word, size_t n, const char *full, size_t least)
{
    return n >= least && n <= strlen(full) && strncmp(word, full, n) == 0;
}

/* Words before the secret of a line, of ours or of another feature of a router: too many rather than too few. In `pre-shared-key
 * address A key K` the secret is K. */
static bool secret_follows(const char *word, size_t n, const char *before, bool has_key)
{
    static const char *const parts[] = {"key", "pass", "secret", "community", "psk"}, *const harmless[] = {
                                                                                          "keyring", "key-id",
                                                                                          "keypair", "pubkey",
                                                                                          "passive"};
    char text[40] = "";
    snprintf(text, sizeof text, "%.*s", (int)n, word);
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strstr(text, harmless[i]))
            return false;
    if (begins(word, n, "pre-shared-key", 4))
        return !has_key;
    if (strcmp(text, "authentication") == 0) /* standby, nhrp: a word of their own; ours is a method */
        return before[0] && strncmp(before, "crypto ", 7) != 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]))
            return strcmp(before, "tunnel ") != 0;
    return false;
}

/* What may stand between such a word and the secret. */
static bool no_secret(const char *word, size_t n)
{
    return (n == 1 && strchr("0567", *word)) || begins(word, n, "local", 5) || begins(word, n, "remote", 6) ||
           begins(word, n, "hex", 3);
}

const char *exp_side_shown(const struct exp_side *s, int line, char *out, size_t out_len)
{
    char raw[1024];
    size_t used = 0;
    exp_side_line(s, line, raw, sizeof raw);
    char *at = raw + strspn(raw, " \t"), *comment = strstr(at, " !");
    if (comment)
        *comment = '\0';
    bool has_key = strstr(at, " key ") != NULL, hide = false, hidden = false;
    const char *first = at;
    char before[16];
    out[0] = '\0';
    for (; *at && used + 2 < out_len; at += strspn(at, " \t")) {
        size_t n = strcspn(at, " \t");
        bool more = at[n + strspn(at + n, " \t")] != '\0', keep = !hide || (more && no_secret(at, n));
        if (hidden && !begins(at, n, "address", 1) && !begins(at, n, "hostname", 1) &&
            !begins(at, n, "no-xauth", 1))
            break; /* a secret of several words */
        int m = snprintf(out + used, out_len - used, "%s%.*s", used ? " " : "", keep ? (int)n : 8,
                         keep ? at : "<hidden>");
        used += m > 0 ? (size_t)m : 0;
        hidden = hide && !keep;
        snprintf(before, sizeof before, "%.*s", (int)(at - first), first);
        hide = (hide && keep) || (keep && secret_follows(at, n, before, has_key));
        at += n;
    }
    secret_wipe(raw, sizeof raw);
    return out;
}

int exp_side_origin(const struct exp_side *s, int n)
{
    return s->origin && n > 0 && n <= s->lines ? s->origin[n] : n;
}

/* ---- changes -------------------------------------------------------------------------------------------------------------- */
/* A text under way, with where each of its lines comes from. */
struct draft {
    FILE *to;
    int *origin;
    int lines, cap;
    bool failed;
};

static void put_line(struct draft *d, const char *text, size_t n, int origin)
{
    if (d->lines + 2 > d->cap) {
        int cap = d->cap ? 2 * d->cap : 512;
        int *bigger = realloc(d->origin, (size_t)cap * sizeof *bigger);
        d->failed = d->failed || !bigger;
        if (!bigger)
            return;
        d->origin = bigger;
        d->cap = cap;
    }
    d->origin[++d->lines] = origin;
    fprintf(d->to, "%.*s\n", (int)n, text);
}

static bool put_edits(struct draft *d, const struct exp_side *s, const struct exp_edit *e, unsigned count,
                      enum exp_edit_kind kind, int line)
{
    bool any = false;
    for (unsigned i = 0; i < count; i++) {
        if (e[i].on != s->end || e[i].kind != kind || e[i].line != line)
            continue;
        any = true;
        for (const char *at = e[i].text; *at && kind != EXP_DELETE; at += *at == '\n') {
            put_line(d, at, strcspn(at, "\n"), exp_side_origin(s, line));
            at += strcspn(at, "\n");
        }
    }
    return any;
}

static char *changed_text(const struct exp_side *s, const struct exp_edit *e, unsigned count, struct draft *d)
{
    char *text = NULL;
    size_t n = 0;
    const char *at = s->text;
    d->to = open_memstream(&text, &n);
    if (!d->to)
        return NULL;
    for (int line = 1; at && *at; line++) {
        size_t len = strcspn(at, "\n");
        bool gone = put_edits(d, s, e, count, EXP_REPLACE, line);
        gone = put_edits(d, s, e, count, EXP_DELETE, line) || gone;
        if (!gone)
            put_line(d, at, len, exp_side_origin(s, line));
        put_edits(d, s, e, count, EXP_INSERT, line);
        at += len + (at[len] == '\n');
    }
    put_edits(d, s, e, count, EXP_INSERT, 0);
    if (fclose(d->to) == 0 && !d->failed)
        return text;
    free(text);
    return NULL;
}

cv_result exp_side_change(const struct exp_side *s, const struct exp_edit *edits, unsigned count,
                          struct exp_side *out)
{
    struct draft d = {.to = NULL};
    char *text = changed_text(s, edits, count, &d);
    memset(out, 0, sizeof *out);
    if (!text) {
        free(d.origin);
        return CV_ENOMEM;
    }
    cv_result r = exp_side_parse(text, s->file, s->end, s->ios, out);
    out->enrolled = s->enrolled;
    out->renewed = s->renewed;
    out->authenticated = s->authenticated;
    out->origin = d.origin;
    out->lines = d.lines;
    secret_wipe(text, strlen(text));
    free(text);
    return r;
}
