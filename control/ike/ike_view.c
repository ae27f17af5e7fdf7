/* Snapshots for show commands, JSON and metrics. */
#include "control/ike/ike_cert.h"
#include "control/ike/ike_core.h"

#include <string.h>

const char *ike_session_status_text(enum ike_session_status s)
{
    static const char *const text[] = {[IKE_DOWN] = "DOWN",
                                       [IKE_DOWN_NEGOTIATING] = "DOWN-NEGOTIATING",
                                       [IKE_UP_NO_IKE] = "UP-NO-IKE",
                                       [IKE_UP_IDLE] = "UP-IDLE",
                                       [IKE_UP_ACTIVE] = "UP-ACTIVE"};
    return (unsigned)s < sizeof text / sizeof *text ? text[s] : "?";
}

static const struct sam_child *child_of(const struct ike *e, const char *interface)
{
    for (const struct sam_child *c = sam_children_on(e->sam, interface); c; c = c->next_of_tunnel)
        if (c->state != SAM_RETIRING)
            return c; /* the newest */
    return NULL;
}

static enum ike_session_status status_of(const struct ike_sa *sa, bool child)
{
    bool established = sa && sa->established;
    if (child)
        return established ? IKE_UP_ACTIVE : IKE_UP_NO_IKE;
    if (established)
        return IKE_UP_IDLE;
    return sa ? IKE_DOWN_NEGOTIATING : IKE_DOWN;
}

const char *ike_auth_text(enum ike_auth a)
{
    static const char *const texts[] = {"", "PSK", "RSA", "ECDSA", "EdDSA"};
    return (unsigned)a < sizeof texts / sizeof texts[0] ? texts[a] : "";
}

static void id_text(uint8_t type, const uint8_t *data, size_t n, char *out)
{
    out[0] = '\0';
    if (n > 0)
        (void)ike_id_text(type, (struct slice){data, n}, out);
}

static void fill_from_sa(struct ike_session_view *v, const struct ike_sa *sa)
{
    v->peer = sa->remote;
    v->local = sa->local;
    v->ike_version = sa->ops->version;
    v->initiator = sa->initiator;
    v->nat_local = sa->nat_local;
    v->nat_remote = sa->nat_remote;
    v->conn_id = sa->conn_id;
    v->profile = ike_sa_profile(sa);
    id_text(sa->peer_id_type, sa->peer_id, sa->peer_id_len, v->phase1_id);
}

static void fill_from_tunnel(const struct ike *e, struct ike_session_view *v, const struct ike_session *s)
{
    const struct cfg_interface *t = s->tunnel;
    const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(e->cfg, t->protection_profile);
    v->peer.addr = ike_session_peer(s);
    v->peer.port = v->local.port = 500;
    if (!cfg_tunnel_source(e->cfg, t, &v->local.addr))
        v->local.addr = t->tunnel_source;
    v->ike_version = p ? cfg_ipsec_ike_version(e->cfg, p) : CFG_IKEV2;
    if (p)
        v->profile = v->ike_version == CFG_IKEV1 ? p->isakmp_profile : p->ikev2_profile;
}

static void fill(struct ike *e, const struct ike_session *s, struct ike_session_view *v)
{
    const struct sam_child *c = child_of(e, s->interface);
    const struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    if (c && c->owner && !(sa && sa->established)) {
        const struct ike_sa *owner = ike_sa_by_conn(e, c->owner);
        sa = owner ? owner : sa;
    }
    v->interface = s->interface;
    v->status = status_of(sa, c != NULL);
    if (sa)
        fill_from_sa(v, sa);
    else if (s->tunnel)
        fill_from_tunnel(e, v, s);
    if (!sa && c) {
        v->peer = c->remote;
        v->local = c->local;
    }
    if (c && s->up_since_set)
        v->uptime_s = (ike_now(e) - s->up_since_ms) / 1000;
    if (sa)
        v->silence = ike_silence_of(e, sa);
    if (!v->silence.known && !c)
        v->silence = s->silence;
    v->has_error = s->has_error;
    v->last_error = s->last_error;
}

void ike_each_session(struct ike *e, void (*fn)(void *ctx, const struct ike_session_view *v), void *ctx)
{
    struct ike_session *s, *next;
    HASH_ITER (hh, e->sessions, s, next) {
        struct ike_session_view v = {.profile = ""};
        fill(e, s, &v);
        fn(ctx, &v);
    }
    struct ike_sa *sa, *sa_next;
    HASH_ITER (hh_conn, e->by_conn, sa, sa_next) {
        struct ike_session_view v = {.interface = "", .profile = ""};
        if (sa->session[0] || !sa->established)
            continue;
        fill_from_sa(&v, sa);
        v.status = status_of(sa, sam_children_of(e->sam, sa->conn_id) != NULL);
        fn(ctx, &v);
    }
}

static void fill_sa(struct ike *e, const struct ike_sa *sa, struct ike_sa_view *v)
{
    v->conn_id = sa->conn_id;
    v->version = sa->ops->version;
    v->local = sa->local;
    v->remote = sa->remote;
    memcpy(v->spi_i, sa->spi_i, sizeof v->spi_i);
    memcpy(v->spi_r, sa->spi_r, sizeof v->spi_r);
    v->initiator = sa->initiator;
    v->ready = sa->established;
    v->state = sa->state;
    v->interface = sa->session;
    v->profile = ike_sa_profile(sa);
    v->fvrf = ike_vrf_name(e, sa->vrf);
    v->silence = ike_silence_of(e, sa);
    v->encr = sa->keys.suite.encr;
    v->key_bits = sa->keys.suite.key_bits;
    v->integ = sa->keys.suite.integ;
    v->prf = sa->keys.suite.prf;
    v->dh = sa->keys.suite.dh;
    v->auth_local = ike_auth_text(sa->auth_own);
    v->auth_remote = ike_auth_text(sa->auth_peer);
    id_text(sa->local_id_type, sa->local_id, sa->local_id_len, v->local_id);
    id_text(sa->peer_id_type, sa->peer_id, sa->peer_id_len, v->remote_id);
    v->age_s = sa->established ? (ike_now(e) - sa->established_ms) / 1000 : 0;
    v->lifetime_s = sa->lifetime_s;
    v->nat_local = sa->nat_local;
    v->nat_remote = sa->nat_remote;
    struct cfg_dpd dpd = sa->profile ? cfg_dpd_effective(e->cfg, sa->profile) : e->cfg->ikev2_dpd;
    v->dpd = dpd.set;
    v->dpd_interval_s = dpd.interval_s;
    v->dpd_retry_s = dpd.retry_s;
    for (const struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        v->child_count += c->state == SAM_INSTALLED;
    if (sa->ops->view)
        sa->ops->view(sa, v);
}

void ike_each_sa(struct ike *e, void (*fn)(void *ctx, const struct ike_sa_view *v), void *ctx)
{
    struct ike_sa *sa, *next;
    HASH_ITER (hh_conn, e->by_conn, sa, next) {
        struct ike_sa_view v = {0};
        fill_sa(e, sa, &v);
        fn(ctx, &v);
    }
}

bool ike_find_sa(struct ike *e, uint32_t conn_id, struct ike_sa_view *out)
{
    struct ike_sa *sa = ike_sa_by_conn(e, conn_id);
    if (!sa)
        return false;
    *out = (struct ike_sa_view){0};
    fill_sa(e, sa, out);
    return true;
}
