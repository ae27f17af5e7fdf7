#include "dataplane/esp/esp_tfc.h"

#include "dataplane/esp/esp_out.h"

#include <string.h>

void esp_tfc_mtu(struct esp_out_sa *sa, uint16_t inner_mtu)
{
    uint16_t len = sa->conf.tfc_len;
    if (inner_mtu != 0 && inner_mtu < len)
        len = inner_mtu;
    if (len == CV_TFC_MTU)
        len = 0;
    __atomic_store_n(&sa->tfc_len, len, __ATOMIC_RELAXED);
}

uint16_t esp_tfc_len(const struct esp_out_sa *sa)
{
    return __atomic_load_n(&sa->tfc_len, __ATOMIC_RELAXED);
}

/* ---- padding ---------------------------------------------------------------------------------------------- */
void esp_tfc_pool(struct esp_worker *w, struct rte_mempool *pool)
{
    w->scratch->long_pool = pool;
}

struct rte_mbuf *esp_tfc_long(struct rte_mbuf *m, uint32_t room, struct rte_mempool *pool)
{
    const bool fits = pool && rte_pktmbuf_data_room_size(pool) >= RTE_PKTMBUF_HEADROOM + room;
    struct rte_mbuf *one = fits ? rte_pktmbuf_copy(m, pool, 0, UINT32_MAX) : NULL;
    if (!one) {
        dp_meta(m)->drop = fits ? CV_DROP_NO_MBUF : CV_DROP_NO_ROOM;
        return NULL;
    }
    *dp_meta(one) = *dp_meta(m);
    rte_pktmbuf_free(m);
    return one;
}

/* The packet with zeros behind it, up to `to` octets; in another mbuf where its own has no room. NULL: none has. */
static struct rte_mbuf *padded(struct rte_mbuf *m, uint32_t to, struct rte_mempool *pool)
{
    const uint32_t len = m->data_len;
    if (m->nb_segs != 1 || len < ESP_V4_LEN || len >= to) /* too short stays so, to be refused */
        return m;
    if (rte_pktmbuf_tailroom(m) < to - len + ESP_TAILROOM && !(m = esp_tfc_long(m, to + ESP_TAILROOM, pool)))
        return NULL;
    memset(rte_pktmbuf_mtod_offset(m, uint8_t *, len), 0, to - len);
    m->data_len = (uint16_t)to;
    m->pkt_len = to;
    return m;
}

/* One that could not be padded would say how long it is: it is dropped. */
static void pad_all(struct esp_out_part *part, uint32_t to, struct rte_mempool *pool, struct rte_mbuf **pkts,
                    struct esp_sort *sort)
{
    unsigned k = 0;
    for (unsigned i = 0; i < part->usable; i++) {
        struct rte_mbuf *m = padded(pkts[i], to, pool);
        if (m)
            pkts[k++] = m;
        else
            esp_sort_bad_out(sort, pkts[i], part->sa, (enum cv_drop)dp_meta(pkts[i])->drop);
    }
    part->usable = (uint16_t)k;
}

/* Of the inner packet, by its own header: bytes are counted without the padding. */
static uint16_t inner_len(const uint8_t *in, uint32_t max)
{
    uint32_t len = max;
    if (in[0] >> 4 == 4)
        len = (uint32_t)in[2] << 8 | in[3];
    else if (max >= ESP_V6_LEN)
        len = ESP_V6_LEN + ((uint32_t)in[4] << 8 | in[5]);
    return (uint16_t)RTE_MIN(len, max);
}

static void recount(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s)
{
    part->bytes = 0;
    for (unsigned i = part->first; i < part->first + (unsigned)part->count; i++) {
        s->len[i] = inner_len(s->ops[i].esp + t->head, s->len[i]);
        part->bytes += s->len[i];
    }
}

/* ---- dummies ---------------------------------------------------------------------------------------------- */
/* A packet of tunnel mode, but for its next header. */
static void build_dummy(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                        struct rte_mbuf **pkts, struct esp_sort *sort)
{
    const struct esp_conf *conf = &part->sa->conf;
    esp_out_build_fn *build =
        esp_out_tunnel_builder(conf->local.addr.family, (conf->flags & CV_SA_NATT) != 0);
    build(part, t, s, pkts, sort);
    for (unsigned i = part->first; i < part->first + (unsigned)part->count; i++) {
        s->ops[i].esp[t->head + s->ops[i].data_len - 1] = ESP_NEXT_NONE;
        s->len[i] = 0;
    }
    part->bytes = 0;
}

void esp_tfc_build(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                   struct rte_mbuf **pkts, struct esp_sort *sort)
{
    if (part->usable && dp_meta(pkts[0])->local_out == DP_LOCAL_DUMMY) { /* always alone in its part */
        build_dummy(part, t, s, pkts, sort);
        return;
    }
    const uint16_t to = esp_tfc_len(part->sa);
    if (to)
        pad_all(part, to, s->long_pool, pkts, sort);
    part->sa->build_data(part, t, s, pkts, sort);
    if (to)
        recount(part, t, s);
}

bool esp_dummy_fill(struct rte_mbuf *m, uint16_t len)
{
    if (len < ESP_DUMMY_MIN || (uint32_t)rte_pktmbuf_tailroom(m) < (uint32_t)len + ESP_TAILROOM)
        return false;
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, len);
    memset(p, 0, len);
    p[0] = 0x45; /* for the builder of tunnel mode; nobody reads it at the other end */
    return true;
}

bool esp_dummy_out(struct esp_worker *w, struct rte_mbuf *m, struct esp_out_sa *sa)
{
    struct cv_sa_counters *c = &sa->counters[w->line], before = *c;
    if (sa->build != esp_tfc_build) {
        w->taken = 0;
        dp_meta(m)->drop = CV_DROP_NO_SA;
        return false;
    }
    dp_meta(m)->local_out = DP_LOCAL_DUMMY;
    const bool sent = esp_out_burst(w, &m, &sa, 1) == 1;
    esp_counter_set(&c->packets, before.packets); /* this worker's own line */
    esp_counter_set(&c->bytes, before.bytes);
    esp_counter_set(&c->last_tsc, before.last_tsc);
    return sent;
}
