/* dp_offload_glance: the first screen of the page: per transform which engine is worth having, in one sentence, bars, and a table.
 *
 * Figures are the lower of both directions, as a gateway does both; alone at the depth with the fewest cycles, and in the worker's loop. */
#ifndef DATAPLANE_DP_OFFLOAD_GLANCE_H
#define DATAPLANE_DP_OFFLOAD_GLANCE_H

#include "dataplane/dp_offload.h"

#include <stdio.h>

void dp_offload_glance(FILE *f, const struct offload_report *r);

/* Place of the smallest (or largest) of `count` sizes, IMIX left out; count: there is none. */
unsigned dp_offload_size_end(const unsigned *sizes, unsigned count, bool largest);

/* The engine whose loop gains most over ipsec-mb's at that place of plan.loop_sizes, in the lower of both directions; NULL: none was
 * measured. ratio: what it gains. */
const struct offload_engine *dp_offload_loop_best(const struct offload_report *r, unsigned transform,
                                                  unsigned size, double *ratio);

#endif
