#include "dataplane/dp_mixed.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_martian.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_policy.h"
#include "dataplane/dp_transit.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_route.h"
#include "dataplane/ip/ip_ttl.h"

#include <rte_ether.h>
#include <rte_prefetch.h>

/* What is known of a packet's way so far. */
struct way {
    const struct ip_route *route; /* NULL: left to dp_route_packet */
    const struct ip_if *out;
    const struct dp_tunnel *tunnel; /* NULL: out of a port */
    struct dp_pick_entry *const *chain;
};

static bool is_transit(const struct dp_meta *meta)
{
    return meta->local_out == DP_TRANSIT;
}

/* ---- the route ----------------------------------------------------------------------------------------------- */
static void look(struct dp_worker *w, const struct rte_mbuf *m, const struct dp_meta *meta, struct way *y)
{
    const uint8_t *src = ip_src(m, meta->family), *dst = ip_dst(m, meta->family);
    y->route = NULL;
    if (unlikely(!is_transit(meta) && meta->local_out != DP_LOCAL_ESP))
        return;
    if (is_transit(meta) && unlikely(dp_martian_looks(w->dp, meta, src, dst)))
        return;
    y->route = ip_route_lookup(&w->dp->routes, meta->vrf, meta->family, dst);
}

static void route_look(struct dp_worker *w, struct way *y)
{
    const struct ip_route *r = y->route;
    if (unlikely(!r))
        return;
    if (unlikely(r->if_id == 0 || r->kind == IP_ROUTE_LOCAL)) {
        y->route = NULL;
        return;
    }
    y->out = ip_if_get(&w->dp->ifs, r->if_id);
    y->tunnel = dp_tunnel_get(&w->dp->sad, r->if_id);
    rte_prefetch0(y->out);
    rte_prefetch0(y->tunnel);
    rte_prefetch0(&w->if_stats[r->if_id]);
}

/* ---- into a tunnel --------------------------------------------------------------------------------------------- */
static bool is_plain_tunnel(const struct ip_if *out)
{
    return out->kind == CV_IF_TUNNEL && out->up && !out->gre && !out->tcp_mss.any && !out->police;
}

static void tunnel_look(const struct dp_meta *meta, struct way *y)
{
    const struct ip_if *out = y->out;
    y->chain = NULL;
    if (unlikely(!y->route))
        return;
    if (!out || out->kind == CV_IF_PORT)
        y->tunnel = NULL;
    else if (unlikely(!y->tunnel || !is_transit(meta) || !is_plain_tunnel(out)))
        y->route = NULL;
    else
        dp_pick_fetch(y->tunnel);
}

static void chain_look(const struct rte_mbuf *m, const struct dp_meta *meta, struct way *y)
{
    if (y->route && y->tunnel)
        y->chain = dp_pick_chain(y->tunnel, meta->family, ip_dst(m, meta->family));
}

/* As dp_into_sa where the packet has the length and the room for it. False: it was left alone. */
static bool tunnel_take(struct dp_worker *w, struct rte_mbuf *m, const struct dp_meta *meta,
                        const struct way *y)
{
    const struct dp_tunnel_sa *s = dp_pick_at(y->tunnel, y->chain, m, meta->family);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    if (unlikely(!s))
        return false;
    const uint32_t small = dp_small_packet(w->dp), inner = __atomic_load_n(&s->inner_mtu, __ATOMIC_RELAXED),
                   mtu = y->out->mtu;
    if (unlikely(m->pkt_len > small || (inner != 0 && m->pkt_len > inner) || (mtu != 0 && m->pkt_len > mtu) ||
                 ip_ttl_of(ip, meta->family) <= 1))
        return false;
    ip_ttl_lower(ip, meta->family);
    dp_count(&w->if_stats[y->out->id].tx_packets, 1);
    dp_count(&w->if_stats[y->out->id].tx_bytes, m->pkt_len);
    dp_encapsulate_later(w, m, s->sa);
    return true;
}

/* ---- out of a port --------------------------------------------------------------------------------------------- */
static bool is_plain_port(const struct dp_worker *w, const struct ip_if *out)
{
    return out && out->up && out->kind == CV_IF_PORT && !out->tcp_mss.any && !dp_policy_get(w->dp, out->id) &&
           w->txq[out->port].owner == w->id;
}

/* Where the route's exit is kept. *known: it was found in this turn. */
static struct dp_exit *exit_at(struct dp_worker *w, const struct ip_route *r, bool *known)
{
    struct dp_exit *e = &w->exits[((uintptr_t)r / RTE_CACHE_LINE_SIZE) % DP_EXITS];
    *known = e->route == r && e->turn == w->now;
    return e;
}

/* What packets of the route have in common; not valid when each of them needs a look of its own. */
static const struct dp_exit *exit_of(struct dp_worker *w, const struct ip_route *r, uint8_t family)
{
    bool known;
    struct dp_exit *e = exit_at(w, r, &known);
    if (likely(known))
        return e;
    const struct ip_if *out = ip_if_get(&w->dp->ifs, r->if_id);
    *e = (struct dp_exit){.route = r, .turn = w->now};
    if (r->next_hop.family != family || !is_plain_port(w, out))
        return e;
    struct ip_nbr *nbr = ip_nbr_find(&w->dp->nbrs, out->id, family, r->next_hop.b);
    if (!nbr)
        return e;
    dp_nbr_used(nbr);
    e->valid = true;
    e->port = out->port;
    e->if_id = out->id;
    e->mtu = out->mtu;
    dp_ether_write(e->ether, out, nbr, family);
    return e;
}

/* False: it was left alone. */
static bool port_take(struct dp_worker *w, struct rte_mbuf *m, const struct dp_meta *meta,
                      const struct ip_route *r)
{
    const struct dp_exit *e = exit_of(w, r, meta->family);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
    if (unlikely(!e->valid || m->pkt_len > e->mtu || m->data_off < RTE_ETHER_HDR_LEN))
        return false;
    if (is_transit(meta)) {
        if (unlikely(ip_ttl_of(ip, meta->family) <= 1))
            return false;
        ip_ttl_lower(ip, meta->family);
    } else if (unlikely(__atomic_load_n(&w->dp->pmtus.count, __ATOMIC_RELAXED) != 0)) {
        return false; /* the path may be narrower than the port */
    }
    dp_count(&w->if_stats[e->if_id].tx_packets, 1);
    dp_count(&w->if_stats[e->if_id].tx_bytes, m->pkt_len);
    m->data_off = (uint16_t)(m->data_off - RTE_ETHER_HDR_LEN);
    m->data_len = (uint16_t)(m->data_len + RTE_ETHER_HDR_LEN);
    m->pkt_len += RTE_ETHER_HDR_LEN;
    memcpy(rte_pktmbuf_mtod(m, uint8_t *), e->ether, RTE_ETHER_HDR_LEN);
    dp_frame_out(w, m, e->port);
    return true;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */
static void take(struct dp_worker *w, struct rte_mbuf *m, const struct dp_meta *meta, const struct way *y)
{
    if (unlikely(!y->route) || !(y->tunnel ? tunnel_take(w, m, meta, y) : port_take(w, m, meta, y->route)))
        dp_flow_route(w, m);
}

/* Where all that is asked for is in the second-level cache. */
static void route_near(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    struct way way[IO_BURST];
    for (unsigned i = 0; i < n; i++) {
        look(w, pkts[i], dp_meta(pkts[i]), &way[i]);
        route_look(w, &way[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct dp_meta *meta = dp_meta(pkts[i]);
        tunnel_look(meta, &way[i]);
        chain_look(pkts[i], meta, &way[i]);
    }
    for (unsigned i = 0; i < n; i++)
        take(w, pkts[i], dp_meta(pkts[i]), &way[i]);
}

/* Step by step, each of which finds what the next one reads. What they ask the cache for is asked in loops that do nothing else: a processor
 * that has to look an address up goes no farther than its window of some hundred instructions meanwhile, and so waits for many at once. */
static void route_far(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    struct way way[IO_BURST];
    for (unsigned i = 0; i < n; i++)
        look(w, pkts[i], dp_meta(pkts[i]), &way[i]);
    for (unsigned i = 0; i < n; i++)
        rte_prefetch0(way[i].route); /* NULL does no harm, here and below */
    for (unsigned i = 0; i < n; i++)
        route_look(w, &way[i]);
    for (unsigned i = 0; i < n; i++)
        tunnel_look(dp_meta(pkts[i]), &way[i]);
    for (unsigned i = 0; i < n; i++)
        chain_look(pkts[i], dp_meta(pkts[i]), &way[i]);
    for (unsigned i = 0; i < n; i++)
        rte_prefetch0(way[i].chain);
    for (unsigned i = 0; i < n; i++)
        rte_prefetch0(dp_pick_first(way[i].chain));
    for (unsigned i = 0; i < n; i++)
        take(w, pkts[i], dp_meta(pkts[i]), &way[i]);
}

/* What look will ask of the packets' sources. */
static void sources_fetch(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    const struct ip_routes *t = &w->dp->routes;
    for (unsigned i = 0; i < n; i++) {
        const struct dp_meta *meta = dp_meta(pkts[i]);
        ip_route_fetch(t, meta->vrf, meta->family, ip_src(pkts[i], meta->family));
    }
    for (unsigned i = 0; i < n; i++) {
        const struct dp_meta *meta = dp_meta(pkts[i]);
        rte_prefetch0(ip_route_lookup(t, meta->vrf, meta->family, ip_src(pkts[i], meta->family)));
    }
}

/* Those at the front that leave by routes whose packets have left in this turn before; gives how many. */
static unsigned route_known(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    unsigned i;
    struct way y;
    bool known;
    for (i = 0; i < n; i++) {
        const struct dp_meta *meta = dp_meta(pkts[i]);
        look(w, pkts[i], meta, &y);
        if (!y.route)
            break;
        (void)exit_at(w, y.route, &known);
        if (!known || !port_take(w, pkts[i], meta, y.route))
            break;
    }
    return i;
}

void dp_mixed_route(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    /* Of outer packets all may go to one peer yet. */
    unsigned done = 0;
    if (n > 0)
        dp_flow_route(w, pkts[done++]);
    done += dp_flow_run(w, pkts + done, n - done);
    if (w->far)
        sources_fetch(w, pkts + done, n - done);
    for (unsigned k; done < n; done += k) {
        done += route_known(w, pkts + done, n - done);
        k = RTE_MIN(n - done, (unsigned)IO_BURST);
        if (w->far)
            route_far(w, pkts + done, k);
        else
            route_near(w, pkts + done, k);
    }
}
