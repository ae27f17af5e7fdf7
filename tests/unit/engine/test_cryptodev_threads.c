/* Two workers on a crypto device that fails while both are at work, told by a third thread as a driver's event tells it: every packet comes back, in
 * its order, and the device is stopped once, after both have let go of it. */
#include "dataplane/engine/eng_cryptodev_dev.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "tests/unit/engine/cdev_pair.h"
#include "tests/unit/esp/eal.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <sched.h>
#include <stdatomic.h>

enum { WORKERS = 2, PACKETS = 20000, UNDER_WAY = 256, FAILURES = 12 };

struct lane {
    pthread_t thread;
    struct eng_worker *w;
    struct pair sa;
    struct rte_mempool *pool; /* one for each: DPDK's pools are not compiled for ThreadSanitizer */
    unsigned wrong, lost;
};
static _Atomic unsigned stops, ended;
static void (*real_stop)(uint8_t dev);

static void count_stop(uint8_t dev)
{
    stops++;
    real_stop(dev);
}

static void take_back(struct lane *l, unsigned *back)
{
    struct eng_job done[32];
    const unsigned n = E->poll(l->w, done, 32);
    for (unsigned i = 0; i < n; i++) {
        l->wrong += done[i].seq != (*back)++;
        l->lost += done[i].drop == CV_DROP_CRYPTO_LOST;
        l->wrong += !done[i].op.ok && done[i].drop != CV_DROP_CRYPTO_LOST;
        rte_pktmbuf_free(done[i].m);
    }
}

static struct rte_mempool *pools[WORKERS];

static void *work(void *arg)
{
    struct lane *l = arg;
    pool = l->pool;
    cpu_set_t all; /* not the one core of the environment's main thread, which it inherits */
    CPU_ZERO(&all);
    for (int c = 0; c < CPU_SETSIZE; c++)
        CPU_SET(c, &all);
    (void)pthread_setaffinity_np(pthread_self(), sizeof all, &all);
    unsigned sent = 0, back = 0;
    while (back < PACKETS) {
        struct eng_job job = {.seq = sent, .dir = CV_DIR_OUT};
        if (sent < PACKETS && sent - back < UNDER_WAY) {
            job.m = packet_new(&l->sa.enc_info, 64, sent, &job.op);
            if (l->sa.enc_info.submit(l->w, l->sa.enc, &job, 1) == 1)
                sent++;
            else
                rte_pktmbuf_free(job.m);
        }
        take_back(l, &back);
    }
    ended++;
    while (ended < WORKERS) /* a worker goes on polling: the other waits for it to let go of the device */
        take_back(l, &back);
    return NULL;
}

static void tell(unsigned how)
{
    if (how % 3 == 0)
        cdev_fail(CDEV_FAULT_EVENT);
    else if (how % 3 == 1)
        rte_dev_event_callback_process(rte_cryptodev_name_get(cdev_id()), RTE_DEV_EVENT_REMOVE);
    /* else it does not fail */
}

static void fail_once(unsigned how)
{
    static struct lane lanes[WORKERS];
    struct cv_engine_stats rows[2];
    stops = ended = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        lanes[i] = (struct lane){.pool = pools[i]};
        CU_ASSERT_EQUAL_FATAL(E->worker_new(-1, &lanes[i].w), CV_OK);
        pair_new(&lanes[i].sa, aeads[0], i & 1, i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(lanes[i].sa.enc_info.submit);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&lanes[i].thread, NULL, work, &lanes[i]), 0);
    for (unsigned i = 0; i < 20 + how * 10; i++) { /* the manager's turns beside them */
        rte_delay_us_sleep(100);
        CU_ASSERT_EQUAL(E->report(rows, 2), 2);
    }
    tell(how);
    while (ended < WORKERS) {
        rte_delay_us_sleep(100);
        CU_ASSERT_EQUAL(E->report(rows, 2), 2);
    }
    CU_ASSERT_EQUAL(E->report(rows, 2), 2);
    for (unsigned i = 0; i < WORKERS; i++) {
        (void)pthread_join(lanes[i].thread, NULL);
        CU_ASSERT_EQUAL(lanes[i].wrong, 0);
        CU_ASSERT(lanes[i].lost <= UNDER_WAY);
    }
    CU_ASSERT_EQUAL(cdev_runs(), how % 3 == 2);
    for (unsigned i = 0; i < WORKERS; i++) {
        pair_free(&lanes[i].sa);
        E->worker_free(lanes[i].w);
    }
    CU_ASSERT_EQUAL(stops, how % 3 == 2 ? 0 : 1);
}

static void workers_let_go_of_a_device_that_fails_under_both(void)
{
    char why[256];
    for (unsigned how = 0; how < FAILURES; how++) {
        CU_ASSERT_EQUAL_FATAL(E->start(device, WORKERS, why, sizeof why), CV_OK);
        fail_once(how);
        E->stop();
    }
}

static const struct unit_test tests[] = {UNIT_TEST(workers_let_go_of_a_device_that_fails_under_both)};

int main(void)
{
    device = "crypto_aesni_mb look-aside";
    if (eal_start() < 0)
        return 1;
    real_stop = cdev_calls.stop;
    cdev_calls.stop = count_stop;
    pools[0] = rte_pktmbuf_pool_create("packets0", 1023, 0, 0, ROOM, -1);
    pools[1] = rte_pktmbuf_pool_create("packets1", 1023, 0, 0, ROOM, -1);
    if (!pools[0] || !pools[1] || eng_ipsecmb.worker_new(-1, &mb) != CV_OK)
        return 1;
    int status = unit_run("cryptodev threads", tests, sizeof tests / sizeof tests[0]);
    eng_ipsecmb.worker_free(mb);
    for (unsigned i = 0; i < WORKERS; i++)
        rte_mempool_free(pools[i]);
    rte_eal_cleanup();
    return status;
}
