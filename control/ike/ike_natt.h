/* ike_natt: NAT detection and the float to port 4500 (RFC 7296 2.23, RFC 3948). */
#ifndef CONTROL_IKE_IKE_NATT_H
#define CONTROL_IKE_IKE_NATT_H

#include "control/codec/pld.h"
#include "control/ike/ike_sa.h"

enum { IKE_PORT = 500, IKE_PORT_NATT = 4500 };

struct ike_nat {
    bool seen; /* the peer does NAT traversal: it sent both hashes */
    bool local, remote;
};
/* Writes NAT_DETECTION_SOURCE_IP and _DESTINATION_IP for a message from `local` to `remote`. */
CV_MUST_USE cv_result ike_nat_put(struct pld_builder *b, const uint8_t spi_i[8], const uint8_t spi_r[8],
                                  const struct ip_endpoint *local, const struct ip_endpoint *remote);
/* Compares the hashes of a received message with the addresses it was received with. SPIs as in its header. */
CV_MUST_USE cv_result ike_nat_detect(const struct pld_message *m, const struct ip_endpoint *local,
                                     const struct ip_endpoint *remote, struct ike_nat *out);
/* Both ports to 4500, from the next message on. */
void ike_nat_float(struct ike_sa *sa);
/* Whether the peer may have moved there: it is behind a NAT whose mapping can change, this end is not, and no tunnel or crypto map expects
 * another peer at the address. A source address proves nothing. */
CV_MUST_USE bool ike_nat_may_follow(const struct ike *e, const struct ike_sa *sa,
                                    const struct ip_endpoint *remote);
/* The peer has sent from there, authenticated and not long ago (RFC 7296 2.23): SA and children follow, when they may; those in transport mode only to
 * another port, and end when it is another address. */
void ike_nat_follow(struct ike *e, struct ike_sa *sa, const struct ip_endpoint *remote);

#endif
