#include "control/tools/exp_pki.h"

#include "control/tools/exp_mint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGE_S = 30 * 24 * 3600 /* how long ago made-up certificates were enrolled */ };

/* ---- who signs -------------------------------------------------------------------------------------------------------- */
static const unsigned signatures = CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG;

/* All that the end may authenticate itself by. */
static unsigned own_methods(const struct cfg *c)
{
    unsigned n, bits = 0;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &n);
    for (unsigned i = 0; i < n; i++)
        bits |= (unsigned)p[i].auth;
    for (unsigned i = 0; i < c->profile_count; i++)
        bits |= c->profiles[i].auth_local;
    return bits;
}

/* Written in the configuration: the built-in policies do not count. */
static bool means_to_sign(const struct cfg *c)
{
    unsigned bits = c->isakmp_policy_count ? own_methods(c) : 0;
    for (unsigned i = 0; i < c->profile_count; i++)
        bits |= c->profiles[i].auth_local | c->profiles[i].auth_remote;
    return (bits & signatures) != 0;
}

/* ---- which there are -------------------------------------------------------------------------------------------------- */
static bool listed(const struct exp_names *n, const char *name)
{
    for (unsigned i = 0; i < n->count; i++)
        if (strcmp(n->name[i], name) == 0)
            return true;
    return false;
}

static struct exp_point *point_of(struct exp_pki *x, enum exp_end e, const char *name)
{
    for (unsigned i = 0; i < x->count[e]; i++)
        if (strcmp(x->point[e][i].name, name) == 0)
            return &x->point[e][i];
    return NULL;
}

const struct exp_point *exp_pki_point(const struct exp_pki *x, enum exp_end e, const char *name)
{
    for (unsigned i = 0; i < x->count[e]; i++)
        if (strcmp(x->point[e][i].name, name) == 0)
            return &x->point[e][i];
    return NULL;
}

static struct exp_point *add(struct exp_pki *x, enum exp_end e, const char *name,
                             enum exp_point_origin origin)
{
    if (x->count[e] == EXP_POINTS_MAX || point_of(x, e, name))
        return NULL;
    struct exp_point *p = &x->point[e][x->count[e]];
    *p = (struct exp_point){.origin = origin,
                            .has_ca = true,
                            .has_own = true,
                            .ca = -1,
                            .order = x->now_s - AGE_S + (int64_t)x->count[e]};
    snprintf(p->name, sizeof p->name, "%s", name);
    x->count[e]++;
    return p;
}

/* Those that the profiles of a configuration name. */
static void add_named(const struct cfg *c, struct exp_pki *x, enum exp_end e, enum exp_point_origin origin)
{
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        for (unsigned k = 0; k < c->isakmp_profiles[i].trustpoint_count; k++)
            (void)add(x, e, c->isakmp_profiles[i].trustpoints[k], origin);
    for (unsigned i = 0; i < c->profile_count; i++)
        for (unsigned k = 0; k < c->profiles[i].trustpoint_count; k++)
            (void)add(x, e, c->profiles[i].trustpoints[k].name, origin);
}

/* The file shows certificates: a trust-point without any has none. A router makes its self-signed one by itself. */
static bool shows_certificates(const struct cfg *c)
{
    for (unsigned i = 0; i < c->certificate_count; i++)
        if (c->certificates[i].kind == CFG_CERT_OWN || c->certificates[i].kind == CFG_CERT_CA)
            return true;
    return false;
}

static struct pki_cert *parsed(const struct cfg_certificate *x)
{
    struct pki_cert *c = NULL;
    return x && x->n && pki_cert_parse((struct slice){x->der, x->n}, &c, NULL) == CV_OK ? c : NULL;
}

/* As pki_conf_install takes them: our certificate, and of several CAs the one that issued it. */
static void take_from_file(const struct cfg *c, struct exp_point *p)
{
    for (unsigned i = 0; i < c->certificate_count; i++) {
        const struct cfg_certificate *k = &c->certificates[i];
        if (strcmp(k->trustpoint, p->name) != 0)
            continue;
        if (k->kind == CFG_CERT_OWN || k->kind == CFG_CERT_SELF_SIGNED)
            p->from_own = k;
    }
    p->real_own = parsed(p->from_own);
    for (unsigned i = 0; i < c->certificate_count; i++) {
        const struct cfg_certificate *k = &c->certificates[i];
        if (k->kind != CFG_CERT_CA || strcmp(k->trustpoint, p->name) != 0)
            continue;
        struct pki_cert *ca = parsed(k);
        bool issuer = ca && p->real_own && pki_dn_equal(pki_cert_subject(ca), pki_cert_issuer(p->real_own));
        if (!p->from_ca || issuer) {
            pki_cert_free(p->real_ca);
            p->real_ca = ca;
            p->from_ca = k;
        } else {
            pki_cert_free(ca);
        }
    }
}

static bool in_file(const struct cfg *c, const char *name)
{
    for (unsigned i = 0; i < c->certificate_count; i++)
        if (strcmp(c->certificates[i].trustpoint, name) == 0 && c->certificates[i].kind != CFG_CERT_RA)
            return true;
    return false;
}

static void add_defined(struct exp_pki *x, const struct exp_side *s)
{
    const struct cfg *c = s->cfg;
    bool shown = shows_certificates(c);
    for (unsigned i = 0; i < c->trustpoint_count; i++) {
        const struct cfg_trustpoint *t = &c->trustpoints[i];
        bool asked = listed(&s->enrolled, t->name) || listed(&s->renewed, t->name);
        struct exp_point *p =
            add(x, s->end, t->name,
                in_file(c, t->name)                                         ? EXP_POINT_FILE
                : shown && !asked && t->enrollment != CFG_ENROLL_SELFSIGNED ? EXP_POINT_BARE
                                                                            : EXP_POINT_MADE);
        if (!p)
            continue;
        p->t = t;
        if (p->origin == EXP_POINT_FILE) {
            take_from_file(c, p);
            if (listed(&s->authenticated, p->name)) {
                pki_cert_free(p->real_ca);
                p->real_ca = NULL;
            }
            p->has_ca =
                (p->from_ca && (p->real_ca || p->from_ca->n == 0)) || listed(&s->authenticated, p->name);
            p->has_own = p->from_own && (p->real_own || p->from_own->n == 0);
            if (p->real_own)
                p->order = pki_cert_not_before(p->real_own);
        } else if (p->origin == EXP_POINT_BARE) {
            p->has_ca = p->has_own = false;
        } else if (t->enrollment == CFG_ENROLL_SELFSIGNED) {
            p->has_ca = false;
        }
    }
}

/* Those of a file that defines none at all. */
static void add_assumed(struct exp_pki *x, const struct exp_side side[2], enum exp_end e)
{
    const enum exp_end o = exp_other(e);
    const struct cfg *other = side[o].cfg;
    if (side[e].cfg->trustpoint_count > 0)
        return;
    for (unsigned i = 0; i < side[e].enrolled.count; i++)
        (void)add(x, e, side[e].enrolled.name[i], EXP_POINT_GIVEN);
    if (side[e].enrolled.count > 0 || !means_to_sign(side[e].cfg))
        return;
    for (unsigned i = 0; i < other->trustpoint_count; i++)
        if (other->trustpoints[i].enrollment != CFG_ENROLL_SELFSIGNED)
            (void)add(x, e, other->trustpoints[i].name, EXP_POINT_OTHER);
    add_named(other, x, e, EXP_POINT_OTHER);
}

const char *exp_pki_unknown(const struct exp_side *side)
{
    const struct cfg *c = side->cfg;
    for (unsigned i = 0; i < side->enrolled.count && c->trustpoint_count > 0; i++) {
        const char *name = side->enrolled.name[i];
        bool known = cfg_find_trustpoint(c, name) != NULL;
        for (unsigned k = 0; k < c->isakmp_profile_count; k++)
            for (unsigned n = 0; n < c->isakmp_profiles[k].trustpoint_count; n++)
                known = known || strcmp(c->isakmp_profiles[k].trustpoints[n], name) == 0;
        for (unsigned k = 0; k < c->profile_count; k++)
            for (unsigned n = 0; n < c->profiles[k].trustpoint_count; n++)
                known = known || strcmp(c->profiles[k].trustpoints[n].name, name) == 0;
        if (!known)
            return name;
    }
    return NULL;
}

/* ---- order ------------------------------------------------------------------------------------------------------------- */
static int by_order(const void *a, const void *b)
{
    const struct exp_point *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* What is named comes last, in that order. */
static void move_behind(struct exp_pki *x, enum exp_end e, const struct exp_names *names, int64_t from)
{
    for (unsigned i = 0; i < names->count; i++) {
        struct exp_point *p = point_of(x, e, names->name[i]);
        if (p)
            p->order = from + (int64_t)i;
    }
}

static void put_in_order(struct exp_pki *x, const struct exp_side *s)
{
    enum exp_end e = s->end;
    for (unsigned i = 0; i < s->renewed.count; i++) {
        struct exp_point *p = point_of(x, e, s->renewed.name[i]);
        if (p)
            p->renewed = p->has_own = true;
    }
    move_behind(x, e, &s->enrolled, INT64_MAX / 4);
    move_behind(x, e, &s->renewed, INT64_MAX / 2);
    x->given[e] = s->enrolled.count > 0;
    if (x->count[e] > 1)
        qsort(x->point[e], x->count[e], sizeof x->point[e][0], by_order);
}

/* ---- CAs ---------------------------------------------------------------------------------------------------------------- */
/* Octet for octet, but for the port 80 that HTTP has anyway and slashes at the end. */
static void plain_url(const char *url, char out[CFG_URL_MAX])
{
    snprintf(out, CFG_URL_MAX, "%s", url);
    size_t n = strlen(out);
    while (n > 0 && out[n - 1] == '/')
        out[--n] = '\0';
    char *host = strstr(out, "://"), *port = host ? strstr(host + 3, ":80") : NULL;
    if (port && (port[3] == '\0' || port[3] == '/'))
        memmove(port, port + 3, strlen(port + 3) + 1);
}

static void url_of(const struct exp_point *p, char out[CFG_URL_MAX])
{
    plain_url(p->t && p->t->enrollment == CFG_ENROLL_URL ? p->t->url : "", out);
}

/* By URL where both have one, else by the name of the trust-point. */
static int find_ca(const struct exp_pki *x, const struct exp_point *p)
{
    char url[CFG_URL_MAX];
    url_of(p, url);
    for (unsigned i = 0; i < x->ca_count; i++) {
        const struct exp_ca *c = &x->ca[i];
        if (url[0] && c->url[0] ? strcmp(url, c->url) == 0 : strcmp(p->name, c->name) == 0)
            return (int)i;
    }
    return -1;
}

static int find_real_ca(const struct exp_pki *x, const struct pki_cert *real)
{
    for (unsigned i = 0; i < x->ca_count; i++)
        if (x->ca[i].real && pki_cert_equal(x->ca[i].real, real))
            return (int)i;
    return -1;
}

static int add_ca(struct exp_pki *x, const struct exp_point *p)
{
    if (x->ca_count == EXP_CAS_MAX)
        return -1;
    struct exp_ca *c = &x->ca[x->ca_count];
    *c = (struct exp_ca){.real = p->real_ca};
    memcpy(c->name, p->name, sizeof c->name);
    url_of(p, c->url);
    return (int)x->ca_count++;
}

/* Those of the files first, for they tell what the CA of a URL is. */
static void assign_cas(struct exp_pki *x)
{
    for (unsigned pass = 0; pass < 2; pass++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            for (unsigned i = 0; i < x->count[e]; i++) {
                struct exp_point *p = &x->point[e][i];
                if (!p->has_ca && !(p->has_own && p->real_own == NULL && p->renewed))
                    continue;
                if ((pass == 0) != (p->real_ca != NULL))
                    continue;
                p->ca = p->real_ca ? find_real_ca(x, p->real_ca) : find_ca(x, p);
                if (p->ca < 0)
                    p->ca = add_ca(x, p);
                p->has_ca = p->ca >= 0;
            }
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */
static void points_of(struct exp_pki *x, const struct exp_side side[2])
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        add_defined(x, &side[e]);
        add_named(side[e].cfg, x, e, EXP_POINT_NAMED);
        add_assumed(x, side, e);
    }
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        put_in_order(x, &side[e]);
}

cv_result exp_pki_new(const struct exp_side side[2], struct exp_keys *keys, int64_t now_s,
                      struct exp_pki **out)
{
    struct exp_pki *x = calloc(1, sizeof *x);
    *out = NULL;
    if (!x)
        return CV_ENOMEM;
    x->keys = keys;
    x->now_s = now_s;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        x->cfg[e] = side[e].cfg;
        x->signs = x->signs || (own_methods(side[e].cfg) & signatures);
    }
    points_of(x, side);
    assign_cas(x);
    cv_result r = exp_mint(x);
    if (r == CV_OK)
        *out = x;
    else
        exp_pki_free(x);
    return r;
}

void exp_pki_free(struct exp_pki *x)
{
    if (!x)
        return;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        for (unsigned i = 0; i < x->count[e]; i++) {
            struct exp_point *p = &x->point[e][i];
            pki_cert_free(p->own);
            cr_key_free(p->key);
            pki_cert_free(p->real_ca);
            pki_cert_free(p->real_own);
        }
    for (unsigned i = 0; i < x->ca_count; i++)
        pki_sim_ca_free(&x->ca[i].sim);
    free(x);
}

/* ---- questions ------------------------------------------------------------------------------------------------------------ */
bool exp_point_usable(const struct exp_pki *x, const struct exp_point *p)
{
    return p->own && pki_cert_not_before(p->own) <= x->now_s && pki_cert_not_after(p->own) >= x->now_s;
}

const struct exp_point *exp_pki_with_ca(const struct exp_pki *x, enum exp_end e, int ca, bool own)
{
    for (unsigned i = x->count[e]; i > 0; i--) {
        const struct exp_point *p = &x->point[e][i - 1];
        if (ca >= 0 && p->ca == ca && (!own || exp_point_usable(x, p)))
            return p;
    }
    return NULL;
}

const char *exp_ca_text(const struct exp_pki *x, int ca)
{
    return ca >= 0 && x->ca[ca].sim.cert ? pki_cert_subject_text(x->ca[ca].sim.cert) : "";
}
