#include "control/select/sel_policy.h"

#include "control/select/sel_trace.h"

#include <string.h>

const struct cfg_ikev2_policy *sel_policy_tie(const struct cfg_ikev2_policy *earlier,
                                              const struct cfg_ikev2_policy *later)
{
    (void)later;
    return earlier;
}

static bool local_listed(const struct cfg_ikev2_policy *p, const struct ip_addr *local)
{
    for (unsigned i = 0; local && i < p->local_count; i++)
        if (ip_addr_equal(&p->local[i], local))
            return true;
    return false;
}

/* 0: does not fit; else an address says more than an fVRF, and either more than `any`. */
static unsigned fit(const struct cfg_ikev2_policy *p, const char *fvrf, const struct ip_addr *local,
                    const char **why)
{
    bool fvrf_fits = p->fvrf_any || strcmp(p->fvrf, fvrf ? fvrf : "") == 0;
    bool listed = local_listed(p, local);
    *why = p->proposal_count == 0          ? "incomplete: it has no proposal"
           : !fvrf_fits                    ? "another fVRF"
           : p->local_count > 0 && !listed ? "another local address"
           : listed                        ? "local address fits"
           : p->fvrf_any                   ? "fVRF any"
                                           : "fVRF fits";
    if (p->proposal_count == 0 || !fvrf_fits || (p->local_count > 0 && !listed))
        return 0;
    return 1u + (listed ? 2u : 0u) + (p->fvrf_any ? 0u : 1u);
}

static const struct cfg_ikev2_policy *builtin_of(const struct cfg *c, bool *alone)
{
    const struct cfg_ikev2_policy *builtin = NULL;
    *alone = true;
    for (unsigned i = 0; i < c->policy_count; i++)
        if (c->policies[i].builtin)
            builtin = &c->policies[i];
        else
            *alone = false;
    return builtin;
}

const struct cfg_ikev2_policy *sel_ikev2_policy(const struct cfg *c, const char *fvrf,
                                                const struct ip_addr *local, struct sel_trace *trace)
{
    const struct cfg_ikev2_policy *best = NULL;
    unsigned most = 0;
    bool alone;
    const struct cfg_ikev2_policy *builtin = builtin_of(c, &alone);
    sel_trace_begin(trace, SEL_POLICY);
    if (alone) {
        sel_trace_end(trace, "4.4", builtin ? builtin->name : NULL, "no IKEv2 policy is configured: %s",
                      builtin ? "the built-in one" : "and the built-in one is taken away");
        return builtin;
    }
    for (unsigned i = 0; i < c->policy_count; i++) {
        const struct cfg_ikev2_policy *p = &c->policies[i];
        const char *why;
        if (p->builtin)
            continue;
        unsigned f = fit(p, fvrf, local, &why);
        sel_trace_candidate(trace, p->name, f > 0, "%s", why);
        if (f > 0 && f >= most) {
            best = f == most ? sel_policy_tie(best, p) : p;
            most = f;
        }
    }
    sel_trace_end(trace, "4.4", best ? best->name : NULL, "%s",
                  best ? "the best match for fVRF and local address"
                       : "no policy fits fVRF and local address");
    return best;
}
