/* ip_mss: clamping the maximum segment size that TCP SYNs announce (RFC 9293 3.7.1), as `ip tcp adjust-mss` asks for.
 *
 * Pure functions over one packet; every octet of it may be hostile. */
#ifndef DATAPLANE_IP_IP_MSS_H
#define DATAPLANE_IP_IP_MSS_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

/* m: one segment, data at an IPv4 or IPv6 header, cut to the packet's length. Lowers every MSS option over `mss` (IPv6: over 20
 * less, for its header is longer by that) of a SYN and corrects the checksum (RFC 1624); one that is smaller, or missing, stays so. A first fragment is treated alike (atomic ones of
 * IPv6 among them), as far as it shows the options; later ones are left alone. True: it was changed. */
bool ip_mss_clamp(struct rte_mbuf *m, uint16_t mss);

#endif
