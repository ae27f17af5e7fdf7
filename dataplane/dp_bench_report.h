/* dp_bench_report: benchmark results as lines and JSON; the figures and words that the chart (dp_bench_svg) has, too.
 *
 * The JSON's keys are those of docs/reference/json.md. */
#ifndef DATAPLANE_DP_BENCH_REPORT_H
#define DATAPLANE_DP_BENCH_REPORT_H

#include "dataplane/dp_bench.h"

#include <stddef.h>
#include <stdio.h>

void dp_bench_print_head(const struct bench_case *c);
void dp_bench_print(const struct bench_row *row);
void dp_bench_json(FILE *f, const struct bench_row *rows, unsigned count);

/* Gb/s of inner IP packets at that many Mpps. */
double dp_bench_gbps(const struct bench_row *row, double mpps);
/* Of the loop's packets/s to each limit's. */
double dp_bench_ratio(const struct bench_row *row);
double dp_bench_ratio_best(const struct bench_row *row);
/* What a packet costs beyond the call of the faster limit, in cycles. */
double dp_bench_beyond(const struct bench_row *row);
/* Cycles per packet of the stages after receive and before transmit. */
double dp_bench_between_ports(const struct bench_result *r);
extern const char *const dp_bench_stage_names[DP_CLOCK_STAGES];

/* "512" or "imix". */
void dp_bench_size_text(const struct bench_case *c, char out[16]);
/* The case but for direction and size, in words. */
void dp_bench_case_text(const struct bench_case *c, char *out, size_t room);
/* The processor's model, without characters that JSON or XML would have to escape. */
void dp_bench_cpu_name(char *out, size_t room);

#endif
