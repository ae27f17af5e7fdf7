#include "control/cli/cli_show_net.h"

#include "control/cli/cli_if.h"
#include "control/cli/cli_mtu.h"
#include "control/cli/cli_text.h"
#include "control/config/cfg.h"

#include <stdio.h>
#include <string.h>

enum { TOS_DSCP = 0xfc }; /* what `tunnel tos` says; ECN is the packet's */
enum { LIMITS_INDENT = 2, COUNTS_INDENT = 5 };

/* ---- interfaces --------------------------------------------------------------------------------------------------- */
struct if_view {
    const struct cfg_interface *cfg;
    uint32_t if_id;
    struct cli_if sum;
    const struct cv_port_stats *port; /* NULL: not a port, or the data plane is away */
    bool line_up;                     /* line protocol */
    unsigned transport_mtu;           /* of a tunnel that is up: what passes whole; 0 not known */
};

struct tunnel_seek {
    const char *name;
    bool up;
};

static void tunnel_seek(void *ctx, const struct ike_session_view *v)
{
    struct tunnel_seek *t = ctx;
    if (strcmp(v->interface, t->name) == 0)
        t->up = v->status == IKE_UP_ACTIVE || v->status == IKE_UP_IDLE || v->status == IKE_UP_NO_IKE;
}

static bool line_protocol(struct cli_call *c, const struct if_view *v)
{
    const struct cfg_interface *i = v->cfg;
    if (i->shutdown || !c->env->shm(c->env->ctx))
        return false;
    if (i->kind == CV_IF_PORT)
        return v->port && v->port->link_up;
    if (i->kind == CV_IF_LOOPBACK)
        return true;
    struct tunnel_seek t = {.name = i->name, .up = !i->protection_profile[0]};
    ike_each_session(c->env->ike(c->env->ctx), tunnel_seek, &t);
    return t.up;
}

static const char *mode_text(const struct cfg_interface *i)
{
    switch (i->tunnel_mode) {
    case CV_TUNNEL_IPSEC4:
        return "IPSEC/IP";
    case CV_TUNNEL_IPSEC6:
        return "IPSEC/IPV6";
    case CV_TUNNEL_GRE6:
        return "GRE/IPv6";
    default:
        return "GRE/IP";
    }
}

static bool is_gre(const struct cfg_interface *i)
{
    return i->kind == CV_IF_TUNNEL && (i->tunnel_mode == CV_TUNNEL_GRE || i->tunnel_mode == CV_TUNNEL_GRE6);
}

/* By the SA that sends, less what GRE puts before each packet; not above the `ip mtu` of the tunnel itself. */
static unsigned transport_mtu(struct cli_call *c, const struct cfg_interface *i)
{
    enum { GRE_HEADER = 4, GRE_KEY = 4 };
    struct cli_mtu m;
    const struct sam_child *k = sam_children_on(ike_sam(c->env->ike(c->env->ctx)), i->name);
    while (k && !k->active)
        k = k->next_of_tunnel;
    if (!k || !cli_mtu_of(c, k, &m))
        return 0;
    unsigned header = i->tunnel_mode == CV_TUNNEL_GRE6 ? 40 : 20;
    unsigned gre = is_gre(i) ? header + GRE_HEADER + (i->gre_keyed ? GRE_KEY : 0) : 0;
    unsigned fits = m.plaintext > gre ? m.plaintext - gre : 0;
    return i->ip_mtu && i->ip_mtu < fits ? i->ip_mtu : fits;
}

static void if_view(struct cli_call *c, const struct cfg_interface *i, struct if_view *v)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    memset(v, 0, sizeof *v);
    v->cfg = i;
    v->if_id = c->env->if_id(c->env->ctx, i->name);
    cli_if_sum(c, i->name, &v->sum);
    if (s && i->kind == CV_IF_PORT)
        v->port = cli_mtu_port(c, i->name);
    v->line_up = line_protocol(c, v);
    if (i->kind == CV_IF_TUNNEL)
        v->transport_mtu = transport_mtu(c, i);
}

static void mac_text(const uint8_t m[6], char out[20])
{
    snprintf(out, 20, "%02x%02x.%02x%02x.%02x%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void tunnel_json(struct cli_call *c, const struct if_view *v, json_t *o)
{
    const struct cfg_interface *i = v->cfg;
    char text[IP_TEXT_MAX];
    struct ip_addr src = {0};
    if (!cfg_tunnel_source(c->env->cfg(c->env->ctx), i, &src))
        src.family = IP_NONE;
    json_object_set_new(o, "tunnel_mode", json_string(mode_text(i)));
    json_object_set_new(o, "tunnel_source", json_string(ip_addr_text(&src, text)));
    json_object_set_new(o, "tunnel_destination", json_string(ip_addr_text(&i->tunnel_destination, text)));
    json_object_set_new(o, "protection_profile", json_string(i->protection_profile));
    json_object_set_new(o, "tunnel_vrf", json_string(i->tunnel_vrf));
    json_object_set_new(o, "tunnel_key", is_gre(i) && i->gre_keyed ? json_integer(i->gre_key) : json_null());
    json_object_set_new(o, "tunnel_transport_mtu",
                        v->transport_mtu ? json_integer(v->transport_mtu) : json_null());
    json_object_set_new(o, "tunnel_ttl", is_gre(i) ? json_integer(i->tunnel_ttl) : json_null());
    json_object_set_new(o, "tunnel_tos",
                        is_gre(i) && i->tunnel_tos_set ? json_integer(i->tunnel_tos & TOS_DSCP)
                                                       : json_null());
    cli_if_limits_json(i, o);
}

static json_t *if_json(struct cli_call *c, const struct if_view *v)
{
    static const char *const kinds[] = {"", "port", "loopback", "tunnel"};
    char text[IP_TEXT_MAX], mac[20];
    const struct cfg_interface *i = v->cfg;
    const struct cfg_mss mss = cfg_tcp_mss(i);
    json_t *addrs = json_array(), *o = json_object();
    for (unsigned k = 0; k < i->addr_count; k++)
        json_array_append_new(addrs,
                              json_sprintf("%s/%u", ip_addr_text(&i->addrs[k].addr, text), i->addrs[k].len));
    json_object_set_new(o, "name", json_string(i->name));
    json_object_set_new(o, "if_id", json_integer(v->if_id));
    json_object_set_new(o, "kind", json_string(kinds[i->kind]));
    json_object_set_new(o, "admin_up", json_boolean(!i->shutdown));
    json_object_set_new(o, "line_up", json_boolean(v->line_up));
    json_object_set_new(o, "description", json_string(i->description));
    json_object_set_new(o, "vrf", json_string(i->vrf));
    json_object_set_new(o, "addresses", addrs);
    json_object_set_new(o, "crypto_map", i->crypto_map[0] ? json_string(i->crypto_map) : json_null());
    json_object_set_new(o, "ipv6_crypto_map", i->crypto_map6[0] ? json_string(i->crypto_map6) : json_null());
    json_object_set_new(o, "tcp_adjust_mss", mss.four ? json_integer(mss.four) : json_null());
    json_object_set_new(o, "ipv6_tcp_adjust_mss", mss.six ? json_integer(mss.six) : json_null());
    cli_if_json(&v->sum, o);
    if (v->port) {
        mac_text(v->port->mac, mac);
        json_object_set_new(o, "mac", json_string(mac));
        json_object_set_new(o, "mtu", json_integer(v->port->mtu));
        json_object_set_new(o, "driver",
                            json_stringn(v->port->driver, strnlen(v->port->driver, CV_NAME_MAX)));
    }
    if (i->kind == CV_IF_TUNNEL)
        tunnel_json(c, v, o);
    return o;
}

static void text_tunnel(struct cli_call *c, const struct if_view *v)
{
    const struct cfg_interface *i = v->cfg;
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    struct ip_addr src = {0};
    if (!cfg_tunnel_source(c->env->cfg(c->env->ctx), i, &src))
        src.family = IP_NONE;
    cli_print(c, "  Tunnel source %s%s%s%s, destination %s\n", ip_addr_text(&src, a),
              i->tunnel_source_if[0] ? " (" : "", i->tunnel_source_if, i->tunnel_source_if[0] ? ")" : "",
              i->tunnel_destination_host[0] ? i->tunnel_destination_host
                                            : ip_addr_text(&i->tunnel_destination, b));
    cli_print(c, "  Tunnel protocol/transport %s\n", mode_text(i));
    if (is_gre(i)) {
        if (i->gre_keyed)
            cli_print(c, "    Key 0x%X, sequencing disabled\n", i->gre_key);
        else
            cli_print(c, "    Key disabled, sequencing disabled\n");
        cli_print(c, "    Checksumming of packets disabled\n  Tunnel TTL %u", i->tunnel_ttl);
        if (i->tunnel_tos_set)
            cli_print(c, ", TOS 0x%02X", i->tunnel_tos & TOS_DSCP);
        cli_print(c, "%s\n", i->tunnel_pmtud ? "\n  Path MTU Discovery" : "");
    }
    if (v->transport_mtu)
        cli_print(c, "  Tunnel transport MTU %u bytes\n", v->transport_mtu);
    if (i->tunnel_vrf[0])
        cli_print(c, "  Tunnel VRF %s\n", i->tunnel_vrf);
    if (i->protection_profile[0])
        cli_print(c, "  Tunnel protection via IPSec (profile \"%s\")\n", i->protection_profile);
}

static void text_counts(struct cli_call *c, const struct if_view *v)
{
    const struct cv_if_stats *n = &v->sum.stats;
    const bool can_lose = v->cfg->kind != CV_IF_LOOPBACK;
    cli_print(c, "     %llu packets input, %llu bytes\n", (unsigned long long)n->rx_packets,
              (unsigned long long)n->rx_bytes);
    if (can_lose)
        cli_if_drops(c, &v->sum, CV_DIR_IN, COUNTS_INDENT);
    cli_print(c, "     %llu packets output, %llu bytes\n", (unsigned long long)n->tx_packets,
              (unsigned long long)n->tx_bytes);
    if (can_lose)
        cli_if_drops(c, &v->sum, CV_DIR_OUT, COUNTS_INDENT);
}

static void text_if(struct cli_call *c, const struct if_view *v)
{
    const struct cfg_interface *i = v->cfg;
    const struct cfg_mss mss = cfg_tcp_mss(i);
    char text[IP_TEXT_MAX], mac[20];
    cli_print(c, "%s is %s, line protocol is %s\n", i->name, i->shutdown ? "administratively down" : "up",
              v->line_up ? "up" : "down");
    if (v->port) {
        mac_text(v->port->mac, mac);
        cli_print(c, "  Hardware is %.*s, address is %s\n", CV_NAME_MAX, v->port->driver, mac);
    } else {
        cli_print(c, "  Hardware is %s\n",
                  i->kind == CV_IF_TUNNEL     ? "Tunnel"
                  : i->kind == CV_IF_LOOPBACK ? "Loopback"
                                              : "not there");
    }
    if (i->description[0])
        cli_print(c, "  Description: %s\n", i->description);
    for (unsigned k = 0; k < i->addr_count; k++)
        cli_print(c, "  %s address is %s/%u%s\n", i->addrs[k].addr.family == IP_V4 ? "Internet" : "IPv6",
                  ip_addr_text(&i->addrs[k].addr, text), i->addrs[k].len,
                  i->addrs[k].secondary ? " secondary" : "");
    if (i->ip_mtu || v->port)
        cli_print(c, "  MTU %u bytes\n", i->ip_mtu ? i->ip_mtu : v->port->mtu);
    if (mss.four)
        cli_print(c, "  TCP MSS adjusted to %u, of IPv6 to %u\n", mss.four, mss.six);
    cli_if_limits(c, i, LIMITS_INDENT);
    if (i->crypto_map[0])
        cli_print(c, "  Crypto map %s\n", i->crypto_map);
    if (i->crypto_map6[0])
        cli_print(c, "  IPv6 crypto map %s\n", i->crypto_map6);
    if (i->kind == CV_IF_TUNNEL) {
        cli_print(c, "  Encapsulation TUNNEL\n");
        text_tunnel(c, v);
    }
    text_counts(c, v);
}

/* "show interfaces tunnel 1": the words are one name. False: given, but none. */
static bool name_take(struct cli_call *c, char out[CV_NAME_MAX])
{
    char joined[CV_NAME_MAX] = "";
    enum cv_if_kind kind;
    out[0] = '\0';
    if (c->cmd.arg_count == 0)
        return true;
    for (unsigned i = 0; i < c->cmd.arg_count; i++) {
        size_t n = strlen(joined);
        snprintf(joined + n, sizeof joined - n, "%s", c->cmd.args[i]);
    }
    return cfg_interface_name(joined, out, &kind);
}

int cli_show_interfaces(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    char name[CV_NAME_MAX];
    struct if_view v;
    unsigned shown = 0;
    if (!name_take(c, name)) {
        cli_error(c, "'%.60s' is no interface name; one is like Ethernet0/0 or Tunnel1", c->cmd.args[0]);
        return CLI_USAGE;
    }
    json_t *a = c->json ? json_array() : NULL;
    for (unsigned i = 0; i < cfg->interface_count; i++) {
        if (cfg->interfaces[i].kind == CV_IF_FLOW) /* a line of a crypto map: nobody wrote an interface */
            continue;
        if (name[0] && strcmp(name, cfg->interfaces[i].name) != 0)
            continue;
        shown++;
        if_view(c, &cfg->interfaces[i], &v);
        if (a)
            json_array_append_new(a, if_json(c, &v));
        else
            text_if(c, &v);
    }
    if (a)
        cli_json(c, json_pack("{s:o}", "interfaces", a));
    if (name[0] && !shown) {
        cli_error(c, "%s is not configured", name);
        return CLI_NOT_SO;
    }
    return CLI_OK;
}

/* ---- routes -------------------------------------------------------------------------------------------------------------- */
struct routes {
    struct cli_call *c;
    uint8_t family;
    const char *vrf;
    json_t *json;
};

static void route_line(const struct routes *r, char code, const struct ip_prefix *p,
                       const struct ip_addr *next_hop, const char *interface, unsigned distance)
{
    char prefix[IP_TEXT_MAX], hop[IP_TEXT_MAX];
    bool has_hop = next_hop && next_hop->family != IP_NONE;
    ip_prefix_text(p, prefix);
    if (r->json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:s}", "prefix", prefix, "kind",
                              code == 'S'   ? "static"
                              : code == 'L' ? "local"
                                            : "connected",
                              "interface", interface, "distance", (int)distance, "vrf", r->vrf);
        json_object_set_new(o, "next_hop", has_hop ? json_string(ip_addr_text(next_hop, hop)) : json_null());
        json_array_append_new(r->json, o);
        return;
    }
    cli_print(r->c, "%c%s     %s", code, p->len == 0 && code == 'S' ? "*" : " ", prefix);
    if (has_hop)
        cli_print(r->c, " [%u/0] via %s%s%s\n", distance, ip_addr_text(next_hop, hop),
                  interface[0] ? ", " : "", interface);
    else
        cli_print(r->c, " is directly connected, %s\n", interface);
}

static void routes_of_interfaces(const struct routes *r, const struct cfg *cfg)
{
    for (unsigned i = 0; i < cfg->interface_count; i++) {
        const struct cfg_interface *f = &cfg->interfaces[i];
        if (f->shutdown || strcmp(f->vrf, r->vrf) != 0)
            continue;
        for (unsigned k = 0; k < f->addr_count; k++) {
            const struct cfg_ifaddr *a = &f->addrs[k];
            unsigned bits = ip_addr_bits(&a->addr);
            struct ip_prefix p;
            if (a->addr.family != r->family)
                continue;
            if (a->len < bits && ip_prefix_make(&a->addr, a->len, &p))
                route_line(r, 'C', &p, NULL, f->name, 0);
            if (ip_prefix_make(&a->addr, bits, &p))
                route_line(r, 'L', &p, NULL, f->name, 0);
        }
    }
}

static bool route_used(const struct cfg *cfg, const struct cfg_route *r)
{
    for (unsigned i = 0; i < cfg->route_count; i++) {
        const struct cfg_route *o = &cfg->routes[i];
        if (o != r && strcmp(o->vrf, r->vrf) == 0 && ip_prefix_equal(&o->prefix, &r->prefix) &&
            (o->distance < r->distance || (o->distance == r->distance && o < r)))
            return false;
    }
    return true;
}

static int show_routes(struct cli_call *c, uint8_t family)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const char *vrf = cli_opt(&c->cmd, "vrf");
    struct routes r = {
        .c = c, .family = family, .vrf = vrf ? vrf : "", .json = c->json ? json_array() : NULL};
    if (!r.json)
        cli_print(c, "Codes: L - local, C - connected, S - static, * - candidate default\n\n");
    for (unsigned i = 0; i < cfg->route_count; i++) {
        const struct cfg_route *o = &cfg->routes[i];
        if (o->prefix.addr.family == family && strcmp(o->vrf, r.vrf) == 0 && route_used(cfg, o))
            route_line(&r, 'S', &o->prefix, &o->next_hop, o->interface, o->distance);
    }
    routes_of_interfaces(&r, cfg);
    if (r.json)
        cli_json(c, json_pack("{s:o}", "routes", r.json));
    return CLI_OK;
}

int cli_show_ip_route(struct cli_call *c)
{
    return show_routes(c, IP_V4);
}

int cli_show_ipv6_route(struct cli_call *c)
{
    return show_routes(c, IP_V6);
}
