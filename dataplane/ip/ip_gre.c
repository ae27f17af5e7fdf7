#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ecn.h"
#include "dataplane/ip/ip_ttl.h"
#include "dataplane/ip/ip_wire.h"

#include <rte_ether.h>

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    IP4_DF = 0x40, /* in octet 6 */
    /* RFC 2784 2.1 and RFC 2890 2, in the first word */
    GRE_CHECKSUM = 0x8000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_REFUSED = 0x4c00, /* bits 1, 4 and 5: RFC 1701's source routes and recursion (RFC 2784 2.3) */
    GRE_VERSION = 0x0007,
    GRE_FIELD = 4, /* octets of each optional field */
    ROOM_STEP = 64,
};

/* ---- the header, coming in ------------------------------------------------------------------------------- */
static bool payload_family(uint32_t type, uint8_t *family)
{
    *family = type == RTE_ETHER_TYPE_IPV4 ? IP_V4 : IP_V6;
    return type == RTE_ETHER_TYPE_IPV4 || type == RTE_ETHER_TYPE_IPV6;
}

enum cv_drop ip_gre_read(const uint8_t *gre, uint32_t len, struct ip_gre *out)
{
    if (len < IP_GRE_HEADER)
        return CV_DROP_GRE_MALFORMED;
    const uint32_t bits = ip_get16(gre);
    uint32_t at = IP_GRE_HEADER;
    if ((bits & (GRE_REFUSED | GRE_VERSION)) || !payload_family(ip_get16(gre + 2), &out->family))
        return CV_DROP_GRE_MALFORMED;
    const uint32_t fields = !!(bits & GRE_CHECKSUM) + !!(bits & GRE_KEY) + !!(bits & GRE_SEQUENCE);
    if (len < at + fields * GRE_FIELD)
        return CV_DROP_GRE_MALFORMED;
    if (bits & GRE_CHECKSUM) {
        if (ip_fold(ip_sum(gre, len, 0)) != 0xffff)
            return CV_DROP_GRE_MALFORMED;
        at += GRE_FIELD;
    }
    out->keyed = bits & GRE_KEY;
    out->key = 0;
    if (out->keyed)
        out->key = ip_get32(gre + at);
    out->len = (uint16_t)(IP_GRE_HEADER + fields * GRE_FIELD);
    return CV_DROP_NONE;
}

bool ip_gre_is_keepalive(const struct rte_mbuf *m, const struct ip_if *t)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const struct ip_gre_head *h = &t->gre_head;
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), *gre = ip + meta->l3_len;
    const uint32_t at = h->family == IP_V4 ? 12 : 8;
    if (likely(meta->proto != IP_PROTO_GRE) || meta->frag || meta->family != h->family)
        return false;
    const uint32_t len = m->data_len - (uint32_t)meta->l3_len;
    return len >= IP_GRE_HEADER && (ip_get16(gre) & (GRE_REFUSED | GRE_VERSION)) == 0 &&
           ip_get16(gre + 2) == 0 && memcmp(ip + at, h->octets + at, 2 * ip_family_len(h->family)) == 0;
}

enum cv_drop ip_gre_pull(struct rte_mbuf *m, const struct ip_gre *g)
{
    struct dp_meta *meta = dp_meta(m);
    const uint8_t outer = ip_tos(rte_pktmbuf_mtod(m, const uint8_t *), meta->family) & 3;
    rte_pktmbuf_adj(m, (uint16_t)(meta->l3_len + g->len));
    if (ip_classify_ip(m) == IP_CLASS_DROP)
        return (enum cv_drop)meta->drop;
    if (meta->family != g->family)
        return CV_DROP_MALFORMED_IP;
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    const uint8_t inner = ip_tos(ip, meta->family) & 3, ecn = ip_ecn_combine(inner, outer);
    if (unlikely(ecn == IP_ECN_DROP))
        return CV_DROP_ECN;
    if (unlikely(ecn != inner))
        ip_ecn_set(ip, meta->family, ecn);
    return CV_DROP_NONE;
}

/* ---- the header, going out -------------------------------------------------------------------------------- */
/* With its ends, protocol and key; what differs from packet to packet is zero. */
void ip_gre_head_make(struct ip_if *t)
{
    const struct cv_if *c = &t->conf;
    struct ip_gre_head *h = &t->gre_head;
    const size_t n = ip_addr_len(&c->tunnel_src);
    memset(h, 0, sizeof *h);
    if (n == 0 || c->tunnel_dst.family != c->tunnel_src.family)
        return;
    const bool v4 = n == 4;
    h->family = c->tunnel_src.family;
    h->l3_len = v4 ? IP4_HEADER : IP6_HEADER;
    h->len = (uint8_t)(h->l3_len + IP_GRE_HEADER + (c->gre_keyed ? GRE_FIELD : 0));
    h->octets[0] = v4 ? 0x45 : 0x60;
    h->octets[v4 ? 9 : 6] = IP_PROTO_GRE;
    memcpy(h->octets + (v4 ? 12 : 8), c->tunnel_src.b, n);
    memcpy(h->octets + (v4 ? 12 : 8) + n, c->tunnel_dst.b, n);
    if (c->gre_keyed) {
        ip_put16(h->octets + h->l3_len, GRE_KEY);
        ip_put16(h->octets + h->l3_len + 4, c->gre_key >> 16);
        ip_put16(h->octets + h->l3_len + 6, c->gre_key & 0xffff);
    }
}

static bool make_room(struct rte_mbuf *m, uint32_t want)
{
    if (likely(m->data_off >= want))
        return true;
    const uint32_t by = (want - m->data_off + ROOM_STEP - 1) & ~(uint32_t)(ROOM_STEP - 1);
    if (rte_pktmbuf_tailroom(m) < by)
        return false;
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    memmove(p + by, p, m->data_len);
    m->data_off = (uint16_t)(m->data_off + by);
    return true;
}

/* `tunnel path-mtu-discovery` takes DF outside; routers never cut IPv6, but what every link must carry. */
static bool wants_df(const struct cv_if *c, const uint8_t *ip, uint8_t family, uint32_t len)
{
    if (c->df != CV_DF_COPY)
        return c->df == CV_DF_SET;
    if (!c->gre_pmtud)
        return false;
    return family == IP_V4 ? ip[6] & IP4_DF : len > IP_MTU_MIN6;
}

/* `tunnel tos` names the DSCP. ECN is the inner packet's whatever it says (RFC 6040 4.1): a mark outside must be one that the inner
 * packet may take over. */
static uint8_t outer_tos(const struct cv_if *c, uint8_t inner)
{
    enum { ECN = 3 };
    return c->gre_tos_set ? (uint8_t)((c->gre_tos & ~ECN) | (inner & ECN)) : inner;
}

static void outer4(uint8_t *out, uint32_t total, uint8_t tos, uint8_t ttl, uint16_t id, bool df)
{
    out[1] = tos;
    ip_put16(out + 2, total);
    ip_put16(out + 4, id);
    out[6] = df ? IP4_DF : 0;
    out[8] = ttl;
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(out, IP4_HEADER, 0));
    memcpy(out + 10, &sum, 2);
}

static void outer6(uint8_t *out, uint32_t total, uint8_t tos, uint8_t ttl)
{
    out[0] = (uint8_t)(0x60 | tos >> 4);
    out[1] = (uint8_t)(tos << 4);
    ip_put16(out + 4, total - IP6_HEADER);
    out[7] = ttl;
}

bool ip_gre_push(struct rte_mbuf *m, const struct ip_if *t, uint16_t id, uint32_t room)
{
    struct dp_meta *meta = dp_meta(m);
    const struct ip_gre_head *h = &t->gre_head;
    const uint32_t len = m->data_len, total = h->len + len;
    if (total > UINT16_MAX || !make_room(m, h->len + room))
        return false;
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint8_t family = meta->family, tos = outer_tos(&t->conf, ip_tos(ip, family)),
                  ttl = t->conf.gre_ttl ? t->conf.gre_ttl : ip_ttl_of(ip, family);
    const bool df = wants_df(&t->conf, ip, family, len);
    uint8_t *out = (uint8_t *)rte_pktmbuf_prepend(m, h->len);
    memcpy(out, h->octets, h->len);
    ip_put16(out + h->l3_len + 2, family == IP_V4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
    if (h->family == IP_V4)
        outer4(out, total, tos, ttl, id, df);
    else
        outer6(out, total, tos, ttl);
    meta->vrf = t->tunnel_vrf;
    meta->family = h->family;
    meta->proto = IP_PROTO_GRE;
    meta->l3_len = h->l3_len;
    return true;
}

/* ---- tunnels by their ends --------------------------------------------------------------------------------- */
static struct ip_if *const *chain_of(const struct ip_ifs *ifs, uint16_t vrf, uint8_t family,
                                     const uint8_t *local, const uint8_t *remote, bool keyed, uint32_t key)
{
    const uint64_t word = (uint64_t)vrf << 33 | (uint64_t)keyed << 32 | key;
    const uint64_t far = ip_hash_addr(&ifs->hash_key, word, family, remote);
    return &ifs->gre[ip_hash_addr(&ifs->hash_key, far, family, local) % IP_GRE_CHAINS];
}

static struct ip_if **chain_of_tunnel(struct ip_ifs *ifs, const struct ip_if *t)
{
    const struct cv_if *c = &t->conf;
    return (struct ip_if **)(uintptr_t)chain_of(ifs, t->tunnel_vrf, c->tunnel_src.family, c->tunnel_src.b,
                                                c->tunnel_dst.b, c->gre_keyed, c->gre_keyed ? c->gre_key : 0);
}

void ip_gre_link(struct ip_ifs *ifs, struct ip_if *t)
{
    if (t->gre_head.len == 0)
        return;
    struct ip_if **at = chain_of_tunnel(ifs, t);
    while (*at && (*at)->id < t->id)
        at = &(*at)->gre_next;
    t->gre_next = *at;
    __atomic_store_n(at, t, __ATOMIC_RELEASE);
}

void ip_gre_unlink(struct ip_ifs *ifs, struct ip_if *t)
{
    if (t->gre_head.len == 0)
        return;
    struct ip_if **at = chain_of_tunnel(ifs, t);
    while (*at && *at != t)
        at = &(*at)->gre_next;
    if (*at) /* who is at t just now goes on behind it */
        __atomic_store_n(at, t->gre_next, __ATOMIC_RELEASE);
}

bool ip_gre_is(const struct ip_if *t, uint16_t vrf, uint8_t family, const uint8_t *local,
               const uint8_t *remote, const struct ip_gre *g)
{
    const struct cv_if *c = &t->conf;
    return t->gre_head.family == family && t->tunnel_vrf == vrf && !c->gre_keyed == !g->keyed &&
           (!g->keyed || c->gre_key == g->key) && ip_same_addr(c->tunnel_src.b, local, family) &&
           ip_same_addr(c->tunnel_dst.b, remote, family);
}

const struct ip_if *ip_gre_find(const struct ip_ifs *ifs, uint16_t vrf, uint8_t family, const uint8_t *local,
                                const uint8_t *remote, const struct ip_gre *g)
{
    struct ip_if *const *at = chain_of(ifs, vrf, family, local, remote, g->keyed, g->key);
    const struct ip_if *t;
    while ((t = __atomic_load_n(at, __ATOMIC_ACQUIRE)) && !ip_gre_is(t, vrf, family, local, remote, g))
        at = &t->gre_next;
    return t;
}
