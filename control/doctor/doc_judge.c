#include "control/doctor/doc_judge.h"

#include <stdio.h>
#include <string.h>

enum { NO_HUGE_SPARE_MB = 64 };

static void config(const struct doc_snapshot *s, struct doc_findings *f)
{
    if (s->config_error[0]) {
        doc_add(f, DOC_RED, "configuration", NULL, "%s", s->config_error);
        doc_remedy(f, "`culvert check %s` tells the whole of it; another file: --config FILE", s->config);
        return;
    }
    doc_add(f, DOC_GREEN, "configuration", NULL, "%s: %u workers, %u ports, memory %s %u MiB", s->config,
            s->platform.workers, s->platform.port_count, s->platform.hugepages ? "hugepages" : "no-huge",
            s->platform.memory_mb);
    if (s->platform.port_count == 0)
        doc_add(f, DOC_RED, "ports",
                "under `platform dataplane`: port Ethernet0/0 pci 0000:03:00.0 (`culvert-bind status` lists "
                "cards)",
                "the platform section names none: nothing comes in or goes out");
}

static void processor(const struct doc_snapshot *s, struct doc_findings *f)
{
    const char *model = s->cpu_model[0] ? s->cpu_model : "unknown processor";
    if (!(s->cpu_flags & DOC_SSE42)) {
        doc_add(f, DOC_RED, "processor",
                "a processor of 2009 or later; in a virtual machine let the host's through (-cpu host)",
                "%s has no SSE4.2, which the programs are built for", model);
        return;
    }
    if ((s->cpu_flags & (DOC_AES | DOC_PCLMUL)) != (DOC_AES | DOC_PCLMUL)) {
        doc_add(f, DOC_YELLOW, "processor",
                "turn AES-NI on in the firmware; in a virtual machine use -cpu host",
                "%s has no AES-NI: AES is done in software, slowly", model);
        return;
    }
    doc_add(f, DOC_GREEN, "processor", NULL, "%s: AES-NI%s%s%s", model,
            s->cpu_flags & DOC_AVX2 ? ", AVX2" : "", s->cpu_flags & DOC_VAES ? ", VAES" : "",
            s->cpu_flags & DOC_AVX512 ? ", AVX-512" : "");
}

static void engine_line(const struct doc_engine *e, bool wanted, struct doc_findings *f)
{
    if (e->untried)
        doc_add(f, DOC_GREEN, "crypto engine", NULL, "%s: its device is tried when culvert-dp starts",
                e->name);
    else if (e->passed)
        doc_add(f, DOC_GREEN, "crypto engine", NULL, "%s (%s): known-answer tests passed", e->name,
                e->device);
    else if (e->usable)
        doc_add(f, wanted ? DOC_RED : DOC_YELLOW, "crypto engine", "it is not used; report it with this line",
                "%s failed its known-answer tests: %s", e->name, e->why);
    else
        doc_add(f, wanted ? DOC_RED : DOC_GREEN, "crypto engine", wanted ? "write crypto-engine auto" : NULL,
                "%s cannot be used here: %s", e->name, e->why);
}

/* Drivers of DPDK 22.11 with inline IPsec for ESP; whether the card at hand has it, its port says at the start. */
static bool may_be_inline(const struct doc_dp *d)
{
    static const char *const drivers[] = {"net_ixgbe", "net_ixgbe_vf", "net_txgbe", "net_iavf",
                                          "net_cn9k",  "net_cn9k_vf",  "net_cn10k", "net_cn10k_vf"};
    for (unsigned i = 0; i < d->device_count; i++)
        for (unsigned k = 0; k < sizeof drivers / sizeof drivers[0]; k++)
            if (strcmp(d->devices[i].driver, drivers[k]) == 0)
                return true;
    return false;
}

/* Engines over devices stand on software: its tests pass where no device does anything. */
static void configured(const struct doc_snapshot *s, struct doc_findings *f)
{
    const struct doc_engine *e = &s->dp.configured;
    if (e->passed && strcmp(e->name, "inline") == 0 && !may_be_inline(&s->dp))
        doc_add(f, DOC_YELLOW, "crypto engine",
                "write crypto-engine auto, or take a card with inline IPsec (docs/offload.md names drivers)",
                "inline: no port does it, software does all");
    else if (e->passed && strcmp(e->name, "inline") == 0)
        doc_add(
            f, DOC_GREEN, "crypto engine", NULL,
            "inline: a port may do it and says so at the start; the software beside it (%s): known-answer "
            "tests passed",
            e->device);
    else if (e->passed && strcmp(e->name, "cryptodev") == 0 && e->transforms == 0)
        doc_add(
            f, DOC_YELLOW, "crypto engine",
            "write crypto-engine auto, or a device that does AES (`culvert bench offload --capabilities`)",
            "%s: the device does no transform of ESP or AH, software does all", s->platform.crypto_engine);
    else
        engine_line(e, true, f);
}

static void data_plane(const struct doc_snapshot *s, struct doc_findings *f)
{
    const struct doc_dp *d = &s->dp;
    if (!d->ran) {
        doc_add(f, DOC_RED, "data plane", "install it beside culvert (package culvert, or ./run build)",
                "culvert-dp does not answer: %s", d->why);
        return;
    }
    doc_add(f, DOC_GREEN, "versions", NULL, "%s, ipsec-mb %s", d->dpdk, d->ipsec_mb);
    const char *word = s->platform.crypto_engine;
    for (unsigned i = 0; i < d->engine_count; i++) {
        bool wanted = strcmp(d->engines[i].name, d->configured.name) == 0;
        if (!wanted)
            engine_line(&d->engines[i], false, f);
    }
    if (!d->configured.name[0])
        doc_add(f, DOC_RED, "crypto engine", "write crypto-engine auto",
                "crypto-engine %s is not in this build", word);
    else
        configured(s, f);
}

static void hugepages(const struct doc_snapshot *s, struct doc_findings *f)
{
    uint64_t total = 0, free_mb = 0;
    for (unsigned n = 0; n < s->node_count; n++) {
        total += s->huge[n].total_mb;
        free_mb += s->huge[n].free_mb;
    }
    unsigned wanted = s->platform.memory_mb;
    if (s->dp_running && total >= wanted)
        doc_add(f, DOC_GREEN, "memory", NULL,
                "hugepages: %lu MiB, of which the running culvert-dp has its share", (unsigned long)total);
    else if (free_mb >= wanted)
        doc_add(f, DOC_GREEN, "memory", NULL, "hugepages: %lu MiB free, %u wanted", (unsigned long)free_mb,
                wanted);
    else {
        doc_add(f, DOC_RED, "memory", NULL, "hugepages: %lu MiB free of %lu, %u wanted",
                (unsigned long)free_mb, (unsigned long)total, wanted);
        doc_remedy(f, "culvert-hugepages set --mib %lu, then persistent --mib %lu",
                   (unsigned long)(total - free_mb + wanted), (unsigned long)(total - free_mb + wanted));
    }
}

static void memory(const struct doc_snapshot *s, struct doc_findings *f)
{
    if (s->platform.hugepages) {
        hugepages(s, f);
        return;
    }
    uint64_t wanted = s->platform.memory_mb + NO_HUGE_SPARE_MB;
    bool enough = s->dp_running || s->mem_available_mb >= wanted;
    doc_add(f, enough ? DOC_GREEN : DOC_RED, "memory",
            enough ? NULL : "lower `memory no-huge MIB`, or end what uses the memory",
            "no-huge: %lu MiB available, %u wanted", (unsigned long)s->mem_available_mb,
            s->platform.memory_mb);
}

static void limits(const struct doc_snapshot *s, struct doc_findings *f)
{
    if (!s->root)
        doc_add(f, DOC_YELLOW, "rights", "ask again as root, or start culvert by systemd",
                "not root: ports, hugepages and devices want it at the start (culvertd gives it up itself)");
    else if (!s->net_admin)
        doc_add(f, DOC_RED, "rights", "give the container NET_ADMIN, NET_RAW and IPC_LOCK",
                "root without CAP_NET_ADMIN: a container?");
    else
        doc_add(f, DOC_GREEN, "rights", NULL, "root, with CAP_NET_ADMIN");
    if (!s->user_culvert)
        doc_add(f, DOC_YELLOW, "user", "useradd --system --no-create-home --shell /usr/sbin/nologin culvert",
                "no user culvert: the control process runs as nobody, which other services may share");
    if (s->memlock_unlimited || s->ipc_lock || s->memlock_mb >= s->platform.memory_mb)
        doc_add(f, DOC_GREEN, "locked memory", NULL, "not limited below what is wanted");
    else
        doc_add(f, DOC_YELLOW, "locked memory", "ulimit -l unlimited; the unit says LimitMEMLOCK=infinity",
                "limited to %lu MiB, %u wanted: vfio-pci cannot map its memory", (unsigned long)s->memlock_mb,
                s->platform.memory_mb);
}

static void run_dir(const struct doc_snapshot *s, struct doc_findings *f)
{
    if (!s->run_dir_exists)
        doc_add(f, DOC_GREEN, "run directory", NULL, "%s is made at the start", s->run_dir);
    else if (!s->run_dir_is_dir) {
        doc_add(f, DOC_RED, "run directory", NULL, "%s is no directory", s->run_dir);
        doc_remedy(f, "remove it, or start with --run-dir DIR");
    } else if (s->run_dir_others_write) {
        doc_add(f, DOC_RED, "run directory", NULL,
                "%s can be written by everybody: so can the sockets in it be replaced", s->run_dir);
        doc_remedy(f, "chmod o-w %s", s->run_dir);
    } else
        doc_add(f, DOC_GREEN, "run directory", NULL, "%s", s->run_dir);
}

static void clock_line(const struct doc_snapshot *s, struct doc_findings *f)
{
    if (!s->clock_plausible)
        doc_add(f, s->trustpoints ? DOC_RED : DOC_YELLOW, "time",
                "set the clock, and install systemd-timesyncd or chrony",
                "the clock stands before this program was made%s",
                s->trustpoints ? ": no certificate will be valid" : "");
    else if (!s->clock_synchronised)
        doc_add(f, DOC_YELLOW, "time", "install systemd-timesyncd or chrony",
                "the clock is not synchronised%s",
                s->trustpoints ? ", and certificates are judged by it"
                               : ": logs and lifetimes of other machines will not agree with it");
    else
        doc_add(f, DOC_GREEN, "time", NULL, "synchronised");
}

void doc_judge(const struct doc_snapshot *s, struct doc_findings *f)
{
    memset(f, 0, sizeof *f);
    config(s, f);
    processor(s, f);
    data_plane(s, f);
    if (!s->config_error[0]) { /* without a configuration nothing is wanted of these */
        memory(s, f);
        doc_judge_cores(s, f);
        doc_judge_ports(s, f);
    }
    limits(s, f);
    run_dir(s, f);
    clock_line(s, f);
}
