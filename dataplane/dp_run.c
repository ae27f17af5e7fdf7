#include "dataplane/dp_run.h"

#include "dataplane/dp_drop.h"
#include "dataplane/dp_flow.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_transit.h"
#include "dataplane/esp/esp_run.h"
#include "dataplane/ip/ip_ttl.h"

#include <rte_malloc.h>

enum {
    V4_LEN = 20,
    UPPER = 8,   /* octets behind the header that are looked at */
    ALIKE = 4,   /* packets that are compared before one leads the others */
    RUNS = 2,    /* of a burst: where they are short, they are not worth a leader each */
    AHEAD = 6,   /* packets whose lines are fetched */
    PAUSE = 256, /* bursts that are left alone after a leader that nobody could follow */
};

/* ---- headers that are alike ---------------------------------------------------------------------------------- */
/* What is behind their IP headers, as far as it is looked at. */
enum run_kind { RUN_PLAIN, RUN_UDP, RUN_ESP };

/* What the frames of a run have in common, in words as they stand in memory, none of which has an octet that may differ: so each is
 * one comparison. */
struct front {
    uint64_t rearm;      /* of the mbuf: data offset, reference count, segments, port */
    uint64_t ends;       /* source and destination */
    uint64_t sum;        /* of the IP header's words that are the same */
    uint32_t station[2]; /* the first four octets of the frame, and two behind them */
    uint32_t start;      /* Ethernet type, version and length of the header, TOS */
    uint32_t middle;     /* octets 6 to 9 of the IP header: fragment, TTL, protocol */
    uint32_t spi;        /* of ESP, as it stands in the packet */
    uint32_t buf_len;
    uint8_t proto;
};
static_assert(offsetof(struct rte_mbuf, port) + sizeof(uint16_t) - offsetof(struct rte_mbuf, data_off) == 8,
              "one word");

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t load16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t rearm_of(const struct rte_mbuf *m)
{
    return load64((const uint8_t *)m + offsetof(struct rte_mbuf, data_off));
}

/* False: not of a kind that runs are made of. */
static bool front_of(struct front *f, const struct rte_mbuf *m)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + RTE_ETHER_HDR_LEN;
    if (m->nb_segs != 1 || m->data_len < RTE_ETHER_HDR_LEN + V4_LEN + UPPER)
        return false;
    f->rearm = rearm_of(m);
    f->buf_len = m->buf_len;
    f->station[0] = load32(frame);
    f->station[1] = load16(frame + 4);
    f->start = load32(ip - 2);
    f->middle = load32(ip + 6);
    f->ends = load64(ip + 12);
    f->spi = load32(ip + V4_LEN);
    f->proto = ip[9];
    f->sum = (uint64_t)(f->start >> 16) + (f->middle & 0xffff) + (f->ends & UINT32_MAX) + (f->ends >> 32);
    /* An IPv4 header without options, no fragment; with AH it goes by SPI as well, and is rare. */
    return (f->start & 0xffffff) == 0x450008 && !(f->middle & RTE_BE16(0x3fff)) && f->proto != IP_PROTO_AH;
}

/* UDP has a sound length, mostly all that there is, and is not for the port where ESP or IKE may be in it. */
static __rte_always_inline bool udp_plain(const uint8_t *udp, uint32_t total)
{
    const uint32_t len = __builtin_bswap32(load32(udp + 4)) >> 16;
    return load16(udp + 2) != RTE_BE16(IP_PORT_NATT) &&
           (likely(len == total - V4_LEN) || (len >= UPPER && len <= total - V4_LEN));
}

/* A sum of the header's words, as 16 bits each or two of them together, is 0 modulo 2^16 - 1 where the checksum is right (RFC 1071), and not 0.
 * Multiples of an odd number are those that its inverse brings below what is left of the word's range. */
static __rte_always_inline bool sum_sound(uint64_t sum)
{
    const uint64_t inverse = UINT64_C(0xfffefffefffeffff);
    return sum * inverse <= UINT64_MAX / 0xffff;
}

/* m's header is like the others' and sound, its length from V4_LEN + UPPER on at most `span` more: *p of it. */
static __rte_always_inline bool alike(const struct front *f, const struct rte_mbuf *m, uint32_t span,
                                      enum run_kind kind, struct esp_run_pkt *p)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + RTE_ETHER_HDR_LEN;
    if (unlikely(rearm_of(m) != f->rearm) || unlikely(m->buf_len != f->buf_len) ||
        unlikely(load32(frame) != f->station[0]) || unlikely(load16(frame + 4) != f->station[1]) ||
        unlikely(load32(ip - 2) != f->start) || unlikely(load32(ip + 6) != f->middle) ||
        unlikely(load64(ip + 12) != f->ends) || (kind == RUN_ESP && unlikely(load32(ip + V4_LEN) != f->spi)))
        return false;
    const uint32_t lengths = load32(ip + 2), end = load32(ip + 8); /* TTL, protocol, checksum */
    const uint32_t total = __builtin_bswap32(lengths) >> 16;
    if (unlikely(total - V4_LEN - UPPER > span) || unlikely(total + RTE_ETHER_HDR_LEN > m->data_len) ||
        unlikely(!sum_sound(f->sum + lengths + end)))
        return false;
    if (kind == RUN_UDP && unlikely(!udp_plain(ip + V4_LEN, total)))
        return false;
    const uint32_t word = kind == RUN_ESP ? __builtin_bswap32(load32(ip + V4_LEN + 4)) : ip_ttl_lowered(end);
    const uint64_t both = total | (uint64_t)word << 32; /* one store */
    memcpy(p, &both, sizeof both);
    return true;
}

/* The same, whichever kind. */
static bool alike_any(const struct front *f, const struct rte_mbuf *m)
{
    struct esp_run_pkt p;
    return f->proto == IP_PROTO_ESP   ? alike(f, m, UINT16_MAX, RUN_ESP, &p)
           : f->proto == IP_PROTO_UDP ? alike(f, m, UINT16_MAX, RUN_UDP, &p)
                                      : alike(f, m, UINT16_MAX, RUN_PLAIN, &p);
}

/* Does m[0] lead others? */
static bool begins(struct front *f, struct rte_mbuf *const *m)
{
    if (!front_of(f, m[0]))
        return false;
    for (unsigned i = 0; i < ALIKE; i++)
        if (!alike_any(f, m[i]))
            return false;
    return true;
}

/* What a leader found out: where those behind it go. */
struct way {
    uint64_t changes; /* of tables when it set out, dp_rcu_changes(); 0: nobody has come through */
    uint32_t if_in;   /* that they come in by */
    uint32_t span;    /* of lengths */
    struct front front;
    struct dp_flow exit; /* by which they leave */
};

struct out_way {
    struct way way;
    uint32_t if_id; /* of the tunnel */
    struct esp_out_run esp;
};

struct in_way {
    struct way way;
    struct esp_in_run esp;
    const struct ip_if *tunnel;
    uint32_t spi;
};

struct dp_runs {
    struct out_way out;
    struct in_way in;
};

cv_result dp_runs_new(int socket, struct dp_runs **out)
{
    *out = rte_zmalloc_socket("runs", sizeof **out, RTE_CACHE_LINE_SIZE, socket);
    return *out ? CV_OK : CV_ENOMEM;
}

void dp_runs_free(struct dp_runs *r)
{
    rte_free(r);
}

/* What is counted of a run at its end. */
struct run {
    uint64_t frames;          /* octets received */
    uint64_t inner, accepted; /* octets inside, and packets that had them */
    uint64_t packets, left;   /* that left as the leader did, and their octets */
    uint64_t alone;           /* octets inside accepted ones that did not */
};

/* The lines of a packet that will be touched first: its headers; where an outer header and a trailer will be. */
static __rte_always_inline void fetch(const struct rte_mbuf *m, enum run_kind kind)
{
    const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
    rte_prefetch0(data);
    if (kind == RUN_ESP)
        return;
    rte_prefetch0(data - RTE_CACHE_LINE_SIZE);
    rte_prefetch0(data + m->data_len);
}

/* How many of pkts[0..n) follow their leader; p[] of them. rest: packets from pkts on in all. before: the last sequence number. */
static __rte_always_inline unsigned piece(const struct way *way, struct rte_mbuf **pkts,
                                          struct esp_run_pkt *p, unsigned n, unsigned rest,
                                          enum run_kind kind, uint32_t before, uint64_t *frames)
{
    const uint32_t span = way->span;
    const unsigned fetched = rest > AHEAD ? rest - AHEAD : 0;
    uint64_t octets = 0;
    unsigned i;
    for (i = 0; i < n; i++) {
        if (i < fetched)
            fetch(pkts[i + AHEAD], kind);
        if (unlikely(!alike(&way->front, pkts[i], span, kind, &p[i])))
            break;
        if (kind == RUN_ESP) {
            if (unlikely(p[i].word <= before))
                break;
            before = p[i].word;
        }
        octets += pkts[i]->pkt_len;
    }
    *frames += octets;
    return i;
}

/* May packets that go the way of the worker's flow leave by it in runs? */
static bool exit_of(const struct dp_worker *w, struct way *y)
{
    y->exit = w->flow;
    return y->exit.valid && !y->exit.sa && !y->exit.tcp_mss && w->txq[y->exit.port].owner == w->id;
}

static __rte_always_inline void frames_out(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n,
                                           unsigned port)
{
    struct dp_txq *q = &w->txq[port];
    if (likely(q->count + n <= IO_BURST)) {
        memcpy(q->pkts + q->count, pkts, n * sizeof *pkts);
        q->count = (uint16_t)(q->count + n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        dp_frame_out(w, pkts[i], port);
}

static void exit_count(struct dp_worker *w, const struct way *y, const struct run *r)
{
    dp_count(&w->if_stats[y->exit.if_id].tx_packets, r->packets);
    dp_count(&w->if_stats[y->exit.if_id].tx_bytes, r->left);
}

/* ---- into an SA ------------------------------------------------------------------------------------------------ */
/* The leader waits for encryption: with what it led to, and where the outer packet goes. */
static bool out_start(struct dp_worker *w, struct out_way *y, struct rte_mbuf *leader)
{
    const uint8_t *ip = rte_pktmbuf_mtod(leader, const uint8_t *);
    const struct dp_flow into = w->flow;
    const struct front *front = &y->way.front;
    struct dp_flow *exit = &y->way.exit;
    const bool runs = into.valid && into.sa && w->out_count && w->out_sas[w->out_count - 1] == into.sa &&
                      into.transit && !into.tcp_mss && into.family == IP_V4 && into.ends[0] == front->ends &&
                      into.kind == dp_meta_kind(dp_meta(leader)) &&
                      (front->rearm & 0xffff) + RTE_ETHER_HDR_LEN >= ESP_HEADROOM &&
                      esp_out_run_start(&y->esp, into.sa, ip);
    dp_encapsulate(w);
    uint32_t outer; /* as dp_meta_kind says it of the outer packet */
    memcpy(&outer, &y->esp.t.meta, sizeof outer);
    if (!runs || !exit_of(w, &y->way) || exit->transit || exit->kind != outer ||
        memcmp(exit->ends, y->esp.t.addrs, 2 * ip_family_len(exit->family)) != 0)
        return false;
    const uint32_t room =
        (uint32_t)front->buf_len - (uint32_t)(front->rearm & 0xffff) - RTE_ETHER_HDR_LEN - ESP_TAILROOM;
    const uint32_t fits =
        esp_out_mtu_by(into.sa, &y->esp.t, (uint16_t)RTE_MIN(exit->mtu, (uint32_t)UINT16_MAX));
    const uint32_t most = RTE_MIN(RTE_MIN(room, into.mtu), fits);
    if (most < V4_LEN + UPPER || (front->middle >> 16 & 0xff) <= 1) /* TTL */
        return false;
    y->way.span = most - V4_LEN - UPPER;
    y->if_id = into.if_id;
    memcpy(y->esp.ether, exit->ether, RTE_ETHER_HDR_LEN);
    y->esp.data_off = (uint16_t)(front->rearm & 0xffff);
    return true;
}

static __rte_noinline void out_refused(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        dp_meta(pkts[i])->local_out = DP_LOCAL_ESP;
        dp_drop(w, pkts[i], CV_DROP_CRYPTO);
    }
}

static unsigned out_run(struct dp_worker *w, struct run *r, const struct out_way *y, struct rte_mbuf **pkts,
                        unsigned n)
{
    const bool udp = y->way.front.proto == IP_PROTO_UDP;
    struct esp_run_pkt p[IO_BURST];
    unsigned done = 0, want, k;
    do {
        uint64_t frames = 0;
        want = RTE_MIN((unsigned)DP_RUN_PIECE, n - done);
        k = udp ? piece(&y->way, pkts + done, p + done, want, n - done, RUN_UDP, 0, &frames)
                : piece(&y->way, pkts + done, p + done, want, n - done, RUN_PLAIN, 0, &frames);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
        if (unlikely(k == 0) || unlikely(!esp_out_run_build(&w->esp, &y->esp, pkts, p, done, k)))
            break;
        dp_clock_mark(w->esp.clock, DP_CLOCK_BUILD);
        esp_out_run_crypt(&w->esp, &y->esp, done, k);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CRYPTO);
        done += k;
        r->frames += frames;
    } while (k == want && done < n);
    if (likely(done > 0))
        r->packets = esp_out_run_end(&w->esp, &y->esp, pkts, p, done, &r->inner);
    return done;
}

/* Those of pkts[0..n) at its front that follow y's leader. */
static unsigned out_follow(struct dp_worker *w, const struct out_way *y, struct rte_mbuf **pkts, unsigned n,
                           uint64_t *bytes)
{
    struct run r = {0};
    const unsigned k = out_run(w, &r, y, pkts, n);
    for (unsigned i = 0; i < r.packets; i++) /* interfaces count IP packets */
        r.left += pkts[i]->pkt_len - RTE_ETHER_HDR_LEN;
    frames_out(w, pkts, (unsigned)r.packets, y->way.exit.port);
    if (unlikely(r.packets < k))
        out_refused(w, pkts + r.packets, k - (unsigned)r.packets);
    dp_count(&w->stats->crypto_packets, k);
    dp_count(&w->if_stats[y->if_id].tx_packets, k);
    dp_count(&w->if_stats[y->if_id].tx_bytes, r.inner);
    exit_count(w, &y->way, &r);
    dp_clock_mark(w->esp.clock, DP_CLOCK_FINISH);
    *bytes += r.frames;
    return k;
}

/* ---- out of an SA ------------------------------------------------------------------------------------------------ */
/* The leader waits for decryption by sa: where what was inside went. */
static bool in_start(struct dp_worker *w, struct in_way *y, struct esp_in_sa *sa, struct rte_mbuf *leader)
{
    uint8_t outer[V4_LEN];
    memcpy(outer, rte_pktmbuf_mtod(leader, const uint8_t *), sizeof outer);
    y->spi = dp_meta(leader)->spi;
    dp_worker_decapsulate(w);
    const struct dp_flow *exit = &y->way.exit;
    if (!exit_of(w, &y->way) || exit->family != IP_V4 || !exit->transit ||
        !esp_in_run_start(&y->esp, sa, outer, exit->ends[0]))
        return false;
    y->tunnel = ip_if_get(&w->dp->ifs, sa->if_id);
    const struct dp_meta inside = {
        .vrf = y->tunnel ? y->tunnel->vrf : 0, .family = IP_V4, .local_out = DP_TRANSIT};
    y->way.span = UINT16_MAX;
    y->esp.mtu = exit->mtu;
    y->esp.data_off = (uint16_t)((y->way.front.rearm & 0xffff) + y->esp.outer + y->esp.head);
    memcpy(y->esp.ether + sizeof y->esp.ether - RTE_ETHER_HDR_LEN, exit->ether, RTE_ETHER_HDR_LEN);
    return y->tunnel && y->tunnel->up && !y->tunnel->gre && !y->tunnel->police && !y->tunnel->tcp_mss &&
           exit->kind == dp_meta_kind(&inside);
}

/* An accepted packet, with `len` octets inside, that does not leave as the others do: it goes on as esp_in_burst would leave it. */
static __rte_noinline void in_alone(struct dp_worker *w, struct rte_mbuf *m, const struct in_way *y,
                                    uint32_t len)
{
    m->ol_flags &= ~(uint64_t)ESP_OLD_CKSUM_FLAGS;
    m->data_off = (uint16_t)(m->data_off + RTE_ETHER_HDR_LEN + y->esp.outer + y->esp.head);
    m->data_len = (uint16_t)len;
    m->pkt_len = len;
    struct dp_meta *meta = dp_meta(m);
    memset(meta, 0, sizeof *meta);
    meta->if_in = y->tunnel->id;
    meta->vrf = y->tunnel->vrf;
    meta->family = IP_V4;
    meta->local_out = DP_TRANSIT;
    meta->spi = y->spi;
    dp_flow_route(w, m);
}

/* n of them are decrypted, from `at` on: those that are accepted go out. Gives how many. */
static __rte_always_inline unsigned in_leave(struct dp_worker *w, struct run *r, const struct in_way *y,
                                             struct rte_mbuf **pkts, struct esp_run_pkt *p, unsigned at,
                                             unsigned n)
{
    const unsigned end = at + n;
    unsigned k = at;
    for (;;) {
        const unsigned good = esp_in_run_accept(&w->esp, &y->esp, pkts, p, k, end - k, &r->left);
        frames_out(w, pkts + k, good, y->way.exit.port);
        r->packets += good;
        k += good;
        if (likely(k == end))
            break;
        const uint32_t len = esp_in_run_inside(&w->esp, &y->esp, k);
        if (len == 0)
            break;
        p[k].len = len;
        r->alone += len;
        in_alone(w, pkts[k++], y, len);
    }
    return k - at;
}

/* From `first` on something is unusual: they go the way of esp_in_burst from here on. */
static __rte_noinline void in_rest(struct dp_worker *w, const struct in_way *y, struct rte_mbuf **pkts,
                                   const struct esp_run_pkt *p, unsigned first, unsigned n,
                                   const struct ip_if *in)
{
    struct rte_mbuf *rest[IO_BURST];
    unsigned bads;
    for (unsigned i = first; i < n; i++) {
        struct rte_mbuf *m = rest[i] = pkts[i];
        struct dp_meta *meta = dp_meta(m);
        memset(meta, 0, sizeof *meta);
        meta->if_in = in->id;
        meta->vrf = in->vrf;
        meta->family = IP_V4;
        meta->local_out = DP_TRANSIT;
        meta->l3_len = V4_LEN;
        meta->proto = IP_PROTO_ESP;
        meta->spi = y->spi;
        meta->l3_total = (uint16_t)p[i].len;
        m->data_off = (uint16_t)(m->data_off + RTE_ETHER_HDR_LEN);
        m->data_len = (uint16_t)p[i].len;
        m->pkt_len = p[i].len;
    }
    const unsigned good = esp_in_run_rest(&w->esp, &y->esp, rest, p, first, n, &bads);
    dp_worker_decapsulated(w, rest, good);
    for (unsigned i = 0; i < bads; i++)
        dp_drop_esp(w, rest[good + i]);
}

static unsigned in_run(struct dp_worker *w, struct run *r, const struct in_way *y, struct rte_mbuf **pkts,
                       unsigned n, const struct ip_if *in)
{
    struct esp_run_pkt p[IO_BURST];
    unsigned done = 0, want, k, good;
    uint32_t last = 0;
    do {
        uint64_t frames = 0;
        want = RTE_MIN((unsigned)DP_RUN_PIECE, n - done);
        k = piece(&y->way, pkts + done, p + done, want, n - done, RUN_ESP, last, &frames);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
        if (unlikely(k == 0) || unlikely(!esp_in_run_check(&w->esp, &y->esp, pkts, p, done, k)))
            break;
        last = p[done + k - 1].word;
        dp_clock_mark(w->esp.clock, DP_CLOCK_BUILD);
        esp_in_run_crypt(&w->esp, &y->esp, done, k);
        dp_clock_mark(w->esp.clock, DP_CLOCK_CRYPTO);
        good = in_leave(w, r, y, pkts, p, done, k);
        dp_clock_mark(w->esp.clock, DP_CLOCK_FINISH);
        r->accepted += good;
        done += k;
        r->frames += frames;
    } while (k == want && good == k && done < n);
    r->inner = r->left + r->alone;
    if (likely(r->accepted > 0))
        esp_in_run_end(&w->esp, &y->esp, p, (unsigned)r->accepted, r->inner);
    if (unlikely(r->accepted < done))
        in_rest(w, y, pkts, p, (unsigned)r->accepted, done, in);
    return done;
}

static unsigned in_follow(struct dp_worker *w, const struct in_way *y, const struct ip_if *in,
                          struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct run r = {0};
    const unsigned k = in_run(w, &r, y, pkts, n, in);
    dp_count(&w->stats->crypto_packets, k);
    if (!w->esp.sole)
        dp_count(&w->steer->worked[cv_spi_bucket(y->spi)], k);
    dp_count(&w->if_stats[y->tunnel->id].rx_packets, r.accepted);
    dp_count(&w->if_stats[y->tunnel->id].rx_bytes, r.inner);
    exit_count(w, &y->way, &r);
    *bytes += r.frames;
    return k;
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */
/* Does the way lead on for what has come in by `in`, and begins with pkts[0..DP_RUN_MIN)? */
static bool leads(const struct way *y, uint64_t changes, const struct ip_if *in, struct rte_mbuf *const *pkts)
{
    return y->changes == changes && y->if_in == in->id && alike_any(&y->front, pkts[0]) &&
           alike_any(&y->front, pkts[ALIKE]);
}

/* Those at the front that follow the leader of an earlier burst; none: who led there is forgotten, if it was such a way. */
static unsigned follow(struct dp_worker *w, const struct ip_if *in, uint64_t changes, struct rte_mbuf **pkts,
                       unsigned n, uint64_t *bytes)
{
    struct out_way *out = &w->runs->out;
    struct in_way *into = &w->runs->in;
    unsigned k = 0;
    if (leads(&out->way, changes, in, pkts)) {
        if (esp_out_run_again(&out->esp))
            k = out_follow(w, out, pkts, n, bytes);
        if (unlikely(k == 0))
            out->way.changes = 0;
    } else if (leads(&into->way, changes, in, pkts)) {
        if (dp_owner_is(&w->dp->owners, into->spi, w->id) && esp_in_run_again(&into->esp))
            k = in_follow(w, into, in, pkts, n, bytes);
        if (unlikely(k == 0))
            into->way.changes = 0;
    }
    return k;
}

/* pkts[0] goes the whole way, and those behind it that follow. */
static unsigned lead(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                     const struct way *way, struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct dp_runs *runs = w->runs;
    struct rte_mbuf *leader = pkts[0];
    *bytes += leader->pkt_len;
    dp_worker_received(w, leader, a, in);
    dp_clock_mark(w->esp.clock, DP_CLOCK_CLASSIFY);
    if (w->out_count && w->out_pkts[w->out_count - 1] == leader) {
        runs->out.way = *way;
        if (out_start(w, &runs->out, leader))
            return 1 + out_follow(w, &runs->out, pkts + 1, n - 1, bytes);
        runs->out.way.changes = 0;
    } else if (w->in_count && w->in_pkts[w->in_count - 1] == leader && way->front.proto == IP_PROTO_ESP) {
        runs->in.way = *way;
        if (in_start(w, &runs->in, w->in_sas[w->in_count - 1], leader))
            return 1 + in_follow(w, &runs->in, in, pkts + 1, n - 1, bytes);
        runs->in.way.changes = 0;
    }
    return 1;
}

unsigned dp_run_take(struct dp_worker *w, const struct ip_if *in, const struct ip_arrival *a,
                     struct rte_mbuf **pkts, unsigned n, uint64_t *bytes)
{
    struct way way = {.changes = dp_rcu_changes(), .if_in = in->id};
    unsigned done = 0;
    if (w->run_pause > 0) {
        w->run_pause--;
        return 0;
    }
    for (unsigned i = 0; i < RTE_MIN(n, (unsigned)AHEAD + 1); i++)
        fetch(pkts[i], RUN_PLAIN);
    for (unsigned i = 0; i < RUNS && n - done >= DP_RUN_MIN; i++) {
        unsigned k = follow(w, in, way.changes, pkts + done, n - done, bytes);
        if (k == 0 && !begins(&way.front, pkts + done))
            break;
        const bool led = k == 0;
        if (led)
            k = lead(w, in, a, &way, pkts + done, n - done, bytes);
        done += k;
        if (led && k == 1) { /* nobody followed */
            w->run_pause = PAUSE;
            break;
        }
    }
    return done;
}
