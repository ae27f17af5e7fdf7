/* sam_link: the data plane as the SA manager and IKE see it: commands out, counters in. The daemon's runtime
 * implements it over the rings; tests by tests/mock/mock_dp; explain by nothing but an SPI counter. */
#ifndef CONTROL_SA_SAM_LINK_H
#define CONTROL_SA_SAM_LINK_H

#include "common/contract.h"
#include "common/result.h"

struct sam_link {
    void *ctx;
    unsigned (*sa_index_bits)(void *ctx); /* table size; constant while SAs exist */
    /* Queues a command (copied; its keys are wiped by the link after use). Failures come back later as reply events handed
     * to ike_dp_event. CV_ENOSPC when the queue is full. *seq (may be NULL) is the number the reply will carry. */
    cv_result (*command)(void *ctx, const struct cv_cmd *cmd, uint32_t *seq);
    /* Sums of an SA's counters now; idle_ms since its last good packet (UINT64_MAX when there was none). */
    cv_result (*counters)(void *ctx, const struct cv_sa_ref *ref, struct cv_sa_counters *out,
                          uint64_t *idle_ms);
    /* if_id of a configured interface name, 0 when unknown; and the reverse (NULL when unknown). */
    uint32_t (*if_id)(void *ctx, const char *name);
    const char *(*if_name)(void *ctx, uint32_t if_id);
    unsigned (*workers)(void *ctx); /* of the data plane; 1 to CV_MAX_WORKERS */
};

#endif
