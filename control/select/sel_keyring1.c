#include "control/select/sel_v1.h"

#include "control/select/sel_id.h"
#include "control/select/sel_trace.h"

#include <string.h>
#include <strings.h>

enum { BY_HOST = 1000 }; /* above every mask */

struct search {
    const struct cfg *c;
    const struct sel_v1_path *path;
    const struct sel_id *id;
    struct sel_trace *trace;
    struct sel_v1_key best;
    unsigned specificity;
    bool tie;
};

static const char *fvrf_of(const struct sel_v1_path *path)
{
    return path->fvrf ? path->fvrf : "";
}

static bool has_address(const struct cfg_interface *x, const struct ip_addr *a)
{
    for (unsigned i = 0; x && i < x->addr_count; i++)
        if (ip_addr_equal(&x->addrs[i].addr, a))
            return true;
    return false;
}

bool sel_v1_local_fits(const struct cfg *c, const struct cfg_isakmp_local *x, const struct ip_addr *local)
{
    if (!local || (!x->interface[0] && x->addr.family == IP_NONE))
        return true;
    return x->interface[0] ? has_address(cfg_find_interface(c, x->interface), local)
                           : ip_addr_equal(&x->addr, local);
}

struct sel_v1_key sel_v1_key_tie(struct sel_v1_key earlier, struct sel_v1_key later)
{
    (void)later;
    return earlier;
}

bool sel_v1_same_keyring(const struct cfg_isakmp_keyring *a, const struct cfg_isakmp_keyring *b)
{
    return a && b && strcmp(a->name, b->name) == 0;
}

/* Larger is more specific, 0 no match. */
static unsigned fits(const struct search *s, const struct cfg_isakmp_key *k)
{
    if (k->key.n == 0)
        return 0;
    if (k->has_address)
        return s->path->peer && k->address.addr.family == s->path->peer->family &&
                       ip_prefix_contains(&k->address, s->path->peer)
                   ? 1u + k->address.len
                   : 0;
    return s->id && s->id->type == SEL_ID_FQDN && s->id->data.n > 0 && s->id->data.n == strlen(k->hostname) &&
                   strncasecmp((const char *)s->id->data.p, k->hostname, s->id->data.n) == 0
               ? BY_HOST
               : 0;
}

static void note(const struct search *s, const struct cfg_isakmp_keyring *ring,
                 const struct cfg_isakmp_key *k)
{
    char text[IP_TEXT_MAX];
    if (!k)
        sel_trace_candidate(s->trace, ring->name, false, "no key for the peer");
    else if (k->has_address)
        sel_trace_candidate(s->trace, ring->name, true, "a key for %s", ip_prefix_text(&k->address, text));
    else
        sel_trace_candidate(s->trace, ring->name, true, "a key for the host %.200s", k->hostname);
}

/* Adds one keyring to the search; true when it has a key for the peer. */
static bool search_ring(struct search *s, const struct cfg_isakmp_keyring *ring)
{
    const struct cfg_isakmp_key *own = NULL;
    unsigned most = 0;
    if (strcmp(ring->vrf, fvrf_of(s->path)) != 0 || !sel_v1_local_fits(s->c, &ring->local, s->path->local)) {
        sel_trace_candidate(s->trace, ring->name, false,
                            strcmp(ring->vrf, fvrf_of(s->path)) ? "another fVRF" : "another local address");
        return false;
    }
    for (unsigned i = 0; i < ring->key_count; i++) {
        struct sel_v1_key x = {ring, &ring->keys[i]};
        unsigned n = fits(s, x.key);
        if (n > most) {
            own = x.key;
            most = n;
        }
        if (n == 0 || n < s->specificity)
            continue;
        s->tie = n == s->specificity;
        s->best = s->tie ? sel_v1_key_tie(s->best, x) : x;
        s->specificity = n;
    }
    note(s, ring, own);
    return own != NULL;
}

static void search_profile(struct search *s, const struct cfg_isakmp_profile *p)
{
    if (p->keyring_count == 0)
        (void)search_ring(s, &s->c->isakmp_default);
    for (unsigned i = 0; i < p->keyring_count; i++) {
        const struct cfg_isakmp_keyring *ring = cfg_find_isakmp_keyring(s->c, p->keyrings[i]);
        if (ring)
            (void)search_ring(s, ring);
        else
            sel_trace_candidate(s->trace, p->keyrings[i], false, "there is no such keyring");
    }
}

/* KR-5.3: in the global VRF the global keys end the search, however short their masks; G23: elsewhere they are not there. */
static void search_all(struct search *s)
{
    if (fvrf_of(s->path)[0] == '\0' && search_ring(s, &s->c->isakmp_default))
        return;
    for (unsigned i = 0; i < s->c->isakmp_keyring_count; i++)
        (void)search_ring(s, &s->c->isakmp_keyrings[i]);
}

static void conclude(const struct search *s, const struct cfg_isakmp_profile *profile, bool initiator)
{
    const struct cfg_isakmp_keyring *ring = s->best.keyring;
    const char *rule = initiator ? "KR-3" : "KR-5";
    if (!ring && profile)
        sel_trace_end(s->trace, "KR-2", NULL,
                      "no keyring of profile %s has a key for the peer; no other is searched", profile->name);
    else if (!ring)
        sel_trace_end(s->trace, rule, NULL, "no keyring has a key for the peer");
    else if (profile)
        sel_trace_end(s->trace, "KR-2", ring->name, "%s; no other keyring is searched",
                      profile->keyring_count ? "the keyring of the profile" : "the profile names no keyring");
    else if (s->tie)
        sel_trace_end(s->trace, "KR-6", ring->name,
                      "several keys have the longest mask; the first configured is taken");
    else if (ring == &s->c->isakmp_default)
        sel_trace_end(s->trace, "KR-9", ring->name,
                      "a global key matches; the keyrings are then not searched, whatever their masks");
    else
        sel_trace_end(s->trace, rule, ring->name, "the longest mask over all keyrings");
}

struct sel_v1_key sel_v1_key(const struct cfg *c, const struct cfg_isakmp_profile *profile, bool initiator,
                             const struct sel_v1_path *path, const struct sel_id *id, struct sel_trace *trace)
{
    struct search s = {.c = c, .path = path, .id = id, .trace = trace};
    sel_trace_begin(trace, SEL_KEYRING);
    if (profile)
        search_profile(&s, profile);
    else
        search_all(&s);
    conclude(&s, profile, initiator);
    return s.best;
}

bool sel_v1_keyring_agrees(const struct cfg *c, const struct cfg_isakmp_profile *profile,
                           const struct cfg_isakmp_keyring *used, struct sel_trace *trace)
{
    bool same = false;
    sel_trace_begin(trace, SEL_KEYRING);
    if (!profile) {
        sel_trace_end(trace, "PF-6", used ? used->name : NULL, "no profile, so no keyring to compare with");
        return true;
    }
    unsigned n = profile->keyring_count;
    for (unsigned i = 0; i < (n ? n : 1); i++) {
        const char *name = n ? profile->keyrings[i] : c->isakmp_default.name;
        bool match = sel_v1_same_keyring(cfg_find_isakmp_keyring(c, name), used);
        sel_trace_candidate(trace, name, match,
                            match ? "the key of the exchange is from it"
                                  : "the key of the exchange is not from it");
        same = same || match;
    }
    if (same)
        sel_trace_end(trace, "KR-7", used->name, "profile %s has the keyring that the exchange began with",
                      profile->name);
    else
        sel_trace_end(
            trace, "KR-7", NULL,
            "the exchange began with a key of keyring %s, which is not of profile %s; equal passwords "
            "do not help",
            used ? used->name : "(none)", profile->name);
    return same;
}
