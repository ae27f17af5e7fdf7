/* ip_icmp: ICMP and ICMPv6 (RFC 792, RFC 4443): echo, and the errors a router owes.
 *
 * Pure functions over mbufs whose data starts at the IP header. Rate limits are the caller's. */
#ifndef DATAPLANE_IP_IP_ICMP_H
#define DATAPLANE_IP_IP_ICMP_H

#include "common/contract.h"
#include "dataplane/dp_meta.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    IP_ICMP_ECHO_REPLY = 0,
    IP_ICMP_UNREACHABLE = 3,
    IP_ICMP_ECHO = 8,
    IP_ICMP_TIME_EXCEEDED = 11,
    IP_ICMP_NO_NET = 0, /* codes of UNREACHABLE */
    IP_ICMP_NO_HOST = 1,
    IP_ICMP_NO_PROTO = 2,
    IP_ICMP_NO_PORT = 3,
    IP_ICMP_FRAG_NEEDED = 4,
    IP_ICMP_REASSEMBLY = 1, /* code of TIME_EXCEEDED, of both families */
    IP_ICMP6_UNREACHABLE = 1,
    IP_ICMP6_TOO_BIG = 2,
    IP_ICMP6_TIME_EXCEEDED = 3,
    IP_ICMP6_PARAMETER = 4,
    IP_ICMP6_ECHO = 128,
    IP_ICMP6_ECHO_REPLY = 129,
    IP_ICMP6_REDIRECT = 137,
    IP_ICMP6_NO_ROUTE = 0, /* codes of UNREACHABLE */
    IP_ICMP6_NO_ADDR = 3,
    IP_ICMP6_NO_PORT = 4,
    IP_ICMP_HEADER = 8,
    IP_ICMP_TTL = 64,
};

/* The kinds of trouble, written in either family. */
enum ip_trouble {
    IP_TROUBLE_NO_ROUTE,
    IP_TROUBLE_NO_HOST,
    IP_TROUBLE_NO_PORT,
    IP_TROUBLE_NO_PROTO,
    IP_TROUBLE_TTL,
    IP_TROUBLE_REASSEMBLY, /* its other fragments did not come in time */
    IP_TROUBLE_TOO_BIG
};
/* Fills meta->icmp_type and icmp_code by meta->family. mtu: with TOO_BIG the next hop's, else 0. */
void ip_icmp_trouble(struct dp_meta *meta, enum ip_trouble t, uint16_t mtu);

/* A whole ICMP message with a right checksum: where it begins, and its octets (IP_ICMP_HEADER or more). */
CV_MUST_USE bool ip_icmp_good(struct rte_mbuf *m, const uint8_t **icmp, uint32_t *len);

/* Turns a whole echo request into its reply, in place. False: it is none, or its checksum is wrong. */
bool ip_icmp_echo_reply(struct rte_mbuf *m);

/* Writes the error that meta(bad) names into the empty mbuf out, from src. False: none may be sent: about
 * an ICMP error or a redirect, a later fragment, a group or broadcast destination, a source that is not one host
 * (RFC 1122 3.2.2, RFC 4443 2.4 (e)). */
bool ip_icmp_error(struct rte_mbuf *out, struct rte_mbuf *bad, const struct ip_addr *src);

/* The first octets of such an error, as traffic selectors see it: header, type and code. How many there are. */
enum { IP_ICMP_HEADERS_MAX = 48 };
uint32_t ip_icmp_head(uint8_t out[IP_ICMP_HEADERS_MAX], const struct dp_meta *meta, const struct ip_addr *src,
                      const struct ip_addr *dst);

/* Writes an echo request into the empty mbuf m, which has room for size + 48 octets. As of all that is written here, IPv4's identification
 * is whoever's who sends it (ip_id.h). */
void ip_icmp_echo(struct rte_mbuf *m, const struct cv_ping *p);

/* What an ICMP message says about an echo request of ours: the reply, or an error that quotes it. */
struct ip_icmp_answer {
    uint8_t type, code, ttl;
    uint16_t id, seq;
    struct ip_addr from;
};
bool ip_icmp_answer_read(struct rte_mbuf *m, struct ip_icmp_answer *out);

#endif
