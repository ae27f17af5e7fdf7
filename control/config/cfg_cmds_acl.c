#include "control/config/cfg_cmds.h"

#include "control/config/cfg_ace.h"
#include "control/config/cfg_ios.h"
#include "control/config/cfg_parser.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SEQ_STEP = 10 };

/* ---- lists ------------------------------------------------------------------------------------------------------ */
static unsigned find_acl(const struct cfg *c, const char *name)
{
    unsigned i = 0;
    while (i < c->acl_count && strcmp(c->acls[i].name, name) != 0)
        i++;
    return i;
}

/* The list of that name, made when it is not there; UINT_MAX after an error. */
static unsigned have_acl(struct cfg_parser *p, const struct cfg_arg *name, bool ipv6)
{
    struct cfg *c = p->c;
    unsigned i = find_acl(c, name->text);
    if (i < c->acl_count && c->acls[i].ipv6 == ipv6)
        return i;
    if (i < c->acl_count) {
        cfg_error(p, name->column, "give it another name", "access list %s is one of IPv%c already",
                  name->text, ipv6 ? '4' : '6');
        return UINT_MAX;
    }
    i = cfg_append(p, &c->acls, &c->acl_count, sizeof *c->acls);
    if (i == UINT_MAX)
        return i;
    c->acls[i].line = p->line;
    c->acls[i].ipv6 = ipv6;
    return cfg_copy(p, c->acls[i].name, sizeof c->acls[i].name, name) ? i : UINT_MAX;
}

static void remove_acl(struct cfg *c, const char *name, bool ipv6)
{
    unsigned i = find_acl(c, name);
    if (i == c->acl_count || c->acls[i].ipv6 != ipv6)
        return;
    free(c->acls[i].aces);
    cfg_remove(&c->acls, &c->acl_count, sizeof *c->acls, i);
}

static bool same_ace(const struct cfg_ace *a, const struct cfg_ace *b)
{
    return a->permit == b->permit && ts_equal(&a->local, &b->local) && ts_equal(&a->remote, &b->remote);
}

static bool seq_free(struct cfg_parser *p, const struct cfg_acl *a, const struct cfg_ace *x, int column)
{
    for (unsigned i = 0; i < a->ace_count; i++)
        if (a->aces[i].seq == x->seq) {
            cfg_error(p, column, "give the line another number", "line %u of access list %s is there already",
                      x->seq, a->name);
            return false;
        }
    return true;
}

/* Into its place by number. A line that says what another one says changes nothing, as on IOS (PR-12). */
static void insert_ace(struct cfg_parser *p, struct cfg_acl *a, struct cfg_ace *x, int column)
{
    unsigned last = a->ace_count ? a->aces[a->ace_count - 1].seq : 0, at = 0;
    for (unsigned i = 0; i < a->ace_count; i++)
        if (same_ace(&a->aces[i], x))
            return;
    if (x->seq == 0 && last > CFG_ACE_SEQ_MAX - SEQ_STEP) {
        cfg_error(p, column, "give it one that is free", "there is no number behind the last line's");
        return;
    }
    if (x->seq == 0)
        x->seq = last + SEQ_STEP;
    if (!seq_free(p, a, x, column) || cfg_append(p, &a->aces, &a->ace_count, sizeof *a->aces) == UINT_MAX)
        return;
    while (at < a->ace_count - 1 && a->aces[at].seq < x->seq)
        at++;
    memmove(&a->aces[at + 1], &a->aces[at], (a->ace_count - 1 - at) * sizeof *a->aces);
    a->aces[at] = *x;
}

static void remove_aces(struct cfg_acl *a, const struct cfg_ace *like, unsigned seq)
{
    for (unsigned i = a->ace_count; i-- > 0;)
        if (like ? same_ace(&a->aces[i], like) : a->aces[i].seq == seq)
            cfg_remove(&a->aces, &a->ace_count, sizeof *a->aces, i);
}

/* The line from `permit` or `deny` on, of list i; seq 0: the next. */
static void take_ace(struct cfg_parser *p, const struct cfg_match *m, unsigned i, unsigned first,
                     unsigned seq)
{
    struct cfg_ace x;
    struct cfg_acl *a = &p->c->acls[i];
    if (!cfg_ace_take(p, m->line, first, a->ipv6, &x))
        return;
    x.seq = seq ? seq : x.seq;
    if (m->form == CFG_SET)
        insert_ace(p, a, &x, m->line->tokens[first].column);
    else
        remove_aces(a, &x, 0);
}

static unsigned token_of(const struct cfg_match *m, const char *keyword)
{
    unsigned i = m->form == CFG_SET ? 0 : 1;
    for (; i + 1 < m->line->count; i++) {
        const char *word = m->line->tokens[i].text;
        if (word[0] && strncasecmp(keyword, word, strlen(word)) == 0)
            break;
    }
    return i;
}

/* ---- ip access-list extended NAME, ipv6 access-list NAME ---------------------------------------------------------- */
static void open_acl(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    const bool ipv6 = cfg_match_has(m, "ipv6");
    if (p->ios && !cfg_ios_wants_acl(p, a->text))
        cfg_ios_skip(p, m->line);
    else if (m->form != CFG_SET)
        remove_acl(p->c, a->text, ipv6);
    else
        p->acl = have_acl(p, a, ipv6);
}

static void list_line(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *seq = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    take_ace(p, m, p->acl, token_of(m, cfg_match_has(m, "permit") ? "permit" : "deny"),
             seq ? (unsigned)seq->number : 0);
}

/* no 10 */
static void list_number(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *seq = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (m->form != CFG_SET && seq)
        remove_aces(&p->c->acls[p->acl], NULL, (unsigned)seq->number);
    else
        cfg_error(p, m->line->tokens[0].column, "as in: 10 permit ip any any", "the command is not complete");
}

static void remark(struct cfg_parser *p, const struct cfg_match *m)
{
    (void)p;
    (void)m;
}

static const struct cfg_cmd acl_rows[] = {
    {"permit <LINE>", list_line, 0, NULL, false},
    {"deny <LINE>", list_line, 0, NULL, false},
    {"<1-2147483647> permit <LINE>", list_line, 0, NULL, false},
    {"<1-2147483647> deny <LINE>", list_line, 0, NULL, false},
    {"<1-2147483647>", list_number, 0, NULL, false},
    {"remark <LINE>", remark, 0, NULL, false},
    {"<1-2147483647> remark <LINE>", remark, 0, NULL, false},
    {"evaluate <LINE>", NULL, 0, "leave it out: a crypto map knows permit and deny", false},
};
const struct cfg_cmd_table cfg_cmds_acl = CFG_ROWS(acl_rows);

/* IOS writes `sequence N` in front, IOS-XE N alone; behind the line it may stand, too. */
static const struct cfg_cmd acl6_rows[] = {
    {"permit <LINE>", list_line, 0, NULL, false},
    {"deny <LINE>", list_line, 0, NULL, false},
    {"sequence <1-2147483647> permit <LINE>", list_line, 0, NULL, false},
    {"sequence <1-2147483647> deny <LINE>", list_line, 0, NULL, false},
    {"sequence <1-2147483647>", list_number, 0, NULL, false},
    {"<1-2147483647> permit <LINE>", list_line, 0, NULL, false},
    {"<1-2147483647> deny <LINE>", list_line, 0, NULL, false},
    {"<1-2147483647>", list_number, 0, NULL, false},
    {"remark <LINE>", remark, 0, NULL, false},
    {"sequence <1-2147483647> remark <LINE>", remark, 0, NULL, false},
    {"<1-2147483647> remark <LINE>", remark, 0, NULL, false},
    {"evaluate <LINE>", NULL, 0, "leave it out: a crypto map knows permit and deny", false},
};
const struct cfg_cmd_table cfg_cmds_acl6 = CFG_ROWS(acl6_rows);

/* ---- access-list N ... --------------------------------------------------------------------------------------------- */
static void numbered_line(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (n && p->ios && !cfg_ios_wants_acl(p, n->text)) {
        cfg_ios_skip(p, m->line);
        return;
    }
    unsigned i = n ? have_acl(p, n, false) : UINT_MAX;
    if (!n)
        cfg_error(p, m->line->tokens[0].column, "as in: no access-list 101", "which access list?");
    if (i != UINT_MAX)
        take_ace(p, m, i, token_of(m, cfg_match_has(m, "permit") ? "permit" : "deny"), 0);
}

static void remove_numbered(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (m->form != CFG_SET && n)
        remove_acl(p->c, n->text, false);
    else
        cfg_error(p, m->line->tokens[0].column, "as in: access-list 101 permit ip any any",
                  "the command is not complete");
}

#define NO_STANDARD "crypto maps want an extended one: ip access-list extended NAME"

static const struct cfg_cmd global_rows[] = {
    {"ip access-list extended <WORD>", open_acl, CFG_MODE_ACL, NULL, false},
    {"ip access-list standard <LINE>", NULL, CFG_MODE_GLOBAL, NO_STANDARD, false},
    {"access-list <100-199> permit <LINE>", numbered_line, 0, NULL, false},
    {"access-list <100-199> deny <LINE>", numbered_line, 0, NULL, false},
    {"access-list <100-199> remark <LINE>", remark, 0, NULL, false},
    {"access-list <100-199>", remove_numbered, 0, NULL, false},
    {"access-list <2000-2699> permit <LINE>", numbered_line, 0, NULL, false},
    {"access-list <2000-2699> deny <LINE>", numbered_line, 0, NULL, false},
    {"access-list <2000-2699> remark <LINE>", remark, 0, NULL, false},
    {"access-list <2000-2699>", remove_numbered, 0, NULL, false},
    {"access-list <1-99> <LINE>", NULL, 0, NO_STANDARD, false},
    {"access-list <1300-1999> <LINE>", NULL, 0, NO_STANDARD, false},
    {"ipv6 access-list <WORD>", open_acl, CFG_MODE_ACL6, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_acl_global = CFG_ROWS(global_rows);
