#include "dataplane/dp_bench_run.h"
#include "common/log.h"
#include "dataplane/dp_bench_lane.h"
#include "dataplane/dp_cmd.h"
#include "dataplane/dp_init.h"
#include "dataplane/dp_meta.h"
#include "dataplane/dp_worker.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_udp.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    INSIDE = 1, /* logical interfaces */
    OUTSIDE = 2,
    TUNNEL0 = 16,
    PORT_IN = 0,
    PORT_OUT = 1,
    PACKETS = 512,   /* in each worker's store, at least */
    OUTER_MAX = 120, /* octets that a transform adds at most */
    SPI_GENERATION = 0x00500000,
};

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1}, far_mac[6] = {2, 0, 0, 0, 0, 2};

unsigned dp_bench_sizes(const struct bench_case *c, const unsigned **sizes)
{
    static const unsigned imix[] = {64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 570, 64};
    *sizes = c->size == BENCH_IMIX ? imix : &c->size;
    return c->size == BENCH_IMIX ? RTE_DIM(imix) : 1;
}

static struct ip_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    uint8_t octets[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return ip_addr_v4(octets);
}

/* SA i protects 10.(i>>8).(i&255).0/24 behind the far end, and 20.x.y.0/24 here. */
static struct ip_addr far_host(unsigned i)
{
    return v4(10, i >> 8, i & 255, 1);
}

static struct ip_addr near_host(unsigned i)
{
    return v4(20, i >> 8, i & 255, 1);
}

void dp_bench_sa(const struct bench_case *c, unsigned i, enum cv_dir dir, struct cv_sa *sa)
{
    const struct bench_transform *t = c->transform;
    memset(sa, 0, sizeof *sa);
    sa->ref = (struct cv_sa_ref){.dir = (uint8_t)dir, .sa_id = i, .spi = SPI_GENERATION | i};
    sa->if_id = TUNNEL0 + i;
    sa->encr = t->encr;
    sa->integ = t->integ;
    sa->encr_key_len = t->key_len;
    sa->salt_len = t->salt_len;
    sa->integ_key_len = t->integ_len;
    sa->replay_window = 64;
    sa->local.addr = v4(192, 0, 2, 1);
    sa->remote.addr = v4(192, 0, 2, 2);
    sa->ts_count = 1;
    sa->ts_local[0] = sa->ts_remote[0] = ts_any(IP_V4);
    if (c->path == BENCH_GRE) {
        const struct ip_prefix near = {sa->local.addr, 32}, far = {sa->remote.addr, 32};
        sa->mode = CV_MODE_TRANSPORT;
        sa->ts_local[0] = ts_from_prefix(&near, IP_PROTO_GRE, 0, UINT16_MAX);
        sa->ts_remote[0] = ts_from_prefix(&far, IP_PROTO_GRE, 0, UINT16_MAX);
    }
    for (unsigned k = 0; k < sizeof sa->encr_key; k++)
        sa->encr_key[k] = (uint8_t)(k + i);
    for (unsigned k = 0; k < sizeof sa->integ_key; k++)
        sa->integ_key[k] = (uint8_t)(2 * k + i);
}

static bool complain(struct bench_result *out, const char *what)
{
    snprintf(out->err, sizeof out->err, "%.250s", what);
    return false;
}

/* ---- the process's data plane ------------------------------------------------------------------------------ */
static void platform_fill(struct platform *p, const struct bench_case *c)
{
    platform_init(p);
    p->workers = c->workers;
    p->hugepages = c->hugepages;
    p->memory_mb = 512;
    struct platform_port *in = &p->ports[PORT_IN], *out = &p->ports[PORT_OUT];
    p->port_count = 2;
    snprintf(in->name, sizeof in->name, "in");
    snprintf(out->name, sizeof out->name, "out");
    snprintf(in->device, sizeof in->device, "net_null0,no-rx=1");
    snprintf(out->device, sizeof out->device, "net_null1,no-rx=1");
}

static bool data_plane_start(struct dp_setup *s, const struct bench_case *c, struct bench_result *out)
{
    memset(s, 0, sizeof *s);
    s->dp = calloc(1, sizeof *s->dp);
    s->config = "bench";
    if (!s->dp)
        return complain(out, "no memory");
    platform_fill(&s->dp->platform, c);
    log_set_level(LOG_LEVEL_WARNING);
    if (dp_init_start(s) != CV_OK)
        return complain(out, s->err);
    s->dp->idle_sleep = false;
    return true;
}

static cv_result if_add(struct dp *dp, uint32_t id, uint16_t port)
{
    struct cv_if c = {.if_id = id, .kind = CV_IF_PORT, .up = 1};
    snprintf(c.name, sizeof c.name, "if%u", id);
    return ip_if_set(&dp->ifs, &c, port, own_mac, 1500);
}

static cv_result route_add(struct dp *dp, enum ip_route_kind kind, struct ip_addr a, unsigned len,
                           uint32_t id, const struct ip_addr *via)
{
    struct cv_route r = {.if_id = id};
    if (!ip_prefix_make(&a, len, &r.prefix))
        return CV_EINVAL;
    if (via)
        r.next_hop = *via;
    return ip_route_add(&dp->routes, kind, &r);
}

static void no_ask(void *ctx, uint32_t if_id, const struct ip_addr *addr, const uint8_t *mac)
{
    (void)ctx, (void)if_id, (void)addr, (void)mac;
}

static void no_packet(void *ctx, struct rte_mbuf *m)
{
    (void)ctx;
    rte_pktmbuf_free(m);
}

/* The interface of SA i; of a GRE tunnel as one end or the other sees it. */
static struct cv_if sa_if(const struct bench_case *c, unsigned i, bool far_end)
{
    struct cv_if f = {.if_id = TUNNEL0 + i, .kind = CV_IF_TUNNEL, .up = 1, .tunnel_mode = CV_TUNNEL_IPSEC4};
    snprintf(f.name, sizeof f.name, "if%u", f.if_id);
    if (c->path == BENCH_MAP) {
        f.kind = CV_IF_FLOW;
        f.flow_port = OUTSIDE;
    } else if (c->path == BENCH_GRE) {
        f.tunnel_mode = CV_TUNNEL_GRE;
        f.tunnel_src = v4(192, 0, 2, far_end ? 2 : 1);
        f.tunnel_dst = v4(192, 0, 2, far_end ? 1 : 2);
        f.gre_ttl = 255;
        f.is_protected = 1;
        f.gre_keyed = c->sas > 1;
        f.gre_key = i;
    }
    return f;
}

static cv_result policy_row(struct cv_policy *r, uint32_t order, uint32_t flow, struct ip_addr near,
                            struct ip_addr far)
{
    struct ip_prefix l, o;
    if (!ip_prefix_make(&near, 24, &l) || !ip_prefix_make(&far, 24, &o))
        return CV_EINVAL;
    *r = (struct cv_policy){.if_id = OUTSIDE, .order = order, .flow_if = flow, .action = CV_POLICY_PROTECT};
    r->local = ts_from_prefix(&l, IP_PROTO_UDP, 0, UINT16_MAX);
    r->remote = ts_from_prefix(&o, IP_PROTO_UDP, 0, UINT16_MAX);
    return CV_OK;
}

/* The lines of others come first. */
static cv_result policy_fill(struct dp *dp, const struct bench_case *c)
{
    struct cv_policy *rows = calloc(c->lines, sizeof *rows);
    cv_result r = rows ? CV_OK : CV_ENOMEM;
    for (unsigned i = 0; r == CV_OK && i < c->lines; i++) {
        const unsigned others = c->lines - c->sas, sa = i - others;
        r = i < others
                ? policy_row(&rows[i], i, TUNNEL0, v4(30, i >> 8, i & 255, 0), v4(40, i >> 8, i & 255, 0))
                : policy_row(&rows[i], i, TUNNEL0 + sa, near_host(sa), far_host(sa));
    }
    if (r == CV_OK)
        r = ip_policy_new(rows, c->lines, 0, &dp->policies[OUTSIDE]);
    free(rows);
    return r;
}

static cv_result sa_fill(struct dp *dp, const struct bench_case *c, unsigned i, const struct ip_addr *far)
{
    const bool map = c->path == BENCH_MAP;
    const struct cv_if f = sa_if(c, i, false);
    struct cv_sa sa;
    CV_TRY(ip_if_set(&dp->ifs, &f, IP_NO_PORT, NULL, 0));
    CV_TRY(route_add(dp, IP_ROUTE_STATIC, far_host(i), 24, map ? OUTSIDE : f.if_id, map ? far : NULL));
    dp_bench_sa(c, i, c->dir, &sa);
    CV_TRY(dp_sad_add(&dp->sad, &sa));
    return c->dir == CV_DIR_OUT ? dp_sad_activate(&dp->sad, &sa.ref) : CV_OK;
}

static cv_result tables_fill(struct dp *dp, const struct bench_case *c)
{
    struct ip_nbr_calls calls = {NULL, no_ask, no_packet, no_packet};
    struct ip_addr own = v4(192, 0, 2, 1), far = v4(192, 0, 2, 2);
    CV_TRY(if_add(dp, INSIDE, PORT_IN));
    CV_TRY(if_add(dp, OUTSIDE, PORT_OUT));
    CV_TRY(route_add(dp, IP_ROUTE_LOCAL, own, 32, OUTSIDE, NULL));
    CV_TRY(route_add(dp, IP_ROUTE_CONNECTED, own, 24, OUTSIDE, NULL));
    CV_TRY(route_add(dp, IP_ROUTE_STATIC, v4(20, 0, 0, 0), 8, OUTSIDE, &far));
    ip_nbr_claim(&dp->nbrs, OUTSIDE, &far, far_mac, 0, &calls);
    for (unsigned i = 0; i < c->sas; i++)
        CV_TRY(sa_fill(dp, c, i, &far));
    return c->path == BENCH_MAP ? policy_fill(dp, c) : CV_OK;
}

/* ---- packets --------------------------------------------------------------------------------------------------- */
static struct rte_mbuf *inner_packet(struct dp *dp, const struct bench_case *c, unsigned sa, unsigned size)
{
    static uint16_t port;
    static const uint8_t data[BENCH_SIZE_MAX];
    struct ip_endpoint from = {.port = 1000}, to = {.port = 2000};
    if (c->path == BENCH_MAP)
        from.port = (uint16_t)(1000 + ++port % 64);
    struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
    from.addr = c->dir == CV_DIR_OUT ? near_host(sa) : far_host(sa);
    to.addr = c->dir == CV_DIR_OUT ? far_host(sa) : near_host(sa);
    if (m && !ip_udp_write(m, &from, &to, 0, data, size - 20 - IP_UDP_HEADER)) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    if (m)
        memset(dp_meta(m), 0, sizeof(struct dp_meta));
    return m;
}

/* The peer's side of SA i: what it sends carries our inbound SPI. */
static cv_result peer_new(struct dp *dp, const struct bench_case *c, unsigned i,
                          struct cv_sa_counters *counters, struct esp_out_sa **out)
{
    struct cv_sa sa;
    dp_bench_sa(c, i, CV_DIR_OUT, &sa);
    struct ip_endpoint swap = sa.local;
    sa.local = sa.remote;
    sa.remote = swap;
    return esp_out_sa_new(&sa, dp->engine, 0, counters, out);
}

/* One peer per SA lives through the filling, so that its sequence numbers run on. */
struct peers {
    struct esp_out_sa *sa[BENCH_SAS_MAX];
    struct cv_sa_counters counters[CV_MAX_WORKERS];
};

static void peers_free(struct peers *p, unsigned sas)
{
    for (unsigned i = 0; p && i < sas; i++)
        esp_out_sa_free(p->sa[i]);
    free(p);
}

static struct peers *peers_new(struct dp *dp, const struct bench_case *c)
{
    struct peers *p = calloc(1, sizeof *p);
    for (unsigned i = 0; p && c->dir == CV_DIR_IN && i < c->sas; i++)
        if (peer_new(dp, c, i, p->counters, &p->sa[i]) != CV_OK) {
            peers_free(p, c->sas);
            return NULL;
        }
    return p;
}

/* As the peer's end of GRE tunnel i puts it in. */
static bool gre_push(struct rte_mbuf *m, const struct bench_case *c, unsigned i)
{
    struct ip_if t = {.conf = sa_if(c, i, true)};
    ip_gre_head_make(&t);
    return ip_gre_push(m, &t, (uint16_t)i, ESP_HEADROOM);
}

static bool packet_store(struct bench_frames *f, struct dp *dp, struct esp_worker *esp,
                         const struct bench_case *c, unsigned i, unsigned size, struct esp_out_sa *peer)
{
    struct rte_mbuf *m = inner_packet(dp, c, i, size);
    bool ok = m && ip_classify_ip(m) != IP_CLASS_DROP;
    if (ok && peer && c->path == BENCH_GRE)
        ok = gre_push(m, c, i);
    if (ok && peer)
        ok = esp_out_burst(esp, &m, &peer, 1) == 1;
    ok = ok && dp_bench_frames_add(f, own_mac, far_mac, m);
    rte_pktmbuf_free(m);
    return ok;
}

/* The packets of worker w: all sizes on all of its SAs. */
static bool frames_fill(struct bench_frames *f, struct dp *dp, const struct bench_case *c, unsigned w,
                        struct peers *peers)
{
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes);
    const unsigned packets = RTE_ALIGN_MUL_CEIL(RTE_MAX((unsigned)PACKETS, c->sas), count);
    const uint32_t octets =
        (c->size == BENCH_IMIX ? (unsigned)BENCH_SIZE_MAX : c->size) + (uint32_t)OUTER_MAX;
    if (dp_bench_frames_init(f, packets, octets, dp->pool, c->receive) != CV_OK)
        return false;
    for (unsigned n = 0; n < packets; n++) {
        /* A worker's packets are on the SAs it owns. */
        unsigned i = (n * c->workers + w) % c->sas;
        if (!packet_store(f, dp, &dp->worker[0]->esp, c, i, sizes[n % count], peers->sa[i]))
            return false;
    }
    return true;
}

static bool lanes_fill(struct bench_lane *lanes, struct dp *dp, const struct bench_case *c)
{
    struct peers *peers = peers_new(dp, c);
    bool ok = peers != NULL;
    for (unsigned w = 0; ok && w < c->workers; w++) {
        struct bench_frames *f = &lanes[w].frames;
        ok = frames_fill(f, dp, c, w, peers) &&
             dp_bench_port_feed(dp->ports[PORT_IN].id, (uint16_t)w, f) == CV_OK;
    }
    if (c->dir == CV_DIR_IN)
        peers_free(peers, c->sas);
    else
        free(peers);
    return ok;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */
/* The EAL's own wait spins, and would take its part of a shared processor. */
static void lanes_wait(void)
{
    unsigned lcore;
    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        while (rte_eal_get_lcore_state(lcore) == RUNNING)
            usleep(10000);
    }
    rte_eal_mp_wait_lcore();
}

/* A packet that was dropped, or waits for the manager, was not forwarded: the figure would be of something else. */
static bool ran_clean(const struct dp *dp, struct bench_result *out)
{
    for (unsigned w = 0; w < dp->workers; w++)
        for (unsigned r = 0; r < CV_DROP_COUNT; r++)
            if (dp->worker[w]->stats->drops[r] != 0) {
                snprintf(out->err, sizeof out->err, "%llu packets were dropped: %s",
                         (unsigned long long)dp->worker[w]->stats->drops[r], cv_drop_name(r));
                return false;
            }
    return rte_ring_empty(dp->rings.slow) || complain(out, "packets went to the manager");
}

static void stages_summarise(const struct bench_lane *lanes, const struct bench_case *c,
                             struct bench_result *out)
{
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++) {
        double round[BENCH_ROUNDS] = {0};
        for (unsigned r = 0; r < BENCH_ROUNDS; r++)
            for (unsigned w = 0; w < c->workers; w++)
                round[r] += lanes[w].stage[r][s] / c->workers;
        out->stage[s] = dp_bench_median(round, BENCH_ROUNDS);
    }
}

static void summarise(const struct bench_lane *lanes, const struct bench_case *c, double hz,
                      struct bench_result *out)
{
    double total[BENCH_ROUNDS] = {0}, limit[BENCH_ROUNDS] = {0}, ports[BENCH_ROUNDS] = {0};
    double own[BENCH_ROUNDS] = {0};
    for (unsigned r = 0; r < BENCH_ROUNDS; r++)
        for (unsigned w = 0; w < c->workers; w++) {
            total[r] += hz / lanes[w].loop[r] / 1e6;
            limit[r] += hz / lanes[w].limit[r] / 1e6;
            own[r] += lanes[w].own[r] > 0 ? hz / lanes[w].own[r] / 1e6 : 0;
            ports[r] += lanes[w].ports[r] / c->workers;
        }
    stages_summarise(lanes, c, out);
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes);
    for (unsigned i = 0; i < count; i++)
        out->size += (double)sizes[i] / count;
    out->rounds = BENCH_ROUNDS;
    out->mpps = dp_bench_median(total, BENCH_ROUNDS); /* which sorts */
    out->mpps_min = total[0];
    out->mpps_max = total[BENCH_ROUNDS - 1];
    out->limit_mpps = dp_bench_median(limit, BENCH_ROUNDS);
    const double ours = dp_bench_median(own, BENCH_ROUNDS);
    out->best_mpps = ours > out->limit_mpps ? ours : out->limit_mpps;
    snprintf(out->best_engine, sizeof out->best_engine, "%s",
             ours > out->limit_mpps ? dp_bench_limit_own_name(lanes[0].bare) : eng_ipsecmb.name);
    out->ports_cycles = dp_bench_median(ports, BENCH_ROUNDS);
    out->tsc_mhz = hz / 1e6;
}

static bool lanes_make(struct bench_lane *lanes, struct dp *dp, const struct bench_case *c,
                       pthread_barrier_t *barrier)
{
    for (unsigned w = 0; w < c->workers; w++) {
        lanes[w].w = dp->worker[w];
        lanes[w].c = c;
        lanes[w].id = w;
        lanes[w].port_in = dp->ports[PORT_IN].id;
        lanes[w].port_out = dp->ports[PORT_OUT].id;
        lanes[w].barrier = barrier;
        if (dp_bench_lane_init(&lanes[w]) != CV_OK)
            return false;
    }
    return lanes_fill(lanes, dp, c);
}

static bool lanes_run(struct bench_lane *lanes, unsigned workers)
{
    bool ok = true;
    for (unsigned w = 0; w < workers; w++)
        ok = rte_eal_remote_launch(dp_bench_lane, &lanes[w], lanes[w].w->stats->lcore) == 0 && ok;
    lanes_wait();
    for (unsigned w = 0; w < workers; w++)
        ok = lanes[w].ok && ok;
    return ok;
}

static bool measure(struct dp_setup *s, struct bench_lane *lanes, const struct bench_case *c,
                    struct bench_result *out)
{
    struct dp *dp = s->dp;
    pthread_barrier_t barrier;
    if (tables_fill(dp, c) != CV_OK)
        return complain(out, "the tables could not be filled");
    dp_cmd_refresh_mtu(s->manager);
    if (pthread_barrier_init(&barrier, NULL, c->workers) != 0 || !lanes_make(lanes, dp, c, &barrier))
        return complain(out, "the packets could not be made");
    bool ok = lanes_run(lanes, c->workers);
    pthread_barrier_destroy(&barrier);
    if (!ran_clean(dp, out))
        return false;
    if (!ok)
        return complain(out, "a worker's packets did not all come through");
    summarise(lanes, c, (double)dp->shm.head->tsc_hz, out);
    snprintf(out->engine, sizeof out->engine, "%s", dp->engine->name);
    snprintf(out->device, sizeof out->device, "%s", dp->engine->device());
    return true;
}

bool dp_bench_measure(const struct bench_case *c, struct bench_result *out)
{
    struct dp_setup s;
    struct bench_lane lanes[CV_MAX_WORKERS] = {0};
    if (!data_plane_start(&s, c, out))
        return false;
    bool ok = measure(&s, lanes, c, out);
    for (unsigned w = 0; w < c->workers; w++)
        dp_bench_lane_fini(&lanes[w]);
    dp_init_stop(&s);
    free(s.dp);
    return ok;
}
