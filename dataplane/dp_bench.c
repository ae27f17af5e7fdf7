#include "dataplane/dp_bench.h"
#include "common/log.h"
#include "dataplane/dp_bench_report.h"
#include "dataplane/dp_bench_run.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HUGEPAGES_NEEDED = 300, HUGEPAGE_KIB = 2048 };

static const struct bench_transform transforms[] = {
    {"esp-gcm-128", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 16, 4, 0},
    {"esp-gcm-192", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 24, 4, 0},
    {"esp-gcm-256", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 32, 4, 0},
    {"esp-gmac-128", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 16, 4, 0},
    {"esp-chacha20-poly1305", CV_ENCR_CHACHA20_POLY1305, CV_INTEG_NONE, 32, 4, 0},
    {"esp-aes-128-sha1", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96, 16, 0, 20},
    {"esp-aes-128-sha256", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_256_128, 16, 0, 32},
    {"esp-aes-256-sha256", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_256_128, 32, 0, 32},
    {"esp-aes-256-sha512", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_512_256, 32, 0, 64},
};

struct bench_plan {
    bool encap, decap;
    unsigned sizes[BENCH_SIZES], size_count;
    struct bench_case base;
    const char *json, *svg;
    unsigned row_count;
    struct bench_row rows[2 * BENCH_SIZES];
};

static int usage(const char *why)
{
    fprintf(stderr, "culvert-dp: --bench: %s\n", why);
    fprintf(stderr,
            "usage: culvert-dp --bench [--direction encap|decap|both] [--sizes 64,512,1420,imix]\n"
            "         [--transform NAME] [--sas N] [--workers N] [--seconds S] [--json FILE]\n"
            "         [--svg FILE] [--path tunnel|gre|map] [--lines N] [--receive dma|copy] [--stages]\n"
            "transforms:");
    for (unsigned i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        fprintf(stderr, " %s", transforms[i].name);
    fprintf(stderr, "\n");
    return 2;
}

static bool sizes_read(struct bench_plan *p, char *text)
{
    char *save = NULL, *end;
    p->size_count = 0;
    for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        unsigned long v = strcmp(w, "imix") == 0 ? BENCH_IMIX : strtoul(w, &end, 10);
        bool imix = strcmp(w, "imix") == 0;
        if (p->size_count == BENCH_SIZES || (!imix && (*end || v < BENCH_SIZE_MIN || v > BENCH_SIZE_MAX)))
            return false;
        p->sizes[p->size_count++] = (unsigned)v;
    }
    return p->size_count > 0;
}

static const struct bench_transform *transform_find(const char *name)
{
    for (unsigned i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        if (strcmp(transforms[i].name, name) == 0)
            return &transforms[i];
    return NULL;
}

/* 0, which no option allows, for what is no number. */
static unsigned number(const char *text)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    return end == text || *end || v > 1000000 ? 0 : (unsigned)v;
}

/* Likewise; a fraction is allowed. */
static double seconds_read(const char *text)
{
    char *end;
    double v = strtod(text, &end);
    return end == text || *end || !(v >= BENCH_SECONDS_MIN && v <= BENCH_SECONDS_MAX) ? 0 : v;
}

const char *dp_bench_path_name(enum bench_path p)
{
    static const char *const names[BENCH_PATHS] = {"tunnel", "gre", "map"};
    return names[p];
}

const char *dp_bench_receive_name(enum bench_receive r)
{
    return r == BENCH_COPY ? "copy" : "dma";
}

static bool path_read(const char *text, enum bench_path *out)
{
    for (*out = BENCH_TUNNEL; *out < BENCH_PATHS; ++*out)
        if (strcmp(text, dp_bench_path_name(*out)) == 0)
            return true;
    return false;
}

static int options_read(int argc, char **argv, struct bench_plan *p)
{
    static const struct option table[] = {
        {"direction", required_argument, NULL, 'd'},
        {"sizes", required_argument, NULL, 's'},
        {"transform", required_argument, NULL, 't'},
        {"sas", required_argument, NULL, 'n'},
        {"workers", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 'S'},
        {"json", required_argument, NULL, 'j'},
        {"svg", required_argument, NULL, 'g'},
        {"path", required_argument, NULL, 'p'},
        {"lines", required_argument, NULL, 'l'},
        {"receive", required_argument, NULL, 'r'},
        {"stages", no_argument, NULL, 'T'},
        {NULL, 0, NULL, 0},
    };
    for (int ch; (ch = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (ch == 'd') {
            p->encap = strcmp(optarg, "decap") != 0;
            p->decap = strcmp(optarg, "encap") != 0;
            if (p->encap && p->decap && strcmp(optarg, "both") != 0)
                return usage("--direction is encap, decap or both");
        } else if (ch == 's') {
            if (!sizes_read(p, optarg))
                return usage("--sizes is a list of 28 to 1420 octets of inner IP packet, or imix");
        } else if (ch == 't') {
            if (!(p->base.transform = transform_find(optarg)))
                return usage("unknown transform");
        } else if (ch == 'n') {
            p->base.sas = number(optarg);
        } else if (ch == 'w') {
            p->base.workers = number(optarg);
        } else if (ch == 'S') {
            p->base.seconds = seconds_read(optarg);
        } else if (ch == 'j') {
            p->json = optarg;
        } else if (ch == 'g') {
            p->svg = optarg;
        } else if (ch == 'l') {
            p->base.lines = number(optarg);
        } else if (ch == 'p') {
            if (!path_read(optarg, &p->base.path))
                return usage("--path is tunnel, gre or map");
        } else if (ch == 'T') {
            p->base.stages = true;
        } else if (ch == 'r') {
            p->base.receive = strcmp(optarg, "copy") == 0 ? BENCH_COPY : BENCH_DMA;
            if (strcmp(optarg, dp_bench_receive_name(p->base.receive)) != 0)
                return usage("--receive is dma or copy");
        } else {
            return usage("unknown option");
        }
    }
    if (optind < argc)
        return usage("unexpected argument");
    if (p->base.sas < 1 || p->base.sas > BENCH_SAS_MAX)
        return usage("--sas is 1 to 4000");
    if (p->base.workers < 1 || p->base.workers > 4)
        return usage("--workers is 1 to 4");
    if (p->base.sas % p->base.workers != 0 && p->decap)
        return usage("--sas must be a multiple of --workers, so that each worker owns as many");
    if (p->base.workers == 3 && p->base.sas > CV_BUCKETS &&
        p->decap) /* SA i is worker i % 3's by its bucket alone */
        return usage("--workers 3 decapsulates for at most 64 SAs");
    if (p->base.lines < p->base.sas && p->base.path == BENCH_MAP)
        return usage("--lines is at least --sas: each SA has one");
    if (p->base.lines < 1 || p->base.lines > CV_POLICY_ROWS_MAX)
        return usage("--lines is 1 to 4096");
    if (!(p->base.seconds > 0))
        return usage("--seconds is 0.05 to 600");
    return 0;
}

/* Runs fn in a process of its own: each case needs an EAL of its own. */
static bool in_child(bool (*fn)(const struct bench_case *, struct bench_result *), const struct bench_case *c,
                     struct bench_result *out)
{
    int fd[2], status = -1;
    memset(out, 0, sizeof *out);
    if (pipe(fd) != 0)
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(fd[0]);
        out->ok = fn(c, out);
        ssize_t n = write(fd[1], out, sizeof *out);
        exit(n == (ssize_t)sizeof *out ? 0 : 1);
    }
    close(fd[1]);
    ssize_t n = pid > 0 ? read(fd[0], out, sizeof *out) : -1;
    close(fd[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (n == (ssize_t)sizeof *out)
        return out->ok;
    snprintf(out->err, sizeof out->err, "the measuring process ended early (status %d)", status);
    return false;
}

static unsigned long meminfo(const char *key)
{
    char line[128];
    unsigned long v = 0;
    FILE *f = fopen("/proc/meminfo", "re");
    size_t n = strlen(key);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, n) == 0 && line[n] == ':')
            v = strtoul(line + n + 1, NULL, 10);
    if (f)
        fclose(f);
    return v;
}

static bool plan_run(struct bench_plan *p)
{
    bool ok = true;
    for (unsigned d = 0; d < 2; d++) {
        if (d == 0 ? !p->encap : !p->decap)
            continue;
        for (unsigned i = 0; i < p->size_count; i++) {
            struct bench_row *row = &p->rows[p->row_count];
            row->c = p->base;
            row->c.dir = d == 0 ? CV_DIR_OUT : CV_DIR_IN;
            row->c.size = p->sizes[i];
            if (in_child(dp_bench_measure, &row->c, &row->r)) {
                dp_bench_print(row);
                p->row_count++;
            } else {
                fprintf(stderr, "culvert-dp: --bench: %s\n", row->r.err);
                ok = false;
            }
        }
    }
    return ok;
}

/* Opened before the run, so that a wrong path is told at once. */
static bool file_open(const char *path, FILE **f)
{
    *f = path ? fopen(path, "we") : NULL;
    if (path && !*f)
        fprintf(stderr, "culvert-dp: %s:0: cannot be written\n", path);
    return !path || *f;
}

static bool file_close(const char *path, FILE *f)
{
    if (!f)
        return true;
    const bool sound = !ferror(f);
    if (fclose(f) == 0 && sound)
        return true;
    fprintf(stderr, "culvert-dp: %s:0: was not written\n", path);
    return false;
}

int dp_bench_main(int argc, char **argv)
{
    static struct bench_plan p = {.encap = true, .decap = true, .sizes = {64, 512, 1420}, .size_count = 3};
    p.base =
        (struct bench_case){.transform = &transforms[0], .sas = 1, .workers = 1, .lines = 100, .seconds = 5};
    log_setup("culvert-dp", LOG_LEVEL_WARNING, NULL, NULL);
    int bad = options_read(argc, argv, &p);
    if (bad)
        return bad;
    p.base.hugepages =
        meminfo("Hugepagesize") == HUGEPAGE_KIB && meminfo("HugePages_Free") >= HUGEPAGES_NEEDED;
    FILE *json, *svg;
    if (!file_open(p.json, &json) || !file_open(p.svg, &svg))
        return 2;
    dp_bench_print_head(&p.base);
    bool ok = plan_run(&p);
    if (json)
        dp_bench_json(json, p.rows, p.row_count);
    if (svg)
        dp_bench_svg(svg, p.rows, p.row_count);
    ok = file_close(p.json, json) && ok;
    ok = file_close(p.svg, svg) && ok;
    return ok ? 0 : 1;
}
