#include "dataplane/esp/esp_inline.h"

#include <rte_branch_prediction.h>

static enum cv_drop check(const struct rte_mbuf *m)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    if (m->nb_segs != 1 || m->data_off < ESP_HEADROOM || rte_pktmbuf_tailroom(m) < ESP_TAILROOM)
        return CV_DROP_NO_ROOM;
    return m->data_len < ESP_V4_LEN || (p[0] >> 4 != 4 && p[0] >> 4 != 6) ? CV_DROP_MALFORMED_IP
                                                                          : CV_DROP_NONE;
}

void esp_inline_build(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                      struct rte_mbuf **pkts, struct esp_sort *sort)
{
    unsigned k = part->first;
    (void)t;
    for (unsigned i = 0; i < part->usable; i++) {
        struct rte_mbuf *m = pkts[i];
        const enum cv_drop drop = check(m);
        if (unlikely(drop != CV_DROP_NONE)) {
            esp_sort_bad_out(sort, m, part->sa, drop);
            continue;
        }
        s->ops[k] = (struct eng_op){
            .esp = rte_pktmbuf_mtod(m, uint8_t *), .data_len = m->data_len, .iv = part->seq + i};
        dp_meta(m)->local_out = DP_LOCAL_ESP; /* into no other SA */
        s->pkts[k] = m;
        s->len[k++] = m->data_len;
        part->bytes += m->data_len;
    }
    part->count = (uint16_t)(k - part->first);
}
