/* ip_arp: ARP for Ethernet and IPv4 (RFC 826): reading and writing its frames.
 *
 * Pure functions over one mbuf each. */
#ifndef DATAPLANE_IP_IP_ARP_H
#define DATAPLANE_IP_IP_ARP_H

#include "common/addr.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct ip_arp {
    bool request; /* else a reply */
    uint8_t sender_mac[6];
    struct ip_addr sender, target;
    uint8_t target_mac[6];
};

enum { IP_ARP_FRAME = 42 };

/* Data at the Ethernet header. False: not a well-formed request or reply, or its sender is not who sent the frame. */
bool ip_arp_read(const struct rte_mbuf *m, struct ip_arp *out);
/* Writes a frame into the empty mbuf m; false when it has no room. mac NULL: a broadcast request. */
bool ip_arp_ask(struct rte_mbuf *m, const uint8_t own_mac[6], const struct ip_addr *own,
                const struct ip_addr *target, const uint8_t *mac);
/* The answer to `a`, which asked for one of our addresses. */
bool ip_arp_answer(struct rte_mbuf *m, const uint8_t own_mac[6], const struct ip_arp *a);

#endif
