/* Children that outlived the daemon, held against the configuration it has started with. */
#include "control/ike/ike_core.h"

#include "control/select/sel_proposal.h"

#include <string.h>

static bool offered(const struct sel_offer *o, uint8_t type, uint16_t id, uint16_t key_bits)
{
    for (unsigned i = 0; i < o->count; i++)
        if (o->t[i].type == type && o->t[i].id == id &&
            (!key_bits || !o->t[i].key_bits || o->t[i].key_bits == key_bits))
            return true;
    return false;
}

/* One of the profile's transform sets, as it would be negotiated today. */
static bool transform_fits(const struct ike *e, const struct cfg_ipsec_profile *p, const struct sam_child *c)
{
    struct sel_offers ours;
    if (!sel_esp_offers(e->cfg, p, false, &ours))
        return false;
    for (unsigned i = 0; i < ours.count; i++)
        if ((ours.offer[i].proto == SEL_PROTO_AH) == sam_is_ah(c) &&
            (sam_is_ah(c) || offered(&ours.offer[i], SEL_TYPE_ENCR, c->encr, c->key_bits)) &&
            (c->integ == CV_INTEG_NONE || offered(&ours.offer[i], SEL_TYPE_INTEG, c->integ, 0)) &&
            offered(&ours.offer[i], SEL_TYPE_ESN, c->esn, 0))
            return true;
    return false;
}

static bool selectors_fit(const struct cfg *cfg, const struct cfg_interface *t, const struct sam_child *c)
{
    struct ts local, remote;
    if (!cfg_selectors(cfg, t, &local, &remote))
        return false;
    for (unsigned i = 0; i < c->ts_count; i++)
        if (!ts_contains(&local, &c->ts_local[i]) || !ts_contains(&remote, &c->ts_remote[i]))
            return false;
    return c->ts_count > 0;
}

static bool is_peer(const struct cfg_interface *t, const struct ip_addr *a)
{
    for (unsigned i = 0; t->flow && i < t->flow->peer_count; i++)
        if (ip_addr_equal(&t->flow->peers[i], a))
            return true;
    return ip_addr_equal(&t->tunnel_destination, a);
}

bool ike_adopt_fits(const struct ike *e, const struct sam_child *c)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, c->interface);
    const struct cfg_ipsec_profile *p =
        t && cfg_is_protected(t) ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    struct ip_addr source;
    if (!p || !cfg_tunnel_source(e->cfg, t, &source) || !ip_addr_equal(&source, &c->local.addr))
        return false;
    /* behind a NAT the peer may have moved since; a destination by name is not known yet */
    if (!c->natt && !ip_addr_is_any(&t->tunnel_destination) && !is_peer(t, &c->remote.addr))
        return false;
    return selectors_fit(e->cfg, t, c) && transform_fits(e, p, c);
}

void ike_adopt_drop_unfit(struct ike *e)
{
    struct sam_child *next;
    for (struct sam_child *c = sam_children_of(e->sam, 0); c; c = next) {
        next = c->next_of_owner;
        if (c->state != SAM_ADOPTED || ike_adopt_fits(e, c))
            continue;
        ike_log(e, NULL, LOG_LEVEL_WARNING, "ipsec",
                "child 0x%08x of %s does not fit the configuration any more", c->in.spi, c->interface);
        sam_child_delete(e->sam, c, 0);
    }
}
