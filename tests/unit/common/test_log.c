/* log: levels, one line per event, and the token bucket. */
#include "common/contract.h"
#include "common/log.h"
#include "tests/unit/unit.h"

#include <string.h>

static char last_line[2 * LOG_LINE_MAX];
static enum log_level last_level;
static unsigned lines;

static void keep(void *ctx, enum log_level level, const char *line)
{
    lines++;
    last_level = level;
    strcpy(last_line, line);
    if (ctx)
        log_error("from inside of the sink"); /* must not come back here, nor deadlock */
}

static void lines_reach_the_sink_by_level(void)
{
    log_setup("test", LOG_LEVEL_WARNING, keep, NULL);
    lines = 0;
    log_info("not this");
    CU_ASSERT_EQUAL(lines, 0);
    log_warning("peer %d\n", 7);
    CU_ASSERT_EQUAL(lines, 1);
    CU_ASSERT_EQUAL(last_level, LOG_LEVEL_WARNING);
    CU_ASSERT_STRING_EQUAL(last_line, "peer 7");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("now");
    CU_ASSERT_STRING_EQUAL(last_line, "now");
}

static void a_peers_bytes_stay_on_one_line(void)
{
    log_setup("test", LOG_LEVEL_INFO, keep, NULL);
    log_info("id %s", "a\nculvertd: error: forged\x1b[2J");
    CU_ASSERT_STRING_EQUAL(last_line, "id a?culvertd: error: forged?[2J");
}

static void long_lines_are_cut(void)
{
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    log_setup("test", LOG_LEVEL_INFO, keep, NULL);
    log_info("%s", big);
    CU_ASSERT_EQUAL(strlen(last_line), LOG_LINE_MAX - 1);
}

static void a_sink_may_log(void)
{
    int ctx;
    log_setup("test", LOG_LEVEL_INFO, keep, &ctx);
    lines = 0;
    log_info("outer");
    CU_ASSERT_EQUAL(lines, 1);
    log_setup("test", LOG_LEVEL_INFO, keep, NULL);
}

static void level_names(void)
{
    enum log_level l = LOG_LEVEL_DEBUG;
    CU_ASSERT(log_level_parse("error", &l) && l == LOG_LEVEL_ERROR);
    CU_ASSERT(log_level_parse("debug", &l) && l == LOG_LEVEL_DEBUG);
    CU_ASSERT_FALSE(log_level_parse("Debug", &l));
    CU_ASSERT_FALSE(log_level_parse("", &l));
}

static void a_bucket_gives_its_burst_then_one_per_interval(void)
{
    struct log_limit l = {.burst = 3, .every_ms = 100};
    unsigned passed = 0;
    for (int i = 0; i < 10; i++)
        passed += log_limit_ok(&l, 5000);
    CU_ASSERT_EQUAL(passed, 3);
    CU_ASSERT_FALSE(log_limit_ok(&l, 5099));
    CU_ASSERT_TRUE(log_limit_ok(&l, 5100));
    CU_ASSERT_EQUAL(l.suppressed, 8);
    CU_ASSERT_FALSE(log_limit_ok(&l, 5199));
    CU_ASSERT_TRUE(log_limit_ok(&l, 5200));
    CU_ASSERT_EQUAL(l.suppressed, 1);
    for (passed = 0; log_limit_ok(&l, 1000000);)
        passed++;
    CU_ASSERT_EQUAL(passed, 3);
    CU_ASSERT_EQUAL(l.suppressed, 1);
}

static void a_clock_that_steps_back_gives_nothing(void)
{
    struct log_limit l = {.burst = 1, .every_ms = 10};
    CU_ASSERT_TRUE(log_limit_ok(&l, 1000));
    CU_ASSERT_FALSE(log_limit_ok(&l, 0));
    CU_ASSERT_FALSE(log_limit_ok(&l, 1009));
    CU_ASSERT_TRUE(log_limit_ok(&l, 1010));
    CU_ASSERT_TRUE(log_limit_ok(&(struct log_limit){0}, 0));
}

static void every_result_and_drop_reason_has_a_text(void)
{
    for (int r = 0; r < CV_RESULT_COUNT; r++)
        CU_ASSERT_STRING_NOT_EQUAL(cv_result_text((cv_result)r), "unknown error");
    CU_ASSERT_STRING_EQUAL(cv_result_text(CV_RESULT_COUNT), "unknown error");
    for (int d = 0; d < CV_DROP_COUNT; d++) {
        CU_ASSERT_STRING_NOT_EQUAL(cv_drop_name((enum cv_drop)d), "?");
        CU_ASSERT_EQUAL(strspn(cv_drop_name((enum cv_drop)d), "abcdefghijklmnopqrstuvwxyz0123456789-"),
                        strlen(cv_drop_name((enum cv_drop)d)));
        for (int e = 0; e < d; e++)
            CU_ASSERT_STRING_NOT_EQUAL(cv_drop_name((enum cv_drop)d), cv_drop_name((enum cv_drop)e));
    }
    CU_ASSERT_STRING_EQUAL(cv_drop_name(CV_DROP_COUNT), "?");
    CU_ASSERT_STRING_EQUAL(cv_if_drop_name(CV_IF_DROP_COUNT), "?");
    CU_ASSERT_STRING_EQUAL(cv_if_drop_text(CV_IF_DROP_COUNT), "?");
    CU_ASSERT_STRING_EQUAL(cv_drop_text(CV_DROP_COUNT), "?");
}

UNIT_MAIN("log", UNIT_TEST(lines_reach_the_sink_by_level), UNIT_TEST(a_peers_bytes_stay_on_one_line),
          UNIT_TEST(long_lines_are_cut), UNIT_TEST(a_sink_may_log), UNIT_TEST(level_names),
          UNIT_TEST(a_bucket_gives_its_burst_then_one_per_interval),
          UNIT_TEST(a_clock_that_steps_back_gives_nothing),
          UNIT_TEST(every_result_and_drop_reason_has_a_text))
