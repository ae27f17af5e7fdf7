#include "control/runtime/rt_super.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void rt_proc_init(struct rt_proc *p, const char *name)
{
    memset(p, 0, sizeof *p);
    p->name = name;
    p->pidfd = -1;
    p->start_at_ms = UINT64_MAX;
}

cv_result rt_proc_watch(struct rt_proc *p, pid_t pid, bool adopted, uint64_t now_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0u);
    if (fd < 0)
        return CV_EIO;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    p->pid = pid;
    p->pidfd = fd;
    p->adopted = adopted;
    p->started_ms = now_ms;
    p->start_at_ms = UINT64_MAX;
    return CV_OK;
}

static void count_death(struct rt_proc *p, uint64_t now_ms, bool young)
{
    p->young = young ? p->young + 1 : 0;
    uint64_t pause = 0;
    if (p->young > 1) {
        unsigned shift = p->young - 2 < 8 ? p->young - 2 : 8;
        pause = (uint64_t)RT_PAUSE_FIRST_MS << shift;
    }
    p->start_at_ms = now_ms + (pause < RT_PAUSE_MAX_MS ? pause : RT_PAUSE_MAX_MS);
}

void rt_proc_ended(struct rt_proc *p, uint64_t now_ms, int *status)
{
    *status = -1;
    if (p->pid == 0)
        return;
    if (!p->adopted)
        while (waitpid(p->pid, status, 0) < 0 && errno == EINTR)
            ;
    close(p->pidfd);
    p->pidfd = -1;
    p->pid = 0;
    count_death(p, now_ms, now_ms - p->started_ms < RT_YOUNG_MS);
}

void rt_proc_failed(struct rt_proc *p, uint64_t now_ms)
{
    count_death(p, now_ms, true);
}

void rt_proc_stop(struct rt_proc *p, int grace_ms)
{
    if (p->pid == 0)
        return;
    struct pollfd f = {p->pidfd, POLLIN, 0};
    int status;
    syscall(SYS_pidfd_send_signal, p->pidfd, SIGTERM, NULL, 0u);
    int n;
    while ((n = poll(&f, 1, grace_ms)) < 0 && errno == EINTR)
        ;
    if (n != 1) {
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0u);
        while (poll(&f, 1, -1) < 0 && errno == EINTR)
            ;
    }
    rt_proc_ended(p, 0, &status);
    p->start_at_ms = UINT64_MAX;
}

const char *rt_status_text(int status)
{
    static char text[80];
    if (status == -1)
        snprintf(text, sizeof text, "it was not our child");
    else if (WIFEXITED(status))
        snprintf(text, sizeof text, "exit status %d", WEXITSTATUS(status));
    else
        snprintf(text, sizeof text, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return text;
}

pid_t rt_spawn(char *const argv[], int output_fd)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (output_fd >= 0 && (dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0))
        _exit(127);
    close_range(3, ~0u, 0);
    execvp(argv[0], argv);
    fprintf(stderr, "culvertd: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}
