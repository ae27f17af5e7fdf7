/* Initial exchanges between two engines: how a tunnel comes up from either side, and why it does not. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static struct wire *pair(const struct wire_conf *a, const struct wire_conf *b)
{
    return wire_new(1, a, b);
}

static void up_from_either_side_in_four_messages(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = pair(NULL, NULL);
        wire_up(w, end);
        wire_run(w, 1000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_consistent(w, true));
        char expected[1024];
        char i = "AB"[end], r = "BA"[end];
        snprintf(
            expected, sizeof expected,
            "%c IKE_SA_INIT req 0: SA KE Nonce N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "
            "N(FRAGMENTATION_SUPPORTED)\n"
            "%c IKE_SA_INIT resp 0: SA KE Nonce N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "
            "N(FRAGMENTATION_SUPPORTED)\n"
            "%c IKE_AUTH req 1: IDi N(INITIAL_CONTACT) AUTH SA TSi TSr N(SET_WINDOW_SIZE)\n"
            "%c IKE_AUTH resp 1: IDr AUTH SA TSi TSr N(SET_WINDOW_SIZE)\n",
            i, r, i, r);
        CU_ASSERT(wire_dialogue(w, expected));
        CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
        CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_NONE);
        CU_ASSERT_EQUAL(wire_child(w, A)->out.spi, wire_child(w, B)->in.spi);
        CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, wire_child(w, B)->out.spi);
        wire_free(w);
    }
}

UNIT_MAIN("up", UNIT_TEST(up_from_either_side_in_four_messages))
