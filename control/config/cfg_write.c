#include "control/config/cfg_write.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void cfg_put(struct cfg_writer *w, const char *fmt, ...)
{
    size_t used = w->at < w->room ? w->at : w->room;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(w->out ? w->out + used : NULL, w->room - used, fmt, ap);
    va_end(ap);
    w->at += n > 0 ? (size_t)n : 0;
}

void cfg_put_name(struct cfg_writer *w, const char *before, const char *name)
{
    bool quote = name[0] == '!' || name[0] == '\0' || strpbrk(name, " \t");
    cfg_put(w, "%s%s%s%s", before, quote ? "\"" : "", name, quote ? "\"" : "");
}

void cfg_put_word(struct cfg_writer *w, const char *before, const char *word, const char *after)
{
    cfg_put_name(w, before, word);
    cfg_put(w, "%s\n", after);
}

/* A key that reads like one of the words that may stand in its place is marked with a 0. */
static bool like_keyword(const char *p, size_t n)
{
    static const char *const words[] = {"local", "remote", "hex", "0", "6", "key"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (n <= strlen(words[i]) && strncasecmp(words[i], p, n) == 0)
            return true;
    return false;
}

void cfg_put_key_word(struct cfg_writer *w, const char *before, const struct secret *key)
{
    bool plain = key->n > 0 && key->p[0] != '!' && key->p[0] != '"', blank = false;
    for (size_t i = 0; i < key->n; i++) {
        plain = plain && key->p[i] >= ' ' && key->p[i] < 0x7f;
        blank = blank || key->p[i] == ' ';
    }
    plain = plain && !(blank && memchr(key->p, '"', key->n));
    if (!w->show_keys) {
        cfg_put(w, "%s<hidden>", before);
    } else if (plain) {
        cfg_put(w, "%s%s%s%.*s%s", before, like_keyword((const char *)key->p, key->n) ? "0 " : "",
                blank ? "\"" : "", (int)key->n, (const char *)key->p, blank ? "\"" : "");
    } else {
        cfg_put(w, "%shex 0x", before);
        for (size_t i = 0; i < key->n; i++)
            cfg_put(w, "%02x", key->p[i]);
    }
}

void cfg_put_key(struct cfg_writer *w, const char *before, const struct secret *key)
{
    cfg_put_key_word(w, before, key);
    cfg_put(w, "\n");
}

static void mask_text(const struct ip_addr *a, unsigned len, char *out)
{
    struct ip_addr ones = *a;
    struct ip_prefix mask;
    memset(ones.b, 0xff, ip_addr_len(a));
    out[0] = '\0';
    if (ip_prefix_make(&ones, len, &mask))
        ip_addr_text(&mask.addr, out);
}

void cfg_put_prefix(struct cfg_writer *w, const char *before, const struct ip_prefix *p, bool host_mask)
{
    char addr[IP_TEXT_MAX], mask[IP_TEXT_MAX];
    bool host = p->len == ip_addr_bits(&p->addr);
    ip_addr_text(&p->addr, addr);
    mask_text(&p->addr, p->len, mask);
    if (host && !(host_mask && p->addr.family == IP_V4))
        cfg_put(w, "%s%s\n", before, addr);
    else if (p->addr.family == IP_V4)
        cfg_put(w, "%s%s %s\n", before, addr, mask);
    else
        cfg_put(w, "%s%s/%u\n", before, addr, p->len);
}

const char *cfg_mask_text(const struct ip_prefix *p, char *out)
{
    mask_text(&p->addr, p->len, out);
    return out;
}

static void put_address(struct cfg_writer *w, const struct cfg_ifaddr *x)
{
    char addr[IP_TEXT_MAX], mask[IP_TEXT_MAX];
    ip_addr_text(&x->addr, addr);
    mask_text(&x->addr, x->len, mask);
    if (cfg_is_link_local(&x->addr))
        cfg_put(w, " ipv6 address %s link-local\n", addr);
    else if (x->addr.family == IP_V6)
        cfg_put(w, " ipv6 address %s/%u\n", addr, x->len);
    else
        cfg_put(w, " ip address %s %s%s\n", addr, mask, x->secondary ? " secondary" : "");
}

void cfg_write_rate_limits(struct cfg_writer *w, const struct cfg_rate_limit limits[2])
{
    for (unsigned dir = 0; dir < 2; dir++)
        if (limits[dir].bps)
            cfg_put(w, " rate-limit %s %llu %u %u conform-action transmit exceed-action drop\n",
                    dir == CV_DIR_IN ? "input" : "output", (unsigned long long)limits[dir].bps,
                    limits[dir].burst, limits[dir].burst_max);
}

static void put_tunnel(struct cfg_writer *w, const struct cfg_interface *x)
{
    char addr[IP_TEXT_MAX];
    if (x->tunnel_source_if[0])
        cfg_put(w, " tunnel source %s\n", x->tunnel_source_if);
    else if (x->tunnel_source.family != IP_NONE)
        cfg_put(w, " tunnel source %s\n", ip_addr_text(&x->tunnel_source, addr));
    if (x->tunnel_mode == CV_TUNNEL_IPSEC4)
        cfg_put(w, " tunnel mode ipsec ipv4\n");
    else if (x->tunnel_mode == CV_TUNNEL_IPSEC6)
        cfg_put(w, " tunnel mode ipsec ipv6\n");
    else if (x->tunnel_mode == CV_TUNNEL_GRE6)
        cfg_put(w, " tunnel mode gre ipv6\n");
    if (x->tunnel_destination_host[0])
        cfg_put(w, " tunnel destination %s\n", x->tunnel_destination_host);
    else if (x->tunnel_destination.family != IP_NONE)
        cfg_put(w, " tunnel destination %s\n", ip_addr_text(&x->tunnel_destination, addr));
    if (x->tunnel_vrf[0])
        cfg_put_word(w, " tunnel vrf ", x->tunnel_vrf, "");
    if (x->gre_keyed)
        cfg_put(w, " tunnel key %u\n", x->gre_key);
    if (x->tunnel_ttl != 255 && x->kind == CV_IF_TUNNEL)
        cfg_put(w, " tunnel ttl %u\n", x->tunnel_ttl);
    if (x->tunnel_tos_set)
        cfg_put(w, " tunnel tos %u\n", x->tunnel_tos);
    if (x->tunnel_pmtud)
        cfg_put(w, " tunnel path-mtu-discovery\n");
    if (x->protection_profile[0])
        cfg_put_word(w, " tunnel protection ipsec profile ", x->protection_profile,
                     x->protection_shared ? " shared" : "");
}

static void put_reassembly(struct cfg_writer *w, const struct cfg_reass *r)
{
    if (!r->set)
        return;
    cfg_put(w, " ip virtual-reassembly");
    if (r->datagrams)
        cfg_put(w, " max-reassemblies %u", r->datagrams);
    if (r->fragments)
        cfg_put(w, " max-fragments %u", r->fragments);
    if (r->timeout_s)
        cfg_put(w, " timeout %u", r->timeout_s);
    cfg_put(w, "\n");
}

static void put_long_packets(struct cfg_writer *w, const struct cfg_interface *x)
{
    if (x->df_set)
        cfg_put(w, " crypto ipsec df-bit %s\n",
                x->df == CV_DF_SET     ? "set"
                : x->df == CV_DF_CLEAR ? "clear"
                                       : "copy");
    if (x->cut != CFG_CUT_GLOBAL)
        cfg_put(w, " crypto ipsec fragmentation %s-encryption\n",
                x->cut == CFG_CUT_AFTER ? "after" : "before");
}

static void put_interface(struct cfg_writer *w, const struct cfg_interface *x)
{
    cfg_put(w, "!\ninterface %s\n", x->name);
    if (x->description[0])
        cfg_put(w, " description %s\n", x->description);
    if (x->vrf[0])
        cfg_put_word(w, " vrf forwarding ", x->vrf, "");
    for (unsigned i = 0; i < x->addr_count; i++)
        put_address(w, &x->addrs[i]);
    if (x->mtu)
        cfg_put(w, " mtu %u\n", x->mtu);
    if (x->ip_mtu)
        cfg_put(w, " ip mtu %u\n", x->ip_mtu);
    if (x->ipv6_mtu)
        cfg_put(w, " ipv6 mtu %u\n", x->ipv6_mtu);
    if (x->tcp_mss)
        cfg_put(w, " ip tcp adjust-mss %u\n", x->tcp_mss);
    if (x->tcp_mss6)
        cfg_put(w, " ipv6 tcp adjust-mss %u\n", x->tcp_mss6);
    put_reassembly(w, &x->reass);
    cfg_write_rate_limits(w, x->rate_limit);
    put_tunnel(w, x);
    put_long_packets(w, x);
    if (x->crypto_map[0])
        cfg_put_word(w, " crypto map ", x->crypto_map, "");
    if (x->crypto_map6[0])
        cfg_put_word(w, " ipv6 crypto map ", x->crypto_map6, "");
    if (x->shutdown)
        cfg_put(w, " shutdown\n");
}

static void put_route(struct cfg_writer *w, const struct cfg_route *x)
{
    char net[IP_TEXT_MAX], mask[IP_TEXT_MAX], hop[IP_TEXT_MAX];
    bool v6 = x->prefix.addr.family == IP_V6;
    mask_text(&x->prefix.addr, x->prefix.len, mask);
    cfg_put(w, v6 ? "ipv6 route " : "ip route ");
    if (x->vrf[0]) {
        cfg_put_name(w, "vrf ", x->vrf);
        cfg_put(w, " ");
    }
    if (v6)
        cfg_put(w, "%s", ip_prefix_text(&x->prefix, net));
    else
        cfg_put(w, "%s %s", ip_addr_text(&x->prefix.addr, net), mask);
    if (x->interface[0])
        cfg_put(w, " %s", x->interface);
    if (x->next_hop.family != IP_NONE)
        cfg_put(w, " %s", ip_addr_text(&x->next_hop, hop));
    if (x->distance != 1)
        cfg_put(w, " %u", x->distance);
    if (x->name[0])
        cfg_put_word(w, " name ", x->name, x->permanent ? " permanent" : "");
    else
        cfg_put(w, "%s\n", x->permanent ? " permanent" : "");
}

static void put_neighbor(struct cfg_writer *w, const struct cfg_neighbor *x)
{
    char addr[IP_TEXT_MAX], mac[16];
    snprintf(mac, sizeof mac, "%02x%02x.%02x%02x.%02x%02x", x->mac[0], x->mac[1], x->mac[2], x->mac[3],
             x->mac[4], x->mac[5]);
    if (x->addr.family == IP_V6) {
        cfg_put(w, "ipv6 neighbor %s %s %s\n", ip_addr_text(&x->addr, addr), x->interface, mac);
        return;
    }
    cfg_put(w, "arp ");
    if (x->vrf[0]) {
        cfg_put_name(w, "vrf ", x->vrf);
        cfg_put(w, " ");
    }
    cfg_put(w, "%s %s arpa%s%s\n", ip_addr_text(&x->addr, addr), mac, x->interface[0] ? " " : "",
            x->interface);
}

static void put_vrf(struct cfg_writer *w, const struct cfg_vrf *x)
{
    cfg_put_word(w, x->legacy ? "!\nip vrf " : "!\nvrf definition ", x->name, "");
    if (x->rd[0])
        cfg_put_word(w, " rd ", x->rd, "");
    if (x->ipv4 && !x->legacy)
        cfg_put(w, " address-family ipv4\n exit-address-family\n");
    if (x->ipv6)
        cfg_put(w, " address-family ipv6\n exit-address-family\n");
}

static void put_platform(struct cfg_writer *w, const struct platform *p)
{
    size_t used = w->at < w->room ? w->at : w->room;
    int n = p->present ? platform_write(p, w->out ? w->out + used : NULL, w->room - used) : 0;
    w->at += n > 0 ? (size_t)n : 0;
}

int cfg_write(const struct cfg *c, bool show_keys, char *out, size_t out_len)
{
    struct cfg_writer w = {.out = out, .room = out ? out_len : 0, .show_keys = show_keys};
    if (c->hostname[0])
        cfg_put_word(&w, "hostname ", c->hostname, "");
    if (c->domain_name[0])
        cfg_put_word(&w, "ip domain name ", c->domain_name, "");
    put_platform(&w, &c->platform);
    for (unsigned i = 0; i < c->vrf_count; i++)
        put_vrf(&w, &c->vrfs[i]);
    cfg_write_pki(&w, c);
    cfg_write_ikev2(&w, c);
    cfg_write_isakmp(&w, c);
    cfg_write_ipsec(&w, c);
    cfg_write_map(&w, c);
    for (unsigned i = 0; i < c->interface_count; i++)
        if (!c->interfaces[i].flow)
            put_interface(&w, &c->interfaces[i]);
    cfg_put(&w, "!\n");
    if (c->ipv6_unicast_routing)
        cfg_put(&w, "ipv6 unicast-routing\n");
    for (unsigned i = 0; i < c->route_count; i++)
        put_route(&w, &c->routes[i]);
    for (unsigned i = 0; i < c->neighbor_count; i++)
        put_neighbor(&w, &c->neighbors[i]);
    cfg_put(&w, "end\n");
    return w.at > INT_MAX ? -1 : (int)w.at;
}
