/* Neighbours by configuration: arp, ipv6 neighbor. */
#include "control/config/cfg_cmds.h"
#include "control/config/cfg_parser.h"

#include <limits.h>
#include <string.h>

enum { MAC_DIGITS = 12 };

/* As a router writes it, 0200.0000.0001, or with a colon or dash behind every second digit. */
static bool mac_read(const char *text, uint8_t mac[6])
{
    const size_t group = strchr(text, '.') ? 4 : 2;
    unsigned digits = 0;
    size_t in_group = 0;
    memset(mac, 0, 6);
    for (; *text; text++) {
        const char *at = strchr("0123456789abcdefABCDEF", *text);
        if (!at && in_group == group && strchr(".:-", *text) && digits < MAC_DIGITS) {
            in_group = 0;
            continue;
        }
        if (!at || in_group++ == group || digits == MAC_DIGITS)
            return false;
        const unsigned value = (unsigned)(at - "0123456789abcdefABCDEF");
        mac[digits / 2] = (uint8_t)(mac[digits / 2] << 4 | (value < 16 ? value : value - 6));
        digits++;
    }
    return digits == MAC_DIGITS;
}

static bool station(const uint8_t mac[6])
{
    static const uint8_t zero[6];
    return !(mac[0] & 1) && memcmp(mac, zero, sizeof zero) != 0;
}

static bool neighbor_of(struct cfg_parser *p, const struct cfg_match *m, struct cfg_neighbor *x)
{
    const struct cfg_arg *addr = cfg_match_arg(m, CFG_ARG_ADDR, 0), *ifc = cfg_match_arg(m, CFG_ARG_IF, 0);
    const struct cfg_arg *vrf = cfg_match_has(m, "vrf") ? cfg_match_arg(m, CFG_ARG_WORD, 0) : NULL;
    const struct cfg_arg *mac = cfg_match_arg(m, CFG_ARG_WORD, vrf ? 1 : 0);
    *x = (struct cfg_neighbor){.addr = addr->addr, .line = p->line};
    if (ifc)
        memcpy(x->interface, ifc->name, sizeof ifc->name);
    if (vrf && !cfg_copy(p, x->vrf, sizeof x->vrf, vrf))
        return false;
    if (ip_addr_is_any(&addr->addr) || ip_addr_is_multicast(&addr->addr)) {
        cfg_error(p, addr->column, "the address of one station", "no address a neighbour can have");
        return false;
    }
    if (mac && (!mac_read(mac->text, x->mac) || !station(x->mac))) {
        cfg_error(p, mac->column, "as in: 0200.0000.0001", "%s is no MAC address of one station", mac->text);
        return false;
    }
    return true;
}

static void set_neighbor(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    struct cfg_neighbor x;
    if (!neighbor_of(p, m, &x))
        return;
    for (unsigned i = c->neighbor_count; i-- > 0;)
        if (ip_addr_equal(&c->neighbors[i].addr, &x.addr) && strcmp(c->neighbors[i].vrf, x.vrf) == 0 &&
            (x.addr.family == IP_V4 || strcmp(c->neighbors[i].interface, x.interface) == 0))
            cfg_remove(&c->neighbors, &c->neighbor_count, sizeof *c->neighbors, i);
    if (m->form != CFG_SET)
        return;
    unsigned i = cfg_append(p, &c->neighbors, &c->neighbor_count, sizeof *c->neighbors);
    if (i != UINT_MAX)
        c->neighbors[i] = x;
}

static const struct cfg_cmd global_rows[] = {
    {"arp ~<A.B.C.D> <WORD> arpa [<IF>]", set_neighbor, 0, NULL, false},
    {"arp vrf <WORD> ~<A.B.C.D> <WORD> arpa [<IF>]", set_neighbor, 0, NULL, false},
    {"arp <A.B.C.D> <WORD> arpa alias", NULL, 0, "give the address to an interface", false},
    {"ipv6 neighbor <X:X::X> ~<IF> <WORD>", set_neighbor, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_nbr_global = CFG_ROWS(global_rows);
