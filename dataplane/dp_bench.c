#include "dataplane/dp_bench.h"
#include "common/log.h"
#include "dataplane/dp_bench_run.h"

#include <getopt.h>
#include <rte_version.h>
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
    const char *json;
};

static int usage(const char *why)
{
    fprintf(stderr, "culvert-dp: --bench: %s\n", why);
    fprintf(stderr, "usage: culvert-dp --bench [--direction encap|decap|both] [--sizes 64,512,1420,imix]\n"
                    "         [--transform NAME] [--sas N] [--workers N] [--seconds S] [--json FILE]\n"
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

static int options_read(int argc, char **argv, struct bench_plan *p)
{
    static const struct option table[] = {
        {"direction", required_argument, NULL, 'd'}, {"sizes", required_argument, NULL, 's'},
        {"transform", required_argument, NULL, 't'}, {"sas", required_argument, NULL, 'n'},
        {"workers", required_argument, NULL, 'w'},   {"seconds", required_argument, NULL, 'S'},
        {"json", required_argument, NULL, 'j'},      {NULL, 0, NULL, 0},
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
            p->base.seconds = number(optarg);
        } else if (ch == 'j') {
            p->json = optarg;
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
    if (!(p->base.seconds > 0 && p->base.seconds <= 600))
        return usage("--seconds is 1 to 600");
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

static void cpu_name(char *out, size_t room)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(out, room, "unknown");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            snprintf(out, room, "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n\"\\"), strchr(line, ':') + 2);
            break;
        }
    if (f)
        fclose(f);
}

static void size_text(const struct bench_case *c, char *out, size_t room)
{
    if (c->size == BENCH_IMIX)
        snprintf(out, room, "imix");
    else
        snprintf(out, room, "%u", c->size);
}

static void print_row(const struct bench_case *c, const struct bench_result *r)
{
    char size[16];
    size_text(c, size, sizeof size);
    printf("%-6s %5s  %7.3f Mpps (%.3f-%.3f)  %6.2f Gb/s  %6.0f cycles/packet",
           c->dir == CV_DIR_OUT ? "encap" : "decap", size, r->mpps, r->mpps_min, r->mpps_max,
           r->mpps * r->size * 8 / 1000, r->tsc_mhz * c->workers / r->mpps);
    if (r->limit_mpps > 0)
        printf("  bare call %.3f Mpps  ratio %.2f", r->limit_mpps, r->mpps / r->limit_mpps);
    printf("\n");
}

static void json_row(FILE *f, const struct bench_case *c, const struct bench_result *r, bool first)
{
    char size[16], limit[160] =
                       "\"limit_ipsecmb_mpps\":null,\"limit_best_mpps\":null,\"limit_best_engine\":null,"
                       "\"ratio_ipsecmb\":null,\"ratio_best\":null";
    size_text(c, size, sizeof size);
    const char *quote = c->size == BENCH_IMIX ? "\"" : "";
    if (r->limit_mpps > 0)
        snprintf(limit, sizeof limit,
                 "\"limit_ipsecmb_mpps\":%.4f,\"limit_best_mpps\":%.4f,\"limit_best_engine\":\"%s\","
                 "\"ratio_ipsecmb\":%.4f,\"ratio_best\":%.4f",
                 r->limit_mpps, r->limit_mpps, r->engine, r->mpps / r->limit_mpps, r->mpps / r->limit_mpps);
    fprintf(f,
            "%s\n  {\"direction\":\"%s\",\"size\":%s%s%s,\"transform\":\"%s\",\"engine\":\"%s\",\"sas\":%u,"
            "\"workers\":%u,\"mpps\":%.4f,\"mpps_min\":%.4f,\"mpps_max\":%.4f,\"gbps\":%.3f,"
            "\"cycles_per_packet\":%.1f,%s,\"rounds\":%u,\"anti_replay\":false}",
            first ? "" : ",", c->dir == CV_DIR_OUT ? "encap" : "decap", quote, size, quote,
            c->transform->name, r->engine, c->sas, c->workers, r->mpps, r->mpps_min, r->mpps_max,
            r->mpps * r->size * 8 / 1000, r->tsc_mhz * c->workers / r->mpps, limit, r->rounds);
}

static void json_head(FILE *f, const struct bench_result *r)
{
    char cpu[128];
    cpu_name(cpu, sizeof cpu);
    fprintf(
        f,
        "{\"machine\":{\"cpu\":\"%s\",\"tsc_mhz\":%.1f,\"dpdk\":\"%s\",\"ipsec_mb\":\"%s\"},\n \"results\":[",
        cpu, r->tsc_mhz, rte_version(), r->device);
}

static bool case_run(struct bench_case *c, struct bench_result *r)
{
    char path[96];
    bool ok = in_child(dp_bench_packets, c, r) && in_child(dp_bench_measure, c, r);
    for (unsigned w = 0; w < c->workers; w++) {
        snprintf(path, sizeof path, "%s/%u.pcap", c->pcap_dir, w);
        unlink(path);
    }
    if (!ok)
        fprintf(stderr, "culvert-dp: --bench: %s\n", r->err);
    return ok;
}

static bool plan_run(struct bench_plan *p, FILE *json)
{
    bool ok = true, first = true;
    for (unsigned d = 0; d < 2; d++) {
        if (d == 0 ? !p->encap : !p->decap)
            continue;
        for (unsigned i = 0; i < p->size_count; i++) {
            struct bench_case c = p->base;
            struct bench_result r;
            c.dir = d == 0 ? CV_DIR_OUT : CV_DIR_IN;
            c.size = p->sizes[i];
            if (!case_run(&c, &r)) {
                ok = false;
                continue;
            }
            print_row(&c, &r);
            if (json && first)
                json_head(json, &r);
            if (json)
                json_row(json, &c, &r, first);
            first = false;
        }
    }
    if (json)
        fprintf(json, first ? "{\"results\":[]}\n" : "\n ]}\n");
    return ok;
}

int dp_bench_main(int argc, char **argv)
{
    struct bench_plan p = {.encap = true, .decap = true, .sizes = {64, 512, 1420}, .size_count = 3};
    p.base = (struct bench_case){.transform = &transforms[0], .sas = 1, .workers = 1, .seconds = 5};
    log_setup("culvert-dp", LOG_LEVEL_WARNING, NULL, NULL);
    int bad = options_read(argc, argv, &p);
    if (bad)
        return bad;
    p.base.hugepages =
        meminfo("Hugepagesize") == HUGEPAGE_KIB && meminfo("HugePages_Free") >= HUGEPAGES_NEEDED;
    snprintf(p.base.pcap_dir, sizeof p.base.pcap_dir, "/tmp/culvert-bench-XXXXXX");
    FILE *json = p.json ? fopen(p.json, "we") : NULL;
    if (p.json && !json) {
        fprintf(stderr, "culvert-dp: %s:0: cannot be written\n", p.json);
        return 2;
    }
    if (!mkdtemp(p.base.pcap_dir)) {
        fprintf(stderr, "culvert-dp: no temporary directory\n");
        return 1;
    }
    printf("%s, %u SA%s, %u worker%s, %s pages; size: octets of the inner IP packet; net_pcap in, net_null "
           "out\n",
           p.base.transform->name, p.base.sas, p.base.sas > 1 ? "s" : "", p.base.workers,
           p.base.workers > 1 ? "s" : "", p.base.hugepages ? "2 MiB" : "4 KiB");
    if (p.decap)
        printf("decap: the same packets come again, so its SAs run without anti-replay\n");
    bool ok = plan_run(&p, json);
    if (json)
        fclose(json);
    rmdir(p.base.pcap_dir);
    return ok ? 0 : 1;
}
