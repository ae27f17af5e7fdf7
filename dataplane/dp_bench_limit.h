/* dp_bench_limit: what the bare crypto call costs on this core now: the limit that the worker's loop is held
 * against.
 *
 * AES-GCM: intel-ipsec-mb's direct call, always on the same packet in the first-level cache. Other transforms have
 * no direct call: of AES-CBC and HMAC the library's multi-buffer calls, one for the cipher and one for the HMAC, with jobs filled
 * in before; of others the engine ipsec-mb's burst function. Both on BENCH_LIMIT_BURST prepared packets of the case's sizes. */
#ifndef DATAPLANE_DP_BENCH_LIMIT_H
#define DATAPLANE_DP_BENCH_LIMIT_H

#include "common/contract.h"
#include "common/result.h"
#include "dataplane/engine/eng.h"

#include <stdbool.h>
#include <stddef.h>

struct bench_limit; /* prepared packets and sessions of one case, for one worker */

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
/* The same for the burst function of the engine that `crypto-engine auto` takes, whichever the case runs with: on the same
 * packets as the limit above; 0 where that engine is ipsec-mb. */
double dp_bench_limit_own(struct bench_limit *l);
/* Whose that is: the engine's name. */
const char *dp_bench_limit_own_name(const struct bench_limit *l);
/* "direct call", "multi-buffer calls of 64" or "engine's burst of 64". */
const char *dp_bench_limit_kind(uint16_t encr);

/* Sorts v and gives its middle. */
double dp_bench_median(double *v, size_t n);

#endif
