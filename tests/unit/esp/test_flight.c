/* ESP through a crypto device: packets come back a turn later, in order, whatever the device does with them; SAs live until
 * their packets have. */
#include "dataplane/dp_rcu.h"
#include "dataplane/engine/eng_cryptodev.h"
#include "dataplane/engine/eng_cryptodev_dev.h"
#include "tests/unit/engine/cdev_model.h"
#include "tests/unit/esp/esp_fix.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <sched.h>
#include <stdatomic.h>

enum { BURST = 32, SAS = 3, LEN = 100, MARK = 28 /* where a packet says which it is */ };

static const struct eng_ops *const E = &eng_cryptodev;
static struct rte_mempool *pool;

struct end {
    struct esp_out_sa *out;
    struct esp_in_sa *in;
    struct cv_sa_counters out_counters[1], in_counters;
};

static void end_open(struct end *e, unsigned transform, uint32_t flags, uint32_t spi)
{
    struct cv_sa out = fix_sa(transform, IP_V4, flags), in;
    memset(e, 0, sizeof *e);
    out.ref.spi = spi;
    out.replay_window = 4096;
    in = fix_reverse(&out);
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&out, E, -1, e->out_counters, &e->out), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&in, E, -1, &e->in_counters, &e->in), CV_OK);
}
static void end_close(struct end *e)
{
    esp_out_sa_free(e->out);
    esp_in_sa_free(e->in);
}

static void start(struct esp_worker *w)
{
    char why[256] = "";
    CU_ASSERT_EQUAL_FATAL(E->start("crypto_openssl", 1, why, sizeof why), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(w, E, 0, -1), CV_OK);
    CU_ASSERT_FATAL(w->asynchronous);
    cdev_model_install();
}
static void stop(struct esp_worker *w)
{
    cdev_model_remove();
    esp_worker_fini(w);
    E->stop();
}

static struct rte_mbuf *packet(uint32_t n)
{
    struct fix f = {.pool = pool};
    struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0);
    memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, MARK), &n, sizeof n);
    return m;
}
static uint32_t mark_of(const struct rte_mbuf *m)
{
    uint32_t n;
    memcpy(&n, rte_pktmbuf_mtod_offset(m, const uint8_t *, MARK), sizeof n);
    return n;
}

static uint32_t seq_of(const struct rte_mbuf *m)
{
    const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, 24);
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static uint32_t spi_of(const struct rte_mbuf *m)
{
    const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, 20);
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What a stream of packets through both directions came to. */
struct came {
    unsigned back, lost, forged, replayed, crypto;
    uint32_t last[SAS];         /* mark of the last of each SA */
    uint8_t number[SAS][20001]; /* sequence numbers that went out */
};

/* Packets that left go in again, some forged, some twice. */
static void into(struct esp_worker *w, struct end *e, struct rte_mbuf **pkts, unsigned n, struct came *c,
                 uint32_t *forge)
{
    struct rte_mbuf *in[2 * ESP_POLL_MAX];
    struct esp_in_sa *sas[2 * ESP_POLL_MAX];
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++) {
        const unsigned sa = spi_of(pkts[i]) - FIX_SPI;
        CU_ASSERT_FATAL(sa < SAS);
        CU_ASSERT_EQUAL(c->number[sa][seq_of(pkts[i])]++, 0);
        fix_classify(pkts[i]);
        if (++*forge % 50 == 0) {
            rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, pkts[i]->data_len)[-1] ^= 1;
        } else if (*forge % 50 == 25) {
            struct fix f = {.pool = pool};
            struct rte_mbuf *twin = fix_copy(&f, pkts[i]);
            fix_classify(twin);
            sas[k] = e[sa].in;
            in[k++] = twin;
        }
        sas[k] = e[sa].in;
        in[k++] = pkts[i];
    }
    const unsigned good = esp_in_burst(w, in, sas, (uint16_t)k);
    CU_ASSERT_EQUAL(good, 0); /* nothing is done at once */
    for (unsigned i = 0; i < k - w->taken; i++) {
        const uint8_t drop = dp_meta(in[i])->drop;
        CU_ASSERT_EQUAL(drop, CV_DROP_REPLAY_DUP);
        c->replayed++;
        rte_pktmbuf_free(in[i]);
    }
}

static void arrived(struct esp_done *d, struct came *c)
{
    for (unsigned i = 0; i < d->in_good; i++) {
        const uint32_t mark = mark_of(d->in[i]);
        CU_ASSERT(mark > c->last[mark % SAS]); /* in order */
        c->last[mark % SAS] = mark;
        CU_ASSERT_EQUAL(d->in[i]->data_len, LEN);
        c->back++;
        rte_pktmbuf_free(d->in[i]);
    }
    for (unsigned i = 0; i < d->in_bads; i++) {
        const uint8_t drop = dp_meta(d->in_bad[i])->drop;
        c->lost += drop == CV_DROP_CRYPTO_LOST;
        c->forged += drop == CV_DROP_ESP_AUTH;
        c->replayed += drop == CV_DROP_REPLAY_DUP;
        rte_pktmbuf_free(d->in_bad[i]);
    }
    for (unsigned i = 0; i < d->out_bads; i++) {
        c->lost += dp_meta(d->out_bad[i])->drop == CV_DROP_CRYPTO_LOST;
        c->crypto += dp_meta(d->out_bad[i])->drop != CV_DROP_CRYPTO_LOST;
        CU_ASSERT_EQUAL(dp_meta(d->out_bad[i])->if_out, FIX_IF);
        rte_pktmbuf_free(d->out_bad[i]);
    }
}

/* `count` packets over three SAs, out and in again; hangs the device at `hang_at`. */
static void stream(struct esp_worker *w, struct end *e, unsigned count, unsigned hang_at, struct came *c)
{
    uint32_t seed = 5, forge = 0;
    struct eng_flight f = {0};
    struct esp_done d;
    memset(c, 0, sizeof *c);
    for (uint32_t sent = 0; sent < count || f.submitted != f.delivered;) {
        struct rte_mbuf *pkts[BURST];
        struct esp_out_sa *sas[BURST];
        unsigned n = 0;
        seed = seed * 1664525u + 1013904223u;
        for (; n < seed >> 27 && sent < count && f.submitted - f.delivered < 512; n++, sent++) {
            pkts[n] = packet(sent + SAS);
            sas[n] = e[(sent + SAS) % SAS].out;
        }
        if (hang_at && sent >= hang_at)
            cdev_model.hang = true;
        CU_ASSERT_EQUAL(n ? esp_out_burst(w, pkts, sas, (uint16_t)n) : 0, 0);
        if (n)
            CU_ASSERT_EQUAL(w->taken, n);
        esp_poll(w, &d);
        arrived(&d, c);
        if (d.out_good)
            into(w, e, d.out, d.out_good, c, &forge);
        esp_flight(w, &f);
    }
}

static struct came came;

static void packets_come_back_in_order_and_none_is_lost(void)
{
    struct esp_worker w;
    struct end e[SAS];
    start(&w);
    for (unsigned round = 0; round < 4; round++) {
        end_open(&e[0], FIX_GCM, 0, FIX_SPI);
        end_open(&e[1], FIX_CBC_SHA1, CV_SA_ESN, FIX_SPI + 1);
        end_open(&e[2], FIX_GMAC, CV_SA_ESN, FIX_SPI + 2);
        cdev_model.delay = round * 20;
        cdev_model.mix_all = round & 1;
        stream(&w, e, 6000, 0, &came);
        CU_ASSERT_EQUAL(came.lost + came.crypto, 0);
        CU_ASSERT_EQUAL(came.forged, 6000 / 50);
        CU_ASSERT_EQUAL(came.replayed, 6000 / 50);
        CU_ASSERT_EQUAL(came.back, 6000 - 6000 / 50);
        uint64_t sent = 0, got = 0, auth = 0, replayed = 0;
        for (unsigned i = 0; i < SAS; i++) {
            sent += e[i].out_counters[0].packets;
            got += e[i].in_counters.packets;
            auth += e[i].in_counters.auth_failed;
            replayed += e[i].in_counters.replayed;
            CU_ASSERT_EQUAL(e[i].out_counters[0].highest_seq, 2000);
            CU_ASSERT_EQUAL(e[i].out_counters[0].bytes, 2000ull * LEN);
            end_close(&e[i]);
        }
        CU_ASSERT_EQUAL(sent, 6000);
        CU_ASSERT_EQUAL(got, came.back);
        CU_ASSERT_EQUAL(auth, came.forged);
        CU_ASSERT_EQUAL(replayed, came.replayed);
    }
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    stop(&w);
}

/* No number, and so no IV, goes out twice (RFC 4106 3.1); SAs go on as they are. */
static void tunnels_outlive_the_device(void)
{
    struct esp_worker w;
    struct end e[SAS];
    start(&w);
    end_open(&e[0], FIX_GCM, 0, FIX_SPI);
    end_open(&e[1], FIX_CBC_SHA1, CV_SA_ESN, FIX_SPI + 1);
    end_open(&e[2], FIX_GMAC, CV_SA_ESN, FIX_SPI + 2);
    cdev_model.delay = 10;
    stream(&w, e, 6000, 2000, &came);
    CU_ASSERT_EQUAL(cdev_state(), CDEV_STOPPED);
    CU_ASSERT(came.lost > 0);
    CU_ASSERT_EQUAL(came.crypto, 0);
    /* A twin that was lost is the peer's to send again; all else arrives. */
    CU_ASSERT(came.lost + came.forged + came.back >= 6000);
    CU_ASSERT(came.back >= 6000 - came.forged - came.lost);
    uint64_t other = 0, auth = 0;
    for (unsigned i = 0; i < SAS; i++) {
        other += e[i].out_counters[0].other_drops + e[i].in_counters.other_drops;
        auth += e[i].in_counters.auth_failed;
        end_close(&e[i]);
    }
    CU_ASSERT_EQUAL(other, came.lost);
    CU_ASSERT_EQUAL(auth, came.forged); /* what the device lost is no forgery */
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    stop(&w);
}

static void what_does_not_fit_is_dropped_with_its_own_reason(void)
{
    struct esp_worker w;
    struct end e;
    struct eng_flight f;
    struct esp_done d;
    struct rte_mbuf *m;
    unsigned full = 0, back = 0;
    start(&w);
    end_open(&e, FIX_GCM, 0, FIX_SPI);
    cdev_model.full = true;
    esp_flight(&w, &f);
    const unsigned room = f.room;
    for (unsigned i = 0; i < room + 5; i++) {
        m = packet(i);
        CU_ASSERT_EQUAL(esp_out_burst(&w, &m, &e.out, 1), 0);
        if (w.taken == 0) {
            CU_ASSERT_EQUAL(dp_meta(m)->drop, CV_DROP_CRYPTO_FULL);
            rte_pktmbuf_free(m);
            full++;
        }
    }
    CU_ASSERT_EQUAL(full, 5);
    CU_ASSERT_EQUAL(e.out_counters[0].other_drops, 5);
    cdev_model.full = false;
    while (back < room) {
        back += esp_poll(&w, &d);
        CU_ASSERT_EQUAL(d.out_bads, 0);
        for (unsigned i = 0; i < d.out_good; i++)
            rte_pktmbuf_free(d.out[i]);
    }
    end_close(&e);
    stop(&w);
}

/* ---- lifetimes ----------------------------------------------------------------------------------------------------------- */
enum { SENT = 200, SOFT = 70, HARD = 100 };
static unsigned softs, hards;

static bool note_lifetime(void *ctx, const struct cv_evt *e)
{
    (void)ctx;
    softs += e->type == CV_EVT_SA_SOFT;
    hards += e->type == CV_EVT_SA_HARD;
    return true;
}

struct ended {
    unsigned arrived, late; /* late: over the limit */
};

static void count_bad(struct rte_mbuf **pkts, unsigned n, struct ended *o)
{
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(dp_meta(pkts[i])->drop, CV_DROP_LIFETIME);
        o->late++;
        rte_pktmbuf_free(pkts[i]);
    }
}

/* What has come back is opened, or has arrived. */
static void take_back(struct esp_worker *w, struct end *e, struct ended *o)
{
    struct esp_in_sa *sas[ESP_POLL_MAX];
    struct esp_done d;
    esp_poll(w, &d);
    count_bad(d.in_bad, d.in_bads, o);
    CU_ASSERT_EQUAL(d.out_bads, 0);
    for (unsigned i = 0; i < d.in_good; i++, o->arrived++)
        rte_pktmbuf_free(d.in[i]);
    for (unsigned i = 0; i < d.out_good; i++) {
        fix_classify(d.out[i]);
        sas[i] = e->in;
    }
    if (d.out_good) {
        CU_ASSERT_EQUAL(esp_in_burst(w, d.out, sas, (uint16_t)d.out_good), 0);
        count_bad(d.out, d.out_good - w->taken, o);
    }
}

static struct ended run_out(struct esp_worker *w, struct end *e)
{
    struct ended o = {0};
    struct eng_flight f = {0};
    for (unsigned sent = 0; sent < SENT || f.submitted != f.delivered; w->now_tsc++) {
        struct rte_mbuf *pkts[BURST];
        struct esp_out_sa *sas[BURST];
        unsigned n = 0;
        for (; n < BURST && sent < SENT; n++, sent++) {
            pkts[n] = packet(sent);
            sas[n] = e->out;
        }
        if (n) {
            CU_ASSERT_EQUAL(esp_out_burst(w, pkts, sas, (uint16_t)n), 0);
            count_bad(pkts, n - w->taken, &o);
        }
        take_back(w, e, &o);
        esp_flight(w, &f);
    }
    return o;
}

/* A limit is exact whichever direction has it, in octets and packets, however long the device keeps what it was given. */
static void limits_are_exact_while_packets_are_under_way(void)
{
    static const unsigned transforms[] = {FIX_GCM, FIX_CBC_SHA1};
    struct esp_worker w;
    start(&w);
    w.event = note_lifetime;
    for (unsigned i = 0; i < 24; i++) {
        struct cv_sa out = fix_sa(transforms[i & 1], IP_V4, 0), in;
        const bool of_out = i & 2, bytes = i & 4;
        struct end e = {0};
        out.replay_window = 4096;
        in = fix_reverse(&out);
        struct cv_sa *sa = of_out ? &out : &in;
        *(bytes ? &sa->soft_bytes : &sa->soft_packets) = bytes ? SOFT * LEN : SOFT;
        *(bytes ? &sa->hard_bytes : &sa->hard_packets) = bytes ? HARD * LEN + LEN / 2 : HARD;
        CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&out, E, -1, e.out_counters, &e.out), CV_OK);
        CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&in, E, -1, &e.in_counters, &e.in), CV_OK);
        cdev_model.delay = i / 8 * 30;
        softs = hards = 0;
        const struct ended o = run_out(&w, &e);
        CU_ASSERT_EQUAL(o.arrived, HARD);
        CU_ASSERT_EQUAL(o.late, SENT - HARD);
        CU_ASSERT_EQUAL((of_out ? e.out_counters[0] : e.in_counters).packets, HARD);
        CU_ASSERT_EQUAL(softs, 1);
        CU_ASSERT_EQUAL(hards, 1);
        end_close(&e);
    }
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    stop(&w);
}

/* ---- SAs that go while their packets are under way ---------------------------------------------------------------- */
/* All of them where both threads have a processor, which takes half a second; where each turn has to be waited for, as many as there is time for. */
enum { LIVES = 3000, LIVES_LEAST = 300, LIVES_S = 5 };
static struct esp_out_sa *_Atomic shared;
static struct cv_sa_counters lives_counters[LIVES];
static atomic_uint under_way[LIVES], early, done;
static atomic_bool over;

struct life {
    struct esp_out_sa *sa;
    unsigned i;
};
static void life_ends(void *p)
{
    struct life *l = p;
    early += under_way[l->i] != 0;
    esp_out_sa_free(l->sa);
    done++;
    free(l);
}

static void *send_all(void *arg)
{
    struct esp_worker *w = arg;
    struct dp_rcu_behind behind = {0};
    struct eng_flight f = {0};
    struct esp_done d;
    if (dp_rcu_register(0) != CV_OK)
        abort();
    while (!over || f.submitted != f.delivered) {
        struct esp_out_sa *sa = over ? NULL : atomic_load_explicit(&shared, memory_order_acquire);
        if (sa && f.submitted - f.delivered < 200) {
            const unsigned i = esp_out_sa_conf(sa)->ref.spi - FIX_SPI;
            struct rte_mbuf *m = packet(i);
            under_way[i]++;
            CU_ASSERT_EQUAL(esp_out_burst(w, &m, &sa, 1), 0);
            CU_ASSERT_EQUAL(w->taken, 1);
        }
        esp_poll(w, &d);
        for (unsigned i = 0; i < d.out_good; i++) {
            under_way[spi_of(d.out[i]) - FIX_SPI]--;
            rte_pktmbuf_free(d.out[i]);
        }
        esp_flight(w, &f);
        dp_rcu_quiet_behind(0, &behind, f.submitted, f.delivered);
        sched_yield(); /* who makes the next SA may wait for this processor */
    }
    dp_rcu_unregister(0);
    return NULL;
}

static void an_sa_lives_until_its_packets_have_come_back(void)
{
    struct esp_worker w;
    pthread_t thread;
    unsigned used = 0, lives = 0;
    const uint64_t end = rte_get_timer_cycles() + LIVES_S * rte_get_timer_hz();
    start(&w);
    cdev_model.delay = 40;
    cdev_model.mix_all = true;
    CU_ASSERT_EQUAL_FATAL(dp_rcu_init(1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, send_all, &w), 0);
    for (unsigned i = 0; i < LIVES && (i < LIVES_LEAST || rte_get_timer_cycles() < end); i++, lives++) {
        struct cv_sa conf = fix_sa(i & 1 ? FIX_GCM : FIX_CBC_SHA1, IP_V4, 0);
        struct life *l = malloc(sizeof *l);
        conf.ref.spi = FIX_SPI + i;
        l->i = i;
        CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&conf, E, -1, &lives_counters[i], &l->sa), CV_OK);
        atomic_store_explicit(&shared, l->sa, memory_order_release);
        for (unsigned k = 0; k < 200 && under_way[i] == 0; k++)
            sched_yield();
        used += under_way[i] != 0;
        atomic_store_explicit(&shared, NULL, memory_order_release);
        dp_rcu_defer(life_ends, l);
        dp_rcu_poll();
    }
    dp_rcu_barrier(); /* comes to an end although something is always under way */
    CU_ASSERT_EQUAL(done, lives);
    over = true;
    pthread_join(thread, NULL);
    dp_rcu_fini();
    CU_ASSERT_EQUAL(early, 0);
    CU_ASSERT(used > lives / 10); /* the test met what it is about */
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    stop(&w);
}

static void the_pool_is_whole_again(void)
{
    CU_ASSERT_EQUAL(rte_mempool_avail_count(pool), 4095);
}

static void pool_is_made(void)
{
    pool = rte_pktmbuf_pool_create("flight", 4095, 0, sizeof(struct dp_meta), RTE_MBUF_DEFAULT_BUF_SIZE, -1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

UNIT_MAIN_EAL("esp_flight", UNIT_TEST(pool_is_made), UNIT_TEST(packets_come_back_in_order_and_none_is_lost),
              UNIT_TEST(tunnels_outlive_the_device),
              UNIT_TEST(what_does_not_fit_is_dropped_with_its_own_reason),
              UNIT_TEST(limits_are_exact_while_packets_are_under_way),
              UNIT_TEST(an_sa_lives_until_its_packets_have_come_back), UNIT_TEST(the_pool_is_whole_again))
