#include "dataplane/ip/ip_if.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/ip/ip_ends.h"
#include "dataplane/ip/ip_gre.h"

#include <rte_cycles.h>

#include <stdlib.h>
#include <string.h>

static bool name_ok(const char name[CV_NAME_MAX])
{
    return name[0] != '\0' && memchr(name, '\0', CV_NAME_MAX) != NULL;
}

static bool family_known(uint8_t family)
{
    return family == IP_NONE || family == IP_V4 || family == IP_V6;
}

static bool is_gre(const struct cv_if *c)
{
    return c->kind == CV_IF_TUNNEL && (c->tunnel_mode == CV_TUNNEL_GRE || c->tunnel_mode == CV_TUNNEL_GRE6);
}

static bool family_fits(const struct ip_addr *end, uint8_t tunnel_mode)
{
    return end->family == IP_NONE || end->family == (tunnel_mode == CV_TUNNEL_GRE ? IP_V4 : IP_V6);
}

static bool gre_ok(const struct cv_if *c)
{
    return c->gre_keyed <= 1 && c->is_protected <= 1 && c->gre_pmtud <= 1 && c->df <= CV_DF_CLEAR &&
           family_fits(&c->tunnel_src, c->tunnel_mode) && family_fits(&c->tunnel_dst, c->tunnel_mode);
}

static bool tunnel_ok(const struct cv_if *c)
{
    if (is_gre(c))
        return gre_ok(c);
    if (c->tunnel_mode != CV_TUNNEL_IPSEC4 && c->tunnel_mode != CV_TUNNEL_IPSEC6)
        return false;
    return c->df <= CV_DF_CLEAR && family_known(c->tunnel_src.family) && family_known(c->tunnel_dst.family);
}

static bool conf_ok(const struct cv_if *c)
{
    if (c->if_id == 0 || c->if_id >= CV_MAX_IFS || !name_ok(c->name) || c->up > 1)
        return false;
    if (c->vrf >= CV_MAX_VRFS || c->tunnel_vrf >= CV_MAX_VRFS)
        return false;
    if (c->mtu != 0 && (c->mtu < IP_MTU_MIN || c->mtu > IP_MTU_MAX))
        return false;
    switch (c->kind) {
    case CV_IF_PORT:
    case CV_IF_LOOPBACK:
        return true;
    case CV_IF_TUNNEL:
        return tunnel_ok(c);
    case CV_IF_FLOW: /* the port it names may come later, or be replaced; a policy's COMMIT looks */
        return c->flow_port != 0 && c->flow_port < CV_MAX_IFS && c->flow_port != c->if_id;
    default:
        return false;
    }
}

static void link_local_make(uint8_t out[16], const uint8_t mac[6])
{
    const uint8_t a[16] = {0xfe,   0x80,  [8] = mac[0] ^ 0x02, mac[1], mac[2], 0xff, 0xfe, mac[3],
                           mac[4], mac[5]};
    memcpy(out, a, sizeof a);
}

/* Limits that stay keep what they have counted: an interface that is set again lets no second burst through. */
static void police_set(struct ip_if *new, const struct ip_if *old)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        const struct cv_police *p = &new->conf.police[dir];
        struct ip_police *b = &new->buckets[dir];
        if (p->bps == 0)
            continue;
        new->police = new->buckets;
        ip_police_set(b, p->bps, p->burst, rte_get_tsc_hz());
        if (old && memcmp(p, &old->conf.police[dir], sizeof *p) == 0)
            b->full_at = __atomic_load_n(&old->buckets[dir].full_at, __ATOMIC_RELAXED);
    }
}

cv_result ip_if_set(struct ip_ifs *t, const struct cv_if *conf, uint16_t port, const uint8_t *mac,
                    uint16_t port_mtu)
{
    if (!conf_ok(conf) || (conf->kind == CV_IF_PORT && (port >= CV_MAX_PORTS || !mac)))
        return CV_EINVAL;
    struct ip_if *old = t->by_id[conf->if_id];
    bool is_port = conf->kind == CV_IF_PORT;
    if (is_port && t->by_port[port] && t->by_port[port] != old)
        return CV_EINVAL;
    struct ip_if *new = dp_rcu_new(sizeof *new);
    if (!new)
        return CV_ENOMEM;
    new->id = conf->if_id;
    new->kind = conf->kind;
    new->up = conf->up;
    new->port = is_port ? port : IP_NO_PORT;
    new->mtu = conf->mtu;
    if (is_port && (conf->mtu == 0 || conf->mtu > port_mtu))
        new->mtu = port_mtu;
    new->vrf = conf->vrf;
    new->tunnel_vrf = conf->tunnel_vrf;
    new->tcp_mss.v4 = conf->tcp_mss;
    new->tcp_mss.v6 = conf->tcp_mss6;
    new->conf = *conf;
    police_set(new, old);
    new->gre = is_gre(conf);
    if (new->gre)
        ip_gre_head_make(new);
    if (is_port) {
        memcpy(new->mac, mac, sizeof new->mac);
        link_local_make(new->link_local, mac);
    }
    if (old && old->port != IP_NO_PORT && old->port != new->port)
        __atomic_store_n(&t->by_port[old->port], NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&t->by_id[new->id], new, __ATOMIC_RELEASE);
    ip_gre_link(t, new);
    ip_ends_link(t, new);
    if (old) {
        ip_gre_unlink(t, old);
        ip_ends_unlink(t, old);
    }
    if (is_port)
        __atomic_store_n(&t->by_port[port], new, __ATOMIC_RELEASE);
    t->count += old ? 0 : 1;
    dp_rcu_changed();
    dp_rcu_free(old);
    return CV_OK;
}

cv_result ip_if_del(struct ip_ifs *t, uint32_t id)
{
    if (id == 0 || id >= CV_MAX_IFS || !t->by_id[id])
        return CV_ENOENT;
    struct ip_if *old = t->by_id[id];
    if (old->port != IP_NO_PORT)
        __atomic_store_n(&t->by_port[old->port], NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&t->by_id[id], NULL, __ATOMIC_RELEASE);
    ip_gre_unlink(t, old);
    ip_ends_unlink(t, old);
    t->count--;
    dp_rcu_free(old);
    return CV_OK;
}
