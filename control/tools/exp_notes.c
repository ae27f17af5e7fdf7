#include "control/tools/exp_notes.h"

#include "control/tools/exp_cause.h"
#include "control/tools/exp_points.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct notes {
    const struct exp_case *c;
    const struct exp_unit *u[2];
    const struct cfg_ipsec_profile *ipsec[2];
    struct exp_notes *out;
};

CV_PRINTF(2, 3) static void note(struct notes *n, const char *fmt, ...)
{
    va_list ap;
    if (n->out->count == EXP_NOTES_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(n->out->text[n->out->count++], EXP_NOTE_MAX, fmt, ap);
    va_end(ap);
}

/* "A.conf:3" */
struct place {
    char text[CFG_TEXT_MAX + 32];
};

static struct place at(const struct notes *n, enum exp_end e, int line)
{
    struct place p;
    snprintf(p.text, sizeof p.text, "%s:%d", n->c->side[e].file, exp_side_origin(&n->c->side[e], line));
    return p;
}

static int line_in(const struct notes *n, enum exp_end e, int block, const char *words)
{
    int line = exp_side_find(&n->c->side[e], block, words);
    return line ? line : block;
}

/* RFC 7296 1.2: the first child takes its keys from IKE_AUTH, without an exchange of its own; the rekey is the first to have one. */
static void pfs(struct notes *n)
{
    const struct cfg_ipsec_profile *a = n->ipsec[EXP_A], *b = n->ipsec[EXP_B];
    if (n->u[EXP_A]->version != CFG_IKEV2 || n->u[EXP_B]->version != CFG_IKEV2 || !a || !b ||
        (a->pfs == b->pfs && (!a->pfs || a->pfs_group == b->pfs_group)))
        return;
    char words[2][40];
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        if (n->ipsec[e]->pfs)
            snprintf(words[e], sizeof words[e], "set pfs group%u", n->ipsec[e]->pfs_group);
        else
            snprintf(words[e], sizeof words[e], "no set pfs");
    }
    char who[40] = "";
    if (!a->pfs || !b->pfs) /* who has none takes what the other one asks for */
        snprintf(who, sizeof who, " when %c begins it", a->pfs ? 'B' : 'A');
    note(n,
         "IKEv2 makes the first SA pair without PFS: the tunnel comes up, and its rekey fails%s, for A has "
         "%s (%s) and B %s (%s): say the same at both",
         who, words[EXP_A], at(n, EXP_A, line_in(n, EXP_A, a->line, "set pfs")).text, words[EXP_B],
         at(n, EXP_B, line_in(n, EXP_B, b->line, "set pfs")).text);
}

static void gre_key(struct notes *n)
{
    const struct cfg_interface *a = n->u[EXP_A]->first, *b = n->u[EXP_B]->first;
    bool gre = a->kind == CV_IF_TUNNEL && b->kind == CV_IF_TUNNEL && a->tunnel_mode == b->tunnel_mode &&
               (a->tunnel_mode == CV_TUNNEL_GRE || a->tunnel_mode == CV_TUNNEL_GRE6);
    if (!gre || (a->gre_keyed == b->gre_keyed && (!a->gre_keyed || a->gre_key == b->gre_key)))
        return;
    char words[2][40];
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        const struct cfg_interface *t = n->u[e]->first;
        if (t->gre_keyed)
            snprintf(words[e], sizeof words[e], "tunnel key %u", t->gre_key);
        else
            snprintf(words[e], sizeof words[e], "no tunnel key");
    }
    note(n, "nothing passes: A's %s has %s (%s), B's %s has %s (%s), and GRE drops what has another key",
         a->name, words[EXP_A], at(n, EXP_A, line_in(n, EXP_A, a->line, "tunnel key")).text, b->name,
         words[EXP_B], at(n, EXP_B, line_in(n, EXP_B, b->line, "tunnel key")).text);
}

static void inner_networks(struct notes *n)
{
    const struct cfg_interface *a = n->u[EXP_A]->first, *b = n->u[EXP_B]->first;
    if (a->kind != CV_IF_TUNNEL || b->kind != CV_IF_TUNNEL)
        return;
    for (unsigned i = 0; i < a->addr_count; i++)
        for (unsigned k = 0; k < b->addr_count; k++) {
            const struct cfg_ifaddr *x = &a->addrs[i], *y = &b->addrs[k];
            struct ip_prefix net;
            if (x->addr.family != y->addr.family || x->secondary || y->secondary)
                continue;
            if (ip_addr_equal(&x->addr, &y->addr))
                note(n, "A's %s and B's %s have the same address (%s, %s): give each one of its own", a->name,
                     b->name, at(n, EXP_A, x->line).text, at(n, EXP_B, y->line).text);
            else if (x->addr.family == IP_V4 && x->len < 32 && ip_prefix_make(&x->addr, x->len, &net) &&
                     !ip_prefix_contains(&net, &y->addr))
                note(
                    n,
                    "the inner addresses of A's %s (%s) and B's %s (%s) are of different networks: next hops "
                    "and routing protocols do not find each other",
                    a->name, at(n, EXP_A, x->line).text, b->name, at(n, EXP_B, y->line).text);
        }
}

static void source_vrf(struct notes *n, enum exp_end e)
{
    const struct cfg_interface *t = n->u[e]->first, *port = exp_source_elsewhere(n->c->side[e].cfg, t);
    if (port)
        note(
            n,
            "%c's %s (%s) sends its outer packets in %s, but its source %s (%s) is in %s: say tunnel vrf%s%s",
            exp_letter(e), t->name, at(n, e, t->line).text, exp_vrf_words(t->tunnel_vrf), port->name,
            at(n, e, port->line).text, exp_vrf_words(port->vrf), port->vrf[0] ? " " : " of that table",
            port->vrf);
}

/* IOS takes IKEv1 where no `set ikev2-profile` says otherwise. */
static void version_by_luck(struct notes *n, enum exp_end e)
{
    const struct cfg_ipsec_profile *p = n->ipsec[e];
    if (n->u[e]->version == CFG_IKEV2 && p && !p->ikev2_profile[0] && p->line)
        note(n,
             "IPsec profile %s of %c (%s) has no set ikev2-profile: culvert takes IKEv2, for nothing of "
             "IKEv1 is "
             "configured; IOS begins with IKEv1 and fails",
             p->name, exp_letter(e), at(n, e, p->line).text);
}

/* A permit line below a deny line for the same packets. */
static void shadowed(struct notes *n, enum exp_end e)
{
    const struct cfg *c = n->c->side[e].cfg;
    const struct cfg_flow *f = n->u[e]->first->flow;
    const struct cfg_crypto_map *m = f ? cfg_find_map(c, f->map, false) : NULL;
    const struct cfg_acl *acl = NULL;
    for (unsigned i = 0; m && i < m->entry_count; i++)
        if (m->entries[i].seq == f->seq)
            acl = cfg_find_acl(c, m->entries[i].acl);
    for (unsigned i = 0; acl && i < acl->ace_count; i++)
        for (unsigned k = 0; acl->aces[i].permit && k < i; k++)
            if (!acl->aces[k].permit && ts_contains(&acl->aces[k].local, &acl->aces[i].local) &&
                ts_contains(&acl->aces[k].remote, &acl->aces[i].remote)) {
                note(n,
                     "no packet of %c comes to the permit line at %s: the deny line at %s stands before it, "
                     "so they "
                     "leave unprotected",
                     exp_letter(e), at(n, e, acl->aces[i].line).text, at(n, e, acl->aces[k].line).text);
                break;
            }
}

/* LN-8: CERTREQs of a responder name all of its CAs, and the first that fits is taken (CT-3, CT-5): with different ones at the two ends it is by luck of
 * enrolment that the other one accepts it. */
static void trust_points(struct notes *n)
{
    const struct cfg *const c[2] = {n->c->side[EXP_A].cfg, n->c->side[EXP_B].cfg};
    struct exp_points p[2];
    char text[2][EXP_POINTS_TEXT];
    if (n->u[EXP_A]->version != n->u[EXP_B]->version)
        return;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        exp_points_of(c[e], n->ipsec[e], n->u[e]->version, &p[e]);
    if (!exp_points_differ(c, p))
        return;
    const struct exp_points *first = p[EXP_A].listed ? &p[EXP_A] : &p[EXP_B];
    note(n,
         "LN-8: A goes by %s, B by %s (%s): with other CAs at the two ends it depends on who begins and on "
         "the order of enrolment "
         "whether a certificate fits; name the same ones in the profiles of both",
         exp_points_text(&p[EXP_A], text[EXP_A]), exp_points_text(&p[EXP_B], text[EXP_B]),
         at(n, first == &p[EXP_A] ? EXP_A : EXP_B, first->line).text);
}

void exp_notes_of(const struct exp_case *c, const struct exp_pair *pair, bool up, struct exp_notes *out)
{
    struct notes n = {.c = c, .out = out};
    memset(out, 0, sizeof *out);
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        n.u[e] = exp_unit_find(&c->units[e], pair->name[e]);
        if (!n.u[e])
            return;
        n.ipsec[e] = cfg_find_ipsec_profile(c->side[e].cfg, n.u[e]->first->protection_profile);
    }
    pfs(&n);
    gre_key(&n);
    inner_networks(&n);
    trust_points(&n);
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        if (up)
            source_vrf(&n, e);
        version_by_luck(&n, e);
        shadowed(&n, e);
    }
}
