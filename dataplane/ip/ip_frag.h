/* ip_frag: cutting packets that are longer than a link takes. ip_reass puts fragments together.
 *
 * Copies into single-segment mbufs, as ESP needs them; any worker's. */
#ifndef DATAPLANE_IP_IP_FRAG_H
#define DATAPLANE_IP_IP_FRAG_H

#include "dataplane/dp_meta.h"

#include <rte_mbuf.h>
#include <stdint.h>

enum { IP_FRAG_MAX = 32 }; /* a jumbo packet over a path of 576 octets with ESP's on top */

/* Cuts m (data at the IP header, meta filled) into at most IP_FRAG_MAX packets of at most mtu octets with a
 * copy of m's metadata each. m stays the caller's. 0: no mbufs, or it cannot be done (IPv6 with extension
 * headers; DF is the caller's to look at). */
unsigned ip_frag_split(struct rte_mbuf *m, uint16_t mtu, struct rte_mempool *pool,
                       struct rte_mbuf *out[IP_FRAG_MAX]);

#endif
