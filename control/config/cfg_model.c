#include "control/config/cfg_model.h"
#include "control/config/cfg.h"

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
FINDER(cfg_find_acl, cfg_acl, acls, acl_count)
FINDER(cfg_find_vrf, cfg_vrf, vrfs, vrf_count)
FINDER(cfg_find_trustpoint, cfg_trustpoint, trustpoints, trustpoint_count)
FINDER(cfg_find_isakmp_profile, cfg_isakmp_profile, isakmp_profiles, isakmp_profile_count)

const struct cfg_isakmp_keyring *cfg_find_isakmp_keyring(const struct cfg *c, const char *name)
{
    if (strcmp(name, c->isakmp_default.name) == 0)
        return &c->isakmp_default;
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        if (strcmp(c->isakmp_keyrings[i].name, name) == 0)
            return &c->isakmp_keyrings[i];
    return NULL;
}

const struct cfg_crypto_map *cfg_find_map(const struct cfg *c, const char *name, bool dynamic)
{
    for (unsigned i = 0; i < c->map_count; i++)
        if (c->maps[i].dynamic == dynamic && strcmp(c->maps[i].name, name) == 0)
            return &c->maps[i];
    return NULL;
}

const struct cfg_crypto_map *cfg_map_on(const struct cfg *c, const struct cfg_interface *i, bool ipv6)
{
    const char *name = ipv6 ? i->crypto_map6 : i->crypto_map;
    return name[0] ? cfg_find_map(c, name, false) : NULL;
}

bool cfg_map_applied(const struct cfg_interface *i, const char *map)
{
    return strcmp(i->crypto_map, map) == 0 || strcmp(i->crypto_map6, map) == 0;
}

unsigned cfg_vrf_number(const struct cfg *c, const char *name)
{
    const struct cfg_vrf *v = name[0] ? cfg_find_vrf(c, name) : NULL;
    return v ? (unsigned)(v - c->vrfs) + 1u : 0u;
}

static bool permits(const struct cfg_acl *a)
{
    for (unsigned i = 0; a && i < a->ace_count; i++)
        if (a->aces[i].permit)
            return true;
    return false;
}

bool cfg_map_entry_complete(const struct cfg *c, const struct cfg_map_entry *e, bool dynamic)
{
    if (e->dynamic[0])
        return false;
    if (dynamic && !e->acl[0])
        return true;
    return permits(cfg_find_acl(c, e->acl)) &&
           (dynamic || (e->peer_count > 0 && e->peers[0].addr.family != IP_NONE));
}

const struct cfg_isakmp_peer *cfg_find_isakmp_peer(const struct cfg *c, const struct ip_addr *addr,
                                                   const char *vrf)
{
    for (unsigned i = 0; i < c->isakmp_peer_count; i++)
        if (ip_addr_equal(&c->isakmp_peers[i].addr, addr) &&
            strcmp(c->isakmp_peers[i].vrf, vrf ? vrf : "") == 0)
            return &c->isakmp_peers[i];
    return NULL;
}

bool cfg_is_protected(const struct cfg_interface *i)
{
    return (i->kind == CV_IF_TUNNEL || i->kind == CV_IF_FLOW) && i->protection_profile[0] && !i->shutdown;
}

enum { PROTO_GRE = 47 };

static struct ts host_selector(const struct ip_addr *a, uint8_t family, uint8_t proto)
{
    struct ts t = ts_any(family);
    struct ip_prefix host;
    if (a->family == family && !ip_addr_is_any(a) && ip_prefix_make(a, ip_addr_bits(a), &host))
        t = ts_from_prefix(&host, proto, 0, UINT16_MAX);
    t.proto = proto;
    return t;
}

bool cfg_selectors(const struct cfg *c, const struct cfg_interface *t, struct ts *local, struct ts *remote)
{
    struct ip_addr source;
    if (t->flow) {
        *local = t->flow->local;
        *remote = t->flow->remote;
        return true;
    }
    if (t->tunnel_mode == CV_TUNNEL_IPSEC4 || t->tunnel_mode == CV_TUNNEL_IPSEC6) {
        *local = *remote = ts_any(t->tunnel_mode == CV_TUNNEL_IPSEC4 ? IP_V4 : IP_V6);
        return true;
    }
    if (!cfg_tunnel_source(c, t, &source))
        return false;
    *local = host_selector(&source, source.family, PROTO_GRE);
    *remote = host_selector(&t->tunnel_destination, source.family, PROTO_GRE);
    return true;
}

/* Which family the outer packets have: of the destination, else of the tunnel mode. */
static uint8_t outer_family(const struct cfg_interface *t)
{
    if (t->tunnel_destination.family != IP_NONE)
        return t->tunnel_destination.family;
    return t->tunnel_mode == CV_TUNNEL_IPSEC6 || t->tunnel_mode == CV_TUNNEL_GRE6 ? IP_V6 : IP_V4;
}

bool cfg_is_link_local(const struct ip_addr *a)
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
        if (x->addrs[i].addr.family == family && !cfg_is_link_local(&x->addrs[i].addr)) {
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
    if (!x.lifetime_packets_set)
        x.lifetime_packets = g->lifetime_packets;
    if (!x.replay_set) {
        x.replay_disable = g->replay_disable;
        x.replay_window = g->replay_set ? g->replay_window : 64;
    }
    if (!x.idle_set)
        x.idle_s = g->idle_s;
    if (!x.df_set)
        x.df = c->df;
    if (!x.ecn_set)
        x.ecn_discard = g->ecn_discard;
    if (!x.esn_set)
        x.esn = g->esn;
    if (!x.dummy_set) {
        x.dummy_pps = g->dummy_pps;
        x.dummy_s = g->dummy_s;
    }
    if (!x.tfc_set)
        x.tfc_len = g->tfc_len;
    return x;
}

/* The interface whose commands count: a crypto map's are its port's. */
static const struct cfg_interface *commanding(const struct cfg *c, const struct cfg_interface *i)
{
    return i && i->kind == CV_IF_FLOW && i->flow ? cfg_find_interface(c, i->flow->port) : i;
}

struct cfg_sa_params cfg_sa_params_on(const struct cfg *c, const struct cfg_ipsec_profile *p,
                                      const char *interface)
{
    struct cfg_sa_params x = cfg_sa_params_effective(c, p);
    const struct cfg_interface *i =
        interface && interface[0] ? commanding(c, cfg_find_interface(c, interface)) : NULL;
    if (i && i->df_set && !(p && p->sa.df_set))
        x.df = i->df;
    return x;
}

bool cfg_cut_after(const struct cfg *c, const struct cfg_interface *i)
{
    const struct cfg_interface *by = commanding(c, i);
    return by && by->cut != CFG_CUT_GLOBAL ? by->cut == CFG_CUT_AFTER : c->cut_after;
}

struct cfg_mss cfg_tcp_mss(const struct cfg_interface *i)
{
    struct cfg_mss mss = {i->tcp_mss, i->tcp_mss6};
    if (mss.four == 0 && mss.six != 0)
        mss.four = mss.six + CFG_MSS6_LESS;
    else if (mss.six == 0 && mss.four != 0)
        mss.six = mss.four - CFG_MSS6_LESS;
    return mss;
}

void cfg_platform_of(const struct cfg *c, struct platform *out)
{
    *out = c->platform;
    for (unsigned i = 0; i < out->port_count; i++) {
        char canonical[CV_NAME_MAX];
        enum cv_if_kind kind;
        const bool known = cfg_interface_name(out->ports[i].name, canonical, &kind);
        const struct cfg_interface *x = cfg_find_interface(c, known ? canonical : out->ports[i].name);
        if (x && x->mtu)
            out->ports[i].mtu = x->mtu;
    }
}

struct cfg_dpd cfg_dpd_effective(const struct cfg *c, const struct cfg_ikev2_profile *p)
{
    return p && p->dpd.set ? p->dpd : c->ikev2_dpd;
}

bool cfg_profile_complete(const struct cfg_ikev2_profile *p)
{
    return (p->match_count > 0 || p->certmap_count > 0) && p->auth_local != CFG_AUTH_NONE &&
           p->auth_remote != CFG_AUTH_NONE && !p->shutdown;
}

/* ---- IKEv1 ---------------------------------------------------------------------------------------------------- */
/* Rows: priority, cipher, key bits, hash, method, group. */
#define BUILTIN(n, cipher, bits, h, a, g)                                                                    \
    {                                                                                                        \
        .priority = n, .builtin = true, .encr = {cipher, bits}, .hash = h, .auth = a, .group = g,            \
        .lifetime_s = 86400                                                                                  \
    }

const struct cfg_isakmp_policy *cfg_isakmp_policies(const struct cfg *c, unsigned *count)
{
    static const struct cfg_isakmp_policy builtin[] = {
        BUILTIN(65507, CV_ENCR_AES_CBC, 128, CFG_HASH_SHA1, CFG_AUTH_RSA_SIG, 5),
        BUILTIN(65508, CV_ENCR_AES_CBC, 128, CFG_HASH_SHA1, CFG_AUTH_PSK, 5),
        BUILTIN(65509, CV_ENCR_AES_CBC, 128, CFG_HASH_MD5, CFG_AUTH_RSA_SIG, 5),
        BUILTIN(65510, CV_ENCR_AES_CBC, 128, CFG_HASH_MD5, CFG_AUTH_PSK, 5),
        BUILTIN(65511, CV_ENCR_3DES, 0, CFG_HASH_SHA1, CFG_AUTH_RSA_SIG, 2),
        BUILTIN(65512, CV_ENCR_3DES, 0, CFG_HASH_SHA1, CFG_AUTH_PSK, 2),
        BUILTIN(65513, CV_ENCR_3DES, 0, CFG_HASH_MD5, CFG_AUTH_RSA_SIG, 2),
        BUILTIN(65514, CV_ENCR_3DES, 0, CFG_HASH_MD5, CFG_AUTH_PSK, 2),
    };
    bool own = c->isakmp_policy_count > 0;
    *count = own                           ? c->isakmp_policy_count
             : c->isakmp_no_default_policy ? 0
                                           : sizeof builtin / sizeof builtin[0];
    return own ? c->isakmp_policies : builtin;
}

bool cfg_isakmp_used(const struct cfg *c)
{
    return c->isakmp_policy_count > 0 || c->isakmp_default.key_count > 0 || c->isakmp_keyring_count > 0 ||
           c->isakmp_profile_count > 0 || c->isakmp_peer_count > 0;
}

bool cfg_isakmp_profile_complete(const struct cfg_isakmp_profile *p)
{
    return p->match_count > 0 || p->certmap_count > 0;
}

struct cfg_dpd cfg_isakmp_dpd_effective(const struct cfg *c, const struct cfg_isakmp_profile *p)
{
    return p && p->dpd.set ? p->dpd : c->isakmp_dpd;
}

enum cfg_ike_version cfg_ipsec_ike_version(const struct cfg *c, const struct cfg_ipsec_profile *p)
{
    if (p->ikev2_profile[0])
        return CFG_IKEV2;
    return p->isakmp_profile[0] || cfg_isakmp_used(c) ? CFG_IKEV1 : CFG_IKEV2;
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */
unsigned cfg_revocation_methods(const struct cfg_trustpoint *t, enum cfg_revocation out[3])
{
    if (t->revocation_count == 0) {
        out[0] = CFG_REVOCATION_CRL;
        return 1;
    }
    memcpy(out, t->revocation, t->revocation_count * sizeof t->revocation[0]);
    return t->revocation_count;
}

bool cfg_has_certmap(const struct cfg *c, const char *name)
{
    for (unsigned i = 0; i < c->certmap_count; i++)
        if (strcmp(c->certmaps[i].name, name) == 0)
            return true;
    return false;
}
