/* dp_bench_run: one benchmark case, in a process that does nothing else: ports, tables, packets, and the
 * measured run of the lanes. */
#ifndef DATAPLANE_DP_BENCH_RUN_H
#define DATAPLANE_DP_BENCH_RUN_H

#include "dataplane/dp_bench.h"

/* Once per process: it starts the EAL. False: out->err says why. */
bool dp_bench_measure(const struct bench_case *c, struct bench_result *out);
/* Sizes of the case's packets in turn: IMIX is 7 of 64, 4 of 570, 1 of 1420 octets. */
unsigned dp_bench_sizes(const struct bench_case *c, const unsigned **sizes);
/* SA i of the case in a direction; both directions have the same keys. */
void dp_bench_sa(const struct bench_case *c, unsigned i, enum cv_dir dir, struct cv_sa *sa);

#endif
