#include "dataplane/dp_addr.h"

#include <stdlib.h>

void dp_addrs_init(struct dp_addrs *t)
{
    for (unsigned i = 0; i < DP_ADDR_CHAINS; i++)
        TAILQ_INIT(&t->chain[i]);
    for (unsigned i = 0; i < CV_MAX_IFS; i++)
        TAILQ_INIT(&t->of_if[i]);
    for (unsigned i = 0; i < CV_MAX_VRFS; i++) {
        TAILQ_INIT(&t->of_vrf[i][0]);
        TAILQ_INIT(&t->of_vrf[i][1]);
    }
}

void dp_addrs_free(struct dp_addrs *t)
{
    for (unsigned i = 0; i < CV_MAX_IFS; i++)
        while (!TAILQ_EMPTY(&t->of_if[i]))
            dp_addrs_remove(t, TAILQ_FIRST(&t->of_if[i]));
}

/* Addresses of this host are configured: nobody outside chooses what collides. */
static unsigned chain_of(uint16_t vrf, const struct ip_addr *a)
{
    uint32_t h = 2166136261u ^ vrf;
    for (unsigned i = 0; i < ip_addr_len(a); i++)
        h = (h ^ a->b[i]) * 16777619u;
    return (h ^ h >> 15) % DP_ADDR_CHAINS;
}

cv_result dp_addrs_add(struct dp_addrs *t, const struct dp_addr *a)
{
    struct dp_addr *n = malloc(sizeof *n);
    if (!n)
        return CV_ENOMEM;
    *n = *a;
    TAILQ_INSERT_TAIL(&t->chain[chain_of(n->vrf, &n->addr)], n, chain);
    TAILQ_INSERT_TAIL(&t->of_if[n->if_id], n, of_if);
    TAILQ_INSERT_TAIL(&t->of_vrf[n->vrf][n->addr.family == IP_V6], n, of_vrf);
    return CV_OK;
}

void dp_addrs_remove(struct dp_addrs *t, struct dp_addr *a)
{
    TAILQ_REMOVE(&t->chain[chain_of(a->vrf, &a->addr)], a, chain);
    TAILQ_REMOVE(&t->of_if[a->if_id], a, of_if);
    TAILQ_REMOVE(&t->of_vrf[a->vrf][a->addr.family == IP_V6], a, of_vrf);
    free(a);
}

struct dp_addr *dp_addrs_find(const struct dp_addrs *t, uint32_t if_id, uint16_t vrf, const struct ip_addr *a)
{
    struct dp_addr *l;
    TAILQ_FOREACH (l, &t->chain[chain_of(vrf, a)], chain) {
        if ((if_id == 0 || l->if_id == if_id) && l->vrf == vrf && ip_addr_equal(&l->addr, a))
            return l;
    }
    return NULL;
}

const struct ip_addr *dp_addrs_source(const struct dp_addrs *t, const struct ip_if *on,
                                      const struct ip_addr *near)
{
    const struct ip_addr *first = NULL;
    const struct dp_addr *l;
    TAILQ_FOREACH (l, &t->of_if[on->id], of_if) {
        if (l->addr.family != near->family || l->vrf != on->vrf)
            continue;
        if (ip_prefix_contains(&l->subnet, near))
            return &l->addr;
        if (!first)
            first = &l->addr;
    }
    if (first)
        return first;
    l = TAILQ_FIRST(&t->of_vrf[on->vrf][near->family == IP_V6]);
    return l ? &l->addr : NULL;
}

bool dp_addrs_on_link(const struct dp_addrs *t, uint32_t if_id, const struct ip_addr *a)
{
    const struct dp_addr *l;
    TAILQ_FOREACH (l, &t->of_if[if_id], of_if) {
        if (ip_prefix_contains(&l->subnet, a))
            return true;
    }
    return false;
}
