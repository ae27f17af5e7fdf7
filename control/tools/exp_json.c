/* The report as JSON: interfaces.md's keys, then more. */
#include "control/tools/exp_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text of a file may hold octets that are no UTF-8, which JSON cannot carry. */
static json_t *string_of(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    char clean[2048];
    snprintf(clean, sizeof clean, "%s", s);
    for (char *at = clean; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    return json_string(clean);
}

static json_t *end_of(enum exp_end e)
{
    return json_string(e == EXP_A ? "a" : "b");
}

static json_t *text_or_null(const char *s)
{
    return s[0] ? string_of(s) : json_null();
}

static json_t *messages_of(const struct exp_record *x)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < x->message_count; i++) {
        const struct exp_message *m = &x->messages[i];
        json_t *payloads = json_array();
        for (unsigned k = 0; k < m->payload_count; k++)
            json_array_append_new(payloads, string_of(m->payloads[k]));
        json_array_append_new(a, json_pack("{s:i, s:o, s:o, s:o, s:I, s:i, s:b}", "n", (int)i + 1, "name",
                                           string_of(m->name), "from", end_of(m->from), "payloads", payloads,
                                           "at_ms", (json_int_t)m->at_ms, "sent", (int)m->again + 1,
                                           "received", m->received));
    }
    return a;
}

static json_t *decisions_of(const struct exp_record *x)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < x->decision_count; i++) {
        const struct exp_decision *d = &x->decisions[i];
        json_t *candidates = json_array();
        for (unsigned k = 0; k < d->t.candidate_count; k++)
            json_array_append_new(candidates,
                                  json_pack("{s:o, s:b, s:o}", "name", string_of(d->t.candidates[k].name),
                                            "matched", d->t.candidates[k].matched, "why",
                                            string_of(d->t.candidates[k].why)));
        json_array_append_new(a, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:i}", "on", end_of(d->on),
                                           "at", string_of(d->at), "kind", sel_kind_text(d->t.kind), "chosen",
                                           text_or_null(d->t.chosen), "rule", string_of(d->t.rule),
                                           "candidates", candidates, "text", string_of(d->t.text),
                                           "after_message", (int)d->after));
    }
    return a;
}

static json_t *events_of(const struct exp_record *x)
{
    static const char *const level[] = {"error", "warning", "info", "debug"};
    json_t *a = json_array();
    for (unsigned i = 0; i < x->event_count; i++) {
        const struct exp_event *e = &x->events[i];
        json_array_append_new(a, json_pack("{s:o, s:I, s:i, s:s, s:o, s:o}", "on", end_of(e->on), "at_ms",
                                           (json_int_t)e->at_ms, "after_message", (int)e->after, "level",
                                           level[e->level & 3], "facility", string_of(e->facility), "text",
                                           string_of(e->text)));
    }
    return a;
}

static json_t *run_of(const struct exp_result *res, const struct exp_pair_result *p, enum exp_end e)
{
    const struct exp_run *x = &p->run[e];
    bool up = x->outcome == EXP_UP;
    json_t *j = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}}", "initiator",
                          end_of(e), "outcome", exp_outcome_text(x->outcome), "reason",
                          up ? json_null() : string_of(ike_reason_name(x->reason)), "rule",
                          text_or_null(x->rule), "failed_at", text_or_null(x->failed_at), "on",
                          up ? json_null() : end_of(x->on), "text", string_of(x->text), "messages",
                          messages_of(x->record), "decisions", decisions_of(x->record), "tunnels", "a",
                          string_of(p->pair.name[EXP_A]), "b", string_of(p->pair.name[EXP_B]));
    json_t *change = json_array(), *or_else = json_array();
    if (!up && p->has_advice) {
        for (unsigned i = 0; i < p->advice.step_count; i++)
            json_array_append_new(change, string_of(p->advice.step[i]));
        for (unsigned i = 0; i < p->advice.other_count; i++)
            json_array_append_new(or_else, string_of(p->advice.other[i]));
        json_object_set_new(j, "why", string_of(p->advice.why));
    } else {
        json_object_set_new(j, "why", json_null());
    }
    json_object_set_new(j, "change", change);
    json_object_set_new(j, "change_tried", json_boolean(!up && p->has_advice && p->advice.solved));
    json_object_set_new(j, "or_change", or_else);
    json_t *notes = json_array();
    for (unsigned i = 0; i < p->notes.count; i++)
        json_array_append_new(notes, string_of(p->notes.text[i]));
    json_object_set_new(j, "notes", notes);
    if (res->options.debug)
        json_object_set_new(j, "events", events_of(x->record));
    return j;
}

static json_t *lint_of(const struct exp_result *r)
{
    json_t *a = json_array();
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        for (unsigned i = 0; i < r->c.side[e].findings.count; i++) {
            const struct cfg_finding *f = &r->c.side[e].findings.items[i];
            json_array_append_new(a, json_pack("{s:o, s:o, s:i, s:s, s:s, s:o, s:o}", "on", end_of(e), "file",
                                               string_of(r->c.side[e].file), "line", f->line, "rule", f->rule,
                                               "severity", cfg_severity_text(f->severity), "text",
                                               string_of(f->text), "remedy", string_of(f->remedy)));
        }
    return a;
}

static json_t *skipped_of(const struct exp_side *s)
{
    json_t *sections = json_array();
    for (unsigned i = 0; i < s->skips.count; i++)
        json_array_append_new(sections, json_pack("{s:i, s:o, s:i}", "line", s->skips.items[i].line, "text",
                                                  string_of(s->skips.items[i].text), "lines",
                                                  (int)s->skips.items[i].lines));
    return json_pack("{s:i, s:o}", "lines", (int)s->skips.lines, "sections", sections);
}

static json_t *not_run_of(const struct exp_result *r)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < r->pair_count; i++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
            const struct exp_pair_result *p = &r->pair[i];
            if (p->ran[e] && p->run[e].outcome == EXP_NOT_MEANT)
                json_array_append_new(a, json_pack("{s:o, s:o, s:o}", "initiator", end_of(e), "tunnel",
                                                   string_of(p->pair.name[e]), "text",
                                                   string_of(p->run[e].text)));
        }
    return a;
}

static const char *origin_text(enum exp_point_origin o)
{
    static const char *const text[] = {[EXP_POINT_FILE] = "file",         [EXP_POINT_MADE] = "simulated",
                                       [EXP_POINT_BARE] = "not-enrolled", [EXP_POINT_NAMED] = "not-defined",
                                       [EXP_POINT_GIVEN] = "given",       [EXP_POINT_OTHER] = "as-other-end"};
    return text[o];
}

static json_t *certificates_of(const struct exp_result *r, enum exp_end e)
{
    const struct exp_pki *x = r->c.pki;
    char text[EXP_PKI_TEXT_MAX];
    json_t *a = json_array();
    for (unsigned i = 0; i < x->count[e]; i++) {
        const struct exp_point *p = &x->point[e][i];
        json_array_append_new(a, json_pack("{s:o, s:s, s:o, s:o, s:b}", "name", string_of(p->name), "origin",
                                           origin_text(p->origin), "ca", text_or_null(exp_ca_text(x, p->ca)),
                                           "subject",
                                           p->own ? string_of(pki_cert_subject_text(p->own)) : json_null(),
                                           "usable", exp_point_usable(x, p)));
    }
    return json_pack("{s:o, s:o}", "text", text_or_null(exp_pki_text(x, &r->c.side[e], text)), "enrolled", a);
}

char *exp_report_json(const struct exp_result *r)
{
    json_t *runs = json_array();
    for (unsigned i = 0; i < r->pair_count; i++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            if (r->pair[i].ran[e] && r->pair[i].run[e].outcome != EXP_NOT_MEANT)
                json_array_append_new(runs, run_of(r, &r->pair[i], e));
    json_t *j = json_pack("{s:o, s:b, s:o, s:{s:o, s:o}, s:o, s:{s:o, s:o}, s:{s:i, s:i}}", "runs", runs,
                          "asymmetric", r->asymmetric, "lint", lint_of(r), "files", "a",
                          string_of(r->c.side[EXP_A].file), "b", string_of(r->c.side[EXP_B].file), "not_run",
                          not_run_of(r), "skipped", "a", skipped_of(&r->c.side[EXP_A]), "b",
                          skipped_of(&r->c.side[EXP_B]), "left_out", "a", (int)r->left_out[EXP_A], "b",
                          (int)r->left_out[EXP_B]);
    if (j)
        json_object_set_new(
            j, "certificates",
            json_pack("{s:o, s:o}", "a", certificates_of(r, EXP_A), "b", certificates_of(r, EXP_B)));
    char *text = j ? json_dumps(j, JSON_INDENT(2)) : NULL;
    json_decref(j);
    char *line = NULL;
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    return line;
}
