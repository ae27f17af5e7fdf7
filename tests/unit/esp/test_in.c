/* What decapsulation refuses, and with which reason. */
#include "tests/unit/esp/esp_fix.h"
#include "tests/vectors/esp_vectors.h"

#include <stdio.h>

static uint8_t *octets(struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod(m, uint8_t *);
}

static uint32_t crafted_seq; /* last number that `crafted` used */

/* A packet as a peer sends it, with anything inside: NULL encryption, the ICV by the engine. */
static struct rte_mbuf *crafted_data(struct fix *f, const void *data, unsigned len)
{
    static const uint8_t outer[28] = {0x45,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      64,
                                      50,
                                      0,
                                      0,
                                      192,
                                      0,
                                      2,
                                      1,
                                      192,
                                      0,
                                      2,
                                      2,
                                      FIX_SPI >> 24,
                                      (FIX_SPI >> 16) & 255,
                                      (FIX_SPI >> 8) & 255,
                                      FIX_SPI & 255};
    struct cv_sa sa = fix_sa(FIX_NULL_SHA1, IP_V4, 0);
    struct eng_session *s;
    struct eng_session_info info;
    const struct eng_ops *e = fix_engine();
    CU_ASSERT_EQUAL_FATAL(e->session_new(&sa, -1, &s, &info), CV_OK);
    struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(sizeof outer + len + info.icv_len));
    memcpy(p, outer, sizeof outer);
    crafted_seq++;
    p[26] = (uint8_t)(crafted_seq >> 8);
    p[27] = (uint8_t)crafted_seq;
    memcpy(p + 28, data, len);
    struct eng_op op = {.esp = p + 20, .data_len = len};
    info.burst(f->w.engine, s, &op, 1);
    CU_ASSERT_FATAL(op.ok);
    e->session_free(s);
    return m;
}

/* The trailer says pad_len whether body holds that much padding or not. */
static struct rte_mbuf *crafted_trailer(struct fix *f, const void *body, unsigned len, uint8_t pad_len,
                                        uint8_t next)
{
    uint8_t data[512];
    memcpy(data, body, len);
    data[len] = pad_len;
    data[len + 1] = next;
    return crafted_data(f, data, len + 2);
}

/* With honest padding: pad, or 1, 2, 3, ... when that is NULL. */
static struct rte_mbuf *crafted(struct fix *f, const void *payload, unsigned len, const uint8_t *pad,
                                uint8_t pad_len, uint8_t next)
{
    uint8_t body[512];
    memcpy(body, payload, len);
    for (unsigned i = 0; i < pad_len; i++)
        body[len + i] = pad ? pad[i] : (uint8_t)(i + 1);
    return crafted_trailer(f, body, len + pad_len, pad_len, next);
}

static void open_null(struct fix *f)
{
    struct cv_sa sa = fix_sa(FIX_NULL_SHA1, IP_V4, 0);
    fix_open(f, &sa);
}

static void expect(struct fix *f, struct rte_mbuf *m, enum cv_drop want)
{
    enum cv_drop got = fix_in(f, m);
    if (got != want)
        printf("got %s, not %s\n", cv_drop_name(got), cv_drop_name(want));
    CU_ASSERT_EQUAL(got, want);
    rte_pktmbuf_free(m);
}

static void every_octet_of_the_ESP_packet_is_authenticated(void)
{
    static const uint32_t flags[] = {0, CV_SA_ESN, CV_SA_NATT};
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned k = 0; k < 3; k++) {
            struct cv_sa sa = fix_sa(t, IP_V4, flags[k]);
            struct fix f;
            fix_open(&f, &sa);
            struct rte_mbuf *m = fix_inner(&f, IP_V4, 61, 0);
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            unsigned esp = flags[k] & CV_SA_NATT ? 28 : 20, n = 0;
            for (unsigned at = esp; at < m->data_len; at++) {
                struct rte_mbuf *c = fix_copy(&f, m);
                octets(c)[at] ^= 0x20;
                expect(&f, c, CV_DROP_ESP_AUTH);
                n++;
            }
            CU_ASSERT_EQUAL(f.in_counters.auth_failed, n);
            CU_ASSERT_EQUAL(f.in_counters.packets, 0);
            CU_ASSERT_EQUAL(f.event_count, 0);
            CU_ASSERT_EQUAL(f.in_counters.highest_seq, 0); /* a forged number does not move the window */
            expect(&f, m, CV_DROP_NONE);
            fix_close(&f);
        }
}

static void truncated_packets_are_too_short_or_not_authentic(void)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++) {
        struct cv_sa sa = fix_sa(t, IP_V4, 0);
        struct fix f;
        fix_open(&f, &sa);
        struct rte_mbuf *m = fix_inner(&f, IP_V4, 50, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        const unsigned block = fix_transforms[t].encr == CV_ENCR_AES_CBC ? 16
                               : fix_transforms[t].encr == CV_ENCR_3DES  ? 8
                                                                         : 4;
        const unsigned full = m->data_len;
        for (unsigned len = 20; len < full; len++) {
            struct rte_mbuf *c = fix_copy(&f, m);
            rte_pktmbuf_trim(c, (uint16_t)(full - len));
            enum cv_drop d = fix_in(&f, c);
            CU_ASSERT(d == CV_DROP_ESP_SHORT || ((full - len) % block == 0 && d == CV_DROP_ESP_AUTH));
            rte_pktmbuf_free(c);
        }
        expect(&f, m, CV_DROP_NONE);
        fix_close(&f);
    }
}

static void the_destination_must_be_the_SAs(void)
{
    struct cv_sa plain = fix_sa(FIX_GCM, IP_V4, 0), six = fix_sa(FIX_GCM, IP_V6, 0);
    struct fix f, h;
    fix_open(&f, &plain);
    fix_open(&h, &six);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    struct rte_mbuf *c = fix_copy(&f, m);
    octets(c)[19] ^= 1;
    expect(&f, c, CV_DROP_WRONG_PEER);
    c = fix_copy(&f, m);
    octets(c)[15] ^= 1; /* the source may be any (RFC 4301 4.1) */
    expect(&f, c, CV_DROP_NONE);
    expect(&h, m, CV_DROP_WRONG_PEER);
    m = fix_inner(&h, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&h, m), CV_DROP_NONE);
    octets(m)[39] ^= 1;
    expect(&h, m, CV_DROP_WRONG_PEER);
    CU_ASSERT_EQUAL(f.in_counters.other_drops, 1);
    fix_close(&f);
    fix_close(&h);
}

/* What the one end sends, the other takes, whether the SA has NAT traversal or not; plain packets say nothing about
 * a NAT, and an SA without NAT traversal is not asked. */
static void RFC_7296_2_23_both_encapsulations_are_taken_on_any_SA(void)
{
    for (int outer = IP_V4; outer <= IP_V6; outer += 2)
        for (uint32_t from = 0; from < 2; from++) {
            struct cv_sa out = fix_sa(FIX_GCM, outer, from ? CV_SA_NATT : 0),
                         other = fix_sa(FIX_GCM, outer, from ? 0 : CV_SA_NATT), in = fix_reverse(&other);
            struct fix f;
            in.remote.addr.b[0] ^= 1; /* not where the packets come from */
            fix_open2(&f, &out, &in);
            struct rte_mbuf *m = fix_inner(&f, IP_V4, 61, 0);
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
            CU_ASSERT_EQUAL(m->data_len, 61);
            CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 0);
            rte_pktmbuf_free(m);
            /* and cut short, the UDP header counts */
            m = fix_inner(&f, IP_V4, 61, 0);
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            rte_pktmbuf_trim(
                m, (uint16_t)(m->data_len - ((outer == IP_V4 ? 20 : 40) + (from ? 8 : 0) + 8 + 8 + 16)));
            expect(&f, m, CV_DROP_ESP_SHORT);
            fix_close(&f);
        }
}

static void chained_mbufs_are_refused_both_ways(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(rte_pktmbuf_chain(m, fix_inner(&f, IP_V4, 60, 0)), 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NO_ROOM);
    expect(&f, m, CV_DROP_NO_MBUF);
    fix_close(&f);
}

static const uint8_t v4_head[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};

static void RFC_4303_2_4_padding_is_checked(void)
{
    struct fix f;
    open_null(&f);
    static const uint8_t good[] = {1, 2, 3, 4, 5, 6}, bad[] = {1, 2, 3, 4, 5, 7}, zero[6];
    expect(&f, crafted(&f, v4_head, 20, good, 6, 4), CV_DROP_NONE);
    expect(&f, crafted(&f, v4_head, 20, bad, 6, 4), CV_DROP_ESP_PAD);
    expect(&f, crafted(&f, v4_head, 20, zero, 6, 4), CV_DROP_ESP_PAD);
    expect(&f, crafted(&f, v4_head, 20, NULL, 254, 4), CV_DROP_NONE); /* up to 255 octets are allowed */
    expect(&f, crafted(&f, v4_head, 20, good, 2, 4), CV_DROP_NONE);
    for (unsigned n = 2; n < 255; n += 4) /* every octet counts, in padding of every length */
        for (unsigned at = 0; at < n; at++) {
            uint8_t pad[255];
            for (unsigned i = 0; i < n; i++)
                pad[i] = (uint8_t)(i + 1);
            pad[at] ^= 0x40;
            expect(&f, crafted(&f, v4_head, 20, pad, (uint8_t)n, 4), CV_DROP_ESP_PAD);
        }
    fix_close(&f);
}

/* The body plays the padding, and holds all of it only while the pad length is no greater. */
static void a_pad_length_over_the_packet_is_refused(void)
{
    struct fix f;
    open_null(&f);
    for (unsigned pad = 0; pad < 256; pad++) {
        uint8_t body[30];
        for (unsigned i = 0; i < sizeof body; i++)
            body[i] = (uint8_t)(i + pad - sizeof body + 1); /* right for pad, where it fits */
        struct rte_mbuf *m = crafted_trailer(&f, body, sizeof body, (uint8_t)pad, 59);
        expect(&f, m, pad <= sizeof body ? CV_DROP_DUMMY : CV_DROP_ESP_PAD);
    }
    /* padding that would begin in the sequence number, whose last octet fits */
    for (unsigned len = 2; len < 100; len += 4) {
        uint8_t body[100];
        for (unsigned i = 0; i < len; i++)
            body[i] = (uint8_t)(i + 2);
        crafted_seq |= 0xff;
        crafted_seq++; /* and now one more: ends in 01 */
        expect(&f, crafted_trailer(&f, body, len, (uint8_t)(len + 1), 59), CV_DROP_ESP_PAD);
    }
    expect(&f, crafted_data(&f, "", 0), CV_DROP_ESP_SHORT); /* authentic, but without a trailer */
    fix_close(&f);
}

static void RFC_4303_2_6_next_header(void)
{
    struct fix f;
    open_null(&f);
    expect(&f, crafted(&f, v4_head, 20, NULL, 2, 59), CV_DROP_DUMMY);
    expect(&f, crafted(&f, "any octets", 10, NULL, 0, 59), CV_DROP_DUMMY);
    CU_ASSERT_EQUAL(f.in_counters.other_drops, 0);
    CU_ASSERT_EQUAL(f.in_counters.packets, 0);
    CU_ASSERT_EQUAL(f.in_counters.last_tsc, 12345); /* the peer lives */
    expect(&f, crafted(&f, v4_head, 20, NULL, 2, 17), CV_DROP_ESP_PAD);
    expect(&f, crafted(&f, v4_head, 20, NULL, 2, 0), CV_DROP_ESP_PAD);
    expect(&f, crafted(&f, v4_head, 20, NULL, 2, 41), CV_DROP_ESP_INNER);
    fix_close(&f);
}

static void the_inner_packet_must_be_whole(void)
{
    struct fix f;
    open_null(&f);
    uint8_t p[64];
    memset(p, 0, sizeof p);
    memcpy(p, v4_head, 20);
    p[0] = 0x65;
    expect(&f, crafted(&f, p, 20, NULL, 2, 4), CV_DROP_ESP_INNER); /* version */
    p[0] = 0x44;
    expect(&f, crafted(&f, p, 20, NULL, 2, 4), CV_DROP_ESP_INNER); /* header length under 20 */
    p[0] = 0x46;
    expect(&f, crafted(&f, p, 20, NULL, 2, 4), CV_DROP_ESP_INNER); /* over the total length */
    p[0] = 0x45;
    p[3] = 21;
    expect(&f, crafted(&f, p, 20, NULL, 2, 4), CV_DROP_ESP_INNER); /* total length over what came */
    p[3] = 19;
    expect(&f, crafted(&f, p, 20, NULL, 2, 4), CV_DROP_ESP_INNER);
    expect(&f, crafted(&f, p, 18, NULL, 0, 4), CV_DROP_ESP_INNER);
    memset(p, 0, sizeof p);
    p[0] = 0x60;
    p[5] = 1;
    expect(&f, crafted(&f, p, 40, NULL, 2, 41), CV_DROP_ESP_INNER);
    p[5] = 0;
    expect(&f, crafted(&f, p, 38, NULL, 0, 41), CV_DROP_ESP_INNER);
    p[0] = 0x40;
    expect(&f, crafted(&f, p, 40, NULL, 2, 41), CV_DROP_ESP_INNER);
    p[0] = 0x60;
    expect(&f, crafted(&f, p, 40, NULL, 2, 41), CV_DROP_NONE);
    CU_ASSERT_EQUAL(f.in_counters.other_drops, 9);
    fix_close(&f);
}

static void RFC_4303_2_7_padding_for_traffic_flow_confidentiality_is_cut_off(void)
{
    struct fix f;
    open_null(&f);
    uint8_t p[100] = {0};
    memcpy(p, v4_head, 20);
    struct rte_mbuf *m = crafted(&f, p, sizeof p, NULL, 2, 4);
    CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(m->data_len, 20);
    CU_ASSERT_EQUAL(f.in_counters.bytes, 20);
    rte_pktmbuf_free(m);
    fix_close(&f);
}

static void replays_are_dropped_also_within_one_burst(void)
{
    static const uint32_t flags[] = {0, CV_SA_ESN};
    for (unsigned k = 0; k < 2; k++) {
        struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, flags[k]);
        struct fix f;
        fix_open(&f, &sa);
        struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        struct rte_mbuf *pkts[3] = {m, fix_copy(&f, m), fix_copy(&f, m)}, *later = fix_copy(&f, m);
        struct esp_in_sa *sas[3] = {f.in, f.in, f.in};
        for (unsigned i = 0; i < 3; i++)
            fix_classify(pkts[i]);
        CU_ASSERT_EQUAL(esp_in_burst(&f.w, pkts, sas, 3), 1);
        CU_ASSERT_PTR_EQUAL(pkts[0], m);
        CU_ASSERT_EQUAL(dp_meta(pkts[1])->drop, CV_DROP_REPLAY_DUP);
        CU_ASSERT_EQUAL(dp_meta(pkts[2])->drop, CV_DROP_REPLAY_DUP);
        expect(&f, later, CV_DROP_REPLAY_DUP);
        CU_ASSERT_EQUAL(f.in_counters.replayed, 3);
        CU_ASSERT_EQUAL(f.in_counters.packets, 1);
        rte_pktmbuf_free_bulk(pkts, 3);
        fix_close(&f);
    }
}

static void numbers_left_of_the_window_are_old_and_without_replay_protection_all_pass(void)
{
    for (unsigned off = 0; off < 2; off++) {
        struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, off ? CV_SA_NO_REPLAY : 0);
        struct fix f;
        fix_open(&f, &sa);
        struct rte_mbuf *first = fix_inner(&f, IP_V4, 60, 0);
        CU_ASSERT_EQUAL(fix_out(&f, first), CV_DROP_NONE);
        for (unsigned i = 0; i < 64; i++) {
            struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            expect(&f, m, CV_DROP_NONE);
        }
        expect(&f, fix_copy(&f, first), off ? CV_DROP_NONE : CV_DROP_REPLAY_OLD);
        expect(&f, first, off ? CV_DROP_NONE : CV_DROP_REPLAY_OLD);
        CU_ASSERT_EQUAL(f.in_counters.highest_seq, 65);
        fix_close(&f);
    }
}

static void ESN_rolls_over_on_the_wire(void)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++) {
        struct cv_sa sa = fix_sa(t, IP_V4, CV_SA_ESN);
        sa.seq = 0x2fffffff0ull;
        struct fix f;
        fix_open(&f, &sa);
        struct rte_mbuf *late = NULL;
        for (unsigned i = 0; i < 40; i++) {
            struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
            CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
            if (i == 3) {
                late = m; /* sent before the roll-over, arrives after */
                continue;
            }
            expect(&f, m, CV_DROP_NONE);
        }
        CU_ASSERT_EQUAL(f.in_counters.highest_seq, 0x300000018ull);
        struct rte_mbuf *again = fix_copy(&f, late);
        expect(&f, late, CV_DROP_NONE);
        expect(&f, again, CV_DROP_REPLAY_DUP);
        fix_close(&f);
    }
}

/* A peer with the key may send anything: what comes out is whole and lies within what came in. */
static void random_authentic_payloads_are_dropped_or_whole(void)
{
    struct cv_sa out = fix_sa(FIX_NULL_SHA1, IP_V4, 0), in = fix_reverse(&out);
    in.ts_count = 1; /* selectors that make the headers be walked */
    in.ts_local[0] = in.ts_remote[0] = ts_any(IP_V6);
    in.ts_local[0].proto = 17;
    struct fix f;
    fix_open2(&f, &out, &in);
    srand(4303);
    unsigned good = 0, drops[CV_DROP_COUNT] = {0};
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t data[256];
        unsigned len = (unsigned)(rand() % 60 + 2) * 4;
        for (unsigned k = 0; k < len; k++)
            data[k] = (uint8_t)(rand() % 4 ? rand() % 3 * 44 : rand()); /* many zeros, 44s and 88s */
        unsigned pad = (unsigned)rand() % 12, v6 = (unsigned)rand() % 3;
        if (rand() % 8) { /* mostly a right trailer and a header that begins well */
            for (unsigned k = 0; k < pad && k + 2 < len; k++)
                data[len - 3 - k] = (uint8_t)(pad - k);
            data[len - 2] = (uint8_t)pad;
            data[len - 1] = v6 ? 41 : 4;
            data[0] = (uint8_t)(v6 ? 0x60 : 0x45 + rand() % 3);
            data[v6 ? 4 : 2] = 0;
            data[6] = rand() & 1 ? 17 : data[6];
            data[v6 ? 5 : 3] = (uint8_t)((unsigned)rand() % len);
        }
        struct rte_mbuf *m = crafted_data(&f, data, len);
        const uint8_t *from = octets(m) + 28, *to = from + len;
        enum cv_drop d = fix_in(&f, m);
        drops[d]++;
        if (d == CV_DROP_NONE) {
            good++;
            CU_ASSERT(octets(m) == from && octets(m) + m->data_len <= to - 2 && m->pkt_len == m->data_len);
            CU_ASSERT_EQUAL(octets(m)[0] >> 4, 6);
        }
        rte_pktmbuf_free(m);
    }
    CU_ASSERT(good > 100);
    CU_ASSERT(drops[CV_DROP_TS_IN] > 100 && drops[CV_DROP_ESP_INNER] > 100 && drops[CV_DROP_ESP_PAD] > 100);
    CU_ASSERT_EQUAL(drops[CV_DROP_ESP_AUTH] + drops[CV_DROP_REPLAY_OLD] + drops[CV_DROP_REPLAY_DUP], 0);
    fix_close(&f);
}

/* The tunnel packets among the published vectors, through the whole of decapsulation. */
static void RFC_3602_case_8_and_RFC_7634_appendix_A_as_whole_packets(void)
{
    unsigned ran = 0;
    for (size_t i = 0; i < sizeof esp_vectors / sizeof esp_vectors[0]; i++) {
        const struct esp_vector *v = &esp_vectors[i];
        if (strcmp(v->source, "RFC 3602 4 case 7 (ICV added)") &&
            strcmp(v->source, "RFC 3602 4 case 8 (ICV added)") && strcmp(v->source, "RFC 7634 appendix A"))
            continue;
        uint8_t packet[512], text[512];
        unsigned len = 0, text_len = 0, x;
        for (const char *h = v->packet; *h && sscanf(h, "%2x", &x) == 1; h += 2)
            packet[len++] = (uint8_t)x;
        for (const char *h = v->text; *h && sscanf(h, "%2x", &x) == 1; h += 2)
            text[text_len++] = (uint8_t)x;
        struct cv_sa sa = fix_sa(v->integ ? FIX_CBC_SHA1 : FIX_CHACHA, IP_V4, 0);
        unsigned n = 0;
        for (const char *h = v->key; *h && sscanf(h, "%2x", &x) == 1; h += 2)
            sa.encr_key[n++] = (uint8_t)x;
        n = 0;
        for (const char *h = v->salt; *h && sscanf(h, "%2x", &x) == 1; h += 2)
            sa.salt[n++] = (uint8_t)x;
        n = 0;
        for (const char *h = v->integ_key; *h && sscanf(h, "%2x", &x) == 1; h += 2)
            sa.integ_key[n++] = (uint8_t)x;
        sa.ref.spi =
            (uint32_t)packet[0] << 24 | (uint32_t)packet[1] << 16 | (uint32_t)packet[2] << 8 | packet[3];
        struct fix f;
        fix_open(&f, &sa);
        struct rte_mbuf *m = rte_pktmbuf_alloc(f.pool);
        uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(20 + len));
        static const uint8_t outer[20] = {0x45, 0, 0,   0, 0, 0, 0,   0, 64, 50,
                                          0,    0, 192, 0, 2, 1, 192, 0, 2,  2};
        memcpy(p, outer, 20);
        memcpy(p + 20, packet, len);
        CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
        unsigned inner = (unsigned)(text[2] << 8 | text[3]);
        CU_ASSERT_EQUAL(m->data_len, inner);
        CU_ASSERT_EQUAL(memcmp(octets(m), text, inner), 0);
        rte_pktmbuf_free(m);
        fix_close(&f);
        ran++;
    }
    CU_ASSERT_EQUAL(ran, 3);
}

UNIT_MAIN_EAL("esp_in", UNIT_TEST(every_octet_of_the_ESP_packet_is_authenticated),
              UNIT_TEST(truncated_packets_are_too_short_or_not_authentic),
              UNIT_TEST(the_destination_must_be_the_SAs),
              UNIT_TEST(RFC_7296_2_23_both_encapsulations_are_taken_on_any_SA),
              UNIT_TEST(chained_mbufs_are_refused_both_ways), UNIT_TEST(RFC_4303_2_4_padding_is_checked),
              UNIT_TEST(a_pad_length_over_the_packet_is_refused), UNIT_TEST(RFC_4303_2_6_next_header),
              UNIT_TEST(the_inner_packet_must_be_whole),
              UNIT_TEST(RFC_4303_2_7_padding_for_traffic_flow_confidentiality_is_cut_off),
              UNIT_TEST(replays_are_dropped_also_within_one_burst),
              UNIT_TEST(numbers_left_of_the_window_are_old_and_without_replay_protection_all_pass),
              UNIT_TEST(ESN_rolls_over_on_the_wire),
              UNIT_TEST(random_authentic_payloads_are_dropped_or_whole),
              UNIT_TEST(RFC_3602_case_8_and_RFC_7634_appendix_A_as_whole_packets))
