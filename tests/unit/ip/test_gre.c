/* GRE: headers both ways, hostile ones, and which tunnel a packet belongs to. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_gre.h"
#include "tests/unit/ip/ifs.h"

#include <stdio.h>

enum { ROOM = 88 };

static struct cv_if conf(uint32_t id, bool v4)
{
    struct cv_if c = {.if_id = id, .kind = CV_IF_TUNNEL, .up = 1, .gre_ttl = 255, .vrf = 3, .tunnel_vrf = 2};
    c.tunnel_mode = v4 ? CV_TUNNEL_GRE : CV_TUNNEL_GRE6;
    snprintf(c.name, sizeof c.name, "Tunnel%u", id);
    CU_ASSERT_FATAL(ip_addr_parse(v4 ? "192.0.2.1" : "2001:db8::1", &c.tunnel_src));
    CU_ASSERT_FATAL(ip_addr_parse(v4 ? "192.0.2.2" : "2001:db8::2", &c.tunnel_dst));
    return c;
}

static const struct ip_if *set(const struct cv_if *c)
{
    CU_ASSERT_EQUAL_FATAL(ip_if_set(ifs, c, IP_NO_PORT, NULL, 0), CV_OK);
    return ip_if_get(ifs, c->if_id);
}

/* An inner packet of `len` octets, as a worker holds it. */
static struct rte_mbuf *inner(bool v4, unsigned len, uint8_t tos, uint8_t ttl, bool df)
{
    uint8_t p[1600] = {0};
    if (v4) {
        const uint8_t head[20] = {0x45,
                                  tos,
                                  (uint8_t)(len >> 8),
                                  (uint8_t)len,
                                  0,
                                  7,
                                  df ? 0x40 : 0,
                                  0,
                                  ttl,
                                  99,
                                  0,
                                  0,
                                  10,
                                  1,
                                  0,
                                  1,
                                  10,
                                  2,
                                  0,
                                  2};
        memcpy(p, head, sizeof head);
        uint16_t sum = (uint16_t)~ip_fold(ip_sum(p, 20, 0));
        memcpy(p + 10, &sum, 2);
    } else {
        p[0] = (uint8_t)(0x60 | tos >> 4);
        p[1] = (uint8_t)(tos << 4);
        p[4] = (uint8_t)((len - 40) >> 8);
        p[5] = (uint8_t)(len - 40);
        p[6] = 99;
        p[7] = ttl;
        p[8] = p[24] = 0xfd;
    }
    for (unsigned i = v4 ? 20 : 40; i < len; i++)
        p[i] = (uint8_t)(i * 13);
    struct rte_mbuf *m = pkt_of(p, len);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    return m;
}

static bool same(struct rte_mbuf *m, const uint8_t *want, unsigned n)
{
    return m->data_len == n && m->pkt_len == n && memcmp(rte_pktmbuf_mtod(m, const void *), want, n) == 0;
}

static uint8_t *octets(struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod(m, uint8_t *);
}

/* As it would be received. */
static enum cv_drop take(struct rte_mbuf *m, struct ip_gre *g)
{
    CU_ASSERT_NOT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_DROP);
    const struct dp_meta *meta = dp_meta(m);
    CU_ASSERT_EQUAL_FATAL(meta->proto, IP_PROTO_GRE);
    enum cv_drop r = ip_gre_read(octets(m) + meta->l3_len, m->data_len - (uint32_t)meta->l3_len, g);
    return r != CV_DROP_NONE ? r : ip_gre_pull(m, g);
}

static void RFC_2784_what_is_pushed_comes_off_again(void)
{
    start();
    for (unsigned k = 0; k < 8; k++) {
        struct cv_if c = conf(1, k & 1);
        c.gre_keyed = k >> 2 & 1;
        c.gre_key = 0xdeadbeef;
        const struct ip_if *t = set(&c);
        const bool v4 = k & 2;
        struct rte_mbuf *m = inner(v4, 100, 0, 60, false);
        uint8_t was[100];
        memcpy(was, octets(m), 100);
        CU_ASSERT(ip_gre_push(m, t, 0x1234, ROOM));
        const unsigned l3 = k & 1 ? 20 : 40, head = l3 + 4 + (c.gre_keyed ? 4 : 0);
        CU_ASSERT_EQUAL(m->data_len, 100 + head);
        CU_ASSERT_EQUAL(dp_meta(m)->vrf, 2);
        CU_ASSERT_EQUAL(dp_meta(m)->proto, IP_PROTO_GRE);
        CU_ASSERT_EQUAL(dp_meta(m)->l3_len, l3);
        const uint8_t *gre = octets(m) + l3;
        CU_ASSERT_EQUAL(gre[0] << 8 | gre[1], c.gre_keyed ? 0x2000 : 0);
        CU_ASSERT_EQUAL(gre[2] << 8 | gre[3], v4 ? 0x0800 : 0x86dd);
        if (c.gre_keyed) {
            CU_ASSERT_EQUAL(memcmp(gre + 4, "\xde\xad\xbe\xef", 4), 0);
        }
        if (k & 1) {
            CU_ASSERT_EQUAL(octets(m)[4] << 8 | octets(m)[5], 0x1234);
        }
        struct ip_gre g;
        CU_ASSERT_EQUAL(take(m, &g), CV_DROP_NONE);
        CU_ASSERT_EQUAL(g.keyed, c.gre_keyed);
        CU_ASSERT_EQUAL(g.key, c.gre_keyed ? 0xdeadbeef : 0);
        CU_ASSERT(same(m, was, 100));
        CU_ASSERT_EQUAL(dp_meta(m)->family, v4 ? IP_V4 : IP_V6);
        rte_pktmbuf_free(m);
    }
    stop();
}

static void TTL_is_configured_or_copied(void)
{
    start();
    for (unsigned k = 0; k < 4; k++) {
        struct cv_if c = conf(1, k & 1);
        c.gre_ttl = k & 2 ? 0 : 200;
        const struct ip_if *t = set(&c);
        struct rte_mbuf *m = inner(true, 60, 0, 33, false);
        CU_ASSERT(ip_gre_push(m, t, 1, ROOM));
        CU_ASSERT_EQUAL(octets(m)[k & 1 ? 8 : 7], k & 2 ? 33 : 200);
        rte_pktmbuf_free(m);
    }
    stop();
}

static void RFC_6040_4_1_TOS_is_copied_whole(void)
{
    start();
    for (unsigned k = 0; k < 4; k++) {
        struct cv_if c = conf(1, k & 1);
        const struct ip_if *t = set(&c);
        for (unsigned tos = 0; tos < 256; tos++) {
            struct rte_mbuf *m = inner(k & 2, 60, (uint8_t)tos, 9, false);
            CU_ASSERT(ip_gre_push(m, t, 1, ROOM));
            const uint8_t *p = octets(m);
            CU_ASSERT_EQUAL(k & 1 ? p[1] : (uint8_t)(p[0] << 4 | p[1] >> 4), tos);
            if (k & 1) {
                CU_ASSERT(ip_sum_good_20(p));
            }
            rte_pktmbuf_free(m);
        }
    }
    stop();
}

static void DF_by_path_MTU_discovery_or_df_bit(void)
{
    static const struct {
        uint8_t df, pmtud;
        bool v4, inner_df;
        unsigned len;
        bool want;
    } rows[] = {
        {CV_DF_COPY, 0, true, true, 100, false},    {CV_DF_COPY, 0, true, false, 100, false},
        {CV_DF_COPY, 1, true, true, 100, true},     {CV_DF_COPY, 1, true, false, 100, false},
        {CV_DF_SET, 0, true, false, 100, true},     {CV_DF_CLEAR, 1, true, true, 100, false},
        {CV_DF_COPY, 1, false, false, 1281, true},  {CV_DF_COPY, 1, false, false, 1280, false},
        {CV_DF_COPY, 0, false, false, 1281, false},
    };
    start();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cv_if c = conf(1, true);
        c.df = rows[i].df;
        c.gre_pmtud = rows[i].pmtud;
        const struct ip_if *t = set(&c);
        struct rte_mbuf *m = inner(rows[i].v4, rows[i].len, 0, 9, rows[i].inner_df);
        CU_ASSERT(ip_gre_push(m, t, 1, ROOM));
        CU_ASSERT_EQUAL(octets(m)[6], rows[i].want ? 0x40 : 0);
        rte_pktmbuf_free(m);
    }
    stop();
}

static void room_is_made_by_moving_the_packet(void)
{
    start();
    struct cv_if c = conf(1, false);
    c.gre_keyed = 1;
    const struct ip_if *t = set(&c);
    for (unsigned off = 0; off <= 140; off++) {
        struct rte_mbuf *m = inner(true, 500, 0, 9, false);
        uint8_t was[500];
        memcpy(was, octets(m), 500);
        memmove((uint8_t *)m->buf_addr + off, octets(m), 500);
        m->data_off = (uint16_t)off;
        CU_ASSERT(ip_gre_push(m, t, 1, ROOM));
        CU_ASSERT(m->data_off >= ROOM);
        struct ip_gre g;
        CU_ASSERT_EQUAL(take(m, &g), CV_DROP_NONE);
        CU_ASSERT(same(m, was, 500));
        rte_pktmbuf_free(m);
    }
    struct rte_mbuf *m = inner(true, 500, 0, 9, false);
    rte_pktmbuf_append(m, (uint16_t)(rte_pktmbuf_tailroom(m)));
    m->data_off = 0;
    m->data_len = m->buf_len;
    const uint16_t len = m->data_len;
    CU_ASSERT_FALSE(ip_gre_push(m, t, 1, ROOM));
    CU_ASSERT_EQUAL(m->data_len, len);
    CU_ASSERT_EQUAL(dp_meta(m)->proto, 99);
    rte_pktmbuf_free(m);
    stop();
}

/* An IPv4 packet of a GRE header that is given, and an inner packet of 40 octets behind it. */
static struct rte_mbuf *with_header(const uint8_t *gre, unsigned n, uint8_t outer_tos, uint8_t inner_tos)
{
    struct rte_mbuf *in = inner(true, 40, inner_tos, 9, false), *m;
    uint8_t p[128] = {0x45, outer_tos, 0, (uint8_t)(20 + n + 40), 0, 1, 0, 0, 64, 47, 0, 0, 192, 0, 2, 2, 192,
                      0,    2,         1};
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(p, 20, 0));
    memcpy(p + 10, &sum, 2);
    memcpy(p + 20, gre, n);
    memcpy(p + 20 + n, octets(in), 40);
    m = pkt_of(p, 20 + n + 40);
    rte_pktmbuf_free(in);
    return m;
}

/* Every first word: what RFC 2784 2.3 and RFC 2890 2 say of its bits decides. */
static void RFC_2784_2_3_flags_and_version(void)
{
    for (unsigned bits = 0; bits < 65536; bits++) {
        uint8_t gre[16] = {(uint8_t)(bits >> 8), (uint8_t)bits, 0x08, 0x00};
        const unsigned n = 4 + (bits & 0x8000 ? 4 : 0) + (bits & 0x2000 ? 4 : 0) + (bits & 0x1000 ? 4 : 0);
        const unsigned key_at = bits & 0x8000 ? 8 : 4;
        if (bits & 0x2000)
            memcpy(gre + key_at, "\1\2\3\4", 4);
        struct rte_mbuf *m = with_header(gre, n, 0, 0);
        if (bits & 0x8000) {
            uint16_t sum = (uint16_t)~ip_fold(ip_sum(octets(m) + 20, m->data_len - 20u, 0));
            memcpy(octets(m) + 24, &sum, 2);
        }
        struct ip_gre g;
        const bool bad = (bits & 0x4000) || (bits & 0x0800) || (bits & 0x0400) || (bits & 7);
        enum cv_drop got = take(m, &g);
        CU_ASSERT_EQUAL(got, bad ? CV_DROP_GRE_MALFORMED : CV_DROP_NONE);
        if (!bad) {
            CU_ASSERT_EQUAL(g.len, n);
            CU_ASSERT_EQUAL(g.keyed, !!(bits & 0x2000));
            CU_ASSERT_EQUAL(g.key, bits & 0x2000 ? 0x01020304 : 0);
            CU_ASSERT_EQUAL(m->data_len, 40);
        }
        rte_pktmbuf_free(m);
    }
}

static void RFC_2784_2_3_a_wrong_checksum_is_refused(void)
{
    uint8_t gre[8] = {0x80, 0, 0x08, 0};
    for (unsigned at = 20; at < 68; at++) {
        struct rte_mbuf *m = with_header(gre, 8, 0, 0);
        uint16_t sum = (uint16_t)~ip_fold(ip_sum(octets(m) + 20, 48, 0));
        memcpy(octets(m) + 24, &sum, 2);
        octets(m)[at] ^= 0x02;
        struct ip_gre g;
        CU_ASSERT_EQUAL(take(m, &g), CV_DROP_GRE_MALFORMED);
        rte_pktmbuf_free(m);
    }
}

static void truncated_headers_are_malformed(void)
{
    struct ip_gre g;
    for (unsigned bits = 0; bits < 8; bits++) {
        const unsigned need = 4 + 4 * ((bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1));
        for (unsigned len = 0; len < need; len++) {
            uint8_t *gre = malloc(len + 1); /* so that the sanitizer sees its end */
            const uint8_t head[4] = {
                (uint8_t)((bits & 1 ? 0x80 : 0) | (bits & 2 ? 0x20 : 0) | (bits & 4 ? 0x10 : 0)), 0, 8, 0};
            memcpy(gre, head, len < 4 ? len : 4);
            CU_ASSERT_EQUAL(ip_gre_read(gre, len, &g), CV_DROP_GRE_MALFORMED);
            free(gre);
        }
    }
}

static void only_IP_is_carried(void)
{
    unsigned good = 0;
    for (unsigned type = 0; type < 65536; type++) {
        const uint8_t gre[4] = {0, 0, (uint8_t)(type >> 8), (uint8_t)type};
        struct ip_gre g;
        good += ip_gre_read(gre, 4, &g) == CV_DROP_NONE;
    }
    CU_ASSERT_EQUAL(good, 2);
    struct ip_gre g;
    struct rte_mbuf *m = with_header((const uint8_t *)"\0\0\x86\xdd", 4, 0, 0); /* says IPv6, holds IPv4 */
    CU_ASSERT_EQUAL(take(m, &g), CV_DROP_MALFORMED_IP);
    rte_pktmbuf_free(m);
    for (unsigned cut = 1; cut <= 40; cut++) { /* and its inner packet must be whole */
        m = with_header((const uint8_t *)"\0\0\x08\0", 4, 0, 0);
        octets(m)[3] = (uint8_t)(64 - cut);
        memset(octets(m) + 10, 0, 2);
        uint16_t sum = (uint16_t)~ip_fold(ip_sum(octets(m), 20, 0));
        memcpy(octets(m) + 10, &sum, 2);
        CU_ASSERT_EQUAL(take(m, &g), CV_DROP_MALFORMED_IP);
        rte_pktmbuf_free(m);
    }
}

static void RFC_6040_4_2_egress_table(void)
{
    /* rows: inner Not-ECT, ECT(1), ECT(0), CE; columns the same of the outer; 4: dropped */
    static const uint8_t want[4][4] = {{0, 0, 0, 4}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
    for (unsigned in = 0; in < 4; in++)
        for (unsigned out = 0; out < 4; out++) {
            struct ip_gre g;
            struct rte_mbuf *m =
                with_header((const uint8_t *)"\0\0\x08\0", 4, (uint8_t)(0x28 | out), (uint8_t)(0xb8 | in));
            enum cv_drop got = take(m, &g);
            CU_ASSERT_EQUAL(got, want[in][out] == 4 ? CV_DROP_ECN : CV_DROP_NONE);
            if (got == CV_DROP_NONE) {
                CU_ASSERT_EQUAL(octets(m)[1], 0xb8 | want[in][out]); /* the DSCP is the inner one */
                CU_ASSERT(ip_sum_good_20(octets(m)));
            }
            rte_pktmbuf_free(m);
        }
}

static const struct ip_if *find(uint16_t vrf, const struct cv_if *c, bool keyed, uint32_t key)
{
    const struct ip_gre g = {.keyed = keyed, .key = key};
    return ip_gre_find(ifs, vrf, c->tunnel_src.family, c->tunnel_src.b, c->tunnel_dst.b, &g);
}

static void RFC_2890_2_1_a_tunnel_is_known_by_its_key(void)
{
    start();
    struct cv_if plain = conf(9, true), keyed = conf(5, true), zero = conf(7, true), six = conf(8, false);
    keyed.gre_keyed = zero.gre_keyed = 1;
    keyed.gre_key = 77;
    set(&plain);
    CU_ASSERT_PTR_NULL(find(2, &plain, true, 77));
    set(&keyed);
    CU_ASSERT_PTR_NULL(find(2, &plain, true, 0)); /* no key is not the key 0 */
    set(&zero);
    set(&six);
    CU_ASSERT_EQUAL(find(2, &plain, false, 0)->id, 9);
    CU_ASSERT_EQUAL(find(2, &plain, true, 77)->id, 5);
    CU_ASSERT_EQUAL(find(2, &plain, true, 0)->id, 7);
    CU_ASSERT_EQUAL(find(2, &six, false, 0)->id, 8);
    CU_ASSERT_PTR_NULL(find(2, &plain, true, 78));
    CU_ASSERT_PTR_NULL(find(3, &plain, false, 0)); /* the VRF of the outer packets counts */
    struct cv_if other = plain;
    other.tunnel_dst.b[3] ^= 1;
    CU_ASSERT_PTR_NULL(find(2, &other, false, 0));
    other = plain;
    other.tunnel_src = plain.tunnel_dst;
    other.tunnel_dst = plain.tunnel_src;
    CU_ASSERT_PTR_NULL(find(2, &other, false, 0));
    stop();
}

static void replacing_and_removing_leaves_the_others(void)
{
    start();
    struct cv_if a = conf(4, true), b = conf(6, true), c = conf(2, true);
    set(&b);
    set(&a);
    CU_ASSERT_EQUAL(find(2, &a, false, 0)->id, 4); /* of two that are the same: the lower id */
    set(&c);
    CU_ASSERT_EQUAL(find(2, &a, false, 0)->id, 2);
    set(&c);
    CU_ASSERT_EQUAL(ip_if_del(ifs, 2), CV_OK);
    a.gre_keyed = 1;
    set(&a);
    CU_ASSERT_EQUAL(find(2, &b, false, 0)->id, 6);
    CU_ASSERT_EQUAL(find(2, &b, true, 0)->id, 4);
    a.tunnel_mode = CV_TUNNEL_IPSEC4; /* no GRE tunnel any more */
    set(&a);
    CU_ASSERT_PTR_NULL(find(2, &b, true, 0));
    a.tunnel_mode = CV_TUNNEL_GRE;
    a.tunnel_dst.family = IP_NONE;
    CU_ASSERT_EQUAL(set(&a)->gre_head.len, 0);
    CU_ASSERT_EQUAL(ip_if_del(ifs, 6), CV_OK);
    CU_ASSERT_PTR_NULL(find(2, &b, false, 0));
    stop();
}

static void thousands_of_tunnels_are_found_in_short_chains(void)
{
    start();
    struct cv_if c = conf(1, true);
    for (uint32_t id = 1; id < CV_MAX_IFS; id++) {
        c.if_id = id;
        c.tunnel_dst.b[2] = (uint8_t)(id >> 8);
        c.tunnel_dst.b[3] = (uint8_t)id;
        c.gre_keyed = id & 1;
        c.gre_key = id * 3;
        set(&c);
    }
    unsigned longest = 0;
    for (unsigned i = 0; i < IP_GRE_CHAINS; i++) {
        unsigned n = 0;
        for (const struct ip_if *t = ifs->gre[i]; t; t = t->gre_next)
            n++;
        longest = n > longest ? n : longest;
    }
    CU_ASSERT(longest <= 12);
    for (uint32_t id = 1; id < CV_MAX_IFS; id++) {
        c.tunnel_dst.b[2] = (uint8_t)(id >> 8);
        c.tunnel_dst.b[3] = (uint8_t)id;
        const struct ip_if *t = find(2, &c, id & 1, id & 1 ? id * 3 : 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        CU_ASSERT_EQUAL(t->id, id);
    }
    stop();
}

static void configurations_that_make_no_sense_are_refused(void)
{
    start();
    struct cv_if c = conf(1, true);
    c.tunnel_dst.family = IP_V6;
    CU_ASSERT_EQUAL(ip_if_set(ifs, &c, IP_NO_PORT, NULL, 0), CV_EINVAL);
    c = conf(1, false);
    c.tunnel_mode = CV_TUNNEL_GRE;
    CU_ASSERT_EQUAL(ip_if_set(ifs, &c, IP_NO_PORT, NULL, 0), CV_EINVAL);
    c = conf(1, true);
    c.gre_keyed = 2;
    CU_ASSERT_EQUAL(ip_if_set(ifs, &c, IP_NO_PORT, NULL, 0), CV_EINVAL);
    c = conf(1, true);
    c.is_protected = 2;
    CU_ASSERT_EQUAL(ip_if_set(ifs, &c, IP_NO_PORT, NULL, 0), CV_EINVAL);
    c = conf(1, true);
    c.tunnel_mode = CV_TUNNEL_GRE6 + 1;
    CU_ASSERT_EQUAL(ip_if_set(ifs, &c, IP_NO_PORT, NULL, 0), CV_EINVAL);
    stop();
}

static struct rte_mbuf *keepalive(bool v4, uint16_t flags, uint16_t type)
{
    uint8_t p[48] = {0};
    const unsigned header = v4 ? 20 : 40;
    const struct cv_if c = conf(1, v4);
    const unsigned n = v4 ? 4 : 16;
    p[0] = v4 ? 0x45 : 0x60;
    p[v4 ? 3 : 5] = v4 ? 24 : 4;
    p[v4 ? 8 : 7] = 255;
    p[v4 ? 9 : 6] = IP_PROTO_GRE;
    memcpy(p + (v4 ? 12 : 8), c.tunnel_src.b, n); /* as we would send it */
    memcpy(p + (v4 ? 12 : 8) + n, c.tunnel_dst.b, n);
    p[header] = (uint8_t)(flags >> 8);
    p[header + 1] = (uint8_t)flags;
    p[header + 3] = (uint8_t)type;
    if (v4) {
        uint16_t sum = (uint16_t)~ip_fold(ip_sum(p, 20, 0));
        memcpy(p + 10, &sum, 2);
    }
    return pkt_of(p, header + 4);
}

/* What IOS sends to have it back; anything else with our address as source is a martian. */
static void a_keepalive_is_a_GRE_packet_of_protocol_0_from_us_to_the_far_end(void)
{
    start();
    for (unsigned v4 = 0; v4 < 2; v4++) {
        const struct cv_if c = conf(1 + v4, v4);
        const struct ip_if *t = set(&c);
        const unsigned src = v4 ? 15 : 23, dst = v4 ? 19 : 39;
        struct rte_mbuf *m = keepalive(v4, 0, 0);
        CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
        CU_ASSERT_TRUE(ip_gre_is_keepalive(m, t));
        octets(m)[src] ^= 1;
        CU_ASSERT_FALSE(ip_gre_is_keepalive(m, t));
        octets(m)[src] ^= 1;
        octets(m)[dst] ^= 1;
        CU_ASSERT_FALSE(ip_gre_is_keepalive(m, t));
        octets(m)[dst] ^= 1;
        dp_meta(m)->frag = 1;
        CU_ASSERT_FALSE(ip_gre_is_keepalive(m, t));
        dp_meta(m)->frag = 0;
        m->data_len--;
        CU_ASSERT_FALSE(ip_gre_is_keepalive(m, t));
        rte_pktmbuf_free(m);
        static const uint16_t others[][2] = {{0x4000, 0}, {1, 0}, {0, 8}};
        for (unsigned i = 0; i < 3; i++) {
            m = keepalive(v4, others[i][0], others[i][1]);
            CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
            CU_ASSERT_FALSE(ip_gre_is_keepalive(m, t));
            rte_pktmbuf_free(m);
        }
    }
    stop();
}

PKT_MAIN("ip_gre", UNIT_TEST(RFC_2784_what_is_pushed_comes_off_again), UNIT_TEST(TTL_is_configured_or_copied),
         UNIT_TEST(RFC_6040_4_1_TOS_is_copied_whole), UNIT_TEST(DF_by_path_MTU_discovery_or_df_bit),
         UNIT_TEST(room_is_made_by_moving_the_packet), UNIT_TEST(RFC_2784_2_3_flags_and_version),
         UNIT_TEST(RFC_2784_2_3_a_wrong_checksum_is_refused), UNIT_TEST(truncated_headers_are_malformed),
         UNIT_TEST(only_IP_is_carried), UNIT_TEST(RFC_6040_4_2_egress_table),
         UNIT_TEST(RFC_2890_2_1_a_tunnel_is_known_by_its_key),
         UNIT_TEST(replacing_and_removing_leaves_the_others),
         UNIT_TEST(thousands_of_tunnels_are_found_in_short_chains),
         UNIT_TEST(a_keepalive_is_a_GRE_packet_of_protocol_0_from_us_to_the_far_end),
         UNIT_TEST(configurations_that_make_no_sense_are_refused))
