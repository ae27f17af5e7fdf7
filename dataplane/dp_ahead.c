#include "dataplane/dp_ahead.h"
#include "dataplane/dp_pick.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_route.h"

#include <rte_prefetch.h>

/* What is known of a packet's way so far. */
struct way {
    const uint8_t *dst;
    const struct dp_tunnel *tunnel; /* NULL: it goes into none */
    struct dp_pick_entry *const *chain;
    uint8_t family;
};

static void tunnel_fetch(const struct dp_worker *w, const struct dp_meta *meta, struct way *y)
{
    const struct ip_route *r = ip_route_lookup(&w->dp->routes, meta->vrf, meta->family, y->dst);
    y->tunnel = NULL;
    y->chain = NULL;
    if (!r || r->if_id == 0)
        return;
    const struct ip_if *out = ip_if_get(&w->dp->ifs, r->if_id);
    y->tunnel = dp_tunnel_get(&w->dp->sad, r->if_id);
    rte_prefetch0(out); /* NULL does no harm */
    rte_prefetch0(y->tunnel);
    rte_prefetch0(&w->if_stats[r->if_id]);
}

void dp_ahead_route(const struct dp_worker *w, struct rte_mbuf *const *pkts, unsigned n)
{
    struct way way[IO_BURST];
    for (unsigned i = 0; i < n; i++) {
        const struct dp_meta *meta = dp_meta(pkts[i]);
        way[i].family = meta->family;
        way[i].dst = ip_dst(pkts[i], meta->family);
        tunnel_fetch(w, meta, &way[i]);
    }
    for (unsigned i = 0; i < n; i++)
        if (way[i].tunnel)
            way[i].chain = dp_pick_fetch(way[i].tunnel, way[i].family, way[i].dst);
    for (unsigned i = 0; i < n; i++)
        dp_pick_fetch_entry(way[i].chain);
}
