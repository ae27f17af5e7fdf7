#include "control/select/sel_tunnel.h"

#include "control/select/sel_trace.h"

#include <string.h>

const struct cfg_interface *sel_tunnel_tie(const struct cfg_interface *earlier,
                                           const struct cfg_interface *later)
{
    (void)later;
    return earlier;
}

enum fit { NO_FIT, FITS_ANY_PEER, FITS_PEER };

struct wanted {
    const char *fvrf;
    const struct ip_addr *local, *remote;
    const struct cfg_ikev2_profile *profile;
};

static bool other_profile(const struct cfg *c, const struct cfg_interface *t, const struct wanted *w)
{
    const struct cfg_ipsec_profile *ipsec = cfg_find_ipsec_profile(c, t->protection_profile);
    /* An IPsec profile without a binding takes any (G12). */
    return w->profile && ipsec && ipsec->ikev2_profile[0] &&
           strcmp(ipsec->ikev2_profile, w->profile->name) != 0;
}

static bool is_ikev1(const struct cfg *c, const struct cfg_interface *t)
{
    const struct cfg_ipsec_profile *ipsec = cfg_find_ipsec_profile(c, t->protection_profile);
    return ipsec && cfg_ipsec_ike_version(c, ipsec) == CFG_IKEV1;
}

static enum fit fit(const struct cfg *c, const struct cfg_interface *t, const struct wanted *w,
                    const char **why)
{
    struct ip_addr src;
    bool any_peer = t->tunnel_destination.family == IP_NONE && !t->tunnel_destination_host[0];
    *why = t->shutdown                                                      ? "shut down"
           : strcmp(t->tunnel_vrf, w->fvrf ? w->fvrf : "") != 0             ? "another fVRF"
           : !cfg_tunnel_source(c, t, &src)                                 ? "no source address"
           : w->local && !ip_addr_equal(&src, w->local)                     ? "another source address"
           : !any_peer && !ip_addr_equal(&t->tunnel_destination, w->remote) ? "another destination"
           : is_ikev1(c, t)                                                 ? "its IPsec profile is IKEv1's"
           : other_profile(c, t, w) ? "its IPsec profile is bound to another IKEv2 profile"
                                    : NULL;
    if (*why)
        return NO_FIT;
    *why = any_peer ? "takes any peer" : "source, destination and profile fit";
    return any_peer ? FITS_ANY_PEER : FITS_PEER;
}

const struct cfg_interface *sel_tunnel(const struct cfg *c, const char *fvrf, const struct ip_addr *local,
                                       const struct ip_addr *remote, const struct cfg_ikev2_profile *profile,
                                       struct sel_trace *trace)
{
    struct wanted w = {fvrf, local, remote, profile};
    const struct cfg_interface *best = NULL;
    enum fit most = NO_FIT;
    sel_trace_begin(trace, SEL_POLICY);
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *t = &c->interfaces[i];
        const char *why;
        if (t->kind != CV_IF_TUNNEL || !t->protection_profile[0])
            continue;
        enum fit f = fit(c, t, &w, &why);
        sel_trace_candidate(trace, t->name, f != NO_FIT, "%s", why);
        if (f == NO_FIT || f < most)
            continue;
        best = f == most ? sel_tunnel_tie(best, t) : t;
        most = f;
    }
    sel_trace_end(trace, "PF-9", best ? best->name : NULL, "%s",
                  best ? "source, destination and IKEv2 profile fit"
                       : "no protected tunnel fits the peer and its profile");
    return best;
}

bool sel_tunnel_fits(const struct cfg *c, const struct cfg_interface *tunnel, const char *fvrf,
                     const struct ip_addr *local, const struct ip_addr *remote,
                     const struct cfg_ikev2_profile *profile)
{
    struct wanted w = {fvrf, local, remote, profile};
    const char *why;
    return tunnel->kind == CV_IF_TUNNEL && tunnel->protection_profile[0] &&
           fit(c, tunnel, &w, &why) != NO_FIT;
}
