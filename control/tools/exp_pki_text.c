/* What is said of the certificates of both ends: what was taken from the files, what was assumed, and what is wrong with them. */
#include "control/tools/exp_pki.h"

#include "control/config/cfg_findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct words {
    char *out;
    size_t used;
};

static void say(struct words *w, const char *fmt, ...) CV_PRINTF(2, 3);
static void say(struct words *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = w->used < EXP_PKI_TEXT_MAX ? vsnprintf(w->out + w->used, EXP_PKI_TEXT_MAX - w->used, fmt, ap) : 0;
    va_end(ap);
    w->used += n > 0 ? (size_t)n : 0;
}

/* ---- the line --------------------------------------------------------------------------------------------------------- */
/* Has a certificate of a CA: a self-signed one takes no part in any order. */
static bool of_a_ca(const struct exp_point *p)
{
    return p->own && p->ca >= 0;
}

static unsigned enrolled(const struct exp_pki *x, enum exp_end e)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->count[e]; i++)
        n += of_a_ca(&x->point[e][i]);
    return n;
}

static bool any(const struct exp_pki *x, enum exp_end e, enum exp_point_origin o)
{
    for (unsigned i = 0; i < x->count[e]; i++)
        if (x->point[e][i].origin == o)
            return true;
    return false;
}

static void names_of(struct words *w, const struct exp_pki *x, enum exp_end e, enum exp_point_origin o)
{
    const char *comma = "";
    for (unsigned i = 0; i < x->count[e]; i++)
        if (x->point[e][i].origin == o) {
            say(w, "%s%s", comma, x->point[e][i].name);
            comma = ", ";
        }
}

static void say_order(struct words *w, const struct exp_pki *x, enum exp_end e, const struct exp_side *side)
{
    const unsigned n = enrolled(x, e);
    unsigned k = 0;
    for (unsigned i = 0; i < x->count[e]; i++)
        if (of_a_ca(&x->point[e][i])) {
            k++;
            say(w, "%s%s%s",
                k == 1   ? ""
                : k == n ? ", last "
                         : ", then ",
                x->point[e][i].name, k == 1 && n > 1 ? " enrolled first" : "");
        }
    if (n == 0)
        say(w, "none");
    if (n < 2)
        return;
    if (x->given[e]) {
        say(w, " (--enrolled)");
    } else if (any(x, e, EXP_POINT_FILE)) {
        say(w, " (by their dates in %s)", side->file);
    } else {
        say(w,
            " (assumed: the order of the configuration; another with --enrolled %c:", e == EXP_A ? 'a' : 'b');
        for (unsigned i = x->count[e]; i > 0; i--)
            if (of_a_ca(&x->point[e][i - 1]))
                say(w, "%s%s", k-- == n ? "" : ",", x->point[e][i - 1].name);
        say(w, ")");
    }
}

const char *exp_pki_text(const struct exp_pki *x, const struct exp_side *side, char out[EXP_PKI_TEXT_MAX])
{
    const enum exp_end e = side->end;
    struct words w = {.out = out};
    out[0] = '\0';
    if (x->count[e] == 0)
        return out;
    say(&w, "Certificates of %c: ", exp_letter(e));
    say_order(&w, x, e, side);
    if (any(x, e, EXP_POINT_FILE))
        say(&w, "; those of %s are copied under other keys, for a configuration has no private ones",
            side->file);
    if (any(x, e, EXP_POINT_MADE)) {
        say(&w, "; made up, for %s has no certificates", side->file);
        if (any(x, e, EXP_POINT_FILE)) {
            say(&w, " of ");
            names_of(&w, x, e, EXP_POINT_MADE);
        }
    }
    if (any(x, e, EXP_POINT_NAMED)) {
        say(&w, "; made up, for %s names but does not define it: ", side->file);
        names_of(&w, x, e, EXP_POINT_NAMED);
    }
    if (any(x, e, EXP_POINT_GIVEN)) {
        say(&w, "; made up, for %s defines no trust-point: ", side->file);
        names_of(&w, x, e, EXP_POINT_GIVEN);
    }
    if (any(x, e, EXP_POINT_OTHER)) {
        say(&w, "; assumed, for %s defines no trust-point and %c goes by it: ", side->file,
            exp_letter(exp_other(e)));
        names_of(&w, x, e, EXP_POINT_OTHER);
    }
    if (any(x, e, EXP_POINT_BARE)) {
        say(&w, "; not enrolled, for %s has certificates of others, but none of: ", side->file);
        names_of(&w, x, e, EXP_POINT_BARE);
    }
    return out;
}

/* ---- findings ---------------------------------------------------------------------------------------------------------- */
static const char *date(int64_t s, char out[32])
{
    time_t t = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(out, 32, "an unknown date");
    return out;
}

static cv_result unused(struct exp_side *s, const struct cfg_certificate *k, const char *why)
{
    return cfg_findings_add(&s->findings, k->line, 1, "certificate", CFG_WARNING, "",
                            "the %scertificate %s of trust-point %s is not used: %s",
                            k->kind == CFG_CERT_CA ? "CA " : "", k->serial, k->trustpoint, why);
}

static cv_result dated(const struct exp_pki *x, struct exp_side *s, const struct cfg_certificate *k,
                       const struct pki_cert *c)
{
    const bool ca = k->kind == CFG_CERT_CA, over = pki_cert_not_after(c) < x->now_s;
    char text[32], remedy[CFG_NAME_MAX + 40];
    if (!over && pki_cert_not_before(c) <= x->now_s)
        return CV_OK;
    snprintf(remedy, sizeof remedy, "as in: crypto pki %s %s", ca ? "authenticate" : "enroll", k->trustpoint);
    return cfg_findings_add(&s->findings, k->line, 1, "expiry", CFG_WARNING, over ? remedy : "",
                            "the %scertificate %s of trust-point %s %s %s", ca ? "CA " : "", k->serial,
                            k->trustpoint, over ? "expired on" : "is not valid before",
                            date(over ? pki_cert_not_after(c) : pki_cert_not_before(c), text));
}

static cv_result certificate(const struct exp_pki *x, struct exp_side *s, const struct exp_point *p,
                             const struct cfg_certificate *k, const struct pki_cert *real)
{
    const char *why = "";
    struct pki_cert *c = NULL;
    if (!k || k->n == 0)
        return CV_OK; /* in a file of the router: what is simulated has nothing wrong */
    if (!real) {
        if (pki_cert_parse((struct slice){k->der, k->n}, &c, &why) == CV_OK)
            pki_cert_free(c);
        return unused(s, k, why);
    }
    if (k == p->from_own && !p->own)
        return unused(s, k, "its key is too short, or of a kind that is not served");
    return dated(x, s, k, real);
}

cv_result exp_pki_findings(const struct exp_pki *x, struct exp_side *side)
{
    for (unsigned i = 0; i < x->count[side->end]; i++) {
        const struct exp_point *p = &x->point[side->end][i];
        CV_TRY(certificate(x, side, p, p->from_ca, p->real_ca));
        CV_TRY(certificate(x, side, p, p->from_own, p->real_own));
    }
    cfg_findings_sort(&side->findings);
    return CV_OK;
}
