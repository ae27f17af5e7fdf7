#include "control/sa/sam_priv.h"

#include <stdlib.h>

/* Section 5 defaults: rekeying begins 30 s before the time limit, or 256 KB before the volume limit. At 10 Gb/s 256 KB
 * are 0.2 ms, so the volume margin is 15 % where that is more. */
enum { SOFT_MARGIN_S = 30, VOLUME_MARGIN_PERCENT = 15 };

/* Up to `most`: both ends of a tunnel have the same lifetimes and should not rekey at the same moment (RFC 7296 2.8). */
static uint64_t jitter(struct sam *s, uint64_t most)
{
    return most ? sam_random32(s) % (most + 1) : 0;
}

static uint64_t at_most(uint64_t v, uint64_t limit)
{
    return v < limit ? v : limit;
}

void sam_life_start(struct sam *s, struct sam_entry *e, uint64_t lifetime_s)
{
    e->c.soft_at_ms = e->c.hard_at_ms = UINT64_MAX;
    if (lifetime_s == 0 || lifetime_s > UINT64_MAX / 2000)
        return;
    uint64_t life = lifetime_s * 1000, now = sam_now(s);
    uint64_t margin = at_most(SOFT_MARGIN_S * 1000, life / 4);
    margin += jitter(s, at_most(SOFT_MARGIN_S * 1000, life / 10));
    e->c.hard_at_ms = now + life;
    e->c.soft_at_ms = e->c.hard_at_ms - margin;
}

void sam_life_volume(struct sam *s, uint64_t hard, uint64_t floor, uint64_t *soft)
{
    *soft = 0;
    if (hard == 0)
        return;
    uint64_t margin = hard / 100 * VOLUME_MARGIN_PERCENT;
    if (margin < floor)
        margin = floor;
    margin += jitter(s, at_most(hard / 20, UINT32_MAX - 1));
    *soft = hard - at_most(margin, hard / 2);
}

/* ---- idleness -------------------------------------------------------------------------------------------- */
static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* False while the data plane does not say. */
static bool look_for_use(struct sam *s, struct sam_child *c)
{
    const struct sam_link *l = s->conf.link;
    const struct cv_sa_ref *refs[] = {&c->in, &c->out};
    uint64_t now = sam_now(s);
    const unsigned directions = sam_entry_of(c)->have_out ? 2 : 1; /* else it only receives */
    for (unsigned i = 0; i < directions; i++) {
        struct cv_sa_counters counters;
        uint64_t idle;
        if (l->counters(l->ctx, refs[i], &counters, &idle) != CV_OK)
            return false;
        if (counters.packets == c->used_packets[i]) /* dummy packets are authentic, too, and no use */
            continue;
        c->used_packets[i] = counters.packets;
        if (idle <= now)
            c->used_at_ms = later(c->used_at_ms, now - idle);
    }
    return true;
}

/* A child that a rekey puts beside another is as idle as that one: else a tunnel that is rekeyed more often than its
 * idle time would never end. */
void sam_life_idle_start(struct sam *s, struct sam_entry *e, uint32_t idle_s)
{
    struct sam_child *newest = NULL;
    e->c.idle_ms = (uint64_t)idle_s * 1000;
    e->c.used_at_ms = e->c.installed_ms;
    if (!e->c.idle_ms)
        return;
    for (struct sam_child *o = sam_children_of(s, e->c.owner); o; o = o->next_of_owner)
        if (o != &e->c && o->state == SAM_INSTALLED && o->if_id == e->c.if_id && look_for_use(s, o) &&
            (!newest || o->used_at_ms > newest->used_at_ms))
            newest = o;
    if (newest)
        e->c.used_at_ms = newest->used_at_ms;
    e->c.idle_at_ms = e->c.used_at_ms + e->c.idle_ms;
}

/* RFC 9611 4: the SA that is for all stays as long as those of single workers carry what there is. */
static void look_for_use_beside(struct sam *s, struct sam_child *c)
{
    for (struct sam_child *o = sam_children_of(s, c->owner); o; o = o->next_of_owner)
        if (o->worker != CV_WORKER_ANY && o->state == SAM_INSTALLED && o->if_id == c->if_id &&
            look_for_use(s, o))
            c->used_at_ms = later(c->used_at_ms, o->used_at_ms);
}

static void idle_due(struct sam *s, struct sam_entry *e)
{
    uint32_t id = e->c.id;
    uint64_t now = sam_now(s);
    if (e->c.worker == CV_WORKER_ANY && e->c.owner)
        look_for_use_beside(s, &e->c);
    if (!look_for_use(s, &e->c) || e->c.replaced_by) {
        e->c.idle_at_ms = now + e->c.idle_ms; /* nothing known; or its successor is the one to look at */
        sam_life_update(s, e);
        return;
    }
    e->c.idle_at_ms = e->c.used_at_ms + e->c.idle_ms;
    if (e->c.idle_at_ms > now) {
        sam_life_update(s, e);
        return;
    }
    if (s->conf.up.idle)
        s->conf.up.idle(s->conf.up.ctx, &e->c);
    struct sam_child *c = sam_child_by_id(s, id);
    if (c && c->state != SAM_RETIRING)
        sam_entry_destroy(s, sam_entry_of(c));
}

/* ---- heap by due time ------------------------------------------------------------------------------------ */
static void place(struct sam *s, size_t at, struct sam_entry *e)
{
    s->heap[at] = e;
    e->heap_at = at;
}

static void sift(struct sam *s, size_t at)
{
    struct sam_entry *e = s->heap[at];
    while (at > 0 && s->heap[(at - 1) / 2]->due > e->due) {
        place(s, at, s->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t kid = 2 * at + 1;
        if (kid >= s->heap_len)
            break;
        if (kid + 1 < s->heap_len && s->heap[kid + 1]->due < s->heap[kid]->due)
            kid++;
        if (s->heap[kid]->due >= e->due)
            break;
        place(s, at, s->heap[kid]);
        at = kid;
    }
    place(s, at, e);
}

static uint64_t due_of(const struct sam_child *c)
{
    if (c->state == SAM_RETIRING)
        return at_most(c->remove_at_ms, c->hard_at_ms);
    uint64_t due = at_most(c->hard_at_ms, c->idle_at_ms);
    return c->soft_fired ? due : at_most(c->soft_at_ms, due);
}

cv_result sam_life_add(struct sam *s, struct sam_entry *e)
{
    if (s->heap_len == s->heap_cap) {
        size_t cap = s->heap_cap ? s->heap_cap * 2 : 64;
        struct sam_entry **heap = realloc(s->heap, cap * sizeof(struct sam_entry *));
        if (!heap)
            return CV_ENOMEM;
        s->heap = heap;
        s->heap_cap = cap;
    }
    e->due = due_of(&e->c);
    place(s, s->heap_len++, e);
    sift(s, e->heap_at);
    return CV_OK;
}

void sam_life_remove(struct sam *s, struct sam_entry *e)
{
    size_t at = e->heap_at;
    if (at >= s->heap_len || s->heap[at] != e)
        return;
    struct sam_entry *last = s->heap[--s->heap_len];
    if (last == e)
        return;
    place(s, at, last);
    sift(s, at);
}

void sam_life_update(struct sam *s, struct sam_entry *e)
{
    e->due = due_of(&e->c);
    if (e->heap_at < s->heap_len && s->heap[e->heap_at] == e)
        sift(s, e->heap_at);
}

/* ---- what comes due ---------------------------------------------------------------------------------------- */
void sam_life_soft(struct sam *s, struct sam_entry *e, enum sam_why why)
{
    if (e->c.soft_fired || e->c.state == SAM_RETIRING)
        return;
    e->c.soft_fired = true;
    sam_life_update(s, e);
    if (s->conf.up.rekey)
        s->conf.up.rekey(s->conf.up.ctx, &e->c, why);
}

void sam_life_hard(struct sam *s, struct sam_entry *e)
{
    uint32_t id = e->c.id;
    if (e->c.state != SAM_RETIRING && s->conf.up.expired)
        s->conf.up.expired(s->conf.up.ctx, &e->c);
    struct sam_child *c = sam_child_by_id(s, id);
    if (c)
        sam_entry_destroy(s, sam_entry_of(c));
}

uint64_t sam_next_timer(const struct sam *s)
{
    uint64_t next = s->deferred ? s->deferred_at : UINT64_MAX;
    return s->heap_len ? at_most(next, s->heap[0]->due) : next;
}

void sam_timer(struct sam *s)
{
    uint64_t now = sam_now(s);
    if (s->deferred && s->deferred_at <= now)
        sam_cmd_retry(s);
    /* Every round marks a child's soft lifetime, puts its next look off or takes a child out, so it ends. */
    while (s->heap_len && s->heap[0]->due <= now) {
        struct sam_entry *e = s->heap[0];
        bool gone = e->c.hard_at_ms <= now || (e->c.state == SAM_RETIRING && e->c.remove_at_ms <= now);
        if (gone)
            sam_life_hard(s, e);
        else if (e->c.idle_at_ms <= now)
            idle_due(s, e);
        else
            sam_life_soft(s, e, SAM_SOFT_TIME);
    }
}
