#include "control/config/cfg_lint.h"

#include <stdio.h>
#include <string.h>

/* ---- LN-14 --------------------------------------------------------------------------------------------------------- */
static const struct cfg_interface *tunnel_bound_to(const struct cfg *c, const char *isakmp, const char *ikev2)
{
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *t = &c->interfaces[i];
        const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(c, t->protection_profile);
        if (t->kind == CV_IF_TUNNEL && p &&
            ((isakmp && strcmp(p->isakmp_profile, isakmp) == 0) ||
             (ikev2 && strcmp(p->ikev2_profile, ikev2) == 0)))
            return t;
    }
    return NULL;
}

static void inner_vrf(struct cfg_linter *l, const struct cfg_interface *t, const char *command,
                      const char *vrf, const char *profile, int line)
{
    char remedy[CFG_TEXT_MAX];
    snprintf(remedy, sizeof remedy, "take it out, and say under the tunnel: vrf forwarding %s", vrf);
    if (t)
        cfg_lint_add(l, line, "LN-14", CFG_WARNING, remedy,
                     "`%s` of profile %s is for crypto maps and has no effect on %s, which it protects",
                     command, profile, t->name);
}

/* ---- LN-15 --------------------------------------------------------------------------------------------------------- */
/* The VRF that a local address is in; NULL: no interface has it. Among several the one that is named. */
static const char *vrf_of(const struct cfg *c, const struct cfg_isakmp_local *x)
{
    const struct cfg_interface *named = x->interface[0] ? cfg_find_interface(c, x->interface) : NULL;
    const char *found = named ? named->vrf : NULL;
    for (unsigned i = 0; i < c->interface_count && !x->interface[0]; i++)
        for (unsigned k = 0; k < c->interfaces[i].addr_count; k++)
            if (ip_addr_equal(&c->interfaces[i].addrs[k].addr, &x->addr) &&
                (!found || strcmp(c->interfaces[i].vrf, x->vrf) == 0))
                found = c->interfaces[i].vrf;
    return found;
}

static void local_address(struct cfg_linter *l, const char *kind, const char *name,
                          const struct cfg_isakmp_local *x)
{
    const char *vrf = x->interface[0] || x->addr.family != IP_NONE ? vrf_of(l->c, x) : NULL;
    if (!vrf || strcmp(vrf, x->vrf) == 0)
        return;
    char addr[IP_TEXT_MAX], remedy[CFG_TEXT_MAX];
    snprintf(remedy, sizeof remedy, "as in: local-address %s%s%s",
             x->interface[0] ? x->interface : ip_addr_text(&x->addr, addr), vrf[0] ? " " : "", vrf);
    if (x->vrf[0])
        cfg_lint_add(l, x->line, "LN-15", CFG_WARNING, remedy, "%s %s: its local address is not in VRF %s",
                     kind, name, x->vrf);
    else
        cfg_lint_add(l, x->line, "LN-15", CFG_WARNING, remedy,
                     "%s %s: its local address is in VRF %s, and the line names none", kind, name, vrf);
}

void cfg_lint_vrf(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        local_address(l, "keyring", c->isakmp_keyrings[i].name, &c->isakmp_keyrings[i].local);
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *p = &c->isakmp_profiles[i];
        local_address(l, "ISAKMP profile", p->name, &p->local);
        if (p->ivrf[0])
            inner_vrf(l, tunnel_bound_to(c, p->name, NULL), "vrf", p->ivrf, p->name, p->ivrf_line);
    }
    for (unsigned i = 0; i < c->profile_count; i++)
        if (c->profiles[i].ivrf[0])
            inner_vrf(l, tunnel_bound_to(c, NULL, c->profiles[i].name), "ivrf", c->profiles[i].ivrf,
                      c->profiles[i].name, c->profiles[i].ivrf_line);
}
