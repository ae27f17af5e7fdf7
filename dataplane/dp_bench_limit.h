/* dp_bench_limit: what the bare crypto call costs on this core now: the limit that the worker's loop is held
 * against.
 *
 * AEADs: intel-ipsec-mb's direct call (of ChaCha20-Poly1305 a job, which does the same), always on the same packet in the first-level cache. A cipher and HMAC, or HMAC alone: the library's
 * multi-buffer calls on BENCH_LIMIT_BURST packets of the case's sizes, one for the cipher and one for the HMAC, with jobs filled in before; 3DES and MD5,
 * which it has no such calls for, as many jobs through its queue. */
#ifndef DATAPLANE_DP_BENCH_LIMIT_H
#define DATAPLANE_DP_BENCH_LIMIT_H

#include "common/contract.h"
#include "common/result.h"
#include "dataplane/engine/eng.h"

#include <stdbool.h>
#include <stddef.h>

struct bench_limit; /* what is measured of one case, for one worker */

enum { BENCH_LIMIT_BURST = 64 };

/* out, in: the SA in either direction, keys and all. encap, decap: which of them counts; with both the mean. sizes: octets of
 * the inner packets in turn; with AH the outer header and its own are signed, too, and so they are here. */
struct bench_limit_of {
    const struct cv_sa *out, *in;
    bool encap, decap;
    const unsigned *sizes;
    unsigned count;
};
CV_MUST_USE cv_result dp_bench_limit_new(const struct bench_limit_of *of, struct bench_limit **limit);
void dp_bench_limit_free(struct bench_limit *l);
/* TSC cycles per packet, averaged over the sizes, each the median of some slices; 0: the library refused. */
double dp_bench_limit_cycles(struct bench_limit *l);
/* The same for the burst function of the engine that `crypto-engine auto` takes, whichever the case runs with, on the packet of the direct
 * call; 0 where that engine is ipsec-mb, as it is for all but AES-GCM and GMAC. */
double dp_bench_limit_own(struct bench_limit *l);
/* Whose that is: the engine's name. */
const char *dp_bench_limit_own_name(const struct bench_limit *l);
/* "direct call", "one job at a time", "multi-buffer calls of 64" or "multi-buffer job queue, 64 at a time". */
const char *dp_bench_limit_kind(uint16_t encr, uint16_t integ);

/* Sorts v and gives its middle. */
double dp_bench_median(double *v, size_t n);

#endif
