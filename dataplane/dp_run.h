/* dp_run: a run: received packets of one flow that follow one another, taken together from the port to the port.
 *
 * The first packet of a run, its leader, goes the whole way: every decision is taken for it by those who take it for any packet. What
 * they decided (the SA, the port, the neighbour) holds within the burst for those behind it whose headers are the same but for
 * length, identification and checksum, or sequence number. These are compared in five words, and then built, encrypted or decrypted and framed as arrays,
 * a few at a time (esp_run.h). What differs in anything else ends the run: it goes the whole way, and no packet overtakes another.
 *
 * What a leader found out is kept, one way into an SA and one out of an SA: packets of later bursts follow it at once, with no leader of their own, as
 * long as no table has changed (dp_rcu_changes) and they come in by the same interface. What no table says is asked for with each burst: lifetimes, a closed SA,
 * the bucket's owner.
 *
 * A multi-buffer engine (CBC, HMAC) takes as long for one packet as for a call that is full (esp_run.h). Of its SAs runs are whole bursts, and a leader, who
 * goes alone, is let go a hundred times a second at most: what cannot follow goes the long way, a burst in one call.
 *
 * Runs are of IPv4 without options and fragments, or of IPv6 without extension headers (its flow labels may differ), in unicast frames: inner packets into an SA, or ESP to one of this host's SAs, in tunnel mode
 * both, where neither port nor tunnel asks anything of each packet (policies, rates, MSS). ESP's runs come in by a port with a policy as well. ESP in UDP goes so over IPv4 alone: over IPv6 it has a checksum of all of it (RFC 8200 8.1). The rest
 * goes as before.
 *
 * The worker's own lcore only. */
#ifndef DATAPLANE_DP_RUN_H
#define DATAPLANE_DP_RUN_H

#include "dataplane/dp_worker.h"
#include "dataplane/ip/ip_classify.h"

enum {
    DP_RUN_MIN = 8,    /* fewer packets are no run */
    DP_RUN_PIECE = 64, /* packets that are built, and then encrypted, together */
};

CV_MUST_USE cv_result dp_runs_new(int socket, struct dp_runs **out);
void dp_runs_free(struct dp_runs *r);

/* Takes runs from the front of pkts[0..n), as they came from the port `in`. Where that asks something of packets in clear (policy, MSS), only runs of ESP
 * to this host's SAs are taken, of which it asks nothing. Gives how many packets it took: all that the worker's loop would do to them is done; adds the octets of their frames to *bytes. */
unsigned dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                     struct rte_mbuf **pkts, unsigned n, uint64_t *bytes);

#endif
