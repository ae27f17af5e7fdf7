#include "dataplane/esp/esp_segs.h"

#include "dataplane/dp_chain.h"
#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_out.h"
#include "dataplane/esp/esp_outer.h"
#include "dataplane/esp/esp_tfc.h"
#include "dataplane/esp/esp_trailer.h"

#include <string.h>

enum {
    ICV_MAX = 32,
    TAIL = 2 + 255 + 16, /* the most that can be trailer, and what esp_trailer_read wants in front of it */
    TRAILER_ROOM = ESP_PAD_MAX + 8,
};

/* ---- octets ------------------------------------------------------------------------------------------------- */
/* Octets at .. at + len of a chain that has them; n of pieces are as many as it can have. */
static unsigned pieces_of(const struct rte_mbuf *m, uint32_t at, uint32_t len, struct eng_piece *pieces)
{
    unsigned n = 0;
    for (const struct rte_mbuf *s = m; s && len > 0 && n <= DP_CHAIN_MAX; s = s->next) {
        if (at >= s->data_len) {
            at -= s->data_len;
            continue;
        }
        const uint32_t here = RTE_MIN(len, s->data_len - at);
        pieces[n++] = (struct eng_piece){rte_pktmbuf_mtod_offset(s, uint8_t *, at), here};
        at = 0;
        len -= here;
    }
    return len == 0 ? n : 0;
}

/* Copies octets at .. at + len. False: there are not so many. */
static bool copy_out(const struct rte_mbuf *m, uint32_t at, uint32_t len, uint8_t *to)
{
    const uint8_t *from = rte_pktmbuf_read(m, at, len, to);
    if (from && from != to)
        memcpy(to, from, len);
    return from != NULL;
}

static uint32_t offset_of(const struct rte_mbuf *m, const uint8_t *p)
{
    return (uint32_t)(p - rte_pktmbuf_mtod(m, const uint8_t *));
}

/* ---- in ------------------------------------------------------------------------------------------------------ */
bool esp_in_takes_segs(const struct esp_in_sa *sa, const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const uint32_t head = meta->l3_len + (meta->udp_encap ? ESP_UDP_LEN : 0u) + sa->head;
    return sa->pieces && !sa->submit && !sa->transport && sa->conf.proto == CV_PROTO_ESP &&
           sa->icv_len <= ICV_MAX && m->nb_segs <= DP_CHAIN_MAX && head <= m->data_len;
}

void esp_segs_decrypt(struct esp_worker *w, const struct esp_in_sa *sa, const struct rte_mbuf *m,
                      struct eng_op *op)
{
    struct eng_piece pieces[DP_CHAIN_MAX + 1];
    uint8_t icv[ICV_MAX] __rte_aligned(16);
    const uint32_t at = offset_of(m, op->esp) + sa->head;
    const unsigned n = pieces_of(m, at, op->data_len, pieces);
    op->ok = false;
    if (n > 0 && copy_out(m, at + op->data_len, sa->icv_len, icv))
        sa->pieces(w->engine, sa->session, op, pieces, n, icv);
}

bool esp_segs_trailer(const struct esp_in_sa *sa, const struct rte_mbuf *m, const struct eng_op *op,
                      uint32_t *next, uint32_t *len)
{
    uint8_t tail[TAIL + ESP_HDR_LEN] = {0};
    const uint32_t n = RTE_MIN(op->data_len, (uint32_t)TAIL),
                   at = offset_of(m, op->esp) + sa->head + op->data_len - n;
    /* Behind octets that esp_trailer_read may look at: in one mbuf they are the header's. */
    uint8_t *data = tail + sizeof tail - n;
    if (!copy_out(m, at, n, data) || !esp_trailer_read(data, n, next, len))
        return false;
    *len += op->data_len - n;
    return true;
}

bool esp_segs_shows(const struct rte_mbuf *m, const uint8_t *in)
{
    const uint32_t at = offset_of(m, in);
    return at <= m->data_len && dp_chain_shows(in, m->data_len - at);
}

struct rte_mbuf *esp_segs_join(struct rte_mbuf *m, struct eng_op *op, struct rte_mempool *pool)
{
    const uint32_t at = offset_of(m, op->esp);
    struct rte_mbuf *one = esp_tfc_long(m, m->pkt_len, pool);
    if (one)
        op->esp = rte_pktmbuf_mtod_offset(one, uint8_t *, at);
    return one;
}

/* ---- out ----------------------------------------------------------------------------------------------------- */
bool esp_out_takes_segs(const struct esp_out_sa *sa, const struct rte_mbuf *m)
{
    return sa->info.pieces && !sa->info.submit && !sa->after && sa->info.icv_len <= ICV_MAX &&
           sa->conf.proto == CV_PROTO_ESP && sa->conf.mode == CV_MODE_TUNNEL &&
           sa->build == esp_out_tunnel_builder(sa->conf.local.addr.family, sa->conf.flags & CV_SA_NATT) &&
           m->nb_segs < DP_CHAIN_MAX && m->data_off >= ESP_HEADROOM;
}

void esp_segs_encrypt(struct esp_worker *w, const struct esp_out_sa *sa, struct rte_mbuf *m,
                      struct eng_op *op)
{
    struct eng_piece pieces[DP_CHAIN_MAX + 1];
    struct rte_mbuf *last = dp_chain_last(m);
    const uint32_t head = ESP_HDR_LEN + sa->info.iv_len;
    const unsigned n = pieces_of(m, offset_of(m, op->esp) + head, op->data_len, pieces);
    op->ok = false;
    if (n > 0) /* the builder has put trailer and ICV into one mbuf */
        sa->info.pieces(w->engine, sa->session, op, pieces, n,
                        rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len - sa->info.icv_len));
}

/* n octets more behind the last one, in one place. NULL: no mbuf. */
static uint8_t *append(struct rte_mbuf *m, struct rte_mbuf *last, uint16_t n)
{
    if (rte_pktmbuf_tailroom(last) < n) {
        struct rte_mbuf *more = rte_pktmbuf_alloc(last->pool);
        if (!more)
            return NULL;
        last->next = more;
        last = more;
        m->nb_segs++;
    }
    uint8_t *at = rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len);
    last->data_len = (uint16_t)(last->data_len + n);
    m->pkt_len += n;
    return at;
}

/* As build_one of esp_out.c. */
static enum cv_drop build(const struct esp_template *t, struct rte_mbuf *m, uint64_t seq, struct eng_op *op,
                          bool v4, bool natt)
{
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *), trailer[TRAILER_ROOM];
    const uint32_t len = m->pkt_len;
    uint32_t next, tos, df;
    if (m->data_off < ESP_HEADROOM || m->data_len < ESP_V4_LEN ||
        !esp_outer_look(t, p, len, &next, &tos, &df))
        return CV_DROP_MALFORMED_IP;
    const uint32_t pad = -(len + ESP_TRAILER_LEN) & t->align_mask, behind = pad + ESP_TRAILER_LEN;
    const uint32_t outer = (uint32_t)(v4 ? ESP_V4_LEN : ESP_V6_LEN) + (natt ? ESP_UDP_LEN : 0);
    const uint32_t total = outer + t->head + len + behind + t->icv_len;
    if (total > UINT16_MAX)
        return CV_DROP_TOO_BIG;
    uint8_t *end = append(m, dp_chain_last(m), (uint16_t)(behind + t->icv_len));
    if (!end)
        return CV_DROP_NO_MBUF;
    esp_trailer_write(trailer, pad, next);
    memcpy(end, trailer, behind);
    m->data_off = (uint16_t)(m->data_off - t->head - outer);
    m->data_len = (uint16_t)(m->data_len + t->head + outer);
    m->pkt_len = total;
    *op = (struct eng_op){
        .esp = p - t->head, .data_len = len + behind, .seq_hi = (uint32_t)(seq >> 32), .iv = seq};
    esp_outer_write(op->esp, t, total, tos, df, seq, v4, natt);
    return CV_DROP_NONE;
}

void esp_segs_build(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                    struct rte_mbuf **pkts, struct esp_sort *sort)
{
    const struct esp_conf *conf = &part->sa->conf;
    if (part->usable == 0)
        return;
    const uint16_t len = (uint16_t)pkts[0]->pkt_len;
    const enum cv_drop why = build(t, pkts[0], part->seq, &s->ops[part->first],
                                   conf->local.addr.family == IP_V4, conf->flags & CV_SA_NATT);
    if (why != CV_DROP_NONE) {
        esp_sort_bad_out(sort, pkts[0], part->sa, why);
        return;
    }
    memcpy(&dp_meta(pkts[0])->vrf, &t->meta, sizeof t->meta);
    s->pkts[part->first] = pkts[0];
    s->len[part->first] = len;
    part->count = 1;
    part->bytes = len;
}
