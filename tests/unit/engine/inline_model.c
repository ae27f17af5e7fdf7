#include "tests/unit/engine/inline_model.h"
#include "tests/unit/engine/model_crypt.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <rte_cryptodev.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_security_driver.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHER = 14, NATT_PORT = 4500, RULES_MAX = 4096, WIRE = 1 << 16 };

struct model model;

struct rte_flow {
    bool used, v6, udp, in;
    uint8_t dst[16];
    uint32_t spi;
    uint16_t port, udp_port;
    struct session *s;
};
static struct rte_flow rules[RULES_MAX];
static struct session *live[RULES_MAX];

void model_misuse(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (model.misuse++ == 0)
        vsnprintf(model.why, sizeof model.why, fmt, ap);
    va_end(ap);
}

static bool is_ours(uint16_t port)
{
    return port == model.port || (model.second && port == model.port + 1);
}

static bool is_ixgbe(void)
{
    return strncmp(model.driver, "net_ixgbe", 9) == 0;
}

/* What calls of the driver do one at a time, from whichever thread: a NIC in front of a real program has workers and a manager. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static void turn_over(int *unused)
{
    (void)unused;
    pthread_mutex_unlock(&turn);
}
#define MY_TURN __attribute__((cleanup(turn_over), unused)) int my_turn = pthread_mutex_lock(&turn)

/* ---- sessions ------------------------------------------------------------------------------------------------------- */
static const struct rte_security_capability *cap_of(const struct rte_security_session_conf *c)
{
    for (const struct rte_security_capability *k = model.caps; k->action != RTE_SECURITY_ACTION_TYPE_NONE;
         k++)
        if (k->action == c->action_type && k->ipsec.mode == c->ipsec.mode &&
            k->ipsec.direction == c->ipsec.direction && k->ipsec.proto == c->ipsec.proto)
            return k;
    return NULL;
}

static void conf_check(const struct rte_security_session_conf *c)
{
    const struct rte_security_capability *k = cap_of(c);
    const struct rte_security_ipsec_tunnel_param *t = &c->ipsec.tunnel;
    static const uint8_t none[16];
    if (!k)
        model_misuse("no capability covers the session");
    else if ((c->ipsec.options.esn && !k->ipsec.options.esn) ||
             (c->ipsec.options.udp_encap && !k->ipsec.options.udp_encap))
        model_misuse("an option that the capability lacks");
    if (c->ipsec.spi <= 255)
        model_misuse("SPI %u is reserved", c->ipsec.spi);
    if (!c->userdata)
        model_misuse("no userdata");
    if (t->type == RTE_SECURITY_IPSEC_TUNNEL_IPV4 ? !t->ipv4.dst_ip.s_addr || !t->ipv4.src_ip.s_addr
                                                  : memcmp(&t->ipv6.dst_addr, none, 16) == 0)
        model_misuse("no tunnel addresses");
}

/* The driver's private data of a session is where the model's own is; NULL: it is none any more. */
static struct session **slot_of(const struct rte_security_session *session)
{
    return SECURITY_GET_SESS_PRIV(session);
}

static struct session *session_of(const struct rte_security_session *session)
{
    static struct session none;
    return session && *slot_of(session) ? *slot_of(session) : &none;
}

static int session_create(void *device, struct rte_security_session_conf *c,
                          struct rte_security_session *session)
{
    MY_TURN;
    const struct rte_crypto_sym_xform *x = c->crypto_xform;
    (void)device;
    if (model.sessions >= model.table) {
        model.refused++;
        return -ENOSPC;
    }
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    *slot_of(session) = s;
    conf_check(c);
    s->x = c->ipsec;
    s->out = c->ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS;
    s->userdata = (uint64_t)(uintptr_t)c->userdata;
    s->whole = c->action_type == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL;
    if (s->whole && s->out && c->ipsec.esn.value != 1)
        model_misuse("a first number that is not 1");
    if (s->whole && (c->ipsec.mode != RTE_SECURITY_IPSEC_SA_MODE_TUNNEL || !c->ipsec.options.ecn))
        model_misuse("inline protocol without what culvert promises");
    memcpy(s->salt, &c->ipsec.salt, 4);
    if (!x || !model_key_take(x, s) || (x->next && !model_key_take(x->next, s))) {
        free(s);
        return -ENOTSUP;
    }
    if (x->next && (x->type == RTE_CRYPTO_SYM_XFORM_CIPHER) != s->out)
        model_misuse("outbound is cipher, then authentication; inbound the other way round");
    if (is_ixgbe()) /* ixgbe_crypto_create_session */
        memcpy(s->salt, s->key_at + s->cipher_len, 4);
    if (is_ixgbe() && !s->out)
        memset(s->cipher_key, 0, sizeof s->cipher_key); /* it is read when the rule comes */
    s->alive = ALIVE;
    live[model.created % RULES_MAX] = s;
    model.created++;
    model.sessions++;
    return 0;
}

static int session_destroy(void *device, struct rte_security_session *session)
{
    MY_TURN;
    struct session **slot = slot_of(session), *s = *slot;
    (void)device;
    if (model.sessions_stay)
        return -EBUSY;
    if (!s) {
        model_misuse("a session that is none is destroyed");
        return -EINVAL;
    }
    if (s->rules && !is_ixgbe())
        model_misuse("a session is destroyed before its rule");
    if (s->pending)
        model_misuse("a session is destroyed that %u packets name", s->pending);
    for (unsigned i = 0; i < RULES_MAX; i++) {
        if (live[i] == s)
            live[i] = NULL;
        if (rules[i].used && rules[i].s == s) /* ixgbe_crypto_remove_sa */
            rules[i].used = false;
    }
    memset(s, 0, sizeof *s);
    free(s);
    *slot = NULL;
    model.sessions--;
    return 0;
}

static unsigned session_size(void *device)
{
    (void)device;
    return sizeof(struct session *);
}

static const uint8_t *l3_of(const struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod_offset(m, const uint8_t *, ETHER);
}

/* Where the headers end, as whoever reads the frame finds it; 0: no ESP. */
static unsigned esp_at(const struct rte_mbuf *m, bool *v6, bool *udp)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    if (m->data_len < ETHER + 40)
        return 0;
    *udp = false;
    *v6 = p[12] == 0x86 && p[13] == 0xdd;
    if (!*v6 && (p[12] != 8 || p[13] != 0))
        return 0;
    const uint8_t *ip = p + ETHER;
    const unsigned hl = *v6 ? 40 : (ip[0] & 15u) * 4, proto = *v6 ? ip[6] : ip[9];
    if (!*v6 && ((ip[6] & 0x3f) || ip[7])) /* a fragment */
        return 0;
    const unsigned from = ip[hl] * 256u + ip[hl + 1], to = ip[hl + 2] * 256u + ip[hl + 3];
    *udp = proto == 17 && (from == NATT_PORT || to == NATT_PORT); /* the peer's may be any */
    if (proto != 50 && !*udp)
        return 0;
    return ETHER + hl + (*udp ? 8 : 0);
}

/* What a packet in clear must say of itself. */
static void lengths_said(const struct session *s, const struct rte_mbuf *m, const void *params, unsigned at,
                         bool v6, bool udp)
{
    if (at == 0 || m->l2_len != ETHER || m->l3_len != at - ETHER - (udp ? 8 : 0) ||
        m->l4_len != (udp ? 8 : 0))
        model_misuse("header lengths %u, %u, %u where ESP stands at %u", m->l2_len, m->l3_len, m->l4_len, at);
    if (!(m->ol_flags & (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4)))
        model_misuse("no flag of the IP version");
    if (s->x.options.esn && !params)
        model_misuse("no sequence number with ESN");
}

static int set_metadata(void *device, struct rte_security_session *session, struct rte_mbuf *m, void *params)
{
    MY_TURN;
    struct session *s = session_of(session);
    bool v6, udp = false;
    (void)device;
    if (model.no_metadata)
        return -EINVAL;
    if (s->alive != ALIVE || !s->out) {
        model_misuse("metadata of no session going out");
        return -EINVAL;
    }
    if (!(m->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD))
        model_misuse("metadata without RTE_MBUF_F_TX_SEC_OFFLOAD");
    const unsigned at = esp_at(m, &v6, &udp);
    if (s->whole)
        udp = m->l2_len != ETHER;
    if (s->whole && udp)
        model_misuse("no length of the Ethernet header");
    if (!s->whole)
        lengths_said(s, m, params, at, v6, udp);
    s->pending++;
    const uint32_t hi = s->x.options.esn && params ? (uint32_t)(*(uint64_t *)params >> 32) : 0;
    for (unsigned i = 0; i < RULES_MAX; i++)
        if (live[i] == s)
            *rte_security_dynfield(m) = (uint64_t)i << 32 | hi;
    return 0;
}

static const struct rte_security_capability *capabilities(void *device)
{
    (void)device;
    return model.no_caps ? NULL : model.caps;
}

static const struct rte_security_ops ops = {.session_create = session_create,
                                            .session_get_size = session_size,
                                            .session_destroy = session_destroy,
                                            .set_pkt_metadata = set_metadata,
                                            .capabilities_get = capabilities};
static struct rte_security_ctx context = {.device = &model, .ops = &ops};

/* ---- DPDK's own functions --------------------------------------------------------------------------------------------- */
static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

void *rte_eth_dev_get_sec_ctx(uint16_t port)
{
    return is_ours(port) && model.driver && !model.no_context ? &context : NULL;
}

int rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
    int (*next)(uint16_t, struct rte_eth_dev_info *);
    *(void **)&next = real("rte_eth_dev_info_get");
    if (port == model.port && model.no_info)
        return -ENODEV;
    const int r = next(port, info);
    if (is_ours(port) && model.driver)
        info->driver_name = model.driver;
    if (is_ours(port) && model.driver) {
        info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_SECURITY;
        info->tx_offload_capa |= RTE_ETH_TX_OFFLOAD_SECURITY;
    }
    return r;
}

int rte_eth_link_get_nowait(uint16_t port, struct rte_eth_link *link)
{
    int (*next)(uint16_t, struct rte_eth_link *);
    *(void **)&next = real("rte_eth_link_get_nowait");
    return port == model.port && model.no_link ? -ENODEV : next(port, link);
}

struct rte_mempool *rte_mempool_create(const char *name, unsigned n, unsigned size, unsigned cache,
                                       unsigned priv, rte_mempool_ctor_t *ctor, void *ctor_arg,
                                       rte_mempool_obj_cb_t *init, void *init_arg, int socket, unsigned flags)
{
    struct rte_mempool *(*next)(const char *, unsigned, unsigned, unsigned, unsigned, rte_mempool_ctor_t *,
                                void *, rte_mempool_obj_cb_t *, void *, int, unsigned);
    *(void **)&next = real("rte_mempool_create");
    return model.no_pool ? NULL
                         : next(name, n, size, cache, priv, ctor, ctor_arg, init, init_arg, socket, flags);
}

int rte_eth_dev_callback_register(uint16_t port, enum rte_eth_event_type event, rte_eth_dev_cb_fn fn,
                                  void *arg)
{
    int (*next)(uint16_t, enum rte_eth_event_type, rte_eth_dev_cb_fn, void *);
    *(void **)&next = real("rte_eth_dev_callback_register");
    if (model.callbacks == 0)
        return -ENOMEM;
    model.callbacks--;
    return next(port, event, fn, arg);
}

int rte_eth_dev_callback_unregister(uint16_t port, enum rte_eth_event_type event, rte_eth_dev_cb_fn fn,
                                    void *arg)
{
    int (*next)(uint16_t, enum rte_eth_event_type, rte_eth_dev_cb_fn, void *);
    *(void **)&next = real("rte_eth_dev_callback_unregister");
    if (model.busy_callback) {
        model.busy_callback = false;
        return -EAGAIN;
    }
    return next(port, event, fn, arg);
}

/* ---- rules ---------------------------------------------------------------------------------------------------------- */
static bool address_is_whole(const void *mask, bool v6)
{
    static const uint8_t ones[16] = {255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255};
    return v6 ? memcmp(((const struct rte_flow_item_ipv6 *)mask)->hdr.dst_addr, ones, 16) == 0
              : ((const struct rte_flow_item_ipv4 *)mask)->hdr.dst_addr == UINT32_MAX;
}

static bool pattern_read(const struct rte_flow_item *p, struct rte_flow *r)
{
    if (p->type != RTE_FLOW_ITEM_TYPE_ETH || p->spec)
        return false;
    p++;
    r->v6 = p->type == RTE_FLOW_ITEM_TYPE_IPV6;
    if ((!r->v6 && p->type != RTE_FLOW_ITEM_TYPE_IPV4) || !p->spec || !p->mask ||
        !address_is_whole(p->mask, r->v6))
        return false;
    if (r->v6)
        memcpy(r->dst, ((const struct rte_flow_item_ipv6 *)p->spec)->hdr.dst_addr, 16);
    else
        memcpy(r->dst, &((const struct rte_flow_item_ipv4 *)p->spec)->hdr.dst_addr, 4);
    p++;
    r->udp = p->type == RTE_FLOW_ITEM_TYPE_UDP;
    if (r->udp &&
        (!p->spec || !p->mask || ((const struct rte_flow_item_udp *)p->mask)->hdr.dst_port != UINT16_MAX))
        return false;
    if (r->udp)
        r->udp_port = rte_be_to_cpu_16(((const struct rte_flow_item_udp *)p->spec)->hdr.dst_port);
    p += r->udp;
    if (p->type != RTE_FLOW_ITEM_TYPE_ESP || !p->spec || !p->mask || p[1].type != RTE_FLOW_ITEM_TYPE_END)
        return false;
    r->spi = rte_be_to_cpu_32(((const struct rte_flow_item_esp *)p->spec)->hdr.spi);
    return ((const struct rte_flow_item_esp *)p->mask)->hdr.spi == UINT32_MAX;
}

static struct session *session_of_action(const struct rte_flow_action *a)
{
    if (a->type != RTE_FLOW_ACTION_TYPE_SECURITY || a[1].type != RTE_FLOW_ACTION_TYPE_END || !a->conf)
        return NULL;
    struct rte_security_session *session =
        is_ixgbe() ? (void *)(uintptr_t)a->conf
                   : ((const struct rte_flow_action_security *)a->conf)->security_session;
    struct session *s = session_of(session);
    return s->alive == ALIVE ? s : NULL;
}

static int judge(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item *pattern,
                 const struct rte_flow_action *actions, struct rte_flow *r)
{
    memset(r, 0, sizeof *r);
    struct session *s = session_of_action(actions);
    if (!is_ours(port))
        model_misuse("a rule on another port than its session's");
    if (!s) {
        model_misuse("a rule without a session");
        return -EINVAL;
    }
    if (!pattern_read(pattern, r)) {
        model_misuse("a pattern that is none");
        return -EINVAL;
    }
    if (attr->ingress == attr->egress || attr->egress != s->out)
        model_misuse("a rule against its session's direction");
    if (r->spi != s->x.spi || r->udp != s->x.options.udp_encap)
        model_misuse("a rule that does not match its session");
    const uint8_t *dst =
        r->v6 ? (const uint8_t *)&s->x.tunnel.ipv6.dst_addr : (const uint8_t *)&s->x.tunnel.ipv4.dst_ip;
    if (memcmp(r->dst, dst, r->v6 ? 16 : 4) != 0)
        model_misuse("a rule to another destination than its session's");
    r->used = true;
    r->in = !s->out;
    r->port = port;
    r->s = s;
    return model.no_rules || (model.no_egress_rules && attr->egress) ? -ENOTSUP : 0;
}

int rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
                      const struct rte_flow_action actions[], struct rte_flow_error *error)
{
    MY_TURN;
    struct rte_flow r;
    (void)error;
    if (is_ixgbe())
        model_misuse("validation makes an SA on this driver");
    return judge(port, attr, pattern, actions, &r);
}

struct rte_flow *rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                                 const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
                                 struct rte_flow_error *error)
{
    MY_TURN;
    struct rte_flow r;
    (void)error;
    if (judge(port, attr, pattern, actions, &r) != 0 || model.no_create)
        return NULL;
    if (is_ixgbe() && !r.s->out)
        memcpy(r.s->cipher_key, r.s->key_at, r.s->cipher_len); /* ixgbe_crypto_add_sa */
    if (!r.s->out && r.s->rules > 0)
        model_misuse("a second rule to a session coming in");
    for (unsigned i = 0; i < RULES_MAX; i++)
        if (!rules[i].used) {
            rules[i] = r;
            r.s->rules++;
            model.rules++;
            return &rules[i];
        }
    return NULL;
}

int rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error)
{
    MY_TURN;
    (void)error;
    if (!flow || !flow->used || flow->port != port) {
        model_misuse("a rule that is none is destroyed");
        return -EINVAL;
    }
    if (model.rules_stay)
        return -EBUSY;
    model.rules--;
    if (is_ixgbe())
        return -EINVAL; /* ixgbe_flow_destroy: it is of no kind that it knows */
    if (flow->s->alive != ALIVE)
        model_misuse("a rule is destroyed after its session");
    flow->s->rules--;
    flow->used = false;
    return 0;
}

/* ---- the wire --------------------------------------------------------------------------------------------------------- */
static struct {
    bool used;
    uint32_t spi;
    uint8_t iv[16];
} wire[WIRE];

static void wire_see(const struct rte_mbuf *m, const uint8_t *esp)
{
    uint32_t spi;
    uint8_t iv[16] = {0};
    memcpy(&spi, esp, 4);
    memcpy(iv, esp + ESP_HDR, 8); /* of CBC, too: half of its IV must be new as well */
    uint64_t h = spi;
    for (unsigned i = 0; i < 8; i++)
        h = (h ^ iv[i]) * 0x100000001b3;
    model.esp_frames++;
    model.in_clear +=
        memmem(rte_pktmbuf_mtod(m, const void *), m->data_len, MODEL_CLEAR, sizeof MODEL_CLEAR - 1) != NULL;
    for (unsigned i = (unsigned)h % WIRE;; i = (i + 1) % WIRE) {
        if (!wire[i].used) {
            wire[i].used = true;
            wire[i].spi = spi;
            memcpy(wire[i].iv, iv, sizeof iv);
            return;
        }
        if (wire[i].spi == spi && memcmp(wire[i].iv, iv, sizeof iv) == 0) {
            model.iv_twice++;
            return;
        }
    }
}

static void lengths_check(const struct rte_mbuf *m, bool v6)
{
    const uint8_t *ip = l3_of(m);
    const unsigned total = v6 ? 40u + ip[4] * 256u + ip[5] : ip[2] * 256u + ip[3];
    if (m->nb_segs != 1 || m->pkt_len != m->data_len || m->pkt_len != ETHER + total)
        model_misuse("a frame of %u octets with a packet of %u", m->pkt_len, total);
}

/* Does the packet, ESP at `at`, have what the rule names? */
static bool matches(const struct rte_flow *r, const struct rte_mbuf *m, unsigned at, bool v6, bool udp)
{
    const uint8_t *ip = l3_of(m), *esp = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
    uint32_t spi;
    memcpy(&spi, esp, 4);
    if (!r->used || r->spi != rte_be_to_cpu_32(spi) || r->udp != udp || r->v6 != v6)
        return false;
    if (udp && r->udp_port != esp[-6] * 256u + esp[-5])
        return false;
    return memcmp(r->dst, ip + (v6 ? 24 : 16), v6 ? 16 : 4) == 0;
}

/* By its metadata, or where the driver wants none by a rule, whole: a packet that no rule matches would leave as it is. */
static struct session *session_of_packet(uint16_t port, struct rte_mbuf *m, unsigned at, bool v6, bool udp,
                                         uint32_t *hi)
{
    struct session *s = NULL;
    unsigned matched = 0;
    *hi = 0;
    if (model.caps->ol_flags & RTE_SECURITY_TX_OLOAD_NEED_MDATA) {
        const uint64_t md = *rte_security_dynfield(m);
        s = live[md >> 32 & (RULES_MAX - 1)];
        *hi = (uint32_t)md;
    } else {
        for (unsigned i = 0; i < RULES_MAX; i++)
            if (!rules[i].in && rules[i].port == port && matches(&rules[i], m, at, v6, udp)) {
                s = rules[i].s;
                matched++;
            }
    }
    if (matched > 1)
        model_misuse("%u rules match a packet going out", matched);
    return s && s->alive == ALIVE ? s : NULL;
}

static void encrypt(uint16_t port, struct rte_mbuf *m, unsigned at, bool v6, bool udp)
{
    uint8_t *esp = rte_pktmbuf_mtod_offset(m, uint8_t *, at);
    uint32_t spi, hi;
    memcpy(&spi, esp, 4);
    spi = rte_be_to_cpu_32(spi);
    struct session *s = session_of_packet(port, m, at, v6, udp, &hi);
    if (!s || s->x.spi != spi) {
        model_misuse("a packet of SPI %08x names no session of that SPI", spi);
        model.left_in_clear++;
        return;
    }
    lengths_check(m, v6);
    s->pending -= s->pending > 0;
    if (model_crypt(s, esp, m->data_len - at, hi))
        model.encrypted++;
}

/* All of ESP: the inner packet behind the Ethernet header gets what RFC 4303 puts around it; the IV is the NIC's own. */
static void encapsulate(struct rte_mbuf *m, struct session *s)
{
    const bool v6 = s->x.tunnel.type == RTE_SECURITY_IPSEC_TUNNEL_IPV6, udp = s->x.options.udp_encap;
    const unsigned hl = v6 ? 40 : 20, front = hl + (udp ? 8 : 0) + ESP_HDR + 8, len = m->data_len - ETHER,
                   pad = (unsigned)-(int)(len + 2) & 3, total = front + len + pad + 2 + s->icv_len;
    const uint8_t tos = l3_of(m)[0] >> 4 == 4 ? l3_of(m)[1] : 0, next = l3_of(m)[0] >> 4 == 4 ? 4 : 41;
    uint8_t *e = rte_pktmbuf_mtod(m, uint8_t *),
            *tail = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(pad + 2 + s->icv_len));
    if (!tail || !rte_pktmbuf_prepend(m, (uint16_t)front)) {
        model_misuse("no room around an inner packet");
        return;
    }
    if ((e[12] == 0x86) != v6)
        model_misuse("an Ethernet header that is not the final one");
    for (unsigned i = 0; i < pad; i++)
        tail[i] = (uint8_t)(i + 1);
    tail[pad] = (uint8_t)pad;
    tail[pad + 1] = next;
    memmove(e - front, e, ETHER);
    uint8_t *ip = e - front + ETHER, *esp = ip + front - ESP_HDR - 8;
    memset(ip, 0, front);
    ip[0] = v6 ? 0x60 : 0x45;
    ip[v6 ? 6 : 9] = udp ? 17 : 50;
    ip[v6 ? 7 : 8] = 64;
    const uint16_t be = rte_cpu_to_be_16((uint16_t)(v6 ? total - 40 : total)),
                   be_udp = rte_cpu_to_be_16((uint16_t)(total - hl));
    memcpy(ip + (v6 ? 4 : 2), &be, 2);
    if (v6) {
        memcpy(ip + 8, &s->x.tunnel.ipv6.src_addr, 16);
        memcpy(ip + 24, &s->x.tunnel.ipv6.dst_addr, 16);
    } else {
        ip[1] = tos;
        memcpy(ip + 12, &s->x.tunnel.ipv4.src_ip, 4);
        memcpy(ip + 16, &s->x.tunnel.ipv4.dst_ip, 4);
        const uint16_t sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(void *)ip);
        memcpy(ip + 10, &sum, 2);
    }
    if (udp) {
        const uint16_t ports[2] = {rte_cpu_to_be_16(s->x.udp.sport), rte_cpu_to_be_16(s->x.udp.dport)};
        memcpy(ip + hl, ports, 4);
        memcpy(ip + hl + 4, &be_udp, 2);
    }
    const uint32_t spi = rte_cpu_to_be_32(s->x.spi), seq = rte_cpu_to_be_32(++s->seq);
    memcpy(esp, &spi, 4);
    memcpy(esp + 4, &seq, 4);
    for (unsigned i = 0; i < 8; i++)
        esp[ESP_HDR + i] = (uint8_t)rand();
    (void)model_gcm(s, esp, len + pad + 2, 0, true);
    model.encrypted++;
}

static void whole_out(struct rte_mbuf *m)
{
    struct session *s = live[*rte_security_dynfield(m) >> 32 & (RULES_MAX - 1)];
    if (!s || s->alive != ALIVE || !s->whole) {
        model_misuse("a packet that is no ESP names no session of inline protocol");
        return;
    }
    s->pending -= s->pending > 0;
    encapsulate(m, s);
}

/* Off with all that is ESP; replays are found here and nowhere else. */
static bool decapsulate(struct rte_mbuf *m, struct session *s, unsigned at, unsigned esp_len)
{
    uint8_t *e = rte_pktmbuf_mtod(m, uint8_t *), *esp = e + at, *in = esp + ESP_HDR + 8;
    uint32_t seq;
    memcpy(&seq, esp + 4, 4);
    seq = rte_be_to_cpu_32(seq);
    const unsigned data = esp_len - ESP_HDR - 8 - s->icv_len;
    if (esp_len <= ESP_HDR + 8u + s->icv_len || seq >= sizeof s->seen || s->seen[seq] ||
        !model_gcm(s, esp, data, 0, false))
        return false;
    s->seen[seq] = 1;
    const bool v6 = in[data - 1] == 41;
    const unsigned len = v6 ? 40u + in[4] * 256u + in[5] : in[2] * 256u + in[3];
    memmove(in - ETHER, e, ETHER);
    (in - ETHER)[12] = v6 ? 0x86 : 8;
    (in - ETHER)[13] = v6 ? 0xdd : 0;
    rte_pktmbuf_adj(m, (uint16_t)(in - ETHER - e));
    rte_pktmbuf_trim(m, (uint16_t)(m->data_len - ETHER - len));
    *rte_security_dynfield(m) = s->userdata;
    return true;
}

void model_transmit(uint16_t port, struct rte_mbuf *m)
{
    MY_TURN;
    bool v6 = false, udp = false;
    unsigned at = esp_at(m, &v6, &udp);
    const bool offload = m->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD;
    if (offload && !is_ours(port))
        model_misuse("RTE_MBUF_F_TX_SEC_OFFLOAD on a port that knows nothing of it");
    else if (offload && at == 0)
        whole_out(m);
    else if (offload)
        encrypt(port, m, at, v6, udp);
    at = esp_at(m, &v6, &udp);
    if (model.no_wire)
        return;
    if (at)
        wire_see(m, rte_pktmbuf_mtod_offset(m, const uint8_t *, at));
    else if (is_ours(port) && !model.second)
        model.in_clear += memmem(rte_pktmbuf_mtod(m, const void *), m->data_len, MODEL_CLEAR,
                                 sizeof MODEL_CLEAR - 1) != NULL;
}

void model_refuse(struct rte_mbuf *m)
{
    MY_TURN;
    uint64_t *md = rte_security_dynfield(m);
    if (!(m->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD) || *md == UINT64_MAX)
        return;
    struct session *s = live[*md >> 32 & (RULES_MAX - 1)];
    s->pending--;
    *md = UINT64_MAX;
}

void model_receive(struct rte_mbuf *m)
{
    MY_TURN;
    bool v6 = false, udp = false;
    const unsigned at = esp_at(m, &v6, &udp);
    const uint8_t *ip = l3_of(m);
    m->ol_flags = model.says_decrypted ? RTE_MBUF_F_RX_SEC_OFFLOAD : 0;
    m->port = model.port;
    if (at == 0 || model.passes_by || (model.longest && m->data_len > model.longest))
        return;
    for (unsigned i = 0; i < RULES_MAX; i++) {
        const struct rte_flow *r = &rules[i];
        if (!r->in || r->port != m->port || !matches(r, m, at, v6, udp))
            continue;
        const unsigned total = v6 ? 40u + ip[4] * 256u + ip[5] : ip[2] * 256u + ip[3];
        if (ETHER + total > m->data_len || ETHER + total <= at)
            return;
        if (r->s->whole) {
            const bool good = decapsulate(m, r->s, at, ETHER + total - at) && !model.finds_wrong;
            *rte_security_dynfield(m) = r->s->userdata;
            m->ol_flags = RTE_MBUF_F_RX_SEC_OFFLOAD | (good ? 0 : RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED);
            model.decrypted += good;
            model.failed += !good;
            return;
        }
        const bool ok = model_crypt(r->s, rte_pktmbuf_mtod_offset(m, uint8_t *, at), ETHER + total - at, 0) &&
                        !model.finds_wrong;
        m->ol_flags = RTE_MBUF_F_RX_SEC_OFFLOAD | (ok ? 0 : RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED);
        model.decrypted += ok;
        model.failed += !ok;
        return;
    }
}

uint64_t model_userdata(uint32_t spi)
{
    MY_TURN;
    for (unsigned i = 0; i < RULES_MAX; i++)
        if (live[i] && live[i]->x.spi == spi)
            return live[i]->userdata;
    return 0;
}

/* Of ethdev's internal interface, whose header Debian does not ship (ethdev_driver.h); the array is one of opaque elements here, so only
 * port 0 can be named. */
struct rte_eth_dev;
extern char rte_eth_devices[];
int rte_eth_dev_callback_process(struct rte_eth_dev *dev, enum rte_eth_event_type event, void *ret);

void model_event(unsigned event_type, unsigned subtype, uint64_t userdata)
{
    struct rte_eth_event_ipsec_desc d = {.subtype = subtype, .metadata = userdata};
    if (model.port == 0)
        rte_eth_dev_callback_process((struct rte_eth_dev *)(void *)rte_eth_devices,
                                     (enum rte_eth_event_type)event_type,
                                     event_type == RTE_ETH_EVENT_IPSEC && subtype < UINT_MAX ? &d : NULL);
}

void model_reset(uint16_t port, const struct rte_security_capability *caps)
{
    memset(rules, 0, sizeof rules);
    for (unsigned i = 0; i < RULES_MAX; i++)
        free(live[i]);
    memset(live, 0, sizeof live);
    memset(wire, 0, sizeof wire);
    context.sess_cnt = 0;
    model = (struct model){
        .port = port, .driver = "net_model", .caps = caps, .table = RULES_MAX, .callbacks = UINT_MAX};
    (void)rte_security_dynfield_register();
}
