/* dp_addr: this host's addresses, found by VRF and address, and listed by interface and by VRF.
 *
 * The manager's lcore only. */
#ifndef DATAPLANE_DP_ADDR_H
#define DATAPLANE_DP_ADDR_H

#include "common/contract.h"
#include "common/result.h"
#include "dataplane/ip/ip_if.h"

#include <stdint.h>
#include <sys/queue.h>

enum { DP_ADDR_CHAINS = 4096 };

struct dp_addr {
    TAILQ_ENTRY(dp_addr) chain, of_if, of_vrf;
    uint32_t if_id;
    uint16_t vrf;
    struct ip_prefix subnet;
    struct ip_addr addr;
};
TAILQ_HEAD(dp_addr_list, dp_addr);

struct dp_addrs {
    struct dp_addr_list chain[DP_ADDR_CHAINS];
    struct dp_addr_list of_if[CV_MAX_IFS];      /* eldest first */
    struct dp_addr_list of_vrf[CV_MAX_VRFS][2]; /* [vrf][family is IPv6], eldest first */
};

void dp_addrs_init(struct dp_addrs *t);
void dp_addrs_free(struct dp_addrs *t);

/* A copy of a becomes part of the table. CV_ENOMEM. */
CV_MUST_USE cv_result dp_addrs_add(struct dp_addrs *t, const struct dp_addr *a);
void dp_addrs_remove(struct dp_addrs *t, struct dp_addr *a); /* frees it */

/* The local address `a` of an interface (0: any) and VRF, or NULL. */
struct dp_addr *dp_addrs_find(const struct dp_addrs *t, uint32_t if_id, uint16_t vrf,
                              const struct ip_addr *a);
/* The interface's address whose subnet holds `near`; else its first of the family; else the VRF's first; or NULL. */
const struct ip_addr *dp_addrs_source(const struct dp_addrs *t, const struct ip_if *on,
                                      const struct ip_addr *near);
/* A subnet of the interface holds `a`. */
bool dp_addrs_on_link(const struct dp_addrs *t, uint32_t if_id, const struct ip_addr *a);

#endif
