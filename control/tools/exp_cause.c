#include "control/tools/exp_cause.h"

#include "common/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void exp_cause_why(struct exp_cause *x, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->why, sizeof x->why, fmt, ap);
    va_end(ap);
}

void exp_cause_also(struct exp_cause *x, const char *fmt, ...)
{
    size_t used = strlen(x->why);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->why + used, sizeof x->why - used, fmt, ap);
    va_end(ap);
}

struct exp_fix *exp_cause_fix(struct exp_cause *x, const char *fmt, ...)
{
    va_list ap;
    if (x->count == EXP_FIXES_MAX)
        return NULL;
    struct exp_fix *f = &x->fix[x->count++];
    va_start(ap, fmt);
    vsnprintf(f->say, sizeof f->say, fmt, ap);
    va_end(ap);
    return f;
}

void exp_fix_edit(struct exp_fix *f, enum exp_end on, enum exp_edit_kind kind, int line, const char *fmt, ...)
{
    va_list ap;
    if (!f || f->count == EXP_EDITS_MAX)
        return;
    struct exp_edit *e = &f->edit[f->count++];
    e->on = on;
    e->kind = kind;
    e->line = line;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
}

void exp_fix_enrol(struct exp_fix *f, enum exp_end on, const char *name)
{
    if (!f || f->enrol_count == EXP_ENROLS_MAX)
        return;
    f->enrol[f->enrol_count].on = on;
    snprintf(f->enrol[f->enrol_count++].name, sizeof f->enrol[0].name, "%s", name);
}

void exp_fix_authenticate(struct exp_fix *f, enum exp_end on, const char *name)
{
    exp_fix_enrol(f, on, name);
    if (f && f->enrol_count)
        f->enrol[f->enrol_count - 1].authenticate = true;
}

void exp_fix_set(struct exp_fix *f, const struct exp_side *s, int block, const char *words, const char *text)
{
    int line = f ? exp_side_find(s, block, words) : 0;
    exp_fix_edit(f, s->end, line ? EXP_REPLACE : EXP_INSERT, line ? line : block, "%s", text);
}

/* ---- words ---------------------------------------------------------------------------------------------------------------- */
enum { RING = 16 };

static char *ring(void)
{
    static _Thread_local char text[RING][CFG_TEXT_MAX + 32];
    static _Thread_local unsigned next;
    return text[next++ % RING];
}

const char *exp_at(const struct exp_cause *x, enum exp_end on, int line)
{
    char *out = ring();
    if (line > 0)
        snprintf(out, CFG_TEXT_MAX + 32, "%s:%d", x->c->side[on].file,
                 exp_side_origin(&x->c->side[on], line));
    else
        snprintf(out, CFG_TEXT_MAX + 32, "%s", x->c->side[on].file);
    return out;
}

const char *exp_shown(const struct exp_cause *x, enum exp_end on, int line)
{
    return exp_side_shown(&x->c->side[on], line, ring(), CFG_TEXT_MAX);
}

const char *exp_addr(const struct ip_addr *a)
{
    return a->family == IP_NONE ? "any address" : ip_addr_text(a, ring());
}

/* ---- which cause ------------------------------------------------------------------------------------------------------------ */
static void generic(struct exp_cause *x)
{
    exp_cause_why(x, "%c says at %s: %s", exp_letter(x->run->on), x->run->failed_at, x->run->text);
}

static void by_reason(struct exp_cause *x)
{
    bool v1 = x->run->unit[x->run->on]->version == CFG_IKEV1;
    switch (x->run->reason) {
    case IKE_REASON_NO_PSK:
    case IKE_REASON_BAD_PSK:
    case IKE_REASON_KEYRING_MISMATCH:
        v1 ? exp_cause_keys1(x) : exp_cause_keys2(x);
        break;
    case IKE_REASON_CERT_UNTRUSTED:
    case IKE_REASON_CERT_EXPIRED:
    case IKE_REASON_CERT_NOT_YET:
    case IKE_REASON_CERT_FORBIDDEN:
    case IKE_REASON_CERT_MALFORMED:
    case IKE_REASON_CERT_BUILD_FAILED:
    case IKE_REASON_NO_CERTIFICATE:
    case IKE_REASON_AUTH_FAILED:
        exp_cause_certificate(x);
        break;
    case IKE_REASON_NO_PROFILE:
    case IKE_REASON_ID_MISMATCH:
        if (exp_run_binds_identity(x->run))
            exp_cause_certificate(x);
        else
            v1 ? exp_cause_profile(x) : exp_cause_identity(x);
        break;
    case IKE_REASON_PROFILE_MISMATCH:
        exp_cause_profile(x);
        break;
    case IKE_REASON_NO_PROPOSAL:
    case IKE_REASON_INVALID_KE:
        exp_cause_proposal(x);
        break;
    case IKE_REASON_TS_UNACCEPTABLE:
        exp_cause_selectors(x);
        break;
    case IKE_REASON_TIMEOUT:
        exp_cause_silence(x);
        break;
    default:
        break;
    }
}

struct exp_cause *exp_cause_new(const struct exp_case *c, const struct exp_pair *pair,
                                const struct exp_run *run)
{
    struct exp_cause *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->c = c;
    x->pair = pair;
    x->run = run;
    if (!exp_pair_mirrors(run->unit[EXP_A], run->unit[EXP_B]))
        exp_cause_addresses(x);
    else if (run->unit[EXP_A]->version != run->unit[EXP_B]->version)
        exp_cause_version(x);
    else if (!exp_cause_source_vrf(x))
        by_reason(x);
    if (!x->why[0])
        generic(x);
    return x;
}

void exp_cause_free(struct exp_cause *x)
{
    if (x)
        secret_wipe(x, sizeof *x);
    free(x);
}
