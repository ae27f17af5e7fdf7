/* dp_slow: the manager's packets: what workers pass on (ARP, ND, ICMP, fragments, unresolved next hops) and
 * what this host itself sends. What goes out goes through a worker's inbox.
 *
 * The manager's lcore only. */
#ifndef DATAPLANE_DP_SLOW_H
#define DATAPLANE_DP_SLOW_H

#include "dataplane/dp_manager.h"

/* Takes a packet of the slow ring. */
void dp_slow_packet(struct dp_manager *g, struct rte_mbuf *m);
/* Sends a datagram of the inject ring. False: it was dropped, and counted. */
bool dp_slow_inject(struct dp_manager *g, const struct cv_ike_pkt *pkt);
/* CV_EINVAL: destination, source not a local address, size. */
CV_MUST_USE cv_result dp_slow_ping(struct dp_manager *g, const struct cv_ping *p);
/* Neighbours age, fragments expire. About every 100 ms. */
void dp_slow_tick(struct dp_manager *g);
/* A neighbour by configuration. CV_ENOENT: no such port, or (del) no such neighbour; CV_EINVAL: the address or the MAC. */
CV_MUST_USE cv_result dp_slow_nbr_add(struct dp_manager *g, const struct cv_nbr *c);
CV_MUST_USE cv_result dp_slow_nbr_del(struct dp_manager *g, const struct cv_nbr *c);
/* Forgets an interface's neighbours; 0: all. */
void dp_slow_forget(struct dp_manager *g, uint32_t if_id);
/* NAT keepalives that are due (RFC 3948 2.3): each call looks at a tenth of the SAs and sends a bounded number.
 * About every 100 ms. */
void dp_slow_keepalives(struct dp_manager *g);

#endif
