/* cdev_fault: makes the crypto device of a running culvert-dp fail. Loaded with LD_PRELOAD; culvert-dp itself knows nothing of it.
 *
 * It stands between DPDK's inline calls and the driver (rte_crypto_fp_ops). CULVERT_TEST_CDEV_FAULT names a file; when it appears,
 * the word in it is done, and FILE.done is written:
 *
 *   hang      takes packets, gives nothing back
 *   errors    gives every packet back with an error
 *   event     the driver's error event, while it goes on working
 *   remove    what the kernel's wish to have the device back becomes (RTE_DEV_EVENT_REMOVE) */
#include <errno.h>
#include <pthread.h>
#include <rte_cryptodev.h>
#include <rte_dev.h>
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
static char path[256], done[264];

static uint16_t hang_enqueue(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
    (void)qp;
    (void)ops;
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

static void fail(const char *word)
{
    struct rte_crypto_fp_ops *ops = &rte_crypto_fp_ops[DEVICE];
    real = *ops;
    if (!strcmp(word, "hang")) {
        __atomic_store_n(&ops->dequeue_burst, hang_dequeue, __ATOMIC_RELEASE);
        __atomic_store_n(&ops->enqueue_burst, hang_enqueue, __ATOMIC_RELEASE);
    } else if (!strcmp(word, "errors")) {
        __atomic_store_n(&ops->dequeue_burst, error_dequeue, __ATOMIC_RELEASE);
    } else if (!strcmp(word, "event")) {
        rte_cryptodev_pmd_callback_process(rte_cryptodev_pmd_get_dev(DEVICE), RTE_CRYPTODEV_EVENT_ERROR);
    } else if (!strcmp(word, "remove")) {
        rte_dev_event_callback_process(rte_cryptodev_name_get(DEVICE), RTE_DEV_EVENT_REMOVE);
    } else {
        fprintf(stderr, "cdev_fault: no such failure: %s\n", word);
        return;
    }
    FILE *f = fopen(done, "w");
    if (f)
        fclose(f);
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
    if (pthread_create(&t, NULL, watch, NULL) == 0)
        pthread_detach(t);
}
