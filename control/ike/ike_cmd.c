/* What operators ask for: up, down, clear, rekey. */
#include "control/ike/ike_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ike_session *find(struct ike *e, const char *tunnel, char *err, size_t err_len)
{
    struct ike_session *s = ike_session_get(e, tunnel);
    if (!s)
        snprintf(err, err_len, "%s is not a tunnel interface with tunnel protection", tunnel);
    return s;
}

static enum ike_cmd_outcome done(struct ike *e, enum ike_cmd_outcome o)
{
    ike_sessions_run(e);
    ike_reap(e);
    return o;
}

enum ike_cmd_outcome ike_up(struct ike *e, const char *tunnel, char *err, size_t err_len)
{
    struct ike_session *s = find(e, tunnel, err, err_len);
    if (!s)
        return IKE_CMD_UNKNOWN_TUNNEL;
    struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    if (sa && (!sa->established || ike_session_live(e, s)))
        return IKE_CMD_ALREADY;
    if (!ike_session_may_initiate(e, s, err, err_len))
        return IKE_CMD_NOT_POSSIBLE;
    s->has_error = false; /* what is seen from now on is this attempt's */
    ike_session_want(e, s, true);
    return done(e, IKE_CMD_STARTED);
}

static bool serves(struct ike *e, const struct ike_sa *sa, const char *interface)
{
    struct ike_session *served[IKE_SERVED_MAX];
    unsigned n = ike_session_served(e, sa, served, IKE_SERVED_MAX);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(served[i]->interface, interface) == 0)
            return true;
    return false;
}

static bool addr_fits(const struct ip_addr *asked, const struct ip_addr *have)
{
    return asked->family == IP_NONE || ip_addr_equal(asked, have);
}

static bool sa_fits(const struct ike *e, const struct ike_pick *p, const struct ike_sa *sa)
{
    return (p->version == 0 || p->version == sa->ops->version) &&
           (p->conn_id == 0 || p->conn_id == sa->conn_id) && addr_fits(&p->local, &sa->local.addr) &&
           addr_fits(&p->remote, &sa->remote.addr) &&
           (!p->fvrf || strcmp(p->fvrf, ike_vrf_name(e, sa->vrf)) == 0);
}

/* Every IKE SA of the tunnel: two when both ends began at once. One that serves another tunnel, too, only loses its children here. */
static unsigned delete_sas(struct ike *e, const char *interface, const struct ike_pick *p)
{
    unsigned n, deleted = 0;
    uint32_t *ids = ike_sa_ids(e, &n);
    for (unsigned i = 0; i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        if (!sa || (interface && !serves(e, sa, interface)) || !sa_fits(e, p, sa))
            continue;
        if (!interface || !ike_sa_leave_tunnel(e, sa, interface))
            sa->ops->delete_sa(e, sa, IKE_REASON_CLEARED);
        deleted++;
    }
    free(ids);
    return deleted;
}

/* Children without an IKE SA: adopted after a restart. */
static unsigned delete_adopted(struct ike *e, const char *interface, const struct ike_pick *p)
{
    struct sam_child *next;
    unsigned deleted = 0;
    for (struct sam_child *c = sam_children_of(e->sam, 0); c; c = next) {
        next = c->next_of_owner;
        if (c->state != SAM_ADOPTED || (interface && strcmp(c->interface, interface) != 0) ||
            !addr_fits(&p->local, &c->local.addr) || !addr_fits(&p->remote, &c->remote.addr))
            continue;
        sam_child_delete(e->sam, c, 0);
        deleted++;
    }
    return deleted;
}

enum ike_cmd_outcome ike_down(struct ike *e, const char *tunnel, char *err, size_t err_len)
{
    struct ike_session *s = find(e, tunnel, err, err_len);
    if (!s)
        return IKE_CMD_UNKNOWN_TUNNEL;
    const struct ike_pick any = {0};
    s->wanted = s->persistent = false;
    unsigned n = delete_sas(e, s->interface, &any);
    n += delete_adopted(e, s->interface, &any);
    s->up_since_set = false;
    s->has_error = false;
    return done(e, n ? IKE_CMD_STARTED : IKE_CMD_ALREADY);
}

unsigned ike_clear_sas(struct ike *e, const struct ike_pick *p)
{
    unsigned n = delete_sas(e, NULL, p);
    if (p->version == 0 && p->conn_id == 0 && !p->fvrf)
        n += delete_adopted(e, NULL, p);
    done(e, IKE_CMD_STARTED);
    return n;
}

unsigned ike_clear(struct ike *e, const struct ip_addr *remote)
{
    struct ike_pick p = {0};
    if (remote)
        p.remote = *remote;
    return ike_clear_sas(e, &p);
}

static bool map_fits(const struct ike *e, const char *map, const char *interface)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, interface);
    size_t n = strlen(interface);
    if (t && t->flow)
        return strcmp(t->flow->map, map) == 0;
    return strncmp(map, interface, n) == 0 && strcmp(map + n, "-head-0") == 0;
}

static bool vrf_fits(const struct ike *e, const char *vrf, const char *interface)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, interface);
    return t && strcmp(t->vrf, vrf) == 0;
}

/* Packets with the inbound SPI go to us, those with the outbound one to the peer. */
static bool spi_fits(const struct ike_pick *p, const struct sam_child *c)
{
    if (sam_is_ah(c) ? p->esp_alone : p->ah_alone)
        return false;
    return (p->spi == c->in.spi && addr_fits(&p->destination, &c->local.addr)) ||
           (p->spi == c->out.spi && addr_fits(&p->destination, &c->remote.addr));
}

static bool child_fits(const struct ike *e, const struct ike_pick *p, const struct sam_child *c)
{
    return c->state != SAM_RETIRING && addr_fits(&p->local, &c->local.addr) &&
           addr_fits(&p->remote, &c->remote.addr) && (!p->map || map_fits(e, p->map, c->interface)) &&
           (!p->vrf || vrf_fits(e, p->vrf, c->interface)) && (p->spi == 0 || spi_fits(p, c));
}

/* With a message to the peer when there is an IKE SA to send it on. */
static void delete_child(struct ike *e, struct sam_child *c)
{
    struct ike_sa *sa = ike_sa_by_conn(e, c->owner);
    char interface[CV_NAME_MAX];
    memcpy(interface, c->interface, sizeof interface);
    if (sa && sa->established && !sa->given_up)
        (void)sa->ops->delete_child(e, sa, c); /* a delete that is under way already is as good */
    else
        sam_child_delete(e->sam, c, 0);
    struct ike_session *s = ike_session_get(e, interface);
    if (s && !ike_session_has_child(e, interface)) {
        s->up_since_set = false;
        if (s->wanted)
            ike_session_want(e, s, s->persistent);
    }
}

unsigned ike_clear_children(struct ike *e, const struct ike_pick *p)
{
    unsigned n = 0, count = 0;
    for (const struct sam_child *c = sam_children(e->sam); c; c = c->next)
        count += child_fits(e, p, c);
    uint32_t *ids = count ? calloc(count, sizeof *ids) : NULL; /* a walk must not see what it starts */
    for (const struct sam_child *c = sam_children(e->sam); ids && c && n < count; c = c->next)
        if (child_fits(e, p, c))
            ids[n++] = c->id;
    for (unsigned i = 0; i < n; i++) {
        struct sam_child *c = sam_child_by_id(e->sam, ids[i]);
        if (c && c->state != SAM_RETIRING)
            delete_child(e, c);
    }
    free(ids);
    done(e, IKE_CMD_STARTED);
    return n;
}

unsigned ike_clear_counters(struct ike *e, const struct ike_pick *p)
{
    unsigned n = 0;
    uint64_t idle;
    for (struct sam_child *c = sam_children(e->sam); c; c = c->next)
        if (child_fits(e, p, c)) {
            sam_child_counters(e->sam, c, &c->cleared_in, &c->cleared_out, &idle);
            n++;
        }
    return n;
}

enum ike_cmd_outcome ike_rekey(struct ike *e, const char *tunnel, bool ike_sa, char *err, size_t err_len)
{
    struct ike_session *s = find(e, tunnel, err, err_len);
    if (!s)
        return IKE_CMD_UNKNOWN_TUNNEL;
    struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    if (!sa || !sa->established) {
        snprintf(err, err_len, "%s has no established IKE SA", tunnel);
        return IKE_CMD_NOT_POSSIBLE;
    }
    cv_result r = CV_ENOENT;
    if (ike_sa) {
        r = sa->ops->rekey_sa(e, sa);
    } else {
        /* One, or one for all and one for each worker (RFC 9611). */
        for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
            if (c->state == SAM_INSTALLED && c->active && strcmp(c->interface, s->interface) == 0 &&
                (r == CV_ENOENT || r == CV_OK))
                r = sa->ops->rekey_child(e, sa, c);
    }
    if (r == CV_ENOENT)
        snprintf(err, err_len, "%s has no child SA", tunnel);
    else if (r != CV_OK && r != CV_EEXIST)
        snprintf(err, err_len, "%s", cv_result_text(r));
    return done(e, r == CV_OK ? IKE_CMD_STARTED : r == CV_EEXIST ? IKE_CMD_ALREADY : IKE_CMD_NOT_POSSIBLE);
}
