/* cli_steer: `show platform steering`, and `platform rebalance`.
 *
 * How packets come to the worker that owns their SA: what each port's driver took, which worker has which bucket, and how
 * many packets landed right or were handed over. Text or JSON. */
#ifndef CONTROL_CLI_CLI_STEER_H
#define CONTROL_CLI_CLI_STEER_H

#include "control/cli/cli_call.h"

cli_fn cli_show_steering, cli_platform_rebalance, cli_platform_workers;

#endif
