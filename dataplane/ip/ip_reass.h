/* ip_reass: putting fragments for this host together (RFC 791 3.2, RFC 8200 4.5).
 *
 * A table bounded in datagrams, fragments, time, and datagrams of one source. What is new takes the place of what is
 * oldest: lone fragments that somebody sends cost others nothing but the time they would wait. Fragments join
 * only when they came in on the same interface of the same VRF and go on to the same stage, so that a piece from the wire never
 * ends up in a datagram that came out of a tunnel, nor what somebody behind a GRE tunnel sends in the tunnel's own packets. Overlapping fragments end their datagram, and those that come after them, until its time is over
 * (RFC 5722 3); so does a second piece of the same place and other octets. A whole is marked as congested if one of its fragments is; if another one
 * cannot carry such a mark, there is no whole (RFC 3168 5.3).
 *
 * IPv4's identification comes again after 65,536 datagrams, in less than a second where they are many (RFC 4963 2). Against pieces of two datagrams
 * with one identification there are the keys, the short lifetime, and a bound to the fragments that its sender may have sent between two of
 * one datagram. Where most datagrams are whole, fewer fragments may lie between: what is left then is for ESP's and AH's own check, and, of what no SA
 * protects, for checksums and IKE's.
 *
 * Its owner's alone. */
#ifndef DATAPLANE_IP_IP_REASS_H
#define DATAPLANE_IP_IP_REASS_H

#include "common/result.h"
#include "dataplane/dp_meta.h"

#include <rte_mbuf.h>
#include <stdint.h>

enum {
    IP_REASS_DATAGRAMS = 1024,
    IP_REASS_FRAGMENTS = 1536, /* mbufs held in all */
    IP_REASS_OF_DATAGRAM = 32, /* as many fragments as a jumbo packet has over a path of 576 octets */
    IP_REASS_OF_SOURCE = 16,   /* unfinished datagrams of one sender */
    IP_REASS_LIFETIME_MS = 1500,
    IP_REASS_BETWEEN =
        2048, /* fragments of one sender, by which a piece of IPv4 may be late: with 16 workers an identification comes again after 8,192 */
};

/* Of one interface, tighter than the above where it says so: 0 means as above. */
struct ip_reass_limits {
    uint16_t datagrams; /* unfinished that came in by it */
    uint8_t fragments;  /* of one datagram */
    uint8_t timeout_s;
};

struct ip_reass;
/* pool: for the joined datagrams, whose length its data room bounds. drops: CV_DROP_COUNT counters by enum cv_drop, for each fragment that
 * goes into no datagram (fragment, fragment-overlap, fragment-room, fragment-late, ecn, no-mbuf); the table's owner writes them alone. */
CV_MUST_USE cv_result ip_reass_new(struct rte_mempool *pool, uint64_t tsc_hz, uint64_t *drops,
                                   struct ip_reass **out);
void ip_reass_free(struct ip_reass *t);
/* Who hears of each datagram whose time is over while its first fragment is here, as its sender is owed an error (RFC 1122 3.3.2, RFC 8200 4.5): the
 * first fragment, as it came, is the hearer's from now on; it is counted already. Not of what gave way to others, nor of what overlapped. */
typedef void ip_reass_late_fn(void *ctx, struct rte_mbuf *first);
/* Who hears of each IPv6 fragment whose length cannot be: not a multiple of 8 octets and not the last, or further than 65,535 octets (RFC 8200 4.5). It is
 * the hearer's from now on, and counted already; pointer: the octet of it that is wrong. */
typedef void ip_reass_wrong_fn(void *ctx, struct rte_mbuf *m, uint16_t pointer);
void ip_reass_tell(struct ip_reass *t, ip_reass_late_fn *late, ip_reass_wrong_fn *wrong, void *ctx);
/* Takes a fragment (data at the IP header, meta filled, with its stage; owned from now on). Returns the whole datagram,
 * one mbuf from `pool` with the first fragment's metadata, when this was the last missing piece; else NULL.
 * limits: of the interface it came in by; NULL: none. now: TSC. */
struct rte_mbuf *ip_reass_take(struct ip_reass *t, struct rte_mbuf *m, const struct ip_reass_limits *limits,
                               uint64_t now);
void ip_reass_expire(struct ip_reass *t, uint64_t now);

#endif
