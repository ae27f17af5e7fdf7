/* ip_if: the logical interfaces: what a packet comes in on and goes out by.
 *
 * An entry is immutable once published; a change publishes a new one and frees the old after a grace
 * period. Writers: the manager. Readers: any worker, between two quiescent states. */
#ifndef DATAPLANE_IP_IP_IF_H
#define DATAPLANE_IP_IP_IF_H

#include "common/contract.h"
#include "common/result.h"
#include "dataplane/ip/ip_hash.h"
#include "dataplane/ip/ip_mss.h"
#include "dataplane/ip/ip_police.h"

#include <stdbool.h>
#include <stdint.h>

enum { IP_NO_PORT = 0xffff, IP_MTU_MIN = 68, IP_MTU_MIN6 = 1280, IP_MTU_MAX = 9216 };

enum { IP_GRE_HEAD_MAX = 48, IP_GRE_CHAINS = CV_MAX_IFS, IP_ENDS_CHAINS = CV_MAX_IFS };

/* What a GRE tunnel puts in front of every packet (ip_gre.h). */
struct ip_gre_head {
    uint8_t family; /* of the outer header */
    uint8_t l3_len; /* its octets */
    uint8_t len;    /* and those of GRE; 0: an end is missing, nothing can be sent or received */
    uint8_t octets[IP_GRE_HEAD_MAX];
};

struct ip_if { /* a packet on its way into a tunnel or out of it reads the first line */
    uint32_t id;
    uint8_t kind; /* enum cv_if_kind */
    uint8_t up;
    uint16_t port; /* index of the port, or IP_NO_PORT */
    uint16_t mtu;  /* IP MTU; of a tunnel 0 when it is not configured */
    uint16_t vrf;
    uint16_t tunnel_vrf;
    bool gre; /* a tunnel of mode GRE or GRE6 */
    union ip_mss tcp_mss;
    struct ip_police *police; /* [2] by enum cv_dir; NULL: no rate limit */
    uint8_t mac[6];
    uint8_t link_local[16]; /* fe80::/64 with the MAC's EUI-64 (RFC 4291 2.5.6), ports only */
    struct ip_gre_head gre_head;
    struct ip_police buckets[2];
    struct ip_if *gre_next; /* in its chain; changes while published, atomic */
    struct ip_if *ends_next;
    struct cv_if conf;
};

struct ip_ifs {
    struct ip_if *by_id[CV_MAX_IFS];
    struct ip_if *by_port[CV_MAX_PORTS];
    uint32_t count;
    struct ip_hash_key hash_key;        /* made before the first tunnel */
    struct ip_if *gre[IP_GRE_CHAINS];   /* ip_gre.h */
    struct ip_if *ends[IP_ENDS_CHAINS]; /* ip_ends.h */
};

/* Publishes conf, replacing its id's entry. port and mac: of its port, IP_NO_PORT and NULL for others.
 * CV_EINVAL: id, kind, name, VRF, MTU, family of the tunnel's ends, or a port that another interface has. */
CV_MUST_USE cv_result ip_if_set(struct ip_ifs *t, const struct cv_if *conf, uint16_t port, const uint8_t *mac,
                                uint16_t port_mtu);
CV_MUST_USE cv_result ip_if_del(struct ip_ifs *t, uint32_t id);

static inline const struct ip_if *ip_if_get(const struct ip_ifs *t, uint32_t id)
{
    return __atomic_load_n(&t->by_id[id], __ATOMIC_ACQUIRE); /* id < CV_MAX_IFS: checked when it came in */
}
static inline const struct ip_if *ip_if_of_port(const struct ip_ifs *t, unsigned port)
{
    return __atomic_load_n(&t->by_port[port], __ATOMIC_ACQUIRE);
}

#endif
