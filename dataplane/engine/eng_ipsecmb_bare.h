/* eng_ipsecmb_bare: what the bare calls of intel-ipsec-mb cost here and now: the limits that a data path is measured against.
 *
 * The library alone, on made-up keys and text, with nothing of an engine around it: no header, no IV made, no ICV compared, no job
 * filled in within the clock. Both take and free their memory themselves, or hold it; neither is for the packet path. */
#ifndef DATAPLANE_ENGINE_ENG_IPSECMB_BARE_H
#define DATAPLANE_ENGINE_ENG_IPSECMB_BARE_H

#include "common/contract.h"
#include "common/result.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ENG_BARE_TEXT_MAX = 9600,
    ENG_BARE_BUFFERS_MAX = 4096,
    ENG_BARE_BURST = 64,
    ENG_BARE_KEY_MAX = 32 /* octets of a cipher's key */
};

/* Of AES-GCM, GMAC (key_len 16, 24 or 32 octets) and ChaCha20-Poly1305 (32) one packet is one call: of the first two a direct call, of the third
 * a job that is done when it is submitted. It has `size` octets of text
 * (1 to ENG_BARE_TEXT_MAX) with 8 octets of AAD, or all of it AAD. In turn over `buffers` packets (1 to ENG_BARE_BUFFERS_MAX; 1: all in the
 * first-level cache; a burst's count: the working set of a data path). */
struct eng_bare_call {
    uint16_t encr; /* enum cv_encr */
    enum cv_dir dir;
    uint8_t key_len;
    uint32_t size;
    unsigned buffers;
};
bool eng_ipsecmb_is_single(uint16_t encr);
/* TSC cycles of each of `calls` calls. CV_EINVAL: no such call. */
CV_MUST_USE cv_result eng_ipsecmb_bare(const struct eng_bare_call *c, unsigned calls,
                                       double *cycles_per_call);

/* The multi-buffer calls of AES-CBC and 3DES with HMAC, or of HMAC alone: ENG_BARE_BURST packets of one key are ciphered together and then signed
 * together; decrypting, the other way round. For each of the two one burst call; 3DES and MD5, which the library has none for, go through its job
 * queue. One thread's. */
struct eng_bare_burst;

/* Whether the job queue has a part in it. */
bool eng_bare_burst_is_queued(uint16_t encr, uint16_t integ);
/* What a transform costs of them: of sa count encr, encr_key_len and integ. CV_EUNSUP: the library has no such calls for it. */
CV_MUST_USE cv_result eng_bare_burst_new(const struct cv_sa *sa, struct eng_bare_burst **burst);
void eng_bare_burst_free(struct eng_bare_burst *b);
/* TSC cycles per packet of `bursts` bursts in the direction: text_len octets are ciphered (a multiple of 16; nothing without a
 * cipher), and as many and lead_len in front of them signed. 0: the library refused, or they are more than ENG_BARE_TEXT_MAX. */
double eng_bare_burst_cycles(struct eng_bare_burst *b, enum cv_dir dir, uint32_t lead_len, uint32_t text_len,
                             unsigned bursts);

#endif
