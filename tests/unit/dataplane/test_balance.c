/* When to move what: pure decisions over what an interval brought, and the manager's samples of counters that are made up here. */
#include "dataplane/dp_balance.h"
#include "dataplane/dp_rcu.h"
#include "tests/unit/unit.h"

#include <string.h>

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

/* ---- the manager's samples ------------------------------------------------------------------------------------------ */
enum { BITS = 11, SECOND = 1000, START_MS = 5000, CYCLES = 1000000, EACH = 40 };

/* A data plane without workers: what these would have counted is put into the shared memory, what they would do of a move is done at once. */
static struct {
    struct dp dp;
    struct dp_balance balance;
    struct dp_move move;
    uint64_t now_ms;
    unsigned moves, last; /* the bucket that moved last */
    bool automatic;       /* ... and on whose account */
} site;

static void site_open(unsigned workers, unsigned owners, bool automatic)
{
    memset(&site, 0, sizeof site);
    site.dp.workers = workers;
    site.now_ms = START_MS;
    site.balance.automatic = automatic;
    CU_ASSERT_EQUAL_FATAL(shm_create(workers, BITS, &site.dp.shm), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_rcu_init(workers), CV_OK);
    dp_owners_init(&site.dp.owners, owners);
    dp_balance_tick(&site.dp, &site.balance, &site.move,
                    site.now_ms); /* what was before counts for nothing */
}

static void site_close(void)
{
    dp_rcu_fini();
    shm_close(&site.dp.shm);
}

/* True: a move was begun. It is over when the manager looks again. */
static bool look(void)
{
    dp_balance_tick(&site.dp, &site.balance, &site.move, site.now_ms);
    if (site.move.step == DP_MOVE_NONE)
        return false;
    site.dp.owners.entry[site.move.bucket] = (uint8_t)site.move.to;
    site.last = site.move.bucket;
    site.automatic = site.move.automatic;
    site.move.step = DP_MOVE_NONE;
    site.moves++;
    return true;
}

static void busy(unsigned worker, unsigned permille)
{
    struct cv_worker_stats *s = shm_worker_stats(&site.dp.shm, worker);
    s->busy_cycles += (uint64_t)CYCLES * permille / 1000;
    s->total_cycles += CYCLES;
}

static void works(unsigned bucket, unsigned packets)
{
    const unsigned w = dp_owner_of(&site.dp.owners, bucket);
    shm_steer_counts(&site.dp.shm, w)->worked[bucket] += packets;
}

/* A second is over, in which the manager looks more than once. True: a move was begun, at its end and not within it. */
static bool second(void)
{
    const uint64_t began = site.now_ms;
    const unsigned moves = site.moves;
    for (unsigned ms = SECOND / 3; ms < SECOND; ms += SECOND / 3) {
        site.now_ms = began + ms;
        (void)look();
    }
    CU_ASSERT_EQUAL(site.moves, moves);
    site.now_ms = began + SECOND;
    return look();
}

/* Worker 0 is busy with all of its buckets alike, the others have hardly anything to do. */
static bool second_of(unsigned permille)
{
    busy(0, permille);
    for (unsigned w = 1; w < site.dp.workers; w++)
        busy(w, 100);
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        if (dp_owner_of(&site.dp.owners, b) == 0)
            works(b, EACH);
    return second();
}

static void the_third_overloaded_second_in_a_row_moves_one_bucket_and_then_it_rests(void)
{
    site_open(2, 2, true);
    for (unsigned n = 1; n < 4 * (DP_BALANCE_SECONDS + DP_BALANCE_REST); n++) {
        const bool due = n % (DP_BALANCE_SECONDS + DP_BALANCE_REST) == DP_BALANCE_SECONDS;
        CU_ASSERT_EQUAL(second_of(950), due);
    }
    CU_ASSERT_EQUAL(site.moves, 4);
    CU_ASSERT_EQUAL(DP_BALANCE_SECONDS, 3);
    CU_ASSERT_EQUAL(DP_BALANCE_REST, 3);
    CU_ASSERT_TRUE(site.automatic);
    site_close();
}

static void a_second_without_overload_begins_the_count_again(void)
{
    site_open(2, 2, true);
    for (unsigned n = 0; n < 20; n++)
        CU_ASSERT_FALSE(second_of(n % 3 == 2 ? DP_BALANCE_BUSY - 1 : 950));
    CU_ASSERT_TRUE(second_of(950)); /* the third since */
    site_close();
}

static void nothing_moves_without_overload_or_by_itself_where_that_is_switched_off(void)
{
    site_open(2, 2, true);
    for (unsigned n = 0; n < 20; n++)
        CU_ASSERT_FALSE(second_of(DP_BALANCE_BUSY - 1));
    site_close();
    site_open(2, 2, false);
    for (unsigned n = 0; n < 20; n++)
        CU_ASSERT_FALSE(second_of(950));
    site_close();
}

/* Bucket 0 had most until now: it is what the third second brought that counts. */
static void a_sample_is_what_the_last_second_brought(void)
{
    site_open(2, 2, true);
    for (unsigned n = 1; n <= DP_BALANCE_SECONDS; n++) {
        const bool last = n == DP_BALANCE_SECONDS;
        busy(0, 950);
        busy(1, 150);
        works(0, last ? 100 : 45000);
        works(2, last ? 400 : 10000);
        works(4, last ? 500 : 45000);
        CU_ASSERT_EQUAL(second(), last);
    }
    CU_ASSERT_EQUAL(site.last, 2); /* 380 of the gap of 800: nearest to its half */
    site_close();
}

/* One bucket has all that the worker decrypts, and that is half of what it does: it is not the elephant that it would be without what else is received. */
static void packets_that_are_not_of_a_bucket_cost_as_well(void)
{
    site_open(2, 2, true);
    for (unsigned n = 1; n <= DP_BALANCE_SECONDS; n++) {
        busy(0, 950);
        busy(1, 150);
        works(6, 1000);
        shm_worker_stats(&site.dp.shm, 0)->rx_packets += 1000;
        CU_ASSERT_EQUAL(second(), n == DP_BALANCE_SECONDS);
    }
    CU_ASSERT_EQUAL(site.last, 6);
    site_close();
}

/* A worker that does not run yet counts no cycles: nobody asks for more of it than of one that is idle. */
static void a_worker_without_cycles_is_idle(void)
{
    site_open(3, 3, true);
    for (unsigned n = 1; n <= DP_BALANCE_SECONDS; n++) {
        busy(0, 950);
        busy(1, 300);
        for (unsigned b = 0; b < 8; b++)
            works(3 * b, 125);
        CU_ASSERT_EQUAL(second(), n == DP_BALANCE_SECONDS);
    }
    CU_ASSERT_EQUAL(dp_owner_of(&site.dp.owners, site.last), 2);
    site_close();
}

static unsigned shares(unsigned worker)
{
    unsigned n = 0;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        n += dp_owner_of(&site.dp.owners, b) == worker;
    return n;
}

/* `platform rebalance`: at once, whatever the load, as many moves as it takes, and none after that. */
static void a_command_evens_out_the_packets_of_the_last_second(void)
{
    enum { WITH_PACKETS = 30 };
    site_open(3, 1, false);
    for (unsigned b = 0; b < WITH_PACKETS; b++)
        works(b, EACH);
    CU_ASSERT_FALSE(second());
    dp_balance_ask(&site.balance);
    while (look())
        CU_ASSERT_FATAL(site.moves <= CV_BUCKETS);
    CU_ASSERT_FALSE(site.automatic);
    CU_ASSERT_EQUAL(site.moves, WITH_PACKETS * 2 / 3);
    CU_ASSERT_EQUAL(shares(1), WITH_PACKETS / 3);
    CU_ASSERT_EQUAL(shares(2), WITH_PACKETS / 3);
    for (unsigned n = 0; n < 5; n++) /* all packets are of worker 0's buckets again, but nobody asks */
        CU_ASSERT_FALSE(second_of(950));
    site_close();
}

/* Without packets a command moves nothing; workers that came get their number of buckets at once, and their share of the packets once a whole
 * second of these has been counted. */
static void workers_that_came_get_buckets_first_and_their_share_of_packets_later(void)
{
    site_open(2, 1, false);
    dp_balance_ask(&site.balance);
    CU_ASSERT_FALSE(look());
    dp_balance_spread(&site.balance);
    while (look())
        CU_ASSERT_FATAL(site.moves <= CV_BUCKETS);
    CU_ASSERT_EQUAL(shares(0), CV_BUCKETS / 2);
    CU_ASSERT_EQUAL(shares(1), CV_BUCKETS / 2);
    CU_ASSERT_FALSE(second_of(50));
    CU_ASSERT_TRUE(second_of(50));
    while (look())
        CU_ASSERT_FATAL(site.moves <= 2 * CV_BUCKETS);
    /* The packets are shared; of the buckets without any, which are worker 1's, as many come to worker 0. */
    CU_ASSERT_EQUAL(shares(0), CV_BUCKETS / 2);
    unsigned with_packets = 0;
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        with_packets +=
            dp_owner_of(&site.dp.owners, b) == 1 && shm_steer_counts(&site.dp.shm, 0)->worked[b] > 0;
    CU_ASSERT_EQUAL(with_packets, CV_BUCKETS / 4);
    site_close();
}

UNIT_MAIN("dataplane_balance", UNIT_TEST(a_bucket_leaves_an_overloaded_worker_for_the_idlest),
          UNIT_TEST(one_elephant_is_not_sent_to_and_fro), UNIT_TEST(evening_out_ends),
          UNIT_TEST(buckets_without_packets_are_shared_by_their_number),
          UNIT_TEST(buckets_with_packets_are_not_moved_by_their_number),
          UNIT_TEST(the_third_overloaded_second_in_a_row_moves_one_bucket_and_then_it_rests),
          UNIT_TEST(a_second_without_overload_begins_the_count_again),
          UNIT_TEST(nothing_moves_without_overload_or_by_itself_where_that_is_switched_off),
          UNIT_TEST(a_sample_is_what_the_last_second_brought),
          UNIT_TEST(packets_that_are_not_of_a_bucket_cost_as_well),
          UNIT_TEST(a_worker_without_cycles_is_idle),
          UNIT_TEST(a_command_evens_out_the_packets_of_the_last_second),
          UNIT_TEST(workers_that_came_get_buckets_first_and_their_share_of_packets_later))
