/* dp_bench_store: the packets of a benchmark case, as they come in: clear ones to encapsulate, ESP of the peer to
 * decapsulate.
 *
 * Which SA a packet has is drawn, from a fixed seed: uniformly, or by Zipf's law (SA of rank r as often as 1/r^S; ranks lie
 * scattered over the table). The store of a worker holds at least as many packets as it has SAs, up to
 * BENCH_STORE_OCTETS, so that the caches meet as many SAs as there are: half of a million is far more than they hold. */
#ifndef DATAPLANE_DP_BENCH_STORE_H
#define DATAPLANE_DP_BENCH_STORE_H

#include "dataplane/dp.h"
#include "dataplane/dp_bench.h"

#define BENCH_STORE_OCTETS (UINT64_C(1) << 30)

/* Draws SAs. */
struct bench_draw {
    uint64_t state;
    unsigned n;         /* 0 .. n-1 are drawn */
    double *cumulative; /* Zipf: of each rank, the last is 1; NULL: uniform */
};
/* zipf: the exponent, 0 for uniform. CV_ENOMEM. */
CV_MUST_USE cv_result dp_bench_draw_init(struct bench_draw *d, unsigned n, double zipf, uint64_t seed);
void dp_bench_draw_fini(struct bench_draw *d);
unsigned dp_bench_draw(struct bench_draw *d);

/* Sizes of the case's packets in turn: IMIX is 7 of 64, 4 of 570, 1 of 1420 octets. */
unsigned dp_bench_sizes(const struct bench_case *c, const unsigned **sizes);
/* Packets in one worker's store. */
unsigned dp_bench_store_count(const struct bench_case *c);

/* What is known of the SAs while the stores of all workers are filled. */
struct bench_peers {
    uint32_t *seq; /* [sas] last sequence number of the peer's packets on each */
    uint8_t *used; /* [sas] has packets */
    struct cv_sa_counters counters[CV_MAX_WORKERS];
};
CV_MUST_USE cv_result dp_bench_peers_init(struct bench_peers *p, const struct bench_case *c);
void dp_bench_peers_fini(struct bench_peers *p);

/* Makes worker w's frames. CV_ENOMEM; CV_EINVAL: a packet could not be made. */
CV_MUST_USE cv_result dp_bench_store_fill(struct bench_frames *f, struct dp *dp, const struct bench_case *c,
                                          unsigned w, struct bench_peers *peers);

#endif
