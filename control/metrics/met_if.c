#include "control/metrics/met_row.h"

#include <inttypes.h>
#include <stdlib.h>

struct row {
    const char *name;
    struct cv_if_stats stats;
    struct cv_if_drops drops;
};

/* Each interface is read once, though its figures are of several families. NULL: there are none, or memory is short. */
static struct row *rows_read(const struct met_env *env, const struct shm *s, unsigned *count)
{
    struct row *rows = NULL;
    const char *name;
    uint32_t id;
    unsigned n = 0;
    *count = 0;
    while (env->interface(env->ctx, n, &id))
        n++;
    if (n == 0 || !(rows = calloc(n, sizeof *rows)))
        return NULL;
    for (unsigned i = 0; i < n && (name = env->interface(env->ctx, i, &id)); i++) {
        if (id == 0 || id >= CV_MAX_IFS)
            continue;
        rows[*count].name = name;
        shm_if_sum(s, id, &rows[*count].stats, &rows[*count].drops);
        ++*count;
    }
    return rows;
}

static void carried(FILE *f, const struct row *rows, unsigned count, const char *name, const char *help,
                    size_t field)
{
    met_family(f, name, "counter", help);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t *n = (const uint64_t *)(const void *)((const char *)&rows[i].stats + field);
        fprintf(f, "%s{", name);
        met_label(f, "interface", rows[i].name, SIZE_MAX);
        fprintf(f, "} %" PRIu64 "\n", *n);
    }
}

static void drop_row(FILE *f, const char *name, enum cv_dir dir, unsigned reason, uint64_t n)
{
    fputs("culvert_interface_drops_total{", f);
    met_label(f, "interface", name, SIZE_MAX);
    fprintf(f, ",direction=\"%s\",reason=\"%s\"} %" PRIu64 "\n", dir == CV_DIR_IN ? "in" : "out",
            cv_if_drop_name((enum cv_if_drop)reason), n);
}

/* Of thousands of tunnels most have lost nothing for most of the reasons: rows of zeros would be most of the page. */
static void lost(FILE *f, const struct row *rows, unsigned count)
{
    met_family(f, "culvert_interface_drops_total", "counter",
               "Packets that an interface has lost, by direction and reason; none: no row");
    for (unsigned i = 0; i < count; i++)
        for (unsigned r = 0; r < 2 * CV_IF_DROP_COUNT; r++) {
            const enum cv_dir dir = r < CV_IF_DROP_COUNT ? CV_DIR_IN : CV_DIR_OUT;
            const uint64_t n = rows[i].drops.n[dir][r % CV_IF_DROP_COUNT];
            if (n)
                drop_row(f, rows[i].name, dir, r % CV_IF_DROP_COUNT, n);
        }
}

void met_if_text(FILE *f, const struct met_env *env, const struct shm *s)
{
    unsigned n;
    struct row *rows = rows_read(env, s, &n);
    carried(f, rows, n, "culvert_interface_rx_packets_total", "IP packets that came in by an interface",
            offsetof(struct cv_if_stats, rx_packets));
    carried(f, rows, n, "culvert_interface_rx_bytes_total", "Octets of these",
            offsetof(struct cv_if_stats, rx_bytes));
    carried(f, rows, n, "culvert_interface_tx_packets_total", "IP packets that went out by an interface",
            offsetof(struct cv_if_stats, tx_packets));
    carried(f, rows, n, "culvert_interface_tx_bytes_total", "Octets of these",
            offsetof(struct cv_if_stats, tx_bytes));
    lost(f, rows, n);
    free(rows);
}
