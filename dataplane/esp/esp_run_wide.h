/* esp_run_wide: packets of a run four at a time, by AVX-512 with VBMI: what esp_run.c does with each of them, in a third of its instructions.
 *
 * Internal to esp_run.c, which calls it where eng_isa_wide() says that the processor has it. The worker's own lcore only. */
#ifndef DATAPLANE_ESP_ESP_RUN_WIDE_H
#define DATAPLANE_ESP_ESP_RUN_WIDE_H

#include "dataplane/esp/esp_run.h"

/* As esp_in_run_check, with lengths alone: how many are sound, a multiple of four. hi: the upper half of their numbers. */
unsigned esp_in_run_check_wide(const struct esp_in_run *r, struct rte_mbuf **pkts,
                               const struct esp_run_pkt *p, struct eng_op *ops, unsigned n, uint32_t hi);
/* As esp_in_run_accept, of those that are beyond doubt: gives how many, a multiple of four; the one behind them has not been touched, and may be accepted as well. */
unsigned esp_in_run_accept_wide(const struct esp_in_run *r, const struct eng_op *ops, struct rte_mbuf **pkts,
                                struct esp_run_pkt *p, unsigned n, uint64_t *inner);

enum { ESP_RUN_WIDE_HEAD = 16 /* octets of ESP header and IV, where packets are built four at a time */ };

/* As esp_out_run_build, of packets in IPv4 by a transform that has such a head and pads to four octets: gives how many, a multiple of four. seq: the first one's number. */
unsigned esp_out_run_build_wide(const struct esp_out_run *r, struct rte_mbuf **pkts,
                                const struct esp_run_pkt *p, struct eng_op *ops, unsigned n, uint64_t seq);

#endif
