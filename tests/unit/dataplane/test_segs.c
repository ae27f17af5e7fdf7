/* Frames in several mbufs through the worker: what leaves, and all that is counted, is what frames in one mbuf leave; by ports that send several segments it leaves in them
 * where nothing on its way asks for one, by others never. Seeded bursts of both kinds, common packets and odd ones, in clear and for SAs, both ways. */
#include "dataplane/dp_segs.h"
#include "dataplane/ip/ip_chain.h"
#include "tests/unit/dataplane/run_pass.h"
#include "tests/unit/esp/segs.h"

enum { HEADERS = 60 };

static unsigned arrived, left, longest_chain;
static bool empties;

static struct rte_mbuf *in_segs(const struct frame *f)
{
    if (f->len < ETHER || segs_rnd(3) == 0)
        return pkt_of(f->b, f->len);
    struct rte_mbuf *m =
        segs_of(f->b, f->len, segs_rnd(6) ? HEADERS + segs_rnd(60) : segs_rnd(HEADERS) + 1, empties);
    if (m->nb_segs == 1) { /* as a port gives it: with room behind */
        rte_pktmbuf_free(m);
        return pkt_of(f->b, f->len);
    }
    arrived++;
    return m;
}

static struct rte_mbuf *from_segs(struct rte_mbuf *m)
{
    CU_ASSERT_TRUE(dp_chain_sound(m));
    if (m->nb_segs == 1)
        return m;
    left++;
    longest_chain = RTE_MAX(longest_chain, m->nb_segs);
    for (const struct rte_mbuf *s = m; s; s = s->next)
        CU_ASSERT(s->data_len > 0);
    struct rte_mbuf *one = ip_chain_join(m, mgr_dp.jumbo_pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(one);
    rte_pktmbuf_free(m);
    return one;
}

static void ports_take(uint16_t segs)
{
    for (unsigned p = 0; p < RING_PORTS; p++)
        mgr_dp.ports[p].tx_segs = segs;
}

static void same_as_without(const struct form *f)
{
    with.stats.joined = 0;
    same_outcomes(f, false);
}

/* Gives how many left in several mbufs. */
static unsigned chained(const struct form *f, uint64_t from, enum way way, uint16_t segs, uint64_t *joins)
{
    left = 0;
    arrives_in = in_segs;
    left_in = from_segs;
    ports_take(segs);
    pass(f, from, way, false, &with);
    arrives_in = NULL;
    left_in = NULL;
    *joins = with.stats.joined;
    same_as_without(f);
    CU_ASSERT_EQUAL(segs_used(), 0);
    return left;
}

static void form_through(const struct form *f, unsigned i, bool in_pieces)
{
    uint64_t all, some, none;
    const unsigned before = arrived;
    pass(f, 0x5e65 + i, LONG, false, &without);
    const unsigned n = chained(f, 0x5e65 + i, LONG, UINT16_MAX, &all);
    const unsigned came = arrived - before, few = chained(f, 0x5e65 + i, RUNS, 3, &some);
    CU_ASSERT_EQUAL(chained(f, 0x5e65 + i, GROUPS, 1, &none), 0);
    CU_ASSERT(f->tcp_mss ? n == 0 && few == 0 : n > few && few > 0 && all < some && some < none);
    CU_ASSERT(!in_pieces || n > came / 3); /* by far the most go through as they are */
    CU_ASSERT(none >= n);
}

static void what_leaves_is_what_frames_in_one_mbuf_leave(void)
{
    static const struct form mine[] = {
        {.window = 64, .encr = CV_ENCR_AES_GCM_16, .jumbo = true},
        {.window = 64, .encr = CV_ENCR_AES_GCM_16, .key_len = 24, .flags = CV_SA_NATT, .jumbo = true},
        {.window = 1024,
         .encr = CV_ENCR_AES_GCM_16,
         .key_len = 32,
         .flags = CV_SA_ESN,
         .seq = UINT32_MAX - 4000,
         .outer6 = true,
         .jumbo = true},
        {.window = 64, .encr = CV_ENCR_AES_GCM_16, .narrow = true, .df = CV_DF_CLEAR, .jumbo = true},
        {.window = 128,
         .encr = CV_ENCR_AES_GCM_16,
         .hard_packets = 9000,
         .soft_packets = 1500,
         .jumbo = true},
        {.window = 64, .encr = CV_ENCR_NULL_AES_GMAC, .jumbo = true},
        {.window = 64, .encr = CV_ENCR_CHACHA20_POLY1305, .key_len = 32, .jumbo = true},
        {.window = 64, .encr = CV_ENCR_AES_GCM_16, .tcp_mss = 1, .jumbo = true}, /* all of it is joined */
        {.window = 64, .encr = CV_ENCR_NULL, .jumbo = true},
    };
    printf("seed %llx ", (unsigned long long)segs_seed);
    passes_start(fix_engine());
    jumbo_set(true);
    mgr_dp.jumbo_pool = pkt_pool;
    segs_pools();
    for (unsigned i = 0; i < RTE_DIM(mine); i++) {
        empties = i & 1;
        form_through(&mine[i], i, i < 7);
    }
    printf("%u chains came, of up to %u mbufs they left ", arrived, longest_chain);
}

/* ---- in clear ------------------------------------------------------------------------------------------------------ */
/* From inside to anywhere, of family v4 or v6; gives the octets of the IP packet, behind which the link has put `more`. */
static unsigned clear_frame(struct frame *f, bool v6, unsigned len, unsigned more)
{
    const struct flow flow = {
        .src = {192, 168, 1, 77}, .dst = {203, 0, 113, 9}, .proto = 17, .ttl = 64, .len = len};
    clear_make(f, &flow, len, false);
    if (v6) {
        static const uint8_t head[40] = {0x60,     [6] = 17, 64,   0x20, 0x01, 0x0d, 0xb8, 0,       7,
                                         [23] = 1, 0x20,     0x01, 0x0d, 0xb8, 0,    9,    [39] = 1};
        uint8_t *ip = f->b + ETHER;
        memcpy(ip, head, sizeof head);
        ip[4] = (uint8_t)((len - 40) >> 8);
        ip[5] = (uint8_t)(len - 40);
        memset(ip + 40, 0, 8);
        ip[42] = 1;
        ip[44] = ip[4];
        ip[45] = ip[5];
        ether(f, len, RTE_ETHER_TYPE_IPV6);
    }
    memset(f->b + f->len, 0xc7, more);
    f->len = (uint16_t)(f->len + more);
    return len;
}

/* What the link put behind the packet does not leave with it, in whichever mbuf it was; TTL and addresses are as routers have them. */
static void in_clear_chains_leave_as_chains_without_what_was_behind_them(void)
{
    const struct form f = {.window = 64, .encr = CV_ENCR_AES_GCM_16, .jumbo = true};
    unsigned chains[2] = {0, 0};
    site_make(&f);
    worker_fresh(LONG);
    for (unsigned i = 0; i < 2000; i++) {
        const uint16_t segs = i & 1 ? 1 : UINT16_MAX;
        const bool v6 = i & 2;
        struct frame *frame = &burst[0];
        struct rte_mbuf *m = NULL;
        const unsigned len = clear_frame(frame, v6, 64 + rnd(i % 8 ? 2000 : 8900), rnd(4) ? 0 : 1 + rnd(200));
        ports_take(segs);
        CU_ASSERT_EQUAL_FATAL(
            rte_ring_enqueue(rx[1], segs_of(frame->b, frame->len, ETHER + 40 + DP_CHAIN_SHOWN, i & 4)), 0);
        (void)dp_worker_turn(worker);
        if (rte_ring_dequeue(tx[0], (void **)&m) != 0) {
            CU_FAIL("it did not leave");
            continue;
        }
        uint8_t *ip = frame->b + ETHER;
        memcpy(frame->b, far_mac, 6);
        memcpy(frame->b + 6, mgr_dp.ports[0].mac, 6);
        ip[v6 ? 7 : 8]--;
        if (!v6)
            checksum(ip);
        CU_ASSERT_TRUE(segs_are(m, frame->b, len + ETHER) ||
                       (m->nb_segs == 1 && m->data_len == len + ETHER &&
                        !memcmp(rte_pktmbuf_mtod(m, void *), frame->b, len + ETHER)));
        chains[i & 1] += m->nb_segs > 1;
        rte_pktmbuf_free(m);
    }
    CU_ASSERT(chains[0] > 800);
    CU_ASSERT_EQUAL(chains[1], 0);
    CU_ASSERT_EQUAL(segs_used(), 0);
}

/* A policy on the port, an MSS, and no neighbour: all of it is joined and goes where one mbuf goes. */
static void what_asks_of_each_packet_is_given_one_mbuf(void)
{
    const struct form f = {.window = 64, .encr = CV_ENCR_AES_GCM_16, .jumbo = true};
    const struct cv_sa out = sa_of(&f, CV_DIR_OUT, OUT_SLOT, TUNNEL),
                       in = sa_of(&f, CV_DIR_IN, IN_SLOT, TUNNEL);
    struct frame *frame = &burst[0];
    for (unsigned what = 0; what <= CHANGE_LAST_SEEDED; what++) {
        struct outcome *const o[] = {&without, &with};
        for (unsigned k = 0; k < 2; k++) {
            const struct flow flow = {
                .src = {192, 168, 1, 77}, .dst = {10, 20, 1, 1}, .proto = 17, .ttl = 64, .len = 3000};
            memset(o[k], 0, sizeof *o[k]);
            seed = 77;
            site_make(&f);
            worker_fresh(LONG);
            ports_take(UINT16_MAX);
            CU_ASSERT_EQUAL(change_do((enum change)what, true, &out, &in), CV_OK);
            for (unsigned i = 0; i < 50; i++) {
                clear_make(frame, &flow, i, false);
                struct rte_mbuf *m =
                    k ? segs_of(frame->b, frame->len, HEADERS, false) : pkt_of(frame->b, frame->len);
                CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[1], m), 0);
            }
            left_in = from_segs;
            (void)dp_worker_turn(worker);
            outcome_add(o[k]);
            outcome_end(o[k]);
            left_in = NULL;
            CU_ASSERT_EQUAL(change_do((enum change)what, false, &out, &in), CV_OK);
        }
        same_as_without(&f);
    }
    CU_ASSERT_EQUAL(segs_used(), 0);
}

static uint64_t lost_by(uint32_t if_id, enum cv_dir dir)
{
    const struct cv_if_drops *d = shm_if_drops(&mgr_dp.shm, 0, if_id);
    uint64_t sum = 0;
    for (unsigned i = 0; i < RTE_DIM(d->n[dir]); i++)
        sum += d->n[dir][i];
    return sum;
}

/* What cannot be joined behind an SA, as no long buffer is left, is lost by the SA's interface. */
static void a_chain_that_cannot_be_joined_is_lost_by_its_tunnel(void)
{
    const struct form f = {.window = 64, .encr = CV_ENCR_AES_GCM_16, .jumbo = true};
    const struct flow
        out = {.src = {192, 168, 1, 77}, .dst = {10, 20, 1, 1}, .proto = 17, .ttl = 64, .len = 3000},
        in = {.src = {10, 20, 1, 1}, .dst = {192, 168, 1, 77}, .proto = 17, .ttl = 64, .len = 3000};
    site_make(&f);
    worker_fresh(LONG);
    ports_take(1);
    far_start(&f, IN_SLOT);
    mgr_dp.jumbo_pool = rte_pktmbuf_pool_create("none", 1, 0, sizeof(struct dp_meta), 16384, SOCKET_ID_ANY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mgr_dp.jumbo_pool);
    struct rte_mbuf *all = rte_pktmbuf_alloc(mgr_dp.jumbo_pool);
    for (unsigned way = 0; way < 2; way++) {
        const enum cv_dir dir = way ? CV_DIR_IN : CV_DIR_OUT;
        struct frame *frame = &burst[0];
        (way ? esp_make : clear_make)(frame, way ? &in : &out, way, false);
        const uint64_t before = lost_by(TUNNEL, dir), drops = worker->stats->drops[CV_DROP_NO_MBUF];
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[!way], segs_of(frame->b, frame->len, 200, false)), 0);
        (void)dp_worker_turn(worker);
        CU_ASSERT_EQUAL(worker->stats->drops[CV_DROP_NO_MBUF] - drops, 1);
        CU_ASSERT_EQUAL(lost_by(TUNNEL, dir) - before, 1);
    }
    far_end();
    CU_ASSERT_EQUAL(segs_used(), 0);
    rte_pktmbuf_free(all);
    rte_mempool_free(mgr_dp.jumbo_pool);
    mgr_dp.jumbo_pool = pkt_pool;
}

/* ---- lies ---------------------------------------------------------------------------------------------------------- */
enum lie { OCTETS_MORE, OCTETS_FEWER, OCTETS_HUGE, SEGMENTS, BEYOND_ITS_BUFFER, SHARED, TOO_MANY, LIES };

static struct rte_mbuf *lie_told(struct rte_mbuf *m, enum lie lie)
{
    struct rte_mbuf *last = dp_chain_last(m);
    switch (lie) {
    case OCTETS_MORE:
        m->pkt_len += 40;
        break;
    case OCTETS_FEWER:
        m->pkt_len -= 40;
        break;
    case OCTETS_HUGE:
        m->pkt_len = UINT32_MAX - 7;
        break;
    case SEGMENTS:
        m->nb_segs++;
        break;
    case BEYOND_ITS_BUFFER:
        m->pkt_len += last->buf_len;
        last->data_len = (uint16_t)(last->data_len + last->buf_len);
        break;
    case SHARED:
        rte_mbuf_refcnt_set(last, 2);
        break;
    default:
        while (m->nb_segs <= DP_CHAIN_MAX) {
            last = last->next = segs_one((const uint8_t *)"x", 1, false);
            m->nb_segs++;
            m->pkt_len++;
        }
        break;
    }
    return last;
}

static void a_chain_that_lies_leaves_as_one_mbuf_or_not_at_all(void)
{
    const struct form f = {.window = 64, .encr = CV_ENCR_AES_GCM_16, .jumbo = true};
    const struct flow
        out = {.src = {192, 168, 1, 77}, .dst = {10, 20, 1, 1}, .proto = 17, .ttl = 64, .len = 3000},
        in = {.src = {10, 20, 1, 1}, .dst = {192, 168, 1, 77}, .proto = 17, .ttl = 64, .len = 3000};
    site_make(&f);
    worker_fresh(LONG);
    ports_take(UINT16_MAX);
    far_start(&f, IN_SLOT);
    for (unsigned k = 0; k < 2 * LIES; k++) {
        const enum lie lie = (enum lie)(k / 2);
        struct frame *frame = &burst[0];
        struct rte_mbuf *m;
        if (k & 1)
            esp_make(frame, &in, k, false);
        else
            clear_make(frame, &out, k, false);
        m = segs_of(frame->b, frame->len, 200, false);
        while (m->nb_segs == 1) {
            rte_pktmbuf_free(m);
            m = segs_of(frame->b, frame->len, 200, false);
        }
        struct rte_mbuf *last = lie_told(m, lie);
        const uint64_t no_mbuf = worker->stats->drops[CV_DROP_NO_MBUF],
                       no_room = worker->stats->drops[CV_DROP_NO_ROOM];
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[!(k & 1)], m), 0);
        (void)dp_worker_turn(worker);
        const uint64_t dropped = worker->stats->drops[CV_DROP_NO_MBUF] - no_mbuf,
                       long_one = worker->stats->drops[CV_DROP_NO_ROOM] - no_room;
        unsigned frames = 0;
        for (unsigned p = 0; p < 2; p++)
            while (rte_ring_dequeue(tx[p], (void **)&m) == 0) {
                CU_ASSERT_EQUAL(m->nb_segs, 1);
                rte_pktmbuf_free(m);
                frames++;
            }
        CU_ASSERT_EQUAL(frames, lie >= SHARED || lie == SEGMENTS);
        CU_ASSERT_EQUAL(dropped, lie == OCTETS_MORE || lie == BEYOND_ITS_BUFFER);
        CU_ASSERT_EQUAL(long_one, lie == OCTETS_HUGE);
        if (lie == SHARED) { /* the other one's */
            CU_ASSERT_EQUAL(rte_mbuf_refcnt_read(last), 1);
            rte_pktmbuf_free_seg(last);
        }
    }
    far_end();
    CU_ASSERT_EQUAL(segs_used(), 0);
}

static void everything_ends(void)
{
    jumbo_set(false);
    passes_end();
}

PKT_MAIN("segs", UNIT_TEST(what_leaves_is_what_frames_in_one_mbuf_leave),
         UNIT_TEST(in_clear_chains_leave_as_chains_without_what_was_behind_them),
         UNIT_TEST(what_asks_of_each_packet_is_given_one_mbuf),
         UNIT_TEST(a_chain_that_cannot_be_joined_is_lost_by_its_tunnel),
         UNIT_TEST(a_chain_that_lies_leaves_as_one_mbuf_or_not_at_all), UNIT_TEST(everything_ends))
