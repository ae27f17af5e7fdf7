/* The token bucket: never more than a burst and the rate in any span of time, and no less; by a virtual clock. */
#include "dataplane/ip/ip_police.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>

static const uint64_t hz[] = {1000000000, 2445000000, 5200000000};
static const uint64_t rates[] = {8000, 64000, 1000000, 333333333, 10000000000, 400000000000};
enum { RATES = sizeof rates / sizeof rates[0], CLOCKS = sizeof hz / sizeof hz[0] };

static void a_full_bucket_lets_the_burst_pass_and_no_octet_more(void)
{
    for (unsigned r = 0; r < RATES; r++)
        for (unsigned c = 0; c < CLOCKS; c++) {
            struct ip_police p;
            ip_police_set(&p, rates[r], 15000, hz[c]);
            for (unsigned i = 0; i < 10; i++)
                CU_ASSERT(ip_police_pass(&p, 1500, hz[c]));
            CU_ASSERT_FALSE(ip_police_pass(&p, 1, hz[c]) && ip_police_pass(&p, 64, hz[c]));
            ip_police_set(&p, rates[r], 15000, hz[c]);
            CU_ASSERT_FALSE(ip_police_pass(&p, 15001 + 10, hz[c])); /* larger than the bucket: never */
        }
}

static void an_empty_bucket_fills_at_the_rate(void)
{
    struct ip_police p;
    ip_police_set(&p, 8000000, 10000, 1000000000); /* an octet each microsecond */
    uint64_t now = 1000000000;
    CU_ASSERT(ip_police_pass(&p, 10000, now));
    CU_ASSERT_FALSE(ip_police_pass(&p, 100, now + 99999));
    CU_ASSERT(ip_police_pass(&p, 100, now + 100000));
    CU_ASSERT_FALSE(ip_police_pass(&p, 1, now + 100999));
    CU_ASSERT(ip_police_pass(&p, 10000, now + 100000000)); /* long idle: one burst, not more */
    CU_ASSERT_FALSE(ip_police_pass(&p, 1, now + 100000000));
}

static uint64_t rng;
static uint32_t draw(uint32_t below)
{
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(rng >> 33) % below;
}

/* Of twice the rate: at any time at most burst + rate * time has passed, and at least rate * time. */
static void random_traffic_gets_burst_and_rate_exactly(void)
{
    for (unsigned r = 0; r < RATES; r++)
        for (unsigned c = 0; c < CLOCKS; c++) {
            const uint32_t burst = 20000;
            struct ip_police p;
            rng = r * 7 + c;
            ip_police_set(&p, rates[r], burst, hz[c]);
            const uint64_t start = hz[c];
            const double per_cycle = (double)rates[r] / 8 / (double)hz[c];
            const uint64_t gap = (uint64_t)(400 / per_cycle) + 1; /* twice the rate is offered */
            uint64_t now = start;
            double passed = 0;
            unsigned over = 0, under = 0;
            for (unsigned i = 0; i < 100000; i++) {
                uint32_t len = 64 + draw(1437);
                passed += ip_police_pass(&p, len, now) ? len : 0;
                double most = burst + per_cycle * (double)(now - start);
                over += passed > most * 1.005 + 1;
                under +=
                    passed < (most - burst) * 0.999 - 3000; /* some time is lost on a bucket still full */
                now += draw((uint32_t)gap * 2 - 1);
            }
            CU_ASSERT_EQUAL(over, 0);
            CU_ASSERT_EQUAL(under, 0);
        }
}

static void the_clock_may_wrap_and_the_bucket_may_be_idle_for_months(void)
{
    struct ip_police p;
    ip_police_set(&p, 8000000, 10000, 1000000000);
    for (uint64_t tsc = UINT64_C(1) << 50; tsc < UINT64_C(1) << 62; tsc += tsc / 3) {
        CU_ASSERT(ip_police_pass(&p, 10000, tsc)); /* full again, however long ago it was emptied */
        CU_ASSERT_FALSE(ip_police_pass(&p, 10, tsc));
        CU_ASSERT_FALSE(
            ip_police_pass(&p, 10, tsc - 1000000)); /* another worker's clock, a millisecond behind */
    }
}

static void without_a_rate_everything_passes(void)
{
    struct ip_police p = {0};
    for (unsigned i = 0; i < 1000; i++)
        CU_ASSERT(ip_police_pass(&p, 65535, 5));
}

/* Four workers at one moment: together one burst. */
static struct ip_police shared;
static void *drain(void *arg)
{
    uint64_t *octets = arg;
    for (unsigned i = 0; i < 100000; i++)
        *octets += ip_police_pass(&shared, 100, 1000000000) ? 100 : 0;
    return NULL;
}

static void workers_share_one_bucket(void)
{
    pthread_t t[4];
    uint64_t octets[4] = {0};
    ip_police_set(&shared, 1000000, 1000000, 1000000000);
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&t[i], NULL, drain, &octets[i]), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    CU_ASSERT_EQUAL(octets[0] + octets[1] + octets[2] + octets[3], 1000000);
}

UNIT_MAIN("police", UNIT_TEST(a_full_bucket_lets_the_burst_pass_and_no_octet_more),
          UNIT_TEST(an_empty_bucket_fills_at_the_rate), UNIT_TEST(random_traffic_gets_burst_and_rate_exactly),
          UNIT_TEST(the_clock_may_wrap_and_the_bucket_may_be_idle_for_months),
          UNIT_TEST(without_a_rate_everything_passes), UNIT_TEST(workers_share_one_bucket))
