/* dp_life: when the time of each SA is up. culvertd ends SAs itself, but may be away: the manager closes them all the same.
 *
 * A time is a number of eighths of a second; NEVER has no end. Setting one costs nothing. Each eighth one word per DP_LIFE_BLOCK ids is
 * looked at, and those blocks whole that have something due: one of them in a call, so that many ends at once hold nobody up who waits
 * for the manager. Manager only. */
#ifndef DATAPLANE_DP_LIFE_H
#define DATAPLANE_DP_LIFE_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DP_LIFE_SECOND = 8 /* times in it */, DP_LIFE_BLOCK = 1024 };
#define DP_LIFE_NEVER UINT32_MAX

struct dp_life {
    uint32_t count, looked; /* ids; the time at which the last round of looks began */
    uint32_t at;            /* the block that it goes on with */
    uint32_t *end;          /* of each id */
    uint32_t *first;        /* of each block: nothing in it ends before */
};

CV_MUST_USE cv_result dp_life_init(struct dp_life *l, uint32_t ids); /* CV_ENOMEM */
void dp_life_fini(struct dp_life *l);
size_t dp_life_bytes(const struct dp_life *l);
void dp_life_set(struct dp_life *l, uint32_t id, uint32_t end);
/* What is left until the end, in seconds and at least 1 when it has one; 0: it has none. */
uint32_t dp_life_left_s(const struct dp_life *l, uint32_t id, uint32_t now);
/* Calls due for ids whose end is not after now, once each: they stay due, and dp_life_left_s says 1, until they are set again. At most
 * DP_LIFE_BLOCK of them; true: there may be more, to be called again soon. now never goes back. due must not call here. */
typedef void dp_life_due_fn(void *ctx, uint32_t id);
bool dp_life_look(struct dp_life *l, uint32_t now, dp_life_due_fn *due, void *ctx);

#endif
