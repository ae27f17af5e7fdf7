/* A new configuration: whoever finds tunnel, profiles and key as they were stays; everybody else starts anew. Fields are
 * compared one by one, because lines move and padding is nobody's. */
#include "control/ike/ike_core.h"

#include <stdlib.h>
#include <string.h>

static bool same_secret(const struct secret *a, const struct secret *b)
{
    return a->n == b->n && secret_equal(a->p, b->p, a->n);
}

static bool same_id(const struct cfg_id *a, const struct cfg_id *b)
{
    return a->kind == b->kind && ip_prefix_equal(&a->prefix, &b->prefix) && strcmp(a->text, b->text) == 0;
}

static bool same_dpd(struct cfg_dpd a, struct cfg_dpd b)
{
    return a.set == b.set && a.interval_s == b.interval_s && a.retry_s == b.retry_s &&
           a.periodic == b.periodic;
}

/* ---- certificates ---------------------------------------------------------------------------------------------- */
/* What changes between the two that a session rests on. */
struct change {
    const struct cfg *old, *new;
};

static bool same_map_lines(const struct cfg_certmap *a, const struct cfg_certmap *b)
{
    if (a->seq != b->seq || a->line_count != b->line_count)
        return false;
    for (unsigned i = 0; i < a->line_count; i++)
        if (a->lines[i].field != b->lines[i].field || a->lines[i].op != b->lines[i].op ||
            a->lines[i].time != b->lines[i].time || strcmp(a->lines[i].text, b->lines[i].text) != 0)
            return false;
    return true;
}

/* The next sequence of a map from `at` on; NULL: there is none. */
static const struct cfg_certmap *next_of_map(const struct cfg *c, const char *name, unsigned *at)
{
    while (*at < c->certmap_count)
        if (strcmp(c->certmaps[(*at)++].name, name) == 0)
            return &c->certmaps[*at - 1];
    return NULL;
}

static bool same_map(const struct change *ch, const char *name)
{
    unsigned i = 0, k = 0;
    const struct cfg_certmap *a, *b;
    do {
        a = next_of_map(ch->old, name, &i);
        b = next_of_map(ch->new, name, &k);
        if (!a != !b || (a && !same_map_lines(a, b)))
            return false;
    } while (a);
    return true;
}

static bool same_maps(const struct change *ch, const struct cfg_certmap_ref *a, unsigned a_count,
                      const struct cfg_certmap_ref *b, unsigned b_count)
{
    if (a_count != b_count)
        return false;
    for (unsigned i = 0; i < a_count; i++)
        if (strcmp(a[i].name, b[i].name) != 0 || !same_map(ch, a[i].name))
            return false;
    return true;
}

/* peer_tag is the trust-point, behind a line feed. */
static bool peers_trustpoint_stays(const struct ike_sa *sa, const struct cfg *new)
{
    return !sa->peer_cert || cfg_find_trustpoint(new, sa->peer_tag + 1) != NULL;
}

static bool same_trust(const struct change *ch, const struct cfg_ikev2_profile *a,
                       const struct cfg_ikev2_profile *b)
{
    if (a->trustpoint_count != b->trustpoint_count)
        return false;
    for (unsigned i = 0; i < a->trustpoint_count; i++)
        if (strcmp(a->trustpoints[i].name, b->trustpoints[i].name) != 0 ||
            a->trustpoints[i].sign != b->trustpoints[i].sign ||
            a->trustpoints[i].verify != b->trustpoints[i].verify)
            return false;
    return same_maps(ch, a->certmaps, a->certmap_count, b->certmaps, b->certmap_count);
}

static bool same_trust1(const struct change *ch, const struct cfg_isakmp_profile *a,
                        const struct cfg_isakmp_profile *b)
{
    if (a->trustpoint_count != b->trustpoint_count)
        return false;
    for (unsigned i = 0; i < a->trustpoint_count; i++)
        if (strcmp(a->trustpoints[i], b->trustpoints[i]) != 0)
            return false;
    return same_maps(ch, a->certmaps, a->certmap_count, b->certmaps, b->certmap_count);
}

/* ---- IKEv2 ------------------------------------------------------------------------------------------------------ */
static bool same_ikev2_profile(const struct change *ch, const struct cfg_ikev2_profile *a,
                               const struct cfg_ikev2_profile *b)
{
    if (a->shutdown != b->shutdown || a->fvrf_any != b->fvrf_any || strcmp(a->fvrf, b->fvrf) != 0 ||
        a->local_count != b->local_count || a->match_count != b->match_count ||
        !same_id(&a->identity, &b->identity) || a->auth_local != b->auth_local ||
        a->auth_remote != b->auth_remote || !same_secret(&a->auth_local_key, &b->auth_local_key) ||
        !same_secret(&a->auth_remote_key, &b->auth_remote_key) || strcmp(a->keyring, b->keyring) != 0 ||
        a->lifetime_s != b->lifetime_s || !same_dpd(a->dpd, b->dpd) ||
        a->nat_keepalive_s != b->nat_keepalive_s)
        return false;
    for (unsigned i = 0; i < a->local_count; i++)
        if (!ip_addr_equal(&a->local[i].addr, &b->local[i].addr) ||
            strcmp(a->local[i].interface, b->local[i].interface) != 0)
            return false;
    for (unsigned i = 0; i < a->match_count; i++)
        if (!same_id(&a->match[i], &b->match[i]))
            return false;
    return same_trust(ch, a, b);
}

static bool same_peer(const struct cfg_ikev2_peer *a, const struct cfg_ikev2_peer *b)
{
    return a->has_address == b->has_address && ip_prefix_equal(&a->address, &b->address) &&
           strcmp(a->hostname, b->hostname) == 0 && same_id(&a->identity, &b->identity) &&
           same_secret(&a->psk_local, &b->psk_local) && same_secret(&a->psk_remote, &b->psk_remote);
}

static bool same_keyring(const struct cfg_ikev2_keyring *a, const struct cfg_ikev2_keyring *b)
{
    if (!a || !b || a->peer_count != b->peer_count)
        return a == b;
    for (unsigned i = 0; i < a->peer_count; i++)
        if (!same_peer(&a->peers[i], &b->peers[i]))
            return false;
    return true;
}

static bool same_transform_set(const struct cfg_transform_set *a, const struct cfg_transform_set *b)
{
    if (!a || !b)
        return a == b;
    return a->encr == b->encr && a->key_bits == b->key_bits && a->integ == b->integ &&
           a->ah_integ == b->ah_integ && a->transport == b->transport &&
           a->transport_require == b->transport_require;
}

static bool same_sa_params(struct cfg_sa_params a, struct cfg_sa_params b)
{
    return a.lifetime_s == b.lifetime_s && a.lifetime_kb == b.lifetime_kb &&
           a.lifetime_packets == b.lifetime_packets && a.lifetime_kb_disable == b.lifetime_kb_disable &&
           a.replay_window == b.replay_window && a.replay_disable == b.replay_disable &&
           a.idle_s == b.idle_s && a.df == b.df && a.ecn_discard == b.ecn_discard && a.esn == b.esn &&
           a.dummy_pps == b.dummy_pps && a.dummy_s == b.dummy_s && a.tfc_len == b.tfc_len &&
           a.per_worker_set == b.per_worker_set && a.per_worker == b.per_worker;
}

static bool same_ipsec_profile(const struct cfg *old, const struct cfg_ipsec_profile *a,
                               const struct cfg *new, const struct cfg_ipsec_profile *b)
{
    if (!a || !b || a->transform_set_count != b->transform_set_count)
        return a == b;
    if (strcmp(a->isakmp_profile, b->isakmp_profile) != 0 ||
        strcmp(a->ikev2_profile, b->ikev2_profile) != 0 || a->pfs != b->pfs || a->pfs_group != b->pfs_group ||
        a->responder_only != b->responder_only ||
        !same_sa_params(cfg_sa_params_effective(old, a), cfg_sa_params_effective(new, b)))
        return false;
    for (unsigned i = 0; i < a->transform_set_count; i++)
        if (strcmp(a->transform_sets[i], b->transform_sets[i]) != 0 ||
            !same_transform_set(cfg_find_transform_set(old, a->transform_sets[i]),
                                cfg_find_transform_set(new, b->transform_sets[i])))
            return false;
    return a->transform_set_count > 0 ||
           same_transform_set(cfg_find_transform_set(old, "default"), cfg_find_transform_set(new, "default"));
}

static bool same_flow(const struct cfg_flow *a, const struct cfg_flow *b)
{
    if (!a || !b)
        return a == b;
    if (a->is_dynamic != b->is_dynamic || a->has_acl != b->has_acl || strcmp(a->group, b->group) != 0 ||
        !ts_equal(&a->local, &b->local) || !ts_equal(&a->remote, &b->remote) ||
        a->peer_count != b->peer_count)
        return false;
    for (unsigned i = 0; i < a->peer_count; i++)
        if (!ip_addr_equal(&a->peers[i], &b->peers[i]))
            return false;
    return true;
}

static bool same_tunnel(const struct cfg *old, const struct cfg_interface *a, const struct cfg *new,
                        const struct cfg_interface *b)
{
    struct ip_addr source_a = {0}, source_b = {0};
    if (!a || !b)
        return false;
    return cfg_tunnel_source(old, a, &source_a) == cfg_tunnel_source(new, b, &source_b) &&
           ip_addr_equal(&source_a, &source_b) &&
           ip_addr_equal(&a->tunnel_destination, &b->tunnel_destination) &&
           strcmp(a->tunnel_destination_host, b->tunnel_destination_host) == 0 &&
           same_flow(a->flow, b->flow) && a->shutdown == b->shutdown && a->tunnel_mode == b->tunnel_mode &&
           strcmp(a->vrf, b->vrf) == 0 && strcmp(a->tunnel_vrf, b->tunnel_vrf) == 0 &&
           strcmp(a->protection_profile, b->protection_profile) == 0 &&
           same_ipsec_profile(old, cfg_find_ipsec_profile(old, a->protection_profile), new,
                              cfg_find_ipsec_profile(new, b->protection_profile));
}

/* ---- IKEv1 ------------------------------------------------------------------------------------------------------ */
static bool same_local(const struct cfg_isakmp_local *a, const struct cfg_isakmp_local *b)
{
    return ip_addr_equal(&a->addr, &b->addr) && strcmp(a->interface, b->interface) == 0;
}

static bool same_isakmp_profile(const struct change *ch, const struct cfg_isakmp_profile *a,
                                const struct cfg_isakmp_profile *b)
{
    if (strcmp(a->fvrf, b->fvrf) != 0 || a->keyring_count != b->keyring_count ||
        !same_id(&a->self, &b->self) || a->match_count != b->match_count ||
        !same_local(&a->local, &b->local) || !same_dpd(a->dpd, b->dpd) || a->aggressive != b->aggressive)
        return false;
    for (unsigned i = 0; i < a->keyring_count; i++)
        if (strcmp(a->keyrings[i], b->keyrings[i]) != 0)
            return false;
    for (unsigned i = 0; i < a->match_count; i++)
        if (!same_id(&a->match[i], &b->match[i]))
            return false;
    return same_trust1(ch, a, b);
}

static bool same_isakmp_keyring(const struct cfg_isakmp_keyring *a, const struct cfg_isakmp_keyring *b)
{
    if (!a || !b || a->key_count != b->key_count || strcmp(a->vrf, b->vrf) != 0 ||
        !same_local(&a->local, &b->local))
        return false;
    for (unsigned i = 0; i < a->key_count; i++) {
        const struct cfg_isakmp_key *x = &a->keys[i], *y = &b->keys[i];
        if (x->has_address != y->has_address || !ip_prefix_equal(&x->address, &y->address) ||
            strcmp(x->hostname, y->hostname) != 0 || !same_secret(&x->key, &y->key))
            return false;
    }
    return true;
}

/* The profile as it was, or still none; and the keyring whose key proved the peer (its name is peer_tag). */
static bool sa1_stays(const struct ike_sa *sa, const struct cfg *old, const struct cfg *new)
{
    const struct change ch = {old, new};
    if (sa->profile1) {
        const struct cfg_isakmp_profile *p = cfg_find_isakmp_profile(new, sa->profile1->name);
        if (!p || !same_isakmp_profile(&ch, sa->profile1, p))
            return false;
    }
    if (sa->peer_cert)
        return !new->isakmp_disabled &&peers_trustpoint_stays(sa, new);
    return !new->isakmp_disabled &&same_isakmp_keyring(cfg_find_isakmp_keyring(old, sa->peer_tag),
                                                       cfg_find_isakmp_keyring(new, sa->peer_tag));
}

/* In Aggressive Mode the profile is chosen by the first message: what proves the peer later is not judged without it, or by other trust-points. */
static bool trust1_stays(const struct ike_sa *sa, const struct change *ch)
{
    const struct cfg_isakmp_profile *p =
        sa->profile1 ? cfg_find_isakmp_profile(ch->new, sa->profile1->name) : NULL;
    return !sa->profile1 || (p && same_trust1(ch, sa->profile1, p));
}

static bool sa_stays(const struct ike_sa *sa, const struct cfg *old, const struct cfg *new)
{
    const struct change ch = {old, new};
    if (sa->established && sa->ops->version == 1)
        return sa1_stays(sa, old, new);
    if (sa->ops->version == 1 && !sa->initiator) /* G2: it goes on with the key that it began with */
        return !new->isakmp_disabled &&trust1_stays(sa, &ch);
    if (!sa->established || !sa->profile)
        return false;
    const struct cfg_ikev2_profile *p = cfg_find_profile(new, sa->profile->name);
    if (!p || !same_ikev2_profile(&ch, sa->profile, p) || !peers_trustpoint_stays(sa, new) ||
        !same_keyring(cfg_find_keyring(old, sa->profile->keyring), cfg_find_keyring(new, p->keyring)))
        return false;
    return true;
}

static bool tunnel_stays(const char *name, const struct cfg *old, const struct cfg *new)
{
    return same_tunnel(old, cfg_find_interface(old, name), new, cfg_find_interface(new, name));
}

static void resume(struct ike_session *s)
{
    if (s->wanted) {
        s->resume = true;
        s->resume_persistent = s->persistent;
    }
}

/* Ends an SA that does not fit any more; its session, when it is still there and was wanted, starts again. */
static void restart(struct ike *e, struct ike_sa *sa)
{
    struct ike_session *served[IKE_SERVED_MAX];
    unsigned n = ike_session_served(e, sa, served, IKE_SERVED_MAX);
    for (unsigned i = 0; i < n; i++)
        resume(served[i]);
    sa->ops->delete_sa(e, sa, IKE_REASON_CLEARED);
}

/* One IKE SA may serve several tunnels between the same gateways: each child answers for its own. */
static void leave_changed_tunnels(struct ike *e, struct ike_sa *sa, const struct cfg *old,
                                  const struct cfg *new)
{
    struct ike_session *served[IKE_SERVED_MAX];
    unsigned n = ike_session_served(e, sa, served, IKE_SERVED_MAX), changed = 0;
    for (unsigned i = 0; i < n; i++)
        changed += !tunnel_stays(served[i]->interface, old, new);
    if (changed > 0 && changed == n) {
        restart(e, sa);
        return;
    }
    for (unsigned i = 0; changed > 0 && i < n; i++) {
        if (tunnel_stays(served[i]->interface, old, new))
            continue;
        resume(served[i]);
        if (!ike_sa_leave_tunnel(e, sa, served[i]->interface)) {
            restart(e, sa);
            return;
        }
    }
}

/* Adopted children belong to no IKE SA that could answer for them. */
static void drop_stray_children(struct ike *e, const struct cfg *old, const struct cfg *new)
{
    struct sam_child *next;
    for (struct sam_child *c = sam_children_of(e->sam, 0); c; c = next) {
        next = c->next_of_owner;
        if (c->state == SAM_ADOPTED && !same_tunnel(old, cfg_find_interface(old, c->interface), new,
                                                    cfg_find_interface(new, c->interface)))
            sam_child_delete(e->sam, c, 0);
    }
}

void ike_reconfigure(struct ike *e, const struct cfg *cfg)
{
    const struct cfg *old = e->cfg;
    struct ike_session *s, *next;
    unsigned n;
    uint32_t *ids = ike_sa_ids(e, &n);
    for (unsigned i = 0; i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        if (sa && !sa_stays(sa, old, cfg))
            restart(e, sa);
        else if (sa)
            leave_changed_tunnels(e, sa, old, cfg);
    }
    free(ids);
    drop_stray_children(e, old, cfg);
    e->cfg = cfg;
    ids = ike_sa_ids(e, &n); /* what is being deleted stays for its last exchange */
    for (unsigned i = 0; i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        sa->profile = sa->profile ? cfg_find_profile(cfg, sa->profile->name) : NULL;
        sa->profile1 = sa->profile1 ? cfg_find_isakmp_profile(cfg, sa->profile1->name) : NULL;
        sa->ops->reconfigured(e, sa);
    }
    free(ids);
    ike_sessions_sync(e);
    HASH_ITER (hh, e->sessions, s, next) {
        if (s->resume)
            ike_session_want(e, s, s->resume_persistent);
        s->resume = false;
    }
    ike_sessions_run(e);
    ike_reap(e);
}
