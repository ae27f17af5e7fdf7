#include "control/cli/cli_show_conf.h"

#include "control/cli/cli_alg.h"
#include "control/cli/cli_text.h"

#include <stdio.h>
#include <string.h>

static bool wanted(const struct cli_call *c, const char *name)
{
    return c->cmd.arg_count == 0 || strcmp(c->cmd.args[0], name) == 0;
}

static int ended(struct cli_call *c, json_t *all, const char *key, const char *what, unsigned shown)
{
    if (all)
        cli_json(c, json_pack("{s:o}", key, all));
    if (c->cmd.arg_count == 0 || shown > 0)
        return CLI_OK;
    cli_error(c, "%s %.60s is not configured", what, c->cmd.args[0]);
    return CLI_NOT_SO;
}

/* ---- transform sets ------------------------------------------------------------------------------------------------ */
int cli_show_transform_set(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    char text[CLI_TEXT_MAX];
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->transform_set_count; i++) {
        const struct cfg_transform_set *s = &cfg->transform_sets[i];
        if (!wanted(c, s->name))
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
    return ended(c, all, "transform_sets", "transform set", shown);
}

/* ---- IPsec profiles and what crypto map entries have of them ------------------------------------------------------------- */
static const char *set_name(const struct cfg_ipsec_profile *p, unsigned i)
{
    return p->transform_set_count ? p->transform_sets[i] : "default";
}

static unsigned set_count(const struct cfg_ipsec_profile *p)
{
    return p->transform_set_count ? p->transform_set_count : 1;
}

static void body_text(struct cli_call *c, const struct cfg_ipsec_profile *p)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    struct cfg_sa_params sa = cfg_sa_params_effective(cfg, p);
    char text[CLI_TEXT_MAX];
    if (sa.lifetime_kb_disable)
        cli_print(c, "        Security association lifetime: volume disabled/%u seconds\n", sa.lifetime_s);
    else
        cli_print(c, "        Security association lifetime: %llu kilobytes/%u seconds\n",
                  (unsigned long long)sa.lifetime_kb, sa.lifetime_s);
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

static void body_json(struct cli_call *c, const struct cfg_ipsec_profile *p, json_t *o)
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
    json_object_set_new(o, "replay_window",
                        json_integer(sa.replay_disable ? 0 : (json_int_t)sa.replay_window));
    json_object_set_new(o, "pfs_group", p->pfs ? json_integer(p->pfs_group) : json_null());
    json_object_set_new(o, "responder_only", json_boolean(p->responder_only));
    json_object_set_new(o, "transform_sets", sets);
}

static void profiles_text(struct cli_call *c, const struct cfg_ipsec_profile *p)
{
    if (p->isakmp_profile[0])
        cli_print(c, "        ISAKMP Profile: %s\n", p->isakmp_profile);
    if (p->ikev2_profile[0])
        cli_print(c, "        IKEv2 Profile: %s\n", p->ikev2_profile);
}

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
        if (!wanted(c, p->name) || !written(cfg, p))
            continue;
        shown++;
        if (all) {
            json_t *o = json_pack("{s:s, s:b}", "name", p->name, "builtin", p->builtin);
            body_json(c, p, o);
            json_array_append_new(all, o);
            continue;
        }
        cli_print(c, "IPSEC profile %s\n", p->name);
        profiles_text(c, p);
        body_text(c, p);
        cli_print(c, "\n");
    }
    return ended(c, all, "profiles", "IPsec profile", shown);
}

/* ---- access lists -------------------------------------------------------------------------------------------------------- */
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

static const char *ace_text(const struct cfg_ace *a, char out[2 * CLI_TEXT_MAX])
{
    char local[CLI_TEXT_MAX - 16], remote[CLI_TEXT_MAX - 16], number[8];
    side_text(&a->local, local, sizeof local);
    side_text(&a->remote, remote, sizeof remote);
    snprintf(number, sizeof number, "%u", a->local.proto);
    const char *proto = a->local.proto == 0    ? (a->local.family == IP_V4 ? "ip" : "ipv6")
                        : a->local.proto == 1  ? "icmp"
                        : a->local.proto == 6  ? "tcp"
                        : a->local.proto == 17 ? "udp"
                        : a->local.proto == 47 ? "gre"
                        : a->local.proto == 50 ? "esp"
                                               : number;
    snprintf(out, 2 * CLI_TEXT_MAX, "%s %s %s %s", a->permit ? "permit" : "deny", proto, local, remote);
    return out;
}

int cli_show_acl(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    char text[2 * CLI_TEXT_MAX];
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->acl_count; i++) {
        const struct cfg_acl *l = &cfg->acls[i];
        json_t *lines = all ? json_array() : NULL;
        if (!wanted(c, l->name)) {
            json_decref(lines);
            continue;
        }
        shown++;
        if (!all)
            cli_print(c, "Extended IP access list %s\n", l->name);
        for (unsigned k = 0; k < l->ace_count; k++) {
            ace_text(&l->aces[k], text);
            if (lines)
                json_array_append_new(lines, json_pack("{s:i, s:b, s:s}", "sequence", (int)l->aces[k].seq,
                                                       "permit", l->aces[k].permit, "text", text));
            else
                cli_print(c, "    %u %s\n", l->aces[k].seq, text);
        }
        if (all)
            json_array_append_new(all, json_pack("{s:s, s:o}", "name", l->name, "lines", lines));
    }
    return ended(c, all, "access_lists", "access list", shown);
}

/* ---- crypto maps ------------------------------------------------------------------------------------------------------------ */
struct seek {
    const char *map;
    unsigned seq;
    const struct cfg *cfg;
    struct ip_addr peer;
};

static void on_session(void *ctx, const struct ike_session_view *v)
{
    struct seek *s = ctx;
    const struct cfg_interface *t = cfg_find_interface(s->cfg, v->interface);
    if (t && t->flow && strcmp(t->flow->map, s->map) == 0 && t->flow->seq == s->seq &&
        v->peer.addr.family != IP_NONE)
        s->peer = v->peer.addr;
}

/* The one whose turn it is. */
static struct ip_addr current_peer(struct cli_call *c, const char *map, unsigned seq)
{
    struct seek s = {.map = map, .seq = seq, .cfg = c->env->cfg(c->env->ctx)};
    ike_each_session(c->env->ike(c->env->ctx), on_session, &s);
    return s.peer;
}

static void entry_acl_text(struct cli_call *c, const struct cfg_map_entry *e)
{
    const struct cfg_acl *l = cfg_find_acl(c->env->cfg(c->env->ctx), e->acl);
    char text[2 * CLI_TEXT_MAX];
    if (!e->acl[0])
        return;
    cli_print(c, "        Extended IP access list %s\n", e->acl);
    for (unsigned k = 0; l && k < l->ace_count; k++)
        cli_print(c, "            access-list %s %s\n", l->name, ace_text(&l->aces[k], text));
}

static bool incomplete(const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    return !m->dynamic && !e->dynamic[0] && (e->peer_count == 0 || !e->acl[0]);
}

static void interfaces_text(struct cli_call *c, const char *map)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    cli_print(c, "        Interfaces using crypto map %s:\n", map);
    for (unsigned i = 0; i < cfg->interface_count; i++)
        if (strcmp(cfg->interfaces[i].crypto_map, map) == 0)
            cli_print(c, "                %s\n", cfg->interfaces[i].name);
}

static void entry_text(struct cli_call *c, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    char a[IP_TEXT_MAX];
    struct ip_addr current = current_peer(c, m->name, e->seq);
    if (m->dynamic)
        cli_print(c, "Crypto Map Template \"%s\" %u\n", m->name, e->seq);
    else
        cli_print(c, "Crypto Map IPv%u \"%s\" %u ipsec-isakmp\n", m->ipv6 ? 6u : 4u, m->name, e->seq);
    if (e->dynamic[0]) {
        cli_print(c, "        Dynamic map template tag: %s\n", e->dynamic);
        interfaces_text(c, m->name);
        cli_print(c, "\n");
        return;
    }
    if (incomplete(m, e))
        cli_print(c, "        WARNING: This crypto map is in an incomplete state!\n"
                     "                (missing peer or access-list definitions)\n");
    for (unsigned i = 0; i < e->peer_count; i++)
        cli_print(c, "        Peer = %s%s\n",
                  e->peers[i].host[0] ? e->peers[i].host : ip_addr_text(&e->peers[i].addr, a),
                  e->peers[i].is_default ? " (default)" : "");
    if (!e->ipsec.isakmp_profile[0] && m->isakmp_profile[0])
        cli_print(c, "        ISAKMP Profile: %s\n", m->isakmp_profile);
    profiles_text(c, &e->ipsec);
    entry_acl_text(c, e);
    if (current.family != IP_NONE && e->peer_count > 0)
        cli_print(c, "        Current peer: %s\n", ip_addr_text(&current, a));
    body_text(c, &e->ipsec);
    if (e->reverse_route)
        cli_print(c, "        Reverse Route Injection Enabled\n");
    interfaces_text(c, m->name);
    cli_print(c, "\n");
}

static json_t *entry_json(struct cli_call *c, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    char a[IP_TEXT_MAX];
    struct ip_addr current = current_peer(c, m->name, e->seq);
    json_t *peers = json_array(), *used = json_array();
    for (unsigned i = 0; i < e->peer_count; i++)
        json_array_append_new(
            peers, json_string(e->peers[i].host[0] ? e->peers[i].host : ip_addr_text(&e->peers[i].addr, a)));
    for (unsigned i = 0; i < cfg->interface_count; i++)
        if (strcmp(cfg->interfaces[i].crypto_map, m->name) == 0)
            json_array_append_new(used, json_string(cfg->interfaces[i].name));
    json_t *o =
        json_pack("{s:s, s:i, s:b, s:b, s:o, s:o}", "map", m->name, "sequence", (int)e->seq, "dynamic",
                  m->dynamic, "incomplete", incomplete(m, e), "peers", peers, "interfaces", used);
    json_object_set_new(o, "dynamic_map", e->dynamic[0] ? json_string(e->dynamic) : json_null());
    json_object_set_new(o, "access_list", e->acl[0] ? json_string(e->acl) : json_null());
    json_object_set_new(o, "current_peer",
                        current.family != IP_NONE && e->peer_count > 0
                            ? json_string(ip_addr_text(&current, a))
                            : json_null());
    body_json(c, &e->ipsec, o);
    if (!e->ipsec.isakmp_profile[0] && m->isakmp_profile[0])
        json_object_set_new(o, "isakmp_profile", json_string(m->isakmp_profile));
    return o;
}

/* A tunnel's protection is a map of its own, as on IOS: "Tunnel1-head-0". */
static void tunnel_text(struct cli_call *c, const struct cfg_interface *t)
{
    char a[IP_TEXT_MAX];
    const struct cfg_ipsec_profile *p =
        cfg_find_ipsec_profile(c->env->cfg(c->env->ctx), t->protection_profile);
    cli_print(c, "Crypto Map IPv4 \"%s-head-0\" 65536 ipsec-isakmp\n        Profile name: %s\n", t->name,
              t->protection_profile);
    if (t->tunnel_destination.family != IP_NONE)
        cli_print(c, "        Map is a PROFILE INSTANCE.\n        Peer = %s\n",
                  ip_addr_text(&t->tunnel_destination, a));
    if (p) {
        profiles_text(c, p);
        body_text(c, p);
    }
    cli_print(c, "        Interfaces using crypto map %s-head-0:\n                %s\n\n", t->name, t->name);
}

static json_t *tunnel_json(struct cli_call *c, const struct cfg_interface *t)
{
    char a[IP_TEXT_MAX];
    const struct cfg_ipsec_profile *p =
        cfg_find_ipsec_profile(c->env->cfg(c->env->ctx), t->protection_profile);
    json_t *o = json_pack("{s:o, s:i, s:b, s:b, s:[], s:[s], s:n, s:n, s:n, s:s}", "map",
                          json_sprintf("%s-head-0", t->name), "sequence", 65536, "dynamic", 0, "incomplete",
                          0, "peers", "interfaces", t->name, "dynamic_map", "access_list", "current_peer",
                          "ipsec_profile", t->protection_profile);
    if (t->tunnel_destination.family != IP_NONE)
        json_array_append_new(json_object_get(o, "peers"),
                              json_string(ip_addr_text(&t->tunnel_destination, a)));
    if (p)
        body_json(c, p, o);
    return o;
}

struct map_filter {
    char interface[CV_NAME_MAX];
    const char *tag;
};

static bool map_wanted(const struct cfg *cfg, const struct map_filter *f, const struct cfg_crypto_map *m)
{
    if (f->tag && strcmp(f->tag, m->name) != 0)
        return false;
    const struct cfg_interface *i = f->interface[0] ? cfg_find_interface(cfg, f->interface) : NULL;
    return !f->interface[0] || (i && strcmp(i->crypto_map, m->name) == 0 && !m->dynamic);
}

static bool tunnel_wanted(const struct map_filter *f, const struct cfg_interface *t)
{
    char tag[CV_NAME_MAX + 8];
    snprintf(tag, sizeof tag, "%s-head-0", t->name);
    return t->kind == CV_IF_TUNNEL && t->protection_profile[0] && (!f->tag || strcmp(f->tag, tag) == 0) &&
           (!f->interface[0] || strcmp(f->interface, t->name) == 0);
}

int cli_show_map(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    struct map_filter f = {.tag = cli_opt(&c->cmd, "tag")};
    const char *interface = cli_opt(&c->cmd, "interface");
    enum cv_if_kind kind;
    if (interface && !cfg_interface_name(interface, f.interface, &kind)) {
        cli_error(c, "interface wants an interface name, not '%.60s'", interface);
        return CLI_USAGE;
    }
    json_t *all = c->json ? json_array() : NULL;
    for (unsigned i = 0; i < cfg->map_count; i++) {
        const struct cfg_crypto_map *m = &cfg->maps[i];
        for (unsigned k = 0; map_wanted(cfg, &f, m) && k < m->entry_count; k++) {
            if (all)
                json_array_append_new(all, entry_json(c, m, &m->entries[k]));
            else
                entry_text(c, m, &m->entries[k]);
        }
    }
    for (unsigned i = 0; i < cfg->interface_count; i++) {
        if (!tunnel_wanted(&f, &cfg->interfaces[i]))
            continue;
        if (all)
            json_array_append_new(all, tunnel_json(c, &cfg->interfaces[i]));
        else
            tunnel_text(c, &cfg->interfaces[i]);
    }
    if (all)
        cli_json(c, json_pack("{s:o}", "maps", all));
    return CLI_OK;
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
        if (!wanted(c, cfg->vrfs[i].name))
            continue;
        shown++;
        if (all)
            json_array_append_new(all, vrf_json(c, &cfg->vrfs[i]));
        else
            vrf_text(c, &cfg->vrfs[i]);
    }
    return ended(c, all, "vrfs", "VRF", shown);
}
