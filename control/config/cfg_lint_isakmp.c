#include "control/config/cfg_lint.h"

#include "control/config/cfg_alg.h"
#include "control/config/cfg_pmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- policies --------------------------------------------------------------------------------------------------- */
static bool ikev1_negotiates(const struct cfg *c)
{
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(c, c->interfaces[i].protection_profile);
        if (p && cfg_ipsec_ike_version(c, p) == CFG_IKEV1)
            return true;
    }
    return false;
}

/* LN-12: accepted, for old peers have nothing better; DES gives no protection at all. */
static void weak_policy(struct cfg_linter *l, const struct cfg_isakmp_policy *p)
{
    char list[80] = "", group[24] = "";
    if (cfg_alg_weak_group(p->group))
        snprintf(group, sizeof group, ", group %u", p->group);
    snprintf(list, sizeof list, "%s%s%s", p->encr.id == CV_ENCR_3DES ? ", 3des" : "",
             p->hash == CFG_HASH_MD5 ? ", md5" : "", group);
    if (p->encr.id == CV_ENCR_DES)
        cfg_lint_add(l, p->line, "LN-12", CFG_ERROR, "as in: encr aes 256",
                     "ISAKMP policy %u: DES%s gives no protection", p->priority,
                     p->builtin ? "" : " (des is the default)");
    if (list[0])
        cfg_lint_add(l, p->line, "LN-12", CFG_WARNING, "use AES, SHA-2 and group 14, 19, 20 or 21",
                     "ISAKMP policy %u is weak: %s", p->priority, list + 2);
}

static void lint_policies(struct cfg_linter *l)
{
    unsigned n, keys = 0;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(l->c, &n);
    for (unsigned i = 0; i < n; i++) {
        keys += p[i].auth == CFG_AUTH_PSK;
        if (!p[i].builtin)
            weak_policy(l, &p[i]);
    }
    if (!ikev1_negotiates(l->c))
        return;
    if (n > 0 && p[0].builtin)
        cfg_lint_add(
            l, 0, "LN-12", CFG_WARNING,
            "as in: crypto isakmp policy 10, encr aes 256, hash sha256, authentication pre-share, group 14",
            "no ISAKMP policy is configured; the built-in ones are weak: 3des, md5, group 2, 5");
    if (keys == 0 && !cfg_lint_isakmp_signs(l->c))
        cfg_lint_add(
            l, n > 0 ? p[0].line : 0, "no-policy", CFG_ERROR,
            "as in: crypto isakmp policy 10, authentication pre-share",
            "no ISAKMP policy is for pre-shared keys (rsa-sig is the default), and there is no trust-point");
}

/* ---- keys and keyrings ------------------------------------------------------------------------------------------- */
/* A key, and the one before it that is for the same address: keys are numbered as they stand, those of keyring default first. */
struct key_at {
    const struct cfg_isakmp_keyring *ring;
    const struct cfg_isakmp_key *key;
    const struct key_at *before; /* NULL none */
};

static bool apart(const struct cfg_isakmp_local *a, const struct cfg_isakmp_local *b)
{
    bool both =
        (a->interface[0] || a->addr.family != IP_NONE) && (b->interface[0] || b->addr.family != IP_NONE);
    return both && (strcmp(a->interface, b->interface) != 0 || !ip_addr_equal(&a->addr, &b->addr));
}

static bool clash(const struct key_at *a, const struct key_at *b)
{
    return strcmp(a->ring->vrf, b->ring->vrf) == 0 && !apart(&a->ring->local, &b->ring->local);
}

/* LN-1 */
static void same_address(struct cfg_linter *l, const struct key_at *first, const struct key_at *second)
{
    char text[IP_TEXT_MAX];
    if (first->ring == second->ring) {
        cfg_lint_add(
            l, second->key->line, "LN-1", CFG_WARNING, "keep one of them",
            "keyring %s has two keys for the same address %s: unsupported and unpredictable on IOS; the "
            "first is taken (KR-6)",
            first->ring->name, ip_prefix_text(&first->key->address, text));
        return;
    }
    bool ranked = first->ring == &l->c->isakmp_default && second->ring != first->ring;
    cfg_lint_add(
        l, second->key->line, "LN-1", CFG_WARNING, "keep one of them",
        "keyrings %s and %s have a key for the same address %s: unsupported and unpredictable on IOS; "
        "the one of %s is taken (%s)",
        first->ring->name, second->ring->name, ip_prefix_text(&first->key->address, text), first->ring->name,
        ranked ? "KR-9" : "KR-6");
}

/* Of the keys before it for its address, the first that it clashes with: they need not all be of one `local-address`. */
static void lint_key_again(struct cfg_linter *l, const struct key_at *key)
{
    const struct key_at *first = NULL;
    for (const struct key_at *k = key->before; k; k = k->before)
        if (clash(k, key))
            first = k;
    if (first)
        same_address(l, first, key);
}

/* Returns how many keys the keyring has; all: room for them, behind those that were before. */
static unsigned lint_keys_of(struct cfg_linter *l, const struct cfg_isakmp_keyring *ring,
                             struct cfg_pmap *map, struct key_at *all, unsigned number)
{
    for (unsigned i = 0; i < ring->key_count; i++, number++) {
        bool fresh = true;
        const struct cfg_isakmp_key *key = &ring->keys[i];
        unsigned *last = key->has_address ? cfg_pmap_put(map, cfg_vrf_number(l->c, ring->vrf), &key->address,
                                                         number, &fresh)
                                          : NULL;
        all[number] = (struct key_at){ring, key, last && !fresh ? &all[*last] : NULL};
        if (last)
            *last = number;
        lint_key_again(l, &all[number]);
    }
    return ring->key_count;
}

static void lint_same_addresses(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    unsigned keys = c->isakmp_default.key_count, number = 0;
    struct cfg_pmap map;
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        keys += c->isakmp_keyrings[i].key_count;
    struct key_at *all = calloc(keys + 1u, sizeof *all);
    if (!all || cfg_pmap_init(&map, keys) != CV_OK) {
        l->out_of_memory = true;
        free(all);
        return;
    }
    number += lint_keys_of(l, &c->isakmp_default, &map, all, number);
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        number += lint_keys_of(l, &c->isakmp_keyrings[i], &map, all, number);
    cfg_pmap_free(&map);
    free(all);
}

static bool names_keyring(const struct cfg_isakmp_profile *p, const char *name)
{
    for (unsigned i = 0; i < p->keyring_count; i++)
        if (strcmp(p->keyrings[i], name) == 0)
            return true;
    return false;
}

static bool keyring_used(const struct cfg *c, const struct cfg_isakmp_keyring *k)
{
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        if (names_keyring(&c->isakmp_profiles[i], k->name))
            return true;
    return false;
}

/* LN-2: the first packet is answered before the profile is known, so one keyring is safe and several are not (KR-7). */
static void lint_several_keyrings(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        for (unsigned n = 0; n < i; n++) {
            const struct cfg_isakmp_keyring *a = &c->isakmp_keyrings[n], *b = &c->isakmp_keyrings[i];
            if (strcmp(a->vrf, b->vrf) != 0 || apart(&a->local, &b->local) || !keyring_used(c, a) ||
                !keyring_used(c, b))
                continue;
            cfg_lint_add(
                l, b->line, "LN-2", CFG_WARNING, "put the keys into one keyring",
                "ISAKMP profiles use keyrings %s and %s: a peer that calls is given a key before its "
                "profile is known, and fails when that names another keyring (KR-7)",
                a->name, b->name);
            return;
        }
}

/* LN-3: the global keys are of the global VRF, and beat the keyrings of that one only (KR-5). */
static void lint_mixed_keys(struct cfg_linter *l)
{
    const struct cfg_isakmp_keyring *d = &l->c->isakmp_default;
    const struct cfg_isakmp_key *any = NULL;
    bool beside = false;
    for (unsigned i = 0; i < l->c->isakmp_keyring_count; i++)
        beside = beside || l->c->isakmp_keyrings[i].vrf[0] == '\0';
    if (d->key_count == 0 || !beside)
        return;
    for (unsigned i = 0; i < d->key_count && !any; i++)
        any = d->keys[i].has_address && d->keys[i].address.len == 0 ? &d->keys[i] : NULL;
    if (any)
        cfg_lint_add(l, any->line, "LN-3", CFG_ERROR, "put this key into the keyring",
                     "a global key for any address is taken for every peer that calls; "
                     "the keyrings are never searched (KR-9)");
    else
        cfg_lint_add(
            l, d->keys[0].line, "LN-3", CFG_WARNING, "put the global keys into a keyring",
            "global keys beside keyrings: for a peer that calls, a global key of any length wins over "
            "every keyring (KR-9)");
}

static void lint_keyrings(struct cfg_linter *l)
{
    for (unsigned i = 0; i < l->c->isakmp_keyring_count; i++) {
        const struct cfg_isakmp_keyring *k = &l->c->isakmp_keyrings[i];
        if (k->key_count == 0)
            cfg_lint_add(l, k->line, "no-psk", CFG_WARNING,
                         "as in: pre-shared-key address 192.0.2.1 key SECRET", "keyring %s has no key",
                         k->name);
    }
    lint_same_addresses(l);
    lint_several_keyrings(l);
    lint_mixed_keys(l);
}

/* ---- profiles ---------------------------------------------------------------------------------------------------- */
/* LN-4: equal matches; between different ones the more specific wins (PF-3). */
static void overlap_with(struct cfg_linter *l, const struct cfg_isakmp_profile *a,
                         const struct cfg_isakmp_profile *b)
{
    enum cfg_overlap most = CFG_APART;
    int line = b->line;
    if (strcmp(a->fvrf, b->fvrf) != 0 || apart(&a->local, &b->local))
        return;
    for (unsigned i = 0; i < a->match_count; i++)
        for (unsigned k = 0; k < b->match_count; k++) {
            enum cfg_overlap o = cfg_lint_overlap(&a->match[i], &b->match[k]);
            if (o > most) {
                most = o;
                line = b->match[k].line;
            }
        }
    if (most == CFG_SAME)
        cfg_lint_add(l, line, "LN-4", CFG_ERROR, "give each peer one profile",
                     "ISAKMP profiles %s and %s match the same identity: invalid; the first configured is "
                     "taken (PF-4)",
                     a->name, b->name);
    else if (most == CFG_OVERLAPS)
        cfg_lint_add(l, line, "LN-4", CFG_INFO, "narrow the wider one unless it is meant for the rest",
                     "ISAKMP profiles %s and %s overlap; the more specific match is taken (PF-3)", a->name,
                     b->name);
}

static void lint_profiles(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *p = &c->isakmp_profiles[i];
        if (!cfg_isakmp_profile_complete(p))
            cfg_lint_add(l, p->line, "incomplete", CFG_WARNING,
                         "as in: match identity address 192.0.2.1 255.255.255.255",
                         "ISAKMP profile %s has no match and is never chosen for a peer that calls", p->name);
        for (unsigned k = 0; k < i; k++)
            overlap_with(l, &c->isakmp_profiles[k], p);
    }
}

/* ---- what would negotiate ---------------------------------------------------------------------------------------- */
void cfg_lint_isakmp_binding(struct cfg_linter *l, const struct cfg_ipsec_profile *p)
{
    if (p->isakmp_profile[0] && p->ikev2_profile[0])
        cfg_lint_add(l, p->isakmp_profile_line, "G25", CFG_WARNING, "keep one of them",
                     "IPsec profile %s: `set ikev2-profile` wins, `set isakmp-profile` has no effect",
                     p->name);
    else if (!p->isakmp_profile[0])
        cfg_lint_add(l, p->line, "LN-6", CFG_INFO, "bind one: set isakmp-profile NAME",
                     "IPsec profile %s is bound to no ISAKMP profile; the best match is taken (PF-2)",
                     p->name);
}

/* How well a profile covers an address: 0 not, else 1 + mask length. */
static unsigned coverage(const struct cfg_isakmp_profile *p, const struct ip_addr *a)
{
    unsigned best = 0;
    for (unsigned i = 0; i < p->match_count; i++) {
        const struct cfg_id *m = &p->match[i];
        if (m->kind == CFG_ID_ADDRESS && m->prefix.addr.family == a->family &&
            ip_prefix_contains(&m->prefix, a) && 1u + m->prefix.len > best)
            best = 1u + m->prefix.len;
    }
    return best;
}

/* LN-11: the one that a peer's call is given to (PF-3, PF-4) is another than the bound one. */
static void another_answers(struct cfg_linter *l, const struct cfg_interface *t,
                            const struct cfg_isakmp_profile *bound)
{
    const struct cfg *c = l->c;
    const struct cfg_isakmp_profile *taken = NULL;
    unsigned most = 0;
    char remedy[CFG_TEXT_MAX];
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *p = &c->isakmp_profiles[i];
        unsigned n = strcmp(p->fvrf, t->tunnel_vrf) == 0 ? coverage(p, &t->tunnel_destination) : 0;
        if (n > most && !apart(&p->local, &bound->local)) {
            most = n;
            taken = p;
        }
    }
    if (!taken || taken == bound || coverage(bound, &t->tunnel_destination) == 0)
        return;
    snprintf(remedy, sizeof remedy,
             "bind that one: set isakmp-profile %s; or let its `match identity` spare this peer",
             taken->name);
    cfg_lint_add(l, t->protection_line, "LN-11", CFG_WARNING, remedy,
                 "%s is bound to ISAKMP profile %s, but %s is taken when this peer calls (PF-7)", t->name,
                 bound->name, taken->name);
}

/* ---- the key for a peer -------------------------------------------------------------------------------------------- */
struct key_search {
    bool by_address, by_name;
};

static void search_keys(const struct cfg_isakmp_keyring *k, const struct cfg_interface *t,
                        struct key_search *s)
{
    if (!k || strcmp(k->vrf, t->tunnel_vrf) != 0)
        return;
    for (unsigned i = 0; i < k->key_count && !s->by_address; i++) {
        const struct cfg_isakmp_key *x = &k->keys[i];
        s->by_name = s->by_name || !x->has_address;
        s->by_address =
            s->by_address || (x->has_address && ip_prefix_contains(&x->address, &t->tunnel_destination));
    }
}

/* KR-2, KR-3: those of the bound profile, else all. */
static struct key_search keys_for(const struct cfg *c, const struct cfg_interface *t,
                                  const struct cfg_isakmp_profile *bound)
{
    struct key_search s = {0};
    for (unsigned i = 0; bound && i < bound->keyring_count; i++)
        search_keys(cfg_find_isakmp_keyring(c, bound->keyrings[i]), t, &s);
    if (!bound || bound->keyring_count == 0)
        search_keys(&c->isakmp_default, t, &s);
    for (unsigned i = 0; !bound && i < c->isakmp_keyring_count; i++)
        search_keys(&c->isakmp_keyrings[i], t, &s);
    return s;
}

/* G31: in Main Mode the key is looked up by the address that packets come from, before any identity is seen. */
static void lint_key(struct cfg_linter *l, const struct cfg_interface *t,
                     const struct cfg_isakmp_profile *bound)
{
    struct key_search s = keys_for(l->c, t, bound);
    const struct cfg_isakmp_peer *peer = cfg_find_isakmp_peer(l->c, &t->tunnel_destination, t->tunnel_vrf);
    char text[IP_TEXT_MAX];
    ip_addr_text(&t->tunnel_destination, text);
    if (s.by_address || (peer && peer->password.n > 0) || cfg_lint_isakmp_signs(l->c))
        return;
    if (!s.by_name)
        cfg_lint_add(l, t->protection_line, "no-psk", CFG_ERROR, "as in: pre-shared-key address A key SECRET",
                     "%s: no keyring that is searched for %s has a key for it", t->name, text);
    else if (!bound || !bound->aggressive)
        cfg_lint_add(
            l, t->protection_line, "G31", CFG_WARNING,
            "give the key an address, 0.0.0.0 if need be, or say `initiate mode aggressive` on both sides",
            "%s: the only keys for %s are by host name, and Main Mode looks keys up by address (KR-5)",
            t->name, text);
}

/* ---- Aggressive Mode ------------------------------------------------------------------------------------------------- */
static bool has_name_key(const struct cfg_isakmp_keyring *k)
{
    for (unsigned i = 0; i < k->key_count; i++)
        if (!k->keys[i].has_address)
            return true;
    return false;
}

/* A line that needs Aggressive Mode; 0 when there is none. */
static int needs_aggressive(const struct cfg *c)
{
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        if (c->isakmp_profiles[i].aggressive)
            return c->isakmp_profiles[i].line;
    for (unsigned i = 0; i < c->isakmp_peer_count; i++)
        if (c->isakmp_peers[i].password.n > 0 || c->isakmp_peers[i].client_id.kind != CFG_ID_NONE)
            return c->isakmp_peers[i].line;
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        if (has_name_key(&c->isakmp_keyrings[i]))
            return c->isakmp_keyrings[i].line;
    for (unsigned i = 0; i < c->isakmp_default.key_count; i++)
        if (!c->isakmp_default.keys[i].has_address)
            return c->isakmp_default.keys[i].line;
    return 0;
}

/* IOS answers it unless told not to; here only where something of the configuration needs it. */
static void lint_aggressive(struct cfg_linter *l)
{
    int line = needs_aggressive(l->c);
    if (line && l->c->isakmp_aggressive_disable)
        cfg_lint_add(
            l, line, "aggressive", CFG_WARNING, "keep one of the two",
            "Aggressive Mode is wanted here, and disabled by `crypto isakmp aggressive-mode disable`");
    else if (line)
        cfg_lint_add(
            l, line, "aggressive", CFG_WARNING, "use Main Mode with keys by address, or a long random key",
            "Aggressive Mode is answered because of this line: it gives away a hash of the key to whoever "
            "asks, good for guessing the key without being noticed");
    else if (!l->c->isakmp_aggressive_disable && ikev1_negotiates(l->c))
        cfg_lint_add(l, 0, "aggressive", CFG_INFO, "",
                     "Aggressive Mode is not answered, for nothing here needs it; IOS answers it by default");
}

static void lint_disabled(struct cfg_linter *l)
{
    if (l->c->isakmp_disabled && ikev1_negotiates(l->c))
        cfg_lint_add(l, 0, "disabled", CFG_ERROR, "say: crypto isakmp enable",
                     "`no crypto isakmp enable`, but a tunnel or crypto map negotiates with IKEv1");
}

void cfg_lint_isakmp_tunnel(struct cfg_linter *l, const struct cfg_interface *t,
                            const struct cfg_ipsec_profile *ipsec)
{
    const struct cfg_isakmp_profile *bound = cfg_find_isakmp_profile(l->c, ipsec->isakmp_profile);
    if (bound && t->tunnel_destination.family != IP_NONE)
        another_answers(l, t, bound);
    if (t->tunnel_destination.family != IP_NONE)
        lint_key(l, t, bound);
}

void cfg_lint_isakmp(struct cfg_linter *l)
{
    lint_policies(l);
    lint_keyrings(l);
    lint_profiles(l);
    lint_aggressive(l);
    lint_disabled(l);
}
