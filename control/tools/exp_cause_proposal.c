/* Causes that are algorithms: the two proposals that come nearest to each other, and the attributes in which they differ. */
#include "control/tools/exp_cause.h"

#include "control/config/cfg_alg.h"
#include "control/select/sel_flow.h"

#include <stdio.h>
#include <string.h>

/* ---- IKEv1, phase 1 ------------------------------------------------------------------------------------------------------- */
static const char *encr_word(const struct cfg_encr *e)
{
    if (e->id == CV_ENCR_AES_CBC)
        return e->key_bits == 256 ? "aes 256" : e->key_bits == 192 ? "aes 192" : "aes";
    return cfg_alg_ike_encr_word(e->id, e->key_bits);
}

static const char *auth_word(const struct cfg_isakmp_policy *p)
{
    return p->rsa_encr                   ? "rsa-encr"
           : p->auth == CFG_AUTH_PSK     ? "pre-share"
           : p->auth == CFG_AUTH_RSA_SIG ? "rsa-sig"
                                         : "ecdsa-sig";
}

enum { ENCR, HASH, AUTH, GROUP, ATTRS };
static const char *const attr_words[ATTRS] = {"encr", "hash", "authentication", "group"};
static const char *const attr_names[ATTRS] = {"encryption", "hash", "authentication", "group"};

static void attr_value(const struct cfg_isakmp_policy *p, unsigned attr, char *out, size_t n)
{
    switch (attr) {
    case ENCR:
        snprintf(out, n, "%s", encr_word(&p->encr));
        break;
    case HASH:
        snprintf(out, n, "%s", cfg_alg_hash_word(p->hash));
        break;
    case AUTH:
        snprintf(out, n, "%s", auth_word(p));
        break;
    default:
        snprintf(out, n, "%u", p->group);
        break;
    }
}

/* Both ends have what the method needs: a key, or a certificate. */
static bool auth_works(const struct exp_cause *x, const struct cfg_isakmp_policy *p)
{
    bool works = true;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        const struct cfg *c = x->c->side[e].cfg;
        bool has = p->auth == CFG_AUTH_PSK && (c->isakmp_default.key_count || c->isakmp_keyring_count);
        for (unsigned i = 0; p->auth != CFG_AUTH_PSK && i < x->c->pki->count[e]; i++)
            has = has || exp_point_usable(x->c->pki, &x->c->pki->point[e][i]);
        works = works && has && !p->rsa_encr;
    }
    return works;
}

/* Larger is stronger; only for the choice of which side to change. */
static unsigned strength(const struct exp_cause *x, const struct cfg_isakmp_policy *p, unsigned attr)
{
    switch (attr) {
    case ENCR:
        return p->encr.id == CV_ENCR_DES ? 1 : p->encr.id == CV_ENCR_3DES ? 2 : 3u + p->encr.key_bits;
    case HASH:
        return (unsigned)p->hash;
    case AUTH:
        return (auth_works(x, p) ? 2u : 0u) + (p->auth == CFG_AUTH_PSK ? 1u : 0u);
    default:
        return cfg_alg_weak_group(p->group) ? p->group : 100u + p->group;
    }
}

static bool attr_same(const struct cfg_isakmp_policy *a, const struct cfg_isakmp_policy *b, unsigned attr)
{
    char u[32], v[32];
    attr_value(a, attr, u, sizeof u);
    attr_value(b, attr, v, sizeof v);
    return strcmp(u, v) == 0;
}

static void policy_words(const struct cfg_isakmp_policy *p, char *out, size_t n)
{
    char v[ATTRS][32];
    for (unsigned i = 0; i < ATTRS; i++)
        attr_value(p, i, v[i], sizeof v[i]);
    snprintf(out, n, "%s %s %s group %s", v[ENCR], v[HASH], v[AUTH], v[GROUP]);
}

static const char *policy_at(const struct exp_cause *x, enum exp_end e, const struct cfg_isakmp_policy *p)
{
    return p->builtin ? "built in" : exp_at(x, e, p->line);
}

/* Each attribute takes the stronger of its two values, at the end that has the weaker one. */
static void meet(struct exp_cause *x, const struct cfg_isakmp_policy *const p[2])
{
    char at[CFG_TEXT_MAX] = "";
    struct exp_fix *f = exp_cause_fix(x, "on ");
    if (!f)
        return;
    for (unsigned i = 0; i < ATTRS; i++) {
        char v[32], text[64];
        if (attr_same(p[EXP_A], p[EXP_B], i))
            continue;
        enum exp_end e = strength(x, p[EXP_A], i) < strength(x, p[EXP_B], i) ? EXP_A : EXP_B;
        attr_value(p[exp_other(e)], i, v, sizeof v);
        snprintf(text, sizeof text, " %s %s", attr_words[i], v);
        int line = p[e]->builtin ? 0 : exp_side_find(&x->c->side[e], p[e]->line, attr_words[i]);
        size_t used = strlen(at);
        snprintf(at + used, sizeof at - used, "%s%c (%s):%s", used ? ", on " : "", exp_letter(e),
                 exp_at(x, e, line ? line : p[e]->line), text);
        if (!p[e]->builtin)
            exp_fix_set(f, &x->c->side[e], p[e]->line, attr_words[i], text);
    }
    size_t used = strlen(f->say);
    snprintf(f->say + used, sizeof f->say - used, "%s, as %s has it", at, "the other end");
    if (p[EXP_A]->builtin || p[EXP_B]->builtin)
        x->count--; /* a built-in policy has no lines to change */
}

static unsigned free_priority(const struct cfg *c)
{
    unsigned n = 1;
    for (bool again = true; again; n += again) {
        again = false;
        for (unsigned i = 0; i < c->isakmp_policy_count; i++)
            again = again || c->isakmp_policies[i].priority == n;
    }
    return n;
}

/* The end gets one more policy: the other's. */
static void copy_policy(struct exp_cause *x, enum exp_end to, const struct cfg_isakmp_policy *p)
{
    char v[ATTRS][32];
    unsigned n = free_priority(x->c->side[to].cfg);
    if (p->encr.id == CV_ENCR_DES) /* no protection at all is no remedy */
        return;
    for (unsigned i = 0; i < ATTRS; i++)
        attr_value(p, i, v[i], sizeof v[i]);
    struct exp_fix *f = exp_cause_fix(x,
                                      "on %c (%s): add \"crypto isakmp policy %u\" with encr %s, hash %s, "
                                      "authentication %s, group %s, as %c has it (%s)",
                                      exp_letter(to), exp_at(x, to, 0), n, v[ENCR], v[HASH], v[AUTH],
                                      v[GROUP], exp_letter(exp_other(to)), policy_at(x, exp_other(to), p));
    exp_fix_edit(f, to, EXP_INSERT, 0,
                 "crypto isakmp policy %u\n encr %s\n hash %s\n authentication %s\n group %s", n, v[ENCR],
                 v[HASH], v[AUTH], v[GROUP]);
}

static void isakmp_policies(struct exp_cause *x)
{
    unsigned count[2], least = ATTRS + 1;
    const struct cfg_isakmp_policy *list[2], *near[2] = {NULL, NULL};
    char words[2][160], differ[128] = "";
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        list[e] = cfg_isakmp_policies(x->c->side[e].cfg, &count[e]);
    for (unsigned i = 0; i < count[EXP_A]; i++)
        for (unsigned k = 0; k < count[EXP_B]; k++) {
            unsigned n = 0;
            for (unsigned a = 0; a < ATTRS; a++)
                n += !attr_same(&list[EXP_A][i], &list[EXP_B][k], a);
            if (n < least) {
                least = n;
                near[EXP_A] = &list[EXP_A][i];
                near[EXP_B] = &list[EXP_B][k];
            }
        }
    if (!near[EXP_A] || least == 0)
        return;
    for (unsigned a = 0; a < ATTRS; a++)
        if (!attr_same(near[EXP_A], near[EXP_B], a)) {
            size_t used = strlen(differ);
            snprintf(differ + used, sizeof differ - used, "%s%s", used ? ", " : "", attr_names[a]);
        }
    policy_words(near[EXP_A], words[EXP_A], sizeof words[EXP_A]);
    policy_words(near[EXP_B], words[EXP_B], sizeof words[EXP_B]);
    exp_cause_why(x,
                  "No ISAKMP policy in common; nearest are policy %u of A (%s: %s) and policy %u of B (%s: "
                  "%s): they differ in %s.",
                  near[EXP_A]->priority, policy_at(x, EXP_A, near[EXP_A]), words[EXP_A],
                  near[EXP_B]->priority, policy_at(x, EXP_B, near[EXP_B]), words[EXP_B], differ);
    meet(x, near);
    enum exp_end first = near[EXP_B]->builtin ? EXP_B : EXP_A; /* who has said nothing follows who has */
    copy_policy(x, first, near[exp_other(first)]);
    copy_policy(x, exp_other(first), near[first]);
}

/* ---- IKEv2 -------------------------------------------------------------------------------------------------------------------- */
enum { V2_ENCR, V2_INTEG, V2_PRF, V2_GROUP, V2_ATTRS };
static const char *const v2_words[V2_ATTRS] = {"encryption", "integrity", "prf", "group"};

static unsigned v2_values(const struct cfg_ikev2_proposal *p, unsigned attr, uint32_t out[16])
{
    unsigned n = 0;
    for (unsigned i = 0; attr == V2_ENCR && i < p->encr_count; i++)
        out[n++] = (uint32_t)p->encr[i].id << 16 | p->encr[i].key_bits;
    for (unsigned i = 0; attr == V2_INTEG && i < p->integ_count; i++)
        out[n++] = p->integ[i];
    for (unsigned i = 0; attr == V2_PRF && i < p->prf_count; i++)
        out[n++] = p->prf[i];
    for (unsigned i = 0; attr == V2_PRF && !p->prf_count && i < p->integ_count; i++)
        out[n++] = cfg_alg_prf_of_integ(p->integ[i]);
    for (unsigned i = 0; attr == V2_GROUP && i < p->group_count; i++)
        out[n++] = p->group[i];
    return n;
}

/* Something in common. Ciphers that carry their integrity need none. */
static bool v2_common(const struct cfg_ikev2_proposal *a, const struct cfg_ikev2_proposal *b, unsigned attr)
{
    uint32_t u[16], v[16];
    unsigned m = v2_values(a, attr, u), n = v2_values(b, attr, v);
    if (attr == V2_INTEG && (m == 0 || n == 0))
        return m == n;
    for (unsigned i = 0; i < m; i++)
        for (unsigned k = 0; k < n; k++)
            if (u[i] == v[k])
                return true;
    return false;
}

static unsigned v2_lacking(const struct cfg_ikev2_proposal *a, const struct cfg_ikev2_proposal *b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < V2_ATTRS; i++)
        n += !v2_common(a, b, i);
    return n;
}

static void v2_values_text(const struct cfg_ikev2_proposal *p, unsigned attr, char *out, size_t n)
{
    size_t used = 0;
    unsigned count = attr == V2_ENCR    ? p->encr_count
                     : attr == V2_INTEG ? p->integ_count
                     : attr == V2_PRF   ? p->prf_count ? p->prf_count : p->integ_count
                                        : p->group_count;
    snprintf(out, n, "none");
    for (unsigned i = 0; i < count && used < n; i++) {
        char number[16];
        const char *word = number;
        if (attr == V2_ENCR)
            word = cfg_alg_ike_encr_word(p->encr[i].id, p->encr[i].key_bits);
        else if (attr == V2_INTEG)
            word = cfg_alg_integ_word(p->integ[i]);
        else if (attr == V2_PRF)
            word = cfg_alg_prf_word(p->prf_count ? p->prf[i] : cfg_alg_prf_of_integ(p->integ[i]));
        else
            snprintf(number, sizeof number, "%u", p->group[i]);
        used += (size_t)snprintf(out + used, n - used, "%s%s", i ? " " : "", word);
    }
}

static const struct cfg_ikev2_proposal *v2_proposal(const struct exp_cause *x, enum exp_end e, unsigned n)
{
    const struct exp_unit *u = x->run->unit[e];
    const struct cfg *c = x->c->side[e].cfg;
    const struct cfg_ikev2_policy *p = sel_ikev2_policy(c, u->first->tunnel_vrf, &u->local, NULL);
    return p && n < p->proposal_count ? cfg_find_proposal(c, p->proposals[n]) : NULL;
}

/* The end gets what it lacks from the other, behind what it has. */
static void v2_append(struct exp_cause *x, enum exp_end to, const struct cfg_ikev2_proposal *own,
                      const struct cfg_ikev2_proposal *other)
{
    if (own->builtin)
        return;
    struct exp_fix *f = exp_cause_fix(x, "on %c: ", exp_letter(to));
    for (unsigned i = 0; f && i < V2_ATTRS; i++) {
        char have[200], want[200], text[420];
        v2_values_text(own, i, have, sizeof have);
        v2_values_text(other, i, want, sizeof want);
        if (v2_common(own, other, i) || strcmp(want, "none") == 0)
            continue;
        bool none = strcmp(have, "none") == 0;
        snprintf(text, sizeof text, " %s %s%s%s", v2_words[i], none ? "" : have, none ? "" : " ", want);
        int line = exp_side_find(&x->c->side[to], own->line, v2_words[i]);
        size_t used = strlen(f->say);
        snprintf(f->say + used, sizeof f->say - used, "%sadd \"%s %s\" to proposal %s (%s)",
                 f->count ? ", " : "", v2_words[i], want, own->name, exp_at(x, to, line ? line : own->line));
        exp_fix_set(f, &x->c->side[to], own->line, v2_words[i], text);
    }
    if (f && f->count == 0)
        x->count--;
}

/* An end that has policies, and none for this VRF and address of its own. */
static void no_policy_fits(struct exp_cause *x, enum exp_end e)
{
    const struct exp_unit *u = x->run->unit[e];
    const struct cfg *c = x->c->side[e].cfg;
    if (sel_ikev2_policy(c, u->first->tunnel_vrf, &u->local, NULL))
        return;
    exp_cause_also(x, "%sNo IKEv2 policy of %c is for its address %s in %s.", x->why[0] ? " " : "",
                   exp_letter(e), exp_addr(&u->local), exp_vrf_words(u->first->tunnel_vrf));
    for (unsigned i = 0; i < c->policy_count; i++) {
        const struct cfg_ikev2_policy *p = &c->policies[i];
        if (p->builtin || p->proposal_count == 0)
            continue;
        bool vrf = !p->fvrf_any && strcmp(p->fvrf, u->first->tunnel_vrf) != 0, address = p->local_count > 0;
        for (unsigned k = 0; k < p->local_count; k++)
            address = address && !ip_addr_equal(&p->local[k], &u->local);
        exp_cause_also(x, " Policy %s (%s) is for another%s%s%s.", p->name, exp_at(x, e, p->line),
                       address ? " address" : "", address && vrf ? " and another" : "", vrf ? " VRF" : "");
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): add to policy %s:", exp_letter(e), exp_at(x, e, p->line), p->name);
        if (!f)
            return;
        size_t used = strlen(f->say);
        snprintf(f->say + used, sizeof f->say - used, "%s%s%s%s%s", vrf ? " match fvrf any" : "",
                 vrf && address ? "," : "", address ? " match address local " : "",
                 address ? exp_addr(&u->local) : "", "");
        if (vrf)
            exp_fix_set(f, &x->c->side[e], p->line, "match fvrf", " match fvrf any");
        if (address)
            exp_fix_edit(f, e, EXP_INSERT, p->line, " match address local %s", exp_addr(&u->local));
    }
}

/* An end whose policy names none. */
static void no_proposals(struct exp_cause *x)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        const struct cfg *c = x->c->side[e].cfg;
        const struct cfg_ikev2_policy *p = NULL;
        for (unsigned i = 0; i < c->policy_count && !p; i++)
            p = c->policies[i].proposal_count == 0 ? &c->policies[i] : NULL;
        if (!p || v2_proposal(x, e, 0))
            continue;
        exp_cause_also(x, "%sIKEv2 policy %s of %c (%s) names no proposal.", x->why[0] ? " " : "", p->name,
                       exp_letter(e), exp_at(x, e, p->line));
        for (unsigned i = 0; i < c->proposal_count; i++) {
            if (c->proposals[i].builtin)
                continue;
            struct exp_fix *f = exp_cause_fix(x, "on %c (%s): \"proposal %s\" in policy %s", exp_letter(e),
                                              exp_at(x, e, p->line), c->proposals[i].name, p->name);
            exp_fix_edit(f, e, EXP_INSERT, p->line, " proposal %s", c->proposals[i].name);
        }
    }
}

static void ikev2_proposals(struct exp_cause *x)
{
    const struct cfg_ikev2_proposal *a, *b, *near[2] = {NULL, NULL};
    unsigned least = V2_ATTRS + 1;
    for (unsigned i = 0; (a = v2_proposal(x, EXP_A, i)); i++)
        for (unsigned k = 0; (b = v2_proposal(x, EXP_B, k)); k++)
            if (v2_lacking(a, b) < least) {
                least = v2_lacking(a, b);
                near[EXP_A] = a;
                near[EXP_B] = b;
            }
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        no_policy_fits(x, e);
    if (!near[EXP_A])
        no_proposals(x);
    if (!near[EXP_A] || least == 0)
        return;
    exp_cause_why(x,
                  "No IKEv2 proposal in common; nearest are %s of A (%s) and %s of B (%s), which have "
                  "nothing in common in",
                  near[EXP_A]->name, near[EXP_A]->builtin ? "built in" : exp_at(x, EXP_A, near[EXP_A]->line),
                  near[EXP_B]->name, near[EXP_B]->builtin ? "built in" : exp_at(x, EXP_B, near[EXP_B]->line));
    bool first = true;
    for (unsigned i = 0; i < V2_ATTRS; i++) {
        char u[200], v[200];
        if (v2_common(near[EXP_A], near[EXP_B], i))
            continue;
        v2_values_text(near[EXP_A], i, u, sizeof u);
        v2_values_text(near[EXP_B], i, v, sizeof v);
        exp_cause_also(x, "%s %s (A: %s; B: %s)", first ? "" : ",", v2_words[i], u, v);
        first = false;
    }
    exp_cause_also(x, ".");
    v2_append(x, x->run->on, near[x->run->on], near[exp_other(x->run->on)]);
    v2_append(x, exp_other(x->run->on), near[exp_other(x->run->on)], near[x->run->on]);
}

/* ---- phase 2 ----------------------------------------------------------------------------------------------------------------- */
static const struct cfg_ipsec_profile *ipsec_of(const struct exp_cause *x, enum exp_end e)
{
    return cfg_find_ipsec_profile(x->c->side[e].cfg, x->run->unit[e]->first->protection_profile);
}

static const struct cfg_transform_set *set_of(const struct exp_cause *x, enum exp_end e, unsigned n)
{
    const struct cfg_ipsec_profile *p = ipsec_of(x, e);
    const char *name = p && p->transform_set_count == 0 && n == 0 ? "default"
                       : p && n < p->transform_set_count          ? p->transform_sets[n]
                                                                  : NULL;
    return name ? cfg_find_transform_set(x->c->side[e].cfg, name) : NULL;
}

static const char *set_words(const struct cfg_transform_set *s, char *out, size_t n)
{
    char bits[8] = "";
    bool sized = cfg_alg_sized(s->encr) && s->key_bits != 128;
    if (sized)
        snprintf(bits, sizeof bits, " %u", s->key_bits);
    bool ah = s->ah_integ != CV_INTEG_NONE, esp = s->encr != CV_ENCR_NONE, integ = s->integ != CV_INTEG_NONE;
    snprintf(out, n, "%s%s%s%s%s%s", ah ? cfg_alg_ah_integ_word(s->ah_integ) : "", ah && esp ? " " : "",
             esp ? cfg_alg_esp_encr_word(s->encr) : "", bits, integ ? " " : "",
             integ ? cfg_alg_esp_integ_word(s->integ) : "");
    return out;
}

static unsigned set_differ(const struct cfg_transform_set *a, const struct cfg_transform_set *b)
{
    return (a->encr != b->encr || a->key_bits != b->key_bits ? 1u : 0u) +
           (a->integ != b->integ || a->ah_integ != b->ah_integ ? 1u : 0u);
}

/* The first in which they differ; with two of them the second is integrity. */
static const char *differ_words(const struct cfg_transform_set *a, const struct cfg_transform_set *b)
{
    if ((a->ah_integ == CV_INTEG_NONE) != (b->ah_integ == CV_INTEG_NONE))
        return "protocol (AH, ESP)";
    return a->encr != b->encr || a->key_bits != b->key_bits ? "encryption" : "integrity";
}

static unsigned set_strength(const struct cfg_transform_set *s)
{
    return (cfg_alg_weak_encr(s->encr) ? 0 : 1000u) + (cfg_alg_aead(s->encr) ? 500u : 0u) + s->key_bits +
           s->integ + s->ah_integ;
}

static void set_from(struct exp_cause *x, enum exp_end to, const struct cfg_transform_set *own,
                     const struct cfg_transform_set *other)
{
    char words[128];
    set_words(other, words, sizeof words);
    if (own->builtin || other->encr == CV_ENCR_DES || other->ah_integ == CV_INTEG_HMAC_MD5_96 ||
        (other->ah_integ != CV_INTEG_NONE &&
         other->encr != CV_ENCR_NONE)) /* what must or can not be negotiated */
        return;
    struct exp_fix *f =
        exp_cause_fix(x, "on %c (%s): crypto ipsec transform-set %s %s, as %c has it", exp_letter(to),
                      exp_at(x, to, own->line), own->name, words, exp_letter(exp_other(to)));
    exp_fix_edit(f, to, EXP_REPLACE, own->line, "crypto ipsec transform-set %s %s", own->name, words);
}

/* Transport mode is taken by who has it, too; tunnel mode by all that do not require the other. Traffic that is not from host to
 * host is in tunnel mode in any case. */
static bool modes_meet(const struct exp_cause *x, const struct cfg_transform_set *a,
                       const struct cfg_transform_set *b)
{
    enum exp_end i = x->run->initiator;
    const struct cfg_transform_set *asks = i == EXP_A ? a : b, *takes = i == EXP_A ? b : a;
    struct ts l, r;
    bool refuse;
    if (!cfg_selectors(x->c->side[i].cfg, x->run->unit[i]->first, &l, &r))
        return true;
    bool transport = sel_transport(asks, &l, &r, exp_local(x, i), exp_local(x, exp_other(i)), &refuse);
    return !refuse && (transport ? takes->transport || x->run->unit[i]->version == CFG_IKEV2
                                 : !(takes->transport && takes->transport_require));
}

static const char *mode_words(const struct cfg_transform_set *s)
{
    return !s->transport ? "mode tunnel" : s->transport_require ? "mode transport require" : "mode transport";
}

static void modes(struct exp_cause *x, const struct cfg_transform_set *const set[2])
{
    exp_cause_also(x, "%sTransform set %s of A (%s) has %s, %s of B (%s) has %s.", x->why[0] ? " " : "",
                   set[EXP_A]->name, set[EXP_A]->builtin ? "built in" : exp_at(x, EXP_A, set[EXP_A]->line),
                   mode_words(set[EXP_A]), set[EXP_B]->name,
                   set[EXP_B]->builtin ? "built in" : exp_at(x, EXP_B, set[EXP_B]->line),
                   mode_words(set[EXP_B]));
    for (unsigned k = 0; k < 2; k++) {
        enum exp_end to = k ? x->run->initiator : exp_other(x->run->initiator), from = exp_other(to);
        char text[48];
        if (set[to]->builtin || set[to]->transport == set[from]->transport)
            continue;
        snprintf(text, sizeof text, " %s", set[from]->transport ? "mode transport" : "mode tunnel");
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s):%s in transform set %s, as %c has it", exp_letter(to),
                          exp_at(x, to, set[to]->line), text, set[to]->name, exp_letter(from));
        exp_fix_set(f, &x->c->side[to], set[to]->line, "mode", text);
    }
}

static void pfs(struct exp_cause *x)
{
    const struct cfg_ipsec_profile *p[2] = {ipsec_of(x, EXP_A), ipsec_of(x, EXP_B)};
    if (!p[EXP_A] || !p[EXP_B] ||
        (p[EXP_A]->pfs == p[EXP_B]->pfs && p[EXP_A]->pfs_group == p[EXP_B]->pfs_group))
        return;
    for (unsigned k = 0; k < 2; k++) {
        enum exp_end to = k ? EXP_B : EXP_A, from = exp_other(to);
        char text[32];
        if (!p[from]->pfs || !p[to]->line)
            continue;
        snprintf(text, sizeof text, " set pfs group%u", p[from]->pfs_group);
        int at = exp_side_find(&x->c->side[from], p[from]->line, "set pfs");
        exp_cause_also(x, "%s%c wants PFS with group %u (%s)", x->why[0] ? " " : "", exp_letter(from),
                       p[from]->pfs_group, exp_at(x, from, at ? at : p[from]->line));
        if (p[to]->pfs)
            exp_cause_also(x, ".");
        else
            exp_cause_also(x, ", %c has none (%s).", exp_letter(to), exp_at(x, to, p[to]->line));
        struct exp_fix *f = exp_cause_fix(x, "on %c (%s):%s, as %c has it", exp_letter(to),
                                          exp_at(x, to, p[to]->line), text, exp_letter(from));
        exp_fix_set(f, &x->c->side[to], p[to]->line, "set pfs", text);
    }
}

/* The IPsec profile of the end names no transform set, so that the built-in one counts. */
static void name_set(struct exp_cause *x, enum exp_end e)
{
    const struct cfg *c = x->c->side[e].cfg;
    const struct cfg_ipsec_profile *p = ipsec_of(x, e);
    if (!p || p->transform_set_count || !p->line)
        return;
    exp_cause_also(x, " IPsec profile %s of %c (%s) names no transform set, so the built-in one counts.",
                   p->name, exp_letter(e), exp_at(x, e, p->line));
    for (unsigned i = 0; i < c->transform_set_count; i++) {
        if (c->transform_sets[i].builtin)
            continue;
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): \"set transform-set %s\" in IPsec profile %s", exp_letter(e),
                          exp_at(x, e, p->line), c->transform_sets[i].name, p->name);
        exp_fix_edit(f, e, EXP_INSERT, p->line, " set transform-set %s", c->transform_sets[i].name);
    }
}

static void transform_sets(struct exp_cause *x)
{
    const struct cfg_transform_set *a, *b, *near[2] = {NULL, NULL};
    unsigned least = 4;
    char u[128], v[128];
    for (unsigned i = 0; (a = set_of(x, EXP_A, i)); i++)
        for (unsigned k = 0; (b = set_of(x, EXP_B, k)); k++)
            if (set_differ(a, b) + (modes_meet(x, a, b) ? 0u : 1u) < least) {
                least = set_differ(a, b) + (modes_meet(x, a, b) ? 0u : 1u);
                near[EXP_A] = a;
                near[EXP_B] = b;
            }
    unsigned suites_differ = near[EXP_A] ? set_differ(near[EXP_A], near[EXP_B]) : 0;
    if (near[EXP_A] && suites_differ > 0) {
        exp_cause_why(x,
                      "No transform set in common; nearest are %s of A (%s: %s) and %s of B (%s: %s): they "
                      "differ in %s%s.",
                      near[EXP_A]->name,
                      near[EXP_A]->builtin ? "built in" : exp_at(x, EXP_A, near[EXP_A]->line),
                      set_words(near[EXP_A], u, sizeof u), near[EXP_B]->name,
                      near[EXP_B]->builtin ? "built in" : exp_at(x, EXP_B, near[EXP_B]->line),
                      set_words(near[EXP_B], v, sizeof v), differ_words(near[EXP_A], near[EXP_B]),
                      suites_differ == 2 ? " and integrity" : "");
        name_set(x, EXP_A);
        name_set(x, EXP_B);
        enum exp_end weak = set_strength(near[EXP_A]) < set_strength(near[EXP_B]) ? EXP_A : EXP_B;
        set_from(x, weak, near[weak], near[exp_other(weak)]);
        set_from(x, exp_other(weak), near[exp_other(weak)], near[weak]);
    }
    if (near[EXP_A] && !modes_meet(x, near[EXP_A], near[EXP_B]))
        modes(x, near);
    pfs(x);
}

void exp_cause_proposal(struct exp_cause *x)
{
    if (x->run->outcome == EXP_PHASE2_FAILED ||
        (x->run->unit[EXP_A]->version == CFG_IKEV2 && strncmp(x->run->failed_at, "IKE_SA_INIT", 11) != 0))
        transform_sets(x);
    else if (x->run->unit[EXP_A]->version == CFG_IKEV2)
        ikev2_proposals(x);
    else
        isakmp_policies(x);
}
