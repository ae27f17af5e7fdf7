/* v2_protect: inner payloads to datagrams (SK, or SKF fragments by RFC 7383), and back. */
#ifndef CONTROL_IKEV2_V2_PROTECT_H
#define CONTROL_IKEV2_V2_PROTECT_H

#include "control/ikev2/v2.h"

/* So often a long message is repeated as it was before it goes in smaller fragments. */
enum { V2_SAME_SIZE = 1 };

/* Header of a message that we send on the SA. */
struct pld_header v2_header(const struct ike_sa *sa, uint8_t exchange, bool response, uint32_t message_id);
/* Protects `plain` (first: type of its first payload) with our keys. *out is new, to be freed with v2_wire_free. */
CV_MUST_USE cv_result v2_protect(struct ike *e, struct ike_sa *sa, const struct pld_header *h, uint8_t first,
                                 struct slice plain, struct v2_wire *out);
/* One of our messages, for which no answer came, in fragments of the next smaller size (RFC 7383 2.5.2): 1280 octets of IP packet, then, over IPv4,
 * 576. False: it is as it was, as there is no smaller size, nothing would change, or the peer takes no fragments. Fresh IVs. */
bool v2_wire_smaller(struct ike *e, struct ike_sa *sa, struct v2_wire *w);
/* The peer cuts its messages for a path that takes datagrams of so many octets of IKE: ours go the same way (never less than 576 octets of IP
 * packet, 1280 over IPv6). Only for what is authentic. */
void v2_path_takes(const struct ike *e, struct ike_sa *sa, size_t len);
/* Opens one datagram with the peer's keys, in place. CV_EAUTH: not by the peer. */
CV_MUST_USE cv_result v2_open(struct ike_sa *sa, const struct pld_message *m, uint8_t *data, size_t len,
                              struct slice *plain);
/* A wire of one datagram, copied. */
CV_MUST_USE cv_result v2_wire_one(const uint8_t *data, size_t len, struct v2_wire *out);
void v2_wire_send(struct ike *e, struct ike_sa *sa, const struct v2_wire *w);
void v2_wire_send_back(struct ike *e, const struct ike_datagram *to, const struct v2_wire *w);

#endif
