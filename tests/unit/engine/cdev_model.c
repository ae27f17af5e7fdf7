#include "tests/unit/engine/cdev_model.h"

#include "dataplane/engine/eng_cryptodev_dev.h"

#include <rte_common.h>
#include <rte_mempool.h>
#include <string.h>

enum { HELD_MAX = 4096 };

struct cdev_model cdev_model;

static struct cdev_calls real;
static struct {
    struct rte_crypto_op *op;
    unsigned wait;
    uint16_t qp;
    bool lost;
} held[HELD_MAX];
static unsigned count;

static uint32_t draw(void)
{
    cdev_model.seed = cdev_model.seed * 1664525u + 1013904223u;
    return cdev_model.seed >> 8;
}

static void hold(struct rte_crypto_op *op, uint16_t qp)
{
    for (unsigned i = 0; i < count; i++)
        cdev_model.violations += held[i].op == op;
    held[count].op = op;
    held[count].qp = qp;
    held[count].lost = cdev_model.taken == cdev_model.lose_at;
    held[count++].wait = cdev_model.delay ? draw() % (cdev_model.delay + 1) : 0;
}

static void work(uint8_t dev, uint16_t qp, struct rte_crypto_op *op)
{
    struct rte_crypto_op *back = NULL;
    if (real.enqueue(dev, qp, &op, 1) != 1)
        return; /* its status says why */
    for (unsigned i = 0; i < 100000 && real.dequeue(dev, qp, &back, 1) == 0; i++)
        ;
    cdev_model.violations += back != op;
}

static uint16_t enqueue(uint8_t dev, uint16_t qp, struct rte_crypto_op **ops, uint16_t n)
{
    cdev_model.violations += cdev_model.stops > 0;
    uint16_t k = 0;
    for (; k < n && !cdev_model.full && count < cdev_model.depth && count < HELD_MAX; k++) {
        cdev_model.taken++;
        if (cdev_model.error_at && cdev_model.taken >= cdev_model.error_at)
            ops[k]->status = RTE_CRYPTO_OP_STATUS_ERROR;
        else if (!cdev_model.hang)
            work(dev, qp, ops[k]);
        hold(ops[k], qp);
    }
    return k;
}

/* An older operation of the same session still waits. */
static bool overtakes(unsigned at)
{
    for (unsigned i = 0; i < at; i++)
        if (!held[i].lost && held[i].op->sym->session == held[at].op->sym->session)
            return true;
    return false;
}

static uint16_t dequeue(uint8_t dev, uint16_t qp, struct rte_crypto_op **ops, uint16_t n)
{
    (void)dev;
    cdev_model.violations += cdev_model.stops > 0;
    uint16_t k = 0;
    if (cdev_model.hang)
        return 0;
    if (cdev_model.per_poll)
        n = (uint16_t)RTE_MIN(n, cdev_model.per_poll);
    for (unsigned i = 0; i < count; i++)
        held[i].wait -= held[i].qp == qp && held[i].wait > 0;
    for (unsigned i = 0; i < count && k < n;) {
        if (held[i].qp != qp || held[i].lost || held[i].wait > 0 || (!cdev_model.mix_all && overtakes(i))) {
            i++;
            continue;
        }
        ops[k++] = held[i].op;
        memmove(&held[i], &held[i + 1], (count - i - 1) * sizeof held[0]);
        count--;
        if (draw() % 4 == 0) /* some more another time */
            break;
    }
    cdev_model.given += k;
    return k;
}

static void compare(struct rte_mempool *mp, void *arg)
{
    const void **want = arg;
    if (mp == *want)
        *want = NULL;
}
static bool is_pool(const struct rte_mempool *mp)
{
    const void *want = mp;
    rte_mempool_walk(compare, &want);
    return want == NULL;
}

static void stop(uint8_t dev)
{
    cdev_model.stops++;
    cdev_model.held_at_stop = count;
    /* What it might still write into must be there. */
    for (unsigned i = 0; i < count; i++)
        cdev_model.violations += !is_pool(held[i].op->mempool);
    count = 0;
    real.stop(dev);
}

void cdev_model_install(void)
{
    memset(&cdev_model, 0, sizeof cdev_model);
    cdev_model.depth = HELD_MAX;
    count = 0;
    real = cdev_calls;
    cdev_calls.enqueue = enqueue;
    cdev_calls.dequeue = dequeue;
    cdev_calls.stop = stop;
}

void cdev_model_remove(void)
{
    cdev_calls = real;
}
