/* offload: what the device that has a session of an SA did of it, to the packet; one row per SA slot and direction, behind everything that
 * contract.h places in the shared memory (shm_connect checks the size of the whole).
 *
 * Written by the data plane's manager, about once a second; read by the control process for show. */
#ifndef COMMON_OFFLOAD_H
#define COMMON_OFFLOAD_H

#include "common/ring.h"

#include <assert.h>

struct cv_sa_offload {
    uint8_t row;     /* place of its device among struct cv_engine_stats, from 1; 0: it is not said */
    uint8_t counted; /* 1: packets is kept */
    uint8_t pad[6];
    uint64_t packets; /* of the SA that its device worked on, since it was made */
};
static_assert(sizeof(struct cv_sa_offload) == 16, "contract size");

/* dir: enum cv_dir; slot < 1 << sa_index_bits. */
struct cv_sa_offload *shm_sa_offload(const struct shm *s, unsigned dir, uint32_t slot);

#endif
