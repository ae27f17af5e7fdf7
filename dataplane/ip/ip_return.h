/* ip_return: the packet that would answer the one an ICMP error quotes (RFC 4301 6.2): its addresses and ports the other way round.
 *
 * Where no policy and no SA takes an ICMP error by its own header, it goes with the return traffic of what it is about. Pure; every octet
 * of the message may be hostile. */
#ifndef DATAPLANE_IP_IP_RETURN_H
#define DATAPLANE_IP_IP_RETURN_H

#include "dataplane/dp_meta.h"

#include <stdbool.h>

enum { IP_RETURN_OCTETS = 56 };

/* A packet for lookups alone, never sent: an mbuf with its metadata behind it, over octets of its own. */
struct ip_return {
    struct rte_mbuf m;
    struct dp_meta meta;
    uint8_t octets[IP_RETURN_OCTETS];
};

/* m: looked at by ip_classify. False: it is no whole ICMP error (unreachable, source quench, time exceeded, parameter problem, packet too
 * big), or does not go to who sent what it quotes, or quotes too little. */
CV_MUST_USE bool ip_return_make(struct ip_return *r, const struct rte_mbuf *m);
/* The same of a first fragment, too, for who wants to know what it is about: by an SA a fragment of an error does not go. */
CV_MUST_USE bool ip_return_make_first(struct ip_return *r, const struct rte_mbuf *m);
/* m: ICMP, not a later fragment. Is it an error? One that does not even show its type may be. */
CV_MUST_USE bool ip_return_is_error(const struct rte_mbuf *m);

#endif
