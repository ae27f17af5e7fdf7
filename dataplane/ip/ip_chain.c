#include "dataplane/ip/ip_chain.h"

#include <rte_branch_prediction.h>

enum cv_drop ip_chain_why(const struct rte_mbuf *m, struct rte_mempool *pool)
{
    const uint32_t room = rte_pktmbuf_data_room_size(pool);
    return m->pkt_len > room - RTE_PKTMBUF_HEADROOM ? CV_DROP_NO_ROOM : CV_DROP_NO_MBUF;
}

struct rte_mbuf *ip_chain_join(const struct rte_mbuf *m, struct rte_mempool *pool)
{
    struct rte_mbuf *one = rte_pktmbuf_alloc(pool);
    if (!one)
        return NULL;
    uint32_t left = m->pkt_len;
    uint8_t *to =
        left <= rte_pktmbuf_tailroom(one) ? (uint8_t *)rte_pktmbuf_append(one, (uint16_t)left) : NULL;
    for (const struct rte_mbuf *s = m; to && s && left > 0; s = s->next) {
        const uint32_t n = RTE_MIN(left, (uint32_t)s->data_len);
        if (unlikely((uint32_t)s->data_off + n > s->buf_len))
            break;
        memcpy(to, rte_pktmbuf_mtod(s, const uint8_t *), n);
        to += n;
        left -= n;
    }
    if (left > 0) {
        rte_pktmbuf_free(one);
        return NULL;
    }
    one->port = m->port;
    one->ol_flags = m->ol_flags & ~(RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT);
    one->packet_type = m->packet_type;
    *dp_meta(one) = *dp_meta((struct rte_mbuf *)(uintptr_t)m);
    return one;
}
