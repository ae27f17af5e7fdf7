/* dp_mixed: routing a burst whose packets go by many SAs, where hardly two that follow one another have one flow.
 *
 * Decides as dp_route_packet does, of packets for which nothing is out of the ordinary: others' packets into a tunnel with ESP, and others' or
 * SAs' packets out of a port by a route with a next hop; it leaves every other packet to dp_route_packet. It goes over the burst in
 * stages: what a look-up reads is asked of the cache for all packets before the first one is looked at, so that they wait for memory
 * together. What a route's port, neighbour and Ethernet header are is found once per burst (struct dp_exit).
 *
 * The worker's own lcore only. */
#ifndef DATAPLANE_DP_MIXED_H
#define DATAPLANE_DP_MIXED_H

#include "dataplane/dp_worker.h"

/* All of pkts[0..n), however many: as dp_route_packet, which see, in their order. */
void dp_mixed_route(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n);

#endif
