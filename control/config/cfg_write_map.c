#include "control/config/cfg_ace.h"
#include "control/config/cfg_write.h"

#include <stdlib.h>
#include <string.h>

/* Sequence numbers are written where they are not what they would become without. */
static void put_acl(struct cfg_writer *w, const struct cfg_acl *a)
{
    char text[CFG_ACE_TEXT_MAX];
    unsigned next = 10;
    cfg_put_word(w, a->ipv6 ? "!\nipv6 access-list " : "!\nip access-list extended ", a->name, "");
    for (unsigned i = 0; i < a->ace_count; i++) {
        if (a->aces[i].seq == next)
            cfg_put(w, " %s\n", cfg_ace_text(&a->aces[i], text));
        else
            cfg_put(w, " %s%u %s\n", a->ipv6 ? "sequence " : "", a->aces[i].seq,
                    cfg_ace_text(&a->aces[i], text));
        next = a->aces[i].seq + 10;
    }
}

static const char *command(const struct cfg_crypto_map *m)
{
    return m->ipv6 ? "!\ncrypto map ipv6 " : "!\ncrypto map ";
}

static void put_entry(struct cfg_writer *w, const struct cfg_crypto_map *m, const struct cfg_map_entry *e)
{
    char addr[IP_TEXT_MAX];
    cfg_put_name(w, m->dynamic ? "!\ncrypto dynamic-map " : command(m), m->name);
    cfg_put(w, " %u%s", e->seq, m->dynamic ? "" : " ipsec-isakmp");
    if (e->dynamic[0]) {
        cfg_put_word(w, " dynamic ", e->dynamic, "");
        return;
    }
    cfg_put(w, "\n");
    for (unsigned i = 0; i < e->peer_count; i++)
        cfg_put(w, " set peer %s%s\n", ip_addr_text(&e->peers[i].addr, addr),
                e->peers[i].is_default ? " default" : "");
    cfg_write_ipsec_lines(w, &e->ipsec);
    if (e->acl[0])
        cfg_put_word(w, " match address ", e->acl, "");
    if (e->reverse_route)
        cfg_put(w, " reverse-route\n");
    cfg_write_rate_limits(w, e->rate_limit);
}

static void put_map(struct cfg_writer *w, const struct cfg_crypto_map *m)
{
    if (m->local_address[0]) {
        cfg_put_name(w, command(m), m->name);
        cfg_put(w, " local-address %s\n", m->local_address);
    }
    if (m->isakmp_profile[0]) {
        cfg_put_name(w, command(m), m->name);
        cfg_put_word(w, " isakmp-profile ", m->isakmp_profile, "");
    }
    for (unsigned i = 0; i < m->entry_count; i++)
        put_entry(w, m, &m->entries[i]);
}

void cfg_write_map(struct cfg_writer *w, const struct cfg *c)
{
    for (unsigned i = 0; i < c->acl_count; i++)
        put_acl(w, &c->acls[i]);
    for (unsigned i = 0; i < c->map_count; i++)
        put_map(w, &c->maps[i]);
}
