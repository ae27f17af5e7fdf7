#include "dataplane/dp_offload_loop.h"
#include "dataplane/dp_bench_option.h"
#include "dataplane/dp_bench_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALARM_SECONDS = 120, ROUNDS = 7, HUGEPAGE_MB = 2, HUGEPAGES_SPARE = 44 };
static const double SECONDS = 0.6; /* of all rounds of a cell */

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

static bool in_child(const struct bench_case *c, struct bench_result *shared)
{
    int status = -1;
    memset(shared, 0, sizeof *shared);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(ALARM_SECONDS);
        shared->ok = dp_bench_measure(c, shared);
        _exit(0);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return shared->ok;
    snprintf(shared->err, sizeof shared->err, "the measuring process ended early (status %d)", status);
    return false;
}

static void cell(const struct offload_plan *p, struct offload_engine *e, const unsigned at[3],
                 struct bench_result *shared)
{
    struct bench_case c;
    struct offload_loop *row = &e->loop[at[0]][at[1]][at[2]];
    dp_bench_case_init(&c);
    c.dir = at[1];
    c.size = p->loop_sizes[at[2]];
    c.transform = p->transforms[at[0]];
    c.seconds = SECONDS;
    c.rounds = ROUNDS;
    snprintf(c.engine, sizeof c.engine, "%s", e->word);
    c.hugepages = free_hugepages() >= dp_bench_memory_mb(&c) / HUGEPAGE_MB + HUGEPAGES_SPARE;
    if (!in_child(&c, shared)) {
        snprintf(e->loop_why, sizeof e->loop_why, "%s", shared->err);
        return;
    }
    *row = (struct offload_loop){.done = true,
                                 .mpps = shared->mpps,
                                 .low = shared->mpps_min,
                                 .high = shared->mpps_max,
                                 .mb = shared->limit_mpps,
                                 .cycles = shared->tsc_mhz / shared->mpps};
}

void dp_offload_loop(const struct offload_plan *p, struct offload_engine *e)
{
    struct bench_result *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return;
    for (unsigned t = 0; t < p->transform_count; t++)
        for (unsigned d = 0; e->took[t] && d < OFFLOAD_DIRS; d++)
            for (unsigned z = 0; z < p->loop_size_count && !e->loop_why[0]; z++)
                cell(p, e, (const unsigned[3]){t, d, z}, shared);
    munmap(shared, sizeof *shared);
}

double dp_offload_loop_ratio(const struct offload_report *r, const struct offload_engine *e,
                             unsigned transform, unsigned dir, unsigned size)
{
    const struct offload_loop *it = &e->loop[transform][dir][size];
    for (unsigned i = 0; i < r->engine_count && it->done; i++) {
        const struct offload_loop *mb = &r->engines[i].loop[transform][dir][size];
        if (strcmp(r->engines[i].word, "ipsec-mb") == 0 && mb->done)
            return it->mpps / it->mb / (mb->mpps / mb->mb);
    }
    return 0;
}
