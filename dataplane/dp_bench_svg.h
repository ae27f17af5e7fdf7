/* dp_bench_svg: benchmark results as a chart: one self-contained SVG file.
 *
 * Per direction packets/s and Gb/s against size: the loop with the range of its rounds, and its two limits beside it;
 * with --stages below them where each packet's cycles go. */
#ifndef DATAPLANE_DP_BENCH_SVG_H
#define DATAPLANE_DP_BENCH_SVG_H

#include "dataplane/dp_bench.h"

#include <stdio.h>

/* The rows of a direction stand together. */
void dp_bench_svg(FILE *f, const struct bench_row *rows, unsigned count);

#endif
