/* crypto-engine inline with a NIC that does ESP as a whole (inline protocol): it has the numbers and the window, so software does nothing
 * for its SAs. What the NIC cannot take is dropped, and the SA's successor is software's. */
#include "tests/unit/dataplane/inline_fix.h"

/* ---- inline protocol --------------------------------------------------------------------------------------------------- */
static unsigned soft_events(void)
{
    struct heard h = {.count = 0};
    eng_inline_told(hear, &h);
    CU_ASSERT_TRUE(h.count == 0 || h.last.reason == 3);
    return h.type == CV_EVT_SA_SOFT ? h.count : 0;
}

static void the_nic_does_all(void)
{
    static const struct kind kinds[] = {
        {CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V4, 0, CV_MODE_TUNNEL},
        {CV_ENCR_AES_GCM_16, 0, 32, 0, IP_V6, 0, CV_MODE_TUNNEL},
        {CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V4, CV_SA_NATT, CV_MODE_TUNNEL},
        {CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V4, CV_SA_ESN, CV_MODE_TUNNEL},
        {CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V4, CV_SA_NO_REPLAY, CV_MODE_TUNNEL}};
    for (unsigned i = 0; i < RTE_DIM(kinds); i++) {
        struct pair p;
        nic(model_caps_protocol);
        pair_add(&p, &kinds[i]);
        CU_ASSERT_EQUAL(model.sessions, 2);
        sends(&p, ROUNDS);
        receives(&p, ROUNDS);
        CU_ASSERT_EQUAL(model.encrypted, ROUNDS);
        CU_ASSERT_EQUAL(model.decrypted, ROUNDS);
        dp_sad_engines_update(&dp.sad);
        CU_ASSERT_EQUAL(shm_sa_engine(&dp.shm, CV_DIR_OUT, p.out.ref.sa_id)->by, CV_ENGINE_INLINE_PROTOCOL);
        struct cv_sa_counters c;
        shm_counters_sum(&dp.shm, CV_DIR_IN, p.in.ref.sa_id, &c);
        CU_ASSERT_EQUAL(c.packets, ROUNDS);
        shm_counters_sum(&dp.shm, CV_DIR_OUT, p.out.ref.sa_id, &c);
        CU_ASSERT_EQUAL(c.packets, ROUNDS);
        CU_ASSERT_EQUAL(shm_sa_offload(&dp.shm, CV_DIR_OUT, p.out.ref.sa_id)->packets, ROUNDS);
        CU_ASSERT_EQUAL(shm_sa_offload(&dp.shm, CV_DIR_IN, p.in.ref.sa_id)->packets, ROUNDS);
        CU_ASSERT_EQUAL(soft_events(), 0);
        pair_del(&p);
    }
}

/* What the NIC cannot take is dropped: its SA is to be replaced, and the next one is software's. */
static void unfit(struct pair *p, void (*make)(void), void (*undo)(void))
{
    nic(model_caps_protocol);
    pair_add(p, &gcm);
    sends(p, 3);
    const uint64_t before = drops(CV_DROP_CRYPTO);
    make();
    CU_ASSERT_PTR_NULL(send_one(p, 1300));
    CU_ASSERT_EQUAL(drops(CV_DROP_CRYPTO), before + 1);
    CU_ASSERT_EQUAL(rte_ring_count(tx[INSIDE]), 0);
    undo();
    CU_ASSERT_EQUAL(soft_events(), 1);
    struct pair next;
    pair_add(&next, &gcm);
    sends(&next, 3);
    receives(&next, 3);
    CU_ASSERT_EQUAL(model.encrypted, 3);
    CU_ASSERT_TRUE(shown(&next.out, CV_ENGINE_UNKNOWN, CV_ENGINE_WHY_UNFIT));
    CU_ASSERT_TRUE(shown(&next.in, CV_ENGINE_UNKNOWN, CV_ENGINE_WHY_UNFIT));
    pair_del(&next);
    pair_del(p);
}

static void route_bend(void)
{
    const struct ip_addr via = v4(10, 1, 0, 2);
    route(IP_ROUTE_STATIC, outer(IP_V4, true), 32, IN_IF, &via);
}
static void route_straighten(void)
{
    unroute(outer(IP_V4, true), 32);
}
static void metadata_off(void)
{
    model.no_metadata = true;
}
static void metadata_on(void)
{
    model.no_metadata = false;
}
static void path_narrow(void)
{
    struct ip_if *out = (struct ip_if *)(uintptr_t)ip_if_get(&dp.ifs, OUT_IF);
    out->mtu = 1300;
}
static void path_widen(void)
{
    struct ip_if *out = (struct ip_if *)(uintptr_t)ip_if_get(&dp.ifs, OUT_IF);
    out->mtu = 1500;
}
static void nic_gone(void)
{
    model_event(RTE_ETH_EVENT_INTR_RESET, UINT32_MAX, 0);
}

static void software_is_never_asked(void)
{
    struct pair p;
    unfit(&p, route_bend, route_straighten);
    unfit(&p, metadata_off, metadata_on);
    unfit(&p, path_narrow, path_widen);
    nic(model_caps_protocol);
    pair_add(&p, &gcm);
    sends(&p, 3);
    nic_gone();
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_PTR_NULL(send_one(&p, 100));
    dp_sad_engines_update(&dp.sad);
    const struct cv_sa_engine *e = shm_sa_engine(&dp.shm, CV_DIR_OUT, p.out.ref.sa_id);
    CU_ASSERT_EQUAL(e->by, CV_ENGINE_UNKNOWN);
    CU_ASSERT_EQUAL(e->why, CV_ENGINE_WHY_FAILED);
    CU_ASSERT_EQUAL(soft_events(), 1);
    pair_del(&p);
}

static void the_nics_window(void)
{
    struct pair p;
    struct rte_mbuf *copy;
    nic(model_caps_protocol);
    pair_add(&p, &gcm);
    const uint64_t bad = drops(CV_DROP_ESP_AUTH), only = drops(CV_DROP_CRYPTO);
    feed(OUTSIDE, far_frame(&p, 200, &copy));
    CU_ASSERT_EQUAL(came(), p.sent);
    feed(OUTSIDE, copy); /* again: the NIC finds it */
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(drops(CV_DROP_ESP_AUTH), bad + 1);
    feed(OUTSIDE, far_frame(&p, 200, &copy));
    CU_ASSERT_EQUAL(came(), p.sent);
    model.passes_by = true; /* again, past the NIC: no window would find it here */
    feed(OUTSIDE, copy);
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(drops(CV_DROP_CRYPTO), only + 1);
    CU_ASSERT_EQUAL(soft_events(), 0); /* anybody may have sent that */
    model.passes_by = false;
    pair_del(&p);
}

static void strays(struct pair *p, unsigned n)
{
    const uint64_t before = drops(CV_DROP_CRYPTO);
    model.passes_by = true;
    for (unsigned i = 0; i < n; i++) {
        feed(OUTSIDE, far_frame(p, 100, NULL));
        CU_ASSERT_EQUAL(came(), -1);
    }
    model.passes_by = false;
    CU_ASSERT_EQUAL(drops(CV_DROP_CRYPTO), before + n);
}

/* What comes past the NIC decides nothing while anything comes by it; when nothing else comes, it does, for an hour. */
static void who_decides_for_a_tunnel(void)
{
    struct pair p, next;
    nic(model_caps_protocol);
    pair_add(&p, &gcm);
    for (unsigned i = 0; i < 3; i++) {
        strays(&p, INLINE_STRAYS_MAX - 1);
        feed(OUTSIDE, far_frame(&p, 100, NULL));
        CU_ASSERT_EQUAL(came(), p.sent);
        CU_ASSERT_EQUAL(soft_events(), 0);
    }
    strays(&p, INLINE_STRAYS_MAX + 10);
    CU_ASSERT_EQUAL(soft_events(), 1);
    pair_add(&next, &gcm);
    CU_ASSERT_TRUE(shown(&next.in, CV_ENGINE_UNKNOWN, CV_ENGINE_WHY_UNFIT));
    pair_del(&next);
    ticks(INLINE_AVOID_TICKS);
    pair_add(&next, &gcm);
    receives(&next, 3);
    CU_ASSERT_TRUE(shown(&next.in, CV_ENGINE_INLINE_PROTOCOL, CV_ENGINE_WHY_NONE));
    pair_del(&next);
    pair_del(&p);
}

/* The neighbour is asked for, without the packet, which is in clear; the SA stays the NIC's. */
static void next_hop_unknown(void)
{
    const struct ip_addr vias[] = {v4(192, 0, 2, 77), v4(192, 0, 2, 2)};
    for (unsigned i = 0; i < 2; i++) {
        struct rte_mbuf *m = NULL;
        struct pair p;
        struct ip_nbr_calls c = nbr_fix_calls;
        nic(model_caps_protocol);
        pair_add(&p, &gcm);
        if (i == 0)
            route(IP_ROUTE_STATIC, v4(192, 0, 2, 2), 32, OUT_IF, &vias[0]);
        else
            ip_nbr_flush(&dp.nbrs, OUT_IF, &c);
        const uint64_t before = drops(CV_DROP_CRYPTO);
        CU_ASSERT_PTR_NULL(send_one(&p, 100));
        CU_ASSERT_EQUAL_FATAL(io_take(dp.rings.slow, &m, 1) + (m ? 0 : io_take(dp.rings.urgent, &m, 1)), 1);
        CU_ASSERT_EQUAL(m->pkt_len, 0);
        CU_ASSERT_FALSE(eng_inline_is_clear(m));
        CU_ASSERT_EQUAL(dp_meta(m)->slow, DP_SLOW_ASK);
        CU_ASSERT_EQUAL(dp_meta(m)->if_out, OUT_IF);
        CU_ASSERT_EQUAL(memcmp(&dp_meta(m)->next_hop, &vias[i], sizeof vias[i]), 0);
        rte_pktmbuf_free(m);
        CU_ASSERT_EQUAL(drops(CV_DROP_CRYPTO), before);
        CU_ASSERT_EQUAL(soft_events(), 0);
        if (i == 0)
            unroute(p.out.remote.addr, 32);
        else
            neighbour(OUT_IF, v4(192, 0, 2, 2));
        sends(&p, 3);
        CU_ASSERT_EQUAL(model.encrypted, 3);
        pair_del(&p);
    }
    neighbour(OUT_IF, v6(0, 2));
}

/* In several mbufs, as ports give what is longer than one. */
static void scattered_frames(void)
{
    struct pair p;
    nic(model_caps_protocol);
    pair_add(&p, &gcm);
    scattered = true;
    receives(&p, 5);
    const uint64_t joined = shm_worker_stats(&dp.shm, 0)->joined;
    CU_ASSERT_EQUAL(joined, 5);
    struct rte_mempool *const jumbo = dp.jumbo_pool;
    dp.jumbo_pool = rte_pktmbuf_pool_create("small", 3, 0, sizeof(struct dp_meta), 200, -1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dp.jumbo_pool);
    const uint64_t before = drops(CV_DROP_NO_ROOM);
    feed(OUTSIDE, far_frame(&p, 1000, NULL));
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(drops(CV_DROP_NO_ROOM), before + 1);
    rte_mempool_free(dp.jumbo_pool);
    dp.jumbo_pool = jumbo;
    scattered = false;
    receives(&p, 2);
    pair_del(&p);
}

static void came_for_nobody(void)
{
    struct pair p;
    nic(model_caps_protocol);
    pair_add(&p, &gcm);
    const uint64_t before = drops(CV_DROP_UNKNOWN_SPI);
    struct rte_mbuf *none = pkt_new();
    const int at = rte_security_dynfield_offset;
    rte_security_dynfield_offset = -1; /* a driver that never asked for the field */
    CU_ASSERT_EQUAL(eng_inline_came_for(none), 0);
    rte_security_dynfield_offset = at;
    rte_pktmbuf_free(none);
    feed(OUTSIDE, far_frame(&p, 200, NULL));
    CU_ASSERT_EQUAL(came(), p.sent);
    struct rte_mbuf *m = far_frame(&p, 200, NULL);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.in.ref, NULL, NULL, 0), CV_OK);
    feed(OUTSIDE, m);
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(drops(CV_DROP_UNKNOWN_SPI), before + 1);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p.in), CV_OK);
    pair_del(&p);
}

/* A frame that nothing has classified: what an earlier packet left in its metadata is not its own. */
static struct rte_mbuf *frame_with_a_past(struct pair *p)
{
    struct rte_mbuf *m = far_frame(p, 200, NULL);
    dp_meta(m)->proto = IP_PROTO_AH;
    dp_meta(m)->family = IP_V6;
    dp_meta(m)->local_out = DP_LOCAL_PING;
    return m;
}

static unsigned lost_of(uint32_t if_id, enum cv_if_drop what)
{
    uint64_t *n = &shm_if_drops(&dp.shm, 0, if_id)->n[CV_DIR_IN][what];
    const unsigned was = (unsigned)*n;
    *n = 0;
    return was;
}

/* On its way to another worker, or kept for one. */
static void what_is_lost_before_its_SA_is_the_tunnels(void)
{
    struct pair p;
    struct rte_mbuf *m;
    nic(model_caps_protocol);
    pair_add(&p, &gcm);
    struct dp_parked *parked = &dp.worker[0]->parked;
    uint8_t *entry = &dp.owners.entry[cv_spi_bucket(p.in.ref.spi)];
    const uint8_t was = *entry;
    *entry |= DP_OWNER_MOVING;
    feed(OUTSIDE, frame_with_a_past(&p));
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL_FATAL(parked->own_count, 1);
    const struct dp_meta *meta = dp_meta(parked->own[0]);
    CU_ASSERT(meta->proto == IP_PROTO_ESP && meta->family == IP_V4 && meta->local_out == DP_TRANSIT);
    rte_pktmbuf_free(parked->own[0]);
    parked->own_count = DP_PARK_MAX;
    (void)lost_of(TUNNEL, CV_IF_DROP_OTHER);
    feed(OUTSIDE, frame_with_a_past(&p));
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(lost_of(TUNNEL, CV_IF_DROP_OTHER), 1);
    parked->own_count = 0;
    *entry = was;
    m = frame_with_a_past(&p);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.in.ref, NULL, NULL, 0), CV_OK);
    feed(OUTSIDE, m);
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(io_take(dp.rings.slow, &m, 1), 0); /* nobody's ping is lost */
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p.in), CV_OK);
    pair_del(&p);
}

static void whole_limits(void)
{
    struct pair p;
    nic(model_caps_protocol);
    struct kind k = gcm;
    pair_add(&p, &k);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.in.ref, NULL, NULL, 0), CV_OK);
    ticks(INLINE_DRAIN_TICKS); /* the rule of the first one is gone */
    p.in.hard_packets = 2;
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p.in), CV_OK);
    receives(&p, 2);
    const uint64_t life = drops(CV_DROP_LIFETIME);
    for (unsigned i = 0; i < 2; i++) {
        feed(OUTSIDE, far_frame(&p, 200, NULL));
        CU_ASSERT_EQUAL(came(), -1);
    }
    CU_ASSERT_EQUAL(drops(CV_DROP_LIFETIME), life + 2);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.in.ref, NULL, NULL, 0), CV_OK);
    ticks(INLINE_DRAIN_TICKS);
    p.in.hard_packets = 0;
    p.in.ts_remote[0].proto = 6; /* not what comes */
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p.in), CV_OK);
    const uint64_t ts = drops(CV_DROP_TS_IN);
    feed(OUTSIDE, far_frame(&p, 200, NULL));
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(drops(CV_DROP_TS_IN), ts + 1);
    const struct cv_sa_peer moved = {.ref = p.out.ref, .remote = {.addr = v4(192, 0, 2, 3)}};
    CU_ASSERT_EQUAL(dp_sad_set_peer(&dp.sad, &moved), CV_EUNSUP); /* the NIC has the address */
    pair_del(&p);
}

/* Numbers of a former life were a NIC's: nobody goes on with them. */
static void used_before(void)
{
    struct kind k = gcm;
    nic(model_caps_protocol);
    struct cv_sa out = sa_make(&k, CV_DIR_OUT), in = sa_make(&k, CV_DIR_IN);
    out.seq = in.seq = 7;
    CU_ASSERT_EQUAL(dp_sad_add(&dp.sad, &out), CV_EUNSUP);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &in),
                          CV_OK); /* in software, where all up to 7 counts as seen */
    CU_ASSERT_EQUAL(model.created, 0);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &in.ref, NULL, NULL, 0), CV_OK);
    k.mode = CV_MODE_TRANSPORT;
    out = sa_make(&k, CV_DIR_OUT);
    out.ts_local[0] = out.ts_remote[0] = ts_any(IP_V4);
    nic(model_caps_protocol_bare); /* without ECN and DSCP: software's */
    struct pair p;
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(model.created, 0);
    sends(&p, 3);
    receives(&p, 3);
    pair_del(&p);
}

/* Sessions have a line of counts for each worker that the engine was started for, be it one that is added later. */
static void one_worker_too_many(void)
{
    struct eng_worker *more;
    nic(model_caps_protocol);
    CU_ASSERT_EQUAL(dp.engine->worker_new(-1, &more), CV_ENOSPC);
}

PKT_MAIN("inline whole", UNIT_TEST(the_nic_does_all), UNIT_TEST(software_is_never_asked),
         UNIT_TEST(the_nics_window), UNIT_TEST(who_decides_for_a_tunnel), UNIT_TEST(next_hop_unknown),
         UNIT_TEST(scattered_frames), UNIT_TEST(came_for_nobody),
         UNIT_TEST(what_is_lost_before_its_SA_is_the_tunnels), UNIT_TEST(whole_limits),
         UNIT_TEST(used_before), UNIT_TEST(one_worker_too_many), UNIT_TEST(the_end))
