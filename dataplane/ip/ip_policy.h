/* ip_policy: the ordered rows of a port's policy, compiled by librte_acl: which row does a packet meet first?
 *
 * Compiled once, never changed: the manager makes a new one, publishes it, and frees the old after a grace period.
 * Any worker asks. One table serves both directions: a packet is asked for by what is local and what is remote.
 *
 * Ports, as in esp_ts.h: of ICMP type << 8 | code on both sides; OPAQUE is met by packets that have none. A packet
 * whose ports cannot be seen (a later fragment, or one cut off in its first octets) meets a row that names ports
 * by its addresses and protocol alone when the row protects or discards, and not at all when it lets pass: what
 * cannot be told apart is not sent in clear (RFC 4301 7). The same holds of the protocol where a later fragment of IPv6
 * does not show it: its fragment header may name an extension header that only the first one holds. */
#ifndef DATAPLANE_IP_IP_POLICY_H
#define DATAPLANE_IP_IP_POLICY_H

#include "common/contract.h"
#include "common/result.h"
#include "dataplane/dp_meta.h"

#include <stdbool.h>
#include <stdint.h>

struct rte_acl_ctx;

struct ip_policy_row {
    uint32_t flow_if;
    uint8_t action; /* enum cv_policy_action */
    bool names_proto;
};

/* Addresses in network order; IPv4: the first 4 octets. */
struct ip_policy_range {
    uint8_t lo[16], hi[16];
};

struct ip_policy {
    struct rte_acl_ctx *table[2]; /* [is IPv6]; NULL: no rows of the family */
    bool by_address[2];           /* nothing but the addresses decides: no row names a protocol or ports */
    /* Nor what goes in clear: no SA's selectors are asked (PROTECT_IF), and nothing is protected, so that nothing an ICMP error quotes is. */
    bool clear_by_address[2];
    /* What is protected, whatever else the rows say, goes to one of these; in order, none touching another. PROTECT_IF's are not among
     * them: that is `some_if`. */
    struct ip_policy_range *remote[2];
    uint32_t remotes[2];
    bool some_if[2];
    const struct ip_policy_row
        *otherwise[2]; /* [is IPv6] met when no row is; NULL: in clear. ip_policy_close writes it, atomic */
    uint32_t count;
    struct ip_policy_row rows[];
};

enum ip_ports {
    IP_PORTS_NONE = 0,
    IP_PORTS_SEEN = 1,
    IP_PORTS_UNSEEN = 2,
    IP_PORTS_HIDDEN = 3, /* unseen, and the protocol, too */
};

/* What librte_acl reads; network order. */
struct ip_policy_key {
    uint8_t proto;
    uint8_t pad[3];
    uint32_t state; /* enum ip_ports */
    uint16_t local_port, remote_port;
    uint8_t local[16], remote[16]; /* IPv4: the first 4 octets */
};

enum { IP_POLICY_RULES_MAX = 65536 };

/* rows: by order, the first that matches decides; they stay the caller's. socket: NUMA node. CV_EINVAL: a row with
 * selectors or an action that make no sense; CV_ENOSPC: the compiled rows do not fit (ranges of addresses that are no
 * prefixes take several rules each); CV_ENOMEM. 4,096 rows of prefixes take some 40 ms, as many with ports and overlaps
 * that no crypto map has up to 3 s. The manager only. */
CV_MUST_USE cv_result ip_policy_new(const struct cv_policy *rows, uint32_t count, int socket,
                                    struct ip_policy **out);
void ip_policy_free(struct ip_policy *p); /* NULL is fine */
/* The one that discards every packet, for a port whose own could not be made. It needs no memory, and is never freed. */
struct ip_policy *ip_policy_closed(void);
/* From here on packets of the family that meet no row are dropped, while workers read p. */
void ip_policy_close(struct ip_policy *p, uint8_t family);
/* Does a row of the family protect? */
bool ip_policy_row_protects(const struct cv_policy *row, uint8_t family);
/* The row alone: what ip_policy_new asks of each. */
CV_MUST_USE bool ip_policy_row_ok(const struct cv_policy *row);

/* m: data at the IP header, looked at by ip_classify (meta's family, proto, l3_len, frag are its). in: it comes in, its
 * destination is local. */
void ip_policy_key_of(const struct rte_mbuf *m, bool in, struct ip_policy_key *key);
/* The first row that matches; NULL: none, the packet goes in clear. */
const struct ip_policy_row *ip_policy_match(const struct ip_policy *p, uint8_t family,
                                            const struct ip_policy_key *key);

/* Does a row protect (PROTECT, PROTECT_ONLY) anything that goes there, from whom and by what protocol ever? addr: 4 or 16 octets. */
CV_MUST_USE bool ip_policy_protects_to(const struct ip_policy *p, uint8_t family, const uint8_t *addr);

/* Is m a fragment that does not begin with the upper layer's header? Does such a one, or HIP or shim6, hide what that is (IPv6)? */
CV_MUST_USE bool ip_policy_is_later(const struct rte_mbuf *m);
CV_MUST_USE bool ip_policy_hides_proto(const struct dp_meta *meta);

#endif
