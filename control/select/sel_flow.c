#include "control/select/sel_flow.h"

#include "control/select/sel_trace.h"
#include "control/select/sel_v1.h"

#include <string.h>

/* How far a tunnel or flow fits, the worst first; what fits best decides, and what failed last explains. */
enum fit { OTHER_ENDS, OTHER_VERSION, OTHER_PROFILE, OTHER_SELECTORS, FITS_ANY_PEER, FITS_PEER };

static bool names_peer(const struct cfg_interface *t, const struct ip_addr *remote)
{
    for (unsigned i = 0; t->flow && i < t->flow->peer_count; i++)
        if (ip_addr_equal(&t->flow->peers[i], remote))
            return true;
    return ip_addr_equal(&t->tunnel_destination, remote);
}

bool sel_flow_any_peer(const struct cfg_interface *t)
{
    if (t->flow)
        return t->flow->peer_count == 0;
    return t->tunnel_destination.family == IP_NONE && !t->tunnel_destination_host[0];
}

static const char *other_ends(const struct cfg *c, const struct cfg_interface *t,
                              const struct sel_flow_query *q)
{
    struct ip_addr src;
    if (strcmp(t->tunnel_vrf, q->fvrf ? q->fvrf : "") != 0)
        return "another fVRF";
    if (!cfg_tunnel_source(c, t, &src))
        return "no source address";
    if (q->local && !ip_addr_equal(&src, q->local))
        return "another source address";
    return names_peer(t, q->remote) || sel_flow_any_peer(t) ? NULL : "another destination";
}

static bool profile_takes(const struct cfg *c, const struct cfg_ipsec_profile *ipsec,
                          const struct sel_flow_query *q)
{
    if (q->version == CFG_IKEV1)
        return sel_v1_entry_accepts(c, ipsec, q->profile1, NULL);
    /* An IPsec profile without a binding takes any (G12). */
    return !q->profile2 || !ipsec->ikev2_profile[0] || strcmp(ipsec->ikev2_profile, q->profile2->name) == 0;
}

/* IKEv1: one of them lies inside the policy. IKEv2: one has something in common with it. No selectors asked for: fits. */
static bool side_fits(enum cfg_ike_version version, const struct ts *asked, unsigned n,
                      const struct ts *policy)
{
    struct ts both;
    for (unsigned i = 0; i < n; i++)
        if (version == CFG_IKEV1 ? ts_contains(policy, &asked[i]) : ts_intersect(policy, &asked[i], &both))
            return true;
    return n == 0;
}

static bool selectors_fit(const struct cfg *c, const struct cfg_interface *t, const struct sel_flow_query *q)
{
    struct ts local, remote;
    return cfg_selectors(c, t, &local, &remote) &&
           side_fits(q->version, q->ts_local, q->local_count, &local) &&
           side_fits(q->version, q->ts_remote, q->remote_count, &remote);
}

static enum fit fit(const struct cfg *c, const struct cfg_interface *t, const struct sel_flow_query *q,
                    const char **why)
{
    const struct cfg_ipsec_profile *ipsec = cfg_find_ipsec_profile(c, t->protection_profile);
    *why = other_ends(c, t, q);
    if (*why)
        return OTHER_ENDS;
    *why = !ipsec                    ? "its IPsec profile is not there"
           : q->version == CFG_IKEV1 ? "its IPsec profile is IKEv2's"
                                     : "its IPsec profile is IKEv1's";
    if (!ipsec || cfg_ipsec_ike_version(c, ipsec) != q->version)
        return OTHER_VERSION;
    *why = q->version == CFG_IKEV1 ? "its IPsec profile is bound to another ISAKMP profile"
                                   : "its IPsec profile is bound to another IKEv2 profile";
    if (!profile_takes(c, ipsec, q))
        return OTHER_PROFILE;
    *why = q->version == CFG_IKEV1 ? "the peer's proxy identities do not lie inside its policy"
                                   : "its policy and the peer's traffic selectors have nothing in common";
    if (!selectors_fit(c, t, q))
        return OTHER_SELECTORS;
    bool named = names_peer(t, q->remote);
    *why = named ? "source, destination, profile and selectors fit" : "takes any peer";
    return named ? FITS_PEER : FITS_ANY_PEER;
}

/* True when the policy of `a` is a true part of b's. */
static bool tighter(const struct cfg *c, const struct cfg_interface *a, const struct cfg_interface *b)
{
    struct ts la, ra, lb, rb;
    return cfg_selectors(c, a, &la, &ra) && cfg_selectors(c, b, &lb, &rb) && ts_contains(&lb, &la) &&
           ts_contains(&rb, &ra) && !(ts_equal(&la, &lb) && ts_equal(&ra, &rb));
}

const struct cfg_interface *sel_flow_tie(const struct cfg_interface *earlier,
                                         const struct cfg_interface *later)
{
    (void)later;
    return earlier;
}

static enum sel_flow_why why_not(enum fit most)
{
    switch (most) {
    case OTHER_PROFILE:
        return SEL_FLOW_PROFILE;
    case OTHER_SELECTORS:
        return SEL_FLOW_SELECTORS;
    case FITS_ANY_PEER:
    case FITS_PEER:
        return SEL_FLOW_FOUND;
    case OTHER_ENDS:
    case OTHER_VERSION:
        break;
    }
    return SEL_FLOW_NO_TUNNEL;
}

static void conclude(const struct sel_flow_query *q, enum fit most, const struct cfg_interface *best,
                     struct sel_trace *trace)
{
    const char *profile_rule = q->version == CFG_IKEV1 ? "PF-7" : "PF-9";
    static const char *const texts[] = {
        [OTHER_ENDS] = "no protected tunnel or crypto map entry between these addresses",
        [OTHER_VERSION] = "what is between these addresses is another IKE version's",
        [OTHER_PROFILE] = "what is between these addresses is bound to another profile",
        [OTHER_SELECTORS] =
            "the peer's selectors are not those of the policy: proxy identities not supported",
        [FITS_ANY_PEER] = "takes any peer, and profile and selectors fit",
        [FITS_PEER] = "source, destination, profile and selectors fit",
    };
    bool by_selectors = most == OTHER_SELECTORS || (most >= FITS_ANY_PEER && best->flow);
    sel_trace_end(trace, by_selectors ? "PR-12" : profile_rule, most >= FITS_ANY_PEER ? best->name : NULL,
                  "%s", texts[most]);
}

const struct cfg_interface *sel_flow(const struct cfg *c, const struct sel_flow_query *q,
                                     enum sel_flow_why *why, const struct cfg_interface **nearest,
                                     struct sel_trace *trace)
{
    const struct cfg_interface *best = NULL;
    enum fit most = OTHER_ENDS;
    sel_trace_begin(trace, SEL_POLICY);
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *t = &c->interfaces[i];
        const char *text;
        if (!cfg_is_protected(t))
            continue;
        enum fit f = fit(c, t, q, &text);
        sel_trace_candidate(trace, t->name, f >= FITS_ANY_PEER, "%s", text);
        if (f == OTHER_ENDS || f < most)
            continue;
        if (best && f == most)
            best = tighter(c, t, best) ? t : sel_flow_tie(best, t);
        else
            best = t;
        most = f;
    }
    conclude(q, most, best, trace);
    if (why)
        *why = why_not(most);
    if (nearest)
        *nearest = best;
    return most >= FITS_ANY_PEER ? best : NULL;
}

bool sel_flow_fits(const struct cfg *c, const struct cfg_interface *t, const struct sel_flow_query *q)
{
    const char *why;
    return cfg_is_protected(t) && fit(c, t, q, &why) >= FITS_ANY_PEER;
}

/* ---- transport mode ------------------------------------------------------------------------------------------- */
static bool is_host(const struct ts *t, const struct ip_addr *a)
{
    struct ip_prefix p;
    return ts_to_prefix(t, &p) && p.len == ip_addr_bits(a) && ip_addr_equal(&p.addr, a);
}

bool sel_transport(const struct cfg_transform_set *set, const struct ts *ts_local, const struct ts *ts_remote,
                   const struct ip_addr *local, const struct ip_addr *remote, bool *refuse)
{
    bool host_to_host = is_host(ts_local, local) && is_host(ts_remote, remote);
    *refuse = set->transport && set->transport_require && !host_to_host;
    return set->transport && host_to_host;
}
