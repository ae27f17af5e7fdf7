/* esp_flight: packets that a device works on: out of the second pass of a burst, and back into its third.
 *
 * Internal to esp; esp_poll and esp_flight, the worker's side, are declared in esp.h. A packet under way keeps its SA: the worker
 * tells of a quiescent state only as of a time since which every packet has come back (dp_rcu_quiet_behind). */
#ifndef DATAPLANE_ESP_ESP_FLIGHT_H
#define DATAPLANE_ESP_ESP_FLIGHT_H

#include "dataplane/esp/esp_sa.h"

/* Hands over the ops first .. first + count of the scratch arrays, `sa` their owner; returns how many the engine took. seq[] and,
 * outbound, len[] of the scratch arrays come back with them. forms: enum eng_form of each; NULL: ENG_ESP. */
unsigned esp_flight_submit(struct esp_worker *w, eng_submit_fn *submit, const struct eng_session *session,
                           void *sa, enum cv_dir dir, unsigned first, unsigned count, const uint8_t *forms);

/* Puts jobs[0..n), n <= ESP_CHUNK, into the scratch arrays, from their start. */
void esp_flight_recall(struct esp_scratch *s, const struct eng_job *jobs, unsigned n);

#endif
