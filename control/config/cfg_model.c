#include "control/config/cfg_model.h"

#include <string.h>

/* One finder per kind: the arrays differ in nothing but the type. */
#define FINDER(function, type, items, count)                                                                 \
    const struct type *function(const struct cfg *c, const char *name)                                       \
    {                                                                                                        \
        for (unsigned i = 0; i < c->count; i++)                                                              \
            if (strcmp(c->items[i].name, name) == 0)                                                         \
                return &c->items[i];                                                                         \
        return NULL;                                                                                         \
    }
FINDER(cfg_find_interface, cfg_interface, interfaces, interface_count)
FINDER(cfg_find_proposal, cfg_ikev2_proposal, proposals, proposal_count)
FINDER(cfg_find_policy, cfg_ikev2_policy, policies, policy_count)
FINDER(cfg_find_keyring, cfg_ikev2_keyring, keyrings, keyring_count)
FINDER(cfg_find_profile, cfg_ikev2_profile, profiles, profile_count)
FINDER(cfg_find_transform_set, cfg_transform_set, transform_sets, transform_set_count)
FINDER(cfg_find_ipsec_profile, cfg_ipsec_profile, ipsec_profiles, ipsec_profile_count)

/* Which family the outer packets have: of the destination, else of the tunnel mode. */
static uint8_t outer_family(const struct cfg_interface *t)
{
    if (t->tunnel_destination.family != IP_NONE)
        return t->tunnel_destination.family;
    bool v6 = t->tunnel_mode == CV_TUNNEL_IPSEC6 || (t->tunnel_mode == CV_TUNNEL_GRE && t->tunnel_gre_ipv6);
    return v6 ? IP_V6 : IP_V4;
}

static bool link_local(const struct ip_addr *a)
{
    return a->family == IP_V6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool cfg_tunnel_source(const struct cfg *c, const struct cfg_interface *tunnel, struct ip_addr *out)
{
    uint8_t family = outer_family(tunnel);
    memset(out, 0, sizeof *out);
    if (!tunnel->tunnel_source_if[0]) {
        *out = tunnel->tunnel_source;
        return out->family == family;
    }
    const struct cfg_interface *x = cfg_find_interface(c, tunnel->tunnel_source_if);
    for (unsigned i = 0; x && i < x->addr_count; i++)
        if (x->addrs[i].addr.family == family && !link_local(&x->addrs[i].addr)) {
            *out = x->addrs[i].addr;
            return true;
        }
    return false;
}

struct cfg_sa_params cfg_sa_params_effective(const struct cfg *c, const struct cfg_ipsec_profile *p)
{
    struct cfg_sa_params x = p ? p->sa : c->sa;
    const struct cfg_sa_params *g = &c->sa;
    if (!x.lifetime_s_set)
        x.lifetime_s = g->lifetime_s_set ? g->lifetime_s : 3600;
    if (!x.lifetime_kb_set) {
        x.lifetime_kb_disable = g->lifetime_kb_disable;
        x.lifetime_kb = g->lifetime_kb_set ? g->lifetime_kb : 4608000;
    }
    if (!x.replay_set) {
        x.replay_disable = g->replay_disable;
        x.replay_window = g->replay_set ? g->replay_window : 64;
    }
    if (!x.idle_set)
        x.idle_s = g->idle_s;
    if (!x.df_set)
        x.df = c->df;
    if (!x.esn_set)
        x.esn = g->esn;
    return x;
}

struct cfg_dpd cfg_dpd_effective(const struct cfg *c, const struct cfg_ikev2_profile *p)
{
    return p && p->dpd.set ? p->dpd : c->ikev2_dpd;
}

bool cfg_profile_complete(const struct cfg_ikev2_profile *p)
{
    return p->match_count > 0 && p->auth_local != CFG_AUTH_NONE && p->auth_remote != CFG_AUTH_NONE &&
           !p->shutdown;
}
