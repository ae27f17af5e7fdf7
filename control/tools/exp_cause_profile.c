/* Causes that are profiles: which one an identity selects, and which one the tunnel is bound to; and IKEv2's keys, which stand in
 * the profile's keyring (KR-11). */
#include "control/tools/exp_cause.h"

#include "common/secret.h"
#include "control/select/sel_id.h"
#include "control/select/sel_v1.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- identities ----------------------------------------------------------------------------------------------------------- */
struct identity {
    struct sel_id id;
    uint8_t data[CFG_TEXT_MAX];
    char text[SEL_TEXT_MAX];
};

/* The host's name; where it has none, that of the certificate it signs with (C9 to C12); "" neither. */
static void own_name(const struct exp_cause *x, enum exp_end e, char out[2 * CFG_TEXT_MAX])
{
    const struct cfg *c = x->c->side[e].cfg;
    const struct exp_point *t = exp_cause_signer(x, e);
    if (c->hostname[0])
        snprintf(out, 2 * CFG_TEXT_MAX, "%s%s%s", c->hostname, c->domain_name[0] ? "." : "", c->domain_name);
    else
        snprintf(out, 2 * CFG_TEXT_MAX, "%s", t && t->t && strcmp(t->t->fqdn, "none") != 0 ? t->t->fqdn : "");
}

/* G29: who signs is the subject of its certificate unless the profile says otherwise. */
static bool subject_of(const struct exp_cause *x, enum exp_end e, const struct cfg_ikev2_profile *p,
                       struct identity *out)
{
    const struct exp_point *t = exp_cause_signer(x, e);
    if ((p->identity.kind != CFG_ID_NONE && p->identity.kind != CFG_ID_DN) ||
        (p->auth_local & CFG_AUTH_PSK) || !t || !t->own)
        return false;
    const struct slice dn = pki_cert_subject(t->own);
    out->id = (struct sel_id){PKI_ID_DN, {out->data, slice_copy(dn, out->data, sizeof out->data)}};
    snprintf(out->text, sizeof out->text, "%s", pki_cert_subject_text(t->own));
    return true;
}

/* What the end says it is, under the profile that it uses: its address in IKEv1 unless the configuration says otherwise. */
static bool identity_of(const struct exp_cause *x, enum exp_end e, struct identity *out)
{
    const struct cfg *c = x->c->side[e].cfg;
    const struct exp_unit *u = x->run->unit[e];
    memset(out, 0, sizeof *out);
    if (u->version == CFG_IKEV2) {
        const struct cfg_ikev2_profile *p = sel_ikev2_profile_for_tunnel(c, u->first, NULL);
        if (p && subject_of(x, e, p, out))
            return true;
        if (!p || !sel_local_id(p, &u->local, &out->id, out->data))
            return false;
    } else {
        const struct cfg_isakmp_profile *p = sel_v1_profile_for_tunnel(c, u->first, NULL, NULL);
        enum cfg_id_kind kind = p && p->self.kind != CFG_ID_NONE ? p->self.kind : c->isakmp_identity;
        const char *name = p && p->self.text[0] ? p->self.text : NULL;
        char own[2 * CFG_TEXT_MAX];
        own_name(x, e, own);
        if (kind == CFG_ID_FQDN && !name && !own[0])
            kind = CFG_ID_ADDRESS; /* there is no name to give */
        size_t n = ip_addr_len(&u->local);
        out->id.type = u->local.family == IP_V6 ? SEL_ID_IPV6_ADDR : SEL_ID_IPV4_ADDR;
        memcpy(out->data, u->local.b, n);
        if (kind == CFG_ID_FQDN || kind == CFG_ID_EMAIL) {
            out->id.type = kind == CFG_ID_FQDN ? SEL_ID_FQDN : SEL_ID_RFC822_ADDR;
            n = strnlen(name ? name : own, sizeof out->data);
            memcpy(out->data, name ? name : own, n);
        }
        out->id.data = (struct slice){out->data, n};
    }
    out->id.data.p = out->data;
    sel_id_text(&out->id, out->text);
    return true;
}

/* The match line for exactly this identity; false when there is none in the grammar. */
static bool match_line(const struct identity *i, enum cfg_ike_version version, char *out, size_t n)
{
    const char *at = version == CFG_IKEV2 ? "match identity remote" : "match identity";
    switch (i->id.type) {
    case SEL_ID_IPV4_ADDR:
        snprintf(out, n, "%s address %s 255.255.255.255", at, i->text);
        return true;
    case SEL_ID_IPV6_ADDR:
        snprintf(out, n, "%s address %s/128", at, i->text);
        return true;
    case SEL_ID_FQDN:
        snprintf(out, n, "%s %s %s", at, version == CFG_IKEV2 ? "fqdn" : "host", i->text);
        return true;
    case SEL_ID_RFC822_ADDR:
        snprintf(out, n, "%s %s %s", at, version == CFG_IKEV2 ? "email" : "user", i->text);
        return true;
    case SEL_ID_KEY_ID:
        snprintf(out, n, "%s %s %s", at, version == CFG_IKEV2 ? "key-id" : "group", i->text);
        return true;
    default:
        return false;
    }
}

static const char *id_kind(const struct identity *i)
{
    switch (i->id.type) {
    case SEL_ID_FQDN:
        return "the name";
    case SEL_ID_RFC822_ADDR:
        return "the e-mail address";
    case SEL_ID_KEY_ID:
        return "the key-id";
    case PKI_ID_DN:
        return "the subject of its certificate,";
    default:
        return "the address";
    }
}

/* ---- profiles of either version as one ------------------------------------------------------------------------------------ */
struct profile {
    const char *name;
    int line;
    const struct cfg_id *match;
    unsigned match_count;
};

static unsigned profile_count(const struct cfg *c, enum cfg_ike_version v)
{
    return v == CFG_IKEV2 ? c->profile_count : c->isakmp_profile_count;
}

static struct profile profile_at(const struct cfg *c, enum cfg_ike_version v, unsigned i)
{
    if (v == CFG_IKEV2)
        return (struct profile){c->profiles[i].name, c->profiles[i].line, c->profiles[i].match,
                                c->profiles[i].match_count};
    return (struct profile){c->isakmp_profiles[i].name, c->isakmp_profiles[i].line,
                            c->isakmp_profiles[i].match, c->isakmp_profiles[i].match_count};
}

static bool profile_named(const struct cfg *c, enum cfg_ike_version v, const char *name, struct profile *out)
{
    for (unsigned i = 0; i < profile_count(c, v); i++) {
        *out = profile_at(c, v, i);
        if (strcmp(out->name, name) == 0)
            return true;
    }
    return false;
}

/* How specific the profile's best match is, and its line. */
static unsigned fit_of(const struct profile *p, const struct sel_id *id, int *line)
{
    unsigned best = 0;
    for (unsigned i = 0; i < p->match_count; i++) {
        unsigned n = sel_id_specificity(&p->match[i], id);
        if (n > best) {
            best = n;
            *line = p->match[i].line;
        }
    }
    return best;
}

/* ---- PF-7, PF-9 ----------------------------------------------------------------------------------------------------------------- */
struct binding {
    const char *name;
    int line;
    const struct cfg_ipsec_profile *ipsec;
};

static struct binding bound(const struct exp_cause *x, enum exp_end e)
{
    const struct exp_unit *u = x->run->unit[e];
    const struct cfg_ipsec_profile *p =
        cfg_find_ipsec_profile(x->c->side[e].cfg, u->first->protection_profile);
    if (!p)
        return (struct binding){"", 0, NULL};
    return u->version == CFG_IKEV2 ? (struct binding){p->ikev2_profile, p->ikev2_profile_line, p}
                                   : (struct binding){p->isakmp_profile, p->isakmp_profile_line, p};
}

/* All match lines of other profiles that fit as well as, or better than, the bound one. */
static void remove_rivals(struct exp_cause *x, enum exp_end on, const struct identity *id,
                          const struct profile *own, unsigned own_fit)
{
    const struct cfg *c = x->c->side[on].cfg;
    enum cfg_ike_version v = x->run->unit[on]->version;
    struct exp_fix *f = NULL;
    for (unsigned i = 0; i < profile_count(c, v); i++) {
        struct profile p = profile_at(c, v, i);
        int line = 0;
        if (strcmp(p.name, own->name) == 0 || fit_of(&p, &id->id, &line) < own_fit || own_fit == 0)
            continue;
        if (!f)
            f = exp_cause_fix(x, "on %c: remove \"%s\" from", exp_letter(on), exp_shown(x, on, line));
        if (!f)
            return;
        size_t used = strlen(f->say);
        snprintf(f->say + used, sizeof f->say - used, "%s profile %s (%s)", f->count ? "," : "", p.name,
                 exp_at(x, on, line));
        exp_fix_edit(f, on, EXP_DELETE, line, " ");
    }
    if (!f)
        return;
    size_t used = strlen(f->say);
    snprintf(f->say + used, sizeof f->say - used,
             ": only profile %s, which %s is bound to, should match %s (%s)", own->name,
             x->run->unit[on]->name, id->text, v == CFG_IKEV2 ? "LN-5, LN-11" : "LN-4, LN-11");
}

static void rebind(struct exp_cause *x, enum exp_end on, const struct binding *b, const char *chosen)
{
    const char *words = x->run->unit[on]->version == CFG_IKEV2 ? "set ikev2-profile" : "set isakmp-profile";
    struct exp_fix *f =
        exp_cause_fix(x, "on %c (%s): \"%s %s\" instead of \"%s %s\" in IPsec profile %s", exp_letter(on),
                      exp_at(x, on, b->line), words, chosen, words, b->name, b->ipsec->name);
    exp_fix_edit(f, on, EXP_REPLACE, b->line, " %s %s", words, chosen);
}

static void add_match(struct exp_cause *x, enum exp_end on, const struct identity *id,
                      const struct profile *own)
{
    char text[SEL_TEXT_MAX + 64];
    if (!match_line(id, x->run->unit[on]->version, text, sizeof text))
        return;
    struct exp_fix *f = exp_cause_fix(x, "on %c (%s): add \"%s\" to profile %s", exp_letter(on),
                                      exp_at(x, on, own->line), text, own->name);
    exp_fix_edit(f, on, EXP_INSERT, own->line, " %s", text);
}

static void unbind(struct exp_cause *x, enum exp_end on, const struct binding *b)
{
    struct exp_fix *f =
        exp_cause_fix(x, "on %c (%s): remove \"%s\" from IPsec profile %s: it then takes any profile (G12)",
                      exp_letter(on), exp_at(x, on, b->line), exp_shown(x, on, b->line), b->ipsec->name);
    exp_fix_edit(f, on, EXP_DELETE, b->line, " ");
}

/* `self-identity fqdn` at an end without a name, where the other one expects a name: true, and said. */
static bool no_name(struct exp_cause *x, enum exp_end e)
{
    const struct cfg *c = x->c->side[e].cfg;
    const struct cfg_isakmp_profile *p = sel_v1_profile_for_tunnel(c, x->run->unit[e]->first, NULL, NULL);
    const struct binding b = bound(x, exp_other(e));
    const struct cfg_isakmp_profile *q = cfg_find_isakmp_profile(x->c->side[exp_other(e)].cfg, b.name);
    const struct exp_point *t = exp_cause_signer(x, e);
    char own[2 * CFG_TEXT_MAX];
    own_name(x, e, own);
    if (x->run->unit[e]->version != CFG_IKEV1 || !p || p->self.kind != CFG_ID_FQDN || p->self.text[0] ||
        own[0])
        return false;
    exp_cause_also(
        x, "%sProfile %s of %c says self-identity fqdn (%s), but %c has no hostname%s: it says it is %s.",
        x->why[0] ? " " : "", p->name, exp_letter(e), exp_at(x, e, p->self.line ? p->self.line : p->line),
        exp_letter(e), t ? ", and its trust-point no fqdn" : "", exp_addr(exp_local(x, e)));
    for (unsigned i = 0; q && i < q->match_count; i++) {
        const char *name = q->match[i].text, *dot = strchr(name, '.');
        if (q->match[i].kind != CFG_ID_FQDN || !dot)
            continue;
        exp_cause_also(x, " Profile %s of %c (%s) wants %s.", q->name, exp_letter(exp_other(e)),
                       exp_at(x, exp_other(e), q->match[i].line), name);
        struct exp_fix *f = exp_cause_fix(x, "on %c (%s): \"hostname %.*s\" and \"ip domain name %s\"",
                                          exp_letter(e), exp_at(x, e, 0), (int)(dot - name), name, dot + 1);
        exp_fix_edit(f, e, EXP_INSERT, 0, "hostname %.*s\nip domain name %s", (int)(dot - name), name,
                     dot + 1);
        if (t)
            exp_fix_enrol(f, e, t->name);
        if (!t || !t->t)
            continue;
        char line[CFG_TEXT_MAX + 16];
        f = exp_cause_fix(x, "on %c (%s): \"fqdn %s\" in trust-point %s, and crypto pki enroll %s",
                          exp_letter(e), exp_at(x, e, t->t->line), name, t->name, t->name);
        snprintf(line, sizeof line, " fqdn %s", name);
        exp_fix_set(f, &x->c->side[e], t->t->line, "fqdn", line);
        exp_fix_enrol(f, e, t->name);
    }
    return true;
}

/* Of both ends: who gives no name is not matched, and is then answered under the global identity. */
static bool nameless(struct exp_cause *x, enum exp_end first, enum exp_end second)
{
    bool one = no_name(x, first), two = no_name(x, second);
    return one || two;
}

void exp_cause_profile(struct exp_cause *x)
{
    enum exp_end on = x->run->on, other = exp_other(on);
    enum cfg_ike_version v = x->run->unit[on]->version;
    const struct exp_decision *d = NULL;
    struct identity id;
    struct binding b = bound(x, on);
    struct profile own, got;
    int own_line = 0, got_line = 0;
    for (unsigned i = 0; i < x->run->record->decision_count;
         i++) { /* the choice by identity, not that of a tunnel */
        const struct exp_decision *e = &x->run->record->decisions[i];
        if (e->on == on && e->t.kind == SEL_PROFILE &&
            profile_named(x->c->side[on].cfg, v, e->t.chosen, &got))
            d = e;
    }
    if (!b.name[0] || !identity_of(x, other, &id) || !profile_named(x->c->side[on].cfg, v, b.name, &own) ||
        nameless(x, other, on))
        return;
    const struct cfg_isakmp_profile *v1 =
        v == CFG_IKEV1 ? cfg_find_isakmp_profile(x->c->side[on].cfg, b.name) : NULL;
    if (v1 && exp_cause_profile_vrf(x, on, v1))
        return;
    unsigned own_fit = fit_of(&own, &id.id, &own_line), got_fit = 0;
    if (d && profile_named(x->c->side[on].cfg, v, d->t.chosen, &got))
        got_fit = fit_of(&got, &id.id, &got_line);
    if (!d || !got_fit)
        exp_cause_why(
            x,
            "%c's %s is bound to profile %s (%s), but %c says it is %s %s, which no profile of %c matches.",
            exp_letter(on), x->run->unit[on]->name, b.name, exp_at(x, on, b.line), exp_letter(other),
            id_kind(&id), id.text, exp_letter(on));
    else
        exp_cause_why(
            x, "%c's identity %s selects profile %s on %c (%s; %s), but %s is bound to profile %s (%s).",
            exp_letter(other), id.text, d->t.chosen, exp_letter(on), d->t.rule,
            own_fit == got_fit ? v == CFG_IKEV2 ? "of equal matches the last configured"
                                                : "of equal matches the first configured"
            : own_fit          ? "the more specific match"
                               : "the only one that matches",
            x->run->unit[on]->name, b.name, exp_at(x, on, b.line));
    if (d && got_fit && own_fit >= got_fit)
        remove_rivals(x, on, &id, &own, own_fit);
    if (own_fit < got_fit || !got_fit)
        add_match(x, on, &id, &own);
    if (d && got_fit && strcmp(d->t.chosen, b.name) != 0)
        rebind(x, on, &b, d->t.chosen);
    if (own_fit && own_fit < got_fit)
        remove_rivals(x, on, &id, &own, own_fit);
    if (b.line && v == CFG_IKEV1)
        unbind(x, on, &b);
}

/* ---- IKEv2: a profile that takes no part (section 4.4) ------------------------------------------------------ */
/* What the other end has: a key where that is nothing. */
static const char *method_word(unsigned bits)
{
    return bits & CFG_AUTH_PSK || bits == 0 ? "pre-share" : bits & CFG_AUTH_RSA_SIG ? "rsa-sig" : "ecdsa-sig";
}

static void complete(struct exp_cause *x, enum exp_end on, const struct cfg_ikev2_profile *p)
{
    char lines[3][SEL_TEXT_MAX + 72], match[SEL_TEXT_MAX + 64];
    unsigned n = 0;
    struct identity id;
    if (p->match_count == 0 && identity_of(x, exp_other(on), &id) &&
        match_line(&id, CFG_IKEV2, match, sizeof match))
        snprintf(lines[n++], sizeof lines[0], " %s", match);
    const struct cfg_ikev2_profile *q =
        sel_ikev2_profile_for_tunnel(x->c->side[exp_other(on)].cfg, x->run->unit[exp_other(on)]->first, NULL);
    if (p->auth_remote == CFG_AUTH_NONE)
        snprintf(lines[n++], sizeof lines[0], " authentication remote %s",
                 method_word(q ? q->auth_local : 0));
    if (p->auth_local == CFG_AUTH_NONE)
        snprintf(lines[n++], sizeof lines[0], " authentication local %s",
                 method_word(q ? q->auth_remote : 0));
    struct exp_fix *f = n ? exp_cause_fix(x, "on %c (%s): add to profile %s:", exp_letter(on),
                                          exp_at(x, on, p->line), p->name)
                          : NULL;
    for (unsigned i = 0; f && i < n; i++) {
        size_t used = strlen(f->say);
        snprintf(f->say + used, sizeof f->say - used, "%s \"%s\"", i ? "," : "", lines[i] + 1);
        exp_fix_edit(f, on, EXP_INSERT, p->line, "%s", lines[i]);
    }
    int off = p->shutdown ? exp_side_find(&x->c->side[on], p->line, "shutdown") : 0;
    if (off) {
        f = exp_cause_fix(x, "on %c (%s): remove \"shutdown\" from profile %s", exp_letter(on),
                          exp_at(x, on, off), p->name);
        exp_fix_edit(f, on, EXP_DELETE, off, " ");
    }
}

/* The profile that the tunnel is bound to cannot be used: true, and said. */
static bool incomplete(struct exp_cause *x, enum exp_end on)
{
    struct binding b = bound(x, on);
    const struct cfg_ikev2_profile *p = b.ipsec ? cfg_find_profile(x->c->side[on].cfg, b.name) : NULL;
    if (!p || cfg_profile_complete(p))
        return false;
    exp_cause_why(x, "Profile %s of %c (%s), which %s is bound to, takes no part:%s%s%s%s.", p->name,
                  exp_letter(on), exp_at(x, on, p->line), x->run->unit[on]->name,
                  p->match_count ? "" : " it has no match,",
                  p->auth_remote ? "" : " it does not say how the peer authenticates,",
                  p->auth_local ? "" : " it does not say how it authenticates itself,",
                  p->shutdown ? " it is shut down," : "");
    size_t n = strlen(x->why);
    if (n > 2 && x->why[n - 2] == ',') {
        x->why[n - 2] = '.';
        x->why[n - 1] = '\0';
    }
    complete(x, on, p);
    return true;
}

/* ---- IKEv2: no profile, or another identity than expected --------------------------------------------------------------- */
void exp_cause_identity(struct exp_cause *x)
{
    enum exp_end on = x->run->on, other = exp_other(on);
    const struct cfg *c = x->c->side[on].cfg;
    const struct cfg_ikev2_profile *p = sel_ikev2_profile_for_tunnel(c, x->run->unit[on]->first, NULL);
    struct identity id;
    struct profile own;
    if (incomplete(x, on))
        return;
    if (!p) {
        exp_cause_why(x, "%c has no IKEv2 profile for %s: %s.", exp_letter(on), x->run->unit[on]->name,
                      x->run->text);
        return;
    }
    if (!identity_of(x, other, &id) || !profile_named(c, CFG_IKEV2, p->name, &own))
        return;
    exp_cause_why(x, "%c says it is %s %s, which %s of %c matches (%s).", exp_letter(other), id_kind(&id),
                  id.text, on == x->run->initiator ? "not the profile" : "no profile", exp_letter(on),
                  x->run->text);
    if (!p->fvrf_any && strcmp(p->fvrf, x->run->unit[on]->first->tunnel_vrf) != 0) {
        exp_cause_also(x, " Profile %s (%s) is for %s%s.", p->name, exp_at(x, on, p->line),
                       p->fvrf[0] ? "VRF " : "the global VRF", p->fvrf);
        struct exp_fix *f = exp_cause_fix(x, "on %c (%s): \"match fvrf any\" in profile %s", exp_letter(on),
                                          exp_at(x, on, p->line), p->name);
        exp_fix_set(f, &x->c->side[on], p->line, "match fvrf", " match fvrf any");
    }
    add_match(x, on, &id, &own);
    const struct cfg_ikev2_profile *q =
        sel_ikev2_profile_for_tunnel(x->c->side[other].cfg, x->run->unit[other]->first, NULL);
    if (q && id.id.type == PKI_ID_DN) {
        char text[IP_TEXT_MAX + 40];
        snprintf(text, sizeof text, " identity local address %s", exp_addr(exp_local(x, other)));
        struct exp_fix *f = exp_cause_fix(x, "on %c (%s): \"%s\" in profile %s", exp_letter(other),
                                          exp_at(x, other, q->line), text + 1, q->name);
        exp_fix_set(f, &x->c->side[other], q->line, "identity local", text);
    } else if (q && q->identity.kind != CFG_ID_NONE && q->identity.line) {
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): \"identity local address %s\" instead of \"%s\"", exp_letter(other),
                          exp_at(x, other, q->identity.line), exp_addr(exp_local(x, other)),
                          exp_shown(x, other, q->identity.line));
        exp_fix_edit(f, other, EXP_REPLACE, q->identity.line, " identity local address %s",
                     exp_addr(exp_local(x, other)));
    }
}

/* ---- IKEv2: keys (KR-11) ----------------------------------------------------------------------------------------------------- */
struct used2 {
    const struct cfg_ikev2_profile *profile;
    const struct cfg_ikev2_keyring *ring;
    struct sel_psk psk;
    struct sel_trace t;
    int line; /* of the key */
};

static struct used2 key_of(const struct exp_cause *x, enum exp_end e)
{
    struct used2 u = {.profile = NULL};
    const struct cfg *c = x->c->side[e].cfg;
    const struct exp_unit *unit = x->run->unit[e];
    struct identity id;
    bool initiator = e == x->run->initiator, known = identity_of(x, exp_other(e), &id);
    if (initiator)
        u.profile = sel_ikev2_profile_for_tunnel(c, unit->first, NULL);
    else if (known)
        u.profile = sel_ikev2_profile(c, unit->first->tunnel_vrf, &unit->local, &id.id, NULL);
    if (!u.profile)
        return u;
    u.psk = sel_ikev2_psk(c, u.profile, initiator, exp_local(x, exp_other(e)),
                          unit->first->tunnel_destination_host, known ? &id.id : NULL, &u.t);
    u.ring = u.profile->keyring[0] ? cfg_find_keyring(c, u.profile->keyring) : NULL;
    u.line = u.profile->line;
    if (u.psk.peer) {
        int key = exp_side_find(&x->c->side[e], u.psk.peer->line, "pre-shared-key");
        u.line = key ? key : u.psk.peer->line;
    }
    return u;
}

static bool printable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isgraph(s.p[i]))
            return false;
    return s.n > 1 || (s.n == 1 && !isdigit(s.p[0]));
}

static bool symmetric(const struct sel_psk *p)
{
    return p->local_key.n == p->remote_key.n && secret_equal(p->local_key.p, p->remote_key.p, p->local_key.n);
}

static const char *where(const struct used2 *u)
{
    return u->psk.peer ? u->psk.peer->tag : u->profile->name;
}

static void differ(struct exp_cause *x, enum exp_end on, const struct used2 *u, const struct used2 *v)
{
    enum exp_end other = exp_other(on);
    exp_cause_why(
        x, "%c takes %c's key from %s %s%s%s (%s), %c its own from %s %s%s%s (%s): the two keys differ.",
        exp_letter(on), exp_letter(other), u->psk.peer ? "peer" : "profile", where(u),
        u->ring ? " of keyring " : "", u->ring ? u->ring->name : "", exp_at(x, on, u->line),
        exp_letter(other), v->psk.peer ? "peer" : "profile", where(v), v->ring ? " of keyring " : "",
        v->ring ? v->ring->name : "", exp_at(x, other, v->line));
    struct exp_fix *f = exp_cause_fix(
        x, "on both: the same key in \"%s\" (%s) and \"%s\" (%s)",
        exp_shown(x, EXP_A, (on == EXP_A ? u : v)->line), exp_at(x, EXP_A, (on == EXP_A ? u : v)->line),
        exp_shown(x, EXP_B, (on == EXP_B ? u : v)->line), exp_at(x, EXP_B, (on == EXP_B ? u : v)->line));
    if (!u->psk.peer || !printable(v->psk.local_key) || !printable(v->psk.remote_key))
        return;
    for (int line; f && (line = exp_side_find(&x->c->side[on], u->psk.peer->line, "pre-shared-key")) != 0;) {
        /* all key lines of the block give way to what the other end has */
        int last = exp_side_block_end(&x->c->side[on], u->psk.peer->line);
        char shown[CFG_TEXT_MAX];
        for (int i = u->psk.peer->line + 1; i <= last; i++)
            if (strncmp(exp_side_shown(&x->c->side[on], i, shown, sizeof shown), "pre-shared-key", 14) == 0 &&
                i != line)
                exp_fix_edit(f, on, EXP_DELETE, i, " ");
        if (symmetric(&v->psk))
            exp_fix_edit(f, on, EXP_REPLACE, line, "  pre-shared-key %.*s", (int)v->psk.local_key.n,
                         (const char *)v->psk.local_key.p);
        else
            exp_fix_edit(f, on, EXP_REPLACE, line,
                         "  pre-shared-key local %.*s\n  pre-shared-key remote %.*s",
                         (int)v->psk.remote_key.n, (const char *)v->psk.remote_key.p, (int)v->psk.local_key.n,
                         (const char *)v->psk.local_key.p);
        break;
    }
}

/* The key of the other end stands in a block for an address that is nobody's: a slip of the pen. */
static void misaddressed(struct exp_cause *x, enum exp_end on, const struct cfg_ikev2_keyring *ring,
                         struct slice key)
{
    for (unsigned i = 0; i < ring->peer_count; i++) {
        const struct cfg_ikev2_peer *p = &ring->peers[i];
        const char *peer = exp_addr(exp_local(x, exp_other(on)));
        char text[IP_TEXT_MAX + 16];
        int line = exp_side_find(&x->c->side[on], p->line, "address");
        if (!line || !p->has_address || p->address.len != ip_addr_bits(&p->address.addr) ||
            p->psk_remote.n != key.n || !secret_equal(p->psk_remote.p, key.p, key.n) ||
            ip_addr_equal(&p->address.addr, exp_local(x, exp_other(on))))
            continue;
        exp_cause_also(x, " The key that %c uses is there for %s (%s).", exp_letter(exp_other(on)),
                       exp_addr(&p->address.addr), exp_at(x, on, line));
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): address %s instead of %s in peer %s of keyring %s", exp_letter(on),
                          exp_at(x, on, line), peer, exp_addr(&p->address.addr), p->tag, ring->name);
        snprintf(text, sizeof text, "  address %s", peer);
        exp_fix_set(f, &x->c->side[on], p->line, "address", text);
        return;
    }
}

static void missing(struct exp_cause *x, enum exp_end on, const struct used2 *u, const struct used2 *v)
{
    enum exp_end other = exp_other(on);
    const struct cfg *c = x->c->side[on].cfg;
    const char *peer = exp_addr(exp_local(x, other));
    if (!u->profile) {
        exp_cause_why(x, "%c has no IKEv2 profile for %c: %s.", exp_letter(on), exp_letter(other),
                      x->run->text);
        return;
    }
    exp_cause_why(x, "%c has no pre-shared key for %c under profile %s (%s): %s (KR-11).", exp_letter(on),
                  exp_letter(other), u->profile->name, exp_at(x, on, u->profile->line),
                  u->t.text[0] ? u->t.text : x->run->text);
    if (!u->ring) {
        for (unsigned i = 0; i < c->keyring_count; i++) {
            struct exp_fix *f =
                exp_cause_fix(x, "on %c (%s): give profile %s \"keyring local %s\"", exp_letter(on),
                              exp_at(x, on, u->profile->line), u->profile->name, c->keyrings[i].name);
            exp_fix_edit(f, on, u->profile->keyring_line ? EXP_REPLACE : EXP_INSERT,
                         u->profile->keyring_line ? u->profile->keyring_line : u->profile->line,
                         " keyring local %s", c->keyrings[i].name);
        }
        return;
    }
    if (v->psk.found)
        misaddressed(x, on, u->ring, v->psk.local_key);
    struct exp_fix *f = exp_cause_fix(
        x, "on %c (%s): add to keyring %s: peer %c, address %s, pre-shared-key K, with K as in %s of %c",
        exp_letter(on), exp_at(x, on, u->ring->line), u->ring->name, exp_letter(other), peer,
        exp_at(x, other, v->line), exp_letter(other));
    if (v->psk.found && printable(v->psk.local_key) && symmetric(&v->psk))
        exp_fix_edit(f, on, EXP_INSERT, u->ring->line, " peer %s-%c\n  address %s\n  pre-shared-key %.*s",
                     "explain", exp_letter(other), peer, (int)v->psk.local_key.n,
                     (const char *)v->psk.local_key.p);
}

void exp_cause_keys2(struct exp_cause *x)
{
    enum exp_end on = x->run->on;
    struct used2 u = key_of(x, on), v = key_of(x, exp_other(on));
    if (x->run->reason == IKE_REASON_BAD_PSK && u.psk.found && v.psk.found)
        differ(x, on, &u, &v);
    else if (x->run->reason == IKE_REASON_NO_PSK)
        missing(x, on, &u, &v);
}
