/* pkt: packets for the tests of ip, io and dataplane: an EAL without hugepages, one pool, and builders. */
#ifndef TESTS_UNIT_IP_PKT_H
#define TESTS_UNIT_IP_PKT_H

#include "dataplane/dp_meta.h"
#include "tests/unit/unit.h"

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <string.h>

static struct rte_mempool *pkt_pool;

static inline int pkt_start(void)
{
    char *args[] = {"test",        "--no-huge",      "-m", "64", "--no-pci",
                    "--no-shconf", "--no-telemetry", "-l", "0",  "--log-level=*:error",
                    NULL};
    if (rte_eal_init((int)(sizeof args / sizeof args[0]) - 1, args) < 0)
        return -1;
    pkt_pool =
        rte_pktmbuf_pool_create("test", 1023, 0, sizeof(struct dp_meta), 4400 + RTE_PKTMBUF_HEADROOM, 0);
    return pkt_pool ? 0 : -1;
}

/* An empty packet. */
static inline struct rte_mbuf *pkt_new(void)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pkt_pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memset(dp_meta(m), 0xee, sizeof(struct dp_meta)); /* what was not written shows */
    dp_meta(m)->local_out = DP_TRANSIT;
    return m;
}

static inline struct rte_mbuf *pkt_of(const void *data, size_t n)
{
    struct rte_mbuf *m = pkt_new();
    memcpy(rte_pktmbuf_append(m, (uint16_t)n), data, n);
    return m;
}

static inline unsigned pkt_used(void)
{
    return rte_mempool_in_use_count(pkt_pool);
}

/* Like UNIT_MAIN, with an EAL; and every packet must be back in the pool at the end. */
#define PKT_MAIN(suite, ...)                                                                                 \
    static void no_packet_is_lost(void)                                                                      \
    {                                                                                                        \
        CU_ASSERT_EQUAL(pkt_used(), 0);                                                                      \
    }                                                                                                        \
    int main(void)                                                                                           \
    {                                                                                                        \
        static const struct unit_test tests[] = {__VA_ARGS__, UNIT_TEST(no_packet_is_lost)};                 \
        if (pkt_start() != 0)                                                                                \
            return 1;                                                                                        \
        int status = unit_run(suite, tests, sizeof tests / sizeof tests[0]);                                 \
        rte_eal_cleanup();                                                                                   \
        return status;                                                                                       \
    }

#endif
