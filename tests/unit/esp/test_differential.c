/* The paths of ESP and AH against a slow reference (esp_reference.h) on seeded random packets: every transform, 1 to 9000 octets, tunnel and
 * transport mode, both families, NAT-T, ESN over roll-over, DF, DSCP and ECN, every layout of segments, corrupted, replayed and
 * old packets, and for AH options, extension headers and what routers change of them; octets, reasons, counters and metadata are compared, and
 * what lies around the packet must stay as it was.
 *
 *   test_esp_differential [ENGINE ...]   words of `crypto-engine`, and vaes-avx2, vaes-avx512; at most one cryptodev
 *   CULVERT_DIFF_PACKETS   packets in all, 100000; 20000 with a sanitizer, or of a device
 *   CULVERT_DIFF_SEED      the run to repeat; else 1 */
#include "tests/unit/esp/ah_reference.h"
#include "tests/unit/esp/esp_compare.h"
#include "tests/unit/esp/esp_draw.h"
#include "tests/unit/esp/esp_fix.h"
#include "tests/unit/esp/esp_reach.h"
#include "tests/unit/esp/esp_reference.h"

#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ESP_LANES = 2 * FIX_TRANSFORMS,
    AH_HASHES = FIX_TRANSFORMS - FIX_NULL_MD5,
    AH_LANES = 4 * AH_HASHES, /* behind those of ESP */
    LANES = ESP_LANES + AH_LANES,
    SEGMENTS_MAX = 200,
};

static struct lane lanes[LANES];
static char *const *engine_words;
/* AH: packets taken, those with options, and those with a flipped bit */
static uint64_t ah_good[2], ah_optioned[2], ah_broken;

/* ---- SAs --------------------------------------------------------------------------------------------------------- */
static uint64_t draw_seq(bool esn)
{
    static const uint64_t far[] = {0, UINT32_MAX - 100, UINT64_C(0x300000000) - 50,
                                   UINT64_C(0x7fffffffff) - 300, UINT64_C(0x100000000) + 20};
    const uint64_t seq = far[below(sizeof far / sizeof far[0])];
    if (esn)
        return seq;
    return one_in(4) ? UINT32_MAX - 20 : one_in(2) ? 0 : below(1u << 31);
}

static void narrow(struct ts *t)
{
    t->lo[0] = t->hi[0] = t->family == IP_V4 ? 10 : 0xfd;
    t->lo[1] = t->hi[1] = 1;
}

static struct cv_sa draw_sa(unsigned transform, enum cv_dir dir, bool ah)
{
    uint32_t flags =
        (one_in(2) ? CV_SA_ESN : 0) | (!ah && one_in(2) ? CV_SA_NATT : 0) | (one_in(4) ? CV_SA_ECN_DROP : 0);
    if (one_in(6))
        flags |= CV_SA_NO_REPLAY;
    struct cv_sa sa = fix_sa(transform, one_in(2) ? IP_V4 : IP_V6, flags);
    sa.proto = ah ? CV_PROTO_AH : CV_PROTO_ESP;
    sa.ref.dir = (uint8_t)dir;
    sa.ref.spi = 256 + below(UINT32_MAX - 256);
    sa.mode = one_in(3) ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
    sa.df = (uint8_t)below(3);
    if (!ah && dir == CV_DIR_OUT && sa.mode == CV_MODE_TUNNEL && one_in(3))
        sa.tfc_len = (uint16_t)(1 + below(one_in(2) ? 1500 : DRAW_INNER_MAX));
    sa.replay_window = CV_REPLAY_WINDOW_MIN << below(11);
    sa.seq = draw_seq(flags & CV_SA_ESN);
    fill(sa.encr_key, sizeof sa.encr_key);
    fill(sa.integ_key, sizeof sa.integ_key);
    fill(sa.salt, sizeof sa.salt);
    if (flags & CV_SA_NATT) {
        sa.local.port = (uint16_t)(1 + below(65535));
        sa.remote.port = (uint16_t)(1 + below(65535));
    }
    if (sa.mode == CV_MODE_TUNNEL && one_in(3))
        for (unsigned i = 0; i < 2; i++)
            narrow(&sa.ts_remote[i]);
    return sa;
}

/* ---- packets as ports deliver them --------------------------------------------------------------------------------- */
/* In one mbuf at any place, or in several that are made one as the worker does (dp_worker.c). Now and then it is left as
 * it must not come; what AH does of room and segments is in test_ah.c. */
static void receive(struct item *it, bool out)
{
    const struct ref_packet *p = &it->given;
    const bool ah = is_ah(it->lane);
    uint32_t low, high;
    if (one_in(3)) {
        const bool leave = !(ah && out) && one_in(50);
        struct rte_mbuf *chain = scattered(p, leave ? 1500 : p->len / SEGMENTS_MAX + 1 + below(300), SEGMENT);
        if (leave && chain->nb_segs > 1) {
            it->m = chain;
            it->refused = true;
            it->moved = false;
        } else {
            receive_chain(it, out, chain);
        }
        return;
    }
    room_of(it, out, &low, &high);
    if (out && !ah && one_in(50)) {
        low = 0;
        high = ONE_ROOM - p->len;
    }
    receive_one(it, out, in_one(p, low + below(high - low + 1)));
}

/* Runs of one SA, and SAs that change with every packet. */
static struct lane *draw_lane(unsigned i, unsigned first, unsigned count)
{
    return i > 0 && one_in(2) ? items[i - 1].lane : &lanes[first + below(count)];
}

/* ---- out ----------------------------------------------------------------------------------------------------------- */
static void draw_out(struct item *it, unsigned i)
{
    it->lane = draw_lane(i, 0, LANES);
    draw_inner(&it->lane->out.conf, &it->given);
    receive(it, true);
    memset(dp_meta(it->m), 0, sizeof(struct dp_meta));
}

/* The packet was taken. */
static void note_ah(const struct item *it, bool in)
{
    const uint32_t l3 = in ? it->l3 : dp_meta(it->m)->l3_len,
                   fixed = (in ? &it->lane->in : &it->lane->out)->conf.local.addr.family == IP_V4 ? 20 : 40;
    if (!is_ah(it->lane))
        return;
    ah_good[in]++;
    ah_optioned[in] += l3 > fixed;
}

static void note_out(const struct item *it)
{
    note_ah(it, 0);
    reach_note(REACH_OUT, it->lane->transform, &it->lane->out.conf, it->given.len,
               padded(it) > it->given.len);
}

static void round_out(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        draw_out(&items[i], i);
    burst(n, true, false);
    for (unsigned i = 0; i < n; i++) {
        if (same_out(&items[i]))
            note_out(&items[i]);
        rte_pktmbuf_free(items[i].m);
    }
}

/* ---- in ------------------------------------------------------------------------------------------------------------- */
/* In order, most of the time; a jump, a late one, one again, one too late, and zero. */
static uint64_t draw_number(struct lane *l)
{
    const struct cv_sa *sa = &l->in.conf;
    const uint64_t last = sa->flags & CV_SA_ESN ? UINT64_MAX : UINT32_MAX, window = sa->replay_window;
    uint64_t seq = l->sender < last ? l->sender + 1 : l->sender;
    switch (below(16)) {
    case 0:
        seq += below(64);
        break;
    case 1:
        seq += below((uint32_t)window * 2);
        break;
    case 2:
    case 3:
        seq -= RTE_MIN(seq, (uint64_t)below(64));
        break;
    case 4:
        seq -= RTE_MIN(seq, (uint64_t)below((uint32_t)window + 8));
        break;
    case 5:
        seq -= RTE_MIN(seq, (uint64_t)below((uint32_t)window * 4));
        break;
    default:
        break;
    }
    seq = RTE_MIN(seq, last);
    l->sender = RTE_MAX(seq, l->sender);
    return seq;
}

/* A number for the peer's next packet; with ESN now and then one of another high half. */
static uint64_t draw_sealed(struct lane *l)
{
    const uint64_t seq = draw_number(l);
    return one_in(40) && (l->in.conf.flags & CV_SA_ESN) ? seq ^ UINT64_C(1) << (32 + below(2)) : seq;
}

static void draw_esp(struct item *it)
{
    static uint8_t data[REF_PACKET_MAX];
    const struct cv_sa *sa = &it->lane->in.conf;
    struct ref_packet *p = &it->given;
    uint8_t next, iv[IV_MAX];
    it->udp = one_in(8) ? one_in(2) : (sa->flags & CV_SA_NATT) != 0;
    it->l3 = draw_outer(sa, p->b, it->udp);
    const uint32_t esp = it->l3 + (it->udp ? 8 : 0);
    const uint32_t len = draw_payload(sa, data, &next), data_len = draw_trailer(sa, data, len, next);
    const uint64_t seq = draw_sealed(it->lane);
    fill(iv, sizeof iv);
    p->len = esp + ref_seal(sa, seq, iv, data, data_len, p->b + esp);
    draw_damage(p, esp);
}

static void flip(struct ref_packet *p, uint32_t from, uint32_t to)
{
    p->b[from + below(to - from)] ^= (uint8_t)(1u << below(8));
}

/* Sealed, then changed as routers do; one bit is flipped now and then, in front of AH or in what it protects. */
static void draw_ah(struct item *it)
{
    static uint8_t data[REF_PACKET_MAX];
    const struct cv_sa *sa = &it->lane->in.conf;
    struct ref_packet *p = &it->given;
    uint8_t next;
    const uint32_t len = draw_payload(sa, data, &next),
                   unit = sa->local.addr.family == IP_V4 && !one_in(8) ? 4 : 8;
    it->udp = one_in(60);
    it->l3 = draw_outer(sa, p->b, false);
    (void)ref_ah_seal(sa, draw_sealed(it->lane), next, it->l3, ref_ah_len(sa, unit), (uint8_t)draw(), data,
                      len, p);
    it->l3 = draw_way(p, it->l3);
    it->broken = one_in(8);
    if (it->broken)
        flip(p, it->l3, p->len);
    else if (one_in(8))
        flip(p, 0, it->l3);
    else
        draw_damage(p, it->l3);
}

static void draw_in(struct item *it, unsigned i, bool ah)
{
    it->lane = ah ? draw_lane(i, ESP_LANES, AH_LANES) : draw_lane(i, 0, ESP_LANES);
    it->broken = false;
    (ah ? draw_ah : draw_esp)(it);
    receive(it, false);
    classified(it);
}

static void note_in(const struct item *it, bool taken)
{
    ah_broken += it->broken;
    if (it->broken && it->result == CV_DROP_NONE)
        differ(it, "in: taken with one flipped bit", CV_DROP_AH_AUTH, it->result);
    if (!taken)
        return;
    note_ah(it, 1);
    reach_note(REACH_IN, it->lane->transform, &it->lane->in.conf, it->got.len, false);
}

static void round_in(unsigned n, bool ah)
{
    for (unsigned i = 0; i < n; i++)
        draw_in(&items[i], i, ah);
    burst(n, false, ah);
    for (unsigned i = 0; i < n; i++) {
        if (i % ESP_CHUNK == 0)
            for (unsigned k = 0; k < LANES; k++)
                ref_in_chunk(&lanes[k].in);
        note_in(&items[i], same_in(&items[i]));
        rte_pktmbuf_free(items[i].m);
    }
}

/* ---- the run -------------------------------------------------------------------------------------------------------- */
static void lane_draw(struct lane *l, unsigned transform, bool ah)
{
    const struct cv_sa out = draw_sa(transform, CV_DIR_OUT, ah), in = draw_sa(transform, CV_DIR_IN, ah);
    lane_open(l, fix_transforms[transform].name, &out, &in);
}

static void generation(uint64_t packets)
{
    const unsigned most = compare_burst_max();
    for (unsigned i = 0; i < LANES; i++)
        if (i < ESP_LANES)
            lane_draw(&lanes[i], i % FIX_TRANSFORMS, false);
        else
            lane_draw(&lanes[i], FIX_NULL_MD5 + i % AH_HASHES, true);
    for (uint64_t n, left = packets; left > 0 && compare.told < DIFFERENCES_MAX; left -= n) {
        n = RTE_MIN(left, (uint64_t)(one_in(4) ? 1 + below(8) : 1 + below(most)));
        if (one_in(2))
            round_out((unsigned)n);
        else
            round_in((unsigned)n, one_in(3));
        compare.done += n;
    }
    for (unsigned i = 0; i < LANES; i++)
        lane_close(&lanes[i]);
}

static void the_path_equals_the_reference(void)
{
    static char *const usual[] = {"ipsec-mb", "vaes-avx2", "vaes-avx512", "auto", NULL};
    char *const *words = engine_words[0] ? engine_words : usual;
    const uint64_t packets =
        compare_setting("CULVERT_DIFF_PACKETS", words == usual && !UNIT_SANITIZED ? 100000 : 20000);
    unsigned count = 0, usable = 0;
    compare.seed = compare_setting("CULVERT_DIFF_SEED", 1);
    draw_seed(compare.seed);
    while (words[count])
        count++;
    for (unsigned i = 0; i < count; i++) {
        if (!compare_open(words[i]))
            continue;
        usable++;
        const uint64_t until = compare.done + packets / count + (i < packets % count);
        while (compare.done < until && compare.told < DIFFERENCES_MAX)
            generation(RTE_MIN((uint64_t)LANE_PACKETS, until - compare.done));
        compare_close();
    }
    CU_ASSERT(usable > 0);
    CU_ASSERT_EQUAL(compare.told, 0);
    CU_ASSERT_EQUAL(compare.done, usable == count ? packets : compare.done);
    if (!strncmp(words[0], "cryptodev ", 10))
        CU_ASSERT(compare.taken_all >
                  compare.done / 20); /* else the device did nothing, and software was tested once more */
    printf("\n  %llu packets, seed %llu, %llu from several segments, %llu through a device;\n"
           "  AH: %llu protected, %llu of them with options, %llu taken, %llu with options, %llu with a "
           "flipped bit\n",
           (unsigned long long)compare.done, (unsigned long long)compare.seed,
           (unsigned long long)compare.joined, (unsigned long long)compare.taken_all,
           (unsigned long long)ah_good[0], (unsigned long long)ah_optioned[0], (unsigned long long)ah_good[1],
           (unsigned long long)ah_optioned[1], (unsigned long long)ah_broken);
    for (unsigned r = 0; r < CV_DROP_COUNT; r++)
        if (compare.outcomes[0][r] || compare.outcomes[1][r])
            printf("  %-16s out %8llu  in %8llu\n", cv_drop_name(r),
                   (unsigned long long)compare.outcomes[0][r], (unsigned long long)compare.outcomes[1][r]);
}

/* A draw that no longer reaches something would test less and not say so. */
static void every_outcome_was_there(void)
{
    static const uint8_t out[] = {CV_DROP_NONE,   CV_DROP_MALFORMED_IP, CV_DROP_FRAGMENT,
                                  CV_DROP_TS_OUT, CV_DROP_NO_ROOM,      CV_DROP_SEQ_EXHAUSTED};
    static const uint8_t in[] = {
        CV_DROP_NONE,    CV_DROP_WRONG_PEER, CV_DROP_ESP_SHORT,  CV_DROP_ESP_AUTH,
        CV_DROP_ESP_PAD, CV_DROP_ESP_INNER,  CV_DROP_REPLAY_OLD, CV_DROP_REPLAY_DUP,
        CV_DROP_TS_IN,   CV_DROP_ECN,        CV_DROP_DUMMY,      CV_DROP_NO_MBUF,
        CV_DROP_AH_AUTH, CV_DROP_AH_HEADER,  CV_DROP_AH_INNER,   CV_DROP_MALFORMED_IP};
    if (compare.done < 5000) /* too few to tell */
        return;
    for (unsigned i = 0; i < sizeof out; i++)
        CU_ASSERT(compare.outcomes[0][out[i]] > 0);
    for (unsigned i = 0; i < sizeof in; i++)
        CU_ASSERT(compare.outcomes[1][in[i]] > 0);
    CU_ASSERT(compare.outcomes[0][CV_DROP_NONE] > compare.done / 4);
    CU_ASSERT(compare.outcomes[1][CV_DROP_NONE] > compare.done / 8);
    CU_ASSERT(ah_optioned[0] > compare.done / 200 && ah_optioned[1] > compare.done / 200);
    CU_ASSERT(compare.joined > compare.done / 10);
    if (compare.done >= REACH_FROM)
        reach_check();
    CU_ASSERT(ah_good[0] > compare.done / 20 && ah_good[1] > compare.done / 50 &&
              ah_broken > compare.done / 100);
}

/* Half of the bits change from one IV to the next: 3 in 1000 off is beyond six sigma for the fewest pairs that are judged. */
static void RFC_3602_3_IVs_of_CBC_cannot_be_foreseen(void)
{
    if (compare.iv_pairs < 5000)
        return;
    const double share = (double)compare.iv_bits_differ / (double)compare.iv_bits;
    printf("\n  %llu pairs of IVs: %.5f of the bits differ", (unsigned long long)compare.iv_pairs, share);
    CU_ASSERT(share > 0.497 && share < 0.503);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {UNIT_TEST(the_path_equals_the_reference),
                                             UNIT_TEST(every_outcome_was_there),
                                             UNIT_TEST(RFC_3602_3_IVs_of_CBC_cannot_be_foreseen)};
    engine_words = argv + (argc > 0);
    if (eal_start() < 0 || !compare_start())
        return 1;
    int status = unit_run("esp_differential", tests, sizeof tests / sizeof tests[0]);
    rte_eal_cleanup();
    return status;
}
