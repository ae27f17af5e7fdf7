/* esp_resync: an SA with ESN whose sender is further ahead than the low half of a number can say: 2^32 packets or more were lost, and every one
 * that comes is held against the wrong high half (RFC 4303 A3, RFC 4302 B3). Internal to esp.
 *
 * After ESP_RESYNC_FAILURES integrity checks that failed, with the window where it was, one packet is tried with the next higher halves; where
 * it verifies with one, its number is that, and the window goes there as it does with any packet. So nothing but an authentic packet moves it,
 * and none that was there before comes in: its number is above all that were seen.
 *
 * Who sends forgeries costs a try per SA in 10 ms, and per worker in 1 ms, for each 1024 octets of the packet that is tried: of a processor that is less than a
 * hundredth, however long they are. Packets that verify
 * cost nothing: no count is reset for them, the window's top says that there were some. */
#ifndef DATAPLANE_ESP_ESP_RESYNC_H
#define DATAPLANE_ESP_ESP_RESYNC_H

#include <stdbool.h>
#include <stdint.h>

struct eng_op;
struct esp_in_sa;
struct esp_worker;

enum {
    /* As many as the smallest window holds: packets that were reordered or harmed on the way do not come so many in a row. */
    ESP_RESYNC_FAILURES = 64,
    ESP_RESYNC_HIGHER = 3, /* high halves that are tried: some 10^10 packets lost */
};

/* An SA's part, in struct esp_in_sa; the owner worker's. */
struct esp_resync {
    uint64_t top;      /* of the window when the last check failed */
    uint64_t next_tsc; /* nothing is tried before */
    uint32_t failures; /* with the window there; ESP_RESYNC_FAILURES: or more */
};

/* op, in one piece and of an SA that software works on, did not verify under *seq. True: it has under a higher one, which *seq is now, and op is as if the engine
 * had been given that. The owner worker. */
bool esp_resync_try(struct esp_worker *w, struct esp_in_sa *sa, struct eng_op *op, uint64_t *seq);

#endif
