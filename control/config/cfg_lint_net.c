#include "control/config/cfg_lint.h"

#include "control/config/cfg_pmap.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- addresses ----------------------------------------------------------------------------------------------------------------- */
struct network {
    struct ip_prefix net;
    const struct cfg_interface *interface;
    const struct cfg_ifaddr *addr;
};

static int by_place(const void *a, const void *b)
{
    const struct network *x = a, *y = b;
    int d = strcmp(x->interface->vrf, y->interface->vrf);
    if (d == 0)
        d = memcmp(&x->net.addr, &y->net.addr, sizeof x->net.addr);
    if (d == 0)
        d = (int)x->net.len - (int)y->net.len; /* the wider first */
    return d ? d : x->addr->line - y->addr->line;
}

static unsigned networks(const struct cfg *c, struct network *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->interface_count; i++)
        for (unsigned k = 0; k < c->interfaces[i].addr_count; k++) {
            const struct cfg_ifaddr *a = &c->interfaces[i].addrs[k];
            struct ip_prefix net;
            if (cfg_is_link_local(&a->addr) || !ip_prefix_make(&a->addr, a->len, &net))
                continue;
            if (out)
                out[n] = (struct network){net, &c->interfaces[i], a};
            n++;
        }
    return n;
}

static void overlap(struct cfg_linter *l, const struct network *a, const struct network *b)
{
    const struct network *later = a->addr->line > b->addr->line ? a : b, *earlier = later == a ? b : a;
    char text[IP_TEXT_MAX];
    if (a->interface == b->interface)
        return; /* secondary addresses of one network */
    cfg_lint_add(l, later->addr->line, "overlap", CFG_ERROR, "give each interface a network of its own",
                 "%s of %s overlaps with %s", ip_prefix_text(&later->net, text), later->interface->name,
                 earlier->interface->name);
}

static void lint_overlaps(struct cfg_linter *l)
{
    unsigned n = networks(l->c, NULL), wide = 0;
    struct network *all = n ? calloc(n, sizeof *all) : NULL;
    if (!all) {
        l->out_of_memory = l->out_of_memory || n > 0;
        return;
    }
    networks(l->c, all);
    qsort(all, n, sizeof *all, by_place);
    for (unsigned i = 1; i < n; i++)
        if (all[wide].net.addr.family == all[i].net.addr.family &&
            strcmp(all[wide].interface->vrf, all[i].interface->vrf) == 0 &&
            ip_prefix_contains(&all[wide].net, &all[i].net.addr))
            overlap(l, &all[wide], &all[i]);
        else
            wide = i;
    free(all);
}

/* ---- what is where, looked up often ----------------------------------------------------------------------------------------- */
struct view {
    struct cfg_linter *l;
    const struct cfg *c;
    struct cfg_pmap networks, own; /* by VRF, to an index into interfaces */
    struct cfg_pmap routes;        /* by VRF, to an index into routes */
    struct cfg_pmap tunnels;       /* by VRF, destination to the last tunnel that has it, ... */
    unsigned *same_destination;    /* ... and each tunnel to the one before; UINT_MAX: none */
};

static void view_interface(struct view *v, unsigned i)
{
    const struct cfg_interface *x = &v->c->interfaces[i];
    unsigned vrf = cfg_vrf_number(v->c, x->vrf);
    struct ip_prefix p;
    bool fresh;
    for (unsigned k = 0; k < x->addr_count; k++) {
        if (ip_prefix_make(&x->addrs[k].addr, ip_addr_bits(&x->addrs[k].addr), &p))
            cfg_pmap_put(&v->own, vrf, &p, i, &fresh);
        if (!x->shutdown && ip_prefix_make(&x->addrs[k].addr, x->addrs[k].len, &p))
            cfg_pmap_put(&v->networks, vrf, &p, i, &fresh);
    }
}

static void view_routes(struct view *v)
{
    bool fresh;
    for (unsigned i = 0; i < v->c->route_count; i++) {
        unsigned *best = cfg_pmap_put(&v->routes, cfg_vrf_number(v->c, v->c->routes[i].vrf),
                                      &v->c->routes[i].prefix, i, &fresh);
        if (v->c->routes[i].distance < v->c->routes[*best].distance)
            *best = i;
    }
}

static void view_free(struct view *v)
{
    cfg_pmap_free(&v->networks);
    cfg_pmap_free(&v->own);
    cfg_pmap_free(&v->routes);
    cfg_pmap_free(&v->tunnels);
    free(v->same_destination);
}

static bool view_make(struct view *v, struct cfg_linter *l)
{
    unsigned addrs = 0;
    *v = (struct view){.l = l, .c = l->c};
    for (unsigned i = 0; i < l->c->interface_count; i++)
        addrs += l->c->interfaces[i].addr_count;
    v->same_destination = calloc(l->c->interface_count + 1, sizeof *v->same_destination);
    if (!v->same_destination || cfg_pmap_init(&v->networks, addrs) != CV_OK ||
        cfg_pmap_init(&v->own, addrs) != CV_OK || cfg_pmap_init(&v->routes, l->c->route_count) != CV_OK ||
        cfg_pmap_init(&v->tunnels, l->c->interface_count) != CV_OK) {
        view_free(v);
        l->out_of_memory = true;
        return false;
    }
    for (unsigned i = 0; i < l->c->interface_count; i++)
        view_interface(v, i);
    view_routes(v);
    return true;
}

static const struct cfg_interface *owner(const struct view *v, unsigned vrf, const struct ip_addr *a)
{
    int len;
    const unsigned *i = cfg_pmap_longest(&v->own, vrf, a, &len);
    return i ? &v->c->interfaces[*i] : NULL;
}

/* The interface whose network holds a; *len is then the prefix length. */
static const struct cfg_interface *connected(const struct view *v, unsigned vrf, const struct ip_addr *a,
                                             int *len)
{
    const unsigned *i = cfg_pmap_longest(&v->networks, vrf, a, len);
    return i ? &v->c->interfaces[*i] : NULL;
}

/* Where a packet to a leaves; NULL: no route. */
static const struct cfg_interface *way_to(const struct view *v, unsigned vrf, const struct ip_addr *a)
{
    int direct_len, len, unused;
    const struct cfg_interface *direct = connected(v, vrf, a, &direct_len);
    const unsigned *i = cfg_pmap_longest(&v->routes, vrf, a, &len);
    const struct cfg_route *r = i ? &v->c->routes[*i] : NULL;
    if (!r || (direct && direct_len >= len))
        return direct;
    return r->interface[0] ? cfg_find_interface(v->c, r->interface)
                           : connected(v, vrf, &r->next_hop, &unused);
}

/* ---- tunnels ------------------------------------------------------------------------------------------------------------------------ */
static bool is_ipsec(const struct cfg_interface *t)
{
    return t->tunnel_mode == CV_TUNNEL_IPSEC4 || t->tunnel_mode == CV_TUNNEL_IPSEC6;
}

static void lint_mode(struct cfg_linter *l, const struct cfg_interface *t)
{
    if (!t->protection_profile[0])
        cfg_lint_add(l, t->line, "unprotected", is_ipsec(t) ? CFG_ERROR : CFG_WARNING,
                     "as in: tunnel protection ipsec profile NAME",
                     is_ipsec(t) ? "%s has no protection and carries nothing"
                                 : "%s is a GRE tunnel without protection: all it carries is in clear",
                     t->name);
    if (is_ipsec(t) && (t->gre_keyed || t->tunnel_ttl != 255 || t->tunnel_tos_set))
        cfg_lint_add(l, t->line, "no-effect", CFG_WARNING, "leave it out", "%s: `tunnel %s` is for GRE",
                     t->name,
                     t->gre_keyed        ? "key"
                     : t->tunnel_tos_set ? "tos"
                                         : "ttl");
    if (!is_ipsec(t) && t->cut != CFG_CUT_GLOBAL)
        cfg_lint_add(l, t->line, "no-effect", CFG_WARNING, "leave it out, or use: tunnel mode ipsec ipv4",
                     "%s: `crypto ipsec fragmentation` is nothing to GRE: what is too long is cut before it",
                     t->name);
}

static void lint_source(struct view *v, const struct cfg_interface *t)
{
    struct cfg_linter *l = v->l;
    struct ip_addr src;
    char text[IP_TEXT_MAX];
    const struct cfg_interface *x = cfg_find_interface(l->c, t->tunnel_source_if);
    unsigned vrf = cfg_vrf_number(l->c, t->tunnel_vrf);
    if (!t->tunnel_source_if[0] && t->tunnel_source.family == IP_NONE)
        cfg_lint_add(l, t->line, "incomplete", CFG_ERROR, "as in: tunnel source Ethernet0/0",
                     "%s has no source", t->name);
    else if (!cfg_tunnel_source(l->c, t, &src) && t->tunnel_source_if[0])
        cfg_lint_add(l, t->source_line, "source", CFG_ERROR, "give it one, or name another source",
                     "%s: %s has no address of the family of the tunnel's destination", t->name,
                     t->tunnel_source_if);
    else if (!cfg_tunnel_source(l->c, t, &src))
        cfg_lint_add(l, t->source_line, "source", CFG_ERROR, "use the same family for both",
                     "%s: source and destination are of different families", t->name);
    else if (!t->tunnel_source_if[0] && !owner(v, vrf, &src))
        cfg_lint_add(l, t->source_line, "source", CFG_ERROR, "name an address of one of the interfaces",
                     "%s: no interface has the source address %s", t->name, ip_addr_text(&src, text));
    if (x && strcmp(x->vrf, t->tunnel_vrf) != 0)
        cfg_lint_add(l, t->source_line, "vrf", CFG_ERROR,
                     x->vrf[0] ? "say `tunnel vrf` with the VRF of its source" : "leave `tunnel vrf` out",
                     "%s: its source %s is not in the VRF of its outer packets (%s)", t->name, x->name,
                     t->tunnel_vrf[0] ? t->tunnel_vrf : "global");
    if (x && x->shutdown)
        cfg_lint_add(l, t->source_line, "source", CFG_WARNING, "take its `shutdown` away",
                     "%s: its source %s is shut down", t->name, x->name);
}

static void lint_destination(struct view *v, const struct cfg_interface *t)
{
    struct cfg_linter *l = v->l;
    const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(l->c, t->protection_profile);
    unsigned vrf = cfg_vrf_number(l->c, t->tunnel_vrf);
    char text[IP_TEXT_MAX];
    if (t->tunnel_destination_host[0])
        cfg_lint_add(l, t->destination_line, "unsupported", CFG_ERROR, "write the address",
                     "%s: a host name as destination is not in this release", t->name);
    if (t->tunnel_destination_host[0])
        return;
    if (t->tunnel_destination.family == IP_NONE) {
        if (!p || !p->responder_only)
            cfg_lint_add(l, t->line, "incomplete", CFG_WARNING,
                         "as in: tunnel destination 192.0.2.2; or say `responder-only` in the IPsec profile",
                         "%s has no destination: it waits for a peer and cannot start one", t->name);
        return;
    }
    const struct cfg_interface *own = owner(v, vrf, &t->tunnel_destination),
                               *way = way_to(v, vrf, &t->tunnel_destination);
    ip_addr_text(&t->tunnel_destination, text);
    if (own)
        cfg_lint_add(l, t->destination_line, "destination", CFG_ERROR, "name the peer's address",
                     "%s: its destination %s is an address of %s here", t->name, text, own->name);
    else if (way == t)
        cfg_lint_add(l, t->destination_line, "loop", CFG_ERROR,
                     "add a more specific route to it past the tunnel",
                     "%s: its destination %s is routed into the tunnel itself", t->name, text);
    else if (!way)
        cfg_lint_add(l, t->destination_line, "no-route", CFG_WARNING,
                     t->tunnel_destination.family == IP_V6 ? "as in: ipv6 route ::/0 2001:db8::1"
                                                           : "as in: ip route 0.0.0.0 0.0.0.0 192.0.2.254",
                     "%s: there is no route to its destination %s", t->name, text);
}

/* How well a profile covers an address: 0 not, 1 any, 2 + mask length. */
static unsigned coverage(const struct cfg_ikev2_profile *p, const struct ip_addr *a)
{
    unsigned best = 0;
    for (unsigned i = 0; i < p->match_count && cfg_profile_complete(p); i++) {
        const struct cfg_id *m = &p->match[i];
        unsigned n = m->kind == CFG_ID_ANY ? 1
                     : m->kind == CFG_ID_ADDRESS && m->prefix.addr.family == a->family &&
                             ip_prefix_contains(&m->prefix, a)
                         ? 2u + m->prefix.len
                         : 0;
        best = n > best ? n : best;
    }
    return best;
}

/* A profile is for calls to some of our addresses, in one VRF or any. */
static bool answers(const struct cfg *c, const struct cfg_interface *t, const struct cfg_ikev2_profile *p)
{
    struct ip_addr src;
    if (!p->fvrf_any && strcmp(p->fvrf, t->tunnel_vrf) != 0)
        return false;
    if (p->local_count == 0 || !cfg_tunnel_source(c, t, &src))
        return true;
    for (unsigned i = 0; i < p->local_count; i++) {
        const struct cfg_interface *x = cfg_find_interface(c, p->local[i].interface);
        if (!x && ip_addr_equal(&p->local[i].addr, &src))
            return true;
        for (unsigned k = 0; x && k < x->addr_count; k++)
            if (ip_addr_equal(&x->addrs[k].addr, &src))
                return true;
    }
    return false;
}

/* LN-11: who calls is given to the most specific profile (PF-3), of equal ones to the last (PF-8). */
static void lint_binding(struct cfg_linter *l, const struct cfg_interface *t,
                         const struct cfg_ikev2_profile *bound)
{
    const struct cfg *c = l->c;
    const struct cfg_ikev2_profile *taken = NULL;
    unsigned most = 0;
    char remedy[CFG_TEXT_MAX];
    for (unsigned i = 0; i < c->profile_count; i++) {
        const struct cfg_ikev2_profile *p = &c->profiles[i];
        unsigned n = coverage(p, &t->tunnel_destination);
        if (n == 0 || n < most || !answers(c, t, p))
            continue;
        most = n;
        taken = p;
    }
    if (!bound && !taken)
        cfg_lint_add(l, t->protection_line, "no-profile", CFG_ERROR, "bind one: set ikev2-profile NAME",
                     "%s: its IPsec profile is bound to no IKEv2 profile, and none matches its destination",
                     t->name);
    if (!bound || taken == bound || coverage(bound, &t->tunnel_destination) == 0)
        return;
    if (!answers(c, t, bound)) {
        cfg_lint_add(l, t->protection_line, "LN-11", CFG_WARNING,
                     "let its `match fvrf` and `match address local` take the outer packets of the tunnel",
                     "%s is bound to IKEv2 profile %s, which is not for its VRF or source address: the peer "
                     "cannot call (PF-9)",
                     t->name, bound->name);
        return;
    }
    snprintf(remedy, sizeof remedy,
             "bind that one: set ikev2-profile %s; or let its `match identity remote` spare this peer",
             taken->name);
    cfg_lint_add(l, t->protection_line, "LN-11", CFG_WARNING, remedy,
                 "%s is bound to IKEv2 profile %s, but %s is taken when this peer calls (PF-9)", t->name,
                 bound->name, taken->name);
}

/* The initiator looks the peer up by its address, then by an identity. */
static void lint_key(struct cfg_linter *l, const struct cfg_interface *t, const struct cfg_ikev2_profile *p)
{
    const struct cfg_ikev2_keyring *k = cfg_find_keyring(l->c, p->keyring);
    char text[IP_TEXT_MAX];
    bool own = (p->auth_local != CFG_AUTH_PSK || p->auth_local_key.n > 0) &&
               (!(p->auth_remote & CFG_AUTH_PSK) || p->auth_remote_key.n > 0);
    if (own || !k || k->peer_count == 0)
        return; /* said with the profile */
    for (unsigned i = 0; i < k->peer_count; i++)
        if ((k->peers[i].has_address && k->peers[i].address.addr.family == t->tunnel_destination.family &&
             ip_prefix_contains(&k->peers[i].address, &t->tunnel_destination)) ||
            k->peers[i].identity.kind != CFG_ID_NONE)
            return;
    cfg_lint_add(l, t->protection_line, "no-psk", CFG_ERROR, "add a peer with this address to the keyring",
                 "%s: keyring %s of IKEv2 profile %s has no key for %s", t->name, k->name, p->name,
                 ip_addr_text(&t->tunnel_destination, text));
}

static bool same_ends(const struct cfg *c, const struct cfg_interface *a, const struct cfg_interface *b)
{
    struct ip_addr x, y;
    return a->kind == CV_IF_TUNNEL && a->protection_profile[0] && b->tunnel_destination.family != IP_NONE &&
           ip_addr_equal(&a->tunnel_destination, &b->tunnel_destination) && cfg_tunnel_source(c, a, &x) &&
           cfg_tunnel_source(c, b, &y) && ip_addr_equal(&x, &y) &&
           strcmp(a->protection_profile, b->protection_profile) == 0 && a->tunnel_mode == b->tunnel_mode;
}

static bool same_key(const struct cfg_interface *a, const struct cfg_interface *b)
{
    return a->gre_keyed == b->gre_keyed && a->gre_key == b->gre_key;
}

/* Two tunnels with the same ends and protection: the second would never see a packet. A GRE key tells packets apart, not negotiations (PR-13). */
static void lint_twins(struct view *v, const struct cfg_interface *t)
{
    unsigned self = (unsigned)(t - v->c->interfaces);
    struct ip_prefix p;
    bool fresh;
    if (!ip_prefix_make(&t->tunnel_destination, ip_addr_bits(&t->tunnel_destination), &p) ||
        t->tunnel_destination.family == IP_NONE)
        return;
    unsigned *last = cfg_pmap_put(&v->tunnels, cfg_vrf_number(v->c, t->tunnel_vrf), &p, self, &fresh);
    v->same_destination[self] = fresh ? UINT_MAX : *last;
    *last = self;
    for (unsigned i = v->same_destination[self]; i != UINT_MAX; i = v->same_destination[i])
        if (same_ends(v->c, &v->c->interfaces[i], t)) {
            cfg_lint_add(v->l, t->line, "overlap", CFG_ERROR,
                         "give each tunnel a source or destination of its own",
                         "%s and %s have the same source, destination and protection%s",
                         v->c->interfaces[i].name, t->name,
                         same_key(&v->c->interfaces[i], t)
                             ? ""
                             : ": each negotiates an SA of its own for the same traffic, whatever its "
                               "`tunnel key`; one for both, as `shared` has it on IOS, is not in this "
                               "release");
            return;
        }
}

/* Who negotiates, with which profile and key. */
static void lint_negotiation(struct cfg_linter *l, const struct cfg_interface *t)
{
    const struct cfg_ipsec_profile *ipsec = cfg_find_ipsec_profile(l->c, t->protection_profile);
    if (ipsec && cfg_ipsec_ike_version(l->c, ipsec) == CFG_IKEV1) {
        cfg_lint_isakmp_tunnel(l, t, ipsec);
        return;
    }
    if (!ipsec || t->tunnel_destination.family == IP_NONE)
        return;
    const struct cfg_ikev2_profile *bound = cfg_find_profile(l->c, ipsec->ikev2_profile);
    lint_binding(l, t, bound);
    if (bound)
        lint_key(l, t, bound);
}

static void lint_tunnel(struct view *v, const struct cfg_interface *t)
{
    struct cfg_linter *l = v->l;
    lint_mode(l, t);
    lint_source(v, t);
    if (!t->protection_profile[0])
        return;
    lint_destination(v, t);
    lint_twins(v, t);
    lint_negotiation(l, t);
}

/* The flows of an entry differ in their selectors only: the first stands for all. */
static void lint_flow(struct view *v, const struct cfg_interface *t)
{
    const struct cfg_interface *before = t - 1;
    if (before->flow && strcmp(before->flow->group, t->flow->group) == 0)
        return;
    if (!t->flow->is_dynamic)
        lint_destination(v, t);
    lint_negotiation(v->l, t);
}

/* ---- ports and routes -------------------------------------------------------------------------------------------------------------- */
static void lint_port(struct cfg_linter *l, const struct cfg_interface *x)
{
    const struct platform *p = &l->c->platform;
    for (unsigned i = 0; i < p->port_count; i++)
        if (strcmp(p->ports[i].name, x->name) == 0)
            return;
    if (p->present)
        cfg_lint_add(l, x->line, "port", CFG_WARNING, "add to `platform dataplane`: port NAME pci ADDRESS",
                     "%s has no port and stays down", x->name);
}

static void lint_route(struct view *v, const struct cfg_route *r)
{
    struct cfg_linter *l = v->l;
    const struct cfg_interface *x = cfg_find_interface(l->c, r->interface);
    int len;
    unsigned vrf = cfg_vrf_number(l->c, r->vrf);
    char text[IP_TEXT_MAX], hop[IP_TEXT_MAX];
    ip_prefix_text(&r->prefix, text);
    if (x && strcmp(x->vrf, r->vrf) != 0)
        cfg_lint_add(l, r->line, "vrf", CFG_WARNING, "name an interface of the same VRF",
                     "the route to %s leaves its VRF by %s", text, x->name);
    if (x && x->kind == CV_IF_PORT && r->next_hop.family == IP_NONE)
        cfg_lint_add(l, r->line, "next-hop", CFG_WARNING, "name the next router: Ethernet0/0 192.0.2.254",
                     "the route to %s takes every address in it for a neighbour on %s", text, x->name);
    else if (r->next_hop.family != IP_NONE && owner(v, vrf, &r->next_hop))
        cfg_lint_add(l, r->line, "next-hop", CFG_ERROR, "name the next router",
                     "the next hop %s of the route to %s is this host", ip_addr_text(&r->next_hop, hop),
                     text);
    else if (!r->interface[0] && !connected(v, vrf, &r->next_hop, &len))
        cfg_lint_add(l, r->line, "next-hop", CFG_WARNING,
                     "a next hop on the network of an interface that is up",
                     "the next hop %s of the route to %s is on no connected network",
                     ip_addr_text(&r->next_hop, hop), text);
}

enum { IPV6_MTU_LEAST = 1280 };

static bool has_ipv6(const struct cfg_interface *x)
{
    for (unsigned i = 0; i < x->addr_count; i++)
        if (x->addrs[i].addr.family == IP_V6)
            return true;
    return false;
}

static void lint_mtu(struct cfg_linter *l, const struct cfg_interface *x)
{
    unsigned four = x->ip_mtu, six = x->ipv6_mtu;
    if (six && four != six)
        cfg_lint_add(l, x->line, "mtu", CFG_WARNING, "say the same value in both lines",
                     "%s: one MTU holds for IPv4 and IPv6: %u", x->name, four && four < six ? four : six);
    else if (!six && four && four < IPV6_MTU_LEAST && has_ipv6(x))
        cfg_lint_add(l, x->line, "mtu", CFG_WARNING, "say: ip mtu 1280",
                     "%s: `ip mtu %u` holds for IPv6, too, which needs 1280 (RFC 8200 5)", x->name, four);
}

void cfg_lint_net(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    struct view v;
    lint_overlaps(l);
    if (!view_make(&v, l))
        return;
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *x = &c->interfaces[i];
        lint_mtu(l, x);
        if (x->kind == CV_IF_TUNNEL && !x->shutdown)
            lint_tunnel(&v, x);
        else if (x->flow && !x->shutdown)
            lint_flow(&v, x);
        else if (x->kind == CV_IF_PORT && !x->shutdown)
            lint_port(l, x);
    }
    for (unsigned i = 0; i < c->route_count; i++)
        lint_route(&v, &c->routes[i]);
    view_free(&v);
}
