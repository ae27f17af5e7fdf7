#include "control/cli/cli_show_ikev2_conf.h"

#include "control/cli/cli_alg.h"
#include "control/cli/cli_list.h"
#include "control/cli/cli_text.h"

#include <stdio.h>
#include <string.h>

/* ---- proposals --------------------------------------------------------------------------------------------------- */
static const char *encr_text(const struct cfg_encr *e, char out[CLI_TEXT_MAX])
{
    if (e->key_bits)
        snprintf(out, CLI_TEXT_MAX, "%s-%u", cli_encr(e->id), e->key_bits);
    else
        snprintf(out, CLI_TEXT_MAX, "%s", cli_encr(e->id));
    return out;
}

/* PRFs that are not named are those of the integrity algorithms (RFC 7296 has no such tie; IOS does). */
static uint16_t prf_of(const struct cfg_ikev2_proposal *p, unsigned i)
{
    if (p->prf_count > 0)
        return p->prf[i];
    switch (p->integ[i]) {
    case CV_INTEG_HMAC_MD5_96:
        return 1;
    case CV_INTEG_HMAC_SHA1_96:
        return 2;
    case CV_INTEG_HMAC_SHA2_256_128:
        return 5;
    case CV_INTEG_HMAC_SHA2_384_192:
        return 6;
    default:
        return 7;
    }
}

static void proposal_text(struct cli_call *c, const struct cfg_ikev2_proposal *p)
{
    char text[CLI_TEXT_MAX], group[64];
    unsigned prfs = p->prf_count ? p->prf_count : p->integ_count;
    cli_print(c, " IKEv2 proposal: %s\n     Encryption :", p->name);
    for (unsigned i = 0; i < p->encr_count; i++)
        cli_print(c, " %s", encr_text(&p->encr[i], text));
    cli_print(c, "\n     Integrity  :");
    for (unsigned i = 0; i < p->integ_count; i++)
        cli_print(c, " %s", cli_integ(p->integ[i], 1));
    cli_print(c, "%s\n     PRF        :", p->integ_count ? "" : " none");
    for (unsigned i = 0; i < prfs; i++)
        cli_print(c, " %s", cli_prf(prf_of(p, i)));
    cli_print(c, "\n     DH Group   :");
    for (unsigned i = 0; i < p->group_count; i++)
        cli_print(c, " %s", cli_alg_group_name(p->group[i], group));
    cli_print(c, "\n");
}

static json_t *proposal_json(const struct cfg_ikev2_proposal *p)
{
    char text[CLI_TEXT_MAX];
    json_t *encr = json_array(), *integ = json_array(), *prf = json_array(), *group = json_array();
    unsigned prfs = p->prf_count ? p->prf_count : p->integ_count;
    for (unsigned i = 0; i < p->encr_count; i++)
        json_array_append_new(encr, json_string(encr_text(&p->encr[i], text)));
    for (unsigned i = 0; i < p->integ_count; i++)
        json_array_append_new(integ, json_string(cli_integ(p->integ[i], 1)));
    for (unsigned i = 0; i < prfs; i++)
        json_array_append_new(prf, json_string(cli_prf(prf_of(p, i))));
    for (unsigned i = 0; i < p->group_count; i++)
        json_array_append_new(group, json_integer(p->group[i]));
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "name", p->name, "builtin", p->builtin, "encryption",
                     encr, "integrity", integ, "prf", prf, "dh_groups", group);
}

int cli_show_ikev2_proposal(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->proposal_count; i++) {
        if (!cli_list_wants(c, cfg->proposals[i].name))
            continue;
        shown++;
        if (all)
            json_array_append_new(all, proposal_json(&cfg->proposals[i]));
        else
            proposal_text(c, &cfg->proposals[i]);
    }
    return cli_list_end(c, all, "proposals", "IKEv2 proposal", shown);
}

/* ---- policies ------------------------------------------------------------------------------------------------------ */
static void policy_text(struct cli_call *c, const struct cfg_ikev2_policy *p)
{
    char a[IP_TEXT_MAX];
    cli_print(c, "\n IKEv2 policy : %s\n      Match fvrf  : %s\n", p->name,
              p->fvrf_any  ? "any"
              : p->fvrf[0] ? p->fvrf
                           : "global");
    for (unsigned i = 0; i < p->local_count; i++)
        cli_print(c, "      Match address local : %s\n", ip_addr_text(&p->local[i], a));
    if (p->local_count == 0)
        cli_print(c, "      Match address local : any\n");
    for (unsigned i = 0; i < p->proposal_count; i++)
        cli_print(c, "      Proposal    : %s\n", p->proposals[i]);
    if (p->proposal_count == 0)
        cli_print(c, "      Proposal    : none: the policy is incomplete\n");
}

static json_t *policy_json(const struct cfg_ikev2_policy *p)
{
    char a[IP_TEXT_MAX];
    json_t *local = json_array(), *proposals = json_array();
    for (unsigned i = 0; i < p->local_count; i++)
        json_array_append_new(local, json_string(ip_addr_text(&p->local[i], a)));
    for (unsigned i = 0; i < p->proposal_count; i++)
        json_array_append_new(proposals, json_string(p->proposals[i]));
    return json_pack("{s:s, s:b, s:b, s:s, s:o, s:o}", "name", p->name, "builtin", p->builtin, "fvrf_any",
                     p->fvrf_any, "fvrf", p->fvrf, "local_addresses", local, "proposals", proposals);
}

int cli_show_ikev2_policy(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->policy_count; i++) {
        if (!cli_list_wants(c, cfg->policies[i].name))
            continue;
        shown++;
        if (all)
            json_array_append_new(all, policy_json(&cfg->policies[i]));
        else
            policy_text(c, &cfg->policies[i]);
    }
    return cli_list_end(c, all, "policies", "IKEv2 policy", shown);
}

/* ---- profiles -------------------------------------------------------------------------------------------------------- */
struct users {
    const char *profile;
    unsigned n;
};

static void on_user(void *ctx, const struct ike_sa_view *v)
{
    struct users *u = ctx;
    u->n += v->version == 2 && strcmp(v->profile, u->profile) == 0;
}

static unsigned ref_count(struct cli_call *c, const char *name)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    struct users u = {.profile = name};
    for (unsigned i = 0; i < cfg->ipsec_profile_count; i++)
        u.n += strcmp(cfg->ipsec_profiles[i].ikev2_profile, name) == 0;
    ike_each_sa(c->env->ike(c->env->ctx), on_user, &u);
    return u.n;
}

static const char *methods(unsigned auth, char out[CLI_TEXT_MAX])
{
    static const unsigned bits[] = {CFG_AUTH_PSK, CFG_AUTH_RSA_SIG, CFG_AUTH_ECDSA_SIG, CFG_AUTH_EAP};
    out[0] = '\0';
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        size_t n = strlen(out);
        if (auth & bits[i])
            snprintf(out + n, CLI_TEXT_MAX - n, "%s%s", n ? " " : "", cli_alg_auth_word(bits[i]));
    }
    return out[0] ? out : "none";
}

static const char *local_text(const struct cfg_ikev2_profile *p, unsigned i, char out[IP_TEXT_MAX])
{
    if (p->local[i].interface[0])
        return p->local[i].interface;
    return ip_addr_text(&p->local[i].addr, out);
}

static void profile_text(struct cli_call *c, const struct cfg_ikev2_profile *p)
{
    char text[CFG_TEXT_MAX + IP_TEXT_MAX], a[IP_TEXT_MAX], m[CLI_TEXT_MAX];
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    struct cfg_dpd dpd = cfg_dpd_effective(cfg, p);
    unsigned nat = p->nat_keepalive_s ? p->nat_keepalive_s : cfg->ikev2_nat_keepalive_s;
    cli_print(c, "\nIKEv2 profile: %s\n Shutdown: %s\n Ref Count: %u\n Match criteria:\n  Fvrf: %s\n",
              p->name, p->shutdown ? "Yes" : "No", ref_count(c, p->name),
              p->fvrf_any  ? "any"
              : p->fvrf[0] ? p->fvrf
                           : "global");
    cli_print(c, "  Local address/interface:%s\n", p->local_count ? "" : " none");
    for (unsigned i = 0; i < p->local_count; i++)
        cli_print(c, "   %s\n", local_text(p, i, a));
    cli_print(c, "  Identities:%s\n", p->match_count ? "" : " none");
    for (unsigned i = 0; i < p->match_count; i++)
        cli_print(c, "   %s\n", cli_alg_match2(&p->match[i], text));
    cli_print(c, "  Certificate maps: none\n Local identity: ");
    if (p->identity.kind == CFG_ID_ADDRESS)
        cli_print(c, "address %s\n", ip_addr_text(&p->identity.prefix.addr, a));
    else
        cli_print(c, "%s\n", p->identity.kind == CFG_ID_NONE ? "none" : cli_alg_match2(&p->identity, text));
    cli_print(c, " Remote identity: none\n Local authentication method: %s\n", methods(p->auth_local, m));
    cli_print(c, " Remote authentication method(s): %s\n EAP options: none\n Keyring: %s\n Trustpoint(s):",
              methods(p->auth_remote, m), p->keyring[0] ? p->keyring : "none");
    for (unsigned i = 0; i < p->trustpoint_count; i++)
        cli_print(c, " %s", p->trustpoints[i].name);
    cli_print(c, "%s\n Lifetime: %u seconds\n", p->trustpoint_count ? "" : " none", p->lifetime_s);
    if (dpd.set)
        cli_print(c, " DPD: interval %u, retry-interval %u, %s\n", dpd.interval_s, dpd.retry_s,
                  dpd.periodic ? "periodic" : "on-demand");
    else
        cli_print(c, " DPD: disabled\n");
    if (nat)
        cli_print(c, " NAT-keepalive: %u seconds\n", nat);
    else
        cli_print(c, " NAT-keepalive: disabled\n");
    cli_print(c, " Ivrf: none\n Virtual-template: none\n AAA: none\n");
    if (!cfg_profile_complete(p))
        cli_print(c, " Not used: it is incomplete or shut down\n");
}

static json_t *profile_json(struct cli_call *c, const struct cfg_ikev2_profile *p)
{
    char text[CFG_TEXT_MAX + IP_TEXT_MAX], a[IP_TEXT_MAX], m[CLI_TEXT_MAX];
    struct cfg_dpd dpd = cfg_dpd_effective(c->env->cfg(c->env->ctx), p);
    json_t *match = json_array(), *local = json_array(), *o = json_object();
    for (unsigned i = 0; i < p->match_count; i++)
        json_array_append_new(match, json_string(cli_alg_match2(&p->match[i], text)));
    for (unsigned i = 0; i < p->local_count; i++)
        json_array_append_new(local, json_string(local_text(p, i, a)));
    json_object_set_new(o, "name", json_string(p->name));
    json_object_set_new(o, "shutdown", json_boolean(p->shutdown));
    json_object_set_new(o, "complete", json_boolean(cfg_profile_complete(p)));
    json_object_set_new(o, "ref_count", json_integer((json_int_t)ref_count(c, p->name)));
    json_object_set_new(o, "fvrf_any", json_boolean(p->fvrf_any));
    json_object_set_new(o, "fvrf", json_string(p->fvrf));
    json_object_set_new(o, "local_addresses", local);
    json_object_set_new(o, "identities", match);
    json_object_set_new(o, "local_identity",
                        p->identity.kind == CFG_ID_NONE ? json_null()
                                                        : json_string(cli_alg_match2(&p->identity, text)));
    json_object_set_new(o, "auth_local", json_string(methods(p->auth_local, m)));
    json_object_set_new(o, "auth_remote", json_string(methods(p->auth_remote, m)));
    json_object_set_new(o, "keyring", p->keyring[0] ? json_string(p->keyring) : json_null());
    json_object_set_new(o, "lifetime_s", json_integer(p->lifetime_s));
    json_object_set_new(o, "dpd",
                        dpd.set ? json_pack("{s:i, s:i, s:b}", "interval_s", (int)dpd.interval_s, "retry_s",
                                            (int)dpd.retry_s, "periodic", dpd.periodic)
                                : json_null());
    return o;
}

/* PF-8: of profiles that match equally the last configured is taken. As on IOS this list has the order of the search: newest first. */
int cli_show_ikev2_profile(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    unsigned shown = 0;
    for (unsigned i = cfg->profile_count; i-- > 0;) {
        if (!cli_list_wants(c, cfg->profiles[i].name))
            continue;
        shown++;
        if (all)
            json_array_append_new(all, profile_json(c, &cfg->profiles[i]));
        else
            profile_text(c, &cfg->profiles[i]);
    }
    return cli_list_end(c, all, "profiles", "IKEv2 profile", shown);
}
