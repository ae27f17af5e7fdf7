#include "control/select/sel_trust.h"

#include "control/select/sel_trace.h"

#include <string.h>

/* Where a choice may look. */
typedef bool allowed_fn(const void *profile, const char *name);

/* ---- what profiles name --------------------------------------------------------------------------------------------- */
static bool named1(const void *profile, const char *name)
{
    const struct cfg_isakmp_profile *p = profile;
    for (unsigned i = 0; i < p->trustpoint_count; i++)
        if (strcmp(p->trustpoints[i], name) == 0)
            return true;
    return false;
}

/* name NULL: whether any. */
static bool signs2(const void *profile, const char *name)
{
    const struct cfg_ikev2_profile *p = profile;
    for (unsigned i = 0; i < p->trustpoint_count; i++)
        if (p->trustpoints[i].sign && (!name || strcmp(p->trustpoints[i].name, name) == 0))
            return true;
    return false;
}

static bool verifies2(const void *profile, const char *name)
{
    const struct cfg_ikev2_profile *p = profile;
    for (unsigned i = 0; i < p->trustpoint_count; i++)
        if (p->trustpoints[i].verify && (!name || strcmp(p->trustpoints[i].name, name) == 0))
            return true;
    return false;
}

/* ---- what we ask for -------------------------------------------------------------------------------------------------- */
static bool same_octets(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* G14: a CA that several trust-points have is asked for once. `by_key`: IKEv2 knows CAs by their keys, so that two keys of one name are two. */
static bool asked_already(const struct sel_trust *t, const struct sel_trust_list *l,
                          const struct sel_trustpoint *tp, bool by_key)
{
    for (unsigned i = 0; i < l->count; i++) {
        const struct sel_trustpoint *o = &t->tps[l->at[i]];
        if (by_key && o->ca_hash && tp->ca_hash ? memcmp(o->ca_hash, tp->ca_hash, SEL_TRUST_HASH) == 0
                                                : same_octets(o->ca_dn, tp->ca_dn))
            return true;
    }
    return false;
}

static struct sel_trust_list certreqs(const struct sel_trust *t, const void *profile, allowed_fn *allowed,
                                      bool by_key, const char *rule, const char *profile_name,
                                      struct sel_trace *trace)
{
    struct sel_trust_list out = {0};
    sel_trace_begin(trace, SEL_TRUSTPOINT);
    for (unsigned i = 0; i < t->count && i < SEL_TRUST_MAX; i++) {
        const struct sel_trustpoint *tp = &t->tps[i];
        if (allowed && !allowed(profile, tp->name)) {
            sel_trace_candidate(trace, tp->name, false, "profile %s does not name it", profile_name);
        } else if (!tp->has_ca) {
            sel_trace_candidate(trace, tp->name, false, "it has no CA certificate");
        } else if (asked_already(t, &out, tp, by_key)) {
            sel_trace_candidate(trace, tp->name, false, "its CA %s is asked for already", tp->ca_text);
        } else {
            sel_trace_candidate(trace, tp->name, true, "CERTREQ %u: %s", out.count + 1, tp->ca_text);
            out.at[out.count++] = i;
        }
    }
    const char *first = out.count ? t->tps[out.at[0]].name : NULL;
    if (allowed)
        sel_trace_end(trace, rule, first, "%u CERTREQ of the trust-points of profile %s", out.count,
                      profile_name);
    else
        sel_trace_end(trace, rule, first, "%u CERTREQ, of all trust-points, the last enrolled first",
                      out.count);
    return out;
}

struct sel_trust_list sel1_certreqs(const struct sel_trust *t, bool initiator,
                                    const struct cfg_isakmp_profile *profile, struct sel_trace *trace)
{
    if (initiator && profile && profile->trustpoint_count)
        return certreqs(t, profile, named1, false, "CT-1", profile->name, trace);
    return certreqs(t, NULL, NULL, false, initiator ? "CT-2" : "CT-3", "", trace);
}

struct sel_trust_list sel2_certreqs(const struct sel_trust *t, const struct cfg_ikev2_profile *profile,
                                    struct sel_trace *trace)
{
    if (profile && verifies2(profile, NULL))
        return certreqs(t, profile, verifies2, true, "G28", profile->name, trace);
    return certreqs(t, NULL, NULL, true, profile ? "G28" : "V2-2", "", trace);
}

/* ---- which one signs --------------------------------------------------------------------------------------------------- */
struct signer {
    const struct sel_trust *t;
    const void *profile; /* NULL: any trust-point will do */
    allowed_fn *allowed;
    const char *profile_name;
    bool by_key;
    bool (*dn_equal)(struct slice, struct slice);
    struct sel_trace *trace;
    const char *rule; /* by which a CERTREQ decides */
};

static bool may_sign(const struct signer *s, const struct sel_trustpoint *tp)
{
    return !s->allowed || s->allowed(s->profile, tp->name);
}

static bool is_ca(const struct signer *s, struct slice asked, struct slice dn, const uint8_t *hash)
{
    if (s->by_key)
        return hash && asked.n == SEL_TRUST_HASH && memcmp(asked.p, hash, SEL_TRUST_HASH) == 0;
    return dn.n && s->dn_equal(asked, dn);
}

static bool issued_below(const struct signer *s, struct slice asked, const struct sel_trustpoint *tp)
{
    if (!s->by_key && asked.n == 0)
        return true; /* any CA */
    if (tp->has_ca && is_ca(s, asked, tp->ca_dn, tp->ca_hash))
        return true;
    for (unsigned i = 0; i < tp->parent_count; i++)
        if (is_ca(s, asked, tp->parents[i].dn, tp->parents[i].hash))
            return true;
    return false;
}

/* G32, CT-17: of two trust-points that fit the same CERTREQ, the one whose certificate is newer. */
static int newer(const struct sel_trust *t, int a, unsigned b)
{
    return a < 0 || t->tps[b].seq > t->tps[a].seq ? (int)b : a;
}

/* One CERTREQ: the index of the trust-point that answers it, or -1. */
static int answer(const struct signer *s, unsigned n, struct slice asked)
{
    int best = -1;
    for (unsigned i = 0; i < s->t->count && i < SEL_TRUST_MAX; i++) {
        const struct sel_trustpoint *tp = &s->t->tps[i];
        if (!issued_below(s, asked, tp))
            continue;
        if (!may_sign(s, tp))
            sel_trace_candidate(s->trace, tp->name, false, "fits CERTREQ %u, but profile %s does not name it",
                                n, s->profile_name);
        else if (!tp->usable)
            sel_trace_candidate(s->trace, tp->name, false,
                                "fits CERTREQ %u, but has no valid certificate of its own (G16)", n);
        else
            best = newer(s->t, best, i);
    }
    if (best < 0)
        return -1;
    const struct sel_trustpoint *tp = &s->t->tps[best];
    sel_trace_candidate(s->trace, tp->name, true, "fits CERTREQ %u: %s", n, asked.n ? tp->ca_text : "any CA");
    sel_trace_end(s->trace, s->rule, tp->name, "%s is the first that CERTREQ %u of the peer asks for",
                  tp->name, n);
    return best;
}

static int by_certreq(const struct signer *s, const struct sel_trust_asked *asked)
{
    sel_trace_begin(s->trace, SEL_TRUSTPOINT);
    for (unsigned i = 0; asked && i < asked->count && i < SEL_TRUST_MAX; i++) {
        int at = answer(s, i + 1, asked->ca[i]);
        if (at >= 0)
            return at;
    }
    return -1;
}

static int fall_back(const struct signer *s, unsigned at, unsigned asked)
{
    const char *name = s->t->tps[at].name;
    sel_trace_candidate(s->trace, name, true, "has a valid certificate");
    sel_trace_end(s->trace, "G16", name, "%s: %s is the first with a valid certificate",
                  asked ? "the peer asks for none of our CAs" : "the peer asks for nothing", name);
    return (int)at;
}

static int find(const struct sel_trust *t, const char *name)
{
    for (unsigned i = 0; i < t->count && i < SEL_TRUST_MAX; i++)
        if (strcmp(t->tps[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* A name of the profile, in its order. */
static int usable_named(const struct signer *s, const char *name)
{
    int at = find(s->t, name);
    if (at < 0)
        sel_trace_candidate(s->trace, name, false, "there is no such trust-point");
    else if (!s->t->tps[at].usable)
        sel_trace_candidate(s->trace, name, false, "it has no valid certificate of its own");
    else
        return at;
    return -1;
}

static int first_usable(const struct signer *s, unsigned asked)
{
    for (unsigned i = 0; i < s->t->count && i < SEL_TRUST_MAX; i++)
        if (s->t->tps[i].usable)
            return fall_back(s, i, asked);
    sel_trace_end(s->trace, "G16", NULL, "no trust-point has a valid certificate of its own");
    return -1;
}

static int none_of(const struct signer *s)
{
    sel_trace_end(s->trace, "G16", NULL, "no trust-point of profile %s has a valid certificate of its own",
                  s->profile_name);
    return -1;
}

int sel1_sign(const struct sel_trust *t, bool initiator, const struct cfg_isakmp_profile *profile,
              const struct sel_trust_asked *asked, bool (*dn_equal)(struct slice, struct slice),
              struct sel_trace *trace)
{
    const bool filtered = initiator && profile && profile->trustpoint_count;
    const struct signer s = {.t = t,
                             .profile = profile,
                             .allowed = filtered ? named1 : NULL,
                             .profile_name = filtered ? profile->name : "",
                             .dn_equal = dn_equal,
                             .trace = trace,
                             .rule = filtered ? "CT-6" : "CT-5"};
    const unsigned n = asked ? asked->count : 0;
    int at = by_certreq(&s, asked);
    if (at >= 0)
        return at;
    if (!filtered)
        return first_usable(&s, n);
    for (unsigned i = 0; i < profile->trustpoint_count; i++)
        if ((at = usable_named(&s, profile->trustpoints[i])) >= 0)
            return fall_back(&s, (unsigned)at, n);
    return none_of(&s);
}

int sel2_sign(const struct sel_trust *t, bool initiator, const struct cfg_ikev2_profile *profile,
              const struct sel_trust_asked *asked, struct sel_trace *trace)
{
    const bool filtered = profile && signs2(profile, NULL);
    const struct signer s = {.t = t,
                             .profile = profile,
                             .allowed = filtered ? signs2 : NULL,
                             .profile_name = profile ? profile->name : "",
                             .by_key = true,
                             .trace = trace,
                             .rule = initiator ? "V2-3" : "G17"};
    const unsigned n = asked ? asked->count : 0;
    if (initiator && !filtered) {
        sel_trace_begin(trace, SEL_TRUSTPOINT);
        sel_trace_end(trace, "V2-5", NULL,
                      "profile %s names no trust-point to sign with, which an initiator must have",
                      s.profile_name);
        return -1;
    }
    int at = by_certreq(&s, asked);
    if (at >= 0)
        return at;
    if (!filtered)
        return first_usable(&s, n);
    for (unsigned i = 0; i < profile->trustpoint_count; i++)
        if (profile->trustpoints[i].sign && (at = usable_named(&s, profile->trustpoints[i].name)) >= 0)
            return fall_back(&s, (unsigned)at, n);
    return none_of(&s);
}

/* ---- whose certificates are believed -------------------------------------------------------------------------------------- */
static void add_name(struct sel_trust_names *out, const char *name, struct sel_trace *trace)
{
    sel_trace_candidate(trace, name, true, "in the validation list");
    out->names[out->count++] = name;
}

static void end_names(const struct sel_trust_names *out, const char *rule, const char *profile_name,
                      struct sel_trace *trace)
{
    if (out->all)
        sel_trace_end(trace, rule, "", "the peer's certificate may be of any trust-point");
    else
        sel_trace_end(trace, rule, out->names[0],
                      "the peer's certificate must be of a trust-point of profile %s", profile_name);
}

struct sel_trust_names sel1_verify(const struct cfg_isakmp_profile *profile, struct sel_trace *trace)
{
    struct sel_trust_names out = {.all = !profile || profile->trustpoint_count == 0};
    sel_trace_begin(trace, SEL_TRUSTPOINT);
    for (unsigned i = 0; !out.all && i < profile->trustpoint_count; i++)
        add_name(&out, profile->trustpoints[i], trace);
    end_names(&out, "CT-9", profile ? profile->name : "", trace);
    return out;
}

struct sel_trust_names sel2_verify(const struct cfg_ikev2_profile *profile, struct sel_trace *trace)
{
    struct sel_trust_names out = {.all = !profile || !verifies2(profile, NULL)};
    sel_trace_begin(trace, SEL_TRUSTPOINT);
    for (unsigned i = 0; !out.all && i < profile->trustpoint_count; i++)
        if (profile->trustpoints[i].verify)
            add_name(&out, profile->trustpoints[i].name, trace);
    end_names(&out, out.all ? "V2-6" : "V2-7", profile ? profile->name : "", trace);
    return out;
}
