/* culvert-dp: the data plane's program: options, signals, and the life of its parts. */
#include "common/log.h"
#include "dataplane/dp_bench.h"
#include "dataplane/dp_doctor.h"
#include "dataplane/dp_init.h"
#include "dataplane/dp_offload.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static struct dp the_dp; /* static: a late signal may still come while the process ends */

static void on_signal(int sig)
{
    (void)sig;
    __atomic_store_n(&the_dp.stop, 1, __ATOMIC_RELAXED);
}

static void signals_take(void)
{
    struct sigaction stop = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGHUP, &ignore, NULL);
}

static void usage(FILE *to)
{
    fprintf(to, "usage: culvert-dp --run-dir DIR [--config FILE] [--log-level LEVEL] [-- EAL-ARGS]\n"
                "       culvert-dp --bench [OPTIONS]\n"
                "       culvert-dp --bench-offload [OPTIONS]\n"
                "       culvert-dp --doctor [--engine WORD] [--config FILE]\n"
                "  --run-dir DIR      where dp.sock is made, for culvertd\n"
                "  --config FILE      configuration whose platform section names workers, memory and ports\n"
                "  --log-level LEVEL  error, warning, info (default) or debug\n");
}

struct options {
    const char *run_dir, *config;
    int extra;
};

/* 0: go on; else 1 + the exit status. */
static int options_read(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"run-dir", required_argument, NULL, 'r'},
        {"config", required_argument, NULL, 'c'},
        {"log-level", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    enum log_level level = LOG_LEVEL_INFO;
    for (int ch; (ch = getopt_long(argc, argv, "+r:c:l:h", table, NULL)) != -1;) {
        switch (ch) {
        case 'r':
            o->run_dir = optarg;
            break;
        case 'c':
            o->config = optarg;
            break;
        case 'l':
            if (!log_level_parse(optarg, &level)) {
                fprintf(stderr, "culvert-dp: --log-level %s: expected error, warning, info or debug\n",
                        optarg);
                return 1 + EXIT_USAGE;
            }
            break;
        case 'h':
            usage(stdout);
            return 1;
        default:
            usage(stderr);
            return 1 + EXIT_USAGE;
        }
    }
    o->extra = optind;
    log_setup("culvert-dp", level, NULL, NULL);
    if (optind > 0 && optind < argc && strcmp(argv[optind - 1], "--") != 0) {
        fprintf(stderr, "culvert-dp: unexpected argument %s; arguments of the EAL stand behind --\n",
                argv[optind]);
        return 1 + EXIT_USAGE;
    }
    if (!o->run_dir) {
        usage(stderr);
        return 1 + EXIT_USAGE;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {NULL, NULL, 0};
    struct dp_setup setup = {0};
    char err[512];
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        return dp_bench_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--bench-offload") == 0)
        return dp_offload_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--doctor") == 0)
        return dp_doctor_main(argc - 1, argv + 1);
    int done = options_read(argc, argv, &o);
    if (done != 0)
        return done - 1;
    struct dp *dp = &the_dp;
    platform_init(&dp->platform);
    if (o.config && platform_load(&dp->platform, o.config, err, sizeof err) != CV_OK) {
        fprintf(stderr, "culvert-dp: %s\n", err);
        return EXIT_USAGE;
    }
    signals_take();
    setup.dp = dp;
    setup.config = o.config ? o.config : "";
    setup.run_dir = o.run_dir;
    setup.eal_extra_count = argc - o.extra;
    setup.eal_extra = argv + o.extra;
    int status = EXIT_USAGE;
    if (dp_init_start(&setup) == CV_OK) {
        log_info("ready: %u workers, %u ports", dp->workers, dp->port_count);
        status = dp_init_run(&setup) == CV_OK ? 0 : 1;
        dp_init_stop(&setup);
    }
    if (status != 0)
        fprintf(stderr, "culvert-dp: %s\n", setup.err);
    return status;
}
