/* cdev_fault: makes the crypto device of a running culvert-dp fail. Loaded with LD_PRELOAD; culvert-dp itself knows nothing of it.
 *
 * It stands between DPDK's inline calls and the driver (rte_crypto_fp_ops). CULVERT_TEST_CDEV_FAULT names a file; when it appears,
 * whole (it is renamed to that), the word in it is done, and FILE.done is written:
 *
 *   hang      takes packets, gives nothing back; FILE.done comes with the first that it has taken
 *   hang-end  the same, and then culvert-dp is told to end, by the worker whose packet it is. When the device is stopped, FILE.stopped
 *             is written: how many ms after the first packet, and how many packets are in the device
 *   errors    gives every packet back with an error
 *   event     the driver's error event, while it goes on working
 *   remove    what the kernel's wish to have the device back becomes (RTE_DEV_EVENT_REMOVE) */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEVICE = 0, LOOK_NS = 2000000 };

/* Drivers' side of librte_cryptodev, whose header is in no package. */
struct rte_cryptodev;
struct rte_cryptodev *rte_cryptodev_pmd_get_dev(uint8_t dev_id);
void rte_cryptodev_pmd_callback_process(struct rte_cryptodev *dev, enum rte_cryptodev_event_type event);

static struct rte_crypto_fp_ops real;
static char path[256], done[264], stopped[264];
static bool ends;
static unsigned held;       /* atomic: packets that a hanging device has taken */
static uint64_t held_since; /* ns; atomic */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void say_done(void)
{
    FILE *f = fopen(done, "w");
    if (f)
        fclose(f);
}

static uint16_t hang_enqueue(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
    (void)qp;
    (void)ops;
    if (n == 0 || __atomic_fetch_add(&held, n, __ATOMIC_ACQ_REL) > 0)
        return n;
    __atomic_store_n(&held_since, now_ns(), __ATOMIC_RELEASE);
    say_done();
    if (ends)
        raise(SIGTERM); /* its handler has run when this returns */
    return n;
}
static uint16_t hang_dequeue(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
    (void)qp;
    (void)ops;
    (void)n;
    return 0;
}
static uint16_t error_dequeue(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
    const uint16_t k = real.dequeue_burst(qp, ops, n);
    for (uint16_t i = 0; i < k; i++)
        ops[i]->status = RTE_CRYPTO_OP_STATUS_ERROR;
    return k;
}

/* In front of the library's. */
void rte_cryptodev_stop(uint8_t id)
{
    void (*stop)(uint8_t) = NULL;
    *(void **)&stop = dlsym(RTLD_NEXT, "rte_cryptodev_stop");
    const uint64_t since = __atomic_load_n(&held_since, __ATOMIC_ACQUIRE);
    FILE *f = ends && since > 0 ? fopen(stopped, "w") : NULL;
    if (f) {
        fprintf(f, "%llu %u\n", (unsigned long long)(now_ns() - since) / 1000000,
                __atomic_load_n(&held, __ATOMIC_RELAXED));
        fclose(f);
    }
    stop(id);
}

static void fail(const char *word)
{
    struct rte_crypto_fp_ops *ops = &rte_crypto_fp_ops[DEVICE];
    real = *ops;
    if (!strncmp(word, "hang", 4)) {
        ends = !strcmp(word, "hang-end");
        __atomic_store_n(&ops->dequeue_burst, hang_dequeue, __ATOMIC_RELEASE);
        __atomic_store_n(&ops->enqueue_burst, hang_enqueue, __ATOMIC_RELEASE);
        return;
    }
    if (!strcmp(word, "errors")) {
        __atomic_store_n(&ops->dequeue_burst, error_dequeue, __ATOMIC_RELEASE);
    } else if (!strcmp(word, "event")) {
        rte_cryptodev_pmd_callback_process(rte_cryptodev_pmd_get_dev(DEVICE), RTE_CRYPTODEV_EVENT_ERROR);
    } else if (!strcmp(word, "remove")) {
        rte_dev_event_callback_process(rte_cryptodev_name_get(DEVICE), RTE_DEV_EVENT_REMOVE);
    } else {
        fprintf(stderr, "cdev_fault: no such failure: %s\n", word);
        return;
    }
    say_done();
}

static void *watch(void *arg)
{
    const struct timespec t = {0, LOOK_NS};
    char word[16];
    for (;;) {
        nanosleep(&t, NULL);
        FILE *f = fopen(path, "r");
        if (!f)
            continue;
        const int words = fscanf(f, "%15s", word);
        fclose(f);
        unlink(path);
        if (words == 1)
            fail(word);
    }
    return arg;
}

__attribute__((constructor)) static void start(void)
{
    const char *where = getenv("CULVERT_TEST_CDEV_FAULT");
    pthread_t t;
    if (!where || strcmp(program_invocation_short_name, "culvert-dp") != 0)
        return;
    snprintf(path, sizeof path, "%s", where);
    snprintf(done, sizeof done, "%s.done", path);
    snprintf(stopped, sizeof stopped, "%s.stopped", path);
    if (pthread_create(&t, NULL, watch, NULL) == 0)
        pthread_detach(t);
}
