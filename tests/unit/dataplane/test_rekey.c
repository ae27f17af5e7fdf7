/* SAs are rekeyed under full bursts, with buckets that move between two running workers meanwhile: no packet is lost, none comes before one that was
 * sent earlier. Coming in, the peer goes from the old SA to the new one within a burst, and the old one is removed when its last packet has come (RFC 7296 2.8);
 * going out, the new one is activated and the old one removed at once. Both SAs of a rekeying lie in one bucket. */
#include "dataplane/dp_move.h"
#include "dataplane/dp_run.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/unit/dataplane/move_site.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define REKEYINGS 16 /* ten times slower */
#endif
#endif
#ifndef REKEYINGS
#define REKEYINGS 100
#endif

enum {
    FLOWS = 2, /* each comes in by a queue of its own; coming in, each has SAs of its own */
    FULL = IO_BURST,
    BETWEEN = 6 * FULL, /* packets of a flow and direction from one rekeying to the next, at least */
    SLOTS = 3, /* of one bucket: the old SA, the new one, and the one before, which may still be going */
    ESP_IN_FRAME = 14 + 20,
    PATIENCE_MS = 20000,
};

/* What a packet carries. */
struct mark {
    uint32_t flow, number, generation;
};

/* The far end's. The feeder has those that send, the taker those that receive. */
static struct esp_out_sa *peer_out[FLOWS][REKEYINGS];
static struct esp_in_sa *peer_in[REKEYINGS];
static struct cv_sa_counters peer_counters;
static struct esp_worker feeder_esp, taker_esp;

static _Atomic bool ending;
static _Atomic unsigned sent[2], received[2], wrong_order, not_authentic;
static _Atomic unsigned peer_wants, peer_has; /* generations: by which the peer is to send, and does */
static _Atomic unsigned fed_by[REKEYINGS], came_by[REKEYINGS]; /* packets, coming in */
static _Atomic unsigned runs;

/* As in test_move.c: a leader that was handed on to another worker stops nobody from trying again. */
unsigned __real_dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                            struct rte_mbuf **pkts, unsigned n, uint64_t *bytes);
unsigned __wrap_dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                            struct rte_mbuf **pkts, unsigned n, uint64_t *bytes);
unsigned __wrap_dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                            struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    w->run_pause = 0;
    const unsigned k = __real_dp_run_take(w, in, a, pkts, n, bytes);
    runs += k > 1;
    return k;
}

/* ---- SAs ----------------------------------------------------------------------------------------------------------- */
/* here: this end's; else the far end's of the same. Coming in, a flow's SAs share the bucket of its number. */
static struct cv_sa sa_of(enum cv_dir dir, unsigned flow, unsigned generation, bool here)
{
    const uint32_t slot = flow + CV_BUCKETS * (generation % SLOTS);
    struct cv_sa sa = {.if_id = TUNNEL0, .encr = CV_ENCR_AES_GCM_16, .encr_key_len = 16, .salt_len = 4};
    sa.ref = (struct cv_sa_ref){.dir = (uint8_t)(here == (dir == CV_DIR_IN) ? CV_DIR_IN : CV_DIR_OUT),
                                .sa_id = slot,
                                .spi = (generation + 1) << BITS | slot};
    sa.replay_window = 1024; /* more than there are under way */
    sa.local.addr = v4(192, 0, 2, here ? 1 : 2);
    sa.remote.addr = v4(192, 0, 2, here ? 2 : 1);
    sa.ts_count = 1;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    sa.encr_key[0] = (uint8_t)(generation + 1);
    sa.encr_key[1] = (uint8_t)(2 * flow + dir);
    return sa;
}

static void peers_open(void)
{
    for (unsigned g = 0; g < REKEYINGS; g++) {
        const struct cv_sa back = sa_of(CV_DIR_OUT, 0, g, false);
        CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&back, dp.engine, 0, &peer_counters, &peer_in[g]), CV_OK);
        for (unsigned f = 0; f < FLOWS; f++) {
            const struct cv_sa sa = sa_of(CV_DIR_IN, f, g, false);
            CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&sa, dp.engine, 0, &peer_counters, &peer_out[f][g]), CV_OK);
        }
    }
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&feeder_esp, dp.engine, 0, -1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&taker_esp, dp.engine, 0, -1), CV_OK);
}

static void peers_close(void)
{
    for (unsigned g = 0; g < REKEYINGS; g++) {
        esp_in_sa_free(peer_in[g]);
        for (unsigned f = 0; f < FLOWS; f++)
            esp_out_sa_free(peer_out[f][g]);
    }
    esp_worker_fini(&feeder_esp);
    esp_worker_fini(&taker_esp);
}

/* ---- traffic ------------------------------------------------------------------------------------------------------- */
/* in: by the flow's SA of that generation; else in clear, for whichever there is. */
static struct rte_mbuf *storm_frame(bool in, const struct mark *k)
{
    const struct ip_endpoint from = {.addr = v4(10, 0, 0, 1), .port = 1000},
                             to = {.addr = v4(in ? 20 : 30, 0, 0, 1 + k->flow), .port = 2000};
    struct rte_mbuf *m = rte_pktmbuf_alloc(pkt_pool);
    if (!m)
        return NULL;
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    if (!ip_udp_write(m, &from, &to, 0, (const uint8_t *)k, sizeof *k) ||
        ip_classify_ip(m) == IP_CLASS_DROP ||
        (in && esp_out_burst(&feeder_esp, &m, &peer_out[k->flow][k->generation], 1) != 1)) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    link_front(m);
    return m;
}

/* A full burst; from the half on by the SA of `then`. */
static void feed_burst(bool in, unsigned flow, uint32_t *number, unsigned before, unsigned then)
{
    struct rte_mbuf *m[FULL];
    unsigned n = 0;
    while (in_flight + FULL >= IN_FLIGHT)
        sched_yield();
    for (unsigned i = 0; i < FULL; i++) {
        const struct mark k = {flow, *number, i < FULL / 2 ? before : then};
        if ((m[n] = storm_frame(in, &k)) == NULL)
            continue;
        n++;
        ++*number;
        if (in)
            fed_by[k.generation]++;
    }
    sent[in] += n;
    land(m, n, flow);
}

static void *storm_feed(void *arg)
{
    uint32_t number[2][FLOWS] = {{0}};
    (void)arg;
    all_cores();
    while (!ending) {
        const unsigned before = peer_has, then = peer_wants;
        for (unsigned i = 0; i < 2 * FLOWS; i++)
            feed_burst(i % 2, i / 2, &number[i % 2][i / 2], before, then);
        peer_has = then;
    }
    feeding = false;
    return NULL;
}

/* The far end opens what left in ESP. False: it cannot. */
static bool open_frame(struct rte_mbuf *m)
{
    const unsigned g = (ip_get32(rte_pktmbuf_mtod_offset(m, const uint8_t *, ESP_IN_FRAME)) >> BITS) - 1;
    if (g >= REKEYINGS)
        return false;
    rte_pktmbuf_adj(m, 14);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    taker_esp.now_tsc = rte_rdtsc();
    if (ip_classify_ip(m) != IP_CLASS_ESP || esp_in_burst(&taker_esp, &m, &peer_in[g], 1) != 1)
        return false;
    return rte_pktmbuf_prepend(m, 14) != NULL;
}

static void storm_took(struct rte_mbuf *m, void *ctx)
{
    uint32_t(*next)[FLOWS] = ctx; /* [coming in] */
    const bool in = rte_pktmbuf_mtod(m, const uint8_t *)[14 + 9] != IP_PROTO_ESP;
    struct mark k;
    if (!in && !open_frame(m)) {
        not_authentic++;
        return;
    }
    memcpy(&k, rte_pktmbuf_mtod_offset(m, const uint8_t *, 14 + 28), sizeof k);
    if (m->pkt_len != 14 + 28 + sizeof k || k.flow >= FLOWS || k.generation >= REKEYINGS) {
        not_authentic++;
        return;
    }
    wrong_order += k.number != next[in][k.flow];
    next[in][k.flow] = k.number + 1;
    received[in]++;
    if (in)
        came_by[k.generation]++;
}

static void *storm_take(void *arg)
{
    uint32_t next[2][FLOWS] = {{0}};
    (void)arg;
    all_cores();
    take_all(drops(), storm_took, next);
    return NULL;
}

/* ---- the manager's part -------------------------------------------------------------------------------------------- */
static struct dp_move moving;
static unsigned moves;

/* A bucket of the flows' goes to the other worker, or on its way there. */
static void turn(void)
{
    static unsigned r = 7;
    dp_rcu_poll();
    if (dp_move_poll(&dp, &moving)) {
        sched_yield();
        return;
    }
    r = r * 1103515245u + 12345u;
    const unsigned bucket = (r >> 16) % FLOWS, to = (r >> 20) % FLOWS;
    moves += dp_owner_of(&dp.owners, bucket) != to;
    CU_ASSERT_EQUAL(dp_move_begin(&dp, &moving, bucket, to, false), CV_OK);
}

static uint64_t now_ms(void)
{
    return rte_rdtsc() / (rte_get_tsc_hz() / 1000);
}

static bool all_came(unsigned generation)
{
    return peer_has > generation && came_by[generation] == fed_by[generation];
}

/* Until the peer has left the generation, and all that it sent by it has come. */
static void last_came(unsigned generation)
{
    for (const uint64_t until = now_ms() + PATIENCE_MS; !all_came(generation) && now_ms() < until;)
        turn();
    CU_ASSERT_TRUE(all_came(generation));
}

static void traffic_passes(void)
{
    const unsigned in = sent[1] + FLOWS * BETWEEN, going = sent[0] + FLOWS * BETWEEN;
    for (const uint64_t until = now_ms() + PATIENCE_MS;
         (sent[1] < in || sent[0] < going) && now_ms() < until;)
        turn();
}

static void generation_add(unsigned g)
{
    const struct cv_sa going = sa_of(CV_DIR_OUT, 0, g, true);
    for (unsigned f = 0; f < FLOWS; f++) {
        const struct cv_sa in = sa_of(CV_DIR_IN, f, g, true);
        CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &in), CV_OK);
    }
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &going), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&dp.sad, &going.ref), CV_OK);
}

static void out_remove(unsigned g)
{
    const struct cv_sa going = sa_of(CV_DIR_OUT, 0, g, true);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &going.ref, NULL, NULL, 0), CV_OK);
}

static void in_remove(unsigned g)
{
    for (unsigned f = 0; f < FLOWS; f++) {
        const struct cv_sa in = sa_of(CV_DIR_IN, f, g, true);
        CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &in.ref, NULL, NULL, 0), CV_OK);
    }
}

static void rekey_all(void)
{
    for (unsigned g = 1; g < REKEYINGS; g++) {
        traffic_passes();
        generation_add(g);
        out_remove(g - 1);
        peer_wants = g;
        last_came(g - 1);
        in_remove(g - 1);
    }
    traffic_passes();
}

static void rekeying_under_full_bursts_loses_nothing_and_keeps_the_order(void)
{
    pthread_t feeder, taker;
    site_start(FLOWS);
    dp.ports[0].rx_queues = dp.ports[0].tx_queues = FLOWS;
    peers_open();
    generation_add(0);
    feeding = true;
    for (unsigned w = 0; w < FLOWS; w++)
        CU_ASSERT_EQUAL_FATAL(dp_worker_new(&dp, w, 0, &dp.worker[w]), CV_OK);
    for (unsigned w = 0; w < FLOWS; w++)
        CU_ASSERT_TRUE_FATAL(launch(dp.worker[w]));
    CU_ASSERT_EQUAL_FATAL(pthread_create(&feeder, NULL, storm_feed, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&taker, NULL, storm_take, NULL), 0);
    rekey_all();
    ending = true;
    while (dp_move_poll(&dp, &moving)) /* some may be parked */
        sched_yield();
    pthread_join(feeder, NULL);
    pthread_join(taker, NULL);
    __atomic_store_n(&dp.stop, 1, __ATOMIC_RELAXED);
    for (unsigned w = 0; w < FLOWS; w++)
        pthread_join(thread_of[w], NULL);
    printf("%u in, %u out, %u rekeyings, %u moves, %u runs ", received[1], received[0], REKEYINGS - 1, moves,
           runs);
    CU_ASSERT_EQUAL(dropped_at_the_door, 0);
    CU_ASSERT_EQUAL(received[1], sent[1]);
    CU_ASSERT_EQUAL(received[0], sent[0]);
    CU_ASSERT_EQUAL(wrong_order, 0);
    CU_ASSERT_EQUAL(not_authentic, 0);
    CU_ASSERT_EQUAL(drops(), 0);
    CU_ASSERT_TRUE(moves > REKEYINGS / 4 && runs > REKEYINGS);
}

static void everything_ends(void)
{
    for (unsigned w = 0; w < FLOWS; w++)
        dp_worker_free(dp.worker[w]);
    peers_close();
    dp_sad_fini(&dp.sad);
    io_rings_free(&dp.rings, CV_MAX_WORKERS);
    dp_rcu_fini();
    CU_ASSERT_EQUAL(pkt_used(), 0);
}

PKT_MAIN("dataplane_rekey", UNIT_TEST(rekeying_under_full_bursts_loses_nothing_and_keeps_the_order),
         UNIT_TEST(everything_ends))
