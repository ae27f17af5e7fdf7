/* Causes that are keys: which one each end takes, and where it stands. */
#include "control/tools/exp_cause.h"

#include "common/secret.h"
#include "control/select/sel_v1.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- IKEv1: what each end takes ------------------------------------------------------------------------------------------ */
struct used {
    struct sel_v1_key k;
    const struct cfg_isakmp_profile *profile; /* whose keyrings were searched; NULL: all */
    struct sel_trace t;
};

/* The key the end takes for the other before anyone's identity is known: KR-2, KR-3 as initiator, KR-5 as responder. */
static struct used key_of(const struct exp_cause *x, enum exp_end e)
{
    struct used u = {.profile = NULL};
    const struct cfg *c = x->c->side[e].cfg;
    const struct exp_unit *unit = x->run->unit[e];
    struct sel_v1_path path = {
        .fvrf = unit->first->tunnel_vrf, .local = &unit->local, .peer = exp_local(x, exp_other(e))};
    bool initiator = e == x->run->initiator;
    if (initiator)
        u.profile = sel_v1_profile_for_tunnel(c, unit->first, NULL, NULL);
    u.k = sel_v1_key(c, u.profile, initiator, &path, NULL, &u.t);
    return u;
}

static bool printable(const struct secret *s)
{
    if (s->n == 0)
        return false;
    for (size_t i = 0; i < s->n; i++)
        if (!isgraph(s->p[i]))
            return false;
    return isdigit(s->p[0]) ? s->n > 1 : true;
}

static bool same_secret(const struct secret *a, const struct secret *b)
{
    return a->n == b->n && secret_equal(a->p, b->p, a->n);
}

/* A key of an end for the other's address, in whichever keyring, with that password. */
static struct sel_v1_key same_elsewhere(const struct exp_cause *x, enum exp_end e,
                                        const struct secret *secret)
{
    const struct cfg *c = x->c->side[e].cfg;
    for (unsigned i = 0; i <= c->isakmp_keyring_count; i++) {
        const struct cfg_isakmp_keyring *r = i ? &c->isakmp_keyrings[i - 1] : &c->isakmp_default;
        for (unsigned k = 0; k < r->key_count; k++)
            if (r->keys[k].has_address &&
                ip_prefix_contains(&r->keys[k].address, exp_local(x, exp_other(e))) &&
                same_secret(&r->keys[k].key, secret))
                return (struct sel_v1_key){r, &r->keys[k]};
    }
    return (struct sel_v1_key){NULL, NULL};
}

/* A key of the line's form for the other's address. */
static void put_key(struct exp_fix *f, const struct exp_cause *x, enum exp_end on,
                    const struct cfg_isakmp_keyring *ring, const struct secret *secret)
{
    const char *peer = exp_addr(exp_local(x, exp_other(on)));
    if (!printable(secret))
        return;
    if (ring && ring->line > 0 && strcmp(ring->name, "default") != 0)
        exp_fix_edit(f, on, EXP_INSERT, ring->line, " pre-shared-key address %s key %.*s", peer,
                     (int)secret->n, (const char *)secret->p);
    else
        exp_fix_edit(f, on, EXP_INSERT, 0, "crypto isakmp key %.*s address %s", (int)secret->n,
                     (const char *)secret->p, peer);
}

static void set_keyring(struct exp_fix *f, enum exp_end on, const struct cfg_isakmp_profile *p,
                        const char *ring)
{
    for (unsigned i = 1; i < p->keyring_count; i++)
        exp_fix_edit(f, on, EXP_DELETE, p->keyring_lines[i], " ");
    exp_fix_edit(f, on, p->keyring_count ? EXP_REPLACE : EXP_INSERT,
                 p->keyring_count ? p->keyring_lines[0] : p->line, " keyring %s", ring);
}

static const char *keyrings_of(const struct cfg_isakmp_profile *p, char out[CFG_TEXT_MAX])
{
    size_t used = 0;
    snprintf(out, CFG_TEXT_MAX, "default");
    for (unsigned i = 0; i < p->keyring_count && used < CFG_TEXT_MAX; i++)
        used += (size_t)snprintf(out + used, CFG_TEXT_MAX - used, "%s%s", i ? ", " : "", p->keyrings[i]);
    return out;
}

/* Which key of two that fit is taken, in a few words. */
static const char *rule_words(const struct sel_trace *t)
{
    if (strcmp(t->rule, "KR-6") == 0)
        return "the first of two equally long masks, KR-6";
    if (strcmp(t->rule, "KR-9") == 0)
        return "a global key comes before every keyring, KR-9";
    if (strcmp(t->rule, "KR-2") == 0)
        return "the keyring of its profile, KR-2";
    return strcmp(t->rule, "KR-3") == 0 ? "the longest mask, KR-3" : "the longest mask, KR-5";
}

/* ---- KR-7 -------------------------------------------------------------------------------------------------------------------- */
static const struct cfg_isakmp_profile *selected(const struct exp_cause *x)
{
    const struct exp_decision *d = exp_run_decision(x->run, x->run->on, SEL_PROFILE, false);
    return d && d->t.chosen[0] ? cfg_find_isakmp_profile(x->c->side[x->run->on].cfg, d->t.chosen) : NULL;
}

/* A key for the other in a keyring of the profile. */
static struct sel_v1_key key_in_profile(const struct exp_cause *x, enum exp_end e,
                                        const struct cfg_isakmp_profile *p)
{
    const struct exp_unit *unit = x->run->unit[e];
    struct sel_v1_path path = {
        .fvrf = unit->first->tunnel_vrf, .local = &unit->local, .peer = exp_local(x, exp_other(e))};
    return sel_v1_key(x->c->side[e].cfg, p, true, &path, NULL, NULL);
}

static void keyring_mismatch(struct exp_cause *x)
{
    enum exp_end on = x->run->on;
    struct used u = key_of(x, on);
    const struct cfg_isakmp_profile *p = selected(x);
    char rings[CFG_TEXT_MAX], letter = exp_letter(on);
    if (!u.k.key || !p)
        return;
    struct sel_v1_key own = key_in_profile(x, on, p);
    exp_cause_why(x,
                  "%c found the key for %s in keyring %s (%s), but profile %s, which %c's identity selects, "
                  "lists only keyring %s.",
                  letter, exp_addr(exp_local(x, exp_other(on))), u.k.keyring->name, rule_words(&u.t), p->name,
                  exp_letter(exp_other(on)), keyrings_of(p, rings));
    if (own.key && same_secret(&own.key->key, &u.k.key->key))
        exp_cause_also(x, " Both keys are the same password: the keyring is compared, not the password.");
    if (own.key) {
        struct exp_fix *f =
            exp_cause_fix(x,
                          "on %c (%s): remove \"%s\" from keyring %s; the key in keyring %s (%s) stays: one "
                          "keyring per peer (LN-1, LN-2)",
                          letter, exp_at(x, on, u.k.key->line), exp_shown(x, on, u.k.key->line),
                          u.k.keyring->name, own.keyring->name, exp_at(x, on, own.key->line));
        exp_fix_edit(f, on, EXP_DELETE, u.k.key->line, " ");
    }
    if (strcmp(u.k.keyring->name, "default") != 0) {
        int at = p->keyring_count ? p->keyring_lines[0] : p->line;
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): give profile %s \"keyring %s\" instead of \"keyring %s\"", letter,
                          exp_at(x, on, at), p->name, u.k.keyring->name, rings);
        set_keyring(f, on, p, u.k.keyring->name);
    } else {
        struct exp_fix *f = exp_cause_fix(
            x, "on %c (%s): take \"keyring %s\" out of profile %s, which then has the global keys (G7)",
            letter, exp_at(x, on, p->keyring_lines[0]), rings, p->name);
        for (unsigned i = 0; i < p->keyring_count; i++)
            exp_fix_edit(f, on, EXP_DELETE, p->keyring_lines[i], " ");
    }
    if (!own.key && p->keyring_count > 0) {
        const struct cfg_isakmp_keyring *r = cfg_find_isakmp_keyring(x->c->side[on].cfg, p->keyrings[0]);
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): move the key for %s from keyring %s to keyring %s", letter,
                          exp_at(x, on, u.k.key->line), exp_addr(exp_local(x, exp_other(on))),
                          u.k.keyring->name, p->keyrings[0]);
        exp_fix_edit(f, on, EXP_DELETE, u.k.key->line, " ");
        put_key(f, x, on, r, &u.k.key->key);
    }
}

/* ---- KR-8 -------------------------------------------------------------------------------------------------------------------- */
/* Where another key of the end has the other's password. */
static void fix_by_other_key(struct exp_cause *x, enum exp_end e, const struct used *own,
                             const struct used *other)
{
    struct sel_v1_key hit = same_elsewhere(x, e, &other->k.key->key);
    if (!hit.key || hit.key == own->k.key)
        return;
    struct exp_fix *f = exp_cause_fix(
        x, "on %c (%s): remove \"%s\" from keyring %s (%s); keyring %s (%s) has the password that %c uses",
        exp_letter(e), exp_at(x, e, own->k.key->line), exp_shown(x, e, own->k.key->line),
        own->k.keyring->name, rule_words(&own->t), hit.keyring->name, exp_at(x, e, hit.key->line),
        exp_letter(exp_other(e)));
    exp_fix_edit(f, e, EXP_DELETE, own->k.key->line, " ");
    if (own->profile && own->profile->keyring_count > 0) {
        f = exp_cause_fix(
            x, "on %c (%s): give profile %s \"keyring %s\", whose password is the one that %c uses",
            exp_letter(e), exp_at(x, e, own->profile->keyring_lines[0]), own->profile->name,
            hit.keyring->name, exp_letter(exp_other(e)));
        set_keyring(f, e, own->profile, hit.keyring->name);
    }
}

/* The line of a key with another password. */
static void replace_secret(struct exp_fix *f, const struct exp_cause *x, enum exp_end on, struct sel_v1_key k,
                           const struct secret *secret)
{
    char raw[400];
    if (!printable(secret))
        return;
    exp_side_line(&x->c->side[on], k.key->line, raw, sizeof raw);
    char *at = strstr(raw, " key "), *address = strstr(raw, " address ");
    if (at && address && at < address) /* crypto isakmp key K address ... */
        exp_fix_edit(f, on, EXP_REPLACE, k.key->line, "crypto isakmp key %.*s%s", (int)secret->n,
                     (const char *)secret->p, address);
    else if (at)
        exp_fix_edit(f, on, EXP_REPLACE, k.key->line, "%.*s key %.*s", (int)(at - raw), raw, (int)secret->n,
                     (const char *)secret->p);
    secret_wipe(raw, sizeof raw);
}

static void bad_psk(struct exp_cause *x)
{
    enum exp_end on = x->run->on, other = exp_other(on);
    struct used u = key_of(x, on), v = key_of(x, other);
    if (!u.k.key || !v.k.key)
        return;
    exp_cause_why(x,
                  "%c takes the key for %s from keyring %s (%s; %s), %c its own from keyring %s (%s; %s): "
                  "the two passwords differ, "
                  "so the encrypted message comes out as garbage.",
                  exp_letter(on), exp_addr(exp_local(x, other)), u.k.keyring->name,
                  exp_at(x, on, u.k.key->line), rule_words(&u.t), exp_letter(other), v.k.keyring->name,
                  exp_at(x, other, v.k.key->line), rule_words(&v.t));
    fix_by_other_key(x, on, &u, &v);
    fix_by_other_key(x, other, &v, &u);
    struct exp_fix *f = exp_cause_fix(x, "on both: the same password in \"%s\" (%s) and \"%s\" (%s)",
                                      exp_shown(x, EXP_A, (on == EXP_A ? u : v).k.key->line),
                                      exp_at(x, EXP_A, (on == EXP_A ? u : v).k.key->line),
                                      exp_shown(x, EXP_B, (on == EXP_B ? u : v).k.key->line),
                                      exp_at(x, EXP_B, (on == EXP_B ? u : v).k.key->line));
    replace_secret(f, x, on, u.k, &v.k.key->key);
}

/* ---- no key ------------------------------------------------------------------------------------------------------------------ */
/* A key by host name, which Main Mode does not look at: KR-5.1, G31. */
static bool by_host_only(struct exp_cause *x, enum exp_end on)
{
    const struct cfg *c = x->c->side[on].cfg;
    for (unsigned i = 0; i <= c->isakmp_keyring_count; i++) {
        const struct cfg_isakmp_keyring *r = i ? &c->isakmp_keyrings[i - 1] : &c->isakmp_default;
        for (unsigned k = 0; k < r->key_count; k++) {
            char raw[400];
            if (r->keys[k].has_address)
                continue;
            exp_side_line(&x->c->side[on], r->keys[k].line, raw, sizeof raw);
            char *host = strstr(raw, " hostname ");
            const char *peer = exp_addr(exp_local(x, exp_other(on))),
                       *rest = host ? host + strlen(" hostname ") : "";
            exp_cause_also(x,
                           " The key for host %.100s (%s) does not count in Main Mode: the key is needed "
                           "before the name is known (KR-1, KR-5).",
                           r->keys[k].hostname, exp_at(x, on, r->keys[k].line));
            struct exp_fix *f = exp_cause_fix(
                x, "on %c (%s): give the key in keyring %s by address: address %s instead of hostname %.100s",
                exp_letter(on), exp_at(x, on, r->keys[k].line), r->name, peer, r->keys[k].hostname);
            if (host)
                exp_fix_edit(f, on, EXP_REPLACE, r->keys[k].line, "%.*s address %s%s", (int)(host - raw), raw,
                             peer, rest + strcspn(rest, " "));
            secret_wipe(raw, sizeof raw);
            return true;
        }
    }
    return false;
}

/* Keyrings that have a key for the other, but are for another forwarding table or local address: KR-5.4, G10. */
static void elsewhere(struct exp_cause *x, enum exp_end on)
{
    const struct cfg *c = x->c->side[on].cfg;
    const char *vrf = x->run->unit[on]->first->tunnel_vrf;
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++) {
        const struct cfg_isakmp_keyring *r = &c->isakmp_keyrings[i];
        bool has = false;
        for (unsigned k = 0; k < r->key_count; k++)
            has = has || (r->keys[k].has_address &&
                          ip_prefix_contains(&r->keys[k].address, exp_local(x, exp_other(on))));
        if (has && strcmp(r->vrf, vrf) != 0) {
            exp_cause_also(x, " Keyring %s (%s) is for %s%s, %s runs in %s%s.", r->name,
                           exp_at(x, on, r->line), r->vrf[0] ? "VRF " : "the global VRF", r->vrf,
                           x->run->unit[on]->name, vrf[0] ? "VRF " : "the global VRF", vrf);
            struct exp_fix *f = exp_cause_fix(x, "on %c (%s): crypto keyring %s%s%s", exp_letter(on),
                                              exp_at(x, on, r->line), r->name, vrf[0] ? " vrf " : "", vrf);
            exp_fix_edit(f, on, EXP_REPLACE, r->line, "crypto keyring %s%s%s", r->name, vrf[0] ? " vrf " : "",
                         vrf);
        }
        int local = has ? exp_side_find(&x->c->side[on], r->line, "local-address") : 0;
        if (local && !sel_v1_local_fits(c, &r->local, exp_local(x, on))) {
            exp_cause_also(x, " Keyring %s is for another local address (%s).", r->name,
                           exp_at(x, on, local));
            struct exp_fix *f = exp_cause_fix(x, "on %c (%s): remove \"%s\" from keyring %s", exp_letter(on),
                                              exp_at(x, on, local), exp_shown(x, on, local), r->name);
            exp_fix_edit(f, on, EXP_DELETE, local, " ");
        }
    }
}

/* The password of the other end stands here, for an address that is nobody's: a slip of the pen. */
static void misaddressed(struct exp_cause *x, enum exp_end on, const struct secret *key)
{
    const struct cfg *c = x->c->side[on].cfg;
    const char *peer = exp_addr(exp_local(x, exp_other(on)));
    for (unsigned i = 0; i <= c->isakmp_keyring_count; i++) {
        const struct cfg_isakmp_keyring *r = i ? &c->isakmp_keyrings[i - 1] : &c->isakmp_default;
        for (unsigned k = 0; k < r->key_count; k++) {
            const struct cfg_isakmp_key *y = &r->keys[k];
            char raw[EXP_EDIT_TEXT - IP_TEXT_MAX];
            if (!y->has_address || y->address.len != ip_addr_bits(&y->address.addr) || y->key.n != key->n ||
                !secret_equal(y->key.p, key->p, key->n) ||
                ip_addr_equal(&y->address.addr, exp_local(x, exp_other(on))))
                continue;
            const char *was = exp_addr(&y->address.addr);
            exp_side_line(&x->c->side[on], y->line, raw, sizeof raw);
            char *at = strstr(raw, was);
            exp_cause_also(x, " The key that %c uses is there for %s (%s).", exp_letter(exp_other(on)), was,
                           exp_at(x, on, y->line));
            struct exp_fix *f =
                at ? exp_cause_fix(x, "on %c (%s): the key in keyring %s is for %s instead of %s",
                                   exp_letter(on), exp_at(x, on, y->line), r->name, peer, was)
                   : NULL;
            if (f)
                exp_fix_edit(f, on, EXP_REPLACE, y->line, "%.*s%s%s", (int)(at - raw), raw, peer,
                             at + strlen(was));
            secret_wipe(raw, sizeof raw);
            return;
        }
    }
}

static bool lists(const struct cfg_isakmp_profile *p, const char *ring)
{
    for (unsigned i = 0; i < p->keyring_count; i++)
        if (strcmp(p->keyrings[i], ring) == 0)
            return true;
    return false;
}

static void no_psk1(struct exp_cause *x)
{
    enum exp_end on = x->run->on, other = exp_other(on);
    struct used u = key_of(x, on), v = key_of(x, other);
    const struct cfg *c = x->c->side[on].cfg;
    const char *peer = exp_addr(exp_local(x, other));
    const struct cfg_isakmp_keyring *into = NULL;
    exp_cause_why(x, "%c has no pre-shared key for %s: %s (%s).", exp_letter(on), peer, u.t.text, u.t.rule);
    (void)by_host_only(x, on);
    elsewhere(x, on);
    if (!v.k.key)
        return;
    misaddressed(x, on, &v.k.key->key);
    struct sel_v1_key hit = same_elsewhere(x, on, &v.k.key->key);
    if (hit.key && u.profile && !u.k.key && !lists(u.profile, hit.keyring->name)) {
        int at = u.profile->keyring_count ? u.profile->keyring_lines[0] : u.profile->line;
        struct exp_fix *f = exp_cause_fix(
            x, "on %c (%s): give profile %s \"keyring %s\", which has the key (%s)", exp_letter(on),
            exp_at(x, on, at), u.profile->name, hit.keyring->name, exp_at(x, on, hit.key->line));
        set_keyring(f, on, u.profile, hit.keyring->name);
    }
    if (u.profile && u.profile->keyring_count)
        into = cfg_find_isakmp_keyring(c, u.profile->keyrings[0]);
    for (unsigned i = 0; !into && i < c->isakmp_keyring_count; i++)
        if (strcmp(c->isakmp_keyrings[i].vrf, x->run->unit[on]->first->tunnel_vrf) == 0)
            into = &c->isakmp_keyrings[i];
    struct exp_fix *f =
        into ? exp_cause_fix(
                   x, "on %c (%s): add to keyring %s: pre-shared-key address %s key K, with K as in %s of %c",
                   exp_letter(on), exp_at(x, on, into->line), into->name, peer,
                   exp_at(x, other, v.k.key->line), exp_letter(other))
             : exp_cause_fix(x, "on %c (%s): add: crypto isakmp key K address %s, with K as in %s of %c",
                             exp_letter(on), exp_at(x, on, 0), peer, exp_at(x, other, v.k.key->line),
                             exp_letter(other));
    put_key(f, x, on, into, &v.k.key->key);
}

void exp_cause_keys1(struct exp_cause *x)
{
    switch (x->run->reason) {
    case IKE_REASON_KEYRING_MISMATCH:
        keyring_mismatch(x);
        break;
    case IKE_REASON_BAD_PSK:
        bad_psk(x);
        break;
    default:
        no_psk1(x);
        break;
    }
}
