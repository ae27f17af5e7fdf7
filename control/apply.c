#include "control/apply.h"

#include "common/log.h"
#include "control/config/cfg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void apply_free(struct apply_set *s)
{
    free(s->ifs);
    free(s->addrs);
    free(s->routes);
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
    out->df = (uint8_t)(p ? cfg_sa_params_effective(c, p).df : c->df);
    if (!cfg_tunnel_source(c, t, &out->tunnel_src))
        log_warning("%s has no source address: it stays down", t->name);
}

/* The data plane has one MTU for both families: of two the smaller, which suits either. */
static unsigned mtu_of(const struct cfg_interface *i)
{
    if (!i->ip_mtu || !i->ipv6_mtu)
        return i->ip_mtu ? i->ip_mtu : i->ipv6_mtu;
    return i->ip_mtu < i->ipv6_mtu ? i->ip_mtu : i->ipv6_mtu;
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
    snprintf(out->name, sizeof out->name, "%s", i->name);
    if (i->kind == CV_IF_PORT)
        port_name(c, i->name, out->port);
    if (i->kind == CV_IF_TUNNEL)
        tunnel_fields(c, i, out);
    return CV_OK;
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

static cv_result set_room(const struct cfg *c, struct apply_set *out)
{
    size_t addrs = 0;
    for (unsigned i = 0; i < c->interface_count; i++)
        addrs += c->interfaces[i].addr_count;
    out->ifs = calloc(c->interface_count + 1, sizeof *out->ifs);
    out->addrs = calloc(addrs + 1, sizeof *out->addrs);
    out->routes = calloc(c->route_count + 1, sizeof *out->routes);
    return out->ifs && out->addrs && out->routes ? CV_OK : CV_ENOMEM;
}

static cv_result set_fill(const struct cfg *c, struct rt_names *ifs, struct rt_names *vrfs,
                          struct apply_set *out)
{
    CV_TRY(set_room(c, out));
    for (unsigned i = 0; i < c->interface_count; i++) {
        struct cv_if *f = &out->ifs[out->if_count];
        CV_TRY(build_if(c, &c->interfaces[i], ifs, vrfs, f));
        out->if_count++;
        build_addrs(&c->interfaces[i], f, out);
    }
    for (unsigned i = 0; i < c->route_count; i++)
        CV_TRY(build_route(c, &c->routes[i], ifs, vrfs, out));
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

struct diff {
    const struct apply_set *was, *want;
    bool again;
    apply_emit_fn *emit;
    void *ctx;
};

static void emit(const struct diff *d, enum cv_cmd_type type, const void *body, size_t len)
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

static void removals(const struct diff *d)
{
    for (unsigned i = 0; i < d->was->route_count; i++)
        if (!find_route(d->want, &d->was->routes[i]))
            emit(d, CV_CMD_ROUTE_DEL, &d->was->routes[i], sizeof d->was->routes[i]);
    for (unsigned i = 0; i < d->was->addr_count; i++) {
        const struct apply_addr *a = &d->was->addrs[i];
        if (!same_addr(a, find_addr(d->want, a)) || !if_survives(d, a->addr.if_id))
            emit(d, CV_CMD_ADDR_DEL, &a->addr, sizeof a->addr);
    }
    for (unsigned i = 0; i < d->was->if_count; i++)
        if (!if_survives(d, d->was->ifs[i].if_id))
            emit(d, CV_CMD_IF_DEL, &d->was->ifs[i].if_id, sizeof d->was->ifs[i].if_id);
}

static void additions(const struct diff *d)
{
    for (unsigned i = 0; i < d->want->if_count; i++) {
        const struct cv_if *f = &d->want->ifs[i], *o = find_if(d->was, f->if_id);
        if (d->again || !o || memcmp(f, o, sizeof *f) != 0)
            emit(d, CV_CMD_IF_SET, f, sizeof *f);
    }
    for (unsigned i = 0; i < d->want->addr_count; i++) {
        const struct apply_addr *a = &d->want->addrs[i];
        if (d->again || !same_addr(a, find_addr(d->was, a)) || !if_survives(d, a->addr.if_id))
            emit(d, CV_CMD_ADDR_ADD, &a->addr, sizeof a->addr);
    }
    for (unsigned i = 0; i < d->want->route_count; i++) {
        const struct cv_route *r = &d->want->routes[i], *o = find_route(d->was, r);
        if (d->again || !o || memcmp(r, o, sizeof *r) != 0 || (r->if_id && !if_survives(d, r->if_id)))
            emit(d, CV_CMD_ROUTE_ADD, r, sizeof *r);
    }
}

void apply_diff(const struct apply_set *was, const struct apply_set *want, bool again, apply_emit_fn *emit_fn,
                void *ctx)
{
    static const struct apply_set nothing;
    struct diff d = {was ? was : &nothing, want, again, emit_fn, ctx};
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
