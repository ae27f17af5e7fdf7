/* esp_bad: what culvertd is told of packets that inbound SAs drop (CV_EVT_BAD_PACKET), for its log (RFC 4301 5.2, RFC 4303 3.4.3 and 3.4.4).
 *
 * Each SA has a turn of its own per reason: whoever floods one says nothing about another. Only the owner worker calls these. */
#ifndef DATAPLANE_ESP_ESP_BAD_H
#define DATAPLANE_ESP_ESP_BAD_H

#include "common/contract.h"

#include <stdbool.h>
#include <stdint.h>

struct esp_in_sa;
struct rte_mbuf;

enum { ESP_BAD_SECONDS = 10 }; /* an SA's turn */

/* An SA's part, in struct esp_in_sa. */
struct esp_bad {
    uint64_t since;   /* TSC when the turn began; 0: none has */
    uint64_t reasons; /* 1 << enum cv_drop: told in it */
};
static_assert(CV_DROP_COUNT <= 64, "a bit for each");

/* Is it the SA's turn to have `why` told? */
bool esp_bad_due(const struct esp_in_sa *sa, enum cv_drop why, uint64_t now, uint64_t tsc_hz);
/* It is, and told: the event about m, which esp_in_burst or esp_ah_in_burst handed back for `why`. */
void esp_bad_event(struct esp_in_sa *sa, struct rte_mbuf *m, enum cv_drop why, uint64_t now, uint64_t tsc_hz,
                   struct cv_evt *out);

#endif
