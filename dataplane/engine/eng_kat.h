/* eng_kat: known-answer tests that every engine runs at start, through the same interface as the path.
 *
 * The answers come from another library (tests/vectors/make_eng_kat.py). For every transform that the
 * engine supports, with and without ESN: the known packet decrypts to the known text; a packet with one
 * ICV bit wrong does not verify; encryption gives the known packet (AEAD), or one that decrypts, with an
 * IV of its own for each packet (CBC). */
#ifndef DATAPLANE_ENGINE_ENG_KAT_H
#define DATAPLANE_ENGINE_ENG_KAT_H

#include "common/result.h"
#include "dataplane/engine/eng.h"

#include <stddef.h>

/* CV_ECRYPTO when an answer is wrong; err (err_len octets, may be 0) then names transform and step. Other
 * errors are those of the engine's own calls. Manager thread; takes and frees its memory. */
CV_MUST_USE cv_result eng_kat_run(const struct eng_ops *engine, char *err, size_t err_len);

#endif
