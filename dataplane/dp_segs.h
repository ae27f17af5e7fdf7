/* dp_segs: packets in several mbufs: which of them go their way as they are, and which are joined to one first.
 *
 * A chain stays one where nobody on its way asks for more than its first mbuf shows (ip_classify_chain): it is routed from a port or out of a tunnel to a port that sends several segments, or into or out of an
 * SA that takes them (esp_segs.h). Everything else sees one mbuf: ports with a policy or an MSS, fragments, ICMP, what is for this host, what has to be cut, told or dropped by
 * the route, GRE, limits of a rate, NICs and devices that do the cryptography. Who joins decides nothing: the packet goes on where it would have.
 *
 * Each function takes ownership of the packet. The worker's own lcore only. */
#ifndef DATAPLANE_DP_SEGS_H
#define DATAPLANE_DP_SEGS_H

#include "dataplane/dp_worker.h"

/* A frame in several mbufs that came in by the port `in`; meta's if_in, vrf and local_out are set. */
void dp_segs_received(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *in);
/* In one mbuf of the pool of long buffers, with room for ESP, counted; NULL: it was dropped, and lost by interface if_id in that direction. */
CV_MUST_USE struct rte_mbuf *dp_segs_join(struct dp_worker *w, struct rte_mbuf *m, uint32_t if_id,
                                          enum cv_dir dir);
/* The n packets of w->in_pkts, of w->out_pkts, where there are chains among them: all of them, in their order. */
void dp_segs_decapsulate(struct dp_worker *w, unsigned n);
void dp_segs_encapsulate(struct dp_worker *w, unsigned n);

#endif
