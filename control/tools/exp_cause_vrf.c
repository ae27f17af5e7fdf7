/* Causes that are forwarding tables: the outer packets of a tunnel run in `tunnel vrf`, and so must its source, the keyring
 * (KR-5.2) and the profile. */
#include "control/tools/exp_cause.h"

#include <stdio.h>
#include <string.h>

const char *exp_vrf_words(const char *vrf)
{
    return vrf[0] ? vrf : "the global table";
}

const struct cfg_interface *exp_source_elsewhere(const struct cfg *c, const struct cfg_interface *t)
{
    const struct cfg_interface *port = t->flow ? NULL : cfg_find_interface(c, t->tunnel_source_if);
    for (unsigned i = 0; !t->flow && !port && i < c->interface_count; i++)
        for (unsigned k = 0; k < c->interfaces[i].addr_count; k++)
            if (t->tunnel_source.family != IP_NONE &&
                ip_addr_equal(&c->interfaces[i].addrs[k].addr, &t->tunnel_source))
                port = &c->interfaces[i];
    return port && strcmp(port->vrf, t->tunnel_vrf) != 0 ? port : NULL;
}

static void move_tunnel(struct exp_cause *x, enum exp_end e, const struct cfg_interface *t, const char *vrf)
{
    const struct exp_side *s = &x->c->side[e];
    int line = exp_side_find(s, t->line, "tunnel vrf");
    if (vrf[0]) {
        char text[CFG_NAME_MAX + 16];
        struct exp_fix *f = exp_cause_fix(x, "on %c (%s): tunnel vrf %s in %s", exp_letter(e),
                                          exp_at(x, e, line ? line : t->line), vrf, t->name);
        snprintf(text, sizeof text, " tunnel vrf %s", vrf);
        exp_fix_set(f, s, t->line, "tunnel vrf", text);
    } else if (line) {
        struct exp_fix *f = exp_cause_fix(x, "on %c (%s): remove \"%s\" from %s", exp_letter(e),
                                          exp_at(x, e, line), exp_shown(x, e, line), t->name);
        exp_fix_edit(f, e, EXP_DELETE, line, " ");
    }
}

bool exp_cause_source_vrf(struct exp_cause *x)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        const struct cfg_interface *t = x->run->unit[e]->first,
                                   *port = exp_source_elsewhere(x->c->side[e].cfg, t);
        if (!port)
            continue;
        exp_cause_why(x, "%c's %s (%s) sends its outer packets in %s, but its source %s (%s) is in %s.",
                      exp_letter(e), t->name, exp_at(x, e, t->line), exp_vrf_words(t->tunnel_vrf), port->name,
                      exp_at(x, e, port->line), exp_vrf_words(port->vrf));
        move_tunnel(x, e, t, port->vrf);
        return true;
    }
    return false;
}

/* The profile's match lines end in their VRF: those of `p` get the one that the tunnel runs in. */
bool exp_cause_profile_vrf(struct exp_cause *x, enum exp_end on, const struct cfg_isakmp_profile *p)
{
    const struct exp_unit *u = x->run->unit[on];
    struct exp_fix *f = NULL;
    if (strcmp(p->fvrf, u->first->tunnel_vrf) == 0 || p->match_count == 0)
        return false;
    exp_cause_why(x, "%c's %s runs in %s, but the match lines of its profile %s (%s) are for %s.",
                  exp_letter(on), u->name, exp_vrf_words(u->first->tunnel_vrf), p->name,
                  exp_at(x, on, p->match[0].line), exp_vrf_words(p->fvrf));
    for (unsigned i = 0; i < p->match_count; i++) {
        char line[EXP_EDIT_TEXT - CFG_NAME_MAX];
        exp_side_shown(&x->c->side[on], p->match[i].line, line, sizeof line);
        size_t n = strlen(line), old = strlen(p->fvrf);
        if (old && n > old && strcmp(line + n - old, p->fvrf) == 0)
            n -= old + 1;
        const char *blank = u->first->tunnel_vrf[0] ? " " : "";
        if (!f)
            f = exp_cause_fix(x, "on %c (%s): %.*s%s%s", exp_letter(on), exp_at(x, on, p->match[i].line),
                              (int)n, line, blank, u->first->tunnel_vrf);
        exp_fix_edit(f, on, EXP_REPLACE, p->match[i].line, " %.*s%s%s", (int)n, line, blank,
                     u->first->tunnel_vrf);
    }
    return true;
}
