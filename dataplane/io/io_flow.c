#include "dataplane/io/io_flow.h"

#include <rte_flow.h>

const struct io_flow_calls io_flow_dpdk = {rte_flow_validate, rte_flow_create, rte_flow_destroy};
