#include "control/runtime/rt_broker.h"
#include "control/runtime/rt_loop.h"
#include "control/runtime/rt_super.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t sleeper(void)
{
    char *argv[] = {"/bin/sleep", "60", NULL};
    return rt_spawn(argv, -1);
}

static void await(struct rt_proc *p)
{
    struct pollfd f = {p->pidfd, POLLIN, 0};
    CU_ASSERT(poll(&f, 1, 5000) == 1);
}

static void first_restart_is_at_once_then_pauses_grow_to_a_bound(void)
{
    struct rt_proc p;
    uint64_t want[] = {0, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    rt_proc_init(&p, "x");
    CU_ASSERT(p.start_at_ms == UINT64_MAX);
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
        rt_proc_failed(&p, 5000);
        CU_ASSERT(p.start_at_ms == 5000 + want[i]);
    }
}

static void one_that_lived_long_starts_over_without_a_pause(void)
{
    struct rt_proc p;
    int status;
    rt_proc_init(&p, "x");
    for (int i = 0; i < 5; i++)
        rt_proc_failed(&p, 0);
    pid_t pid = sleeper();
    CU_ASSERT_FATAL(rt_proc_watch(&p, pid, false, 1000) == CV_OK);
    kill(pid, SIGKILL);
    await(&p);
    rt_proc_ended(&p, 1000 + RT_YOUNG_MS, &status);
    CU_ASSERT(p.pid == 0 && p.start_at_ms == 1000 + RT_YOUNG_MS);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CU_ASSERT_STRING_EQUAL(rt_status_text(status), "signal 9 (Killed)");
}

static void stop_kills_what_does_not_listen(void)
{
    struct rt_proc p;
    char *argv[] = {"/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", NULL};
    rt_proc_init(&p, "x");
    pid_t pid = rt_spawn(argv, -1);
    CU_ASSERT_FATAL(rt_proc_watch(&p, pid, false, rt_now_ms()) == CV_OK);
    poll(NULL, 0, 100); /* the trap is set */
    uint64_t before = rt_now_ms();
    rt_proc_stop(&p, 200);
    uint64_t took = rt_now_ms() - before;
    CU_ASSERT(took >= 200 && took < 5000);
    CU_ASSERT(p.pid == 0 && p.start_at_ms == UINT64_MAX);
    CU_ASSERT(kill(pid, 0) != 0);
}

static void spawned_process_keeps_no_descriptor_and_no_terminal(void)
{
    int fds[2], status = 0;
    char script[80];
    CU_ASSERT_FATAL(pipe(fds) == 0);
    snprintf(script, sizeof script, "test ! -e /proc/self/fd/%d && test $(ps -o sid= -p $$) -eq $$", fds[1]);
    char *argv[] = {"/bin/sh", "-c", script, NULL};
    pid_t pid = rt_spawn(argv, -1);
    CU_ASSERT(waitpid(pid, &status, 0) == pid && status == 0);
    close(fds[0]);
    close(fds[1]);
}

static void output_goes_where_it_was_sent(void)
{
    int fds[2], status = 0;
    char text[8] = "";
    CU_ASSERT_FATAL(pipe(fds) == 0);
    char *argv[] = {"/bin/sh", "-c", "echo a; echo b >&2", NULL};
    pid_t pid = rt_spawn(argv, fds[1]);
    CU_ASSERT(waitpid(pid, &status, 0) == pid && status == 0);
    CU_ASSERT(read(fds[0], text, sizeof text - 1) == 4);
    CU_ASSERT_STRING_EQUAL(text, "a\nb\n");
    close(fds[0]);
    close(fds[1]);
}

static void missing_program_is_exit_status_127(void)
{
    int status = 0;
    char *argv[] = {"/nonexistent/culvert-dp", NULL};
    pid_t pid = rt_spawn(argv, -1);
    CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

static void adopted_process_is_watched_without_being_our_child(void)
{
    struct rt_proc p;
    int status, fds[2];
    pid_t grandchild = 0;
    CU_ASSERT_FATAL(pipe(fds) == 0);
    pid_t child = fork();
    if (child == 0) {
        pid_t pid = sleeper();
        _exit(write(fds[1], &pid, sizeof pid) == (ssize_t)sizeof pid ? 0 : 1);
    }
    CU_ASSERT_FATAL(read(fds[0], &grandchild, sizeof grandchild) == (ssize_t)sizeof grandchild);
    waitpid(child, &status, 0);
    rt_proc_init(&p, "x");
    CU_ASSERT_FATAL(rt_proc_watch(&p, grandchild, true, 0) == CV_OK);
    kill(grandchild, SIGKILL);
    await(&p);
    rt_proc_ended(&p, 5, &status);
    CU_ASSERT(status == -1 && p.start_at_ms == 5);
    close(fds[0]);
    close(fds[1]);
}

static bool asked(int sock)
{
    struct pollfd f = {sock, POLLIN, 0};
    return poll(&f, 1, 2000) == 1;
}

/* The parent of the pair runs in a child process here. */
static void broker_passes_descriptors_and_refusals(void)
{
    int pair[2], fd, status;
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        enum rt_broker_ask ask;
        int null = open("/dev/null", O_RDONLY), bad = 0;
        bad += !asked(pair[1]) || rt_broker_take(pair[1], &ask) != CV_OK || ask != RT_ASK_CONFIG;
        bad += rt_broker_answer(pair[1], RT_ASK_DP, true, null) != CV_OK; /* late, to another question */
        bad += rt_broker_answer(pair[1], RT_ASK_CONFIG, true, null) != CV_OK;
        bad += !asked(pair[1]) || rt_broker_take(pair[1], &ask) != CV_OK || ask != RT_ASK_DP;
        bad += rt_broker_answer(pair[1], RT_ASK_DP, false, -1) != CV_OK;
        _exit(bad);
    }
    close(pair[1]);
    CU_ASSERT(rt_broker_call(pair[0], RT_ASK_CONFIG, 2000, &fd) == CV_OK && fd >= 0);
    CU_ASSERT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    CU_ASSERT(rt_broker_call(pair[0], RT_ASK_DP, 2000, &fd) == CV_ENOENT && fd == -1);
    CU_ASSERT(waitpid(pid, &status, 0) == pid && status == 0);
    CU_ASSERT(rt_broker_call(pair[0], RT_ASK_DP, 2000, &fd) == CV_EIO); /* the parent is gone */
    close(pair[0]);
}

UNIT_MAIN("runtime supervision", UNIT_TEST(first_restart_is_at_once_then_pauses_grow_to_a_bound),
          UNIT_TEST(one_that_lived_long_starts_over_without_a_pause),
          UNIT_TEST(stop_kills_what_does_not_listen),
          UNIT_TEST(spawned_process_keeps_no_descriptor_and_no_terminal),
          UNIT_TEST(output_goes_where_it_was_sent), UNIT_TEST(missing_program_is_exit_status_127),
          UNIT_TEST(adopted_process_is_watched_without_being_our_child),
          UNIT_TEST(broker_passes_descriptors_and_refusals))
