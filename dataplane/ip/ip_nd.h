/* ip_nd: IPv6 Neighbour Discovery (RFC 4861): reading and writing solicitations and advertisements.
 *
 * Pure functions over one mbuf each. Router discovery, redirects and address configuration are not done:
 * a gateway's addresses and routes are configured. */
#ifndef DATAPLANE_IP_IP_ND_H
#define DATAPLANE_IP_IP_ND_H

#include "common/addr.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

enum { IP_ND_FIRST = 133, IP_ND_LAST = 137 }; /* types of Neighbour Discovery (RFC 4861 4) */
enum { IP_ND_SOLICIT = 135, IP_ND_ADVERT = 136, IP_ND_FRAME = 14 + 40 + 24 + 8 };

struct ip_nd {
    uint8_t type; /* IP_ND_SOLICIT or IP_ND_ADVERT */
    struct ip_addr src, target;
    bool solicited; /* advertisement */
    bool has_mac;
    uint8_t mac[6]; /* source or target link-layer address option */
};

/* Data at the IPv6 header, ICMPv6 of type 135 or 136 at l3_len, classified before. False: the checks of
 * RFC 4861 7.1.1 and 7.1.2 do not hold (hop limit 255, checksum, code, lengths, addresses, options). */
bool ip_nd_read(const struct rte_mbuf *m, uint16_t l3_len, struct ip_nd *out);
/* Writes a whole frame into the empty mbuf m; false when it has no room. mac NULL: to the solicited-node group. */
bool ip_nd_ask(struct rte_mbuf *m, const uint8_t own_mac[6], const uint8_t own[16], const uint8_t target[16],
               const uint8_t *mac);
/* The advertisement for `target`, ours. to NULL: the asker had no address (RFC 4861 7.2.4): all nodes. */
bool ip_nd_answer(struct rte_mbuf *m, const uint8_t own_mac[6], const uint8_t target[16], const uint8_t *to,
                  const uint8_t *to_mac);

#endif
