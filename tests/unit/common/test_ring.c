/* The shared memory and its rings, between two real processes. */
#include "common/ring.h"
#include "tests/unit/unit.h"

#include <poll.h>
#include <rte_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/culvert-ring-XXXXXX";
static char path[64];

static void sock_path(void)
{
    static int made;
    if (!made++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/dp.sock", dir);
}

static int accept_one(int lfd)
{
    struct pollfd p = {lfd, POLLIN, 0};
    return poll(&p, 1, 3000) == 1 ? accept(lfd, NULL, NULL) : -1;
}

static void create_refuses_parameters_out_of_range(void)
{
    struct shm s;
    CU_ASSERT_EQUAL(shm_create(0, 14, &s), CV_EINVAL);
    CU_ASSERT_EQUAL(shm_create(CV_MAX_WORKERS + 1, 14, &s), CV_EINVAL);
    CU_ASSERT_EQUAL(shm_create(1, 3, &s), CV_EINVAL);
    CU_ASSERT_EQUAL(shm_create(1, 21, &s), CV_EINVAL);
    shm_close(&s);
}

static void memory_is_sealed_against_shrinking(void)
{
    struct shm s;
    CU_ASSERT_EQUAL_FATAL(shm_create(2, 4, &s), CV_OK);
    CU_ASSERT_NOT_EQUAL(ftruncate(s.memfd, 4096), 0);
    shm_close(&s);
    CU_ASSERT_PTR_NULL(s.head);
}

static void a_ring_holds_slots_minus_one_and_keeps_order(void)
{
    struct shm s;
    struct cv_cmd c = {0};
    unsigned n = 0;
    CU_ASSERT_EQUAL_FATAL(shm_create(1, 4, &s), CV_OK);
    CU_ASSERT_FALSE(ring_cmd_get(&s, &c));
    for (c.seq = 0; ring_cmd_put(&s, &c); c.seq++)
        n++;
    CU_ASSERT_EQUAL(n, CV_CMD_SLOTS - 1);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_TRUE_FATAL(ring_cmd_get(&s, &c));
        CU_ASSERT_EQUAL(c.seq, i);
    }
    CU_ASSERT_FALSE(ring_cmd_get(&s, &c));
    shm_close(&s);
}

static bool memory_holds(const struct shm *s, const void *needle, size_t n)
{
    return memmem(s->head, s->size, needle, n) != NULL;
}

static void a_command_slot_is_wiped_by_its_consumer(void)
{
    static const char key[32] = "thirty-two octets of secret key";
    struct shm s;
    struct cv_cmd c = {.type = CV_CMD_SA_ADD};
    CU_ASSERT_EQUAL_FATAL(shm_create(1, 4, &s), CV_OK);
    memcpy(c.u.sa.encr_key, key, sizeof key);
    CU_ASSERT_TRUE(ring_cmd_put(&s, &c));
    CU_ASSERT_TRUE(memory_holds(&s, key, sizeof key));
    memset(&c, 0, sizeof c);
    CU_ASSERT_TRUE(ring_cmd_get(&s, &c));
    CU_ASSERT_EQUAL(memcmp(c.u.sa.encr_key, key, sizeof key), 0);
    CU_ASSERT_FALSE(memory_holds(&s, key, sizeof key));
    /* ... and by the reset, when its consumer never came to it. */
    CU_ASSERT_TRUE(ring_cmd_put(&s, &c));
    shm_reset_rings(&s);
    CU_ASSERT_FALSE(memory_holds(&s, key, sizeof key));
    CU_ASSERT_FALSE(ring_cmd_get(&s, &c));
    shm_close(&s);
}

static void listen_makes_mode_0600_and_replaces_a_stale_socket_only(void)
{
    int a, b;
    struct stat st;
    sock_path();
    CU_ASSERT_EQUAL_FATAL(shm_listen(path, &a), CV_OK);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(shm_listen(path, &b), CV_EEXIST); /* somebody listens */
    close(a);
    CU_ASSERT_EQUAL(shm_listen(path, &b), CV_OK); /* stale */
    close(b);
    unlink(path);
    FILE *f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fclose(f);
    CU_ASSERT_EQUAL(shm_listen(path, &b), CV_EEXIST); /* not a socket: not ours to remove */
    unlink(path);
}

/* The other process: echoes every command as a reply, every injected packet as a punt, then leaves. */
static int child_main(int count)
{
    struct shm s;
    int conn, got = 0, idle = 0;
    if (shm_connect(path, 3000, &s, &conn) != CV_OK)
        return 10;
    if (s.head->workers != 3 || s.head->sa_index_bits != 5)
        return 11;
    for (int i = 0; i < count;) {
        struct cv_cmd c = {.type = CV_CMD_PING, .seq = (uint32_t)i};
        c.u.raw[1015] = (uint8_t)i;
        if (ring_cmd_put(&s, &c))
            i++;
        struct cv_evt e;
        while (ring_evt_get(&s, &e)) {
            if (e.seq != (uint32_t)got || e.u.raw[887] != (uint8_t)got)
                return 12;
            got++;
        }
        shm_ring_dp(&s);
    }
    while (got < count && idle < 300) {
        struct cv_evt e;
        struct pollfd p = {s.ctl_bell, POLLIN, 0};
        __atomic_store_n(&s.head->ctl_asleep, 1, __ATOMIC_SEQ_CST);
        if (!ring_evt_get(&s, &e)) {
            /* A bell that nobody silences rings on: then the waits would be none. */
            uint64_t rings;
            if (poll(&p, 1, 10) != 1 || read(s.ctl_bell, &rings, sizeof rings) < 0)
                idle++;
            continue;
        }
        if (e.seq != (uint32_t)got)
            return 13;
        got++;
    }
    struct cv_ike_pkt p = {.len = CV_IKE_PKT_MAX};
    p.data[CV_IKE_PKT_MAX - 1] = 0x5a;
    if (!ring_inject_put(&s, &p))
        return 14;
    shm_counters_out(&s, 7, 2)->packets = 11;
    shm_close(&s);
    close(conn);
    return got == count ? 0 : 15;
}

static void serve_child(struct shm *s, int count)
{
    struct cv_cmd c;
    int got = 0;
    for (long spins = 0; got < count && spins < 2000000000L; spins++) {
        if (!ring_cmd_get(s, &c))
            continue;
        CU_ASSERT_EQUAL(c.seq, (uint32_t)got);
        CU_ASSERT_EQUAL(c.u.raw[1015], (uint8_t)got);
        struct cv_evt e = {.type = CV_EVT_REPLY, .seq = c.seq};
        e.u.raw[887] = (uint8_t)got;
        while (!ring_evt_put(s, &e))
            ;
        shm_ring_ctl(s);
        got++;
    }
    CU_ASSERT_EQUAL(got, count);
}

static void two_processes_pass_20000_commands_each_way(void)
{
    enum { COUNT = 20000 };
    struct shm s;
    int lfd, status = -1;
    sock_path();
    CU_ASSERT_EQUAL_FATAL(shm_create(3, 5, &s), CV_OK);
    CU_ASSERT_EQUAL_FATAL(shm_listen(path, &lfd), CV_OK);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_main(COUNT));
    int conn = accept_one(lfd);
    CU_ASSERT_TRUE_FATAL(conn >= 0);
    CU_ASSERT_EQUAL(shm_offer(&s, conn), CV_OK);
    serve_child(&s, COUNT);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
    struct pollfd hup = {conn, POLLIN, 0};
    CU_ASSERT_EQUAL(poll(&hup, 1, 1000), 1); /* its death is seen on the connection */
    struct cv_ike_pkt p;
    CU_ASSERT_TRUE(ring_inject_get(&s, &p));
    CU_ASSERT_EQUAL(p.data[CV_IKE_PKT_MAX - 1], 0x5a);
    struct cv_sa_counters sum;
    shm_counters_out(&s, 7, 0)->packets = 31;
    shm_counters_sum(&s, CV_DIR_OUT, 7, &sum);
    CU_ASSERT_EQUAL(sum.packets, 42);
    close(conn);
    close(lfd);
    unlink(path);
    shm_close(&s);
}

/* What the child sees after the header was spoiled. */
static cv_result connect_to_spoiled(void (*spoil)(struct cv_shm *h))
{
    struct shm s;
    int lfd, status = -1;
    sock_path();
    CU_ASSERT_EQUAL_FATAL(shm_create(1, 4, &s), CV_OK);
    spoil(s.head);
    CU_ASSERT_EQUAL_FATAL(shm_listen(path, &lfd), CV_OK);
    pid_t pid = fork();
    if (pid == 0) {
        struct shm c;
        int conn;
        _exit((int)shm_connect(path, 3000, &c, &conn));
    }
    int conn = accept_one(lfd);
    CU_ASSERT_EQUAL(shm_offer(&s, conn), CV_OK);
    waitpid(pid, &status, 0);
    close(conn);
    close(lfd);
    unlink(path);
    shm_close(&s);
    return (cv_result)WEXITSTATUS(status);
}

static void spoil_nothing(struct cv_shm *h)
{
    (void)h;
}

static void spoil_version(struct cv_shm *h)
{
    h->version++;
}

static void spoil_offset(struct cv_shm *h)
{
    h->counters_out_off = h->size;
}

static void spoil_workers(struct cv_shm *h)
{
    h->workers = 4000000000u;
}

static void connect_checks_version_and_every_offset(void)
{
    CU_ASSERT_EQUAL(connect_to_spoiled(spoil_nothing), CV_OK);
    CU_ASSERT_EQUAL(connect_to_spoiled(spoil_version), CV_EVERSION);
    CU_ASSERT_EQUAL(connect_to_spoiled(spoil_offset), CV_EPARSE);
    CU_ASSERT_EQUAL(connect_to_spoiled(spoil_workers), CV_EPARSE);
}

static void what_the_other_process_writes_later_moves_no_view(void)
{
    struct shm s;
    CU_ASSERT_EQUAL_FATAL(shm_create(2, 4, &s), CV_OK);
    shm_set_clock(&s, 1000);
    const void *before[] = {shm_worker_stats(&s, 2), shm_port_stats(&s, 1),   shm_if_stats(&s, 1, 9),
                            shm_engine_stats(&s, 1), shm_counters_in(&s, 15), shm_counters_out(&s, 15, 1),
                            shm_if_drops(&s, 1, 9)};
    memset(s.head, 0xff, sizeof *s.head);
    const void *after[] = {shm_worker_stats(&s, 2), shm_port_stats(&s, 1),   shm_if_stats(&s, 1, 9),
                           shm_engine_stats(&s, 1), shm_counters_in(&s, 15), shm_counters_out(&s, 15, 1),
                           shm_if_drops(&s, 1, 9)};
    CU_ASSERT_EQUAL(memcmp(before, after, sizeof before), 0);
    CU_ASSERT_TRUE(s.tsc_hz == 1000 && s.workers == 2 && s.sa_index_bits == 4);
    struct cv_sa_counters sum;
    shm_counters_sum(&s, CV_DIR_OUT, 15, &sum); /* as many workers as there were */
    CU_ASSERT_EQUAL(sum.packets, 0);
    shm_close(&s);
}

static void a_ring_that_was_written_over_is_not_used(void)
{
    static struct cv_ike_pkt p;
    struct shm s;
    struct cv_evt e = {0};
    struct cv_cmd c = {0};
    CU_ASSERT_EQUAL_FATAL(shm_create(1, 4, &s), CV_OK);
    CU_ASSERT_TRUE(ring_evt_put(&s, &e) && ring_cmd_put(&s, &c) && ring_punt_put(&s, &p) &&
                   ring_inject_put(&s, &p));
    s.evt->mask = s.cmd->mask = s.punt->mask = s.inject->mask = 0x7fffffff;
    CU_ASSERT_FALSE(ring_evt_put(&s, &e) || ring_evt_get(&s, &e));
    CU_ASSERT_FALSE(ring_cmd_put(&s, &c) || ring_cmd_get(&s, &c));
    CU_ASSERT_FALSE(ring_punt_put(&s, &p) || ring_punt_get(&s, &p));
    CU_ASSERT_FALSE(ring_inject_put(&s, &p) || ring_inject_get(&s, &p));
    shm_reset_rings(&s);
    CU_ASSERT_TRUE(ring_evt_put(&s, &e) && ring_cmd_put(&s, &c) && ring_punt_put(&s, &p) &&
                   ring_inject_put(&s, &p));
    shm_close(&s);
}

static void connect_gives_up_after_its_timeout(void)
{
    struct shm s;
    int conn;
    sock_path();
    CU_ASSERT_NOT_EQUAL(shm_connect(path, 50, &s, &conn), CV_OK);
    CU_ASSERT_EQUAL(conn, -1);
    rmdir(dir);
}

UNIT_MAIN("ring", UNIT_TEST(create_refuses_parameters_out_of_range),
          UNIT_TEST(memory_is_sealed_against_shrinking),
          UNIT_TEST(a_ring_holds_slots_minus_one_and_keeps_order),
          UNIT_TEST(a_command_slot_is_wiped_by_its_consumer),
          UNIT_TEST(listen_makes_mode_0600_and_replaces_a_stale_socket_only),
          UNIT_TEST(two_processes_pass_20000_commands_each_way),
          UNIT_TEST(connect_checks_version_and_every_offset),
          UNIT_TEST(what_the_other_process_writes_later_moves_no_view),
          UNIT_TEST(a_ring_that_was_written_over_is_not_used), UNIT_TEST(connect_gives_up_after_its_timeout))
