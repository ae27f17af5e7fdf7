/* ip_route: the forwarding tables: per VRF and family a multibit trie (strides 16, 8, 8 ...), longest
 * prefix first.
 *
 * A lookup is at most 3 (IPv4) or 15 (IPv6) dependent loads; usual IPv6 prefixes (/48, /64) need 5 to 7.
 * Updates change single entries with release stores while workers read; what they may still see is freed
 * after a grace period. Writers: the manager. Readers: any worker, between two quiescent states. */
#ifndef DATAPLANE_IP_IP_ROUTE_H
#define DATAPLANE_IP_IP_ROUTE_H

#include "common/contract.h"
#include "common/result.h"

#include <stdbool.h>
#include <stdint.h>

/* Of several routes for the same prefix the lowest kind is used. */
enum ip_route_kind { IP_ROUTE_LOCAL = 0, IP_ROUTE_CONNECTED, IP_ROUTE_STATIC };

struct ip_route { /* immutable but for `chain`; packets read the first line */
    uint8_t kind; /* enum ip_route_kind */
    uint8_t len;
    uint16_t vrf;
    uint32_t if_id;          /* 0: next_hop is to be looked up in turn */
    struct ip_addr next_hop; /* IP_NONE: the destination itself */
    struct ip_prefix prefix;
    struct ip_route *chain; /* the manager's: same hash bucket */
};

enum { IP_ROUTE_BUCKETS = 8192, IP_TRIE_ROOT_BITS = 16 };

struct ip_trie_root {
    uintptr_t e[1u << IP_TRIE_ROOT_BITS];
};
struct ip_trie_node {
    uintptr_t e[256];
};

struct ip_routes {
    struct ip_trie_root *root[CV_MAX_VRFS][2]; /* [vrf][family is IPv6]; NULL without routes */
    struct ip_route *rules[IP_ROUTE_BUCKETS];
    uint32_t count;
};

/* CV_EINVAL: VRF, family, length, host bits set, next hop of another family. A STATIC route replaces one
 * of the same prefix; LOCAL and CONNECTED ones stand beside each other (one per address). */
CV_MUST_USE cv_result ip_route_add(struct ip_routes *t, enum ip_route_kind kind, const struct cv_route *r);
/* LOCAL and CONNECTED: the one of the same interface. CV_ENOENT. */
CV_MUST_USE cv_result ip_route_del(struct ip_routes *t, enum ip_route_kind kind, const struct cv_route *r);
/* Removes every route through if_id, whatever its kind; 0: every route there is. */
void ip_route_flush(struct ip_routes *t, uint32_t if_id);

enum { IP_TRIE_CHILD = 1 };

/* Asks the cache for what ip_route_lookup of dst reads behind the root. */
static inline void ip_route_fetch(const struct ip_routes *t, uint16_t vrf, uint8_t family, const uint8_t *dst)
{
    const struct ip_trie_root *root = __atomic_load_n(&t->root[vrf][family == IP_V6], __ATOMIC_ACQUIRE);
    const uintptr_t e = root ? __atomic_load_n(&root->e[dst[0] << 8 | dst[1]], __ATOMIC_RELAXED) : 0;
    if (e & IP_TRIE_CHILD)
        __builtin_prefetch(&((const struct ip_trie_node *)(e - IP_TRIE_CHILD))->e[dst[2]]);
}

static inline const struct ip_route *ip_route_lookup(const struct ip_routes *t, uint16_t vrf, uint8_t family,
                                                     const uint8_t *dst)
{
    const struct ip_trie_root *root = __atomic_load_n(&t->root[vrf][family == IP_V6], __ATOMIC_ACQUIRE);
    if (!root)
        return NULL;
    uintptr_t e = __atomic_load_n(&root->e[dst[0] << 8 | dst[1]], __ATOMIC_ACQUIRE);
    /* Ends before the address does: a prefix is never longer, so the last level has no child. */
    for (dst += 2; e & IP_TRIE_CHILD; dst++)
        e = __atomic_load_n(&((const struct ip_trie_node *)(e - IP_TRIE_CHILD))->e[*dst], __ATOMIC_ACQUIRE);
    return (const struct ip_route *)e;
}

/* Whether a next hop may be reached by this route. Never the default route: a next hop behind a tunnel that
 * is gone would be found on the far side of the clear network, and the packets for it with it. */
static inline bool ip_route_carries_hops(const struct ip_route *via)
{
    return via->if_id != 0 &&
           (via->kind == IP_ROUTE_CONNECTED || (via->kind == IP_ROUTE_STATIC && via->len > 0));
}

/* The route with its interface known: a route by next hop alone is looked up once more (one level).
 * *next_hop points into a route, or is NULL when the destination is on the link. NULL: no route. */
static inline const struct ip_route *ip_route_resolve(const struct ip_routes *t, uint16_t vrf, uint8_t family,
                                                      const uint8_t *dst, const struct ip_addr **next_hop)
{
    const struct ip_route *r = ip_route_lookup(t, vrf, family, dst);
    *next_hop = NULL;
    if (!r)
        return NULL;
    if (r->next_hop.family != IP_NONE)
        *next_hop = &r->next_hop;
    if (r->if_id != 0 || r->kind == IP_ROUTE_LOCAL)
        return r;
    const struct ip_route *via = ip_route_lookup(t, vrf, r->next_hop.family, r->next_hop.b);
    if (!via || !ip_route_carries_hops(via))
        return NULL;
    if (via->next_hop.family != IP_NONE)
        *next_hop = &via->next_hop;
    return via;
}

#endif
