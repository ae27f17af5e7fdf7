#include "control/parent.h"

#include "control/admit.h"
#include "control/daemon.h"
#include "control/parent_dirs.h"
#include "control/runtime/rt_broker.h"
#include "control/runtime/rt_loop.h"
#include "control/runtime/rt_super.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILD_GRACE_MS = 3000,
    DP_GRACE_MS = 3000,
    READY_TIMEOUT_MS = 15000,
};

struct parent {
    const struct parent_options *o;
    struct cfg *cfg;
    struct parent_dirs dirs;
    struct rt_proc control, dp;
    int broker; /* our end of the pair with the control process; -1 none */
    int signal_fd;
    int ready_fd; /* background: tells the first process; -1 */
    int dp_conn;  /* a connection to dp.sock made before anyone asked; -1 none */
    bool dp_ours; /* started by this culvertd or an earlier one of this run dir */
};

/* ---- culvert-dp -------------------------------------------------------------------------------------------------- */
/* A connection to RUN/dp.sock and the pid behind it; -1 when nobody listens. */
static int dp_connect(const struct parent *p, pid_t *pid)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct ucred who;
    socklen_t len = sizeof who;
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/dp.sock", p->o->run_dir);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) {
        close(fd);
        return -1;
    }
    *pid = who.pid;
    return fd;
}

/* The binary beside our own, else what PATH has. */
static const char *dp_program(void)
{
    static char path[PATH_MAX + 16];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    char *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
    if (slash) {
        snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), "culvert-dp");
        if (access(path, X_OK) == 0)
            return path;
    }
    return "culvert-dp";
}

static cv_result platform_file(const struct parent *p, const struct cfg *cfg)
{
    static struct platform platform;
    cfg_platform_of(cfg, &platform);
    return parent_platform_file(&p->dirs, &platform);
}

static void dp_start(struct parent *p)
{
    char platform[PATH_MAX];
    snprintf(platform, sizeof platform, "%s/platform.conf", p->o->run_dir);
    char *argv[] = {(char *)(uintptr_t)dp_program(),
                    "--run-dir",
                    (char *)(uintptr_t)p->o->run_dir,
                    "--config",
                    platform,
                    NULL};
    pid_t pid = rt_spawn(argv, p->dirs.dp_log_fd);
    if (pid < 0 || rt_proc_watch(&p->dp, pid, false, rt_now_ms()) != CV_OK) {
        log_error("%s cannot be started: %s", argv[0], strerror(errno));
        rt_proc_failed(&p->dp, rt_now_ms());
        return;
    }
    p->dp_ours = true;
    parent_pid_file(&p->dirs, "culvert-dp.pid", pid);
    log_info("started culvert-dp, pid %d", (int)pid);
}

/* At start: one that listens already is adopted, with its SAs. */
static void dp_find(struct parent *p)
{
    pid_t pid;
    int fd = dp_connect(p, &pid);
    if (fd >= 0 && rt_proc_watch(&p->dp, pid, true, rt_now_ms()) == CV_OK) {
        p->dp_conn = fd;
        p->dp_ours = parent_pid_of(&p->dirs, "culvert-dp.pid") == pid;
        log_info("culvert-dp runs already, pid %d: adopted", (int)pid);
        return;
    }
    if (fd >= 0)
        close(fd);
    p->dp_ours = false;
    if (!p->o->no_dataplane)
        dp_start(p);
}

static void dp_ended(struct parent *p)
{
    int status;
    pid_t pid = p->dp.pid;
    rt_proc_ended(&p->dp, rt_now_ms(), &status);
    log_error("culvert-dp (pid %d) ended: %s", (int)pid, rt_status_text(status));
    if (p->dp_conn >= 0)
        close(p->dp_conn);
    p->dp_conn = -1;
    if (!p->dp_ours || p->o->no_dataplane)
        p->dp.start_at_ms = UINT64_MAX; /* whoever started it looks after it */
}

/* ---- the control process ------------------------------------------------------------------------------------------- */
static void control_main(struct parent *p, int broker, pid_t parent)
{
    sigset_t none;
    struct daemon_start s = {
        .cfg = p->cfg,
        .config_file = p->o->config_file,
        .broker = broker,
        .cli_fd = p->dirs.cli_fd,
        .state_dir = p->dirs.state_fd,
        .keylog_fd = p->dirs.keylog_fd,
        .metrics = p->o->metrics,
    };
    close(p->signal_fd);
    close(p->dirs.lock_fd); /* a lock that outlived the parent would keep the next culvertd out */
    close(p->dirs.run_fd);
    if (p->dirs.dp_log_fd >= 0)
        close(p->dirs.dp_log_fd);
    if (p->dp_conn >= 0)
        close(p->dp_conn);
    if (p->ready_fd >= 0)
        close(p->ready_fd);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (rt_privs_drop(&p->o->user) != CV_OK) {
        log_error("cannot become user %s", p->o->user.name);
        _exit(1);
    }
    rt_harden();
    if (!rt_die_with_parent(parent))
        _exit(1);
    exit(daemon_run(&s));
}

static void control_start(struct parent *p)
{
    int pair[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        rt_proc_failed(&p->control, rt_now_ms());
        return;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        control_main(p, pair[1], parent);
    }
    close(pair[1]);
    if (pid < 0 || rt_proc_watch(&p->control, pid, false, rt_now_ms()) != CV_OK) {
        close(pair[0]);
        rt_proc_failed(&p->control, rt_now_ms());
        return;
    }
    p->broker = pair[0];
    parent_pid_file(&p->dirs, "culvertd-control.pid", pid);
}

/* What is in the file now, when that is in order; else what was in force before. */
static void config_reload(struct parent *p)
{
    struct cfg_findings f = {0};
    struct cfg *cfg = NULL;
    cv_result r = cfg_load(p->o->config_file, &cfg, &f);
    if (r == CV_OK)
        r = admit_check(cfg, &f);
    if (r == CV_OK) {
        cfg_free(p->cfg);
        p->cfg = cfg;
        if (platform_file(p, cfg) != CV_OK)
            log_error("platform.conf cannot be written");
    } else {
        cfg_free(cfg);
        log_error("%s has errors now: what was in force stays", p->o->config_file);
        admit_log(&f, p->o->config_file);
    }
    cfg_findings_free(&f);
}

static void control_ended(struct parent *p)
{
    int status;
    pid_t pid = p->control.pid;
    rt_proc_ended(&p->control, rt_now_ms(), &status);
    log_error("the control process (pid %d) ended: %s", (int)pid, rt_status_text(status));
    close(p->broker);
    p->broker = -1;
    config_reload(p);
}

/* ---- what the control process asks for --------------------------------------------------------------------------------- */
static void answer_config(struct parent *p)
{
    int fd = open(p->o->config_file, O_RDONLY | O_CLOEXEC);
    if (rt_broker_answer(p->broker, RT_ASK_CONFIG, fd >= 0, fd) != CV_OK)
        log_debug("the control process went away while asking");
    if (fd >= 0)
        close(fd);
}

static void answer_dp(struct parent *p)
{
    pid_t pid = 0;
    int fd = p->dp_conn >= 0 ? p->dp_conn : dp_connect(p, &pid);
    p->dp_conn = -1;
    /* One that somebody started meanwhile. */
    if (fd >= 0 && p->dp.pid == 0 && pid != 0 && rt_proc_watch(&p->dp, pid, true, rt_now_ms()) != CV_OK)
        log_debug("culvert-dp went away again");
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    if (rt_broker_answer(p->broker, RT_ASK_DP, fd >= 0, fd) != CV_OK)
        log_debug("the control process went away while asking");
    if (fd >= 0)
        close(fd);
}

static void answer_ready(struct parent *p)
{
    char octet = 'R';
    if (p->ready_fd >= 0 && write(p->ready_fd, &octet, 1) == 1) {
        close(p->ready_fd);
        p->ready_fd = -1;
    }
}

static void broker_take(struct parent *p)
{
    enum rt_broker_ask ask;
    if (rt_broker_take(p->broker, &ask) != CV_OK)
        return; /* its end is seen by the pidfd */
    switch (ask) {
    case RT_ASK_CONFIG:
        answer_config(p);
        return;
    case RT_ASK_DP:
        answer_dp(p);
        return;
    case RT_ASK_ACCEPTED:
        config_reload(p);
        break;
    case RT_ASK_READY:
        answer_ready(p);
        break;
    }
    if (rt_broker_answer(p->broker, ask, true, -1) != CV_OK)
        log_debug("the control process went away while asking");
}

/* ---- the loop --------------------------------------------------------------------------------------------------------- */
static bool signals_take(struct parent *p)
{
    struct signalfd_siginfo s;
    while (read(p->signal_fd, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT)
            return false;
        if (s.ssi_signo == SIGHUP && p->control.pid > 0)
            kill(p->control.pid, SIGHUP);
    }
    return true;
}

static int wait_ms(const struct parent *p)
{
    uint64_t next = p->dp.start_at_ms < p->control.start_at_ms ? p->dp.start_at_ms : p->control.start_at_ms;
    uint64_t now = rt_now_ms();
    if (next == UINT64_MAX)
        return -1;
    return next > now ? (int)(next - now) : 0;
}

static void start_due(struct parent *p)
{
    uint64_t now = rt_now_ms();
    if (p->dp.pid == 0 && p->dp.start_at_ms <= now) {
        p->dp.start_at_ms = UINT64_MAX;
        dp_start(p);
    }
    if (p->control.pid == 0 && p->control.start_at_ms <= now) {
        p->control.start_at_ms = UINT64_MAX;
        control_start(p);
    }
}

static void parent_loop(struct parent *p)
{
    for (;;) {
        struct pollfd f[4] = {{p->signal_fd, POLLIN, 0},
                              {p->control.pidfd, POLLIN, 0},
                              {p->dp.pidfd, POLLIN, 0},
                              {p->broker, POLLIN, 0}};
        if (poll(f, 4, wait_ms(p)) < 0 && errno != EINTR)
            return;
        if (f[0].revents && !signals_take(p))
            return;
        if (f[3].revents & POLLIN)
            broker_take(p);
        if (f[2].revents)
            dp_ended(p);
        if (f[1].revents)
            control_ended(p);
        start_due(p);
    }
}

static void parent_stop(struct parent *p)
{
    rt_proc_stop(&p->control, CHILD_GRACE_MS);
    if (p->dp_ours) {
        rt_proc_stop(&p->dp, DP_GRACE_MS);
        parent_remove(&p->dirs, "culvert-dp.pid");
        parent_remove(&p->dirs, "dp.sock");
        parent_remove(&p->dirs, "platform.conf");
    }
    parent_remove(&p->dirs, "platform.conf");
    parent_remove(&p->dirs, "culvertd-control.pid");
    parent_remove(&p->dirs, "cli.sock");
    parent_remove(&p->dirs, "culvertd.pid");
}

/* ---- start -------------------------------------------------------------------------------------------------------------- */
/* Leaves the terminal: the first process waits until clients are answered and returns true with its status. */
static bool background(struct parent *p, int *status)
{
    int ready[2];
    char octet;
    if (pipe2(ready, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid < 0) {
        close(ready[0]);
        close(ready[1]);
        return false;
    }
    if (pid > 0) {
        close(ready[1]);
        struct pollfd f = {ready[0], POLLIN, 0};
        bool up = poll(&f, 1, READY_TIMEOUT_MS) == 1 && read(ready[0], &octet, 1) == 1;
        if (!up) {
            kill(pid, SIGTERM); /* an exit status of 1 means that nothing runs */
            waitpid(pid, NULL, 0);
            fprintf(stderr, "culvert: culvertd did not come up; see the system log and %s/culvert-dp.log\n",
                    p->o->run_dir);
        }
        *status = up ? 0 : 1;
        return true;
    }
    close(ready[0]);
    p->ready_fd = ready[1];
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    log_setup("culvertd", p->o->level, p->o->sink, NULL);
    return false;
}

static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int parent_run(const struct parent_options *o, struct cfg *cfg)
{
    static struct parent p;
    int status = 1;
    p = (struct parent){.o = o, .cfg = cfg, .broker = -1, .ready_fd = -1, .dp_conn = -1};
    rt_proc_init(&p.control, "culvertd control process");
    rt_proc_init(&p.dp, "culvert-dp");
    /* Before the terminal is left: what is wrong here is said there. The lock passes to the process in the background. */
    if (parent_dirs_open(&p.dirs, o) != CV_OK || platform_file(&p, cfg) != CV_OK) {
        cfg_free(cfg);
        return 1;
    }
    if (!o->foreground && background(&p, &status))
        return status;
    parent_pid_file(&p.dirs, "culvertd.pid", getpid());
    p.signal_fd = signals_open();
    dp_find(&p);
    control_start(&p);
    if (o->no_dataplane)
        answer_ready(&p); /* it may come much later */
    parent_loop(&p);
    log_info("culvertd stops");
    parent_stop(&p);
    cfg_free(p.cfg);
    return 0;
}
