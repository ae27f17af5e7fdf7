#include "control/tools/exp_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MAX = 100000 };

/* One more element at the end of a list; NULL when there is no room. */
static void *more(struct exp_recorder *w, void *list, unsigned *count, unsigned *cap, size_t size)
{
    void **p = list;
    if (*count == *cap) {
        unsigned n = *cap ? *cap * 2 : 16;
        void *bigger = n <= RECORDS_MAX ? realloc(*p, n * size) : NULL;
        if (!bigger) {
            w->r->out_of_memory = true;
            return NULL;
        }
        *p = bigger;
        *cap = n;
    }
    char *at = (char *)*p + (size_t)(*count)++ * size;
    memset(at, 0, size);
    return at;
}

/* ---- messages ------------------------------------------------------------------------------------------------------- */
static unsigned known(const struct exp_record *r, enum exp_end from, const struct ike_note *n)
{
    for (unsigned i = r->message_count; i > 0; i--) {
        const struct exp_message *m = &r->messages[i - 1];
        if (m->from == from && m->message_id == n->message_id && strcmp(m->name, n->name) == 0 &&
            m->conn_id == n->conn_id)
            return i;
    }
    return 0;
}

void exp_recorder_message(struct exp_recorder *w, enum exp_end on, uint64_t now_ms, const struct ike_note *n)
{
    struct exp_record *r = w->r;
    unsigned place = n->out && n->again ? known(r, on, n) : 0;
    if (!n->out)
        return; /* that of its sender says the same */
    w->last_sent[on] = place;
    if (place) {
        r->messages[place - 1].again++;
        return;
    }
    struct exp_message *m = more(w, &r->messages, &r->message_count, &w->message_cap, sizeof *m);
    if (!m)
        return;
    w->last_sent[on] = r->message_count;
    snprintf(m->name, sizeof m->name, "%s", n->name);
    m->from = on;
    m->at_ms = now_ms;
    m->conn_id = n->conn_id;
    m->message_id = n->message_id;
    m->payloads = calloc(n->payload_count ? n->payload_count : 1, sizeof *m->payloads);
    if (!m->payloads) {
        r->out_of_memory = true;
        return;
    }
    for (; m->payload_count < n->payload_count; m->payload_count++)
        snprintf(m->payloads[m->payload_count], sizeof *m->payloads, "%s", n->payloads[m->payload_count]);
}

void exp_recorder_delivered(struct exp_recorder *w, enum exp_end to, unsigned place)
{
    if (place == 0 || place > w->r->message_count)
        return;
    struct exp_message *m = &w->r->messages[place - 1];
    m->received = true;
    memcpy(w->handling[to], m->name, sizeof m->name);
}

/* ---- decisions and events ---------------------------------------------------------------------------------------------- */
static bool same(const struct exp_decision *d, enum exp_end on, const char *at, const struct sel_trace *t)
{
    return d->on == on && d->t.kind == t->kind && strcmp(d->at, at) == 0 &&
           strcmp(d->t.rule, t->rule ? t->rule : "") == 0 && strcmp(d->t.chosen, t->chosen) == 0 &&
           strcmp(d->t.text, t->text) == 0;
}

void exp_recorder_decision(struct exp_recorder *w, enum exp_end on, const char *at, const struct sel_trace *t)
{
    struct exp_record *r = w->r;
    for (unsigned i = r->decision_count; i > 0 && r->decisions[i - 1].after == r->message_count; i--)
        if (same(&r->decisions[i - 1], on, at, t))
            return;
    struct exp_decision *d = more(w, &r->decisions, &r->decision_count, &w->decision_cap, sizeof *d);
    if (!d)
        return;
    d->on = on;
    d->after = r->message_count;
    snprintf(d->at, sizeof d->at, "%s", at);
    d->t = *t;
    if (!d->t.rule)
        d->t.rule = "";
}

/* "child SA refused with TS_UNACCEPTABLE: ...": what is said of a child that belongs to no tunnel. */
static enum ike_reason reason_of_refusal(const char *text, const char **rest)
{
    static const char start[] = "child SA refused with ";
    if (strncmp(text, start, sizeof start - 1) != 0)
        return IKE_REASON_NONE;
    const char *colon = strchr(text, ':');
    *rest = colon ? colon + 1 + strspn(colon + 1, " ") : "";
    if (strncmp(text + sizeof start - 1, "TS_UN", 5) == 0 || strstr(*rest, "no protected tunnel") == *rest)
        return IKE_REASON_TS_UNACCEPTABLE;
    return strncmp(text + sizeof start - 1, "NO", 2) == 0 ? IKE_REASON_NO_PROPOSAL : IKE_REASON_CHILD_FAILED;
}

/* The reason code at the start of text, or behind one "NAME: "; *rest is what follows it. */
static enum ike_reason reason_in(const char *text, const char **rest)
{
    for (unsigned i = IKE_REASON_NONE + 1; i < IKE_REASON_COUNT; i++) {
        const char *name = ike_reason_name((enum ike_reason)i);
        size_t n = strlen(name);
        if (strncmp(text, name, n) == 0 && text[n] == ':') {
            *rest = text + n + 1;
            *rest += strspn(*rest, " ");
            return (enum ike_reason)i;
        }
    }
    return IKE_REASON_NONE;
}

static void complaint(struct exp_recorder *w, enum exp_end on, const struct ike_event *e)
{
    struct exp_record *r = w->r;
    const char *rest, *colon = strstr(e->text, ": ");
    size_t owner = 0;
    enum ike_reason why = reason_in(e->text, &rest);
    if (why == IKE_REASON_NONE && colon && (owner = (size_t)(colon - e->text)) < CV_NAME_MAX)
        why = reason_in(colon + 2, &rest);
    if (why == IKE_REASON_NONE && (why = reason_of_refusal(e->text, &rest)) != IKE_REASON_NONE)
        owner = 0;
    if (why == IKE_REASON_NONE)
        return;
    struct exp_error *x = more(w, &r->errors, &r->error_count, &w->error_cap, sizeof *x);
    if (!x)
        return;
    x->on = on;
    x->reason = why;
    x->after = r->message_count;
    snprintf(x->interface, sizeof x->interface, "%.*s", (int)owner, e->text);
    snprintf(x->text, sizeof x->text, "%s", rest);
    snprintf(x->at, sizeof x->at, "%s", w->handling[on]);
}

void exp_recorder_event(struct exp_recorder *w, enum exp_end on, uint64_t now_ms, const struct ike_event *e)
{
    struct exp_record *r = w->r;
    complaint(w, on, e);
    struct exp_event *x = more(w, &r->events, &r->event_count, &w->event_cap, sizeof *x);
    if (!x)
        return;
    x->on = on;
    x->after = r->message_count;
    x->at_ms = now_ms;
    x->level = e->level;
    snprintf(x->facility, sizeof x->facility, "%s", e->facility);
    snprintf(x->text, sizeof x->text, "%s", e->text);
}

void exp_record_free(struct exp_record *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->message_count; i++)
        free(r->messages[i].payloads);
    free(r->messages);
    free(r->decisions);
    free(r->errors);
    free(r->events);
    free(r);
}
