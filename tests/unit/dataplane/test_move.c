/* Buckets move between three running workers, and workers come and go, while traffic arrives: no packet is lost, none overtakes another of its
 * SA, every duplicate is found by the one replay window, whoever has it; and the replay window has one writer. Meanwhile SAs come and go in both
 * directions, under packets of their own. Half of the packets come one by one, the others in stretches of one flow: workers take those in runs
 * (dp_run.h), some of them behind a leader of an earlier burst, and in groups (dp_group.h). */
#include "dataplane/dp_balance.h"
#include "dataplane/dp_crew.h"
#include "dataplane/dp_move.h"
#include "dataplane/dp_run.h"
#include "dataplane/esp/esp_run.h"
#include "tests/unit/dataplane/move_site.h"

#include <inttypes.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STORM_PACKETS 20000 /* ten times slower, and more moves */
#endif
#endif
#ifndef STORM_PACKETS
#define STORM_PACKETS 120000
#endif

enum {
    SAS = 12,
    PACKETS = STORM_PACKETS,
    MOST_PACKETS = 8 * PACKETS, /* where there is little time for changes */
    ADDS = 192,                 /* SAs that come and go in a storm at least */
    DUPLICATE_EACH = 7,
    SPI_GENERATION = 0x00770000,
    PASSERS = 16,       /* SAs that come and go, of each direction */
    PASSER_SLOT = 200,  /* of the first */
    PASSER_MARK = 1000, /* in their packets; the ones in clear have the next */
    SENDER_SLOT = 199,  /* of an outbound SA by which packets leave while workers come and go */
    STRETCH_MIN = 16,
    STRETCH_MAX = 64,
    QUIET = 512, /* packets for which nothing changes, after as many for which things do */
};

static struct esp_out_sa *peers[SAS];
static struct esp_worker peer_worker;
static struct cv_sa_counters peer_counters[SAS];
static _Atomic unsigned sent, duplicates, received, wrong_order;
static uint64_t drops_before; /* of the storm */
static bool passing;
static struct esp_out_sa *passer_peers[PASSERS];
static struct cv_sa_counters passer_counters[PASSERS];
static _Atomic unsigned passed_in, passed_out;
static _Atomic unsigned adds;
static bool sending;                       /* packets in clear for the outbound SA */
static uint8_t numbers[2 * STORM_PACKETS]; /* of its packets: how often each was seen */

/* ---- runs, as they are taken --------------------------------------------------------------------------------------- */
/* The linker puts these in front of the functions they are named after (meson.build). */
static _Atomic uint64_t runs, in_runs, kept_in,
    kept_out,     /* runs, packets of them, leaders of earlier bursts */
    in_groups[2]; /* packets in groups, by direction */
unsigned __real_dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                            struct rte_mbuf **pkts, unsigned n, uint64_t *bytes);
unsigned __wrap_dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                            struct rte_mbuf **pkts, unsigned n, uint64_t *bytes);
void __real_esp_in_run_crypt_with(struct esp_worker *w, const struct esp_in_run *r, unsigned at, unsigned n,
                                  struct esp_runs *together);
void __wrap_esp_in_run_crypt_with(struct esp_worker *w, const struct esp_in_run *r, unsigned at, unsigned n,
                                  struct esp_runs *together);
void __real_esp_out_run_crypt_with(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n,
                                   struct esp_runs *together);
void __wrap_esp_out_run_crypt_with(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n,
                                   struct esp_runs *together);
bool __real_esp_in_run_again(const struct esp_in_run *r);
bool __wrap_esp_in_run_again(const struct esp_in_run *r);
bool __real_esp_out_run_again(const struct esp_out_run *r);
bool __wrap_esp_out_run_again(const struct esp_out_run *r);

unsigned __wrap_dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                            struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    w->run_pause = 0; /* after a leader that was handed on to another worker, which nobody can follow */
    const unsigned k = __real_dp_run_take(w, in, a, pkts, n, bytes);
    if (k > 1) {
        runs++;
        in_runs += k;
    }
    return k;
}

void __wrap_esp_in_run_crypt_with(struct esp_worker *w, const struct esp_in_run *r, unsigned at, unsigned n,
                                  struct esp_runs *together)
{
    in_groups[CV_DIR_IN] += n;
    __real_esp_in_run_crypt_with(w, r, at, n, together);
}

void __wrap_esp_out_run_crypt_with(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n,
                                   struct esp_runs *together)
{
    in_groups[CV_DIR_OUT] += n;
    __real_esp_out_run_crypt_with(w, r, at, n, together);
}

bool __wrap_esp_in_run_again(const struct esp_in_run *r)
{
    kept_in++;
    return __real_esp_in_run_again(r);
}

bool __wrap_esp_out_run_again(const struct esp_out_run *r)
{
    kept_out++;
    return __real_esp_out_run_again(r);
}

/* SAs fall into buckets that begin with all workers, some sharing one. */
static uint32_t slot_of(unsigned i)
{
    return i < SAS - 2 ? 5 * i : 64 + 5 * i;
}

static struct cv_sa sa_conf(unsigned i, bool peer)
{
    struct cv_sa sa = {.ref = {.dir = peer ? CV_DIR_OUT : CV_DIR_IN, .sa_id = slot_of(i)}, .if_id = TUNNEL0};
    sa.ref.spi = SPI_GENERATION | slot_of(i);
    sa.encr = CV_ENCR_AES_GCM_16;
    sa.encr_key_len = 16;
    sa.salt_len = 4;
    sa.replay_window = 512;
    sa.local.addr = v4(192, 0, 2, peer ? 2 : 1);
    sa.remote.addr = v4(192, 0, 2, peer ? 1 : 2);
    sa.ts_count = 1;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    sa.encr_key[0] = (uint8_t)(i + 1);
    return sa;
}

static struct cv_sa passer_conf(unsigned k, enum cv_dir dir, bool peer)
{
    struct cv_sa sa = sa_conf(0, peer);
    sa.ref = (struct cv_sa_ref){
        .dir = (uint8_t)dir, .sa_id = PASSER_SLOT + k, .spi = SPI_GENERATION | (PASSER_SLOT + k)};
    sa.encr_key[0] = (uint8_t)(100 + k);
    return sa;
}

static void tables(void)
{
    for (unsigned i = 0; i < SAS; i++) {
        const struct cv_sa in = sa_conf(i, false), peer = sa_conf(i, true);
        CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &in), CV_OK);
        CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&peer, dp.engine, 0, &peer_counters[i], &peers[i]), CV_OK);
    }
    for (unsigned k = 0; k < PASSERS; k++) {
        const struct cv_sa peer = passer_conf(k, CV_DIR_OUT, true);
        CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&peer, dp.engine, 0, &passer_counters[k], &passer_peers[k]),
                              CV_OK);
    }
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&peer_worker, dp.engine, 0, -1), CV_OK);
    peer_worker.sole = true;
}

static void data_plane_start(void)
{
    site_start(WORKERS);
    tables();
}

/* ---- traffic ----------------------------------------------------------------------------------------------------- */
/* sa: NULL for a packet in clear that is to leave by whichever SA there is. */
static struct rte_mbuf *frame_of(struct esp_out_sa *sa, unsigned i, uint32_t number)
{
    struct ip_endpoint from = {.addr = v4(10, 0, 0, 1), .port = 1000}, to = {.port = 2000};
    uint8_t data[8];
    struct rte_mbuf *m = rte_pktmbuf_alloc(pkt_pool);
    if (!m)
        return NULL;
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    memcpy(data, &i, 4);
    memcpy(data + 4, &number, 4);
    to.addr = sa ? v4(20, 0, 0, 1) : v4(30, 0, 0, 1);
    if (!ip_udp_write(m, &from, &to, 0, data, sizeof data) || ip_classify_ip(m) == IP_CLASS_DROP ||
        (sa && esp_out_burst(&peer_worker, &m, &sa, 1) != 1)) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    link_front(m);
    return m;
}

static struct rte_mbuf *storm_frame(unsigned i, uint32_t number)
{
    return frame_of(peers[i], i, number);
}

/* n packets for an SA that may be there or not, in each direction. */
static void passers_land(unsigned r, unsigned n)
{
    struct rte_mbuf *m[STRETCH_MAX];
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++)
        k += (m[k] = frame_of(passer_peers[r % PASSERS], PASSER_MARK, r)) != NULL;
    land(m, k, r);
    k = 0;
    for (unsigned i = 0; i < n; i++)
        k += (m[k] = frame_of(NULL, PASSER_MARK + 1, r)) != NULL;
    land(m, k, r / PASSERS);
}

/* n packets that leave by one SA, whichever worker gets them. */
static void senders_land(unsigned r, unsigned n)
{
    struct rte_mbuf *m[STRETCH_MAX];
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++)
        k += (m[k] = frame_of(NULL, PASSER_MARK + 1, r)) != NULL;
    land(m, k, r);
}

static void *storm_feed(void *arg)
{
    uint32_t next[SAS] = {0};
    unsigned r = 1, i = 0, passer = 0;
    (void)arg;
    all_cores();
    for (unsigned n = 0; n < PACKETS || (passing && adds < ADDS && n < MOST_PACKETS);) {
        struct rte_mbuf *m[STRETCH_MAX], *again[STRETCH_MAX];
        unsigned k = 0, twice = 0;
        r = r * 1103515245u + 12345u;
        const bool alone = n % (2 * STRETCH_MAX) < STRETCH_MAX;
        const unsigned len = alone ? 1 : STRETCH_MIN + (r >> 8) % (STRETCH_MAX - STRETCH_MIN + 1);
        const bool pass = passing && (alone ? n % 2 == 0 : (r >> 4) % 4 == 0);
        if (alone || (r >> 6) % 4 == 0) { /* a flow goes on for some stretches */
            i = (r >> 16) % SAS;
            passer = r >> 20;
        }
        const bool send = sending && (r >> 5) % 2 == 0;
        while (in_flight + len * (pass ? 3 : 1) + len * send + len / DUPLICATE_EACH >= IN_FLIGHT)
            sched_yield();
        if (pass)
            passers_land(passer, len);
        if (send)
            senders_land(r >> 12, len);
        while (k < len && (m[k] = storm_frame(i, next[i])) != NULL) {
            next[i]++;
            if ((n + k) % DUPLICATE_EACH == 0)
                twice += (again[twice] = rte_pktmbuf_copy(m[k], pkt_pool, 0, UINT32_MAX)) != NULL;
            k++;
        }
        land(m, k, i);
        sent += k;
        land(again, twice, i);
        duplicates += twice;
        n += k;
    }
    feeding = false;
    return NULL;
}

/* What left by or came out of an SA that comes and goes; false: another's. */
static bool is_passer(const struct rte_mbuf *m)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    uint32_t i;
    if (p[14 + 9] == IP_PROTO_ESP) {
        const uint32_t number = (uint32_t)p[14 + 24] << 24 | p[14 + 25] << 16 | p[14 + 26] << 8 | p[14 + 27];
        if (sending && number < sizeof numbers)
            numbers[number]++;
        passed_out++;
        return true;
    }
    memcpy(&i, p + 14 + 28, 4);
    if (i != PASSER_MARK)
        return false;
    passed_in++;
    return true;
}

/* Each SA's packets come in the order in which they were sent: their next numbers. */
static void storm_took(struct rte_mbuf *m, void *ctx)
{
    uint32_t *next = ctx, i, number;
    if (is_passer(m))
        return;
    const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14 + 28);
    memcpy(&i, p, 4);
    memcpy(&number, p + 4, 4);
    if (m->pkt_len != 14 + 36 || i >= SAS || number != next[i])
        wrong_order++;
    else
        next[i]++;
    received++;
}

static void *storm_take(void *arg)
{
    uint32_t next[SAS] = {0};
    (void)arg;
    all_cores();
    take_all(drops_before, storm_took, next);
    return NULL;
}

static cv_result find_lcore(const struct dp *of, unsigned worker, unsigned cpu, unsigned *lcore)
{
    (void)of;
    (void)worker;
    (void)cpu;
    *lcore = 0;
    return CV_OK;
}

static bool has_ended(const struct dp_worker *w)
{
    return returned[w->id] && pthread_join(thread_of[w->id], NULL) == 0;
}

static uint64_t sum_in(size_t offset)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < SAS; i++)
        n +=
            *(const uint64_t *)(const void *)((const uint8_t *)shm_counters_in(&dp.shm, slot_of(i)) + offset);
    return n;
}

static uint64_t worked(void)
{
    uint64_t n = 0;
    for (unsigned w = 0; w < WORKERS; w++)
        for (unsigned b = 0; b < CV_BUCKETS; b++)
            n += shm_steer_counts(&dp.shm, w)->worked[b];
    return n;
}

/* The manager's part of SAs that come and go: one of them does. */
static bool there[2][PASSERS], gone[2][PASSERS];
static unsigned deletes, looks;

static void passer_gone(void *at, uint32_t seq, const struct cv_sa_counters *last)
{
    (void)seq;
    (void)last;
    *(bool *)at = true;
}

/* No worker has it any more: whoever goes on using it counts. */
static void gone_is_at_rest(unsigned k, enum cv_dir dir)
{
    uint64_t n = 0;
    for (unsigned w = 0; w < (dir == CV_DIR_OUT ? WORKERS : 1); w++) {
        const struct cv_sa_counters *c = dir == CV_DIR_OUT ? shm_counters_out(&dp.shm, PASSER_SLOT + k, w)
                                                           : shm_counters_in(&dp.shm, PASSER_SLOT + k);
        n += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
    }
    CU_ASSERT_EQUAL(n, 0);
    looks++;
}

/* Its packets go to the other end of two. */
static void passer_peer_moves(unsigned k, bool other)
{
    struct cv_sa sa = passer_conf(k, CV_DIR_OUT, false);
    struct cv_sa_peer p = {.ref = sa.ref, .remote = sa.remote};
    p.remote.addr.b[3] = other ? 3 : 2;
    CU_ASSERT_EQUAL(dp_sad_set_peer(&dp.sad, &p), CV_OK);
}

static void passer_turn(unsigned k, enum cv_dir dir)
{
    const struct cv_sa sa = passer_conf(k, dir, false);
    if (there[dir][k]) {
        gone[dir][k] = false; /* here: adding may wait for the one before to go, and says so only then */
        CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &sa.ref, passer_gone, &gone[dir][k], 0), CV_OK);
        deletes++;
    } else {
        if (gone[dir][k])
            gone_is_at_rest(k, dir);
        CU_ASSERT_EQUAL(dp_sad_add(&dp.sad, &sa), CV_OK);
        if (dir == CV_DIR_OUT)
            CU_ASSERT_EQUAL(dp_sad_activate(&dp.sad, &sa.ref), CV_OK);
        adds++;
    }
    there[dir][k] = !there[dir][k];
    dp_rcu_poll();
}

static void passers_end(void)
{
    for (unsigned k = 0; k < PASSERS; k++)
        for (unsigned dir = CV_DIR_IN; dir <= CV_DIR_OUT; dir++)
            if (there[dir][k])
                passer_turn(k, (enum cv_dir)dir);
}

/* As many moves as there is time for, of random buckets to random workers. */
static unsigned moves_while_fed(void)
{
    static struct dp_move m;
    unsigned moves = 0, r = 7;
    while (feeding) {
        if (dp_move_poll(&dp, &m) || sent / QUIET % 2) {
            sched_yield();
            continue;
        }
        r = r * 1103515245u + 12345u;
        if (passing)
            passer_turn((r >> 8) % PASSERS, r >> 20 & 1 ? CV_DIR_OUT : CV_DIR_IN);
        if (passing && there[CV_DIR_OUT][(r >> 12) % PASSERS])
            passer_peer_moves((r >> 12) % PASSERS, r >> 22 & 1);
        const unsigned bucket = cv_spi_bucket(slot_of((r >> 16) % SAS)), to = (r >> 24) % WORKERS;
        moves += dp_owner_of(&dp.owners, bucket) != to;
        CU_ASSERT_EQUAL(dp_move_begin(&dp, &m, bucket, to, false), CV_OK);
        CU_ASSERT_EQUAL(dp_move_begin(&dp, &m, CV_BUCKETS, 0, false), CV_EINVAL);
    }
    while (dp_move_poll(&dp, &m))
        sched_yield();
    return moves;
}

/* Workers come and go all the time, from `began` to WORKERS of them and back, and what each has is evened out in between. How often the
 * number was another. */
static unsigned changes_while_fed(unsigned began)
{
    static const struct dp_crew_calls calls = {find_lcore, launch, has_ended};
    static struct dp_crew crew;
    static struct dp_move m;
    static struct dp_balance balance;
    struct cv_workers_cmd cmd = {.count = began};
    unsigned changes = 0, was = began, rest = 0;
    bool grown = false;
    dp_crew_init(&dp, &crew, &calls);
    memset(cmd.cpu, 0xff, sizeof cmd.cpu);
    memset(&balance, 0, sizeof balance);
    while (feeding) {
        changes += dp.workers != was;
        was = dp.workers;
        if (dp_move_poll(&dp, &m) || dp_crew_poll(&dp, &crew, &m, &grown)) {
            sched_yield();
            continue;
        }
        if (grown)
            dp_balance_spread(&balance);
        dp_balance_tick(&dp, &balance, &m, rte_rdtsc() / (rte_get_tsc_hz() / 1000));
        if (m.step != DP_MOVE_NONE || rest++ < 20) {
            sched_yield();
            continue;
        }
        rest = 0;
        cmd.count = dp.workers == began ? WORKERS : dp.workers - 1;
        CU_ASSERT_EQUAL(dp_crew_ask(&dp, &crew, &cmd), CV_OK);
    }
    cmd.count = began; /* those who came are gone in the end */
    CU_ASSERT_EQUAL(dp_crew_ask(&dp, &crew, &cmd), CV_OK);
    while (dp_move_poll(&dp, &m) || dp_crew_poll(&dp, &crew, &m, &grown) || dp.workers != began)
        sched_yield();
    return changes;
}

/* tx_queues: of the port; with one, worker 0 sends for all. began: workers at first; fewer than there may be: some come and go. */
static void storm_of(uint16_t tx_queues, unsigned began)
{
    pthread_t feeder, taker;
    const uint64_t good = sum_in(offsetof(struct cv_sa_counters, packets)),
                   again = sum_in(offsetof(struct cv_sa_counters, replayed)), done = worked(),
                   moved = shm_steer(&dp.shm)->moves;
    dp.ports[0].tx_queues = tx_queues;
    dp.near_sas = tx_queues == 1 ? DP_NEAR_SAS : 0; /* few SAs; as with many */
    dp.stop = 0;
    drops_before = drops();
    sent = duplicates = received = wrong_order = 0;
    feeding = true;
    for (unsigned w = 0; w < began; w++)
        CU_ASSERT_EQUAL_FATAL(dp_worker_new(&dp, w, 0, &dp.worker[w]), CV_OK);
    for (unsigned w = 0; w < began; w++)
        CU_ASSERT_TRUE_FATAL(launch(dp.worker[w]));
    CU_ASSERT_EQUAL_FATAL(pthread_create(&feeder, NULL, storm_feed, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&taker, NULL, storm_take, NULL), 0);
    const unsigned moves = began < WORKERS ? changes_while_fed(began) : moves_while_fed();
    pthread_join(feeder, NULL);
    pthread_join(taker, NULL);
    __atomic_store_n(&dp.stop, 1, __ATOMIC_RELAXED);
    for (unsigned w = 0; w < began; w++)
        pthread_join(thread_of[w], NULL);
    printf("%u packets, %u duplicates, %u %s ", sent, duplicates, moves,
           began < WORKERS ? "changes of workers" : "moves");
    CU_ASSERT_TRUE(moves > (began < WORKERS ? 1 : 20));
    if (began == WORKERS)
        CU_ASSERT_EQUAL(shm_steer(&dp.shm)->moves - moved, moves);
    CU_ASSERT_EQUAL(dropped_at_the_door, 0);
    CU_ASSERT_EQUAL(received, sent);
    CU_ASSERT_EQUAL(wrong_order, 0);
    CU_ASSERT_EQUAL(sum_in(offsetof(struct cv_sa_counters, packets)) - good, sent);
    CU_ASSERT_EQUAL(sum_in(offsetof(struct cv_sa_counters, replayed)) - again, duplicates);
    for (unsigned w = 0; w < WORKERS && !passing; w++)
        for (unsigned d = 0; d < CV_DROP_COUNT; d++)
            if (d != CV_DROP_REPLAY_DUP)
                CU_ASSERT_EQUAL(shm_worker_stats(&dp.shm, w)->drops[d], 0);
    if (!passing && began > 1) /* one alone does not count */
        CU_ASSERT_EQUAL(worked() - done, sent + duplicates);
}

static void storm(uint16_t tx_queues)
{
    storm_of(tx_queues, WORKERS);
}

static void buckets_move_without_loss_reordering_or_a_second_writer(void)
{
    data_plane_start();
    storm(WORKERS);
}

static void workers_free(void)
{
    for (unsigned w = 0; w < WORKERS; w++) {
        dp_worker_free(dp.worker[w]);
        dp.worker[w] = NULL;
    }
}

/* What the old owner gave to who sends must not be overtaken by what the new one, who sends for itself, had parked. */
static void the_same_where_one_worker_sends_for_all(void)
{
    workers_free();
    storm(1);
}

/* One outbound SA, too: none of its numbers is used twice, though whoever is alone takes them without asking, and none is left out. */
static void come_and_go(uint16_t tx_queues, unsigned began)
{
    struct cv_sa sa = sa_conf(0, false);
    bool went = false;
    unsigned once = 0, wrong = 0;
    sa.ref = (struct cv_sa_ref){.dir = CV_DIR_OUT, .sa_id = SENDER_SLOT, .spi = SPI_GENERATION | SENDER_SLOT};
    workers_free();
    for (unsigned w = 1; w < WORKERS; w++) {
        io_inbox_free(&dp.rings, w);
        if (w < began)
            CU_ASSERT_EQUAL_FATAL(io_inbox_new(&dp.rings, w), CV_OK);
    }
    dp.workers = dp.began = dp.readers = dp.readers_next = began;
    dp_owners_init(&dp.owners, began);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &sa), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&dp.sad, &sa.ref), CV_OK);
    memset(numbers, 0, sizeof numbers);
    passed_out = 0;
    sending = true;
    storm_of(tx_queues, began);
    sending = false;
    for (unsigned i = 0; i < sizeof numbers; i++) {
        once += numbers[i] == 1;
        wrong += numbers[i] > 1 || (numbers[i] == 1 && i > 1 && numbers[i - 1] == 0);
    }
    printf("%u out ", passed_out);
    CU_ASSERT_TRUE(passed_out > PACKETS / 10);
    CU_ASSERT_EQUAL(once, passed_out);
    passed_out = 0;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &sa.ref, passer_gone, &went, 0), CV_OK);
    dp_rcu_barrier();
}

static void workers_come_and_go_beside_one_without_loss_or_reordering(void)
{
    come_and_go(WORKERS, 1);
}

static void workers_come_and_go_beside_two(void)
{
    come_and_go(WORKERS, 2);
}

/* The port has a queue to send by for the first two alone: the first sends for the third. */
static void workers_come_who_cannot_send(void)
{
    come_and_go(2, 2);
}

/* Installed and removed one after the other, in both directions, while packets come for them and for those that stay, and buckets move. */
static void SAs_come_and_go_under_packets(void)
{
    workers_free();
    dp.workers = dp.began = dp.readers = dp.readers_next = WORKERS;
    io_inbox_free(&dp.rings, WORKERS - 1);
    CU_ASSERT_EQUAL_FATAL(io_inbox_new(&dp.rings, WORKERS - 1), CV_OK);
    passing = true;
    storm(WORKERS);
    passers_end();
    dp_rcu_barrier();
    passing = false;
    printf("%u added, %u removed, %u seen at rest; %u in, %u out ", adds, deletes, looks, passed_in,
           passed_out);
    CU_ASSERT_EQUAL(adds, deletes);
    CU_ASSERT_TRUE(adds >= ADDS && looks >= adds / 4);
    CU_ASSERT_TRUE(passed_in > 100 && passed_out > 100);
}

/* In the storms so far: how many is a matter of how threads were scheduled. */
static void packets_went_in_runs_meanwhile(void)
{
    printf("%" PRIu64 " runs of %" PRIu64 " packets, %" PRIu64 " and %" PRIu64
           " behind a leader of before, %" PRIu64 " and %" PRIu64 " in groups ",
           runs, in_runs, kept_in, kept_out, in_groups[CV_DIR_IN], in_groups[CV_DIR_OUT]);
    CU_ASSERT_TRUE(runs > 5 && in_runs > runs * DP_RUN_MIN);
    CU_ASSERT_TRUE(in_groups[CV_DIR_IN] > 20 && in_groups[CV_DIR_OUT] > 20);
    CU_ASSERT_TRUE(kept_in > 0 && kept_out > 0);
}

static void what_is_parked_is_freed_with_its_worker(void)
{
    workers_free();
    dp.workers = dp.readers = dp.readers_next = WORKERS;
    for (unsigned w = 0; w < WORKERS; w++)
        CU_ASSERT_EQUAL_FATAL(dp_worker_new(&dp, w, 0, &dp.worker[w]), CV_OK);
    struct rte_mbuf *m = pkt_new();
    dp.worker[1]->parked.own[dp.worker[1]->parked.own_count++] = m;
    m = pkt_new();
    dp.worker[1]->parked.handed[dp.worker[1]->parked.handed_count++] = m;
    for (unsigned w = 0; w < WORKERS; w++)
        dp_worker_free(dp.worker[w]);
    for (unsigned i = 0; i < SAS; i++)
        esp_out_sa_free(peers[i]);
    for (unsigned k = 0; k < PASSERS; k++)
        esp_out_sa_free(passer_peers[k]);
    esp_worker_fini(&peer_worker);
    dp_sad_fini(&dp.sad);
    io_rings_free(&dp.rings, CV_MAX_WORKERS);
    dp_rcu_fini();
    CU_ASSERT_EQUAL(pkt_used(), 0);
}

PKT_MAIN("dataplane_move", UNIT_TEST(buckets_move_without_loss_reordering_or_a_second_writer),
         UNIT_TEST(the_same_where_one_worker_sends_for_all),
         UNIT_TEST(workers_come_and_go_beside_one_without_loss_or_reordering),
         UNIT_TEST(workers_come_and_go_beside_two), UNIT_TEST(workers_come_who_cannot_send),
         UNIT_TEST(SAs_come_and_go_under_packets), UNIT_TEST(packets_went_in_runs_meanwhile),
         UNIT_TEST(what_is_parked_is_freed_with_its_worker))
