/* dp_stats: what the manager writes into the shared statistics: ports, engines; and the link events.
 *
 * Counters of workers, SAs and interfaces are written by their workers. */
#ifndef DATAPLANE_DP_STATS_H
#define DATAPLANE_DP_STATS_H

#include "dataplane/dp.h"

/* About every 100 ms; and once at the start, with events off. */
void dp_stats_update(struct dp *dp);

#endif
