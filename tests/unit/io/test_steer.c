/* Steering rules against a model of a driver: what they contain, what is left when the driver stops taking them, how
 * they follow a bucket, and that none outlives the port. */
#include "common/log.h"
#include "dataplane/io/io_steer.h"
#include "tests/unit/unit.h"

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <stdlib.h>
#include <string.h>

enum { PORT = 3, RULES_MAX = 512, KINDS = IO_STEER_KINDS };

/* ---- the driver ------------------------------------------------------------------------------------------------ */
struct rte_flow {
    bool used, v6, udp, ah, hash;
    uint32_t spi, mask;
    uint16_t queue;
};
static struct rte_flow rules[RULES_MAX];
static unsigned room;                /* rules that it takes at most */
static uint32_t only_mask;           /* masks that it knows; 0: all */
static bool no_udp, no_ah, no_twins; /* ESP in UDP unknown; two rules of one pattern refused */
static bool hashes, no_hash_v6;    /* RSS actions on ESP items known, as in ice, iavf, i40e; of IPv4 alone */
static unsigned validated, misuse; /* created without validation, destroyed twice ... */

static unsigned count(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < RULES_MAX; i++)
        n += rules[i].used;
    return n;
}

static int refuse(struct rte_flow_error *e, int code, const char *why)
{
    *e = (struct rte_flow_error){RTE_FLOW_ERROR_TYPE_ITEM, NULL, why};
    return -code;
}

/* What ice_hash.c, iavf_hash.c and i40e_hash.c take: items without values; the port's key and queues; the default function; the SPI. */
static bool read_hash(const struct rte_flow_item *p, const struct rte_flow_action_rss *rss,
                      struct rte_flow *r)
{
    const unsigned last = p[2].type == RTE_FLOW_ITEM_TYPE_UDP ? 3 : 2;
    r->hash = true;
    r->v6 = p[1].type == RTE_FLOW_ITEM_TYPE_IPV6;
    r->udp = last == 3;
    r->ah = p[last].type == RTE_FLOW_ITEM_TYPE_AH;
    for (unsigned i = 0; i <= last; i++)
        if (p[i].spec || p[i].mask || p[i].last)
            return false;
    return p[0].type == RTE_FLOW_ITEM_TYPE_ETH && (r->v6 || p[1].type == RTE_FLOW_ITEM_TYPE_IPV4) &&
           (r->ah || p[last].type == RTE_FLOW_ITEM_TYPE_ESP) && !(r->ah && r->udp) &&
           p[last + 1].type == RTE_FLOW_ITEM_TYPE_END && !rss->queue_num && !rss->queue && !rss->key_len &&
           !rss->key && !rss->level && rss->func == RTE_ETH_HASH_FUNCTION_DEFAULT &&
           rss->types == (r->ah ? RTE_ETH_RSS_AH : RTE_ETH_RSS_ESP);
}

/* Reads a pattern as drivers do: item by item, in this order and no other. */
static bool read_rule(const struct rte_flow_item *p, const struct rte_flow_action *a, struct rte_flow *r)
{
    *r = (struct rte_flow){.used = true};
    if (a->type == RTE_FLOW_ACTION_TYPE_RSS && a[1].type == RTE_FLOW_ACTION_TYPE_END)
        return read_hash(p, a->conf, r);
    if (p->type != RTE_FLOW_ITEM_TYPE_ETH || p->spec || p->mask)
        return false;
    p++;
    r->v6 = p->type == RTE_FLOW_ITEM_TYPE_IPV6;
    if ((!r->v6 && p->type != RTE_FLOW_ITEM_TYPE_IPV4) || p->spec)
        return false;
    p++;
    if (p->type == RTE_FLOW_ITEM_TYPE_UDP) {
        const struct rte_flow_item_udp *spec = p->spec, *mask = p->mask;
        r->udp = true;
        if (!spec || !mask || spec->hdr.dst_port != RTE_BE16(4500) || mask->hdr.dst_port != UINT16_MAX ||
            mask->hdr.src_port != 0)
            return false;
        p++;
    }
    r->ah = p->type == RTE_FLOW_ITEM_TYPE_AH;
    if ((p->type != RTE_FLOW_ITEM_TYPE_ESP && !r->ah) || (r->ah && r->udp) || !p->spec || !p->mask ||
        p[1].type != RTE_FLOW_ITEM_TYPE_END)
        return false;
    if (r->ah) {
        const struct rte_flow_item_ah *spec = p->spec, *mask = p->mask;
        if (mask->next_hdr || mask->payload_len || mask->reserved || mask->seq_num)
            return false;
        r->spi = rte_be_to_cpu_32(spec->spi);
        r->mask = rte_be_to_cpu_32(mask->spi);
    } else {
        r->spi = rte_be_to_cpu_32(((const struct rte_flow_item_esp *)p->spec)->hdr.spi);
        r->mask = rte_be_to_cpu_32(((const struct rte_flow_item_esp *)p->mask)->hdr.spi);
    }
    if (a->type != RTE_FLOW_ACTION_TYPE_QUEUE || a[1].type != RTE_FLOW_ACTION_TYPE_END)
        return false;
    r->queue = ((const struct rte_flow_action_queue *)a->conf)->index;
    return true;
}

static int judge(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item *pattern,
                 const struct rte_flow_action *actions, struct rte_flow_error *error, struct rte_flow *r)
{
    misuse += port != PORT || !attr->ingress || attr->egress || attr->group;
    if (!read_rule(pattern, actions, r))
        return refuse(error, EINVAL, "no pattern of mine");
    if (r->hash && (!hashes || (r->v6 && no_hash_v6)))
        return refuse(error, ENOTSUP, "no RSS on that");
    if (only_mask && !r->hash && r->mask != only_mask)
        return refuse(error, ENOTSUP, "partial mask of the SPI");
    if (r->ah && no_ah)
        return refuse(error, ENOTSUP, "no AH");
    if (r->udp && no_udp)
        return refuse(error, ENOTSUP, "no ESP behind UDP");
    for (unsigned i = 0; i < RULES_MAX && no_twins; i++)
        if (rules[i].used && rules[i].v6 == r->v6 && rules[i].udp == r->udp && rules[i].ah == r->ah &&
            rules[i].spi == r->spi && rules[i].hash == r->hash)
            return refuse(error, EEXIST, "there is such a rule");
    return count() < room ? 0 : refuse(error, ENOSPC, "table full");
}

static int model_validate(uint16_t port, const struct rte_flow_attr *attr,
                          const struct rte_flow_item *pattern, const struct rte_flow_action *actions,
                          struct rte_flow_error *error)
{
    struct rte_flow r;
    validated++;
    return judge(port, attr, pattern, actions, error, &r);
}

static struct rte_flow *model_create(uint16_t port, const struct rte_flow_attr *attr,
                                     const struct rte_flow_item *pattern,
                                     const struct rte_flow_action *actions, struct rte_flow_error *error)
{
    struct rte_flow r;
    misuse += validated == 0;
    validated = 0;
    if (judge(port, attr, pattern, actions, error, &r) != 0)
        return NULL;
    for (unsigned i = 0; i < RULES_MAX; i++)
        if (!rules[i].used) {
            rules[i] = r;
            return &rules[i];
        }
    return NULL;
}

static int model_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error)
{
    (void)error;
    misuse += port != PORT || !flow->used;
    flow->used = false;
    return 0;
}

static const struct io_flow_calls model = {model_validate, model_create, model_destroy};

static struct io_steer s;
static struct io_port port;

static void fresh(unsigned workers, unsigned takes)
{
    log_set_level(LOG_LEVEL_ERROR);
    memset(rules, 0, sizeof rules);
    room = takes;
    only_mask = 0;
    no_udp = no_ah = no_twins = hashes = no_hash_v6 = false;
    misuse = 0;
    port = (struct io_port){.name = "E0", .id = PORT, .rx_queues = (uint16_t)workers};
}

/* The queue of a packet, -1: no rule; -2: two rules that disagree. */
static int queue_for(uint32_t spi, bool v6, bool udp, bool ah)
{
    int q = -1;
    for (unsigned i = 0; i < RULES_MAX; i++) {
        const struct rte_flow *r = &rules[i];
        if (!r->used || r->hash || r->v6 != v6 || r->udp != udp || r->ah != ah ||
            (spi & r->mask) != (r->spi & r->mask))
            continue;
        q = q < 0 || q == r->queue ? r->queue : -2;
    }
    return q;
}

static int queue_of(uint32_t spi, bool v6, bool udp)
{
    return queue_for(spi, v6, udp, false);
}

static void every_SPI_has_the_queue_of_its_owner(unsigned workers)
{
    for (uint32_t n = 0; n < 4000; n++) {
        const uint32_t spi = n * 2654435761u;
        for (unsigned k = 0; k < 4; k++)
            CU_ASSERT_EQUAL(queue_of(spi, k & 1, k & 2), (int)cv_bucket_worker(cv_spi_bucket(spi), workers));
        for (unsigned v6 = 0; v6 < 2 && !no_ah; v6++)
            CU_ASSERT_EQUAL(queue_for(spi, v6, false, true),
                            (int)cv_bucket_worker(cv_spi_bucket(spi), workers));
    }
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */
static void rules_by_bucket_serve_any_number_of_workers(void)
{
    static const unsigned numbers[] = {2, 3, 4, 5, 7, 16};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct cv_steer_port report = {0};
        fresh(numbers[i], RULES_MAX);
        io_steer_start(&s, &model, &port, numbers[i]);
        every_SPI_has_the_queue_of_its_owner(numbers[i]);
        io_steer_report(&s, &port, &report);
        CU_ASSERT_EQUAL(report.esp, CV_STEER_BUCKETS);
        CU_ASSERT_EQUAL(report.natt, CV_STEER_BUCKETS);
        CU_ASSERT_EQUAL(report.rules, KINDS * 2 * CV_BUCKETS);
        CU_ASSERT_EQUAL(report.esp_why[0], '\0');
        io_steer_stop(&s);
        CU_ASSERT_EQUAL(count(), 0);
        CU_ASSERT_EQUAL(misuse, 0);
    }
}

static void a_small_table_takes_rules_by_worker(void)
{
    struct cv_steer_port report = {0};
    fresh(4, 16);
    no_ah = true;
    io_steer_start(&s, &model, &port, 4);
    every_SPI_has_the_queue_of_its_owner(4);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_WORKERS);
    CU_ASSERT_EQUAL(report.natt, CV_STEER_WORKERS);
    CU_ASSERT_EQUAL(report.rules, 16);
    CU_ASSERT_STRING_EQUAL(report.esp_why, "table full");
    CU_ASSERT_FALSE(io_steer_move(&s, 5, 0)); /* they cannot follow a bucket */
    io_steer_stop(&s);
    CU_ASSERT_EQUAL(count(), 0);
}

/* Every number of rules at which a driver may stop: complete kinds, or nothing of them. */
static void partial_failure_leaves_nothing_behind(void)
{
    for (unsigned workers = 2; workers < 5; workers++)
        for (unsigned takes = 0; takes <= KINDS * 2 * CV_BUCKETS; takes += takes < 20 ? 1 : 9) {
            struct cv_steer_port report = {0};
            fresh(workers, takes);
            io_steer_start(&s, &model, &port, workers);
            io_steer_report(&s, &port, &report);
            const unsigned of[] = {[CV_STEER_HANDOFF] = 0,
                                   [CV_STEER_BUCKETS] = 2 * CV_BUCKETS,
                                   [CV_STEER_WORKERS] = 2 * workers};
            CU_ASSERT_EQUAL(count(), of[report.esp] + of[report.natt] + of[s.set[IO_STEER_AH].by]);
            CU_ASSERT_EQUAL(report.rules, count());
            CU_ASSERT_TRUE(workers != 3 ||
                           (report.esp != CV_STEER_WORKERS && report.natt != CV_STEER_WORKERS));
            io_steer_stop(&s);
            CU_ASSERT_EQUAL(count(), 0);
            CU_ASSERT_EQUAL(misuse, 0);
        }
}

static void a_driver_that_matches_whole_SPIs_alone_gets_no_rule(void)
{
    struct cv_steer_port report = {0};
    fresh(2, RULES_MAX);
    only_mask = UINT32_MAX;
    io_steer_start(&s, &model, &port, 2);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_HANDOFF);
    CU_ASSERT_EQUAL(report.natt, CV_STEER_HANDOFF);
    CU_ASSERT_STRING_EQUAL(report.esp_why, "partial mask of the SPI");
    CU_ASSERT_EQUAL(count(), 0);
    io_steer_stop(&s);
}

/* ice, iavf, i40e with a profile: whole SPIs alone in rules to queues, but RSS on the SPI by rule. */
static void what_takes_no_mask_spreads_by_the_SPI_where_it_can(void)
{
    for (unsigned workers = 2; workers < 5; workers++)
        for (unsigned queues = 2; queues <= workers; queues++) {
            struct cv_steer_port report = {0};
            fresh(workers, RULES_MAX);
            only_mask = UINT32_MAX;
            hashes = true;
            port.rx_queues = (uint16_t)queues;
            port.rss = CV_RSS_IP | CV_RSS_UDP;
            io_steer_start(&s, &model, &port, workers);
            io_steer_report(&s, &port, &report);
            CU_ASSERT_TRUE(report.esp == CV_STEER_SPI && report.natt == CV_STEER_SPI);
            CU_ASSERT_EQUAL(s.set[IO_STEER_AH].by, CV_STEER_SPI);
            CU_ASSERT_EQUAL(report.rules, KINDS * 2);
            CU_ASSERT_NOT_EQUAL(report.esp_why[0], '\0'); /* why no better */
            unsigned by_hash = 0;
            for (unsigned i = 0; i < RULES_MAX; i++)
                by_hash += rules[i].used && rules[i].hash;
            CU_ASSERT_EQUAL(by_hash, KINDS * 2);
            CU_ASSERT_FALSE(io_steer_move(&s, 5, 1)); /* no rule names a worker */
            io_steer_stop(&s);
            CU_ASSERT_EQUAL(count() + misuse, 0);
        }
}

/* Half of a kind is none of it; rules to queues are better and come first; one queue needs no hash. */
static void RSS_rules_are_whole_or_none_and_second_best(void)
{
    struct cv_steer_port report = {0};
    fresh(2, RULES_MAX);
    only_mask = UINT32_MAX;
    hashes = no_hash_v6 = true;
    io_steer_start(&s, &model, &port, 2);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_TRUE(report.esp == CV_STEER_HANDOFF && report.natt == CV_STEER_HANDOFF);
    CU_ASSERT_EQUAL(count() + misuse, 0);
    io_steer_stop(&s);
    fresh(2, RULES_MAX);
    hashes = true;
    io_steer_start(&s, &model, &port, 2);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_BUCKETS);
    io_steer_stop(&s);
    fresh(2, RULES_MAX);
    hashes = true;
    port.rx_queues = 1;
    io_steer_start(&s, &model, &port, 2);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_HANDOFF);
    CU_ASSERT_EQUAL(count() + misuse, 0);
    io_steer_stop(&s);
}

/* A port that is told to hash SPIs needs no rule for plain ESP. */
static void the_ports_own_hash_of_SPIs_is_used(void)
{
    const uint64_t esp_only = RTE_ETH_RSS_ESP, mlx5 = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP |
                                                      RTE_ETH_RSS_ESP | RTE_ETH_RSS_L3_SRC_ONLY;
    struct cv_steer_port report = {0};
    CU_ASSERT_EQUAL(io_steer_rss(0), 0);
    CU_ASSERT_EQUAL(io_steer_rss(RTE_ETH_RSS_TCP), 0);
    CU_ASSERT_EQUAL(io_steer_rss(esp_only), RTE_ETH_RSS_ESP);
    CU_ASSERT_EQUAL(io_steer_rss(mlx5), RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_ESP);
    CU_ASSERT_EQUAL(io_steer_rss_kinds(io_steer_rss(mlx5)), CV_RSS_IP | CV_RSS_UDP | CV_RSS_ESP);
    CU_ASSERT_EQUAL(io_steer_rss_kinds(RTE_ETH_RSS_NONFRAG_IPV4_UDP), CV_RSS_UDP);
    fresh(3, 0);
    port.rss = io_steer_rss_kinds(io_steer_rss(mlx5));
    io_steer_start(&s, &model, &port, 3);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_SPI);
    CU_ASSERT_EQUAL(report.natt, CV_STEER_HANDOFF);
    CU_ASSERT_EQUAL(report.rules, 0);
    CU_ASSERT_EQUAL(report.rss, CV_RSS_IP | CV_RSS_UDP | CV_RSS_ESP);
    io_steer_stop(&s);
    CU_ASSERT_EQUAL(count() + misuse, 0);
}

static void ESP_is_steered_where_ESP_in_UDP_is_not(void)
{
    struct cv_steer_port report = {0};
    fresh(2, RULES_MAX);
    no_udp = true;
    io_steer_start(&s, &model, &port, 2);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_BUCKETS);
    CU_ASSERT_EQUAL(report.natt, CV_STEER_HANDOFF);
    CU_ASSERT_STRING_EQUAL(report.natt_why, "no ESP behind UDP");
    CU_ASSERT_EQUAL(queue_of(7, false, false), 1);
    CU_ASSERT_EQUAL(queue_of(7, false, true), -1);
    io_steer_stop(&s);
}

/* A table that ends in the middle of AH's rules, and a driver that does not know it: ESP's are not touched by that. */
static void AH_is_steered_when_ESP_has_its_rules(void)
{
    struct cv_steer_port report = {0};
    fresh(3, 4 * CV_BUCKETS + 7);
    io_steer_start(&s, &model, &port, 3);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_TRUE(report.esp == CV_STEER_BUCKETS && report.natt == CV_STEER_BUCKETS);
    CU_ASSERT_EQUAL(s.set[IO_STEER_AH].by, CV_STEER_HANDOFF);
    CU_ASSERT_EQUAL(count(), 4 * CV_BUCKETS);
    CU_ASSERT_EQUAL(queue_for(7, false, false, true), -1);
    io_steer_stop(&s);
    fresh(2, RULES_MAX);
    no_ah = true;
    io_steer_start(&s, &model, &port, 2);
    CU_ASSERT_EQUAL(count(), 4 * CV_BUCKETS);
    CU_ASSERT_STRING_EQUAL(s.set[IO_STEER_AH].why, "no AH");
    io_steer_stop(&s);
    CU_ASSERT_EQUAL(count() + misuse, 0);
}

static void rules_follow_a_bucket(void)
{
    for (unsigned twins = 0; twins < 2; twins++) {
        fresh(3, RULES_MAX);
        no_twins = twins;
        io_steer_start(&s, &model, &port, 3);
        CU_ASSERT_TRUE(io_steer_move(&s, 7, 2));
        for (unsigned k = 0; k < 4; k++) {
            CU_ASSERT_EQUAL(queue_of(0xabcd0007, k & 1, k & 2), 2);
            CU_ASSERT_EQUAL(queue_of(0xabcd0008, k & 1, k & 2), 2);
            CU_ASSERT_EQUAL(queue_of(0xabcd0009, k & 1, k & 2), 0);
        }
        CU_ASSERT_EQUAL(queue_for(0xabcd0007, twins, false, true), 2);
        CU_ASSERT_EQUAL(count(), KINDS * 2 * CV_BUCKETS);
        io_steer_stop(&s);
        CU_ASSERT_EQUAL(count(), 0);
        CU_ASSERT_EQUAL(misuse, 0);
    }
}

static void a_rule_that_is_lost_in_a_move_is_reported(void)
{
    struct cv_steer_port report = {0};
    fresh(2, RULES_MAX);
    io_steer_start(&s, &model, &port, 2);
    room = 0;
    CU_ASSERT_TRUE(io_steer_move(&s, 9, 0));
    CU_ASSERT_EQUAL(queue_of(9, false, false), -1); /* RSS, and the owner checks */
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.rules, KINDS * 2 * (CV_BUCKETS - 1));
    CU_ASSERT_STRING_EQUAL(report.esp_why, "table full");
    io_steer_stop(&s);
    CU_ASSERT_EQUAL(count(), 0);
    CU_ASSERT_EQUAL(misuse, 0);
}

static void too_few_queues_and_one_worker_need_no_driver(void)
{
    struct cv_steer_port report = {0};
    fresh(4, RULES_MAX);
    port.rx_queues = 2;
    io_steer_start(&s, &model, &port, 4);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_HANDOFF);
    CU_ASSERT_STRING_EQUAL(report.esp_why, "the port has 2 receive queues, not 4");
    CU_ASSERT_EQUAL(count(), 0);
    fresh(1, RULES_MAX);
    io_steer_start(&s, &model, &port, 1);
    io_steer_report(&s, &port, &report);
    CU_ASSERT_EQUAL(report.esp, CV_STEER_ONE);
    CU_ASSERT_EQUAL(count(), 0);
}

UNIT_MAIN("io_steer", UNIT_TEST(rules_by_bucket_serve_any_number_of_workers),
          UNIT_TEST(a_small_table_takes_rules_by_worker), UNIT_TEST(partial_failure_leaves_nothing_behind),
          UNIT_TEST(a_driver_that_matches_whole_SPIs_alone_gets_no_rule),
          UNIT_TEST(what_takes_no_mask_spreads_by_the_SPI_where_it_can),
          UNIT_TEST(RSS_rules_are_whole_or_none_and_second_best),
          UNIT_TEST(the_ports_own_hash_of_SPIs_is_used), UNIT_TEST(ESP_is_steered_where_ESP_in_UDP_is_not),
          UNIT_TEST(rules_follow_a_bucket), UNIT_TEST(AH_is_steered_when_ESP_has_its_rules),
          UNIT_TEST(a_rule_that_is_lost_in_a_move_is_reported),
          UNIT_TEST(too_few_queues_and_one_worker_need_no_driver))
