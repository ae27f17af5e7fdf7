/* ip_gre: GRE (RFC 2784) with keys (RFC 2890), over IPv4 and IPv6, carrying both: the header both ways, and which
 * tunnel a received packet belongs to.
 *
 * A tunnel is known by the VRF of its outer packets, its two ends, and its key (or that it has none). Tunnels lie in
 * chains under a keyed hash of these, inside struct ip_ifs; of two that are the same the one with the lower id is
 * found. Writers: the manager (ip_if_set, ip_if_del). Readers: any worker, between two quiescent states. */
#ifndef DATAPLANE_IP_IP_GRE_H
#define DATAPLANE_IP_IP_GRE_H

#include "dataplane/dp_meta.h"
#include "dataplane/ip/ip_if.h"

#include <stdbool.h>

enum { IP_PROTO_GRE = 47, IP_GRE_HEADER = 4 };

/* What a GRE header says. */
struct ip_gre {
    uint16_t len;   /* octets of the header with its options */
    uint8_t family; /* IP_V4 or IP_V6 of the payload */
    bool keyed;
    uint32_t key;
};

/* Fills t->gre_head from t->conf: stays empty while an end is missing. For ip_if_set. */
void ip_gre_head_make(struct ip_if *t);
void ip_gre_link(struct ip_ifs *ifs, struct ip_if *t);
void ip_gre_unlink(struct ip_ifs *ifs, struct ip_if *t);

/* gre: `len` octets, all of the outer packet's payload. A checksum is verified (RFC 2784 2.3), a sequence number
 * skipped (RFC 2890 2.2); bits 1, 4 and 5, a version, and payloads other than IP are refused. CV_DROP_NONE or
 * CV_DROP_GRE_MALFORMED. */
enum cv_drop ip_gre_read(const uint8_t *gre, uint32_t len, struct ip_gre *out);

/* Does a packet between these ends (4 or 16 octets), with this header, belong to tunnel t? */
bool ip_gre_is(const struct ip_if *t, uint16_t vrf, uint8_t family, const uint8_t *local,
               const uint8_t *remote, const struct ip_gre *g);
/* The tunnel it belongs to, up or not; NULL: none. */
const struct ip_if *ip_gre_find(const struct ip_ifs *ifs, uint16_t vrf, uint8_t family, const uint8_t *local,
                                const uint8_t *remote, const struct ip_gre *g);

/* Puts GRE and outer header of tunnel t in front of the IP packet at the data start. TOS or traffic class are the
 * packet's (RFC 6040 4.1), or the tunnel's DSCP with the packet's ECN; TTL and DF by the tunnel. id: identification of the outer IPv4 header (RFC 6864 4). `room`
 * octets are left in front, for what comes next. meta is then the outer header's: vrf, family, proto, l3_len; the
 * rest is the caller's. False: there is no room, and nothing was changed. */
bool ip_gre_push(struct rte_mbuf *m, const struct ip_if *t, uint16_t id, uint32_t room);

/* Is the packet at the data start, which tunnel t delivered, a keepalive of its far end? IOS sends in GRE what it wants to have
 * back: a GRE packet of protocol 0 to itself, from our address. meta is the packet's. */
bool ip_gre_is_keepalive(const struct rte_mbuf *m, const struct ip_if *t);

/* Takes outer header (meta->l3_len octets) and GRE header off, checks what is inside, and combines the congestion
 * marks (RFC 6040 4.2). meta is then the inner packet's, but for vrf and if_in. CV_DROP_NONE, or why it is dropped. */
enum cv_drop ip_gre_pull(struct rte_mbuf *m, const struct ip_gre *g);

#endif
