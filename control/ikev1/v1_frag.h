/* v1_frag: Cisco's fragmentation of IKEv1 messages, below encryption: each fragment is a datagram with the message's own header and one
 * fragment payload of type 132 (identifier, number from 1, last), and the fragments' data is the message, header and all.
 *
 * Nothing of a fragment is authenticated: what is kept is bounded per SA, and only where both ends have announced that they can. */
#ifndef CONTROL_IKEV1_V1_FRAG_H
#define CONTROL_IKEV1_V1_FRAG_H

#include "control/ikev1/v1.h"

enum {
    V1_FRAG_OVER = 1200, /* longer messages are cut */
    V1_FRAG_DATA = 1100, /* octets of the message in one fragment */
    V1_FRAG_SMALL =
        500, /* the same where those do not pass: with all headers within the 576 octets that any IPv4 host takes (RFC 791) */
    V1_FRAG_COUNT_MAX = 32,
    V1_FRAG_TOTAL_MAX = V1_MESSAGE_MAX
};

/* The datagrams of a message: one, or fragments when it is long and both ends can. Fills data, len and count of out. */
CV_MUST_USE cv_result v1_frag_cut(struct ike *e, struct ike_sa *sa, struct slice message,
                                  struct v1_sent *out);
/* A message to which no answer came, in fragments of the small size, under a new identifier. False: it is as it was, as it is short or in such
 * fragments already, or the peer takes none. */
bool v1_frag_smaller(struct ike *e, struct ike_sa *sa, struct v1_sent *sent);
/* Keeps a fragment. CV_OK: the message is complete, *out is new (wipe and free it), *out_len its octets. CV_EAGAIN: more are needed, or it was there
 * already. CV_EINVAL: not agreed on, or impossible; CV_ENOSPC: over the bounds. */
CV_MUST_USE cv_result v1_frag_add(struct ike *e, struct ike_sa *sa, const struct pld1_message *m,
                                  uint8_t **out, size_t *out_len);
void v1_frags_free(struct v1_sa *v1);

#endif
