#include "dataplane/dp_cmd.h"
#include "common/log.h"
#include "common/secret.h"
#include "dataplane/dp_dummy.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_pmtu.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_slow.h"
#include "dataplane/esp/esp_tfc.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_gre.h"

#include <rte_ring.h>
#include <string.h>
#include <unistd.h>

enum {
    EVT_RESERVE = 64,
    SHORT_MS = 10000,  /* between two warnings of a lack of memory */
    MTU_SLOTS = 32768, /* outbound slots looked at each time */
};

bool dp_cmd_has_room(const struct dp_manager *g)
{
    return rte_ring_free_count(g->dp->shm.evt) > EVT_RESERVE;
}

static void reply_send(struct dp_manager *g, uint32_t seq, const struct cv_reply *r)
{
    struct cv_evt e = {.type = CV_EVT_REPLY, .seq = seq};
    e.u.reply = *r;
    if (!ring_evt_put(&g->dp->shm, &e))
        log_warning("event ring full: the answer to command %u is lost", seq);
}

static void reply(struct dp_manager *g, cv_result result)
{
    struct cv_reply r = {.result = result, .cmd = g->cmd.type};
    reply_send(g, g->cmd.seq, &r);
}

/* ---- hello --------------------------------------------------------------------------------------------------- */
static void hello(struct dp_manager *g)
{
    struct cv_reply r = {.result = CV_OK, .cmd = CV_CMD_HELLO};
    r.u.hello.version = CV_CONTRACT_VERSION;
    r.u.hello.pid = (uint32_t)getpid();
    r.u.hello.boot_id = g->dp->shm.head->boot_id;
    r.u.hello.sa_count = g->dp->sad.count;
    r.u.hello.if_count = g->dp->ifs.count;
    if (g->cmd.u.hello.version != CV_CONTRACT_VERSION)
        r.result = CV_EVERSION;
    else
        g->greeted = true;
    reply_send(g, g->cmd.seq, &r);
}

/* ---- addresses ------------------------------------------------------------------------------------------------ */
static struct cv_route host_route(const struct dp_addr *a)
{
    struct cv_route r = {.vrf = a->vrf, .if_id = a->if_id};
    r.prefix.addr = a->addr;
    r.prefix.len = (uint8_t)ip_addr_bits(&a->addr);
    return r;
}

static struct cv_route subnet_route(const struct dp_addr *a)
{
    return (struct cv_route){.vrf = a->vrf, .if_id = a->if_id, .prefix = a->subnet};
}

static void addr_remove(struct dp_manager *g, struct dp_addr *l)
{
    struct cv_route host = host_route(l), net = subnet_route(l);
    cv_result a = ip_route_del(&g->dp->routes, IP_ROUTE_LOCAL, &host);
    cv_result b = ip_route_del(&g->dp->routes, IP_ROUTE_CONNECTED, &net);
    if (a != CV_OK || b != CV_OK)
        log_warning("an address was without its routes");
    dp_addrs_remove(&g->addrs, l);
}

static void addrs_remove(struct dp_manager *g, uint32_t if_id)
{
    uint32_t from = if_id ? if_id : 1, to = if_id ? if_id : CV_MAX_IFS - 1;
    for (uint32_t id = from; id <= to; id++)
        while (!TAILQ_EMPTY(&g->addrs.of_if[id]))
            addr_remove(g, TAILQ_FIRST(&g->addrs.of_if[id]));
}

static cv_result addr_add(struct dp_manager *g, const struct cv_addr *c)
{
    struct ip_routes *t = &g->dp->routes;
    if (c->if_id == 0 || c->if_id >= CV_MAX_IFS || ip_addr_len(&c->addr) == 0 || ip_addr_is_any(&c->addr) ||
        ip_addr_is_multicast(&c->addr))
        return CV_EINVAL;
    const struct ip_if *on = ip_if_get(&g->dp->ifs, c->if_id);
    if (!on)
        return CV_ENOENT;
    struct dp_addr a = {.if_id = c->if_id, .vrf = on->vrf};
    /* Made anew, so that unused octets are zero whatever the sender left there. */
    a.addr = c->addr.family == IP_V4 ? ip_addr_v4(c->addr.b) : ip_addr_v6(c->addr.b);
    if (!ip_prefix_make(&a.addr, c->len, &a.subnet))
        return CV_EINVAL;
    if (dp_addrs_find(&g->addrs, 0, a.vrf, &a.addr))
        return CV_EEXIST;
    struct cv_route host = host_route(&a), net = subnet_route(&a);
    CV_TRY(ip_route_add(t, IP_ROUTE_LOCAL, &host));
    cv_result r = ip_route_add(t, IP_ROUTE_CONNECTED, &net);
    if (r == CV_OK) {
        r = dp_addrs_add(&g->addrs, &a);
        if (r == CV_OK)
            return CV_OK;
        cv_result gone = ip_route_del(t, IP_ROUTE_CONNECTED, &net);
        r = gone == CV_OK ? r : gone;
    }
    cv_result undone = ip_route_del(t, IP_ROUTE_LOCAL, &host);
    return undone == CV_OK ? r : undone;
}

static cv_result addr_del(struct dp_manager *g, const struct cv_addr *c)
{
    const struct ip_if *on = c->if_id < CV_MAX_IFS ? ip_if_get(&g->dp->ifs, c->if_id) : NULL;
    struct dp_addr *a =
        on && ip_addr_len(&c->addr) ? dp_addrs_find(&g->addrs, c->if_id, on->vrf, &c->addr) : NULL;
    if (!a)
        return CV_ENOENT;
    addr_remove(g, a);
    return CV_OK;
}

/* ---- interfaces ------------------------------------------------------------------------------------------------ */
static const struct io_port *port_named(const struct dp *dp, const char name[CV_NAME_MAX])
{
    for (unsigned i = 0; i < dp->port_count; i++)
        if (strncmp(dp->ports[i].name, name, CV_NAME_MAX) == 0)
            return &dp->ports[i];
    return NULL;
}

static cv_result if_set(struct dp_manager *g, const struct cv_if *c)
{
    const struct io_port *port = NULL;
    if (c->if_id == 0 || c->if_id >= CV_MAX_IFS)
        return CV_EINVAL;
    if (c->kind == CV_IF_PORT && !(port = port_named(g->dp, c->port)))
        return CV_ENOENT;
    const struct ip_if *old = ip_if_get(&g->dp->ifs, c->if_id);
    /* Another kind is another interface: routes and SAs of the one must not become the other's. */
    if (old && old->kind != c->kind)
        return CV_EEXIST;
    uint16_t old_vrf = old ? old->vrf : c->vrf;
    bool moved = old && port && old->port != port->index;
    CV_TRY(ip_if_set(&g->dp->ifs, c, port ? port->index : IP_NO_PORT, port ? port->mac : NULL,
                     port ? port->mtu : 0));
    if (old_vrf != c->vrf) { /* as IOS has it: an interface that moves to another VRF loses its addresses */
        addrs_remove(g, c->if_id);
        dp_slow_forget(g, c->if_id);
    } else if (moved) { /* another wire, other neighbours */
        dp_slow_forget(g, c->if_id);
    }
    return CV_OK;
}

/* The next interface of this id counts from 0. A row has one writer, which may still be at the packets it had when the interface went. */
static void counts_forget(struct dp_manager *g, uint32_t id)
{
    static const struct cv_if_stats no_stats;
    static const struct cv_if_drops no_drops;
    const unsigned manager = g->dp->shm.workers; /* the last row */
    bool counted = false;
    for (unsigned w = 0; w <= manager; w++)
        counted = counted || memcmp(shm_if_stats(&g->dp->shm, w, id), &no_stats, sizeof no_stats) != 0 ||
                  memcmp(shm_if_drops(&g->dp->shm, w, id), &no_drops, sizeof no_drops) != 0;
    if (!counted)
        return;
    dp_rcu_barrier();
    for (unsigned w = 0; w <= manager; w++) {
        *shm_if_stats(&g->dp->shm, w, id) = no_stats;
        *shm_if_drops(&g->dp->shm, w, id) = no_drops;
    }
}

static cv_result if_del(struct dp_manager *g, uint32_t id)
{
    if (id == 0 || id >= CV_MAX_IFS || !ip_if_get(&g->dp->ifs, id))
        return CV_ENOENT;
    /* All that names the id goes with it: the next interface of this id must not inherit routes or keys. */
    CV_TRY(dp_sad_flush_if(&g->dp->sad, id));
    addrs_remove(g, id);
    ip_route_flush(&g->dp->routes, id);
    dp_slow_forget(g, id);
    CV_TRY(ip_if_del(&g->dp->ifs, id));
    dp_policy_remove(g->dp, &g->policies, id);
    counts_forget(g, id);
    return CV_OK;
}

/* ---- SAs --------------------------------------------------------------------------------------------------------- */
static cv_result sa_add(struct dp_manager *g, const struct cv_sa *sa)
{
    if (sa->if_id == 0 || sa->if_id >= CV_MAX_IFS || sa->ts_count < 1 || sa->ts_count > CV_TS_MAX ||
        sa->encr_key_len > sizeof sa->encr_key || sa->salt_len > CV_SALT_MAX ||
        sa->integ_key_len > CV_KEY_MAX)
        return CV_EINVAL;
    const struct ip_if *on = ip_if_get(&g->dp->ifs, sa->if_id);
    if (!on)
        return CV_ENOENT;
    if (on->kind != CV_IF_TUNNEL && on->kind != CV_IF_FLOW)
        return CV_EINVAL;
    /* What is routed into an IPsec tunnel has other addresses than the SA's ends. */
    if (sa->mode == CV_MODE_TRANSPORT && on->kind == CV_IF_TUNNEL && !on->gre)
        return CV_EINVAL;
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (!ts_valid(&sa->ts_local[i]) || !ts_valid(&sa->ts_remote[i]))
            return CV_EINVAL;
    cv_result r = dp_sad_add(&g->dp->sad, sa);
    if (r == CV_ENOMEM && g->now_ms - g->short_ms >= SHORT_MS) {
        g->short_ms = g->now_ms;
        log_warning(
            "no memory for another SA beside %u: raise `memory` in the platform section, by about 3 MiB "
            "for each 1,000 tunnels",
            g->dp->sad.count);
    }
    return r;
}

static void sa_gone(void *ctx, uint32_t seq, const struct cv_sa_counters *last)
{
    struct dp_manager *g = ctx;
    struct cv_reply r = {.result = CV_OK, .cmd = CV_CMD_SA_DEL};
    r.u.counters = *last;
    if (g->dp->connected)
        reply_send(g, seq, &r);
}

static void flush(struct dp_manager *g)
{
    /* First what packets come and go by: of the routes one into a tunnel may go before the default route does. */
    for (uint32_t id = 1; id < CV_MAX_IFS; id++)
        if (ip_if_get(&g->dp->ifs, id) && ip_if_del(&g->dp->ifs, id) != CV_OK)
            log_warning("interface %u could not be removed", id);
    dp_rcu_barrier();
    dp_sad_flush(&g->dp->sad);
    addrs_remove(g, 0);
    ip_route_flush(&g->dp->routes, 0);
    dp_slow_forget(g, 0);
    ip_pmtu_flush(&g->dp->pmtus);
    dp_pmtu_forget_gre(g);
    dp_policy_remove(g->dp, &g->policies, 0);
    g->icmp = (struct cv_icmp_rules){0};
    dp_rcu_barrier(); /* slots are free again when the answer comes */
}

void dp_cmd_dump(struct dp_manager *g)
{
    struct dp_dump *d = &g->dump;
    struct cv_evt e = {.type = CV_EVT_SA_ENTRY};
    while (d->running && dp_cmd_has_room(g)) {
        if (d->slot == 1u << g->dp->sad.bits) {
            d->slot = 0;
            d->dir++;
        }
        if (d->dir > CV_DIR_OUT) {
            struct cv_reply r = {.result = CV_OK, .cmd = CV_CMD_SA_DUMP};
            d->running = false;
            reply_send(g, d->seq, &r);
            return;
        }
        e.seq = d->seq;
        if (dp_sad_entry(&g->dp->sad, d->dir, d->slot, &e.u.sa) && !ring_evt_put(&g->dp->shm, &e))
            return; /* the same slot again next time */
        d->slot++;
    }
}

/* ---- MTU ---------------------------------------------------------------------------------------------------------- */
static uint16_t inner_mtu(const struct dp *dp, const struct esp_out_sa *sa)
{
    const struct esp_conf *conf = esp_out_sa_conf(sa);
    const struct ip_addr *next_hop;
    const struct ip_route *r = ip_route_resolve(&dp->routes, conf->vrf_outer, conf->remote.addr.family,
                                                conf->remote.addr.b, &next_hop);
    const struct ip_if *out = r && r->kind != IP_ROUTE_LOCAL ? ip_if_get(&dp->ifs, r->if_id) : NULL;
    if (!out || out->kind != CV_IF_PORT)
        return 0;
    return esp_out_inner_mtu(
        sa, ip_pmtu_of(&dp->pmtus, conf->vrf_outer, conf->remote.addr.family, conf->remote.addr.b, out->mtu));
}

static void refresh_slot(struct dp *dp, uint32_t slot)
{
    const struct dp_out_slot *o = &dp->sad.out[slot];
    if (!o->sa || !o->active)
        return;
    const uint16_t mtu = inner_mtu(dp, o->sa);
    dp_sad_set_mtu(&dp->sad, slot, mtu);
    esp_tfc_mtu(o->sa, mtu);
}

/* Of an IPsec tunnel: what its first SA takes, and what is configured. */
static uint16_t tunnel_mtu(const struct dp *dp, const struct ip_if *tunnel)
{
    const struct dp_tunnel *t = dp->sad.tunnels[tunnel->id];
    const uint16_t by_sa = t ? t->sas[0].inner_mtu : 0;
    return tunnel->mtu != 0 && (by_sa == 0 || tunnel->mtu < by_sa) ? tunnel->mtu : by_sa;
}

/* Of a port by which GRE packets with this header leave: its own, or what its crypto map's SA for them takes. */
static uint16_t port_mtu(const struct dp *dp, const struct ip_if *port, const struct ip_gre_head *h)
{
    const struct ip_policy *policy = dp_policy_get(dp, port->id);
    struct ip_policy_key key = {.proto = IP_PROTO_GRE};
    const size_t n = ip_family_len(h->family), at = h->family == IP_V4 ? 12 : 8;
    if (!policy)
        return port->mtu;
    memcpy(key.local, h->octets + at, n);
    memcpy(key.remote, h->octets + at + n, n);
    const struct ip_policy_row *row = ip_policy_match(policy, h->family, &key);
    const struct dp_tunnel *t = row ? dp->sad.tunnels[row->flow_if] : NULL;
    const struct dp_tunnel_sa *sa = t ? dp_pick_octets(t, h->octets, h->l3_len, h->family) : NULL;
    return sa && sa->inner_mtu != 0 && sa->inner_mtu < port->mtu ? sa->inner_mtu : port->mtu;
}

/* The way to the far end of a GRE tunnel: a port, or an IPsec tunnel underneath. */
static uint16_t gre_path_mtu(const struct dp *dp, const struct ip_if *tunnel)
{
    const struct ip_addr *next_hop, *far = &tunnel->conf.tunnel_dst;
    const struct ip_route *r =
        ip_route_resolve(&dp->routes, tunnel->tunnel_vrf, far->family, far->b, &next_hop);
    const struct ip_if *out = r && r->kind != IP_ROUTE_LOCAL ? ip_if_get(&dp->ifs, r->if_id) : NULL;
    if (!out || out->gre || (out->kind != CV_IF_PORT && out->kind != CV_IF_TUNNEL))
        return 0;
    return out->kind == CV_IF_PORT ? port_mtu(dp, out, &tunnel->gre_head) : tunnel_mtu(dp, out);
}

static void refresh_gre(struct dp *dp, uint32_t if_id)
{
    const struct ip_if *tunnel = ip_if_get(&dp->ifs, if_id);
    if (!tunnel || tunnel->gre_head.len == 0)
        return;
    const struct dp_gre_path *said = dp->gre_paths ? &dp->gre_paths[if_id] : NULL;
    uint16_t mtu = gre_path_mtu(dp, tunnel);
    if (said && said->mtu != 0 && said->mtu < mtu && ip_addr_equal(&said->far, &tunnel->conf.tunnel_dst))
        mtu = said->mtu;
    __atomic_store_n(&dp->gre_mtu[if_id], mtu, __ATOMIC_RELAXED);
}

void dp_cmd_refresh_gre(struct dp_manager *g, uint32_t if_id)
{
    refresh_gre(g->dp, if_id);
}

void dp_cmd_refresh_sa(struct dp_manager *g, uint32_t slot)
{
    refresh_slot(g->dp, slot);
    for (uint32_t id = 1; id < CV_MAX_IFS; id++)
        refresh_gre(g->dp, id);
}

void dp_cmd_refresh_mtu(struct dp_manager *g)
{
    const uint32_t slots = 1u << g->dp->sad.bits;
    for (uint32_t n = RTE_MIN(slots, (uint32_t)MTU_SLOTS); n > 0; n--) {
        refresh_slot(g->dp, g->mtu_slot);
        g->mtu_slot = (g->mtu_slot + 1) & (slots - 1);
    }
    for (uint32_t id = 1; id < CV_MAX_IFS; id++)
        refresh_gre(g->dp, id);
}

static cv_result sa_activate(struct dp_manager *g, const struct cv_sa_ref *ref)
{
    CV_TRY(dp_sad_activate(&g->dp->sad, ref));
    refresh_slot(g->dp, ref->sa_id);
    return dp_dummy_add(g, ref);
}

/* ---- dispatch ----------------------------------------------------------------------------------------------------- */
static cv_result steer(struct dp_manager *g, const struct cv_steer_cmd *c)
{
    if (g->dp->workers < 2)
        return CV_EUNSUP;
    if (c->bucket != CV_STEER_BALANCE && g->crew.step != DP_CREW_NONE)
        return CV_EAGAIN; /* a worker comes or goes, and its buckets and queues are on their way */
    if (c->bucket != CV_STEER_BALANCE)
        return dp_move_begin(g->dp, &g->move, c->bucket, c->worker, false);
    dp_balance_ask(&g->balance);
    return CV_OK;
}

static cv_result execute(struct dp_manager *g)
{
    const struct cv_cmd *c = &g->cmd;
    switch ((enum cv_cmd_type)c->type) {
    case CV_CMD_IF_SET:
        return if_set(g, &c->u.interface);
    case CV_CMD_IF_DEL:
        return if_del(g, c->u.if_id);
    case CV_CMD_ADDR_ADD:
        return addr_add(g, &c->u.addr);
    case CV_CMD_ADDR_DEL:
        return addr_del(g, &c->u.addr);
    case CV_CMD_ROUTE_ADD:
        return ip_route_add(&g->dp->routes, IP_ROUTE_STATIC, &c->u.route);
    case CV_CMD_ROUTE_DEL:
        return ip_route_del(&g->dp->routes, IP_ROUTE_STATIC, &c->u.route);
    case CV_CMD_SA_ADD:
        return sa_add(g, &c->u.sa);
    case CV_CMD_SA_ACTIVATE:
        return sa_activate(g, &c->u.sa_ref);
    case CV_CMD_SA_SET_PEER:
        return dp_sad_set_peer(&g->dp->sad, &c->u.sa_peer);
    case CV_CMD_PING:
        return dp_slow_ping(g, &c->u.ping);
    case CV_CMD_FLUSH:
        flush(g);
        return CV_OK;
    case CV_CMD_POLICY_BEGIN:
        return dp_policy_begin(g->dp, &g->policies, c->u.if_id);
    case CV_CMD_POLICY_ADD:
        return dp_policy_add(&g->policies, &c->u.policy);
    case CV_CMD_POLICY_COMMIT:
        return dp_policy_commit(g->dp, &g->policies, c->u.if_id);
    case CV_CMD_NBR_ADD:
        return dp_slow_nbr_add(g, &c->u.nbr);
    case CV_CMD_NBR_DEL:
        return dp_slow_nbr_del(g, &c->u.nbr);
    case CV_CMD_STEER:
        return steer(g, &c->u.steer);
    case CV_CMD_WORKERS:
        return dp_crew_ask(g->dp, &g->crew, &c->u.workers);
    case CV_CMD_ICMP_SET:
        g->icmp = c->u.icmp;
        return CV_OK;
    case CV_CMD_HELLO:
    case CV_CMD_SA_DEL:
    case CV_CMD_SA_DUMP:
        break; /* answered elsewhere */
    }
    return CV_EINVAL;
}

static void sa_del(struct dp_manager *g)
{
    cv_result r = dp_sad_del(&g->dp->sad, &g->cmd.u.sa_ref, sa_gone, g, g->cmd.seq);
    if (r != CV_OK)
        reply(g, r);
}

/* Whatever it was, workers look again before anybody hears that it is done. */
static void answer(struct dp_manager *g)
{
    const cv_result r = execute(g);
    dp_rcu_changed();
    reply(g, r);
}

void dp_cmd_run(struct dp_manager *g)
{
    uint32_t type = g->cmd.type;
    if (type == CV_CMD_HELLO)
        hello(g);
    else if (!g->greeted)
        reply(g, CV_EINVAL);
    else if (type == CV_CMD_SA_DEL)
        sa_del(g);
    else if (type == CV_CMD_SA_DUMP)
        g->dump = (struct dp_dump){true, g->cmd.seq, CV_DIR_IN, 0};
    else
        answer(g);
    secret_wipe(&g->cmd, sizeof g->cmd); /* it may hold keys */
    if (type == CV_CMD_SA_ADD)
        secret_wipe_stack(); /* drivers leave padded keys there */
}
