/* eng_ipsecmb_pieces: packets in pieces for the ipsec-mb engine: its AEADs, by the library's calls for text that comes bit by bit.
 *
 * Internal to the engine. Cipher and HMAC go through the multi-buffer calls, which want a packet in one place. */
#ifndef DATAPLANE_ENGINE_ENG_IPSECMB_PIECES_H
#define DATAPLANE_ENGINE_ENG_IPSECMB_PIECES_H

#include "dataplane/engine/eng.h"

/* What works on an SA's packets that come in pieces (struct eng_session_info); NULL: nothing. */
eng_pieces_fn *eng_ipsecmb_pieces(const struct cv_sa *sa);

/* eng_ipsecmb.c: the library's functions, once there is a session. */
struct IMB_MGR;
const struct IMB_MGR *eng_ipsecmb_table(void);

#endif
