/* What is done with four packets of a run at once (dp_alike.h, esp_run_wide.h) is what is done with each by itself: seeded packets of one way, one octet of some of them
 * another, of the frame or of the mbuf's first line, are compared, built, checked and accepted both ways. */
#include "dataplane/dp_alike.h"
#include "dataplane/engine/eng_isa.h"
#include "dataplane/esp/esp_run_wide.h"
#include "dataplane/ip/ip_csum.h"

#include <CUnit/Basic.h>

enum { PACKETS = 64, OFF = RTE_PKTMBUF_HEADROOM, ROOM = 2048, TRIES = 40000, FRONT = 64 };

struct packet {
    struct rte_mbuf m;
    uint8_t b[ROOM];
};
static struct packet packet[PACKETS], before[PACKETS];
static struct rte_mbuf *pkts[PACKETS];
static uint64_t seed = 0x5eed;

static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void checksum(uint8_t *ip)
{
    put16(ip + 10, 0);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, DP_WAY_V4, 0));
    memcpy(ip + 10, &sum, sizeof sum);
}

/* Some have identifications that make the checksum one whose carry comes round when the TTL goes down (ip_ttl_lowered), or one beside it. */
static void header(uint8_t *ip, uint8_t proto, uint32_t total)
{
    static const uint8_t h[DP_WAY_V4] = {0x45, 0, 0,  0,  0, 0, 0x40, 0,   64, 0,
                                         0,    0, 10, 20, 1, 1, 192,  168, 1,  77};
    memcpy(ip, h, sizeof h);
    ip[9] = proto;
    put16(ip + 2, total);
    put16(ip + 4, rnd(65536));
    checksum(ip);
    if (rnd(4) == 0) {
        static const uint16_t sums[] = {0xfeff, 0xfefe, 0xff00, 0x00ff};
        const uint32_t sum = (uint32_t)(ip[10] << 8 | ip[11]), id = (uint32_t)(ip[4] << 8 | ip[5]);
        put16(ip + 4, (id + sum + 0xffff - sums[rnd(RTE_DIM(sums))]) % 0xffff);
        checksum(ip);
    }
}

static void mbuf(struct packet *p, uint32_t len)
{
    memset(p, 0, sizeof *p);
    p->m.buf_addr = p->b;
    p->m.buf_len = ROOM;
    p->m.data_off = OFF;
    p->m.nb_segs = 1;
    p->m.port = 1;
    p->m.data_len = (uint16_t)len;
    p->m.pkt_len = len;
    rte_mbuf_refcnt_set(&p->m, 1);
    p->m.ol_flags = rnd(2) ? RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH : 0;
}

/* Frames of one way; numbers grow. */
static void frames_make(enum dp_way_kind kind)
{
    uint32_t number = rnd(1000) + 1;
    for (unsigned i = 0; i < PACKETS; i++) {
        struct packet *p = &packet[i];
        const uint32_t total = DP_WAY_V4 + DP_WAY_UPPER + rnd(200);
        uint8_t *ip = p->b + OFF + RTE_ETHER_HDR_LEN, *upper = ip + DP_WAY_V4;
        mbuf(p, total + RTE_ETHER_HDR_LEN + (rnd(4) ? 0 : rnd(20)));
        p->b[OFF + 5] = 1;
        put16(ip - 2, RTE_ETHER_TYPE_IPV4);
        header(ip, kind == DP_WAY_ESP ? IP_PROTO_ESP : kind == DP_WAY_UDP ? IP_PROTO_UDP : 6, total);
        if (kind == DP_WAY_ESP) {
            const uint32_t word = rte_cpu_to_be_32(number);
            memcpy(upper + 4, &word, sizeof word);
            upper[2] = 7;
            number += 1 + (rnd(4) ? 0 : rnd(100));
        } else if (kind == DP_WAY_UDP) {
            put16(upper + 2, 53);
            put16(upper + 4, total - DP_WAY_V4);
        } else {
            put16(upper + 2, rnd(65536));
        }
        pkts[i] = &p->m;
    }
}

/* Of packet i, an octet that somebody may look at, and none that says where it lies. */
static void frame_change(unsigned i)
{
    struct rte_mbuf *m = &packet[i].m;
    uint8_t *ip = packet[i].b + OFF + RTE_ETHER_HDR_LEN;
    switch (rnd(5)) {
    case 0:
        m->data_len = (uint16_t)(m->data_len - rnd(30));
        break;
    case 1:
        *(rnd(2) ? &m->port : &m->nb_segs) ^= (uint16_t)(1u << rnd(16));
        break;
    case 2:
        m->buf_len ^= (uint16_t)(1u << rnd(16));
        break;
    case 3:
        ip[rnd(DP_WAY_V4)] ^= (uint8_t)(1u << rnd(8));
        if (rnd(2))
            checksum(ip);
        break;
    default:
        packet[i].b[OFF + rnd(FRONT)] ^= (uint8_t)(1u << rnd(8));
    }
}

/* As dp_run.c does it, one by one. */
static unsigned alike_singly(const struct dp_way *way, struct esp_run_pkt *p, enum dp_way_kind kind,
                             uint32_t number, uint64_t *octets)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        if (!dp_front_alike(&way->front, pkts[i], way->front.span, kind, &p[i]) ||
            (kind == DP_WAY_ESP && p[i].word <= number))
            return i;
        number = p[i].word;
        *octets += pkts[i]->data_len;
    }
    return PACKETS;
}

static bool udp_is_longer(unsigned i) /* IP's length than UDP's: common enough for one by one alone */
{
    const uint8_t *ip = packet[i].b + OFF + RTE_ETHER_HDR_LEN;
    return (ip[2] << 8 | ip[3]) - DP_WAY_V4 != (ip[DP_WAY_V4 + 4] << 8 | ip[DP_WAY_V4 + 5]);
}

static void four_packets_are_compared_as_each_is(void)
{
    static const enum dp_way_kind kinds[] = {DP_WAY_PLAIN, DP_WAY_UDP, DP_WAY_ESP};
    unsigned whole = 0, parts = 0;
    for (unsigned t = 0; t < TRIES; t++) {
        const enum dp_way_kind kind = kinds[t % RTE_DIM(kinds)];
        struct esp_run_pkt one[PACKETS], four[PACKETS];
        struct dp_way way = {.changes = UINT64_MAX};
        uint64_t octets = 0, octets_of = 0;
        uint32_t number = 0;
        frames_make(kind);
        CU_ASSERT_TRUE_FATAL(dp_front_of(&way.front, pkts[0]));
        way.front.span = (uint16_t)(rnd(8) ? 300 : rnd(300));
        const unsigned odd = rnd(PACKETS);
        for (unsigned i = rnd(3); i > 0; i--)
            frame_change(i == 1 ? odd : rnd(PACKETS));
        const unsigned k = dp_alike_avx512(&way, pkts, four, PACKETS, kind, number, &octets);
        const unsigned want = alike_singly(&way, one, kind, number, &octets_of);
        if (kind == DP_WAY_UDP && k < want && k + 4 <= want) { /* fewer, for a reason */
            bool longer = false;
            for (unsigned i = k; i < k + 4; i++)
                longer |= udp_is_longer(i);
            CU_ASSERT_TRUE(longer);
        } else {
            CU_ASSERT_EQUAL(k, want & ~3u);
        }
        CU_ASSERT_TRUE(k <= want);
        CU_ASSERT_EQUAL(memcmp(one, four, k * sizeof *one), 0);
        octets_of = 0;
        for (unsigned i = 0; i < k; i++)
            octets_of += pkts[i]->data_len;
        CU_ASSERT_EQUAL(octets, octets_of);
        whole += k == PACKETS;
        parts += k > 0 && k < PACKETS;
    }
    CU_ASSERT_TRUE(whole > TRIES / 10 && parts > TRIES / 10);
}

/* 64 octets are read from a frame's first one on: where the mbuf ends before, none is compared so. */
static void nothing_behind_an_mbuf_is_read(void)
{
    struct esp_run_pkt p[PACKETS];
    struct dp_way way = {.changes = 1};
    uint64_t octets = 0;
    for (unsigned room = FRONT - 1; room <= FRONT; room++) {
        frames_make(DP_WAY_PLAIN);
        for (unsigned i = 0; i < PACKETS; i++)
            packet[i].m.buf_len = (uint16_t)(OFF + room);
        CU_ASSERT_TRUE_FATAL(dp_front_of(&way.front, pkts[0]));
        way.front.span = UINT16_MAX;
        CU_ASSERT_EQUAL(dp_alike_avx512(&way, pkts, p, PACKETS, DP_WAY_PLAIN, 0, &octets),
                        room < FRONT ? 0 : PACKETS);
    }
}

/* ---- into an SA ------------------------------------------------------------------------------------------------- */
static struct esp_out_run out_run_make(void)
{
    struct esp_out_run r = {.data_off = OFF, .middle = (uint64_t)0x11400040 << 32};
    r.t.head = ESP_RUN_WIDE_HEAD;
    r.t.align_mask = 3;
    r.t.icv_len = rnd(2) ? 16 : 12;
    r.t.spi = rnd(UINT32_MAX);
    r.t.sum = 1 + rnd(UINT16_MAX);
    r.t.v4.id = rnd(UINT32_MAX);
    for (unsigned i = 0; i < sizeof r.ether; i++)
        r.ether[i] = (uint8_t)(0xa0 + i);
    for (unsigned i = 0; i < sizeof r.t.v4.ends; i++)
        r.t.v4.ends[i] = (uint8_t)rnd(256);
    return r;
}

/* Numbers also around 2^16 and up to 2^32, behind which the upper half is another. */
static void four_packets_are_built_as_each_is(void)
{
    static struct packet singly[PACKETS];
    static const uint64_t numbers[] = {1, UINT16_MAX - 20, UINT32_MAX - PACKETS, UINT32_MAX - 20,
                                       UINT64_C(7) << 32};
    struct esp_scratch *scratch = calloc(1, sizeof *scratch);
    struct eng_op ops[PACKETS];
    struct esp_worker w = {.scratch = scratch};
    for (unsigned t = 0; t < TRIES / 4; t++) {
        const struct esp_out_run r = out_run_make();
        const uint64_t seq = numbers[rnd(RTE_DIM(numbers))];
        const unsigned n = rnd(PACKETS + 1);
        struct esp_run_pkt p[PACKETS];
        frames_make(DP_WAY_PLAIN);
        for (unsigned i = 0; i < PACKETS; i++)
            p[i] = (struct esp_run_pkt){DP_WAY_V4 + rnd(1400), rnd(UINT32_MAX)};
        memcpy(before, packet, sizeof packet);
        scratch->seq[0] = seq;
        memset(scratch->ops, 0, sizeof ops);
        memset(ops, 0, sizeof ops);
        esp_out_run_build(&w, &r, pkts, p, 0, n & ~3u);
        memcpy(singly, packet, sizeof packet);
        memcpy(packet, before, sizeof packet);
        const unsigned k = esp_out_run_build_wide(&r, pkts, p, ops, n, seq);
        if (k != (n & ~3u)) {
            CU_ASSERT_TRUE(k == 0 && (seq + n) >> 32 != seq >> 32);
            CU_ASSERT_EQUAL(memcmp(packet, before, sizeof packet), 0);
            continue;
        }
        CU_ASSERT_EQUAL(memcmp(packet, singly, sizeof packet), 0);
        CU_ASSERT_EQUAL(memcmp(ops, scratch->ops, sizeof ops), 0);
    }
    free(scratch);
}

/* ---- out of an SA ----------------------------------------------------------------------------------------------- */
enum { HEAD = 16, ECN = 1 };

/* Decrypted packets: behind ESP header and IV an IPv4 packet, something, and padding. */
static void texts_make(struct eng_op *ops, uint32_t ecn)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        struct packet *p = &packet[i];
        const uint32_t total = DP_WAY_V4 + rnd(200), more = rnd(4) ? 0 : rnd(9),
                       pad = rnd(8) ? rnd(4) : rnd(20);
        uint8_t *esp = p->b + OFF + RTE_ETHER_HDR_LEN + DP_WAY_V4, *in = esp + HEAD;
        mbuf(p, 0);
        header(in, IP_PROTO_UDP, total);
        in[1] = (uint8_t)ecn;
        for (unsigned k = 0; k < pad; k++)
            in[total + more + k] = (uint8_t)(k + 1);
        in[total + more + pad] = (uint8_t)pad;
        in[total + more + pad + 1] = 4;
        ops[i] = (struct eng_op){.esp = esp, .data_len = total + more + pad + 2, .ok = true};
        pkts[i] = &p->m;
    }
}

static void text_change(struct eng_op *op)
{
    uint8_t *in = op->esp + HEAD;
    switch (rnd(5)) {
    case 0:
        op->ok = false;
        break;
    case 1:
        in[8] = (uint8_t)rnd(3); /* TTL */
        break;
    case 2:
        put16(in + 2, rnd(300)); /* total length */
        break;
    case 3:
        in[op->data_len - 1 - rnd(5)] ^= (uint8_t)(1u << rnd(8));
        break;
    default:
        in[rnd(DP_WAY_V4)] ^= (uint8_t)(1u << rnd(8));
    }
}

static void four_lengths_are_checked_as_each_is(void)
{
    struct esp_scratch *scratch = calloc(1, sizeof *scratch);
    struct esp_in_sa *sa = calloc(1, sizeof *sa);
    struct esp_worker w = {.scratch = scratch};
    struct eng_op ops[PACKETS];
    unsigned sound = 0;
    frames_make(DP_WAY_ESP);
    for (unsigned t = 0; t < TRIES; t++) {
        struct esp_in_run r = {.sa = sa, .outer = DP_WAY_V4, .fixed = DP_WAY_V4 + HEAD + 16};
        const unsigned n = 1 + rnd(PACKETS), odd = rnd(2 * PACKETS);
        struct esp_run_pkt p[PACKETS];
        sa->align_mask = 3;
        for (unsigned i = 0; i < PACKETS; i++)
            p[i] = (struct esp_run_pkt){r.fixed + 4 + 4 * rnd(300), i + 1};
        if (odd < n)
            p[odd].len = r.fixed - 8 + rnd(16);
        memset(scratch->ops, 0, sizeof ops);
        const bool is = esp_in_run_check(&w, &r, pkts, p, 0, 0, n);
        memcpy(ops, scratch->ops, sizeof ops);
        memset(scratch->ops, 0, sizeof ops);
        r.wide = true;
        CU_ASSERT_EQUAL(esp_in_run_check(&w, &r, pkts, p, 0, 0, n), is);
        CU_ASSERT_TRUE(!is || memcmp(ops, scratch->ops, sizeof ops) == 0);
        sound += is;
    }
    CU_ASSERT_TRUE(sound > TRIES / 4 && sound < TRIES);
    free(sa);
    free(scratch);
}

static void four_packets_are_accepted_as_each_is(void)
{
    static struct packet singly[PACKETS];
    struct esp_scratch *scratch = calloc(1, sizeof *scratch);
    struct esp_worker w = {.scratch = scratch};
    unsigned parts = 0;
    for (unsigned t = 0; t < TRIES; t++) {
        struct esp_run_pkt one[PACKETS] = {{0, 0}}, four[PACKETS] = {{0, 0}};
        struct esp_in_run r = {.family = IP_V4,
                               .head = HEAD,
                               .ecn = rnd(2) ? ECN : 0,
                               .mtu = rnd(4) ? 1500 : 150,
                               .data_off = OFF + 22};
        uint64_t inner = 0, inner_of = 0;
        for (unsigned i = 0; i < sizeof r.ether; i++)
            r.ether[i] = (uint8_t)(0xa0 + i);
        texts_make(scratch->ops, r.ecn);
        memcpy(&r.ends, scratch->ops[0].esp + HEAD + 12, sizeof r.ends);
        for (unsigned i = rnd(3); i > 0; i--)
            text_change(&scratch->ops[rnd(PACKETS)]);
        memcpy(before, packet, sizeof packet);
        const unsigned want = esp_in_run_accept(&w, &r, pkts, one, 0, PACKETS, &inner_of);
        memcpy(singly, packet, sizeof packet);
        memcpy(packet, before, sizeof packet);
        const unsigned k = esp_in_run_accept_wide(&r, scratch->ops, pkts, four, PACKETS, &inner);
        CU_ASSERT_TRUE(k <= want);
        bool padded = false; /* with more than three octets: one by one alone */
        for (unsigned i = k; i < RTE_MIN(k + 4, (unsigned)PACKETS); i++)
            padded |= scratch->ops[i].esp[HEAD + scratch->ops[i].data_len - 2] > 3;
        CU_ASSERT_TRUE(k == (want & ~3u) || padded);
        CU_ASSERT_EQUAL(memcmp(packet, singly, k * sizeof *packet), 0);
        CU_ASSERT_EQUAL(memcmp(packet + k, before + k, (PACKETS - k) * sizeof *packet), 0);
        CU_ASSERT_EQUAL(memcmp(one, four, k * sizeof *one), 0);
        r.wide = true; /* both together */
        memcpy(packet, before, sizeof packet);
        memset(four, 0, sizeof four);
        inner = 0;
        CU_ASSERT_EQUAL(esp_in_run_accept(&w, &r, pkts, four, 0, PACKETS, &inner), want);
        CU_ASSERT_EQUAL(inner, inner_of);
        CU_ASSERT_EQUAL(memcmp(packet, singly, sizeof packet), 0);
        parts += k > 0;
    }
    CU_ASSERT_TRUE(parts > TRIES / 4);
    free(scratch);
}

int main(void)
{
    if (!eng_isa_wide()) {
        printf("this processor has no AVX-512 with VBMI\n");
        return 77; /* skipped */
    }
    CU_initialize_registry();
    CU_pSuite s = CU_add_suite("alike", NULL, NULL);
    CU_ADD_TEST(s, four_packets_are_compared_as_each_is);
    CU_ADD_TEST(s, nothing_behind_an_mbuf_is_read);
    CU_ADD_TEST(s, four_packets_are_built_as_each_is);
    CU_ADD_TEST(s, four_lengths_are_checked_as_each_is);
    CU_ADD_TEST(s, four_packets_are_accepted_as_each_is);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    const unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
