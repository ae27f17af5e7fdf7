/* The report as one page: a sequence diagram per run in a table, which also reads from top to bottom without any style. */
#include "control/tools/exp_report.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_SHOWN = 1024, SAY = 2 * EXP_SAY_MAX };

static const char style[] =
    ":root{color-scheme:light "
    "dark;--bg:#fff;--fg:#1a1c1f;--dim:#5b6068;--line:#c9cdd3;--card:#f5f6f8;--ok:#14692e;--bad:#b3261e;"
    "--mark:#fff1c2;--arrow:#33507a}"
    "@media(prefers-color-scheme:dark){:root{--bg:#16181b;--fg:#e6e8eb;--dim:#a0a6ae;--line:#3c4148;--card:#"
    "1f2226;--ok:#7fd49a;"
    "--bad:#ff9c94;--mark:#4a3f16;--arrow:#9dbbe8}}"
    "*{box-sizing:border-box}body{margin:0 "
    "auto;max-width:76rem;padding:1.5rem;background:var(--bg);color:var(--fg);font:16px/1.5 "
    "system-ui,sans-serif}h1{font-size:1.4rem;margin:0 0 1rem}h2{font-size:1.15rem;margin:2rem 0 "
    ".6rem}h3{font-size:1rem;margin:1.2rem 0 "
    ".4rem}code,pre,.name{font-family:ui-monospace,monospace}.card{background:var(--card);border:1px solid "
    "var(--line);border-radius:.5rem;padding:.8rem 1rem;margin:0 0 1rem}.card p{margin:.3rem "
    "0}.ok{color:var(--ok);font-weight:600}"
    ".bad{color:var(--bad);font-weight:600}table.seq{width:100%;border-collapse:collapse;table-layout:fixed}"
    ".seq th{text-align:left;padding:.3rem .5rem;font-size:.95rem}.seq th.mid{width:38%;text-align:center}"
    ".seq td{vertical-align:top;padding:.25rem .5rem;overflow-wrap:anywhere}.seq td.a{border-right:2px solid "
    "var(--line)}.seq td.b{border-left:2px solid var(--line)}.msg{text-align:center}.msg "
    ".to{display:flex;align-items:center;gap:.4rem;"
    "color:var(--arrow)}.msg .to::before,.msg .to::after{content:'';flex:1;border-top:2px solid "
    "currentColor}.msg "
    ".pay{font-size:.85rem;color:var(--dim)}.note{font-size:.9rem;background:var(--card);border-left:3px "
    "solid "
    "var(--arrow);padding:.2rem .5rem;border-radius:.2rem}.note ul{margin:.2rem 0 "
    "0;padding-left:1.1rem;color:var(--dim)}"
    ".fail{background:var(--mark);border-left:3px solid var(--bad);padding:.3rem "
    ".5rem;border-radius:.2rem}.lost{color:var(--bad)}"
    ".to .l{order:-1;margin-right:-.4rem}.to "
    ".r{order:1;margin-left:-.4rem}.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:"
    "inset(50%)}"
    ".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1rem}pre{margin:0;"
    "overflow-x:auto;font-size:.85rem;"
    "line-height:1.4}pre "
    ".n{color:var(--dim);display:inline-block;width:3.2em;text-align:right;margin-right:1em}pre "
    "mark{background:var(--mark);color:inherit}ul.lint{padding-left:1.2rem}"
    "h1,.card p,ul.lint,h3{overflow-wrap:anywhere}.who{display:none}"
    "@media(max-width:44rem){body{padding:.8rem}.seq thead{display:none}.seq,.seq tbody,.seq tr,.seq "
    "td{display:block;width:auto}.seq td:empty{display:none}.seq td{padding:.25rem 0}.seq td.a,.seq "
    "td.b{border:0}.seq td.a{margin-right:15%}.seq td.b{margin-left:15%}.seq "
    "td.msg{padding:.5rem 0}.seq td.b .note{border-left:0;border-right:3px solid var(--arrow)}.seq td.b "
    ".fail{border-left:0;border-right:3px solid "
    "var(--bad)}.who{display:inline}.two{grid-template-columns:1fr}}"
    "@media "
    "print{body{max-width:none;padding:0;font-size:11px}.card,.note,.fail{break-inside:avoid}tr{break-inside:"
    "avoid}pre{white-space:"
    "pre-wrap}}";

/* ---- escaping ---------------------------------------------------------------------------------------------------------------- */
/* Octets of the UTF-8 character at `at`; 0: it is none. */
static unsigned utf8(const unsigned char *at)
{
    unsigned n = *at < 0x80                  ? 1
                 : *at >= 0xc2 && *at < 0xe0 ? 2
                 : *at >= 0xe0 && *at < 0xf0 ? 3
                 : *at >= 0xf0 && *at < 0xf5 ? 4
                                             : 0;
    for (unsigned i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* Everything from outside goes through here. */
static void escaped(FILE *to, const char *s)
{
    static const struct {
        char c;
        const char *as;
    } special[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (const unsigned char *at = (const unsigned char *)s; *at;) {
        unsigned n = utf8(at);
        const char *as = n == 0 || (n == 1 && (*at < 0x20 || *at == 0x7f)) ? "?" : NULL;
        for (unsigned i = 0; i < sizeof special / sizeof *special; i++)
            as = *at == (unsigned char)special[i].c ? special[i].as : as;
        if (as)
            fputs(as, to);
        else
            fwrite(at, 1, n, to);
        at += n ? n : 1;
    }
}

/* "<tag class>text</tag>"; cls NULL: without. */
CV_PRINTF(4, 5) static void element(FILE *to, const char *tag, const char *cls, const char *fmt, ...)
{
    char text[SAY];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(to, cls ? "<%s class=\"%s\">" : "<%s>", tag, cls);
    escaped(to, text);
    fprintf(to, "</%s>\n", tag);
}

/* ---- summary ----------------------------------------------------------------------------------------------------------------- */
static bool pair_up(const struct exp_pair_result *p)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        if (p->ran[e] && p->run[e].outcome != EXP_UP && p->run[e].outcome != EXP_NOT_MEANT)
            return false;
    return true;
}

static void labelled(FILE *to, const char *label, const char *text)
{
    fputs("<p>", to);
    element(to, "b", NULL, "%s", label);
    escaped(to, text + strspn(text, " "));
    fputs("</p>\n", to);
}

static void summary(FILE *to, const struct exp_result *r, const struct exp_pair_result *p)
{
    char line[SAY];
    fputs("<div class=\"card\">\n", to);
    exp_report_headline(p, line, sizeof line);
    element(to, "p", pair_up(p) ? "ok" : "bad", "%s", line);
    element(to, "p", NULL, "%s of %s (A), %s of %s (B)", p->pair.name[EXP_A], r->c.side[EXP_A].file,
            p->pair.name[EXP_B], r->c.side[EXP_B].file);
    if (p->has_advice)
        labelled(to, "Why:", p->advice.why);
    for (unsigned i = 0; i < p->advice.step_count; i++) {
        exp_report_change(r, p, i, line, sizeof line);
        labelled(to, "Change", line + strlen("Change"));
    }
    if (p->has_advice && p->advice.step_count == 0)
        labelled(to, "Change:", "no change of these configurations is known that would help.");
    for (unsigned i = 0; i < p->advice.other_count; i++)
        element(to, "p", NULL, "Or %s.", p->advice.other[i]);
    for (unsigned i = 0; i < p->notes.count; i++)
        element(to, "p", NULL, "%s: %s.", p->has_advice ? "Also" : "But", p->notes.text[i]);
    fputs("</div>\n", to);
}

static void certificates(FILE *to, const struct exp_result *r)
{
    char text[EXP_PKI_TEXT_MAX];
    if (!exp_report_certificates(r))
        return;
    fputs("<div class=\"card\">\n", to);
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        if (exp_pki_text(r->c.pki, &r->c.side[e], text)[0])
            element(to, "p", NULL, "%s.", text);
    fputs("</div>\n", to);
}

/* ---- sequence diagrams --------------------------------------------------------------------------------------------------------- */
static void row_begin(FILE *to, enum exp_end on)
{
    fputs(on == EXP_A ? "<tr><td class=\"a\">" : "<tr><td class=\"a\"></td><td></td><td class=\"b\">", to);
}

static void row_end(FILE *to, enum exp_end on)
{
    fputs(on == EXP_A ? "</td><td></td><td class=\"b\"></td></tr>\n" : "</td></tr>\n", to);
}

static void decision(FILE *to, const struct exp_decision *d)
{
    row_begin(to, d->on);
    fputs("<div class=\"note\">", to);
    element(to, "span", "who", "%c ", exp_letter(d->on));
    element(to, "b", NULL, "%s: %s%s%s%s", sel_kind_text(d->t.kind), d->t.chosen[0] ? d->t.chosen : "none",
            d->t.rule[0] ? " (" : "", d->t.rule, d->t.rule[0] ? ")" : "");
    element(to, "span", NULL, "%s", d->t.text);
    if (d->t.candidate_count) {
        fputs("<ul>\n", to);
        for (unsigned i = 0; i < d->t.candidate_count; i++)
            element(to, "li", NULL, "%s %s: %s",
                    d->t.candidates[i].matched ? "fits:" : "does not fit:", d->t.candidates[i].name,
                    d->t.candidates[i].why);
        fputs("</ul>", to);
    }
    fputs("</div>", to);
    row_end(to, d->on);
}

static void message(FILE *to, const struct exp_message *m, unsigned n)
{
    fputs("<tr><td class=\"a\"></td><td class=\"msg\"><div class=\"to\">", to);
    fputs(m->from == EXP_B ? "<span class=\"l\" aria-hidden=\"true\">&#9664;</span>" : "", to);
    element(to, "span", "name", "%u. %s", n, m->name);
    fputs(m->from == EXP_A ? "<span class=\"r\" aria-hidden=\"true\">&#9654;</span>" : "", to);
    fputs("</div>", to);
    element(to, "span", "hidden", "%s", m->from == EXP_A ? "from A to B" : "from B to A");
    fputs("<div class=\"pay\">", to);
    for (unsigned i = 0; i < m->payload_count; i++) {
        fputs(i ? ", " : "", to);
        escaped(to, m->payloads[i]);
    }
    fputs("</div>", to);
    if (m->again)
        element(to, "div", "lost", "sent %u times", m->again + 1);
    if (!m->received)
        element(to, "div", "lost", "does not reach %c", exp_letter(exp_other(m->from)));
    fputs("</td><td class=\"b\"></td></tr>\n", to);
}

static void verdict(FILE *to, const struct exp_run *r)
{
    if (r->outcome == EXP_UP) {
        fputs("<tr><td class=\"a\"></td><td class=\"msg\">", to);
        element(to, "div", "ok", "up: %s", r->text);
        fputs("</td><td class=\"b\"></td></tr>\n", to);
        return;
    }
    row_begin(to, r->on);
    fputs("<div class=\"fail\">", to);
    element(to, "span", "who", "%c ", exp_letter(r->on));
    element(to, "b", "bad", "%s%s%s", r->outcome == EXP_NOT_MEANT ? "not run" : ike_reason_name(r->reason),
            r->failed_at[0] ? " at " : "", r->failed_at);
    element(to, "div", NULL, "%s", r->text);
    fputs("</div>", to);
    row_end(to, r->on);
}

static void sequence(FILE *to, const struct exp_pair_result *p, enum exp_end e)
{
    const struct exp_run *r = &p->run[e];
    const struct exp_record *x = r->record;
    unsigned d = 0;
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    element(to, "h2", NULL, "%c initiates: %s", exp_letter(e), exp_outcome_text(r->outcome));
    fputs("<table class=\"seq\"><thead><tr>", to);
    element(to, "th", NULL, "A: %s, %s", r->unit[EXP_A]->name, ip_addr_text(&r->unit[EXP_A]->local, a));
    fputs("<th class=\"mid\">messages</th>", to);
    element(to, "th", NULL, "B: %s, %s", r->unit[EXP_B]->name, ip_addr_text(&r->unit[EXP_B]->local, b));
    fputs("</tr></thead><tbody>\n", to);
    for (unsigned i = 0; i <= x->message_count; i++) {
        for (; d < x->decision_count && x->decisions[d].after <= i; d++)
            decision(to, &x->decisions[d]);
        if (i < x->message_count)
            message(to, &x->messages[i], i + 1);
    }
    verdict(to, r);
    fputs("</tbody></table>\n", to);
}

/* ---- configurations ------------------------------------------------------------------------------------------------------------- */
static bool mentions(const char *text, const char *file, int line)
{
    char want[CFG_TEXT_MAX + 16];
    int n = snprintf(want, sizeof want, "%s:%d", file, line);
    for (const char *at = text; (at = strstr(at, want)); at += n)
        if (!isdigit((unsigned char)at[n]))
            return true;
    return false;
}

static bool marked(const struct exp_result *r, const struct exp_side *s, int line)
{
    for (unsigned i = 0; i < r->pair_count; i++) {
        const struct exp_advice *a = &r->pair[i].advice;
        bool hit = mentions(a->why, s->file, line);
        for (unsigned k = 0; k < a->step_count; k++)
            hit = hit || mentions(a->step[k], s->file, line);
        for (unsigned k = 0; k < a->other_count; k++)
            hit = hit || mentions(a->other[k], s->file, line);
        if (hit)
            return true;
    }
    return false;
}

/* The heads of blocks that have to do with IPsec, without pages of hexadecimal. */
static bool of_matter(const char *line)
{
    if (strncmp(line, "crypto pki cert", 15) == 0 || strncmp(line, "crypto ca cert", 14) == 0)
        return false;
    static const char *const heads[] = {"crypto ",         "no crypto ",      "interface ",
                                        "ip access-list ", "access-list ",    "ipv6 access-list ",
                                        "hostname ",       "vrf definition ", "ip vrf "};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(line, heads[i], strlen(heads[i])) == 0)
            return true;
    return false;
}

static void configuration(FILE *to, const struct exp_result *r, const struct exp_side *s)
{
    char raw[LINE_MAX_SHOWN], shown[LINE_MAX_SHOWN];
    bool in = false;
    element(to, "h3", NULL, "%c: %s", exp_letter(s->end), s->file);
    fputs("<pre>", to);
    for (int n = 1; n <= s->lines; n++) {
        exp_side_line(s, n, raw, sizeof raw);
        int indent = (int)strspn(raw, " \t");
        if (indent == 0 && raw[0] != '!' && raw[0])
            in = of_matter(raw);
        exp_side_shown(s, n, shown, sizeof shown);
        if (!in || !shown[0] || shown[0] == '!')
            continue;
        bool mark = marked(r, s, n);
        fprintf(to, "<span class=\"n\">%d</span>%s%*s", n, mark ? "<mark>" : "", indent, "");
        escaped(to, shown);
        fputs(mark ? "</mark>\n" : "\n", to);
    }
    fputs("</pre>\n", to);
}

static void lint(FILE *to, const struct exp_result *r)
{
    bool any = false;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        for (unsigned i = 0; i < r->c.side[e].findings.count; i++) {
            const struct cfg_finding *f = &r->c.side[e].findings.items[i];
            if (!exp_report_matters(r, f))
                continue;
            if (!any)
                fputs("<h2>Lint</h2>\n<ul class=\"lint\">\n", to);
            any = true;
            element(to, "li", NULL, "%s:%d: %s: [%s] %s%s%s", r->c.side[e].file, f->line,
                    cfg_severity_text(f->severity), f->rule, f->text, f->remedy[0] ? "; " : "", f->remedy);
        }
    if (any)
        fputs("</ul>\n", to);
}

static void skipped(FILE *to, const struct exp_side *s)
{
    if (s->skips.count)
        element(to, "p", NULL, "Skipped in %s: %u lines in %u sections outside of the grammar.", s->file,
                s->skips.lines, s->skips.count);
}

char *exp_report_html(const struct exp_result *r)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    if (!to)
        return NULL;
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'\">\n",
          to);
    element(to, "title", NULL, "culvert explain %s %s", r->c.side[EXP_A].file, r->c.side[EXP_B].file);
    fprintf(to, "<style>%s</style></head><body>\n<main>\n", style);
    element(to, "h1", NULL, "%s (A) and %s (B)", r->c.side[EXP_A].file, r->c.side[EXP_B].file);
    for (unsigned i = 0; i < r->pair_count; i++)
        summary(to, r, &r->pair[i]);
    certificates(to, r);
    for (unsigned i = 0; i < r->pair_count; i++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            if (r->pair[i].ran[e])
                sequence(to, &r->pair[i], e);
    lint(to, r);
    fputs("<h2>Configurations</h2>\n<div class=\"two\">\n", to);
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        fputs("<div>", to);
        configuration(to, r, &r->c.side[e]);
        skipped(to, &r->c.side[e]);
        fputs("</div>\n", to);
    }
    fputs("</div>\n</main></body></html>\n", to);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}
