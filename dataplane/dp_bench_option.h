/* dp_bench_option: the benchmark's command line.
 *
 * Everything is checked here, before the first case: a plan that was read can be run. */
#ifndef DATAPLANE_DP_BENCH_OPTION_H
#define DATAPLANE_DP_BENCH_OPTION_H

#include "dataplane/dp_bench.h"

enum { BENCH_HELP = -1 };

/* The defaults, then what argv says (argv[0] is "--bench"; texts of the plan point into it). 0, 2 after a word on stderr, or BENCH_HELP with usage on stdout. */
int dp_bench_options(int argc, char **argv, struct bench_plan *p);

/* For other benchmarks: what is not asked for otherwise; a list of sizes up to `most`, which is cut up; false: not one. A transform by its name, or NULL. */
bool dp_bench_sizes_take(unsigned sizes[BENCH_SIZES], unsigned *size_count, unsigned most, char *text);
void dp_bench_case_init(struct bench_case *c);
const struct bench_transform *dp_bench_transform(const char *name);

#endif
