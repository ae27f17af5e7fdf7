#include "control/doctor/doc_gather.h"

#include "control/config/cfg.h"
#include "control/config/cfg_model.h"
#include "control/doctor/doc_dp.h"
#include "control/doctor/doc_file.h"

#include <dirent.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define CPU_DIR  "/sys/devices/system/cpu"
#define NODE_DIR "/sys/devices/system/node"

enum { LINE = 8192, MIB_KB = 1024, MADE_IN = 2024 };

/* The whole of it: culvertd does not start with an error anywhere. */
static void configuration(struct doc_snapshot *s)
{
    struct cfg *c = NULL;
    struct cfg_findings found = {0};
    cv_result r = cfg_load(s->config, &c, &found);
    if (r == CV_OK) {
        s->platform = c->platform;
        s->trustpoints = c->trustpoint_count > 0;
    } else if (found.count == 0)
        snprintf(s->config_error, sizeof s->config_error, "%.200s: %s", s->config, cv_result_text(r));
    for (unsigned i = 0; r != CV_OK && i < found.count && !s->config_error[0]; i++) {
        const struct cfg_finding *e = &found.items[i];
        char place[16] = ""; /* of the file as a whole: none */
        if (e->line > 0)
            snprintf(place, sizeof place, ":%d", e->line);
        if (e->severity == CFG_ERROR)
            snprintf(s->config_error, sizeof s->config_error, "%.120s%s: %.180s", s->config, place, e->text);
    }
    cfg_findings_free(&found);
    cfg_free(c);
}

/* ---- processors ---- */
static bool has(const char *flags, const char *flag)
{
    size_t n = strlen(flag);
    for (const char *at = flags; (at = strstr(at, flag)) != NULL; at += n)
        if (at > flags && at[-1] == ' ' && (at[n] == ' ' || at[n] == '\n' || at[n] == '\0'))
            return true;
    return false;
}

static unsigned flags_of(const char *text)
{
    unsigned f = 0;
    f |= has(text, "sse4_2") ? DOC_SSE42 : 0;
    f |= has(text, "aes") ? DOC_AES : 0;
    f |= has(text, "pclmulqdq") ? DOC_PCLMUL : 0;
    f |= has(text, "avx2") ? DOC_AVX2 : 0;
    f |= has(text, "vaes") && has(text, "vpclmulqdq") ? DOC_VAES : 0;
    f |= has(text, "avx512f") && has(text, "avx512bw") && has(text, "avx512dq") && has(text, "avx512vl")
             ? DOC_AVX512
             : 0;
    return f;
}

static void cpu_info(struct doc_snapshot *s)
{
    char line[LINE];
    FILE *f = fopen("/proc/cpuinfo", "re");
    while (f && fgets(line, sizeof line, f)) {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        value[strcspn(value, "\n")] = '\0';
        if (strncmp(line, "model name", 10) == 0 && !s->cpu_model[0])
            snprintf(s->cpu_model, sizeof s->cpu_model, "%s", value + 2);
        else if (strncmp(line, "flags", 5) == 0) {
            s->cpu_flags = flags_of(value);
            break;
        }
    }
    if (f)
        fclose(f);
}

static void set_online(void *ctx, unsigned n)
{
    struct doc_snapshot *s = ctx;
    if (n < DOC_CPUS)
        s->cpus[n].online = true;
}

static void set_isolated(void *ctx, unsigned n)
{
    struct doc_snapshot *s = ctx;
    if (n < DOC_CPUS)
        s->cpus[n].isolated = true;
}

static void set_nohz(void *ctx, unsigned n)
{
    struct doc_snapshot *s = ctx;
    if (n < DOC_CPUS)
        s->cpus[n].nohz_full = true;
}

static void set_sibling(void *ctx, unsigned n)
{
    unsigned *pair = ctx; /* own number, lowest other */
    if (n != pair[0] && pair[1] == pair[0])
        pair[1] = n;
}

struct node_ctx {
    struct doc_snapshot *s;
    int node;
};

static void set_node(void *ctx, unsigned n)
{
    struct node_ctx *c = ctx;
    if (n < DOC_CPUS)
        c->s->cpus[n].node = c->node;
}

static void processors(struct doc_snapshot *s)
{
    char text[LINE];
    cpu_info(s);
    if (!doc_read(text, sizeof text, CPU_DIR "/online"))
        snprintf(text, sizeof text, "0");
    doc_each(text, set_online, s);
    doc_read(text, sizeof text, CPU_DIR "/isolated");
    doc_each(text, set_isolated, s);
    doc_read(text, sizeof text, CPU_DIR "/nohz_full");
    doc_each(text, set_nohz, s);
    for (unsigned c = 0; c < DOC_CPUS; c++) {
        unsigned pair[2] = {c, c};
        s->cpus[c].sibling = c;
        if (!s->cpus[c].online)
            continue;
        if (doc_read(text, sizeof text, CPU_DIR "/cpu%u/topology/thread_siblings_list", c))
            doc_each(text, set_sibling, pair);
        s->cpus[c].sibling = pair[1];
        doc_read(s->cpus[c].governor, sizeof s->cpus[c].governor, CPU_DIR "/cpu%u/cpufreq/scaling_governor",
                 c);
    }
}

/* By its name; what it is to stay away from stands in its environment, which root may read. */
static void irqbalance_look(struct doc_snapshot *s)
{
    static char text[LINE];
    const char variable[] = "IRQBALANCE_BANNED_CPULIST=";
    struct dirent *e;
    DIR *d = opendir("/proc");
    while (d && !s->irqbalance && (e = readdir(d)) != NULL) {
        char name[64];
        if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
            !doc_read(text, sizeof text, "/proc/%.20s/comm", e->d_name) ||
            strncmp(text, "irqbalance", 10) != 0)
            continue;
        s->irqbalance = true;
        snprintf(name, sizeof name, "/proc/%.20s/environ", e->d_name);
        FILE *f = fopen(name, "re");
        const size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
        text[n] = '\0';
        if (f)
            fclose(f);
        for (const char *at = text; at < text + n; at += strlen(at) + 1)
            if (strncmp(at, variable, sizeof variable - 1) == 0)
                snprintf(s->irqbalance_banned, sizeof s->irqbalance_banned, "%s", at + sizeof variable - 1);
    }
    if (d)
        closedir(d);
}

/* ---- memory ---- */
static void huge_add(struct doc_snapshot *s, unsigned node, const char *dir)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    while (d && (e = readdir(d)) != NULL) {
        unsigned long kb;
        if (sscanf(e->d_name, "hugepages-%lukB", &kb) != 1)
            continue;
        uint64_t pages = (uint64_t)doc_number(0, "%s/%s/nr_hugepages", dir, e->d_name);
        uint64_t unused = (uint64_t)doc_number(0, "%s/%s/free_hugepages", dir, e->d_name);
        s->huge[node].total_mb += pages * kb / MIB_KB;
        s->huge[node].free_mb += unused * kb / MIB_KB;
    }
    if (d)
        closedir(d);
}

static void memory(struct doc_snapshot *s)
{
    char text[LINE], dir[128];
    unsigned long kb;
    for (unsigned n = 0; n < DOC_NODES && doc_exists(NODE_DIR "/node%u", n); n++) {
        struct node_ctx c = {s, (int)n};
        s->node_count = n + 1;
        doc_read(text, sizeof text, NODE_DIR "/node%u/cpulist", n);
        doc_each(text, set_node, &c);
        snprintf(dir, sizeof dir, NODE_DIR "/node%u/hugepages", n);
        huge_add(s, n, dir);
    }
    if (s->node_count == 0) {
        s->node_count = 1;
        huge_add(s, 0, "/sys/kernel/mm/hugepages");
    }
    doc_read(text, sizeof text, "/proc/meminfo");
    const char *at = strstr(text, "MemAvailable:");
    if (at && sscanf(at, "MemAvailable: %lu", &kb) == 1)
        s->mem_available_mb = kb / MIB_KB;
}

/* ---- rights, directories, clock ---- */
static void rights(struct doc_snapshot *s)
{
    char text[LINE];
    unsigned long long caps = 0;
    struct rlimit lim = {0, 0};
    s->root = geteuid() == 0;
    s->user_culvert = getpwnam("culvert") != NULL;
    doc_read(text, sizeof text, "/proc/self/status");
    const char *at = strstr(text, "CapEff:");
    if (at && sscanf(at, "CapEff: %llx", &caps) == 1) {
        s->net_admin = caps >> CAP_NET_ADMIN & 1;
        s->ipc_lock = caps >> CAP_IPC_LOCK & 1;
    }
    if (getrlimit(RLIMIT_MEMLOCK, &lim) == 0) {
        s->memlock_unlimited = lim.rlim_cur == RLIM_INFINITY;
        s->memlock_mb = s->memlock_unlimited ? 0 : lim.rlim_cur / MIB_KB / MIB_KB;
    }
}

static void directory(struct doc_snapshot *s)
{
    struct stat st;
    s->run_dir_exists = stat(s->run_dir, &st) == 0;
    s->run_dir_is_dir = s->run_dir_exists && S_ISDIR(st.st_mode);
    s->run_dir_others_write = s->run_dir_is_dir && (st.st_mode & S_IWOTH) != 0;
}

static void clock_look(struct doc_snapshot *s)
{
    struct timex t = {.modes = 0};
    struct tm tm;
    time_t now = time(NULL);
    s->clock_synchronised = adjtimex(&t) != TIME_ERROR && !(t.status & STA_UNSYNC);
    s->clock_plausible = gmtime_r(&now, &tm) && tm.tm_year + 1900 >= MADE_IN;
}

/* Whether the culvert-dp of this run directory is there: its socket is removed when it ends. */
static bool dp_runs(const struct doc_snapshot *s)
{
    return doc_exists("%s/dp.sock", s->run_dir);
}

void doc_gather(struct doc_snapshot *s, const char *config, const char *run_dir, const char *dp_program)
{
    memset(s, 0, sizeof *s);
    platform_init(&s->platform);
    snprintf(s->config, sizeof s->config, "%s", config);
    snprintf(s->run_dir, sizeof s->run_dir, "%s", run_dir);
    configuration(s);
    processors(s);
    irqbalance_look(s);
    memory(s);
    rights(s);
    directory(s);
    clock_look(s);
    s->dp_running = dp_runs(s);
    doc_gather_ports(s);
    doc_dp_ask(&s->dp, dp_program, s->platform.crypto_engine, s->config_error[0] ? NULL : s->config);
}
