/* RFC 4301 6.2: the packet that would answer what an ICMP error quotes. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_return.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/unit/ip/pkt.h"

static const uint8_t host[4] = {10, 1, 0, 2}, far[4] = {10, 2, 0, 2}, router[4] = {10, 9, 9, 9};

static void header4(uint8_t *ip, uint32_t total, uint8_t proto, const uint8_t *src, const uint8_t *dst)
{
    memset(ip, 0, 20);
    ip[0] = 0x45;
    ip_put16(ip + 2, total);
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, src, 4);
    memcpy(ip + 16, dst, 4);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, 2);
}

/* An error of `type` from the router to `to`, about UDP from `from` to the far host; n octets of it are quoted. */
static struct rte_mbuf *error4(uint8_t type, const uint8_t *to, const uint8_t *from, uint32_t n)
{
    uint8_t b[128] = {0};
    header4(b, 28 + n, IP_PROTO_ICMP, router, to);
    b[20] = type;
    header4(b + 28, 60, IP_PROTO_UDP, from, far);
    b[48] = 0x13, b[49] = 0x88, b[50] = 0x1b, b[51] = 0x58; /* 5000 to 7000 */
    struct rte_mbuf *m = pkt_of(b, 28 + n);
    CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_IP);
    return m;
}

static void the_quoted_packet_is_turned_round(void)
{
    static const uint8_t types[] = {3, 4, 11, 12};
    struct ip_return r;
    for (unsigned i = 0; i < RTE_DIM(types); i++) {
        struct rte_mbuf *m = error4(types[i], host, host, 28);
        CU_ASSERT_TRUE_FATAL(ip_return_make(&r, m));
        CU_ASSERT_TRUE(memcmp(ip_src(&r.m, IP_V4), far, 4) == 0 && memcmp(ip_dst(&r.m, IP_V4), host, 4) == 0);
        CU_ASSERT_TRUE(r.meta.proto == IP_PROTO_UDP && r.meta.l3_len == 20 && r.m.data_len == 28 &&
                       !r.meta.frag);
        CU_ASSERT_TRUE(ip_get16(r.octets + 20) == 7000 && ip_get16(r.octets + 22) == 5000);
        CU_ASSERT_PTR_EQUAL(dp_meta(&r.m), &r.meta);
        rte_pktmbuf_free(m);
    }
}

static void what_is_no_error_or_goes_elsewhere_is_refused(void)
{
    static const struct {
        uint8_t type;
        const uint8_t *to, *from;
        uint32_t quoted;
    } rows[] = {{0, host, host, 28}, {5, host, host, 28},
                {8, host, host, 28}, {3, host, router, 28} /* not to who sent it */,
                {3, host, host, 19}, {3, host, host, 0}};
    struct ip_return r;
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct rte_mbuf *m = error4(rows[i].type, rows[i].to, rows[i].from, rows[i].quoted);
        CU_ASSERT_FALSE(ip_return_make(&r, m));
        rte_pktmbuf_free(m);
    }
}

static void every_cut_of_the_quote_is_within_bounds(void)
{
    struct ip_return r;
    for (uint32_t n = 0; n <= 60; n++) {
        struct rte_mbuf *m = error4(3, host, host, n);
        CU_ASSERT_EQUAL(ip_return_make(&r, m), n >= 20);
        if (n >= 20)
            CU_ASSERT_EQUAL(r.m.data_len, 20 + RTE_MIN(n - 20, 8u));
        rte_pktmbuf_free(m);
    }
}

PKT_MAIN("return", UNIT_TEST(the_quoted_packet_is_turned_round),
         UNIT_TEST(what_is_no_error_or_goes_elsewhere_is_refused),
         UNIT_TEST(every_cut_of_the_quote_is_within_bounds))
