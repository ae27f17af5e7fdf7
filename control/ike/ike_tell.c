/* What the engine tells: events, decisions, messages, and how long a peer has been silent. */
#include "control/ike/ike_core.h"

#include "control/codec/pld.h"

#include <stdio.h>
#include <string.h>

void ike_watch(struct ike *e, enum log_level most, bool messages)
{
    e->watch_level = most < LOG_LEVEL_WARNING ? LOG_LEVEL_WARNING : most;
    e->watch_messages = messages;
}

bool ike_told(const struct ike *e, enum log_level level)
{
    return e->env.event && level <= e->watch_level;
}

/* The ends as the configuration has them, while an initiation has not set them in its SA. */
static void about_ends(const struct ike *e, struct ike_about *a)
{
    const struct cfg_interface *t = e->starting->tunnel;
    a->peer.addr = ike_session_peer(e->starting);
    if (!cfg_tunnel_source(e->cfg, t, &a->local.addr))
        a->local.addr.family = IP_NONE;
}

/* From the SA; without one from the datagram in hand, whose header has been found long enough. */
static struct ike_about about(const struct ike *e, const struct ike_sa *sa)
{
    struct ike_about a = {.fvrf = "", .profile = "", .interface = "", .state = ""};
    const bool starting = !e->in && e->starting && e->starting->tunnel;
    if (sa) {
        a.conn_id = sa->conn_id;
        a.version = sa->ops->version;
        a.initiator = sa->initiator;
        a.local = sa->local;
        a.peer = sa->remote;
        a.vrf = sa->vrf;
        a.profile = ike_sa_profile(sa);
        a.interface = sa->session;
        a.state = sa->state;
        memcpy(a.spi_i, sa->spi_i, sizeof a.spi_i);
        memcpy(a.spi_r, sa->spi_r, sizeof a.spi_r);
        if (starting && a.peer.addr.family == IP_NONE)
            about_ends(e, &a);
    } else if (starting) {
        const struct cfg_interface *t = e->starting->tunnel;
        const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(e->cfg, t->protection_profile);
        a.initiator = true;
        a.version = p ? (unsigned)cfg_ipsec_ike_version(e->cfg, p) : 0;
        a.interface = e->starting->interface;
        about_ends(e, &a);
        a.fvrf = t->tunnel_vrf;
        return a;
    } else if (e->in) {
        struct buf_reader r = buf_reader_init(e->in->data, e->in->len);
        uint8_t next, version;
        a.local = e->in->local;
        a.peer = e->in->remote;
        a.vrf = e->in->vrf;
        if (buf_bytes(&r, a.spi_i, sizeof a.spi_i) && buf_bytes(&r, a.spi_r, sizeof a.spi_r) &&
            buf_u8(&r, &next) && buf_u8(&r, &version))
            a.version = version >> 4;
    }
    a.fvrf = ike_vrf_name(e, a.vrf);
    return a;
}

static void emit(struct ike *e, const struct ike_sa *sa, const struct ip_endpoint *peer, enum log_level level,
                 const char *facility, const char *fmt, va_list args)
{
    char text[LOG_LINE_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    struct ike_about a = about(e, sa);
    if (peer)
        a.peer = *peer;
    const struct ike_event ev = {.level = level,
                                 .facility = facility,
                                 .conn_id = a.conn_id,
                                 .initiator = a.initiator,
                                 .peer = a.peer,
                                 .text = text,
                                 .about = &a};
    e->env.event(e->env.ctx, &ev);
}

void ike_log(struct ike *e, const struct ike_sa *sa, enum log_level level, const char *facility,
             const char *fmt, ...)
{
    va_list args;
    if (!ike_told(e, level))
        return;
    va_start(args, fmt);
    emit(e, sa, NULL, level, facility, fmt, args);
    va_end(args);
}

void ike_log_unauth(struct ike *e, const struct ip_endpoint *peer, const char *fmt, ...)
{
    enum { AT_VERSION = 17 };
    va_list args;
    if (!log_limit_ok(&e->unauth_limit, ike_now(e))) {
        e->counters.rate_limited++;
        return;
    }
    if (!ike_told(e, LOG_LEVEL_INFO))
        return;
    bool v1 = e->in && e->in->len > AT_VERSION && e->in->data[AT_VERSION] >> 4 == 1;
    va_start(args, fmt);
    emit(e, NULL, peer, LOG_LEVEL_INFO, v1 ? "isakmp" : "ikev2", fmt, args);
    va_end(args);
}

void ike_decision(struct ike *e, const struct ike_sa *sa, const char *at, const struct sel_trace *t)
{
    if (e->env.decision)
        e->env.decision(e->env.ctx, sa ? sa->conn_id : 0, at, t);
    if (e->env.decided) {
        const struct ike_decided d = {.about = about(e, sa), .at = at, .trace = t};
        e->env.decided(e->env.ctx, &d);
    }
}

bool ike_notes_wanted(const struct ike *e)
{
    return e->env.message && e->watch_messages;
}

void ike_note(struct ike *e, const struct ike_note *n)
{
    if (!ike_notes_wanted(e))
        return;
    struct ike_note filled = *n;
    const struct ike_about a = about(e, n->conn_id ? ike_sa_by_conn(e, n->conn_id) : NULL);
    filled.about = &a;
    e->env.message(e->env.ctx, &filled);
}

void ike_silence_sent(const struct ike *e, struct ike_sa *sa)
{
    uint64_t now = ike_now(e);
    if (sa->sent_unheard++ == 0)
        sa->unheard_since_ms = now;
    if (strcmp(sa->stuck_state, sa->state) != 0) {
        memcpy(sa->stuck_state, sa->state, sizeof sa->stuck_state);
        sa->sent_stuck = 0;
        sa->stuck_since_ms = now;
    }
    sa->sent_stuck++;
}

struct ike_silence ike_silence_of(const struct ike *e, const struct ike_sa *sa)
{
    enum { REPEATED = 2 };
    struct ike_silence s = {.known = !sa->established && (sa->sent_unheard > 0 || sa->sent_stuck > 0),
                            .initiator = sa->initiator,
                            .heard = sa->heard,
                            .natt = sa->natt,
                            .heard_natt = sa->heard_natt,
                            .version = sa->ops->version,
                            .sent = sa->sent_unheard};
    uint64_t since = sa->unheard_since_ms;
    if (sa->sent_unheard < REPEATED && sa->sent_stuck >= REPEATED &&
        strcmp(sa->stuck_state, sa->state) == 0) {
        s.stuck = true;
        s.sent = sa->sent_stuck;
        since = sa->stuck_since_ms;
    }
    if (s.known && s.sent > 0)
        s.for_ms = ike_now(e) - since;
    memcpy(s.state, sa->state, sizeof s.state);
    return s;
}
