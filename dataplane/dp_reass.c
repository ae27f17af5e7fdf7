#include "dataplane/dp_reass.h"
#include "dataplane/dp_drop.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_wire.h"

/* All fragments of a datagram have these in common; IPv6 ones their identification at places that differ by their headers. */
static unsigned owner_of(const struct dp_worker *w, const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    uint64_t id = 0;
    if (meta->family == IP_V4)
        id = (uint64_t)ip[4] << 8 | ip[5];
    else if (ip[6] == IP_NEXT_FRAGMENT) /* behind options: by its ends alone */
        memcpy(&id, ip + 44, 4);
    const uint64_t h = ip_hash_addr(&w->dp->ifs.hash_key, id, meta->family, ip_src(m, meta->family)) ^
                       ip_hash_addr(&w->dp->ifs.hash_key, ~id, meta->family, ip_dst(m, meta->family));
    return (unsigned)((h >> 32) * w->dp->began >> 32);
}

void dp_reass_handed(struct dp_worker *w, struct rte_mbuf *m, enum dp_stage then)
{
    const struct ip_if *in = ip_if_get(&w->dp->ifs, dp_meta(m)->if_in);
    const struct ip_reass_limits limits = {in ? in->conf.reass_datagrams : 0,
                                           in ? in->conf.reass_fragments : 0,
                                           in ? in->conf.reass_timeout_s : 0};
    dp_meta(m)->stage = (uint8_t)then;
    struct rte_mbuf *whole = ip_reass_take(w->frags, m, &limits, w->now);
    if (whole)
        dp_hand_over(w, w->id, whole, then);
}

void dp_reass_take(struct dp_worker *w, struct rte_mbuf *m, enum dp_stage then)
{
    const unsigned owner = w->dp->began <= 1 ? 0 : owner_of(w, m);
    if (owner == w->id)
        dp_reass_handed(w, m, then);
    else
        dp_hand_over(w, owner, m, then == DP_STAGE_GRE ? DP_STAGE_GRE_PIECE : DP_STAGE_PIECE);
}

/* RFC 792, RFC 1122 3.3.2; RFC 4443 3.3, RFC 8200 4.5. What the SA of a GRE tunnel delivered is the far gateway's: an error about it has no SA to leave by,
 * as that one carries GRE alone. */
static void late(void *ctx, struct rte_mbuf *first)
{
    struct dp_worker *w = ctx;
    struct dp_meta *meta = dp_meta(first);
    if (meta->stage == DP_STAGE_GRE || !dp_may_be_told(w, meta)) {
        rte_pktmbuf_free(first);
        return;
    }
    meta->drop = CV_DROP_FRAGMENT_LATE;
    ip_icmp_trouble(meta, IP_TROUBLE_REASSEMBLY, 0);
    dp_slow(w, first, DP_SLOW_ICMP);
}

/* RFC 8200 4.5. */
static void wrong(void *ctx, struct rte_mbuf *m, uint16_t pointer)
{
    struct dp_worker *w = ctx;
    const struct ip_ext_problem p = {true, IP_EXT_CODE_FIELD, pointer};
    const struct dp_meta *meta = dp_meta(m);
    if (meta->stage == DP_STAGE_GRE || !dp_may_be_told(w, meta))
        rte_pktmbuf_free(m);
    else
        dp_tell_problem(w, m, CV_DROP_FRAGMENT, &p);
}

void dp_reass_init(struct dp_worker *w)
{
    ip_reass_tell(w->frags, late, wrong, w);
}

void dp_reass_tick(struct dp_worker *w)
{
    w->frags_due = w->now + w->esp.second / 10;
    ip_reass_expire(w->frags, w->now);
}
