#include "dataplane/esp/esp_ah.h"

#include "dataplane/esp/esp_front.h"
#include "dataplane/esp/esp_ts.h"

#include <rte_branch_prediction.h>

enum {
    V4_ID_AT = 4,
    V4_TTL_AT = 8,
    OPT_END = 0,
    OPT_NOP = 1,
    OPT_MIN = 2, /* octets of type and length */
    OPT_LOOSE_ROUTE = 131,
    OPT_STRICT_ROUTE = 137,
    OPT_ROUTE_MIN = 3, /* with the pointer */
    V6_HOPS_AT = 7,
    V6_OPT_PAD1 = 0,
    V6_OPT_CHANGES = 0x20, /* the data may change on the way (RFC 8200 4.2) */
    EXT_OPTIONS_AT = 2,
    ROUTING_LEFT_AT = 3,
    FRAME_ROOM = 16, /* octets that are left in front for the link's header */
    V6_MTU_MIN = 1280,
    MBUF_AHEAD = 6,
};

/* ---- what may change on the way ---------------------------------------------------------------------------- */
/* RFC 4302 appendix A1. Router alert (RFC 2113) has no room for more than zero there, but is listed. */
static bool option_stays(uint8_t type)
{
    switch (type) {
    case 130: /* security */
    case 133: /* extended security */
    case 134: /* commercial security */
    case 148: /* router alert */
    case 149: /* sender directed delivery to several destinations */
        return true;
    default:
        return false;
    }
}

/* The route of a source routed packet has been gone. */
static bool route_ended(const uint8_t *opt, uint32_t len)
{
    return len >= OPT_ROUTE_MIN && opt[2] > len;
}

static bool mute_options_v4(uint8_t *opt, uint32_t left)
{
    while (left > 0 && opt[0] != OPT_END) {
        uint32_t len = 1;
        if (opt[0] != OPT_NOP) {
            if (left < OPT_MIN || opt[1] < OPT_MIN || opt[1] > left)
                return false;
            len = opt[1];
            if ((opt[0] == OPT_LOOSE_ROUTE || opt[0] == OPT_STRICT_ROUTE) && !route_ended(opt, len))
                return false;
            if (!option_stays(opt[0]))
                memset(opt, 0, len);
        }
        opt += len;
        left -= len;
    }
    return true;
}

static bool mute_v4(uint8_t *ip, uint32_t l3_len)
{
    ip[1] = 0;                         /* DSCP and ECN */
    memset(ip + ESP_V4_FRAG_AT, 0, 3); /* flags, offset, TTL */
    memset(ip + ESP_V4_SUM_AT, 0, 2);
    return mute_options_v4(ip + ESP_V4_LEN, l3_len - ESP_V4_LEN);
}

static bool mute_options_v6(uint8_t *opt, uint32_t left)
{
    while (left > 0) {
        uint32_t len = 1;
        if (opt[0] != V6_OPT_PAD1) {
            if (left < OPT_MIN || opt[1] > left - OPT_MIN)
                return false;
            len = (uint32_t)OPT_MIN + opt[1];
            if (opt[0] & V6_OPT_CHANGES)
                memset(opt + OPT_MIN, 0, len - OPT_MIN);
        }
        opt += len;
        left -= len;
    }
    return true;
}

static bool mute_extension(uint8_t *ext, uint8_t type, uint32_t len)
{
    if (type == ESP_NEXT_HOP_BY_HOP || type == ESP_NEXT_DEST_OPTIONS)
        return mute_options_v6(ext + EXT_OPTIONS_AT, len - EXT_OPTIONS_AT);
    return type == ESP_NEXT_ROUTING && ext[ROUTING_LEFT_AT] == 0; /* as it arrives (RFC 4302 3.3.3.1.2.3) */
}

static bool mute_v6(uint8_t *ip, uint32_t l3_len)
{
    uint8_t type = ip[ESP_V6_NEXT_AT];
    ip[0] &= 0xf0; /* class and flow label */
    memset(ip + 1, 0, 3);
    ip[V6_HOPS_AT] = 0;
    for (uint32_t at = ESP_V6_LEN; at < l3_len;) {
        if (l3_len - at < ESP_EXT_MIN)
            return false;
        const uint32_t len = esp_extension_len(ip + at, type);
        if (len > l3_len - at || !mute_extension(ip + at, type, len))
            return false;
        type = ip[at];
        at += len;
    }
    return true;
}

bool esp_ah_mute(uint8_t *ip, uint32_t l3_len, uint8_t family)
{
    return family == IP_V4 ? mute_v4(ip, l3_len) : mute_v6(ip, l3_len);
}

/* Keeps the headers, and mutes them. */
static bool keep_and_mute(struct esp_kept *kept, uint8_t *ip, uint32_t l3_len, uint8_t family)
{
    kept->len = (uint16_t)l3_len;
    memcpy(kept->front, ip, l3_len);
    return esp_ah_mute(ip, l3_len, family);
}

/* ---- in ------------------------------------------------------------------------------------------------------ */
/* An atomic fragment header, which says nothing, was put there after AH. */
static void take_out_fragment(struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    uint32_t at = ESP_V6_LEN, field = ESP_V6_NEXT_AT;
    while (at + ESP_EXT_MIN <= meta->l3_len && ip[field] != ESP_NEXT_FRAGMENT) {
        field = at;
        at += esp_extension_len(ip + at, ESP_NEXT_DEST_OPTIONS);
    }
    if (at + ESP_EXT_MIN > meta->l3_len)
        return;
    ip[field] = ip[at];
    esp_put16(ip + ESP_V6_LEN_AT, esp_get16(ip + ESP_V6_LEN_AT) - ESP_EXT_MIN);
    memmove(ip + ESP_EXT_MIN, ip, at);
    m->data_off = (uint16_t)(m->data_off + ESP_EXT_MIN);
    m->data_len = (uint16_t)(m->data_len - ESP_EXT_MIN);
    m->pkt_len = m->data_len;
    meta->l3_len = (uint16_t)(meta->l3_len - ESP_EXT_MIN);
}

static bool to_this_end(const struct esp_in_sa *sa, const uint8_t *ip)
{
    return sa->family == IP_V4 ? memcmp(ip + ESP_V4_ADDRS_AT + 4, sa->local, 4) == 0
                               : memcmp(ip + ESP_V6_ADDRS_AT + 16, sa->local, 16) == 0;
}

/* In IPv4 some senders fill up to 8 octets, too, as the first AH had it; the filling is under the ICV. */
static bool length_fits(const struct esp_in_sa *sa, uint32_t ah_len)
{
    return ah_len == sa->head || ah_len == esp_ah_len(sa->icv_len, IP_V6);
}

enum cv_drop esp_ah_check(const struct esp_in_sa *sa, struct rte_mbuf *m, struct eng_op *op, uint64_t *seq,
                          struct esp_kept *kept)
{
    const struct dp_meta *meta = dp_meta(m);
    if (unlikely(m->nb_segs != 1))
        return CV_DROP_NO_MBUF;
    if (unlikely(meta->family != sa->family || !to_this_end(sa, rte_pktmbuf_mtod(m, const uint8_t *))))
        return CV_DROP_WRONG_PEER;
    if (unlikely(meta->udp_encap))
        return CV_DROP_AH_HEADER;
    if (sa->family == IP_V6 && unlikely(meta->l3_len > ESP_V6_LEN))
        take_out_fragment(m);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *ah = ip + meta->l3_len;
    const uint32_t l3_len = meta->l3_len, len = m->data_len;
    if (unlikely(l3_len > ESP_KEPT_MAX || len < l3_len + ESP_AH_FIXED))
        return CV_DROP_AH_HEADER;
    const uint32_t ah_len = (ah[ESP_AH_LEN_AT] + 2u) * 4u;
    if (unlikely(!length_fits(sa, ah_len) || len < l3_len + ah_len))
        return CV_DROP_AH_HEADER;
    uint32_t be_lo;
    memcpy(&be_lo, ah + ESP_AH_SEQ_AT, sizeof be_lo);
    const enum cv_drop r = esp_in_number(sa, rte_be_to_cpu_32(be_lo), seq);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    if (unlikely((uint32_t)rte_pktmbuf_tailroom(m) < sa->icv_len))
        return CV_DROP_NO_MBUF;
    if (unlikely(!keep_and_mute(kept, ip, l3_len, sa->family)))
        return CV_DROP_MALFORMED_IP;
    memcpy(ip + len, ah + ESP_AH_FIXED, sa->icv_len);
    memset(ah + ESP_AH_FIXED, 0, sa->icv_len);
    op->esp = ip;
    op->data_len = len - ESP_HDR_LEN;
    op->seq_hi = (uint32_t)(*seq >> 32);
    return CV_DROP_NONE;
}

/* The packet without its AH: the headers in front move up to what follows. */
static enum cv_drop transport(const struct esp_in_sa *sa, struct rte_mbuf *m, uint8_t *was, uint32_t ah_len,
                              uint32_t l3_len)
{
    struct dp_meta *meta = dp_meta(m);
    const bool v4 = sa->family == IP_V4;
    const uint32_t total = m->data_len - ah_len;
    const uint8_t next = was[l3_len];
    struct esp_front f = {l3_len, ESP_V4_PROTO_AT};
    if (!v4 && unlikely(!esp_front_received(was, l3_len, &f)))
        return CV_DROP_AH_INNER;
    uint8_t *ip = was + ah_len;
    memmove(ip, was, l3_len);
    ip[f.next] = next;
    if (v4)
        esp_length_v4(ip, &f, total);
    else
        esp_length_v6(ip, total);
    if (unlikely(!esp_from_end(sa, ip, v4)))
        return CV_DROP_TS_IN;
    if (!(sa->any & (v4 ? ESP_TS_ANY4 : ESP_TS_ANY6)) && !esp_ts_takes(&sa->conf, ip, total) &&
        !esp_ts_match_error(&sa->conf, ip, total))
        return CV_DROP_TS_IN;
    m->data_off = (uint16_t)(m->data_off + ah_len);
    m->data_len = (uint16_t)total;
    m->pkt_len = total;
    m->ol_flags &= ~(uint64_t)ESP_OLD_CKSUM_FLAGS;
    meta->if_in = sa->if_id;
    meta->proto = next;
    meta->l3_total = m->data_len;
    meta->local_out = DP_TRANSIT;
    return CV_DROP_NONE;
}

enum cv_drop esp_ah_decap(const struct esp_in_sa *sa, struct rte_mbuf *m, const struct eng_op *op,
                          const struct esp_kept *kept)
{
    uint8_t *ip = op->esp, *ah = ip + kept->len;
    const uint32_t ah_len = (ah[ESP_AH_LEN_AT] + 2u) * 4u, next = ah[0];
    memcpy(ip, kept->front, kept->len);
    if (sa->transport)
        return transport(sa, m, ip, ah_len, kept->len);
    if (unlikely(next != ESP_NEXT_V4 && next != ESP_NEXT_V6))
        return CV_DROP_AH_INNER;
    const enum cv_drop r = esp_in_inner(sa, m, ah + ah_len, m->data_len - kept->len - ah_len, next);
    return r == CV_DROP_ESP_INNER ? CV_DROP_AH_INNER : r;
}

/* ---- out ----------------------------------------------------------------------------------------------------- */
/* Makes `more` octets in front of the data; where they are missing, data that has room behind it moves back. NULL: there is none. */
static uint8_t *room_for(struct rte_mbuf *m, uint32_t more)
{
    const uint32_t len = m->data_len, need = more + FRAME_ROOM;
    uint32_t back = m->data_off < need ? need - m->data_off : 0;
    if (unlikely(m->nb_segs != 1 || (uint32_t)rte_pktmbuf_tailroom(m) < ESP_TAILROOM + back))
        return NULL;
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
    if (unlikely(back))
        memmove(data + back, data, len);
    m->data_off = (uint16_t)(m->data_off + back - more);
    m->data_len = (uint16_t)(len + more);
    m->pkt_len = m->data_len;
    return data + back - more;
}

static void write_ah(uint8_t *ah, const struct esp_template *t, uint8_t next, uint64_t seq)
{
    const uint32_t be_seq = rte_cpu_to_be_32((uint32_t)seq);
    memset(ah, 0, t->head);
    ah[0] = next;
    ah[ESP_AH_LEN_AT] = (uint8_t)(t->head / 4 - 2);
    memcpy(ah + ESP_AH_SPI_AT, &t->spi, 4);
    memcpy(ah + ESP_AH_SEQ_AT, &be_seq, 4);
}

/* What may be cut must not have 0, which means none: the ICV goes over it, so that nobody can give it one later (RFC 4302 3.3.3.1.1.1). None comes
 * twice in 65,535 packets. */
static uint32_t identification_of(const struct esp_template *t, uint64_t seq)
{
    return (uint32_t)((seq + t->v4.id) % UINT16_MAX) + 1;
}

/* The header of a tunnel as ESP's builder makes it: DSCP copied, ECN by RFC 6040 4.1, DF by the SA. */
static void write_outer(uint8_t *ip, const struct esp_template *t, uint32_t total, uint8_t tos, uint8_t df,
                        uint64_t seq, bool v4)
{
    if (v4) {
        const struct esp_front f = {ESP_V4_LEN, ESP_V4_PROTO_AT};
        ip[0] = 0x45;
        ip[1] = tos;
        esp_put16(ip + V4_ID_AT, identification_of(t, seq)); /* RFC 6864 4, should it be fragmented */
        ip[ESP_V4_FRAG_AT] = df;
        ip[ESP_V4_FRAG_AT + 1] = 0;
        memcpy(ip + V4_TTL_AT, &t->ttl_proto, 4);
        memcpy(ip + ESP_V4_ADDRS_AT, t->addrs, ESP_V4_ADDRS_LEN);
        esp_length_v4(ip, &f, total);
        return;
    }
    ip[0] = (uint8_t)(0x60 | tos >> 4);
    ip[1] = (uint8_t)(tos << 4);
    ip[2] = ip[3] = 0;
    memcpy(ip + ESP_V6_LEN_AT, &t->ttl_proto, 4);
    memcpy(ip + ESP_V6_ADDRS_AT, t->addrs, ESP_V6_ADDRS_LEN);
    esp_length_v6(ip, total);
}

static enum cv_drop build_tunnel(const struct esp_template *t, struct rte_mbuf *m, uint64_t seq, bool v4,
                                 uint32_t *l3_len)
{
    const uint8_t *in = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t len = m->data_len, outer = v4 ? ESP_V4_LEN : ESP_V6_LEN, total = len + outer + t->head;
    uint8_t next = ESP_NEXT_V4, tos, df;
    if (unlikely(len < ESP_V4_LEN))
        return CV_DROP_MALFORMED_IP;
    if (in[0] >> 4 == 4) {
        tos = esp_tos_v4(in);
        df = (uint8_t)((in[ESP_V4_FRAG_AT] & t->df_copied) | t->df_set);
    } else if (in[0] >> 4 == 6) {
        next = ESP_NEXT_V6;
        tos = esp_tos_v6(in);
        df = len > V6_MTU_MIN ? t->df_copied | t->df_set : 0;
    } else {
        return CV_DROP_MALFORMED_IP;
    }
    if (unlikely(total > UINT16_MAX))
        return CV_DROP_TOO_BIG;
    uint8_t *ip = room_for(m, outer + t->head);
    if (unlikely(!ip))
        return CV_DROP_NO_ROOM;
    write_ah(ip + outer, t, next, seq);
    write_outer(ip, t, total, tos & t->ecn_mask, df, seq, v4);
    *l3_len = outer;
    return CV_DROP_NONE;
}

static enum cv_drop build_transport(const struct esp_template *t, struct rte_mbuf *m, uint64_t seq, bool v4,
                                    uint32_t *l3_len)
{
    const uint8_t *was = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t len = m->data_len;
    struct esp_front f;
    if (unlikely(len < (v4 ? ESP_V4_LEN : ESP_V6_LEN) || was[0] >> 4 != (v4 ? 4 : 6)))
        return CV_DROP_MALFORMED_IP;
    if (unlikely(!esp_between_ends(t, was, v4)))
        return CV_DROP_TS_OUT;
    const enum cv_drop r = v4 ? esp_front_v4(was, len, &f) : esp_front_v6(was, len, &f);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    if (unlikely(len + t->head > UINT16_MAX || f.len > ESP_KEPT_MAX))
        return CV_DROP_TOO_BIG;
    uint8_t *ip = room_for(m, t->head);
    if (unlikely(!ip))
        return CV_DROP_NO_ROOM;
    memmove(ip, ip + t->head, f.len);
    write_ah(ip + f.len, t, ip[f.next], seq);
    ip[f.next] = ESP_PROTO_AH;
    esp_front_ecn(ip, t, v4);
    if (v4) {
        if (esp_get16(ip + V4_ID_AT) == 0 && !(ip[ESP_V4_FRAG_AT] & ESP_V4_DF))
            esp_put16(ip + V4_ID_AT, identification_of(t, seq));
        esp_length_v4(ip, &f, len + t->head);
    } else {
        esp_length_v6(ip, len + t->head);
    }
    *l3_len = f.len;
    return CV_DROP_NONE;
}

static enum cv_drop build_one(const struct esp_out_sa *sa, const struct esp_template *t, struct rte_mbuf *m,
                              uint64_t seq, struct eng_op *op, struct esp_kept *kept)
{
    const uint8_t family = sa->conf.local.addr.family;
    const bool v4 = family == IP_V4;
    uint32_t l3_len = 0;
    const enum cv_drop r = sa->conf.mode == CV_MODE_TRANSPORT ? build_transport(t, m, seq, v4, &l3_len)
                                                              : build_tunnel(t, m, seq, v4, &l3_len);
    if (unlikely(r != CV_DROP_NONE))
        return r;
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    if (unlikely(!keep_and_mute(kept, ip, l3_len, family)))
        return CV_DROP_MALFORMED_IP; /* fragment headers, too: AH is for whole datagrams (RFC 4302 3.3.4) */
    op->esp = ip;
    op->data_len = m->data_len - (uint32_t)ESP_HDR_LEN;
    op->seq_hi = (uint32_t)(seq >> 32);
    op->iv = seq;
    struct dp_meta *meta = dp_meta(m);
    memcpy(&meta->vrf, &t->meta, sizeof t->meta);
    meta->l3_len = (uint16_t)l3_len;
    return CV_DROP_NONE;
}

void esp_ah_build(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                  struct rte_mbuf **pkts, struct esp_sort *sort)
{
    unsigned k = part->first;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < part->usable; i++) {
        struct rte_mbuf *m = pkts[i];
        if (i + MBUF_AHEAD < part->ahead)
            esp_prefetch_mbuf(pkts[i + MBUF_AHEAD]);
        const uint16_t len = m->data_len;
        const enum cv_drop drop = build_one(part->sa, t, m, part->seq + i, &s->ops[k], &s->kept[k]);
        if (unlikely(drop != CV_DROP_NONE)) {
            esp_sort_bad_out(sort, m, part->sa, drop);
            continue;
        }
        s->pkts[k] = m;
        s->len[k++] = len;
        bytes += len;
    }
    part->count = (uint16_t)(k - part->first);
    part->bytes = bytes;
}

void esp_ah_finish(const struct esp_out_part *part, struct esp_scratch *s)
{
    const uint32_t icv_len = part->sa->info.icv_len;
    for (unsigned i = part->first; i < part->first + (unsigned)part->count; i++) {
        const struct eng_op *op = &s->ops[i];
        const struct esp_kept *kept = &s->kept[i];
        memcpy(op->esp + kept->len + ESP_AH_FIXED, op->esp + ESP_HDR_LEN + op->data_len, icv_len);
        memcpy(op->esp, kept->front, kept->len);
    }
}
