/* run_pass: for test_run.c and test_run_transforms.c: seeded bursts through the worker, the long way and by runs or groups, and what became of them, held
 * against each other. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_PASS_H
#define TESTS_UNIT_DATAPLANE_RUN_PASS_H

#include "dataplane/ip/ip_wire.h"
#include "tests/unit/dataplane/run_change.h"
#include "tests/unit/dataplane/run_far.h"
#include "tests/unit/dataplane/run_open.h"
#include "tests/unit/dataplane/run_site.h"

enum { ROUNDS = 300, BURST = IO_BURST, STREAMS = 512, BEHIND_MOST = 3 };

/* ---- the far end --------------------------------------------------------------------------------------------------- */
static void far_start(const struct form *f, uint32_t slot)
{
    const struct cv_sa sa = sa_of(f, CV_DIR_IN, slot, TUNNEL);
    far_send(0, &sa);
}

static void far_opens(const struct form *f, bool again)
{
    const struct cv_sa out = sa_of(f, CV_DIR_OUT, OUT_SLOT, TUNNEL),
                       other = sa_of(other_form(f), CV_DIR_OUT, OTHER_SLOT, OTHER);
    far_listen(&out, again);
    far_listen(&other, again);
}

static void esp_make(struct frame *f, const struct flow *flow, unsigned n, bool odd)
{
    far_make(0, f, flow, n, odd);
}

/* ---- mbufs: each frame in one, unless a test has it otherwise ---------------------------------------------------------- */
static struct rte_mbuf *(*arrives_in)(const struct frame *f);
static struct rte_mbuf *(*left_in)(struct rte_mbuf *m); /* takes m, gives one mbuf */

static struct rte_mbuf *frame_mbuf(const struct frame *f)
{
    return arrives_in ? arrives_in(f) : pkt_of(f->b, f->len);
}

/* ---- bursts -------------------------------------------------------------------------------------------------------- */
static struct frame burst[BURST], kept[8];
static struct flow last_flow[2]; /* which often goes on in the next burst */
static unsigned nth;
static uint64_t driven;

/* Out of order, twice, or missing: what happens to numbers on the way. */
static void disturb(unsigned n)
{
    for (unsigned i = rnd(3) ? 0 : 1 + rnd(4); i > 0 && n > 8; i--) {
        const unsigned a = rnd(n - 1), b = rnd(4) ? a + 1 : rnd(n);
        const struct frame f = burst[a];
        burst[a] = burst[b];
        if (rnd(2))
            burst[b] = f;
    }
    if (rnd(3) == 0)
        burst[rnd(n)] = kept[rnd(8)];
    kept[rnd(8)] = burst[rnd(n)];
}

enum { FLOWS = 6 };
static struct flow flows[2][FLOWS];

/* Of several flows by turns; each of those that come in has an SA. */
static void burst_mix(bool in, unsigned n, unsigned oddity)
{
    for (unsigned i = 0; i < n; i++) {
        struct flow *flow = &flows[in][rnd(FLOWS)];
        if (rnd(200) == 0)
            *flow = flow_make(in);
        const bool odd = rnd(oddity) == 0;
        if (in)
            far_make(flow->src[3] & 1, &burst[i], flow, nth++, odd);
        else
            clear_make(&burst[i], flow, nth++, odd);
    }
}

static unsigned burst_make(bool in)
{
    const unsigned n = rnd(3) ? BURST : 1 + rnd(BURST);
    const unsigned oddity = rnd(3) ? 40 : rnd(2) ? 10 : 100000;
    if (mixed)
        burst_mix(in, n, oddity);
    for (unsigned i = mixed ? n : 0; i < n;) {
        const struct flow flow = rnd(2) ? last_flow[in] : flow_make(in);
        last_flow[in] = flow;
        for (unsigned k = rnd(2) ? BURST : 1 + rnd(40); k > 0 && i < n; k--, i++) {
            const bool odd = rnd(oddity) == 0;
            if (in)
                esp_make(&burst[i], &flow, nth++, odd);
            else
                clear_make(&burst[i], &flow, nth++, odd);
        }
    }
    if (in)
        disturb(n);
    return n;
}

/* ---- what became of them --------------------------------------------------------------------------------------------- */
/* Frames of one port, family, protocol, SPI and ends, in their order, as a hash (FNV). */
static const uint64_t HASH_START = UINT64_C(0xcbf29ce484222325), HASH_TIMES = UINT64_C(0x100000001b3);
struct stream {
    uint8_t key[48];
    unsigned count;
    uint64_t hash;
};

struct outcome {
    struct cv_worker_stats stats;
    struct cv_if_stats ifs[IFS];
    struct cv_if_drops lost[IFS];
    struct cv_sa_counters in, out, other;
    unsigned streams, slow, soft, hard, moved, bad_packets;
    struct stream stream[STREAMS];
};

static void frame_keep(struct outcome *o, unsigned port, struct rte_mbuf *m)
{
    if (left_in)
        m = left_in(m);
    const uint32_t slot = mixed ? far_open(m) : 0;
    const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *), *ip = b + ETHER;
    const bool v6 = ip[0] >> 4 == 6;
    uint8_t key[48] = {(uint8_t)port, ip[0], v6 ? ip[6] : ip[9]};
    memcpy(key + 3, ip + (v6 ? 8 : 12), v6 ? 32 : 8);
    static const uint8_t here[4] = {10, 0, 0, 1}, here6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    if (slot) {
        key[47] = (uint8_t)slot;
        key[46] = (uint8_t)((v6 ? ip[0] << 4 | ip[1] >> 4 : ip[1]) &
                            0xfc); /* what differs in DSCP need not stay in order (RFC 2474) */
    } else if (v6 ? memcmp(ip + 8, here6, 16) == 0
                  : memcmp(ip + 12, here, 4) == 0) /* SAs with the same ends */
        memcpy(key + 40, ip + (v6 ? 40 : ip[9] == IP_PROTO_UDP ? 28 : 20), 4);
    if (open_sa)
        open_frame(m);
    b = rte_pktmbuf_mtod(m, const uint8_t *);
    ip = b + ETHER;
    const bool later =
        v6 ? mixed && !slot && ip[6] == 44 : !slot && ip_get16(ip + 6) & (mixed ? 0x3fff : 0x1fff);
    if (later) /* fragments that have no SPI, in any order */
        memset(key + 40, 0, 4);
    unsigned s = 0;
    while (s < o->streams && memcmp(o->stream[s].key, key, sizeof key) != 0)
        s++;
    CU_ASSERT_TRUE_FATAL(s < STREAMS);
    if (s == o->streams) {
        o->streams++;
        memcpy(o->stream[s].key, key, sizeof key);
        o->stream[s].hash = HASH_START;
    }
    struct stream *t = &o->stream[s];
    t->count++;
    uint8_t *own = rte_pktmbuf_mtod_offset(m, uint8_t *, ETHER);
    if (v6 && ip[6] == 44) /* a fragment's identification is anything (RFC 8200 4.5) */
        memset(own + 44, 0, 4);
    else if (!v6 && (ip_get16(ip + 6) &
                     0x3fff)) { /* of our own datagrams, too, and so is its checksum (RFC 6864 4) */
        memset(own + 4, 0, 2);
        memset(own + 10, 0, 2);
    }
    uint64_t hash = later ? HASH_START : t->hash;
    for (unsigned i = 0; i < m->data_len; i++)
        hash = (hash ^ b[i]) * HASH_TIMES;
    t->hash = later ? t->hash + hash : hash;
    CU_ASSERT_EQUAL(m->pkt_len, m->data_len);
    rte_pktmbuf_free(m);
}

/* The outbound SA's packets when its soft limit was told; 0: it was not. */
static uint64_t soft_out;

static void outcome_add(struct outcome *o)
{
    struct rte_mbuf *m;
    struct cv_evt e;
    struct cv_ike_pkt ike;
    for (unsigned p = 0; p < 2; p++)
        while (rte_ring_dequeue(tx[p], (void **)&m) == 0)
            frame_keep(o, p, m);
    while (rte_ring_dequeue(mgr_dp.rings.slow, (void **)&m) == 0 ||
           rte_ring_dequeue(mgr_dp.rings.urgent, (void **)&m) == 0) {
        o->slow++;
        rte_pktmbuf_free(m);
    }
    while (ring_punt_get(&mgr_dp.shm, &ike))
        o->slow++;
    while (ring_evt_get(&mgr_dp.shm, &e)) {
        o->soft += e.type == CV_EVT_SA_SOFT;
        if (e.type == CV_EVT_SA_SOFT && e.u.sa_event.ref.dir == CV_DIR_OUT)
            soft_out = shm_counters_out(&mgr_dp.shm, OUT_SLOT, 0)->packets;
        o->hard += e.type == CV_EVT_SA_HARD;
        o->moved += e.type == CV_EVT_NAT_CHANGE;
    }
}

static void outcome_end(struct outcome *o)
{
    uint64_t *limited[] = {&worker->stats->drops[CV_DROP_SLOW_LIMIT],
                           &worker->stats->drops[CV_DROP_PUNT_LIMIT]};
    for (unsigned i = 0; i < 2; i++) {
        o->slow += (unsigned)*limited[i]; /* which of them pass is a matter of time */
        *limited[i] = 0;
    }
    o->stats = *worker->stats;
    /* A number that comes again is behind the window, or marked in it, as the window was when it was looked at: a burst's end, or a run's. */
    o->stats.drops[CV_DROP_REPLAY_DUP] += o->stats.drops[CV_DROP_REPLAY_OLD];
    o->stats.drops[CV_DROP_REPLAY_OLD] = 0;
    memcpy(o->ifs, worker->if_stats, sizeof o->ifs);
    memcpy(o->lost, shm_if_drops(&mgr_dp.shm, 0, 0), sizeof o->lost);
    for (unsigned i = 0; i < IFS; i++) { /* as in behind_the_window */
        uint64_t *in = o->lost[i].n[CV_DIR_IN];
        in[CV_IF_DROP_REPLAY] += in[CV_IF_DROP_AUTH];
        in[CV_IF_DROP_AUTH] = 0;
    }
    o->out = *shm_counters_out(&mgr_dp.shm, OUT_SLOT, 0);
    o->other = *shm_counters_out(&mgr_dp.shm, OTHER_SLOT, 0);
    o->in = *shm_counters_in(&mgr_dp.shm, IN_SLOT);
    o->in.last_tsc = o->out.last_tsc = o->other.last_tsc = 0;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct stream *)a)->key, ((const struct stream *)b)->key,
                  sizeof((struct stream *)0)->key);
}

/* Now and then one thing changes, or becomes what it was. */
static enum change changed;
static void site_change(const struct form *f)
{
    const struct cv_sa out = sa_of(f, CV_DIR_OUT, OUT_SLOT, TUNNEL),
                       in = sa_of(f, CV_DIR_IN, IN_SLOT, TUNNEL);
    const bool on = changed == CHANGES;
    if (rnd(3))
        return;
    if (on)
        changed = (enum change)rnd(CHANGE_LAST_SEEDED + 1);
    CU_ASSERT_EQUAL(change_do(changed, on, &out, &in), CV_OK);
    if (!on)
        changed = CHANGES;
}

static void pass(const struct form *f, uint64_t from, enum way way, bool changing, struct outcome *o)
{
    memset(o, 0, sizeof *o);
    memset(kept, 0, sizeof kept);
    memset(burst, 0, sizeof burst);
    changed = CHANGES;
    flows6 = f->inner6;
    nth = 0;
    seed = from;
    for (unsigned in = 0; in < 2; in++)
        last_flow[in] = flow_make(in);
    for (unsigned i = 0; i < 2 * FLOWS && mixed; i++)
        flows[i % 2][i / 2] = flow_make(i % 2);
    site_make(f);
    worker_fresh(way);
    far_start(f, IN_SLOT);
    if (mixed) {
        const struct cv_sa other = sa_of(f, CV_DIR_IN, OTHER_SLOT, OTHER);
        far_send(1, &other);
        far_opens(f, changing);
    }
    if (draws_ivs(f) && !mixed) {
        const struct cv_sa out = sa_of(f, CV_DIR_OUT, OUT_SLOT, TUNNEL);
        open_start(&far, mgr_dp.engine, &out);
    }
    for (unsigned r = 0; r < ROUNDS; r++) {
        const bool in = rnd(2);
        const unsigned n = burst_make(in), port = in ? 0 : 1;
        driven += n;
        for (unsigned i = 0; i < n; i++) {
            struct rte_mbuf *m = frame_mbuf(&burst[i]);
            CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[port], m), 0);
        }
        worker->mixed =
            false; /* where ESP in transit overtakes other packets of its burst, with runs or without */
        (void)dp_worker_turn(worker);
        outcome_add(o);
        if (changing)
            site_change(f);
        if (changing && mixed)
            far_opens(f, true);
        if (way == GROUPS)
            worker->group_pause = 0;
        if (way == RUNS &&
            worker->run_pause > 4) /* a leader that nobody may follow: the next ones are tried again */
            worker->run_pause = 4;
        worker->lead_again = 0;
    }
    outcome_end(o);
    qsort(o->stream, o->streams, sizeof o->stream[0], by_key);
    far_end();
    open_end();
}

static struct outcome with, without;

/* With ESN a number behind the window is read as one of the next 2^32 (RFC 4303 A2.1), and the ICV is wrong. A run looks at the window later than the
 * long way, which looks once for a burst: of a number that comes again as the window leaves it behind, one finds that it came, and the other
 * that it is forged. None of them is taken. */
static unsigned behind;
static void behind_the_window(uint64_t *forged, uint64_t *again, uint64_t forged_without)
{
    const uint64_t n = *forged - forged_without;
    CU_ASSERT_TRUE(n <= BEHIND_MOST); /* never fewer, which would be very many */
    *forged -= n;
    *again += n;
    behind += n > 0;
}

/* What `with` and `without` of one form came to is the same. */
static inline void same_outcomes(const struct form *f, bool changing)
{
    if (f->flags & CV_SA_ESN) {
        uint64_t *drops = with.stats.drops;
        behind_the_window(&drops[CV_DROP_ESP_AUTH], &drops[CV_DROP_REPLAY_DUP],
                          without.stats.drops[CV_DROP_ESP_AUTH]);
        behind_the_window(&with.in.auth_failed, &with.in.replayed, without.in.auth_failed);
    }
    CU_ASSERT_EQUAL(memcmp(&with.stats, &without.stats, sizeof with.stats), 0);
    CU_ASSERT_EQUAL(memcmp(with.ifs, without.ifs, sizeof with.ifs), 0);
    CU_ASSERT_EQUAL(memcmp(with.lost, without.lost, sizeof with.lost), 0);
    CU_ASSERT_EQUAL(memcmp(&with.in, &without.in, sizeof with.in), 0);
    CU_ASSERT_EQUAL(memcmp(&with.out, &without.out, sizeof with.out), 0);
    CU_ASSERT_EQUAL(memcmp(&with.other, &without.other, sizeof with.other), 0);
    CU_ASSERT_EQUAL(with.streams, without.streams);
    if (!changing) /* neighbours are asked for now and then */
        CU_ASSERT_EQUAL(with.slow, without.slow);
    CU_ASSERT_EQUAL(with.soft, without.soft);
    CU_ASSERT_EQUAL(with.hard, without.hard);
    CU_ASSERT_EQUAL(with.moved > 0, without.moved > 0); /* told once a second */
    if (!mixed || is_aead(f)) /* fragments that were encrypted are not opened with others */
        CU_ASSERT_EQUAL(memcmp(with.stream, without.stream, sizeof with.stream), 0);
}

static inline void both_ways(const struct form *f, uint64_t from, enum way way, bool changing)
{
    pass(f, from, LONG, changing, &without);
    pass(f, from, way, changing, &with);
    same_outcomes(f, changing);
    CU_ASSERT(mixed || !draws_ivs(f) || opened > 1000);
}

/* Before the first pass, and again for another engine. */
static void passes_start(const struct eng_ops *engine)
{
    dp_worker_free(worker);
    worker = NULL;
    if (!mgr) {
        mgr_start();
        ports_open(RING_RX_SLOTS);
    } else {
        esp_worker_fini(&far);
    }
    site_engine = engine;
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&far, engine, 0, -1), CV_OK);
    far.sole = true;
}

static void passes_end(void)
{
    dp_worker_free(worker);
    esp_worker_fini(&far);
    mgr_stop();
}

/* Buffers, ports and SAs for frames of any length up to JUMBO; or as they were. */
static void jumbo_set(bool on)
{
    static struct rte_mempool *small, *big;
    if (!big) {
        small = pkt_pool;
        big = rte_pktmbuf_pool_create("jumbo", 511, 0, sizeof(struct dp_meta), ROOM + 500, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(big);
    }
    CU_ASSERT_EQUAL(pkt_used(), 0);
    pkt_pool = on ? big : small;
    longest = on ? JUMBO : LONGEST;
    for (unsigned p = 0; p < RING_PORTS; p++)
        mgr_dp.ports[p].mtu = on ? JUMBO + 200 : 1500;
}

#endif
