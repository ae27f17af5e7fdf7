#include "dataplane/ip/ip_ends.h"
#include "dataplane/ip/ip_classify.h"

static bool has_ends(const struct ip_if *t)
{
    const struct cv_if *c = &t->conf;
    return t->kind == CV_IF_TUNNEL && (!t->gre || c->is_protected) && c->tunnel_src.family != IP_NONE &&
           c->tunnel_dst.family == c->tunnel_src.family;
}

static struct ip_if *const *chain_of(const struct ip_ifs *ifs, uint16_t vrf, uint8_t family,
                                     const uint8_t *local, const uint8_t *remote)
{
    const uint64_t far = ip_hash_addr(&ifs->hash_key, vrf, family, remote);
    return &ifs->ends[ip_hash_addr(&ifs->hash_key, far, family, local) % IP_ENDS_CHAINS];
}

static struct ip_if **chain_of_tunnel(struct ip_ifs *ifs, const struct ip_if *t)
{
    const struct cv_if *c = &t->conf;
    return (struct ip_if **)(uintptr_t)chain_of(ifs, t->tunnel_vrf, c->tunnel_src.family, c->tunnel_src.b,
                                                c->tunnel_dst.b);
}

void ip_ends_link(struct ip_ifs *ifs, struct ip_if *t)
{
    if (!has_ends(t))
        return;
    struct ip_if **at = chain_of_tunnel(ifs, t);
    t->ends_next = *at;
    __atomic_store_n(at, t, __ATOMIC_RELEASE);
}

void ip_ends_unlink(struct ip_ifs *ifs, struct ip_if *t)
{
    if (!has_ends(t))
        return;
    struct ip_if **at = chain_of_tunnel(ifs, t);
    while (*at && *at != t)
        at = &(*at)->ends_next;
    if (*at) /* who is at t just now goes on behind it */
        __atomic_store_n(at, t->ends_next, __ATOMIC_RELEASE);
}

static bool is_between(const struct ip_if *t, uint16_t vrf, uint8_t family, const uint8_t *local,
                       const uint8_t *remote)
{
    const struct cv_if *c = &t->conf;
    return t->tunnel_vrf == vrf && c->tunnel_src.family == family &&
           ip_same_addr(c->tunnel_src.b, local, family) && ip_same_addr(c->tunnel_dst.b, remote, family);
}

const struct ip_if *ip_ends_find(const struct ip_ifs *ifs, uint16_t vrf, uint8_t family, const uint8_t *local,
                                 const uint8_t *remote)
{
    const struct ip_if *found = NULL,
                       *t = __atomic_load_n(chain_of(ifs, vrf, family, local, remote), __ATOMIC_ACQUIRE);
    for (; t; t = __atomic_load_n(&t->ends_next, __ATOMIC_ACQUIRE)) {
        if (!is_between(t, vrf, family, local, remote))
            continue;
        if (found && found->id != t->id) /* of one id are two while it is replaced */
            return NULL;
        found = t;
    }
    return found;
}
