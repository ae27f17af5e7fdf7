/* dp_inline: packets that a NIC encrypts as they leave or has decrypted as they came (eng_inline.h), between ESP and the ports.
 *
 * A packet that ESP built for a NIC is in clear until it is on the right port's queue. So it does not go through routing as others do:
 * dp_inline_out finds its way, and where that does not lead straight to the port of its SA's session, by a queue of this worker's own,
 * to a neighbour who is known, in one piece, the packet is encrypted here, and then routed as any other. That covers a route that
 * changed, an MTU that asks for fragments, a next hop that has to be asked for, a NIC that lost its sessions. "Sending the packet on
 * other ports could result in unencrypted packets being sent out" (DPDK's sample application guide, ipsec-secgw).
 *
 * Coming in, what a NIC decrypted (RTE_MBUF_F_RX_SEC_OFFLOAD) belongs to its SA and to nobody else: it is in clear, and whatever
 * does not reach that SA is dropped with CV_DROP_UNKNOWN_SPI instead of being forwarded. */
#ifndef DATAPLANE_DP_INLINE_H
#define DATAPLANE_DP_INLINE_H

#include "dataplane/dp_worker.h"
#include "dataplane/engine/eng_inline.h"

static inline bool dp_inline_is_on(const struct dp *dp)
{
    return dp->engine == &eng_inline;
}

/* With crypto-engine inline: offers the engine the ports. Never fails: a port without rte_security is one like before. Manager. */
void dp_inline_start(struct dp *dp);
void dp_inline_stop(struct dp *dp);
/* Each 100 ms: hands on to culvertd what NICs said of SAs. Manager. */
void dp_inline_tick(struct dp *dp);

/* Takes ownership of ESP's packets, in clear or not, in their order. Worker. */
void dp_inline_out(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n);

/* Frames that the port's queue has not taken and that are dropped for it: what was to be encrypted was not. Worker. */
void dp_inline_refused(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n);

/* Was m decrypted by a NIC, or tried by one? */
static inline bool dp_inline_came_so(const struct rte_mbuf *m)
{
    return (m->ol_flags & (RTE_MBUF_F_RX_SEC_OFFLOAD | RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED)) != 0;
}

#endif
