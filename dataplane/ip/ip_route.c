#include "dataplane/ip/ip_route.h"
#include "dataplane/dp_rcu.h"

#include <stdlib.h>
#include <string.h>

enum { NODE_BITS = 8 };

/* One change to a trie: every entry under addr/len that `old` (or nothing more specific) holds. */
struct change {
    const uint8_t *addr;
    unsigned len;
    const struct ip_route *old; /* delete or replace exactly this one; NULL: insert */
    uintptr_t value;
};

static const struct ip_route *route_of(uintptr_t e)
{
    return (const struct ip_route *)e;
}

static struct ip_trie_node *node_of(uintptr_t e)
{
    return (struct ip_trie_node *)(e - IP_TRIE_CHILD);
}

static bool is_child(uintptr_t e)
{
    return e & IP_TRIE_CHILD;
}

static void entry_set(uintptr_t *e, uintptr_t value)
{
    __atomic_store_n(e, value, __ATOMIC_RELEASE);
}

/* A node whose 256 entries are all one route: it can be that route again. */
static bool node_is_uniform(const struct ip_trie_node *n)
{
    for (unsigned i = 0; i < 256; i++)
        if (n->e[i] != n->e[0] || is_child(n->e[i]))
            return false;
    return true;
}

static void entry_collapse(uintptr_t *e)
{
    struct ip_trie_node *n = node_of(*e);
    if (!node_is_uniform(n))
        return;
    entry_set(e, n->e[0]);
    dp_rcu_free(n);
}

/* The whole range under *e lies inside the changed prefix. */
static void entry_fill(uintptr_t *e, const struct change *c)
{
    if (is_child(*e)) {
        for (unsigned i = 0; i < 256; i++)
            entry_fill(&node_of(*e)->e[i], c);
        if (c->old)
            entry_collapse(e);
        return;
    }
    const struct ip_route *r = route_of(*e);
    if (c->old ? r == c->old : !r || r->len <= c->len)
        entry_set(e, c->value);
}

static uint32_t bits_at(const uint8_t *addr, unsigned from, unsigned count)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < count; i += 8)
        v = v << 8 | addr[(from + i) / 8];
    return v;
}

static bool entry_split(uintptr_t *e)
{
    struct ip_trie_node *n = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof *n);
    if (!n)
        return false;
    for (unsigned i = 0; i < 256; i++)
        n->e[i] = *e;
    entry_set(e, (uintptr_t)n | IP_TRIE_CHILD);
    return true;
}

/* entries: the level that covers address bits [from, from + stride). */
static bool level_change(uintptr_t *entries, unsigned from, unsigned stride, const struct change *c)
{
    uint32_t first = bits_at(c->addr, from, stride);
    if (c->len <= from + stride) {
        uint32_t count = 1u << (from + stride - c->len);
        first &= ~(count - 1);
        for (uint32_t i = 0; i < count; i++)
            entry_fill(&entries[first + i], c);
        return true;
    }
    uintptr_t *e = &entries[first];
    if (!is_child(*e) && !entry_split(e))
        return false;
    if (!level_change(node_of(*e)->e, from + stride, NODE_BITS, c))
        return false;
    if (c->old)
        entry_collapse(e);
    return true;
}

static bool trie_change(struct ip_routes *t, uint16_t vrf, const struct ip_prefix *p,
                        const struct ip_route *old, const struct ip_route *new)
{
    struct ip_trie_root **root = &t->root[vrf][p->addr.family == IP_V6];
    if (!*root) {
        struct ip_trie_root *fresh = calloc(1, sizeof *fresh);
        if (!fresh)
            return false;
        __atomic_store_n(root, fresh, __ATOMIC_RELEASE);
    }
    struct change c = {p->addr.b, p->len, old, (uintptr_t) new};
    const bool done = level_change((*root)->e, 0, IP_TRIE_ROOT_BITS, &c);
    dp_rcu_changed();
    return done;
}

/* ---- rules: what was configured, from which the trie is made ---------------------------------------- */
static struct ip_route **bucket(struct ip_routes *t, uint16_t vrf, const struct ip_prefix *p)
{
    uint32_t h = 2166136261u ^ vrf ^ (uint32_t)p->len << 8 ^ (uint32_t)p->addr.family << 16;
    for (unsigned i = 0; i < 16; i++)
        h = (h ^ p->addr.b[i]) * 16777619u;
    return &t->rules[(h ^ h >> 15) % IP_ROUTE_BUCKETS];
}

static bool same_prefix(const struct ip_route *r, uint16_t vrf, const struct ip_prefix *p)
{
    return r->vrf == vrf && ip_prefix_equal(&r->prefix, p);
}

/* The one in use among the routes of a prefix: lowest kind, then the eldest (they are chained newest first). */
static struct ip_route *best_of(struct ip_routes *t, uint16_t vrf, const struct ip_prefix *p,
                                const struct ip_route *but)
{
    struct ip_route *best = NULL;
    for (struct ip_route *r = *bucket(t, vrf, p); r; r = r->chain)
        if (r != but && same_prefix(r, vrf, p) && (!best || r->kind <= best->kind))
            best = r;
    return best;
}

/* The route that takes over when a prefix goes: the next shorter one. */
static struct ip_route *cover_of(struct ip_routes *t, uint16_t vrf, const struct ip_prefix *p)
{
    struct ip_prefix shorter;
    for (unsigned len = p->len; len-- > 0;) {
        if (!ip_prefix_make(&p->addr, len, &shorter))
            return NULL;
        struct ip_route *r = best_of(t, vrf, &shorter, NULL);
        if (r)
            return r;
    }
    return NULL;
}

static bool route_ok(const struct cv_route *r)
{
    struct ip_prefix clean;
    if (r->vrf >= CV_MAX_VRFS || r->if_id >= CV_MAX_IFS)
        return false;
    if ((r->prefix.addr.family != IP_V4 && r->prefix.addr.family != IP_V6) ||
        !ip_prefix_make(&r->prefix.addr, r->prefix.len, &clean) || !ip_prefix_equal(&clean, &r->prefix))
        return false;
    if (r->next_hop.family != IP_NONE && r->next_hop.family != r->prefix.addr.family)
        return false;
    return r->if_id != 0 || r->next_hop.family != IP_NONE;
}

static struct ip_route *rule_find(struct ip_routes *t, enum ip_route_kind kind, const struct cv_route *want)
{
    for (struct ip_route *r = *bucket(t, want->vrf, &want->prefix); r; r = r->chain)
        if (r->kind == kind && same_prefix(r, want->vrf, &want->prefix) &&
            (kind == IP_ROUTE_STATIC || r->if_id == want->if_id))
            return r;
    return NULL;
}

static void rule_unlink(struct ip_routes *t, struct ip_route *r)
{
    struct ip_route **at = bucket(t, r->vrf, &r->prefix);
    while (*at != r)
        at = &(*at)->chain;
    *at = r->chain;
    t->count--;
}

static void rule_link(struct ip_routes *t, struct ip_route *r)
{
    struct ip_route **at = bucket(t, r->vrf, &r->prefix);
    r->chain = *at;
    *at = r;
    t->count++;
}

/* Replacing and deleting touch nodes that exist, so they cannot run out of memory. */
static void rule_remove(struct ip_routes *t, struct ip_route *r)
{
    bool in_use = best_of(t, r->vrf, &r->prefix, NULL) == r;
    rule_unlink(t, r);
    if (in_use) {
        struct ip_route *heir = best_of(t, r->vrf, &r->prefix, NULL);
        if (!heir)
            heir = cover_of(t, r->vrf, &r->prefix);
        bool done = trie_change(t, r->vrf, &r->prefix, r, heir);
        (void)done;
    }
    dp_rcu_free(r);
}

cv_result ip_route_add(struct ip_routes *t, enum ip_route_kind kind, const struct cv_route *conf)
{
    if (!route_ok(conf))
        return CV_EINVAL;
    struct ip_route *r = dp_rcu_new(sizeof *r);
    if (!r)
        return CV_ENOMEM;
    r->kind = (uint8_t)kind;
    r->len = conf->prefix.len;
    r->vrf = conf->vrf;
    r->if_id = conf->if_id;
    r->next_hop = conf->next_hop;
    r->prefix = conf->prefix;
    struct ip_route *same = kind == IP_ROUTE_STATIC ? rule_find(t, kind, conf) : NULL;
    struct ip_route *best = best_of(t, r->vrf, &r->prefix, NULL);
    bool wins = !best || best == same || kind < best->kind;
    if (wins && !trie_change(t, r->vrf, &r->prefix, best, r)) {
        free(r);
        return CV_ENOMEM;
    }
    if (same) {
        rule_unlink(t, same);
        dp_rcu_free(same);
    }
    rule_link(t, r);
    return CV_OK;
}

cv_result ip_route_del(struct ip_routes *t, enum ip_route_kind kind, const struct cv_route *conf)
{
    if (conf->vrf >= CV_MAX_VRFS)
        return CV_EINVAL;
    struct ip_route *r = rule_find(t, kind, conf);
    if (!r)
        return CV_ENOENT;
    rule_remove(t, r);
    return CV_OK;
}

void ip_route_flush(struct ip_routes *t, uint32_t if_id)
{
    for (unsigned b = 0; b < IP_ROUTE_BUCKETS; b++) {
        struct ip_route *next;
        for (struct ip_route *r = t->rules[b]; r; r = next) {
            next = r->chain;
            if (if_id == 0 || r->if_id == if_id)
                rule_remove(t, r);
        }
    }
}
