/* Commands: what goes when an interface goes, and what a changed interface keeps. */
#include "tests/unit/dataplane/manager.h"

static uint32_t route_to(const char *dst)
{
    struct ip_addr a = mgr_addr(dst);
    const struct ip_addr *hop;
    const struct ip_route *r = ip_route_resolve(&mgr_dp.routes, 0, a.family, a.b, &hop);
    return r ? r->if_id : 0;
}

static void a_deleted_interface_leaves_no_sa_and_no_route_behind(void)
{
    struct cv_sa out = mgr_sa(CV_DIR_OUT, 1, 3), in = mgr_sa(CV_DIR_IN, 2, 3),
                 other = mgr_sa(CV_DIR_OUT, 4, 5);
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_TUNNEL, 0, NULL) | mgr_if(5, CV_IF_TUNNEL, 0, NULL), CV_OK);
    CU_ASSERT_EQUAL(mgr_sa_add(&out) | mgr_sa_add(&in) | mgr_sa_add(&other), CV_OK);
    CU_ASSERT_EQUAL(mgr_sa_activate(&out) | mgr_sa_activate(&other), CV_OK);
    CU_ASSERT_EQUAL(mgr_route("172.20.0.0/16", 3, NULL) | mgr_route("172.21.0.0/16", 5, NULL), CV_OK);
    CU_ASSERT_EQUAL(mgr_if_del(3), CV_OK);
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_TUNNEL, 0, NULL), CV_OK);
    CU_ASSERT_PTR_NULL(dp_tunnel_get(&mgr_dp.sad, 3)); /* nobody else's keys for the new interface */
    CU_ASSERT_NOT_EQUAL(route_to("172.20.0.5"), 3);
    CU_ASSERT_EQUAL(mgr_dp.sad.count, 1);
    CU_ASSERT_PTR_NOT_NULL(dp_tunnel_get(&mgr_dp.sad, 5));
    CU_ASSERT_EQUAL(route_to("172.21.0.5"), 5);
}

static void a_tunnel_that_is_gone_gives_its_next_hops_to_nobody(void)
{
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_TUNNEL, 0, NULL) | mgr_addr_add(3, "172.16.0.1", 30), CV_OK);
    CU_ASSERT_EQUAL(mgr_route("172.20.0.0/16", 0, "172.16.0.2"), CV_OK);
    CU_ASSERT_EQUAL(route_to("172.20.0.5"), 3);
    CU_ASSERT_EQUAL(mgr_if_del(3), CV_OK);
    CU_ASSERT_EQUAL(route_to("172.20.0.5"), 0); /* not the default route, in clear */
}

/* Ids are given again: what a line of a crypto map has carried is not the next one's. */
static void an_interface_counts_from_0_whatever_its_id_counted_before(void)
{
    static const struct cv_if_stats none;
    static const struct cv_if_drops nothing_lost;
    const unsigned manager = mgr_dp.shm.workers;
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_TUNNEL, 0, NULL) | mgr_if(5, CV_IF_TUNNEL, 0, NULL), CV_OK);
    *shm_if_stats(&mgr_dp.shm, 0, 3) = (struct cv_if_stats){.tx_packets = 1, .tx_bytes = 100};
    *shm_if_stats(&mgr_dp.shm, manager, 3) = (struct cv_if_stats){.rx_packets = 2, .rx_bytes = 200};
    *shm_if_stats(&mgr_dp.shm, 0, 5) = (struct cv_if_stats){.rx_packets = 7, .rx_bytes = 700};
    shm_if_drops(&mgr_dp.shm, 0, 3)->n[CV_DIR_OUT][CV_IF_DROP_TS] = 4;
    shm_if_drops(&mgr_dp.shm, 0, 5)->n[CV_DIR_IN][CV_IF_DROP_AUTH] = 8;
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_TUNNEL, 0, NULL), CV_OK); /* the same again */
    CU_ASSERT_EQUAL(shm_if_stats(&mgr_dp.shm, 0, 3)->tx_packets, 1);
    CU_ASSERT_EQUAL(mgr_if_del(3) | mgr_if(3, CV_IF_TUNNEL, 0, NULL), CV_OK);
    CU_ASSERT(memcmp(shm_if_stats(&mgr_dp.shm, 0, 3), &none, sizeof none) == 0);
    CU_ASSERT(memcmp(shm_if_stats(&mgr_dp.shm, manager, 3), &none, sizeof none) == 0);
    CU_ASSERT(memcmp(shm_if_drops(&mgr_dp.shm, 0, 3), &nothing_lost, sizeof nothing_lost) == 0);
    CU_ASSERT_EQUAL(shm_if_stats(&mgr_dp.shm, 0, 5)->rx_packets, 7);
    CU_ASSERT_EQUAL(shm_if_drops(&mgr_dp.shm, 0, 5)->n[CV_DIR_IN][CV_IF_DROP_AUTH], 8);
    /* One that has lost all it ever had. */
    shm_if_drops(&mgr_dp.shm, 0, 3)->n[CV_DIR_IN][CV_IF_DROP_OTHER] = 1;
    CU_ASSERT_EQUAL(mgr_if_del(3), CV_OK);
    CU_ASSERT(memcmp(shm_if_drops(&mgr_dp.shm, 0, 3), &nothing_lost, sizeof nothing_lost) == 0);
    memset(shm_if_drops(&mgr_dp.shm, 0, 5), 0, sizeof nothing_lost);
    memset(shm_if_stats(&mgr_dp.shm, 0, 5), 0, sizeof none);
}

static void an_interface_does_not_become_another_kind(void)
{
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_TUNNEL, 0, NULL), CV_OK);
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_LOOPBACK, 0, NULL), CV_EEXIST);
    CU_ASSERT_EQUAL(ip_if_get(&mgr_dp.ifs, 3)->kind, CV_IF_TUNNEL);
    CU_ASSERT_EQUAL(mgr_if_del(3) | mgr_if(3, CV_IF_LOOPBACK, 0, NULL), CV_OK);
}

static void an_interface_that_moves_to_another_port_forgets_its_neighbours(void)
{
    struct ip_addr a = mgr_addr("192.168.1.9");
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    struct ip_nbr_calls none = {0};
    mgr_fresh();
    ip_nbr_claim(&mgr_dp.nbrs, 2, &a, mac, mgr->now_ms, &none);
    CU_ASSERT_EQUAL(mgr_if(2, CV_IF_PORT, 0, "E1"), CV_OK); /* the same again */
    CU_ASSERT_PTR_NOT_NULL(ip_nbr_find(&mgr_dp.nbrs, 2, IP_V4, a.b));
    CU_ASSERT_EQUAL(mgr_if_del(1) | mgr_if(2, CV_IF_PORT, 0, "E0"), CV_OK);
    CU_ASSERT_PTR_NULL(ip_nbr_find(&mgr_dp.nbrs, 2, IP_V4, a.b));
}

static unsigned chain_length(const struct dp_addrs *t)
{
    unsigned longest = 0;
    for (unsigned i = 0; i < DP_ADDR_CHAINS; i++) {
        const struct dp_addr *a;
        unsigned n = 0;
        TAILQ_FOREACH (a, &t->chain[i], chain) {
            n++;
        }
        longest = RTE_MAX(longest, n);
    }
    return longest;
}

/* Of thousands of tunnels with an address each a packet for one of them looks at a few. */
static void addresses_are_found_without_a_walk_over_all(void)
{
    char text[32];
    mgr_fresh();
    for (uint32_t i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "100.64.%u.%u", i >> 6, 4 * (i & 63) + 1);
        CU_ASSERT_EQUAL_FATAL(mgr_if(10 + i, CV_IF_TUNNEL, 0, NULL) | mgr_addr_add(10 + i, text, 30), CV_OK);
    }
    struct ip_addr own = mgr_addr("100.64.31.61"), far = mgr_addr("100.64.31.62"),
                   lost = mgr_addr("100.64.32.1");
    const struct dp_addr *a = dp_addrs_find(&mgr->addrs, 0, 0, &own);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_PTR_NULL(dp_addrs_find(&mgr->addrs, 11, 0, &own));
    CU_ASSERT_PTR_NULL(dp_addrs_find(&mgr->addrs, 0, 1, &own));
    CU_ASSERT_PTR_NULL(dp_addrs_find(&mgr->addrs, 0, 0, &lost));
    CU_ASSERT_TRUE(dp_addrs_on_link(&mgr->addrs, a->if_id, &far) && !dp_addrs_on_link(&mgr->addrs, 11, &far));
    const struct ip_addr *source = dp_addrs_source(&mgr->addrs, ip_if_get(&mgr_dp.ifs, a->if_id), &far);
    CU_ASSERT_TRUE(source && ip_addr_equal(source, &own));
    CU_ASSERT_EQUAL(mgr_if(9, CV_IF_TUNNEL, 0, NULL), CV_OK); /* without an address: the VRF's eldest */
    source = dp_addrs_source(&mgr->addrs, ip_if_get(&mgr_dp.ifs, 9), &far);
    CU_ASSERT_TRUE(source && source->b[0] == 10);
    CU_ASSERT_TRUE(chain_length(&mgr->addrs) < 16);
    uint32_t id = a->if_id;
    struct cv_cmd c = {.type = CV_CMD_ADDR_DEL};
    c.u.addr = (struct cv_addr){.if_id = id, .addr = own, .len = 30};
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_ENOENT);
    CU_ASSERT_NOT_EQUAL(route_to("100.64.31.61"), id);
}

/* The others are refreshed by the clock: thousands of activations cost thousands of looks, not millions. */
static void an_activation_refreshes_its_own_tunnel_alone(void)
{
    struct cv_sa a = mgr_sa(CV_DIR_OUT, 1, 3), b = mgr_sa(CV_DIR_OUT, 2, 5);
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_if(3, CV_IF_TUNNEL, 0, NULL) | mgr_if(5, CV_IF_TUNNEL, 0, NULL), CV_OK);
    CU_ASSERT_EQUAL(mgr_sa_add(&a) | mgr_sa_activate(&a) | mgr_sa_add(&b), CV_OK);
    CU_ASSERT_TRUE(mgr_dp.sad.tunnels[3]->sas[0].inner_mtu > 1300);
    mgr_dp.sad.tunnels[3]->sas[0].inner_mtu = 7;
    CU_ASSERT_EQUAL(mgr_sa_activate(&b), CV_OK);
    CU_ASSERT_TRUE(mgr_dp.sad.tunnels[5]->sas[0].inner_mtu > 1300);
    CU_ASSERT_EQUAL(mgr_dp.sad.tunnels[3]->sas[0].inner_mtu, 7);
    dp_cmd_refresh_mtu(mgr);
    CU_ASSERT_TRUE(mgr_dp.sad.tunnels[3]->sas[0].inner_mtu > 1300);
}

enum { GRE_TUNNEL = 3, GRE_FLOW = 20 };

static void gre_under_a_map(uint8_t action)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    *i = (struct cv_if){.if_id = GRE_TUNNEL, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = CV_TUNNEL_GRE};
    i->tunnel_src = mgr_addr("10.0.0.1");
    i->tunnel_dst = mgr_addr("198.51.100.9");
    snprintf(i->name, sizeof i->name, "Tunnel3");
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    *i = (struct cv_if){.if_id = GRE_FLOW, .kind = CV_IF_FLOW, .up = 1, .flow_port = 1};
    snprintf(i->name, sizeof i->name, "M#10.10");
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    c = (struct cv_cmd){.type = CV_CMD_POLICY_BEGIN};
    c.u.if_id = 1;
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    c = (struct cv_cmd){.type = CV_CMD_POLICY_ADD};
    c.u.policy = (struct cv_policy){.if_id = 1, .order = 1, .action = action};
    c.u.policy.flow_if = action == CV_POLICY_BYPASS ? 0 : GRE_FLOW;
    c.u.policy.local = c.u.policy.remote = ts_any(IP_V4);
    c.u.policy.local.proto = c.u.policy.remote.proto = 47;
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    c = (struct cv_cmd){.type = CV_CMD_POLICY_COMMIT};
    c.u.if_id = 1;
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
}

/* RFC 1191: who sends into the tunnel is told what fits through GRE and the ESP of the port's crypto map together. */
static void the_MTU_of_GRE_under_a_crypto_map_leaves_room_for_its_ESP(void)
{
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, 1, GRE_FLOW), other = mgr_sa(CV_DIR_OUT, 2, GRE_FLOW);
    mgr_fresh();
    gre_under_a_map(CV_POLICY_PROTECT);
    dp_cmd_refresh_mtu(mgr);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE_TUNNEL], 1500); /* no SA yet: nothing leaves anyway */
    other.ts_remote[0].proto = other.ts_local[0].proto = 17;
    CU_ASSERT_EQUAL(mgr_sa_add(&other) | mgr_sa_activate(&other), CV_OK);
    dp_cmd_refresh_mtu(mgr);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE_TUNNEL], 1500);
    CU_ASSERT_EQUAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    dp_cmd_refresh_mtu(mgr);
    /* 20 outer header, 8 ESP, 8 IV, 16 ICV; 1448 in units of 4, 2 of them the trailer */
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE_TUNNEL], 1446);
    gre_under_a_map(CV_POLICY_BYPASS);
    dp_cmd_refresh_mtu(mgr);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE_TUNNEL], 1500);
}

static void everything_ends(void)
{
    mgr_stop();
}

/* Its queues and buckets are on their way: a move between them would wait for a loop that is not there, or leave a bucket behind. */
static void no_bucket_moves_by_command_while_a_worker_comes_or_goes(void)
{
    struct cv_cmd c = {.type = CV_CMD_STEER};
    mgr_fresh();
    const unsigned workers = mgr_dp.workers;
    mgr_dp.workers = 2;
    c.u.steer = (struct cv_steer_cmd){.bucket = 1, .worker = 1};
    mgr->crew.step = DP_CREW_RESTS;
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_EAGAIN);
    mgr->crew.step = DP_CREW_NONE;
    c.u.steer.bucket = CV_BUCKETS;
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_EINVAL); /* asked again, it is looked at */
    mgr_dp.workers = workers;
}

PKT_MAIN("cmd", UNIT_TEST(no_bucket_moves_by_command_while_a_worker_comes_or_goes),
         UNIT_TEST(a_deleted_interface_leaves_no_sa_and_no_route_behind),
         UNIT_TEST(a_tunnel_that_is_gone_gives_its_next_hops_to_nobody),
         UNIT_TEST(an_interface_counts_from_0_whatever_its_id_counted_before),
         UNIT_TEST(an_interface_does_not_become_another_kind),
         UNIT_TEST(an_interface_that_moves_to_another_port_forgets_its_neighbours),
         UNIT_TEST(addresses_are_found_without_a_walk_over_all),
         UNIT_TEST(an_activation_refreshes_its_own_tunnel_alone),
         UNIT_TEST(the_MTU_of_GRE_under_a_crypto_map_leaves_room_for_its_ESP), UNIT_TEST(everything_ends))
