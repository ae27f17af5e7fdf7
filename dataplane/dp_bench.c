#include "dataplane/dp_bench.h"
#include "common/log.h"
#include "dataplane/dp_bench_option.h"
#include "dataplane/dp_bench_report.h"
#include "dataplane/dp_bench_run.h"
#include "dataplane/dp_bench_svg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HUGEPAGES_SPARE = 44, HUGEPAGE_KIB = 2048 };

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
    for (unsigned d = 0; d < BENCH_DIRS; d++)
        for (unsigned i = 0; p->dirs[d] && i < p->size_count; i++) {
            struct bench_row *row = &p->rows[p->row_count];
            row->c = p->base;
            row->c.dir = d;
            row->c.size = p->sizes[i];
            if (in_child(dp_bench_measure, &row->c, &row->r)) {
                dp_bench_print(row);
                p->row_count++;
            } else {
                fprintf(stderr, "culvert-dp: --bench: %s\n", row->r.err);
                ok = false;
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
    static struct bench_plan p;
    log_setup("culvert-dp", LOG_LEVEL_WARNING, NULL, NULL);
    int bad = dp_bench_options(argc, argv, &p);
    if (bad)
        return bad == BENCH_HELP ? 0 : bad;
    char why[96];
    if (eng_isa_limit(p.base.isa, why, sizeof why) !=
        CV_OK) { /* of this process, and the cases are its children */
        fprintf(stderr, "culvert-dp: --bench: --isa %s: %s\n", eng_isa_name(p.base.isa), why);
        return 2;
    }
    p.base.hugepages = meminfo("Hugepagesize") == HUGEPAGE_KIB &&
                       meminfo("HugePages_Free") >= dp_bench_memory_mb(&p.base) / 2 + HUGEPAGES_SPARE;
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
