/* Transport mode: where ESP stands, what of the header changes, what is refused, and the checksums behind a NAT. */
#include "dataplane/esp/esp_tunnel.h"
#include "tests/unit/esp/esp_fix.h"

enum { PAYLOAD = 83, UDP = 17, TCP = 6, GRE = 47 };

static uint8_t *octets(struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod(m, uint8_t *);
}

static struct cv_sa transport_sa(unsigned transform, int family, uint32_t flags)
{
    struct cv_sa sa = fix_sa(transform, family, flags);
    sa.mode = CV_MODE_TRANSPORT;
    return sa;
}

static void seal_v4(uint8_t *p, unsigned header)
{
    memset(p + 10, 0, 2);
    uint16_t c = fix_sum(p, header);
    p[10] = (uint8_t)(c >> 8);
    p[11] = (uint8_t)c;
}

/* Between the ends of fix_sa; n octets behind the fixed header. */
static struct rte_mbuf *packet(struct fix *f, int family, uint8_t proto, const void *data, unsigned n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
    if (!m)
        abort();
    const struct esp_conf *conf = esp_out_sa_conf(f->out);
    const unsigned header = family == IP_V4 ? 20 : 40;
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(header + n));
    memset(p, 0, header);
    memcpy(p + header, data, n);
    if (family == IP_V4) {
        p[0] = 0x45;
        p[1] = 0xb9; /* EF, ECT(1) */
        p[2] = (uint8_t)((20 + n) >> 8);
        p[3] = (uint8_t)(20 + n);
        p[4] = 0x12;
        p[6] = 0x40; /* DF */
        p[8] = 255;
        p[9] = proto;
        memcpy(p + 12, conf->local.addr.b, 4);
        memcpy(p + 16, conf->remote.addr.b, 4);
        seal_v4(p, 20);
    } else {
        p[0] = 0x6b;
        p[1] = 0x91;
        p[3] = 0x77; /* flow label */
        p[4] = (uint8_t)(n >> 8);
        p[5] = (uint8_t)n;
        p[6] = proto;
        p[7] = 255;
        memcpy(p + 8, conf->local.addr.b, 16);
        memcpy(p + 24, conf->remote.addr.b, 16);
    }
    return m;
}

static struct rte_mbuf *plain(struct fix *f, int family, unsigned n)
{
    uint8_t data[1500];
    for (unsigned i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    return packet(f, family, GRE, data, n);
}

static enum cv_drop in_at(struct fix *f, struct rte_mbuf *m, unsigned l3_len, bool udp)
{
    struct rte_mbuf *pkts[1] = {m};
    struct esp_in_sa *sas[1] = {f->in};
    fix_classify(m);
    dp_meta(m)->l3_len = (uint16_t)l3_len;
    dp_meta(m)->udp_encap = udp;
    return esp_in_burst(&f->w, pkts, sas, 1) ? CV_DROP_NONE : (enum cv_drop)dp_meta(m)->drop;
}

static bool same(struct rte_mbuf *a, struct rte_mbuf *b)
{
    return a->data_len == b->data_len && a->pkt_len == b->pkt_len &&
           memcmp(octets(a), octets(b), a->data_len) == 0;
}

static void every_transform_brings_back_the_same_packet(void)
{
    static const uint32_t flags[] = {0, CV_SA_NATT, CV_SA_ESN, CV_SA_NATT | CV_SA_ESN};
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned k = 0; k < 8; k++) {
            const int family = k & 4 ? IP_V6 : IP_V4;
            struct cv_sa sa = transport_sa(t, family, flags[k & 3]);
            struct fix f;
            fix_open(&f, &sa);
            for (unsigned n = 0; n < 40; n++) {
                struct rte_mbuf *m = plain(&f, family, n), *was = fix_copy(&f, m);
                CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
                CU_ASSERT(!same(m, was));
                CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
                CU_ASSERT(same(m, was));
                CU_ASSERT_EQUAL(dp_meta(m)->if_in, FIX_IF);
                CU_ASSERT_EQUAL(dp_meta(m)->proto, GRE);
                CU_ASSERT_EQUAL(dp_meta(m)->udp_encap, 0);
                rte_pktmbuf_free(m);
                rte_pktmbuf_free(was);
            }
            CU_ASSERT_EQUAL(f.in_counters.packets, 40);
            CU_ASSERT_EQUAL(f.in_counters.bytes, f.out_counters[0].bytes);
            fix_close(&f);
        }
}

static void bursts_keep_order_and_each_SA_its_mode(void)
{
    struct cv_sa t = transport_sa(FIX_GCM, IP_V4, 0), u = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f, g;
    struct rte_mbuf *pkts[100];
    struct esp_out_sa *outs[100];
    struct esp_in_sa *ins[100];
    fix_open(&f, &t);
    fix_open(&g, &u);
    for (unsigned i = 0; i < 100; i++) {
        const bool transport = i % 3 != 1;
        pkts[i] = plain(&f, IP_V4, 8 + i);
        outs[i] = transport ? f.out : g.out;
        ins[i] = transport ? f.in : g.in;
    }
    CU_ASSERT_EQUAL(esp_out_burst(&f.w, pkts, outs, 100), 100);
    for (unsigned i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(octets(pkts[i])[9], 50);
        CU_ASSERT_EQUAL(dp_meta(pkts[i])->local_out, DP_LOCAL_ESP);
        fix_classify(pkts[i]);
    }
    CU_ASSERT_EQUAL(esp_in_burst(&f.w, pkts, ins, 100), 100);
    for (unsigned i = 0; i < 100; i++) {
        struct rte_mbuf *want = plain(&f, IP_V4, 8 + i);
        CU_ASSERT(same(pkts[i], want));
        rte_pktmbuf_free(want);
        rte_pktmbuf_free(pkts[i]);
    }
    fix_close(&f);
    fix_close(&g);
}

/* NULL encryption shows where everything stands. */
static void RFC_4303_3_1_1_ESP_follows_the_IPv4_header(void)
{
    for (unsigned natt = 0; natt < 2; natt++) {
        struct cv_sa sa = transport_sa(FIX_NULL_SHA1, IP_V4, natt ? CV_SA_NATT : 0);
        struct fix f;
        fix_open(&f, &sa);
        struct rte_mbuf *m = plain(&f, IP_V4, PAYLOAD), *was = fix_copy(&f, m);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        const uint8_t *p = octets(m), *o = octets(was), *esp = p + 20 + natt * 8;
        const int total = (int)(20 + natt * 8 + 8 + PAYLOAD + 3 + 2 + 12); /* 3 of padding */
        CU_ASSERT_EQUAL(m->data_len, total);
        CU_ASSERT_EQUAL(p[2] << 8 | p[3], total);
        CU_ASSERT_EQUAL(p[9], natt ? UDP : 50);
        CU_ASSERT_EQUAL(memcmp(p, o, 2), 0);         /* version, TOS with its ECN */
        CU_ASSERT_EQUAL(memcmp(p + 4, o + 4, 5), 0); /* identification, DF, TTL */
        CU_ASSERT_EQUAL(memcmp(p + 12, o + 12, 8), 0);
        CU_ASSERT_EQUAL(fix_sum(p, 20), 0);
        if (natt) {
            static const uint8_t ports[4] = {4500 >> 8, (uint8_t)4500, 4500 >> 8, (uint8_t)4500};
            CU_ASSERT_EQUAL(memcmp(p + 20, ports, 4), 0);
            CU_ASSERT_EQUAL(p[24] << 8 | p[25], total - 20);
            CU_ASSERT_EQUAL(p[26] | p[27], 0); /* RFC 3948 2.1 */
        }
        CU_ASSERT_EQUAL(esp[0] << 24 | esp[1] << 16 | esp[2] << 8 | esp[3], FIX_SPI);
        CU_ASSERT_EQUAL(esp[7], 1);
        CU_ASSERT_EQUAL(memcmp(esp + 8, o + 20, PAYLOAD), 0);
        CU_ASSERT_EQUAL(memcmp(esp + 8 + PAYLOAD, "\1\2\3\3\57", 5), 0); /* padding, its length, 47 */
        CU_ASSERT_EQUAL(dp_meta(m)->l3_len, 20);
        CU_ASSERT_EQUAL(dp_meta(m)->proto, natt ? UDP : 50);
        CU_ASSERT_EQUAL(dp_meta(m)->vrf, 5);
        rte_pktmbuf_free(m);
        rte_pktmbuf_free(was);
        fix_close(&f);
    }
}

/* GRE has copied the inner packet's ECN to the header that stays outside. */
static void RFC_6040_4_1_ECN_stays_inside_where_the_SA_says_so(void)
{
    for (unsigned k = 0; k < 16; k++) {
        const int family = k & 1 ? IP_V6 : IP_V4;
        struct cv_sa sa = transport_sa(FIX_NULL_SHA1, family,
                                       (k & 2 ? CV_SA_ECN_DROP : 0) | ((k & 12) == 4 ? CV_SA_NATT : 0));
        sa.proto = k & 8 ? CV_PROTO_AH : sa.proto;
        struct fix f;
        fix_open(&f, &sa);
        for (unsigned tos = 0; tos < 256; tos++) {
            struct rte_mbuf *m = plain(&f, family, PAYLOAD);
            uint8_t *p = octets(m);
            if (family == IP_V4) {
                p[1] = (uint8_t)tos;
                seal_v4(p, 20);
            } else {
                p[0] = (uint8_t)(0x60 | tos >> 4);
                p[1] = (uint8_t)(tos << 4 | 5); /* and of the flow label */
            }
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            p = octets(m);
            CU_ASSERT_EQUAL(family == IP_V4 ? esp_tos_v4(p) : esp_tos_v6(p), k & 2 ? tos & 0xfc : tos);
            CU_ASSERT_TRUE(family == IP_V4 ? fix_sum(p, 20) == 0 : (p[1] & 15) == 5);
            fix_classify(m);
            struct esp_in_sa *in = f.in;
            CU_ASSERT_EQUAL((k & 8 ? esp_ah_in_burst : esp_in_burst)(&f.w, &m, &in, 1), 1);
            rte_pktmbuf_free(m);
        }
        fix_close(&f);
    }
}

static void IPv4_options_stay_outside(void)
{
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned words = 6; words <= 15; words++) {
        struct rte_mbuf *m = plain(&f, IP_V4, 100);
        octets(m)[0] = (uint8_t)(0x40 | words);
        memset(octets(m) + 20, 1, words * 4 - 20); /* no-operations */
        seal_v4(octets(m), words * 4);
        struct rte_mbuf *was = fix_copy(&f, m);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        CU_ASSERT_EQUAL(octets(m)[0], 0x40 | words);
        CU_ASSERT_EQUAL(fix_sum(octets(m), words * 4), 0);
        CU_ASSERT_EQUAL(octets(m)[20], 1);
        CU_ASSERT_EQUAL(octets(m)[words * 4], FIX_SPI >> 24);
        CU_ASSERT_EQUAL(in_at(&f, m, words * 4, false), CV_DROP_NONE);
        CU_ASSERT(same(m, was));
        rte_pktmbuf_free(m);
        rte_pktmbuf_free(was);
    }
    fix_close(&f);
}

static void RFC_4303_3_1_1_IPv6_headers_for_routers_stay_outside(void)
{
    /* next header, length, six octets */
    static const struct {
        uint8_t first;
        uint8_t ext[40];
        unsigned len, outside, field; /* octets; where the field that names ESP is */
        enum cv_drop want;
    } rows[] = {
        {GRE, {0}, 0, 0, 6, CV_DROP_NONE},
        {0, {GRE, 0, 1, 4}, 8, 8, 40, CV_DROP_NONE},                             /* hop-by-hop */
        {60, {GRE, 0, 1, 4}, 8, 0, 6, CV_DROP_NONE},                             /* options for the host */
        {60, {43, 0, 1, 4, 0, 0, 0, 0, GRE, 0, 0, 0}, 16, 16, 48, CV_DROP_NONE}, /* ... for the routers */
        {0, {43, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, GRE, 0, 1, 4}, 24, 16, 48, CV_DROP_NONE},
        {44, {GRE, 0, 0, 0, 9, 9, 9, 9}, 8, 8, 40, CV_DROP_NONE}, /* atomic (RFC 6946) */
        {44, {GRE, 0, 0, 1, 9, 9, 9, 9}, 8, 0, 0, CV_DROP_FRAGMENT},
        {44, {GRE, 0, 0, 8, 9, 9, 9, 9}, 8, 0, 0, CV_DROP_FRAGMENT},
        {0, {GRE, 200, 1, 4}, 8, 0, 0, CV_DROP_MALFORMED_IP}, /* over the end */
        {60,
         {60, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 60},
         32,
         0,
         0,
         CV_DROP_MALFORMED_IP},
    };
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V6, 0);
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t data[120] = {0};
        memcpy(data, rows[i].ext, rows[i].len);
        struct rte_mbuf *m = packet(&f, IP_V6, rows[i].first, data, rows[i].len + 60), *was = fix_copy(&f, m);
        enum cv_drop got = fix_out(&f, m);
        CU_ASSERT_EQUAL(got, rows[i].want);
        if (got == CV_DROP_NONE) {
            const uint8_t *p = octets(m);
            CU_ASSERT_EQUAL(p[rows[i].field], 50);
            CU_ASSERT_EQUAL(p[4] << 8 | p[5], m->data_len - 40);
            CU_ASSERT_EQUAL(p[40 + rows[i].outside + 1], (FIX_SPI >> 16) & 255);
            CU_ASSERT_EQUAL(memcmp(p, octets(was), 4), 0);
            CU_ASSERT_EQUAL(dp_meta(m)->l3_len, 40 + rows[i].outside);
            CU_ASSERT_EQUAL(in_at(&f, m, 40 + rows[i].outside, false), CV_DROP_NONE);
            CU_ASSERT(same(m, was));
        }
        rte_pktmbuf_free(m);
        rte_pktmbuf_free(was);
    }
    fix_close(&f);
}

static void RFC_4303_3_3_4_fragments_are_refused(void)
{
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned bit = 0; bit < 14; bit++) {
        struct rte_mbuf *m = plain(&f, IP_V4, 64);
        octets(m)[6] = (uint8_t)((1u << bit) >> 8);
        octets(m)[7] = (uint8_t)(1u << bit);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_FRAGMENT);
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(f.out_counters[0].packets, 0);
    fix_close(&f);
}

static void packets_of_other_ends_never_leave(void)
{
    for (int family = IP_V4; family <= IP_V6; family += 2) {
        struct cv_sa sa = transport_sa(FIX_GCM, family, 0);
        struct fix f;
        fix_open(&f, &sa);
        const unsigned from = family == IP_V4 ? 12 : 8, n = family == IP_V4 ? 8 : 32;
        for (unsigned at = from; at < from + n; at++) {
            struct rte_mbuf *m = plain(&f, family, 64);
            octets(m)[at] ^= 1;
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_TS_OUT);
            rte_pktmbuf_free(m);
        }
        struct rte_mbuf *m = fix_inner(&f, family == IP_V4 ? IP_V6 : IP_V4, 80, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_MALFORMED_IP);
        rte_pktmbuf_free(m);
        m = plain(&f, family, 0);
        rte_pktmbuf_trim(m, 1);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_MALFORMED_IP);
        rte_pktmbuf_free(m);
        fix_close(&f);
    }
}

static uint16_t l4_sum(struct rte_mbuf *m, int family, uint8_t proto)
{
    uint8_t pseudo[200] = {0};
    const unsigned header = family == IP_V4 ? 20 : 40, addrs = family == IP_V4 ? 8 : 32;
    const unsigned len = m->data_len - header;
    memcpy(pseudo, octets(m) + header - addrs, addrs);
    pseudo[addrs + 2] = (uint8_t)(len >> 8);
    pseudo[addrs + 3] = (uint8_t)len;
    pseudo[addrs + 5] = proto;
    memcpy(pseudo + addrs + 6, octets(m) + header, len);
    return fix_sum(pseudo, addrs + 6 + (len + 1) / 2 * 2);
}

/* A NAT between the two changes the source; what arrives is right for the new one. */
static void RFC_3948_3_1_2_checksums_are_computed_anew_behind_a_NAT(void)
{
    static const struct {
        uint8_t proto, at;
        bool zero;
    } rows[] = {{TCP, 16, false}, {UDP, 6, false}, {UDP, 6, true}, {58, 2, false}, {GRE, 0, false}};
    for (unsigned i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const int family = i & 1 ? IP_V6 : IP_V4;
        const uint8_t proto = rows[i / 2].proto, at = rows[i / 2].at;
        const unsigned header = family == IP_V4 ? 20 : 40, src = family == IP_V4 ? 12 : 8;
        struct cv_sa sa = transport_sa(FIX_GCM, family, CV_SA_NATT), in = fix_reverse(&sa);
        struct fix f;
        in.remote.addr.b[3] ^= 0x3c; /* the peer, as IKE sees it through the NAT */
        fix_open2(&f, &sa, &in);
        uint8_t data[41] = {0x11, 0x22, 0x33, 0x44, 0, 41, 0, 0, 9, 8, 7};
        if (proto == TCP)
            data[12] = 0x50;
        if (!rows[i / 2].zero && at)
            data[at] = 0x5a; /* anything: the sender's checksum is for addresses that nobody here knows */
        struct rte_mbuf *m = packet(&f, family, proto, data, sizeof data);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        octets(m)[src + 3] ^= 0x3c;
        CU_ASSERT_EQUAL(in_at(&f, m, header, true), CV_DROP_NONE);
        if (family == IP_V4) {
            CU_ASSERT_EQUAL(fix_sum(octets(m), 20), 0);
        }
        const bool checked = at && !(family == IP_V4 && (rows[i / 2].zero || proto == 58));
        if (checked) {
            CU_ASSERT_EQUAL(l4_sum(m, family, proto), 0);
        } else { /* nothing touched */
            CU_ASSERT_EQUAL(memcmp(octets(m) + header, data, sizeof data), 0);
        }
        rte_pktmbuf_free(m);
        fix_close(&f);
    }
}

static void without_UDP_no_checksum_is_touched(void)
{
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    fix_open(&f, &sa);
    uint8_t data[28] = {0x11, 0x22, 0x33, 0x44, 0, 28, 0xab, 0xcd};
    struct rte_mbuf *m = packet(&f, IP_V4, UDP, data, sizeof data), *was = fix_copy(&f, m);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(in_at(&f, m, 20, false), CV_DROP_NONE);
    CU_ASSERT(same(m, was));
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(was);
    fix_close(&f);
}

/* Hostile but authentic: lengths of the upper layer that are not the packet's. */
static void short_upper_layers_get_no_checksum(void)
{
    static const uint8_t protos[] = {TCP, UDP, 58};
    for (unsigned n = 0; n < 24; n++)
        for (unsigned k = 0; k < 3; k++) {
            struct cv_sa sa = transport_sa(FIX_GCM, IP_V6, CV_SA_NATT);
            struct fix f;
            fix_open(&f, &sa);
            uint8_t data[24];
            memset(data, 0xff, sizeof data); /* UDP length 65535 */
            struct rte_mbuf *m = packet(&f, IP_V6, protos[k], data, n), *was = fix_copy(&f, m);
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            CU_ASSERT_EQUAL(in_at(&f, m, 40, true), CV_DROP_NONE);
            if (n < (protos[k] == TCP ? 20u : 8u) || protos[k] == UDP) {
                CU_ASSERT(same(m, was));
            }
            rte_pktmbuf_free(m);
            rte_pktmbuf_free(was);
            fix_close(&f);
        }
}

static struct ts host(const struct ip_addr *a, uint8_t proto)
{
    struct ts t = ts_any(a->family);
    memcpy(t.lo, a->b, ip_addr_len(a));
    memcpy(t.hi, a->b, ip_addr_len(a));
    t.proto = proto;
    return t;
}

static void RFC_4301_5_2_selectors_are_held_against_the_whole_packet(void)
{
    for (int family = IP_V4; family <= IP_V6; family += 2) {
        struct cv_sa sa = transport_sa(FIX_GCM, family, 0);
        struct fix f;
        sa.ts_count = 1;
        sa.ts_local[0] = host(&sa.local.addr, GRE);
        sa.ts_remote[0] = host(&sa.remote.addr, GRE);
        fix_open(&f, &sa);
        const unsigned src = family == IP_V4 ? 12 : 8;
        struct rte_mbuf *m = plain(&f, family, 30);
        CU_ASSERT_EQUAL(esp_out_match(f.out, m), 1);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
        rte_pktmbuf_free(m);
        uint8_t data[30] = {0};
        m = packet(&f, family, UDP, data, sizeof data);
        CU_ASSERT_EQUAL(esp_out_match(f.out, m), 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_TS_IN);
        rte_pktmbuf_free(m);
        m = plain(&f, family, 30); /* the source is the inner one, too */
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        octets(m)[src] ^= 1;
        CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_TS_IN);
        rte_pktmbuf_free(m);
        CU_ASSERT_EQUAL(f.in_counters.ts_failed, 2);
        fix_close(&f);
    }
}

/* ESP does not authenticate the header in front of it: with wide selectors, too, an SA speaks for its peer alone. */
static void RFC_4301_5_2_a_source_that_was_written_on_the_way_is_dropped(void)
{
    static const uint32_t flags[] = {0, CV_SA_NATT};
    for (unsigned k = 0; k < 4; k++) {
        const int family = k & 1 ? IP_V6 : IP_V4;
        struct cv_sa sa = transport_sa(FIX_GCM, family, flags[k >> 1]);
        struct fix f;
        sa.ts_count = 1;
        sa.ts_local[0] = sa.ts_remote[0] = ts_any(sa.local.addr.family);
        fix_open(&f, &sa);
        struct rte_mbuf *m = plain(&f, family, 30);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        octets(m)[family == IP_V4 ? 15 : 23] ^= 1; /* the last octet of the source */
        CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_TS_IN);
        CU_ASSERT_EQUAL(f.in_counters.ts_failed, 1);
        rte_pktmbuf_free(m);
        m = plain(&f, family, 30);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
        rte_pktmbuf_free(m);
        fix_close(&f);
    }
}

static void dummies_and_bad_padding_are_dropped(void)
{
    struct cv_sa sa = transport_sa(FIX_NULL_SHA1, IP_V4, 0);
    struct fix f;
    fix_open(&f, &sa);
    uint8_t data[16] = {0};
    struct rte_mbuf *m = packet(&f, IP_V4, 59, data, sizeof data);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_DUMMY); /* RFC 4303 2.6 */
    rte_pktmbuf_free(m);
    /* the same number and payload with another trailer, authenticated again */
    struct eng_session *s;
    struct eng_session_info info;
    const struct eng_ops *e = fix_engine();
    CU_ASSERT_EQUAL_FATAL(e->session_new(&sa, -1, &s, &info), CV_OK);
    for (unsigned pad = 0; pad < 256; pad++) {
        m = plain(&f, IP_V4, 18);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        octets(m)[20 + 8 + 18] = (uint8_t)pad;
        struct eng_op op = {.esp = octets(m) + 20, .data_len = 20};
        info.burst(f.w.engine, s, &op, 1);
        CU_ASSERT_EQUAL(fix_in(&f, m), pad == 0 ? CV_DROP_NONE : CV_DROP_ESP_PAD);
        rte_pktmbuf_free(m);
    }
    e->session_free(s);
    fix_close(&f);
}

static void a_header_chain_that_does_not_end_at_ESP_is_refused(void)
{
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V6, 0);
    struct fix f;
    fix_open(&f, &sa);
    static const uint8_t ext[60] = {GRE, 0, 1, 4};
    struct rte_mbuf *m = packet(&f, IP_V6, 0, ext, sizeof ext);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    octets(m)[41] = 7; /* outside of what ESP vouches for: says that it is longer than l3_len */
    CU_ASSERT_EQUAL(in_at(&f, m, 48, false), CV_DROP_ESP_INNER);
    rte_pktmbuf_free(m);
    fix_close(&f);
}

static void inner_MTU_is_exact(void)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned k = 0; k < 4; k++) {
            const int family = k & 1 ? IP_V6 : IP_V4;
            const unsigned header = k & 1 ? 40 : 20;
            struct cv_sa sa = transport_sa(t, family, k & 2 ? CV_SA_NATT : 0);
            struct fix f;
            fix_open(&f, &sa);
            for (uint16_t mtu = 1280; mtu < 1280 + 32; mtu++) {
                const uint16_t inner = esp_out_inner_mtu(f.out, mtu);
                struct rte_mbuf *fits = plain(&f, family, inner - header),
                                *over = plain(&f, family, inner - header + 1u);
                CU_ASSERT_EQUAL(fix_out(&f, fits), CV_DROP_NONE);
                CU_ASSERT(fits->data_len <= mtu);
                CU_ASSERT(fits->data_len <= inner + esp_out_overhead(f.out));
                CU_ASSERT_EQUAL(fix_out(&f, over), CV_DROP_NONE);
                CU_ASSERT(over->data_len > mtu);
                rte_pktmbuf_free(fits);
                rte_pktmbuf_free(over);
            }
            fix_close(&f);
        }
}

static void RFC_8200_8_1_UDP_over_IPv6_has_a_right_checksum(void)
{
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V6, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned n = 0; n < 60; n++) {
        struct rte_mbuf *m = plain(&f, IP_V6, n);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        CU_ASSERT_EQUAL(octets(m)[6], UDP);
        CU_ASSERT_EQUAL(l4_sum(m, IP_V6, UDP), 0);
        CU_ASSERT(octets(m)[46] || octets(m)[47]);
        rte_pktmbuf_free(m);
    }
    fix_close(&f);
}

/* The address stands in every packet's own header: a NAT that changes it has made another peer. */
static void only_the_port_of_the_peer_may_change(void)
{
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    struct ip_endpoint to = sa.remote, from = sa.local;
    to.port = 61000;
    from.port = 61000;
    CU_ASSERT_EQUAL(esp_out_sa_set_peer(f.out, &to), CV_OK);
    struct rte_mbuf *m = plain(&f, IP_V4, 20), *other;
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(octets(m)[22] << 8 | octets(m)[23], 61000);
    octets(m)[20] = 61000 >> 8;
    octets(m)[21] = (uint8_t)61000;
    other = plain(&f, IP_V4, 20);
    CU_ASSERT_EQUAL(fix_out(&f, other), CV_DROP_NONE);
    octets(other)[15] ^= 9;
    CU_ASSERT_EQUAL(fix_in(&f, other), CV_DROP_TS_IN); /* though these selectors would take it */
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 0);
    CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 1);
    to.addr.b[3] ^= 1;
    from.addr.b[3] ^= 1;
    CU_ASSERT_EQUAL(esp_out_sa_set_peer(f.out, &to), CV_EUNSUP);
    CU_ASSERT_EQUAL(esp_in_sa_set_peer(f.in, &from), CV_EUNSUP);
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(other);
    fix_close(&f);
}

static void without_room_in_the_mbuf_nothing_is_sent(void)
{
    struct cv_sa sa = transport_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = plain(&f, IP_V4, 200);
    memmove((uint8_t *)m->buf_addr + ESP_HEADROOM - 1, octets(m), m->data_len);
    m->data_off = ESP_HEADROOM - 1;
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NO_ROOM);
    CU_ASSERT_EQUAL(m->data_len, 220);
    rte_pktmbuf_free(m);
    m = plain(&f, IP_V4, 200);
    rte_pktmbuf_append(m, (uint16_t)(rte_pktmbuf_tailroom(m) - ESP_TAILROOM + 1));
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NO_ROOM);
    rte_pktmbuf_free(m);
    fix_close(&f);
}

UNIT_MAIN_EAL("esp_transport", UNIT_TEST(every_transform_brings_back_the_same_packet),
              UNIT_TEST(bursts_keep_order_and_each_SA_its_mode),
              UNIT_TEST(RFC_4303_3_1_1_ESP_follows_the_IPv4_header), UNIT_TEST(IPv4_options_stay_outside),
              UNIT_TEST(RFC_6040_4_1_ECN_stays_inside_where_the_SA_says_so),
              UNIT_TEST(RFC_4303_3_1_1_IPv6_headers_for_routers_stay_outside),
              UNIT_TEST(RFC_4303_3_3_4_fragments_are_refused), UNIT_TEST(packets_of_other_ends_never_leave),
              UNIT_TEST(RFC_3948_3_1_2_checksums_are_computed_anew_behind_a_NAT),
              UNIT_TEST(without_UDP_no_checksum_is_touched), UNIT_TEST(short_upper_layers_get_no_checksum),
              UNIT_TEST(RFC_4301_5_2_selectors_are_held_against_the_whole_packet),
              UNIT_TEST(RFC_4301_5_2_a_source_that_was_written_on_the_way_is_dropped),
              UNIT_TEST(dummies_and_bad_padding_are_dropped),
              UNIT_TEST(a_header_chain_that_does_not_end_at_ESP_is_refused), UNIT_TEST(inner_MTU_is_exact),
              UNIT_TEST(RFC_8200_8_1_UDP_over_IPv6_has_a_right_checksum),
              UNIT_TEST(only_the_port_of_the_peer_may_change),
              UNIT_TEST(without_room_in_the_mbuf_nothing_is_sent))
