/* dp_offload_option: the command line of `--bench-offload`. */
#ifndef DATAPLANE_DP_OFFLOAD_OPTION_H
#define DATAPLANE_DP_OFFLOAD_OPTION_H

#include "dataplane/dp_offload.h"

enum { OFFLOAD_HELP = -1 };

/* Fills r's plan, and r's engines when some are asked for. 0, 2 with usage and what is wrong on stderr, or OFFLOAD_HELP with usage on stdout. */
int dp_offload_options(int argc, char **argv, struct offload_report *r);

#endif
