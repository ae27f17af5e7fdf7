#include "control/sa/sam_slot.h"

#include <stdlib.h>
#include <string.h>

cv_result sam_slots_init(struct sam_slots *t, uint32_t count)
{
    memset(t, 0, sizeof *t);
    t->state = calloc(count, sizeof *t->state);
    t->spi = calloc(count, sizeof *t->spi);
    t->owner = calloc(count, sizeof *t->owner);
    if (!t->state || !t->spi || !t->owner) {
        sam_slots_free(t);
        return CV_ENOMEM;
    }
    t->count = count;
    return CV_OK;
}

void sam_slots_free(struct sam_slots *t)
{
    free(t->state);
    free(t->spi);
    free(t->owner);
    memset(t, 0, sizeof *t);
}

static void reserve(struct sam_slots *t, uint32_t slot)
{
    t->state[slot] = SAM_SLOT_RESERVED;
    t->used++;
}

cv_result sam_slots_take(struct sam_slots *t, uint32_t *slot)
{
    if (t->used >= t->count)
        return CV_ENOSPC;
    uint32_t at = t->cursor;
    while (t->state[at] != SAM_SLOT_FREE)
        at = at + 1 < t->count ? at + 1 : 0;
    t->cursor = at + 1 < t->count ? at + 1 : 0;
    reserve(t, at);
    *slot = at;
    return CV_OK;
}

cv_result sam_slots_take_of(struct sam_slots *t, unsigned workers, unsigned worker, uint32_t *slot)
{
    uint32_t at = t->cursor;
    for (uint32_t i = 0; i < t->count; i++, at = at + 1 < t->count ? at + 1 : 0) {
        if (t->state[at] != SAM_SLOT_FREE || at % CV_BUCKETS % workers != worker)
            continue;
        reserve(t, at); /* the cursor stays: the slots passed by are others' */
        *slot = at;
        return CV_OK;
    }
    return CV_ENOSPC;
}

cv_result sam_slots_take_in(struct sam_slots *t, uint32_t bucket, uint32_t *slot)
{
    const uint32_t step = t->count < CV_BUCKETS ? t->count : CV_BUCKETS, first = bucket % step;
    uint32_t at = t->in_bucket[bucket % CV_BUCKETS];
    if (at % step != first)
        at = first;
    for (uint32_t i = 0; i < t->count / step; i++) {
        at = at + step < t->count ? at + step : first;
        if (t->state[at] != SAM_SLOT_FREE)
            continue;
        t->in_bucket[bucket % CV_BUCKETS] = at;
        reserve(t, at);
        *slot = at;
        return CV_OK;
    }
    return CV_ENOSPC;
}

cv_result sam_slots_claim(struct sam_slots *t, uint32_t slot)
{
    if (slot >= t->count)
        return CV_EINVAL;
    if (t->state[slot] != SAM_SLOT_FREE)
        return CV_EEXIST;
    reserve(t, slot);
    return CV_OK;
}

void sam_slots_install(struct sam_slots *t, uint32_t slot, uint32_t spi, void *owner)
{
    t->state[slot] = SAM_SLOT_INSTALLED;
    t->spi[slot] = spi;
    t->owner[slot] = owner;
}

void sam_slots_quarantine(struct sam_slots *t, uint32_t slot)
{
    if (slot >= t->count || t->state[slot] == SAM_SLOT_FREE)
        return;
    t->state[slot] = SAM_SLOT_QUARANTINE;
    t->owner[slot] = NULL;
}

void sam_slots_release(struct sam_slots *t, uint32_t slot)
{
    if (slot >= t->count || t->state[slot] == SAM_SLOT_FREE)
        return;
    t->state[slot] = SAM_SLOT_FREE;
    t->spi[slot] = 0;
    t->owner[slot] = NULL;
    t->used--;
}

void sam_slots_lost(struct sam_slots *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->state[i] == SAM_SLOT_INSTALLED || t->state[i] == SAM_SLOT_QUARANTINE)
            sam_slots_release(t, i);
}

enum sam_slot_state sam_slots_state(const struct sam_slots *t, uint32_t slot)
{
    return slot < t->count ? (enum sam_slot_state)t->state[slot] : SAM_SLOT_FREE;
}
