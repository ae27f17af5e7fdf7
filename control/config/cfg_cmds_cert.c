#include "control/config/cfg_cmds.h"

#include "control/config/cfg_certmap.h"
#include "control/config/cfg_parser.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- crypto pki certificate chain -------------------------------------------------------------------------------- */
static void open_chain(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    if (m->form == CFG_SET) {
        (void)cfg_copy(p, p->chain, sizeof p->chain, a);
        return;
    }
    for (unsigned i = c->certificate_count; i-- > 0;)
        if (strcmp(c->certificates[i].trustpoint, a->text) == 0) {
            free(c->certificates[i].der);
            cfg_remove(&c->certificates, &c->certificate_count, sizeof *c->certificates, i);
        }
}

static enum cfg_cert_kind kind_of(const struct cfg_match *m)
{
    return cfg_match_has(m, "ca")            ? CFG_CERT_CA
           : cfg_match_has(m, "self-signed") ? CFG_CERT_SELF_SIGNED
           : cfg_match_has(m, "ra-sign") || cfg_match_has(m, "ra-encrypt") || cfg_match_has(m, "ra-general")
               ? CFG_CERT_RA
               : CFG_CERT_OWN;
}

static void drop_certificate(struct cfg *c, const char *chain, enum cfg_cert_kind kind, const char *serial)
{
    for (unsigned i = 0; i < c->certificate_count; i++) {
        struct cfg_certificate *x = &c->certificates[i];
        if (x->kind != kind || strcmp(x->trustpoint, chain) != 0 || strcmp(x->serial, serial) != 0)
            continue;
        free(x->der);
        cfg_remove(&c->certificates, &c->certificate_count, sizeof *c->certificates, i);
        return;
    }
}

/* certificate [ca | self-signed] SERIAL [FILE]: without a file, hexadecimal follows up to `quit`. */
static void certificate(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *serial = cfg_match_arg(m, CFG_ARG_WORD, 0),
                         *file = cfg_match_arg(m, CFG_ARG_WORD, 1);
    if (!serial)
        return;
    drop_certificate(c, p->chain, kind_of(m), serial->text);
    if (m->form != CFG_SET)
        return;
    p->certificate = !file; /* its body is read in any case, for it is no command */
    p->certificate_at = UINT_MAX;
    p->certificate_digits = 0;
    p->body_line = p->line;
    if (c->certificate_count == CFG_CERTS_MAX) {
        cfg_error(p, serial->column, "", "more than %d certificates", CFG_CERTS_MAX);
        return;
    }
    unsigned i = cfg_append(p, &c->certificates, &c->certificate_count, sizeof *c->certificates);
    if (i == UINT_MAX)
        return;
    struct cfg_certificate *x = &c->certificates[i];
    x->line = p->line;
    x->kind = kind_of(m);
    memcpy(x->trustpoint, p->chain, sizeof x->trustpoint);
    if (cfg_copy(p, x->serial, sizeof x->serial, serial) && file)
        (void)cfg_copy(p, x->file, sizeof x->file, file);
    p->certificate_at = i;
}

static const struct cfg_cmd chain_rows[] = {
    {"certificate <WORD> [<WORD>]", certificate, 0, NULL, false},
    {"certificate <ca|self-signed|ra-sign|ra-encrypt|ra-general> <WORD> [<WORD>]", certificate, 0, NULL,
     false},
};
const struct cfg_cmd_table cfg_cmds_certificate_chain = CFG_ROWS(chain_rows);

/* ---- crypto pki certificate map ------------------------------------------------------------------------------------ */
static struct cfg_certmap *cur(struct cfg_parser *p)
{
    return &p->c->certmaps[p->certmap];
}

/* Where NAME SEQ is, or belongs: sequences of a name stand together, ascending; a new name behind all. */
static unsigned place(const struct cfg *c, const char *name, unsigned long seq, bool *found)
{
    unsigned i = 0;
    while (i < c->certmap_count && strcmp(c->certmaps[i].name, name) != 0)
        i++;
    while (i < c->certmap_count && strcmp(c->certmaps[i].name, name) == 0 && c->certmaps[i].seq < seq)
        i++;
    *found = i < c->certmap_count && strcmp(c->certmaps[i].name, name) == 0 && c->certmaps[i].seq == seq;
    return i;
}

static void open_map(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *name = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned long seq = cfg_match_arg(m, CFG_ARG_NUMBER, 0)->number;
    bool found;
    unsigned i = place(c, name->text, seq, &found);
    if (m->form != CFG_SET) {
        if (found)
            cfg_remove(&c->certmaps, &c->certmap_count, sizeof *c->certmaps, i);
        return;
    }
    p->certmap = i;
    if (found)
        return;
    if (cfg_append(p, &c->certmaps, &c->certmap_count, sizeof *c->certmaps) == UINT_MAX)
        return;
    memmove(&c->certmaps[i + 1], &c->certmaps[i], (c->certmap_count - 1 - i) * sizeof *c->certmaps);
    memset(cur(p), 0, sizeof *cur(p));
    cur(p)->seq = (unsigned)seq;
    cur(p)->line = p->line;
    (void)cfg_copy(p, cur(p)->name, sizeof cur(p)->name, name);
}

static bool take_line(struct cfg_parser *p, const struct cfg_match *m, struct cfg_certmap_line *x)
{
    const struct cfg_arg *field = cfg_match_arg(m, CFG_ARG_CHOICE, 0),
                         *op = cfg_match_arg(m, CFG_ARG_CHOICE, 1);
    const struct cfg_arg *text = cfg_match_arg(m, CFG_ARG_LINE, 0);
    memset(x, 0, sizeof *x);
    x->line = p->line;
    if (!op || !text || !cfg_certmap_field(field->name, &x->field) || !cfg_certmap_op(op->name, &x->op))
        return false;
    if (x->field == CFG_CERT_EXPIRES_ON || x->field == CFG_CERT_VALID_START) {
        if (cfg_certmap_time(text->text, &x->time))
            return true;
        cfg_error(p, text->column, "as in: Jan 31 2030 12:00:00", "no date and time");
        return false;
    }
    if (!cfg_copy(p, x->text, sizeof x->text, text))
        return false;
    cfg_certmap_normalise(x->text);
    if (x->text[0])
        return true;
    cfg_error(p, text->column, "as in: co ou=vpn", "nothing to compare with");
    return false;
}

static bool same_line(const struct cfg_certmap_line *a, const struct cfg_certmap_line *b)
{
    return a->field == b->field && a->op == b->op && a->time == b->time && strcmp(a->text, b->text) == 0;
}

static void map_line(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_certmap *x = cur(p);
    struct cfg_certmap_line line;
    unsigned i = 0, max = sizeof x->lines / sizeof x->lines[0];
    if (!take_line(p, m, &line))
        return;
    while (i < x->line_count && !same_line(&x->lines[i], &line))
        i++;
    if (m->form != CFG_SET && i < x->line_count) {
        memmove(&x->lines[i], &x->lines[i + 1], (x->line_count - i - 1) * sizeof x->lines[0]);
        x->line_count--;
    } else if (m->form == CFG_SET && i == max)
        cfg_error(p, m->args[0].column, "use another sequence", "more than %u lines in a sequence", max);
    else if (m->form == CFG_SET && i == x->line_count)
        x->lines[x->line_count++] = line;
}

static const struct cfg_cmd map_rows[] = {
    {"<subject-name|issuer-name|alt-subject-name|name|unstructured-subject-name|serial-number> "
     "<eq|ne|co|nc> <LINE>",
     map_line, 0, NULL, false},
    {"<expires-on|valid-start> <eq|ne|ge|lt> <LINE>", map_line, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_certmap = CFG_ROWS(map_rows);

static const struct cfg_cmd global_rows[] = {
    {"crypto <pki|ca> certificate chain <WORD>", open_chain, CFG_MODE_CERTIFICATE_CHAIN, NULL, false},
    {"crypto <pki|ca> certificate map <WORD> <1-65535>", open_map, CFG_MODE_CERTMAP, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_cert_global = CFG_ROWS(global_rows);

/* ---- match certificate of profiles --------------------------------------------------------------------------------- */
void cfg_certmap_ref_take(struct cfg_parser *p, const struct cfg_match *m, struct cfg_certmap_ref *refs,
                          unsigned *count)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned kept = 0;
    for (unsigned i = 0; i < *count; i++) {
        bool same = a && strcmp(refs[i].name, a->text) == 0;
        if (same && m->form == CFG_SET)
            return;
        if (!same && (a || m->form == CFG_SET))
            refs[kept++] = refs[i];
    }
    memset(&refs[kept], 0, (8 - kept) * sizeof refs[0]);
    *count = kept;
    if (m->form != CFG_SET)
        return;
    if (kept == 8)
        cfg_error(p, a->column, "use a map of several sequences",
                  "more than 8 certificate maps in a profile");
    else if (cfg_copy(p, refs[kept].name, sizeof refs[kept].name, a))
        refs[(*count)++].line = p->line;
}
