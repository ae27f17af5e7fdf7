/* nbr_fix: neighbours are as a test says: nobody is asked for, and what waits for one is freed. */
#ifndef TESTS_UNIT_DATAPLANE_NBR_FIX_H
#define TESTS_UNIT_DATAPLANE_NBR_FIX_H

#include "dataplane/ip/ip_nbr.h"

#include <rte_mbuf.h>

static inline void nbr_no_ask(void *ctx, uint32_t if_id, const struct ip_addr *addr, const uint8_t *mac)
{
    (void)ctx, (void)if_id, (void)addr, (void)mac;
}

static inline void nbr_no_packet(void *ctx, struct rte_mbuf *m)
{
    (void)ctx;
    rte_pktmbuf_free(m);
}

static const struct ip_nbr_calls nbr_fix_calls = {NULL, nbr_no_ask, nbr_no_packet, nbr_no_packet};

#endif
