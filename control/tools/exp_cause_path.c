/* Causes that lie on the way: addresses that do not mirror, versions of IKE, selectors, silence. */
#include "control/tools/exp_cause.h"

#include "common/secret.h"
#include "control/config/cfg_ace.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- addresses ------------------------------------------------------------------------------------------------------------ */
static int destination_line(const struct exp_unit *u)
{
    return u->first->destination_line ? u->first->destination_line : u->first->line;
}

/* Says where the end goes when that is not where the other is; true then. */
static bool elsewhere(struct exp_cause *x, enum exp_end e, bool first)
{
    const struct exp_unit *u = x->run->unit[e], *v = x->run->unit[exp_other(e)];
    if (ip_addr_is_any(&u->remote) || (v->has_local && ip_addr_equal(&u->remote, &v->local)))
        return false;
    exp_cause_also(x, "%s%c's %s (%s) goes to %s, but %c's %s comes from %s", first ? "" : "; ",
                   exp_letter(e), u->name, exp_at(x, e, destination_line(u)), exp_addr(&u->remote),
                   exp_letter(exp_other(e)), v->name,
                   v->has_local ? exp_addr(&v->local) : "no address at all");
    return true;
}

/* The other interface of the end that has the address; NULL none. */
static const struct cfg_interface *port_with(const struct cfg *c, const struct cfg_interface *not_this,
                                             const struct ip_addr *a)
{
    for (unsigned i = 0; i < c->interface_count; i++)
        for (unsigned k = 0; k < c->interfaces[i].addr_count; k++)
            if (&c->interfaces[i] != not_this && ip_addr_equal(&c->interfaces[i].addrs[k].addr, a))
                return &c->interfaces[i];
    return NULL;
}

/* The end has no address to send from: that which the other one looks for. */
static void say_no_source(struct exp_cause *x, enum exp_end e)
{
    const struct exp_unit *u = x->run->unit[e];
    const struct cfg *c = x->c->side[e].cfg;
    const struct ip_addr *want = &x->run->unit[exp_other(e)]->remote;
    const char *from = u->first->flow ? u->first->flow->port : u->first->tunnel_source_if;
    int line = u->first->source_line ? u->first->source_line : u->first->line;
    exp_cause_also(x, " %c's %s has no source address: %s%s.", exp_letter(e), u->name,
                   from[0] ? from : "there is no tunnel source", from[0] ? " has none of its family" : "");
    const struct cfg_interface *has = port_with(c, u->first, want),
                               *port = from[0] ? cfg_find_interface(c, from) : NULL;
    if (has && !u->first->flow) {
        char text[CV_NAME_MAX + 32];
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): tunnel source %s in %s: %c looks for %s", exp_letter(e),
                          exp_at(x, e, line), has->name, u->name, exp_letter(exp_other(e)), exp_addr(want));
        snprintf(text, sizeof text, " tunnel source %s", has->name);
        exp_fix_set(f, &x->c->side[e], u->first->line, "tunnel source", text);
    }
    if (!from[0] || ip_addr_is_any(want) || want->family != IP_V4)
        return;
    struct exp_fix *f = exp_cause_fix(
        x, "on %c (%s): ip address %s with its mask on %s, which is where %c looks for it", exp_letter(e),
        exp_at(x, e, port ? port->line : line), exp_addr(want), from, exp_letter(exp_other(e)));
    if (port)
        exp_fix_edit(f, e, EXP_INSERT, port->line, " ip address %s 255.255.255.0", exp_addr(want));
    else
        exp_fix_edit(f, e, EXP_INSERT, 0, "interface %s\n ip address %s 255.255.255.0", from, exp_addr(want));
}

/* "tunnel destination" of a tunnel, "set peer" of a crypto map entry. */
static void redirect(struct exp_fix *f, const struct exp_cause *x, enum exp_end e)
{
    char text[IP_TEXT_MAX + 32];
    snprintf(text, sizeof text, " tunnel destination %s", exp_addr(exp_local(x, exp_other(e))));
    exp_fix_set(f, &x->c->side[e], x->run->unit[e]->first->line, "tunnel destination", text);
}

static void redirect_map(struct exp_fix *f, const struct exp_cause *x, enum exp_end e)
{
    const struct cfg_flow *flow = x->run->unit[e]->first->flow;
    const struct cfg_crypto_map *m = cfg_find_map(x->c->side[e].cfg, flow->map, false);
    for (unsigned i = 0; m && i < m->entry_count; i++)
        if (m->entries[i].seq == flow->seq) {
            char text[80];
            snprintf(text, sizeof text, " set peer %s", exp_addr(exp_local(x, exp_other(e))));
            exp_fix_set(f, &x->c->side[e], m->entries[i].line, "set peer", text);
        }
}

static void fix_destination(struct exp_fix *f, const struct exp_cause *x, enum exp_end e)
{
    if (x->run->unit[e]->first->flow)
        redirect_map(f, x, e);
    else
        redirect(f, x, e);
}

/* The end gets the address that the other one looks for. */
static void move_source(struct exp_cause *x, enum exp_end e)
{
    const struct cfg_interface *t = x->run->unit[e]->first;
    const struct cfg_interface *port =
        cfg_find_interface(x->c->side[e].cfg, t->flow ? t->flow->port : t->tunnel_source_if);
    const struct ip_addr *want = &x->run->unit[exp_other(e)]->remote;
    for (unsigned i = 0; port && i < port->addr_count; i++) {
        const struct cfg_ifaddr *a = &port->addrs[i];
        char shown[CFG_TEXT_MAX];
        if (!ip_addr_equal(&a->addr, exp_local(x, e)) || want->family != IP_V4 || a->addr.family != IP_V4)
            continue;
        exp_side_shown(&x->c->side[e], a->line, shown, sizeof shown);
        const char *mask = strrchr(shown, ' ');
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): the address of %s becomes %s, where %c looks for it", exp_letter(e),
                          exp_at(x, e, a->line), port->name, exp_addr(want), exp_letter(exp_other(e)));
        exp_fix_edit(f, e, EXP_REPLACE, a->line, " ip address %s%s", exp_addr(want), mask ? mask : "");
    }
}

/* The address that the other one looks for is on another interface of the end. */
static void other_source(struct exp_cause *x, enum exp_end e)
{
    const struct exp_unit *u = x->run->unit[e];
    const struct ip_addr *want = &x->run->unit[exp_other(e)]->remote;
    const struct cfg_interface *has = u->first->flow ? NULL : port_with(x->c->side[e].cfg, u->first, want);
    char text[CV_NAME_MAX + 32];
    if (!has)
        return;
    struct exp_fix *f = exp_cause_fix(
        x, "on %c (%s): tunnel source %s in %s: %s, which %c looks for, is its address", exp_letter(e),
        exp_at(x, e, u->first->source_line), has->name, u->name, exp_addr(want), exp_letter(exp_other(e)));
    snprintf(text, sizeof text, " tunnel source %s", has->name);
    exp_fix_set(f, &x->c->side[e], u->first->line, "tunnel source", text);
}

/* The end names the other's address wherever it named the old one: destination, keys and identities. */
static void readdress(struct exp_cause *x, enum exp_end e)
{
    const struct exp_side *s = &x->c->side[e];
    const char *was = exp_addr(&x->run->unit[e]->remote), *is = exp_addr(exp_local(x, exp_other(e)));
    char raw[EXP_EDIT_TEXT];
    bool ipsec = false; /* not what an applet or a routing protocol says of that address */
    struct exp_fix *f = exp_cause_fix(x, "on %c: %s instead of %s", exp_letter(e), is, was);
    for (int n = 1; f && n <= s->lines; n++) {
        exp_side_line(s, n, raw, sizeof raw - IP_TEXT_MAX);
        if (isalpha((unsigned char)*raw))
            ipsec = strncmp(raw, "crypto ", 7) == 0 || strncmp(raw, "interface ", 10) == 0;
        char *at = strstr(raw, was), *end = at ? at + strlen(was) : NULL;
        if (!at || !ipsec || *raw == '!' || (at > raw && (isxdigit(at[-1]) || at[-1] == '.')) ||
            isxdigit(*end) || *end == '.')
            continue;
        size_t used = strlen(f->say);
        snprintf(f->say + used, sizeof f->say - used, "%s %s", f->count ? "," : " at", exp_at(x, e, n));
        exp_fix_edit(f, e, EXP_REPLACE, n, "%.*s%s%s", (int)(at - raw), raw, is, end);
    }
    secret_wipe(raw, sizeof raw);
}

/* RFC 1918, RFC 6598 */
static bool private(const struct ip_addr *a)
{
    const uint8_t *b = a->b;
    return a->family == IP_V4 && (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
                                  (b[0] == 192 && b[1] == 168) || (b[0] == 100 && (b[1] & 0xc0) == 64));
}

/* `e` goes to a public address, and the other end comes from a private one. */
static void maybe_nat(struct exp_cause *x, enum exp_end e)
{
    const struct exp_unit *u = x->run->unit[e], *v = x->run->unit[exp_other(e)];
    if (!v->has_local || !private(&v->local) || private(&u->remote))
        return;
    exp_cause_also(
        x,
        " If a NAT gives %c the address %s, this is as it should be, and no NAT is simulated here: %c then "
        "needs a key for %s (KR-5, G31), and a profile that matches %s, which is what %c says it is.",
        exp_letter(exp_other(e)), exp_addr(&u->remote), exp_letter(e), exp_addr(&u->remote),
        exp_addr(&v->local), exp_letter(exp_other(e)));
}

void exp_cause_addresses(struct exp_cause *x)
{
    const struct exp_unit *a = x->run->unit[EXP_A], *b = x->run->unit[EXP_B];
    exp_cause_why(x, "No tunnel of the two ends mirrors another: ");
    bool ea = elsewhere(x, EXP_A, true), eb = elsewhere(x, EXP_B, !ea);
    exp_cause_also(x, ".");
    if (ea)
        maybe_nat(x, EXP_A);
    if (eb)
        maybe_nat(x, EXP_B);
    if (!a->has_local)
        say_no_source(x, EXP_A);
    if (!b->has_local)
        say_no_source(x, EXP_B);
    if (a->answers_only && b->answers_only)
        exp_cause_why(x, "Neither %c's %s nor %c's %s can begin: both only answer.", 'A', a->name, 'B',
                      b->name);
    if ((!ea && !eb) || !a->has_local || !b->has_local)
        return;
    struct exp_fix *f;
    if (ea)
        other_source(x, EXP_B);
    if (eb)
        other_source(x, EXP_A);
    if (ea && !eb)
        readdress(x, EXP_A);
    if (eb && !ea)
        readdress(x, EXP_B);
    if (ea && eb)
        f = exp_cause_fix(x, "on A (%s) and on B (%s): %s to %s, %s to %s",
                          exp_at(x, EXP_A, destination_line(a)), exp_at(x, EXP_B, destination_line(b)),
                          a->name, exp_addr(&b->local), b->name, exp_addr(&a->local));
    else
        f = exp_cause_fix(x, "on %c (%s): %s %s", ea ? 'A' : 'B',
                          exp_at(x, ea ? EXP_A : EXP_B, destination_line(ea ? a : b)),
                          (ea ? a : b)->first->flow ? "set peer" : "tunnel destination",
                          exp_addr(ea ? &b->local : &a->local));
    if (ea)
        fix_destination(f, x, EXP_A);
    if (eb)
        fix_destination(f, x, EXP_B);
    if (ea != eb)
        move_source(x, ea ? EXP_B : EXP_A);
}

/* ---- versions ---------------------------------------------------------------------------------------------------------------- */
static const struct cfg_ipsec_profile *ipsec_of(const struct exp_cause *x, enum exp_end e)
{
    return cfg_find_ipsec_profile(x->c->side[e].cfg, x->run->unit[e]->first->protection_profile);
}

void exp_cause_version(struct exp_cause *x)
{
    enum exp_end v2 = x->run->unit[EXP_A]->version == CFG_IKEV2 ? EXP_A : EXP_B, v1 = exp_other(v2);
    const struct cfg_ipsec_profile *p2 = ipsec_of(x, v2), *p1 = ipsec_of(x, v1);
    if (!p1 || !p2)
        return;
    exp_cause_why(x, "%c's %s is negotiated by IKEv2 (%s%s), %c's %s by IKEv1 (%s%s).", exp_letter(v2),
                  x->run->unit[v2]->name,
                  p2->ikev2_profile[0] ? "set ikev2-profile, " : "nothing of IKEv1 is configured, ",
                  exp_at(x, v2, p2->ikev2_profile_line ? p2->ikev2_profile_line : p2->line), exp_letter(v1),
                  x->run->unit[v1]->name,
                  p1->isakmp_profile[0] ? "set isakmp-profile, " : "no set ikev2-profile, ",
                  exp_at(x, v1, p1->isakmp_profile_line ? p1->isakmp_profile_line : p1->line));
    const struct cfg *c = x->c->side[v1].cfg;
    for (unsigned i = 0; i < c->profile_count; i++) {
        char text[CFG_NAME_MAX + 32];
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): set ikev2-profile %s in IPsec profile %s", exp_letter(v1),
                          exp_at(x, v1, p1->line), c->profiles[i].name, p1->name);
        snprintf(text, sizeof text, " set ikev2-profile %s", c->profiles[i].name);
        if (p1->line)
            exp_fix_set(f, &x->c->side[v1], p1->line, "set ikev2-profile", text);
    }
    exp_cause_fix(x,
                  "on %c (%s): configure an IKEv2 profile and bind it with set ikev2-profile; or IKEv1 on %c",
                  exp_letter(v1), exp_at(x, v1, p1->line), exp_letter(v2));
}

/* ---- selectors --------------------------------------------------------------------------------------------------------------- */
static const char *mode_text(enum cv_tunnel_mode m)
{
    switch (m) {
    case CV_TUNNEL_IPSEC4:
        return "ipsec ipv4";
    case CV_TUNNEL_IPSEC6:
        return "ipsec ipv6";
    case CV_TUNNEL_GRE6:
        return "gre ipv6";
    case CV_TUNNEL_GRE:
        break;
    }
    return "gre ip";
}

static void say_selectors(struct exp_cause *x)
{
    enum exp_end i = x->run->initiator, r = exp_other(i);
    char l[TS_TEXT_MAX] = "?", m[TS_TEXT_MAX] = "?", n[TS_TEXT_MAX] = "?", o[TS_TEXT_MAX] = "?";
    struct ts local, remote;
    if (cfg_selectors(x->c->side[i].cfg, x->run->unit[i]->first, &local, &remote)) {
        ts_text(&local, l);
        ts_text(&remote, m);
    }
    if (cfg_selectors(x->c->side[r].cfg, x->run->unit[r]->first, &local, &remote)) {
        ts_text(&local, n);
        ts_text(&remote, o);
    }
    exp_cause_why(
        x, "%c's %s asks to protect %s to %s; %c's %s protects %s to %s, which is not the mirror of it.",
        exp_letter(i), x->run->unit[i]->first->name, l, m, exp_letter(r), x->run->unit[r]->first->name, n, o);
}

static void modes(struct exp_cause *x)
{
    for (unsigned k = 0; k < 2; k++) {
        enum exp_end e = k ? x->run->initiator : x->run->on, o = exp_other(e);
        const struct cfg_interface *own = x->run->unit[e]->first, *other = x->run->unit[o]->first;
        char text[64];
        if (own->flow || other->flow || own->tunnel_mode == other->tunnel_mode)
            return;
        snprintf(text, sizeof text, " tunnel mode %s", mode_text(other->tunnel_mode));
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): tunnel mode %s in %s, as %c's %s has it (%s); here it is %s",
                          exp_letter(e), exp_at(x, e, own->line), mode_text(other->tunnel_mode), own->name,
                          exp_letter(o), other->name, exp_at(x, o, other->line), mode_text(own->tunnel_mode));
        exp_fix_set(f, &x->c->side[e], own->line, "tunnel mode", text);
    }
}

/* The line that mirrors a flow, "permit ip A B", where its selectors name no protocol. */
static bool mirror_words(const struct cfg_flow *of, char out[CFG_ACE_TEXT_MAX])
{
    const struct cfg_ace mirror = {.permit = true, .local = of->remote, .remote = of->local};
    struct ip_prefix p;
    if (of->local.proto != 0 || !ts_to_prefix(&of->local, &p) || !ts_to_prefix(&of->remote, &p))
        return false;
    cfg_ace_text(&mirror, out);
    return true;
}

/* Is the list a section of its own, and not lines `access-list N`? */
static bool is_section(const char *shown)
{
    return strncmp(shown, "ip access-list", 14) == 0 || strncmp(shown, "ipv6 access-list", 16) == 0;
}

static bool has_mirror(const struct cfg *c, const struct exp_unit *u, const struct cfg_flow *of)
{
    for (unsigned i = 0; i < u->member_count; i++) {
        const struct cfg_interface *t = cfg_find_interface(c, u->members[i]);
        if (t && t->flow && ts_equal(&t->flow->local, &of->remote) && ts_equal(&t->flow->remote, &of->local))
            return true;
    }
    return false;
}

static const struct cfg_acl *acl_of(const struct cfg *c, const struct cfg_flow *f)
{
    const struct cfg_crypto_map *m = cfg_find_map(c, f->map, false);
    for (unsigned i = 0; m && i < m->entry_count; i++)
        if (m->entries[i].seq == f->seq)
            return cfg_find_acl(c, m->entries[i].acl);
    return NULL;
}

static int ace_line(const struct cfg *c, const struct cfg_flow *f)
{
    const struct cfg_acl *acl = acl_of(c, f);
    for (unsigned i = 0; acl && i < acl->ace_count; i++)
        if (acl->aces[i].seq == f->ace)
            return acl->aces[i].line;
    return acl ? acl->line : 0;
}

/* Permit lines of `e` that the other end's access list does not mirror: PR-12. */
static void access_lists(struct exp_cause *x, enum exp_end e)
{
    const struct exp_unit *u = x->run->unit[e], *v = x->run->unit[exp_other(e)];
    const struct cfg *c = x->c->side[e].cfg, *d = x->c->side[exp_other(e)].cfg;
    const struct cfg_acl *acl = v->first->flow ? acl_of(d, v->first->flow) : NULL;
    char words[CFG_ACE_TEXT_MAX];
    struct exp_fix *f = NULL;
    for (unsigned i = 0; acl && i < u->member_count; i++) {
        const struct cfg_interface *t = cfg_find_interface(c, u->members[i]);
        if (!t || !t->flow || has_mirror(d, v, t->flow) ||
            t->flow->local.family != v->first->flow->local.family || !mirror_words(t->flow, words))
            continue;
        exp_cause_also(x, "%s%c's \"%s\" (%s) has no mirror in access list %s of %c (%s).",
                       x->why[0] ? " " : "", exp_letter(e), exp_shown(x, e, ace_line(c, t->flow)),
                       exp_at(x, e, ace_line(c, t->flow)), acl->name, exp_letter(exp_other(e)),
                       exp_at(x, exp_other(e), acl->line));
        if (!f)
            f = exp_cause_fix(x, "on %c (%s): add to access list %s the mirror of %s: %s (PR-12)",
                              exp_letter(exp_other(e)), exp_at(x, exp_other(e), acl->line), acl->name,
                              exp_at(x, e, ace_line(c, t->flow)), words);
        if (is_section(exp_shown(x, exp_other(e), acl->line)))
            exp_fix_edit(f, exp_other(e), EXP_INSERT,
                         exp_side_block_end(&x->c->side[exp_other(e)], acl->line), " %s", words);
        else
            exp_fix_edit(f, exp_other(e), EXP_INSERT, 0, "access-list %s %s", acl->name, words);
    }
}

/* Replaces the line that goes wrong by the mirror of the other end's, when each has one. */
static void mirror_one(struct exp_cause *x, enum exp_end e)
{
    const struct exp_unit *u = x->run->unit[e], *v = x->run->unit[exp_other(e)];
    const struct cfg *c = x->c->side[e].cfg;
    char words[CFG_ACE_TEXT_MAX];
    const struct cfg_flow *theirs = v->first->flow, *ours = u->first->flow;
    if (!theirs || !ours || u->member_count != 1 || v->member_count != 1 ||
        theirs->local.family != ours->local.family || !mirror_words(theirs, words))
        return;
    int line = ace_line(c, ours);
    bool numbered = strncmp(exp_shown(x, e, line), "access-list", 11) == 0;
    struct exp_fix *f = exp_cause_fix(x, "on %c (%s): %s, the mirror of %s, instead of \"%s\" (PR-12)",
                                      exp_letter(e), exp_at(x, e, line), words,
                                      exp_at(x, exp_other(e), ace_line(x->c->side[exp_other(e)].cfg, theirs)),
                                      exp_shown(x, e, line));
    if (numbered)
        exp_fix_edit(f, e, EXP_REPLACE, line, "access-list %s %s", acl_of(c, ours)->name, words);
    else
        exp_fix_edit(f, e, EXP_REPLACE, line, " %s", words);
}

void exp_cause_selectors(struct exp_cause *x)
{
    const struct cfg_interface *a = x->run->unit[EXP_A]->first, *b = x->run->unit[EXP_B]->first;
    mirror_one(x, x->run->on);
    mirror_one(x, exp_other(x->run->on));
    access_lists(x, x->run->initiator);
    access_lists(x, exp_other(x->run->initiator));
    if (!x->why[0])
        say_selectors(x);
    modes(x);
    if (!a->flow != !b->flow)
        exp_cause_fix(x, "use a tunnel interface at both ends, or a crypto map at both: A has %s, B has %s",
                      a->name, b->name);
}

/* ---- silence ------------------------------------------------------------------------------------------------------------------ */
/* What the silent end noted last, below the level of debugging. */
static const char *last_words(const struct exp_run *r, enum exp_end on)
{
    for (unsigned i = r->record->event_count; i > 0; i--)
        if (r->record->events[i - 1].on == on && r->record->events[i - 1].level <= LOG_LEVEL_INFO)
            return r->record->events[i - 1].text;
    return NULL;
}

static int line_of(const struct exp_side *s, const char *words)
{
    char line[256];
    int n = 0;
    for (const char *at = s->text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        n++;
        exp_side_shown(s, n, line, sizeof line);
        if (strncmp(line, words, strlen(words)) == 0)
            return n;
    }
    return 0;
}

static void aggressive(struct exp_cause *x)
{
    enum exp_end i = x->run->initiator, o = exp_other(i);
    int off = line_of(&x->c->side[o], "crypto isakmp aggressive-mode disable");
    if (strncmp(x->run->failed_at, "AM", 2) != 0)
        return;
    exp_cause_why(x, "%c begins in Aggressive Mode (%s), which %c does not answer%s%s.", exp_letter(i),
                  x->run->failed_at, exp_letter(o), off ? ": crypto isakmp aggressive-mode disable, " : "",
                  off ? exp_at(x, o, off) : "");
    int line = line_of(&x->c->side[i], "initiate mode aggressive");
    if (line) {
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): remove \"initiate mode aggressive\": Main Mode then", exp_letter(i),
                          exp_at(x, i, line));
        exp_fix_edit(f, i, EXP_DELETE, line, " ");
    }
    line = line_of(&x->c->side[i], "set aggressive-mode client-endpoint");
    if (line) {
        struct exp_fix *f =
            exp_cause_fix(x, "on %c (%s): remove \"set aggressive-mode client-endpoint\": Main Mode then",
                          exp_letter(i), exp_at(x, i, line));
        exp_fix_edit(f, i, EXP_DELETE, line, " ");
    }
    if (off) {
        struct exp_fix *f = exp_cause_fix(
            x,
            "on %c (%s): remove \"crypto isakmp aggressive-mode disable\"; its hash of the key may then be "
            "guessed at by who listens",
            exp_letter(o), exp_at(x, o, off));
        exp_fix_edit(f, o, EXP_DELETE, off, " ");
    }
}

void exp_cause_silence(struct exp_cause *x)
{
    enum exp_end i = x->run->initiator, o = exp_other(i);
    const struct exp_record *r = x->run->record;
    const char *words = last_words(x->run, o);
    unsigned times = 1;
    bool received = false;
    for (unsigned k = 0; k < r->message_count; k++)
        if (r->messages[k].from == i) {
            times = r->messages[k].again + 1;
            received = r->messages[k].received;
        }
    exp_cause_why(x, "%c does not answer %s, which %c sent %u time%s%s%s.", exp_letter(o), x->run->failed_at,
                  exp_letter(i), times, times == 1 ? "" : "s",
                  words      ? "; it notes: "
                  : received ? ", although it takes it in"
                             : "",
                  words ? words : "");
    aggressive(x);
    int off = line_of(&x->c->side[o], "no crypto isakmp enable");
    if (off) {
        struct exp_fix *f = exp_cause_fix(x, "on %c (%s): remove \"no crypto isakmp enable\"", exp_letter(o),
                                          exp_at(x, o, off));
        exp_fix_edit(f, o, EXP_DELETE, off, " ");
    }
}
