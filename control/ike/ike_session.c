/* Sessions: what each protected tunnel wants, has, and last failed with. */
#include "control/ike/ike_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After a failure: 2 s, doubled each time, at most 5 min, up to a quarter later so that many tunnels do not march in step.
 * What only traffic asked for is given up after TRIES: the next packet asks again. */
enum { RETRY_FIRST_MS = 2000, RETRY_MAX_MS = 300 * 1000, TRIES = 3 };
/* A line of a crypto map whose sibling's IKE SA is under way, or makes its child, looks again after so long. */
enum { GROUP_WAIT_MS = 5000, GROUP_CHILD_MS = 60 * 1000 };

struct ike_session *ike_session_get(struct ike *e, const char *interface)
{
    struct ike_session *s = NULL;
    HASH_FIND_STR(e->sessions, interface, s);
    return s;
}

void ike_sessions_sync(struct ike *e)
{
    struct ike_session *s, *next;
    HASH_ITER (hh, e->sessions, s, next)
        s->tunnel = NULL;
    for (unsigned i = 0; i < e->cfg->interface_count; i++) {
        const struct cfg_interface *t = &e->cfg->interfaces[i];
        if (!cfg_is_protected(t))
            continue;
        s = ike_session_get(e, t->name);
        if (!s) {
            s = calloc(1, sizeof *s);
            if (!s)
                return;
            memcpy(s->interface, t->name, sizeof s->interface);
            s->interface[sizeof s->interface - 1] = '\0';
            s->retry_at_ms = UINT64_MAX;
            HASH_ADD_STR(e->sessions, interface, s);
        }
        s->tunnel = t;
    }
    HASH_ITER (hh, e->sessions, s, next) {
        if (s->tunnel)
            continue;
        ike_status_drop(e, s);
        HASH_DEL(e->sessions, s);
        free(s);
    }
}

void ike_sessions_free(struct ike *e)
{
    struct ike_session *s, *next;
    HASH_ITER (hh, e->sessions, s, next) {
        ike_status_drop(e, s);
        HASH_DEL(e->sessions, s);
        free(s);
    }
}

bool ike_session_has_child(const struct ike *e, const char *interface)
{
    for (const struct sam_child *c = sam_children_on(e->sam, interface); c; c = c->next_of_tunnel)
        if (c->state != SAM_RETIRING)
            return true;
    return false;
}

static const struct ike_version_ops *version_of(const struct ike *e, const struct cfg_ipsec_profile *p)
{
    unsigned version = cfg_ipsec_ike_version(e->cfg, p);
    for (unsigned i = 0; i < sizeof e->versions / sizeof *e->versions && e->versions[i]; i++)
        if (e->versions[i]->version == version)
            return e->versions[i];
    return NULL;
}

bool ike_session_may_initiate(const struct ike *e, const struct ike_session *s, char *err, size_t err_len)
{
    const struct cfg_interface *t = s->tunnel;
    const struct cfg_ipsec_profile *p = t ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    struct ip_addr source;
    const char *why = NULL;
    if (e->stopping)
        why = "the daemon stops";
    else if (!p)
        why = "it is not protected by a configured IPsec profile";
    else if (p->responder_only)
        why = "its IPsec profile is responder-only";
    else if (!version_of(e, p))
        why = "its version of IKE is not served";
    else if (t->flow && t->flow->peer_count == 0)
        why = "it is a dynamic crypto map entry: its peers begin";
    else if (ip_addr_is_any(&t->tunnel_destination))
        why = "it has no tunnel destination address";
    else if (!cfg_tunnel_source(e->cfg, t, &source))
        why = "its tunnel source has no address of the destination's family";
    if (why)
        snprintf(err, err_len, "%s", why);
    return !why;
}

/* ---- errors and retries --------------------------------------------------------------------------------------- */
static void set_error(struct ike *e, struct ike_session *s, enum ike_reason why, const char *fmt,
                      va_list args)
{
    s->has_error = true;
    s->last_error.reason = why;
    s->last_error.at_wall_ms = e->env.wall_ms(e->env.ctx);
    vsnprintf(s->last_error.text, sizeof s->last_error.text, fmt, args);
}

void ike_session_retry_at(struct ike *e, struct ike_session *s, uint64_t at)
{
    s->retry_at_ms = at;
    if (at < e->session_timer_at)
        e->session_timer_at = at;
}

static void back_off(struct ike *e, struct ike_session *s)
{
    uint8_t r;
    const unsigned peers = ike_group_peers(s);
    s->failures++;
    ike_group_next_peer(e, s);
    if (!s->persistent && s->failures >= TRIES * peers) {
        s->wanted = false;
        s->failures = 0;
    }
    uint64_t wait = RETRY_FIRST_MS;
    for (unsigned i = 1; i < s->failures / peers && wait < RETRY_MAX_MS; i++)
        wait *= 2;
    if (wait > RETRY_MAX_MS)
        wait = RETRY_MAX_MS;
    ike_random(e, &r, 1);
    ike_session_retry_at(e, s, ike_now(e) + wait + wait / 4 * r / 256);
}

void ike_session_error(struct ike *e, struct ike_session *s, enum ike_reason why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_error(e, s, why, fmt, args);
    va_end(args);
    ike_log(e, ike_sa_by_conn(e, s->conn_id), LOG_LEVEL_WARNING, "session", "%s: %s: %s", s->interface,
            ike_reason_name(why), s->last_error.text);
}

void ike_session_failed(struct ike *e, struct ike_session *s, enum ike_reason why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_error(e, s, why, fmt, args);
    va_end(args);
    ike_log(e, ike_sa_by_conn(e, s->conn_id), LOG_LEVEL_WARNING, "session", "%s: %s: %s", s->interface,
            ike_reason_name(why), s->last_error.text);
    back_off(e, s);
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */
static void start(struct ike *e, struct ike_session *s, const struct cv_acquire *packet)
{
    struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    char why[SEL_TEXT_MAX];
    bool shared = false;
    if (sa && !sa->established)
        return; /* under way */
    if (!sa && s->tunnel && s->tunnel->flow) {
        uint64_t pause = ike_group_pause(e, s);
        sa = ike_group_sa(e, s);
        shared = sa != NULL;
        if ((sa && !sa->established) || (!sa && pause > ike_now(e))) {
            ike_session_retry_at(e, s, sa ? ike_now(e) + GROUP_WAIT_MS : pause);
            return;
        }
    }
    if (!ike_session_may_initiate(e, s, why, sizeof why)) {
        s->wanted = false;
        s->retry_at_ms = UINT64_MAX;
        return;
    }
    s->retry_at_ms = UINT64_MAX;
    const struct ike_version_ops *ops =
        version_of(e, cfg_find_ipsec_profile(e->cfg, s->tunnel->protection_profile));
    e->starting = s;
    cv_result r = sa ? ops->initiate_child(e, sa, s, packet) : ops->initiate(e, s, packet);
    e->starting = NULL;
    if (shared && (r == CV_OK || r == CV_EEXIST))
        ike_session_retry_at(e, s,
                             ike_now(e) + GROUP_CHILD_MS); /* should that SA go before the child is there */
    /* a failure that the version has not explained itself */
    if (r != CV_OK && r != CV_EEXIST && s->retry_at_ms == UINT64_MAX)
        ike_session_failed(e, s, IKE_REASON_INTERNAL, "negotiation could not be started: %s",
                           cv_result_text(r));
}

bool ike_session_live(const struct ike *e, const struct ike_session *s)
{
    for (const struct sam_child *c = sam_children_on(e->sam, s->interface); c; c = c->next_of_tunnel)
        if (c->state == SAM_INSTALLED && c->worker == CV_WORKER_ANY)
            return true;
    return false;
}

void ike_sessions_run(struct ike *e)
{
    uint64_t now = ike_now(e), next_at = UINT64_MAX;
    struct ike_session *s, *next;
    if (e->session_timer_at > now)
        return;
    e->session_timer_at = UINT64_MAX; /* a failure on the way may lower it */
    HASH_ITER (hh, e->sessions, s, next) {
        if (s->wanted && s->retry_at_ms <= now) {
            if (ike_session_live(e, s))
                s->retry_at_ms = UINT64_MAX;
            else
                start(e, s, NULL);
        }
        if (s->wanted && s->retry_at_ms < next_at)
            next_at = s->retry_at_ms;
    }
    if (next_at < e->session_timer_at)
        e->session_timer_at = next_at;
}

void ike_session_want(struct ike *e, struct ike_session *s, bool persistent)
{
    s->wanted = true;
    s->persistent = persistent;
    s->failures = 0;
    if (ike_session_live(e, s))
        s->retry_at_ms = UINT64_MAX;
    else
        start(e, s, NULL);
}

void ike_session_acquire(struct ike *e, const struct cv_acquire *packet)
{
    const char *name = e->env.dp->if_name(e->env.dp->ctx, packet->if_id);
    struct ike_session *s = name ? ike_session_get(e, name) : NULL;
    e->counters.acquires++;
    if (!s || ike_session_live(e, s))
        return;
    struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    bool waits = s->retry_at_ms != UINT64_MAX && s->retry_at_ms > ike_now(e);
    if (waits || (sa && !sa->established))
        return; /* traffic does not shorten the pause after a failure */
    s->wanted = true;
    start(e, s, packet);
}

/* ---- what SAs tell ------------------------------------------------------------------------------------------------ */
void ike_session_attach(struct ike *e, struct ike_session *s, struct ike_sa *sa)
{
    (void)e;
    memcpy(sa->session, s->interface, sizeof sa->session);
    if (s->conn_id && s->conn_id != sa->conn_id)
        s->former_conn_id = s->conn_id;
    s->conn_id = sa->conn_id;
}

static bool has_two_children(const struct ike *e, const char *interface)
{
    const struct sam_child *c = sam_children_on(e->sam, interface);
    return c && c->next_of_tunnel;
}

/* The peer made the child on an IKE SA that had none before, or that serves another tunnel, too. */
static void adopt_owner(struct ike *e, struct ike_session *s)
{
    for (const struct sam_child *c = sam_children_on(e->sam, s->interface); c; c = c->next_of_tunnel) {
        struct ike_sa *sa = c->owner ? ike_sa_by_conn(e, c->owner) : NULL;
        if (!sa || c->state != SAM_INSTALLED)
            continue;
        if (sa->session[0])
            s->conn_id = sa->conn_id; /* of a sibling tunnel between the same gateways, shared */
        else
            ike_session_attach(e, s, sa);
        return;
    }
}

void ike_session_child_up(struct ike *e, struct ike_session *s)
{
    s->has_error = false;
    s->silence.known = false;
    s->failures = 0;
    s->retry_at_ms = UINT64_MAX;
    if (!ike_sa_by_conn(e, s->conn_id))
        adopt_owner(e, s);
    if (!s->up_since_set || !has_two_children(e, s->interface)) { /* with two, one replaces the other */
        s->up_since_set = true;
        s->up_since_ms = ike_now(e);
    }
}

/* Another IKE SA may still serve the session, when both ends began at once. */
static uint32_t other_owner(struct ike *e, const struct ike_session *s, const struct ike_sa *not_this)
{
    for (const struct sam_child *c = sam_children_on(e->sam, s->interface); c; c = c->next_of_tunnel) {
        if (c->state == SAM_RETIRING || c->owner == not_this->conn_id)
            continue;
        if (c->owner && ike_sa_by_conn(e, c->owner))
            return c->owner;
    }
    return 0;
}

unsigned ike_session_served(struct ike *e, const struct ike_sa *sa, struct ike_session **out, unsigned max)
{
    unsigned n = 0;
    struct ike_session *s = sa->session[0] ? ike_session_get(e, sa->session) : NULL;
    if (s && max > 0)
        out[n++] = s;
    for (const struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c && n < max;
         c = c->next_of_owner) {
        unsigned i = 0;
        s = c->state == SAM_RETIRING ? NULL : ike_session_get(e, c->interface);
        while (s && i < n && out[i] != s)
            i++;
        if (s && i == n)
            out[n++] = s;
    }
    return n;
}

void ike_session_lost(struct ike *e, struct ike_session *s, struct ike_sa *sa, enum ike_reason why,
                      const char *fmt, va_list args)
{
    if (!ike_session_has_child(e, s->interface))
        s->up_since_set = false;
    if (s->conn_id != sa->conn_id)
        return;
    s->conn_id = other_owner(e, s, sa);
    if (s->conn_id || why == IKE_REASON_REPLACED)
        return;
    if (why == IKE_REASON_CLEARED || why == IKE_REASON_SHUTDOWN) {
        s->wanted = s->persistent = false;
        return;
    }
    set_error(e, s, why, fmt, args);
    s->silence = (struct ike_silence){0};
    if (why == IKE_REASON_TIMEOUT)
        s->silence = ike_silence_of(e, sa);
    ike_log(e, sa, LOG_LEVEL_WARNING, "session", "%s: %s: %s", s->interface, ike_reason_name(why),
            s->last_error.text);
    if (why == IKE_REASON_PEER_DELETED)
        s->wanted = s->persistent = false; /* on purpose; traffic may ask again */
    else if (!sa->established)
        back_off(e, s);
    else if (s->wanted)
        ike_session_retry_at(e, s, ike_now(e));
}

void ike_session_child_down(struct ike *e, const char *interface, enum ike_reason why, const char *text)
{
    struct ike_session *s = ike_session_get(e, interface);
    if (!s)
        return;
    ike_session_error(e, s, why, "%s", text);
    if (s->wanted)
        back_off(e, s);
}

void ike_session_idle(struct ike *e, const struct sam_child *c)
{
    struct ike_session *s = ike_session_get(e, c->interface);
    if (!s)
        return;
    s->wanted = s->persistent = false;
    s->failures = 0;
    s->retry_at_ms = UINT64_MAX;
    const struct cfg_ipsec_profile *p =
        s->tunnel ? cfg_find_ipsec_profile(e->cfg, s->tunnel->protection_profile) : NULL;
    if (p && cfg_sa_params_effective(e->cfg, p).idle_default)
        ike_group_first_peer(e, s, c);
}

struct ip_addr ike_session_peer(const struct ike_session *s)
{
    static const struct ip_addr none;
    const struct cfg_interface *t = s->tunnel;
    if (!t)
        return none;
    if (t->flow && t->flow->peer_count > 0)
        return t->flow->peers[s->peer_turn % t->flow->peer_count];
    return t->tunnel_destination;
}

/* 0: not between these addresses; more is better: one that names the peer, one that has nothing up. */
static unsigned between(struct ike *e, const struct ike_session *s, const char *vrf,
                        const struct ip_addr *local, const struct ip_addr *remote, unsigned version)
{
    const struct cfg_interface *t = s->tunnel;
    const struct cfg_ipsec_profile *p = t ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    struct ip_addr source;
    if (!p || cfg_ipsec_ike_version(e->cfg, p) != (enum cfg_ike_version)version ||
        strcmp(t->tunnel_vrf, vrf) != 0 || !cfg_tunnel_source(e->cfg, t, &source) ||
        !ip_addr_equal(&source, local))
        return 0;
    bool names = ip_addr_equal(&t->tunnel_destination, remote);
    for (unsigned i = 0; t->flow && i < t->flow->peer_count; i++)
        names = names || ip_addr_equal(&t->flow->peers[i], remote);
    if (!names && !ip_addr_is_any(&t->tunnel_destination))
        return 0;
    return 1u + (names ? 2u : 0u) + (ike_session_has_child(e, s->interface) ? 0u : 1u);
}

struct ike_session *ike_session_between(struct ike *e, uint16_t vrf, const struct ip_addr *local,
                                        const struct ip_addr *remote, unsigned version)
{
    struct ike_session *s, *next, *best = NULL;
    unsigned most = 0;
    HASH_ITER (hh, e->sessions, s, next) {
        unsigned n = between(e, s, ike_vrf_name(e, vrf), local, remote, version);
        if (n > most) {
            most = n;
            best = s;
        }
    }
    return best;
}
