/* ESP of an SPI that nobody has (`crypto isakmp invalid-spi-recovery`): a peer uses an SA that is no more. Who sends such a packet
 * proves nothing by it: it costs one notify on an IKE SA that stands, or one negotiation of a tunnel that is configured, and
 * neither often. */
#include "control/ike/ike_core.h"

enum {
    TELL_EACH_MS = 10000,
    START_EACH_MS = 60000,
};

static bool of_peer(const struct ike_sa *sa, const struct cv_sa_event *ev)
{
    if (!sa->established || sa->dead || sa->given_up || sa->vrf != ev->vrf ||
        !ip_addr_equal(&sa->local.addr, &ev->local.addr) ||
        !ip_addr_equal(&sa->remote.addr, &ev->remote.addr))
        return false;
    /* Behind one address of a NAT there may be many, told apart by the port that they use for both. */
    return !sa->nat_remote || sa->remote.port == ev->remote.port;
}

static struct ike_sa *sa_of_peer(struct ike *e, const struct cv_sa_event *ev)
{
    const struct ike_sa key = {.auth_remote = ev->remote.addr};
    unsigned count;
    struct ike_sa *sa = ike_address_sas(e, &key, &count);
    while (sa && !of_peer(sa, ev))
        sa = sa->older_at;
    return sa;
}

static bool due(uint64_t *last, uint64_t now, uint64_t each)
{
    if (*last != 0 && now - *last < each)
        return false;
    *last = now;
    return true;
}

/* The tunnel, of either version, that has this very peer as its destination, and nothing up. */
static struct ike_session *tunnel_of_peer(struct ike *e, const struct cv_sa_event *ev)
{
    char why[SEL_TEXT_MAX];
    for (unsigned version = 2; version >= 1; version--) {
        struct ike_session *s =
            ike_session_between(e, (uint16_t)ev->vrf, &ev->local.addr, &ev->remote.addr, version);
        if (!s || s->conn_id || ike_session_has_child(e, s->interface))
            continue;
        const struct ip_addr peer = ike_session_peer(s);
        if (ip_addr_equal(&peer, &ev->remote.addr) && ike_session_may_initiate(e, s, why, sizeof why))
            return s;
    }
    return NULL;
}

static const char *proto_word(const struct cv_sa_event *ev)
{
    return ev->proto == CV_PROTO_AH ? "AH" : "ESP";
}

void ike_stray_esp(struct ike *e, const struct cv_sa_event *ev)
{
    char peer[IP_TEXT_MAX];
    const uint64_t now = ike_now(e);
    if (!e->cfg->isakmp_invalid_spi_recovery || sam_spi_in_use(e->sam, ev->ref.spi))
        return; /* one that is being negotiated, or was there a moment ago */
    struct ike_sa *sa = sa_of_peer(e, ev);
    if (sa) {
        if (!due(&sa->stray_told_ms, now, TELL_EACH_MS))
            return;
        ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "%s of the unknown SPI 0x%08x: the peer is told",
                proto_word(ev), ev->ref.spi);
        sa->ops->invalid_spi(e, sa, ev->ref.spi, ev->proto == CV_PROTO_AH);
        return;
    }
    struct ike_session *s = tunnel_of_peer(e, ev);
    if (!s || !due(&s->stray_at_ms, now, START_EACH_MS))
        return;
    ike_log(e, NULL, LOG_LEVEL_INFO, "ipsec", "%s of the unknown SPI 0x%08x from %s: %s is negotiated",
            proto_word(ev), ev->ref.spi, ip_addr_text(&ev->remote.addr, peer), s->interface);
    ike_session_want(e, s, false);
}
