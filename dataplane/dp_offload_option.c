#include "dataplane/dp_offload_option.h"
#include "dataplane/dp_bench_option.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP = 256 }; /* of getopt_long: no character */

static void help(FILE *to)
{
    fputs(
        "usage: culvert-dp --bench-offload [--sizes 64,128,256,512,1024,1420,imix] [--transform NAME,NAME]\n"
        "         [--engine \"WORDS OF crypto-engine\"]... [--device PCI-ADDRESS|VIRTUAL-DEVICE]...\n"
        "         [--rounds N] [--loop 64,512,1420,imix | --loop none] [--capabilities] [--json FILE] "
        "[--html FILE]\n",
        to);
}

static int usage(const char *why)
{
    fprintf(stderr, "culvert-dp: --bench-offload: %s\n", why);
    help(stderr);
    return 2;
}

static bool transforms_take(struct offload_plan *p, char *list)
{
    char *save = NULL;
    p->transform_count = 0;
    for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        const struct bench_transform *t = dp_bench_transform(w);
        if (!t || p->transform_count == OFFLOAD_TRANSFORMS)
            return false;
        p->transforms[p->transform_count++] = t;
    }
    return p->transform_count > 0;
}

static const char *engine_take(struct offload_report *r, const char *text)
{
    if (r->engine_count == OFFLOAD_ENGINES || strlen(text) >= BENCH_ENGINE_MAX || !*text)
        return "--engine has the words behind crypto-engine, at most 24 times";
    snprintf(r->engines[r->engine_count++].word, BENCH_ENGINE_MAX, "%s", text);
    return NULL;
}

static const char *device_take(struct offload_plan *p, const char *text)
{
    if (p->device_count == OFFLOAD_ENGINES || strlen(text) >= OFFLOAD_NAME || !*text)
        return "--device is a PCI address or the name of a virtual device, at most 24 times";
    snprintf(p->devices[p->device_count++], OFFLOAD_NAME, "%s", text);
    return NULL;
}

static const char *rounds_take(struct offload_plan *p, const char *text)
{
    char *end;
    const unsigned long v = strtoul(text, &end, 10);
    p->rounds = v > OFFLOAD_ROUNDS_MAX ? 0 : (unsigned)v;
    return *end || p->rounds == 0 ? "--rounds is 1 to 201" : NULL;
}

static const char *loop_take(struct offload_plan *p, char *text)
{
    p->loop_size_count = 0;
    if (strcmp(text, "none") == 0 ||
        dp_bench_sizes_take(p->loop_sizes, &p->loop_size_count, BENCH_SIZE_MAX, text))
        return NULL;
    return "--loop is none, or a list of 28 to 1420 octets of inner IP packet, or imix";
}

static const char *take(struct offload_report *r, int ch)
{
    struct offload_plan *p = &r->plan;
    switch (ch) {
    case 's':
        return dp_bench_sizes_take(p->sizes, &p->size_count, BENCH_SIZE_MAX, optarg)
                   ? NULL
                   : "--sizes is a list of 28 to 1420 octets of inner IP packet, or imix";
    case 't':
        return transforms_take(p, optarg) ? NULL
                                          : "--transform is a list of at most 4 that bench dataplane has";
    case 'e':
        return engine_take(r, optarg);
    case 'd':
        return device_take(p, optarg);
    case 'r':
        return rounds_take(p, optarg);
    case 'l':
        return loop_take(p, optarg);
    case 'c':
        p->no_measure = true;
        return NULL;
    case 'j':
        p->json = optarg;
        return NULL;
    case 'h':
        p->html = optarg;
        return NULL;
    default:
        return "unknown option";
    }
}

/* So that a wrong path is told before minutes have passed. */
static bool writable(const char *path)
{
    FILE *f = path ? fopen(path, "ae") : NULL;
    return !path || (f && fclose(f) == 0);
}

int dp_offload_options(int argc, char **argv, struct offload_report *r)
{
    static const struct option table[] = {
        {"sizes", required_argument, NULL, 's'},
        {"transform", required_argument, NULL, 't'},
        {"engine", required_argument, NULL, 'e'},
        {"device", required_argument, NULL, 'd'},
        {"rounds", required_argument, NULL, 'r'},
        {"loop", required_argument, NULL, 'l'},
        {"capabilities", no_argument, NULL, 'c'},
        {"json", required_argument, NULL, 'j'},
        {"html", required_argument, NULL, 'h'},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    static const unsigned sizes[] = {64, 128, 256, 512, 1024, 1420, BENCH_IMIX},
                          loop[] = {64, 512, 1420, BENCH_IMIX};
    struct offload_plan *p = &r->plan;
    char standard[] = "esp-gcm-128,esp-aes-128-sha256";
    memcpy(p->sizes, sizes, sizeof sizes);
    p->size_count = sizeof sizes / sizeof sizes[0];
    memcpy(p->loop_sizes, loop, sizeof loop);
    p->loop_size_count = sizeof loop / sizeof loop[0];
    p->rounds = OFFLOAD_ROUNDS;
    if (!transforms_take(p, standard))
        return usage("no transforms");
    for (int ch; (ch = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (ch == HELP) {
            help(stdout);
            return OFFLOAD_HELP;
        }
        const char *bad = take(r, ch);
        if (bad)
            return usage(bad);
    }
    if (optind < argc)
        return usage("unexpected argument");
    return writable(p->json) && writable(p->html) ? 0 : usage("--json or --html cannot be written");
}
