#include "control/cli/cli_show_conf.h"

#include "control/cli/cli_alg.h"
#include "control/cli/cli_list.h"
#include "control/cli/cli_policy.h"
#include "control/cli/cli_text.h"

#include <stdio.h>
#include <string.h>

/* ---- transform sets ------------------------------------------------------------------------------------------------ */
int cli_show_transform_set(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    char text[CLI_TEXT_MAX];
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->transform_set_count; i++) {
        const struct cfg_transform_set *s = &cfg->transform_sets[i];
        if (!cli_list_wants(c, s->name))
            continue;
        shown++;
        if (all)
            json_array_append_new(all, json_pack("{s:s, s:b, s:s, s:s, s:b}", "name", s->name, "builtin",
                                                 s->builtin, "transforms", cli_alg_set(s, text), "mode",
                                                 s->transport ? "transport" : "tunnel", "require",
                                                 s->transport_require));
        else
            cli_print(c, "Transform set %s: { %s  }\n   will negotiate = { %s%s,  },\n\n", s->name,
                      cli_alg_set(s, text), s->transport ? "Transport" : "Tunnel",
                      s->transport_require ? " require" : "");
    }
    return cli_list_end(c, all, "transform_sets", "transform set", shown);
}

/* ---- IPsec profiles ------------------------------------------------------------- */
/* Those that stand in the configuration: what a crypto map's entry is made into has no line of its own. */
static bool written(const struct cfg *cfg, const struct cfg_ipsec_profile *p)
{
    for (unsigned i = 0; i < cfg->interface_count; i++)
        if (cfg->interfaces[i].flow && strcmp(cfg->interfaces[i].protection_profile, p->name) == 0)
            return false;
    return true;
}

int cli_show_ipsec_profile(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->ipsec_profile_count; i++) {
        const struct cfg_ipsec_profile *p = &cfg->ipsec_profiles[i];
        if (!cli_list_wants(c, p->name) || !written(cfg, p))
            continue;
        shown++;
        if (all) {
            json_t *o = json_pack("{s:s, s:b}", "name", p->name, "builtin", p->builtin);
            cli_policy_json(c, p, o);
            json_array_append_new(all, o);
            continue;
        }
        cli_print(c, "IPSEC profile %s\n", p->name);
        cli_policy_binding(c, p);
        cli_policy_text(c, p);
        cli_print(c, "\n");
    }
    return cli_list_end(c, all, "profiles", "IPsec profile", shown);
}

/* ---- access lists -------------------------------------------------------------------------------------------------------- */
int cli_show_acl(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    char text[2 * CLI_TEXT_MAX];
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->acl_count; i++) {
        const struct cfg_acl *l = &cfg->acls[i];
        json_t *lines = all ? json_array() : NULL;
        if (!cli_list_wants(c, l->name)) {
            json_decref(lines);
            continue;
        }
        shown++;
        if (!all)
            cli_print(c, "%s access list %s\n", l->ipv6 ? "IPv6" : "Extended IP", l->name);
        for (unsigned k = 0; k < l->ace_count; k++) {
            cli_policy_ace(&l->aces[k], text);
            if (lines)
                json_array_append_new(lines, json_pack("{s:i, s:b, s:s}", "sequence", (int)l->aces[k].seq,
                                                       "permit", l->aces[k].permit, "text", text));
            else if (l->ipv6)
                cli_print(c, "    %s sequence %u\n", text, l->aces[k].seq);
            else
                cli_print(c, "    %u %s\n", l->aces[k].seq, text);
        }
        if (all)
            json_array_append_new(
                all, json_pack("{s:s, s:b, s:o}", "name", l->name, "ipv6", l->ipv6, "lines", lines));
    }
    return cli_list_end(c, all, "access_lists", "access list", shown);
}

/* ---- VRFs ------------------------------------------------------------------------------------------------------------------------ */
static void vrf_text(struct cli_call *c, const struct cfg_vrf *v)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    unsigned n = 0;
    cli_print(c, "  %-32s %-21s %-11s ", v->name, v->rd[0] ? v->rd : "<not set>",
              v->ipv4 && v->ipv6 ? "ipv4,ipv6"
              : v->ipv6          ? "ipv6"
              : v->ipv4          ? "ipv4"
                                 : "");
    for (unsigned i = 0; i < cfg->interface_count; i++)
        if (!cfg->interfaces[i].flow && strcmp(cfg->interfaces[i].vrf, v->name) == 0)
            cli_print(c, "%s%s", n++ ? ", " : "", cfg->interfaces[i].name);
    cli_print(c, "\n");
}

static json_t *vrf_json(struct cli_call *c, const struct cfg_vrf *v)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *used = json_array();
    for (unsigned i = 0; i < cfg->interface_count; i++)
        if (!cfg->interfaces[i].flow && strcmp(cfg->interfaces[i].vrf, v->name) == 0)
            json_array_append_new(used, json_string(cfg->interfaces[i].name));
    json_t *o = json_pack("{s:s, s:b, s:b, s:o}", "name", v->name, "ipv4", v->ipv4, "ipv6", v->ipv6,
                          "interfaces", used);
    json_object_set_new(o, "rd", v->rd[0] ? json_string(v->rd) : json_null());
    return o;
}

int cli_show_vrf(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    unsigned shown = 0;
    if (!all)
        cli_print(c, "  %-32s %-21s %-11s %s\n", "Name", "Default RD", "Protocols", "Interfaces");
    for (unsigned i = 0; i < cfg->vrf_count; i++) {
        if (!cli_list_wants(c, cfg->vrfs[i].name))
            continue;
        shown++;
        if (all)
            json_array_append_new(all, vrf_json(c, &cfg->vrfs[i]));
        else
            vrf_text(c, &cfg->vrfs[i]);
    }
    return cli_list_end(c, all, "vrfs", "VRF", shown);
}
