#include "control/cli/cli_mtu.h"

#include <string.h>

enum { AH_FIXED = 12, ESP_HEADER = 8, ESP_TRAILER = 2, UDP_HEADER = 8, IPV4_HEADER = 20, IPV6_HEADER = 40 };

const struct cv_port_stats *cli_mtu_port(struct cli_call *c, const char *interface)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    char canonical[CV_NAME_MAX];
    enum cv_if_kind kind;
    for (unsigned i = 0; s && i < s->head->ports && i < CV_MAX_PORTS; i++) {
        const struct cv_port_stats *p = shm_port_stats(s, i);
        if (strncmp(p->name, interface, CV_NAME_MAX) == 0 ||
            (cfg_interface_name(p->name, canonical, &kind) && strcmp(canonical, interface) == 0))
            return p;
    }
    return NULL;
}

/* Octets of IV and of ICV on the wire, and what the ciphertext is a multiple of. */
static unsigned iv_len(uint16_t encr)
{
    return encr == CV_ENCR_AES_CBC ? 16 : encr == CV_ENCR_NULL ? 0 : 8;
}

static unsigned block_len(uint16_t encr)
{
    return encr == CV_ENCR_AES_CBC ? 16 : encr == CV_ENCR_DES || encr == CV_ENCR_3DES ? 8 : 4;
}

static unsigned icv_len(uint16_t integ)
{
    switch (integ) {
    case CV_INTEG_HMAC_MD5_96:
    case CV_INTEG_HMAC_SHA1_96:
        return 12;
    case CV_INTEG_HMAC_SHA2_384_192:
        return 24;
    case CV_INTEG_HMAC_SHA2_512_256:
        return 32;
    default:
        return 16; /* SHA2-256-128, and the tag of every AEAD */
    }
}

unsigned cli_mtu_plaintext(const struct sam_child *k, unsigned path)
{
    unsigned header = k->remote.addr.family == IP_V6 ? IPV6_HEADER : IPV4_HEADER;
    if (sam_is_ah(
            k)) { /* its header is a whole number of 4 octets over IPv4, of 8 over IPv6 (RFC 4302 2.6) */
        const unsigned unit = k->remote.addr.family == IP_V6 ? 8 : 4;
        const unsigned ah = (AH_FIXED + icv_len(k->integ) + unit - 1) / unit * unit,
                       own = k->transport ? header : 0;
        return path > header + ah ? path - header - ah + own : 0;
    }
    unsigned around = header + (k->natt ? UDP_HEADER : 0) + ESP_HEADER + iv_len(k->encr) + icv_len(k->integ);
    unsigned inside = path > around ? (path - around) / block_len(k->encr) * block_len(k->encr) : 0;
    if (inside <= ESP_TRAILER)
        return 0;
    return inside - ESP_TRAILER +
           (k->transport ? header : 0); /* transport mode: the header is the packet's own */
}

/* The interface that has an address. */
static const struct cfg_interface *owner(const struct cfg *cfg, const struct ip_addr *a)
{
    for (unsigned i = 0; i < cfg->interface_count; i++)
        for (unsigned k = 0; k < cfg->interfaces[i].addr_count; k++)
            if (ip_addr_equal(&cfg->interfaces[i].addrs[k].addr, a))
                return &cfg->interfaces[i];
    return NULL;
}

/* What the data plane has learned of the path to the peer; 0: nothing. */
static unsigned learned(struct cli_call *c, uint16_t vrf, const struct ip_addr *remote)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    for (unsigned i = 0; s && i < CV_PATH_MTUS; i++) {
        const struct cv_path_mtu *row = &s->at.path_mtus[i];
        const uint16_t mtu = __atomic_load_n(&row->mtu, __ATOMIC_ACQUIRE);
        if (mtu != 0 && row->vrf == vrf && ip_addr_equal(&row->remote, remote))
            return mtu;
    }
    return 0;
}

bool cli_mtu_of(struct cli_call *c, const struct sam_child *k, struct cli_mtu *out)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const struct cfg_interface *t = cfg_find_interface(cfg, k->interface);
    uint16_t vrf = t && t->tunnel_vrf[0] ? c->env->vrf_id(c->env->ctx, t->tunnel_vrf) : 0;
    struct ip_addr near;
    if (!c->env->source_for(c->env->ctx, vrf, &k->remote.addr, &near))
        return false;
    const struct cfg_interface *port = owner(cfg, &near);
    const struct cv_port_stats *p = port ? cli_mtu_port(c, port->name) : NULL;
    if (!p || p->mtu == 0)
        return false;
    out->port = port->name;
    out->ip = port->ip_mtu && port->ip_mtu < p->mtu ? port->ip_mtu : p->mtu;
    const unsigned path = learned(c, vrf, &k->remote.addr);
    out->path = path != 0 && path < out->ip ? path : out->ip;
    out->plaintext = cli_mtu_plaintext(k, out->path);
    return true;
}
