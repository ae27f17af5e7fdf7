/* sam_slot: who has which slot of the data plane's two SA tables. A slot goes free -> reserved -> installed ->
 * quarantined -> free; quarantined until the data plane has said that the SA is gone. */
#ifndef CONTROL_SA_SAM_SLOT_H
#define CONTROL_SA_SAM_SLOT_H

#include "common/contract.h"
#include "common/result.h"

#include <stdbool.h>
#include <stdint.h>

enum sam_slot_state { SAM_SLOT_FREE, SAM_SLOT_RESERVED, SAM_SLOT_INSTALLED, SAM_SLOT_QUARANTINE };

struct sam_slots {
    uint32_t count;                 /* 0 before the size is known */
    uint32_t cursor;                /* where the search goes on: neighbours fall to different workers */
    uint32_t in_bucket[CV_BUCKETS]; /* the same of each bucket, for successors: the slot last taken */
    uint32_t used;
    uint8_t *state; /* enum sam_slot_state */
    uint32_t *spi;  /* inbound: the whole SPI */
    void **owner;   /* the child, when installed */
};

CV_MUST_USE cv_result sam_slots_init(struct sam_slots *t, uint32_t count);
void sam_slots_free(struct sam_slots *t);
/* The next free slot becomes reserved. CV_ENOSPC. */
CV_MUST_USE cv_result sam_slots_take(struct sam_slots *t, uint32_t *slot);
/* The same among the slots whose bucket is the worker's (0 ...) as long as none was moved (dp_owners_init). CV_ENOSPC: none is free. */
CV_MUST_USE cv_result sam_slots_take_of(struct sam_slots *t, unsigned workers, unsigned worker,
                                        uint32_t *slot);
/* The same among the slots of one bucket (cv_spi_bucket; in a table of fewer slots than buckets those that an SPI of it may have), each in its turn. CV_ENOSPC. */
CV_MUST_USE cv_result sam_slots_take_in(struct sam_slots *t, uint32_t bucket, uint32_t *slot);
/* A given slot, if it is free (adoption). */
CV_MUST_USE cv_result sam_slots_claim(struct sam_slots *t, uint32_t slot);
void sam_slots_install(struct sam_slots *t, uint32_t slot, uint32_t spi, void *owner);
void sam_slots_quarantine(struct sam_slots *t, uint32_t slot);
void sam_slots_release(struct sam_slots *t, uint32_t slot);
/* The data plane is empty: installed and quarantined slots are free, reserved ones stay. */
void sam_slots_lost(struct sam_slots *t);
enum sam_slot_state sam_slots_state(const struct sam_slots *t, uint32_t slot);

#endif
