/* rt_super: one watched process: started, waited for, started again, the first time at once, then with growing
 * pauses while it keeps dying young. Also a process that somebody else started (adopted), watched by pidfd.
 *
 * For the privileged parent of culvertd; no event base, the parent polls. */
#ifndef CONTROL_RUNTIME_RT_SUPER_H
#define CONTROL_RUNTIME_RT_SUPER_H

#include "common/result.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { RT_YOUNG_MS = 10000, RT_PAUSE_FIRST_MS = 200, RT_PAUSE_MAX_MS = 10000 };

struct rt_proc {
    const char *name;
    pid_t pid;            /* 0: not running */
    int pidfd;            /* -1: none; readable when the process has ended */
    bool adopted;         /* not our child */
    unsigned young;       /* deaths in a row within RT_YOUNG_MS of the start */
    uint64_t started_ms;  /* rt_now_ms */
    uint64_t start_at_ms; /* not running: when to start; UINT64_MAX: never */
};

void rt_proc_init(struct rt_proc *p, const char *name);
/* Notes a process that runs from now on: our child, or one found. CV_EIO when it is gone already. */
CV_MUST_USE cv_result rt_proc_watch(struct rt_proc *p, pid_t pid, bool adopted, uint64_t now_ms);
/* It has ended: reaps a child (*status as waitpid gives it, -1 for an adopted one) and sets start_at_ms. */
void rt_proc_ended(struct rt_proc *p, uint64_t now_ms, int *status);
/* It could not be started at all: counts as a young death. */
void rt_proc_failed(struct rt_proc *p, uint64_t now_ms);
/* SIGTERM, then SIGKILL after grace_ms; blocks until the process is gone. */
void rt_proc_stop(struct rt_proc *p, int grace_ms);
/* "exit status 1", "signal 9 (Killed)"; static storage. */
const char *rt_status_text(int status);
/* fork and exec of argv in a session of its own, so that a terminal's signals pass it by; only stdin, stdout and
 * stderr stay open; output_fd, when it is not -1, becomes both of the latter. The pid, or -1. */
pid_t rt_spawn(char *const argv[], int output_fd);

#endif
