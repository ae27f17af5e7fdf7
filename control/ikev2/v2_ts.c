#include "control/ikev2/v2_ts.h"

#include <string.h>

/* Selectors without those that another one of the list covers; order kept. */
struct list {
    unsigned count;
    struct ts ts[PLD_MAX_TS];
};

static void add(struct list *l, const struct ts *t)
{
    for (unsigned i = 0; i < l->count; i++)
        if (ts_contains(&l->ts[i], t))
            return;
    /* The place of the first selector it covers: the first stays first, for it is what the peer needs most. */
    unsigned kept = 0, at = PLD_MAX_TS;
    for (unsigned i = 0; i < l->count; i++) {
        bool covered = ts_contains(t, &l->ts[i]);
        if (covered && at != PLD_MAX_TS)
            continue;
        if (covered)
            at = kept;
        l->ts[kept++] = covered ? *t : l->ts[i];
    }
    l->count = kept;
    if (at == PLD_MAX_TS)
        l->ts[l->count++] = *t;
}

static void common(const struct pld_ts_list *offered, const struct ts *policy, struct list *out)
{
    out->count = 0;
    for (unsigned i = 0; i < offered->count && i < PLD_MAX_TS; i++) {
        struct ts both;
        if (ts_intersect(&offered->ts[i], policy, &both))
            add(out, &both);
    }
}

static bool compatible(const struct ts *i, const struct ts *r)
{
    return !i->proto || !r->proto || i->proto == r->proto;
}

bool v2_ts_pair(const struct v2_ts_set *set, struct v2_ts_pairs *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < set->i_count; i++)
        for (unsigned r = 0; r < set->r_count; r++) {
            if (!compatible(&set->i[i], &set->r[r]))
                continue;
            if (out->count == CV_TS_MAX)
                return false;
            out->i[out->count] = set->i[i];
            out->r[out->count++] = set->r[r];
        }
    return out->count > 0;
}

/* The first pair whose protocols fit together. */
static bool first_pair(const struct list *i, const struct list *r, struct v2_ts_set *out)
{
    for (unsigned a = 0; a < i->count; a++)
        for (unsigned b = 0; b < r->count; b++)
            if (compatible(&i->ts[a], &r->ts[b])) {
                out->i_count = out->r_count = 1;
                out->i[0] = i->ts[a];
                out->r[0] = r->ts[b];
                return true;
            }
    return false;
}

bool v2_ts_narrow(const struct pld_ts_list *tsi, const struct pld_ts_list *tsr, const struct ts *policy_i,
                  const struct ts *policy_r, struct v2_ts_set *out, bool *more)
{
    struct list i, r;
    struct v2_ts_pairs pairs;
    memset(out, 0, sizeof *out);
    *more = false;
    common(tsi, policy_i, &i);
    common(tsr, policy_r, &r);
    if (i.count <= CV_TS_MAX && r.count <= CV_TS_MAX) {
        memcpy(out->i, i.ts, i.count * sizeof *i.ts);
        memcpy(out->r, r.ts, r.count * sizeof *r.ts);
        out->i_count = i.count;
        out->r_count = r.count;
        if (v2_ts_pair(out, &pairs))
            return true;
    }
    *more = true;
    return first_pair(&i, &r, out);
}

static bool within(const struct pld_ts_list *answer, const struct ts *offered, unsigned n)
{
    for (unsigned a = 0; a < answer->count; a++) {
        bool covered = false;
        for (unsigned o = 0; o < n && !covered; o++)
            covered = ts_contains(&offered[o], &answer->ts[a]);
        if (!covered)
            return false;
    }
    return answer->count > 0;
}

bool v2_ts_accept(const struct pld_ts_list *tsi, const struct pld_ts_list *tsr,
                  const struct v2_ts_set *offered, struct v2_ts_set *out, const char **why)
{
    struct list i = {0}, r = {0};
    struct v2_ts_pairs pairs;
    memset(out, 0, sizeof *out);
    if (!within(tsi, offered->i, offered->i_count) || !within(tsr, offered->r, offered->r_count)) {
        *why = "the peer answered traffic selectors that were not offered";
        return false;
    }
    for (unsigned k = 0; k < tsi->count; k++)
        add(&i, &tsi->ts[k]);
    for (unsigned k = 0; k < tsr->count; k++)
        add(&r, &tsr->ts[k]);
    *why = "the peer answered more traffic selectors than one SA can have here";
    if (i.count > CV_TS_MAX || r.count > CV_TS_MAX)
        return false;
    memcpy(out->i, i.ts, i.count * sizeof *i.ts);
    memcpy(out->r, r.ts, r.count * sizeof *r.ts);
    out->i_count = i.count;
    out->r_count = r.count;
    return v2_ts_pair(out, &pairs);
}

static bool of_one_address(const struct pld_ts_list *list, struct ip_prefix *host)
{
    struct ip_prefix p;
    for (unsigned i = 0; i < list->count; i++) {
        if (!ts_to_prefix(&list->ts[i], &p) || p.len != ip_addr_bits(&p.addr) ||
            (i > 0 && !ip_addr_equal(&p.addr, &host->addr)))
            return false;
        *host = p;
    }
    return list->count > 0;
}

bool v2_ts_seen(const struct pld_ts_list *list, const struct ip_addr *seen, struct pld_ts_list *out)
{
    struct ip_prefix host;
    *out = *list;
    if (!of_one_address(list, &host))
        return false;
    if (!seen)
        return true;
    if (seen->family != host.addr.family || !ip_prefix_make(seen, host.len, &host))
        return false;
    for (unsigned i = 0; i < out->count; i++)
        out->ts[i] = ts_from_prefix(&host, out->ts[i].proto, out->ts[i].port_lo, out->ts[i].port_hi);
    return true;
}
