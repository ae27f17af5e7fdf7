#include "control/tools/exp_dp.h"

#include "common/secret.h"

#include <string.h>

void exp_dp_init(struct exp_dp *d, const struct cfg *c)
{
    memset(d, 0, sizeof *d);
    d->cfg = c;
}

void exp_dp_wipe(struct exp_dp *d)
{
    secret_wipe(d, sizeof *d);
}

bool exp_dp_next(struct exp_dp *d, struct cv_evt *out)
{
    if (!d->event_count)
        return false;
    *out = d->events[d->event_head];
    d->event_head = (d->event_head + 1) % EXP_DP_EVENTS;
    d->event_count--;
    return true;
}

static struct exp_dp_sa *slot(struct exp_dp *d, const struct cv_sa_ref *ref)
{
    if (ref->sa_id >= EXP_DP_SLOTS)
        return NULL;
    return ref->dir == CV_DIR_IN ? &d->in[ref->sa_id] : &d->out[ref->sa_id];
}

static struct exp_dp_sa *find(struct exp_dp *d, const struct cv_sa_ref *ref)
{
    struct exp_dp_sa *s = slot(d, ref);
    return s && s->used && s->sa.ref.spi == ref->spi ? s : NULL;
}

static cv_result add(struct exp_dp *d, const struct cv_sa *sa)
{
    struct exp_dp_sa *s = slot(d, &sa->ref);
    if (!s)
        return CV_EINVAL;
    if (s->used)
        return CV_EEXIST;
    *s = (struct exp_dp_sa){.used = true, .sa = *sa};
    return CV_OK;
}

static cv_result run(struct exp_dp *d, const struct cv_cmd *cmd)
{
    struct exp_dp_sa *s;
    switch (cmd->type) {
    case CV_CMD_SA_ADD:
        return add(d, &cmd->u.sa);
    case CV_CMD_SA_ACTIVATE:
        s = find(d, &cmd->u.sa_ref);
        if (s)
            s->active = true;
        return s ? CV_OK : CV_ENOENT;
    case CV_CMD_SA_DEL:
        s = find(d, &cmd->u.sa_ref);
        if (s)
            secret_wipe(s, sizeof *s);
        return s ? CV_OK : CV_ENOENT;
    case CV_CMD_SA_SET_PEER:
        s = find(d, &cmd->u.sa_peer.ref);
        if (s)
            s->sa.remote = cmd->u.sa_peer.remote;
        return s ? CV_OK : CV_ENOENT;
    default:
        return CV_EUNSUP;
    }
}

static cv_result command(void *ctx, const struct cv_cmd *cmd, uint32_t *seq)
{
    struct exp_dp *d = ctx;
    if (d->event_count == EXP_DP_EVENTS)
        return CV_ENOSPC;
    struct cv_evt *ev = &d->events[(d->event_head + d->event_count++) % EXP_DP_EVENTS];
    memset(ev, 0, sizeof *ev);
    ev->type = CV_EVT_REPLY;
    ev->seq = ++d->seq;
    ev->u.reply.cmd = cmd->type;
    ev->u.reply.result = (int32_t)run(d, cmd);
    if (seq)
        *seq = d->seq;
    return CV_OK;
}

static cv_result counters(void *ctx, const struct cv_sa_ref *ref, struct cv_sa_counters *out,
                          uint64_t *idle_ms)
{
    memset(out, 0, sizeof *out);
    *idle_ms = UINT64_MAX;
    return find(ctx, ref) ? CV_OK : CV_ENOENT;
}

static unsigned index_bits(void *ctx)
{
    (void)ctx;
    return EXP_DP_BITS;
}

static unsigned workers(void *ctx)
{
    (void)ctx;
    return 1;
}

static uint32_t if_id(void *ctx, const char *name)
{
    const struct cfg *c = ((struct exp_dp *)ctx)->cfg;
    for (unsigned i = 0; i < c->interface_count; i++)
        if (strcmp(c->interfaces[i].name, name) == 0)
            return i + 1;
    return 0;
}

static const char *if_name(void *ctx, uint32_t id)
{
    const struct cfg *c = ((struct exp_dp *)ctx)->cfg;
    return id >= 1 && id <= c->interface_count ? c->interfaces[id - 1].name : NULL;
}

struct sam_link exp_dp_link(struct exp_dp *d)
{
    return (struct sam_link){.ctx = d,
                             .sa_index_bits = index_bits,
                             .command = command,
                             .counters = counters,
                             .if_id = if_id,
                             .if_name = if_name,
                             .workers = workers};
}

const struct cv_sa *exp_dp_sending(const struct exp_dp *d, const char *interface)
{
    uint32_t id = if_id((void *)(uintptr_t)d, interface);
    for (unsigned i = 0; i < EXP_DP_SLOTS; i++)
        if (d->out[i].used && d->out[i].active && d->out[i].sa.if_id == id)
            return &d->out[i].sa;
    return NULL;
}

static bool same_keys(const struct cv_sa *a, const struct cv_sa *b)
{
    return a->proto == b->proto && a->encr == b->encr && a->integ == b->integ && a->mode == b->mode &&
           a->encr_key_len == b->encr_key_len && a->integ_key_len == b->integ_key_len &&
           secret_equal(a->encr_key, b->encr_key, sizeof a->encr_key) &&
           secret_equal(a->salt, b->salt, sizeof a->salt) &&
           secret_equal(a->integ_key, b->integ_key, sizeof a->integ_key);
}

bool exp_dp_opens(const struct exp_dp *other, const struct cv_sa *out)
{
    const struct exp_dp_sa *s = &other->in[cv_spi_slot(out->ref.spi, EXP_DP_BITS)];
    return s->used && s->sa.ref.spi == out->ref.spi && same_keys(&s->sa, out);
}
