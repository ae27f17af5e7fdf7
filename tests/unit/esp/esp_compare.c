#include "tests/unit/esp/esp_compare.h"

#include "dataplane/engine/eng_vaes.h"
#include "dataplane/esp/esp_sa.h"
#include "dataplane/esp/esp_tfc.h"
#include "dataplane/esp/esp_tunnel.h"
#include "dataplane/ip/ip_chain.h"
#include "tests/unit/esp/esp_fix.h"

#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AH_MOVES = ESP_HEADROOM + 16, /* octets that AH has a packet make way at most, with the link's header */
    CANARY = 0x5c,
};

struct compare compare;
struct item items[ESP_BURST_MAX];
static struct rte_mempool *big, *segments;

bool compare_start(void)
{
    big = rte_pktmbuf_pool_create("big", 2 * ESP_BURST_MAX - 1, 0, sizeof(struct dp_meta), ONE_ROOM, -1);
    segments = rte_pktmbuf_pool_create("segments", 4095, 0, sizeof(struct dp_meta),
                                       SEGMENT + RTE_PKTMBUF_HEADROOM, -1);
    return big && segments;
}

bool is_ah(const struct lane *l)
{
    return l->out.conf.proto == CV_PROTO_AH;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */
void differ(const struct item *it, const char *what, unsigned long long want, unsigned long long got)
{
    const struct cv_sa *out = &it->lane->out.conf, *in = &it->lane->in.conf;
    CU_FAIL("differs");
    if (compare.told++ < DIFFERENCES_MAX)
        fprintf(stderr,
                "\n  %s %s%s: %s: reference %llu, data plane %llu (seed %llu, after packet %llu, %u octets;\n"
                "  out: flags %x mode %u family %u; in: flags %x mode %u family %u window %u)\n",
                compare.engine_word, is_ah(it->lane) ? "AH " : "", it->lane->transform, what, want, got,
                (unsigned long long)compare.seed, (unsigned long long)compare.done, it->given.len, out->flags,
                out->mode, out->local.addr.family, in->flags, in->mode, in->local.addr.family,
                (unsigned)in->replay_window);
}

void same(const struct item *it, const char *what, unsigned long long want, unsigned long long got)
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
void lane_open(struct lane *l, const char *transform, const struct cv_sa *out, const struct cv_sa *in)
{
    memset(l, 0, sizeof *l);
    l->transform = transform;
    ref_sa_init(&l->out, out, NULL, 0);
    ref_sa_init(&l->in, in, l->seen, SEEN_ROOM);
    l->sender = in->seq;
    if (esp_out_sa_new(out, compare.engine, -1, &l->cout, &l->eout) != CV_OK ||
        esp_in_sa_new(in, compare.engine, -1, &l->cin, &l->ein) != CV_OK)
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
            compare.iv_pairs++;
            compare.iv_bits += n * 8;
            compare.iv_bits_differ +=
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

void lane_close(struct lane *l)
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

struct rte_mbuf *scattered(const struct ref_packet *p, uint32_t least, uint32_t most)
{
    struct rte_mbuf *first = NULL;
    for (uint32_t at = 0, n; at < p->len; at += n) {
        struct rte_mbuf *s = alloc(segments);
        s->data_off = (uint16_t)below(RTE_PKTMBUF_HEADROOM + 1u);
        n = RTE_MIN(least + below(most - least + 1), p->len - at);
        memcpy(rte_pktmbuf_append(s, (uint16_t)n), p->b + at, n);
        if (!first)
            first = s;
        else if (rte_pktmbuf_chain(first, s) != 0)
            abort();
    }
    return first;
}

struct rte_mbuf *in_one(const struct ref_packet *p, uint32_t data_off)
{
    struct rte_mbuf *m = alloc(big);
    m->data_off = (uint16_t)data_off;
    memcpy(rte_pktmbuf_append(m, (uint16_t)p->len), p->b, p->len);
    return m;
}

uint32_t padded(const struct item *it)
{
    return RTE_MAX((uint32_t)it->lane->out.conf.tfc_len, it->given.len);
}

void room_of(const struct item *it, bool out, uint32_t *low, uint32_t *high)
{
    const bool ah = is_ah(it->lane);
    *low = out && !ah ? ESP_HEADROOM : 0;
    *high = ONE_ROOM - it->given.len;
    if (ah)
        *high -= out ? ESP_TAILROOM + AH_MOVES : REF_ICV_MAX;
    else if (out)
        *high -= ESP_TAILROOM;
}

void receive_one(struct item *it, bool out, struct rte_mbuf *m)
{
    const struct ref_packet *p = &it->given;
    uint8_t *buf = m->buf_addr;
    it->m = m;
    it->start = m->data_off;
    it->end = it->start + p->len;
    it->moved = out && p->len >= ESP_V4_LEN && it->start + padded(it) + ESP_TAILROOM > m->buf_len &&
                padded(it) > p->len;
    it->refused = out && !is_ah(it->lane) && !it->moved &&
                  (it->start < ESP_HEADROOM || m->buf_len - it->end < ESP_TAILROOM);
    memset(buf, CANARY, it->start);
    memset(buf + it->end, CANARY, m->buf_len - it->end);
}

void receive_chain(struct item *it, bool out, struct rte_mbuf *chain)
{
    struct rte_mbuf *m = ip_chain_join(chain, big);
    if (!m)
        abort();
    compare.joined += chain->nb_segs > 1;
    rte_pktmbuf_free(chain);
    receive_one(it, out, m);
}

void classified(struct item *it)
{
    struct dp_meta *meta = dp_meta(it->m);
    memset(meta, 0, sizeof *meta);
    meta->family = it->lane->in.conf.local.addr.family;
    meta->l3_len = (uint16_t)it->l3;
    meta->udp_encap = it->udp;
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

void burst(unsigned n, bool out, bool ah)
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
        dp_meta(it->m)->if_out = 0;
    }
    compare.w.now_tsc = rte_rdtsc();
    const unsigned good = (out ? esp_out_burst(&compare.w, pkts, outs, (uint16_t)n)
                               : (ah ? esp_ah_in_burst : esp_in_burst)(&compare.w, pkts, ins, (uint16_t)n));
    const unsigned taken = compare.w.taken;
    compare.taken_all += taken;
    settle(pkts, good, true, true);
    settle(pkts + good, n - taken - good, false, false);
    for (unsigned back = 0; back < taken;) {
        struct esp_done d;
        compare.w.now_tsc = rte_rdtsc();
        back += esp_poll(&compare.w, &d);
        settle(d.in, d.in_good, true, true);
        settle(d.in_bad, d.in_bads, false, false);
        settle(d.out, d.out_good, true, true);
        settle(d.out_bad, d.out_bads, false, false);
    }
    for (unsigned i = 0; out && i < n; i++)
        if (items[i].result != CV_DROP_NONE)
            same(&items[i], "out: interface that lost it", items[i].lane->out.conf.if_id,
                 dp_meta(items[i].m)->if_out);
}

/* ---- what came of it --------------------------------------------------------------------------------------------- */
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

static void read_back(struct item *it)
{
    it->got.len = it->m->data_len;
    if (it->got.len > REF_PACKET_MAX || it->m->nb_segs != 1 || it->m->pkt_len != it->m->data_len) {
        differ(it, "mbuf lengths", it->m->pkt_len, it->m->data_len);
        it->got.len = 0;
    }
    memcpy(it->got.b, rte_pktmbuf_mtod(it->m, const uint8_t *), it->got.len);
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

bool same_out(struct item *it)
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
    compare.outcomes[0][r]++;
    same(it, "out: outcome", r, it->result);
    if (r != CV_DROP_NONE || it->result != CV_DROP_NONE)
        return false;
    same_octets(it, &want, &it->got);
    note_iv(it);
    same(it, "out: family", sa->conf.local.addr.family, meta->family);
    same(it, "out: vrf", sa->conf.vrf_outer, meta->vrf);
    same(it, "out: udp_encap", (sa->conf.flags & CV_SA_NATT) != 0, meta->udp_encap);
    same(it, "out: local_out", DP_LOCAL_ESP, meta->local_out);
    return true;
}

bool same_in(struct item *it)
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
    compare.outcomes[1][r]++;
    same(it, "in: outcome", r, it->result);
    if (r != CV_DROP_NONE || it->result != CV_DROP_NONE)
        return false;
    read_back(it);
    same_octets(it, &want, &it->got);
    same(it, "in: family", want.b[0] >> 4 == 4 ? IP_V4 : IP_V6, meta->family);
    same(it, "in: interface", sa->conf.if_id, meta->if_in);
    same(it, "in: udp_encap", 0, meta->udp_encap);
    same(it, "in: local_out", DP_TRANSIT, meta->local_out);
    return true;
}

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

bool compare_open(const char *word)
{
    compare.engine_word = word;
    compare.engine = engine_of(word);
    if (!strncmp(word, "vaes", 4) && !eng_vaes_usable(compare.engine)) {
        printf("\n  %s: not on this processor", word);
        return false;
    }
    if (esp_worker_init(&compare.w, compare.engine, 0, -1) != CV_OK)
        return false;
    esp_tfc_pool(&compare.w, big);
    return true;
}

void compare_close(void)
{
    esp_worker_fini(&compare.w);
    if (compare.engine->stop)
        compare.engine->stop();
}

unsigned compare_burst_max(void)
{
    return compare.w.asynchronous ? ESP_CHUNK : ESP_BURST_MAX;
}

uint64_t compare_setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && text[0] ? strtoull(text, NULL, 0) : otherwise;
}
