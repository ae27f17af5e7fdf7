#include "dataplane/io/io_steer.h"
#include "common/log.h"

#include <rte_byteorder.h>
#include <rte_flow.h>

static struct rte_flow *rule_new(uint16_t port, enum rte_flow_item_type ip, unsigned worker, unsigned mask)
{
    struct rte_flow_attr attr = {.ingress = 1};
    struct rte_flow_item_esp spec = {.hdr.spi = rte_cpu_to_be_32(worker)};
    struct rte_flow_item_esp bits = {.hdr.spi = rte_cpu_to_be_32(mask)};
    struct rte_flow_item pattern[] = {
        {.type = RTE_FLOW_ITEM_TYPE_ETH},
        {.type = ip},
        {.type = RTE_FLOW_ITEM_TYPE_ESP, .spec = &spec, .mask = &bits},
        {.type = RTE_FLOW_ITEM_TYPE_END},
    };
    struct rte_flow_action_queue queue = {.index = (uint16_t)worker};
    struct rte_flow_action actions[] = {
        {.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue},
        {.type = RTE_FLOW_ACTION_TYPE_END},
    };
    struct rte_flow_error error;
    if (rte_flow_validate(port, &attr, pattern, actions, &error) != 0)
        return NULL;
    return rte_flow_create(port, &attr, pattern, actions, &error);
}

bool io_steer_esp(const struct io_port *p, unsigned workers)
{
    struct rte_flow_error error;
    /* slot % workers is a mask of the SPI only for powers of two. */
    if (workers < 2 || (workers & (workers - 1)) != 0 || p->rx_queues != workers)
        return false;
    for (unsigned w = 0; w < workers; w++) {
        if (rule_new(p->id, RTE_FLOW_ITEM_TYPE_IPV4, w, workers - 1) &&
            rule_new(p->id, RTE_FLOW_ITEM_TYPE_IPV6, w, workers - 1))
            continue;
        rte_flow_flush(p->id, &error);
        log_info("port %s: no steering by SPI in hardware; ESP reaches its worker by hand-off", p->name);
        return false;
    }
    log_info("port %s: ESP is steered to its worker in hardware", p->name);
    return true;
}
