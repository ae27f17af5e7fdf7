/* cryptodev_bench: what a crypto device costs a core per packet, through the engine cryptodev, beside the software that `auto` takes.
 *
 * Usage: cryptodev_bench DEVICE [rounds]; DEVICE as behind `crypto-engine cryptodev`, "crypto_openssl look-aside". Encrypts packets in
 * mbufs, in bursts of 32, with so many under way (look-aside) or at once (cpu: no depth). TSC cycles per packet: the median of `rounds`
 * slices of 2048 packets, software and device in turn, in brackets the least and the upper quartile. */
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_cryptodev.h"
#include "tests/unit/esp/eal.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BURST = 32, PACKETS = 2048, FRONT = 64, ROUNDS_MAX = 1001 };

static const struct eng_ops *const E = &eng_cryptodev;
static struct rte_mbuf *pkts[PACKETS];

struct probe {
    struct eng_worker *w;
    struct eng_session *s;
    struct eng_session_info info;
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct eng_op op_of(unsigned i, uint32_t size, uint64_t iv)
{
    return (struct eng_op){
        .esp = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, FRONT), .data_len = size, .iv = iv};
}

static double by_burst(const struct probe *p, uint32_t size)
{
    struct eng_op ops[BURST];
    const uint64_t start = rte_rdtsc_precise();
    for (unsigned i = 0; i < PACKETS; i += BURST) {
        for (unsigned k = 0; k < BURST; k++)
            ops[k] = op_of(i + k, size, i + k);
        p->info.burst(p->w, p->s, ops, BURST);
    }
    return (double)(rte_rdtsc_precise() - start) / PACKETS;
}

static double by_submit(const struct probe *p, uint32_t size, unsigned depth)
{
    struct eng_job jobs[BURST], done[64];
    unsigned sent = 0, back = 0;
    const uint64_t start = rte_rdtsc_precise();
    while (back < PACKETS) {
        if (sent < PACKETS && sent - back + BURST <= depth) {
            for (unsigned k = 0; k < BURST; k++)
                jobs[k] = (struct eng_job){
                    .op = op_of(sent + k, size, sent + k), .m = pkts[sent + k], .dir = CV_DIR_OUT};
            sent += p->info.submit(p->w, p->s, jobs, BURST);
        }
        back += E->poll(p->w, done, 64);
    }
    return (double)(rte_rdtsc_precise() - start) / PACKETS;
}

static void print(const char *transform, uint32_t size, const char *what, double *v, unsigned n, double other)
{
    qsort(v, n, sizeof *v, ascending);
    printf("%-20s %5u B  %-22s %7.0f cycles [%.0f .. %.0f]", transform, size, what, v[n / 2], v[0],
           v[n * 3 / 4]);
    if (other > 0)
        printf("  x%.2f", other / v[n / 2]);
    printf("\n");
}

static int measure(struct probe *dev, struct probe *soft, const char *name, const struct cv_sa *sa,
                   uint32_t size, unsigned rounds)
{
    static const unsigned depths[] = {32, 256, 1024};
    static double s[ROUNDS_MAX], d[3][ROUNDS_MAX];
    if (E->session_new(sa, -1, &dev->s, &dev->info) != CV_OK ||
        eng_auto.session_new(sa, -1, &soft->s, &soft->info) != CV_OK)
        return 1;
    const unsigned ways = dev->info.submit ? 3 : 1;
    for (unsigned r = 0; r < rounds; r++) {
        s[r] = by_burst(soft, size);
        for (unsigned k = 0; k < ways; k++)
            d[k][r] = dev->info.submit ? by_submit(dev, size, depths[k]) : by_burst(dev, size);
    }
    print(name, size, "software", s, rounds, 0);
    for (unsigned k = 0; k < ways; k++) {
        char what[32];
        snprintf(what, sizeof what, dev->info.submit ? "device, %u under way" : "device", depths[k]);
        print(name, size, eng_cryptodev_offloads(sa) ? what : "not on the device", d[k], rounds,
              s[rounds / 2]);
    }
    E->session_free(dev->s);
    eng_auto.session_free(soft->s);
    return 0;
}

static int packets_make(void)
{
    struct rte_mempool *pool = rte_pktmbuf_pool_create("packets", PACKETS, 0, 0, 2048, -1);
    if (!pool || rte_pktmbuf_alloc_bulk(pool, pkts, PACKETS) != 0)
        return 1;
    for (unsigned i = 0; i < PACKETS; i++)
        memset(rte_pktmbuf_append(pkts[i], 1900), (int)i, 1900);
    return 0;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {64, 512, 1408};
    static const struct {
        const char *name;
        struct cv_sa sa;
    } rows[] = {
        {"esp-gcm-128",
         {.encr = CV_ENCR_AES_GCM_16, .encr_key_len = 16, .salt_len = 4, .ref = {.dir = CV_DIR_OUT}}},
        {"esp-aes-128-sha256",
         {.encr = CV_ENCR_AES_CBC,
          .encr_key_len = 16,
          .integ = CV_INTEG_HMAC_SHA2_256_128,
          .integ_key_len = 32,
          .ref = {.dir = CV_DIR_OUT}}},
    };
    char why[256] = "";
    struct probe dev, soft;
    const int rounds = argc > 2 ? atoi(argv[2]) : 51;
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: cryptodev_bench DEVICE [rounds]\n");
        return 2;
    }
    if (eal_start() < 0)
        return 1;
    if (E->start(argv[1], 1, why, sizeof why) != CV_OK || E->self_test(why, sizeof why) != CV_OK ||
        eng_auto.self_test(why, sizeof why) != CV_OK) { /* which lets it choose */
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    if (packets_make() || E->worker_new(-1, &dev.w) != CV_OK || eng_auto.worker_new(-1, &soft.w) != CV_OK)
        return 1;
    printf("%s; software: %s; TSC %.0f MHz\n", E->device(), eng_auto.device(),
           (double)rte_get_tsc_hz() / 1e6);
    int status = 0;
    for (unsigned t = 0; t < sizeof rows / sizeof rows[0]; t++)
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            status |= measure(&dev, &soft, rows[t].name, &rows[t].sa, sizes[i], (unsigned)rounds);
    E->worker_free(dev.w);
    eng_auto.worker_free(soft.w);
    E->stop();
    rte_eal_cleanup();
    return status;
}
