/* What only DPDK knows: which driver has a card, which virtual devices there are, which arguments the EAL takes. */
#include "dataplane/dp_doctor_devices.h"
#include "tests/unit/unit.h"

#include <rte_eal.h>
#include <stdio.h>
#include <string.h>

static char driver[DOCTOR_DRIVER], why[DOCTOR_WHY];

static void tables_of_drivers_are_read_to_their_end(void)
{
    static const char table[] =
        "{\"name\": \"net_x\", \"kmod\": \"* vfio-pci\", \"pci_ids\": [[32902, 5490, 65535, 65535], [4660, "
        "22136, 65535, 65535]]}";
    CU_ASSERT_TRUE(dp_doctor_table_has(table, 0x8086, 0x1572, driver));
    CU_ASSERT_STRING_EQUAL(driver, "net_x");
    CU_ASSERT_TRUE(dp_doctor_table_has(table, 0x1234, 0x5678, driver));
    CU_ASSERT_FALSE(dp_doctor_table_has(table, 0x8086, 0x5678, driver));
    CU_ASSERT_FALSE(dp_doctor_table_has(table, 0xffff, 0xffff, driver)); /* of subsystems: any */
    static const char *const others[] = {"",
                                         "{\"name\": \"net_x\"}",
                                         "{\"pci_ids\": [[1, 2]]}",
                                         "{\"name\": \"x\", \"pci_ids\": []}",
                                         "{\"name\": \"x\", \"pci_ids\": [[",
                                         "{\"name\": \"x\", \"pci_ids\": [[a, b], ["};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        CU_ASSERT_FALSE(dp_doctor_table_has(others[i], 1, 2, driver));
}

static void cards_are_known_by_the_drivers_that_are_loaded(void)
{
    static const struct {
        unsigned vendor, device;
        const char *driver;
    } cards[] = {{0x8086, 0x1572, "net_i40e"},    {0x8086, 0x37c9, "qat"},
                 {0x1022, 0x15df, "crypto_ccp"},  {0x8086, 0x10fb, "net_ixgbe"},
                 {0x15ad, 0x07b0, "net_vmxnet3"}, {0x1d0f, 0xec20, "net_ena"}};
    for (unsigned i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        CU_ASSERT_TRUE(dp_doctor_card(cards[i].vendor, cards[i].device, driver));
        CU_ASSERT_STRING_EQUAL(driver, cards[i].driver);
    }
    CU_ASSERT_FALSE(dp_doctor_card(0x1234, 0x5678, driver));
    CU_ASSERT_FALSE(dp_doctor_card(0x8086, 0x4945, driver)); /* QuickAssist 402xx: not in 22.11 */
}

static void virtual_devices_are_those_that_dpdk_has(void)
{
    dp_doctor_device(false, "net_null0,size=64", driver, why);
    CU_ASSERT_TRUE(!why[0] && strcmp(driver, "net_null") == 0);
    dp_doctor_device(false, "net_tap_3", driver, why);
    CU_ASSERT_TRUE(!why[0] && strcmp(driver, "net_tap") == 0);
    dp_doctor_device(false, "net_nonsense0", driver, why);
    CU_ASSERT_STRING_EQUAL(why, "this DPDK has no virtual device net_nonsense0");
    dp_doctor_device(false, "crypto_ccp", driver, why); /* a driver of PCI devices */
    CU_ASSERT_STRING_EQUAL(why, "this DPDK has no virtual device crypto_ccp");
    dp_doctor_device(false, "net_null1,nonsense=1", driver, why);
    CU_ASSERT_STRING_EQUAL(why, "its driver does not make net_null1,nonsense=1");
    dp_doctor_device(true, "ffff:1f:1f.7", driver, why); /* no such card: seen elsewhere */
    CU_ASSERT_TRUE(!why[0] && !driver[0]);
}

/* One process, one EAL: the trial has a process of its own, before this one starts its EAL. */
static void arguments_are_tried_in_a_process_of_their_own(void)
{
    static struct platform p;
    platform_init(&p);
    CU_ASSERT_TRUE(dp_doctor_arguments(&p, why));
    p.eal_arg_count = 1;
    snprintf(p.eal_args[0], sizeof p.eal_args[0], "--nonsense");
    CU_ASSERT_FALSE(dp_doctor_arguments(&p, why));
    CU_ASSERT_STRING_EQUAL(why, "unrecognized option '--nonsense'");
    p.hugepages = true; /* none are taken */
    p.memory_mb = 1 << 20;
    snprintf(p.eal_args[0], sizeof p.eal_args[0], "--iova-mode=pa");
    CU_ASSERT_TRUE(dp_doctor_arguments(&p, why));
    CU_ASSERT_STRING_EQUAL(why, "");
}

static bool set_up(void)
{
    static char name[] = "test", no_huge[] = "--no-huge", no_pci[] = "--no-pci", no_shconf[] = "--no-shconf",
                telemetry[] = "--no-telemetry", m[] = "-m", mib[] = "64", level[] = "--log-level=*:emergency";
    char *argv[] = {name, no_huge, no_pci, no_shconf, telemetry, m, mib, level, NULL};
    return rte_eal_init((int)(sizeof argv / sizeof argv[0]) - 1, argv) >= 0;
}

static void eal_starts(void)
{
    CU_ASSERT_TRUE_FATAL(set_up());
}

UNIT_MAIN("doctor of the data plane", UNIT_TEST(tables_of_drivers_are_read_to_their_end),
          UNIT_TEST(arguments_are_tried_in_a_process_of_their_own), UNIT_TEST(eal_starts),
          UNIT_TEST(cards_are_known_by_the_drivers_that_are_loaded),
          UNIT_TEST(virtual_devices_are_those_that_dpdk_has))
