#include "dataplane/esp/esp_run.h"

#include "dataplane/engine/eng_isa.h"
#include "dataplane/esp/esp_front.h"
#include "dataplane/esp/esp_outer.h"
#include "dataplane/esp/esp_run_wide.h"
#include "dataplane/esp/esp_trailer.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ttl.h"

#include <string.h>

enum {
    V4_ENDS = 12, /* octets into the header */
    V4_TTL = 8,
    V6_ENDS = 8,
    V6_DST = 24,
    V6_WORD = 4, /* length, next header, hop limit */
    V6_NEXT = 6,
    V6_HOPS = 7,
    OUT_WIDE_MIN = 12, /* fewer packets are not worth what a call costs that works on four at a time */
    IN_WIDE_MIN = 8,
};

static __rte_always_inline __m128i octets16(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* ---- out --------------------------------------------------------------------------------------------------- */
enum out_kind {
    OUT_V4,
    OUT_V4_WIDE /* four at a time */,
    OUT_V4_NATT,
    OUT_V6,
    OUT_AROUND_V6 /* a flag: with IPv6 inside */ = 4
};

static bool out_has_life(const struct esp_out_sa *sa)
{
    return !sa->limited || esp_out_has_life(sa);
}

bool esp_out_multi_buffer(const struct esp_out_sa *sa)
{
    return sa->lines.runs_max == ESP_CHUNK;
}

bool esp_out_run_again(const struct esp_out_run *r)
{
    return out_has_life(r->sa);
}

bool esp_out_run_start(struct esp_out_run *r, struct esp_out_sa *sa, const uint8_t *ip)
{
    const uint8_t family = sa->conf.local.addr.family;
    const bool natt = sa->conf.flags & CV_SA_NATT;
    if (sa->build != esp_out_tunnel_builder(family, natt) || sa->after || sa->info.submit)
        return false;
    if (!out_has_life(sa))
        return false;
    r->sa = sa;
    r->burst = sa->info.burst;
    r->runs = sa->runs;
    r->runs_max = sa->lines.runs_max;
    r->session = sa->session;
    const bool inner6 = ip[0] >> 4 == 6;
    r->kind = (uint8_t)((family == IP_V6 ? OUT_V6
                         : natt          ? OUT_V4_NATT
                                         : OUT_V4) |
                        (inner6 ? OUT_AROUND_V6 : 0));
    r->version = __atomic_load_n(&sa->tmpl_version, __ATOMIC_ACQUIRE);
    esp_out_template(sa, &r->t);
    const uint32_t tos = (inner6 ? esp_tos_v6(ip) : esp_tos_v4(ip)) & r->t.ecn_mask, first = 0x45 | tos << 8,
                   frag = inner6 ? 0 : (ip[6] & r->t.df_copied) | r->t.df_set;
    r->t.sum = ip_fold(r->t.sum + first + frag);
    if (r->kind == OUT_V4 && eng_isa_wide() && r->t.head == ESP_RUN_WIDE_HEAD &&
        r->t.align_mask == ESP_PAD_SHORT - 1)
        r->kind = OUT_V4_WIDE;
    r->middle = (uint64_t)(frag | r->t.ttl_proto << 16) << 32;
    if (family == IP_V6)
        r->middle = rte_cpu_to_be_32((uint32_t)6 << 28 | tos << 20) | (uint64_t)r->t.ttl_proto << 32;
    r->ether[ESP_RUN_LINK] = 0x45;
    r->ether[ESP_RUN_LINK + 1] = (uint8_t)tos;
    return true;
}

/* Padding as AEADs have it and a next header, by pad length. */
static const uint64_t plain_tail[ESP_PAD_SHORT] = {0x0400, 0x040101, 0x04020201, 0x0403030201},
                      plain_tail6[ESP_PAD_SHORT] = {0x2900, 0x290101, 0x29020201, 0x2903030201};
static_assert(ESP_NEXT_V4 == 0x04 && ESP_NEXT_V6 == 0x29, "in plain_tail");

static __rte_always_inline void trailer(uint8_t *end, uint32_t pad, bool inner6)
{
    if (likely(pad < ESP_PAD_SHORT))
        esp_put64(end, inner6 ? plain_tail6[pad] : plain_tail[pad]);
    else
        esp_trailer_write(end, pad, inner6 ? ESP_NEXT_V6 : ESP_NEXT_V4);
}

/* frag: what octet 6 has beyond what all have. What esp_outer_v4 writes, from the third octet on, without source and destination; the two in front of it have come with the Ethernet header. */
static __rte_always_inline void outer_v4(uint8_t *ip, const struct esp_out_run *r, uint32_t total,
                                         uint32_t id, uint32_t frag)
{
    const uint32_t lengths = __builtin_bswap32(total << 16 | (id & 0xffff));
    const uint32_t sum = r->t.sum + frag + (lengths & 0xffff) + (lengths >> 16);
    const uint16_t checksum =
        (uint16_t) ~((sum & 0xffff) + (sum >> 16) + (((sum & 0xffff) + (sum >> 16)) >> 16));
    esp_put64(ip + 2, lengths | r->middle | (uint64_t)frag << 32);
    memcpy(ip + 10, &checksum, sizeof checksum);
}

/* Words of all packets: source, destination and SPI, of an IPv4 header and the ESP header behind it; source and destination of an IPv6 header. Out of a
 * struct esp_template gcc takes addresses in pieces, and puts them together in memory for each packet. */
struct same {
    __m128i v4, src6, dst6;
};

/* What esp_outer_v6 writes. */
static __rte_always_inline void outer_v6(uint8_t *ip, const struct esp_out_run *r, const struct same *same,
                                         uint32_t total)
{
    esp_put64(ip, r->middle | (uint64_t)rte_cpu_to_be_16((uint16_t)(total - ESP_V6_LEN)) << 32);
    _mm_storeu_si128((__m128i *)(void *)(ip + V6_ENDS), same->src6);
    _mm_storeu_si128((__m128i *)(void *)(ip + V6_DST), same->dst6);
}

/* The i-th packet, as build_one of esp_out.c has it. */
static __rte_always_inline void build_one(const struct esp_out_run *r, const struct same *same,
                                          struct rte_mbuf *m, const struct esp_run_pkt *p, struct eng_op *op,
                                          uint64_t seq, enum out_kind kinds)
{
    const bool inner6 = kinds & OUT_AROUND_V6;
    const enum out_kind kind = kinds & ~(unsigned)OUT_AROUND_V6;
    const struct esp_template *t = &r->t;
    const uint32_t outer = kind == OUT_V6        ? ESP_V6_LEN
                           : kind == OUT_V4_NATT ? ESP_V4_LEN + ESP_UDP_LEN
                                                 : ESP_V4_LEN;
    uint8_t *in = (uint8_t *)m->buf_addr + r->data_off + ESP_RUN_LINK;
    const uint32_t len = p->len, pad = -(len + ESP_TRAILER_LEN) & t->align_mask;
    const uint32_t data_len = len + pad + ESP_TRAILER_LEN;
    const uint32_t total = outer + t->head + data_len + t->icv_len;
    const uint32_t number = rte_cpu_to_be_32((uint32_t)seq);
    uint8_t *esp = in - t->head, *ip = esp - outer;
    esp_put32(in + (inner6 ? V6_WORD : V4_TTL), p->word);
    trailer(in + len, pad, inner6);
    op->esp = esp;
    op->data_len = data_len;
    op->seq_hi = (uint32_t)(seq >> 32);
    op->iv = seq;
    m->data_off = (uint16_t)(r->data_off - t->head - outer);
    m->data_len = (uint16_t)(total + ESP_RUN_LINK);
    m->pkt_len = total + ESP_RUN_LINK;
    memcpy(ip - ESP_RUN_LINK, r->ether, sizeof r->ether); /* two octets more, of the header */
    if (kind == OUT_V6)
        outer_v6(ip, r, same, total);
    else
        outer_v4(ip, r, total, (uint32_t)seq + t->v4.id,
                 inner6 && len > ESP_V6_MTU_MIN ? t->df_copied | t->df_set : 0u);
    if (kind == OUT_V4) {
        _mm_storeu_si128((__m128i *)(void *)(ip + V4_ENDS), _mm_insert_epi32(same->v4, (int)number, 3));
        return;
    }
    if (kind == OUT_V4_NATT) {
        memcpy(ip + V4_ENDS, t->addrs, 8);
        esp_outer_udp(esp - ESP_UDP_LEN, t, total - outer);
    }
    esp_put64(esp, t->spi | (uint64_t)number << 32);
}

static __rte_always_inline void build_all(const struct esp_out_run *run, struct rte_mbuf **pkts,
                                          const struct esp_run_pkt *p, struct eng_op *ops, unsigned n,
                                          uint64_t seq, enum out_kind kind)
{
    const struct esp_out_run r = *run;
    uint64_t ends;
    memcpy(&ends, r.t.addrs, sizeof ends);
    const struct same same = {_mm_set_epi64x((long long)r.t.spi, (long long)ends), octets16(run->t.addrs),
                              octets16(run->t.addrs + 16)};
    for (unsigned i = 0; i < n; i++)
        build_one(&r, &same, pkts[i], &p[i], &ops[i], seq + i, kind);
}

/* Those that the engine refused go to the end. */
static __rte_noinline unsigned refused_last(struct rte_mbuf **pkts, const struct eng_op *ops, unsigned n)
{
    struct rte_mbuf *bad[ESP_RUN_MAX];
    unsigned k = 0, bads = 0;
    for (unsigned i = 0; i < n; i++)
        if (ops[i].ok)
            pkts[k++] = pkts[i];
        else
            bad[bads++] = pkts[i];
    memcpy(pkts + k, bad, bads * sizeof *pkts);
    return bads;
}

bool esp_out_run_reserve(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n)
{
    struct esp_out_sa *sa = r->sa;
    uint64_t seq;
    if (unlikely(__atomic_load_n(&sa->closed, __ATOMIC_RELAXED) ||
                 __atomic_load_n(&sa->tmpl_version, __ATOMIC_ACQUIRE) != r->version ||
                 __atomic_load_n(&sa->seq, __ATOMIC_RELAXED) + n >= sa->seq_event))
        return false;
    if (unlikely(esp_out_reserve(w, sa, n, &seq) != n))
        return false; /* others have used up a whole part of the number space since */
    w->scratch->seq[at] = seq;
    w->scratch->seq[at + n - 1] = seq + n - 1;
    w->scratch->told[at] = (struct esp_out_told){&sa->counters[w->line], sa->limited};
    return true;
}

void esp_out_run_build(struct esp_worker *w, const struct esp_out_run *r, struct rte_mbuf **pkts,
                       const struct esp_run_pkt *p, unsigned at, unsigned n)
{
    struct eng_op *ops = w->scratch->ops + at;
    const uint64_t seq = w->scratch->seq[at];
    pkts += at;
    p += at;
    if (r->kind == OUT_V4_WIDE && n >= OUT_WIDE_MIN) {
        const unsigned k = esp_out_run_build_wide(r, pkts, p, ops, n, seq);
        build_all(r, pkts + k, p + k, ops + k, n - k, seq + k, OUT_V4);
        return;
    }
    switch (r->kind) {
    case OUT_V4:
    case OUT_V4_WIDE:
        build_all(r, pkts, p, ops, n, seq, OUT_V4);
        break;
    case OUT_V4_NATT:
        build_all(r, pkts, p, ops, n, seq, OUT_V4_NATT);
        break;
    case OUT_V6:
        build_all(r, pkts, p, ops, n, seq, OUT_V6);
        break;
    case OUT_V4 | OUT_AROUND_V6:
        build_all(r, pkts, p, ops, n, seq, OUT_V4 | OUT_AROUND_V6);
        break;
    case OUT_V4_NATT | OUT_AROUND_V6:
        build_all(r, pkts, p, ops, n, seq, OUT_V4_NATT | OUT_AROUND_V6);
        break;
    default:
        build_all(r, pkts, p, ops, n, seq, OUT_V6 | OUT_AROUND_V6);
        break;
    }
}

void esp_out_run_crypt(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n)
{
    r->burst(w->engine, r->session, w->scratch->ops + at, n);
}

void esp_out_run_crypt_with(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n,
                            struct esp_runs *together)
{
    rte_prefetch0(w->scratch->told[at].counters);
    if (n <= r->runs_max)
        esp_runs_add(w, together, r->runs, r->session, w->scratch->ops + at, n);
    else
        r->burst(w->engine, r->session, w->scratch->ops + at, n);
}

unsigned esp_out_run_end(struct esp_worker *w, const struct esp_out_run *r, struct rte_mbuf **pkts,
                         const struct esp_run_pkt *p, unsigned at, unsigned n, uint64_t *inner)
{
    const struct eng_op *ops = w->scratch->ops + at;
    struct cv_sa_counters *c = w->scratch->told[at].counters;
    uint64_t bytes = 0;
    unsigned bads = 0;
    bool all = true;
    for (unsigned i = 0; i < n; i++) {
        all &= ops[i].ok;
        bytes += p[at + i].len;
    }
    *inner = bytes;
    if (unlikely(!all)) {
        for (unsigned i = 0; i < n; i++)
            bytes -= ops[i].ok ? 0 : p[at + i].len;
        bads = refused_last(pkts + at, ops, n);
        esp_counter_add(&c->other_drops, bads);
    }
    if (unlikely(w->scratch->told[at].limited))
        esp_out_account(w, r->sa, bytes, n - bads);
    esp_counter_add(&c->packets, n - bads);
    esp_counter_add(&c->bytes, bytes);
    esp_counter_set(&c->last_tsc, w->now_tsc);
    esp_counter_set(&c->highest_seq, w->scratch->seq[at + n - 1]);
    return n - bads;
}

/* ---- in ---------------------------------------------------------------------------------------------------- */
static bool takes_ends4(const struct esp_in_sa *sa, uint64_t ends)
{
    const uint32_t src = rte_be_to_cpu_32((uint32_t)ends), dst = rte_be_to_cpu_32((uint32_t)(ends >> 32));
    return (sa->any & ESP_TS_ANY4) || (sa->plain4 && esp_ts4_match(&sa->ts4, dst, src));
}

/* ... where they are asked by addresses alone, of packets that have no extension headers (*bare). */
static bool takes_ends6(const struct esp_in_sa *sa, const uint8_t ends[32], bool *bare)
{
    *bare = !(sa->any & ESP_TS_ANY6);
    return !*bare || esp_ts_takes_ends6(&sa->conf, ends);
}

/* A burst is far from the end of a limited lifetime? */
static bool in_has_life(const struct esp_in_sa *sa)
{
    return !sa->limited ||
           (sa->counters->bytes + (uint64_t)ESP_RUN_MAX * UINT16_MAX < sa->limits.hard_bytes &&
            sa->counters->packets + ESP_RUN_MAX < sa->limits.hard_packets);
}

bool esp_in_multi_buffer(const struct esp_in_sa *sa)
{
    return sa->lines.runs_max == ESP_CHUNK;
}

/* Packets in UDP of a run are all from one place. While the SA's peer is there, there is nothing to tell of any of them (RFC 7296 2.23). */
static bool peer_is_there(struct esp_in_run *r, const struct esp_in_sa *sa, const uint8_t *ip)
{
    struct ip_endpoint expected;
    if (!esp_in_peer(sa, &expected, &r->peer))
        return false;
    const struct ip_endpoint seen = esp_in_source(sa, ip, ip + ESP_V4_LEN);
    return memcmp(&seen, &expected, sizeof seen) == 0;
}

bool esp_in_run_again(const struct esp_in_run *r)
{
    return !esp_in_closed(r->sa) && in_has_life(r->sa) &&
           (!r->watched || __atomic_load_n(&r->sa->peer.version, __ATOMIC_ACQUIRE) == r->peer);
}

/* Is the outer header at ip for the SA's end? */
static bool is_for(const struct esp_in_sa *sa, const uint8_t *ip)
{
    if (sa->family == IP_V6)
        return ip[0] >> 4 == 6 && memcmp(ip + V6_DST, sa->local, 16) == 0;
    return ip[0] >> 4 == 4 && memcmp(ip + V4_ENDS + 4, sa->local, 4) == 0;
}

static bool takes_inside(struct esp_in_run *r, const struct esp_in_sa *sa, const void *ends, uint8_t family)
{
    r->family = family;
    if (family == IP_V6) {
        memcpy(r->ends6, ends, sizeof r->ends6);
        return takes_ends6(sa, r->ends6, &r->bare);
    }
    memcpy(&r->ends, ends, sizeof r->ends);
    return takes_ends4(sa, r->ends);
}

bool esp_in_run_start(struct esp_in_run *r, struct esp_in_sa *sa, const uint8_t *ip, bool natt,
                      const void *ends, uint8_t family)
{
    if (esp_in_closed(sa) || sa->transport || sa->submit || !in_has_life(sa) || !is_for(sa, ip) ||
        !takes_inside(r, sa, ends, family))
        return false;
    r->watched = natt && sa->natt;
    if (r->watched && !peer_is_there(r, sa, ip))
        return false;
    r->sa = sa;
    r->burst = sa->burst;
    r->runs = sa->runs;
    r->runs_max = sa->lines.runs_max;
    r->session = sa->session;
    r->head = sa->head;
    r->outer = (uint32_t)(sa->family == IP_V6 ? ESP_V6_LEN : ESP_V4_LEN) + (natt ? ESP_UDP_LEN : 0);
    r->fixed = r->outer + sa->head + sa->icv_len;
    r->ecn = (sa->family == IP_V6 ? esp_tos_v6(ip) : esp_tos_v4(ip)) & 3u;
    r->wide = eng_isa_wide();
    return true;
}

/* May all numbers come, which grow from p[0] to p[n - 1]? They share their high half. */
static __rte_always_inline bool numbers_new(const struct esp_in_sa *sa, const struct esp_run_pkt *p,
                                            unsigned n, uint32_t *hi)
{
    uint64_t first = p[0].word, last = p[n - 1].word;
    if (sa->esn && unlikely(!esp_replay_infer(&sa->replay, (uint32_t)first, &first) ||
                            !esp_replay_infer(&sa->replay, (uint32_t)last, &last)))
        return false;
    *hi = (uint32_t)(first >> 32);
    return first > sa->replay.top && last - first == p[n - 1].word - p[0].word;
}

bool esp_in_run_check(struct esp_worker *w, const struct esp_in_run *r, struct rte_mbuf **pkts,
                      const struct esp_run_pkt *p, unsigned from, unsigned at, unsigned n)
{
    struct eng_op *ops = w->scratch->ops;
    const uint32_t before = ESP_RUN_LINK + r->outer, fixed = r->fixed, align = r->sa->align_mask;
    uint32_t hi, wrong = 0;
    if (unlikely(!numbers_new(r->sa, p + at, n, &hi)) || unlikely(at > from && hi != ops[from].seq_hi))
        return false;
    const unsigned k =
        r->wide && n >= IN_WIDE_MIN ? esp_in_run_check_wide(r, pkts + at, p + at, ops + at, n, hi) : 0;
    for (unsigned i = at + k; i < at + n; i++) {
        const uint32_t data = p[i].len - fixed;
        wrong |= (uint32_t)(p[i].len <= fixed) | (data & align);
        ops[i].esp = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, before);
        ops[i].data_len = data;
        ops[i].seq_hi = hi;
    }
    return likely(!wrong);
}

void esp_in_run_crypt(struct esp_worker *w, const struct esp_in_run *r, unsigned at, unsigned n)
{
    r->burst(w->engine, r->session, w->scratch->ops + at, n);
}

void esp_in_run_crypt_with(struct esp_worker *w, const struct esp_in_run *r, unsigned at, unsigned n,
                           struct esp_runs *together)
{
    rte_prefetch0(r->sa->counters);
    if (n <= r->runs_max)
        esp_runs_add(w, together, r->runs, r->session, w->scratch->ops + at, n);
    else
        r->burst(w->engine, r->session, w->scratch->ops + at, n);
}

/* The padding that is sent with AEADs, and a next header (RFC 4303 2.4 to 2.6), by pad length: the last octets of the text, as they stand in
 * memory at the end of a word. */
struct plain_end {
    uint64_t octets, mask;
};
static const struct plain_end plain_end[ESP_PAD_SHORT] = {
    {UINT64_C(0x0400) << 48, UINT64_MAX << 48},
    {UINT64_C(0x040101) << 40, UINT64_MAX << 40},
    {UINT64_C(0x04020201) << 32, UINT64_MAX << 32},
    {UINT64_C(0x0403030201) << 24, UINT64_MAX << 24},
};
static const struct plain_end plain_end6[ESP_PAD_SHORT] = {
    {UINT64_C(0x2900) << 48, UINT64_MAX << 48},
    {UINT64_C(0x290101) << 40, UINT64_MAX << 40},
    {UINT64_C(0x29020201) << 32, UINT64_MAX << 32},
    {UINT64_C(0x2903030201) << 24, UINT64_MAX << 24},
};

/* A packet of the family and sound padding in data_len authentic octets at in, more than none: the octets of the packet with what else is in front of the
 * padding, or 0. */
static __rte_always_inline uint32_t payload(const uint8_t *in, uint32_t data_len, bool v6)
{
    const struct plain_end *plain = v6 ? plain_end6 : plain_end;
    uint64_t last; /* eight octets: the ESP header at least is in front of the data */
    memcpy(&last, in + data_len - sizeof last, sizeof last);
    const uint32_t pad = (uint32_t)(last >> 48) & 0xff;
    uint32_t next, len;
    if (likely(pad < ESP_PAD_SHORT))
        return likely(((last ^ plain[pad].octets) & plain[pad].mask) == 0) &&
                       likely(pad + ESP_TRAILER_LEN < data_len)
                   ? data_len - ESP_TRAILER_LEN - pad
                   : 0;
    return esp_trailer_read(in, data_len, &next, &len) && next == (v6 ? ESP_NEXT_V6 : ESP_NEXT_V4) ? len : 0;
}

/* Authentic, with sound padding, and a header between the run's ends that the outer ECN adds nothing to (RFC 6040 4.2), of no more than `most`
 * octets? Gives its length, or 0. */
static __rte_always_inline uint32_t inside(const struct esp_in_run *r, const struct eng_op *op,
                                           const uint8_t *in, uint32_t most)
{
    const uint32_t same = r->ecn ? 0x3ff : 0xff; /* version and length of the header; ECN behind it */
    uint32_t start;
    uint64_t ends;
    if (unlikely(!op->ok))
        return 0;
    const uint32_t max = payload(in, op->data_len, false);
    memcpy(&start, in, sizeof start);
    memcpy(&ends, in + V4_ENDS, sizeof ends);
    const uint32_t len = __builtin_bswap32(start) & 0xffff;
    if (unlikely((start ^ (0x45 | r->ecn << 8)) & same) || unlikely(ends != r->ends) ||
        unlikely(len < ESP_V4_LEN) || unlikely(len > max) || unlikely(len > most))
        return 0;
    return len;
}

/* The same of IPv6. */
static __rte_always_inline uint32_t inside6(const struct esp_in_run *r, const struct eng_op *op,
                                            const uint8_t *in, uint32_t most)
{
    const uint32_t same = r->ecn ? 0x30f0 : 0xf0; /* version; ECN in the octet behind it */
    uint32_t start, word;
    if (unlikely(!op->ok))
        return 0;
    const uint32_t max = payload(in, op->data_len, true);
    memcpy(&start, in, sizeof start);
    memcpy(&word, in + V6_WORD, sizeof word);
    const uint32_t len = ESP_V6_LEN + (__builtin_bswap32(word) >> 16);
    const __m128i differs = _mm_or_si128(_mm_xor_si128(octets16(in + V6_ENDS), octets16(r->ends6)),
                                         _mm_xor_si128(octets16(in + V6_DST), octets16(r->ends6 + 16)));
    if (unlikely((start ^ (0x60 | r->ecn << 12)) & same) || unlikely(!_mm_testz_si128(differs, differs)) ||
        unlikely(len > max) || unlikely(len > most) ||
        (r->bare && unlikely(esp_front_is_extension(in[V6_NEXT]))))
        return 0;
    return len;
}

static void numbers_mark(struct esp_in_sa *sa, const struct esp_run_pkt *p, unsigned n, uint32_t hi)
{
    const uint64_t first = (uint64_t)hi << 32 | p[0].word;
    if (unlikely(!sa->replay_on))
        sa->replay.top = (uint64_t)hi << 32 | p[n - 1].word;
    else if (likely(p[n - 1].word - p[0].word == n - 1))
        esp_replay_advance_run(&sa->replay, first, n);
    else
        for (unsigned i = 0; i < n; i++)
            esp_replay_advance(&sa->replay, (uint64_t)hi << 32 | p[i].word);
}

bool esp_in_run_still(const struct esp_worker *w, const struct esp_in_run *r, const struct esp_run_pkt *p,
                      unsigned at, unsigned n)
{
    uint32_t hi;
    return numbers_new(r->sa, p + at, n, &hi) && hi == w->scratch->ops[at].seq_hi;
}

static __rte_always_inline unsigned accept_all(const struct eng_op *ops, const struct esp_in_run *run,
                                               struct rte_mbuf **pkts, struct esp_run_pkt *p, unsigned at,
                                               unsigned n, uint64_t *inner, bool v6)
{
    const struct esp_in_run r = *run;
    uint64_t octets = 0;
    unsigned k = at;
    if (!v6 && r.wide && n >= IN_WIDE_MIN)
        k += esp_in_run_accept_wide(run, ops + at, pkts + at, p + at, n, &octets);
    for (; k < at + n; k++) {
        struct rte_mbuf *m = pkts[k];
        uint8_t *in = ops[k].esp + r.head;
        const uint32_t len = v6 ? inside6(&r, &ops[k], in, r.mtu) : inside(&r, &ops[k], in, r.mtu);
        if (unlikely(len == 0) || unlikely(in[v6 ? V6_HOPS : V4_TTL] <= 1))
            break;
        p[k].len = len;
        octets += len;
        ip_ttl_lower(in, v6 ? IP_V6 : IP_V4); /* routing is on its way here */
        memcpy(in - sizeof r.ether, r.ether, sizeof r.ether);
        m->ol_flags &= ~(uint64_t)ESP_OLD_CKSUM_FLAGS;
        m->data_off = r.data_off;
        m->data_len = (uint16_t)(len + ESP_RUN_LINK);
        m->pkt_len = len + ESP_RUN_LINK;
    }
    *inner += octets;
    return k - at;
}

unsigned esp_in_run_accept(struct esp_worker *w, const struct esp_in_run *r, struct rte_mbuf **pkts,
                           struct esp_run_pkt *p, unsigned at, unsigned n, uint64_t *inner)
{
    const struct eng_op *ops = w->scratch->ops;
    return likely(r->family == IP_V4) ? accept_all(ops, r, pkts, p, at, n, inner, false)
                                      : accept_all(ops, r, pkts, p, at, n, inner, true);
}

uint32_t esp_in_run_inside(const struct esp_worker *w, const struct esp_in_run *r, unsigned at)
{
    const struct eng_op *op = &w->scratch->ops[at];
    const uint8_t *in = op->esp + r->head;
    return r->family == IP_V4 ? inside(r, op, in, UINT16_MAX) : inside6(r, op, in, UINT16_MAX);
}

void esp_in_run_end(struct esp_worker *w, const struct esp_in_run *r, const struct esp_run_pkt *p,
                    unsigned from, unsigned n, uint64_t inner)
{
    numbers_mark(r->sa, p + from, n, w->scratch->ops[from].seq_hi);
    esp_in_accepted(w, r->sa, n, inner);
}

unsigned esp_in_run_rest(struct esp_worker *w, const struct esp_in_run *r, struct rte_mbuf **pkts,
                         const struct esp_run_pkt *p, unsigned first, unsigned end, unsigned *bads)
{
    struct esp_scratch *s = w->scratch;
    struct esp_sort sort = {.good = pkts, .bad = s->bad};
    for (unsigned i = first; i < end; i++) {
        s->pkts[i] = pkts[i - first];
        s->seq[i] = (uint64_t)s->ops[i].seq_hi << 32 | p[i].word;
    }
    esp_in_accept(w, r->sa, first, end - first, &sort);
    memcpy(pkts + sort.goods, sort.bad, sort.bads * sizeof *pkts);
    *bads = sort.bads;
    return sort.goods;
}
