/* When to move what: pure decisions over what an interval brought. */
#include "dataplane/dp_balance.h"
#include "tests/unit/unit.h"

static struct dp_load load_of(unsigned workers)
{
    struct dp_load l = {.workers = workers};
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        l.owner[b] = (uint8_t)cv_bucket_worker(b, workers);
    return l;
}

static void a_bucket_leaves_an_overloaded_worker_for_the_idlest(void)
{
    struct dp_load l = load_of(3);
    struct dp_choice c = {0, 0};
    l.busy[0] = 950, l.busy[1] = 500, l.busy[2] = 150;
    l.received[0] = 1000;
    l.packets[0] = 500, l.packets[3] = 400, l.packets[6] = 100;
    CU_ASSERT_TRUE(dp_balance_by_load(&l, &c));
    CU_ASSERT_EQUAL(c.to, 2);
    CU_ASSERT_EQUAL(c.bucket, 3); /* 380 of the gap of 800: nearest to its half */
    l.busy[0] = DP_BALANCE_BUSY - 1;
    CU_ASSERT_FALSE(dp_balance_by_load(&l, &c)); /* not overloaded */
    l.busy[0] = 900, l.busy[1] = 850, l.busy[2] = 750;
    CU_ASSERT_FALSE(dp_balance_by_load(&l, &c)); /* nobody has time */
}

static void one_elephant_is_not_sent_to_and_fro(void)
{
    struct dp_load l = load_of(2);
    struct dp_choice c;
    l.busy[0] = 1000, l.busy[1] = 0;
    l.received[0] = 1000;
    l.packets[0] = 1000;
    CU_ASSERT_FALSE(dp_balance_by_load(&l, &c));
    CU_ASSERT_FALSE(dp_balance_by_packets(&l, &c));
    l.packets[2] = 200; /* its small neighbour may leave it alone */
    l.received[0] = 1200;
    CU_ASSERT_TRUE(dp_balance_by_load(&l, &c));
    CU_ASSERT_EQUAL(c.bucket, 2);
}

/* Moves by packets come to an end, and lower the largest share each time. */
static void evening_out_ends(void)
{
    for (unsigned seed = 1; seed < 300; seed++) {
        const unsigned workers = 2 + seed % 15;
        struct dp_load l = load_of(workers);
        struct dp_choice c;
        unsigned r = seed, moves = 0;
        for (unsigned b = 0; b < CV_BUCKETS; b++) {
            r = r * 1103515245u + 12345u;
            l.packets[b] = (r >> 16) % (seed % 3 ? 1000 : 20);
        }
        for (; dp_balance_by_packets(&l, &c) && moves < 1000; moves++) {
            CU_ASSERT_FATAL(c.bucket < CV_BUCKETS && c.to < workers && l.owner[c.bucket] != c.to);
            l.owner[c.bucket] = (uint8_t)c.to;
        }
        CU_ASSERT_TRUE(moves <= CV_BUCKETS);
    }
}

/* 64 idle buckets of one worker, and another one comes, and another: each has its share then, and nobody's moves for one bucket more. */
static void buckets_without_packets_are_shared_by_their_number(void)
{
    struct dp_load l = load_of(1);
    struct dp_choice c;
    for (l.workers = 1; l.workers <= CV_MAX_WORKERS; l.workers++) {
        unsigned has[CV_MAX_WORKERS] = {0};
        for (unsigned moves = 0; dp_balance_by_number(&l, &c); moves++) {
            CU_ASSERT_FATAL(moves < CV_BUCKETS && c.bucket < CV_BUCKETS && c.to < l.workers);
            l.owner[c.bucket] = (uint8_t)c.to;
        }
        for (unsigned b = 0; b < CV_BUCKETS; b++)
            has[l.owner[b]]++;
        for (unsigned w = 0; w < l.workers; w++)
            CU_ASSERT_TRUE(has[w] >= CV_BUCKETS / l.workers && has[w] <= CV_BUCKETS / l.workers + 1);
    }
}

/* Those with packets are the other function's to move. */
static void buckets_with_packets_are_not_moved_by_their_number(void)
{
    struct dp_load l = load_of(1);
    struct dp_choice c;
    l.workers = 2;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        l.packets[b] = b < CV_BUCKETS - 2;
    CU_ASSERT_TRUE(dp_balance_by_number(&l, &c));
    CU_ASSERT_TRUE(c.bucket >= CV_BUCKETS - 2 && c.to == 1);
    l.packets[c.bucket] = 1;
    CU_ASSERT_FALSE(dp_balance_by_number(&l, &c));
}

UNIT_MAIN("dataplane_balance", UNIT_TEST(a_bucket_leaves_an_overloaded_worker_for_the_idlest),
          UNIT_TEST(one_elephant_is_not_sent_to_and_fro), UNIT_TEST(evening_out_ends),
          UNIT_TEST(buckets_without_packets_are_shared_by_their_number),
          UNIT_TEST(buckets_with_packets_are_not_moved_by_their_number))
