#include "dataplane/dp_offload.h"
#include "common/log.h"
#include "dataplane/dp_eal.h"
#include "dataplane/dp_offload_caps.h"
#include "dataplane/dp_offload_html.h"
#include "dataplane/dp_offload_loop.h"
#include "dataplane/dp_offload_option.h"
#include "dataplane/dp_offload_report.h"
#include "dataplane/dp_offload_run.h"

#include <dirent.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EAL_WORDS = 2 * OFFLOAD_ENGINES + 16, HUGEPAGES_MIN = 128, ALARM_SECONDS = 600 };

/* ---- the EAL ---------------------------------------------------------------------------------------------------------- */
bool dp_offload_eal(const struct offload_plan *p)
{
    static char cpu[16], given[OFFLOAD_ENGINES][OFFLOAD_NAME];
    char *argv[EAL_WORDS] = {"culvert-dp", "-l", cpu, "--no-telemetry", "--log-level=lib.*:error",
                             "-m",         "256"};
    int n = 7, pci = 0;
    unsigned cpus[CV_MAX_WORKERS];
    const unsigned count = dp_eal_cpus(cpus, CV_MAX_WORKERS);
    snprintf(cpu, sizeof cpu, "%u", count ? cpus[count - 1] : 0); /* the first serves most interrupts */
    argv[n++] = p->hugepages ? "--in-memory" : "--no-huge";
    if (!p->hugepages)
        argv[n++] = "--no-shconf";
    for (unsigned i = 0; i < p->device_count; i++) {
        snprintf(given[i], sizeof given[i], "%s", p->devices[i]);
        if (!strchr(given[i], ':'))
            continue;
        argv[n++] = "-a";
        argv[n++] = given[i];
        pci++;
    }
    if (pci == 0)
        argv[n++] = "--no-pci";
    return rte_eal_init(n, argv) >= 0;
}

/* ---- devices and engines of the run ----------------------------------------------------------------------------------- */
/* What is bound to vfio-pci: the kernel lets one process have it, so nothing that is in use is touched. */
static void vfio_find(struct offload_plan *p)
{
    DIR *d = opendir("/sys/bus/pci/drivers/vfio-pci");
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        if (strchr(e->d_name, ':') && p->device_count < OFFLOAD_ENGINES)
            snprintf(p->devices[p->device_count++], OFFLOAD_NAME, "%.*s", OFFLOAD_NAME - 1, e->d_name);
    if (d)
        closedir(d);
}

static void engine_add(struct offload_report *r, const char *word)
{
    if (r->engine_count < OFFLOAD_ENGINES)
        snprintf(r->engines[r->engine_count++].word, BENCH_ENGINE_MAX, "%.*s", BENCH_ENGINE_MAX - 1, word);
}

/* Software, DPDK's drivers in either way of working, and the crypto devices that were found on PCI. */
static void engines_all(struct offload_report *r)
{
    static const char *const words[] = {"ipsec-mb",
                                        "vaes",
                                        "cryptodev crypto_aesni_mb cpu",
                                        "cryptodev crypto_aesni_mb look-aside",
                                        "cryptodev crypto_aesni_gcm cpu",
                                        "cryptodev crypto_aesni_gcm look-aside",
                                        "cryptodev crypto_openssl cpu",
                                        "cryptodev crypto_openssl look-aside"};
    for (unsigned i = 0; i < RTE_DIM(words); i++)
        engine_add(r, words[i]);
    for (unsigned i = 0; i < r->device_count; i++) {
        char word[OFFLOAD_NAME + 32];
        snprintf(word, sizeof word, "cryptodev %s look-aside", r->devices[i].name);
        if (!r->devices[i].is_port && strchr(r->devices[i].name, ':'))
            engine_add(r, word);
    }
}

/* ---- processes ---------------------------------------------------------------------------------------------------------- */
/* Waits for a child that fn runs in; false: it died. */
static bool in_child(void (*fn)(struct offload_report *, unsigned), struct offload_report *r, unsigned i)
{
    int status = -1;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(ALARM_SECONDS); /* a driver that hangs must not hang the others' figures */
        fn(r, i);
        (void)rte_eal_cleanup();
        _exit(0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void caps_child(struct offload_report *r, unsigned i)
{
    (void)i;
    dp_offload_caps(&r->plan, r);
}

static void engine_child(struct offload_report *r, unsigned i)
{
    if (dp_offload_caps_inline(r, &r->engines[i]))
        return;
    dp_offload_measure(&r->plan, &r->engines[i], &r->tsc_mhz);
}

/* The loop has nothing that takes turns with it but the bare call, and each cell is a process of its own: what two of the same differ by. */
static void loop_again(struct offload_report *r)
{
    for (unsigned i = 0; i < r->engine_count; i++) {
        const struct offload_engine *e = &r->engines[i];
        if (strcmp(e->word, "ipsec-mb") != 0 || !e->ran || r->plan.loop_size_count == 0)
            continue;
        fprintf(stderr, "culvert-dp: --bench-offload: %s once more, for the noise\n", e->word);
        snprintf(r->again.word, sizeof r->again.word, "%s", e->word);
        memcpy(r->again.took, e->took, sizeof r->again.took);
        dp_offload_loop(&r->plan, &r->again);
    }
}

static bool engines_run(struct offload_report *r, bool asked)
{
    bool ok = true;
    for (unsigned i = 0; i < r->engine_count; i++) {
        struct offload_engine *e = &r->engines[i];
        fprintf(stderr, "culvert-dp: --bench-offload: %s\n", e->word);
        if (!in_child(engine_child, r, i)) {
            e->ran = false;
            snprintf(e->why, sizeof e->why, "the measuring process ended early");
        }
        if (e->ran && r->plan.loop_size_count)
            dp_offload_loop(&r->plan, e);
        if (e->loop_why[0])
            fprintf(stderr, "culvert-dp: --bench-offload: %s in the loop: %s\n", e->word, e->loop_why);
        ok = ok && ((e->ran && !e->loop_why[0]) || !asked);
    }
    loop_again(r);
    return ok;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------ */
static bool file_write(const char *path, void (*write_it)(FILE *, const struct offload_report *),
                       const struct offload_report *r)
{
    FILE *f = path ? fopen(path, "we") : NULL;
    if (!path)
        return true;
    if (f)
        write_it(f, r);
    const bool sound = f && !ferror(f);
    if (f && fclose(f) == 0 && sound)
        return true;
    fprintf(stderr, "culvert-dp: %s:0: could not be written\n", path);
    return false;
}

static unsigned long free_hugepages(void)
{
    unsigned long n = 0;
    FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
    char line[32];
    if (f && fgets(line, sizeof line, f))
        n = strtoul(line, NULL, 10);
    if (f)
        fclose(f);
    return n;
}

static bool measure(struct offload_report *r)
{
    const bool asked = r->engine_count > 0;
    if (!in_child(caps_child, r, 0)) {
        snprintf(r->notes, sizeof r->notes, "the process that looked at the devices ended early");
        r->missing = r->plan.named;
    }
    if (!asked && !r->plan.no_measure)
        engines_all(r);
    return r->plan.no_measure || engines_run(r, asked);
}

int dp_offload_main(int argc, char **argv)
{
    struct offload_report *r =
        mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED)
        return 1;
    log_setup("culvert-dp", LOG_LEVEL_WARNING, NULL, NULL);
    const int bad = dp_offload_options(argc, argv, r);
    if (bad)
        return bad == OFFLOAD_HELP ? 0 : bad;
    r->plan.named = r->plan.device_count > 0;
    if (!r->plan.named)
        vfio_find(&r->plan);
    r->plan.hugepages = free_hugepages() >= HUGEPAGES_MIN;
    double load[1] = {0};
    if (getloadavg(load, 1) == 1)
        r->load = load[0];
    bool ok = measure(r) && !r->missing;
    dp_offload_text(stdout, r);
    ok = file_write(r->plan.json, dp_offload_json, r) && ok;
    ok = file_write(r->plan.html, dp_offload_html, r) && ok;
    return ok ? 0 : 1;
}
