/* The initial exchanges and what carries them, between two engines. */
#include "tests/unit/ike/pair.h"
#include "tests/unit/unit.h"

#include <string.h>

static void RFC7296_1_2_two_ends_come_up_and_carry_packets(void)
{
    struct pair p;
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(p.delivered, 4);
    CU_ASSERT_TRUE(pair_ping(&p));
    pair_end(&p);
}

UNIT_MAIN("ike exchange", UNIT_TEST(RFC7296_1_2_two_ends_come_up_and_carry_packets))
