#include "control/config/cfg_cmds.h"

#include "control/config/cfg_key.h"

#include <limits.h>
#include <string.h>

static struct cfg_isakmp_peer *cur(struct cfg_parser *p)
{
    return &p->c->isakmp_peers[p->isakmp_peer];
}

static bool same_peer(const struct cfg_isakmp_peer *a, const struct cfg_isakmp_peer *b)
{
    return ip_addr_equal(&a->addr, &b->addr) && strcmp(a->host, b->host) == 0 && strcmp(a->vrf, b->vrf) == 0;
}

/* {address A | hostname H} [vrf V] */
static bool peer_of(struct cfg_parser *p, const struct cfg_match *m, struct cfg_isakmp_peer *x)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0), *word = cfg_match_arg(m, CFG_ARG_WORD, 0);
    const struct cfg_arg *vrf = cfg_match_has(m, "vrf") ? cfg_match_arg(m, CFG_ARG_WORD, a ? 0 : 1) : NULL;
    *x = (struct cfg_isakmp_peer){.line = p->line, .vrf_line = vrf ? p->line : 0};
    if (a)
        x->addr = a->addr;
    else if (!cfg_copy(p, x->host, sizeof x->host, word))
        return false;
    return !vrf || cfg_copy(p, x->vrf, sizeof x->vrf, vrf);
}

static void open_peer(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    struct cfg_isakmp_peer x;
    unsigned i = 0;
    if (!peer_of(p, m, &x))
        return;
    while (i < c->isakmp_peer_count && !same_peer(&c->isakmp_peers[i], &x))
        i++;
    bool found = i < c->isakmp_peer_count;
    if (m->form != CFG_SET) {
        if (found) {
            secret_free(&c->isakmp_peers[i].password);
            cfg_remove(&c->isakmp_peers, &c->isakmp_peer_count, sizeof *c->isakmp_peers, i);
        }
        return;
    }
    p->isakmp_peer =
        found ? i : cfg_append(p, &c->isakmp_peers, &c->isakmp_peer_count, sizeof *c->isakmp_peers);
    if (!found && p->isakmp_peer != UINT_MAX)
        *cur(p) = x;
}

static const struct cfg_cmd global_rows[] = {
    {"crypto isakmp peer address <ADDR>", open_peer, CFG_MODE_ISAKMP_PEER, NULL, false},
    {"crypto isakmp peer address <ADDR> vrf <WORD>", open_peer, CFG_MODE_ISAKMP_PEER, NULL, false},
    {"crypto isakmp peer hostname <HOST>", open_peer, CFG_MODE_ISAKMP_PEER, NULL, false},
    {"crypto isakmp peer hostname <HOST> vrf <WORD>", open_peer, CFG_MODE_ISAKMP_PEER, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_isakmp_peer_global = CFG_ROWS(global_rows);

static void set_description(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->description, sizeof cur(p)->description);
}

static void set_password(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_key_take(p, m, &cur(p)->password);
}

static void set_client(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_id *id = &cur(p)->client_id;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0), *word = cfg_match_arg(m, CFG_ARG_WORD, 0);
    memset(id, 0, sizeof *id);
    if (m->form != CFG_SET)
        return;
    if (word && !cfg_copy(p, id->text, sizeof id->text, word))
        return;
    if (a && !ip_prefix_make(&a->addr, ip_addr_bits(&a->addr), &id->prefix))
        return;
    const char *at = word ? strchr(word->text, '@') : NULL;
    if (cfg_match_has(m, "user-fqdn") && (!at || at == word->text || at[1] == '\0')) {
        cfg_error(p, word->column, "as in: user@example.com", "no e-mail address");
        return;
    }
    id->line = p->line;
    id->kind = cfg_match_has(m, "fqdn")        ? CFG_ID_FQDN
               : cfg_match_has(m, "user-fqdn") ? CFG_ID_EMAIL
                                               : CFG_ID_ADDRESS;
}

static const struct cfg_cmd rows[] = {
    {"description <LINE>", set_description, 0, NULL, false},
    {"set aggressive-mode password <KEY>", set_password, 0, NULL, false},
    {"set aggressive-mode password <0|6|hex> <KEY>", set_password, 0, NULL, false},
    {"set aggressive-mode client-endpoint ipv4-address <A.B.C.D>", set_client, 0, NULL, false},
    {"set aggressive-mode client-endpoint ipv6-address <X:X::X>", set_client, 0, NULL, false},
    {"set aggressive-mode client-endpoint fqdn <WORD>", set_client, 0, NULL, false},
    {"set aggressive-mode client-endpoint user-fqdn <WORD>", set_client, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_isakmp_peer = CFG_ROWS(rows);
