#include "control/ike/ike_natt.h"

#include "control/crypto/cr_keymat2.h"

#include <string.h>

enum { HASH_LEN = 20 };

static cv_result put_hash(struct pld_builder *b, uint16_t type, const uint8_t spi_i[8],
                          const uint8_t spi_r[8], const struct ip_endpoint *end)
{
    uint8_t hash[HASH_LEN];
    CV_TRY(cr_nat_hash(spi_i, spi_r, end, hash));
    pld_put_notify(b, PLD_PROTO_NONE, (struct slice){0}, type, (struct slice){hash, sizeof hash});
    return CV_OK;
}

cv_result ike_nat_put(struct pld_builder *b, const uint8_t spi_i[8], const uint8_t spi_r[8],
                      const struct ip_endpoint *local, const struct ip_endpoint *remote)
{
    CV_TRY(put_hash(b, PLD_N_NAT_DETECTION_SOURCE_IP, spi_i, spi_r, local));
    return put_hash(b, PLD_N_NAT_DETECTION_DESTINATION_IP, spi_i, spi_r, remote);
}

cv_result ike_nat_detect(const struct pld_message *m, const struct ip_endpoint *local,
                         const struct ip_endpoint *remote, struct ike_nat *out)
{
    uint8_t at_source[HASH_LEN], at_destination[HASH_LEN];
    bool source = false, source_match = false, destination = false, destination_match = false;
    CV_TRY(cr_nat_hash(m->header.spi_i, m->header.spi_r, remote, at_source));
    CV_TRY(cr_nat_hash(m->header.spi_i, m->header.spi_r, local, at_destination));
    for (unsigned i = 0; i < m->notify_count; i++) {
        const struct pld_notify *n = &m->notifies[i];
        if (n->type == PLD_N_NAT_DETECTION_SOURCE_IP) { /* a peer with several addresses sends several */
            source = true;
            source_match |= n->data.n == HASH_LEN && memcmp(n->data.p, at_source, HASH_LEN) == 0;
        } else if (n->type == PLD_N_NAT_DETECTION_DESTINATION_IP) {
            destination = true;
            destination_match |= n->data.n == HASH_LEN && memcmp(n->data.p, at_destination, HASH_LEN) == 0;
        }
    }
    out->seen = source && destination;
    out->remote = out->seen && !source_match;
    out->local = out->seen && !destination_match;
    return CV_OK;
}

void ike_nat_float(struct ike_sa *sa)
{
    sa->natt = true;
    sa->local.port = IKE_PORT_NATT;
    sa->remote.port = IKE_PORT_NATT;
}

/* ---- mappings that change ---------------------------------------------------------------------------------------- */
static bool expects(const struct cfg_interface *t, const struct ip_addr *a)
{
    for (unsigned i = 0; t->flow && i < t->flow->peer_count; i++)
        if (ip_addr_equal(&t->flow->peers[i], a))
            return true;
    return ip_addr_equal(&t->tunnel_destination, a);
}

/* Who moves must not come to stand where another tunnel's peer is expected. */
static bool may_move_to(const struct ike *e, const struct ike_sa *sa, const struct ip_addr *to)
{
    if (ip_addr_equal(to, &sa->remote.addr) || ip_addr_equal(to, &sa->auth_remote))
        return true; /* another port, or home again */
    if (to->family != sa->local.addr.family || ip_addr_is_any(to))
        return false;
    for (unsigned i = 0; i < e->cfg->interface_count; i++)
        if (cfg_is_protected(&e->cfg->interfaces[i]) && expects(&e->cfg->interfaces[i], to))
            return false;
    return true;
}

/* Only a peer behind a NAT has a mapping that can change, and only ours is known not to. */
static bool may_change(const struct ike_sa *sa, const struct ip_endpoint *remote)
{
    return sa->natt && sa->nat_remote && !sa->nat_local && !ip_endpoint_equal(&sa->remote, remote);
}

bool ike_nat_may_follow(const struct ike *e, const struct ike_sa *sa, const struct ip_endpoint *remote)
{
    return may_change(sa, remote) && may_move_to(e, sa, &remote->addr);
}

/* In transport mode the peer's address is that of the packets and of the selectors: such a child ends, and is negotiated anew when there is traffic. */
static void child_follows(struct ike *e, struct ike_sa *sa, struct sam_child *c,
                          const struct ip_endpoint *remote)
{
    if (!c->transport || ip_addr_equal(&c->remote.addr, &remote->addr))
        sam_child_set_remote(e->sam, c, remote);
    else if (c->state != SAM_RETIRING && sa->ops->delete_child(e, sa, c) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "child 0x%08x is left behind without a delete", c->in.spi);
}

void ike_nat_follow(struct ike *e, struct ike_sa *sa, const struct ip_endpoint *remote)
{
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX];
    struct sam_child *next;
    if (!may_change(sa, remote))
        return;
    if (!may_move_to(e, sa, &remote->addr)) {
        ike_log_unauth(e, remote, "%s does not move here: the address is another tunnel's",
                       ip_endpoint_text(&sa->remote, from));
        return;
    }
    ike_log(e, sa, LOG_LEVEL_INFO, sa->ops->version == 1 ? "isakmp" : "ikev2",
            "the peer's NAT mapping changed from %s to %s", ip_endpoint_text(&sa->remote, from),
            ip_endpoint_text(remote, to));
    sa->remote = *remote;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = next) {
        next = c->next_of_owner;
        if (c->natt)
            child_follows(e, sa, c, remote);
    }
}
