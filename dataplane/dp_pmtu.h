/* dp_pmtu: what routers outside say about the packets of our SAs (RFC 4301 8.2, RFC 1191, RFC 8201).
 *
 * An ICMP message is nobody's word: it is believed as far as what it quotes proves that its sender saw a packet of ours. It
 * must have come by a port in the SA's outer VRF, and quote both ends and the SPI of an outbound SA with a sequence number
 * that this SA has used lately; what is learned never goes under 576 or 1280 octets, for ten minutes. How many are looked at
 * is limited. The SA's inner MTU follows, and with it what senders inside are told (RFC 4301 8.2.1).
 *
 * Of a GRE tunnel without IPsec (`tunnel path-mtu-discovery`; over IPv6 always) the quote shows the two ends and the key, and nothing that only who
 * is on the path could know: so it changes that tunnel alone, no SA and no other traffic to the same address, within the same bounds.
 *
 * The manager's alone. */
#ifndef DATAPLANE_DP_PMTU_H
#define DATAPLANE_DP_PMTU_H

#include "dataplane/dp_manager.h"

enum { DP_PMTU_SEQ_BACK = 1 << 24 }; /* packets that may be sent while the message is on its way */

/* m: ICMP or ICMPv6 for this host that came in by `in`, data at the IP header; stays the caller's. True: it was about a packet of IPsec or
 * GRE, and has been dealt with (believed or counted). */
bool dp_pmtu_take(struct dp_manager *g, struct rte_mbuf *m, const struct ip_if *in);
/* Forgets what is too old. */
void dp_pmtu_tick(struct dp_manager *g);
/* All of GRE tunnels, also at the end of the data plane. */
void dp_pmtu_forget_gre(struct dp_manager *g);

#endif
