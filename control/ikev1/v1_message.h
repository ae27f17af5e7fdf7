/* v1_message: what the other files here need of it beyond v1.h: the digest of a datagram, and what a retransmission is called. */
#ifndef CONTROL_IKEV1_V1_MESSAGE_H
#define CONTROL_IKEV1_V1_MESSAGE_H

#include "control/ikev1/v1.h"

/* SHA-256; false when the library refuses. */
CV_MUST_USE bool v1_digest(const uint8_t *data, size_t len, uint8_t out[V1_DIGEST_LEN]);
/* Octets of the negotiated hash, 0 before it is chosen. */
size_t v1_hash_len(const struct ike_sa *sa);

#endif
