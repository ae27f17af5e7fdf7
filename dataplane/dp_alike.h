/* dp_alike: packets compared with their leader four at a time, by AVX-512 with VBMI: what dp_front_alike says of each, in a third of its instructions.
 *
 * Internal to dp_run. The worker's own lcore only. */
#ifndef DATAPLANE_DP_ALIKE_H
#define DATAPLANE_DP_ALIKE_H

#include "dataplane/dp_way.h"

/* How many of pkts[0..n), of one kind, follow the leader of `way`; p[] of them, and the octets of their frames added to *octets. A multiple of four, and those that are beyond doubt:
 * packets behind them may follow as well, dp_front_alike is asked. before: ESP's numbers grow from there on. */
typedef unsigned dp_alike_fn(const struct dp_way *way, struct rte_mbuf *const *pkts, struct esp_run_pkt *p,
                             unsigned n, enum dp_way_kind kind, uint32_t before, uint64_t *octets);

/* For processors with AVX-512 and VBMI (eng_isa_wide) alone. */
dp_alike_fn dp_alike_avx512;

#endif
