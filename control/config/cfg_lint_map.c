#include "control/config/cfg_alg.h"
#include "control/config/cfg_lint.h"

#include <stdio.h>
#include <string.h>

/* ---- entries ------------------------------------------------------------------------------------------------------ */
static const char *kind(const struct cfg_crypto_map *m)
{
    return m->dynamic ? "crypto dynamic-map" : m->ipv6 ? "crypto map ipv6" : "crypto map";
}

/* As IOS says it (ios-semantics 4.7). */
static void incomplete(struct cfg_linter *l, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    const char *missing = "permit line in its access list";
    if (!e->acl[0])
        missing = "`match address`";
    if (!m->dynamic && e->peer_count == 0)
        missing = e->acl[0] ? "`set peer`" : "`set peer` and `match address`";
    if (!e->dynamic[0] && !cfg_map_entry_complete(l->c, e, m->dynamic))
        cfg_lint_add(l, e->line, "incomplete", CFG_WARNING, "add what is missing, or take the entry away",
                     "%s %s entry %u is in an incomplete state and is never used: it has no %s", kind(m),
                     m->name, e->seq, missing);
}

static void bindings(struct cfg_linter *l, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    const struct cfg_ipsec_profile *p = &e->ipsec;
    bool isakmp = p->isakmp_profile[0] || m->isakmp_profile[0];
    if (p->isakmp_profile[0] && p->ikev2_profile[0])
        cfg_lint_add(l, p->isakmp_profile_line, "G25", CFG_WARNING, "keep one of them",
                     "%s %s entry %u: `set ikev2-profile` wins, `set isakmp-profile` has no effect", kind(m),
                     m->name, e->seq);
    else if (!isakmp && !p->ikev2_profile[0] && !m->dynamic && cfg_map_entry_complete(l->c, e, false))
        cfg_lint_add(l, e->line, "LN-6", CFG_INFO, "bind one: set isakmp-profile NAME",
                     "%s %s entry %u is bound to no IKE profile; the best match is taken (PF-2)", kind(m),
                     m->name, e->seq);
    if (p->pfs && cfg_alg_weak_group(p->pfs_group))
        cfg_lint_add(l, e->line, "LN-12", CFG_WARNING, "as in: set pfs group19",
                     "%s %s entry %u: PFS group %u is weak", kind(m), m->name, e->seq, p->pfs_group);
}

/* LN-13: whatever stands behind a dynamic map that takes any peer and any packet is never reached. */
static void dynamic_last(struct cfg_linter *l, const struct cfg_crypto_map *m)
{
    for (unsigned i = 0; i + 1 < m->entry_count; i++)
        if (m->entries[i].dynamic[0] && !m->entries[i + 1].dynamic[0])
            cfg_lint_add(
                l, m->entries[i].line, "LN-13", CFG_WARNING, "give it the highest number, as 65535",
                "crypto map %s entry %u points to a dynamic map and stands in front of entry %u: peers of "
                "that one may be given to it",
                m->name, m->entries[i].seq, m->entries[i + 1].seq);
}

/* ---- what nobody uses --------------------------------------------------------------------------------------------- */
static bool map_used(const struct cfg *c, const struct cfg_crypto_map *m)
{
    for (unsigned i = 0; i < c->interface_count && !m->dynamic; i++)
        if (cfg_map_applied(&c->interfaces[i], m->name))
            return true;
    for (unsigned i = 0; i < c->map_count && m->dynamic; i++)
        for (unsigned k = 0; k < c->maps[i].entry_count; k++)
            if (strcmp(c->maps[i].entries[k].dynamic, m->name) == 0)
                return true;
    return false;
}

static bool acl_used(const struct cfg *c, const struct cfg_acl *a)
{
    for (unsigned i = 0; i < c->map_count; i++)
        for (unsigned k = 0; k < c->maps[i].entry_count; k++)
            if (strcmp(c->maps[i].entries[k].acl, a->name) == 0)
                return true;
    return false;
}

static void lint_map(struct cfg_linter *l, const struct cfg_crypto_map *m)
{
    if (!map_used(l->c, m))
        cfg_lint_add(l, m->line, "unused", CFG_WARNING,
                     m->dynamic ? "name it in a crypto map: crypto map M 65535 ipsec-isakmp dynamic NAME"
                     : m->ipv6  ? "apply it to an interface: ipv6 crypto map NAME"
                                : "apply it to an interface: crypto map NAME",
                     "%s %s is used nowhere", kind(m), m->name);
    for (unsigned i = 0; i < m->entry_count; i++) {
        incomplete(l, m, &m->entries[i]);
        if (!m->entries[i].dynamic[0])
            bindings(l, m, &m->entries[i]);
    }
    if (!m->dynamic)
        dynamic_last(l, m);
}

/* ---- where it is applied ------------------------------------------------------------------------------------------ */
/* Of IPv6 a link-local address is none: cfg_tunnel_source takes none either. */
static bool has_address(const struct cfg_interface *x, bool ipv6)
{
    for (unsigned i = 0; i < x->addr_count; i++) {
        const struct ip_addr *a = &x->addrs[i].addr;
        if (a->family == (ipv6 ? IP_V6 : IP_V4) && !cfg_is_link_local(a))
            return true;
    }
    return false;
}

static void lint_applied(struct cfg_linter *l, const struct cfg_interface *x, const struct cfg_crypto_map *m)
{
    const struct cfg_interface *local = cfg_find_interface(l->c, m->local_address);
    const struct cfg_interface *source = local ? local : x;
    if (local && strcmp(local->vrf, x->vrf) != 0)
        cfg_lint_add(l, m->local_address_line, "vrf", CFG_ERROR, "name an interface of the same VRF",
                     "crypto map %s: %s is in another VRF than %s, which the map is applied to", m->name,
                     local->name, x->name);
    if (!has_address(source, m->ipv6))
        cfg_lint_add(l, m->ipv6 ? x->crypto_map6_line : x->crypto_map_line, "source", CFG_ERROR,
                     m->ipv6 ? "give it one that is not link-local, or name another: crypto map ipv6 M "
                               "local-address IF"
                             : "give it one, or name another: crypto map M local-address IF",
                     "%s %s on %s: %s has no IPv%c address to negotiate from", kind(m), m->name, x->name,
                     source->name, m->ipv6 ? '6' : '4');
}

static bool one_port_or_all(const struct ts *t)
{
    return t->port_lo == t->port_hi || (t->port_lo == 0 && t->port_hi == UINT16_MAX);
}

/* RFC 2407 4.6.2: an identity of phase 2 has one port, or 0 for all. */
static void lint_ports(struct cfg_linter *l, const struct cfg_interface *x)
{
    const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(l->c, x->protection_profile);
    const struct cfg_acl *acl = NULL;
    if (!p || cfg_ipsec_ike_version(l->c, p) != CFG_IKEV1 ||
        (one_port_or_all(&x->flow->local) && one_port_or_all(&x->flow->remote)))
        return;
    int line = x->line;
    for (unsigned i = 0; i < l->c->acl_count; i++) {
        acl = &l->c->acls[i];
        for (unsigned k = 0; k < acl->ace_count; k++)
            if (ts_equal(&acl->aces[k].local, &x->flow->local) &&
                ts_equal(&acl->aces[k].remote, &x->flow->remote))
                line = acl->aces[k].line;
    }
    cfg_lint_add(l, line, "port-range", CFG_ERROR, "use `eq`, or bind the entry to an IKEv2 profile",
                 "crypto map %s entry %u: IKEv1 cannot say a range of ports", x->flow->map, x->flow->seq);
}

void cfg_lint_map(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    for (unsigned i = 0; i < c->map_count; i++)
        lint_map(l, &c->maps[i]);
    for (unsigned i = 0; i < c->acl_count; i++)
        if (!acl_used(c, &c->acls[i]))
            cfg_lint_add(
                l, c->acls[i].line, "unused", CFG_WARNING, "name it in a crypto map: match address NAME",
                "no crypto map uses access list %s; packets are not filtered by it", c->acls[i].name);
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *x = &c->interfaces[i];
        for (unsigned six = 0; six < 2 && !x->shutdown; six++)
            if (cfg_map_on(c, x, six))
                lint_applied(l, x, cfg_map_on(c, x, six));
        if (x->flow)
            lint_ports(l, x);
    }
}
