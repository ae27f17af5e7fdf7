/* culvert: the client. With words it runs them and ends with their exit status; without, it is a shell. */
#include "control/cli/cli_client.h"
#include "control/cli/cli_local.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_shell.h"
#include "control/cli/cli_tree.h"
#include "control/doctor/doc_main.h"
#include "control/tools/exp.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
    const char *run_dir;
    bool json;
    int first; /* word of the command */
};

static void usage(FILE *to)
{
    fputs("usage: culvert [--run-dir DIR] [--json] COMMAND ...   (culvert help lists the commands)\n", to);
}

/* -1: go on; else the exit status. Options stand before the command; --json may also stand at its end. */
static int options_take(int *argc, char **argv, struct options *o)
{
    for (o->first = 1; o->first < *argc && strncmp(argv[o->first], "--", 2) == 0; o->first++) {
        const char *a = argv[o->first];
        if (strcmp(a, "--json") == 0) {
            o->json = true;
        } else if (strcmp(a, "--run-dir") == 0 && o->first + 1 < *argc) {
            o->run_dir = argv[++o->first];
        } else if (strcmp(a, "--help") == 0) {
            usage(stdout);
            return CLI_OK;
        } else if (strcmp(a, "--version") == 0) {
            puts("culvert " CULVERT_VERSION);
            return CLI_OK;
        } else {
            fprintf(stderr, "culvert: option %s is not known, or wants a value\n", a);
            usage(stderr);
            return CLI_USAGE;
        }
    }
    if (*argc > o->first + 1 && strcmp(argv[*argc - 1], "--json") == 0 &&
        strcmp(argv[o->first], "bench") != 0) {
        o->json = true;
        --*argc;
    }
    return -1;
}

static void on_interrupt(int sig)
{
    (void)sig;
    cli_client_interrupt();
}

/* `debug` has no other end than Ctrl-C: it is no failure. */
static int run_remote(int fd, int argc, const char *const *words, bool json, bool follows)
{
    struct sigaction stop = {.sa_handler = on_interrupt};
    if (follows)
        sigaction(SIGINT, &stop, NULL);
    int status = cli_client_run(fd, argc, words, json ? CLI_ASK_JSON : 0u);
    return follows && cli_client_interrupted() ? CLI_OK : status;
}

int main(int argc, char **argv)
{
    struct options o = {.run_dir = "/run/culvert"};
    struct cli_parsed p;
    char err[CLI_ERR_MAX];
    umask(077);
    int status = options_take(&argc, argv, &o);
    if (status >= 0)
        return status;
    if (o.first >= argc)
        return cli_shell(o.run_dir);

    const char *const *words = (const char *const *)argv + o.first;
    int count = argc - o.first;
    /* What follows `bench` is culvert-dp's own business, options and all. */
    if (strcmp(words[0], "bench") == 0)
        return cli_local_bench(count - 1, words + 1);
    if (strcmp(words[0], "explain") == 0)
        return exp_main(count - 1, words + 1, o.json);
    if (strcmp(words[count - 1], "--help") == 0 && cli_local_help(count - 1, words) == CLI_OK)
        return CLI_OK;
    if (cli_parse(count, words, &p, err) != CV_OK) {
        fprintf(stderr, "culvert: %s\n", err);
        return CLI_USAGE;
    }
    if (p.row->id == CLI_EXPLAIN) /* abbreviated */
        return exp_main(count - 1, words + 1, o.json);
    if (p.row->id == CLI_DOCTOR)
        return doc_main(cli_opt(&p, "config"), o.json || cli_opt(&p, "json") != NULL, o.run_dir,
                        cli_local_dp_program());
    if (p.row->local)
        return cli_local_run(&p, o.json);
    int fd = cli_client_connect(o.run_dir);
    if (fd < 0)
        return CLI_NO_DAEMON;
    bool follows = p.row->id == CLI_DEBUG_ID_ISAKMP || p.row->id == CLI_DEBUG_ID_IKEV2 ||
                   p.row->id == CLI_DEBUG_ID_IPSEC || p.row->id == CLI_DEBUG_ID_PKI_VALIDATION ||
                   p.row->id == CLI_DEBUG_ID_PKI_MESSAGES || p.row->id == CLI_DEBUG_ID_PKI_TRANSACTIONS;
    status = run_remote(fd, count, words, o.json, follows);
    close(fd);
    return status;
}
