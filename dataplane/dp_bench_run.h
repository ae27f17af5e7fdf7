/* dp_bench_run: one benchmark case, in a process that does nothing else: ports, tables, packets, and the
 * measured run of the lanes. */
#ifndef DATAPLANE_DP_BENCH_RUN_H
#define DATAPLANE_DP_BENCH_RUN_H

#include "dataplane/dp_bench.h"

/* Once per process: it starts the EAL. False: out->err says why. */
bool dp_bench_measure(const struct bench_case *c, struct bench_result *out);
/* MiB that the case's process wants of huge pages or others: buffers and SAs. */
unsigned dp_bench_memory_mb(const struct bench_case *c);

#endif
