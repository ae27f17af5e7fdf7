/* dp_spi: outbound SAs by their SPI: what somebody quotes of a packet of ours names nothing else.
 *
 * Peers choose these SPIs, so several SAs may have one: a chain is walked, and the caller compares the rest. Eight octets for
 * each slot of the table. The manager's alone. */
#ifndef DATAPLANE_DP_SPI_H
#define DATAPLANE_DP_SPI_H

#include "common/result.h"
#include "dataplane/ip/ip_hash.h"

#include <stdint.h>

enum { DP_SPI_NONE = 0 }; /* links are slot + 1 */

struct dp_spi {
    uint32_t mask;
    struct ip_hash_key key;
    uint32_t *head, *next;
};

/* For `slots` SAs, a power of two. */
CV_MUST_USE cv_result dp_spi_init(struct dp_spi *t, uint32_t slots);
void dp_spi_fini(struct dp_spi *t);
void dp_spi_add(struct dp_spi *t, uint32_t spi, uint32_t slot);
void dp_spi_remove(struct dp_spi *t, uint32_t spi, uint32_t slot);

/* for (uint32_t l = dp_spi_first(t, spi); l != DP_SPI_NONE; l = t->next[l - 1]): slot l - 1 may have it. */
uint32_t dp_spi_first(const struct dp_spi *t, uint32_t spi);

#endif
