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

#endif
