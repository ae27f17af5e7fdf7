/* dp_protect: what the policy of a port (its crypto map) means for a packet that leaves or comes in by it (RFC 4301 5.1, 5.2).
 *
 * Going out: the first row that matches decides: into an SA of the row's flow, on in clear, or dropped. Exempt are
 * this host's own IKE datagrams and ESP packets. Coming in clear, for this host or to be forwarded: the rows are
 * read in the mirror; what a row wants protected is dropped (policy-clear), and so is what a flow without an access list
 * (PROTECT_IF) has an SA for. A later fragment whose first one an SA could take is dropped both ways, unless an SA takes it
 * whatever its ports are (RFC 4301 7). Exempt are IKE and ESP for this host, Neighbour Discovery, which no other hop can have
 * sent (hop limit 255), and fragments for this host, that are asked about once they are whole. What an SA delivered
 * does not come here: its selectors were checked, and it is routed in the VRF of its flow.
 *
 * Packets of a link's own (multicast, link-local destinations) are never forwarded and not asked about.
 * The worker's own lcore only. */
#ifndef DATAPLANE_DP_PROTECT_H
#define DATAPLANE_DP_PROTECT_H

#include "dataplane/dp_policy.h"
#include "dataplane/dp_worker.h"

/* Where packets are let into an SA, or out or in in clear, that is kept for those of the same flow (dp_decided.h), which are not asked about here again. */

/* m goes out by the policy's port, before its TTL is lowered. True: in clear, it stays the caller's. False: it was taken. */
CV_MUST_USE bool dp_protect_out(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy);
/* m came in by the policy's port in clear; meta filled by ip_classify. True: let it in. False: it is gone. */
CV_MUST_USE bool dp_protect_in(struct dp_worker *w, struct rte_mbuf *m, const struct ip_policy *policy);
/* m has been let out in clear, and has waited since: would it be still? Keeps it. */
CV_MUST_USE bool dp_protect_still_clear(struct dp_worker *w, struct rte_mbuf *m,
                                        const struct ip_policy *policy);

/* Are the answers of dp_protect_out the same for all packets of the same ends and the same maker that it gives to the same
 * SA; that it lets out in clear? */
static inline bool dp_protect_by_address(const struct ip_policy *policy, const struct dp_meta *meta)
{
    return policy->by_address[meta->family == IP_V6];
}
static inline bool dp_protect_clear_by_address(const struct ip_policy *policy, const struct dp_meta *meta)
{
    return meta->local_out == DP_LOCAL_ESP || policy->clear_by_address[meta->family == IP_V6];
}

#endif
