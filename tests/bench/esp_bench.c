/* esp_bench: cycles per packet of ESP encapsulation and decapsulation alone (no ports, no routing), beside the
 * bare ipsec-mb call on as many octets, on the same core in the same run.
 *
 * Usage: esp_bench [EAL-ARGS [-- [--burst N] [--rounds N] [--sas N] [--inner N[,N...]] [--transform gcm|cbc|chacha]]]
 * One line per size: TSC cycles per packet, median (min-max) of the rounds, the same of the bare call over the
 * burst's working set, and the ratio of the bare call to ESP, by medians and by the best rounds. */
#include "dataplane/dp_meta.h"
#include "dataplane/engine/eng_ipsecmb_bare.h"
#include "dataplane/esp/esp.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZES_MAX = 16, ROUNDS_MAX = 999, BURSTS_PER_ROUND = 64 };

struct options {
    unsigned burst, rounds, sizes, sas;
    uint32_t size[SIZES_MAX];
    const char *transform;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void make_sa(const struct options *o, uint32_t spi, struct cv_sa *sa)
{
    memset(sa, 0, sizeof *sa);
    sa->ref.dir = CV_DIR_OUT;
    sa->ref.spi = spi;
    sa->encr = CV_ENCR_AES_GCM_16;
    sa->encr_key_len = 16;
    sa->salt_len = 4;
    if (!strcmp(o->transform, "chacha")) {
        sa->encr = CV_ENCR_CHACHA20_POLY1305;
        sa->encr_key_len = 32;
    } else if (!strcmp(o->transform, "cbc")) {
        sa->encr = CV_ENCR_AES_CBC;
        sa->salt_len = 0;
        sa->integ = CV_INTEG_HMAC_SHA2_256_128;
        sa->integ_key_len = 32;
    }
    sa->replay_window = 1024;
    sa->ts_count = 1;
    sa->ts_local[0] = sa->ts_remote[0] = ts_any(IP_V4);
    if (!ip_addr_parse("192.0.2.1", &sa->local.addr) || !ip_addr_parse("192.0.2.2", &sa->remote.addr))
        exit(1);
}

static void inner_packet(struct rte_mbuf *m, uint32_t len)
{
    static const uint8_t head[20] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
    rte_pktmbuf_reset(m);
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
    memset(p, 0x3c, len);
    memcpy(p, head, sizeof head);
    p[2] = (uint8_t)(len >> 8);
    p[3] = (uint8_t)len;
}

struct bench {
    struct esp_worker w;
    struct esp_out_sa *out[ESP_BURST_MAX];
    struct esp_in_sa *in[ESP_BURST_MAX];
    struct rte_mbuf *pkts[ESP_BURST_MAX];
    struct cv_sa_counters counters[2 * ESP_BURST_MAX];
};

/* BURSTS_PER_ROUND times out and in again; cycles per packet each way. */
static void round_trip(struct bench *b, unsigned burst, double *enc, double *dec)
{
    uint64_t out_cycles = 0, in_cycles = 0;
    for (unsigned i = 0; i < BURSTS_PER_ROUND; i++) {
        uint64_t t0 = rte_rdtsc_precise();
        uint16_t n = esp_out_burst(&b->w, b->pkts, b->out, (uint16_t)burst);
        uint64_t t1 = rte_rdtsc_precise();
        for (unsigned k = 0; k < n; k++) { /* what the worker's classification fills in */
            struct dp_meta *meta = dp_meta(b->pkts[k]);
            meta->family = IP_V4;
            meta->l3_len = 20;
            meta->udp_encap = 0;
        }
        uint64_t t2 = rte_rdtsc_precise();
        uint16_t back = esp_in_burst(&b->w, b->pkts, b->in, n);
        uint64_t t3 = rte_rdtsc_precise();
        if (back != burst) {
            fprintf(stderr, "esp_bench: %u of %u packets came back\n", back, burst);
            exit(1);
        }
        out_cycles += t1 - t0;
        in_cycles += t3 - t2;
    }
    *enc = (double)out_cycles / BURSTS_PER_ROUND / burst;
    *dec = (double)in_cycles / BURSTS_PER_ROUND / burst;
}

/* One round of the bare call on as many octets of text, over as many buffers; 0 where there is none to compare. */
static double bare(const struct options *o, enum cv_dir dir, uint32_t inner)
{
    const struct eng_bare_call call = {CV_ENCR_AES_GCM_16, dir, 16, (inner + 2 + 3) & ~3u, o->burst};
    double c;
    if (strcmp(o->transform, "gcm") ||
        eng_ipsecmb_bare(&call, BURSTS_PER_ROUND * o->burst / 4 + 1, &c) != CV_OK)
        return 0;
    return c;
}

static void report(const char *what, double *esp, double *limit, unsigned n)
{
    qsort(esp, n, sizeof *esp, by_value);
    qsort(limit, n, sizeof *limit, by_value);
    printf("  %s %.1f (%.1f-%.1f)", what, esp[n / 2], esp[0], esp[n - 1]);
    if (limit[0] > 0)
        printf(" bare %.1f (%.1f-%.1f) ratio %.2f best %.2f", limit[n / 2], limit[0], limit[n - 1],
               limit[n / 2] / esp[n / 2], limit[0] / esp[0]);
}

/* Rounds of ESP and of the bare call take turns, so that other load on the machine meets both. */
static void bench_size(struct bench *b, const struct options *o, uint32_t inner)
{
    static double enc[ROUNDS_MAX], dec[ROUNDS_MAX], bare_enc[ROUNDS_MAX], bare_dec[ROUNDS_MAX];
    for (unsigned i = 0; i < o->burst; i++)
        inner_packet(b->pkts[i], inner);
    for (unsigned r = 0; r < o->rounds; r++) {
        round_trip(b, o->burst, &enc[r], &dec[r]);
        bare_enc[r] = bare(o, CV_DIR_OUT, inner);
        bare_dec[r] = bare(o, CV_DIR_IN, inner);
    }
    printf("%5u B", inner);
    report("encap", enc, bare_enc, o->rounds);
    report(" decap", dec, bare_dec, o->rounds);
    printf("\n");
}

static int parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){
        .burst = 256, .rounds = 101, .sizes = 3, .sas = 1, .size = {64, 512, 1420}, .transform = "gcm"};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--burst"))
            o->burst = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--rounds"))
            o->rounds = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--sas"))
            o->sas = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--transform"))
            o->transform = argv[i + 1];
        else if (!strcmp(argv[i], "--inner")) {
            o->sizes = 0;
            for (char *t = strtok(argv[i + 1], ","); t && o->sizes < SIZES_MAX; t = strtok(NULL, ","))
                o->size[o->sizes++] = (uint32_t)atoi(t);
        } else {
            return -1;
        }
    }
    return o->burst && o->burst <= ESP_BURST_MAX && o->rounds && o->rounds <= ROUNDS_MAX && o->sas &&
                   o->sas <= o->burst
               ? 0
               : -1;
}

static int setup(struct bench *b, const struct options *o)
{
    const struct eng_ops *e = eng_by_name("auto");
    char why[160];
    if (e->self_test(why, sizeof why) != CV_OK) /* which lets it choose */
        return -1;
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("bench", 1023, 0, sizeof(struct dp_meta), RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    if (!pool || esp_worker_init(&b->w, e, 0, 0) != CV_OK ||
        rte_pktmbuf_alloc_bulk(pool, b->pkts, o->burst) != 0)
        return -1;
    b->w.sole = true;
    for (unsigned i = 0; i < o->sas; i++) {
        struct cv_sa sa;
        make_sa(o, 4096 + i, &sa);
        if (esp_out_sa_new(&sa, e, 0, &b->counters[2 * i], &b->out[i]) != CV_OK)
            return -1;
        sa.ref.dir = CV_DIR_IN;
        struct ip_endpoint local = sa.local;
        sa.local = sa.remote;
        sa.remote = local;
        if (esp_in_sa_new(&sa, e, 0, &b->counters[2 * i + 1], &b->in[i]) != CV_OK)
            return -1;
    }
    for (unsigned i = o->sas; i < o->burst; i++) { /* packets take turns on the SAs */
        b->out[i] = b->out[i % o->sas];
        b->in[i] = b->in[i % o->sas];
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct options o;
    int eal = rte_eal_init(argc, argv);
    if (eal < 0 || parse(argc - eal, argv + eal, &o) < 0) {
        fprintf(stderr, "usage: esp_bench [EAL-ARGS [-- [--burst N] [--rounds N] [--sas N] [--inner N,N] "
                        "[--transform gcm|cbc|chacha]]]\n");
        return 2;
    }
    if (setup(&b, &o) < 0) {
        fprintf(stderr, "esp_bench: set-up failed\n");
        return 1;
    }
    printf("%s, %s, burst %u, %u SAs, TSC %.0f MHz\n", eng_by_name("auto")->device(), o.transform, o.burst,
           o.sas, (double)rte_get_tsc_hz() / 1e6);
    for (unsigned i = 0; i < o.sizes; i++)
        bench_size(&b, &o, o.size[i]);
    rte_eal_cleanup();
    return 0;
}
