#include "control/sa/sam_priv.h"

#include <stdlib.h>
#include <string.h>

static struct cv_sa_ref cmd_ref(const struct cv_cmd *cmd)
{
    switch (cmd->type) {
    case CV_CMD_SA_ADD:
        return cmd->u.sa.ref;
    case CV_CMD_SA_SET_PEER:
        return cmd->u.sa_peer.ref;
    default:
        return cmd->u.sa_ref;
    }
}

static struct sam_slots *table(struct sam *s, const struct cv_sa_ref *ref)
{
    return ref->dir == CV_DIR_IN ? &s->in : &s->out;
}

cv_result sam_cmd_now(struct sam *s, struct cv_cmd *cmd, uint32_t child_id)
{
    struct sam_pending *p = calloc(1, sizeof *p);
    if (!p)
        return CV_ENOMEM;
    cv_result r = s->conf.link->command(s->conf.link->ctx, cmd, &p->seq);
    if (r != CV_OK) {
        free(p);
        return r;
    }
    p->type = cmd->type;
    p->child_id = child_id;
    p->ref = cmd_ref(cmd);
    struct sam_pending *old = NULL;
    HASH_REPLACE(hh, s->pending, seq, sizeof p->seq, p, old);
    free(old);
    return CV_OK;
}

void sam_cmd_must(struct sam *s, const struct cv_cmd *cmd, uint32_t child_id)
{
    struct cv_cmd copy = *cmd;
    if (!s->deferred && sam_cmd_now(s, &copy, child_id) == CV_OK)
        return;
    struct sam_deferred *d = calloc(1, sizeof *d);
    if (!d)
        return; /* out of memory: the slot stays quarantined, the SA ends at its own hard lifetime */
    d->cmd = *cmd;
    d->child_id = child_id;
    if (s->deferred_last)
        s->deferred_last->next = d;
    else
        s->deferred = d;
    s->deferred_last = d;
    s->deferred_at = sam_now(s) + SAM_RETRY_MS;
}

void sam_cmd_delete(struct sam *s, const struct cv_sa_ref *ref)
{
    struct cv_cmd cmd;
    memset(&cmd, 0, sizeof cmd);
    cmd.type = CV_CMD_SA_DEL;
    cmd.u.sa_ref = *ref;
    sam_slots_quarantine(table(s, ref), ref->sa_id);
    sam_cmd_must(s, &cmd, 0);
}

void sam_cmd_retry(struct sam *s)
{
    while (s->deferred) {
        struct sam_deferred *d = s->deferred;
        if (sam_cmd_now(s, &d->cmd, d->child_id) != CV_OK) {
            s->deferred_at = sam_now(s) + SAM_RETRY_MS;
            return;
        }
        s->deferred = d->next;
        if (!s->deferred)
            s->deferred_last = NULL;
        free(d);
    }
    s->deferred_at = UINT64_MAX;
}

static void child_failed(struct sam *s, uint32_t id, cv_result r)
{
    struct sam_child *c = sam_child_by_id(s, id);
    if (!c || c->state == SAM_RETIRING)
        return;
    c->active = false;
    if (s->conf.up.install_failed)
        s->conf.up.install_failed(s->conf.up.ctx, c, r);
    c = sam_child_by_id(s, id); /* the upcall may have deleted it */
    if (c)
        sam_entry_destroy(s, sam_entry_of(c));
}

/* An SA that the data plane refused is not there: its twin goes, and IKE hears of it. */
static void add_failed(struct sam *s, const struct sam_pending *p, cv_result r)
{
    /* EEXIST: somebody else's SA lies in that slot. The slot is not offered again while this data plane lives. */
    struct sam_slots *t = table(s, &p->ref);
    if (sam_slots_state(t, p->ref.sa_id) == SAM_SLOT_INSTALLED) { /* else its SA_DEL is out and frees it */
        if (r == CV_EEXIST)
            sam_slots_quarantine(t, p->ref.sa_id);
        else
            sam_slots_release(t, p->ref.sa_id);
    }
    struct sam_child *c = sam_child_by_id(s, p->child_id);
    if (!c)
        return;
    if (p->ref.dir == CV_DIR_IN)
        sam_entry_of(c)->have_in = false;
    else
        sam_entry_of(c)->have_out = false;
    child_failed(s, p->child_id, r);
}

void sam_cmd_reply(struct sam *s, uint32_t seq, const struct cv_reply *r)
{
    struct sam_pending *p = NULL;
    HASH_FIND(hh, s->pending, &seq, sizeof seq, p);
    if (!p || p->type != r->cmd)
        return;
    HASH_DELETE(hh, s->pending, p);
    if (p->type == CV_CMD_SA_DEL) /* gone, whether it was there or not */
        sam_slots_release(table(s, &p->ref), p->ref.sa_id);
    else if (p->type == CV_CMD_SA_ADD && r->result != CV_OK)
        add_failed(s, p, (cv_result)r->result);
    else if (p->type == CV_CMD_SA_ACTIVATE && r->result != CV_OK)
        child_failed(s, p->child_id,
                     (cv_result)r->result); /* an SA that cannot send must not look as if it did */
    free(p);
}

void sam_cmd_forget(struct sam *s)
{
    struct sam_pending *p, *next;
    HASH_ITER (hh, s->pending, p, next) {
        HASH_DELETE(hh, s->pending, p);
        free(p);
    }
    while (s->deferred) {
        struct sam_deferred *d = s->deferred;
        s->deferred = d->next;
        free(d);
    }
    s->deferred_last = NULL;
    s->deferred_at = UINT64_MAX;
}
