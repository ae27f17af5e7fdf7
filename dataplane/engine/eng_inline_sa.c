#include "dataplane/engine/eng_inline_sa.h"

#include <string.h>

/* ---- algorithms ---------------------------------------------------------------------------------------------------- */
static bool in_range(uint16_t v, const struct rte_crypto_param_range *r)
{
    if (v < r->min || v > r->max)
        return false;
    return r->increment ? (v - r->min) % r->increment == 0 : v == r->min || v == r->max;
}

static bool covers(const struct rte_cryptodev_symmetric_capability *c, const struct rte_crypto_sym_xform *x)
{
    if (c->xform_type != x->type)
        return false;
    switch (x->type) {
    case RTE_CRYPTO_SYM_XFORM_AEAD: /* drivers of NICs differ in what they call the IV's length: with the salt, or without */
        return c->aead.algo == x->aead.algo && in_range(x->aead.key.length, &c->aead.key_size) &&
               in_range(x->aead.digest_length, &c->aead.digest_size);
    case RTE_CRYPTO_SYM_XFORM_AUTH:
        return c->auth.algo == x->auth.algo && in_range(x->auth.key.length, &c->auth.key_size) &&
               in_range(x->auth.digest_length, &c->auth.digest_size);
    default:
        return c->cipher.algo == x->cipher.algo && in_range(x->cipher.key.length, &c->cipher.key_size) &&
               in_range(x->cipher.iv.length, &c->cipher.iv_size);
    }
}

static bool has_algorithm(const struct rte_cryptodev_capabilities *c, const struct rte_crypto_sym_xform *x)
{
    for (; c && c->op != RTE_CRYPTO_OP_TYPE_UNDEFINED; c++)
        if (c->op == RTE_CRYPTO_OP_TYPE_SYMMETRIC && covers(&c->sym, x))
            return true;
    return false;
}

static bool has_algorithms(const struct rte_cryptodev_capabilities *c, const struct rte_crypto_sym_xform *x)
{
    for (; x; x = x->next)
        if (!has_algorithm(c, x))
            return false;
    return true;
}

/* ---- what an SA asks for ------------------------------------------------------------------------------------------- */
static enum rte_security_ipsec_sa_mode mode_of(const struct cv_sa *sa)
{
    return sa->mode == CV_MODE_TRANSPORT ? RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT
                                         : RTE_SECURITY_IPSEC_SA_MODE_TUNNEL;
}

static enum rte_security_ipsec_sa_direction direction_of(const struct cv_sa *sa)
{
    return sa->ref.dir == CV_DIR_OUT ? RTE_SECURITY_IPSEC_SA_DIR_EGRESS : RTE_SECURITY_IPSEC_SA_DIR_INGRESS;
}

/* Who has what of an SA: all of ESP is the device's with both protocols; with the look-aside one packets come back to culvert, which
 * keeps a window of its own and writes the outer header itself. */
static bool is_protocol(enum rte_security_session_action_type action)
{
    return action != RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO;
}
static bool is_inline(enum rte_security_session_action_type action)
{
    return action != RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL;
}

/* What no driver could make up for: NONE, or why not. */
static uint8_t never(const struct cv_sa *sa, enum rte_security_session_action_type action)
{
    const bool out = sa->ref.dir == CV_DIR_OUT, protocol = is_protocol(action), in_line = is_inline(action);
    if (sa->proto != CV_PROTO_ESP)
        return CV_ENGINE_WHY_PROTO;
    if (!protocol && !out && (sa->flags & CV_SA_ESN))
        return CV_ENGINE_WHY_ESN;
    if (in_line && out && (sa->flags & CV_SA_NATT) && sa->local.addr.family == IP_V6)
        return CV_ENGINE_WHY_UDP;
    if (protocol && !out && (in_line ? sa->seq : sa->seq >> 32) != 0)
        return CV_ENGINE_WHY_USED;
    if (protocol && sa->mode == CV_MODE_TRANSPORT)
        return CV_ENGINE_WHY_MODE;
    if (protocol && out && (sa->tfc_len || sa->dummy_ms))
        return CV_ENGINE_WHY_TFC;
    return CV_ENGINE_WHY_NONE;
}

static uint32_t window_of(const struct cv_sa *sa)
{
    return sa->ref.dir == CV_DIR_OUT || (sa->flags & CV_SA_NO_REPLAY) ? 0 : sa->replay_window;
}

static uint8_t protocol_lacks(const struct rte_security_capability *c, const struct cv_sa *sa)
{
    const struct rte_security_ipsec_sa_options *o = &c->ipsec.options;
    const bool out = sa->ref.dir == CV_DIR_OUT;
    if (window_of(sa) > c->ipsec.replay_win_sz_max)
        return CV_ENGINE_WHY_WINDOW;
    if (!is_inline(c->action))
        return CV_ENGINE_WHY_NONE;
    if (!o->ecn && !(sa->flags & CV_SA_ECN_DROP))
        return CV_ENGINE_WHY_HEADER;
    if (out && !o->copy_dscp)
        return CV_ENGINE_WHY_HEADER;
    if (out && sa->df == CV_DF_COPY && !o->copy_df)
        return CV_ENGINE_WHY_HEADER;
    return CV_ENGINE_WHY_NONE;
}

/* One capability: NONE when it covers the SA. */
static uint8_t lacks(const struct rte_security_capability *c, const struct cv_sa *sa,
                     const struct cdev_xforms *x)
{
    const uint32_t trailer = RTE_SECURITY_TX_HW_TRAILER_OFFLOAD | RTE_SECURITY_RX_HW_TRAILER_OFFLOAD;
    if (c->ipsec.mode != mode_of(sa))
        return CV_ENGINE_WHY_MODE;
    if (!has_algorithms(c->crypto_capabilities, &x->first))
        return CV_ENGINE_WHY_TRANSFORM;
    if ((sa->flags & CV_SA_ESN) && !c->ipsec.options.esn)
        return CV_ENGINE_WHY_ESN;
    /* The upper half of a number goes to the NIC with the packet's metadata, or not at all. */
    if ((sa->flags & CV_SA_ESN) && !is_protocol(c->action) &&
        !(c->ol_flags & RTE_SECURITY_TX_OLOAD_NEED_MDATA))
        return CV_ENGINE_WHY_ESN;
    if ((sa->flags & CV_SA_NATT) && !c->ipsec.options.udp_encap)
        return CV_ENGINE_WHY_UDP;
    if (!is_protocol(c->action))
        return c->ol_flags & trailer ? (uint8_t)CV_ENGINE_WHY_TRAILER : (uint8_t)CV_ENGINE_WHY_NONE;
    return protocol_lacks(c, sa);
}

const struct rte_security_capability *inline_cap_find(const struct rte_security_capability *caps,
                                                      enum rte_security_session_action_type action,
                                                      const struct cv_sa *sa, uint8_t *why)
{
    struct cdev_xforms x;
    *why = never(sa, action);
    if (*why)
        return NULL;
    *why = CV_ENGINE_WHY_DIRECTION;
    cdev_xforms_make(sa, &x);
    for (; caps && caps->action != RTE_SECURITY_ACTION_TYPE_NONE; caps++) {
        if (caps->action != action || caps->protocol != RTE_SECURITY_PROTOCOL_IPSEC ||
            caps->ipsec.proto != RTE_SECURITY_IPSEC_SA_PROTO_ESP || caps->ipsec.direction != direction_of(sa))
            continue;
        *why = lacks(caps, sa, &x);
        if (!*why)
            return caps;
    }
    return NULL;
}

/* ---- the session's configuration ----------------------------------------------------------------------------------- */
static void tunnel_make(struct rte_security_ipsec_tunnel_param *t, const struct cv_sa *sa)
{
    const bool out = sa->ref.dir == CV_DIR_OUT, v4 = sa->local.addr.family == IP_V4;
    const uint8_t *src = out ? sa->local.addr.b : sa->remote.addr.b,
                  *dst = out ? sa->remote.addr.b : sa->local.addr.b;
    enum { TTL = 64 };
    if (v4) {
        t->type = RTE_SECURITY_IPSEC_TUNNEL_IPV4;
        memcpy(&t->ipv4.src_ip, src, sizeof t->ipv4.src_ip);
        memcpy(&t->ipv4.dst_ip, dst, sizeof t->ipv4.dst_ip);
        t->ipv4.df = sa->df == CV_DF_SET;
        t->ipv4.ttl = TTL;
        return;
    }
    t->type = RTE_SECURITY_IPSEC_TUNNEL_IPV6;
    memcpy(&t->ipv6.src_addr, src, sizeof t->ipv6.src_addr);
    memcpy(&t->ipv6.dst_addr, dst, sizeof t->ipv6.dst_addr);
    t->ipv6.hlimit = TTL;
}

/* With inline crypto all of this is culvert's own affair: numbers, windows, limits, headers. */
static void protocol_make(struct rte_security_ipsec_xform *x, const struct cv_sa *sa)
{
    const bool out = sa->ref.dir == CV_DIR_OUT;
    x->options.copy_dscp = out; /* never inwards: the inner DSCP stays (RFC 4301 5.1.2.1 note 7) */
    x->options.copy_df = out && sa->df == CV_DF_COPY;
    x->options.ecn = !(sa->flags & CV_SA_ECN_DROP);
    x->options.tunnel_hdr_verify = out ? 0 : RTE_SECURITY_IPSEC_TUNNEL_VERIFY_DST_ADDR;
    x->replay_win_sz = window_of(sa);
    x->esn.value = out ? 1 : sa->seq; /* the first number is 1 (RFC 4303 3.3.3) */
    x->life.bytes_soft_limit = sa->soft_bytes;
    x->life.bytes_hard_limit = sa->hard_bytes;
    x->life.packets_soft_limit = sa->soft_packets;
    x->life.packets_hard_limit = sa->hard_packets;
}

/* Of the look-aside one. The first number is one that nobody has used: software's are behind it, should the device fail. */
static void aside_make(struct rte_security_ipsec_xform *x, const struct cv_sa *sa)
{
    const bool out = sa->ref.dir == CV_DIR_OUT;
    x->replay_win_sz = window_of(sa);
    x->esn.value = out ? sa->seq + 1 : sa->seq;
    x->life.bytes_soft_limit = sa->soft_bytes;
    x->life.bytes_hard_limit = sa->hard_bytes;
    x->life.packets_soft_limit = sa->soft_packets;
    x->life.packets_hard_limit = sa->hard_packets;
}

/* Key and salt side by side, in the place of the SA's. */
static void key_move(struct inline_conf *c, const struct cv_sa *sa)
{
    struct rte_crypto_sym_xform *x = &c->xforms.first;
    memcpy(c->key, sa->encr_key, sa->encr_key_len);
    memcpy(c->key + sa->encr_key_len, sa->salt, sa->salt_len);
    if (c->xforms.kind == CDEV_AEAD)
        x->aead.key.data = c->key;
    else if (c->xforms.kind == CDEV_GMAC)
        x->auth.key.data = c->key;
}

void inline_conf_make(struct inline_conf *out, const struct cv_sa *sa,
                      enum rte_security_session_action_type action, uint64_t userdata)
{
    memset(out, 0, sizeof *out);
    cdev_xforms_make(sa, &out->xforms);
    key_move(out, sa);
    struct rte_security_session_conf *c = &out->session;
    c->action_type = action;
    c->protocol = RTE_SECURITY_PROTOCOL_IPSEC;
    c->crypto_xform = &out->xforms.first;
    c->userdata = (void *)(uintptr_t)userdata;
    struct rte_security_ipsec_xform *x = &c->ipsec;
    x->spi = sa->ref.spi;
    memcpy(&x->salt, sa->salt, sizeof x->salt);
    x->direction = direction_of(sa);
    x->proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
    x->mode = mode_of(sa);
    x->options.esn = (sa->flags & CV_SA_ESN) != 0;
    x->options.udp_encap = (sa->flags & CV_SA_NATT) != 0;
    /* host order, as cnxk takes them; it is the one driver that reads them */
    x->udp.sport = sa->ref.dir == CV_DIR_OUT ? sa->local.port : sa->remote.port;
    x->udp.dport = sa->ref.dir == CV_DIR_OUT ? sa->remote.port : sa->local.port;
    tunnel_make(&x->tunnel, sa);
    if (action == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL)
        protocol_make(x, sa);
    else if (action == RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL)
        aside_make(x, sa);
}
