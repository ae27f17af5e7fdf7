/* dp_bench_run: one benchmark case, in a process that does nothing else: packets into a pcap file, and the
 * measured run. */
#ifndef DATAPLANE_DP_BENCH_RUN_H
#define DATAPLANE_DP_BENCH_RUN_H

#include "dataplane/dp_bench.h"

/* Writes pcap_dir/N.pcap for each worker. */
bool dp_bench_packets(const struct bench_case *c, struct bench_result *out);
/* Measures; needs the files. */
bool dp_bench_measure(const struct bench_case *c, struct bench_result *out);
/* Sizes of the case's packets in turn: IMIX is 7 of 64, 4 of 570, 1 of 1420 octets. */
unsigned dp_bench_sizes(const struct bench_case *c, const unsigned **sizes);

#endif
