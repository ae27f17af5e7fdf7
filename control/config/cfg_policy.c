#include "control/config/cfg_policy.h"

#include <stdlib.h>
#include <string.h>

/* A line of an access list as a box: what it takes of local and remote. */
struct line {
    bool permit;
    const struct cfg_interface *flow; /* permit only */
    struct ts local, remote;
};

/* The lines of one entry of the map. */
struct list {
    enum cv_policy_action action; /* of its permit lines */
    unsigned first, count;        /* in `lines` */
};

struct flattening {
    const struct cfg *c;
    const struct cfg_interface *port;
    const struct cfg_crypto_map *map; /* whose entries are walked */
    unsigned next_flow;               /* flows stand in the order of the walk, so one look at each will do */
    unsigned list_count, line_count, row_count;
    struct list *lists;
    struct line *lines;
    struct cfg_policy_row *rows;
    unsigned open; /* deny lines whose bypass is still to come */
};

/* Room for one more element, at most CV_POLICY_ROWS_MAX. */
static cv_result grow(void *array, unsigned count, size_t size)
{
    void *items;
    if (count >= CV_POLICY_ROWS_MAX)
        return CV_ENOSPC;
    if ((count & (count - 1)) != 0)
        return CV_OK;
    memcpy(&items, array, sizeof items); /* `array` is the address of a typed pointer */
    items = reallocarray(items, count ? 2 * (size_t)count : 1, size);
    if (!items)
        return CV_ENOMEM;
    memcpy(array, &items, sizeof items);
    return CV_OK;
}

/* ---- the map, line by line ---------------------------------------------------------------------------------- */
static const struct cfg_interface *flow_of(struct flattening *f, unsigned seq, unsigned dynamic_seq,
                                           unsigned ace)
{
    for (; f->next_flow < f->c->interface_count; f->next_flow++) {
        const struct cfg_interface *x = &f->c->interfaces[f->next_flow];
        if (x->flow && strcmp(x->flow->port, f->port->name) == 0 && strcmp(x->flow->map, f->map->name) == 0 &&
            x->flow->seq == seq && x->flow->dynamic_seq == dynamic_seq && x->flow->ace == ace) {
            f->next_flow++;
            return x;
        }
    }
    return NULL;
}

static cv_result add_line(struct flattening *f, const struct line *x)
{
    CV_TRY(grow(&f->lines, f->line_count, sizeof *f->lines));
    f->lines[f->line_count++] = *x;
    f->lists[f->list_count - 1].count++;
    return CV_OK;
}

/* An entry; dynamic_seq is 0 in a static map. */
static cv_result add_entry(struct flattening *f, const struct cfg_map_entry *e, unsigned seq,
                           unsigned dynamic_seq)
{
    const struct cfg_acl *acl = cfg_find_acl(f->c, e->acl);
    if (!cfg_map_entry_complete(f->c, e, dynamic_seq != 0))
        return CV_OK;
    CV_TRY(grow(&f->lists, f->list_count, sizeof *f->lists));
    f->lists[f->list_count++] = (struct list){.action = dynamic_seq == 0 ? CV_POLICY_PROTECT
                                                        : acl            ? CV_POLICY_PROTECT_ONLY
                                                                         : CV_POLICY_PROTECT_IF,
                                              .first = f->line_count};
    if (!acl)
        return add_line(f, &(struct line){.permit = true,
                                          .flow = flow_of(f, seq, dynamic_seq, 0),
                                          .local = ts_any(IP_V4),
                                          .remote = ts_any(IP_V4)});
    for (unsigned i = 0; i < acl->ace_count; i++) {
        const struct cfg_ace *a = &acl->aces[i];
        struct line x = {.permit = a->permit,
                         .flow = a->permit ? flow_of(f, seq, dynamic_seq, a->seq) : NULL,
                         .local = a->local,
                         .remote = a->remote};
        CV_TRY(add_line(f, &x));
    }
    return CV_OK;
}

static cv_result add_map(struct flattening *f, const struct cfg_crypto_map *m)
{
    f->map = m;
    for (unsigned i = 0; i < m->entry_count; i++) {
        const struct cfg_map_entry *e = &m->entries[i];
        const struct cfg_crypto_map *dynamic = e->dynamic[0] ? cfg_find_map(f->c, e->dynamic, true) : NULL;
        for (unsigned k = 0; dynamic && k < dynamic->entry_count; k++)
            CV_TRY(add_entry(f, &dynamic->entries[k], e->seq, dynamic->entries[k].seq));
        if (!e->dynamic[0])
            CV_TRY(add_entry(f, e, e->seq, 0));
    }
    return CV_OK;
}

/* ---- the rows ------------------------------------------------------------------------------------------------ */
static cv_result add_row(struct flattening *f, enum cv_policy_action action, const struct cfg_interface *flow,
                         const struct ts *local, const struct ts *remote)
{
    CV_TRY(grow(&f->rows, f->row_count, sizeof *f->rows));
    f->rows[f->row_count++] =
        (struct cfg_policy_row){.action = action, .flow = flow, .local = *local, .remote = *remote};
    return CV_OK;
}

static cv_result add_box(struct flattening *f, unsigned from, const struct ts *local,
                         const struct ts *remote);

/* `deny` with jump: the later entries decide about what it matches; none of them does: in clear. Each open deny will add a row, so the
 * limit of the rows bounds the depth, too. */
static cv_result jump(struct flattening *f, unsigned next, const struct ts *local, const struct ts *remote)
{
    if (f->row_count + ++f->open > CV_POLICY_ROWS_MAX)
        return CV_ENOSPC;
    CV_TRY(add_box(f, next, local, remote));
    f->open--;
    return add_row(f, CV_POLICY_BYPASS, NULL, local, remote);
}

/* The rows of all lines from list `from` on, cut to the box. */
static cv_result add_box(struct flattening *f, unsigned from, const struct ts *local, const struct ts *remote)
{
    for (unsigned l = from; l < f->list_count; l++)
        for (unsigned i = 0; i < f->lists[l].count; i++) {
            const struct line *x = &f->lines[f->lists[l].first + i];
            struct ts a, b;
            if (!ts_intersect(local, &x->local, &a) || !ts_intersect(remote, &x->remote, &b))
                continue;
            if (x->permit) /* a flow that is not there would let the packet out: rather nothing passes */
                CV_TRY(add_row(f, x->flow ? f->lists[l].action : CV_POLICY_DISCARD, x->flow, &a, &b));
            else if (a.family == IP_V6 || f->c->ipv4_deny == CFG_DENY_JUMP)
                CV_TRY(jump(f, l + 1, &a, &b));
            else
                CV_TRY(add_row(f, f->c->ipv4_deny == CFG_DENY_DROP ? CV_POLICY_DISCARD : CV_POLICY_BYPASS,
                               NULL, &a, &b));
            if (ts_equal(&a, local) && ts_equal(&b, remote))
                return CV_OK; /* all of the box is decided */
        }
    return CV_OK;
}

cv_result cfg_policy_rows(const struct cfg *c, const struct cfg_interface *port, struct cfg_policy_row **rows,
                          unsigned *count)
{
    const struct cfg_crypto_map *maps[] = {cfg_map_on(c, port, false), cfg_map_on(c, port, true)};
    struct flattening f = {.c = c, .port = port};
    struct ts four = ts_any(IP_V4), six = ts_any(IP_V6);
    *rows = NULL;
    *count = 0;
    cv_result r = CV_OK;
    for (unsigned i = 0; i < 2 && r == CV_OK; i++)
        r = maps[i] && !port->shutdown ? add_map(&f, maps[i]) : CV_OK;
    if (r == CV_OK)
        r = add_box(&f, 0, &four, &four);
    if (r == CV_OK)
        r = add_box(&f, 0, &six, &six);
    free(f.lists);
    free(f.lines);
    if (r != CV_OK) {
        free(f.rows);
        return r;
    }
    *rows = f.rows;
    *count = f.row_count;
    return CV_OK;
}
