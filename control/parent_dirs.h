/* parent_dirs: the run and state directories of one culvertd: made, locked, and the files in them. */
#ifndef CONTROL_PARENT_DIRS_H
#define CONTROL_PARENT_DIRS_H

#include "common/platform.h"
#include "control/parent.h"

#include <sys/types.h>

struct parent_dirs {
    int run_fd, state_fd; /* directories */
    int lock_fd;          /* RUN/culvertd.pid, locked while we live */
    int cli_fd;           /* RUN/cli.sock, listening */
    int keylog_fd;        /* -1: off */
    int dp_log_fd; /* RUN/culvert-dp.log: where culvert-dp speaks in the background; -1: to our stderr */
};

/* Says on stderr and in the log what is wrong. CV_EEXIST: another culvertd has the run dir. */
CV_MUST_USE cv_result parent_dirs_open(struct parent_dirs *d, const struct parent_options *o);
void parent_pid_file(const struct parent_dirs *d, const char *name, pid_t pid);
pid_t parent_pid_of(const struct parent_dirs *d, const char *name); /* 0: no such file */
void parent_remove(const struct parent_dirs *d, const char *name);
/* RUN/platform.conf, for culvert-dp. */
CV_MUST_USE cv_result parent_platform_file(const struct parent_dirs *d, const struct platform *p);

#endif
