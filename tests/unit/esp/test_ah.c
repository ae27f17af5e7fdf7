/* AH (RFC 4302): what is muted, where the header and its filling stand, what is refused, and that window, lifetimes and
 * selectors hold as with ESP. Against implementations of its own: test_differential.c, tests/system/test_ah_scapy.py. */
#include "dataplane/esp/esp_ah.h"
#include "dataplane/esp/esp_front.h"
#include "tests/unit/esp/esp_fix.h"

enum { LEN = 100, BURST = 100 };

static uint8_t *octets(struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod(m, uint8_t *);
}

/* hash 0: SHA1, 1: SHA256, ... as they follow FIX_NULL_SHA1. */
static struct cv_sa ah_sa(unsigned hash, int family, uint8_t mode, uint32_t flags)
{
    struct cv_sa sa = fix_sa(FIX_NULL_SHA1 + hash, family, flags);
    sa.proto = CV_PROTO_AH;
    sa.mode = mode;
    return sa;
}

static enum cv_drop in(struct fix *f, struct rte_mbuf *m)
{
    struct rte_mbuf *pkts[1] = {m};
    struct esp_in_sa *sas[1] = {f->in};
    fix_classify(m);
    return esp_ah_in_burst(&f->w, pkts, sas, 1) ? CV_DROP_NONE : (enum cv_drop)dp_meta(m)->drop;
}

static void RFC_4302_A1_what_changes_in_IPv4_is_muted(void)
{
    static const uint8_t was[] = {
        0x4f, 0xff, 0x12, 0x34, 0x56, 0x78, 0xff, 0xff, 0x77, 51, 0xab, 0xcd,
        1,    2,    3,    4,    5,    6,    7,    8,    148,  4,  9,    9, /* router alert stays */
        1,    7,    7,    8,    1,    2,    3,    4, /* record route goes, the filling in front stays */
        131,  7,    8,    9,    9,    9,    9,       /* a route that was gone */
        130,  11,   1,    2,    3,    4,    5,    6,    7,    8,  9, /* security stays */
        99,   3,    5,                                               /* unknown goes */
        0,    5,    5,    5,    5,    5,    5};                      /* nothing is read behind the end */
    static const uint8_t want[] = {0x4f, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 51,  0,  0, 1, 2, 3,
                                   4,    5, 6,    7,    8,    148,  4, 9, 9, 1,   0,  0, 0, 0, 0,
                                   0,    0, 0,    0,    0,    0,    0, 0, 0, 130, 11, 1, 2, 3, 4,
                                   5,    6, 7,    8,    9,    0,    0, 0, 0, 5,   5,  5, 5, 5, 5};
    uint8_t p[sizeof was];
    static_assert(sizeof was == 60 && sizeof want == 60, "a full header");
    memcpy(p, was, sizeof p);
    CU_ASSERT_TRUE(esp_ah_mute(p, sizeof p, IP_V4));
    CU_ASSERT_EQUAL(memcmp(p, want, sizeof p), 0);
}

static void RFC_4302_A2_what_changes_in_IPv6_is_muted(void)
{
    uint8_t p[40 + 16 + 24] = {0x6a, 0xbc, 0xde, 0xf0, 0, 8, ESP_NEXT_HOP_BY_HOP, 64};
    static const uint8_t hop[16] = {ESP_NEXT_ROUTING, 1, 0x1e, 3, 1, 2, 3, 0, 0x3e, 4, 5, 6, 7, 8, 1, 0};
    memcpy(p + 40, hop, sizeof hop);
    p[56] = CV_PROTO_AH;
    p[57] = 2;
    p[64] = 0xfd;
    CU_ASSERT_TRUE(esp_ah_mute(p, sizeof p, IP_V6));
    CU_ASSERT_EQUAL(p[0], 0x60);
    CU_ASSERT_EQUAL(p[1] | p[2] | p[3] | p[7], 0);
    CU_ASSERT_EQUAL(p[5], 8);
    CU_ASSERT_EQUAL(memcmp(p + 40, hop, 10),
                    0); /* an option that stays, and type and length of one that changes */
    CU_ASSERT_EQUAL(p[50] | p[51] | p[52] | p[53], 0);
    CU_ASSERT_EQUAL(p[54], 1);
    CU_ASSERT_EQUAL(p[64], 0xfd);
    p[0] = 0x4a;
    CU_ASSERT_TRUE(esp_ah_mute(p, sizeof p, IP_V6));
    CU_ASSERT_EQUAL(p[0], 0x40); /* the version is under the ICV */
    p[59] = 1;                   /* a segment left */
    CU_ASSERT_FALSE(esp_ah_mute(p, sizeof p, IP_V6));
}

static void options_that_run_over_are_refused(void)
{
    static const uint8_t bad[][4] = {{7, 5, 4, 0},   {7, 1, 0, 0},   {7, 0, 0, 0},  {1, 1, 1, 7},
                                     {131, 3, 3, 0}, {137, 4, 4, 1}, {131, 2, 0, 0}};
    for (unsigned i = 0; i < RTE_DIM(bad); i++) {
        uint8_t p[24] = {0x46};
        memcpy(p + 20, bad[i], 4);
        CU_ASSERT_FALSE(esp_ah_mute(p, sizeof p, IP_V4));
    }
    uint8_t v6[48] = {0x60, [6] = ESP_NEXT_HOP_BY_HOP, [40] = CV_PROTO_AH};
    v6[42] = 0x3e;
    v6[43] = 5; /* one more than there are */
    CU_ASSERT_FALSE(esp_ah_mute(v6, sizeof v6, IP_V6));
    v6[43] = 4;
    CU_ASSERT_TRUE(esp_ah_mute(v6, sizeof v6, IP_V6));
    v6[41] = 1; /* the header is longer than what stands in front of AH */
    CU_ASSERT_FALSE(esp_ah_mute(v6, sizeof v6, IP_V6));
    v6[6] = ESP_NEXT_FRAGMENT;
    v6[41] = 0;
    CU_ASSERT_FALSE(esp_ah_mute(v6, sizeof v6, IP_V6));
}

static void header_and_lengths(void)
{
    static const uint8_t lens[2][4] = {{24, 28, 36, 44}, {24, 32, 40, 48}}; /* RFC 4302 2.2, 2.6 */
    for (unsigned hash = 0; hash < 4; hash++)
        for (int v6 = 0; v6 < 2; v6++) {
            const struct cv_sa sa = ah_sa(hash, v6 ? IP_V6 : IP_V4, CV_MODE_TUNNEL, 0);
            struct fix f;
            fix_open(&f, &sa);
            struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0xb8);
            struct rte_mbuf *was = fix_copy(&f, m);
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            const unsigned outer = v6 ? 40 : 20, ah = lens[v6][hash];
            const uint8_t *p = octets(m);
            CU_ASSERT_EQUAL(m->data_len, LEN + outer + ah);
            CU_ASSERT_EQUAL(esp_out_overhead(f.out), outer + ah);
            CU_ASSERT_EQUAL(esp_out_inner_mtu(f.out, 1500), 1500 - outer - ah);
            CU_ASSERT_EQUAL(p[v6 ? 6 : 9], CV_PROTO_AH);
            CU_ASSERT_EQUAL(p[outer], ESP_NEXT_V4);
            CU_ASSERT_EQUAL((p[outer + 1] + 2u) * 4u, ah);
            CU_ASSERT_TRUE(v6 || fix_sum(p, 20) == 0);
            CU_ASSERT_EQUAL(v6 ? p[7] : p[8], 64);
            CU_ASSERT_EQUAL(v6 ? esp_tos_v6(p) : p[1], 0xb8);
            CU_ASSERT_EQUAL(dp_meta(m)->proto, CV_PROTO_AH);
            CU_ASSERT_EQUAL(dp_meta(m)->l3_len, outer);
            CU_ASSERT_EQUAL(in(&f, m), CV_DROP_NONE);
            CU_ASSERT_EQUAL(m->data_len, LEN);
            CU_ASSERT_EQUAL(memcmp(octets(m), octets(was), LEN), 0);
            CU_ASSERT_EQUAL(f.in_counters.packets, 1);
            CU_ASSERT_EQUAL(f.in_counters.bytes, LEN);
            rte_pktmbuf_free(m);
            rte_pktmbuf_free(was);
            fix_close(&f);
        }
}

/* Packets of a burst: some forged, one twice, one of another destination; the good ones keep their order. */
static void a_burst_is_sorted(void)
{
    struct cv_sa sa = ah_sa(1, IP_V4, CV_MODE_TUNNEL, CV_SA_ESN);
    sa.seq = UINT32_MAX - 50;
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *pkts[BURST + 1];
    struct esp_out_sa *outs[BURST];
    struct esp_in_sa *ins[BURST + 1];
    for (unsigned i = 0; i < BURST; i++) {
        pkts[i] = fix_inner(&f, i & 1 ? IP_V6 : IP_V4, LEN + i, 0);
        outs[i] = f.out;
    }
    CU_ASSERT_EQUAL(esp_out_burst(&f.w, pkts, outs, BURST), BURST);
    pkts[BURST] = fix_copy(&f, pkts[7]);
    for (unsigned i = 0; i <= BURST; i++) {
        ins[i] = f.in;
        fix_classify(pkts[i]);
    }
    octets(pkts[20])[60] ^= 1;
    octets(pkts[30])[33] ^= 4; /* the ICV */
    octets(pkts[40])[19] ^= 1; /* the destination */
    octets(pkts[50])[8] = 1;   /* TTL: as routers do */
    octets(pkts[60])[21] += 2; /* the header's length */
    CU_ASSERT_EQUAL(esp_ah_in_burst(&f.w, pkts, ins, BURST + 1), BURST - 4);
    unsigned why[CV_DROP_COUNT] = {0};
    for (unsigned i = 0; i <= BURST; i++) {
        if (i >= BURST - 4)
            why[dp_meta(pkts[i])->drop]++;
        else if (i > 0)
            CU_ASSERT_TRUE(pkts[i]->data_len > pkts[i - 1]->data_len);
    }
    CU_ASSERT_EQUAL(why[CV_DROP_AH_AUTH], 2);
    CU_ASSERT_EQUAL(why[CV_DROP_WRONG_PEER], 1);
    CU_ASSERT_EQUAL(why[CV_DROP_AH_HEADER], 1);
    CU_ASSERT_EQUAL(why[CV_DROP_REPLAY_DUP] + why[CV_DROP_REPLAY_OLD], 1);
    CU_ASSERT_EQUAL(f.in_counters.auth_failed, 2);
    CU_ASSERT_EQUAL(f.in_counters.replayed, 1);
    CU_ASSERT_EQUAL(f.in_counters.other_drops, 2);
    CU_ASSERT_EQUAL(f.in_counters.highest_seq, (uint64_t)UINT32_MAX + 50);
    for (unsigned i = 0; i <= BURST; i++)
        rte_pktmbuf_free(pkts[i]);
    fix_close(&f);
}

static void selectors_hold(void)
{
    const struct cv_sa out = ah_sa(1, IP_V4, CV_MODE_TUNNEL, 0);
    struct cv_sa narrow = fix_reverse(&out);
    narrow.ts_local[0] = narrow.ts_remote[0] = ts_any(IP_V6);
    narrow.ts_count = 1;
    struct fix f;
    fix_open2(&f, &out, &narrow);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(in(&f, m), CV_DROP_TS_IN);
    CU_ASSERT_EQUAL(f.in_counters.ts_failed, 1);
    rte_pktmbuf_free(m);
    fix_close(&f);
}

/* RFC 4302 3.3.2: the number must not cycle. */
static void RFC_4302_3_3_2_numbers_end(void)
{
    struct cv_sa sa = ah_sa(0, IP_V6, CV_MODE_TUNNEL, 0);
    sa.seq = UINT32_MAX - 1;
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned i = 0; i < 3; i++) {
        struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), i ? CV_DROP_SEQ_EXHAUSTED : CV_DROP_NONE);
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SEQ), 1);
    fix_close(&f);
}

static void lifetimes_end(void)
{
    struct cv_sa sa = ah_sa(0, IP_V4, CV_MODE_TUNNEL, 0);
    sa.hard_packets = 2;
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned i = 0; i < 3; i++) {
        struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), i < 2 ? CV_DROP_NONE : CV_DROP_LIFETIME);
        if (i < 2)
            CU_ASSERT_EQUAL(in(&f, m), CV_DROP_NONE);
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), 2);
    fix_close(&f);
}

/* Where there is too little room in front, the packet moves back; where there is none behind, it is dropped and not sent bare. */
static void room(void)
{
    const struct cv_sa sa = ah_sa(3, IP_V6, CV_MODE_TUNNEL, 0);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0), *was = fix_copy(&f, m);
    memmove((uint8_t *)m->buf_addr + 60, octets(m), LEN);
    m->data_off = 60;
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    CU_ASSERT_TRUE(m->data_off >= 14);
    CU_ASSERT_EQUAL(in(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(memcmp(octets(m), octets(was), LEN), 0);
    rte_pktmbuf_free(m);
    m = fix_inner(&f, IP_V4, LEN, 0);
    m->data_off = (uint16_t)(m->buf_len - LEN - 8);
    memmove(octets(m), octets(was), LEN);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NO_ROOM);
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(was);
    fix_close(&f);
}

static void what_AH_cannot_is_refused_when_the_SA_is_made(void)
{
    const struct eng_ops *e = fix_engine();
    struct cv_sa_counters c[FIX_WORKERS];
    struct esp_out_sa *out;
    struct cv_sa good = ah_sa(1, IP_V4, CV_MODE_TUNNEL, 0), sa = good;
    sa.flags = CV_SA_NATT;
    sa.local.port = sa.remote.port = 4500;
    CU_ASSERT_EQUAL(esp_out_sa_new(&sa, e, -1, c, &out), CV_EINVAL);
    sa = good;
    sa.encr = CV_ENCR_AES_CBC;
    sa.encr_key_len = 16;
    CU_ASSERT_EQUAL(esp_out_sa_new(&sa, e, -1, c, &out), CV_EINVAL);
    sa = good;
    sa.integ = CV_INTEG_NONE;
    sa.integ_key_len = 0;
    CU_ASSERT_EQUAL(esp_out_sa_new(&sa, e, -1, c, &out), CV_EINVAL);
    sa = good;
    sa.tfc_len = 200;
    CU_ASSERT_EQUAL(esp_out_sa_new(&sa, e, -1, c, &out), CV_EINVAL);
    sa = good;
    sa.proto = 50;
    CU_ASSERT_EQUAL(esp_out_sa_new(&sa, e, -1, c, &out), CV_EINVAL);
    CU_ASSERT_EQUAL(esp_out_sa_new(&good, e, -1, c, &out), CV_OK);
    struct cv_sa back;
    esp_out_sa_dump(out, &back);
    CU_ASSERT_EQUAL(back.proto, CV_PROTO_AH);
    esp_out_sa_free(out);
}

UNIT_MAIN_EAL("esp_ah", UNIT_TEST(RFC_4302_A1_what_changes_in_IPv4_is_muted),
              UNIT_TEST(RFC_4302_A2_what_changes_in_IPv6_is_muted),
              UNIT_TEST(options_that_run_over_are_refused), UNIT_TEST(header_and_lengths),
              UNIT_TEST(a_burst_is_sorted), UNIT_TEST(selectors_hold), UNIT_TEST(RFC_4302_3_3_2_numbers_end),
              UNIT_TEST(lifetimes_end), UNIT_TEST(room),
              UNIT_TEST(what_AH_cannot_is_refused_when_the_SA_is_made))
