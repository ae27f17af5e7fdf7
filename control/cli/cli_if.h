/* cli_if: what an interface has counted, be it one that was written or a line of a crypto map. */
#ifndef CONTROL_CLI_CLI_IF_H
#define CONTROL_CLI_CLI_IF_H

#include "control/cli/cli_call.h"

/* The sum over all workers since it came, or the data plane began; zero while it is away, and of what it has not heard of. Stays when SAs are replaced. */
void cli_if_sum(struct cli_call *c, const char *name, struct cv_if_stats *out);
/* Adds "rx_packets", "rx_bytes", "tx_packets" and "tx_bytes" to o. */
void cli_if_json(const struct cv_if_stats *n, json_t *o);

#endif
