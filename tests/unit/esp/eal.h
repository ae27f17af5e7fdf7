/* eal: a DPDK environment without hugepages or devices for the unit tests of the data plane. */
#ifndef TESTS_UNIT_ESP_EAL_H
#define TESTS_UNIT_ESP_EAL_H

#include "tests/unit/unit.h"

#include <rte_eal.h>

static inline int eal_start(void)
{
    char *args[] = {"unit",           "--no-huge",     "-m", "64", "--no-pci", "--no-shconf",
                    "--no-telemetry", "--log-level=4", "-l", "0",  NULL};
    return rte_eal_init((int)(sizeof args / sizeof args[0]) - 1, args);
}

#define UNIT_MAIN_EAL(suite, ...)                                                                            \
    int main(void)                                                                                           \
    {                                                                                                        \
        static const struct unit_test tests[] = {__VA_ARGS__};                                               \
        if (eal_start() < 0)                                                                                 \
            return 1;                                                                                        \
        int status = unit_run(suite, tests, sizeof tests / sizeof tests[0]);                                 \
        rte_eal_cleanup();                                                                                   \
        return status;                                                                                       \
    }

#endif
