/* dp_group: groups: received packets of a burst that go by several SAs, taken together as runs are (dp_run.h), those of each flow by themselves.
 *
 * Of flows that came by before, the worker knows the ways (dp_way.h): some thousand of them, found by the addresses, with ESP by its SPI and otherwise by protocol and DSCP as
 * well. Packets that follow one another and whose ways are known are sorted by them, in the order in which each came; then the groups are built,
 * encrypted or decrypted in one call where the engine takes packets of several SAs, and framed. A packet that has no way goes the whole
 * way, and may become the leader of its flow; those behind it wait for it. So no packet overtakes another one of its flow.
 *
 * What is asked of a way is what is asked of a run's leader of an earlier burst: no table may have changed, lifetime, a closed SA, the bucket's owner.
 * Of an inbound SA one way stands at a time, whatever its packets' sources: they are checked in the order in which they came (RFC 4303 3.4.3).
 *
 * By a port that asks something of packets in clear (a policy, an MSS), ESP alone goes in groups: it is not asked about that.
 *
 * Where most packets have no way, as with more flows than there is room for, groups are left alone for a while.
 *
 * The worker's own lcore only. */
#ifndef DATAPLANE_DP_GROUP_H
#define DATAPLANE_DP_GROUP_H

#include "dataplane/dp_worker.h"
#include "dataplane/ip/ip_classify.h"

enum {
    DP_GROUP_MIN = 8,      /* fewer packets are not sorted */
    DP_GROUP_WAYS = 2048,  /* that are known at a time */
    DP_GROUP_PAUSE = 4096, /* bursts that are left alone when most packets have no way */
};

CV_MUST_USE cv_result dp_groups_new(int socket, struct dp_groups **out);
void dp_groups_free(struct dp_groups *g);

/* Takes packets from the front of pkts[0..n), n <= ESP_BURST_MAX, as they came from the port `in`. Gives how many it
 * took: those that went in groups are done with, the others wait for their SAs as when they come one by one; adds the octets of
 * their frames to *bytes. */
unsigned dp_group_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                       struct rte_mbuf **pkts, unsigned n, uint64_t *bytes);

#endif
