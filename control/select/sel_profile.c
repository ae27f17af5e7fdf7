#include "control/select/sel_profile.h"

#include "control/select/sel_certmap.h"
#include "control/select/sel_id.h"
#include "control/select/sel_trace.h"

#include <string.h>

const struct cfg_ikev2_profile *sel_profile_tie(const struct cfg_ikev2_profile *earlier,
                                                const struct cfg_ikev2_profile *later)
{
    (void)earlier;
    return later;
}

bool sel_ikev2_profile_matches(const struct cfg_ikev2_profile *p, const struct sel_id *id,
                               unsigned *specificity)
{
    unsigned best = sel_certmap_specificity(p->certmaps, p->certmap_count, id);
    for (unsigned i = 0; i < p->match_count; i++) {
        unsigned s = sel_id_specificity(&p->match[i], id);
        best = s > best ? s : best;
    }
    if (specificity)
        *specificity = best;
    return best > 0;
}

static bool has_address(const struct cfg_interface *x, const struct ip_addr *a)
{
    for (unsigned i = 0; x && i < x->addr_count; i++)
        if (ip_addr_equal(&x->addrs[i].addr, a))
            return true;
    return false;
}

static bool local_fits(const struct cfg *c, const struct cfg_ikev2_profile *p, const struct ip_addr *local)
{
    if (p->local_count == 0 || !local)
        return true;
    for (unsigned i = 0; i < p->local_count; i++)
        if (p->local[i].interface[0] ? has_address(cfg_find_interface(c, p->local[i].interface), local)
                                     : ip_addr_equal(&p->local[i].addr, local))
            return true;
    return false;
}

/* NULL when the profile may be used for this fVRF and local address; else why not. */
static const char *unusable(const struct cfg *c, const struct cfg_ikev2_profile *p, const char *fvrf,
                            const struct ip_addr *local)
{
    if (p->shutdown)
        return "shut down";
    if (!cfg_profile_complete(p))
        return "incomplete: it needs a match, local and remote authentication";
    if (!p->fvrf_any && strcmp(p->fvrf, fvrf ? fvrf : "") != 0)
        return "another fVRF";
    return local_fits(c, p, local) ? NULL : "another local address";
}

struct best {
    const struct cfg_ikev2_profile *profile;
    unsigned specificity;
    bool tie;
};

static void consider(struct best *b, const struct cfg_ikev2_profile *p, unsigned specificity)
{
    if (specificity < b->specificity)
        return;
    b->tie = specificity == b->specificity;
    b->profile = b->tie ? sel_profile_tie(b->profile, p) : p;
    b->specificity = specificity;
}

static struct best most_specific(const struct cfg *c, const char *fvrf, const struct ip_addr *local,
                                 const struct sel_id *id, struct sel_trace *trace)
{
    struct best b = {NULL, 0, false};
    for (unsigned i = 0; i < c->profile_count; i++) {
        const struct cfg_ikev2_profile *p = &c->profiles[i];
        unsigned specificity = 0;
        const char *why = unusable(c, p, fvrf, local);
        if (!why && !sel_ikev2_profile_matches(p, id, &specificity))
            why = "no match line fits the identity";
        if (why) {
            sel_trace_candidate(trace, p->name, false, "%s", why);
            continue;
        }
        sel_trace_candidate(trace, p->name, true, "matches, specificity %u", specificity);
        consider(&b, p, specificity);
    }
    return b;
}

const struct cfg_ikev2_profile *sel_ikev2_profile(const struct cfg *c, const char *fvrf,
                                                  const struct ip_addr *local, const struct sel_id *idi,
                                                  struct sel_trace *trace)
{
    char id[SEL_TEXT_MAX];
    sel_trace_begin(trace, SEL_PROFILE);
    struct best b = most_specific(c, fvrf, local, idi, trace);
    sel_id_text(idi, id);
    if (!b.profile)
        sel_trace_end(trace, "PF-3", NULL, "no profile matches the identity %.150s", id);
    else if (b.tie)
        sel_trace_end(trace, "PF-8", b.profile->name,
                      "several profiles match %.120s equally well; the last configured is taken", id);
    else
        sel_trace_end(trace, "PF-3", b.profile->name, "the most specific match for %.150s", id);
    return b.profile;
}

/* PF-2: the peer's address stands for its identity, which is not known yet. */
static const struct cfg_ikev2_profile *by_destination(const struct cfg *c, const struct cfg_interface *tunnel,
                                                      struct sel_trace *trace)
{
    struct ip_addr src, *local = cfg_tunnel_source(c, tunnel, &src) ? &src : NULL;
    const struct ip_addr *dst = &tunnel->tunnel_destination;
    struct sel_id id = {.type = dst->family == IP_V6 ? SEL_ID_IPV6_ADDR : SEL_ID_IPV4_ADDR,
                        .data = {.p = dst->b, .n = ip_addr_len(dst)}};
    if (dst->family == IP_NONE) {
        sel_trace_end(trace, "PF-2", NULL, "%s has no destination to find a profile for", tunnel->name);
        return NULL;
    }
    struct best b = most_specific(c, tunnel->tunnel_vrf, local, &id, trace);
    if (b.profile)
        sel_trace_end(trace, b.tie ? "PF-8" : "PF-2", b.profile->name,
                      "the IPsec profile names none; the most specific one that covers the peer's address%s",
                      b.tie ? ", the last configured of equals" : "");
    else
        sel_trace_end(trace, "PF-2", NULL,
                      "the IPsec profile names none, and none covers the peer's address");
    return b.profile;
}

const struct cfg_ikev2_profile *
sel_ikev2_profile_for_tunnel(const struct cfg *c, const struct cfg_interface *tunnel, struct sel_trace *trace)
{
    sel_trace_begin(trace, SEL_PROFILE);
    const struct cfg_ipsec_profile *ipsec = cfg_find_ipsec_profile(c, tunnel->protection_profile);
    if (!tunnel->protection_profile[0] || !ipsec) {
        sel_trace_end(trace, "PF-1", NULL, "%s is not protected", tunnel->name);
        return NULL;
    }
    if (cfg_ipsec_ike_version(c, ipsec) != CFG_IKEV2) { /* G25 */
        sel_trace_end(trace, "PF-1", NULL, "%s negotiates with IKEv1", tunnel->name);
        return NULL;
    }
    if (!ipsec->ikev2_profile[0])
        return by_destination(c, tunnel, trace);
    const struct cfg_ikev2_profile *p = cfg_find_profile(c, ipsec->ikev2_profile);
    if (p && cfg_profile_complete(p)) {
        sel_trace_candidate(trace, p->name, true, "bound by IPsec profile %s", ipsec->name);
        sel_trace_end(trace, "PF-1", p->name, "IPsec profile %s of %s binds it", ipsec->name, tunnel->name);
        return p;
    }
    sel_trace_candidate(trace, ipsec->ikev2_profile, false, "bound by IPsec profile %s, but %s", ipsec->name,
                        !p            ? "not there"
                        : p->shutdown ? "shut down"
                                      : "incomplete");
    sel_trace_end(trace, "PF-1", NULL, "IPsec profile %s of %s binds a profile that cannot be used",
                  ipsec->name, tunnel->name);
    return NULL;
}
