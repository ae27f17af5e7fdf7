#include "control/cli/cli_policy.h"

#include "control/cli/cli_alg.h"
#include "control/cli/cli_text.h"
#include "control/config/cfg_ace.h"

#include <stdio.h>

/* ---- what an IPsec profile says ---- */
static const char *set_name(const struct cfg_ipsec_profile *p, unsigned i)
{
    return p->transform_set_count ? p->transform_sets[i] : "default";
}

static unsigned set_count(const struct cfg_ipsec_profile *p)
{
    return p->transform_set_count ? p->transform_set_count : 1;
}

void cli_policy_text(struct cli_call *c, const struct cfg_ipsec_profile *p)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    struct cfg_sa_params sa = cfg_sa_params_effective(cfg, p);
    char text[CLI_TEXT_MAX];
    if (sa.lifetime_kb_disable)
        cli_print(c, "        Security association lifetime: volume disabled/%u seconds\n", sa.lifetime_s);
    else
        cli_print(c, "        Security association lifetime: %llu kilobytes/%u seconds\n",
                  (unsigned long long)sa.lifetime_kb, sa.lifetime_s);
    if (sa.lifetime_packets)
        cli_print(c, "        Security association lifetime: %llu packets\n",
                  (unsigned long long)sa.lifetime_packets);
    cli_print(c, "        Responder-Only (Y/N): %s\n        PFS (Y/N): %s\n", p->responder_only ? "Y" : "N",
              p->pfs ? "Y" : "N");
    if (p->pfs)
        cli_print(c, "        DH group:  group%u\n", p->pfs_group);
    cli_print(c, "        Mixed-mode : Disabled\n        Transform sets={\n");
    for (unsigned i = 0; i < set_count(p); i++) {
        const struct cfg_transform_set *s = cfg_find_transform_set(cfg, set_name(p, i));
        cli_print(c, "                %s:  { %s  } ,\n", set_name(p, i),
                  s ? cli_alg_set(s, text) : "not configured");
    }
    cli_print(c, "        }\n");
}

void cli_policy_json(struct cli_call *c, const struct cfg_ipsec_profile *p, json_t *o)
{
    struct cfg_sa_params sa = cfg_sa_params_effective(c->env->cfg(c->env->ctx), p);
    json_t *sets = json_array();
    for (unsigned i = 0; i < set_count(p); i++)
        json_array_append_new(sets, json_string(set_name(p, i)));
    json_object_set_new(o, "isakmp_profile",
                        p->isakmp_profile[0] ? json_string(p->isakmp_profile) : json_null());
    json_object_set_new(o, "ikev2_profile",
                        p->ikev2_profile[0] ? json_string(p->ikev2_profile) : json_null());
    json_object_set_new(o, "lifetime_s", json_integer(sa.lifetime_s));
    json_object_set_new(o, "lifetime_kb",
                        sa.lifetime_kb_disable ? json_null() : json_integer((json_int_t)sa.lifetime_kb));
    json_object_set_new(o, "lifetime_packets",
                        sa.lifetime_packets ? json_integer((json_int_t)sa.lifetime_packets) : json_null());
    json_object_set_new(o, "replay_window",
                        json_integer(sa.replay_disable ? 0 : (json_int_t)sa.replay_window));
    json_object_set_new(o, "pfs_group", p->pfs ? json_integer(p->pfs_group) : json_null());
    json_object_set_new(o, "responder_only", json_boolean(p->responder_only));
    json_object_set_new(o, "transform_sets", sets);
}

void cli_policy_binding(struct cli_call *c, const struct cfg_ipsec_profile *p)
{
    if (p->isakmp_profile[0])
        cli_print(c, "        ISAKMP Profile: %s\n", p->isakmp_profile);
    if (p->ikev2_profile[0])
        cli_print(c, "        IKEv2 Profile: %s\n", p->ikev2_profile);
}

/* ---- lines of access lists ---- */
static void side_text(const struct ts *t, char *out, size_t room)
{
    struct ip_prefix p;
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    int n;
    if (!ts_to_prefix(t, &p)) {
        struct ip_addr lo = t->family == IP_V4 ? ip_addr_v4(t->lo) : ip_addr_v6(t->lo);
        struct ip_addr hi = t->family == IP_V4 ? ip_addr_v4(t->hi) : ip_addr_v6(t->hi);
        n = snprintf(out, room, "%s-%s", ip_addr_text(&lo, a), ip_addr_text(&hi, b));
    } else if (p.len == 0) {
        n = snprintf(out, room, "any");
    } else if (p.len == ip_addr_bits(&p.addr)) {
        n = snprintf(out, room, "host %s", ip_addr_text(&p.addr, a));
    } else if (t->family == IP_V4) {
        n = snprintf(out, room, "%s %s", ip_addr_text(&p.addr, a), cli_wildcard(p.len, b));
    } else {
        n = snprintf(out, room, "%s/%u", ip_addr_text(&p.addr, a), p.len);
    }
    if (n < 0 || (size_t)n >= room || (t->port_lo == 0 && t->port_hi == 65535))
        return;
    if (t->port_lo == t->port_hi)
        snprintf(out + n, room - (size_t)n, " eq %u", t->port_lo);
    else
        snprintf(out + n, room - (size_t)n, " range %u %u", t->port_lo, t->port_hi);
}

/* A message of ICMP has a name or numbers of its own, which one range of "ports" on both sides stands for. */
static bool is_message(const struct cfg_ace *a)
{
    struct ip_prefix p;
    return a->local.proto == (a->local.family == IP_V4 ? 1 : 58) && a->local.port_lo == a->remote.port_lo &&
           a->local.port_hi == a->remote.port_hi && ts_to_prefix(&a->local, &p) &&
           ts_to_prefix(&a->remote, &p);
}

const char *cli_policy_ace(const struct cfg_ace *a, char out[2 * CLI_TEXT_MAX])
{
    static_assert(CFG_ACE_TEXT_MAX <= 2 * CLI_TEXT_MAX, "its text fits");
    if (is_message(a))
        return cfg_ace_text(a, out);
    char local[CLI_TEXT_MAX - 16], remote[CLI_TEXT_MAX - 16], number[8];
    side_text(&a->local, local, sizeof local);
    side_text(&a->remote, remote, sizeof remote);
    snprintf(number, sizeof number, "%u", a->local.proto);
    const char *proto = a->local.proto == 0 ? (a->local.family == IP_V4 ? "ip" : "ipv6")
                        : a->local.proto == (a->local.family == IP_V4 ? 1 : 58) ? "icmp"
                        : a->local.proto == 6                                   ? "tcp"
                        : a->local.proto == 17                                  ? "udp"
                        : a->local.proto == 47                                  ? "gre"
                        : a->local.proto == 50                                  ? "esp"
                                                                                : number;
    snprintf(out, 2 * CLI_TEXT_MAX, "%s %s %s %s", a->permit ? "permit" : "deny", proto, local, remote);
    return out;
}
