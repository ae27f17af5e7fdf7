#include "control/config/cfg_flows.h"

#include "control/config/cfg_findings.h"
#include "control/config/cfg_policy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry at the place where it is applied. */
struct applied {
    unsigned port;   /* index of the interface */
    unsigned number; /* of the interfaces that the map is applied to, from 1 */
    const struct cfg_crypto_map *map;
    const struct cfg_map_entry *entry; /* of the static map, or of the dynamic map that it points to */
    unsigned seq, dynamic_seq;         /* dynamic_seq 0: static */
    unsigned profile;                  /* index of the profile made for it */
};

static void fail(struct cfg_parser *p, int line, const char *remedy, const char *text)
{
    p->errors++;
    if (cfg_findings_add(p->findings, line, 0, "crypto-map", CFG_ERROR, remedy, "%s", text) != CV_OK)
        p->out_of_memory = true;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */
/* FNV-1a */
static uint64_t hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325ull;
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
    return h;
}

/* NAME and suffix into out; where there is too little room, NAME is cut and marked by its hash. */
static void name_of(char *out, size_t room, const char *name, const char *suffix)
{
    enum { MARK = 7 };
    char whole[CFG_TEXT_MAX];
    size_t tail = strlen(suffix), n = (size_t)snprintf(whole, sizeof whole, "%s%s", name, suffix);
    if (n >= room && tail + MARK < room - 1)
        n = (size_t)snprintf(whole, sizeof whole, "%.*s~%06x%s", (int)(room - 1 - tail - MARK), name,
                             (unsigned)(hash(name) & 0xffffff), suffix);
    else if (n >= room)
        n = (size_t)snprintf(whole, sizeof whole, "~%016llx",
                             (unsigned long long)(hash(name) ^ hash(suffix) * 31));
    memcpy(out, whole, n + 1);
}

static void number_text(const struct applied *a, char mark, char *out, size_t room)
{
    if (a->dynamic_seq)
        snprintf(out, room, "%c%u.%u", mark, a->seq, a->dynamic_seq);
    else
        snprintf(out, room, "%c%u", mark, a->seq);
}

/* "MAP#SEQ.ACE", "MAP#SEQ.DSEQ.ACE"; "@N" behind it where the map is applied a second time. */
static void flow_name(const struct applied *a, unsigned ace, char out[CV_NAME_MAX])
{
    char numbers[28], suffix[64];
    number_text(a, '#', numbers, sizeof numbers);
    if (a->number > 1)
        snprintf(suffix, sizeof suffix, "%s.%u@%u", numbers, ace, a->number);
    else
        snprintf(suffix, sizeof suffix, "%s.%u", numbers, ace);
    name_of(out, CV_NAME_MAX, a->map->name, suffix);
}

/* ---- what is made ------------------------------------------------------------------------------------------------ */
/* The profile of an entry: "MAP SEQ". An entry applied twice has one. */
static unsigned profile_for(struct cfg_parser *p, const struct applied *a)
{
    struct cfg *c = p->c;
    char numbers[28], name[CFG_NAME_MAX] = "";
    number_text(a, ' ', numbers, sizeof numbers);
    name_of(name, sizeof name, a->map->name, numbers);
    for (unsigned i = 0; i < c->ipsec_profile_count; i++) {
        if (strcmp(c->ipsec_profiles[i].name, name) != 0)
            continue;
        if (c->ipsec_profiles[i].made && c->ipsec_profiles[i].line == a->entry->line)
            return i;
        fail(p, a->entry->line, "give the crypto map another name",
             "the name of the crypto map's entry is taken");
        return UINT_MAX;
    }
    unsigned i = cfg_append(p, &c->ipsec_profiles, &c->ipsec_profile_count, sizeof *c->ipsec_profiles);
    if (i == UINT_MAX)
        return i;
    struct cfg_ipsec_profile *x = &c->ipsec_profiles[i];
    *x = a->entry->ipsec;
    memcpy(x->name, name, sizeof name);
    x->made = true;
    x->line = a->entry->line;
    if (!x->isakmp_profile[0]) {
        memcpy(x->isakmp_profile, a->map->isakmp_profile, sizeof x->isakmp_profile);
        x->isakmp_profile_line = a->map->isakmp_profile_line;
    }
    return i;
}

/* The VRF of the packets inside: the IKE profile's, else the port's. */
static const char *inner_vrf(const struct cfg *c, const struct cfg_ipsec_profile *ipsec, const char *port)
{
    const struct cfg_isakmp_profile *one = cfg_find_isakmp_profile(c, ipsec->isakmp_profile);
    const struct cfg_ikev2_profile *two = cfg_find_profile(c, ipsec->ikev2_profile);
    if (two)
        return two->ivrf[0] ? two->ivrf : port;
    return one && one->ivrf[0] ? one->ivrf : port;
}

static void fill_flow(const struct cfg *c, const struct applied *a, const struct cfg_ace *ace,
                      struct cfg_flow *f)
{
    const struct cfg_map_entry *e = a->entry;
    char numbers[28], suffix[64];
    *f = (struct cfg_flow){.seq = a->seq,
                           .dynamic_seq = a->dynamic_seq,
                           .ace = ace ? ace->seq : 0,
                           .is_dynamic = a->dynamic_seq != 0,
                           .has_acl = ace != NULL,
                           .local = ace ? ace->local : ts_any(IP_V4), /* a dynamic one is of IPv4 */
                           .remote = ace ? ace->remote : ts_any(IP_V4)};
    memcpy(f->map, a->map->name, sizeof f->map);
    memcpy(f->port, c->interfaces[a->port].name, sizeof f->port);
    number_text(a, '#', numbers, sizeof numbers);
    snprintf(suffix, sizeof suffix, "%s@%s", numbers, f->port);
    name_of(f->group, sizeof f->group, a->map->name, suffix);
    for (unsigned i = 0; i < e->peer_count; i++)
        f->peers[f->peer_count++] = e->peers[i].addr;
    for (unsigned i = 0; i < e->peer_count; i++) /* the default peer is tried first */
        if (e->peers[i].is_default && i > 0) {
            struct ip_addr first = f->peers[i];
            memmove(&f->peers[1], &f->peers[0], i * sizeof f->peers[0]);
            f->peers[0] = first;
            break;
        }
}

/* One permit line; ace NULL: a dynamic entry without a list. The interfaces point to the flows when all are there. */
static bool add_flow(struct cfg_parser *p, const struct applied *a, const struct cfg_ace *ace)
{
    struct cfg *c = p->c;
    if (c->interface_count >= CV_MAX_IFS - 1) {
        fail(p, a->entry->line, "use fewer, wider permit lines",
             "more permit lines than the data plane has interfaces for");
        return false;
    }
    unsigned f = cfg_append(p, &c->flows, &c->flow_count, sizeof *c->flows);
    unsigned i = cfg_append(p, &c->interfaces, &c->interface_count, sizeof *c->interfaces);
    if (f == UINT_MAX || i == UINT_MAX)
        return false;
    const struct cfg_interface *port = &c->interfaces[a->port];
    const struct cfg_ipsec_profile *ipsec = &c->ipsec_profiles[a->profile];
    struct cfg_interface *x = &c->interfaces[i];
    fill_flow(c, a, ace, &c->flows[f]);
    flow_name(a, c->flows[f].ace, x->name);
    x->kind = CV_IF_FLOW;
    x->line = x->protection_line = x->source_line = x->destination_line = a->entry->line;
    x->shutdown = port->shutdown;
    x->tunnel_mode = a->map->ipv6 ? CV_TUNNEL_IPSEC6 : CV_TUNNEL_IPSEC4;
    snprintf(x->vrf, sizeof x->vrf, "%s", inner_vrf(c, ipsec, port->vrf));
    memcpy(x->tunnel_vrf, port->vrf, sizeof x->tunnel_vrf);
    memcpy(x->tunnel_source_if, a->map->local_address[0] ? a->map->local_address : port->name,
           sizeof x->tunnel_source_if);
    if (c->flows[f].peer_count > 0 && !c->flows[f].is_dynamic)
        x->tunnel_destination = c->flows[f].peers[0];
    memcpy(x->protection_profile, ipsec->name, sizeof x->protection_profile);
    memcpy(x->rate_limit, a->entry->rate_limit, sizeof x->rate_limit);
    return true;
}

static bool add_entry(struct cfg_parser *p, struct applied *a)
{
    const struct cfg *c = p->c;
    const struct cfg_acl *acl = cfg_find_acl(c, a->entry->acl);
    if (!cfg_map_entry_complete(c, a->entry, a->dynamic_seq != 0))
        return true;
    a->profile = profile_for(p, a);
    if (a->profile == UINT_MAX)
        return false;
    if (!acl)
        return add_flow(p, a, NULL);
    for (unsigned i = 0; i < acl->ace_count; i++)
        if (acl->aces[i].permit && !add_flow(p, a, &acl->aces[i]))
            return false;
    return true;
}

static bool add_map(struct cfg_parser *p, const struct cfg_crypto_map *m, unsigned port, unsigned number)
{
    for (unsigned i = 0; i < m->entry_count; i++) {
        const struct cfg_map_entry *e = &m->entries[i];
        const struct cfg_crypto_map *dynamic = e->dynamic[0] ? cfg_find_map(p->c, e->dynamic, true) : NULL;
        struct applied a = {.port = port, .number = number, .map = m, .entry = e, .seq = e->seq};
        for (unsigned k = 0; dynamic && k < dynamic->entry_count; k++) {
            a.entry = &dynamic->entries[k];
            a.dynamic_seq = a.entry->seq;
            if (!add_entry(p, &a))
                return false;
        }
        if (!e->dynamic[0] && !add_entry(p, &a))
            return false;
    }
    return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */
static unsigned applied_before(const struct cfg *c, const struct cfg_crypto_map *m, unsigned port)
{
    unsigned n = 0;
    for (unsigned i = 0; i < port; i++)
        n += cfg_map_applied(&c->interfaces[i], m->name);
    return n;
}

/* Names that were cut could coincide. */
static void check_names(struct cfg_parser *p, unsigned written)
{
    const struct cfg *c = p->c;
    for (unsigned i = written; i < c->interface_count; i++)
        for (unsigned k = written; k < i && strchr(c->interfaces[i].name, '~'); k++)
            if (strcmp(c->interfaces[i].name, c->interfaces[k].name) == 0) {
                fail(p, c->interfaces[i].line, "give one of the crypto maps a shorter name",
                     "the cut names of two crypto maps coincide");
                return;
            }
}

static cv_result rows_of(const struct cfg *c, const struct cfg_interface *port)
{
    struct cfg_policy_row *rows;
    unsigned count;
    const cv_result r = cfg_policy_rows(c, port, &rows, &count);
    if (r == CV_OK)
        free(rows);
    return r;
}

/* Does the port's map of one family make too many rows by itself? */
static bool too_many_of(const struct cfg *c, const struct cfg_interface *port, bool ipv6)
{
    struct cfg_interface alone = *port;
    (ipv6 ? alone.crypto_map : alone.crypto_map6)[0] = '\0';
    return rows_of(c, &alone) == CV_ENOSPC;
}

/* What would help: `ipv4-deny` where deny lines of IPv4 send packets on, which those of IPv6 always do. */
static const char *fewer_rows(const struct cfg *c, bool four, bool six)
{
    const bool jumps = c->ipv4_deny == CFG_DENY_JUMP;
    if (!four)
        return "use fewer deny lines";
    if (six)
        return jumps
                   ? "use fewer deny lines in either map, or `crypto ipsec ipv4-deny clear` for those of IPv4"
                   : "use fewer lines in either map";
    return jumps ? "use fewer deny lines, or `crypto ipsec ipv4-deny clear`" : "use fewer lines";
}

static void check_rows(struct cfg_parser *p, const struct cfg_interface *port)
{
    const cv_result r = rows_of(p->c, port);
    if (r != CV_OK && r != CV_ENOSPC)
        p->out_of_memory = true;
    if (r != CV_ENOSPC)
        return;
    const bool four = too_many_of(p->c, port, false), six = too_many_of(p->c, port, true), all = four == six;
    fail(p, (four || all) && port->crypto_map[0] ? port->crypto_map_line : port->crypto_map6_line,
         fewer_rows(p->c, four || all, six || all),
         "the crypto map's lines make more policy rows than the data plane holds (4096)");
}
static_assert(CV_POLICY_ROWS_MAX == 4096, "the message says so");

void cfg_flows_make(struct cfg_parser *p)
{
    struct cfg *c = p->c;
    unsigned written = c->interface_count;
    for (unsigned i = 0; i < 2 * written; i++) { /* of each port the map of IPv4, then that of IPv6 */
        const struct cfg_crypto_map *m = cfg_map_on(c, &c->interfaces[i / 2], i % 2);
        if (m && !add_map(p, m, i / 2, applied_before(c, m, i / 2) + 1))
            return;
    }
    for (unsigned i = written; i < c->interface_count; i++)
        c->interfaces[i].flow = &c->flows[i - written];
    check_names(p, written);
    for (unsigned i = 0; i < written && !cfg_fatal_errors(p); i++)
        if (c->interfaces[i].crypto_map[0] || c->interfaces[i].crypto_map6[0])
            check_rows(p, &c->interfaces[i]);
}
