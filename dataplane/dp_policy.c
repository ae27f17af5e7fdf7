#include "dataplane/dp_policy.h"
#include "dataplane/dp_rcu.h"

#include <rte_lcore.h>
#include <stdlib.h>

struct dp_policy_open {
    struct dp_policy_open *next;
    uint32_t if_id;
    uint32_t count, room;
    bool broken; /* a row was refused */
    struct cv_policy *rows;
};

/* ---- transactions ------------------------------------------------------------------------------------------------ */
static struct dp_policy_open **find(struct dp_policy_opens *o, uint32_t if_id)
{
    struct dp_policy_open **at = &o->first;
    while (*at && (*at)->if_id != if_id)
        at = &(*at)->next;
    return at;
}

static void forget(struct dp_policy_open **at)
{
    struct dp_policy_open *gone = *at;
    if (!gone)
        return;
    *at = gone->next;
    free(gone->rows);
    free(gone);
}

void dp_policy_abandon(struct dp_policy_opens *o)
{
    while (o->first)
        forget(&o->first);
}

cv_result dp_policy_begin(struct dp *dp, struct dp_policy_opens *o, uint32_t if_id)
{
    const struct ip_if *on = if_id != 0 && if_id < CV_MAX_IFS ? ip_if_get(&dp->ifs, if_id) : NULL;
    if (!on)
        return CV_ENOENT;
    if (on->kind != CV_IF_PORT)
        return CV_EINVAL;
    forget(find(o, if_id));
    struct dp_policy_open *new = calloc(1, sizeof *new);
    if (!new)
        return CV_ENOMEM;
    new->if_id = if_id;
    new->next = o->first;
    o->first = new;
    return CV_OK;
}

/* Keeps them by order; of equal order the first said comes first. They mostly come in order. */
static cv_result insert(struct dp_policy_open *t, const struct cv_policy *row)
{
    if (t->count == CV_POLICY_ROWS_MAX)
        return CV_ENOSPC;
    if (t->count == t->room) {
        uint32_t room = t->room ? t->room * 2 : 16;
        struct cv_policy *rows = realloc(t->rows, room * sizeof *rows);
        if (!rows)
            return CV_ENOMEM;
        t->rows = rows;
        t->room = room;
    }
    uint32_t at = t->count++;
    for (; at > 0 && t->rows[at - 1].order > row->order; at--)
        t->rows[at] = t->rows[at - 1];
    t->rows[at] = *row;
    return CV_OK;
}

cv_result dp_policy_add(struct dp_policy_opens *o, const struct cv_policy *row)
{
    struct dp_policy_open *t = *find(o, row->if_id);
    if (!t)
        return CV_ENOENT;
    cv_result r = ip_policy_row_ok(row) ? insert(t, row) : CV_EINVAL;
    if (r != CV_OK)
        t->broken = true;
    return r;
}

/* ---- publication --------------------------------------------------------------------------------------------------- */
static void policy_free(void *p)
{
    ip_policy_free(p);
}

static void publish(struct dp *dp, uint32_t if_id, struct ip_policy *new)
{
    struct ip_policy *old = dp->policies[if_id];
    __atomic_store_n(&dp->policies[if_id], new, __ATOMIC_RELEASE);
    dp_rcu_defer(policy_free, old);
}

static bool flows_stand(const struct dp *dp, const struct dp_policy_open *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->rows[i].flow_if == 0)
            continue;
        const struct ip_if *flow = ip_if_get(&dp->ifs, t->rows[i].flow_if);
        if (!flow || flow->kind != CV_IF_FLOW || flow->conf.flow_port != t->if_id)
            return false;
    }
    return true;
}

static cv_result compile(struct dp *dp, const struct dp_policy_open *t)
{
    struct ip_policy *new = NULL;
    if (t->broken)
        return CV_EINVAL;
    if (!flows_stand(dp, t))
        return CV_ENOENT;
    if (t->count > 0)
        CV_TRY(ip_policy_new(t->rows, t->count, (int)rte_socket_id(), &new));
    publish(dp, t->if_id, new);
    dp_rcu_barrier(); /* what a worker began under the old policy is done when the answer comes */
    return CV_OK;
}

/* What was to be protected does not go in clear because its policy was refused: where none is in force, nothing passes; beside one that has no rows of
 * a family, nothing of that family. */
static void refuse(struct dp *dp, const struct dp_policy_open *t)
{
    static const uint8_t families[] = {IP_V4, IP_V6};
    struct ip_policy *old = dp->policies[t->if_id];
    if (!old) {
        publish(dp, t->if_id, ip_policy_closed());
        return;
    }
    for (unsigned v6 = 0; v6 < RTE_DIM(families); v6++)
        for (uint32_t i = 0; !old->table[v6] && i < t->count; i++)
            if (ip_policy_row_protects(&t->rows[i], families[v6])) {
                ip_policy_close(old, families[v6]);
                dp_rcu_changed();
                break;
            }
}

cv_result dp_policy_commit(struct dp *dp, struct dp_policy_opens *o, uint32_t if_id)
{
    struct dp_policy_open **at = find(o, if_id);
    if (!*at)
        return CV_ENOENT;
    cv_result r = compile(dp, *at);
    if (r != CV_OK)
        refuse(dp, *at);
    forget(at);
    return r;
}

void dp_policy_remove(struct dp *dp, struct dp_policy_opens *o, uint32_t if_id)
{
    uint32_t from = if_id ? if_id : 1, to = if_id ? if_id : CV_MAX_IFS - 1;
    for (uint32_t id = from; id <= to; id++) {
        forget(find(o, id));
        if (!dp->policies[id])
            continue;
        dp_rcu_barrier(); /* no worker sends by the port any more: none may find it without its policy */
        publish(dp, id, NULL);
    }
}
