/* Pieces of two datagrams with one identification, put together to one (RFC 4963): of ESP and AH nothing of them is taken, and nothing is lost
 * by it but the pieces; of UDP, which no SA protects, what the checksum finds. And packets of AH that are cut here: the ICV holds their identification. */
#include "dataplane/esp/esp_front.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_ecn.h"
#include "dataplane/ip/ip_frag.h"
#include "dataplane/ip/ip_reass.h"
#include "dataplane/ip/ip_udp.h"
#include "tests/unit/esp/esp_fix.h"

enum { LEN = 400, HEADER = 20, CUT = 256, ROUND = 65536, ROUND_AH = 65535, HZ = 1000000 };

static struct ip_reass *table;
static uint64_t drops[CV_DROP_COUNT];

static uint8_t *octets(struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod(m, uint8_t *);
}

/* A router's: the first CUT octets behind the header, or the rest. */
static struct rte_mbuf *piece(struct fix *f, struct rte_mbuf *whole, bool rest)
{
    struct rte_mbuf *m = fix_copy(f, whole);
    const uint32_t len = HEADER + (rest ? m->data_len - HEADER - CUT : CUT);
    uint8_t *p = octets(m);
    if (rest)
        memmove(p + HEADER, p + HEADER + CUT, len - HEADER);
    rte_pktmbuf_trim(m, (uint16_t)(m->data_len - len));
    p[2] = (uint8_t)(len >> 8);
    p[3] = (uint8_t)len;
    p[6] = rest ? 0 : 0x20;
    p[7] = rest ? CUT / 8 : 0;
    p[10] = p[11] = 0;
    const uint16_t sum = fix_sum(p, HEADER);
    p[10] = (uint8_t)(sum >> 8);
    p[11] = (uint8_t)sum;
    CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_IP);
    CU_ASSERT_TRUE_FATAL(dp_meta(m)->frag);
    dp_meta(m)->if_in = 1;
    dp_meta(m)->vrf = 0;
    dp_meta(m)->stage = DP_STAGE_IP;
    return m;
}

/* The first piece of one and the rest of the other. */
static struct rte_mbuf *mixture(struct fix *f, struct rte_mbuf *a, struct rte_mbuf *b, bool back)
{
    struct rte_mbuf *first = piece(f, a, false), *rest = piece(f, b, true);
    CU_ASSERT_PTR_NULL(ip_reass_take(table, back ? rest : first, NULL, 1));
    struct rte_mbuf *m = ip_reass_take(table, back ? first : rest, NULL, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    return m;
}

/* ---- protected packets ------------------------------------------------------------------------------------------- */
static enum cv_drop in(struct fix *f, struct rte_mbuf *m, bool ah)
{
    struct rte_mbuf *pkts[1] = {m};
    struct esp_in_sa *sas[1] = {f->in};
    CU_ASSERT_EQUAL(ip_classify_ip(m), ah ? IP_CLASS_AH : IP_CLASS_ESP);
    return (ah ? esp_ah_in_burst : esp_in_burst)(&f->w, pkts, sas, 1) ? CV_DROP_NONE
                                                                      : (enum cv_drop)dp_meta(m)->drop;
}

/* The peer's packet of that number, whose identification goes on as the low bits of it do (RFC 6864 4). */
static struct rte_mbuf *sealed(struct fix *f, struct cv_sa sa, uint64_t number)
{
    struct esp_out_sa *out, *was = f->out;
    sa.seq = number - 1;
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&sa, fix_engine(), -1, f->out_counters, &out), CV_OK);
    struct rte_mbuf *m = fix_inner(f, IP_V4, LEN, 0);
    octets(m)[LEN - 1] = (uint8_t)(number >> 16); /* or AH would find nothing wrong with the rest */
    f->out = out;
    CU_ASSERT_EQUAL_FATAL(fix_out(f, m), CV_DROP_NONE);
    f->out = was;
    esp_out_sa_free(out);
    return m;
}

static void mixtures_are_refused(struct cv_sa sa)
{
    const bool ah = sa.proto == CV_PROTO_AH;
    const enum cv_drop forged = ah ? CV_DROP_AH_AUTH : CV_DROP_ESP_AUTH;
    const uint64_t later = (ah ? ROUND_AH : ROUND) + 9u;
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *old = sealed(&f, sa, 9), *new = sealed(&f, sa, later);
    CU_ASSERT_EQUAL(memcmp(octets(old) + 4, octets(new) + 4, 2), 0);
    for (unsigned i = 0; i < 4; i++) {
        struct rte_mbuf *m = i & 1 ? mixture(&f, new, old, i & 2) : mixture(&f, old, new, i & 2);
        CU_ASSERT_EQUAL(m->data_len, new->data_len);
        CU_ASSERT_EQUAL(in(&f, m, ah), forged);
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(f.in_counters.auth_failed, 4);
    CU_ASSERT_EQUAL(f.in_counters.packets + f.in_counters.replayed + f.in_counters.other_drops, 0);
    CU_ASSERT_EQUAL(f.in_counters.highest_seq, 0);
    CU_ASSERT_EQUAL(in(&f, old, ah),
                    CV_DROP_NONE); /* the window is where it was, and neither number is used */
    struct rte_mbuf *whole = mixture(&f, new, new, false);
    CU_ASSERT_EQUAL(in(&f, whole, ah), CV_DROP_NONE); /* what belongs together is taken */
    CU_ASSERT_EQUAL(f.in_counters.packets, 2);
    CU_ASSERT_EQUAL(f.in_counters.highest_seq, later);
    rte_pktmbuf_free(whole);
    rte_pktmbuf_free(old);
    rte_pktmbuf_free(new);
    fix_close(&f);
}

static void RFC_4963_3_mixtures_of_ESP_are_not_authentic_and_harm_nothing(void)
{
    CU_ASSERT_EQUAL_FATAL(ip_reass_new(rte_pktmbuf_pool_create("wholes", 63, 0, sizeof(struct dp_meta),
                                                               RTE_MBUF_DEFAULT_BUF_SIZE, -1),
                                       HZ, drops, &table),
                          CV_OK);
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        for (unsigned esn = 0; esn < 2; esn++)
            mixtures_are_refused(fix_sa(t, IP_V4, esn ? CV_SA_ESN : 0));
    mixtures_are_refused(fix_sa(FIX_GCM, IP_V4, CV_SA_NATT));
}

static void RFC_4963_3_mixtures_of_AH_are_not_authentic_and_harm_nothing(void)
{
    for (unsigned t = FIX_NULL_MD5; t < FIX_TRANSFORMS; t++) {
        struct cv_sa sa = fix_sa(t, IP_V4, 0);
        sa.proto = CV_PROTO_AH;
        mixtures_are_refused(sa);
    }
}

/* ---- cut here ------------------------------------------------------------------------------------------------------ */
static uint32_t identification(struct rte_mbuf *m)
{
    return esp_get16(octets(m) + 4);
}

/* As a port does it that is too small, and then the peer. */
static enum cv_drop cut_and_taken(struct fix *f, struct rte_mbuf *m)
{
    struct rte_mbuf *pieces[IP_FRAG_MAX], *whole = NULL;
    CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_AH);
    CU_ASSERT_EQUAL_FATAL(dp_meta(m)->local_out, DP_LOCAL_ESP);
    const unsigned n = ip_frag_split(m, LEN / 2, f->pool, pieces);
    CU_ASSERT_TRUE_FATAL(n > 1);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(ip_classify_ip(pieces[i]), IP_CLASS_IP);
        dp_meta(pieces[i])->if_in = 1;
        dp_meta(pieces[i])->vrf = 0;
        dp_meta(pieces[i])->stage = DP_STAGE_IP;
        whole = ip_reass_take(table, pieces[i], NULL, 1);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    const enum cv_drop r = in(f, whole, true);
    rte_pktmbuf_free(whole);
    return r;
}

/* A host's own packet, which comes without an identification. */
static struct rte_mbuf *own(struct fix *f, uint32_t id, uint8_t df)
{
    struct rte_mbuf *m = fix_inner(f, IP_V4, LEN, 0);
    uint8_t *p = octets(m);
    memcpy(p + ESP_V4_ADDRS_AT, (const uint8_t[]){192, 0, 2, 1, 192, 0, 2, 2}, ESP_V4_ADDRS_LEN);
    esp_put16(p + 4, id);
    p[ESP_V4_FRAG_AT] = df;
    p[ESP_V4_FRAG_AT + 1] = 0;
    p[10] = p[11] = 0;
    esp_put16(p + 10, fix_sum(p, HEADER));
    return m;
}

static void RFC_4302_3_3_3_a_packet_that_may_be_cut_has_its_identification_before_its_ICV(void)
{
    struct cv_sa sa = fix_sa(FIX_NULL_SHA1, IP_V4, 0);
    struct fix f;
    sa.proto = CV_PROTO_AH;
    sa.mode = CV_MODE_TRANSPORT;
    fix_open(&f, &sa);
    uint32_t last = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct rte_mbuf *m = own(&f, i < 2 ? 0 : 0x1234, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        CU_ASSERT_TRUE(i < 2 ? identification(m) != 0 && identification(m) != last
                             : identification(m) == 0x1234); /* whose own it was */
        last = identification(m);
        CU_ASSERT_EQUAL(cut_and_taken(&f, m), CV_DROP_NONE);
        rte_pktmbuf_free(m);
    }
    struct rte_mbuf *m = own(&f, 0, ESP_V4_DF); /* which nobody cuts */
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(identification(m), 0);
    CU_ASSERT_EQUAL(in(&f, m, true), CV_DROP_NONE);
    rte_pktmbuf_free(m);
    fix_close(&f);
}

static void RFC_6864_4_3_identifications_of_AH_tunnels_go_round_without_0(void)
{
    struct cv_sa sa = fix_sa(FIX_NULL_SHA1, IP_V4, 0);
    struct fix f;
    sa.proto = CV_PROTO_AH;
    fix_open(&f, &sa);
    uint32_t last = 0, first = 0;
    for (unsigned i = 0; i <= ROUND_AH; i++) {
        struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0);
        CU_ASSERT_EQUAL_FATAL(fix_out(&f, m), CV_DROP_NONE);
        const uint32_t id = identification(m);
        CU_ASSERT_TRUE_FATAL(id != 0 && id != last);
        if (i == 0)
            first = id;
        if (id <= 2 || id >= UINT16_MAX - 1)
            CU_ASSERT_EQUAL(cut_and_taken(&f, m), CV_DROP_NONE);
        last = id;
        rte_pktmbuf_free(m);
    }
    CU_ASSERT_EQUAL(last, first);
    fix_close(&f);
}

/* Of a header without an identification that AH is behind none is made up, whoever made it. */
static void what_is_under_an_ICV_is_cut_as_it_is(void)
{
    struct rte_mbuf *pieces[IP_FRAG_MAX];
    struct fix f;
    const struct cv_sa sa = fix_sa(FIX_NULL_SHA1, IP_V4, 0);
    fix_open(&f, &sa);
    struct rte_mbuf *m = own(&f, 0, 0);
    octets(m)[9] = CV_PROTO_AH;
    dp_meta(m)->family = IP_V4;
    dp_meta(m)->l3_len = HEADER;
    dp_meta(m)->local_out = DP_LOCAL_ESP;
    const unsigned n = ip_frag_split(m, LEN / 2, f.pool, pieces);
    CU_ASSERT_TRUE(n > 1);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(identification(pieces[i]), 0);
        rte_pktmbuf_free(pieces[i]);
    }
    rte_pktmbuf_free(m);
    fix_close(&f);
}

/* ---- congestion ---------------------------------------------------------------------------------------------------- */
/* RFC 6040 4.2 of the whole, whichever of its pieces a router marked (RFC 3168 5.3). */
static void RFC_3168_5_3_a_mark_on_any_piece_of_an_ESP_packet_comes_out_inside(void)
{
    struct fix f;
    const struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    fix_open(&f, &sa);
    for (unsigned marked = 0; marked < 4; marked++) {
        struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 2), *whole = NULL;
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        for (unsigned i = 0; i < 2; i++) {
            struct rte_mbuf *p = piece(&f, m, i);
            if (marked & 1u << i)
                ip_ecn_set(octets(p), IP_V4, IP_ECN_CE);
            whole = ip_reass_take(table, p, NULL, 1);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
        CU_ASSERT_EQUAL(in(&f, whole, false), CV_DROP_NONE);
        CU_ASSERT_EQUAL(octets(whole)[1] & 3, marked ? IP_ECN_CE : IP_ECN_ECT0);
        rte_pktmbuf_free(whole);
        rte_pktmbuf_free(m);
    }
    fix_close(&f);
}

/* ---- what no SA protects ------------------------------------------------------------------------------------------ */
static struct rte_mbuf *datagram(struct fix *f, uint8_t fill)
{
    const struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct ip_endpoint from = sa.remote, to = sa.local;
    uint8_t data[LEN];
    from.port = to.port = 500;
    for (unsigned i = 0; i < LEN; i++)
        data[i] = (uint8_t)(fill + i * i);
    struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
    CU_ASSERT_TRUE_FATAL(m && ip_udp_write(m, &from, &to, 0, data, LEN));
    memset(octets(m) + 4, 7, 2);
    return m;
}

/* IKE comes with a checksum; what that takes for whole, it looks at itself. */
static void RFC_4963_3_mixtures_of_IKE_fail_their_checksum(void)
{
    const struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    const uint8_t *data;
    size_t n;
    fix_open(&f, &sa);
    struct rte_mbuf *old = datagram(&f, 3), *new = datagram(&f, 4);
    for (unsigned i = 0; i < 3; i++) {
        struct rte_mbuf *m = i == 0   ? mixture(&f, old, new, false)
                             : i == 1 ? mixture(&f, new, old, false)
                                      : mixture(&f, new, new, false);
        CU_ASSERT_EQUAL(ip_udp_payload(m, HEADER, &data, &n), i == 2);
        rte_pktmbuf_free(m);
    }
    rte_pktmbuf_free(old);
    rte_pktmbuf_free(new);
    fix_close(&f);
    for (unsigned r = 0; r < CV_DROP_COUNT; r++)
        CU_ASSERT_EQUAL(drops[r], 0);
    ip_reass_free(table);
}

UNIT_MAIN_EAL("esp_pieces", UNIT_TEST(RFC_4963_3_mixtures_of_ESP_are_not_authentic_and_harm_nothing),
              UNIT_TEST(RFC_4963_3_mixtures_of_AH_are_not_authentic_and_harm_nothing),
              UNIT_TEST(RFC_4302_3_3_3_a_packet_that_may_be_cut_has_its_identification_before_its_ICV),
              UNIT_TEST(RFC_6864_4_3_identifications_of_AH_tunnels_go_round_without_0),
              UNIT_TEST(what_is_under_an_ICV_is_cut_as_it_is),
              UNIT_TEST(RFC_3168_5_3_a_mark_on_any_piece_of_an_ESP_packet_comes_out_inside),
              UNIT_TEST(RFC_4963_3_mixtures_of_IKE_fail_their_checksum))
