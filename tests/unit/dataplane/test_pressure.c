/* A crypto device that does few operations per turn, and in any order: receive queues, SAs and the inbox each get their share of it, the order of
 * every SA is kept, and nothing is lost on the way. Both ports have more to give than the device can do, all the time. */
#include "common/log.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_transit.h"
#include "dataplane/engine/eng_cryptodev.h"
#include "dataplane/engine/eng_cryptodev_dev.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/ip/ip_csum.h"
#include "tests/unit/dataplane/ring_fix.h"
#include "tests/unit/engine/cdev_model.h"

enum {
    TUNNEL = 20,
    SAS = 3, /* of each direction, an interface each */
    SLOT_IN = 40,
    SLOT_OUT = 50,
    TURNS = 1500,
    PER_TURN = 6,      /* operations that the device gives back */
    WAITING = 256,     /* packets in front of each port, again and again */
    LEN = 100,         /* of inner packets */
    INBOX_WAITS = 100, /* turns, at most: two bursts of the ports, at PER_TURN */
    ETHER = RTE_ETHER_HDR_LEN,
    POOL = 6143, /* what is under way, twice */
    NUMBER = 28, /* where an inner packet says which of its SA it is */
    NATIVE = 0x5c,
};

static struct dp_worker *worker;
static const uint8_t far_mac[6] = {2, 1, 1, 1, 1, 1}, own_mac[6] = {2, 0, 0, 0, 0, 1};
static struct esp_worker far;
static struct esp_out_sa *far_sa[SAS];
static struct cv_sa_counters far_counters[SAS];

/* Of one direction: packets that were put in front of the port, by SA, and that left at the other one. */
struct way {
    uint32_t given[SAS], left[SAS];
};
static struct way in, out;
static unsigned turn, framed, frames_left, longest_wait, disorder;

/* ---- the site ------------------------------------------------------------------------------------------------------ */
static struct cv_sa sa_of(enum cv_dir dir, unsigned i)
{
    struct cv_sa sa = mgr_sa(dir, (dir == CV_DIR_IN ? SLOT_IN : SLOT_OUT) + i, TUNNEL + i);
    sa.replay_window = 4096;
    memset(sa.encr_key, (int)(dir * SAS + i), sizeof sa.encr_key);
    return sa;
}

static void sas_make(unsigned i)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    char net[20];
    c.u.interface = (struct cv_if){
        .if_id = TUNNEL + i, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = CV_TUNNEL_IPSEC4, .name = "T"};
    c.u.interface.name[1] = (char)('a' + i);
    CU_ASSERT_EQUAL_FATAL(mgr_cmd(&c), CV_OK);
    snprintf(net, sizeof net, "10.%u.0.0/16", TUNNEL + i);
    CU_ASSERT_EQUAL_FATAL(mgr_route(net, TUNNEL + i, NULL), CV_OK);
    struct cv_sa sa = sa_of(CV_DIR_OUT, i), peer;
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    peer = sa = sa_of(CV_DIR_IN, i);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa), CV_OK);
    peer.ref.dir = CV_DIR_OUT;
    peer.local = sa.remote;
    peer.remote = sa.local;
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&peer, &eng_ipsecmb, -1, &far_counters[i], &far_sa[i]), CV_OK);
}

static void site_make(void)
{
    const struct ip_addr gate = mgr_addr("10.0.0.254"), host = mgr_addr("192.168.1.77");
    char why[256] = "";
    rte_mempool_free(pkt_pool);
    pkt_pool =
        rte_pktmbuf_pool_create("many", POOL, 0, sizeof(struct dp_meta), 2048 + RTE_PKTMBUF_HEADROOM, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pkt_pool);
    log_set_level(LOG_LEVEL_ERROR);
    mgr_start();
    CU_ASSERT_EQUAL_FATAL(eng_cryptodev.start("crypto_aesni_gcm look-aside", 1, why, sizeof why), CV_OK);
    mgr_dp.engine = mgr_dp.sad.engine = &eng_cryptodev;
    ports_open(4096);
    mgr_fresh();
    ip_nbr_claim(&mgr_dp.nbrs, OUTSIDE, &gate, far_mac, mgr->now_ms, &nbr_fix_calls);
    ip_nbr_claim(&mgr_dp.nbrs, INSIDE, &host, far_mac, mgr->now_ms, &nbr_fix_calls);
    for (unsigned i = 0; i < SAS; i++)
        sas_make(i);
    mgr_dp.mbuf_room = 2048;
    dp_owners_init(&mgr_dp.owners, 1);
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&far, &eng_ipsecmb, 0, -1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_worker_new(&mgr_dp, 0, 0, &worker), CV_OK);
    CU_ASSERT_TRUE_FATAL(worker->esp.asynchronous);
    cdev_model_install();
}

static void site_end(void)
{
    cdev_model_remove();
    dp_worker_free(worker);
    for (unsigned i = 0; i < SAS; i++)
        esp_out_sa_free(far_sa[i]);
    esp_worker_fini(&far);
    mgr_stop();
    eng_cryptodev.stop();
}

/* ---- packets --------------------------------------------------------------------------------------------------------- */
static struct rte_mbuf *inner(const uint8_t src[4], const uint8_t dst[4], uint32_t number)
{
    uint8_t b[LEN] = {0x45, 0, 0, LEN, 0, 0, 0x40, 0, 64, 17};
    memcpy(b + 12, src, 4);
    memcpy(b + 16, dst, 4);
    b[22] = 1; /* no port of ESP's */
    b[25] = LEN - 20;
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    memcpy(b + NUMBER, &number, sizeof number);
    struct rte_mbuf *m = pkt_of(b, LEN);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    return m;
}

static void arrives(unsigned port, struct rte_mbuf *m)
{
    uint8_t *e = (uint8_t *)rte_pktmbuf_prepend(m, ETHER);
    memcpy(e, own_mac, 6);
    memcpy(e + 6, far_mac, 6);
    e[12] = 8;
    e[13] = 0;
    CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(rx[port], m), 0);
}

/* Each port has WAITING packets again, of its SAs in turn. */
static void feed(void)
{
    for (unsigned i = (unsigned)(out.given[0] % SAS); rte_ring_count(rx[1]) < WAITING; i++) {
        const uint8_t src[4] = {192, 168, 1, 77}, dst[4] = {10, (uint8_t)(TUNNEL + i % SAS), 0, 1};
        arrives(1, inner(src, dst, out.given[i % SAS]++));
    }
    for (unsigned i = (unsigned)(in.given[0] % SAS); rte_ring_count(rx[0]) < WAITING; i++) {
        const uint8_t src[4] = {10, (uint8_t)(TUNNEL + i % SAS), 0, 1}, dst[4] = {192, 168, 1, 77};
        struct rte_mbuf *m = inner(src, dst, in.given[i % SAS]++);
        CU_ASSERT_EQUAL_FATAL(esp_out_burst(&far, &m, &far_sa[i % SAS], 1), 1);
        arrives(0, m);
    }
}

/* What the manager sends by the worker: a frame that says when it was given. */
static void frame_give(void)
{
    struct rte_mbuf *m = pkt_new();
    uint8_t *b = (uint8_t *)rte_pktmbuf_append(m, 64);
    memset(b, NATIVE, 64);
    memcpy(b + ETHER, &turn, sizeof turn);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    dp_meta(m)->stage = DP_STAGE_FRAME;
    dp_meta(m)->port = 0;
    CU_ASSERT_TRUE_FATAL(io_give(mgr_dp.rings.inbox[0], m));
    framed++;
}

static void outside_left(const uint8_t *b)
{
    const uint8_t *esp = b + ETHER + 20;
    unsigned given;
    if (b[12] == NATIVE) {
        memcpy(&given, b + ETHER, sizeof given);
        longest_wait = RTE_MAX(longest_wait, turn - given);
        frames_left++;
        return;
    }
    const unsigned i = (esp[3] & ((1u << MGR_BITS) - 1) & 0xff) - SLOT_OUT;
    CU_ASSERT_TRUE_FATAL(b[ETHER + 9] == 50 && i < SAS);
    disorder +=
        (uint32_t)(esp[6] << 8 | esp[7]) != ++out.left[i]; /* its number: none is missing, none early */
}

static void inside_left(const uint8_t *b)
{
    const unsigned i = b[ETHER + 13] - TUNNEL;
    uint32_t number;
    CU_ASSERT_TRUE_FATAL(i < SAS);
    memcpy(&number, b + ETHER + NUMBER, sizeof number);
    disorder += number != in.left[i]++;
}

static void look(void)
{
    struct rte_mbuf *m;
    for (unsigned p = 0; p < 2; p++)
        while (rte_ring_dequeue(tx[p], (void **)&m) == 0) {
            (p == 0 ? outside_left : inside_left)(rte_pktmbuf_mtod(m, const uint8_t *));
            rte_pktmbuf_free(m);
        }
}

static uint32_t sum(const uint32_t of[SAS])
{
    uint32_t n = 0;
    for (unsigned i = 0; i < SAS; i++)
        n += of[i];
    return n;
}

/* ---- tests ------------------------------------------------------------------------------------------------------------- */
/* Of what the worker has taken, at any time. */
static void ports_have_equal_shares(void)
{
    const int in_took = (int)(sum(in.given) - rte_ring_count(rx[0])),
              out_took = (int)(sum(out.given) - rte_ring_count(rx[1]));
    CU_ASSERT_TRUE(abs(in_took - out_took) <= IO_BURST);
}

static void drained(void)
{
    struct eng_flight f;
    cdev_model.per_poll = 0;
    do {
        (void)dp_worker_turn(worker);
        look();
        esp_flight(&worker->esp, &f);
    } while (f.submitted != f.delivered || rte_ring_count(rx[0]) + rte_ring_count(rx[1]) > 0);
    CU_ASSERT_EQUAL(memcmp(in.given, in.left, sizeof in.left), 0);
    CU_ASSERT_EQUAL(memcmp(out.given, out.left, sizeof out.left), 0);
    CU_ASSERT_EQUAL(frames_left, framed);
}

static void sas_have_equal_shares(const struct way *w, const struct way *was)
{
    const uint32_t done = sum(w->left) - sum(was->left);
    for (unsigned i = 0; i < SAS; i++)
        CU_ASSERT_TRUE(abs((int)(w->left[i] - was->left[i]) - (int)(done / SAS)) <= IO_BURST);
}

static void a_slow_device_is_shared(unsigned delay, bool mix)
{
    const struct way in_was = in, out_was = out;
    cdev_model.per_poll = PER_TURN;
    cdev_model.delay = delay;
    cdev_model.mix_all = mix;
    for (unsigned end = turn + TURNS; turn < end; turn++) {
        feed();
        if (turn % 10 == 0)
            frame_give();
        (void)dp_worker_turn(worker);
        ports_have_equal_shares();
        look();
    }
    const uint32_t done = sum(in.left) + sum(out.left) - sum(in_was.left) - sum(out_was.left);
    CU_ASSERT_TRUE(done > TURNS * PER_TURN / 4); /* the device was busy, */
    CU_ASSERT_TRUE(done <= TURNS * PER_TURN);    /* and had more than it could do */
    sas_have_equal_shares(&in, &in_was);
    sas_have_equal_shares(&out, &out_was);
    CU_ASSERT_TRUE(framed - frames_left <= INBOX_WAITS / 10 + 1);
    drained();
}

static void whoever_waits_gets_its_share_in_order_and_nothing_is_lost(void)
{
    site_make();
    a_slow_device_is_shared(0, false);
    a_slow_device_is_shared(30, false);
    a_slow_device_is_shared(60, true);
    CU_ASSERT_TRUE(longest_wait > 0 && longest_wait <= INBOX_WAITS);
    CU_ASSERT_EQUAL(disorder, 0);
    for (unsigned r = 0; r < CV_DROP_COUNT; r++)
        CU_ASSERT_EQUAL(worker->stats->drops[r], 0);
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    CU_ASSERT_TRUE(cdev_runs());
    site_end();
}

PKT_MAIN("pressure", UNIT_TEST(whoever_waits_gets_its_share_in_order_and_nothing_is_lost))
