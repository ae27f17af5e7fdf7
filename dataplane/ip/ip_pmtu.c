#include "dataplane/ip/ip_pmtu.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_wire.h"

#include <stdlib.h>

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    UDP_HEADER = 8,
    IPSEC_WORDS = 8, /* SPI and sequence number */
    AH_SPI_AT = 4,   /* RFC 4302 2 */
    DONT_FRAGMENT = 0x40,
};

/* ---- reading ------------------------------------------------------------------------------------------------ */
/* A quoted packet, of which `len` octets are there. */
struct quote {
    const uint8_t *ip;
    uint32_t len, total;
    uint32_t at; /* of what `proto` names */
    uint8_t proto;
};

static bool quote4(struct quote *q, struct ip_pmtu_news *out)
{
    const uint8_t *p = q->ip;
    if (q->len < IP4_HEADER || p[0] >> 4 != 4)
        return false;
    q->at = (p[0] & 15u) * 4u;
    q->total = ip_get16(p + 2);
    q->proto = p[9];
    /* Whoever may cut a packet has no need to complain; only a first piece shows an SPI. */
    if (q->at < IP4_HEADER || !(p[6] & DONT_FRAGMENT) || (ip_get16(p + 6) & 0x3fff) != 0)
        return false;
    out->local = ip_addr_v4(p + 12);
    out->remote = ip_addr_v4(p + 16);
    return true;
}

/* Over the extension headers that may stand before ESP (RFC 4303 3.1.1). */
static bool quote6(struct quote *q, struct ip_pmtu_news *out)
{
    const uint8_t *p = q->ip;
    if (q->len < IP6_HEADER || p[0] >> 4 != 6)
        return false;
    q->at = IP6_HEADER;
    q->total = (uint32_t)IP6_HEADER + ip_get16(p + 4);
    q->proto = p[6];
    out->local = ip_addr_v6(p + 8);
    out->remote = ip_addr_v6(p + 24);
    for (unsigned i = 0; i <= IP_EXT_HEADERS_MAX; i++) {
        const uint8_t *x = p + q->at;
        if (q->proto != IP_NEXT_HOP_BY_HOP && q->proto != IP_NEXT_ROUTING && q->proto != IP_NEXT_FRAGMENT &&
            q->proto != IP_NEXT_DEST_OPTIONS)
            return true;
        if (q->len - q->at < 8 || (q->proto == IP_NEXT_FRAGMENT && (ip_get16(x + 2) & 0xfff8) != 0))
            return false;
        q->at += q->proto == IP_NEXT_FRAGMENT ? 8 : (x[1] + 1u) * 8u;
        q->proto = x[0];
        if (q->at > q->len)
            return false;
    }
    return false;
}

static bool quoted_ipsec(struct quote *q, struct ip_pmtu_news *out)
{
    out->natt = q->proto == IP_PROTO_UDP;
    out->proto = q->proto == IP_PROTO_AH ? CV_PROTO_AH : CV_PROTO_ESP;
    if (out->natt) {
        if (q->len < q->at + UDP_HEADER)
            return false;
        out->local_port = ip_get16(q->ip + q->at);
        out->remote_port = ip_get16(q->ip + q->at + 2);
        q->at += UDP_HEADER;
    } else if (q->proto == IP_PROTO_AH) {
        q->at += AH_SPI_AT;
    } else if (q->proto != IP_PROTO_ESP) {
        return false;
    }
    if (q->len < q->at + IPSEC_WORDS)
        return false;
    out->spi = ip_get32(q->ip + q->at);
    out->seq = ip_get32(q->ip + q->at + 4);
    return out->spi != 0; /* zero in UDP: IKE (RFC 3948 2.2) */
}

/* Routers from before RFC 1191 leave the field zero: the next of its section 7's table below what was too long. */
static uint16_t plateau(uint32_t total)
{
    static const uint16_t table[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 576};
    for (unsigned i = 0; i < RTE_DIM(table); i++)
        if (table[i] < total)
            return table[i];
    return IP_PMTU_MIN4;
}

/* 0: not to be believed. */
static uint16_t believable(const struct quote *q, uint32_t said, bool v4)
{
    if (!v4) /* RFC 8201 4: less than every link must carry is ignored */
        return said >= IP_PMTU_MIN6 && said < q->total && said <= UINT16_MAX ? (uint16_t)said : 0;
    if (said == 0)
        said = plateau(q->total);
    if (said < IP_PMTU_MIN4)
        said = IP_PMTU_MIN4;
    return said < q->total ? (uint16_t)said : 0;
}

/* The ends and the MTU; q: what is quoted. */
static bool read(struct rte_mbuf *m, struct quote *q, struct ip_pmtu_news *out)
{
    const bool v4 = dp_meta(m)->family == IP_V4;
    const uint8_t *icmp;
    uint32_t len;
    memset(out, 0, sizeof *out);
    if (!ip_icmp_good(m, &icmp, &len))
        return false;
    if (v4 ? icmp[0] != IP_ICMP_UNREACHABLE || icmp[1] != IP_ICMP_FRAG_NEEDED : icmp[0] != IP_ICMP6_TOO_BIG)
        return false;
    *q = (struct quote){.ip = icmp + IP_ICMP_HEADER, .len = len - IP_ICMP_HEADER};
    if (!(v4 ? quote4(q, out) : quote6(q, out)))
        return false;
    out->mtu = believable(q, v4 ? ip_get16(icmp + 6) : ip_get32(icmp + 4), v4);
    return out->mtu != 0;
}

bool ip_pmtu_read(struct rte_mbuf *m, struct ip_pmtu_news *out)
{
    struct quote q;
    return read(m, &q, out) && quoted_ipsec(&q, out);
}

bool ip_pmtu_read_gre(struct rte_mbuf *m, struct ip_pmtu_news *out, struct ip_gre *gre)
{
    enum { KEYED = 0x2000 }; /* all that our headers have (RFC 2890 2) */
    struct quote q;
    if (!read(m, &q, out) || q.proto != IP_PROTO_GRE || q.len < q.at + IP_GRE_HEADER)
        return false;
    const uint32_t flags = ip_get16(q.ip + q.at);
    *gre = (struct ip_gre){.family = out->local.family, .keyed = flags == KEYED};
    if ((flags != 0 && !gre->keyed) || (gre->keyed && q.len < q.at + IP_GRE_HEADER + 4u))
        return false;
    gre->key = gre->keyed ? ip_get32(q.ip + q.at + IP_GRE_HEADER) : 0;
    return true;
}

/* ---- the table ---------------------------------------------------------------------------------------------- */
cv_result ip_pmtu_init(struct ip_pmtus *t, struct cv_path_mtu *rows)
{
    memset(t, 0, sizeof *t);
    t->rows = rows;
    return ip_hash_key_make(&t->key) ? CV_OK : CV_EIO;
}

void ip_pmtu_fini(struct ip_pmtus *t)
{
    ip_pmtu_flush(t);
}

static unsigned set_of(const struct ip_pmtus *t, uint16_t vrf, uint8_t family, const uint8_t *addr)
{
    return (unsigned)(ip_hash_addr(&t->key, vrf, family, addr) % IP_PMTU_SETS) * IP_PMTU_WAYS;
}

static bool is_of(const struct ip_pmtu_entry *e, uint16_t vrf, uint8_t family, const uint8_t *addr)
{
    return e && e->vrf == vrf && e->addr.family == family && ip_same_addr(e->addr.b, addr, family);
}

uint16_t ip_pmtu_find(const struct ip_pmtus *t, uint16_t vrf, uint8_t family, const uint8_t *addr)
{
    const unsigned set = set_of(t, vrf, family, addr);
    for (unsigned i = set; i < set + IP_PMTU_WAYS; i++) {
        const struct ip_pmtu_entry *e = __atomic_load_n(&t->entry[i], __ATOMIC_ACQUIRE);
        if (is_of(e, vrf, family, addr))
            return e->mtu;
    }
    return 0;
}

/* The other process may read a row in the middle of this: mtu is zero meanwhile. */
static void row_write(struct ip_pmtus *t, unsigned at, const struct ip_pmtu_entry *e)
{
    if (!t->rows)
        return;
    struct cv_path_mtu *row = &t->rows[at];
    __atomic_store_n(&row->mtu, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    row->remote = e ? e->addr : (struct ip_addr){0};
    row->vrf = e ? e->vrf : 0;
    __atomic_store_n(&row->mtu, e ? e->mtu : 0, __ATOMIC_RELEASE);
}

static void entry_put(struct ip_pmtus *t, unsigned at, struct ip_pmtu_entry *e)
{
    struct ip_pmtu_entry *old = t->entry[at];
    const uint32_t count = t->count + (e != NULL) - (old != NULL);
    __atomic_store_n(&t->entry[at], e, __ATOMIC_RELEASE);
    __atomic_store_n(&t->count, count, __ATOMIC_RELEASE);
    row_write(t, at, e);
    dp_rcu_changed();
    if (old)
        dp_rcu_free(old);
}

/* Where it stands, or would: a free place, or the oldest one's. */
static unsigned place_of(const struct ip_pmtus *t, uint16_t vrf, const struct ip_addr *addr)
{
    const unsigned set = set_of(t, vrf, addr->family, addr->b);
    unsigned best = set;
    for (unsigned i = set; i < set + IP_PMTU_WAYS; i++) {
        const struct ip_pmtu_entry *e = t->entry[i], *b = t->entry[best];
        if (is_of(e, vrf, addr->family, addr->b))
            return i;
        if (b && (!e || e->until_ms < b->until_ms))
            best = i;
    }
    return best;
}

bool ip_pmtu_learn(struct ip_pmtus *t, uint16_t vrf, const struct ip_addr *addr, uint16_t mtu,
                   uint64_t now_ms)
{
    const unsigned at = place_of(t, vrf, addr);
    const struct ip_pmtu_entry *old = t->entry[at];
    if (is_of(old, vrf, addr->family, addr->b) && old->mtu <= mtu)
        return false;
    struct ip_pmtu_entry *e = malloc(sizeof *e);
    if (!e)
        return false;
    *e = (struct ip_pmtu_entry){now_ms + IP_PMTU_AGE_MS, *addr, vrf, mtu};
    entry_put(t, at, e);
    return true;
}

unsigned ip_pmtu_expire(struct ip_pmtus *t, uint64_t now_ms)
{
    unsigned gone = 0;
    for (unsigned i = 0; t->count > 0 && i < CV_PATH_MTUS; i++)
        if (t->entry[i] && t->entry[i]->until_ms <= now_ms) {
            entry_put(t, i, NULL);
            gone++;
        }
    return gone;
}

void ip_pmtu_flush(struct ip_pmtus *t)
{
    for (unsigned i = 0; t->count > 0 && i < CV_PATH_MTUS; i++)
        if (t->entry[i])
            entry_put(t, i, NULL);
}
