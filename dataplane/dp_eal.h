/* dp_eal: from the platform section to the EAL's argument vector.
 *
 * One worker per lcore 1..N beside the main lcore 0. With `memory no-huge` (laptops, CI, containers) the
 * lcores float over all processors this process may use, unless `lcores` names them; with hugepages each gets
 * a processor of its own as far as there are enough. The other lcores up to CV_MAX_WORKERS sleep until a worker is added (dp_crew.h). */
#ifndef DATAPLANE_DP_EAL_H
#define DATAPLANE_DP_EAL_H

#include "common/platform.h"
#include "common/result.h"

#include <sched.h>
#include <stddef.h>

enum { DP_EAL_ARGS = 96, DP_EAL_ARG_MAX = 800 };

struct dp_eal_args {
    int argc;
    char *argv[DP_EAL_ARGS + 1];
    char text[DP_EAL_ARGS][DP_EAL_ARG_MAX];
};

/* cpus[0..cpu_count): the processors this process may use. extra: what stood behind "--" (may be empty).
 * CV_ENOSPC: more arguments than fit. */
CV_MUST_USE cv_result dp_eal_args(const struct platform *p, const unsigned *cpus, unsigned cpu_count,
                                  int extra_count, char **extra, struct dp_eal_args *out);
/* Does each worker get a processor of its own, worker w the one after the w-th of this process's, without being told which? */
bool dp_eal_spreads(const struct platform *p, unsigned cpu_count);
/* Where worker `worker` runs that `lcores` puts on processor cpu, or, CV_CPU_ANY, that it does not name. */
void dp_eal_place(const struct platform *p, const unsigned *cpus, unsigned cpu_count, unsigned worker,
                  unsigned cpu, cpu_set_t *out);
/* Whether the kernel lets this process run on processor cpu. More than dp_eal_cpus has: those that are isolated (isolcpus), or that
 * whoever started the process did not give it, are had by who names them, as at start. */
bool dp_eal_may_use(unsigned cpu);
/* The processors of this process; returns their count, at most max. */
unsigned dp_eal_cpus(unsigned *cpus, unsigned max);

#endif
