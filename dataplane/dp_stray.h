/* dp_stray: which packets of SPIs that nobody has culvertd is told of (CV_EVT_UNKNOWN_SPI): it tells the peer then, or negotiates
 * (`crypto isakmp invalid-spi-recovery`).
 *
 * Anybody can send such packets, with any source. Who floods with one source uses up the rate of its own bucket, and a peer that
 * has lost its SAs is heard nevertheless, unless it shares that bucket: which do, nobody outside can choose or know. Of IPv6 the first half of the
 * address counts: one host may have the rest. What many sources may bring about together is bounded as well, because each event costs culvertd a look at
 * its tunnels; a flood of random sources takes most of that, and a peer's share is then that of its packets among all of unknown SPIs.
 *
 * One struct dp_stray per worker; its own lcore only. */
#ifndef DATAPLANE_DP_STRAY_H
#define DATAPLANE_DP_STRAY_H

#include "dataplane/dp_meta.h"
#include "dataplane/io/io_bucket.h"
#include "dataplane/ip/ip_hash.h"

enum {
    DP_STRAY_SOURCES = 256, /* buckets, by a keyed hash of VRF and source */
    DP_STRAY_SOURCE_PER_SECOND = 1,
    DP_STRAY_PER_SECOND = 16, /* of all */
    DP_STRAY_BURST = 32,
};

struct dp_stray {
    struct io_bucket_rate source_rate, rate;
    uint64_t all, source[DP_STRAY_SOURCES];
    struct ip_hash_key key;
};

/* CV_EIO: no random key. */
CV_MUST_USE cv_result dp_stray_init(struct dp_stray *s, uint64_t tsc_hz);
/* m: ESP or AH of an unknown SPI, data at the IP header, metadata filled. True: culvertd is to be told, and it is counted as told. now: TSC. */
bool dp_stray_due(struct dp_stray *s, const struct rte_mbuf *m, uint64_t now);

#endif
