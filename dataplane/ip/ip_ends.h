/* ip_ends: which tunnel with IPsec lies between two ends, for ESP and AH whose SPI says nothing.
 *
 * Tunnels that IPsec protects, VTIs and GRE, lie in chains under a keyed hash of their outer VRF and both ends, inside struct ip_ifs.
 * Writers: the manager (ip_if_set, ip_if_del). Readers: any worker, between two quiescent states. */
#ifndef DATAPLANE_IP_IP_ENDS_H
#define DATAPLANE_IP_IP_ENDS_H

#include "dataplane/ip/ip_if.h"

/* Nothing to do for interfaces that are no such tunnel, or have an end that is not known. For ip_if_set. */
void ip_ends_link(struct ip_ifs *ifs, struct ip_if *t);
void ip_ends_unlink(struct ip_ifs *ifs, struct ip_if *t);

/* local, remote: 4 or 16 octets. NULL: there is none, or there are several (GRE tunnels that differ in their keys). */
const struct ip_if *ip_ends_find(const struct ip_ifs *ifs, uint16_t vrf, uint8_t family, const uint8_t *local,
                                 const uint8_t *remote);

#endif
