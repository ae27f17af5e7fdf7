/* eng_inline_told: what NICs say of SAs on threads of their own, handed to the manager: nothing is lost, nothing blocks.
 *
 * Each session has a slot with one word: its generation, and a bit per kind of event. The driver's thread sets a bit if the generation
 * is that of the userdata it was given, in one compare-and-swap; the manager takes the bits. An event of a session that is gone finds
 * another generation. Since bits are kept, a storm costs no room. Workers' state is never touched from there.
 *
 * Threads: told_set and told_spi any; the others the manager's. */
#ifndef DATAPLANE_ENGINE_ENG_INLINE_TOLD_H
#define DATAPLANE_ENGINE_ENG_INLINE_TOLD_H

#include "common/result.h"

#include <stdbool.h>
#include <stdint.h>

enum { TOLD_BITS = 16, TOLD_SLOTS = 1 << TOLD_BITS /* sessions on all NICs together */ };

struct told;
CV_MUST_USE cv_result told_new(struct told **out);
void told_free(struct told *t); /* with no driver calling any more */

/* A slot for a session: its userdata, never 0; `owner` (never NULL) comes back with its events. 0: all are taken. */
uint64_t told_take(struct told *t, void *owner, uint32_t spi);
/* What is said of it from now on is not heard. */
void told_drop(struct told *t, uint64_t userdata);
/* Its owner; NULL: no such session. */
void *told_owner(const struct told *t, uint64_t userdata);

/* The SPI that was given with it, on any thread; 0: nobody's userdata. */
uint32_t told_spi(const struct told *t, uint64_t userdata);

/* event < 8. False: nobody's userdata. */
bool told_set(struct told *t, uint64_t userdata, unsigned event);
/* Each owner that something was said of, with a bit per event; once. */
typedef void told_fn(void *ctx, void *owner, unsigned events);
void told_each(struct told *t, told_fn *fn, void *ctx);

#endif
