#include "control/ike/ike_child.h"

#include "control/select/sel_flow.h"

#include <string.h>

enum {
    LINGER_MS = 5000, /* inbound: packets in flight */
    OF_TUNNEL_MAX = 64,
    OF_ADDRESS_MAX = 1024
};

bool ike_child_natt(const struct ike_sa *sa)
{
    return sa->natt && (sa->nat_local || sa->nat_remote);
}

static void addresses(const struct ike_sa *sa, struct sam_install *p)
{
    p->local = sa->local;
    p->remote = sa->remote;
    /* UDP encapsulation when a NAT was found (RFC 7296 2.23, RFC 3947 4). Both may speak IKE on 4500 without one. */
    p->natt = ike_child_natt(sa);
    p->behind_nat = p->natt && sa->nat_local;
    if (!p->natt)
        p->local.port = p->remote.port = 0;
    p->vrf_outer = sa->vrf;
}

void ike_child_params(struct ike *e, const struct ike_sa *sa, const char *interface,
                      const struct cfg_ipsec_profile *p, unsigned keepalive_s, struct sam_install *out)
{
    struct cfg_sa_params sp = cfg_sa_params_on(e->cfg, p, interface);
    *out = (struct sam_install){.owner = sa->conn_id,
                                .interface = interface,
                                .ipsec_profile = p->name,
                                .replay_window = sp.replay_disable ? 0 : sp.replay_window,
                                .df = (uint8_t)sp.df,
                                .ecn_drop = sp.ecn_discard,
                                .lifetime_s = sp.lifetime_s,
                                .idle_s = sp.idle_s,
                                .lifetime_bytes = sp.lifetime_kb_disable ? 0 : sp.lifetime_kb * 1024,
                                .lifetime_packets = sp.lifetime_packets,
                                .keepalive_s = (uint16_t)keepalive_s};
    out->tfc_len = (uint16_t)sp.tfc_len;
    out->dummy_ms = sp.dummy_s ? sp.dummy_s * 1000 : sp.dummy_pps ? 1000 / sp.dummy_pps : 0;
    addresses(sa, out);
}

/* ---- what a peer may have ---------------------------------------------------------------------------------------- */
static bool any_peer(const struct ike *e, const char *interface)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, interface);
    return t && sel_flow_any_peer(t);
}

static unsigned children_on(struct ike *e, const char *interface)
{
    unsigned n = 0;
    for (const struct sam_child *c = sam_children_on(e->sam, interface); c; c = c->next_of_tunnel)
        n += c->state != SAM_RETIRING;
    return n;
}

static unsigned children_of(struct ike *e, const struct ike_sa *sa, const char *interface)
{
    unsigned n = 0;
    for (const struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        n += c->state != SAM_RETIRING && strcmp(c->interface, interface) == 0;
    return n;
}

bool ike_child_room(struct ike *e, const struct ike_sa *sa, const char *interface)
{
    unsigned sas, own = 0, all = 0;
    if (!any_peer(e, interface))
        return children_on(e, interface) < OF_TUNNEL_MAX;
    for (const struct ike_sa *o = ike_address_sas(e, sa, &sas); o; o = o->older_at) {
        unsigned n = children_of(e, o, interface);
        all += n;
        own += o == sa || o->peer == sa->peer ? n : 0;
    }
    return own < OF_TUNNEL_MAX && all < OF_ADDRESS_MAX;
}

static bool by_key(const struct ike_sa *sa)
{
    return sa->peer_tag[0] != '\n'; /* else a trust-point's name follows */
}

static bool same_identity(const struct ike_sa *a, const struct ike_sa *b)
{
    return a->peer_id_type == b->peer_id_type && a->peer_id_len == b->peer_id_len &&
           memcmp(a->peer_id, b->peer_id, a->peer_id_len) == 0;
}

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
    if (a->profile != b->profile || strcmp(a->peer_tag, b->peer_tag) != 0)
        return false;
    return by_key(a) || same_identity(a, b);
}

static bool behind_one_nat(const struct ike_sa *a, const struct ike_sa *b)
{
    return (a->nat_remote || b->nat_remote) && ip_addr_equal(&a->auth_remote, &b->auth_remote);
}

/* Where the tunnel names its peer that is one, whatever it calls itself, and another one that is named may stand in for it; but behind a NAT there
 * are others at the same address. */
static bool may_take_over(const struct ike_sa *sa, const struct ike_sa *from, bool any)
{
    return from == sa || same_peer(from, sa) ||
           (!any && (same_identity(from, sa) || !behind_one_nat(from, sa)));
}

static bool overlap(const struct ts *a, unsigned a_count, const struct ts *b, unsigned b_count)
{
    struct ts both;
    for (unsigned i = 0; i < a_count; i++)
        for (unsigned k = 0; k < b_count; k++)
            if (ts_intersect(&a[i], &b[k], &both))
                return true;
    return false;
}

const struct sam_child *ike_child_rival(struct ike *e, const struct ike_sa *sa, const char *interface,
                                        const struct ts *local, unsigned local_count, const struct ts *remote,
                                        unsigned remote_count)
{
    char from[IP_TEXT_MAX];
    const bool any = any_peer(e, interface);
    for (const struct sam_child *c = sam_children_on(e->sam, interface); c; c = c->next_of_tunnel) {
        const struct ike_sa *o = c->state == SAM_RETIRING ? NULL : ike_sa_by_conn(e, c->owner);
        if (!o || may_take_over(sa, o, any) || !overlap(c->ts_local, c->ts_count, local, local_count) ||
            !overlap(c->ts_remote, c->ts_count, remote, remote_count))
            continue;
        ike_log(e, sa, LOG_LEVEL_WARNING, "ipsec",
                "%s: another peer, at %s, IKE SA %u, has a part of these selectors and keeps them", interface,
                ip_endpoint_text(&o->remote, from), o->conn_id);
        return c;
    }
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */
/* Children that outlived a restart have done their duty when a negotiated one is there; where any peer may come, those of that peer. */
static void retire_adopted(struct ike *e, const struct sam_child *c)
{
    struct sam_child *next;
    const bool of_one = any_peer(e, c->interface);
    for (struct sam_child *a = sam_children_of(e->sam, 0); a; a = next) {
        next = a->next_of_owner;
        if (a->state == SAM_ADOPTED && a->if_id == c->if_id &&
            (!of_one || ip_addr_equal(&a->remote.addr, &c->remote.addr)))
            sam_child_delete(e->sam, a, LINGER_MS);
    }
}

static bool holds_all_of(const struct sam_child *c, const struct sam_child *o)
{
    for (unsigned i = 0; i < o->ts_count; i++) {
        unsigned k = 0;
        while (k < c->ts_count && !(ts_contains(&c->ts_local[k], &o->ts_local[i]) &&
                                    ts_contains(&c->ts_remote[k], &o->ts_remote[i])))
            k++;
        if (k == c->ts_count)
            return false;
    }
    return true;
}

/* A worker takes its own SA before a newer one that is for all (RFC 9611). The peer began anew, and if that is because it lost the older IKE SA
 * without saying so (INITIAL_CONTACT), those own ones lead nowhere until that is found dead. What they receive is taken all the same. Where both
 * ends began at once, none of the two is forgotten; and a group's key says nothing of what another of its members has lost. */
static void end_workers_of_before(struct ike *e, const struct ike_sa *sa, const struct sam_child *c)
{
    for (struct sam_child *o = sam_children_on(e->sam, c->interface); o; o = o->next_of_tunnel) {
        const struct ike_sa *before =
            o->owner == c->owner || o->worker == CV_WORKER_ANY || o->state != SAM_INSTALLED
                ? NULL
                : ike_sa_by_conn(e, o->owner);
        if (!before || before->established_ms >= sa->created_ms || !holds_all_of(c, o) ||
            (any_peer(e, c->interface) && !(same_peer(before, sa) && same_identity(before, sa))))
            continue;
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec",
                "worker %u sends no more on 0x%08x of IKE SA %u, which is older", o->worker - 1u, o->out.spi,
                before->conn_id);
        sam_child_end_sending(e->sam, o);
    }
}

void ike_child_up(struct ike *e, struct ike_sa *sa, struct sam_child *c, const char *algorithms, bool rekey)
{
    char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
    if (rekey)
        e->counters.children_rekeyed++;
    else
        e->counters.children_established++;
    ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "child SA %s on %s: SPI in 0x%08x out 0x%08x, %s, %s <-> %s%s",
            rekey ? "rekeyed" : "up", c->interface, c->in.spi, c->out.spi, algorithms,
            ts_text(&c->ts_local[0], local), ts_text(&c->ts_remote[0], remote),
            c->ts_count > 1 ? ", ..." : "");
    struct ike_session *s = ike_session_get(e, c->interface);
    if (s)
        ike_session_child_up(e, s);
    retire_adopted(e, c);
    if (!rekey && c->worker == CV_WORKER_ANY)
        end_workers_of_before(e, sa, c);
}

/* The one that replaced c: the peer has that; a newer one may still wait for the peer to learn of it. Without one, the newest sibling
 * that nobody is about to delete. */
static struct sam_child *successor(struct ike *e, const struct sam_child *c)
{
    struct sam_child *best = c->replaced_by ? sam_child_by_id(e->sam, c->replaced_by) : NULL;
    if (best && best->state == SAM_INSTALLED)
        return best;
    best = NULL;
    for (struct sam_child *o = sam_children_of(e->sam, c->owner); o; o = o->next_of_owner) {
        if (o == c || o->state != SAM_INSTALLED || o->if_id != c->if_id || o->worker != c->worker)
            continue;
        bool better = !best || (best->replaced_by && !o->replaced_by) ||
                      (!best->replaced_by == !o->replaced_by && o->id > best->id);
        if (better)
            best = o;
    }
    return best;
}

void ike_child_remove(struct ike *e, struct sam_child *c, uint64_t linger_ms)
{
    struct sam_child *next = c->state == SAM_INSTALLED ? successor(e, c) : NULL;
    if (next && c->active)
        sam_child_activate(e->sam, next);
    sam_child_delete(e->sam, c, linger_ms);
}

void ike_child_first_packet(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    /* One that we started ourselves sends since it was made; one that was replaced must not come back. */
    if (c->active || c->initiator || c->replaced_by || c->state != SAM_INSTALLED)
        return;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "first packet on SPI 0x%08x: sending on 0x%08x from now on",
            c->in.spi, c->out.spi);
    sam_child_activate(e->sam, c);
}

struct ike_heard ike_last_heard(struct ike *e, const struct ike_sa *sa)
{
    struct ike_heard h = {.at = sa->last_in_ms};
    uint64_t now = ike_now(e);
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner) {
        struct cv_sa_counters in, out;
        uint64_t idle;
        sam_child_counters(e->sam, c, &in, &out, &idle);
        h.sent_packets += out.packets;
        if (idle <= now && now - idle > h.at)
            h.at = now - idle;
    }
    return h;
}
