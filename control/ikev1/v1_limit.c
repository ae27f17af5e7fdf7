#include "control/ikev1/v1_limit.h"

/* A pre-shared key proves no identity: who has it can say another one each time (PF-6), so the address counts as well. */
static bool idle(struct ike *e, const struct ike_sa *o)
{
    return o->ops == &v1_ops && !o->initiator && !o->dead && !sam_children_of(e->sam, o->conn_id);
}

static void drop(struct ike *e, struct ike_sa *eldest, const char *of, unsigned n)
{
    ike_log(e, eldest, LOG_LEVEL_WARNING, "isakmp",
            "the peer's %s has %u IKE SAs without children: the eldest is deleted", of, n);
    v1_delete_sa(e, eldest, IKE_REASON_REPLACED);
}

static void bound_identity(struct ike *e, struct ike_sa *sa)
{
    unsigned n = 0;
    struct ike_sa *eldest = NULL;
    for (struct ike_sa *o = ike_peer_sas(e, sa); o; o = o->next_of_peer) { /* the newest first */
        if (!idle(e, o) || !ip_addr_equal(&o->auth_remote, &sa->auth_remote))
            continue;
        n++;
        eldest = o;
    }
    if (n > V1_PEER_SAS_MAX && eldest != sa)
        drop(e, eldest, "identity", n);
}

static void bound_address(struct ike *e, struct ike_sa *sa)
{
    unsigned all, n = 0;
    struct ike_sa *eldest = NULL, *o = ike_address_sas(e, sa, &all);
    if (all <= V1_ADDRESS_SAS_MAX)
        return;
    for (; o; o = o->older_at)
        if (idle(e, o)) {
            n++;
            eldest = o;
        }
    if (n > V1_ADDRESS_SAS_MAX && eldest != sa)
        drop(e, eldest, "address", n);
}

void v1_bound_peer(struct ike *e, struct ike_sa *sa)
{
    if (sa->initiator || sa->dead)
        return;
    bound_identity(e, sa);
    bound_address(e, sa);
}
