#include "control/config/cfg_match.h"

#include "control/config/cfg_elem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The line is read once, word by word, with the set of places in the patterns where it may stand. */
enum { PLACES_MAX = 512, SCORE_BITS = 3, SCORE_WORDS = 20 };

struct place {
    const struct cfg_cmd *cmd;
    const char *at;   /* an element, or the end of the pattern */
    uint64_t score;   /* how well each word so far fitted, first word highest */
    unsigned swallow; /* words of the line that the last element still takes */
};

struct places {
    unsigned count;
    struct place p[PLACES_MAX];
};

static const char *skip(const char *s)
{
    while (*s == ' ' || *s == ']')
        s++;
    return s;
}

static void add_place(struct places *to, struct place x)
{
    if (to->count < PLACES_MAX)
        to->p[to->count++] = x;
}

/* Adds where a pattern may go on from s: the next element, and what follows an optional part. */
static void expand(struct places *to, const struct place *from, const char *s)
{
    struct place x = *from;
    for (s = skip(s); *s == '['; s = skip(strchr(s, ']'))) {
        x.at = skip(s + 1);
        add_place(to, x);
    }
    x.at = s;
    add_place(to, x);
}

static bool at_end(const struct place *x)
{
    return x->at[0] == '\0';
}

static bool same_keyword(const struct cfg_fitting *a, const struct cfg_fitting *b)
{
    return a->keyword_len == b->keyword_len && strncasecmp(a->keyword, b->keyword, a->keyword_len) == 0;
}

/* What the word means among all places: whether a keyword is meant exactly, or a prefix of several. */
struct meaning {
    bool exact, ambiguous;
    struct cfg_fitting prefix;
};

static struct meaning meaning_of(const struct places *now, const struct cfg_line *line, unsigned i)
{
    struct meaning m = {0};
    for (unsigned k = 0; k < now->count; k++) {
        const struct place *x = &now->p[k];
        if (x->swallow || at_end(x))
            continue;
        struct cfg_elem e = cfg_elem_read(x->at);
        struct cfg_fitting f = cfg_elem_fit(&e, line, i);
        m.exact = m.exact || f.fit == CFG_FIT_EXACT;
        if (f.fit != CFG_FIT_PREFIX)
            continue;
        m.ambiguous = m.ambiguous || f.several || (m.prefix.keyword && !same_keyword(&m.prefix, &f));
        m.prefix = f;
    }
    m.ambiguous = m.ambiguous && !m.exact;
    return m;
}

static uint64_t add_score(uint64_t score, unsigned word, enum cfg_fit fit)
{
    return word < SCORE_WORDS ? score << SCORE_BITS | (uint64_t)fit : score;
}

static void advance(const struct place *x, const struct meaning *m, const struct cfg_line *line, unsigned i,
                    struct places *next)
{
    struct place y = *x;
    if (x->swallow) {
        y.swallow--;
        y.score = add_score(x->score, i, CFG_FIT_VALUE);
        add_place(next, y);
        return;
    }
    if (at_end(x))
        return;
    struct cfg_elem e = cfg_elem_read(x->at);
    struct cfg_fitting f = cfg_elem_fit(&e, line, i);
    if (f.fit == CFG_FIT_NONE || (f.fit == CFG_FIT_PREFIX && (m->exact || m->ambiguous)))
        return;
    y.score = add_score(x->score, i, f.fit);
    y.swallow = f.words - 1;
    if (e.repeats)
        add_place(next, y);
    expand(next, &y, e.next);
}

/* ---- what to say when nothing fits ------------------------------------------------------------------------ */
unsigned cfg_distance(const char *a, const char *b, unsigned limit)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned row[65];
    if (m > 64 || n > 64 || (n > m ? n - m : m - n) > limit)
        return limit + 1;
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            unsigned best = diagonal + (same ? 0 : 1);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[m] > limit ? limit + 1 : row[m];
}

static bool listed(const char *list, const char *item, size_t n)
{
    for (const char *s = list; (s = strstr(s, item)) != NULL; s += n)
        if ((s == list || s[-1] == ' ') && (s[n] == ',' || s[n] == '\0'))
            return true;
    return false;
}

static void list_add(struct cfg_mismatch *bad, const char *item)
{
    size_t used = strlen(bad->expected), room = sizeof bad->expected - used, n = strlen(item);
    if (n == 0 || listed(bad->expected, item, n) ||
        (used >= 3 && strcmp(bad->expected + used - 3, "...") == 0))
        return;
    bad->expected_count++;
    if (n + 2 + 6 < room)
        snprintf(bad->expected + used, room, "%s%s", used ? ", " : "", item);
    else
        snprintf(bad->expected + used, room, ", ...");
}

static void expect_keyword(struct cfg_mismatch *bad, const char *k, size_t n, unsigned *nearest)
{
    char item[CV_NAME_MAX];
    snprintf(item, sizeof item, "%.*s", (int)n, k);
    if (bad->why == CFG_AMBIGUOUS) {
        if (strncasecmp(item, bad->word, strlen(bad->word)) == 0)
            list_add(bad, item);
        return;
    }
    list_add(bad, item);
    unsigned d = cfg_distance(item, bad->word, n > 5 ? 2 : 1);
    if (bad->word[0] && d <= (n > 5 ? 2 : 1) && d < *nearest) {
        *nearest = d;
        snprintf(bad->nearest, sizeof bad->nearest, "%s", item);
    }
}

/* Whether the word may be (part of) a key: a key may stand only behind what fitted, and no key is the second word of `crypto`. */
static bool maybe_key(const struct place *x, unsigned depth)
{
    static const char crypto[] = "crypto ";
    bool second = strncmp(x->cmd->syntax, crypto, sizeof crypto - 1) == 0 &&
                  x->at == x->cmd->syntax + sizeof crypto - 1;
    return depth > 0 && !second && strstr(x->cmd->syntax, "<KEY>");
}

static void explain(const struct places *now, struct cfg_mismatch *bad)
{
    unsigned nearest = 100;
    for (unsigned k = 0; k < now->count; k++) {
        const struct place *x = &now->p[k];
        if (x->swallow)
            continue;
        bad->section = bad->section || (bad->depth > 0 && x->cmd->enter != CFG_MODE_NONE);
        bad->secret = bad->secret || maybe_key(x, bad->depth);
        if (at_end(x)) {
            if (bad->why != CFG_AMBIGUOUS)
                list_add(bad, "the end of the line");
            continue;
        }
        struct cfg_elem e = cfg_elem_read(x->at);
        char says[80];
        const char *word = NULL;
        size_t n = 0;
        while (cfg_elem_keyword(&e, &word, &n))
            expect_keyword(bad, word, n, &nearest);
        cfg_elem_describe(&e, says, sizeof says);
        if (bad->why != CFG_AMBIGUOUS)
            list_add(bad, says);
    }
}

static enum cfg_match_result mismatch(enum cfg_match_result why, const struct places *now,
                                      const struct cfg_line *line, unsigned i, struct cfg_mismatch *bad)
{
    memset(bad, 0, sizeof *bad);
    bad->why = why;
    bad->depth = i;
    bad->word = i < line->count ? line->tokens[i].text : "";
    bad->column = i < line->count ? line->tokens[i].column : (int)strlen(line->raw) + 1;
    explain(now, bad);
    return why;
}

/* ---- the row that fits ------------------------------------------------------------------------------------- */
static bool may_end(const struct place *x, enum cfg_form form)
{
    if (x->swallow)
        return false;
    if (at_end(x))
        return true;
    struct cfg_elem e = cfg_elem_read(x->at);
    return form != CFG_SET && (e.no_may_end || (e.typed && x->cmd->enter == CFG_MODE_NONE));
}

static const struct cfg_cmd *best_row(const struct places *now, enum cfg_form form)
{
    const struct place *best = NULL;
    for (unsigned k = 0; k < now->count; k++)
        if (may_end(&now->p[k], form) && (!best || now->p[k].score > best->score))
            best = &now->p[k];
    return best ? best->cmd : NULL;
}

/* Walks the chosen row again and keeps the arguments. */
static bool capture(struct cfg_match *m, const char *s, unsigned i)
{
    s = skip(s);
    unsigned count = m->count;
    if (*s == '[') {
        if (capture(m, s + 1, i))
            return true;
        m->count = count;
        return capture(m, strchr(s, ']'), i);
    }
    struct place here = {.cmd = m->cmd, .at = s};
    if (i >= m->line->count)
        return may_end(&here, m->form);
    if (*s == '\0' || m->count == CFG_TOKENS_MAX)
        return false;
    struct cfg_elem e = cfg_elem_read(s);
    struct cfg_fitting f = cfg_elem_fit(&e, m->line, i);
    if (f.fit == CFG_FIT_NONE)
        return false;
    cfg_elem_take(&e, &f, m->line, i, &m->args[m->count++]);
    count = m->count;
    if (e.repeats && i + f.words < m->line->count && capture(m, s, i + f.words))
        return true;
    m->count = count;
    return capture(m, e.next, i + f.words);
}

static enum cfg_form form_of(const struct cfg_line *line)
{
    const char *first = line->count ? line->tokens[0].text : "";
    return strcasecmp(first, "no") == 0 ? CFG_UNSET : strcasecmp(first, "default") == 0 ? CFG_RESET : CFG_SET;
}

enum cfg_match_result cfg_match_line(const struct cfg_cmd_table *tables, unsigned table_count,
                                     const struct cfg_line *line, struct cfg_match *m,
                                     struct cfg_mismatch *bad)
{
    struct places sets[2], *now = &sets[0], *next = &sets[1];
    now->count = 0;
    m->line = line;
    m->form = form_of(line);
    m->count = 0;
    for (unsigned t = 0; t < table_count; t++)
        for (unsigned r = 0; r < tables[t].count; r++) {
            struct place start = {.cmd = &tables[t].rows[r]};
            expand(now, &start, start.cmd->syntax);
        }
    unsigned first = m->form == CFG_SET ? 0 : 1;
    for (unsigned i = first; i < line->count; i++) {
        struct meaning meaning = meaning_of(now, line, i);
        next->count = 0;
        for (unsigned k = 0; k < now->count; k++)
            advance(&now->p[k], &meaning, line, i, next);
        if (next->count == 0)
            return mismatch(meaning.ambiguous ? CFG_AMBIGUOUS : CFG_UNKNOWN, now, line, i, bad);
        struct places *swap = now;
        now = next;
        next = swap;
    }
    m->cmd = best_row(now, m->form);
    if (!m->cmd || !capture(m, m->cmd->syntax, first))
        return mismatch(CFG_INCOMPLETE, now, line, line->count, bad);
    return CFG_MATCHED;
}

const struct cfg_arg *cfg_match_arg(const struct cfg_match *m, enum cfg_arg_type type, unsigned n)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->args[i].type == type && n-- == 0)
            return &m->args[i];
    return NULL;
}

bool cfg_match_has(const struct cfg_match *m, const char *keyword)
{
    for (unsigned i = 0; i < m->count; i++)
        if ((m->args[i].type == CFG_ARG_KEYWORD || m->args[i].type == CFG_ARG_CHOICE) &&
            strcmp(m->args[i].name, keyword) == 0)
            return true;
    return false;
}
