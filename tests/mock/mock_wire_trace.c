/* What was sent, decided and logged. */
#include "control/codec/pld1.h"
#include "control/crypto/cr_cipher.h"
#include "tests/mock/mock_wire_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line that does not fit is left out whole. */
static void append(char *buf, size_t *len, size_t cap, const char *fmt, va_list args)
{
    int n = vsnprintf(buf + *len, cap - *len, fmt, args);
    if (n > 0 && (size_t)n < cap - *len)
        *len += (size_t)n;
    else
        buf[*len] = '\0';
}

static void CV_PRINTF(2, 3) trace(struct wire *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append(w->trace, &w->trace_len, sizeof w->trace, fmt, args);
    va_end(args);
}

void wire_trace_last(const struct wire *w)
{
    if (w->trace_len == 0)
        return;
    const char *end = w->trace + w->trace_len - 1, *line = end;
    while (line > w->trace && line[-1] != '\n')
        line--;
    fprintf(stderr, "%8llu   %.*s\n", (unsigned long long)w->now, (int)(end - line), line);
}

/* ---- IKEv2: decoded with the sender's keys --------------------------------------------------------------------- */
static void trace_payloads(struct wire *w, const struct pld_message *m)
{
    unsigned notify = 0, deletion = 0;
    for (unsigned i = 0; i < m->payload_count; i++) {
        uint8_t type = m->order[i];
        if (type == PLD_SK || type == PLD_SKF)
            continue;
        if (type == PLD_NOTIFY && notify < m->notify_count)
            trace(w, " N(%s)", pld_notify_name(m->notifies[notify++].type));
        else if (type == PLD_DELETE && deletion < m->delete_count) {
            const struct pld_delete *d = &m->deletes[deletion++];
            if (d->proto == PLD_PROTO_IKE)
                trace(w, " D(IKE)");
            else
                trace(w, " D(%s:%u)", d->proto == PLD_PROTO_AH ? "AH" : "ESP", d->count);
        } else
            trace(w, " %s", pld_type_name(type));
    }
}

static void trace_v2(struct wire_side *s, const uint8_t *data, size_t len)
{
    struct wire *w = s->wire;
    struct pld_message *m = calloc(1, sizeof *m);
    uint8_t *copy = malloc(len);
    const char *err;
    struct slice plain;
    if (!m || !copy)
        wire_die("memory");
    memcpy(copy, data, len);
    if (pld_header(copy, len, &m->header, &err) != CV_OK || pld_outer(copy, len, m, &err) != CV_OK) {
        trace(w, "%c malformed: %s\n", "AB"[s->which], err);
        goto out;
    }
    trace(w, "%c %s %s %u:", "AB"[s->which], pld_exchange_name(m->header.exchange),
          m -> header.flags &PLD_FLAG_RESPONSE ? "resp" : "req", m->header.message_id);
    if (m->frag_total) {
        trace(w, " fragment %u/%u\n", m->frag_number, m->frag_total);
        goto out;
    }
    if (m->present & PLD_BIT(PLD_SK)) {
        bool own_is_i = m->header.flags & PLD_FLAG_INITIATOR;
        struct ike_sa *sa = ike_sa_by_spi(s->ike, own_is_i ? m->header.spi_i : m->header.spi_r);
        for (struct ike_sa *dead = s->ike->dead; !sa && dead; dead = dead->next_dead)
            if (memcmp(dead->spi_i, m->header.spi_i, 8) == 0)
                sa = dead;
        if (!sa || cr_sk_open(own_is_i ? &sa->keys.i : &sa->keys.r, copy, len, m->sk_body, &plain) != CV_OK ||
            pld_inner(plain, m->sk_next, m, &err) != CV_OK) {
            trace(w, " (sealed)\n");
            w->undecoded++;
            goto out;
        }
    }
    trace_payloads(w, m);
    trace(w, "\n");
out:
    free(copy);
    free(m);
}

/* ---- IKEv1: as the engine notes it ------------------------------------------------------------------------------ */
static bool is_vendor(const char *payload)
{
    return strncmp(payload, "VID", 3) == 0;
}

void wire_env_message(void *ctx, const struct ike_note *n)
{
    struct wire_side *s = ctx;
    struct wire *w = s->wire;
    if (n->version != 1 || !n->out)
        return;
    trace(w, "%c %s%s:", "AB"[s->which], n -> name, n -> again ? " (again)" : "");
    for (unsigned i = 0; i < n->payload_count; i++) {
        if (strncmp(n->payloads[i], "CERT", 4) == 0) /* whose they are, the dialogues see elsewhere */
            trace(w, " %.*s", (int)strcspn(n->payloads[i], "("), n->payloads[i]);
        else if (!is_vendor(n->payloads[i]))
            trace(w, " %s", n->payloads[i]);
        else if (i == 0 || !is_vendor(n->payloads[i - 1]))
            trace(w, " VID");
    }
    trace(w, "\n");
    if (getenv("WIRE_VERBOSE"))
        wire_trace_last(w);
}

/* What goes out in the clear must be well-formed by our own rules; the note has said what it is. */
static void check_v1(struct wire_side *s, const uint8_t *data, size_t len)
{
    struct pld1_message *m = calloc(1, sizeof *m);
    const char *err;
    if (!m)
        wire_die("memory");
    if (pld1_header(data, len, &m->header, &err) != CV_OK)
        trace(s->wire, "%c malformed: %s\n", "AB"[s->which], err);
    else if (!(m->header.flags & PLD1_FLAG_ENCRYPTION) && pld1_outer(data, len, m, &err) != CV_OK)
        trace(s->wire, "%c malformed: %s\n", "AB"[s->which], err);
    free(m);
}

void wire_trace_message(struct wire_side *s, const uint8_t *data, size_t len)
{
    if (len > 17 && data[17] >> 4 == 1) {
        check_v1(s, data, len);
        return;
    }
    trace_v2(s, data, len);
    if (getenv("WIRE_VERBOSE"))
        wire_trace_last(s->wire);
}

/* ---- decisions and events --------------------------------------------------------------------------------------- */
void wire_env_event(void *ctx, const struct ike_event *ev)
{
    struct wire_side *s = ctx;
    struct wire *w = s->wire;
    size_t *len = &w->events_len[s->which];
    int n = snprintf(w->events[s->which] + *len, WIRE_TRACE - *len, "%s: %s\n", ev->facility, ev->text);
    if (n > 0 && (size_t)n < WIRE_TRACE - *len)
        *len += (size_t)n;
    else
        w->events[s->which][*len] = '\0';
    if (getenv("WIRE_VERBOSE"))
        fprintf(stderr, "%8llu %c %s: %s\n", (unsigned long long)w->now, "AB"[s->which], ev -> facility,
                ev -> text);
}

void wire_env_decision(void *ctx, uint32_t conn_id, const char *at, const struct sel_trace *t)
{
    struct wire_side *s = ctx;
    struct wire *w = s->wire;
    struct wire_decision *d = &w->decisions[w->decided++ % WIRE_DECISIONS];
    (void)conn_id;
    d->end = s->which;
    snprintf(d->at, sizeof d->at, "%s", at);
    d->trace = *t;
    if (getenv("WIRE_VERBOSE"))
        fprintf(stderr, "%8llu %c %s %s %s -> '%s': %s\n", (unsigned long long)w->now, "AB"[s->which], at,
                sel_kind_text(t->kind), t -> rule ? t -> rule : "-", t->chosen, t->text);
}

bool wire_event(const struct wire *w, enum wire_end end, const char *fragment)
{
    return strstr(w->events[end], fragment) != NULL;
}

static bool says(const char *wanted, const char *is)
{
    return !wanted || strcmp(wanted, is ? is : "") == 0;
}

unsigned wire_decisions(const struct wire *w, enum wire_end end, const char *at, const char *kind,
                        const char *rule, const char *chosen)
{
    unsigned n = 0;
    for (unsigned i = 0; i < WIRE_DECISIONS && i < w->decided; i++) {
        const struct wire_decision *d = &w->decisions[i];
        n += d->end == end && says(at, d->at) && says(kind, sel_kind_text(d->trace.kind)) &&
             says(rule, d->trace.rule) && says(chosen, d->trace.chosen);
    }
    return n;
}

bool wire_decided(const struct wire *w, enum wire_end end, const char *at, const char *kind, const char *rule,
                  const char *chosen)
{
    if (wire_decisions(w, end, at, kind, rule, chosen))
        return true;
    fprintf(stderr, "not decided by %c: %s %s %s -> '%s'; but:\n", "AB"[end], at ? at : "*",
            kind ? kind : "*", rule ? rule : "*", chosen ? chosen : "*");
    for (unsigned i = 0; i < WIRE_DECISIONS && i < w->decided; i++) {
        const struct wire_decision *d = &w->decisions[i];
        if (d->end == end)
            fprintf(stderr, "  %s %s %s -> '%s': %s\n", d->at, sel_kind_text(d->trace.kind),
                    d->trace.rule ? d->trace.rule : "-", d->trace.chosen, d->trace.text);
    }
    return false;
}

void wire_record_clear(struct wire *w)
{
    wire_trace_clear(w);
    w->decided = 0;
    for (enum wire_end end = A; end <= B; end++) {
        w->events_len[end] = 0;
        w->events[end][0] = '\0';
    }
}

/* ---- asking the trace ---------------------------------------------------------------------------------------------- */
bool wire_saw(const struct wire *w, const char *text)
{
    return strstr(w->trace, text) != NULL;
}

unsigned wire_count(const struct wire *w, const char *text)
{
    unsigned n = 0;
    for (const char *at = w->trace; (at = strstr(at, text)) != NULL; at += strlen(text))
        n++;
    return n;
}

void wire_trace_clear(struct wire *w)
{
    w->trace_len = 0;
    w->trace[0] = '\0';
}

bool wire_dialogue(const struct wire *w, const char *expected)
{
    if (strcmp(w->trace, expected) == 0)
        return true;
    fprintf(stderr, "--- expected\n%s--- seen\n%s---\n", expected, w->trace);
    return false;
}
