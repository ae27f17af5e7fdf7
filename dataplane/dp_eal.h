/* dp_eal: from the platform section to the EAL's argument vector.
 *
 * One worker per lcore 1..N beside the main lcore 0. With `memory no-huge` (laptops, CI, containers) the
 * lcores float over all processors this process may use, unless `lcores` names them; with hugepages each gets
 * a processor of its own as far as there are enough. */
#ifndef DATAPLANE_DP_EAL_H
#define DATAPLANE_DP_EAL_H

#include "common/platform.h"
#include "common/result.h"

#include <stddef.h>

enum { DP_EAL_ARGS = 96, DP_EAL_ARG_MAX = 320 };

struct dp_eal_args {
    int argc;
    char *argv[DP_EAL_ARGS + 1];
    char text[DP_EAL_ARGS][DP_EAL_ARG_MAX];
};

/* cpus[0..cpu_count): the processors this process may use. extra: what stood behind "--" (may be empty).
 * CV_ENOSPC: more arguments than fit. */
CV_MUST_USE cv_result dp_eal_args(const struct platform *p, const unsigned *cpus, unsigned cpu_count,
                                  int extra_count, char **extra, struct dp_eal_args *out);
/* The processors of this process; returns their count, at most max. */
unsigned dp_eal_cpus(unsigned *cpus, unsigned max);

#endif
