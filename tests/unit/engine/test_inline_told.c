/* What NICs say on threads of their own: each event reaches the manager, none that is about another session does, and threads that set bits
 * while the manager takes them and gives slots to others see no state but whole ones (run under ThreadSanitizer, too). */
#include "dataplane/engine/eng_inline_told.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { DRIVERS = 3, ROUNDS = 400, ROUNDS_MOST = 1000000, LIVE = 8 }; /* a look at all slots takes its time */

struct heard {
    void *owner[64];
    unsigned events[64], count;
};

static void hear(void *ctx, void *owner, unsigned events)
{
    struct heard *h = ctx;
    h->owner[h->count] = owner;
    h->events[h->count++] = events;
}

static void one_after_another(void)
{
    int a, b;
    struct told *t;
    struct heard h = {.count = 0};
    CU_ASSERT_EQUAL_FATAL(told_new(&t), CV_OK);
    const uint64_t of_a = told_take(t, &a, 7), of_b = told_take(t, &b, 7);
    CU_ASSERT_NOT_EQUAL(of_a, 0);
    CU_ASSERT_NOT_EQUAL(of_a, of_b);
    CU_ASSERT_PTR_EQUAL(told_owner(t, of_a), &a);
    CU_ASSERT_EQUAL(told_spi(t, of_a), 7);
    CU_ASSERT_EQUAL(told_spi(t, of_a + 5), 0);
    CU_ASSERT_TRUE(told_set(t, of_a, 0));
    CU_ASSERT_TRUE(told_set(t, of_a, 7));
    CU_ASSERT_TRUE(told_set(t, of_b, 3));
    told_each(t, hear, &h);
    CU_ASSERT_EQUAL_FATAL(h.count, 2);
    CU_ASSERT_PTR_EQUAL(h.owner[0], &a);
    CU_ASSERT_EQUAL(h.events[0], 0x81);
    CU_ASSERT_EQUAL(h.events[1], 0x08);
    told_each(t, hear, &h);
    CU_ASSERT_EQUAL(h.count, 2);
    CU_ASSERT_TRUE(told_set(t, of_a, 1)); /* and before it is heard the session goes */
    told_drop(t, of_a);
    CU_ASSERT_PTR_NULL(told_owner(t, of_a));
    CU_ASSERT_EQUAL(told_spi(t, of_a), 0);
    CU_ASSERT_FALSE(told_set(t, of_a, 1));
    told_drop(t, of_a); /* of nobody */
    CU_ASSERT_FALSE(told_set(t, 0, 1));
    CU_ASSERT_FALSE(told_set(t, UINT64_MAX, 1));
    CU_ASSERT_FALSE(told_set(t, of_b ^ (uint64_t)1 << TOLD_BITS, 1));
    told_each(t, hear, &h);
    CU_ASSERT_EQUAL(h.count, 2);
    told_free(t);
}

/* A slot that was given again answers to its new name only. */
static void all_slots(void)
{
    int owner;
    struct told *t;
    CU_ASSERT_EQUAL_FATAL(told_new(&t), CV_OK);
    uint64_t first = told_take(t, &owner, 7), last = first;
    for (unsigned i = 1; i < TOLD_SLOTS; i++)
        last = told_take(t, &owner, 7);
    CU_ASSERT_NOT_EQUAL(last, 0);
    CU_ASSERT_EQUAL(told_take(t, &owner, 7), 0);
    told_drop(t, first);
    const uint64_t again = told_take(t, &owner, 7);
    CU_ASSERT_NOT_EQUAL(again, first);
    CU_ASSERT_EQUAL(again & (TOLD_SLOTS - 1), first & (TOLD_SLOTS - 1));
    CU_ASSERT_FALSE(told_set(t, first, 0));
    CU_ASSERT_TRUE(told_set(t, again, 0));
    told_free(t);
}

/* ---- threads --------------------------------------------------------------------------------------------------- */
static struct told *shared;
static _Atomic uint64_t names[LIVE]; /* what drivers have been given with sessions */
static _Atomic bool stop;

static void *driver(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    while (!atomic_load(&stop)) {
        const unsigned i = (unsigned)rand_r(&seed) % LIVE;
        (void)told_set(shared, atomic_load(&names[i]), (unsigned)rand_r(&seed) % 5);
    }
    return NULL;
}

struct watch {
    int owners[LIVE];
    unsigned heard, foreign;
};

static void watch(void *ctx, void *owner, unsigned events)
{
    struct watch *w = ctx;
    const int *o = owner;
    w->heard++;
    w->foreign += o < w->owners || o >= w->owners + LIVE || events == 0 || events >= 1 << 5;
}

static void drivers_and_manager(void)
{
    struct watch w = {.heard = 0};
    pthread_t t[DRIVERS];
    CU_ASSERT_EQUAL_FATAL(told_new(&shared), CV_OK);
    for (unsigned i = 0; i < LIVE; i++)
        atomic_store(&names[i], told_take(shared, &w.owners[i], 7));
    for (uintptr_t i = 0; i < DRIVERS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&t[i], NULL, driver, (void *)(i + 1)), 0);
    for (unsigned n = 0; n < ROUNDS || (w.heard < ROUNDS && n < ROUNDS_MOST); n++) {
        const unsigned i = n % LIVE;
        sched_yield();
        told_each(shared, watch, &w);
        if (n % 7 == 0) {
            told_drop(shared, atomic_load(&names[i]));
            atomic_store(&names[i], told_take(shared, &w.owners[i], 7));
        }
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < DRIVERS; i++)
        pthread_join(t[i], NULL);
    CU_ASSERT_EQUAL(w.foreign, 0);
    CU_ASSERT_TRUE(w.heard > 0);
    struct watch last = {.heard = 0};
    for (unsigned i = 0; i < LIVE; i++) /* with nobody else about, what is set is heard: once */
        CU_ASSERT_TRUE(told_set(shared, atomic_load(&names[i]), 4));
    told_each(shared, watch, &w);
    w.heard = 0;
    told_each(shared, watch, &last);
    CU_ASSERT_EQUAL(last.heard, 0);
    told_free(shared);
}

int main(void)
{
    static const struct unit_test tests[] = {UNIT_TEST(one_after_another), UNIT_TEST(all_slots),
                                             UNIT_TEST(drivers_and_manager)};
    return unit_run("inline told", tests, sizeof tests / sizeof tests[0]);
}
