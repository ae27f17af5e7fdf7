#include "control/config/cfg_refs.h"

#include "control/config/cfg_findings.h"

#include <stdio.h>
#include <string.h>

/* The names of one kind: an array of objects, each with its name first. */
struct names {
    const char *kind, *command; /* "keyring", "crypto ikev2 keyring" */
    const void *items;
    size_t size;
    unsigned count;
    const char *remedy_tail; /* what stands behind the name in the command; NULL nothing */
};

static const char *name_at(const struct names *n, unsigned i)
{
    return (const char *)n->items + i * n->size;
}

static bool has(const struct names *n, const char *name)
{
    for (unsigned i = 0; i < n->count; i++)
        if (strcmp(name_at(n, i), name) == 0)
            return true;
    return false;
}

static const char *nearest(const struct names *n, const char *name)
{
    const char *best = NULL;
    unsigned limit = strlen(name) > 4 ? 2 : 1, least = limit + 1;
    for (unsigned i = 0; i < n->count; i++) {
        unsigned d = cfg_distance(name_at(n, i), name, limit);
        if (d < least) {
            least = d;
            best = name_at(n, i);
        }
    }
    return best;
}

static bool missing(struct cfg_parser *p, const struct names *n, const char *name, int line,
                    enum cfg_severity severity)
{
    char remedy[CFG_TEXT_MAX];
    if (!name[0] || has(n, name) || cfg_fatal_errors(p) >= CFG_ERRORS_MAX)
        return false;
    const char *near = nearest(n, name);
    if (near)
        snprintf(remedy, sizeof remedy, "did you mean %s? else define it: %s %s%s", near, n->command, name,
                 n->remedy_tail ? n->remedy_tail : "");
    else
        snprintf(remedy, sizeof remedy, "define it: %s %s%s", n->command, name,
                 n->remedy_tail ? n->remedy_tail : "");
    if (cfg_findings_add(p->findings, line, 0, "reference", severity, remedy, "there is no %s %s", n->kind,
                         name) != CV_OK)
        p->out_of_memory = true;
    return true;
}

/* Without an interface, an access list, a trust-point or a certificate map (which then matches nothing) the rest of a router's configuration
 * still means what it means. */
static bool tolerable(const struct cfg_parser *p, const struct names *n)
{
    return p->ios && (n->size == sizeof(struct cfg_interface) || n->size == sizeof(struct cfg_acl) ||
                      n->size == sizeof(struct cfg_trustpoint) || n->size == sizeof(struct cfg_certmap));
}

static void check(struct cfg_parser *p, const struct names *n, const char *name, int line)
{
    if (tolerable(p, n)) {
        (void)missing(p, n, name, line, CFG_WARNING);
        return;
    }
    if (missing(p, n, name, line, CFG_ERROR))
        p->errors++;
}

#define NAMES(kind_, command_, items_, count_)                                                               \
    (struct names)                                                                                           \
    {                                                                                                        \
        .kind = kind_, .command = command_, .items = items_, .size = sizeof *(items_), .count = count_       \
    }
/* NAMES reads the name at the start of each object. */
static_assert(offsetof(struct cfg_ikev2_proposal, name) == 0, "name first");
static_assert(offsetof(struct cfg_ikev2_keyring, name) == 0, "name first");
static_assert(offsetof(struct cfg_ikev2_profile, name) == 0, "name first");
static_assert(offsetof(struct cfg_isakmp_keyring, name) == 0, "name first");
static_assert(offsetof(struct cfg_isakmp_profile, name) == 0, "name first");
static_assert(offsetof(struct cfg_transform_set, name) == 0, "name first");
static_assert(offsetof(struct cfg_ipsec_profile, name) == 0, "name first");
static_assert(offsetof(struct cfg_interface, name) == 0, "name first");
static_assert(offsetof(struct cfg_acl, name) == 0, "name first");
static_assert(offsetof(struct cfg_crypto_map, name) == 0, "name first");
static_assert(offsetof(struct cfg_vrf, name) == 0, "name first");
static_assert(offsetof(struct cfg_trustpoint, name) == 0, "name first");
static_assert(offsetof(struct cfg_certmap, name) == 0, "name first");

static void check_ikev2(struct cfg_parser *p, const struct names *interfaces)
{
    struct cfg *c = p->c;
    struct names proposals =
        NAMES("IKEv2 proposal", "crypto ikev2 proposal", c->proposals, c->proposal_count);
    struct names keyrings = NAMES("IKEv2 keyring", "crypto ikev2 keyring", c->keyrings, c->keyring_count);
    for (unsigned i = 0; i < c->policy_count; i++)
        for (unsigned k = 0; k < c->policies[i].proposal_count && !c->policies[i].builtin; k++)
            check(p, &proposals, c->policies[i].proposals[k], c->policies[i].proposal_lines[k]);
    for (unsigned i = 0; i < c->profile_count; i++) {
        const struct cfg_ikev2_profile *x = &c->profiles[i];
        check(p, &keyrings, x->keyring, x->keyring_line);
        for (unsigned k = 0; k < x->local_count; k++)
            check(p, interfaces, x->local[k].interface, x->line);
    }
}

/* A router takes a profile whose keyring is not there (and finds no key in it): the file is not refused. */
static void check_isakmp(struct cfg_parser *p, const struct names *interfaces)
{
    struct cfg *c = p->c;
    struct names keyrings = NAMES("keyring", "crypto keyring", c->isakmp_keyrings, c->isakmp_keyring_count);
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        check(p, interfaces, c->isakmp_keyrings[i].local.interface, c->isakmp_keyrings[i].line);
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *x = &c->isakmp_profiles[i];
        check(p, interfaces, x->local.interface, x->line);
        for (unsigned k = 0; k < x->keyring_count; k++)
            if (strcmp(x->keyrings[k], c->isakmp_default.name) != 0)
                (void)missing(p, &keyrings, x->keyrings[k], x->keyring_lines[k], CFG_WARNING);
    }
}

/* The ports of a router are there without a section of their own, which only leaves them without an address: the same. */
static void check_source(struct cfg_parser *p, const struct names *interfaces, const struct cfg_interface *x)
{
    char name[CV_NAME_MAX];
    enum cv_if_kind kind;
    if (x->tunnel_source_if[0] && cfg_interface_name(x->tunnel_source_if, name, &kind) && kind == CV_IF_PORT)
        (void)missing(p, interfaces, x->tunnel_source_if, x->source_line, CFG_WARNING);
    else
        check(p, interfaces, x->tunnel_source_if, x->source_line);
}

/* An IPsec profile, or what an entry of a crypto map has of one. */
static void check_ipsec(struct cfg_parser *p, const struct cfg_ipsec_profile *x)
{
    struct cfg *c = p->c;
    struct names sets =
        NAMES("transform set", "crypto ipsec transform-set", c->transform_sets, c->transform_set_count);
    struct names profiles = NAMES("IKEv2 profile", "crypto ikev2 profile", c->profiles, c->profile_count);
    struct names isakmp =
        NAMES("ISAKMP profile", "crypto isakmp profile", c->isakmp_profiles, c->isakmp_profile_count);
    for (unsigned k = 0; k < x->transform_set_count && !x->builtin; k++)
        check(p, &sets, x->transform_sets[k], x->transform_set_line);
    check(p, &profiles, x->ikev2_profile, x->ikev2_profile_line);
    check(p, &isakmp, x->isakmp_profile, x->isakmp_profile_line);
}

static void misused(struct cfg_parser *p, int line, const char *remedy, const char *kind, const char *name,
                    bool ipv6)
{
    p->errors++;
    if (cfg_findings_add(p->findings, line, 0, "reference", CFG_ERROR, remedy, "%s %s is one of IPv%c", kind,
                         name, ipv6 ? '6' : '4') != CV_OK)
        p->out_of_memory = true;
}

/* Static and dynamic maps have name spaces of their own. */
static bool has_map(struct cfg_parser *p, const char *name, bool ipv6, bool dynamic, int line)
{
    if (!name[0] || cfg_find_map(p->c, name, dynamic) || cfg_fatal_errors(p) >= CFG_ERRORS_MAX)
        return true;
    p->errors++;
    char remedy[CFG_TEXT_MAX];
    snprintf(remedy, sizeof remedy, "define it: crypto %s %s 10%s",
             dynamic ? "dynamic-map"
             : ipv6  ? "map ipv6"
                     : "map",
             name, dynamic ? "" : " ipsec-isakmp");
    if (cfg_findings_add(p->findings, line, 0, "reference", CFG_ERROR, remedy, "there is no crypto %s %s",
                         dynamic ? "dynamic-map" : "map", name) != CV_OK)
        p->out_of_memory = true;
    return false;
}

/* `crypto map` and `ipv6 crypto map` of an interface. */
static void check_applied(struct cfg_parser *p, const struct cfg_interface *x, bool ipv6)
{
    const char *name = ipv6 ? x->crypto_map6 : x->crypto_map;
    const int line = ipv6 ? x->crypto_map6_line : x->crypto_map_line;
    const struct cfg_crypto_map *m = cfg_map_on(p->c, x, ipv6);
    char remedy[CFG_TEXT_MAX];
    if (!m) {
        (void)has_map(p, name, ipv6, false, line);
    } else if (m->ipv6 != ipv6) {
        snprintf(remedy, sizeof remedy, "write: %s %s", ipv6 ? "crypto map" : "ipv6 crypto map", name);
        misused(p, line, remedy, "crypto map", name, m->ipv6);
    }
}

/* The list of an entry has its family. */
static void check_list(struct cfg_parser *p, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    struct names lists = NAMES("access list", m->ipv6 ? "ipv6 access-list" : "ip access-list extended",
                               p->c->acls, p->c->acl_count);
    const struct cfg_acl *a = cfg_find_acl(p->c, e->acl);
    char remedy[CFG_TEXT_MAX];
    check(p, &lists, e->acl, e->acl_line);
    if (!e->acl[0] || !a || a->ipv6 == m->ipv6)
        return;
    snprintf(remedy, sizeof remedy, "name one that is made by: %s NAME", lists.command);
    misused(p, e->acl_line, remedy, "access list", e->acl, a->ipv6);
}

static void check_map(struct cfg_parser *p, const struct cfg_crypto_map *m, const struct names *interfaces)
{
    struct cfg *c = p->c;
    struct names isakmp =
        NAMES("ISAKMP profile", "crypto isakmp profile", c->isakmp_profiles, c->isakmp_profile_count);
    check(p, interfaces, m->local_address, m->local_address_line);
    check(p, &isakmp, m->isakmp_profile, m->isakmp_profile_line);
    for (unsigned i = 0; i < m->entry_count; i++) {
        const struct cfg_map_entry *e = &m->entries[i];
        check_ipsec(p, &e->ipsec);
        check_list(p, m, e);
        (void)has_map(p, e->dynamic, false, true, e->dynamic_line);
    }
}

static void check_vrfs(struct cfg_parser *p)
{
    struct cfg *c = p->c;
    struct names vrfs = NAMES("VRF", "vrf definition", c->vrfs, c->vrf_count);
    for (unsigned i = 0; i < c->interface_count; i++) {
        check(p, &vrfs, c->interfaces[i].vrf, c->interfaces[i].vrf_line);
        check(p, &vrfs, c->interfaces[i].tunnel_vrf, c->interfaces[i].tunnel_vrf_line);
    }
    for (unsigned i = 0; i < c->route_count; i++)
        check(p, &vrfs, c->routes[i].vrf, c->routes[i].line);
    for (unsigned i = 0; i < c->neighbor_count; i++)
        check(p, &vrfs, c->neighbors[i].vrf, c->neighbors[i].line);
    for (unsigned i = 0; i < c->policy_count; i++)
        check(p, &vrfs, c->policies[i].fvrf, c->policies[i].line);
    for (unsigned i = 0; i < c->profile_count; i++) {
        check(p, &vrfs, c->profiles[i].fvrf, c->profiles[i].line);
        check(p, &vrfs, c->profiles[i].ivrf, c->profiles[i].ivrf_line);
    }
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++) {
        check(p, &vrfs, c->isakmp_keyrings[i].vrf, c->isakmp_keyrings[i].line);
        check(p, &vrfs, c->isakmp_keyrings[i].local.vrf, c->isakmp_keyrings[i].local.line);
    }
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *x = &c->isakmp_profiles[i];
        check(p, &vrfs, x->fvrf, x->match_count ? x->match[0].line : x->line);
        check(p, &vrfs, x->ivrf, x->ivrf_line);
        check(p, &vrfs, x->local.vrf, x->local.line);
    }
    for (unsigned i = 0; i < c->trustpoint_count; i++)
        check(p, &vrfs, c->trustpoints[i].vrf, c->trustpoints[i].vrf_line);
    for (unsigned i = 0; i < c->isakmp_peer_count; i++)
        check(p, &vrfs, c->isakmp_peers[i].vrf, c->isakmp_peers[i].vrf_line);
}

/* Trust-points may be enrolled elsewhere, or made up by explain (C13 to C17): one that is not there is warned of. A certificate map that is not
 * there would never match. */
static void check_pki(struct cfg_parser *p, const struct names *interfaces)
{
    struct cfg *c = p->c;
    struct names points = NAMES("trust-point", "crypto pki trustpoint", c->trustpoints, c->trustpoint_count);
    struct names maps = NAMES("certificate map", "crypto pki certificate map", c->certmaps, c->certmap_count);
    maps.remedy_tail = " 10";
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *x = &c->isakmp_profiles[i];
        for (unsigned k = 0; k < x->trustpoint_count; k++)
            (void)missing(p, &points, x->trustpoints[k], x->trustpoint_line, CFG_WARNING);
        for (unsigned k = 0; k < x->certmap_count; k++)
            check(p, &maps, x->certmaps[k].name, x->certmaps[k].line);
    }
    for (unsigned i = 0; i < c->profile_count; i++) {
        const struct cfg_ikev2_profile *x = &c->profiles[i];
        for (unsigned k = 0; k < x->trustpoint_count; k++)
            (void)missing(p, &points, x->trustpoints[k].name, x->trustpoints[k].line, CFG_WARNING);
        for (unsigned k = 0; k < x->certmap_count; k++)
            check(p, &maps, x->certmaps[k].name, x->certmaps[k].line);
    }
    for (unsigned i = 0; i < c->trustpoint_count; i++) {
        const struct cfg_trustpoint *x = &c->trustpoints[i];
        enum cv_if_kind kind;
        char name[CV_NAME_MAX];
        check(p, &points, x->chain_parent, x->chain_line);
        check(p, interfaces, x->source_interface, x->source_line);
        if (cfg_interface_name(x->ip_address, name, &kind))
            check(p, interfaces, x->ip_address, x->ip_address_line);
        for (unsigned k = 0; k < x->match_count; k++)
            check(p, &maps, x->match[k].map, x->match[k].line);
    }
    for (unsigned i = 0; i < c->certificate_count; i++)
        (void)missing(p, &points, c->certificates[i].trustpoint, c->certificates[i].line, CFG_WARNING);
}

/* Null0 is no interface that could be defined. */
static void check_exit(struct cfg_parser *p, const struct names *interfaces, const struct cfg_route *r)
{
    if (strcmp(r->interface, "Null0") != 0) {
        check(p, interfaces, r->interface, r->line);
        return;
    }
    p->errors += !p->ios;
    if (cfg_findings_add(p->findings, r->line, 0, "unsupported", p->ios ? CFG_INFO : CFG_ERROR,
                         "leave the route out: what has no route is dropped",
                         "there is no Null0 in this release") != CV_OK)
        p->out_of_memory = true;
}

void cfg_refs_check(struct cfg_parser *p)
{
    struct cfg *c = p->c;
    struct names interfaces = NAMES("interface", "interface", c->interfaces, c->interface_count);
    struct names ipsec =
        NAMES("IPsec profile", "crypto ipsec profile", c->ipsec_profiles, c->ipsec_profile_count);
    check_ikev2(p, &interfaces);
    check_isakmp(p, &interfaces);
    check_vrfs(p);
    check_pki(p, &interfaces);
    for (unsigned i = 0; i < c->ipsec_profile_count; i++)
        check_ipsec(p, &c->ipsec_profiles[i]);
    for (unsigned i = 0; i < c->map_count; i++)
        check_map(p, &c->maps[i], &interfaces);
    for (unsigned i = 0; i < c->interface_count; i++) {
        check_source(p, &interfaces, &c->interfaces[i]);
        check(p, &ipsec, c->interfaces[i].protection_profile, c->interfaces[i].protection_line);
        check_applied(p, &c->interfaces[i], false);
        check_applied(p, &c->interfaces[i], true);
    }
    for (unsigned i = 0; i < c->route_count; i++)
        check_exit(p, &interfaces, &c->routes[i]);
    for (unsigned i = 0; i < c->neighbor_count; i++)
        check(p, &interfaces, c->neighbors[i].interface, c->neighbors[i].line);
}
