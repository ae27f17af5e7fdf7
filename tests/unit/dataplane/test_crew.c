/* Workers that are added and leave, by lcores of the EAL: where they run and where their memory is, whom the manager believes, and what is told.
 * Worker 0 is here without a loop: it does what it is told between two steps of the manager's. Under traffic: test_move.c. */
#include "common/log.h"
#include "dataplane/dp_crew.h"
#include "dataplane/dp_eal.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_worker.h"
#include "tests/unit/ip/pkt.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

enum { BITS = 8, CPU_NOWHERE = CPU_SETSIZE - 1, SOME_STEPS = 50, SECONDS = 10 };

static struct dp dp;
static struct dp_crew crew;
static struct dp_move move;
static unsigned target;   /* a processor that the process may use, and was not given if there is one */
static char said[1024];   /* the last line of the log */
static unsigned lines;    /* of it */
static bool held;         /* a loop that is to begin does not */
static bool too_early;    /* a loop was taken for ended that was not */
static cv_result finding; /* an lcore */

/* ---- memory, as it is taken ---------------------------------------------------------------------------------------- */
/* The linker puts this in front of the EAL's (meson.build). */
static unsigned asked, asked_too_early;
unsigned __real_rte_lcore_to_socket_id(unsigned lcore);
unsigned __wrap_rte_lcore_to_socket_id(unsigned lcore);

unsigned __wrap_rte_lcore_to_socket_id(unsigned lcore)
{
    const rte_cpuset_t at = rte_lcore_cpuset(lcore);
    asked++;
    asked_too_early += CPU_COUNT(&at) != 1 || !CPU_ISSET(target, &at);
    return __real_rte_lcore_to_socket_id(lcore);
}

/* ---- a data plane of one worker --------------------------------------------------------------------------------------- */
static void hear(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    lines++;
    snprintf(said, sizeof said, "%s", line);
}

static cv_result find(const struct dp *of, unsigned worker, unsigned cpu, unsigned *lcore)
{
    return finding == CV_OK ? dp_crew_lcores.find(of, worker, cpu, lcore) : finding;
}

static bool start(struct dp_worker *w)
{
    return held || dp_crew_lcores.start(w);
}

static bool never_starts(struct dp_worker *w)
{
    (void)w;
    return false;
}

static bool ended(const struct dp_worker *w)
{
    const bool so = !held && dp_crew_lcores.ended(w);
    too_early = too_early || (so && rte_eal_get_lcore_state(w->lcore) != WAIT);
    return so;
}

static const struct dp_crew_calls calls = {find, start, ended};

static void begin(void)
{
    if (dp.worker[0])
        return;
    log_setup("test", LOG_LEVEL_WARNING, hear, NULL);
    dp.workers = 1;
    dp.idle_sleep = true;
    dp.engine = eng_by_name("ipsec-mb");
    dp.pool = dp.big_pool = dp.jumbo_pool = pkt_pool;
    dp.cpu_count = dp_eal_cpus(dp.cpus, 1);
    CU_ASSERT_EQUAL_FATAL(shm_create(CV_MAX_WORKERS, BITS, &dp.shm), CV_OK);
    shm_set_clock(&dp.shm, rte_get_tsc_hz());
    shm_set_workers(&dp.shm, 1, 1);
    dp_owners_init(&dp.owners, 1);
    CU_ASSERT_EQUAL_FATAL(dp_rcu_init(CV_MAX_WORKERS), CV_OK);
    CU_ASSERT_EQUAL_FATAL(io_rings_new(&dp.rings, 1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_init(&dp.sad, &dp.shm, dp.engine), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_worker_new(&dp, 0, rte_get_main_lcore(), &dp.worker[0]), CV_OK);
    dp_crew_init(&dp, &crew, &calls);
}

static struct cv_workers_cmd workers(unsigned n, unsigned cpu)
{
    struct cv_workers_cmd c = {.count = n};
    memset(c.cpu, 0xff, sizeof c.cpu);
    c.cpu[1] = (uint16_t)cpu;
    return c;
}

/* False: it is done. */
static bool step(void)
{
    bool grown;
    if (dp_owner_due(&dp.worker[0]->parked))
        dp_owner_adopt(dp.worker[0]);
    sched_yield();
    return dp_move_poll(&dp, &move) || dp_crew_poll(&dp, &crew, &move, &grown);
}

static void steps(void)
{
    const uint64_t end = rte_rdtsc() + SECONDS * rte_get_tsc_hz();
    while (step() && rte_rdtsc() < end)
        ;
    CU_ASSERT_EQUAL(crew.step, DP_CREW_NONE);
}

static void become(unsigned n, unsigned cpu)
{
    const struct cv_workers_cmd c = workers(n, cpu);
    CU_ASSERT_EQUAL(dp_crew_ask(&dp, &crew, &c), CV_OK);
    steps();
    CU_ASSERT_EQUAL_FATAL(dp.workers, n);
}

/* ---- tests -------------------------------------------------------------------------------------------------------------- */
/* `lcores` may name what the process was not given, as isolated processors are not: at start the EAL takes them, too. */
static void a_named_processor_is_had_and_memory_is_taken_there(void)
{
    begin();
    asked = asked_too_early = 0;
    become(2, target);
    const rte_cpuset_t at = rte_lcore_cpuset(dp.worker[1]->lcore);
    CU_ASSERT_TRUE(CPU_ISSET(target, &at));
    CU_ASSERT_EQUAL(CPU_COUNT(&at), 1);
    CU_ASSERT_TRUE(asked > 0);
    CU_ASSERT_EQUAL(asked_too_early, 0);
    become(1, target);
}

static void a_processor_that_is_not_to_be_had_is_named_in_one_line(void)
{
    const struct cv_workers_cmd c = workers(2, CPU_NOWHERE);
    cpu_set_t was, now;
    begin();
    CU_ASSERT_EQUAL(sched_getaffinity(0, sizeof was, &was), 0);
    lines = 0;
    CU_ASSERT_EQUAL(dp_crew_ask(&dp, &crew, &c), CV_EINVAL);
    CU_ASSERT_EQUAL(lines, 1);
    CU_ASSERT_STRING_EQUAL(said,
                           "2 workers: processor 1023 of `lcores` is not one that this process may use");
    CU_ASSERT_EQUAL(crew.want, 1);
    CU_ASSERT_FALSE(dp_eal_may_use(CPU_SETSIZE));
    CU_ASSERT_TRUE(dp_eal_may_use(target));
    CU_ASSERT_EQUAL(sched_getaffinity(0, sizeof now, &now), 0);
    CU_ASSERT_TRUE(CPU_EQUAL(&was, &now)); /* asking moves nobody */
}

/* culvertd can write wherever the statistics are: the manager has no use for what stands there. */
static void what_stands_in_shared_memory_neither_begins_a_loop_nor_ends_one(void)
{
    const struct cv_workers_cmd c = workers(2, CV_CPU_ANY);
    begin();
    struct cv_worker_stats *s = shm_worker_stats(&dp.shm, 1);
    held = true;
    CU_ASSERT_EQUAL(dp_crew_ask(&dp, &crew, &c), CV_OK);
    for (unsigned i = 0; i < SOME_STEPS; i++)
        step();
    CU_ASSERT_EQUAL_FATAL(crew.step, DP_CREW_STARTS);
    const unsigned lcore = dp.worker[1]->lcore, other = rte_get_next_lcore(lcore, 1, 1);
    CU_ASSERT_EQUAL(s->lcore, lcore); /* for showing */
    s->running = 1;
    s->lcore = other;
    for (unsigned i = 0; i < SOME_STEPS; i++)
        step();
    CU_ASSERT_EQUAL(crew.step, DP_CREW_STARTS);
    s->running = 0;
    held = false;
    CU_ASSERT_TRUE(start(dp.worker[1]));
    CU_ASSERT_EQUAL(rte_eal_get_lcore_state(lcore), RUNNING);
    CU_ASSERT_EQUAL(rte_eal_get_lcore_state(other), WAIT);
    steps();
    CU_ASSERT_EQUAL(dp.workers, 2);
    s->lcore = other;
    s->running = 0;
    too_early = false;
    become(1, CV_CPU_ANY);
    CU_ASSERT_FALSE(too_early);
    CU_ASSERT_EQUAL(rte_eal_get_lcore_state(lcore), WAIT);
}

static unsigned told(void)
{
    struct cv_evt e;
    unsigned n = 0;
    while (ring_evt_get(&dp.shm, &e))
        n += e.type == CV_EVT_WORKERS;
    return n;
}

static void a_change_that_the_ring_had_no_room_for_is_told_later(void)
{
    const struct cv_evt other = {.type = CV_EVT_LINK};
    begin();
    dp.connected = 1;
    for (unsigned more = 0; more < 2; more++) { /* a worker more, and one less */
        while (ring_evt_put(&dp.shm, &other))
            ;
        become(2 - more, CV_CPU_ANY);
        CU_ASSERT_EQUAL(told(), 0);
        step();
        CU_ASSERT_EQUAL(told(), 1);
        step();
        CU_ASSERT_EQUAL(told(), 0);
    }
    dp.connected = 0; /* whoever connects asks */
    become(2, CV_CPU_ANY);
    become(1, CV_CPU_ANY);
    dp.connected = 1;
    step();
    CU_ASSERT_EQUAL(told(), 0);
}

/* Workers are counted from 0 in the log as in `show`. */
static void who_could_not_be_added_has_its_number_in_the_log(void)
{
    static const struct dp_crew_calls lame = {find, never_starts, ended};
    const struct cv_workers_cmd c = workers(2, CV_CPU_ANY);
    static const struct {
        cv_result found;
        const char *line;
    } t[] = {{CV_OK, "worker 1 could not be added: its loop did not begin"},
             {CV_EIO, "worker 1 could not be added: its lcore could not go to its processor"},
             {CV_ENOSPC, "worker 1 could not be added: no lcore is left"}};
    begin();
    crew.calls = &lame;
    for (unsigned i = 0; i < RTE_DIM(t); i++) {
        finding = t[i].found;
        lines = 0;
        CU_ASSERT_EQUAL(dp_crew_ask(&dp, &crew, &c), CV_OK);
        steps();
        CU_ASSERT_EQUAL(lines, 1);
        CU_ASSERT_STRING_EQUAL(said, t[i].line);
        CU_ASSERT_EQUAL(dp.workers, 1);
        CU_ASSERT_PTR_NULL(dp.worker[1]);
        CU_ASSERT_EQUAL(crew.want, 1);
    }
    finding = CV_OK;
    crew.calls = &calls;
    become(2, CV_CPU_ANY);
    become(1, CV_CPU_ANY);
}

static void the_end(void)
{
    dp_worker_free(dp.worker[0]);
    dp_sad_fini(&dp.sad);
    io_rings_free(&dp.rings, CV_MAX_WORKERS);
    dp_rcu_fini();
    shm_close(&dp.shm);
    CU_ASSERT_EQUAL(pkt_used(), 0);
}

/* Three lcores on one processor that the process was given. */
static int eal_start(void)
{
    char lcores[32];
    unsigned own;
    char *args[] = {"test",
                    "--no-huge",
                    "-m",
                    "64",
                    "--no-pci",
                    lcores,
                    "--no-shconf",
                    "--no-telemetry",
                    "--main-lcore=0",
                    "--log-level=*:error",
                    NULL};
    if (dp_eal_cpus(&own, 1) != 1)
        return -1;
    snprintf(lcores, sizeof lcores, "--lcores=(0-2)@%u", own);
    target = own;
    for (unsigned cpu = 0; cpu < CPU_NOWHERE && target == own; cpu++)
        if (dp_eal_may_use(cpu))
            target = cpu;
    if (rte_eal_init((int)RTE_DIM(args) - 1, args) < 0)
        return -1;
    pkt_pool = rte_pktmbuf_pool_create("test", 255, 0, sizeof(struct dp_meta), 2048, 0);
    return pkt_pool ? 0 : -1;
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(a_named_processor_is_had_and_memory_is_taken_there),
        UNIT_TEST(a_processor_that_is_not_to_be_had_is_named_in_one_line),
        UNIT_TEST(what_stands_in_shared_memory_neither_begins_a_loop_nor_ends_one),
        UNIT_TEST(a_change_that_the_ring_had_no_room_for_is_told_later),
        UNIT_TEST(who_could_not_be_added_has_its_number_in_the_log),
        UNIT_TEST(the_end)};
    if (eal_start() != 0)
        return 1;
    const int status = unit_run("dataplane_crew", tests, RTE_DIM(tests));
    rte_eal_cleanup();
    return status;
}
