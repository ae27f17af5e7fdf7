/* workers: what dialogues about child SAs of single workers (RFC 9611) share: who has which. */
#ifndef TESTS_DIALOGUE_WORKERS_H
#define TESTS_DIALOGUE_WORKERS_H

#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

enum { SETTLE_MS = 8000 };

/* Every worker gets one, as many as there are. */
static const struct wire_conf each = {.ipsec = " set security-association per-worker\n"};

/* Children of a worker (as in struct cv_sa; 0: for all), of all IKE SAs. */
static inline unsigned of_worker(struct wire *w, enum wire_end end, uint8_t worker)
{
    unsigned n = 0;
    for (const struct sam_child *c = sam_children(w->side[end].ike->sam); c; c = c->next)
        n += c->state == SAM_INSTALLED && c->worker == worker;
    return n;
}

/* The first of them; NULL: none. */
static inline struct sam_child *child_of(struct wire *w, enum wire_end end, uint8_t worker)
{
    for (struct sam_child *c = sam_children(w->side[end].ike->sam); c; c = c->next)
        if (c->state == SAM_INSTALLED && c->worker == worker)
            return c;
    return NULL;
}

#endif
