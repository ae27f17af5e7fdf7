/* ip_pmtu: path MTU discovery (RFC 1191, RFC 8201): reading what routers say, and the MTUs learned of destinations.
 *
 * What is learned holds for a destination of a VRF, and so for every SA to it, also for the ones that replace them. It is
 * forgotten IP_PMTU_AGE_MS after it last became smaller (RFC 1191 6.3, RFC 8201 5.3). The table is bounded; in a full
 * set what is oldest goes. Whether a message may be believed is judged by who knows the SAs (dp_pmtu.h).
 *
 * Writer: the manager. Readers: any worker, between two quiescent states. */
#ifndef DATAPLANE_IP_IP_PMTU_H
#define DATAPLANE_IP_IP_PMTU_H

#include "common/contract.h"
#include "dataplane/dp_meta.h"
#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_hash.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    IP_PMTU_MIN4 = 576,          /* lower is not believed: every host takes as much (RFC 791 3.1) */
    IP_PMTU_MIN6 = 1280,         /* RFC 8201 4 */
    IP_PMTU_AGE_MS = 600 * 1000, /* RFC 1191 6.3: ten minutes */
    IP_PMTU_WAYS = 4,
    IP_PMTU_SETS = CV_PATH_MTUS / IP_PMTU_WAYS,
};

/* "Fragmentation needed" or "packet too big" about IPsec, plain or in UDP. */
struct ip_pmtu_news {
    struct ip_addr local, remote; /* of the quoted packet */
    uint32_t spi, seq;            /* ... and of its ESP or AH header */
    uint16_t mtu;  /* believable in itself: not under the family's least, less than the quoted packet */
    uint8_t proto; /* enum cv_proto */
    bool natt;     /* it was in UDP ... */
    uint16_t local_port, remote_port;
};

/* m: ICMP for this host, data at the IP header, meta filled. False: it is no such message, its checksum is wrong, or
 * what it quotes is not the first piece of an IPsec packet that routers may not cut, with its SPI and sequence number. */
CV_MUST_USE bool ip_pmtu_read(struct rte_mbuf *m, struct ip_pmtu_news *out);

/* The same about a GRE packet as we make them: *gre has its key, or that it has none. The rest of *out but ends and MTU is zero. */
CV_MUST_USE bool ip_pmtu_read_gre(struct rte_mbuf *m, struct ip_pmtu_news *out, struct ip_gre *gre);

struct ip_pmtu_entry { /* immutable once published */
    uint64_t until_ms;
    struct ip_addr addr;
    uint16_t vrf, mtu;
};

struct ip_pmtus {
    uint32_t count; /* workers look at it first */
    struct ip_hash_key key;
    struct ip_pmtu_entry *entry[CV_PATH_MTUS];
    struct cv_path_mtu *rows; /* what culvertd sees of each entry; may be NULL */
};

/* rows: CV_PATH_MTUS of them in the shared memory. */
CV_MUST_USE cv_result ip_pmtu_init(struct ip_pmtus *t, struct cv_path_mtu *rows);
void ip_pmtu_fini(struct ip_pmtus *t);
/* True: it is less than what was known of the destination, and is kept. */
CV_MUST_USE bool ip_pmtu_learn(struct ip_pmtus *t, uint16_t vrf, const struct ip_addr *addr, uint16_t mtu,
                               uint64_t now_ms);
/* Forgets what is too old; how many that were. */
unsigned ip_pmtu_expire(struct ip_pmtus *t, uint64_t now_ms);
void ip_pmtu_flush(struct ip_pmtus *t);

uint16_t ip_pmtu_find(const struct ip_pmtus *t, uint16_t vrf, uint8_t family, const uint8_t *addr);
/* Of the path to a destination by a link whose MTU is `link`: that, or less. addr: 4 or 16 octets. */
static inline uint16_t ip_pmtu_of(const struct ip_pmtus *t, uint16_t vrf, uint8_t family, const uint8_t *addr,
                                  uint16_t link)
{
    if (__atomic_load_n(&t->count, __ATOMIC_RELAXED) == 0)
        return link;
    const uint16_t known = ip_pmtu_find(t, vrf, family, addr);
    return known != 0 && known < link ? known : link;
}

#endif
