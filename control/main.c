/* culvertd: options, the configuration's first reading, the log; then the parent (parent.h) takes over. */
#include "control/admit.h"
#include "control/config/cfg_report.h"
#include "control/parent.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static void usage(FILE *to)
{
    fputs("usage: culvertd --config FILE [--run-dir DIR] [--state-dir DIR] [--no-dataplane]\n"
          "                [--log-level error|warning|info|debug] [--user NAME] [--foreground]\n"
          "                [--metrics ADDRESS:PORT]\n"
          "defaults: /etc/culvert/culvert.conf, /run/culvert, /var/lib/culvert\n",
          to);
}

static void log_terminal(void *ctx, enum log_level level, const char *line)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    struct timespec t;
    struct tm tm;
    char when[32];
    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &t);
    if (!gmtime_r(&t.tv_sec, &tm) || strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        when[0] = '\0';
    fprintf(stderr, "%s.%03ldZ culvertd: %s: %s\n", when, t.tv_nsec / 1000000, names[level], line);
}

static void log_system(void *ctx, enum log_level level, const char *line)
{
    static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    (void)ctx;
    syslog(LOG_DAEMON | priority[level], "%s", line);
}

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "culvert: %s%s%s\n", what, value ? ": " : "", value ? value : "");
    return EXIT_USAGE;
}

enum {
    OPT_CONFIG = 1,
    OPT_RUN,
    OPT_STATE,
    OPT_NO_DP,
    OPT_LEVEL,
    OPT_USER,
    OPT_FOREGROUND,
    OPT_METRICS,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"run-dir", required_argument, NULL, OPT_RUN},
    {"state-dir", required_argument, NULL, OPT_STATE},
    {"no-dataplane", no_argument, NULL, OPT_NO_DP},
    {"log-level", required_argument, NULL, OPT_LEVEL},
    {"user", required_argument, NULL, OPT_USER},
    {"foreground", no_argument, NULL, OPT_FOREGROUND},
    {"metrics", required_argument, NULL, OPT_METRICS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit status. */
static int options_take(int argc, char **argv, struct parent_options *o, const char **user)
{
    int c;
    opterr = 0; /* we say it ourselves, in one form */
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (c) {
        case OPT_CONFIG:
            o->config_file = optarg;
            break;
        case OPT_RUN:
            o->run_dir = optarg;
            break;
        case OPT_STATE:
            o->state_dir = optarg;
            break;
        case OPT_NO_DP:
            o->no_dataplane = true;
            break;
        case OPT_LEVEL:
            if (!log_level_parse(optarg, &o->level))
                return bad("--log-level wants error, warning, info or debug, not", optarg);
            break;
        case OPT_USER:
            *user = optarg;
            break;
        case OPT_FOREGROUND:
            o->foreground = true;
            break;
        case OPT_METRICS:
            o->metrics = optarg;
            break;
        case OPT_HELP:
            usage(stdout);
            return 0;
        case OPT_VERSION:
            puts("culvertd " CULVERT_VERSION);
            return 0;
        default:
            bad("option is not known, or wants a value", argv[optind - 1]);
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    return optind < argc ? bad("unexpected argument", argv[optind]) : -1;
}

/* The daemon may leave its directory: relative names must go on meaning what they meant. */
static const char *absolute(const char *path)
{
    static char room[4][4096];
    static unsigned used;
    char cwd[2048];
    if (path[0] == '/' || used == 4 || !getcwd(cwd, sizeof cwd))
        return path;
    snprintf(room[used], sizeof room[0], "%s/%s", cwd, path);
    return room[used++];
}

static void print_errors(const struct cfg_findings *f, const char *file)
{
    char *text = cfg_report_errors(f, "culvert", file);
    fputs(text ? text : "culvert: out of memory\n", stderr);
    free(text);
}

int main(int argc, char **argv)
{
    struct parent_options o = {
        .config_file = "/etc/culvert/culvert.conf",
        .run_dir = "/run/culvert",
        .state_dir = "/var/lib/culvert",
        .level = LOG_LEVEL_INFO,
        .sink = log_system,
    };
    const char *user = NULL, *keylog = getenv("CULVERT_IKE_KEYLOG");
    int status = options_take(argc, argv, &o, &user);
    if (status >= 0)
        return status;
    if (rt_user_find(user, &o.user) != CV_OK)
        return bad("--user names no user of this system", user);
    o.config_file = absolute(o.config_file);
    o.run_dir = absolute(o.run_dir);
    o.state_dir = absolute(o.state_dir);
    o.keylog_file = keylog && *keylog ? absolute(keylog) : NULL;
    rt_harden();
    log_setup("culvertd", o.level, log_terminal, NULL);
    if (!user && o.user.change && strcmp(o.user.name, "culvert") != 0)
        log_warning(
            "no user culvert here: the control process runs as %s, which other services may share; make it, "
            "or name one with --user",
            o.user.name);

    struct cfg *cfg = NULL;
    struct cfg_findings findings = {0};
    cv_result r = cfg_load(o.config_file, &cfg, &findings);
    if (r == CV_OK)
        r = admit_check(cfg, &findings);
    if (r != CV_OK) {
        print_errors(&findings, o.config_file);
        cfg_findings_free(&findings);
        cfg_free(cfg);
        return EXIT_USAGE;
    }
    admit_log(&findings, o.config_file);
    cfg_findings_free(&findings);
    return parent_run(&o, cfg);
}
