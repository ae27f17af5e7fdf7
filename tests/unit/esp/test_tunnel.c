/* The outer header: DSCP and ECN (RFC 6040), DF, identification, checksums, overhead. */
#include "dataplane/esp/esp_tunnel.h"
#include "tests/unit/esp/esp_fix.h"

static uint8_t *octets(struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod(m, uint8_t *);
}

static uint8_t tos_of(const uint8_t *p)
{
    return p[0] >> 4 == 4 ? esp_tos_v4(p) : esp_tos_v6(p);
}

static void set_ecn(uint8_t *p, uint8_t ecn)
{
    if (p[0] >> 4 == 4)
        esp_ecn_set_v4(p, ecn);
    else
        esp_ecn_set_v6(p, ecn);
}

static void RFC_6040_4_1_ingress_copies_DSCP_and_ECN(void)
{
    for (unsigned i = 0; i < 4; i++)
        for (unsigned drop = 0; drop < 2; drop++) {
            int outer = i & 1 ? IP_V6 : IP_V4, inner = i & 2 ? IP_V6 : IP_V4;
            struct cv_sa sa = fix_sa(FIX_GCM, outer, drop ? CV_SA_ECN_DROP : 0);
            struct fix f;
            fix_open(&f, &sa);
            for (unsigned tos = 0; tos < 256; tos++) {
                struct rte_mbuf *m = fix_inner(&f, inner, 60, (uint8_t)tos);
                CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
                CU_ASSERT_EQUAL(tos_of(octets(m)), drop ? tos & 0xfc : tos);
                if (outer == IP_V4)
                    CU_ASSERT_EQUAL(fix_sum(octets(m), 20), 0);
                CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
                CU_ASSERT_EQUAL(tos_of(octets(m)), tos);
                rte_pktmbuf_free(m);
            }
            fix_close(&f);
        }
}

static void RFC_6040_4_2_egress_table(void)
{
    /* figure 4: rows inner Not-ECT, ECT(0), ECT(1), CE; columns outer in the same order; -1 drop */
    enum { NOT = 0, ECT1 = 1, ECT0 = 2, CE = 3 };
    static const int order[4] = {NOT, ECT0, ECT1, CE};
    static const int want[4][4] = {
        {NOT, NOT, NOT, -1}, {ECT0, ECT0, ECT1, CE}, {ECT1, ECT1, ECT1, CE}, {CE, CE, CE, CE}};
    for (unsigned i = 0; i < 8; i++) {
        int outer = i & 1 ? IP_V6 : IP_V4, inner = i & 2 ? IP_V6 : IP_V4;
        struct cv_sa sa = fix_sa(FIX_GCM, outer, i & 4 ? CV_SA_ECN_DROP : 0); /* about sending only */
        struct fix f;
        fix_open(&f, &sa);
        for (unsigned r = 0; r < 4; r++)
            for (unsigned c = 0; c < 4; c++) {
                struct rte_mbuf *m = fix_inner(&f, inner, 60, (uint8_t)(0xb8 | order[r]));
                CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
                set_ecn(octets(m), (uint8_t)order[c]);
                enum cv_drop d = fix_in(&f, m);
                if (want[r][c] < 0) {
                    CU_ASSERT_EQUAL(d, CV_DROP_ECN);
                } else {
                    CU_ASSERT_EQUAL(d, CV_DROP_NONE);
                    CU_ASSERT_EQUAL(tos_of(octets(m)), 0xb8 | want[r][c]);
                    if (inner == IP_V4)
                        CU_ASSERT_EQUAL(fix_sum(octets(m), 20), 0);
                }
                rte_pktmbuf_free(m);
            }
        CU_ASSERT_EQUAL(f.in_counters.other_drops, 1);
        fix_close(&f);
    }
}

static void RFC_1624_ECN_change_keeps_every_checksum_right(void)
{
    uint8_t h[20] = {0x45, 0, 0, 20, 0, 0, 0x40, 0, 63, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
    for (unsigned id = 0; id < 65536; id++) {
        h[1] = (uint8_t)(id * 5);
        h[4] = (uint8_t)(id >> 8);
        h[5] = (uint8_t)id;
        h[10] = h[11] = 0;
        uint16_t c = fix_sum(h, 20);
        h[10] = (uint8_t)(c >> 8);
        h[11] = (uint8_t)c;
        esp_ecn_set_v4(h, id & 3);
        if (fix_sum(h, 20) != 0 || (h[1] & 3) != (id & 3))
            CU_FAIL("checksum");
    }
}

static void DF_is_copied_set_or_cleared(void)
{
    for (unsigned df = CV_DF_COPY; df <= CV_DF_CLEAR; df++)
        for (unsigned inner_df = 0; inner_df < 2; inner_df++) {
            struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
            sa.df = (uint8_t)df;
            struct fix f;
            fix_open(&f, &sa);
            struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0), *six = fix_inner(&f, IP_V6, 1281, 0),
                            *least = fix_inner(&f, IP_V6, 1280, 0);
            octets(m)[6] = inner_df ? 0x40 : 0;
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            unsigned want = df == CV_DF_SET || (df == CV_DF_COPY && inner_df) ? 0x40 : 0;
            CU_ASSERT_EQUAL(octets(m)[6], want);
            CU_ASSERT_EQUAL(octets(m)[7], 0);
            CU_ASSERT_EQUAL(fix_sum(octets(m), 20), 0);
            CU_ASSERT_EQUAL(fix_out(&f, six), CV_DROP_NONE); /* routers do not fragment IPv6 */
            CU_ASSERT_EQUAL(octets(six)[6], df == CV_DF_CLEAR ? 0 : 0x40);
            CU_ASSERT_EQUAL(fix_out(&f, least), CV_DROP_NONE); /* but must carry 1280 octets (RFC 8200 5) */
            CU_ASSERT_EQUAL(octets(least)[6], 0);
            rte_pktmbuf_free(least);
            rte_pktmbuf_free(m);
            rte_pktmbuf_free(six);
            fix_close(&f);
        }
}

static void outer_headers_are_complete(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    sa.remote.port = 61000;
    struct fix f;
    fix_open(&f, &sa);
    uint8_t id[2][2];
    for (unsigned i = 0; i < 2; i++) {
        struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        const uint8_t *p = octets(m);
        static const uint8_t addrs[8] = {192, 0, 2, 1, 192, 0, 2, 2};
        CU_ASSERT_EQUAL(p[0], 0x45);
        CU_ASSERT_EQUAL(p[8], 64);
        CU_ASSERT_EQUAL(p[9], 17);
        CU_ASSERT_EQUAL(memcmp(p + 12, addrs, 8), 0);
        CU_ASSERT_EQUAL(p[20] << 8 | p[21], 4500);
        CU_ASSERT_EQUAL(p[22] << 8 | p[23], 61000);
        CU_ASSERT_EQUAL(p[26] << 8 | p[27], 0); /* RFC 3948 2.1 */
        memcpy(id[i], p + 4, 2);
        rte_pktmbuf_free(m);
    }
    CU_ASSERT(memcmp(id[0], id[1], 2) != 0); /* RFC 6864 4 */
    fix_close(&f);
    struct cv_sa six = fix_sa(FIX_GCM, IP_V6, 0);
    fix_open(&f, &six);
    struct rte_mbuf *m = fix_inner(&f, IP_V6, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(octets(m)[0], 0x60);
    CU_ASSERT_EQUAL(octets(m)[6], 50);
    CU_ASSERT_EQUAL(octets(m)[7], 64);
    CU_ASSERT_EQUAL(memcmp(octets(m) + 8, six.local.addr.b, 16), 0);
    CU_ASSERT_EQUAL(memcmp(octets(m) + 24, six.remote.addr.b, 16), 0);
    rte_pktmbuf_free(m);
    fix_close(&f);
}

/* Of the first packet that an SA like this one sends, after `seq`. */
static uint16_t identification(struct cv_sa sa, uint32_t spi, uint64_t seq)
{
    struct fix f;
    sa.ref.spi = spi;
    sa.seq = seq;
    fix_open(&f, &sa);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    const uint8_t *p = octets(m);
    const uint16_t id = (uint16_t)(p[4] << 8 | p[5]);
    CU_ASSERT_EQUAL(memcmp(p + 12, sa.local.addr.b, 4) | memcmp(p + 16, sa.remote.addr.b, 4), 0);
    rte_pktmbuf_free(m);
    fix_close(&f);
    return id;
}

/* Between the same ends, as the lines of a crypto map and the workers of RFC 9611 have them: sixteen places of a table of SPIs, and sixteen SAs that follow
 * one another at one place. What is on its way when pieces are joined (ip_reass.h: 2048 fragments) is of other identifications. */
static void RFC_4963_SAs_between_the_same_ends_begin_far_apart(void)
{
    enum { SAS = 16, APART = 1024 };
    for (unsigned k = 0; k < 6; k++) {
        struct cv_sa sa = fix_sa(k % 3 == 2 ? FIX_NULL_SHA1 : FIX_GCM, IP_V4, k % 3 == 1 ? CV_SA_NATT : 0);
        sa.proto = k % 3 == 2 ? CV_PROTO_AH : sa.proto;
        const unsigned step = k < 3 ? 0 : 20;
        uint16_t first[SAS];
        for (uint32_t i = 0; i < SAS; i++) {
            first[i] = identification(sa, FIX_SPI + (i << step), 0);
            for (unsigned j = 0; j < i; j++) {
                const uint16_t d = (uint16_t)(first[i] - first[j]);
                CU_ASSERT_TRUE(d > APART && d < UINT16_MAX - APART);
            }
        }
        for (uint64_t seq = 1; seq < 200000;
             seq +=
             6553) { /* one by one from there, also where the SA is made again; AH goes round without 0 */
            const uint16_t want = sa.proto == CV_PROTO_AH ? (uint16_t)((first[0] - 1 + seq) % UINT16_MAX + 1)
                                                          : (uint16_t)(first[0] + seq);
            CU_ASSERT_EQUAL(identification(sa, FIX_SPI, seq), want);
        }
    }
}

static void RFC_8200_8_1_UDP_over_IPv6_has_a_right_checksum(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V6, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned len = 20; len < 100; len++) {
        struct rte_mbuf *m = fix_inner(&f, IP_V4, len, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        const uint8_t *p = octets(m);
        uint8_t pseudo[1024] = {0};
        unsigned udp = m->data_len - 40u;
        memcpy(pseudo, p + 8, 32);
        pseudo[34] = (uint8_t)(udp >> 8);
        pseudo[35] = (uint8_t)udp;
        pseudo[39] = 17;
        memcpy(pseudo + 40, p + 40, udp);
        CU_ASSERT_EQUAL(fix_sum(pseudo, 40 + (udp + 1) / 2 * 2), 0);
        CU_ASSERT(p[46] || p[47]);
        rte_pktmbuf_free(m);
    }
    fix_close(&f);
}

static void overhead_and_inner_MTU_are_exact(void)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned k = 0; k < 4; k++) {
            struct cv_sa sa = fix_sa(t, k & 1 ? IP_V6 : IP_V4, k & 2 ? CV_SA_NATT : 0);
            struct fix f;
            fix_open(&f, &sa);
            for (uint16_t mtu = 1280; mtu < 1280 + 32; mtu++) {
                uint16_t inner = esp_out_inner_mtu(f.out, mtu);
                struct rte_mbuf *fits = fix_inner(&f, IP_V4, inner, 0),
                                *over = fix_inner(&f, IP_V4, inner + 1u, 0);
                CU_ASSERT_EQUAL(fix_out(&f, fits), CV_DROP_NONE);
                CU_ASSERT(fits->data_len <= mtu);
                CU_ASSERT(fits->data_len <= inner + esp_out_overhead(f.out));
                CU_ASSERT_EQUAL(fix_out(&f, over), CV_DROP_NONE);
                CU_ASSERT(over->data_len > mtu);
                rte_pktmbuf_free(fits);
                rte_pktmbuf_free(over);
            }
            CU_ASSERT_EQUAL(esp_out_inner_mtu(f.out, 40), 0);
            fix_close(&f);
        }
}

static void without_room_in_the_mbuf_nothing_is_sent(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V6, 0);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 200, 0);
    m->data_off = ESP_HEADROOM;
    m->data_len = (uint16_t)(m->buf_len - ESP_HEADROOM - ESP_TAILROOM);
    m->pkt_len = m->data_len;
    octets(m)[0] = 0x45;
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE); /* just enough */
    rte_pktmbuf_free(m);
    m = fix_inner(&f, IP_V4, 200, 0);
    m->data_off = ESP_HEADROOM - 1;
    octets(m)[0] = 0x45;
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NO_ROOM);
    CU_ASSERT_EQUAL(m->data_off, ESP_HEADROOM - 1);
    CU_ASSERT_EQUAL(m->data_len, 200);
    rte_pktmbuf_free(m);
    m = fix_inner(&f, IP_V4, 200, 0);
    rte_pktmbuf_append(m, (uint16_t)(rte_pktmbuf_tailroom(m) - ESP_TAILROOM + 1));
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NO_ROOM);
    rte_pktmbuf_free(m);
    CU_ASSERT_EQUAL(f.out_counters[0].packets, 1);
    CU_ASSERT_EQUAL(f.out_counters[0].other_drops, 2);
    fix_close(&f);
}

UNIT_MAIN_EAL("esp_tunnel", UNIT_TEST(RFC_6040_4_1_ingress_copies_DSCP_and_ECN),
              UNIT_TEST(RFC_6040_4_2_egress_table), UNIT_TEST(RFC_1624_ECN_change_keeps_every_checksum_right),
              UNIT_TEST(DF_is_copied_set_or_cleared), UNIT_TEST(outer_headers_are_complete),
              UNIT_TEST(RFC_4963_SAs_between_the_same_ends_begin_far_apart),
              UNIT_TEST(RFC_8200_8_1_UDP_over_IPv6_has_a_right_checksum),
              UNIT_TEST(overhead_and_inner_MTU_are_exact),
              UNIT_TEST(without_room_in_the_mbuf_nothing_is_sent))
