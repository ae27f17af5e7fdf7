#include "dataplane/dp_bench_store.h"

#include "dataplane/dp_bench_site.h"
#include "dataplane/dp_meta.h"
#include "dataplane/dp_worker.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_udp.h"

#include <math.h>
#include <rte_common.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACKETS = 512,   /* in each worker's store, at least */
    OUTER_MAX = 160, /* octets that a transform adds at most */
    SEED = 4303,
};

/* ---- which SA ---------------------------------------------------------------------------------------------------- */
/* splitmix64, public domain (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t random64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

cv_result dp_bench_draw_init(struct bench_draw *d, unsigned n, double zipf, uint64_t seed)
{
    *d = (struct bench_draw){.state = seed, .n = n};
    if (zipf <= 0)
        return CV_OK;
    double sum = 0;
    d->cumulative = malloc(n * sizeof *d->cumulative);
    if (!d->cumulative)
        return CV_ENOMEM;
    for (unsigned r = 0; r < n; r++)
        d->cumulative[r] = sum += pow(r + 1, -zipf);
    for (unsigned r = 0; r < n; r++)
        d->cumulative[r] /= sum;
    return CV_OK;
}

void dp_bench_draw_fini(struct bench_draw *d)
{
    free(d->cumulative);
    d->cumulative = NULL;
}

unsigned dp_bench_draw(struct bench_draw *d)
{
    enum { BITS = 53 };                  /* of a double's fraction */
    const uint64_t scatter = 2654435761; /* a prime over any n: every rank has a place of its own */
    const double u = (double)(random64(&d->state) >> (64 - BITS)) / (double)(UINT64_C(1) << BITS);
    if (!d->cumulative)
        return (unsigned)(u * d->n);
    unsigned low = 0, high = d->n - 1;
    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        if (d->cumulative[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return (unsigned)(low * scatter % d->n);
}

/* ---- how many ---------------------------------------------------------------------------------------------------- */
unsigned dp_bench_sizes(const struct bench_case *c, const unsigned **sizes)
{
    static const unsigned imix[] = {64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 570, 64};
    *sizes = c->size == BENCH_IMIX ? imix : &c->size;
    return c->size == BENCH_IMIX ? RTE_DIM(imix) : 1;
}

static struct rte_mempool *pool_of(const struct dp *dp, const struct bench_case *c)
{
    return dp_bench_jumbo(c) ? dp->jumbo_pool : dp->pool;
}

static uint32_t frame_octets(const struct bench_case *c)
{
    return (c->size == BENCH_IMIX ? (unsigned)BENCH_SIZE_MAX : c->size) + (uint32_t)OUTER_MAX;
}

unsigned dp_bench_store_count(const struct bench_case *c)
{
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes);
    const unsigned unit = count * (c->dir == BENCH_BOTH ? 2 * IO_BURST : 1); /* whole turns of both ways */
    const uint64_t room = BENCH_STORE_OCTETS / c->workers / frame_octets(c);
    unsigned n = RTE_MAX((unsigned)PACKETS, c->sas / c->workers * (c->dir == BENCH_BOTH ? 2 : 1));
    n = RTE_MAX(n, dp_bench_flows(c));
    n = (unsigned)RTE_MIN((uint64_t)n, room);
    return (n + unit - 1) / unit * unit;
}

/* ---- one packet -------------------------------------------------------------------------------------------------- */
static struct rte_mbuf *inner_packet(struct dp *dp, const struct bench_case *c, unsigned sa, unsigned size,
                                     bool out)
{
    static uint16_t port;
    static const uint8_t data[BENCH_JUMBO_MAX];
    struct ip_endpoint from = {.port = BENCH_PORT0}, to = {.port = 2000};
    const struct ip_addr near = dp_bench_near_host(c, sa);
    const struct ip_addr far = c->path == BENCH_CLEAR ? dp_bench_clear_host(c, sa) : dp_bench_far_host(c, sa);
    const unsigned head = (c->inner == IP_V4 ? 20 : 40) + (unsigned)IP_UDP_HEADER;
    if (dp_bench_mapped(c))
        from.port = (uint16_t)(BENCH_PORT0 + ++port % dp_bench_flows(c));
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool_of(dp, c));
    from.addr = out ? near : far;
    to.addr = out ? far : near;
    if (m && !ip_udp_write(m, &from, &to, 0, data, size - head)) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    if (m)
        memset(dp_meta(m), 0, sizeof(struct dp_meta));
    return m;
}

/* As the peer's end of GRE tunnel i puts it in. */
static bool gre_push(struct rte_mbuf *m, const struct bench_case *c, unsigned i)
{
    struct ip_if t = {.conf = dp_bench_if(c, i, true)};
    ip_gre_head_make(&t);
    return ip_gre_push(m, &t, (uint16_t)i, ESP_HEADROOM);
}

/* The peer's side of SA i, for its next packet: what it sends carries our inbound SPI. */
static cv_result peer_new(struct dp *dp, const struct bench_case *c, unsigned i, struct bench_peers *p,
                          struct esp_out_sa **out)
{
    struct cv_sa sa;
    dp_bench_sa(c, i, CV_DIR_OUT, &sa);
    struct ip_endpoint swap = sa.local;
    sa.local = sa.remote;
    sa.remote = swap;
    sa.seq = p->seq[i]++;
    return esp_out_sa_new(&sa, dp->engine, 0, p->counters, out);
}

/* Encrypted when it returns, also with an engine whose device takes its time. */
static bool sealed(struct esp_worker *w, struct rte_mbuf **m, struct esp_out_sa *peer)
{
    struct esp_done done;
    const uint16_t good = esp_out_burst(w, m, &peer, 1);
    if (!w->asynchronous || w->taken == 0)
        return good == 1;
    while (esp_poll(w, &done) == 0)
        ;
    return done.out_good == 1 && done.out[0] == *m;
}

static bool seal(struct rte_mbuf **m, struct dp *dp, const struct bench_case *c, unsigned i,
                 struct bench_peers *p)
{
    struct esp_out_sa *peer;
    if (c->path == BENCH_GRE && !gre_push(*m, c, i))
        return false;
    if (peer_new(dp, c, i, p, &peer) != CV_OK)
        return false;
    const bool ok = sealed(&dp->worker[0]->esp, m, peer);
    esp_out_sa_free(peer);
    return ok;
}

static bool packet_store(struct bench_frames *f, struct dp *dp, const struct bench_case *c, unsigned i,
                         unsigned size, bool out, struct bench_peers *peers)
{
    struct rte_mbuf *m = inner_packet(dp, c, i, size, out);
    bool ok = m && ip_classify_ip(m) != IP_CLASS_DROP;
    if (ok && !out)
        ok = seal(&m, dp, c, i, peers);
    ok = ok && dp_bench_frames_add(f, dp_bench_own_mac, dp_bench_far_mac, m);
    rte_pktmbuf_free(m);
    return ok;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */
cv_result dp_bench_peers_init(struct bench_peers *p, const struct bench_case *c)
{
    memset(p, 0, sizeof *p);
    p->seq = calloc(c->sas, sizeof *p->seq);
    p->used = calloc(c->sas, sizeof *p->used);
    return p->seq && p->used ? CV_OK : CV_ENOMEM;
}

void dp_bench_peers_fini(struct bench_peers *p)
{
    free(p->seq);
    free(p->used);
    p->seq = NULL;
    p->used = NULL;
}

static bool is_out(const struct bench_case *c, unsigned n)
{
    return c->dir == BENCH_ENCAP || (c->dir == BENCH_BOTH && n / IO_BURST % 2 == 0);
}

static cv_result frames_make(struct bench_frames *f, struct dp *dp, const struct bench_case *c, unsigned w,
                             struct bench_draw *draw, struct bench_peers *peers)
{
    const unsigned *sizes, count = dp_bench_sizes(c, &sizes), packets = f->room;
    for (unsigned n = 0; n < packets; n++) {
        unsigned i;
        do
            i = dp_bench_draw(draw);
        while (!dp_bench_serves(c, i, w));
        peers->used[i] = 1;
        if (!packet_store(f, dp, c, i, sizes[n % count], is_out(c, n), peers))
            return CV_EINVAL;
        if (n % 1024 == 0)
            dp_bench_progress(c, "packets made", n, packets);
    }
    return CV_OK;
}

cv_result dp_bench_store_fill(struct bench_frames *f, struct dp *dp, const struct bench_case *c, unsigned w,
                              struct bench_peers *peers)
{
    struct bench_draw draw;
    CV_TRY(dp_bench_frames_init(f, dp_bench_store_count(c), frame_octets(c), pool_of(dp, c), c->receive));
    CV_TRY(dp_bench_draw_init(&draw, c->sas, c->zipf, SEED + w));
    const cv_result r = frames_make(f, dp, c, w, &draw, peers);
    dp_bench_draw_fini(&draw);
    return r;
}
