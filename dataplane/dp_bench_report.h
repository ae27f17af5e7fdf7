/* dp_bench_report: benchmark results as lines, JSON and a chart.
 *
 * The JSON's keys are those of docs/reference/json.md; the SVG is one self-contained file. */
#ifndef DATAPLANE_DP_BENCH_REPORT_H
#define DATAPLANE_DP_BENCH_REPORT_H

#include "dataplane/dp_bench.h"

#include <stdio.h>

void dp_bench_print_head(const struct bench_case *c);
void dp_bench_print(const struct bench_row *row);
void dp_bench_json(FILE *f, const struct bench_row *rows, unsigned count);
/* A pair of bars in Gb/s per row: the loop, and its limit behind it. */
void dp_bench_svg(FILE *f, const struct bench_row *rows, unsigned count);

#endif
