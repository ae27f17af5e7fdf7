/* When the manager has dummy packets sent (RFC 4303 2.6): at the rate asked for, of active SAs, while they live. */
#include "dataplane/dp_dummy.h"
#include "tests/unit/dataplane/manager.h"

static struct cv_sa dummy_sa(uint32_t slot, uint32_t if_id, uint32_t every_ms)
{
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, slot, if_id);
    sa.dummy_ms = every_ms;
    return sa;
}

static unsigned for_ms(uint64_t ms)
{
    unsigned sent = 0;
    for (uint64_t end = mgr->now_ms + ms; mgr->now_ms < end;) {
        mgr->now_ms++;
        dp_dummy_tick(mgr);
        sent += mgr_given(DP_STAGE_DUMMY);
    }
    return sent;
}

static cv_result sa_del(const struct cv_sa *sa)
{
    struct cv_cmd c = {.type = CV_CMD_SA_DEL};
    c.u.sa_ref = sa->ref;
    return mgr_cmd(&c);
}

static void rates_are_kept_over_time(void)
{
    static const uint32_t every[] = {40, 500, 1000, 7000};
    mgr_start();
    CU_ASSERT_EQUAL(mgr_if(100, CV_IF_TUNNEL, 0, NULL), CV_OK);
    for (unsigned i = 0; i < RTE_DIM(every); i++) {
        struct cv_sa sa = dummy_sa(i, 100, every[i]);
        CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa), CV_OK);
        CU_ASSERT_EQUAL(for_ms(2 * every[i]), 0); /* not before it is active */
        CU_ASSERT_EQUAL_FATAL(mgr_sa_activate(&sa) | mgr_sa_activate(&sa), CV_OK); /* twice is once */
        const unsigned n = for_ms(70000), want = 70000 / every[i];
        CU_ASSERT(n == want || n + 1 == want);
        CU_ASSERT_EQUAL(sa_del(&sa), CV_OK);
        CU_ASSERT_EQUAL(for_ms(20000), 0);
    }
    CU_ASSERT_EQUAL(mgr->dummies.count, 0);
}

static void an_SA_without_dummies_is_not_looked_at(void)
{
    struct cv_sa sa = dummy_sa(9, 100, 0);
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    CU_ASSERT_EQUAL(mgr->dummies.count, 0);
    CU_ASSERT_EQUAL(for_ms(5000), 0);
    CU_ASSERT_EQUAL(sa_del(&sa), CV_OK);
}

static void of_many_SAs_each_has_its_rate_and_the_removed_none(void)
{
    enum { SAS = 600, EVERY = 1000 };
    for (uint32_t i = 0; i < SAS; i++) {
        struct cv_sa sa = dummy_sa(i, 100 + i / 50, EVERY);
        if (i % 50 == 0)
            CU_ASSERT_EQUAL(mgr_if(sa.if_id, CV_IF_TUNNEL, 0, NULL), CV_OK);
        CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    }
    unsigned n = for_ms(10 * EVERY);
    CU_ASSERT(n >= 9 * SAS && n <= 10 * SAS);
    for (uint32_t i = 0; i < SAS; i += 2) {
        struct cv_sa sa = dummy_sa(i, 100 + i / 50, EVERY);
        CU_ASSERT_EQUAL(sa_del(&sa), CV_OK);
    }
    n = for_ms(10 * EVERY);
    CU_ASSERT(n >= 9 * SAS / 2 && n <= 10 * SAS / 2);
    CU_ASSERT_EQUAL(mgr->dummies.count, SAS / 2);
    struct cv_cmd c = {.type = CV_CMD_FLUSH};
    CU_ASSERT_EQUAL(mgr_cmd(&c), CV_OK);
    CU_ASSERT_EQUAL(for_ms(5 * EVERY), 0);
    CU_ASSERT_EQUAL(mgr->dummies.count, 0);
}

/* The one dummy that came, whose pool and length are looked at. */
static void one_of(uint16_t len, const struct rte_mempool *pool)
{
    struct rte_mbuf *m;
    CU_ASSERT_EQUAL_FATAL(io_take(mgr_dp.rings.inbox[0], &m, 1), 1);
    CU_ASSERT_EQUAL(dp_meta(m)->stage, DP_STAGE_DUMMY);
    CU_ASSERT_EQUAL(m->data_len, len);
    CU_ASSERT(m->pool == pool && rte_pktmbuf_tailroom(m) >= ESP_TAILROOM);
    rte_pktmbuf_free(m);
}

/* Where there is padding dummies are as long as all else: over jumbo paths, too. */
static void each_length_has_a_buffer_that_holds_it(void)
{
    static const uint16_t lengths[] = {1000, DP_BIG_ROOM - ESP_TAILROOM, DP_BIG_ROOM - ESP_TAILROOM + 1,
                                       8900};
    struct rte_mempool *big = rte_pktmbuf_pool_create("big", 15, 0, sizeof(struct dp_meta),
                                                      DP_BIG_ROOM + RTE_PKTMBUF_HEADROOM, -1),
                       *jumbo = rte_pktmbuf_pool_create("jumbo", 15, 0, sizeof(struct dp_meta),
                                                        DP_JUMBO_ROOM + RTE_PKTMBUF_HEADROOM, -1);
    CU_ASSERT_TRUE_FATAL(big && jumbo);
    mgr_dp.big_pool = big;
    mgr_dp.jumbo_pool = jumbo;
    CU_ASSERT_EQUAL(mgr_if(100, CV_IF_TUNNEL, 0, NULL), CV_OK);
    for (unsigned i = 0; i < RTE_DIM(lengths); i++) {
        struct cv_sa sa = dummy_sa(i, 100, 1000);
        sa.tfc_len = lengths[i];
        CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
        mgr->now_ms += 1000;
        dp_dummy_tick(mgr);
        one_of(lengths[i], i < 2 ? big : jumbo);
        CU_ASSERT_EQUAL(sa_del(&sa), CV_OK);
        CU_ASSERT_EQUAL(for_ms(2000), 0);
    }
    mgr_dp.big_pool = mgr_dp.jumbo_pool = pkt_pool;
    rte_mempool_free(big);
    rte_mempool_free(jumbo);
}

static void everything_ends(void)
{
    mgr_stop();
}

PKT_MAIN("dummy", UNIT_TEST(rates_are_kept_over_time), UNIT_TEST(an_SA_without_dummies_is_not_looked_at),
         UNIT_TEST(of_many_SAs_each_has_its_rate_and_the_removed_none),
         UNIT_TEST(each_length_has_a_buffer_that_holds_it), UNIT_TEST(everything_ends))
