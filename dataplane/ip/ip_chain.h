/* ip_chain: packets in several mbufs, or in one without room, made into one that has it.
 *
 * Most of the path works on single mbufs with room in front and behind. Packets that a port scattered over several and that do not go as they are (dp_segs.h), and
 * those that were put where they just fit, are copied here; ports of a jumbo MTU have mbufs that hold a whole frame, so that this is
 * rare. Any thread. */
#ifndef DATAPLANE_IP_IP_CHAIN_H
#define DATAPLANE_IP_IP_CHAIN_H

#include "dataplane/dp_meta.h"

#include <rte_mbuf.h>

/* A copy of m's octets and metadata in one mbuf of `pool`, with the pool's headroom. NULL: no mbuf, the packet is longer than
 * one of them holds, or its segments have fewer octets than it says. m stays the caller's. */
struct rte_mbuf *ip_chain_join(const struct rte_mbuf *m, struct rte_mempool *pool);
/* Why it gave none: CV_DROP_NO_ROOM for a packet that one of them never holds, CV_DROP_NO_MBUF otherwise. */
enum cv_drop ip_chain_why(const struct rte_mbuf *m, struct rte_mempool *pool);

#endif
