#include "dataplane/esp/esp_transport.h"

#include "dataplane/esp/esp_front.h"
#include "dataplane/esp/esp_trailer.h"
#include "dataplane/esp/esp_ts.h"

enum {
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_ICMP6 = 58,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    ICMP6_HEADER = 8,
    MBUF_AHEAD = 6,
    DATA_AHEAD = 3,
};

/* ---- out ---------------------------------------------------------------------------------------------------- */
static __rte_always_inline enum cv_drop front_find(const struct esp_template *t, const struct rte_mbuf *m,
                                                   struct esp_front *f, bool v4)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t len = m->data_len;
    if (unlikely(m->nb_segs != 1 || m->data_off < ESP_HEADROOM ||
                 (uint32_t)m->buf_len - m->data_off - len < ESP_TAILROOM))
        return CV_DROP_NO_ROOM;
    if (unlikely(len < (v4 ? ESP_V4_LEN : ESP_V6_LEN) || ip[0] >> 4 != (v4 ? 4 : 6)))
        return CV_DROP_MALFORMED_IP;
    if (unlikely(!esp_between_ends(t, ip, v4)))
        return CV_DROP_TS_OUT;
    return v4 ? esp_front_v4(ip, len, f) : esp_front_v6(ip, len, f);
}

static __rte_always_inline enum cv_drop build_one(const struct esp_template *t, struct rte_mbuf *m,
                                                  uint64_t seq, struct eng_op *op, bool v4, bool natt,
                                                  struct esp_front *f)
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
        esp_put16(esp - 4, total - f->len);
        memset(esp - 2, 0, 2);
    }
    ip[f->next] = natt ? ESP_PROTO_UDP : ESP_PROTO_ESP;
    esp_front_ecn(ip, t, v4);
    if (v4)
        esp_length_v4(ip, f, total);
    else
        esp_length_v6(ip, total);
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
        struct esp_front f;
        if (i + MBUF_AHEAD < part->ahead)
            esp_prefetch_mbuf(pkts[i + MBUF_AHEAD]);
        if (i + DATA_AHEAD < part->ahead)
            rte_prefetch0(rte_pktmbuf_mtod(pkts[i + DATA_AHEAD], void *));
        const uint16_t len = m->data_len;
        enum cv_drop drop = build_one(t, m, part->seq + i, &s->ops[k], v4, natt, &f);
        if (unlikely(drop != CV_DROP_NONE)) {
            esp_sort_bad_out(sort, m, part->sa, drop);
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
    *span = esp_get16(l4 + 4);
    if (*span < UDP_HEADER || *span > len ||
        (v4 && esp_get16(l4 + 6) == 0)) /* zero: sent without (RFC 768) */
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
    sum = v4 ? esp_sum(ip + ESP_V4_ADDRS_AT, ESP_V4_ADDRS_LEN, sum)
             : esp_sum(ip + ESP_V6_ADDRS_AT, ESP_V6_ADDRS_LEN, sum);
    uint16_t check = esp_sum_fold(esp_sum(l4, span, sum));
    if (check == 0 && proto == PROTO_UDP)
        check = 0xffff;
    memcpy(l4 + at, &check, sizeof check);
}

enum cv_drop esp_transport_decap(const struct esp_in_sa *sa, struct rte_mbuf *m, const struct eng_op *op)
{
    struct dp_meta *meta = dp_meta(m);
    uint8_t *was = rte_pktmbuf_mtod(m, uint8_t *), *data = op->esp + sa->head;
    const bool v4 = sa->family == IP_V4;
    struct esp_front f = {meta->l3_len, ESP_V4_PROTO_AT};
    uint32_t len;
    uint32_t next;
    if (unlikely(!esp_trailer_read(data, op->data_len, &next, &len)))
        return CV_DROP_ESP_PAD;
    if (next == ESP_NEXT_NONE)
        return CV_DROP_DUMMY;
    if (!v4 && unlikely(!esp_front_received(was, meta->l3_len, &f)))
        return CV_DROP_ESP_INNER;
    uint8_t *ip = data - f.len;
    memmove(ip, was, f.len);
    ip[f.next] = (uint8_t)next;
    if (v4)
        esp_length_v4(ip, &f, f.len + len);
    else
        esp_length_v6(ip, f.len + len);
    /* Whoever is on the way may have written another source: ESP does not vouch for the header in front of it. */
    if (unlikely(!esp_from_end(sa, ip, v4)))
        return CV_DROP_TS_IN;
    if (unlikely(!(sa->any & (v4 ? ESP_TS_ANY4 : ESP_TS_ANY6))) &&
        !esp_ts_takes(&sa->conf, ip, f.len + len) && !esp_ts_match_error(&sa->conf, ip, f.len + len))
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
