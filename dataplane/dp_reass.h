/* dp_reass: fragments for this host, put together by the workers: ESP and IKE that came in pieces, and pieces of GRE that an SA delivered.
 *
 * Each worker has a table of its own (ip_reass.h); fragments of one datagram go to one worker, by a keyed hash of its ends and
 * identification. What is whole goes through that worker's inbox back into its loop, as if it had come in so.
 *
 * Who sent a datagram that does not become whole in time is told, if its first fragment came (ICMP time exceeded, fragment reassembly time exceeded), as of other
 * errors that this host makes: within their rates, never about errors, groups, or from what is not one host.
 *
 * So is who sent an IPv6 fragment of a length that cannot be (ICMP parameter problem).
 *
 * The worker's own lcore only. */
#ifndef DATAPLANE_DP_REASS_H
#define DATAPLANE_DP_REASS_H

#include "dataplane/dp_worker.h"

/* w->frags is there: what it gives up goes the way above. */
void dp_reass_init(struct dp_worker *w);
/* m: a fragment, data at the IP header, meta filled; takes ownership. then: where the whole datagram goes on, DP_STAGE_IP or DP_STAGE_GRE. */
void dp_reass_take(struct dp_worker *w, struct rte_mbuf *m, enum dp_stage then);
/* The same of what another worker handed over: it is this worker's. */
void dp_reass_handed(struct dp_worker *w, struct rte_mbuf *m, enum dp_stage then);
/* Forgets what has waited too long; looks about ten times a second. */
void dp_reass_tick(struct dp_worker *w);

#endif
