#include "dataplane/dp_slow.h"
#include "dataplane/dp_drop.h"
#include "dataplane/dp_gate.h"
#include "dataplane/dp_gre.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_pmtu.h"
#include "dataplane/io/io_punt.h"
#include "dataplane/ip/ip_arp.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_id.h"
#include "dataplane/ip/ip_nd.h"

#include <rte_cycles.h>
#include <rte_ether.h>

enum {
    PING_SIZE_MAX = 1400,
    PING_DROPPED_HERE = 255,
    KEEPALIVE_SLICES = 10, /* the calls in which every SA is looked at once */
    KEEPALIVES = 256,      /* sent by one call: what a worker's inbox takes at once, several times over */
    SOURCES_MAX = 16,      /* own addresses that are tried for one ICMP error */
};

static void slow_drop(struct dp_manager *g, struct rte_mbuf *m, enum cv_drop why)
{
    dp_count(&g->stats->drops[why], 1);
    rte_pktmbuf_free(m);
}

/* One worker sends all that the manager makes: nothing of a flow is overtaken. */
static bool give(struct dp_manager *g, struct rte_mbuf *m, enum dp_stage stage)
{
    dp_meta(m)->stage = (uint8_t)stage;
    if (io_give(g->dp->rings.inbox[0], m))
        return true;
    slow_drop(g, m, CV_DROP_HANDOFF_FULL);
    return false;
}

/* An IP packet that was made here; count: of whoever makes them. */
static bool send(struct dp_manager *g, struct rte_mbuf *m, uint16_t *count)
{
    ip_id_write(rte_pktmbuf_mtod(m, uint8_t *), dp_meta(m)->vrf, &g->id_key, count);
    return give(g, m, DP_STAGE_ROUTE);
}

static struct rte_mbuf *packet_new(struct dp_manager *g)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(g->dp->big_pool);
    if (!m) {
        dp_count(&g->stats->drops[CV_DROP_NO_MBUF], 1);
        return NULL;
    }
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    return m;
}

static void frame_send(struct dp_manager *g, struct rte_mbuf *m, bool written, const struct ip_if *out)
{
    if (!written) {
        slow_drop(g, m, CV_DROP_NO_MBUF);
        return;
    }
    dp_meta(m)->port = out->port;
    give(g, m, DP_STAGE_FRAME);
}

/* ---- local addresses ---------------------------------------------------------------------------------------- */
static bool is_link_local(const struct ip_addr *a)
{
    return a->family == IP_V6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static bool on_link(const struct dp_manager *g, const struct ip_if *on, const struct ip_addr *a)
{
    return dp_addrs_on_link(&g->addrs, on->id, a) || is_link_local(a);
}

/* ---- neighbours --------------------------------------------------------------------------------------------- */
static void nbr_ask(void *ctx, uint32_t if_id, const struct ip_addr *addr, const uint8_t *mac)
{
    struct dp_manager *g = ctx;
    const struct ip_if *on = ip_if_get(&g->dp->ifs, if_id);
    if (!on || on->kind != CV_IF_PORT)
        return;
    const struct ip_addr *own = dp_addrs_source(&g->addrs, on, addr);
    if (!own && addr->family == IP_V4)
        return;
    struct rte_mbuf *m = packet_new(g);
    if (!m)
        return;
    if (addr->family == IP_V4)
        frame_send(g, m, ip_arp_ask(m, on->mac, own, addr, mac), on);
    else
        frame_send(g, m,
                   ip_nd_ask(m, on->mac, own && !is_link_local(addr) ? own->b : on->link_local, addr->b, mac),
                   on);
}

static void nbr_ready(void *ctx, struct rte_mbuf *m)
{
    give(ctx, m, DP_STAGE_OUT);
}

static void ping_lost(struct dp_manager *g, struct rte_mbuf *m);
static void icmp_error_send(struct dp_manager *g, struct rte_mbuf *bad);

static void nbr_failed(void *ctx, struct rte_mbuf *m)
{
    struct dp_manager *g = ctx;
    struct dp_meta *meta = dp_meta(m);
    dp_count(&g->stats->drops[CV_DROP_NO_NEIGHBOUR], 1);
    meta->drop = CV_DROP_NO_NEIGHBOUR;
    if (meta->local_out == DP_LOCAL_PING) {
        ping_lost(g, m);
        return;
    }
    if (meta->local_out == DP_TRANSIT && ip_classify_ip(m) != IP_CLASS_DROP) {
        ip_icmp_trouble(meta, IP_TROUBLE_NO_HOST, 0);
        icmp_error_send(g, m);
    }
    rte_pktmbuf_free(m);
}

static struct ip_nbr_calls calls(struct dp_manager *g)
{
    return (struct ip_nbr_calls){g, nbr_ask, nbr_ready, nbr_failed};
}

static void resolve(struct dp_manager *g, struct rte_mbuf *m)
{
    struct ip_nbr_calls c = calls(g);
    const struct dp_meta *meta = dp_meta(m);
    if (ip_nbr_resolve(&g->dp->nbrs, meta->if_out, &meta->next_hop, m, g->now_ms, &c) != CV_OK)
        slow_drop(g, m, CV_DROP_PENDING_FULL);
}

/* A packet that cannot wait, in clear as it is: its neighbour will be known to those that come after it. */
static void want(struct dp_manager *g, struct rte_mbuf *m)
{
    const struct ip_nbr_calls c = calls(g);
    const struct dp_meta *meta = dp_meta(m);
    ip_nbr_want(&g->dp->nbrs, meta->if_out, &meta->next_hop, m, g->now_ms, &c);
    slow_drop(g, m, CV_DROP_NO_NEIGHBOUR);
}

/* Made anew, so that unused octets are zero whatever the sender left there. */
static cv_result nbr_addr(const struct dp_manager *g, const struct cv_nbr *c, struct ip_addr *addr)
{
    const struct ip_if *on = c->if_id < CV_MAX_IFS ? ip_if_get(&g->dp->ifs, c->if_id) : NULL;
    if (!on || on->kind != CV_IF_PORT)
        return CV_ENOENT;
    if (ip_addr_len(&c->addr) == 0 || ip_addr_is_any(&c->addr) || ip_addr_is_multicast(&c->addr))
        return CV_EINVAL;
    *addr = c->addr.family == IP_V4 ? ip_addr_v4(c->addr.b) : ip_addr_v6(c->addr.b);
    return CV_OK;
}

cv_result dp_slow_nbr_add(struct dp_manager *g, const struct cv_nbr *c)
{
    struct ip_nbr_calls with = calls(g);
    struct ip_addr addr;
    CV_TRY(nbr_addr(g, c, &addr));
    return ip_nbr_fix(&g->dp->nbrs, c->if_id, &addr, c->mac, g->now_ms, &with);
}

cv_result dp_slow_nbr_del(struct dp_manager *g, const struct cv_nbr *c)
{
    struct ip_nbr_calls with = calls(g);
    struct ip_addr addr;
    CV_TRY(nbr_addr(g, c, &addr));
    return ip_nbr_unfix(&g->dp->nbrs, c->if_id, &addr, &with);
}

void dp_slow_forget(struct dp_manager *g, uint32_t if_id)
{
    struct ip_nbr_calls c = calls(g);
    ip_nbr_flush(&g->dp->nbrs, if_id, &c);
}

/* ---- ARP and ND --------------------------------------------------------------------------------------------- */
static void arp(struct dp_manager *g, struct rte_mbuf *m, const struct ip_if *in)
{
    struct ip_arp a;
    struct ip_nbr_calls c = calls(g);
    if (!ip_arp_read(m, &a)) {
        slow_drop(g, m, CV_DROP_MALFORMED_ETHER);
        return;
    }
    bool ours = dp_addrs_find(&g->addrs, in->id, in->vrf, &a.target) != NULL;
    /* Nobody but us speaks for our addresses; nobody far away is on this link. */
    bool credible = on_link(g, in, &a.sender) && !dp_addrs_find(&g->addrs, 0, in->vrf, &a.sender);
    rte_pktmbuf_free(m);
    if (credible && !ours) /* most of all the gratuitous ones of a router that took over */
        ip_nbr_gossip(&g->dp->nbrs, in->id, &a.sender, a.sender_mac, g->now_ms, &c);
    if (credible && ours && !a.request)
        ip_nbr_answer(&g->dp->nbrs, in->id, &a.sender, a.sender_mac, g->now_ms, &c);
    if (!ours || !a.request)
        return;
    if (credible)
        ip_nbr_claim(&g->dp->nbrs, in->id, &a.sender, a.sender_mac, g->now_ms, &c);
    struct rte_mbuf *reply = packet_new(g);
    if (reply)
        frame_send(g, reply, ip_arp_answer(reply, in->mac, &a), in);
}

static bool nd_target_is_ours(const struct dp_manager *g, const struct ip_if *in,
                              const struct ip_addr *target)
{
    return memcmp(target->b, in->link_local, 16) == 0 || dp_addrs_find(&g->addrs, in->id, in->vrf, target);
}

static void nd_solicited(struct dp_manager *g, const struct ip_if *in, const struct ip_nd *nd)
{
    struct ip_nbr_calls c = calls(g);
    if (!nd_target_is_ours(g, in, &nd->target))
        return;
    bool probe = ip_addr_is_any(&nd->src); /* duplicate address detection */
    if (!probe && !on_link(g, in, &nd->src))
        return;
    if (!probe && nd->has_mac)
        ip_nbr_claim(&g->dp->nbrs, in->id, &nd->src, nd->mac, g->now_ms, &c);
    struct rte_mbuf *reply = packet_new(g);
    if (reply)
        frame_send(g, reply, ip_nd_answer(reply, in->mac, nd->target.b, probe ? NULL : nd->src.b, nd->mac),
                   in);
}

static void nd(struct dp_manager *g, struct rte_mbuf *m, const struct ip_if *in)
{
    struct ip_nd nd;
    struct ip_nbr_calls c = calls(g);
    /* The frame's sender stands in front of the IP header still: it was only stepped over. */
    const uint8_t *frame_src = rte_pktmbuf_mtod(m, const uint8_t *) - sizeof(struct rte_ether_hdr) + 6;
    bool good = in->kind == CV_IF_PORT && rte_pktmbuf_headroom(m) >= sizeof(struct rte_ether_hdr) &&
                ip_nd_read(m, dp_meta(m)->l3_len, &nd);
    if (good && !nd.has_mac)
        memcpy(nd.mac, frame_src, sizeof nd.mac);
    if (!good) {
        slow_drop(g, m, CV_DROP_MALFORMED_L4);
        return;
    }
    rte_pktmbuf_free(m);
    if (nd.type == IP_ND_SOLICIT)
        nd_solicited(g, in, &nd);
    else if (on_link(g, in, &nd.target) && !nd_target_is_ours(g, in, &nd.target))
        (nd.solicited ? ip_nbr_answer : ip_nbr_gossip)(&g->dp->nbrs, in->id, &nd.target, nd.mac, g->now_ms,
                                                       &c);
}

/* ---- ICMP --------------------------------------------------------------------------------------------------- */
/* What comes in by it was delivered by an SA. */
static bool is_sealed(const struct dp_manager *g, const struct ip_if *in)
{
    if (in->kind == CV_IF_TUNNEL && in->gre && !in->conf.is_protected)
        return dp_gre_is_mapped(g->dp, in);
    return in->kind == CV_IF_FLOW || in->kind == CV_IF_TUNNEL;
}

/* An error goes back by the SA that delivered what it is about: from an address of this host that its selectors hold. A flow
 * has none of its own. m: empty, and is so afterwards. */
static const struct ip_addr *source_within(const struct dp_manager *g, const struct ip_if *flow,
                                           const struct dp_meta *meta, const struct ip_addr *to,
                                           struct rte_mbuf *m)
{
    const struct dp_tunnel *t = dp_tunnel_get(&g->dp->sad, flow->id);
    uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, IP_ICMP_HEADERS_MAX);
    const struct ip_addr *found = NULL;
    const struct dp_addr *l =
        t && ip ? TAILQ_FIRST(&g->addrs.of_vrf[flow->vrf][meta->family == IP_V6]) : NULL;
    for (unsigned tried = 0; l && !found && tried < SOURCES_MAX; tried++, l = TAILQ_NEXT(l, of_vrf)) {
        m->pkt_len = m->data_len = (uint16_t)ip_icmp_head(ip, meta, &l->addr, to);
        if (dp_pick_slow(t, m, meta->family, CV_DIR_OUT))
            found = &l->addr;
    }
    m->pkt_len = m->data_len = 0;
    return found;
}

/* Where no SA of the flow holds such an error it goes with the return traffic of what it quotes (RFC 4301 6.2), from any address of this host. */
static const struct ip_addr *source_of_any(const struct dp_manager *g, const struct ip_if *flow,
                                           const struct dp_meta *meta)
{
    const struct dp_addr *l = TAILQ_FIRST(&g->addrs.of_vrf[flow->vrf][meta->family == IP_V6]);
    return l ? &l->addr : NULL;
}

/* An error about a packet to an address of this host comes from that address (RFC 1122 3.2.1.3, RFC 4443 2.2 (a)). */
static const struct ip_addr *source_asked(const struct dp_manager *g, const struct ip_if *in,
                                          struct rte_mbuf *bad)
{
    const struct ip_addr was =
        dp_meta(bad)->family == IP_V4 ? ip_addr_v4(ip_dst(bad, IP_V4)) : ip_addr_v6(ip_dst(bad, IP_V6));
    const struct dp_addr *l = dp_addrs_find(&g->addrs, 0, in->vrf, &was);
    return l ? &l->addr : NULL;
}

/* The error in m; false: none may be sent, or there is no address to send it from. */
static bool icmp_error_make(struct dp_manager *g, struct rte_mbuf *m, struct rte_mbuf *bad,
                            const struct ip_if *in)
{
    const struct dp_meta *meta = dp_meta(bad);
    const struct ip_addr to =
        meta->family == IP_V4 ? ip_addr_v4(ip_src(bad, IP_V4)) : ip_addr_v6(ip_src(bad, IP_V6));
    const bool flow = in->kind == CV_IF_FLOW;
    const struct ip_addr *own = source_asked(g, in, bad);
    if (!own)
        own = flow ? source_within(g, in, meta, &to, m) : dp_addrs_source(&g->addrs, in, &to);
    if (!own && flow)
        own = source_of_any(g, in, meta);
    if (!own && flow)
        dp_count(&g->stats->drops[CV_DROP_ERROR_CLEAR], 1);
    return own && ip_icmp_error(m, bad, own);
}

static void icmp_error_send(struct dp_manager *g, struct rte_mbuf *bad)
{
    const struct dp_meta *meta = dp_meta(bad);
    const struct ip_if *in = ip_if_get(&g->dp->ifs, meta->if_in);
    bool too_big = dp_gate_of(bad, DP_SLOW_ICMP) == DP_GATE_TOO_BIG;
    if (!in || !log_limit_ok(too_big ? &g->too_big_limit : &g->icmp_limit, g->now_ms))
        return;
    struct rte_mbuf *m = packet_new(g);
    if (!m)
        return;
    if (!icmp_error_make(g, m, bad, in)) {
        rte_pktmbuf_free(m);
        return;
    }
    dp_meta(m)->family = meta->family;
    dp_meta(m)->vrf = in->vrf;
    dp_meta(m)->local_out = is_sealed(g, in) ? DP_LOCAL_SEALED : DP_LOCAL;
    send(g, m, &g->icmp_count);
}

static void ping_event(struct dp_manager *g, const struct cv_ping_evt *p)
{
    struct cv_evt e = {.type = CV_EVT_PING};
    e.u.ping = *p;
    if (g->dp->connected && !ring_evt_put(&g->dp->shm, &e))
        log_debug("event ring full: an echo answer was not told");
}

static struct dp_ping *ping_find(struct dp_manager *g, uint16_t vrf, uint16_t id, uint16_t seq)
{
    for (unsigned i = 0; i < DP_PINGS; i++) {
        struct dp_ping *p = &g->pings[i];
        if (p->waiting && p->vrf == vrf && p->id == id && p->seq == seq)
            return p;
    }
    return NULL;
}

static void ping_answer(struct dp_manager *g, struct rte_mbuf *m)
{
    struct ip_icmp_answer a;
    const struct dp_meta *meta = dp_meta(m);
    struct dp_ping *p = ip_icmp_answer_read(m, &a) ? ping_find(g, meta->vrf, a.id, a.seq) : NULL;
    if (!p)
        return;
    bool reply = a.type == IP_ICMP_ECHO_REPLY || a.type == IP_ICMP6_ECHO_REPLY;
    if (reply && !ip_addr_equal(&a.from, &p->dst))
        return;
    p->waiting = false;
    uint64_t cycles = meta->stamp > p->sent_tsc ? meta->stamp - p->sent_tsc : 0;
    struct cv_ping_evt e = {.id = a.id, .seq = a.seq, .icmp_type = a.type, .icmp_code = a.code, .ttl = a.ttl};
    e.from = a.from;
    e.rtt_ns = (uint64_t)((double)cycles * 1e9 / (double)g->dp->shm.tsc_hz);
    ping_event(g, &e);
}

static void ping_lost(struct dp_manager *g, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    uint32_t header = meta->family == IP_V4 ? 20 : 40;
    const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, header);
    if (m->data_len >= header + IP_ICMP_HEADER) {
        uint16_t id = (uint16_t)(icmp[4] << 8 | icmp[5]), seq = (uint16_t)(icmp[6] << 8 | icmp[7]);
        struct dp_ping *p = ping_find(g, meta->vrf, id, seq);
        struct cv_ping_evt e = {.id = id, .seq = seq, .icmp_type = PING_DROPPED_HERE, .drop = meta->drop};
        if (p) {
            p->waiting = false;
            ping_event(g, &e);
        }
    }
    rte_pktmbuf_free(m);
}

cv_result dp_slow_ping(struct dp_manager *g, const struct cv_ping *p)
{
    if (p->vrf >= CV_MAX_VRFS || p->size > PING_SIZE_MAX || ip_addr_len(&p->dst) == 0 ||
        ip_addr_is_any(&p->dst) || p->src.family != p->dst.family ||
        !dp_addrs_find(&g->addrs, 0, p->vrf, &p->src))
        return CV_EINVAL;
    struct rte_mbuf *m = packet_new(g);
    if (!m)
        return CV_ENOMEM;
    struct dp_ping *slot = &g->pings[g->next_ping];
    g->next_ping = (g->next_ping + 1) % DP_PINGS;
    *slot = (struct dp_ping){true, p->id, p->seq, p->vrf, p->dst, rte_rdtsc()};
    ip_icmp_echo(m, p);
    dp_meta(m)->family = p->dst.family;
    dp_meta(m)->vrf = p->vrf;
    dp_meta(m)->local_out = DP_LOCAL_PING;
    send(g, m, &g->icmp_count);
    return CV_OK;
}

static void echo_answer(struct dp_manager *g, struct rte_mbuf *m, const struct ip_if *in)
{
    struct dp_meta *meta = dp_meta(m);
    struct ip_addr to = meta->family == IP_V4 ? ip_addr_v4(ip_src(m, IP_V4)) : ip_addr_v6(ip_src(m, IP_V6));
    bool good = ip_icmp_echo_reply(m);
    meta->local_out = DP_LOCAL;
    if (!good) {
        slow_drop(g, m, CV_DROP_MALFORMED_L4);
    } else if (is_link_local(&to)) {
        meta->if_out = in->id;
        meta->next_hop = to;
        give(g, m, in->kind == CV_IF_PORT ? DP_STAGE_OUT : DP_STAGE_ROUTE);
    } else {
        send(g, m, &g->icmp_count);
    }
}

/* RFC 4301 6.1.1, 6.1.2: what the administrator wants nothing of. */
static bool is_refused(const struct dp_manager *g, const struct ip_if *in, bool v6, uint8_t type)
{
    const bool nd = v6 && type >= IP_ND_FIRST && type <= IP_ND_LAST;
    return !nd && g->icmp.refused[is_sealed(g, in)][v6][type / 8] >> type % 8 & 1;
}

static void icmp(struct dp_manager *g, struct rte_mbuf *m, const struct ip_if *in)
{
    const struct dp_meta *meta = dp_meta(m);
    bool v6 = meta->family == IP_V6;
    if (m->data_len < meta->l3_len + IP_ICMP_HEADER || meta->proto != (v6 ? IP_PROTO_ICMP6 : IP_PROTO_ICMP)) {
        slow_drop(g, m, CV_DROP_MALFORMED_L4);
        return;
    }
    uint8_t type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len);
    bool group = v6 && *ip_dst(m, IP_V6) == 0xff;
    if (is_refused(g, in, v6, type))
        slow_drop(g, m, CV_DROP_ICMP_REFUSED);
    else if (v6 && (type == IP_ND_SOLICIT || type == IP_ND_ADVERT)) {
        nd(g, m, in);
    } else if (type == (v6 ? IP_ICMP6_ECHO : IP_ICMP_ECHO) && !group) {
        echo_answer(g, m, in);
    } else {
        if (!dp_pmtu_take(g, m, in))
            ping_answer(g, m);
        rte_pktmbuf_free(m);
    }
}

/* ---- the slow ring ------------------------------------------------------------------------------------------- */
static void local(struct dp_manager *g, struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    const struct ip_if *in = ip_if_get(&g->dp->ifs, meta->if_in);
    if (!in && meta->local_out == DP_TRANSIT) {
        slow_drop(g, m, CV_DROP_IF_DOWN);
    } else if (!in) { /* from this host to itself */
        if (ip_icmp_echo_reply(m)) {
            meta->local_out = DP_LOCAL;
            send(g, m, &g->icmp_count);
        } else {
            ping_answer(g, m);
            rte_pktmbuf_free(m);
        }
    } else {
        icmp(g, m, in);
    }
}

void dp_slow_packet(struct dp_manager *g, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const struct ip_if *in;
    switch ((enum dp_slow)meta->slow) {
    case DP_SLOW_ARP:
        in = ip_if_get(&g->dp->ifs, meta->if_in);
        if (in && in->kind == CV_IF_PORT)
            arp(g, m, in);
        else
            slow_drop(g, m, CV_DROP_IF_DOWN);
        break;
    case DP_SLOW_LOCAL:
        local(g, m);
        break;
    case DP_SLOW_RESOLVE:
        resolve(g, m);
        break;
    case DP_SLOW_ASK:
        want(g, m);
        break;
    case DP_SLOW_ICMP: /* counted by the worker that dropped it */
        icmp_error_send(g, m);
        rte_pktmbuf_free(m);
        break;
    case DP_SLOW_PING_LOST:
        ping_lost(g, m);
        break;
    }
}

/* ---- IKE and keepalives ---------------------------------------------------------------------------------------- */
bool dp_slow_inject(struct dp_manager *g, const struct cv_ike_pkt *pkt)
{
    struct rte_mbuf *m = packet_new(g);
    if (!m)
        return false;
    if (!io_inject_write(pkt, m)) {
        slow_drop(g, m, CV_DROP_MALFORMED_L4);
        return false;
    }
    dp_meta(m)->family = pkt->local.addr.family;
    return send(g, m, &g->ike_count);
}

/* Only an SA on which nothing went out for the interval needs one. */
static bool keepalive_due(struct dp_manager *g, const struct esp_conf *conf, uint32_t slot, uint64_t last)
{
    struct cv_sa_counters sum;
    uint64_t interval = (uint64_t)conf->keepalive_s * g->dp->shm.tsc_hz;
    shm_counters_sum(&g->dp->shm, CV_DIR_OUT, slot, &sum);
    last = RTE_MAX(last, sum.last_tsc);
    return g->now - last >= interval;
}

static bool keepalive_wanted(const struct dp_out_slot *o)
{
    const struct esp_conf *conf = o->sa && o->active ? esp_out_sa_conf(o->sa) : NULL;
    return conf && (conf->flags & CV_SA_NATT) && (conf->flags & CV_SA_BEHIND_NAT) && conf->keepalive_s != 0;
}

static bool keepalive_send(struct dp_manager *g, const struct esp_conf *conf)
{
    struct cv_ike_pkt *p = &g->inject;
    memset(p, 0, offsetof(struct cv_ike_pkt, data));
    p->local = conf->local;
    p->remote = conf->remote;
    p->vrf = conf->vrf_outer;
    p->flags = CV_IKE_NATT | CV_IKE_KEEPALIVE;
    return dp_slow_inject(g, p);
}

void dp_slow_keepalives(struct dp_manager *g)
{
    struct dp_sad *s = &g->dp->sad;
    uint32_t slots = 1u << s->bits, look = slots / KEEPALIVE_SLICES + 1;
    for (unsigned sent = 0; look > 0 && sent < KEEPALIVES; look--) {
        struct dp_out_slot *o = &s->out[g->keepalive_slot];
        const struct esp_conf *conf = keepalive_wanted(o) ? esp_out_sa_conf(o->sa) : NULL;
        if (conf && keepalive_due(g, conf, g->keepalive_slot, o->alive_tsc)) {
            if (!keepalive_send(g, conf))
                return; /* the same one again next time */
            o->alive_tsc = g->now;
            sent++;
        }
        g->keepalive_slot = (g->keepalive_slot + 1) & (slots - 1);
    }
}

void dp_slow_tick(struct dp_manager *g)
{
    struct ip_nbr_calls c = calls(g);
    ip_nbr_tick(&g->dp->nbrs, g->now_ms, &c);
    dp_pmtu_tick(g);
}
