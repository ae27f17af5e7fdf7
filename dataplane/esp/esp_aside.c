#include "dataplane/esp/esp_aside.h"

#include "dataplane/esp/esp_outer.h"

#include <rte_branch_prediction.h>

enum { V6_MTU_MIN = 1280 /* RFC 8200 5 */ };

/* What the outer header takes from the inner one: tos | DF << 8, as build_one in esp_out.c has it. */
static enum cv_drop look(const struct esp_template *t, const struct rte_mbuf *m, uint32_t *tos_df)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    uint32_t tos, df;
    if (unlikely(m->nb_segs != 1 || m->data_off < ESP_HEADROOM || rte_pktmbuf_tailroom(m) < ESP_ASIDE_TAIL))
        return CV_DROP_NO_ROOM;
    if (unlikely(m->data_len < ESP_V4_LEN || (p[0] >> 4 != 4 && p[0] >> 4 != 6)))
        return CV_DROP_MALFORMED_IP;
    if (unlikely(m->data_len > UINT16_MAX - ESP_HEADROOM - ESP_ASIDE_TAIL))
        return CV_DROP_TOO_BIG;
    if (p[0] >> 4 == 4) {
        tos = esp_tos_v4(p);
        df = (p[6] & t->df_copied) | t->df_set;
    } else {
        tos = esp_tos_v6(p);
        df = m->data_len > V6_MTU_MIN ? t->df_copied | t->df_set : 0;
    }
    *tos_df = (tos & t->ecn_mask) | df << 8;
    return CV_DROP_NONE;
}

void esp_aside_build(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                     struct rte_mbuf **pkts, struct esp_sort *sort)
{
    unsigned k = part->first;
    for (unsigned i = 0; i < part->usable; i++) {
        struct rte_mbuf *m = pkts[i];
        uint32_t tos_df;
        const enum cv_drop drop = look(t, m, &tos_df);
        if (unlikely(drop != CV_DROP_NONE)) {
            esp_sort_bad_out(sort, m, part->sa, drop);
            continue;
        }
        s->ops[k] = (struct eng_op){.esp = rte_pktmbuf_mtod(m, uint8_t *),
                                    .data_len = m->data_len,
                                    .seq_hi = tos_df,
                                    .iv = part->seq + i};
        memcpy(&dp_meta(m)->vrf, &t->meta, sizeof t->meta);
        s->pkts[k] = m;
        s->len[k++] = m->data_len;
        part->bytes += m->data_len;
    }
    part->count = (uint16_t)(k - part->first);
}

/* Is it as a device expects it that does ESP as a whole? Else software has to look at it: other encapsulations than the SA's, options, a
 * peer whose NAT may have a new mapping. */
static bool is_for_device(const struct esp_in_sa *sa, const struct ip_endpoint *expected,
                          const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    if (meta->l3_len != (sa->family == IP_V4 ? ESP_V4_LEN : ESP_V6_LEN) || (meta->udp_encap != 0) != sa->natt)
        return false;
    const struct ip_endpoint seen =
        sa->natt ? esp_in_source(sa, ip, ip + meta->l3_len) : (struct ip_endpoint){.port = 0};
    return !sa->natt || memcmp(&seen, expected, sizeof seen) == 0;
}

void esp_aside_outer(const struct esp_template *t, struct rte_mbuf *m, uint32_t tos_df, uint64_t seq)
{
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    const uint32_t tos = tos_df & 0xff, len = m->data_len;
    if (t->meta.family == IP_V4)
        esp_outer_v4(ip, t, len, tos, tos_df >> 8, seq);
    else
        esp_outer_v6(ip, t, len, tos);
    if (t->meta.udp_encap)
        esp_outer_udp(ip + t->meta.l3_len, t, len - t->meta.l3_len - ESP_UDP_LEN);
}

static uint32_t outer_ecn(const struct esp_in_sa *sa, const struct rte_mbuf *m)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    return (sa->family == IP_V4 ? esp_tos_v4(ip) : esp_tos_v6(ip)) & 3u;
}

void esp_aside_look(const struct esp_in_sa *sa, struct esp_scratch *s, unsigned first, unsigned count,
                    uint8_t *forms)
{
    struct ip_endpoint expected;
    uint32_t version;
    const bool known = esp_in_peer(sa, &expected, &version) || !sa->natt;
    for (unsigned i = 0; i < count; i++) {
        struct rte_mbuf *m = s->pkts[first + i];
        s->len[first + i] = (uint16_t)outer_ecn(sa, m);
        forms[i] = known && is_for_device(sa, &expected, m) ? ENG_ESP : ENG_SOFT;
    }
}

enum cv_drop esp_aside_ecn(struct rte_mbuf *m, uint32_t outer_ecn)
{
    uint8_t *in = rte_pktmbuf_mtod(m, uint8_t *);
    const bool v4 = in[0] >> 4 == 4;
    const uint32_t was = (v4 ? esp_tos_v4(in) : esp_tos_v6(in)) & 3u, ecn = esp_ecn_combine(was, outer_ecn);
    if (ecn == ESP_ECN_DROP)
        return CV_DROP_ECN;
    if (ecn != was && v4)
        esp_ecn_set_v4(in, (uint8_t)ecn);
    else if (ecn != was)
        esp_ecn_set_v6(in, (uint8_t)ecn);
    return CV_DROP_NONE;
}
