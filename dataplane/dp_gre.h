/* dp_gre: GRE tunnels in the worker's loop: into them from the route lookup, and out of them on delivery.
 *
 * Out: route -> tunnel -> GRE and outer header -> the SA of a protected tunnel, whose selectors hold the GRE packet
 * (host to host, protocol 47), in tunnel or transport mode; or, unprotected, the route in the tunnel's outer VRF.
 * In: what an SA of a GRE tunnel delivers comes here at once and must be a packet of that very tunnel; what comes in clear,
 * or from an SA of something else (a crypto map under the tunnel), must be a packet of an unprotected one. The inner
 * packet is routed as from the tunnel, in its VRF.
 *
 * Fails closed: without an SA nothing of a protected tunnel leaves, and nothing comes in. GRE is neither put into
 * GRE nor taken out of it twice. The worker's own lcore only; each function takes ownership of the packet. */
#ifndef DATAPLANE_DP_GRE_H
#define DATAPLANE_DP_GRE_H

#include "dataplane/dp_worker.h"

/* Data at the IP header; tunnel->gre. */
void dp_gre_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel);
/* GRE for an address of this host, whole, that no SA of a GRE tunnel delivered; classified. */
void dp_gre_received(struct dp_worker *w, struct rte_mbuf *m);
/* n packets that SAs of `tunnel` delivered: what they hold joins the packets to be routed. */
void dp_gre_decapsulated(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n, const struct ip_if *tunnel);
/* One of these that came in fragments, put together. */
void dp_gre_reassembled(struct dp_worker *w, struct rte_mbuf *m);

/* A tunnel without protection of its own: does a crypto map protect its packets? Then they come by an SA, whatever way errors go back. The
 * manager's. */
CV_MUST_USE bool dp_gre_is_mapped(const struct dp *dp, const struct ip_if *tunnel);

#endif
