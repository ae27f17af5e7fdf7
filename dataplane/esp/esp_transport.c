#include "dataplane/esp/esp_transport.h"

#include "dataplane/esp/esp_trailer.h"
#include "dataplane/esp/esp_ts.h"

enum {
    V4_LEN_AT = 2, /* octets into the header */
    V4_FRAG_AT = 6,
    V4_PROTO_AT = 9,
    V4_SUM_AT = 10,
    V4_ADDRS_AT = 12,
    V4_ADDRS_LEN = 8,
    V6_LEN_AT = 4,
    V6_NEXT_AT = 6,
    V6_ADDRS_AT = 8,
    V6_ADDRS_LEN = 32,
    EXT_MIN = 8,
    EXT_MAX = 8, /* extension headers that are walked */
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_DEST_OPTIONS = 60,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_ICMP6 = 58,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    ICMP6_HEADER = 8,
    MBUF_AHEAD = 6,
    DATA_AHEAD = 3,
};

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* What goes outside, and where the field that names ESP is. */
struct front {
    uint32_t len;  /* octets: IP header and extension headers */
    uint32_t next; /* octets into it: the last next header field */
};

/* ---- IPv4 -------------------------------------------------------------------------------------------------- */
static enum cv_drop front_v4(const uint8_t *ip, uint32_t len, struct front *f)
{
    f->len = (ip[0] & 15u) * 4u;
    f->next = V4_PROTO_AT;
    if (f->len < ESP_V4_LEN || f->len > len)
        return CV_DROP_MALFORMED_IP;
    return get16(ip + V4_FRAG_AT) & 0x3fff ? CV_DROP_FRAGMENT : CV_DROP_NONE; /* MF or an offset */
}

static void length_v4(uint8_t *ip, const struct front *f, uint32_t total)
{
    put16(ip + V4_LEN_AT, total);
    memset(ip + V4_SUM_AT, 0, 2);
    const uint16_t sum = esp_sum_fold(esp_sum(ip, f->len, 0));
    memcpy(ip + V4_SUM_AT, &sum, sizeof sum);
}

/* ---- IPv6 -------------------------------------------------------------------------------------------------- */
static uint32_t extension_len(const uint8_t *ext, uint8_t type)
{
    return type == NEXT_FRAGMENT ? EXT_MIN : (ext[1] + 1u) * 8u;
}

/* RFC 4303 3.1.1, RFC 8200 4.1: hop-by-hop, routing and fragment headers, and destination options that come before
 * one of these, are for hosts on the way. */
static enum cv_drop front_v6(const uint8_t *ip, uint32_t len, struct front *f)
{
    uint32_t at = ESP_V6_LEN, field = V6_NEXT_AT;
    *f = (struct front){ESP_V6_LEN, V6_NEXT_AT};
    for (unsigned i = 0; i < EXT_MAX; i++) {
        const uint8_t type = ip[field];
        if (type != NEXT_HOP_BY_HOP && type != NEXT_ROUTING && type != NEXT_FRAGMENT &&
            type != NEXT_DEST_OPTIONS)
            return CV_DROP_NONE;
        if (len - at < EXT_MIN || len - at < extension_len(ip + at, type))
            return CV_DROP_MALFORMED_IP;
        if (type == NEXT_FRAGMENT && (get16(ip + at + 2) & 0xfff9))
            return CV_DROP_FRAGMENT;
        field = at;
        at += extension_len(ip + at, type);
        if (type != NEXT_DEST_OPTIONS)
            *f = (struct front){at, field};
    }
    return CV_DROP_MALFORMED_IP;
}

/* The field that named ESP, or UDP, in a received packet whose headers up to it have l3_len octets. */
static bool last_next_v6(const uint8_t *ip, uint32_t l3_len, struct front *f)
{
    uint32_t at = ESP_V6_LEN;
    *f = (struct front){l3_len, V6_NEXT_AT};
    for (unsigned i = 0; i < EXT_MAX && at + EXT_MIN <= l3_len; i++) {
        const uint8_t type = ip[f->next];
        f->next = at;
        at += extension_len(ip + at, type);
    }
    return at == l3_len;
}

static void length_v6(uint8_t *ip, uint32_t total)
{
    put16(ip + V6_LEN_AT, total - ESP_V6_LEN);
}

/* ---- out ---------------------------------------------------------------------------------------------------- */
/* Anybody else's packet would go with its addresses readable, and to where the SA does not end. */
static bool between_ends(const struct esp_template *t, const uint8_t *ip, bool v4)
{
    return v4 ? memcmp(ip + V4_ADDRS_AT, t->addrs, V4_ADDRS_LEN) == 0
              : memcmp(ip + V6_ADDRS_AT, t->addrs, V6_ADDRS_LEN) == 0;
}

static __rte_always_inline enum cv_drop front_find(const struct esp_template *t, const struct rte_mbuf *m,
                                                   struct front *f, bool v4)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t len = m->data_len;
    if (unlikely(m->nb_segs != 1 || m->data_off < ESP_HEADROOM ||
                 (uint32_t)m->buf_len - m->data_off - len < ESP_TAILROOM))
        return CV_DROP_NO_MBUF;
    if (unlikely(len < (v4 ? ESP_V4_LEN : ESP_V6_LEN) || ip[0] >> 4 != (v4 ? 4 : 6)))
        return CV_DROP_MALFORMED_IP;
    if (unlikely(!between_ends(t, ip, v4)))
        return CV_DROP_TS_OUT;
    return v4 ? front_v4(ip, len, f) : front_v6(ip, len, f);
}

static __rte_always_inline enum cv_drop build_one(const struct esp_template *t, struct rte_mbuf *m,
                                                  uint64_t seq, struct eng_op *op, bool v4, bool natt,
                                                  struct front *f)
{
    enum cv_drop r = front_find(t, m, f, v4);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    const uint32_t len = m->data_len, payload = len - f->len, shift = t->head + (natt ? ESP_UDP_LEN : 0u);
    const uint32_t pad = -(payload + ESP_TRAILER_LEN) & t->align_mask;
    const uint32_t data_len = payload + pad + ESP_TRAILER_LEN, total = f->len + shift + data_len + t->icv_len;
    if (unlikely(total > UINT16_MAX))
        return CV_DROP_TOO_BIG;
    const uint8_t next = p[f->next];
    uint8_t *ip = p - shift, *esp = p + f->len - t->head;
    memmove(ip, p, f->len);
    op->esp = esp;
    op->data_len = data_len;
    op->seq_hi = (uint32_t)(seq >> 32);
    op->iv = seq; /* never used twice with one key (RFC 4106 3.1) */
    m->data_off = (uint16_t)(m->data_off - shift);
    m->data_len = (uint16_t)total;
    m->pkt_len = total;
    esp_trailer_write(p + len, pad, next);
    const uint32_t be_seq = rte_cpu_to_be_32((uint32_t)seq);
    memcpy(esp, &t->spi, 4);
    memcpy(esp + 4, &be_seq, 4);
    if (natt) {
        memcpy(esp - ESP_UDP_LEN, &t->udp_ports, 4);
        put16(esp - 4, total - f->len);
        memset(esp - 2, 0, 2);
    }
    ip[f->next] = natt ? ESP_PROTO_UDP : ESP_PROTO_ESP;
    if (v4)
        length_v4(ip, f, total);
    else
        length_v6(ip, total);
    return CV_DROP_NONE;
}

static __rte_always_inline void build_part(struct esp_out_part *part, const struct esp_template *t,
                                           struct esp_scratch *s, struct rte_mbuf **pkts,
                                           struct esp_sort *sort, bool v4, bool natt)
{
    unsigned k = part->first;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < part->usable; i++) {
        struct rte_mbuf *m = pkts[i];
        struct front f;
        if (i + MBUF_AHEAD < part->ahead)
            esp_prefetch_mbuf(pkts[i + MBUF_AHEAD]);
        if (i + DATA_AHEAD < part->ahead)
            rte_prefetch0(rte_pktmbuf_mtod(pkts[i + DATA_AHEAD], void *));
        const uint16_t len = m->data_len;
        enum cv_drop drop = build_one(t, m, part->seq + i, &s->ops[k], v4, natt, &f);
        if (unlikely(drop != CV_DROP_NONE)) {
            esp_sort_bad(sort, m, drop);
            continue;
        }
        struct dp_meta *meta = dp_meta(m);
        memcpy(&meta->vrf, &t->meta, sizeof t->meta);
        meta->l3_len = (uint16_t)f.len;
        s->pkts[k] = m;
        s->len[k++] = len;
        bytes += len;
    }
    part->count = (uint16_t)(k - part->first);
    part->bytes = bytes;
}

static void build_v4(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                     struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, true, false);
}
static void build_v4_natt(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                          struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, true, true);
}
static void build_v6(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                     struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, false, false);
}
static void build_v6_natt(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                          struct rte_mbuf **pkts, struct esp_sort *sort)
{
    build_part(part, t, s, pkts, sort, false, true);
}

esp_out_build_fn *esp_transport_builder(const struct cv_sa *conf)
{
    const bool natt = conf->flags & CV_SA_NATT;
    if (conf->local.addr.family == IP_V4)
        return natt ? build_v4_natt : build_v4;
    return natt ? build_v6_natt : build_v6;
}

/* ---- in ------------------------------------------------------------------------------------------------------ */
/* Where the checksum stands in a message of `len` octets, and over how many of them it goes; 0: it has none. */
static uint32_t checksum_at(uint8_t proto, const uint8_t *l4, uint32_t len, bool v4, uint32_t *span)
{
    *span = len;
    if (proto == PROTO_TCP)
        return len < TCP_HEADER ? 0 : 16;
    if (proto == PROTO_ICMP6 && !v4)
        return len < ICMP6_HEADER ? 0 : 2;
    if (proto != PROTO_UDP || len < UDP_HEADER)
        return 0;
    *span = get16(l4 + 4);
    if (*span < UDP_HEADER || *span > len || (v4 && get16(l4 + 6) == 0)) /* zero: sent without (RFC 768) */
        return 0;
    return 6;
}

/* RFC 3948 3.1.2: a NAT changed the addresses that the pseudo-header holds, and ESP has vouched for the rest. */
static void checksum_renew(uint8_t *ip, uint32_t l3_len, uint32_t len, uint8_t proto, bool v4)
{
    uint8_t *l4 = ip + l3_len;
    uint32_t span;
    const uint32_t at = checksum_at(proto, l4, len, v4, &span);
    if (at == 0)
        return;
    memset(l4 + at, 0, 2);
    uint64_t sum = (uint64_t)rte_cpu_to_be_16((uint16_t)span) + rte_cpu_to_be_16(proto);
    sum = v4 ? esp_sum(ip + V4_ADDRS_AT, V4_ADDRS_LEN, sum) : esp_sum(ip + V6_ADDRS_AT, V6_ADDRS_LEN, sum);
    uint16_t check = esp_sum_fold(esp_sum(l4, span, sum));
    if (check == 0 && proto == PROTO_UDP)
        check = 0xffff;
    memcpy(l4 + at, &check, sizeof check);
}

static bool from_end(const struct esp_in_sa *sa, const uint8_t *ip, bool v4)
{
    const uint8_t *end = sa->conf.remote.addr.b; /* never changes in this mode (esp_peer_ok) */
    return v4 ? memcmp(ip + V4_ADDRS_AT, end, 4) == 0 : memcmp(ip + V6_ADDRS_AT, end, 16) == 0;
}

enum cv_drop esp_transport_decap(const struct esp_in_sa *sa, struct rte_mbuf *m, const struct eng_op *op)
{
    struct dp_meta *meta = dp_meta(m);
    uint8_t *was = rte_pktmbuf_mtod(m, uint8_t *), *data = op->esp + sa->head;
    const bool v4 = sa->family == IP_V4;
    struct front f = {meta->l3_len, V4_PROTO_AT};
    uint32_t len;
    uint32_t next;
    if (unlikely(!esp_trailer_read(data, op->data_len, &next, &len)))
        return CV_DROP_ESP_PAD;
    if (next == ESP_NEXT_NONE)
        return CV_DROP_DUMMY;
    if (!v4 && unlikely(!last_next_v6(was, meta->l3_len, &f)))
        return CV_DROP_ESP_INNER;
    uint8_t *ip = data - f.len;
    memmove(ip, was, f.len);
    ip[f.next] = (uint8_t)next;
    if (v4)
        length_v4(ip, &f, f.len + len);
    else
        length_v6(ip, f.len + len);
    /* Whoever is on the way may have written another source: ESP does not vouch for the header in front of it. */
    if (unlikely(!from_end(sa, ip, v4)))
        return CV_DROP_TS_IN;
    if (unlikely(!(sa->any & (v4 ? ESP_TS_ANY4 : ESP_TS_ANY6))) &&
        !esp_ts_match(&sa->conf, ip, f.len + len, CV_DIR_IN))
        return CV_DROP_TS_IN;
    if (meta->udp_encap)
        checksum_renew(ip, f.len, len, (uint8_t)next, v4);
    m->data_off = (uint16_t)(m->data_off + (ip - was));
    m->data_len = (uint16_t)(f.len + len);
    m->pkt_len = f.len + len;
    m->ol_flags &= ~(uint64_t)ESP_OLD_CKSUM_FLAGS;
    meta->if_in = sa->if_id;
    meta->proto = (uint8_t)next;
    meta->l3_total = m->data_len;
    meta->udp_encap = 0;
    meta->local_out = 0;
    return CV_DROP_NONE;
}
