#include "control/cli/cli_show_map.h"

#include "control/cli/cli_if.h"
#include "control/cli/cli_policy.h"
#include "control/cli/cli_take.h"
#include "control/cli/cli_text.h"
#include "control/sa/sam.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_INSTANCE = 65536 }; /* as IOS numbers what it makes itself: above every configured number */

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
    cli_print(c, "        %s access list %s\n", l && l->ipv6 ? "IPv6" : "Extended IP", e->acl);
    for (unsigned k = 0; l && k < l->ace_count; k++)
        cli_print(c, "            access-list %s %s\n", l->name, cli_policy_ace(&l->aces[k], text));
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
        if (cfg_map_applied(&cfg->interfaces[i], map))
            cli_print(c, "                %s\n", cfg->interfaces[i].name);
}

/* ---- what has come up through a dynamic entry ---- */
/* The next child at or after k that stands on the dynamic entry that e points to. */
static const struct sam_child *instance(struct cli_call *c, const struct sam_child *k,
                                        const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    for (; k; k = k->next) {
        const struct cfg_interface *t =
            k->state == SAM_RETIRING ? NULL : cfg_find_interface(cfg, k->interface);
        if (t && t->flow && t->flow->is_dynamic && t->flow->seq == e->seq &&
            strcmp(t->flow->map, m->name) == 0)
            return k;
    }
    return NULL;
}

static const struct sam_child *first_child(struct cli_call *c)
{
    return sam_children(ike_sam(c->env->ike(c->env->ctx)));
}

static unsigned dynamic_seq(struct cli_call *c, const struct sam_child *k)
{
    return cfg_find_interface(c->env->cfg(c->env->ctx), k->interface)->flow->dynamic_seq;
}

static void instance_text(struct cli_call *c, const struct cfg_crypto_map *m, const struct cfg_map_entry *e,
                          const struct sam_child *k, unsigned number)
{
    char a[IP_TEXT_MAX], text[2 * CLI_TEXT_MAX];
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const struct cfg_crypto_map *d = cfg_find_map(cfg, e->dynamic, true);
    const unsigned seq = dynamic_seq(c, k);
    ip_addr_text(&k->remote.addr, a);
    cli_print(c,
              "Crypto Map IPv4 \"%s\" %u ipsec-isakmp\n        Peer = %s\n        Extended IP access list\n",
              m->name, number, a);
    for (unsigned i = 0; i < k->ts_count; i++) {
        const struct cfg_ace ace = {.permit = true, .local = k->ts_local[i], .remote = k->ts_remote[i]};
        cli_print(c, "            access-list %s\n", cli_policy_ace(&ace, text));
    }
    cli_print(c, "            dynamic (created from dynamic map %s/%u)\n        Current peer: %s\n",
              e->dynamic, seq, a);
    for (unsigned i = 0; d && i < d->entry_count; i++)
        if (d->entries[i].seq == seq)
            cli_policy_text(c, &d->entries[i].ipsec);
    cli_print(c, "\n");
}

static json_t *instances_json(struct cli_call *c, const struct cfg_crypto_map *m,
                              const struct cfg_map_entry *e)
{
    json_t *all = json_array();
    char a[IP_TEXT_MAX], local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
    const struct sam_child *k = e->dynamic[0] ? instance(c, first_child(c), m, e) : NULL;
    for (; k; k = instance(c, k->next, m, e))
        json_array_append_new(all, json_pack("{s:s, s:i, s:s, s:s}", "peer", ip_addr_text(&k->remote.addr, a),
                                             "dynamic_sequence", (int)dynamic_seq(c, k), "local_ident",
                                             ts_text(&k->ts_local[0], local), "remote_ident",
                                             ts_text(&k->ts_remote[0], remote)));
    return all;
}

/* ---- what the lines have carried ---- */
/* Flow number *at or after it that stands for a line of e on a port; *at is behind it then. NULL: no more. */
static const struct cfg_interface *next_flow(const struct cfg *cfg, const struct cfg_crypto_map *m,
                                             const struct cfg_map_entry *e, unsigned *at)
{
    while (!m->dynamic && *at < cfg->interface_count) {
        const struct cfg_interface *i = &cfg->interfaces[(*at)++];
        if (i->flow && i->flow->seq == e->seq && strcmp(i->flow->map, m->name) == 0)
            return i;
    }
    return NULL;
}

enum { DETAIL_INDENT = 12 };

/* By line and not by SA: these do not begin anew with each rekey. */
static void flows_text(struct cli_call *c, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const struct cfg_interface *i;
    struct cli_if n;
    for (unsigned at = 0; (i = next_flow(cfg, m, e, &at)) != NULL;) {
        cli_if_sum(c, i->name, &n);
        cli_print(c,
                  "        Flow %s on %s: %llu packets input, %llu bytes, %llu packets output, %llu bytes\n",
                  i->name, i->flow->port, (unsigned long long)n.stats.rx_packets,
                  (unsigned long long)n.stats.rx_bytes, (unsigned long long)n.stats.tx_packets,
                  (unsigned long long)n.stats.tx_bytes);
        cli_if_limits(c, i, DETAIL_INDENT);
        cli_if_drops(c, &n, CV_DIR_IN, DETAIL_INDENT);
        cli_if_drops(c, &n, CV_DIR_OUT, DETAIL_INDENT);
    }
}

static json_t *flows_json(struct cli_call *c, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const struct cfg_interface *i;
    struct cli_if n;
    json_t *all = json_array();
    for (unsigned at = 0; (i = next_flow(cfg, m, e, &at)) != NULL;) {
        json_t *o = json_pack("{s:s, s:s, s:i}", "interface", i->name, "port", i->flow->port, "line",
                              (int)i->flow->ace);
        cli_if_sum(c, i->name, &n);
        cli_if_json(&n, o);
        cli_if_limits_json(i, o);
        json_array_append_new(all, o);
    }
    return all;
}

/* ---- entries ---- */
static void static_text(struct cli_call *c, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    char a[IP_TEXT_MAX];
    struct ip_addr current = current_peer(c, m->name, e->seq);
    if (incomplete(m, e))
        cli_print(c, "        WARNING: This crypto map is in an incomplete state!\n"
                     "                (missing peer or access-list definitions)\n");
    for (unsigned i = 0; i < e->peer_count; i++)
        cli_print(c, "        Peer = %s%s\n",
                  e->peers[i].host[0] ? e->peers[i].host : ip_addr_text(&e->peers[i].addr, a),
                  e->peers[i].is_default ? " (default)" : "");
    if (!e->ipsec.isakmp_profile[0] && m->isakmp_profile[0])
        cli_print(c, "        ISAKMP Profile: %s\n", m->isakmp_profile);
    cli_policy_binding(c, &e->ipsec);
    entry_acl_text(c, e);
    if (current.family != IP_NONE && e->peer_count > 0)
        cli_print(c, "        Current peer: %s\n", ip_addr_text(&current, a));
    cli_policy_text(c, &e->ipsec);
    if (e->reverse_route)
        cli_print(c, "        Reverse Route Injection Enabled\n");
}

static void map_text(struct cli_call *c, const struct cfg_crypto_map *m)
{
    unsigned number = FIRST_INSTANCE;
    for (unsigned i = 0; i < m->entry_count; i++) {
        const struct cfg_map_entry *e = &m->entries[i];
        if (m->dynamic)
            cli_print(c, "Crypto Map Template \"%s\" %u\n", m->name, e->seq);
        else
            cli_print(c, "Crypto Map IPv%u \"%s\" %u ipsec-isakmp\n", m->ipv6 ? 6u : 4u, m->name, e->seq);
        if (e->dynamic[0])
            cli_print(c, "        Dynamic map template tag: %s\n", e->dynamic);
        else
            static_text(c, m, e);
        flows_text(c, m, e);
        cli_print(c, "\n");
        const struct sam_child *k = e->dynamic[0] ? instance(c, first_child(c), m, e) : NULL;
        for (; k; k = instance(c, k->next, m, e))
            instance_text(c, m, e, k, number++);
    }
    if (m->dynamic)
        return;
    interfaces_text(c, m->name);
    cli_print(c, "\n");
}

/* What stands in the entries of the dynamic map, not here. */
static void no_policy_json(json_t *o)
{
    static const char *const keys[] = {"isakmp_profile", "ikev2_profile",    "lifetime_s",
                                       "lifetime_kb",    "lifetime_packets", "replay_window",
                                       "pfs_group",      "responder_only",   "transform_sets"};
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        json_object_set_new(o, keys[i], json_null());
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
        if (!m->dynamic && cfg_map_applied(&cfg->interfaces[i], m->name))
            json_array_append_new(used, json_string(cfg->interfaces[i].name));
    json_t *o = json_pack("{s:s, s:i, s:b, s:b, s:b, s:o, s:o}", "map", m->name, "sequence", (int)e->seq,
                          "ipv6", m->ipv6, "dynamic", m->dynamic, "incomplete", incomplete(m, e), "peers",
                          peers, "interfaces", used);
    json_object_set_new(o, "dynamic_map", e->dynamic[0] ? json_string(e->dynamic) : json_null());
    json_object_set_new(o, "access_list", e->acl[0] ? json_string(e->acl) : json_null());
    json_object_set_new(o, "current_peer",
                        current.family != IP_NONE && e->peer_count > 0
                            ? json_string(ip_addr_text(&current, a))
                            : json_null());
    json_object_set_new(o, "instances", instances_json(c, m, e));
    json_object_set_new(o, "flows", flows_json(c, m, e));
    if (e->dynamic[0]) {
        no_policy_json(o);
        return o;
    }
    cli_policy_json(c, &e->ipsec, o);
    if (!e->ipsec.isakmp_profile[0] && m->isakmp_profile[0])
        json_object_set_new(o, "isakmp_profile", json_string(m->isakmp_profile));
    return o;
}

/* ---- tunnels: each a map of its own, "Tunnel1-head-0" ---- */
static bool is_ipv6(const struct cfg_interface *t)
{
    return t->tunnel_mode == CV_TUNNEL_IPSEC6 || t->tunnel_mode == CV_TUNNEL_GRE6;
}

static void tunnel_text(struct cli_call *c, const struct cfg_interface *t)
{
    char a[IP_TEXT_MAX], text[2 * CLI_TEXT_MAX];
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(cfg, t->protection_profile);
    const bool far = t->tunnel_destination.family != IP_NONE;
    struct cfg_ace ace = {.permit = true};
    cli_print(c, "Crypto Map IPv%u \"%s-head-0\" %d ipsec-isakmp\n        Profile name: %s\n",
              is_ipv6(t) ? 6u : 4u, t->name, FIRST_INSTANCE, t->protection_profile);
    if (far)
        cli_print(c, "        Map is a PROFILE INSTANCE.\n        Peer = %s\n",
                  ip_addr_text(&t->tunnel_destination, a));
    if (p)
        cli_policy_binding(c, p);
    if (cfg_selectors(cfg, t, &ace.local, &ace.remote))
        cli_print(c, "        Extended IP access list\n            access-list %s\n",
                  cli_policy_ace(&ace, text));
    if (far)
        cli_print(c, "        Current peer: %s\n", a);
    if (p)
        cli_policy_text(c, p);
    cli_print(c, "        Interfaces using crypto map %s-head-0:\n                %s\n\n", t->name, t->name);
}

static json_t *tunnel_json(struct cli_call *c, const struct cfg_interface *t)
{
    char a[IP_TEXT_MAX];
    const struct cfg_ipsec_profile *p =
        cfg_find_ipsec_profile(c->env->cfg(c->env->ctx), t->protection_profile);
    json_t *o = json_pack("{s:o, s:i, s:b, s:b, s:b, s:[], s:[s], s:n, s:n, s:n, s:s}", "map",
                          json_sprintf("%s-head-0", t->name), "sequence", 65536, "ipv6", is_ipv6(t),
                          "dynamic", 0, "incomplete", 0, "peers", "interfaces", t->name, "dynamic_map",
                          "access_list", "current_peer", "ipsec_profile", t->protection_profile);
    json_object_set_new(o, "instances", json_array());
    json_object_set_new(o, "flows", json_array());
    if (t->tunnel_destination.family != IP_NONE)
        json_array_append_new(json_object_get(o, "peers"),
                              json_string(ip_addr_text(&t->tunnel_destination, a)));
    if (p)
        cli_policy_json(c, p, o);
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
    return !f->interface[0] || (i && cfg_map_applied(i, m->name) && !m->dynamic);
}

static bool tunnel_wanted(const struct map_filter *f, const struct cfg_interface *t)
{
    char tag[CV_NAME_MAX + 8];
    snprintf(tag, sizeof tag, "%s-head-0", t->name);
    return t->kind == CV_IF_TUNNEL && t->protection_profile[0] && (!f->tag || strcmp(f->tag, tag) == 0) &&
           (!f->interface[0] || strcmp(f->interface, t->name) == 0);
}

/* all: NULL for text. How many maps were shown. */
static unsigned show(struct cli_call *c, const struct map_filter *f, json_t *all)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->map_count; i++) {
        const struct cfg_crypto_map *m = &cfg->maps[i];
        if (!map_wanted(cfg, f, m))
            continue;
        shown++;
        for (unsigned k = 0; all && k < m->entry_count; k++)
            json_array_append_new(all, entry_json(c, m, &m->entries[k]));
        if (!all)
            map_text(c, m);
    }
    for (unsigned i = 0; i < cfg->interface_count; i++) {
        if (!tunnel_wanted(f, &cfg->interfaces[i]))
            continue;
        shown++;
        if (all)
            json_array_append_new(all, tunnel_json(c, &cfg->interfaces[i]));
        else
            tunnel_text(c, &cfg->interfaces[i]);
    }
    return shown;
}

int cli_show_map(struct cli_call *c)
{
    struct map_filter f = {.tag = cli_opt(&c->cmd, "tag")};
    if (!cli_take_interface(c, f.interface))
        return CLI_USAGE;
    json_t *all = c->json ? json_array() : NULL;
    unsigned shown = show(c, &f, all);
    if (all)
        cli_json(c, json_pack("{s:o}", "maps", all));
    if (shown > 0 || (!f.tag && !f.interface[0]))
        return CLI_OK;
    if (f.tag)
        cli_error(c, "crypto map %.60s is not configured%s%s", f.tag, f.interface[0] ? " on " : "",
                  f.interface);
    else
        cli_error(c, "%s has no crypto map and no tunnel protection", f.interface);
    return CLI_NOT_SO;
}
