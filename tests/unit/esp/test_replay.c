/* The anti-replay window: RFC 4303 3.4.3, RFC 6479, and ESN by RFC 4303 appendix A. */
#include "dataplane/esp/esp_replay.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static uint64_t ring[CV_REPLAY_WINDOW_MAX / 32];
static struct esp_replay r;

static void fresh(uint32_t window, uint64_t seq)
{
    memset(ring, 0xa5, sizeof ring);
    CU_ASSERT_FATAL(esp_replay_bytes(window) <= sizeof ring);
    esp_replay_init(&r, window, ring, seq);
}

static enum cv_drop take(uint64_t seq)
{
    enum cv_drop d = esp_replay_check(&r, seq);
    if (d == CV_DROP_NONE)
        esp_replay_advance(&r, seq);
    return d;
}

static void RFC_4303_3_4_3_first_number_is_one(void)
{
    fresh(64, 0);
    CU_ASSERT_EQUAL(take(0), CV_DROP_REPLAY_OLD);
    CU_ASSERT_EQUAL(take(1), CV_DROP_NONE);
    CU_ASSERT_EQUAL(take(1), CV_DROP_REPLAY_DUP);
    CU_ASSERT_EQUAL(take(0), CV_DROP_REPLAY_OLD);
}

static void numbers_in_the_window_come_once_in_any_order(void)
{
    for (uint32_t window = CV_REPLAY_WINDOW_MIN; window <= CV_REPLAY_WINDOW_MAX; window *= 2) {
        fresh(window, 0);
        CU_ASSERT_EQUAL(take(window), CV_DROP_NONE);
        for (uint64_t s = window - 1; s >= 1; s--)
            CU_ASSERT_EQUAL(take(s), CV_DROP_NONE);
        for (uint64_t s = 1; s <= window; s++)
            CU_ASSERT_EQUAL(take(s), CV_DROP_REPLAY_DUP);
        CU_ASSERT_EQUAL(take(window + 1), CV_DROP_NONE);
        CU_ASSERT_EQUAL(take(1), CV_DROP_REPLAY_OLD);
        CU_ASSERT_EQUAL(take(2), CV_DROP_REPLAY_DUP);
    }
}

static void the_lower_edge_is_exact(void)
{
    fresh(64, 0);
    CU_ASSERT_EQUAL(take(1000), CV_DROP_NONE);
    CU_ASSERT_EQUAL(take(1000 - 64), CV_DROP_REPLAY_OLD);
    CU_ASSERT_EQUAL(take(1000 - 63), CV_DROP_NONE);
    CU_ASSERT_EQUAL(take(1000 - 63), CV_DROP_REPLAY_DUP);
}

static void RFC_6479_words_are_cleared_when_the_window_moves_on(void)
{
    fresh(128, 0);
    for (uint64_t s = 1; s <= 256; s++)
        CU_ASSERT_EQUAL(take(s), CV_DROP_NONE);
    CU_ASSERT_EQUAL(take(256 + 100), CV_DROP_NONE);
    for (uint64_t s = 257; s < 356; s++)
        CU_ASSERT_EQUAL(take(s), CV_DROP_NONE);
    CU_ASSERT_EQUAL(take(1ull << 31), CV_DROP_NONE); /* a jump over the whole ring */
    CU_ASSERT_EQUAL(take((1ull << 31) - 127), CV_DROP_NONE);
    CU_ASSERT_EQUAL(take((1ull << 31) - 128), CV_DROP_REPLAY_OLD);
    CU_ASSERT_EQUAL(take(356), CV_DROP_REPLAY_OLD);
}

/* Against a list of everything that ever came. */
static void a_random_walk_agrees_with_a_plain_list(void)
{
    enum { SPAN = 200000 };
    static uint8_t seen[SPAN];
    for (uint32_t window = CV_REPLAY_WINDOW_MIN; window <= CV_REPLAY_WINDOW_MAX; window *= 4) {
        fresh(window, 0);
        memset(seen, 0, sizeof seen);
        srand(window);
        uint64_t top = 0;
        for (unsigned i = 0; i < 200000; i++) {
            int64_t step = rand() % 10 ? rand() % (int)(window + 40) - (int)window - 20 : rand() % 100;
            int64_t s = (int64_t)top + step;
            if (s < 1 || s >= SPAN)
                continue;
            enum cv_drop want = (uint64_t)s + window <= top ? CV_DROP_REPLAY_OLD
                                : seen[s]                   ? CV_DROP_REPLAY_DUP
                                                            : CV_DROP_NONE;
            if (take((uint64_t)s) != want)
                CU_FAIL("differs");
            if (want == CV_DROP_NONE) {
                seen[s] = 1;
                if ((uint64_t)s > top)
                    top = (uint64_t)s;
            }
        }
        CU_ASSERT(top > window);
    }
}

static void an_SA_that_goes_on_takes_nothing_old(void)
{
    for (uint64_t seq = 1; seq < 300; seq += 7) {
        fresh(64, seq);
        for (uint64_t s = 0; s <= seq; s++)
            CU_ASSERT_NOT_EQUAL(take(s), CV_DROP_NONE);
        for (uint64_t s = seq + 200; s > seq + 200 - 64; s--)
            CU_ASSERT_EQUAL(take(s), CV_DROP_NONE);
    }
    fresh(64, 62);
    for (uint64_t s = 63; s < 200; s++)
        CU_ASSERT_EQUAL(take(s), CV_DROP_NONE);
}

static uint64_t infer(uint32_t lo)
{
    uint64_t seq;
    return esp_replay_infer(&r, lo, &seq) ? seq : UINT64_MAX;
}

static void RFC_4303_A2_case_A_window_within_one_subspace(void)
{
    fresh(64, 0x500001000ull);
    CU_ASSERT_EQUAL(infer(0x1001), 0x500001001ull);
    CU_ASSERT_EQUAL(infer(0x1000 - 63), 0x500001000ull - 63); /* the window's lower end */
    CU_ASSERT_EQUAL(infer(0x1000 - 64), 0x600001000ull - 64); /* below it: the next subspace */
    CU_ASSERT_EQUAL(infer(0), 0x600000000ull);
    CU_ASSERT_EQUAL(infer(UINT32_MAX), 0x5ffffffffull);
    fresh(64, 0x5ffffffffull);
    CU_ASSERT_EQUAL(infer(0), 0x600000000ull);
    CU_ASSERT_EQUAL(infer(UINT32_MAX - 63), 0x5ffffffc0ull);
    fresh(64, 0x50000003full); /* Tl = W - 1 exactly */
    CU_ASSERT_EQUAL(infer(0), 0x500000000ull);
}

static void RFC_4303_A2_case_B_window_over_two_subspaces(void)
{
    fresh(64, 0x50000000aull);
    CU_ASSERT_EQUAL(infer(11), 0x50000000bull);
    CU_ASSERT_EQUAL(infer(0), 0x500000000ull);
    CU_ASSERT_EQUAL(infer(UINT32_MAX), 0x4ffffffffull);
    CU_ASSERT_EQUAL(infer(UINT32_MAX - 52), 0x4ffffffcbull); /* 10 - 63: the lower end */
    CU_ASSERT_EQUAL(infer(UINT32_MAX - 53), 0x5ffffffcaull);
}

static void ESN_before_the_first_and_behind_the_last_subspace_there_is_nothing(void)
{
    fresh(64, 0);
    CU_ASSERT_EQUAL(infer(1), 1);
    CU_ASSERT_EQUAL(infer(UINT32_MAX), UINT64_MAX);
    fresh(64, UINT64_MAX - 10);
    CU_ASSERT_EQUAL(infer(3), UINT64_MAX);
}

static void ESN_rolls_over_packet_by_packet_and_out_of_order(void)
{
    for (uint32_t window = CV_REPLAY_WINDOW_MIN; window <= CV_REPLAY_WINDOW_MAX; window *= 8) {
        const uint64_t edge = 0x700000000ull;
        fresh(window, edge - 5000);
        for (uint64_t s = edge - 4999; s < edge + 5000; s += 2) { /* pairs the wrong way round */
            CU_ASSERT_EQUAL(infer((uint32_t)(s + 1)), s + 1);
            CU_ASSERT_EQUAL(take(s + 1), CV_DROP_NONE);
            CU_ASSERT_EQUAL(infer((uint32_t)s), s);
            CU_ASSERT_EQUAL(take(s), CV_DROP_NONE);
            CU_ASSERT_EQUAL(take(s), CV_DROP_REPLAY_DUP);
        }
    }
}

UNIT_MAIN("esp_replay", UNIT_TEST(RFC_4303_3_4_3_first_number_is_one),
          UNIT_TEST(numbers_in_the_window_come_once_in_any_order), UNIT_TEST(the_lower_edge_is_exact),
          UNIT_TEST(RFC_6479_words_are_cleared_when_the_window_moves_on),
          UNIT_TEST(a_random_walk_agrees_with_a_plain_list), UNIT_TEST(an_SA_that_goes_on_takes_nothing_old),
          UNIT_TEST(RFC_4303_A2_case_A_window_within_one_subspace),
          UNIT_TEST(RFC_4303_A2_case_B_window_over_two_subspaces),
          UNIT_TEST(ESN_before_the_first_and_behind_the_last_subspace_there_is_nothing),
          UNIT_TEST(ESN_rolls_over_packet_by_packet_and_out_of_order))
