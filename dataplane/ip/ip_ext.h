/* ip_ext: the chain of IPv6 extension headers (RFC 8200 4): the bounded walk over it, and what it asks of the host that
 * the packet is for.
 *
 * Refused wherever they are seen: more than IP_EXT_HEADERS_MAX headers, hop-by-hop options that are not the first (RFC 8200 4.1,
 * 4.3), a type 0 routing header that still has somewhere to go (RFC 5095), and a first fragment that does not hold the whole
 * chain with the upper layer's header (RFC 7112 5). Pure functions over octets that may be hostile. */
#ifndef DATAPLANE_IP_IP_EXT_H
#define DATAPLANE_IP_IP_EXT_H

#include "common/contract.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    IP_EXT_HEADERS_MAX = 8,
    IP_PLAIN_MAX =
        40, /* octets of headers: more than that, and there are extension headers, or IPv4 has options */
};

/* Hop-by-hop options, routing and fragment headers, destination options: what the walk goes over. */
bool ip_ext_is(uint8_t next);

struct ip_ext {
    uint32_t len;      /* octets of the IPv6 header and the extension headers */
    uint32_t field;    /* where the octet stands that names proto */
    uint32_t fragment; /* where the first fragment header begins; 0: there is none */
    uint8_t
        proto;  /* of what begins at len; behind a later fragment's header it may be an extension header's */
    bool frag;  /* a fragment, the first or a later one; an atomic one is none (RFC 6946) */
    bool later; /* what begins at len is the middle of something */
};

/* ip: an IPv6 packet of `total` octets, 40 or more. CV_DROP_NONE, and *x is filled; or MALFORMED_IP (a header runs over the end),
 * EXT_HEADERS, HEADER_CHAIN. */
enum cv_drop ip_ext_walk(const uint8_t *ip, uint32_t total, struct ip_ext *x);

/* RFC 4443 3.4, RFC 7112 8: codes of the parameter problem. */
enum {
    IP_EXT_CODE_FIELD = 0,
    IP_EXT_CODE_NEXT = 1,
    IP_EXT_CODE_OPTION = 2,
    IP_EXT_CODE_CHAIN = 3,
};

/* As far as the chain of such a packet can be followed, whoever may have it: where a header begins that is no extension header, or is one too many, or runs
 * over the end, or where a later fragment's octets begin. */
void ip_ext_behind(const uint8_t *ip, uint32_t total, struct ip_ext *x);

/* What the host answers that cannot take a packet (RFC 4443 3.4). */
struct ip_ext_problem {
    bool tell; /* an ICMP parameter problem is due */
    uint8_t code;
    uint16_t pointer;
};

/* A packet for this host, whole or refused by the walk: are there options that must not be passed over (RFC 8200 4.2), a routing header of whatever
 * type with segments left (4.4), or hop-by-hop options that are not the first (4)? What comes first counts. group: its destination is multicast. CV_DROP_NONE; or
 * EXT_OPTION or EXT_HEADERS, and *p says what to answer. */
enum cv_drop ip_ext_here(const uint8_t *ip, uint32_t total, bool group, struct ip_ext_problem *p);

#endif
