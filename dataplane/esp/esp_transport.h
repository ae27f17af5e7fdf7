/* esp_transport: transport mode (RFC 4303 3.1.1): ESP between the packet's own IP header and its payload.
 *
 * Internal to esp. An SA of this mode serves packets between exactly its two ends. Extension headers of IPv6 that
 * routers look at (hop-by-hop, routing, an atomic fragment header, destination options in front of a routing
 * header) stay outside; what follows is encrypted. Fragments are refused (RFC 4303 3.3.4): an IP packet is whole
 * before, and may be cut after. TOS or traffic class, ECN, DF, and TTL stay as they are. */
#ifndef DATAPLANE_ESP_ESP_TRANSPORT_H
#define DATAPLANE_ESP_ESP_TRANSPORT_H

#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_out.h"

/* The builder of an outbound SA. */
esp_out_build_fn *esp_transport_builder(const struct cv_sa *conf);

/* Puts an authentic packet together again: IP header, extension headers, payload; data at the IP header. With UDP
 * encapsulation the checksums of TCP, UDP and ICMPv6, which a NAT made wrong, are computed anew (RFC 3948 3.1.2).
 * CV_DROP_NONE, or why it is dropped. */
enum cv_drop esp_transport_decap(const struct esp_in_sa *sa, struct rte_mbuf *m, const struct eng_op *op);

#endif
