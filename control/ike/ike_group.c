/* Entries of crypto maps: the sessions of their permit lines share one IKE SA, and the list of peers (PR-12). */
#include "control/ike/ike_core.h"

#include <string.h>

static const struct cfg_flow *flow_of(const struct ike_session *s)
{
    return s->tunnel ? s->tunnel->flow : NULL;
}

static bool siblings(const struct ike_session *a, const struct ike_session *b)
{
    return a != b && flow_of(a) && flow_of(b) && strcmp(flow_of(a)->group, flow_of(b)->group) == 0;
}

struct ike_sa *ike_group_sa(struct ike *e, const struct ike_session *s)
{
    struct ike_session *o, *next;
    struct ike_sa *under_way = NULL;
    const struct ip_addr peer = ike_session_peer(s);
    HASH_ITER (hh, e->sessions, o, next) {
        struct ike_sa *sa = siblings(s, o) ? ike_sa_by_conn(e, o->conn_id) : NULL;
        if (!sa || sa->given_up || !ip_addr_equal(&sa->remote.addr, &peer))
            continue;
        if (sa->established)
            return sa;
        under_way = sa;
    }
    return under_way;
}

uint64_t ike_group_pause(struct ike *e, const struct ike_session *s)
{
    struct ike_session *o, *next;
    uint64_t until = 0;
    HASH_ITER (hh, e->sessions, o, next)
        if (siblings(s, o) && o->failures > 0 && o->retry_at_ms != UINT64_MAX && o->retry_at_ms > until)
            until = o->retry_at_ms;
    return until;
}

void ike_group_established(struct ike *e, const struct ike_sa *sa)
{
    struct ike_session *s = sa->session[0] ? ike_session_get(e, sa->session) : NULL, *o, *next;
    if (!s || !flow_of(s))
        return;
    HASH_ITER (hh, e->sessions, o, next)
        if (siblings(s, o) && o->wanted && o->retry_at_ms != UINT64_MAX)
            ike_session_retry_at(e, o, ike_now(e));
}

unsigned ike_group_peers(const struct ike_session *s)
{
    return flow_of(s) && flow_of(s)->peer_count > 1 ? flow_of(s)->peer_count : 1;
}

/* What is under way stays, with whomever: its session hears how it ends. */
static void to_first_peer(struct ike *e, struct ike_session *s)
{
    struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    s->peer_turn = 0;
    const struct ip_addr first = ike_session_peer(s);
    if (!sa || !sa->established || ip_addr_equal(&sa->auth_remote, &first))
        return;
    const struct ike_session *named = sa->session[0] ? ike_session_get(e, sa->session) : NULL;
    s->conn_id = 0; /* else the next child would be made on it, with the peer that it is of */
    if (named && (named == s || siblings(named, s))) /* another entry's may be on it, too */
        sa->session[0] = '\0';
}

static bool has_other_child(const struct ike *e, const struct ike_session *s, const struct sam_child *idle)
{
    for (const struct sam_child *c = sam_children_on(e->sam, s->interface); c; c = c->next_of_tunnel)
        if (c != idle && c->state != SAM_RETIRING && c->worker == CV_WORKER_ANY)
            return true;
    return false;
}

void ike_group_first_peer(struct ike *e, struct ike_session *s, const struct sam_child *idle)
{
    struct ike_session *o, *next;
    if (ike_group_peers(s) < 2 || has_other_child(e, s, idle))
        return;
    HASH_ITER (hh, e->sessions, o, next)
        if (siblings(s, o) && ike_session_has_child(e, o->interface))
            return;
    to_first_peer(e, s);
    HASH_ITER (hh, e->sessions, o, next)
        if (siblings(s, o))
            to_first_peer(e, o);
}

void ike_group_next_peer(struct ike *e, struct ike_session *s)
{
    struct ike_session *o, *next;
    if (ike_group_peers(s) < 2)
        return;
    s->peer_turn = (s->peer_turn + 1) % ike_group_peers(s);
    HASH_ITER (hh, e->sessions, o, next)
        if (siblings(s, o))
            o->peer_turn = s->peer_turn;
}
