/* Chains through ESP in tunnel mode are what the packet in one mbuf is, octet for octet, cut wherever a seed says: both ways, every AEAD and key, both families inside
 * and outside, ESN, encapsulated or not; what is forged, replayed, badly padded or over a limit is refused alike, and counted alike.
 *
 * `CULVERT_LONG=1 test_esp_segs` draws twenty times as many. */
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/esp/esp_segs.h"
#include "dataplane/esp/esp_tfc.h"
#include "dataplane/esp/esp_tunnel.h"
#include "tests/unit/esp/esp_fix.h"
#include "tests/unit/esp/segs.h"

enum { TRANSFORMS = 7, MOST = 9100, JUNK = 300, FRAME = 14 };

static unsigned rounds(unsigned n)
{
    return getenv("CULVERT_LONG") ? 20 * n : UNIT_SANITIZED ? n / 4 : n;
}

/* The same SA twice: for chains, and for packets in one mbuf. */
static struct fix c, s;
static uint8_t inner[SEGS_LONG], outer[SEGS_LONG];

/* An inner packet, and `junk` octets behind it that are not the packet's. */
static uint32_t inner_draw(int family, uint32_t junk)
{
    const uint32_t len = segs_rnd(4) ? 64 + segs_rnd(3000) : 64 + segs_rnd(MOST - 64);
    struct fix f = {.pool = segs_long};
    struct rte_mbuf *m = fix_inner(&f, family, len, (uint8_t)(segs_rnd(64) << 2));
    memcpy(inner, rte_pktmbuf_mtod(m, void *), len);
    memset(inner + len, 0xbd, junk);
    for (uint32_t i = 60; i < len; i++)
        inner[i] = (uint8_t)segs_rnd(256);
    rte_pktmbuf_free(m);
    return len;
}

static struct cv_sa sa_draw(void)
{
    const int out = segs_rnd(2) ? IP_V4 : IP_V6;
    struct cv_sa sa =
        fix_sa(segs_rnd(TRANSFORMS), out,
               (segs_rnd(2) ? CV_SA_ESN : 0) | (out == IP_V4 && segs_rnd(3) == 0 ? CV_SA_NATT : 0));
    sa.df = (uint8_t)segs_rnd(3);
    sa.seq = segs_rnd(2) ? 0 : UINT32_MAX - segs_rnd(6) - (sa.flags & CV_SA_ESN ? 0 : 100);
    return sa;
}

static void pair_open(const struct cv_sa *sa, const struct eng_ops *e)
{
    struct cv_sa in = fix_reverse(sa);
    struct fix *const each[] = {&c, &s};
    in.seq = 0;
    if (sa->seq > 200)
        in.seq = sa->seq - 50;
    for (unsigned i = 0; i < 2; i++) {
        fix_open2(each[i], sa, &in);
        if (!e)
            continue;
        struct fix *f = each[i];
        fix_close(f);
        CU_ASSERT_EQUAL_FATAL(esp_worker_init(&f->w, e, 0, -1), CV_OK);
        CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(sa, e, -1, f->out_counters, &f->out), CV_OK);
        CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&in, e, -1, &f->in_counters, &f->in), CV_OK);
        f->w.event = fix_event;
        f->w.event_ctx = f;
        f->w.now_tsc = 12345;
    }
    esp_tfc_pool(&c.w, segs_long);
}

static void pair_close(void)
{
    CU_ASSERT_EQUAL(memcmp(c.out_counters, s.out_counters, sizeof c.out_counters), 0);
    CU_ASSERT_EQUAL(memcmp(&c.in_counters, &s.in_counters, sizeof c.in_counters), 0);
    CU_ASSERT_EQUAL(c.event_count, s.event_count);
    CU_ASSERT_EQUAL(memcmp(c.events, s.events, sizeof c.events), 0);
    fix_close(&c);
    fix_close(&s);
    CU_ASSERT_EQUAL(segs_used(), 0);
}

/* ---- out ----------------------------------------------------------------------------------------------------------- */
/* Both ways out of `len` octets of `inner`; outer has the packet then, and its length comes back; 0: it was refused. */
static uint32_t both_out(uint32_t len, int family)
{
    const uint32_t shown = (family == IP_V4 ? 20 : 40) + DP_CHAIN_SHOWN;
    struct rte_mbuf *m = segs_of(inner, len, shown, false), *one = segs_whole(inner, len);
    dp_meta(m)->family = dp_meta(one)->family = (uint8_t)family;
    dp_meta(m)->local_out = dp_meta(one)->local_out = DP_TRANSIT;
    CU_ASSERT_TRUE(esp_out_takes_segs(c.out, m));
    const bool sent = esp_out_segs(&c.w, c.out, m), sent_one = fix_out(&s, one) == CV_DROP_NONE;
    CU_ASSERT_EQUAL(sent, sent_one);
    if (!sent) {
        CU_ASSERT_EQUAL(dp_meta(m)->drop, dp_meta(one)->drop);
        CU_ASSERT_EQUAL(dp_meta(m)->if_out, dp_meta(one)->if_out);
    } else {
        CU_ASSERT_TRUE(segs_are(m, rte_pktmbuf_mtod(one, const uint8_t *), one->data_len));
        CU_ASSERT_EQUAL(memcmp(&dp_meta(m)->vrf, &dp_meta(one)->vrf, 8), 0);
        memcpy(outer, rte_pktmbuf_mtod(one, void *), one->data_len);
    }
    const uint32_t out = sent ? one->data_len : 0;
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(one);
    return out;
}

/* ---- in ------------------------------------------------------------------------------------------------------------ */
static uint32_t front_len(void)
{
    const uint32_t ip = outer[0] >> 4 == 4 ? 20 : 40;
    return ip + (outer[ip == 20 ? 9 : 6] == 17 ? 8 : 0) + 16;
}

/* Both ways in of `len` octets of `outer`: gives what became of it. `want` octets of `inner` are the packet. */
static enum cv_drop both_in(uint32_t len, uint32_t want, unsigned *chains)
{
    struct rte_mbuf *m = segs_of(outer, len, front_len() + (segs_rnd(3) ? 40 + DP_CHAIN_SHOWN : 0),
                                 segs_rnd(2)),
                    *one = segs_whole(outer, len);
    fix_classify(m);
    const enum cv_drop r = fix_in(&s, one);
    CU_ASSERT_TRUE(esp_in_takes_segs(c.in, m));
    const bool good = esp_in_segs(&c.w, c.in, &m);
    CU_ASSERT_EQUAL(good, r == CV_DROP_NONE);
    if (good) {
        const struct dp_meta *a = dp_meta(m), *b = dp_meta(one);
        CU_ASSERT_EQUAL(one->data_len, want);
        CU_ASSERT_TRUE(segs_are(m, rte_pktmbuf_mtod(one, const uint8_t *), want));
        CU_ASSERT_TRUE(dp_chain_shows(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len) || m->nb_segs == 1);
        CU_ASSERT_TRUE(a->if_in == b->if_in && a->family == b->family && a->local_out == b->local_out);
        for (const struct rte_mbuf *seg = m; seg; seg = seg->next)
            CU_ASSERT(seg->data_len > 0);
        *chains += m->nb_segs > 1;
    } else {
        CU_ASSERT_EQUAL(dp_meta(m)->drop, r);
    }
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(one);
    return r;
}

static void there_and_back(const struct eng_ops *e, unsigned n)
{
    unsigned chains = 0, forged = 0, replayed = 0;
    printf("seed %llx ", (unsigned long long)segs_seed);
    segs_pools();
    for (unsigned k = 0; k < n; k++) {
        const struct cv_sa sa = sa_draw();
        pair_open(&sa, e);
        for (unsigned i = 0; i < 8; i++) {
            const int family = segs_rnd(2) ? IP_V4 : IP_V6;
            const uint32_t junk = segs_rnd(4) ? 0 : segs_rnd(JUNK), len = inner_draw(family, junk);
            const uint32_t out = both_out(len + junk, family); /* as TFC pads: it goes at the other end */
            if (out == 0)
                continue;
            if (segs_rnd(4) == 0) {
                uint8_t kept[SEGS_LONG];
                memcpy(kept, outer, out);
                outer[front_len() - 16 + segs_rnd(out - front_len() + 16)] ^= (uint8_t)(1 << segs_rnd(8));
                forged += both_in(out, 0, &chains) != CV_DROP_NONE;
                memcpy(outer, kept, out);
            }
            CU_ASSERT_EQUAL(both_in(out, len, &chains), CV_DROP_NONE);
            if (segs_rnd(4) == 0)
                replayed += both_in(out, 0, &chains) == CV_DROP_REPLAY_DUP;
        }
        pair_close();
    }
    printf("%u chains, %u forged, %u replayed ", chains, forged, replayed);
    CU_ASSERT(chains > n && forged > n && replayed > n);
}

static void chains_are_what_one_mbuf_is(void)
{
    there_and_back(NULL, rounds(600));
}

static void chains_are_what_one_mbuf_is_with_ipsec_mb(void)
{
    there_and_back(&eng_ipsecmb, rounds(600));
}

/* ---- trailers ------------------------------------------------------------------------------------------------------ */
/* Whatever the peer pads with, over as many mbufs as that takes; and padding that is wrong. The peer is an engine: its payload is ours to choose. */
static void padding_may_be_as_long_as_it_can_and_must_be_right(void)
{
    const struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct eng_session *session;
    struct eng_session_info info;
    struct eng_worker *w;
    unsigned chains = 0, bad = 0;
    segs_pools();
    pair_open(&sa, NULL);
    CU_ASSERT_EQUAL_FATAL(fix_engine()->worker_new(-1, &w), CV_OK);
    CU_ASSERT_EQUAL_FATAL(fix_engine()->session_new(&sa, -1, &session, &info), CV_OK);
    for (uint32_t pad = 0; pad < 256; pad++)
        for (unsigned wrong = 0; wrong < 3; wrong++) {
            const uint32_t len = inner_draw(IP_V4, 0), more = -(len + pad + 2) & 3;
            CU_ASSERT_EQUAL_FATAL(both_out(len, IP_V4) > 0, true);
            uint8_t *data = outer + front_len();
            memcpy(data, inner, len);
            memset(data + len, 0, more); /* TFC padding brings it to whole words */
            for (uint32_t i = 0; i < pad; i++)
                data[len + more + i] = (uint8_t)(i + 1);
            const uint32_t end = len + more + pad;
            data[end] = (uint8_t)pad;
            data[end + 1] = ESP_NEXT_V4;
            if (wrong == 1 && pad > 0)
                data[len + more + segs_rnd(pad)] ^= 0x40;
            else if (wrong == 2)
                data[end + 1] = ESP_NEXT_V6;
            const uint32_t all = front_len() + end + 2 + 16;
            outer[2] = (uint8_t)(all >> 8);
            outer[3] = (uint8_t)all;
            struct eng_op op = {.esp = data - 16, .data_len = end + 2};
            memcpy(&op.iv, data - 8, sizeof op.iv);
            op.iv = rte_be_to_cpu_64(op.iv);
            info.burst(w, session, &op, 1);
            bad += both_in(all, len, &chains) != CV_DROP_NONE;
        }
    CU_ASSERT_EQUAL(bad, 255 + 256);
    CU_ASSERT(chains > 0);
    fix_engine()->session_free(session);
    fix_engine()->worker_free(w);
    pair_close();
}

/* ---- limits -------------------------------------------------------------------------------------------------------- */
static void limits_and_the_end_of_the_numbers_hold_for_chains(void)
{
    segs_pools();
    for (unsigned k = 0; k < 3; k++) {
        struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
        unsigned chains = 0, refused = 0;
        if (k == 0)
            sa.hard_packets = 5, sa.soft_packets = 3;
        else if (k == 1)
            sa.hard_bytes = 9000, sa.soft_bytes = 4000;
        else
            sa.seq = UINT32_MAX - 4;
        pair_open(&sa, NULL);
        for (unsigned i = 0; i < 12; i++) {
            const uint32_t len = inner_draw(IP_V4, 0), out = both_out(len, IP_V4);
            refused += out == 0;
            if (out)
                (void)both_in(out, len, &chains);
        }
        CU_ASSERT(refused > 0);
        CU_ASSERT(c.event_count > 0);
        pair_close();
    }
}

/* An inbound SA whose limit is narrower than what the peer sends. */
static void a_limit_of_bytes_coming_in_counts_all_of_the_chain(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0), in = fix_reverse(&sa);
    unsigned chains = 0;
    segs_pools();
    in.hard_bytes = 1000;
    fix_open2(&c, &sa, &in);
    fix_open2(&s, &sa, &in);
    esp_tfc_pool(&c.w, segs_long);
    const uint32_t len = inner_draw(IP_V4, 0);
    uint32_t total = len;
    while (total <= 3000) { /* the chain's first mbuf alone would stay below it */
        const uint32_t out = both_out(len, IP_V4);
        const enum cv_drop r = both_in(out, len, &chains);
        CU_ASSERT_EQUAL(r, total > 1000 ? CV_DROP_LIFETIME : CV_DROP_NONE);
        total += len;
    }
    pair_close();
}

/* ---- what is not for it -------------------------------------------------------------------------------------------- */
static void what_has_no_way_with_pieces_is_joined_first(void)
{
    static const uint32_t flags[] = {0, CV_SA_NATT};
    segs_pools();
    memset(inner, 0, sizeof inner);
    inner[0] = 0x45;
    for (unsigned k = 0; k < 5; k++) {
        const int family = k == 1 ? IP_V6 : IP_V4;
        struct cv_sa sa = fix_sa(k == 0 ? FIX_CBC_SHA256 : FIX_GCM, family, flags[k == 1]);
        if (k == 2)
            sa.tfc_len = 1000;
        else if (k == 3)
            sa.mode = CV_MODE_TRANSPORT;
        else if (k == 4) {
            sa = fix_sa(FIX_NULL_SHA1, IP_V4, 0);
            sa.proto = CV_PROTO_AH;
        }
        fix_open(&c, &sa);
        struct rte_mbuf *m = segs_of(inner, 500, 100, false);
        dp_meta(m)->l3_len = 20;
        dp_meta(m)->udp_encap = 0;
        CU_ASSERT_FALSE(esp_out_takes_segs(c.out, m));
        CU_ASSERT_EQUAL(esp_in_takes_segs(c.in, m), k == 1 || k == 2); /* that is about sending */
        m->data_off = ESP_HEADROOM - 1;
        CU_ASSERT_FALSE(esp_out_takes_segs(c.out, m));
        rte_pktmbuf_free(m);
        fix_close(&c);
    }
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    fix_open(&c, &sa);
    struct rte_mbuf *m = segs_of(inner, 500, 35, false);
    dp_meta(m)->l3_len = 20;
    dp_meta(m)->udp_encap = 0;
    m->data_len = 35; /* an octet of the IV lies elsewhere */
    CU_ASSERT_FALSE(esp_in_takes_segs(c.in, m));
    rte_pktmbuf_free(m);
    fix_close(&c);
}

UNIT_MAIN_EAL("esp_segs", UNIT_TEST(chains_are_what_one_mbuf_is),
              UNIT_TEST(chains_are_what_one_mbuf_is_with_ipsec_mb),
              UNIT_TEST(padding_may_be_as_long_as_it_can_and_must_be_right),
              UNIT_TEST(limits_and_the_end_of_the_numbers_hold_for_chains),
              UNIT_TEST(a_limit_of_bytes_coming_in_counts_all_of_the_chain),
              UNIT_TEST(what_has_no_way_with_pieces_is_joined_first))
