/* The report as text: what an engineer pastes into a ticket. */
#include "control/tools/exp_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 108, LINT_MAX = 12, SKIPS_MAX = 6, TEXT_MAX = 2 * EXP_SAY_MAX };

/* ---- shared ---------------------------------------------------------------------------------------------------------------- */
void exp_report_headline(const struct exp_pair_result *p, char *out, size_t n)
{
    size_t used = 0;
    out[0] = '\0';
    for (enum exp_end e = EXP_A; e <= EXP_B && used < n; e++) {
        const struct exp_run *r = &p->run[e];
        if (!p->ran[e])
            continue;
        int m = snprintf(out + used, n - used, "%s%c initiates: ", used ? " " : "", exp_letter(e));
        used += m > 0 ? (size_t)m : 0;
        if (r->outcome == EXP_UP)
            m = snprintf(out + used, n - used, "up.");
        else if (r->outcome == EXP_NOT_MEANT)
            m = snprintf(out + used, n - used, "not meant to (%s).", r->record->refused);
        else
            m = snprintf(out + used, n - used, "fails at %s on %c: %s%s%s%s.", r->failed_at,
                         exp_letter(r->on), ike_reason_name(r->reason), r->rule[0] ? " (" : "", r->rule,
                         r->rule[0] ? ")" : "");
        used += m > 0 ? (size_t)m : 0;
    }
}

void exp_report_change(const struct exp_result *r, const struct exp_pair_result *p, unsigned step, char *out,
                       size_t n)
{
    const struct exp_advice *a = &p->advice;
    char last[120] = "";
    if (a->solved && step + 1 == a->step_count)
        snprintf(last, sizeof last, "; tried: %s the tunnel comes up%s",
                 a->step_count > 1 ? "with all of these" : "with it",
                 r->options.ends[EXP_A] && r->options.ends[EXP_B] ? " from both ends" : "");
    else if (!a->solved && step + 1 == a->step_count)
        snprintf(last, sizeof last, "; %s",
                 a->tried ? "tried: this alone does not bring it up" : "this was not tried");
    snprintf(out, n, "Change%s%s%s.", strncmp(a->step[step], "on ", 3) == 0 ? " " : ": ", a->step[step],
             last);
}

bool exp_report_matters(const struct exp_result *r, const struct cfg_finding *f)
{
    bool algorithms = false;
    for (unsigned i = 0; i < r->pair_count; i++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            algorithms =
                algorithms || (r->pair[i].ran[e] && r->pair[i].run[e].reason == IKE_REASON_NO_PROPOSAL);
    if (f->severity == CFG_INFO)
        return false;
    return f->severity == CFG_ERROR || algorithms || strcmp(f->rule, "LN-12") != 0;
}

bool exp_report_certificates(const struct exp_result *r)
{
    for (unsigned i = 0; i < r->pair_count; i++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            for (enum exp_end on = EXP_A; on <= EXP_B; on++)
                if (r->pair[i].ran[e] && (r->pair[i].run[e].reason == IKE_REASON_NO_CERTIFICATE ||
                                          exp_run_decision(&r->pair[i].run[e], on, SEL_TRUSTPOINT, false)))
                    return true;
    return false;
}

/* ---- the first lines ---------------------------------------------------------------------------------------------------------- */
static void what_is_agreed(FILE *to, const struct exp_pair_result *p)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        const struct exp_record *x = p->ran[e] ? p->run[e].record : NULL;
        if (!x || p->run[e].outcome != EXP_UP)
            continue;
        fprintf(to, "Why: %s%s of A and %s%s of B fit; %s.\n",
                x->profile[EXP_A][0] ? "profile " : "the global settings", x->profile[EXP_A],
                x->profile[EXP_B][0] ? "profile " : "the global settings", x->profile[EXP_B], p->run[e].text);
        fprintf(to, "Change: nothing has to be changed%s.\n",
                p->notes.count ? " for IKE, but see the next line" : "");
        return;
    }
}

static void notes(FILE *to, const struct exp_pair_result *p)
{
    for (unsigned i = 0; i < p->notes.count; i++)
        fprintf(to, "%s: %s.\n", p->has_advice ? "Also" : "But", p->notes.text[i]);
}

static void summary(FILE *to, const struct exp_result *r, const struct exp_pair_result *p)
{
    char line[TEXT_MAX];
    if (r->pair_count > 1)
        fprintf(to, "%s of A, %s of B: ", p->pair.name[EXP_A], p->pair.name[EXP_B]);
    exp_report_headline(p, line, sizeof line);
    fprintf(to, "%s\n", line);
    if (!p->has_advice) {
        what_is_agreed(to, p);
        notes(to, p);
        return;
    }
    fprintf(to, "Why: %s\n", p->advice.why);
    if (p->advice.step_count == 0)
        fprintf(to, "Change: no change of these configurations is known that would help.\n");
    for (unsigned i = 0; i < p->advice.step_count; i++) {
        exp_report_change(r, p, i, line, sizeof line);
        fprintf(to, "%s\n", line);
    }
    for (unsigned i = 0; i < p->advice.other_count; i++)
        fprintf(to, "Or %s.\n", p->advice.other[i]);
    notes(to, p);
}

/* ---- ladders ------------------------------------------------------------------------------------------------------------------- */
/* Words separated by blanks, broken at the width, further lines indented. */
static void wrapped(FILE *to, const char *text, unsigned indent)
{
    unsigned column = indent;
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, " ");
        if (column > indent && column + 1 + n > WIDTH) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
        }
        column += (unsigned)fprintf(to, "%s%.*s", column > indent ? " " : "", (int)n, at);
        at += n;
        at += strspn(at, " ");
    }
    fputc('\n', to);
}

static void message(FILE *to, const struct exp_message *m)
{
    enum { INDENT = 12 };
    char text[IKE_NOTE_PAYLOADS_MAX * EXP_PAYLOAD_MAX];
    size_t used = (size_t)snprintf(text, sizeof text, "%s:", m->name);
    for (unsigned i = 0; i < m->payload_count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s", m->payloads[i]);
    if (m->again && used < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, " -- sent %u times", m->again + 1);
    if (!m->received && used < sizeof text)
        snprintf(text + used, sizeof text - used, " -- does not reach %c", exp_letter(exp_other(m->from)));
    fprintf(to, "  %s  ", m->from == EXP_A ? "A ---> B" : "A <--- B");
    wrapped(to, text, INDENT);
}

static void decision(FILE *to, const struct exp_decision *d)
{
    enum { INDENT = 16 };
    char text[CFG_NAME_MAX + 3 * SEL_TEXT_MAX];
    const char *side = d->on == EXP_A ? "  A     " : "       B";
    snprintf(text, sizeof text, "%s: %s%s%s%s%s%s", sel_kind_text(d->t.kind),
             d->t.chosen[0] ? d->t.chosen : "none", d->t.rule[0] ? " (" : "", d->t.rule,
             d->t.rule[0] ? ")" : "", d->t.text[0] ? ": " : "", d->t.text);
    fprintf(to, "%s    . ", side);
    wrapped(to, text, INDENT - 2);
    for (unsigned i = 0; i < d->t.candidate_count; i++) {
        snprintf(text, sizeof text, "%s %s: %s", d->t.candidates[i].matched ? "+" : "-",
                 d->t.candidates[i].name, d->t.candidates[i].why);
        fprintf(to, "%s      ", side);
        wrapped(to, text, INDENT + 2);
    }
}

/* The engines' log lines up to there. */
static unsigned debug_lines(FILE *to, const struct exp_record *x, unsigned from, unsigned after)
{
    for (; from < x->event_count && x->events[from].after <= after; from++) {
        fprintf(to, "%s    > ", x->events[from].on == EXP_A ? "  A     " : "       B");
        wrapped(to, x->events[from].text, 14);
    }
    return from;
}

static void ladder(FILE *to, const struct exp_result *res, const struct exp_pair_result *p, enum exp_end e)
{
    const struct exp_run *r = &p->run[e];
    const struct exp_record *x = r->record;
    unsigned d = 0, line = 0;
    fprintf(to, "\n%c initiates (%s of A, %s of B): %s", exp_letter(e), r->unit[EXP_A]->name,
            r->unit[EXP_B]->name, exp_outcome_text(r->outcome));
    if (r->outcome == EXP_UP)
        fprintf(to, " after %u messages and %.2f s\n", x->message_count, (double)x->took_ms / 1000.0);
    else
        fprintf(to, "\n");
    for (unsigned i = 0; i <= x->message_count; i++) {
        for (; d < x->decision_count && x->decisions[d].after <= i; d++)
            decision(to, &x->decisions[d]);
        if (res->options.debug)
            line = debug_lines(to, x, line, i);
        if (i < x->message_count)
            message(to, &x->messages[i]);
    }
    if (r->outcome == EXP_UP) {
        fprintf(to, "  A <==> B  %s\n", r->text);
        return;
    }
    fprintf(to, "%s    ", r->on == EXP_A ? "  A   X " : "      X B");
    char text[2 * EXP_LINE_MAX];
    snprintf(text, sizeof text, "%s%s%s: %s",
             r->outcome == EXP_NOT_MEANT ? "not run" : ike_reason_name(r->reason),
             r->failed_at[0] ? " at " : "", r->failed_at, r->text);
    wrapped(to, text, 12);
}

/* ---- lint ---------------------------------------------------------------------------------------------------------------------- */
static void lint(FILE *to, const struct exp_result *r)
{
    bool any = false;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        const struct exp_side *s = &r->c.side[e];
        unsigned shown = 0, left = 0;
        for (unsigned i = 0; i < s->findings.count; i++) {
            const struct cfg_finding *f = &s->findings.items[i];
            if (!exp_report_matters(r, f))
                continue;
            if (shown++ >= LINT_MAX) {
                left++;
                continue;
            }
            if (!any)
                fprintf(to, "\nLint:\n");
            any = true;
            fprintf(to, "  %s:%d: %s: [%s] %s%s%s\n", s->file, f->line, cfg_severity_text(f->severity),
                    f->rule, f->text, f->remedy[0] ? "; " : "", f->remedy);
        }
        if (left)
            fprintf(to, "  %s: %u more: culvert check %s\n", s->file, left, s->file);
    }
}

static void others(FILE *to, const struct exp_result *r)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        const struct exp_side *s = &r->c.side[e];
        if (r->left_out[e])
            fprintf(to,
                    "\n%c has %u more protected tunnel%s or crypto map entries that go elsewhere: not run.\n",
                    exp_letter(e), r->left_out[e], r->left_out[e] == 1 ? "" : "s");
        if (s->skips.count == 0)
            continue;
        fprintf(to, "\nSkipped in %s: %u lines in %u sections outside of the grammar:\n", s->file,
                s->skips.lines, s->skips.count);
        for (unsigned i = 0; i < s->skips.count && i < SKIPS_MAX; i++)
            fprintf(to, "  %s:%d: %s%s\n", s->file, s->skips.items[i].line, s->skips.items[i].text,
                    s->skips.items[i].lines > 1 ? " ..." : "");
        if (s->skips.count > SKIPS_MAX)
            fprintf(to, "  and %u more\n", s->skips.count - SKIPS_MAX);
    }
}

/* Where certificates had a part: what is known of them. */
static void certificates(FILE *to, const struct exp_result *r)
{
    char text[EXP_PKI_TEXT_MAX];
    for (enum exp_end e = EXP_A; e <= EXP_B && exp_report_certificates(r); e++)
        if (exp_pki_text(r->c.pki, &r->c.side[e], text)[0])
            fprintf(to, "%s.\n", text);
}

char *exp_report_text(const struct exp_result *r)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    if (!to)
        return NULL;
    for (unsigned i = 0; i < r->pair_count; i++)
        summary(to, r, &r->pair[i]);
    certificates(to, r);
    for (unsigned i = 0; i < r->pair_count; i++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            if (r->pair[i].ran[e])
                ladder(to, r, &r->pair[i], e);
    lint(to, r);
    others(to, r);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}
