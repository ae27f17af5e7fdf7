/* Clamping of the MSS in TCP SYNs: what changes, that checksums stay right, and that hostile options are survived. */
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_mss.h"
#include "tests/unit/ip/pkt.h"

enum { SYN = 0x02, ACK = 0x10, RST = 0x04 };

/* A segment of `len` octets of options and 10 of data, its checksum right. ext: octets of IPv6 destination options. */
static struct rte_mbuf *segment(bool v4, unsigned ext, uint8_t flags, const uint8_t *options, unsigned len)
{
    uint8_t p[400] = {0};
    const unsigned header = v4 ? 20 : 40 + ext, tcp = 20 + len, total = header + tcp + 10;
    if (v4) {
        const uint8_t head[20] = {0x45, 0, 0, (uint8_t)total, 0, 1, 0, 0, 64, 6, 0, 0, 10, 1, 0, 1, 10,
                                  2,    0, 2};
        memcpy(p, head, sizeof head);
    } else {
        p[0] = 0x60;
        p[5] = (uint8_t)(total - 40);
        p[6] = ext ? 60 : 6;
        p[8] = p[24] = 0xfd;
        p[23] = 1;
        p[39] = 2;
        if (ext) {
            p[40] = 6;
            p[41] = (uint8_t)(ext / 8 - 1);
        }
    }
    uint8_t *t = p + header;
    t[0] = 0x12;
    t[12] = (uint8_t)(tcp / 4 << 4);
    t[13] = flags;
    memcpy(t + 20, options, len);
    memcpy(t + tcp, "0123456789", 10);
    uint64_t sum =
        v4 ? ip_sum_pseudo(p + 12, p + 16, 4, 6, tcp + 10) : ip_sum_pseudo(p + 8, p + 24, 16, 6, tcp + 10);
    uint16_t c = (uint16_t)~ip_fold(ip_sum(t, tcp + 10, sum));
    memcpy(t + 16, &c, 2);
    return pkt_of(p, total);
}

static bool checksum_good(struct rte_mbuf *m, bool v4, unsigned ext)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    const unsigned header = v4 ? 20 : 40 + ext, len = m->data_len - header;
    uint64_t sum = v4 ? ip_sum_pseudo(p + 12, p + 16, 4, 6, len) : ip_sum_pseudo(p + 8, p + 24, 16, 6, len);
    return ip_fold(ip_sum(p + header, len, sum)) == 0xffff;
}

static unsigned value(struct rte_mbuf *m, unsigned at)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    return (unsigned)p[at] << 8 | p[at + 1];
}

static void a_greater_MSS_is_lowered_and_the_checksum_stays_right(void)
{
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned nops = 0; nops < 4; nops++) /* even and odd places */
            for (unsigned mss = 1; mss < 65536; mss += 97) {
                uint8_t options[8] = {1, 1, 1, 1, 1, 1, 1, 0};
                const bool v4 = kind == 0;
                const unsigned ext = kind == 2 ? 24 : 0, tcp = v4 ? 20 : 40 + ext;
                const uint8_t mss_option[4] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss};
                memcpy(options + nops, mss_option, 4);
                struct rte_mbuf *m = segment(v4, ext, SYN | (mss & 1 ? ACK : 0), options, 8);
                const union ip_mss both = {.v4 = 1360, .v6 = 1300};
                const unsigned most = v4 ? 1360 : 1300;
                CU_ASSERT_EQUAL(ip_mss_clamp_by(m, both), mss > most);
                CU_ASSERT_EQUAL(value(m, tcp + 20 + nops + 2), mss > most ? most : mss);
                CU_ASSERT(checksum_good(m, v4, ext));
                rte_pktmbuf_free(m);
            }
}

static void unchanged(struct rte_mbuf *m)
{
    uint8_t was[400];
    const unsigned n = m->data_len;
    memcpy(was, rte_pktmbuf_mtod(m, const void *), n);
    CU_ASSERT_FALSE(ip_mss_clamp(m, 500));
    CU_ASSERT_EQUAL(m->data_len, n);
    CU_ASSERT_EQUAL(memcmp(was, rte_pktmbuf_mtod(m, const void *), n), 0);
    rte_pktmbuf_free(m);
}

static const uint8_t mss_1460[4] = {2, 4, 1460 >> 8, 1460 & 255};

static void only_SYNs_are_looked_into(void)
{
    for (unsigned flags = 0; flags < 256; flags++)
        if (!(flags & SYN))
            unchanged(segment(true, 0, (uint8_t)flags, mss_1460, 4));
}

static void without_the_option_none_is_added(void)
{
    static const uint8_t others[12] = {1, 3, 3, 7, 4, 2, 8, 5, 1, 1, 0, 2};
    unchanged(segment(true, 0, SYN, others, 12));
    unchanged(segment(false, 0, SYN, others, 0));
}

static void later_fragments_are_never_touched(void)
{
    for (unsigned bit = 0; bit < 13; bit++) {
        struct rte_mbuf *m = segment(true, 0, SYN, mss_1460, 4);
        uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
        p[6] = (uint8_t)((1u << bit) >> 8);
        p[7] = (uint8_t)(1u << bit);
        unchanged(m);
    }
    for (unsigned bit = 3; bit < 16; bit++) {
        struct rte_mbuf *m = segment(false, 8, SYN, mss_1460, 4);
        uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
        p[6] = 44;
        p[42] = (uint8_t)((1u << bit) >> 8);
        p[43] = (uint8_t)(1u << bit);
        unchanged(m);
    }
}

/* Nobody gets round the clamp by sending a SYN in pieces, or in one that is called a piece (RFC 6946). */
static void a_first_fragment_is_clamped(void)
{
    for (unsigned more = 0; more < 2; more++) {
        struct rte_mbuf *m = segment(true, 0, SYN, mss_1460, 4);
        rte_pktmbuf_mtod(m, uint8_t *)[6] = more ? 0x20 : 0;
        CU_ASSERT_TRUE(ip_mss_clamp(m, 1360));
        CU_ASSERT_EQUAL(value(m, 20 + 20 + 2), 1360);
        CU_ASSERT_TRUE(checksum_good(m, true, 0));
        rte_pktmbuf_free(m);
        m = segment(false, 8, SYN, mss_1460, 4);
        uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
        p[6] = 44;
        p[41] = 0xff; /* reserved: no length */
        p[43] = (uint8_t)more;
        CU_ASSERT_TRUE(ip_mss_clamp(m, 1360));
        CU_ASSERT_EQUAL(value(m, 48 + 20 + 2), 1360);
        CU_ASSERT_TRUE(checksum_good(m, false, 8));
        rte_pktmbuf_free(m);
    }
}

static void the_second_of_two_options_is_clamped_too(void)
{
    static const uint8_t two[8] = {2, 4, 0x05, 0xb4, 2, 4, 0x23, 0x28};
    struct rte_mbuf *m = segment(true, 0, SYN, two, 8);
    CU_ASSERT(ip_mss_clamp(m, 1000));
    CU_ASSERT_EQUAL(value(m, 42), 1000);
    CU_ASSERT_EQUAL(value(m, 46), 1000);
    CU_ASSERT(checksum_good(m, true, 0));
    rte_pktmbuf_free(m);
}

static void options_that_do_not_add_up_end_the_walk(void)
{
    static const uint8_t rows[][4] = {{2, 0, 5, 0xb4}, {2, 1, 5, 0xb4},   {2, 3, 5, 0xb4},
                                      {2, 5, 5, 0xb4}, {2, 255, 5, 0xb4}, {8, 200, 2, 4},
                                      {1, 1, 1, 2},    {0, 2, 4, 5},      {1, 1, 2, 4}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        unchanged(segment(true, 0, SYN, rows[i], 4));
}

/* Cut anywhere, with any data offset: nothing outside of the packet is read or written (the sanitizers look). */
static void truncated_segments_are_left_alone(void)
{
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned words = 0; words < 16; words++)
            for (unsigned len = 0; len < 100; len++) {
                struct rte_mbuf *m = segment(kind == 0, 0, SYN, mss_1460, 4);
                const unsigned tcp = kind == 0 ? 20 : 40;
                rte_pktmbuf_mtod(m, uint8_t *)[tcp + 12] = (uint8_t)(words << 4);
                if (len < m->data_len)
                    rte_pktmbuf_trim(m, (uint16_t)(m->data_len - len));
                const bool whole = m->data_len >= tcp + words * 4 && words >= 6 && m->data_len >= tcp + 24;
                CU_ASSERT_EQUAL(ip_mss_clamp(m, 500), whole);
                rte_pktmbuf_free(m);
            }
}

static void header_chains_that_do_not_add_up_are_left_alone(void)
{
    static const uint8_t lens[] = {1, 9, 100, 255};
    for (unsigned i = 0; i < sizeof lens; i++) {
        struct rte_mbuf *m = segment(false, 8, SYN, mss_1460, 4);
        rte_pktmbuf_mtod(m, uint8_t *)[41] = lens[i];
        CU_ASSERT_FALSE(ip_mss_clamp(m, 500));
        rte_pktmbuf_free(m);
    }
    struct rte_mbuf *m = segment(true, 0, SYN, mss_1460, 4);
    rte_pktmbuf_mtod(m, uint8_t *)[0] = 0x44;
    unchanged(m);
    m = segment(true, 0, SYN, mss_1460, 4);
    rte_pktmbuf_mtod(m, uint8_t *)[9] = 17;
    unchanged(m);
}

PKT_MAIN("ip_mss", UNIT_TEST(a_greater_MSS_is_lowered_and_the_checksum_stays_right),
         UNIT_TEST(only_SYNs_are_looked_into), UNIT_TEST(without_the_option_none_is_added),
         UNIT_TEST(later_fragments_are_never_touched), UNIT_TEST(a_first_fragment_is_clamped),
         UNIT_TEST(the_second_of_two_options_is_clamped_too),
         UNIT_TEST(options_that_do_not_add_up_end_the_walk), UNIT_TEST(truncated_segments_are_left_alone),
         UNIT_TEST(header_chains_that_do_not_add_up_are_left_alone))
