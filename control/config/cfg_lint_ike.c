#include "control/config/cfg_lint.h"

#include "control/config/cfg_alg.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- proposals and policies ------------------------------------------------------------------------------------------------- */
static bool proposal_used(const struct cfg *c, const struct cfg_ikev2_proposal *p)
{
    bool configured = false;
    for (unsigned i = 0; i < c->policy_count; i++)
        configured = configured || !c->policies[i].builtin;
    for (unsigned i = 0; i < c->policy_count; i++)
        for (unsigned k = 0; k < c->policies[i].proposal_count; k++)
            if ((!configured || !c->policies[i].builtin) && strcmp(c->policies[i].proposals[k], p->name) == 0)
                return true;
    return false;
}

static unsigned aeads(const struct cfg_ikev2_proposal *p)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->encr_count; i++)
        n += cfg_alg_aead(p->encr[i].id);
    return n;
}

static void incomplete_proposal(struct cfg_linter *l, const struct cfg_ikev2_proposal *p)
{
    unsigned aead = aeads(p);
    if (p->encr_count == 0)
        cfg_lint_add(l, p->line, "incomplete", CFG_ERROR, "as in: encryption aes-gcm-256 aes-cbc-256",
                     "IKEv2 proposal %s has no encryption algorithm", p->name);
    if (p->group_count == 0)
        cfg_lint_add(l, p->line, "incomplete", CFG_ERROR, "as in: group 19 14",
                     "IKEv2 proposal %s has no group", p->name);
    if (aead < p->encr_count && p->integ_count == 0)
        cfg_lint_add(l, p->line, "incomplete", CFG_ERROR, "as in: integrity sha256",
                     "IKEv2 proposal %s has a cipher that needs an integrity algorithm, and none", p->name);
    if (aead > 0 && p->prf_count == 0 && p->integ_count == 0)
        cfg_lint_add(l, p->line, "incomplete", CFG_ERROR, "as in: prf sha256",
                     "IKEv2 proposal %s has an AEAD cipher and no prf", p->name);
    if (aead > 0 && aead == p->encr_count && p->integ_count > 0 && p->prf_count > 0)
        cfg_lint_add(l, p->line, "unused", CFG_INFO, "leave the integrity line out",
                     "IKEv2 proposal %s: its ciphers bring their own integrity", p->name);
}

/* LN-12: accepted, for old peers have nothing better; DES gives no protection at all. */
static void weak_proposal(struct cfg_linter *l, const struct cfg_ikev2_proposal *p)
{
    char list[120] = "";
    size_t at = 0;
    bool des = false;
    for (unsigned i = 0; i < p->encr_count; i++) {
        des = des || p->encr[i].id == CV_ENCR_DES;
        if (p->encr[i].id == CV_ENCR_3DES)
            at += (size_t)snprintf(list + at, sizeof list - at, ", 3des");
    }
    for (unsigned i = 0; i < p->integ_count; i++)
        if (p->integ[i] == CV_INTEG_HMAC_MD5_96)
            at += (size_t)snprintf(list + at, sizeof list - at, ", integrity md5");
    for (unsigned i = 0; i < p->prf_count; i++)
        if (strcmp(cfg_alg_prf_word(p->prf[i]), "md5") == 0)
            at += (size_t)snprintf(list + at, sizeof list - at, ", prf md5");
    for (unsigned i = 0; i < p->group_count; i++)
        if (cfg_alg_weak_group(p->group[i]))
            at += (size_t)snprintf(list + at, sizeof list - at, ", group %u", p->group[i]);
    if (des)
        cfg_lint_add(l, p->line, "LN-12", CFG_ERROR, "use aes-cbc-256 or aes-gcm-256",
                     "IKEv2 proposal %s: DES gives no protection", p->name);
    if (at > 0)
        cfg_lint_add(l, p->line, "LN-12", CFG_WARNING, "use AES, SHA-2 and group 14, 19, 20, 21 or 31",
                     "IKEv2 proposal %s%s is weak: %s", p->name, p->builtin ? " (built in)" : "", list + 2);
}

static void lint_proposals(struct cfg_linter *l)
{
    for (unsigned i = 0; i < l->c->proposal_count; i++) {
        const struct cfg_ikev2_proposal *p = &l->c->proposals[i];
        if (p->builtin && (l->c->profile_count == 0 || !proposal_used(l->c, p)))
            continue;
        incomplete_proposal(l, p);
        weak_proposal(l, p);
        if (!p->builtin && !proposal_used(l->c, p))
            cfg_lint_add(l, p->line, "unused", CFG_WARNING,
                         "name it in a policy: crypto ikev2 policy P, proposal NAME",
                         "no IKEv2 policy uses proposal %s", p->name);
    }
}

static void lint_policies(struct cfg_linter *l)
{
    for (unsigned i = 0; i < l->c->policy_count; i++)
        if (l->c->policies[i].proposal_count == 0)
            cfg_lint_add(l, l->c->policies[i].line, "incomplete", CFG_ERROR, "as in: proposal NAME",
                         "IKEv2 policy %s has no proposal and is never used", l->c->policies[i].name);
}

/* ---- keyrings ------------------------------------------------------------------------------------------------------------------ */
static const struct cfg_ikev2_profile *user_of(const struct cfg *c, const struct cfg_ikev2_keyring *k)
{
    for (unsigned i = 0; i < c->profile_count; i++)
        if (strcmp(c->profiles[i].keyring, k->name) == 0)
            return &c->profiles[i];
    return NULL;
}

static bool covers(const struct ip_prefix *wide, const struct ip_prefix *narrow)
{
    return wide->addr.family == narrow->addr.family && wide->len <= narrow->len &&
           ip_prefix_contains(wide, &narrow->addr);
}

/* A match line says which identities come; an address block is reached by any identity from that address, so only
 * address matches that lie wholly apart make it unreachable, and identity blocks need a match line that overlaps. */
static bool reaches(const struct cfg_ikev2_profile *p, const struct cfg_ikev2_peer *x)
{
    if (x->hostname[0])
        return true;
    for (unsigned i = 0; i < p->match_count; i++) {
        const struct cfg_id *m = &p->match[i];
        if (x->identity.kind != CFG_ID_NONE && cfg_lint_overlap(m, &x->identity) != CFG_APART)
            return true;
        if (x->has_address &&
            (m->kind != CFG_ID_ADDRESS || covers(&m->prefix, &x->address) || covers(&x->address, &m->prefix)))
            return true;
    }
    return false;
}

static bool reachable(const struct cfg *c, const struct cfg_ikev2_keyring *k, const struct cfg_ikev2_peer *x)
{
    for (unsigned i = 0; i < c->profile_count; i++)
        if (strcmp(c->profiles[i].keyring, k->name) == 0 && reaches(&c->profiles[i], x))
            return true;
    return false;
}

static void lint_peer(struct cfg_linter *l, const struct cfg_ikev2_keyring *k, unsigned at)
{
    const struct cfg_ikev2_peer *x = &k->peers[at];
    if (!x->has_address && !x->hostname[0] && x->identity.kind == CFG_ID_NONE)
        cfg_lint_add(l, x->line, "incomplete", CFG_ERROR, "as in: address 192.0.2.1",
                     "peer %s of keyring %s says for whom it is by no address, hostname or identity", x->tag,
                     k->name);
    if (x->psk_local.n == 0 && x->psk_remote.n == 0)
        cfg_lint_add(l, x->line, "no-psk", CFG_ERROR, "as in: pre-shared-key SECRET",
                     "peer %s of keyring %s has no key", x->tag, k->name);
    else if (x->psk_local.n == 0 || x->psk_remote.n == 0)
        cfg_lint_add(l, x->line, "no-psk", CFG_ERROR,
                     "give both `pre-shared-key local` and `pre-shared-key remote`, or one `pre-shared-key`",
                     "peer %s of keyring %s has a key for one direction only", x->tag, k->name);
    for (unsigned i = 0; i < at && x->has_address; i++)
        if (k->peers[i].has_address && ip_prefix_equal(&k->peers[i].address, &x->address)) {
            cfg_lint_add(l, x->line, "LN-1", CFG_WARNING, "keep one of them",
                         "peers %s and %s of keyring %s have the same address; the first is taken",
                         k->peers[i].tag, x->tag, k->name);
            break;
        }
    if (user_of(l->c, k) && !reachable(l->c, k, x))
        cfg_lint_add(l, x->line, "unreachable", CFG_WARNING, "widen a profile's `match identity remote`",
                     "no profile that uses keyring %s lets peer %s in", k->name, x->tag);
}

static void lint_keyrings(struct cfg_linter *l)
{
    for (unsigned i = 0; i < l->c->keyring_count; i++) {
        const struct cfg_ikev2_keyring *k = &l->c->keyrings[i];
        if (!user_of(l->c, k))
            cfg_lint_add(l, k->line, "unused", CFG_WARNING, "name it in a profile: keyring local NAME",
                         "no IKEv2 profile uses keyring %s", k->name);
        for (unsigned n = 0; n < k->peer_count; n++)
            lint_peer(l, k, n);
    }
}

/* ---- profiles -------------------------------------------------------------------------------------------------------------------- */
static bool in_domain(const char *name, const char *domain)
{
    size_t n = strlen(name), d = strlen(domain);
    return n > d && strcasecmp(name + n - d, domain) == 0;
}

static enum cfg_overlap same_if(bool same)
{
    return same ? CFG_SAME : CFG_APART;
}

static enum cfg_overlap overlap_texts(const struct cfg_id *a, const struct cfg_id *b)
{
    bool fqdn = (a->kind == CFG_ID_FQDN || a->kind == CFG_ID_FQDN_DOMAIN) &&
                (b->kind == CFG_ID_FQDN || b->kind == CFG_ID_FQDN_DOMAIN);
    bool email = (a->kind == CFG_ID_EMAIL || a->kind == CFG_ID_EMAIL_DOMAIN) &&
                 (b->kind == CFG_ID_EMAIL || b->kind == CFG_ID_EMAIL_DOMAIN);
    if (a->kind == b->kind && a->kind == CFG_ID_KEY_ID)
        return same_if(strcmp(a->text, b->text) == 0);
    if (!fqdn && !email)
        return CFG_APART;
    if (a->kind == b->kind && strcasecmp(a->text, b->text) == 0)
        return CFG_SAME;
    bool a_wide = a->kind == CFG_ID_FQDN_DOMAIN || a->kind == CFG_ID_EMAIL_DOMAIN;
    bool b_wide = b->kind == CFG_ID_FQDN_DOMAIN || b->kind == CFG_ID_EMAIL_DOMAIN;
    return (a_wide && in_domain(b->text, a->text)) || (b_wide && in_domain(a->text, b->text)) ? CFG_OVERLAPS
                                                                                              : CFG_APART;
}

enum cfg_overlap cfg_lint_overlap(const struct cfg_id *a, const struct cfg_id *b)
{
    if (a->kind == CFG_ID_ANY || b->kind == CFG_ID_ANY)
        return a->kind == b->kind ? CFG_SAME : CFG_OVERLAPS;
    if (a->kind != CFG_ID_ADDRESS || b->kind != CFG_ID_ADDRESS)
        return overlap_texts(a, b);
    if (ip_prefix_equal(&a->prefix, &b->prefix))
        return CFG_SAME;
    return covers(&a->prefix, &b->prefix) || covers(&b->prefix, &a->prefix) ? CFG_OVERLAPS : CFG_APART;
}

/* Whether one call can be for both, by VRF and our address. */
static bool same_local(const struct cfg_ikev2_profile *a, const struct cfg_ikev2_profile *b)
{
    if (!a->fvrf_any && !b->fvrf_any && strcmp(a->fvrf, b->fvrf) != 0)
        return false;
    if (a->local_count == 0 || b->local_count == 0)
        return true;
    for (unsigned i = 0; i < a->local_count; i++)
        for (unsigned k = 0; k < b->local_count; k++)
            if (strcmp(a->local[i].interface, b->local[k].interface) == 0 &&
                ip_addr_equal(&a->local[i].addr, &b->local[k].addr))
                return true;
    return false;
}

/* LN-5: equal matches only, for between different ones the more specific wins (PF-3); that one is said as info. */
static void overlap_with(struct cfg_linter *l, const struct cfg_ikev2_profile *a,
                         const struct cfg_ikev2_profile *b)
{
    enum cfg_overlap most = CFG_APART;
    int line = b->line;
    for (unsigned i = 0; i < a->match_count; i++)
        for (unsigned k = 0; k < b->match_count; k++) {
            enum cfg_overlap o = cfg_lint_overlap(&a->match[i], &b->match[k]);
            if (o > most) {
                most = o;
                line = b->match[k].line;
            }
        }
    if (most == CFG_SAME)
        cfg_lint_add(l, line, "LN-5", CFG_WARNING,
                     "give each peer one profile, or tell them apart by `match address local`",
                     "IKEv2 profiles %s and %s match the same identity; the last configured is taken (PF-8)",
                     a->name, b->name);
    else if (most == CFG_OVERLAPS)
        cfg_lint_add(l, line, "LN-5", CFG_INFO, "narrow the wider one unless it is meant for the rest",
                     "IKEv2 profiles %s and %s overlap; the more specific match is taken (PF-3)", a->name,
                     b->name);
}

static void incomplete_profile(struct cfg_linter *l, const struct cfg_ikev2_profile *p)
{
    if (p->match_count == 0 && p->certmap_count == 0)
        cfg_lint_add(l, p->line, "incomplete", CFG_ERROR,
                     "as in: match identity remote address 192.0.2.1 255.255.255.255",
                     "IKEv2 profile %s has no match and is never used", p->name);
    if (p->auth_local == CFG_AUTH_NONE)
        cfg_lint_add(l, p->line, "incomplete", CFG_ERROR, "as in: authentication local pre-share",
                     "IKEv2 profile %s does not say how to authenticate itself", p->name);
    if (p->auth_remote == CFG_AUTH_NONE)
        cfg_lint_add(l, p->line, "incomplete", CFG_ERROR, "as in: authentication remote pre-share",
                     "IKEv2 profile %s does not say how the peer authenticates itself", p->name);
}

static void authentication(struct cfg_linter *l, const struct cfg_ikev2_profile *p)
{
    const char *use = "use: authentication local pre-share, authentication remote pre-share";
    if ((p->auth_local | p->auth_remote) & CFG_AUTH_EAP)
        cfg_lint_add(l, p->line, "unsupported", CFG_ERROR, use,
                     "IKEv2 profile %s: EAP is not in this release", p->name);
    if (p->identity.kind == CFG_ID_NONE && p->auth_local == CFG_AUTH_PSK)
        cfg_lint_add(l, p->line, "G29", CFG_INFO, "",
                     "IKEv2 profile %s has no `identity local`; the address is sent", p->name);
}

static void keys(struct cfg_linter *l, const struct cfg_ikev2_profile *p)
{
    bool wants = (p->auth_local == CFG_AUTH_PSK && p->auth_local_key.n == 0) ||
                 (p->auth_remote & CFG_AUTH_PSK && p->auth_remote_key.n == 0);
    const struct cfg_ikev2_keyring *k = p->keyring[0] ? cfg_find_keyring(l->c, p->keyring) : NULL;
    if (wants && !k)
        cfg_lint_add(l, p->line, "no-psk", CFG_ERROR, "as in: keyring local NAME",
                     "IKEv2 profile %s authenticates with pre-shared keys and has no keyring", p->name);
    else if (wants && k->peer_count == 0)
        cfg_lint_add(l, p->keyring_line, "no-psk", CFG_ERROR,
                     "add to it: peer NAME, address A, pre-shared-key K",
                     "keyring %s of IKEv2 profile %s is empty", k->name, p->name);
    else if (!wants && p->keyring[0])
        cfg_lint_add(l, p->keyring_line, "unused", CFG_INFO, "",
                     "IKEv2 profile %s needs no key of keyring %s", p->name, p->keyring);
}

static void lint_profiles(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    for (unsigned i = 0; i < c->profile_count; i++) {
        const struct cfg_ikev2_profile *p = &c->profiles[i];
        if (p->shutdown)
            continue;
        incomplete_profile(l, p);
        authentication(l, p);
        keys(l, p);
        for (unsigned k = 0; k < i; k++)
            if (!c->profiles[k].shutdown && same_local(&c->profiles[k], p))
                overlap_with(l, &c->profiles[k], p);
    }
}

void cfg_lint_ike(struct cfg_linter *l)
{
    lint_proposals(l);
    lint_policies(l);
    lint_keyrings(l);
    lint_profiles(l);
}
