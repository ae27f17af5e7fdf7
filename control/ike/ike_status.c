/* Tunnels that came up or went down, as lines for the log: `crypto logging session`, `crypto logging ikev2`, and the line protocol of
 * tunnel interfaces, which follows their SAs. */
#include "control/ike/ike_cert.h"
#include "control/ike/ike_core.h"

#include <stdio.h>
#include <string.h>

void ike_status_changed(struct ike *e, const char *interface)
{
    struct ike_session *s = e->forgetting ? NULL : ike_session_get(e, interface);
    if (!s || s->is_changed)
        return;
    s->is_changed = true;
    s->next_changed = e->changed;
    e->changed = s;
}

/* Who it is: remembered, for at the end the IKE SA may be gone already. */
static void remember(struct ike *e, struct ike_session *s)
{
    const struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    const struct sam_child *c = sam_children_on(e->sam, s->interface);
    char text[SEL_TEXT_MAX];
    snprintf(s->told_id, sizeof s->told_id, "(none)");
    s->told_version = 0;
    if (sa) {
        s->told_version = sa->ops->version;
        s->told_peer = sa->remote;
        if (sa->peer_id_len > 0)
            snprintf(s->told_id, sizeof s->told_id, "%.63s",
                     ike_id_text(sa->peer_id_type, (struct slice){sa->peer_id, sa->peer_id_len}, text));
    } else if (c) {
        s->told_peer = c->remote;
    }
}

static void tell(struct ike *e, const struct ike_session *s)
{
    const struct ike_sa *sa = ike_sa_by_conn(e, s->conn_id);
    char peer[IP_TEXT_MAX];
    ip_addr_text(&s->told_peer.addr, peer);
    unsigned port = s->told_peer.port ? s->told_peer.port : 500u;
    const char *now = s->told_up ? "UP" : "DOWN";
    if (e->cfg->logging_session)
        ike_log(e, sa, LOG_LEVEL_INFO, "syslog",
                "%%CRYPTO-5-SESSION_STATUS: Crypto tunnel is %s.  Peer %s:%u  Id: %s", now, peer, port,
                s->told_id);
    if (e->cfg->logging_ikev2 && s->told_version == 2)
        ike_log(e, sa, LOG_LEVEL_INFO, "syslog",
                "%%CRYPTO-5-IKEV2_SESSION_STATUS: Crypto tunnel v2 is %s.  Peer %s:%u  Id: %s", now, peer,
                port, s->told_id);
    if (!s->tunnel || !s->tunnel->flow)
        ike_log(e, sa, LOG_LEVEL_INFO, "syslog",
                "%%LINEPROTO-5-UPDOWN: Line protocol on Interface %s, changed state to %s", s->interface,
                s->told_up ? "up" : "down");
}

static void look(struct ike *e, struct ike_session *s, bool up)
{
    if (up == s->told_up)
        return;
    s->told_up = up;
    if (up)
        remember(e, s);
    tell(e, s);
}

void ike_status_run(struct ike *e)
{
    while (e->changed) {
        struct ike_session *s = e->changed;
        e->changed = s->next_changed;
        s->is_changed = false;
        look(e, s, ike_session_has_child(e, s->interface));
    }
}

void ike_status_drop(struct ike *e, struct ike_session *s)
{
    for (struct ike_session **at = &e->changed; *at; at = &(*at)->next_changed)
        if (*at == s) {
            *at = s->next_changed;
            break;
        }
    if (!e->forgetting)
        look(e, s, false);
}
