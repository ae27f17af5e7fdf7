#include "control/doctor/doc_file.h"
#include "control/doctor/doc_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned online_count(const struct doc_snapshot *s)
{
    unsigned n = 0;
    for (unsigned c = 0; c < DOC_CPUS; c++)
        n += s->cpus[c].online;
    return n;
}

/* The text was checked when the configuration was read. */
static unsigned lcores_read(const char *text, unsigned *cpus)
{
    unsigned n = 0;
    while (*text) {
        char *end;
        unsigned long lo = strtoul(text, &end, 10), hi = lo;
        if (end == text)
            return n;
        if (*end == '-')
            hi = strtoul(end + 1, &end, 10);
        for (unsigned long c = lo; c <= hi && n < CV_MAX_WORKERS; c++)
            cpus[n++] = (unsigned)c;
        text = end + (*end == ',');
    }
    return n;
}

unsigned doc_worker_cpus(const struct doc_snapshot *s, unsigned cpus[CV_MAX_WORKERS])
{
    unsigned n = 0, skip = 1; /* the first is the manager's */
    if (s->platform.lcores[0])
        return lcores_read(s->platform.lcores, cpus);
    if (online_count(s) <= s->platform.workers)
        return 0;
    for (unsigned c = 0; c < DOC_CPUS && n < s->platform.workers && n < CV_MAX_WORKERS; c++)
        if (s->cpus[c].online && skip-- == 0) {
            cpus[n++] = c;
            skip = 0;
        }
    return n;
}

static void list_add(char *list, size_t room, unsigned c)
{
    size_t used = strlen(list);
    snprintf(list + used, room - used, "%s%u", used ? "," : "", c);
}

/* Processors of cpus[] for which the test holds, as "2,3". */
typedef bool cpu_test(const struct doc_snapshot *s, unsigned c, const unsigned *cpus, unsigned n);

static bool cpu_off(const struct doc_snapshot *s, unsigned c, const unsigned *cpus, unsigned n)
{
    (void)cpus, (void)n;
    return c >= DOC_CPUS || !s->cpus[c].online;
}

static bool cpu_not_isolated(const struct doc_snapshot *s, unsigned c, const unsigned *cpus, unsigned n)
{
    (void)cpus, (void)n;
    return !s->cpus[c].isolated || !s->cpus[c].nohz_full;
}

struct banned {
    unsigned cpu;
    bool found;
};

static void banned_look(void *ctx, unsigned n)
{
    struct banned *b = ctx;
    b->found = b->found || n == b->cpu;
}

/* irqbalance leaves isolated processors alone by itself, as long as it is given no list. */
static bool cpu_balanced(const struct doc_snapshot *s, unsigned c, const unsigned *cpus, unsigned n)
{
    struct banned b = {c, false};
    (void)cpus, (void)n;
    if (!s->irqbalance_banned[0])
        return !s->cpus[c].isolated && !s->cpus[c].nohz_full;
    doc_each(s->irqbalance_banned, banned_look, &b);
    return !b.found;
}

static bool cpu_slow(const struct doc_snapshot *s, unsigned c, const unsigned *cpus, unsigned n)
{
    (void)cpus, (void)n;
    return s->cpus[c].governor[0] && strcmp(s->cpus[c].governor, "performance") != 0;
}

static bool cpu_shares(const struct doc_snapshot *s, unsigned c, const unsigned *cpus, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (cpus[i] != c && s->cpus[c].sibling == cpus[i])
            return true;
    return false;
}

static bool matching(const struct doc_snapshot *s, cpu_test *test, const unsigned *cpus, unsigned n,
                     char list[DOC_NAME])
{
    list[0] = '\0';
    for (unsigned i = 0; i < n; i++)
        if (test(s, cpus[i], cpus, n))
            list_add(list, DOC_NAME, cpus[i]);
    return list[0] != '\0';
}

static void quality(const struct doc_snapshot *s, const unsigned *cpus, unsigned n, struct doc_findings *f)
{
    char list[DOC_NAME], all[DOC_NAME] = "";
    for (unsigned i = 0; i < n; i++)
        list_add(all, sizeof all, cpus[i]);
    unsigned before = f->count;
    if (matching(s, cpu_shares, cpus, n, list))
        doc_add(f, DOC_YELLOW, "cores", "give each worker a core: `culvert-cores status` shows siblings",
                "processors %s are threads of one core", list);
    if (s->platform.hugepages && matching(s, cpu_not_isolated, cpus, n, list)) {
        doc_add(f, DOC_YELLOW, "cores", NULL,
                "processors %s are not isolated: the kernel interrupts their workers", list);
        doc_remedy(f, "culvert-cores apply %s --persistent; it prints the kernel's command line, too", all);
    }
    if (s->platform.hugepages && s->irqbalance && matching(s, cpu_balanced, cpus, n, list)) {
        doc_add(f, DOC_YELLOW, "cores", NULL, "irqbalance runs: it puts interrupts on processors %s again",
                list);
        doc_remedy(f, "culvert-cores apply %s --persistent tells it to stay away", all);
    }
    if (matching(s, cpu_slow, cpus, n, list)) {
        doc_add(f, DOC_YELLOW, "cores", NULL, "governor of processors %s is %s", list,
                s->cpus[cpus[0]].governor);
        doc_remedy(f, "culvert-cores apply %s", all);
    }
    if (f->count == before)
        doc_add(f, DOC_GREEN, "cores", NULL, "workers on %s", all);
}

void doc_judge_cores(const struct doc_snapshot *s, struct doc_findings *f)
{
    unsigned cpus[CV_MAX_WORKERS], n = doc_worker_cpus(s, cpus), online = online_count(s);
    char list[DOC_NAME];
    if (n == 0) {
        doc_add(f, s->platform.hugepages ? DOC_YELLOW : DOC_GREEN, "cores",
                s->platform.hugepages ? "fewer workers, or more processors: polling workers want one each"
                                      : NULL,
                "%u workers and the manager share %u processors", s->platform.workers, online);
        return;
    }
    if (matching(s, cpu_off, cpus, n, list)) {
        doc_add(f, DOC_RED, "cores",
                "write another list behind lcores (`culvert-cores status` shows the processors)",
                "lcores %s: processor %s is not online", s->platform.lcores, list);
        return;
    }
    quality(s, cpus, n, f);
}
