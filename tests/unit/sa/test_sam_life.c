/* The SA manager over mock_dp: lifetimes by time and by volume, idle time. */
#include "tests/unit/sa/sam_bench.h"

static struct sam_child *install_idle(struct sam_bench *b, uint32_t spi_out, uint32_t idle_s)
{
    uint8_t keys[6][64];
    struct sam_install p = sam_bench_proposal(b, keys);
    struct sam_child *c = NULL;
    p.spi_out = spi_out;
    p.idle_s = idle_s;
    CU_ASSERT_EQUAL_FATAL(sam_spi_reserve(b->sam, &p.spi_in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(sam_child_install(b->sam, &p, &c), CV_OK);
    return c;
}

static void soft_lifetime_comes_once_30_to_60_s_before_the_hard_one(void)
{
    struct sam_bench b;
    uint64_t seen_min = UINT64_MAX, seen_max = 0;
    sam_bench_start(&b);
    for (unsigned i = 0; i < 50; i++) {
        struct sam_child *c = sam_bench_install(&b, 1, 0x2000 + i, "Tunnel1");
        uint64_t before = c->hard_at_ms - c->soft_at_ms;
        CU_ASSERT_EQUAL(c->hard_at_ms, b.now + 3600 * 1000);
        CU_ASSERT(before >= 30000 && before <= 60000);
        seen_min = before < seen_min ? before : seen_min;
        seen_max = before > seen_max ? before : seen_max;
        sam_child_delete(b.sam, c, 0);
    }
    CU_ASSERT(seen_max - seen_min > 5000); /* jitter */
    sam_bench_events(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x3000, "Tunnel1");
    uint64_t soft = c->soft_at_ms, hard = c->hard_at_ms;
    sam_bench_at(&b, soft - 1);
    CU_ASSERT_EQUAL(b.rekeys, 0);
    sam_bench_at(&b, soft);
    CU_ASSERT_EQUAL(b.rekeys, 1);
    CU_ASSERT_EQUAL(b.why, SAM_SOFT_TIME);
    sam_bench_at(&b, hard - 1);
    CU_ASSERT_EQUAL(b.rekeys, 1);
    CU_ASSERT_EQUAL(b.expired, 0);
    sam_bench_at(&b, hard);
    CU_ASSERT_EQUAL(b.expired, 1);
    CU_ASSERT_PTR_NULL(sam_children(b.sam));
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
    sam_bench_stop(&b);
}

static void child_without_a_packet_ends_after_its_idle_time(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = install_idle(&b, 0x4000, 60);
    uint64_t from = c->installed_ms;
    sam_bench_install(&b, 2, 0x4001, "Tunnel2"); /* without an idle time */
    sam_bench_at(&b, from + 59999);
    CU_ASSERT_EQUAL(b.idles, 0);
    sam_bench_at(&b, from + 60000);
    CU_ASSERT_EQUAL(b.idles, 1);
    CU_ASSERT_EQUAL(b.expired + b.rekeys, 0);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 1);
    sam_bench_at(&b, from + 600000);
    CU_ASSERT_EQUAL(b.idles, 1);
    sam_bench_stop(&b);
}

static void good_packet_of_either_direction_puts_the_idle_end_off(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = install_idle(&b, 0x4000, 60);
    uint64_t from = c->installed_ms;
    b.dp->out[c->out.sa_id].last_ms = from + 50000;
    b.dp->out[c->out.sa_id].counters.packets++;
    sam_bench_at(&b, from + 60000);
    CU_ASSERT_EQUAL(b.idles, 0);
    b.dp->in[c->in.sa_id].last_ms = from + 100000;
    b.dp->in[c->in.sa_id].counters.packets++;
    sam_bench_at(&b, from + 110000);
    sam_bench_at(&b, from + 159999);
    CU_ASSERT_EQUAL(b.idles, 0);
    sam_bench_at(&b, from + 160000);
    CU_ASSERT_EQUAL(b.idles, 1);
    CU_ASSERT_PTR_NULL(sam_children(b.sam));
    sam_bench_stop(&b);
}

/* RFC 9611 4: traffic of one worker's SA keeps the one for all; what carries nothing itself ends. */
static void SA_for_all_is_idle_with_those_of_its_workers(void)
{
    struct sam_bench b;
    struct sam_child *of_worker[2];
    sam_bench_start(&b);
    b.dp->workers = 2;
    struct sam_child *all = install_idle(&b, 0x4000, 60);
    uint32_t all_id = all->id;
    uint64_t from = all->installed_ms;
    for (uint8_t k = 0; k < 2; k++) {
        uint8_t keys[6][64];
        struct sam_install p = sam_bench_proposal(&b, keys);
        p.spi_out = 0x4001u + k;
        p.idle_s = 60;
        p.worker = (uint8_t)(k + 1);
        CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_for(b.sam, p.worker, &p.spi_in), CV_OK);
        CU_ASSERT_EQUAL_FATAL(sam_child_install(b.sam, &p, &of_worker[k]), CV_OK);
    }
    uint32_t quiet_id = of_worker[1]->id;
    b.dp->out[of_worker[0]->out.sa_id].last_ms = from + 50000;
    b.dp->out[of_worker[0]->out.sa_id].counters.packets++;
    sam_bench_at(&b, from + 60000);
    CU_ASSERT_EQUAL(b.idles, 1);
    CU_ASSERT_EQUAL(b.last_id, quiet_id);
    CU_ASSERT_PTR_NOT_NULL(sam_child_by_id(b.sam, all_id));
    sam_bench_at(&b, from + 109999);
    CU_ASSERT_EQUAL(b.idles, 1);
    sam_bench_at(&b, from + 110000);
    CU_ASSERT_EQUAL(b.idles, 3);
    CU_ASSERT_PTR_NULL(sam_children(b.sam));
    sam_bench_stop(&b);
}

static void rekey_is_no_packet_and_a_replaced_child_is_left_alone(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *old = install_idle(&b, 0x4000, 60);
    uint64_t from = old->installed_ms;
    uint32_t old_id = old->id;
    b.dp->out[old->out.sa_id].last_ms = from + 10000;
    b.dp->out[old->out.sa_id].counters.packets++;
    sam_bench_at(&b, from + 40000);
    struct sam_child *fresh = install_idle(&b, 0x4001, 60);
    uint32_t fresh_id = fresh->id;
    old->replaced_by = fresh_id;
    CU_ASSERT_EQUAL(fresh->idle_at_ms, from + 70000);
    sam_bench_at(&b, from + 70000);
    CU_ASSERT_EQUAL(b.idles, 1);
    CU_ASSERT_EQUAL(b.last_id, fresh_id);
    CU_ASSERT_PTR_NOT_NULL(sam_child_by_id(b.sam, old_id));
    sam_bench_stop(&b);
}

static void idle_child_that_the_upcall_retires_lingers(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = install_idle(&b, 0x4000, 60);
    uint64_t from = c->installed_ms;
    b.delete_in_upcall = true;
    sam_bench_at(&b, from + 60000);
    CU_ASSERT_EQUAL(b.idles, 1);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
    sam_bench_at(&b, from + 61000);
    CU_ASSERT_PTR_NULL(sam_children(b.sam));
    sam_bench_stop(&b);
}

static void volume_events_are_soft_once_and_hard_at_once(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    const struct cv_sa *sa = &b.dp->in[c->in.sa_id].sa;
    uint64_t hard = 4608000ull * 1024;
    CU_ASSERT_EQUAL(sa->hard_bytes, hard);
    CU_ASSERT_EQUAL(sa->hard_seconds, 3600); /* the data plane ends it should culvertd be away then */
    CU_ASSERT_EQUAL(b.dp->out[c->out.sa_id].sa.hard_seconds, 3600);
    CU_ASSERT(sa->soft_bytes <= hard - hard / 100 * 15 && sa->soft_bytes >= hard - hard / 100 * 21);
    struct cv_sa_ref wrong = c->out;
    wrong.spi++;
    sam_bench_event(&b, CV_EVT_SA_SOFT, &wrong, c->cookie);
    sam_bench_event(&b, CV_EVT_SA_SOFT, &c->out, c->cookie + 1);
    CU_ASSERT_EQUAL(b.rekeys, 0);
    sam_bench_event(&b, CV_EVT_SA_SOFT, &c->out, c->cookie);
    CU_ASSERT_EQUAL(b.rekeys, 1);
    CU_ASSERT_EQUAL(b.why, SAM_SOFT_VOLUME);
    sam_bench_event(&b, CV_EVT_SA_SEQ, &c->out, c->cookie);
    sam_bench_event(&b, CV_EVT_SA_SOFT, &c->in, c->cookie);
    CU_ASSERT_EQUAL(b.rekeys, 1);
    b.delete_in_upcall = true; /* an upcall may begin to delete it */
    const struct cv_sa_ref in = c->in, out = c->out;
    const uint64_t cookie = c->cookie;
    sam_bench_event(&b, CV_EVT_SA_HARD, &in, cookie);
    sam_bench_event(&b, CV_EVT_SA_HARD, &out,
                    cookie); /* by time both ways end at once: one end of the child */
    CU_ASSERT_EQUAL(b.expired, 1);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 0);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
    sam_bench_stop(&b);
}

static void small_volume_keeps_256_KB_or_half(void)
{
    struct sam_bench b;
    uint8_t keys[6][64];
    struct sam_child *c;
    sam_bench_start(&b);
    struct sam_install p = sam_bench_proposal(&b, keys);
    p.lifetime_bytes = 600 * 1024;
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(sam_child_install(b.sam, &p, &c), CV_OK);
    CU_ASSERT(c->soft_bytes >= 300 * 1024 && c->soft_bytes <= (600 - 256) * 1024);
    sam_bench_stop(&b);
}

UNIT_MAIN("sam_life", UNIT_TEST(soft_lifetime_comes_once_30_to_60_s_before_the_hard_one),
          UNIT_TEST(child_without_a_packet_ends_after_its_idle_time),
          UNIT_TEST(good_packet_of_either_direction_puts_the_idle_end_off),
          UNIT_TEST(SA_for_all_is_idle_with_those_of_its_workers),
          UNIT_TEST(rekey_is_no_packet_and_a_replaced_child_is_left_alone),
          UNIT_TEST(idle_child_that_the_upcall_retires_lingers),
          UNIT_TEST(volume_events_are_soft_once_and_hard_at_once),
          UNIT_TEST(small_volume_keeps_256_KB_or_half))
