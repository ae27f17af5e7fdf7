#include "control/tools/exp_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- units -------------------------------------------------------------------------------------------------------------- */
static const char *unit_name(const struct cfg_interface *t)
{
    return t->flow && t->flow->group[0] ? t->flow->group : t->name;
}

static struct exp_unit *unit_of_name(struct exp_units *u, const char *name)
{
    for (unsigned i = 0; i < u->count; i++)
        if (strcmp(u->unit[i].name, name) == 0)
            return &u->unit[i];
    return NULL;
}

static void fill(const struct cfg *c, const struct cfg_interface *t, struct exp_unit *x)
{
    const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(c, t->protection_profile);
    snprintf(x->name, sizeof x->name, "%s", unit_name(t));
    x->first = t;
    x->has_local = cfg_tunnel_source(c, t, &x->local);
    x->remote = t->tunnel_destination;
    x->version = p ? cfg_ipsec_ike_version(c, p) : CFG_IKEV1;
    x->answers_only = (p && p->responder_only) || ip_addr_is_any(&t->tunnel_destination);
}

cv_result exp_units_of(const struct cfg *c, struct exp_units *out)
{
    memset(out, 0, sizeof *out);
    out->unit = calloc(c->interface_count ? c->interface_count : 1, sizeof *out->unit);
    if (!out->unit)
        return CV_ENOMEM;
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *t = &c->interfaces[i];
        if (!cfg_is_protected(t))
            continue;
        struct exp_unit *x = unit_of_name(out, unit_name(t));
        if (!x) {
            x = &out->unit[out->count++];
            fill(c, t, x);
        }
        if (x->member_count < EXP_MEMBERS_MAX)
            x->members[x->member_count++] = t->name;
    }
    return CV_OK;
}

void exp_units_free(struct exp_units *u)
{
    free(u->unit);
    memset(u, 0, sizeof *u);
}

const struct exp_unit *exp_unit_find(const struct exp_units *u, const char *name)
{
    char canonical[CV_NAME_MAX];
    enum cv_if_kind kind;
    bool is_if = cfg_interface_name(name, canonical, &kind);
    for (unsigned i = 0; i < u->count; i++) {
        const struct exp_unit *x = &u->unit[i];
        const struct cfg_flow *f = x->first->flow;
        if (strcmp(x->name, name) == 0 || (is_if && strcmp(x->name, canonical) == 0) ||
            (f && (strcmp(f->map, name) == 0 || (is_if && strcmp(f->port, canonical) == 0))))
            return x;
        for (unsigned k = 0; k < x->member_count; k++)
            if (strcmp(x->members[k], name) == 0)
                return x;
    }
    return NULL;
}

/* ---- pairs -------------------------------------------------------------------------------------------------------------- */
static bool goes_to(const struct exp_unit *from, const struct exp_unit *to)
{
    const struct cfg_flow *f = from->first->flow;
    if (!to->has_local)
        return false;
    for (unsigned i = 0; f && i < f->peer_count; i++)
        if (ip_addr_equal(&f->peers[i], &to->local))
            return true;
    return ip_addr_is_any(&from->remote) || ip_addr_equal(&from->remote, &to->local);
}

bool exp_pair_mirrors(const struct exp_unit *a, const struct exp_unit *b)
{
    return goes_to(a, b) && goes_to(b, a) && !(a->answers_only && b->answers_only);
}

/* How near two are to being a pair; with mirrored addresses the same kind, mode and version of IKE decide. */
static unsigned nearness(const struct exp_unit *a, const struct exp_unit *b)
{
    unsigned n = exp_pair_mirrors(a, b) ? 1000 : 0;
    n += (goes_to(a, b) ? 100u : 0u) + (goes_to(b, a) ? 100u : 0u);
    n += ip_addr_is_any(&a->remote) || ip_addr_is_any(&b->remote) ? 0 : 10; /* named before any */
    n += (a->first->kind == b->first->kind ? 4u : 0u) + (a->version == b->version ? 2u : 0u);
    return n + (a->first->tunnel_mode == b->first->tunnel_mode ? 1u : 0u);
}

static cv_result add(struct exp_pairs *p, const struct exp_unit *a, const struct exp_unit *b)
{
    struct exp_pair *bigger = realloc(p->pair, (p->count + 1) * sizeof *bigger);
    if (!bigger)
        return CV_ENOMEM;
    p->pair = bigger;
    struct exp_pair *x = &p->pair[p->count++];
    memset(x, 0, sizeof *x);
    memcpy(x->name[EXP_A], a->name, sizeof x->name[EXP_A]);
    memcpy(x->name[EXP_B], b->name, sizeof x->name[EXP_B]);
    x->mirrored = exp_pair_mirrors(a, b);
    return CV_OK;
}

static bool taken(const struct exp_pairs *p, const struct exp_unit *b)
{
    for (unsigned i = 0; i < p->count; i++)
        if (strcmp(p->pair[i].name[EXP_B], b->name) == 0)
            return true;
    return false;
}

/* The best of B for a; those that have a partner already only when nothing else mirrors. */
static const struct exp_unit *best_for(const struct exp_unit *a, const struct exp_units *b,
                                       const struct exp_unit *wanted, const struct exp_pairs *p)
{
    const struct exp_unit *best = NULL;
    unsigned most = 0;
    for (unsigned i = 0; i < b->count; i++) {
        const struct exp_unit *x = &b->unit[i];
        if (wanted && x != wanted)
            continue;
        unsigned n = 2 * nearness(a, x) + (taken(p, x) ? 0u : 1u) + 1u;
        if (n > most) {
            most = n;
            best = x;
        }
    }
    return best;
}

static cv_result nearest_pair(const struct exp_units u[2], const struct exp_unit *wa,
                              const struct exp_unit *wb, struct exp_pairs *out)
{
    const struct exp_unit *best_a = NULL, *best_b = NULL;
    unsigned most = 0;
    for (unsigned i = 0; i < u[EXP_A].count; i++) {
        const struct exp_unit *a = &u[EXP_A].unit[i], *b;
        if (wa && a != wa)
            continue;
        b = best_for(a, &u[EXP_B], wb, out);
        if (b && nearness(a, b) + 1 > most) {
            most = nearness(a, b) + 1;
            best_a = a;
            best_b = b;
        }
    }
    return best_a ? add(out, best_a, best_b) : CV_ENOENT;
}

static void count_left_out(const struct exp_units u[2], struct exp_pairs *p)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        for (unsigned i = 0; i < u[e].count; i++) {
            bool in = false;
            for (unsigned k = 0; k < p->count; k++)
                in = in || strcmp(p->pair[k].name[e], u[e].unit[i].name) == 0;
            p->left_out[e] += !in;
        }
}

cv_result exp_pairs_of(const struct exp_units u[2], const char *only, struct exp_pairs *out, char *why,
                       size_t why_len)
{
    const struct exp_unit *wa = only ? exp_unit_find(&u[EXP_A], only) : NULL;
    const struct exp_unit *wb = only && !wa ? exp_unit_find(&u[EXP_B], only) : NULL;
    memset(out, 0, sizeof *out);
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        if (u[e].count == 0) {
            snprintf(why, why_len,
                     "%c protects nothing, as in: interface Tunnel1, tunnel protection ipsec profile P",
                     exp_letter(e));
            return CV_ENOENT;
        }
    if (only && !wa && !wb) {
        snprintf(why, why_len, "neither end has a protected tunnel or crypto map %s", only);
        return CV_ENOENT;
    }
    for (unsigned i = 0; i < u[EXP_A].count; i++) {
        const struct exp_unit *a = &u[EXP_A].unit[i];
        const struct exp_unit *b = wa && a != wa ? NULL : best_for(a, &u[EXP_B], wb, out);
        if (b && exp_pair_mirrors(a, b))
            CV_TRY(add(out, a, b));
    }
    if (out->count == 0)
        return nearest_pair(u, wa, wb, out);
    count_left_out(u, out);
    if (only)
        out->left_out[EXP_A] = out->left_out[EXP_B] = 0;
    return CV_OK;
}

void exp_pairs_free(struct exp_pairs *p)
{
    free(p->pair);
    memset(p, 0, sizeof *p);
}
