#include "control/tools/exp_points.h"

#include <stdio.h>
#include <string.h>

enum { NAMES = sizeof((struct exp_points *)0)->names / sizeof(char *) };

static bool signs(unsigned methods)
{
    return (methods & (CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG)) != 0;
}

static void add(struct exp_points *p, const char *name)
{
    if (p->count < NAMES)
        p->names[p->count++] = name;
}

static void of_isakmp(const struct cfg *c, const char *name, struct exp_points *out)
{
    const struct cfg_isakmp_profile *x = name[0] ? cfg_find_isakmp_profile(c, name) : NULL;
    unsigned n;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &n);
    for (unsigned i = 0; i < n; i++)
        out->signs = out->signs || signs(p[i].auth);
    out->profile = x ? x->name : "";
    out->line = x ? x->line : 0;
    for (unsigned i = 0; x && i < x->trustpoint_count; i++)
        add(out, x->trustpoints[i]);
}

static void of_ikev2(const struct cfg *c, const char *name, struct exp_points *out)
{
    const struct cfg_ikev2_profile *x = name[0] ? cfg_find_profile(c, name) : NULL;
    out->signs = x && signs(x->auth_local | x->auth_remote);
    out->profile = x ? x->name : "";
    out->line = x ? x->line : 0;
    for (unsigned i = 0; x && i < x->trustpoint_count; i++)
        add(out, x->trustpoints[i].name);
}

void exp_points_of(const struct cfg *c, const struct cfg_ipsec_profile *ipsec, enum cfg_ike_version version,
                   struct exp_points *out)
{
    memset(out, 0, sizeof *out);
    if (version == CFG_IKEV2)
        of_ikev2(c, ipsec ? ipsec->ikev2_profile : "", out);
    else
        of_isakmp(c, ipsec ? ipsec->isakmp_profile : "", out);
    out->listed = out->count > 0;
    for (unsigned i = 0; !out->listed && i < c->trustpoint_count; i++)
        add(out, c->trustpoints[i].name);
    out->signs = out->signs && out->count > 0;
}

static const struct cfg_certificate *ca_of(const struct cfg *c, const char *name)
{
    for (unsigned i = 0; i < c->certificate_count; i++)
        if (c->certificates[i].kind == CFG_CERT_CA && c->certificates[i].n > 0 &&
            strcmp(c->certificates[i].trustpoint, name) == 0)
            return &c->certificates[i];
    return NULL;
}

static bool same_ca(const struct cfg *a, const char *x, const struct cfg *b, const char *y)
{
    const struct cfg_certificate *p = ca_of(a, x), *q = ca_of(b, y);
    const struct cfg_trustpoint *t = cfg_find_trustpoint(a, x), *u = cfg_find_trustpoint(b, y);
    if (p && q)
        return p->n == q->n && memcmp(p->der, q->der, p->n) == 0;
    if (t && u && t->url[0] && u->url[0])
        return strcmp(t->url, u->url) == 0;
    return strcmp(x, y) == 0;
}

/* Each of a's has its like in b. */
static bool within(const struct cfg *a, const struct exp_points *p, const struct cfg *b,
                   const struct exp_points *q)
{
    for (unsigned i = 0; i < p->count; i++) {
        bool found = false;
        for (unsigned k = 0; k < q->count; k++)
            found = found || same_ca(a, p->names[i], b, q->names[k]);
        if (!found)
            return false;
    }
    return true;
}

bool exp_points_differ(const struct cfg *const c[2], const struct exp_points p[2])
{
    if (!p[0].signs || !p[1].signs || (!p[0].listed && !p[1].listed))
        return false;
    return !within(c[0], &p[0], c[1], &p[1]) || !within(c[1], &p[1], c[0], &p[0]);
}

const char *exp_points_text(const struct exp_points *p, char out[EXP_POINTS_TEXT])
{
    size_t at = (size_t)snprintf(out, EXP_POINTS_TEXT, "%s", p->listed ? "" : "all of its trust-points: ");
    for (unsigned i = 0; i < p->count && at < EXP_POINTS_TEXT; i++)
        at += (size_t)snprintf(out + at, EXP_POINTS_TEXT - at, "%s%s", i ? ", " : "", p->names[i]);
    return out;
}
