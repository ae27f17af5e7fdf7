/* dp_pick: which of an interface's outbound SAs takes a packet: the newest whose selectors hold it.
 *
 * A tunnel has one or two, and looks at each. A crypto map's flow may have one for every peer, half a million of them:
 * from DP_PICK_FROM on those whose remote selector is a prefix are found by a keyed hash of it (one look per prefix length in use),
 * and the others (ranges) one by one. One table for all interfaces, as large as the SA table, so that it never has to grow:
 * an SA comes and goes in the same time however many there are.
 *
 * Writers: the manager. Readers: any worker, between two quiescent states. A new entry is published at the front of its chain; an old one is
 * unlinked, and freed after a grace period. Whoever replaces an entry adds the new one first. */
#ifndef DATAPLANE_DP_PICK_H
#define DATAPLANE_DP_PICK_H

#include "dataplane/dp_sad.h"

#include <rte_mbuf.h>

/* The calling thread asks for this worker from now on: where a tunnel has SAs for single workers (RFC 9611), its own is taken first, then
 * the one for all, then any. A thread that never says so is none. Tunnels without such SAs are not asked. */
void dp_pick_for(unsigned worker);

enum { DP_PICK_FROM = 8 /* SAs: fewer are looked at in turn */ };

/* The table of all interfaces, for 1 << bits SAs. NULL: no memory. */
struct dp_pick_table *dp_pick_table_new(unsigned bits);
void dp_pick_table_free(struct dp_pick_table *t); /* empty, workers gone */
/* Octets of the chains' heads. */
size_t dp_pick_table_bytes(const struct dp_pick_table *t);

/* What one interface with many SAs keeps. NULL: no memory. */
struct dp_pick *dp_pick_new(struct dp_pick_table *t, uint32_t if_id);
void dp_pick_free(struct dp_pick *p); /* without entries, unpublished for a grace period */

/* Makes s, whose SA is newer than all that were added before, be found; *out: what to remove it by. CV_ENOMEM: nothing changed. */
CV_MUST_USE cv_result dp_pick_add(struct dp_pick *p, const struct dp_tunnel_sa *s,
                                  struct dp_pick_entry **out);
void dp_pick_remove(struct dp_pick *p, struct dp_pick_entry *e);
/* What the outer path leaves for inner packets (dp_tunnel_sa.inner_mtu). True: that is another value than before. */
bool dp_pick_set_mtu(struct dp_pick_entry *e, uint16_t mtu);

/* m: data at the IP header of `family`. dir: OUT: the packet is to be sent. IN: it came in clear; would the SA be the one that
 * carries its answer? NULL: none. */
const struct dp_tunnel_sa *dp_pick_slow(const struct dp_tunnel *t, const struct rte_mbuf *m, uint8_t family,
                                        enum cv_dir dir);

/* As dp_pick_slow for a packet to be sent: len octets from its IP header on. */
const struct dp_tunnel_sa *dp_pick_octets(const struct dp_tunnel *t, const uint8_t *ip, uint32_t len,
                                          uint8_t family);

/* Could an SA take the datagram that m is a piece of? As dp_pick_slow, but what m does not show of its protocol and ports is
 * held against nobody (esp_ts_may_match). */
const struct dp_tunnel_sa *dp_pick_perhaps(const struct dp_tunnel *t, const struct rte_mbuf *m,
                                           uint8_t family, enum cv_dir dir);

/* For bursts whose packets go by many SAs, step by step for all of them: asks the cache for how t's SAs are found; where the one for a packet to
 * `dst` (4 or 16 octets) hangs, the longest prefix in use being the likeliest; what hangs there. For the caller to fetch; NULL, which is
 * allowed as an argument as well: nothing. */
void dp_pick_fetch(const struct dp_tunnel *t);
struct dp_pick_entry *const *dp_pick_chain(const struct dp_tunnel *t, uint8_t family, const uint8_t *dst);
const struct dp_pick_entry *dp_pick_first(struct dp_pick_entry *const *chain);
/* Then: as dp_pick, faster where t's SAs all have prefixes of one length. */
const struct dp_tunnel_sa *dp_pick_at(const struct dp_tunnel *t, struct dp_pick_entry *const *chain,
                                      const struct rte_mbuf *m, uint8_t family);

static inline const struct dp_tunnel_sa *dp_pick(const struct dp_tunnel *t, const struct rte_mbuf *m,
                                                 uint8_t family)
{
    /* Whole-family selectors need no look at the packet. */
    if (likely(family == IP_V4 ? t->sas[0].any4 : t->sas[0].any6))
        return &t->sas[0];
    return dp_pick_slow(t, m, family, CV_DIR_OUT);
}

#endif
