/* What goes out comes back in: every transform, IPv4 and IPv6 inside and outside, NAT traversal, ESN. */
#include "tests/unit/esp/esp_fix.h"

static void one_way(unsigned transform, int outer, int inner, uint32_t flags, unsigned len)
{
    struct cv_sa sa = fix_sa(transform, outer, flags);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = fix_inner(&f, inner, len, 0), *plain = fix_copy(&f, m);
    enum cv_drop d = fix_out(&f, m);
    CU_ASSERT_EQUAL(d, CV_DROP_NONE);
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    unsigned ip = outer == IP_V4 ? 20 : 40, udp = flags & CV_SA_NATT ? 8 : 0;
    CU_ASSERT(m->data_len <= len + esp_out_overhead(f.out));
    CU_ASSERT_EQUAL(m->pkt_len, m->data_len);
    CU_ASSERT_EQUAL(p[0] >> 4, outer);
    CU_ASSERT_EQUAL(outer == IP_V4 ? p[2] << 8 | p[3] : (p[4] << 8 | p[5]) + 40, m->data_len);
    if (outer == IP_V4)
        CU_ASSERT_EQUAL(fix_sum(p, 20), 0);
    if (udp)
        CU_ASSERT_EQUAL(p[ip + 4] << 8 | p[ip + 5], m->data_len - (int)ip);
    const uint8_t spi[8] = {
        FIX_SPI >> 24, (FIX_SPI >> 16) & 255, (FIX_SPI >> 8) & 255, FIX_SPI & 255, 0, 0, 0, 1};
    CU_ASSERT_EQUAL(memcmp(p + ip + udp, spi, 8), 0);
    CU_ASSERT_EQUAL(dp_meta(m)->family, outer);
    CU_ASSERT_EQUAL(dp_meta(m)->l3_len, ip);
    CU_ASSERT_EQUAL(dp_meta(m)->vrf, 5);
    CU_ASSERT_EQUAL(dp_meta(m)->local_out, DP_LOCAL_ESP);
    d = fix_in(&f, m);
    if (d != CV_DROP_NONE)
        printf("%s outer %d inner %d flags %u len %u: %s\n", fix_transforms[transform].name, outer, inner,
               flags, len, cv_drop_name(d));
    CU_ASSERT_EQUAL(d, CV_DROP_NONE);
    CU_ASSERT_EQUAL(m->data_len, len);
    CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(plain, void *), len), 0);
    CU_ASSERT_EQUAL(dp_meta(m)->if_in, FIX_IF);
    CU_ASSERT_EQUAL(dp_meta(m)->family, inner);
    CU_ASSERT_EQUAL(f.in_counters.packets, 1);
    CU_ASSERT_EQUAL(f.in_counters.bytes, len);
    CU_ASSERT_EQUAL(f.in_counters.highest_seq, 1);
    CU_ASSERT_EQUAL(f.in_counters.last_tsc, 12345);
    CU_ASSERT_EQUAL(f.out_counters[0].packets, 1);
    CU_ASSERT_EQUAL(f.out_counters[0].bytes, len);
    CU_ASSERT_EQUAL(f.out_counters[0].highest_seq, 1);
    CU_ASSERT_EQUAL(esp_out_sa_seq(f.out), 1);
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(plain);
    fix_close(&f);
}

static void every_transform_family_encapsulation_and_ESN(void)
{
    static const uint32_t flags[] = {0, CV_SA_ESN, CV_SA_NATT, CV_SA_NATT | CV_SA_ESN};
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned i = 0; i < 4; i++)
            for (int outer = IP_V4; outer <= IP_V6; outer += 2)
                for (int inner = IP_V4; inner <= IP_V6; inner += 2)
                    one_way(t, outer, inner, flags[i], 100 + t);
}

static void every_length_of_padding(void)
{
    static const unsigned transforms[] = {FIX_GCM,        FIX_GMAC,      FIX_CHACHA,
                                          FIX_CBC_SHA256, FIX_3DES_SHA1, FIX_NULL_SHA1};
    for (unsigned i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        for (unsigned len = 20; len < 20 + 40; len++)
            one_way(transforms[i], IP_V4, IP_V4, 0, len);
}

static void large_packets(void)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        one_way(t, IP_V4, IP_V4, CV_SA_ESN, 1500);
}

/* A burst over the chunk, on two SAs in turn, with bad ones in between: order is kept, bad ones come last. */
static void bursts_keep_their_order_and_put_bad_packets_last(void)
{
    struct cv_sa sa = fix_sa(FIX_CBC_SHA1, IP_V4, 0), other = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f, g;
    fix_open(&f, &sa);
    fix_open(&g, &other);
    enum { N = ESP_BURST_MAX };
    struct rte_mbuf *pkts[N];
    struct esp_out_sa *out[N];
    struct esp_in_sa *in[N];
    for (unsigned i = 0; i < N; i++) {
        pkts[i] = fix_inner(&f, IP_V4, 64 + i, 0);
        rte_pktmbuf_mtod(pkts[i], uint8_t *)[28] = (uint8_t)i;
        if (i % 50 == 10)
            rte_pktmbuf_mtod(pkts[i], uint8_t *)[0] = 0x55; /* no IP version */
        out[i] = i >= 100 && i & 1 ? g.out : f.out;
    }
    uint16_t good = esp_out_burst(&f.w, pkts, out, N);
    CU_ASSERT_EQUAL(good, N - 5);
    for (unsigned i = good; i < N; i++)
        CU_ASSERT_EQUAL(dp_meta(pkts[i])->drop, CV_DROP_MALFORMED_IP);
    unsigned k = 0;
    for (unsigned i = 0; i < N; i++)
        if (i % 50 != 10)
            in[k++] = i >= 100 && i & 1 ? g.in : f.in;
    for (unsigned i = 0; i < good; i++)
        fix_classify(pkts[i]);
    rte_pktmbuf_mtod(pkts[0], uint8_t *)[40] ^= 1;
    rte_pktmbuf_mtod(pkts[150], uint8_t *)[40] ^= 1;
    struct rte_mbuf *bad0 = pkts[0], *bad1 = pkts[150];
    uint16_t back = esp_in_burst(&f.w, pkts, in, good);
    CU_ASSERT_EQUAL(back, good - 2);
    CU_ASSERT_PTR_EQUAL(pkts[back], bad0);
    CU_ASSERT_PTR_EQUAL(pkts[back + 1], bad1);
    CU_ASSERT_EQUAL(dp_meta(bad0)->drop, CV_DROP_ESP_AUTH);
    CU_ASSERT_EQUAL(dp_meta(bad1)->drop, CV_DROP_ESP_AUTH);
    int last = -1;
    for (unsigned i = 0; i < back; i++) {
        int number = rte_pktmbuf_mtod(pkts[i], uint8_t *)[28];
        CU_ASSERT(number > last);
        last = number;
    }
    CU_ASSERT_EQUAL(f.in_counters.packets + g.in_counters.packets, back);
    CU_ASSERT_EQUAL(f.in_counters.auth_failed + g.in_counters.auth_failed, 2);
    rte_pktmbuf_free_bulk(pkts, N);
    fix_close(&f);
    fix_close(&g);
}

/* Engines take packets of several SAs together: SAs of every transform and of other keys, with ESN and without, mixed at random. What
 * such a burst gives is what each packet by itself gives, both ways. */
static void packets_of_many_SAs_in_one_burst_do_not_meddle(void)
{
    enum { SAS = 2 * FIX_TRANSFORMS, N = ESP_BURST_MAX };
    static struct fix f[SAS];
    struct rte_mbuf *pkts[N], *one;
    struct esp_out_sa *out[N];
    struct esp_in_sa *in[N];
    unsigned of[N];
    srand(3);
    for (unsigned i = 0; i < SAS; i++) {
        struct cv_sa sa = fix_sa(i / 2, IP_V4, i & 1 ? CV_SA_ESN : 0);
        sa.encr_key[3] = sa.integ_key[3] = (uint8_t)i;
        fix_open(&f[i], &sa);
    }
    for (unsigned round = 0; round < 20; round++) {
        const unsigned kinds = round < 10 ? SAS : 6; /* then only AES-CBC with SHA-1, of three key lengths */
        for (unsigned i = 0; i < N; i++) {
            of[i] = round < 10 ? (unsigned)rand() % SAS : 2 * FIX_CBC_SHA1 + (unsigned)rand() % kinds;
            pkts[i] = fix_inner(&f[0], IP_V4, 28 + (unsigned)rand() % 1400, 0);
            rte_pktmbuf_mtod(pkts[i], uint8_t *)[27] = (uint8_t)i;
            out[i] = f[of[i]].out;
            in[i] = f[of[i]].in;
        }
        if (round & 1) { /* together out, one by one in */
            CU_ASSERT_EQUAL_FATAL(esp_out_burst(&f[0].w, pkts, out, N), N);
            for (unsigned i = 0; i < N; i++) {
                fix_classify(pkts[i]);
                CU_ASSERT_EQUAL_FATAL(esp_in_burst(&f[0].w, &pkts[i], &in[i], 1), 1);
            }
        } else {
            for (unsigned i = 0; i < N; i++) {
                CU_ASSERT_EQUAL_FATAL(esp_out_burst(&f[0].w, &pkts[i], &out[i], 1), 1);
                fix_classify(pkts[i]);
            }
            const unsigned forged = (unsigned)rand() % N;
            one = pkts[forged];
            rte_pktmbuf_mtod(one, uint8_t *)[one->data_len - 1] ^= 1;
            CU_ASSERT_EQUAL_FATAL(esp_in_burst(&f[0].w, pkts, in, N), N - 1);
            CU_ASSERT_PTR_EQUAL(pkts[N - 1], one);
            CU_ASSERT_EQUAL(dp_meta(one)->drop, CV_DROP_ESP_AUTH);
            memmove(pkts + forged + 1, pkts + forged, (N - 1 - forged) * sizeof *pkts);
            pkts[forged] = one;
            rte_pktmbuf_mtod_offset(one, uint8_t *, 0)[0] = 0; /* not looked at below */
        }
        for (unsigned i = 0; i < N; i++)
            if (rte_pktmbuf_mtod(pkts[i], uint8_t *)[0] == 0x45)
                CU_ASSERT_EQUAL(rte_pktmbuf_mtod(pkts[i], uint8_t *)[27], (uint8_t)i);
        rte_pktmbuf_free_bulk(pkts, N);
    }
    for (unsigned i = 0; i < SAS; i++)
        fix_close(&f[i]);
}

UNIT_MAIN_EAL("esp_roundtrip", UNIT_TEST(packets_of_many_SAs_in_one_burst_do_not_meddle),
              UNIT_TEST(every_transform_family_encapsulation_and_ESN), UNIT_TEST(every_length_of_padding),
              UNIT_TEST(large_packets), UNIT_TEST(bursts_keep_their_order_and_put_bad_packets_last))
