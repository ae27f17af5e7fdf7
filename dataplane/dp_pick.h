/* dp_pick: which of an interface's outbound SAs takes a packet: the newest whose selectors hold it.
 *
 * A tunnel has one or two, and looks at each. A crypto map's flow may have one for every peer: then those whose remote
 * selector is a prefix are found by a keyed hash of it (one look per prefix length in use), and the others (ranges)
 * one by one.
 *
 * Immutable once published with its struct dp_tunnel. Made by the manager, read by any worker. */
#ifndef DATAPLANE_DP_PICK_H
#define DATAPLANE_DP_PICK_H

#include "dataplane/dp_sad.h"

#include <rte_mbuf.h>

enum { DP_PICK_FROM = 8 /* SAs: fewer are looked at in turn */ };

/* NULL: no memory. t: its sas and count are final. */
struct dp_pick *dp_pick_new(const struct dp_tunnel *t, const struct ip_hash_key *key);

/* m: data at the IP header of `family`. dir: OUT: the packet is to be sent. IN: it came in clear; would the SA be the one that
 * carries its answer? NULL: none. */
const struct dp_tunnel_sa *dp_pick_slow(const struct dp_tunnel *t, const struct rte_mbuf *m, uint8_t family,
                                        enum cv_dir dir);

/* Could an SA take the datagram that m is a piece of? As dp_pick_slow, but what m does not show of its protocol and ports is
 * held against nobody (esp_ts_may_match). */
const struct dp_tunnel_sa *dp_pick_perhaps(const struct dp_tunnel *t, const struct rte_mbuf *m,
                                           uint8_t family, enum cv_dir dir);

static inline const struct dp_tunnel_sa *dp_pick(const struct dp_tunnel *t, const struct rte_mbuf *m,
                                                 uint8_t family)
{
    /* Whole-family selectors need no look at the packet. */
    if (likely(family == IP_V4 ? t->sas[0].any4 : t->sas[0].any6))
        return &t->sas[0];
    return dp_pick_slow(t, m, family, CV_DIR_OUT);
}

#endif
