/* io_punt: IKE datagrams to and from culvertd over the contract's rings.
 *
 * Each worker and the manager has an io_punt of its own (rate limit and scratch). Never blocks. */
#ifndef DATAPLANE_IO_IO_PUNT_H
#define DATAPLANE_IO_IO_PUNT_H

#include "common/ring.h"
#include "dataplane/dp_meta.h"
#include "dataplane/io/io_bucket.h"
#include "dataplane/ip/ip_hash.h"

#include <rte_mbuf.h>
#include <stdint.h>

/* What anybody can send with any source (no SPI of ours in it: the first message of an IKE SA) has one bucket,
 * and half of the ring. What names an IKE SA of ours has many, chosen by its source under a key: a flood of
 * first messages costs established tunnels nothing, and one of the other kind only who shares its bucket. */
enum {
    IO_PUNT_PER_SECOND = 5000,
    IO_PUNT_BURST = 256,
    IO_PUNT_SOURCES = 64,
    IO_PUNT_SOURCE_PER_SECOND = 500,
    IO_PUNT_SOURCE_BURST = 128,
    IO_IKE_HEADER = 28,
};

struct io_punt {
    struct shm *shm;
    const int *connected; /* 0: nobody is there to read */
    struct io_bucket_rate initial_rate, source_rate;
    uint64_t initial, source[IO_PUNT_SOURCES];
    struct ip_hash_key key;
    struct cv_ike_pkt pkt;
};

/* CV_EIO: no random key. */
CV_MUST_USE cv_result io_punt_init(struct io_punt *p, struct shm *shm, const int *connected, uint64_t tsc_hz);
/* Hands the UDP payload of m (to port 500 or 4500, for this host, classified) to culvertd, without the
 * non-ESP marker. m stays the caller's. CV_DROP_NONE: done; else why not, NATT_KEEPALIVE included. */
enum cv_drop io_punt_ike(struct io_punt *p, const struct rte_mbuf *m, uint64_t now);

/* Writes an injected datagram into the empty mbuf m (room for CV_IKE_PKT_MAX and headers) and sets its
 * metadata. False: it makes no sense. */
bool io_inject_write(const struct cv_ike_pkt *pkt, struct rte_mbuf *m);

#endif
