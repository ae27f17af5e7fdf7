/* cli_if: what an interface has counted, be it one that was written or a line of a crypto map. */
#ifndef CONTROL_CLI_CLI_IF_H
#define CONTROL_CLI_CLI_IF_H

#include "control/cli/cli_call.h"

struct cli_if {
    struct cv_if_stats stats;
    struct cv_if_drops drops;
};

/* The sum over all workers since it came, or the data plane began; zero while it is away, and of what it has not heard of. Stays when SAs are replaced. */
void cli_if_sum(struct cli_call *c, const char *name, struct cli_if *out);
/* Adds "rx_packets", "rx_bytes", "tx_packets" and "tx_bytes" to o, and "drops": by "input" and "output", by reason. */
void cli_if_json(const struct cli_if *n, json_t *o);
/* "3 input drops: 2 replay, 1 auth": a line, behind indent blanks; reasons that there were none of are left out. */
void cli_if_drops(struct cli_call *c, const struct cli_if *n, enum cv_dir dir, unsigned indent);
/* "Rate limit input 8000 bps, burst 1600 bytes": a line for each direction that has one, behind indent blanks. */
void cli_if_limits(struct cli_call *c, const struct cfg_interface *i, unsigned indent);
/* Adds "rate_limit_input" and "rate_limit_output" to o, null where there is none. */
void cli_if_limits_json(const struct cfg_interface *i, json_t *o);

#endif
