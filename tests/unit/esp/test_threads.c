/* Two workers send on one SA while the manager changes its peer: numbers are never given twice (with a counter
 * as the AEAD's nonce that would give the key away), and no packet goes to half of one peer and half of another. */
#include "tests/unit/esp/esp_fix.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { WORKERS = 2, BURSTS = 300000, BURST = 2, NUMBERS = WORKERS * BURSTS * BURST };

static _Atomic uint8_t taken[NUMBERS + 1];
static _Atomic unsigned twice, mixed, lost, running;
static struct esp_out_sa *shared;

struct sender {
    pthread_t thread;
    struct esp_worker w;
    struct rte_mbuf *pkts[BURST];
    uint16_t off;
};

static void check_packet(const uint8_t *p)
{
    static const uint8_t first[8] = {192, 0, 2, 2, 0x11, 0x94, 0x11, 0x94},
                         second[8] = {198, 51, 100, 9, 0x11, 0x94, 0x30, 0x39};
    uint8_t peer[8];
    memcpy(peer, p + 16, 8); /* destination address, then the two ports */
    if ((memcmp(peer, first, 8) && memcmp(peer, second, 8)) || fix_sum(p, 20))
        mixed++;
    uint32_t seq = (uint32_t)p[32] << 24 | (uint32_t)p[33] << 16 | (uint32_t)p[34] << 8 | p[35];
    if (seq == 0 || seq > NUMBERS || atomic_exchange(&taken[seq], 1))
        twice++;
}

static void *send_all(void *arg)
{
    struct sender *s = arg;
    cpu_set_t all; /* not the one core of the environment's main thread, which it inherits */
    CPU_ZERO(&all);
    for (int c = 0; c < CPU_SETSIZE; c++)
        CPU_SET(c, &all);
    (void)pthread_setaffinity_np(pthread_self(), sizeof all, &all);
    struct esp_out_sa *sas[BURST];
    static const uint8_t head[20] = {0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
    for (unsigned i = 0; i < BURST; i++)
        sas[i] = shared;
    for (unsigned b = 0; b < BURSTS; b++) {
        for (unsigned i = 0; i < BURST; i++) {
            s->pkts[i]->data_off = s->off;
            s->pkts[i]->data_len = 60;
            s->pkts[i]->pkt_len = 60;
            memcpy(rte_pktmbuf_mtod(s->pkts[i], void *), head, sizeof head);
        }
        if (esp_out_burst(&s->w, s->pkts, sas, BURST) != BURST)
            lost++;
        for (unsigned i = 0; i < BURST; i++)
            check_packet(rte_pktmbuf_mtod(s->pkts[i], const uint8_t *));
    }
    running--;
    return NULL;
}

static void RFC_4106_3_1_numbers_are_unique_over_workers_and_templates_are_whole(void)
{
    static struct sender senders[WORKERS];
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    shared = f.out;
    struct ip_endpoint peers[2] = {sa.remote, {.port = 12345}};
    CU_ASSERT_FATAL(ip_addr_parse("198.51.100.9", &peers[1].addr));
    running = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++) {
        CU_ASSERT_EQUAL_FATAL(esp_worker_init(&senders[i].w, fix_engine(), i, -1), CV_OK);
        for (unsigned k = 0; k < BURST; k++)
            senders[i].pkts[k] = fix_inner(&f, IP_V4, 60, 0);
        senders[i].off = senders[i].pkts[0]->data_off;
    }
    for (unsigned i = 0; i < WORKERS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    for (unsigned n = 1; running; n++) {
        if (esp_out_sa_set_peer(f.out, &peers[n & 1]) != CV_OK)
            CU_FAIL("set_peer");
        if (n % 256 == 0)
            sched_yield(); /* where there are fewer cores than threads */
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(senders[i].thread, NULL);
        esp_worker_fini(&senders[i].w);
        rte_pktmbuf_free_bulk(senders[i].pkts, BURST);
        CU_ASSERT_EQUAL(f.out_counters[i].packets, BURSTS * BURST);
    }
    CU_ASSERT_EQUAL(twice, 0);
    CU_ASSERT_EQUAL(mixed, 0);
    CU_ASSERT_EQUAL(lost, 0);
    CU_ASSERT_EQUAL(esp_out_sa_seq(f.out), NUMBERS);
    fix_close(&f);
}

UNIT_MAIN_EAL("esp_threads", UNIT_TEST(RFC_4106_3_1_numbers_are_unique_over_workers_and_templates_are_whole))
