/* io_flow: the calls of DPDK's flow rules that culvert makes, behind one table, so that tests put a model of a driver
 * in their place.
 *
 * Same arguments and results as the rte_flow functions of that name. The manager's. */
#ifndef DATAPLANE_IO_IO_FLOW_H
#define DATAPLANE_IO_IO_FLOW_H

#include <stdint.h>

struct rte_flow;
struct rte_flow_action;
struct rte_flow_attr;
struct rte_flow_error;
struct rte_flow_item;

struct io_flow_calls {
    int (*validate)(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item *pattern,
                    const struct rte_flow_action *actions, struct rte_flow_error *error);
    struct rte_flow *(*create)(uint16_t port, const struct rte_flow_attr *attr,
                               const struct rte_flow_item *pattern, const struct rte_flow_action *actions,
                               struct rte_flow_error *error);
    int (*destroy)(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error);
};
extern const struct io_flow_calls io_flow_dpdk;

#endif
