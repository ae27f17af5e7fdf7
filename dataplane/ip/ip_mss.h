/* ip_mss: clamping the maximum segment size that TCP SYNs announce (RFC 9293 3.7.1), as `ip tcp adjust-mss` asks for.
 *
 * Pure functions over one packet; every octet of it may be hostile. */
#ifndef DATAPLANE_IP_IP_MSS_H
#define DATAPLANE_IP_IP_MSS_H

#include "common/addr.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

/* What an interface says of each family; 0: SYNs pass as they are. */
union ip_mss {
    uint32_t any; /* of one of them, or of both */
    struct {
        uint16_t v4, v6;
    };
};
static inline uint16_t ip_mss_of(union ip_mss mss, uint8_t family)
{
    return family == IP_V4 ? mss.v4 : mss.v6;
}

/* m: one segment, data at an IPv4 or IPv6 header, cut to the packet's length. Lowers every MSS option over `mss` (0: none) of a SYN and corrects the checksum (RFC 1624); one that is smaller, or missing, stays so. A first fragment is treated alike (atomic ones of
 * IPv6 among them), as far as it shows the options; later ones are left alone. True: it was changed. */
bool ip_mss_clamp(struct rte_mbuf *m, uint16_t mss);
/* The same to what is said of the packet's family. */
static inline bool ip_mss_clamp_by(struct rte_mbuf *m, union ip_mss mss)
{
    return m->data_len > 0 &&
           ip_mss_clamp(m, *rte_pktmbuf_mtod(m, const uint8_t *) >> 4 == 4 ? mss.v4 : mss.v6);
}

#endif
