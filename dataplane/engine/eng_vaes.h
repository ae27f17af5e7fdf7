/* eng_vaes: the engine with our own AES-GCM and GMAC kernels, for processors with VAES and VPCLMULQDQ.
 *
 * Two sets of kernels: two blocks per register (AVX2) and four (AVX512); the wider that the processor has (and eng_isa allows) is taken. Everything that
 * is not AES-GCM or GMAC goes to ipsec-mb, so one engine serves every transform. On a processor without VAES it supports nothing:
 * worker_new, session_new and self_test give CV_EUNSUP.
 *
 * What is done to a packet does not depend on keys, text or tag, in time or in memory touched; only on lengths.
 * A packet with a wrong ICV has been decrypted in place when ok comes back false, as with ipsec-mb: the caller drops it. */
#ifndef DATAPLANE_ENGINE_ENG_VAES_H
#define DATAPLANE_ENGINE_ENG_VAES_H

#include "dataplane/engine/eng.h"

#include <stdbool.h>

extern const struct eng_ops eng_vaes;

/* The same with one set of kernels: for tests and measurements. */
extern const struct eng_ops eng_vaes_avx2, eng_vaes_avx512;

/* Whether this processor and operating system can run the engine (one of the three above). */
bool eng_vaes_usable(const struct eng_ops *e);

#endif
