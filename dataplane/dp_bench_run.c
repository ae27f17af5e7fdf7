#include "dataplane/dp_bench_run.h"
#include "common/log.h"
#include "dataplane/dp_cmd.h"
#include "dataplane/dp_init.h"
#include "dataplane/dp_meta.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_worker.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_udp.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    INSIDE = 1, /* logical interfaces */
    OUTSIDE = 2,
    TUNNEL0 = 16,
    PORT_IN = 0,
    PORT_OUT = 1,
    PACKETS = 256, /* in each file, at least */
    ETHER = 14,
    SPI_GENERATION = 0x00500000,
    BARE_CALLS = 100000,
    BARE_BYTES = 20000000,
    WARM_TURNS = 2000,
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

static void sa_fill(const struct bench_case *c, unsigned i, enum cv_dir dir, struct cv_sa *sa)
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
    sa->flags = dir == CV_DIR_IN ? CV_SA_NO_REPLAY : 0;
    sa->local.addr = v4(192, 0, 2, 1);
    sa->remote.addr = v4(192, 0, 2, 2);
    sa->ts_count = 1;
    sa->ts_local[0] = sa->ts_remote[0] = ts_any(IP_V4);
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
static void platform_fill(struct platform *p, const struct bench_case *c, bool ports)
{
    platform_init(p);
    p->workers = c->workers;
    p->hugepages = c->hugepages;
    p->memory_mb = 512;
    if (!ports)
        return;
    size_t at = 0;
    struct platform_port *in = &p->ports[PORT_IN], *out = &p->ports[PORT_OUT];
    p->port_count = 2;
    snprintf(in->name, sizeof in->name, "in");
    snprintf(out->name, sizeof out->name, "out");
    at = (size_t)snprintf(in->device, sizeof in->device, "net_pcap0,infinite_rx=1");
    for (unsigned w = 0; w < c->workers && at < sizeof in->device; w++)
        at +=
            (size_t)snprintf(in->device + at, sizeof in->device - at, ",rx_pcap=%s/%u.pcap", c->pcap_dir, w);
    snprintf(out->device, sizeof out->device, "net_null0,no-rx=1");
}

static bool data_plane_start(struct dp_setup *s, const struct bench_case *c, bool ports,
                             struct bench_result *out)
{
    memset(s, 0, sizeof *s);
    s->dp = calloc(1, sizeof *s->dp);
    s->config = "bench";
    if (!s->dp)
        return complain(out, "no memory");
    platform_fill(&s->dp->platform, c, ports);
    log_set_level(LOG_LEVEL_WARNING);
    if (dp_init_start(s) != CV_OK)
        return complain(out, s->err);
    s->dp->idle_sleep = false;
    return true;
}

static cv_result if_add(struct dp *dp, uint32_t id, uint8_t kind, uint16_t port)
{
    struct cv_if c = {.if_id = id, .kind = kind, .up = 1, .tunnel_mode = CV_TUNNEL_IPSEC4};
    snprintf(c.name, sizeof c.name, "if%u", id);
    return ip_if_set(&dp->ifs, &c, port, kind == CV_IF_PORT ? own_mac : NULL, 1500);
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

static cv_result tables_fill(struct dp *dp, const struct bench_case *c)
{
    struct ip_nbr_calls calls = {NULL, no_ask, no_packet, no_packet};
    struct ip_addr own = v4(192, 0, 2, 1), far = v4(192, 0, 2, 2);
    struct cv_sa sa;
    CV_TRY(if_add(dp, INSIDE, CV_IF_PORT, PORT_IN));
    CV_TRY(if_add(dp, OUTSIDE, CV_IF_PORT, PORT_OUT));
    CV_TRY(route_add(dp, IP_ROUTE_LOCAL, own, 32, OUTSIDE, NULL));
    CV_TRY(route_add(dp, IP_ROUTE_CONNECTED, own, 24, OUTSIDE, NULL));
    CV_TRY(route_add(dp, IP_ROUTE_STATIC, v4(20, 0, 0, 0), 8, OUTSIDE, &far));
    ip_nbr_claim(&dp->nbrs, OUTSIDE, &far, far_mac, 0, &calls);
    for (unsigned i = 0; i < c->sas; i++) {
        CV_TRY(if_add(dp, TUNNEL0 + i, CV_IF_TUNNEL, IP_NO_PORT));
        CV_TRY(route_add(dp, IP_ROUTE_STATIC, far_host(i), 24, TUNNEL0 + i, NULL));
        sa_fill(c, i, c->dir, &sa);
        CV_TRY(dp_sad_add(&dp->sad, &sa));
        if (c->dir == CV_DIR_OUT)
            CV_TRY(dp_sad_activate(&dp->sad, &sa.ref));
    }
    return CV_OK;
}

/* ---- packets --------------------------------------------------------------------------------------------------- */
static bool pcap_open(FILE **f, const struct bench_case *c, unsigned worker)
{
    char path[96];
    const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    snprintf(path, sizeof path, "%s/%u.pcap", c->pcap_dir, worker);
    *f = fopen(path, "we");
    return *f && fwrite(head, sizeof head, 1, *f) == 1;
}

static bool pcap_add(FILE *f, const struct rte_mbuf *m)
{
    uint8_t ether[ETHER];
    memcpy(ether, own_mac, 6);
    memcpy(ether + 6, far_mac, 6);
    ether[12] = 8;
    ether[13] = 0;
    const uint32_t len = m->data_len + (uint32_t)ETHER, head[4] = {0, 0, len, len};
    return fwrite(head, sizeof head, 1, f) == 1 && fwrite(ether, ETHER, 1, f) == 1 &&
           fwrite(rte_pktmbuf_mtod(m, const void *), m->data_len, 1, f) == 1;
}

static struct rte_mbuf *inner_packet(struct dp *dp, const struct bench_case *c, unsigned sa, unsigned size)
{
    static const uint8_t data[BENCH_SIZE_MAX];
    struct ip_endpoint from = {.port = 1000}, to = {.port = 2000};
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
static cv_result peer_sa(struct dp *dp, const struct bench_case *c, unsigned i,
                         struct cv_sa_counters *counters, struct esp_out_sa **out)
{
    struct cv_sa sa;
    sa_fill(c, i, CV_DIR_OUT, &sa);
    struct ip_endpoint swap = sa.local;
    sa.local = sa.remote;
    sa.remote = swap;
    return esp_out_sa_new(&sa, dp->engine, 0, counters, out);
}

static bool packet_write(FILE *f, struct dp *dp, struct esp_worker *esp, const struct bench_case *c,
                         unsigned i, unsigned size, struct esp_out_sa *peer)
{
    struct rte_mbuf *m = inner_packet(dp, c, i, size);
    bool ok = m && ip_classify_ip(m) != IP_CLASS_DROP;
    if (ok && peer)
        ok = esp_out_burst(esp, &m, &peer, 1) == 1;
    ok = ok && pcap_add(f, m);
    rte_pktmbuf_free(m);
    return ok;
}

static bool file_write(struct dp *dp, struct esp_worker *esp, const struct bench_case *c, unsigned worker)
{
    FILE *f;
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes);
    unsigned packets = RTE_MAX((unsigned)PACKETS, c->sas) / count * count;
    struct cv_sa_counters counters[CV_MAX_WORKERS] = {0};
    bool ok = pcap_open(&f, c, worker);
    for (unsigned n = 0; ok && n < packets; n++) {
        /* Decapsulation: each worker's file holds the SAs it owns. */
        unsigned i = c->dir == CV_DIR_IN ? (n * c->workers + worker) % c->sas : n % c->sas;
        struct esp_out_sa *peer = NULL;
        if (c->dir == CV_DIR_IN && peer_sa(dp, c, i, counters, &peer) != CV_OK)
            ok = false;
        ok = ok && packet_write(f, dp, esp, c, i, sizes[n % count], peer);
        if (peer)
            esp_out_sa_free(peer);
    }
    return f && fclose(f) == 0 && ok;
}

bool dp_bench_packets(const struct bench_case *c, struct bench_result *out)
{
    struct dp_setup s;
    if (!data_plane_start(&s, c, false, out))
        return false;
    bool ok = true;
    for (unsigned w = 0; ok && w < c->workers; w++)
        ok = file_write(s.dp, &s.dp->worker[0]->esp, c, w);
    dp_init_stop(&s);
    free(s.dp);
    return ok || complain(out, "the packets could not be made");
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */
struct lane { /* one worker's part */
    struct dp_worker *w;
    const struct bench_case *c;
    double pps[BENCH_ROUNDS], bare_cycles[BENCH_ROUNDS];
    bool ok;
};

/* Time this thread had a processor, in seconds: on a shared machine the clock on the wall would measure the
 * neighbours, in the loop and in the bare call alike. */
static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double bare_call(const struct bench_case *c, unsigned size, unsigned calls, double hz)
{
    double cycles = 0, cpu = thread_seconds();
    uint64_t wall = rte_rdtsc();
    if (eng_ipsecmb_bare(c->dir, c->transform->key_len, size, 1, calls, &cycles) != CV_OK)
        return 0;
    double had = (thread_seconds() - cpu) * hz / (double)(rte_rdtsc() - wall);
    return cycles * (had < 1 ? had : 1);
}

/* Cycles of the bare call, averaged over the case's sizes; 0 when this transform has none. */
static double bare(const struct bench_case *c, double hz)
{
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes);
    double sum = 0;
    if (c->transform->encr != CV_ENCR_AES_GCM_16)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned calls = RTE_MIN((unsigned)BARE_CALLS, (unsigned)BARE_BYTES / sizes[i]) / count;
        sum += bare_call(c, sizes[i], calls, hz);
    }
    return sum / count;
}

static double loop_pps(struct dp_worker *w, double seconds)
{
    uint64_t hz = w->dp->shm.head->tsc_hz, sent = w->stats->tx_packets, start = rte_rdtsc();
    uint64_t end = start + (uint64_t)(seconds * (double)hz), now = start;
    double cpu = thread_seconds();
    while (now < end) {
        dp_worker_turn(w);
        dp_rcu_quiet(w->id);
        now = rte_rdtsc();
    }
    return (double)(w->stats->tx_packets - sent) / (thread_seconds() - cpu);
}

static int lane_run(void *arg)
{
    struct lane *l = arg;
    if (dp_rcu_register(l->w->id) != CV_OK)
        return -1;
    for (unsigned i = 0; i < WARM_TURNS; i++)
        dp_worker_turn(l->w);
    double hz = (double)l->w->dp->shm.head->tsc_hz;
    for (unsigned r = 0; r < BENCH_ROUNDS; r++) {
        double before = bare(l->c, hz);
        l->pps[r] = loop_pps(l->w, l->c->seconds / BENCH_ROUNDS);
        l->bare_cycles[r] = (before + bare(l->c, hz)) / 2;
    }
    dp_rcu_unregister(l->w->id);
    l->ok = true;
    return 0;
}

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

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
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

static void summarise(const struct lane *lanes, const struct bench_case *c, double hz,
                      struct bench_result *out)
{
    double total[BENCH_ROUNDS] = {0}, limit[BENCH_ROUNDS] = {0};
    for (unsigned r = 0; r < BENCH_ROUNDS; r++)
        for (unsigned w = 0; w < c->workers; w++) {
            total[r] += lanes[w].pps[r] / 1e6;
            limit[r] += lanes[w].bare_cycles[r] > 0 ? hz / lanes[w].bare_cycles[r] / 1e6 : 0;
        }
    qsort(total, BENCH_ROUNDS, sizeof total[0], ascending);
    qsort(limit, BENCH_ROUNDS, sizeof limit[0], ascending);
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes);
    for (unsigned i = 0; i < count; i++)
        out->size += (double)sizes[i] / count;
    out->rounds = BENCH_ROUNDS;
    out->mpps = total[BENCH_ROUNDS / 2];
    out->mpps_min = total[0];
    out->mpps_max = total[BENCH_ROUNDS - 1];
    out->limit_mpps = limit[BENCH_ROUNDS / 2];
    out->tsc_mhz = hz / 1e6;
}

bool dp_bench_measure(const struct bench_case *c, struct bench_result *out)
{
    struct dp_setup s;
    struct lane lanes[CV_MAX_WORKERS] = {0};
    if (!data_plane_start(&s, c, true, out))
        return false;
    bool ok = tables_fill(s.dp, c) == CV_OK || complain(out, "the tables could not be filled");
    dp_cmd_refresh_mtu(s.manager);
    for (unsigned w = 0; ok && w < c->workers; w++) {
        lanes[w].w = s.dp->worker[w];
        lanes[w].c = c;
        ok = rte_eal_remote_launch(lane_run, &lanes[w], s.dp->worker[w]->stats->lcore) == 0;
    }
    lanes_wait();
    for (unsigned w = 0; ok && w < c->workers; w++)
        ok = lanes[w].ok;
    ok = ok && ran_clean(s.dp, out);
    if (ok) {
        summarise(lanes, c, (double)s.dp->shm.head->tsc_hz, out);
        snprintf(out->engine, sizeof out->engine, "%s", s.dp->engine->name);
        snprintf(out->device, sizeof out->device, "%s", s.dp->engine->device());
    }
    dp_init_stop(&s);
    free(s.dp);
    return ok;
}
