/* v2_frag: reassembly of fragmented messages (RFC 7383 2.6). Only authenticated fragments come here. */
#ifndef CONTROL_IKEV2_V2_FRAG_H
#define CONTROL_IKEV2_V2_FRAG_H

#include "control/ikev2/v2.h"

enum { V2_FRAGMENTS_MAX = 64, V2_SKF_EXTRA = 4 };

struct v2_whole {
    uint8_t *data; /* of the caller, free() after a wipe */
    size_t len;
    uint8_t first;            /* type of the first inner payload, from fragment 1 */
    uint8_t request_hash[32]; /* of the datagram of fragment 1 */
};
/* Takes a decrypted fragment of message m. CV_OK: *out is the whole; CV_EAGAIN: more to come (or seen before, or an older
 * total); CV_ENOSPC, CV_EINVAL: refused. hash: of its datagram. */
CV_MUST_USE cv_result v2_frag_add(struct ike_sa *sa, const struct pld_message *m, struct slice plain,
                                  const uint8_t hash[32], struct v2_whole *out);
void v2_frags_free(struct v2_sa *v2);

#endif
