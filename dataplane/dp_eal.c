#include "dataplane/dp_eal.h"
#include "common/log.h"
#include "dataplane/io/io_port.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

unsigned dp_eal_cpus(unsigned *cpus, unsigned max)
{
    cpu_set_t set;
    unsigned n = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (unsigned i = 0; i < CPU_SETSIZE && n < max; i++)
        if (CPU_ISSET(i, &set))
            cpus[n++] = i;
    return n;
}

bool dp_eal_may_use(unsigned cpu)
{
    cpu_set_t own, more;
    if (cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof own, &own) != 0)
        return false;
    more = own;
    CPU_SET(cpu, &more);
    /* What the process may not have the kernel leaves out. The thread stays where it is, as that is among them. */
    const bool may = sched_setaffinity(0, sizeof more, &more) == 0 &&
                     sched_getaffinity(0, sizeof more, &more) == 0 && CPU_ISSET(cpu, &more);
    if (sched_setaffinity(0, sizeof own, &own) != 0)
        log_warning("a thread could not go back to its processors");
    return may;
}

static CV_PRINTF(2, 3) bool add(struct dp_eal_args *a, const char *fmt, ...)
{
    va_list ap;
    if (a->argc == DP_EAL_ARGS)
        return false;
    char *to = a->text[a->argc];
    va_start(ap, fmt);
    int n = vsnprintf(to, DP_EAL_ARG_MAX, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= DP_EAL_ARG_MAX)
        return false;
    a->argv[a->argc++] = to;
    a->argv[a->argc] = NULL;
    return true;
}

/* "(0,1,5)": at most what fits; EAL takes any subset. */
static void cpu_list(const unsigned *cpus, unsigned n, char *out, size_t room)
{
    size_t at = (size_t)snprintf(out, room, "(");
    for (unsigned i = 0; i < n && at + 8 < room; i++)
        at += (size_t)snprintf(out + at, room - at, "%s%u", i ? "," : "", cpus[i]);
    snprintf(out + at, room - at, ")");
}

static bool contains(const unsigned *list, unsigned n, unsigned v)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i] == v)
            return true;
    return false;
}

static bool add_pinned(struct dp_eal_args *a, const char *main_cpus, const unsigned *worker_cpus,
                       unsigned workers)
{
    char map[DP_EAL_ARG_MAX];
    size_t at = (size_t)snprintf(map, sizeof map, "--lcores=0@%s", main_cpus);
    for (unsigned w = 0; w < workers && at + 16 < sizeof map; w++)
        at += (size_t)snprintf(map + at, sizeof map - at, ",%u@%u", w + 1, worker_cpus[w]);
    if (workers < CV_MAX_WORKERS) /* asleep until they are workers: each then goes to its processor */
        snprintf(map + at, sizeof map - at, ",(%u-%u)@%s", workers + 1, CV_MAX_WORKERS, main_cpus);
    return add(a, "%s", map);
}

bool dp_eal_spreads(const struct platform *p, unsigned cpu_count)
{
    return !p->lcores[0] && p->hugepages && cpu_count > p->workers;
}

void dp_eal_place(const struct platform *p, const unsigned *cpus, unsigned cpu_count, unsigned worker,
                  unsigned cpu, cpu_set_t *out)
{
    CPU_ZERO(out);
    if (cpu == CV_CPU_ANY && dp_eal_spreads(p, cpu_count) && worker + 1 < cpu_count)
        cpu = cpus[worker + 1];
    if (cpu != CV_CPU_ANY) {
        CPU_SET(cpu, out);
        return;
    }
    for (unsigned i = 0; i < cpu_count; i++)
        CPU_SET(cpus[i], out);
}

static bool add_lcores(struct dp_eal_args *a, const struct platform *p, const unsigned *cpus,
                       unsigned cpu_count)
{
    char all[288];
    unsigned named[CV_MAX_WORKERS];
    cpu_list(cpus, cpu_count, all, sizeof all);
    if (p->lcores[0]) {
        unsigned n = platform_lcores(p, named, CV_MAX_WORKERS);
        char main_cpu[24];
        for (unsigned i = 0; i < cpu_count; i++)
            if (!contains(named, n, cpus[i])) { /* a processor without a worker is the manager's */
                snprintf(main_cpu, sizeof main_cpu, "%u", cpus[i]);
                return add_pinned(a, main_cpu, named, n);
            }
        return add_pinned(a, all, named, n);
    }
    if (dp_eal_spreads(p, cpu_count)) {
        char main_cpu[24];
        snprintf(main_cpu, sizeof main_cpu, "%u", cpus[0]);
        return add_pinned(a, main_cpu, cpus + 1, p->workers);
    }
    return add(a, "--lcores=(0-%u)@%s", CV_MAX_WORKERS, all);
}

static bool add_ports(struct dp_eal_args *a, const struct platform *p)
{
    char device[256];
    bool pci = false;
    for (unsigned i = 0; i < p->port_count; i++) {
        io_port_device(&p->ports[i], i, device, sizeof device);
        pci = pci || p->ports[i].is_pci;
        if (!add(a, p->ports[i].is_pci ? "--allow=%s" : "--vdev=%s", device))
            return false;
    }
    char crypto[16];
    platform_crypto_pci(p, crypto);
    if (crypto[0] && !add(a, "--allow=%s", crypto))
        return false;
    return pci || crypto[0] || add(a, "--no-pci");
}

cv_result dp_eal_args(const struct platform *p, const unsigned *cpus, unsigned cpu_count, int extra_count,
                      char **extra, struct dp_eal_args *out)
{
    memset(out, 0, sizeof *out);
    bool ok = add(out, "culvert-dp") && add(out, "--no-shconf") && add(out, "--log-level=*:error") &&
              add(out, "--file-prefix=culvert-%d", (int)getpid()) && add(out, "--main-lcore=0");
    /* Both sizes are of the whole process: the EAL spreads hugepages over the sockets itself. */
    ok = ok && add(out, p->hugepages ? "--in-memory" : "--no-huge") && add(out, "-m") &&
         add(out, "%u", p->memory_mb);
    ok = ok && add_lcores(out, p, cpus, cpu_count) && add_ports(out, p);
    for (unsigned i = 0; ok && i < p->eal_arg_count; i++)
        ok = add(out, "%s", p->eal_args[i]);
    for (int i = 0; ok && i < extra_count; i++)
        ok = add(out, "%s", extra[i]);
    return ok ? CV_OK : CV_ENOSPC;
}
