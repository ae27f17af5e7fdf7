/* Causes that are certificates: which one an end signs with, which ones the other takes, and what is wrong with them. */
#include "control/select/sel_v1.h"
#include "control/tools/exp_cause.h"

#include <stdio.h>
#include <string.h>

/* ---- a profile of either version -------------------------------------------------------------------------------------- */
struct profile {
    const struct cfg_isakmp_profile *v1;
    const struct cfg_ikev2_profile *v2;
    const char *name; /* "" none */
    int line;
};

static struct profile profile_of_name(const struct cfg *c, const char *name)
{
    struct profile p = {.v1 = cfg_find_isakmp_profile(c, name), .v2 = cfg_find_profile(c, name), .name = ""};
    if (p.v1 || p.v2) {
        p.name = p.v2 ? p.v2->name : p.v1->name;
        p.line = p.v2 ? p.v2->line : p.v1->line;
    }
    return p;
}

/* The one that the end goes by in this run: as responder the one it chose, else the tunnel's. */
static struct profile profile_of(const struct exp_cause *x, enum exp_end e)
{
    const struct cfg *c = x->c->side[e].cfg;
    const struct exp_unit *u = x->run->unit[e];
    const bool v2 = u->version == CFG_IKEV2;
    const struct exp_decision *d = exp_run_decision(x->run, e, SEL_PROFILE, false);
    const char *name = e != x->run->initiator && d ? d->t.chosen : "";
    if (!name[0] && v2) {
        const struct cfg_ikev2_profile *p = sel_ikev2_profile_for_tunnel(c, u->first, NULL);
        name = p ? p->name : "";
    } else if (!name[0]) {
        const struct cfg_isakmp_profile *p = sel_v1_profile_for_tunnel(c, u->first, NULL, NULL);
        name = p ? p->name : "";
    }
    struct profile p = profile_of_name(c, name);
    p.v1 = v2 ? NULL : p.v1;
    p.v2 = v2 ? p.v2 : NULL;
    p.name = p.v1 || p.v2 ? p.name : "";
    p.line = p.v1 ? p.v1->line : p.v2 ? p.v2->line : 0;
    return p;
}

static unsigned named_count(const struct profile *p)
{
    return p->v1 ? p->v1->trustpoint_count : p->v2 ? p->v2->trustpoint_count : 0;
}

static const char *named(const struct profile *p, unsigned i)
{
    return p->v1 ? p->v1->trustpoints[i] : p->v2->trustpoints[i].name;
}

static bool named_to(const struct profile *p, unsigned i, bool sign)
{
    return p->v1 || (sign ? p->v2->trustpoints[i].sign : p->v2->trustpoints[i].verify);
}

static const char *words(const struct profile *p)
{
    return p->v2 ? "pki trustpoint" : "ca trust-point";
}

static int line_of(const struct exp_cause *x, enum exp_end e, const struct profile *p, unsigned i)
{
    char text[CFG_NAME_MAX + 24];
    if (p->v2)
        return p->v2->trustpoints[i].line;
    snprintf(text, sizeof text, "%s %s", words(p), named(p, i));
    int line = exp_side_find(&x->c->side[e], p->line, text);
    return line ? line : p->v1->trustpoint_line;
}

/* Whether the profile lets the trust-point sign, or lets certificates of its CA pass. */
static bool allows(const struct profile *p, const char *name, bool sign)
{
    bool any = false;
    for (unsigned i = 0; i < named_count(p); i++)
        if (named_to(p, i, sign)) {
            any = true;
            if (strcmp(named(p, i), name) == 0)
                return true;
        }
    return !any;
}

/* Certificates of that CA are taken by the end under the profile. */
static bool takes(const struct exp_cause *x, enum exp_end e, const struct profile *p, int ca)
{
    const struct exp_pki *k = x->c->pki;
    for (unsigned i = 0; i < k->count[e]; i++)
        if (ca >= 0 && k->point[e][i].ca == ca && allows(p, k->point[e][i].name, false))
            return true;
    return false;
}

static const char *list_of(const struct exp_cause *x, enum exp_end e, const struct profile *p, bool sign,
                           char out[CFG_TEXT_MAX])
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < named_count(p) && used < CFG_TEXT_MAX; i++)
        if (named_to(p, i, sign))
            used += (size_t)snprintf(out + used, CFG_TEXT_MAX - used, "%s%s", used ? ", " : "", named(p, i));
    for (unsigned i = 0; i < x->c->pki->count[e] && !named_count(p) && used < CFG_TEXT_MAX; i++)
        if (x->c->pki->point[e][i].ca >= 0)
            used += (size_t)snprintf(out + used, CFG_TEXT_MAX - used, "%s%s", used ? ", " : "",
                                     x->c->pki->point[e][i].name);
    return out;
}

/* ---- changes ------------------------------------------------------------------------------------------------------------- */
static bool assumed(const struct exp_point *p)
{
    return p->origin == EXP_POINT_OTHER || p->origin == EXP_POINT_GIVEN;
}

static void name_it(struct exp_cause *x, enum exp_end e, const struct profile *p, const struct exp_point *t,
                    const char *because)
{
    struct exp_fix *f = exp_cause_fix(
        x, "on %c (%s): add \"%s %s\" to profile %s%s%s", exp_letter(e), exp_at(x, e, p->line), words(p),
        t->name, p->name, because, assumed(t) ? "; the trust-point has to be defined and enrolled, too" : "");
    exp_fix_edit(f, e, EXP_INSERT, p->line, " %s %s", words(p), t->name);
}

/* Of all that the profile names, only this one to sign with. */
static void only_it(struct exp_cause *x, enum exp_end e, const struct profile *p, const struct exp_point *t,
                    const char *because)
{
    struct exp_fix *f = NULL, *verify = NULL;
    for (unsigned i = 0; i < named_count(p); i++) {
        const char *name = named(p, i);
        int line = line_of(x, e, p, i);
        if (strcmp(name, t->name) == 0 || !named_to(p, i, true))
            continue;
        if (!f)
            f = exp_cause_fix(x, "on %c (%s): remove \"%s\" from profile %s%s", exp_letter(e),
                              exp_at(x, e, line), exp_shown(x, e, line), p->name, because);
        exp_fix_edit(f, e, EXP_DELETE, line, " ");
    }
    for (unsigned i = 0; p->v2 && i < named_count(p); i++) {
        int line = line_of(x, e, p, i);
        if (strcmp(named(p, i), t->name) == 0 || !named_to(p, i, true) || !named_to(p, i, false))
            continue;
        if (!verify)
            verify =
                exp_cause_fix(x, "on %c (%s): \"%s %s verify\" in profile %s, so that only %s signs (V2-7)",
                              exp_letter(e), exp_at(x, e, line), words(p), named(p, i), p->name, t->name);
        exp_fix_edit(verify, e, EXP_REPLACE, line, " %s %s verify", words(p), named(p, i));
    }
}

static void enrol_again(struct exp_cause *x, enum exp_end e, const struct exp_point *t, const char *because)
{
    struct exp_fix *f = exp_cause_fix(x, "on %c: crypto pki enroll %s%s", exp_letter(e), t->name, because);
    exp_fix_enrol(f, e, t->name);
}

static void name_none(struct exp_cause *x, enum exp_end e, const struct profile *p)
{
    struct exp_fix *f = NULL;
    for (unsigned i = 0; i < named_count(p); i++) {
        int line = line_of(x, e, p, i);
        if (!f)
            f = exp_cause_fix(x,
                              "on %c (%s): remove \"%s\" from profile %s, which then takes certificates of "
                              "every CA of %c (%s)",
                              exp_letter(e), exp_at(x, e, line), exp_shown(x, e, line), p->name,
                              exp_letter(e), p->v2 ? "V2-6" : "CT-9");
        exp_fix_edit(f, e, EXP_DELETE, line, " ");
    }
}

/* The end gets a trust-point of that CA: defined as the other one defines it, with the names of the end's own. */
static void join(struct exp_cause *x, enum exp_end e, const struct profile *p, const struct exp_point *there,
                 const char *because)
{
    const struct exp_pki *k = x->c->pki;
    const struct exp_point *like = k->count[e] ? &k->point[e][k->count[e] - 1] : NULL;
    const char *name = exp_pki_point(k, e, there->name) ? "NEW-CA" : there->name;
    char lines[EXP_EDIT_TEXT];
    if (!there->t || !there->t->url[0])
        return;
    struct exp_fix *f =
        exp_cause_fix(x, "on %c (%s): a trust-point %s with \"enrollment url %s\", enrolled%s", exp_letter(e),
                      exp_at(x, e, 0), name, there->t->url, because);
    size_t n = (size_t)snprintf(lines, sizeof lines, "crypto pki trustpoint %s\n enrollment url %.300s", name,
                                there->t->url);
    if (like && like->t && like->t->fqdn[0] && n < sizeof lines)
        n += (size_t)snprintf(lines + n, sizeof lines - n, "\n fqdn %.80s", like->t->fqdn);
    if (like && like->t && like->t->ip_address[0] && n < sizeof lines)
        n += (size_t)snprintf(lines + n, sizeof lines - n, "\n ip-address %s", like->t->ip_address);
    if (like && like->t && like->t->subject_name[0] && n < sizeof lines)
        snprintf(lines + n, sizeof lines - n, "\n subject-name %.120s", like->t->subject_name);
    exp_fix_edit(f, e, EXP_INSERT, 0, "%s", lines);
    if (p->line && (named_count(p) || p->v2))
        exp_fix_edit(f, e, EXP_INSERT, p->line, " %s %s", words(p), name);
    exp_fix_enrol(f, e, name);
}

/* ---- cert-untrusted: CT-10, V2-8 ------------------------------------------------------------------------------------------ */
/* What the end chose to sign with, and by which rule. */
static const struct exp_decision *signing(const struct exp_cause *x, enum exp_end e)
{
    static const char *const rules[] = {"CT-5", "CT-6", "V2-3", "G17", "G16"};
    for (unsigned i = x->run->record->decision_count; i > 0; i--) {
        const struct exp_decision *d = &x->run->record->decisions[i - 1];
        for (unsigned k = 0; k < sizeof rules / sizeof *rules; k++)
            if (d->on == e && d->t.kind == SEL_TRUSTPOINT && d->t.chosen[0] &&
                strcmp(d->t.rule, rules[k]) == 0)
                return d;
    }
    return NULL;
}

const struct exp_point *exp_cause_signer(const struct exp_cause *x, enum exp_end e)
{
    const struct exp_decision *d = signing(x, e);
    return d ? exp_pki_point(x->c->pki, e, d->t.chosen) : NULL;
}

static void say_untrusted(struct exp_cause *x, const struct exp_point *t, const struct profile *p)
{
    const enum exp_end on = x->run->on, other = exp_other(on);
    const struct exp_pki *k = x->c->pki;
    const struct exp_decision *d = signing(x, other);
    char list[CFG_TEXT_MAX];
    exp_cause_why(x, "%c signs with its certificate of %s (%s)", exp_letter(other), t->name,
                  exp_ca_text(k, t->ca));
    if (strcmp(d->t.rule, "G16") == 0)
        exp_cause_also(x, ", for it has none of a CA that %c asks for", exp_letter(on));
    else if (on != x->run->initiator && k->count[on] > 1)
        exp_cause_also(x,
                       ", for %c, which does not know the profile yet, asks for all its CAs and for that one "
                       "first: its certificate is the one that %c enrolled last (%s, CT-8)",
                       exp_letter(on), exp_letter(on), p->v2 ? "V2-9" : "CT-3");
    else
        exp_cause_also(x, ", for %c asks for that CA", exp_letter(on));
    if (named_count(p))
        exp_cause_also(x, ". But profile %s of %c (%s) takes only certificates of %s.", p->name,
                       exp_letter(on), exp_at(x, on, line_of(x, on, p, 0)), list_of(x, on, p, false, list));
    else
        exp_cause_also(x, ". But %c knows only the CAs of %s.", exp_letter(on),
                       list_of(x, on, p, false, list));
}

/* Two CAs of one name: one of the ends has the certificate of the CA before it was set up anew, or of another one. */
static void namesake(struct exp_cause *x, const struct exp_point *t)
{
    const enum exp_end on = x->run->on, other = exp_other(on);
    const struct exp_pki *k = x->c->pki;
    for (unsigned i = 0; i < k->count[on]; i++) {
        const struct exp_point *o = &k->point[on][i];
        if (t->ca < 0 || o->ca < 0 || o->ca == t->ca ||
            strcmp(exp_ca_text(k, o->ca), exp_ca_text(k, t->ca)) != 0)
            continue;
        exp_cause_also(x, " The two CAs have one name, but they are two: their keys differ (%s, %s).",
                       exp_at(x, on, o->from_ca ? o->from_ca->line : 0),
                       exp_at(x, other, t->from_ca ? t->from_ca->line : 0));
        struct exp_fix *f = exp_cause_fix(x,
                                          "on %c: crypto pki authenticate %s and crypto pki enroll %s: "
                                          "certificates of the CA as %c knows it",
                                          exp_letter(other), t->name, t->name, exp_letter(on));
        exp_fix_authenticate(f, other, t->name);
        f = exp_cause_fix(x,
                          "on %c: crypto pki authenticate %s and crypto pki enroll %s: certificates of the "
                          "CA as %c knows it",
                          exp_letter(on), o->name, o->name, exp_letter(other));
        exp_fix_authenticate(f, on, o->name);
        return;
    }
}

/* The end has a trust-point for that CA by its name, but was never enrolled there. */
static void not_authenticated(struct exp_cause *x, const struct exp_point *t)
{
    const enum exp_end on = x->run->on;
    const struct exp_point *o = exp_pki_point(x->c->pki, on, t->name);
    if (!o || o->origin != EXP_POINT_BARE)
        return;
    exp_cause_also(x, " Trust-point %s of %c (%s) has no certificates in its file.", o->name, exp_letter(on),
                   exp_at(x, on, o->t->line));
    struct exp_fix *f = exp_cause_fix(x, "on %c: crypto pki authenticate %s and crypto pki enroll %s",
                                      exp_letter(on), o->name, o->name);
    exp_fix_authenticate(f, on, o->name);
}

static void untrusted(struct exp_cause *x)
{
    const enum exp_end on = x->run->on, other = exp_other(on);
    const struct exp_pki *k = x->c->pki;
    const struct exp_point *t = exp_cause_signer(x, other), *common = NULL;
    const struct profile p = profile_of(x, on), q = profile_of(x, other);
    char because[CFG_TEXT_MAX];
    if (!t)
        return;
    say_untrusted(x, t, &p);
    namesake(x, t);
    not_authenticated(x, t);
    for (unsigned i = 0; i < k->count[other]; i++) { /* what the signer could sign with instead */
        const struct exp_point *o = &k->point[other][i];
        if (o == t || !exp_point_usable(k, o) || !takes(x, on, &p, o->ca))
            continue;
        common = o;
        snprintf(because, sizeof because, ": it then signs with %s, which %c takes (%s)", o->name,
                 exp_letter(on), "LN-8");
        if (q.line && !named_count(&q))
            name_it(x, other, &q, o, because);
        else if (q.line)
            only_it(x, other, &q, o, because);
    }
    const struct exp_point *same = exp_pki_with_ca(k, on, t->ca, false);
    if (same && named_count(&p)) {
        snprintf(because, sizeof because, ": %c then takes the certificate that %c signs with (LN-8)",
                 exp_letter(on), exp_letter(other));
        name_it(x, on, &p, same, because);
    }
    const struct exp_point *mine = common ? exp_pki_with_ca(k, on, common->ca, true) : NULL;
    if (mine)
        enrol_again(x, on, mine, ", once more: what was enrolled last is asked for first (CT-8)");
    if (same)
        name_none(x, on, &p);
    if (same && common)
        return;
    for (unsigned i = 0; i < k->count[on] && !common; i++)
        if (allows(&p, k->point[on][i].name, false))
            join(x, other, &q, &k->point[on][i], ": a certificate of a CA that the other end takes");
    if (!same)
        join(x, on, &p, t, ": a trust-point of the CA that has issued the other end's certificate");
}

/* ---- no certificate to sign with: V2-5, G16 -------------------------------------------------------------------------------- */
static void say_unusable(struct exp_cause *x, enum exp_end e, const struct exp_point *t)
{
    const struct exp_pki *k = x->c->pki;
    char at[CFG_TEXT_MAX + 40];
    snprintf(at, sizeof at, "%s", exp_at(x, e, t->from_own ? t->from_own->line : t->t ? t->t->line : 0));
    if (t->own && pki_cert_not_after(t->own) < k->now_s)
        exp_cause_also(x, " Its certificate of %s (%s) has expired.", t->name, at);
    else if (t->own && pki_cert_not_before(t->own) > k->now_s)
        exp_cause_also(x, " Its certificate of %s (%s) is not valid yet.", t->name, at);
    else if (t->own)
        exp_cause_also(x, " The key of %s (%s) is of another kind than the authentication method wants: %s.",
                       t->name, at, cr_key_kind_text(cr_key_kind(t->key)));
    else
        exp_cause_also(x, " Trust-point %s (%s) is not enrolled.", t->name, at);
}

/* Neither end has any: one CA for both, wherever it is. */
static void join_both(struct exp_cause *x)
{
    struct profile p[2] = {profile_of(x, EXP_A), profile_of(x, EXP_B)};
    if (!p[EXP_A].line || !p[EXP_B].line || x->c->pki->count[EXP_A] || x->c->pki->count[EXP_B])
        return;
    struct exp_fix *f = exp_cause_fix(
        x,
        "on both: \"crypto pki trustpoint NAME\" with the \"enrollment url\" of a CA, enrolled, "
        "and \"%s NAME\" in profile %s of A (%s) and profile %s of B (%s)",
        words(&p[EXP_A]), p[EXP_A].name, exp_at(x, EXP_A, p[EXP_A].line), p[EXP_B].name,
        exp_at(x, EXP_B, p[EXP_B].line));
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        exp_fix_edit(f, e, EXP_INSERT, p[e].line, " %s NAME", words(&p[e]));
        exp_fix_edit(f, e, EXP_INSERT, 0,
                     "crypto pki trustpoint NAME\n enrollment url http://ca.example.com\n ip-address %s\n "
                     "subject-name cn=%c",
                     exp_addr(exp_local(x, e)), exp_letter(e));
    }
}

static void nothing_to_sign_with(struct exp_cause *x)
{
    const enum exp_end on = x->run->on;
    const struct exp_pki *k = x->c->pki;
    const struct profile p = profile_of(x, on), q = profile_of(x, exp_other(on));
    const bool mandatory = p.v2 && on == x->run->initiator;
    bool signers = false;
    for (unsigned i = 0; i < named_count(&p); i++)
        signers = signers || named_to(&p, i, true);
    if (mandatory && !signers)
        exp_cause_why(x,
                      "%c's profile %s (%s) authenticates by certificate, but names no trust-point, which an "
                      "initiator must (V2-5): %c gives up before IKE_AUTH.",
                      exp_letter(on), p.name, exp_at(x, on, p.line), exp_letter(on));
    else
        exp_cause_why(x, "%c has no certificate to sign with%s%s.", exp_letter(on),
                      p.name[0] ? " under profile " : "", p.name);
    if (k->count[on] == 0)
        exp_cause_also(x, " It has no trust-point at all.");
    join_both(x);
    for (unsigned pass = 0; pass < 2; pass++) /* those that the other end takes first */
        for (unsigned i = 0; i < k->count[on]; i++) {
            const struct exp_point *t = &k->point[on][i];
            if (takes(x, exp_other(on), &q, t->ca) != (pass == 0) || (signers && allows(&p, t->name, true)))
                continue;
            if (p.line && (mandatory || signers) && exp_point_usable(k, t))
                name_it(x, on, &p, t, "");
        }
    for (unsigned i = 0; i < k->count[on]; i++) {
        const struct exp_point *t = &k->point[on][i];
        if (!allows(&p, t->name, true) || (mandatory && !signers))
            continue;
        if (!exp_point_usable(k, t)) {
            say_unusable(x, on, t);
            enrol_again(x, on, t, "");
        } else if (signers) {
            say_unusable(x, on, t);
        }
    }
    for (unsigned i = 0; i < k->count[exp_other(on)] && k->count[on] == 0; i++)
        if (allows(&q, k->point[exp_other(on)][i].name, false))
            join(x, on, &p, &k->point[exp_other(on)][i], "");
}

/* ---- the certificate is not that of the identity: RFC 4945 3.1 ---------------------------------------------------------------- */
static void set_name(struct exp_cause *x, enum exp_end e, const struct exp_point *t, const char *option,
                     const char *value)
{
    char text[CFG_TEXT_MAX + 24];
    if (!t->t)
        return;
    struct exp_fix *f =
        exp_cause_fix(x, "on %c (%s): \"%s %s\" in trust-point %s, and crypto pki enroll %s", exp_letter(e),
                      exp_at(x, e, t->t->line), option, value, t->name, t->name);
    snprintf(text, sizeof text, " %s %s", option, value);
    exp_fix_set(f, &x->c->side[e], t->t->line, option, text);
    exp_fix_enrol(f, e, t->name);
}

/* The end says who it is by a name of its certificate, and the other one expects that. */
static void change_identity(struct exp_cause *x, enum exp_end e, const struct exp_point *t)
{
    const struct profile p = profile_of(x, e), q = profile_of(x, exp_other(e));
    const char *kind, *name = NULL;
    for (unsigned i = 0; (name = pki_cert_alt_name(t->own, i, &kind)) && strcmp(kind, "dns") != 0; i++)
        ;
    if (!name || !p.v2 || !q.v2)
        return;
    struct exp_fix *f =
        exp_cause_fix(x,
                      "on %c (%s): \"identity local fqdn %.150s\" in profile %s, as the certificate "
                      "says, and on %c (%s) \"match identity remote fqdn %.150s\"",
                      exp_letter(e), exp_at(x, e, p.line), name, p.name, exp_letter(exp_other(e)),
                      exp_at(x, exp_other(e), q.line), name);
    char text[CFG_TEXT_MAX + 32];
    snprintf(text, sizeof text, " identity local fqdn %.150s", name);
    exp_fix_set(f, &x->c->side[e], p.line, "identity local", text);
    exp_fix_edit(f, exp_other(e), EXP_INSERT, q.line, " match identity remote fqdn %.150s", name);
}

static void other_identity(struct exp_cause *x)
{
    const enum exp_end on = x->run->on, other = exp_other(on);
    const struct exp_point *t = exp_cause_signer(x, other);
    static const char host[] = "the host name ";
    const char *text = x->run->text, *end = strstr(text, " is not among");
    char name[CFG_TEXT_MAX] = "";
    if (!t || !t->own)
        return;
    exp_cause_why(x,
                  "%c signs with its certificate of %s, %s, which is not that of the identity it gives: %s "
                  "(RFC 4945 3.1).",
                  exp_letter(other), t->name, pki_cert_subject_text(t->own), text);
    if (strncmp(text, host, sizeof host - 1) == 0 && end) {
        snprintf(name, sizeof name, "%.*s", (int)(end - text - (long)sizeof host + 1),
                 text + sizeof host - 1);
        set_name(x, other, t, "fqdn", name);
    } else if (strstr(text, "the address ") == text) {
        set_name(x, other, t, "ip-address", exp_addr(exp_local(x, other)));
    }
    change_identity(x, other, t);
}

/* ---- methods that differ: IKEv2 ------------------------------------------------------------------------------------------------- */
static const char *method_word(unsigned bits)
{
    return bits & CFG_AUTH_PSK ? "pre-share" : bits & CFG_AUTH_RSA_SIG ? "rsa-sig" : "ecdsa-sig";
}

static int method_line(const struct exp_cause *x, enum exp_end e, const struct profile *p, const char *which)
{
    char text[40];
    snprintf(text, sizeof text, "authentication %s", which);
    int line = exp_side_find(&x->c->side[e], p->line, text);
    return line ? line : p->line;
}

/* What the method needs beside its line. */
static void with_means(struct exp_cause *x, struct exp_fix *f, enum exp_end e, const struct profile *p,
                       unsigned bits)
{
    const struct cfg *c = x->c->side[e].cfg;
    const struct exp_pki *k = x->c->pki;
    if (bits & CFG_AUTH_PSK) {
        if (!p->v2->keyring[0] && c->keyring_count)
            exp_fix_edit(f, e, EXP_INSERT, p->line, " keyring local %s", c->keyrings[0].name);
    } else if (!p->v2->trustpoint_count && k->count[e]) {
        exp_fix_edit(f, e, EXP_INSERT, p->line, " pki trustpoint %s", k->point[e][k->count[e] - 1].name);
    }
}

static void set_method(struct exp_cause *x, enum exp_end e, const struct profile *p, const char *which,
                       unsigned bits)
{
    char words_[40], text[80];
    snprintf(words_, sizeof words_, "authentication %s", which);
    snprintf(text, sizeof text, " %s %s", words_, method_word(bits));
    struct exp_fix *f = exp_cause_fix(x, "on %c (%s): \"%s\" in profile %s", exp_letter(e),
                                      exp_at(x, e, method_line(x, e, p, which)), text + 1, p->name);
    exp_fix_set(f, &x->c->side[e], p->line, words_, text);
    if (f)
        with_means(x, f, e, p, bits);
}

/* Both methods of the end become those that the other one has. */
static void set_both(struct exp_cause *x, enum exp_end e, const struct profile *p, const struct profile *like)
{
    char local[64], remote[64];
    struct exp_fix *f = exp_cause_fix(
        x, "on %c (%s): \"authentication local %s\" and \"authentication remote %s\" in profile %s",
        exp_letter(e), exp_at(x, e, method_line(x, e, p, "local")), method_word(like->v2->auth_remote),
        method_word(like->v2->auth_local), p->name);
    snprintf(local, sizeof local, " authentication local %s", method_word(like->v2->auth_remote));
    snprintf(remote, sizeof remote, " authentication remote %s", method_word(like->v2->auth_local));
    exp_fix_set(f, &x->c->side[e], p->line, "authentication local", local);
    exp_fix_set(f, &x->c->side[e], p->line, "authentication remote", remote);
    if (f)
        with_means(x, f, e, p, like->v2->auth_remote);
}

static void methods(struct exp_cause *x)
{
    const enum exp_end on = x->run->on, other = exp_other(on);
    const struct profile p = profile_of(x, on), q = profile_of(x, other);
    if (!p.v2 || !q.v2 || (q.v2->auth_local & p.v2->auth_remote))
        return;
    exp_cause_why(x, "%c authenticates itself by %s (%s), but profile %s of %c takes %s from its peer (%s).",
                  exp_letter(other), method_word(q.v2->auth_local),
                  exp_at(x, other, method_line(x, other, &q, "local")), p.name, exp_letter(on),
                  method_word(p.v2->auth_remote), exp_at(x, on, method_line(x, on, &p, "remote")));
    set_method(x, other, &q, "local", p.v2->auth_remote);
    set_method(x, on, &p, "remote", q.v2->auth_local);
    if (!(p.v2->auth_local & q.v2->auth_remote)) { /* the other way it differs, too */
        x->count = 0;
        set_both(x, other, &q, &p);
        set_both(x, on, &p, &q);
    }
}

/* ---- other faults of a certificate --------------------------------------------------------------------------------------------------- */
static void faulty(struct exp_cause *x)
{
    const enum exp_end other = exp_other(x->run->on);
    const struct exp_point *t = exp_cause_signer(x, other);
    if (!t)
        return;
    exp_cause_why(x, "%c refuses the certificate of %s that %c signs with: %s.", exp_letter(x->run->on),
                  t->name, exp_letter(other), x->run->text);
    if (t->from_own)
        exp_cause_also(x, " It is that of %s.", exp_at(x, other, t->from_own->line));
    const struct exp_point *o = exp_pki_with_ca(x->c->pki, x->run->on, t->ca, false);
    if (o && t->real_ca && pki_cert_not_after(t->real_ca) < x->c->pki->now_s) {
        struct exp_fix *f = exp_cause_fix(
            x,
            "on both: the certificate of the CA (%s, %s) has expired: get its new one, crypto pki "
            "authenticate %s, and enrol again, crypto pki enroll %s",
            exp_at(x, other, t->from_ca ? t->from_ca->line : 0),
            exp_at(x, x->run->on, o->from_ca ? o->from_ca->line : 0), t->name, t->name);
        exp_fix_authenticate(f, other, t->name);
        exp_fix_authenticate(f, x->run->on, o->name);
    } else {
        enrol_again(x, other, t, ": a new certificate");
    }
}

void exp_cause_certificate(struct exp_cause *x)
{
    switch (x->run->reason) {
    case IKE_REASON_CERT_UNTRUSTED:
        untrusted(x);
        break;
    case IKE_REASON_CERT_BUILD_FAILED:
    case IKE_REASON_NO_CERTIFICATE:
        nothing_to_sign_with(x);
        break;
    case IKE_REASON_ID_MISMATCH:
        other_identity(x);
        break;
    case IKE_REASON_AUTH_FAILED:
        methods(x);
        break;
    default:
        faulty(x);
        break;
    }
}
