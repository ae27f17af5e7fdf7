#include "control/select/sel_keyring.h"

#include "control/select/sel_id.h"
#include "control/select/sel_trace.h"

#include <string.h>
#include <strings.h>

/* One way to look a peer block up; larger is more specific, 0 no match. */
struct wanted {
    const struct ip_addr *addr;
    const char *host;
    const struct sel_id *id;
};
typedef unsigned lookup_fn(const struct cfg_ikev2_peer *p, const struct wanted *w);

static unsigned by_address(const struct cfg_ikev2_peer *p, const struct wanted *w)
{
    if (!p->has_address || !w->addr || p->address.addr.family != w->addr->family ||
        !ip_prefix_contains(&p->address, w->addr))
        return 0;
    return 1u + p->address.len;
}

/* A host name that is configured says more than any address but the very one. */
static unsigned by_host(const struct cfg_ikev2_peer *p, const struct wanted *w)
{
    return w->host && w->host[0] && p->hostname[0] && strcasecmp(p->hostname, w->host) == 0 ? 1000 : 0;
}

static unsigned by_address_or_host(const struct cfg_ikev2_peer *p, const struct wanted *w)
{
    unsigned host = by_host(p, w);
    return host ? host : by_address(p, w);
}

static unsigned by_identity(const struct cfg_ikev2_peer *p, const struct wanted *w)
{
    return w->id && p->identity.kind != CFG_ID_NONE ? sel_id_specificity(&p->identity, w->id) : 0;
}

/* A peer behind a NAT: its source address is the NAT's, its identity its own. */
static unsigned by_address_of_identity(const struct cfg_ikev2_peer *p, const struct wanted *w)
{
    struct ip_addr a;
    struct wanted own = {.addr = &a};
    return w->id && sel_id_address(w->id, &a) ? by_address(p, &own) : 0;
}

static const struct step {
    lookup_fn *lookup;
    const char *how;
} responder_steps[] = {{by_identity, "identity"},
                       {by_address, "address"},
                       {by_address_of_identity, "address in the identity"},
                       {NULL, NULL}},
  initiator_steps[] = {{by_address_or_host, "address or host name"}, {by_identity, "identity"}, {NULL, NULL}};

const struct cfg_ikev2_peer *sel_keyring_tie(const struct cfg_ikev2_peer *earlier,
                                             const struct cfg_ikev2_peer *later)
{
    (void)later;
    return earlier;
}

/* Two blocks for one prefix are one: the first serves both. */
static bool same_block(const struct cfg_ikev2_peer *a, const struct cfg_ikev2_peer *b)
{
    return a->has_address && b->has_address && ip_prefix_equal(&a->address, &b->address);
}

static const struct cfg_ikev2_peer *best_peer(const struct cfg_ikev2_keyring *k, lookup_fn *lookup,
                                              const struct wanted *w)
{
    const struct cfg_ikev2_peer *best = NULL;
    unsigned specificity = 0;
    for (unsigned i = 0; i < k->peer_count; i++) {
        unsigned s = lookup(&k->peers[i], w);
        if (s == 0 || s < specificity)
            continue;
        best = s == specificity ? sel_keyring_tie(best, &k->peers[i]) : &k->peers[i];
        specificity = s;
    }
    return best;
}

static const struct cfg_ikev2_peer *find_peer(const struct cfg_ikev2_keyring *k, bool initiator,
                                              const struct wanted *w, const char **how)
{
    for (const struct step *s = initiator ? initiator_steps : responder_steps; s->lookup; s++) {
        const struct cfg_ikev2_peer *p = best_peer(k, s->lookup, w);
        *how = s->how;
        if (p)
            return p;
    }
    return NULL;
}

/* Who was found by the address it sends from must not bear the identity of another block: whoever holds one key could
 * pass for everybody in the keyring. A block for any peer is nobody in particular, and an address that no block names may be
 * a peer's own behind its NAT. */
static const struct cfg_ikev2_peer *identity_of_another(const struct cfg_ikev2_keyring *k,
                                                        const struct cfg_ikev2_peer *found,
                                                        const struct wanted *w)
{
    struct ip_addr a;
    struct wanted own = {.addr = &a};
    if (!w->id || !sel_id_address(w->id, &a) || by_identity(found, w))
        return NULL;
    const struct cfg_ikev2_peer *p = best_peer(k, by_address, &own);
    return p && p != found && p->address.len > 0 && !same_block(p, found) ? p : NULL;
}

static struct slice view(const struct secret *s)
{
    return (struct slice){.p = s->p, .n = s->n};
}

static void note_candidates(const struct cfg_ikev2_keyring *k, const struct cfg_ikev2_peer *chosen,
                            const char *how, struct sel_trace *trace)
{
    for (unsigned i = 0; trace && i < k->peer_count; i++)
        if (&k->peers[i] == chosen)
            sel_trace_candidate(trace, k->peers[i].tag, true, "the most specific by %s", how);
        else
            sel_trace_candidate(trace, k->peers[i].tag, false, "%s", chosen ? "not chosen" : "does not fit");
}

/* The keys the profile's methods need are there. */
static bool complete(const struct cfg_ikev2_profile *p, const struct sel_psk *x)
{
    bool local = p->auth_local != CFG_AUTH_PSK || x->local_key.n > 0;
    bool remote = !(p->auth_remote & CFG_AUTH_PSK) || x->remote_key.n > 0;
    return local && remote && (x->local_key.n > 0 || x->remote_key.n > 0);
}

struct sel_psk sel_ikev2_psk(const struct cfg *c, const struct cfg_ikev2_profile *p, bool initiator,
                             const struct ip_addr *peer_addr, const char *peer_host,
                             const struct sel_id *peer_id, struct sel_trace *trace)
{
    struct sel_psk x = {.local_key = view(&p->auth_local_key), .remote_key = view(&p->auth_remote_key)};
    struct wanted w = {.addr = peer_addr, .host = peer_host, .id = peer_id};
    const char *how = "";
    sel_trace_begin(trace, SEL_KEYRING);
    x.found = complete(p, &x);
    if (x.found) {
        sel_trace_end(trace, "KR-11", p->name, "the key stands in profile %s itself", p->name);
        return x;
    }
    const struct cfg_ikev2_keyring *k = p->keyring[0] ? cfg_find_keyring(c, p->keyring) : NULL;
    if (!k) {
        sel_trace_end(trace, "KR-11", NULL, "profile %s has no keyring", p->name);
        return x;
    }
    x.peer = find_peer(k, initiator, &w, &how);
    note_candidates(k, x.peer, how, trace);
    const struct cfg_ikev2_peer *other = x.peer && !initiator ? identity_of_another(k, x.peer, &w) : NULL;
    if (other) {
        sel_trace_end(trace, "KR-11", NULL,
                      "the identity is an address of peer block %s, but it is sent from %s's", other->tag,
                      x.peer->tag);
        return (struct sel_psk){.id_of_another = true};
    }
    if (x.peer && x.local_key.n == 0)
        x.local_key = view(&x.peer->psk_local);
    if (x.peer && x.remote_key.n == 0)
        x.remote_key = view(&x.peer->psk_remote);
    x.found = x.peer && complete(p, &x);
    if (x.found)
        sel_trace_end(trace, "KR-11", k->name,
                      "peer block %s of keyring %s, by %s; no other keyring is searched", x.peer->tag,
                      k->name, how);
    else if (x.peer)
        sel_trace_end(trace, "KR-11", NULL, "peer block %s of keyring %s has no key for this", x.peer->tag,
                      k->name);
    else
        sel_trace_end(trace, "KR-11", NULL, "no peer block of keyring %s fits; no other keyring is searched",
                      k->name);
    return x;
}
