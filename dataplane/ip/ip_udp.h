/* ip_udp: writing whole UDP datagrams (IKE, NAT keepalives), and checking received ones.
 *
 * Pure functions over one mbuf. */
#ifndef DATAPLANE_IP_IP_UDP_H
#define DATAPLANE_IP_IP_UDP_H

#include "common/addr.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IP_UDP_HEADER = 8, IP_UDP_TTL = 64, IP_NON_ESP_MARKER = 4 };

/* Appends IP and UDP headers, `marker` zero octets (RFC 3948 2.2) and n octets of data to the empty mbuf m. IPv4's identification is 0 (ip_id.h).
 * False: other families at the two ends, or no room. */
bool ip_udp_write(struct rte_mbuf *m, const struct ip_endpoint *local, const struct ip_endpoint *remote,
                  unsigned marker, const uint8_t *data, size_t n);
/* The payload of a classified, unfragmented UDP packet whose data starts at the IP header. False: the
 * checksum is wrong, or zero over IPv6 (RFC 8200 8.1). */
bool ip_udp_payload(const struct rte_mbuf *m, uint16_t l3_len, const uint8_t **data, size_t *n);

#endif
