#include "control/ike/ike_core.h"

#include "common/secret.h"
#include "control/pki/pki_cert.h"

#include <stdlib.h>
#include <string.h>

/* Old inbound SAs of a peer that may still send on them live on for packets in flight. */
enum { LINGER_MS = 1000 };

static const uint8_t zero_spi[8];

static void fresh_spi(struct ike *e, uint8_t spi[8])
{
    do
        ike_random(e, spi, 8);
    while (memcmp(spi, zero_spi, 8) == 0 || ike_sa_by_spi(e, spi));
}

static uint32_t fresh_conn_id(struct ike *e)
{
    do
        e->last_conn_id++;
    while (e->last_conn_id == 0 || ike_sa_by_conn(e, e->last_conn_id));
    return e->last_conn_id;
}

struct ike_sa *ike_sa_new_spi(struct ike *e, const struct ike_version_ops *ops, bool initiator,
                              const uint8_t spi_own[8])
{
    if (ike_sa_by_spi(e, spi_own))
        return NULL;
    struct ike_sa *sa = calloc(1, sizeof *sa);
    if (!sa)
        return NULL;
    sa->ops = ops;
    sa->initiator = initiator;
    sa->conn_id = fresh_conn_id(e);
    memcpy(sa->spi_own, spi_own, 8);
    memcpy(initiator ? sa->spi_i : sa->spi_r, spi_own, 8);
    sa->created_ms = sa->last_in_ms = ike_now(e);
    sa->timer_at = UINT64_MAX;
    sa->auth_own = sa->auth_peer = IKE_AUTH_PSK; /* until a signature says otherwise */
    if (!ike_heap_add(e, sa)) {
        free(sa);
        return NULL;
    }
    HASH_ADD(hh_conn, e->by_conn, conn_id, sizeof sa->conn_id, sa);
    HASH_ADD(hh_spi, e->by_spi, spi_own, sizeof sa->spi_own, sa);
    return sa;
}

struct ike_sa *ike_sa_new(struct ike *e, const struct ike_version_ops *ops, bool initiator)
{
    uint8_t spi[8];
    fresh_spi(e, spi);
    return ike_sa_new_spi(e, ops, initiator, spi);
}

struct ike_sa *ike_sa_by_conn(struct ike *e, uint32_t conn_id)
{
    struct ike_sa *sa = NULL;
    HASH_FIND(hh_conn, e->by_conn, &conn_id, sizeof conn_id, sa);
    return sa;
}

struct ike_sa *ike_sa_by_spi(struct ike *e, const uint8_t own_spi[8])
{
    struct ike_sa *sa = NULL;
    HASH_FIND(hh_spi, e->by_spi, own_spi, 8, sa);
    return sa;
}

static struct ike_init_key init_key(const struct ike_version_ops *ops, const uint8_t spi_i[8],
                                    const struct ip_endpoint *remote, uint16_t vrf)
{
    struct ike_init_key k;
    memset(&k, 0, sizeof k);
    memcpy(k.spi_i, spi_i, sizeof k.spi_i);
    k.remote = *remote;
    k.remote.pad = 0;
    k.vrf = vrf;
    k.version = (uint16_t)ops->version;
    return k;
}

void ike_sa_index_init(struct ike *e, struct ike_sa *sa)
{
    sa->init_key = init_key(sa->ops, sa->spi_i, &sa->remote, sa->vrf);
    HASH_ADD(hh_init, e->by_init, init_key, sizeof sa->init_key, sa);
    sa->in_init_table = true;
}

struct ike_sa *ike_sa_by_init(struct ike *e, const struct ike_version_ops *ops, const uint8_t spi_i[8],
                              const struct ike_datagram *d)
{
    struct ike_init_key k = init_key(ops, spi_i, &d->remote, d->vrf);
    struct ike_sa *sa = NULL;
    HASH_FIND(hh_init, e->by_init, &k, sizeof k, sa);
    return sa;
}

/* Another IKE SA may have a child of the same tunnel, when both ends began at once: it sends from now on. */
static void promote_sibling(struct ike *e, const struct ike_sa *sa, const struct sam_child *gone)
{
    for (struct sam_child *c = sam_children_on(e->sam, gone->interface); c; c = c->next_of_tunnel)
        if (c->state == SAM_INSTALLED && c->owner != sa->conn_id && ike_sa_by_conn(e, c->owner)) {
            sam_child_activate(e->sam, c);
            return;
        }
}

/* Children go with their IKE SA (RFC 7296 1.4.1). */
static void delete_children(struct ike *e, const struct ike_sa *sa, uint64_t linger_ms)
{
    struct sam_child *next;
    if (e->forgetting)
        return;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = next) {
        next = c->next_of_owner;
        if (c->state == SAM_RETIRING)
            continue;
        if (c->active)
            promote_sibling(e, sa, c);
        sam_child_delete(e->sam, c, linger_ms);
    }
}

static void give_up(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *fmt, va_list args)
{
    if (sa->given_up)
        return;
    sa->given_up = true;
    if (why != IKE_REASON_REPLACED)
        e->counters.sas_failed += !sa->established;
    struct ike_session *served[IKE_SERVED_MAX];
    unsigned n = ike_session_served(e, sa, served, IKE_SERVED_MAX);
    delete_children(e, sa, why == IKE_REASON_PEER_DELETED || why == IKE_REASON_REPLACED ? LINGER_MS : 0);
    sa->session[0] = '\0';
    for (unsigned i = 0; i < n; i++) {
        va_list again;
        va_copy(again, args);
        ike_session_lost(e, served[i], sa, why, fmt, again);
        va_end(again);
    }
}

void ike_sa_abandon(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    give_up(e, sa, why, fmt, args);
    va_end(args);
}

void ike_sa_remove(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *fmt, ...)
{
    if (sa->dead)
        return;
    sa->dead = true;
    HASH_DELETE(hh_conn, e->by_conn, sa);
    HASH_DELETE(hh_spi, e->by_spi, sa);
    if (sa->in_init_table)
        HASH_DELETE(hh_init, e->by_init, sa);
    ike_heap_drop(e, sa);
    ike_limit_drop(e, sa);
    ike_peer_drop(e, sa);
    va_list args;
    va_start(args, fmt);
    give_up(e, sa, why, fmt, args);
    va_end(args);
    ike_log(e, sa, LOG_LEVEL_INFO, sa->ops->version == 1 ? "isakmp" : "ikev2", "IKE SA removed: %s",
            ike_reason_name(why));
    sa->next_dead = e->dead;
    e->dead = sa;
}

void ike_reap(struct ike *e)
{
    ike_status_run(e);
    while (e->dead) {
        struct ike_sa *sa = e->dead;
        e->dead = sa->next_dead;
        if (sa->v)
            sa->ops->sa_free(sa);
        cr_keys2_wipe(&sa->keys);
        pki_cert_free(sa->peer_cert);
        secret_wipe(sa, sizeof *sa);
        free(sa);
    }
}

void ike_sa_established(struct ike *e, struct ike_sa *sa)
{
    ike_limit_drop(e, sa);
    sa->established = true;
    if (sa->auth_remote.family == IP_NONE)
        sa->auth_remote = sa->remote.addr; /* no rekey: ike_sa_inherit brings the first one's */
    ike_peer_add(e, sa);
    sa->established_ms = ike_now(e);
    sa->last_in_ms = sa->established_ms;
    if (sa->lifetime_s == 0)
        sa->lifetime_s = sa->profile && sa->profile->lifetime_s ? sa->profile->lifetime_s : 86400;
    ike_group_established(e, sa);
}

void ike_sa_inherit(struct ike *e, struct ike_sa *old_sa, struct ike_sa *new_sa)
{
    new_sa->profile = old_sa->profile;
    new_sa->profile1 = old_sa->profile1;
    new_sa->local = old_sa->local;
    new_sa->remote = old_sa->remote;
    new_sa->auth_remote = old_sa->auth_remote;
    new_sa->vrf = old_sa->vrf;
    new_sa->natt = old_sa->natt;
    new_sa->nat_local = old_sa->nat_local;
    new_sa->nat_remote = old_sa->nat_remote;
    new_sa->peer_id_type = old_sa->peer_id_type;
    new_sa->peer_id_len = old_sa->peer_id_len;
    memcpy(new_sa->peer_id, old_sa->peer_id, sizeof new_sa->peer_id);
    memcpy(new_sa->peer_tag, old_sa->peer_tag, sizeof new_sa->peer_tag);
    if (!new_sa->peer_cert)
        new_sa->peer_cert = pki_cert_ref(old_sa->peer_cert);
    new_sa->auth_own = old_sa->auth_own;
    new_sa->auth_peer = old_sa->auth_peer;
    new_sa->local_id_type = old_sa->local_id_type;
    new_sa->local_id_len = old_sa->local_id_len;
    memcpy(new_sa->local_id, old_sa->local_id, sizeof new_sa->local_id);
    if (old_sa->session[0])
        memcpy(new_sa->session, old_sa->session, sizeof new_sa->session);
    struct ike_session *served[IKE_SERVED_MAX];
    unsigned n = ike_session_served(e, old_sa, served, IKE_SERVED_MAX);
    for (unsigned i = 0; i < n; i++)
        if (served[i]->conn_id == old_sa->conn_id)
            served[i]->conn_id = new_sa->conn_id;
    old_sa->session[0] = '\0';
    sam_child_reparent(e->sam, old_sa->conn_id, new_sa->conn_id);
}

bool ike_sa_leave_tunnel(struct ike *e, struct ike_sa *sa, const char *interface)
{
    struct ike_session *served[IKE_SERVED_MAX], *other = NULL;
    struct sam_child *next;
    unsigned n = sa->established ? ike_session_served(e, sa, served, IKE_SERVED_MAX) : 0;
    for (unsigned i = 0; i < n && !other; i++)
        if (strcmp(served[i]->interface, interface) != 0)
            other = served[i];
    if (!other)
        return false;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = next) {
        next = c->next_of_owner;
        if (c->state != SAM_RETIRING && strcmp(c->interface, interface) == 0)
            (void)sa->ops->delete_child(e, sa, c);
    }
    struct ike_session *s = ike_session_get(e, interface);
    if (s && s->conn_id == sa->conn_id)
        s->conn_id = 0;
    if (strcmp(sa->session, interface) == 0)
        ike_session_attach(e, other, sa);
    return true;
}

uint32_t *ike_sa_ids(struct ike *e, unsigned *count)
{
    unsigned n = e->heap_count;
    *count = 0;
    uint32_t *ids = n ? calloc(n, sizeof *ids) : NULL;
    for (unsigned i = 0; ids && i < n; i++)
        ids[(*count)++] = e->heap[i]->conn_id;
    return ids;
}
