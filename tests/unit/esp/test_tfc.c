/* Traffic flow confidentiality: padding behind the inner packet (RFC 4303 2.7), dummy packets (2.6). */
#include "dataplane/esp/esp_tfc.h"
#include "tests/unit/esp/esp_fix.h"

enum { TARGET = 1000, V4 = 20 };

static struct cv_sa padding_sa(unsigned transform, int outer, uint32_t flags, uint16_t tfc_len)
{
    struct cv_sa sa = fix_sa(transform, outer, flags);
    sa.tfc_len = tfc_len;
    return sa;
}

/* Sends an inner packet of len octets; its length on the wire. What comes out is compared and freed. */
static unsigned through(struct fix *f, int family, unsigned len)
{
    struct rte_mbuf *m = fix_inner(f, family, len, 0), *want = fix_copy(f, m);
    CU_ASSERT_EQUAL_FATAL(fix_out(f, m), CV_DROP_NONE);
    const unsigned wire = m->data_len;
    CU_ASSERT_EQUAL_FATAL(fix_in(f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(m->data_len, len);
    CU_ASSERT_EQUAL(
        memcmp(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(want, void *), RTE_MIN(len, m->data_len)), 0);
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(want);
    return wire;
}

static void RFC_4303_2_7_packets_of_all_lengths_look_alike(void)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned k = 0; k < 4; k++) {
            struct cv_sa sa = padding_sa(t, k & 1 ? IP_V6 : IP_V4, k & 2 ? (uint32_t)CV_SA_NATT : 0, TARGET);
            struct fix f;
            fix_open(&f, &sa);
            const unsigned full = through(&f, IP_V4, TARGET);
            uint64_t bytes = TARGET;
            for (unsigned len = 48; len < TARGET; len += 97) {
                CU_ASSERT_EQUAL(through(&f, len & 1 ? IP_V4 : IP_V6, len), full);
                bytes += len;
            }
            /* counted without the padding, at both ends */
            CU_ASSERT_EQUAL(f.out_counters[0].bytes, bytes);
            CU_ASSERT_EQUAL(f.in_counters.bytes, bytes);
            CU_ASSERT(through(&f, IP_V4, TARGET + 16) > full); /* longer ones stay as they are */
            fix_close(&f);
        }
}

static void a_burst_of_mixed_lengths_is_padded_packet_by_packet(void)
{
    struct cv_sa sa = padding_sa(FIX_GCM, IP_V4, 0, TARGET);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *pkts[40];
    struct esp_out_sa *out[40];
    for (unsigned i = 0; i < 40; i++) {
        pkts[i] = fix_inner(&f, i % 3 ? IP_V4 : IP_V6, 60 + i * 29, 0);
        out[i] = f.out;
    }
    *rte_pktmbuf_mtod(pkts[7], uint8_t *) = 0x15; /* of no IP version: refused in the middle */
    CU_ASSERT_EQUAL(esp_out_burst(&f.w, pkts, out, 40), 39);
    uint64_t bytes = 0;
    unsigned alike = 0;
    for (unsigned i = 0; i < 40; i++)
        bytes += i == 7 ? 0 : 60 + i * 29;
    for (unsigned i = 0; i < 39; i++)
        alike += pkts[i]->data_len == pkts[0]->data_len;
    CU_ASSERT_EQUAL(f.out_counters[0].bytes, bytes);
    CU_ASSERT_EQUAL(f.out_counters[0].packets, 39);
    CU_ASSERT_EQUAL(alike, 32); /* of 60 + 29 i octets, 33 are at most TARGET, one of them refused */
    rte_pktmbuf_free_bulk(pkts, 40);
    fix_close(&f);
}

static void padding_goes_no_further_than_the_MTU(void)
{
    struct cv_sa sa = padding_sa(FIX_GCM, IP_V4, 0, CV_TFC_MTU);
    struct fix f;
    fix_open(&f, &sa);
    CU_ASSERT_EQUAL(esp_tfc_len(f.out), 0); /* not known yet */
    const unsigned bare = through(&f, IP_V4, 100);
    const uint16_t inner = esp_out_inner_mtu(f.out, 1400);
    esp_tfc_mtu(f.out, inner);
    CU_ASSERT_EQUAL(esp_tfc_len(f.out), inner);
    const unsigned wire = through(&f, IP_V4, 100);
    CU_ASSERT(wire > bare && wire <= 1400 && wire > 1400 - 4);
    fix_close(&f);

    sa = padding_sa(FIX_GCM, IP_V4, 0, TARGET);
    fix_open(&f, &sa);
    esp_tfc_mtu(f.out, 500);
    CU_ASSERT_EQUAL(esp_tfc_len(f.out), 500);
    esp_tfc_mtu(f.out, 1400);
    CU_ASSERT_EQUAL(esp_tfc_len(f.out), TARGET);
    fix_close(&f);
}

enum { LONG = 9000, LONGS = 15 };

/* Of mbufs for packets of `octets`, with what the far end needs to open them. */
static struct rte_mempool *longs_of(const char *name, unsigned octets)
{
    struct rte_mempool *p = rte_pktmbuf_pool_create(
        name, LONGS, 0, sizeof(struct dp_meta), (uint16_t)(RTE_PKTMBUF_HEADROOM + octets + ESP_TAILROOM), -1);
    if (!p)
        abort();
    return p;
}

/* Each of the lengths by an SA that pads to LONG; the packets are in mbufs of 2048 octets at first. */
static void all_are_long(const struct cv_sa *sa, struct rte_mempool *longs)
{
    static const unsigned lengths[] = {48, 100, 1400, 1700, 1900};
    struct fix f;
    fix_open(&f, sa);
    esp_tfc_pool(&f.w, longs);
    unsigned wire = 0;
    for (unsigned i = 0; i < RTE_DIM(lengths); i++) {
        struct rte_mbuf *m = fix_inner(&f, i & 1 ? IP_V6 : IP_V4, lengths[i], 0), *want = fix_copy(&f, m);
        struct esp_out_sa *out = f.out;
        dp_meta(m)->if_in = 77;
        CU_ASSERT_EQUAL_FATAL(esp_out_burst(&f.w, &m, &out, 1), 1);
        CU_ASSERT(m->pool == longs && dp_meta(m)->if_in == 77 && dp_meta(m)->local_out == DP_LOCAL_ESP);
        CU_ASSERT(m->data_len > LONG && m->pkt_len == m->data_len);
        wire = i ? wire : m->data_len;
        CU_ASSERT_EQUAL(m->data_len, wire);
        CU_ASSERT_EQUAL_FATAL(fix_in(&f, m), CV_DROP_NONE);
        CU_ASSERT_EQUAL(m->data_len, lengths[i]);
        CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(want, void *), want->data_len),
                        0);
        rte_pktmbuf_free(m);
        rte_pktmbuf_free(want);
    }
    CU_ASSERT_EQUAL(rte_mempool_in_use_count(longs) + rte_mempool_in_use_count(f.pool), 0);
    fix_close(&f);
}

static void RFC_4303_2_7_what_has_no_room_is_padded_in_a_long_buffer(void)
{
    struct rte_mempool *longs = longs_of("longs", LONG);
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned k = 0; k < 4; k++) {
            const struct cv_sa sa =
                padding_sa(t, k & 1 ? IP_V6 : IP_V4, k & 2 ? (uint32_t)CV_SA_NATT : 0, LONG);
            all_are_long(&sa, longs);
        }
    rte_mempool_free(longs);
}

/* Of a burst with short packets and long ones among them, `room` may be padded, the first ones: the long ones leave with them, in their order, and nothing of
 * the others; no number is missing. */
static void some_are_dropped(struct rte_mempool *longs, unsigned room, enum cv_drop why)
{
    enum { N = 2 * LONGS + 6, EACH = 3 };
    struct cv_sa sa = padding_sa(FIX_GCM, IP_V4, 0, 2000);
    struct fix f;
    struct rte_mbuf *pkts[N];
    struct esp_out_sa *outs[N];
    fix_open(&f, &sa);
    esp_tfc_pool(&f.w, longs);
    struct rte_mempool *large = longs_of("large", 2400);
    for (unsigned i = 0; i < N; i++) {
        if (i % EACH == 0)
            f.pool = large;
        pkts[i] = fix_inner(&f, IP_V4, i % EACH ? 100 + i : 2000 + i, 0); /* not padded */
        f.pool = fix_pool;
        outs[i] = f.out;
    }
    const unsigned large_ones = N / EACH, good = large_ones + room;
    CU_ASSERT_EQUAL_FATAL(esp_out_burst(&f.w, pkts, outs, N), good);
    for (unsigned i = 0; i < good; i++)
        CU_ASSERT(pkts[i]->data_len > 2000);
    for (unsigned i = good; i < N; i++)
        CU_ASSERT(dp_meta(pkts[i])->drop == why && pkts[i]->data_len < 200);
    CU_ASSERT_EQUAL(f.out_counters[0].packets, good);
    CU_ASSERT_EQUAL(f.out_counters[0].other_drops, N - good);
    CU_ASSERT_EQUAL(f.out_counters[0].highest_seq, good);
    for (unsigned i = 0; i < good; i++) {
        CU_ASSERT_EQUAL(fix_in(&f, pkts[i]), CV_DROP_NONE);
        CU_ASSERT_EQUAL(f.in_counters.highest_seq, i + 1);
    }
    rte_pktmbuf_free_bulk(pkts, N);
    rte_mempool_free(large);
    fix_close(&f);
}

static void without_a_long_buffer_nothing_leaves_unpadded(void)
{
    struct rte_mempool *longs = longs_of("longs", 2000), *small = longs_of("small", 1999);
    some_are_dropped(longs, LONGS, CV_DROP_NO_MBUF);
    some_are_dropped(small, 0, CV_DROP_NO_ROOM);
    some_are_dropped(NULL, 0, CV_DROP_NO_ROOM);
    CU_ASSERT_EQUAL(rte_mempool_in_use_count(longs) + rte_mempool_in_use_count(fix_pool), 0);
    rte_mempool_free(longs);
    rte_mempool_free(small);
}

static void RFC_4303_2_7_transport_mode_has_no_padding(void)
{
    struct cv_sa sa = padding_sa(FIX_GCM, IP_V4, 0, TARGET);
    struct esp_out_sa *out;
    struct cv_sa_counters counters[FIX_WORKERS];
    sa.mode = CV_MODE_TRANSPORT;
    CU_ASSERT_EQUAL(esp_out_sa_new(&sa, fix_engine(), -1, counters, &out), CV_EINVAL);
}

/* The dummy that went out, or NULL with the reason in *why. */
static struct rte_mbuf *dummy(struct fix *f, uint16_t len, enum cv_drop *why)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
    *why = CV_DROP_NONE;
    if (!m || !esp_dummy_fill(m, len))
        abort();
    if (esp_dummy_out(&f->w, m, f->out))
        return m;
    *why = (enum cv_drop)dp_meta(m)->drop;
    rte_pktmbuf_free(m);
    return NULL;
}

static void RFC_4303_2_6_dummies_take_numbers_and_are_dropped_as_such(void)
{
    enum cv_drop why;
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned k = 0; k < 8; k++) {
            struct cv_sa sa = fix_sa(t, k & 1 ? IP_V6 : IP_V4, k & 2 ? (uint32_t)CV_SA_NATT : 0);
            sa.mode = k & 4 ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
            sa.dummy_ms = 1000;
            struct fix f;
            fix_open(&f, &sa);
            for (uint16_t len = ESP_DUMMY_MIN; len < 1400; len = (uint16_t)(len + 167)) {
                struct rte_mbuf *m = dummy(&f, len, &why), *again;
                CU_ASSERT_PTR_NOT_NULL_FATAL(m);
                const struct dp_meta *meta = dp_meta(m);
                CU_ASSERT(meta->vrf == 5 && meta->family == sa.local.addr.family);
                again = fix_copy(&f, m);
                CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_DUMMY);
                CU_ASSERT_EQUAL(fix_in(&f, again), CV_DROP_REPLAY_DUP); /* it was authentic */
                rte_pktmbuf_free(m);
                rte_pktmbuf_free(again);
            }
            CU_ASSERT_EQUAL(esp_out_sa_seq(f.out), 9);
            CU_ASSERT_EQUAL(f.in_counters.highest_seq, 9);
            CU_ASSERT(f.in_counters.packets == 0 && f.in_counters.other_drops == 0);
            CU_ASSERT(f.out_counters[0].packets == 0 && f.out_counters[0].bytes == 0);
            CU_ASSERT_EQUAL(f.out_counters[0].last_tsc, 0); /* idle still */
            fix_close(&f);
        }
}

static void dummies_stand_between_packets_and_spoil_none(void)
{
    struct cv_sa sa = padding_sa(FIX_CBC_SHA256, IP_V4, 0, TARGET);
    struct fix f;
    enum cv_drop why;
    sa.dummy_ms = 40;
    fix_open(&f, &sa);
    unsigned wire = through(&f, IP_V4, 100);
    for (unsigned i = 0; i < 20; i++) {
        struct rte_mbuf *m = dummy(&f, esp_tfc_len(f.out), &why);
        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(m->data_len, wire); /* nobody on the way tells them apart */
        rte_pktmbuf_free(m);
        CU_ASSERT_EQUAL(through(&f, IP_V6, 60 + i), wire);
    }
    CU_ASSERT_EQUAL(f.out_counters[0].packets, 21);
    CU_ASSERT_EQUAL(f.in_counters.highest_seq, 41);
    fix_close(&f);
}

static void a_closed_SA_and_one_without_dummies_send_none(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    enum cv_drop why;
    fix_open(&f, &sa);
    CU_ASSERT_PTR_NULL(dummy(&f, 100, &why));
    CU_ASSERT_EQUAL(why, CV_DROP_NO_SA);
    CU_ASSERT_EQUAL(esp_out_sa_seq(f.out), 0);
    fix_close(&f);

    sa.dummy_ms = 1000;
    sa.hard_packets = 3; /* a dummy uses the key as any packet does */
    fix_open(&f, &sa);
    for (unsigned i = 0; i < 3; i++)
        rte_pktmbuf_free(dummy(&f, 100, &why));
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), 1);
    CU_ASSERT_PTR_NULL(dummy(&f, 100, &why));
    CU_ASSERT_EQUAL(why, CV_DROP_LIFETIME);
    fix_close(&f);

    sa.hard_packets = 0;
    sa.seq = UINT32_MAX - 1;
    fix_open(&f, &sa);
    rte_pktmbuf_free(dummy(&f, 100, &why));
    CU_ASSERT_PTR_NULL(dummy(&f, 100, &why));
    CU_ASSERT_EQUAL(why, CV_DROP_SEQ_EXHAUSTED);
    fix_close(&f);
}

UNIT_MAIN_EAL("esp_tfc", UNIT_TEST(RFC_4303_2_7_packets_of_all_lengths_look_alike),
              UNIT_TEST(a_burst_of_mixed_lengths_is_padded_packet_by_packet),
              UNIT_TEST(padding_goes_no_further_than_the_MTU),
              UNIT_TEST(RFC_4303_2_7_what_has_no_room_is_padded_in_a_long_buffer),
              UNIT_TEST(without_a_long_buffer_nothing_leaves_unpadded),
              UNIT_TEST(RFC_4303_2_7_transport_mode_has_no_padding),
              UNIT_TEST(RFC_4303_2_6_dummies_take_numbers_and_are_dropped_as_such),
              UNIT_TEST(dummies_stand_between_packets_and_spoil_none),
              UNIT_TEST(a_closed_SA_and_one_without_dummies_send_none))
