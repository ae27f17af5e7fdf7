/* ICMP: echo in place, errors and when none may be sent; UDP; cutting and joining. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_frag.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_reass.h"
#include "dataplane/ip/ip_udp.h"
#include "tests/unit/ip/pkt.h"

#include <rte_cycles.h>

static uint64_t fragment_drops[CV_DROP_COUNT];

static struct cv_ping ping_of(bool v6, uint16_t size)
{
    struct cv_ping p = {.id = 0x1234, .seq = 7, .size = size};
    CU_ASSERT_TRUE_FATAL(ip_addr_parse(v6 ? "2001:db8::1" : "192.0.2.1", &p.src));
    CU_ASSERT_TRUE_FATAL(ip_addr_parse(v6 ? "2001:db8::2" : "192.0.2.2", &p.dst));
    return p;
}

static struct rte_mbuf *echo(bool v6, uint16_t size)
{
    struct cv_ping p = ping_of(v6, size);
    struct rte_mbuf *m = pkt_new();
    ip_icmp_echo(m, &p);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    return m;
}

static void an_echo_request_becomes_its_reply(void)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct rte_mbuf *m = echo(v6, 56);
        struct ip_icmp_answer a;
        struct cv_ping p = ping_of(v6, 56);
        CU_ASSERT_TRUE(ip_icmp_echo_reply(m));
        CU_ASSERT_FALSE(ip_icmp_echo_reply(m));          /* a reply is not answered */
        CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP); /* checksum included */
        CU_ASSERT_TRUE_FATAL(ip_icmp_answer_read(m, &a));
        CU_ASSERT_TRUE(a.id == 0x1234 && a.seq == 7 && ip_addr_equal(&a.from, &p.dst));
        rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 1] ^= 1;
        CU_ASSERT_FALSE(ip_icmp_answer_read(m, &a));
        rte_pktmbuf_free(m);
    }
}

static void an_error_quotes_the_packet_and_is_understood(void)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct rte_mbuf *bad = echo(v6, 1400), *out = pkt_new();
        struct ip_addr router;
        struct ip_icmp_answer a;
        CU_ASSERT_TRUE(ip_addr_parse(v6 ? "2001:db8::99" : "192.0.2.99", &router));
        ip_icmp_trouble(dp_meta(bad), IP_TROUBLE_TOO_BIG, 1400);
        CU_ASSERT_TRUE_FATAL(ip_icmp_error(out, bad, &router));
        CU_ASSERT_EQUAL(ip_classify_ip(out), IP_CLASS_IP);
        CU_ASSERT_TRUE(out->data_len <= (v6 ? 1280 : 576)); /* RFC 4443 2.4 (c), RFC 1812 4.3.2.3 */
        const uint8_t *icmp = rte_pktmbuf_mtod_offset(out, uint8_t *, v6 ? 40 : 20);
        CU_ASSERT_EQUAL(icmp[6] << 8 | icmp[7], 1400);
        CU_ASSERT_TRUE_FATAL(ip_icmp_answer_read(out, &a));
        CU_ASSERT_TRUE(a.id == 0x1234 && a.seq == 7 &&
                       a.type == (v6 ? IP_ICMP6_TOO_BIG : IP_ICMP_UNREACHABLE));
        /* RFC 1122 3.2.2: never about an error. */
        struct rte_mbuf *none = pkt_new();
        ip_icmp_trouble(dp_meta(out), IP_TROUBLE_TTL, 0);
        CU_ASSERT_FALSE(ip_icmp_error(none, out, &router));
        rte_pktmbuf_free(none);
        rte_pktmbuf_free(bad);
        rte_pktmbuf_free(out);
    }
}

static void seal4(uint8_t *ip)
{
    memset(ip + 10, 0, 2);
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, 2);
}

static void no_error_about_groups_broadcast_or_later_fragments(void)
{
    struct ip_addr router;
    CU_ASSERT_TRUE(ip_addr_parse("192.0.2.99", &router));
    for (unsigned i = 0; i < 3; i++) {
        struct rte_mbuf *bad = echo(false, 56), *out = pkt_new();
        uint8_t *ip = rte_pktmbuf_mtod(bad, uint8_t *);
        if (i == 0)
            ip[16] = 224;
        if (i == 1)
            memset(ip + 16, 0xff, 4);
        if (i == 2)
            ip[7] = 8;
        seal4(ip);
        CU_ASSERT_NOT_EQUAL(ip_classify_ip(bad), IP_CLASS_DROP);
        ip_icmp_trouble(dp_meta(bad), IP_TROUBLE_TTL, 0);
        CU_ASSERT_FALSE(ip_icmp_error(out, bad, &router));
        rte_pktmbuf_free(bad);
        rte_pktmbuf_free(out);
    }
}

static void RFC_4443_2_4_no_error_about_a_redirect(void)
{
    static const struct {
        uint8_t type;
        bool made;
    } rows[2][3] = {{{IP_ICMP_ECHO, true}, {5, false}, {IP_ICMP_UNREACHABLE, false}},
                    {{IP_ICMP6_ECHO, true}, {IP_ICMP6_REDIRECT, false}, {IP_ICMP6_UNREACHABLE, false}}};
    struct ip_addr router;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned i = 0; i < 3; i++) {
            struct rte_mbuf *bad = echo(v6, 56), *out = pkt_new();
            CU_ASSERT_TRUE(ip_addr_parse(v6 ? "2001:db8::99" : "192.0.2.99", &router));
            *rte_pktmbuf_mtod_offset(bad, uint8_t *, v6 ? 40 : 20) = rows[v6][i].type;
            ip_icmp_trouble(dp_meta(bad), IP_TROUBLE_NO_ROUTE, 0);
            CU_ASSERT_EQUAL(ip_icmp_error(out, bad, &router), rows[v6][i].made);
            rte_pktmbuf_free(bad);
            rte_pktmbuf_free(out);
        }
}

static void udp_datagrams_read_back(void)
{
    uint8_t data[1000];
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct ip_endpoint l = {.port = 4500}, r = {.port = 4501};
        const uint8_t *got;
        size_t n;
        CU_ASSERT_TRUE(ip_addr_parse(v6 ? "2001:db8::1" : "192.0.2.1", &l.addr));
        CU_ASSERT_TRUE(ip_addr_parse(v6 ? "2001:db8::2" : "192.0.2.2", &r.addr));
        memset(data, 0x5a, sizeof data);
        struct rte_mbuf *m = pkt_new();
        CU_ASSERT_TRUE_FATAL(ip_udp_write(m, &l, &r, IP_NON_ESP_MARKER, data, sizeof data));
        CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
        CU_ASSERT_TRUE(ip_udp_payload(m, dp_meta(m)->l3_len, &got, &n));
        CU_ASSERT_TRUE(n == 1004 && got[0] == 0 && got[4] == 0x5a);
        uint8_t *udp = rte_pktmbuf_mtod_offset(m, uint8_t *, v6 ? 40 : 20);
        udp[8] ^= 1;
        CU_ASSERT_FALSE(ip_udp_payload(m, dp_meta(m)->l3_len, &got, &n));
        udp[6] = udp[7] = 0; /* no checksum: allowed over IPv4 alone (RFC 8200 8.1) */
        CU_ASSERT_EQUAL(ip_udp_payload(m, dp_meta(m)->l3_len, &got, &n), !v6);
        rte_pktmbuf_free(m);
    }
}

/* Cuts, classifies every piece, joins them in the given order. */
static void cut_and_join(bool v6, uint16_t size, uint16_t mtu, bool backwards)
{
    struct ip_reass *table;
    struct rte_mbuf *pieces[IP_FRAG_MAX], *whole = NULL, *m = echo(v6, size), *copy = echo(v6, size);
    dp_meta(m)->local_out = DP_LOCAL;
    unsigned n = ip_frag_split(m, mtu, pkt_pool, pieces);
    CU_ASSERT_TRUE_FATAL(n > 1);
    CU_ASSERT_EQUAL_FATAL(ip_reass_new(pkt_pool, rte_get_tsc_hz(), fragment_drops, &table), CV_OK);
    for (unsigned k = 0; k < n; k++) {
        struct rte_mbuf *p = pieces[backwards ? n - 1 - k : k];
        CU_ASSERT_TRUE(p->data_len <= mtu);
        CU_ASSERT_EQUAL(ip_classify_ip(p), IP_CLASS_IP);
        CU_ASSERT_TRUE(dp_meta(p)->frag);
        CU_ASSERT_PTR_NULL(whole);
        whole = ip_reass_take(table, p, NULL, rte_rdtsc());
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    CU_ASSERT_EQUAL(ip_classify_ip(whole), IP_CLASS_IP);
    CU_ASSERT_FALSE(dp_meta(whole)->frag);
    CU_ASSERT_EQUAL_FATAL(whole->data_len, copy->data_len);
    unsigned header = v6 ? 40 : 20;
    CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(whole, uint8_t *, header),
                           rte_pktmbuf_mtod_offset(copy, uint8_t *, header), whole->data_len - header),
                    0);
    rte_pktmbuf_free(whole);
    rte_pktmbuf_free(copy);
    rte_pktmbuf_free(m);
    ip_reass_free(table);
}

static void what_is_cut_joins_again(void)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        cut_and_join(v6, 1400, 700, false);
        cut_and_join(v6, 1400, 700, true);
        cut_and_join(v6, 1393, 576, false);
    }
}

static void a_missing_piece_expires_with_its_packets(void)
{
    struct ip_reass *table;
    struct rte_mbuf *pieces[IP_FRAG_MAX], *m = echo(false, 1400);
    unsigned n = ip_frag_split(m, 700, pkt_pool, pieces);
    CU_ASSERT_EQUAL_FATAL(ip_reass_new(pkt_pool, rte_get_tsc_hz(), fragment_drops, &table), CV_OK);
    CU_ASSERT_EQUAL(ip_classify_ip(pieces[0]), IP_CLASS_IP);
    CU_ASSERT_PTR_NULL(ip_reass_take(table, pieces[0], NULL, rte_rdtsc()));
    for (unsigned i = 1; i < n; i++)
        rte_pktmbuf_free(pieces[i]);
    rte_pktmbuf_free(m);
    CU_ASSERT_EQUAL(pkt_used(), 1);
    ip_reass_expire(table, rte_rdtsc() + rte_get_tsc_hz() * 10);
    CU_ASSERT_EQUAL(pkt_used(), 0);
    ip_reass_free(table);
}

PKT_MAIN("icmp", UNIT_TEST(an_echo_request_becomes_its_reply),
         UNIT_TEST(an_error_quotes_the_packet_and_is_understood),
         UNIT_TEST(RFC_4443_2_4_no_error_about_a_redirect),
         UNIT_TEST(no_error_about_groups_broadcast_or_later_fragments), UNIT_TEST(udp_datagrams_read_back),
         UNIT_TEST(what_is_cut_joins_again), UNIT_TEST(a_missing_piece_expires_with_its_packets))
