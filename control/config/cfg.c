#include "control/config/cfg.h"

#include "control/config/cfg_findings.h"
#include "control/config/cfg_flows.h"
#include "control/config/cfg_ios.h"
#include "control/config/cfg_modes.h"
#include "control/config/cfg_parser.h"
#include "control/config/cfg_refs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILE_MAX = 16 << 20 };

/* ---- one line ---------------------------------------------------------------------------------------------- */
static struct cfg_open *current(struct cfg_parser *p)
{
    return &p->open[p->depth - 1];
}

/* How many sections stay open for a line by its indentation: a section whose lines were indented ends at one that is not. */
static unsigned depth_by_indent(const struct cfg_parser *p, int indent)
{
    unsigned d = p->depth;
    while (d > 1 && p->open[d - 1].deeper && indent <= p->open[d - 1].indent)
        d--;
    return d;
}

struct attempt {
    enum cfg_match_result result;
    unsigned depth; /* sections that are open then */
    struct cfg_match match;
    struct cfg_mismatch bad;
};

static bool try_at(struct cfg_parser *p, const struct cfg_line *line, unsigned depth, struct attempt *a,
                   struct attempt *worst)
{
    struct cfg_mode_def mode = cfg_mode(p->open[depth - 1].mode);
    a->depth = depth;
    a->result = cfg_match_line(mode.tables, mode.table_count, line, &a->match, &a->bad);
    if (a->result == CFG_MATCHED)
        return true;
    if (worst->result == CFG_MATCHED || a->bad.depth > worst->bad.depth) {
        worst->result = a->result;
        worst->depth = depth;
        worst->bad = a->bad;
    }
    return false;
}

/* The section whose grammar the line fits: by indentation, then outwards; at last the inner ones, for indentation is only a
 * hint. When none fits, the one where most words did. */
static void find_command(struct cfg_parser *p, const struct cfg_line *line, struct attempt *a)
{
    struct attempt worst = {.result = CFG_MATCHED};
    unsigned hint = p->lost ? 1 : depth_by_indent(p, line->indent);
    for (unsigned d = hint; d >= 1; d--)
        if (try_at(p, line, d, a, &worst))
            return;
    for (unsigned d = p->depth; d > hint && !p->lost; d--)
        if (try_at(p, line, d, a, &worst))
            return;
    a->result = worst.result;
    a->depth = worst.depth;
    a->bad = worst.bad;
}

/* The line opened nothing, or nobody knows what: what is indented deeper belongs to it. */
static void lose(struct cfg_parser *p, const struct cfg_line *line, bool section)
{
    p->lost = true;
    p->lost_section = section;
    p->lost_indent = line->indent;
    p->depth = 1;
}

static void report(struct cfg_parser *p, const struct cfg_mismatch *bad)
{
    char remedy[CFG_TEXT_MAX] = "";
    if (bad->nearest[0])
        snprintf(remedy, sizeof remedy, "did you mean \"%s\"? expected one of: %s", bad->nearest,
                 bad->expected);
    else if (bad->expected[0])
        snprintf(remedy, sizeof remedy, "expected%s: %s", bad->expected_count > 1 ? " one of" : "",
                 bad->expected);
    if (bad->why == CFG_INCOMPLETE)
        cfg_error(p, bad->column, remedy, "the command is not complete");
    else if (bad->secret)
        cfg_error(p, bad->column, remedy, "a word that does not belong here");
    else if (bad->why == CFG_AMBIGUOUS)
        cfg_error(p, bad->column, remedy, "\"%.60s\" stands for more than one keyword", bad->word);
    else
        cfg_error(p, bad->column, remedy, "\"%.60s\" is not known here", bad->word);
}

static void refuse(struct cfg_parser *p, const struct cfg_match *m)
{
    int column = m->line->tokens[0].column;
    char words[80] = "";
    for (unsigned i = 0; i < m->count && m->args[i].type == CFG_ARG_KEYWORD; i++)
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i ? " " : "", m->args[i].name);
    if (p->ios) {
        bool concerns = cfg_ios_concerns(p, m->line, current(p)->mode);
        cfg_ios_skip(p, m->line);
        if (!concerns)
            return;
    }
    if (m->form != CFG_SET)
        return; /* what is not done need not be undone */
    if (m->cmd->ignore)
        cfg_warn(p, column, "unsupported", m->cmd->refuse, "\"%s\" has no effect in this release", words);
    else
        cfg_error(p, column, m->cmd->refuse, "\"%s\" is not in this release", words);
}

static void run(struct cfg_parser *p, const struct cfg_line *line, const struct attempt *a)
{
    const struct cfg_cmd *cmd = a->match.cmd;
    unsigned errors = p->errors;
    p->lost = false;
    p->depth = a->depth;
    if (line->indent > current(p)->indent)
        current(p)->deeper = true;
    if (cmd->run)
        cmd->run(p, &a->match);
    else
        refuse(p, &a->match);
    bool opens = cmd->enter != CFG_MODE_NONE && a->match.form == CFG_SET && !p->skipping;
    if (opens && p->errors == errors && p->depth < CFG_DEPTH_MAX)
        p->open[p->depth++] = (struct cfg_open){.mode = cmd->enter, .indent = line->indent};
    else if (opens && p->ios)
        cfg_ios_skip(p, line);
    else if (opens && p->errors != errors)
        lose(p, line, true);
}

static bool is_word(const struct cfg_line *line, const char *word)
{
    return line->count == 1 && strcasecmp(line->tokens[0].text, word) == 0;
}

/* --ios: a line that no section's grammar knows belongs to the section that its indentation says. */
static void pass_over(struct cfg_parser *p, const struct cfg_line *line, const struct attempt *a)
{
    p->depth = depth_by_indent(p, line->indent);
    if (p->indented && line->indent <= p->open[p->depth - 1].indent)
        p->depth = 1;
    if (cfg_ios_concerns(p, line, current(p)->mode))
        report(p, &a->bad);
    cfg_ios_skip(p, line);
}

static void take_line(struct cfg_parser *p, const struct cfg_line *line)
{
    if (line->count == 0)
        return;
    p->indented = p->indented || line->indent > 0;
    if (p->lost && line->indent > p->lost_indent)
        return;
    if (p->ios && cfg_ios_under_skipped(p, line))
        return;
    if (is_word(line, "exit") || is_word(line, "end")) {
        p->depth = is_word(line, "end") || p->depth == 1 ? 1 : p->depth - 1;
        p->lost = false;
        return;
    }
    struct attempt a;
    find_command(p, line, &a);
    if (a.result == CFG_MATCHED) {
        run(p, line, &a);
        return;
    }
    if (p->ios) {
        pass_over(p, line, &a);
        return;
    }
    /* In a file without indentation, what starts like no global command belongs to the section that could not be opened. */
    if (p->lost && p->lost_section && !p->indented && a.bad.depth == 0)
        return;
    report(p, &a.bad);
    if (a.depth == 1 && (line->indent <= current(p)->indent || a.bad.section))
        lose(p, line, a.bad.section);
}

/* ---- the whole file ---------------------------------------------------------------------------------------- */
static void take_text(struct cfg_parser *p, const char *text)
{
    struct cfg_line *line = malloc(sizeof *line);
    if (!line) {
        p->out_of_memory = true;
        return;
    }
    for (int number = 1; *text && cfg_fatal_errors(p) < CFG_ERRORS_MAX && !p->out_of_memory; number++) {
        size_t n = strcspn(text, "\n");
        int column;
        const char *why;
        p->line = number;
        if (!cfg_ios_body(p, text, n)) {
            bool good = cfg_lex(text, n, number, line, &column, &why);
            line->any_interface = p->ios;
            if (good)
                take_line(p, line);
            else
                cfg_error(p, column, "", "%s", why);
        }
        text += n + (text[n] == '\n');
    }
    secret_wipe(line, sizeof *line);
    free(line);
    cfg_ios_end(p);
    if (cfg_fatal_errors(p) >= CFG_ERRORS_MAX)
        cfg_error(p, 0, "correct the first of them and try again", "too many errors");
}

void cfg_skips_free(struct cfg_skips *s)
{
    free(s->items);
    memset(s, 0, sizeof *s);
}

cv_result cfg_parse(const char *text, const char *file, struct cfg **out, struct cfg_findings *findings)
{
    return cfg_parse_with(text, file, NULL, out, findings);
}

cv_result cfg_parse_with(const char *text, const char *file, const struct cfg_parse_options *o,
                         struct cfg **out, struct cfg_findings *findings)
{
    struct cfg_parser p = {.findings = findings, .depth = 1, .text = text};
    p.ios = o && o->ios;
    p.skips = o ? o->skips : NULL;
    if (o && o->skips)
        memset(o->skips, 0, sizeof *o->skips);
    p.open[0].mode = CFG_MODE_GLOBAL;
    memset(findings, 0, sizeof *findings);
    *out = NULL;
    p.c = calloc(1, sizeof *p.c);
    if (!p.c)
        return CV_ENOMEM;
    snprintf(p.c->file, sizeof p.c->file, "%s", file);
    cv_result r = cfg_defaults(&p);
    if (r == CV_OK) {
        take_text(&p, text);
        if (!p.out_of_memory && cfg_fatal_errors(&p) < CFG_ERRORS_MAX)
            cfg_refs_check(&p);
        if (!p.out_of_memory && !cfg_fatal_errors(&p))
            cfg_flows_make(&p);
        r = p.out_of_memory ? CV_ENOMEM : cfg_fatal_errors(&p) ? CV_EPARSE : CV_OK;
    }
    cfg_findings_sort(findings);
    if (r == CV_OK)
        *out = p.c;
    else
        cfg_free(p.c);
    return r;
}

/* The file's text, NUL-terminated; NULL with why. */
static char *read_file(const char *file, size_t *n, char *why, size_t why_len)
{
    FILE *f = fopen(file, "re");
    char *text = f ? malloc(FILE_MAX + 1) : NULL;
    if (!f || !text) {
        snprintf(why, why_len, "cannot be read: %s", strerror(errno));
        if (f)
            fclose(f);
        return NULL;
    }
    setvbuf(f, NULL, _IONBF, 0); /* no copy of the keys in a buffer of libc */
    *n = fread(text, 1, FILE_MAX + 1, f);
    why[0] = '\0';
    if (ferror(f))
        snprintf(why, why_len, "cannot be read: %s", strerror(errno));
    else if (*n > FILE_MAX)
        snprintf(why, why_len, "is longer than 16 MiB");
    else if (memchr(text, '\0', *n))
        snprintf(why, why_len, "is no text: it holds a NUL");
    fclose(f);
    if (!why[0]) {
        text[*n] = '\0';
        return text;
    }
    secret_wipe(text, *n);
    free(text);
    return NULL;
}

cv_result cfg_load(const char *file, struct cfg **out, struct cfg_findings *findings)
{
    return cfg_load_with(file, NULL, out, findings);
}

cv_result cfg_load_with(const char *file, const struct cfg_parse_options *o, struct cfg **out,
                        struct cfg_findings *findings)
{
    char why[CFG_TEXT_MAX];
    size_t n = 0;
    *out = NULL;
    memset(findings, 0, sizeof *findings);
    char *text = read_file(file, &n, why, sizeof why);
    if (!text) {
        cv_result r = cfg_findings_add(findings, 0, 0, "file", CFG_ERROR, "", "%s", why);
        return r == CV_OK ? CV_EIO : r;
    }
    cv_result r = cfg_parse_with(text, file, o, out, findings);
    secret_wipe(text, n);
    free(text);
    return r;
}
