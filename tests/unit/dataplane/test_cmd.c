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

static void everything_ends(void)
{
    mgr_stop();
}

PKT_MAIN("cmd", UNIT_TEST(a_deleted_interface_leaves_no_sa_and_no_route_behind),
         UNIT_TEST(a_tunnel_that_is_gone_gives_its_next_hops_to_nobody),
         UNIT_TEST(an_interface_does_not_become_another_kind),
         UNIT_TEST(an_interface_that_moves_to_another_port_forgets_its_neighbours),
         UNIT_TEST(everything_ends))
