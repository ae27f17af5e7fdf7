#include "control/select/sel_v1.h"

#include "control/select/sel_certmap.h"
#include "control/select/sel_id.h"
#include "control/select/sel_trace.h"

#include <string.h>

const struct cfg_isakmp_profile *sel_v1_profile_tie(const struct cfg_isakmp_profile *earlier,
                                                    const struct cfg_isakmp_profile *later)
{
    (void)later;
    return earlier;
}

static unsigned specificity_of(const struct cfg_isakmp_profile *p, const struct sel_id *id)
{
    unsigned best = sel_certmap_specificity(p->certmaps, p->certmap_count, id);
    for (unsigned i = 0; i < p->match_count; i++) {
        unsigned s = sel_id_specificity(&p->match[i], id);
        best = s > best ? s : best;
    }
    return best;
}

bool sel_v1_profile_matches(const struct cfg_isakmp_profile *p, const struct sel_id *id)
{
    return specificity_of(p, id) > 0;
}

/* NULL when the profile may be used here; else why not. */
static const char *unusable(const struct cfg *c, const struct cfg_isakmp_profile *p,
                            const struct sel_v1_path *path)
{
    if (!cfg_isakmp_profile_complete(p))
        return "incomplete: it has no match line";
    if (strcmp(p->fvrf, path->fvrf ? path->fvrf : "") != 0)
        return "another fVRF";
    return sel_v1_local_fits(c, &p->local, path->local) ? NULL : "another local address";
}

struct best {
    const struct cfg_isakmp_profile *profile;
    unsigned specificity;
    bool tie;
};

static struct best most_specific(const struct cfg *c, const struct sel_v1_path *path, const struct sel_id *id,
                                 struct sel_trace *trace)
{
    struct best b = {NULL, 0, false};
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *p = &c->isakmp_profiles[i];
        const char *why = unusable(c, p, path);
        unsigned s = why ? 0 : specificity_of(p, id);
        if (s == 0) {
            sel_trace_candidate(trace, p->name, false, "%s", why ? why : "no match line fits the identity");
            continue;
        }
        sel_trace_candidate(trace, p->name, true, "matches, specificity %u", s);
        if (s < b.specificity)
            continue;
        b.tie = s == b.specificity;
        b.profile = b.tie ? sel_v1_profile_tie(b.profile, p) : p;
        b.specificity = s;
    }
    return b;
}

const struct cfg_isakmp_profile *sel_v1_profile(const struct cfg *c, const struct sel_v1_path *path,
                                                const struct sel_id *id, struct sel_trace *trace)
{
    char text[SEL_TEXT_MAX];
    sel_trace_begin(trace, SEL_PROFILE);
    struct best b = most_specific(c, path, id, trace);
    sel_id_text(id, text);
    if (!b.profile)
        sel_trace_end(trace, "PF-6", NULL, "%.150s matches none of the profiles", text);
    else if (b.tie)
        sel_trace_end(trace, "PF-4", b.profile->name,
                      "several profiles match %.120s equally well; the first configured is taken", text);
    else
        sel_trace_end(trace, "PF-3", b.profile->name, "the most specific match for %.150s", text);
    return b.profile;
}

/* PF-2: the peer's address stands for its identity, which is not known yet. */
static const struct cfg_isakmp_profile *
by_destination(const struct cfg *c, const struct cfg_interface *tunnel, struct sel_trace *trace)
{
    struct ip_addr src;
    const struct ip_addr *dst = &tunnel->tunnel_destination;
    struct sel_v1_path path = {.fvrf = tunnel->tunnel_vrf,
                               .local = cfg_tunnel_source(c, tunnel, &src) ? &src : NULL};
    struct sel_id id = {.type = dst->family == IP_V6 ? SEL_ID_IPV6_ADDR : SEL_ID_IPV4_ADDR,
                        .data = {.p = dst->b, .n = ip_addr_len(dst)}};
    if (dst->family == IP_NONE) {
        sel_trace_end(trace, "PF-2", NULL, "%s has no destination to find a profile for", tunnel->name);
        return NULL;
    }
    struct best b = most_specific(c, &path, &id, trace);
    if (!b.profile)
        sel_trace_end(trace, "PF-2", NULL,
                      "the IPsec profile names none, and none covers the peer's address");
    else
        sel_trace_end(trace, b.tie ? "PF-4" : "PF-2", b.profile->name,
                      "the IPsec profile names none; the most specific one that covers the peer's address%s",
                      b.tie ? ", the first configured of equals" : "");
    return b.profile;
}

const struct cfg_isakmp_profile *sel_v1_profile_for_tunnel(const struct cfg *c,
                                                           const struct cfg_interface *tunnel, bool *refused,
                                                           struct sel_trace *trace)
{
    bool unused;
    const struct cfg_ipsec_profile *ipsec = cfg_find_ipsec_profile(c, tunnel->protection_profile);
    refused = refused ? refused : &unused;
    sel_trace_begin(trace, SEL_PROFILE);
    *refused = !tunnel->protection_profile[0] || !ipsec || cfg_ipsec_ike_version(c, ipsec) != CFG_IKEV1;
    if (*refused) {
        sel_trace_end(trace, "PF-1", NULL,
                      tunnel->protection_profile[0] && ipsec ? "%s negotiates with IKEv2"
                                                             : "%s is not protected",
                      tunnel->name);
        return NULL;
    }
    if (!ipsec->isakmp_profile[0])
        return by_destination(c, tunnel, trace);
    const struct cfg_isakmp_profile *p = cfg_find_isakmp_profile(c, ipsec->isakmp_profile);
    *refused = !p;
    sel_trace_candidate(trace, ipsec->isakmp_profile, p != NULL, "bound by IPsec profile %s%s", ipsec->name,
                        p ? "" : ", but not there");
    if (p)
        sel_trace_end(trace, "PF-1", p->name, "IPsec profile %s of %s binds it", ipsec->name, tunnel->name);
    else
        sel_trace_end(trace, "PF-1", NULL, "IPsec profile %s of %s binds a profile that is not there",
                      ipsec->name, tunnel->name);
    return p;
}

bool sel_v1_entry_accepts(const struct cfg *c, const struct cfg_ipsec_profile *entry,
                          const struct cfg_isakmp_profile *profile, struct sel_trace *trace)
{
    const char *own = profile ? profile->name : "none";
    sel_trace_begin(trace, SEL_POLICY);
    if (cfg_ipsec_ike_version(c, entry) != CFG_IKEV1) {
        sel_trace_end(trace, "PF-7", NULL, "IPsec profile %s is IKEv2's", entry->name);
        return false;
    }
    if (!entry->isakmp_profile[0]) {
        sel_trace_end(trace, "G12", entry->name, "IPsec profile %s is bound to no profile and takes any",
                      entry->name);
        return true;
    }
    bool same = profile && strcmp(entry->isakmp_profile, profile->name) == 0;
    sel_trace_end(trace, "PF-7", same ? entry->name : NULL,
                  "IPsec profile %s is bound to ISAKMP profile %s; the IKE SA's profile is %s", entry->name,
                  entry->isakmp_profile, own);
    return same;
}
