/* dp_bench_site: what a benchmark case's data plane knows: interfaces, routes, policies, SAs; and the addresses of its
 * packets.
 *
 * Up to BENCH_OWN_IF SAs have a tunnel interface each, which takes every packet that is routed into it. There is no room for a million
 * interfaces: more SAs share them, BENCH_PER_IF to each, and are told apart by the remote prefix in their selectors
 * (dp_pick.h), as the clients of one concentrator are; inbound, selectors are then checked against each packet, too. */
#ifndef DATAPLANE_DP_BENCH_SITE_H
#define DATAPLANE_DP_BENCH_SITE_H

#include "dataplane/dp.h"
#include "dataplane/dp_bench.h"

enum { BENCH_OWN_IF = 4000, BENCH_PER_IF = 256 };

extern const uint8_t dp_bench_own_mac[6], dp_bench_far_mac[6];

/* A host behind the far end of SA i, and one on this side. */
struct ip_addr dp_bench_far_host(const struct bench_case *c, unsigned i);
struct ip_addr dp_bench_near_host(const struct bench_case *c, unsigned i);
/* A far one that no line of the policy names, and that is reached by the same port. */
struct ip_addr dp_bench_clear_host(const struct bench_case *c, unsigned i);
/* SA i of the case in a direction; both directions have the same keys. */
void dp_bench_sa(const struct bench_case *c, unsigned i, enum cv_dir dir, struct cv_sa *sa);
/* The interface of SA i; of a GRE tunnel as one end or the other sees it. */
struct cv_if dp_bench_if(const struct bench_case *c, unsigned i, bool far_end);
/* Lines of the SA table that the case needs, as a power of two. */
unsigned dp_bench_index_bits(const struct bench_case *c);
/* Fills the tables of dp, whose ports 0 and 1 are in and out; tells on stderr how far it is when that takes long. */
CV_MUST_USE cv_result dp_bench_site_fill(struct dp *dp, const struct bench_case *c);

/* "WHAT: done of all" on stderr, at most every few seconds. For the main thread. */
void dp_bench_progress(const struct bench_case *c, const char *what, unsigned done, unsigned all);

#endif
