/* ring_fix: the two ports of manager.h's data plane as rings: what a test puts into rx comes in there, what leaves is found in tx. */
#ifndef TESTS_UNIT_DATAPLANE_RING_FIX_H
#define TESTS_UNIT_DATAPLANE_RING_FIX_H

#include "tests/unit/dataplane/manager.h"
#include "tests/unit/dataplane/nbr_fix.h"

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

enum {
    OUTSIDE = 1, /* interfaces; ports 0 and 1 in front of them */
    INSIDE,
    RING_PORTS = 2,
    RING_RX_SLOTS = 1024,
};

static struct rte_ring *rx[RING_PORTS], *tx[RING_PORTS];

/* After mgr_start(); tx_slots: of each ring for what leaves, a power of 2. */
static inline void ports_open(unsigned tx_slots)
{
    const struct rte_eth_conf conf = {0};
    char name[16];
    for (unsigned p = 0; p < RING_PORTS; p++) {
        snprintf(name, sizeof name, "rx%u", p);
        rx[p] = rte_ring_create(name, RING_RX_SLOTS, SOCKET_ID_ANY, 0);
        snprintf(name, sizeof name, "tx%u", p);
        tx[p] = rte_ring_create(name, tx_slots, SOCKET_ID_ANY, 0);
        snprintf(name, sizeof name, "port%u", p);
        const int id = rte_eth_from_rings(name, &rx[p], 1, &tx[p], 1, 0);
        CU_ASSERT_TRUE_FATAL(id >= 0);
        CU_ASSERT_EQUAL_FATAL(rte_eth_dev_configure((uint16_t)id, 1, 1, &conf), 0);
        CU_ASSERT_EQUAL_FATAL(rte_eth_rx_queue_setup((uint16_t)id, 0, 256, 0, NULL, pkt_pool), 0);
        CU_ASSERT_EQUAL_FATAL(rte_eth_tx_queue_setup((uint16_t)id, 0, 256, 0, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(rte_eth_dev_start((uint16_t)id), 0);
        mgr_dp.ports[p].id = (uint16_t)id;
        mgr_dp.ports[p].rx_queues = mgr_dp.ports[p].tx_queues = 1;
    }
}

#endif
