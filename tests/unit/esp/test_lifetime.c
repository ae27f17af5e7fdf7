/* Limits of an SA are exact: no packet passes over one, whatever the burst, the direction, the engine, and how many workers send; what is
 * to be told is told once, in the burst that reached it. Seeded; a failure prints its draw. */
#include "dataplane/esp/esp_ah.h"
#include "tests/unit/esp/esp_fix.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { DRAWS = 400, LEN_MIN = 40, LEN_MAX = 400, WORKERS = 2, ROUNDS = 60, TURNS = 8 };

static uint64_t rng;

static uint64_t draw(uint64_t n)
{
    rng = rng * 6364136223846793005ull + 1442695040888963407ull;
    return (rng >> 33) % n;
}

/* ---- one worker, against a model ---------------------------------------------------------------------------------------- */
struct limits {
    enum cv_dir dir;
    bool bytes, ah;
    uint64_t soft, hard;
    unsigned burst;
};

struct model {
    uint64_t used;
    bool closed;
};

static bool may_pass(struct model *m, const struct limits *l, unsigned len)
{
    const uint64_t n = l->bytes ? len : 1;
    if (m->closed || m->used + n > l->hard) {
        m->closed = true;
        return false;
    }
    m->used += n;
    return true;
}

/* A burst through the limited direction; checks each packet against the model. */
static bool burst(struct fix *f, const struct limits *l, struct model *m)
{
    struct rte_mbuf *pkts[ESP_BURST_MAX];
    struct esp_out_sa *outs[ESP_BURST_MAX];
    struct esp_in_sa *ins[ESP_BURST_MAX];
    unsigned may = 0;
    for (unsigned i = 0; i < l->burst; i++) {
        const unsigned len = LEN_MIN + (unsigned)draw(LEN_MAX - LEN_MIN);
        pkts[i] = fix_inner(f, IP_V4, len, 0);
        outs[i] = f->out;
        ins[i] = f->in;
        may += may_pass(m, l, len);
    }
    uint16_t n = esp_out_burst(&f->w, pkts, outs, (uint16_t)l->burst);
    if (l->dir == CV_DIR_IN) {
        for (unsigned i = 0; i < n; i++)
            fix_classify(pkts[i]);
        n = (l->ah ? esp_ah_in_burst : esp_in_burst)(&f->w, pkts, ins, n);
    }
    bool ok = n == may;
    for (unsigned i = n; i < l->burst; i++)
        ok = ok && dp_meta(pkts[i])->drop == CV_DROP_LIFETIME;
    rte_pktmbuf_free_bulk(pkts, l->burst);
    return ok;
}

static struct limits some_limits(bool ah)
{
    static const unsigned bursts[] = {1, 2, 7, 32, 63, 64, 128, 256};
    struct limits l = {.ah = ah,
                       .dir = draw(2) ? CV_DIR_OUT : CV_DIR_IN,
                       .bytes = draw(2),
                       .burst = bursts[draw(sizeof bursts / sizeof *bursts)]};
    l.hard = 1 + draw(4ull * l.burst) + (l.bytes ? draw(200ull * 4 * l.burst) : 0);
    l.soft = 1 + draw(l.hard);
    return l;
}

static void limits_are_exact_in_every_burst(unsigned transform, bool ah)
{
    for (unsigned k = 0; k < DRAWS; k++) {
        rng = 1000 + k;
        const struct limits l = some_limits(ah);
        struct cv_sa out = fix_sa(transform, IP_V4, 0), in, *sa = l.dir == CV_DIR_OUT ? &out : &in;
        out.proto = ah ? CV_PROTO_AH : CV_PROTO_ESP;
        in = fix_reverse(&out);
        *(l.bytes ? &sa->soft_bytes : &sa->soft_packets) = l.soft;
        *(l.bytes ? &sa->hard_bytes : &sa->hard_packets) = l.hard;
        struct fix f;
        struct model m = {0};
        fix_open2(&f, &out, &in);
        bool ok = true;
        for (unsigned b = 0; b < 8 && ok; b++, f.w.now_tsc++) {
            ok = burst(&f, &l, &m);
            const unsigned softs = fix_events_of(&f, CV_EVT_SA_SOFT),
                           hards = fix_events_of(&f, CV_EVT_SA_HARD);
            /* What is refused at the hard limit may have passed the soft one. */
            ok = ok && (m.used >= l.soft ? softs == 1 : softs <= (m.closed ? 1u : 0u));
            ok = ok && hards == (m.closed || m.used == l.hard);
        }
        const struct cv_sa_counters *c = l.dir == CV_DIR_OUT ? f.out_counters : &f.in_counters;
        ok = ok && m.used <= l.hard && (l.bytes ? c->bytes : c->packets) == m.used;
        if (!ok)
            fprintf(stderr, "draw %u: %s %s soft %llu hard %llu bursts of %u: %llu counted\n", k,
                    l.dir == CV_DIR_OUT ? "out" : "in", l.bytes ? "bytes" : "packets",
                    (unsigned long long)l.soft, (unsigned long long)l.hard, l.burst,
                    (unsigned long long)(l.bytes ? c->bytes : c->packets));
        CU_ASSERT_TRUE(ok);
        fix_close(&f);
    }
}

static void limits_are_exact_with_AEAD(void)
{
    limits_are_exact_in_every_burst(FIX_GCM, false);
}

static void limits_are_exact_with_CBC_and_HMAC(void)
{
    limits_are_exact_in_every_burst(FIX_CBC_SHA256, false);
}

static void limits_are_exact_with_AH(void)
{
    limits_are_exact_in_every_burst(FIX_NULL_SHA1, true);
}

/* RFC 4303 3.3.3: the last number is used, and no other one after it. */
static void numbers_end_exactly(void)
{
    static const unsigned bursts[] = {1, 2, 7, 32, 64, 256};
    for (unsigned k = 0; k < sizeof bursts / sizeof *bursts; k++)
        for (unsigned left = 0; left <= 300; left += 1 + left / 3) {
            struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
            struct fix f;
            sa.seq = UINT32_MAX - left;
            fix_open(&f, &sa);
            unsigned sent = 0;
            uint32_t before = (uint32_t)sa.seq;
            for (unsigned b = 0; b < 400 / bursts[k] + 2; b++, f.w.now_tsc++) {
                struct rte_mbuf *pkts[ESP_BURST_MAX];
                struct esp_out_sa *outs[ESP_BURST_MAX];
                for (unsigned i = 0; i < bursts[k]; i++) {
                    pkts[i] = fix_inner(&f, IP_V4, 60, 0);
                    outs[i] = f.out;
                }
                const uint16_t n = esp_out_burst(&f.w, pkts, outs, (uint16_t)bursts[k]);
                for (unsigned i = 0; i < n; i++) {
                    const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *) + 24;
                    const uint32_t seq =
                        (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
                    CU_ASSERT_TRUE_FATAL(seq == before + 1);
                    before = seq;
                }
                for (unsigned i = n; i < bursts[k]; i++)
                    CU_ASSERT_EQUAL(dp_meta(pkts[i])->drop, CV_DROP_SEQ_EXHAUSTED);
                sent += n;
                rte_pktmbuf_free_bulk(pkts, bursts[k]);
            }
            CU_ASSERT_EQUAL(sent, left);
            CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SEQ), 1);
            fix_close(&f);
        }
}

/* ---- two workers send on one SA ------------------------------------------------------------------------------------- */
struct sender {
    pthread_t thread;
    struct esp_worker w;
    struct esp_out_sa *sa;
    struct rte_mbuf *pkts[64];
    unsigned burst, bursts;
    uint16_t off;
    uint64_t sent;
};
static _Atomic unsigned softs, hards, seqs;

static bool count_event(void *ctx, const struct cv_evt *e)
{
    (void)ctx;
    softs += e->type == CV_EVT_SA_SOFT;
    hards += e->type == CV_EVT_SA_HARD;
    seqs += e->type == CV_EVT_SA_SEQ;
    return true;
}

static void *send_all(void *arg)
{
    struct sender *s = arg;
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int c = 0; c < CPU_SETSIZE; c++)
        CPU_SET(c, &all);
    (void)pthread_setaffinity_np(pthread_self(), sizeof all, &all);
    struct esp_out_sa *sas[64];
    static const uint8_t head[20] = {0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
    for (unsigned b = 0; b < s->bursts; b++) {
        struct rte_mbuf *pkts[64];
        for (unsigned i = 0; i < s->burst; i++) {
            pkts[i] = s->pkts[i];
            sas[i] = s->sa;
            pkts[i]->data_off = s->off;
            pkts[i]->data_len = 60;
            pkts[i]->pkt_len = 60;
            memcpy(rte_pktmbuf_mtod(pkts[i], void *), head, sizeof head);
        }
        s->w.now_tsc++;
        s->sent += esp_out_burst(&s->w, pkts, sas, (uint16_t)s->burst);
        if (b % (s->bursts / TURNS + 1) == 0) /* on a busy machine each is a time slice of somebody else */
            sched_yield();
    }
    return NULL;
}

static uint64_t two_send(struct cv_sa *sa, unsigned burst, unsigned bursts)
{
    static struct sender senders[WORKERS];
    struct fix f;
    uint64_t sent = 0;
    fix_open(&f, sa);
    softs = hards = seqs = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        struct sender *s = &senders[i];
        s->sa = f.out;
        s->burst = burst;
        s->bursts = bursts;
        s->sent = 0;
        CU_ASSERT_EQUAL_FATAL(esp_worker_init(&s->w, fix_engine(), i, -1), CV_OK);
        s->w.event = count_event;
        for (unsigned k = 0; k < burst; k++)
            s->pkts[k] = fix_inner(&f, IP_V4, 60, 0);
        s->off = s->pkts[0]->data_off;
    }
    for (unsigned i = 0; i < WORKERS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(senders[i].thread, NULL);
        esp_worker_fini(&senders[i].w);
        rte_pktmbuf_free_bulk(senders[i].pkts, burst);
        sent += senders[i].sent;
    }
    fix_close(&f);
    return sent;
}

static void two_workers_together_keep_to_the_limits(void)
{
    static const unsigned bursts[] = {1, 3, 32, 64};
    for (unsigned k = 0; k < ROUNDS; k++) {
        rng = 77 + k;
        const unsigned b = bursts[k % 4], rounds = 2000 / b;
        const uint64_t limit = 1 + draw(1000);
        struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
        sa.hard_packets = limit;
        sa.soft_packets = 1 + draw(limit);
        CU_ASSERT_EQUAL(two_send(&sa, b, rounds), limit);
        CU_ASSERT_TRUE(softs == 1 && hards == 1);
        sa.soft_packets = sa.hard_packets = 0;
        sa.hard_bytes = limit * 60 + draw(60);
        sa.soft_bytes = 1 + draw(sa.hard_bytes);
        CU_ASSERT_EQUAL(two_send(&sa, b, rounds), limit); /* packets of 60 octets; the next one has no room */
        CU_ASSERT_TRUE(softs == 1 && hards == 1);
        sa.soft_bytes = sa.hard_bytes = 0;
        sa.seq = UINT32_MAX - limit;
        CU_ASSERT_EQUAL(two_send(&sa, b, rounds), limit);
        CU_ASSERT_EQUAL(seqs, 1);
    }
}

UNIT_MAIN_EAL("esp_lifetime", UNIT_TEST(limits_are_exact_with_AEAD),
              UNIT_TEST(limits_are_exact_with_CBC_and_HMAC), UNIT_TEST(limits_are_exact_with_AH),
              UNIT_TEST(numbers_end_exactly), UNIT_TEST(two_workers_together_keep_to_the_limits))
