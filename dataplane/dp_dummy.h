/* dp_dummy: dummy packets of outbound SAs at the rate that culvertd asked for (RFC 4303 2.6).
 *
 * The manager keeps the list of SAs that send them, makes the packets and hands them to the worker that sends all it
 * makes; that one gives them the SA's next number. Rates are of tens a second at most: nothing here is on the path. */
#ifndef DATAPLANE_DP_DUMMY_H
#define DATAPLANE_DP_DUMMY_H

#include "dataplane/dp_manager.h"
#include "dataplane/dp_worker.h"

/* Manager: an outbound SA was activated. Nothing happens unless its configuration has dummy_ms. */
CV_MUST_USE cv_result dp_dummy_add(struct dp_manager *g, const struct cv_sa_ref *ref);
/* Manager, each round: sends what is due, to within some ms; with more than some thousand such SAs later. SAs that are gone leave the list. */
void dp_dummy_tick(struct dp_manager *g);
void dp_dummy_end(struct dp_dummies *d);

/* Worker: a packet of DP_STAGE_DUMMY; takes it. */
void dp_dummy_out(struct dp_worker *w, struct rte_mbuf *m);

#endif
