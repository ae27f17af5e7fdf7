#include "control/config/cfg_cmds.h"

#include "control/config/cfg_ios.h"
#include "control/config/cfg_parser.h"

#include <limits.h>
#include <string.h>

static struct cfg_interface *cur(struct cfg_parser *p)
{
    return &p->c->interfaces[p->interface];
}

static void open_interface(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_IF, 0);
    unsigned i = 0;
    while (i < c->interface_count && strcmp(c->interfaces[i].name, a->name) != 0)
        i++;
    if (m->form != CFG_SET) {
        if (i < c->interface_count)
            cfg_remove(&c->interfaces, &c->interface_count, sizeof *c->interfaces, i);
        return;
    }
    p->interface = i;
    if (i < c->interface_count)
        return;
    p->interface = cfg_append(p, &c->interfaces, &c->interface_count, sizeof *c->interfaces);
    if (p->interface == UINT_MAX)
        return;
    memcpy(cur(p)->name, a->name, sizeof a->name);
    cur(p)->kind = a->kind;
    cur(p)->line = p->line;
    cur(p)->tunnel_mode = CV_TUNNEL_GRE; /* IOS's default: gre ip */
    cur(p)->tunnel_ttl = a->kind == CV_IF_TUNNEL ? 255 : 0;
}

static void set_description(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->description, sizeof cur(p)->description);
}

static void set_shutdown(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->shutdown = m->form == CFG_SET;
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */
static void remove_addr(struct cfg_interface *x, unsigned i)
{
    memmove(&x->addrs[i], &x->addrs[i + 1], (x->addr_count - i - 1) * sizeof x->addrs[0]);
    x->addr_count--;
    memset(&x->addrs[x->addr_count], 0, sizeof x->addrs[0]);
}

/* Address NULL: all of the family. */
static void remove_addrs(struct cfg_interface *x, uint8_t family, const struct ip_addr *a)
{
    for (unsigned i = x->addr_count; i-- > 0;)
        if (x->addrs[i].addr.family == family && (!a || ip_addr_equal(&x->addrs[i].addr, a)))
            remove_addr(x, i);
}

static bool usable_addr(struct cfg_parser *p, const struct cfg_arg *a, unsigned len)
{
    unsigned bits = ip_addr_bits(&a->addr);
    struct ip_prefix net;
    if (ip_addr_is_any(&a->addr) || ip_addr_is_multicast(&a->addr) || len == 0) {
        cfg_error(p, a->column, "give the interface a unicast address", "no address an interface can have");
        return false;
    }
    if (len + 1 >= bits || a->addr.family != IP_V4 || !ip_prefix_make(&a->addr, len, &net))
        return true;
    uint32_t host = 0;
    for (unsigned i = 0; i < 4; i++)
        host = host << 8 | a->addr.b[i];
    uint32_t low = host & (UINT32_MAX >> len);
    if (low != 0 && low != UINT32_MAX >> len)
        return true;
    cfg_error(p, a->column, "choose an address between the first and the last of its network",
              "the network's own or its broadcast address");
    return false;
}

static void add_addr(struct cfg_parser *p, const struct cfg_arg *a, struct cfg_ifaddr x)
{
    struct cfg_interface *ifc = cur(p);
    if (!usable_addr(p, a, x.len))
        return;
    remove_addrs(ifc, x.addr.family, &x.addr);
    /* A second primary IPv4 address replaces the first, as on IOS. */
    for (unsigned i = 0; i < ifc->addr_count && x.addr.family == IP_V4 && !x.secondary; i++)
        if (ifc->addrs[i].addr.family == IP_V4 && !ifc->addrs[i].secondary) {
            ifc->addrs[i] = x;
            return;
        }
    if (ifc->addr_count == sizeof ifc->addrs / sizeof ifc->addrs[0])
        cfg_error(p, a->column, "", "more than %zu addresses on one interface",
                  sizeof ifc->addrs / sizeof ifc->addrs[0]);
    else
        ifc->addrs[ifc->addr_count++] = x;
}

static void set_ip_address(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0), *mask = cfg_match_arg(m, CFG_ARG_MASK, 0);
    if (m->form != CFG_SET)
        remove_addrs(cur(p), IP_V4, a ? &a->addr : NULL);
    else
        add_addr(p, a,
                 (struct cfg_ifaddr){.addr = a->addr,
                                     .len = (uint8_t)mask->len,
                                     .secondary = cfg_match_has(m, "secondary"),
                                     .line = p->line});
}

static void set_ipv6_address(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_PREFIX, 0);
    if (m->form != CFG_SET) {
        remove_addrs(cur(p), IP_V6, a ? &a->addr : NULL);
        return;
    }
    if (a->addr.b[0] == 0xfe && (a->addr.b[1] & 0xc0) == 0x80)
        cfg_error(p, a->column, "as in: ipv6 address FE80::1 link-local",
                  "a link-local address has no prefix length");
    else
        add_addr(p, a, (struct cfg_ifaddr){.addr = a->addr, .len = (uint8_t)a->len, .line = p->line});
}

/* FE80::/10, one per interface. */
static void set_link_local(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0);
    if (m->form != CFG_SET)
        remove_addrs(cur(p), IP_V6, a ? &a->addr : NULL);
    else if (a->addr.b[0] != 0xfe || (a->addr.b[1] & 0xc0) != 0x80)
        cfg_error(p, a->column, "an address of FE80::/10", "no link-local address");
    else
        add_addr(p, a, (struct cfg_ifaddr){.addr = a->addr, .len = 64, .line = p->line});
}

static void set_ip_mtu(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    cur(p)->ip_mtu = m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_ipv6_mtu(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    cur(p)->ipv6_mtu = m->form == CFG_SET ? (unsigned)n->number : 0;
}

/* Of the device: taken when culvert-dp starts. */
static void set_mtu(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (cur(p)->kind != CV_IF_PORT && m->form == CFG_SET) {
        cfg_error(p, m->args[0].column, "as in: ip mtu 1400", "%s has no device whose MTU could be set",
                  cur(p)->name);
        return;
    }
    cur(p)->mtu = m->form == CFG_SET ? (unsigned)n->number : 0;
}

/* ---- what SAs of it do with long packets -------------------------------------------------------------------------- */
static void set_df(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    cur(p)->df_set = m->form == CFG_SET;
    cur(p)->df = !cur(p)->df_set || strcmp(a->name, "copy") == 0 ? CV_DF_COPY
                 : strcmp(a->name, "clear") == 0                 ? CV_DF_CLEAR
                                                                 : CV_DF_SET;
}

static void set_cut(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    cur(p)->cut = m->form != CFG_SET                         ? CFG_CUT_GLOBAL
                  : strcmp(a->name, "after-encryption") == 0 ? CFG_CUT_AFTER
                                                             : CFG_CUT_BEFORE;
}

/* Numbers stand in the order of their keywords. */
static unsigned next_number(const struct cfg_match *m, const char *keyword, unsigned *at)
{
    return cfg_match_has(m, keyword) ? (unsigned)cfg_match_arg(m, CFG_ARG_NUMBER, (*at)++)->number : 0;
}

static void set_reassembly(struct cfg_parser *p, const struct cfg_match *m)
{
    unsigned at = 0;
    struct cfg_reass r = {0};
    if (m->form == CFG_SET) {
        r.set = true;
        r.datagrams = next_number(m, "max-reassemblies", &at);
        r.fragments = next_number(m, "max-fragments", &at);
        r.timeout_s = next_number(m, "timeout", &at);
    }
    cur(p)->reass = r;
}

/* ---- tunnels --------------------------------------------------------------------------------------------------- */
static bool is_tunnel(struct cfg_parser *p, const struct cfg_match *m)
{
    if (cur(p)->kind == CV_IF_TUNNEL)
        return true;
    cfg_error(p, m->args[0].column, "put it under an interface Tunnel", "%s is no tunnel", cur(p)->name);
    return false;
}

static void set_tunnel_mode(struct cfg_parser *p, const struct cfg_match *m)
{
    if (!is_tunnel(p, m))
        return;
    bool v6 = cfg_match_has(m, "ipv6"), ipsec = cfg_match_has(m, "ipsec") && m->form == CFG_SET;
    bool gre6 = !ipsec && v6 && m->form == CFG_SET;
    cur(p)->tunnel_mode = gre6     ? CV_TUNNEL_GRE6
                          : !ipsec ? CV_TUNNEL_GRE
                          : v6     ? CV_TUNNEL_IPSEC6
                                   : CV_TUNNEL_IPSEC4;
}

static void set_tunnel_source(struct cfg_parser *p, const struct cfg_match *m)
{
    if (!is_tunnel(p, m))
        return;
    struct cfg_interface *x = cur(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0), *ifc = cfg_match_arg(m, CFG_ARG_IF, 0);
    memset(&x->tunnel_source, 0, sizeof x->tunnel_source);
    memset(x->tunnel_source_if, 0, sizeof x->tunnel_source_if);
    x->source_line = m->form == CFG_SET ? p->line : 0;
    if (m->form == CFG_SET && a)
        x->tunnel_source = a->addr;
    else if (m->form == CFG_SET)
        memcpy(x->tunnel_source_if, ifc->name, sizeof ifc->name);
}

static void set_tunnel_destination(struct cfg_parser *p, const struct cfg_match *m)
{
    if (!is_tunnel(p, m))
        return;
    struct cfg_interface *x = cur(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0);
    memset(&x->tunnel_destination, 0, sizeof x->tunnel_destination);
    memset(x->tunnel_destination_host, 0, sizeof x->tunnel_destination_host);
    x->destination_line = m->form == CFG_SET ? p->line : 0;
    if (m->form != CFG_SET)
        return;
    if (!a)
        cfg_take_text(p, m, x->tunnel_destination_host, sizeof x->tunnel_destination_host);
    else if (ip_addr_is_any(&a->addr) || ip_addr_is_multicast(&a->addr))
        cfg_error(p, a->column, "the peer's own address", "no address a peer can have");
    else
        x->tunnel_destination = a->addr;
}

static void set_tunnel_protection(struct cfg_parser *p, const struct cfg_match *m)
{
    if (!is_tunnel(p, m))
        return;
    struct cfg_interface *x = cur(p);
    cfg_take_text(p, m, x->protection_profile, sizeof x->protection_profile);
    x->protection_shared = m->form == CFG_SET && cfg_match_has(m, "shared");
    x->protection_line = m->form == CFG_SET ? p->line : 0;
}

static void set_tunnel_vrf(struct cfg_parser *p, const struct cfg_match *m)
{
    if (!is_tunnel(p, m))
        return;
    cfg_take_text(p, m, cur(p)->tunnel_vrf, sizeof cur(p)->tunnel_vrf);
    cur(p)->tunnel_vrf_line = m->form == CFG_SET ? p->line : 0;
}

static void set_tunnel_key(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (!is_tunnel(p, m))
        return;
    cur(p)->gre_keyed = m->form == CFG_SET;
    cur(p)->gre_key = m->form == CFG_SET ? (uint32_t)n->number : 0;
}

static void set_tunnel_ttl(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (is_tunnel(p, m))
        cur(p)->tunnel_ttl = m->form == CFG_SET ? (unsigned)n->number : 255;
}

static void set_tunnel_tos(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (!is_tunnel(p, m))
        return;
    cur(p)->tunnel_tos_set = m->form == CFG_SET;
    cur(p)->tunnel_tos = m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_tunnel_pmtud(struct cfg_parser *p, const struct cfg_match *m)
{
    if (is_tunnel(p, m))
        cur(p)->tunnel_pmtud = m->form == CFG_SET;
}

static void set_tcp_mss(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    *(cfg_match_has(m, "ipv6") ? &cur(p)->tcp_mss6 : &cur(p)->tcp_mss) =
        m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_rate_limit(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_interface *x = cur(p);
    if (p->ios && x->kind != CV_IF_TUNNEL)
        cfg_ios_skip(p, m->line); /* CAR of a port: of all that passes it */
    else if (m->form == CFG_SET && x->kind != CV_IF_TUNNEL)
        cfg_error(p, m->args[0].column, "put it under an interface Tunnel, or in an entry of a crypto map",
                  "%s is no tunnel: only these are limited", x->name);
    else
        cfg_rate_limit_take(p, m, x->rate_limit);
}

/* IOS: an interface that changes its VRF loses its addresses. */
static void set_vrf(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_interface *x = cur(p);
    char before[sizeof x->vrf];
    memcpy(before, x->vrf, sizeof before);
    cfg_take_text(p, m, x->vrf, sizeof x->vrf);
    x->vrf_line = m->form == CFG_SET ? p->line : 0;
    if (strcmp(before, x->vrf) == 0 || x->addr_count == 0)
        return;
    cfg_warn(p, m->args[0].column, "vrf", "put this line in front of the addresses",
             "%s changes its VRF and loses its addresses", x->name);
    memset(x->addrs, 0, sizeof x->addrs);
    x->addr_count = 0;
}

/* ---- crypto maps ------------------------------------------------------------------------------------------------- */
static void set_crypto_map(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_interface *x = cur(p);
    const bool ipv6 = cfg_match_has(m, "ipv6");
    if (x->kind != CV_IF_PORT && m->form == CFG_SET) {
        cfg_error(p, m->args[0].column,
                  x->kind == CV_IF_TUNNEL ? "use: tunnel protection ipsec profile NAME"
                                          : "put it under the interface that packets leave by",
                  "%s is no port that a crypto map can be applied to", x->name);
        return;
    }
    cfg_take_text(p, m, ipv6 ? x->crypto_map6 : x->crypto_map, sizeof x->crypto_map);
    *(ipv6 ? &x->crypto_map6_line : &x->crypto_map_line) = m->form == CFG_SET ? p->line : 0;
}

/* ---- routes ------------------------------------------------------------------------------------------------------ */
static bool same_route(const struct cfg_route *a, const struct cfg_route *b, bool any_next_hop)
{
    return ip_prefix_equal(&a->prefix, &b->prefix) && strcmp(a->vrf, b->vrf) == 0 &&
           (any_next_hop ||
            (ip_addr_equal(&a->next_hop, &b->next_hop) && strcmp(a->interface, b->interface) == 0));
}

static bool route_of(struct cfg_parser *p, const struct cfg_match *m, struct cfg_route *x)
{
    const struct cfg_arg *prefix = cfg_match_arg(m, CFG_ARG_PREFIX, 0);
    const struct cfg_arg *mask = cfg_match_arg(m, CFG_ARG_MASK, 0);
    const struct cfg_arg *net = prefix ? prefix : cfg_match_arg(m, CFG_ARG_ADDR, 0);
    const struct cfg_arg *hop = cfg_match_arg(m, CFG_ARG_ADDR, prefix ? 0 : 1);
    const struct cfg_arg *ifc = cfg_match_arg(m, CFG_ARG_IF, 0), *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    const struct cfg_arg *vrf = cfg_match_has(m, "vrf") ? cfg_match_arg(m, CFG_ARG_WORD, 0) : NULL;
    const struct cfg_arg *name = cfg_match_arg(m, CFG_ARG_WORD, vrf ? 1 : 0);
    *x = (struct cfg_route){
        .distance = n ? (unsigned)n->number : 1, .permanent = cfg_match_has(m, "permanent"), .line = p->line};
    if (!net || !ip_prefix_make(&net->addr, prefix ? prefix->len : mask ? mask->len : 32, &x->prefix))
        return false;
    if (m->form == CFG_SET && memcmp(&x->prefix.addr, &net->addr, sizeof net->addr) != 0) {
        char right[IP_TEXT_MAX];
        cfg_error(p, net->column, ip_prefix_text(&x->prefix, right),
                  "the prefix has bits set outside of its mask");
        return false;
    }
    if (hop)
        x->next_hop = hop->addr;
    if (ifc)
        memcpy(x->interface, ifc->name, sizeof ifc->name);
    if (name && !cfg_copy(p, x->name, sizeof x->name, name))
        return false;
    if (vrf && !cfg_copy(p, x->vrf, sizeof x->vrf, vrf))
        return false;
    if (hop && (ip_addr_is_any(&hop->addr) || ip_addr_is_multicast(&hop->addr))) {
        cfg_error(p, hop->column, "the address of the next router", "no address a next hop can have");
        return false;
    }
    return true;
}

static void set_route(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    struct cfg_route x;
    if (!route_of(p, m, &x))
        return;
    bool any = m->form != CFG_SET && x.next_hop.family == IP_NONE && !x.interface[0];
    for (unsigned i = c->route_count; i-- > 0;)
        if (same_route(&c->routes[i], &x, any))
            cfg_remove(&c->routes, &c->route_count, sizeof *c->routes, i);
    if (m->form != CFG_SET)
        return;
    unsigned i = cfg_append(p, &c->routes, &c->route_count, sizeof *c->routes);
    if (i != UINT_MAX)
        c->routes[i] = x;
}

static void set_unicast_routing(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->ipv6_unicast_routing = m->form == CFG_SET;
}

#define NO_LEAK  "name a next hop in the same VRF"
#define NO_TRACK "leave `track` out"
#define V4_TAIL  " [<1-255>] [name <WORD>] [permanent] [name <WORD>]"
#define V6_TAIL  " [<1-254>] [name <WORD>]"

static const struct cfg_cmd global_rows[] = {
    {"interface <IF>", open_interface, CFG_MODE_INTERFACE, NULL, false},
    {"ipv6 unicast-routing", set_unicast_routing, 0, NULL, false},
    {"ip route <A.B.C.D> <MASK> ~<A.B.C.D>" V4_TAIL, set_route, 0, NULL, false},
    {"ip route <A.B.C.D> <MASK> ~<IF>" V4_TAIL, set_route, 0, NULL, false},
    {"ip route <A.B.C.D> <MASK> ~<IF> <A.B.C.D>" V4_TAIL, set_route, 0, NULL, false},
    {"ip route <A.B.C.D> <MASK> <A.B.C.D> [<1-255>] track <LINE>", NULL, 0, NO_TRACK, false},
    {"ip route <A.B.C.D> <MASK> <IF> [<1-255>] track <LINE>", NULL, 0, NO_TRACK, false},
    {"ip route vrf <WORD> <A.B.C.D> <MASK> ~<A.B.C.D>" V4_TAIL, set_route, 0, NULL, false},
    {"ip route vrf <WORD> <A.B.C.D> <MASK> ~<IF>" V4_TAIL, set_route, 0, NULL, false},
    {"ip route vrf <WORD> <A.B.C.D> <MASK> ~<IF> <A.B.C.D>" V4_TAIL, set_route, 0, NULL, false},
    {"ip route vrf <WORD> <A.B.C.D> <MASK> <A.B.C.D> global", NULL, 0, NO_LEAK, false},
    {"ipv6 route <X:X::X/N> ~<X:X::X>" V6_TAIL, set_route, 0, NULL, false},
    {"ipv6 route <X:X::X/N> ~<IF>" V6_TAIL, set_route, 0, NULL, false},
    {"ipv6 route <X:X::X/N> ~<IF> <X:X::X>" V6_TAIL, set_route, 0, NULL, false},
    {"ipv6 route vrf <WORD> <X:X::X/N> ~<X:X::X>" V6_TAIL, set_route, 0, NULL, false},
    {"ipv6 route vrf <WORD> <X:X::X/N> ~<IF>" V6_TAIL, set_route, 0, NULL, false},
    {"ipv6 route vrf <WORD> <X:X::X/N> ~<IF> <X:X::X>" V6_TAIL, set_route, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_interface_global = CFG_ROWS(global_rows);

static const struct cfg_cmd interface_rows[] = {
    {"description <LINE>", set_description, 0, NULL, false},
    {"shutdown", set_shutdown, 0, NULL, false},
    {"ip address <A.B.C.D> <MASK> [secondary]", set_ip_address, 0, NULL, false},
    {"ip address dhcp", NULL, 0, "as in: ip address 192.0.2.1 255.255.255.0", false},
    {"ipv6 address <X:X::X/N>", set_ipv6_address, 0, NULL, false},
    {"ipv6 address <X:X::X/N> eui-64", NULL, 0, "write the whole address", false},
    {"ipv6 address <X:X::X> link-local", set_link_local, 0, NULL, false},
    {"ipv6 enable", NULL, 0, "ports have a link-local address anyway", true},
    {"mtu <68-9216>", set_mtu, 0, NULL, false},
    {"ip mtu <68-9216>", set_ip_mtu, 0, NULL, false},
    {"ipv6 mtu <1280-9216>", set_ipv6_mtu, 0, NULL, false},
    {"tunnel mode ~gre <ip|ipv6>", set_tunnel_mode, 0, NULL, false},
    {"tunnel mode ~ipsec <ipv4|ipv6>", set_tunnel_mode, 0, NULL, false},
    {"tunnel mode gre multipoint", NULL, 0, "use: tunnel mode ipsec ipv4", false},
    {"tunnel source <ADDR>", set_tunnel_source, 0, NULL, false},
    {"tunnel source <IF>", set_tunnel_source, 0, NULL, false},
    {"tunnel destination <ADDR>", set_tunnel_destination, 0, NULL, false},
    {"tunnel destination <HOST>", set_tunnel_destination, 0, NULL, false},
    {"tunnel protection ~ipsec profile <WORD> [shared]", set_tunnel_protection, 0, NULL, false},
    {"tunnel vrf <WORD>", set_tunnel_vrf, 0, NULL, false},
    {"vrf forwarding <WORD>", set_vrf, 0, NULL, false},
    {"ip vrf forwarding <WORD>", set_vrf, 0, NULL, false},
    {"crypto map <WORD>", set_crypto_map, 0, NULL, false},
    {"ipv6 crypto map <WORD>", set_crypto_map, 0, NULL, false},
    {"crypto ipsec df-bit <clear|copy|set>", set_df, 0, NULL, false},
    {"crypto ipsec fragmentation <before-encryption|after-encryption>", set_cut, 0, NULL, false},
    {"ip virtual-reassembly [in] [max-reassemblies <1-1024>] [max-fragments <2-32>] [timeout <1-60>]",
     set_reassembly, 0, NULL, false},
    {"ip virtual-reassembly out", NULL, 0, "leave it out: what passes through is not put together", true},
    {"ip virtual-reassembly drop-fragments", NULL, 0, "say: ip virtual-reassembly max-fragments 2", false},
    {"ip access-group <LINE>", NULL, 0, "leave it out: packets are not filtered", false},
    {"ipv6 traffic-filter <LINE>", NULL, 0, "leave it out: packets are not filtered", false},
    {"tunnel key <0-4294967295>", set_tunnel_key, 0, NULL, false},
    {"tunnel ttl <1-255>", set_tunnel_ttl, 0, NULL, false},
    {"tunnel tos <0-255>", set_tunnel_tos, 0, NULL, false},
    {"qos pre-classify", NULL, 0, "leave it out: no queue here looks at packets, and DSCP is copied outside",
     true},
    {"tunnel path-mtu-discovery", set_tunnel_pmtud, 0, NULL, false},
    {"tunnel path-mtu-discovery age-timer <LINE>", NULL, 0, "say: tunnel path-mtu-discovery", true},
    {"tunnel path-mtu-discovery min-mtu <LINE>", NULL, 0, "say: tunnel path-mtu-discovery", true},
    {"keepalive [<LINE>]", NULL, 0, "leave it out; dead peers are found by DPD", true},
    {"ip tcp adjust-mss <500-8960>", set_tcp_mss, 0, NULL, false},
    {"ipv6 tcp adjust-mss <480-8940>", set_tcp_mss, 0, NULL, false},
    {CFG_RATE_LIMIT, set_rate_limit, 0, NULL, false},
    {"duplex <LINE>", NULL, 0, "leave it out", true},
    {"speed <LINE>", NULL, 0, "leave it out", true},
    {"negotiation auto", NULL, 0, "leave it out", true},
};
const struct cfg_cmd_table cfg_cmds_interface = CFG_ROWS(interface_rows);
