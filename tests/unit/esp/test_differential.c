/* The paths of ESP and AH against a slow reference (esp_reference.h) on seeded random packets: every transform, 1 to 9000 octets, tunnel and
 * transport mode, both families, NAT-T, ESN over roll-over, DF, DSCP and ECN, every layout of segments, corrupted, replayed and
 * old packets, and for AH options, extension headers and what routers change of them; octets, reasons, counters and metadata are compared, and
 * what lies around the packet must stay as it was.
 *
 *   test_esp_differential [ENGINE ...]   words of `crypto-engine`, and vaes-avx2, vaes-avx512; at most one cryptodev
 *   CULVERT_DIFF_PACKETS   packets in all, 100000; 20000 with a sanitizer, or of a device
 *   CULVERT_DIFF_SEED      the run to repeat; else 1 */
#include "dataplane/dp_meta.h"
#include "dataplane/engine/eng_vaes.h"
#include "dataplane/esp/esp.h"
#include "dataplane/esp/esp_sa.h"
#include "dataplane/esp/esp_tfc.h"
#include "dataplane/esp/esp_tunnel.h"
#include "dataplane/ip/ip_chain.h"
#include "tests/unit/esp/ah_reference.h"
#include "tests/unit/esp/esp_draw.h"
#include "tests/unit/esp/esp_fix.h"
#include "tests/unit/esp/esp_reach.h"
#include "tests/unit/esp/esp_reference.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ESP_LANES = 2 * FIX_TRANSFORMS,
    AH_HASHES = FIX_TRANSFORMS - FIX_NULL_SHA1,
    AH_LANES = 4 * AH_HASHES, /* behind those of ESP */
    LANES = ESP_LANES + AH_LANES,
    AH_MOVES = ESP_HEADROOM + 16, /* octets that AH has a packet make way at most, with the link's header */
    GENERATION = 4000,            /* packets until every SA is made anew */
    SEEN_ROOM = GENERATION + ESP_BURST_MAX,
    BIG_ROOM = 10240,
    SEGMENT = 2048,
    SEGMENTS_MAX = 200,
    CANARY = 0x5c,
    DIFFERENCES_MAX = 10, /* that are told */
    IV_MAX = 16,
};

/* An SA of either direction, and its twins in the reference. */
struct lane {
    const char *transform;
    struct ref_sa out, in;
    struct esp_out_sa *eout;
    struct esp_in_sa *ein;
    struct cv_sa_counters cout, cin;
    uint64_t sender; /* the highest number that the peer has used */
    uint64_t seen[SEEN_ROOM];
    uint8_t ivs[SEEN_ROOM][IV_MAX], last_block[IV_MAX];
    unsigned iv_count;
};

struct item {
    struct lane *lane;
    struct ref_packet given, got;
    struct rte_mbuf *m;
    uint32_t l3, start, end; /* of the data in the buffer, before */
    bool udp, refused;       /* refused: no single mbuf with room */
    bool moved;              /* into another mbuf, where its own has no room for its padding */
    bool broken;             /* one bit under AH's ICV is another, behind the headers in front */
    enum cv_drop result;
};

static struct lane lanes[LANES];
static struct item items[ESP_BURST_MAX];
static struct rte_mempool *big, *segments;
static struct esp_worker w;
static const struct eng_ops *engine;
static const char *engine_word;
static char *const *engine_words;
static uint64_t seed, done, told, outcomes[2][CV_DROP_COUNT], joined, taken_all;
static uint64_t ah_good[2], ah_optioned[2],
    ah_broken; /* AH: packets taken, those with options, and those with a flipped bit */
static uint64_t iv_pairs, iv_bits_differ, iv_bits;

static bool is_ah(const struct lane *l)
{
    return l->out.conf.proto == CV_PROTO_AH;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */
static void differ(const struct item *it, const char *what, unsigned long long want, unsigned long long got)
{
    const struct cv_sa *out = &it->lane->out.conf, *in = &it->lane->in.conf;
    CU_FAIL("differs");
    if (told++ < DIFFERENCES_MAX)
        fprintf(stderr,
                "\n  %s %s%s: %s: reference %llu, data plane %llu (seed %llu, after packet %llu, %u octets;\n"
                "  out: flags %x mode %u family %u; in: flags %x mode %u family %u window %u)\n",
                engine_word, is_ah(it->lane) ? "AH " : "", it->lane->transform, what, want, got,
                (unsigned long long)seed, (unsigned long long)done, it->given.len, out->flags, out->mode,
                out->local.addr.family, in->flags, in->mode, in->local.addr.family,
                (unsigned)in->replay_window);
}

static void same(const struct item *it, const char *what, unsigned long long want, unsigned long long got)
{
    if (want != got)
        differ(it, what, want, got);
}

static void same_octets(const struct item *it, const struct ref_packet *want, const struct ref_packet *got)
{
    same(it, "length", want->len, got->len);
    for (uint32_t i = 0; i < want->len && want->len == got->len; i++)
        if (want->b[i] != got->b[i]) {
            differ(it, "octet at", i, i);
            return;
        }
}

static void same_counters(const struct item *it, const struct cv_sa_counters *want,
                          const struct cv_sa_counters *got)
{
    same(it, "counter packets", want->packets, got->packets);
    same(it, "counter bytes", want->bytes, got->bytes);
    same(it, "counter auth_failed", want->auth_failed, got->auth_failed);
    same(it, "counter replayed", want->replayed, got->replayed);
    same(it, "counter ts_failed", want->ts_failed, got->ts_failed);
    same(it, "counter other_drops", want->other_drops, got->other_drops);
}

/* ---- SAs --------------------------------------------------------------------------------------------------------- */
static uint64_t draw_seq(bool esn)
{
    static const uint64_t far[] = {0, UINT32_MAX - 100, UINT64_C(0x300000000) - 50,
                                   UINT64_C(0x7fffffffff) - 300, UINT64_C(0x100000000) + 20};
    const uint64_t seq = far[below(sizeof far / sizeof far[0])];
    if (esn)
        return seq;
    return one_in(4) ? UINT32_MAX - 20 : one_in(2) ? 0 : below(1u << 31);
}

static void narrow(struct ts *t)
{
    t->lo[0] = t->hi[0] = t->family == IP_V4 ? 10 : 0xfd;
    t->lo[1] = t->hi[1] = 1;
}

static struct cv_sa draw_sa(unsigned transform, enum cv_dir dir, bool ah)
{
    uint32_t flags =
        (one_in(2) ? CV_SA_ESN : 0) | (!ah && one_in(2) ? CV_SA_NATT : 0) | (one_in(4) ? CV_SA_ECN_DROP : 0);
    if (one_in(6))
        flags |= CV_SA_NO_REPLAY;
    struct cv_sa sa = fix_sa(transform, one_in(2) ? IP_V4 : IP_V6, flags);
    sa.proto = ah ? CV_PROTO_AH : CV_PROTO_ESP;
    sa.ref.dir = (uint8_t)dir;
    sa.ref.spi = 256 + below(UINT32_MAX - 256);
    sa.mode = one_in(3) ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
    sa.df = (uint8_t)below(3);
    if (!ah && dir == CV_DIR_OUT && sa.mode == CV_MODE_TUNNEL && one_in(3))
        sa.tfc_len = (uint16_t)(1 + below(one_in(2) ? 1500 : DRAW_INNER_MAX));
    sa.replay_window = CV_REPLAY_WINDOW_MIN << below(11);
    sa.seq = draw_seq(flags & CV_SA_ESN);
    fill(sa.encr_key, sizeof sa.encr_key);
    fill(sa.integ_key, sizeof sa.integ_key);
    fill(sa.salt, sizeof sa.salt);
    if (flags & CV_SA_NATT) {
        sa.local.port = (uint16_t)(1 + below(65535));
        sa.remote.port = (uint16_t)(1 + below(65535));
    }
    if (sa.mode == CV_MODE_TUNNEL && one_in(3))
        for (unsigned i = 0; i < 2; i++)
            narrow(&sa.ts_remote[i]);
    return sa;
}

static void lane_open(struct lane *l, unsigned transform, bool ah)
{
    const struct cv_sa out = draw_sa(transform, CV_DIR_OUT, ah), in = draw_sa(transform, CV_DIR_IN, ah);
    memset(l, 0, sizeof *l);
    l->transform = fix_transforms[transform].name;
    ref_sa_init(&l->out, &out, NULL, 0);
    ref_sa_init(&l->in, &in, l->seen, SEEN_ROOM);
    l->sender = in.seq;
    if (esp_out_sa_new(&out, engine, -1, &l->cout, &l->eout) != CV_OK ||
        esp_in_sa_new(&in, engine, -1, &l->cin, &l->ein) != CV_OK)
        abort();
}

static int iv_order(const void *a, const void *b)
{
    return memcmp(a, b, IV_MAX);
}

/* An AEAD's must differ under one key (RFC 4106 3.1); CBC's must not be foreseen either (RFC 3602 3). */
static void lane_ivs(struct lane *l)
{
    const struct item it = {.lane = l};
    const uint32_t n = ref_iv_len(&l->out.conf);
    if (n == 0)
        return;
    if (l->out.conf.encr == CV_ENCR_AES_CBC || l->out.conf.encr == CV_ENCR_3DES)
        for (unsigned i = 1; i < l->iv_count; i++) {
            uint64_t a[2], b[2];
            memcpy(a, l->ivs[i - 1], sizeof a);
            memcpy(b, l->ivs[i], sizeof b);
            iv_pairs++;
            iv_bits += n * 8;
            iv_bits_differ +=
                (unsigned)__builtin_popcountll(a[0] ^ b[0]) + (unsigned)__builtin_popcountll(a[1] ^ b[1]);
            if (i > 1) {
                uint64_t before;
                memcpy(&before, l->ivs[i - 2], sizeof before);
                if (rte_bswap64(b[0]) - rte_bswap64(a[0]) == rte_bswap64(a[0]) - rte_bswap64(before))
                    differ(&it, "IV that counts", 0, i);
            }
        }
    qsort(l->ivs, l->iv_count, IV_MAX, iv_order);
    for (unsigned i = 1; i < l->iv_count; i++)
        if (memcmp(l->ivs[i - 1], l->ivs[i], IV_MAX) == 0)
            differ(&it, "IV used twice", 0, i);
}

static void lane_close(struct lane *l)
{
    const struct item it = {.lane = l};
    same_counters(&it, &l->out.counters, &l->cout);
    same_counters(&it, &l->in.counters, &l->cin);
    same(&it, "highest number in", l->in.counters.highest_seq, l->cin.highest_seq);
    same(&it, "last number out", l->out.seq, esp_out_sa_seq(l->eout));
    lane_ivs(l);
    esp_out_sa_free(l->eout);
    esp_in_sa_free(l->ein);
}

/* ---- packets as ports deliver them --------------------------------------------------------------------------------- */
static struct rte_mbuf *alloc(struct rte_mempool *pool)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    if (!m)
        abort();
    return m;
}

static struct rte_mbuf *scattered(const struct ref_packet *p, uint32_t least)
{
    struct rte_mbuf *first = NULL;
    for (uint32_t at = 0, n; at < p->len; at += n) {
        struct rte_mbuf *s = alloc(segments);
        s->data_off = (uint16_t)below(RTE_PKTMBUF_HEADROOM + 1u);
        n = RTE_MIN(least + below(SEGMENT - least + 1), p->len - at);
        memcpy(rte_pktmbuf_append(s, (uint16_t)n), p->b + at, n);
        if (!first)
            first = s;
        else if (rte_pktmbuf_chain(first, s) != 0)
            abort();
    }
    return first;
}

/* Octets to which the SA pads this packet. */
static uint32_t padded(const struct item *it)
{
    return RTE_MAX((uint32_t)it->lane->out.conf.tfc_len, it->given.len);
}

/* In one mbuf at any place, or in several that are made one as the worker does (dp_worker.c). Now and then it is left as
 * it must not come; what AH does of room and segments is in test_ah.c. */
static void receive(struct item *it, bool out)
{
    const struct ref_packet *p = &it->given;
    const bool ah = is_ah(it->lane);
    it->refused = it->moved = false;
    if (one_in(3)) {
        const bool leave = !(ah && out) && one_in(50);
        struct rte_mbuf *chain = scattered(p, leave ? 1500 : p->len / SEGMENTS_MAX + 1 + below(300));
        if (leave && chain->nb_segs > 1) {
            it->m = chain;
            it->refused = true;
            return;
        }
        it->m = ip_chain_join(chain, big);
        joined += chain->nb_segs > 1;
        rte_pktmbuf_free(chain);
        if (!it->m)
            abort();
    } else {
        it->m = alloc(big);
        uint32_t low = 0, high = it->m->buf_len - p->len;
        if (ah) {
            high -= out ? ESP_TAILROOM + AH_MOVES : REF_ICV_MAX;
        } else if (out && !one_in(50)) {
            low = ESP_HEADROOM;
            high -= ESP_TAILROOM;
        }
        it->m->data_off = (uint16_t)(low + below(high - low + 1));
        memcpy(rte_pktmbuf_append(it->m, (uint16_t)p->len), p->b, p->len);
    }
    struct rte_mbuf *m = it->m;
    uint8_t *buf = m->buf_addr;
    it->start = m->data_off;
    it->end = it->start + p->len;
    it->moved = out && p->len >= ESP_V4_LEN && it->start + padded(it) + ESP_TAILROOM > m->buf_len &&
                padded(it) > p->len;
    it->refused =
        out && !ah && !it->moved && (it->start < ESP_HEADROOM || m->buf_len - it->end < ESP_TAILROOM);
    memset(buf, CANARY, it->start);
    memset(buf + it->end, CANARY, m->buf_len - it->end);
}

static void same_surroundings(const struct item *it, bool out)
{
    const uint8_t *buf = it->m->buf_addr;
    if (it->m->nb_segs > 1 || it->moved)
        return;
    const uint32_t front = out && it->start > ESP_HEADROOM ? it->start - ESP_HEADROOM
                           : out                           ? 0
                                                           : it->start,
                   moved = is_ah(it->lane) && it->start < AH_MOVES ? AH_MOVES - it->start : 0,
                   behind =
                       out ? RTE_MIN(it->start + padded(it) + ESP_TAILROOM + moved, (uint32_t)it->m->buf_len)
                       : is_ah(it->lane) ? it->end + ref_icv_len(&it->lane->in.conf)
                                         : it->end;
    uint8_t wrong = 0;
    for (uint32_t i = 0; i < front; i++)
        wrong |= buf[i] ^ CANARY;
    for (uint32_t i = behind; i < it->m->buf_len; i++)
        wrong |= buf[i] ^ CANARY;
    same(it, "octets around the packet", 0, wrong);
}

/* ---- the burst --------------------------------------------------------------------------------------------------- */
static void settle(struct rte_mbuf **pkts, unsigned n, bool good, bool in_order)
{
    uint64_t last = 0;
    for (unsigned i = 0; i < n; i++) {
        struct dp_meta *meta = dp_meta(pkts[i]);
        struct item *it = &items[meta->stamp];
        it->result = good ? CV_DROP_NONE : (enum cv_drop)meta->drop;
        if (it->moved)
            it->m = pkts[i];
        same(it, "mbuf", (uintptr_t)it->m, (uintptr_t)pkts[i]);
        if (good && in_order && i > 0 && meta->stamp <= last)
            differ(it, "order", last, meta->stamp);
        last = meta->stamp;
    }
}

static void burst(unsigned n, bool out, bool ah)
{
    struct rte_mbuf *pkts[ESP_BURST_MAX];
    struct esp_out_sa *outs[ESP_BURST_MAX];
    struct esp_in_sa *ins[ESP_BURST_MAX];
    for (unsigned i = 0; i < n; i++) {
        struct item *it = &items[i];
        pkts[i] = it->m;
        outs[i] = it->lane->eout;
        ins[i] = it->lane->ein;
        it->result = CV_DROP_COUNT;
        dp_meta(it->m)->stamp = i;
        dp_meta(it->m)->drop = CV_DROP_NONE;
    }
    w.now_tsc = rte_rdtsc();
    const unsigned good = (out ? esp_out_burst(&w, pkts, outs, (uint16_t)n)
                               : (ah ? esp_ah_in_burst : esp_in_burst)(&w, pkts, ins, (uint16_t)n));
    const unsigned taken = w.taken;
    taken_all += taken;
    settle(pkts, good, true, true);
    settle(pkts + good, n - taken - good, false, false);
    for (unsigned back = 0; back < taken;) {
        struct esp_done d;
        w.now_tsc = rte_rdtsc();
        back += esp_poll(&w, &d);
        settle(d.in, d.in_good, true, true);
        settle(d.in_bad, d.in_bads, false, false);
        settle(d.out, d.out_good, true, true);
        settle(d.out_bad, d.out_bads, false, false);
    }
}

static void read_back(struct item *it)
{
    it->got.len = it->m->data_len;
    if (it->got.len > REF_PACKET_MAX || it->m->nb_segs != 1 || it->m->pkt_len != it->m->data_len) {
        differ(it, "mbuf lengths", it->m->pkt_len, it->m->data_len);
        it->got.len = 0;
    }
    memcpy(it->got.b, rte_pktmbuf_mtod(it->m, const uint8_t *), it->got.len);
}

/* Runs of one SA, and SAs that change with every packet. */
static struct lane *draw_lane(unsigned i, unsigned first, unsigned count)
{
    return i > 0 && one_in(2) ? items[i - 1].lane : &lanes[first + below(count)];
}

/* ---- out ----------------------------------------------------------------------------------------------------------- */
static void draw_out(struct item *it, unsigned i)
{
    it->lane = draw_lane(i, 0, LANES);
    draw_inner(&it->lane->out.conf, &it->given);
    receive(it, true);
    memset(dp_meta(it->m), 0, sizeof(struct dp_meta));
}

static void note_iv(struct item *it)
{
    struct lane *l = it->lane;
    const uint32_t n = ref_iv_len(&l->out.conf), icv = ref_icv_len(&l->out.conf),
                   at = ref_out_iv_at(&l->out, it->given.b, it->given.len);
    uint8_t *iv = l->ivs[l->iv_count++];
    memcpy(iv, it->got.b + at, n);
    const bool cbc = l->out.conf.encr == CV_ENCR_AES_CBC || l->out.conf.encr == CV_ENCR_3DES;
    if (cbc && memcmp(iv, l->last_block, n) == 0)
        differ(it, "IV is the last block of the packet before", 0, 0);
    memcpy(l->last_block, it->got.b + it->got.len - icv - n, n);
}

/* The packet was taken. */
static void note_ah(const struct item *it, bool in)
{
    const uint32_t l3 = in ? it->l3 : dp_meta(it->m)->l3_len,
                   fixed = (in ? &it->lane->in : &it->lane->out)->conf.local.addr.family == IP_V4 ? 20 : 40;
    if (!is_ah(it->lane))
        return;
    ah_good[in]++;
    ah_optioned[in] += l3 > fixed;
}

static void same_out(struct item *it)
{
    static struct ref_packet want;
    struct ref_sa *sa = &it->lane->out;
    const struct dp_meta *meta = dp_meta(it->m);
    enum cv_drop r = CV_DROP_NO_ROOM;
    same_surroundings(it, true);
    if (it->result == CV_DROP_NONE)
        read_back(it);
    if (it->refused) {
        if (!(sa->conf.flags & CV_SA_ESN) && sa->seq == UINT32_MAX)
            r = CV_DROP_SEQ_EXHAUSTED;
        ref_refused(sa);
    } else {
        r = ref_out(sa, it->given.b, it->given.len, padded(it), it->result == CV_DROP_NONE ? &it->got : NULL,
                    &want);
    }
    outcomes[0][r]++;
    same(it, "out: outcome", r, it->result);
    if (r != CV_DROP_NONE || it->result != CV_DROP_NONE)
        return;
    same_octets(it, &want, &it->got);
    note_iv(it);
    note_ah(it, 0);
    reach_note(REACH_OUT, it->lane->transform, &sa->conf, it->given.len, padded(it) > it->given.len);
    same(it, "out: family", sa->conf.local.addr.family, meta->family);
    same(it, "out: vrf", sa->conf.vrf_outer, meta->vrf);
    same(it, "out: udp_encap", (sa->conf.flags & CV_SA_NATT) != 0, meta->udp_encap);
    same(it, "out: local_out", DP_LOCAL_ESP, meta->local_out);
}

static void round_out(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        draw_out(&items[i], i);
    burst(n, true, false);
    for (unsigned i = 0; i < n; i++) {
        same_out(&items[i]);
        rte_pktmbuf_free(items[i].m);
    }
}

/* ---- in ------------------------------------------------------------------------------------------------------------- */
/* In order, most of the time; a jump, a late one, one again, one too late, and zero. */
static uint64_t draw_number(struct lane *l)
{
    const struct cv_sa *sa = &l->in.conf;
    const uint64_t last = sa->flags & CV_SA_ESN ? UINT64_MAX : UINT32_MAX, window = sa->replay_window;
    uint64_t seq = l->sender < last ? l->sender + 1 : l->sender;
    switch (below(16)) {
    case 0:
        seq += below(64);
        break;
    case 1:
        seq += below((uint32_t)window * 2);
        break;
    case 2:
    case 3:
        seq -= RTE_MIN(seq, (uint64_t)below(64));
        break;
    case 4:
        seq -= RTE_MIN(seq, (uint64_t)below((uint32_t)window + 8));
        break;
    case 5:
        seq -= RTE_MIN(seq, (uint64_t)below((uint32_t)window * 4));
        break;
    default:
        break;
    }
    seq = RTE_MIN(seq, last);
    l->sender = RTE_MAX(seq, l->sender);
    return seq;
}

/* A number for the peer's next packet; with ESN now and then one of another high half. */
static uint64_t draw_sealed(struct lane *l)
{
    const uint64_t seq = draw_number(l);
    return one_in(40) && (l->in.conf.flags & CV_SA_ESN) ? seq ^ UINT64_C(1) << (32 + below(2)) : seq;
}

static void draw_esp(struct item *it)
{
    static uint8_t data[REF_PACKET_MAX];
    const struct cv_sa *sa = &it->lane->in.conf;
    struct ref_packet *p = &it->given;
    uint8_t next, iv[IV_MAX];
    it->udp = one_in(8) ? one_in(2) : (sa->flags & CV_SA_NATT) != 0;
    it->l3 = draw_outer(sa, p->b, it->udp);
    const uint32_t esp = it->l3 + (it->udp ? 8 : 0);
    const uint32_t len = draw_payload(sa, data, &next), data_len = draw_trailer(sa, data, len, next);
    const uint64_t seq = draw_sealed(it->lane);
    fill(iv, sizeof iv);
    p->len = esp + ref_seal(sa, seq, iv, data, data_len, p->b + esp);
    draw_damage(p, esp);
}

static void flip(struct ref_packet *p, uint32_t from, uint32_t to)
{
    p->b[from + below(to - from)] ^= (uint8_t)(1u << below(8));
}

/* Sealed, then changed as routers do; one bit is flipped now and then, in front of AH or in what it protects. */
static void draw_ah(struct item *it)
{
    static uint8_t data[REF_PACKET_MAX];
    const struct cv_sa *sa = &it->lane->in.conf;
    struct ref_packet *p = &it->given;
    uint8_t next;
    const uint32_t len = draw_payload(sa, data, &next),
                   unit = sa->local.addr.family == IP_V4 && !one_in(8) ? 4 : 8;
    it->udp = one_in(60);
    it->l3 = draw_outer(sa, p->b, false);
    (void)ref_ah_seal(sa, draw_sealed(it->lane), next, it->l3, ref_ah_len(sa, unit), (uint8_t)draw(), data,
                      len, p);
    it->l3 = draw_way(p, it->l3);
    it->broken = one_in(8);
    if (it->broken)
        flip(p, it->l3, p->len);
    else if (one_in(8))
        flip(p, 0, it->l3);
    else
        draw_damage(p, it->l3);
}

static void draw_in(struct item *it, unsigned i, bool ah)
{
    it->lane = ah ? draw_lane(i, ESP_LANES, AH_LANES) : draw_lane(i, 0, ESP_LANES);
    const struct cv_sa *sa = &it->lane->in.conf;
    it->broken = false;
    (ah ? draw_ah : draw_esp)(it);
    receive(it, false);
    struct dp_meta *meta = dp_meta(it->m);
    memset(meta, 0, sizeof *meta);
    meta->family = sa->local.addr.family;
    meta->l3_len = (uint16_t)it->l3;
    meta->udp_encap = it->udp;
}

static void same_in(struct item *it)
{
    static struct ref_packet want;
    struct ref_sa *sa = &it->lane->in;
    const struct dp_meta *meta = dp_meta(it->m);
    enum cv_drop r = CV_DROP_NO_MBUF;
    same_surroundings(it, false);
    if (it->refused)
        ref_refused(sa);
    else
        r = ref_in(sa, &it->given, it->l3, it->udp, &want);
    outcomes[1][r]++;
    same(it, "in: outcome", r, it->result);
    ah_broken += it->broken;
    if (it->broken && it->result == CV_DROP_NONE)
        differ(it, "in: taken with one flipped bit", r, it->result);
    if (r != CV_DROP_NONE || it->result != CV_DROP_NONE)
        return;
    read_back(it);
    same_octets(it, &want, &it->got);
    note_ah(it, 1);
    reach_note(REACH_IN, it->lane->transform, &sa->conf, want.len, false);
    same(it, "in: family", want.b[0] >> 4 == 4 ? IP_V4 : IP_V6, meta->family);
    same(it, "in: interface", sa->conf.if_id, meta->if_in);
    same(it, "in: udp_encap", 0, meta->udp_encap);
    same(it, "in: local_out", DP_TRANSIT, meta->local_out);
}

static void round_in(unsigned n, bool ah)
{
    for (unsigned i = 0; i < n; i++)
        draw_in(&items[i], i, ah);
    burst(n, false, ah);
    for (unsigned i = 0; i < n; i++) {
        if (i % ESP_CHUNK == 0)
            for (unsigned k = 0; k < LANES; k++)
                ref_in_chunk(&lanes[k].in);
        same_in(&items[i]);
        rte_pktmbuf_free(items[i].m);
    }
}

/* ---- engines -------------------------------------------------------------------------------------------------------- */
static const struct eng_ops *engine_of(const char *word)
{
    if (!strcmp(word, "vaes-avx2"))
        return &eng_vaes_avx2;
    if (!strcmp(word, "vaes-avx512"))
        return &eng_vaes_avx512;
    const struct eng_ops *e = strcmp(word, "auto") ? eng_by_name(word) : fix_engine();
    char why[256] = "unknown";
    if (!e || (e->start && e->start(eng_argument(word), 1, why, sizeof why) != CV_OK)) {
        fprintf(stderr, "%s: %s\n", word, why);
        exit(1);
    }
    return e;
}

/* False: this processor has not got it. */
static bool engine_open(const char *word)
{
    engine_word = word;
    engine = engine_of(word);
    if (!strncmp(word, "vaes", 4) && !eng_vaes_usable(engine)) {
        printf("\n  %s: not on this processor", word);
        return false;
    }
    if (esp_worker_init(&w, engine, 0, -1) != CV_OK)
        return false;
    esp_tfc_pool(&w, big);
    return true;
}

static void generation(uint64_t packets)
{
    /* A device gives packets back when the burst is over: the window is looked at once per burst then. */
    const uint32_t most = w.asynchronous ? ESP_CHUNK : ESP_BURST_MAX;
    for (unsigned i = 0; i < LANES; i++)
        if (i < ESP_LANES)
            lane_open(&lanes[i], i % FIX_TRANSFORMS, false);
        else
            lane_open(&lanes[i], FIX_NULL_SHA1 + i % AH_HASHES, true);
    for (uint64_t n, left = packets; left > 0 && told < DIFFERENCES_MAX; left -= n) {
        n = RTE_MIN(left, (uint64_t)(one_in(4) ? 1 + below(8) : 1 + below(most)));
        if (one_in(2))
            round_out((unsigned)n);
        else
            round_in((unsigned)n, one_in(3));
        done += n;
    }
    for (unsigned i = 0; i < LANES; i++)
        lane_close(&lanes[i]);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && text[0] ? strtoull(text, NULL, 0) : otherwise;
}

static void the_path_equals_the_reference(void)
{
    static char *const usual[] = {"ipsec-mb", "vaes-avx2", "vaes-avx512", "auto", NULL};
    char *const *words = engine_words[0] ? engine_words : usual;
    const uint64_t packets =
        setting("CULVERT_DIFF_PACKETS", words == usual && !UNIT_SANITIZED ? 100000 : 20000);
    unsigned count = 0, usable = 0;
    seed = setting("CULVERT_DIFF_SEED", 1);
    draw_seed(seed);
    while (words[count])
        count++;
    for (unsigned i = 0; i < count; i++) {
        if (!engine_open(words[i]))
            continue;
        usable++;
        const uint64_t until = done + packets / count + (i < packets % count);
        while (done < until && told < DIFFERENCES_MAX)
            generation(RTE_MIN((uint64_t)GENERATION, until - done));
        esp_worker_fini(&w);
        if (engine->stop)
            engine->stop();
    }
    CU_ASSERT(usable > 0);
    CU_ASSERT_EQUAL(told, 0);
    CU_ASSERT_EQUAL(done, usable == count ? packets : done);
    if (!strncmp(words[0], "cryptodev ", 10))
        CU_ASSERT(taken_all > done / 20); /* else the device did nothing, and software was tested once more */
    printf("\n  %llu packets, seed %llu, %llu from several segments, %llu through a device;\n"
           "  AH: %llu protected, %llu of them with options, %llu taken, %llu with options, %llu with a "
           "flipped bit\n",
           (unsigned long long)done, (unsigned long long)seed, (unsigned long long)joined,
           (unsigned long long)taken_all, (unsigned long long)ah_good[0], (unsigned long long)ah_optioned[0],
           (unsigned long long)ah_good[1], (unsigned long long)ah_optioned[1], (unsigned long long)ah_broken);
    for (unsigned r = 0; r < CV_DROP_COUNT; r++)
        if (outcomes[0][r] || outcomes[1][r])
            printf("  %-16s out %8llu  in %8llu\n", cv_drop_name(r), (unsigned long long)outcomes[0][r],
                   (unsigned long long)outcomes[1][r]);
}

/* A draw that no longer reaches something would test less and not say so. */
static void every_outcome_was_there(void)
{
    static const uint8_t out[] = {CV_DROP_NONE,   CV_DROP_MALFORMED_IP, CV_DROP_FRAGMENT,
                                  CV_DROP_TS_OUT, CV_DROP_NO_ROOM,      CV_DROP_SEQ_EXHAUSTED};
    static const uint8_t in[] = {
        CV_DROP_NONE,    CV_DROP_WRONG_PEER, CV_DROP_ESP_SHORT,  CV_DROP_ESP_AUTH,
        CV_DROP_ESP_PAD, CV_DROP_ESP_INNER,  CV_DROP_REPLAY_OLD, CV_DROP_REPLAY_DUP,
        CV_DROP_TS_IN,   CV_DROP_ECN,        CV_DROP_DUMMY,      CV_DROP_NO_MBUF,
        CV_DROP_AH_AUTH, CV_DROP_AH_HEADER,  CV_DROP_AH_INNER,   CV_DROP_MALFORMED_IP};
    if (done < 5000) /* too few to tell */
        return;
    for (unsigned i = 0; i < sizeof out; i++)
        CU_ASSERT(outcomes[0][out[i]] > 0);
    for (unsigned i = 0; i < sizeof in; i++)
        CU_ASSERT(outcomes[1][in[i]] > 0);
    CU_ASSERT(outcomes[0][CV_DROP_NONE] > done / 4);
    CU_ASSERT(outcomes[1][CV_DROP_NONE] > done / 8);
    CU_ASSERT(ah_optioned[0] > done / 200 && ah_optioned[1] > done / 200);
    CU_ASSERT(joined > done / 10);
    if (done >= REACH_FROM)
        reach_check();
    CU_ASSERT(ah_good[0] > done / 20 && ah_good[1] > done / 50 && ah_broken > done / 100);
}

/* Half of the bits change from one IV to the next: 3 in 1000 off is beyond six sigma for the fewest pairs that are judged. */
static void RFC_3602_3_IVs_of_CBC_cannot_be_foreseen(void)
{
    if (iv_pairs < 5000)
        return;
    const double share = (double)iv_bits_differ / (double)iv_bits;
    printf("\n  %llu pairs of IVs: %.5f of the bits differ", (unsigned long long)iv_pairs, share);
    CU_ASSERT(share > 0.497 && share < 0.503);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {UNIT_TEST(the_path_equals_the_reference),
                                             UNIT_TEST(every_outcome_was_there),
                                             UNIT_TEST(RFC_3602_3_IVs_of_CBC_cannot_be_foreseen)};
    engine_words = argv + (argc > 0);
    if (eal_start() < 0)
        return 1;
    big = rte_pktmbuf_pool_create("big", 2 * ESP_BURST_MAX - 1, 0, sizeof(struct dp_meta),
                                  BIG_ROOM + RTE_PKTMBUF_HEADROOM, -1);
    segments = rte_pktmbuf_pool_create("segments", 4095, 0, sizeof(struct dp_meta),
                                       SEGMENT + RTE_PKTMBUF_HEADROOM, -1);
    if (!big || !segments)
        return 1;
    int status = unit_run("esp_differential", tests, sizeof tests / sizeof tests[0]);
    rte_eal_cleanup();
    return status;
}
