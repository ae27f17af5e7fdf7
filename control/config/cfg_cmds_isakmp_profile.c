#include "control/config/cfg_cmds.h"

#include "control/config/cfg_key.h"

#include <string.h>

static struct cfg_isakmp_profile *cur(struct cfg_parser *p)
{
    return &p->c->isakmp_profiles[p->isakmp_profile];
}

static void set_description(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->description, sizeof cur(p)->description);
}

/* ---- identities ---------------------------------------------------------------------------------------------------- */
static bool email_ok(struct cfg_parser *p, const struct cfg_arg *word)
{
    const char *at = strchr(word->text, '@');
    if (at && at != word->text && at[1] != '\0')
        return true;
    cfg_error(p, word->column, "as in: user@example.com", "no e-mail address");
    return false;
}

/* IKEv1's words for the kinds: host is an FQDN, user an e-mail address, group the octets of a key-id. */
static enum cfg_id_kind kind_of(const struct cfg_match *m)
{
    bool domain = cfg_match_has(m, "domain");
    if (cfg_match_has(m, "host"))
        return domain ? CFG_ID_FQDN_DOMAIN : CFG_ID_FQDN;
    if (cfg_match_has(m, "user") || cfg_match_has(m, "user-fqdn"))
        return domain ? CFG_ID_EMAIL_DOMAIN : CFG_ID_EMAIL;
    return cfg_match_has(m, "group") ? CFG_ID_KEY_ID : CFG_ID_ADDRESS;
}

static bool same_id(const struct cfg_id *a, const struct cfg_id *b)
{
    return a->kind == b->kind && ip_prefix_equal(&a->prefix, &b->prefix) && strcmp(a->text, b->text) == 0;
}

/* A group's line has no fVRF: it is for that of the others. */
static bool names_fvrf(const struct cfg_isakmp_profile *x)
{
    for (unsigned i = 0; i < x->match_count; i++)
        if (x->match[i].kind != CFG_ID_KEY_ID)
            return true;
    return false;
}

/* The fVRF stands behind the identity. A profile has one: that of its match lines. */
static bool same_fvrf(struct cfg_parser *p, const struct cfg_match *m, const struct cfg_id *id)
{
    struct cfg_isakmp_profile *x = cur(p);
    const struct cfg_arg *vrf = cfg_match_arg(m, CFG_ARG_WORD, id->kind == CFG_ID_ADDRESS ? 0 : 1);
    const char *name = vrf ? vrf->text : "";
    if (m->form != CFG_SET || id->kind == CFG_ID_KEY_ID || strcmp(x->fvrf, name) == 0)
        return true;
    if (names_fvrf(x)) {
        cfg_error(p, (vrf ? vrf : &m->args[0])->column, "make a profile for each fVRF",
                  "the match lines of a profile are all for one fVRF");
        return false;
    }
    memset(x->fvrf, 0, sizeof x->fvrf);
    return !vrf || cfg_copy(p, x->fvrf, sizeof x->fvrf, vrf);
}

static void match_identity(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_isakmp_profile *x = cur(p);
    const struct cfg_arg *word = cfg_match_arg(m, CFG_ARG_WORD, 0);
    struct cfg_id id = {.kind = kind_of(m), .line = p->line};
    unsigned kept = 0, max = sizeof x->match / sizeof x->match[0];
    if (id.kind == CFG_ID_ADDRESS ? !cfg_key_prefix(m, &id.prefix)
                                  : !word || !cfg_copy(p, id.text, sizeof id.text, word))
        return;
    if (m->form == CFG_SET && id.kind == CFG_ID_EMAIL && !email_ok(p, word))
        return;
    if (!same_fvrf(p, m, &id))
        return;
    for (unsigned i = 0; i < x->match_count; i++)
        if (!same_id(&x->match[i], &id))
            x->match[kept++] = x->match[i];
        else if (m->form == CFG_SET)
            return;
    memset(&x->match[kept], 0, (max - kept) * sizeof x->match[0]);
    x->match_count = kept;
    if (m->form != CFG_SET)
        return;
    if (kept == max)
        cfg_error(p, m->args[0].column, "use a wider match, or a second profile",
                  "more than %u match lines in a profile", max);
    else
        x->match[x->match_count++] = id;
}

static void self_identity(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_id *self = &cur(p)->self;
    const struct cfg_arg *word = cfg_match_arg(m, CFG_ARG_WORD, 0), *a = cfg_match_arg(m, CFG_ARG_ADDR, 0);
    memset(self, 0, sizeof *self);
    if (m->form != CFG_SET || (word && cfg_match_has(m, "user-fqdn") && !email_ok(p, word)))
        return;
    self->line = p->line;
    if (a && !ip_prefix_make(&a->addr, ip_addr_bits(&a->addr), &self->prefix))
        return;
    if (word && !cfg_copy(p, self->text, sizeof self->text, word))
        return;
    self->kind = cfg_match_has(m, "fqdn")        ? CFG_ID_FQDN
                 : cfg_match_has(m, "user-fqdn") ? CFG_ID_EMAIL
                                                 : CFG_ID_ADDRESS;
}

/* ---- lists of names -------------------------------------------------------------------------------------------------- */
static void add_keyring(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_isakmp_profile *x = cur(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned kept = 0, max = sizeof x->keyrings / sizeof x->keyrings[0];
    for (unsigned i = 0; i < x->keyring_count; i++) {
        bool same = a && strcmp(x->keyrings[i], a->text) == 0;
        if (same && m->form == CFG_SET)
            return;
        if (same || (!a && m->form != CFG_SET))
            continue;
        memmove(x->keyrings[kept], x->keyrings[i], sizeof x->keyrings[0]);
        x->keyring_lines[kept++] = x->keyring_lines[i];
    }
    memset(x->keyrings[kept], 0, (max - kept) * sizeof x->keyrings[0]);
    memset(&x->keyring_lines[kept], 0, (max - kept) * sizeof x->keyring_lines[0]);
    x->keyring_count = kept;
    if (m->form != CFG_SET)
        return;
    if (kept == max)
        cfg_error(p, a->column, "put the keys into one keyring", "more than %u keyrings in a profile", max);
    else if (cfg_copy(p, x->keyrings[kept], sizeof x->keyrings[0], a))
        x->keyring_lines[x->keyring_count++] = p->line;
}

static void add_trustpoint(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_isakmp_profile *x = cur(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned kept = 0, max = sizeof x->trustpoints / sizeof x->trustpoints[0];
    for (unsigned i = 0; i < x->trustpoint_count; i++)
        if (a && strcmp(x->trustpoints[i], a->text) != 0)
            memmove(x->trustpoints[kept++], x->trustpoints[i], sizeof x->trustpoints[0]);
    memset(x->trustpoints[kept], 0, (max - kept) * sizeof x->trustpoints[0]);
    x->trustpoint_count = kept;
    if (m->form == CFG_SET && kept == max)
        cfg_error(p, a->column, "", "more than %u trust-points in a profile", max);
    else if (m->form == CFG_SET && cfg_copy(p, x->trustpoints[kept], sizeof x->trustpoints[0], a))
        x->trustpoint_count++;
    x->trustpoint_line = x->trustpoint_count ? p->line : 0;
}

/* ---- the rest -------------------------------------------------------------------------------------------------------- */
static void set_local(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_key_local(p, m, &cur(p)->local);
}

static void set_vrf(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->ivrf, sizeof cur(p)->ivrf);
    cur(p)->ivrf_line = m->form == CFG_SET ? p->line : 0;
}

static void set_keepalive(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->dpd = cfg_key_dpd(m);
}

static void match_certificate(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_certmap_ref_take(p, m, cur(p)->certmaps, &cur(p)->certmap_count);
}

static void set_initiate(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->aggressive = m->form == CFG_SET;
}

#define NO_DYNAMIC  "use an interface Tunnel with `tunnel protection ipsec profile`"
#define NO_EASY_VPN "leave it out: remote access (XAUTH, mode configuration) is not done"

static const struct cfg_cmd rows[] = {
    {"description <LINE>", set_description, 0, NULL, false},
    {"keyring <WORD>", add_keyring, 0, NULL, false},
    {"self-identity ~address", self_identity, 0, NULL, false},
    {"self-identity ~address ipv6", self_identity, 0, NULL, false},
    {"self-identity <A.B.C.D>", self_identity, 0, NULL, false},
    {"self-identity ~fqdn [<WORD>]", self_identity, 0, NULL, false},
    {"self-identity ~user-fqdn <WORD>", self_identity, 0, NULL, false},
    {"ca trust-point <WORD>", add_trustpoint, 0, NULL, false},
    {"match identity address <A.B.C.D> [<MASK>]", match_identity, 0, NULL, false},
    {"match identity address <A.B.C.D> <WORD>", match_identity, 0, NULL, false},
    {"match identity address <A.B.C.D> <MASK> <WORD>", match_identity, 0, NULL, false},
    {"match identity address ipv6 <X:X::X/N>", match_identity, 0, NULL, false},
    {"match identity address ipv6 <X:X::X/N> <WORD>", match_identity, 0, NULL, false},
    {"match identity host <WORD>", match_identity, 0, NULL, false},
    {"match identity host domain <WORD>", match_identity, 0, NULL, false},
    {"match identity host <WORD> <WORD>", match_identity, 0, NULL, false},
    {"match identity host domain <WORD> <WORD>", match_identity, 0, NULL, false},
    {"match identity user <WORD>", match_identity, 0, NULL, false},
    {"match identity user-fqdn <WORD>", match_identity, 0, NULL, false},
    {"match identity user domain <WORD>", match_identity, 0, NULL, false},
    {"match identity user <WORD> <WORD>", match_identity, 0, NULL, false},
    {"match identity user domain <WORD> <WORD>", match_identity, 0, NULL, false},
    {"match identity group <WORD>", match_identity, 0, NULL, false},
    {"match certificate <WORD>", match_certificate, 0, NULL, false},
    {"local-address <ADDR>", set_local, 0, NULL, false},
    {"local-address <IF>", set_local, 0, NULL, false},
    {"local-address <ADDR> <WORD>", set_local, 0, NULL, false},
    {"local-address <IF> <WORD>", set_local, 0, NULL, false},
    {"keepalive <10-3600> retry <2-60>", set_keepalive, 0, NULL, false},
    {"initiate mode aggressive", set_initiate, 0, NULL, false},
    {"vrf <WORD>", set_vrf, 0, NULL, false},
    {"virtual-template <LINE>", NULL, 0, NO_DYNAMIC, false},
    {"accounting <LINE>", NULL, 0, NO_EASY_VPN, false},
    {"client <LINE>", NULL, 0, NO_EASY_VPN, false},
    {"isakmp authorization <LINE>", NULL, 0, NO_EASY_VPN, false},
    {"qos-group <1-1023>", NULL, 0, "leave it out", true},
};
const struct cfg_cmd_table cfg_cmds_isakmp_profile = CFG_ROWS(rows);
