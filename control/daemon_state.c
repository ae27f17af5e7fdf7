#include "control/daemon_state.h"

#include "control/runtime/rt_loop.h"
#include "control/sa/sam.h"

#include <stdlib.h>

enum {
    SAVE_AFTER_MS = 100, /* many SAs come and go at once: one write for all of them */
    UNWRITTEN_LIFE_S =
        60, /* of an SA that was installed after the last write, where the data plane has no limit */
};

void daemon_dirty(struct daemon *d)
{
    if (d->save_armed)
        return;
    d->save_armed = true;
    rt_timer_at(d->save_timer, rt_now_ms() + SAVE_AFTER_MS);
}

static uint64_t wall_of(uint64_t at_ms)
{
    uint64_t now = rt_now_ms();
    return at_ms == UINT64_MAX ? 0 : rt_wall_ms() + (at_ms > now ? at_ms - now : 0);
}

/* What is on its way out is not remembered: after a restart it is deleted, as it would have been. */
static void children_collect(struct daemon *d)
{
    unsigned n = 0;
    struct sam_child *all = sam_children(ike_sam(d->ike));
    for (const struct sam_child *c = all; c; c = c->next)
        n++;
    free(d->state.children);
    d->state.child_count = 0;
    d->state.children = calloc(n + 1, sizeof *d->state.children);
    for (const struct sam_child *c = all; c && d->state.children; c = c->next)
        if (c->state != SAM_RETIRING)
            d->state.children[d->state.child_count++] = (struct rt_child){c->cookie, wall_of(c->hard_at_ms)};
}

void daemon_save(struct daemon *d)
{
    d->save_armed = false;
    /* Until the data plane has been asked what it still holds, the loaded list is the true one. */
    if (d->told_ready)
        children_collect(d);
    cv_result r = rt_state_save(d->start.state_dir, &d->state);
    if (r != CV_OK)
        log_error("culvert.state cannot be written: %s", cv_result_text(r));
}

uint64_t daemon_remaining_s(void *ctx, uint64_t cookie)
{
    const struct daemon *d = ctx;
    for (unsigned i = 0; i < d->state.child_count; i++) {
        const struct rt_child *c = &d->state.children[i];
        if (c->cookie != cookie)
            continue;
        uint64_t now = rt_wall_ms();
        if (c->expires_wall_ms == 0)
            return UINT64_MAX;
        return c->expires_wall_ms > now ? (c->expires_wall_ms - now) / 1000u : 0;
    }
    /* Installed in the moment before the crash: it lives until its successor has been negotiated. What was being
     * taken down then has lost its outbound half, and is not adopted for that. */
    return UNWRITTEN_LIFE_S;
}
