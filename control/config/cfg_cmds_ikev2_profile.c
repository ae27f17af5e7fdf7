#include "control/config/cfg_cmds.h"

#include "control/config/cfg_key.h"

#include <string.h>

static struct cfg_ikev2_profile *cur(struct cfg_parser *p)
{
    return &p->c->profiles[p->profile];
}

static void set_description(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->description, sizeof cur(p)->description);
}

static void set_shutdown(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->shutdown = m->form == CFG_SET;
}

/* {V | any}; global without. */
static void set_fvrf(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->fvrf_any = m->form == CFG_SET && cfg_match_has(m, "any");
    cfg_take_text(p, m, cur(p)->fvrf, sizeof cur(p)->fvrf);
    if (cur(p)->fvrf_any)
        memset(cur(p)->fvrf, 0, sizeof cur(p)->fvrf);
}

static void set_ivrf(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->ivrf, sizeof cur(p)->ivrf);
    cur(p)->ivrf_line = m->form == CFG_SET ? p->line : 0;
}

/* ---- match ------------------------------------------------------------------------------------------------------- */
static bool same_id(const struct cfg_id *a, const struct cfg_id *b)
{
    return a->kind == b->kind && ip_prefix_equal(&a->prefix, &b->prefix) && strcmp(a->text, b->text) == 0;
}

static void remove_match(struct cfg_ikev2_profile *x, const struct cfg_id *id)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < x->match_count; i++)
        if (!same_id(&x->match[i], id))
            x->match[kept++] = x->match[i];
    memset(&x->match[kept], 0, (sizeof x->match / sizeof x->match[0] - kept) * sizeof x->match[0]);
    x->match_count = kept;
}

static void match_identity(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_profile *x = cur(p);
    struct cfg_id id;
    if (!cfg_key_identity(p, m, &id))
        return;
    if (m->form != CFG_SET) {
        remove_match(x, &id);
        return;
    }
    for (unsigned i = 0; i < x->match_count; i++)
        if (same_id(&x->match[i], &id))
            return;
    if (x->match_count == sizeof x->match / sizeof x->match[0])
        cfg_error(p, m->args[0].column, "use a wider match, or a second profile",
                  "more than %zu match lines in a profile", sizeof x->match / sizeof x->match[0]);
    else
        x->match[x->match_count++] = id;
}

static void match_local(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_profile *x = cur(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0), *ifc = cfg_match_arg(m, CFG_ARG_IF, 0);
    unsigned kept = 0, max = sizeof x->local / sizeof x->local[0];
    for (unsigned i = 0; i < x->local_count; i++)
        if ((a && !ip_addr_equal(&x->local[i].addr, &a->addr)) ||
            (ifc && strcmp(x->local[i].interface, ifc->name) != 0))
            x->local[kept++] = x->local[i];
    memset(&x->local[kept], 0, (max - kept) * sizeof x->local[0]);
    x->local_count = kept;
    if (m->form != CFG_SET)
        return;
    if (kept == max) {
        cfg_error(p, m->args[0].column, "", "more than %u local addresses in a profile", max);
        return;
    }
    if (a)
        x->local[kept].addr = a->addr;
    if (ifc)
        memcpy(x->local[kept].interface, ifc->name, sizeof ifc->name);
    x->local_count++;
}

static void identity_local(struct cfg_parser *p, const struct cfg_match *m)
{
    memset(&cur(p)->identity, 0, sizeof cur(p)->identity);
    if (m->form == CFG_SET)
        (void)cfg_key_identity(p, m, &cur(p)->identity);
}

/* ---- authentication ---------------------------------------------------------------------------------------------- */
static unsigned method_of(const struct cfg_match *m)
{
    return cfg_match_has(m, "pre-share")   ? CFG_AUTH_PSK
           : cfg_match_has(m, "rsa-sig")   ? CFG_AUTH_RSA_SIG
           : cfg_match_has(m, "ecdsa-sig") ? CFG_AUTH_ECDSA_SIG
           : cfg_match_has(m, "eap")       ? CFG_AUTH_EAP
                                           : CFG_AUTH_NONE;
}

static void authentication_local(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_profile *x = cur(p);
    x->auth_local = m->form == CFG_SET ? method_of(m) : CFG_AUTH_NONE; /* one, the last */
    cfg_key_take(p, m, &x->auth_local_key);
}

static void authentication_remote(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_profile *x = cur(p);
    unsigned method = method_of(m);
    if (m->form == CFG_SET)
        x->auth_remote |= method;
    else
        x->auth_remote &= ~(method ? method : ~0u);
    if (method == CFG_AUTH_PSK || m->form != CFG_SET)
        cfg_key_take(p, m, &x->auth_remote_key);
}

static void keyring_local(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->keyring, sizeof cur(p)->keyring);
    cur(p)->keyring_line = m->form == CFG_SET ? p->line : 0;
}

static void pki_trustpoint(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_profile *x = cur(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned max = sizeof x->trustpoints / sizeof x->trustpoints[0], kept = 0;
    for (unsigned i = 0; i < x->trustpoint_count; i++)
        if (a && strcmp(x->trustpoints[i].name, a->text) != 0)
            x->trustpoints[kept++] = x->trustpoints[i];
    memset(&x->trustpoints[kept], 0, (max - kept) * sizeof x->trustpoints[0]);
    x->trustpoint_count = kept;
    if (m->form != CFG_SET)
        return;
    if (kept == max)
        cfg_error(p, a->column, "", "more than %u trust-points in a profile", max);
    else if (cfg_copy(p, x->trustpoints[kept].name, sizeof x->trustpoints[kept].name, a)) {
        x->trustpoints[kept].sign = !cfg_match_has(m, "verify");
        x->trustpoints[kept].verify = !cfg_match_has(m, "sign");
        x->trustpoints[kept].line = p->line;
        x->trustpoint_count++;
    }
}

static void match_certificate(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_certmap_ref_take(p, m, cur(p)->certmaps, &cur(p)->certmap_count);
}

/* ---- the rest ------------------------------------------------------------------------------------------------------ */
static void set_lifetime(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    cur(p)->lifetime_certificate = m->form == CFG_SET && cfg_match_has(m, "certificate");
    cur(p)->lifetime_s = m->form == CFG_SET && n ? (unsigned)n->number : 86400;
}

static void set_dpd(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->dpd = cfg_key_dpd(m);
}

static void set_nat_keepalive(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    cur(p)->nat_keepalive_s = m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_initial_contact(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->initial_contact_force = m->form == CFG_SET;
}

#define NO_EAP     "use certificates, or pre-shared keys and a keyring"
#define NO_DYNAMIC "use an interface Tunnel with `tunnel protection ipsec profile`"

static const struct cfg_cmd rows[] = {
    {"description <LINE>", set_description, 0, NULL, false},
    {"shutdown", set_shutdown, 0, NULL, false},
    {"match fvrf ~any", set_fvrf, 0, NULL, false},
    {"match fvrf <WORD>", set_fvrf, 0, NULL, false},
    {"match address local <ADDR>", match_local, 0, NULL, false},
    {"match address local interface <IF>", match_local, 0, NULL, false},
    {"match identity remote address <ADDR>", match_identity, 0, NULL, false},
    {"match identity remote address <A.B.C.D> <MASK>", match_identity, 0, NULL, false},
    {"match identity remote address <ADDR/N>", match_identity, 0, NULL, false},
    {"match identity remote fqdn <WORD>", match_identity, 0, NULL, false},
    {"match identity remote fqdn domain <WORD>", match_identity, 0, NULL, false},
    {"match identity remote email <WORD>", match_identity, 0, NULL, false},
    {"match identity remote email domain <WORD>", match_identity, 0, NULL, false},
    {"match identity remote key-id <WORD>", match_identity, 0, NULL, false},
    {"match identity remote any", match_identity, 0, NULL, false},
    {"match certificate <WORD>", match_certificate, 0, NULL, false},
    {"identity local ~address <ADDR>", identity_local, 0, NULL, false},
    {"identity local ~fqdn <WORD>", identity_local, 0, NULL, false},
    {"identity local ~email <WORD>", identity_local, 0, NULL, false},
    {"identity local ~key-id <WORD>", identity_local, 0, NULL, false},
    {"identity local ~dn", identity_local, 0, NULL, false},
    {"authentication local ~<pre-share|rsa-sig|ecdsa-sig>", authentication_local, 0, NULL, false},
    {"authentication local pre-share key <KEY>", authentication_local, 0, NULL, false},
    {"authentication local pre-share key <0|6|hex> <KEY>", authentication_local, 0, NULL, false},
    {"authentication local eap [<LINE>]", authentication_local, 0, NULL, false},
    {"authentication remote ~<pre-share|rsa-sig|ecdsa-sig>", authentication_remote, 0, NULL, false},
    {"authentication remote pre-share key <KEY>", authentication_remote, 0, NULL, false},
    {"authentication remote pre-share key <0|6|hex> <KEY>", authentication_remote, 0, NULL, false},
    {"authentication remote eap [query-identity]", authentication_remote, 0, NULL, false},
    {"authentication remote anyconnect-eap [<LINE>]", NULL, 0, NO_EAP, false},
    {"keyring ~local <WORD>", keyring_local, 0, NULL, false},
    {"keyring aaa <LINE>", NULL, 0, "use: keyring local NAME", false},
    {"pki trustpoint <WORD> [<sign|verify>]", pki_trustpoint, 0, NULL, false},
    {"lifetime <120-86400>", set_lifetime, 0, NULL, false},
    {"lifetime certificate", set_lifetime, 0, NULL, false},
    {"dpd <10-3600> <2-60> [<on-demand|periodic>]", set_dpd, 0, NULL, false},
    {"nat keepalive <5-3600>", set_nat_keepalive, 0, NULL, false},
    {"initial-contact force", set_initial_contact, 0, NULL, false},
    {"ivrf <WORD>", set_ivrf, 0, NULL, false},
    {"virtual-template <LINE>", NULL, 0, NO_DYNAMIC, false},
    {"aaa <LINE>", NULL, 0, "leave it out: there is no AAA", false},
};
const struct cfg_cmd_table cfg_cmds_ikev2_profile = CFG_ROWS(rows);
