/* sel_flow: which protected tunnel, or which permit line of a crypto map, a peer's phase 2 belongs to; for both versions of IKE.
 *
 * PF-7 (IKEv1), PF-9 (IKEv2), PR-12, PR-13, G11, G12: between the addresses, in the fVRF, bound to the profile that phase 1 selected or to none,
 * and with selectors that the peer's fit. Of several the most specific: one that names the peer before one that takes any,
 * then the tightest policy, then the first configured. */
#ifndef CONTROL_SELECT_SEL_FLOW_H
#define CONTROL_SELECT_SEL_FLOW_H

#include "control/select/sel.h"

struct sel_flow_query {
    enum cfg_ike_version version;
    const char *fvrf; /* "" or NULL: global */
    const struct ip_addr *local, *remote;
    const struct cfg_ikev2_profile *profile2;  /* IKEv2: the SA's */
    const struct cfg_isakmp_profile *profile1; /* IKEv1: the SA's; NULL: none matched (PF-6, G11) */
    /* What the peer asks for, as seen from this end; several for IKEv2. */
    unsigned local_count, remote_count;
    const struct ts *ts_local, *ts_remote;
};

enum sel_flow_why {
    SEL_FLOW_FOUND,
    SEL_FLOW_NO_TUNNEL, /* nothing between these addresses of this version */
    SEL_FLOW_PROFILE,   /* there is, but it is bound to another profile: PF-7, PF-9 */
    SEL_FLOW_SELECTORS, /* profile fits, selectors do not: "proxy identities not supported" */
};

/* IKEv1: the peer's one pair must lie inside the policy's (the permit line's mirror image, PR-12). IKEv2: something in common with it
 * (narrowing, RFC 7296 2.9). *nearest (may be NULL): the candidate that failed last, for the session's error. The trace's rule is
 * PF-7, PF-9 or PR-12. */
const struct cfg_interface *sel_flow(const struct cfg *c, const struct sel_flow_query *q,
                                     enum sel_flow_why *why, const struct cfg_interface **nearest,
                                     struct sel_trace *trace);
/* No peer is named: whoever the profile believes may come, and several at once. */
CV_MUST_USE bool sel_flow_any_peer(const struct cfg_interface *t);
/* Of two that fit equally well and are equally tight: the first configured. */
const struct cfg_interface *sel_flow_tie(const struct cfg_interface *earlier,
                                         const struct cfg_interface *later);
/* Whether this one fits, as sel_flow judges: a child that is rekeyed, or several flows of one IKE SA. */
CV_MUST_USE bool sel_flow_fits(const struct cfg *c, const struct cfg_interface *t,
                               const struct sel_flow_query *q);
/* Whether transport mode may be used (section 4.6): the set asks for it and the selectors are the two gateways themselves, host to host.
 * Else tunnel mode; *refuse is true when the set says `mode transport require` and it is not possible. */
CV_MUST_USE bool sel_transport(const struct cfg_transform_set *set, const struct ts *ts_local,
                               const struct ts *ts_remote, const struct ip_addr *local,
                               const struct ip_addr *remote, bool *refuse);

#endif
