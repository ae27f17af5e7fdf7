#include "dataplane/dp_life.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = DP_LIFE_BLOCK, OVER = 0 /* the end of what was due */ };

static uint32_t blocks(const struct dp_life *l)
{
    return (l->count + BLOCK - 1) / BLOCK;
}

cv_result dp_life_init(struct dp_life *l, uint32_t ids)
{
    *l = (struct dp_life){.count = ids};
    l->at = blocks(l);
    l->end = malloc(ids * sizeof *l->end);
    l->first = malloc(blocks(l) * sizeof *l->first);
    if (!l->end || !l->first) {
        dp_life_fini(l);
        return CV_ENOMEM;
    }
    memset(l->end, 0xff, ids * sizeof *l->end); /* DP_LIFE_NEVER */
    memset(l->first, 0xff, blocks(l) * sizeof *l->first);
    return CV_OK;
}

void dp_life_fini(struct dp_life *l)
{
    free(l->end);
    free(l->first);
    *l = (struct dp_life){0};
}

size_t dp_life_bytes(const struct dp_life *l)
{
    return (l->count + (size_t)blocks(l)) * sizeof *l->end;
}

void dp_life_set(struct dp_life *l, uint32_t id, uint32_t end)
{
    l->end[id] = end > OVER ? end : OVER + 1;
    if (l->end[id] < l->first[id / BLOCK])
        l->first[id / BLOCK] = l->end[id];
}

uint32_t dp_life_left_s(const struct dp_life *l, uint32_t id, uint32_t now)
{
    const uint32_t end = l->end[id];
    if (end == DP_LIFE_NEVER)
        return 0;
    return end > now && end - now > DP_LIFE_SECOND ? (end - now) / DP_LIFE_SECOND : 1;
}

static void look_at(struct dp_life *l, uint32_t block, uint32_t now, dp_life_due_fn *due, void *ctx)
{
    const uint32_t from = block * BLOCK, to = l->count - from < BLOCK ? l->count : from + BLOCK;
    uint32_t first = DP_LIFE_NEVER;
    for (uint32_t id = from; id < to; id++) {
        if (l->end[id] == OVER)
            continue;
        if (l->end[id] <= now) {
            l->end[id] = OVER;
            due(ctx, id);
        } else if (l->end[id] < first) {
            first = l->end[id];
        }
    }
    l->first[block] = first;
}

bool dp_life_look(struct dp_life *l, uint32_t now, dp_life_due_fn *due, void *ctx)
{
    if (l->at >= blocks(l)) {
        if (now == l->looked)
            return false;
        l->looked = now;
        l->at = 0;
    }
    while (l->at < blocks(l)) {
        const uint32_t block = l->at++;
        if (l->first[block] > now)
            continue;
        look_at(l, block, now, due, ctx);
        return true;
    }
    return false;
}
