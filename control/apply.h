/* apply: from a configuration to what the data plane must hold: interfaces, addresses, routes, neighbours and the policies of crypto
 * maps, numbered, and the commands that lead from one such set to the next.
 *
 * Pure: no I/O. Removals come before additions, so that a name, address or prefix may move in one reload. Nothing goes in
 * clear on the way: a policy that protects is in force before a route goes or comes, and is taken away after all
 * others have been set. */
#ifndef CONTROL_APPLY_H
#define CONTROL_APPLY_H

#include "common/contract.h"
#include "control/config/cfg_model.h"
#include "control/runtime/rt_state.h"

struct apply_addr {
    struct cv_addr addr;
    uint16_t vrf;
};

/* Sorted by nothing in particular; keys are unique: if_id, (if_id, addr), (vrf, prefix), of nbrs (if_id, addr). Rows of policies stand together by
 * port, and in their order. */
struct apply_set {
    unsigned if_count, addr_count, route_count, policy_count, nbr_count;
    struct cv_if *ifs;
    struct apply_addr *addrs;
    struct cv_route *routes;
    struct cv_policy *policies;
    struct cv_nbr *nbrs;
    struct cv_icmp_rules icmp;
};
void apply_free(struct apply_set *s);

/* Numbers new names in ifs and vrfs. Of routes with one prefix the one with the lowest distance stays. A route or tunnel
 * that cannot be expressed is left out with a warning in the log. `reverse-route` of a static crypto map entry gives routes to
 * its remote selectors by the way to its first peer, unless one of that prefix is configured. CV_ENOSPC: more names than the contract numbers. */
CV_MUST_USE cv_result apply_build(const struct cfg *c, struct rt_names *ifs, struct rt_names *vrfs,
                                  struct apply_set *out);

/* Removes the names whose numbers `in_use` does not have, so that these may be given again. They were taken from the data plane
 * when it came into force. */
void apply_forget(const struct apply_set *in_use, struct rt_names *ifs, struct rt_names *vrfs);

/* Calls emit for every command that turns `was` (NULL: an empty data plane) into `want`. again: send also what both hold. */
typedef void apply_emit_fn(void *ctx, const struct cv_cmd *cmd);
void apply_diff(const struct apply_set *was, const struct apply_set *want, bool again, apply_emit_fn *emit,
                void *ctx);

/* The local address this host would send from to dst: the first of its family on the interface that the longest prefix
 * leads to, else the first of its family on any other interface. False when there is none. */
CV_MUST_USE bool apply_source(const struct apply_set *s, uint16_t vrf, const struct ip_addr *dst,
                              struct ip_addr *src);

#endif
