#include "control/config/cfg_cmds.h"

#include "control/config/cfg_parser.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- maps and entries --------------------------------------------------------------------------------------------- */
/* What the command says of the map. */
struct map_kind {
    bool dynamic, ipv6;
};

static struct map_kind kind_of(const struct cfg_match *m)
{
    return (struct map_kind){cfg_match_has(m, "dynamic-map"), cfg_match_has(m, "ipv6")};
}

static unsigned find_map(const struct cfg *c, const char *name, bool dynamic)
{
    unsigned i = 0;
    while (i < c->map_count && (c->maps[i].dynamic != dynamic || strcmp(c->maps[i].name, name) != 0))
        i++;
    return i;
}

/* May the map be made? `ipv6` is a word of the command, and no name. */
static bool name_free(struct cfg_parser *p, const struct cfg_arg *name, const struct cfg_crypto_map *taken)
{
    if (taken)
        cfg_error(p, name->column, "give it another name", "crypto map %s is one of IPv%c already",
                  name->text, taken->ipv6 ? '6' : '4');
    else if (strcasecmp(name->text, "ipv6") == 0)
        cfg_error(p, name->column, "as in: crypto map ipv6 NAME 10 ipsec-isakmp",
                  "the name of the crypto map is missing");
    return !taken && strcasecmp(name->text, "ipv6") != 0;
}

/* The map of that name, made when it is not there; UINT_MAX after an error. */
static unsigned have_map(struct cfg_parser *p, const struct cfg_arg *name, struct map_kind kind)
{
    struct cfg *c = p->c;
    unsigned i = find_map(c, name->text, kind.dynamic);
    if (i < c->map_count && c->maps[i].ipv6 == kind.ipv6)
        return i;
    if (!name_free(p, name, i < c->map_count ? &c->maps[i] : NULL))
        return UINT_MAX;
    i = cfg_append(p, &c->maps, &c->map_count, sizeof *c->maps);
    if (i == UINT_MAX)
        return i;
    c->maps[i].line = p->line;
    c->maps[i].dynamic = kind.dynamic;
    c->maps[i].ipv6 = kind.ipv6;
    return cfg_copy(p, c->maps[i].name, sizeof c->maps[i].name, name) ? i : UINT_MAX;
}

/* The first entry whose number is not below seq. */
static unsigned entry_place(const struct cfg_crypto_map *m, unsigned seq)
{
    unsigned i = 0;
    while (i < m->entry_count && m->entries[i].seq < seq)
        i++;
    return i;
}

static unsigned have_entry(struct cfg_parser *p, struct cfg_crypto_map *m, unsigned seq)
{
    unsigned i = entry_place(m, seq);
    if (i < m->entry_count && m->entries[i].seq == seq)
        return i;
    if (cfg_append(p, &m->entries, &m->entry_count, sizeof *m->entries) == UINT_MAX)
        return UINT_MAX;
    memmove(&m->entries[i + 1], &m->entries[i], (m->entry_count - 1 - i) * sizeof *m->entries);
    memset(&m->entries[i], 0, sizeof m->entries[i]);
    m->entries[i].seq = seq;
    m->entries[i].line = m->entries[i].ipsec.line = p->line;
    return i;
}

/* no crypto map [ipv6] NAME [SEQ] */
static void remove_map(struct cfg_parser *p, const char *name, struct map_kind kind,
                       const struct cfg_arg *seq)
{
    struct cfg *c = p->c;
    unsigned i = find_map(c, name, kind.dynamic);
    if (i == c->map_count || c->maps[i].ipv6 != kind.ipv6)
        return;
    struct cfg_crypto_map *m = &c->maps[i];
    unsigned at = seq ? entry_place(m, (unsigned)seq->number) : 0;
    if (seq && at < m->entry_count && m->entries[at].seq == seq->number)
        cfg_remove(&m->entries, &m->entry_count, sizeof *m->entries, at);
    if (seq && (m->entry_count > 0 || m->local_address[0] || m->isakmp_profile[0]))
        return;
    free(m->entries);
    cfg_remove(&c->maps, &c->map_count, sizeof *c->maps, i);
}

static bool has_name(struct cfg_parser *p, const struct cfg_match *m, const struct cfg_arg *name)
{
    if (!name)
        cfg_error(p, m->line->tokens[0].column, "give its name", "which crypto map?");
    return name != NULL;
}

static void open_entry(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *name = cfg_match_arg(m, CFG_ARG_WORD, 0),
                         *seq = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    const struct cfg_arg *profile = cfg_match_arg(m, CFG_ARG_WORD, 1);
    if (!has_name(p, m, name))
        return;
    if (m->form != CFG_SET) {
        remove_map(p, name->text, kind_of(m), seq);
        return;
    }
    p->map = have_map(p, name, kind_of(m));
    p->map_entry = p->map != UINT_MAX ? have_entry(p, &p->c->maps[p->map], (unsigned)seq->number) : UINT_MAX;
    if (p->map_entry == UINT_MAX)
        return;
    struct cfg_map_entry *e = &p->c->maps[p->map].entries[p->map_entry];
    memset(e->dynamic, 0, sizeof e->dynamic);
    if (profile && cfg_copy(p, e->ipsec.isakmp_profile, sizeof e->ipsec.isakmp_profile, profile))
        e->ipsec.isakmp_profile_line = p->line;
}

/* crypto map NAME SEQ ipsec-isakmp dynamic DYN: the entry is that map and nothing of its own. */
static void point_to_dynamic(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *name = cfg_match_arg(m, CFG_ARG_WORD, 0), *to = cfg_match_arg(m, CFG_ARG_WORD, 1);
    const struct cfg_arg *seq = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    if (!has_name(p, m, name))
        return;
    if (m->form != CFG_SET) {
        remove_map(p, name->text, kind_of(m), seq);
        return;
    }
    unsigned map = have_map(p, name, kind_of(m));
    unsigned i = map != UINT_MAX ? have_entry(p, &p->c->maps[map], (unsigned)seq->number) : UINT_MAX;
    if (i == UINT_MAX)
        return;
    struct cfg_map_entry *e = &p->c->maps[map].entries[i];
    *e = (struct cfg_map_entry){.seq = e->seq, .line = e->line, .dynamic_line = p->line};
    (void)cfg_copy(p, e->dynamic, sizeof e->dynamic, to);
}

/* ---- of the whole map --------------------------------------------------------------------------------------------- */
static void set_local_address(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *name = cfg_match_arg(m, CFG_ARG_WORD, 0), *ifc = cfg_match_arg(m, CFG_ARG_IF, 0);
    unsigned i = has_name(p, m, name) ? have_map(p, name, kind_of(m)) : UINT_MAX;
    if (i == UINT_MAX)
        return;
    struct cfg_crypto_map *x = &p->c->maps[i];
    memset(x->local_address, 0, sizeof x->local_address);
    if (m->form == CFG_SET)
        memcpy(x->local_address, ifc->name, sizeof ifc->name);
    x->local_address_line = m->form == CFG_SET ? p->line : 0;
}

static void set_map_profile(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *name = cfg_match_arg(m, CFG_ARG_WORD, 0),
                         *profile = cfg_match_arg(m, CFG_ARG_WORD, 1);
    unsigned i = has_name(p, m, name) ? have_map(p, name, kind_of(m)) : UINT_MAX;
    if (i == UINT_MAX)
        return;
    struct cfg_crypto_map *x = &p->c->maps[i];
    memset(x->isakmp_profile, 0, sizeof x->isakmp_profile);
    if (m->form == CFG_SET)
        (void)cfg_copy(p, x->isakmp_profile, sizeof x->isakmp_profile, profile);
    x->isakmp_profile_line = m->form == CFG_SET ? p->line : 0;
}

#define NO_MANUAL "let IKE make the keys: crypto map NAME SEQ ipsec-isakmp"
#define NO_IPV6_DYNAMIC                                                                                      \
    "dynamic maps are for IPv4: name each peer in an entry of its own, or let it have an interface Tunnel "  \
    "with `tunnel mode ipsec ipv6`"
#define NO_CLIENT "leave it out: remote access (XAUTH, mode configuration) is not done"

static const struct cfg_cmd global_rows[] = {
    {"crypto map ~<WORD> ~<1-65535> ~ipsec-isakmp", open_entry, CFG_MODE_MAP, NULL, false},
    {"crypto map <WORD> <1-65535> ipsec-isakmp profile <WORD>", open_entry, CFG_MODE_MAP, NULL, false},
    {"crypto map <WORD> <1-65535> ipsec-isakmp dynamic <WORD> [discover]", point_to_dynamic, 0, NULL, false},
    {"crypto map <WORD> <1-65535> ipsec-manual", NULL, CFG_MODE_GLOBAL, NO_MANUAL, false},
    {"crypto map <WORD> <1-65535> gdoi", NULL, CFG_MODE_GLOBAL, "use: ipsec-isakmp", false},
    {"crypto map <WORD> local-address <IF>", set_local_address, 0, NULL, false},
    {"crypto map <WORD> isakmp-profile <WORD>", set_map_profile, 0, NULL, false},
    {"crypto map <WORD> client <LINE>", NULL, 0, NO_CLIENT, false},
    {"crypto map <WORD> isakmp authorization <LINE>", NULL, 0, NO_CLIENT, false},
    {"crypto map <WORD> redundancy <LINE>", NULL, 0, "leave it out", false},
    {"crypto map ipv6 ~<WORD> ~<1-65535> ~ipsec-isakmp", open_entry, CFG_MODE_MAP, NULL, false},
    {"crypto map ipv6 <WORD> <1-65535> ipsec-isakmp profile <WORD>", open_entry, CFG_MODE_MAP, NULL, false},
    {"crypto map ipv6 <WORD> <1-65535> ipsec-isakmp dynamic <LINE>", NULL, 0, NO_IPV6_DYNAMIC, false},
    {"crypto map ipv6 <WORD> <1-65535> ipsec-manual", NULL, CFG_MODE_GLOBAL,
     "let IKE make the keys: crypto map ipv6 NAME SEQ ipsec-isakmp", false},
    {"crypto map ipv6 <WORD> <1-65535> gdoi", NULL, CFG_MODE_GLOBAL, "use: ipsec-isakmp", false},
    {"crypto map ipv6 <WORD> local-address <IF>", set_local_address, 0, NULL, false},
    {"crypto map ipv6 <WORD> isakmp-profile <WORD>", set_map_profile, 0, NULL, false},
    {"crypto map ipv6 <WORD> redundancy <LINE>", NULL, 0, "leave it out", false},
    {"crypto dynamic-map ~<WORD> ~<1-65535>", open_entry, CFG_MODE_MAP, NULL, false},
    {"crypto dynamic-map ipv6 <LINE>", NULL, CFG_MODE_GLOBAL, NO_IPV6_DYNAMIC, false},
};
const struct cfg_cmd_table cfg_cmds_map_global = CFG_ROWS(global_rows);

/* ---- in an entry; `set transform-set` and what else it shares with IPsec profiles is in cfg_cmds_ipsec ------------ */
static struct cfg_map_entry *cur(struct cfg_parser *p)
{
    return &p->c->maps[p->map].entries[p->map_entry];
}

static void match_address(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->acl, sizeof cur(p)->acl);
    cur(p)->acl_line = m->form == CFG_SET ? p->line : 0;
}

static bool same_peer(const struct cfg_map_peer *a, const struct cfg_map_peer *b)
{
    return ip_addr_equal(&a->addr, &b->addr) && strcmp(a->host, b->host) == 0;
}

static bool peer_of(struct cfg_parser *p, const struct cfg_match *m, struct cfg_map_peer *x)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0), *host = cfg_match_arg(m, CFG_ARG_WORD, 0);
    const bool ipv6 = p->c->maps[p->map].ipv6;
    *x = (struct cfg_map_peer){.is_default = m->form == CFG_SET && cfg_match_has(m, "default")};
    if (a && (ip_addr_is_any(&a->addr) || ip_addr_is_multicast(&a->addr) || cfg_is_link_local(&a->addr))) {
        cfg_error(p, a->column, "the peer's own address", "no address a peer can have");
        return false;
    }
    if (a && (a->addr.family == IP_V6) != ipv6) {
        cfg_error(p, a->column, ipv6 ? "the peer's IPv6 address" : "write it in an entry of: crypto map ipv6",
                  "the entry is of a map for IPv%c", ipv6 ? '6' : '4');
        return false;
    }
    if (a)
        x->addr = a->addr;
    else if (host && m->form == CFG_SET)
        cfg_error(p, host->column, "write the address", "unsupported: a host name as peer is not resolved");
    return a != NULL;
}

/* Tried in order. `no set peer` alone takes all away. */
static void set_peer(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_map_entry *e = cur(p);
    struct cfg_map_peer x;
    unsigned kept = 0, max = sizeof e->peers / sizeof e->peers[0];
    bool known = peer_of(p, m, &x);
    if (!known && m->form == CFG_SET)
        return;
    for (unsigned i = 0; i < e->peer_count && known; i++)
        if (!same_peer(&e->peers[i], &x))
            e->peers[kept++] = e->peers[i];
        else if (m->form == CFG_SET) {
            e->peers[i].is_default = x.is_default;
            return;
        }
    memset(&e->peers[kept], 0, (max - kept) * sizeof e->peers[0]);
    e->peer_count = kept;
    if (m->form != CFG_SET)
        return;
    if (kept == max)
        cfg_error(p, m->args[0].column, "", "more than %u peers in an entry", max);
    else
        e->peers[e->peer_count++] = x;
}

static void set_reverse_route(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->reverse_route = m->form == CFG_SET;
}

/* CAR without a second bucket: what is over the normal burst is dropped. */
void cfg_rate_limit_take(struct cfg_parser *p, const struct cfg_match *m, struct cfg_rate_limit *limits)
{
    struct cfg_rate_limit *x = &limits[cfg_match_has(m, "input") ? CV_DIR_IN : CV_DIR_OUT];
    *x = (struct cfg_rate_limit){0};
    if (m->form != CFG_SET)
        return;
    const struct cfg_arg *bps = cfg_match_arg(m, CFG_ARG_NUMBER, 0),
                         *burst = cfg_match_arg(m, CFG_ARG_NUMBER, 1),
                         *most = cfg_match_arg(m, CFG_ARG_NUMBER, 2);
    if (most->number < burst->number)
        cfg_error(p, most->column, "", "the maximum burst is less than the normal burst of %lu",
                  burst->number);
    else
        *x = (struct cfg_rate_limit){bps->number, (uint32_t)burst->number, (uint32_t)most->number};
}

static void set_rate_limit(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_rate_limit_take(p, m, cur(p)->rate_limit);
}

#define LEAVE "leave it out"

static const struct cfg_cmd rows[] = {
    {"match address <WORD>", match_address, 0, NULL, false},
    {"set peer <ADDR> [default]", set_peer, 0, NULL, false},
    {"set peer <HOST> [dynamic] [default]", set_peer, 0, NULL, false},
    {"reverse-route [static]", set_reverse_route, 0, NULL, false},
    {CFG_RATE_LIMIT, set_rate_limit, 0, NULL, false},
    {"reverse-route remote-peer <LINE>", NULL, 0, "use: reverse-route", false},
    {"set reverse-route <LINE>", NULL, 0, LEAVE, true},
    {"set ip access-group <LINE>", NULL, 0, LEAVE, true},
    {"set nat demux", NULL, 0, LEAVE, true},
    {"qos pre-classify", NULL, 0, LEAVE, true},
};
const struct cfg_cmd_table cfg_cmds_map = CFG_ROWS(rows);
