/* What classification accepts, and every way it says no. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "tests/unit/ip/pkt.h"

#include <stdlib.h>

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1};

/* Ethernet + IPv4 + 16 octets of UDP to `port`, which begin with `first`. */
static size_t frame4(uint8_t *f, uint8_t proto, uint16_t port, uint32_t first)
{
    static const uint8_t head[] = {2,    0, 0, 0,  0, 1, 2, 0, 0,  0, 0, 9, 8,   0, /* Ethernet */
                                   0x45, 0, 0, 40, 0, 0, 0, 0, 64, 0, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1};
    memset(f, 0, 128);
    memcpy(f, head, sizeof head);
    f[14 + 9] = proto;
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(f + 14, 20, 0));
    memcpy(f + 14 + 10, &sum, 2);
    uint8_t *l4 = f + 34;
    l4[0] = 1;
    l4[2] = (uint8_t)(port >> 8);
    l4[3] = (uint8_t)port;
    l4[5] = 20;
    first = __builtin_bswap32(first);
    memcpy(proto == IP_PROTO_ESP ? l4 : l4 + 8, &first, 4);
    return 14 + 40;
}

static void reseal(uint8_t *f)
{
    memset(f + 24, 0, 2);
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(f + 14, (size_t)(f[14] & 0xf) * 4, 0));
    memcpy(f + 24, &sum, 2);
}

static unsigned plain_frames; /* that ip_classify_plain took */

/* The short look takes only what the long one, whose findings are given, takes alike. */
static void hold_plain_against(const uint8_t *f, size_t n, enum ip_class class, const struct rte_mbuf *found)
{
    const struct ip_arrival a = ip_arrival_of(own_mac, 7, 3);
    struct rte_mbuf *m = pkt_of(f, n);
    const struct dp_meta *meta = dp_meta(m), *want = rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)found);
    const struct dp_meta before = *meta;
    enum ip_class c;
    if (ip_classify_plain(m, &a, &c)) {
        plain_frames++;
        CU_ASSERT_EQUAL(c, class);
        CU_ASSERT_TRUE(meta->if_in == 7 && meta->vrf == 3 && meta->local_out == DP_TRANSIT);
        CU_ASSERT_TRUE(meta->family == want->family && meta->proto == want->proto);
        CU_ASSERT_TRUE(meta->l3_len == want->l3_len && meta->l3_total == want->l3_total);
        CU_ASSERT_TRUE(meta->spi == want->spi && meta->udp_encap == want->udp_encap);
        CU_ASSERT_TRUE(meta->drop == want->drop && meta->frag == want->frag);
        CU_ASSERT_TRUE(meta->l4_src == want->l4_src && meta->l4_dst == want->l4_dst);
        CU_ASSERT_TRUE(m->data_off == found->data_off && m->data_len == found->data_len &&
                       m->pkt_len == found->pkt_len);
    } else { /* nothing has been changed */
        CU_ASSERT_EQUAL(memcmp(meta, &before, sizeof before), 0);
        CU_ASSERT_TRUE(m->data_off == RTE_PKTMBUF_HEADROOM && m->data_len == n && m->pkt_len == n);
    }
    CU_ASSERT_EQUAL(
        memcmp(rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_PKTMBUF_HEADROOM - m->data_off), f, n), 0);
    rte_pktmbuf_free(m);
}

static enum ip_class classify(const uint8_t *f, size_t n, struct dp_meta *meta, unsigned *len)
{
    /* An exact copy on the heap: a read behind its end is seen by the sanitizer only there, but by the
     * lengths here. */
    struct rte_mbuf *m = pkt_of(f, n);
    enum ip_class c = ip_classify_frame(m, own_mac);
    hold_plain_against(f, n, c, m);
    *meta = *dp_meta(m);
    *len = m->data_len;
    rte_pktmbuf_free(m);
    return c;
}

static void udp_to_ike_and_natt_is_told_from_esp(void)
{
    uint8_t f[128];
    struct dp_meta meta;
    unsigned len;
    size_t n = frame4(f, IP_PROTO_UDP, 500, 0x01020304);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_EQUAL(meta.l4_dst, 500);
    CU_ASSERT_EQUAL(meta.l4_src, 256);
    CU_ASSERT_EQUAL(meta.l3_len, 20);
    CU_ASSERT_EQUAL(meta.family, IP_V4);
    n = frame4(f, IP_PROTO_UDP, 4500, 0); /* RFC 3948 2.2: the non-ESP marker */
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_EQUAL(meta.udp_encap, 0);
    n = frame4(f, IP_PROTO_UDP, 4500, 0x01020304);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_ESP);
    CU_ASSERT_EQUAL(meta.udp_encap, 1);
    CU_ASSERT_EQUAL(meta.spi, 0x01020304);
    n = frame4(f, IP_PROTO_ESP, 0, 0xa1020304);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_ESP);
    CU_ASSERT_EQUAL(meta.udp_encap, 0);
    CU_ASSERT_EQUAL(meta.spi, 0xa1020304);
}

static void link_padding_is_cut_off(void)
{
    uint8_t f[128];
    struct dp_meta meta;
    unsigned len;
    frame4(f, IP_PROTO_UDP, 500, 1);
    CU_ASSERT_EQUAL(classify(f, 60, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_EQUAL(len, 40);
}

static void every_truncation_is_refused(void)
{
    uint8_t f[128];
    struct dp_meta meta;
    unsigned len;
    size_t n = frame4(f, IP_PROTO_UDP, 4500, 7);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(classify(f, i, &meta, &len), IP_CLASS_DROP);
        CU_ASSERT_EQUAL(meta.drop, i < 14 ? CV_DROP_MALFORMED_ETHER : CV_DROP_MALFORMED_IP);
    }
}

static void expect_drop(uint8_t *f, size_t n, enum cv_drop why)
{
    struct dp_meta meta;
    unsigned len;
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_DROP);
    CU_ASSERT_EQUAL(meta.drop, why);
}

static void bad_ipv4_headers_are_refused(void)
{
    uint8_t f[128];
    size_t n = frame4(f, IP_PROTO_UDP, 500, 1);
    f[24] ^= 1; /* checksum */
    expect_drop(f, n, CV_DROP_MALFORMED_IP);
    frame4(f, IP_PROTO_UDP, 500, 1);
    f[14] = 0x44; /* header of 16 octets */
    reseal(f);
    expect_drop(f, n, CV_DROP_MALFORMED_IP);
    frame4(f, IP_PROTO_UDP, 500, 1);
    f[14] = 0x4f; /* header longer than the total length */
    reseal(f);
    expect_drop(f, n, CV_DROP_MALFORMED_IP);
    frame4(f, IP_PROTO_UDP, 500, 1);
    f[14] = 0x65; /* another version than the frame type */
    expect_drop(f, n, CV_DROP_MALFORMED_IP);
    frame4(f, IP_PROTO_UDP, 500, 1);
    f[26] = 127; /* RFC 1812 5.3.7 */
    reseal(f);
    expect_drop(f, n, CV_DROP_MALFORMED_IP);
    frame4(f, IP_PROTO_UDP, 500, 1);
    f[38] = 0;
    f[39] = 7; /* UDP length under its header */
    expect_drop(f, n, CV_DROP_MALFORMED_L4);
    f[39] = 21; /* over the packet */
    expect_drop(f, n, CV_DROP_MALFORMED_L4);
    f[0] = 4; /* another station's MAC */
    expect_drop(f, n, CV_DROP_OTHER_HOST);
    memset(f, 0xff, 6); /* unicast IP in a broadcast frame: RFC 1812 5.3.4 */
    f[39] = 20;
    expect_drop(f, n, CV_DROP_OTHER_HOST);
    frame4(f, IP_PROTO_UDP, 500, 1);
    f[12] = 0x81; /* a VLAN tag */
    expect_drop(f, n, CV_DROP_MALFORMED_ETHER);
}

static void fragments_are_marked_and_their_ports_not_read(void)
{
    uint8_t f[128];
    struct dp_meta meta;
    unsigned len;
    size_t n = frame4(f, IP_PROTO_UDP, 4500, 0x01020304);
    f[20] = 0x20; /* MF */
    reseal(f);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_TRUE(meta.frag);
    CU_ASSERT_EQUAL(meta.l4_dst, 0);
    f[20] = 0;
    f[21] = 9; /* offset */
    reseal(f);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_TRUE(meta.frag);
    f[20] = 0x40; /* DF alone is no fragment */
    f[21] = 0;
    reseal(f);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_ESP);
}

/* Ethernet + IPv6 + `ext` (chain whose last next header is UDP) + UDP of 8 octets. */
static size_t frame6(uint8_t *f, const uint8_t *ext, size_t ext_len, uint8_t first)
{
    memset(f, 0, 512);
    memcpy(f, own_mac, 6);
    f[12] = 0x86;
    f[13] = 0xdd;
    uint8_t *ip = f + 14;
    ip[0] = 0x60;
    ip[5] = (uint8_t)(ext_len + 8);
    ip[4] = (uint8_t)((ext_len + 8) >> 8);
    ip[6] = first;
    ip[7] = 64;
    ip[8] = ip[24] = 0x20;
    ip[9] = ip[25] = 0x01;
    memcpy(ip + 40, ext, ext_len);
    uint8_t *udp = ip + 40 + ext_len;
    udp[2] = 1;
    udp[3] = 0xf4;
    udp[5] = 8;
    return 14 + 40 + ext_len + 8;
}

static void ipv6_extension_headers_are_walked_within_bounds(void)
{
    uint8_t f[512], chain[96] = {0};
    struct dp_meta meta;
    unsigned len;
    size_t n = frame6(f, chain, 0, IP_PROTO_UDP);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_EQUAL(meta.l4_dst, 500);
    chain[0] = 60; /* hop-by-hop, then destination options of 16, then UDP */
    chain[8] = IP_PROTO_UDP;
    chain[9] = 1;
    n = frame6(f, chain, 24, 0);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_EQUAL(meta.l3_len, 64);
    CU_ASSERT_EQUAL(meta.l4_dst, 500);
    f[14 + 40 + 9] = 200; /* a length that runs over the packet */
    expect_drop(f, n, CV_DROP_MALFORMED_IP);
    for (unsigned i = 0; i < 9; i++) /* more headers than are walked */
        chain[i * 8] = 60, chain[i * 8 + 1] = 0;
    n = frame6(f, chain, 72, 60);
    expect_drop(f, n, CV_DROP_EXT_HEADERS);
    n = frame6(f, chain, 0, IP_PROTO_UDP);
    for (size_t i = 15; i < n; i++)
        CU_ASSERT_EQUAL(classify(f, i, &meta, &len), IP_CLASS_DROP);
}

/* RFC 4443 2.4 (e.4): whatever its chain is refused for, so that no error is made of it. */
static void what_came_in_a_frame_to_a_group_is_for_another_host(void)
{
    static const uint8_t groups[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x33, 0x33, 0, 0, 0, 1}};
    uint8_t f[512], many[72] = {0}, source[24] = {IP_PROTO_UDP, 2, 0, 1}, cut[8] = {60, 0, 0, 1};
    for (unsigned i = 0; i < 9; i++)
        many[i * 8] = 60;
    const struct {
        const uint8_t *chain;
        size_t len;
        uint8_t first;
        enum cv_drop why;
    } rows[] = {{many, sizeof many, 60, CV_DROP_EXT_HEADERS},
                {source, sizeof source, 43, CV_DROP_EXT_HEADERS},
                {cut, sizeof cut, 44, CV_DROP_HEADER_CHAIN}};
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        size_t n = frame6(f, rows[i].chain, rows[i].len, rows[i].first);
        if (i == 2)
            f[14 + 48 + 1] = 9; /* options that go on behind the first fragment */
        expect_drop(f, n, rows[i].why);
        for (unsigned k = 0; k < RTE_DIM(groups); k++) {
            f[14 + 24] = 0x20;
            memcpy(f, groups[k], 6);
            expect_drop(f, n, CV_DROP_OTHER_HOST);
            f[14 + 24] = 0xff; /* to a group, as its frame */
            expect_drop(f, n, rows[i].why);
        }
    }
}

static void ipv6_fragment_header_is_seen(void)
{
    uint8_t f[512], chain[8] = {IP_PROTO_UDP, 0, 0, 1};
    struct dp_meta meta;
    unsigned len;
    size_t n = frame6(f, chain, 8, 44);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_TRUE(meta.frag);
    CU_ASSERT_EQUAL(meta.proto, IP_PROTO_UDP);
    CU_ASSERT_EQUAL(meta.l3_len, 48);
    f[14 + 43] = 0; /* an atomic fragment (RFC 6946) is whole */
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
    CU_ASSERT_FALSE(meta.frag);
    CU_ASSERT_EQUAL(meta.l4_dst, 500);
}

static void mutations_never_read_out_of_bounds(void)
{
    uint8_t f[512], g[512], chain[24] = {60, 0, 0, 0, 0, 0, 0, 0, IP_PROTO_UDP, 1};
    struct dp_meta meta;
    unsigned len, kept = 0;
    srand(7);
    for (unsigned round = 0; round < 50000; round++) {
        size_t n = round % 2 ? frame6(f, chain, 24, 0) : frame4(f, IP_PROTO_UDP, 4500, 9);
        memcpy(g, f, n);
        for (unsigned k = 0; k < 3; k++)
            g[12 + (size_t)rand() % (n - 12)] = (uint8_t)rand();
        if (!(round % 2))
            reseal(g);
        enum ip_class c = classify(g, n, &meta, &len);
        if (c == IP_CLASS_IP || c == IP_CLASS_ESP) {
            CU_ASSERT_TRUE(meta.l3_len <= len && len <= n - 14);
            kept++;
        }
    }
    CU_ASSERT_TRUE(kept > 1000);
}

/* frame4 gives 20 octets behind the IP header. */
static void AH_is_told_by_its_own_SPI_field(void)
{
    uint8_t f[128];
    struct dp_meta meta;
    unsigned len;
    size_t n = frame4(f, IP_PROTO_AH, 0x0604, 0);
    const uint8_t spi[] = {1, 2, 3, 4};
    memcpy(f + 38, spi, sizeof spi);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_AH);
    CU_ASSERT_EQUAL(meta.spi, 0x01020304);
    CU_ASSERT_EQUAL(meta.udp_encap, 0);
    f[17] = 20 + 11; /* an octet less than the fixed part */
    reseal(f);
    expect_drop(f, n, CV_DROP_AH_HEADER);
    f[17] = 20 + 12;
    reseal(f);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_AH);
    f[21] = 1; /* a later fragment */
    reseal(f);
    CU_ASSERT_EQUAL(classify(f, n, &meta, &len), IP_CLASS_IP);
}

static void the_short_look_agrees_with_the_long_one(void)
{
    static const uint8_t protos[] = {IP_PROTO_UDP, IP_PROTO_ESP, 6, IP_PROTO_ICMP, IP_PROTO_AH};
    uint8_t f[512];
    struct dp_meta meta;
    unsigned len, dropped = 0;
    srand(11);
    plain_frames = 0;
    for (unsigned round = 0; round < 200000; round++) {
        size_t n = frame4(f, protos[round % 5], round % 3 ? 500 : 4500, 0x01020304);
        for (unsigned k = (unsigned)rand() % 3; k > 0; k--)
            f[(size_t)rand() % n] ^= (uint8_t)(1u << rand() % 8);
        if (round % 6)
            reseal(f);
        dropped += classify(f, n - (round % 7 == 0), &meta, &len) == IP_CLASS_DROP;
    }
    CU_ASSERT_TRUE(plain_frames > 50000);
    CU_ASSERT_TRUE(dropped > 10000);
}

PKT_MAIN("classify", UNIT_TEST(AH_is_told_by_its_own_SPI_field),
         UNIT_TEST(the_short_look_agrees_with_the_long_one), UNIT_TEST(udp_to_ike_and_natt_is_told_from_esp),
         UNIT_TEST(link_padding_is_cut_off), UNIT_TEST(every_truncation_is_refused),
         UNIT_TEST(bad_ipv4_headers_are_refused), UNIT_TEST(fragments_are_marked_and_their_ports_not_read),
         UNIT_TEST(ipv6_extension_headers_are_walked_within_bounds), UNIT_TEST(ipv6_fragment_header_is_seen),
         UNIT_TEST(what_came_in_a_frame_to_a_group_is_for_another_host),
         UNIT_TEST(mutations_never_read_out_of_bounds))
