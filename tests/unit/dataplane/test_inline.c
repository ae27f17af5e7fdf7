/* The data plane with crypto-engine inline, over a model of a NIC (inline_model.h): what the NIC takes it does, what it does not take is done
 * in software, packet by packet, and whatever happens nothing leaves in clear, no IV is used twice, and no packet passes two times. */
#include "tests/unit/dataplane/inline_fix.h"

/* ---- what the NIC takes --------------------------------------------------------------------------------------------- */
static void the_nic_does_it(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    const uint64_t before = packets_of("inline"), soft = packets_of("software");
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(model.sessions, 2);
    CU_ASSERT_EQUAL(model.rules, 2);
    CU_ASSERT_TRUE(shown(&p.in, CV_ENGINE_INLINE_CRYPTO, CV_ENGINE_WHY_NONE));
    CU_ASSERT_TRUE(shown(&p.out, CV_ENGINE_INLINE_CRYPTO, CV_ENGINE_WHY_NONE));
    sends(&p, ROUNDS);
    CU_ASSERT_EQUAL(model.encrypted, ROUNDS);
    receives(&p, ROUNDS);
    CU_ASSERT_EQUAL(model.decrypted, ROUNDS);
    CU_ASSERT_EQUAL(packets_of("inline") - before, 2 * ROUNDS);
    CU_ASSERT_EQUAL(packets_of("software"), soft);
    pair_del(&p);
    CU_ASSERT_EQUAL(model.sessions + model.rules, 0);
}

static void kinds_of_sas(void)
{
    static const struct {
        struct kind k;
        unsigned in, out; /* taken by the NIC that does everything */
        unsigned why_in, why_out;
    } rows[] = {
        {{CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V4, 0, CV_MODE_TUNNEL}, 1, 1},
        {{CV_ENCR_AES_GCM_16, 0, 32, 0, IP_V6, 0, CV_MODE_TUNNEL}, 1, 1},
        {{CV_ENCR_AES_GCM_16, 0, 24, 0, IP_V4, CV_SA_NATT, CV_MODE_TUNNEL}, 1, 1},
        {{CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V6, CV_SA_NATT, CV_MODE_TUNNEL}, 1, 0, 0, CV_ENGINE_WHY_UDP},
        {{CV_ENCR_AES_GCM_16, 0, 16, 0, IP_V4, CV_SA_ESN, CV_MODE_TUNNEL}, 0, 1, CV_ENGINE_WHY_ESN, 0},
        {{CV_ENCR_NULL_AES_GMAC, 0, 16, 0, IP_V4, CV_SA_NO_REPLAY, CV_MODE_TUNNEL}, 1, 1},
        {{CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_256_128, 32, 32, IP_V4, 0, CV_MODE_TUNNEL}, 1, 1},
        {{CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_256_128, 16, 32, IP_V6, CV_SA_ESN, CV_MODE_TUNNEL},
         0,
         1,
         CV_ENGINE_WHY_ESN,
         0},
        {{CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96, 16, 20, IP_V4, 0, CV_MODE_TUNNEL},
         0,
         0,
         CV_ENGINE_WHY_TRANSFORM,
         CV_ENGINE_WHY_TRANSFORM},
        {{CV_ENCR_3DES, CV_INTEG_HMAC_SHA2_256_128, 24, 32, IP_V4, 0, CV_MODE_TUNNEL},
         0,
         0,
         CV_ENGINE_WHY_TRANSFORM,
         CV_ENGINE_WHY_TRANSFORM},
        {{CV_ENCR_CHACHA20_POLY1305, 0, 32, 0, IP_V4, 0, CV_MODE_TUNNEL},
         0,
         0,
         CV_ENGINE_WHY_TRANSFORM,
         CV_ENGINE_WHY_TRANSFORM},
    };
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct pair p;
        nic(model_caps_all);
        pair_add(&p, &rows[i].k);
        CU_ASSERT_EQUAL(model.sessions, rows[i].in + rows[i].out);
        CU_ASSERT_TRUE(
            shown(&p.out, rows[i].out ? CV_ENGINE_INLINE_CRYPTO : CV_ENGINE_UNKNOWN, rows[i].why_out));
        CU_ASSERT_TRUE(
            shown(&p.in, rows[i].in ? CV_ENGINE_INLINE_CRYPTO : CV_ENGINE_UNKNOWN, rows[i].why_in));
        if (rows[i].k.encr == CV_ENCR_NULL_AES_GMAC) /* it is in clear by its nature */
            model.in_clear = UINT32_MAX / 2;
        sends(&p, 8);
        receives(&p, 8);
        if (rows[i].k.encr == CV_ENCR_NULL_AES_GMAC)
            model.in_clear = 0;
        CU_ASSERT_EQUAL(model.encrypted, rows[i].out * 8);
        CU_ASSERT_EQUAL(model.decrypted, rows[i].in * 8);
        pair_del(&p);
    }
}

/* The high half of the number goes with each packet, also where it changes. */
static void esn_going_out(void)
{
    struct kind k = gcm;
    k.flags = CV_SA_ESN;
    nic(model_caps_all);
    struct cv_sa out = sa_make(&k, CV_DIR_OUT), in = mirrored(&out);
    out.seq = in.seq = UINT32_MAX - 5;
    struct pair p = {.out = out};
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &out), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&dp.sad, &out.ref), CV_OK);
    memset(far_counters, 0, sizeof far_counters);
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&in, eng_by_name("ipsec-mb"), 0, &far_counters[0], &p.far_in), CV_OK);
    sends(&p, 20);
    CU_ASSERT_EQUAL(model.encrypted, 20);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &out.ref, NULL, NULL, 0), CV_OK);
    esp_in_sa_free(p.far_in);
    ticks(INLINE_DRAIN_TICKS);
    CU_ASSERT_EQUAL(model.misuse + model.sessions, 0);
}

/* Without metadata the driver finds the session by a rule, and then the rule must be. */
static void egress_rules(void)
{
    struct pair p;
    nic(model_caps_no_metadata);
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(model.sessions, 2);
    sends(&p, 5);
    CU_ASSERT_EQUAL(model.encrypted, 5);
    pair_del(&p);
    nic(model_caps_no_metadata);
    model.no_egress_rules = true;
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(model.sessions, 1); /* coming in */
    sends(&p, 5);
    CU_ASSERT_EQUAL(model.encrypted, 0);
    pair_del(&p);
    nic(model_caps_all);
    model.no_egress_rules = true; /* metadata is enough */
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(model.sessions, 2);
    sends(&p, 5);
    CU_ASSERT_EQUAL(model.encrypted, 5);
    pair_del(&p);
}

/* ixgbe as its source is: the rule makes the SA, nothing is validated, rules do not go away, the salt is behind the key. */
static void as_ixgbe(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    model.driver = "net_ixgbe";
    dp_inline_stop(&dp);
    CU_ASSERT_EQUAL_FATAL(rte_eth_dev_start(OUTSIDE), 0);
    dp_inline_start(&dp);
    pair_add(&p, &gcm);
    sends(&p, 10);
    receives(&p, 10);
    CU_ASSERT_EQUAL(model.encrypted, 10);
    CU_ASSERT_EQUAL(model.decrypted, 10);
    pair_del(&p);
    CU_ASSERT_EQUAL(model.sessions, 0);
}

/* ---- what it does not take: sessions ---------------------------------------------------------------------------------- */
static void all_in_software(struct pair *p)
{
    pair_add(p, &gcm);
    sends(p, 5);
    receives(p, 5);
    CU_ASSERT_EQUAL(model.encrypted + model.decrypted, 0);
    CU_ASSERT_FALSE(shown(&p->out, CV_ENGINE_INLINE_CRYPTO, CV_ENGINE_WHY_NONE));
    pair_del(p);
    CU_ASSERT_EQUAL(model.sessions + model.rules, 0);
}

static void sessions_refused(void)
{
    struct pair p, more;
    nic(model_caps_ixgbe);
    model.table = 0;
    all_in_software(&p);
    CU_ASSERT_EQUAL(model.refused, 2);
    nic(model_caps_ixgbe);
    model.no_rules = true;
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(model.sessions, 1); /* going out: metadata is enough */
    sends(&p, 3);
    receives(&p, 3);
    CU_ASSERT_EQUAL(model.encrypted, 3);
    CU_ASSERT_EQUAL(model.decrypted, 0);
    pair_del(&p);
    nic(model_caps_no_metadata);
    model.no_create = true;
    all_in_software(&p);
    nic(model_caps_trailer); /* going out */
    pair_add(&p, &gcm);
    sends(&p, 3);
    receives(&p, 3);
    CU_ASSERT_EQUAL(model.encrypted, 0);
    CU_ASSERT_EQUAL(model.decrypted, 3);
    pair_del(&p);
    nic(model_caps_none);
    all_in_software(&p);
    nic(model_caps_ixgbe);
    model.table = 2; /* the second pair finds it full */
    pair_add(&p, &gcm);
    pair_add(&more, &gcm);
    sends(&more, 5); /* the newest */
    receives(&p, 5);
    receives(&more, 5);
    CU_ASSERT_EQUAL(model.encrypted, 0);
    CU_ASSERT_EQUAL(model.decrypted, 5);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &more.out.ref, NULL, NULL, 0), CV_OK);
    sends(&p, 5);
    CU_ASSERT_EQUAL(model.encrypted, 5);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &more.in.ref, NULL, NULL, 0), CV_OK);
    esp_in_sa_free(more.far_in);
    esp_out_sa_free(more.far_out);
    pair_del(&p);
}

/* A peer that no port leads to, or one that is no NIC's. */
static void no_port_for_it(void)
{
    struct kind k = gcm;
    nic(model_caps_ixgbe);
    struct cv_sa sa = sa_make(&k, CV_DIR_OUT);
    const struct ip_addr far_away[] = {v4(203, 0, 113, 1), v4(20, 0, 0, 1), v4(10, 1, 0, 2), v4(10, 1, 0, 1)};
    for (unsigned i = 0; i < RTE_DIM(far_away); i++) { /* no route; a tunnel; the other port; this host */
        sa.remote.addr = far_away[i];
        CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &sa), CV_OK);
        CU_ASSERT_EQUAL(model.created, 0);
        CU_ASSERT_TRUE(shown(&sa, CV_ENGINE_UNKNOWN, CV_ENGINE_WHY_PORT));
        CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &sa.ref, NULL, NULL, 0), CV_OK);
    }
}

/* ---- what it does not take: packets ------------------------------------------------------------------------------------- */
static void longer_than_the_path(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    struct rte_mbuf *m = send_one(&p, 1460),
                    *rest = taken(OUTSIDE); /* 1488 octets inside, over 1500 outside: two pieces */
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(rest);
    CU_ASSERT_EQUAL(model.encrypted, 0);
    sends(&p, 5); /* the numbers go on */
    CU_ASSERT_EQUAL(model.encrypted, 5);
    pair_del(&p);
}

static void route_changed(void)
{
    const struct ip_addr via = v4(10, 1, 0, 2);
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    sends(&p, 3);
    route(IP_ROUTE_STATIC, v4(192, 0, 2, 2), 32, IN_IF, &via);
    CU_ASSERT_PTR_NULL(send_one(&p, 100));
    struct rte_mbuf *m = taken(INSIDE); /* out of the other port, encrypted */
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_EQUAL(far_reads(&p, m), p.sent);
    CU_ASSERT_EQUAL(model.encrypted, 3);
    unroute(p.out.remote.addr, 32);
    sends(&p, 3);
    CU_ASSERT_EQUAL(model.encrypted, 6);
    pair_del(&p);
}

static void next_hop_unknown(void)
{
    const struct ip_addr via = v4(192, 0, 2, 77); /* nobody */
    struct rte_mbuf *m = NULL;
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    route(IP_ROUTE_STATIC, v4(192, 0, 2, 2), 32, OUT_IF, &via);
    CU_ASSERT_PTR_NULL(send_one(&p, 100));
    CU_ASSERT_EQUAL_FATAL(io_take(dp.rings.slow, &m, 1) + (m ? 0 : io_take(dp.rings.urgent, &m, 1)), 1);
    CU_ASSERT_FALSE(eng_inline_is_clear(m)); /* it waits for an answer encrypted */
    ether_put(m, OUTSIDE);
    model_transmit(OUTSIDE, m);
    CU_ASSERT_EQUAL(far_reads(&p, m), p.sent);
    unroute(p.out.remote.addr, 32);
    sends(&p, 3);
    CU_ASSERT_EQUAL(model.encrypted, 3);
    pair_del(&p);
}

static void queue_of_another_worker(void)
{
    struct rte_mbuf *m = NULL;
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dp.rings.inbox[0]);
    dp.worker[0]->txq[OUTSIDE].owner = 1;
    dp.rings.inbox[1] = dp.rings.inbox[0];
    dp.worker[0]->workers = 2;
    struct rte_mbuf *in = inner(false, ++p.sent, 100);
    ether_put(in, INSIDE);
    feed(INSIDE, in);
    (void)dp_worker_turn(dp.worker[0]);
    (void)dp_worker_turn(dp.worker[0]);
    if (io_take(dp.rings.inbox[0], &m, 1) ==
        0) /* handed over in the turn before, and come back to us as a frame */
        m = taken(OUTSIDE);
    dp.worker[0]->txq[OUTSIDE].owner = 0;
    dp.worker[0]->workers = 1;
    dp.rings.inbox[1] = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_FALSE(eng_inline_is_clear(m));
    CU_ASSERT_EQUAL(far_reads(&p, m), p.sent);
    CU_ASSERT_EQUAL(model.encrypted, 0);
    pair_del(&p);
}

static void metadata_refused(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    sends(&p, 3);
    model.no_metadata = true;
    sends(&p, 3);
    model.no_metadata = false;
    sends(&p, 3);
    CU_ASSERT_EQUAL(model.encrypted, 6);
    pair_del(&p);
}

/* What the port's queue does not take is gone: it is not encrypted again. */
static void queue_full(void)
{
    struct rte_mbuf *m;
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    const uint64_t before = drops(CV_DROP_TX_FULL);
    while (rte_ring_free_count(tx[OUTSIDE]) > 0)
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(tx[OUTSIDE], pkt_new()), 0);
    rte_pktmbuf_free(send_one(&p, 100)); /* one of those that fill it */
    CU_ASSERT_EQUAL(drops(CV_DROP_TX_FULL), before + 1);
    while ((m = taken(OUTSIDE)))
        rte_pktmbuf_free(m);
    CU_ASSERT_EQUAL(model.encrypted, 0);
    sends(&p, 3);
    pair_del(&p);
}

/* What `show` counts of an SA. */
static uint64_t offloaded(const struct cv_sa *sa)
{
    dp_sad_engines_update(&dp.sad);
    const struct cv_sa_offload *o = shm_sa_offload(&dp.shm, sa->ref.dir, sa->ref.sa_id);
    CU_ASSERT_TRUE(o->counted);
    return o->packets;
}

/* Each SA's and each port's by itself, to the packet: not what the queue refused, not what software did. */
static void counted_exactly(void)
{
    struct rte_mbuf *m;
    struct pair a, b;
    struct cv_engine_stats row[CV_MAX_ENGINES], was[CV_MAX_ENGINES];
    dp_inline_stop(&dp);
    model_reset(OUTSIDE, model_caps_all);
    model.second = true;
    for (unsigned i = 0; i < PORTS; i++)
        CU_ASSERT_EQUAL_FATAL(rte_eth_dev_start((uint16_t)i), 0);
    dp_inline_start(&dp);
    CU_ASSERT_EQUAL_FATAL(dp.engine->report(was, CV_MAX_ENGINES), 3);
    pair_add(&a, &gcm);
    sends(&a, 3);
    receives(&a, 5);
    model.no_metadata = true;
    sends(&a, 2);
    model.no_metadata = false;
    model.passes_by = true;
    receives(&a, 2);
    model.passes_by = false;
    while (rte_ring_free_count(tx[OUTSIDE]) > 0)
        CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(tx[OUTSIDE], pkt_new()), 0);
    rte_pktmbuf_free(send_one(&a, 100));
    while ((m = taken(OUTSIDE)))
        rte_pktmbuf_free(m);
    CU_ASSERT_EQUAL(offloaded(&a.out), 3);
    CU_ASSERT_EQUAL(offloaded(&a.in), 5);
    CU_ASSERT_EQUAL(dp.engine->report(row, CV_MAX_ENGINES), 3);
    CU_ASSERT_EQUAL(row[0].packets - was[0].packets, 8);
    CU_ASSERT_EQUAL(row[1].packets, was[1].packets);
    CU_ASSERT_EQUAL(row[2].packets - was[2].packets, 4);
    CU_ASSERT_EQUAL(row[0].sessions, 2);
    CU_ASSERT_EQUAL(row[1].sessions, 0);
    b = (struct pair){.out = sa_make(&gcm, CV_DIR_OUT)};
    b.out.local.addr = v4(10, 1, 0, 1);
    b.out.remote.addr = v4(10, 1, 0, 2); /* behind the other port */
    const struct cv_sa far_in = mirrored(&b.out);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &b.out), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&dp.sad, &b.out.ref), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&far_in, eng_by_name("ipsec-mb"), 0, &far_counters[0], &b.far_in),
                          CV_OK);
    CU_ASSERT_PTR_NULL(send_one(&b, 100));
    m = taken(INSIDE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_EQUAL(far_reads(&b, m), b.sent);
    CU_ASSERT_EQUAL(offloaded(&b.out), 1);
    CU_ASSERT_EQUAL(offloaded(&a.out), 3);
    CU_ASSERT_EQUAL(shm_sa_offload(&dp.shm, CV_DIR_OUT, a.out.ref.sa_id)->row, 1);
    CU_ASSERT_EQUAL(shm_sa_offload(&dp.shm, CV_DIR_OUT, b.out.ref.sa_id)->row, 2);
    CU_ASSERT_EQUAL(dp.engine->report(row, CV_MAX_ENGINES), 3);
    CU_ASSERT_EQUAL(row[0].packets - was[0].packets, 8);
    CU_ASSERT_EQUAL(row[1].packets - was[1].packets, 1);
    CU_ASSERT_EQUAL(row[1].sessions, 1);
    CU_ASSERT_EQUAL(dp.engine->report(row, 2), 2); /* no room for all: the software is there */
    CU_ASSERT_STRING_EQUAL(row[1].engine, "software");
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &b.out.ref, NULL, NULL, 0), CV_OK);
    esp_in_sa_free(b.far_in);
    pair_del(&a);
}

/* ---- a peer that moves ------------------------------------------------------------------------------------------------- */
/* The far end behind whatever moved it: there it has its old address, and port 4500. */
static int moved_reads(struct pair *p, struct rte_mbuf *m)
{
    uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
    if (ip[9] == 17) {
        const uint16_t port = rte_cpu_to_be_16(NATT);
        memcpy(ip + 22, &port, sizeof port);
    }
    memcpy(ip + 16, p->out.remote.addr.b, 4);
    ip[10] = ip[11] = 0;
    const uint16_t sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(void *)ip);
    memcpy(ip + 10, &sum, sizeof sum);
    return far_reads(p, m);
}

static void move(struct pair *p, struct ip_addr to, uint16_t port)
{
    const struct cv_sa_peer out = {.ref = p->out.ref, .remote = {.addr = to, .port = port}},
                            in = {.ref = p->in.ref, .remote = out.remote};
    CU_ASSERT_EQUAL(dp_sad_set_peer(&dp.sad, &out), CV_OK);
    CU_ASSERT_EQUAL(dp_sad_set_peer(&dp.sad, &in), CV_OK);
}

static struct rte_mbuf *waits_with_the_engine(struct pair *p)
{
    struct rte_mbuf *m = inner(false, ++p->sent, 300);
    ether_put(m, INSIDE);
    feed(INSIDE, m);
    (void)dp_worker_turn(dp.worker[0]);
    return m;
}

/* by_rule: the driver finds the session of what goes out by its rule, which names the old address. */
static void peer_moved(const struct rte_security_capability *caps, uint32_t flags, struct ip_addr to,
                       uint16_t port, bool by_rule)
{
    struct kind k = gcm;
    struct rte_mbuf *m;
    struct pair p, next;
    k.flags = flags;
    nic(caps);
    pair_add(&p, &k);
    sends(&p, 3);
    (void)waits_with_the_engine(&p); /* has the old address, and the rule for it is still there */
    move(&p, to, port);
    turns();
    m = taken(OUTSIDE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 16), p.out.remote.addr.b, 4), 0);
    CU_ASSERT_EQUAL(moved_reads(&p, m), p.sent);
    for (unsigned i = 0; i < 5; i++) {
        m = send_one(&p, 100);
        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 16), to.b, 4), 0);
        CU_ASSERT_EQUAL(moved_reads(&p, m), p.sent);
    }
    CU_ASSERT_EQUAL(model.encrypted, by_rule ? 3 : 9);
    CU_ASSERT_EQUAL(offloaded(&p.out), model.encrypted);
    CU_ASSERT_TRUE(by_rule ? shown(&p.out, CV_ENGINE_UNKNOWN, CV_ENGINE_WHY_UNFIT)
                           : shown(&p.out, CV_ENGINE_INLINE_CRYPTO, CV_ENGINE_WHY_NONE));
    receives(&p, 3); /* its rule names us */
    CU_ASSERT_EQUAL(model.decrypted, 3);
    move(&p, p.out.remote.addr, p.out.remote.port); /* and back: it stays as it is */
    sends(&p, 2);
    CU_ASSERT_EQUAL(model.encrypted, by_rule ? 3 : 11);
    CU_ASSERT_EQUAL(model.left_in_clear, 0);
    pair_del(&p);
    pair_add(&next, &k); /* a rekey */
    sends(&next, 2);
    CU_ASSERT_EQUAL(model.encrypted, by_rule ? 5 : 13);
    pair_del(&next);
}

static void a_peer_that_moves(void)
{
    const struct ip_addr here = v4(192, 0, 2, 2), there = v4(192, 0, 2, 3);
    neighbour(OUT_IF, there);
    peer_moved(model_caps_no_metadata, 0, there, 0, true);
    peer_moved(model_caps_no_metadata, CV_SA_NATT, there, NATT, true);
    peer_moved(model_caps_no_metadata, CV_SA_NATT, here, 40000, true);
    peer_moved(model_caps_all, 0, there, 0, false);
    peer_moved(model_caps_all, CV_SA_NATT, here, 40000, false);
}

/* Told the address that it has: nothing changes. */
static void a_peer_that_stays(void)
{
    struct pair p;
    nic(model_caps_no_metadata);
    pair_add(&p, &gcm);
    move(&p, p.out.remote.addr, p.out.remote.port);
    sends(&p, 3);
    CU_ASSERT_EQUAL(model.encrypted, 3);
    pair_del(&p);
}

/* While the rule of an SA that is gone is still there, another of its SPI is not given to the NIC: it would encrypt with the old key. */
static void an_spi_again(void)
{
    struct pair p;
    nic(model_caps_no_metadata);
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.out.ref, NULL, NULL, 0), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p.out), CV_OK);
    CU_ASSERT_TRUE(shown(&p.out, CV_ENGINE_UNKNOWN, CV_ENGINE_WHY_REFUSED));
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.out.ref, NULL, NULL, 0), CV_OK);
    ticks(INLINE_DRAIN_TICKS);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p.out), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&dp.sad, &p.out.ref), CV_OK);
    sends(&p, 3);
    CU_ASSERT_EQUAL(model.encrypted, 3);
    pair_del(&p);
}

/* ---- coming in ---------------------------------------------------------------------------------------------------------- */
/* The window is one, whoever decrypts. */
static void one_window(void)
{
    struct pair p;
    struct rte_mbuf *copy;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const uint64_t before = drops(CV_DROP_REPLAY_DUP);
        struct rte_mbuf *m = far_frame(&p, 200, &copy);
        model.passes_by = i & 1;
        feed(OUTSIDE, m);
        CU_ASSERT_EQUAL(came(), p.sent);
        model.passes_by = i & 2;
        feed(OUTSIDE, copy);
        CU_ASSERT_EQUAL(came(), -1);
        CU_ASSERT_EQUAL(drops(CV_DROP_REPLAY_DUP), before + 1);
    }
    pair_del(&p);
}

static void wrong_icv(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    for (unsigned by_nic = 0; by_nic < 2; by_nic++) {
        const uint64_t before = drops(CV_DROP_ESP_AUTH);
        struct rte_mbuf *m = far_frame(&p, 200, NULL);
        *rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len - 1) ^= 1;
        model.passes_by = !by_nic;
        feed(OUTSIDE, m);
        CU_ASSERT_EQUAL(came(), -1);
        CU_ASSERT_EQUAL(drops(CV_DROP_ESP_AUTH), before + 1);
    }
    CU_ASSERT_EQUAL(model.failed, 1);
    receives(&p, 3);
    pair_del(&p);
}

/* In UDP on an SA whose rule names none, and the other way round (RFC 7296 2.23): the NIC passes it by. */
static void other_encapsulation(void)
{
    struct kind k = gcm;
    struct pair p;
    nic(model_caps_all);
    k.flags = CV_SA_NATT;
    pair_add(&p, &k);
    struct rte_mbuf *m = far_frame(&p, 200, NULL);
    uint8_t *e = rte_pktmbuf_mtod(m, uint8_t *);
    memmove(e + 8, e, 34); /* out with the UDP header */
    rte_pktmbuf_adj(m, 8);
    uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
    const uint16_t total = (uint16_t)(m->data_len - 14);
    ip[2] = (uint8_t)(total >> 8);
    ip[3] = (uint8_t)total;
    ip[9] = 50;
    ip[10] = ip[11] = 0;
    const uint16_t sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(void *)ip);
    memcpy(ip + 10, &sum, 2);
    feed(OUTSIDE, m);
    CU_ASSERT_EQUAL(came(), p.sent);
    CU_ASSERT_EQUAL(model.decrypted, 0);
    pair_del(&p);
}

/* Decrypted, but its SA is gone, or it is nothing that has an SA: it goes nowhere. */
static void decrypted_for_nobody(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    const uint64_t before = drops(CV_DROP_UNKNOWN_SPI);
    struct rte_mbuf *m = far_frame(&p, 200, NULL);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.in.ref, NULL, NULL, 0), CV_OK); /* its rule drains */
    feed(OUTSIDE, m);
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(model.decrypted, 1);
    CU_ASSERT_EQUAL(drops(CV_DROP_UNKNOWN_SPI), before + 1);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&dp.sad, &p.in), CV_OK);
    m = inner(true, 1, 100); /* no ESP at all, and a NIC that says that it decrypted it */
    ether_put(m, OUTSIDE);
    feed(OUTSIDE, m);
    model.says_decrypted = true;
    CU_ASSERT_EQUAL(came(), -1);
    CU_ASSERT_EQUAL(drops(CV_DROP_UNKNOWN_SPI), before + 2);
    m = far_frame(&p, 200, NULL); /* a first fragment */
    rte_pktmbuf_mtod_offset(m, uint8_t *, 14)[6] |= 0x20;
    feed(OUTSIDE, m);
    CU_ASSERT_EQUAL(came(), -1);
    model.says_decrypted = false;
    CU_ASSERT_TRUE(drops(CV_DROP_UNKNOWN_SPI) + drops(CV_DROP_MALFORMED_IP) >= before + 3);
    pair_del(&p);
    CU_ASSERT_EQUAL(model.sessions, 0);
}

/* ---- a NIC that is lost --------------------------------------------------------------------------------------------------- */
static void lost(unsigned event)
{
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    sends(&p, 5);
    receives(&p, 5);
    model_event(event, UINT32_MAX, 0);
    sends(&p, 5); /* same SAs, same numbers, software */
    receives(&p, 5);
    CU_ASSERT_EQUAL(model.encrypted, 5);
    CU_ASSERT_TRUE(shown(&p.out, CV_ENGINE_UNKNOWN, CV_ENGINE_WHY_FAILED));
    struct pair after;
    pair_add(&after, &gcm);
    CU_ASSERT_EQUAL(model.sessions, 2); /* not asked again */
    pair_del(&after);
    pair_del(&p);
}

static void nic_lost(void)
{
    lost(RTE_ETH_EVENT_INTR_RESET);
    lost(RTE_ETH_EVENT_INTR_RMV);
    lost(RTE_ETH_EVENT_ERR_RECOVERING);
}

/* Between ESP's last word and the port: the mark is set, then the NIC is gone. */
static void lost_on_the_way(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    struct rte_mbuf *m = inner(false, ++p.sent, 300);
    ether_put(m, INSIDE);
    feed(INSIDE, m);
    (void)dp_worker_turn(dp.worker[0]); /* with the engine now */
    model_event(RTE_ETH_EVENT_INTR_RESET, UINT32_MAX, 0);
    turns();
    m = taken(OUTSIDE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_EQUAL(far_reads(&p, m), p.sent);
    CU_ASSERT_EQUAL(model.encrypted, 0);
    pair_del(&p);
}

/* ---- the life of sessions --------------------------------------------------------------------------------------------------- */
static void sessions_drain(void)
{
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.out.ref, NULL, NULL, 0), CV_OK);
    ticks(INLINE_DRAIN_TICKS - 1);
    CU_ASSERT_EQUAL(model.sessions, 2);
    CU_ASSERT_EQUAL(rte_eth_dev_set_link_down(OUTSIDE), 0); /* what waits in the queue waits on */
    ticks(3 * INLINE_DRAIN_TICKS);
    CU_ASSERT_EQUAL(model.sessions, 2);
    CU_ASSERT_EQUAL(rte_eth_dev_set_link_up(OUTSIDE), 0);
    model.no_link = true;
    ticks(3 * INLINE_DRAIN_TICKS);
    CU_ASSERT_EQUAL(model.sessions, 2);
    model.no_link = false;
    ticks(1);
    CU_ASSERT_EQUAL(model.sessions, 1);
    model.rules_stay = true; /* a driver that would not: the session stays with its rule */
    CU_ASSERT_EQUAL(dp_sad_del(&dp.sad, &p.in.ref, NULL, NULL, 0), CV_OK);
    ticks(INLINE_DRAIN_TICKS);
    CU_ASSERT_EQUAL(model.sessions, 1);
    model.rules_stay = false;
    model.sessions_stay = true;
    ticks(1);
    CU_ASSERT_EQUAL(model.sessions, 1);
    model.sessions_stay = false;
    ticks(1);
    CU_ASSERT_EQUAL(model.sessions + model.rules + model.misuse, 0);
    esp_in_sa_free(p.far_in);
    esp_out_sa_free(p.far_out);
}

/* A rule and a session that a driver holds on to when the process ends are not waited for. */
static void drivers_that_hold_on(void)
{
    struct pair p;
    nic(model_caps_no_metadata);
    model.no_create = model.sessions_stay = true;
    pair_add(&p, &gcm); /* neither rule is made, neither session goes */
    CU_ASSERT_EQUAL(model.sessions, 2);
    sends(&p, 2);
    pair_del(&p);
    CU_ASSERT_EQUAL(model.sessions, 2);
    dp_inline_stop(&dp);
    CU_ASSERT_EQUAL(model.sessions, 2);
    model.sessions = 0;
    model.no_create = model.sessions_stay = false;
}

/* ---- events ----------------------------------------------------------------------------------------------------------------- */
static void events(void)
{
    static const struct {
        unsigned subtype, type, reason;
    } rows[] = {{RTE_ETH_EVENT_IPSEC_ESN_OVERFLOW, CV_EVT_SA_SEQ, 0},
                {RTE_ETH_EVENT_IPSEC_SA_BYTE_EXPIRY, CV_EVT_SA_SOFT, 1},
                {RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY, CV_EVT_SA_SOFT, 2},
                {RTE_ETH_EVENT_IPSEC_SA_BYTE_HARD_EXPIRY, CV_EVT_SA_HARD, 1},
                {RTE_ETH_EVENT_IPSEC_SA_PKT_HARD_EXPIRY, CV_EVT_SA_HARD, 2}};
    struct pair p;
    nic(model_caps_ixgbe);
    pair_add(&p, &gcm);
    const uint64_t of = model_userdata(p.out.ref.spi);
    CU_ASSERT_NOT_EQUAL(of, 0);
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct heard h = {.away = true};
        model_event(RTE_ETH_EVENT_IPSEC, rows[i].subtype, of);
        model_event(RTE_ETH_EVENT_IPSEC, rows[i].subtype, of); /* once is enough */
        eng_inline_told(hear, &h);
        CU_ASSERT_EQUAL(h.count, 1);
        h.away = false;
        eng_inline_told(hear, &h); /* again, as nobody took it */
        CU_ASSERT_EQUAL(h.count, 2);
        CU_ASSERT_EQUAL(h.type, rows[i].type);
        CU_ASSERT_EQUAL(h.last.reason, rows[i].reason);
        CU_ASSERT_EQUAL(h.last.ref.spi, p.out.ref.spi);
        CU_ASSERT_EQUAL(h.last.cookie, p.out.cookie);
        eng_inline_told(hear, &h);
        CU_ASSERT_EQUAL(h.count, 2);
    }
    struct heard none = {.count = 0};
    model_event(RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_UNKNOWN, of);
    model_event(RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_TIME_EXPIRY, of);
    model_event(RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_MAX, of);
    model_event(RTE_ETH_EVENT_IPSEC, UINT32_MAX, of); /* without a description */
    model_event(RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY, of + 1);
    model_event(RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY, 0);
    model_event(RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY, UINT64_MAX);
    pair_del(&p);
    model_event(RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY, of); /* of one that is gone */
    eng_inline_told(hear, &none);
    CU_ASSERT_EQUAL(none.count, 0);
    dp_inline_tick(&dp);
}

/* ---- ports that are not like that --------------------------------------------------------------------------------------------- */
static void other_ports(void)
{
    nic(model_caps_ixgbe);
    CU_ASSERT_TRUE(dp.ports[OUTSIDE].security);
    CU_ASSERT_FALSE(dp.ports[INSIDE].security);
    dp_inline_stop(&dp);
    for (unsigned i = 0; i < 6; i++) {
        model_reset(OUTSIDE, model_caps_ixgbe);
        model.no_context = i == 0;
        model.no_caps = i == 1;
        model.no_info = i == 2;
        model.no_pool = i == 3;
        model.callbacks = i == 4 ? 0 : i == 5 ? 2 : UINT32_MAX;
        const cv_result want = i == 3 ? CV_ENOMEM : i > 3 ? CV_EIO : CV_EUNSUP;
        CU_ASSERT_EQUAL(eng_inline_port_add(OUTSIDE, "E0"), want);
    }
    model_reset(OUTSIDE, model_caps_ixgbe);
    CU_ASSERT_EQUAL(eng_inline_port_add(OUTSIDE, "E0"), CV_OK);
    model.busy_callback = true;
    eng_inline_ports_remove();
    CU_ASSERT_EQUAL(model.misuse, 0);
}

PKT_MAIN("inline", UNIT_TEST(the_nic_does_it), UNIT_TEST(kinds_of_sas), UNIT_TEST(esn_going_out),
         UNIT_TEST(egress_rules), UNIT_TEST(as_ixgbe), UNIT_TEST(sessions_refused), UNIT_TEST(no_port_for_it),
         UNIT_TEST(longer_than_the_path), UNIT_TEST(route_changed), UNIT_TEST(next_hop_unknown),
         UNIT_TEST(queue_of_another_worker), UNIT_TEST(metadata_refused), UNIT_TEST(queue_full),
         UNIT_TEST(counted_exactly), UNIT_TEST(a_peer_that_moves), UNIT_TEST(a_peer_that_stays),
         UNIT_TEST(an_spi_again), UNIT_TEST(one_window), UNIT_TEST(wrong_icv), UNIT_TEST(other_encapsulation),
         UNIT_TEST(decrypted_for_nobody), UNIT_TEST(nic_lost), UNIT_TEST(lost_on_the_way),
         UNIT_TEST(sessions_drain), UNIT_TEST(drivers_that_hold_on), UNIT_TEST(events),
         UNIT_TEST(other_ports), UNIT_TEST(the_end))
