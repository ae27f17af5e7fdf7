/* eng_ipsecmb: the engine on intel-ipsec-mb, called directly, and the clock for the bare library call.
 *
 * AEADs go packet by packet through the library's direct functions; CBC and HMAC go through its
 * multi-buffer bursts, several packets of one SA at a time. eng_ipsecmb.c is the only file that sees
 * intel-ipsec-mb.h. */
#ifndef DATAPLANE_ENGINE_ENG_IPSECMB_H
#define DATAPLANE_ENGINE_ENG_IPSECMB_H

#include "common/result.h"
#include "dataplane/engine/eng.h"

#include <stdint.h>

extern const struct eng_ops eng_ipsecmb;

/* n IVs of 16 octets, unpredictable and never the same twice (RFC 3602 3), for an engine whose device makes none. `w` is a
 * worker of eng_ipsecmb; n is at most ENG_IPSECMB_IVS. The octets are the worker's until the next call of any kind; NULL:
 * the library refused. */
enum { ENG_IPSECMB_IVS = 64 };
const uint8_t *eng_ipsecmb_ivs(struct eng_worker *w, unsigned n);

/* What the bare library call costs here and now: the limit that a data path is measured against.
 *
 * Runs `calls` direct AES-GCM calls (key_len 16, 24 or 32 octets) on `size` octets of text with 8 octets of
 * AAD, in turn over `buffers` packets of 2 KiB (1: all in the first-level cache; a burst's count: the working
 * set of a data path), and gives the TSC cycles per call. size is at most 1920; buffers 1..4096. The key and
 * the text are made up. Takes and frees its memory itself; not for the packet path. */
CV_MUST_USE cv_result eng_ipsecmb_bare(enum cv_dir dir, uint8_t key_len, uint32_t size, unsigned buffers,
                                       unsigned calls, double *cycles_per_call);

#endif
