/* dp_ahead: fetches for a whole burst what routing it will read, where its packets go by many SAs.
 *
 * A look-up waits for memory several times in a row; over a burst, stage by stage, the packets wait together. Only asks the cache, and
 * decides nothing: what is changed meanwhile, or found elsewhere, costs time and no more. The worker's own lcore only. */
#ifndef DATAPLANE_DP_AHEAD_H
#define DATAPLANE_DP_AHEAD_H

#include "dataplane/dp_worker.h"

/* Packets that dp_route_packet will be asked about, n <= IO_BURST: routes, interfaces, and the tables of their SAs. Data at the IP header;
 * meta->vrf and family set. */
void dp_ahead_route(const struct dp_worker *w, struct rte_mbuf *const *pkts, unsigned n);

#endif
