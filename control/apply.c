#include "control/apply.h"

#include "common/log.h"
#include "control/config/cfg.h"
#include "control/config/cfg_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void apply_free(struct apply_set *s)
{
    free(s->ifs);
    free(s->addrs);
    free(s->routes);
    free(s->policies);
    free(s->nbrs);
    memset(s, 0, sizeof *s);
}

static bool vrf_id(struct rt_names *vrfs, const char *name, uint16_t *id)
{
    *id = 0;
    if (name[0] == '\0')
        return true;
    *id = (uint16_t)rt_names_add(vrfs, name, CV_MAX_VRFS);
    return *id != 0;
}

/* The `port` line of the platform section may abbreviate the name as an interface line may. */
static void port_name(const struct cfg *c, const char *interface, char out[CV_NAME_MAX])
{
    for (unsigned i = 0; i < c->platform.port_count; i++) {
        const char *name = c->platform.ports[i].name;
        char canonical[CV_NAME_MAX];
        enum cv_if_kind kind;
        if (strcmp(name, interface) == 0 ||
            (cfg_interface_name(name, canonical, &kind) && strcmp(canonical, interface) == 0)) {
            snprintf(out, CV_NAME_MAX, "%s", name);
            return;
        }
    }
    snprintf(out, CV_NAME_MAX, "%s", interface);
}

static void tunnel_fields(const struct cfg *c, const struct cfg_interface *t, struct cv_if *out)
{
    const struct cfg_ipsec_profile *p =
        t->protection_profile[0] ? cfg_find_ipsec_profile(c, t->protection_profile) : NULL;
    out->tunnel_mode = (uint8_t)t->tunnel_mode;
    out->tunnel_dst = t->tunnel_destination;
    out->df = (uint8_t)cfg_sa_params_on(c, p, t->name).df;
    out->frag_after = cfg_cut_after(c, t);
    if (!cfg_tunnel_source(c, t, &out->tunnel_src))
        log_warning("%s has no source address: it stays down", t->name);
    out->is_protected = t->protection_profile[0] != '\0';
    out->gre_keyed = t->gre_keyed;
    out->gre_key = t->gre_keyed ? t->gre_key : 0;
    out->gre_ttl = (uint8_t)t->tunnel_ttl;
    out->gre_tos_set = t->tunnel_tos_set;
    out->gre_tos = (uint8_t)t->tunnel_tos;
    out->gre_pmtud = t->tunnel_pmtud;
}

static void mss_set(const struct cfg_interface *i, struct cv_if *out)
{
    const struct cfg_mss mss = cfg_tcp_mss(i);
    out->tcp_mss = (uint16_t)mss.four;
    out->tcp_mss6 = (uint16_t)mss.six;
}

/* One permit line of a crypto map: numbered after the port that it is on. */
static cv_result flow_fields(const struct cfg *c, const struct cfg_interface *i, struct rt_names *ifs,
                             struct cv_if *out)
{
    out->flow_port = rt_names_add(ifs, i->flow->port, CV_MAX_IFS);
    tunnel_fields(c, i, out);
    out->tunnel_mode = 0;
    out->gre_ttl = 0;
    /* `tcp adjust-mss` of the port holds for what passes it in an SA, too. */
    const struct cfg_interface *port = cfg_find_interface(c, i->flow->port);
    if (port)
        mss_set(port, out);
    return out->flow_port ? CV_OK : CV_ENOSPC;
}

/* The data plane has one MTU for both families: the smallest, which suits either, and the device. */
static unsigned mtu_of(const struct cfg_interface *i)
{
    const unsigned all[] = {i->mtu, i->ip_mtu, i->ipv6_mtu};
    unsigned least = 0;
    for (unsigned k = 0; k < sizeof all / sizeof all[0]; k++)
        if (all[k] != 0 && (least == 0 || all[k] < least))
            least = all[k];
    return least;
}

static cv_result build_if(const struct cfg *c, const struct cfg_interface *i, struct rt_names *ifs,
                          struct rt_names *vrfs, struct cv_if *out)
{
    memset(out, 0, sizeof *out);
    out->if_id = rt_names_add(ifs, i->name, CV_MAX_IFS);
    if (out->if_id == 0 || !vrf_id(vrfs, i->vrf, &out->vrf) || !vrf_id(vrfs, i->tunnel_vrf, &out->tunnel_vrf))
        return CV_ENOSPC;
    out->kind = (uint8_t)i->kind;
    out->up = !i->shutdown;
    out->mtu = (uint16_t)mtu_of(i);
    out->reass_datagrams = (uint16_t)i->reass.datagrams;
    out->reass_fragments = (uint8_t)i->reass.fragments;
    out->reass_timeout_s = (uint8_t)i->reass.timeout_s;
    snprintf(out->name, sizeof out->name, "%s", i->name);
    if (i->kind == CV_IF_PORT)
        port_name(c, i->name, out->port);
    mss_set(i, out);
    for (unsigned dir = 0; dir < 2; dir++)
        out->police[dir] =
            (struct cv_police){.bps = i->rate_limit[dir].bps, .burst = i->rate_limit[dir].burst};
    if (i->kind == CV_IF_TUNNEL)
        tunnel_fields(c, i, out);
    return i->kind == CV_IF_FLOW ? flow_fields(c, i, ifs, out) : CV_OK;
}

static void build_addrs(const struct cfg_interface *i, const struct cv_if *f, struct apply_set *out)
{
    for (unsigned k = 0; k < i->addr_count; k++) {
        struct apply_addr *a = &out->addrs[out->addr_count++];
        memset(a, 0, sizeof *a);
        a->addr.if_id = f->if_id;
        a->addr.addr = i->addrs[k].addr;
        a->addr.len = i->addrs[k].len;
        a->vrf = f->vrf;
    }
}

static const struct cfg_route *best_of_prefix(const struct cfg *c, const struct cfg_route *r)
{
    const struct cfg_route *best = r;
    for (unsigned i = 0; i < c->route_count; i++) {
        const struct cfg_route *o = &c->routes[i];
        if (strcmp(o->vrf, r->vrf) == 0 && ip_prefix_equal(&o->prefix, &r->prefix) &&
            (o->distance < best->distance || (o->distance == best->distance && o < best)))
            best = o;
    }
    return best;
}

static cv_result build_route(const struct cfg *c, const struct cfg_route *r, struct rt_names *ifs,
                             struct rt_names *vrfs, struct apply_set *out)
{
    char text[IP_TEXT_MAX];
    if (best_of_prefix(c, r) != r)
        return CV_OK;
    struct cv_route *v = &out->routes[out->route_count];
    memset(v, 0, sizeof *v);
    if (!vrf_id(vrfs, r->vrf, &v->vrf))
        return CV_ENOSPC;
    v->prefix = r->prefix;
    v->next_hop = r->next_hop;
    if (r->interface[0]) {
        v->if_id = cfg_find_interface(c, r->interface) ? rt_names_find(ifs, r->interface) : 0;
        if (v->if_id == 0) {
            log_warning("route %s: no interface %s is configured: left out", ip_prefix_text(&r->prefix, text),
                        r->interface);
            return CV_OK;
        }
    }
    out->route_count++;
    return CV_OK;
}

/* ---- reverse routes ------------------------------------------------------------------------------------------ */
static bool wants_reverse_route(const struct cfg *c, const struct cfg_flow *f)
{
    const struct cfg_crypto_map *m = cfg_find_map(c, f->map, false);
    for (unsigned i = 0; m && i < m->entry_count; i++)
        if (m->entries[i].seq == f->seq)
            return m->entries[i].reverse_route && !f->is_dynamic && f->peer_count > 0;
    return false;
}

/* Where packets to the peer go: the next hop of the longest prefix around it, or the peer itself on the link. */
static bool way_to_peer(const struct apply_set *s, const struct cv_if *flow, const struct ip_addr *peer,
                        struct ip_addr *next_hop)
{
    int len = -1;
    for (unsigned i = 0; i < s->addr_count; i++) {
        const struct apply_addr *a = &s->addrs[i];
        struct ip_prefix p;
        if (a->addr.if_id == flow->flow_port && (int)a->addr.len > len &&
            ip_prefix_make(&a->addr.addr, a->addr.len, &p) && ip_prefix_contains(&p, peer)) {
            len = a->addr.len;
            *next_hop = *peer;
        }
    }
    for (unsigned i = 0; i < s->route_count; i++) {
        const struct cv_route *r = &s->routes[i];
        if (r->vrf != flow->tunnel_vrf || (int)r->prefix.len <= len || !ip_prefix_contains(&r->prefix, peer))
            continue;
        len = r->prefix.len;
        *next_hop = r->next_hop.family != IP_NONE ? r->next_hop : *peer;
    }
    return len >= 0;
}

static bool route_stands(const struct apply_set *s, uint16_t vrf, const struct ip_prefix *p)
{
    for (unsigned i = 0; i < s->route_count; i++)
        if (s->routes[i].vrf == vrf && ip_prefix_equal(&s->routes[i].prefix, p))
            return true;
    return false;
}

static void reverse_route(const struct cfg_interface *i, const struct cv_if *flow, struct apply_set *out)
{
    char text[TS_TEXT_MAX];
    struct cv_route *r = &out->routes[out->route_count];
    memset(r, 0, sizeof *r);
    if (!ts_to_prefix(&i->flow->remote, &r->prefix) ||
        !way_to_peer(out, flow, &i->flow->peers[0], &r->next_hop)) {
        log_warning("%s: no reverse route to %s", i->name, ts_text(&i->flow->remote, text));
        return;
    }
    if (route_stands(out, flow->vrf, &r->prefix))
        return;
    r->vrf = flow->vrf;
    r->if_id = flow->flow_port;
    out->route_count++;
}

static void reverse_routes(const struct cfg *c, struct apply_set *out)
{
    for (unsigned i = 0; i < c->interface_count; i++)
        if (c->interfaces[i].kind == CV_IF_FLOW && wants_reverse_route(c, c->interfaces[i].flow))
            reverse_route(&c->interfaces[i], &out->ifs[i], out);
}

/* ---- policies ------------------------------------------------------------------------------------------------ */
static cv_result policy_add(struct apply_set *out, const struct cfg_policy_row *rows, unsigned count,
                            uint32_t port, const struct rt_names *ifs)
{
    struct cv_policy *all = realloc(out->policies, (out->policy_count + count) * sizeof *all);
    if (!all)
        return CV_ENOMEM;
    out->policies = all;
    for (unsigned i = 0; i < count; i++) {
        struct cv_policy *p = &all[out->policy_count++];
        memset(p, 0, sizeof *p);
        p->if_id = port;
        p->order = i + 1;
        p->action = (uint8_t)rows[i].action;
        p->flow_if = rows[i].flow ? rt_names_find(ifs, rows[i].flow->name) : 0;
        p->local = rows[i].local;
        p->remote = rows[i].remote;
    }
    return CV_OK;
}

static cv_result build_policy(const struct cfg *c, const struct cfg_interface *port, const struct cv_if *f,
                              const struct rt_names *ifs, struct apply_set *out)
{
    struct cfg_policy_row *rows = NULL;
    unsigned count = 0;
    cv_result r = cfg_policy_rows(c, port, &rows, &count);
    if (r == CV_OK && count > 0)
        r = policy_add(out, rows, count, f->if_id, ifs);
    free(rows);
    return r;
}

/* ---- neighbours ---------------------------------------------------------------------------------------------- */
/* The port on whose subnet the address lies, the longest; 0: none. */
static uint32_t port_of(const struct apply_set *s, uint16_t vrf, const struct ip_addr *addr)
{
    uint32_t port = 0;
    int len = -1;
    for (unsigned i = 0; i < s->addr_count; i++) {
        const struct apply_addr *a = &s->addrs[i];
        struct ip_prefix p;
        if (a->vrf == vrf && (int)a->addr.len > len && ip_prefix_make(&a->addr.addr, a->addr.len, &p) &&
            ip_prefix_contains(&p, addr)) {
            port = a->addr.if_id;
            len = a->addr.len;
        }
    }
    return port;
}

static cv_result build_nbr(const struct cfg_neighbor *x, const struct rt_names *ifs, struct rt_names *vrfs,
                           struct apply_set *out)
{
    char text[IP_TEXT_MAX];
    struct cv_nbr *n = &out->nbrs[out->nbr_count];
    uint16_t vrf;
    memset(n, 0, sizeof *n);
    if (!vrf_id(vrfs, x->vrf, &vrf))
        return CV_ENOSPC;
    n->addr = x->addr;
    memcpy(n->mac, x->mac, sizeof n->mac);
    n->if_id = x->interface[0] ? rt_names_find(ifs, x->interface) : port_of(out, vrf, &x->addr);
    for (unsigned i = 0; i < out->if_count; i++)
        if (n->if_id == out->ifs[i].if_id && out->ifs[i].kind == CV_IF_PORT) {
            out->nbr_count++;
            return CV_OK;
        }
    log_warning("neighbour %s: on the subnet of no port: left out", ip_addr_text(&x->addr, text));
    return CV_OK;
}

/* ---- the set ------------------------------------------------------------------------------------------------- */
static cv_result set_room(const struct cfg *c, struct apply_set *out)
{
    size_t addrs = 0;
    for (unsigned i = 0; i < c->interface_count; i++)
        addrs += c->interfaces[i].addr_count;
    out->ifs = calloc(c->interface_count + 1, sizeof *out->ifs);
    out->addrs = calloc(addrs + 1, sizeof *out->addrs);
    out->routes = calloc(c->route_count + c->flow_count + 1, sizeof *out->routes);
    out->nbrs = calloc(c->neighbor_count + 1, sizeof *out->nbrs);
    return out->ifs && out->addrs && out->routes && out->nbrs ? CV_OK : CV_ENOMEM;
}

static cv_result set_fill(const struct cfg *c, struct rt_names *ifs, struct rt_names *vrfs,
                          struct apply_set *out)
{
    CV_TRY(set_room(c, out));
    out->icmp = c->icmp;
    for (unsigned i = 0; i < c->interface_count; i++) {
        struct cv_if *f = &out->ifs[out->if_count];
        CV_TRY(build_if(c, &c->interfaces[i], ifs, vrfs, f));
        out->if_count++;
        build_addrs(&c->interfaces[i], f, out);
    }
    for (unsigned i = 0; i < c->route_count; i++)
        CV_TRY(build_route(c, &c->routes[i], ifs, vrfs, out));
    reverse_routes(c, out);
    for (unsigned i = 0; i < c->neighbor_count; i++)
        CV_TRY(build_nbr(&c->neighbors[i], ifs, vrfs, out));
    for (unsigned i = 0; i < c->interface_count; i++)
        if (c->interfaces[i].kind == CV_IF_PORT &&
            (c->interfaces[i].crypto_map[0] || c->interfaces[i].crypto_map6[0]))
            CV_TRY(build_policy(c, &c->interfaces[i], &out->ifs[i], ifs, out));
    return CV_OK;
}

cv_result apply_build(const struct cfg *c, struct rt_names *ifs, struct rt_names *vrfs, struct apply_set *out)
{
    memset(out, 0, sizeof *out);
    cv_result r = set_fill(c, ifs, vrfs, out);
    if (r != CV_OK)
        apply_free(out);
    return r;
}

/* ---- difference ---------------------------------------------------------------------------------------------- */
static const struct cv_if *find_if(const struct apply_set *s, uint32_t if_id)
{
    for (unsigned i = 0; s && i < s->if_count; i++)
        if (s->ifs[i].if_id == if_id)
            return &s->ifs[i];
    return NULL;
}

static const struct apply_addr *find_addr(const struct apply_set *s, const struct apply_addr *a)
{
    for (unsigned i = 0; s && i < s->addr_count; i++) {
        const struct cv_addr *o = &s->addrs[i].addr;
        if (o->if_id == a->addr.if_id && ip_addr_equal(&o->addr, &a->addr.addr))
            return &s->addrs[i];
    }
    return NULL;
}

static const struct cv_route *find_route(const struct apply_set *s, const struct cv_route *r)
{
    for (unsigned i = 0; s && i < s->route_count; i++)
        if (s->routes[i].vrf == r->vrf && ip_prefix_equal(&s->routes[i].prefix, &r->prefix))
            return &s->routes[i];
    return NULL;
}

static const struct cv_nbr *find_nbr(const struct apply_set *s, const struct cv_nbr *n)
{
    for (unsigned i = 0; i < s->nbr_count; i++)
        if (s->nbrs[i].if_id == n->if_id && ip_addr_equal(&s->nbrs[i].addr, &n->addr))
            return &s->nbrs[i];
    return NULL;
}

static bool if_in_use(const struct apply_set *s, uint32_t id)
{
    return find_if(s, id) != NULL;
}

static bool vrf_in_use(const struct apply_set *s, uint32_t id)
{
    for (unsigned i = 0; i < s->if_count; i++)
        if (s->ifs[i].vrf == id || s->ifs[i].tunnel_vrf == id)
            return true;
    for (unsigned i = 0; i < s->route_count; i++)
        if (s->routes[i].vrf == id)
            return true;
    return false;
}

static void names_forget(const struct apply_set *in_use, struct rt_names *names,
                         bool (*used)(const struct apply_set *, uint32_t))
{
    for (unsigned i = names->count; i-- > 0;)
        if (!used(in_use, names->items[i].id)) {
            char name[RT_NAME_MAX];
            snprintf(name, sizeof name, "%s", names->items[i].name);
            rt_names_remove(names, name);
        }
}

void apply_forget(const struct apply_set *in_use, struct rt_names *ifs, struct rt_names *vrfs)
{
    names_forget(in_use, ifs, if_in_use);
    names_forget(in_use, vrfs, vrf_in_use);
}

struct diff {
    const struct apply_set *was, *want;
    bool known; /* what was */
    bool again;
    apply_emit_fn *emit;
    void *ctx;
};

static void emit(const struct diff *d, uint32_t type, const void *body, size_t len)
{
    struct cv_cmd cmd;
    memset(&cmd, 0, sizeof cmd);
    cmd.type = type;
    memcpy(cmd.u.raw, body, len);
    d->emit(d->ctx, &cmd);
}

static bool same_addr(const struct apply_addr *a, const struct apply_addr *b)
{
    return b && a->addr.len == b->addr.len && a->vrf == b->vrf;
}

/* An interface that changes its kind is another one: it goes with all it has. */
static bool if_survives(const struct diff *d, uint32_t if_id)
{
    const struct cv_if *a = find_if(d->was, if_id), *b = find_if(d->want, if_id);
    return a && b && a->kind == b->kind && a->vrf == b->vrf;
}

/* On another port the data plane has forgotten all neighbours. */
static bool same_wire(const struct diff *d, uint32_t if_id)
{
    return if_survives(d, if_id) &&
           strncmp(find_if(d->was, if_id)->port, find_if(d->want, if_id)->port, CV_NAME_MAX) == 0;
}

static void removals(const struct diff *d)
{
    for (unsigned i = 0; i < d->was->addr_count; i++) {
        const struct apply_addr *a = &d->was->addrs[i];
        if (!same_addr(a, find_addr(d->want, a)) || !if_survives(d, a->addr.if_id))
            emit(d, CV_CMD_ADDR_DEL, &a->addr, sizeof a->addr);
    }
    for (unsigned i = 0; i < d->was->nbr_count; i++)
        if (same_wire(d, d->was->nbrs[i].if_id) && !find_nbr(d->want, &d->was->nbrs[i]))
            emit(d, CV_CMD_NBR_DEL, &d->was->nbrs[i], sizeof d->was->nbrs[i]);
    for (unsigned i = 0; i < d->was->if_count; i++)
        if (!if_survives(d, d->was->ifs[i].if_id))
            emit(d, CV_CMD_IF_DEL, &d->was->ifs[i].if_id, sizeof d->was->ifs[i].if_id);
}

/* ---- policies of ports ------------------------------------------------------------------------------------- */
static const struct cv_policy *rows_of(const struct apply_set *s, uint32_t port, unsigned *count)
{
    const struct cv_policy *first = NULL;
    *count = 0;
    for (unsigned i = 0; i < s->policy_count; i++)
        if (s->policies[i].if_id == port) {
            first = first ? first : &s->policies[i];
            ++*count;
        }
    return first;
}

/* Does one of rows[0..count) decide the same of the same packets? */
static bool has_row(const struct cv_policy *rows, unsigned count, const struct cv_policy *r)
{
    for (unsigned i = 0; i < count; i++)
        if (rows[i].action == r->action && memcmp(&rows[i].local, &r->local, sizeof r->local) == 0 &&
            memcmp(&rows[i].remote, &r->remote, sizeof r->remote) == 0)
            return true;
    return false;
}

/* The rows that the port had and is to have no longer, in their order behind those that it is to have: what they protected is dropped. Their number; out: NULL, or
 * room for all that it had. */
static unsigned rows_gone(const struct diff *d, uint32_t port, struct cv_policy *out)
{
    unsigned was, want, gone = 0;
    const struct cv_policy *a = rows_of(d->was, port, &was), *b = rows_of(d->want, port, &want);
    if (!if_survives(d, port) || want == 0)
        return 0;
    for (unsigned i = 0; i < was; i++) {
        if (has_row(b, want, &a[i]))
            continue;
        if (out) {
            out[gone] = a[i];
            out[gone].order = b[want - 1].order + 1 + gone;
            out[gone].flow_if = 0;
            out[gone].action = a[i].action == CV_POLICY_BYPASS || a[i].action == CV_POLICY_PROTECT_IF
                                   ? CV_POLICY_BYPASS
                                   : CV_POLICY_DISCARD;
        }
        gone++;
    }
    return want + gone <= CV_POLICY_ROWS_MAX ? gone : 0;
}

/* more: rows behind the port's own. */
static void policy_emit(const struct diff *d, uint32_t port, const struct cv_policy *more,
                        unsigned more_count)
{
    unsigned count;
    const struct cv_policy *rows = rows_of(d->want, port, &count);
    emit(d, CV_CMD_POLICY_BEGIN, &port, sizeof port);
    for (unsigned i = 0; i < count; i++)
        emit(d, CV_CMD_POLICY_ADD, &rows[i], sizeof rows[i]);
    for (unsigned i = 0; i < more_count; i++)
        emit(d, CV_CMD_POLICY_ADD, &more[i], sizeof more[i]);
    emit(d, CV_CMD_POLICY_COMMIT, &port, sizeof port);
}

/* Until the routes are as they are to be, what was protected and may go by one of them to a tunnel soon goes nowhere: policies_gone. */
static void policy_emit_meanwhile(const struct diff *d, uint32_t port)
{
    unsigned was;
    (void)rows_of(d->was, port, &was);
    struct cv_policy *more = was ? calloc(was, sizeof *more) : NULL;
    policy_emit(d, port, more, more ? rows_gone(d, port, more) : 0);
    free(more);
}

static bool policy_changed(const struct diff *d, uint32_t port)
{
    unsigned was, want;
    const struct cv_policy *a = rows_of(d->was, port, &was), *b = rows_of(d->want, port, &want);
    if (d->again || !if_survives(d, port) || was != want)
        return want > 0;
    return want > 0 && memcmp(a, b, want * sizeof *a) != 0;
}

/* A flow on a port that stays may be told before anything is taken away. */
static bool flow_is_early(const struct diff *d, const struct cv_if *f)
{
    return f->kind == CV_IF_FLOW && if_survives(d, f->flow_port) &&
           (!find_if(d->was, f->if_id) || if_survives(d, f->if_id));
}

/* May the port's policy be committed before removals? */
static bool policy_is_early(const struct diff *d, uint32_t port)
{
    unsigned count;
    const struct cv_policy *rows = rows_of(d->want, port, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct cv_if *flow = rows[i].flow_if ? find_if(d->want, rows[i].flow_if) : NULL;
        if (rows[i].flow_if && (!flow || !flow_is_early(d, flow)))
            return false;
    }
    return if_survives(d, port);
}

static void policies(const struct diff *d, bool early)
{
    for (unsigned i = 0; i < d->want->if_count; i++) {
        const uint32_t id = d->want->ifs[i].if_id;
        if (policy_changed(d, id) && policy_is_early(d, id) == early)
            policy_emit_meanwhile(d, id);
    }
}

static bool has_rows(const struct apply_set *s, uint32_t port)
{
    unsigned count;
    return rows_of(s, port, &count) != NULL;
}

/* Last of all: what was protected by the map may go by a route to a tunnel now. */
static void policies_gone(const struct diff *d)
{
    for (unsigned i = 0; i < d->want->if_count; i++) {
        const struct cv_if *f = &d->want->ifs[i];
        bool had = has_rows(d->was, f->if_id) && if_survives(d, f->if_id);
        if (f->kind != CV_IF_PORT)
            continue;
        if (((had || (d->again && !d->known)) && !has_rows(d->want, f->if_id)) ||
            (policy_changed(d, f->if_id) && rows_gone(d, f->if_id, NULL) > 0))
            policy_emit(d, f->if_id, NULL, 0);
    }
}

/* ---- routes -------------------------------------------------------------------------------------------------- */
/* The longest first: no packet follows a default route in clear because the one into its tunnel comes a moment later. */
static void routes_add(const struct diff *d)
{
    for (int len = 128; len >= 0; len--)
        for (unsigned i = 0; i < d->want->route_count; i++) {
            const struct cv_route *r = &d->want->routes[i], *o = find_route(d->was, r);
            if (r->prefix.len == len &&
                (d->again || !o || memcmp(r, o, sizeof *r) != 0 || (r->if_id && !if_survives(d, r->if_id))))
                emit(d, CV_CMD_ROUTE_ADD, r, sizeof *r);
        }
}

/* The shortest first, and when what takes their place stands. */
static void routes_remove(const struct diff *d)
{
    for (int len = 0; len <= 128; len++)
        for (unsigned i = 0; i < d->was->route_count; i++)
            if (d->was->routes[i].prefix.len == len && !find_route(d->want, &d->was->routes[i]))
                emit(d, CV_CMD_ROUTE_DEL, &d->was->routes[i], sizeof d->was->routes[i]);
}

/* ---- additions ----------------------------------------------------------------------------------------------- */
static void interfaces(const struct diff *d, bool early)
{
    for (unsigned i = 0; i < d->want->if_count; i++) {
        const struct cv_if *f = &d->want->ifs[i], *o = find_if(d->was, f->if_id);
        if (flow_is_early(d, f) == early && (d->again || !o || memcmp(f, o, sizeof *f) != 0))
            emit(d, CV_CMD_IF_SET, f, sizeof *f);
    }
}

static void additions(const struct diff *d)
{
    interfaces(d, false);
    policies(d, false);
    for (unsigned i = 0; i < d->want->addr_count; i++) {
        const struct apply_addr *a = &d->want->addrs[i];
        if (d->again || !same_addr(a, find_addr(d->was, a)) || !if_survives(d, a->addr.if_id))
            emit(d, CV_CMD_ADDR_ADD, &a->addr, sizeof a->addr);
    }
    for (unsigned i = 0; i < d->want->nbr_count; i++) {
        const struct cv_nbr *n = &d->want->nbrs[i], *o = find_nbr(d->was, n);
        if (d->again || !o || memcmp(n, o, sizeof *n) != 0 || !same_wire(d, n->if_id))
            emit(d, CV_CMD_NBR_ADD, n, sizeof *n);
    }
    routes_add(d);
    routes_remove(d);
    policies_gone(d);
}

void apply_diff(const struct apply_set *was, const struct apply_set *want, bool again, apply_emit_fn *emit_fn,
                void *ctx)
{
    static const struct apply_set nothing;
    struct diff d = {was ? was : &nothing, want, was != NULL, again, emit_fn, ctx};
    if (again || memcmp(&d.was->icmp, &want->icmp, sizeof want->icmp) != 0)
        emit(&d, CV_CMD_ICMP_SET, &want->icmp, sizeof want->icmp);
    interfaces(&d, true);
    policies(&d, true);
    removals(&d);
    additions(&d);
}

/* ---- source address ---------------------------------------------------------------------------------------- */
static bool first_addr(const struct apply_set *s, uint32_t if_id, uint16_t vrf, uint8_t family,
                       struct ip_addr *out)
{
    for (unsigned i = 0; i < s->addr_count; i++) {
        const struct apply_addr *a = &s->addrs[i];
        if ((if_id != 0 && a->addr.if_id != if_id) || a->vrf != vrf || a->addr.addr.family != family)
            continue;
        *out = a->addr.addr;
        return true;
    }
    return false;
}

/* The address of the longest connected prefix around dst. */
static const struct apply_addr *connected(const struct apply_set *s, uint16_t vrf, const struct ip_addr *dst,
                                          int *len)
{
    const struct apply_addr *best = NULL;
    for (unsigned i = 0; i < s->addr_count; i++) {
        const struct apply_addr *a = &s->addrs[i];
        struct ip_prefix p;
        if (a->vrf == vrf && (int)a->addr.len > *len && ip_prefix_make(&a->addr.addr, a->addr.len, &p) &&
            ip_prefix_contains(&p, dst)) {
            best = a;
            *len = a->addr.len;
        }
    }
    return best;
}

bool apply_source(const struct apply_set *s, uint16_t vrf, const struct ip_addr *dst, struct ip_addr *src)
{
    int len = -1;
    const struct apply_addr *link = connected(s, vrf, dst, &len);
    const struct cv_route *best = NULL;
    for (unsigned i = 0; i < s->route_count; i++) {
        const struct cv_route *r = &s->routes[i];
        if (r->vrf == vrf && (int)r->prefix.len > len && ip_prefix_contains(&r->prefix, dst)) {
            best = r;
            len = r->prefix.len;
        }
    }
    uint32_t if_id = link ? link->addr.if_id : 0;
    if (best && best->if_id != 0) {
        if_id = best->if_id;
    } else if (best) {
        int hop_len = -1;
        link = connected(s, vrf, &best->next_hop, &hop_len);
        if_id = link ? link->addr.if_id : 0;
    }
    return (if_id != 0 && first_addr(s, if_id, vrf, dst->family, src)) ||
           first_addr(s, 0, vrf, dst->family, src);
}
