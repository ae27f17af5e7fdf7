/* ip_frag: cutting packets that are longer than a link takes, and putting fragments for this host together.
 *
 * Cutting copies into single-segment mbufs, as ESP needs them; it is any worker's. Reassembly (librte_ip_frag)
 * is the manager's: a table bounded in entries and time (RFC 1858, RFC 5722: overlapping fragments make
 * the datagram fail). */
#ifndef DATAPLANE_IP_IP_FRAG_H
#define DATAPLANE_IP_IP_FRAG_H

#include "common/result.h"
#include "dataplane/dp_meta.h"

#include <rte_mbuf.h>
#include <stdint.h>

enum { IP_FRAG_MAX = 16 };

/* Cuts m (data at the IP header, meta filled) into at most IP_FRAG_MAX packets of at most mtu octets with a
 * copy of m's metadata each. m stays the caller's. 0: no mbufs, or it cannot be done (IPv6 with extension
 * headers; DF is the caller's to look at). */
unsigned ip_frag_split(struct rte_mbuf *m, uint16_t mtu, struct rte_mempool *pool,
                       struct rte_mbuf *out[IP_FRAG_MAX]);

struct ip_frag_table;
CV_MUST_USE cv_result ip_frag_table_new(struct rte_mempool *pool, struct ip_frag_table **out);
void ip_frag_table_free(struct ip_frag_table *t);
/* Takes a fragment (data at the IP header, meta filled; owned from now on). Returns the whole datagram,
 * one mbuf from `pool`, when this was the last missing piece; else NULL. now: TSC. */
struct rte_mbuf *ip_frag_take(struct ip_frag_table *t, struct rte_mbuf *m, uint64_t now);
void ip_frag_expire(struct ip_frag_table *t, uint64_t now);

#endif
