/* dp_offload_caps: what ports and crypto devices say they can do: librte_cryptodev's capabilities, and rte_security's of either.
 *
 * What drivers advertise, not what was tried. rte_security has no number of sessions; a crypto device's is librte_cryptodev's. */
#ifndef DATAPLANE_DP_OFFLOAD_CAPS_H
#define DATAPLANE_DP_OFFLOAD_CAPS_H

#include "dataplane/dp_offload.h"

/* Makes DPDK's software crypto devices, then fills out->devices and notes. Of the process's own, without an EAL yet. */
void dp_offload_caps(const struct offload_plan *p, struct offload_report *out);

/* Why `inline` is not measured: its call is software's, and what a NIC does shows on the wire alone. False: another engine; why is left. */
bool dp_offload_caps_inline(const struct offload_report *r, struct offload_engine *e);

struct rte_cryptodev_capabilities;
struct rte_security_capability;
/* Adds to d what the list says, up to its end mark, as far as d has room: symmetric algorithms that have names; IPsec. */
void dp_offload_caps_algorithms(struct offload_device *d, const struct rte_cryptodev_capabilities *c);
void dp_offload_caps_ipsec(struct offload_device *d, const struct rte_security_capability *c);

#endif
