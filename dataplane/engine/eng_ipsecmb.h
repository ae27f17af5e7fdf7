/* eng_ipsecmb: the engine on intel-ipsec-mb, called directly.
 *
 * AEADs go packet by packet through the library's direct functions; CBC and HMAC go through its
 * multi-buffer bursts, several packets of one SA at a time. Beside eng_ipsecmb_bare.c, which times
 * the library alone, and eng_ipsecmb_mgr.c, which makes its managers, eng_ipsecmb.c is the only file that sees intel-ipsec-mb.h. */
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

#endif
