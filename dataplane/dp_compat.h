/* dp_compat: what differs between the DPDK releases that culvert builds with, in this one place.
 *
 * Built and tested with 22.11. What is known to have changed up to 24.11, and how this folder stands to it:
 *
 *   IPv6 addresses   became a struct in rte_ipv6_hdr (24.11): only sizeof of that header is used
 *   ip_frag          its expiry was experimental in 22.11: not used, ip_reass is our own
 *   atomics          members of ring, link and mbuf became RTE_ATOMIC (23.11): none is touched by name
 *                    but rte_ring's sync_type, size, mask and capacity, which did not
 *   __rte_aligned    moved in front of `struct` (24.07): the compiler's own attribute is used
 *   rte_eth_link     became a union (24.11): its fields have kept their names
 *   EAL options      -c is going away: --lcores is used
 *
 * Every file of dataplane/ and common/ compiles without a warning against the headers of 24.11 (syntax check; not
 * linked or run with it yet): what shows there belongs here, too. */
#ifndef DATAPLANE_DP_COMPAT_H
#define DATAPLANE_DP_COMPAT_H

#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "culvert needs DPDK 22.11 or later"
#endif

#endif
